/* Changing temporal evolutions (5.6.11–5.6.16), one item in a transaction. None of this touches the current state. */
#include "broker/broker_int.h"
#include "store/temporal.h"

static struct str shown(struct str text)
{
	return str_part(text, 0, 120);
}

/* ---- adding instances ---- */

static enum err_code add_change(struct entity_change *change, struct str iri, const struct json *instance,
				struct change ***end)
{
	struct change *made = arena_new(store_txn_arena(change->txn), struct change);

	if (!made)
		return err_set(change->err, ERR_MEMORY, "no memory for so many instances");
	*made = (struct change){.kind = CHANGE_CREATED,
				.attribute_iri = iri,
				.dataset_id = json_text(json_get(instance, STR("datasetId"))),
				.after = instance};
	**end = made;
	*end = &made->next;
	return ERR_OK;
}

/* Every instance of the EntityTemporal as a change; the scope is one of the attributes here. */
static enum err_code collect(struct entity_change *change, const struct json *entity, struct change **ret_changes)
{
	struct change *first = NULL, **end = &first;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; i < entity->count && code == ERR_OK; i++) {
		const struct json_member *member = &entity->members[i];

		if (!document_is_attribute(member->key) && !str_eq(member->key, STR(STORE_SCOPE_SERIES)))
			continue;
		for (uint32_t k = 0; k < member->value.count && code == ERR_OK; k++)
			code = add_change(change, member->key, &member->value.items[k], &end);
	}
	*ret_changes = first;
	return code;
}

static enum err_code add_types(struct entity_change *change, const struct broker_item *item, bool *ret_created)
{
	const struct json *types = json_get(item->entity, STR("type"));
	size_t count = json_is(types, JSON_ARRAY) ? types->count : 0;
	struct str *iris = arena_array(store_txn_arena(change->txn), struct str, count);

	if (!iris)
		return err_set(change->err, ERR_MEMORY, "no memory for the types");
	for (size_t i = 0; i < count; i++)
		iris[i] = json_text(&types->items[i]);
	change->storing = true;
	return store_txn_subject_add(change->txn, item->id, iris, count, ret_created, change->err);
}

static enum err_code add_instances(struct entity_change *change, struct broker_item *item)
{
	struct change *changes = NULL;
	bool created = false;
	enum err_code code = entity_check_depth(item->entity, change->err);

	if (code == ERR_OK)
		code = collect(change, item->entity, &changes);
	if (code == ERR_OK)
		code = add_types(change, item, &created);
	if (code == ERR_OK && changes)
		code = store_txn_history(change->txn, item->id, changes, change->now_us, change->err);
	if (code == ERR_OK)
		item->outcome.created = created;
	return code;
}

static enum err_code append(struct entity_change *change, struct broker_item *item)
{
	bool has = false;
	enum err_code code = store_txn_subject_has(change->txn, item->id, &has, change->err);

	if (code == ERR_OK && !has)
		return err_set(change->err, ERR_NOT_FOUND, "nothing is known of an entity %.*s",
			       STR_FMT(shown(item->id)));
	return code == ERR_OK ? add_instances(change, item) : code;
}

/* ---- taking away ---- */

static enum err_code delete_attribute(struct entity_change *change, const struct broker_item *item)
{
	enum err_code code = store_txn_series_delete(change->txn, item->id, item->attribute_iri, item->dataset_id,
						     item->delete_all, change->err);

	if (code == ERR_NOT_FOUND)
		return err_set(change->err, ERR_NOT_FOUND, "there is no such instance of %.*s in the evolution of %.*s",
			       STR_FMT(shown(item->attribute_iri)), STR_FMT(shown(item->id)));
	return code;
}

static enum err_code put_instance(struct entity_change *change, const struct broker_item *item,
				  const struct json *instance)
{
	enum err_code code = instance ? entity_check_depth(instance, change->err) : ERR_OK;

	if (code == ERR_OK)
		code = store_txn_instance_replace(change->txn, item->id, item->attribute_iri, item->instance_number,
						  instance, change->now_us, change->err);
	if (code == ERR_NOT_FOUND)
		return err_set(change->err, ERR_NOT_FOUND, "%.*s of %.*s has no such instance",
			       STR_FMT(shown(item->attribute_iri)), STR_FMT(shown(item->id)));
	return code;
}

static enum err_code delete_all(struct entity_change *change, const struct broker_item *item)
{
	enum err_code code = store_txn_subject_delete(change->txn, item->id, change->err);

	if (code == ERR_NOT_FOUND)
		return err_set(change->err, ERR_NOT_FOUND, "nothing is known of an entity %.*s",
			       STR_FMT(shown(item->id)));
	return code;
}

static enum err_code run(struct entity_change *change, struct broker_item *item)
{
	switch (item->operation) {
	case BROKER_TEMPORAL_UPSERT:
		return add_instances(change, item);
	case BROKER_TEMPORAL_APPEND:
		return append(change, item);
	case BROKER_TEMPORAL_DELETE_ATTRIBUTE:
		return delete_attribute(change, item);
	case BROKER_TEMPORAL_REPLACE_INSTANCE:
		return put_instance(change, item, json_at(item->instances, 0));
	case BROKER_TEMPORAL_DELETE_INSTANCE:
		return put_instance(change, item, NULL);
	case BROKER_TEMPORAL_DELETE:
		return delete_all(change, item);
	default:
		return err_set(change->err, ERR_INTERNAL, "operation %d changes no evolution", (int)item->operation);
	}
}

enum err_code temporal_item_run(struct entity_change *change, struct broker_item *item)
{
	enum err_code code = run(change, item);

	if (code == ERR_OK)
		item->outcome.changed = true;
	return code;
}
