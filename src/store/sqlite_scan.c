/* Candidates of a query: which indices to follow, and the walk.
 *
 * Conditions that an index answers in the order of the entities (types, ids) are all followed, each skipping
 * ahead to what the others ask for. The others (values, places, scopes, id prefixes) must be read as a whole before the
 * first candidate is known, which is a loss when a page of twenty is wanted and half of the entities match. So when
 * there is such a one, the conditions race: each is read up to 128 rows, then 2,048, then 16,384, then an eighth of all
 * entities, going on where it stood, and the first that ends before is followed too; ordered ones, which are only
 * counted, come first in each round. What is read thus costs little beside what it saves. When none is that small, the
 * ordered ones alone are followed, or all entities walked. What comes out is a superset; the caller's evaluator
 * decides. */
#include "store/sqlite_condition.h"

#define SCAN_ARENA_BYTES_MAX ((size_t)64 << 20)

#define RACE_SHARE 8 /* of all entities, the last round's bound … */
#define RACE_BOUND_MAX ((uint64_t)1 << 20) /* … and at most so many, which take 8 MiB */

static const uint64_t race_bounds[] = {128, 2048, 16384};

struct scan {
	struct sqlite_conn *conn;
	struct arena arena;
	const struct narrow *narrow;
	struct condition conditions[CONDITIONS_MAX];
	size_t condition_count;
	struct iid_union *unions[CONDITIONS_MAX]; /* those that are followed */
	size_t union_count;
	bool shows; /* somebody sees the candidates: as texts or as trees */
	bool (*visit)(void *self, struct str bytes); /* NULL: as trees */
	void *self;
	struct buf document; /* the text of one that was packed; its own, for there are scans within scans */
	const struct store_tree_sight *sight;
	uint64_t count; /* candidates */
	uint64_t skip; /* candidates still to be passed over unread */
};

/* ---- choosing ---- */

static enum err_code follow(struct scan *scan, struct condition *condition, struct error *err)
{
	/* Also when opening fails half-way: what was opened is given back at the end. */
	scan->unions[scan->union_count++] = &condition->streams;
	return condition_open(scan->conn, &scan->arena, scan->narrow, condition, err);
}

/* The first condition, ordered ones first, with fewer rows than the bound. */
static enum err_code race_round(struct scan *scan, uint64_t bound, struct condition **ret_winner, struct error *err)
{
	for (int ordered = 1; ordered >= 0; ordered--) {
		for (size_t i = 0; i < scan->condition_count; i++) {
			uint64_t count;

			if (condition_is_ordered(&scan->conditions[i]) != ordered)
				continue;
			enum err_code code = condition_count(scan->conn, &scan->arena, scan->narrow,
							     &scan->conditions[i], bound, &count, err);

			if (code)
				return code;
			if (count < bound) {
				*ret_winner = &scan->conditions[i];
				return ERR_OK;
			}
		}
	}
	return ERR_OK;
}

static enum err_code count_all(const struct scan *scan, uint64_t *ret_count, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t count;
	bool row;
	enum err_code code = sqlite_take(scan->conn, SQL_COUNTER_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, STR("entities"));
	code = sqlite_number(scan->conn, SQL_COUNTER_GET, stmt, "counting entities", &count, &row, err);
	if (code == ERR_OK)
		*ret_count = count < 0 ? 0 : (uint64_t)count;
	return code;
}

static enum err_code race(struct scan *scan, struct condition **ret_winner, struct error *err)
{
	uint64_t bound = 0, entities = 0;

	for (size_t i = 0; i < sizeof(race_bounds) / sizeof(race_bounds[0]); i++) {
		bound = race_bounds[i];
		enum err_code code = race_round(scan, bound, ret_winner, err);

		if (code || *ret_winner)
			return code;
	}
	enum err_code code = count_all(scan, &entities, err);

	if (code || entities / RACE_SHARE <= bound)
		return code;
	uint64_t share = entities / RACE_SHARE;

	return race_round(scan, share < RACE_BOUND_MAX ? share : RACE_BOUND_MAX, ret_winner, err);
}

static enum err_code choose(struct scan *scan, struct error *err)
{
	struct condition *winner = NULL;
	size_t ordered = 0;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < scan->condition_count; i++)
		ordered += condition_is_ordered(&scan->conditions[i]);
	if (ordered < scan->condition_count)
		code = race(scan, &winner, err);
	for (size_t i = 0; code == ERR_OK && i < scan->condition_count; i++)
		if (condition_is_ordered(&scan->conditions[i]) || &scan->conditions[i] == winner)
			code = follow(scan, &scan->conditions[i], err);
	return code;
}

/* ---- walking ---- */

static enum err_code show_tree(struct scan *scan, sqlite3_stmt *stmt, bool *ret_more, struct error *err)
{
	const struct store_tree_sight *sight = scan->sight;
	struct json *entity;

	arena_clear(sight->arena);
	enum err_code code = sqlite_document_borrow(scan->conn, stmt, 0, sight->parser, sight->arena, &entity, err);

	if (code == ERR_OK)
		*ret_more = sight->visit(sight->self, entity);
	return code;
}

static enum err_code show(struct scan *scan, sqlite3_stmt *stmt, bool *ret_more, struct error *err)
{
	struct str text;

	if (!scan->visit)
		return show_tree(scan, stmt, ret_more, err);
	enum err_code code = sqlite_document_text(scan->conn, stmt, 0, &scan->document, &text, err);

	if (code == ERR_OK)
		*ret_more = scan->visit(scan->self, text);
	return code;
}

/* Counted, and shown when somebody wants to see it; *ret_more: false when visit wants no more. A number without
 * document is of an entity that is gone, which the index of values has still to learn, or an index row too many: the
 * check finds that. */
static enum err_code visit_entity(struct scan *scan, sqlite3_stmt *stmt, int64_t iid, bool *ret_more, struct error *err)
{
	bool row = false;

	sqlite_bind_int(stmt, 1, iid);
	enum err_code code = sqlite_step(scan->conn, stmt, "reading an entity", &row, err);

	if (code == ERR_OK && row) {
		scan->count++;
		if (scan->shows)
			code = show(scan, stmt, ret_more, err);
	}
	(void)sqlite3_reset(stmt);
	return code;
}

/* The index of values may name entities that are gone: there the rows alone do not count. */
static bool is_vague(const struct scan *scan)
{
	for (size_t i = 0; i < scan->condition_count; i++)
		if (scan->conditions[i].kind == CONDITION_RANGE)
			return true;
	return false;
}

static enum err_code walk_unions(struct scan *scan, struct error *err)
{
	bool look = scan->shows || is_vague(scan);
	sqlite3_stmt *stmt = NULL;
	int64_t iid = INT64_MIN;
	bool more = true;
	enum err_code code = look ? sqlite_take(scan->conn, SQL_ENTITY_DOC_BY_IID, &stmt, err) : ERR_OK;

	while (code == ERR_OK && more) {
		code = iid_next(scan->conn, scan->unions, scan->union_count, iid + 1, &iid, err);
		if (code || iid == INT64_MAX)
			break;
		if (look && scan->skip == 0)
			code = visit_entity(scan, stmt, iid, &more, err);
		else
			scan->count++;
		scan->skip -= scan->skip > 0;
	}
	sqlite_give(scan->conn, SQL_ENTITY_DOC_BY_IID, stmt);
	return code;
}

static enum err_code walk_all(struct scan *scan, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true, more = true;
	enum err_code code = sqlite_take(scan->conn, SQL_ENTITY_ALL, &stmt, err);

	if (code)
		return code;
	while (code == ERR_OK && more) {
		code = sqlite_step(scan->conn, stmt, "reading all entities", &row, err);
		if (code || !row)
			break;
		scan->count++;
		if (scan->skip > 0)
			scan->skip--;
		else
			code = show(scan, stmt, &more, err);
	}
	sqlite_give(scan->conn, SQL_ENTITY_ALL, stmt);
	return code;
}

/* All entities, or those of one type: the rows say how many, none has to be walked. */
static bool is_counted(const struct scan *scan)
{
	return scan->condition_count == 0 ||
	       (scan->condition_count == 1 && scan->conditions[0].kind == CONDITION_TYPES &&
		scan->conditions[0].number_count == 1);
}

static enum err_code walk(struct scan *scan, struct error *err)
{
	enum err_code code = choose(scan, err);

	if (code == ERR_OK && scan->union_count > 0)
		code = walk_unions(scan, err);
	else if (code == ERR_OK)
		code = scan->shows ? walk_all(scan, err) : count_all(scan, &scan->count, err);
	for (size_t i = 0; i < scan->condition_count; i++)
		condition_done(scan->conn, &scan->conditions[i]);
	return code;
}

static enum err_code run_scan(struct scan *scan, struct error *err)
{
	enum err_code code =
		conditions_make(scan->conn, &scan->arena, scan->narrow, scan->conditions, &scan->condition_count, err);

	for (size_t i = 0; code == ERR_OK && i < scan->condition_count; i++)
		if (condition_is_empty(&scan->conditions[i]))
			return ERR_OK;
	if (code || scan->shows || !is_counted(scan))
		return code ? code : walk(scan, err);
	if (scan->condition_count == 0)
		return count_all(scan, &scan->count, err);
	return condition_count(scan->conn, &scan->arena, scan->narrow, &scan->conditions[0], INT64_MAX, &scan->count,
			       err);
}

/* What is seen and by whom is in the scan already. */
static enum err_code scan_snapshot(struct sqlite_reader *reader, const struct narrow *narrow, struct scan *scan,
				   struct error *err)
{
	scan->conn = &reader->conn;
	scan->narrow = narrow;
	scan->skip = narrow->skip;
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	arena_init(&scan->arena, SCAN_ARENA_BYTES_MAX);
	buf_init(&scan->document, STORE_DOCUMENT_BYTES_MAX);
	code = run_scan(scan, err);
	buf_done(&scan->document);
	arena_done(&scan->arena);
	sqlite_snapshot_end(reader);
	return code;
}

enum err_code sqlite_scan(struct store_snapshot *snapshot, const struct narrow *narrow,
			  bool (*visit)(void *self, struct str bytes), void *self, uint64_t *ret_count,
			  struct error *err)
{
	CLEANUP_MEMORY struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return err_set(err, ERR_MEMORY, "no memory to search");
	scan->shows = visit != NULL;
	scan->visit = visit;
	scan->self = self;
	enum err_code code = scan_snapshot((struct sqlite_reader *)snapshot, narrow, scan, err);

	if (code == ERR_OK)
		*ret_count = scan->count;
	return code;
}

enum err_code sqlite_scan_trees(struct store_snapshot *snapshot, const struct narrow *narrow,
				const struct store_tree_sight *sight, struct error *err)
{
	CLEANUP_MEMORY struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return err_set(err, ERR_MEMORY, "no memory to search");
	scan->shows = true;
	scan->sight = sight;
	return scan_snapshot((struct sqlite_reader *)snapshot, narrow, scan, err);
}
