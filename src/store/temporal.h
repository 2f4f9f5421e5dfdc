/* The temporal evolution of entities as a store keeps it: subjects, their series, the instances of a series.
 *
 * A subject is an id that has a history: an entity's, also one that is gone, or one that only ever had a temporal
 * representation. A series is one attribute of a subject and one datasetId; the scope is a series too, under the name
 * STORE_SCOPE_SERIES. Its instances are what the attribute was, each with an order number that names it for good. Where
 * they lie (rows, packed chunks) makes no difference to any answer.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.6–4.5.9, 4.5.19, 4.8, 4.11, 5.6.11–5.6.16. Thread: as store.h says. */
#ifndef MACHI_STORE_TEMPORAL_H
#define MACHI_STORE_TEMPORAL_H

#include "series/sums.h"
#include "store/store.h"

#define STORE_SCOPE_SERIES "scope"

/* What an instance says beside its value and its times. Lives as long as the arena it was read into. */
struct store_shape {
	enum change_kind kind; /* CHANGE_DELETED: the value is that of before; deleted_us of its points is set */
	/* The instance as document.h has it; its value member, observedAt, createdAt and modifiedAt are there when the
	 * instance has them, at their places, but stand for nothing. (An observedAt that is a text is exactly what was
	 * sent.) */
	const struct json *instance;
	struct str value_name; /* of the member that holds the value: "value", "object", … */
};

#define STORE_NO_TIME INT64_MIN

struct store_instance {
	int64_t observed_us; /* STORE_NO_TIME: it has none, as for the others */
	int64_t created_us, modified_us; /* modified_us: createdAt when it has no modifiedAt of its own */
	int64_t deleted_us; /* of a deletion, which has no observedAt and is modified at the same moment */
	/* Order number, unique in its attribute, whatever the dataset (but see bulk.h); never changes. */
	int64_t number;
	const struct store_shape *shape;
	struct json value; /* numbers and texts as they were sent */
};

/* The whole instance as document.h has it (without deletedAt and instanceId), in the arena; NULL when refused. */
struct json *store_instance_document(struct arena *arena, const struct store_instance *instance);

enum store_time { STORE_OBSERVED_AT, STORE_CREATED_AT, STORE_MODIFIED_AT, STORE_DELETED_AT };

/* Instances that have the temporal property, from from_us to to_us, both included; INT64_MIN and INT64_MAX: open. */
struct store_window {
	enum store_time by;
	bool all; /* every instance, whether it has the property or not; those without are ordered by modified_us */
	bool or_modified; /* those without the property count as if modified_us were it */
	int64_t from_us, to_us;
};

struct store_instances {
	const struct store_instance *at; /* in the arena, oldest first by the window's property, equals by number */
	size_t count;
	bool more; /* there are others in the window: later ones, or with `latest` earlier ones */
};

/* The instances of a series in a window, at most count_max of them: the earliest, or the latest when `latest`.
 * No such series: none. */
MUST_CHECK enum err_code store_series_read(struct store_reader *reader, struct str id, struct str attribute_iri,
					   struct str dataset_id, const struct store_window *window, bool latest,
					   uint32_t count_max, struct arena *arena, struct store_instances *ret,
					   struct error *err);

/* The same by their values alone, in periods: period i holds what lies in [edges[i], edges[i + 1]), of the count
 * edges (at least 2) in ascending order; ret_sums has count - 1 of them, set anew, and uses the arena. Deletions do
 * not count. Whole chunks that lie in one period are not read but summed by what they say of themselves. Values that
 * are no numbers (true and false count as 1 and 0) are counted in series_sums.others only. By STORE_OBSERVED_AT
 * roll-ups are read in place of instances where that gives the same to the last bit, and count where they are all that
 * is left. A period is left empty when one of its edges cuts such a bucket: a part of its values is not known. */
MUST_CHECK enum err_code store_series_sums(struct store_reader *reader, struct str id, struct str attribute_iri,
					   struct str dataset_id, enum store_time by, const int64_t *edges,
					   size_t count, struct arena *arena, struct series_sums *ret_sums,
					   struct error *err);

struct store_span {
	bool any;
	int64_t from_us, to_us; /* both included */
};
/* From when to when there are buckets, of instances that were too old to be kept as they came (retention.h), that have
 * something of [from_us, to_us]; cut to these. */
MUST_CHECK enum err_code store_series_kept(struct store_reader *reader, struct str id, struct str attribute_iri,
					   struct str dataset_id, int64_t from_us, int64_t to_us,
					   struct store_span *ret_span, struct error *err);

struct store_subject {
	struct str id;
	const struct str *types; /* IRIs: of the entity, of its last state, or given with its temporal representation */
	size_t type_count;
	int64_t created_us; /* of the entity; STORE_NO_TIME: only a temporal representation is there */
	int64_t modified_us; /* of the entity; STORE_NO_TIME */
	int64_t gone_us; /* since when there is no entity any more; STORE_NO_TIME: there is one, or never was */
	bool laid_over; /* an overlay's (overlay.h): gone_us says by itself that the entity was deleted */
};

/* ERR_NOT_FOUND: there is neither an entity nor a history of this id. In the arena; err may be NULL. */
MUST_CHECK enum err_code store_subject_get(struct store_reader *reader, struct str id, struct arena *arena,
					   struct store_subject *ret, struct error *err);
/* Subjects that may match narrow's types and ids (a superset, each once, in the order of their numbers, from behind
 * `after`, 0: all), within one snapshot; number is what to go on behind. visit may call this reader's functions; its
 * subject is borrowed until it returns; returning false stops. */
MUST_CHECK enum err_code store_subject_each(struct store_reader *reader, const struct narrow *narrow, int64_t after,
					    bool (*visit)(void *self, int64_t number,
							  const struct store_subject *subject),
					    void *self, struct error *err);
/* The series of a subject that have, or once had, instances: by attribute, then dataset. In the arena. */
struct store_series {
	struct str attribute_iri; /* or STORE_SCOPE_SERIES */
	struct str dataset_id; /* STR_NONE: the default one */
};
MUST_CHECK enum err_code store_series_list(struct store_reader *reader, struct str id, struct arena *arena,
					   const struct store_series **ret_series, size_t *ret_count,
					   struct error *err);

/* ---- changing history ---- */

/* Adds types to a subject's temporal representation; it is created when it is not there. */
MUST_CHECK enum err_code store_txn_subject_add(struct store_txn *txn, struct str id, const struct str *types,
					       size_t type_count, bool *ret_created, struct error *err);
/* Is there an entity or a history of this id? */
MUST_CHECK enum err_code store_txn_subject_has(struct store_txn *txn, struct str id, bool *ret_has, struct error *err);
/* Deletes all history of an id: every series, and the types given for it (5.6.16). ERR_NOT_FOUND. */
MUST_CHECK enum err_code store_txn_subject_delete(struct store_txn *txn, struct str id, struct error *err);
/* Deletes a series, or all of an attribute (5.6.13). ERR_NOT_FOUND when it has no instance. */
MUST_CHECK enum err_code store_txn_series_delete(struct store_txn *txn, struct str id, struct str attribute_iri,
						 struct str dataset_id, bool all, struct error *err);
/* Replaces an instance (5.6.14): it keeps its number, datasetId and createdAt, and is modified at now_us. NULL deletes
 * it (5.6.15). Looked for in all datasets of the attribute. ERR_NOT_FOUND. */
MUST_CHECK enum err_code store_txn_instance_replace(struct store_txn *txn, struct str id, struct str attribute_iri,
						    int64_t number, const struct json *instance, int64_t now_us,
						    struct error *err);

#endif
