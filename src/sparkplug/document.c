/* A message as a JSON document. */
#include "sparkplug/sparkplug_int.h"

static bool add_text(struct arena *arena, struct json *object, struct str name, struct str text)
{
	return !text.len || json_add(arena, object, name, json_string(text));
}

static struct json *head_of(struct arena *arena, const struct sparkplug_topic *topic, enum sparkplug_message message,
			    struct str device)
{
	bool online = message != SPARKPLUG_NDEATH && message != SPARKPLUG_DDEATH;
	struct json *document = json_new(arena, json_object());
	struct str group = arena_dup(arena, topic->group), node = arena_dup(arena, topic->node);

	device = device.len ? arena_dup(arena, device) : STR_NONE;
	if (!document || !group.at || !node.at || !add_text(arena, document, STR("group"), group) ||
	    !add_text(arena, document, STR("node"), node) || !add_text(arena, document, STR("device"), device) ||
	    !add_text(arena, document, STR("message"), str_from(sparkplug_message_name(message))) ||
	    !json_add(arena, document, STR("online"), json_bool(online)))
		return NULL;
	return document;
}

static bool add_properties(struct arena *arena, struct json *item, const Sparkplug__PropertySet *set)
{
	struct json properties = json_object();

	for (size_t i = 0; set && i < set->n_keys && i < set->n_values; i++) {
		struct str key = str_from(set->keys[i]);
		struct json value;

		if (!str_is_utf8(key) || sparkplug_property(set->values[i], arena, &value) != ERR_OK)
			continue;
		if (!json_set(arena, &properties, key, value))
			return false;
	}
	return properties.count == 0 || json_add(arena, item, STR("properties"), properties);
}

static bool add_time(struct arena *arena, struct json *object, bool given, uint64_t ms)
{
	struct json time = given ? sparkplug_time(arena, ms) : json_null();

	return time.kind == JSON_NULL || json_add(arena, object, STR("time"), time);
}

static bool add_metric(struct arena *arena, const Sparkplug__Payload *payload, const struct known_metric *known,
		       struct json value, struct json *list, struct json *values)
{
	const Sparkplug__Metric *metric = known->metric;
	struct str type = str_from(sparkplug_type_name(known->type));
	struct json item = json_object();
	bool historical = metric->has_is_historical && metric->is_historical;

	return json_add(arena, &item, STR("name"), json_string(known->name)) &&
	       add_text(arena, &item, STR("type"), type) && json_add(arena, &item, STR("value"), value) &&
	       add_time(arena, &item, metric->has_timestamp || payload->has_timestamp,
			metric->has_timestamp ? metric->timestamp : payload->timestamp) &&
	       (!historical || json_add(arena, &item, STR("historical"), json_bool(true))) &&
	       add_properties(arena, &item, metric->properties) && json_push(arena, list, item) &&
	       (historical || json_set(arena, values, known->name, value));
}

struct json *sparkplug_document(struct arena *arena, const struct sparkplug_topic *topic,
				const Sparkplug__Payload *payload, const struct known_metric *metrics, size_t count,
				uint32_t *ret_bad)
{
	struct json *document = head_of(arena, topic, topic->message, topic->device);
	struct json list = json_array(), values = json_object();

	*ret_bad = 0;
	if (!document || !add_time(arena, document, payload->has_timestamp, payload->timestamp))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct error ignored;
		struct json value;

		if (sparkplug_value(metrics[i].metric, metrics[i].type, arena, &value, &ignored) != ERR_OK)
			(*ret_bad)++;
		else if (!add_metric(arena, payload, &metrics[i], value, &list, &values))
			return NULL;
	}
	return json_add(arena, document, STR("metrics"), list) && json_add(arena, document, STR("values"), values)
		       ? document
		       : NULL;
}

const struct json *sparkplug_device_death(struct arena *arena, const struct sparkplug_topic *topic, struct str device)
{
	struct json *document = head_of(arena, topic, SPARKPLUG_DDEATH, device);

	return document && json_add(arena, document, STR("metrics"), json_array()) &&
			       json_add(arena, document, STR("values"), json_object())
		       ? document
		       : NULL;
}
