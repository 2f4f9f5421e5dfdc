/* Rows into entities: the values of mapping_value.c with what stands around them. */
#include "base/time_value.h"
#include "feed/mapping_int.h"

#define SHOWN_BYTES_MAX 40u

static enum err_code add_observed_at(const struct mapping_row *row, const struct moment *moment, struct json *instance)
{
	char buffer[TIME_ISO_BYTES];
	struct str text = moment->constant;
	int64_t us;

	if (!moment->given)
		return ERR_OK;
	if (moment->column != NO_COLUMN) {
		struct str written = mapping_cell(row, moment->column);

		if (written.len == 0)
			return ERR_OK;
		if (!mapping_time(written, moment->format, moment->zone_us, &us))
			return err_set(row->err, ERR_INVALID,
				       "column \"%.*s\": expected a time in the mapping's format, not \"%.*s\"",
				       STR_FMT(row->mapping->columns[moment->column]),
				       written.len < SHOWN_BYTES_MAX ? (int)written.len : (int)SHOWN_BYTES_MAX,
				       written.at);
		text = arena_dup(row->arena, time_format_iso(us, buffer));
	}
	if (!text.at || !json_add(row->arena, instance, STR("observedAt"), json_string(text)))
		return mapping_row_no_memory(row);
	return ERR_OK;
}

static enum err_code add_dataset(const struct mapping_row *row, const struct template *dataset, struct json *instance)
{
	struct str text;
	size_t missing;

	if (dataset->count == 0)
		return ERR_OK;
	enum err_code code = mapping_fill(row, dataset, true, &text, &missing);

	if (code)
		return code;
	if (text.len == 0)
		return err_set(row->err, ERR_INVALID, "column \"%.*s\" is empty but names the dataset",
			       STR_FMT(row->mapping->columns[missing]));
	return json_add(row->arena, instance, STR("datasetId"), json_string(text)) ? ERR_OK
										   : mapping_row_no_memory(row);
}

/* A gathered value starts as a list of one; a point as a MultiPoint. */
static bool start_gathering(const struct mapping_row *row, const struct field *field, struct json *value)
{
	struct json list = json_array();

	if (field->kind != FIELD_POINT) {
		if (!json_push(row->arena, &list, *value))
			return false;
		*value = list;
		return true;
	}
	struct json *coordinates = json_get(value, STR("coordinates"));

	if (!json_push(row->arena, &list, *coordinates))
		return false;
	*coordinates = list;
	*json_get(value, STR("type")) = json_string(STR("MultiPoint"));
	return true;
}

static enum err_code add_attributes(const struct mapping_row *row, const struct field *fields, size_t count,
				    struct json *parent);

static enum err_code make_instance(const struct mapping_row *row, const struct field *field, struct json *ret,
				   bool *ret_given)
{
	bool is_relationship = field->kind == FIELD_RELATIONSHIP, is_point = field->kind == FIELD_POINT;
	struct str type = is_relationship ? STR("Relationship") : is_point ? STR("GeoProperty") : STR("Property");
	struct json instance = json_object(), value = json_null();

	*ret_given = false;
	if (field->when.column != NO_COLUMN && !mapping_condition_holds(row, &field->when))
		return ERR_OK;
	enum err_code code = mapping_make_value(row, field, &value, ret_given);

	if (code || !*ret_given)
		return code;
	if (field->gather && field->kind != FIELD_COUNT_ROWS && !start_gathering(row, field, &value))
		return mapping_row_no_memory(row);
	if (!json_add(row->arena, &instance, STR("type"), json_string(type)) ||
	    !json_add(row->arena, &instance, is_relationship ? STR("object") : STR("value"), value))
		return mapping_row_no_memory(row);
	if (field->unit.len && !json_add(row->arena, &instance, STR("unitCode"), json_string(field->unit)))
		return mapping_row_no_memory(row);
	code = add_observed_at(row, &field->observed_at, &instance);
	if (!code)
		code = add_dataset(row, &field->dataset, &instance);
	if (!code)
		code = add_attributes(row, field->attributes, field->attribute_count, &instance);
	if (!code)
		*ret = instance;
	return code;
}

static enum err_code add_attributes(const struct mapping_row *row, const struct field *fields, size_t count,
				    struct json *parent)
{
	for (size_t i = 0; i < count; i++) {
		struct json instance = json_null();
		bool given = false;
		enum err_code code = make_instance(row, &fields[i], &instance, &given);

		if (code)
			return code;
		if (given && !mapping_put_instance(row->arena, parent, fields[i].name, instance))
			return mapping_row_no_memory(row);
	}
	return ERR_OK;
}

static enum err_code add_head(const struct mapping_row *row, struct json *entity)
{
	const struct mapping *mapping = row->mapping;
	struct json types = json_array();
	struct str id;
	size_t missing;
	enum err_code code = mapping_fill(row, &mapping->id, true, &id, &missing);

	if (code)
		return code;
	if (id.len == 0)
		return err_set(row->err, ERR_INVALID, "column \"%.*s\" is empty but part of the id",
			       STR_FMT(mapping->columns[missing]));
	for (size_t i = 0; mapping->type_count > 1 && i < mapping->type_count; i++)
		if (!json_push(row->arena, &types, json_string(mapping->types[i])))
			return mapping_row_no_memory(row);
	if (mapping->type_count == 1)
		types = json_string(mapping->types[0]);
	if (!json_add(row->arena, entity, STR("id"), json_string(id)) ||
	    !json_add(row->arena, entity, STR("type"), types))
		return mapping_row_no_memory(row);
	return ERR_OK;
}

enum err_code mapping_apply(const struct mapping *mapping, struct arena *arena, const struct str *values,
			    enum mapping_result *ret_result, struct json **ret_entity, struct error *err)
{
	struct mapping_row row = {mapping, arena, values, err};
	struct json *entity = json_new(arena, json_object());

	if (!entity)
		return mapping_row_no_memory(&row);
	for (size_t i = 0; i < mapping->skip_count; i++) {
		if (!mapping_condition_holds(&row, &mapping->skips[i]))
			continue;
		(void)err_set(err, ERR_INVALID, "%.*s", STR_FMT(mapping->skips[i].text));
		*ret_result = MAPPING_SKIPPED;
		*ret_entity = NULL;
		return ERR_OK;
	}
	enum err_code code = add_head(&row, entity);

	if (!code)
		code = add_attributes(&row, mapping->attributes, mapping->attribute_count, entity);
	if (code)
		return code;
	*ret_result = MAPPING_TAKEN;
	*ret_entity = entity;
	return ERR_OK;
}
