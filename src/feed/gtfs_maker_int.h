/* The inside of the maker of GTFS entities, shared by the files that know their attributes. */
#ifndef MACHI_FEED_GTFS_MAKER_INT_H
#define MACHI_FEED_GTFS_MAKER_INT_H

#include "feed/entity_int.h"
#include "feed/gtfs_int.h"

/* Attribute names: those of the Smart Data Models for urban mobility, and behind NAME_OWN a few of our own for GTFS
 * fields that they leave out. */
enum gtfs_name {
	NAME_NAME,
	NAME_DESCRIPTION,
	NAME_LOCATION,
	NAME_SOURCE,
	NAME_PAGE,
	NAME_TIMEZONE,
	NAME_LANGUAGE,
	NAME_PHONE,
	NAME_CODE,
	NAME_ZONE_CODE,
	NAME_WHEELCHAIR,
	NAME_PARENT_STATION,
	NAME_OPERATED_BY,
	NAME_SHORT_NAME,
	NAME_ROUTE_TYPE,
	NAME_ROUTE_COLOR,
	NAME_ROUTE_TEXT_COLOR,
	NAME_ROUTE_SORT_ORDER,
	NAME_HAS_ROUTE,
	NAME_HAS_SERVICE,
	NAME_HAS_SHAPE,
	NAME_HAS_TRIP,
	NAME_HAS_STOP,
	NAME_HEADSIGN,
	NAME_DIRECTION,
	NAME_BLOCK,
	NAME_BIKES,
	NAME_MONDAY,
	NAME_TUESDAY,
	NAME_WEDNESDAY,
	NAME_THURSDAY,
	NAME_FRIDAY,
	NAME_SATURDAY,
	NAME_SUNDAY,
	NAME_START_DATE,
	NAME_END_DATE,
	NAME_APPLIES_ON,
	NAME_EXCEPTION_TYPE,
	NAME_DISTANCE_TRAVELLED,
	NAME_STOP_SEQUENCE,
	NAME_ARRIVAL_TIME,
	NAME_DEPARTURE_TIME,
	NAME_STOP_HEADSIGN,
	NAME_PICKUP_TYPE,
	NAME_DROP_OFF_TYPE,
	NAME_TIMEPOINT,
	NAME_START_TIME,
	NAME_END_TIME,
	NAME_HEADWAY,
	NAME_EXACT_TIMES,
	NAME_HAS_ORIGIN,
	NAME_HAS_DESTINATION,
	NAME_TRANSFER_TYPE,
	NAME_MIN_TRANSFER_TIME,
	NAME_OWN, /* not used itself */
	NAME_FARE_PAGE,
	NAME_EMAIL,
	NAME_PLATFORM_CODE,
	NAME_LOCATION_TYPE,
	NAME_PRICE,
	NAME_CURRENCY_TYPE,
	NAME_PAYMENT_METHOD,
	NAME_TRANSFERS,
	NAME_TRANSFER_DURATION,
	NAME_FARE_RULES,
	NAME_VERSION,
	NAME_COUNT
};

struct gtfs_maker {
	const struct transit_tables *tables;
	struct str feed;
	struct arena names; /* the IRIs below */
	struct str types[GTFS_TYPE_COUNT];
	struct str iris[NAME_COUNT];
	uint8_t *operators; /* service × agency: 1 when a trip of the service is on a route of the agency */
};

/* "hasTrip" and so on. */
struct str gtfs_attribute_name(enum gtfs_name name);
/* The value of an attribute's first instance, found by the last part of its IRI; NULL when it is not there. */
const struct json *gtfs_value(const struct json *entity, enum gtfs_name name);

/* The URN of a row, of the type that it has. */
struct str maker_agency(struct gtfs_maker *maker, struct arena *arena, uint32_t agency);
struct str maker_stop(struct gtfs_maker *maker, struct arena *arena, uint32_t stop);
struct str maker_trip(struct gtfs_maker *maker, struct arena *arena, uint32_t trip);
struct str maker_urn(struct gtfs_maker *maker, struct arena *arena, enum gtfs_type type, struct str id);
enum gtfs_type maker_stop_type(const struct transit_stop *stop);

/* gtfs_network.c: what stands. gtfs_service.c: what runs. Each adds a row's attributes to the entity. */
void make_agency(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_stop(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_route(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_shape(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_transfer(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_fare(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_info(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_service(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_calendar_rule(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_date_rule(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_trip(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_stop_time(struct gtfs_maker *maker, struct entity *entity, uint32_t i);
void make_frequency(struct gtfs_maker *maker, struct entity *entity, uint32_t i);

#endif
