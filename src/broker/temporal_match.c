/* Does an entity's evolution match a query? (5.7.4.4)
 *
 * Types, ids and selectors are those of the subject. Of the attributes, the instances within the interval are put
 * together to a document, which the one evaluator judges: any instance that holds is enough. How the clause and its
 * examples are read where they leave room:
 * - An attribute that never has the query's time property has no evolution, but a value (C.5.5: brandName): then its
 *   latest instance counts.
 * - The scope is what holds from one of its instances to the next one (C.5.16), also from before the interval. It
 *   matches when it matched at any time of the interval, and shown are only instances of these times.
 * - Of an attribute that q or the geo-query names, an instance is shown when the entity would match with it alone
 *   ("which meet the temporal, query and geoquery restrictions").
 * - A deletion is no value. */
#include "broker/temporal_int.h"

#include <assert.h>

static enum err_code no_memory(const struct temporal_reading *reading)
{
	return err_set(reading->err, ERR_MEMORY, "no memory for the instances of an entity");
}

static bool is_scope(struct str iri)
{
	return str_eq(iri, TEMPORAL_SCOPE);
}

static enum err_code read_in(const struct temporal_reading *reading, const struct temporal_series *series,
			     const struct store_window *window, bool latest, uint32_t count_max,
			     struct store_instances *ret)
{
	return store_series_read(reading->store, series->id, series->iri, series->dataset_id, window, latest, count_max,
				 reading->scratch, ret, reading->err);
}

/* ---- the temporal restriction ---- */

static bool names_attribute(const struct projection *list)
{
	for (size_t i = 0; list && i < list->count; i++)
		if (document_is_attribute(list->terms[i].name) || is_scope(list->terms[i].name))
			return true;
	return false;
}

/* Is it one of "the Attributes specified by the query or all if none are specified"? */
static bool is_concerned(const struct represent_selection *show, struct str iri)
{
	if (show->attrs)
		return projection_names(show->attrs, iri);
	if (names_attribute(show->pick))
		return projection_names(show->pick, iri);
	return !is_scope(iri);
}

static enum err_code has_instance(const struct temporal_reading *reading, struct str id,
				  const struct store_series *series, bool *ret_has)
{
	const struct temporal_series named = {id, series->attribute_iri, series->dataset_id};
	struct store_instances instances = {.count = 0};
	enum err_code code = read_in(reading, &named, &reading->window, false, 1, &instances);

	*ret_has = instances.count > 0;
	return code;
}

enum err_code temporal_has_instances(struct temporal_reading *reading, struct str id, const struct store_series *series,
				     size_t series_count, bool *ret_has)
{
	bool has = false;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < series_count && !has && code == ERR_OK && !temporal_reading_is_empty(reading); i++)
		if (is_concerned(&reading->ask->represent->show, series[i].attribute_iri))
			code = has_instance(reading, id, &series[i], &has);
	*ret_has = has;
	return code;
}

/* ---- the document ---- */

static enum err_code add_instances(const struct temporal_reading *reading, const struct store_instances *instances,
				   struct json *array)
{
	for (size_t i = 0; i < instances->count; i++) {
		struct json *document;

		if (instances->at[i].shape->kind == CHANGE_DELETED)
			continue;
		document = store_instance_document(reading->scratch, &instances->at[i]);
		if (!document || !json_push(reading->scratch, array, *document))
			return no_memory(reading);
	}
	return ERR_OK;
}

enum err_code temporal_timeless_read(const struct temporal_reading *reading, const struct temporal_series *series,
				     struct store_instances *ret)
{
	const struct store_window always = {.by = reading->window.by, .from_us = INT64_MIN, .to_us = INT64_MAX};
	const struct store_window latest = {
		.by = reading->window.by, .all = true, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_instances timed = {.count = 0};
	enum err_code code = read_in(reading, series, &always, false, 1, &timed);

	*ret = (struct store_instances){.count = 0};
	return code == ERR_OK && timed.count == 0 ? read_in(reading, series, &latest, true, 1, ret) : code;
}

/* The instances that q is held against: in the interval, or the one that has no time. */
static enum err_code add_series(const struct temporal_reading *reading, const struct temporal_series *series,
				struct json *array)
{
	struct store_instances instances = {.count = 0};
	enum err_code code =
		read_in(reading, series, &reading->window, false, BROKER_TEMPORAL_EXAMINED_MAX, &instances);

	if (code == ERR_OK && instances.more)
		return err_set(reading->err, ERR_TOO_COMPLEX,
			       "more than %u instances of one attribute to look at; ask for a shorter time",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	if (code == ERR_OK && instances.count == 0)
		code = temporal_timeless_read(reading, series, &instances);
	return code == ERR_OK ? add_instances(reading, &instances, array) : code;
}

/* Attributes that q does not look into only have to be there (attrs). */
static enum err_code add_attribute(const struct temporal_reading *reading, struct str id,
				   const struct store_series *series, struct json *document)
{
	struct json *array = json_get(document, series->attribute_iri);
	const struct temporal_series named = {id, series->attribute_iri, series->dataset_id};
	bool reads = query_reads(reading->ask->query, series->attribute_iri), has = reads;
	enum err_code code = ERR_OK;

	if (!reads && !array && reading->ask->represent->show.attrs)
		code = has_instance(reading, id, series, &has);
	if (code != ERR_OK || !has)
		return code;
	if (!array)
		array = json_add(reading->scratch, document, series->attribute_iri, json_array());
	if (!array)
		return no_memory(reading);
	return reads ? add_series(reading, &named, array) : ERR_OK;
}

static enum err_code make_head(const struct temporal_reading *reading, const struct store_subject *subject,
			       struct json **ret_document)
{
	struct json document = json_object(), types = json_array();

	for (size_t i = 0; i < subject->type_count; i++)
		if (!json_push(reading->scratch, &types, json_string(subject->types[i])))
			return no_memory(reading);
	if (!json_add(reading->scratch, &document, STR("id"), json_string(subject->id)) ||
	    !json_add(reading->scratch, &document, STR("type"), types))
		return no_memory(reading);
	*ret_document = json_new(reading->scratch, document);
	return *ret_document ? ERR_OK : no_memory(reading);
}

/* ---- the scope ---- */

enum err_code temporal_scopes_read(const struct temporal_reading *reading, struct str id, struct store_instances *ret)
{
	const struct temporal_series series = {id, TEMPORAL_SCOPE, STR_NONE};
	/* That it was deleted is when it was modified. */
	enum store_time by = reading->window.by == STORE_DELETED_AT ? STORE_MODIFIED_AT : reading->window.by;
	const struct store_window until = {.by = by, .from_us = INT64_MIN, .to_us = reading->window.to_us};
	const struct store_window any = {.by = by, .all = true, .from_us = INT64_MIN, .to_us = INT64_MAX};
	const struct store_window timed = {.by = by, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_instances first = {.count = 0};
	enum err_code code = read_in(reading, &series, &until, false, BROKER_TEMPORAL_EXAMINED_MAX, ret);

	if (code == ERR_OK && ret->more)
		return err_set(reading->err, ERR_TOO_COMPLEX, "the scope changed more than %u times",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	if (code == ERR_OK && ret->count == 0) {
		code = read_in(reading, &series, &timed, false, 1, &first);
		if (code == ERR_OK && first.count == 0)
			code = read_in(reading, &series, &any, true, 1, ret);
	}
	return code;
}

static int64_t scope_time(const struct temporal_reading *reading, const struct store_instance *instance)
{
	switch (reading->window.by) {
	case STORE_OBSERVED_AT:
		return instance->observed_us;
	case STORE_CREATED_AT:
		return instance->created_us;
	default:
		return instance->modified_us;
	}
}

/* The times within the interval at which the scope matched; the document's scope is the first that did. */
static enum err_code match_scope(struct temporal_reading *reading, struct str id, struct json *document)
{
	struct store_instances scopes = {.count = 0};
	enum err_code code = temporal_scopes_read(reading, id, &scopes);
	struct time_span *spans =
		code == ERR_OK ? arena_array(reading->scratch, struct time_span, scopes.count + 1) : NULL;

	if (code != ERR_OK)
		return code;
	if (!spans)
		return no_memory(reading);
	reading->filter.spanned = true;
	reading->filter.spans = spans;
	for (size_t i = 0; i < scopes.count; i++) {
		const struct store_instance *scope = &scopes.at[i];
		struct time_span span = {scope_time(reading, scope), INT64_MAX};

		if (i + 1 < scopes.count)
			span.to_us = scope_time(reading, scope + 1) - 1;
		if (scope->shape->kind == CHANGE_DELETED || span.to_us < reading->window.from_us ||
		    !query_scopes_match(reading->ask->query, &scope->value))
			continue;
		spans[reading->filter.span_count++] = span;
		if (!json_get(document, STR("scope")) &&
		    !json_add(reading->scratch, document, STR("scope"), scope->value))
			return no_memory(reading);
	}
	return ERR_OK;
}

/* ---- all of it ---- */

static enum err_code judge(struct temporal_reading *reading, struct str id, const struct store_series *series,
			   size_t count, struct json *document, bool *ret_matches)
{
	const struct query *query = reading->ask->query;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < count && code == ERR_OK; i++)
		if (!is_scope(series[i].attribute_iri))
			code = add_attribute(reading, id, &series[i], document);
	if (code == ERR_OK && query_asks_scope(query))
		code = match_scope(reading, id, document);
	if (code != ERR_OK)
		return code;
	*ret_matches = query_matches(query, document);
	for (size_t i = 0; i < count; i++)
		if (query_reads(query, series[i].attribute_iri))
			reading->filter.document = document;
	return ERR_OK;
}

enum err_code temporal_match(struct temporal_reading *reading, const struct store_subject *subject,
			     const struct store_series **ret_series, size_t *ret_count, bool *ret_matches)
{
	struct json *document = NULL;
	bool has = false;
	enum err_code code = make_head(reading, subject, &document);

	reading->filter = (struct temporal_filter){.document = NULL};
	*ret_matches = false;
	if (code != ERR_OK || !query_selects(reading->ask->query, document))
		return code;
	code = temporal_series_list(reading, subject->id, ret_series, ret_count);
	if (code == ERR_OK)
		code = temporal_has_instances(reading, subject->id, *ret_series, *ret_count, &has);
	if (code != ERR_OK || !has)
		return code;
	if (subject->laid_over && reading->ask->merged->judged) {
		*ret_matches = true;
		return ERR_OK;
	}
	return judge(reading, subject->id, *ret_series, *ret_count, document, ret_matches);
}

/* ---- instances ---- */

static bool in_spans(const struct temporal_filter *filter, int64_t at_us)
{
	for (size_t i = 0; i < filter->span_count; i++)
		if (at_us >= filter->spans[i].from_us && at_us <= filter->spans[i].to_us)
			return true;
	return false;
}

/* Would the entity match if the attribute had this instance alone? Without memory it is not shown, as memory is
 * refused for the answer too. */
static bool matches_alone(const struct temporal_reading *reading, struct str iri, const struct store_instance *instance)
{
	struct json *array = json_get(reading->filter.document, iri);
	struct json *alone = store_instance_document(reading->scratch, instance), kept;
	bool matches;

	if (!array || !alone || instance->shape->kind == CHANGE_DELETED)
		return false;
	kept = *array;
	array->items = alone;
	array->count = array->room = 1;
	matches = query_matches(reading->ask->query, reading->filter.document);
	*array = kept;
	return matches;
}

bool temporal_passes(const struct temporal_reading *reading, struct str iri, const struct store_instance *instance)
{
	const struct temporal_filter *filter = &reading->filter;

	if (filter->spanned && !in_spans(filter, scope_time(reading, instance)))
		return false;
	return !filter->document || !query_reads(reading->ask->query, iri) || matches_alone(reading, iri, instance);
}
