/* The URI of an MQTT endpoint taken apart: what the syntax of GS CIM 009 V1.9.1, 7.2 allows, and what it does not. */
#include "check.h"
#include "net/mqtt_uri.h"

static struct arena arena;
static struct error err;

static struct mqtt_uri parse(const char *text)
{
	struct mqtt_uri uri = {0};

	if (!CHECK_OK(mqtt_uri_parse(str_from(text), &arena, &uri, &err), &err))
		printf("# %s\n", text);
	return uri;
}

static void the_parts_are_told_apart(void)
{
	struct mqtt_uri uri = parse("mqtt://broker.example.org/city");

	CHECK(!uri.secure && uri.port == 1883 && !uri.user.at && !uri.password.at);
	CHECK_STR(uri.host, STR("broker.example.org"));
	CHECK_STR(uri.topic, STR("city"));
	uri = parse("MQTTS://ann:se:cret@Broker:1234/city/air/no2");
	CHECK(uri.secure && uri.port == 1234);
	CHECK_STR(uri.user, STR("ann"));
	CHECK_STR(uri.password, STR("se:cret"));
	CHECK_STR(uri.host, STR("broker"));
	CHECK_STR(uri.topic, STR("city/air/no2"));
	CHECK(parse("mqtts://h/t").port == 8883);
	CHECK(parse("mqtt://h:/t").port == 1883);
	uri = parse("mqtt://ann@[2001:DB8::1]:99/t/");
	CHECK_STR(uri.user, STR("ann"));
	CHECK(!uri.password.at && uri.port == 99);
	CHECK_STR(uri.host, STR("2001:db8::1"));
	CHECK_STR(uri.topic, STR("t/"));
	uri = parse("mqtt://[::1]//t");
	CHECK_STR(uri.topic, STR("/t"));
}

static void users_may_be_empty_in_three_ways(void)
{
	struct mqtt_uri uri = parse("mqtt://@h/t");

	CHECK(!uri.user.at && !uri.password.at);
	uri = parse("mqtt://:p@h/t");
	CHECK(uri.user.at && uri.user.len == 0);
	CHECK_STR(uri.password, STR("p"));
	uri = parse("mqtt://u:@h/t");
	CHECK(uri.password.at && uri.password.len == 0);
}

static void escapes_are_decoded(void)
{
	struct mqtt_uri uri = parse("mqtt://a%40b:p%3a%2F%25@h/stra%C3%9Fe/a%20b%3F");

	CHECK_STR(uri.user, STR("a@b"));
	CHECK_STR(uri.password, STR("p:/%"));
	CHECK_STR(uri.topic, STR("straße/a b?"));
	uri = parse("mqtt://u:p@q@h/t"); /* a raw "@" in a password */
	CHECK_STR(uri.password, STR("p@q"));
	CHECK_STR(uri.host, STR("h"));
}

static void what_is_no_such_uri_is_refused(void)
{
	static const char *const texts[] = {"",
					    "mqtt",
					    "mqtt:",
					    "mqtt://",
					    "mqtt:///t",
					    "mqtt://h",
					    "mqtt://h/",
					    "http://h/t",
					    "mqttx://h/t",
					    "mqtt://h:0/t",
					    "mqtt://h:65536/t",
					    "mqtt://h:1x/t",
					    "mqtt://h:-1/t",
					    "mqtt://[::1/t",
					    "mqtt://[]/t",
					    "mqtt://[::1]x/t",
					    "mqtt://[::1]1/t",
					    "mqtt://h h/t",
					    "mqtt://h%41/t",
					    "mqtt://h\r/t",
					    "mqtt://::1/t",
					    "mqtt://h/+",
					    "mqtt://h/a/%23",
					    "mqtt://h/a#b",
					    "mqtt://h/a?b",
					    "mqtt://h/a%00b",
					    "mqtt://h/a%0Ab",
					    "mqtt://h/a%C2%85b",
					    "mqtt://h/%ff",
					    "mqtt://h/%4",
					    "mqtt://%@h/t",
					    "mqtt://u:%00@h/t",
					    " mqtt://h/t"};
	struct mqtt_uri uri = {.port = 7};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!CHECK(mqtt_uri_parse(str_from(texts[i]), &arena, &uri, &err) == ERR_INVALID))
			printf("# %s\n", texts[i]);
	CHECK(uri.port == 7);
}

static void no_error_shows_the_password(void)
{
	static const char *const texts[] = {"mqtt://u:secret@h:0/t", "mqtt://u:secret@h",   "mqtt://u:secret%@h/t",
					    "mqtt://u:secret@h/#",   "mqtts://u:secret@/t", "http://u:secret@h/t"};
	struct mqtt_uri uri;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CHECK(mqtt_uri_parse(str_from(texts[i]), &arena, &uri, &err) == ERR_INVALID);
		CHECK(!str_contains(str_from(err.detail), STR("secret")));
	}
}

static void lengths_are_bounded(void)
{
	char text[MQTT_URI_BYTES_MAX + 2];
	struct mqtt_uri uri;

	memset(text, 'a', sizeof(text));
	memcpy(text, "mqtt://h/", 9);
	CHECK_OK(mqtt_uri_parse((struct str){text, 9 + MQTT_TOPIC_BYTES_MAX}, &arena, &uri, &err), &err);
	CHECK(mqtt_uri_parse((struct str){text, 10 + MQTT_TOPIC_BYTES_MAX}, &arena, &uri, &err) == ERR_INVALID);
	CHECK(mqtt_uri_parse((struct str){text, sizeof(text)}, &arena, &uri, &err) == ERR_INVALID);
}

int main(void)
{
	arena_init(&arena, 1u << 20);
	RUN(the_parts_are_told_apart);
	RUN(users_may_be_empty_in_three_ways);
	RUN(escapes_are_decoded);
	RUN(what_is_no_such_uri_is_refused);
	RUN(no_error_shows_the_password);
	RUN(lengths_are_bounded);
	arena_done(&arena);
	return check_done();
}
