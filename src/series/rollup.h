/* Roll-ups: what the points of a series come to in buckets of equal length, as bytes.
 *
 * A bucket holds the points of [index · period, (index + 1) · period), in microseconds since 1970, as exact sums
 * (sums.h): buckets can be put together in any order and grouping, and give what their points would have given, to the
 * last bit. A piece is up to SERIES_ROLLUP_BUCKETS_MAX buckets of one period as bytes. Format: rollup_int.h. Bytes from
 * anywhere may be opened. Pure. Thread: the owner of the structs. */
#ifndef MACHI_SERIES_ROLLUP_H
#define MACHI_SERIES_ROLLUP_H

#include "base/buf.h"
#include "series/sums.h"

#define SERIES_ROLLUP_BUCKETS_MAX 512u
#define SERIES_ROLLUP_PERIOD_US_MAX INT64_C(86400000000) /* a day */

struct series_bucket {
	int64_t index;
	struct series_sums sums;
};

/* The bucket that holds us. */
static inline int64_t series_bucket_index(int64_t us, int64_t period_us)
{
	return us / period_us - (us % period_us < 0);
}

/* Adds points [from, to) to sums. SERIES_RAW: its texts are taken as values. Errors: of series_sums_add_point(). */
MUST_CHECK enum err_code series_sums_add_points(struct series_sums *sums, const struct series_points *points,
						uint32_t from, uint32_t to, struct error *err);

/* ---- writing ---- */

/* Appends a piece: 1 to SERIES_ROLLUP_BUCKETS_MAX buckets, by index strictly ascending, none empty. period_us is 1 to
 * SERIES_ROLLUP_PERIOD_US_MAX. derived: a mark that comes back when it is opened. ERR_INVALID: buckets that begin or
 * end beyond int64_t; ERR_MEMORY; other errors are out's. */
MUST_CHECK enum err_code series_rollup_write(struct buf *out, int64_t period_us, bool derived,
					     const struct series_bucket *buckets, uint32_t count, struct error *err);

/* ---- reading ---- */

struct series_rollup {
	int64_t period_us;
	bool derived;
	uint32_t count; /* of buckets */
	int64_t first, last; /* index of the first and the last bucket */
	struct str bytes; /* borrowed; this room's own, as what follows */
	uint32_t plain_count;
	size_t plain_at;
};

/* Reads a piece's head. ERR_CORRUPT. */
MUST_CHECK enum err_code series_rollup_open(struct str bytes, struct series_rollup *ret, struct error *err);
/* All buckets, in the arena, which their sums use too; by index. ERR_CORRUPT, ERR_MEMORY. */
MUST_CHECK enum err_code series_rollup_read(const struct series_rollup *rollup, struct arena *arena,
					    struct series_bucket **ret_buckets, struct error *err);

/* Periods: period i is [edges[i], edges[i + 1]), of edge_count − 1; edges ascend. */
struct series_periods {
	const int64_t *edges;
	size_t edge_count; /* at least 2 */
	struct series_sums *sums; /* edge_count − 1 */
};

/* The period that us lies in; edge_count − 1: in none of them. */
size_t series_period_find(const struct series_periods *periods, int64_t us);

/* Adds each bucket that lies whole in one period to its sums. One that an edge cuts is shown to cut (NULL: nobody) and
 * added to none; one beyond all periods is left out. ERR_CORRUPT, ERR_MEMORY; after an error sums may hold a part. */
MUST_CHECK enum err_code series_rollup_sum(const struct series_rollup *rollup, const struct series_periods *periods,
					   void (*cut)(void *self, int64_t from_us, int64_t to_us), void *self,
					   struct arena *scratch, struct error *err);

#endif
