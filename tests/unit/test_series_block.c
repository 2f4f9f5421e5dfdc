/* Blocks of series: what is packed comes back as it was, whatever columns look like, and sums of chunks are those of
 * their points one by one. Points come from patterns that reach every codec; what is right is the input itself. */
#include "series/block_int.h"

#include "series_util.h"

static const uint32_t counts[] = {1, 2, 3, 5, 20, 24, 25, 31, 32, 33, 127, 128, 129, 145, 500, 1440, 4095, 4096};

#define COUNTS (sizeof(counts) / sizeof(*counts))
#define BLOCK_BYTES ((size_t)16 << 20)
#define CHUNKS 4u

static struct test_points input[CHUNKS];
static struct arena arena;
static struct error err;

static void fill_texts(struct test_points *test, uint32_t count, enum pattern pattern, uint64_t *state)
{
	for (uint32_t i = 0; i < count; i++) {
		int64_t which = pattern < 4 ? draw_below(state, 3) : pattern < 8 ? draw_below(state, 300) : (int64_t)i;
		int len = snprintf(test->bytes[i], sizeof(test->bytes[i]), "%s%lld", which % 2 ? "closed" : "",
				   (long long)which);

		test->texts[i] = (struct str){test->bytes[i], which == 7 ? 0 : (size_t)len};
		if (which == 9)
			test->texts[i] = (struct str){"\0\xff\"", 3};
	}
}

static void fill_values(struct test_points *test, enum series_kind kind, enum pattern pattern, uint64_t *state)
{
	uint32_t count = test->points.count;

	test->points.kind = kind;
	test->points.scale = 0;
	if (kind == SERIES_DECIMAL || kind == SERIES_FIXED)
		test->points.scale = (uint8_t)draw_below(state, SERIES_SCALE_MAX + 1);
	fill_pattern(pattern, state, test->mantissas, count,
		     kind == SERIES_BOOLEAN   ? 1
		     : test->points.scale > 0 ? SERIES_MANTISSA_MAX
					      : 0);
	for (uint32_t i = 0; i < count && kind == SERIES_BOOLEAN; i++)
		test->mantissas[i] = test->mantissas[i] != 0;
	for (uint32_t i = 0; i < count; i++) {
		test->doubles[i] = (double)test->mantissas[i] / 7.0;
		if (pattern == PATTERN_ANY)
			memcpy(&test->doubles[i], &test->mantissas[i], sizeof(double));
		if (!isfinite(test->doubles[i]))
			test->doubles[i] = -0.0;
	}
	if (kind == SERIES_TEXT || kind == SERIES_RAW)
		fill_texts(test, count, pattern, state);
}

static void make_block(struct series_builder *builder, uint32_t chunks, struct series_block *ret_block)
{
	struct str bytes = STR_NONE;

	arena_clear(&arena);
	for (uint32_t i = 0; i < chunks; i++) {
		struct series_key key = {.subject = i / 2, .name = i, .dataset = i % 2 ? STR("urn:d") : STR_NONE};

		CHECK_OK(series_builder_add(builder, &key, &input[i].points, &err), &err);
	}
	CHECK(series_builder_count(builder) == chunks);
	size_t bound = series_builder_bytes(builder);

	CHECK_OK(series_builder_finish(builder, &bytes, &err), &err);
	CHECK(bytes.len <= bound);
	struct str copy = arena_dup(&arena, bytes);

	CHECK(series_builder_count(builder) == 0);
	CHECK_OK(series_block_open(copy, &arena, ret_block, &err), &err);
	CHECK(ret_block->count == chunks);
}

static void check_range(const struct series_range *range, const struct series_column *column, uint32_t count)
{
	int64_t min = INT64_MAX, max = INT64_MIN;

	for (uint32_t i = 0; i < count; i++) {
		int64_t value = series_column_get(column, i);

		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	CHECK(range->min == min && range->max == max);
}

static bool same_sums(const struct series_sums *a, const struct series_sums *b)
{
	double x[] = {series_sums_sum(a), series_sums_avg(a), series_sums_sumsq(a), series_sums_stddev(a)};
	double y[] = {series_sums_sum(b), series_sums_avg(b), series_sums_sumsq(b), series_sums_stddev(b)};

	return a->count == b->count && a->others == b->others && same_bits(x[0], y[0]) && same_bits(x[1], y[1]) &&
	       same_bits(x[2], y[2]) && same_bits(x[3], y[3]) && a->min == b->min && a->max == b->max &&
	       a->first == b->first && a->last == b->last && a->first_us == b->first_us && a->last_us == b->last_us &&
	       a->first_number == b->first_number && a->last_number == b->last_number;
}

static void check_sums(const struct series_block *block, uint32_t index, uint64_t *state)
{
	const struct series_points *points = &input[index].points;
	struct series_sums all, one_by_one, periods[4], by_points[4];
	int64_t first = points->at_us[0], last = points->at_us[points->count - 1];
	int64_t edges[5] = {first + (draw_below(state, 2) ? -5 : (last - first) / 9), first + (last - first) / 4,
			    first + (last - first) / 3, first + (last - first) / 3, last + draw_below(state, 2)};

	for (unsigned i = 1; i < 5; i++)
		edges[i] = edges[i] < edges[i - 1] ? edges[i - 1] : edges[i];
	series_sums_clear(&all, &arena);
	series_sums_clear(&one_by_one, &arena);
	for (unsigned i = 0; i < 4; i++) {
		series_sums_clear(&periods[i], &arena);
		series_sums_clear(&by_points[i], &arena);
	}
	for (uint32_t i = 0; i < points->count; i++) {
		CHECK_OK(series_sums_add_point(&one_by_one, points, i, &err), &err);
		for (unsigned p = 0; p < 4; p++)
			if (points->at_us[i] >= edges[p] && points->at_us[i] < edges[p + 1])
				CHECK_OK(series_sums_add_point(&by_points[p], points, i, &err), &err);
	}
	CHECK_OK(series_block_sum(block, index, &all, &err), &err);
	CHECK(same_sums(&all, &one_by_one));
	CHECK_OK(series_block_sum_periods(block, index, edges, 5, periods, &err), &err);
	for (unsigned i = 0; i < 4; i++)
		CHECK(same_sums(&periods[i], &by_points[i]));
}

static void check_chunk(const struct series_block *block, uint32_t index, uint64_t *state)
{
	const struct series_points *points = &input[index].points;
	struct series_points back, values;
	struct series_chunk chunk;
	struct series_column at = {.at = points->at_us};

	if (!CHECK_OK(series_block_chunk(block, index, &chunk, &err), &err))
		return;
	CHECK(chunk.kind == points->kind && chunk.count == points->count && chunk.scale == points->scale);
	check_range(&chunk.at_us, &at, points->count);
	check_range(&chunk.number, &points->number, points->count);
	check_range(&chunk.created_us, &points->created_us, points->count);
	check_range(&chunk.modified_us, &points->modified_us, points->count);
	if (!CHECK_OK(series_block_read(block, index, &arena, &back, &err), &err))
		return;
	CHECK(same_points(points, &back));
	CHECK_OK(series_block_read_values(block, index, &arena, &values, &err), &err);
	for (uint32_t i = 0; i < points->count; i++)
		if (!CHECK(values.at_us[i] == points->at_us[i] && same_value(points, &values, i)))
			break;
	check_sums(block, index, state);
}

static void round_trips(enum series_kind kind)
{
	struct series_builder *builder = NULL;
	struct series_block block;

	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	for (unsigned pattern = 0; pattern < PATTERN_COUNT; pattern++)
		for (unsigned i = 0; i < COUNTS; i++) {
			uint64_t state = pattern * 1000 + i * 10 + kind;

			points_connect(&input[0], kind, counts[i]);
			fill_times(&input[0], counts[i], &state);
			fill_values(&input[0], kind, (enum pattern)pattern, &state);
			int failures = check_case_failures;

			make_block(builder, 1, &block);
			check_chunk(&block, 0, &state);
			if (check_case_failures > failures)
				printf("# kind %d, pattern %u, %u points\n", (int)kind, pattern, counts[i]);
		}
	(void)series_builder_free(builder);
}

static void decimals_come_back(void)
{
	round_trips(SERIES_DECIMAL);
	round_trips(SERIES_FIXED);
}

static void doubles_come_back(void)
{
	round_trips(SERIES_DOUBLE);
}

static void booleans_come_back(void)
{
	round_trips(SERIES_BOOLEAN);
}

static void texts_come_back(void)
{
	round_trips(SERIES_TEXT);
	round_trips(SERIES_RAW);
}

/* Adversarial doubles, by their bits. */
static void odd_doubles_come_back(void)
{
	static const double odd[] = {0.0,
				     -0.0,
				     5e-324,
				     -5e-324,
				     2.2250738585072014e-308,
				     1e-310,
				     1.7976931348623157e308,
				     -1.7976931348623157e308,
				     9007199254740991.0,
				     9007199254740992.0,
				     9007199254740994.0,
				     0.1,
				     0.30000000000000004,
				     1e22,
				     1e23,
				     -9223372036854775808.0,
				     3.141592653589793,
				     1.0,
				     1.0000000000000002};
	struct series_builder *builder = NULL;
	struct series_block block;
	uint64_t state = 5;

	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	for (uint32_t count = 1; count <= 300; count += 13) {
		points_connect(&input[0], SERIES_DOUBLE, count);
		fill_times(&input[0], count, &state);
		for (uint32_t i = 0; i < count; i++)
			input[0].doubles[i] = odd[(size_t)draw_below(&state, sizeof(odd) / sizeof(*odd))];
		make_block(builder, 1, &block);
		check_chunk(&block, 0, &state);
	}
	(void)series_builder_free(builder);
}

/* Several chunks a block: what columns have in common, and what not, comes back all the same. */
static void columns_are_shared(void)
{
	struct series_builder *builder = NULL;
	struct series_block block;
	size_t alone = 0;

	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	for (uint64_t seed = 0; seed < 40; seed++) {
		uint64_t state = seed;
		uint32_t count = counts[(size_t)draw_below(&state, COUNTS)];

		for (unsigned i = 0; i < CHUNKS; i++) {
			uint32_t own = draw_below(&state, 4) ? count : counts[(size_t)draw_below(&state, COUNTS)];

			points_connect(&input[i], SERIES_DECIMAL, own);
			if (i > 0 && own == count && draw_below(&state, 4)) {
				struct series_points points = input[i].points;

				memcpy(&input[i], &input[i - 1], sizeof(input[i]));
				input[i].points = points;
				input[i].points.count =
					own < input[i - 1].points.count ? own : input[i - 1].points.count;
			} else {
				fill_times(&input[i], own, &state);
			}
			if (draw_below(&state, 3) == 0)
				input[i].points.created_us = input[i].points.modified_us =
					(struct series_column){.all = 77 + draw_below(&state, 2)};
			if (draw_below(&state, 3) == 0)
				input[i].points.shape = (struct series_column){.all = draw_below(&state, 8)};
			fill_values(&input[i], SERIES_DECIMAL, PATTERN_WALK, &state);
		}
		make_block(builder, CHUNKS, &block);
		for (unsigned i = 0; i < CHUNKS; i++)
			check_chunk(&block, i, &state);
		CHECK_OK(series_block_check(&block, &err), &err);
	}
	/* Four with the same irregular times take hardly more than one. */
	uint64_t state = 3;

	points_connect(&input[0], SERIES_BOOLEAN, 1000);
	fill_times(&input[0], 1000, &state);
	fill_values(&input[0], SERIES_BOOLEAN, PATTERN_CONSTANT, &state);
	make_block(builder, 1, &block);
	alone = block.bytes.len;
	for (unsigned i = 1; i < CHUNKS; i++) {
		input[i] = input[0];
		points_connect(&input[i], SERIES_BOOLEAN, 1000);
	}
	make_block(builder, CHUNKS, &block);
	CHECK(block.bytes.len < alone + (CHUNKS - 1) * 50);
	(void)series_builder_free(builder);
}

static void small_input(struct test_points *test, int64_t first_us)
{
	points_connect(test, SERIES_DECIMAL, 2);
	test->at_us[0] = first_us;
	test->at_us[1] = first_us + 1;
	memset(test->numbers, 0, sizeof(test->numbers));
	test->points.shape = test->points.created_us = test->points.modified_us = (struct series_column){.all = 0};
	test->shape_texts[0] = STR("{}");
	test->mantissas[0] = 1;
	test->mantissas[1] = 2;
	test->points.shape_count = 1;
}

static void chunks_are_found(void)
{
	struct series_builder *builder = NULL;
	struct series_block block;
	struct series_chunk chunk;
	struct str bytes = STR_NONE;
	/* In their order; the same key twice. */
	const struct series_key keys[] = {{INT64_MIN, 5, STR_NONE}, {-1, 1, STR_NONE},       {-1, 2, STR_NONE},
					  {-1, 2, STR_NONE},        {-1, 2, STR("a")},       {-1, 2, STR("ab")},
					  {7, -3, STR("ab")},       {INT64_MAX, 0, STR_NONE}};

	arena_clear(&arena);
	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	for (size_t i = 0; i < 8; i++) {
		small_input(&input[0], (int64_t)i);
		CHECK_OK(series_builder_add(builder, &keys[i], &input[0].points, &err), &err);
	}
	CHECK(series_builder_add(builder, &keys[6], &input[0].points, &err) == ERR_INVALID);
	CHECK_OK(series_builder_finish(builder, &bytes, &err), &err);
	CHECK_OK(series_block_open(bytes, &arena, &block, &err), &err);
	for (uint32_t i = 0; i < 8; i++) {
		struct series_key key = series_block_key(&block, i);

		CHECK(series_key_cmp(&key, &keys[i]) == 0);
		CHECK(series_block_find(&block, &keys[i]) == (i == 3 ? 2 : i));
		CHECK_OK(series_block_chunk(&block, i, &chunk, &err), &err);
		CHECK(chunk.at_us.min == (int64_t)i);
	}
	CHECK(series_block_find(&block, &(struct series_key){-1, 2, STR("aa")}) == 5);
	CHECK(series_block_find(&block, &(struct series_key){INT64_MAX, 1, STR_NONE}) == 8);
	(void)series_builder_free(builder);
}

static bool refused(struct series_builder *builder, const struct series_points *points)
{
	return series_builder_add(builder, &(struct series_key){0}, points, &err) == ERR_INVALID &&
	       series_builder_count(builder) == 0;
}

static void bad_points_are_refused(void)
{
	struct series_builder *builder = NULL;
	struct series_points *points = &input[0].points;

	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	small_input(&input[0], 10);
	points->count = 0;
	CHECK(refused(builder, points));
	points->count = SERIES_POINTS_MAX + 1;
	CHECK(refused(builder, points));
	small_input(&input[0], 10);
	input[0].at_us[1] = 9;
	CHECK(refused(builder, points));
	small_input(&input[0], 10);
	input[0].at_us[1] = 10;
	input[0].numbers[1] = -1;
	CHECK(refused(builder, points));
	small_input(&input[0], 10);
	points->scale = 1;
	input[0].mantissas[1] = SERIES_MANTISSA_MAX + 1;
	CHECK(refused(builder, points));
	points->scale = SERIES_SCALE_MAX + 1;
	CHECK(refused(builder, points));
	points->scale = 0;
	points->kind = SERIES_BOOLEAN;
	input[0].mantissas[1] = 2;
	CHECK(refused(builder, points));
	points->kind = SERIES_DOUBLE;
	input[0].doubles[0] = 1;
	input[0].doubles[1] = NAN;
	CHECK(refused(builder, points));
	input[0].doubles[1] = INFINITY;
	CHECK(refused(builder, points));
	small_input(&input[0], 10);
	points->shape.all = 1;
	CHECK(refused(builder, points));
	points->shape.all = -1;
	CHECK(refused(builder, points));
	small_input(&input[0], 10);
	CHECK_OK(series_builder_add(builder, &(struct series_key){0}, points, &err), &err);
	(void)series_builder_free(builder);
}

/* A block that is full says so and is whole without the chunk that was too much. */
static void full_blocks_can_be_finished(void)
{
	struct series_builder *builder = NULL;
	struct series_block block;
	struct str bytes = STR_NONE;
	uint64_t state = 1;
	uint32_t added = 0;
	char shape[3000];

	arena_clear(&arena);
	CHECK_OK(series_builder_new(20000, &builder, &err), &err);
	for (enum err_code code = ERR_OK; !code; added += !code) {
		points_connect(&input[0], SERIES_DECIMAL, 145);
		fill_times(&input[0], 145, &state);
		fill_values(&input[0], SERIES_DECIMAL, PATTERN_ANY, &state);
		for (size_t i = 0; i < sizeof(shape); i++)
			shape[i] = (char)draw(&state);
		input[0].shape_texts[1] = (struct str){shape, sizeof(shape)};
		code = series_builder_add(builder, &(struct series_key){.subject = added}, &input[0].points, &err);
		CHECK(code == ERR_OK || code == ERR_LIMIT);
		if (!code)
			input[1] = input[0];
	}
	CHECK(added > 1 && series_builder_count(builder) == added);
	CHECK_OK(series_builder_finish(builder, &bytes, &err), &err);
	CHECK(bytes.len <= 20000);
	CHECK_OK(series_block_open(bytes, &arena, &block, &err), &err);
	CHECK(block.count == added);
	CHECK_OK(series_block_check(&block, &err), &err);
	/* And the next one starts anew. */
	small_input(&input[0], 3);
	make_block(builder, 1, &block);
	check_chunk(&block, 0, &state);
	(void)series_builder_free(builder);
}

/* The block with one byte of the summary of its only chunk changed, and the checksum that belongs to that. */
static struct series_block with_a_lie(struct str bytes, size_t at, int change)
{
	struct buf copy;
	struct series_block block;
	struct chunk chunk;

	buf_init(&copy, BLOCK_BYTES);
	buf_put(&copy, bytes);
	CHECK_OK(series_block_open(buf_str(&copy), &arena, &block, &err), &err);
	CHECK_OK(chunk_open(&block, 0, &chunk, &err), &err);
	uint8_t *start = (uint8_t *)copy.at + block.entries[0].offset;
	size_t len = block.entries[0].bytes;

	CHECK(chunk.has_summary);
	start[(size_t)(chunk.summary.at - start) + at] += (uint8_t)change;
	half_store(start, checksum(start + CHUNK_CHECKSUM_BYTES, len - CHUNK_CHECKSUM_BYTES));
	CHECK_OK(series_block_open(arena_dup(&arena, buf_str(&copy)), &arena, &block, &err), &err);
	buf_done(&copy);
	return block;
}

/* Each number of a summary is a byte here: least value (zigzag), range, first, last, sum (two bytes), squares. */
static void lying_summaries_are_noticed(void)
{
	static const struct {
		size_t at;
		int change;
		bool by_whole, by_part; /* noticed without reading values; when periods cut the chunk */
	} lies[] = {{0, 2, false, true},  {0, -2, false, true}, {1, -1, false, true}, {1, 1, false, false},
		    {2, 90, true, true},  {3, 90, true, true},  {4, 1, false, false}, {5, 90, true, true},
		    {6, 1, false, false}, {1, -40, true, true}};
	const int64_t edges[] = {0, 20, 40, 1000};
	struct series_builder *builder = NULL;
	struct series_block block;
	struct series_sums sums[3];
	struct str bytes;

	CHECK_OK(series_builder_new(BLOCK_BYTES, &builder, &err), &err);
	small_input(&input[0], 0);
	input[0].points.count = 64;
	for (int i = 0; i < 64; i++) {
		input[0].at_us[i] = i;
		input[0].mantissas[i] = 10 + i * 37 % 50;
	}
	make_block(builder, 1, &block);
	bytes = block.bytes;
	CHECK_OK(series_block_check(&block, &err), &err);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		block = with_a_lie(bytes, lies[i].at, lies[i].change);
		for (unsigned k = 0; k < 3; k++)
			series_sums_clear(&sums[k], &arena);
		CHECK(series_block_check(&block, &err) == ERR_CORRUPT);
		CHECK(series_block_sum(&block, 0, &sums[0], &err) == (lies[i].by_whole ? ERR_CORRUPT : ERR_OK));
		if (!CHECK(series_block_sum_periods(&block, 0, edges, 4, sums, &err) ==
			   (lies[i].by_part ? ERR_CORRUPT : ERR_OK)))
			printf("# lie %zu\n", i);
	}
	(void)series_builder_free(builder);
}

int main(void)
{
	arena_init(&arena, (size_t)1 << 30);
	RUN(decimals_come_back);
	RUN(doubles_come_back);
	RUN(booleans_come_back);
	RUN(texts_come_back);
	RUN(odd_doubles_come_back);
	RUN(columns_are_shared);
	RUN(chunks_are_found);
	RUN(bad_points_are_refused);
	RUN(full_blocks_can_be_finished);
	RUN(lying_summaries_are_noticed);
	arena_done(&arena);
	return check_done();
}
