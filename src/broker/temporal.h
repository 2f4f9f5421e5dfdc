/* The temporal evolution of entities: reading it whole or in part, querying, and what the current state never says.
 * Writing goes through struct broker_write (BROKER_TEMPORAL_…). Source: GS CIM 009 V1.9.1 clauses 5.6.11–5.6.16, 5.7.3,
 * 5.7.4. Thread: a reader belongs to one thread, as in broker.h. */
#ifndef MACHI_BROKER_TEMPORAL_H
#define MACHI_BROKER_TEMPORAL_H

#include "broker/broker.h"
#include "ngsild/represent_temporal.h"

/* Instances that are looked at of one attribute and datasetId where a filter, a count of distinct values or values that
 * are no numbers demand each; more is ERR_TOO_COMPLEX. */
#define BROKER_TEMPORAL_EXAMINED_MAX 200000u

/* How a partial answer was cut. */
struct broker_temporal_cut {
	bool cut;
	int64_t first_us, last_us; /* of the instances in the answer, by the query's property */
	bool any; /* there are some */
};

struct store_overlay; /* store/overlay.h */

/* Evolutions put together from here and from elsewhere, which stand in the place of what is here of these ids. */
struct broker_temporal_merged {
	struct store_overlay *overlay;
	bool judged; /* the query has been put to their parts already: all of these entities match its conditions */
	struct broker_temporal_cut
		cut; /* of their parts, when those were partial: the answer ends there at the latest */
};

/* What is wanted of each entity. */
struct broker_temporal_ask {
	const struct query *query; /* of entities; NULL: retrieval */
	const struct temporal_query *temporal;
	enum temporal_form form;
	const struct represent_options *represent; /* show and dataset_ids say which series */
	uint32_t instances_max; /* of an attribute in an answer; more make it partial (6.3.10) */
	uint64_t total_max; /* of all attributes and entities of an answer: the page ends before */
	struct str holder; /* as represent_temporal.h has it; of broker_temporal_own() alone */
	const struct broker_temporal_merged *merged; /* NULL: what is here alone */
};

struct broker_temporal_page {
	const struct temporal_entity *entities; /* in the arena; all cut to one range */
	size_t count;
	struct broker_page_result result;
	bool early; /* total_max ended it before its limit */
	struct broker_temporal_cut range;
};

/* One entity, in the arena. ERR_NOT_FOUND: nothing is known of it, or nothing within what is asked for (5.7.3.4);
 * ERR_TENANT, ERR_TOO_COMPLEX. */
MUST_CHECK enum err_code broker_temporal_retrieve(struct broker_reader *reader, struct str tenant, struct str id,
						  const struct broker_temporal_ask *ask, struct arena *arena,
						  struct temporal_entity *ret_entity,
						  struct broker_temporal_cut *ret_range, struct error *err);

/* The page of entities whose evolution matches. page->order may order by id alone; with page->map there is none. With
 * page->map_partly the total is that of the candidates, and more follow where some candidate does. */
MUST_CHECK enum err_code broker_temporal_query(struct broker_reader *reader, struct str tenant,
					       const struct broker_temporal_ask *ask, const struct broker_page *page,
					       struct arena *arena, struct broker_temporal_page *ret_page,
					       struct error *err);

/* The ids of all entities whose evolution matches, in this order (of ids; NULL: of creation), for an entity map of
 * them. id lives until visit returns; false stops. ERR_LIMIT: more than an entity map holds. */
MUST_CHECK enum err_code broker_temporal_ids(struct broker_reader *reader, struct str tenant,
					     const struct broker_temporal_ask *ask, const struct order *order,
					     bool (*visit)(void *self, struct str id), void *self, struct error *err);

/* What is here of one entity, for being put together with what others have (union_evolution()): an expanded
 * EntityTemporal in the arena, with instanceId and deletedAt as in expand.h ("stamped"); NULL: nothing. All attributes,
 * and of each at least those instances in the ask's interval that an answer can show; with a query also those outside
 * that it may look at. judge: only when it matches the ask's query by itself, and instances that meet that alone.
 * ERR_TENANT, ERR_TOO_COMPLEX. */
MUST_CHECK enum err_code broker_temporal_own(struct broker_reader *reader, struct str tenant, struct str id,
					     const struct broker_temporal_ask *ask, bool judge, struct arena *arena,
					     struct json **ret_evolution, struct error *err);

/* The types of an entity, or those that its evolution was given; in the arena. None: nothing is known of it. */
MUST_CHECK enum err_code broker_temporal_types(struct broker_reader *reader, struct str tenant, struct str id,
					       struct arena *arena, const struct str **ret_types, size_t *ret_count,
					       struct error *err);

#endif
