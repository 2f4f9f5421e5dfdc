/* Apache Parquet files as rows of texts.
 *
 * Read are flat columns, required or optional, of all physical types; pages of both versions; the encodings PLAIN,
 * RLE, dictionary, DELTA_… and BYTE_STREAM_SPLIT; uncompressed, Snappy, gzip and Zstandard. Columns in groups and
 * repeated ones are passed over; encrypted files are refused. A page is held for each column, no more, however large
 * the file is.
 *
 * Source: the Parquet format 2.10 (apache/parquet-format: parquet.thrift, Encodings.md, LogicalTypes.md) and Thrift's
 * compact protocol. Pure: bytes come by a function. Thread: one owner. */
#ifndef MACHI_PARQUET_PARQUET_H
#define MACHI_PARQUET_PARQUET_H

#include "base/arena.h"
#include "base/error.h"

#define PARQUET_COLUMNS_MAX 1024u
#define PARQUET_FOOTER_BYTES_MAX (16u << 20)
#define PARQUET_PAGE_BYTES_MAX (64u << 20) /* as it is stored, and uncompressed */
#define PARQUET_DICTIONARY_BYTES_MAX (16u << 20)
#define PARQUET_VALUE_BYTES_MAX (1u << 20)

struct parquet_source {
	/* Exactly len bytes from `at` on. False: they cannot be had. */
	bool (*read)(void *self, uint64_t at, char *to, size_t len);
	void *self;
	uint64_t bytes; /* of the file */
};

struct parquet;

/* Reads what the file says of itself. source is copied. ERR_INVALID: it is no Parquet, or damaged; ERR_UNSUPPORTED:
 * encrypted; ERR_LIMIT, ERR_IO, ERR_MEMORY. */
MUST_CHECK enum err_code parquet_open(const struct parquet_source *source, struct parquet **ret_parquet,
				      struct error *err);
struct parquet *parquet_free(struct parquet *parquet);

size_t parquet_column_count(const struct parquet *parquet); /* that are read */
struct str parquet_column(const struct parquet *parquet, size_t index);
uint64_t parquet_row_count(const struct parquet *parquet);

/* The next row's texts, as many as columns, in the arena; STR_NONE for null, and for what is not a number. Numbers are
 * decimal; decimals exact; dates and times ISO 8601, with Z where the file says that they are UTC; booleans true and
 * false; UUIDs as such; bytes as they are. *ret_there false: there are no more. Errors as of parquet_open(), with the
 * column; nothing behind an error can be read. */
MUST_CHECK enum err_code parquet_next(struct parquet *parquet, struct arena *arena, struct str *values, bool *ret_there,
				      struct error *err);

#endif
