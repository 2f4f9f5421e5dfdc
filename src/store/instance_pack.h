/* Instances as points of compressed series and back: what an instance says beside its value and times is its shape, a
 * text that most instances of a series share; its value goes into a column of its kind. Pure. */
#ifndef MACHI_STORE_INSTANCE_PACK_H
#define MACHI_STORE_INSTANCE_PACK_H

#include "series/block.h"
#include "store/temporal_int.h"

struct packed_point {
	struct series_key key; /* subject and name are the caller's, dataset too */
	enum series_kind kind; /* SERIES_DECIMAL stands for SERIES_FIXED too, until a chunk is made */
	bool trimmed; /* of decimals: points.h */
	bool observed; /* at_us is when it was observed */
	uint8_t scale;
	uint32_t shape; /* the caller's number for the text of instance_shape() */
	int64_t at_us, number, created_us, modified_us;
	union {
		int64_t mantissa; /* decimals and booleans */
		double real;
		struct str text;
	};
	struct str whole; /* the instance's text, for when its series has too many shapes */
};

/* Takes an instance apart: value, times and kind into *point (texts borrowed from the document or in the arena), the
 * shape's text appended to shape. at_us: as in the history (when it was observed, or else changed or deleted). */
MUST_CHECK enum err_code instance_split(struct arena *arena, const struct json *document, enum change_kind kind,
					int64_t at_us, struct packed_point *point, struct buf *shape,
					struct error *err);
/* The shape of an instance that is kept as a whole text. */
struct str instance_whole_shape(enum change_kind kind);

/* Puts points of one key and one kind into columns and adds them to the builder, as chunks; points are in the order of
 * time and number. shapes has the texts by their numbers. ERR_LIMIT: the block is full; *ret_added says how many points
 * were added before that. */
MUST_CHECK enum err_code instance_pack(struct series_builder *builder, const struct packed_point *points, size_t count,
				       const struct str *shapes, struct arena *scratch, size_t *ret_added,
				       struct error *err);

/* Shapes of one block as they are needed, read once each. */
struct shape_cache {
	const struct store_shape **at; /* by the block's number of the shape; NULL: not read yet */
	bool *observed, *whole;
	uint32_t count;
};

MUST_CHECK enum err_code shape_cache_init(struct shape_cache *cache, const struct series_block *block,
					  struct arena *arena, struct error *err);
/* Point `index` of points (whose shapes are the block's) as an instance, in the arena. */
MUST_CHECK enum err_code instance_unpack(struct shape_cache *cache, const struct series_block *block,
					 const struct series_points *points, uint32_t index, struct json_parser *parser,
					 struct arena *arena, struct store_instance *ret, struct error *err);

#endif
