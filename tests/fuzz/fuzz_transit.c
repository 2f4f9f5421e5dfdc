/* The transit engine from bytes to vehicles: files of a feed, a zone file behind them, all of it whatever comes. What
 * the check lets through must run: times never fall, stops lie in order on their way, positions lie within it.
 *
 * Input: the files in the order of enum transit_file, separated by bytes 0x1E; what follows the last is a TZif file. */
#include "engine/transit/plan.h"
#include "engine/transit/read.h"

#include <math.h>
#include <stdlib.h>

#define SEPARATOR 0x1E
#define RUNS_MAX 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(void *self, enum transit_file file, uint64_t line, enum transit_finding finding, const char *what)
{
	(void)line;
	(void)finding;
	*(size_t *)self += (size_t)file + (what[0] != '\0');
}

static void must(bool condition)
{
	if (!condition)
		abort();
}

static enum err_code read_file(struct transit_feed *feed, enum transit_file file, struct str text, struct error *err)
{
	struct transit_reader *reader = NULL;
	enum err_code code = transit_reader_new(feed, file, &reader, err);

	/* In two pieces, as files come. */
	if (!code)
		code = transit_reader_feed(reader, str_part(text, 0, text.len / 2), err);
	if (!code)
		code = transit_reader_feed(reader, str_part(text, text.len / 2, text.len), err);
	if (!code)
		code = transit_reader_finish(reader, err);
	(void)transit_reader_free(reader);
	return code;
}

static void check_tables(const struct transit_tables *tables)
{
	for (uint32_t t = 0; t < tables->trip_count; t++) {
		const struct transit_trip *trip = &tables->trips[t];

		must(trip->left_out || trip->time_count >= 2);
		for (uint32_t i = trip->times; i < trip->times + trip->time_count; i++) {
			const struct transit_stop_time *row = &tables->times[i];

			must(row->trip == t && row->stop < tables->stop_count && row->arrival >= 0);
			must(row->departure >= row->arrival && row->departure <= TRANSIT_TIME_MAX_S);
			must(i == trip->times || row->arrival >= row[-1].departure);
		}
		for (uint32_t i = trip->frequencies; i < trip->frequencies + trip->frequency_count; i++)
			must(tables->frequencies[i].trip == t && tables->frequencies[i].headway > 0 &&
			     tables->frequencies[i].end > tables->frequencies[i].start);
	}
}

struct watch {
	const struct transit_plan *plan;
	int64_t now_us;
	unsigned seen;
};

static bool check_run(void *self, const struct transit_run *run)
{
	struct watch *watch = self;
	struct transit_way way = transit_trip_way(watch->plan, run->trip);
	struct transit_position position;

	must(transit_run_position(watch->plan, run, watch->now_us, &position));
	must(fabs(position.place.lon) <= 180 && fabs(position.place.lat) <= 90);
	must(position.along_m >= 0 && position.along_m <= way.along_m[way.point_count - 1] * (1 + 1e-6) + 0.01);
	must(position.bearing_deg >= 0 && position.bearing_deg < 360 && position.speed_m_s >= 0);
	must(position.next_stop < transit_plan_trip(watch->plan, run->trip).stop_count);
	return ++watch->seen < RUNS_MAX;
}

static void run_plan(const struct transit_plan *plan)
{
	struct transit_plan_size size;

	transit_plan_size(plan, &size);
	for (uint32_t t = 0; t < size.trips; t++) {
		struct transit_way way = transit_trip_way(plan, t);

		for (uint32_t i = 1; i < transit_plan_trip(plan, t).stop_count; i++)
			must(way.stop_along_m[i] >= way.stop_along_m[i - 1]);
	}
	/* Some hours of a Tuesday, and of the night in which American clocks are put forward. */
	static const int64_t instants[] = {1717459200, 1717488300, 1717513200, 1717542000, 1710054000, 1710057600};

	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
		struct watch watch = {plan, instants[i] * 1000000, 0};

		(void)transit_active(plan, watch.now_us, check_run, &watch);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, text;
	size_t told = 0;
	struct transit_report report = {tell, &told};
	struct transit_feed *feed = NULL;
	struct transit_zone *zone = NULL;
	struct transit_plan *plan = NULL;
	struct error err;

	must(!transit_feed_new(&report, &feed, &err));
	for (unsigned file = 0; file < TRANSIT_FILE_COUNT && str_next(&rest, SEPARATOR, &text); file++)
		if (text.len > 0 && read_file(feed, file, text, &err))
			break;
	enum err_code checked = transit_feed_check(feed, &err);
	enum err_code zoned = transit_zone_parse(rest.at ? rest : STR(""), &zone, &err);

	if (!zoned)
		for (int64_t second = -5000000000; second < 10000000000; second += 987654321)
			must(abs(transit_zone_offset_s(zone, second)) <= 7 * 86400);
	if (!checked)
		check_tables(transit_feed_tables(feed));
	if (!checked && !zoned && !transit_plan_new(feed, zone, &plan, &err)) {
		zone = NULL;
		run_plan(plan);
	}
	(void)transit_plan_free(plan);
	(void)transit_zone_free(zone);
	(void)transit_feed_free(feed);
	return 0;
}
