/* The timetable feed's thread: tick, write, wait.
 *
 * A tick asks the plan which runs are under way. Both that list and the list of the tick before are in one order, so
 * that walking them side by side tells which vehicles are new (written whole), which go on (what changed is appended)
 * and which are over (deleted). A tick ends when all its writes are durable; when that takes longer than the interval,
 * the ticks in between are left out and counted, so nothing ever piles up. */
#include "feed/timetable.h"

#include "base/time_value.h"
#include "feed/timetable_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INTERVAL_MS_MIN 100u
#define CLOCK_JUMP_US (3600 * US_PER_S) /* a clock set by more than this starts the ticks anew */

struct timetable_options timetable_defaults(void)
{
	return (struct timetable_options){
		.interval_ms = TIMETABLE_INTERVAL_MS_DEFAULT,
		.speed = 1,
		.start_us = TIMETABLE_START_NOW,
		.vehicles_max = TIMETABLE_VEHICLES_MAX_DEFAULT,
		.history_keep_s = TIMETABLE_HISTORY_KEEP_S_DEFAULT,
	};
}

static int64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

void timetable_note_error(struct timetable *timetable, const struct error *err)
{
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stats.error = *err;
	(void)pthread_mutex_unlock(&timetable->lock);
}

static bool is_stopping(struct timetable *timetable)
{
	(void)pthread_mutex_lock(&timetable->lock);
	bool stopping = timetable->stopping;

	(void)pthread_mutex_unlock(&timetable->lock);
	return stopping;
}

/* ---- a tick ---- */

/* The timetable's instant that belongs to a clock's. */
static int64_t schedule_us(const struct timetable *timetable, int64_t now_us)
{
	const struct timetable_options *options = &timetable->options;
	int64_t start = options->start_us == TIMETABLE_START_NOW ? timetable->origin_us : options->start_us;

	return start + (int64_t)((double)(now_us - timetable->origin_us) * options->speed);
}

static void set_moment(struct timetable *timetable)
{
	struct vehicle_moment *moment = &timetable->moment;
	int64_t now_us = broker_now_us(timetable->broker), at_us = schedule_us(timetable, now_us);
	bool shifted = timetable->options.start_us != TIMETABLE_START_NOW || timetable->options.speed != 1;

	moment->now_us = now_us;
	moment->observed_at = time_format_iso(now_us / US_PER_MS * US_PER_MS, moment->observed);
	moment->scheduled_at = shifted ? time_format_iso(at_us / US_PER_MS * US_PER_MS, moment->scheduled) : STR_NONE;
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stats.schedule_us = at_us;
	(void)pthread_mutex_unlock(&timetable->lock);
}

struct collect {
	struct timetable *timetable;
	uint64_t refused;
	bool failed;
};

static bool collect_run(void *self, const struct transit_run *run)
{
	struct collect *collect = self;
	struct timetable *timetable = collect->timetable;

	if (timetable->vehicle_count == timetable->options.vehicles_max) {
		collect->refused++;
		return true;
	}
	if (timetable->vehicle_count == timetable->vehicle_room) {
		uint32_t room = timetable->vehicle_room ? timetable->vehicle_room * 2 : 256;
		struct vehicle *more = realloc(timetable->vehicles, room * sizeof(*more));

		if (!more) {
			collect->failed = true;
			return false;
		}
		timetable->vehicles = more;
		timetable->vehicle_room = room;
	}
	timetable->vehicles[timetable->vehicle_count++] = (struct vehicle){.run = *run};
	return true;
}

/* The order of transit_active(). */
static int compare_runs(const struct transit_run *a, const struct transit_run *b)
{
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (a->trip != b->trip)
		return a->trip < b->trip ? -1 : 1;
	return a->start_s < b->start_s ? -1 : a->start_s > b->start_s;
}

static enum err_code remove_vehicle(struct timetable *timetable, const struct transit_run *run, struct error *err)
{
	struct arena *arena = timetable_arena(timetable);
	struct str urn = vehicle_urn(arena, timetable->options.feed, timetable->plan, run);

	if (!urn.at)
		return err_set(err, ERR_MEMORY, "no memory to write vehicles");
	return timetable_add(timetable, BROKER_DELETE, urn, NULL, TRANSIT_NONE, err);
}

/* Writes what of the vehicle the store does not have; before: of the tick before, NULL for a new one. */
static enum err_code write_vehicle(struct timetable *timetable, uint32_t index, const struct vehicle *before,
				   struct error *err)
{
	struct vehicle *vehicle = &timetable->vehicles[index];
	const struct transit_plan *plan = timetable->plan;
	struct transit_position position;
	struct arena *arena = timetable_arena(timetable);
	bool update = before && before->written, same = false;

	if (!transit_run_position(plan, &vehicle->run, timetable->stats.schedule_us, &position))
		return ERR_OK; /* cannot be: the plan has just named it */
	vehicle->state = vehicle_state_of(plan, &vehicle->run, &position);
	vehicle->written = true;
	struct str urn = vehicle_urn(arena, timetable->options.feed, plan, &vehicle->run);
	struct json *entity = NULL;

	if (urn.at && update)
		entity = vehicle_changes(&timetable->names, arena, plan, &before->state, &vehicle->state,
					 &timetable->moment, &same);
	else if (urn.at)
		entity = vehicle_entity(&timetable->names, arena, urn, plan, &vehicle->run, &vehicle->state,
					&timetable->moment);
	if (!entity)
		return err_set(err, ERR_MEMORY, "no memory to write vehicles");
	if (same)
		return ERR_OK;
	return timetable_add(timetable, update ? BROKER_APPEND_ATTRIBUTES : BROKER_REPLACE, urn, entity, index, err);
}

/* Walks the vehicles of this tick and of the one before side by side. */
static enum err_code write_vehicles(struct timetable *timetable, struct error *err)
{
	enum err_code code = ERR_OK;
	uint32_t now = 0, old = 0;

	while (!code && (now < timetable->vehicle_count || old < timetable->before_count)) {
		const struct vehicle *before = old < timetable->before_count ? &timetable->before[old] : NULL;
		int order = now == timetable->vehicle_count ? 1
			    : !before                       ? -1
							    : compare_runs(&timetable->vehicles[now].run, &before->run);

		if (order > 0)
			code = remove_vehicle(timetable, &before->run, err);
		else
			code = write_vehicle(timetable, now, order == 0 ? before : NULL, err);
		old += order >= 0;
		now += order <= 0;
	}
	return code;
}

/* The vehicles of this tick become those of the one before. */
static void turn_over(struct timetable *timetable)
{
	struct vehicle *vehicles = timetable->before;
	uint32_t room = timetable->before_room;

	timetable->before = timetable->vehicles;
	timetable->before_count = timetable->vehicle_count;
	timetable->before_room = timetable->vehicle_room;
	timetable->vehicles = vehicles;
	timetable->vehicle_count = 0;
	timetable->vehicle_room = room;
}

static enum err_code collect_vehicles(struct timetable *timetable, struct error *err)
{
	struct collect collect = {.timetable = timetable};

	timetable->vehicle_count = 0;
	if (timetable->plan)
		(void)transit_active(timetable->plan, timetable->stats.schedule_us, collect_run, &collect);
	if (collect.failed)
		return err_set(err, ERR_MEMORY, "no memory for the vehicles of a timetable");
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stats.vehicles = timetable->vehicle_count;
	timetable->stats.vehicles_refused = collect.refused;
	(void)pthread_mutex_unlock(&timetable->lock);
	return ERR_OK;
}

static enum err_code tick(struct timetable *timetable, struct error *err)
{
	enum err_code code = timetable_load(timetable, err);

	/* A load that failed leaves the plan of before in force. */
	if (code)
		timetable_note_error(timetable, err);
	set_moment(timetable);
	code = collect_vehicles(timetable, err);
	if (!code)
		code = write_vehicles(timetable, err);
	if (!code && !timetable->swept)
		code = timetable_sweep(timetable, err);
	enum err_code flushed = timetable_flush(timetable, code ? NULL : err);

	if (!code)
		code = flushed;
	if (!code)
		code = timetable_prune(timetable, err);
	timetable_settle(timetable);
	if (code) {
		/* What was not reached is not known to be in the store: all is written anew, and leftovers are looked
		 * for. */
		timetable->vehicle_count = 0;
		timetable->swept = false;
	}
	turn_over(timetable);
	return code;
}

/* ---- the thread ---- */

static void wait_us(struct timetable *timetable, int64_t us)
{
	struct timespec until;

	if (timetable->options.wait) {
		timetable->options.wait(timetable->options.wait_self, us);
		return;
	}
	int64_t end = monotonic_us() + us;

	until = (struct timespec){.tv_sec = end / US_PER_S, .tv_nsec = end % US_PER_S * 1000};
	(void)pthread_mutex_lock(&timetable->lock);
	while (!timetable->stopping && monotonic_us() < end)
		(void)pthread_cond_timedwait(&timetable->changed, &timetable->lock, &until);
	(void)pthread_mutex_unlock(&timetable->lock);
}

static void count_late(struct timetable *timetable, int64_t ticks)
{
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stats.ticks_late += (uint64_t)ticks;
	(void)pthread_mutex_unlock(&timetable->lock);
}

/* Waits for the next tick and returns when that was due; counts those that are left out. */
static int64_t wait_for_tick(struct timetable *timetable, int64_t due_us)
{
	int64_t interval = timetable->options.interval_ms * US_PER_MS;
	int64_t now_us = broker_now_us(timetable->broker);

	due_us += interval;
	if (now_us > due_us + CLOCK_JUMP_US || now_us < due_us - CLOCK_JUMP_US)
		return now_us;
	/* The tick before took too long: the next one comes when another would be due, so the machine gets its rest. */
	if (now_us > due_us) {
		int64_t late = (now_us - due_us) / interval + 1;

		due_us += late * interval;
		count_late(timetable, late);
	}
	while (!is_stopping(timetable) && (now_us = broker_now_us(timetable->broker)) < due_us &&
	       now_us >= due_us - CLOCK_JUMP_US)
		wait_us(timetable, due_us - now_us);
	if (now_us >= due_us + interval && now_us < due_us + CLOCK_JUMP_US) {
		int64_t late = (now_us - due_us) / interval;

		due_us += late * interval;
		count_late(timetable, late);
	}
	return due_us;
}

static void *run(void *self)
{
	struct timetable *timetable = self;
	struct error err = {0};
	int64_t due_us = broker_now_us(timetable->broker);

	timetable->origin_us = due_us;
	while (!is_stopping(timetable)) {
		int64_t start_us = monotonic_us();

		err = (struct error){0};
		enum err_code code = tick(timetable, &err);

		if (code)
			timetable_note_error(timetable, &err);
		(void)pthread_mutex_lock(&timetable->lock);
		timetable->stats.ticks++;
		timetable->stats.tick_us = monotonic_us() - start_us;
		(void)pthread_mutex_unlock(&timetable->lock);
		due_us = wait_for_tick(timetable, due_us);
	}
	return NULL;
}

/* ---- start and stop ---- */

static enum err_code check_options(const struct timetable_options *options, struct error *err)
{
	enum err_code code = gtfs_check_feed_name(options->feed, err);

	if (code)
		return code;
	if (options->interval_ms && options->interval_ms < INTERVAL_MS_MIN)
		return err_set(err, ERR_INVALID, "an interval of %u ms is below %u", options->interval_ms,
			       INTERVAL_MS_MIN);
	if (!(options->speed >= 0 && options->speed <= TIMETABLE_SPEED_MAX))
		return err_set(err, ERR_INVALID, "a speed of %g is not within 0 and %g", options->speed,
			       TIMETABLE_SPEED_MAX);
	return ERR_OK;
}

static void set_options(struct timetable *timetable, const struct timetable_options *options)
{
	struct timetable_options *own = &timetable->options;

	*own = *options;
	own->interval_ms = options->interval_ms ? options->interval_ms : TIMETABLE_INTERVAL_MS_DEFAULT;
	own->speed = options->speed > 0 ? options->speed : 1;
	own->vehicles_max = options->vehicles_max ? options->vehicles_max : TIMETABLE_VEHICLES_MAX_DEFAULT;
	(void)snprintf(timetable->feed_text, sizeof(timetable->feed_text), "%.*s", STR_FMT(options->feed));
	(void)snprintf(timetable->prefix_text, sizeof(timetable->prefix_text),
		       "urn:ngsi-ld:Vehicle:%s:", timetable->feed_text);
	own->feed = str_from(timetable->feed_text);
	own->tenant = STR_NONE; /* the store is known by now */
	timetable->prefix = str_from(timetable->prefix_text);
}

static void release(struct timetable *timetable)
{
	for (size_t i = 0; i < CHUNKS; i++)
		arena_done(&timetable->chunks[i].arena);
	arena_done(&timetable->names.arena);
	(void)store_reader_free(timetable->reader);
	(void)transit_plan_free(timetable->plan);
	(void)pthread_cond_destroy(&timetable->changed);
	(void)pthread_mutex_destroy(&timetable->lock);
	free(timetable->vehicles);
	free(timetable->before);
	free(timetable);
}

static void init_sync(struct timetable *timetable)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&timetable->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&timetable->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

enum err_code timetable_start(struct broker *broker, const struct timetable_options *options,
			      struct timetable **ret_timetable, struct error *err)
{
	struct store *store = NULL;
	enum err_code code = check_options(options, err);

	if (!code)
		code = broker_tenant(broker, options->tenant, false, &store, err);
	if (code)
		return code;
	struct timetable *timetable = calloc(1, sizeof(*timetable));

	if (!timetable)
		return err_set(err, ERR_MEMORY, "no memory for a timetable");
	timetable->broker = broker;
	timetable->store = store;
	set_options(timetable, options);
	init_sync(timetable);
	for (size_t i = 0; i < CHUNKS; i++) {
		timetable->chunks[i].timetable = timetable;
		arena_init(&timetable->chunks[i].arena, CHUNK_BYTES_MAX);
	}
	code = vehicle_names_init(&timetable->names, broker_core_context(broker), err);
	if (!code)
		code = store_reader_new(store, &timetable->reader, err);
	if (!code && pthread_create(&timetable->thread, NULL, run, timetable) != 0)
		code = err_set(err, ERR_MEMORY, "no thread for a timetable");
	if (code)
		release(timetable);
	else
		*ret_timetable = timetable;
	return code;
}

struct timetable *timetable_stop(struct timetable *timetable)
{
	if (!timetable)
		return NULL;
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stopping = true;
	(void)pthread_cond_broadcast(&timetable->changed);
	(void)pthread_mutex_unlock(&timetable->lock);
	(void)pthread_join(timetable->thread, NULL);
	release(timetable);
	return NULL;
}

void timetable_stats(struct timetable *timetable, struct timetable_stats *ret_stats)
{
	(void)pthread_mutex_lock(&timetable->lock);
	*ret_stats = timetable->stats;
	(void)pthread_mutex_unlock(&timetable->lock);
}
