/* The timetable's feed: loaded from its entities, and its vehicles of before put right. */
#include "base/cleanup.h"
#include "base/time_value.h"
#include "feed/timetable_int.h"
#include "ngsild/document.h"

#include <stdio.h>
#include <string.h>

#define RETRY_US (60 * US_PER_S) /* after a load that failed */
#define SWEEP_BYTES_MAX ((size_t)256 << 20)

/* ---- loading ---- */

static enum err_code load_plan(struct timetable *timetable, struct transit_plan **ret_plan, struct error *err)
{
	struct transit_feed *feed = NULL;
	struct transit_zone *zone = NULL;
	enum err_code code = gtfs_load(timetable->reader, timetable->options.feed, NULL, &feed, err);

	if (!code)
		code = gtfs_read_zone(transit_feed_tables(feed)->agencies[0].timezone, &zone, err);
	if (!code)
		code = transit_plan_new(feed, zone, ret_plan, err);
	if (code)
		(void)transit_zone_free(zone);
	(void)transit_feed_free(feed);
	return code;
}

static enum err_code read_mark(struct timetable *timetable, char *ret_mark, size_t room, struct error *err)
{
	char key[GTFS_MARK_BYTES];
	struct arena arena;
	struct str mark = STR_NONE;

	arena_init(&arena, 4096);
	enum err_code code =
		store_get_meta(timetable->reader, gtfs_mark_key(timetable->options.feed, key), &arena, &mark, err);

	if (!code)
		(void)snprintf(ret_mark, room, "%.*s", STR_FMT(mark));
	arena_done(&arena);
	return code;
}

enum err_code timetable_load(struct timetable *timetable, struct error *err)
{
	char mark[sizeof(timetable->mark)];
	struct transit_plan *plan = NULL;
	enum err_code code = read_mark(timetable, mark, sizeof(mark), err);
	int64_t now_us = broker_now_us(timetable->broker);

	if (code || strcmp(mark, timetable->mark) == 0)
		return code;
	if (mark[0] && now_us < timetable->retry_us)
		return ERR_OK;
	timetable->retry_us = now_us + RETRY_US;
	if (mark[0])
		code = load_plan(timetable, &plan, err);
	if (code)
		return code;
	(void)transit_plan_free(timetable->plan);
	timetable->plan = plan;
	timetable->retry_us = 0;
	(void)snprintf(timetable->mark, sizeof(timetable->mark), "%s", mark);
	/* Trips have other numbers now: all vehicles are written anew, and the leftovers removed. */
	timetable->before_count = timetable->vehicle_count = 0;
	timetable->swept = false;
	(void)pthread_mutex_lock(&timetable->lock);
	timetable->stats.loads += plan != NULL;
	(void)pthread_mutex_unlock(&timetable->lock);
	return ERR_OK;
}

/* ---- leftovers ---- */

struct leftover {
	struct leftover *next;
	struct str id;
};

struct sweep {
	struct timetable *timetable;
	struct json_parser *parser;
	struct arena arena; /* of one document */
	struct arena ids;
	struct id_set running;
	struct leftover *first;
	enum err_code code;
	struct error *err;
};

static enum err_code note_running(struct sweep *sweep)
{
	const struct timetable *timetable = sweep->timetable;

	for (uint32_t i = 0; timetable->plan && i < timetable->vehicle_count; i++) {
		arena_clear(&sweep->arena);
		struct str urn = vehicle_urn(&sweep->arena, timetable->options.feed, timetable->plan,
					     &timetable->vehicles[i].run);

		if (!urn.at || !id_set_add(&sweep->running, urn))
			return err_set(sweep->err, ERR_MEMORY, "no memory to look for old vehicles");
	}
	return ERR_OK;
}

static bool visit(void *self, struct json *entity)
{
	struct sweep *sweep = self;
	struct str id = document_id(entity);

	if (!str_starts(id, sweep->timetable->prefix) || id_set_has(&sweep->running, id))
		return true;
	struct leftover *leftover = arena_new(&sweep->ids, struct leftover);

	if (leftover)
		leftover->id = arena_dup(&sweep->ids, id);
	if (!leftover || !leftover->id.at) {
		sweep->code = err_set(sweep->err, ERR_MEMORY, "no memory for old vehicles");
		return false;
	}
	leftover->next = sweep->first;
	sweep->first = leftover;
	return true;
}

static enum err_code delete_leftovers(struct sweep *sweep)
{
	struct timetable *timetable = sweep->timetable;
	enum err_code code = ERR_OK;

	for (struct leftover *at = sweep->first; at && !code; at = at->next) {
		struct arena *arena = timetable_arena(timetable);
		struct str id = arena_dup(arena, at->id);

		code = id.at ? timetable_add(timetable, BROKER_DELETE, id, NULL, TRANSIT_NONE, sweep->err)
			     : err_set(sweep->err, ERR_MEMORY, "no memory for old vehicles");
	}
	return code;
}

enum err_code timetable_sweep(struct timetable *timetable, struct error *err)
{
	struct sweep sweep = {.timetable = timetable, .parser = json_parser_new(), .err = err};
	struct narrow narrow = {.id_prefix = timetable->prefix};
	const struct store_tree_sight sight = {
		.visit = visit, .self = &sweep, .parser = sweep.parser, .arena = &sweep.arena};

	arena_init(&sweep.arena, SWEEP_BYTES_MAX);
	arena_init(&sweep.ids, SWEEP_BYTES_MAX);
	enum err_code code =
		sweep.parser ? note_running(&sweep) : err_set(err, ERR_MEMORY, "no memory to look for old vehicles");

	if (!code)
		code = store_scan_trees(timetable->reader, &narrow, &sight, err);
	if (!code)
		code = sweep.code;
	if (!code)
		code = delete_leftovers(&sweep);
	timetable->swept = !code;
	id_set_done(&sweep.running);
	arena_done(&sweep.arena);
	arena_done(&sweep.ids);
	(void)json_parser_free(sweep.parser);
	return code;
}
