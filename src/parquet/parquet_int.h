/* What the files of the room share. */
#ifndef MACHI_PARQUET_PARQUET_INT_H
#define MACHI_PARQUET_PARQUET_INT_H

#include "parquet/parquet.h"

/* ---- thrift.c: Thrift's compact protocol ---- */

enum thrift_type {
	THRIFT_STOP,
	THRIFT_TRUE,
	THRIFT_FALSE,
	THRIFT_BYTE,
	THRIFT_I16,
	THRIFT_I32,
	THRIFT_I64,
	THRIFT_DOUBLE,
	THRIFT_BINARY,
	THRIFT_LIST,
	THRIFT_SET,
	THRIFT_MAP,
	THRIFT_STRUCT
};

#define THRIFT_DEPTH_MAX 16u

struct thrift { /* errors are sticky: what is read behind one is nothing */
	struct str rest;
	uint32_t depth;
	bool bad;
};

struct thrift_field {
	enum thrift_type type;
	int32_t id; /* 0 before the first one */
};

/* The next field of a struct; false at its end, or when it is bad. What it has must be read or skipped. */
bool thrift_next(struct thrift *thrift, struct thrift_field *field);
void thrift_skip(struct thrift *thrift, enum thrift_type type);
int64_t thrift_int(struct thrift *thrift, enum thrift_type type); /* of BYTE to I64; anything else is bad */
struct str thrift_binary(struct thrift *thrift, enum thrift_type type);
/* The head of a list whose items are of this type; how many. */
uint32_t thrift_list(struct thrift *thrift, enum thrift_type type, enum thrift_type item);
/* Before and behind the fields of a struct that is no part of another's list. False: it is none, or too deep. */
bool thrift_enter(struct thrift *thrift, enum thrift_type type);
void thrift_leave(struct thrift *thrift);

/* ---- footer.c ---- */

enum parquet_physical {
	PARQUET_BOOLEAN,
	PARQUET_INT32,
	PARQUET_INT64,
	PARQUET_INT96,
	PARQUET_FLOAT,
	PARQUET_DOUBLE,
	PARQUET_BYTE_ARRAY,
	PARQUET_FIXED,
	PARQUET_PHYSICAL_COUNT
};

enum parquet_meaning {
	PARQUET_PLAIN_MEANING, /* what the physical type says */
	PARQUET_UNSIGNED,
	PARQUET_DECIMAL,
	PARQUET_DATE,
	PARQUET_TIME,
	PARQUET_TIMESTAMP,
	PARQUET_UUID,
};

struct parquet_field { /* a column that is read */
	struct str name;
	enum parquet_physical physical;
	enum parquet_meaning meaning;
	uint32_t width; /* bytes of a value; 0: of BYTE_ARRAY, which say it themselves, and BOOLEAN */
	int32_t scale; /* of decimals */
	int64_t unit_ns; /* of times */
	bool is_utc;
	bool optional;
	size_t leaf; /* which column of the file it is */
};

enum parquet_codec { PARQUET_UNCOMPRESSED = 0, PARQUET_SNAPPY = 1, PARQUET_GZIP = 2, PARQUET_ZSTD = 6 };

struct parquet_chunk { /* of a column in a group of rows */
	uint64_t at, end; /* where its pages lie */
	int64_t codec; /* enum parquet_codec, or one that is not read */
};

struct parquet_group {
	uint64_t rows;
	struct parquet_chunk *chunks; /* one for each field */
};

struct parquet_layout { /* in an arena */
	struct parquet_field *fields;
	size_t field_count, leaf_count;
	struct parquet_group *groups;
	size_t group_count;
	uint64_t rows;
};

/* Texts are borrowed from footer. file_bytes: where pages may lie. */
MUST_CHECK enum err_code parquet_read_footer(struct str footer, uint64_t file_bytes, struct arena *arena,
					     struct parquet_layout *ret_layout, struct error *err);

/* ---- stream.c: values in a page, one after another. False: the page has no more, or is damaged ---- */

struct parquet_runs { /* RLE and bit-packed runs */
	struct str rest;
	uint32_t width; /* bits of a value, 0 to 32 */
	uint64_t left; /* of the run */
	bool packed;
	uint32_t value; /* of a run of one value */
	uint32_t bit; /* of a packed run: the next bit in its first byte */
};

void parquet_runs_init(struct parquet_runs *runs, struct str bytes, uint32_t width);
bool parquet_runs_next(struct parquet_runs *runs, uint32_t *ret);

struct parquet_deltas { /* DELTA_BINARY_PACKED */
	struct str rest;
	uint64_t left; /* values that are still to come */
	uint64_t block, minis; /* values of a block, miniblocks of it */
	uint64_t mini_left, mini_index;
	struct str widths; /* of the block's miniblocks */
	uint32_t width, bit;
	uint64_t value; /* the next one, modulo 2^64 */
	uint64_t step_min;
	bool first;
};

bool parquet_deltas_init(struct parquet_deltas *deltas, struct str bytes);
bool parquet_deltas_next(struct parquet_deltas *deltas, int64_t *ret);
/* What stands behind all values, which are passed over in a copy. */
bool parquet_deltas_end(const struct parquet_deltas *deltas, struct str *ret_rest);

/* ---- page.c ---- */

enum parquet_encoding {
	PARQUET_PLAIN = 0,
	PARQUET_PLAIN_DICTIONARY = 2,
	PARQUET_RLE = 3,
	PARQUET_DELTA_BINARY = 5,
	PARQUET_DELTA_LENGTH = 6,
	PARQUET_DELTA_BYTES = 7,
	PARQUET_RLE_DICTIONARY = 8,
	PARQUET_BYTE_STREAM_SPLIT = 9
};

struct parquet_buffer { /* owned, and used again */
	char *at;
	size_t room;
};

struct parquet_cursor { /* where a column is being read */
	const struct parquet_field *field;
	uint64_t at, end; /* pages that are still to be read */
	int64_t codec;
	struct parquet_buffer stored, page, dictionary_bytes, previous; /* previous: of DELTA_BYTES */
	struct str *dictionary; /* owned; its values, in dictionary_bytes */
	size_t dictionary_count, dictionary_room;
	/* the page */
	uint64_t left; /* values, nulls included */
	enum parquet_encoding encoding;
	struct parquet_runs levels, indexes;
	struct parquet_deltas deltas, suffixes;
	struct str values; /* what is not read yet */
	uint64_t split_count, split_next; /* of BYTE_STREAM_SPLIT */
	size_t previous_len;
	char scratch[16];
};

void parquet_cursor_begin(struct parquet_cursor *cursor, const struct parquet_field *field,
			  const struct parquet_chunk *chunk);
void parquet_cursor_done(struct parquet_cursor *cursor);
/* The next page with values; err->detail names the cause, not the column. */
MUST_CHECK enum err_code parquet_read_page(struct parquet_cursor *cursor, const struct parquet_source *source,
					   struct error *err);
/* The next value's bytes, as PLAIN has them (a BOOLEAN: one byte), valid until the next one; at NULL: it is null.
 * False: the page is damaged. */
bool parquet_cursor_next(struct parquet_cursor *cursor, struct str *ret);

/* ---- text.c ---- */

/* False: no memory. */
bool parquet_text(const struct parquet_field *field, struct str value, struct arena *arena, struct str *ret);

#endif
