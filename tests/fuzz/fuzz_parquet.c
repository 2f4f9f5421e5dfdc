/* Parquet files: whatever comes, it is refused with a reason, or has the columns and no more rows than it says, in
 * bounded memory; and it is read in the same way twice. */
#include "demand.h"
#include "parquet/parquet.h"

#include <string.h>

#define ROWS_MAX 2000u
#define ARENA_BYTES ((size_t)64 << 20)

struct seen {
	uint64_t rows, hash;
	enum err_code code;
};

static bool read_part(void *self, uint64_t at, char *to, size_t len)
{
	const struct str *file = self;

	demand(at <= file->len && len <= file->len - at); /* nobody asks beyond the end */
	if (len)
		memcpy(to, file->at + at, len);
	return true;
}

static void read_rows(struct parquet *parquet, struct seen *seen)
{
	struct str values[PARQUET_COLUMNS_MAX];
	struct error err = {0};
	struct arena arena;
	bool there = true;

	arena_init(&arena, ARENA_BYTES);
	while (there && !seen->code && seen->rows < ROWS_MAX) {
		arena_clear(&arena);
		seen->code = parquet_next(parquet, &arena, values, &there, &err);
		demand(!seen->code || err.detail[0]);
		for (size_t i = 0; !seen->code && there && i < parquet_column_count(parquet); i++)
			seen->hash = str_hash(values[i], seen->hash + !values[i].at);
		seen->rows += !seen->code && there;
	}
	demand(seen->rows <= parquet_row_count(parquet));
	demand(there || seen->rows == parquet_row_count(parquet));
	arena_done(&arena);
}

static struct seen look_at(struct str file)
{
	const struct parquet_source source = {.read = read_part, .self = &file, .bytes = file.len};
	struct parquet *parquet = NULL;
	struct seen seen = {0};
	struct error err = {0};

	seen.code = parquet_open(&source, &parquet, &err);
	demand(!seen.code || err.detail[0]);
	if (!seen.code) {
		demand(parquet_column_count(parquet) > 0 && parquet_column_count(parquet) <= PARQUET_COLUMNS_MAX);
		read_rows(parquet, &seen);
	}
	(void)parquet_free(parquet);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = {(const char *)data, size};
	struct seen first = look_at(file), second = look_at(file);

	demand(first.code == second.code && first.rows == second.rows && first.hash == second.hash);
	return 0;
}
