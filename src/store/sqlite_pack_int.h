/* Shared by what packs: sqlite_packer.c (who may, in which order), sqlite_pack.c (rows), sqlite_merge.c (runs). */
#ifndef MACHI_STORE_SQLITE_PACK_INT_H
#define MACHI_STORE_SQLITE_PACK_INT_H

#include "store/block_sink.h"
#include "store/pack.h"
#include "store/sqlite_int.h"

struct sqlite_packer {
	struct store *owner; /* borrowed */
	struct sqlite_store *store; /* borrowed; used on the writer's thread and for what never changes */
	struct sqlite_conn conn; /* for reading beside the writer */
	struct json_parser *parser; /* owned */
	int lock_fd;
};

/* The store is closing: leave off at the next good place. */
bool packer_must_stop(const struct sqlite_packer *packer);

MUST_CHECK enum err_code sqlite_pack_rows(struct sqlite_packer *packer, const struct store_pack_options *options,
					  struct store_pack_result *result, struct error *err);
#define PACK_SEGMENTS_WORTH 64u /* so many are packed, or fewer with so many points together */
#define PACK_SEGMENT_POINTS_WORTH 2000000
MUST_CHECK enum err_code sqlite_pack_segments(struct sqlite_packer *packer, bool all, struct store_pack_result *result,
					      struct error *err);
/* Puts runs together: those of a level when there are enough, or all of them. */
MUST_CHECK enum err_code sqlite_merge_runs(struct sqlite_packer *packer, bool all, struct store_pack_result *result,
					   struct error *err);

/* On the writer's thread, in a write: stores the sink's blocks as a run of this level. */
MUST_CHECK enum err_code sqlite_run_add(struct sqlite_store *store, int64_t level, const struct block_sink *sink,
					struct error *err);

#endif
