/* Subscriptions to registrations in the broker: nothing is missed and nothing told twice, whatever stands in one
 * transaction with what; what is undone is not told. Who delivers is not there, so what is owed lies in the outbox.
 * Each case on the memory store and on SQLite. */
#include "broker/registration_events_int.h"
#include "broker/subscriptions.h"
#include "registration_util.h"
#include "store/outbox.h"

#include <string.h>

#define EXPIRY_US (INT64_C(1798761600) * US_PER_S) /* 2027-01-01T00:00:00Z */
#define EXPIRES "\"expiresAt\":\"2027-01-01T00:00:00Z\","

static const char *folder; /* NULL: in memory */
static int64_t seen; /* numbers of notifications up to here were looked at */

/* ---- writes ---- */

struct subscribing {
	struct waiting waiting;
	struct subscription_write write;
};

static void on_subscription(struct subscription_write *write, enum err_code code, const struct error *why)
{
	(void)why;
	ended(write->self, code);
}

static void begin_subscription(struct subscribing *subscribing, enum subscription_operation operation,
			       enum subscription_kind kind, const char *id, const char *text)
{
	subscribing->write = (struct subscription_write){.operation = operation,
							 .kind = kind,
							 .id = arena_dup(&arena, str_from(id)),
							 .document = text ? parse(text) : NULL,
							 .context = broker_core_context(broker),
							 .arena = &arena,
							 .done = on_subscription,
							 .self = &subscribing->waiting};
	(void)sem_init(&subscribing->waiting.done, 0, 0);
	CHECK_OK(broker_subscription_submit(broker, STR_NONE, &subscribing->write, &err), &err);
}

static const char *asking(const char *id, const char *rest)
{
	return arena_printf(&arena,
			    "{\"id\":\"%s\",\"type\":\"Subscription\",\"entities\":[{\"type\":\"" TYPE "T\"}],%s"
			    "\"notification\":{\"endpoint\":{\"uri\":\"http://h\"}}}",
			    id, rest)
		.at;
}

static void enlist(const char *id, const char *rest)
{
	CHECK(submit(REGISTRATION_CREATE, id, document(id, rest)) == ERR_OK);
}

static void revise(const char *id, const char *fragment)
{
	CHECK(submit(REGISTRATION_UPDATE, id, fragment) == ERR_OK);
}

static void strike(const char *id)
{
	CHECK(submit(REGISTRATION_DELETE, id, NULL) == ERR_OK);
}

static void write_subscription(enum subscription_operation operation, enum subscription_kind kind, const char *id,
			       const char *text)
{
	struct subscribing subscribing;

	begin_subscription(&subscribing, operation, kind, id, text);
	CHECK(finish(&subscribing.waiting) == ERR_OK);
}

static void subscribe(const char *id, const char *rest)
{
	write_subscription(SUBSCRIPTION_CREATE, SUBSCRIPTION_TO_REGISTRATIONS, id, asking(id, rest));
}

/* ---- what is owed ---- */

static enum err_code nothing(struct store_txn *txn, void *self, struct error *why)
{
	(void)txn;
	(void)self;
	(void)why;
	return ERR_OK;
}

/* What is told without a change is owed by writes of its own, one behind the other: it is over when no more comes. */
static void let_time_pass(void)
{
	int64_t next_us;

	CHECK_OK(broker_subscriptions_due(reader, test_clock(), &next_us, &err), &err);
	for (int i = 0; i < 8; i++) {
		struct test_write write = {.write = {.run = test_run}, .body = nothing};

		CHECK_OK(store_apply(store, &write.write, &err), &err);
	}
}

/* "newlyMatching urn:r:1 urn:r:2, …" of what has come since the last call, in its order. */
static struct str owed(void)
{
	struct store_reader *outbox = NULL;
	struct store_owed_list list = {.count = 0};
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK_OK(store_reader_new(store, &outbox, &err), &err);
	CHECK_OK(store_owed_read(outbox, 0, seen, 1000, (size_t)16 << 20, &arena, &list, &err), &err);
	for (size_t i = 0; i < list.count; i++) {
		struct json *body = NULL;

		seen = list.at[i].number;
		CHECK_OK(json_parse(parser, &arena, list.at[i].body, NULL, &body, &err), &err);
		const struct json *data = json_get(body, STR("data"));

		buf_printf(&out, "%s%.*s", i > 0 ? ", " : "", STR_FMT(json_text(json_get(body, STR("triggerReason")))));
		for (uint32_t k = 0; json_is(data, JSON_ARRAY) && k < data->count; k++)
			buf_printf(&out, " %.*s", STR_FMT(json_text(json_get(&data->items[k], STR("id")))));
	}
	(void)store_reader_free(outbox);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text.at ? text : STR("");
}

#define CHECK_OWED(text) CHECK_STR(owed(), STR(text))

/* ---- promises ---- */

static void what_stands_in_one_transaction_is_told_once(void)
{
	struct waiting writes[4];
	struct subscribing subscribing;
	struct queued first;
	struct gate gate;

	enlist("urn:r:1", "");
	enlist("urn:r:2", "");
	gate_shut(store, &gate, &first);
	begin(&writes[0], REGISTRATION_CREATE, "urn:r:3", document("urn:r:3", ""));
	begin_subscription(&subscribing, SUBSCRIPTION_CREATE, SUBSCRIPTION_TO_REGISTRATIONS, "urn:s:1",
			   asking("urn:s:1", ""));
	begin(&writes[1], REGISTRATION_CREATE, "urn:r:4", document("urn:r:4", ""));
	begin(&writes[2], REGISTRATION_DELETE, "urn:r:1", NULL);
	begin(&writes[3], REGISTRATION_UPDATE, "urn:r:2", "{\"description\":\"x\"}");
	gate_open(&gate, 1);
	for (size_t i = 0; i < 4; i++)
		CHECK(finish(&writes[i]) == ERR_OK);
	CHECK(finish(&subscribing.waiting) == ERR_OK);
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:2 urn:r:3 urn:r:4");
	let_time_pass();
	CHECK_OWED("");
}

static void what_changes_before_the_list_is_told_by_itself(void)
{
	enlist("urn:r:1", "");
	enlist("urn:r:2", "");
	subscribe("urn:s:1", "");
	enlist("urn:r:3", "");
	revise("urn:r:2", "{\"description\":\"x\"}");
	CHECK_OWED("newlyMatching urn:r:3, updated urn:r:2");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1");
	strike("urn:r:3");
	CHECK_OWED("noLongerMatching urn:r:3");
}

static void what_is_refused_is_not_told(void)
{
	struct waiting writes[3];
	struct queued first;
	struct gate gate;

	enlist("urn:r:1", "\"mode\":\"exclusive\",");
	enlist("urn:r:2", "");
	subscribe("urn:s:1", "");
	gate_shut(store, &gate, &first);
	begin(&writes[0], REGISTRATION_UPDATE, "urn:r:2", "{\"mode\":\"exclusive\"}");
	begin(&writes[1], REGISTRATION_CREATE, "urn:r:3", document("urn:r:3", "\"mode\":\"exclusive\","));
	begin(&writes[2], REGISTRATION_CREATE, "urn:r:4", document("urn:r:4", ""));
	gate_open(&gate, 1);
	CHECK(finish(&writes[0]) == ERR_CONFLICT && finish(&writes[1]) == ERR_CONFLICT && finish(&writes[2]) == ERR_OK);
	CHECK_OWED("newlyMatching urn:r:4");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1 urn:r:2");
}

static void what_has_expired_has_gone_before_another_takes_its_id(void)
{
	enlist("urn:r:1", EXPIRES);
	subscribe("urn:s:1", "");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1");
	atomic_store(&now_us, EXPIRY_US);
	enlist("urn:r:1", "");
	CHECK_OWED("noLongerMatching urn:r:1, newlyMatching urn:r:1");
}

static void an_update_tells_all_that_matches_by_then(void)
{
	enlist("urn:r:1", "\"scope\":\"/a\",");
	enlist("urn:r:2", "\"scope\":\"/b\",");
	subscribe("urn:s:1", "\"scopeQ\":\"/a\",");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1");
	write_subscription(SUBSCRIPTION_UPDATE, SUBSCRIPTION_TO_REGISTRATIONS, "urn:s:1", "{\"scopeQ\":\"/b\"}");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:2");
	revise("urn:r:1", "{\"scope\":\"/b\"}");
	CHECK_OWED("newlyMatching urn:r:1");
	revise("urn:r:1", "{\"scope\":\"/c\"}");
	CHECK_OWED("noLongerMatching urn:r:1");
}

static void intervals_tell_all_and_no_changes(void)
{
	enlist("urn:r:1", "");
	subscribe("urn:s:1", "\"timeInterval\":10,");
	enlist("urn:r:2", "");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1 urn:r:2");
	let_time_pass();
	strike("urn:r:1");
	CHECK_OWED("");
	atomic_fetch_add(&now_us, 10 * US_PER_S);
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:2");
	strike("urn:r:2");
	atomic_fetch_add(&now_us, 10 * US_PER_S);
	let_time_pass();
	CHECK_OWED("");
}

static void a_paused_one_is_told_of_nothing(void)
{
	enlist("urn:r:1", "");
	subscribe("urn:s:1", "\"isActive\":false,");
	let_time_pass();
	revise("urn:r:1", "{\"description\":\"x\"}");
	CHECK_OWED("");
	write_subscription(SUBSCRIPTION_UPDATE, SUBSCRIPTION_TO_REGISTRATIONS, "urn:s:1", "{\"isActive\":true}");
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1");
}

/* A city in memory is gone with it. */
static void a_restart_remembers_what_was_told(void)
{
	if (!folder)
		return;
	enlist("urn:r:1", "");
	subscribe("urn:s:1", "");
	city_end();
	city_begin(folder, 0);
	let_time_pass();
	CHECK_OWED("newlyMatching urn:r:1");
	city_end();
	city_begin(folder, 0);
	let_time_pass();
	CHECK_OWED("");
	strike("urn:r:1");
	CHECK_OWED("noLongerMatching urn:r:1");
}

/* ---- events, for whoever asks ---- */

struct told {
	char text[256];
	struct registration *source;
};

static enum err_code note(void *self, const struct registration_event *event, struct error *why)
{
	struct told *told = self;
	size_t len = strlen(told->text);

	(void)why;
	(void)snprintf(told->text + len, sizeof(told->text) - len, "%.*s %.*s;", STR_FMT(subscribed_id(event->one)),
		       STR_FMT(trigger_reason_name(event->reason)));
	return ERR_OK;
}

static enum err_code ask_all(struct store_txn *txn, void *self, struct error *why)
{
	struct told *told = self;
	struct subscriptions *all = store_txn_owner(txn);
	const struct registration_change changes[] = {{NULL, told->source, test_clock()},
						      {told->source, told->source, test_clock()},
						      {told->source, NULL, test_clock()}};
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < 3; i++)
		code = registration_events(all, SUBSCRIPTION_TO_ENTITIES, &changes[i], store_txn_parser(txn), note,
					   told, why);
	return code;
}

/* Subscriptions to entities are concerned as well (5.8.1.4), and are owed nothing for it. */
static void events_are_there_for_subscriptions_to_entities(void)
{
	struct told told = {.text = ""};
	struct test_write write = {.write = {.run = test_run}, .body = ask_all, .self = &told};

	write_subscription(SUBSCRIPTION_CREATE, SUBSCRIPTION_TO_ENTITIES, "urn:s:1", asking("urn:s:1", ""));
	write_subscription(SUBSCRIPTION_CREATE, SUBSCRIPTION_TO_ENTITIES, "urn:s:2",
			   asking("urn:s:2", "\"scopeQ\":\"/b\","));
	CHECK_OK(registration_new(parse(document("urn:r:1", "\"scope\":\"/a\",")), broker_core_context(broker),
				  &told.source, &err),
		 &err);
	CHECK_OK(store_apply(store, &write.write, &err), &err);
	CHECK_STR(str_from(told.text), STR("urn:s:1 newlyMatching;urn:s:1 updated;urn:s:1 noLongerMatching;"));
	CHECK_OWED("");
	(void)registration_free(told.source);
}

static void in_a_city(void (*promise)(void), const char *name)
{
	struct test_folder made;

	for (int on_disk = 0; on_disk < 2; on_disk++) {
		seen = 0;
		atomic_store(&now_us, INT64_C(1790000000) * US_PER_S);
		if (on_disk)
			folder_make(&made);
		folder = on_disk ? made.path : NULL;
		city_begin(folder, 0);
		check_run(promise, name);
		city_end();
		if (on_disk)
			folder_remove(&made);
		arena_clear(&arena);
	}
}
#define IN_A_CITY(promise) in_a_city(promise, #promise)

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, (size_t)64 << 20);
	IN_A_CITY(what_stands_in_one_transaction_is_told_once);
	IN_A_CITY(what_changes_before_the_list_is_told_by_itself);
	IN_A_CITY(what_is_refused_is_not_told);
	IN_A_CITY(what_has_expired_has_gone_before_another_takes_its_id);
	IN_A_CITY(an_update_tells_all_that_matches_by_then);
	IN_A_CITY(intervals_tell_all_and_no_changes);
	IN_A_CITY(a_paused_one_is_told_of_nothing);
	IN_A_CITY(a_restart_remembers_what_was_told);
	IN_A_CITY(events_are_there_for_subscriptions_to_entities);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}
