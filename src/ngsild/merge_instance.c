/* Merging inside one attribute: what an instance becomes, and whether that is anything new. */
#include "ngsild/merge_int.h"

#include "geo/geo.h"
#include "ngsild/expand.h"

enum err_code merge_no_memory(const struct merge *m)
{
	return err_set(m->err, ERR_MEMORY, "no memory left to merge an entity");
}

bool instance_is_stamp(struct str key)
{
	/* Asked of every member, several times: the length tells almost all of them apart. */
	return (key.len == STR("createdAt").len && str_eq(key, STR("createdAt"))) ||
	       (key.len == STR("modifiedAt").len && str_eq(key, STR("modifiedAt")));
}

struct json *instance_with(const struct json *instances, struct str dataset)
{
	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		if (str_eq(instance_dataset(&instances->items[i]), dataset))
			return &instances->items[i];
	return NULL;
}

/* Arrays of instances: the same ones in any order. */
static bool instances_same(const struct json *a, const struct json *b)
{
	if (!json_is(a, JSON_ARRAY) || !json_is(b, JSON_ARRAY) || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct json *other = instance_with(b, instance_dataset(&a->items[i]));

		if (!other || !merge_same_instance(&a->items[i], other))
			return false;
	}
	return true;
}

static uint32_t members_said(const struct json *instance)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < instance->count; i++)
		count += !instance_is_stamp(instance->members[i].key);
	return count;
}

bool merge_same_instance(const struct json *a, const struct json *b)
{
	if (!json_is(a, JSON_OBJECT) || !json_is(b, JSON_OBJECT) || members_said(a) != members_said(b))
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		struct str key = a->members[i].key;
		const struct json *mine = &a->members[i].value,
				  *other = instance_is_stamp(key) ? mine : json_get(b, key);

		if (!other)
			return false;
		if (mine != other &&
		    !(document_is_attribute(key) ? instances_same(mine, other) : json_equal(mine, other)))
			return false;
	}
	return true;
}

static enum err_code add(const struct merge *m, struct json *object, struct str key, struct json value)
{
	return json_add(m->arena, object, key, value) ? ERR_OK : merge_no_memory(m);
}

static enum err_code add_stamp(const struct merge *m, struct json *instance, struct str key, int64_t us)
{
	/* All that one call changes has one stamp: its text is made once. */
	struct json number = us == m->now_us ? m->now : json_int(m->arena, us);

	return json_is(&number, JSON_NUMBER) ? add(m, instance, key, number) : merge_no_memory(m);
}

/* same: it says what old says. */
static enum err_code stamp(const struct merge *m, struct json *instance, const struct json *old, bool same)
{
	int64_t created = old ? document_created_us(old) : m->now_us;
	int64_t modified = same ? document_modified_us(old) : m->now_us;
	const struct json *stamped = json_get(old, STR("createdAt"));
	enum err_code code = json_is(stamped, JSON_NUMBER) ? add(m, instance, STR("createdAt"), *stamped)
							   : add_stamp(m, instance, STR("createdAt"), created);

	if (!code && modified != created)
		code = add_stamp(m, instance, STR("modifiedAt"), modified);
	return code;
}

enum err_code instance_stamp(const struct merge *m, struct json *instance, const struct json *old, bool *ret_same)
{
	*ret_same = old && merge_same_instance(instance, old);
	return stamp(m, instance, old, *ret_same);
}

/* A sub-attribute's instances taken over; *ret is empty when all of them were Nulls. */
static enum err_code take_instances(const struct merge *m, const struct json *fragment, const struct json *old,
				    struct json *ret)
{
	struct json taken = json_array();

	for (uint32_t i = 0; json_is(fragment, JSON_ARRAY) && i < fragment->count; i++) {
		const struct json *instance = &fragment->items[i];
		struct json stored = {0};
		bool same = false;

		if (instance_is_null(instance))
			continue;
		enum err_code code =
			instance_take(m, instance, instance_with(old, instance_dataset(instance)), &stored, &same);

		if (code)
			return code;
		if (!json_push(m->arena, &taken, stored))
			return merge_no_memory(m);
	}
	*ret = taken;
	return ERR_OK;
}

/* One member of a fragment as the stored instance has it; nothing for Nulls and for the fragment's stamps. */
static enum err_code take_member(const struct merge *m, const struct json_member *member, const struct json *old,
				 struct json *instance)
{
	struct json taken = member->value;

	if (instance_is_stamp(member->key) || node_is_null(&member->value))
		return ERR_OK;
	if (document_is_attribute(member->key)) {
		enum err_code code = take_instances(m, &member->value, json_get(old, member->key), &taken);

		if (code || taken.count == 0)
			return code;
	}
	return add(m, instance, member->key, taken);
}

static enum err_code take_members(const struct merge *m, const struct json *fragment, const struct json *old,
				  struct json *ret)
{
	struct json instance = json_object();

	for (uint32_t i = 0; i < fragment->count; i++) {
		enum err_code code = take_member(m, &fragment->members[i], old, &instance);

		if (code)
			return code;
	}
	*ret = instance;
	return ERR_OK;
}

enum err_code instance_take(const struct merge *m, const struct json *fragment, const struct json *old,
			    struct json *ret, bool *ret_same)
{
	struct json instance;
	enum err_code code = take_members(m, fragment, old, &instance);

	if (!code)
		code = instance_stamp(m, &instance, old, ret_same);
	if (!code)
		*ret = instance;
	return code;
}

enum err_code instance_take_other(const struct merge *m, const struct json *fragment, const struct json *old,
				  struct json *ret)
{
	struct json instance;
	enum err_code code = take_members(m, fragment, old, &instance);

	if (!code)
		code = stamp(m, &instance, old, false);
	if (!code)
		*ret = instance;
	return code;
}

/* ---- partial update ---- */

/* A sub-attribute: instances of the same datasetId are replaced or, by Null, removed; others are added. */
static enum err_code patch_instances(const struct merge *m, const struct json *old, const struct json *fragment,
				     struct json *ret)
{
	struct json patched = json_array(), stored;
	bool same = false;

	for (uint32_t i = 0; json_is(old, JSON_ARRAY) && i < old->count; i++)
		if (!instance_with(fragment, instance_dataset(&old->items[i])) &&
		    !json_push(m->arena, &patched, old->items[i]))
			return merge_no_memory(m);
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json *instance = &fragment->items[i];
		struct str dataset = instance_dataset(instance);
		enum err_code code;

		if (instance_is_null(instance))
			continue;
		if ((code = instance_take(m, instance, instance_with(old, dataset), &stored, &same)))
			return code;
		if (!json_push(m->arena, &patched, stored))
			return merge_no_memory(m);
		for (uint32_t k = patched.count - 1; dataset.len == 0 && k > 0; k--) { /* the default one is first */
			patched.items[k] = patched.items[k - 1];
			patched.items[k - 1] = stored;
		}
	}
	*ret = patched;
	return ERR_OK;
}

static enum err_code patch_member(const struct merge *m, const struct json_member *member, const struct json *fragment,
				  struct json *instance)
{
	const struct json *over = json_get(fragment, member->key);
	struct json value = member->value;

	if (instance_is_stamp(member->key) || node_is_null(over))
		return ERR_OK;
	if (over && document_is_attribute(member->key)) {
		enum err_code code = patch_instances(m, &member->value, over, &value);

		if (code || value.count == 0)
			return code;
	} else if (over) {
		value = *over;
	}
	return add(m, instance, member->key, value);
}

enum err_code instance_patch(const struct merge *m, const struct json *old, const struct json *fragment,
			     struct json *ret, bool *ret_same)
{
	struct json instance = json_object();
	enum err_code code;

	for (uint32_t i = 0; i < old->count; i++)
		if ((code = patch_member(m, &old->members[i], fragment, &instance)))
			return code;
	for (uint32_t i = 0; i < fragment->count; i++)
		if (!json_get(old, fragment->members[i].key) &&
		    (code = take_member(m, &fragment->members[i], NULL, &instance)))
			return code;
	if ((code = instance_stamp(m, &instance, old, ret_same)))
		return code;
	*ret = instance;
	return ERR_OK;
}

enum err_code instance_check_members(const struct merge *m, const struct attribute_kind *kind,
				     const struct json *fragment)
{
	static const uint64_t sealed = MEMBER_BIT(MEMBER_ENTITY_ID_SEALED) | MEMBER_BIT(MEMBER_ENTITY_TYPE_SEALED);
	const struct json *value_type = json_get(fragment, STR("valueType"));
	uint64_t allowed = kind->allowed | MEMBERS_VALUE | (kind->value == MEMBER_VALUE ? sealed : 0);

	for (uint32_t i = 0; i < fragment->count; i++) {
		enum member member = member_of(fragment->members[i].key);

		if (member != MEMBER_NONE && !instance_is_stamp(fragment->members[i].key) &&
		    !member_in(member, allowed))
			return err_set(m->err, ERR_INVALID, "\"%.*s\" is not allowed in a %.*s",
				       STR_FMT(fragment->members[i].key), STR_FMT(kind->name));
	}
	if (value_type && kind->value == MEMBER_LANGUAGE_MAP && !node_is_null(value_type) &&
	    !str_eq(json_text(value_type), NGSILD_LANG_STRING_IRI))
		return err_set(m->err, ERR_INVALID, "\"valueType\" of a LanguageProperty can only be \"langString\"");
	return ERR_OK;
}

enum err_code instance_check_patch(const struct merge *m, const struct json *old, const struct json *fragment)
{
	const struct attribute_kind *kind = attribute_kind_of(old), *said = attribute_kind_of(fragment);
	const struct json *value = instance_value(fragment);
	enum member member = instance_value_member(fragment);

	if (!kind)
		return err_set(m->err, ERR_CORRUPT, "a stored instance has no type");
	if (said && said != kind)
		return err_set(m->err, ERR_INVALID, "the attribute is a %.*s and cannot become a %.*s",
			       STR_FMT(kind->name), STR_FMT(said->name));
	if (value && member != kind->value)
		return err_set(m->err, ERR_INVALID, "\"%.*s\" is not allowed in a %.*s", STR_FMT(member_name(member)),
			       STR_FMT(kind->name));
	enum err_code code = instance_check_members(m, kind, fragment);

	if (code || !value || !str_eq(kind->name, STR("GeoProperty")))
		return code;
	code = geo_check(value, m->err);
	if (code)
		(void)err_while(m->err, "reading \"value\", a GeoJSON geometry");
	return code;
}
