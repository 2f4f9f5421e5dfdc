/* Goal: the envelope of OCPP-J and the tables of payloads accept what the specifications allow and say what is wrong
 * with everything else. Method: frames after OCPP-J 1.6 section 4.2 and OCPP 2.0.1 part 4 section 4.2, each rule kept
 * and broken by hand; which error code belongs to which breach after the lists of codes there (4.2.3; 4.3). */
#include "check.h"
#include "ocpp/schema.h"

#define ARENA_BYTES (16u << 20)

static struct json_parser *parser;
static struct arena arena;

static enum ocpp_fault_code read_fault(const char *text, struct ocpp_frame *ret_frame)
{
	struct ocpp_fault fault = {.code = OCPP_NO_FAULT};

	return ocpp_frame_read(parser, &arena, str_from(text), ret_frame, &fault) ? OCPP_NO_FAULT : fault.code;
}

static void good_frames_are_taken_apart(void)
{
	struct ocpp_frame frame;

	CHECK(!read_fault("[2,\"19223201\",\"BootNotification\",{\"chargePointVendor\":\"VendorX\"}]", &frame));
	CHECK(frame.message == OCPP_CALL);
	CHECK_STR(frame.id, STR("19223201"));
	CHECK_STR(frame.action, STR("BootNotification"));
	CHECK_STR(json_text(json_get(frame.payload, STR("chargePointVendor"))), STR("VendorX"));
	CHECK(!read_fault("[3,\"19223201\",{\"status\":\"Accepted\"}]", &frame));
	CHECK(frame.message == OCPP_RESULT && json_get(frame.payload, STR("status")));
	CHECK(!read_fault(" [4 , \"162376037\", \"NotSupported\", \"no \\u00e9\", {} ]\n", &frame));
	CHECK(frame.message == OCPP_ERROR);
	CHECK_STR(frame.code, STR("NotSupported"));
	CHECK_STR(frame.description, STR("no \u00e9"));
	CHECK(!read_fault("[2,\"6f9619ff-8b86-d011-b42d-00cf4fc964ff\",\"Heartbeat\",{}]", &frame));
}

static void bad_frames_say_why(void)
{
	static const struct {
		const char *text;
		enum ocpp_fault_code code;
		const char *id;
	} cases[] = {
		{"", OCPP_FRAMEWORK_ERROR, ""},
		{"hello", OCPP_FRAMEWORK_ERROR, ""},
		{"{}", OCPP_FRAMEWORK_ERROR, ""},
		{"[]", OCPP_FRAMEWORK_ERROR, ""},
		{"[2]", OCPP_FRAMEWORK_ERROR, ""},
		{"[\"2\",\"a\",\"Heartbeat\",{}]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[2.5,\"a\",\"Heartbeat\",{}]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[7,\"a\",\"Heartbeat\",{}]", OCPP_MESSAGE_TYPE, "a"},
		{"[2,17,\"Heartbeat\",{}]", OCPP_FRAMEWORK_ERROR, ""},
		{"[2,\"\",\"Heartbeat\",{}]", OCPP_FRAMEWORK_ERROR, ""},
		{"[2,\"1234567890123456789012345678901234567\",\"Heartbeat\",{}]", OCPP_FRAMEWORK_ERROR, ""},
		{"[2,\"a\",\"Heartbeat\"]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[2,\"a\",\"Heartbeat\",{},1]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[2,\"a\",1,{}]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[2,\"a\",\"Heartbeat\",[]]", OCPP_FORMAT_VIOLATION, "a"},
		{"[2,\"a\",\"Heartbeat\",null]", OCPP_NO_FAULT, "a"},
		{"[2,\"a\",\"Heartbeat\",0]", OCPP_FORMAT_VIOLATION, "a"},
		{"[3,\"a\"]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[4,\"a\",\"GenericError\",\"\"]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[4,\"a\",5,\"\",{}]", OCPP_FRAMEWORK_ERROR, "a"},
		{"[2,\"a\",\"Heartbeat\",{\"x\":1,\"x\":2}]", OCPP_FRAMEWORK_ERROR, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ocpp_frame frame;

		if (!CHECK(read_fault(cases[i].text, &frame) == cases[i].code))
			printf("# %s\n", cases[i].text);
		CHECK_STR(frame.id, str_from(cases[i].id));
	}
}

/* 36 characters, not bytes. */
static void ids_are_counted_in_characters(void)
{
	struct buf buf;
	struct ocpp_frame frame;

	buf_init(&buf, 1000);
	buf_put(&buf, STR("[2,\""));
	for (int i = 0; i < 36; i++)
		buf_put(&buf, STR("\u00e9"));
	buf_put(&buf, STR("\",\"Heartbeat\",{}]"));
	buf_put_char(&buf, '\0');
	CHECK(!read_fault(buf.at, &frame) && frame.id.len == 72);
	buf_done(&buf);
}

static void size_and_depth_are_bounded(void)
{
	struct ocpp_frame frame;
	struct ocpp_fault fault;
	char *text = malloc(OCPP_FRAME_BYTES_MAX + 1);

	if (!CHECK(text != NULL))
		return;
	memset(text, ' ', OCPP_FRAME_BYTES_MAX + 1);
	memcpy(text, "[2,\"a\",\"Heartbeat\",{}]", 22);
	CHECK(ocpp_frame_read(parser, &arena, (struct str){text, OCPP_FRAME_BYTES_MAX}, &frame, &fault));
	CHECK(!ocpp_frame_read(parser, &arena, (struct str){text, OCPP_FRAME_BYTES_MAX + 1}, &frame, &fault));
	CHECK(fault.code == OCPP_FRAMEWORK_ERROR);
	memset(text, '[', 40);
	CHECK(!ocpp_frame_read(parser, &arena, (struct str){text, 40}, &frame, &fault));
	CHECK(fault.code == OCPP_FRAMEWORK_ERROR);
	free(text);
}

static void codes_are_spelled_by_version(void)
{
	CHECK_STR(ocpp_fault_name(OCPP_1_6, OCPP_FORMAT_VIOLATION), STR("FormationViolation"));
	CHECK_STR(ocpp_fault_name(OCPP_2_0_1, OCPP_FORMAT_VIOLATION), STR("FormatViolation"));
	CHECK_STR(ocpp_fault_name(OCPP_1_6, OCPP_OCCURRENCE_VIOLATION), STR("OccurenceConstraintViolation"));
	CHECK_STR(ocpp_fault_name(OCPP_2_0_1, OCPP_OCCURRENCE_VIOLATION), STR("OccurrenceConstraintViolation"));
	CHECK_STR(ocpp_fault_name(OCPP_2_0_1, OCPP_FRAMEWORK_ERROR), STR("RpcFrameworkError"));
	CHECK_STR(ocpp_fault_name(OCPP_2_0_1, OCPP_MESSAGE_TYPE), STR("MessageTypeNotSupported"));
}

static void frames_are_written(void)
{
	struct buf buf;
	struct ocpp_fault fault;
	struct json object = json_object();

	buf_init(&buf, 1000);
	ocpp_frame_call(&buf, STR("1"), STR("ClearCache"), &object);
	CHECK_STR(buf_str(&buf), STR("[2,\"1\",\"ClearCache\",{}]"));
	buf_clear(&buf);
	ocpp_frame_result(&buf, STR("a\"b"), STR("{}"));
	CHECK_STR(buf_str(&buf), STR("[3,\"a\\\"b\",{}]"));
	buf_clear(&buf);
	CHECK(!ocpp_fault_set(&fault, OCPP_OCCURRENCE_VIOLATION, "%s: missing", "idTag"));
	ocpp_frame_error(&buf, OCPP_1_6, STR("a"), &fault);
	CHECK_STR(buf_str(&buf), STR("[4,\"a\",\"OccurenceConstraintViolation\",\"idTag: missing\",{}]"));
	buf_done(&buf);
}

static void sub_protocols_name_versions(void)
{
	enum ocpp_version version = OCPP_2_0_1;

	CHECK(ocpp_version_from(STR("ocpp1.6"), &version) && version == OCPP_1_6);
	CHECK(ocpp_version_from(STR("ocpp2.0.1"), &version) && version == OCPP_2_0_1);
	CHECK(!ocpp_version_from(STR("ocpp2.0"), &version) && version == OCPP_2_0_1);
	CHECK_STR(ocpp_version_subprotocol(OCPP_1_6), STR("ocpp1.6"));
}

static struct ocpp_fault check_payload(enum ocpp_version version, const char *action, const char *text)
{
	struct ocpp_fault fault = {.code = OCPP_NO_FAULT};
	struct json *payload = NULL;
	struct error err;
	const struct ocpp_action *found = ocpp_action_find(version, str_from(action));

	if (CHECK(found != NULL) && CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &payload, &err), &err))
		(void)!ocpp_check(found, OCPP_REQUEST, payload, &fault);
	return fault;
}

static void payloads_are_held_against_tables(void)
{
	static const struct {
		const char *action, *payload;
		enum ocpp_fault_code code_16;
		const char *text;
	} cases[] = {
		{"Heartbeat", "{}", OCPP_NO_FAULT, ""},
		{"Heartbeat", "{\"a\":1}", OCPP_FORMAT_VIOLATION, "has a member that there is not"},
		{"Authorize", "{}", OCPP_OCCURRENCE_VIOLATION, "idTag: missing"},
		{"Authorize", "{\"idTag\":5}", OCPP_TYPE_VIOLATION, "idTag: no text"},
		{"Authorize", "{\"idTag\":\"12345678901234567890\"}", OCPP_NO_FAULT, ""},
		{"Authorize", "{\"idTag\":\"123456789012345678901\"}", OCPP_PROPERTY_VIOLATION, "idTag: too long"},
		{"FirmwareStatusNotification", "{\"status\":\"Broken\"}", OCPP_PROPERTY_VIOLATION,
		 "status: none of the values that there are"},
		{"FirmwareStatusNotification", "{\"status\":\"Downloading Idle\"}", OCPP_PROPERTY_VIOLATION,
		 "status: none of the values that there are"},
		{"MeterValues", "{\"connectorId\":1.5,\"meterValue\":[]}", OCPP_TYPE_VIOLATION,
		 "connectorId: no whole number"},
		{"MeterValues", "{\"connectorId\":1.0,\"meterValue\":[]}", OCPP_NO_FAULT, ""},
		{"MeterValues", "{\"connectorId\":1,\"meterValue\":{}}", OCPP_TYPE_VIOLATION, "meterValue: no array"},
		{"MeterValues",
		 "{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-01-01T00:00:00Z\",\"sampledValue\":[]},"
		 "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"sampledValue\":[{\"value\":\"1\"},{\"value\":7}]}]}",
		 OCPP_TYPE_VIOLATION, "meterValue[1].sampledValue[1].value: no text"},
		{"MeterValues",
		 "{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-02-29T00:00:00Z\",\"sampledValue\":[]}]}",
		 OCPP_PROPERTY_VIOLATION, "meterValue[0].timestamp: no time by RFC 3339"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ocpp_fault fault = check_payload(OCPP_1_6, cases[i].action, cases[i].payload);

		CHECK(fault.code == cases[i].code_16);
		if (cases[i].code_16)
			CHECK_STR(str_from(fault.text), str_from(cases[i].text));
	}
}

static void custom_data_is_of_201_only(void)
{
	CHECK(check_payload(OCPP_1_6, "Heartbeat", "{\"customData\":{\"vendorId\":\"x\"}}").code ==
	      OCPP_FORMAT_VIOLATION);
	CHECK(check_payload(OCPP_2_0_1, "Heartbeat", "{\"customData\":{\"vendorId\":\"x\",\"more\":[1]}}").code ==
	      OCPP_NO_FAULT);
	CHECK(check_payload(OCPP_2_0_1, "Heartbeat", "{\"customData\":{}}").code == OCPP_OCCURRENCE_VIOLATION);
	CHECK(check_payload(OCPP_2_0_1, "Heartbeat", "{\"other\":{}}").code == OCPP_PROTOCOL_ERROR);
	CHECK(check_payload(OCPP_2_0_1, "MeterValues", "{\"evseId\":1,\"meterValue\":[]}").code ==
	      OCPP_OCCURRENCE_VIOLATION);
}

static void who_may_ask(void)
{
	CHECK(!ocpp_action_find(OCPP_1_6, STR("TransactionEvent")) && !ocpp_action_find(OCPP_1_6, STR("heartbeat")));
	CHECK(!ocpp_action_find(OCPP_2_0_1, STR("StartTransaction")));
	const struct ocpp_action *reset = ocpp_action_find(OCPP_1_6, STR("Reset"));

	CHECK(reset && ocpp_action_of_city(reset) && !ocpp_action_of_station(reset));
	const struct ocpp_action *transfer = ocpp_action_find(OCPP_2_0_1, STR("DataTransfer"));

	CHECK(transfer && ocpp_action_of_city(transfer) && ocpp_action_of_station(transfer));
}

static bool time_of(const char *text, int64_t *ret_us)
{
	struct json node = json_string(str_from(text));

	return ocpp_time(&node, ret_us);
}

static void times_have_zones_and_any_decimals(void)
{
	int64_t us = 0;

	/* 2021-01-01T00:00:00Z is 1609459200 s (date -d). */
	CHECK(time_of("2021-01-01T00:00:00Z", &us) && us == INT64_C(1609459200000000));
	CHECK(time_of("2021-01-01T09:00:00+09:00", &us) && us == INT64_C(1609459200000000));
	CHECK(time_of("2021-01-01T00:00:00.123Z", &us) && us == INT64_C(1609459200123000));
	CHECK(time_of("2021-01-01T00:00:00.1234567Z", &us) && us == INT64_C(1609459200123456));
	CHECK(time_of("2021-01-01T00:00:00.123456789-01:00", &us) && us == INT64_C(1609462800123456));
	CHECK(!time_of("2021-01-01T00:00:00", &us) && !time_of("2021-01-01 00:00:00Z", &us));
	CHECK(!time_of("2021-01-01T00:00:00.Z", &us) && !time_of("", &us) && !time_of("2021-13-01T00:00:00Z", &us));
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, ARENA_BYTES);
	if (!parser)
		return EXIT_FAILURE;
	RUN(good_frames_are_taken_apart);
	RUN(bad_frames_say_why);
	RUN(ids_are_counted_in_characters);
	RUN(size_and_depth_are_bounded);
	RUN(codes_are_spelled_by_version);
	RUN(frames_are_written);
	RUN(sub_protocols_name_versions);
	RUN(payloads_are_held_against_tables);
	RUN(custom_data_is_of_201_only);
	RUN(who_may_ask);
	RUN(times_have_zones_and_any_decimals);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}
