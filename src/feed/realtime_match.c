/* What a message names, found in the timetable. */
#include "engine/transit/value.h"
#include "feed/realtime_int.h"

#include <stdio.h>
#include <string.h>

const char *realtime_reason_text(enum realtime_reason reason)
{
	static const char *const texts[REALTIME_REASON_COUNT] = {
		[REALTIME_MATCHED] = "matched",
		[REALTIME_EXTRA] = "extra trip",
		[REALTIME_NO_TRIP] = "no trip named",
		[REALTIME_NO_TIMETABLE] = "no timetable",
		[REALTIME_UNKNOWN_TRIP] = "trip unknown",
		[REALTIME_NOT_RUNNING] = "trip left out by the import",
		[REALTIME_BAD_DATE] = "start_date is no date",
		[REALTIME_BAD_TIME] = "start_time is no time",
		[REALTIME_OTHER_DAY] = "the trip does not run on that day",
		[REALTIME_OTHER_TIME] = "the trip does not leave at that time",
		[REALTIME_TIME_WANTED] = "a trip of frequencies without start_time",
	};

	return texts[reason];
}

const char *realtime_reason_name(enum realtime_reason reason)
{
	static const char *const names[REALTIME_REASON_COUNT] = {
		[REALTIME_MATCHED] = "matched",          [REALTIME_EXTRA] = "extra",
		[REALTIME_NO_TRIP] = "noTrip",           [REALTIME_NO_TIMETABLE] = "noTimetable",
		[REALTIME_UNKNOWN_TRIP] = "unknownTrip", [REALTIME_NOT_RUNNING] = "notRunning",
		[REALTIME_BAD_DATE] = "badDate",         [REALTIME_BAD_TIME] = "badTime",
		[REALTIME_OTHER_DAY] = "otherDay",       [REALTIME_OTHER_TIME] = "otherTime",
		[REALTIME_TIME_WANTED] = "timeWanted",
	};

	return names[reason];
}

bool realtime_is_extra(uint8_t relation)
{
	return relation == GTFSRT_TRIP_ADDED || relation == GTFSRT_TRIP_NEW || relation == GTFSRT_TRIP_DUPLICATED ||
	       relation == GTFSRT_TRIP_REPLACEMENT;
}

uint32_t realtime_find_stop(struct take *take, struct str stop_id)
{
	struct realtime *realtime = take->realtime;
	static const enum gtfs_type types[] = {GTFS_STOP, GTFS_STATION, GTFS_ACCESS_POINT};
	uint32_t stop = TRANSIT_NONE;

	for (size_t i = 0; realtime->timetable && stop_id.len && stop == TRANSIT_NONE && i < 3; i++)
		stop = transit_find_stop(realtime->timetable, gtfs_urn(take->arena, gtfs_type_name(types[i]),
								       realtime->options.timetable, stop_id));
	return stop;
}

uint32_t realtime_find_route(struct take *take, struct str route_id)
{
	struct realtime *realtime = take->realtime;

	if (!realtime->timetable || !route_id.len)
		return TRANSIT_NONE;
	return transit_find_route(realtime->timetable, gtfs_urn(take->arena, gtfs_type_name(GTFS_ROUTE),
								realtime->options.timetable, route_id));
}

static enum realtime_reason reason_of(enum transit_fit fit)
{
	static const enum realtime_reason reasons[] = {
		[TRANSIT_FITS] = REALTIME_MATCHED,
		[TRANSIT_NOT_RUNNING] = REALTIME_NOT_RUNNING,
		[TRANSIT_OTHER_DAY] = REALTIME_OTHER_DAY,
		[TRANSIT_OTHER_TIME] = REALTIME_OTHER_TIME,
		[TRANSIT_TIME_WANTED] = REALTIME_TIME_WANTED,
	};

	return reasons[fit];
}

static enum realtime_reason find_run(struct take *take, const struct gtfsrt_trip *trip, struct transit_run *ret_run)
{
	struct realtime *realtime = take->realtime;
	struct transit_asked asked = {
		.day = TRANSIT_DAY_NONE, .start_s = TRANSIT_TIME_NONE, .near_us = take->message_s * US_PER_S};

	if (!trip->given || !trip->trip_id.len)
		return REALTIME_NO_TRIP;
	if (!realtime->timetable)
		return REALTIME_NO_TIMETABLE;
	asked.trip = transit_find_trip(realtime->timetable, gtfs_urn(take->arena, gtfs_type_name(GTFS_TRIP),
								     realtime->options.timetable, trip->trip_id));
	if (asked.trip == TRANSIT_NONE)
		return REALTIME_UNKNOWN_TRIP;
	if (trip->start_date.len && !transit_parse_date(trip->start_date, &asked.day))
		return REALTIME_BAD_DATE;
	if (trip->start_time.len && !transit_parse_time(trip->start_time, &asked.start_s))
		return REALTIME_BAD_TIME;
	return reason_of(transit_match(realtime->tables, realtime->zone, &asked, ret_run));
}

struct realtime_match realtime_match_trip(struct take *take, const struct gtfsrt_trip *trip)
{
	struct realtime_match match = {
		.run = {.trip = TRANSIT_NONE, .day = TRANSIT_DAY_NONE},
		.route = TRANSIT_NONE,
		.relation = trip->relation == GTFSRT_WORD_NONE ? GTFSRT_TRIP_SCHEDULED : trip->relation,
	};

	match.reason = realtime_is_extra(match.relation) ? REALTIME_EXTRA : find_run(take, trip, &match.run);
	if (match.reason == REALTIME_MATCHED)
		match.route = take->realtime->tables->trips[match.run.trip].route;
	else
		match.route = realtime_find_route(take, trip->route_id);
	return match;
}

void realtime_note(struct take *take, const struct realtime_match *match, struct str entity_id, struct str trip_id)
{
	struct realtime_report *report = take->report;

	report->by_reason[match->reason]++;
	if (match->reason <= REALTIME_NO_TRIP || report->finding_count == REALTIME_FINDINGS)
		return;
	struct realtime_finding *finding = &report->findings[report->finding_count++];

	finding->reason = match->reason;
	(void)snprintf(finding->entity, sizeof(finding->entity), "%.*s", STR_FMT(entity_id));
	(void)snprintf(finding->trip, sizeof(finding->trip), "%.*s", STR_FMT(trip_id));
}

/* ---- ids ---- */

static void put_two(char *at, int32_t value)
{
	at[0] = (char)('0' + value / 10 % 10);
	at[1] = (char)('0' + value % 10);
}

/* ":YYYYMMDD:HH:MM:SS" */
#define RUN_TAIL_BYTES 18u

static void put_run(char *at, const struct transit_run *run)
{
	struct civil_date date = civil_from_days(run->day);
	char buffer[TRANSIT_TIME_BYTES];
	struct str start = transit_format_time(run->start_s, buffer);

	at[0] = ':';
	put_two(at + 1, date.year / 100);
	put_two(at + 3, date.year % 100);
	put_two(at + 5, date.month);
	put_two(at + 7, date.day);
	at[9] = ':';
	/* Hours past 99 have three digits. */
	memcpy(at + 10, start.at, start.len);
}

/* The trip's id in the tables is its URN: what follows the timetable's name there is escaped already. */
static struct str planned_urn(struct take *take, const struct transit_run *run)
{
	struct realtime *realtime = take->realtime;
	struct str prefix = realtime->prefixes[REALTIME_TRIP], trip = realtime->tables->trips[run->trip].id;
	struct str tail = str_part(trip, realtime->trip_prefix.len, trip.len);
	size_t len = prefix.len + tail.len + RUN_TAIL_BYTES + (run->start_s >= 100 * 3600 ? 1 : 0);
	char *urn = arena_bytes(take->arena, len, 0);

	if (!urn)
		return STR_NONE;
	memcpy(urn, prefix.at, prefix.len);
	memcpy(urn + prefix.len, tail.at, tail.len);
	put_run(urn + prefix.len + tail.len, run);
	return (struct str){urn, len};
}

/* "~" stands in no escaped id, so an extra trip is never taken for a planned one, whatever it is called. */
struct str realtime_run_urn(struct take *take, const struct realtime_match *match, const struct gtfsrt_trip *trip)
{
	if (match->reason == REALTIME_MATCHED)
		return planned_urn(take, &match->run);
	struct str feed = take->realtime->options.feed, type = realtime_type_text(REALTIME_TRIP);
	struct str word = realtime_trip_word(match->relation);
	struct str when = trip->start_date;

	if (trip->start_time.len)
		when = arena_printf(take->arena, "%.*s:%.*s:%.*s", STR_FMT(word), STR_FMT(when),
				    STR_FMT(trip->start_time));
	else
		when = arena_printf(take->arena, "%.*s:%.*s", STR_FMT(word), STR_FMT(when));
	return when.at ? gtfs_urn_two(take->arena, type, feed, trip->trip_id, '~', when) : STR_NONE;
}
