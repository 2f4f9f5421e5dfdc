/* What a change owes to whom: candidates from the index, decided by their conditions, written as they will be sent, and
 * put into the outbox of the change's own transaction. The writer's thread. */
#include "broker/subscriptions_int.h"

#include <string.h>

/* For the matching of one change, and for each notification: the writer works for others too. */
#define LINKED_FINDS_MAX 1000u

struct matching {
	struct entity_change *change;
	struct subscriptions *all;
	struct subscription_event event;
	struct str entity_id;
	enum err_code code;
};

enum err_code broker_notification_id(char id[static BROKER_NOTIFICATION_ID_BYTES], struct error *err)
{
	size_t len = sizeof(BROKER_NOTIFICATION_PREFIX) - 1;

	memcpy(id, BROKER_NOTIFICATION_PREFIX, len);
	return random_id(id + len, err);
}

const struct json *txn_links_find(void *self, struct str id)
{
	struct txn_links *links = self;
	struct json *entity = NULL;

	/* What is not there, or is too much, is left as the URI that it is. */
	if (++links->finds > LINKED_FINDS_MAX || store_txn_get(links->txn, id, &entity, NULL) != ERR_OK)
		return NULL;
	return entity;
}

static enum err_code write_body(struct matching *matching, const struct compiled *compiled, struct error *err)
{
	struct subscriptions *all = matching->all;
	char id[BROKER_NOTIFICATION_ID_BYTES];
	struct notification_frame frame;
	struct txn_links links = {.txn = matching->change->txn};
	const struct linked_source linked = {txn_links_find, &links};
	enum err_code code = subscriptions_frame(compiled, TRIGGER_NONE, matching->change->now_us, id, &frame, err);

	if (code != ERR_OK)
		return code;
	frame.linked = &linked;
	buf_clear(&all->body);
	arena_clear(&all->scratch);
	notification_begin(&all->body, &frame);
	code = notification_entity(&all->body, &all->scratch, &frame, &matching->event, err);

	notification_end(&all->body, &frame);
	return code == ERR_OK ? buf_check(&all->body, "a notification", err) : code;
}

/* What cannot be written for streams fails no change: they are told to read anew. */
static void keep_for_streams(struct matching *matching, const struct subscribed *one)
{
	struct error ignored = {0};
	bool written = write_body(matching, one->compiled, &ignored) == ERR_OK;

	streams_keep(&matching->all->streams, one->channel, written ? buf_str(&matching->all->body) : STR_NONE);
}

static void visit(void *self, struct subscribed *one)
{
	struct matching *matching = self;

	struct entity_change *change = matching->change;
	const struct compiled *compiled;

	if (matching->code != ERR_OK || one->seen == matching->all->events)
		return;
	one->seen = matching->all->events;
	if (one->interval_us || subscribed_status(one, change->now_us) != SUBSCRIPTION_ACTIVE)
		return;
	matching->code = subscriptions_use(matching->all, one, change->now_us, store_txn_parser(change->txn), &compiled,
					   change->err);
	if (matching->code != ERR_OK || !subscription_concerns(compiled->subscription, &matching->event))
		return;
	if (one->channel) {
		keep_for_streams(matching, one);
		return;
	}
	matching->code = write_body(matching, compiled, change->err);
	if (matching->code == ERR_OK)
		matching->code = subscriptions_owe(matching->all, change->txn, one, matching->entity_id, change->now_us,
						   buf_str(&matching->all->body), change->err);
}

enum err_code subscriptions_match(struct entity_change *change, const struct json *before, const struct json *after,
				  const struct merge_result *result)
{
	const struct json *entity = after ? after : before;
	struct txn_links links = {.txn = change->txn};
	const struct linked_source linked = {txn_links_find, &links};
	struct matching matching = {.change = change,
				    .all = store_txn_owner(change->txn),
				    .event = {.before = before,
					      .after = after,
					      .changes = result->changes,
					      .scope_changed = result->scope_changed,
					      .at_us = change->now_us,
					      .linked = &linked},
				    .entity_id = document_id(entity)};

	if (!matching.all ||
	    (matching.all->by_name[SUBSCRIPTION_TO_ENTITIES].count == 0 && matching.all->streams.channels.count == 0))
		return ERR_OK;
	matching.all->events++;
	subscription_index_find(&matching.all->index, matching.entity_id, json_get(entity, STR("type")),
				result->changes, visit, &matching);
	return matching.code;
}
