/* Taking points out of packed blocks; on the writer's connection, in a transaction. */
#ifndef MACHI_STORE_SQLITE_BLOCK_REVISE_H
#define MACHI_STORE_SQLITE_BLOCK_REVISE_H

#include "store/sqlite_int.h"

/* A bucket of a roll-up is asked for by its last microsecond, with SQLITE_NO_NUMBER. */
#define SQLITE_NO_NUMBER INT64_MIN
typedef bool (*sqlite_point_filter)(void *self, const struct series_key *key, int64_t at_us, int64_t number);

/* Removes the points of a block that are meant; the block may go with its last one. */
MUST_CHECK enum err_code sqlite_block_remove(struct sqlite_conn *conn, int64_t bid, sqlite_point_filter meant,
					     void *self, uint64_t *ret_removed, struct error *err);
/* Removes what is meant from all blocks. *ret_buckets: so many kept buckets of roll-ups went too. */
MUST_CHECK enum err_code sqlite_blocks_remove(struct sqlite_conn *conn, const struct sqlite_meant *meant,
					      uint64_t *ret_removed, uint64_t *ret_buckets, struct error *err);
/* The instance of meant->number as its document; *ret_document stays as it is when it is not packed. Fills in
 * meant->dataset. */
MUST_CHECK enum err_code sqlite_blocks_find(struct sqlite_conn *conn, struct sqlite_meant *meant,
					    struct json_parser *parser, struct arena *arena, struct json **ret_document,
					    enum change_kind *ret_kind, struct error *err);

/* Notes how many kept buckets a block has (sqlite_packer.c). */
MUST_CHECK enum err_code sqlite_retention_set(struct sqlite_conn *conn, int64_t bid, int64_t buckets, int64_t due_us,
					      struct error *err);

#endif
