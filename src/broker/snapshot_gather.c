/* Where a snapshot's contents come from: a query run on the tenant, entity by entity or series by series, whole.
 *
 * Only here is it decided what a query finds. What other context sources have is asked for by who can
 * (broker_options.ask), as a client asks; what comes is treated as what was found here.
 * Source: GS CIM 009 V1.9.1 clauses 5.7.2.4, 5.7.4.4, 5.16.1.4, 4.21, 4.5.5. */
#include "broker/snapshot_gather_int.h"

#include <stdlib.h>
#include <string.h>

#define INSTANCES_AT_ONCE 4096u
#define ASK_BYTES_MAX ((size_t)16 << 20)
#define PIECE_BYTES_MAX ((size_t)256 << 20) /* the instances at once of one attribute */

/* ---- what is asked ---- */

static enum err_code names_read(struct gathering *g, const char *parameter, struct str text, enum projection_kind kind,
				const struct projection **ret)
{
	return text.at ? projection_new(&g->arena, g->context, parameter, text, kind, 0, ret, g->err) : ERR_OK;
}

static enum err_code datasets_read(struct gathering *g)
{
	struct str rest = g->asked->dataset_id, piece;
	size_t room = 1;

	for (size_t i = 0; i < rest.len; i++)
		room += rest.at[i] == ',';
	struct str *list = rest.at ? arena_array(&g->arena, struct str, room) : NULL;

	if (rest.at && !list)
		return err_set(g->err, ERR_MEMORY, "no memory for a snapshot's query");
	g->represent.dataset_ids = list;
	while (list && str_next(&rest, ',', &piece))
		list[g->represent.dataset_count++] = str_trim(piece);
	return ERR_OK;
}

static enum err_code ask(struct gathering *g)
{
	struct query_text text = g->asked->text;
	struct represent_selection *show = &g->represent.show;

	if (str_eq(text.type, STR("*")))
		text.type = STR_NONE;
	enum err_code code =
		query_new(&g->arena, broker_reader_parser(g->reader), &text, g->context, &g->query, g->err);

	if (code == ERR_OK)
		code = names_read(g, "attrs", text.attrs, PROJECT_ATTRIBUTES, &show->attrs);
	if (code == ERR_OK)
		code = names_read(g, "pick", g->asked->pick, PROJECT_MEMBERS, &show->pick);
	if (code == ERR_OK)
		code = names_read(g, "omit", g->asked->omit, PROJECT_MEMBERS, &show->omit);
	if (code == ERR_OK)
		code = datasets_read(g);
	if (code == ERR_OK && g->asked->temporal)
		code = temporal_query_read(&g->asked->when, &g->when, g->err);
	return code;
}

static bool dataset_wanted(const struct gathering *g, struct str dataset)
{
	if (!g->represent.dataset_ids)
		return true;
	if (dataset.len == 0)
		dataset = STR("@none");
	for (size_t i = 0; i < g->represent.dataset_count; i++)
		if (str_eq(dataset, g->represent.dataset_ids[i]))
			return true;
	return false;
}

/* ---- entities ---- */

static bool take_instances(struct gathering *g, struct json *entity, const struct json_member *member)
{
	struct json kept = json_array();

	for (uint32_t i = 0; i < member->value.count; i++) {
		const struct json *instance = &member->value.items[i];

		if (dataset_wanted(g, json_text(json_get(instance, STR("datasetId")))) &&
		    !json_push(&g->piece, &kept, *instance))
			return false;
	}
	return kept.count == 0 || json_add(&g->piece, entity, member->key, kept);
}

/* What the query shows of it; without id, type and the system's times there is no entity. */
static struct json *reduced(struct gathering *g, const struct json *entity)
{
	struct json *result = json_new(&g->piece, json_object());

	for (uint32_t i = 0; result && i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];
		bool attribute = document_is_attribute(member->key), scope = str_eq(member->key, STR("scope"));

		if ((attribute || scope) && !represent_shows(&g->represent.show, member->key, true))
			continue;
		if (attribute ? !take_instances(g, result, member)
			      : !json_add(&g->piece, result, member->key, member->value))
			result = NULL;
	}
	return result;
}

bool gathering_keep(struct gathering *g, const struct json *entity)
{
	const struct json *shown = reduced(g, entity);

	g->code = shown ? snapshot_sink_entity(g->sink, shown, g->err)
			: err_set(g->err, ERR_MEMORY, "no memory for an entity of a snapshot");
	g->found += g->code == ERR_OK;
	return g->code == ERR_OK;
}

static bool visit_entity(void *self, const struct json *entity)
{
	struct gathering *g = self;

	arena_clear(&g->piece);
	return gathering_keep(g, entity);
}

static enum err_code gather_entities(struct gathering *g)
{
	g->matching.visit = visit_entity;
	g->matching.self = g;
	enum err_code code = matching_scan(&g->matching, 0);

	return code ? code : g->code;
}

/* ---- evolutions ---- */

static int64_t time_of(const struct gathering *g, const struct store_instance *instance)
{
	switch (g->when.property) {
	case TEMPORAL_CREATED_AT:
		return instance->created_us;
	case TEMPORAL_MODIFIED_AT:
		return instance->modified_us;
	case TEMPORAL_DELETED_AT:
		return instance->deleted_us;
	default:
		return instance->observed_us;
	}
}

static enum err_code hand_over(struct gathering *g, const struct store_subject *subject,
			       const struct store_series *series, const struct store_instances *instances,
			       size_t passed_over, int64_t from_us)
{
	struct store_instance *wanted = arena_array(&g->piece, struct store_instance, instances->count);
	size_t count = 0;

	if (!wanted)
		return err_set(g->err, ERR_MEMORY, "no memory for an evolution in a snapshot");
	for (size_t i = passed_over; i < instances->count; i++) {
		const struct store_instance *instance = &instances->at[i];

		if (time_of(g, instance) >= from_us && (!temporal_is_filtered(&g->reading, series->attribute_iri) ||
							temporal_passes(&g->reading, series->attribute_iri, instance)))
			wanted[count++] = *instance;
	}
	return snapshot_sink_series(g->sink, subject->id, subject->types, subject->type_count, series->attribute_iri,
				    series->dataset_id, wanted, count, g->err);
}

/* How many of those read stand at the time where the piece before ended, up to its last one. */
static size_t already(const struct gathering *g, const struct store_instances *instances, int64_t last_us,
		      int64_t last_number)
{
	size_t at = 0;

	while (at < instances->count && time_of(g, &instances->at[at]) == last_us &&
	       instances->at[at].number <= last_number)
		at++;
	return at;
}

/* A series piece by piece. Where more lie at one moment than a piece holds, the piece grows. */
static enum err_code take_series(struct gathering *g, const struct store_subject *subject,
				 const struct store_series *series, struct store_window window)
{
	uint32_t room = INSTANCES_AT_ONCE;
	int64_t last_us = INT64_MIN, last_number = INT64_MIN;

	for (;;) {
		struct store_instances read = {.count = 0};

		arena_clear(&g->piece);
		enum err_code code =
			store_series_read(g->reading.store, subject->id, series->attribute_iri, series->dataset_id,
					  &window, false, room, &g->piece, &read, g->err);

		if (code != ERR_OK)
			return code;
		size_t before = last_us == INT64_MIN ? 0 : already(g, &read, last_us, last_number);

		code = hand_over(g, subject, series, &read, before, INT64_MIN);
		if (code != ERR_OK || !read.more || read.count == 0)
			return code;
		if (time_of(g, &read.at[read.count - 1]) == last_us)
			room = room > UINT32_MAX / 2 ? UINT32_MAX : room * 2;
		last_us = window.from_us = time_of(g, &read.at[read.count - 1]);
		last_number = read.at[read.count - 1].number;
	}
}

/* ---- the last so many ---- */

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* From when on there are n of an attribute, whatever their datasetIds; several at that moment may be more. */
static enum err_code since_when(struct gathering *g, const struct store_instances *parts, size_t count,
				int64_t *ret_from_us)
{
	size_t all = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		all += parts[i].count;
	int64_t *times = arena_array(&g->piece, int64_t, all);

	if (!times)
		return err_set(g->err, ERR_MEMORY, "no memory for an evolution in a snapshot");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < parts[i].count; k++)
			times[at++] = time_of(g, &parts[i].at[k]);
	if (all)
		qsort(times, all, sizeof(*times), compare_times);
	*ret_from_us = all > g->when.last_n ? times[all - g->when.last_n] : INT64_MIN;
	return ERR_OK;
}

static size_t keep_passing(const struct gathering *g, struct str iri, const struct store_instances *read,
			   struct store_instance *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < read->count; i++)
		if (!temporal_is_filtered(&g->reading, iri) || temporal_passes(&g->reading, iri, &read->at[i]))
			ret[count++] = read->at[i];
	return count;
}

/* All that may be among the last n of one series. */
static enum err_code read_last(struct gathering *g, struct str id, const struct store_series *series,
			       const struct store_window *window, struct store_instances *ret)
{
	bool filtered = temporal_is_filtered(&g->reading, series->attribute_iri);
	uint64_t most = filtered ? BROKER_TEMPORAL_EXAMINED_MAX : g->when.last_n;
	struct store_instances read = {.count = 0};
	enum err_code code = store_series_read(g->reading.store, id, series->attribute_iri, series->dataset_id, window,
					       true, (uint32_t)most, &g->piece, &read, g->err);

	if (code != ERR_OK)
		return code;
	if (filtered && read.more)
		return err_set(g->err, ERR_TOO_COMPLEX, "more than %u instances of one attribute to look at",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	struct store_instance *kept = arena_array(&g->piece, struct store_instance, read.count);

	if (!kept)
		return err_set(g->err, ERR_MEMORY, "no memory for an evolution in a snapshot");
	*ret = (struct store_instances){kept, keep_passing(g, series->attribute_iri, &read, kept), false};
	return ERR_OK;
}

static enum err_code take_last(struct gathering *g, const struct store_subject *subject,
			       const struct store_series *series, size_t count, const struct store_window *window)
{
	int64_t from_us = INT64_MIN;

	if (g->when.last_n > BROKER_TEMPORAL_EXAMINED_MAX)
		return err_set(g->err, ERR_TOO_COMPLEX, "lastN is at most %u for a snapshot",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	arena_clear(&g->piece);
	struct store_instances *parts = arena_array(&g->piece, struct store_instances, count);
	enum err_code code = parts ? ERR_OK : err_set(g->err, ERR_MEMORY, "no memory for an evolution in a snapshot");

	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		parts[i] = (struct store_instances){.count = 0};
		if (dataset_wanted(g, series[i].dataset_id))
			code = read_last(g, subject->id, &series[i], window, &parts[i]);
	}
	if (code == ERR_OK)
		code = since_when(g, parts, count, &from_us);
	for (size_t i = 0; code == ERR_OK && i < count; i++)
		if (parts[i].count)
			code = hand_over(g, subject, &series[i], &parts[i], 0, from_us);
	return code;
}

/* ---- a subject ---- */

/* The datasetIds of one attribute, which lie side by side. */
static enum err_code take_attribute(struct gathering *g, const struct store_subject *subject,
				    const struct store_series *series, size_t count)
{
	bool scope = str_eq(series->attribute_iri, TEMPORAL_SCOPE);
	struct store_window window = g->reading.window;
	enum err_code code = ERR_OK;

	if (!represent_shows(&g->represent.show, series->attribute_iri, true))
		return ERR_OK;
	/* The scope that matched may be from before the interval (C.5.16). */
	if (scope && g->reading.filter.spanned)
		window.from_us = INT64_MIN;
	if (g->when.last_n)
		return take_last(g, subject, series, count, &window);
	for (size_t i = 0; code == ERR_OK && i < count; i++)
		if (scope || dataset_wanted(g, series[i].dataset_id))
			code = take_series(g, subject, &series[i], window);
	return code;
}

enum err_code gathering_take_subject(struct gathering *g, const struct store_subject *subject)
{
	const struct store_series *series = NULL;
	size_t count = 0;
	bool matches = false;

	arena_clear(&g->reader->scratch);
	enum err_code code = temporal_match(&g->reading, subject, &series, &count, &matches);

	if (code != ERR_OK || !matches)
		return code;
	g->found++;
	/* It is there also when nothing of it is shown. */
	code = snapshot_sink_series(g->sink, subject->id, subject->types, subject->type_count, STR_NONE, STR_NONE, NULL,
				    0, g->err);
	for (size_t at = 0, next; code == ERR_OK && at < count; at = next) {
		for (next = at; next < count && str_eq(series[next].attribute_iri, series[at].attribute_iri);)
			next++;
		code = take_attribute(g, subject, &series[at], next - at);
	}
	return code;
}

static bool visit_subject(void *self, int64_t number, const struct store_subject *subject)
{
	struct gathering *g = self;

	(void)number;
	g->code = matching_in_time(&g->matching) ? gathering_take_subject(g, subject) : g->matching.code;
	return g->code == ERR_OK;
}

static enum err_code gather_evolutions(struct gathering *g)
{
	const struct broker_temporal_ask asked = {
		.query = g->query, .temporal = &g->when, .form = TEMPORAL_NORMALIZED, .represent = &g->represent};

	temporal_reading_init(&g->reading, g->matching.store_reader, &asked, &g->piece, &g->reader->scratch, g->err);
	if (temporal_reading_is_empty(&g->reading))
		return ERR_OK;
	enum err_code code = store_subject_each(g->reading.store, query_narrow(g->query), 0, visit_subject, g, g->err);

	return code ? code : g->code;
}

/* ---- all of it ---- */

static enum err_code gather(struct gathering *g, struct str tenant)
{
	bool spread = false;
	enum err_code code = ask(g);

	if (code == ERR_OK)
		code = gathering_is_spread(g, tenant, &spread);
	if (code == ERR_OK && spread) {
		code = gathering_ask_all(g, tenant);
		return code ? code : snapshot_sink_flush(g->sink, g->err);
	}
	if (code == ERR_OK)
		code = matching_init(&g->matching, g->reader, tenant, g->query, g->err);
	if (code != ERR_OK)
		return code;
	g->matching.until_us = 0; /* nobody waits for it, */
	g->matching.stop = g->sink->stop; /* but the end of the program does */
	code = g->asked->temporal ? gather_evolutions(g) : gather_entities(g);
	linked_end(&g->reader->linked);
	return code ? code : snapshot_sink_flush(g->sink, g->err);
}

enum err_code snapshot_gather(struct broker_reader *reader, struct str tenant, const struct snapshot_query *query,
			      struct context *context, struct snapshot_sink *sink, struct buf *warnings,
			      uint64_t *ret_found, struct error *err)
{
	struct gathering g = {
		.reader = reader, .asked = query, .context = context, .sink = sink, .warnings = warnings, .err = err};

	arena_init(&g.arena, ASK_BYTES_MAX);
	arena_init(&g.piece, PIECE_BYTES_MAX);
	arena_init(&g.laid, PIECE_BYTES_MAX);
	enum err_code code = gather(&g, tenant);

	query_done(g.query);
	arena_done(&g.laid);
	arena_done(&g.piece);
	arena_done(&g.arena);
	if (code == ERR_OK)
		*ret_found = g.found;
	return code;
}
