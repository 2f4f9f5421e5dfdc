/* What a realtime feed reads of the store: its timetable, and what an earlier run of it has left there. */
#include "feed/feed_clock_int.h"
#include "feed/gtfs_realtime_int.h"
#include "ngsild/document.h"

#include <stdio.h>
#include <string.h>

#define LOAD_RETRY_MS 60000 /* after a load that failed */
#define DOCUMENT_BYTES_MAX ((size_t)256 << 20)

/* ---- the timetable ---- */

static enum err_code read_mark(struct gtfs_realtime *session, struct str feed, char *ret_mark, size_t room,
			       struct error *err)
{
	char key[GTFS_MARK_BYTES];
	struct arena arena;
	struct str mark = STR_NONE;

	arena_init(&arena, 4096);
	enum err_code code = store_get_meta(session->reader, gtfs_mark_key(feed, key), &arena, &mark, err);

	if (!code)
		(void)snprintf(ret_mark, room, "%.*s", STR_FMT(mark));
	arena_done(&arena);
	return code;
}

static bool goes_on(void *feed)
{
	return feed_goes_on(feed);
}

static enum err_code load(struct gtfs_realtime *session, struct transit_feed **ret_timetable,
			  struct transit_zone **ret_zone, struct error *err)
{
	const struct gtfs_watch watch = {goes_on, session->feed};
	enum err_code code = gtfs_load(session->reader, session->settings->timetable, &watch, ret_timetable, err);

	if (!code)
		code = gtfs_read_zone(transit_feed_tables(*ret_timetable)->agencies[0].timezone, ret_zone, err);
	return code;
}

/* Everything is told anew, so no source may say that its message is the same. */
static void take_over(struct gtfs_realtime *session, struct transit_feed *timetable, struct transit_zone *zone)
{
	realtime_set_timetable(session->realtime, timetable, zone);
	(void)transit_feed_free(session->timetable);
	(void)transit_zone_free(session->zone);
	session->timetable = timetable;
	session->zone = zone;
	session->report_ms = 0;
	for (uint32_t i = 0; i < session->settings->url_count; i++) {
		session->sources[i].etag[0] = session->sources[i].modified[0] = '\0';
		if (session->sources[i].pause_ms == 0)
			session->sources[i].due_ms = 0;
	}
}

void gtfs_realtime_load(struct gtfs_realtime *session)
{
	char mark[sizeof(session->mark)] = "";
	struct transit_feed *timetable = NULL;
	struct transit_zone *zone = NULL;
	struct error err;
	enum err_code code = read_mark(session, session->settings->timetable, mark, sizeof(mark), &err);

	if (!code && strcmp(mark, session->mark) == 0) {
		if (mark[0])
			session->load_trouble[0] = '\0';
		else
			(void)snprintf(session->load_trouble, sizeof(session->load_trouble),
				       "no GTFS feed \"%.*s\" has been imported; vehicles have no trips without it",
				       STR_FMT(session->settings->timetable));
		return;
	}
	if (!code && mark[0] && feed_clock_ms() < session->load_retry_ms)
		return;
	if (!code && mark[0])
		code = load(session, &timetable, &zone, &err);
	if (code) { /* the one of before stays in force */
		(void)transit_feed_free(timetable);
		session->load_retry_ms = feed_clock_ms() + LOAD_RETRY_MS;
		(void)snprintf(session->load_trouble, sizeof(session->load_trouble), "%s", err.detail);
		return;
	}
	take_over(session, timetable, zone);
	(void)snprintf(session->mark, sizeof(session->mark), "%s", mark);
	session->load_trouble[0] = '\0';
}

enum err_code gtfs_realtime_check_name(struct gtfs_realtime *session, struct error *err)
{
	char mark[sizeof(session->mark)] = "";
	enum err_code code = read_mark(session, session->feed->name, mark, sizeof(mark), err);

	if (!code && mark[0])
		return err_set(err, ERR_CONFLICT,
			       "a GTFS feed has been imported as \"%.*s\", whose timetable takes the vehicles of that "
			       "name for its own: this feed needs another name",
			       STR_FMT(session->feed->name));
	return code;
}

/* ---- leftovers ---- */

struct sweep {
	struct gtfs_realtime *session;
	struct str prefix;
	bool reports; /* of routes; else what messages told */
	struct json_parser *parser;
	struct arena arena; /* of one document */
	struct str *ids; /* that go; in the session's arena */
	size_t count, room;
	enum err_code code;
	struct error *err;
};

static bool is_told(const struct sweep *sweep, struct str id)
{
	return sweep->reports ? id_set_has(&sweep->session->reported, id) : realtime_has(sweep->session->realtime, id);
}

static bool visit(void *self, struct json *entity)
{
	struct sweep *sweep = self;
	struct arena *arena = &sweep->session->arena;
	struct str id = document_id(entity);

	if (!str_starts(id, sweep->prefix) || is_told(sweep, id))
		return true;
	struct str *ids = arena_grow(arena, sweep->ids, sweep->count, &sweep->room, sizeof(*ids), 64);
	struct str copy = arena_dup(arena, id);

	if (!ids || !copy.at) {
		sweep->code = err_set(sweep->err, ERR_MEMORY, "no memory to look for leftovers");
		return false;
	}
	sweep->ids = ids;
	sweep->ids[sweep->count++] = copy;
	return true;
}

static enum err_code sweep_prefix(struct sweep *sweep, struct str prefix, bool reports)
{
	struct narrow narrow = {.id_prefix = prefix};

	sweep->prefix = prefix;
	sweep->reports = reports;
	sweep->count = sweep->room = 0;
	sweep->ids = NULL;
	const struct store_tree_sight sight = {
		.visit = visit, .self = sweep, .parser = sweep->parser, .arena = &sweep->arena};
	enum err_code code = prefix.at ? store_scan_trees(sweep->session->reader, &narrow, &sight, sweep->err)
				       : err_set(sweep->err, ERR_MEMORY, "no memory to look for leftovers");

	if (!code)
		code = sweep->code;
	for (size_t i = 0; i < sweep->count && !code; i++)
		code = feed_add_operation(sweep->session->feed, BROKER_DELETE, sweep->ids[i], NULL, sweep->err);
	return code;
}

static enum err_code sweep(struct gtfs_realtime *session, bool reports, struct error *err)
{
	struct sweep sweep = {.session = session, .parser = json_parser_new(), .err = err};
	enum err_code code = sweep.parser ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to look for leftovers");

	arena_init(&sweep.arena, DOCUMENT_BYTES_MAX);
	for (unsigned i = 0; !reports && i < REALTIME_TYPES && !code; i++)
		code = sweep_prefix(&sweep, realtime_prefix(session->realtime, i), false);
	if (reports && !code)
		code = sweep_prefix(&sweep,
				    gtfs_urn_prefix(&session->arena, STR(REALTIME_ROUTE_REPORT), session->feed->name),
				    true);
	arena_done(&sweep.arena);
	(void)json_parser_free(sweep.parser);
	return code;
}

enum err_code gtfs_realtime_sweep(struct gtfs_realtime *session, struct error *err)
{
	return sweep(session, false, err);
}

enum err_code gtfs_realtime_sweep_reports(struct gtfs_realtime *session, struct error *err)
{
	return sweep(session, true, err);
}
