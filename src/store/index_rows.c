/* Index rows of a document, and the difference of two documents' rows.
 *
 * Attributes are compared one by one: what is the same to the letter is passed over, and of the others the values are
 * collected, sorted and merged. The documents of one entity
 * list their attributes in nearly the same order, so looking for the counterpart starts where the last was found. */
#include "store/index_rows_int.h"

#include "ngsild/document.h"
#include "ngsild/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct json empty_object = {.kind = JSON_OBJECT};

/* ---- what has not changed ---- */

static bool same_text(const char *a, const char *b, size_t len)
{
	/* A document before and after mostly shares its strings. */
	return a == b || memcmp(a, b, len) == 0;
}

static bool same_key(const struct json_member *a, const struct json_member *b)
{
	return a->key.len == b->key.len && same_text(a->key.at, b->key.at, a->key.len);
}

/* The same to the letter: members in order, numbers as written. Recursion is bounded by the depth of what is stored. */
static bool same_tree(const struct json *a, const struct json *b)
{
	if (a->kind != b->kind || a->count != b->count || a->boolean != b->boolean)
		return false;
	switch (a->kind) {
	case JSON_NUMBER:
	case JSON_STRING:
		return same_text(a->text, b->text, a->count);
	case JSON_ARRAY:
		for (uint32_t i = 0; a->items != b->items && i < a->count; i++)
			if (!same_tree(&a->items[i], &b->items[i]))
				return false;
		return true;
	case JSON_OBJECT:
		for (uint32_t i = 0; a->members != b->members && i < a->count; i++)
			if (!same_key(&a->members[i], &b->members[i]) ||
			    !same_tree(&a->members[i].value, &b->members[i].value))
				return false;
		return true;
	default:
		return true;
	}
}

/* ---- attribute values ---- */

struct str index_text_cut(struct str text)
{
	if (text.len <= INDEX_TEXT_BYTES_MAX)
		return text;
	size_t len = INDEX_TEXT_BYTES_MAX;

	while (len > INDEX_TEXT_BYTES_SURE && ((unsigned char)text.at[len] & 0xC0) == 0x80)
		len--;
	return (struct str){text.at, len};
}

int index_value_cmp(const struct index_value *a, const struct index_value *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == INDEX_NUMBER)
		return a->number < b->number ? -1 : a->number > b->number;
	return a->kind == INDEX_TEXT ? str_cmp(a->text, b->text) : 0;
}

static int value_cmp_sort(const void *a, const void *b)
{
	return index_value_cmp(a, b);
}

struct value_list {
	struct index_value at[INDEX_VALUES_MAX];
	size_t count;
};

static bool list_scalar(void *self, const struct json *scalar)
{
	struct value_list *list = self;
	struct index_value value = {.kind = INDEX_TEXT};

	if (scalar->kind == JSON_NUMBER)
		value = (struct index_value){.kind = INDEX_NUMBER, .number = scalar->number};
	else
		value.text = index_text_cut(json_text(scalar));
	if (list->count == INDEX_VALUES_MAX || !isfinite(value.number)) {
		list->at[0] = (struct index_value){.kind = INDEX_PARTIAL};
		list->count = 1;
		return false;
	}
	list->at[list->count++] = value;
	return true;
}

static void list_sort(struct value_list *list)
{
	size_t kept = 0;

	if (list->count > 1)
		qsort(list->at, list->count, sizeof(*list->at), value_cmp_sort);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || index_value_cmp(&list->at[kept - 1], &list->at[i]) != 0)
			list->at[kept++] = list->at[i];
	list->count = kept;
}

/* instances NULL: the attribute is not there, so it has no row. */
static void list_attribute(const struct json *instances, struct value_list *ret_list)
{
	ret_list->count = 0;
	if (!instances)
		return;
	query_each_narrow_value(instances, list_scalar, ret_list);
	list_sort(ret_list);
	if (ret_list->count == 0)
		ret_list->at[ret_list->count++] = (struct index_value){.kind = INDEX_PRESENT};
}

static enum err_code tell_value(const struct index_visitor *visitor, struct str iri, bool add, struct index_value value)
{
	return index_tell(visitor,
			  &(struct index_change){.table = INDEX_ATTRIBUTE, .add = add, .name = iri, .value = value});
}

static enum err_code diff_lists(const struct index_visitor *visitor, struct str iri, const struct value_list *before,
				const struct value_list *after)
{
	enum err_code code = ERR_OK;
	size_t b = 0, a = 0;

	while (code == ERR_OK && (b < before->count || a < after->count)) {
		int order = b == before->count  ? 1
			    : a == after->count ? -1
						: index_value_cmp(&before->at[b], &after->at[a]);

		if (order < 0)
			code = tell_value(visitor, iri, false, before->at[b]);
		else if (order > 0)
			code = tell_value(visitor, iri, true, after->at[a]);
		b += order <= 0;
		a += order >= 0;
	}
	return code;
}

static enum err_code diff_attribute(const struct index_visitor *visitor, struct str iri, const struct json *before,
				    const struct json *after)
{
	struct value_list old, new;

	list_attribute(before, &old);
	list_attribute(after, &new);
	return diff_lists(visitor, iri, &old, &new);
}

/* json_get() that looks at member *hint first and moves it behind what it found. */
static const struct json *get_near(const struct json *object, struct str key, uint32_t *hint)
{
	if (*hint < object->count && str_eq(object->members[*hint].key, key))
		return &object->members[(*hint)++].value;
	for (uint32_t i = 0; i < object->count; i++) {
		if (!str_eq(object->members[i].key, key))
			continue;
		*hint = i + 1;
		return &object->members[i].value;
	}
	return NULL;
}

static enum err_code diff_attributes(const struct index_visitor *visitor, const struct json *before,
				     const struct json *entity)
{
	enum err_code code = ERR_OK;
	uint32_t hint = 0;

	for (uint32_t i = 0; code == ERR_OK && i < entity->count; i++)
		if (document_is_attribute(entity->members[i].key))
			code = diff_attribute(visitor, entity->members[i].key,
					      get_near(before, entity->members[i].key, &hint),
					      &entity->members[i].value);
	hint = 0;
	for (uint32_t i = 0; code == ERR_OK && i < before->count; i++)
		if (document_is_attribute(before->members[i].key) && !get_near(entity, before->members[i].key, &hint))
			code = diff_attribute(visitor, before->members[i].key, &before->members[i].value, NULL);
	return code;
}

/* ---- types and scopes ---- */

struct str index_scope(struct str scope)
{
	return str_starts(scope, STR("/")) ? str_part(scope, 1, scope.len) : scope;
}

static struct str filed_text(enum index_table table, const struct json *text)
{
	return table == INDEX_SCOPE ? index_scope(json_text(text)) : json_text(text);
}

static bool list_has(enum index_table table, const struct json *list, uint32_t count, struct str text)
{
	for (uint32_t i = 0; i < count; i++)
		if (json_is(&list->items[i], JSON_STRING) && str_eq(filed_text(table, &list->items[i]), text))
			return true;
	return false;
}

static enum err_code tell_missing(const struct index_visitor *visitor, enum index_table table, bool add,
				  const struct json *have, const struct json *lack)
{
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; json_is(have, JSON_ARRAY) && code == ERR_OK && i < have->count; i++) {
		struct str text = filed_text(table, &have->items[i]);

		if (!text.at || list_has(table, have, i, text) ||
		    (json_is(lack, JSON_ARRAY) && list_has(table, lack, lack->count, text)))
			continue;
		code = index_tell(visitor, &(struct index_change){.table = table, .add = add, .name = text});
	}
	return code;
}

static enum err_code diff_texts(const struct index_visitor *visitor, enum index_table table, const struct json *before,
				const struct json *after)
{
	enum err_code code = tell_missing(visitor, table, true, after, before);

	return code ? code : tell_missing(visitor, table, false, before, after);
}

static bool has_place(const struct json *instances)
{
	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		if (str_eq(json_text(json_get(&instances->items[i], STR("type"))), STR("GeoProperty")))
			return true;
	return false;
}

/* ---- documents with the same attributes ---- */

static uint32_t next_attribute(const struct json *entity, uint32_t i)
{
	while (i < entity->count && !document_is_attribute(entity->members[i].key))
		i++;
	return i;
}

/* The same attributes in the same order, whatever else there is (modifiedAt comes with the first change). */
static bool same_attributes(const struct json *before, const struct json *entity)
{
	uint32_t b = next_attribute(before, 0), e = next_attribute(entity, 0);

	while (b < before->count && e < entity->count && same_key(&before->members[b], &entity->members[e])) {
		b = next_attribute(before, b + 1);
		e = next_attribute(entity, e + 1);
	}
	return b == before->count && e == entity->count;
}

/* What most updates are: a few attributes differ. No box can have got another slot unless one of those is a place. */
static enum err_code diff_aligned(const struct index_visitor *visitor, const struct json *before,
				  const struct json *entity)
{
	enum err_code code = ERR_OK;
	bool places = false;
	uint32_t b = next_attribute(before, 0), e = next_attribute(entity, 0);

	for (; code == ERR_OK && e < entity->count;
	     b = next_attribute(before, b + 1), e = next_attribute(entity, e + 1)) {
		const struct json *old = &before->members[b].value, *new = &entity->members[e].value;

		if (same_tree(old, new))
			continue;
		code = diff_attribute(visitor, entity->members[e].key, old, new);
		places = places || has_place(old) || has_place(new);
	}
	return code || !places ? code : index_diff_boxes(visitor, before, entity);
}

/* ---- all of it ---- */

enum err_code index_diff(const struct json *before, const struct json *entity,
			 enum err_code (*visit)(void *self, const struct index_change *change, struct error *err),
			 void *self, struct error *err)
{
	struct index_visitor visitor = {visit, self, err};

	if (!json_is(before, JSON_OBJECT))
		before = &empty_object;
	if (!json_is(entity, JSON_OBJECT))
		entity = &empty_object;
	enum err_code code =
		diff_texts(&visitor, INDEX_TYPE, json_get(before, STR("type")), json_get(entity, STR("type")));

	if (code == ERR_OK)
		code = diff_texts(&visitor, INDEX_SCOPE, json_get(before, STR("scope")),
				  json_get(entity, STR("scope")));
	if (code == ERR_OK && same_attributes(before, entity))
		return diff_aligned(&visitor, before, entity);
	if (code == ERR_OK)
		code = diff_attributes(&visitor, before, entity);
	return code ? code : index_diff_boxes(&visitor, before, entity);
}
