/* Goal: what a charge point of OCPP 1.6 says arrives as events and is answered, and what the city wants becomes
 * messages. Method: frames after the messages of OCPP 1.6 edition 2, section 4 and 5 (its examples: VendorX,
 * SingleSocketCharger), written by hand; expected answers by section 6. Codes of errors by OCPP-J 1.6, 4.2.3. */
#include "ocpp_desk.h"

static struct desk desk;

static void boot_is_told_and_answered(void)
{
	desk_open(&desk, OCPP_1_6);
	CHECK_STR(desk_hear(&desk, "[2,\"19223201\",\"BootNotification\",{\"chargePointVendor\":\"VendorX\","
				   "\"chargePointModel\":\"SingleSocketCharger\",\"firmwareVersion\":\"1.2\","
				   "\"chargePointSerialNumber\":\"S1\",\"chargeBoxSerialNumber\":\"B1\","
				   "\"iccid\":\"I\",\"imsi\":\"M\",\"meterType\":\"T\",\"meterSerialNumber\":\"N\"}]"),
		  STR("[3,\"19223201\",{\"status\":\"Accepted\",\"currentTime\":\"2026-01-01T00:00:00Z\","
		      "\"interval\":300}]"));
	CHECK_STR(desk_last(&desk.told),
		  STR("BootNotification vendor=VendorX model=SingleSocketCharger serial=S1 firmware=1.2 box=B1 iccid=I "
		      "imsi=M meter=T meter_serial=N"));
	CHECK(ocpp_session_registration(desk.session) == OCPP_ACCEPTED);
	desk.now_us += 1234567;
	CHECK_STR(desk_hear(&desk, "[2,\"2\",\"Heartbeat\",{}]"),
		  STR("[3,\"2\",{\"currentTime\":\"2026-01-01T00:00:01.234Z\"}]"));
	CHECK_STR(desk_last(&desk.told), STR("Heartbeat"));
	CHECK(ocpp_session_heard_us(desk.session) == desk.now_us);
	desk_close(&desk);
}

static void tokens_are_asked_about(void)
{
	static const struct {
		enum ocpp_verdict verdict;
		const char *word;
	} cases[] = {{OCPP_TOKEN_ACCEPTED, "Accepted"},       {OCPP_TOKEN_BLOCKED, "Blocked"},
		     {OCPP_TOKEN_EXPIRED, "Expired"},         {OCPP_TOKEN_INVALID, "Invalid"},
		     {OCPP_TOKEN_CONCURRENT, "ConcurrentTx"}, {OCPP_TOKEN_UNKNOWN, "Invalid"}};

	desk_open(&desk, OCPP_1_6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];

		desk.authorisation.verdict = cases[i].verdict;
		(void)snprintf(text, sizeof(text), "[3,\"1\",{\"idTagInfo\":{\"status\":\"%s\"}}]", cases[i].word);
		CHECK_STR(desk_hear(&desk, "[2,\"1\",\"Authorize\",{\"idTag\":\"AABBCC\"}]"), str_from(text));
	}
	CHECK_STR(desk_last(&desk.told), STR("Authorize token=AABBCC verdict=5"));
	desk.authorisation = (struct ocpp_authorisation){OCPP_TOKEN_ACCEPTED, DESK_START_US, STR("PARENT")};
	CHECK_STR(desk_hear(&desk, "[2,\"1\",\"Authorize\",{\"idTag\":\"AABBCC\"}]"),
		  STR("[3,\"1\",{\"idTagInfo\":{\"status\":\"Accepted\",\"expiryDate\":\"2026-01-01T00:00:00Z\","
		      "\"parentIdTag\":\"PARENT\"}}]"));
	/* What would break the point's own check does not go out. */
	desk.authorisation.parent = STR("a parent of more than 20 characters");
	CHECK(str_starts(desk_hear(&desk, "[2,\"1\",\"Authorize\",{\"idTag\":\"AABBCC\"}]"),
			 STR("[4,\"1\",\"InternalError\",")));
	desk_close(&desk);
}

static void a_transaction_from_start_to_stop(void)
{
	desk_open(&desk, OCPP_1_6);
	CHECK_STR(desk_hear(&desk, "[2,\"1\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
				   "\"status\":\"Preparing\",\"info\":\"i\",\"vendorId\":\"v\","
				   "\"vendorErrorCode\":\"e\",\"timestamp\":\"2025-12-31T23:59:59Z\"}]"),
		  STR("[3,\"1\",{}]"));
	CHECK_STR(desk_last(&desk.told), STR("StatusNotification evse=1 status=Preparing error=NoError info=i vendor=v "
					     "vendor_error=e @-1"));
	CHECK_STR(desk_hear(&desk, "[2,\"2\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"AABBCC\","
				   "\"meterStart\":1000,\"timestamp\":\"2026-01-01T09:00:00+09:00\","
				   "\"reservationId\":4}]"),
		  STR("[3,\"2\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":7}]"));
	CHECK_STR(desk_last(&desk.told), STR("StartTransaction started 7 evse=1 token=AABBCC verdict=0 wh=1000 "
					     "reservation=4 @0"));
	CHECK_STR(desk_hear(&desk, "[2,\"3\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":7,\"meterValue\":["
				   "{\"timestamp\":\"2026-01-01T00:01:00Z\",\"sampledValue\":[{\"value\":\"1010.5\"},"
				   "{\"value\":\"6.9\",\"measurand\":\"Power.Active.Import\",\"unit\":\"kW\","
				   "\"phase\":\"L1\",\"location\":\"Cable\",\"context\":\"Sample.Clock\"},"
				   "{\"value\":\"21\",\"measurand\":\"Temperature\",\"unit\":\"Celcius\"},"
				   "{\"value\":\"0a1b\",\"format\":\"SignedData\"},"
				   "{\"value\":\"??\",\"measurand\":\"SoC\"}]}]}]"),
		  STR("[3,\"3\",{}]"));
	CHECK_STR(
		desk_last(&desk.told),
		STR("MeterValues evse=1 transaction=7"
		    " [1010.5 measurand=Energy.Active.Import.Register location=Outlet context=Sample.Periodic unit=Wh "
		    "@60] [6.9 measurand=Power.Active.Import phase=L1 location=Cable context=Sample.Clock unit=kW @60]"
		    " [21 measurand=Temperature location=Outlet context=Sample.Periodic unit=Celsius @60]"
		    " [nan measurand=Energy.Active.Import.Register location=Outlet context=Sample.Periodic unit=Wh "
		    "text=0a1b @60] [nan measurand=SoC location=Outlet context=Sample.Periodic @60]"));
	CHECK_STR(desk_hear(&desk, "[2,\"4\",\"StopTransaction\",{\"transactionId\":7,\"idTag\":\"AABBCC\","
				   "\"meterStop\":1500,\"timestamp\":\"2026-01-01T00:02:00Z\","
				   "\"reason\":\"EVDisconnected\",\"transactionData\":[{\"timestamp\":"
				   "\"2026-01-01T00:02:00Z\",\"sampledValue\":[{\"value\":\"1500\","
				   "\"context\":\"Transaction.End\"}]}]}]"),
		  STR("[3,\"4\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]"));
	CHECK_STR(desk_last(&desk.told),
		  STR("StopTransaction ended 7 token=AABBCC verdict=0 wh=1500 reason=EVDisconnected @120"
		      " [1500 measurand=Energy.Active.Import.Register location=Outlet context=Transaction.End unit=Wh "
		      "@120]"));
	/* 6.45: without a reason it is Local; without a token there is nothing to say of it. */
	CHECK_STR(desk_hear(&desk, "[2,\"5\",\"StopTransaction\",{\"transactionId\":8,\"meterStop\":1,"
				   "\"timestamp\":\"2026-01-01T00:02:00Z\"}]"),
		  STR("[3,\"5\",{}]"));
	CHECK_STR(desk_last(&desk.told), STR("StopTransaction ended 8 wh=1 reason=Local @120"));
	desk_close(&desk);
}

static void a_start_without_a_number_fails(void)
{
	static const char start[] = "[2,\"2\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"A\","
				    "\"meterStart\":1,\"timestamp\":\"2026-01-01T00:00:00Z\"}]";

	desk_open(&desk, OCPP_1_6);
	desk.no_number = true;
	CHECK_STR(desk_hear(&desk, start), STR("[4,\"2\",\"InternalError\",\"no number for the transaction\",{}]"));
	CHECK(desk.told.count == 0);
	desk.no_number = false;
	desk.authorisation.verdict = OCPP_TOKEN_BLOCKED;
	CHECK_STR(desk_hear(&desk, start),
		  STR("[3,\"2\",{\"idTagInfo\":{\"status\":\"Blocked\"},\"transactionId\":7}]"));
	CHECK_STR(desk_last(&desk.told), STR("StartTransaction started 7 evse=1 token=A verdict=1 wh=1 @0"));
	desk_close(&desk);
}

static void other_messages_are_told(void)
{
	static const struct {
		const char *in, *out, *told;
	} cases[] = {
		{"[2,\"1\",\"DataTransfer\",{\"vendorId\":\"v\",\"messageId\":\"m\",\"data\":\"d\"}]",
		 "[3,\"1\",{\"status\":\"UnknownVendorId\"}]", "DataTransfer"},
		{"[2,\"1\",\"DiagnosticsStatusNotification\",{\"status\":\"Uploaded\"}]", "[3,\"1\",{}]",
		 "DiagnosticsStatusNotification status=Uploaded"},
		{"[2,\"1\",\"FirmwareStatusNotification\",{\"status\":\"Installed\"}]", "[3,\"1\",{}]",
		 "FirmwareStatusNotification status=Installed"},
		{"[2,\"1\",\"SignedFirmwareStatusNotification\",{\"status\":\"InvalidSignature\",\"requestId\":9}]",
		 "[3,\"1\",{}]", "SignedFirmwareStatusNotification status=InvalidSignature request=9"},
		{"[2,\"1\",\"LogStatusNotification\",{\"status\":\"Uploading\",\"requestId\":3}]", "[3,\"1\",{}]",
		 "LogStatusNotification status=Uploading request=3"},
		{"[2,\"1\",\"SecurityEventNotification\",{\"type\":\"TamperDetectionActivated\","
		 "\"timestamp\":\"2026-01-01T00:00:05Z\",\"techInfo\":\"lid\"}]",
		 "[3,\"1\",{}]", "SecurityEventNotification type=TamperDetectionActivated info=lid @5"},
		{"[2,\"1\",\"StatusNotification\",{\"connectorId\":0,\"errorCode\":\"NoError\","
		 "\"status\":\"Available\"}]",
		 "[3,\"1\",{}]", "StatusNotification evse=0 status=Available error=NoError @0"},
	};

	desk_open(&desk, OCPP_1_6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_STR(desk_hear(&desk, cases[i].in), str_from(cases[i].out));
		CHECK_STR(desk_last(&desk.told), str_from(cases[i].told));
	}
	desk_close(&desk);
}

static void what_is_wrong_is_answered_and_counted(void)
{
	static const struct {
		const char *in, *code; /* NULL: silence */
	} cases[] = {
		{"[2,\"1\",\"Fly\",{}]", "NotImplemented"},
		{"[2,\"1\",\"SignCertificate\",{\"csr\":\"x\"}]", "NotSupported"},
		{"[2,\"1\",\"Reset\",{\"type\":\"Hard\"}]", "NotSupported"},
		{"[2,\"1\",\"Authorize\",{}]", "OccurenceConstraintViolation"},
		{"[2,\"1\",\"Authorize\",{\"idTag\":1}]", "TypeConstraintViolation"},
		{"[2,\"1\",\"Authorize\",{\"idTag\":\"123456789012345678901\"}]", "PropertyConstraintViolation"},
		{"[2,\"1\",\"Authorize\",{\"idTag\":\"1\",\"more\":1}]", "FormationViolation"},
		{"[2,\"1\",\"Authorize\",[]]", "FormationViolation"},
		{"[2,\"1\",\"Authorize\"]", "FormationViolation"},
		{"[9,\"1\",\"Authorize\",{}]", NULL},
		{"[2,1,\"Authorize\",{}]", NULL},
		{"nonsense", NULL},
	};

	desk_open(&desk, OCPP_1_6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str sent = desk_hear(&desk, cases[i].in);
		char start[80];

		(void)snprintf(start, sizeof(start), "[4,\"1\",\"%s\",", cases[i].code ? cases[i].code : "");
		if (!CHECK(cases[i].code ? str_starts(sent, str_from(start)) : sent.len == 0))
			printf("# %s: %.*s\n", cases[i].in, STR_FMT(sent));
		CHECK(desk.told.count == 0);
	}
	struct ocpp_counts counts = ocpp_session_counts(desk.session);

	CHECK(counts.received == 12 && counts.sent == 9);
	CHECK(counts.refused == 3 && counts.violations == 4 && counts.malformed == 5);
	desk_close(&desk);
}

/* What goes out, by section 6 of the specification. One flat table. */
static void commands_become_messages(void)
{
	const struct ocpp_variable_name names[] = {{.name = STR("HeartbeatInterval")}, {.name = STR("Other")}};
	const struct {
		struct ocpp_command command;
		const char *text, *answer;
	} cases[] = {
		{{.kind = OCPP_COMMAND_START, .place = {1, OCPP_NONE}, .start = {.token = {.id = STR("A")}}},
		 "\"RemoteStartTransaction\",{\"connectorId\":1,\"idTag\":\"A\"}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_START, .place = {OCPP_NONE, OCPP_NONE}, .start = {.token = {.id = STR("A")}}},
		 "\"RemoteStartTransaction\",{\"idTag\":\"A\"}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_STOP, .stop = {STR("7")}},
		 "\"RemoteStopTransaction\",{\"transactionId\":7}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_CLEAR_PROFILE, .place = {OCPP_NONE, OCPP_NONE}, .clear = {.id = 5}},
		 "\"ClearChargingProfile\",{\"id\":5}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_CLEAR_PROFILE,
		  .place = {0, OCPP_NONE},
		  .clear = {.id = OCPP_NONE, .purpose_told = true, .purpose = OCPP_STATION_MAX, .stack_level = 2}},
		 "\"ClearChargingProfile\",{\"connectorId\":0,\"chargingProfilePurpose\":\"ChargePointMaxProfile\","
		 "\"stackLevel\":2}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_CLEAR_PROFILE,
		  .place = {OCPP_NONE, OCPP_NONE},
		  .clear = {.id = OCPP_NONE, .stack_level = OCPP_NONE}},
		 "\"ClearChargingProfile\",{}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_COMPOSITE,
		  .place = {1, OCPP_NONE},
		  .composite = {.duration_s = 600, .unit_told = true, .unit = OCPP_AMPERES}},
		 "\"GetCompositeSchedule\",{\"connectorId\":1,\"duration\":600,\"chargingRateUnit\":\"A\"}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_AVAILABILITY, .place = {0, OCPP_NONE}, .operative = false},
		 "\"ChangeAvailability\",{\"connectorId\":0,\"type\":\"Inoperative\"}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_RESET, .place = {OCPP_NONE, OCPP_NONE}, .at_once = true},
		 "\"Reset\",{\"type\":\"Hard\"}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_RESET}, "\"Reset\",{\"type\":\"Soft\"}]", "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_UNLOCK, .place = {2, OCPP_NONE}},
		 "\"UnlockConnector\",{\"connectorId\":2}]",
		 "{\"status\":\"Unlocked\"}"},
		{{.kind = OCPP_COMMAND_TRIGGER, .place = {1, OCPP_NONE}, .message = STR("MeterValues")},
		 "\"TriggerMessage\",{\"requestedMessage\":\"MeterValues\",\"connectorId\":1}]",
		 "{\"status\":\"NotImplemented\"}"},
		{{.kind = OCPP_COMMAND_SET_VALUE, .set = {{.name = STR("HeartbeatInterval")}, STR("60")}},
		 "\"ChangeConfiguration\",{\"key\":\"HeartbeatInterval\",\"value\":\"60\"}]",
		 "{\"status\":\"RebootRequired\"}"},
		{{.kind = OCPP_COMMAND_GET_VALUES, .get = {names, 2}},
		 "\"GetConfiguration\",{\"key\":[\"HeartbeatInterval\",\"Other\"]}]",
		 "{\"unknownKey\":[\"Other\"]}"},
		{{.kind = OCPP_COMMAND_GET_VALUES}, "\"GetConfiguration\",{}]", "{}"},
		{{.kind = OCPP_COMMAND_CLEAR_CACHE}, "\"ClearCache\",{}]", "{\"status\":\"Rejected\"}"},
	};

	desk_open(&desk, OCPP_1_6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400], answer[200];

		desk_order(&desk, &cases[i].command);
		(void)snprintf(text, sizeof(text), "[2,\"%zu\",%s", 100 + i, cases[i].text);
		CHECK_STR(desk_last(&desk.sent), str_from(text));
		(void)snprintf(answer, sizeof(answer), "[3,\"%zu\",%s]", 100 + i, cases[i].answer);
		(void)desk_hear(&desk, answer);
		CHECK(str_contains(desk_last(&desk.told), STR(" done")));
	}
	CHECK_STR(desk_last(&desk.told), STR("ClearCache done status=Rejected"));
	desk_close(&desk);
}

static void commands_that_cannot_be_are_refused(void)
{
	const struct {
		struct ocpp_command command;
		enum err_code code;
	} cases[] = {
		{{.kind = OCPP_COMMAND_START,
		  .place = {1, OCPP_NONE},
		  .start = {.token = {.id = STR("123456789012345678901")}}},
		 ERR_INVALID},
		{{.kind = OCPP_COMMAND_START, .place = {0, OCPP_NONE}, .start = {.token = {.id = STR("A")}}},
		 ERR_INVALID},
		{{.kind = OCPP_COMMAND_STOP, .stop = {STR("seven")}}, ERR_INVALID},
		{{.kind = OCPP_COMMAND_TRIGGER, .place = {1, OCPP_NONE}, .message = STR("Reset")}, ERR_INVALID},
		{{.kind = OCPP_COMMAND_RESET, .place = {1, OCPP_NONE}}, ERR_UNSUPPORTED},
		{{.kind = OCPP_COMMAND_COMPOSITE, .place = {OCPP_NONE, OCPP_NONE}, .composite = {.duration_s = 600}},
		 ERR_INVALID},
		{{.kind = OCPP_COMMAND_GET_VALUES, .get = {NULL, OCPP_VALUES_MAX + 1}}, ERR_INVALID},
	};

	desk_open(&desk, OCPP_1_6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(desk_order_fails(&desk, &cases[i].command) == cases[i].code);
	CHECK(desk.sent.count == 0);
	desk_close(&desk);
}

static void any_action_of_the_tables_can_be_called(void)
{
	struct error err;
	struct json payload = json_object();
	uint64_t ticket = 0;

	desk_open(&desk, OCPP_1_6);
	CHECK_OK(ocpp_session_call(desk.session, STR("GetLocalListVersion"), &payload, desk.now_us, &ticket, &err),
		 &err);
	CHECK_STR(desk_last(&desk.sent), STR("[2,\"100\",\"GetLocalListVersion\",{}]"));
	CHECK(ocpp_session_call(desk.session, STR("Heartbeat"), &payload, desk.now_us, &ticket, &err) ==
	      ERR_UNSUPPORTED);
	CHECK(ocpp_session_call(desk.session, STR("ReserveNow"), &payload, desk.now_us, &ticket, &err) == ERR_INVALID);
	desk_close(&desk);
}

int main(void)
{
	RUN(boot_is_told_and_answered);
	RUN(tokens_are_asked_about);
	RUN(a_transaction_from_start_to_stop);
	RUN(a_start_without_a_number_fails);
	RUN(other_messages_are_told);
	RUN(what_is_wrong_is_answered_and_counted);
	RUN(commands_become_messages);
	RUN(commands_that_cannot_be_are_refused);
	RUN(any_action_of_the_tables_can_be_called);
	return check_done();
}
