/* The evolution of one entity: series read, those of an attribute's datasetIds joined in time, and cut to what an
 * answer holds (6.3.10).
 *
 * A cut is one for the whole answer: a client goes on where the range of the answer ends, so no attribute may hold
 * anything behind the end of the one that was cut first. Going forwards the next request includes that end; going
 * backwards (lastN) it does not, so there the instances at the end itself are left to the next answer. */
#include "broker/temporal_int.h"
#include "store/overlay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Times have one name here and there. */
static_assert((int)STORE_OBSERVED_AT == (int)TEMPORAL_OBSERVED_AT, "observedAt");
static_assert((int)STORE_CREATED_AT == (int)TEMPORAL_CREATED_AT, "createdAt");
static_assert((int)STORE_MODIFIED_AT == (int)TEMPORAL_MODIFIED_AT, "modifiedAt");
static_assert((int)STORE_DELETED_AT == (int)TEMPORAL_DELETED_AT, "deletedAt");

void temporal_reading_init(struct temporal_reading *reading, struct store_reader *store,
			   const struct broker_temporal_ask *ask, struct arena *arena, struct arena *scratch,
			   struct error *err)
{
	*reading =
		(struct temporal_reading){.store = store, .ask = ask, .arena = arena, .scratch = scratch, .err = err};
	reading->window.by = (enum store_time)ask->temporal->property;
	reading->window.all = ask->temporal->relation == TEMPORAL_ANY && ask->form != TEMPORAL_AGGREGATED;
	temporal_bounds(ask->temporal, &reading->window.from_us, &reading->window.to_us);
}

struct store_reader *temporal_reader_of(const struct broker_temporal_ask *ask, struct store_reader *store)
{
	return ask->merged ? store_overlay_reader(ask->merged->overlay, store) : store;
}

bool temporal_reading_is_empty(const struct temporal_reading *reading)
{
	return reading->window.from_us > reading->window.to_us;
}

static int compare_series(const void *a, const void *b)
{
	const struct store_series *x = a, *y = b;
	bool scope_x = str_eq(x->attribute_iri, TEMPORAL_SCOPE), scope_y = str_eq(y->attribute_iri, TEMPORAL_SCOPE);

	if (scope_x != scope_y)
		return scope_x ? -1 : 1;
	int order = str_cmp(x->attribute_iri, y->attribute_iri);

	return order ? order : str_cmp(x->dataset_id, y->dataset_id);
}

enum err_code temporal_series_list(struct temporal_reading *reading, struct str id,
				   const struct store_series **ret_series, size_t *ret_count)
{
	const struct store_series *series = NULL;
	size_t count = 0;
	enum err_code code = store_series_list(reading->store, id, reading->scratch, &series, &count, reading->err);
	struct store_series *sorted = code == ERR_OK ? arena_array(reading->scratch, struct store_series, count) : NULL;

	if (code != ERR_OK)
		return code;
	if (!sorted)
		return err_set(reading->err, ERR_MEMORY, "no memory for the names of an entity's attributes");
	if (count) {
		memcpy(sorted, series, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), compare_series);
	}
	*ret_series = sorted;
	*ret_count = count;
	return ERR_OK;
}

/* ---- points ---- */

static enum err_code no_memory(const struct temporal_reading *reading)
{
	return err_set(reading->err, ERR_MEMORY, "no memory for so many instances; ask for less at once");
}

static struct temporal_point point_of(const struct store_instance *instance)
{
	return (struct temporal_point){.observed_us = instance->observed_us,
				       .created_us = instance->created_us,
				       .modified_us = instance->modified_us,
				       .deleted_us = instance->deleted_us,
				       .number = instance->number,
				       .deleted = instance->shape->kind == CHANGE_DELETED,
				       .instance = instance->shape->instance,
				       .value = &instance->value};
}

bool temporal_is_filtered(const struct temporal_reading *reading, struct str iri)
{
	return reading->filter.spanned || (reading->filter.document && query_reads(reading->ask->query, iri));
}

static enum err_code take_points(const struct temporal_reading *reading, struct str iri,
				 const struct store_instances *instances, struct temporal_points *ret)
{
	bool filtered = temporal_is_filtered(reading, iri);
	struct temporal_points points = {.at = arena_array(reading->arena, struct temporal_point, instances->count),
					 .more = instances->more};

	if (!points.at)
		return no_memory(reading);
	for (size_t i = 0; i < instances->count; i++)
		if (!filtered || temporal_passes(reading, iri, &instances->at[i]))
			points.at[points.count++] = point_of(&instances->at[i]);
	*ret = points;
	return ERR_OK;
}

enum err_code temporal_points_all(struct temporal_reading *reading, const struct temporal_series *series,
				  struct temporal_points *ret_points)
{
	struct store_instances instances;
	struct store_window window = reading->window;

	/* The scope that matched may be from before the interval (C.5.16). */
	if (reading->filter.spanned && str_eq(series->iri, TEMPORAL_SCOPE))
		window.from_us = INT64_MIN;
	enum err_code code =
		store_series_read(reading->store, series->id, series->iri, series->dataset_id, &window, false,
				  BROKER_TEMPORAL_EXAMINED_MAX, reading->arena, &instances, reading->err);

	if (code != ERR_OK)
		return code;
	if (instances.more)
		return err_set(reading->err, ERR_TOO_COMPLEX,
			       "more than %u instances of one attribute to look at; ask for a shorter time",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	return take_points(reading, series->iri, &instances, ret_points);
}

/* The first of them, or the last. */
static void keep_most(struct temporal_points *points, bool latest, uint64_t count_max)
{
	if (points->count <= count_max)
		return;
	if (latest)
		points->at += points->count - count_max;
	points->count = (size_t)count_max;
	points->more = true;
}

enum err_code temporal_points_read(struct temporal_reading *reading, const struct temporal_series *series, bool latest,
				   uint64_t count_max, struct temporal_points *ret_points)
{
	struct store_instances instances;
	enum err_code code;

	if (temporal_is_filtered(reading, series->iri)) {
		code = temporal_points_all(reading, series, ret_points);
		if (code == ERR_OK)
			keep_most(ret_points, latest, count_max);
		return code;
	}
	code = store_series_read(reading->store, series->id, series->iri, series->dataset_id, &reading->window, latest,
				 count_max < UINT32_MAX ? (uint32_t)count_max : UINT32_MAX, reading->arena, &instances,
				 reading->err);
	return code == ERR_OK ? take_points(reading, series->iri, &instances, ret_points) : code;
}

/* ---- several datasetIds of one attribute ---- */

struct timed_point {
	int64_t at_us;
	struct temporal_point point;
};

static int compare_timed(const void *a, const void *b)
{
	const struct timed_point *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->point.number < y->point.number ? -1 : x->point.number > y->point.number;
}

static enum err_code join_points(const struct temporal_reading *reading, const struct temporal_points *parts,
				 size_t part_count, struct temporal_points *ret)
{
	struct temporal_points joined = {.count = 0};
	struct timed_point *timed;

	for (size_t i = 0; i < part_count; i++) {
		joined.count += parts[i].count;
		joined.more = joined.more || parts[i].more;
	}
	timed = arena_array(reading->arena, struct timed_point, joined.count);
	joined.at = arena_array(reading->arena, struct temporal_point, joined.count);
	if (!timed || !joined.at)
		return no_memory(reading);
	joined.count = 0;
	for (size_t i = 0; i < part_count; i++)
		for (size_t k = 0; k < parts[i].count; k++)
			timed[joined.count++] = (struct timed_point){
				temporal_point_time(&parts[i].at[k], reading->ask->temporal->property), parts[i].at[k]};
	if (joined.count)
		qsort(timed, joined.count, sizeof(*timed), compare_timed);
	for (size_t i = 0; i < joined.count; i++)
		joined.at[i] = timed[i].point;
	*ret = joined;
	return ERR_OK;
}

/* ---- attributes ---- */

static bool dataset_wanted(const struct represent_options *options, const struct store_series *series)
{
	struct str dataset = series->dataset_id.len ? series->dataset_id : STR("@none");

	if (!options->dataset_ids || str_eq(series->attribute_iri, TEMPORAL_SCOPE))
		return true;
	for (size_t i = 0; i < options->dataset_count; i++)
		if (str_eq(dataset, options->dataset_ids[i]))
			return true;
	return false;
}

static bool is_named(const struct represent_selection *show, struct str iri)
{
	return (show->attrs && projection_names(show->attrs, iri)) || (show->pick && projection_names(show->pick, iri));
}

static enum err_code read_aggregates(struct temporal_reading *reading, const struct temporal_series *series,
				     size_t count, struct temporal_attribute *attribute)
{
	struct temporal_aggregate *aggregates = arena_array(reading->arena, struct temporal_aggregate, count);

	if (!aggregates)
		return no_memory(reading);
	for (size_t i = 0; i < count; i++) {
		bool any;
		enum err_code code =
			temporal_aggregate_read(reading, &series[i], &aggregates[attribute->aggregate_count], &any);

		if (code != ERR_OK)
			return code;
		attribute->aggregate_count += any;
	}
	attribute->aggregates = aggregates;
	return ERR_OK;
}

/* Narrows the cut: the attribute ends at this point's time. */
static void note_cut(const struct temporal_reading *reading, const struct temporal_points *points,
		     struct broker_temporal_cut *cut)
{
	enum temporal_property property = reading->ask->temporal->property;

	if (reading->ask->temporal->last_n) {
		int64_t first_us = temporal_point_time(&points->at[0], property);
		size_t at = 0;

		while (at < points->count && temporal_point_time(&points->at[at], property) == first_us)
			at++;
		int64_t from_us = at < points->count ? temporal_point_time(&points->at[at], property) : first_us;

		if (!cut->cut || from_us > cut->first_us)
			cut->first_us = from_us;
	} else {
		int64_t last_us = temporal_point_time(&points->at[points->count - 1], property);

		if (!cut->cut || last_us < cut->last_us)
			cut->last_us = last_us;
	}
	cut->cut = true;
}

static enum err_code read_points(struct temporal_reading *reading, const struct temporal_series *series, size_t count,
				 uint64_t most, struct temporal_attribute *attribute, struct broker_temporal_cut *cut)
{
	uint64_t last_n = reading->ask->temporal->last_n;
	uint64_t count_max = last_n && last_n < most ? last_n : most;
	struct temporal_points *parts = arena_array(reading->arena, struct temporal_points, count),
			       points = {.count = 0};
	enum err_code code = ERR_OK;

	if (!parts)
		return no_memory(reading);
	for (size_t i = 0; i < count && code == ERR_OK; i++)
		code = temporal_points_read(reading, &series[i], last_n > 0, count_max, &parts[i]);
	if (code == ERR_OK && count == 1)
		points = parts[0];
	else if (code == ERR_OK)
		code = join_points(reading, parts, count, &points);
	if (code != ERR_OK)
		return code;
	keep_most(&points, last_n > 0, count_max);
	attribute->points = points.at;
	attribute->count = points.count;
	if (points.more && points.count && count_max != last_n)
		note_cut(reading, &points, cut);
	return ERR_OK;
}

/* ---- the entity ---- */

/* Series of one attribute lie side by side; those wanted are gathered. */
static size_t gather(const struct temporal_reading *reading, struct str id, const struct store_series *series,
		     size_t count, struct temporal_series *wanted, size_t *ret_wanted)
{
	size_t at = 0;

	*ret_wanted = 0;
	while (at < count && str_eq(series[at].attribute_iri, series[0].attribute_iri)) {
		if (dataset_wanted(reading->ask->represent, &series[at]))
			wanted[(*ret_wanted)++] =
				(struct temporal_series){id, series[at].attribute_iri, series[at].dataset_id};
		at++;
	}
	return at;
}

static enum err_code keep_subject(const struct temporal_reading *reading, const struct store_subject *subject,
				  struct temporal_entity *entity)
{
	struct str *types = arena_array(reading->arena, struct str, subject->type_count);

	*entity = (struct temporal_entity){.id = arena_dup(reading->arena, subject->id),
					   .types = types,
					   .type_count = subject->type_count,
					   .created_us = subject->created_us,
					   .modified_us = subject->modified_us,
					   .deleted_us = TEMPORAL_NO_TIME};
	if (!types || !entity->id.at)
		return no_memory(reading);
	for (size_t i = 0; i < subject->type_count; i++) {
		types[i] = arena_dup(reading->arena, subject->types[i]);
		if (!types[i].at)
			return no_memory(reading);
	}
	return ERR_OK;
}

/* There is no entity, and the last that was heard of each attribute is its deletion. What only ever had an evolution
 * was never deleted, though it is no entity either. */
enum err_code temporal_deletion(const struct temporal_reading *reading, const struct store_subject *subject,
				const struct store_series *series, size_t count, int64_t *ret_us)
{
	const struct store_window always = {
		.by = STORE_MODIFIED_AT, .all = true, .from_us = INT64_MIN, .to_us = INT64_MAX};
	bool present = subject->created_us != STORE_NO_TIME && subject->gone_us == STORE_NO_TIME;
	int64_t latest_us = TEMPORAL_NO_TIME;

	*ret_us = subject->laid_over ? subject->gone_us : TEMPORAL_NO_TIME;
	if (present || subject->laid_over || !reading->ask->represent->sys_attrs ||
	    reading->ask->form != TEMPORAL_NORMALIZED)
		return ERR_OK;
	for (size_t i = 0; i < count; i++) {
		struct store_instances last = {.count = 0};
		enum err_code code =
			store_series_read(reading->store, subject->id, series[i].attribute_iri, series[i].dataset_id,
					  &always, true, 1, reading->scratch, &last, reading->err);

		if (code != ERR_OK)
			return code;
		if (last.count == 0)
			continue;
		if (last.at[0].shape->kind != CHANGE_DELETED)
			return ERR_OK;
		latest_us = last.at[0].deleted_us > latest_us ? last.at[0].deleted_us : latest_us;
	}
	*ret_us = latest_us;
	return ERR_OK;
}

/* Of each attribute, so that an entity alone always fits an answer. */
static uint64_t most_of_each(const struct temporal_reading *reading, size_t series_count)
{
	uint64_t share = reading->ask->total_max / (series_count ? series_count : 1);

	if (share > reading->ask->instances_max)
		share = reading->ask->instances_max;
	return share ? share : 1;
}

static enum err_code read_attributes(struct temporal_reading *reading, const struct store_series *series, size_t count,
				     struct temporal_entity *entity, struct broker_temporal_cut *cut)
{
	const struct represent_selection *show = &reading->ask->represent->show;
	struct temporal_attribute *attributes = arena_array(reading->arena, struct temporal_attribute, count);
	struct temporal_series *wanted = arena_array(reading->scratch, struct temporal_series, count);
	uint64_t most = most_of_each(reading, count);
	enum err_code code = ERR_OK;

	if (!attributes || !wanted)
		return no_memory(reading);
	for (size_t at = 0, wanted_count; at < count && code == ERR_OK;) {
		struct str iri = series[at].attribute_iri;

		at += gather(reading, entity->id, &series[at], count - at, wanted, &wanted_count);
		if (wanted_count == 0 || !represent_shows(show, iri, true))
			continue;
		struct temporal_attribute *attribute = &attributes[entity->count];

		*attribute = (struct temporal_attribute){.iri = iri, .named = is_named(show, iri)};
		code = reading->ask->form == TEMPORAL_AGGREGATED
			       ? read_aggregates(reading, wanted, wanted_count, attribute)
			       : read_points(reading, wanted, wanted_count, most, attribute, cut);
		reading->total += attribute->count;
		if (attribute->count + attribute->aggregate_count > 0) {
			attribute->iri = arena_dup(reading->arena, iri);
			entity->count++;
			if (!attribute->iri.at)
				return no_memory(reading);
		}
	}
	entity->attributes = attributes;
	return code;
}

enum err_code temporal_entity_read(struct temporal_reading *reading, const struct store_subject *subject,
				   const struct store_series *series, size_t series_count,
				   struct temporal_entity *ret_entity, struct broker_temporal_cut *cut)
{
	struct temporal_entity entity;
	enum err_code code = keep_subject(reading, subject, &entity);

	if (code == ERR_OK)
		code = temporal_deletion(reading, subject, series, series_count, &entity.deleted_us);
	if (code == ERR_OK && !temporal_reading_is_empty(reading))
		code = read_attributes(reading, series, series_count, &entity, cut);
	if (code == ERR_OK)
		*ret_entity = entity;
	return code;
}

/* ---- the range of an answer ---- */

static void trim(struct temporal_attribute *attribute, enum temporal_property property, int64_t from_us, int64_t to_us)
{
	while (attribute->count && temporal_point_time(&attribute->points[0], property) < from_us) {
		attribute->points++;
		attribute->count--;
	}
	while (attribute->count && temporal_point_time(&attribute->points[attribute->count - 1], property) > to_us)
		attribute->count--;
}

static void note_ends(const struct temporal_attribute *attribute, enum temporal_property property,
		      struct broker_temporal_cut *cut)
{
	if (!attribute->count)
		return;
	int64_t first_us = temporal_point_time(&attribute->points[0], property);
	int64_t last_us = temporal_point_time(&attribute->points[attribute->count - 1], property);

	cut->first_us = !cut->any || first_us < cut->first_us ? first_us : cut->first_us;
	cut->last_us = !cut->any || last_us > cut->last_us ? last_us : cut->last_us;
	cut->any = true;
}

void temporal_range_apply(const struct temporal_reading *reading, struct temporal_entity *entities, size_t count,
			  struct broker_temporal_cut *cut)
{
	enum temporal_property property = reading->ask->temporal->property;
	bool backwards = reading->ask->temporal->last_n > 0;
	int64_t from_us = cut->cut && backwards ? cut->first_us : INT64_MIN;
	int64_t to_us = cut->cut && !backwards ? cut->last_us : INT64_MAX;

	cut->any = false;
	for (size_t i = 0; i < count; i++) {
		struct temporal_attribute *attributes = entities[i].attributes;

		for (size_t k = 0; k < entities[i].count; k++) {
			if (cut->cut)
				trim(&attributes[k], property, from_us, to_us);
			note_ends(&attributes[k], property, cut);
		}
	}
	/* What others cut may hold nothing of what is shown. */
	if (cut->cut && !cut->any) {
		cut->first_us = cut->last_us = backwards ? from_us : to_us;
		cut->any = true;
	}
}
