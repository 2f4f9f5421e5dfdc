/* Messages taken apart for mappings: which text of a message each of a mapping's columns means, row by row.
 *
 * A message is a topic and a payload. A column means, in this order: "topic" (the whole), "topic[N]" (a level, from 0),
 * "payload" (the whole, as it came), "received" (when it arrived, ISO 8601), "key" (with "each" over an object: the
 * member's name), a level that the topic's pattern names ("city/{room}/{device}"), and else a path in the payload
 * (feed/json_path.h), which begins at the row, or with "$" at the document. Numbers are texts as they were written; of
 * objects and arrays the text is their JSON. Pure. Thread: a plan is immutable. */
#ifndef MACHI_FEED_RECORD_H
#define MACHI_FEED_RECORD_H

#include "feed/mapping.h"

#define RECORD_LEVELS_MAX 32u /* of a topic */
#define RECORD_ROWS_MAX 5000u /* of a message */
#define RECORD_ROWS_NONE SIZE_MAX

/* ---- topics with named levels ---- */

struct topic_pattern {
	struct str text; /* as it was written */
	struct str filter; /* each {name} as "+": what is subscribed to */
	struct str names[RECORD_LEVELS_MAX]; /* of the levels; STR_NONE: it has none */
	size_t level_count;
};

/* "$share/GROUP/" may stand before it and is no level. In the arena. ERR_INVALID: a name twice, without an end or
 * empty, too many levels; ERR_MEMORY. */
MUST_CHECK enum err_code topic_pattern_parse(struct str text, struct arena *arena, struct topic_pattern *ret_pattern,
					     struct error *err);
/* Does a topic fit the pattern, a "$share/GROUP/" aside? */
bool topic_pattern_fits(const struct topic_pattern *pattern, struct str topic);

/* ---- plans ---- */

struct record_plan;

/* For one mapping and the patterns of the topics that it is for (count 0: topics have no names). All borrowed, and must
 * live as long as the plan, which lies in the arena. ERR_INVALID: a column that means nothing; ERR_MEMORY. */
MUST_CHECK enum err_code record_plan_new(const struct mapping *mapping, const struct topic_pattern *patterns,
					 size_t pattern_count, struct arena *arena, struct record_plan **ret_plan,
					 struct error *err);
/* Does any column mean a place in the payload? */
bool record_plan_reads_json(const struct record_plan *plan);
/* What a column would be called in rows that have names of their own, as a table's: of "['a.b']" what is quoted. */
struct str record_plan_name(const struct record_plan *plan, size_t column);

struct record {
	struct str topic, payload;
	int64_t received_us;
	const struct topic_pattern *pattern; /* that the topic fits; NULL: none */
	const struct json *document; /* the payload as JSON; NULL: it is none */
	/* Of a row that has names of its own: a text for each column, which counts where else a place in the payload
	 * would. NULL: the payload is JSON. */
	const struct str *cells;
};

/* How many rows of JSON there are: 1, or as many as "each" finds. RECORD_ROWS_NONE: "each" leads to no array or
 * object. */
size_t record_rows(const struct record_plan *plan, const struct record *record);
/* The texts of a row's columns into values, in the order of mapping_columns(). Texts are borrowed or in the arena.
 * False: no memory. */
bool record_row(const struct record_plan *plan, const struct record *record, size_t row, struct arena *arena,
		struct str *values);

#endif
