/* Which series a selector means: subjects by what their ids and types say, their attributes by name, and only what
 * still fits is looked at and read. All within one snapshot. */
#include "broker/samples_int.h"

#include "base/time_value.h"
#include "lineproto/series_key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCRATCH_BYTES_MAX ((size_t)256 << 20) /* of one subject, and of one series */
#define LABELS_OWN 6u /* __name__, attribute, datasetId, id, type, unitCode */
#define LABELS_ROOM (LABELS_OWN + LINE_TAGS_MAX)
#define NARROW_TYPES_MAX 1u

static const struct str label_name = {"__name__", 8};
static const struct str label_attribute = {"attribute", 9};
static const struct str label_dataset = {"datasetId", 9};
static const struct str label_id = {"id", 2};
static const struct str label_type = {"type", 4};
static const struct str label_unit = {"unitCode", 8};

struct walk {
	const struct samples_source *source;
	struct store_reader *store_reader;
	const struct promql_selector *selectors;
	size_t selector_count; /* 0: all */
	struct arena subject; /* of the subject at hand */
	struct arena scratch; /* of the series at hand */
	int64_t until_us; /* CLOCK_MONOTONIC; 0: no bound */
	/* false stops */
	bool (*found)(struct walk *walk, const struct samples_series *series, const struct promql_labels *labels);
	enum err_code code;
	struct error *err;
	/* samples_select() */
	const struct promql_request *request;
	struct arena *arena;
	struct promql_series *series;
	size_t count, room;
	uint64_t points;
	/* samples_each() */
	bool (*visit)(void *self, const struct promql_labels *labels);
	void *visit_self;
};

static int64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static bool stop(struct walk *walk, enum err_code code)
{
	walk->code = code;
	return false;
}

static bool no_memory(struct walk *walk)
{
	return stop(walk, err_set(walk->err, ERR_MEMORY, "a query needs more memory than it may have"));
}

static bool in_time(struct walk *walk)
{
	if (!walk->until_us || monotonic_us() < walk->until_us)
		return true;
	return stop(walk, err_set(walk->err, ERR_TOO_COMPLEX, "the query takes longer than %u ms",
				  reader_broker(walk->source->reader)->options.query_ms_max));
}

/* ---- labels ---- */

struct labels {
	struct promql_label at[LABELS_ROOM];
	size_t count;
	bool failed; /* no memory */
};

/* Puts a label in its place among the others; one without value is none. */
static void put_label(struct labels *labels, struct str name, struct str value)
{
	size_t at = labels->count;

	if (!name.at)
		labels->failed = true;
	if (!name.at || value.len == 0 || labels->count == LABELS_ROOM)
		return;
	while (at > 0 && str_cmp(labels->at[at - 1].name, name) > 0)
		at--;
	memmove(&labels->at[at + 1], &labels->at[at], (labels->count++ - at) * sizeof(*labels->at));
	labels->at[at] = (struct promql_label){name, value};
}

static bool is_own_label(struct str name)
{
	const struct str own[] = {label_name, label_attribute, label_dataset, label_id, label_type, label_unit};

	for (size_t i = 0; i < LABELS_OWN; i++)
		if (str_eq(name, own[i]))
			return true;
	return false;
}

static void put_tags(struct arena *arena, struct labels *labels, struct str id)
{
	struct line_key key;

	if (!line_key_from_urn(arena, id, &key))
		return;
	for (size_t i = 0; i < key.tag_count; i++) {
		struct str name = promql_name_from(arena, key.tags[i].name);
		bool taken = is_own_label(name);

		for (size_t j = 0; j < labels->count; j++)
			taken = taken || str_eq(labels->at[j].name, name);
		put_label(labels, taken ? arena_concat(arena, STR("tag_"), name) : name, key.tags[i].value);
	}
}

static struct str types_text(struct walk *walk, const struct store_subject *subject)
{
	const struct context *core = broker_core_context(reader_broker(walk->source->reader));
	struct str text = STR("");

	for (size_t i = 0; i < subject->type_count; i++) {
		struct str name = context_compact(core, &walk->subject, subject->types[i]);

		text = i ? arena_printf(&walk->subject, "%.*s,%.*s", STR_FMT(text), STR_FMT(name)) : name;
	}
	return text;
}

/* What stands behind the last "/" or "#"; all when that is nothing. */
static struct str last_part(struct str name)
{
	size_t from = name.len;

	while (from > 0 && name.at[from - 1] != '/' && name.at[from - 1] != '#')
		from--;
	return from < name.len ? str_part(name, from, name.len) : name;
}

static struct str label_value(const struct labels *labels, struct str name)
{
	for (size_t i = 0; i < labels->count; i++)
		if (str_eq(labels->at[i].name, name))
			return labels->at[i].value;
	return STR("");
}

enum stage {
	STAGE_SUBJECT, /* id, type and tags are there */
	STAGE_ATTRIBUTE, /* all but the unit */
	STAGE_ALL
};

static bool is_known(enum stage stage, const struct labels *labels, struct str name)
{
	if (stage == STAGE_ALL || str_eq(name, label_id) || str_eq(name, label_type))
		return true;
	if (stage == STAGE_ATTRIBUTE)
		return !str_eq(name, label_unit);
	return !is_own_label(name) && label_value(labels, name).len > 0;
}

/* May the series fit, by what is known at this stage? */
static bool may_fit(const struct walk *walk, enum stage stage, const struct labels *labels)
{
	for (size_t i = 0; i < walk->selector_count; i++) {
		const struct promql_selector *selector = &walk->selectors[i];
		bool fits = true;

		for (size_t j = 0; fits && j < selector->count; j++)
			fits = !is_known(stage, labels, selector->matchers[j].name) ||
			       promql_matcher_holds(&selector->matchers[j],
						    label_value(labels, selector->matchers[j].name));
		if (fits)
			return true;
	}
	return walk->selector_count == 0;
}

/* ---- the walk ---- */

static bool visit_series(struct walk *walk, const struct labels *of_subject, struct str id,
			 const struct store_series *stored)
{
	const struct context *core = broker_core_context(reader_broker(walk->source->reader));
	struct samples_series series = {id,      stored->attribute_iri, stored->dataset_id, STORE_OBSERVED_AT, false,
					STR_NONE};
	struct str attribute = context_compact(core, &walk->subject, stored->attribute_iri);
	struct labels labels = *of_subject;

	put_label(&labels, label_name, promql_name_from(&walk->subject, last_part(attribute)));
	put_label(&labels, label_attribute, attribute);
	put_label(&labels, label_dataset, stored->dataset_id);
	if (labels.failed)
		return no_memory(walk);
	if (!may_fit(walk, STAGE_ATTRIBUTE, &labels))
		return true;
	arena_clear(&walk->scratch);
	enum err_code code = samples_latest(walk->store_reader, &series, &walk->scratch, walk->err);

	if (code)
		return stop(walk, code);
	if (!series.numeric)
		return true;
	series.unit = series.unit.len ? arena_dup(&walk->subject, series.unit) : STR_NONE;
	put_label(&labels, label_unit, series.unit);
	const struct promql_labels whole = {labels.at, labels.count};

	return !may_fit(walk, STAGE_ALL, &labels) || walk->found(walk, &series, &whole);
}

static bool visit_subject(void *self, int64_t number, const struct store_subject *subject)
{
	struct walk *walk = self;
	struct labels labels = {.count = 0};
	const struct store_series *series = NULL;
	size_t count = 0;

	(void)number;
	if (!in_time(walk))
		return false;
	arena_clear(&walk->subject);
	put_label(&labels, label_id, subject->id);
	put_label(&labels, label_type, types_text(walk, subject));
	put_tags(&walk->subject, &labels, subject->id);
	if (labels.failed)
		return no_memory(walk);
	if (!may_fit(walk, STAGE_SUBJECT, &labels))
		return true;
	enum err_code code =
		store_series_list(walk->store_reader, subject->id, &walk->subject, &series, &count, walk->err);

	if (code)
		return stop(walk, code);
	for (size_t i = 0; i < count; i++)
		if (!str_eq(series[i].attribute_iri, STR(STORE_SCOPE_SERIES)) &&
		    !visit_series(walk, &labels, subject->id, &series[i]))
			return false;
	return true;
}

/* The value that a selector demands of a label; STR_NONE when it leaves a choice. */
static struct str demanded(const struct promql_selector *selector, struct str name)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];

		if (matcher->match == PROMQL_EQUAL && matcher->value.len && str_eq(matcher->name, name))
			return matcher->value;
	}
	return STR_NONE;
}

/* The subject that a single selector is about can often be found by an index. */
static enum err_code run_walk(struct walk *walk)
{
	const struct context *core = broker_core_context(reader_broker(walk->source->reader));
	const struct promql_selector *only = walk->selector_count == 1 ? walk->selectors : NULL;
	struct str id = only ? demanded(only, label_id) : STR_NONE, type = only ? demanded(only, label_type) : STR_NONE;
	struct str type_iri;
	struct narrow narrow = {.ids = &id, .id_count = id.at ? 1 : 0};
	const uint32_t ms_max = reader_broker(walk->source->reader)->options.query_ms_max;
	struct arena names;

	walk->until_us = ms_max ? monotonic_us() + ms_max * INT64_C(1000) : 0;
	arena_init(&names, SCRATCH_BYTES_MAX);
	arena_init(&walk->subject, SCRATCH_BYTES_MAX);
	arena_init(&walk->scratch, SCRATCH_BYTES_MAX);
	if (type.at && !memchr(type.at, ',', type.len) &&
	    context_expand(core, &names, type, &type_iri, NULL) == ERR_OK) {
		narrow.type_iris = &type_iri;
		narrow.type_count = 1;
	}
	enum err_code code =
		store_reader_of(walk->source->reader, walk->source->tenant, &walk->store_reader, walk->err);

	if (code == ERR_OK)
		code = store_subject_each(walk->store_reader, &narrow, 0, visit_subject, walk, walk->err);
	arena_done(&names);
	arena_done(&walk->subject);
	arena_done(&walk->scratch);
	return code ? code : walk->code;
}

/* ---- samples ---- */

static bool grow(struct walk *walk)
{
	struct promql_series *series =
		arena_grow(walk->arena, walk->series, walk->count, &walk->room, sizeof(*series), 64);

	if (series)
		walk->series = series;
	return series != NULL;
}

static bool keep_labels(struct arena *arena, const struct promql_labels *labels, struct promql_labels *ret)
{
	struct promql_label *kept = arena_array(arena, struct promql_label, labels->count);

	for (size_t i = 0; kept && i < labels->count; i++) {
		kept[i] = (struct promql_label){arena_dup(arena, labels->at[i].name),
						arena_dup(arena, labels->at[i].value)};
		if (!kept[i].name.at || !kept[i].value.at)
			return false;
	}
	*ret = (struct promql_labels){kept, labels->count};
	return kept != NULL;
}

static bool take_series(struct walk *walk, const struct samples_series *series, const struct promql_labels *labels)
{
	struct promql_series taken = {0};
	enum err_code code = samples_read(walk->store_reader, series, walk->request, &walk->scratch, walk->arena,
					  &taken.points, &taken.count, walk->err);

	if (code)
		return stop(walk, code);
	if (taken.count == 0)
		return in_time(walk);
	walk->points += taken.count;
	if (walk->count == SAMPLES_SERIES_MAX || walk->points > SAMPLES_POINTS_MAX)
		return stop(walk, err_set(walk->err, ERR_TOO_COMPLEX,
					  "a selector that means more than %u series or %u samples", SAMPLES_SERIES_MAX,
					  SAMPLES_POINTS_MAX));
	if (!keep_labels(walk->arena, labels, &taken.labels) || !grow(walk))
		return no_memory(walk);
	walk->series[walk->count++] = taken;
	return in_time(walk);
}

static int compare_labels(const void *a, const void *b)
{
	const struct promql_labels *x = &((const struct promql_series *)a)->labels;
	const struct promql_labels *y = &((const struct promql_series *)b)->labels;

	for (size_t i = 0; i < x->count && i < y->count; i++) {
		int order = str_cmp(x->at[i].name, y->at[i].name);

		if (order == 0)
			order = str_cmp(x->at[i].value, y->at[i].value);
		if (order)
			return order;
	}
	return (x->count > y->count) - (x->count < y->count);
}

/* In the order of labels, as Prometheus has them. No two are the same: `attribute`, `id` and `datasetId` tell them
 * apart. */
enum err_code samples_select(void *self, const struct promql_request *request, struct arena *arena,
			     const struct promql_series **ret_series, size_t *ret_count, struct error *err)
{
	struct walk walk = {.source = self,
			    .selectors = request->selector,
			    .selector_count = 1,
			    .found = take_series,
			    .request = request,
			    .arena = arena,
			    .err = err};
	enum err_code code = run_walk(&walk);

	if (code)
		return code;
	if (walk.count > 1)
		qsort(walk.series, walk.count, sizeof(*walk.series), compare_labels);
	*ret_series = walk.series;
	*ret_count = walk.count;
	return ERR_OK;
}

/* ---- labels alone ---- */

static bool show_labels(struct walk *walk, const struct samples_series *series, const struct promql_labels *labels)
{
	(void)series;
	return walk->visit(walk->visit_self, labels);
}

enum err_code samples_each(const struct samples_source *source, const struct promql_selector *selectors, size_t count,
			   bool (*visit)(void *self, const struct promql_labels *labels), void *visit_self,
			   struct error *err)
{
	struct walk walk = {.source = source,
			    .selectors = selectors,
			    .selector_count = count,
			    .found = show_labels,
			    .visit = visit,
			    .visit_self = visit_self,
			    .err = err};

	return run_walk(&walk);
}
