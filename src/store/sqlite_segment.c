/* Batches of values as they came. A reader makes chunks of what it looks for, as if they were packed; the packer makes
 * blocks of all segments, subject by subject, so that a series of a few points in each of hundreds of segments becomes
 * one chunk. */
#include "store/bulk_int.h"
#include "store/sqlite_pack_int.h"

#include <string.h>

#define SEGMENTS_A_PASS 4096u
#define SEGMENT_BYTES_A_PASS ((size_t)64 << 20)

/* ---- reading a series ---- */

struct look {
	struct sqlite_conn *conn;
	const struct sqlite_series_key *key;
	const struct sqlite_part *part;
	sqlite_chunk_visitor visit;
	void *self;
	struct store_bulk *bulk; /* owned: what the subject said, on its way into a block */
	struct arena arena;
	bool found;
	struct error *err;
};

/* The chain of the subject, if the segment has one. */
static enum err_code look_into(struct look *look, struct str bytes)
{
	struct segment_reader reader;
	struct segment_chain chain;
	bool more = true;
	enum err_code code = segment_open(&reader, bytes, look->err);

	while (code == ERR_OK && more) {
		code = segment_next(&reader, &more, look->err);
		if (code || !more || reader.subject > look->key->subject)
			return code;
		if (reader.subject == look->key->subject)
			break;
	}
	arena_clear(&look->arena);
	if (code == ERR_OK)
		code = segment_read(&reader, &look->arena, &chain, look->err);
	if (code)
		return code;
	look->found = true;
	return store_bulk_add_chain(look->bulk, &chain, reader.created_us, look->err);
}

static enum err_code look_at_all(struct look *look)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(look->conn, SQL_SEGMENT_IN_TIME, &stmt, look->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, look->part->from_us);
	sqlite_bind_int(stmt, 2, look->part->to_us);
	while (code == ERR_OK) {
		code = sqlite_step(look->conn, stmt, "reading batches", &row, look->err);
		if (code || !row)
			break;
		code = look_into(look,
				 (struct str){sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1)});
		if (code)
			code = err_while(look->err, "reading batch %lld of %s",
					 (long long)sqlite3_column_int64(stmt, 0), look->conn->path);
	}
	sqlite_give(look->conn, SQL_SEGMENT_IN_TIME, stmt);
	return code;
}

static enum err_code show_block(struct look *look, const struct made_block *made)
{
	const struct sqlite_series_key *key = look->key;
	struct series_block block;

	arena_clear(&look->arena);
	enum err_code code = series_block_open((struct str){made->bytes, made->len}, &look->arena, &block, look->err);

	for (uint32_t i = 0; code == ERR_OK && i < block.count; i++) {
		struct series_key of = series_block_key(&block, i);

		if (key->nid != 0 && (sqlite_key_nid(&of) != key->nid || (!key->any_dataset && key->dataset.len > 0)))
			continue;
		code = sqlite_visit_part(look->part, look->visit, look->self, -1, &block, i, look->err);
	}
	return code;
}

static enum err_code show(struct look *look)
{
	struct block_sink *sink = store_bulk_sink(look->bulk);
	enum err_code code = store_bulk_put_chunks(look->bulk, look->err);

	if (code == ERR_OK)
		code = block_sink_finish(sink, look->err);
	for (size_t i = 0; code == ERR_OK && i < sink->count; i++)
		code = show_block(look, &sink->blocks[i]);
	return code;
}

static enum err_code any_segments(struct sqlite_conn *conn, bool *ret_any, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t count = 0;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_SEGMENT_COUNT, &stmt, err);

	if (code == ERR_OK)
		code = sqlite_number(conn, SQL_SEGMENT_COUNT, stmt, "looking for batches", &count, &row, err);
	*ret_any = count > 0;
	return code;
}

enum err_code sqlite_each_segment_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
					const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
					struct error *err)
{
	struct look look = {.conn = conn, .key = key, .part = part, .visit = visit, .self = self, .err = err};
	bool any = false;
	enum err_code code = any_segments(conn, &any, err);

	if (code || !any)
		return code;
	code = store_bulk_new(NULL, 0, 0, &look.bulk, err);
	if (code)
		return code;
	arena_init(&look.arena, SQLITE_SCRATCH_BYTES_MAX);
	code = look_at_all(&look);
	if (code == ERR_OK && look.found)
		code = show(&look);
	arena_done(&look.arena);
	(void)store_bulk_free(look.bulk);
	return code;
}

/* ---- packing ---- */

struct source {
	int64_t gid;
	char *bytes; /* owned */
	struct segment_reader reader;
	bool more;
};

struct segment_pass {
	struct source *sources; /* owned */
	size_t count, room;
	int64_t points;
	int64_t damaged; /* the number of a source that cannot be read; 0: none */
	struct store_bulk *bulk; /* owned */
	struct arena arena;
};

/* The error is one of this source. */
static enum err_code blame(struct segment_pass *pass, const struct source *source, struct error *err)
{
	enum err_code code = err_while(err, "reading batch %lld", (long long)source->gid);

	if (code == ERR_CORRUPT || code == ERR_VERSION)
		pass->damaged = source->gid;
	return code;
}

static enum err_code take_source(struct segment_pass *pass, sqlite3_stmt *stmt, struct error *err)
{
	size_t len = (size_t)sqlite3_column_bytes(stmt, 2);

	if (pass->count == pass->room) {
		size_t room = pass->room ? pass->room * 2 : 64;
		struct source *grown = realloc(pass->sources, room * sizeof(*grown));

		if (!grown)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
		pass->sources = grown;
		pass->room = room;
	}
	struct source *source = &pass->sources[pass->count];

	*source = (struct source){.gid = sqlite3_column_int64(stmt, 0), .bytes = malloc(len + 1)};
	if (!source->bytes)
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	memcpy(source->bytes, sqlite3_column_blob(stmt, 2), len);
	pass->count++;
	pass->points += sqlite3_column_int64(stmt, 1);
	enum err_code code = segment_open(&source->reader, (struct str){source->bytes, len}, err);

	if (code == ERR_OK)
		code = segment_next(&source->reader, &source->more, err);
	return code ? blame(pass, source, err) : ERR_OK;
}

static enum err_code read_sources(struct segment_pass *pass, struct sqlite_conn *conn, bool bounded, struct error *err)
{
	size_t bytes = 0;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_SEGMENT_LIST, &stmt, err);

	if (code)
		return code;
	while (code == ERR_OK && (!bounded || (pass->count < SEGMENTS_A_PASS && bytes < SEGMENT_BYTES_A_PASS))) {
		code = sqlite_step(conn, stmt, "reading batches", &row, err);
		if (code || !row)
			break;
		code = take_source(pass, stmt, err);
		bytes += (size_t)sqlite3_column_bytes(stmt, 2);
	}
	sqlite_give(conn, SQL_SEGMENT_LIST, stmt);
	return code;
}

/* All that one subject said, out of every segment. */
static enum err_code take_subject(struct segment_pass *pass, int64_t subject, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < pass->count; i++) {
		struct source *source = &pass->sources[i];
		struct segment_chain chain;

		if (!source->more || source->reader.subject != subject)
			continue;
		arena_clear(&pass->arena);
		code = segment_read(&source->reader, &pass->arena, &chain, err);
		if (code == ERR_OK)
			code = store_bulk_add_chain(pass->bulk, &chain, source->reader.created_us, err);
		if (code == ERR_OK)
			code = segment_next(&source->reader, &source->more, err);
		if (code)
			return blame(pass, source, err);
	}
	return code ? code : store_bulk_put_chunks(pass->bulk, err);
}

static bool next_subject(const struct segment_pass *pass, int64_t *ret)
{
	bool found = false;

	for (size_t i = 0; i < pass->count; i++) {
		const struct source *source = &pass->sources[i];

		if (!source->more || (found && source->reader.subject >= *ret))
			continue;
		*ret = source->reader.subject;
		found = true;
	}
	return found;
}

static enum err_code make_blocks(struct segment_pass *pass, struct error *err)
{
	enum err_code code = ERR_OK;
	int64_t subject;

	while (code == ERR_OK && next_subject(pass, &subject))
		code = take_subject(pass, subject, err);
	return code ? code : block_sink_finish(store_bulk_sink(pass->bulk), err);
}

static enum err_code pass_init(struct segment_pass *pass, struct error *err)
{
	*pass = (struct segment_pass){0};
	arena_init(&pass->arena, SQLITE_SCRATCH_BYTES_MAX);
	return store_bulk_new(NULL, 0, 0, &pass->bulk, err);
}

static void pass_done(struct segment_pass *pass)
{
	for (size_t i = 0; i < pass->count; i++)
		free(pass->sources[i].bytes);
	free(pass->sources);
	arena_done(&pass->arena);
	(void)store_bulk_free(pass->bulk);
}

/* In a write: blocks come, segments go. */
static enum err_code replace(struct sqlite_store *store, struct segment_pass *pass, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < pass->count; i++) {
		sqlite3_stmt *stmt;

		code = sqlite_take(&store->writer, SQL_SEGMENT_DELETE, &stmt, err);
		if (code)
			return code;
		sqlite_bind_int(stmt, 1, pass->sources[i].gid);
		code = sqlite_finish(&store->writer, SQL_SEGMENT_DELETE, stmt, "packing batches", err);
		if (code == ERR_OK && sqlite3_changes(store->writer.db) != 1)
			return err_set(err, ERR_CONFLICT, "batches were packed meanwhile");
	}
	return code ? code : sqlite_run_add(store, 0, store_bulk_sink(pass->bulk), err);
}

static enum err_code settle_once(struct sqlite_store *store, int64_t *ret_damaged, struct error *err)
{
	struct segment_pass pass;
	enum err_code code = pass_init(&pass, err);

	if (code == ERR_OK)
		code = read_sources(&pass, &store->writer, false, err);
	if (code == ERR_OK && pass.count > 0)
		code = make_blocks(&pass, err);
	if (code == ERR_OK && pass.count > 0)
		code = replace(store, &pass, err);
	*ret_damaged = pass.damaged;
	pass_done(&pass);
	return code;
}

enum err_code sqlite_segments_settle(struct sqlite_store *store, struct error *err)
{
	int64_t damaged = 0;
	enum err_code code = settle_once(store, &damaged, err);

	while (code && damaged) {
		code = sqlite_aside_segment_now(store, damaged, err);
		if (code == ERR_OK)
			code = settle_once(store, &damaged, err);
		else
			break;
	}
	return code;
}

struct segment_write {
	struct store_write write; /* first */
	struct sqlite_store *store;
	struct segment_pass *pass;
};

static enum err_code run_replace(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct segment_write *segment = (struct segment_write *)(void *)write;

	txn->changed = true;
	return replace(segment->store, segment->pass, err);
}

/* Is it worth it by now? */
static bool is_worth_it(const struct segment_pass *pass, const struct store_pack_options *options)
{
	/* They come in the order in which they were made. */
	return pass->count > 0 &&
	       (options->all || pass->count >= PACK_SEGMENTS_WORTH || pass->points >= PACK_SEGMENT_POINTS_WORTH ||
		pass->sources[0].reader.created_us <= options->now_us - PACK_AGE_US);
}

static enum err_code pack_once(struct sqlite_packer *packer, const struct store_pack_options *options,
			       struct store_pack_result *result, bool *ret_more, struct error *err)
{
	struct segment_pass pass;
	struct segment_write write = {.write = {.run = run_replace}, .store = packer->store, .pass = &pass};
	enum err_code code = pass_init(&pass, err);

	*ret_more = false;
	if (code == ERR_OK)
		code = read_sources(&pass, &packer->conn, true, err);
	if (code == ERR_OK && is_worth_it(&pass, options)) {
		code = make_blocks(&pass, err);
		if (code == ERR_OK)
			code = store_apply(packer->owner, &write.write, err);
		*ret_more = code == ERR_OK;
		result->points += code ? 0 : (uint64_t)pass.points;
		result->blocks += code ? 0 : store_bulk_sink(pass.bulk)->count;
	}
	if (code && pass.damaged) {
		struct error damage = *err;

		code = sqlite_aside_segment(packer, pass.damaged, &damage, result, err);
		*ret_more = code == ERR_OK;
	}
	pass_done(&pass);
	return code == ERR_CONFLICT ? ERR_OK : code;
}

enum err_code sqlite_pack_segments(struct sqlite_packer *packer, const struct store_pack_options *options,
				   struct store_pack_result *result, struct error *err)
{
	bool more = true;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && more && !packer_must_stop(packer))
		code = pack_once(packer, options, result, &more, err);
	return code;
}
