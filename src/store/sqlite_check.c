/* Everything that can be wrong with a database, found in bounded memory and one snapshot.
 *
 *  1. SQLite's own integrity check, and the R*Tree's.
 *  2. Every document: parses, agrees with its row's columns, and every index row that it asks for is there. The rows
 *     asked for are counted: an index with more rows than that has some too many; those without entity are named.
 *  3. The census: agrees with what the documents have.
 *  4. History: every chunk of every block and every batch can be read; points, subjects, names and the sums of slices
 *     agree.
 *  5. Counters and versions. */
#include "store/sqlite_check_values.h"

#include "store/segment.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_CACHE_BYTES ((uint32_t)4 << 20)
#define CHECK_ARENA_BYTES_MAX ((size_t)1 << 30) /* of one document */
#define CHECK_FINDINGS_SHOWN_MAX 1000 /* all are counted */
#define CHECK_FINDING_BYTES 512
#define CHECK_SQLITE_FINDINGS_MAX "100"

enum check_sql {
	CHECK_DOCS,
	CHECK_POINTS,
	CHECK_BLOCKS,
	CHECK_SEGMENTS,
	CHECK_HAS_TYPE,
	CHECK_HAS_SCOPE,
	CHECK_HAS_BOX,
	CHECK_HAS_CELL,
	CHECK_SQL_COUNT
};

/* The R*Tree rounds outwards to 32-bit floats: at 180 degrees by less than 0.00005. */
static const char has_box[] =
	"SELECT 1 FROM geo WHERE gid = ?1 AND west BETWEEN ?2 - 0.00005 AND ?2 AND east BETWEEN ?3 AND ?3 + 0.00005 "
	"AND south BETWEEN ?4 - 0.00005 AND ?4 AND north BETWEEN ?5 AND ?5 + 0.00005";

static const char blocks[] = "SELECT b.bid, subject_min, subject_max, at_us_min, at_us_max, points, doc, "
			     "ifnull(k.buckets, 0) FROM block b LEFT JOIN retention k ON k.bid = b.bid";

static const char *const check_texts[CHECK_SQL_COUNT] = {
	[CHECK_DOCS] = "SELECT iid, id, created, modified, expires, doc FROM entity ORDER BY iid",
	/* Those that are not packed are looked at below. */
	[CHECK_POINTS] = "SELECT subject, slice, doc FROM point WHERE typeof(doc) = 'blob'",
	[CHECK_BLOCKS] = blocks,
	[CHECK_SEGMENTS] = "SELECT gid, at_us_min, at_us_max, points, doc FROM segment ORDER BY gid",
	[CHECK_HAS_TYPE] = "SELECT 1 FROM entity_type WHERE nid = (SELECT nid FROM name WHERE iri = ?1) AND iid = ?2",
	[CHECK_HAS_SCOPE] = "SELECT 1 FROM scope WHERE scope = ?1 AND iid = ?2",
	[CHECK_HAS_CELL] = "SELECT 1 FROM cell WHERE cell = ?1 AND gid = ?2",
	[CHECK_HAS_BOX] = has_box,
};

/* All points, also those that lie in bundles. */
#define WITH_HISTORY                                                                                                   \
	"WITH history(slice, subject, nid, at_us) AS (SELECT slice, subject, nid, at_us FROM point UNION ALL "         \
	"SELECT b.slice, b.subject, j.value ->> 0, j.value ->> 2 FROM bundle b CROSS JOIN json_each(b.doc) j) "

/* Questions whose rows are findings; column 0 says which. */
static const char *const row_checks[] = {
	"SELECT 'point of subject ' || subject || ' in slice ' || slice || ': is not JSON, or of an unknown kind' "
	"FROM point WHERE (typeof(doc) != 'blob' AND NOT json_valid(doc)) OR kind NOT BETWEEN 0 AND 2",
	"SELECT 'bundle of subject ' || subject || ' in slice ' || slice || ': is no list of points' FROM bundle b "
	"WHERE NOT json_valid(doc) OR json_type(doc) != 'array' OR json_array_length(doc) != points OR EXISTS "
	"(SELECT 1 FROM json_each(b.doc) j WHERE j.type != 'array' OR json_array_length(j.value) != 5 OR "
	"j.value ->> 3 NOT BETWEEN 0 AND 2)",
	"SELECT 'bundle of subject ' || subject || ' in slice ' || slice || ': its bounds are not those of its points' "
	"FROM bundle b WHERE json_valid(doc) AND (at_us_min, at_us_max) != (SELECT min(j.value ->> 2), "
	"max(j.value ->> 2) FROM json_each(b.doc) j)",
	WITH_HISTORY
	"SELECT DISTINCT 'point of subject ' || subject || ' in slice ' || slice || ': its subject or its name is not "
	"there' FROM history p WHERE NOT EXISTS (SELECT 1 FROM subject u WHERE u.subject = p.subject) "
	"OR NOT EXISTS (SELECT 1 FROM name n WHERE n.nid = p.nid)",
	"SELECT 'entity ' || id || ': names subject ' || subject || ', which is not its own' FROM entity e "
	"WHERE NOT EXISTS (SELECT 1 FROM subject u WHERE u.subject = e.subject "
	"AND u.id = e.id)",
	/* The bounds may be wider than the points: pruning does not narrow them. */
	WITH_HISTORY
	"SELECT 'slice ' || p.slice || ': what is noted of it does not agree with its points' FROM (SELECT slice, "
	"count(*) AS points, min(at_us) AS low, max(at_us) AS high FROM history GROUP BY slice) p LEFT JOIN slice s "
	"ON s.slice = p.slice WHERE s.slice IS NULL OR (s.packed = 0 AND (s.points != p.points OR "
	"s.at_us_min > p.low OR s.at_us_max < p.high))",
	"SELECT 'slice ' || slice || ': is noted, but has no points' FROM slice s "
	"WHERE packed = 0 AND NOT EXISTS (SELECT 1 FROM point p WHERE p.slice = s.slice) AND "
	"NOT EXISTS (SELECT 1 FROM bundle b WHERE b.slice = s.slice)",
	"SELECT 'record ' || kind || ' ' || id || ': is not JSON, or lacks a name' FROM record "
	"WHERE NOT json_valid(doc) OR kind = '' OR id = ''",
	WITH_HISTORY "SELECT 'counter ' || name || ': ' || value || ' does not agree with the rows' FROM counter WHERE "
		     "name IN ('entities', 'points') AND value != CASE name WHEN 'entities' THEN (SELECT count(*) FROM "
		     "entity) ELSE (SELECT count(*) FROM history JOIN slice "
		     "USING (slice) WHERE packed = 0) + (SELECT ifnull(sum(points), 0) FROM block) + "
		     "(SELECT ifnull(sum(points), 0) FROM segment) END",
	"SELECT 'run ' || rid || ': its blocks are not in the order of their subjects' FROM (SELECT rid, subject_min < "
	"lag(subject_max) OVER (PARTITION BY rid ORDER BY bid) AS wrong FROM block) WHERE wrong GROUP BY rid",
	"SELECT 'block ' || bid || ': its run is not there, or its times lie outside of those of the run' FROM block b "
	"WHERE NOT EXISTS (SELECT 1 FROM run r WHERE r.rid = b.rid AND r.at_us_min <= b.at_us_min AND r.at_us_max >= "
	"b.at_us_max)",
	"SELECT 'notification ' || number || ': names no subscription, or was tried a negative number of times' FROM "
	"(SELECT number, subscription, tries FROM owed UNION ALL SELECT number, subscription, tries FROM dead) "
	"WHERE subscription < 1 OR tries NOT BETWEEN 0 AND 4294967295",
	"SELECT 'notification ' || number || ': is owed and a dead letter' FROM owed JOIN dead USING (number)",
	"SELECT 'notification ' || number || ': its number was never given' FROM (SELECT max(number) AS number, "
	"min(number) AS low FROM (SELECT number FROM owed UNION ALL SELECT number FROM dead)) WHERE low < 1 OR "
	"number > ifnull((SELECT value FROM counter WHERE name = 'owed'), 0)",
	"SELECT 'meta: schema_version ' || value || ' is not the file''s version' FROM meta, pragma_user_version "
	"WHERE key = 'schema_version' AND value != CAST(user_version AS TEXT)",
};

/* Of values there are chunks and a log: they count themselves. */
static const char *const index_counts[INDEX_TABLES] = {
	[INDEX_TYPE] = "SELECT count(*) FROM entity_type",
	[INDEX_SCOPE] = "SELECT count(*) FROM scope",
	[INDEX_GEO] = "SELECT count(*) FROM geo_rowid",
	[INDEX_CELL] = "SELECT count(*) FROM cell",
};

/* Asked only when an index has more rows than the documents ask for. */
static const char *const index_orphans[] = {
	[INDEX_TYPE] = "SELECT DISTINCT 'index of types: there is no entity ' || iid FROM entity_type i "
		       "WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.iid = i.iid)",
	[INDEX_SCOPE] = "SELECT DISTINCT 'index of scopes: there is no entity ' || iid FROM scope i "
			"WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.iid = i.iid)",
	[INDEX_CELL] = "SELECT DISTINCT 'index of cells: there is no entity ' || (i.gid / 64) FROM cell i "
		       "WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.iid = i.gid / 64)",
	[INDEX_GEO] = "SELECT DISTINCT 'index of places: there is no entity ' || (i.rowid / 64) FROM geo_rowid i "
		      "WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.iid = i.rowid / 64)",
};

static const char *const index_names[] = {
	[INDEX_TYPE] = "types", [INDEX_SCOPE] = "scopes", [INDEX_ATTRIBUTE] = "values",
	[INDEX_GEO] = "places", [INDEX_CELL] = "cells",
};

struct check {
	struct sqlite_conn conn;
	sqlite3_stmt *statements[CHECK_SQL_COUNT];
	void (*visit)(void *self, const char *finding);
	void *self;
	uint64_t findings;
	struct json_parser *parser;
	struct arena arena; /* of one document */
	int64_t iid; /* of the document looked at */
	struct str id;
	uint64_t wanted[INDEX_TABLES]; /* index rows that the documents ask for, by table */
	bool have_all; /* no document misses a row */
	struct census census; /* of the documents */
	bool unread; /* a document could not be counted */
	struct check_values values;
};

static void find(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(struct check *check, const char *format, ...)
{
	char text[CHECK_FINDING_BYTES];
	va_list args;

	va_start(args, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->findings++;
	if (check->visit && check->findings <= CHECK_FINDINGS_SHOWN_MAX)
		check->visit(check->self, text);
}

static void find_text(void *self, struct str finding)
{
	find(self, "%.*s", STR_FMT(finding));
}

/* Every row of the question is a finding, unless it says "ok". */
static enum err_code find_rows(struct check *check, const char *sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(check->conn.db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW && !str_eq(sqlite_text(stmt, 0), STR("ok")))
			find(check, "%.*s", STR_FMT(sqlite_text(stmt, 0)));
	}
	enum err_code code = ERR_OK;

	/* A damaged page is what a check is for: it is a finding, and the check goes on elsewhere. */
	if ((rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_ERROR)
		find(check, "%s", sqlite3_errmsg(check->conn.db));
	else if (rc != SQLITE_DONE)
		code = sqlite_fail(&check->conn, rc, "checking", err);
	(void)sqlite3_finalize(stmt);
	return code;
}

/* ---- documents ---- */

static enum err_code has_row(struct check *check, sqlite3_stmt *stmt, bool *ret_has, struct error *err)
{
	enum err_code code = sqlite_step(&check->conn, stmt, "checking an index", ret_has, err);

	(void)sqlite3_reset(stmt);
	return code;
}

static sqlite3_stmt *question(const struct check *check, const struct index_change *change)
{
	static const enum check_sql sql[] = {
		[INDEX_TYPE] = CHECK_HAS_TYPE,
		[INDEX_SCOPE] = CHECK_HAS_SCOPE,
		[INDEX_GEO] = CHECK_HAS_BOX,
		[INDEX_CELL] = CHECK_HAS_CELL,
	};
	sqlite3_stmt *stmt = check->statements[sql[change->table]];

	if (change->table == INDEX_CELL) {
		sqlite_bind_int(stmt, 1, change->cell);
		sqlite_bind_int(stmt, 2, check->iid * INDEX_GEO_SLOTS + change->slot);
		return stmt;
	}
	if (change->table == INDEX_GEO) {
		sqlite_bind_int(stmt, 1, check->iid * INDEX_GEO_SLOTS + change->slot);
		sqlite_bind_double(stmt, 2, change->box.west);
		sqlite_bind_double(stmt, 3, change->box.east);
		sqlite_bind_double(stmt, 4, change->box.south);
		sqlite_bind_double(stmt, 5, change->box.north);
		return stmt;
	}
	sqlite_bind_text(stmt, 1, change->name);
	sqlite_bind_int(stmt, 2, check->iid);
	return stmt;
}

static enum err_code has_value(struct check *check, const struct index_change *change, bool *ret_has, struct error *err)
{
	const struct value_change row = {.iid = check->iid, .value = change->value};
	int64_t nid;
	enum err_code code = sqlite_name_find(&check->conn, change->name, &nid, err);

	return code ? code : check_values_has(&check->values, nid, &row, ret_has, err);
}

static enum err_code check_index_row(void *self, const struct index_change *change, struct error *err)
{
	struct check *check = self;
	bool has = false, value = change->table == INDEX_ATTRIBUTE;
	enum err_code code =
		value ? has_value(check, change, &has, err) : has_row(check, question(check, change), &has, err);

	if (code)
		return code;
	check->wanted[change->table]++;
	if (!has) {
		check->have_all = false;
		find(check, "entity %.*s: not in the index of %s (%.*s)", STR_FMT(check->id),
		     index_names[change->table], STR_FMT(change->name));
	}
	return ERR_OK;
}

static void check_columns(struct check *check, sqlite3_stmt *row, const struct json *entity)
{
	int64_t expires_us;
	bool expires = sqlite_expires(entity, &expires_us);

	if (!str_eq(document_id(entity), check->id))
		find(check, "entity %.*s: its document has the id \"%.*s\"", STR_FMT(check->id),
		     STR_FMT(document_id(entity)));
	if (sqlite3_column_int64(row, 2) != document_created_us(entity) ||
	    sqlite3_column_int64(row, 3) != document_modified_us(entity))
		find(check, "entity %.*s: created or modified differ from its document", STR_FMT(check->id));
	if (expires != (sqlite3_column_type(row, 4) == SQLITE_INTEGER) ||
	    (expires && sqlite3_column_int64(row, 4) != expires_us))
		find(check, "entity %.*s: expires differs from its document", STR_FMT(check->id));
}

/* Of texts more is asked than where they are read: no member is there twice. */
static enum err_code read_document(struct check *check, sqlite3_stmt *row, int column, struct json **ret_document,
				   struct error *err)
{
	if (sqlite3_column_type(row, column) == SQLITE_BLOB)
		return sqlite_document_borrow(&check->conn, row, column, NULL, &check->arena, ret_document, err);
	return json_parse(check->parser, &check->arena, sqlite_text(row, column), NULL, ret_document, err);
}

static enum err_code check_document(struct check *check, sqlite3_stmt *row, struct error *err)
{
	struct json *entity;
	struct error parse_error = {0};

	arena_clear(&check->arena);
	check->iid = sqlite3_column_int64(row, 0);
	check->id = arena_dup(&check->arena, sqlite_text(row, 1));
	enum err_code code = read_document(check, row, 5, &entity, &parse_error);

	if (code == ERR_MEMORY) {
		if (err)
			*err = parse_error;
		return code;
	}
	if (code == ERR_OK && json_is(entity, JSON_OBJECT)) {
		check_columns(check, row, entity);
		code = census_change(&check->census, NULL, entity, err);
		return code ? code : index_diff(NULL, entity, check_index_row, check, err);
	}
	check->have_all = false;
	check->unread = true;
	find(check, "entity %.*s: its document is no JSON object%s%s", STR_FMT(check->id), code ? ": " : "",
	     code ? parse_error.detail : "");
	return ERR_OK;
}

static enum err_code check_documents(struct check *check, struct error *err)
{
	sqlite3_stmt *stmt = check->statements[CHECK_DOCS];
	enum err_code code;
	bool row = true;

	for (;;) {
		code = sqlite_step(&check->conn, stmt, "checking documents", &row, err);
		if (code || !row)
			break;
		code = check_document(check, stmt, err);
		if (code)
			break;
	}
	(void)sqlite3_reset(stmt);
	if (code == ERR_CORRUPT) {
		find(check, "documents cannot all be read: %s", sqlite3_errmsg(check->conn.db));
		check->have_all = false;
		check->unread = true;
		return ERR_OK;
	}
	return code;
}

/* ---- values ---- */

static enum err_code check_values(struct check *check, struct error *err)
{
	check->values.conn = &check->conn;
	check->values.find = find_text;
	check->values.self = check;
	enum err_code code = check_values_init(&check->values, err);

	check->have_all = !check->values.damaged;
	if (code != ERR_CORRUPT)
		return code;
	find(check, "index of values: cannot be read: %s", sqlite3_errmsg(check->conn.db));
	check->values.damaged = true;
	check->have_all = false;
	return ERR_OK;
}

/* ---- rows too many ---- */

static enum err_code check_surplus(struct check *check, enum index_table table, struct error *err)
{
	int64_t count = check->values.rows;
	enum err_code code =
		index_counts[table] ? sqlite_pragma(&check->conn, index_counts[table], &count, err) : ERR_OK;

	if (code == ERR_CORRUPT) {
		find(check, "index of %s: cannot be read: %s", index_names[table], sqlite3_errmsg(check->conn.db));
		return ERR_OK;
	}
	if (code || !check->have_all || (uint64_t)count == check->wanted[table])
		return code;
	find(check, "index of %s: has %lld rows, its documents ask for %llu", index_names[table], (long long)count,
	     (unsigned long long)check->wanted[table]);
	if (table == INDEX_ATTRIBUTE)
		return check_values_orphans(&check->values, err);
	return find_rows(check, index_orphans[table], err);
}

/* ---- the census ---- */

static enum err_code check_census(struct check *check, struct error *err)
{
	if (check->unread)
		return ERR_OK;
	enum err_code code = sqlite_census_check(&check->conn, &check->census, find_text, check, err);

	if (code != ERR_CORRUPT)
		return code;
	find(check, "census: cannot be read: %s", sqlite3_errmsg(check->conn.db));
	return ERR_OK;
}

/* ---- packed history ---- */

/* Kept buckets count, and widen the block's times. */
static enum err_code check_rollup(struct check *check, const struct series_block *block, uint32_t index,
				  int64_t *buckets, int64_t *min, int64_t *max, struct error *err)
{
	struct series_bucket *at = NULL;
	struct series_rollup rollup;
	enum err_code code = rollup_chunk_open(block, index, &check->arena, &rollup, err);

	if (code == ERR_OK)
		code = series_rollup_read(&rollup, &check->arena, &at, err);
	if (code || rollup.derived)
		return code;
	int64_t from_us = rollup.first * rollup.period_us, to_us = (rollup.last + 1) * rollup.period_us - 1;

	*buckets += rollup.count;
	*min = from_us < *min ? from_us : *min;
	*max = to_us > *max ? to_us : *max;
	return ERR_OK;
}

/* Whose chunk it is, for a finding. */
static void name_chunk(struct check *check, const struct series_key *key, struct buf *out)
{
	struct str iri = STR_NONE, id = STR_NONE;

	/* A name that is not there is a finding of its own. */
	(void)!sqlite_name_of(&check->conn, sqlite_key_nid(key), &check->arena, &iri, NULL);
	(void)!sqlite_subject_id(&check->conn, key->subject, &check->arena, &id, NULL);
	buf_printf(out, "%s%.*s of entity %.*s", sqlite_key_is_rollup(key) ? "roll-up of " : "", STR_FMT(iri),
		   STR_FMT(id));
}

/* Names every chunk of the block that cannot be read. */
static enum err_code find_damaged(struct check *check, int64_t bid, const struct series_block *block)
{
	struct error local = {0};
	struct arena points;
	enum err_code code = ERR_OK;

	arena_init(&points, CHECK_ARENA_BYTES_MAX);
	for (uint32_t i = 0; code != ERR_MEMORY && i < block->count; i++) {
		struct series_key key = series_block_key(block, i);
		struct series_points read;
		struct series_chunk chunk;
		struct series_rollup rollup;
		struct buf name;

		arena_clear(&points);
		if (sqlite_key_is_rollup(&key)) {
			code = rollup_chunk_open(block, i, &points, &rollup, &local);
		} else {
			code = series_block_chunk(block, i, &chunk, &local);
			if (code == ERR_OK)
				code = series_block_read(block, i, &points, &read, &local);
		}
		if (code == ERR_OK || code == ERR_MEMORY)
			continue;
		buf_init(&name, CHECK_FINDING_BYTES);
		name_chunk(check, &key, &name);
		find(check, "block %lld: chunk %u of %u, %.*s: %s", (long long)bid, i, block->count,
		     STR_FMT(buf_str(&name)), local.detail);
		buf_done(&name);
	}
	arena_done(&points);
	return code == ERR_MEMORY ? code : ERR_OK;
}

struct block_sum {
	int64_t points, buckets, min, max;
};

static enum err_code sum_block(struct check *check, const struct series_block *block, struct block_sum *sum,
			       struct error *err)
{
	enum err_code code = ERR_OK;

	*sum = (struct block_sum){.min = INT64_MAX, .max = INT64_MIN};
	for (uint32_t i = 0; code == ERR_OK && i < block->count; i++) {
		struct series_chunk chunk;

		code = series_block_chunk(block, i, &chunk, err);
		if (code)
			break;
		if (sqlite_key_is_rollup(&chunk.key)) {
			code = check_rollup(check, block, i, &sum->buckets, &sum->min, &sum->max, err);
			continue;
		}
		sum->points += chunk.count;
		sum->min = chunk.at_us.min < sum->min ? chunk.at_us.min : sum->min;
		sum->max = chunk.at_us.max > sum->max ? chunk.at_us.max : sum->max;
	}
	return code;
}

/* Every chunk is read; what the block's row says must be what it holds. */
static enum err_code check_block(struct check *check, sqlite3_stmt *row)
{
	const struct str bytes = {sqlite3_column_blob(row, 6), (size_t)sqlite3_column_bytes(row, 6)};
	int64_t bid = sqlite3_column_int64(row, 0);
	uint64_t findings = check->findings;
	struct series_block block;
	struct block_sum sum;
	struct error local = {0};

	arena_clear(&check->arena);
	enum err_code code = series_block_open(bytes, &check->arena, &block, &local);

	if (code && code != ERR_MEMORY) {
		find(check, "block %lld: none of it can be read: %s", (long long)bid, local.detail);
		return ERR_OK;
	}
	if (code == ERR_OK)
		code = series_block_check(&block, &local);
	if (code == ERR_OK)
		code = sum_block(check, &block, &sum, &local);
	if (code && code != ERR_MEMORY) {
		code = find_damaged(check, bid, &block);
		if (code == ERR_OK && findings == check->findings)
			find(check, "block %lld: %s", (long long)bid, local.detail);
		return code;
	}
	if (code == ERR_OK &&
	    (sum.points != sqlite3_column_int64(row, 5) || sum.buckets != sqlite3_column_int64(row, 7) ||
	     sum.min != sqlite3_column_int64(row, 3) || sum.max != sqlite3_column_int64(row, 4) || block.count == 0 ||
	     series_block_key(&block, 0).subject != sqlite3_column_int64(row, 1) ||
	     series_block_key(&block, block.count - 1).subject != sqlite3_column_int64(row, 2)))
		find(check, "block %lld: what is noted of it does not agree with what it holds", (long long)bid);
	return code;
}

static enum err_code sum_segment(struct check *check, struct str bytes, struct block_sum *sum, struct error *err)
{
	struct segment_reader reader;
	struct segment_chain chain;
	bool more = true;
	enum err_code code = segment_open(&reader, bytes, err);

	*sum = (struct block_sum){.min = INT64_MAX, .max = INT64_MIN};
	while (code == ERR_OK) {
		code = segment_next(&reader, &more, err);
		if (code || !more)
			break;
		arena_clear(&check->arena);
		code = segment_read(&reader, &check->arena, &chain, err);
		if (code)
			break;
		sum->points += (int64_t)chain.record_count * chain.field_count;
		for (uint32_t i = 0; i < chain.record_count; i++) {
			sum->min = chain.at_us[i] < sum->min ? chain.at_us[i] : sum->min;
			sum->max = chain.at_us[i] > sum->max ? chain.at_us[i] : sum->max;
		}
	}
	return code;
}

/* A batch that waits for packing. */
static enum err_code check_segment(struct check *check, sqlite3_stmt *row)
{
	const struct str bytes = {sqlite3_column_blob(row, 4), (size_t)sqlite3_column_bytes(row, 4)};
	long long gid = (long long)sqlite3_column_int64(row, 0);
	struct error local = {0};
	struct block_sum sum;
	enum err_code code = sum_segment(check, bytes, &sum, &local);

	if (code == ERR_MEMORY)
		return code;
	if (code)
		find(check, "batch %lld: none of its %lld points can be read: %s", gid,
		     (long long)sqlite3_column_int64(row, 3), local.detail);
	else if (sum.points != sqlite3_column_int64(row, 3) || sum.min != sqlite3_column_int64(row, 1) ||
		 sum.max != sqlite3_column_int64(row, 2))
		find(check, "batch %lld: what is noted of it does not agree with what it holds", gid);
	return ERR_OK;
}

static enum err_code check_packed(struct check *check, enum check_sql sql,
				  enum err_code (*look)(struct check *check, sqlite3_stmt *row), struct error *err)
{
	sqlite3_stmt *stmt = check->statements[sql];
	bool row = true;
	enum err_code code = ERR_OK;

	while (code == ERR_OK) {
		code = sqlite_step(&check->conn, stmt, "checking packed history", &row, err);
		if (code || !row)
			break;
		code = look(check, stmt);
		if (code)
			code = err_set(err, code, "no memory for a check");
	}
	(void)sqlite3_reset(stmt);
	if (code != ERR_CORRUPT)
		return code;
	find(check, "packed history cannot all be read: %s", sqlite3_errmsg(check->conn.db));
	return ERR_OK;
}

static enum err_code check_point(struct check *check, sqlite3_stmt *row)
{
	struct json *instance;
	struct error unpack_error = {0};

	arena_clear(&check->arena);
	enum err_code code = read_document(check, row, 2, &instance, &unpack_error);

	if (code == ERR_MEMORY)
		return code;
	if (code)
		find(check, "point of subject %lld in slice %lld: %s", (long long)sqlite3_column_int64(row, 0),
		     (long long)sqlite3_column_int64(row, 1), unpack_error.detail);
	return ERR_OK;
}

/* ---- all of it ---- */

static enum err_code prepare(struct check *check, struct error *err)
{
	check->parser = json_parser_new();
	if (!check->parser)
		return err_set(err, ERR_MEMORY, "no memory for a check");
	for (size_t i = 0; i < CHECK_SQL_COUNT; i++) {
		int rc = sqlite3_prepare_v2(check->conn.db, check_texts[i], -1, &check->statements[i], NULL);

		if (rc != SQLITE_OK)
			return sqlite_fail(&check->conn, rc, "preparing a check", err);
	}
	return ERR_OK;
}

static enum err_code check_all(struct check *check, struct error *err)
{
	enum err_code code = find_rows(check, "PRAGMA integrity_check(" CHECK_SQLITE_FINDINGS_MAX ")", err);

	if (code == ERR_OK)
		code = find_rows(check, "SELECT rtreecheck('main', 'geo')", err);
	if (code == ERR_OK)
		code = prepare(check, err);
	if (code == ERR_OK)
		code = check_values(check, err);
	if (code == ERR_OK)
		code = check_documents(check, err);
	if (code == ERR_OK)
		code = check_census(check, err);
	if (code == ERR_OK)
		code = check_packed(check, CHECK_POINTS, check_point, err);
	if (code == ERR_OK)
		code = check_packed(check, CHECK_BLOCKS, check_block, err);
	if (code == ERR_OK)
		code = check_packed(check, CHECK_SEGMENTS, check_segment, err);
	for (size_t i = 0; code == ERR_OK && i < sizeof(index_counts) / sizeof(index_counts[0]); i++)
		code = check_surplus(check, (enum index_table)i, err);
	for (size_t i = 0; code == ERR_OK && i < sizeof(row_checks) / sizeof(row_checks[0]); i++)
		code = find_rows(check, row_checks[i], err);
	return code;
}

static void check_done(struct check *check)
{
	for (size_t i = 0; i < CHECK_SQL_COUNT; i++)
		(void)sqlite3_finalize(check->statements[i]);
	sqlite_conn_close(&check->conn);
	(void)json_parser_free(check->parser);
	census_done(&check->census);
	check_values_done(&check->values);
	arena_done(&check->arena);
}

enum err_code store_sqlite_check(const char *path, void (*visit)(void *self, const char *finding), void *self,
				 uint64_t *ret_findings, struct error *err)
{
	struct check check = {.visit = visit, .self = self, .have_all = true};
	struct stat status;

	if (stat(path, &status) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot reach %s: %s", path,
			       strerror(errno));
	enum err_code code =
		sqlite_conn_open(&check.conn, path, SQLITE_USE_READ, CHECK_CACHE_BYTES, SQLITE_BUSY_MS_DEFAULT, err);

	if (code)
		return code;
	arena_init(&check.arena, CHECK_ARENA_BYTES_MAX);
	census_init(&check.census);
	code = sqlite_schema_verify(&check.conn, err);
	if (code == ERR_OK)
		code = sqlite_run(&check.conn, SQL_BEGIN_READ, "starting to check", err);
	if (code == ERR_OK)
		code = check_all(&check, err);
	check_done(&check);
	if (code == ERR_OK)
		*ret_findings = check.findings;
	return code;
}
