/* Removing what has expired (4.22) and reducing an entity to some of its attributes (5.6.21), with what changed. */
#include "ngsild/merge_int.h"

#include "ngsild/expiry.h"

/* Instances of one attribute: those that have expired go, those whose sub-attributes have are changed. instances is
 * not to be used any more when the last one went. */
static enum err_code expire_instances(struct merge *m, struct str iri, struct json *instances)
{
	enum err_code code = ERR_OK;

	for (uint32_t left = instances->count; left-- > 0 && !code;) {
		struct json *slot = &instances->items[left];
		struct json *rest;

		if (expiry_is_over(slot, m->now_us)) {
			code = merge_remove_instance(m, iri, instances, left);
			continue;
		}
		rest = json_dup(m->arena, slot);
		if (!rest)
			code = merge_no_memory(m);
		else if (expiry_hide(rest, m->now_us))
			code = merge_replace_instance(m, iri, slot, rest);
	}
	return code;
}

enum err_code merge_expire(struct arena *arena, struct json *entity, int64_t now_us, struct merge_result *ret_result,
			   struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	enum err_code code = ERR_OK;

	for (uint32_t i = entity->count; i-- > 0 && !code;) {
		struct json_member *member = &entity->members[i];

		if (document_is_attribute(member->key))
			code = expire_instances(&m, member->key, &member->value);
	}
	return code ? code : merge_end(&m, ret_result);
}

static bool names(const struct str *iris, size_t count, struct str iri)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(iris[i], iri))
			return true;
	return false;
}

static bool stays(const struct merge_reduction *reduction, struct str iri)
{
	if (reduction->keep && !names(reduction->keep, reduction->keep_count, iri))
		return false;
	return !names(reduction->drop, reduction->drop_count, iri);
}

enum err_code merge_reduce(struct arena *arena, struct json *entity, const struct merge_reduction *reduction,
			   int64_t now_us, struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	enum err_code code = ERR_OK;

	for (uint32_t i = entity->count; i-- > 0 && !code;) {
		struct json *instances = &entity->members[i].value;
		struct str iri = entity->members[i].key;

		if (!document_is_attribute(iri) || stays(reduction, iri))
			continue;
		for (uint32_t left = instances->count; left-- > 0 && !code;)
			code = merge_remove_instance(&m, iri, instances, left);
	}
	if (!code && !stays(reduction, NGSILD_SCOPE_IRI))
		m.result.scope_changed = json_remove(entity, STR("scope"));
	return code ? code : merge_end(&m, ret_result);
}
