/* libyaml's events built into a tree.
 *
 * Events rather than libyaml's own document API, because that one resolves aliases (so a small text can unfold into a
 * huge tree) and lets duplicate keys pass. Children are collected in a list first and moved into one piece of arena
 * memory when their parent ends, so a node is an index away like in an array. */
#include "yaml/yaml_tree.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define SHOWN_BYTES_MAX 40u

struct link { /* a child waiting for its parent's end */
	struct yaml_tree node;
	struct link *next;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct arena *arena;
	struct str file;
	struct error *err;
};

static enum err_code next_event(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
	if (yaml_parser_parse(&reader->parser, &reader->event)) {
		reader->has_event = true;
		return ERR_OK;
	}
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(reader->err, ERR_MEMORY, "no memory to read %.*s", STR_FMT(reader->file));
	if (parser->error == YAML_READER_ERROR)
		return err_set(reader->err, ERR_INVALID, "%.*s: byte %zu: %s", STR_FMT(reader->file),
			       parser->problem_offset, parser->problem ? parser->problem : "not readable as text");
	return err_set(reader->err, ERR_INVALID, "%.*s:%zu:%zu: %s%s%s", STR_FMT(reader->file),
		       parser->problem_mark.line + 1, parser->problem_mark.column + 1,
		       parser->problem ? parser->problem : "not YAML", parser->context ? " " : "",
		       parser->context ? parser->context : "");
}

static struct yaml_tree node_here(const struct reader *reader, enum yaml_tree_kind kind)
{
	return (struct yaml_tree){
		.kind = kind,
		.file = reader->file,
		.line = (uint32_t)reader->event.start_mark.line + 1,
		.column = (uint32_t)reader->event.start_mark.column + 1,
	};
}

static enum err_code no_memory(const struct reader *reader)
{
	return err_set(reader->err, ERR_MEMORY, "no memory to read %.*s", STR_FMT(reader->file));
}

static enum err_code read_scalar(struct reader *reader, struct yaml_tree *ret)
{
	struct yaml_tree node = node_here(reader, YAML_TREE_SCALAR);
	struct str text = {(const char *)reader->event.data.scalar.value, reader->event.data.scalar.length};

	if (reader->event.data.scalar.anchor)
		return yaml_tree_refuse(&node, reader->err, "anchors (&name) are not used here");
	if (reader->event.data.scalar.tag)
		return yaml_tree_refuse(&node, reader->err, "tags (!name) are not used here");
	if (memchr(text.at, '\0', text.len))
		return yaml_tree_refuse(&node, reader->err, "a NUL character is not allowed");
	node.plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node.text = arena_dup(reader->arena, text);
	if (!node.text.at)
		return no_memory(reader);
	*ret = node;
	return ERR_OK;
}

static enum err_code read_node(struct reader *reader, uint32_t depth, struct yaml_tree *ret);

/* Reads children up to end and lays them out: a list's into items, a map's alternately into keys and items. */
static enum err_code read_children(struct reader *reader, uint32_t depth, yaml_event_type_t end, struct yaml_tree *node)
{
	struct link *first = NULL, **last = &first;
	uint32_t count = 0;
	uint32_t share = node->kind == YAML_TREE_MAP ? 2 : 1;

	for (;;) {
		enum err_code code = next_event(reader);

		if (code || reader->event.type == end) {
			if (code)
				return code;
			break;
		}
		struct link *link = arena_new(reader->arena, struct link);

		if (!link)
			return no_memory(reader);
		if (count >= YAML_TREE_ITEMS_MAX * share)
			return yaml_tree_refuse(node, reader->err, "more than %u entries", YAML_TREE_ITEMS_MAX);
		code = read_node(reader, depth + 1, &link->node);
		if (code)
			return code;
		*last = link;
		last = &link->next;
		count++;
	}
	node->count = count / share;
	node->items = arena_array(reader->arena, struct yaml_tree, node->count);
	node->keys = share == 2 ? arena_array(reader->arena, struct yaml_tree, node->count) : NULL;
	if (!node->items || (share == 2 && !node->keys))
		return no_memory(reader);
	uint32_t index = 0;

	for (struct link *link = first; link; link = link->next, index++) {
		if (share == 2 && index % 2 == 0)
			node->keys[index / 2] = link->node;
		else
			node->items[index / share] = link->node;
	}
	return ERR_OK;
}

static enum err_code check_keys(const struct reader *reader, const struct yaml_tree *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_tree *key = &map->keys[i];

		if (key->kind != YAML_TREE_SCALAR)
			return yaml_tree_refuse(key, reader->err, "a key must be a word, not %s",
						key->kind == YAML_TREE_MAP ? "a mapping" : "a list");
		if (key->plain && str_eq(key->text, STR("<<")))
			return yaml_tree_refuse(key, reader->err, "merge keys (<<) are not used here");
		for (uint32_t j = 0; j < i; j++)
			if (str_eq(map->keys[j].text, key->text))
				return yaml_tree_refuse(key, reader->err,
							"key \"%.*s\" stands a second time (first: line %u)",
							STR_FMT(key->text), map->keys[j].line);
	}
	return ERR_OK;
}

static enum err_code read_collection(struct reader *reader, uint32_t depth, struct yaml_tree *ret)
{
	bool is_map = reader->event.type == YAML_MAPPING_START_EVENT;
	struct yaml_tree node = node_here(reader, is_map ? YAML_TREE_MAP : YAML_TREE_LIST);
	const yaml_char_t *anchor =
		is_map ? reader->event.data.mapping_start.anchor : reader->event.data.sequence_start.anchor;
	const yaml_char_t *tag = is_map ? reader->event.data.mapping_start.tag : reader->event.data.sequence_start.tag;

	if (anchor)
		return yaml_tree_refuse(&node, reader->err, "anchors (&name) are not used here");
	if (tag)
		return yaml_tree_refuse(&node, reader->err, "tags (!name) are not used here");
	if (depth >= YAML_TREE_DEPTH_MAX)
		return yaml_tree_refuse(&node, reader->err, "nested deeper than %u", YAML_TREE_DEPTH_MAX);
	enum err_code code =
		read_children(reader, depth, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, &node);

	if (!code && is_map)
		code = check_keys(reader, &node);
	if (!code)
		*ret = node;
	return code;
}

/* Reads the node that the current event begins. */
static enum err_code read_node(struct reader *reader, uint32_t depth, struct yaml_tree *ret)
{
	struct yaml_tree here = node_here(reader, YAML_TREE_SCALAR);

	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, ret);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return read_collection(reader, depth, ret);
	case YAML_ALIAS_EVENT:
		return yaml_tree_refuse(&here, reader->err, "aliases (*name) are not used here");
	default:
		return yaml_tree_refuse(&here, reader->err, "a value is missing here");
	}
}

static enum err_code read_document(struct reader *reader, struct yaml_tree **ret)
{
	struct yaml_tree *root = NULL;
	enum err_code code = next_event(reader); /* the stream's start */

	if (!code)
		code = next_event(reader);
	if (code || reader->event.type == YAML_STREAM_END_EVENT) {
		if (!code)
			*ret = NULL;
		return code;
	}
	root = arena_new(reader->arena, struct yaml_tree);
	if (!root)
		return no_memory(reader);
	code = next_event(reader);
	if (!code)
		code = read_node(reader, 0, root);
	if (!code)
		code = next_event(reader); /* the document's end */
	if (!code)
		code = next_event(reader);
	if (code)
		return code;
	if (reader->event.type != YAML_STREAM_END_EVENT) {
		struct yaml_tree here = node_here(reader, YAML_TREE_MAP);

		return yaml_tree_refuse(&here, reader->err, "a second document begins here; one is allowed");
	}
	*ret = yaml_tree_is_nothing(root) ? NULL : root;
	return ERR_OK;
}

enum err_code yaml_tree_parse(struct arena *arena, struct str file, struct str bytes, struct yaml_tree **ret,
			      struct error *err)
{
	struct reader reader = {.arena = arena, .file = file, .err = err};

	if (bytes.len > YAML_TREE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%.*s: larger than %u bytes", STR_FMT(file), YAML_TREE_BYTES_MAX);
	if (!yaml_parser_initialize(&reader.parser))
		return no_memory(&reader);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(bytes.at ? bytes.at : ""), bytes.len);
	enum err_code code = read_document(&reader, ret);

	if (reader.has_event)
		yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return code;
}

const struct yaml_tree *yaml_tree_get(const struct yaml_tree *map, struct str key)
{
	if (!map || map->kind != YAML_TREE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->count; i++)
		if (str_eq(map->keys[i].text, key))
			return &map->items[i];
	return NULL;
}

bool yaml_tree_is_nothing(const struct yaml_tree *node)
{
	return !node || (node->kind == YAML_TREE_SCALAR && node->plain &&
			 (node->text.len == 0 || str_eq(node->text, STR("~")) || str_eq(node->text, STR("null"))));
}

struct str yaml_tree_show(struct arena *arena, const struct yaml_tree *node)
{
	if (yaml_tree_is_nothing(node))
		return STR("nothing");
	if (node->kind != YAML_TREE_SCALAR)
		return node->kind == YAML_TREE_MAP ? STR("a mapping") : STR("a list");
	if (node->text.len <= SHOWN_BYTES_MAX)
		return arena_printf(arena, "\"%.*s\"", STR_FMT(node->text));
	size_t cut = SHOWN_BYTES_MAX;

	while (cut > 0 && ((unsigned char)node->text.at[cut] & 0xC0) == 0x80)
		cut--;
	return arena_printf(arena, "\"%.*s…\"", (int)cut, node->text.at);
}

enum err_code yaml_tree_refuse(const struct yaml_tree *node, struct error *err, const char *format, ...)
{
	char text[ERROR_DETAIL_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(err, ERR_INVALID, "%.*s:%u:%u: %s", STR_FMT(node->file), node->line, node->column, text);
}

bool yaml_tree_to_bool(struct str text, bool *ret)
{
	static const struct {
		struct str word;
		bool value;
	} words[] = {{{"true", 4}, true}, {{"false", 5}, false}, {{"yes", 3}, true},
		     {{"no", 2}, false},  {{"on", 2}, true},     {{"off", 3}, false}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_nocase(text, words[i].word)) {
			*ret = words[i].value;
			return true;
		}
	}
	return false;
}
