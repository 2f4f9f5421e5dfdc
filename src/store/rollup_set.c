/* Gathering roll-ups for a block. */
#include "store/rollup_set.h"

#include "store/instance_pack.h"

#include <stdlib.h>
#include <string.h>

#define SET_ARENA_BYTES_MAX ((size_t)256 << 20)
#define PIECE_BYTES_MAX ((size_t)1 << 20)

/* Buckets of one series and period. */
struct rolled {
	struct series_key key; /* dataset in the set's arena */
	int64_t period_us;
	bool derived;
	bool useless; /* derived: not all could be */
	uint64_t points;
	struct series_bucket *buckets; /* owned; by index */
	size_t count, room;
};

struct rollup_set {
	struct rolled *at; /* owned */
	size_t count, room;
	struct arena arena; /* datasets, sums of doubles */
	struct buf piece;
};

enum err_code rollup_set_new(struct rollup_set **ret, struct error *err)
{
	struct rollup_set *set = calloc(1, sizeof(*set));

	if (!set)
		return err_set(err, ERR_MEMORY, "no memory to roll up");
	arena_init(&set->arena, SET_ARENA_BYTES_MAX);
	buf_init(&set->piece, PIECE_BYTES_MAX);
	*ret = set;
	return ERR_OK;
}

static void clear(struct rollup_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->at[i].buckets);
	set->count = 0;
	arena_clear(&set->arena);
}

struct rollup_set *rollup_set_free(struct rollup_set *set)
{
	if (!set)
		return NULL;
	clear(set);
	free(set->at);
	arena_done(&set->arena);
	buf_done(&set->piece);
	free(set);
	return NULL;
}

bool rollup_set_is_empty(const struct rollup_set *set)
{
	return set->count == 0;
}

/* ---- finding the place ---- */

static struct rolled *add_rolled(struct rollup_set *set, const struct series_key *key, int64_t period_us, bool derived)
{
	struct str dataset = key->dataset.len ? arena_dup(&set->arena, key->dataset) : STR_NONE;

	if (key->dataset.len && !dataset.at)
		return NULL;
	if (set->count == set->room) {
		size_t room = set->room ? set->room * 2 : 16;
		struct rolled *grown = realloc(set->at, room * sizeof(*grown));

		if (!grown)
			return NULL;
		set->at = grown;
		set->room = room;
	}
	struct rolled *rolled = &set->at[set->count++];

	*rolled =
		(struct rolled){.key = {key->subject, key->name, dataset}, .period_us = period_us, .derived = derived};
	return rolled;
}

/* NULL without memory. The last ones are the likely ones. */
static struct rolled *find_rolled(struct rollup_set *set, const struct series_key *key, int64_t period_us, bool derived)
{
	for (size_t i = set->count; i-- > 0;) {
		struct rolled *rolled = &set->at[i];

		if (rolled->period_us == period_us && rolled->derived == derived &&
		    series_key_cmp(&rolled->key, key) == 0)
			return rolled;
	}
	return add_rolled(set, key, period_us, derived);
}

static bool make_room(struct rolled *rolled)
{
	if (rolled->count < rolled->room)
		return true;
	size_t room = rolled->room ? rolled->room * 2 : 32;
	struct series_bucket *grown = realloc(rolled->buckets, room * sizeof(*grown));

	if (!grown)
		return false;
	rolled->buckets = grown;
	rolled->room = room;
	return true;
}

/* The first place whose index is not less. */
static size_t place_of(const struct rolled *rolled, int64_t index)
{
	size_t low = 0, high = rolled->count;

	if (high > 0 && rolled->buckets[high - 1].index < index)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rolled->buckets[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL without memory. */
static struct series_sums *bucket_of(struct rollup_set *set, struct rolled *rolled, int64_t index)
{
	size_t place = place_of(rolled, index);

	if (place < rolled->count && rolled->buckets[place].index == index)
		return &rolled->buckets[place].sums;
	if (!make_room(rolled))
		return NULL;
	struct series_bucket *bucket = &rolled->buckets[place];

	memmove(bucket + 1, bucket, (rolled->count - place) * sizeof(*bucket));
	bucket->index = index;
	series_sums_clear(&bucket->sums, &set->arena);
	rolled->count++;
	return &bucket->sums;
}

/* ---- gathering ---- */

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory to roll up");
}

bool rollup_points_are_values(const struct series_points *points)
{
	static const enum change_kind kinds[] = {CHANGE_CREATED, CHANGE_UPDATED, CHANGE_DELETED};

	for (uint32_t i = 0; points->kind == SERIES_RAW && i < points->count; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (str_eq(points->shapes[series_column_get(&points->shape, i)],
				   instance_whole_shape(kinds[k])))
				return false;
	return true;
}

static enum err_code derive_tier(struct rollup_set *set, struct rolled *rolled, const struct series_points *points,
				 struct error *err)
{
	enum err_code code = ERR_OK;

	for (uint32_t from = 0, to; code == ERR_OK && from < points->count; from = to) {
		int64_t index = series_bucket_index(points->at_us[from], rolled->period_us);
		int64_t end_us = (index + 1) * rolled->period_us;
		struct series_sums *sums = bucket_of(set, rolled, index);

		if (!sums)
			return no_memory(err);
		for (to = from + 1; to < points->count && points->at_us[to] < end_us;)
			to++;
		code = series_sums_add_points(sums, points, from, to, err);
	}
	rolled->points += points->count;
	return code;
}

enum err_code rollup_set_derive(struct rollup_set *set, const struct series_key *key, const struct store_rule *rule,
				const struct series_points *points, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; rule && code == ERR_OK && i < rule->tier_count; i++) {
		struct rolled *rolled = find_rolled(set, key, rule->tiers[i].period_us, true);

		if (!rolled)
			return no_memory(err);
		rolled->useless |= !rollup_points_are_values(points);
		if (!rolled->useless)
			code = derive_tier(set, rolled, points, err);
	}
	return code;
}

enum err_code rollup_set_keep(struct rollup_set *set, const struct series_key *key, int64_t period_us, int64_t at_us,
			      struct series_sums **ret_sums, struct error *err)
{
	struct rolled *rolled = find_rolled(set, key, period_us, false);

	*ret_sums = rolled ? bucket_of(set, rolled, series_bucket_index(at_us, period_us)) : NULL;
	return *ret_sums ? ERR_OK : no_memory(err);
}

/* ---- writing ---- */

enum err_code rollup_chunk_write(struct series_builder *builder, const struct series_key *key, struct str bytes,
				 int64_t at_us, struct error *err)
{
	static const struct str shape = {"", 0};
	const struct series_points points = {
		.kind = SERIES_TEXT, .count = 1, .at_us = &at_us, .shapes = &shape, .shape_count = 1, .texts = &bytes};

	return series_builder_add(builder, key, &points, err);
}

static bool is_worth_it(const struct rolled *rolled)
{
	return !rolled->useless && rolled->count >= ROLLUP_DERIVE_BUCKETS &&
	       rolled->points >= (uint64_t)rolled->count * ROLLUP_DERIVE_POINTS;
}

static enum err_code write_rolled(struct rollup_set *set, const struct rolled *rolled, struct series_builder *builder,
				  struct error *err)
{
	const struct series_key key = {rolled->key.subject, ROLLUP_NAME + rolled->key.name, rolled->key.dataset};
	enum err_code code = ERR_OK;

	for (size_t from = 0; code == ERR_OK && from < rolled->count; from += SERIES_ROLLUP_BUCKETS_MAX) {
		size_t left = rolled->count - from;
		uint32_t part = left < SERIES_ROLLUP_BUCKETS_MAX ? (uint32_t)left : SERIES_ROLLUP_BUCKETS_MAX;

		buf_clear(&set->piece);
		code = series_rollup_write(&set->piece, rolled->period_us, rolled->derived, rolled->buckets + from,
					   part, err);
		if (code == ERR_OK)
			code = rollup_chunk_write(builder, &key, buf_str(&set->piece),
						  rolled->buckets[from].index * rolled->period_us, err);
	}
	return code;
}

static void note(struct rollup_written *written, const struct rolled *rolled)
{
	int64_t from_us = rolled->buckets[0].index * rolled->period_us;
	int64_t to_us = (rolled->buckets[rolled->count - 1].index + 1) * rolled->period_us;

	if (written->buckets == 0 || from_us < written->from_us)
		written->from_us = from_us;
	if (written->buckets == 0 || to_us > written->to_us)
		written->to_us = to_us;
	written->buckets += (int64_t)rolled->count;
}

static int compare(const void *a, const void *b)
{
	const struct rolled *x = a, *y = b;
	int order = series_key_cmp(&x->key, &y->key);

	if (order != 0)
		return order;
	if (x->derived != y->derived)
		return x->derived ? 1 : -1;
	return x->period_us < y->period_us ? -1 : x->period_us > y->period_us;
}

enum err_code rollup_set_flush(struct rollup_set *set, struct series_builder *builder, struct rollup_written *written,
			       struct error *err)
{
	enum err_code code = ERR_OK;

	*written = (struct rollup_written){0};
	if (set->count > 1)
		qsort(set->at, set->count, sizeof(*set->at), compare);
	for (size_t i = 0; code == ERR_OK && i < set->count; i++) {
		const struct rolled *rolled = &set->at[i];

		if (rolled->derived && !is_worth_it(rolled))
			continue;
		code = write_rolled(set, rolled, builder, err);
		if (!rolled->derived)
			note(written, rolled);
	}
	clear(set);
	return code;
}

/* ---- reading ---- */

enum err_code rollup_chunk_open(const struct series_block *block, uint32_t index, struct arena *arena,
				struct series_rollup *ret, struct error *err)
{
	struct series_points points;
	enum err_code code = series_block_read_values(block, index, arena, &points, err);

	if (code == ERR_OK && (points.kind != SERIES_TEXT || points.count != 1))
		code = err_set(err, ERR_CORRUPT, "chunk %u is no roll-up", index);
	return code ? code : series_rollup_open(points.texts[0], ret, err);
}
