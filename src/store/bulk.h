/* Bulk: many measured values into the history at once, past the documents of entities.
 *
 * A batch is filled on any thread, with references to subjects and attributes that the store has given numbers, and
 * becomes compressed blocks there; the writer only stores them. Each value is an instance of a Property with its
 * observedAt, created in the second in which the batch was made; the current state of entities is not touched. The
 * order number of an instance is its time, so that it takes no room: values of one attribute and moment share it. */
#ifndef MACHI_STORE_BULK_H
#define MACHI_STORE_BULK_H

#include "series/points.h"
#include "store/store.h"

#define BULK_FIELDS_MAX 4000000u /* values in a batch */

/* ---- names to numbers ---- */

struct store_bulk_subject {
	struct str id;
	struct str type_iri; /* added to its types; STR_NONE: none */
	int64_t number; /* set by store_txn_bulk_subjects(); stays the same while the subject has a history */
};

/* Numbers of subjects, made when they are not there, and of attributes. Inside a write. They hold while the store's
 * generation is this one: it changes when a subject goes with its history. ERR_UNSUPPORTED: a memory store. */
MUST_CHECK enum err_code store_txn_bulk_subjects(struct store_txn *txn, struct store_bulk_subject *subjects,
						 size_t count, int64_t *ret_generation, struct error *err);
MUST_CHECK enum err_code store_txn_bulk_name(struct store_txn *txn, struct str attribute_iri, int64_t *ret_number,
					     struct error *err);

/* ---- a batch ---- */

struct store_bulk;

struct store_bulk_value {
	int64_t name; /* the attribute's number */
	enum series_kind kind; /* SERIES_DECIMAL, SERIES_DOUBLE, SERIES_BOOLEAN or SERIES_TEXT */
	uint8_t scale; /* of a decimal; zeros at the end of its digits are dropped */
	union {
		int64_t mantissa; /* also 0 and 1 of booleans */
		double real; /* finite */
		struct str text; /* copied */
	};
};

/* now_us: when the values are created; generation: of the numbers that will be used. ERR_MEMORY, ERR_UNSUPPORTED. */
MUST_CHECK enum err_code store_bulk_new(struct store *store, int64_t now_us, int64_t generation,
					struct store_bulk **ret_bulk, struct error *err);
struct store_bulk *store_bulk_free(struct store_bulk *bulk);
/* Empty again, with its memory, for another batch. Only after it was finished without an error. */
void store_bulk_reset(struct store_bulk *bulk, int64_t now_us, int64_t generation);
size_t store_bulk_bytes(const struct store_bulk *bulk); /* of memory that it holds */
/* What one subject said at one moment. Names must differ. Two values of one attribute and moment are both kept.
 * ERR_LIMIT: BULK_FIELDS_MAX; ERR_INVALID: a value that is none; ERR_MEMORY. */
MUST_CHECK enum err_code store_bulk_add(struct store_bulk *bulk, int64_t subject, int64_t at_us,
					const struct store_bulk_value *values, size_t count, struct error *err);
/* A whole series at once: times ascending; kind SERIES_DECIMAL, SERIES_FIXED, SERIES_DOUBLE, SERIES_BOOLEAN or
 * SERIES_TEXT; of the other columns nothing is looked at. Subjects, and names of a subject, must not descend from call
 * to call; not to be mixed with store_bulk_add(). At most SERIES_POINTS_MAX points. */
MUST_CHECK enum err_code store_bulk_add_series(struct store_bulk *bulk, int64_t subject, int64_t name,
					       const struct series_points *points, struct error *err);
uint64_t store_bulk_points(const struct store_bulk *bulk);
/* Makes the blocks; then store_txn_bulk() may store them, inside a write, once. ERR_CONFLICT of that: the generation is
 * another one by now, ask for the numbers again. */
MUST_CHECK enum err_code store_bulk_finish(struct store_bulk *bulk, struct error *err);
MUST_CHECK enum err_code store_txn_bulk(struct store_txn *txn, struct store_bulk *bulk, struct error *err);

#endif
