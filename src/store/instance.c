/* Instances of attributes: out of their documents, back into documents, and lists of them in the order of time. */
#include "store/temporal_int.h"

#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

/* ---- documents ---- */

static struct str value_name(const struct json *instance)
{
	const struct json *value = document_value(instance);

	for (uint32_t i = 0; value && i < instance->count; i++)
		if (&instance->members[i].value == value)
			return instance->members[i].key;
	return STR_NONE;
}

enum err_code store_instance_read(struct arena *arena, const struct json *document, enum change_kind kind,
				  int64_t at_us, int64_t number, struct store_instance *ret, struct error *err)
{
	struct str name = value_name(document);

	if (!name.len)
		return err_set(err, ERR_CORRUPT, "a point of the history is no instance of an attribute");
	struct store_shape *shape = arena_new(arena, struct store_shape);

	if (!shape)
		return err_set(err, ERR_MEMORY, "no memory for history");
	*shape = (struct store_shape){.kind = kind, .instance = document, .value_name = name};
	*ret = (struct store_instance){.observed_us = STORE_NO_TIME,
				       .created_us = document_created_us(document),
				       .modified_us = document_modified_us(document),
				       .deleted_us = STORE_NO_TIME,
				       .number = number,
				       .shape = shape,
				       .value = *document_value(document)};
	if (kind == CHANGE_DELETED)
		ret->deleted_us = ret->modified_us = at_us;
	else if (!time_parse_iso(json_text(json_get(document, STR("observedAt"))), true, &ret->observed_us))
		ret->observed_us = STORE_NO_TIME;
	return ERR_OK;
}

static bool set_time(struct arena *arena, struct json *member, int64_t us)
{
	char buffer[TIME_ISO_BYTES];
	struct str text = arena_dup(arena, time_format_iso(us, buffer));

	*member = json_string(text);
	return text.at != NULL;
}

struct json *store_instance_document(struct arena *arena, const struct store_instance *instance)
{
	const struct store_shape *shape = instance->shape;
	struct json *document = json_dup_nodes(arena, shape->instance);
	bool good = document != NULL;

	for (uint32_t i = 0; good && i < document->count; i++) {
		struct str key = document->members[i].key;
		struct json *member = &document->members[i].value;

		if (str_eq(key, shape->value_name)) {
			*member = instance->value;
		} else if (str_eq(key, STR("createdAt"))) {
			*member = json_int(arena, instance->created_us);
			good = member->kind == JSON_NUMBER;
		} else if (shape->kind == CHANGE_DELETED) {
			continue;
		} else if (str_eq(key, STR("modifiedAt"))) {
			*member = json_int(arena, instance->modified_us);
			good = member->kind == JSON_NUMBER;
		} else if (str_eq(key, STR("observedAt")) && member->kind == JSON_NULL) {
			/* Where the text is not the moment's shortest one, the shape has it. */
			good = set_time(arena, member, instance->observed_us);
		}
	}
	return good ? document : NULL;
}

enum err_code store_instance_correct(struct arena *arena, const struct json *before, const struct json *instance,
				     int64_t now_us, struct json **ret, struct error *err)
{
	struct str dataset = json_text(json_get(before, STR("datasetId")));
	struct json *document = json_dup_nodes(arena, instance);
	bool good = document != NULL;

	if (good && dataset.len)
		good = json_set(arena, document, STR("datasetId"), json_string(dataset)) != NULL;
	else if (good)
		(void)json_remove(document, STR("datasetId"));
	good = good && json_set(arena, document, STR("createdAt"), json_int(arena, document_created_us(before))) &&
	       json_set(arena, document, STR("modifiedAt"), json_int(arena, now_us));
	*ret = document;
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to correct an instance");
}

enum err_code store_instance_says(struct arena *arena, const struct store_instance *there, const struct json *instance,
				  int64_t observed_us, bool *ret_says, struct error *err)
{
	const struct json *observed = json_get(instance, STR("observedAt"));

	*ret_says = false;
	if (there->shape->kind == CHANGE_DELETED || there->observed_us != observed_us ||
	    !json_equal(&there->value, document_value(instance)))
		return ERR_OK;
	struct json *document = store_instance_document(arena, there);

	/* The moment is the same, however it is written. */
	if (!document || !json_set(arena, document, STR("observedAt"), *observed))
		return err_set(err, ERR_MEMORY, "no memory for history");
	*ret_says = merge_same_instance(document, instance);
	return ERR_OK;
}

/* ---- windows ---- */

static int64_t time_of(const struct store_instance *instance, enum store_time by)
{
	switch (by) {
	case STORE_CREATED_AT:
		return instance->created_us;
	case STORE_MODIFIED_AT:
		return instance->modified_us;
	case STORE_DELETED_AT:
		return instance->deleted_us;
	case STORE_OBSERVED_AT:
		break;
	}
	return instance->observed_us;
}

bool store_window_at_us(const struct store_window *window, const struct store_instance *instance, int64_t *ret_us)
{
	int64_t us = time_of(instance, window->by);

	*ret_us = us == STORE_NO_TIME ? instance->modified_us : us;
	if (us == STORE_NO_TIME && !window->or_modified)
		return window->all;
	us = *ret_us;
	return window->all || (us >= window->from_us && us <= window->to_us);
}

/* ---- lists ---- */

#define LIST_ROOM_FIRST 64u

void instance_list_init(struct instance_list *list, const struct store_window *window, bool latest, uint32_t count_max)
{
	*list = (struct instance_list){.window = window, .latest = latest, .count_max = count_max};
}

void instance_list_done(struct instance_list *list)
{
	free(list->at);
	list->at = NULL;
	list->count = list->room = 0;
}

static int64_t order_us(const struct store_window *window, const struct store_instance *instance)
{
	int64_t us;

	(void)store_window_at_us(window, instance, &us);
	return us;
}

static int compare(const struct store_window *window, const struct store_instance *a, const struct store_instance *b)
{
	int64_t a_us = order_us(window, a), b_us = order_us(window, b);

	if (a_us != b_us)
		return a_us < b_us ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_sort(const void *a, const void *b, void *window)
{
	return compare(window, a, b);
}

static bool is_sorted(const struct instance_list *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (compare(list->window, &list->at[i - 1], &list->at[i]) > 0)
			return false;
	return true;
}

/* In order; of more than count_max + 1 the others go. */
static void settle(struct instance_list *list)
{
	size_t keep = (size_t)list->count_max + 1;

	if (list->count > 1 && !is_sorted(list))
		qsort_r(list->at, list->count, sizeof(*list->at), compare_sort, (void *)(uintptr_t)list->window);
	if (list->count < keep)
		return;
	if (list->latest)
		memmove(list->at, list->at + (list->count - keep), keep * sizeof(*list->at));
	list->count = keep;
	list->bounded = true;
	list->bound_us = order_us(list->window, list->latest ? &list->at[0] : &list->at[keep - 1]);
}

static bool make_room(struct instance_list *list)
{
	if (list->count < list->room)
		return true;
	if (list->count > 2 * ((size_t)list->count_max + 1)) {
		settle(list);
		return true;
	}
	size_t room = list->room ? list->room * 2 : LIST_ROOM_FIRST;
	struct store_instance *grown = realloc(list->at, room * sizeof(*grown));

	if (!grown)
		return false;
	list->at = grown;
	list->room = room;
	return true;
}

bool instance_list_add(struct instance_list *list, const struct store_instance *instance)
{
	int64_t us;

	if (!store_window_at_us(list->window, instance, &us))
		return true;
	if (list->bounded && (list->latest ? us < list->bound_us : us > list->bound_us))
		return true;
	if (!make_room(list))
		return false;
	list->at[list->count++] = *instance;
	if (!list->bounded && list->count > list->count_max)
		settle(list);
	return true;
}

enum err_code instance_list_take(struct instance_list *list, struct arena *arena, struct store_instances *ret,
				 struct error *err)
{
	settle(list);
	size_t count = list->count > list->count_max ? list->count_max : list->count;
	const struct store_instance *first = list->latest ? list->at + (list->count - count) : list->at;
	struct store_instance *copy = arena_array(arena, struct store_instance, count);

	if (!copy)
		return err_set(err, ERR_MEMORY, "no memory for %zu instances", count);
	if (count)
		memcpy(copy, first, count * sizeof(*copy));
	*ret = (struct store_instances){copy, count, list->count > count};
	return ERR_OK;
}

/* ---- sums ---- */

/* The period that us lies in; count - 1 when it lies in none. */
static size_t find_period(const int64_t *edges, size_t count, int64_t us)
{
	size_t low = 0, high = count;

	if (count < 2 || us < edges[0] || us >= edges[count - 1])
		return count - 1;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (edges[middle] <= us)
			low = middle;
		else
			high = middle;
	}
	return low;
}

enum err_code store_sums_add(const struct store_instance *instance, enum store_time by, const int64_t *edges,
			     size_t count, struct series_sums *sums, struct error *err)
{
	const struct json *value = &instance->value;
	int64_t us = time_of(instance, by);
	size_t period = us == STORE_NO_TIME ? count - 1 : find_period(edges, count, us);

	if (period == count - 1 || instance->shape->kind == CHANGE_DELETED)
		return ERR_OK;
	if (value->kind == JSON_NUMBER)
		return series_sums_add_text(&sums[period], us, instance->number,
					    (struct str){value->text, value->count}, err);
	if (value->kind == JSON_BOOL)
		series_sums_add_decimal(&sums[period], us, instance->number, value->boolean, 0);
	else
		sums[period].others++;
	return ERR_OK;
}
