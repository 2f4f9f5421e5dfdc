/* Writing trees as compact text. Strings without anything to escape, nearly all of them, go out in one copy. */
#include "json/json.h"

#include "json/json_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Has one of eight bytes a value below n (n <= 128)? Exact as long as bytes of 128 and more are masked out. */
static uint64_t has_less(uint64_t x, uint64_t n)
{
	return (x - ONES * n) & ~x & HIGHS;
}

static bool needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

typedef unsigned char bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static bool block_is_clean(const char *text)
{
	bytes16 x;

	memcpy(&x, text, sizeof(x));
	words2 found = (words2)((x < 0x20) | (x == '"') | (x == '\\'));

	return (found[0] | found[1]) == 0;
}

static bool word_is_clean(uint64_t x)
{
	return !(has_less(x, 0x20) | has_less(x ^ ONES * '"', 1) | has_less(x ^ ONES * '\\', 1));
}

static bool bytes_are_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (needs_escape((unsigned char)text[i]))
			return false;
	return true;
}

/* Is there nothing to escape? Sixteen or eight bytes at a time, the last ones overlapping those before. */
static bool is_clean(const char *text, size_t len)
{
	uint64_t x;

	if (len < sizeof(x)) {
		uint32_t first, last;

		if (len < sizeof(first))
			return bytes_are_clean(text, len);
		memcpy(&first, text, sizeof(first));
		memcpy(&last, text + len - sizeof(last), sizeof(last));
		return word_is_clean((uint64_t)first << 32 | last);
	}
	if (len >= sizeof(bytes16)) {
		for (size_t i = 0; i + sizeof(bytes16) < len; i += sizeof(bytes16))
			if (!block_is_clean(text + i))
				return false;
		return block_is_clean(text + len - sizeof(bytes16));
	}
	memcpy(&x, text, sizeof(x));
	if (!word_is_clean(x))
		return false;
	memcpy(&x, text + len - sizeof(x), sizeof(x));
	return word_is_clean(x);
}

static void write_escape(struct buf *buf, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	switch (c) {
	case '"':
		buf_put(buf, STR("\\\""));
		break;
	case '\\':
		buf_put(buf, STR("\\\\"));
		break;
	case '\b':
		buf_put(buf, STR("\\b"));
		break;
	case '\f':
		buf_put(buf, STR("\\f"));
		break;
	case '\n':
		buf_put(buf, STR("\\n"));
		break;
	case '\r':
		buf_put(buf, STR("\\r"));
		break;
	case '\t':
		buf_put(buf, STR("\\t"));
		break;
	default:
		buf_put(buf, (struct str){(const char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6});
	}
}

static void write_escaped(struct buf *buf, struct str text)
{
	buf_put_char(buf, '"');
	while (text.len) {
		size_t clean = 0;

		while (clean < text.len && !needs_escape((unsigned char)text.at[clean]))
			clean++;
		buf_put(buf, str_part(text, 0, clean));
		if (clean < text.len)
			write_escape(buf, (unsigned char)text.at[clean++]);
		text = str_part(text, clean, text.len);
	}
	buf_put_char(buf, '"');
}

/* The quoted text with one character behind it unless that is NUL. */
static void write_string(struct buf *buf, struct str text, char behind)
{
	if (!is_clean(text.at, text.len)) {
		write_escaped(buf, text);
		if (behind)
			buf_put_char(buf, behind);
		return;
	}
	char *at = buf_extend(buf, text.len + 2 + (behind != '\0'));

	if (!at)
		return;
	*at++ = '"';
	if (text.len)
		memcpy(at, text.at, text.len);
	at[text.len] = '"';
	if (behind)
		at[text.len + 1] = behind;
}

void json_write_string(struct buf *buf, struct str text)
{
	write_string(buf, text, '\0');
}

void json_write_double(struct buf *buf, double value)
{
	char text[JSON_NUMBER_TEXT_BYTES];

	assert(isfinite(value));
	buf_put(buf, (struct str){text, json_number_to_text(value, text)});
}

/* One character; the buffer's own function only when it is full. */
static void put_char(struct buf *buf, char c)
{
	if (buf->len < buf->room && !buf->failed)
		buf->at[buf->len++] = c;
	else
		buf_put_char(buf, c);
}

static void write_array(struct buf *buf, const struct json *array)
{
	put_char(buf, '[');
	for (uint32_t i = 0; i < array->count && !buf->failed; i++) {
		if (i)
			put_char(buf, ',');
		json_write(buf, &array->items[i]);
	}
	put_char(buf, ']');
}

static void write_object(struct buf *buf, const struct json *object)
{
	put_char(buf, '{');
	for (uint32_t i = 0; i < object->count && !buf->failed; i++) {
		if (i)
			put_char(buf, ',');
		write_string(buf, object->members[i].key, ':');
		json_write(buf, &object->members[i].value);
	}
	put_char(buf, '}');
}

void json_write(struct buf *buf, const struct json *node)
{
	switch (node->kind) {
	case JSON_NULL:
		buf_put(buf, STR("null"));
		break;
	case JSON_BOOL:
		buf_put(buf, node->boolean ? STR("true") : STR("false"));
		break;
	case JSON_NUMBER:
		buf_put(buf, (struct str){node->text, node->count});
		break;
	case JSON_STRING:
		write_string(buf, (struct str){node->text, node->count}, '\0');
		break;
	case JSON_ARRAY:
		write_array(buf, node);
		break;
	default:
		write_object(buf, node);
	}
}
