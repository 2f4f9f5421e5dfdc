/* MQTT control packets: what is read and written of them. Numbers are big-endian, texts have two bytes of length before
 * them, lengths of packets and properties are of one to four bytes with seven bits each. */
#include "net/mqtt_packet.h"

#include <mosquitto.h>

#define TEXT_BYTES_MAX 65535u
#define LENGTH_BYTES_MAX 4u
#define VERSION_NUMBER_3 4
#define VERSION_NUMBER_5 5
#define CONNECT_CLEAN 0x02
#define CONNECT_PASSWORD 0x40
#define CONNECT_USER 0x80
#define RETAIN_WHEN_NEW 0x10 /* 5.0, 3.8.3.1: Retain Handling 1 */

/* ---- reading ---- */

struct reader {
	struct str rest;
	bool short_of; /* more was asked for than there is */
};

static uint32_t take_number(struct reader *reader, size_t bytes)
{
	uint32_t number = 0;

	if (reader->rest.len < bytes) {
		reader->short_of = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | (unsigned char)reader->rest.at[i];
	reader->rest = str_part(reader->rest, bytes, reader->rest.len);
	return number;
}

static struct str take_bytes(struct reader *reader, size_t bytes)
{
	struct str taken = str_part(reader->rest, 0, bytes);

	if (reader->rest.len < bytes) {
		reader->short_of = true;
		return STR_NONE;
	}
	reader->rest = str_part(reader->rest, bytes, reader->rest.len);
	return taken;
}

static struct str take_text(struct reader *reader)
{
	return take_bytes(reader, take_number(reader, 2));
}

/* 1.5.5. False: more than four bytes. */
static bool take_length(struct reader *reader, uint32_t *ret)
{
	uint32_t length = 0;

	for (unsigned int i = 0; i < LENGTH_BYTES_MAX; i++) {
		uint32_t byte = take_number(reader, 1);

		length |= (byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = length;
			return true;
		}
	}
	return false;
}

enum err_code mqtt_packet_read(struct str bytes, struct mqtt_packet *ret_packet, bool *ret_whole, struct error *err)
{
	struct reader reader = {.rest = bytes};
	uint32_t head = take_number(&reader, 1), length = 0;

	*ret_packet = (struct mqtt_packet){0};
	*ret_whole = false;
	if (!take_length(&reader, &length) && !reader.short_of)
		return err_set(err, ERR_INVALID, "an MQTT packet has a length of more than four bytes");
	if (reader.short_of)
		return ERR_OK;
	*ret_packet = (struct mqtt_packet){.kind = (uint8_t)(head >> 4),
					   .flags = (uint8_t)(head & 0xf),
					   .body = str_part(reader.rest, 0, length),
					   .body_bytes = length,
					   .head_bytes = bytes.len - reader.rest.len};
	*ret_whole = reader.rest.len >= length;
	return ERR_OK;
}

/* ---- properties of 5.0 (2.2.2.2) ---- */

enum property_kind {
	PROPERTY_UNKNOWN,
	PROPERTY_BYTE,
	PROPERTY_TWO,
	PROPERTY_FOUR,
	PROPERTY_LENGTH,
	PROPERTY_TEXT,
	PROPERTY_PAIR
};

struct property {
	uint32_t id;
	uint32_t number;
	struct str text;
};

static enum property_kind property_kind(uint32_t id)
{
	static const uint8_t kinds[] = {
		[0x01] = PROPERTY_BYTE, [0x02] = PROPERTY_FOUR,   [0x03] = PROPERTY_TEXT, [0x08] = PROPERTY_TEXT,
		[0x09] = PROPERTY_TEXT, [0x0b] = PROPERTY_LENGTH, [0x11] = PROPERTY_FOUR, [0x12] = PROPERTY_TEXT,
		[0x13] = PROPERTY_TWO,  [0x15] = PROPERTY_TEXT,   [0x16] = PROPERTY_TEXT, [0x17] = PROPERTY_BYTE,
		[0x18] = PROPERTY_FOUR, [0x19] = PROPERTY_BYTE,   [0x1a] = PROPERTY_TEXT, [0x1c] = PROPERTY_TEXT,
		[0x1f] = PROPERTY_TEXT, [0x21] = PROPERTY_TWO,    [0x22] = PROPERTY_TWO,  [0x23] = PROPERTY_TWO,
		[0x24] = PROPERTY_BYTE, [0x25] = PROPERTY_BYTE,   [0x26] = PROPERTY_PAIR, [0x27] = PROPERTY_FOUR,
		[0x28] = PROPERTY_BYTE, [0x29] = PROPERTY_BYTE,   [0x2a] = PROPERTY_BYTE,
	};

	return id < sizeof(kinds) ? (enum property_kind)kinds[id] : PROPERTY_UNKNOWN;
}

/* The properties that stand next, as a reader of their own. */
static enum err_code take_properties(struct reader *reader, struct reader *ret, struct error *err)
{
	uint32_t length = 0;

	if (!take_length(reader, &length) && !reader->short_of)
		return err_set(err, ERR_INVALID, "an MQTT packet has properties of more than four bytes of length");
	*ret = (struct reader){.rest = take_bytes(reader, length)};
	return ERR_OK;
}

static enum err_code take_property(struct reader *reader, struct property *ret, struct error *err)
{
	struct property property = {0};

	if (!take_length(reader, &property.id))
		reader->short_of = true;
	switch (property_kind(property.id)) {
	case PROPERTY_BYTE:
		property.number = take_number(reader, 1);
		break;
	case PROPERTY_TWO:
		property.number = take_number(reader, 2);
		break;
	case PROPERTY_FOUR:
		property.number = take_number(reader, 4);
		break;
	case PROPERTY_LENGTH:
		if (!take_length(reader, &property.number))
			reader->short_of = true;
		break;
	case PROPERTY_PAIR:
		(void)take_text(reader);
		property.text = take_text(reader);
		break;
	case PROPERTY_TEXT:
		property.text = take_text(reader);
		break;
	case PROPERTY_UNKNOWN:
		return err_set(err, ERR_INVALID, "an MQTT packet has the unknown property %u", property.id);
	}
	if (reader->short_of)
		return err_set(err, ERR_INVALID, "an MQTT packet has a property that is cut off");
	*ret = property;
	return ERR_OK;
}

static enum err_code cut_off(const char *what, struct error *err)
{
	return err_set(err, ERR_INVALID, "a %s that is cut off", what);
}

static void take_connack_property(struct mqtt_connack *connack, const struct property *property)
{
	switch (property->id) {
	case 0x12:
		connack->client_id = property->text;
		break;
	case 0x13:
		connack->has_keepalive = true;
		connack->keepalive_s = (uint16_t)property->number;
		break;
	case 0x1f:
		connack->reason_text = property->text;
		break;
	case 0x21:
		connack->receive_max = (uint16_t)property->number;
		break;
	case 0x24:
		connack->qos_max = (uint8_t)property->number;
		break;
	case 0x27:
		connack->packet_bytes_max = property->number;
		break;
	case 0x28:
		connack->wildcards = property->number != 0;
		break;
	case 0x2a:
		connack->shared = property->number != 0;
		break;
	default:
		break;
	}
}

enum err_code mqtt_read_connack(struct str body, int version, struct mqtt_connack *ret, struct error *err)
{
	struct mqtt_connack connack = {.receive_max = UINT16_MAX,
				       .qos_max = 2,
				       .packet_bytes_max = MQTT_PACKET_BYTES_MAX,
				       .wildcards = true,
				       .shared = true};
	struct reader reader = {.rest = body}, properties = {0};
	uint32_t flags = take_number(&reader, 1);

	connack.reason = (uint8_t)take_number(&reader, 1);
	connack.session_present = flags & 1;
	enum err_code code = ERR_OK;

	/* A broker that does not know our version answers in its own words, without properties. */
	if (version == 5 && !reader.short_of && (reader.rest.len > 0 || connack.reason == 0))
		code = take_properties(&reader, &properties, err);
	if (code)
		return code;
	if (reader.short_of)
		return cut_off("CONNACK", err);
	if (flags > 1 || reader.rest.len > 0)
		return err_set(err, ERR_INVALID, "a CONNACK with %s", flags > 1 ? "unknown flags" : "more behind it");
	while (properties.rest.len > 0) {
		struct property property;

		code = take_property(&properties, &property, err);
		if (code)
			return code;
		take_connack_property(&connack, &property);
	}
	if (connack.receive_max == 0 || connack.packet_bytes_max == 0)
		return err_set(err, ERR_INVALID, "a CONNACK that allows nothing");
	*ret = connack;
	return ERR_OK;
}

enum err_code mqtt_read_publish(const struct mqtt_packet *packet, int version, struct mqtt_message *ret,
				bool *ret_known, struct error *err)
{
	struct reader reader = {.rest = packet->body}, properties;
	struct mqtt_message message = {
		.qos = packet->flags >> 1 & 3, .retained = packet->flags & 1, .again = packet->flags & 8};

	*ret_known = false;
	if (message.qos > 2)
		return err_set(err, ERR_INVALID, "a PUBLISH of QoS 3");
	message.topic = take_text(&reader);
	if (message.qos > 0)
		message.id = (uint16_t)take_number(&reader, 2);
	enum err_code code = version == 5 ? take_properties(&reader, &properties, err) : ERR_OK;

	if (code)
		return code;
	if (reader.short_of)
		return packet->body.len < packet->body_bytes ? ERR_OK : cut_off("PUBLISH", err);
	if (message.qos > 0 && message.id == 0)
		return err_set(err, ERR_INVALID, "a PUBLISH of QoS %u without a number", (unsigned int)message.qos);
	if (!mqtt_topic_is_good(message.topic, false))
		return err_set(err, ERR_INVALID, "a PUBLISH whose topic is empty, no UTF-8 or has wildcards");
	message.payload = reader.rest;
	*ret = message;
	*ret_known = true;
	return ERR_OK;
}

enum err_code mqtt_read_puback(struct str body, int version, uint16_t *ret_id, uint8_t *ret_reason, struct error *err)
{
	struct reader reader = {.rest = body};
	uint16_t id = (uint16_t)take_number(&reader, 2);
	uint8_t reason = version == 5 && reader.rest.len > 0 ? (uint8_t)take_number(&reader, 1) : 0;

	if (reader.short_of || id == 0)
		return err_set(err, ERR_INVALID, "a PUBACK without a number");
	*ret_id = id;
	*ret_reason = reason;
	return ERR_OK;
}

enum err_code mqtt_read_suback(struct str body, int version, uint16_t *ret_id, struct str *ret_reasons,
			       struct error *err)
{
	struct reader reader = {.rest = body}, properties;
	uint16_t id = (uint16_t)take_number(&reader, 2);
	enum err_code code = version == 5 ? take_properties(&reader, &properties, err) : ERR_OK;

	if (code)
		return code;
	if (reader.short_of || reader.rest.len == 0)
		return cut_off("SUBACK", err);
	*ret_id = id;
	*ret_reasons = reader.rest;
	return ERR_OK;
}

enum err_code mqtt_read_disconnect(struct str body, uint8_t *ret_reason, struct str *ret_text, struct error *err)
{
	struct reader reader = {.rest = body}, properties = {0};
	uint8_t reason = body.len > 0 ? (uint8_t)take_number(&reader, 1) : 0;
	enum err_code code = reader.rest.len > 0 ? take_properties(&reader, &properties, err) : ERR_OK;

	*ret_text = STR_NONE;
	while (code == ERR_OK && properties.rest.len > 0) {
		struct property property;

		code = take_property(&properties, &property, err);
		if (code == ERR_OK && property.id == 0x1f)
			*ret_text = property.text;
	}
	if (code == ERR_OK && reader.short_of)
		code = cut_off("DISCONNECT", err);
	if (code == ERR_OK)
		*ret_reason = reason;
	return code;
}

/* ---- words ---- */

const char *mqtt_reason(int version, uint8_t reason)
{
	if (version != 5)
		return reason >= 0x80 ? "refused" : "granted";
	return mosquitto_reason_string(reason);
}

const char *mqtt_refusal(int version, uint8_t reason)
{
	bool three = version != 5 || reason < 0x80;

	return three ? mosquitto_connack_string(reason) : mosquitto_reason_string(reason);
}

bool mqtt_is_version_refused(int version, uint8_t reason)
{
	return version == 5 && (reason == 0x84 || reason == 0x01);
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint32_t number, unsigned int bytes)
{
	while (bytes-- > 0)
		buf_put_char(out, (char)(number >> (8 * bytes) & 0xff));
}

static void put_text(struct buf *out, struct str text)
{
	put_number(out, (uint32_t)text.len, 2);
	buf_put(out, text);
}

static void put_length(struct buf *out, uint32_t length)
{
	do {
		buf_put_char(out, (char)((length & 0x7f) | (length > 0x7f ? 0x80 : 0)));
		length >>= 7;
	} while (length > 0);
}

static void put_head(struct buf *out, enum mqtt_packet_kind kind, unsigned int flags, size_t body_bytes)
{
	put_number(out, (uint32_t)kind << 4 | flags, 1);
	put_length(out, (uint32_t)body_bytes);
}

#define CONNECT_PROPERTIES 13u /* bytes of the three below */

static void put_connect_properties(struct buf *out, const struct mqtt_connect *connect)
{
	put_length(out, connect->packet_bytes_max ? CONNECT_PROPERTIES : CONNECT_PROPERTIES - 5);
	put_number(out, 0x11, 1);
	put_number(out, connect->session_s, 4);
	put_number(out, 0x21, 1);
	put_number(out, connect->receive_max ? connect->receive_max : UINT16_MAX, 2);
	if (connect->packet_bytes_max) {
		put_number(out, 0x27, 1);
		put_number(out, connect->packet_bytes_max, 4);
	}
}

void mqtt_write_connect(struct buf *out, const struct mqtt_connect *connect)
{
	bool five = connect->version == 5;
	unsigned int flags = (connect->clean ? CONNECT_CLEAN : 0) | (connect->user.at ? CONNECT_USER : 0) |
			     (connect->password.at ? CONNECT_PASSWORD : 0);
	size_t bytes = 10 + 2 + connect->client_id.len + (connect->user.at ? 2 + connect->user.len : 0) +
		       (connect->password.at ? 2 + connect->password.len : 0);

	if (five)
		bytes += 1 + (connect->packet_bytes_max ? CONNECT_PROPERTIES : CONNECT_PROPERTIES - 5);
	put_head(out, MQTT_PACKET_CONNECT, 0, bytes);
	put_text(out, STR("MQTT"));
	put_number(out, five ? VERSION_NUMBER_5 : VERSION_NUMBER_3, 1);
	put_number(out, flags, 1);
	put_number(out, connect->keepalive_s, 2);
	if (five)
		put_connect_properties(out, connect);
	put_text(out, connect->client_id);
	if (connect->user.at)
		put_text(out, connect->user);
	if (connect->password.at)
		put_text(out, connect->password);
}

void mqtt_write_subscribe(struct buf *out, int version, uint16_t id, struct str filter, uint8_t qos)
{
	bool five = version == 5;
	/* 5.0, 3.8.3.1: not to be said of shared subscriptions that they want their own messages back; nothing else. */
	unsigned int options = qos | (five ? RETAIN_WHEN_NEW : 0);

	put_head(out, MQTT_PACKET_SUBSCRIBE, 2, filter.len + (five ? 6u : 5u));
	put_number(out, id, 2);
	if (five)
		put_length(out, 0);
	put_text(out, filter);
	put_number(out, options, 1);
}

void mqtt_write_publish(struct buf *out, int version, struct str topic, struct str payload, uint8_t qos, bool retained,
			bool again, uint16_t id)
{
	size_t bytes = 2 + topic.len + (qos ? 2u : 0u) + (version == 5 ? 1u : 0u) + payload.len;

	put_head(out, MQTT_PACKET_PUBLISH, (again ? 8u : 0) | (unsigned int)qos << 1 | (retained ? 1 : 0), bytes);
	put_text(out, topic);
	if (qos)
		put_number(out, id, 2);
	if (version == 5)
		put_length(out, 0);
	buf_put(out, payload);
}

void mqtt_write_puback(struct buf *out, uint16_t id)
{
	put_head(out, MQTT_PACKET_PUBACK, 0, 2);
	put_number(out, id, 2);
}

void mqtt_write_pingreq(struct buf *out)
{
	put_head(out, MQTT_PACKET_PINGREQ, 0, 0);
}

void mqtt_write_disconnect(struct buf *out, int version)
{
	put_head(out, MQTT_PACKET_DISCONNECT, 0, version == 5 ? 2 : 0);
	if (version == 5) {
		put_number(out, 0, 1);
		put_length(out, 0);
	}
}

/* ---- topics ---- */

static bool wildcards_fit(struct str filter)
{
	for (size_t i = 0; i < filter.len; i++) {
		char c = filter.at[i];
		bool alone = (i == 0 || filter.at[i - 1] == '/') && (i + 1 == filter.len || filter.at[i + 1] == '/');

		if ((c == '+' && !alone) || (c == '#' && (!alone || i + 1 != filter.len)))
			return false;
	}
	return true;
}

bool mqtt_topic_is_good(struct str topic, bool is_filter)
{
	const struct str share = STR("$share/");
	size_t slash, at;

	if (topic.len == 0 || topic.len > TEXT_BYTES_MAX ||
	    mosquitto_validate_utf8(topic.at, (int)topic.len) != MOSQ_ERR_SUCCESS)
		return false;
	if (!is_filter)
		return !str_find(topic, '+', &slash) && !str_find(topic, '#', &slash);
	if (str_starts(topic, share)) {
		struct str rest = str_part(topic, share.len, topic.len);

		if (!str_find(rest, '/', &slash) || slash == 0 || slash + 1 == rest.len)
			return false;
		struct str name = str_part(rest, 0, slash);

		if (str_find(name, '+', &at) || str_find(name, '#', &at))
			return false;
		topic = str_part(rest, slash + 1, rest.len);
	}
	return wildcards_fit(topic);
}

bool mqtt_topic_fits(struct str filter, struct str topic)
{
	struct str level, name;

	/* 4.7.2: what begins with "$" is not met by a wildcard there. */
	if (topic.len > 0 && topic.at[0] == '$' && filter.len > 0 && (filter.at[0] == '+' || filter.at[0] == '#'))
		return false;
	while (str_next(&filter, '/', &level)) {
		if (str_eq(level, STR("#")))
			return true;
		if (!str_next(&topic, '/', &name))
			return false;
		if (!str_eq(level, STR("+")) && !str_eq(level, name))
			return false;
		/* "a/#" has "a" in it (4.7.1.2). */
		if (!topic.at && str_eq(filter, STR("#")))
			return true;
	}
	return !topic.at;
}
