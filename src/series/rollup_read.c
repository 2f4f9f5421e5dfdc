/* Reading roll-ups. Plain buckets of one period are added as integers, and only their total to the exact sums. */
#include "series/rollup_int.h"

#include "series/ints_int.h"
#include "series/sums_int.h"

#include <math.h>

#define LIMB_BITS 64u

static enum err_code corrupt(struct error *err)
{
	return err_set(err, ERR_CORRUPT, "a roll-up is damaged");
}

enum err_code series_rollup_open(struct str bytes, struct series_rollup *ret, struct error *err)
{
	if (bytes.len < 2 * SLACK_BYTES)
		return corrupt(err);
	const uint8_t *at = (const uint8_t *)bytes.at + SLACK_BYTES;
	struct byte_in in = {at, at + (bytes.len - 2 * SLACK_BYTES), false};
	uint8_t head = in_byte(&in);
	uint64_t period_us = in_varint(&in);
	uint32_t plain = in_below(&in, SERIES_ROLLUP_BUCKETS_MAX + 1);
	uint32_t others = in_below(&in, SERIES_ROLLUP_BUCKETS_MAX + 1);
	int64_t first = in_signed(&in), start, end, last;
	uint64_t span = in_varint(&in);

	if (in.bad || head > ROLLUP_DERIVED || period_us == 0 || period_us > (uint64_t)SERIES_ROLLUP_PERIOD_US_MAX ||
	    plain + others == 0 || plain + others > SERIES_ROLLUP_BUCKETS_MAX || span > INT64_MAX - 1 ||
	    __builtin_add_overflow(first, (int64_t)span, &last) || last == INT64_MAX ||
	    __builtin_mul_overflow(first, (int64_t)period_us, &start) ||
	    __builtin_mul_overflow(last + 1, (int64_t)period_us, &end))
		return corrupt(err);
	*ret = (struct series_rollup){.period_us = (int64_t)period_us,
				      .derived = head & ROLLUP_DERIVED,
				      .count = plain + others,
				      .first = first,
				      .last = last,
				      .bytes = bytes,
				      .plain_count = plain,
				      .plain_at = (size_t)(in.at - (const uint8_t *)bytes.at)};
	return ERR_OK;
}

/* ---- plain ones ---- */

struct plain_columns {
	uint8_t scale;
	int64_t at[ROLLUP_COLUMNS][SERIES_ROLLUP_BUCKETS_MAX];
};

static bool columns_are_good(const struct series_rollup *rollup, const struct plain_columns *columns)
{
	int64_t before = -1;
	bool good = true;

	for (uint32_t i = 0; i < rollup->plain_count; i++) {
		int64_t index = columns->at[ROLLUP_INDEX][i], least = columns->at[ROLLUP_MIN][i];

		good &= index > before && index <= rollup->last - rollup->first;
		before = index;
		good &= (uint64_t)columns->at[ROLLUP_COUNT][i] < ROLLUP_COUNT_MAX &&
			(uint64_t)columns->at[ROLLUP_OTHERS][i] < ROLLUP_COUNT_MAX &&
			columns->at[ROLLUP_COUNT][i] + columns->at[ROLLUP_OTHERS][i] > 0;
		good &= least >= -ROLLUP_MANTISSA_MAX && least <= ROLLUP_MANTISSA_MAX;
		for (size_t c = ROLLUP_MAX; c <= ROLLUP_LAST; c++)
			good &= columns->at[c][i] >= 0 && columns->at[c][i] <= 2 * ROLLUP_MANTISSA_MAX;
		good &= columns->at[ROLLUP_SUM][i] >= 0 && columns->at[ROLLUP_SQUARES][i] >= 0;
	}
	return good;
}

static enum err_code read_columns(const struct series_rollup *rollup, struct byte_in *in, struct plain_columns *columns,
				  struct error *err)
{
	columns->scale = in_byte(in);
	if (columns->scale > SERIES_SCALE_MAX)
		in->bad = true;
	for (size_t i = 0; rollup->plain_count > 0 && i < ROLLUP_COLUMNS && !in->bad; i++) {
		uint64_t len = in_varint(in);
		struct ints ints;

		if (len > in_left(in) || !ints_open(in_part(in, (size_t)len), rollup->plain_count, 0, &ints) ||
		    !ints_read(&ints, columns->at[i]))
			in->bad = true;
	}
	return in->bad || !columns_are_good(rollup, columns) ? corrupt(err) : ERR_OK;
}

/* Bucket `place` as a slice; count may be 0. */
static struct sums_slice slice_of(const struct series_rollup *rollup, const struct plain_columns *columns,
				  uint32_t place)
{
	int64_t start_us = (rollup->first + columns->at[ROLLUP_INDEX][place]) * rollup->period_us;
	int64_t least = columns->at[ROLLUP_MIN][place];
	uint64_t count = (uint64_t)columns->at[ROLLUP_COUNT][place];
	wide_uint sum = (wide_uint)columns->at[ROLLUP_SUM][place], low = (wide_uint)(wide_int)least;

	return (struct sums_slice){
		.count = count,
		.min = least,
		.max = least + columns->at[ROLLUP_MAX][place],
		.first = least + columns->at[ROLLUP_FIRST][place],
		.last = least + columns->at[ROLLUP_LAST][place],
		.first_us = wrap_add(start_us, columns->at[ROLLUP_FIRST_US][place]),
		.last_us = wrap_add(start_us, columns->at[ROLLUP_LAST_US][place]),
		.first_number = columns->at[ROLLUP_FIRST_NUMBER][place],
		.last_number = columns->at[ROLLUP_LAST_NUMBER][place],
		.sum = (wide_int)(sum + count * low),
		.squares = (wide_uint)columns->at[ROLLUP_SQUARES][place] + 2 * low * sum + count * low * low,
		.scale = columns->scale,
	};
}

/* ---- others ---- */

static void read_limbs(struct byte_in *in, uint64_t *limbs, size_t count)
{
	uint64_t head = in_varint(in);
	uint64_t sign = head & 1 ? UINT64_MAX : 0;

	if (head >> 1 > count || (head >> 1) * sizeof(*limbs) > in_left(in)) {
		in->bad = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		limbs[i] = sign;
		if (i < head >> 1) {
			limbs[i] = word_load(in->at);
			in->at += sizeof(*limbs);
		}
	}
}

static double read_double(struct byte_in *in)
{
	double value = 0.0;

	if (in_left(in) < sizeof(value)) {
		in->bad = true;
		return value;
	}
	uint64_t bits = word_load(in->at);

	in->at += sizeof(bits);
	memcpy(&value, &bits, sizeof(value));
	if (!isfinite(value)) {
		in->bad = true;
		return 0.0;
	}
	return value;
}

static bool is_nothing(const uint64_t *limbs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (limbs[i])
			return false;
	return true;
}

#define WIDE_LIMBS_ROOM 80u

static enum err_code read_wide(struct byte_in *in, struct series_sums *sums, struct error *err)
{
	uint64_t sum[WIDE_LIMBS_ROOM] = {0}, squares[WIDE_LIMBS_ROOM] = {0};
	struct sums_limbs limbs;

	read_limbs(in, sum, WIDE_LIMBS_ROOM);
	read_limbs(in, squares, WIDE_LIMBS_ROOM);
	if (in->bad || (is_nothing(sum, WIDE_LIMBS_ROOM) && is_nothing(squares, WIDE_LIMBS_ROOM)))
		return ERR_OK;
	enum err_code code = sums_wide_make(sums, &limbs, err);

	if (code)
		return code;
	memcpy(limbs.sum, sum, limbs.sum_count * sizeof(*sum));
	memcpy(limbs.squares, squares, limbs.squares_count * sizeof(*squares));
	return ERR_OK;
}

/* The next one; *index comes in as that of the one before. */
static enum err_code read_other(const struct series_rollup *rollup, struct byte_in *in, int64_t *index,
				struct series_sums *sums, struct error *err)
{
	uint64_t ahead = in_varint(in);
	enum err_code code = ERR_OK;

	if (in->bad || ahead > (uint64_t)(rollup->last - rollup->first) || rollup->first + (int64_t)ahead <= *index)
		return corrupt(err);
	*index = rollup->first + (int64_t)ahead;
	int64_t start_us = *index * rollup->period_us;

	sums->count = in_varint(in);
	sums->others = in_varint(in);
	if (sums->count > 0) {
		sums->min = read_double(in);
		sums->max = read_double(in);
		sums->first = read_double(in);
		sums->last = read_double(in);
		sums->first_us = wrap_add(start_us, in_signed(in));
		sums->last_us = wrap_add(start_us, in_signed(in));
		sums->first_number = in_signed(in);
		sums->last_number = in_signed(in);
		sums->scale = in_byte(in);
		if (sums->scale > SERIES_SCALE_MAX) {
			sums->scale = 0;
			in->bad = true;
		}
		read_limbs(in, sums->sum, SERIES_SUM_LIMBS);
		read_limbs(in, sums->squares, SERIES_SQUARES_LIMBS);
		code = read_wide(in, sums, err);
	}
	return in->bad ? corrupt(err) : code;
}

/* ---- all ---- */

static struct byte_in inner(const struct series_rollup *rollup)
{
	const uint8_t *at = (const uint8_t *)rollup->bytes.at;

	return (struct byte_in){at + rollup->plain_at, at + (rollup->bytes.len - SLACK_BYTES), false};
}

static void put_plain(const struct series_rollup *rollup, const struct plain_columns *columns, uint32_t place,
		      struct series_bucket *bucket)
{
	struct sums_slice slice = slice_of(rollup, columns, place);

	bucket->index = rollup->first + columns->at[ROLLUP_INDEX][place];
	if (slice.count > 0)
		sums_add_slice(&bucket->sums, &slice);
	bucket->sums.others += (uint64_t)columns->at[ROLLUP_OTHERS][place];
}

enum err_code series_rollup_read(const struct series_rollup *rollup, struct arena *arena,
				 struct series_bucket **ret_buckets, struct error *err)
{
	struct series_bucket *buckets = arena_array(arena, struct series_bucket, rollup->count);
	struct plain_columns *columns = arena_new(arena, struct plain_columns);
	struct byte_in in = inner(rollup);
	uint32_t place = 0, done = 0, others = rollup->count - rollup->plain_count;
	int64_t index = INT64_MIN;

	if (!buckets || !columns)
		return err_set(err, ERR_MEMORY, "no memory for roll-ups");
	enum err_code code = read_columns(rollup, &in, columns, err);

	for (uint32_t i = 0; i < rollup->count; i++)
		series_sums_clear(&buckets[i].sums, arena);
	for (uint32_t i = 0; code == ERR_OK && i < others; i++) {
		struct series_sums sums;

		series_sums_clear(&sums, arena);
		code = read_other(rollup, &in, &index, &sums, err);
		if (code)
			break;
		while (place < rollup->plain_count && rollup->first + columns->at[ROLLUP_INDEX][place] < index)
			put_plain(rollup, columns, place++, &buckets[done++]);
		if (place < rollup->plain_count && rollup->first + columns->at[ROLLUP_INDEX][place] == index)
			return corrupt(err);
		buckets[done++] = (struct series_bucket){index, sums};
	}
	while (code == ERR_OK && place < rollup->plain_count)
		put_plain(rollup, columns, place++, &buckets[done++]);
	if (code == ERR_OK)
		*ret_buckets = buckets;
	return code;
}

/* ---- sums ---- */

size_t series_period_find(const struct series_periods *periods, int64_t us)
{
	size_t low = 0, high = periods->edge_count - 1;

	if (us < periods->edges[0] || us >= periods->edges[high])
		return high;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (periods->edges[middle] <= us)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct summing {
	const struct series_rollup *rollup;
	const struct series_periods *periods;
	void (*cut)(void *self, int64_t from_us, int64_t to_us);
	void *self;
	size_t period; /* that the last bucket lay in */
	struct sums_slice slice; /* what of it has not been added yet: count 0, nothing */
	struct error *err;
};

/* Does the bucket lie whole in one period? Then summing->period is its number. */
static bool place_bucket(struct summing *summing, int64_t index)
{
	const struct series_periods *periods = summing->periods;
	int64_t from_us = index * summing->rollup->period_us, to_us = from_us + summing->rollup->period_us;
	size_t last = periods->edge_count - 1, period = summing->period;

	if (to_us <= periods->edges[0] || from_us >= periods->edges[last])
		return false;
	/* Mostly the same one, or the next. */
	if (period < last && from_us >= periods->edges[period + 1])
		period++;
	if (period == last || from_us < periods->edges[period] || from_us >= periods->edges[period + 1])
		period = series_period_find(periods, from_us);
	if (period == last || to_us > periods->edges[period + 1]) {
		if (summing->cut)
			summing->cut(summing->self, from_us, to_us);
		return false;
	}
	summing->period = period;
	return true;
}

static void flush(struct summing *summing, size_t period)
{
	if (summing->slice.count > 0)
		sums_add_slice(&summing->periods->sums[period], &summing->slice);
	summing->slice.count = 0;
}

static void join(struct sums_slice *slice, const struct sums_slice *more)
{
	if (slice->count == 0) {
		*slice = *more;
		return;
	}
	/* Buckets come in the order of time. */
	slice->count += more->count;
	slice->min = more->min < slice->min ? more->min : slice->min;
	slice->max = more->max > slice->max ? more->max : slice->max;
	slice->last = more->last;
	slice->last_us = more->last_us;
	slice->last_number = more->last_number;
	slice->sum = (wide_int)((wide_uint)slice->sum + (wide_uint)more->sum);
	slice->squares += more->squares;
}

static void sum_plain(struct summing *summing, const struct plain_columns *columns)
{
	const struct series_rollup *rollup = summing->rollup;
	size_t period = summing->period;

	for (uint32_t i = 0; i < rollup->plain_count; i++) {
		struct sums_slice slice;

		if (!place_bucket(summing, rollup->first + columns->at[ROLLUP_INDEX][i]))
			continue;
		slice = slice_of(rollup, columns, i);
		/* So many numbers fit the integers. */
		if (summing->period != period || summing->slice.count + slice.count >= ROLLUP_COUNT_MAX)
			flush(summing, period);
		period = summing->period;
		if (slice.count > 0)
			join(&summing->slice, &slice);
		summing->periods->sums[period].others += (uint64_t)columns->at[ROLLUP_OTHERS][i];
	}
	flush(summing, period);
}

enum err_code series_rollup_sum(const struct series_rollup *rollup, const struct series_periods *periods,
				void (*cut)(void *self, int64_t from_us, int64_t to_us), void *self,
				struct arena *scratch, struct error *err)
{
	struct summing summing = {
		.rollup = rollup, .periods = periods, .cut = cut, .self = self, .period = periods->edge_count - 1};
	struct plain_columns *columns = arena_new(scratch, struct plain_columns);
	struct byte_in in = inner(rollup);
	int64_t index = INT64_MIN;

	if (!columns)
		return err_set(err, ERR_MEMORY, "no memory for roll-ups");
	enum err_code code = read_columns(rollup, &in, columns, err);

	if (code == ERR_OK)
		sum_plain(&summing, columns);
	for (uint32_t i = rollup->plain_count; code == ERR_OK && i < rollup->count; i++) {
		struct series_sums sums;

		series_sums_clear(&sums, scratch);
		code = read_other(rollup, &in, &index, &sums, err);
		if (code == ERR_OK && place_bucket(&summing, index))
			code = series_sums_merge(&periods->sums[summing.period], &sums, err);
	}
	return code;
}
