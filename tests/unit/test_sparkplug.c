/* Sparkplug B against the specification (Eclipse Sparkplug 3.0.0): the payloads are written here byte by byte, by the
 * rules of Protocol Buffers' wire format, and what they mean is worked out by hand. */
#include "check.h"
#include "sparkplug/sparkplug.h"

#include <string.h>

#define NOW INT64_C(1486144502122000) /* 2017-02-03T17:55:02.122Z, the time of the specification's example */

static struct arena arena;
static struct error err;
static struct buf out; /* the payload under way */

/* ---- the wire ---- */

static void varint(struct buf *to, uint64_t value)
{
	for (; value > 127; value >>= 7)
		buf_put_char(to, (char)(value | 0x80));
	buf_put_char(to, (char)value);
}

static void number(struct buf *to, unsigned field, uint64_t value)
{
	varint(to, field << 3);
	varint(to, value);
}

static void bytes(struct buf *to, unsigned field, struct str value)
{
	varint(to, field << 3 | 2);
	varint(to, value.len);
	buf_put(to, value);
}

static void fixed(struct buf *to, unsigned field, const void *value, size_t len)
{
	varint(to, field << 3 | (len == 4 ? 5 : 1));
	buf_put(to, (struct str){value, len});
}

/* A metric whose value stands as `value`, of a field of its own. name "": none. alias 0: none. */
static void metric(const char *name, uint64_t alias, unsigned type, struct str value)
{
	struct buf one;

	buf_init(&one, 10000);
	if (name[0])
		bytes(&one, 1, str_from(name));
	if (alias)
		number(&one, 2, alias);
	number(&one, 3, 1479123452194); /* 2016-11-14T11:37:32.194Z, as in the specification */
	if (type)
		number(&one, 4, type);
	buf_put(&one, value);
	bytes(&out, 2, buf_str(&one));
	buf_done(&one);
}

static struct str field_number(unsigned field, uint64_t value)
{
	struct buf one;

	buf_init(&one, 100);
	number(&one, field, value);
	return buf_to_arena(&one, &arena);
}

static struct str field_bytes(unsigned field, struct str value)
{
	struct buf one;

	buf_init(&one, 1000);
	bytes(&one, field, value);
	return buf_to_arena(&one, &arena);
}

static struct str field_fixed(unsigned field, const void *value, size_t len)
{
	struct buf one;

	buf_init(&one, 100);
	fixed(&one, field, value, len);
	return buf_to_arena(&one, &arena);
}

static void begin(uint64_t seq)
{
	buf_clear(&out);
	number(&out, 1, 1486144502122);
	number(&out, 3, seq);
}

/* ---- taking ---- */

static struct sparkplug *sparkplug;
static struct sparkplug_taken taken;

static enum err_code take_at(const char *topic, int64_t now_us)
{
	struct sparkplug_topic read;

	memset(&taken, 0, sizeof(taken));
	if (!CHECK(sparkplug_topic_read(str_from(topic), &read)))
		return ERR_INVALID;
	return sparkplug_take(sparkplug, &read, buf_str(&out), now_us, &arena, &taken, &err);
}

static enum err_code take(const char *topic)
{
	return take_at(topic, NOW);
}

static struct str text_of(const struct json *node)
{
	struct buf text;

	if (!node)
		return STR("nothing");
	buf_init(&text, 100000);
	json_write(&text, node);
	return buf_to_arena(&text, &arena);
}

static struct str value_of(const char *name)
{
	return text_of(json_get(json_get(taken.document, STR("values")), str_from(name)));
}

/* ---- tests ---- */

static void topics_are_those_of_chapter_4(void)
{
	struct sparkplug_topic topic;

	CHECK(sparkplug_topic_read(STR("spBv1.0/Sparkplug B Devices/DDATA/Raspberry Pi/Pibrella"), &topic));
	CHECK_STR(topic.group, STR("Sparkplug B Devices"));
	CHECK_STR(topic.node, STR("Raspberry Pi"));
	CHECK_STR(topic.device, STR("Pibrella"));
	CHECK(topic.message == SPARKPLUG_DDATA);
	CHECK(sparkplug_topic_read(STR("spBv1.0/g/NDEATH/n"), &topic) && !topic.device.at);
	static const char *const none[] = {"spBv1.0/STATE/host",    "spAv1.0/g/NDATA/n", "spBv1.0/g/NDATA",
					   "spBv1.0/g/NDATA/n/d",   "spBv1.0/g/DDATA/n", "spBv1.0//NDATA/n",
					   "spBv1.0/g/DDATA/n/d/e", "spBv1.0/g/NOISE/n", ""};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK(!sparkplug_topic_read(str_from(none[i]), &topic));
	CHECK_STR(sparkplug_command_topic(&arena, STR("g"), STR("n"), STR_NONE), STR("spBv1.0/g/NCMD/n"));
	CHECK_STR(sparkplug_command_topic(&arena, STR("g"), STR("n"), STR("d")), STR("spBv1.0/g/DCMD/n/d"));
	CHECK(!sparkplug_command_topic(&arena, STR("g"), STR("n/x"), STR_NONE).at);
	CHECK(!sparkplug_command_topic(&arena, STR("#"), STR("n"), STR_NONE).at);
}

static void the_example_of_the_specification_is_read(void)
{
	begin(0);
	metric("My Metric", 1, 12, field_bytes(15, STR("Test")));
	CHECK_OK(take("spBv1.0/g/NBIRTH/n"), &err);
	CHECK_STR(
		text_of(taken.document),
		STR("{\"group\":\"g\",\"node\":\"n\",\"message\":\"NBIRTH\",\"online\":true,"
		    "\"time\":\"2017-02-03T17:55:02.122Z\",\"metrics\":[{\"name\":\"My Metric\",\"type\":\"String\","
		    "\"value\":\"Test\",\"time\":\"2016-11-14T11:37:32.194Z\"}],\"values\":{\"My Metric\":\"Test\"}}"));
	CHECK(!taken.wants_rebirth && !taken.unknown);
}

static void every_type_has_its_value(void)
{
	const float single = 21.3F;
	const double real = -0.1;
	const float nan = __builtin_nanf("");

	begin(0);
	metric("i8", 0, 1, field_number(10, 0xFFFFFFFF));
	metric("i8short", 0, 1, field_number(10, 0xFE));
	metric("i16", 0, 2, field_number(10, 0xFFFF8000));
	metric("i32", 0, 3, field_number(10, 0x80000000));
	metric("i64", 0, 4, field_number(11, UINT64_MAX));
	metric("u8", 0, 5, field_number(10, 255));
	metric("u32", 0, 7, field_number(11, 4294967295));
	metric("u64", 0, 8, field_number(11, UINT64_MAX));
	metric("float", 0, 9, field_fixed(12, &single, 4));
	metric("nan", 0, 9, field_fixed(12, &nan, 4));
	metric("double", 0, 10, field_fixed(13, &real, 8));
	metric("bool", 0, 11, field_number(14, 1));
	metric("time", 0, 13, field_number(11, 1486144502122));
	metric("bytes", 0, 17, field_bytes(16, STR("\xfb\xff\x01\x02")));
	metric("null", 0, 10, field_number(7, 1));
	metric("set", 0, 16, field_bytes(17, STR("x")));
	/* 6.4.16: arrays are packed little-endian; of booleans first how many, then bits from the highest down. */
	metric("i16s", 0, 23, field_bytes(16, STR("\x30\x8a\x7b\xce"))); /* -30160, -12677: its own example */
	metric("bools", 0, 32, field_bytes(16, (struct str){"\x0c\0\0\0\x34\xd0", 6})); /* likewise */
	metric("texts", 0, 33, field_bytes(16, (struct str){"ABC\0hello\0", 10}));
	CHECK_OK(take("spBv1.0/g/NBIRTH/types"), &err);
	CHECK_STR(value_of("i8"), STR("-1"));
	CHECK_STR(value_of("i8short"), STR("-2"));
	CHECK_STR(value_of("i16"), STR("-32768"));
	CHECK_STR(value_of("i32"), STR("-2147483648"));
	CHECK_STR(value_of("i64"), STR("-1"));
	CHECK_STR(value_of("u8"), STR("255"));
	CHECK_STR(value_of("u32"), STR("4294967295"));
	CHECK_STR(value_of("u64"), STR("18446744073709551615"));
	CHECK_STR(value_of("float"), STR("21.3"));
	CHECK_STR(value_of("nan"), STR("null"));
	CHECK_STR(value_of("double"), STR("-0.1"));
	CHECK_STR(value_of("bool"), STR("true"));
	CHECK_STR(value_of("time"), STR("\"2017-02-03T17:55:02.122Z\""));
	CHECK_STR(value_of("bytes"), STR("\"+/8BAg==\""));
	CHECK_STR(value_of("null"), STR("null"));
	CHECK_STR(value_of("set"), STR("null"));
	CHECK_STR(value_of("i16s"), STR("[-30160,-12677]"));
	CHECK_STR(value_of("bools"), STR("[false,false,true,true,false,true,false,false,true,true,false,true]"));
	CHECK_STR(value_of("texts"), STR("[\"ABC\",\"hello\"]"));
	/* Two bytes are no array of int32, and a number is no text. */
	begin(1);
	metric("odd", 0, 24, field_bytes(16, STR("\1\2")));
	metric("other", 0, 12, field_number(10, 1));
	CHECK_OK(take("spBv1.0/g/NDATA/types"), &err);
	CHECK(taken.unknown == 2);
}

static void numbers_mean_what_the_birth_said(void)
{
	begin(0);
	metric("bdSeq", 0, 8, field_number(11, 7));
	metric("voltage", 5, 10, STR(""));
	CHECK_OK(take("spBv1.0/g/NBIRTH/alias"), &err);
	begin(1);
	metric("Temperature/°C", 9, 3, field_number(10, 21));
	CHECK_OK(take("spBv1.0/g/DBIRTH/alias/d"), &err);
	CHECK(!taken.wants_rebirth);
	begin(2);
	metric("", 9, 0, field_number(10, (uint32_t)-4));
	metric("", 8, 0, field_number(10, 1));
	CHECK_OK(take("spBv1.0/g/DDATA/alias/d"), &err);
	CHECK_STR(value_of("Temperature/°C"), STR("-4"));
	CHECK(taken.unknown == 1 && taken.wants_rebirth); /* 8 was never given */
	/* The device's numbers are not the node's. */
	begin(3);
	metric("", 9, 0, field_number(10, 1));
	CHECK_OK(take_at("spBv1.0/g/NDATA/alias", NOW + 1), &err);
	CHECK(taken.unknown == 1 && !taken.wants_rebirth); /* it was asked just now */
}

static void what_was_missed_is_asked_for_again(void)
{
	begin(0);
	metric("m", 1, 3, field_number(10, 1));
	CHECK_OK(take("spBv1.0/g/NDATA/late"), &err);
	CHECK(taken.wants_rebirth && !taken.document); /* nothing is known of it */
	CHECK_OK(take_at("spBv1.0/g/NDATA/late", NOW + SPARKPLUG_REBIRTH_PAUSE_US - 1), &err);
	CHECK(!taken.wants_rebirth);
	CHECK_OK(take_at("spBv1.0/g/NDATA/late", NOW + SPARKPLUG_REBIRTH_PAUSE_US), &err);
	CHECK(taken.wants_rebirth);
	begin(254);
	metric("m", 1, 3, field_number(10, 1));
	CHECK_OK(take("spBv1.0/g/NBIRTH/late"), &err);
	/* 255 and then 0 follow; 3 does not. */
	static const struct {
		uint64_t seq;
		bool missed;
	} steps[] = {{255, false}, {0, false}, {1, false}, {3, true}, {4, false}};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		begin(steps[i].seq);
		metric("", 1, 0, field_number(10, i));
		CHECK_OK(take_at("spBv1.0/g/NDATA/late", NOW + 10 * SPARKPLUG_REBIRTH_PAUSE_US), &err);
		CHECK(taken.wants_rebirth == steps[i].missed);
		CHECK(taken.document != NULL); /* what it says is taken none the less */
	}
}

static void a_death_is_that_of_the_life_it_belongs_to(void)
{
	begin(0);
	metric("bdSeq", 0, 8, field_number(11, 3));
	CHECK_OK(take("spBv1.0/g/NBIRTH/mortal"), &err);
	begin(1);
	CHECK_OK(take("spBv1.0/g/DBIRTH/mortal/a"), &err);
	begin(2);
	CHECK_OK(take("spBv1.0/g/DBIRTH/mortal/b"), &err);
	buf_clear(&out);
	metric("bdSeq", 0, 8, field_number(11, 2));
	CHECK_OK(take("spBv1.0/g/NDEATH/mortal"), &err);
	CHECK(!taken.document && taken.device_count == 0); /* 5.2: the will of a connection that is long gone */
	buf_clear(&out);
	metric("bdSeq", 0, 8, field_number(11, 3));
	CHECK_OK(take("spBv1.0/g/NDEATH/mortal"), &err);
	CHECK_STR(text_of(json_get(taken.document, STR("online"))), STR("false"));
	CHECK(taken.device_count == 2);
	struct sparkplug_topic topic;

	CHECK(sparkplug_topic_read(STR("spBv1.0/g/NDEATH/mortal"), &topic));
	CHECK_STR(text_of(sparkplug_device_death(&arena, &topic, STR("a"))),
		  STR("{\"group\":\"g\",\"node\":\"mortal\",\"device\":\"a\",\"message\":\"DDEATH\",\"online\":false,"
		      "\"metrics\":[],\"values\":{}}"));
	begin(3);
	CHECK_OK(take_at("spBv1.0/g/DDATA/mortal/a", NOW + SPARKPLUG_REBIRTH_PAUSE_US), &err);
	CHECK(taken.wants_rebirth);
}

static struct str command(const char *topic, const char *name, const char *text)
{
	struct sparkplug_topic read;
	struct str payload;

	CHECK(sparkplug_topic_read(str_from(topic), &read));
	if (sparkplug_command(sparkplug, &read, str_from(name), str_from(text), NOW, &arena, &payload, &err))
		return str_from(err.detail);
	return payload;
}

static void commands_set_metrics_of_their_type(void)
{
	begin(0);
	metric("speed", 0, 2, field_number(10, 1));
	metric("name", 0, 12, field_bytes(15, STR("x")));
	metric("big", 0, 8, field_number(11, 1));
	metric("set", 0, 16, STR(""));
	CHECK_OK(take("spBv1.0/g/NBIRTH/obeys"), &err);
	/* timestamp, then metric {name, timestamp, datatype, value}, as the schema numbers them. */
	buf_clear(&out);
	number(&out, 1, 1486144502122);
	struct buf one;

	buf_init(&one, 100);
	bytes(&one, 1, STR("speed"));
	number(&one, 3, 1486144502122);
	number(&one, 4, 2);
	number(&one, 10, 0xFFFFFFF6);
	bytes(&out, 2, buf_str(&one));
	buf_done(&one);
	CHECK_STR(command("spBv1.0/g/NCMD/obeys", "speed", "-10"), buf_str(&out));
	CHECK_STR(command("spBv1.0/g/NCMD/obeys", "speed", "40000"), STR("\"40000\" is no Int16"));
	CHECK_STR(command("spBv1.0/g/NCMD/obeys", "speed", "fast"), STR("\"fast\" is no Int16"));
	CHECK_STR(command("spBv1.0/g/NCMD/obeys", "set", "1"), STR("a metric of type DataSet cannot be set"));
	CHECK_STR(command("spBv1.0/g/NCMD/obeys", "none", "1"), STR("it was not born with a metric \"none\""));
	CHECK_STR(command("spBv1.0/g/NCMD/nobody", "none", "1"), STR("the node or device is not alive"));
	CHECK(command("spBv1.0/g/NCMD/nobody", "Node Control/Rebirth", "true").len > 20);
	CHECK(command("spBv1.0/g/NCMD/obeys", "big", "18446744073709551615").len > 20);
}

static void what_is_no_payload_is_told(void)
{
	buf_clear(&out);
	buf_put(&out, STR("{\"no\": 1}"));
	CHECK(take("spBv1.0/g/NDATA/bad") == ERR_INVALID);
	begin(0);
	for (unsigned i = 0; i <= SPARKPLUG_METRICS_MAX; i++)
		bytes(&out, 2, STR(""));
	CHECK(take("spBv1.0/g/NBIRTH/many") == ERR_LIMIT);
	begin(0);
	bytes(&out, 2, field_bytes(1, STR("\xff")));
	CHECK(take("spBv1.0/g/NBIRTH/bad") == ERR_INVALID);
}

int main(void)
{
	arena_init(&arena, (size_t)64 << 20);
	buf_init(&out, (size_t)1 << 20);
	sparkplug = sparkplug_new();
	RUN(topics_are_those_of_chapter_4);
	RUN(the_example_of_the_specification_is_read);
	RUN(every_type_has_its_value);
	RUN(numbers_mean_what_the_birth_said);
	RUN(what_was_missed_is_asked_for_again);
	RUN(a_death_is_that_of_the_life_it_belongs_to);
	RUN(commands_set_metrics_of_their_type);
	RUN(what_is_no_payload_is_told);
	(void)sparkplug_free(sparkplug);
	buf_done(&out);
	arena_done(&arena);
	return check_done();
}
