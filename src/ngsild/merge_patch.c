/* Merge Entity (5.6.17) by merge patch (5.5.12): the fragment's attributes, instance by instance, put over those of the
 * entity.
 *
 * Unlike an update, which replaces instances, this goes on inside: members, values that are objects, languages and
 * sub-attributes that the fragment does not name stay. An instance of the fragment may leave out what the one merged
 * into has already, its type above all; merged into nothing, it must be a whole one. Attribute and sub-attribute are
 * treated alike, so the functions here call each other down the tree. */
#include "ngsild/merge_int.h"

#include "ngsild/expand.h"

#include <assert.h>

struct patch {
	struct merge *m;
	const struct merge_patch_options *options;
};

static enum err_code patched_instance(const struct patch *p, const struct json *old, const struct json *fragment,
				      struct json *ret, bool *ret_same);

static enum err_code add(const struct patch *p, struct json *object, struct str key, struct json value)
{
	return json_add(p->m->arena, object, key, value) ? ERR_OK : merge_no_memory(p->m);
}

/* ---- what kind ---- */

/* Of a fragment merged into nothing: as it says, else as its value tells (4.5.2.3). */
static enum err_code kind_of_new(const struct patch *p, const struct json *fragment, const struct attribute_kind **ret)
{
	const struct attribute_kind *kind = attribute_kind_of(fragment);
	enum member member = instance_value_member(fragment);

	if (member == MEMBER_NONE)
		return err_set(p->m->err, ERR_INVALID, "an attribute instance that is not there yet needs a value");
	if (!kind && member == MEMBER_VALUE && attribute_is_geometry(instance_value(fragment)))
		kind = attribute_kind(STR("GeoProperty"));
	*ret = kind ? kind : attribute_kind_of_member(member);
	return ERR_OK;
}

/* Of the instance merged into; the fragment may not say another one (6.5.3.4), but for a LanguageProperty's text in
 * one language, which is a Property where it was read by language (4.15). */
static enum err_code kind_of_old(const struct patch *p, const struct json *old, const struct json *fragment,
				 const struct attribute_kind **ret)
{
	const struct attribute_kind *kind = attribute_kind_of(old), *said = attribute_kind_of(fragment);

	if (!kind)
		return err_set(p->m->err, ERR_CORRUPT, "a stored instance has no type");
	bool text = kind->value == MEMBER_LANGUAGE_MAP && patch_is_language_text(p->options, fragment);

	if (said && said != kind && !text)
		return err_set(p->m->err, ERR_INVALID, "the attribute is a %.*s and cannot become a %.*s",
			       STR_FMT(kind->name), STR_FMT(said->name));
	*ret = kind;
	return ERR_OK;
}

/* ---- sub-attributes ---- */

/* One instance of a sub-attribute as it comes out, at the end of the array or, the default one, at its beginning. */
static enum err_code push_instance(const struct patch *p, const struct json *old, const struct json *fragment,
				   struct json *instances)
{
	struct json instance = old ? *old : json_object();
	bool same = false;
	enum err_code code = fragment ? patched_instance(p, old, fragment, &instance, &same) : ERR_OK;

	if (code)
		return code;
	if (instances->count >= EXPAND_INSTANCES_MAX)
		return err_set(p->m->err, ERR_INVALID, "a sub-attribute would have more than %u instances",
			       EXPAND_INSTANCES_MAX);
	if (!json_push(p->m->arena, instances, instance))
		return merge_no_memory(p->m);
	for (uint32_t i = instances->count - 1; instance_dataset(&instance).len == 0 && i > 0; i--) {
		instances->items[i] = instances->items[i - 1];
		instances->items[i - 1] = instance;
	}
	return ERR_OK;
}

/* A sub-attribute's instances; *ret is empty when none is left. */
static enum err_code patch_instances(const struct patch *p, const struct json *old, const struct json *fragment,
				     struct json *ret)
{
	struct json instances = json_array();
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; old && json_is(old, JSON_ARRAY) && i < old->count && !code; i++) {
		const struct json *over = instance_with(fragment, instance_dataset(&old->items[i]));

		if (!over || !instance_is_null(over))
			code = push_instance(p, &old->items[i], over, &instances);
	}
	for (uint32_t i = 0; i < fragment->count && !code; i++) {
		const struct json *over = &fragment->items[i];

		if (!instance_is_null(over) && !instance_with(old, instance_dataset(over)))
			code = push_instance(p, NULL, over, &instances);
	}
	*ret = instances;
	return code;
}

static enum err_code add_sub_attribute(const struct patch *p, struct str iri, const struct json *old,
				       const struct json *fragment, struct json *instance)
{
	struct json instances = json_array();
	enum err_code code = patch_instances(p, old, fragment, &instances);

	if (code) {
		(void)err_while(p->m->err, "merging sub-attribute %.*s", STR_FMT(iri));
		return code;
	}
	if (instances.count == 0)
		return ERR_OK;
	if (instance->count >= EXPAND_ATTRIBUTES_MAX)
		return err_set(p->m->err, ERR_INVALID, "an attribute would have more than %u members",
			       EXPAND_ATTRIBUTES_MAX);
	return add(p, instance, iri, instances);
}

/* ---- one instance ---- */

static bool holds_value(struct str key)
{
	return member_in(member_of(key), MEMBERS_VALUE);
}

/* A member of the old instance: its place is kept, whatever comes into it. */
static enum err_code take_old(const struct patch *p, const struct json_member *member, const struct json *value,
			      const struct json *fragment, struct json *instance)
{
	const struct json *over = json_get(fragment, member->key);
	bool at = str_eq(member->key, STR("observedAt"));

	if (holds_value(member->key))
		return add(p, instance, member->key, value ? *value : member->value);
	if (instance_is_stamp(member->key) || node_is_null(over))
		return ERR_OK;
	if (over && document_is_attribute(member->key))
		return add_sub_attribute(p, member->key, &member->value, over, instance);
	if (!over && at && p->options->observed_at.at)
		return add(p, instance, member->key, json_string(p->options->observed_at));
	/* "type" is the old one, also where the fragment gives the text of a language as a Property. */
	return add(p, instance, member->key, over && !str_eq(member->key, STR("type")) ? *over : member->value);
}

/* A member of the fragment that old does not have. */
static enum err_code take_new(const struct patch *p, const struct json_member *member, struct json *instance)
{
	if (holds_value(member->key) || instance_is_stamp(member->key) || node_is_null(&member->value) ||
	    str_eq(member->key, STR("type")))
		return ERR_OK;
	if (document_is_attribute(member->key))
		return add_sub_attribute(p, member->key, NULL, &member->value, instance);
	return add(p, instance, member->key, member->value);
}

static enum err_code patched_members(const struct patch *p, const struct attribute_kind *kind, const struct json *old,
				     const struct json *fragment, struct json *instance)
{
	struct json merged = {0};
	const struct json *value = NULL;
	enum err_code code = ERR_OK;

	assert(old || kind); /* what is new has a kind */
	if (instance_value(fragment)) {
		code = patch_value(p->m, p->options, kind, old, fragment, &merged);
		value = &merged;
	}
	if (!code && !old && !(code = add(p, instance, STR("type"), json_string(kind->name))))
		code = add(p, instance, member_name(kind->value), merged);
	for (uint32_t i = 0; old && i < old->count && !code; i++)
		code = take_old(p, &old->members[i], value, fragment, instance);
	for (uint32_t i = 0; i < fragment->count && !code; i++)
		if (!old || !json_get(old, fragment->members[i].key))
			code = take_new(p, &fragment->members[i], instance);
	return code;
}

/* old (NULL: nothing) with the fragment merged in. */
static enum err_code patched_instance(const struct patch *p, const struct json *old, const struct json *fragment,
				      struct json *ret, bool *ret_same)
{
	const struct attribute_kind *kind = NULL;
	struct json instance = json_object();
	enum err_code code = old ? kind_of_old(p, old, fragment, &kind) : kind_of_new(p, fragment, &kind);

	if (code || (code = instance_check_members(p->m, kind, fragment)) ||
	    (code = patched_members(p, kind, old, fragment, &instance)) ||
	    (code = instance_stamp(p->m, &instance, old, ret_same)))
		return code;
	*ret = instance;
	return ERR_OK;
}

/* ---- the entity ---- */

static enum err_code patch_attribute(const struct patch *p, struct str iri, const struct json *fragment)
{
	struct json *instances = json_get(p->m->entity, iri), patched = {0};
	uint32_t index = instances ? instance_index(instances, instance_dataset(fragment)) : 0;
	struct json *old = instances && index < instances->count ? &instances->items[index] : NULL;
	bool same = false;

	if (instance_is_null(fragment)) /* what is not there needs no deleting */
		return old ? merge_remove_instance(p->m, iri, instances, index) : ERR_OK;
	enum err_code code = patched_instance(p, old, fragment, &patched, &same);

	if (code || same)
		return code;
	if (!old && attribute_is_place(iri) && !str_eq(attribute_kind_of(&patched)->name, STR("GeoProperty")))
		return err_set(p->m->err, ERR_INVALID, "it is to be a GeoProperty with a GeoJSON geometry");
	if (!old)
		return merge_add_instance(p->m, iri, instances, &patched);
	if ((code = merge_record(p->m, CHANGE_UPDATED, iri, old, &patched)))
		return code;
	*old = patched;
	return ERR_OK;
}

static enum err_code patch_attributes(const struct patch *p, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];

		for (uint32_t k = 0; document_is_attribute(member->key) && k < member->value.count; k++) {
			enum err_code code = patch_attribute(p, member->key, &member->value.items[k]);

			if (code) {
				(void)err_while(p->m->err, "merging attribute %.*s", STR_FMT(member->key));
				return code;
			}
		}
	}
	return ERR_OK;
}

enum err_code merge_patch(struct arena *arena, struct json *entity, const struct json *fragment,
			  const struct merge_patch_options *options, int64_t now_us, struct merge_result *ret_result,
			  struct error *err)
{
	static const struct merge_patch_options none = {0};
	struct merge m = merge_begin(arena, entity, now_us, err);
	const struct patch p = {.m = &m, .options = options ? options : &none};
	enum err_code code;

	if ((code = merge_check_id(&m, fragment)) || (code = patch_attributes(&p, fragment)) ||
	    (code = merge_types(&m, json_get(fragment, STR("type")))) ||
	    (code = merge_scope(&m, RULE_APPEND, json_get(fragment, STR("scope")))) ||
	    (code = merge_expiry(&m, RULE_UPDATE, json_get(fragment, STR("expiresAt")))))
		return code;
	return merge_end(&m, ret_result);
}
