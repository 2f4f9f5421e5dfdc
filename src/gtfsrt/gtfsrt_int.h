/* The inside of the codec, shared by its files. */
#ifndef MACHI_GTFSRT_GTFSRT_INT_H
#define MACHI_GTFSRT_GTFSRT_INT_H

#include "base/protobuf_arena.h"
#include "gtfsrt/gtfsrt.h"

#include <gtfsrt/gtfs_realtime.pb-c.h>

/* ---- reading ---- */

/* An unpacked entity as our structs, which borrow its texts. ERR_INVALID: it breaks a rule; ERR_LIMIT. */
MUST_CHECK enum err_code decode_entity(struct arena *arena, const TransitRealtime__FeedEntity *from,
				       struct gtfsrt_entity *ret_entity, struct error *err);
/* A time in seconds: 0 and what is not there are GTFSRT_TIME_NONE. False when it cannot be one. */
bool decode_time(bool given, uint64_t value, int64_t *ret_s);
/* False when it is no UTF-8. */
bool decode_text(const char *text, struct str *ret);

/* ---- writing ---- */

/* Errors are sticky: what the arena had no room for is noticed at the end. */
struct packing {
	struct arena *arena;
	bool failed;
};

/* So many zeroed bytes; NULL when they were refused. */
void *pack_room(struct packing *packing, size_t count, size_t size);
#define PACK_NEW(packing, type) ((type *)pack_room((packing), 1, sizeof(type)))
#define PACK_ARRAY(packing, type, count) ((type *)pack_room((packing), (count), sizeof(type)))
/* NULL for an empty text. */
char *pack_text(struct packing *packing, struct str text);
TransitRealtime__TripDescriptor *pack_trip(struct packing *packing, const struct gtfsrt_trip *trip);
TransitRealtime__Alert *pack_alert(struct packing *packing, const struct gtfsrt_alert *alert);

#endif
