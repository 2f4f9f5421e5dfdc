/* Writing columns of integers: the transform is chosen by what its residuals would take. */
#include "series/ints_int.h"

#include "series/ints_format_int.h"

#include <assert.h>

struct choice {
	enum ints_transform transform;
	const int64_t *residuals;
	uint32_t count;
	struct residual_plan plan;
};

static uint64_t size_of(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The greatest number that all differences to the first are multiples of; 1 where one of them does not fit. */
static uint64_t find_step(const int64_t *values, uint32_t count)
{
	uint64_t step = 0;
	int64_t difference;

	for (uint32_t i = 1; i < count && step != 1; i++) {
		if (__builtin_sub_overflow(values[i], values[0], &difference))
			return 1;
		if (step == 0 || size_of(difference) % step != 0)
			step = common_divisor(size_of(difference), step);
	}
	return step;
}

/* The largest power of two that divides all patterns of differing bits. */
static uint64_t find_bit_step(const int64_t *values, uint32_t count)
{
	uint64_t any = 0;

	for (uint32_t i = 1; i < count; i++)
		any |= (uint64_t)values[i] ^ (uint64_t)values[i - 1];
	return any & (0 - any);
}

static bool steps_are_equal(const int64_t *values, uint32_t count)
{
	int64_t step = count > 1 ? wrap_sub(values[1], values[0]) : 0;

	for (uint32_t i = 2; i < count; i++)
		if (wrap_sub(values[i], values[i - 1]) != step)
			return false;
	return true;
}

static void write_regular(struct buf *out, const int64_t *values, uint32_t count, int64_t base)
{
	int64_t step = count > 1 ? wrap_sub(values[1], values[0]) : 0;

	out_byte(out, step != 0 ? INTS_DELTA | HEAD_CENTRE : INTS_RAW);
	out_signed(out, wrap_sub(values[0], base));
	if (step != 0)
		out_signed(out, step);
}

/* Takes the transform when its residuals are cheaper than those of the choice so far. */
static void consider(struct choice *best, enum ints_transform transform, const int64_t *residuals, uint32_t count)
{
	struct choice choice = {.transform = transform, .residuals = residuals, .count = count};

	residuals_plan(residuals, count, &choice.plan);
	if (!best->residuals || choice.plan.bits < best->plan.bits)
		*best = choice;
}

static void scale_down(const int64_t *values, uint32_t count, uint64_t step, int64_t *ret_y)
{
	for (uint32_t i = 0; i < count; i++)
		ret_y[i] = wrap_sub(values[i], values[0]);
	if (step != 1)
		for (uint32_t i = 0; i < count; i++)
			ret_y[i] /= (int64_t)step;
}

static void choose(const int64_t *values, uint32_t count, uint64_t step, bool bend, struct ints_work *work,
		   struct choice *ret_choice)
{
	int64_t *delta = work->residuals[0], *other = work->residuals[1];

	scale_down(values, count, step, work->y);
	for (uint32_t i = 1; i < count; i++)
		delta[i - 1] = wrap_sub(work->y[i], work->y[i - 1]);
	consider(ret_choice, INTS_RAW, work->y + 1, count - 1);
	consider(ret_choice, INTS_DELTA, delta, count - 1);
	if (bend && count > 2) {
		for (uint32_t i = 1; i + 1 < count; i++)
			other[i - 1] = wrap_sub(delta[i], delta[i - 1]);
		consider(ret_choice, INTS_BEND, other, count - 2);
	}
}

static void choose_xor(const int64_t *values, uint32_t count, uint64_t step, struct ints_work *work,
		       struct choice *ret_choice)
{
	int64_t *residuals = work->residuals[2];

	for (uint32_t i = 1; i < count; i++)
		residuals[i - 1] = unzigzag(((uint64_t)values[i] ^ (uint64_t)values[i - 1]) / step);
	consider(ret_choice, INTS_XOR, residuals, count - 1);
}

static void write_range(struct buf *out, const int64_t *values, uint32_t count)
{
	int64_t min = values[0], max = values[0];

	for (uint32_t i = 1; i < count; i++) {
		min = values[i] < min ? values[i] : min;
		max = values[i] > max ? values[i] : max;
	}
	out_signed(out, wrap_sub(values[count - 1], values[0]));
	out_varint(out, (uint64_t)values[0] - (uint64_t)min);
	out_varint(out, (uint64_t)max - (uint64_t)values[0]);
}

static void write_chosen(struct buf *out, const struct choice *choice, uint64_t step, const struct ints_work *work)
{
	if (step > 1)
		out_varint(out, step);
	if (choice->transform == INTS_BEND)
		out_signed(out, work->residuals[0][0]);
	if (choice->plan.centre != 0)
		out_signed(out, choice->plan.centre);
}

void ints_write(struct buf *out, const int64_t *values, uint32_t count, int64_t base, enum ints_kind kind,
		struct ints_work *work)
{
	struct choice choice = {.residuals = NULL};
	uint64_t step, bit_step;

	assert(count >= 1 && count <= SERIES_POINTS_MAX);
	if (steps_are_equal(values, count)) {
		write_regular(out, values, count, base);
		return;
	}
	step = find_step(values, count);
	choose(values, count, step, kind != INTS_OF_DOUBLES, work, &choice);
	if (kind == INTS_OF_DOUBLES) {
		bit_step = find_bit_step(values, count);
		choose_xor(values, count, bit_step, work, &choice);
		step = choice.transform == INTS_XOR ? bit_step : step;
	}
	bool range = kind == INTS_WITH_RANGE && count >= INTS_RANGE_FROM;

	out_byte(out,
		 (uint8_t)(choice.transform | choice.plan.coding << HEAD_CODING_SHIFT | (step > 1 ? HEAD_STEP : 0) |
			   (range ? HEAD_RANGE : 0) | (choice.plan.centre != 0 ? HEAD_CENTRE : 0)));
	out_signed(out, wrap_sub(values[0], base));
	write_chosen(out, &choice, step, work);
	if (range)
		write_range(out, values, count);
	residuals_write(out, choice.residuals, choice.count, &choice.plan, work->lanes);
}
