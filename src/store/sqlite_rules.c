/* Which rule of retention is meant for a series: by the types of its subject and the name of its attribute. */
#include "store/sqlite_pack_int.h"

#define TYPES_BYTES_MAX ((size_t)16 << 20)

static enum err_code find_for_sink(void *self, const struct series_key *key, int64_t *ret_name,
				   const struct store_rule **ret_rule, struct error *err)
{
	*ret_name = sqlite_key_nid(key);
	*ret_rule = NULL;
	return sqlite_key_is_observed(key) ? sqlite_rules_find(self, key->subject, *ret_name, ret_rule, err) : ERR_OK;
}

void sqlite_rules_init(struct sqlite_rules *rules, struct sqlite_conn *conn, const struct store_retention *retention)
{
	*rules = (struct sqlite_rules){.conn = conn, .retention = retention, .find = {find_for_sink, rules}};
	arena_init(&rules->types_arena, TYPES_BYTES_MAX);
	arena_init(&rules->name_arena, TYPES_BYTES_MAX);
}

void sqlite_rules_done(struct sqlite_rules *rules)
{
	arena_done(&rules->types_arena);
	arena_done(&rules->name_arena);
}

static enum err_code read_types(struct sqlite_rules *rules, int64_t subject, struct error *err)
{
	arena_clear(&rules->types_arena);
	rules->subject = 0;
	enum err_code code =
		sqlite_subject_types(rules->conn, subject, &rules->types_arena, &rules->types, &rules->type_count, err);

	if (code == ERR_OK)
		rules->subject = subject;
	return code;
}

enum err_code sqlite_rules_find(struct sqlite_rules *rules, int64_t subject, int64_t nid,
				const struct store_rule **ret_rule, struct error *err)
{
	bool same = rules->subject == subject;
	struct str iri;
	enum err_code code = ERR_OK;

	if (!rules->retention || rules->retention->count == 0 || (same && rules->nid == nid)) {
		*ret_rule = rules->retention && rules->retention->count > 0 ? rules->rule : NULL;
		return ERR_OK;
	}
	if (!same)
		code = read_types(rules, subject, err);
	arena_clear(&rules->name_arena);
	if (code == ERR_OK)
		code = sqlite_name_of(rules->conn, nid, &rules->name_arena, &iri, err);
	if (code)
		return code;
	rules->nid = nid;
	rules->rule = store_rule_find(rules->retention, rules->types, rules->type_count, iri);
	*ret_rule = rules->rule;
	return ERR_OK;
}

enum err_code sqlite_rollup_keep(struct block_sink *sink, const struct series_key *key,
				 const struct series_block *block, uint32_t index, struct arena *scratch,
				 struct error *err)
{
	struct series_bucket *buckets = NULL;
	struct series_rollup rollup;
	enum err_code code = rollup_chunk_open(block, index, scratch, &rollup, err);

	if (code || rollup.derived)
		return code;
	code = series_rollup_read(&rollup, scratch, &buckets, err);
	for (uint32_t i = 0; code == ERR_OK && i < rollup.count; i++) {
		struct series_sums *sums;

		code = block_sink_keep(sink, key, rollup.period_us, buckets[i].index * rollup.period_us, &sums, err);
		if (code == ERR_OK)
			code = series_sums_merge(sums, &buckets[i].sums, err);
	}
	return code;
}
