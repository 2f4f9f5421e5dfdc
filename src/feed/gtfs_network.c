/* Entities of what stands: agencies, stops, routes, shapes, transfers, fares, and the feed itself. Attribute names are
 * those of the Smart Data Models, https://github.com/smart-data-models/dataModel.UrbanMobility. */
#include "feed/gtfs_maker_int.h"

#include "base/time_value.h"

#include <math.h>

#define DISTANCE_DECIMALS 6

void make_agency(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_agency *row = &maker->tables->agencies[i];
	const struct str *iris = maker->iris;

	entity_text(entity, iris[NAME_NAME], row->name);
	entity_text(entity, iris[NAME_SOURCE], row->url);
	entity_text(entity, iris[NAME_PAGE], row->url);
	entity_text(entity, iris[NAME_TIMEZONE], row->timezone);
	entity_text(entity, iris[NAME_LANGUAGE], row->lang);
	entity_text(entity, iris[NAME_PHONE], row->phone);
	entity_text(entity, iris[NAME_FARE_PAGE], row->fare_url);
	entity_text(entity, iris[NAME_EMAIL], row->email);
}

void make_stop(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_stop *row = &maker->tables->stops[i];
	const struct str *iris = maker->iris;

	entity_text(entity, iris[NAME_NAME], row->name);
	if (row->has_place)
		entity_geo(entity, iris[NAME_LOCATION], entity_point(entity, row->place, COORDINATE_DECIMALS));
	entity_text(entity, iris[NAME_CODE], row->code);
	entity_text(entity, iris[NAME_DESCRIPTION], row->desc);
	entity_text(entity, iris[NAME_PAGE], row->url);
	entity_text(entity, iris[NAME_ZONE_CODE], row->zone);
	entity_text(entity, iris[NAME_TIMEZONE], row->timezone);
	entity_text(entity, iris[NAME_PLATFORM_CODE], row->platform);
	if (row->wheelchair)
		entity_number(entity, iris[NAME_WHEELCHAIR], row->wheelchair);
	if (row->location_type > 2)
		entity_number(entity, iris[NAME_LOCATION_TYPE], row->location_type);
	if (row->parent != TRANSIT_NONE)
		entity_relationship(entity, iris[NAME_PARENT_STATION], maker_stop(maker, entity->arena, row->parent));
	if (maker->tables->agency_count == 1)
		entity_relationship(entity, iris[NAME_OPERATED_BY], maker_agency(maker, entity->arena, 0));
}

void make_route(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_route *row = &maker->tables->routes[i];
	const struct str *iris = maker->iris;

	entity_text(entity, iris[NAME_SHORT_NAME], row->short_name);
	entity_text(entity, iris[NAME_NAME], row->long_name.len ? row->long_name : row->short_name);
	entity_text(entity, iris[NAME_DESCRIPTION], row->desc);
	entity_number(entity, iris[NAME_ROUTE_TYPE], row->type);
	entity_text(entity, iris[NAME_PAGE], row->url);
	entity_text(entity, iris[NAME_ROUTE_COLOR], row->color);
	entity_text(entity, iris[NAME_ROUTE_TEXT_COLOR], row->text_color);
	if (row->sort_order >= 0)
		entity_number(entity, iris[NAME_ROUTE_SORT_ORDER], row->sort_order);
	if (row->agency != TRANSIT_NONE)
		entity_relationship(entity, iris[NAME_OPERATED_BY], maker_agency(maker, entity->arena, row->agency));
}

void make_shape(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_shape *row = &maker->tables->shapes[i];
	const struct transit_point *points = &maker->tables->points[row->points];
	struct json line = json_object(), coordinates = entity_array(entity, row->point_count);

	for (uint32_t p = 0; p < row->point_count; p++)
		entity_push(entity, &coordinates,
			    entity_coordinates(entity, (struct geo_point){points[p].lon, points[p].lat},
					       COORDINATE_DECIMALS));
	entity_member(entity, &line, STR("type"), json_string(STR("LineString")));
	entity_member(entity, &line, STR("coordinates"), coordinates);
	entity_geo(entity, maker->iris[NAME_LOCATION], line);
	if (!row->has_distances)
		return;
	struct json distances = entity_array(entity, row->point_count);

	for (uint32_t p = 0; p < row->point_count; p++)
		entity_push(entity, &distances, json_decimal(entity->arena, points[p].distance, DISTANCE_DECIMALS));
	entity_list(entity, maker->iris[NAME_DISTANCE_TRAVELLED], distances);
}

void make_transfer(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_transfer *row = &maker->tables->transfers[i];
	const struct str *iris = maker->iris;

	entity_relationship(entity, iris[NAME_HAS_ORIGIN], maker_stop(maker, entity->arena, row->from_stop));
	entity_relationship(entity, iris[NAME_HAS_DESTINATION], maker_stop(maker, entity->arena, row->to_stop));
	entity_number(entity, iris[NAME_TRANSFER_TYPE], row->type);
	if (row->min_time_s >= 0)
		entity_with_unit(entity, iris[NAME_MIN_TRANSFER_TIME], json_int(entity->arena, row->min_time_s),
				 STR("SEC"));
}

/* A fare's rules as objects: each names what it is bound to, if to anything. */
static struct json fare_rules(struct gtfs_maker *maker, struct entity *entity, uint32_t fare)
{
	struct json rules = json_array();

	for (uint32_t i = 0; i < maker->tables->fare_rule_count; i++) {
		const struct transit_fare_rule *row = &maker->tables->fare_rules[i];
		struct json rule = json_object();

		if (row->fare != fare)
			continue;
		if (row->route != TRANSIT_NONE) {
			struct str id = maker->tables->routes[row->route].id;
			struct str route = maker_urn(maker, entity->arena, GTFS_ROUTE, id);

			entity_member(entity, &rule, STR("route"), json_string(route));
		}
		if (row->origin.len)
			entity_member(entity, &rule, STR("origin"), json_string(row->origin));
		if (row->destination.len)
			entity_member(entity, &rule, STR("destination"), json_string(row->destination));
		if (row->contains.len)
			entity_member(entity, &rule, STR("contains"), json_string(row->contains));
		entity_push(entity, &rules, rule);
	}
	return rules;
}

void make_fare(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_fare *row = &maker->tables->fares[i];
	const struct str *iris = maker->iris;
	struct json rules = fare_rules(maker, entity, i);

	entity_property(entity, iris[NAME_PRICE], json_double(entity->arena, row->price));
	entity_text(entity, iris[NAME_CURRENCY_TYPE], row->currency);
	entity_number(entity, iris[NAME_PAYMENT_METHOD], row->payment);
	if (row->transfers >= 0)
		entity_number(entity, iris[NAME_TRANSFERS], row->transfers);
	if (row->transfer_duration_s >= 0)
		entity_with_unit(entity, iris[NAME_TRANSFER_DURATION],
				 json_int(entity->arena, row->transfer_duration_s), STR("SEC"));
	if (row->agency != TRANSIT_NONE)
		entity_relationship(entity, iris[NAME_OPERATED_BY], maker_agency(maker, entity->arena, row->agency));
	if (rules.count)
		entity_property(entity, iris[NAME_FARE_RULES], rules);
}

static void add_date(struct entity *entity, struct str iri, int32_t day)
{
	struct civil_date date = civil_from_days(day);
	struct str text = arena_printf(entity->arena, "%04d-%02d-%02d", (int)date.year, (int)date.month, (int)date.day);

	if (!text.at)
		entity->failed = true;
	entity_text(entity, iri, text);
}

void make_info(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_feed_info *info = &maker->tables->info;
	const struct str *iris = maker->iris;

	(void)i;
	entity_text(entity, iris[NAME_NAME], info->publisher);
	entity_text(entity, iris[NAME_PAGE], info->publisher_url);
	entity_text(entity, iris[NAME_LANGUAGE], info->lang);
	entity_text(entity, iris[NAME_VERSION], info->version);
	if (info->first_day != INT32_MIN)
		add_date(entity, iris[NAME_START_DATE], info->first_day);
	if (info->last_day != INT32_MIN)
		add_date(entity, iris[NAME_END_DATE], info->last_day);
}

/* ---- calendars ---- */

void make_calendar_rule(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_service *row = &maker->tables->services[i];
	const struct str *iris = maker->iris;

	entity_relationship(entity, iris[NAME_HAS_SERVICE], maker_urn(maker, entity->arena, GTFS_SERVICE, row->id));
	for (unsigned day = 0; day < 7; day++)
		entity_property(entity, iris[NAME_MONDAY + day], json_bool(row->weekdays >> day & 1));
	add_date(entity, iris[NAME_START_DATE], row->first_day);
	add_date(entity, iris[NAME_END_DATE], row->last_day);
}

void make_date_rule(struct gtfs_maker *maker, struct entity *entity, uint32_t i)
{
	const struct transit_exception *row = &maker->tables->exceptions[i];
	const struct str *iris = maker->iris;

	entity_relationship(entity, iris[NAME_HAS_SERVICE],
			    maker_urn(maker, entity->arena, GTFS_SERVICE, maker->tables->services[row->service].id));
	add_date(entity, iris[NAME_APPLIES_ON], row->day);
	entity_text(entity, iris[NAME_EXCEPTION_TYPE], row->type == 1 ? STR("1") : STR("2"));
}
