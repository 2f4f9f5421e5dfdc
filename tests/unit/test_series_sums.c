/* Exact sums and the numbers that they are of.
 *
 * Sums are held against hand calculations, __int128, and a plain arithmetic of decimal digits in which every double is
 * written out whole; what order and grouping do is tried with shuffled numbers. */
#include "series_util.h"

#include <float.h>

static struct arena arena;
static struct error err;

/* ---- texts ---- */

static bool reads(const char *text, int64_t mantissa, uint8_t scale, bool trimmed)
{
	struct series_number number;
	char buffer[SERIES_NUMBER_BYTES];
	struct str whole = str_from(text);

	return series_number_read(whole, &number) && number.mantissa == mantissa && number.scale == scale &&
	       number.trimmed == trimmed && str_eq(series_decimal_write(mantissa, scale, !trimmed, buffer), whole);
}

static void decimals_are_texts(void)
{
	static const char *const not_kept[] = {"",
					       "-",
					       "-0",
					       "-0.0",
					       "1e5",
					       "1E5",
					       "01",
					       "-01",
					       "00",
					       ".5",
					       "5.",
					       "1.2.3",
					       "+1",
					       " 1",
					       "1 ",
					       "0x1",
					       "1e-3",
					       "NaN",
					       "9223372036854775808",
					       "-9223372036854775809",
					       "1000000000000000.0",
					       "1234567890.123456",
					       "0.0000000000000001",
					       "99999999999999999999",
					       "1..2",
					       "--1"};

	CHECK(reads("0", 0, 0, true));
	CHECK(reads("0.0", 0, 1, false));
	CHECK(reads("0.000000000000000", 0, 15, false));
	CHECK(reads("27.3", 273, 1, true));
	CHECK(reads("-27.3", -273, 1, true));
	CHECK(reads("230.10", 23010, 2, false));
	CHECK(reads("1.50", 150, 2, false));
	CHECK(reads("100", 100, 0, true));
	CHECK(reads("-0.5", -5, 1, true));
	CHECK(reads("0.000000000000001", 1, 15, true));
	CHECK(reads("99999999999999.9", SERIES_MANTISSA_MAX, 1, true));
	CHECK(reads("-0.999999999999999", -SERIES_MANTISSA_MAX, 15, true));
	CHECK(reads("9223372036854775807", INT64_MAX, 0, true));
	CHECK(reads("-9223372036854775808", INT64_MIN, 0, true));
	CHECK(reads("9007199254740993", 9007199254740993, 0, true));
	for (size_t i = 0; i < sizeof(not_kept) / sizeof(*not_kept); i++) {
		struct series_number number;

		if (!CHECK(!series_number_read(str_from(not_kept[i]), &number)))
			printf("# %s\n", not_kept[i]);
	}
}

static void decimals_change_scale(void)
{
	int64_t mantissa;
	char buffer[SERIES_NUMBER_BYTES];

	CHECK(series_number_rescale(273, 1, 3, &mantissa) && mantissa == 27300);
	CHECK(series_number_rescale(-27300, 3, 1, &mantissa) && mantissa == -273);
	CHECK(!series_number_rescale(27301, 3, 1, &mantissa));
	CHECK(!series_number_rescale(SERIES_MANTISSA_MAX, 1, 2, &mantissa));
	CHECK(!series_number_rescale(INT64_MAX, 0, 1, &mantissa));
	CHECK(series_number_rescale(INT64_MIN, 0, 0, &mantissa) && mantissa == INT64_MIN);
	/* Without zeros at the end when it is not fixed. */
	CHECK_STR(series_decimal_write(27300, 3, false, buffer), STR("27.3"));
	CHECK_STR(series_decimal_write(27300, 3, true, buffer), STR("27.300"));
	CHECK_STR(series_decimal_write(-1000, 3, false, buffer), STR("-1"));
	CHECK_STR(series_decimal_write(0, 3, false, buffer), STR("0"));
	CHECK_STR(series_decimal_write(-5, 3, true, buffer), STR("-0.005"));
	CHECK_STR(series_decimal_write(INT64_MIN, 0, true, buffer), STR("-9223372036854775808"));
}

/* Samples of RFC 8785, appendix B (ECMAScript's texts of doubles), and its bits. */
static void doubles_are_texts(void)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} samples[] = {{0x0000000000000001, "5e-324"},
		       {0x8000000000000001, "-5e-324"},
		       {0x7fefffffffffffff, "1.7976931348623157e+308"},
		       {0xffefffffffffffff, "-1.7976931348623157e+308"},
		       {0x4340000000000000, "9007199254740992"},
		       {0xc340000000000000, "-9007199254740992"},
		       {0x4430000000000000, "295147905179352830000"},
		       {0x44b52d02c7e14af5, "9.999999999999997e+22"},
		       {0x44b52d02c7e14af6, "1e+23"},
		       {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		       {0x444b1ae4d6e2ef4e, "999999999999999700000"},
		       {0x444b1ae4d6e2ef4f, "999999999999999900000"},
		       {0x444b1ae4d6e2ef50, "1e+21"},
		       {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		       {0x3eb0c6f7a0b5ed8d, "0.000001"},
		       {0x41b3de4355555553, "333333333.3333332"},
		       {0x41b3de4355555554, "333333333.33333325"},
		       {0x41b3de4355555555, "333333333.3333333"},
		       {0x41b3de4355555556, "333333333.3333334"},
		       {0x41b3de4355555557, "333333333.33333343"},
		       {0xbecbf647612f3696, "-0.0000033333333333333333"},
		       {0x43143ff3c1cb0959, "1424953923781206.2"},
		       {0x3ff0000000000000, "1"},
		       {0x3fb999999999999a, "0.1"},
		       {0x3fd3333333333334, "0.30000000000000004"},
		       {0x8000000000000000, "-0"}};
	char buffer[SERIES_NUMBER_BYTES];
	double value, back;

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		memcpy(&value, &samples[i].bits, sizeof(value));
		CHECK_STR(series_double_write(value, buffer), str_from(samples[i].text));
		CHECK(series_double_read(str_from(samples[i].text), &back) && same_bits(value, back));
	}
	CHECK(!series_double_read(STR("1.0"), &back));
	CHECK(!series_double_read(STR("1e5"), &back));
	CHECK(!series_double_read(STR("1e999"), &back));
	CHECK(!series_double_read(STR("0.10000000000000001"), &back));
	CHECK(!series_double_read(STR(""), &back));
	uint64_t state = 1;

	for (unsigned i = 0; i < 5000; i++) {
		uint64_t bits = draw(&state);

		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			CHECK(series_double_read(series_double_write(value, buffer), &back) && same_bits(value, back));
	}
}

/* ---- sums, by hand ---- */

static struct series_sums sums_of(const char *const *texts, size_t count)
{
	struct series_sums sums;

	series_sums_clear(&sums, &arena);
	for (size_t i = 0; i < count; i++)
		CHECK_OK(series_sums_add_text(&sums, (int64_t)i, (int64_t)i, str_from(texts[i]), &err), &err);
	return sums;
}

#define SUMS_OF(...)                                                                                                   \
	sums_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void sums_by_hand(void)
{
	struct series_sums sums = SUMS_OF("0.1", "0.2");

	CHECK(series_sums_sum(&sums) == 0.3 && series_sums_avg(&sums) == 0.15 && series_sums_sumsq(&sums) == 0.05);
	CHECK(series_sums_stddev(&sums) == 0.05);
	sums = SUMS_OF("2", "4", "4", "4", "5", "5", "7", "9");
	CHECK(sums.count == 8 && sums.min == 2 && sums.max == 9 && sums.first == 2 && sums.last == 9);
	CHECK(series_sums_sum(&sums) == 40 && series_sums_avg(&sums) == 5 && series_sums_sumsq(&sums) == 232);
	CHECK(series_sums_stddev(&sums) == 2);
	/* 1e300 takes all but the last place of 1 away from a plain sum. */
	sums = SUMS_OF("1e300", "1", "-1e300");
	CHECK(series_sums_sum(&sums) == 1 && series_sums_avg(&sums) == 1.0 / 3);
	sums = SUMS_OF("9223372036854775807", "9223372036854775807", "-9223372036854775808");
	CHECK(series_sums_sum(&sums) == 9223372036854775806.0);
	sums = SUMS_OF("1.7976931348623157e308", "1.7976931348623157e308");
	CHECK(isinf(series_sums_sum(&sums)) && series_sums_avg(&sums) == DBL_MAX);
	CHECK(isinf(series_sums_sumsq(&sums)) && series_sums_stddev(&sums) == 0);
	sums = SUMS_OF("5e-324", "5e-324", "0");
	CHECK(series_sums_sum(&sums) == 1e-323 && series_sums_avg(&sums) == 5e-324 && series_sums_sumsq(&sums) == 0);
	sums = SUMS_OF("true", "false", "true", "\"x\"", "null", "[1]", "{}", "-0");
	CHECK(sums.count == 4 && sums.others == 4 && series_sums_sum(&sums) == 2 && series_sums_avg(&sums) == 0.5);
	CHECK(!signbit(sums.min) && !signbit(sums.last));
	sums = SUMS_OF("-1.5", "0.5");
	CHECK(series_sums_sum(&sums) == -1 && series_sums_avg(&sums) == -0.5 && series_sums_stddev(&sums) == 1);
	series_sums_clear(&sums, &arena);
	CHECK(sums.count == 0 && series_sums_sum(&sums) == 0 && series_sums_avg(&sums) == 0);
	CHECK(series_sums_sumsq(&sums) == 0 && series_sums_stddev(&sums) == 0);
}

/* A number is the same however it comes. */
static void one_number_in_all_ways(void)
{
	static const char *const texts[] = {"0.1",    "0.10",   "1e-1",
					    "0.1000", "1.0e-1", "0.1000000000000000055511151231257827"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct series_sums sums = SUMS_OF(texts[i], "0.2");

		CHECK(series_sums_sum(&sums) == 0.3 && !sums.wide);
		series_sums_clear(&sums, &arena);
		CHECK_OK(series_sums_add_double(&sums, 0, 0, 0.1, &err), &err);
		series_sums_add_decimal(&sums, 1, 1, 2, 1);
		CHECK(series_sums_sum(&sums) == 0.3);
	}
}

/* Zeros behind the last digit change the unit that sums are kept in, and nothing else. */
static void scales_make_no_difference(void)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct series_sums sums[3], merged;
		uint64_t state = seed;

		for (unsigned i = 0; i < 3; i++)
			series_sums_clear(&sums[i], &arena);
		for (int64_t i = 0; i < 50; i++) {
			int64_t mantissa = draw_bell(&state, 1 << (4 + seed % 20)), longer = mantissa * 1000;

			series_sums_add_decimal(&sums[0], i, i, mantissa, 2);
			series_sums_add_decimal(&sums[1], i, i, longer, 5);
			series_sums_add_decimal(&sums[2], i, i, i % 3 ? mantissa : longer, i % 3 ? 2 : 5);
			if (seed % 2 == 0)
				for (unsigned k = 0; k < 3; k++)
					CHECK_OK(series_sums_add_double(&sums[k], i, i, 1.0 / (double)(i + 3), &err),
						 &err);
		}
		series_sums_clear(&merged, &arena);
		for (unsigned i = 0; i < 2; i++)
			CHECK_OK(series_sums_merge(&merged, &sums[(seed + i) % 3], &err), &err);
		for (unsigned i = 1; i < 3; i++) {
			CHECK(series_sums_sum(&sums[0]) == series_sums_sum(&sums[i]));
			CHECK(series_sums_avg(&sums[0]) == series_sums_avg(&sums[i]));
			CHECK(series_sums_sumsq(&sums[0]) == series_sums_sumsq(&sums[i]));
			CHECK(series_sums_stddev(&sums[0]) == series_sums_stddev(&sums[i]));
		}
		CHECK(series_sums_sum(&merged) == 2 * series_sums_sum(&sums[0]));
		CHECK(series_sums_stddev(&merged) == series_sums_stddev(&sums[0]));
	}
}

static void first_and_last(void)
{
	struct series_sums sums;

	series_sums_clear(&sums, &arena);
	series_sums_add_decimal(&sums, 10, 5, 1, 0);
	series_sums_add_decimal(&sums, 10, 3, 2, 0);
	series_sums_add_decimal(&sums, 10, 9, 3, 0);
	series_sums_add_decimal(&sums, 10, 7, 4, 0);
	CHECK(sums.first == 2 && sums.first_number == 3 && sums.last == 3 && sums.last_number == 9);
	series_sums_add_decimal(&sums, 11, 1, 5, 0);
	series_sums_add_decimal(&sums, 9, 100, 6, 0);
	CHECK(sums.first == 6 && sums.first_us == 9 && sums.last == 5 && sums.last_us == 11);
}

/* ---- sums of many, against other arithmetic ---- */

__extension__ typedef __int128 wide;

/* Fixed point in decimal digits: enough behind the point for any double and any square of one. */
#define DIGITS_BEFORE 330
#define DIGITS_BEHIND 1100
#define DIGITS (DIGITS_BEFORE + DIGITS_BEHIND)

struct digits {
	int32_t at[DIGITS]; /* the highest first; may be beyond 9 until they are carried */
};

static void digits_add(struct digits *sum, double value)
{
	static char text[DIGITS + 10];
	int sign = value < 0 ? -1 : 1;

	(void)snprintf(text, sizeof(text), "%0*.*f", DIGITS + 1, DIGITS_BEHIND, fabs(value));
	for (int i = 0, at = 0; text[i]; i++)
		if (text[i] != '.')
			sum->at[at++] += sign * (text[i] - '0');
}

/* The nearest double of the sum. */
static double digits_value(const struct digits *sum)
{
	static char text[DIGITS + 10];
	struct digits carried = *sum;
	bool negative = false;
	double value = 0;

	for (unsigned round = 0; round < 2; round++) {
		int32_t carry = 0;

		for (int i = DIGITS; i-- > 0;) {
			int32_t digit = carried.at[i] + carry;

			carry = digit >= 0 ? digit / 10 : -((9 - digit) / 10);
			carried.at[i] = digit - carry * 10;
		}
		if (carry == 0)
			break;
		/* It was negative: all turned round, once more. */
		negative = true;
		for (int i = 0; i < DIGITS; i++)
			carried.at[i] = -sum->at[i];
	}
	for (int i = 0, at = 0; i < DIGITS; i++) {
		if (i == DIGITS_BEFORE)
			text[at++] = '.';
		text[at++] = (char)('0' + carried.at[i]);
		text[at] = '\0';
	}
	value = strtod(text, NULL);
	return negative ? -value : value;
}

static double any_double(uint64_t *state, unsigned kind)
{
	uint64_t bits = draw(state);
	double value;

	if (kind == 0)
		return (double)draw_bell(state, 1000000) / 100;
	if (kind == 1)
		return (double)draw_bell(state, 1 << 30) / 7;
	/* Exponents of a narrow range, or of nearly all. */
	bits = (bits & 0x800fffffffffffff) |
	       (uint64_t)(kind == 2 ? 1000 + draw_below(state, 40) : draw_below(state, 2040)) << 52;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void sums_of_doubles_are_exact(void)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		static struct digits exact;
		struct series_sums sums;
		uint64_t state = seed;

		memset(&exact, 0, sizeof(exact));
		series_sums_clear(&sums, &arena);
		for (unsigned i = 0; i < 40; i++) {
			double value = any_double(&state, (unsigned)seed % 4);
			char buffer[SERIES_NUMBER_BYTES];
			struct series_number number;

			/* Decimals are left to the next test. */
			if (series_number_read(series_double_write(value, buffer), &number) && number.scale > 0)
				value = floor(value);
			CHECK_OK(series_sums_add_double(&sums, i, i, value, &err), &err);
			digits_add(&exact, value);
		}
		CHECK(series_sums_sum(&sums) == digits_value(&exact));
	}
}

static void sums_of_decimals_are_exact(void)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		wide sum = 0, squares = 0;
		struct series_sums sums;
		uint64_t state = seed;
		uint8_t scale = (uint8_t)draw_below(&state, 7);
		uint32_t count = 1 + (uint32_t)draw_below(&state, 300);
		long double unit = powl(10, scale);

		series_sums_clear(&sums, &arena);
		for (uint32_t i = 0; i < count; i++) {
			int64_t mantissa = draw_bell(&state, 1 << (seed % 26));

			series_sums_add_decimal(&sums, i, i, mantissa, scale);
			sum += mantissa;
			squares += (wide)mantissa * mantissa;
		}
		/* Both fit 64 bits; long double holds them whole, and rounds the quotient to 64 bits: rounding that to
		 * a double errs by half a unit in the last place and a little. */
		double by_hand = (double)((long double)(int64_t)sum / unit);

		CHECK_NEAR(series_sums_sum(&sums), by_hand, fabs(by_hand) * DBL_EPSILON / 2);
		by_hand = (double)((long double)(int64_t)squares / (unit * unit));
		CHECK_NEAR(series_sums_sumsq(&sums), by_hand, fabs(by_hand) * DBL_EPSILON / 2);
		by_hand = (double)((long double)(int64_t)sum / unit / count);
		CHECK_NEAR(series_sums_avg(&sums), by_hand, fabs(by_hand) * DBL_EPSILON);
		/* n Σx² − (Σx)² is exact in __int128. */
		long double spread = sqrtl((long double)(count * squares - sum * sum)) / count / unit;

		CHECK_NEAR(series_sums_stddev(&sums), (double)spread, (double)spread * 3 * DBL_EPSILON);
	}
}

struct point {
	int64_t at_us, number;
	double value;
};

static void shuffle(struct point *points, uint32_t count, uint64_t *state)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t k = (uint32_t)draw_below(state, i);
		struct point point = points[i - 1];

		points[i - 1] = points[k];
		points[k] = point;
	}
}

/* Adds the points as they stand, cut into groups that are merged in any order. */
static struct series_sums grouped(const struct point *points, uint32_t count, uint64_t *state)
{
	struct series_sums groups[5], all;

	series_sums_clear(&all, &arena);
	for (unsigned i = 0; i < 5; i++)
		series_sums_clear(&groups[i], &arena);
	for (uint32_t i = 0; i < count; i++)
		CHECK_OK(series_sums_add_double(&groups[(size_t)draw_below(state, 5)], points[i].at_us,
						points[i].number, points[i].value, &err),
			 &err);
	for (unsigned i = 0; i < 5; i++)
		CHECK_OK(series_sums_merge(&all, &groups[i], &err), &err);
	return all;
}

static void order_makes_no_difference(void)
{
	static struct point points[200];

	for (uint64_t seed = 0; seed < 40; seed++) {
		uint64_t state = seed;
		struct series_sums first, other;

		arena_clear(&arena);
		for (unsigned i = 0; i < 200; i++)
			points[i] = (struct point){draw_below(&state, 50), i,
						   any_double(&state, (unsigned)draw_below(&state, 4))};
		first = grouped(points, 200, &state);
		for (unsigned round = 0; round < 5; round++) {
			shuffle(points, 200, &state);
			other = grouped(points, 200, &state);
			CHECK(series_sums_sum(&first) == series_sums_sum(&other));
			CHECK(series_sums_avg(&first) == series_sums_avg(&other));
			CHECK(series_sums_sumsq(&first) == series_sums_sumsq(&other));
			CHECK(series_sums_stddev(&first) == series_sums_stddev(&other));
			CHECK(first.min == other.min && first.max == other.max && first.count == other.count);
			CHECK(first.first == other.first && first.last == other.last);
			CHECK(memcmp(first.sum, other.sum, sizeof(first.sum)) == 0);
		}
	}
}

static void no_memory_is_an_answer(void)
{
	struct series_sums sums;
	struct arena none;

	arena_init(&none, 10);
	series_sums_clear(&sums, &none);
	series_sums_add_decimal(&sums, 0, 0, 5, 1);
	CHECK(series_sums_add_double(&sums, 0, 0, 1.0 / 3, &err) == ERR_MEMORY);
	CHECK(sums.count == 1 && series_sums_sum(&sums) == 0.5);
	arena_done(&none);
}

int main(void)
{
	arena_init(&arena, (size_t)256 << 20);
	RUN(decimals_are_texts);
	RUN(decimals_change_scale);
	RUN(doubles_are_texts);
	RUN(sums_by_hand);
	RUN(one_number_in_all_ways);
	RUN(scales_make_no_difference);
	RUN(first_and_last);
	RUN(sums_of_doubles_are_exact);
	RUN(sums_of_decimals_are_exact);
	RUN(order_makes_no_difference);
	RUN(no_memory_is_an_answer);
	arena_done(&arena);
	return check_done();
}
