/* Shared by what packs: sqlite_packer.c (who may, in which order), sqlite_pack.c (rows), sqlite_merge.c (runs). */
#ifndef MACHI_STORE_SQLITE_PACK_INT_H
#define MACHI_STORE_SQLITE_PACK_INT_H

#include "base/time_value.h"
#include "store/block_sink.h"
#include "store/pack.h"
#include "store/sqlite_int.h"

/* sqlite_rules.c: which rule is meant for a series, by a connection of one's own. */
struct sqlite_rules {
	struct sqlite_conn *conn; /* borrowed */
	const struct store_retention *retention; /* borrowed; NULL: no rule */
	int64_t subject, nid; /* the last asked for; 0: none */
	const struct store_rule *rule; /* of these */
	struct arena types_arena, name_arena;
	const struct str *types; /* of the subject */
	size_t type_count;
	struct block_rules find; /* the same for a sink */
};

void sqlite_rules_init(struct sqlite_rules *rules, struct sqlite_conn *conn, const struct store_retention *retention);
void sqlite_rules_done(struct sqlite_rules *rules);
/* NULL: none is. */
MUST_CHECK enum err_code sqlite_rules_find(struct sqlite_rules *rules, int64_t subject, int64_t nid,
					   const struct store_rule **ret_rule, struct error *err);

struct sqlite_packer {
	struct store *owner; /* borrowed */
	struct sqlite_store *store; /* borrowed; used on the writer's thread and for what never changes */
	struct sqlite_conn conn; /* for reading beside the writer */
	struct json_parser *parser; /* owned */
	struct sqlite_rules rules;
	int lock_fd;
};

/* The store is closing: leave off at the next good place. */
bool packer_must_stop(const struct sqlite_packer *packer);

MUST_CHECK enum err_code sqlite_pack_rows(struct sqlite_packer *packer, const struct store_pack_options *options,
					  struct store_pack_result *result, struct error *err);
#define PACK_AGE_US (600 * US_PER_S) /* what has waited so long is packed however little it is */
#define PACK_SEGMENTS_WORTH 64u /* so many are packed, or fewer with so many points together */
#define PACK_SEGMENT_POINTS_WORTH 2000000
MUST_CHECK enum err_code sqlite_pack_segments(struct sqlite_packer *packer, const struct store_pack_options *options,
					      struct store_pack_result *result, struct error *err);
/* Puts runs together: those of a level when there are enough, or all of them. */
MUST_CHECK enum err_code sqlite_merge_runs(struct sqlite_packer *packer, bool all, struct store_pack_result *result,
					   struct error *err);

/* Adds the kept buckets of a chunk of roll-ups to the sink; key->name is the attribute's number. */
MUST_CHECK enum err_code sqlite_rollup_keep(struct block_sink *sink, const struct series_key *key,
					    const struct series_block *block, uint32_t index, struct arena *scratch,
					    struct error *err);
/* sqlite_retain.c: what is too old leaves, or moves into its next tier. */
MUST_CHECK enum err_code sqlite_retain(struct sqlite_packer *packer, const struct store_pack_options *options,
				       struct store_pack_result *result, struct error *err);
/* sqlite_aside.c: a block or a segment that is damaged is set aside, so that packing goes on without it: blocks in a
 * run of level -1, segments by the negative of their number. Readers still come upon it, and say so. damage: what is
 * wrong, noted in the result. */
MUST_CHECK enum err_code sqlite_aside_block(struct sqlite_packer *packer, int64_t bid, const struct error *damage,
					    struct store_pack_result *result, struct error *err);
MUST_CHECK enum err_code sqlite_aside_segment(struct sqlite_packer *packer, int64_t gid, const struct error *damage,
					      struct store_pack_result *result, struct error *err);
/* The same inside a write, on the writer's thread. */
MUST_CHECK enum err_code sqlite_aside_segment_now(struct sqlite_store *store, int64_t gid, struct error *err);
MUST_CHECK enum err_code sqlite_aside_count(struct sqlite_conn *conn, uint64_t *ret_count, struct error *err);

/* On the writer's thread, in a write: stores the sink's blocks as a run of this level. */
MUST_CHECK enum err_code sqlite_run_add(struct sqlite_store *store, int64_t level, const struct block_sink *sink,
					struct error *err);

#endif
