/* Downsampling: LTTB against a literal transcription of the thesis' pseudocode and small cases by hand; smallest and
 * largest per pixel against a search through all points for every pixel. */
#include "series_util.h"

#include "series/downsample.h"

#define COUNT 700u
#define PIXELS_MAX 60u

static int64_t at_us[COUNT];
static double values[COUNT];

static void make_points(uint64_t *state, uint32_t count)
{
	int64_t at = draw_below(state, 1000000);

	for (uint32_t i = 0; i < count; i++) {
		at_us[i] = at;
		values[i] = (double)draw_bell(state, 1000) / 8;
		at += draw_below(state, 3) ? draw_below(state, 5000) : 0;
	}
}

/* Steinarsson, 2013, section 4.2, with buckets of floor(i · (n − 2) / (want − 2)) + 1. The areas are whole triangles,
 * half the cross product of two sides. */
static void lttb_by_the_book(uint32_t count, uint32_t want, uint32_t *ret_kept)
{
	uint32_t selected = 0;

	ret_kept[0] = 0;
	for (uint32_t bucket = 0; bucket < want - 2; bucket++) {
		uint32_t from = (uint32_t)((uint64_t)bucket * (count - 2) / (want - 2)) + 1;
		uint32_t to = (uint32_t)((uint64_t)(bucket + 1) * (count - 2) / (want - 2)) + 1;
		uint32_t next_to = (uint32_t)((uint64_t)(bucket + 2) * (count - 2) / (want - 2)) + 1, best = from;
		double time = 0, value = 0, most = -1;

		if (bucket == want - 3)
			next_to = count;
		for (uint32_t i = to; i < next_to; i++) {
			time += (double)at_us[i] / (next_to - to);
			value += values[i] / (next_to - to);
		}
		for (uint32_t i = from; i < to; i++) {
			double ax = (double)at_us[selected], ay = values[selected];
			double area = fabs((ax - time) * (values[i] - ay) - (ax - (double)at_us[i]) * (value - ay)) / 2;

			/* What differs by rounding only is a tie, which the first one wins. */
			if (area > most * (1 + 1e-9) + 1e-6) {
				most = area;
				best = i;
			}
		}
		ret_kept[bucket + 1] = selected = best;
	}
	ret_kept[want - 1] = count - 1;
}

static void lttb_is_the_thesis(void)
{
	static uint32_t kept[COUNT], book[COUNT];
	unsigned same = 0, all = 0;

	for (uint64_t seed = 0; seed < 200; seed++) {
		uint64_t state = seed;
		uint32_t count = 4 + (uint32_t)draw_below(&state, COUNT - 4);
		uint32_t want = 3 + (uint32_t)draw_below(&state, count - 3);

		make_points(&state, count);
		CHECK(series_lttb(at_us, values, count, want, kept) == want);
		lttb_by_the_book(count, want, book);
		for (uint32_t i = 0; i < want; i++) {
			all++;
			same += kept[i] == book[i];
			CHECK(i == 0 || kept[i] > kept[i - 1]);
		}
	}
	/* A tie that rounding decides may lead to another point, and then to others behind it. */
	CHECK(same > all - all / 100);
	printf("# %u of %u points are those of the pseudocode\n", same, all);
}

static void lttb_by_hand(void)
{
	static const int64_t times[] = {0, 1, 2, 3, 4, 5};
	static const double peak[] = {0, 0, 9, 1, 0, 0};
	uint32_t kept[6];

	CHECK(series_lttb(times, peak, 6, 0, kept) == 0);
	CHECK(series_lttb(times, peak, 6, 1, kept) == 1 && kept[0] == 0);
	CHECK(series_lttb(times, peak, 6, 2, kept) == 2 && kept[0] == 0 && kept[1] == 5);
	CHECK(series_lttb(times, peak, 6, 3, kept) == 3 && kept[1] == 2);
	/* Buckets {1, 2} and {3, 4}: triangles of 0.25 and 15.25, then, from the peak to the end, of 7.5 and 4.5. */
	CHECK(series_lttb(times, peak, 6, 4, kept) == 4 && kept[1] == 2 && kept[2] == 3);
	CHECK(series_lttb(times, peak, 6, 6, kept) == 6 && kept[5] == 5);
	CHECK(series_lttb(times, peak, 6, 100, kept) == 6 && kept[3] == 3);
	CHECK(series_lttb(times, peak, 0, 5, kept) == 0);
	/* On a straight line all triangles are nothing: the first of each bucket. */
	static const double line[] = {0, 1, 2, 3, 4, 5};

	CHECK(series_lttb(times, line, 6, 4, kept) == 4 && kept[1] == 1 && kept[2] == 3);
}

/* The four points of a pixel, each found by looking at all points. */
static uint32_t pixel_by_search(uint32_t count, int64_t from_us, int64_t to_us, uint32_t *ret_kept)
{
	bool keep[COUNT] = {false};
	uint32_t first = COUNT, last = 0, min = 0, max = 0, kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (at_us[i] < from_us || at_us[i] >= to_us)
			continue;
		if (first == COUNT)
			first = min = max = i;
		last = i;
		min = values[i] < values[min] ? i : min;
		max = values[i] > values[max] ? i : max;
	}
	if (first == COUNT)
		return 0;
	keep[first] = keep[last] = keep[min] = keep[max] = true;
	for (uint32_t i = 0; i < count; i++)
		if (keep[i])
			ret_kept[kept++] = i;
	return kept;
}

static void pixels_keep_their_extremes(void)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		static uint32_t kept[4 * PIXELS_MAX], searched[4 * PIXELS_MAX];
		uint64_t state = seed;
		uint32_t count = (uint32_t)draw_below(&state, COUNT), found = 0;
		size_t pixels = 1 + (size_t)draw_below(&state, PIXELS_MAX);
		int64_t width = 1 + draw_below(&state, 100000), from_us;

		make_points(&state, count);
		from_us = count > 0 ? at_us[count / 5] : 0;
		for (size_t pixel = 0; pixel < pixels; pixel++)
			found += pixel_by_search(count, from_us + (int64_t)pixel * width,
						 from_us + (int64_t)(pixel + 1) * width, searched + found);
		size_t got =
			series_min_max(at_us, values, count, from_us, from_us + (int64_t)pixels * width, pixels, kept);

		CHECK(got == found && (got == 0 || memcmp(kept, searched, got * sizeof(*kept)) == 0));
	}
}

static void pixels_of_all_time(void)
{
	const int64_t times[] = {INT64_MIN, 0, INT64_MAX - 1, INT64_MAX};
	const double some[] = {1, 2, 3, 4};
	uint32_t kept[8];

	CHECK(series_min_max(times, some, 4, INT64_MIN, INT64_MAX, 2, kept) == 3);
	CHECK(kept[0] == 0 && kept[1] == 1 && kept[2] == 2);
}

int main(void)
{
	RUN(lttb_is_the_thesis);
	RUN(lttb_by_hand);
	RUN(pixels_keep_their_extremes);
	RUN(pixels_of_all_time);
	return check_done();
}
