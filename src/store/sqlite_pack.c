/* Packing rows of the history into blocks.
 *
 * What slices hold that are closed for good is read on a connection of its own, beside the writer, sorted by series and
 * put into blocks; one transaction stores them as a run and marks the slices as packed, from which moment readers look
 * into the blocks and no longer at the rows. The rows then go in steps, since deleting many at once would keep the
 * writer from its clients. If a slice was changed meanwhile, by a correction or by another process that packed it, the
 * transaction does nothing.
 *
 * Two packers of one file cannot be at work: each holds a lock on a file beside it. */
#include "store/sqlite_pack_int.h"

#include "base/time_value.h"

#include <stdatomic.h>
#include <string.h>

#define PACK_POINTS_WORTH 32768 /* so many are packed at once, or a slice more */
#define PACK_SETTLE_US (30 * US_PER_S) /* behind the longest that a slice stays open */
#define PACK_SLICES_MAX 4096u /* of one pass */
#define PACK_ARENA_BYTES_MAX ((size_t)1 << 30)
#define PACK_DELETE_ROWS 4096 /* in one transaction */

struct slice_to_pack {
	int64_t number, points;
};

struct pass {
	struct sqlite_packer *packer;
	struct slice_to_pack slices[PACK_SLICES_MAX];
	size_t slice_count;
	struct packed_point *points; /* owned */
	size_t count, room;
	struct arena arena; /* texts */
	struct arena scratch; /* the tree of one instance */
	struct map shape_numbers;
	struct str *shapes; /* owned */
	size_t shape_count, shape_room;
	struct buf shape;
	struct buf document; /* the text of one instance */
	struct block_sink sink;
};

/* ---- reading ---- */

static enum err_code list_slices(struct pass *pass, int64_t before, bool all, struct error *err)
{
	struct sqlite_conn *conn = &pass->packer->conn;
	int64_t points = 0;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_SLICE_TO_PACK, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, before);
	sqlite_bind_int(stmt, 2, PACK_SLICES_MAX);
	while (pass->slice_count < PACK_SLICES_MAX && points < PACK_POINTS_WORTH) {
		code = sqlite_step(conn, stmt, "looking for history to pack", &row, err);
		if (code || !row)
			break;
		struct slice_to_pack *slice = &pass->slices[pass->slice_count++];

		*slice = (struct slice_to_pack){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
		points += slice->points;
	}
	sqlite_give(conn, SQL_SLICE_TO_PACK, stmt);
	if (code)
		return code;
	int64_t oldest = pass->slice_count ? pass->slices[0].number : INT64_MAX;

	if (!all && points < PACK_POINTS_WORTH && oldest > before - (PACK_AGE_US >> 10))
		pass->slice_count = 0; /* not worth it yet */
	return ERR_OK;
}

static enum err_code number_shape(struct pass *pass, uint32_t *ret, struct error *err)
{
	struct str text = buf_str(&pass->shape);
	uintptr_t known = (uintptr_t)map_get(&pass->shape_numbers, text);

	if (known) {
		*ret = (uint32_t)(known - 1);
		return ERR_OK;
	}
	if (pass->shape_count == pass->shape_room) {
		size_t room = pass->shape_room ? pass->shape_room * 2 : 64;
		struct str *grown = realloc(pass->shapes, room * sizeof(*grown));

		if (!grown)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
		pass->shapes = grown;
		pass->shape_room = room;
	}
	struct str copy = arena_dup(&pass->arena, text);

	if (!copy.at || !map_set(&pass->shape_numbers, copy, (void *)(uintptr_t)(pass->shape_count + 1)))
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	*ret = (uint32_t)pass->shape_count;
	pass->shapes[pass->shape_count++] = copy;
	return ERR_OK;
}

/* The document is parsed in scratch; what the point keeps is copied. */
static enum err_code keep_text(struct pass *pass, struct packed_point *point, struct error *err)
{
	if (point->kind != SERIES_TEXT && point->kind != SERIES_RAW)
		return ERR_OK;
	if (point->text.at != point->whole.at)
		point->text = arena_dup(&pass->arena, point->text);
	return point->text.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to pack history");
}

static enum err_code split_row(struct pass *pass, sqlite3_stmt *stmt, struct packed_point *point, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	int kind = sqlite3_column_int(stmt, 4);
	struct json *document;

	if (kind < CHANGE_CREATED || kind > CHANGE_DELETED)
		return err_set(err, ERR_CORRUPT, "a point of the history is of kind %d", kind);
	struct str text;
	enum err_code code = sqlite_document_text(&pass->packer->conn, stmt, 5, &pass->document, &text, err);

	if (code)
		return code;
	point->whole = arena_dup(&pass->arena, text);
	if (!point->whole.at)
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	arena_clear(&pass->scratch);
	buf_clear(&pass->shape);
	code = json_parse(pass->packer->parser, &pass->scratch, point->whole, &options, &document, err);

	if (code == ERR_OK)
		code = instance_split(&pass->scratch, document, (enum change_kind)kind, sqlite3_column_int64(stmt, 3),
				      point, &pass->shape, err);
	if (code == ERR_OK)
		code = keep_text(pass, point, err);
	return code == ERR_OK ? number_shape(pass, &point->shape, err) : code;
}

static enum err_code take_row(struct pass *pass, int64_t slice, sqlite3_stmt *stmt, struct error *err)
{
	if (pass->count == pass->room) {
		size_t room = pass->room ? pass->room * 2 : 1024;
		struct packed_point *grown = realloc(pass->points, room * sizeof(*grown));

		if (!grown)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
		pass->points = grown;
		pass->room = room;
	}
	struct packed_point *point = &pass->points[pass->count];
	struct str dataset = sqlite_text(stmt, 2);

	*point = (struct packed_point){
		.key = {.subject = sqlite3_column_int64(stmt, 0), .name = sqlite3_column_int64(stmt, 1)},
		.number = sqlite_number_of(slice, sqlite3_column_int64(stmt, 6))};
	if (dataset.len) {
		point->key.dataset = arena_dup(&pass->arena, dataset);
		if (!point->key.dataset.at)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
	}
	pass->count++;
	enum err_code code = split_row(pass, stmt, point, err);

	point->key.name = sqlite_key_name(point->key.name, point->observed);
	return code;
}

static enum err_code read_slice(struct pass *pass, const struct slice_to_pack *slice, struct error *err)
{
	struct sqlite_conn *conn = &pass->packer->conn;
	size_t before = pass->count;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_SLICE_POINTS, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice->number);
	while (code == ERR_OK) {
		code = sqlite_step(conn, stmt, "reading history to pack", &row, err);
		if (code || !row)
			break;
		code = take_row(pass, slice->number, stmt, err);
	}
	sqlite_give(conn, SQL_SLICE_POINTS, stmt);
	if (code == ERR_OK && pass->count - before != (size_t)slice->points)
		code = err_set(err, ERR_CORRUPT, "slice %lld says that it has %lld points, it has %zu",
			       (long long)slice->number, (long long)slice->points, pass->count - before);
	return code ? err_while(err, "packing the history of %s", conn->path) : ERR_OK;
}

/* ---- blocks ---- */

static int compare_points(const void *a, const void *b)
{
	const struct packed_point *x = a, *y = b;
	int order = series_key_cmp(&x->key, &y->key);

	if (order != 0)
		return order;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static enum err_code make_blocks(struct pass *pass, struct error *err)
{
	enum err_code code = ERR_OK;
	size_t first = 0;

	qsort(pass->points, pass->count, sizeof(*pass->points), compare_points);
	for (size_t i = 1; code == ERR_OK && i <= pass->count; i++) {
		const struct packed_point *point = &pass->points[first];

		if (i < pass->count && pass->points[i].kind == point->kind &&
		    series_key_cmp(&pass->points[i].key, &point->key) == 0)
			continue;
		code = block_sink_points(&pass->sink, point, i - first, pass->shapes, err);
		first = i;
	}
	return code ? code : block_sink_finish(&pass->sink, err);
}

/* ---- storing ---- */

struct pack_write {
	struct store_write write; /* first */
	struct pass *pass;
	bool stale;
};

static enum err_code mark_slice(struct sqlite_store *store, const struct slice_to_pack *slice, bool *ret_marked,
				struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_SLICE_SET_PACKED, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice->number);
	sqlite_bind_int(stmt, 2, slice->points);
	code = sqlite_finish(&store->writer, SQL_SLICE_SET_PACKED, stmt, "packing history", err);
	*ret_marked = sqlite3_changes(store->writer.db) == 1;
	return code;
}

static enum err_code run_pack(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct pack_write *pack = (struct pack_write *)(void *)write;
	struct pass *pass = pack->pass;
	struct sqlite_store *store = pass->packer->store;
	bool marked = true;
	enum err_code code = sqlite_sums_store(store, err);

	txn->changed = true;
	/* Should the clock be such that this writer's own slice is among them. */
	sqlite_slice_end(store);
	for (size_t i = 0; code == ERR_OK && marked && i < pass->slice_count; i++)
		code = mark_slice(store, &pass->slices[i], &marked, err);
	/* An error takes back what was marked. */
	if (code == ERR_OK && !marked)
		return err_set(err, ERR_CONFLICT, "history was changed while it was packed");
	return code ? code : sqlite_run_add(store, 0, &pass->sink, err);
}

/* ---- deleting rows ---- */

struct delete_write {
	struct store_write write; /* first */
	struct sqlite_store *store;
	int64_t deleted;
};

static enum err_code delete_rows(struct sqlite_store *store, enum sqlite_sql sql, int64_t slice, int64_t *ret_rows,
				 struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice);
	sqlite_bind_int(stmt, 2, PACK_DELETE_ROWS);
	code = sqlite_finish(&store->writer, sql, stmt, "deleting packed rows", err);
	*ret_rows = sqlite3_changes64(store->writer.db);
	return code;
}

static enum err_code next_packed(struct sqlite_store *store, int64_t *ret_slice, bool *ret_found, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_SLICE_NEXT_PACKED, &stmt, err);

	if (code)
		return code;
	return sqlite_number(&store->writer, SQL_SLICE_NEXT_PACKED, stmt, "deleting packed rows", ret_slice, ret_found,
			     err);
}

static enum err_code run_delete(struct store_write *write, struct store_txn *txn, struct error *err)
{
	static const enum sqlite_sql steps[] = {SQL_POINT_DELETE_SOME, SQL_BUNDLE_DELETE_SOME, SQL_SLICE_DELETE};
	struct delete_write *delete = (struct delete_write *)(void *)write;
	int64_t slice = 0, rows = 0;
	bool found = true;
	enum err_code code = ERR_OK;

	txn->changed = true;
	delete->deleted = 0;
	while (code == ERR_OK && delete->deleted < PACK_DELETE_ROWS) {
		code = next_packed(delete->store, &slice, &found, err);
		if (code || !found)
			break;
		for (size_t i = 0; code == ERR_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
			code = delete_rows(delete->store, steps[i], slice, &rows, err);
			if (code)
				break;
			delete->deleted += rows;
			if (rows == PACK_DELETE_ROWS)
				break;
		}
	}
	return code;
}

static enum err_code delete_packed(struct sqlite_packer *packer, struct error *err)
{
	struct delete_write delete = {.write = {.run = run_delete}, .store = packer->store};
	enum err_code code;

	do
		code = store_apply(packer->owner, &delete.write, err);
	while (code == ERR_OK && delete.deleted > 0 && !packer_must_stop(packer));
	return code;
}

/* ---- a pass ---- */

static enum err_code pass_init(struct pass *pass, struct sqlite_packer *packer, struct error *err)
{
	pass->packer = packer;
	pass->slice_count = pass->count = pass->room = pass->shape_count = pass->shape_room = 0;
	pass->points = NULL;
	pass->shapes = NULL;
	arena_init(&pass->arena, PACK_ARENA_BYTES_MAX);
	arena_init(&pass->scratch, STORE_TXN_ARENA_BYTES_MAX);
	map_init(&pass->shape_numbers, 0);
	buf_init(&pass->shape, STORE_DOCUMENT_BYTES_MAX);
	buf_init(&pass->document, STORE_DOCUMENT_BYTES_MAX);
	return block_sink_init(&pass->sink, err);
}

static void pass_done(struct pass *pass)
{
	block_sink_done(&pass->sink);
	buf_done(&pass->shape);
	buf_done(&pass->document);
	map_done(&pass->shape_numbers);
	arena_done(&pass->scratch);
	arena_done(&pass->arena);
	free(pass->shapes);
	free(pass->points);
}

static enum err_code read_pass(struct pass *pass, int64_t before, bool all, struct error *err)
{
	struct sqlite_conn *conn = &pass->packer->conn;
	enum err_code code = sqlite_run(conn, SQL_BEGIN_READ, "starting to pack", err);

	if (code)
		return code;
	code = list_slices(pass, before, all, err);
	for (size_t i = 0; code == ERR_OK && i < pass->slice_count; i++)
		code = read_slice(pass, &pass->slices[i], err);
	enum err_code ended = sqlite_run(conn, SQL_COMMIT, "ending to read", NULL);

	return code ? code : ended;
}

/* *ret_more is false when nothing was left that is worth it. */
static enum err_code pack_pass(struct pass *pass, const struct store_pack_options *options,
			       struct store_pack_result *result, bool *ret_more, struct error *err)
{
	struct pack_write pack = {.write = {.run = run_pack}, .pass = pass};
	int64_t before = (options->now_us - PACK_SETTLE_US) >> 10;
	enum err_code code = read_pass(pass, before, options->all, err);

	*ret_more = code == ERR_OK && pass->slice_count > 0;
	if (!*ret_more)
		return code;
	code = make_blocks(pass, err);
	if (code == ERR_OK)
		code = store_apply(pass->packer->owner, &pack.write, err);
	if (code == ERR_CONFLICT) {
		*ret_more = false; /* the next call looks again */
		return ERR_OK;
	}
	if (code)
		return code;
	result->points += pass->count;
	result->blocks += pass->sink.count;
	return delete_packed(pass->packer, err);
}

enum err_code sqlite_pack_rows(struct sqlite_packer *packer, const struct store_pack_options *options,
			       struct store_pack_result *result, struct error *err)
{
	bool more = true;
	enum err_code code = delete_packed(packer, err); /* what a crash has left */

	while (code == ERR_OK && more && !packer_must_stop(packer)) {
		CLEANUP_MEMORY struct pass *pass = malloc(sizeof(*pass));

		if (!pass)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
		code = pass_init(pass, packer, err);
		if (code == ERR_OK)
			code = pack_pass(pass, options, result, &more, err);
		pass_done(pass);
	}
	return code;
}
