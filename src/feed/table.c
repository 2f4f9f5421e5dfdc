/* Rows of files through a feed's mappings. */
#include "feed/table_int.h"

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_TOPIC (CSV_NO_COLUMN - 1)
#define PLACE_RECEIVED (CSV_NO_COLUMN - 2)
#define TABLE_BYTES_MAX ((size_t)16 << 20)

struct table_map { /* a mapping that is for this file */
	const struct feed_map *map;
	const struct str *columns;
	size_t column_count;
	size_t *places; /* of the columns in the table */
};

struct table {
	struct feed *feed;
	struct str name;
	bool is_json;
	struct arena arena; /* what follows */
	struct str *header;
	size_t header_count;
	struct table_map *maps;
	size_t map_count;
};

DEFINE_CLEANUP(struct table *, table);

/* ---- which column is where ---- */

static enum err_code refuse_column(const struct table *table, struct str column, struct error *err)
{
	struct nearest nearest;

	nearest_init(&nearest, column);
	for (size_t i = 0; i < table->header_count; i++)
		nearest_offer(&nearest, str_trim(table->header[i]));
	if (nearest.best.len)
		return err_set(err, ERR_INVALID, "the table has no column \"%.*s\"; did you mean \"%.*s\"?",
			       STR_FMT(column), STR_FMT(nearest.best));
	return err_set(err, ERR_INVALID, "the table has no column \"%.*s\"", STR_FMT(column));
}

static enum err_code find_places(const struct table *table, const struct csv_row *header, struct table_map *map,
				 struct error *err)
{
	csv_columns(header, map->columns, map->column_count, map->places);
	for (size_t i = 0; i < map->column_count; i++) {
		if (map->places[i] != CSV_NO_COLUMN)
			continue;
		if (str_eq(map->columns[i], STR("topic")))
			map->places[i] = PLACE_TOPIC;
		else if (str_eq(map->columns[i], STR("received")))
			map->places[i] = PLACE_RECEIVED;
		else
			return refuse_column(table, map->columns[i], err);
	}
	return ERR_OK;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the rows of a file");
}

static enum err_code read_header(struct table *table, const struct row *row, struct error *err)
{
	const struct feed *feed = table->feed;
	enum err_code code = ERR_OK;

	table->header = arena_array(&table->arena, struct str, row->field_count);
	table->maps = arena_array(&table->arena, struct table_map, feed->map_count);
	if (!table->header || !table->maps)
		return no_memory(err);
	for (size_t i = 0; i < row->field_count; i++) {
		table->header[i] = arena_dup(&table->arena, row->fields[i]);
		if (!table->header[i].at)
			return no_memory(err);
	}
	table->header_count = row->field_count;
	const struct csv_row header = {.fields = table->header, .field_count = table->header_count};

	for (size_t i = 0; i < feed->map_count && !code; i++) {
		struct table_map *map = &table->maps[table->map_count];

		if (feed->maps[i].has_topic && !topic_pattern_fits(&feed->maps[i].topic, table->name))
			continue;
		map->map = &feed->maps[i];
		map->columns = mapping_columns(map->map->mapping, &map->column_count);
		map->places = arena_array(&table->arena, size_t, map->column_count);
		if (!map->places)
			return no_memory(err);
		code = find_places(table, &header, map, err);
		table->map_count++;
	}
	if (!code && table->map_count == 0)
		code = err_set(err, ERR_INVALID, "no mapping is for a file of this name");
	return code;
}

/* ---- making ---- */

enum err_code table_new(struct feed *feed, struct str name, const struct row *header, struct table **ret_table,
			struct error *err)
{
	CLEANUP(table) struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return no_memory(err);
	table->feed = feed;
	table->name = name;
	table->is_json = !header;
	arena_init(&table->arena, TABLE_BYTES_MAX);
	enum err_code code = header ? read_header(table, header, err) : ERR_OK;

	if (!code)
		*ret_table = TAKE(table);
	return code;
}

struct table *table_free(struct table *table)
{
	if (table)
		arena_done(&table->arena);
	free(table);
	return NULL;
}

size_t table_column(const struct table *table, struct str name)
{
	const struct csv_row header = {.fields = table->header, .field_count = table->header_count};

	return csv_column(&header, name);
}

enum err_code table_header(struct rows *rows, struct row *ret_header, struct error *err)
{
	bool there;
	enum err_code code = rows_next(rows, ret_header, &there, err);

	if (!code && !there)
		code = err_set(err, ERR_INVALID, "the table is empty");
	if (!code && ret_header->bad)
		code = err_set(err, ERR_INVALID, "the table's header is not readable: %s", ret_header->bad);
	return code;
}

char table_separator(const struct feed *feed)
{
	return feed->map_count ? mapping_separator(feed->maps[0].mapping) : ',';
}

/* ---- rows ---- */

static struct str value_at(const struct table *table, const struct row *row, size_t place, struct str received)
{
	const struct csv_row fields = {.fields = row->fields, .field_count = row->field_count};

	return place == PLACE_TOPIC ? table->name : place == PLACE_RECEIVED ? received : csv_value(&fields, place);
}

static bool take_by(const struct table *table, const struct table_map *map, const struct row *row, struct str received)
{
	struct arena *arena = feed_arena(table->feed);
	struct str *values = arena_array(arena, struct str, map->column_count);

	for (size_t i = 0; values && i < map->column_count; i++) {
		values[i] = arena_dup(arena, value_at(table, row, map->places[i], received));
		if (!values[i].at)
			return false;
	}
	if (values)
		feed_take_values(table->feed, map->map, values);
	return values;
}

static void take_fields(const struct table *table, const struct row *row)
{
	struct feed *feed = table->feed;
	char buffer[TIME_ISO_BYTES];

	feed->own.messages++;
	feed->own.message_us = feed_now_us(feed);
	struct str received = time_format_iso(feed->own.message_us, buffer);

	for (size_t i = 0; i < row->field_count; i++)
		feed->own.bytes += row->fields[i].len;
	if (row->field_count > table->header_count) {
		feed_drop(feed, FEED_DROP_MALFORMED,
			  "%zu fields where the header has %zu (a separator without quotes?)", row->field_count,
			  table->header_count);
		return;
	}
	for (size_t i = 0; i < table->map_count; i++)
		if (!take_by(table, &table->maps[i], row, received))
			feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for a row");
}

void table_take(struct table *table, const struct row *row)
{
	struct feed *feed = table->feed;

	feed->row_file = table->name;
	feed->row_line = row->line;
	if (row->bad) {
		feed->own.messages++;
		feed_drop(feed, FEED_DROP_MALFORMED, "%s", row->bad);
	} else if (table->is_json) {
		feed_take(feed, table->name, row->text);
	} else {
		take_fields(table, row);
	}
	feed->row_line = 0;
}

/* ---- dry runs ---- */

static enum err_code try_rows(struct feed *feed, struct rows *rows, bool is_json, struct str name, struct error *err)
{
	CLEANUP(table) struct table *table = NULL;
	struct row row;
	size_t count = 0;
	bool there = true;
	enum err_code code = is_json ? ERR_OK : table_header(rows, &row, err);

	if (!code)
		code = table_new(feed, name, is_json ? NULL : &row, &table, err);
	while (!code && there) {
		code = rows_next(rows, &row, &there, err);
		if (code || !there)
			break;
		table_take(table, &row);
		count++;
	}
	return !code && count == 0 ? err_set(err, ERR_INVALID, "there are no rows") : code;
}

DEFINE_CLEANUP(struct rows *, rows);

void table_try(struct feed *feed, enum rows_format format, struct str name, struct str text)
{
	CLEANUP(rows) struct rows *rows = NULL;
	struct error err;
	enum err_code code = rows_of_text(text, format, table_separator(feed), &rows, &err);

	if (!code)
		code = try_rows(feed, rows, !rows_are_table(format), name, &err);
	if (code)
		feed_drop(feed, FEED_DROP_MALFORMED, "%s", err.detail);
}
