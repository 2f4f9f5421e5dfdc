/* A history as comma-separated text: a row an instance, the columns that were asked for. */
#include "base/time_value.h"
#include "main/history.h"
#include "ngsild/represent.h"

static const char *const column_names[HISTORY_COLUMNS] = {
	[HISTORY_ID] = "id",
	[HISTORY_TYPE] = "type",
	[HISTORY_ATTRIBUTE] = "attribute",
	[HISTORY_DATASET_ID] = "datasetId",
	[HISTORY_TIME] = "time",
	[HISTORY_OBSERVED_AT] = "observedAt",
	[HISTORY_CREATED_AT] = "createdAt",
	[HISTORY_MODIFIED_AT] = "modifiedAt",
	[HISTORY_DELETED_AT] = "deletedAt",
	[HISTORY_UNIT_CODE] = "unitCode",
	[HISTORY_VALUE] = "value",
};

static const struct store_window by_time = {.by = STORE_OBSERVED_AT, .or_modified = true};

static enum err_code find_column(struct str name, enum history_column *ret_column, struct error *err)
{
	for (size_t i = 0; i < HISTORY_COLUMNS; i++)
		if (str_eq(name, str_from(column_names[i]))) {
			*ret_column = (enum history_column)i;
			return ERR_OK;
		}
	return err_set(err, ERR_INVALID,
		       "there is no column \"%.*s\", but id, type, attribute, datasetId, time, observedAt, createdAt, "
		       "modifiedAt, deletedAt, unitCode and value",
		       STR_FMT(name));
}

enum err_code history_table_read(struct history_table *table, struct str names, struct error *err)
{
	struct str rest = names, name;

	table->count = 0;
	while (str_next(&rest, ',', &name)) {
		enum history_column column;
		enum err_code code = find_column(str_trim(name), &column, err);

		if (code)
			return code;
		for (size_t i = 0; i < table->count; i++)
			if (table->columns[i] == column)
				return err_set(err, ERR_INVALID, "the column %s is named twice", column_names[column]);
		table->columns[table->count++] = column;
	}
	return table->count ? ERR_OK : err_set(err, ERR_INVALID, "no column is named");
}

void history_put_header(const struct history_table *table, struct buf *out)
{
	for (size_t i = 0; i < table->count; i++)
		buf_printf(out, "%s%s", i ? "," : "", column_names[table->columns[i]]);
	buf_put_char(out, '\n');
}

/* What a reader would take for something else is put in quotes: also a text that is empty, or begins or ends blank. */
static bool needs_quotes(struct str text)
{
	size_t at;

	return text.len == 0 || text.at[0] == ' ' || text.at[text.len - 1] == ' ' || str_find(text, ',', &at) ||
	       str_find(text, '"', &at) || str_find(text, '\n', &at) || str_find(text, '\r', &at);
}

static void put_quoted(struct buf *out, struct str text)
{
	size_t at;

	buf_put_char(out, '"');
	while (str_find(text, '"', &at)) {
		buf_put(out, str_part(text, 0, at + 1));
		buf_put_char(out, '"');
		text = str_part(text, at + 1, text.len);
	}
	buf_put(out, text);
	buf_put_char(out, '"');
}

static void put_text(struct buf *out, struct str text)
{
	if (needs_quotes(text))
		put_quoted(out, text);
	else
		buf_put(out, text);
}

/* Nothing for nothing: a text that is not there is an empty field. */
static void put_optional(struct buf *out, struct str text)
{
	if (text.len)
		put_text(out, text);
}

static void put_time(struct buf *out, int64_t us)
{
	char text[TIME_ISO_BYTES];

	if (us != STORE_NO_TIME)
		buf_put(out, time_format_iso(us, text));
}

static void put_value(struct buf *out, const struct store_instance *instance)
{
	const struct json *value = &instance->value;
	struct buf text;

	if (instance->shape->kind == CHANGE_DELETED)
		return;
	if (json_is(value, JSON_NUMBER) || json_is(value, JSON_BOOL) || json_is(value, JSON_NULL)) {
		json_write(out, value);
		return;
	}
	if (json_is(value, JSON_STRING)) {
		put_text(out, json_text(value));
		return;
	}
	buf_init(&text, STORE_DOCUMENT_BYTES_MAX);
	json_write(&text, value);
	if (text.failed)
		out->failed = text.failed;
	else
		put_text(out, buf_str(&text));
	buf_done(&text);
}

/* What the rows of a page share. */
struct names {
	struct str types, attribute;
};

static struct names names_of(const struct history_table *table, const struct history_page *page)
{
	struct names names = {STR_NONE, page->series->attribute_iri};

	for (size_t i = 0; i < page->subject->type_count; i++) {
		struct str name = represent_name(table->context, page->arena, page->subject->types[i]);

		names.types =
			i == 0 ? name
			       : arena_concat(page->arena, arena_concat(page->arena, names.types, STR(" ")), name);
	}
	if (!str_eq(names.attribute, STR(STORE_SCOPE_SERIES)))
		names.attribute = represent_name(table->context, page->arena, names.attribute);
	return names;
}

static void put_field(struct buf *out, enum history_column column, const struct history_page *page,
		      const struct names *names, const struct store_instance *instance)
{
	switch (column) {
	case HISTORY_ID:
		put_text(out, page->subject->id);
		return;
	case HISTORY_TYPE:
		put_optional(out, names->types);
		return;
	case HISTORY_ATTRIBUTE:
		put_text(out, names->attribute);
		return;
	case HISTORY_DATASET_ID:
		put_optional(out, page->series->dataset_id);
		return;
	case HISTORY_TIME:
		put_time(out, history_time(&by_time, instance));
		return;
	case HISTORY_OBSERVED_AT:
		put_time(out, instance->observed_us);
		return;
	case HISTORY_CREATED_AT:
		put_time(out, instance->created_us);
		return;
	case HISTORY_MODIFIED_AT:
		put_time(out, instance->modified_us);
		return;
	case HISTORY_DELETED_AT:
		put_time(out, instance->deleted_us);
		return;
	case HISTORY_UNIT_CODE:
		put_optional(out, json_text(json_get(instance->shape->instance, STR("unitCode"))));
		return;
	case HISTORY_VALUE:
		put_value(out, instance);
		return;
	case HISTORY_COLUMNS:
		return;
	}
}

void history_put_rows(const struct history_table *table, const struct history_page *page, struct buf *out)
{
	const struct names names = names_of(table, page);

	for (size_t i = 0; i < page->count; i++) {
		for (size_t column = 0; column < table->count; column++) {
			if (column)
				buf_put_char(out, ',');
			put_field(out, table->columns[column], page, &names, &page->at[i]);
		}
		buf_put_char(out, '\n');
	}
}
