/* The endpoint of a snapshot told of its status: owed through the tenant's outbox, as what subscriptions are owed, to a
 * receiver that stands among the tenant's subscriptions by its number alone.
 * Source: GS CIM 009 V1.9.1 clauses 5.3.4, 5.16.6. */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include "base/time_value.h"
#include "store/outbox.h"

#define NOTICE_BYTES_MAX ((size_t)2 << 20)
#define RECEIVER_BYTES_MAX ((size_t)4 << 20)

bool snapshot_has_endpoint(const struct snapshot_record *record)
{
	return json_text(json_get(record->document, STR("endpoint"))).len > 0;
}

/* ---- the receiver ---- */

/* As the endpoint of a subscription that no change is held against. */
static struct json *receiver_document(struct arena *arena, const struct json *document)
{
	const struct json *info = json_get(document, STR("receiverInfo"));
	struct json endpoint = json_object(), notification = json_object(), selector = json_object();
	struct json selectors = json_array(), *whole = json_new(arena, json_object());
	bool good = whole && json_add(arena, &endpoint, STR("uri"), *json_get(document, STR("endpoint"))) &&
		    (!info || json_add(arena, &endpoint, STR("receiverInfo"), *info)) &&
		    json_add(arena, &notification, STR("endpoint"), endpoint) &&
		    json_add(arena, &selector, STR("type"), json_string(STR("Snapshot"))) &&
		    json_push(arena, &selectors, selector) &&
		    json_add(arena, whole, STR("id"), *json_get(document, STR("id"))) &&
		    json_add(arena, whole, STR("type"), json_string(STR("Subscription"))) &&
		    json_add(arena, whole, STR("entities"), selectors) &&
		    json_add(arena, whole, STR("notification"), notification);

	return good ? whole : NULL;
}

enum err_code snapshot_receiver(struct broker *broker, const struct snapshot_record *record, struct json_parser *parser,
				struct subscribed **ret, struct error *err)
{
	struct context *core = broker_core_context(broker);
	const struct subscribed_contexts contexts = {.own = core, .core = core};
	struct subscribed *one = NULL;
	struct arena arena;

	if (!snapshot_has_endpoint(record)) {
		*ret = NULL;
		return ERR_OK;
	}
	arena_init(&arena, RECEIVER_BYTES_MAX);
	const struct json *document = receiver_document(&arena, record->document);
	enum err_code code =
		document ? subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, broker_now_us(broker), err)
			 : err_set(err, ERR_MEMORY, "no memory for a snapshot's endpoint");

	if (code == ERR_OK)
		code = subscribed_new(document, SUBSCRIPTION_TO_ENTITIES, &contexts, parser, &one, err);
	arena_done(&arena);
	if (code != ERR_OK)
		return code;
	one->number = record->number;
	*ret = one;
	return ERR_OK;
}

void snapshot_set_receiver(struct snapshots *all, struct tenant *tenant, struct snapshot *snapshot,
			   struct subscribed *receiver)
{
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *before = snapshot->receiver;

	snapshot->receiver = receiver;
	(void)pthread_mutex_unlock(&all->lock);
	/* Without memory it is not told before the next start. */
	(void)!subscriptions_set_receiver(tenant->subscriptions, before, receiver);
	(void)subscribed_unref(before);
}

/* ---- what it is told ---- */

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[TIME_ISO_BYTES];

	buf_printf(out, ",\"%s\":\"%.*s\"", name, STR_FMT(time_format_iso(us, text)));
}

static void put_details(struct buf *out, const char *name, const struct json *details)
{
	if (!details)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_write(out, details);
}

/* An expiresAt before notifiedAt says that the snapshot is deleted (table 5.3.4-1). */
static void write_notice(struct buf *out, struct str id, const struct snapshot_record *record, bool gone,
			 int64_t now_us)
{
	const struct snapshot_state *state = &record->state;
	const struct json *priority = json_get(record->document, STR("snapshotPriority"));
	int64_t expires_us = gone && state->expires_us >= now_us ? now_us - 1 : state->expires_us;

	buf_put(out, STR("{\"id\":"));
	json_write_string(out, id);
	buf_put(out, STR(",\"type\":\"SnapshotNotification\",\"snapshotId\":"));
	json_write_string(out, json_text(json_get(record->document, STR("id"))));
	put_time(out, "notifiedAt", now_us);
	put_time(out, "expiresAt", expires_us);
	buf_put(out, STR(",\"snapshotPriority\":"));
	json_write(out, priority);
	buf_printf(out, ",\"snapshotStatus\":\"%.*s\"", STR_FMT(snapshot_status_name(state->status)));
	if (gone)
		buf_put(out, STR(",\"snapshotReady\":false"));
	put_details(out, "snapshotQueriesDetails", state->details);
	put_details(out, "temporalSnapshotQueriesDetails", state->temporal_details);
	buf_put_char(out, '}');
}

enum err_code snapshot_owe(struct tenant *tenant, struct store_txn *txn, const struct snapshot_record *record,
			   bool gone, int64_t now_us, struct error *err)
{
	char id[BROKER_NOTIFICATION_ID_BYTES];
	struct buf body;

	if (!snapshot_has_endpoint(record))
		return ERR_OK;
	enum err_code code = broker_notification_id(id, err);

	if (code != ERR_OK)
		return code;
	buf_init(&body, NOTICE_BYTES_MAX);
	write_notice(&body, str_from(id), record, gone, now_us);
	code = buf_check(&body, "a notification", err);
	const struct store_owed owed = {
		.subscription = record->number, .made_us = now_us, .due_us = now_us, .body = buf_str(&body)};

	if (code == ERR_OK)
		code = store_txn_owe(txn, &owed, false, NULL, err);
	buf_done(&body);
	if (code == ERR_OK)
		subscriptions_mark_owed(tenant->subscriptions);
	return code;
}
