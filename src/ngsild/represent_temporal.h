/* The temporal evolution of an entity as text: normalized, simplified, aggregated.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.6–4.5.9, 4.5.19, 6.3.11, 6.3.12. Pure. */
#ifndef MACHI_NGSILD_REPRESENT_TEMPORAL_H
#define MACHI_NGSILD_REPRESENT_TEMPORAL_H

#include "ngsild/represent.h"
#include "ngsild/temporal.h"

/* The scope's series, between an entity's attributes. */
#define TEMPORAL_SCOPE STR("scope")

/* An instance of an attribute at its time. */
struct temporal_point {
	int64_t observed_us, created_us, modified_us, deleted_us; /* TEMPORAL_NO_TIME: it has none */
	int64_t number; /* that its instanceId names, unless the instance has one of its own */
	bool deleted; /* the attribute was deleted then: value and sub-attributes are those of before */
	/* The instance as document.h has it. What it says of its value and its times stands for nothing: those are the
	 * point's. Many points share one, by which the text around the values is made once. */
	const struct json *instance;
	const struct json *value;
};

/* What the numbers (true and false as 1 and 0) of one period come to. */
struct temporal_sums {
	uint64_t count;
	double sum, sumsq, avg, stddev, min, max;
};

/* One datasetId of an attribute in the aggregated representation. */
struct temporal_aggregate {
	struct temporal_periods periods;
	/* In their order, within the periods, without deletions; one at least. With sums, and without distinctCount,
	 * one is enough: it says what kind of attribute this is. */
	const struct temporal_point *points;
	size_t count;
	const struct temporal_sums *sums; /* one a period, when all values are numbers or booleans; else NULL */
};

struct temporal_attribute {
	struct str iri; /* or TEMPORAL_SCOPE */
	const struct temporal_point *points; /* in the order of the query's property */
	size_t count;
	/* Instead of points, when the aggregated representation is asked for: the default datasetId first. */
	const struct temporal_aggregate *aggregates;
	size_t aggregate_count;
	bool named; /* the client asks for this attribute: every method must apply to it (5.7.4.4) */
};

struct temporal_entity {
	struct str id;
	const struct str *types;
	size_t type_count;
	int64_t created_us, modified_us, deleted_us; /* of the entity; TEMPORAL_NO_TIME */
	struct temporal_attribute *attributes;
	size_t count;
};

enum temporal_form { TEMPORAL_NORMALIZED, TEMPORAL_VALUES, TEMPORAL_AGGREGATED };

struct temporal_options {
	enum temporal_form form;
	const struct temporal_query *query;
	/* Of it: context, sys_attrs, show (of id, type and times; attributes that are there are shown), language and
	 * context_value. */
	const struct represent_options *represent;
	struct str holder; /* whose instances these are: for instanceIds (temporal_mark()) */
};

/* Appends the entity's text; arena holds scratch. Errors: ERR_UNSUPPORTED: a method does not apply to an attribute that
 * is named (the clause's InvalidRequest); ERR_MEMORY. A buffer that cannot take it stays failed. */
MUST_CHECK enum err_code represent_temporal(struct buf *out, struct arena *arena, const struct temporal_entity *entity,
					    const struct temporal_options *options, struct error *err);

/* The point's time by this property; without it, when it was modified or came. */
int64_t temporal_point_time(const struct temporal_point *point, enum temporal_property property);

#endif
