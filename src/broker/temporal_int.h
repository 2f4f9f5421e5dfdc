/* Reading temporal evolutions, shared by temporal_read.c (series of one entity), temporal_match.c (does it match?),
 * temporal_sums.c (aggregates) and temporal_query.c (pages). */
#ifndef MACHI_BROKER_TEMPORAL_INT_H
#define MACHI_BROKER_TEMPORAL_INT_H

#include "broker/read_int.h"
#include "broker/temporal.h"
#include "store/temporal.h"

struct time_span {
	int64_t from_us, to_us; /* both included */
};

/* What an instance must meet beside the window to be shown (5.7.4.4: "which meet the temporal, query and geoquery
 * restrictions"; C.5.16: while the scope matched). */
struct temporal_filter {
	struct json *document; /* the entity as the query saw it, in scratch; NULL: neither q nor geo-query */
	const struct time_span *spans; /* while its scope matched; in scratch */
	size_t span_count;
	bool spanned; /* there is a scope query */
};

struct temporal_reading {
	struct store_reader *store;
	const struct broker_temporal_ask *ask;
	struct store_window window;
	struct arena *arena; /* of the answer */
	struct arena *scratch; /* of one entity */
	struct temporal_filter filter; /* of the entity at hand */
	uint64_t total; /* instances and periods so far */
	struct error *err;
};

/* The instances of one series. */
struct temporal_series {
	struct str id, iri, dataset_id;
};

/* The series of a subject, the scope's first, else by names: so that answers do not depend on the store. In scratch. */
MUST_CHECK enum err_code temporal_series_list(struct temporal_reading *reading, struct str id,
					      const struct store_series **ret_series, size_t *ret_count);

void temporal_reading_init(struct temporal_reading *reading, struct store_reader *store,
			   const struct broker_temporal_ask *ask, struct arena *arena, struct arena *scratch,
			   struct error *err);
/* The store, seen through the ask's merged evolutions, if it has any; NULL: no memory. */
struct store_reader *temporal_reader_of(const struct broker_temporal_ask *ask, struct store_reader *store);
/* When the entity was deleted (6.3.11); TEMPORAL_NO_TIME: it was not, or nobody is told. */
MUST_CHECK enum err_code temporal_deletion(const struct temporal_reading *reading, const struct store_subject *subject,
					   const struct store_series *series, size_t count, int64_t *ret_us);
/* Nothing can lie in the window. */
bool temporal_reading_is_empty(const struct temporal_reading *reading);

struct temporal_points {
	struct temporal_point *at; /* in the arena, oldest first */
	size_t count;
	bool more; /* there are others in the window: later ones, or with latest earlier ones */
};

/* What the window holds of a series, with what passes the filter alone. */
MUST_CHECK enum err_code temporal_points_read(struct temporal_reading *reading, const struct temporal_series *series,
					      bool latest, uint64_t count_max, struct temporal_points *ret_points);
/* All that pass, for who needs each: ERR_TOO_COMPLEX for more than BROKER_TEMPORAL_EXAMINED_MAX. */
MUST_CHECK enum err_code temporal_points_all(struct temporal_reading *reading, const struct temporal_series *series,
					     struct temporal_points *ret_points);
/* Is this series looked at instance by instance? */
bool temporal_is_filtered(const struct temporal_reading *reading, struct str iri);

/* The entity of this subject, whose series these are; ret_cuts says how each attribute was cut. In the arena. */
MUST_CHECK enum err_code temporal_entity_read(struct temporal_reading *reading, const struct store_subject *subject,
					      const struct store_series *series, size_t series_count,
					      struct temporal_entity *ret_entity, struct broker_temporal_cut *cut);
/* Cuts all of them to the one range that cut says, and sets its ends. */
void temporal_range_apply(const struct temporal_reading *reading, struct temporal_entity *entities, size_t count,
			  struct broker_temporal_cut *cut);

/* temporal_sums.c: the aggregate of one series; *ret_any false: nothing in the window. */
MUST_CHECK enum err_code temporal_aggregate_read(struct temporal_reading *reading, const struct temporal_series *series,
						 struct temporal_aggregate *ret_aggregate, bool *ret_any);

/* temporal_match.c: does the subject match the ask's query? Sets reading->filter. */
MUST_CHECK enum err_code temporal_match(struct temporal_reading *reading, const struct store_subject *subject,
					const struct store_series **ret_series, size_t *ret_count, bool *ret_matches);
/* Does one of the attributes that the request speaks of have an instance in the window? (5.7.3.4, 5.7.4.4) */
MUST_CHECK enum err_code temporal_has_instances(struct temporal_reading *reading, struct str id,
						const struct store_series *series, size_t series_count, bool *ret_has);
/* The instances by which the scope of the interval is known: those up to its end, or the one without a time. */
MUST_CHECK enum err_code temporal_scopes_read(const struct temporal_reading *reading, struct str id,
					      struct store_instances *ret);
/* Of a series without an instance in the interval, the one that q is held against: it never has the query's time. */
MUST_CHECK enum err_code temporal_timeless_read(const struct temporal_reading *reading,
						const struct temporal_series *series, struct store_instances *ret);
/* Does the point pass the filter? */
bool temporal_passes(const struct temporal_reading *reading, struct str iri, const struct store_instance *instance);

#endif
