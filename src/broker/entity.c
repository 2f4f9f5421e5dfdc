/* What every change of one entity comes down to: put it with its history, delete it with its history, take out of it
 * what has expired. */
#include "broker/broker_int.h"
#include "ngsild/expiry.h"

bool item_is_expired(const struct json *entity, int64_t now_us)
{
	return expiry_is_over(entity, now_us);
}

/* Recursion is bounded by levels. */
static bool nests_within(const struct json *value, unsigned int levels)
{
	bool object = json_is(value, JSON_OBJECT);

	if (!object && !json_is(value, JSON_ARRAY))
		return true;
	if (levels == 0)
		return false;
	for (uint32_t i = 0; i < value->count; i++)
		if (!nests_within(object ? &value->members[i].value : &value->items[i], levels - 1))
			return false;
	return true;
}

static enum err_code put_history(struct entity_change *change, struct str id, const struct merge_result *result)
{
	if (change->no_history)
		return ERR_OK;
	return store_txn_history(change->txn, id, result->changes, change->now_us, change->err);
}

enum err_code entity_put(struct entity_change *change, const struct json *before, const struct json *entity,
			 const struct merge_result *result)
{
	if (!nests_within(entity, BROKER_ENTITY_DEPTH_MAX))
		return err_set(change->err, ERR_INVALID,
			       "an entity nested deeper than %d levels in its normalized form",
			       BROKER_ENTITY_DEPTH_MAX);
	change->storing = true;
	enum err_code code = store_txn_put(change->txn, before, entity, change->err);

	return code == ERR_OK ? put_history(change, document_id(entity), result) : code;
}

enum err_code entity_delete(struct entity_change *change, const struct json *before)
{
	struct merge_result result;
	enum err_code code = merge_whole(store_txn_arena(change->txn), before, CHANGE_DELETED, &result, change->err);

	if (code == ERR_OK) {
		change->storing = true;
		code = store_txn_delete(change->txn, before, change->err);
	}
	return code == ERR_OK ? put_history(change, document_id(before), &result) : code;
}

enum err_code entity_expire(struct entity_change *change, struct json *entity, struct merge_result *result)
{
	int64_t expires_us;

	*result = (struct merge_result){0};
	if (!expiry_earliest(entity, &expires_us) || expires_us > change->now_us)
		return ERR_OK;
	return merge_expire(store_txn_arena(change->txn), entity, change->now_us, result, change->err);
}

void entity_changes_join(const struct merge_result *first, struct merge_result *result)
{
	struct change *last = first->changes;

	while (last && last->next)
		last = last->next;
	if (!last)
		return;
	last->next = result->changes;
	result->changes = first->changes;
	result->changed = true;
}
