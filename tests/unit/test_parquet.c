/* Goal: files of other programs' writers are read as they were written, and damaged ones are refused. Method:
 * tests/data/parquet, made by parquet-wasm (Rust), hyparquet-writer and @dsnp/parquetjs (make.mjs there says how):
 * what row i has follows from the formulas below, which are those of make.mjs; then every byte of a file damaged in
 * turn. */
#include "check.h"
#include "parquet/parquet.h"

#include "base/buf.h"
#include "base/time_value.h"

#include <inttypes.h>
#include <string.h>

#define ROWS 300
#define ARENA_BYTES ((size_t)64 << 20)

static bool read_text(void *self, uint64_t at, char *to, size_t len)
{
	const struct str *file = self;

	if (at > file->len || len > file->len - at)
		return false;
	if (len)
		memcpy(to, file->at + at, len);
	return true;
}

static void load(const char *name, struct buf *out)
{
	const char *root = getenv("TEST_SOURCE_ROOT");
	char path[512], chunk[4096];
	size_t got;

	(void)snprintf(path, sizeof(path), "%s/tests/data/parquet/%s", root ? root : ".", name);
	FILE *file = fopen(path, "rb");

	if (!CHECK(file != NULL))
		exit(EXIT_FAILURE);
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_put(out, (struct str){chunk, got});
	(void)fclose(file);
}

/* ---- the formulas ---- */

typedef void (*formula)(int i, char text[static 64]); /* "" is null */

static void whole(int i, char text[static 64])
{
	(void)snprintf(text, 64, "%d", i * 7 - 1000);
}

static void big(int i, char text[static 64])
{
	(void)snprintf(text, 64, "%" PRId64, (i % 2 ? -1 : 1) * i * INT64_C(10000000019));
}

static void unsigned_(int i, char text[static 64])
{
	(void)snprintf(text, 64, "%" PRIu32, UINT32_MAX - (uint32_t)i);
}

static void single(int i, char text[static 64])
{
	(void)snprintf(text, 64, i % 10 ? "%d.%d" : "%d", i / 10, i % 10);
}

/* Read back, since its text has many digits. */
static void double_(int i, char text[static 64])
{
	text[0] = '\0';
	if (i % 5)
		(void)snprintf(text, 64, "%.17g", i / 7.0);
}

static void word(int i, char text[static 64])
{
	text[0] = '\0';
	if (i % 3)
		(void)snprintf(text, 64, "word %d", i % 7);
}

static void text_(int i, char text[static 64])
{
	(void)snprintf(text, 64, "text-%d-\u00e9", i);
}

static void flag(int i, char text[static 64])
{
	(void)snprintf(text, 64, "%s", i % 11 == 0 ? "" : i % 2 ? "false" : "true");
}

static void at(int i, char text[static 64])
{
	char buffer[TIME_ISO_BYTES];
	struct str iso = time_format_iso((INT64_C(1767225600000) + i * INT64_C(61001)) * US_PER_MS, buffer);

	(void)snprintf(text, 64, "%.*s", STR_FMT(iso));
}

static void day(int i, char text[static 64])
{
	char buffer[TIME_ISO_BYTES];
	struct str iso = time_format_iso((20454 + i) * US_PER_DAY, buffer);

	(void)snprintf(text, 64, "%.10s", iso.at);
}

static void price(int i, char text[static 64])
{
	int cents = i * 125 - 1000;

	(void)snprintf(text, 64, "%s%d.%02d", cents < 0 ? "-" : "", abs(cents) / 100, abs(cents) % 100);
}

static void id(int i, char text[static 64])
{
	(void)snprintf(text, 64, "00010203-0405-4607-8809-0a0b0c0d0e%02x", (unsigned int)i % 256);
}

static void clock_(int i, char text[static 64])
{
	static const char *const quarters[] = {"", ".250", ".500", ".750"};

	(void)snprintf(text, 64, "00:%02d:%02d%s", i / 240, i / 4 % 60, quarters[i % 4]);
}

static void local(int i, char text[static 64])
{
	char buffer[TIME_ISO_BYTES];
	struct str iso = time_format_iso(INT64_C(1767225600000000) + i, buffer);

	(void)snprintf(text, 64, "%.*s", (int)iso.len - 1, iso.at); /* without the Z */
}

static const struct named {
	const char *name;
	formula formula;
} formulas[] = {
	{"whole", whole}, {"big", big},    {"unsigned", unsigned_}, {"single", single}, {"double", double_},
	{"word", word},   {"text", text_}, {"flag", flag},          {"at", at},         {"day", day},
	{"price", price}, {"id", id},      {"clock", clock_},       {"local", local},
};

static bool is_wanted(struct str got, const char *wanted, bool is_number)
{
	double a, b;

	if (is_number && wanted[0])
		return str_to_double(got, &a) && str_to_double(str_from(wanted), &b) && a == b;
	return wanted[0] ? str_eq(got, str_from(wanted)) : got.at == NULL;
}

static void check_row(const struct parquet *parquet, const struct str *values, int i)
{
	for (size_t c = 0; c < parquet_column_count(parquet); c++)
		for (size_t f = 0; f < sizeof(formulas) / sizeof(formulas[0]); f++) {
			char wanted[64];

			if (!str_eq(parquet_column(parquet, c), str_from(formulas[f].name)))
				continue;
			formulas[f].formula(i, wanted);
			if (!is_wanted(values[c], wanted, formulas[f].formula == double_)) {
				printf("# row %d, %s: \"%.*s\" against \"%s\"\n", i, formulas[f].name,
				       STR_FMT(values[c]), wanted);
				CHECK(false);
			}
		}
}

/* ---- files ---- */

static void read_file(const char *name, size_t columns)
{
	struct str values[PARQUET_COLUMNS_MAX];
	struct parquet *parquet = NULL;
	struct arena arena;
	struct error err;
	struct buf file;
	bool there = true;
	int i = 0;

	buf_init(&file, 1 << 20);
	load(name, &file);
	struct str bytes = buf_str(&file);
	const struct parquet_source source = {.read = read_text, .self = &bytes, .bytes = bytes.len};

	arena_init(&arena, ARENA_BYTES);
	printf("# %s\n", name);
	if (CHECK_OK(parquet_open(&source, &parquet, &err), &err)) {
		CHECK(parquet_column_count(parquet) == columns && parquet_row_count(parquet) == ROWS);
		for (; i <= ROWS && there && CHECK_OK(parquet_next(parquet, &arena, values, &there, &err), &err); i++)
			if (there)
				check_row(parquet, values, i);
		CHECK(i == ROWS + 1 && !there);
	}
	(void)parquet_free(parquet);
	arena_done(&arena);
	buf_done(&file);
}

static void files_of_the_rust_writer(void)
{
	read_file("plain.parquet", 10);
	read_file("dictionary.parquet", 10);
	read_file("gzip.parquet", 10);
	read_file("zstd.parquet", 10);
	read_file("pages.parquet", 10);
	read_file("pages2.parquet", 10);
	read_file("delta.parquet", 10);
}

static void files_of_other_writers(void)
{
	read_file("hyparquet.parquet", 6);
	read_file("parquetjs.parquet", 3); /* its groups and lists are passed over */
}

/* ---- what is refused ---- */

/* Reads all that can be read; what came in the end. */
static enum err_code try(struct str bytes, struct error *err)
{
	const struct parquet_source source = {.read = read_text, .self = &bytes, .bytes = bytes.len};
	struct str values[PARQUET_COLUMNS_MAX];
	struct parquet *parquet = NULL;
	struct arena arena;
	bool there = true;
	enum err_code code = parquet_open(&source, &parquet, err);

	arena_init(&arena, ARENA_BYTES);
	for (int i = 0; i < 2 * ROWS && !code && there; i++)
		code = parquet_next(parquet, &arena, values, &there, err);
	(void)parquet_free(parquet);
	arena_done(&arena);
	return code;
}

static void what_is_not_read_is_told(void)
{
	struct error err;
	struct buf file;

	buf_init(&file, 1 << 20);
	load("brotli.parquet", &file);
	CHECK(try(buf_str(&file), &err) == ERR_UNSUPPORTED);
	CHECK(str_contains(str_from(err.detail), STR("codec 4")));
	CHECK(try(STR(""), &err) == ERR_INVALID);
	CHECK(try(STR("a,b\n1,2\n3,4\n5,6\n"), &err) == ERR_INVALID);
	CHECK(try(STR("PAR1\0\0\0\0PAR1"), &err) == ERR_INVALID);
	CHECK(try(STR("PAR1\1\0\0\0\0\1\0\0\0PARE"), &err) == ERR_UNSUPPORTED);
	CHECK(try(str_part(buf_str(&file), 0, file.len - 1), &err) == ERR_INVALID);
	buf_done(&file);
}

static void damaged_files_do_no_harm(void)
{
	static const char *const names[] = {"delta.parquet", "pages.parquet", "zstd.parquet"};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		size_t refused = 0, tried = 0;
		struct error err;
		struct buf file;

		buf_init(&file, 1 << 20);
		load(names[n], &file);
		for (size_t i = n; i < file.len; i += 11, tried++) {
			file.at[i] = (char)(file.at[i] ^ (1 << i % 8));
			refused += try(buf_str(&file), &err) != ERR_OK;
			file.at[i] = (char)(file.at[i] ^ (1 << i % 8));
		}
		printf("# %s: %zu of %zu refused\n", names[n], refused, tried);
		CHECK(refused > tried / 20);
		buf_done(&file);
	}
}

int main(void)
{
	RUN(files_of_the_rust_writer);
	RUN(files_of_other_writers);
	RUN(what_is_not_read_is_told);
	RUN(damaged_files_do_no_harm);
	return check_done();
}
