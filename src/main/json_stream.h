/* The objects of a long JSON text one by one: an array of them, one a line (NDJSON), or just one after the other.
 *
 * Only where an object begins and ends is found here, so a file of any size needs the memory of its largest object;
 * whether the object is JSON its parser says. Pure. Thread: one owner. */
#ifndef MACHI_MAIN_JSON_STREAM_H
#define MACHI_MAIN_JSON_STREAM_H

#include "base/buf.h"
#include "base/error.h"

struct json_stream {
	/* The bytes of one object and the line where it begins. An error ends the stream and is passed on. */
	enum err_code (*object)(void *self, struct str bytes, uint64_t line, struct error *err);
	void *self;
	/* the stream's own */
	struct buf bytes;
	uint64_t line, object_line;
	uint32_t depth;
	bool in_string, escaped;
	bool in_array, array_over, comma_due, comma_seen;
};

void json_stream_init(struct json_stream *stream, size_t object_bytes_max,
		      enum err_code (*object)(void *self, struct str bytes, uint64_t line, struct error *err),
		      void *self);
void json_stream_done(struct json_stream *stream);

/* ERR_INVALID names the line; ERR_LIMIT for an object beyond the bound; and what object() returned. */
MUST_CHECK enum err_code json_stream_feed(struct json_stream *stream, struct str chunk, struct error *err);
/* The end of the text: ERR_INVALID when an object or the array is not closed. */
MUST_CHECK enum err_code json_stream_finish(struct json_stream *stream, struct error *err);

#endif
