/* A feed's tables: growing arrays of plain rows, a map from ids to rows for each table that has ids, and one arena for
 * all texts. */
#include "engine/transit/feed_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64u
#define FINDING_BYTES_MAX 400u
#define SHARED_TEXT_BYTES_MAX 64u /* longer texts are seldom repeated: no look-up for them */

const char *transit_file_name(enum transit_file file)
{
	static const char *const names[TRANSIT_FILE_COUNT] = {
		[TRANSIT_AGENCY] = "agency.txt",
		[TRANSIT_STOPS] = "stops.txt",
		[TRANSIT_ROUTES] = "routes.txt",
		[TRANSIT_CALENDAR] = "calendar.txt",
		[TRANSIT_CALENDAR_DATES] = "calendar_dates.txt",
		[TRANSIT_SHAPES] = "shapes.txt",
		[TRANSIT_TRIPS] = "trips.txt",
		[TRANSIT_STOP_TIMES] = "stop_times.txt",
		[TRANSIT_FREQUENCIES] = "frequencies.txt",
		[TRANSIT_TRANSFERS] = "transfers.txt",
		[TRANSIT_FARE_ATTRIBUTES] = "fare_attributes.txt",
		[TRANSIT_FARE_RULES] = "fare_rules.txt",
		[TRANSIT_FEED_INFO] = "feed_info.txt",
	};

	return names[file];
}

enum err_code transit_feed_new(const struct transit_report *report, struct transit_feed **ret_feed, struct error *err)
{
	struct transit_feed *feed = calloc(1, sizeof(*feed));
	uint32_t empty;

	if (!feed)
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	if (report)
		feed->report = *report;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		map_init(&feed->ids[i], i);
	arena_init(&feed->texts, TRANSIT_TEXT_BYTES_MAX);
	enum err_code code = transit_text_index(feed, STR(""), &empty, err);

	if (code) {
		(void)transit_feed_free(feed);
		return code;
	}
	*ret_feed = feed;
	return ERR_OK;
}

struct transit_feed *transit_feed_free(struct transit_feed *feed)
{
	if (!feed)
		return NULL;
	free(feed->tables.agencies);
	free(feed->tables.stops);
	free(feed->tables.routes);
	free(feed->tables.services);
	free(feed->tables.exceptions);
	free(feed->tables.shapes);
	free(feed->tables.points);
	free(feed->tables.trips);
	free(feed->tables.times);
	free(feed->tables.frequencies);
	free(feed->tables.transfers);
	free(feed->tables.fares);
	free(feed->tables.fare_rules);
	free(feed->tables.texts);
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		map_done(&feed->ids[i]);
	arena_done(&feed->texts);
	free(feed);
	return NULL;
}

const struct transit_tables *transit_feed_tables(const struct transit_feed *feed)
{
	return &feed->tables;
}

void transit_tell(struct transit_feed *feed, enum transit_file file, uint64_t line, enum transit_finding finding,
		  const char *what, ...)
{
	char text[FINDING_BYTES_MAX];
	va_list args;

	if (!feed->report.tell)
		return;
	va_start(args, what);
	(void)vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	feed->report.tell(feed->report.self, file, line, finding, text);
}

enum err_code transit_text(struct transit_feed *feed, struct str text, struct str *ret_copy, struct error *err)
{
	uint32_t index;

	if (text.len <= SHARED_TEXT_BYTES_MAX) {
		enum err_code code = transit_text_index(feed, text, &index, err);

		if (!code)
			*ret_copy = feed->tables.texts[index];
		return code;
	}
	struct str copy = arena_dup(&feed->texts, text);

	if (!copy.at)
		return err_set(err, ERR_LIMIT, "the feed's texts take more than %lld bytes",
			       (long long)TRANSIT_TEXT_BYTES_MAX);
	*ret_copy = copy;
	return ERR_OK;
}

/* Makes room for one row more; rows is the address of the table's pointer. */
static enum err_code grow(struct transit_feed *feed, enum transit_table table, void **rows, uint32_t count, size_t size,
			  struct error *err)
{
	if (count < feed->rooms[table])
		return ERR_OK;
	uint32_t room = feed->rooms[table] ? feed->rooms[table] * 2 : ROOM_MIN;

	if (count >= TRANSIT_ROWS_MAX)
		return err_set(err, ERR_LIMIT, "a table of the feed has more than %u rows", TRANSIT_ROWS_MAX);
	void *more = realloc(*rows, room * size);

	if (!more)
		return err_set(err, ERR_MEMORY, "no memory for %u rows of a feed", room);
	*rows = more;
	feed->rooms[table] = room;
	return ERR_OK;
}

static enum err_code index_id(struct transit_feed *feed, enum transit_table table, struct str id, uint32_t index,
			      struct error *err)
{
	struct map *map = &feed->ids[table];

	if (map_get(map, id))
		return err_set(err, ERR_EXISTS, "id \"%.*s\" is there already", STR_FMT(id));
	if (!map_set(map, id, (void *)(uintptr_t)(index + 1)))
		return err_set(err, ERR_MEMORY, "no memory for the ids of a feed");
	return ERR_OK;
}

static uint32_t find_id(const struct transit_feed *feed, enum transit_table table, struct str id)
{
	uintptr_t place = (uintptr_t)map_get(&feed->ids[table], id);

	return place ? (uint32_t)(place - 1) : TRANSIT_NONE;
}

/* How a table with ids and one without take a row. */
#define ADD(feed, table, rows, counter, row, err)                                                                      \
	__extension__({                                                                                                \
		void *rows_ = (feed)->tables.rows;                                                                     \
		enum err_code code_ = grow((feed), (table), &rows_, (feed)->tables.counter, sizeof(*(row)), (err));    \
		(feed)->tables.rows = rows_;                                                                           \
		if (!code_)                                                                                            \
			(feed)->tables.rows[(feed)->tables.counter++] = *(row);                                        \
		code_;                                                                                                 \
	})
#define ADD_WITH_ID(feed, table, rows, counter, row, ret_index, err)                                                   \
	__extension__({                                                                                                \
		uint32_t index_ = (feed)->tables.counter;                                                              \
		enum err_code with_ = index_id((feed), (table), (row)->id, index_, (err));                             \
		if (!with_)                                                                                            \
			with_ = ADD(feed, table, rows, counter, row, err);                                             \
		if (!with_)                                                                                            \
			*(ret_index) = index_;                                                                         \
		with_;                                                                                                 \
	})

enum err_code transit_text_index(struct transit_feed *feed, struct str text, uint32_t *ret_index, struct error *err)
{
	uint32_t index = find_id(feed, TABLE_TEXTS, text);

	if (index != TRANSIT_NONE) {
		*ret_index = index;
		return ERR_OK;
	}
	struct str copy = arena_dup(&feed->texts, text);

	if (!copy.at)
		return err_set(err, ERR_LIMIT, "the feed's texts take more than %lld bytes",
			       (long long)TRANSIT_TEXT_BYTES_MAX);
	index = feed->tables.text_count;
	enum err_code code = index_id(feed, TABLE_TEXTS, copy, index, err);

	if (!code)
		code = ADD(feed, TABLE_TEXTS, texts, text_count, &copy, err);
	if (!code)
		*ret_index = index;
	return code;
}

enum err_code transit_add_agency(struct transit_feed *feed, const struct transit_agency *row, uint32_t *ret_index,
				 struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_AGENCIES, agencies, agency_count, row, ret_index, err);
}

enum err_code transit_add_stop(struct transit_feed *feed, const struct transit_stop *row, uint32_t *ret_index,
			       struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_STOPS, stops, stop_count, row, ret_index, err);
}

enum err_code transit_add_route(struct transit_feed *feed, const struct transit_route *row, uint32_t *ret_index,
				struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_ROUTES, routes, route_count, row, ret_index, err);
}

enum err_code transit_add_service(struct transit_feed *feed, const struct transit_service *row, uint32_t *ret_index,
				  struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_SERVICES, services, service_count, row, ret_index, err);
}

enum err_code transit_add_exception(struct transit_feed *feed, const struct transit_exception *row, struct error *err)
{
	return ADD(feed, TABLE_EXCEPTIONS, exceptions, exception_count, row, err);
}

enum err_code transit_add_shape(struct transit_feed *feed, const struct transit_shape *row, uint32_t *ret_index,
				struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_SHAPES, shapes, shape_count, row, ret_index, err);
}

enum err_code transit_add_point(struct transit_feed *feed, const struct transit_point *row, struct error *err)
{
	return ADD(feed, TABLE_POINTS, points, point_count, row, err);
}

enum err_code transit_add_trip(struct transit_feed *feed, const struct transit_trip *row, uint32_t *ret_index,
			       struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_TRIPS, trips, trip_count, row, ret_index, err);
}

enum err_code transit_add_stop_time(struct transit_feed *feed, const struct transit_stop_time *row, struct error *err)
{
	return ADD(feed, TABLE_TIMES, times, time_count, row, err);
}

enum err_code transit_add_frequency(struct transit_feed *feed, const struct transit_frequency *row, struct error *err)
{
	return ADD(feed, TABLE_FREQUENCIES, frequencies, frequency_count, row, err);
}

enum err_code transit_add_transfer(struct transit_feed *feed, const struct transit_transfer *row, struct error *err)
{
	return ADD(feed, TABLE_TRANSFERS, transfers, transfer_count, row, err);
}

enum err_code transit_add_fare(struct transit_feed *feed, const struct transit_fare *row, uint32_t *ret_index,
			       struct error *err)
{
	return ADD_WITH_ID(feed, TABLE_FARES, fares, fare_count, row, ret_index, err);
}

enum err_code transit_add_fare_rule(struct transit_feed *feed, const struct transit_fare_rule *row, struct error *err)
{
	return ADD(feed, TABLE_FARE_RULES, fare_rules, fare_rule_count, row, err);
}

void transit_set_info(struct transit_feed *feed, const struct transit_feed_info *info)
{
	feed->tables.info = *info;
	feed->tables.has_info = true;
}

uint32_t transit_find_agency(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_AGENCIES, id);
}

uint32_t transit_find_stop(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_STOPS, id);
}

uint32_t transit_find_route(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_ROUTES, id);
}

uint32_t transit_find_service(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_SERVICES, id);
}

uint32_t transit_find_shape(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_SHAPES, id);
}

uint32_t transit_find_trip(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_TRIPS, id);
}

uint32_t transit_find_fare(const struct transit_feed *feed, struct str id)
{
	return find_id(feed, TABLE_FARES, id);
}
