/* What the tests of the transit engine share: feeds made of texts, zones made of a rule. */
#ifndef MACHI_TESTS_TRANSIT_UTIL_H
#define MACHI_TESTS_TRANSIT_UTIL_H

#include "base/buf.h"
#include "base/time_value.h"
#include "check.h"
#include "engine/transit/plan.h"
#include "engine/transit/read.h"

#include <string.h>

#define TRIPS "route_id,service_id,trip_id\n"
#define TIMES "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"

struct told {
	unsigned skipped[TRANSIT_FILE_COUNT], repaired[TRANSIT_FILE_COUNT];
	uint64_t last_line;
	char last[256];
};

static inline void tell(void *self, enum transit_file file, uint64_t line, enum transit_finding finding,
			const char *what)
{
	struct told *told = self;

	told->skipped[file] += finding == TRANSIT_SKIPPED;
	told->repaired[file] += finding == TRANSIT_REPAIRED;
	told->last_line = line;
	(void)snprintf(told->last, sizeof(told->last), "%s", what);
}

struct text_file {
	enum transit_file file;
	const char *text;
};

static inline enum err_code read_text(struct transit_feed *feed, enum transit_file file, const char *text,
				      struct error *err)
{
	struct transit_reader *reader = NULL;
	enum err_code code = transit_reader_new(feed, file, &reader, err);

	if (!code)
		code = transit_reader_feed(reader, str_from(text), err);
	if (!code)
		code = transit_reader_finish(reader, err);
	(void)transit_reader_free(reader);
	return code;
}

static const char *const default_texts[TRANSIT_FILE_COUNT] = {
	[TRANSIT_AGENCY] = "agency_id,agency_name,agency_timezone\nA,Town buses,Etc/UTC\n",
	/* On the equator a degree of longitude is 6,371,008.8 m × π / 180 = 111,195.08 m. */
	[TRANSIT_STOPS] = "stop_id,stop_name,stop_lat,stop_lon\n"
			  "p,P,0,0\nq,Q,0,0.01\nr,R,0,0.02\ns,S,0,0.04\n",
	[TRANSIT_ROUTES] = "route_id,route_short_name,route_type\n1,1,3\n",
	[TRANSIT_CALENDAR] = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
			     "W,1,1,1,1,1,0,0,20240101,20241231\n",
};

/* The default files, with those given in place of theirs. */
static inline struct transit_feed *load(const struct text_file *files, size_t count, struct told *told,
					enum err_code *ret_code)
{
	struct transit_report report = {tell, told};
	struct transit_feed *feed = NULL;
	struct error err = {0};

	memset(told, 0, sizeof(*told));
	enum err_code code = transit_feed_new(&report, &feed, &err);

	for (unsigned file = 0; file < TRANSIT_FILE_COUNT && !code; file++) {
		const char *text = default_texts[file];

		for (size_t i = 0; i < count; i++)
			if (files[i].file == file)
				text = files[i].text;
		if (text)
			code = read_text(feed, file, text, &err);
	}
	if (!code)
		code = transit_feed_check(feed, &err);
	if (ret_code)
		*ret_code = code;
	else
		CHECK_OK(code, &err);
	return feed;
}

/* A zone file of version 2 without transitions: the footer says it all (RFC 8536 section 3.3). */
static inline struct str zone_bytes(struct buf *buf, const char *rule)
{
	static const char header[44] = {'T', 'Z', 'i', 'f', '2'};
	char counts[44];

	memcpy(counts, header, 44);
	counts[39] = 1; /* one type */
	counts[43] = 4; /* "LMT\0" */
	for (int i = 0; i < 2; i++) {
		buf_put(buf, (struct str){counts, 44});
		buf_put(buf, (struct str){"\0\0\0\0\0\0LMT\0", 10});
	}
	buf_printf(buf, "\n%s\n", rule);
	return buf_str(buf);
}

static inline struct transit_zone *zone_of(const char *rule)
{
	struct transit_zone *zone = NULL;
	struct error err = {0};
	struct buf buf;

	buf_init(&buf, 1000);
	CHECK_OK(transit_zone_parse(zone_bytes(&buf, rule), &zone, &err), &err);
	buf_done(&buf);
	return zone;
}

static inline struct transit_plan *plan_of(struct transit_feed *feed, const char *rule)
{
	struct transit_plan *plan = NULL;
	struct error err = {0};

	CHECK_OK(transit_plan_new(feed, zone_of(rule), &plan, &err), &err);
	(void)transit_feed_free(feed);
	return plan;
}

static inline int64_t at(const char *text)
{
	int64_t us = 0;

	CHECK(time_parse_iso(str_from(text), false, &us));
	return us;
}

static inline bool count_only(void *self, const struct transit_run *run)
{
	(void)self;
	(void)run;
	return true;
}

static inline uint64_t active(const struct transit_plan *plan, int64_t at_us)
{
	return transit_active(plan, at_us, count_only, NULL);
}

#endif
