/* What every change of one entity comes down to: put it with its history, delete it with its history, take out of it
 * what has expired. */
#include "broker/broker_int.h"

#include "base/time_value.h"
#include "broker/subscriptions_int.h"
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

enum err_code entity_check_depth(const struct json *entity, struct error *err)
{
	if (nests_within(entity, BROKER_ENTITY_DEPTH_MAX))
		return ERR_OK;
	return err_set(err, ERR_INVALID, "an entity nested deeper than %d levels in its normalized form",
		       BROKER_ENTITY_DEPTH_MAX);
}

/* ---- the scope over time (4.5.6) ---- */

static enum err_code no_memory(const struct entity_change *change)
{
	return err_set(change->err, ERR_MEMORY, "no memory for the scope's history");
}

/* A Property whose value is the scopes, observed when they were set; observed false: no longer. */
static enum err_code scope_instance(const struct entity_change *change, const struct json *scopes, bool observed,
				    const struct json **ret_instance)
{
	struct arena *arena = store_txn_arena(change->txn);
	struct json instance = json_object(), now = json_int(arena, change->now_us);
	char text[TIME_ISO_BYTES];
	struct str iso = arena_dup(arena, time_format_iso(change->now_us, text));

	if (!iso.at || json_is(&now, JSON_NULL) ||
	    !json_add(arena, &instance, STR("type"), json_string(STR("Property"))) ||
	    !json_add(arena, &instance, STR("value"), *scopes) ||
	    (observed && !json_add(arena, &instance, STR("observedAt"), json_string(iso))) ||
	    !json_add(arena, &instance, STR("createdAt"), now))
		return no_memory(change);
	*ret_instance = json_new(arena, instance);
	return *ret_instance ? ERR_OK : no_memory(change);
}

/* Puts what became of the scope before the changes of attributes. */
static enum err_code join_scope(const struct entity_change *change, const struct json *was, const struct json *is,
				struct change **changes)
{
	struct change *scope;
	enum err_code code;

	if (!was && !is)
		return ERR_OK;
	scope = arena_new(store_txn_arena(change->txn), struct change);
	if (!scope)
		return no_memory(change);
	*scope = (struct change){.kind = !is   ? CHANGE_DELETED
					 : was ? CHANGE_UPDATED
					       : CHANGE_CREATED,
				 .attribute_iri = STR("scope"),
				 .next = *changes};
	code = was ? scope_instance(change, was, false, &scope->before) : ERR_OK;
	if (code == ERR_OK && is)
		code = scope_instance(change, is, true, &scope->after);
	if (code == ERR_OK)
		*changes = scope;
	return code;
}

/* scope: it changed from before's to entity's (NULL: none, as when there is no entity). */
static enum err_code put_history(struct entity_change *change, struct str id, const struct merge_result *result,
				 bool scope, const struct json *before, const struct json *entity)
{
	struct change *changes = result->changes;
	enum err_code code = ERR_OK;

	if (change->no_history)
		return ERR_OK;
	if (scope)
		code = join_scope(change, json_get(before, STR("scope")), json_get(entity, STR("scope")), &changes);
	if (code == ERR_OK)
		code = store_txn_history(change->txn, id, changes, change->now_us, change->err);
	return code;
}

enum err_code entity_put(struct entity_change *change, const struct json *before, const struct json *entity,
			 const struct merge_result *result)
{
	enum err_code code = entity_check_depth(entity, change->err);

	if (code == ERR_OK) {
		change->storing = true;
		code = store_txn_put(change->txn, before, entity, change->err);
	}
	if (code != ERR_OK)
		return code;
	code = put_history(change, document_id(entity), result, !before || result->scope_changed, before, entity);
	return code == ERR_OK ? subscriptions_match(change, before, entity, result) : code;
}

enum err_code entity_delete(struct entity_change *change, const struct json *before)
{
	struct merge_result result;
	enum err_code code = merge_whole(store_txn_arena(change->txn), before, CHANGE_DELETED, &result, change->err);

	if (code == ERR_OK) {
		change->storing = true;
		code = store_txn_delete(change->txn, before, change->err);
	}
	if (code == ERR_OK)
		code = put_history(change, document_id(before), &result, true, before, NULL);
	return code == ERR_OK ? subscriptions_match(change, before, NULL, &result) : code;
}

bool entity_is_due(const struct entity_change *change, const struct json *entity)
{
	int64_t expires_us;

	return expiry_earliest(entity, &expires_us) && expires_us <= change->now_us;
}

enum err_code entity_expire(struct entity_change *change, struct json *entity, struct merge_result *result)
{
	*result = (struct merge_result){0};
	if (!entity_is_due(change, entity))
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
