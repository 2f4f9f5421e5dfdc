/* Several rows of one entity: instances beside each other by name and datasetId, gathered values growing. */
#include "feed/mapping_int.h"

/* Puts instance under name; a second one of the name makes an array of it. */
bool mapping_put_instance(struct arena *arena, struct json *parent, struct str name, struct json instance)
{
	struct json *before = json_get(parent, name);
	struct json list = json_array();

	if (!before)
		return json_add(arena, parent, name, instance) != NULL;
	if (before->kind == JSON_ARRAY)
		return json_push(arena, before, instance) != NULL;
	if (!json_push(arena, &list, *before) || !json_push(arena, &list, instance))
		return false;
	*before = list;
	return true;
}

static const struct field *gathering_field(const struct mapping *mapping, struct str name)
{
	for (size_t i = 0; i < mapping->attribute_count; i++) {
		const struct field *field = &mapping->attributes[i];

		if ((field->gather || field->kind == FIELD_COUNT_ROWS) && str_eq(field->name, name))
			return field;
	}
	return NULL;
}

static bool gather(struct arena *arena, const struct field *field, struct json *instance, const struct json *more)
{
	struct str member = field->kind == FIELD_RELATIONSHIP ? STR("object") : STR("value");
	struct json *value = json_get(instance, member), *added = json_get(more, member);
	int64_t a, b;

	if (field->kind == FIELD_COUNT_ROWS) {
		if (!json_int64(value, &a) || !json_int64(added, &b))
			return true;
		*value = json_int(arena, a + b);
		return value->kind == JSON_NUMBER;
	}
	if (field->kind == FIELD_POINT)
		return json_push(arena, json_get(value, STR("coordinates")),
				 *json_at(json_get(added, STR("coordinates")), 0)) != NULL;
	for (size_t i = 0; i < value->count; i++)
		if (json_equal(&value->items[i], json_at(added, 0)))
			return true;
	return json_push(arena, value, *json_at(added, 0)) != NULL;
}

static struct json *instance_of(struct json *attribute, const struct json *like)
{
	struct str dataset = json_text(json_get(like, STR("datasetId")));
	size_t count = attribute->kind == JSON_ARRAY ? attribute->count : 1;

	for (size_t i = 0; i < count; i++) {
		struct json *instance = attribute->kind == JSON_ARRAY ? &attribute->items[i] : attribute;

		if (str_eq(json_text(json_get(instance, STR("datasetId"))), dataset))
			return instance;
	}
	return NULL;
}

static bool merge_instance(const struct mapping *mapping, struct arena *arena, struct json *entity, struct str name,
			   const struct json *added)
{
	const struct field *field = gathering_field(mapping, name);
	struct json *attribute = json_get(entity, name);
	struct json *same = attribute ? instance_of(attribute, added) : NULL;

	if (!same)
		return mapping_put_instance(arena, entity, name, *added);
	if (field)
		return gather(arena, field, same, added);
	*same = *added;
	return true;
}

bool mapping_merge(const struct mapping *mapping, struct arena *arena, struct json *entity, const struct json *row)
{
	for (size_t i = 0; i < row->count; i++) {
		struct str name = row->members[i].key;
		const struct json *attribute = &row->members[i].value;
		size_t count = attribute->kind == JSON_ARRAY ? attribute->count : 1;

		if (str_eq(name, STR("id")) || str_eq(name, STR("type")))
			continue;
		for (size_t j = 0; j < count; j++)
			if (!merge_instance(mapping, arena, entity, name,
					    attribute->kind == JSON_ARRAY ? &attribute->items[j] : attribute))
				return false;
	}
	return true;
}
