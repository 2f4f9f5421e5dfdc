/* Replace Entity (5.6.18): the entity becomes another document; what differs between the two is what changed. And
 * Replace Attribute (5.6.19). */
#include "ngsild/merge_int.h"

static enum err_code no_memory_unless(const struct merge *m, const struct json *added)
{
	return added ? ERR_OK : merge_no_memory(m);
}

/* One instance of the replacement as it will stand: the old one where it says the same. */
static enum err_code replace_one(struct merge *m, struct str iri, const struct json *instance, struct json *array)
{
	const struct json *old = document_instance(m->entity, iri, instance_dataset(instance));
	struct json stored = {0};
	bool same = old && merge_same_instance(instance, old);
	enum err_code code = same ? ERR_OK : instance_take_other(m, instance, old, &stored);

	if (code)
		return code;
	if (!same && (code = merge_record(m, old ? CHANGE_UPDATED : CHANGE_CREATED, iri, old, &stored)))
		return code;
	return no_memory_unless(m, json_push(m->arena, array, old && same ? *old : stored));
}

static enum err_code replace_attributes(struct merge *m, const struct json *replacement, struct json *whole)
{
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; i < replacement->count && !code; i++) {
		const struct json_member *member = &replacement->members[i];
		struct json array = json_array();

		if (!document_is_attribute(member->key))
			continue;
		for (uint32_t k = 0; k < member->value.count && !code; k++)
			code = replace_one(m, member->key, &member->value.items[k], &array);
		if (!code)
			code = no_memory_unless(m, json_add(m->arena, whole, member->key, array));
	}
	return code;
}

/* Old instances that the replacement has no more. */
static enum err_code record_gone(struct merge *m, const struct json *replacement)
{
	for (uint32_t i = 0; i < m->entity->count; i++) {
		const struct json_member *member = &m->entity->members[i];

		for (uint32_t k = 0; document_is_attribute(member->key) && k < member->value.count; k++) {
			const struct json *old = &member->value.items[k];

			if (document_instance(replacement, member->key, instance_dataset(old)))
				continue;
			enum err_code code = merge_record(m, CHANGE_DELETED, member->key, old, NULL);

			if (code)
				return code;
		}
	}
	return ERR_OK;
}

/* Members of the entity itself, as the replacement has them; id and createdAt stay. Without a type the old ones stay
 * too. */
static enum err_code replace_own_members(struct merge *m, const struct json *replacement, struct json *whole)
{
	static const char *const names[] = {"id", "type", "scope", "createdAt", "expiresAt"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str name = str_from(names[i]);
		const struct json *old = json_get(m->entity, name), *new = json_get(replacement, name);
		bool kept = str_eq(name, STR("id")) || str_eq(name, STR("createdAt")) ||
			    (str_eq(name, STR("type")) && !new);
		const struct json *value = kept ? old : new;

		if (value && !json_add(m->arena, whole, name, *value))
			return merge_no_memory(m);
		if (str_eq(name, STR("type")))
			m->result.type_changed = !merge_same_texts(old, value);
		else if (str_eq(name, STR("scope")))
			m->result.scope_changed = !merge_same_texts(old, value);
		else if (str_eq(name, STR("expiresAt")) && (!old != !value || (old && !json_equal(old, value))))
			m->result.changed = true;
	}
	return ERR_OK;
}

enum err_code merge_replace(struct arena *arena, struct json *entity, const struct json *replacement, int64_t now_us,
			    struct merge_result *ret_result, struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	struct json whole = json_object();
	enum err_code code;

	if ((code = merge_check_id(&m, replacement)) || (code = merge_check_no_null(&m, replacement)) ||
	    (code = replace_own_members(&m, replacement, &whole)) ||
	    (code = replace_attributes(&m, replacement, &whole)) || (code = record_gone(&m, replacement)))
		return code;
	if (m.result.changed || m.result.type_changed || m.result.scope_changed)
		*entity = whole;
	return merge_end(&m, ret_result);
}

enum err_code merge_replace_attribute(struct arena *arena, struct json *entity, struct str attribute_iri,
				      const struct json *instances, int64_t now_us, struct merge_result *ret_result,
				      struct error *err)
{
	struct merge m = merge_begin(arena, entity, now_us, err);
	struct json *own = json_get(entity, attribute_iri);
	uint32_t absent = 0;

	if (!own)
		return err_set(err, ERR_NOT_FOUND, "the entity has no attribute %.*s", STR_FMT(attribute_iri));
	for (uint32_t i = 0; i < instances->count; i++) {
		const struct json *instance = &instances->items[i];
		uint32_t index = instance_index(own, instance_dataset(instance));
		enum err_code code = ERR_OK;

		if (index == own->count)
			absent++;
		else
			code = merge_replace_instance(&m, attribute_iri, &own->items[index], instance);
		if (code)
			return code;
	}
	if (absent == instances->count)
		return err_set(err, ERR_NOT_FOUND, "attribute %.*s has no instance with that datasetId",
			       STR_FMT(attribute_iri));
	enum err_code code =
		absent ? merge_refuse(&m, attribute_iri, "It has no instance with one of the datasetIds") : ERR_OK;

	return code ? code : merge_end(&m, ret_result);
}
