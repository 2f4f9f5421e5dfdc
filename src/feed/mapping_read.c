/* The YAML document of a mapping taken apart. Strict: what it does not know it refuses, with the line and the nearest
 * word that it does know. */
#include "base/cleanup.h"
#include "feed/mapping_read_int.h"

#include <stdlib.h>

#define MAPPING_BYTES_MAX (64u << 20) /* tree and mapping together */

static enum err_code read_mode(const struct mapping_reader *reader, const struct yaml_tree *root,
			       enum mapping_mode *ret)
{
	struct str text = STR("replace");
	enum err_code code = mapping_read_text(reader, root, "mode", &text);

	if (code)
		return code;
	if (str_eq(text, STR("replace")))
		*ret = MAPPING_REPLACE;
	else if (str_eq(text, STR("append")))
		*ret = MAPPING_APPEND;
	else if (str_eq(text, STR("update")))
		*ret = MAPPING_UPDATE;
	else if (str_eq(text, STR("series")))
		*ret = MAPPING_SERIES;
	else
		return yaml_tree_refuse(yaml_tree_get(root, STR("mode")), reader->err,
					"expected replace, append, update or series, not \"%.*s\"", STR_FMT(text));
	return ERR_OK;
}

static enum err_code read_csv_section(const struct mapping_reader *reader, const struct yaml_tree *root, char *ret)
{
	static const char *const known[] = {"separator", NULL};
	const struct yaml_tree *csv = yaml_tree_get(root, STR("csv"));
	struct str text = STR(",");

	if (!csv)
		return ERR_OK;
	enum err_code code = mapping_expect(reader, csv, YAML_TREE_MAP, "{separator: \";\"}");

	if (!code)
		code = mapping_check_keys(reader, csv, known);
	if (!code)
		code = mapping_read_text(reader, csv, "separator", &text);
	if (!code && text.len != 1)
		code = yaml_tree_refuse(csv, reader->err, "expected a separator of one character, not \"%.*s\"",
					STR_FMT(text));
	if (!code)
		*ret = text.at[0];
	return code;
}

static enum err_code read_skips(struct mapping_reader *reader, const struct yaml_tree *root)
{
	const struct yaml_tree *list = yaml_tree_get(root, STR("skip"));
	struct mapping *mapping = reader->mapping;

	if (!list)
		return ERR_OK;
	enum err_code code = mapping_expect(reader, list, YAML_TREE_LIST, "a list of rules");

	mapping->skips = code ? NULL : arena_array(reader->arena, struct condition, list->count);
	if (!code && !mapping->skips)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; !code && i < list->count; i++)
		code = mapping_read_condition(reader, &list->items[i], &mapping->skips[mapping->skip_count++]);
	return code;
}

static enum err_code read_head(struct mapping_reader *reader, const struct yaml_tree *root)
{
	struct mapping *mapping = reader->mapping;
	const struct yaml_tree *id = yaml_tree_get(root, STR("id"));
	const struct yaml_tree *type = yaml_tree_get(root, STR("type"));
	const struct yaml_tree *nothing = yaml_tree_get(root, STR("nothing"));
	const struct yaml_tree *moment = yaml_tree_get(root, STR("observed_at"));
	enum err_code code;

	if (!id || !type)
		return yaml_tree_refuse(root, reader->err, "expected \"%s\" in the mapping", id ? "type" : "id");
	code = mapping_read_template(reader, id, &mapping->id);
	if (!code)
		code = mapping_read_words(reader, type, &mapping->types, &mapping->type_count);
	if (!code && (mapping->type_count == 0 || mapping->types[0].len == 0))
		code = yaml_tree_refuse(type, reader->err, "expected the name of an entity type");
	if (!code)
		code = read_mode(reader, root, &mapping->mode);
	mapping->says_mode = yaml_tree_get(root, STR("mode")) != NULL;
	if (!code)
		code = mapping_read_switch(reader, root, "history", &mapping->history);
	if (!code && nothing)
		code = mapping_read_words(reader, nothing, &mapping->nothing, &mapping->nothing_count);
	if (!code && moment)
		code = mapping_read_moment(reader, moment, &reader->observed_at);
	if (!code)
		code = mapping_read_text(reader, root, "each", &mapping->each);
	if (!code)
		code = mapping_read_text(reader, root, "topic", &mapping->topic);
	if (!code)
		code = read_csv_section(reader, root, &mapping->separator);
	return code ? code : read_skips(reader, root);
}

static enum err_code read_mapping(struct mapping_reader *reader, const struct yaml_tree *root)
{
	static const char *const known[] = {"description", "id",          "type", "mode", "history",
					    "nothing",     "observed_at", "csv",  "skip", "attributes",
					    "each",        "topic",       NULL};
	struct mapping *mapping = reader->mapping;
	enum err_code code = mapping_expect(reader, root, YAML_TREE_MAP, "a mapping with id, type and attributes");

	if (!code)
		code = mapping_check_keys(reader, root, known);
	if (!code)
		code = read_head(reader, root);
	const struct yaml_tree *attributes = yaml_tree_get(root, STR("attributes"));

	if (!code && !attributes)
		code = yaml_tree_refuse(root, reader->err, "expected \"attributes\" in the mapping");
	return code ? code
		    : mapping_read_fields(reader, attributes, true, 0, &mapping->attributes, &mapping->attribute_count);
}

static enum err_code read_text(struct mapping_reader *reader, struct str file, struct str text)
{
	struct yaml_tree *root = NULL;

	file = arena_dup(reader->arena, file);
	if (!file.at)
		return mapping_no_memory(reader);
	enum err_code code = yaml_tree_parse(reader->arena, file, text, &root, reader->err);

	if (code)
		return code;
	if (!root || root->kind != YAML_TREE_MAP)
		return err_set(reader->err, ERR_INVALID, "%.*s:1:1: expected a mapping with id, type and attributes",
			       STR_FMT(file));
	return read_mapping(reader, root);
}

static struct mapping *mapping_new(void)
{
	struct mapping *mapping = calloc(1, sizeof(*mapping));

	if (!mapping)
		return NULL;
	arena_init(&mapping->arena, MAPPING_BYTES_MAX);
	mapping->history = true;
	mapping->separator = ',';
	return mapping;
}

DEFINE_CLEANUP(struct mapping *, mapping);

enum err_code mapping_parse(struct str file, struct str text, struct mapping **ret_mapping, struct error *err)
{
	CLEANUP(mapping) struct mapping *mapping = mapping_new();

	if (!mapping)
		return err_set(err, ERR_MEMORY, "no memory for the mapping");
	struct mapping_reader reader = {mapping, &mapping->arena, err, {.column = NO_COLUMN}};
	enum err_code code = read_text(&reader, file, text);

	if (!code)
		*ret_mapping = TAKE(mapping);
	return code;
}

enum err_code mapping_of_tree(const struct yaml_tree *root, struct mapping **ret_mapping, struct error *err)
{
	CLEANUP(mapping) struct mapping *mapping = mapping_new();

	if (!mapping)
		return err_set(err, ERR_MEMORY, "no memory for the mapping");
	struct mapping_reader reader = {mapping, &mapping->arena, err, {.column = NO_COLUMN}};
	enum err_code code = read_mapping(&reader, root);

	if (!code)
		*ret_mapping = TAKE(mapping);
	return code;
}

struct mapping *mapping_free(struct mapping *mapping)
{
	if (mapping) {
		arena_done(&mapping->arena);
		free(mapping);
	}
	return NULL;
}

enum mapping_mode mapping_mode(const struct mapping *mapping)
{
	return mapping->mode;
}

bool mapping_history(const struct mapping *mapping)
{
	return mapping->history;
}

char mapping_separator(const struct mapping *mapping)
{
	return mapping->separator;
}

const struct str *mapping_columns(const struct mapping *mapping, size_t *ret_count)
{
	*ret_count = mapping->column_count;
	return mapping->columns;
}

struct str mapping_each(const struct mapping *mapping)
{
	return mapping->each;
}

struct str mapping_topic(const struct mapping *mapping)
{
	return mapping->topic;
}

bool mapping_says_mode(const struct mapping *mapping)
{
	return mapping->says_mode;
}
