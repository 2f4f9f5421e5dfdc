/* Indented JSON. */
#include "main/pretty.h"

#define INLINE_ITEMS_MAX 4u

static void put_line(struct buf *out, uint32_t indent)
{
	buf_put_char(out, '\n');
	for (uint32_t i = 0; i < indent; i++)
		buf_put(out, STR("  "));
}

/* Coordinates and the like stand on one line. */
static bool is_inline(const struct json *array)
{
	if (array->count > INLINE_ITEMS_MAX)
		return false;
	for (size_t i = 0; i < array->count; i++)
		if (array->items[i].kind == JSON_ARRAY || array->items[i].kind == JSON_OBJECT)
			return false;
	return true;
}

static void write_array(struct buf *out, const struct json *array, uint32_t indent)
{
	bool inlined = is_inline(array);

	buf_put_char(out, '[');
	for (size_t i = 0; i < array->count; i++) {
		buf_put(out, i ? STR(",") : STR(""));
		if (!inlined)
			put_line(out, indent + 1);
		else if (i)
			buf_put_char(out, ' ');
		pretty_write(out, &array->items[i], indent + 1);
	}
	if (!inlined)
		put_line(out, indent);
	buf_put_char(out, ']');
}

static void write_object(struct buf *out, const struct json *object, uint32_t indent)
{
	buf_put_char(out, '{');
	for (size_t i = 0; i < object->count; i++) {
		buf_put(out, i ? STR(",") : STR(""));
		put_line(out, indent + 1);
		json_write_string(out, object->members[i].key);
		buf_put(out, STR(": "));
		pretty_write(out, &object->members[i].value, indent + 1);
	}
	if (object->count)
		put_line(out, indent);
	buf_put_char(out, '}');
}

void pretty_write(struct buf *out, const struct json *node, uint32_t indent)
{
	if (node->kind == JSON_ARRAY)
		write_array(out, node, indent);
	else if (node->kind == JSON_OBJECT)
		write_object(out, node, indent);
	else
		json_write(out, node);
}
