/* A feed read back from its entities, for those who run it.
 *
 * The entities are the truth: somebody may have changed them through the API since the import. Attributes are found
 * by the last part of their IRI, so that a feed imported with a context of its own loads as well. */
#include "feed/gtfs_maker_int.h"

#include "base/time_value.h"
#include "engine/transit/value.h"
#include "ngsild/document.h"

#include <math.h>
#include <stdio.h>

#define DOCUMENT_BYTES_MAX ((size_t)256 << 20) /* of one entity being read */

struct load {
	struct transit_feed *feed;
	struct store_reader *reader;
	struct json_parser *parser;
	struct arena arena; /* of one document */
	const struct gtfs_watch *watch;
	struct str prefix; /* of the ids wanted now */
	enum err_code (*take)(struct load *load, const struct json *entity, struct error *err);
	enum err_code code; /* what ended the scan */
	struct error *err;
};

/* ---- attributes ---- */

static struct str text_of(const struct json *entity, enum gtfs_name name)
{
	return json_text(gtfs_value(entity, name));
}

static int32_t number_of(const struct json *entity, enum gtfs_name name, int32_t fallback)
{
	int64_t value;

	if (!json_int64(gtfs_value(entity, name), &value) || value < INT32_MIN || value > INT32_MAX)
		return fallback;
	return (int32_t)value;
}

static bool date_of(const struct json *entity, enum gtfs_name name, int32_t *ret_day)
{
	struct civil_date date;

	if (!date_parse_iso(text_of(entity, name), &date))
		return false;
	*ret_day = (int32_t)days_from_civil(date);
	return true;
}

static enum err_code keep(struct load *load, struct str text, struct str *ret, struct error *err)
{
	return transit_text(load->feed, text, ret, err);
}

/* One that is there twice cannot be: ids are unique in a store. */
static enum err_code added(enum err_code code)
{
	return code == ERR_EXISTS ? ERR_OK : code;
}

/* ---- entities ---- */

static enum err_code take_agency(struct load *load, const struct json *entity, struct error *err)
{
	struct transit_agency row = {0};
	uint32_t index;
	enum err_code code = keep(load, document_id(entity), &row.id, err);

	if (!code)
		code = keep(load, text_of(entity, NAME_TIMEZONE), &row.timezone, err);
	return code ? code : added(transit_add_agency(load->feed, &row, &index, err));
}

static enum err_code take_stop(struct load *load, const struct json *entity, struct error *err)
{
	struct transit_stop row = {.parent = TRANSIT_NONE};
	uint32_t index;

	row.has_place = geo_point_of(gtfs_value(entity, NAME_LOCATION), &row.place);
	enum err_code code = keep(load, document_id(entity), &row.id, err);

	if (!code)
		code = keep(load, text_of(entity, NAME_NAME), &row.name, err);
	return code ? code : added(transit_add_stop(load->feed, &row, &index, err));
}

static enum err_code take_route(struct load *load, const struct json *entity, struct error *err)
{
	struct transit_route row = {
		.agency = TRANSIT_NONE, .type = number_of(entity, NAME_ROUTE_TYPE, 3), .sort_order = -1};
	uint32_t index;
	enum err_code code = keep(load, document_id(entity), &row.id, err);

	if (!code)
		code = keep(load, text_of(entity, NAME_SHORT_NAME), &row.short_name, err);
	if (!code)
		code = keep(load, text_of(entity, NAME_NAME), &row.long_name, err);
	if (!code)
		code = keep(load, text_of(entity, NAME_ROUTE_COLOR), &row.color, err);
	return code ? code : added(transit_add_route(load->feed, &row, &index, err));
}

static enum err_code take_rule(struct load *load, const struct json *entity, struct error *err)
{
	struct transit_service row = {.has_week = true};
	uint32_t index;

	for (unsigned day = 0; day < 7; day++) {
		const struct json *runs = gtfs_value(entity, NAME_MONDAY + day);

		if (json_is(runs, JSON_BOOL) && runs->boolean)
			row.weekdays |= (uint8_t)(1u << day);
	}
	if (!date_of(entity, NAME_START_DATE, &row.first_day) || !date_of(entity, NAME_END_DATE, &row.last_day))
		return ERR_OK;
	enum err_code code = keep(load, text_of(entity, NAME_HAS_SERVICE), &row.id, err);

	return code ? code : added(transit_add_service(load->feed, &row, &index, err));
}

static enum err_code take_date_rule(struct load *load, const struct json *entity, struct error *err)
{
	struct str service = text_of(entity, NAME_HAS_SERVICE);
	struct transit_exception row = {.service = transit_find_service(load->feed, service)};
	struct transit_service alone = {0};
	enum err_code code = ERR_OK;

	if (!date_of(entity, NAME_APPLIES_ON, &row.day))
		return ERR_OK;
	row.type = str_eq(text_of(entity, NAME_EXCEPTION_TYPE), STR("1")) ? 1 : 2;
	if (row.service == TRANSIT_NONE) {
		code = keep(load, service, &alone.id, err);
		if (!code)
			code = transit_add_service(load->feed, &alone, &row.service, err);
	}
	return code ? code : transit_add_exception(load->feed, &row, err);
}

static enum err_code take_shape(struct load *load, const struct json *entity, struct error *err)
{
	const struct json *line = json_get(gtfs_value(entity, NAME_LOCATION), STR("coordinates"));
	const struct json *distances = gtfs_value(entity, NAME_DISTANCE_TRAVELLED);
	struct transit_shape row = {0};
	uint32_t shape;

	if (!json_is(line, JSON_ARRAY) || line->count < 2)
		return ERR_OK;
	enum err_code code = keep(load, document_id(entity), &row.id, err);

	if (!code)
		code = transit_add_shape(load->feed, &row, &shape, err);
	for (uint32_t i = 0; i < line->count && !code; i++) {
		const struct json *lon = json_at(&line->items[i], 0), *lat = json_at(&line->items[i], 1);
		const struct json *distance = json_at(distances, i);

		if (!json_is(lon, JSON_NUMBER) || !json_is(lat, JSON_NUMBER))
			continue;
		code = transit_add_point(load->feed,
					 &(struct transit_point){.shape = shape,
								 .sequence = i,
								 .lon = lon->number,
								 .lat = lat->number,
								 .distance = json_is(distance, JSON_NUMBER)
										     ? distance->number
										     : (double)NAN},
					 err);
	}
	return added(code);
}

static enum err_code take_trip(struct load *load, const struct json *entity, struct error *err)
{
	struct transit_trip row = {
		.route = transit_find_route(load->feed, text_of(entity, NAME_HAS_ROUTE)),
		.service = transit_find_service(load->feed, text_of(entity, NAME_HAS_SERVICE)),
		.shape = transit_find_shape(load->feed, text_of(entity, NAME_HAS_SHAPE)),
		.direction = (int8_t)number_of(entity, NAME_DIRECTION, -1),
	};
	uint32_t index;

	if (row.route == TRANSIT_NONE || row.service == TRANSIT_NONE)
		return ERR_OK;
	enum err_code code = keep(load, document_id(entity), &row.id, err);

	if (!code)
		code = keep(load, text_of(entity, NAME_HEADSIGN), &row.headsign, err);
	return code ? code : added(transit_add_trip(load->feed, &row, &index, err));
}

/* Are these the feed's own stop_sequences, by which realtime feeds name calls? */
static bool sequences_rise(const struct json *sequences, uint32_t count)
{
	int64_t before = -1, value = 0;

	if (!json_is(sequences, JSON_ARRAY) || sequences->count != count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!json_int64(json_at(sequences, i), &value) || value <= before || value >= UINT32_MAX)
			return false;
		before = value;
	}
	return true;
}

static enum err_code take_stop_time(struct load *load, const struct json *entity, struct error *err)
{
	const struct json *stops = gtfs_value(entity, NAME_HAS_STOP), *arrivals = gtfs_value(entity, NAME_ARRIVAL_TIME);
	const struct json *departures = gtfs_value(entity, NAME_DEPARTURE_TIME);
	const struct json *distances = gtfs_value(entity, NAME_DISTANCE_TRAVELLED);
	const struct json *sequences = gtfs_value(entity, NAME_STOP_SEQUENCE);
	uint32_t trip = transit_find_trip(load->feed, text_of(entity, NAME_HAS_TRIP));
	bool sequenced = sequences_rise(sequences, stops ? stops->count : 0);
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; trip != TRANSIT_NONE && json_at(stops, i) && !code; i++) {
		const struct json *distance = json_at(distances, i);
		struct transit_stop_time row = {
			.trip = trip,
			.stop = transit_find_stop(load->feed, json_text(json_at(stops, i))),
			.sequence = sequenced ? (uint32_t)json_at(sequences, i)->number : i,
			.distance = json_is(distance, JSON_NUMBER) ? distance->number : (double)NAN,
			.timepoint = -1,
		};

		if (row.stop == TRANSIT_NONE || !transit_feed_tables(load->feed)->stops[row.stop].has_place ||
		    !transit_parse_time(json_text(json_at(arrivals, i)), &row.arrival) ||
		    !transit_parse_time(json_text(json_at(departures, i)), &row.departure) ||
		    row.departure < row.arrival)
			continue;
		code = transit_add_stop_time(load->feed, &row, err);
	}
	return code;
}

static enum err_code take_frequency(struct load *load, const struct json *entity, struct error *err)
{
	const struct json *exact = gtfs_value(entity, NAME_EXACT_TIMES);
	struct transit_frequency row = {
		.trip = transit_find_trip(load->feed, text_of(entity, NAME_HAS_TRIP)),
		.headway = number_of(entity, NAME_HEADWAY, 0),
		.exact = json_is(exact, JSON_BOOL) && exact->boolean,
	};

	if (row.trip == TRANSIT_NONE || row.headway <= 0 ||
	    !transit_parse_time(text_of(entity, NAME_START_TIME), &row.start) ||
	    !transit_parse_time(text_of(entity, NAME_END_TIME), &row.end) || row.end <= row.start)
		return ERR_OK;
	return transit_add_frequency(load->feed, &row, err);
}

/* ---- scanning ---- */

static bool visit(void *self, struct json *entity)
{
	struct load *load = self;

	load->code = gtfs_watch_ask(load->watch, load->err);
	if (!load->code && str_starts(document_id(entity), load->prefix))
		load->code = load->take(load, entity, load->err);
	return !load->code;
}

static enum err_code scan(struct load *load, struct str feed, enum gtfs_type type,
			  enum err_code (*take)(struct load *load, const struct json *entity, struct error *err),
			  struct error *err)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "urn:ngsi-ld:%.*s:%.*s:", STR_FMT(gtfs_type_name(type)), STR_FMT(feed));

	load->prefix = (struct str){text, (size_t)len};
	load->take = take;
	load->err = err;
	struct narrow narrow = {.id_prefix = load->prefix};
	const struct store_tree_sight sight = {
		.visit = visit, .self = load, .parser = load->parser, .arena = &load->arena};
	enum err_code code = store_scan_trees(load->reader, &narrow, &sight, err);

	return code ? code : load->code;
}

static enum err_code scan_all(struct load *load, struct str feed, struct error *err)
{
	static const struct {
		enum gtfs_type type;
		enum err_code (*take)(struct load *load, const struct json *entity, struct error *err);
	} steps[] = {
		{GTFS_AGENCY, take_agency},
		{GTFS_STOP, take_stop},
		{GTFS_STATION, take_stop},
		{GTFS_ACCESS_POINT, take_stop},
		{GTFS_ROUTE, take_route},
		{GTFS_CALENDAR_RULE, take_rule},
		{GTFS_CALENDAR_DATE_RULE, take_date_rule},
		{GTFS_SHAPE, take_shape},
		{GTFS_TRIP, take_trip},
		{GTFS_STOP_TIME, take_stop_time},
		{GTFS_FREQUENCY, take_frequency},
	};
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !code; i++)
		code = scan(load, feed, steps[i].type, steps[i].take, err);
	if (!code && transit_feed_tables(load->feed)->agency_count == 0)
		code = err_set(err, ERR_NOT_FOUND, "no GTFS feed \"%.*s\" was imported", STR_FMT(feed));
	return code ? code : transit_feed_check(load->feed, err);
}

enum err_code gtfs_load(struct store_reader *reader, struct str feed, const struct gtfs_watch *watch,
			struct transit_feed **ret_feed, struct error *err)
{
	struct load load = {.reader = reader, .watch = watch, .parser = json_parser_new()};
	enum err_code code = load.parser ? transit_feed_new(NULL, &load.feed, err)
					 : err_set(err, ERR_MEMORY, "no memory to load a feed");

	arena_init(&load.arena, DOCUMENT_BYTES_MAX);
	if (!code)
		code = gtfs_check_feed_name(feed, err);
	if (!code)
		code = scan_all(&load, feed, err);
	arena_done(&load.arena);
	(void)json_parser_free(load.parser);
	if (code)
		(void)transit_feed_free(load.feed);
	else
		*ret_feed = load.feed;
	return code;
}
