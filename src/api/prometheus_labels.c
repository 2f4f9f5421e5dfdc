/* Series and labels of Prometheus's API: what Grafana offers to choose from. Times are left alone: what ever was is
 * listed. */
#include "api/prometheus.h"

#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

/* ---- match[] ---- */

struct matches {
	struct promql_query *queries[PROMETHEUS_SELECTORS_MAX];
	struct promql_selector selectors[PROMETHEUS_SELECTORS_MAX];
	size_t count;
};

static void matches_done(struct matches *matches)
{
	for (size_t i = 0; i < matches->count; i++)
		(void)promql_free(matches->queries[i]);
}

/* Answers itself when it returns false. */
static bool matches_read(struct call *call, const struct form *form, struct matches *matches)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < form->count; i++) {
		if (!str_eq(form->fields[i].name, STR("match[]")))
			continue;
		if (matches->count == PROMETHEUS_SELECTORS_MAX) {
			code = err_set(&call->error, ERR_LIMIT, "more than %u match[]", PROMETHEUS_SELECTORS_MAX);
			break;
		}
		struct promql_query **query = &matches->queries[matches->count];

		code = promql_parse(call->arena, form->fields[i].value, query, &call->error);
		if (code)
			break;
		code = promql_selector(*query, &matches->selectors[matches->count++], &call->error);
	}
	if (code == ERR_INVALID)
		prometheus_invalid(call, "match[]", call->error.detail);
	else if (code)
		prometheus_error(call, code, &call->error);
	if (code)
		matches_done(matches);
	return code == ERR_OK;
}

/* ---- what is listed ---- */

struct list {
	struct call *call;
	struct str label; /* whose values are wanted; STR_NONE: names of labels */
	struct map seen; /* texts in the arena */
	struct str *texts;
	size_t count;
	struct buf *out; /* of series */
	bool more; /* beyond PROMETHEUS_SERIES_SHOWN */
	bool failed; /* no memory */
};

static bool add_text(struct list *list, struct str text)
{
	if (map_get(&list->seen, text))
		return true;
	list->more = list->count == PROMETHEUS_SERIES_SHOWN;
	if (list->more)
		return false;
	struct str kept = arena_dup(list->call->arena, text);

	list->failed = !kept.at || !map_set(&list->seen, kept, list);
	if (list->failed)
		return false;
	list->texts[list->count++] = kept;
	return true;
}

static bool take_names(void *self, const struct promql_labels *labels)
{
	struct list *list = self;

	for (size_t i = 0; i < labels->count; i++)
		if (list->label.at ? str_eq(labels->at[i].name, list->label) && !add_text(list, labels->at[i].value)
				   : !add_text(list, labels->at[i].name))
			return false;
	return true;
}

static bool take_series(void *self, const struct promql_labels *labels)
{
	struct list *list = self;

	list->more = list->count == PROMETHEUS_SERIES_SHOWN;
	if (list->more)
		return false;
	if (list->count++)
		buf_put_char(list->out, ',');
	prometheus_put_labels(list->out, labels);
	return true;
}

static const char *warning_of(const struct list *list)
{
	return list->more ? "there are more than 20000; narrow them down by match[]" : NULL;
}

static_assert(PROMETHEUS_SERIES_SHOWN == 20000, "the warning names it");

static int compare_texts(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void answer_texts(struct list *list)
{
	struct buf out;

	qsort(list->texts, list->count, sizeof(*list->texts), compare_texts);
	prometheus_open(list->call, &out);
	buf_put_char(&out, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			buf_put_char(&out, ',');
		json_write_string(&out, list->texts[i]);
	}
	buf_put_char(&out, ']');
	prometheus_close(list->call, &out, warning_of(list));
}

/* Names of labels, or values of one. */
static void answer_names(struct call *call, struct str label)
{
	struct matches matches = {.count = 0};
	struct list list = {.call = call, .label = label};
	struct samples_source source;
	struct form form;

	if (!prometheus_begin(call, &form) || !matches_read(call, &form, &matches))
		return;
	source = prometheus_source(call);
	list.texts = arena_array(call->arena, struct str, PROMETHEUS_SERIES_SHOWN);
	map_init(&list.seen, (uint64_t)api_now_us());
	enum err_code code =
		list.texts ? samples_each(&source, matches.selectors, matches.count, take_names, &list, &call->error)
			   : err_set(&call->error, ERR_MEMORY, "no memory for labels");

	if (code == ERR_OK && list.failed)
		code = err_set(&call->error, ERR_MEMORY, "no memory for labels");
	if (code)
		prometheus_error(call, code, &call->error);
	else
		answer_texts(&list);
	map_done(&list.seen);
	matches_done(&matches);
}

void prometheus_labels(struct call *call)
{
	answer_names(call, STR_NONE);
}

void prometheus_label_values(struct call *call)
{
	if (promql_is_label_name(call->variables[0]))
		answer_names(call, call->variables[0]);
	else
		prometheus_invalid(call, "name", "not a name of a label");
}

void prometheus_series(struct call *call)
{
	struct matches matches = {.count = 0};
	struct list list = {.call = call};
	struct samples_source source;
	struct form form;
	struct buf out;

	if (!prometheus_begin(call, &form) || !matches_read(call, &form, &matches))
		return;
	if (matches.count == 0) {
		prometheus_invalid(call, "match[]", "no match[] parameter provided");
		return;
	}
	source = prometheus_source(call);
	list.out = &out;
	prometheus_open(call, &out);
	buf_put_char(&out, '[');
	enum err_code code = samples_each(&source, matches.selectors, matches.count, take_series, &list, &call->error);

	buf_put_char(&out, ']');
	if (code) {
		buf_done(&out);
		prometheus_error(call, code, &call->error);
	} else {
		prometheus_close(call, &out, warning_of(&list));
	}
	matches_done(&matches);
}
