/* Points of one series and kind on their way from several chunks into new ones: a window that is put in order and
 * leaves from its front. */
#ifndef MACHI_STORE_POINT_BUFFER_H
#define MACHI_STORE_POINT_BUFFER_H

#include "series/block.h"

struct point_buffer {
	enum series_kind kind;
	uint8_t scale;
	size_t count, room;
	int64_t *columns[6]; /* owned; at_us, number, created_us, modified_us, shape, value (or its place in texts) */
	struct str *texts; /* owned; of kinds that have texts */
	size_t text_count;
	struct arena arena; /* what texts hold */
	bool sorted;
};

void point_buffer_init(struct point_buffer *buffer);
void point_buffer_done(struct point_buffer *buffer);
/* Empties it for points of this kind and scale. */
void point_buffer_begin(struct point_buffer *buffer, enum series_kind kind, uint8_t scale);
/* Gives decimals a larger scale. False, and nothing is changed, when one of them cannot have it; other kinds have but
 * the one that they have. */
MUST_CHECK bool point_buffer_rescale(struct point_buffer *buffer, uint8_t scale);
/* Adds a chunk of the buffer's kind and scale; shape i of the chunk's block becomes shapes[i]. ERR_MEMORY;
 * ERR_CORRUPT: a shape that is not there. */
MUST_CHECK enum err_code point_buffer_add(struct point_buffer *buffer, const struct series_points *points,
					  const uint32_t *shapes, uint32_t shape_count, struct error *err);
/* In the order of time and number. */
MUST_CHECK enum err_code point_buffer_sort(struct point_buffer *buffer, struct error *err);
/* The first count points, in order, as columns that are borrowed from the buffer and the arena; doubles and the chunk's
 * own list of shapes are made there. */
MUST_CHECK enum err_code point_buffer_front(struct point_buffer *buffer, size_t count, const struct str *shapes,
					    struct arena *arena, struct series_points *ret, struct error *err);
void point_buffer_drop(struct point_buffer *buffer, size_t count); /* from the front */

#endif
