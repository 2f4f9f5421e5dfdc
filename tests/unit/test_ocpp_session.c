/* Goal: answers go out when what was told is durable, in the order of the questions; what a station repeats is known
 * again; commands go one by one, and each ends. Method: sessions driven by hand with a clock of the test's, against the
 * rules named in session.h (OCPP-J 1.6, 4.1.1; OCPP 1.6 4.2, 4.8; OCPP 2.0.1 B02, B03, E13). */
#include "ocpp_desk.h"

#define START(id, meter, time)                                                                                         \
	"[2,\"" id "\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"A\",\"meterStart\":" meter                  \
	",\"timestamp\":\"2026-01-01T00:00:" time "Z\"}]"
#define STATUS(id)                                                                                                     \
	"[2,\"" id "\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\"}]"
#define EVENT_201(id, sequence)                                                                                        \
	"[2,\"" id "\",\"TransactionEvent\",{\"eventType\":\"Updated\",\"timestamp\":\"2026-01-01T00:01:00Z\","        \
	"\"triggerReason\":\"Trigger\",\"seqNo\":" sequence ",\"transactionInfo\":{\"transactionId\":\"T\"}}]"
#define STARTED_7(id) "[3,\"" id "\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":7}]"

static struct desk desk;

static void open_waiting(enum ocpp_version version)
{
	desk_open(&desk, version);
	desk.confirm_at_once = false;
}

static void answers_wait_and_keep_their_order(void)
{
	open_waiting(OCPP_1_6);
	CHECK(desk_hear(&desk, START("1", "5", "00")).len == 0);
	uint64_t first = desk.handle;

	CHECK(desk_hear(&desk, STATUS("2")).len == 0);
	uint64_t second = desk.handle;

	CHECK(desk_hear(&desk, "[2,\"3\",\"Heartbeat\",{}]").len == 0);
	CHECK(desk_hear(&desk, "[2,\"4\",\"Fly\",{}]").len == 0);
	CHECK(first && second && first != second);
	CHECK(ocpp_session_confirm(desk.session, second) && desk.sent.count == 0);
	CHECK(!ocpp_session_confirm(desk.session, second) && !ocpp_session_confirm(desk.session, 0));
	CHECK(!ocpp_session_confirm(desk.session, 4711));
	CHECK(ocpp_session_confirm(desk.session, first));
	if (CHECK(desk.sent.count == 4)) {
		CHECK_STR(str_from(desk.sent.at[0]), STR(STARTED_7("1")));
		CHECK_STR(str_from(desk.sent.at[1]), STR("[3,\"2\",{}]"));
		CHECK(str_starts(str_from(desk.sent.at[2]), STR("[3,\"3\",")));
		CHECK(str_starts(str_from(desk.sent.at[3]), STR("[4,\"4\",")));
	}
	desk_close(&desk);
}

static void what_cannot_be_kept_is_refused_and_may_come_again(void)
{
	open_waiting(OCPP_1_6);
	CHECK(desk_hear(&desk, START("1", "5", "00")).len == 0);
	CHECK(ocpp_session_refuse(desk.session, desk.handle) && !ocpp_session_refuse(desk.session, desk.handle));
	CHECK_STR(desk_last(&desk.sent), STR("[4,\"1\",\"InternalError\",\"it could not be stored\",{}]"));
	CHECK(desk_hear(&desk, START("2", "5", "00")).len == 0 && desk.told.count == 1);
	CHECK(ocpp_session_confirm(desk.session, desk.handle));
	CHECK(str_starts(desk_last(&desk.sent), STR("[3,\"2\",")));
	desk_close(&desk);
}

static void a_repeated_start_is_one_transaction(void)
{
	desk_open(&desk, OCPP_1_6);
	CHECK_STR(desk_hear(&desk, START("1", "5", "00")), STR(STARTED_7("1")));
	/* The same facts with a new id; the same id within the connection, with a time written anew. */
	CHECK_STR(desk_hear(&desk, START("2", "5", "00")), STR(STARTED_7("2")));
	CHECK(desk.told.count == 0);
	CHECK_STR(desk_hear(&desk, START("1", "5", "01")), STR(STARTED_7("1")));
	CHECK(desk.told.count == 0);
	/* After a new connection ids begin anew, and facts count alone. */
	ocpp_session_disconnected(desk.session, desk.now_us);
	ocpp_session_connected(desk.session, desk.now_us);
	CHECK_STR(desk_hear(&desk, START("9", "5", "00")), STR(STARTED_7("9")));
	CHECK(desk.told.count == 0 && desk.asked_numbers == 1 && desk.asked_tokens == 1);
	CHECK(str_contains(desk_hear(&desk, START("1", "5", "01")), STR("\"transactionId\":8}")));
	CHECK(str_contains(desk_hear(&desk, START("3", "6", "00")), STR("\"transactionId\":9}")));
	CHECK(ocpp_session_counts(desk.session).repeated == 3);
	desk_close(&desk);
}

/* A point that lost its patience, or its connection, before the first was durable. */
static void a_repeat_waits_for_the_first(void)
{
	open_waiting(OCPP_1_6);
	CHECK(desk_hear(&desk, START("1", "5", "00")).len == 0);
	uint64_t first = desk.handle;

	CHECK(desk_hear(&desk, START("1", "5", "00")).len == 0 && desk.told.count == 0);
	CHECK(desk_hear(&desk, START("2", "5", "00")).len == 0 && desk.told.count == 0);
	CHECK(ocpp_session_confirm(desk.session, first) && desk.sent.count == 2);
	CHECK_STR(desk_last(&desk.sent), STR(STARTED_7("2")));
	CHECK(desk_hear(&desk, START("3", "6", "00")).len == 0 && desk.told.count == 1);
	uint64_t second = desk.handle;

	ocpp_session_disconnected(desk.session, desk.now_us);
	ocpp_session_connected(desk.session, desk.now_us);
	CHECK(desk_hear(&desk, START("1", "6", "00")).len == 0 && desk.told.count == 0);
	CHECK(ocpp_session_confirm(desk.session, second));
	CHECK(str_starts(desk_last(&desk.sent), STR("[3,\"1\",")) && desk.sent.count == 1);
	/* Confirmed while there is no connection. */
	CHECK(desk_hear(&desk, START("2", "7", "00")).len == 0 && desk.told.count == 1);
	ocpp_session_disconnected(desk.session, desk.now_us);
	CHECK(!ocpp_session_confirm(desk.session, desk.handle));
	ocpp_session_connected(desk.session, desk.now_us);
	CHECK(str_starts(desk_hear(&desk, START("1", "7", "00")), STR("[3,\"1\",")) && desk.told.count == 0);
	desk_close(&desk);
}

static void stops_and_events_are_known_again(void)
{
	static const char stop[] = "[2,\"1\",\"StopTransaction\",{\"transactionId\":7,\"meterStop\":9,"
				   "\"timestamp\":\"2026-01-01T00:02:00Z\"}]";

	desk_open(&desk, OCPP_1_6);
	CHECK_STR(desk_hear(&desk, stop), STR("[3,\"1\",{}]"));
	CHECK(desk.told.count == 1);
	CHECK_STR(desk_hear(&desk, stop), STR("[3,\"1\",{}]"));
	CHECK(desk.told.count == 0);
	desk_close(&desk);
	desk_open(&desk, OCPP_2_0_1);
	CHECK_STR(desk_hear(&desk, EVENT_201("a", "4")), STR("[3,\"a\",{}]"));
	CHECK(desk.told.count == 1);
	CHECK_STR(desk_hear(&desk, EVENT_201("b", "4")), STR("[3,\"b\",{}]"));
	CHECK(desk.told.count == 0);
	CHECK_STR(desk_hear(&desk, EVENT_201("c", "5")), STR("[3,\"c\",{}]"));
	CHECK(desk.told.count == 1);
	desk_close(&desk);
}

/* More than are remembered: the oldest are forgotten, nothing else happens. */
static void memory_of_messages_is_bounded(void)
{
	char text[300];

	desk_open(&desk, OCPP_1_6);
	for (unsigned i = 0; i < OCPP_PAST_MAX + 8; i++) {
		(void)snprintf(text, sizeof(text),
			       "[2,\"%u\",\"StopTransaction\",{\"transactionId\":%u,\"meterStop\":9,"
			       "\"timestamp\":\"2026-01-01T00:02:00Z\"}]",
			       i, i);
		CHECK(desk_hear(&desk, text).len > 0 && desk.told.count == 1);
	}
	CHECK(desk_hear(&desk, text).len > 0 && desk.told.count == 0);
	desk_close(&desk);
}

static void calls_without_answers_are_bounded(void)
{
	struct error err;
	char text[200];

	open_waiting(OCPP_1_6);
	for (unsigned i = 0; i < OCPP_ANSWERS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "[2,\"%u\",\"FirmwareStatusNotification\",{\"status\":\"Idle\"}]",
			       i);
		CHECK(desk_hear(&desk, text).len == 0);
	}
	CHECK(ocpp_session_receive(desk.session, STR("[2,\"x\",\"Heartbeat\",{}]"), desk.now_us, &err) == ERR_LIMIT);
	desk_close(&desk);
}

/* Old messages of a point that was offline keep their own times. */
static void times_are_the_points_own(void)
{
	desk_open(&desk, OCPP_1_6);
	desk.now_us += 86400 * US_PER_S;
	(void)desk_hear(&desk, START("1", "5", "30"));
	CHECK_STR(desk_last(&desk.told), STR("StartTransaction started 7 evse=1 token=A verdict=0 wh=5 @30"));
	desk_close(&desk);
}

static const struct ocpp_command clear = {.kind = OCPP_COMMAND_CLEAR_CACHE};
static const struct ocpp_command soft = {.kind = OCPP_COMMAND_RESET, .place = {OCPP_NONE, OCPP_NONE}};

static void commands_go_one_by_one(void)
{
	desk_open(&desk, OCPP_1_6);
	desk_order(&desk, &clear);
	CHECK_STR(desk_last(&desk.sent), STR("[2,\"100\",\"ClearCache\",{}]"));
	CHECK(desk.ticket == 100);
	desk_order(&desk, &soft);
	CHECK(desk.sent.count == 0 && desk.ticket == 101);
	/* Calls of the point cross it. */
	CHECK(str_starts(desk_hear(&desk, "[2,\"100\",\"Heartbeat\",{}]"), STR("[3,\"100\",")));
	CHECK(desk_hear(&desk, "[3,\"101\",{\"status\":\"Accepted\"}]").len == 0 && desk.told.count == 0);
	CHECK_STR(desk_hear(&desk, "[3,\"100\",{\"status\":\"Accepted\"}]"),
		  STR("[2,\"101\",\"Reset\",{\"type\":\"Soft\"}]"));
	CHECK_STR(desk_last(&desk.told), STR("ClearCache done status=Accepted"));
	CHECK(desk_hear(&desk, "[3,\"100\",{\"status\":\"Accepted\"}]").len == 0 && desk.told.count == 0);
	(void)desk_hear(&desk, "[4,\"101\",\"NotSupported\",\"no such thing\",{}]");
	CHECK_STR(desk_last(&desk.told), STR("Reset failed code=NotSupported description=no such thing"));
	struct ocpp_counts counts = ocpp_session_counts(desk.session);

	CHECK(counts.unexpected == 2 && counts.errors == 1 && counts.timeouts == 0);
	CHECK(ocpp_session_deadline_us(desk.session) == INT64_MAX);
	desk_close(&desk);
}

static void wrong_answers_end_commands(void)
{
	desk_open(&desk, OCPP_1_6);
	desk_order(&desk, &clear);
	(void)desk_hear(&desk, "[3,\"100\",{\"status\":\"Perhaps\"}]");
	CHECK_STR(desk_last(&desk.told),
		  STR("ClearCache bad answer description=status: none of the values that there are"));
	desk_order(&desk, &clear);
	(void)desk_hear(&desk, "[3,\"101\"]");
	CHECK(str_starts(desk_last(&desk.told), STR("ClearCache bad answer description=")));
	desk_order(&desk, &clear);
	(void)desk_hear(&desk, "[4,\"102\",\"GenericError\"]");
	CHECK(str_starts(desk_last(&desk.told), STR("ClearCache bad answer description=")));
	desk_close(&desk);
}

static void commands_time_out(void)
{
	int64_t start_us = DESK_START_US;

	desk_open(&desk, OCPP_1_6);
	desk_order(&desk, &clear);
	desk_order(&desk, &soft);
	CHECK(ocpp_session_deadline_us(desk.session) == start_us + 30 * US_PER_S);
	ocpp_session_tick(desk.session, start_us + 30 * US_PER_S - 1);
	CHECK(desk.told.count == 0);
	ocpp_session_tick(desk.session, start_us + 30 * US_PER_S);
	CHECK_STR(desk_last(&desk.told), STR("ClearCache timed out"));
	CHECK_STR(desk_last(&desk.sent), STR("[2,\"101\",\"Reset\",{\"type\":\"Soft\"}]"));
	/* The late answer is counted and no more. */
	desk.now_us = start_us + 31 * US_PER_S;
	(void)desk_hear(&desk, "[3,\"100\",{\"status\":\"Accepted\"}]");
	CHECK(desk.told.count == 0 && ocpp_session_counts(desk.session).unexpected == 1);
	CHECK(ocpp_session_deadline_us(desk.session) == start_us + 60 * US_PER_S);
	CHECK(ocpp_session_counts(desk.session).timeouts == 1);
	desk_close(&desk);
}

static void commands_wait_for_a_connection_but_not_for_ever(void)
{
	desk_open(&desk, OCPP_1_6);
	desk_order(&desk, &clear);
	desk_order(&desk, &soft);
	ocpp_session_disconnected(desk.session, desk.now_us);
	CHECK_STR(desk_last(&desk.told), STR("ClearCache lost"));
	CHECK(desk.told.count == 1);
	ocpp_session_connected(desk.session, desk.now_us + US_PER_S);
	CHECK_STR(desk_last(&desk.sent), STR("[2,\"101\",\"Reset\",{\"type\":\"Soft\"}]"));
	ocpp_session_disconnected(desk.session, desk.now_us + US_PER_S);
	desk_order(&desk, &clear);
	CHECK(desk.sent.count == 0);
	ocpp_session_tick(desk.session, desk.now_us + 120 * US_PER_S);
	CHECK_STR(desk_last(&desk.told), STR("ClearCache expired"));
	desk_order(&desk, &clear);
	desk.session = ocpp_session_free(desk.session);
	CHECK_STR(desk_last(&desk.told), STR("ClearCache dropped"));
	desk_close(&desk);
}

static void commands_are_bounded(void)
{
	desk_open(&desk, OCPP_1_6);
	for (unsigned i = 0; i < OCPP_COMMANDS_MAX; i++)
		desk_order(&desk, &clear);
	CHECK(desk_order_fails(&desk, &clear) == ERR_LIMIT);
	desk_close(&desk);
}

/* A command put in by the event of another; and by that of the boot, behind its answer. */
static void events_may_put_in_commands(void)
{
	desk_open(&desk, OCPP_1_6);
	desk.next = &clear;
	(void)desk_hear(&desk,
			"[2,\"1\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}]");
	if (CHECK(desk.sent.count == 2)) {
		CHECK(str_starts(str_from(desk.sent.at[0]), STR("[3,\"1\",")));
		CHECK_STR(str_from(desk.sent.at[1]), STR("[2,\"100\",\"ClearCache\",{}]"));
	}
	desk.next = &soft;
	CHECK_STR(desk_hear(&desk, "[3,\"100\",{\"status\":\"Accepted\"}]"),
		  STR("[2,\"101\",\"Reset\",{\"type\":\"Soft\"}]"));
	desk_close(&desk);
}

static const char boot[] = "[2,\"b\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}]";

static void a_rejected_point_neither_asks_nor_is_asked(void)
{
	desk_open(&desk, OCPP_1_6);
	desk.registration = OCPP_REJECTED;
	CHECK(str_starts(desk_hear(&desk, boot), STR("[3,\"b\",{\"status\":\"Rejected\"")));
	CHECK(str_starts(desk_hear(&desk, "[2,\"1\",\"Heartbeat\",{}]"), STR("[4,\"1\",\"SecurityError\",")));
	desk_order(&desk, &clear);
	CHECK(desk.sent.count == 0 && ocpp_session_registration(desk.session) == OCPP_REJECTED);
	desk.registration = OCPP_ACCEPTED;
	CHECK_STR(desk_hear(&desk, boot), STR("[2,\"100\",\"ClearCache\",{}]"));
	CHECK(str_starts(desk_hear(&desk, "[2,\"1\",\"Heartbeat\",{}]"), STR("[3,\"1\",")));
	desk_close(&desk);
}

static void a_pending_point_may_be_asked(void)
{
	desk_open(&desk, OCPP_1_6);
	desk.registration = OCPP_PENDING;
	CHECK(str_starts(desk_hear(&desk, boot), STR("[3,\"b\",{\"status\":\"Pending\"")));
	CHECK(str_starts(desk_hear(&desk, START("1", "5", "00")), STR("[4,\"1\",\"SecurityError\",")));
	CHECK_STR(desk_hear(&desk, STATUS("2")), STR("[3,\"2\",{}]"));
	desk_order(&desk, &clear);
	CHECK_STR(desk_last(&desk.sent), STR("[2,\"100\",\"ClearCache\",{}]"));
	desk_close(&desk);
}

static void options_are_looked_at(void)
{
	struct ocpp_session *session = NULL;
	struct error err;
	struct json_parser *parser = json_parser_new();
	struct ocpp_session_options options = {.version = OCPP_1_6, .parser = parser, .send = desk_send};

	CHECK(ocpp_session_new(&options, &session, &err) == ERR_INVALID);
	options.event = desk_event;
	CHECK(ocpp_session_new(&options, &session, &err) == ERR_INVALID); /* 1.6 needs numbers */
	options.version = OCPP_2_0_1;
	CHECK_OK(ocpp_session_new(&options, &session, &err), &err);
	CHECK(session && ocpp_session_version(session) == OCPP_2_0_1 && ocpp_session_heard_us(session) == OCPP_NO_TIME);
	session = ocpp_session_free(session);
	CHECK(ocpp_session_free(session) == NULL);
	(void)json_parser_free(parser);
}

int main(void)
{
	RUN(answers_wait_and_keep_their_order);
	RUN(what_cannot_be_kept_is_refused_and_may_come_again);
	RUN(a_repeated_start_is_one_transaction);
	RUN(a_repeat_waits_for_the_first);
	RUN(stops_and_events_are_known_again);
	RUN(memory_of_messages_is_bounded);
	RUN(calls_without_answers_are_bounded);
	RUN(times_are_the_points_own);
	RUN(commands_go_one_by_one);
	RUN(wrong_answers_end_commands);
	RUN(commands_time_out);
	RUN(commands_wait_for_a_connection_but_not_for_ever);
	RUN(commands_are_bounded);
	RUN(events_may_put_in_commands);
	RUN(a_rejected_point_neither_asks_nor_is_asked);
	RUN(a_pending_point_may_be_asked);
	RUN(options_are_looked_at);
	return check_done();
}
