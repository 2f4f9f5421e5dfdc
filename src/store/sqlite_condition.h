/* What a query demands, as conditions that the indices can answer: how many entities fulfil one, and which. */
#ifndef MACHI_STORE_SQLITE_CONDITION_H
#define MACHI_STORE_SQLITE_CONDITION_H

#include "store/sqlite_gather.h"
#include "store/sqlite_stream.h"

#define CONDITION_ATTRIBUTES_MAX 32 /* further ones are left to the evaluator */
#define CONDITIONS_MAX (6 + CONDITION_ATTRIBUTES_MAX)

enum condition_kind {
	CONDITION_IDS,
	CONDITION_TYPES,
	CONDITION_EITHER, /* one of some ids, or of some types */
	CONDITION_ID_PREFIX,
	CONDITION_SCOPE,
	CONDITION_PLACE,
	CONDITION_RANGE /* an attribute is there, or has a value in a range, or one that is not indexed */
};

struct condition {
	enum condition_kind kind;
	int64_t *numbers; /* IDS, EITHER: entities, ascending; TYPES: names; RANGE: one name */
	size_t number_count; /* 0 (of these kinds, but EITHER): nothing can fulfil it */
	int64_t *type_numbers; /* EITHER: names */
	size_t type_number_count;
	struct index_value low, high; /* RANGE */
	struct iid_gather gather; /* of one that is not ordered: what has been counted */
	struct iid_union streams; /* when opened */
};

/* Fills conditions (CONDITIONS_MAX many) and says how many. Looks names and ids up in the snapshot that is open. */
MUST_CHECK enum err_code conditions_make(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
					 struct condition *conditions, size_t *ret_count, struct error *err);
/* No entity fulfils it, whatever the indices say. */
bool condition_is_empty(const struct condition *condition);
/* An index gives its entities in order; otherwise they must be sorted first. */
bool condition_is_ordered(const struct condition *condition);
/* How many index rows it has, counted up to about bound. One that is not ordered is read so far; the next call goes on
 * from there. */
MUST_CHECK enum err_code condition_count(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
					 struct condition *condition, uint64_t bound, uint64_t *ret_count,
					 struct error *err);
/* Opens its streams; one that is not ordered must have been counted to its end. */
MUST_CHECK enum err_code condition_open(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
					struct condition *condition, struct error *err);
void condition_done(struct sqlite_conn *conn, struct condition *condition); /* gives back what it took */

#endif
