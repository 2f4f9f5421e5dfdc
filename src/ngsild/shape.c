/* The walk over a document's members by the tables of its shape, whatever they hold. */
#include "ngsild/shape.h"

#include "ngsild/attribute_int.h"

#include <stdio.h>

#define PLACE_BYTES_MAX 200u /* of a path in an error's text */

/* ---- where something is wrong ---- */

/* Recursion goes as deep as shapes nest. */
static void put_place(struct buf *out, const struct place *place)
{
	if (!place)
		return;
	put_place(out, place->outer);
	if (!place->name.at)
		buf_printf(out, "[%u]", place->index);
	else
		buf_printf(out, "%s%.*s", out->len ? "." : "", STR_FMT(place->name));
}

enum err_code place_tell(const struct checking *c, const struct place *place, enum err_code code, const char *where,
			 const char *format, ...)
{
	char what[ERROR_DETAIL_BYTES];
	struct buf path;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	buf_init(&path, PLACE_BYTES_MAX);
	put_place(&path, place);
	code = err_set_at(c->err, code, where, "%.*s %s", STR_FMT(place ? buf_str(&path) : str_from(c->subject)), what);
	buf_done(&path);
	return code;
}

/* ---- members ---- */

const struct rule *shape_rule(const struct shape *shape, struct str name)
{
	for (size_t i = 0; i < shape->count; i++)
		if (str_eq(shape->rules[i].name, name))
			return &shape->rules[i];
	return NULL;
}

bool rule_is_null(const struct rule *rule, const struct json *value)
{
	bool list = rule->type == RULE_TEXTS || rule->type == RULE_OBJECTS || rule->type == RULE_TEXT_OR_TEXTS ||
		    rule->type == RULE_TEXT_OR_ARRAY;

	return json_is(value, JSON_NULL) || node_is_null(value) ||
	       (list && json_is(value, JSON_ARRAY) && value->count == 1 && node_is_null(json_at(value, 0)));
}

const struct json *shape_given(const struct json *object, struct str name)
{
	const struct rule any = {.type = RULE_TEXT_OR_ARRAY};
	const struct json *value = json_get(object, name);

	return value && !rule_is_null(&any, value) ? value : NULL;
}

static enum err_code more(const struct checking *c, const struct rule *rule, const struct place *place,
			  const struct json *value)
{
	return rule->check ? rule->check(c, place, value) : ERR_OK;
}

static enum err_code text_check(const struct checking *c, const struct rule *rule, const struct place *place,
				const struct json *value)
{
	if (!json_is(value, JSON_STRING))
		return place_fail(c, place, ERR_INVALID, "is to be a string");
	if (value->count == 0 && rule->type != RULE_ANY_TEXT)
		return place_fail(c, place, ERR_INVALID, "is empty");
	if (node_is_null(value))
		return place_fail(c, place, ERR_INVALID, "is null");
	return more(c, rule, place, value);
}

static enum err_code object_check(const struct checking *c, const struct rule *rule, const struct place *place,
				  const struct json *value)
{
	if (!json_is(value, JSON_OBJECT))
		return place_fail(c, place, ERR_INVALID, "is to be an object");
	enum err_code code = rule->shape ? shape_check(c, rule->shape, place, value) : ERR_OK;

	return code ? code : more(c, rule, place, value);
}

static enum err_code array_check(const struct checking *c, const struct rule *rule, const struct place *place,
				 const struct json *value)
{
	enum err_code code = ERR_OK;

	if (!json_is(value, JSON_ARRAY) || value->count == 0)
		return place_fail(c, place, ERR_INVALID, "is to be an array, not empty");
	if (value->count > SHAPE_LIST_MAX)
		return place_fail(c, place, ERR_TOO_COMPLEX, "has more than %u items", SHAPE_LIST_MAX);
	for (uint32_t i = 0; code == ERR_OK && i < value->count; i++) {
		const struct place item = {place, STR_NONE, i};

		code = rule->type == RULE_OBJECTS ? object_check(c, rule, &item, &value->items[i])
						  : text_check(c, rule, &item, &value->items[i]);
	}
	return code;
}

static enum err_code number_check(const struct checking *c, const struct rule *rule, const struct place *place,
				  const struct json *value)
{
	int64_t whole;

	if (!json_is(value, JSON_NUMBER) || !(value->number > 0))
		return place_fail(c, place, ERR_INVALID, "is to be a number greater than 0");
	if (rule->type == RULE_WHOLE && !json_int64(value, &whole))
		return place_fail(c, place, ERR_INVALID, "is to be a whole number of 1 or more");
	return more(c, rule, place, value);
}

/* One flat switch. */
static enum err_code value_check(const struct checking *c, const struct rule *rule, const struct place *place,
				 const struct json *value)
{
	switch (rule->type) {
	case RULE_TEXT:
	case RULE_ANY_TEXT:
		return text_check(c, rule, place, value);
	case RULE_BOOL:
		return json_is(value, JSON_BOOL) ? more(c, rule, place, value)
						 : place_fail(c, place, ERR_INVALID, "is to be true or false");
	case RULE_POSITIVE:
	case RULE_WHOLE:
		return number_check(c, rule, place, value);
	case RULE_OBJECT:
		return object_check(c, rule, place, value);
	case RULE_TEXTS:
	case RULE_OBJECTS:
		return array_check(c, rule, place, value);
	case RULE_TEXT_OR_TEXTS:
		return json_is(value, JSON_ARRAY) ? array_check(c, rule, place, value)
						  : text_check(c, rule, place, value);
	case RULE_TEXT_OR_ARRAY:
		if (!json_is(value, JSON_ARRAY) && (!json_is(value, JSON_STRING) || value->count == 0))
			return place_fail(c, place, ERR_INVALID, "is to be an array or a string");
		return more(c, rule, place, value);
	}
	return ERR_OK;
}

/* What is left out, or null, where it must be: only of the outermost object an update may leave out anything. */
static enum err_code absent(const struct checking *c, const struct rule *rule, const struct place *place, bool null)
{
	bool outermost = !place->outer;

	if (null && !c->fragment)
		return place_fail(c, place, ERR_INVALID, "is null");
	if (!rule->required || (c->fragment && outermost && !null))
		return ERR_OK;
	return place_fail(c, place, ERR_INVALID, null ? "cannot be removed" : "is missing");
}

enum err_code shape_check(const struct checking *c, const struct shape *shape, const struct place *place,
			  const struct json *object)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < shape->count; i++) {
		const struct rule *rule = &shape->rules[i];
		const struct place here = {place, rule->name, 0};
		const struct json *value = json_get(object, rule->name);
		bool null = value && rule_is_null(rule, value);

		code = value && !null ? value_check(c, rule, &here, value) : absent(c, rule, &here, null);
	}
	return code;
}
