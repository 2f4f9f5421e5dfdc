/* The value of an attribute that is merged: by the attribute's kind, and for values that came simplified or as a text
 * in one language by what the attribute merged into is. */
#include "ngsild/merge_int.h"

#include "geo/geo.h"
#include "ngsild/expand.h"

enum member instance_value_member(const struct json *instance)
{
	for (uint32_t i = 0; i < instance->count; i++)
		if (member_in(member_of(instance->members[i].key), MEMBERS_VALUE))
			return member_of(instance->members[i].key);
	return MEMBER_NONE;
}

/* A text or a non-empty array of texts, none of which says Null. */
static bool is_texts(const struct json *value)
{
	if (json_is(value, JSON_STRING))
		return !node_is_null(value);
	for (uint32_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++)
		if (!json_is(&value->items[i], JSON_STRING) || node_is_null(&value->items[i]))
			return false;
	return json_is(value, JSON_ARRAY) && value->count > 0;
}

bool patch_is_language_text(const struct merge_patch_options *options, const struct json *fragment)
{
	enum member member = instance_value_member(fragment);

	return options->lang.at && (member == MEMBER_VALUE || member == MEMBER_LANGUAGE_MAP) &&
	       is_texts(instance_value(fragment));
}

static enum err_code refuse(const struct merge *m, const struct attribute_kind *kind, const char *needed)
{
	return err_set(m->err, ERR_INVALID, "the attribute is a %.*s, which needs %s", STR_FMT(kind->name), needed);
}

/* URIs, given alone where a Relationship's object belongs. */
static bool is_uris(const struct json *value)
{
	if (json_is(value, JSON_STRING))
		return expand_is_uri(json_text(value)) && !node_is_null(value);
	for (uint32_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++)
		if (!json_is(&value->items[i], JSON_STRING) || !is_uris(&value->items[i]))
			return false;
	return json_is(value, JSON_ARRAY);
}

/* ["urn:a:1", …] → [{"object": "urn:a:1"}, …], as documents have it. */
static enum err_code objects_of(const struct merge *m, const struct json *uris, struct json *ret)
{
	struct json list = json_array();

	for (uint32_t i = 0; i < uris->count; i++) {
		struct json item = json_object();

		if (!json_add(m->arena, &item, STR("object"), uris->items[i]) || !json_push(m->arena, &list, item))
			return merge_no_memory(m);
	}
	*ret = list;
	return ERR_OK;
}

static enum err_code vocab_of(const struct merge *m, const struct merge_patch_options *options,
			      const struct json *terms, struct json *ret)
{
	struct json iris = json_array();
	struct str iri = STR_NONE;

	for (uint32_t i = 0; i < (json_is(terms, JSON_ARRAY) ? terms->count : 1); i++) {
		struct str term = json_text(json_is(terms, JSON_ARRAY) ? &terms->items[i] : terms);
		enum err_code code = context_expand(options->context, m->arena, term, &iri, m->err);

		if (code)
			return code;
		if (!json_push(m->arena, &iris, json_string(iri)))
			return merge_no_memory(m);
	}
	*ret = json_is(terms, JSON_ARRAY) ? iris : iris.items[0];
	return ERR_OK;
}

/* A simplified value as the attribute's kind holds it: its type is preserved (5.6.17.4). */
static enum err_code unsimplify(const struct merge *m, const struct merge_patch_options *options,
				const struct attribute_kind *kind, const struct json *value, struct json *ret)
{
	*ret = *value;
	switch (kind->value) {
	case MEMBER_OBJECT:
		return is_uris(value) && (json_is(value, JSON_STRING) || value->count > 0)
			       ? ERR_OK
			       : refuse(m, kind, "a URI or an array of URIs");
	case MEMBER_OBJECT_LIST:
		if (!json_is(value, JSON_ARRAY) || !is_uris(value))
			return refuse(m, kind, "an array of URIs");
		return objects_of(m, value, ret);
	case MEMBER_VALUE_LIST:
		return json_is(value, JSON_ARRAY) ? ERR_OK : refuse(m, kind, "an array");
	case MEMBER_VOCAB:
		return is_texts(value) ? vocab_of(m, options, value, ret)
				       : refuse(m, kind, "a term or an array of terms");
	case MEMBER_JSON:
		return ERR_OK;
	default:
		return refuse(m, kind, "{\"languageMap\": {…}}, or a text together with the parameter lang");
	}
}

/* The fragment's value as one that kind holds; what it is merged with comes later. */
static enum err_code fitting_value(const struct merge *m, const struct merge_patch_options *options,
				   const struct attribute_kind *kind, const struct json *fragment, struct json *ret)
{
	const struct json *value = instance_value(fragment);
	enum member member = instance_value_member(fragment);
	struct json map = json_object();

	if (kind->value == MEMBER_LANGUAGE_MAP && patch_is_language_text(options, fragment)) {
		if (!json_add(m->arena, &map, options->lang, *value))
			return merge_no_memory(m);
		*ret = map;
		return ERR_OK;
	}
	if (member == kind->value && (member != MEMBER_LANGUAGE_MAP || json_is(value, JSON_OBJECT))) {
		*ret = *value;
		return ERR_OK;
	}
	if (member == MEMBER_VALUE && options->simplified)
		return unsimplify(m, options, kind, value, ret);
	if (member == kind->value)
		return refuse(m, kind, "the parameter lang when its languageMap is a text");
	return err_set(m->err, ERR_INVALID, "\"%.*s\" is not allowed in a %.*s", STR_FMT(member_name(member)),
		       STR_FMT(kind->name));
}

enum err_code patch_value(const struct merge *m, const struct merge_patch_options *options,
			  const struct attribute_kind *kind, const struct json *old, const struct json *fragment,
			  struct json *ret)
{
	const struct json *own = old ? instance_value(old) : NULL;
	bool raw = kind->value == MEMBER_JSON; /* in which "@type" means nothing */
	struct json given = {0}, merged = {0};
	enum err_code code = fitting_value(m, options, kind, fragment, &given);

	if (code)
		return code;
	if (!merge_json(m->arena, own, &given, !raw, &merged))
		return merge_no_memory(m);
	if (kind->value == MEMBER_LANGUAGE_MAP && merged.count == 0)
		return err_set(m->err, ERR_INVALID,
			       "no language would be left; {\"@none\": \"urn:ngsi-ld:null\"} deletes the attribute");
	if (str_eq(kind->name, STR("GeoProperty")) && (code = geo_check(&merged, m->err))) {
		(void)err_while(m->err, "merging \"value\", a GeoJSON geometry");
		return code;
	}
	*ret = merged;
	return ERR_OK;
}
