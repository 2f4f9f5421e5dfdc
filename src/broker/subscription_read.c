/* Subscriptions as they were sent, and what has become of them. Source: GS CIM 009 V1.9.1 clauses 5.8.3, 5.8.4. */
#include "broker/read_int.h"
#include "broker/subscriptions_int.h"
#include "ngsild/context.h"

#include <string.h>

#define DOCUMENT_PADDING_BYTES 64u /* that the parser may read behind a text */

static void look_at_figures(struct subscriptions *all, const struct subscribed *one, int64_t now_us,
			    struct subscription_state *ret)
{
	(void)pthread_mutex_lock(&all->lock);
	*ret = (struct subscription_state){.failed_last = one->failed_last,
					   .times_sent = one->times_sent,
					   .times_failed = one->times_failed,
					   .last_notification_us = one->last_notification_us,
					   .last_success_us = one->last_success_us,
					   .last_failure_us = one->last_failure_us};
	(void)pthread_mutex_unlock(&all->lock);
	ret->status = subscribed_status(one, now_us);
}

/* jsonldContext is "initialized with the @context applicable for the Subscription" (5.8.1.4): shown where it was not
 * given, kept nowhere, so that it follows what an update brings. */
static enum err_code show_context(struct arena *arena, struct subscription_look *look, struct error *err)
{
	struct str url = look->context_value ? context_lone_url(look->context_value) : STR(NGSILD_CORE_CONTEXT_URL);

	if (json_get(look->document, STR("jsonldContext")) || !url.at)
		return ERR_OK;
	struct json *whole = json_new(arena, *look->document);

	if (!whole || !json_add(arena, whole, STR("jsonldContext"), json_string(url)))
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	look->document = whole;
	return ERR_OK;
}

/* What stands in the record, and the figures of the one in memory. */
static enum err_code look(struct broker_reader *reader, struct subscriptions *all, enum subscription_kind kind,
			  struct str text, struct arena *arena, struct subscription_look *ret, struct error *err)
{
	struct subscription_record record;
	struct json *json = NULL;
	enum err_code code = reader_parse(reader, arena, text, &json, err);

	if (code == ERR_OK)
		code = subscription_record_read(json, &record, err);
	if (code != ERR_OK)
		return code;
	*ret = (struct subscription_look){.document = record.document, .context_value = record.context_value};
	code = show_context(arena, ret, err);
	if (code != ERR_OK)
		return code;
	struct subscribed *one = subscriptions_find(all, kind, json_text(json_get(record.document, STR("id"))));

	ret->state.last_notification_us = ret->state.last_success_us = ret->state.last_failure_us = INT64_MIN;
	if (one) {
		look_at_figures(all, one, broker_now_us(reader_broker(reader)), &ret->state);
		ret->context = context_ref(one->context);
		(void)subscribed_unref(one);
	} else {
		ret->context = context_ref(broker_core_context(reader_broker(reader)));
	}
	ret->state.created_us = record.created_us;
	ret->state.modified_us = record.modified_us;
	return ERR_OK;
}

enum err_code broker_subscription_get(struct broker_reader *reader, struct str tenant, enum subscription_kind kind,
				      struct str id, struct arena *arena, struct subscription_look *ret,
				      struct error *err)
{
	struct store_reader *store;
	struct str text;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code != ERR_OK)
		return code;
	code = store_record_get(store, subscription_record_kinds[kind], id, arena, &text, err);
	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "there is no subscription %.*s", STR_FMT(str_part(id, 0, 150)));
	return code == ERR_OK
		       ? look(reader, subscriptions_of(reader_broker(reader), tenant), kind, text, arena, ret, err)
		       : code;
}

struct listing {
	struct broker_reader *reader;
	struct subscriptions *all;
	enum subscription_kind kind;
	struct arena *arena;
	uint64_t offset, limit, seen;
	struct subscription_look *at;
	size_t count, room;
	enum err_code code;
	struct error *err;
};

static bool make_room(struct listing *listing)
{
	struct subscription_look *at =
		arena_grow(listing->arena, listing->at, listing->count, &listing->room, sizeof(*at), 16);

	if (at)
		listing->at = at;
	return at != NULL;
}

static bool list_record(void *self, struct str id, struct str doc)
{
	struct listing *listing = self;
	uint64_t at = listing->seen++;

	(void)id;
	if (at < listing->offset || at - listing->offset >= listing->limit)
		return true; /* counted */
	if (!make_room(listing)) {
		listing->code = err_set(listing->err, ERR_MEMORY, "no memory for a list of subscriptions");
		return false;
	}
	char *copy = arena_bytes(listing->arena, doc.len, DOCUMENT_PADDING_BYTES);

	if (!copy) {
		listing->code = err_set(listing->err, ERR_MEMORY, "no memory for a list of subscriptions");
		return false;
	}
	memcpy(copy, doc.at, doc.len);
	listing->code = look(listing->reader, listing->all, listing->kind, (struct str){copy, doc.len}, listing->arena,
			     &listing->at[listing->count], listing->err);
	listing->count += listing->code == ERR_OK;
	return listing->code == ERR_OK;
}

enum err_code broker_subscription_list(struct broker_reader *reader, struct str tenant, enum subscription_kind kind,
				       uint64_t offset, uint64_t limit, struct arena *arena,
				       struct subscription_look **ret, size_t *ret_count, uint64_t *ret_total,
				       struct error *err)
{
	struct listing listing = {
		.reader = reader, .kind = kind, .arena = arena, .offset = offset, .limit = limit, .err = err};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code != ERR_OK)
		return code;
	listing.all = subscriptions_of(reader_broker(reader), tenant);
	code = store_record_each(store, subscription_record_kinds[kind], STR_NONE, list_record, &listing, err);
	code = code ? code : listing.code;
	*ret = listing.at;
	*ret_count = listing.count;
	*ret_total = listing.seen;
	if (code != ERR_OK)
		for (size_t i = 0; i < listing.count; i++)
			(void)context_unref(listing.at[i].context);
	return code;
}
