/* Topics (chapter 4). */
#include "sparkplug/sparkplug_int.h"

static const char *const names[SPARKPLUG_MESSAGE_COUNT] = {
	[SPARKPLUG_NBIRTH] = "NBIRTH", [SPARKPLUG_NDEATH] = "NDEATH", [SPARKPLUG_NDATA] = "NDATA",
	[SPARKPLUG_NCMD] = "NCMD",     [SPARKPLUG_DBIRTH] = "DBIRTH", [SPARKPLUG_DDEATH] = "DDEATH",
	[SPARKPLUG_DDATA] = "DDATA",   [SPARKPLUG_DCMD] = "DCMD",
};

const char *sparkplug_message_name(enum sparkplug_message message)
{
	return names[message];
}

static bool is_id(struct str id)
{
	return id.len > 0 && id.len <= SPARKPLUG_ID_BYTES_MAX;
}

bool sparkplug_topic_read(struct str topic, struct sparkplug_topic *ret)
{
	struct sparkplug_topic read = {.device = STR_NONE};
	struct str space, message;

	if (!str_next(&topic, '/', &space) || !str_eq(space, STR("spBv1.0")) || !str_next(&topic, '/', &read.group) ||
	    !str_next(&topic, '/', &message) || !str_next(&topic, '/', &read.node) || !is_id(read.group) ||
	    !is_id(read.node))
		return false;
	(void)str_next(&topic, '/', &read.device);
	for (size_t i = 0; i < SPARKPLUG_MESSAGE_COUNT; i++) {
		if (!str_eq(message, str_from(names[i])))
			continue;
		read.message = (enum sparkplug_message)i;
		*ret = read;
		return !topic.at && (message.at[0] == 'D' ? is_id(read.device) : !read.device.at);
	}
	return false;
}

static bool is_level(struct str id)
{
	size_t at;

	return is_id(id) && !str_find(id, '/', &at) && !str_find(id, '+', &at) && !str_find(id, '#', &at);
}

struct str sparkplug_command_topic(struct arena *arena, struct str group, struct str node, struct str device)
{
	if (!is_level(group) || !is_level(node) || (device.len && !is_level(device)))
		return STR_NONE;
	return device.len ? arena_printf(arena, "spBv1.0/%.*s/DCMD/%.*s/%.*s", STR_FMT(group), STR_FMT(node),
					 STR_FMT(device))
			  : arena_printf(arena, "spBv1.0/%.*s/NCMD/%.*s", STR_FMT(group), STR_FMT(node));
}
