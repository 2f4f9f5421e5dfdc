/* The census in SQLite: sums stored with the commit that they belong to, questions, and its check.
 *
 * Table census(within, name, kind, count): numbers of the dictionary; within 0 is "all entities", and a row of kind 0
 * counts the entities of the type `name`. There are no rows that count nothing. What a question must leave out because
 * it has expired is counted from the documents, found by the index of expiry, in the question's own snapshot. */
#include "store/census_int.h"
#include "store/sqlite_int.h"

#include "base/time_value.h"
#include "ngsild/expiry.h"

#include <time.h>

#define EXPIRED_PER_LOOK 64u /* at the clock */

/* ---- writing ---- */

static enum err_code number_of(struct sqlite_store *store, struct census_name *name, struct error *err)
{
	if (name->number)
		return ERR_OK;
	return sqlite_name_number(store, name->iri, &name->number, err);
}

static enum err_code run_on_cell(struct sqlite_conn *conn, enum sqlite_sql sql, const struct census_key *key,
				 int64_t delta, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, key->within ? key->within->number : 0);
	sqlite_bind_int(stmt, 2, key->name->number);
	sqlite_bind_int(stmt, 3, (int64_t)key->kind);
	if (sql == SQL_CENSUS_ADD)
		sqlite_bind_int(stmt, 4, delta);
	return sqlite_finish(conn, sql, stmt, "writing the census", err);
}

static enum err_code store_cell(struct sqlite_store *store, const struct census_cell *cell, struct error *err)
{
	int64_t delta = cell->sum + cell->now;
	enum err_code code = ERR_OK;

	if (delta == 0)
		return ERR_OK;
	if (cell->key.within)
		code = number_of(store, cell->key.within, err);
	if (code == ERR_OK)
		code = number_of(store, cell->key.name, err);
	if (code == ERR_OK)
		code = run_on_cell(&store->writer, SQL_CENSUS_ADD, &cell->key, delta, err);
	if (code == ERR_OK && delta < 0)
		code = run_on_cell(&store->writer, SQL_CENSUS_DROP, &cell->key, 0, err);
	return code;
}

/* Sums are only forgotten once all are stored: when this fails, what was stored is rolled back, and no more. */
enum err_code sqlite_census_store(struct sqlite_store *store, struct error *err)
{
	for (const struct census_cell *cell = store->census.first; cell; cell = cell->next) {
		enum err_code code = store_cell(store, cell, err);

		if (code)
			return code;
	}
	census_clear(&store->census);
	return ERR_OK;
}

enum err_code sqlite_census_finish(struct sqlite_store *store, struct error *err)
{
	if (store->census.cells.count > CENSUS_CELLS_MAX)
		return sqlite_census_store(store, err);
	census_keep(&store->census);
	return ERR_OK;
}

/* ---- what has expired ---- */

/* Counts what an entity had and has no more: all of it, or what has expired of its attributes. */
static enum err_code count_row(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct json_parser *parser,
			       struct arena *arena, int64_t expired_us, struct census *expired, struct error *err)
{
	struct json *entity, *rest = NULL;

	arena_clear(arena);
	enum err_code code = sqlite_document_borrow(conn, stmt, 0, parser, arena, &entity, err);

	if (code == ERR_OK && !expiry_is_over(entity, expired_us)) {
		rest = json_dup(arena, entity);
		if (!rest)
			return err_set(err, ERR_MEMORY, "no memory for an entity");
		(void)expiry_hide(rest, expired_us);
	}
	return code ? code : census_change(expired, rest, entity, err);
}

/* Somebody waits, and others behind it: while more expires than is removed there is no telling how long. */
static enum err_code check_time(const struct census_question *question, uint64_t looked_at, struct error *err)
{
	struct timespec now;

	if (!question->until_us || looked_at % EXPIRED_PER_LOOK)
		return ERR_OK;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	if (now.tv_sec * US_PER_S + now.tv_nsec / 1000 < question->until_us)
		return ERR_OK;
	return err_set(err, ERR_TOO_COMPLEX,
		       "too much has expired and is not removed yet: the time was over after %llu of such entities",
		       (unsigned long long)looked_at);
}

static enum err_code count_rows(struct sqlite_conn *conn, sqlite3_stmt *stmt, const struct census_question *question,
				struct census *expired, struct error *err)
{
	struct json_parser *parser = NULL;
	struct arena arena;
	enum err_code code;
	uint64_t looked_at = 0;
	bool row = true;

	arena_init(&arena, SQLITE_SCRATCH_BYTES_MAX);
	for (;;) {
		code = sqlite_step(conn, stmt, "looking for what has expired", &row, err);
		if (code || !row)
			break;
		if (!parser)
			parser = json_parser_new();
		code = parser ? count_row(conn, stmt, parser, &arena, question->expired_us, expired, err)
			      : err_set(err, ERR_MEMORY, "no memory for a parser");
		if (code == ERR_OK)
			code = check_time(question, ++looked_at, err);
		if (code)
			break;
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}

static enum err_code count_expired(struct sqlite_conn *conn, const struct census_question *question,
				   struct census *expired, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_ENTITY_EXPIRED, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, question->expired_us);
	code = count_rows(conn, stmt, question, expired, err);
	sqlite_give(conn, SQL_ENTITY_EXPIRED, stmt);
	return code;
}

/* ---- questions ---- */

struct census_asking {
	struct sqlite_conn *conn;
	const struct census *expired;
	bool (*visit)(void *self, const struct census_row *row);
	void *self;
};

/* A row as the texts below give it: within (NULL: all), name, kind, count. */
static enum err_code read_row(const struct census_asking *asking, sqlite3_stmt *stmt, struct census_row *ret_row,
			      struct error *err)
{
	int64_t kind = sqlite3_column_int64(stmt, 2), count = sqlite3_column_int64(stmt, 3);

	if (kind < 0 || kind >= CENSUS_KIND_COUNT || count < 0 || sqlite3_column_type(stmt, 1) != SQLITE_TEXT)
		return err_set(err, ERR_CORRUPT, "%s: the census has a row of kind %lld that counts %lld",
			       asking->conn->path, (long long)kind, (long long)count);
	struct census_row row = {
		.within_iri = sqlite_text(stmt, 0), .name_iri = sqlite_text(stmt, 1), .kind = (enum census_kind)kind};
	int64_t expired = asking->expired->cells.count
				  ? census_count(asking->expired, row.within_iri, row.name_iri, row.kind)
				  : 0;

	row.count = count > expired ? (uint64_t)(count - expired) : 0;
	*ret_row = row;
	return ERR_OK;
}

static enum err_code ask(const struct census_asking *asking, enum sqlite_sql sql, int64_t nid, struct error *err)
{
	sqlite3_stmt *stmt;
	struct census_row row;
	bool more = true;
	enum err_code code = sqlite_take(asking->conn, sql, &stmt, err);

	if (code)
		return code;
	if (nid)
		sqlite_bind_int(stmt, 1, nid);
	for (;;) {
		code = sqlite_step(asking->conn, stmt, "reading the census", &more, err);
		if (code || !more)
			break;
		code = read_row(asking, stmt, &row, err);
		if (code || (row.count > 0 && !asking->visit(asking->self, &row)))
			break;
	}
	sqlite_give(asking->conn, sql, stmt);
	return code;
}

static enum err_code answer(const struct census_asking *asking, const struct census_question *question,
			    struct error *err)
{
	static const enum sqlite_sql texts[] = {
		[CENSUS_TOTALS] = SQL_CENSUS_TOTALS,
		[CENSUS_ALL] = SQL_CENSUS_ALL,
		[CENSUS_OF_TYPE] = SQL_CENSUS_OF_TYPE,
		[CENSUS_OF_ATTRIBUTE] = SQL_CENSUS_OF_ATTRIBUTE,
	};
	int64_t nid = 0;

	if (question->part == CENSUS_TOTALS || question->part == CENSUS_ALL)
		return ask(asking, texts[question->part], 0, err);
	enum err_code code = sqlite_name_find(asking->conn, question->iri, &nid, err);

	if (code || nid == 0)
		return code;
	return ask(asking, texts[question->part], nid, err);
}

enum err_code sqlite_census(struct store_snapshot *snapshot, const struct census_question *question,
			    bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct census expired;
	const struct census_asking asking = {&reader->conn, &expired, visit, self};
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	census_init(&expired);
	if (question->expired_us != INT64_MIN)
		code = count_expired(&reader->conn, question, &expired, err);
	if (code == ERR_OK)
		code = answer(&asking, question, err);
	census_done(&expired);
	sqlite_snapshot_end(reader);
	return code;
}

/* ---- the check ---- */

struct census_findings {
	struct census *census;
	void (*find)(void *self, struct str finding);
	void *self;
	struct arena arena; /* of one finding */
};

static void tell(struct census_findings *findings, struct str within, struct str name, int64_t kind, int64_t stored,
		 int64_t counted)
{
	struct str what = kind > 0 && kind < CENSUS_KIND_COUNT ? census_kind_name((enum census_kind)kind)
							       : STR("entities of the type");
	struct str finding =
		arena_printf(&findings->arena, "census: has %lld %.*s %.*s%s%.*s, the documents have %lld",
			     (long long)stored, STR_FMT(what), STR_FMT(name),
			     within.len ? " in entities of the type " : "", STR_FMT(within), (long long)counted);

	findings->find(findings->self, finding.at ? finding : STR("census: does not agree with the documents"));
	arena_clear(&findings->arena);
}

/* Every row that agrees takes its cell's sum away; what is left over has no row. */
static void compare_row(struct census_findings *findings, sqlite3_stmt *stmt)
{
	struct str within = sqlite_text(stmt, 0), name = sqlite_text(stmt, 1);
	int64_t kind = sqlite3_column_int64(stmt, 2), stored = sqlite3_column_int64(stmt, 3);
	bool known = kind >= 0 && kind < CENSUS_KIND_COUNT && sqlite3_column_type(stmt, 1) == SQLITE_TEXT &&
		     (sqlite3_column_type(stmt, 0) == SQLITE_TEXT) == (sqlite3_column_int64(stmt, 4) != 0);
	struct census_cell *cell = known ? census_find(findings->census, within, name, (enum census_kind)kind) : NULL;
	int64_t counted = cell ? cell->sum : 0;

	if (stored != counted || stored == 0 || !known)
		tell(findings, within, name, kind, stored, counted);
	if (cell)
		cell->sum = 0;
}

enum err_code sqlite_census_check(struct sqlite_conn *conn, struct census *census,
				  void (*find)(void *self, struct str finding), void *self, struct error *err)
{
	struct census_findings findings = {.census = census, .find = find, .self = self};
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_CENSUS_ALL, &stmt, err);

	if (code)
		return code;
	arena_init(&findings.arena, SQLITE_SCRATCH_BYTES_MAX);
	census_keep(census);
	for (;;) {
		code = sqlite_step(conn, stmt, "checking the census", &row, err);
		if (code || !row)
			break;
		compare_row(&findings, stmt);
	}
	for (const struct census_cell *cell = census->first; code == ERR_OK && cell; cell = cell->next)
		if (cell->sum != 0)
			tell(&findings, cell->key.within ? cell->key.within->iri : STR_NONE, cell->key.name->iri,
			     (int64_t)cell->key.kind, 0, cell->sum);
	arena_done(&findings.arena);
	sqlite_give(conn, SQL_CENSUS_ALL, stmt);
	return code;
}
