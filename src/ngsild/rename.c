/* Documents of clients under another @context, copied where something in them changes. */
#include "ngsild/rename_int.h"

#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/name_int.h"
#include "ngsild/represent.h"

#define RENAMED_BYTES_MAX (16u << 20) /* of one text of names */

/* A name under the other @context; as it is where it means nothing, or is a member's. */
static struct str renamed(struct renaming *r, struct str name)
{
	struct error unseen;
	struct str iri;

	if (!name_is_legal(name) || member_of(name) != MEMBER_NONE)
		return name;
	enum err_code code = context_expand(r->from, r->arena, name, &iri, &unseen);

	r->failed = r->failed || code == ERR_MEMORY;
	if (code)
		return name;
	return r->to ? represent_name(r->to, r->arena, iri) : iri;
}

/* A text of names with these marks between them: a type selection, a projection. */
static struct json renamed_all(struct renaming *r, struct str text, const char *marks)
{
	struct buf out;
	size_t at = 0;

	buf_init(&out, RENAMED_BYTES_MAX);
	while (at < text.len) {
		size_t from = at;

		while (at < text.len && !strchr(marks, text.at[at]))
			at++;
		if (at > from)
			buf_put(&out, renamed(r, str_part(text, from, at)));
		if (at < text.len)
			buf_put_char(&out, text.at[at++]);
	}
	struct str result = arena_dup(r->arena, buf_str(&out));

	r->failed = r->failed || out.failed || !result.at;
	buf_done(&out);
	return json_string(result);
}

void rename_set(struct renaming *r, struct json *object, struct str key, struct json value)
{
	if (!json_set(r->arena, object, key, value))
		r->failed = true;
}

void rename_member(struct renaming *r, struct json *object, struct str key, const char *marks)
{
	const struct json *value = json_get(object, key);
	struct json list = json_array();

	if (json_is(value, JSON_STRING) && !node_is_null(value))
		rename_set(r, object, key, renamed_all(r, json_text(value), marks));
	if (!json_is(value, JSON_ARRAY))
		return;
	for (uint32_t i = 0; i < value->count; i++) {
		const struct json *item = &value->items[i];

		if (!json_push(r->arena, &list, node_is_null(item) ? *item : renamed_all(r, json_text(item), marks)))
			r->failed = true;
	}
	rename_set(r, object, key, list);
}

/* The members of an object in one of our own. */
static bool copy_members(struct arena *arena, const struct json *object, struct json *ret_copy)
{
	*ret_copy = json_object();
	for (uint32_t i = 0; json_is(object, JSON_OBJECT) && i < object->count; i++)
		if (!json_add(arena, ret_copy, object->members[i].key, object->members[i].value))
			return false;
	return true;
}

struct json *rename_copy(struct renaming *r, const struct json *document)
{
	struct json *copy = json_new(r->arena, json_object());

	if (copy && copy_members(r->arena, document, copy))
		return copy;
	r->failed = true;
	return NULL;
}

struct json *rename_own(struct renaming *r, struct json *outer, struct str key)
{
	struct json *value = json_get(outer, key);
	struct json copy;

	if (!json_is(value, JSON_OBJECT))
		return NULL;
	if (!copy_members(r->arena, value, &copy))
		r->failed = true;
	*value = copy;
	return value;
}

void rename_items(struct renaming *r, struct json *outer, struct str key,
		  void (*rename)(struct renaming *r, struct json *item))
{
	struct json *value = json_get(outer, key);
	struct json list = json_array();

	if (!json_is(value, JSON_ARRAY))
		return;
	for (uint32_t i = 0; i < value->count; i++) {
		struct json item = value->items[i];

		if (json_is(&item, JSON_OBJECT)) {
			r->failed = !copy_members(r->arena, &value->items[i], &item) || r->failed;
			rename(r, &item);
		}
		if (!json_push(r->arena, &list, item))
			r->failed = true;
	}
	*value = list;
}

void rename_set_time(struct renaming *r, struct json *object, struct str key, int64_t us)
{
	char text[TIME_ISO_BYTES];

	if (us == INT64_MIN)
		return;
	struct str copy = arena_dup(r->arena, time_format_iso(us, text));

	r->failed = r->failed || !copy.at;
	rename_set(r, object, key, json_string(copy));
}

void rename_set_count(struct renaming *r, struct json *object, struct str key, uint64_t count)
{
	rename_set(r, object, key, json_int(r->arena, count > INT64_MAX ? INT64_MAX : (int64_t)count));
}
