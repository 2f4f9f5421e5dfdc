/* What a broker sends: the first byte is our version and which packets are asked for, the rest a stream of packets.
 * What is read lies within the bytes, and topics that are taken may be published to. */
#include "net/mqtt_packet.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct str part, struct str whole)
{
	assert(part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len));
}

static void take(const struct mqtt_packet *packet, bool whole, int version)
{
	struct mqtt_connack connack;
	struct mqtt_message message;
	struct str text;
	struct error err;
	uint16_t id;
	uint8_t reason;
	bool known;

	if (packet->kind == MQTT_PACKET_PUBLISH &&
	    mqtt_read_publish(packet, version, &message, &known, &err) == ERR_OK && known) {
		within(message.topic, packet->body);
		within(message.payload, packet->body);
		assert(mqtt_topic_is_good(message.topic, false) && (message.qos == 0) == (message.id == 0));
		assert(mqtt_topic_fits(message.topic, message.topic) &&
		       mqtt_topic_fits(STR("#"), message.topic) == (message.topic.at[0] != '$'));
	}
	if (!whole)
		return;
	if (mqtt_read_connack(packet->body, version, &connack, &err) == ERR_OK) {
		within(connack.client_id, packet->body);
		within(connack.reason_text, packet->body);
		assert(mqtt_refusal(version, connack.reason));
	}
	if (mqtt_read_suback(packet->body, version, &id, &text, &err) == ERR_OK)
		within(text, packet->body);
	if (mqtt_read_puback(packet->body, version, &id, &reason, &err) == ERR_OK)
		assert(id > 0 && mqtt_reason(version, reason));
	if (mqtt_read_disconnect(packet->body, &reason, &text, &err) == ERR_OK)
		within(text, packet->body);
	(void)mqtt_topic_is_good(packet->body, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	int version = size && data[0] & 1 ? 5 : 3;
	bool whole = true;

	rest = str_part(rest, 1, rest.len);
	while (whole) {
		struct mqtt_packet packet;
		struct error err;

		if (mqtt_packet_read(rest, &packet, &whole, &err) != ERR_OK)
			break;
		within(packet.body, rest);
		take(&packet, whole, version);
		rest = str_part(rest, packet.head_bytes + packet.body_bytes, rest.len);
	}
	return 0;
}
