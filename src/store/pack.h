/* Packing: what arrived lately lies in rows, cheap to append; later it is put into compressed blocks, which take a
 * fiftieth of the room. No answer depends on it. */
#ifndef MACHI_STORE_PACK_H
#define MACHI_STORE_PACK_H

#include "store/retention.h"
#include "store/store.h"

struct store_pack_options {
	int64_t now_us; /* the clock: what arrived in the last half minute stays in rows */
	/* Pack however little there is, and put everything that was packed together. Otherwise only what is worth it:
	 * 32,768 points, or any number that has waited for ten minutes; and what is too old goes by a tenth of its
	 * time, a day at most, later than it should, so that blocks are not written anew for every bucket. */
	bool all;
	/* Then give pages that nothing needs any more back to the system, where they are a quarter of the database:
	 * that writes it anew, and writers wait until it is done. */
	bool shrink;
};

struct store_pack_result {
	uint64_t points; /* packed now */
	uint64_t blocks; /* made of them */
	uint64_t merged_points; /* in blocks that were put together */
	uint64_t expired_points; /* that were too old and went, into roll-ups or for good */
	uint64_t expired_buckets; /* the same of buckets of roll-ups */
	uint64_t damaged; /* pieces (batches and blocks) that are set aside by now, because they cannot be read */
	struct error damage; /* the first that was set aside now; code ERR_OK: none was */
};

/* What is to be kept for how long; every packing goes by it. Borrowed: must outlive the store; NULL, as before the
 * first call: everything stays. While no other thread uses the store. */
void store_set_retention(struct store *store, const struct store_retention *retention);

/* Packs now; waits for the writer between its steps, of which each is short. Any thread but the store's writer.
 * ERR_CONFLICT: somebody packs this store already, perhaps another process. Killed at any moment it leaves nothing half
 * done: blocks come and rows go in one transaction. What is damaged stays where it is, so that reading it is an error
 * and never a gap; all else is packed. ERR_CORRUPT: rows are damaged. A memory store packs nothing. */
MUST_CHECK enum err_code store_pack(struct store *store, const struct store_pack_options *options,
				    struct store_pack_result *ret_result, struct error *err);

/* What the history takes. */
struct store_history_stats {
	uint64_t points; /* all */
	uint64_t points_unpacked; /* of these, in rows */
	uint64_t rows_bytes; /* of the pages of rows and their indices */
	uint64_t blocks_bytes; /* of the pages of blocks and their indices */
	uint64_t subjects_bytes; /* of the pages that say whose history it is */
	uint64_t blocks, runs;
	uint64_t buckets; /* of roll-ups, that are all that is left of points */
};

/* Walks through the pages of the history's tables: milliseconds for each 100 MB. Any thread. */
MUST_CHECK enum err_code store_history_stats(struct store *store, struct store_history_stats *ret_stats,
					     struct error *err);

#endif
