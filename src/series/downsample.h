/* Fewer points for a picture, chosen so that it looks the same. Pure: the caller's arrays in, indexes of them out.
 *
 * Sources: S. Steinarsson, Downsampling Time Series for Visual Representation (Háskóli Íslands, 2013), section 4.2:
 * Largest Triangle Three Buckets; smallest and largest per pixel as in U. Jugel et al., M4 (VLDB 7, 2014). */
#ifndef MACHI_SERIES_DOWNSAMPLE_H
#define MACHI_SERIES_DOWNSAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* LTTB: keeps `want` of count points: the first, the last, and of each of want − 2 buckets of equal numbers of points
 * between them the one that makes the largest triangle with the one kept before and the mean of the next bucket (the
 * first such on a tie). at_us ascends, values are finite. want 0 keeps none, 1 the first, 2 the ends; want ≥ count:
 * all. ret_kept has room for min(want, count) indexes, which come out ascending; returns how many. */
size_t series_lttb(const int64_t *at_us, const double *values, size_t count, size_t want, uint32_t *ret_kept);

/* Cuts the time from from_us to to_us (not included) into `pixels` equal parts and keeps of each the first, the
 * smallest, the largest and the last point (each once; the earliest on a tie), which draws the same lines, pixel by
 * pixel, as all points do. Points outside are left out. ret_kept has room for 4 · pixels indexes; they come out
 * ascending; returns how many. pixels is at least 1, from_us < to_us. */
size_t series_min_max(const int64_t *at_us, const double *values, size_t count, int64_t from_us, int64_t to_us,
		      size_t pixels, uint32_t *ret_kept);

#endif
