/* The small parts of a mapping's YAML document: texts, numbers, templates, conditions, moments. */
#include "base/nearest.h"
#include "base/time_value.h"
#include "feed/mapping_read_int.h"

#include <string.h>

enum err_code mapping_no_memory(const struct mapping_reader *reader)
{
	return err_set(reader->err, ERR_MEMORY, "no memory for the mapping");
}

/* Refuses the first key of map that is not in known. */
enum err_code mapping_check_keys(const struct mapping_reader *reader, const struct yaml_tree *map,
				 const char *const *known)
{
	for (uint32_t i = 0; i < map->count; i++) {
		struct nearest nearest;
		size_t j = 0;

		nearest_init(&nearest, map->keys[i].text);
		while (known[j] && !str_eq(map->keys[i].text, str_from(known[j])))
			nearest_offer(&nearest, str_from(known[j++]));
		if (known[j])
			continue;
		if (nearest.best.len)
			return yaml_tree_refuse(&map->keys[i], reader->err,
						"unknown key \"%.*s\"; did you mean \"%.*s\"?",
						STR_FMT(map->keys[i].text), STR_FMT(nearest.best));
		return yaml_tree_refuse(&map->keys[i], reader->err, "unknown key \"%.*s\"", STR_FMT(map->keys[i].text));
	}
	return ERR_OK;
}

enum err_code mapping_expect(const struct mapping_reader *reader, const struct yaml_tree *node,
			     enum yaml_tree_kind kind, const char *what)
{
	if (node->kind == kind)
		return ERR_OK;
	return yaml_tree_refuse(node, reader->err, "expected %s, not %.*s", what,
				STR_FMT(yaml_tree_show(reader->arena, node)));
}

/* Text of map's key, STR_NONE when absent. */
enum err_code mapping_read_text(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				struct str *ret)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR)
		return yaml_tree_refuse(node, reader->err, "expected a text behind \"%s\", not %.*s", key,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret = node->text;
	return ERR_OK;
}

enum err_code mapping_read_switch(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  bool *ret)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR || !yaml_tree_to_bool(node->text, ret))
		return yaml_tree_refuse(node, reader->err, "expected true or false behind \"%s\", not %.*s", key,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	return ERR_OK;
}

enum err_code mapping_read_number(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  double min, double max, double *ret)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));
	double value;

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR || !str_to_double(node->text, &value))
		return yaml_tree_refuse(node, reader->err, "expected a number behind \"%s\", not %.*s", key,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	if (value < min || value > max)
		return yaml_tree_refuse(node, reader->err, "expected a number from %g to %g behind \"%s\", not %.*s",
					min, max, key, STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret = value;
	return ERR_OK;
}

/* The place of a column in mapping->columns, added when new. */
static enum err_code mapping_column_of(struct mapping_reader *reader, const struct yaml_tree *node, struct str name,
				       size_t *ret)
{
	struct mapping *mapping = reader->mapping;
	size_t i = 0;

	if (name.len == 0)
		return yaml_tree_refuse(node, reader->err, "expected the name of a column");
	while (i < mapping->column_count && !str_eq(mapping->columns[i], name))
		i++;
	if (i == MAPPING_COLUMNS_MAX)
		return yaml_tree_refuse(node, reader->err, "more than %u columns", MAPPING_COLUMNS_MAX);
	if (i == mapping->column_count)
		mapping->columns[mapping->column_count++] = name;
	*ret = i;
	return ERR_OK;
}

enum err_code mapping_read_column(struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  size_t *ret)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));

	if (!node)
		return ERR_OK;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_SCALAR, "the name of a column");

	return code ? code : mapping_column_of(reader, node, node->text, ret);
}

static size_t count_braces(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.at[i] == '{' || text.at[i] == '}';
	return count;
}

/* "urn:x:{Column}:y" into parts; "{{" and "}}" stand for braces. */
enum err_code mapping_read_template(struct mapping_reader *reader, const struct yaml_tree *node, struct template *ret)
{
	enum err_code code = mapping_expect(reader, node, YAML_TREE_SCALAR, "a text with {columns}");
	struct template template = {0};
	struct str text = node->text;
	size_t from = 0;

	if (code)
		return code;
	template.parts = arena_array(reader->arena, struct template_part, count_braces(text) * 2 + 2);
	if (!template.parts)
		return mapping_no_memory(reader);
	for (size_t i = 0; i < text.len; i++) {
		size_t close;

		if (text.at[i] == '}' && !(i + 1 < text.len && text.at[i + 1] == '}'))
			return yaml_tree_refuse(node, reader->err, "\"}\" without \"{\" in %.*s",
						STR_FMT(yaml_tree_show(reader->arena, node)));
		if (text.at[i] != '{' && text.at[i] != '}')
			continue;
		bool doubled = i + 1 < text.len && text.at[i + 1] == text.at[i];

		template.parts[template.count++] = (struct template_part){str_part(text, from, i + doubled), NO_COLUMN};
		if (doubled) {
			from = ++i + 1;
			continue;
		}
		if (!str_find(str_part(text, i, text.len), '}', &close))
			return yaml_tree_refuse(node, reader->err, "\"{\" without \"}\" in %.*s",
						STR_FMT(yaml_tree_show(reader->arena, node)));
		struct template_part *part = &template.parts[template.count++];

		*part = (struct template_part){STR_NONE, NO_COLUMN};
		code = mapping_column_of(reader, node, str_part(text, i + 1, i + close), &part->column);
		if (code)
			return code;
		i += close;
		from = i + 1;
	}
	if (from < text.len || template.count == 0)
		template.parts[template.count++] = (struct template_part){str_part(text, from, text.len), NO_COLUMN};
	*ret = template;
	return ERR_OK;
}

/* A scalar or a list of scalars. */
enum err_code mapping_read_words(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct str **ret_words, size_t *ret_count)
{
	size_t count = node->kind == YAML_TREE_LIST ? node->count : 1;
	struct str *words = arena_array(reader->arena, struct str, count);

	if (!words)
		return mapping_no_memory(reader);
	for (size_t i = 0; i < count; i++) {
		const struct yaml_tree *item = node->kind == YAML_TREE_LIST ? &node->items[i] : node;
		enum err_code code = mapping_expect(reader, item, YAML_TREE_SCALAR, "a text");

		if (code)
			return code;
		words[i] = item->text;
	}
	*ret_words = words;
	*ret_count = count;
	return ERR_OK;
}

enum err_code mapping_read_condition(struct mapping_reader *reader, const struct yaml_tree *node, struct condition *ret)
{
	static const char *const known[] = {"column", "in", "not_in", "empty", NULL};
	const struct yaml_tree *in = yaml_tree_get(node, STR("in"));
	const struct yaml_tree *not_in = yaml_tree_get(node, STR("not_in"));
	struct condition condition = {.column = NO_COLUMN, .inverted = not_in != NULL};
	bool wants_empty = true;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "a rule such as {column: Name, in: [a, b]}");

	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = mapping_read_column(reader, node, "column", &condition.column);
	if (code)
		return code;
	condition.empty = yaml_tree_get(node, STR("empty")) != NULL;
	if (condition.column == NO_COLUMN || (in != NULL) + (not_in != NULL) + condition.empty != 1)
		return yaml_tree_refuse(node, reader->err,
					"expected \"column\" and one of \"in\", \"not_in\", \"empty\"");
	if (condition.empty) {
		code = mapping_read_switch(reader, node, "empty", &wants_empty);
		condition.inverted = !wants_empty;
	} else {
		code = mapping_read_words(reader, in ? in : not_in, &condition.words, &condition.word_count);
	}
	condition.text = arena_printf(reader->arena, "skip rule of line %u", node->line);
	if (!code)
		*ret = condition;
	return code;
}

/* "+08:00", "-05:30", "Z". */
enum err_code mapping_read_zone(const struct mapping_reader *reader, const struct yaml_tree *map, int64_t *ret_us)
{
	const struct yaml_tree *node = yaml_tree_get(map, STR("zone"));
	char text[] = "1970-01-01T00:00:00+00:00";
	struct str zone = node && node->kind == YAML_TREE_SCALAR ? node->text : STR("Z");
	int64_t us;

	if (node && node->kind == YAML_TREE_SCALAR && zone.len <= 6) {
		if (zone.len)
			memcpy(text + 19, zone.at, zone.len);
		if (time_parse_iso((struct str){text, 19 + zone.len}, true, &us)) {
			*ret_us = -us;
			return ERR_OK;
		}
	}
	if (!node)
		return ERR_OK;
	return yaml_tree_refuse(node, reader->err, "expected a zone such as \"+08:00\" or Z, not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, node)));
}

enum err_code mapping_read_format(const struct mapping_reader *reader, const struct yaml_tree *map, struct str *ret)
{
	enum err_code code = mapping_read_text(reader, map, "format", ret);

	if (!code && ret->len && !mapping_time_format_is_good(*ret))
		return yaml_tree_refuse(
			yaml_tree_get(map, STR("format")), reader->err,
			"expected iso, unix, unix_ms or a pattern of %%Y %%m %%d %%H %%M %%S %%y %%b, not "
			"\"%.*s\"",
			STR_FMT(*ret));
	return code;
}

/* A time, or {column, format, zone}. */
enum err_code mapping_read_moment(struct mapping_reader *reader, const struct yaml_tree *node, struct moment *ret)
{
	static const char *const known[] = {"column", "format", "zone", NULL};
	struct moment moment = {.given = true, .column = NO_COLUMN, .format = STR("iso")};
	char text[TIME_ISO_BYTES];
	enum err_code code;
	int64_t us;

	if (node->kind == YAML_TREE_SCALAR) {
		if (yaml_tree_is_nothing(node) || str_eq(node->text, STR("none"))) {
			*ret = (struct moment){.column = NO_COLUMN};
			return ERR_OK;
		}
		if (!time_parse_iso(node->text, true, &us))
			return yaml_tree_refuse(node, reader->err,
						"expected a time such as 2018-12-11T23:10:00+08:00, not %.*s",
						STR_FMT(yaml_tree_show(reader->arena, node)));
		moment.constant = arena_dup(reader->arena, time_format_iso(us, text));
		if (!moment.constant.at)
			return mapping_no_memory(reader);
		*ret = moment;
		return ERR_OK;
	}
	code = mapping_expect(reader, node, YAML_TREE_MAP, "a time or {column, format, zone}");
	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = mapping_read_column(reader, node, "column", &moment.column);
	if (!code)
		code = mapping_read_format(reader, node, &moment.format);
	if (!code)
		code = mapping_read_zone(reader, node, &moment.zone_us);
	if (!code && moment.column == NO_COLUMN)
		code = yaml_tree_refuse(node, reader->err, "expected \"column\" here");
	if (!code)
		*ret = moment;
	return code;
}
