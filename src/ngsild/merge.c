/* Provision operations on two documents: append, update, partial update, delete, and entities that come or go.
 *
 * The fragment is never written to (a repeated transaction uses it again): what goes into the entity is a copy of
 * its nodes with stamps of its own. Instances are compared without their stamps, so that saying the same again
 * changes nothing, neither stamps nor history. */
#include "ngsild/merge_int.h"

static enum err_code merge_instance(struct merge *m, enum merge_rule rule, struct str iri, const struct json *fragment,
				    bool *ret_refused)
{
	struct json *instances = json_get(m->entity, iri);
	uint32_t index = instances ? instance_index(instances, instance_dataset(fragment)) : 0;
	bool exists = instances && index < instances->count;

	if (instance_is_null(fragment)) /* what is not there needs no deleting (5.5.8) */
		return exists ? merge_remove_instance(m, iri, instances, index) : ERR_OK;
	if (!exists)
		return merge_add_instance(m, iri, instances, fragment);
	if (rule == RULE_APPEND_ONLY) {
		*ret_refused = true;
		return ERR_OK;
	}
	return merge_replace_instance(m, iri, &instances->items[index], fragment);
}

static enum err_code merge_attributes(struct merge *m, enum merge_rule rule, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];
		bool refused = false;
		enum err_code code = ERR_OK;

		if (!document_is_attribute(member->key))
			continue;
		for (uint32_t k = 0; k < member->value.count && !code; k++)
			code = merge_instance(m, rule, member->key, &member->value.items[k], &refused);
		if (!code && refused)
			code = merge_refuse(m, member->key,
					    "The attribute exists already and was not to be overwritten");
		if (code)
			return code;
	}
	return ERR_OK;
}

static enum err_code merge_fragment(struct merge *m, enum merge_rule rule, const struct json *fragment,
				    struct merge_result *ret_result)
{
	enum err_code code = merge_check_id(m, fragment);

	if (!code && rule != RULE_UPDATE)
		code = merge_check_no_null(m, fragment);
	if (!code)
		code = merge_attributes(m, rule, fragment);
	if (!code)
		code = merge_types(m, json_get(fragment, STR("type")));
	if (!code)
		code = merge_scope(m, rule, json_get(fragment, STR("scope")));
	if (!code)
		code = merge_expiry(m, rule, json_get(fragment, STR("expiresAt")));
	return code ? code : merge_end(m, ret_result);
}

/* ---- the operations ---- */

enum err_code merge_append(struct arena *arena, struct json *entity, const struct json *fragment, bool overwrite,
			   int64_t now_us, struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);

	return merge_fragment(&m, overwrite ? RULE_APPEND : RULE_APPEND_ONLY, fragment, ret_result);
}

enum err_code merge_update(struct arena *arena, struct json *entity, const struct json *fragment, int64_t now_us,
			   struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);

	return merge_fragment(&m, RULE_UPDATE, fragment, ret_result);
}

enum err_code merge_partial(struct arena *arena, struct json *entity, struct str attribute_iri,
			    const struct json *instances, int64_t now_us, struct merge_result *ret_result,
			    struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	struct json *own = json_get(entity, attribute_iri), patched;
	enum err_code code = ERR_OK;
	bool same = false;

	if (!own)
		return err_set(err, ERR_NOT_FOUND, "the entity has no attribute %.*s", STR_FMT(attribute_iri));
	for (uint32_t i = 0; i < instances->count && !code; i++) {
		const struct json *fragment = &instances->items[i];
		struct str dataset = instance_dataset(fragment);
		uint32_t index = instance_index(own, dataset);

		if (index == own->count)
			return err_set(err, ERR_NOT_FOUND, "attribute %.*s has no instance with datasetId \"%.*s\"",
				       STR_FMT(attribute_iri), STR_FMT(dataset.len ? dataset : NGSILD_DATASET_DEFAULT));
		if (!instance_is_null(fragment))
			code = instance_check_patch(&m, &own->items[index], fragment);
	}
	for (uint32_t i = 0; i < instances->count && !code; i++) {
		const struct json *fragment = &instances->items[i];
		uint32_t index = instance_index(own, instance_dataset(fragment));

		if (instance_is_null(fragment)) {
			code = merge_remove_instance(&m, attribute_iri, own, index);
			continue;
		}
		if ((code = instance_patch(&m, &own->items[index], fragment, &patched, &same)) || same)
			continue;
		code = merge_record(&m, CHANGE_UPDATED, attribute_iri, &own->items[index], &patched);
		own->items[index] = patched;
	}
	return code ? code : merge_end(&m, ret_result);
}

static enum err_code delete_scope(struct merge *m)
{
	if (!json_remove(m->entity, STR("scope")))
		return err_set(m->err, ERR_NOT_FOUND, "the entity has no scope");
	m->result.scope_changed = true;
	return ERR_OK;
}

enum err_code merge_delete(struct arena *arena, struct json *entity, struct str attribute_iri, struct str dataset_id,
			   bool all, int64_t now_us, struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	struct str dataset = str_eq(dataset_id, NGSILD_DATASET_DEFAULT) ? STR_NONE : dataset_id;
	struct json *own = json_get(entity, attribute_iri);
	enum err_code code = ERR_OK;

	if (str_eq(attribute_iri, NGSILD_SCOPE_IRI) || str_eq(attribute_iri, STR("scope"))) {
		code = delete_scope(&m);
		return code ? code : merge_end(&m, ret_result);
	}
	if (!own || !document_is_attribute(attribute_iri))
		return err_set(err, ERR_NOT_FOUND, "the entity has no attribute %.*s", STR_FMT(attribute_iri));
	uint32_t index = all ? 0 : instance_index(own, dataset);

	if (index == own->count)
		return err_set(err, ERR_NOT_FOUND, "attribute %.*s has no instance with datasetId \"%.*s\"",
			       STR_FMT(attribute_iri), STR_FMT(dataset.len ? dataset : NGSILD_DATASET_DEFAULT));
	for (uint32_t left = all ? own->count : 1; left > 0 && !code; left--)
		code = merge_remove_instance(&m, attribute_iri, own, index);
	return code ? code : merge_end(&m, ret_result);
}

enum err_code merge_whole(struct arena *arena, const struct json *entity, enum change_kind kind,
			  struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, NULL, 0, err);

	m.result.changed = true;
	for (uint32_t i = 0; i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];

		for (uint32_t k = 0; document_is_attribute(member->key) && k < member->value.count; k++) {
			const struct json *instance = &member->value.items[k];
			bool gone = kind == CHANGE_DELETED;
			enum err_code code =
				merge_record(&m, kind, member->key, gone ? instance : NULL, gone ? NULL : instance);

			if (code)
				return code;
		}
	}
	*ret_result = m.result;
	return ERR_OK;
}

/* Recursion goes as deep as sub-attributes nest. */
static void restamp(struct json *node, const struct json *now)
{
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++) {
		struct json_member *member = &node->members[i];

		if (str_eq(member->key, STR("createdAt")))
			member->value = *now;
		else if (json_is(&member->value, JSON_ARRAY) && document_is_attribute(member->key))
			for (uint32_t k = 0; k < member->value.count; k++)
				restamp(&member->value.items[k], now);
	}
}

enum err_code merge_create(struct arena *arena, const struct json *entity, int64_t now_us, struct json **ret_entity,
			   struct merge_result *ret_result, struct error *err)
{
	struct json *created = json_dup_nodes(arena, entity);
	const struct json now = json_int(arena, now_us);

	if (!created || !json_is(&now, JSON_NUMBER))
		return err_set(err, ERR_MEMORY, "no memory to create an entity");
	restamp(created, &now);
	enum err_code code = merge_whole(arena, created, CHANGE_CREATED, ret_result, err);

	if (code == ERR_OK)
		*ret_entity = created;
	return code;
}
