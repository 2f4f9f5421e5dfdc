/* Real series of energy through the series room: bytes a point of a block with all that it says of its points (times,
 * order numbers, times of arrival), beside zstd at its level 19 on the same two columns as text, and the zero-order
 * entropy of the values' residuals. Below them the synthetic meters (meters.h), a chunk a meter and field. What a
 * store adds to blocks is measured by bench_timeseries.py.
 *
 * Every block is read back and compared. Sets: ../shared/data/energy beside the project's folder; what is not there is
 * named and left out. Numbers are kept as decimals where all of a column are such, else as doubles. */
#include "bench.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/time_value.h"
#include "meters.h"
#include "peer.h"
#include "series/block.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define READ_BYTES 65536u
#define ARRIVED_US INT64_C(1700000000000000) /* one import, one time of arrival */
#define RESIDUAL_UNIT 1e-9 /* doubles that are no decimals: residuals are rounded to it */
#define METERS 2000u
#define MINUTES 1440u

static const struct str shapes[] = {{"{\"type\":\"Property\"}", 19}};

struct source {
	const char *file, *time, *value;
};
static const struct source sources[] = {
	{"vic_elec.csv", "time", "demand"},
	{"vic_elec.csv", "time", "temperature"},
	{"PJME_hourly.csv", "Datetime", "PJME_MW"},
	{"ausgrid_c12/customer12_2011-2012.csv", "", "GC"},
	{"ausgrid_c12/customer12_2011-2012.csv", "", "GG"},
};

struct point {
	int64_t at_us, number;
	struct str text;
};

/* A column of a file; in the order of time, equals as they came. */
struct column {
	const struct source *source;
	size_t time_column, value_column;
	struct point *points;
	size_t count, room;
	struct arena *arena;
	bool has_header;
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_energy: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void check(enum err_code code, const struct error *err)
{
	if (code)
		die("series", err->detail);
}

/* ---- reading ---- */

/* "2011-07-01 00:30:00" and "2011-12-31T13:00:00Z"; without a zone it counts as UTC. */
static bool read_time(struct str text, int64_t *ret_us)
{
	char iso[TIME_ISO_BYTES];

	if (text.len != 19 && text.len != 20)
		return false;
	memcpy(iso, text.at, text.len);
	iso[10] = 'T';
	iso[19] = 'Z';
	return time_parse_iso((struct str){iso, 20}, false, ret_us);
}

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	struct column *column = self;

	if (!column->has_header) {
		column->has_header = true;
		column->time_column = csv_column(row, str_from(column->source->time));
		column->value_column = csv_column(row, str_from(column->source->value));
		if (column->time_column == CSV_NO_COLUMN || column->value_column == CSV_NO_COLUMN)
			return err_set(err, ERR_INVALID, "a column is not there");
		return ERR_OK;
	}
	if (column->count == column->room) {
		column->room = column->room ? 2 * column->room : 4096;
		column->points = realloc(column->points, column->room * sizeof(*column->points));
		if (!column->points)
			return err_set(err, ERR_MEMORY, "no memory");
	}
	struct point *point = &column->points[column->count];

	if (!read_time(csv_value(row, column->time_column), &point->at_us))
		return err_set(err, ERR_INVALID, "line %llu has no time", (unsigned long long)row->line);
	point->number = (int64_t)++column->count;
	point->text = arena_dup(column->arena, csv_value(row, column->value_column));
	return point->text.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory");
}

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void read_column(struct column *column, const char *path)
{
	CLEANUP_FILE FILE *file = fopen(path, "rb");
	struct csv_options options = {.row = take_row, .self = column};
	struct csv *csv = NULL;
	static char bytes[READ_BYTES];
	struct error err;
	size_t got;

	if (!file)
		die(path, "cannot be opened");
	check(csv_new(&options, &csv, &err), &err);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		check(csv_feed(csv, (struct str){bytes, got}, &err), &err);
	check(csv_finish(csv, &err), &err);
	(void)csv_free(csv);
	qsort(column->points, column->count, sizeof(*column->points), compare_points);
}

/* ---- what the values are ---- */

/* A series in arrays, as blocks take it. */
struct values {
	enum series_kind kind;
	uint8_t scale;
	size_t count;
	int64_t *at_us, *numbers, *mantissas;
	double *doubles;
};

static struct values values_new(struct arena *arena, size_t count)
{
	struct values values = {
		.count = count,
		.at_us = arena_array(arena, int64_t, count),
		.numbers = arena_array(arena, int64_t, count),
		.mantissas = arena_array(arena, int64_t, count),
		.doubles = arena_array(arena, double, count),
	};

	if (!values.at_us || !values.numbers || !values.mantissas || !values.doubles)
		die("values", "no memory");
	return values;
}

/* The most digits behind the point; whether all are decimals, and all are written with as many. */
static void find_kind(const struct column *column, struct values *values)
{
	bool decimals = true, trimmed = true, same = true;
	struct series_number first = {0}, number;

	for (size_t i = 0; i < column->count && decimals; i++) {
		decimals = series_number_read(column->points[i].text, &number);
		if (i == 0)
			first = number;
		trimmed = trimmed && number.trimmed;
		same = same && number.scale == first.scale;
		if (number.scale > values->scale)
			values->scale = number.scale;
	}
	values->kind = !decimals ? SERIES_DOUBLE : !trimmed && same ? SERIES_FIXED : SERIES_DECIMAL;
	if (!decimals)
		values->scale = 0;
}

static struct values values_of(const struct column *column)
{
	struct values values = values_new(column->arena, column->count);

	find_kind(column, &values);
	for (size_t i = 0; i < column->count; i++) {
		const struct point *point = &column->points[i];
		struct series_number number;

		values.at_us[i] = point->at_us;
		values.numbers[i] = point->number;
		if (!str_to_double(point->text, &values.doubles[i]))
			die("a value", "is no number");
		if (values.kind != SERIES_DOUBLE &&
		    (!series_number_read(point->text, &number) ||
		     !series_number_rescale(number.mantissa, number.scale, values.scale, &values.mantissas[i])))
			die("a value", "has another scale");
	}
	return values;
}

static int compare_integers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Zero-order entropy of the residuals in bytes a point, predicted by the value before. */
static double residual_entropy(const struct values *values)
{
	CLEANUP_MEMORY int64_t *residuals = malloc(values->count * sizeof(*residuals));
	size_t count = values->count - 1;
	double bits = 0;

	if (!residuals)
		die("entropy", "no memory");
	for (size_t i = 0; i < count; i++)
		residuals[i] = values->kind == SERIES_DOUBLE
				       ? llround((values->doubles[i + 1] - values->doubles[i]) / RESIDUAL_UNIT)
				       : values->mantissas[i + 1] - values->mantissas[i];
	qsort(residuals, count, sizeof(*residuals), compare_integers);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && residuals[next] == residuals[i];)
			next++;
		bits -= (double)(next - i) * log2((double)(next - i) / (double)count);
	}
	return bits / 8 / (double)count;
}

/* ---- blocks ---- */

static struct series_points points_of(const struct values *values, size_t from, size_t count)
{
	return (struct series_points){
		.kind = values->kind,
		.scale = values->scale,
		.count = (uint32_t)count,
		.at_us = values->at_us + from,
		.number = {values->numbers + from, 0},
		.created_us = {NULL, ARRIVED_US},
		.modified_us = {NULL, ARRIVED_US},
		.shapes = shapes,
		.shape_count = 1,
		.mantissas = values->kind == SERIES_DOUBLE ? NULL : values->mantissas + from,
		.doubles = values->kind == SERIES_DOUBLE ? values->doubles + from : NULL,
	};
}

static void add_chunks(struct series_builder *builder, int64_t subject, int64_t name, const struct values *values)
{
	struct series_key key = {.subject = subject, .name = name};
	struct error err;

	for (size_t at = 0; at < values->count; at += SERIES_POINTS_MAX) {
		size_t count = values->count - at < SERIES_POINTS_MAX ? values->count - at : SERIES_POINTS_MAX;
		struct series_points points = points_of(values, at, count);

		check(series_builder_add(builder, &key, &points, &err), &err);
	}
}

static void compare_chunk(const struct series_points *points, const struct values *values, size_t from)
{
	for (uint32_t i = 0; i < points->count; i++) {
		bool same = points->at_us[i] == values->at_us[from + i] &&
			    series_column_get(&points->number, i) == values->numbers[from + i];

		if (values->kind == SERIES_DOUBLE)
			same = same && points->doubles[i] == values->doubles[from + i];
		else
			same = same && points->mantissas[i] == values->mantissas[from + i];
		if (!same || points->kind != values->kind || points->scale != values->scale)
			die("a chunk", "came back changed");
	}
}

/* Bytes of the block of these values, which is read back whole. */
static double block_bytes(const struct values *values)
{
	struct series_builder *builder = NULL;
	struct series_block block;
	struct arena arena;
	struct str bytes;
	struct error err;
	size_t seen = 0;

	arena_init(&arena, TEXT_BYTES_MAX);
	check(series_builder_new(SERIES_BLOCK_BYTES_MAX, &builder, &err), &err);
	add_chunks(builder, 1, 1, values);
	check(series_builder_finish(builder, &bytes, &err), &err);
	check(series_block_open(bytes, &arena, &block, &err), &err);
	for (uint32_t i = 0; i < block.count; i++) {
		struct series_points points;

		check(series_block_read(&block, i, &arena, &points, &err), &err);
		compare_chunk(&points, values, seen);
		seen += points.count;
	}
	if (seen != values->count)
		die("a block", "came back short");
	double len = (double)bytes.len; /* the builder's bytes go with it */

	arena_done(&arena);
	(void)series_builder_free(builder);
	return len;
}

/* ---- the peer ---- */

/* Bytes of the columns of time and value as text, squeezed. */
static double zstd_bytes(const struct column *column)
{
	char path[] = "/tmp/machi-bench-XXXXXX", count[64], size[64];
	int fd = mkstemp(path);
	CLEANUP_FILE FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
	uint64_t bytes;

	if (!file)
		die(path, "cannot be made");
	for (size_t i = 0; i < column->count; i++) {
		char iso[TIME_ISO_BYTES];
		struct str at = time_format_iso(column->points[i].at_us, iso);

		if (fprintf(file, "%.*s,%.*s\n", STR_FMT(at), STR_FMT(column->points[i].text)) < 0)
			die(path, "cannot be written to");
	}
	if (fflush(file) != 0)
		die(path, "cannot be written to");
	const char *argv[] = {"sh", "-c", count, NULL};

	(void)snprintf(count, sizeof(count), "zstd -19 -q -c %s | wc -c", path);
	if (!str_to_uint64(peer_run(argv, size, sizeof(size)), &bytes) || bytes == 0)
		die("zstd", "squeezed nothing");
	(void)unlink(path);
	return (double)bytes;
}

static void bench_source(const struct source *source, const char *path, bool has_zstd)
{
	struct arena arena;
	struct column column = {.source = source, .arena = &arena};
	char what[160];

	arena_init(&arena, TEXT_BYTES_MAX);
	read_column(&column, path);
	struct values values = values_of(&column);
	double count = (double)column.count, ours = block_bytes(&values) / count, entropy = residual_entropy(&values);

	(void)snprintf(what, sizeof(what), "%s, %s, %zu points%s", source->file, source->value, column.count,
		       values.kind == SERIES_DOUBLE ? " (doubles)" : "");
	bench_report(what, "ours", ours, ours, ours, "bytes a point");
	if (has_zstd) {
		double zstd = zstd_bytes(&column) / count;

		bench_report(what, "zstd -19 of the text", zstd, zstd, zstd, "bytes a point");
	}
	bench_report(what, "limit: entropy of residuals", entropy, entropy, entropy, "bytes a point");
	if (entropy > 0.95 * log2(count) / 8)
		bench_note("there nearly every residual is another one: so few points cannot show their entropy");
	free(column.points);
	arena_done(&arena);
}

/* ---- the synthetic meters ---- */

static void fill_values(struct values *values, const struct meters *set, uint32_t meter, enum meters_field field)
{
	values->kind = SERIES_DECIMAL;
	values->scale = (uint8_t)meters_fields[field].decimals;
	for (uint32_t i = 0; i < set->minutes; i++) {
		values->at_us[i] = (METERS_START_S + (int64_t)i * 60) * US_PER_S;
		values->numbers[i] = (int64_t)i + 1;
		values->mantissas[i] = meters_series(set, meter, field)[i];
	}
}

static void bench_meters(void)
{
	struct meters set = meters_new(METERS_SEED, 0, METERS, MINUTES);
	struct series_builder *builder = NULL;
	struct arena arena;
	double entropy = 0, points = (double)METERS * MINUTES * METERS_FIELDS;
	struct str bytes;
	struct error err;

	if (!set.values)
		die("meters", "no memory");
	arena_init(&arena, TEXT_BYTES_MAX);
	struct values values = values_new(&arena, MINUTES);

	check(series_builder_new(SERIES_BLOCK_BYTES_MAX, &builder, &err), &err);
	for (uint32_t meter = 0; meter < METERS; meter++)
		for (unsigned field = 0; field < METERS_FIELDS; field++) {
			fill_values(&values, &set, meter, (enum meters_field)field);
			add_chunks(builder, (int64_t)meter + 1, (int64_t)field + 1, &values);
		}
	check(series_builder_finish(builder, &bytes, &err), &err);
	for (unsigned field = 0; field < METERS_FIELDS; field++) {
		struct meters_entropy one = meters_entropy(&set, (enum meters_field)field);

		entropy += fmin(one.of_previous, one.of_line) / METERS_FIELDS;
	}
	double ours = (double)bytes.len / points;

	bench_report("synthetic meters, 11,520,000 points", "ours", ours, ours, ours, "bytes a point");
	bench_report("synthetic meters, 11,520,000 points", "limit: entropy of residuals", entropy, entropy, entropy,
		     "bytes a point");
	(void)series_builder_free(builder);
	arena_done(&arena);
	meters_done(&set);
}

int main(int argc, char **argv)
{
	const char *root = argc > 1 ? argv[1] : ".", *zstd[] = {"sh", "-c", "command -v zstd || echo no", NULL};
	char found[200];
	bool has_zstd = !str_eq(peer_run(zstd, found, sizeof(found)), STR("no"));

	if (!has_zstd)
		bench_note("left out: zstd is not installed (Debian package zstd)");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		CLEANUP_MEMORY char *path = NULL;

		if (asprintf(&path, "%s/../shared/data/energy/%s", root, sources[i].file) < 0)
			die("a path", "no memory");
		if (access(path, R_OK) == 0)
			bench_source(&sources[i], path, has_zstd);
		else
			bench_note("a set of ../shared/data/energy is not there and was left out");
	}
	bench_meters();
	return EXIT_SUCCESS;
}
