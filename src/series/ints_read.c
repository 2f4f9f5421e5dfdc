/* Reading columns of integers: the head, and the values from their residuals. */
#include "series/ints_int.h"

#include "series/ints_format_int.h"

#include <assert.h>

bool ints_are_regular(const struct ints *ints, int64_t *ret_step)
{
	if (ints->coding != CODING_CONSTANT || ints->transform > INTS_DELTA)
		return false;
	if (ints->transform == INTS_RAW && ints->centre != 0)
		return false;
	*ret_step = (int64_t)((uint64_t)ints->centre * ints->step);
	return true;
}

/* A column of equal steps says its range without words, but one that wraps around has none. */
static bool regular_range(struct ints *ints, int64_t step)
{
	int64_t way;

	if (__builtin_mul_overflow(step, (int64_t)(ints->count - 1), &way) ||
	    __builtin_add_overflow(ints->first, way, &ints->last))
		return false;
	ints->min = way < 0 ? ints->last : ints->first;
	ints->max = way < 0 ? ints->first : ints->last;
	return true;
}

bool ints_open(struct byte_in in, uint32_t count, int64_t base, struct ints *ret)
{
	uint8_t head = in_byte(&in);
	int64_t step;

	*ret = (struct ints){.count = count, .step = 1};
	ret->transform = head & HEAD_TRANSFORM;
	ret->coding = head >> HEAD_CODING_SHIFT & HEAD_CODING;
	ret->has_range = head & HEAD_RANGE;
	ret->first = wrap_add(base, in_signed(&in));
	if (head & HEAD_STEP)
		ret->step = in_varint(&in);
	if (ret->transform == INTS_BEND)
		ret->slope = in_signed(&in);
	if (head & HEAD_CENTRE)
		ret->centre = in_signed(&in);
	if (ret->has_range) {
		ret->last = wrap_add(ret->first, in_signed(&in));
		ret->min = (int64_t)((uint64_t)ret->first - in_varint(&in));
		ret->max = (int64_t)((uint64_t)ret->first + in_varint(&in));
	}
	ret->section = in;
	if (in.bad || head > HEAD_ALL || (count <= 2 && ret->transform == INTS_BEND))
		return false;
	if (ints_are_regular(ret, &step) && !ret->has_range)
		ret->has_range = regular_range(ret, step);
	return true;
}

static inline __attribute__((always_inline)) int64_t residual_at(const struct residuals *residuals, bool narrow,
								 uint32_t i)
{
	return narrow ? residuals->narrow[i] : residuals->wide[i];
}

/* The values from their residuals; wide ones may lie where the values will, each behind the one being written. */
static inline __attribute__((always_inline)) void rebuild(const struct ints *ints, const struct residuals *residuals,
							  bool narrow, int64_t *ret)
{
	uint64_t step = ints->step, centre = (uint64_t)ints->centre, value = (uint64_t)ints->first, slope;
	uint32_t count = ints->count;

	ret[0] = ints->first;
	switch (ints->transform) {
	case INTS_RAW:
		for (uint32_t i = 1; i < count; i++)
			ret[i] = (int64_t)(value + step * (centre + (uint64_t)residual_at(residuals, narrow, i - 1)));
		break;
	case INTS_DELTA:
		for (uint32_t i = 1; i < count; i++) {
			value += step * (centre + (uint64_t)residual_at(residuals, narrow, i - 1));
			ret[i] = (int64_t)value;
		}
		break;
	case INTS_BEND:
		slope = step * (uint64_t)ints->slope;
		value += slope;
		ret[1] = (int64_t)value;
		for (uint32_t i = 2; i < count; i++) {
			slope += step * (centre + (uint64_t)residual_at(residuals, narrow, i - 2));
			value += slope;
			ret[i] = (int64_t)value;
		}
		break;
	case INTS_XOR:
		for (uint32_t i = 1; i < count; i++) {
			int64_t residual = wrap_add((int64_t)centre, residual_at(residuals, narrow, i - 1));

			value ^= zigzag(residual) * step;
			ret[i] = (int64_t)value;
		}
		break;
	}
}

/* The values less a base, modulo 2³², from narrow residuals: half the memory, and twice as many a vector. */
static void rebuild_low(const struct ints *ints, const int32_t *residuals, uint32_t base, uint32_t *ret)
{
	uint32_t step = (uint32_t)ints->step, centre = (uint32_t)ints->centre, slope, count = ints->count;
	uint32_t value = (uint32_t)ints->first - base;

	ret[0] = value;
	switch (ints->transform) {
	case INTS_RAW:
		for (uint32_t i = 1; i < count; i++)
			ret[i] = value + step * (centre + (uint32_t)residuals[i - 1]);
		break;
	case INTS_DELTA:
		for (uint32_t i = 1; i < count; i++) {
			value += step * (centre + (uint32_t)residuals[i - 1]);
			ret[i] = value;
		}
		break;
	default:
		slope = step * (uint32_t)ints->slope;
		value += slope;
		ret[1] = value;
		for (uint32_t i = 2; i < count; i++) {
			slope += step * (centre + (uint32_t)residuals[i - 2]);
			value += slope;
			ret[i] = value;
		}
		break;
	}
}

/* Values at the front that are not residuals. */
static uint32_t values_before(const struct ints *ints)
{
	return ints->transform == INTS_BEND ? 2 : 1;
}

static bool take_residuals(const struct ints *ints, struct residuals *residuals)
{
	struct byte_in section = ints->section;
	uint32_t before = values_before(ints);

	if (ints->count <= before && ints->coding != CODING_CONSTANT)
		return false;
	return residuals_read(&section, ints->coding, ints->count - before, residuals);
}

static bool read_regular(const struct ints *ints, int64_t step, int64_t *ret_values)
{
	for (uint32_t i = 0; i < ints->count; i++)
		ret_values[i] = (int64_t)((uint64_t)ints->first + i * (uint64_t)step);
	return in_left(&ints->section) == 0;
}

bool ints_read(const struct ints *ints, int64_t *ret_values)
{
	struct residuals residuals;
	int64_t step;

	if (ints_are_regular(ints, &step))
		return read_regular(ints, step, ret_values);
	residuals.wide = ret_values + values_before(ints);
	if (!take_residuals(ints, &residuals))
		return false;
	if (residuals.is_narrow)
		rebuild(ints, &residuals, true, ret_values);
	else
		rebuild(ints, &residuals, false, ret_values);
	return true;
}

bool ints_read_low(const struct ints *ints, int64_t base, uint32_t *ret_values)
{
	int64_t values[SERIES_POINTS_MAX];
	struct residuals residuals;
	int64_t step;
	bool regular = ints_are_regular(ints, &step);

	residuals.wide = values + values_before(ints);
	if (regular ? !read_regular(ints, step, values) : !take_residuals(ints, &residuals))
		return false;
	if (!regular && residuals.is_narrow && ints->transform != INTS_XOR) {
		rebuild_low(ints, residuals.narrow, (uint32_t)base, ret_values);
		return true;
	}
	if (!regular && residuals.is_narrow)
		rebuild(ints, &residuals, true, values);
	else if (!regular)
		rebuild(ints, &residuals, false, values);
	for (uint32_t i = 0; i < ints->count; i++)
		ret_values[i] = (uint32_t)((uint64_t)values[i] - (uint64_t)base);
	return true;
}
