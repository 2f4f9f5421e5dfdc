/* What the files of Sparkplug share. */
#ifndef MACHI_SPARKPLUG_SPARKPLUG_INT_H
#define MACHI_SPARKPLUG_SPARKPLUG_INT_H

#include "base/map.h"
#include "sparkplug/sparkplug.h"

#include <sparkplug/sparkplug_b.pb-c.h>

enum sparkplug_type { /* chapter 6.4.16 */
		      TYPE_UNKNOWN = 0,
		      TYPE_INT8,
		      TYPE_INT16,
		      TYPE_INT32,
		      TYPE_INT64,
		      TYPE_UINT8,
		      TYPE_UINT16,
		      TYPE_UINT32,
		      TYPE_UINT64,
		      TYPE_FLOAT,
		      TYPE_DOUBLE,
		      TYPE_BOOLEAN,
		      TYPE_STRING,
		      TYPE_DATE_TIME,
		      TYPE_TEXT,
		      TYPE_UUID,
		      TYPE_DATA_SET,
		      TYPE_BYTES,
		      TYPE_FILE,
		      TYPE_TEMPLATE,
		      TYPE_PROPERTY_SET,
		      TYPE_PROPERTY_SETS,
		      TYPE_INT8_ARRAY,
		      TYPE_INT16_ARRAY,
		      TYPE_INT32_ARRAY,
		      TYPE_INT64_ARRAY,
		      TYPE_UINT8_ARRAY,
		      TYPE_UINT16_ARRAY,
		      TYPE_UINT32_ARRAY,
		      TYPE_UINT64_ARRAY,
		      TYPE_FLOAT_ARRAY,
		      TYPE_DOUBLE_ARRAY,
		      TYPE_BOOLEAN_ARRAY,
		      TYPE_STRING_ARRAY,
		      TYPE_DATE_TIME_ARRAY,
		      TYPE_COUNT
};

struct born_metric { /* in the arena of what was born */
	struct str name;
	uint32_t type;
	bool has_alias;
	uint64_t alias;
};

struct born { /* a node itself, or one of its devices */
	struct str id; /* in the arena; "": the node itself */
	struct arena arena;
	struct map by_name, by_alias; /* struct born_metric; an alias is its eight bytes */
	uint32_t metric_count;
};

struct node {
	struct arena arena; /* its key */
	struct str key; /* "GROUP/NODE" */
	bool alive;
	bool has_birth_number;
	uint64_t birth_number; /* bdSeq */
	uint8_t next_seq;
	int64_t asked_us; /* for a rebirth */
	struct born self;
	struct map devices; /* struct born, by id */
	uint32_t metric_count; /* of all */
};

struct sparkplug {
	struct map nodes; /* struct node, by key */
};

/* ---- value.c ---- */

const char *sparkplug_type_name(uint32_t type); /* "Int8"; NULL: there is none */
/* The metric's value as JSON; null for what has none. ERR_INVALID: the value is of another type than it says. */
MUST_CHECK enum err_code sparkplug_value(const Sparkplug__Metric *metric, uint32_t type, struct arena *arena,
					 struct json *ret, struct error *err);
MUST_CHECK enum err_code sparkplug_property(const Sparkplug__PropertyValue *property, struct arena *arena,
					    struct json *ret);
/* Milliseconds since 1970 as a text; null where it is no time. */
struct json sparkplug_time(struct arena *arena, uint64_t ms);

/* ---- document.c ---- */

struct known_metric { /* a metric of a message, with what its birth said */
	const Sparkplug__Metric *metric;
	struct str name;
	uint32_t type;
};

/* NULL: no memory. metrics of which the value is not of their type are left out and counted in *ret_bad. */
struct json *sparkplug_document(struct arena *arena, const struct sparkplug_topic *topic,
				const Sparkplug__Payload *payload, const struct known_metric *metrics, size_t count,
				uint32_t *ret_bad);

/* ---- session.c ---- */

/* NULL: there is none. */
struct node *sparkplug_node(const struct sparkplug *sparkplug, const struct sparkplug_topic *topic);
const struct born *sparkplug_born(const struct node *node, struct str device);

#endif
