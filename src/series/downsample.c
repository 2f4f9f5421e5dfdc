/* Downsampling for pictures. */
#include "series/downsample.h"

#include <assert.h>
#include <math.h>

/* Where bucket i of want − 2 begins; bucket want − 2 is the last point alone. */
static size_t bucket_start(size_t i, size_t count, size_t want)
{
	size_t buckets = want - 2, points = count - 2;

	/* i · points / buckets without overflow. */
	return 1 + i * (points / buckets) + i * (points % buckets) / buckets;
}

/* The mean of points [from, to), relative to a time, so that no digits of times are lost. */
static void mean_of(const int64_t *at_us, const double *values, size_t from, size_t to, int64_t origin_us,
		    double *ret_time, double *ret_value)
{
	double time = 0, value = 0;

	for (size_t i = from; i < to; i++) {
		time += (double)(at_us[i] - origin_us);
		value += values[i];
	}
	*ret_time = time / (double)(to - from);
	*ret_value = value / (double)(to - from);
}

static size_t largest_triangle(const int64_t *at_us, const double *values, size_t before, size_t from, size_t to,
			       double next_time, double next_value)
{
	size_t best = from;
	double most = -1.0;

	for (size_t i = from; i < to; i++) {
		double time = (double)(at_us[i] - at_us[before]), value = values[i] - values[before];
		double area = fabs(next_time * value - time * (next_value - values[before]));

		if (area > most) {
			most = area;
			best = i;
		}
	}
	return best;
}

size_t series_lttb(const int64_t *at_us, const double *values, size_t count, size_t want, uint32_t *ret_kept)
{
	size_t kept = 0, before = 0;

	assert(count <= UINT32_MAX);
	if (want >= count) {
		for (size_t i = 0; i < count; i++)
			ret_kept[i] = (uint32_t)i;
		return count;
	}
	if (want > 0)
		ret_kept[kept++] = 0;
	for (size_t i = 0; i + 2 < want; i++) {
		size_t from = bucket_start(i, count, want), to = bucket_start(i + 1, count, want);
		size_t next_to = i + 3 < want ? bucket_start(i + 2, count, want) : count;
		double time, value;

		mean_of(at_us, values, to, next_to, at_us[before], &time, &value);
		before = largest_triangle(at_us, values, before, from, to, time, value);
		ret_kept[kept++] = (uint32_t)before;
	}
	if (want > 1)
		ret_kept[kept++] = (uint32_t)(count - 1);
	return kept;
}

/* Points that one pixel keeps. */
struct pixel {
	uint32_t first, min, max, last;
};

static uint32_t *keep_pixel(const struct pixel *pixel, uint32_t *out)
{
	uint32_t low = pixel->min < pixel->max ? pixel->min : pixel->max;
	uint32_t high = pixel->min < pixel->max ? pixel->max : pixel->min;

	*out++ = pixel->first;
	if (low != pixel->first)
		*out++ = low;
	if (high != low && high != pixel->first)
		*out++ = high;
	if (pixel->last != out[-1])
		*out++ = pixel->last;
	return out;
}

static uint64_t pixel_of(int64_t at_us, int64_t from_us, int64_t to_us, size_t pixels)
{
	uint64_t way = (uint64_t)at_us - (uint64_t)from_us, all = (uint64_t)to_us - (uint64_t)from_us;

	__extension__ typedef unsigned __int128 wide_uint;
	return (uint64_t)((wide_uint)way * pixels / all);
}

size_t series_min_max(const int64_t *at_us, const double *values, size_t count, int64_t from_us, int64_t to_us,
		      size_t pixels, uint32_t *ret_kept)
{
	uint32_t *out = ret_kept;
	struct pixel pixel = {0};
	uint64_t now = UINT64_MAX;

	assert(count <= UINT32_MAX && pixels > 0 && from_us < to_us);
	for (size_t i = 0; i < count; i++) {
		uint32_t index = (uint32_t)i;

		if (at_us[i] < from_us || at_us[i] >= to_us)
			continue;
		uint64_t place = pixel_of(at_us[i], from_us, to_us, pixels);

		if (place != now) {
			if (now != UINT64_MAX)
				out = keep_pixel(&pixel, out);
			now = place;
			pixel = (struct pixel){index, index, index, index};
		}
		pixel.last = index;
		if (values[i] < values[pixel.min])
			pixel.min = index;
		if (values[i] > values[pixel.max])
			pixel.max = index;
	}
	if (now != UINT64_MAX)
		out = keep_pixel(&pixel, out);
	return (size_t)(out - ret_kept);
}
