/* Goal: what a charging station of OCPP 2.0.1 says arrives as events and is answered, and what the city wants becomes
 * messages. Method: frames after the messages of OCPP 2.0.1 edition 2, part 2, written by hand; codes of errors by part
 * 4, 4.3. */
#include "ocpp_desk.h"

static struct desk desk;

static void boot_is_told_and_answered(void)
{
	desk_open(&desk, OCPP_2_0_1);
	CHECK_STR(desk_hear(&desk,
			    "[2,\"19223201\",\"BootNotification\",{\"reason\":\"PowerUp\",\"chargingStation\":{"
			    "\"model\":\"SingleSocketCharger\",\"vendorName\":\"VendorX\",\"serialNumber\":\"S\","
			    "\"firmwareVersion\":\"9\",\"modem\":{\"iccid\":\"I\",\"imsi\":\"M\"}}}]"),
		  STR("[3,\"19223201\",{\"status\":\"Accepted\",\"currentTime\":\"2026-01-01T00:00:00Z\","
		      "\"interval\":300}]"));
	CHECK_STR(desk_last(&desk.told), STR("BootNotification vendor=VendorX model=SingleSocketCharger serial=S "
					     "firmware=9 iccid=I imsi=M reason=PowerUp"));
	CHECK_STR(desk_hear(&desk, "[2,\"2\",\"StatusNotification\",{\"timestamp\":\"2026-01-01T00:00:01Z\","
				   "\"connectorStatus\":\"Occupied\",\"evseId\":1,\"connectorId\":2}]"),
		  STR("[3,\"2\",{}]"));
	CHECK_STR(desk_last(&desk.told), STR("StatusNotification evse=1 connector=2 status=Occupied @1"));
	desk_close(&desk);
}

static void tokens_are_asked_about(void)
{
	static const char ask[] = "[2,\"1\",\"Authorize\",{\"idToken\":{\"idToken\":\"AA\",\"type\":\"ISO14443\"}}]";

	desk_open(&desk, OCPP_2_0_1);
	desk.authorisation = (struct ocpp_authorisation){OCPP_TOKEN_ACCEPTED, DESK_START_US, STR("GROUP")};
	CHECK_STR(desk_hear(&desk, ask),
		  STR("[3,\"1\",{\"idTokenInfo\":{\"status\":\"Accepted\",\"cacheExpiryDateTime\":"
		      "\"2026-01-01T00:00:00Z\",\"groupIdToken\":{\"idToken\":\"GROUP\",\"type\":\"Central\"}}}]"));
	CHECK_STR(desk_last(&desk.told), STR("Authorize token=AA type=ISO14443 verdict=0"));
	desk.authorisation = (struct ocpp_authorisation){OCPP_TOKEN_UNKNOWN, OCPP_NO_TIME, STR_NONE};
	CHECK_STR(desk_hear(&desk, ask), STR("[3,\"1\",{\"idTokenInfo\":{\"status\":\"Unknown\"}}]"));
	desk_close(&desk);
}

static void a_transaction_starts(void)
{
	CHECK_STR(desk_hear(&desk, "[2,\"1\",\"TransactionEvent\",{\"eventType\":\"Started\",\"timestamp\":"
				   "\"2026-01-01T00:00:00Z\",\"triggerReason\":\"RemoteStart\",\"seqNo\":0,"
				   "\"transactionInfo\":{\"transactionId\":\"T-1\",\"chargingState\":\"EVConnected\","
				   "\"remoteStartId\":12},\"evse\":{\"id\":1,\"connectorId\":1},\"reservationId\":4,"
				   "\"idToken\":{\"idToken\":\"AA\",\"type\":\"Central\"},\"meterValue\":[{"
				   "\"timestamp\":\"2026-01-01T00:00:00Z\",\"sampledValue\":[{\"value\":1.5,"
				   "\"context\":\"Transaction.Begin\",\"unitOfMeasure\":{\"unit\":\"kWh\"}}]}]}]"),
		  STR("[3,\"1\",{\"idTokenInfo\":{\"status\":\"Accepted\"}}]"));
	CHECK_STR(
		desk_last(&desk.told),
		STR("TransactionEvent started T-1 evse=1 connector=1 token=AA type=Central verdict=0 wh=1500 "
		    "reservation=4 trigger=RemoteStart state=EVConnected sequence=0 remote=12 @0"
		    " [1.5 measurand=Energy.Active.Import.Register location=Outlet context=Transaction.Begin unit=kWh "
		    "@0]"));
}

/* The multiplier: 69 × 10² W and 12345 × 10⁻³. */
static void a_transaction_goes_on(void)
{
	CHECK_STR(desk_hear(&desk,
			    "[2,\"2\",\"TransactionEvent\",{\"eventType\":\"Updated\",\"timestamp\":"
			    "\"2026-01-01T00:01:00Z\",\"triggerReason\":\"MeterValuePeriodic\",\"seqNo\":1,"
			    "\"offline\":true,\"transactionInfo\":{\"transactionId\":\"T-1\"},\"meterValue\":[{"
			    "\"timestamp\":\"2026-01-01T00:00:30Z\",\"sampledValue\":[{\"value\":69,\"phase\":\"L1\","
			    "\"measurand\":\"Power.Active.Import\",\"unitOfMeasure\":{\"unit\":\"W\","
			    "\"multiplier\":2}},{\"value\":12345,\"unitOfMeasure\":{\"multiplier\":-3},"
			    "\"signedMeterValue\":{\"signedMeterData\":\"0a\",\"signingMethod\":\"x\","
			    "\"encodingMethod\":\"y\",\"publicKey\":\"z\"}}]}]}]"),
		  STR("[3,\"2\",{}]"));
	CHECK_STR(
		desk_last(&desk.told),
		STR("TransactionEvent updated T-1 trigger=MeterValuePeriodic sequence=1 offline @60"
		    " [6900 measurand=Power.Active.Import phase=L1 location=Outlet context=Sample.Periodic unit=W @30]"
		    " [12.345 measurand=Energy.Active.Import.Register location=Outlet context=Sample.Periodic unit=Wh "
		    "text=0a @30]"));
}

static void a_transaction_from_start_to_end(void)
{
	desk_open(&desk, OCPP_2_0_1);
	a_transaction_starts();
	a_transaction_goes_on();
	CHECK_STR(desk_hear(&desk, "[2,\"3\",\"TransactionEvent\",{\"eventType\":\"Ended\",\"timestamp\":"
				   "\"2026-01-01T00:02:00Z\",\"triggerReason\":\"EVDeparted\",\"seqNo\":2,"
				   "\"transactionInfo\":{\"transactionId\":\"T-1\",\"stoppedReason\":"
				   "\"EVDisconnected\"},\"meterValue\":[{\"timestamp\":\"2026-01-01T00:02:00Z\","
				   "\"sampledValue\":[{\"value\":7,\"phase\":\"L1\",\"context\":\"Transaction.End\"},"
				   "{\"value\":2500,\"context\":\"Transaction.End\"}]}]}]"),
		  STR("[3,\"3\",{}]"));
	CHECK(str_starts(desk_last(&desk.told), STR("TransactionEvent ended T-1 wh=2500 reason=EVDisconnected "
						    "trigger=EVDeparted sequence=2 @120 [")));
	CHECK_STR(desk_hear(&desk, "[2,\"4\",\"MeterValues\",{\"evseId\":0,\"meterValue\":[{\"timestamp\":"
				   "\"2026-01-01T00:02:00Z\",\"sampledValue\":[{\"value\":50,\"measurand\":"
				   "\"Frequency\",\"unitOfMeasure\":{\"unit\":\"Hz\"}}]}]}]"),
		  STR("[3,\"4\",{}]"));
	CHECK_STR(desk_last(&desk.told), STR("MeterValues evse=0 [50 measurand=Frequency location=Outlet "
					     "context=Sample.Periodic unit=Hz @120]"));
	desk_close(&desk);
}

static void reports_and_events_are_taken_apart(void)
{
	desk_open(&desk, OCPP_2_0_1);
	CHECK_STR(desk_hear(&desk, "[2,\"1\",\"NotifyEvent\",{\"generatedAt\":\"2026-01-01T00:00:09Z\",\"seqNo\":0,"
				   "\"tbc\":true,\"eventData\":[{\"eventId\":1,\"timestamp\":\"2026-01-01T00:00:08Z\","
				   "\"trigger\":\"Alerting\",\"actualValue\":\"true\",\"cleared\":true,"
				   "\"component\":{\"name\":\"Connector\",\"instance\":\"x\",\"evse\":{\"id\":1,"
				   "\"connectorId\":2}},\"variable\":{\"name\":\"Problem\"},"
				   "\"eventNotificationType\":\"HardWiredNotification\"}]}]"),
		  STR("[3,\"1\",{}]"));
	CHECK_STR(desk_last(&desk.told),
		  STR("NotifyEvent sequence=0 more [Connector instance=x variable=Problem evse=1 "
		      "connector=2 value=true trigger=Alerting @8 cleared]"));
	CHECK_STR(desk_hear(&desk,
			    "[2,\"1\",\"NotifyReport\",{\"requestId\":5,\"generatedAt\":"
			    "\"2026-01-01T00:00:09Z\",\"seqNo\":1,\"reportData\":[{\"component\":{\"name\":"
			    "\"OCPPCommCtrlr\"},\"variable\":{\"name\":\"HeartbeatInterval\"},"
			    "\"variableAttribute\":[{\"value\":\"300\"},{\"type\":\"MaxSet\",\"value\":\"900\"}]}]"
			    "}]"),
		  STR("[3,\"1\",{}]"));
	CHECK_STR(desk_last(&desk.told),
		  STR("NotifyReport request=5 sequence=1 [OCPPCommCtrlr variable=HeartbeatInterval value=300 "
		      "attribute=Actual @9] [OCPPCommCtrlr variable=HeartbeatInterval value=900 attribute=MaxSet @9]"));
	CHECK_STR(desk_hear(&desk, "[2,\"1\",\"NotifyReport\",{\"requestId\":5,\"generatedAt\":"
				   "\"2026-01-01T00:00:09Z\",\"seqNo\":1}]"),
		  STR("[3,\"1\",{}]"));
	CHECK_STR(desk_last(&desk.told), STR("NotifyReport request=5 sequence=1"));
	desk_close(&desk);
}

/* Every message that part 2 lets a station send, but for what has cases of its own. */
static void other_messages_are_answered(void)
{
	static const struct {
		const char *call, *answer, *told;
	} cases[] = {
		{"\"Heartbeat\",{}", "{\"currentTime\":\"2026-01-01T00:00:00Z\"}", "Heartbeat"},
		{"\"ClearedChargingLimit\",{\"chargingLimitSource\":\"EMS\"}", "{}", "ClearedChargingLimit"},
		{"\"DataTransfer\",{\"vendorId\":\"v\",\"data\":[1,{\"a\":null}]}", "{\"status\":\"UnknownVendorId\"}",
		 "DataTransfer"},
		{"\"FirmwareStatusNotification\",{\"status\":\"InstallRebooting\",\"requestId\":2}", "{}",
		 "FirmwareStatusNotification status=InstallRebooting request=2"},
		{"\"LogStatusNotification\",{\"status\":\"AcceptedCanceled\"}", "{}",
		 "LogStatusNotification status=AcceptedCanceled"},
		{"\"NotifyChargingLimit\",{\"chargingLimit\":{\"chargingLimitSource\":\"SO\"}}", "{}",
		 "NotifyChargingLimit"},
		{"\"NotifyCustomerInformation\",{\"data\":\"d\",\"seqNo\":0,\"generatedAt\":\"2026-01-01T00:00:00Z\","
		 "\"requestId\":1}",
		 "{}", "NotifyCustomerInformation"},
		{"\"NotifyDisplayMessages\",{\"requestId\":1}", "{}", "NotifyDisplayMessages"},
		{"\"NotifyEVChargingNeeds\",{\"evseId\":1,\"chargingNeeds\":{\"requestedEnergyTransfer\":\"DC\","
		 "\"dcChargingParameters\":{\"evMaxCurrent\":1,\"evMaxVoltage\":2,\"stateOfCharge\":100}}}",
		 "{\"status\":\"Rejected\"}", "NotifyEVChargingNeeds"},
		{"\"NotifyEVChargingSchedule\",{\"timeBase\":\"2026-01-01T00:00:00Z\",\"evseId\":1,"
		 "\"chargingSchedule\":{\"id\":1,\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":[{"
		 "\"startPeriod\":0,\"limit\":11000}]}}",
		 "{\"status\":\"Accepted\"}", "NotifyEVChargingSchedule"},
		{"\"NotifyMonitoringReport\",{\"requestId\":1,\"seqNo\":0,\"generatedAt\":\"2026-01-01T00:00:00Z\"}",
		 "{}", "NotifyMonitoringReport"},
		{"\"PublishFirmwareStatusNotification\",{\"status\":\"Published\",\"location\":[\"http://x\"]}", "{}",
		 "PublishFirmwareStatusNotification status=Published"},
		{"\"ReportChargingProfiles\",{\"requestId\":1,\"chargingLimitSource\":\"CSO\",\"evseId\":1,"
		 "\"chargingProfile\":[{\"id\":1,\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\","
		 "\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":\"A\","
		 "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16}]}]}]}",
		 "{}", "ReportChargingProfiles"},
		{"\"ReservationStatusUpdate\",{\"reservationId\":1,\"reservationUpdateStatus\":\"Expired\"}", "{}",
		 "ReservationStatusUpdate"},
		{"\"SecurityEventNotification\",{\"type\":\"FirmwareUpdated\",\"timestamp\":\"2026-01-01T00:00:03Z\"}",
		 "{}", "SecurityEventNotification type=FirmwareUpdated @3"},
	};

	desk_open(&desk, OCPP_2_0_1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[600], answer[200];

		(void)snprintf(text, sizeof(text), "[2,\"1\",%s]", cases[i].call);
		(void)snprintf(answer, sizeof(answer), "[3,\"1\",%s]", cases[i].answer);
		CHECK_STR(desk_hear(&desk, text), str_from(answer));
		CHECK_STR(desk_last(&desk.told), str_from(cases[i].told));
	}
	desk_close(&desk);
}

static void what_is_wrong_is_answered(void)
{
	static const struct {
		const char *in, *start;
	} cases[] = {
		{"[2,\"1\",\"Fly\",{}]", "[4,\"1\",\"NotImplemented\","},
		{"[2,\"1\",\"StartTransaction\",{}]", "[4,\"1\",\"NotImplemented\","},
		{"[2,\"1\",\"SignCertificate\",{\"csr\":\"x\"}]", "[4,\"1\",\"NotSupported\","},
		{"[2,\"1\",\"Get15118EVCertificate\",{}]", "[4,\"1\",\"NotSupported\","},
		{"[2,\"1\",\"GetCertificateStatus\",{}]", "[4,\"1\",\"NotSupported\","},
		{"[2,\"1\",\"Reset\",{\"type\":\"Immediate\"}]", "[4,\"1\",\"NotSupported\","},
		{"[2,\"1\",\"NotifyDisplayMessages\",{}]", "[4,\"1\",\"OccurrenceConstraintViolation\","},
		{"[2,\"1\",\"NotifyDisplayMessages\",{\"requestId\":\"1\"}]", "[4,\"1\",\"TypeConstraintViolation\","},
		{"[2,\"1\",\"NotifyDisplayMessages\",{\"requestId\":1,\"x\":1}]", "[4,\"1\",\"ProtocolError\","},
		{"[2,\"1\",\"LogStatusNotification\",{\"status\":\"x\"}]", "[4,\"1\",\"PropertyConstraintViolation\","},
		{"[2,\"1\",\"Heartbeat\",\"\"]", "[4,\"1\",\"FormatViolation\","},
		{"[2,\"1\",\"Heartbeat\"]", "[4,\"1\",\"RpcFrameworkError\","},
		{"[9,\"1\",\"Heartbeat\",{}]", "[4,\"1\",\"MessageTypeNotSupported\","},
		{"[2,1,\"Heartbeat\",{}]", "[4,\"-1\",\"RpcFrameworkError\","},
		{"nonsense", "[4,\"-1\",\"RpcFrameworkError\","},
	};

	desk_open(&desk, OCPP_2_0_1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str sent = desk_hear(&desk, cases[i].in);

		if (!CHECK(str_starts(sent, str_from(cases[i].start))))
			printf("# %s: %.*s\n", cases[i].in, STR_FMT(sent));
		CHECK(desk.told.count == 0);
	}
	desk_close(&desk);
}

/* What goes out, by part 2. One flat table. */
static void commands_become_messages(void)
{
	const struct ocpp_variable_name names[] = {
		{.component = STR("EVSE"), .component_instance = STR("a"), .name = STR("Power"), .instance = STR("b")}};
	const struct {
		struct ocpp_command command;
		const char *text, *answer;
	} cases[] = {
		{{.kind = OCPP_COMMAND_START,
		  .place = {1, OCPP_NONE},
		  .start = {.token = {STR("A"), STR("ISO14443")}, .remote_start = 3}},
		 "\"RequestStartTransaction\",{\"evseId\":1,\"remoteStartId\":3,\"idToken\":{\"idToken\":\"A\","
		 "\"type\":\"ISO14443\"}}]",
		 "{\"status\":\"Accepted\",\"transactionId\":\"T-1\"}"},
		{{.kind = OCPP_COMMAND_STOP, .stop = {STR("T-1")}},
		 "\"RequestStopTransaction\",{\"transactionId\":\"T-1\"}]",
		 "{\"status\":\"Rejected\"}"},
		{{.kind = OCPP_COMMAND_CLEAR_PROFILE, .place = {OCPP_NONE, OCPP_NONE}, .clear = {.id = 5}},
		 "\"ClearChargingProfile\",{\"chargingProfileId\":5}]",
		 "{\"status\":\"Unknown\"}"},
		{{.kind = OCPP_COMMAND_CLEAR_PROFILE,
		  .place = {0, OCPP_NONE},
		  .clear = {.id = OCPP_NONE, .purpose_told = true, .purpose = OCPP_STATION_MAX, .stack_level = 2}},
		 "\"ClearChargingProfile\",{\"chargingProfileCriteria\":{\"evseId\":0,\"chargingProfilePurpose\":"
		 "\"ChargingStationMaxProfile\",\"stackLevel\":2}}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_COMPOSITE, .place = {1, OCPP_NONE}, .composite = {.duration_s = 600}},
		 "\"GetCompositeSchedule\",{\"evseId\":1,\"duration\":600}]",
		 "{\"status\":\"Rejected\"}"},
		{{.kind = OCPP_COMMAND_AVAILABILITY, .place = {0, OCPP_NONE}, .operative = true},
		 "\"ChangeAvailability\",{\"operationalStatus\":\"Operative\"}]",
		 "{\"status\":\"Scheduled\"}"},
		{{.kind = OCPP_COMMAND_AVAILABILITY, .place = {1, 2}},
		 "\"ChangeAvailability\",{\"evse\":{\"id\":1,\"connectorId\":2},\"operationalStatus\":\"Inoperative\"}"
		 "]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_RESET, .place = {2, OCPP_NONE}, .at_once = true},
		 "\"Reset\",{\"type\":\"Immediate\",\"evseId\":2}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_UNLOCK, .place = {2, 1}},
		 "\"UnlockConnector\",{\"evseId\":2,\"connectorId\":1}]",
		 "{\"status\":\"UnlockFailed\",\"statusInfo\":{\"reasonCode\":\"x\"}}"},
		{{.kind = OCPP_COMMAND_TRIGGER, .place = {1, OCPP_NONE}, .message = STR("TransactionEvent")},
		 "\"TriggerMessage\",{\"requestedMessage\":\"TransactionEvent\",\"evse\":{\"id\":1}}]",
		 "{\"status\":\"Accepted\"}"},
		{{.kind = OCPP_COMMAND_SET_VALUE, .set = {{.component = STR("C"), .name = STR("V")}, STR("60")}},
		 "\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"60\",\"component\":{\"name\":\"C\"},"
		 "\"variable\":{\"name\":\"V\"}}]}]",
		 "{\"setVariableResult\":[{\"attributeStatus\":\"Accepted\",\"component\":{\"name\":\"C\"},"
		 "\"variable\":"
		 "{\"name\":\"V\"}}]}"},
		{{.kind = OCPP_COMMAND_GET_VALUES, .get = {names, 1}},
		 "\"GetVariables\",{\"getVariableData\":[{\"component\":{\"name\":\"EVSE\",\"instance\":\"a\"},"
		 "\"variable\":{\"name\":\"Power\",\"instance\":\"b\"}}]}]",
		 "{\"getVariableResult\":[{\"attributeStatus\":\"UnknownVariable\",\"component\":{\"name\":\"EVSE\"},"
		 "\"variable\":{\"name\":\"Power\"}}]}"},
		{{.kind = OCPP_COMMAND_CLEAR_CACHE}, "\"ClearCache\",{}]", "{\"status\":\"Accepted\"}"},
	};

	desk_open(&desk, OCPP_2_0_1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400], answer[300];

		desk_order(&desk, &cases[i].command);
		(void)snprintf(text, sizeof(text), "[2,\"%zu\",%s", 100 + i, cases[i].text);
		CHECK_STR(desk_last(&desk.sent), str_from(text));
		(void)snprintf(answer, sizeof(answer), "[3,\"%zu\",%s]", 100 + i, cases[i].answer);
		(void)desk_hear(&desk, answer);
		CHECK(str_contains(desk_last(&desk.told), STR(" done")));
	}
	desk_close(&desk);
}

static void commands_that_cannot_be_are_refused(void)
{
	const struct ocpp_command cases[] = {
		{.kind = OCPP_COMMAND_START, .place = {1, OCPP_NONE}, .start = {.token = {STR("A"), STR("Card")}}},
		{.kind = OCPP_COMMAND_STOP, .stop = {STR("1234567890123456789012345678901234567")}},
		{.kind = OCPP_COMMAND_CLEAR_PROFILE,
		 .place = {OCPP_NONE, OCPP_NONE},
		 .clear = {.id = OCPP_NONE, .stack_level = OCPP_NONE}},
		{.kind = OCPP_COMMAND_UNLOCK, .place = {1, OCPP_NONE}},
		{.kind = OCPP_COMMAND_GET_VALUES},
	};

	desk_open(&desk, OCPP_2_0_1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(desk_order_fails(&desk, &cases[i]) == ERR_INVALID);
	CHECK(desk.sent.count == 0);
	desk_close(&desk);
}

int main(void)
{
	RUN(boot_is_told_and_answered);
	RUN(tokens_are_asked_about);
	RUN(a_transaction_from_start_to_end);
	RUN(reports_and_events_are_taken_apart);
	RUN(other_messages_are_answered);
	RUN(what_is_wrong_is_answered);
	RUN(commands_become_messages);
	RUN(commands_that_cannot_be_are_refused);
	return check_done();
}
