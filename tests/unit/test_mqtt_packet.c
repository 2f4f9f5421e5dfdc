/* MQTT control packets against bytes written down from the standards (MQTT 5.0 and 3.1.1; clauses at the cases), and
 * topics against libmosquitto, which decides for itself what fits. */
#include "check.h"
#include "net/mqtt_packet.h"

#include <mosquitto.h>

static struct error err;

#define BYTES(...) ((struct str){(const char *)(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static struct mqtt_packet whole(struct str bytes)
{
	struct mqtt_packet packet = {0};
	bool is_whole = false;

	CHECK_OK(mqtt_packet_read(bytes, &packet, &is_whole, &err), &err);
	CHECK(is_whole);
	return packet;
}

/* 5.0, table 1-1: digits, from, to. */
static void lengths_are_of_one_to_four_bytes(void)
{
	static const struct {
		uint8_t bytes[6];
		size_t head, length;
	} rows[] = {
		{{0x30, 0x00}, 2, 0},
		{{0x30, 0x7f}, 2, 127},
		{{0x30, 0x80, 0x01}, 3, 128},
		{{0x30, 0xff, 0x7f}, 3, 16383},
		{{0x30, 0x80, 0x80, 0x01}, 4, 16384},
		{{0x30, 0xff, 0xff, 0x7f}, 4, 2097151},
		{{0x30, 0x80, 0x80, 0x80, 0x01}, 5, 2097152},
		{{0x30, 0xff, 0xff, 0xff, 0x7f}, 5, 268435455},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mqtt_packet packet;
		bool is_whole;

		for (size_t cut = 0; cut < rows[i].head; cut++) {
			CHECK_OK(mqtt_packet_read((struct str){(const char *)rows[i].bytes, cut}, &packet, &is_whole,
						  &err),
				 &err);
			CHECK(!is_whole && packet.head_bytes == 0);
		}
		CHECK_OK(mqtt_packet_read((struct str){(const char *)rows[i].bytes, rows[i].head}, &packet, &is_whole,
					  &err),
			 &err);
		CHECK(packet.body_bytes == rows[i].length && packet.head_bytes == rows[i].head);
		CHECK(is_whole == (rows[i].length == 0));
		CHECK(packet.kind == MQTT_PACKET_PUBLISH);
	}
	struct mqtt_packet packet;
	bool is_whole;

	CHECK(mqtt_packet_read(BYTES(0x30, 0x80, 0x80, 0x80, 0x80, 0x01), &packet, &is_whole, &err) == ERR_INVALID);
}

static void written(const struct buf *out, struct str bytes)
{
	CHECK(!out->failed);
	CHECK_STR(buf_str(out), bytes);
}

/* 3.1.1, 3.1; 5.0, 3.1.2: protocol name, version, flags, keep alive, properties, client id, user, password. */
static void connect_is_written_as_the_standards_say(void)
{
	struct mqtt_connect connect = {.version = 3,
				       .client_id = STR("m"),
				       .clean = true,
				       .keepalive_s = 60,
				       .user = STR("u"),
				       .password = STR("p")};
	struct buf out;

	buf_init(&out, 1000);
	mqtt_write_connect(&out, &connect);
	written(&out, BYTES(0x10, 19, 0, 4, 'M', 'Q', 'T', 'T', 4, 0xc2, 0, 60, 0, 1, 'm', 0, 1, 'u', 0, 1, 'p'));
	buf_clear(&out);
	connect = (struct mqtt_connect){
		.version = 5, .client_id = STR("m"), .keepalive_s = 10, .session_s = 3600, .receive_max = 20};
	mqtt_write_connect(&out, &connect);
	written(&out, BYTES(0x10, 22, 0, 4, 'M', 'Q', 'T', 'T', 5, 0, 0, 10, 8, 0x11, 0, 0, 0x0e, 0x10, 0x21, 0, 20, 0,
			    1, 'm'));
	buf_clear(&out);
	connect.packet_bytes_max = 65536;
	mqtt_write_connect(&out, &connect);
	written(&out, BYTES(0x10, 27, 0, 4, 'M', 'Q', 'T', 'T', 5, 0, 0, 10, 13, 0x11, 0, 0, 0x0e, 0x10, 0x21, 0, 20,
			    0x27, 0, 1, 0, 0, 0, 1, 'm'));
	buf_done(&out);
}

/* 3.1.1, figure 3.20 has SUBSCRIBE of "a/b" with QoS 1 and number 10. */
static void the_other_packets_too(void)
{
	struct buf out;

	buf_init(&out, 1000);
	mqtt_write_subscribe(&out, 3, 10, STR("a/b"), 1);
	written(&out, BYTES(0x82, 8, 0, 10, 0, 3, 'a', '/', 'b', 1));
	buf_clear(&out);
	mqtt_write_subscribe(&out, 5, 10, STR("a/b"), 1);
	written(&out, BYTES(0x82, 9, 0, 10, 0, 0, 3, 'a', '/', 'b', 0x11));
	buf_clear(&out);
	mqtt_write_publish(&out, 3, STR("a/b"), STR("hi"), 1, true, false, 258);
	written(&out, BYTES(0x33, 9, 0, 3, 'a', '/', 'b', 1, 2, 'h', 'i'));
	buf_clear(&out);
	mqtt_write_publish(&out, 5, STR("a/b"), STR("hi"), 0, false, false, 0);
	written(&out, BYTES(0x30, 8, 0, 3, 'a', '/', 'b', 0, 'h', 'i'));
	buf_clear(&out);
	mqtt_write_puback(&out, 0x1234);
	mqtt_write_pingreq(&out);
	mqtt_write_disconnect(&out, 3);
	mqtt_write_disconnect(&out, 5);
	written(&out, BYTES(0x40, 2, 0x12, 0x34, 0xc0, 0, 0xe0, 0, 0xe0, 2, 0, 0));
	buf_done(&out);
}

static void connack_says_what_the_broker_allows(void)
{
	struct mqtt_connack connack;

	CHECK_OK(mqtt_read_connack(BYTES(1, 0), 3, &connack, &err), &err);
	CHECK(connack.session_present && connack.reason == 0 && connack.receive_max == 65535);
	CHECK_OK(mqtt_read_connack(BYTES(0, 5), 3, &connack, &err), &err);
	CHECK_STR(str_from(mqtt_refusal(3, connack.reason)), STR("Connection Refused: not authorised."));
	/* Receive Maximum 20, Maximum QoS 1, Server Keep Alive 5, Assigned Client Identifier "x". */
	CHECK_OK(mqtt_read_connack(BYTES(0, 0, 12, 0x21, 0, 20, 0x24, 1, 0x13, 0, 5, 0x12, 0, 1, 'x'), 5, &connack,
				   &err),
		 &err);
	CHECK(connack.receive_max == 20 && connack.qos_max == 1 && connack.has_keepalive && connack.keepalive_s == 5);
	CHECK_STR(connack.client_id, STR("x"));
	/* A 3.1.1 broker's answer to version 5. */
	CHECK_OK(mqtt_read_connack(BYTES(0, 1), 5, &connack, &err), &err);
	CHECK(mqtt_is_version_refused(5, connack.reason));
	CHECK(mqtt_read_connack(BYTES(0), 3, &connack, &err) == ERR_INVALID);
	CHECK(mqtt_read_connack(BYTES(2, 0), 3, &connack, &err) == ERR_INVALID);
	CHECK(mqtt_read_connack(BYTES(0, 0, 0, 0), 3, &connack, &err) == ERR_INVALID);
	CHECK(mqtt_read_connack(BYTES(0, 0, 3, 0x21, 0, 0), 5, &connack, &err) == ERR_INVALID);
	CHECK(mqtt_read_connack(BYTES(0, 0, 2, 0x7e, 0), 5, &connack, &err) == ERR_INVALID);
	CHECK(mqtt_read_connack(BYTES(0, 0, 9, 0x21), 5, &connack, &err) == ERR_INVALID);
}

static enum err_code read_message(struct str bytes, int version, struct mqtt_message *ret, bool *known)
{
	struct mqtt_packet packet = {0};
	bool is_whole = false;

	CHECK_OK(mqtt_packet_read(bytes, &packet, &is_whole, &err), &err);
	return mqtt_read_publish(&packet, version, ret, known, &err);
}

static void messages_are_read(void)
{
	struct mqtt_message message;
	bool known;

	CHECK_OK(read_message(BYTES(0x3b, 9, 0, 3, 'a', '/', 'b', 1, 2, 'h', 'i'), 3, &message, &known), &err);
	CHECK(known && message.qos == 1 && message.retained && message.again && message.id == 258);
	CHECK_STR(message.topic, STR("a/b"));
	CHECK_STR(message.payload, STR("hi"));
	/* 5.0: with a user property "k": "v", which is passed over. */
	CHECK_OK(read_message(BYTES(0x30, 15, 0, 3, 'a', '/', 'b', 7, 0x26, 0, 1, 'k', 0, 1, 'v', 'h', 'i'), 5,
			      &message, &known),
		 &err);
	CHECK_STR(message.payload, STR("hi"));
	/* Not all of it is there: known once the head is. */
	CHECK_OK(read_message(BYTES(0x32, 200, 1, 0, 3, 'a', '/', 'b', 1), 3, &message, &known), &err);
	CHECK(!known);
	CHECK_OK(read_message(BYTES(0x32, 200, 1, 0, 3, 'a', '/', 'b', 1, 2), 3, &message, &known), &err);
	CHECK(known && message.payload.len == 0);
	CHECK(read_message(BYTES(0x36, 7, 0, 3, 'a', '/', 'b', 1, 2), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x32, 7, 0, 3, 'a', '/', 'b', 0, 0), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x30, 5, 0, 3, 'a', '/', '#'), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x30, 2, 0, 0), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x30, 5, 0, 9, 'a', '/', 'b'), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x30, 5, 0, 3, 'a', 0, 'b'), 3, &message, &known) == ERR_INVALID);
	CHECK(read_message(BYTES(0x30, 5, 0, 3, 'a', 0xff, 'b'), 3, &message, &known) == ERR_INVALID);
}

static void acknowledgements_are_read(void)
{
	struct str reasons, text;
	uint16_t id;
	uint8_t reason;

	CHECK_OK(mqtt_read_puback(whole(BYTES(0x40, 2, 0, 7)).body, 3, &id, &reason, &err), &err);
	CHECK(id == 7 && reason == 0);
	CHECK_OK(mqtt_read_puback(BYTES(0, 7, 0x87), 5, &id, &reason, &err), &err);
	CHECK_STR(str_from(mqtt_reason(5, reason)), STR("Not authorized"));
	CHECK(mqtt_read_puback(BYTES(0), 5, &id, &reason, &err) == ERR_INVALID);
	CHECK_OK(mqtt_read_suback(BYTES(0, 9, 0, 1, 0x80), 5, &id, &reasons, &err), &err);
	CHECK(id == 9);
	CHECK_STR(reasons, BYTES(1, 0x80));
	CHECK(mqtt_read_suback(BYTES(0, 9, 0), 5, &id, &reasons, &err) == ERR_INVALID);
	CHECK_OK(mqtt_read_disconnect(BYTES(0x8e, 5, 0x1f, 0, 2, 'o', 'k'), &reason, &text, &err), &err);
	CHECK(reason == 0x8e);
	CHECK_STR(text, STR("ok"));
	CHECK_OK(mqtt_read_disconnect(STR(""), &reason, &text, &err), &err);
	CHECK(reason == 0 && text.len == 0);
	CHECK(mqtt_read_disconnect(BYTES(0x8e, 9, 0x1f), &reason, &text, &err) == ERR_INVALID);
}

/* Every filter against every topic, and which of them are filters at all, as libmosquitto sees it. */
static void topics_fit_as_libmosquitto_has_it(void)
{
	static const char *const topics[] = {"a", "/",  "/a",   "a/",  "a/b", "a/b/c", "a//c", "$SYS/a", "$SYS",
					     "b", "//", "a/b/", "é/ü", "ab",  "a b",   "+a",   "a/+b",   "a#"};
	static const char *const filters[] = {"a",     "#",   "+",     "a/#",    "a/+",    "+/b",   "+/+", "/+", "/#",
					      "a/b/#", "+/#", "a/+/c", "$SYS/#", "$SYS/+", "a/+/#", "+/",  "//", "é/+",
					      "a#",    "#/a", "a/#/c", "+a",     "",       "a/b+",  "##",  "/",  "a/b"};

	for (size_t f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
		struct str filter = str_from(filters[f]);
		bool good = filter.len > 0 && mosquitto_sub_topic_check(filters[f]) == MOSQ_ERR_SUCCESS;

		if (!CHECK(mqtt_topic_is_good(filter, true) == good))
			printf("# %s\n", filters[f]);
		for (size_t t = 0; good && t < sizeof(topics) / sizeof(topics[0]); t++) {
			bool fits = false;

			if (mosquitto_pub_topic_check(topics[t]) != MOSQ_ERR_SUCCESS) {
				CHECK(!mqtt_topic_is_good(str_from(topics[t]), false));
				continue;
			}
			CHECK(mosquitto_topic_matches_sub(filters[f], topics[t], &fits) == MOSQ_ERR_SUCCESS);
			if (!CHECK(mqtt_topic_fits(filter, str_from(topics[t])) == fits))
				printf("# %s %s\n", filters[f], topics[t]);
		}
	}
	CHECK(mqtt_topic_is_good(STR("$share/group/a/+"), true));
	CHECK(!mqtt_topic_is_good(STR("$share/group/"), true));
	CHECK(!mqtt_topic_is_good(STR("$share//a"), true));
	CHECK(!mqtt_topic_is_good(STR("$share/g+/a"), true));
	CHECK(!mqtt_topic_is_good(STR("$share/group"), true));
}

int main(void)
{
	RUN(lengths_are_of_one_to_four_bytes);
	RUN(connect_is_written_as_the_standards_say);
	RUN(the_other_packets_too);
	RUN(connack_says_what_the_broker_allows);
	RUN(messages_are_read);
	RUN(acknowledgements_are_read);
	RUN(topics_fit_as_libmosquitto_has_it);
	return check_done();
}
