/* The files that say what runs and when: calendars, shapes, trips, stop times, frequencies. */
#include "engine/transit/read_int.h"

#include <math.h>

#define COLUMNS(array) array, sizeof(array) / sizeof((array)[0])

enum { CALENDAR_SERVICE, CALENDAR_MONDAY, CALENDAR_START = CALENDAR_MONDAY + 7, CALENDAR_END };

static const struct column calendar_columns[] = {
	{"service_id", true}, {"monday", true},   {"tuesday", true}, {"wednesday", true},  {"thursday", true},
	{"friday", true},     {"saturday", true}, {"sunday", true},  {"start_date", true}, {"end_date", true},
};

static enum err_code read_calendar(struct transit_reader *reader, struct error *err)
{
	struct transit_service row = {.has_week = true, .line = (uint32_t)reader->row->line};
	struct str id;
	uint32_t index;

	if (!row_id(reader, CALENDAR_SERVICE, &id))
		return ERR_OK;
	for (size_t day = 0; day < 7; day++) {
		int32_t runs;

		if (!transit_parse_int(row_value(reader, CALENDAR_MONDAY + day), 0, 1, &runs))
			return row_skip(reader, "%s is neither 0 nor 1", calendar_columns[CALENDAR_MONDAY + day].name);
		row.weekdays |= (uint8_t)(runs << day);
	}
	if (!transit_parse_date(row_value(reader, CALENDAR_START), &row.first_day) ||
	    !transit_parse_date(row_value(reader, CALENDAR_END), &row.last_day))
		return row_skip(reader, "start_date or end_date is no date");
	if (row.last_day < row.first_day)
		return row_skip(reader, "end_date is before start_date");
	enum err_code code = transit_text(reader->feed, id, &row.id, err);

	if (!code)
		code = transit_add_service(reader->feed, &row, &index, err);
	return code == ERR_EXISTS ? row_skip(reader, "service_id \"%.*s\" is there already", STR_FMT(id)) : code;
}

enum { DATE_SERVICE, DATE_DATE, DATE_TYPE };

static const struct column date_columns[] = {{"service_id", true}, {"date", true}, {"exception_type", true}};

static enum err_code read_calendar_date(struct transit_reader *reader, struct error *err)
{
	struct transit_exception row = {.line = (uint32_t)reader->row->line};
	int32_t type;
	struct str id;

	if (!row_id(reader, DATE_SERVICE, &id))
		return ERR_OK;
	if (!transit_parse_date(row_value(reader, DATE_DATE), &row.day))
		return row_skip(reader, "date \"%.*s\" is none",
				STR_FMT(str_part(row_value(reader, DATE_DATE), 0, 40)));
	if (!transit_parse_int(row_value(reader, DATE_TYPE), 1, 2, &type))
		return row_skip(reader, "exception_type is neither 1 nor 2");
	row.type = (uint8_t)type;
	row.service = transit_find_service(reader->feed, id);
	if (row.service == TRANSIT_NONE) {
		struct transit_service service = {.line = row.line};
		enum err_code code = transit_text(reader->feed, id, &service.id, err);

		if (!code)
			code = transit_add_service(reader->feed, &service, &row.service, err);
		if (code)
			return code;
	}
	return transit_add_exception(reader->feed, &row, err);
}

enum { SHAPE_ID, SHAPE_LAT, SHAPE_LON, SHAPE_SEQUENCE, SHAPE_DISTANCE };

static const struct column shape_columns[] = {
	{"shape_id", true},          {"shape_pt_lat", true},         {"shape_pt_lon", true},
	{"shape_pt_sequence", true}, {"shape_dist_traveled", false},
};

/* The shape of the row before, most often. */
static enum err_code shape_of(struct transit_reader *reader, struct str id, uint32_t *ret_shape, struct error *err)
{
	const struct transit_tables *tables = transit_feed_tables(reader->feed);
	uint32_t shape = reader->last_shape;

	if (shape == TRANSIT_NONE || !str_eq(tables->shapes[shape].id, id))
		shape = transit_find_shape(reader->feed, id);
	if (shape == TRANSIT_NONE) {
		struct transit_shape row = {0};
		enum err_code code = transit_text(reader->feed, id, &row.id, err);

		if (!code)
			code = transit_add_shape(reader->feed, &row, &shape, err);
		if (code)
			return code;
	}
	*ret_shape = reader->last_shape = shape;
	return ERR_OK;
}

static enum err_code read_shape(struct transit_reader *reader, struct error *err)
{
	struct transit_point row = {.line = (uint32_t)reader->row->line, .distance = NAN};
	struct str id, lat = row_value(reader, SHAPE_LAT), lon = row_value(reader, SHAPE_LON);
	struct str distance = row_value(reader, SHAPE_DISTANCE);
	int32_t sequence;

	if (!row_id(reader, SHAPE_ID, &id))
		return ERR_OK;
	if (!transit_parse_place(lon, lat, &row.lon, &row.lat))
		return row_skip(reader, "\"%.*s\", \"%.*s\" is no latitude and longitude",
				STR_FMT(str_part(lat, 0, 24)), STR_FMT(str_part(lon, 0, 24)));
	if (!transit_parse_int(row_value(reader, SHAPE_SEQUENCE), 0, INT32_MAX, &sequence))
		return row_skip(reader, "shape_pt_sequence is no whole number");
	row.sequence = (uint32_t)sequence;
	if (distance.len > 0 && !transit_parse_distance(distance, &row.distance))
		row_repaired(reader, "shape_dist_traveled is no distance and was left out");
	enum err_code code = shape_of(reader, id, &row.shape, err);

	return code ? code : transit_add_point(reader->feed, &row, err);
}

enum {
	TRIP_ROUTE,
	TRIP_SERVICE,
	TRIP_ID,
	TRIP_HEADSIGN,
	TRIP_SHORT,
	TRIP_DIRECTION,
	TRIP_BLOCK,
	TRIP_SHAPE,
	TRIP_WHEELCHAIR,
	TRIP_BIKES
};

static const struct column trip_columns[] = {
	{"route_id", true},       {"service_id", true},       {"trip_id", true},
	{"trip_headsign", false}, {"trip_short_name", false}, {"direction_id", false},
	{"block_id", false},      {"shape_id", false},        {"wheelchair_accessible", false},
	{"bikes_allowed", false},
};

static enum err_code trip_texts(struct transit_reader *reader, struct transit_trip *row, struct error *err)
{
	enum err_code code = row_text(reader, TRIP_ID, &row->id, err);

	if (!code)
		code = row_text(reader, TRIP_HEADSIGN, &row->headsign, err);
	if (!code)
		code = row_text(reader, TRIP_SHORT, &row->short_name, err);
	return code ? code : row_text(reader, TRIP_BLOCK, &row->block, err);
}

static enum err_code read_trip(struct transit_reader *reader, struct error *err)
{
	struct str id, route = row_value(reader, TRIP_ROUTE), service = row_value(reader, TRIP_SERVICE);
	struct str shape = row_value(reader, TRIP_SHAPE);
	struct transit_trip row = {
		.route = transit_find_route(reader->feed, route),
		.service = transit_find_service(reader->feed, service),
		.shape = shape.len ? transit_find_shape(reader->feed, shape) : TRANSIT_NONE,
		.line = (uint32_t)reader->row->line,
	};
	uint32_t index;

	if (!row_id(reader, TRIP_ID, &id))
		return ERR_OK;
	if (row.route == TRANSIT_NONE)
		return row_skip(reader, "route \"%.*s\" is not in routes.txt", STR_FMT(str_part(route, 0, 80)));
	if (row.service == TRANSIT_NONE)
		return row_skip(reader, "service \"%.*s\" is in no calendar", STR_FMT(str_part(service, 0, 80)));
	if (shape.len > 0 && row.shape == TRANSIT_NONE)
		row_repaired(reader, "shape \"%.*s\" is not in shapes.txt; straight lines are used",
			     STR_FMT(str_part(shape, 0, 80)));
	row.direction = (int8_t)row_option(reader, TRIP_DIRECTION, 0, 1, -1);
	row.wheelchair = (uint8_t)row_option(reader, TRIP_WHEELCHAIR, 0, 2, 0);
	row.bikes = (uint8_t)row_option(reader, TRIP_BIKES, 0, 2, 0);
	enum err_code code = trip_texts(reader, &row, err);

	if (!code)
		code = transit_add_trip(reader->feed, &row, &index, err);
	return code == ERR_EXISTS ? row_skip(reader, "trip_id \"%.*s\" is there already", STR_FMT(id)) : code;
}

/* The trip of the row before, most often. */
static uint32_t trip_of(struct transit_reader *reader, struct str id)
{
	const struct transit_tables *tables = transit_feed_tables(reader->feed);

	if (reader->last_trip == TRANSIT_NONE || !str_eq(tables->trips[reader->last_trip].id, id))
		reader->last_trip = transit_find_trip(reader->feed, id);
	return reader->last_trip;
}

enum {
	TIME_TRIP,
	TIME_ARRIVAL,
	TIME_DEPARTURE,
	TIME_STOP,
	TIME_SEQUENCE,
	TIME_HEADSIGN,
	TIME_PICKUP,
	TIME_DROP_OFF,
	TIME_DISTANCE,
	TIME_TIMEPOINT
};

static const struct column time_columns[] = {
	{"trip_id", true},      {"arrival_time", false},  {"departure_time", false},
	{"stop_id", true},      {"stop_sequence", true},  {"stop_headsign", false},
	{"pickup_type", false}, {"drop_off_type", false}, {"shape_dist_traveled", false},
	{"timepoint", false},
};

/* Arrival and departure; one of them alone stands for both. False: skipped. */
static bool times_of(struct transit_reader *reader, struct transit_stop_time *row)
{
	struct str arrival = row_value(reader, TIME_ARRIVAL), departure = row_value(reader, TIME_DEPARTURE);

	row->arrival = row->departure = TRANSIT_TIME_NONE;
	if (arrival.len > 0 && !transit_parse_time(arrival, &row->arrival))
		(void)row_skip(reader, "arrival_time \"%.*s\" is no time", STR_FMT(str_part(arrival, 0, 40)));
	if (departure.len > 0 && !transit_parse_time(departure, &row->departure))
		(void)row_skip(reader, "departure_time \"%.*s\" is no time", STR_FMT(str_part(departure, 0, 40)));
	if (row->arrival == TRANSIT_TIME_NONE)
		row->arrival = row->departure;
	if (row->departure == TRANSIT_TIME_NONE)
		row->departure = row->arrival;
	if (row->departure < row->arrival)
		(void)row_skip(reader, "departure_time is before arrival_time");
	return !reader->skipped;
}

static enum err_code time_headsign(struct transit_reader *reader, struct transit_stop_time *row, struct error *err)
{
	struct str headsign = row_value(reader, TIME_HEADSIGN);

	if (headsign.len == 0)
		return ERR_OK;
	if (str_is_utf8(headsign))
		return transit_text_index(reader->feed, headsign, &row->headsign, err);
	row_repaired(reader, "stop_headsign is not UTF-8 and was left out");
	return ERR_OK;
}

static enum err_code read_stop_time(struct transit_reader *reader, struct error *err)
{
	struct str trip = row_value(reader, TIME_TRIP), stop = row_value(reader, TIME_STOP);
	struct str distance = row_value(reader, TIME_DISTANCE);
	struct transit_stop_time row = {
		.trip = trip_of(reader, trip),
		.stop = transit_find_stop(reader->feed, stop),
		.distance = NAN,
		.line = (uint32_t)reader->row->line,
	};
	int32_t sequence;

	if (row.trip == TRANSIT_NONE)
		return row_skip(reader, "trip \"%.*s\" is not in trips.txt", STR_FMT(str_part(trip, 0, 80)));
	if (row.stop == TRANSIT_NONE)
		return row_skip(reader, "stop \"%.*s\" is not in stops.txt", STR_FMT(str_part(stop, 0, 80)));
	if (!transit_parse_int(row_value(reader, TIME_SEQUENCE), 0, INT32_MAX, &sequence))
		return row_skip(reader, "stop_sequence is no whole number");
	if (!transit_feed_tables(reader->feed)->stops[row.stop].has_place)
		return row_skip(reader, "stop \"%.*s\" has no place", STR_FMT(str_part(stop, 0, 80)));
	if (!times_of(reader, &row))
		return ERR_OK;
	row.sequence = (uint32_t)sequence;
	row.pickup = (uint8_t)row_option(reader, TIME_PICKUP, 0, 3, 0);
	row.drop_off = (uint8_t)row_option(reader, TIME_DROP_OFF, 0, 3, 0);
	row.timepoint = (int8_t)row_option(reader, TIME_TIMEPOINT, 0, 1, -1);
	if (distance.len > 0 && !transit_parse_distance(distance, &row.distance))
		row_repaired(reader, "shape_dist_traveled is no distance and was left out");
	enum err_code code = time_headsign(reader, &row, err);

	return code ? code : transit_add_stop_time(reader->feed, &row, err);
}

enum { FREQUENCY_TRIP, FREQUENCY_START, FREQUENCY_END, FREQUENCY_HEADWAY, FREQUENCY_EXACT };

static const struct column frequency_columns[] = {
	{"trip_id", true}, {"start_time", true}, {"end_time", true}, {"headway_secs", true}, {"exact_times", false},
};

static enum err_code read_frequency(struct transit_reader *reader, struct error *err)
{
	struct str trip = row_value(reader, FREQUENCY_TRIP), headway = row_value(reader, FREQUENCY_HEADWAY);
	struct transit_frequency row = {.trip = trip_of(reader, trip), .line = (uint32_t)reader->row->line};

	if (row.trip == TRANSIT_NONE)
		return row_skip(reader, "trip \"%.*s\" is not in trips.txt", STR_FMT(str_part(trip, 0, 80)));
	if (!transit_parse_time(row_value(reader, FREQUENCY_START), &row.start) ||
	    !transit_parse_time(row_value(reader, FREQUENCY_END), &row.end))
		return row_skip(reader, "start_time or end_time is no time");
	if (row.end <= row.start)
		return row_skip(reader, "end_time is not behind start_time");
	if (!transit_parse_int(headway, 1, TRANSIT_TIME_MAX_S, &row.headway))
		return row_skip(reader, "headway_secs \"%.*s\" is no positive number of seconds",
				STR_FMT(str_part(headway, 0, 40)));
	row.exact = row_option(reader, FREQUENCY_EXACT, 0, 1, 0) == 1;
	return transit_add_frequency(reader->feed, &row, err);
}

const struct file_form *transit_service_form(enum transit_file file)
{
	static const struct file_form forms[TRANSIT_FILE_COUNT] = {
		[TRANSIT_CALENDAR] = {COLUMNS(calendar_columns), read_calendar},
		[TRANSIT_CALENDAR_DATES] = {COLUMNS(date_columns), read_calendar_date},
		[TRANSIT_SHAPES] = {COLUMNS(shape_columns), read_shape},
		[TRANSIT_TRIPS] = {COLUMNS(trip_columns), read_trip},
		[TRANSIT_STOP_TIMES] = {COLUMNS(time_columns), read_stop_time},
		[TRANSIT_FREQUENCIES] = {COLUMNS(frequency_columns), read_frequency},
	};

	return forms[file].row ? &forms[file] : NULL;
}
