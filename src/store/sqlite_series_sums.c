/* Sums of a series.
 *
 * Rows are read one by one. A block is summed by itself: buckets that are all that is left of instances always count;
 * for the instances that are there, the coarsest derived roll-up whose buckets the periods cut in few places is read in
 * their place, and of the buckets that are cut, the instances. Sums are exact, so it makes no difference. */
#include "store/instance_pack.h"
#include "store/sqlite_series_int.h"

#define CUTS_MAX 8u /* so many buckets are read as instances; with more, all is */
#define PERIODS_TRIED_MAX 8u

struct span {
	int64_t from_us, to_us; /* the second not included */
};

struct summing {
	struct sqlite_reader *reader;
	const struct sqlite_series_key *key;
	enum store_time by;
	struct series_periods periods;
	bool *cut; /* beside the periods' sums */
	struct arena arena; /* of a row or a chunk */
	struct arena edges; /* of a block */
	struct span cuts[CUTS_MAX];
	size_t cut_count;
};

static enum err_code sum_row(void *self, struct sqlite_reader *reader, sqlite3_stmt *stmt, struct error *err)
{
	struct summing *summing = self;
	struct store_instance instance;

	arena_clear(&summing->arena);
	enum err_code code = sqlite_read_row(reader, stmt, &summing->arena, &instance, err);

	if (code)
		return code;
	return store_sums_add(&instance, summing->by, summing->periods.edges, summing->periods.edge_count,
			      summing->periods.sums, err);
}

/* ---- instances of a block ---- */

/* Are the chunk's points all values at the times that are asked for? Deletions lie in chunks of whole texts. */
static bool sums_by_itself(const struct summing *summing, const struct series_chunk *chunk)
{
	return summing->by == STORE_OBSERVED_AT && sqlite_key_is_observed(&chunk->key) && chunk->kind != SERIES_RAW &&
	       chunk->kind != SERIES_TEXT;
}

static enum err_code sum_chunk(struct summing *summing, const struct series_block *block, uint32_t index,
			       const struct series_periods *periods, struct error *err)
{
	struct series_chunk chunk;
	struct series_points points;
	struct shape_cache shapes;
	enum err_code code = series_block_chunk(block, index, &chunk, err);

	if (code)
		return code;
	if (summing->by == STORE_OBSERVED_AT &&
	    (chunk.at_us.max < periods->edges[0] || chunk.at_us.min >= periods->edges[periods->edge_count - 1]))
		return ERR_OK;
	if (sums_by_itself(summing, &chunk))
		return series_block_sum_periods(block, index, periods->edges, periods->edge_count, periods->sums, err);
	arena_clear(&summing->arena);
	code = shape_cache_init(&shapes, block, &summing->arena, err);
	if (code == ERR_OK)
		code = series_block_read(block, index, &summing->arena, &points, err);
	for (uint32_t i = 0; code == ERR_OK && i < points.count; i++) {
		struct store_instance instance;

		code = instance_unpack(&shapes, block, &points, i, summing->reader->parser, &summing->arena, &instance,
				       err);
		if (code == ERR_OK)
			code = store_sums_add(&instance, summing->by, periods->edges, periods->edge_count,
					      periods->sums, err);
	}
	return code;
}

static enum err_code sum_chunks(struct summing *summing, const struct series_block *block,
				const struct series_periods *periods, struct error *err)
{
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && sqlite_block_next(block, summing->key, false, &index))
		code = sum_chunk(summing, block, index, periods, err);
	return code;
}

/* The instances of a part of the time. */
static enum err_code sum_part(struct summing *summing, const struct series_block *block, struct span span,
			      struct error *err)
{
	const struct series_periods *all = &summing->periods;
	int64_t last_us = all->edges[all->edge_count - 1];
	int64_t from_us = span.from_us > all->edges[0] ? span.from_us : all->edges[0];
	int64_t to_us = span.to_us < last_us ? span.to_us : last_us;

	if (from_us >= to_us)
		return ERR_OK;
	size_t first = series_period_find(all, from_us), last = series_period_find(all, to_us - 1);
	int64_t *edges = arena_array(&summing->edges, int64_t, last - first + 2);

	if (!edges)
		return err_set(err, ERR_MEMORY, "no memory for periods");
	for (size_t i = first; i <= last + 1; i++)
		edges[i - first] = all->edges[i];
	edges[0] = from_us;
	edges[last - first + 1] = to_us;
	return sum_chunks(summing, block, &(struct series_periods){edges, last - first + 2, all->sums + first}, err);
}

/* ---- roll-ups of a block ---- */

/* Periods of which a part is not known. */
static void note_unknown(void *self, int64_t from_us, int64_t to_us)
{
	struct summing *summing = self;
	const struct series_periods *all = &summing->periods;
	int64_t last_us = all->edges[all->edge_count - 1];

	from_us = from_us > all->edges[0] ? from_us : all->edges[0];
	to_us = to_us < last_us ? to_us : last_us;
	for (size_t i = series_period_find(all, from_us); i + 1 < all->edge_count && all->edges[i] < to_us; i++)
		summing->cut[i] = true;
}

static void note_cut(void *self, int64_t from_us, int64_t to_us)
{
	struct summing *summing = self;

	if (summing->cut_count < CUTS_MAX)
		summing->cuts[summing->cut_count] = (struct span){from_us, to_us};
	summing->cut_count++;
}

static bool is_outside(const struct series_periods *periods, const struct series_rollup *rollup)
{
	return (rollup->last + 1) * rollup->period_us <= periods->edges[0] ||
	       rollup->first * rollup->period_us >= periods->edges[periods->edge_count - 1];
}

/* How many buckets of the piece, at most, the edges cut. */
static size_t count_cuts(const struct series_periods *periods, const struct series_rollup *rollup)
{
	int64_t from_us = rollup->first * rollup->period_us, to_us = (rollup->last + 1) * rollup->period_us;
	size_t count = 0, i = from_us < periods->edges[0] ? 0 : series_period_find(periods, from_us);

	for (; i < periods->edge_count && periods->edges[i] < to_us && count <= CUTS_MAX; i++)
		count += periods->edges[i] > from_us && periods->edges[i] % rollup->period_us != 0;
	return count;
}

struct derived {
	int64_t period_us;
	size_t cuts;
};

/* Adds kept buckets, and lists which periods there are of derived ones. */
static enum err_code sum_kept(struct summing *summing, const struct series_block *block,
			      struct derived tried[static PERIODS_TRIED_MAX], size_t *ret_tried, struct error *err)
{
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;
	size_t count = 0;

	while (code == ERR_OK && sqlite_block_next(block, summing->key, true, &index)) {
		struct series_rollup rollup;
		size_t i = 0;

		arena_clear(&summing->arena);
		code = rollup_chunk_open(block, index, &summing->arena, &rollup, err);
		if (code)
			break;
		while (i < count && tried[i].period_us != rollup.period_us)
			i++;
		if (rollup.derived && i < PERIODS_TRIED_MAX) {
			if (i == count)
				tried[count++] = (struct derived){.period_us = rollup.period_us};
			tried[i].cuts += count_cuts(&summing->periods, &rollup);
		} else if (!rollup.derived && !is_outside(&summing->periods, &rollup)) {
			code = series_rollup_sum(&rollup, &summing->periods, note_unknown, summing, &summing->arena,
						 err);
		}
	}
	*ret_tried = count;
	return code;
}

static enum err_code sum_derived(struct summing *summing, const struct series_block *block, int64_t period_us,
				 struct error *err)
{
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;

	summing->cut_count = 0;
	while (code == ERR_OK && sqlite_block_next(block, summing->key, true, &index)) {
		struct series_rollup rollup;

		arena_clear(&summing->arena);
		code = rollup_chunk_open(block, index, &summing->arena, &rollup, err);
		if (code == ERR_OK && rollup.derived && rollup.period_us == period_us &&
		    !is_outside(&summing->periods, &rollup))
			code = series_rollup_sum(&rollup, &summing->periods, note_cut, summing, &summing->arena, err);
	}
	for (size_t i = 0; code == ERR_OK && i < summing->cut_count; i++)
		code = sum_part(summing, block, summing->cuts[i], err);
	return code;
}

static enum err_code sum_block(void *self, int64_t bid, const struct series_block *block, struct error *err)
{
	struct summing *summing = self;
	struct derived tried[PERIODS_TRIED_MAX];
	size_t count = 0;
	int64_t best_us = 0;
	enum err_code code = ERR_OK;

	(void)bid;
	arena_clear(&summing->edges);
	if (summing->by == STORE_OBSERVED_AT)
		code = sum_kept(summing, block, tried, &count, err);
	for (size_t i = 0; i < count; i++)
		if (tried[i].cuts <= CUTS_MAX && tried[i].period_us > best_us)
			best_us = tried[i].period_us;
	if (code)
		return code;
	return best_us ? sum_derived(summing, block, best_us, err) : sum_chunks(summing, block, &summing->periods, err);
}

static enum err_code sum_segment(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				 struct error *err)
{
	struct summing *summing = self;

	(void)bid;
	return sum_chunk(summing, block, index, &summing->periods, err);
}

/* ---- all ---- */

static enum err_code sum_all(struct summing *summing, const struct sqlite_series *series, struct error *err)
{
	struct sqlite_reader *reader = summing->reader;
	bool narrow = summing->by == STORE_OBSERVED_AT;
	int64_t from_us = narrow ? summing->periods.edges[0] : INT64_MIN;
	int64_t to_us = narrow ? summing->periods.edges[summing->periods.edge_count - 1] : INT64_MAX;
	const struct sqlite_part part = {.from_us = from_us, .to_us = to_us};
	enum err_code code = sqlite_make_parser(reader, err);

	if (code == ERR_OK)
		code = sqlite_each_row(reader, series, from_us, to_us, false, sum_row, summing, err);
	if (code == ERR_OK)
		code = sqlite_each_block(&reader->conn, summing->key, &part, sum_block, summing, err);
	return code ? code : sqlite_each_segment_chunk(&reader->conn, summing->key, &part, sum_segment, summing, err);
}

enum err_code sqlite_series_sums(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				 struct series_sums *sums, bool *cut, struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct sqlite_series series = {.dataset_id = dataset_id};
	struct sqlite_series_key key;
	struct summing summing = {.reader = reader, .key = &key, .by = by, .periods = {edges, count, sums}};
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	summing.cut = cut;
	arena_init(&summing.arena, SQLITE_SCRATCH_BYTES_MAX);
	arena_init(&summing.edges, SQLITE_SCRATCH_BYTES_MAX);
	code = sqlite_find_series(&reader->conn, id, attribute_iri, &series, err);
	key = (struct sqlite_series_key){series.subject, series.nid, series.dataset_id, false};
	if (code == ERR_OK && series.subject)
		code = sum_all(&summing, &series, err);
	arena_done(&summing.edges);
	arena_done(&summing.arena);
	sqlite_snapshot_end(reader);
	return code;
}

/* ---- how far roll-ups reach ---- */

struct reach {
	int64_t from_us, to_us;
	struct store_span *span;
	struct arena arena;
};

static enum err_code note_reach(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				struct error *err)
{
	struct reach *reach = self;
	struct series_bucket *buckets = NULL;
	struct series_rollup rollup;

	(void)bid;
	arena_clear(&reach->arena);
	enum err_code code = rollup_chunk_open(block, index, &reach->arena, &rollup, err);

	if (code || rollup.derived)
		return code;
	code = series_rollup_read(&rollup, &reach->arena, &buckets, err);
	for (uint32_t i = 0; code == ERR_OK && i < rollup.count; i++) {
		int64_t from_us = buckets[i].index * rollup.period_us, to_us = from_us + rollup.period_us - 1;

		if (to_us < reach->from_us || from_us > reach->to_us)
			continue;
		from_us = from_us > reach->from_us ? from_us : reach->from_us;
		to_us = to_us < reach->to_us ? to_us : reach->to_us;
		if (!reach->span->any || from_us < reach->span->from_us)
			reach->span->from_us = from_us;
		if (!reach->span->any || to_us > reach->span->to_us)
			reach->span->to_us = to_us;
		reach->span->any = true;
	}
	return code;
}

enum err_code sqlite_series_kept(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret,
				 struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct sqlite_series series = {.dataset_id = dataset_id};
	struct reach reach = {.from_us = from_us, .to_us = to_us, .span = ret};
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	arena_init(&reach.arena, SQLITE_SCRATCH_BYTES_MAX);
	code = sqlite_find_series(&reader->conn, id, attribute_iri, &series, err);
	if (code == ERR_OK && series.subject) {
		const struct sqlite_series_key key = {series.subject, series.nid, series.dataset_id, false};

		const struct sqlite_part part = {.from_us = from_us, .to_us = to_us};

		code = sqlite_each_rollup(&reader->conn, &key, &part, note_reach, &reach, err);
	}
	arena_done(&reach.arena);
	sqlite_snapshot_end(reader);
	return code;
}
