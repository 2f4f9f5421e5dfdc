/* What the tests of the series room share: a generator, patterns of columns, points in arrays of their own. */
#ifndef MACHI_TESTS_SERIES_UTIL_H
#define MACHI_TESTS_SERIES_UTIL_H

#include "series/block.h"

#include "check.h"

#include <string.h>

/* splitmix64, from its public description. */
static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline int64_t draw_below(uint64_t *state, uint64_t limit)
{
	return (int64_t)(draw(state) % limit);
}

/* −0 is not 0 here. */
static inline bool same_bits(double a, double b)
{
	uint64_t x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x == y;
}

/* A bell, roughly: the sum of four dice around 0. */
static inline int64_t draw_bell(uint64_t *state, uint64_t width)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		sum += draw_below(state, width) - (int64_t)(width / 2);
	return sum;
}

enum pattern {
	PATTERN_CONSTANT,
	PATTERN_STEPS, /* equal ones */
	PATTERN_JITTER, /* equal steps, a little off */
	PATTERN_WALK, /* small steps: coded, plain */
	PATTERN_WIDE_WALK, /* steps of some hundreds: extra bits */
	PATTERN_HUGE_WALK, /* steps of 40 bits: wide values */
	PATTERN_SPIKES, /* around a value, rarely far off */
	PATTERN_LEVEL, /* around a value */
	PATTERN_FEW, /* three values, far from each other */
	PATTERN_RUNS,
	PATTERN_CURVE, /* second differences are small */
	PATTERN_MULTIPLES, /* of a large number, and an offset */
	PATTERN_ANY, /* 64 random bits */
	PATTERN_LIMITS, /* INT64_MIN and INT64_MAX */
	PATTERN_COUNT
};

/* `most` bounds the magnitude of all values, where it is not 0. */
static inline void fill_pattern(enum pattern pattern, uint64_t *state, int64_t *values, uint32_t count, int64_t most)
{
	int64_t start = draw_bell(state, 1 << 20), step = draw_bell(state, 1000), value = start;

	for (uint32_t i = 0; i < count; i++) {
		switch (pattern) {
		case PATTERN_CONSTANT:
			break;
		case PATTERN_STEPS:
			value += step;
			break;
		case PATTERN_JITTER:
			value = start + (int64_t)i * step + draw_bell(state, 3);
			break;
		case PATTERN_WALK:
			value += draw_bell(state, 6);
			break;
		case PATTERN_WIDE_WALK:
			value += draw_bell(state, 500);
			break;
		case PATTERN_HUGE_WALK:
			value += draw_bell(state, UINT64_C(1) << (most ? 20 : 40));
			break;
		case PATTERN_SPIKES:
			value = start + draw_bell(state, 6) + (draw_below(state, 50) == 0 ? 1 << 30 : 0);
			break;
		case PATTERN_LEVEL:
			value = start + draw_bell(state, 8);
			break;
		case PATTERN_FEW:
			value = start + draw_below(state, 3) * 1000003;
			break;
		case PATTERN_RUNS:
			value = draw_below(state, 60) == 0 ? draw_bell(state, 100000) : value;
			break;
		case PATTERN_CURVE:
			step += draw_bell(state, 3);
			value += step;
			break;
		case PATTERN_MULTIPLES:
			value = start + draw_below(state, 1000) * 1000000;
			break;
		case PATTERN_ANY:
			value = (int64_t)draw(state);
			break;
		default:
			value = draw_below(state, 2) ? INT64_MAX - draw_below(state, 2)
						     : INT64_MIN + draw_below(state, 2);
			break;
		}
		values[i] = most ? value % (most + 1) : value;
	}
}

/* Points whose arrays lie here. */
struct test_points {
	struct series_points points;
	int64_t at_us[SERIES_POINTS_MAX], numbers[SERIES_POINTS_MAX], created_us[SERIES_POINTS_MAX];
	int64_t modified_us[SERIES_POINTS_MAX], shapes[SERIES_POINTS_MAX], mantissas[SERIES_POINTS_MAX];
	double doubles[SERIES_POINTS_MAX];
	struct str texts[SERIES_POINTS_MAX], shape_texts[8];
	char bytes[SERIES_POINTS_MAX][24];
};

static inline void points_connect(struct test_points *test, enum series_kind kind, uint32_t count)
{
	test->points = (struct series_points){.kind = kind,
					      .count = count,
					      .at_us = test->at_us,
					      .number = {.at = test->numbers},
					      .created_us = {.at = test->created_us},
					      .modified_us = {.at = test->modified_us},
					      .shape = {.at = test->shapes},
					      .shapes = test->shape_texts,
					      .shape_count = 8,
					      .mantissas = test->mantissas,
					      .doubles = test->doubles,
					      .texts = test->texts};
}

/* Times that ascend, with some that are equal, numbers that tell those apart, and columns of any pattern. */
static inline void fill_times(struct test_points *test, uint32_t count, uint64_t *state)
{
	static const char *const shapes[8] = {"{}", "", "{\"unitCode\":\"C62\"}", "a", "b", "c", "d", "e"};
	int64_t at = (int64_t)(draw(state) >> 13), step = draw_below(state, 100) * 1000000;
	bool regular = draw_below(state, 2) == 0, any_equal = !regular && draw_below(state, 2);

	for (uint32_t i = 0; i < count; i++) {
		test->at_us[i] = at;
		/* Unique; any order where times differ. */
		test->numbers[i] = regular ? (int64_t)i * 7 : (int64_t)i * 4 + draw_below(state, 4);
		if (i > 0 && !any_equal && !regular && draw_below(state, 4) == 0)
			test->numbers[i] = -test->numbers[i];
		at += regular ? step : any_equal && draw_below(state, 3) == 0 ? 0 : draw_below(state, 1 << 20);
	}
	fill_pattern((enum pattern)draw_below(state, PATTERN_COUNT), state, test->created_us, count, 0);
	if (draw_below(state, 2))
		memcpy(test->modified_us, test->created_us, sizeof(test->modified_us));
	else
		fill_pattern((enum pattern)draw_below(state, PATTERN_COUNT), state, test->modified_us, count, 0);
	for (uint32_t i = 0; i < count; i++)
		test->shapes[i] = draw_below(state, 10) ? 2 : draw_below(state, 8);
	for (unsigned i = 0; i < 8; i++)
		test->shape_texts[i] = str_from(shapes[i]);
}

static inline bool same_column(const struct series_column *a, const struct series_column *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (series_column_get(a, i) != series_column_get(b, i))
			return false;
	return true;
}

static inline bool same_value(const struct series_points *a, const struct series_points *b, uint32_t i)
{
	switch (a->kind) {
	case SERIES_DOUBLE:
		return same_bits(a->doubles[i], b->doubles[i]);
	case SERIES_TEXT:
	case SERIES_RAW:
		return str_eq(a->texts[i], b->texts[i]);
	default:
		return a->mantissas[i] == b->mantissas[i];
	}
}

static inline bool same_points(const struct series_points *a, const struct series_points *b)
{
	bool same = a->kind == b->kind && a->scale == b->scale && a->count == b->count;

	same = same && same_column(&a->number, &b->number, a->count) &&
	       same_column(&a->created_us, &b->created_us, a->count) &&
	       same_column(&a->modified_us, &b->modified_us, a->count);
	for (uint32_t i = 0; same && i < a->count; i++)
		same = a->at_us[i] == b->at_us[i] && same_value(a, b, i) &&
		       str_eq(a->shapes[series_column_get(&a->shape, i)], b->shapes[series_column_get(&b->shape, i)]);
	return same;
}

#endif
