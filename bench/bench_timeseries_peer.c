/* What bench_timeseries.py feeds to the sides, and bare SQLite beside them.
 *
 *   bench_timeseries_peer VERB FIRST METERS MINUTES START_S …
 *
 * of the meters from FIRST on (meters.h), at START_S seconds since 1970 and every minute from then on:
 *   entropy               a line "FIELD BYTES_OF_PREVIOUS BYTES_OF_LINE" a field
 *   lines PREFIX LINES    InfluxDB line protocol in bodies of LINES lines, minute by minute as a collector sends it;
 *                         before each body a line with its bytes. PREFIX stands before the meter's number in the tag
 *                         "id".
 *   copy                  text for PostgreSQL's COPY: time, meter and the four fields, minute by minute
 *   copy-binary           the same in COPY's binary format
 *   sqlite-points FILE, sqlite-rows FILE            fills a new database (bench_timeseries_sqlite.c)
 *   sqlite-points-add FILE, sqlite-rows-add FILE    adds to it
 *   sqlite-points-day FILE, sqlite-points-hours FILE, and so with rows    asks it
 *   bulk-moments PREFIX FILE, bulk-series PREFIX FILE    fills a new store of ours (bench_timeseries_bulk.c)
 *
 * Plain text to standard output. What is measured is said by bench_timeseries.py. */
#include "bench_timeseries_peer.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES_MAX 200u
#define LINES_MAX 100000u
#define MINUTE_S 60
#define PREFIX_BYTES_MAX 50u

void peer_fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_timeseries_peer: %s: %s\n", what, why);
	exit(1);
}

static int64_t number_of(const char *text)
{
	int64_t number = 0;

	if (!text || !str_to_int64(str_from(text), &number) || number < 0)
		peer_fail(text ? text : "an argument", "is not a number, or missing");
	return number;
}

struct meters peer_meters(const struct peer_slice *slice)
{
	struct meters set = meters_new(METERS_SEED, slice->first_meter, slice->meters, slice->minutes);

	if (!set.values)
		peer_fail("meters", "no memory");
	return set;
}

static void print(const void *at, size_t len)
{
	if (fwrite(at, 1, len, stdout) != len)
		peer_fail("standard output", "cannot be written to");
}

static void print_entropy(const struct peer_slice *slice)
{
	struct meters set = peer_meters(slice);

	for (unsigned field = 0; field < METERS_FIELDS; field++) {
		struct meters_entropy entropy = meters_entropy(&set, (enum meters_field)field);

		printf("%s %.4f %.4f\n", meters_fields[field].name, entropy.of_previous, entropy.of_line);
	}
	meters_done(&set);
}

/* ---- line protocol ---- */

static size_t put_line(char *at, const struct meters *set, uint32_t meter, uint32_t minute,
		       const struct peer_slice *slice, const char *prefix)
{
	size_t len = (size_t)snprintf(at, LINE_BYTES_MAX, "SmartMeter,id=%s%04u", prefix, slice->first_meter + meter);

	for (unsigned i = 0; i < METERS_FIELDS; i++) {
		enum meters_field field = (enum meters_field)i;
		size_t name_len = strlen(meters_fields[field].name);

		at[len++] = i ? ',' : ' ';
		memcpy(at + len, meters_fields[field].name, name_len);
		len += name_len;
		at[len++] = '=';
		len += meters_text(meters_series(set, meter, field)[minute], field, 0, at + len);
	}
	int64_t time_s = slice->start_s + (int64_t)minute * MINUTE_S;

	return len + (size_t)snprintf(at + len, LINE_BYTES_MAX - len, " %lld\n", (long long)time_s);
}

static void print_lines(const struct peer_slice *slice, const char *prefix, int64_t lines_a_body)
{
	struct meters set = peer_meters(slice);
	uint64_t lines = (uint64_t)slice->meters * slice->minutes;
	size_t len = 0;

	if (!prefix || strlen(prefix) > PREFIX_BYTES_MAX || lines_a_body < 1 || lines_a_body > LINES_MAX)
		peer_fail("lines", "takes a short prefix and lines a body");
	char *body = malloc((size_t)lines_a_body * LINE_BYTES_MAX);

	if (!body)
		peer_fail("lines", "no memory");
	for (uint64_t i = 0; i < lines; i++) {
		len += put_line(body + len, &set, (uint32_t)(i % slice->meters), (uint32_t)(i / slice->meters), slice,
				prefix);
		if ((i + 1) % (uint64_t)lines_a_body == 0 || i + 1 == lines) {
			printf("%zu\n", len);
			print(body, len);
			len = 0;
		}
	}
	free(body);
	meters_done(&set);
}

/* ---- PostgreSQL's COPY ---- */

static void print_copy(const struct peer_slice *slice)
{
	struct meters set = peer_meters(slice);

	for (uint32_t minute = 0; minute < slice->minutes; minute++) {
		time_t at = slice->start_s + (int64_t)minute * MINUTE_S;
		struct tm utc;
		char when[40], text[METERS_TEXT_BYTES];

		if (!gmtime_r(&at, &utc) || !strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S+00", &utc))
			peer_fail("copy", "no such time");
		for (uint32_t meter = 0; meter < slice->meters; meter++) {
			printf("%s\t%u", when, slice->first_meter + meter);
			for (unsigned i = 0; i < METERS_FIELDS; i++) {
				size_t len = meters_text(meters_series(&set, meter, (enum meters_field)i)[minute],
							 (enum meters_field)i, 1, text);

				putchar('\t');
				print(text, len);
			}
			putchar('\n');
		}
	}
	meters_done(&set);
}

/* Numbers of the binary format are big-endian. */
static char *put_big(char *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (char)(value >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static char *put_field(char *at, uint64_t value, unsigned bytes)
{
	return put_big(put_big(at, bytes, 4), value, bytes);
}

#define POSTGRES_EPOCH_S INT64_C(946684800) /* 2000-01-01 */
#define COPY_FLAGS_BYTES 8 /* flags and length of the header's extension, both 0 */

/* Source: PostgreSQL 15 documentation, COPY, "Binary Format". */
static void print_copy_binary(const struct peer_slice *slice)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";
	static const char none[COPY_FLAGS_BYTES];
	struct meters set = peer_meters(slice);
	char row[LINE_BYTES_MAX];

	print(signature, sizeof(signature));
	print(none, sizeof(none));
	for (uint32_t minute = 0; minute < slice->minutes; minute++) {
		int64_t at_us = (slice->start_s - POSTGRES_EPOCH_S + (int64_t)minute * MINUTE_S) * 1000000;

		for (uint32_t meter = 0; meter < slice->meters; meter++) {
			char *end = put_big(row, 2 + METERS_FIELDS, 2);

			end = put_field(end, (uint64_t)at_us, 8);
			end = put_field(end, slice->first_meter + meter, 4);
			for (unsigned i = 0; i < METERS_FIELDS; i++) {
				double value = meters_double(meters_series(&set, meter, (enum meters_field)i)[minute],
							     (enum meters_field)i);
				uint64_t bits;

				memcpy(&bits, &value, sizeof(bits));
				end = put_field(end, bits, 8);
			}
			print(row, (size_t)(end - row));
		}
	}
	print("\377\377", 2);
	meters_done(&set);
}

/* ---- verbs ---- */

static void ask_sqlite(const char *verb, const char *path, const struct peer_slice *slice)
{
	struct str rest = str_from(verb), word, what;
	int row_a_point;

	if (!path || !str_next(&rest, '-', &word) || !str_next(&rest, '-', &what))
		peer_fail(verb, "is no verb, or the file is missing");
	row_a_point = str_eq(what, STR("points"));
	if (!rest.at)
		peer_sqlite_fill(path, row_a_point, slice);
	else if (str_eq(rest, STR("add")))
		peer_sqlite_add(path, row_a_point, slice);
	else
		peer_sqlite_ask(path, row_a_point, str_eq(rest, STR("hours")), slice);
}

static void fill_store(const char *prefix, const char *path, int by_series, const struct peer_slice *slice)
{
	if (!prefix || strlen(prefix) > PREFIX_BYTES_MAX || !path)
		peer_fail("bulk", "takes a short prefix and a file");
	peer_bulk(path, prefix, by_series, slice);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		peer_fail("usage", "VERB FIRST METERS MINUTES START_S …");
	struct peer_slice slice = {
		.first_meter = (uint32_t)number_of(argv[2]),
		.meters = (uint32_t)number_of(argv[3]),
		.minutes = (uint32_t)number_of(argv[4]),
		.start_s = number_of(argv[5]),
	};
	const char *verb = argv[1];

	if (strcmp(verb, "entropy") == 0)
		print_entropy(&slice);
	else if (strcmp(verb, "lines") == 0)
		print_lines(&slice, argv[6], argc > 7 ? number_of(argv[7]) : 0);
	else if (strcmp(verb, "copy") == 0)
		print_copy(&slice);
	else if (strcmp(verb, "copy-binary") == 0)
		print_copy_binary(&slice);
	else if (strcmp(verb, "bulk-moments") == 0 || strcmp(verb, "bulk-series") == 0)
		fill_store(argv[6], argc > 7 ? argv[7] : NULL, strcmp(verb, "bulk-series") == 0, &slice);
	else
		ask_sqlite(verb, argv[6], &slice);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
