/* Line protocol: fields a second, by processor time, of smart meters' lines as Telegraf sends them; beside it a reader
 * of the plain kind, which cuts lines by memchr and reads numbers by strtod, and, as the limit, looking for the line
 * ends alone. */
#include "bench.h"

#include "base/buf.h"
#include "lineproto/lines.h"

#include <string.h>

#define LINES_COUNT 200000u
#define FIELDS_COUNT 4u

struct input {
	struct buf text;
	struct lines lines;
};

static void expect(bool so, const char *what)
{
	if (!so) {
		(void)fprintf(stderr, "bench_lineproto: %s\n", what);
		exit(EXIT_FAILURE);
	}
}

static void run_ours(void *self, uint64_t times)
{
	struct input *input = self;
	struct line line;

	for (; times > 0; times--) {
		uint64_t fields = 0;
		int64_t sum = 0;

		lines_init(&input->lines, LINE_NS, 0);
		lines_feed(&input->lines, buf_str(&input->text), true);
		while (lines_next(&input->lines, &line) == LINES_POINT) {
			fields += line.field_count;
			for (size_t i = 0; i < line.field_count; i++)
				sum += line.fields[i].mantissa;
		}
		expect(fields == (uint64_t)LINES_COUNT * FIELDS_COUNT && sum > 0, "not all fields came");
	}
}

/* One line of the plain reader: the fields that it has. */
static unsigned plain_line(const char *at, const char *line_end, double *sum)
{
	unsigned fields = 0;
	const char *blank = memchr(at, ' ', (size_t)(line_end - at));

	for (at = blank + 1; at < line_end; fields++) {
		const char *equals = memchr(at, '=', (size_t)(line_end - at));
		char *behind;

		*sum += strtod(equals + 1, &behind);
		at = *behind == 'i' ? behind + 1 : behind;
		if (*at++ != ',') {
			fields++;
			break;
		}
	}
	int64_t time = 0;

	expect(str_to_int64((struct str){at, (size_t)(line_end - at)}, &time), "a time");
	*sum += (double)time;
	return fields;
}

static void run_plain(void *self, uint64_t times)
{
	const struct input *input = self;

	for (; times > 0; times--) {
		const char *at = input->text.at, *end = at + input->text.len;
		uint64_t fields = 0;
		double sum = 0;

		while (at < end) {
			const char *line_end = memchr(at, '\n', (size_t)(end - at));

			fields += plain_line(at, line_end, &sum);
			at = line_end + 1;
		}
		expect(fields == (uint64_t)LINES_COUNT * FIELDS_COUNT && sum > 0, "the plain reader lost fields");
	}
}

static void run_limit(void *self, uint64_t times)
{
	const struct input *input = self;

	for (; times > 0; times--) {
		const char *at = input->text.at, *end = at + input->text.len;
		uint64_t lines = 0;

		for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
			lines++;
		expect(lines == LINES_COUNT, "the limit lost lines");
	}
}

int main(void)
{
	static struct input input;
	const struct bench_side sides[] = {
		{"ours", run_ours, &input},
		{"plain reader: memchr, strtod", run_plain, &input},
		{"limit: memchr for line ends", run_limit, &input},
	};
	char what[120];

	buf_init(&input.text, (size_t)64 << 20);
	for (unsigned i = 0; i < LINES_COUNT; i++)
		buf_printf(&input.text,
			   "meter,id=urn:ngsi-ld:Meter:m%04u power=%u.%02u,energy=%u.%03u,voltage=%u.%u,state=%ui "
			   "%lu\n",
			   i % 2000, i * 7 % 3000, i % 100, i / 10, i % 1000, 220 + i % 20, i % 10, i % 3,
			   1700000000000000000ul + i / 2000 * 60000000000ul);
	buf_put_char(&input.text, '\0');
	expect(!input.text.failed, "no memory");
	(void)snprintf(what, sizeof(what), "line protocol, %u lines of %u fields, %.1f MB", LINES_COUNT, FIELDS_COUNT,
		       (double)input.text.len / 1e6);
	input.text.len--;
	bench_sides(what, sides, sizeof(sides) / sizeof(sides[0]), BENCH_ROUNDS, LINES_COUNT * FIELDS_COUNT / 1e6,
		    "M fields/s");
	buf_done(&input.text);
	return EXIT_SUCCESS;
}
