/* Counting types, attributes and kinds of attributes in documents. */
#include "store/census_int.h"

#include "ngsild/document.h"

#include <stdlib.h>

static const struct str kind_names[CENSUS_KIND_COUNT] = {
	[CENSUS_ENTITY] = {"", 0},
	[CENSUS_PROPERTY] = {"Property", 8},
	[CENSUS_RELATIONSHIP] = {"Relationship", 12},
	[CENSUS_GEO_PROPERTY] = {"GeoProperty", 11},
	[CENSUS_LANGUAGE_PROPERTY] = {"LanguageProperty", 16},
	[CENSUS_VOCAB_PROPERTY] = {"VocabProperty", 13},
	[CENSUS_JSON_PROPERTY] = {"JsonProperty", 12},
	[CENSUS_LIST_PROPERTY] = {"ListProperty", 12},
	[CENSUS_LIST_RELATIONSHIP] = {"ListRelationship", 16},
};

struct str census_kind_name(enum census_kind kind)
{
	return kind_names[kind];
}

/* ---- names and cells ---- */

void census_init(struct census *census)
{
	*census = (struct census){0};
	arena_init(&census->arena, CENSUS_BYTES_MAX);
	map_init(&census->names, 0);
	map_init(&census->cells, 0);
}

void census_done(struct census *census)
{
	map_done(&census->names);
	map_done(&census->cells);
	arena_done(&census->arena);
	free(census->types);
	census->types = NULL;
	census->type_room = 0;
}

void census_clear(struct census *census)
{
	if (census->names.count == 0)
		return;
	map_done(&census->names);
	map_done(&census->cells);
	arena_clear(&census->arena);
	census->first = census->touched = NULL;
}

/* The name's entry, made if need be; NULL without memory. */
static struct census_name *name_of(struct census *census, struct str iri)
{
	struct census_name *name = map_get(&census->names, iri);

	if (name)
		return name;
	name = arena_new(&census->arena, struct census_name);
	if (!name)
		return NULL;
	name->iri = arena_dup(&census->arena, iri);
	return name->iri.at && map_set(&census->names, name->iri, name) ? name : NULL;
}

static struct str key_text(const struct census_key *key)
{
	return (struct str){(const char *)key, sizeof(*key)};
}

static struct census_cell *cell_of(struct census *census, const struct census_key *key)
{
	struct census_cell *cell = map_get(&census->cells, key_text(key));

	if (cell)
		return cell;
	cell = arena_new(&census->arena, struct census_cell);
	if (!cell)
		return NULL;
	cell->key = *key;
	if (!map_set(&census->cells, key_text(&cell->key), cell))
		return NULL;
	cell->next = census->first;
	census->first = cell;
	return cell;
}

static bool add(struct census *census, struct census_name *within, struct census_name *name, enum census_kind kind,
		int64_t sign)
{
	const struct census_key key = {.within = within, .name = name, .kind = kind};
	struct census_cell *cell = cell_of(census, &key);

	if (!cell)
		return false;
	cell->now += sign;
	if (!cell->touched) {
		cell->touched = true;
		cell->next_touched = census->touched;
		census->touched = cell;
	}
	return true;
}

void census_keep(struct census *census)
{
	for (struct census_cell *cell = census->touched; cell; cell = cell->next_touched) {
		cell->sum += cell->now;
		cell->now = 0;
		cell->touched = false;
	}
	census->touched = NULL;
}

void census_drop(struct census *census)
{
	for (struct census_cell *cell = census->touched; cell; cell = cell->next_touched) {
		cell->now = 0;
		cell->touched = false;
	}
	census->touched = NULL;
}

struct census_cell *census_find(const struct census *census, struct str within, struct str name, enum census_kind kind)
{
	const struct census_key key = {.within = within.len ? map_get(&census->names, within) : NULL,
				       .name = map_get(&census->names, name),
				       .kind = kind};

	if (!key.name || (within.len && !key.within))
		return NULL;
	return map_get(&census->cells, key_text(&key));
}

int64_t census_count(const struct census *census, struct str within, struct str name, enum census_kind kind)
{
	const struct census_cell *cell = census_find(census, within, name, kind);

	return cell ? cell->sum + cell->now : 0;
}

/* ---- one document ---- */

/* CENSUS_ENTITY for what is no kind of attribute. */
static enum census_kind kind_of(const struct json *instance)
{
	struct str name = json_text(json_get(instance, STR("type")));

	for (enum census_kind kind = CENSUS_PROPERTY; kind < CENSUS_KIND_COUNT; kind++)
		if (str_eq(kind_names[kind], name))
			return kind;
	return CENSUS_ENTITY;
}

static bool types_reserve(struct census *census, size_t count)
{
	if (count <= census->type_room)
		return true;
	struct census_name **grown = realloc(census->types, count * sizeof(*grown));

	if (!grown)
		return false;
	census->types = grown;
	census->type_room = count;
	return true;
}

/* Counts the types, each once, and leaves them in census->types. */
static bool count_types(struct census *census, const struct json *types, int64_t sign, size_t *ret_count)
{
	size_t count = 0;

	*ret_count = 0;
	if (!json_is(types, JSON_ARRAY) || types->count == 0)
		return true;
	if (!types_reserve(census, types->count))
		return false;
	for (uint32_t i = 0; i < types->count; i++) {
		struct str iri = json_text(&types->items[i]);
		struct census_name *name = iri.len ? name_of(census, iri) : NULL;
		size_t before = 0;

		if (iri.len == 0)
			continue;
		if (!name)
			return false;
		while (before < count && census->types[before] != name)
			before++;
		if (before < count)
			continue;
		if (!add(census, NULL, name, CENSUS_ENTITY, sign))
			return false;
		census->types[count++] = name;
	}
	*ret_count = count;
	return true;
}

static bool count_attribute(struct census *census, const struct json_member *attribute, size_t type_count, int64_t sign)
{
	const struct json *instances = &attribute->value;
	struct census_name *name = name_of(census, attribute->key);

	if (!name)
		return false;
	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
		enum census_kind kind = kind_of(&instances->items[i]);

		if (kind == CENSUS_ENTITY)
			continue;
		if (!add(census, NULL, name, kind, sign))
			return false;
		for (size_t t = 0; t < type_count; t++)
			if (!add(census, census->types[t], name, kind, sign))
				return false;
	}
	return true;
}

static enum err_code count_entity(struct census *census, const struct json *entity, int64_t sign, struct error *err)
{
	size_t type_count;

	if (!json_is(entity, JSON_OBJECT))
		return ERR_OK;
	bool good = count_types(census, json_get(entity, STR("type")), sign, &type_count);

	for (uint32_t i = 0; good && i < entity->count; i++)
		if (document_is_attribute(entity->members[i].key))
			good = count_attribute(census, &entity->members[i], type_count, sign);
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to count types and attributes");
}

/* ---- the difference of two ---- */

static bool same_texts(const struct json *a, const struct json *b)
{
	if (!json_is(a, JSON_ARRAY) || !json_is(b, JSON_ARRAY))
		return json_is(a, JSON_ARRAY) == json_is(b, JSON_ARRAY);
	for (uint32_t i = 0; i < a->count && i < b->count; i++)
		if (!str_eq(json_text(&a->items[i]), json_text(&b->items[i])))
			return false;
	return a->count == b->count;
}

/* The same number of instances, and kind by kind the same. */
static bool same_kinds(const struct json *a, const struct json *b)
{
	if (!json_is(a, JSON_ARRAY) || !json_is(b, JSON_ARRAY) || a->count != b->count)
		return false;
	for (uint32_t i = 0; a->items != b->items && i < a->count; i++)
		if (!str_eq(json_text(json_get(&a->items[i], STR("type"))),
			    json_text(json_get(&b->items[i], STR("type")))))
			return false;
	return true;
}

/* json_get() that looks at member *hint first and moves it behind what it found: documents of one entity list their
 * attributes in nearly the same order. */
static const struct json *get_near(const struct json *object, struct str key, uint32_t *hint)
{
	if (*hint < object->count && str_eq(object->members[*hint].key, key))
		return &object->members[(*hint)++].value;
	for (uint32_t i = 0; i < object->count; i++) {
		if (!str_eq(object->members[i].key, key))
			continue;
		*hint = i + 1;
		return &object->members[i].value;
	}
	return NULL;
}

static uint32_t attribute_count(const struct json *entity)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < entity->count; i++)
		count += document_is_attribute(entity->members[i].key);
	return count;
}

/* Do both count the same? False when in doubt. */
static bool count_alike(const struct json *before, const struct json *entity)
{
	uint32_t hint = 0, found = 0;

	if (!json_is(before, JSON_OBJECT) || !json_is(entity, JSON_OBJECT) ||
	    !same_texts(json_get(before, STR("type")), json_get(entity, STR("type"))))
		return false;
	for (uint32_t i = 0; i < entity->count; i++) {
		if (!document_is_attribute(entity->members[i].key))
			continue;
		const struct json *then = get_near(before, entity->members[i].key, &hint);

		if (!then || !same_kinds(then, &entity->members[i].value))
			return false;
		found++;
	}
	return found == attribute_count(before);
}

enum err_code census_change(struct census *census, const struct json *before, const struct json *entity,
			    struct error *err)
{
	if (count_alike(before, entity))
		return ERR_OK;
	enum err_code code = count_entity(census, before, -1, err);

	return code ? code : count_entity(census, entity, 1, err);
}
