/* The members of context objects and of expanded term definitions, as JSON-LD 1.1 API 4.1.2 and 4.2.2 check them. */
#include "ngsild/context_build_int.h"

static const struct str keywords[] = {
	{"@base", 5},   {"@container", 10}, {"@context", 8}, {"@direction", 10}, {"@graph", 6},      {"@id", 3},
	{"@import", 7}, {"@included", 9},   {"@index", 6},   {"@json", 5},       {"@language", 9},   {"@list", 5},
	{"@nest", 5},   {"@none", 5},       {"@prefix", 7},  {"@propagate", 10}, {"@protected", 10}, {"@reverse", 8},
	{"@set", 4},    {"@type", 5},       {"@value", 6},   {"@version", 8},    {"@vocab", 6},
};

bool context_is_keyword(struct str name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (str_eq(name, keywords[i]))
			return true;
	return false;
}

bool context_looks_like_keyword(struct str name)
{
	if (name.len < 2 || name.at[0] != '@')
		return false;
	for (size_t i = 1; i < name.len; i++)
		if (!((name.at[i] >= 'a' && name.at[i] <= 'z') || (name.at[i] >= 'A' && name.at[i] <= 'Z')))
			return false;
	return true;
}

static enum err_code wrong(const struct build *build, struct str term, struct str member, const char *expected)
{
	return err_set(build->err, ERR_INVALID, "term \"%.*s\": %.*s must be %s", STR_FMT(context_shown(term)),
		       STR_FMT(member), expected);
}

/* ---- context objects ---- */

static bool is_direction(const struct json *value)
{
	return json_is(value, JSON_NULL) || str_eq(json_text(value), STR("ltr")) ||
	       str_eq(json_text(value), STR("rtl"));
}

/* "@type" may be said to be a set, and to be protected; nothing else. */
static bool is_type_definition(const struct json *value)
{
	for (uint32_t i = 0; json_is(value, JSON_OBJECT) && i < value->count; i++) {
		const struct json_member *member = &value->members[i];
		bool good = str_eq(member->key, STR("@container"))
				    ? str_eq(json_text(&member->value), STR("@set"))
				    : str_eq(member->key, STR("@protected")) && json_is(&member->value, JSON_BOOL);

		if (!good)
			return false;
	}
	return json_is(value, JSON_OBJECT) && value->count > 0;
}

static enum err_code check_keyword(const struct build *build, struct str key, const struct json *value)
{
	bool text = json_is(value, JSON_STRING) || json_is(value, JSON_NULL);
	const char *expected = NULL;

	if (str_eq(key, STR("@vocab")) || str_eq(key, STR("@base")) || str_eq(key, STR("@language")))
		expected = text ? NULL : "a string or null";
	else if (str_eq(key, STR("@direction")))
		expected = is_direction(value) ? NULL : "\"ltr\", \"rtl\" or null";
	else if (str_eq(key, STR("@propagate")) || str_eq(key, STR("@protected")))
		expected = json_is(value, JSON_BOOL) ? NULL : "true or false";
	else if (str_eq(key, STR("@version")))
		expected = json_is(value, JSON_NUMBER) && value->number == 1.1 ? NULL : "the number 1.1";
	else if (str_eq(key, STR("@type")))
		expected = is_type_definition(value) ? NULL : "an object of @container @set and @protected at most";
	else if (!str_eq(key, STR("@import")) && context_is_keyword(key))
		return err_set(build->err, ERR_INVALID, "the keyword %.*s cannot be defined anew", STR_FMT(key));
	return expected ? err_set(build->err, ERR_INVALID, "%.*s must be %s", STR_FMT(key), expected) : ERR_OK;
}

enum err_code context_check_keywords(struct build *build, const struct json *object)
{
	build->is_protected = false;
	for (uint32_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];

		if (member->key.len == 0)
			return err_set(build->err, ERR_INVALID, "an empty term in an @context");
		if (member->key.at[0] != '@')
			continue;
		enum err_code code = check_keyword(build, member->key, &member->value);

		if (code != ERR_OK)
			return code;
		if (str_eq(member->key, STR("@protected")))
			build->is_protected = member->value.boolean;
	}
	return ERR_OK;
}

/* ---- containers ---- */

static const struct str container_names[] = {{"@list", 5}, {"@set", 4},  {"@language", 9}, {"@index", 6},
					     {"@id", 3},   {"@type", 5}, {"@graph", 6}};

static bool add_container(const struct json *value, uint8_t *container)
{
	for (size_t i = 0; i < sizeof(container_names) / sizeof(container_names[0]); i++) {
		uint8_t bit = (uint8_t)(1u << i);

		if (!str_eq(json_text(value), container_names[i]))
			continue;
		if (*container & bit)
			return false;
		*container |= bit;
		return true;
	}
	return false;
}

static bool take_container(const struct json *value, uint8_t *ret)
{
	uint8_t container = 0;

	if (json_is(value, JSON_NULL))
		return true;
	if (json_is(value, JSON_STRING)) {
		if (!add_container(value, &container))
			return false;
	} else if (!json_is(value, JSON_ARRAY) || value->count == 0) {
		return false;
	}
	for (uint32_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++)
		if (!add_container(&value->items[i], &container))
			return false;
	/* A list stands alone; a set beside any other one; graphs may be indexed or named. */
	uint8_t others = container & (uint8_t)~CONTAINER_SET;
	uint8_t beside_graph = others & (uint8_t)~CONTAINER_GRAPH;

	*ret = container;
	if (others & CONTAINER_GRAPH)
		return beside_graph == 0 || beside_graph == CONTAINER_ID || beside_graph == CONTAINER_INDEX;
	if (others & (others - 1))
		return false;
	return others != CONTAINER_LIST || !(container & CONTAINER_SET);
}

/* ---- definitions ---- */

static bool has_colon_or_slash(struct str name)
{
	size_t at;

	return str_find(name, ':', &at) || str_find(name, '/', &at);
}

static bool is_nest(const struct json *value)
{
	struct str text = json_text(value);

	return text.at && (str_eq(text, STR("@nest")) || !context_is_keyword(text));
}

static enum err_code check_member(const struct build *build, const struct json_member *member,
				  struct context_term *term)
{
	const struct json *value = &member->value;
	struct str key = member->key;
	bool text = json_is(value, JSON_STRING);
	bool text_or_null = text || json_is(value, JSON_NULL);

	if (str_eq(key, STR("@id")) || str_eq(key, STR("@language")))
		return text_or_null ? ERR_OK : wrong(build, term->name, key, "a string or null");
	if (str_eq(key, STR("@type")) || str_eq(key, STR("@reverse")) || str_eq(key, STR("@index")))
		return text ? ERR_OK : wrong(build, term->name, key, "a string");
	if (str_eq(key, STR("@direction")))
		return is_direction(value) ? ERR_OK : wrong(build, term->name, key, "\"ltr\", \"rtl\" or null");
	if (str_eq(key, STR("@nest")))
		return is_nest(value) ? ERR_OK : wrong(build, term->name, key, "\"@nest\" or a term");
	if (str_eq(key, STR("@container")))
		return take_container(value, &term->container)
			       ? ERR_OK
			       : wrong(build, term->name, key, "one of JSON-LD's containers");
	if (str_eq(key, STR("@prefix")) || str_eq(key, STR("@protected")))
		return json_is(value, JSON_BOOL) ? ERR_OK : wrong(build, term->name, key, "true or false");
	if (str_eq(key, STR("@context")))
		return build->context->core ? err_set(build->err, ERR_INVALID,
						      "term \"%.*s\": scoped contexts are not allowed (5.5.7)",
						      STR_FMT(context_shown(term->name)))
					    : ERR_OK;
	return err_set(build->err, ERR_INVALID, "term \"%.*s\": JSON-LD knows no \"%.*s\" in a definition",
		       STR_FMT(context_shown(term->name)), STR_FMT(context_shown(key)));
}

/* What only makes sense together. */
static enum err_code check_together(const struct build *build, const struct json *object,
				    const struct context_term *term)
{
	const struct json *prefix = json_get(object, STR("@prefix"));
	struct str type = json_text(json_get(object, STR("@type")));

	if (prefix && has_colon_or_slash(term->name))
		return wrong(build, term->name, STR("@prefix"), "absent from a term with a colon or slash");
	if (json_get(object, STR("@index")) && !(term->container & CONTAINER_INDEX))
		return wrong(build, term->name, STR("@index"), "beside the container @index");
	if ((term->container & CONTAINER_TYPE) && type.at && !str_eq(type, STR("@id")) && !str_eq(type, STR("@vocab")))
		return wrong(build, term->name, STR("@type"), "@id or @vocab with the container @type");
	if (!json_get(object, STR("@reverse")))
		return ERR_OK;
	if (json_get(object, STR("@id")) || json_get(object, STR("@nest")))
		return wrong(build, term->name, STR("@reverse"), "without @id and @nest");
	if (term->container & (uint8_t) ~(CONTAINER_SET | CONTAINER_INDEX))
		return wrong(build, term->name, STR("@container"), "@set or @index with @reverse");
	return ERR_OK;
}

enum err_code context_check_definition(const struct build *build, const struct json *object, struct context_term *term)
{
	for (uint32_t i = 0; i < object->count; i++) {
		enum err_code code = check_member(build, &object->members[i], term);

		if (code != ERR_OK)
			return code;
	}
	const struct json *is_protected = json_get(object, STR("@protected"));

	term->reverse = json_get(object, STR("@reverse")) != NULL;
	if (is_protected)
		term->is_protected = is_protected->boolean;
	return check_together(build, object, term);
}

/* An attribute is a node to JSON-LD: containers are tried in this order, in each a term of type @id before one without
 * a type. Others would not be used for nodes at all; 4.4 asks for terms with datatypes, so here they come last. */
uint8_t context_rank(const struct context_term *term, bool has_language)
{
	uint8_t by_container = 4, by_type = 2;

	if (term->container & (CONTAINER_ID | CONTAINER_TYPE) && !(term->container & CONTAINER_GRAPH))
		by_container = 0;
	else if (term->container == CONTAINER_SET)
		by_container = 1;
	else if (term->container == 0)
		by_container = 2;
	else if ((term->container & (uint8_t)~CONTAINER_SET) == CONTAINER_INDEX)
		by_container = 3;
	if (str_eq(term->type, STR("@id")))
		by_type = 0;
	else if (!term->type.at && !has_language)
		by_type = 1;
	return (uint8_t)(by_container * 3 + by_type);
}
