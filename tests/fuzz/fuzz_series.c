/* Fuzz target: blocks of series from any bytes, and points from any bytes.
 *
 * The first byte says which. A block gets the checksums that it should have, so that damage reaches what lies behind
 * them: every way to read it must answer or refuse, and agree with the others; what it holds can be packed anew and
 * comes back. Points that the bytes draw, of any kind and in columns of any width, come back as they were. */
#include "demand.h"
#include "series/block_int.h"
#include "series/rollup.h"

#include "../unit/series_util.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define EDGES 5u

/* ---- a block ---- */

static void mend_directory(uint8_t *bytes, size_t len)
{
	if (len < BLOCK_HEAD_BYTES + BLOCK_FOOT_BYTES)
		return;
	uint8_t *foot = bytes + len - BLOCK_FOOT_BYTES;
	uint32_t directory = half_load(foot);

	if (directory <= len - BLOCK_HEAD_BYTES - BLOCK_FOOT_BYTES)
		half_store(foot + 4, checksum(foot - directory, directory));
}

static void mend_chunks(uint8_t *bytes, const struct series_block *block)
{
	for (uint32_t i = 0; i < block->count; i++) {
		uint8_t *chunk = bytes + block->entries[i].offset;
		uint32_t len = block->entries[i].bytes;

		if (len >= CHUNK_CHECKSUM_BYTES)
			half_store(chunk, checksum(chunk + CHUNK_CHECKSUM_BYTES, len - CHUNK_CHECKSUM_BYTES));
	}
}

static void pack_again(const struct series_points *points, struct arena *arena)
{
	struct series_builder *builder = NULL;
	struct series_block block;
	struct series_points back;
	struct str bytes;
	struct error err;

	demand(series_builder_new(SERIES_BLOCK_BYTES_MAX, &builder, &err) == ERR_OK);
	if (series_builder_add(builder, &(struct series_key){0}, points, &err) == ERR_OK) {
		demand(series_builder_finish(builder, &bytes, &err) == ERR_OK);
		demand(series_block_open(bytes, arena, &block, &err) == ERR_OK);
		demand(series_block_read(&block, 0, arena, &back, &err) == ERR_OK && same_points(points, &back));
		demand(series_block_check(&block, &err) == ERR_OK);
	}
	(void)series_builder_free(builder);
}

static void read_chunk(const struct series_block *block, uint32_t index, struct arena *arena)
{
	struct series_points points, values;
	struct series_chunk chunk;
	struct series_sums sums, periods[EDGES - 1];
	int64_t edges[EDGES] = {INT64_MIN, -1, 1000000, 1700000000000000, INT64_MAX};
	struct error err;

	for (unsigned i = 0; i < EDGES - 1; i++)
		series_sums_clear(&periods[i], arena);
	series_sums_clear(&sums, arena);
	enum err_code whole = series_block_read(block, index, arena, &points, &err);
	enum err_code told = series_block_chunk(block, index, &chunk, &err);
	enum err_code part = series_block_read_values(block, index, arena, &values, &err);

	if (series_block_sum(block, index, &sums, &err) == ERR_OK)
		(void)series_sums_stddev(&sums);
	if (series_block_sum_periods(block, index, edges, EDGES, periods, &err) == ERR_OK)
		(void)series_sums_avg(&periods[2]);
	demand(whole != ERR_OK || (told == ERR_OK && part == ERR_OK));
	if (whole == ERR_OK) {
		demand(points.count == chunk.count && values.count == chunk.count && points.kind == chunk.kind);
		for (uint32_t i = 0; i < points.count; i++)
			demand(points.at_us[i] == values.at_us[i] && same_value(&points, &values, i));
		pack_again(&points, arena);
	}
}

static void read_block(const uint8_t *data, size_t size)
{
	struct series_block block;
	struct arena arena;
	struct error err;

	arena_init(&arena, ARENA_BYTES);
	uint8_t *bytes = (uint8_t *)arena_bytes(&arena, size, 0);

	demand(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	mend_directory(bytes, size);
	if (series_block_open((struct str){(const char *)bytes, size}, &arena, &block, &err) == ERR_OK) {
		mend_chunks(bytes, &block);
		for (uint32_t i = 0; i < block.count && i < 8; i++)
			read_chunk(&block, i, &arena);
		(void)!series_block_check(&block, &err);
	}
	arena_done(&arena);
}

/* ---- points ---- */

struct source {
	const uint8_t *at, *end;
};

static uint64_t take(struct source *source, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && source->at < source->end; i++)
		value |= (uint64_t)*source->at++ << 8 * i;
	return value;
}

/* Values of so many bytes, signed, added up or not, as long as there are bytes; then their last one. */
static void take_column(struct source *source, uint32_t count, int64_t *ret)
{
	uint64_t how = take(source, 1), value = take(source, 8);
	unsigned width = (unsigned)(how & 7) + 1;
	size_t left = (size_t)(source->end - source->at) / 3;

	for (uint32_t i = 0; i < count; i++) {
		if (i * width < left) {
			uint64_t next = take(source, width) << (64 - 8 * width);

			next = (uint64_t)((int64_t)next >> (64 - 8 * width));
			value = how & 8 ? value + next : next;
		} else if (how & 16) {
			value += how;
		}
		ret[i] = (int64_t)value;
	}
}

static int compare_times(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void take_values(struct source *source, struct test_points *test)
{
	uint32_t count = test->points.count;

	take_column(source, count, test->mantissas);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(&test->doubles[i], &test->mantissas[i], sizeof(double));
		if (!isfinite(test->doubles[i]))
			test->doubles[i] = 0.1;
		memcpy(test->bytes[i], &test->mantissas[i], 8);
		test->texts[i] = (struct str){test->bytes[i], (size_t)(test->mantissas[i] & 7)};
		if (test->points.kind == SERIES_BOOLEAN)
			test->mantissas[i] &= 1;
		else if (test->points.scale > 0)
			test->mantissas[i] %= SERIES_MANTISSA_MAX + 1;
	}
}

static void pack_points(struct source source)
{
	static struct test_points test;
	struct arena arena;
	uint64_t head = take(&source, 2);

	points_connect(&test, (enum series_kind)(head % SERIES_KIND_COUNT), 1 + (uint32_t)(take(&source, 2) % 1500));
	if (test.points.kind <= SERIES_FIXED)
		test.points.scale = head >> 8 & SERIES_SCALE_MAX;
	take_column(&source, test.points.count, test.at_us);
	qsort(test.at_us, test.points.count, sizeof(*test.at_us), compare_times);
	for (uint32_t i = 0; i < test.points.count; i++) {
		test.numbers[i] = i;
		test.shapes[i] = test.at_us[i] & 7;
	}
	for (unsigned i = 0; i < 8; i++)
		test.shape_texts[i] = (struct str){"abcdefgh", i};
	take_values(&source, &test);
	take_column(&source, test.points.count, test.created_us);
	take_column(&source, test.points.count, test.modified_us);
	arena_init(&arena, ARENA_BYTES);
	pack_again(&test.points, &arena);
	arena_done(&arena);
}

/* ---- a piece of a roll-up ---- */

/* What reads as buckets is summed by periods, and written comes back with the same sums. */
static void read_rollup(const uint8_t *data, size_t size)
{
	static const int64_t edges[] = {INT64_MIN, 0, INT64_MAX};
	struct series_rollup rollup, again;
	struct series_bucket *buckets = NULL, *back = NULL;
	struct series_sums sums[2];
	struct arena arena;
	struct error err;
	struct buf piece;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&piece, (size_t)8 << 20);
	for (size_t i = 0; i < 2; i++)
		series_sums_clear(&sums[i], &arena);
	if (series_rollup_open((struct str){(const char *)data, size}, &rollup, &err) == ERR_OK) {
		bool good = series_rollup_read(&rollup, &arena, &buckets, &err) == ERR_OK;
		const struct series_periods periods = {edges, 3, sums};

		demand(!good || series_rollup_sum(&rollup, &periods, NULL, NULL, &arena, &err) == ERR_OK);
		if (good && series_rollup_write(&piece, rollup.period_us, rollup.derived, buckets, rollup.count,
						&err) == ERR_OK) {
			demand(series_rollup_open(buf_str(&piece), &again, &err) == ERR_OK);
			demand(again.count == rollup.count && again.first == buckets[0].index);
			demand(series_rollup_read(&again, &arena, &back, &err) == ERR_OK);
			for (uint32_t i = 0; i < rollup.count; i++)
				demand(back[i].index == buckets[i].index &&
				       back[i].sums.count == buckets[i].sums.count &&
				       back[i].sums.others == buckets[i].sums.others);
		}
	}
	buf_done(&piece);
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'P')
		pack_points((struct source){data + 1, data + size});
	else if (size > 0 && data[0] == 'R')
		read_rollup(data + 1, size - 1);
	else if (size > 0)
		read_block(data + 1, size - 1);
	return 0;
}
