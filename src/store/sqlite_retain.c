/* What is too old goes: instances into the buckets of their first tier, buckets into those of the next, or for good.
 *
 * Blocks are looked at one after the other when something in them falls due, and written anew beside the writer; one
 * short transaction puts the new one in the place of the old, unless that was changed meanwhile. What is not packed
 * waits until it is. A block also falls due when its rules ask for derived roll-ups that it lacks. */
#include "store/sqlite_block_revise.h"
#include "store/sqlite_pack_int.h"

#include "base/time_value.h"
#include "store/instance_pack.h"

#include <string.h>

#define RETAIN_SLACK_PART 10 /* a tenth of what it is kept for … */
#define RETAIN_SLACK_US_MAX US_PER_DAY /* … at most, may it stay longer */
#define RETENTION_META "retention_rules"
#define RETENTION_META_BYTES_MAX ((size_t)1 << 20)
#define RETAIN_SUBJECTS_MAX 65536u /* of a block */

struct retained {
	int64_t bid, points, buckets; /* as it was read */
	char *bytes; /* owned */
	size_t len;
	struct series_block block;
	struct arena directory, scratch, points_arena;
	struct series_builder *builder; /* owned */
	struct rollup_set *rollups; /* owned */
	int64_t subject; /* at hand */
	bool subject_stays; /* it has a chunk in the new block */
	struct made_block made;
	int64_t *gone; /* owned: subjects that have nothing left in it */
	size_t gone_count;
	uint64_t expired_points, expired_buckets;
};

struct retaining {
	struct sqlite_packer *packer;
	int64_t now_us;
	bool all; /* at once */
	struct retained now;
};

/* ---- when ---- */

static int64_t slack_of(const struct retaining *retaining, int64_t keep_us)
{
	int64_t slack_us = keep_us / RETAIN_SLACK_PART;

	if (retaining->all || keep_us == STORE_KEEP_FOR_EVER)
		return 0;
	return slack_us < RETAIN_SLACK_US_MAX ? slack_us : RETAIN_SLACK_US_MAX;
}

static int64_t later(int64_t us, int64_t by_us)
{
	int64_t sum;

	return __builtin_add_overflow(us, by_us, &sum) ? INT64_MAX : sum;
}

static void earlier(int64_t *due_us, int64_t us)
{
	*due_us = us < *due_us ? us : *due_us;
}

/* A series of the block: how many instances it has, from when to when, and which periods are derived of them. */
struct look {
	struct series_key key; /* its name: the attribute's number */
	const struct store_rule *rule;
	uint64_t points;
	int64_t min_us, max_us;
	bool texts; /* from which nothing can be derived */
};

static bool lacks_derived(const struct retained *now, const struct look *look, int64_t period_us, struct arena *scratch)
{
	const struct series_key key = {look->key.subject, ROLLUP_NAME + look->key.name, look->key.dataset};
	uint64_t buckets = (uint64_t)(series_bucket_index(look->max_us, period_us) -
				      series_bucket_index(look->min_us, period_us)) +
			   1;

	if (look->texts || buckets < ROLLUP_DERIVE_BUCKETS || look->points < buckets * ROLLUP_DERIVE_POINTS)
		return false;
	for (uint32_t i = series_block_find(&now->block, &key); i < now->block.count; i++) {
		struct series_key of = series_block_key(&now->block, i);
		struct series_rollup rollup;

		if (series_key_cmp(&of, &key) != 0)
			break;
		if (rollup_chunk_open(&now->block, i, scratch, &rollup, NULL) == ERR_OK && rollup.derived &&
		    rollup.period_us == period_us)
			return false;
	}
	return true;
}

static int64_t due_of_series(const struct retaining *retaining, const struct look *look)
{
	struct arena *scratch = (struct arena *)(uintptr_t)&retaining->now.scratch;
	int64_t due_us = INT64_MAX;

	if (!look->rule || look->points == 0)
		return due_us;
	due_us = later(store_rule_due(look->rule, 1, look->min_us), slack_of(retaining, look->rule->keep_us));
	for (size_t i = 0; i < look->rule->tier_count; i++) {
		arena_clear(scratch);
		if (lacks_derived(&retaining->now, look, look->rule->tiers[i].period_us, scratch))
			return INT64_MIN;
	}
	return due_us;
}

static int64_t keep_of(const struct store_rule *rule, int64_t period_us)
{
	for (size_t i = 0; i < rule->tier_count; i++)
		if (rule->tiers[i].period_us == period_us)
			return rule->tiers[i].keep_us;
	return 0;
}

static enum err_code due_of_rollup(struct retaining *retaining, const struct series_key *key, uint32_t index,
				   int64_t *due_us, struct error *err)
{
	const struct store_rule *rule = NULL;
	struct series_rollup rollup;

	arena_clear(&retaining->now.scratch);
	enum err_code code = rollup_chunk_open(&retaining->now.block, index, &retaining->now.scratch, &rollup, err);

	if (code == ERR_OK)
		code = sqlite_rules_find(&retaining->packer->rules, key->subject, sqlite_key_nid(key), &rule, err);
	if (code == ERR_OK && rule && !rollup.derived)
		earlier(due_us, later(store_rule_due(rule, rollup.period_us, rollup.first * rollup.period_us),
				      slack_of(retaining, keep_of(rule, rollup.period_us))));
	return code;
}

static enum err_code look_at_chunk(struct retaining *retaining, const struct series_key *key, uint32_t index,
				   struct look *look, int64_t *due_us, struct error *err)
{
	struct series_chunk chunk;
	const struct store_rule *rule = NULL;
	enum err_code code = series_block_chunk(&retaining->now.block, index, &chunk, err);

	if (code == ERR_OK)
		code = sqlite_rules_find(&retaining->packer->rules, key->subject, sqlite_key_nid(key), &rule, err);
	if (code || !rule)
		return code;
	if (!sqlite_key_is_observed(key)) {
		earlier(due_us, later(store_rule_due(rule, 1, chunk.at_us.min), slack_of(retaining, rule->keep_us)));
		return ERR_OK;
	}
	const struct series_key of = {key->subject, sqlite_key_nid(key), key->dataset};

	if (look->points == 0 || series_key_cmp(&of, &look->key) != 0) {
		earlier(due_us, due_of_series(retaining, look));
		*look = (struct look){.key = of, .rule = rule, .min_us = INT64_MAX, .max_us = INT64_MIN};
	}
	look->points += chunk.count;
	look->min_us = chunk.at_us.min < look->min_us ? chunk.at_us.min : look->min_us;
	look->max_us = chunk.at_us.max > look->max_us ? chunk.at_us.max : look->max_us;
	if (chunk.kind == SERIES_RAW) {
		struct series_points points;

		arena_clear(&retaining->now.points_arena);
		code = series_block_read(&retaining->now.block, index, &retaining->now.points_arena, &points, err);
		look->texts |= code == ERR_OK && !rollup_points_are_values(&points);
	}
	return code;
}

static enum err_code find_due(struct retaining *retaining, int64_t *ret_due_us, struct error *err)
{
	const struct series_block *block = &retaining->now.block;
	struct look look = {.points = 0};
	enum err_code code = ERR_OK;

	*ret_due_us = INT64_MAX;
	for (uint32_t i = 0; code == ERR_OK && i < block->count; i++) {
		struct series_key key = series_block_key(block, i);

		code = sqlite_key_is_rollup(&key) ? due_of_rollup(retaining, &key, i, ret_due_us, err)
						  : look_at_chunk(retaining, &key, i, &look, ret_due_us, err);
	}
	earlier(ret_due_us, due_of_series(retaining, &look));
	return code;
}

/* ---- the new block ---- */

static void widen(struct retained *now, int64_t subject, int64_t from_us, int64_t to_us)
{
	struct made_block *made = &now->made;

	if (!made->any)
		*made = (struct made_block){
			.any = true, .subject_min = subject, .at_us_min = from_us, .at_us_max = to_us};
	made->subject_max = subject;
	made->at_us_min = from_us < made->at_us_min ? from_us : made->at_us_min;
	made->at_us_max = to_us > made->at_us_max ? to_us : made->at_us_max;
	now->subject_stays = true;
}

static enum err_code end_subject(struct retained *now, struct error *err)
{
	struct rollup_written written;
	enum err_code code = rollup_set_flush(now->rollups, now->builder, &written, err);

	if (code)
		return code;
	if (written.buckets > 0)
		widen(now, now->subject, written.from_us, written.to_us - 1);
	now->made.buckets += written.buckets;
	if (!now->subject_stays && now->subject && now->gone_count < RETAIN_SUBJECTS_MAX)
		now->gone[now->gone_count++] = now->subject;
	return ERR_OK;
}

/* Where a bucket, or an instance (period_us 1), that begins at from_us is to be: NULL, nowhere. */
static enum err_code place(struct retaining *retaining, const struct series_key *key, const struct store_rule *rule,
			   int64_t period_us, int64_t from_us, struct series_sums **ret_sums, struct error *err)
{
	const struct series_key of = {key->subject, sqlite_key_nid(key), key->dataset};

	*ret_sums = NULL;
	if (rule)
		period_us = store_rule_period(rule, period_us, from_us, retaining->now_us);
	return period_us ? rollup_set_keep(retaining->now.rollups, &of, period_us, from_us, ret_sums, err) : ERR_OK;
}

/* Points [0, count) of a chunk leave. */
static enum err_code expire_points(struct retaining *retaining, const struct series_key *key,
				   const struct store_rule *rule, const struct series_points *points, uint32_t count,
				   struct error *err)
{
	struct retained *now = &retaining->now;
	struct shape_cache shapes;
	enum err_code code = ERR_OK;

	now->expired_points += count;
	if (!sqlite_key_is_observed(key))
		return ERR_OK;
	if (points->kind == SERIES_RAW)
		code = shape_cache_init(&shapes, &now->block, &now->points_arena, err);
	for (uint32_t i = 0; code == ERR_OK && i < count; i++) {
		struct series_sums *sums;

		code = place(retaining, key, rule, 1, points->at_us[i], &sums, err);
		if (code || !sums)
			continue;
		if (points->kind != SERIES_RAW) {
			code = series_sums_add_point(sums, points, i, err);
			continue;
		}
		const int64_t edges[] = {INT64_MIN, INT64_MAX};
		struct store_instance instance;

		code = instance_unpack(&shapes, &now->block, points, i, retaining->packer->parser, &now->points_arena,
				       &instance, err);
		if (code == ERR_OK)
			code = store_sums_add(&instance, STORE_OBSERVED_AT, edges, 2, sums, err);
	}
	return code;
}

/* What is left of a chunk without its first points. */
static struct series_points rest_of(const struct series_points *points, uint32_t from)
{
	struct series_points rest = *points;
	struct series_column *columns[] = {&rest.number, &rest.created_us, &rest.modified_us, &rest.shape};

	rest.count -= from;
	rest.at_us += from;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (columns[i]->at)
			columns[i]->at += from;
	if (rest.mantissas)
		rest.mantissas += from;
	if (rest.doubles)
		rest.doubles += from;
	if (rest.texts)
		rest.texts += from;
	return rest;
}

static enum err_code copy_points(struct retaining *retaining, const struct series_key *key, uint32_t index,
				 const struct store_rule *rule, struct error *err)
{
	struct retained *now = &retaining->now;
	const struct series_key of = {key->subject, sqlite_key_nid(key), key->dataset};
	int64_t cut_us = rule ? store_rule_cut(rule, retaining->now_us) : INT64_MIN;
	struct series_points points;
	uint32_t old = 0;

	arena_clear(&now->points_arena);
	enum err_code code = series_block_read(&now->block, index, &now->points_arena, &points, err);

	while (code == ERR_OK && old < points.count && points.at_us[old] < cut_us)
		old++;
	if (code == ERR_OK && old > 0)
		code = expire_points(retaining, key, rule, &points, old, err);
	if (code || old == points.count)
		return code;
	struct series_points rest = rest_of(&points, old);

	code = series_builder_add(now->builder, key, &rest, err);
	if (code == ERR_OK && sqlite_key_is_observed(key))
		code = rollup_set_derive(now->rollups, &of, rule, &rest, err);
	widen(now, key->subject, rest.at_us[0], rest.at_us[rest.count - 1]);
	now->made.points += rest.count;
	return code;
}

static enum err_code copy_rollup(struct retaining *retaining, const struct series_key *key, uint32_t index,
				 const struct store_rule *rule, struct error *err)
{
	struct retained *now = &retaining->now;
	struct series_bucket *buckets = NULL;
	struct series_rollup rollup;

	arena_clear(&now->points_arena);
	enum err_code code = rollup_chunk_open(&now->block, index, &now->points_arena, &rollup, err);

	if (code || rollup.derived)
		return code;
	code = series_rollup_read(&rollup, &now->points_arena, &buckets, err);
	for (uint32_t i = 0; code == ERR_OK && i < rollup.count; i++) {
		int64_t from_us = buckets[i].index * rollup.period_us;
		struct series_sums *sums;

		code = place(retaining, key, rule, rollup.period_us, from_us, &sums, err);
		if (code == ERR_OK && sums)
			code = series_sums_merge(sums, &buckets[i].sums, err);
		now->expired_buckets += code == ERR_OK && !sums;
	}
	return code;
}

static enum err_code make_block(struct retaining *retaining, struct error *err)
{
	struct retained *now = &retaining->now;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && i < now->block.count; i++) {
		struct series_key key = series_block_key(&now->block, i);
		const struct store_rule *rule = NULL;

		if (key.subject != now->subject) {
			code = end_subject(now, err);
			now->subject = key.subject;
			now->subject_stays = false;
		}
		if (code == ERR_OK)
			code = sqlite_rules_find(&retaining->packer->rules, key.subject, sqlite_key_nid(&key), &rule,
						 err);
		if (code == ERR_OK)
			code = sqlite_key_is_rollup(&key) ? copy_rollup(retaining, &key, i, rule, err)
							  : copy_points(retaining, &key, i, rule, err);
	}
	return code ? code : end_subject(now, err);
}

/* ---- storing ---- */

struct retain_write {
	struct store_write write; /* first */
	struct retaining *retaining;
	int64_t due_us; /* with no new block */
	bool makes_block;
	struct str bytes;
};

static enum err_code verify(struct sqlite_store *store, const struct retained *now, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t number;
	bool same;
	enum err_code code = sqlite_take(&store->writer, SQL_RETENTION_SAME, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, now->bid);
	sqlite_bind_int(stmt, 2, now->points);
	sqlite_bind_int(stmt, 3, now->buckets);
	code = sqlite_number(&store->writer, SQL_RETENTION_SAME, stmt, "looking at old history", &number, &same, err);
	if (code == ERR_OK && !same)
		code = err_set(err, ERR_CONFLICT, "history was changed while its age was looked at");
	return code;
}

static enum err_code store_block(struct sqlite_store *store, const struct retain_write *write, struct error *err)
{
	const struct retained *now = &write->retaining->now;
	const struct made_block *made = &now->made;
	enum sqlite_sql sql = made->any ? SQL_BLOCK_REPLACE : SQL_BLOCK_DELETE;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, now->bid);
	if (made->any) {
		sqlite_bind_int(stmt, 2, made->subject_min);
		sqlite_bind_int(stmt, 3, made->subject_max);
		sqlite_bind_int(stmt, 4, made->at_us_min);
		sqlite_bind_int(stmt, 5, made->at_us_max);
		sqlite_bind_int(stmt, 6, made->points);
		(void)sqlite3_bind_blob64(stmt, 7, write->bytes.at, write->bytes.len, SQLITE_STATIC);
	}
	code = sqlite_finish(&store->writer, sql, stmt, "letting old history go", err);
	if (code || !made->any)
		return code;
	/* A bucket may reach further than its run did. */
	code = sqlite_take(&store->writer, SQL_RETENTION_RUN, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, now->bid);
	sqlite_bind_int(stmt, 2, made->at_us_min);
	sqlite_bind_int(stmt, 3, made->at_us_max);
	code = sqlite_finish(&store->writer, SQL_RETENTION_RUN, stmt, "letting old history go", err);
	return code ? code : sqlite_retention_set(&store->writer, now->bid, made->buckets, write->due_us, err);
}

static enum err_code forget_gone(struct sqlite_store *store, const struct retained *now, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < now->gone_count; i++)
		code = sqlite_subject_forget(store, now->gone[i], err);
	return code;
}

static enum err_code run_retain(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct retain_write *retain = (struct retain_write *)(void *)write;
	struct retained *now = &retain->retaining->now;
	struct sqlite_store *store = retain->retaining->packer->store;
	enum err_code code = sqlite_sums_store(store, err);

	txn->changed = true;
	if (code == ERR_OK)
		code = verify(store, now, err);
	if (code)
		return code;
	if (!retain->makes_block)
		return sqlite_retention_set(&store->writer, now->bid, now->buckets, retain->due_us, err);
	code = store_block(store, retain, err);
	store->now.points -= (int64_t)now->expired_points;
	return code ? code : forget_gone(store, now, err);
}

/* ---- one block ---- */

static enum err_code read_block(struct retaining *retaining, bool *ret_found, struct error *err)
{
	struct sqlite_conn *conn = &retaining->packer->conn;
	struct retained *now = &retaining->now;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_BLOCK_DOC, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, now->bid);
	code = sqlite_step(conn, stmt, "reading packed history", ret_found, err);
	if (code == ERR_OK && *ret_found) {
		now->len = (size_t)sqlite3_column_bytes(stmt, 0);
		now->bytes = malloc(now->len + 1);
		if (now->bytes)
			memcpy(now->bytes, sqlite3_column_blob(stmt, 0), now->len);
		else
			code = err_set(err, ERR_MEMORY, "no memory to look at history");
	}
	sqlite_give(conn, SQL_BLOCK_DOC, stmt);
	if (code == ERR_OK && *ret_found)
		code = series_block_open((struct str){now->bytes, now->len}, &now->directory, &now->block, err);
	return code ? err_while(err, "opening block %lld of %s", (long long)now->bid, conn->path) : ERR_OK;
}

static enum err_code retained_init(struct retained *now, struct error *err)
{
	arena_init(&now->directory, SQLITE_SCRATCH_BYTES_MAX);
	arena_init(&now->scratch, SQLITE_SCRATCH_BYTES_MAX);
	arena_init(&now->points_arena, SQLITE_SCRATCH_BYTES_MAX);
	now->gone = malloc(RETAIN_SUBJECTS_MAX * sizeof(*now->gone));
	if (!now->gone)
		return err_set(err, ERR_MEMORY, "no memory to look at history");
	enum err_code code = rollup_set_new(&now->rollups, err);

	return code ? code : series_builder_new(SERIES_BLOCK_BYTES_MAX, &now->builder, err);
}

static void retained_done(struct retained *now)
{
	free(now->bytes);
	free(now->gone);
	(void)rollup_set_free(now->rollups);
	now->builder = series_builder_free(now->builder);
	arena_done(&now->directory);
	arena_done(&now->scratch);
	arena_done(&now->points_arena);
}

static enum err_code retain_block(struct retaining *retaining, struct store_pack_result *result, struct error *err)
{
	struct retained *now = &retaining->now;
	struct retain_write write = {.write = {.run = run_retain}, .retaining = retaining};
	bool found = false;
	enum err_code code = retained_init(now, err);

	if (code == ERR_OK)
		code = read_block(retaining, &found, err);
	if (code == ERR_OK && found)
		code = find_due(retaining, &write.due_us, err);
	if (code == ERR_OK && found && write.due_us <= retaining->now_us) {
		write.makes_block = true;
		write.due_us = 0; /* of the new one: looked at next time */
		code = make_block(retaining, err);
		if (code == ERR_OK && now->made.any)
			code = series_builder_finish(now->builder, &write.bytes, err);
	}
	if (code == ERR_OK && found)
		code = store_apply(retaining->packer->owner, &write.write, err);
	if (code == ERR_OK && write.makes_block) {
		result->expired_points += now->expired_points;
		result->expired_buckets += now->expired_buckets;
	}
	if (code == ERR_CORRUPT || code == ERR_VERSION) {
		struct error damage = *err;

		code = sqlite_aside_block(retaining->packer, now->bid, &damage, result, err);
	}
	retained_done(now);
	return code == ERR_CONFLICT ? ERR_OK : code;
}

static enum err_code next_block(struct retaining *retaining, int64_t behind, bool *ret_found, struct error *err)
{
	struct sqlite_conn *conn = &retaining->packer->conn;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_RETENTION_NEXT, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, behind);
	/* At once: also what would be left alone for a while. */
	sqlite_bind_int(stmt, 2, retaining->all ? INT64_MAX : retaining->now_us);
	code = sqlite_step(conn, stmt, "looking for old history", ret_found, err);
	if (code == ERR_OK && *ret_found)
		retaining->now = (struct retained){.bid = sqlite3_column_int64(stmt, 0),
						   .points = sqlite3_column_int64(stmt, 1),
						   .buckets = sqlite3_column_int64(stmt, 2)};
	sqlite_give(conn, SQL_RETENTION_NEXT, stmt);
	return code;
}

/* ---- other rules than before ---- */

struct rules_write {
	struct store_write write; /* first */
	struct sqlite_store *store;
	struct str text;
};

static void write_rules(const struct store_retention *retention, struct buf *out)
{
	for (size_t i = 0; i < retention->count; i++) {
		const struct store_rule *rule = &retention->rules[i];

		buf_printf(out, "%.*s %.*s %lld", STR_FMT(rule->type), STR_FMT(rule->attribute),
			   (long long)rule->keep_us);
		for (size_t t = 0; t < rule->tier_count; t++)
			buf_printf(out, " %lld:%lld", (long long)rule->tiers[t].period_us,
				   (long long)rule->tiers[t].keep_us);
		buf_put_char(out, ';');
	}
}

static enum err_code same_rules(struct sqlite_conn *conn, struct str text, bool *ret_same, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_META_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, STR(RETENTION_META));
	code = sqlite_step(conn, stmt, "reading the rules of retention", &row, err);
	*ret_same = code == ERR_OK && row && str_eq(sqlite_text(stmt, 0), text);
	sqlite_give(conn, SQL_META_GET, stmt);
	return code;
}

static enum err_code run_rules(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct rules_write *rules = (const struct rules_write *)(const void *)write;
	struct sqlite_conn *conn = &rules->store->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_RETENTION_FORGET, &stmt, err);

	txn->changed = true;
	if (code)
		return code;
	code = sqlite_finish(conn, SQL_RETENTION_FORGET, stmt, "noting rules of retention", err);
	return code ? code : store_txn_set_meta(txn, STR(RETENTION_META), rules->text, err);
}

/* By other rules, every block has to be looked at. */
static enum err_code note_rules(struct sqlite_packer *packer, struct error *err)
{
	struct rules_write write = {.write = {.run = run_rules}, .store = packer->store};
	struct buf text;
	bool same = false;

	buf_init(&text, RETENTION_META_BYTES_MAX);
	write_rules(packer->rules.retention, &text);
	enum err_code code = buf_check(&text, "rules of retention", err);

	if (code == ERR_OK)
		code = same_rules(&packer->conn, buf_str(&text), &same, err);
	write.text = buf_str(&text);
	if (code == ERR_OK && !same)
		code = store_apply(packer->owner, &write.write, err);
	buf_done(&text);
	return code;
}

enum err_code sqlite_retain(struct sqlite_packer *packer, const struct store_pack_options *options,
			    struct store_pack_result *result, struct error *err)
{
	struct retaining retaining = {.packer = packer, .now_us = options->now_us, .all = options->all};
	int64_t behind = 0;
	bool found = true;
	enum err_code code = ERR_OK;

	if (!packer->rules.retention || packer->rules.retention->count == 0)
		return ERR_OK;
	code = note_rules(packer, err);
	while (code == ERR_OK && !packer_must_stop(packer)) {
		code = next_block(&retaining, behind, &found, err);
		if (code || !found)
			break;
		behind = retaining.now.bid;
		code = retain_block(&retaining, result, err);
	}
	return code;
}
