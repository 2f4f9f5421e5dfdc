/* Commands over MQTT: a message for each, which has reached its end when the broker has taken it. What the device does
 * is told by the state that it reports. */
#include "feed/mqtt_feed_int.h"

#define TOPIC_BYTES_MAX 65535u /* MQTT 5.0, 1.5.4 */
#define PAYLOAD_BYTES_MAX ((size_t)1 << 20)

struct mqtt_send {
	struct name_pattern topic, payload;
	uint8_t qos;
	bool retained;
};

enum err_code mqtt_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				  const struct command_plan *plan, const struct yaml_tree *node, void **ret_send)
{
	static const char *const known[] = {"topic", "payload", "qos", "retain", NULL};
	struct mqtt_send *send = arena_new(&feed->arena, struct mqtt_send);
	bool has_topic = false, has_payload = false;
	int qos = 1;

	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_send_text(reader, plan, node, "topic", &send->topic, &has_topic);
	if (!code && !has_topic)
		return yaml_tree_refuse(node, reader->err, "expected \"topic:\" that the device listens to");
	if (!code)
		code = feed_read_send_text(reader, plan, node, "payload", &send->payload, &has_payload);
	if (!code && !has_payload)
		code = name_pattern_parse(STR("{value}"), false, &feed->arena, &send->payload, reader->err);
	if (!code)
		code = mqtt_feed_read_choice(reader, node, "qos", 0, 1, 1, &qos);
	if (!code)
		code = mapping_read_switch(reader, node, "retain", &send->retained);
	send->qos = (uint8_t)qos;
	*ret_send = send;
	return code;
}

/* Values in a topic are one level each: an entity's name cannot lead a message elsewhere. */
static bool put_levels(const struct mqtt_send *send, const struct feed_command *command, struct buf *topic)
{
	for (size_t i = 0; i + 1 < send->topic.count; i++)
		for (size_t j = 0; j < command->value_count; j++) {
			struct str value = command->values[j].value;
			size_t at;

			if (str_eq(command->values[j].name, send->topic.pieces[i].name) &&
			    (value.len == 0 || str_find(value, '/', &at) || str_find(value, '+', &at) ||
			     str_find(value, '#', &at)))
				return false;
		}
	name_pattern_fill(&send->topic, command->values, command->value_count, NULL, NULL, topic);
	return !topic->failed && mqtt_topic_is_good(buf_str(topic), false);
}

enum feed_send mqtt_feed_send(struct feed *feed, const struct feed_command *command)
{
	const struct mqtt_session *session = feed->session;
	const struct mqtt_send *send = command->plan->send;
	enum err_code code;
	struct buf topic, payload;
	struct error err;

	if (!session || mqtt_subscriber_state(session->subscriber) != MQTT_SUBSCRIBER_OPEN)
		return FEED_SEND_LATER;
	buf_init(&topic, TOPIC_BYTES_MAX);
	buf_init(&payload, PAYLOAD_BYTES_MAX);
	if (!put_levels(send, command, &topic))
		code = err_set(&err, ERR_INVALID, "what the entity is called, or its value, is no level of a topic");
	else if (!feed_fill_send_text(&send->payload, command, &payload))
		code = err_set(&err, ERR_INVALID, "a payload of more than %zu bytes", PAYLOAD_BYTES_MAX);
	else
		code = mqtt_subscriber_publish(session->subscriber, buf_str(&topic), buf_str(&payload), send->qos,
					       send->retained, command->number, &err);
	buf_done(&topic);
	buf_done(&payload);
	if (code == ERR_CONFLICT || code == ERR_LIMIT)
		return FEED_SEND_LATER;
	if (code || send->qos == 0)
		feed_command_end(feed, command->number, code ? err.detail : NULL);
	return FEED_SEND_TAKEN;
}

void mqtt_feed_published(void *self, uint64_t token, enum err_code code, const char *why)
{
	const struct mqtt_session *session = self;

	feed_command_end(session->feed, token, code == ERR_OK ? NULL : why);
}
