/* What a broker sends a subscriber, packet by packet. */
#include "net/mqtt_subscriber_int.h"

#include <stdlib.h>
#include <string.h>

#define IN_BYTES_FIRST ((size_t)64 << 10)
#define HEAD_BYTES_MAX ((size_t)128 << 10) /* of a message's topic, number and properties */
#define READS_MAX 8u /* of a socket in one turn; TLS keeps what it has read, which poll() does not see */

uint16_t subscriber_new_id(struct mqtt_subscriber *subscriber)
{
	subscriber->next_id = subscriber->next_id == UINT16_MAX ? 1 : (uint16_t)(subscriber->next_id + 1);
	return subscriber->next_id;
}

void subscriber_open(struct mqtt_subscriber *subscriber)
{
	const struct mqtt_subscriber_options *options = &subscriber->options;
	const struct mqtt_connect connect = {
		.version = subscriber->version,
		.client_id = options->client_id,
		.clean = options->clean,
		.keepalive_s = options->keepalive_s,
		.session_s = options->clean ? 0 : options->session_s,
		.receive_max = options->receive_max,
		.user = options->user.at ? options->user : subscriber->broker.user,
		.password = options->password.at ? options->password : subscriber->broker.password,
	};

	subscriber->step = STEP_OPENING;
	mqtt_write_connect(&subscriber->out, &connect);
}

/* ---- opening ---- */

static void subscribe_next(struct mqtt_subscriber *subscriber)
{
	const struct mqtt_subscriber_options *options = &subscriber->options;

	if (subscriber->filters_subscribed < options->filter_count) {
		subscriber->step = STEP_SUBSCRIBING;
		mqtt_write_subscribe(&subscriber->out, subscriber->version, subscriber_new_id(subscriber),
				     options->filters[subscriber->filters_subscribed], options->qos);
		return;
	}
	subscriber->step = STEP_OPEN;
	subscriber->backoff_ms = 0;
	subscriber->trouble[0] = '\0';
}

static bool take_connack(struct mqtt_subscriber *subscriber, struct str body)
{
	struct mqtt_connack connack;
	struct error err;

	if (subscriber->step != STEP_OPENING ||
	    mqtt_read_connack(body, subscriber->version, &connack, &err) != ERR_OK) {
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s",
				       subscriber->step == STEP_OPENING ? err.detail : "a second CONNACK");
		return false;
	}
	if (connack.reason != 0) {
		struct str text = str_part(connack.reason_text, 0, MQTT_REASON_BYTES_MAX);

		subscriber_say_trouble(subscriber, "the broker refuses the connection: %s%s%.*s",
				       mqtt_refusal(subscriber->version, connack.reason), text.len ? " " : "",
				       STR_FMT(text));
		if (mqtt_is_version_refused(subscriber->version, connack.reason) && subscriber->options.version == 0)
			subscriber->version = 3; /* with the next try */
		return false;
	}
	if (connack.has_keepalive)
		subscriber->keepalive_ms = (int64_t)connack.keepalive_s * 1000;
	subscriber->filters_subscribed = 0;
	subscriber->more_next = 0;
	memset(subscriber->more_asked, 0, sizeof(subscriber->more_asked));
	subscribe_next(subscriber);
	return true;
}

void subscriber_ask_more(struct mqtt_subscriber *subscriber)
{
	const struct mqtt_subscriber_options *options = &subscriber->options;
	struct str filter;

	for (size_t i = 0; options->more && i < MORE_ASKED_MAX; i++) {
		if (subscriber->more_asked[i].id != 0)
			continue;
		if (!options->more(options->self, subscriber->more_next, &filter))
			return;
		subscriber->more_asked[i].id = subscriber_new_id(subscriber);
		subscriber->more_asked[i].place = subscriber->more_next++;
		mqtt_write_subscribe(&subscriber->out, subscriber->version, subscriber->more_asked[i].id, filter,
				     options->qos);
	}
}

/* The answer about a further filter. False: none of these has the number. */
static bool take_more(struct mqtt_subscriber *subscriber, uint16_t id, uint8_t reason)
{
	for (size_t i = 0; i < MORE_ASKED_MAX; i++) {
		if (subscriber->more_asked[i].id != id)
			continue;
		subscriber->more_asked[i].id = 0;
		if (reason >= 0x80 && subscriber->options.more_refused)
			subscriber->options.more_refused(subscriber->options.self, subscriber->more_asked[i].place,
							 mqtt_reason(subscriber->version, reason));
		return true;
	}
	return false;
}

static bool take_suback(struct mqtt_subscriber *subscriber, struct str body)
{
	struct str reasons;
	struct error err;
	uint16_t id = 0;
	bool good = mqtt_read_suback(body, subscriber->version, &id, &reasons, &err) == ERR_OK;

	if (good && subscriber->step == STEP_OPEN && id && take_more(subscriber, id, (uint8_t)reasons.at[0]))
		return true;
	if (!good || subscriber->step != STEP_SUBSCRIBING) {
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s",
				       good ? "a SUBACK unasked" : err.detail);
		return false;
	}
	if ((unsigned char)reasons.at[0] >= 0x80) {
		struct str filter = subscriber->options.filters[subscriber->filters_subscribed];

		subscriber_say_trouble(subscriber, "the broker refuses the subscription to \"%.*s\": %s",
				       STR_FMT(str_part(filter, 0, 80)),
				       mqtt_reason(subscriber->version, (uint8_t)reasons.at[0]));
		return false;
	}
	subscriber->filters_subscribed++;
	subscribe_next(subscriber);
	return true;
}

/* ---- messages ---- */

static bool take_puback(struct mqtt_subscriber *subscriber, struct str body)
{
	struct error err;
	uint16_t id;
	uint8_t reason;

	if (mqtt_read_puback(body, subscriber->version, &id, &reason, &err) != ERR_OK) {
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s", err.detail);
		return false;
	}
	for (size_t i = 0; i < MQTT_PUBLISHES_WAITING_MAX; i++) {
		struct subscriber_publish *publish = &subscriber->publishes[i];

		if (publish->id != id)
			continue;
		publish->id = 0;
		subscriber->publish_count--;
		if (subscriber->options.published)
			subscriber->options.published(subscriber->options.self, publish->token,
						      reason >= 0x80 ? ERR_DENIED : ERR_OK,
						      reason >= 0x80 ? mqtt_reason(subscriber->version, reason) : "");
		break;
	}
	return true;
}

static bool take_message(struct mqtt_subscriber *subscriber, const struct mqtt_packet *packet)
{
	struct mqtt_message message;
	struct error err;
	bool known;

	if (subscriber->step < STEP_SUBSCRIBING) {
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: a message before CONNACK");
		return false;
	}
	enum err_code code = mqtt_read_publish(packet, subscriber->version, &message, &known, &err);

	if (code || message.qos > subscriber->options.qos) {
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s",
				       code ? err.detail : "a PUBLISH of a QoS that was not subscribed to");
		return false;
	}
	if (message.payload.len > subscriber->options.payload_bytes_max) {
		subscriber->options.oversized(subscriber->options.self, &message, message.payload.len);
		if (message.qos)
			mqtt_write_puback(&subscriber->out, message.id);
	} else {
		subscriber->held = !subscriber->options.message(subscriber->options.self, &message);
	}
	return true;
}

static bool take_disconnect(struct mqtt_subscriber *subscriber, struct str body)
{
	struct str text = STR_NONE;
	struct error err;
	uint8_t reason = 0;

	if (mqtt_read_disconnect(body, &reason, &text, &err) != ERR_OK)
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s", err.detail);
	else
		subscriber_say_trouble(subscriber, "the broker ends the connection: %s%s%.*s", mqtt_reason(5, reason),
				       text.len ? " " : "", STR_FMT(str_part(text, 0, MQTT_REASON_BYTES_MAX)));
	return false;
}

static bool take_packet(struct mqtt_subscriber *subscriber, const struct mqtt_packet *packet)
{
	switch (packet->kind) {
	case MQTT_PACKET_CONNACK:
		return take_connack(subscriber, packet->body);
	case MQTT_PACKET_PUBLISH:
		return take_message(subscriber, packet);
	case MQTT_PACKET_PUBACK:
		return take_puback(subscriber, packet->body);
	case MQTT_PACKET_SUBACK:
		return take_suback(subscriber, packet->body);
	case MQTT_PACKET_PINGRESP:
		subscriber->pinged = false;
		return true;
	case MQTT_PACKET_DISCONNECT:
		return take_disconnect(subscriber, packet->body);
	default:
		subscriber_say_trouble(subscriber, "the broker breaks the protocol: a packet of kind %u",
				       (unsigned int)packet->kind);
		return false;
	}
}

/* ---- bytes ---- */

/* A message too large to be kept: its head is told, the rest passed over. *ret_skipped false: the head is not there
 * yet. */
static bool take_oversized(struct mqtt_subscriber *subscriber, const struct mqtt_packet *packet, bool *ret_skipped)
{
	struct mqtt_message message;
	struct error err;
	bool known = false;

	*ret_skipped = false;
	if (packet->kind != MQTT_PACKET_PUBLISH ||
	    mqtt_read_publish(packet, subscriber->version, &message, &known, &err) != ERR_OK ||
	    (!known && packet->body.len > HEAD_BYTES_MAX)) {
		subscriber_say_trouble(subscriber, "the broker sends a packet of %zu bytes", packet->body_bytes);
		return false;
	}
	if (!known)
		return true;
	size_t head = packet->body.len - message.payload.len;

	subscriber->options.oversized(subscriber->options.self, &message, packet->body_bytes - head);
	if (message.qos)
		mqtt_write_puback(&subscriber->out, message.id);
	subscriber->skip_bytes = packet->body_bytes - packet->body.len;
	*ret_skipped = true;
	return true;
}

/* All whole packets. *ret_used: bytes that are done with. */
static bool take_packets(struct mqtt_subscriber *subscriber, size_t *ret_used)
{
	size_t packet_max = subscriber->options.payload_bytes_max + HEAD_BYTES_MAX;
	bool goes_on = true;

	while (goes_on) {
		struct str rest = {subscriber->in + *ret_used, subscriber->in_len - *ret_used};
		struct mqtt_packet packet;
		struct error err;
		bool whole = false;

		if (mqtt_packet_read(rest, &packet, &whole, &err) != ERR_OK) {
			subscriber_say_trouble(subscriber, "the broker breaks the protocol: %s", err.detail);
			return false;
		}
		if (!whole && packet.body_bytes > packet_max) {
			bool skipped;

			goes_on = take_oversized(subscriber, &packet, &skipped);
			*ret_used += skipped ? rest.len : 0;
			return goes_on;
		}
		if (!whole)
			return true;
		goes_on = take_packet(subscriber, &packet);
		if (subscriber->held)
			return true;
		*ret_used += packet.head_bytes + packet.body_bytes;
	}
	return false;
}

static bool make_room(struct mqtt_subscriber *subscriber)
{
	if (subscriber->in_len < subscriber->in_room)
		return true;
	size_t room = subscriber->in_room ? subscriber->in_room * 2 : IN_BYTES_FIRST;
	char *grown = realloc(subscriber->in, room);

	if (!grown) {
		subscriber_say_trouble(subscriber, "no memory for what the broker sends");
		return false;
	}
	subscriber->in = grown;
	subscriber->in_room = room;
	return true;
}

static void skip(struct mqtt_subscriber *subscriber)
{
	size_t skipped =
		subscriber->in_len < subscriber->skip_bytes ? subscriber->in_len : (size_t)subscriber->skip_bytes;

	if (skipped == 0)
		return;
	subscriber->skip_bytes -= skipped;
	subscriber->in_len -= skipped;
	memmove(subscriber->in, subscriber->in + skipped, subscriber->in_len);
}

static bool take_all(struct mqtt_subscriber *subscriber)
{
	size_t used = 0;

	skip(subscriber);
	if (!take_packets(subscriber, &used))
		return false;
	subscriber->in_len -= used;
	memmove(subscriber->in, subscriber->in + used, subscriber->in_len);
	return true;
}

bool subscriber_take(struct mqtt_subscriber *subscriber, bool readable, bool reads)
{
	/* Before CONNACK and SUBACK nothing that the owner must take can come in bulk. */
	reads = reads || subscriber->step < STEP_OPEN;
	if (reads && subscriber->held) {
		subscriber->held = false;
		if (!take_all(subscriber))
			return false;
	}
	for (unsigned int i = 0; reads && readable && !subscriber->held && (i < READS_MAX || subscriber->session);
	     i++) {
		if (!make_room(subscriber))
			return false;
		ssize_t got = subscriber_read(subscriber, subscriber->in + subscriber->in_len,
					      subscriber->in_room - subscriber->in_len);

		if (got < 0)
			return false;
		if (got == 0)
			break;
		subscriber->heard_ms = http_outgoing_now_ms();
		subscriber->in_len += (size_t)got;
		if (!take_all(subscriber))
			return false;
	}
	return true;
}
