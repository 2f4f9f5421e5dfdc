/* Attributes and members of a mapping's YAML document. */
#include "base/nearest.h"
#include "feed/mapping_read_int.h"

#define FIELD_DEPTH_MAX 4u

static enum err_code read_kind(const struct mapping_reader *reader, const struct yaml_tree *map, enum field_kind *ret)
{
	static const char *const names[] = {
		[FIELD_TEXT] = "text",
		[FIELD_NUMBER] = "number",
		[FIELD_INTEGER] = "integer",
		[FIELD_BOOLEAN] = "boolean",
		[FIELD_TIME] = "time",
		[FIELD_CLOCK] = "clock",
		[FIELD_RELATIONSHIP] = "relationship",
		[FIELD_POINT] = "point",
		[FIELD_OBJECT] = "object",
		[FIELD_COUNT_ROWS] = "count",
	};
	const struct yaml_tree *node = yaml_tree_get(map, STR("kind"));
	struct nearest nearest;

	if (!node || node->kind != YAML_TREE_SCALAR)
		return yaml_tree_refuse(node ? node : map, reader->err, "expected \"kind: text\", number, … here");
	nearest_init(&nearest, node->text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_eq(node->text, str_from(names[i]))) {
			*ret = (enum field_kind)i;
			return ERR_OK;
		}
		nearest_offer(&nearest, str_from(names[i]));
	}
	if (nearest.best.len)
		return yaml_tree_refuse(node, reader->err, "unknown kind \"%.*s\"; did you mean \"%.*s\"?",
					STR_FMT(node->text), STR_FMT(nearest.best));
	return yaml_tree_refuse(
		node, reader->err,
		"unknown kind \"%.*s\"; known: text number integer boolean time clock relationship point "
		"object count",
		STR_FMT(node->text));
}

static enum err_code read_values(const struct mapping_reader *reader, const struct yaml_tree *map, struct field *field)
{
	const struct yaml_tree *node = yaml_tree_get(map, STR("values"));

	if (!node)
		return ERR_OK;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "texts and what they become");

	field->words = code ? NULL : arena_array(reader->arena, struct word, node->count);
	if (!code && !field->words)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; !code && i < node->count; i++) {
		code = mapping_expect(reader, &node->items[i], YAML_TREE_SCALAR, "a text");
		if (!code)
			field->words[field->word_count++] = (struct word){node->keys[i].text, node->items[i].text};
	}
	return code;
}

/* Where the text comes from: exactly one of column and text, for kinds that have a text. */
static enum err_code read_source(struct mapping_reader *reader, const struct yaml_tree *map, struct field *field)
{
	const struct yaml_tree *column = yaml_tree_get(map, STR("column"));
	const struct yaml_tree *text = yaml_tree_get(map, STR("text"));
	bool needs = field->kind != FIELD_POINT && field->kind != FIELD_OBJECT && field->kind != FIELD_COUNT_ROWS;
	enum err_code code = ERR_OK;

	if (!needs && (column || text))
		return yaml_tree_refuse(column ? column : text, reader->err, "this kind takes no \"%s\"",
					column ? "column" : "text");
	if (!needs)
		return ERR_OK;
	if (!column == !text)
		return yaml_tree_refuse(map, reader->err, "expected either \"column\" or \"text\" here");
	if (text)
		return mapping_read_template(reader, text, &field->source);
	field->source.parts = arena_array(reader->arena, struct template_part, 1);
	if (!field->source.parts)
		return mapping_no_memory(reader);
	field->source.parts[0] = (struct template_part){STR_NONE, NO_COLUMN};
	field->source.count = 1;
	code = mapping_read_column(reader, map, "column", &field->source.parts[0].column);
	return code;
}

static enum err_code read_point(struct mapping_reader *reader, const struct yaml_tree *map, struct field *field)
{
	enum err_code code = mapping_read_column(reader, map, "longitude", &field->longitude);

	if (!code)
		code = mapping_read_column(reader, map, "latitude", &field->latitude);
	if (code)
		return code;
	bool has_both = field->longitude != NO_COLUMN && field->latitude != NO_COLUMN;
	bool has_any = field->longitude != NO_COLUMN || field->latitude != NO_COLUMN;

	if (field->kind == FIELD_POINT ? !has_both : has_any)
		return yaml_tree_refuse(map, reader->err,
					field->kind == FIELD_POINT ? "expected \"longitude\" and \"latitude\" here"
								   : "only kind point has longitude and latitude");
	return ERR_OK;
}

static enum err_code read_members(struct mapping_reader *reader, const struct yaml_tree *map, uint32_t depth,
				  struct field *field)
{
	const struct yaml_tree *members = yaml_tree_get(map, STR("members"));

	if ((members != NULL) != (field->kind == FIELD_OBJECT))
		return yaml_tree_refuse(map, reader->err,
					members ? "only kind object has members" : "kind object needs \"members\"");
	return members ? mapping_read_fields(reader, members, false, depth + 1, &field->members, &field->member_count)
		       : ERR_OK;
}

/* What only attributes have, not the members of an object. */
static enum err_code read_attribute_part(struct mapping_reader *reader, const struct yaml_tree *map, uint32_t depth,
					 struct field *field)
{
	const struct yaml_tree *dataset = yaml_tree_get(map, STR("dataset"));
	const struct yaml_tree *moment = yaml_tree_get(map, STR("observed_at"));
	const struct yaml_tree *when = yaml_tree_get(map, STR("when"));
	const struct yaml_tree *attributes = yaml_tree_get(map, STR("attributes"));
	enum err_code code = mapping_read_text(reader, map, "unit", &field->unit);

	field->observed_at = depth == 0 ? reader->observed_at : (struct moment){.column = NO_COLUMN};
	if (!code)
		code = mapping_read_switch(reader, map, "gather", &field->gather);
	if (!code && dataset)
		code = mapping_read_template(reader, dataset, &field->dataset);
	if (!code && moment)
		code = mapping_read_moment(reader, moment, &field->observed_at);
	if (!code && when)
		code = mapping_read_condition(reader, when, &field->when);
	if (!code && attributes)
		code = mapping_read_fields(reader, attributes, true, depth + 1, &field->attributes,
					   &field->attribute_count);
	if (!code && field->unit.len && field->kind != FIELD_NUMBER && field->kind != FIELD_INTEGER &&
	    field->kind != FIELD_COUNT_ROWS)
		code = yaml_tree_refuse(yaml_tree_get(map, STR("unit")), reader->err, "only numbers have a unit");
	if (!code && depth > 0 && (dataset || field->gather))
		code = yaml_tree_refuse(map, reader->err, "sub-attributes have neither dataset nor gather");
	return code;
}

static enum err_code read_bytes(const struct mapping_reader *reader, const struct yaml_tree *map, struct field *field)
{
	const struct yaml_tree *node = yaml_tree_get(map, STR("bytes"));

	if (!node)
		return ERR_OK;
	if (field->source.count != 1 || field->source.parts[0].column == NO_COLUMN)
		return yaml_tree_refuse(node, reader->err, "only a \"column\" can hold bytes");
	return mapping_read_bytes(reader, node, &field->bytes);
}

static enum err_code read_field(struct mapping_reader *reader, struct str name, const struct yaml_tree *map,
				bool is_attribute, uint32_t depth, struct field *ret)
{
	static const char *const attribute_keys[] = {
		"kind",    "column",      "text",   "values", "default",    "required", "scale",   "offset",
		"bytes",   "decimals",    "format", "zone",   "longitude",  "latitude", "members", "unit",
		"dataset", "observed_at", "when",   "gather", "attributes", NULL};
	static const char *const member_keys[] = {"kind",     "column", "text",    "values", "default",
						  "required", "scale",  "offset",  "bytes",  "decimals",
						  "format",   "zone",   "members", NULL};
	struct field field = {.name = name,
			      .scale = 1,
			      .decimals = -1,
			      .longitude = NO_COLUMN,
			      .latitude = NO_COLUMN,
			      .observed_at = {.column = NO_COLUMN},
			      .when = {.column = NO_COLUMN}};
	double decimals = -1;
	enum err_code code =
		mapping_expect(reader, map, YAML_TREE_MAP, "an attribute such as {kind: text, column: Name}");

	if (!code)
		code = mapping_check_keys(reader, map, is_attribute ? attribute_keys : member_keys);
	if (!code)
		code = read_kind(reader, map, &field.kind);
	if (!code)
		code = read_source(reader, map, &field);
	if (!code)
		code = read_values(reader, map, &field);
	if (!code)
		code = mapping_read_text(reader, map, "default", &field.fallback);
	if (!code)
		code = mapping_read_switch(reader, map, "required", &field.required);
	if (!code)
		code = mapping_read_number(reader, map, "scale", -1e15, 1e15, &field.scale);
	if (!code)
		code = mapping_read_number(reader, map, "offset", -1e15, 1e15, &field.offset);
	if (!code)
		code = read_bytes(reader, map, &field);
	if (!code)
		code = mapping_read_number(reader, map, "decimals", 0, 15, &decimals);
	if (!code)
		code = mapping_read_format(reader, map, &field.format);
	if (!code)
		code = mapping_read_zone(reader, map, &field.zone_us);
	if (!code)
		code = read_point(reader, map, &field);
	if (!code)
		code = read_members(reader, map, depth, &field);
	if (!code && is_attribute)
		code = read_attribute_part(reader, map, depth, &field);
	if (code)
		return code;
	field.decimals = (int)decimals;
	*ret = field;
	return ERR_OK;
}

/* Names to fields; an attribute's name may have a list of them behind it (instances by dataset or condition). */
enum err_code mapping_read_fields(struct mapping_reader *reader, const struct yaml_tree *map, bool is_attribute,
				  uint32_t depth, struct field **ret_fields, size_t *ret_count)
{
	enum err_code code = mapping_expect(reader, map, YAML_TREE_MAP, "names with their fields");
	size_t count = 0, room = 0;

	if (code)
		return code;
	if (depth > FIELD_DEPTH_MAX)
		return yaml_tree_refuse(map, reader->err, "nested deeper than %u", FIELD_DEPTH_MAX);
	for (uint32_t i = 0; i < map->count; i++)
		room += map->items[i].kind == YAML_TREE_LIST ? map->items[i].count : 1;
	if (room > MAPPING_ATTRIBUTES_MAX)
		return yaml_tree_refuse(map, reader->err, "more than %u attributes", MAPPING_ATTRIBUTES_MAX);
	struct field *fields = arena_array(reader->arena, struct field, room);

	if (!fields)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_tree *node = &map->items[i];
		bool is_list = node->kind == YAML_TREE_LIST && is_attribute;

		if (map->keys[i].text.len == 0)
			return yaml_tree_refuse(&map->keys[i], reader->err, "expected a name");
		for (uint32_t j = 0; j < (is_list ? node->count : 1); j++) {
			code = read_field(reader, map->keys[i].text, is_list ? &node->items[j] : node, is_attribute,
					  depth, &fields[count++]);
			if (code)
				return code;
		}
	}
	*ret_fields = fields;
	*ret_count = count;
	return ERR_OK;
}
