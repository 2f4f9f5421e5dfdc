/* The transit engine, up to the checked feed: values, time zones, rows. Expected values are hand calculations, the GTFS
 * reference's own rules, and the C library's time zones. Running is tested in test_transit_run.c. */
#include "base/cleanup.h"
#include "engine/transit/value.h"
#include "transit_util.h"

#include <time.h>

/* ---- values ---- */

static void times_pass_midnight_and_dates_are_real(void)
{
	int32_t value = -7;

	CHECK(transit_parse_time(STR("08:05:09"), &value) && value == 8 * 3600 + 5 * 60 + 9);
	CHECK(transit_parse_time(STR("8:05:09"), &value) && value == 8 * 3600 + 5 * 60 + 9);
	CHECK(transit_parse_time(STR("25:10:00"), &value) && value == 25 * 3600 + 600);
	CHECK(!transit_parse_time(STR("08:60:00"), &value));
	CHECK(!transit_parse_time(STR("08:05"), &value));
	CHECK(!transit_parse_time(STR("-1:05:00"), &value));
	CHECK(!transit_parse_time(STR("08:05:00x"), &value));
	CHECK(!transit_parse_time(STR("999:00:00"), &value));
	CHECK(transit_parse_date(STR("20240229"), &value) && value == 19782); /* 54 years and 59 days after 1970 */
	CHECK(!transit_parse_date(STR("20230229"), &value));
	CHECK(!transit_parse_date(STR("2024-02-29"), &value));
	char buffer[TRANSIT_TIME_BYTES];

	CHECK_STR(transit_format_time(25 * 3600 + 600, buffer), STR("25:10:00"));
	CHECK_STR(transit_format_time(102 * 3600 + 1, buffer), STR("102:00:01"));
	CHECK(str_is_utf8(STR("caf\xC3\xA9 \xE7\x94\xBA \xF0\x9F\x9A\x8C")));
	CHECK(!str_is_utf8(STR("caf\xE9")));
	CHECK(!str_is_utf8(STR("\xC0\xAF"))); /* overlong */
	CHECK(!str_is_utf8(STR("\xED\xA0\x80"))); /* a surrogate */
}

/* ---- zones ---- */

static void a_rule_gives_offsets_for_ever(void)
{
	struct transit_zone *zone = zone_of("EST5EDT,M3.2.0,M11.1.0");

	/* United States: second Sunday of March 02:00 to first Sunday of November 02:00; in 2050 March 13 and
	 * November 6. */
	CHECK(transit_zone_offset_s(zone, at("2050-03-13T06:59:59Z") / US_PER_S) == -5 * 3600);
	CHECK(transit_zone_offset_s(zone, at("2050-03-13T07:00:00Z") / US_PER_S) == -4 * 3600);
	CHECK(transit_zone_offset_s(zone, at("2050-11-06T05:59:59Z") / US_PER_S) == -4 * 3600);
	CHECK(transit_zone_offset_s(zone, at("2050-11-06T06:00:00Z") / US_PER_S) == -5 * 3600);
	zone = transit_zone_free(zone);
	zone = zone_of("AEST-10AEDT,M10.1.0,M4.1.0/3");
	CHECK(transit_zone_offset_s(zone, at("2050-01-01T00:00:00Z") / US_PER_S) == 11 * 3600);
	CHECK(transit_zone_offset_s(zone, at("2050-07-01T00:00:00Z") / US_PER_S) == 10 * 3600);
	zone = transit_zone_free(zone);
	zone = zone_of("<+0530>-5:30");
	CHECK(transit_zone_offset_s(zone, 0) == 19800);
	zone = transit_zone_free(zone);
}

static void a_service_day_begins_twelve_hours_before_noon(void)
{
	struct transit_zone *zone = zone_of("EST5EDT,M3.2.0,M11.1.0");
	int32_t march = (int32_t)days_from_civil((struct civil_date){2024, 3, 10});
	int32_t november = (int32_t)days_from_civil((struct civil_date){2024, 11, 3});
	int32_t june = (int32_t)days_from_civil((struct civil_date){2024, 6, 3});

	/* Noon is 16:00Z in summer time, 17:00Z in winter time. */
	CHECK(transit_zone_day_start_s(zone, march) == at("2024-03-10T04:00:00Z") / US_PER_S);
	CHECK(transit_zone_day_start_s(zone, november) == at("2024-11-03T05:00:00Z") / US_PER_S);
	CHECK(transit_zone_day_start_s(zone, june) == at("2024-06-03T04:00:00Z") / US_PER_S);
	zone = transit_zone_free(zone);
}

static struct transit_zone *system_zone(const char *name)
{
	static char bytes[TRANSIT_ZONE_FILE_BYTES_MAX];
	struct transit_zone *zone = NULL;
	struct error err = {0};
	char path[200];

	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	CLEANUP_FILE FILE *file = fopen(path, "rb");

	if (!file)
		return NULL;
	size_t len = fread(bytes, 1, sizeof(bytes), file);

	CHECK_OK(transit_zone_parse((struct str){bytes, len}, &zone, &err), &err);
	return zone;
}

static void system_zones_agree_with_the_c_library(void)
{
	static const char *const names[] = {
		"Asia/Singapore", "America/New_York", "Europe/London", "Australia/Sydney", "America/Sao_Paulo",
		"Asia/Kolkata",   "Africa/Cairo",     "Asia/Tokyo",    "Europe/Dublin",    "Pacific/Apia"};
	unsigned tried = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct transit_zone *zone = system_zone(names[i]);

		if (!zone)
			continue;
		tried++;
		(void)setenv("TZ", names[i], 1);
		tzset();
		for (int64_t second = 0; second < INT64_C(3000000000); second += 1234567) {
			time_t instant = (time_t)second;
			struct tm local;

			(void)localtime_r(&instant, &local);
			if (transit_zone_offset_s(zone, second) != local.tm_gmtoff) {
				printf("# %s at %lld\n", names[i], (long long)second);
				CHECK(transit_zone_offset_s(zone, second) == local.tm_gmtoff);
				break;
			}
		}
		(void)transit_zone_free(zone);
	}
	if (tried == 0)
		printf("# SKIPPED: no zones in /usr/share/zoneinfo\n");
}

static void damaged_zone_files_are_refused(void)
{
	struct transit_zone *zone = NULL;
	struct error err = {0};
	struct buf buf;

	CHECK(transit_zone_parse(STR(""), &zone, &err) == ERR_CORRUPT);
	CHECK(transit_zone_parse(STR("<html>404</html>                                      "), &zone, &err) ==
	      ERR_CORRUPT);
	buf_init(&buf, 1000);
	struct str whole = zone_bytes(&buf, "UTC0");

	for (size_t len = 0; len < whole.len; len++)
		CHECK(transit_zone_parse(str_part(whole, 0, len), &zone, &err) == ERR_CORRUPT);
	buf_done(&buf);
	CHECK(transit_zone_name_good(STR("America/Argentina/Buenos_Aires")));
	CHECK(!transit_zone_name_good(STR("../etc/passwd")) && !transit_zone_name_good(STR("/etc/passwd")) &&
	      !transit_zone_name_good(STR("A/../B")) && !transit_zone_name_good(STR("")));
}

/* ---- reading and checking ---- */

static void bad_rows_are_left_out_by_line(void)
{
	const struct text_file files[] = {
		{TRANSIT_STOPS,
		 "\xEF\xBB\xBFstop_id,stop_lat,stop_lon\r\np,0,0\r\nq,0,0.01\r\nbad,91,0\r\n,0,0\r\np,1,1\r\n"},
		{TRANSIT_TRIPS, TRIPS "1,W,t\nnone,W,u\n1,none,v\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,08:00:00,08:00:00,p,1\nt,08:1:00,08:10:00,q,2\nt,08:10:00,08:10:00,q,3\n"
					   "x,08:00:00,08:00:00,p,1\nt,08:20:00,08:20:00,zzz,4\n"},
	};
	struct told told;
	struct transit_feed *feed = load(files, 3, &told, NULL);
	const struct transit_tables *tables = transit_feed_tables(feed);

	CHECK(tables->stop_count == 2 && told.skipped[TRANSIT_STOPS] == 3);
	CHECK(tables->trip_count == 1 && told.skipped[TRANSIT_TRIPS] == 2);
	CHECK(tables->time_count == 2 && told.skipped[TRANSIT_STOP_TIMES] == 3);
	CHECK(told.last_line == 6 && strstr(told.last, "zzz"));
	feed = transit_feed_free(feed);
}

static void a_missing_column_or_an_empty_feed_is_an_error(void)
{
	const struct text_file no_column[] = {{TRANSIT_TRIPS, "route_id,trip_id\n1,t\n"}};
	const struct text_file no_times[] = {{TRANSIT_TRIPS, TRIPS "1,W,t\n"}, {TRANSIT_STOP_TIMES, TIMES}};
	enum err_code code;
	struct told told;

	(void)transit_feed_free(load(no_column, 1, &told, &code));
	CHECK(code == ERR_INVALID);
	(void)transit_feed_free(load(no_times, 2, &told, &code));
	CHECK(code == ERR_INVALID && told.skipped[TRANSIT_TRIPS] == 1);
}

static void missing_times_are_shared_out_by_the_way(void)
{
	/* p at 0, q at 0.01, r at 0.02, s at 0.04 degrees: a quarter, a half, the whole of 40 minutes. */
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,08:00:00,08:00:00,p,1\nt,,,q,2\nt,,,r,3\nt,08:40:00,08:40:00,s,9\n"},
	};
	struct told told;
	struct transit_feed *feed = load(files, 2, &told, NULL);
	const struct transit_stop_time *times = transit_feed_tables(feed)->times;

	CHECK(times[1].arrival == 8 * 3600 + 600 && times[1].departure == times[1].arrival);
	CHECK(times[2].arrival == 8 * 3600 + 1200 && times[2].timepoint == 0);
	CHECK(times[2].flags & TRANSIT_TIME_INTERPOLATED);
	feed = transit_feed_free(feed);
}

static void times_that_run_back_are_put_right(void)
{
	const struct text_file midnight[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES,
		 TIMES "t,23:50:00,23:50:00,p,1\nt,00:05:00,00:05:00,q,2\nt,00:10:00,00:11:00,r,3\n"},
	};
	struct told told;
	struct transit_feed *feed = load(midnight, 2, &told, NULL);
	const struct transit_stop_time *times = transit_feed_tables(feed)->times;

	CHECK(times[1].arrival == 24 * 3600 + 300 && times[2].departure == 24 * 3600 + 660);
	CHECK(told.repaired[TRANSIT_STOP_TIMES] == 1 && told.last_line == 3);
	feed = transit_feed_free(feed);

	/* p to q is 0.01° in 10 min, r to s 0.02° in 5 min: 0.03° in 15 min. So q to r (0.01°), which runs back, takes
	 * 5 min: r at 08:15, and s 5 min later, as it was. */
	const struct text_file back[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,08:00:00,08:00:00,p,1\nt,08:10:00,08:10:00,q,2\nt,08:02:00,08:02:00,r,3\n"
					   "t,08:07:00,08:07:00,s,4\n"},
	};

	feed = load(back, 2, &told, NULL);
	times = transit_feed_tables(feed)->times;
	CHECK(times[2].arrival == 8 * 3600 + 15 * 60 && times[3].arrival == 8 * 3600 + 20 * 60);
	CHECK(told.repaired[TRANSIT_STOP_TIMES] == 1 && (times[3].flags & TRANSIT_TIME_MOVED));
	feed = transit_feed_free(feed);
}

static void windows_that_overlap_end_where_the_next_begins(void)
{
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,00:00:00,00:00:00,p,1\nt,00:10:00,00:10:00,q,2\n"},
		{TRANSIT_FREQUENCIES, "trip_id,start_time,end_time,headway_secs\nt,09:00:00,10:00:00,600\n"
				      "t,08:00:00,09:30:00,1200\nt,09:00:00,11:00:00,60\nt,12:00:00,13:00:00,0\n"},
	};
	struct told told;
	struct transit_feed *feed = load(files, 3, &told, NULL);
	const struct transit_tables *tables = transit_feed_tables(feed);

	CHECK(tables->frequency_count == 2 && told.repaired[TRANSIT_FREQUENCIES] == 1);
	CHECK(told.skipped[TRANSIT_FREQUENCIES] == 2); /* the second of 09:00, and headway 0 */
	CHECK(tables->frequencies[0].start == 8 * 3600 && tables->frequencies[0].end == 9 * 3600);
	feed = transit_feed_free(feed);
}

int main(void)
{
	RUN(times_pass_midnight_and_dates_are_real);
	RUN(a_rule_gives_offsets_for_ever);
	RUN(a_service_day_begins_twelve_hours_before_noon);
	RUN(system_zones_agree_with_the_c_library);
	RUN(damaged_zone_files_are_refused);
	RUN(bad_rows_are_left_out_by_line);
	RUN(a_missing_column_or_an_empty_feed_is_an_error);
	RUN(missing_times_are_shared_out_by_the_way);
	RUN(times_that_run_back_are_put_right);
	RUN(windows_that_overlap_end_where_the_next_begins);
	return check_done();
}
