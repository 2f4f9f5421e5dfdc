/* Reading documents: from simdjson's list of positions to the tree.
 *
 * The text is copied once, into the arena, with the padding that simdjson reads behind it. Its first stage lists where
 * brackets, colons, commas, strings and scalars begin. One pass over that list builds the tree: finished values whose
 * parent is still open wait on a stack in the parser and move into the arena, in one piece, when the parent closes.
 * Strings and number tokens stay where they are in the copy, so that a string costs no memory of its own.
 *
 * Everything that the first stage does not check is checked here: the grammar, scalars, escapes, depth, duplicates. */
#include "json/json_int.h"
#include "json/read_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_ROOM_MIN 64u
#define VALUES_KEPT_MAX 16384u /* values of the stack kept between documents (48 bytes each) */
#define DUPLICATES_SCAN_MAX 24u /* members compared pair by pair; more are sorted */

static_assert(sizeof(struct json) == 32, "a node is 32 bytes");

struct frame { /* an open array or object */
	size_t base; /* its first child on the stack */
	size_t at; /* where it opened, for errors */
	bool object;
};

struct json_parser {
	struct json_index *index;
	struct json_member *values; /* the stack; keys are used by objects only */
	size_t value_count, value_room;
	struct frame *frames;
	uint32_t frame_room;
};

struct walk { /* the state of one pass */
	struct reading reading;
	struct json_parser *parser;
	struct arena *arena;
	const uint32_t *at, *end; /* positions left */
	uint32_t depth, depth_max;
	bool duplicates_allowed;
};

struct json_parser *json_parser_new(void)
{
	struct json_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	parser->index = json_index_new();
	return parser->index ? parser : json_parser_free(parser);
}

struct json_parser *json_parser_free(struct json_parser *parser)
{
	if (!parser)
		return NULL;
	if (parser->index)
		(void)json_index_free(parser->index);
	free(parser->values);
	free(parser->frames);
	free(parser);
	return NULL;
}

static void parser_shrink(struct json_parser *parser)
{
	json_index_shrink(parser->index);
	if (parser->value_room <= VALUES_KEPT_MAX)
		return;
	free(parser->values);
	parser->values = NULL;
	parser->value_room = 0;
}

static enum err_code no_memory(struct walk *walk)
{
	return err_set(walk->reading.err, ERR_MEMORY, "no memory for a JSON document of %zu bytes", walk->reading.len);
}

/* Behind the last position stands the text's length, and there a NUL of the padding: nothing passes it. */
static size_t position(const struct walk *walk)
{
	return *walk->at;
}

static char peek(const struct walk *walk)
{
	return walk->reading.text[*walk->at];
}

static enum err_code expected(struct walk *walk, const char *what)
{
	size_t at = position(walk);

	return err_set(walk->reading.err, ERR_INVALID, "%s expected at byte %zu, found %s", what, at,
		       read_show(&walk->reading, at).text);
}

static bool grow(struct json_parser *parser)
{
	size_t room = parser->value_room ? parser->value_room * 2 : VALUES_ROOM_MIN;
	struct json_member *values = reallocarray(parser->values, room, sizeof(*values));

	if (!values)
		return false;
	parser->values = values;
	parser->value_room = room;
	return true;
}

/* The slot on top of the stack, where the next value goes; its key may be there before it. Counting it takes it. */
static struct json_member *slot(struct json_parser *parser)
{
	if (parser->value_count == parser->value_room && !grow(parser))
		return NULL;
	return &parser->values[parser->value_count];
}

static int compare_keys(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static enum err_code duplicate(struct walk *walk, size_t at, struct str key)
{
	return err_set(walk->reading.err, ERR_INVALID, "member \"%.*s\" occurs twice in the object at byte %zu",
		       STR_FMT(str_part(key, 0, 100)), at);
}

/* Large objects: sorted copies of the keys, so that no choice of keys makes it slow. */
static enum err_code check_many_keys(struct walk *walk, size_t at, const struct json_member *members, size_t count)
{
	struct str *keys = reallocarray(NULL, count, sizeof(*keys));

	if (!keys)
		return no_memory(walk);
	for (size_t i = 0; i < count; i++)
		keys[i] = members[i].key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	enum err_code code = ERR_OK;

	for (size_t i = 1; i < count && code == ERR_OK; i++)
		if (str_eq(keys[i - 1], keys[i]))
			code = duplicate(walk, at, keys[i]);
	free(keys);
	return code;
}

/* A 64-bit set of signatures tells most keys apart without comparing them. */
static unsigned signature(struct str key)
{
	if (!key.len)
		return 0;
	return ((unsigned)key.len * 7u + (unsigned char)key.at[0] * 5u + (unsigned char)key.at[key.len - 1]) & 63u;
}

static enum err_code check_keys(struct walk *walk, size_t at, const struct json_member *members, size_t count)
{
	if (count > DUPLICATES_SCAN_MAX)
		return check_many_keys(walk, at, members, count);
	uint64_t seen = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bit = UINT64_C(1) << signature(members[i].key);

		for (size_t j = 0; (seen & bit) && j < i; j++)
			if (str_eq(members[j].key, members[i].key))
				return duplicate(walk, at, members[i].key);
		seen |= bit;
	}
	return ERR_OK;
}

/* Moves the children of the innermost frame from the stack into the arena; the node comes into its parent's slot, or
 * into the first one when it is the root. */
static enum err_code close_container(struct walk *walk)
{
	struct json_parser *parser = walk->parser;
	const struct frame *frame = &parser->frames[--walk->depth];
	const struct json_member *from = parser->values + frame->base;
	size_t count = parser->value_count - frame->base;
	struct json *node = &parser->values[frame->base - 1].value;

	*node = (struct json){.kind = frame->object ? JSON_OBJECT : JSON_ARRAY};
	node->count = node->room = (uint32_t)count;
	parser->value_count = frame->base - 1;
	walk->at++;
	if (!frame->object) {
		node->items = arena_array(walk->arena, struct json, count);
		for (size_t i = 0; node->items && i < count; i++)
			node->items[i] = from[i].value;
		return node->items ? ERR_OK : no_memory(walk);
	}
	if (!walk->duplicates_allowed) {
		enum err_code code = check_keys(walk, frame->at, from, count);

		if (code != ERR_OK)
			return code;
	}
	node->members = arena_array(walk->arena, struct json_member, count);
	if (!node->members)
		return no_memory(walk);
	memcpy(node->members, from, count * sizeof(*from));
	return ERR_OK;
}

/* Takes the slot on top for the container that begins here. */
static enum err_code open_container(struct walk *walk, bool object)
{
	if (walk->depth == walk->depth_max)
		return err_set(walk->reading.err, ERR_LIMIT, "JSON nested deeper than %u levels at byte %zu",
			       walk->depth_max, position(walk));
	walk->parser->value_count++;
	walk->parser->frames[walk->depth++] =
		(struct frame){.base = walk->parser->value_count, .at = position(walk), .object = object};
	walk->at++;
	return ERR_OK;
}

/* `"key" :` into the key of the next slot. */
static enum err_code read_key(struct walk *walk)
{
	if (peek(walk) != '"')
		return expected(walk, "a member name in quotes");
	size_t at = *walk->at++;
	struct json_member *member = slot(walk->parser);

	if (!member)
		return no_memory(walk);
	enum err_code code = read_string(&walk->reading, at, position(walk), &member->key);

	if (code != ERR_OK)
		return code;
	if (peek(walk) != ':')
		return expected(walk, "':'");
	walk->at++;
	return ERR_OK;
}

static enum err_code read_literal(struct walk *walk, size_t at, struct str word, struct json value, struct json *ret)
{
	const struct reading *reading = &walk->reading;

	/* The padding makes the comparison safe at the end of the text. */
	if (memcmp(reading->text + at, word.at, word.len) != 0 || !read_ends_scalar(reading, at + word.len)) {
		walk->at--;
		return expected(walk, "a JSON value");
	}
	*ret = value;
	return ERR_OK;
}

static enum err_code read_scalar(struct walk *walk, struct json *ret)
{
	size_t at = position(walk);
	char c = peek(walk);

	switch (c) {
	case '"': {
		struct str text;

		walk->at++;
		enum err_code code = read_string(&walk->reading, at, position(walk), &text);

		if (code == ERR_OK)
			*ret = (struct json){.kind = JSON_STRING, .count = (uint32_t)text.len, .text = text.at};
		return code;
	}
	case 't':
		walk->at++;
		return read_literal(walk, at, STR("true"), json_bool(true), ret);
	case 'f':
		walk->at++;
		return read_literal(walk, at, STR("false"), json_bool(false), ret);
	case 'n':
		walk->at++;
		return read_literal(walk, at, STR("null"), json_null(), ret);
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return expected(walk, "a JSON value");
		walk->at++;
		return read_number(&walk->reading, at, ret);
	}
}

/* Opens containers down to the first scalar or empty container, whose value is in the slot on top then. */
static enum err_code descend(struct walk *walk)
{
	for (;;) {
		struct json_member *member = slot(walk->parser);
		char c = peek(walk);

		if (!member)
			return no_memory(walk);
		if (c != '{' && c != '[')
			return read_scalar(walk, &member->value);
		enum err_code code = open_container(walk, c == '{');

		if (code != ERR_OK)
			return code;
		if (peek(walk) == (c == '{' ? '}' : ']'))
			return close_container(walk);
		code = c == '{' ? read_key(walk) : ERR_OK;
		if (code != ERR_OK)
			return code;
	}
}

/* Takes the value on top for its parent and closes every parent that ends here; stops before the next value of an
 * open parent, or with depth 0. */
static enum err_code ascend(struct walk *walk)
{
	while (walk->depth > 0) {
		bool object = walk->parser->frames[walk->depth - 1].object;
		char c = peek(walk);

		walk->parser->value_count++;
		if (c == ',') {
			walk->at++;
			return object ? read_key(walk) : ERR_OK;
		}
		if (c != (object ? '}' : ']'))
			return expected(walk, object ? "',' or '}'" : "',' or ']'");
		enum err_code code = close_container(walk);

		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

/* The root is in the first slot afterwards. */
static enum err_code read_document(struct walk *walk)
{
	enum err_code code;

	do {
		code = descend(walk);
		if (code == ERR_OK)
			code = ascend(walk);
	} while (code == ERR_OK && walk->depth > 0);
	if (code == ERR_OK && walk->at < walk->end)
		return expected(walk, "the end of the document");
	return code;
}

static enum err_code prepare(struct walk *walk, struct str bytes)
{
	struct json_parser *parser = walk->parser;
	struct reading *reading = &walk->reading;
	uint32_t count = 0;

	if (bytes.len > JSON_DOCUMENT_BYTES_MAX)
		return err_set(reading->err, ERR_LIMIT, "JSON document of %zu bytes, at most %u are read", bytes.len,
			       JSON_DOCUMENT_BYTES_MAX);
	if (walk->depth_max > parser->frame_room) {
		struct frame *frames = reallocarray(parser->frames, walk->depth_max, sizeof(*frames));

		if (!frames)
			return no_memory(walk);
		parser->frames = frames;
		parser->frame_room = walk->depth_max;
	}
	reading->text = arena_bytes(walk->arena, bytes.len, JSON_PADDING_BYTES);
	if (!reading->text)
		return no_memory(walk);
	if (bytes.len)
		memcpy(reading->text, bytes.at, bytes.len);
	reading->has_escapes = memchr(reading->text, '\\', bytes.len) != NULL;
	parser->value_count = 0;
	switch (json_index_build(parser->index, reading->text, bytes.len, &walk->at, &count)) {
	case JSON_INDEX_EMPTY:
		return err_set(reading->err, ERR_INVALID, "a JSON value expected, the text of %zu bytes is empty",
			       bytes.len);
	case JSON_INDEX_MEMORY:
		return no_memory(walk);
	case JSON_INDEX_BAD:
		return read_diagnose(reading);
	default:
		walk->end = walk->at + count;
		return ERR_OK;
	}
}

enum err_code json_parse(struct json_parser *parser, struct arena *arena, struct str bytes,
			 const struct json_parse_options *options, struct json **ret_json, struct error *err)
{
	struct walk walk = {.reading = {.len = bytes.len, .err = err},
			    .parser = parser,
			    .arena = arena,
			    .depth_max = options && options->depth_max ? options->depth_max : JSON_DEPTH_MAX,
			    .duplicates_allowed = options && options->duplicates_allowed};
	struct json *root = NULL;
	enum err_code code = prepare(&walk, bytes);

	if (code == ERR_OK)
		code = read_document(&walk);
	if (code == ERR_OK) {
		root = json_new(arena, parser->values[0].value);
		if (!root)
			code = no_memory(&walk);
	}
	parser_shrink(parser);
	if (code == ERR_OK)
		*ret_json = root;
	return code;
}
