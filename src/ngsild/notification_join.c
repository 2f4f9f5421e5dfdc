/* Notifications that had to wait, told as one (5.8.6: "all the subscribed Entities that changed"). */
#include "ngsild/subscription.h"

#include "base/map.h"
#include "base/time_value.h"

struct joining {
	struct arena *arena;
	struct map at; /* by an entity's id: its place in entities, counted from 1 */
	struct json entities;
};

/* The entities that a notification holds; NULL: it is none. */
static const struct json *entities_of(const struct json *notification)
{
	const struct json *data = json_get(notification, STR("data"));
	const struct json *list = json_is(data, JSON_OBJECT) ? json_get(data, STR("features")) : data;

	return json_is(list, JSON_ARRAY) ? list : NULL;
}

/* What it tells of registrations; none for those of entities. */
static struct str reason_of(const struct json *notification)
{
	return json_text(json_get(notification, STR("triggerReason")));
}

static bool add_entity(struct joining *joining, const struct json *entity)
{
	struct str id = json_text(json_get(entity, STR("id")));
	uintptr_t place = id.at ? (uintptr_t)map_get(&joining->at, id) : 0;

	if (place > 0) {
		joining->entities.items[place - 1] = *entity;
		return true;
	}
	if (!json_push(joining->arena, &joining->entities, *entity))
		return false;
	return !id.at || map_set(&joining->at, id, (void *)(uintptr_t)joining->entities.count);
}

static enum err_code add_all(struct joining *joining, const struct json *notification, struct error *err)
{
	const struct json *list = entities_of(notification);

	if (!list)
		return err_set(err, ERR_CORRUPT, "what is owed is no notification");
	for (uint32_t i = 0; i < list->count; i++)
		if (!add_entity(joining, &list->items[i]))
			return err_set(err, ERR_MEMORY, "no memory for a notification");
	return ERR_OK;
}

/* How many of them are joined: up to one of another triggerReason. */
static enum err_code join_same(struct joining *joining, struct json_parser *parser, const struct str *bodies,
			       size_t count, struct json **ret_first, size_t *ret_joined, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *one = NULL;
	enum err_code code = ERR_OK;

	*ret_joined = 0;
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		code = json_parse(parser, joining->arena, bodies[i], &options, &one, err);
		if (code == ERR_OK && *ret_first && !str_eq(reason_of(one), reason_of(*ret_first)))
			break;
		if (code == ERR_OK)
			code = add_all(joining, one, err);
		if (i == 0)
			*ret_first = one;
		*ret_joined += code == ERR_OK;
	}
	return code;
}

/* The members of the first one, in their order. */
static bool change_members(struct joining *joining, struct json *notification, struct str id, int64_t notified_us)
{
	char text[TIME_ISO_BYTES];
	struct str time = arena_dup(joining->arena, time_format_iso(notified_us, text));

	for (uint32_t i = 0; i < notification->count; i++) {
		struct json *value = &notification->members[i].value;

		if (str_eq(notification->members[i].key, STR("id")))
			*value = json_string(id);
		else if (str_eq(notification->members[i].key, STR("notifiedAt")))
			*value = json_string(time);
		else if (str_eq(notification->members[i].key, STR("data")))
			*(json_is(value, JSON_OBJECT) ? json_get(value, STR("features")) : value) = joining->entities;
	}
	return time.at != NULL;
}

enum err_code notification_join(struct buf *out, struct arena *arena, struct json_parser *parser,
				const struct str *bodies, size_t *count, struct str id, int64_t notified_us,
				struct error *err)
{
	struct joining joining = {.arena = arena, .entities = json_array()};
	struct json *first = NULL;

	map_init(&joining.at, (uint64_t)notified_us);
	enum err_code code = join_same(&joining, parser, bodies, *count, &first, count, err);

	map_done(&joining.at);
	if (code == ERR_OK && first && !change_members(&joining, first, id, notified_us))
		code = err_set(err, ERR_MEMORY, "no memory for a notification");
	if (code == ERR_OK && first)
		json_write(out, first);
	return code == ERR_OK ? buf_check(out, "a notification", err) : code;
}
