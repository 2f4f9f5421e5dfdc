/* Segments: a batch of values as it came, subject by subject, in bytes that are cheap to make. What is written at every
 * request must cost little; packing makes blocks of many segments later.
 *
 *   byte version, varint created_us / 1 s; then chains in the order of subjects, each:
 *   varint subject − the one before, varint records, varint bytes of what follows,
 *   times: varint (zigzag) first, then differences; varint fields; for each field: varint name, byte kind and scale,
 *   values: decimals and booleans as varint (zigzag) first and differences, doubles as eight bytes, texts with lengths
 *   at the end four bytes: a checksum of all before
 *
 * All records of a chain have the same fields, each of one kind. Pure. */
#ifndef MACHI_STORE_SEGMENT_H
#define MACHI_STORE_SEGMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "series/points.h"

#define SEGMENT_RECORDS_MAX 65536u /* of a chain */
#define SEGMENT_FIELDS_MAX 1024u

struct segment_field {
	int64_t name;
	enum series_kind kind;
	uint8_t scale;
	/* One of these, a value a record. */
	const int64_t *mantissas;
	const double *doubles;
	const struct str *texts;
};

struct segment_chain {
	int64_t subject;
	uint32_t record_count, field_count;
	const int64_t *at_us; /* ascending */
	const struct segment_field *fields; /* by ascending names */
};

void segment_begin(struct buf *out, int64_t created_us);
/* Subjects ascend. */
void segment_put(struct buf *out, int64_t subject_before, const struct segment_chain *chain);
void segment_end(struct buf *out);

struct segment_reader {
	const unsigned char *at, *end;
	int64_t subject; /* of the chain at hand */
	int64_t created_us;
	uint32_t records;
	const unsigned char *chain_end;
};

/* ERR_CORRUPT, ERR_VERSION. The bytes are borrowed. */
MUST_CHECK enum err_code segment_open(struct segment_reader *reader, struct str bytes, struct error *err);
/* Moves to the next chain: its subject is known then. *ret_more is false at the end. */
MUST_CHECK enum err_code segment_next(struct segment_reader *reader, bool *ret_more, struct error *err);
/* The chain at hand, in the arena (texts are borrowed from the bytes). */
MUST_CHECK enum err_code segment_read(const struct segment_reader *reader, struct arena *arena,
				      struct segment_chain *ret, struct error *err);

#endif
