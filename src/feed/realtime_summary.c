/* What realtime messages say of a service as a whole: how much of it is on time, and how evenly its vehicles come, as
 * entities that a dashboard can draw. They are computed from what was told, and so are as true as that. */
#include "feed/realtime_int.h"

#include <math.h>

#define SECOND_DECIMALS 1
#define SHARE_DECIMALS 4

enum report_name {
	REPORT_TIMETABLE,
	REPORT_VEHICLES,
	REPORT_TRIP_UPDATES,
	REPORT_ALERTS,
	REPORT_TRIPS_MATCHED,
	REPORT_TRIPS_UNMATCHED,
	REPORT_RUNS_EARLY,
	REPORT_RUNS_ON_TIME,
	REPORT_RUNS_LATE,
	REPORT_ON_TIME_SHARE,
	REPORT_DELAY,
	REPORT_HEADWAY,
	REPORT_PLANNED_HEADWAY,
	REPORT_EXCESS_WAIT,
	REPORT_NAME_COUNT
};

static const char *const names[REPORT_NAME_COUNT] = {
	[REPORT_TIMETABLE] = "timetable",
	[REPORT_VEHICLES] = "vehicles",
	[REPORT_TRIP_UPDATES] = "tripUpdates",
	[REPORT_ALERTS] = "alerts",
	[REPORT_TRIPS_MATCHED] = "tripsMatched",
	[REPORT_TRIPS_UNMATCHED] = "tripsUnmatched",
	[REPORT_RUNS_EARLY] = "runsEarly",
	[REPORT_RUNS_ON_TIME] = "runsOnTime",
	[REPORT_RUNS_LATE] = "runsLate",
	[REPORT_ON_TIME_SHARE] = "onTimeShare",
	[REPORT_DELAY] = "meanDelay",
	[REPORT_HEADWAY] = "headway",
	[REPORT_PLANNED_HEADWAY] = "plannedHeadway",
	[REPORT_EXCESS_WAIT] = "excessWait",
};

struct reporting {
	const struct realtime *realtime;
	const struct context *context;
	struct arena *arena;
	int64_t now_us;
	struct json observed;
	struct str iris[REPORT_NAME_COUNT];
	struct str has_route;
	const struct realtime_sink *sink;
};

/* ---- summing up ---- */

static void count_run(const struct realtime *realtime, const struct realtime_run *run, struct realtime_summary *summary)
{
	const struct transit_on_time *window = &realtime->options.on_time;

	if (run->cancelled || run->delay_s == TRANSIT_DELAY_NONE)
		return;
	transit_count_delay(&summary->punctuality, window, run->delay_s);
	summary->delay_sum_s += run->delay_s;
	if (run->run.trip == TRANSIT_NONE || !realtime->tables)
		return;
	struct realtime_route *route = &summary->routes[realtime->tables->trips[run->run.trip].route];

	transit_count_delay(&route->punctuality, window, run->delay_s);
	route->delay_sum_s += run->delay_s;
}

/* A route's headway is the mean of those at its stops, each as often as it was seen there. */
static void count_headway(const struct transit_headway *headway, struct realtime_route *route)
{
	route->headways += headway->observed_count;
	route->planned_headways += headway->planned_count;
	if (headway->observed_count)
		route->headway_sum_s += headway->observed_mean_s * headway->observed_count;
	if (headway->planned_count)
		route->planned_headway_sum_s += headway->planned_mean_s * headway->planned_count;
	if (!headway->observed_count || !headway->planned_count)
		return;
	route->waits += headway->observed_count;
	route->excess_wait_sum_s += (headway->observed_wait_s - headway->planned_wait_s) * headway->observed_count;
}

enum err_code realtime_summarise(const struct realtime *realtime, struct arena *arena,
				 struct realtime_summary *ret_summary, struct error *err)
{
	struct realtime_summary summary = {.route_count = realtime->tables ? realtime->tables->route_count : 0};
	struct transit_headway *headways = NULL;
	size_t headway_count = 0, at = 0;
	struct str id;
	void *value;

	summary.routes = arena_zalloc(arena, (summary.route_count + 1) * sizeof(*summary.routes));
	if (!summary.routes)
		return err_set(err, ERR_MEMORY, "no memory to sum up what a realtime feed tells");
	enum err_code code = realtime_headways(realtime, arena, &headways, &headway_count, err);

	if (code)
		return code;
	while (map_each(&realtime->told, &at, &id, &value)) {
		const struct told *told = value;

		summary.told[told->type]++;
		if (told->type == REALTIME_TRIP)
			count_run(realtime, &told->run, &summary);
	}
	for (size_t i = 0; i < headway_count; i++)
		count_headway(&headways[i], &summary.routes[headways[i].route]);
	*ret_summary = summary;
	return ERR_OK;
}

/* ---- entities ---- */

static uint64_t runs_of(const struct transit_punctuality *counts)
{
	return counts->early + counts->on_time + counts->late;
}

static void add_decimal(struct reporting *reporting, struct entity *entity, enum report_name name, double value,
			int decimals, struct str unit)
{
	struct json number = json_decimal(entity->arena, value, decimals);

	if (number.kind == JSON_NULL)
		entity->failed = true;
	else if (unit.len)
		entity_with_unit(entity, reporting->iris[name], number, unit);
	else
		entity_property(entity, reporting->iris[name], number);
}

static void add_punctuality(struct reporting *reporting, struct entity *entity,
			    const struct transit_punctuality *counts, double delay_sum_s)
{
	uint64_t runs = runs_of(counts);

	entity_number(entity, reporting->iris[REPORT_RUNS_EARLY], (int64_t)counts->early);
	entity_number(entity, reporting->iris[REPORT_RUNS_ON_TIME], (int64_t)counts->on_time);
	entity_number(entity, reporting->iris[REPORT_RUNS_LATE], (int64_t)counts->late);
	if (runs == 0)
		return;
	add_decimal(reporting, entity, REPORT_ON_TIME_SHARE, transit_on_time_share(counts), SHARE_DECIMALS, STR_NONE);
	add_decimal(reporting, entity, REPORT_DELAY, delay_sum_s / (double)runs, SECOND_DECIMALS, STR("SEC"));
}

static enum err_code tell(const struct reporting *reporting, struct str id, struct entity *entity, struct error *err)
{
	const struct json *root = entity_done(entity);

	if (!id.at || !root)
		return err_set(err, ERR_MEMORY, "no memory for the report of a realtime feed");
	return reporting->sink->add(reporting->sink->self, BROKER_REPLACE, id, root, err);
}

static enum err_code begin(struct reporting *reporting, struct str type, struct str id, struct entity *entity,
			   struct error *err)
{
	struct str iri;
	enum err_code code = context_expand(reporting->context, reporting->arena, type, &iri, err);

	if (code)
		return code;
	entity_begin(entity, reporting->arena, id, iri, reporting->now_us);
	entity->observed = reporting->observed;
	return ERR_OK;
}

static enum err_code tell_route(struct reporting *reporting, uint32_t row, const struct realtime_route *route,
				struct error *err)
{
	struct str urn = reporting->realtime->tables->routes[row].id;
	struct str prefix = gtfs_urn_prefix(reporting->arena, STR("GtfsRoute"), reporting->realtime->options.timetable);
	struct str id = arena_concat(
		reporting->arena,
		gtfs_urn_prefix(reporting->arena, STR(REALTIME_ROUTE_REPORT), reporting->realtime->options.feed),
		str_starts(urn, prefix) ? str_part(urn, prefix.len, urn.len) : urn);
	struct entity entity;
	enum err_code code = begin(reporting, STR(REALTIME_ROUTE_REPORT), id, &entity, err);

	if (code)
		return code;
	add_punctuality(reporting, &entity, &route->punctuality, route->delay_sum_s);
	if (route->headways)
		add_decimal(reporting, &entity, REPORT_HEADWAY, route->headway_sum_s / (double)route->headways,
			    SECOND_DECIMALS, STR("SEC"));
	if (route->planned_headways)
		add_decimal(reporting, &entity, REPORT_PLANNED_HEADWAY,
			    route->planned_headway_sum_s / (double)route->planned_headways, SECOND_DECIMALS,
			    STR("SEC"));
	if (route->waits)
		add_decimal(reporting, &entity, REPORT_EXCESS_WAIT, route->excess_wait_sum_s / (double)route->waits,
			    SECOND_DECIMALS, STR("SEC"));
	entity.observed = json_null();
	entity_relationship(&entity, reporting->has_route, urn);
	return tell(reporting, id, &entity, err);
}

static struct json unmatched(struct entity *entity, const uint32_t *by_reason)
{
	struct json object = json_object();

	for (enum realtime_reason reason = REALTIME_NO_TRIP; reason < REALTIME_REASON_COUNT; reason++) {
		struct json count = json_int(entity->arena, by_reason[reason]);

		entity->failed = entity->failed || count.kind == JSON_NULL;
		if (by_reason[reason])
			entity_member(entity, &object, str_from(realtime_reason_name(reason)), count);
	}
	return object;
}

static enum err_code tell_feed(struct reporting *reporting, const struct realtime_summary *summary,
			       const uint32_t *by_reason, struct error *err)
{
	struct str id = arena_printf(reporting->arena, "urn:ngsi-ld:" REALTIME_REPORT ":%.*s",
				     STR_FMT(reporting->realtime->options.feed));
	struct entity entity;
	int64_t matched = (int64_t)by_reason[REALTIME_MATCHED] + by_reason[REALTIME_EXTRA];
	enum err_code code = begin(reporting, STR(REALTIME_REPORT), id, &entity, err);

	if (code)
		return code;
	entity_number(&entity, reporting->iris[REPORT_VEHICLES], summary->told[REALTIME_VEHICLE]);
	entity_number(&entity, reporting->iris[REPORT_TRIP_UPDATES], summary->told[REALTIME_TRIP]);
	entity_number(&entity, reporting->iris[REPORT_ALERTS], summary->told[REALTIME_ALERT]);
	entity_number(&entity, reporting->iris[REPORT_TRIPS_MATCHED], matched);
	entity_property(&entity, reporting->iris[REPORT_TRIPS_UNMATCHED], unmatched(&entity, by_reason));
	add_punctuality(reporting, &entity, &summary->punctuality, summary->delay_sum_s);
	entity.observed = json_null();
	entity_text(&entity, reporting->iris[REPORT_TIMETABLE], reporting->realtime->options.timetable);
	return tell(reporting, id, &entity, err);
}

static enum err_code set_names(struct reporting *reporting, struct error *err)
{
	enum err_code code = context_expand(reporting->context, reporting->arena, realtime_name_text(RT_HAS_ROUTE),
					    &reporting->has_route, err);

	for (unsigned i = 0; i < REPORT_NAME_COUNT && !code; i++)
		code = context_expand(reporting->context, reporting->arena, str_from(names[i]), &reporting->iris[i],
				      err);
	return code;
}

enum err_code realtime_tell_summary(const struct realtime *realtime, const struct context *context,
				    const struct realtime_summary *summary, const uint32_t *by_reason, int64_t now_us,
				    struct arena *arena, const struct realtime_sink *sink, struct error *err)
{
	struct reporting reporting = {
		.realtime = realtime, .context = context, .arena = arena, .now_us = now_us, .sink = sink};
	char text[TIME_ISO_BYTES];
	struct str observed = arena_dup(arena, time_format_iso(now_us / US_PER_MS * US_PER_MS, text));

	if (!observed.at)
		return err_set(err, ERR_MEMORY, "no memory for the report of a realtime feed");
	reporting.observed = json_string(observed);
	enum err_code code = set_names(&reporting, err);

	if (!code)
		code = tell_feed(&reporting, summary, by_reason, err);
	for (uint32_t i = 0; i < summary->route_count && !code; i++)
		if (runs_of(&summary->routes[i].punctuality) || summary->routes[i].headways)
			code = tell_route(&reporting, i, &summary->routes[i], err);
	return code;
}
