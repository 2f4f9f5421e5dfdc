/* What kind of vehicle runs on a route. Shared within this room. */
#ifndef MACHI_FEED_VEHICLE_TYPE_INT_H
#define MACHI_FEED_VEHICLE_TYPE_INT_H

#include "base/str.h"

/* Of GTFS's route_type, in the words of the model, where it has one; GTFS's own otherwise. */
struct str vehicle_type(int32_t route_type);

#endif
