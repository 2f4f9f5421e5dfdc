/* Attributes over time, simplified (4.5.9): pairs of value and time. */
#include "ngsild/represent_temporal_int.h"

/* Points of one kind and one datasetId: what one object speaks of. */
struct group {
	const struct attribute_kind *kind;
	struct str dataset; /* STR_NONE: the default instance */
	const struct temporal_point **points; /* in the arena */
	size_t count;
	struct group *next;
};

struct grouping {
	struct arena *arena;
	struct group *first;
	const struct json *instance; /* the latest one, and its group: mostly the next one's too */
	struct group *latest;
};

/* ---- groups ---- */

/* The group of the point, a new one at the end if need be; NULL without memory. */
static struct group *group_of(struct grouping *grouping, const struct temporal_point *point)
{
	const struct attribute_kind *kind = attribute_kind_of(point->instance);
	struct str dataset = instance_dataset(point->instance);
	struct group **at = &grouping->first;

	if (grouping->latest && grouping->instance == point->instance)
		return grouping->latest;
	while (*at && ((*at)->kind != kind || !str_eq((*at)->dataset, dataset)))
		at = &(*at)->next;
	if (!*at) {
		*at = arena_new(grouping->arena, struct group);
		if (!*at)
			return NULL;
		**at = (struct group){.kind = kind, .dataset = dataset};
	}
	grouping->instance = point->instance;
	grouping->latest = *at;
	return *at;
}

static bool count_points(struct grouping *grouping, const struct temporal_attribute *attribute)
{
	for (size_t i = 0; i < attribute->count; i++) {
		struct group *group = group_of(grouping, &attribute->points[i]);

		if (!group)
			return false;
		group->count++;
	}
	return true;
}

static bool make_room(const struct grouping *grouping)
{
	for (struct group *group = grouping->first; group; group = group->next) {
		group->points = arena_array(grouping->arena, const struct temporal_point *, group->count);
		if (!group->points)
			return false;
		group->count = 0;
	}
	return true;
}

/* First how many there are of each, then they themselves. */
static bool make_groups(struct grouping *grouping, const struct temporal_attribute *attribute)
{
	if (!count_points(grouping, attribute) || !make_room(grouping))
		return false;
	for (size_t i = 0; i < attribute->count; i++) {
		struct group *group = group_of(grouping, &attribute->points[i]);

		if (!group || !group->points)
			return false;
		group->points[group->count++] = &attribute->points[i];
	}
	return true;
}

/* ---- values ---- */

static struct str plural_of(const struct temporal_writer *t, const struct attribute_kind *kind)
{
	switch (kind->value) {
	case MEMBER_OBJECT:
		return STR("objects");
	case MEMBER_LANGUAGE_MAP:
		return language_chosen(t, kind) ? STR("values") : STR("languageMaps");
	case MEMBER_VOCAB:
		return STR("vocabs");
	case MEMBER_JSON:
		return STR("jsons");
	case MEMBER_VALUE_LIST:
		return STR("valueLists");
	case MEMBER_OBJECT_LIST:
		return STR("objectLists");
	default:
		return STR("values");
	}
}

static void put_uris(struct buf *out, const struct json *list)
{
	put(out, STR("["));
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		put_value(out, json_get(&list->items[i], STR("object")));
	close_with(out, ']');
	put(out, STR(","));
}

static void put_plain(const struct temporal_writer *t, const struct attribute_kind *kind,
		      const struct temporal_point *point, bool scope)
{
	struct buf *out = t->w.out;

	if (point->deleted)
		put(out, kind->value == MEMBER_OBJECT_LIST ? STR("[\"urn:ngsi-ld:null\"],") : temporal_null_text(kind));
	else if (scope)
		put_scopes(out, point->value);
	else if (kind->value == MEMBER_OBJECT_LIST)
		put_uris(out, point->value);
	else if (kind->value == MEMBER_VOCAB)
		put_terms(&t->w, point->value, false, false);
	else
		put_value(out, point->value);
}

static void put_pair_value(const struct temporal_writer *t, const struct attribute_kind *kind,
			   const struct temporal_point *point, bool scope)
{
	struct buf *out = t->w.out;
	bool language = language_chosen(t, kind);
	const struct json_member *chosen =
		language && !point->deleted ? language_choose(t->w.options->language, point->value) : NULL;

	if (language) {
		if (chosen)
			put_value(out, &chosen->value);
		else
			put(out, STR("\"urn:ngsi-ld:null\","));
	} else if (kind->simplified == SIMPLIFIED_MEMBER) {
		put(out, STR("{"));
		put_key(out, member_name(kind->value));
		put_plain(t, kind, point, scope);
		close_with(out, '}');
		put(out, STR(","));
	} else {
		put_plain(t, kind, point, scope);
	}
}

static void put_group_values(const struct temporal_writer *t, const struct group *group, bool scope)
{
	enum temporal_property property = t->options->query->property;
	struct buf *out = t->w.out;

	temporal_open(t, group->kind, group->dataset);
	put_key(out, plural_of(t, group->kind));
	put(out, STR("["));
	for (size_t i = 0; i < group->count; i++) {
		put(out, STR("["));
		put_pair_value(t, group->kind, group->points[i], scope);
		put_instant(t, property, temporal_point_time(group->points[i], property));
		close_with(out, ']');
		put(out, STR(","));
	}
	close_with(out, ']');
	close_with(out, '}');
	put(out, STR(","));
}

/* Several datasetIds, or kinds that followed one another: an array of objects (4.5.5), the default dataset first. */
enum err_code put_values(const struct temporal_writer *t, const struct temporal_attribute *attribute)
{
	bool scope = str_eq(attribute->iri, TEMPORAL_SCOPE);
	struct grouping grouping = {.arena = t->w.arena};
	const struct group *group;

	if (!make_groups(&grouping, attribute))
		return err_set(t->err, ERR_MEMORY, "no memory for an attribute's values");
	bool several = !grouping.first || grouping.first->next;

	if (several)
		put(t->w.out, STR("["));
	for (group = grouping.first; group; group = group->next)
		if (!group->dataset.len)
			put_group_values(t, group, scope);
	for (group = grouping.first; group; group = group->next)
		if (group->dataset.len)
			put_group_values(t, group, scope);
	if (several) {
		close_with(t->w.out, ']');
		put(t->w.out, STR(","));
	}
	return ERR_OK;
}
