/* Feeds of kind home_assistant: devices that announce themselves by Home Assistant's discovery over MQTT. */
#include "feed/home_assistant.h"
#include "feed/mqtt_feed_int.h"

#include "base/time_value.h"

static void *begin(struct feed *feed)
{
	return home_assistant_new(feed->context);
}

static void end(void *state)
{
	(void)home_assistant_free(state);
}

static bool more(struct mqtt_session *session, size_t place, struct str *ret_filter)
{
	*ret_filter = home_assistant_topic(session->state, place);
	return ret_filter->at;
}

/* ---- messages ---- */

static bool is_discovery(const struct feed *feed, struct str topic)
{
	for (size_t i = 0; i < feed->pattern_count; i++)
		if (str_ends(topic, STR("/config")) && topic_pattern_fits(&feed->patterns[i], topic))
			return true;
	return false;
}

static void add_all(struct feed *feed, struct str topic, const struct home_assistant_found *found)
{
	for (size_t i = 0; i < found->count; i++)
		feed_add_entity(feed, found->bodies[i], MAPPING_APPEND, true);
	for (uint32_t i = 0; i < found->passed_over; i++)
		feed_drop(feed, found->why.code == ERR_UNSUPPORTED ? FEED_DROP_UNMAPPED : FEED_DROP_INVALID, "%.*s: %s",
			  STR_FMT(str_part(topic, 0, 80)), found->why.detail);
}

static enum err_code discover(const struct mqtt_session *session, const struct mqtt_message *message,
			      struct home_assistant_found *found, struct error *err)
{
	struct arena *arena = feed_arena(session->feed);
	struct json *config = NULL;
	enum err_code code = ERR_OK;

	if (message->payload.len > HOME_ASSISTANT_CONFIG_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a discovery message of %zu bytes, at most %zu are read",
			       message->payload.len, HOME_ASSISTANT_CONFIG_BYTES_MAX);
	if (message->payload.len)
		code = json_parse(session->feed->parser, arena, message->payload, NULL, &config, err);
	return code ? code : home_assistant_discover(session->state, message->topic, config, arena, found, err);
}

/* A message that the broker had kept was observed at a time that nobody knows. */
static enum err_code take_state(const struct mqtt_session *session, const struct mqtt_message *message,
				struct home_assistant_found *found, struct error *err)
{
	struct arena *arena = feed_arena(session->feed);
	struct str payload = arena_dup(arena, message->payload), time = STR_NONE;
	struct json *json = NULL;
	char text[TIME_ISO_BYTES];
	struct error ignored;

	if (!message->retained)
		time = arena_dup(arena, time_format_iso(feed_now_us(session->feed), text));
	if (!payload.at || !str_is_utf8(payload))
		return err_set(err, ERR_INVALID, "the payload is no UTF-8");
	if (home_assistant_reads_json(session->state, message->topic) &&
	    json_parse(session->feed->parser, arena, payload, NULL, &json, &ignored) != ERR_OK)
		json = NULL; /* a template may still take it as it is */
	return home_assistant_take(session->state, message->topic, payload, json, time, arena, found, err);
}

static void take(struct mqtt_session *session, const struct mqtt_message *message)
{
	struct feed *feed = session->feed;
	struct home_assistant_found *found = arena_new(feed_arena(feed), struct home_assistant_found);
	struct error err;
	enum err_code code;

	feed->own.messages++;
	feed->own.bytes += message->payload.len;
	feed->own.message_us = feed_now_us(feed);
	if (!found)
		code = err_set(&err, ERR_MEMORY, "no memory for a message");
	else if (is_discovery(feed, message->topic))
		code = discover(session, message, found, &err);
	else
		code = take_state(session, message, found, &err);
	if (!code)
		add_all(feed, message->topic, found);
	else
		feed_drop(feed,
			  code == ERR_INVALID     ? FEED_DROP_MALFORMED
			  : code == ERR_NOT_FOUND ? FEED_DROP_UNMAPPED
						  : FEED_DROP_OVERSIZED,
			  "%.*s: %s", STR_FMT(str_part(message->topic, 0, 80)), err.detail);
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const struct mqtt_format format = {
		.topic = "homeassistant/#", .begin = begin, .end = end, .take = take, .more = more};

	return mqtt_feed_read(feed, reader, node, &format);
}

const struct feed_kind feed_kind_home_assistant = {
	.name = "home_assistant",
	.maps_itself = true,
	.read = read_settings,
	.run = mqtt_feed_run,
	.settled = mqtt_feed_settled,
	.try_message = mqtt_feed_try,
	.read_send = mqtt_feed_read_send,
	.send = mqtt_feed_send,
};
