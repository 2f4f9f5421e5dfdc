/* Entities of a timetable as rows of its files: the makers of gtfs_network.c and gtfs_service.c backwards. An attribute
 * that is not there is an empty field. */
#include "feed/gtfs_export_int.h"
#include "ngsild/document.h"

#include "base/time_value.h"

#include <string.h>

/* ---- fields ---- */

static void begin_field(struct gtfs_out *out)
{
	if (out->begun)
		buf_put_char(&out->rows, ',');
	out->begun = true;
}

static void end_row(struct gtfs_out *out)
{
	buf_put(&out->rows, STR("\r\n"));
	out->begun = false;
}

/* RFC 4180, and what stands at the edges of a field stays there. */
static bool wants_quotes(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '"' || text.at[i] == ',' || text.at[i] == '\n' || text.at[i] == '\r')
			return true;
	return text.len && (text.at[0] == ' ' || text.at[text.len - 1] == ' ');
}

static void put_text(struct gtfs_out *out, struct str text)
{
	begin_field(out);
	if (!wants_quotes(text)) {
		buf_put(&out->rows, text);
		return;
	}
	buf_put_char(&out->rows, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"')
			buf_put_char(&out->rows, '"');
		buf_put_char(&out->rows, text.at[i]);
	}
	buf_put_char(&out->rows, '"');
}

/* A text or a number as it is, true and false as 1 and 0; nothing of anything else. */
static void put_value(struct gtfs_out *out, const struct json *value)
{
	if (json_is(value, JSON_STRING)) {
		put_text(out, json_text(value));
	} else if (json_is(value, JSON_BOOL)) {
		put_text(out, value->boolean ? STR("1") : STR("0"));
	} else {
		begin_field(out);
		if (json_is(value, JSON_NUMBER))
			json_write(&out->rows, value);
	}
}

static void put(struct gtfs_out *out, const struct json *entity, enum gtfs_name name)
{
	put_value(out, gtfs_value(entity, name));
}

static void put_date(struct gtfs_out *out, const struct json *entity, enum gtfs_name name)
{
	struct civil_date date;

	begin_field(out);
	if (date_parse_iso(json_text(gtfs_value(entity, name)), &date))
		buf_printf(&out->rows, "%04d%02d%02d", (int)date.year, (int)date.month, (int)date.day);
}

/* The id that a URN of this type and feed stands for. */
static void put_id(struct gtfs_out *out, enum gtfs_type type, struct str urn)
{
	put_text(out, gtfs_id(&out->arena, type, out->feed, urn));
}

static void put_own_id(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	put_id(out, type, document_id(entity));
}

static void put_target(struct gtfs_out *out, enum gtfs_type type, const struct json *entity, enum gtfs_name name)
{
	put_id(out, type, json_text(gtfs_value(entity, name)));
}

static struct str stop_id(struct gtfs_out *out, struct str urn)
{
	static const enum gtfs_type types[] = {GTFS_STOP, GTFS_STATION, GTFS_ACCESS_POINT};
	struct str id = STR_NONE;

	for (size_t i = 0; i < 3 && !id.len; i++)
		id = gtfs_id(&out->arena, types[i], out->feed, urn);
	return id;
}

/* ---- what stands ---- */

static void put_agency(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	static const enum gtfs_name names[] = {NAME_NAME,  NAME_PAGE,      NAME_TIMEZONE, NAME_LANGUAGE,
					       NAME_PHONE, NAME_FARE_PAGE, NAME_EMAIL};

	put_own_id(out, type, entity);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(out, entity, names[i]);
	end_row(out);
}

static void put_stop(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	const struct json *place = json_get(gtfs_value(entity, NAME_LOCATION), STR("coordinates"));

	put_own_id(out, type, entity);
	put(out, entity, NAME_CODE);
	put(out, entity, NAME_NAME);
	put(out, entity, NAME_DESCRIPTION);
	put_value(out, json_at(place, 1));
	put_value(out, json_at(place, 0));
	put(out, entity, NAME_ZONE_CODE);
	put(out, entity, NAME_PAGE);
	if (type == GTFS_STOP)
		put(out, entity, NAME_LOCATION_TYPE);
	else
		put_text(out, type == GTFS_STATION ? STR("1") : STR("2"));
	put_text(out, stop_id(out, json_text(gtfs_value(entity, NAME_PARENT_STATION))));
	put(out, entity, NAME_TIMEZONE);
	put(out, entity, NAME_WHEELCHAIR);
	put(out, entity, NAME_PLATFORM_CODE);
	end_row(out);
}

static void put_route(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	struct str shorter = json_text(gtfs_value(entity, NAME_SHORT_NAME));
	struct str longer = json_text(gtfs_value(entity, NAME_NAME));

	put_own_id(out, type, entity);
	put_target(out, GTFS_AGENCY, entity, NAME_OPERATED_BY);
	put_text(out, shorter);
	/* A route without a long name has its short one for a name. */
	put_text(out, shorter.len && str_eq(shorter, longer) ? STR("") : longer);
	put(out, entity, NAME_DESCRIPTION);
	put(out, entity, NAME_ROUTE_TYPE);
	put(out, entity, NAME_PAGE);
	put(out, entity, NAME_ROUTE_COLOR);
	put(out, entity, NAME_ROUTE_TEXT_COLOR);
	put(out, entity, NAME_ROUTE_SORT_ORDER);
	end_row(out);
}

static void put_shape(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	const struct json *line = json_get(gtfs_value(entity, NAME_LOCATION), STR("coordinates"));
	const struct json *distances = gtfs_value(entity, NAME_DISTANCE_TRAVELLED);
	struct str id = gtfs_id(&out->arena, type, out->feed, document_id(entity));

	for (uint32_t i = 0; json_is(line, JSON_ARRAY) && i < line->count; i++) {
		put_text(out, id);
		put_value(out, json_at(&line->items[i], 1));
		put_value(out, json_at(&line->items[i], 0));
		buf_printf(&out->rows, ",%u", i);
		put_value(out, json_at(distances, i));
		end_row(out);
	}
}

static void put_transfer(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	(void)type;
	put_text(out, stop_id(out, json_text(gtfs_value(entity, NAME_HAS_ORIGIN))));
	put_text(out, stop_id(out, json_text(gtfs_value(entity, NAME_HAS_DESTINATION))));
	put(out, entity, NAME_TRANSFER_TYPE);
	put(out, entity, NAME_MIN_TRANSFER_TIME);
	end_row(out);
}

static void put_fare(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	put_own_id(out, type, entity);
	put(out, entity, NAME_PRICE);
	put(out, entity, NAME_CURRENCY_TYPE);
	put(out, entity, NAME_PAYMENT_METHOD);
	put(out, entity, NAME_TRANSFERS);
	put_target(out, GTFS_AGENCY, entity, NAME_OPERATED_BY);
	put(out, entity, NAME_TRANSFER_DURATION);
	end_row(out);
}

static void put_fare_rules(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	const struct json *rules = gtfs_value(entity, NAME_FARE_RULES);
	bool many = json_is(rules, JSON_ARRAY);

	for (uint32_t i = 0; rules && i < (many ? rules->count : 1); i++) {
		const struct json *rule = many ? &rules->items[i] : rules;

		put_own_id(out, type, entity);
		put_id(out, GTFS_ROUTE, json_text(json_get(rule, STR("route"))));
		put_value(out, json_get(rule, STR("origin")));
		put_value(out, json_get(rule, STR("destination")));
		put_value(out, json_get(rule, STR("contains")));
		end_row(out);
	}
}

static void put_info(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	(void)type;
	put(out, entity, NAME_NAME);
	put(out, entity, NAME_PAGE);
	put(out, entity, NAME_LANGUAGE);
	put_date(out, entity, NAME_START_DATE);
	put_date(out, entity, NAME_END_DATE);
	put(out, entity, NAME_VERSION);
	end_row(out);
}

/* ---- what runs ---- */

static void put_rule(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	(void)type;
	put_target(out, GTFS_SERVICE, entity, NAME_HAS_SERVICE);
	for (unsigned day = 0; day < 7; day++)
		put(out, entity, NAME_MONDAY + day);
	put_date(out, entity, NAME_START_DATE);
	put_date(out, entity, NAME_END_DATE);
	end_row(out);
}

static void put_date_rule(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	(void)type;
	put_target(out, GTFS_SERVICE, entity, NAME_HAS_SERVICE);
	put_date(out, entity, NAME_APPLIES_ON);
	put(out, entity, NAME_EXCEPTION_TYPE);
	end_row(out);
}

static void put_trip(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	put_target(out, GTFS_ROUTE, entity, NAME_HAS_ROUTE);
	put_target(out, GTFS_SERVICE, entity, NAME_HAS_SERVICE);
	put_own_id(out, type, entity);
	put(out, entity, NAME_HEADSIGN);
	put(out, entity, NAME_SHORT_NAME);
	put(out, entity, NAME_DIRECTION);
	put(out, entity, NAME_BLOCK);
	put_target(out, GTFS_SHAPE, entity, NAME_HAS_SHAPE);
	put(out, entity, NAME_WHEELCHAIR);
	put(out, entity, NAME_BIKES);
	end_row(out);
}

static void put_stop_times(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	static const enum gtfs_name names[] = {NAME_STOP_SEQUENCE, NAME_STOP_HEADSIGN,      NAME_PICKUP_TYPE,
					       NAME_DROP_OFF_TYPE, NAME_DISTANCE_TRAVELLED, NAME_TIMEPOINT};
	const struct json *stops = gtfs_value(entity, NAME_HAS_STOP);
	const struct json *arrivals = gtfs_value(entity, NAME_ARRIVAL_TIME);
	const struct json *departures = gtfs_value(entity, NAME_DEPARTURE_TIME);
	const struct json *lists[sizeof(names) / sizeof(names[0])];
	struct str trip = gtfs_id(&out->arena, GTFS_TRIP, out->feed, json_text(gtfs_value(entity, NAME_HAS_TRIP)));

	(void)type;
	for (size_t l = 0; l < sizeof(names) / sizeof(names[0]); l++)
		lists[l] = gtfs_value(entity, names[l]);
	for (uint32_t i = 0; json_is(stops, JSON_ARRAY) && i < stops->count; i++) {
		put_text(out, trip);
		put_value(out, json_at(arrivals, i));
		put_value(out, json_at(departures, i));
		put_text(out, stop_id(out, json_text(&stops->items[i])));
		for (size_t l = 0; l < sizeof(names) / sizeof(names[0]); l++)
			put_value(out, json_at(lists[l], i));
		end_row(out);
	}
}

static void put_frequency(struct gtfs_out *out, enum gtfs_type type, const struct json *entity)
{
	(void)type;
	put_target(out, GTFS_TRIP, entity, NAME_HAS_TRIP);
	put(out, entity, NAME_START_TIME);
	put(out, entity, NAME_END_TIME);
	put(out, entity, NAME_HEADWAY);
	put(out, entity, NAME_EXACT_TIMES);
	end_row(out);
}

/* ---- files ---- */

#define OF(type)                                                                                                       \
	{                                                                                                              \
		(type), GTFS_TYPE_COUNT, GTFS_TYPE_COUNT                                                               \
	}

const struct gtfs_out_file gtfs_out_files[GTFS_OUT_FILES] = {
	{"agency.txt",
	 "agency_id,agency_name,agency_url,agency_timezone,agency_lang,agency_phone,agency_fare_url,agency_email", true,
	 OF(GTFS_AGENCY), put_agency},
	{"stops.txt",
	 "stop_id,stop_code,stop_name,stop_desc,stop_lat,stop_lon,zone_id,stop_url,location_type,parent_station,"
	 "stop_timezone,wheelchair_boarding,platform_code",
	 true,
	 {GTFS_STOP, GTFS_STATION, GTFS_ACCESS_POINT},
	 put_stop},
	{"routes.txt",
	 "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type,route_url,route_color,"
	 "route_text_color,route_sort_order",
	 true, OF(GTFS_ROUTE), put_route},
	{"calendar.txt", "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
	 false, OF(GTFS_CALENDAR_RULE), put_rule},
	{"calendar_dates.txt", "service_id,date,exception_type", true, OF(GTFS_CALENDAR_DATE_RULE), put_date_rule},
	{"shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled", false,
	 OF(GTFS_SHAPE), put_shape},
	{"trips.txt",
	 "route_id,service_id,trip_id,trip_headsign,trip_short_name,direction_id,block_id,shape_id,"
	 "wheelchair_accessible,bikes_allowed",
	 true, OF(GTFS_TRIP), put_trip},
	{"stop_times.txt",
	 "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,pickup_type,drop_off_type,"
	 "shape_dist_traveled,timepoint",
	 true, OF(GTFS_STOP_TIME), put_stop_times},
	{"frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times", false, OF(GTFS_FREQUENCY),
	 put_frequency},
	{"transfers.txt", "from_stop_id,to_stop_id,transfer_type,min_transfer_time", false, OF(GTFS_TRANSFER_RULE),
	 put_transfer},
	{"fare_attributes.txt", "fare_id,price,currency_type,payment_method,transfers,agency_id,transfer_duration",
	 false, OF(GTFS_FARE), put_fare},
	{"fare_rules.txt", "fare_id,route_id,origin_id,destination_id,contains_id", false, OF(GTFS_FARE),
	 put_fare_rules},
	{"feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version",
	 false, OF(GTFS_FEED_INFO), put_info},
};
