/* PromQL, the query language of Prometheus, over any source of samples.
 *
 * A query is parsed once, evaluated once, and freed. What it means is what Prometheus 2.42 makes of it: the same
 * operators, functions, extrapolation, matching of vectors and stale samples; docs/reference/promql.md lists what is
 * there. Times are milliseconds since 1970 (UTC). Pure: the source is asked for samples, the time comes from the
 * caller. Thread: a query has one owner.
 * Source: prometheus.io/docs/prometheus/2.42/querying, and the behaviour of that program. */
#ifndef MACHI_PROMQL_PROMQL_H
#define MACHI_PROMQL_PROMQL_H

#include "base/arena.h"
#include "base/error.h"

#define PROMQL_TEXT_BYTES_MAX 65536u /* of a query */
#define PROMQL_DEPTH_MAX 100u /* of expressions within expressions */
#define PROMQL_NODES_MAX 1000u /* selectors, operators, calls, … of a query */
#define PROMQL_ARGUMENTS_MAX 64u /* of a function */
#define PROMQL_LABELS_MAX 256u /* of a series, and in a list of label names */
#define PROMQL_STEPS_MAX 11000u /* of a range, as Prometheus has it */
#define PROMQL_TIME_MS_MAX (INT64_MAX / 8) /* of times and steps, before and after 1970 */
#define PROMQL_LOOKBACK_MS INT64_C(300000) /* how long a sample holds when none follows */

/* ---- samples ---- */

struct promql_label {
	struct str name, value;
};

struct promql_labels {
	const struct promql_label *at; /* in the order of their names, each once; values not empty */
	size_t count;
};

struct promql_point {
	int64_t time_ms;
	double value;
};

struct promql_series {
	struct promql_labels labels;
	const struct promql_point *points; /* in the order of time, each time once */
	size_t count;
};

/* ---- selectors ---- */

enum promql_match { PROMQL_EQUAL, PROMQL_NOT_EQUAL, PROMQL_REGEX, PROMQL_NOT_REGEX };

struct promql_pattern;

struct promql_matcher {
	struct str name; /* "__name__" for the name of the metric */
	enum promql_match match;
	struct str value;
	const struct promql_pattern *pattern; /* of the regular ones */
};

struct promql_selector {
	const struct promql_matcher *matchers;
	size_t count;
};

/* Does a label's value fit? "" where there is no such label. */
bool promql_matcher_holds(const struct promql_matcher *matcher, struct str value);
bool promql_selector_holds(const struct promql_selector *selector, const struct promql_labels *labels);

/* What a source is asked for. */
struct promql_request {
	const struct promql_selector *selector;
	int64_t from_ms, to_ms; /* samples from and to here, both included */
	/* How they will be used, for sources that can thin out: looked at at start_ms, and from there every step_ms (0:
	 * only once, at to_ms) until to_ms; over a window of range_ms, or with 0 only the latest at each step. */
	int64_t start_ms, step_ms, range_ms;
};

struct promql_source {
	/* The series that match, with their samples; in the arena. No two have the same labels. */
	enum err_code (*select)(void *self, const struct promql_request *request, struct arena *arena,
				const struct promql_series **ret_series, size_t *ret_count, struct error *err);
	void *self;
};

/* ---- queries ---- */

enum promql_type { PROMQL_SCALAR, PROMQL_VECTOR, PROMQL_MATRIX, PROMQL_STRING };

struct promql_query;

/* text is borrowed until the query is freed; the query lives in the arena but owns memory beside it. ERR_INVALID with
 * "1:5: parse error: …" (line and column); ERR_LIMIT; ERR_TOO_COMPLEX: a regular expression; ERR_MEMORY. */
MUST_CHECK enum err_code promql_parse(struct arena *arena, struct str text, struct promql_query **ret_query,
				      struct error *err);
struct promql_query *promql_free(struct promql_query *query); /* NULL is fine; returns NULL */
enum promql_type promql_type(const struct promql_query *query);
const char *promql_type_name(enum promql_type type); /* "scalar", "vector", "matrix", "string", as the API has it */
/* The selector that the whole query is; ERR_INVALID when it is anything else, or has an offset or "@". */
MUST_CHECK enum err_code promql_selector(const struct promql_query *query, struct promql_selector *ret_selector,
					 struct error *err);

struct promql_run {
	int64_t start_ms, end_ms; /* equal for an instant */
	int64_t step_ms; /* 0: an instant */
	int64_t lookback_ms; /* 0: PROMQL_LOOKBACK_MS */
	uint64_t work_max; /* how many samples may be looked at; 0: no bound */
};

struct promql_result {
	enum promql_type type; /* of a range query always PROMQL_MATRIX */
	double scalar;
	struct str string;
	/* Vectors have one point a series. In the order that sort() and topk() give, otherwise any. */
	const struct promql_series *series;
	size_t count;
};

/* Evaluates, once a query. The result lives in the arena and borrows the query. ERR_INVALID: this type at a range;
 * ERR_CONFLICT: the data do not fit the query (many-to-many matching and the like); ERR_TOO_COMPLEX: beyond work_max;
 * ERR_LIMIT: more than PROMQL_STEPS_MAX steps; ERR_MEMORY; and what the source says. */
MUST_CHECK enum err_code promql_eval(struct promql_query *query, const struct promql_run *run,
				     const struct promql_source *source, struct arena *arena,
				     struct promql_result *ret_result, struct error *err);

/* ---- texts ---- */

#define PROMQL_NUMBER_BYTES 400 /* holds any of the two */
/* As the API writes sample values: shortest that reads back the same, "NaN", "+Inf", "-Inf". */
struct str promql_number_text(double value, char buffer[static PROMQL_NUMBER_BYTES]);
/* The same, never with an exponent: values of count_values. */
struct str promql_plain_text(double value, char buffer[static PROMQL_NUMBER_BYTES]);
/* "5m", "1h30m", as in a query; from 1 ms on. */
bool promql_duration_from(struct str text, int64_t *ret_ms);
bool promql_is_label_name(struct str text);
/* What names of labels and metrics may hold, all else made "_": "temp (°C)" becomes "temp___C_". In the arena; at is
 * NULL when memory was refused. */
struct str promql_name_from(struct arena *arena, struct str text);

#endif
