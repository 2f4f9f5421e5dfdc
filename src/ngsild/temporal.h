/* The temporal query language, and the periods of an aggregation.
 * Source: GS CIM 009 V1.9.1 clauses 4.8, 4.11, 4.5.19.1, 5.2.21, 5.2.44. Pure. */
#ifndef MACHI_NGSILD_TEMPORAL_H
#define MACHI_NGSILD_TEMPORAL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define TEMPORAL_NO_TIME INT64_MIN /* of an instance that does not have this temporal property */
#define TEMPORAL_PERIODS_MAX 100000u /* from the first instance to the last one; more is ERR_TOO_COMPLEX */

enum temporal_property {
	TEMPORAL_OBSERVED_AT,
	TEMPORAL_CREATED_AT,
	TEMPORAL_MODIFIED_AT,
	TEMPORAL_DELETED_AT,
	TEMPORAL_PROPERTY_COUNT,
};

/* TEMPORAL_ANY: no temporal restriction was given. */
enum temporal_relation { TEMPORAL_ANY, TEMPORAL_BEFORE, TEMPORAL_AFTER, TEMPORAL_BETWEEN };

enum temporal_method {
	TEMPORAL_AVG,
	TEMPORAL_DISTINCT_COUNT,
	TEMPORAL_MAX,
	TEMPORAL_MIN,
	TEMPORAL_STDDEV, /* of the population: the clause does not say which */
	TEMPORAL_SUM,
	TEMPORAL_SUMSQ,
	TEMPORAL_TOTAL_COUNT,
	TEMPORAL_METHOD_COUNT
};

/* "avg", … */
struct str temporal_method_name(enum temporal_method method);
/* "observedAt", … */
struct str temporal_property_name(enum temporal_property property);

/* The texts as a client sends them; STR_NONE when absent. */
struct temporal_text {
	struct str timerel, time_at, end_time_at, timeproperty, last_n, aggr_methods, aggr_period;
	bool aggregated; /* the aggregated representation was asked for: without it, aggr_… say nothing */
};

struct temporal_query {
	enum temporal_relation relation;
	enum temporal_property property;
	int64_t at_us, end_us; /* as the relation has them */
	uint64_t last_n; /* of each attribute; 0: all */
	unsigned int methods; /* 1 << enum temporal_method */
	/* Of a period: months as the calendar (UTC) has them, then µs; both 0: the whole range. */
	int32_t period_months;
	int64_t period_us;
};

/* Errors: ERR_INVALID naming the parameter: timerel and timeAt go together, endTimeAt with "between" alone. */
MUST_CHECK enum err_code temporal_query_read(const struct temporal_text *text, struct temporal_query *ret_query,
					     struct error *err);

/* The instants that the query allows, both included; INT64_MIN and INT64_MAX where it is open. None: from > to. */
void temporal_bounds(const struct temporal_query *query, int64_t *ret_from_us, int64_t *ret_to_us);

/* Period i goes from edges[i] to edges[i + 1], without it. */
struct temporal_periods {
	int64_t *edges; /* count + 1, in the arena */
	size_t count;
	/* What answers show as the end of the last one: of a range that nothing closes, its last instance's time, which
	 * the period holds. */
	int64_t end_us;
};

/* The periods that can hold something, given the times of the first and the last instance, which lie within the query's
 * bounds. They begin at timeAt where the range begins there, else at the first instance; each edge is so many periods
 * from that beginning (a month later than the 31st is a month's last day). The last one ends where the range does. */
MUST_CHECK enum err_code temporal_periods_make(struct arena *arena, const struct temporal_query *query,
					       int64_t first_us, int64_t last_us, struct temporal_periods *ret_periods,
					       struct error *err);

/* The range of time that a partial answer holds (6.3.10): "DateTime <start>-<end>/<size>" of a header Content-Range.
 * False: it is none. With lastN it goes backwards. */
MUST_CHECK bool temporal_range_read(struct str text, int64_t *ret_start_us, int64_t *ret_end_us);

/* ---- instanceId (4.5.7) ---- */

#define TEMPORAL_INSTANCE_PREFIX "urn:ngsi-ld:Instance:"

/* Names an attribute of an entity as a broker holds it (broker/identity.h) in its instanceIds: the same wherever that
 * broker's database is, for clients keep them, and not that of another broker, whose instances have other numbers. */
uint64_t temporal_mark(struct str holder, struct str id, struct str attribute_iri);
/* The order number that an instanceId of this attribute names. */
bool temporal_instance_number(struct str instance_id, uint64_t mark, int64_t *ret_number);

#endif
