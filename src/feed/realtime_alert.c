/* Alerts to Alert entities.
 *
 *  * The model's attributes where it has some; cause, effect, the periods and who is concerned are ours. hasRoute,
 * hasStop, hasTrip and hasAgency name all that is concerned, to be asked for; informedEntities keeps which of them
 * belong together: a stop of one route is not the stop and the route. */
#include "engine/transit/value.h"
#include "feed/realtime_int.h"

#include <string.h>

#define LANGUAGE_BYTES_MAX 35u /* RFC 5646, 4.4.1 */

static struct str iri(const struct take *take, enum realtime_name name)
{
	return take->realtime->iris[name];
}

/* ---- texts ---- */

static bool is_language(struct str tag)
{
	size_t subtag = 0;

	if (tag.len == 0 || tag.len > LANGUAGE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < tag.len; i++) {
		char c = tag.at[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		/* Subtags of 1 to 8; the first one has letters alone. */
		if (c == '-' ? subtag == 0 : !letter && (i == subtag || c < '0' || c > '9'))
			return false;
		subtag = c == '-' ? 0 : subtag + 1;
		if (subtag > 8)
			return false;
	}
	return subtag > 0;
}

/* A LanguageProperty: of two texts of one language the first counts, as the format has it. */
static void add_texts(struct entity *entity, struct str name, const struct gtfsrt_texts *texts)
{
	struct json map = json_object();

	for (uint32_t i = 0; i < texts->count; i++) {
		struct str tag = is_language(texts->items[i].language) ? texts->items[i].language : STR("@none");

		if (texts->items[i].text.len && !json_get(&map, tag))
			entity_member(entity, &map, tag, json_string(texts->items[i].text));
	}
	if (map.count)
		entity_languages(entity, name, map);
}

/* ---- times ---- */

static struct json time_text(struct take *take, struct entity *entity, int64_t at_s)
{
	struct str text = realtime_time(take, at_s);

	entity->failed = entity->failed || !text.at;
	return json_string(text);
}

static struct json date_time(struct take *take, struct entity *entity, int64_t at_s)
{
	struct json value = json_object();

	entity_member(entity, &value, STR("@type"), json_string(STR("DateTime")));
	entity_member(entity, &value, STR("@value"), time_text(take, entity, at_s));
	return value;
}

/* validFrom and validTo span all periods; an open end leaves its attribute out. */
static void add_periods(struct take *take, struct entity *entity, const struct gtfsrt_alert *alert)
{
	struct json list = entity_array(entity, alert->period_count);
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (uint32_t i = 0; i < alert->period_count; i++) {
		const struct gtfsrt_period *period = &alert->periods[i];
		struct json item = json_object();
		bool starts = period->start_s != GTFSRT_TIME_NONE, ends = period->end_s != GTFSRT_TIME_NONE;

		if (starts)
			entity_member(entity, &item, STR("start"), time_text(take, entity, period->start_s));
		if (ends)
			entity_member(entity, &item, STR("end"), time_text(take, entity, period->end_s));
		first = !starts ? INT64_MIN : period->start_s < first ? period->start_s : first;
		last = !ends ? INT64_MAX : period->end_s > last ? period->end_s : last;
		entity_push(entity, &list, item);
	}
	if (alert->period_count == 0)
		return;
	if (first != INT64_MIN)
		entity_property(entity, iri(take, RT_VALID_FROM), date_time(take, entity, first));
	if (last != INT64_MAX)
		entity_property(entity, iri(take, RT_VALID_TO), date_time(take, entity, last));
	entity_list(entity, iri(take, RT_PERIODS), list);
}

/* ---- who is concerned ---- */

struct concerned {
	struct take *take;
	struct entity *entity;
	struct json routes, stops, trips, agencies; /* distinct URNs */
};

static void add_once(struct entity *entity, struct json *list, struct str urn)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (str_eq(json_text(&list->items[i]), urn))
			return;
	entity_push(entity, list, json_string(urn));
}

/* A member of the selector, and the relationship to what the timetable knows by that id. */
static void add_selected(struct concerned *concerned, struct json *item, struct str member, struct json *list,
			 struct str urn)
{
	entity_member(concerned->entity, item, member, json_string(urn));
	concerned->entity->failed = concerned->entity->failed || !urn.at;
	if (urn.at && list->count < GTFS_ALERT_TARGETS_MAX)
		add_once(concerned->entity, list, urn);
}

static struct str urn_of(struct concerned *concerned, enum gtfs_type type, struct str id)
{
	struct take *take = concerned->take;
	uint32_t stop = type == GTFS_STOP ? realtime_find_stop(take, id) : TRANSIT_NONE;

	/* A stop may be a station. */
	return stop != TRANSIT_NONE
		       ? take->realtime->tables->stops[stop].id
		       : gtfs_urn(take->arena, gtfs_type_name(type), take->realtime->options.timetable, id);
}

static void add_trip(struct concerned *concerned, struct json *item, const struct gtfsrt_trip *trip)
{
	struct entity *entity = concerned->entity;

	if (trip->trip_id.len)
		add_selected(concerned, item, STR("trip"), &concerned->trips,
			     urn_of(concerned, GTFS_TRIP, trip->trip_id));
	if (trip->route_id.len && !json_get(item, STR("route")))
		add_selected(concerned, item, STR("route"), &concerned->routes,
			     urn_of(concerned, GTFS_ROUTE, trip->route_id));
	if (trip->start_date.len)
		entity_member(entity, item, STR("serviceDate"), json_string(trip->start_date));
	if (trip->start_time.len)
		entity_member(entity, item, STR("startTime"), json_string(trip->start_time));
}

static void add_number(struct entity *entity, struct json *item, struct str member, int64_t value)
{
	struct json number = json_int(entity->arena, value);

	entity->failed = entity->failed || number.kind == JSON_NULL;
	entity_member(entity, item, member, number);
}

static struct json selector_object(struct concerned *concerned, const struct gtfsrt_selector *selector)
{
	struct entity *entity = concerned->entity;
	struct json item = json_object();
	uint32_t direction = selector->direction != GTFSRT_COUNT_NONE ? selector->direction : selector->trip.direction;

	if (selector->agency_id.len)
		add_selected(concerned, &item, STR("agency"), &concerned->agencies,
			     urn_of(concerned, GTFS_AGENCY, selector->agency_id));
	if (selector->route_id.len)
		add_selected(concerned, &item, STR("route"), &concerned->routes,
			     urn_of(concerned, GTFS_ROUTE, selector->route_id));
	if (selector->stop_id.len)
		add_selected(concerned, &item, STR("stop"), &concerned->stops,
			     urn_of(concerned, GTFS_STOP, selector->stop_id));
	if (selector->trip.given)
		add_trip(concerned, &item, &selector->trip);
	if (selector->route_type != GTFSRT_NUMBER_NONE)
		add_number(entity, &item, STR("routeType"), selector->route_type);
	if (direction != GTFSRT_COUNT_NONE)
		add_number(entity, &item, STR("direction"), direction);
	return item;
}

static void add_targets(struct entity *entity, struct str name, struct json list)
{
	if (list.count == 1)
		entity_relationship(entity, name, json_text(&list.items[0]));
	else if (list.count > 1)
		entity_relationships(entity, name, list);
}

static void add_informed(struct take *take, struct entity *entity, const struct gtfsrt_alert *alert)
{
	struct concerned concerned = {.take = take,
				      .entity = entity,
				      .routes = json_array(),
				      .stops = json_array(),
				      .trips = json_array(),
				      .agencies = json_array()};
	struct json items = entity_array(entity, alert->informed_count);

	if (alert->informed_count == 0)
		return;
	for (uint32_t i = 0; i < alert->informed_count; i++)
		entity_push(entity, &items, selector_object(&concerned, &alert->informed[i]));
	add_targets(entity, iri(take, RT_HAS_ROUTE), concerned.routes);
	add_targets(entity, iri(take, RT_HAS_STOP), concerned.stops);
	add_targets(entity, iri(take, RT_HAS_TRIP), concerned.trips);
	add_targets(entity, iri(take, RT_HAS_AGENCY), concerned.agencies);
	entity_list(entity, iri(take, RT_INFORMED), items);
}

/* ---- the entity ---- */

static const struct json *alert_entity(struct take *take, const struct gtfsrt_alert *alert, struct str id)
{
	struct entity entity;

	entity_begin(&entity, take->arena, id, take->realtime->types[REALTIME_ALERT], take->now_us);
	entity_text(&entity, iri(take, RT_CATEGORY), STR("traffic"));
	entity_text(&entity, iri(take, RT_ALERT_SOURCE), take->realtime->options.feed);
	entity_property(&entity, iri(take, RT_DATE_ISSUED), date_time(take, &entity, take->message_s));
	entity_text(&entity, iri(take, RT_SEVERITY), realtime_severity_word(alert->severity));
	entity_text(&entity, iri(take, RT_CAUSE), realtime_cause_word(alert->cause));
	entity_text(&entity, iri(take, RT_EFFECT), realtime_effect_word(alert->effect));
	add_texts(&entity, iri(take, RT_NAME), &alert->header);
	add_texts(&entity, iri(take, RT_DESCRIPTION), &alert->description);
	add_texts(&entity, iri(take, RT_PAGE), &alert->url);
	add_periods(take, &entity, alert);
	add_informed(take, &entity, alert);
	return entity_done(&entity);
}

/* ---- telling ---- */

static uint64_t mix_texts(uint64_t hash, const struct gtfsrt_texts *texts)
{
	hash = realtime_mix(hash, &texts->count, sizeof(texts->count));
	for (uint32_t i = 0; i < texts->count; i++)
		hash = realtime_mix_text(realtime_mix_text(hash, texts->items[i].text), texts->items[i].language);
	return hash;
}

static uint64_t mix_selector(uint64_t hash, const struct gtfsrt_selector *selector)
{
	const int64_t facts[] = {selector->route_type, selector->direction, selector->trip.given,
				 selector->trip.direction};
	const struct str texts[] = {selector->agency_id,      selector->route_id,      selector->stop_id,
				    selector->trip.trip_id,   selector->trip.route_id, selector->trip.start_date,
				    selector->trip.start_time};

	hash = realtime_mix(hash, facts, sizeof(facts));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		hash = realtime_mix_text(hash, texts[i]);
	return hash;
}

static uint64_t hash_of(const struct gtfsrt_alert *alert)
{
	const uint32_t facts[] = {alert->cause, alert->effect, alert->severity, alert->period_count,
				  alert->informed_count};
	uint64_t hash = realtime_mix(4, facts, sizeof(facts));

	hash = realtime_mix(hash, alert->periods, alert->period_count * sizeof(*alert->periods));
	for (uint32_t i = 0; i < alert->informed_count; i++)
		hash = mix_selector(hash, &alert->informed[i]);
	hash = mix_texts(hash, &alert->header);
	hash = mix_texts(hash, &alert->description);
	return mix_texts(hash, &alert->url);
}

enum err_code realtime_take_alert(struct take *take, struct str entity_id, const struct gtfsrt_alert *alert,
				  struct error *err)
{
	struct str urn =
		gtfs_urn(take->arena, realtime_type_text(REALTIME_ALERT), take->realtime->options.feed, entity_id);
	bool is_new;
	struct told *told = realtime_told(take, REALTIME_ALERT, urn, &is_new);
	uint64_t hash = hash_of(alert);

	if (!told)
		return err_set(err, urn.at ? ERR_LIMIT : ERR_MEMORY, "no room for a realtime feed's alert");
	if (!realtime_see(take, told))
		return ERR_OK;
	take->report->alerts++;
	if (!is_new && told->written && told->hash == hash) {
		take->report->unchanged++;
		return ERR_OK;
	}
	told->hash = hash;
	return realtime_tell(take, told, BROKER_REPLACE, alert_entity(take, alert, told->id), err);
}
