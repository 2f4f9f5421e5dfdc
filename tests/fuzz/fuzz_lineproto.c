/* Line protocol: whatever comes, each line is handed out once, in order and within its bounds, and the same however the
 * text is cut; what a key is taken apart into makes a URN of harmless characters. */
#include "lineproto/lines.h"
#include "lineproto/series_key.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t hash, good, bad, number;
};

static void expect(bool so)
{
	if (!so)
		abort();
}

static void look_at_key(struct str text)
{
	struct arena arena;
	struct line_key key;
	struct error err;

	arena_init(&arena, 1u << 20);
	if (!line_key_parse(&arena, text, &key, &err)) {
		struct str urn = line_key_urn(&arena, &key);

		expect(key.measurement.len > 0 && urn.at && str_starts(urn, STR("urn:ngsi-ld:")));
		for (size_t i = 0; i < urn.len; i++)
			expect(urn.at[i] > ' ' && urn.at[i] < 0x7f && urn.at[i] != '"' && urn.at[i] != '<');
		for (size_t i = 0; i < key.tag_count; i++)
			expect(key.tags[i].name.len > 0 && key.tags[i].value.len > 0);
	}
	arena_done(&arena);
}

static void look_at_point(const struct line *line, struct sum *sum)
{
	expect(line->field_count > 0 && line->field_count <= LINE_FIELDS_MAX && line->key.len > 0);
	sum->good++;
	sum->hash = str_hash(line->key, sum->hash + (uint64_t)line->time_us);
	for (size_t i = 0; i < line->field_count; i++) {
		const struct line_field *field = &line->fields[i];

		expect(field->name.len > 0 && (field->kind != LINE_DECIMAL || field->scale <= 18));
		expect(field->kind != LINE_DOUBLE || isfinite(field->real));
		sum->hash = str_hash(field->raw, str_hash(field->name, sum->hash + (uint64_t)field->kind));
	}
	look_at_key(line->key);
}

static struct sum read_cut(struct str text, size_t piece)
{
	struct lines *lines = malloc(sizeof(*lines));
	struct sum sum = {0};
	size_t from = 0, to = 0;
	struct line line;

	expect(lines != NULL);
	lines_init(lines, LINE_NS, 0);
	do {
		to = to + piece < text.len ? to + piece : text.len;
		/* A copy, so that what lies behind the piece is not readable. */
		char *copy = malloc(to - from + 1);

		expect(copy != NULL);
		if (to > from)
			memcpy(copy, text.at + from, to - from);
		lines_feed(lines, (struct str){copy, to - from}, to == text.len);
		for (enum lines_got got; (got = lines_next(lines, &line)) != LINES_MORE;) {
			expect(line.number > sum.number);
			sum.number = line.number;
			if (got == LINES_POINT)
				look_at_point(&line, &sum);
			else
				sum.hash = str_hash(str_from(line.reason), sum.hash + line.column + ++sum.bad);
		}
		from += lines_used(lines);
		free(copy);
	} while (to < text.len);
	expect(from == text.len);
	free(lines);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct sum whole = read_cut(text, size + 1);

	for (size_t piece = 1; piece <= 9; piece += 4) {
		struct sum cut = read_cut(text, piece);

		expect(memcmp(&whole, &cut, sizeof(cut)) == 0);
	}
	return 0;
}
