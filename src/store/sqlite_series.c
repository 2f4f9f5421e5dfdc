/* Reading the history: the instances of a series out of the rows of what arrived lately and out of packed blocks, put
 * together by their times. The rows come in order; blocks are asked in the order of their first times, so that a page
 * of the earliest instances need not look into those that lie behind it. */
#include "store/instance_pack.h"
#include "store/sqlite_series_int.h"

int64_t sqlite_number_of(int64_t slice, int64_t seq)
{
	return (slice - SQLITE_SLICE_EPOCH) * ((int64_t)1 << SQLITE_NUMBER_BITS) + seq;
}

void sqlite_number_split(int64_t number, int64_t *ret_slice, int64_t *ret_seq)
{
	int64_t seq = number & (((int64_t)1 << SQLITE_NUMBER_BITS) - 1);

	*ret_seq = seq;
	*ret_slice = (number - seq) / ((int64_t)1 << SQLITE_NUMBER_BITS) + SQLITE_SLICE_EPOCH;
}

enum err_code sqlite_find_series(struct sqlite_conn *conn, struct str id, struct str attribute_iri,
				 struct sqlite_series *series, struct error *err)
{
	enum err_code code = sqlite_name_find(conn, attribute_iri, &series->nid, err);

	if (code == ERR_OK && series->nid)
		code = sqlite_subject_find(conn, id, &series->subject, err);
	return code;
}

/* ---- rows ---- */

enum err_code sqlite_make_parser(struct sqlite_reader *reader, struct error *err)
{
	if (!reader->parser)
		reader->parser = json_parser_new();
	return reader->parser ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a reader");
}

enum err_code sqlite_read_row(struct sqlite_reader *reader, sqlite3_stmt *stmt, struct arena *arena,
			      struct store_instance *ret, struct error *err)
{
	int kind = sqlite3_column_int(stmt, 1);
	struct json *document;

	if (kind < CHANGE_CREATED || kind > CHANGE_DELETED)
		return err_set(err, ERR_CORRUPT, "%s: a point of the history is of kind %d", reader->conn.path, kind);
	enum err_code code = sqlite_make_parser(reader, err);

	if (code == ERR_OK)
		code = sqlite_document_read(&reader->conn, stmt, 2, reader->parser, arena, &document, err);
	if (code)
		return code;
	return store_instance_read(arena, document, (enum change_kind)kind, sqlite3_column_int64(stmt, 0),
				   sqlite_number_of(sqlite3_column_int64(stmt, 3), sqlite3_column_int64(stmt, 4)), ret,
				   err);
}

enum err_code sqlite_each_row(struct sqlite_reader *reader, const struct sqlite_series *series, int64_t from_us,
			      int64_t to_us, bool latest, sqlite_row_visitor visit, void *self, struct error *err)
{
	enum sqlite_sql sql = latest ? SQL_POINT_READ_LATEST : SQL_POINT_READ;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(&reader->conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, series->subject);
	sqlite_bind_int(stmt, 2, series->nid);
	sqlite_bind_text(stmt, 3, series->dataset_id);
	sqlite_bind_int(stmt, 4, from_us);
	sqlite_bind_int(stmt, 5, to_us);
	for (;;) {
		code = sqlite_step(&reader->conn, stmt, "reading history", &row, err);
		if (code || !row)
			break;
		code = visit(self, reader, stmt, err);
		if (code)
			break;
	}
	sqlite_give(&reader->conn, sql, stmt);
	return code;
}

/* ---- instances ---- */

struct reading {
	struct instance_list list;
	struct arena *arena;
};

/* A row's time is that of its observation, or else of its change: by it only the first is in order. */
static bool by_row_time(const struct store_window *window)
{
	return window->by == STORE_OBSERVED_AT;
}

static enum err_code list_row(void *self, struct sqlite_reader *reader, sqlite3_stmt *stmt, struct error *err)
{
	struct reading *reading = self;
	struct instance_list *list = &reading->list;
	int64_t at_us = sqlite3_column_int64(stmt, 0);
	struct store_instance instance;

	if (list->bounded && by_row_time(list->window) &&
	    (list->latest ? at_us < list->bound_us : at_us > list->bound_us))
		return ERR_OK;
	enum err_code code = sqlite_read_row(reader, stmt, reading->arena, &instance, err);

	if (code)
		return code;
	return instance_list_add(list, &instance) ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for history");
}

/* ---- packed instances ---- */

struct chunk_reading {
	struct sqlite_reader *reader;
	struct reading *reading;
	int64_t bid; /* whose shapes the cache has */
	struct shape_cache shapes;
	struct arena points;
};

/* Can nothing of the chunk be among those wanted? */
static bool lies_beyond(const struct instance_list *list, const struct series_range *range)
{
	return list->bounded && by_row_time(list->window) &&
	       (list->latest ? range->max < list->bound_us : range->min > list->bound_us);
}

struct span {
	uint32_t from, to;
};

/* The first point at edge or later. */
static uint32_t first_at(const struct series_points *points, int64_t edge_us)
{
	uint32_t from = 0, to = points->count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (points->at_us[middle] < edge_us)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Of a chunk's points, which are in order, those that can be among the wanted ones: in the window, and of these as many
 * as are asked for and one, which tells that there are more. */
static struct span wanted_span(const struct instance_list *list, const struct series_points *points)
{
	const struct store_window *window = list->window;
	struct span span = {0, points->count};

	if (!by_row_time(window))
		return span;
	if (!window->all) {
		span.from = first_at(points, window->from_us);
		span.to = window->to_us < INT64_MAX ? first_at(points, window->to_us + 1) : points->count;
	}
	if (span.to <= span.from)
		return (struct span){0, 0};
	if (span.to - span.from > list->count_max && list->latest)
		span.from = span.to - list->count_max - 1;
	else if (span.to - span.from > list->count_max)
		span.to = span.from + list->count_max + 1;
	return span;
}

static enum err_code list_chunk(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				struct error *err)
{
	struct chunk_reading *chunks = self;
	struct instance_list *list = &chunks->reading->list;
	struct arena *arena = chunks->reading->arena;
	struct series_points points;
	enum err_code code = ERR_OK;

	arena_clear(&chunks->points);
	if (bid != chunks->bid)
		code = shape_cache_init(&chunks->shapes, block, arena, err);
	chunks->bid = bid;
	if (code == ERR_OK)
		code = series_block_read(block, index, &chunks->points, &points, err);
	struct span span = code ? (struct span){0, 0} : wanted_span(list, &points);

	for (uint32_t i = span.from; code == ERR_OK && i < span.to; i++) {
		struct store_instance instance;

		code = instance_unpack(&chunks->shapes, block, &points, i, chunks->reader->parser, arena, &instance,
				       err);
		if (code == ERR_OK && !instance_list_add(list, &instance))
			code = err_set(err, ERR_MEMORY, "no memory for history");
	}
	return code;
}

static bool has_enough(void *self, const struct series_range *at_us)
{
	const struct chunk_reading *chunks = self;

	return lies_beyond(&chunks->reading->list, at_us);
}

static enum err_code list_chunks(struct sqlite_reader *reader, const struct sqlite_series *series,
				 struct reading *reading, int64_t from_us, int64_t to_us, struct error *err)
{
	const struct sqlite_series_key key = {series->subject, series->nid, series->dataset_id, false};
	const struct sqlite_part part = {from_us, to_us, reading->list.latest, has_enough};
	struct chunk_reading chunks = {.reader = reader, .reading = reading};
	enum err_code code = sqlite_make_parser(reader, err);

	if (code)
		return code;
	arena_init(&chunks.points, SQLITE_SCRATCH_BYTES_MAX);
	code = sqlite_each_chunk(&reader->conn, &key, &part, list_chunk, &chunks, err);
	arena_done(&chunks.points);
	return code;
}

static enum err_code read_instances(struct sqlite_reader *reader, const struct sqlite_series *series,
				    struct reading *reading, struct error *err)
{
	const struct store_window *window = reading->list.window;
	bool narrow = by_row_time(window) && !window->all;
	int64_t from_us = narrow ? window->from_us : INT64_MIN, to_us = narrow ? window->to_us : INT64_MAX;

	enum err_code code =
		sqlite_each_row(reader, series, from_us, to_us, reading->list.latest, list_row, reading, err);

	return code ? code : list_chunks(reader, series, reading, from_us, to_us, err);
}

enum err_code sqlite_series_read(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, const struct store_window *window, bool latest,
				 uint32_t count_max, struct arena *arena, struct store_instances *ret,
				 struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct sqlite_series series = {.dataset_id = dataset_id};
	struct reading reading = {.arena = arena};
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	instance_list_init(&reading.list, window, latest, count_max);
	code = sqlite_find_series(&reader->conn, id, attribute_iri, &series, err);
	if (code == ERR_OK && series.subject)
		code = read_instances(reader, &series, &reading, err);
	if (code == ERR_OK)
		code = instance_list_take(&reading.list, arena, ret, err);
	instance_list_done(&reading.list);
	sqlite_snapshot_end(reader);
	return code;
}

/* ---- which series there are ---- */

struct series_list {
	struct sqlite_conn *conn;
	struct arena *arena;
	struct store_series *at;
	int64_t *nids; /* of their attributes */
	size_t count, room;
};

enum err_code sqlite_name_of(struct sqlite_conn *conn, int64_t nid, struct arena *arena, struct str *ret_iri,
			     struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_NAME_OF, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	code = sqlite_step(conn, stmt, "looking up a name", &row, err);
	if (code == ERR_OK && !row)
		code = err_set(err, ERR_CORRUPT, "%s: has no name %lld, which is used", conn->path, (long long)nid);
	if (code == ERR_OK) {
		*ret_iri = arena_dup(arena, sqlite_text(stmt, 0));
		if (!ret_iri->at)
			code = err_set(err, ERR_MEMORY, "no memory for names");
	}
	sqlite_give(conn, SQL_NAME_OF, stmt);
	return code;
}

static bool list_room(struct series_list *list)
{
	if (list->count < list->room)
		return true;
	size_t room = list->room ? list->room * 2 : 16;
	struct store_series *grown = arena_array(list->arena, struct store_series, room);
	int64_t *nids = arena_array(list->arena, int64_t, room);

	if (!grown || !nids)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		grown[i] = list->at[i];
		nids[i] = list->nids[i];
	}
	list->at = grown;
	list->nids = nids;
	list->room = room;
	return true;
}

static enum err_code list_series(struct series_list *list, int64_t nid, struct str dataset_id, struct error *err)
{
	struct store_series series;

	for (size_t i = 0; i < list->count; i++)
		if (list->nids[i] == nid && str_eq(list->at[i].dataset_id, dataset_id))
			return ERR_OK;
	enum err_code code = sqlite_name_of(list->conn, nid, list->arena, &series.attribute_iri, err);

	if (code)
		return code;
	series.dataset_id = dataset_id.len ? arena_dup(list->arena, dataset_id) : STR_NONE;
	if ((dataset_id.len && !series.dataset_id.at) || !list_room(list))
		return err_set(err, ERR_MEMORY, "no memory for names");
	list->nids[list->count] = nid;
	list->at[list->count++] = series;
	return ERR_OK;
}

static enum err_code list_rows(struct series_list *list, int64_t subject, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(list->conn, SQL_POINT_SERIES, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	while (code == ERR_OK) {
		code = sqlite_step(list->conn, stmt, "listing series", &row, err);
		if (code || !row)
			break;
		code = list_series(list, sqlite3_column_int64(stmt, 0), sqlite_text(stmt, 1), err);
	}
	sqlite_give(list->conn, SQL_POINT_SERIES, stmt);
	return code;
}

static enum err_code list_chunk_series(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				       struct error *err)
{
	struct series_key key = series_block_key(block, index);

	(void)bid;
	return list_series(self, sqlite_key_nid(&key), key.dataset, err);
}

enum err_code sqlite_series_list(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 const struct store_series **ret_series, size_t *ret_count, struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct series_list list = {.conn = &reader->conn, .arena = arena};
	int64_t subject;
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	code = sqlite_subject_find(&reader->conn, id, &subject, err);
	if (code == ERR_OK && subject)
		code = list_rows(&list, subject, err);
	if (code == ERR_OK && subject)
		code = sqlite_each_chunk(&reader->conn, &(struct sqlite_series_key){.subject = subject}, &sqlite_all,
					 list_chunk_series, &list, err);
	if (code == ERR_OK && subject)
		code = sqlite_each_rollup(&reader->conn, &(struct sqlite_series_key){.subject = subject}, &sqlite_all,
					  list_chunk_series, &list, err);
	sqlite_snapshot_end(reader);
	if (code)
		return code;
	*ret_series = list.at;
	*ret_count = list.count;
	return ERR_OK;
}
