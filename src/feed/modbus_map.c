/* What a Modbus device's registers mean, as the settings of a feed say it, and which of them are read together. */
#include "feed/modbus_int.h"

#include <stdlib.h>

#define GAP_REGISTERS_MAX 8u /* what nobody asked for and is read along, rather than asking twice */
#define GAP_BITS_MAX 128u
#define REFERENCE_DIGITS_MIN 5u
#define REFERENCE_DIGITS_MAX 6u
#define SCALE_MAX 1e15

static enum err_code read_whole(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				uint32_t min, uint32_t max, uint32_t *ret)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));
	uint64_t number;

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR || !str_to_uint64(node->text, &number) || number < min || number > max)
		return yaml_tree_refuse(node, reader->err,
					"expected a whole number from %u to %u behind \"%s\", not %.*s", min, max, key,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret = (uint32_t)number;
	return ERR_OK;
}

static enum err_code read_order(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				bool *ret_little)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));
	bool is_little = node && str_eq(node->text, STR("little"));

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR || (!is_little && !str_eq(node->text, STR("big"))))
		return yaml_tree_refuse(node, reader->err, "expected big or little behind \"%s\", not %.*s", key,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret_little = is_little;
	return ERR_OK;
}

/* ---- where it is ---- */

/* "40001", "400001": the table's digit, and the address counted from 1. */
static enum err_code read_reference(const struct mapping_reader *reader, const struct yaml_tree *node,
				    struct modbus_point *point)
{
	static const struct {
		char digit;
		enum modbus_table table;
	} digits[] = {{'0', MODBUS_COIL}, {'1', MODBUS_DISCRETE}, {'3', MODBUS_INPUT}, {'4', MODBUS_HOLDING}};
	struct str text = node->kind == YAML_TREE_SCALAR ? node->text : STR_NONE;
	uint64_t number = 0;
	bool good = text.len >= REFERENCE_DIGITS_MIN && text.len <= REFERENCE_DIGITS_MAX &&
		    str_to_uint64(str_part(text, 1, text.len), &number) && number >= 1 && number <= MODBUS_ADDRESSES;

	for (size_t i = 0; good && i < sizeof(digits) / sizeof(digits[0]); i++)
		if (digits[i].digit == text.at[0]) {
			point->table = digits[i].table;
			point->address = (uint16_t)(number - 1);
			return ERR_OK;
		}
	return yaml_tree_refuse(node, reader->err,
				"expected a reference such as 40001 or 400001 (0: coils, 1: discrete inputs, 3: input "
				"registers, 4: holding registers; counted from 1), not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, node)));
}

static enum err_code read_table(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct modbus_point *point)
{
	const struct yaml_tree *table = yaml_tree_get(node, STR("table"));

	point->table = MODBUS_HOLDING;
	if (!table)
		return ERR_OK;
	for (size_t i = 0; i < MODBUS_TABLE_COUNT && table->kind == YAML_TREE_SCALAR; i++)
		if (str_eq(table->text, str_from(modbus_table_name((enum modbus_table)i)))) {
			point->table = (enum modbus_table)i;
			return ERR_OK;
		}
	return yaml_tree_refuse(table, reader->err,
				"expected holding, input, coil or discrete behind \"table\", not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, table)));
}

static enum err_code read_place(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct modbus_point *point)
{
	const struct yaml_tree *reference = yaml_tree_get(node, STR("reference"));
	const struct yaml_tree *address = yaml_tree_get(node, STR("address"));
	uint32_t number = 0;

	if (!reference == !address || (reference && yaml_tree_get(node, STR("table"))))
		return yaml_tree_refuse(node, reader->err,
					"expected either \"table\" and \"address\", or \"reference\", of \"%.*s\"",
					STR_FMT(str_part(point->name, 0, 60)));
	if (reference)
		return read_reference(reader, reference, point);
	enum err_code code = read_table(reader, node, point);

	if (!code)
		code = read_whole(reader, node, "address", 0, MODBUS_ADDRESSES - 1, &number);
	point->address = (uint16_t)number;
	return code;
}

/* ---- what it means ---- */

static enum err_code read_type(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct modbus_value *value)
{
	const struct yaml_tree *type = yaml_tree_get(node, STR("type"));
	bool found = !type;

	value->type = value->of_bits ? MODBUS_BOOL : MODBUS_UINT16;
	for (size_t i = 0; !found && i < MODBUS_TYPE_COUNT; i++) {
		found = type->kind == YAML_TREE_SCALAR &&
			str_eq(type->text, str_from(modbus_type_name((enum modbus_type)i)));
		if (found)
			value->type = (enum modbus_type)i;
	}
	if (!found)
		return yaml_tree_refuse(type, reader->err,
					"expected int16, uint16, int32, uint32, int64, uint64, float32, float64, bool, "
					"bits or string behind \"type\", not %.*s",
					STR_FMT(yaml_tree_show(reader->arena, type)));
	if (value->of_bits && value->type != MODBUS_BOOL && value->type != MODBUS_BITS)
		return yaml_tree_refuse(type, reader->err, "expected bool or bits: this table has bits, not registers");
	return ERR_OK;
}

static enum err_code read_count(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct modbus_point *point)
{
	const struct yaml_tree *given = yaml_tree_get(node, STR("count"));
	uint32_t count = modbus_type_words(point->value.type);
	enum err_code code = ERR_OK;

	if (count && given)
		return yaml_tree_refuse(given, reader->err, "only bits and string have a \"count\"");
	if (!count && !given && point->value.type == MODBUS_STRING)
		return yaml_tree_refuse(node, reader->err, "expected \"count\": how many registers the text has");
	if (!count)
		count = 1;
	if (given)
		code = read_whole(reader, node, "count", 1, modbus_read_max(point->table), &count);
	if (!code && point->address + count > MODBUS_ADDRESSES)
		code = yaml_tree_refuse(node, reader->err, "\"%.*s\" goes beyond address %u",
					STR_FMT(str_part(point->name, 0, 60)), MODBUS_ADDRESSES - 1);
	point->value.count = (uint16_t)count;
	return code;
}

static enum err_code read_bit(const struct mapping_reader *reader, const struct yaml_tree *node,
			      struct modbus_value *value)
{
	const struct yaml_tree *given = yaml_tree_get(node, STR("bit"));
	uint32_t bit = 0;
	enum err_code code = read_whole(reader, node, "bit", 0, 15, &bit);

	value->bit = given ? (int)bit : MODBUS_WHOLE_REGISTER;
	if (!code && given && (value->of_bits || value->type != MODBUS_BOOL))
		code = yaml_tree_refuse(given, reader->err, "only a bool in a register has a \"bit\"");
	return code;
}

static enum err_code read_scale(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct modbus_value *value)
{
	const struct yaml_tree *scale = yaml_tree_get(node, STR("scale")), *offset = yaml_tree_get(node, STR("offset"));
	enum err_code code = mapping_read_number(reader, node, "scale", -SCALE_MAX, SCALE_MAX, &value->scale);

	if (!code)
		code = mapping_read_number(reader, node, "offset", -SCALE_MAX, SCALE_MAX, &value->offset);
	if (!code && (scale || offset) && !modbus_type_is_number(value->type))
		code = yaml_tree_refuse(scale ? scale : offset, reader->err, "only numbers have a scale and an offset");
	if (!code && value->scale == 0)
		code = yaml_tree_refuse(scale, reader->err, "expected a scale other than 0");
	return code;
}

static enum err_code read_point(const struct mapping_reader *reader, const struct yaml_tree *defaults,
				const struct yaml_tree *node, struct modbus_point *point)
{
	static const char *const known[] = {"table",      "address",    "reference", "type",   "count", "bit",
					    "word_order", "byte_order", "scale",     "offset", NULL};
	struct modbus_value *value = &point->value;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "{table: input, address: 0, type: int16}");

	*value = (struct modbus_value){.scale = 1};
	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = read_place(reader, node, point);
	value->of_bits = modbus_table_has_bits(point->table);
	if (!code)
		code = read_type(reader, node, value);
	if (!code)
		code = read_count(reader, node, point);
	if (!code)
		code = read_bit(reader, node, value);
	if (!code)
		code = read_scale(reader, node, value);
	if (!code)
		code = read_order(reader, defaults, "word_order", &value->words_little);
	if (!code)
		code = read_order(reader, defaults, "byte_order", &value->bytes_little);
	if (!code)
		code = read_order(reader, node, "word_order", &value->words_little);
	return code ? code : read_order(reader, node, "byte_order", &value->bytes_little);
}

/* ---- which are read together ---- */

static int compare_points(const void *a, const void *b)
{
	const struct modbus_point *first = a, *second = b;

	if (first->table != second->table)
		return first->table < second->table ? -1 : 1;
	return (first->address > second->address) - (first->address < second->address);
}

/* Whether the point goes into the group that is there, which then reaches to its end. */
static bool joins(const struct modbus_map *map, struct modbus_group *group, const struct modbus_point *point,
		  bool exact)
{
	enum modbus_table table = map->points[group->first].table;
	uint32_t end = group->address + (uint32_t)group->count,
		 point_end = point->address + (uint32_t)point->value.count;
	uint32_t gap_max = exact ? 0 : modbus_table_has_bits(table) ? GAP_BITS_MAX : GAP_REGISTERS_MAX;

	if (point_end < end)
		point_end = end;
	if (point->table != table || point->address > end + gap_max ||
	    point_end - group->address > modbus_read_max(table))
		return false;
	group->count = (uint16_t)(point_end - group->address);
	group->point_count++;
	return true;
}

static void make_groups(struct modbus_map *map, bool exact)
{
	for (size_t i = 0; i < map->point_count; i++) {
		const struct modbus_point *point = &map->points[i];

		if (map->group_count > 0 && joins(map, &map->groups[map->group_count - 1], point, exact))
			continue;
		map->groups[map->group_count++] = (struct modbus_group){
			.address = point->address, .count = point->value.count, .first = i, .point_count = 1};
	}
}

enum err_code modbus_read_map(const struct mapping_reader *reader, const struct yaml_tree *node,
			      const struct yaml_tree *registers, const struct modbus_map **ret_map)
{
	struct modbus_map *map = arena_new(reader->arena, struct modbus_map);
	bool exact = false;
	enum err_code code = mapping_expect(reader, registers, YAML_TREE_MAP, "names with their registers");

	if (!code && registers->count == 0)
		code = yaml_tree_refuse(registers, reader->err, "expected at least one register");
	if (!code)
		code = mapping_read_switch(reader, node, "exact", &exact);
	if (code)
		return code;
	if (map) {
		map->points = arena_array(reader->arena, struct modbus_point, registers->count);
		map->groups = arena_array(reader->arena, struct modbus_group, registers->count);
	}
	if (!map || !map->points || !map->groups)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < registers->count && !code; i++) {
		struct modbus_point *point = &map->points[map->point_count++];

		*point = (struct modbus_point){.name = registers->keys[i].text};
		if (point->name.len == 0 || str_eq(point->name, STR("unit")) || str_eq(point->name, STR("device")))
			return yaml_tree_refuse(&registers->keys[i], reader->err,
						"a register has a name other than \"unit\" and \"device\"");
		code = read_point(reader, node, &registers->items[i], point);
	}
	if (code)
		return code;
	qsort(map->points, map->point_count, sizeof(*map->points), compare_points);
	make_groups(map, exact);
	*ret_map = map;
	return ERR_OK;
}
