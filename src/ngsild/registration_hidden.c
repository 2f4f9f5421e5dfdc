/* Values of contextSourceInfo that clients never see: "***" stands for them, and may be sent back for them. */
#include "ngsild/registration_int.h"

bool registration_pair_is_private(const struct json *pair)
{
	struct str key = json_text(json_get(pair, STR("key")));

	return !AMONG(key, STR("accept"), STR("contentType"), STR("jsonldContext"), STR("ngsildConformance")) &&
	       !str_eq(json_text(json_get(pair, STR("value"))), STR("urn:ngsi-ld:request"));
}

static const struct json *list_of(const struct json *document)
{
	const struct json *list = json_get(document, STR("contextSourceInfo"));

	return json_is(list, JSON_ARRAY) ? list : NULL;
}

static struct str key_of(const struct json *pair)
{
	return json_text(json_get(pair, STR("key")));
}

static bool is_hidden(const struct json *pair)
{
	return str_eq(json_text(json_get(pair, STR("value"))), STR(REGISTRATION_HIDDEN));
}

static enum err_code refuse(const struct checking *c, uint32_t index)
{
	const struct place list = {NULL, STR("contextSourceInfo"), 0}, pair = {&list, STR_NONE, index};
	const struct place value = {&pair, STR("value"), 0};

	return place_fail(c, &value, ERR_INVALID,
			  "is \"" REGISTRATION_HIDDEN "\", which stands for a value kept before, and there is none");
}

enum err_code registration_check_hidden(const struct checking *c, const struct json *document)
{
	const struct json *list = list_of(document);

	for (uint32_t i = 0; list && i < list->count; i++)
		if (is_hidden(&list->items[i]))
			return refuse(c, i);
	return ERR_OK;
}

/* The n-th pair of this key, counted from 0; or NULL. */
static const struct json *nth_pair(const struct json *list, struct str key, uint32_t n)
{
	for (uint32_t i = 0; list && i < list->count; i++)
		if (str_eq(key_of(&list->items[i]), key) && n-- == 0)
			return &list->items[i];
	return NULL;
}

static uint32_t count_before(const struct json *list, uint32_t index)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < index; i++)
		count += str_eq(key_of(&list->items[i]), key_of(&list->items[index]));
	return count;
}

enum err_code registration_keep_hidden(const struct checking *c, struct arena *arena, const struct json *before,
				       const struct json *fragment, struct json *result)
{
	const struct json *given = shape_given(fragment, STR("contextSourceInfo")), *own = list_of(before);
	const struct json *taken = given ? list_of(result) : own;
	struct json list = json_array();

	if (!taken || !list_of(result))
		return ERR_OK;
	for (uint32_t i = 0; i < taken->count; i++) {
		const struct json *pair = &taken->items[i];

		if (given && is_hidden(pair))
			pair = nth_pair(own, key_of(pair), count_before(taken, i));
		if (!pair)
			return refuse(c, i);
		if (!json_push(arena, &list, *pair))
			return err_set(c->err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
	}
	return json_set(arena, result, STR("contextSourceInfo"), list)
		       ? ERR_OK
		       : err_set(c->err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
}
