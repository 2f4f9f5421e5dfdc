/* Entities of what runs: services, trips, their stop times and frequencies.
 *
 * The data model has one GtfsStopTime for each call of a trip at a stop. A trip would then cost as many entities as it
 * has stops, which for one city already are hundreds of thousands. Here a trip has one GtfsStopTime whose attributes
 * are lists of equal length: item i of each belongs to the i-th call. hasStop is a Relationship with all stops, so
 * that q=hasStop=="urn:…" finds the trips that call there; the others are ListProperties, whose order counts. */
#include "feed/gtfs_maker_int.h"

#include "engine/transit/value.h"

#include <math.h>

#define DISTANCE_DECIMALS 6

void make_service(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_tables *tables = maker->tables;
	const struct transit_service *row = &tables->services[i];
	struct json operators = json_array();

	entity_text(entity, maker->iris[NAME_NAME], row->id);
	for (uint32_t a = 0; maker->operators && a < tables->agency_count; a++)
		if (maker->operators[(size_t)i * tables->agency_count + a])
			entity_push(entity, &operators, json_string(maker_agency(maker, entity->arena, a)));
	if (operators.count == 1)
		entity_relationship(entity, maker->iris[NAME_OPERATED_BY], json_text(&operators.items[0]));
	else if (operators.count > 1)
		entity_relationships(entity, maker->iris[NAME_OPERATED_BY], operators);
}

void make_trip(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_tables *tables = maker->tables;
	const struct transit_trip *row = &tables->trips[i];
	const struct str *iris = maker->iris;

	entity_relationship(entity, iris[NAME_HAS_ROUTE],
			    maker_urn(maker, entity->arena, GTFS_ROUTE, tables->routes[row->route].id));
	entity_relationship(entity, iris[NAME_HAS_SERVICE],
			    maker_urn(maker, entity->arena, GTFS_SERVICE, tables->services[row->service].id));
	if (row->shape != TRANSIT_NONE)
		entity_relationship(entity, iris[NAME_HAS_SHAPE],
				    maker_urn(maker, entity->arena, GTFS_SHAPE, tables->shapes[row->shape].id));
	entity_text(entity, iris[NAME_HEADSIGN], row->headsign);
	entity_text(entity, iris[NAME_SHORT_NAME], row->short_name);
	if (row->direction >= 0)
		entity_number(entity, iris[NAME_DIRECTION], row->direction);
	entity_text(entity, iris[NAME_BLOCK], row->block);
	if (row->wheelchair)
		entity_number(entity, iris[NAME_WHEELCHAIR], row->wheelchair);
	if (row->bikes)
		entity_number(entity, iris[NAME_BIKES], row->bikes);
}

static struct json time_text(struct entity *entity, int32_t seconds)
{
	char buffer[TRANSIT_TIME_BYTES];
	struct str text = arena_dup(entity->arena, transit_format_time(seconds, buffer));

	if (!text.at)
		entity->failed = true;
	return json_string(text);
}

/* What a list holds of a stop time. */
static struct json item_of(struct gtfs_maker *maker, struct entity *entity, const struct transit_stop_time *row,
			   enum gtfs_name name)
{
	switch (name) {
	case NAME_STOP_SEQUENCE:
		return json_int(entity->arena, row->sequence);
	case NAME_ARRIVAL_TIME:
		return time_text(entity, row->arrival);
	case NAME_DEPARTURE_TIME:
		return time_text(entity, row->departure);
	case NAME_DISTANCE_TRAVELLED:
		return json_decimal(entity->arena, row->distance, DISTANCE_DECIMALS);
	case NAME_STOP_HEADSIGN:
		return json_string(maker->tables->texts[row->headsign]);
	case NAME_PICKUP_TYPE:
		return json_int(entity->arena, row->pickup);
	case NAME_DROP_OFF_TYPE:
		return json_int(entity->arena, row->drop_off);
	default:
		return json_int(entity->arena, row->timepoint == 0 ? 0 : 1);
	}
}

/* Lists that say nothing are left out; distances only count when every stop has one. */
static bool list_says_something(const struct transit_stop_time *rows, uint32_t count, enum gtfs_name name)
{
	bool all = true, any = false;

	for (uint32_t i = 0; i < count; i++) {
		bool says = name == NAME_DISTANCE_TRAVELLED ? !isnan(rows[i].distance)
			    : name == NAME_STOP_HEADSIGN    ? rows[i].headsign != 0
			    : name == NAME_PICKUP_TYPE      ? rows[i].pickup != 0
			    : name == NAME_DROP_OFF_TYPE    ? rows[i].drop_off != 0
			    : name == NAME_TIMEPOINT        ? rows[i].timepoint >= 0
							    : true;

		all = all && says;
		any = any || says;
	}
	return name == NAME_DISTANCE_TRAVELLED ? all : any;
}

void make_stop_time(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	static const enum gtfs_name lists[] = {NAME_STOP_SEQUENCE,      NAME_ARRIVAL_TIME,  NAME_DEPARTURE_TIME,
					       NAME_DISTANCE_TRAVELLED, NAME_STOP_HEADSIGN, NAME_PICKUP_TYPE,
					       NAME_DROP_OFF_TYPE,      NAME_TIMEPOINT};
	const struct transit_trip *trip = &maker->tables->trips[i];
	const struct transit_stop_time *rows = &maker->tables->times[trip->times];
	struct json stops = entity_array(entity, trip->time_count);

	for (uint32_t t = 0; t < trip->time_count; t++)
		entity_push(entity, &stops, json_string(maker_stop(maker, entity->arena, rows[t].stop)));
	entity_relationship(entity, maker->iris[NAME_HAS_TRIP], maker_trip(maker, entity->arena, i));
	entity_relationships(entity, maker->iris[NAME_HAS_STOP], stops);
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		if (!list_says_something(rows, trip->time_count, lists[l]))
			continue;
		struct json list = entity_array(entity, trip->time_count);

		for (uint32_t t = 0; t < trip->time_count; t++)
			entity_push(entity, &list, item_of(maker, entity, &rows[t], lists[l]));
		entity_list(entity, maker->iris[lists[l]], list);
	}
}

void make_frequency(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_frequency *row = &maker->tables->frequencies[i];
	const struct str *iris = maker->iris;

	entity_relationship(entity, iris[NAME_HAS_TRIP], maker_trip(maker, entity->arena, row->trip));
	entity_property(entity, iris[NAME_START_TIME], time_text(entity, row->start));
	entity_property(entity, iris[NAME_END_TIME], time_text(entity, row->end));
	entity_number(entity, iris[NAME_HEADWAY], row->headway);
	entity_property(entity, iris[NAME_EXACT_TIMES], json_bool(row->exact));
}
