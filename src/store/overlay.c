/* Evolutions laid over a store's: decoded once, sorted by whoever reads them. */
#include "store/overlay_int.h"

#include "base/map.h"

#define ROOM_FIRST 8u

struct overlay_series {
	struct str iri, dataset_id;
	struct store_instance *at; /* in the arena */
	size_t count, room;
	struct overlay_series *next;
};

struct overlay_subject {
	struct store_subject subject;
	struct overlay_series *series;
	struct overlay_subject *next; /* in the order in which they were added */
	bool met; /* by the walk at hand */
};

struct store_overlay {
	struct arena *arena;
	struct map by_id; /* struct overlay_subject */
	struct overlay_subject *first, **end;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for evolutions of several brokers");
}

struct store_overlay *store_overlay_new(struct arena *arena)
{
	struct store_overlay *overlay = arena_new(arena, struct store_overlay);

	if (!overlay)
		return NULL;
	overlay->arena = arena;
	overlay->end = &overlay->first;
	map_init(&overlay->by_id, (uint64_t)(uintptr_t)overlay);
	return overlay;
}

void store_overlay_done(struct store_overlay *overlay)
{
	if (overlay)
		map_done(&overlay->by_id);
}

/* ---- in ---- */

static int64_t stamp(int64_t us)
{
	return us ? us : STORE_NO_TIME;
}

static struct overlay_series *series_of(struct store_overlay *overlay, struct overlay_subject *subject, struct str iri,
					struct str dataset_id)
{
	struct overlay_series **at = &subject->series;

	while (*at && !(str_eq((*at)->dataset_id, dataset_id) && str_eq((*at)->iri, iri)))
		at = &(*at)->next;
	if (!*at) {
		*at = arena_new(overlay->arena, struct overlay_series);
		if (*at)
			**at = (struct overlay_series){.iri = iri, .dataset_id = dataset_id};
	}
	return *at;
}

static bool make_room(struct store_overlay *overlay, struct overlay_series *series)
{
	struct store_instance *at =
		arena_grow(overlay->arena, series->at, series->count, &series->room, sizeof(*at), ROOM_FIRST);

	if (at)
		series->at = at;
	return at != NULL;
}

static enum err_code add_instance(struct store_overlay *overlay, struct overlay_subject *subject, struct str iri,
				  const struct json *document, int64_t number, struct error *err)
{
	struct overlay_series *series =
		series_of(overlay, subject, iri, json_text(json_get(document, STR("datasetId"))));
	struct store_instance *instance;
	int64_t deleted_us = 0;
	bool deleted = json_int64(json_get(document, STR("deletedAt")), &deleted_us);

	if (!series || !make_room(overlay, series))
		return no_memory(err);
	instance = &series->at[series->count];
	enum err_code code = store_instance_read(overlay->arena, document, deleted ? CHANGE_DELETED : CHANGE_CREATED,
						 deleted_us, number, instance, err);

	if (code != ERR_OK)
		return code;
	instance->created_us = stamp(instance->created_us);
	instance->modified_us = stamp(instance->modified_us);
	series->count++;
	return ERR_OK;
}

static enum err_code add_attributes(struct store_overlay *overlay, struct overlay_subject *subject,
				    const struct json *evolution, struct error *err)
{
	enum err_code code = ERR_OK;
	int64_t number = 0;

	for (uint32_t i = 0; i < evolution->count; i++) {
		const struct json_member *member = &evolution->members[i];

		if (!document_is_attribute(member->key) && !str_eq(member->key, STR(STORE_SCOPE_SERIES)))
			continue;
		for (uint32_t k = 0; code == ERR_OK && k < member->value.count; k++)
			code = add_instance(overlay, subject, member->key, &member->value.items[k], number++, err);
	}
	return code;
}

enum err_code store_overlay_add(struct store_overlay *overlay, const struct json *evolution, struct error *err)
{
	const struct json *type = json_get(evolution, STR("type"));
	size_t count = json_is(type, JSON_ARRAY) ? type->count : 0;
	struct str *types = arena_array(overlay->arena, struct str, count);
	struct overlay_subject *subject = arena_new(overlay->arena, struct overlay_subject);
	int64_t deleted_us = STORE_NO_TIME;

	if (!types || !subject)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		types[i] = json_text(&type->items[i]);
	(void)json_int64(json_get(evolution, STR("deletedAt")), &deleted_us);
	*subject = (struct overlay_subject){.subject = {.id = document_id(evolution),
							.types = types,
							.type_count = count,
							.created_us = stamp(document_created_us(evolution)),
							.modified_us = stamp(document_modified_us(evolution)),
							.gone_us = deleted_us,
							.laid_over = true}};
	if (!map_set(&overlay->by_id, subject->subject.id, subject))
		return no_memory(err);
	*overlay->end = subject;
	overlay->end = &subject->next;
	return add_attributes(overlay, subject, evolution, err);
}

struct store_reader *store_overlay_reader(struct store_overlay *overlay, struct store_reader *below)
{
	struct store_reader *reader = arena_new(overlay->arena, struct store_reader);

	if (reader)
		*reader = (struct store_reader){.store = below->store, .snapshot = below->snapshot, .overlay = overlay};
	return reader;
}

/* ---- out ---- */

struct overlay_subject *overlay_find(const struct store_overlay *overlay, struct str id)
{
	return overlay ? map_get(&overlay->by_id, id) : NULL;
}

static const struct overlay_series *series_find(const struct overlay_subject *subject, struct str iri,
						struct str dataset_id)
{
	const struct overlay_series *series = subject->series;

	while (series && !(str_eq(series->dataset_id, dataset_id) && str_eq(series->iri, iri)))
		series = series->next;
	return series;
}

enum err_code overlay_series_read(const struct overlay_subject *subject, struct str attribute_iri,
				  struct str dataset_id, const struct store_window *window, bool latest,
				  uint32_t count_max, struct arena *arena, struct store_instances *ret,
				  struct error *err)
{
	const struct overlay_series *series = series_find(subject, attribute_iri, dataset_id);
	struct instance_list list;
	bool good = true;

	instance_list_init(&list, window, latest, count_max);
	for (size_t i = 0; good && series && i < series->count; i++)
		good = instance_list_add(&list, &series->at[i]);
	enum err_code code = good ? instance_list_take(&list, arena, ret, err) : no_memory(err);

	instance_list_done(&list);
	return code;
}

enum err_code overlay_series_sums(const struct overlay_subject *subject, struct str attribute_iri,
				  struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				  struct series_sums *sums, struct error *err)
{
	const struct overlay_series *series = series_find(subject, attribute_iri, dataset_id);
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && series && i < series->count; i++)
		code = store_sums_add(&series->at[i], by, edges, count, sums, err);
	return code;
}

enum err_code overlay_series_list(const struct overlay_subject *subject, struct arena *arena,
				  const struct store_series **ret_series, size_t *ret_count, struct error *err)
{
	size_t count = 0;

	for (const struct overlay_series *series = subject->series; series; series = series->next)
		count++;
	struct store_series *list = arena_array(arena, struct store_series, count);

	if (!list)
		return no_memory(err);
	count = 0;
	for (const struct overlay_series *series = subject->series; series; series = series->next)
		list[count++] = (struct store_series){series->iri, series->dataset_id};
	*ret_series = list;
	*ret_count = count;
	return ERR_OK;
}

void overlay_subject_get(const struct overlay_subject *subject, struct store_subject *ret)
{
	*ret = subject->subject;
}

/* ---- every subject ---- */

struct overlay_walk {
	struct store_overlay *overlay;
	bool (*visit)(void *self, int64_t number, const struct store_subject *subject);
	void *self;
	bool more;
};

static bool visit_below(void *self, int64_t number, const struct store_subject *subject)
{
	struct overlay_walk *walk = self;
	struct overlay_subject *over = overlay_find(walk->overlay, subject->id);

	if (over)
		over->met = true;
	walk->more = walk->visit(walk->self, number, over ? &over->subject : subject);
	return walk->more;
}

enum err_code overlay_subject_each(struct store_reader *reader, const struct narrow *narrow, int64_t after,
				   bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				   void *self, struct error *err)
{
	struct overlay_walk walk = {reader->overlay, visit, self, true};

	for (struct overlay_subject *over = reader->overlay->first; over; over = over->next)
		over->met = false;
	enum err_code code = reader->store->ops->subject_each(reader->snapshot, narrow, after, visit_below, &walk, err);

	for (struct overlay_subject *over = reader->overlay->first; code == ERR_OK && walk.more && over;
	     over = over->next)
		if (!over->met)
			walk.more = visit(self, INT64_MAX, &over->subject);
	return code;
}
