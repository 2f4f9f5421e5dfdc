/* Feeds of kind sparkplug: Sparkplug B over MQTT. Messages are read as documents (sparkplug/sparkplug.h) that the
 * feed's mappings are for; a node of which something was missed is asked to be born again; commands set metrics. */
#include "feed/mqtt_feed_int.h"
#include "sparkplug/sparkplug.h"

static void *begin(struct feed *feed)
{
	(void)feed;
	return sparkplug_new();
}

static void end(void *state)
{
	(void)sparkplug_free(state);
}

/* ---- messages ---- */

/* What cannot be asked now is asked when the next message shows that it is still wanted. */
static void ask_for_rebirth(struct mqtt_session *session, struct sparkplug_topic topic)
{
	struct feed *feed = session->feed;
	struct arena *arena = feed_arena(feed);
	struct str payload, to;
	struct error err;

	topic.device = STR_NONE;
	to = sparkplug_command_topic(arena, topic.group, topic.node, STR_NONE);
	if (session->subscriber && to.at &&
	    sparkplug_command(session->state, &topic, SPARKPLUG_REBIRTH, STR("true"), feed_now_us(feed), arena,
			      &payload, &err) == ERR_OK)
		(void)!mqtt_subscriber_publish(session->subscriber, to, payload, 0, false, 0, &err);
}

static void take_deaths(struct feed *feed, const struct sparkplug_topic *topic, const struct sparkplug_taken *taken)
{
	struct arena *arena = feed_arena(feed);

	for (size_t i = 0; i < taken->device_count; i++) {
		const struct json *document = sparkplug_device_death(arena, topic, taken->devices[i]);
		struct str at = arena_printf(arena, "spBv1.0/%.*s/DDEATH/%.*s/%.*s", STR_FMT(topic->group),
					     STR_FMT(topic->node), STR_FMT(taken->devices[i]));

		if (document && at.at)
			feed_take_document(feed, at, STR(""), document);
	}
}

static void take(struct mqtt_session *session, const struct mqtt_message *received)
{
	struct str at = received->topic, payload = received->payload;
	struct feed *feed = session->feed;
	struct sparkplug_taken taken;
	struct sparkplug_topic topic;
	struct error err;

	if (!sparkplug_topic_read(at, &topic)) {
		feed->own.messages++;
		feed->own.message_us = feed_now_us(feed);
		feed_drop(feed, FEED_DROP_UNMAPPED, "%.*s is no topic of a node or device",
			  STR_FMT(str_part(at, 0, 150)));
		return;
	}
	enum err_code code =
		sparkplug_take(session->state, &topic, payload, feed_now_us(feed), feed_arena(feed), &taken, &err);

	if (code) {
		feed->own.messages++;
		feed_drop(feed, code == ERR_INVALID ? FEED_DROP_MALFORMED : FEED_DROP_OVERSIZED, "%.*s: %s",
			  STR_FMT(str_part(at, 0, 100)), err.detail);
		return;
	}
	if (taken.wants_rebirth)
		ask_for_rebirth(session, topic);
	if (taken.unknown)
		feed_drop(feed, FEED_DROP_UNMAPPED, "%.*s: %u metrics that no birth has told of",
			  STR_FMT(str_part(at, 0, 100)), taken.unknown);
	take_deaths(feed, &topic, &taken);
	if (taken.document)
		feed_take_document(feed, at, payload, taken.document);
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const struct mqtt_format format = {.topic = "spBv1.0/#", .begin = begin, .end = end, .take = take};

	return mqtt_feed_read(feed, reader, node, &format);
}

/* ---- commands ---- */

struct sparkplug_send {
	struct name_pattern group, node, device, metric;
	bool has_device;
};

static enum err_code read_send(struct feed *feed, const struct mapping_reader *reader, const struct command_plan *plan,
			       const struct yaml_tree *node, void **ret_send)
{
	static const char *const known[] = {"group", "node", "device", "metric", NULL};
	struct sparkplug_send *send = arena_new(&feed->arena, struct sparkplug_send);
	bool has_group = false, has_node = false, has_metric = false;

	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_send_text(reader, plan, node, "group", &send->group, &has_group);
	if (!code)
		code = feed_read_send_text(reader, plan, node, "node", &send->node, &has_node);
	if (!code)
		code = feed_read_send_text(reader, plan, node, "device", &send->device, &send->has_device);
	if (!code)
		code = feed_read_send_text(reader, plan, node, "metric", &send->metric, &has_metric);
	if (!code && !(has_group && has_node && has_metric))
		return yaml_tree_refuse(node, reader->err, "expected \"group\", \"node\" and \"metric\" that is set");
	*ret_send = send;
	return code;
}

static struct str fill(const struct name_pattern *pattern, const struct feed_command *command, struct arena *arena)
{
	struct buf text;

	buf_init(&text, COMMAND_TEXT_BYTES_MAX);
	name_pattern_fill(pattern, command->values, command->value_count, NULL, NULL, &text);
	return buf_to_arena(&text, arena);
}

/* ERR_CONFLICT, ERR_LIMIT: later. */
static enum err_code publish(const struct mqtt_session *session, const struct feed_command *command,
			     struct arena *arena, struct error *err)
{
	const struct sparkplug_send *send = command->plan->send;
	struct sparkplug_topic topic = {.group = fill(&send->group, command, arena),
					.node = fill(&send->node, command, arena),
					.device = send->has_device ? fill(&send->device, command, arena) : STR_NONE};
	struct str metric = fill(&send->metric, command, arena), payload;
	struct str to = sparkplug_command_topic(arena, topic.group, topic.node, topic.device);

	if (!to.at || !metric.at)
		return err_set(err, ERR_INVALID, "what the entity is called can be no level of a topic");
	enum err_code code = sparkplug_command(session->state, &topic, metric, command->text,
					       feed_now_us(session->feed), arena, &payload, err);

	return code ? code : mqtt_subscriber_publish(session->subscriber, to, payload, 1, false, command->number, err);
}

/* With QoS 0, as the specification has it, so that nothing old is ever delivered: it ends when it is sent, and the node
 * says by the metric whether it has done it. */
static enum feed_send send_command(struct feed *feed, const struct feed_command *command)
{
	const struct mqtt_session *session = feed->session;
	struct arena arena;
	struct error err;

	if (!session || mqtt_subscriber_state(session->subscriber) != MQTT_SUBSCRIBER_OPEN)
		return FEED_SEND_LATER;
	arena_init_small(&arena, SPARKPLUG_BYTES_MAX, 2048);
	enum err_code code = publish(session, command, &arena, &err);

	arena_done(&arena);
	if (code == ERR_CONFLICT || code == ERR_LIMIT)
		return FEED_SEND_LATER;
	feed_command_end(feed, command->number, code ? err.detail : NULL);
	return FEED_SEND_TAKEN;
}

const struct feed_kind feed_kind_sparkplug = {
	.name = "sparkplug",
	.read = read_settings,
	.run = mqtt_feed_run,
	.settled = mqtt_feed_settled,
	.try_message = mqtt_feed_try,
	.read_send = read_send,
	.send = send_command,
};
