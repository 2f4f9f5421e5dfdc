/* Feeds of kind gtfs_realtime: messages of GTFS Realtime fetched from up to eight URLs, told as entities.
 *
 * The thread fetches what is due, one URL after another, and has each message durable before the next: so what
 * realtime.h remembers is what the store has. What came to nothing there (somebody deleted a vehicle) is told whole
 * when the URL is fetched next, unconditionally. What an earlier run has left is removed once every URL has told what
 * there is, or has been silent for so long that the others count. */
#include "feed/feed_clock_int.h"
#include "feed/gtfs_realtime_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TELL_BYTES_MAX ((size_t)1 << 30) /* of what one message becomes */
#define REPORT_MS 60000
#define SWEEP_PATIENCE_MS 600000
#define NAME_RETRY_MS 10000

/* ---- counts ---- */

#define TRIPS "Vehicles and trip updates of the last messages, by how their trip was found in the timetable."
#define RUNS "Runs with a known delay, by their punctuality, as of the last minute."
#define TOLD "Entities that messages told of, as of the last minute."
#define TRIP_COUNT(text)                                                                                               \
	{                                                                                                              \
		"trips", (text), "machi_gtfs_realtime_trips", "result", TRIPS, true                                    \
	}

static const struct feed_count counts[COUNT_COUNT] = {
	[COUNT_TRIPS + REALTIME_MATCHED] = TRIP_COUNT("matched"),
	[COUNT_TRIPS + REALTIME_EXTRA] = TRIP_COUNT("extra"),
	[COUNT_TRIPS + REALTIME_NO_TRIP] = TRIP_COUNT("noTrip"),
	[COUNT_TRIPS + REALTIME_NO_TIMETABLE] = TRIP_COUNT("noTimetable"),
	[COUNT_TRIPS + REALTIME_UNKNOWN_TRIP] = TRIP_COUNT("unknownTrip"),
	[COUNT_TRIPS + REALTIME_NOT_RUNNING] = TRIP_COUNT("notRunning"),
	[COUNT_TRIPS + REALTIME_BAD_DATE] = TRIP_COUNT("badDate"),
	[COUNT_TRIPS + REALTIME_BAD_TIME] = TRIP_COUNT("badTime"),
	[COUNT_TRIPS + REALTIME_OTHER_DAY] = TRIP_COUNT("otherDay"),
	[COUNT_TRIPS + REALTIME_OTHER_TIME] = TRIP_COUNT("otherTime"),
	[COUNT_TRIPS + REALTIME_TIME_WANTED] = TRIP_COUNT("timeWanted"),
	[COUNT_RUNS_EARLY] = {"runs", "early", "machi_gtfs_realtime_runs", "punctuality", RUNS, true},
	[COUNT_RUNS_ON_TIME] = {"runs", "onTime", "machi_gtfs_realtime_runs", "punctuality", RUNS, true},
	[COUNT_RUNS_LATE] = {"runs", "late", "machi_gtfs_realtime_runs", "punctuality", RUNS, true},
	[COUNT_VEHICLES] = {"told", "vehicles", "machi_gtfs_realtime_told", "type", TOLD, true},
	[COUNT_TRIP_UPDATES] = {"told", "tripUpdates", "machi_gtfs_realtime_told", "type", TOLD, true},
	[COUNT_ALERTS] = {"told", "alerts", "machi_gtfs_realtime_told", "type", TOLD, true},
	[COUNT_STOPS_UNKNOWN] = {"stopsUnknown", NULL, "machi_gtfs_realtime_stops_unknown", NULL,
				 "Stops that the last messages name and the timetable does not have there.", true},
	[COUNT_PLACES_REFUSED] = {"placesRefused", NULL, "machi_gtfs_realtime_places_refused", NULL,
				  "Positions in the last messages that are nowhere on earth.", true},
	[COUNT_NOT_MODIFIED] = {"notModified", NULL, "machi_gtfs_realtime_not_modified_total", NULL,
				"Fetches answered with: not modified.", false},
	[COUNT_OLD] = {"old", NULL, "machi_gtfs_realtime_old_total", NULL,
		       "Messages that were no newer than the one before.", false},
	[COUNT_FAILED] = {"failed", NULL, "machi_gtfs_realtime_failed_total", NULL, "Fetches that failed.", false},
};

static_assert(COUNT_COUNT <= FEED_COUNTS_MAX, "all counts have room");

static void add_up(struct gtfs_realtime *session)
{
	uint64_t *own = session->feed->own.counts;

	memset(own, 0, REALTIME_REASON_COUNT * sizeof(*own));
	own[COUNT_STOPS_UNKNOWN] = own[COUNT_PLACES_REFUSED] = 0;
	for (uint32_t i = 0; i < session->settings->url_count; i++) {
		const struct gtfs_realtime_source *source = &session->sources[i];

		for (size_t reason = 0; reason < REALTIME_REASON_COUNT; reason++)
			own[COUNT_TRIPS + reason] += source->by_reason[reason];
		own[COUNT_STOPS_UNKNOWN] += source->stops_unknown;
		own[COUNT_PLACES_REFUSED] += source->places_refused;
	}
}

/* ---- reports ---- */

static enum err_code tell_report(void *self, enum broker_operation operation, struct str id, const struct json *entity,
				 struct error *err)
{
	struct gtfs_realtime *session = self;

	if (!id_set_add(&session->reported, id))
		return err_set(err, ERR_MEMORY, "no memory for the report of a realtime feed");
	return gtfs_realtime_tell(session, operation, id, entity, err);
}

static enum err_code tell_summary(struct gtfs_realtime *session, struct error *err)
{
	const struct realtime_sink sink = {tell_report, session};
	uint64_t *own = session->feed->own.counts;
	uint32_t by_reason[REALTIME_REASON_COUNT];
	struct realtime_summary summary;

	id_set_clear(&session->reported);
	enum err_code code = realtime_summarise(session->realtime, &session->arena, &summary, err);

	if (code)
		return code;
	own[COUNT_RUNS_EARLY] = summary.punctuality.early;
	own[COUNT_RUNS_ON_TIME] = summary.punctuality.on_time;
	own[COUNT_RUNS_LATE] = summary.punctuality.late;
	for (size_t i = 0; i < REALTIME_TYPES; i++)
		own[COUNT_VEHICLES + i] = summary.told[i];
	for (size_t i = 0; i < REALTIME_REASON_COUNT; i++)
		by_reason[i] = (uint32_t)own[COUNT_TRIPS + i];
	code = realtime_tell_summary(session->realtime, session->feed->context, &summary, by_reason,
				     feed_now_us(session->feed), &session->arena, &sink, err);
	return code ? code : gtfs_realtime_sweep_reports(session, err);
}

/* ---- leftovers ---- */

static bool is_time_to_sweep(const struct gtfs_realtime *session)
{
	int64_t running_ms = feed_clock_ms() - session->started_ms;
	uint32_t heard = 0;

	for (uint32_t i = 0; i < session->settings->url_count; i++)
		heard += session->sources[i].heard;
	if (session->swept)
		return false;
	return heard == session->settings->url_count || (heard && running_ms > SWEEP_PATIENCE_MS) ||
	       running_ms > (int64_t)session->settings->forget_s * 1000;
}

/* What comes behind the messages. Failures are tried again with the next. */
static void tell_the_rest(struct gtfs_realtime *session)
{
	struct feed *feed = session->feed;
	struct error err;

	arena_clear(&session->arena);
	if (is_time_to_sweep(session)) {
		enum err_code code = gtfs_realtime_sweep(session, &err);

		session->swept = feed_settle(feed) && code == ERR_OK;
		arena_clear(&session->arena);
	}
	if (!feed_goes_on(feed) || feed_clock_ms() < session->report_ms)
		return;
	if (tell_summary(session, &err) == ERR_OK)
		session->report_ms = feed_clock_ms() + REPORT_MS;
	(void)feed_settle(feed);
}

/* ---- the thread ---- */

static void show(struct gtfs_realtime *session)
{
	const char *trouble = session->load_trouble;
	bool heard = false;

	for (uint32_t i = 0; i < session->settings->url_count; i++) {
		if (!trouble[0])
			trouble = session->sources[i].trouble;
		heard = heard || session->sources[i].heard;
	}
	add_up(session);
	if (trouble[0])
		feed_show(session->feed, FEED_WAITING, trouble);
	else
		feed_show(session->feed, heard ? FEED_UP : FEED_STARTING, NULL);
}

/* The name must be free before anything is told. */
static bool is_named_well(struct gtfs_realtime *session)
{
	struct error err;

	if (gtfs_realtime_check_name(session, &err) == ERR_OK)
		return true;
	feed_show(session->feed, FEED_WAITING, err.detail);
	feed_wait(session->feed, NULL, feed_clock_ms() + NAME_RETRY_MS);
	return false;
}

static void turn(struct gtfs_realtime *session)
{
	const struct gtfs_realtime_settings *settings = session->settings;
	int64_t next_ms = INT64_MAX;
	bool polled = false;

	if (!is_named_well(session))
		return;
	gtfs_realtime_load(session);
	for (uint32_t i = 0; i < settings->url_count; i++) {
		if (feed_clock_ms() >= session->sources[i].due_ms) {
			if (!gtfs_realtime_poll(session, i))
				return;
			show(session);
			polled = true;
		}
		if (session->sources[i].due_ms < next_ms)
			next_ms = session->sources[i].due_ms;
	}
	if (polled)
		tell_the_rest(session);
	show(session);
	if (feed_goes_on(session->feed))
		feed_wait(session->feed, NULL, next_ms);
}

static enum err_code open_session(struct gtfs_realtime *session, struct error *err)
{
	const struct feed *feed = session->feed;
	const struct realtime_options options = {
		.feed = feed->name, .timetable = session->settings->timetable, .on_time = session->settings->on_time};
	enum err_code code = store_reader_new(feed->store, &session->reader, err);

	return code ? code : realtime_new(&options, feed->context, NULL, NULL, &session->realtime, err);
}

static void run(struct feed *feed)
{
	struct gtfs_realtime session = {.feed = feed, .settings = feed->settings, .started_ms = feed_clock_ms()};
	struct error err;

	arena_init(&session.arena, TELL_BYTES_MAX);
	buf_init(&session.body, session.settings->message_bytes_max);
	feed->session = &session;
	if (open_session(&session, &err) != ERR_OK)
		feed_show(feed, FEED_WAITING, err.detail);
	while (feed_goes_on(feed))
		if (session.realtime)
			turn(&session);
		else
			feed_wait(feed, NULL, INT64_MAX);
	intake_settle(feed->intake); /* what is being committed lies in the arena and the timetable */
	feed->session = NULL;
	(void)realtime_free(session.realtime);
	(void)transit_feed_free(session.timetable);
	(void)transit_zone_free(session.zone);
	(void)store_reader_free(session.reader);
	id_set_done(&session.reported);
	buf_done(&session.body);
	arena_done(&session.arena);
}

static void lost(void *self, struct str id)
{
	const struct feed *feed = self;
	struct gtfs_realtime *session = feed->session;

	if (!session || !session->realtime)
		return;
	realtime_lost(session->realtime, id);
	session->lost = true;
}

const struct feed_kind feed_kind_gtfs_realtime = {
	.name = "gtfs_realtime",
	.maps_itself = true,
	.read = gtfs_realtime_read,
	.run = run,
	.lost = lost,
	.counts = counts,
	.count_count = COUNT_COUNT,
};
