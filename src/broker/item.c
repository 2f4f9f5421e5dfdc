/* One item of a write, inside a transaction: read the entity, change it by the rules of merging, store it again with
 * its history. Nothing is written when nothing changed.
 *
 * A transaction may run more than once, so an item's entity and instances are only read, and its outcome is set anew
 * each time. What an outcome refers to is copied into the write's arena; all else is the transaction's scratch. */
#include "broker/broker_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <string.h>

struct item_run {
	struct entity_change change;
	struct broker_item *item;
	const struct json *fragment; /* what is merged: the item's entity, or what is left of it */
	struct arena *arena; /* the write's */
	struct error *err;
};

/* Refusals live in the transaction's scratch; the outcome keeps copies. */
static enum err_code keep_refusals(struct item_run *run, const struct merge_refusal *refusals)
{
	struct merge_refusal **end = &run->item->outcome.refusals;

	for (; refusals; refusals = refusals->next) {
		struct merge_refusal *kept = arena_new(run->arena, struct merge_refusal);
		struct str iri = kept ? arena_dup(run->arena, refusals->attribute_iri) : STR_NONE;

		if (!iri.at)
			return err_set(run->err, ERR_MEMORY, "no memory for what was not updated");
		*kept = (struct merge_refusal){.attribute_iri = iri, .reason = refusals->reason};
		*end = kept;
		end = &kept->next;
	}
	return ERR_OK;
}

/* ---- operations ---- */

/* The entity as it is now; one that has expired is as good as absent, but *ret_expired holds it. */
static enum err_code get_entity(struct item_run *run, struct json **ret_entity, struct json **ret_expired)
{
	struct json *entity = NULL;
	enum err_code code = store_txn_get(run->change.txn, run->item->id, &entity, run->err);

	*ret_entity = *ret_expired = NULL;
	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code != ERR_OK)
		return code;
	if (item_is_expired(entity, run->change.now_us))
		*ret_expired = entity;
	else
		*ret_entity = entity;
	return ERR_OK;
}

static enum err_code create(struct item_run *run, const struct json *expired)
{
	struct merge_result result;
	struct json *entity = NULL;
	enum err_code code = merge_create(store_txn_arena(run->change.txn), run->item->entity, run->change.now_us,
					  &entity, &result, run->err);

	if (code == ERR_OK && expired)
		code = entity_delete(&run->change, expired);
	if (code == ERR_OK)
		code = entity_put(&run->change, NULL, entity, &result);
	if (code == ERR_OK)
		run->item->outcome.created = run->item->outcome.changed = true;
	return code;
}

static enum err_code merge(struct item_run *run, struct json *entity, struct merge_result *ret_result)
{
	const struct broker_item *item = run->item;
	struct arena *scratch = store_txn_arena(run->change.txn);
	int64_t now_us = run->change.now_us;

	switch (item->operation) {
	case BROKER_UPDATE_ATTRIBUTES:
	case BROKER_UPSERT:
		return merge_update(scratch, entity, item->entity, now_us, ret_result, run->err);
	case BROKER_APPEND_ATTRIBUTES:
		return merge_append(scratch, entity, run->fragment, item->overwrite, now_us, ret_result, run->err);
	case BROKER_PARTIAL_UPDATE:
		return merge_partial(scratch, entity, item->attribute_iri, item->instances, now_us, ret_result,
				     run->err);
	case BROKER_DELETE_ATTRIBUTE:
		return merge_delete(scratch, entity, item->attribute_iri, item->dataset_id, item->delete_all, now_us,
				    ret_result, run->err);
	case BROKER_REPLACE:
		return merge_replace(scratch, entity, item->entity, now_us, ret_result, run->err);
	case BROKER_MERGE:
		return merge_patch(scratch, entity, item->entity, item->patch, now_us, ret_result, run->err);
	case BROKER_REPLACE_ATTRIBUTE:
		return merge_replace_attribute(scratch, entity, item->attribute_iri, item->instances, now_us,
					       ret_result, run->err);
	default:
		return err_set(run->err, ERR_INTERNAL, "operation %d changes no entity", (int)item->operation);
	}
}

/* ---- what arrives late ---- */

static bool is_older(const struct json *instance, const struct json *before)
{
	int64_t us, before_us;

	return time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &us) &&
	       time_parse_iso(json_text(json_get(before, STR("observedAt"))), true, &before_us) && us < before_us;
}

/* Is there an instance that is older than the entity's? */
static bool has_late(const struct json *entity, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];

		if (!document_is_attribute(member->key))
			continue;
		for (uint32_t j = 0; j < member->value.count; j++) {
			const struct json *instance = &member->value.items[j];
			struct str dataset = json_text(json_get(instance, STR("datasetId")));

			if (is_older(instance, document_instance(entity, member->key, dataset)))
				return true;
		}
	}
	return false;
}

/* Is it in the history already, because it is told again? Where that cannot be read it is taken for new: rather twice
 * than lost. */
static enum err_code is_there(struct item_run *run, struct str iri, const struct json *instance, bool *ret_there)
{
	struct str dataset = json_text(json_get(instance, STR("datasetId")));
	enum err_code code =
		store_txn_has_instance(run->change.txn, run->item->id, iri, dataset, instance, ret_there, run->err);

	return code == ERR_CORRUPT || code == ERR_VERSION ? ERR_OK : code;
}

/* For the history, unless it is there, or nothing is to go into it. */
static enum err_code note_late(struct item_run *run, struct str iri, const struct json *instance, struct change **late)
{
	bool there = run->item->no_history;
	enum err_code code = there ? ERR_OK : is_there(run, iri, instance, &there);

	if (code || there)
		return code;
	struct change *change = arena_new(store_txn_arena(run->change.txn), struct change);
	const struct json *kept = json_new(store_txn_arena(run->change.txn), *instance);

	if (!change || !kept)
		return err_set(run->err, ERR_MEMORY, "no memory for what arrives late");
	*change = (struct change){.kind = CHANGE_UPDATED,
				  .attribute_iri = iri,
				  .dataset_id = json_text(json_get(instance, STR("datasetId"))),
				  .after = kept,
				  .next = *late};
	*late = change;
	return ERR_OK;
}

/* *fragment becomes what is not late; what is goes into the history, unless it is there. */
static enum err_code set_late_aside(struct item_run *run, const struct json *entity, const struct json **fragment)
{
	struct json *copy = json_dup_nodes(store_txn_arena(run->change.txn), *fragment);
	struct change *late = NULL;
	enum err_code code = ERR_OK;

	if (!copy)
		return err_set(run->err, ERR_MEMORY, "no memory for what arrives late");
	for (uint32_t i = copy->count; i-- > 0 && !code;) {
		struct json_member *member = &copy->members[i];

		if (!document_is_attribute(member->key))
			continue;
		for (uint32_t j = member->value.count; j-- > 0 && !code;) {
			const struct json *instance = &member->value.items[j];
			struct str dataset = json_text(json_get(instance, STR("datasetId")));

			if (!is_older(instance, document_instance(entity, member->key, dataset)))
				continue;
			code = note_late(run, member->key, instance, &late);
			(void)json_remove_at(&member->value, j);
		}
		if (member->value.count == 0)
			(void)json_remove(copy, member->key);
	}
	*fragment = copy;
	if (code || !late)
		return code;
	run->change.storing = true;
	run->item->outcome.late = true;
	return store_txn_history(run->change.txn, run->item->id, late, run->change.now_us, run->err);
}

/* Does the operation change nothing but what stands in its fragment, and of that replace whole instances? */
static bool replaces_instances(const struct broker_item *item)
{
	return item->operation == BROKER_UPDATE_ATTRIBUTES || item->operation == BROKER_UPSERT ||
	       item->operation == BROKER_APPEND_ATTRIBUTES;
}

/* The entity as it is before such an operation: the list of members is a copy, of those that the fragment names the
 * list of instances too. All else is shared, and so is known to be the same without a look at it. */
static struct json *copy_lists(struct arena *arena, const struct json *entity, const struct json *fragment)
{
	struct json *copy = json_new(arena, *entity);

	if (!copy)
		return NULL;
	copy->room = entity->count;
	copy->members = arena_array(arena, struct json_member, entity->count);
	if (!copy->members)
		return NULL;
	for (uint32_t i = 0; i < entity->count; i++) {
		struct json *value = &copy->members[i].value;

		copy->members[i] = entity->members[i];
		if (value->kind != JSON_ARRAY || value->count == 0 || !json_get(fragment, entity->members[i].key))
			continue;
		value->room = value->count;
		value->items = arena_array(arena, struct json, value->count);
		if (!value->items)
			return NULL;
		memcpy(value->items, entity->members[i].value.items, value->count * sizeof(*value->items));
	}
	return copy;
}

static enum err_code change(struct item_run *run, struct json *entity)
{
	struct arena *scratch = store_txn_arena(run->change.txn);
	bool due = entity_is_due(&run->change, entity), lists = !due && replaces_instances(run->item);
	struct json *before = lists ? copy_lists(scratch, entity, run->item->entity) : json_dup_nodes(scratch, entity);
	struct merge_result expired = {0}, result;

	run->fragment = run->item->entity;
	if (!before)
		return err_set(run->err, ERR_MEMORY, "no memory to change the entity");
	enum err_code code = due ? entity_expire(&run->change, entity, &expired) : ERR_OK;

	if (code == ERR_OK && run->item->newest_stays && has_late(entity, run->fragment))
		code = set_late_aside(run, entity, &run->fragment);
	if (code == ERR_OK)
		code = merge(run, entity, &result);
	if (code == ERR_OK)
		code = keep_refusals(run, result.refusals);
	if (code != ERR_OK || !result.changed)
		return code;
	entity_changes_join(&expired, &result);
	code = entity_put(&run->change, before, entity, &result);
	if (code == ERR_OK)
		run->item->outcome.changed = true;
	return code;
}

static enum err_code remove_entity(struct item_run *run, const struct json *entity)
{
	enum err_code code = entity_delete(&run->change, entity);

	if (code == ERR_OK)
		run->item->outcome.changed = true;
	return code;
}

/* May this item make an entity that is not there? */
static bool creates(const struct broker_item *item)
{
	return item->operation == BROKER_CREATE || item->operation == BROKER_UPSERT ||
	       (item->operation == BROKER_REPLACE && !item->must_exist) ||
	       (item->operation == BROKER_APPEND_ATTRIBUTES && item->create_missing);
}

static enum err_code run_item(struct item_run *run)
{
	const struct broker_item *item = run->item;
	struct json *entity, *expired;

	if (item->operation >= BROKER_TEMPORAL_UPSERT)
		return temporal_item_run(&run->change, run->item);
	enum err_code code = get_entity(run, &entity, &expired);

	if (code != ERR_OK)
		return code;
	if (!entity && creates(item))
		return create(run, expired);
	if (!entity)
		return err_set(run->err, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(str_part(item->id, 0, 150)));
	if (item->operation == BROKER_CREATE)
		return err_set(run->err, ERR_EXISTS, "the entity %.*s exists already",
			       STR_FMT(str_part(item->id, 0, 150)));
	return item->operation == BROKER_DELETE ? remove_entity(run, entity) : change(run, entity);
}

/* Is it the transaction that is in trouble, rather than what the item asks for? */
static bool is_fatal(enum err_code code, bool storing)
{
	switch (code) {
	case ERR_IO:
	case ERR_NO_ROOM:
	case ERR_MEMORY:
	case ERR_INTERNAL:
	case ERR_TIMEOUT:
		return true;
	default:
		/* Half of an item may be stored: only the store can take it back, with the whole write. */
		return storing;
	}
}

enum err_code item_apply(struct store_txn *txn, struct broker_item *item, int64_t now_us, struct arena *arena,
			 struct error *err)
{
	struct broker_outcome *outcome = &item->outcome;
	const struct entity_change change = {
		.txn = txn, .now_us = now_us, .no_history = item->no_history, .err = &outcome->error};
	struct item_run run = {.change = change, .item = item, .arena = arena, .err = &outcome->error};

	assert(item->id.len > 0);
	assert(!item->entity || item->operation == BROKER_DELETE || item->entity->kind == JSON_OBJECT);
	*outcome = (struct broker_outcome){.code = ERR_OK};
	enum err_code code = run_item(&run);

	if (code == ERR_OK)
		return ERR_OK;
	outcome->code = code;
	outcome->refusals = NULL;
	outcome->created = outcome->changed = false;
	if (!is_fatal(code, run.change.storing))
		return ERR_OK;
	if (err)
		*err = outcome->error;
	return code;
}
