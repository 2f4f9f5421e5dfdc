/* The maker of GTFS entities: names, ids, and which row gives which entity. */
#include "feed/gtfs_maker_int.h"

#include "base/time_value.h"
#include "engine/transit/value.h"
#include "ngsild/document.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define OPERATORS_MAX 4000000u /* services × agencies that operators are looked up for */
#define NAMES_BYTES_MAX (1u << 20)

static const char *const attribute_names[NAME_COUNT] = {
	[NAME_NAME] = "name",
	[NAME_DESCRIPTION] = "description",
	[NAME_LOCATION] = "location",
	[NAME_SOURCE] = "source",
	[NAME_PAGE] = "page",
	[NAME_TIMEZONE] = "timezone",
	[NAME_LANGUAGE] = "language",
	[NAME_PHONE] = "phone",
	[NAME_CODE] = "code",
	[NAME_ZONE_CODE] = "zoneCode",
	[NAME_WHEELCHAIR] = "wheelChairAccessible",
	[NAME_PARENT_STATION] = "hasParentStation",
	[NAME_OPERATED_BY] = "operatedBy",
	[NAME_SHORT_NAME] = "shortName",
	[NAME_ROUTE_TYPE] = "routeType",
	[NAME_ROUTE_COLOR] = "routeColor",
	[NAME_ROUTE_TEXT_COLOR] = "routeTextColor",
	[NAME_ROUTE_SORT_ORDER] = "routeSortOrder",
	[NAME_HAS_ROUTE] = "hasRoute",
	[NAME_HAS_SERVICE] = "hasService",
	[NAME_HAS_SHAPE] = "hasShape",
	[NAME_HAS_TRIP] = "hasTrip",
	[NAME_HAS_STOP] = "hasStop",
	[NAME_HEADSIGN] = "headSign",
	[NAME_DIRECTION] = "direction",
	[NAME_BLOCK] = "block",
	[NAME_BIKES] = "bikesAllowed",
	[NAME_MONDAY] = "monday",
	[NAME_TUESDAY] = "tuesday",
	[NAME_WEDNESDAY] = "wednesday",
	[NAME_THURSDAY] = "thursday",
	[NAME_FRIDAY] = "friday",
	[NAME_SATURDAY] = "saturday",
	[NAME_SUNDAY] = "sunday",
	[NAME_START_DATE] = "startDate",
	[NAME_END_DATE] = "endDate",
	[NAME_APPLIES_ON] = "appliesOn",
	[NAME_EXCEPTION_TYPE] = "exceptionType",
	[NAME_DISTANCE_TRAVELLED] = "distanceTravelled",
	[NAME_STOP_SEQUENCE] = "stopSequence",
	[NAME_ARRIVAL_TIME] = "arrivalTime",
	[NAME_DEPARTURE_TIME] = "departureTime",
	[NAME_STOP_HEADSIGN] = "stopHeadsign",
	[NAME_PICKUP_TYPE] = "pickupType",
	[NAME_DROP_OFF_TYPE] = "dropOffType",
	[NAME_TIMEPOINT] = "timepoint",
	[NAME_START_TIME] = "startTime",
	[NAME_END_TIME] = "endTime",
	[NAME_HEADWAY] = "headwaySeconds",
	[NAME_EXACT_TIMES] = "exactTimes",
	[NAME_HAS_ORIGIN] = "hasOrigin",
	[NAME_HAS_DESTINATION] = "hasDestination",
	[NAME_TRANSFER_TYPE] = "transferType",
	[NAME_MIN_TRANSFER_TIME] = "minimumTransferTime",
	[NAME_OWN] = "own",
	[NAME_FARE_PAGE] = "farePage",
	[NAME_EMAIL] = "email",
	[NAME_PLATFORM_CODE] = "platformCode",
	[NAME_LOCATION_TYPE] = "locationType",
	[NAME_PRICE] = "price",
	[NAME_CURRENCY_TYPE] = "currencyType",
	[NAME_PAYMENT_METHOD] = "paymentMethod",
	[NAME_TRANSFERS] = "transfers",
	[NAME_TRANSFER_DURATION] = "transferDuration",
	[NAME_FARE_RULES] = "fareRules",
	[NAME_VERSION] = "version",
};

struct str gtfs_attribute_name(enum gtfs_name name)
{
	return str_from(attribute_names[name]);
}

static bool is_named(struct str iri, struct str name)
{
	return str_ends(iri, name) &&
	       (iri.len == name.len || iri.at[iri.len - name.len - 1] == '/' || iri.at[iri.len - name.len - 1] == '#');
}

const struct json *gtfs_value(const struct json *entity, enum gtfs_name name)
{
	for (uint32_t i = 0; i < entity->count; i++)
		if (is_named(entity->members[i].key, gtfs_attribute_name(name)))
			return document_value(json_at(&entity->members[i].value, 0));
	return NULL;
}

/* The IRI of a name, in the maker's own memory: the context may go before it. */
static enum err_code keep_iri(struct gtfs_maker *maker, const struct context *context, struct str name,
			      struct str *ret_iri, struct error *err)
{
	struct str iri;
	enum err_code code = context_expand(context, &maker->names, name, &iri, err);

	if (!code) {
		*ret_iri = arena_dup(&maker->names, iri);
		if (!ret_iri->at)
			code = err_set(err, ERR_MEMORY, "no memory for the names of GTFS");
	}
	return code;
}

static enum err_code keep_iris(struct gtfs_maker *maker, const struct context *context, struct error *err)
{
	enum err_code code = ERR_OK;

	for (unsigned i = 0; i < GTFS_TYPE_COUNT && !code; i++)
		code = keep_iri(maker, context, gtfs_type_name(i), &maker->types[i], err);
	for (unsigned i = 0; i < NAME_COUNT && !code; i++)
		code = keep_iri(maker, context, gtfs_attribute_name(i), &maker->iris[i], err);
	return code;
}

/* Which agencies run trips of a service. A feed of very many of both goes without. */
static enum err_code note_operators(struct gtfs_maker *maker, struct error *err)
{
	const struct transit_tables *tables = maker->tables;
	size_t cells = (size_t)tables->service_count * tables->agency_count;

	if (cells == 0 || cells > OPERATORS_MAX)
		return ERR_OK;
	maker->operators = calloc(cells, 1);
	if (!maker->operators)
		return err_set(err, ERR_MEMORY, "no memory for the operators of a feed");
	for (uint32_t i = 0; i < tables->trip_count; i++) {
		const struct transit_trip *trip = &tables->trips[i];
		uint32_t agency = tables->routes[trip->route].agency;

		if (!trip->left_out && agency != TRANSIT_NONE)
			maker->operators[(size_t)trip->service * tables->agency_count + agency] = 1;
	}
	return ERR_OK;
}

enum err_code gtfs_maker_new(const struct transit_tables *tables, struct str feed, const struct context *context,
			     struct gtfs_maker **ret_maker, struct error *err)
{
	struct gtfs_maker *maker = calloc(1, sizeof(*maker));

	if (!maker)
		return err_set(err, ERR_MEMORY, "no memory to make entities");
	maker->tables = tables;
	maker->feed = feed;
	arena_init(&maker->names, NAMES_BYTES_MAX);
	enum err_code code = keep_iris(maker, context, err);

	if (!code)
		code = note_operators(maker, err);
	if (code)
		maker = gtfs_maker_free(maker);
	else
		*ret_maker = maker;
	return code;
}

struct gtfs_maker *gtfs_maker_free(struct gtfs_maker *maker)
{
	if (maker) {
		arena_done(&maker->names);
		free(maker->operators);
		free(maker);
	}
	return NULL;
}

uint32_t gtfs_maker_rows(const struct gtfs_maker *maker, enum gtfs_type type)
{
	const struct transit_tables *tables = maker->tables;
	const uint32_t rows[GTFS_TYPE_COUNT] = {
		[GTFS_AGENCY] = tables->agency_count,
		[GTFS_STOP] = tables->stop_count,
		[GTFS_STATION] = tables->stop_count,
		[GTFS_ACCESS_POINT] = tables->stop_count,
		[GTFS_ROUTE] = tables->route_count,
		[GTFS_SERVICE] = tables->service_count,
		[GTFS_CALENDAR_RULE] = tables->service_count,
		[GTFS_CALENDAR_DATE_RULE] = tables->exception_count,
		[GTFS_SHAPE] = tables->shape_count,
		[GTFS_TRIP] = tables->trip_count,
		[GTFS_STOP_TIME] = tables->trip_count,
		[GTFS_FREQUENCY] = tables->frequency_count,
		[GTFS_TRANSFER_RULE] = tables->transfer_count,
		[GTFS_FARE] = tables->fare_count,
		[GTFS_FEED_INFO] = tables->has_info ? 1 : 0,
	};

	return rows[type];
}

enum gtfs_type maker_stop_type(const struct transit_stop *stop)
{
	return stop->location_type == 1 ? GTFS_STATION : stop->location_type == 2 ? GTFS_ACCESS_POINT : GTFS_STOP;
}

struct str maker_urn(struct gtfs_maker *maker, struct arena *arena, enum gtfs_type type, struct str id)
{
	return gtfs_urn(arena, gtfs_type_name(type), maker->feed, id);
}

struct str maker_agency(struct gtfs_maker *maker, struct arena *arena, uint32_t agency)
{
	struct str id = maker->tables->agencies[agency].id;

	/* agency_id may be left out where there is one agency only; the feed's name stands for it. */
	return maker_urn(maker, arena, GTFS_AGENCY, id.len ? id : maker->feed);
}

struct str maker_stop(struct gtfs_maker *maker, struct arena *arena, uint32_t stop)
{
	const struct transit_stop *row = &maker->tables->stops[stop];

	return maker_urn(maker, arena, maker_stop_type(row), row->id);
}

struct str maker_trip(struct gtfs_maker *maker, struct arena *arena, uint32_t trip)
{
	return maker_urn(maker, arena, GTFS_TRIP, maker->tables->trips[trip].id);
}

/* Does the row give an entity of this type? */
static bool has_entity(const struct gtfs_maker *maker, enum gtfs_type type, uint32_t i)
{
	const struct transit_tables *tables = maker->tables;

	switch (type) {
	case GTFS_STOP:
	case GTFS_STATION:
	case GTFS_ACCESS_POINT:
		return maker_stop_type(&tables->stops[i]) == type;
	case GTFS_CALENDAR_RULE:
		return tables->services[i].has_week;
	case GTFS_SHAPE:
		return tables->shapes[i].point_count >= 2;
	case GTFS_TRIP:
	case GTFS_STOP_TIME:
		return !tables->trips[i].left_out;
	case GTFS_FREQUENCY:
		return !tables->trips[tables->frequencies[i].trip].left_out;
	default:
		return true;
	}
}

static struct str date_digits(int32_t day, char buffer[static 16])
{
	struct civil_date date = civil_from_days(day);
	int len = snprintf(buffer, 16, "%04d%02d%02d", (int)(date.year % 10000), (int)date.month, (int)date.day);

	return (struct str){buffer, (size_t)len};
}

static struct str urn_of(struct gtfs_maker *maker, enum gtfs_type type, uint32_t i, struct arena *arena)
{
	const struct transit_tables *tables = maker->tables;
	char buffer[TRANSIT_TIME_BYTES];

	switch (type) {
	case GTFS_AGENCY:
		return maker_agency(maker, arena, i);
	case GTFS_STOP:
	case GTFS_STATION:
	case GTFS_ACCESS_POINT:
		return maker_stop(maker, arena, i);
	case GTFS_ROUTE:
		return maker_urn(maker, arena, type, tables->routes[i].id);
	case GTFS_SERVICE:
	case GTFS_CALENDAR_RULE:
		return maker_urn(maker, arena, type, tables->services[i].id);
	case GTFS_CALENDAR_DATE_RULE:
		return gtfs_urn_two(arena, gtfs_type_name(type), maker->feed,
				    tables->services[tables->exceptions[i].service].id, ':',
				    date_digits(tables->exceptions[i].day, buffer));
	case GTFS_SHAPE:
		return maker_urn(maker, arena, type, tables->shapes[i].id);
	case GTFS_TRIP:
	case GTFS_STOP_TIME:
		return maker_urn(maker, arena, type, tables->trips[i].id);
	case GTFS_FREQUENCY:
		return gtfs_urn_two(arena, gtfs_type_name(type), maker->feed,
				    tables->trips[tables->frequencies[i].trip].id, ':',
				    transit_format_time(tables->frequencies[i].start, buffer));
	case GTFS_TRANSFER_RULE:
		return gtfs_urn_two(arena, gtfs_type_name(type), maker->feed,
				    tables->stops[tables->transfers[i].from_stop].id, '~',
				    tables->stops[tables->transfers[i].to_stop].id);
	case GTFS_FARE:
		return maker_urn(maker, arena, type, tables->fares[i].id);
	case GTFS_FEED_INFO:
		return maker_urn(maker, arena, type, STR("info"));
	case GTFS_TYPE_COUNT:
		break;
	}
	return STR_NONE;
}

enum err_code gtfs_make(struct gtfs_maker *maker, enum gtfs_type type, uint32_t i, int64_t now_us, struct arena *arena,
			struct str *ret_id, struct json **ret, struct error *err)
{
	static void (*const makers[GTFS_TYPE_COUNT])(struct gtfs_maker *, struct entity *, uint32_t) = {
		[GTFS_AGENCY] = make_agency,
		[GTFS_STOP] = make_stop,
		[GTFS_STATION] = make_stop,
		[GTFS_ACCESS_POINT] = make_stop,
		[GTFS_ROUTE] = make_route,
		[GTFS_SERVICE] = make_service,
		[GTFS_CALENDAR_RULE] = make_calendar_rule,
		[GTFS_CALENDAR_DATE_RULE] = make_date_rule,
		[GTFS_SHAPE] = make_shape,
		[GTFS_TRIP] = make_trip,
		[GTFS_STOP_TIME] = make_stop_time,
		[GTFS_FREQUENCY] = make_frequency,
		[GTFS_TRANSFER_RULE] = make_transfer,
		[GTFS_FARE] = make_fare,
		[GTFS_FEED_INFO] = make_info,
	};
	struct entity entity;

	assert(type < GTFS_TYPE_COUNT);
	if (!has_entity(maker, type, i)) {
		*ret = NULL;
		return ERR_OK;
	}
	struct str id = urn_of(maker, type, i, arena);

	entity_begin(&entity, arena, id, maker->types[type], now_us);
	makers[type](maker, &entity, i);
	struct json *root = entity_done(&entity);

	if (!id.at || !root)
		return err_set(err, ERR_MEMORY, "no memory for entity %.*s", STR_FMT(id));
	*ret_id = id;
	*ret = root;
	return ERR_OK;
}
