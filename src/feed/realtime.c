/* GTFS Realtime: taking a message.
 *
 * Each entity of a message has an entity of ours by an id that stays the same from message to message. What is kept of
 * it says what the store has, so that what differs is told and nothing else, and what a message no longer mentions is
 * deleted. Trip updates are taken first: vehicles have their trip's delay. */
#include "feed/realtime_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES_MAX 65536u

/* ---- what was told ---- */

static struct told *told_free(struct told *told)
{
	if (told && told->type == REALTIME_TRIP)
		free(told->run.delays);
	free(told);
	return NULL;
}

struct told *realtime_told(struct take *take, enum realtime_type type, struct str id, bool *ret_new)
{
	struct realtime *realtime = take->realtime;
	struct told *told = id.at ? map_get(&realtime->told, id) : NULL;

	*ret_new = !told;
	if (told || !id.at || realtime->told.count >= REALTIME_TOLD_MAX)
		return told;
	told = calloc(1, sizeof(*told) + id.len);
	if (!told)
		return NULL;
	memcpy(told + 1, id.at, id.len);
	told->id = (struct str){(const char *)(told + 1), id.len};
	told->type = type;
	if (!map_set(&realtime->told, told->id, told))
		told = told_free(told);
	return told;
}

bool realtime_see(struct take *take, struct told *told)
{
	if (told->seen == take->realtime->takes) {
		take->report->repeated++;
		return false;
	}
	told->seen = take->realtime->takes;
	told->source = take->source;
	return true;
}

enum err_code realtime_tell(struct take *take, struct told *told, enum broker_operation operation,
			    const struct json *entity, struct error *err)
{
	if (!entity && operation != BROKER_DELETE)
		return err_set(err, ERR_MEMORY, "no memory to write what a realtime feed tells");
	enum err_code code = take->sink->add(take->sink->self, operation, told->id, entity, err);

	told->written = !code;
	take->report->created += operation == BROKER_REPLACE;
	take->report->changed += operation == BROKER_APPEND_ATTRIBUTES;
	return code;
}

struct str realtime_time(struct take *take, int64_t at_s)
{
	if (take->observed_text.len && take->observed.us == at_s * US_PER_S)
		return take->observed_text;
	take->observed_text = arena_dup(take->arena, time_text_next(&take->observed, at_s * US_PER_S));
	return take->observed_text;
}

int64_t realtime_day_start(struct realtime *realtime, int32_t day)
{
	if (day != realtime->day) {
		realtime->day = day;
		realtime->day_start_s = transit_zone_day_start_s(realtime->zone, day);
	}
	return realtime->day_start_s;
}

bool realtime_id_fits(struct str id)
{
	return id.len <= TRANSIT_ID_BYTES_MAX;
}

uint64_t realtime_mix(uint64_t hash, const void *bytes, size_t len)
{
	return str_hash((struct str){bytes, len}, hash);
}

uint64_t realtime_mix_text(uint64_t hash, struct str text)
{
	/* The length too: "ab", "c" is not "a", "bc". */
	return str_hash(text, hash + text.len);
}

bool realtime_has(const struct realtime *realtime, struct str id)
{
	return map_get(&realtime->told, id) != NULL;
}

void realtime_lost(struct realtime *realtime, struct str id)
{
	struct told *told = map_get(&realtime->told, id);

	if (!told)
		return;
	told->written = false;
	realtime->timestamp_s[told->source] = GTFSRT_TIME_NONE;
}

/* ---- a message ---- */

static enum err_code check_message(struct take *take, const struct gtfsrt_message *message, struct error *err)
{
	struct realtime *realtime = take->realtime;

	if (message->differential)
		return err_set(err, ERR_UNSUPPORTED,
			       "the message is DIFFERENTIAL, which the format does not define; FULL_DATASET is wanted");
	take->report->timestamp_s = message->timestamp_s;
	take->message_s = take->now_us / US_PER_S;
	if (message->timestamp_s == GTFSRT_TIME_NONE)
		return ERR_OK;
	if (message->timestamp_s * US_PER_S > take->now_us + REALTIME_AHEAD_US_MAX)
		return err_set(err, ERR_INVALID, "the message's timestamp %lld is more than an hour ahead of now",
			       (long long)message->timestamp_s);
	take->report->old = message->timestamp_s <= realtime->timestamp_s[take->source];
	take->message_s = message->timestamp_s;
	return ERR_OK;
}

/* Ids become parts of ours: what is longer than any of the timetable's is left. */
static bool ids_fit(const struct gtfsrt_entity *entity)
{
	const struct gtfsrt_vehicle *vehicle = entity->vehicle;
	const struct gtfsrt_trip_update *update = entity->trip_update;

	return realtime_id_fits(entity->id) &&
	       (!vehicle ||
		(realtime_id_fits(vehicle->vehicle.id) && realtime_id_fits(vehicle->trip.trip_id) &&
		 realtime_id_fits(vehicle->trip.start_date) && realtime_id_fits(vehicle->trip.start_time))) &&
	       (!update || (realtime_id_fits(update->vehicle.id) && realtime_id_fits(update->trip.trip_id) &&
			    realtime_id_fits(update->trip.start_date) && realtime_id_fits(update->trip.start_time) &&
			    realtime_id_fits(update->new_trip_id) && realtime_id_fits(update->new_start_date) &&
			    realtime_id_fits(update->new_start_time)));
}

static enum err_code take_entities(struct take *take, const struct gtfsrt_message *message, struct error *err)
{
	struct realtime_report *report = take->report;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; i < message->entity_count && !code; i++) {
		const struct gtfsrt_entity *entity = &message->entities[i];

		if (entity->is_deleted || !ids_fit(entity) ||
		    (!entity->trip_update && !entity->vehicle && !entity->alert))
			report->ignored++;
		else if (entity->trip_update)
			code = realtime_take_trip(take, entity->id, entity->trip_update, err);
	}
	for (uint32_t i = 0; i < message->entity_count && !code; i++) {
		const struct gtfsrt_entity *entity = &message->entities[i];

		if (entity->is_deleted || !ids_fit(entity))
			continue;
		if (entity->vehicle)
			code = realtime_take_vehicle(take, entity->id, entity->vehicle, err);
		if (entity->alert && !code)
			code = realtime_take_alert(take, entity->id, entity->alert, err);
	}
	return code;
}

/* Deletes what this source told before and tells no more. */
static enum err_code drop_vanished(struct take *take, struct error *err)
{
	struct realtime *realtime = take->realtime;
	struct told **vanished = arena_array(take->arena, struct told *, realtime->told.count);
	size_t at = 0, count = 0;
	struct str id;
	void *value;
	enum err_code code = vanished ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to look for what vanished");

	while (!code && map_each(&realtime->told, &at, &id, &value)) {
		struct told *told = value;

		if (told->source == take->source && told->seen != realtime->takes)
			vanished[count++] = told;
	}
	for (size_t i = 0; i < count && !code; i++) {
		/* The id outlives what is kept of it. */
		id = arena_dup(take->arena, vanished[i]->id);
		code = id.at ? take->sink->add(take->sink->self, BROKER_DELETE, id, NULL, err)
			     : err_set(err, ERR_MEMORY, "no memory to delete what vanished");
		if (code)
			break;
		(void)map_remove(&realtime->told, id);
		(void)told_free(vanished[i]);
		take->report->deleted++;
	}
	return code;
}

static void forget_written(struct realtime *realtime)
{
	size_t at = 0;
	struct str id;
	void *value;

	while (map_each(&realtime->told, &at, &id, &value))
		((struct told *)value)->written = false;
	for (size_t i = 0; i < REALTIME_SOURCES_MAX; i++)
		realtime->timestamp_s[i] = GTFSRT_TIME_NONE;
}

static enum err_code take_message(struct take *take, const struct gtfsrt_message *message, struct error *err)
{
	struct realtime *realtime = take->realtime;
	struct realtime_report *report = take->report;
	enum err_code code = check_message(take, message, err);

	if (code || report->old)
		return code;
	report->entities = message->entity_count + message->refused_count;
	report->refused = message->refused_count;
	report->refusal = message->refused;
	realtime->takes++;
	code = take_entities(take, message, err);
	if (!code)
		code = drop_vanished(take, err);
	if (code)
		forget_written(realtime);
	else
		realtime->timestamp_s[take->source] = message->timestamp_s;
	return code;
}

enum err_code realtime_take(struct realtime *realtime, uint32_t source, struct str bytes, int64_t now_us,
			    struct arena *arena, const struct realtime_sink *sink, struct realtime_report *ret_report,
			    struct error *err)
{
	struct take take = {.realtime = realtime,
			    .arena = arena,
			    .sink = sink,
			    .report = ret_report,
			    .source = source,
			    .now_us = now_us,
			    .constants = json_object()};
	struct gtfsrt_message message;

	assert(source < REALTIME_SOURCES_MAX);
	memset(ret_report, 0, sizeof(*ret_report));
	ret_report->timestamp_s = GTFSRT_TIME_NONE;
	enum err_code code = gtfsrt_decode(bytes, arena, &message, err);

	return code ? code : take_message(&take, &message, err);
}

/* ---- making and changing ---- */

void realtime_set_timetable(struct realtime *realtime, const struct transit_feed *timetable,
			    const struct transit_zone *zone)
{
	size_t at = 0;
	struct str id;
	void *value;

	realtime->timetable = timetable;
	realtime->tables = timetable ? transit_feed_tables(timetable) : NULL;
	realtime->zone = zone;
	realtime->day = TRANSIT_DAY_NONE;
	/* Its rows have other numbers now. */
	while (map_each(&realtime->told, &at, &id, &value)) {
		struct told *told = value;

		if (told->type != REALTIME_TRIP)
			continue;
		free(told->run.delays);
		told->run = (struct realtime_run){.run = {.trip = TRANSIT_NONE}, .delay_s = TRANSIT_DELAY_NONE};
	}
	forget_written(realtime);
}

static enum err_code set_names(struct realtime *realtime, const struct context *context, struct error *err)
{
	struct arena *arena = &realtime->names;
	enum err_code code = ERR_OK;

	for (unsigned i = 0; i < REALTIME_TYPES && !code; i++) {
		realtime->prefixes[i] = gtfs_urn_prefix(arena, realtime_type_text(i), realtime->options.feed);
		code = realtime->prefixes[i].at
			       ? context_expand(context, arena, realtime_type_text(i), &realtime->types[i], err)
			       : err_set(err, ERR_MEMORY, "no memory for a realtime feed");
	}
	for (unsigned i = 0; i < RT_NAME_COUNT && !code; i++)
		code = context_expand(context, arena, realtime_name_text(i), &realtime->iris[i], err);
	realtime->trip_prefix = gtfs_urn_prefix(arena, gtfs_type_name(GTFS_TRIP), realtime->options.timetable);
	if (!code && !realtime->trip_prefix.at)
		code = err_set(err, ERR_MEMORY, "no memory for a realtime feed");
	return code;
}

static void set_options(struct realtime *realtime, const struct realtime_options *options)
{
	(void)snprintf(realtime->feed_text, sizeof(realtime->feed_text), "%.*s", STR_FMT(options->feed));
	(void)snprintf(realtime->timetable_text, sizeof(realtime->timetable_text), "%.*s", STR_FMT(options->timetable));
	realtime->options = *options;
	realtime->options.feed = str_from(realtime->feed_text);
	realtime->options.timetable = str_from(realtime->timetable_text);
	if (options->on_time.early_s == 0 && options->on_time.late_s == 0)
		realtime->options.on_time = (struct transit_on_time){TRANSIT_EARLY_S, TRANSIT_LATE_S};
}

enum err_code realtime_new(const struct realtime_options *options, const struct context *context,
			   const struct transit_feed *timetable, const struct transit_zone *zone,
			   struct realtime **ret_realtime, struct error *err)
{
	enum err_code code = gtfs_check_feed_name(options->feed, err);

	if (!code)
		code = gtfs_check_feed_name(options->timetable, err);
	if (code)
		return code;
	struct realtime *realtime = calloc(1, sizeof(*realtime));

	if (!realtime)
		return err_set(err, ERR_MEMORY, "no memory for a realtime feed");
	set_options(realtime, options);
	arena_init(&realtime->names, NAMES_BYTES_MAX);
	map_init(&realtime->told, (uint64_t)(uintptr_t)realtime);
	realtime_set_timetable(realtime, timetable, zone);
	code = set_names(realtime, context, err);
	if (code)
		(void)realtime_free(realtime);
	else
		*ret_realtime = realtime;
	return code;
}

struct realtime *realtime_free(struct realtime *realtime)
{
	size_t at = 0;
	struct str id;
	void *value;

	if (!realtime)
		return NULL;
	while (map_each(&realtime->told, &at, &id, &value))
		(void)told_free(value);
	map_done(&realtime->told);
	arena_done(&realtime->names);
	free(realtime);
	return NULL;
}

struct str realtime_prefix(const struct realtime *realtime, unsigned i)
{
	assert(i < REALTIME_TYPES);
	return realtime->prefixes[i];
}
