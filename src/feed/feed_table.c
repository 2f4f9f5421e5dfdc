/* Tables as messages: each row of CSV, by the names in its header. */
#include "feed/feed_int.h"

#include "base/cleanup.h"
#include "base/csv.h"

DEFINE_CLEANUP(struct csv *, csv);

struct table {
	struct feed *feed;
	const struct feed_map *map;
	struct record *record;
	size_t column_count;
	size_t *places; /* of the mapping's columns in the table; in the arena */
	uint64_t rows;
	bool has_header;
};

static enum err_code take_header(struct table *table, const struct csv_row *row, struct error *err)
{
	struct arena *arena = feed_arena(table->feed);
	bool found = false;

	(void)mapping_columns(table->map->mapping, &table->column_count);
	table->places = arena_array(arena, size_t, table->column_count);
	if (!table->places)
		return err_set(err, ERR_MEMORY, "no memory for a table");
	for (size_t i = 0; i < table->column_count; i++) {
		table->places[i] = csv_column(row, record_plan_name(table->map->plan, i));
		found = found || table->places[i] != CSV_NO_COLUMN;
	}
	table->has_header = true;
	return found ? ERR_OK
		     : err_set(err, ERR_NOT_FOUND, "the table's header has none of the mapping's columns: \"%.*s\" …",
			       STR_FMT(str_part(row->fields[0], 0, 60)));
}

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	struct table *table = self;
	struct arena *arena = feed_arena(table->feed);

	if (!table->has_header)
		return take_header(table, row, err);
	if (table->rows++ == RECORD_ROWS_MAX)
		return err_set(err, ERR_LIMIT, "a table of more than %u rows; those from line %llu on are left",
			       RECORD_ROWS_MAX, (unsigned long long)row->line);
	struct str *cells = arena_array(arena, struct str, table->column_count);
	bool good = cells != NULL;

	for (size_t i = 0; good && i < table->column_count; i++) {
		cells[i] = arena_dup(arena, csv_value(row, table->places[i]));
		good = cells[i].at != NULL;
	}
	if (!good)
		return err_set(err, ERR_MEMORY, "no memory for a row");
	table->record->cells = cells;
	feed_take_row(table->feed, table->map, table->record, 0);
	return ERR_OK;
}

static enum err_code drop_row(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct table *table = self;

	(void)err;
	feed_drop(table->feed, FEED_DROP_MALFORMED, "line %llu: %s", (unsigned long long)line, reason);
	return ERR_OK;
}

static enum feed_drop drop_of(enum err_code code)
{
	return code == ERR_NOT_FOUND ? FEED_DROP_UNMAPPED
	       : code == ERR_INVALID ? FEED_DROP_MALFORMED
				     : FEED_DROP_OVERSIZED;
}

static void take_table(struct feed *feed, const struct feed_map *map, struct record *record)
{
	struct table table = {.feed = feed, .map = map, .record = record};
	const struct csv_options options = {
		.separator = mapping_separator(map->mapping), .row = take_row, .bad = drop_row, .self = &table};
	CLEANUP(csv) struct csv *csv = NULL;
	struct error err;
	enum err_code code = csv_new(&options, &csv, &err);

	if (!code)
		code = csv_feed(csv, record->payload, &err);
	if (!code)
		code = csv_finish(csv, &err);
	if (code)
		feed_drop(feed, drop_of(code), "%s", err.detail);
	else if (!table.has_header)
		feed_drop(feed, FEED_DROP_MALFORMED, "a table without a header");
	else if (table.rows == 0)
		feed_drop(feed, FEED_DROP_SKIPPED, "a table without rows");
}

void feed_take_table(struct feed *feed, struct str topic, struct str payload)
{
	const struct feed_map *map = NULL;
	struct record record;
	bool mapped = false;

	if (!feed_begin_message(feed, topic, payload, &record))
		return;
	for (; (map = feed_next_map(feed, &record, map)); mapped = true)
		take_table(feed, map, &record);
	if (!mapped)
		feed_drop_unmapped(feed, &record);
}
