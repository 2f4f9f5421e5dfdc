/* Charge points at work: lines that call, a session for each station, answers when what they are about is durable.
 *
 * A station has one line, the last that called. Its session stays when the line goes, so that what is repeated is known
 * again; it is made anew when the station comes back with the other version of OCPP. Receipts of the intake name the
 * station's place, the session's generation and the event's handle. */
#include "feed/ocpp_feed_int.h"

#include "base/cleanup.h"
#include "base/time_value.h"
#include "feed/feed_clock_int.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 5000 /* until the store is asked again for what a feed begins with */
#define SCRATCH_BYTES_MAX ((size_t)4 << 20)
#define STATIONS_FIRST 64u
#define CLOSE_INTERNAL_ERROR 1011 /* RFC 6455 section 7.4.1, as the next */
#define CLOSE_POLICY_VIOLATION 1008
#define CLOSE_GOING_AWAY 1001
/* Of the ids of messages that a session begins with: the run, the session in it, and its messages. */
#define RUN_SHIFT 40
#define SESSION_SHIFT 16
#define SESSION_MASK 0xffffffu

/* ---- time ---- */

static int64_t now_us(const struct ocpp_station *station)
{
	return feed_now_us(station->ocpp->feed);
}

void ocpp_station_touched(struct ocpp_station *station)
{
	int64_t deadline_us = ocpp_session_deadline_us(station->session);

	if (deadline_us < station->ocpp->tick_us)
		station->ocpp->tick_us = deadline_us;
}

static void tick(struct ocpp_feed *ocpp)
{
	int64_t now = feed_now_us(ocpp->feed);

	if (now < ocpp->tick_us)
		return;
	ocpp->tick_us = INT64_MAX;
	for (size_t i = 0; i < ocpp->station_count; i++) {
		struct ocpp_station *station = ocpp->stations[i];

		if (!station->session)
			continue;
		if (ocpp_session_deadline_us(station->session) <= now)
			ocpp_session_tick(station->session, now);
		ocpp_station_touched(station);
	}
}

/* ---- sessions ---- */

/* What is wrong with a message is told to its station, and shown to the operator: it names places, not values. */
static void send_text(void *user, struct str text)
{
	const struct ocpp_station *station = user;
	struct ocpp_feed *ocpp = station->ocpp;

	if (str_starts(text, STR("[4,")))
		(void)snprintf(ocpp->fault, sizeof(ocpp->fault), "%.*s", STR_FMT(text));
	if (station->line)
		feed_line_send(station->line, text);
}

static enum ocpp_verdict verdict_of(const struct ocpp_settings *settings, const struct ocpp_card *card, int64_t at_us)
{
	if (!card)
		return settings->any_token ? OCPP_TOKEN_ACCEPTED : OCPP_TOKEN_UNKNOWN;
	if (card->blocked)
		return OCPP_TOKEN_BLOCKED;
	return card->expires_us != OCPP_NO_TIME && card->expires_us <= at_us ? OCPP_TOKEN_EXPIRED : OCPP_TOKEN_ACCEPTED;
}

static struct ocpp_authorisation authorise(void *user, const struct ocpp_token *token, int64_t at_us)
{
	const struct ocpp_station *station = user;
	const struct ocpp_settings *settings = station->ocpp->settings;
	const struct ocpp_card *card = ocpp_card_find(settings, token->id);

	return (struct ocpp_authorisation){.verdict = verdict_of(settings, card, at_us),
					   .expires_us = card ? card->expires_us : OCPP_NO_TIME,
					   .parent = card ? card->parent : STR_NONE};
}

static enum err_code make_session(struct ocpp_station *station, enum ocpp_version version, struct error *err)
{
	struct ocpp_feed *ocpp = station->ocpp;
	const struct ocpp_session_options options = {
		.version = version,
		.parser = ocpp->feed->parser,
		.user = station,
		.send = send_text,
		.event = ocpp_event_take,
		.authorise = authorise,
		.number = ocpp_record_number,
		.heartbeat_s = ocpp->settings->heartbeat_s,
		.call_timeout_s = ocpp->settings->answer_s,
		.first_id = (ocpp->run << RUN_SHIFT) | ((++ocpp->sessions & SESSION_MASK) << SESSION_SHIFT),
	};

	station->session = ocpp_session_free(station->session);
	station->generation++;
	station->hold_count = 0;
	return ocpp_session_new(&options, &station->session, err);
}

/* ---- stations ---- */

struct ocpp_station *ocpp_station_find(const struct ocpp_feed *ocpp, struct str name)
{
	return map_get(&ocpp->by_name, name);
}

static void station_free(struct ocpp_station *station)
{
	station->session = ocpp_session_free(station->session);
	free(station);
}

static bool grow(struct ocpp_feed *ocpp)
{
	size_t room = ocpp->station_room ? ocpp->station_room * 2 : STATIONS_FIRST;
	struct ocpp_station **grown;

	if (ocpp->station_count < ocpp->station_room)
		return true;
	grown = reallocarray(ocpp->stations, room, sizeof(struct ocpp_station *));
	if (!grown)
		return false;
	ocpp->stations = grown;
	ocpp->station_room = room;
	return true;
}

static struct ocpp_station *make_station(struct ocpp_feed *ocpp, struct str name, struct error *err)
{
	struct ocpp_station *station;
	enum err_code code;

	if (ocpp->station_count == OCPP_STATIONS_MAX) {
		(void)err_set(err, ERR_LIMIT, "%u stations, and no more until the feed begins anew", OCPP_STATIONS_MAX);
		return NULL;
	}
	station = grow(ocpp) ? calloc(1, sizeof(*station)) : NULL;
	if (!station) {
		(void)err_set(err, ERR_MEMORY, "no memory for a station");
		return NULL;
	}
	station->ocpp = ocpp;
	station->place = (uint32_t)ocpp->station_count;
	(void)snprintf(station->name, sizeof(station->name), "%.*s", STR_FMT(name));
	code = ocpp_uri_put(station->uri, sizeof(station->uri), name) ? ocpp_record_load(station, err)
								      : err_set(err, ERR_LIMIT, "a name too long");
	if (!code && !map_set(&ocpp->by_name, str_from(station->name), station))
		code = err_set(err, ERR_MEMORY, "no memory for a station");
	if (code) {
		station_free(station);
		return NULL;
	}
	ocpp->stations[ocpp->station_count++] = station;
	if (station->is_new)
		(void)ocpp_record_save(station); /* so that the next run knows whom to look for */
	return station;
}

/* ---- lines ---- */

static void hang_up(struct ocpp_station *station, uint16_t code, const char *reason)
{
	struct feed_line *line = station->line;

	station->line = NULL;
	feed_line_set_peer(line, NULL);
	ocpp_session_disconnected(station->session, now_us(station));
	feed_line_close(line, code, reason);
}

static enum err_code take_in(struct ocpp_feed *ocpp, struct feed_line *line, struct error *err)
{
	struct str name = feed_line_name(line);
	struct ocpp_station *station = ocpp_station_find(ocpp, name);
	enum ocpp_version version;
	enum err_code code = ERR_OK;

	if (!ocpp_version_from(feed_line_protocol(line), &version))
		return err_set(err, ERR_UNSUPPORTED, "no such protocol");
	if (!station)
		station = make_station(ocpp, name, err);
	if (!station)
		return err->code;
	if (station->line)
		hang_up(station, CLOSE_POLICY_VIOLATION, "the station has connected anew");
	if (!station->session || ocpp_session_version(station->session) != version)
		code = make_session(station, version, err);
	if (code)
		return code;
	station->line = line;
	feed_line_set_peer(line, station);
	ocpp->feed->own.connects++;
	ocpp_session_connected(station->session, now_us(station));
	ocpp_station_touched(station);
	ocpp_event_connected(ocpp, station->uri, version, true);
	return ERR_OK;
}

static void line_is_gone(struct ocpp_feed *ocpp, struct feed_line *line)
{
	struct ocpp_station *station = feed_line_peer(line);

	if (station) {
		station->line = NULL;
		ocpp_session_disconnected(station->session, now_us(station));
		ocpp_event_connected(ocpp, station->uri, ocpp_session_version(station->session), false);
	}
	feed_line_let_go(ocpp->feed, line);
}

static void count_faults(struct ocpp_station *station, struct ocpp_counts before)
{
	struct ocpp_counts now = ocpp_session_counts(station->session);
	struct ocpp_feed *ocpp = station->ocpp;
	bool malformed = now.malformed > before.malformed;

	if (malformed || now.violations > before.violations || now.refused > before.refused)
		feed_drop(ocpp->feed, malformed ? FEED_DROP_MALFORMED : FEED_DROP_INVALID, "%s: %s", station->name,
			  ocpp->fault[0] ? ocpp->fault : "no message of OCPP");
	ocpp->fault[0] = '\0';
}

static void receive(struct ocpp_feed *ocpp, struct ocpp_station *station, struct str text)
{
	struct ocpp_counts before = ocpp_session_counts(station->session);
	struct feed *feed = ocpp->feed;
	struct error err;

	feed->own.messages++;
	feed->own.bytes += text.len;
	feed->own.message_us = feed_now_us(feed);
	enum err_code code = ocpp_session_receive(station->session, text, feed->own.message_us, &err);

	count_faults(station, before);
	if (code) {
		feed_drop(feed, FEED_DROP_OVERSIZED, "%s: %s", station->name, err.detail);
		hang_up(station, code == ERR_LIMIT ? CLOSE_POLICY_VIOLATION : CLOSE_INTERNAL_ERROR,
			code == ERR_LIMIT ? "too many calls wait for an answer" : "no memory");
		ocpp_event_connected(ocpp, station->uri, ocpp_session_version(station->session), false);
	} else {
		ocpp_station_touched(station);
	}
}

/* A line that is new has no station yet; one that was closed has none any more, and nothing that it says is heard. */
static void take_news(struct ocpp_feed *ocpp, struct feed_line *line)
{
	struct error err;
	size_t len = 0;

	if (feed_line_is_gone(line)) {
		line_is_gone(ocpp, line);
		return;
	}
	if (feed_line_is_new(line) && take_in(ocpp, line, &err) != ERR_OK) {
		feed_drop(ocpp->feed, FEED_DROP_OVERSIZED, "%.*s: %s", STR_FMT(feed_line_name(line)), err.detail);
		feed_line_close(line, CLOSE_INTERNAL_ERROR, "the station cannot be taken in now");
	}
	struct ocpp_station *station = feed_line_peer(line);
	char *text = station ? feed_line_text(line, &len) : NULL;

	if (text)
		receive(ocpp, station, (struct str){text, len});
	free(text);
}

static void take_all_news(struct ocpp_feed *ocpp)
{
	struct feed_line *line;

	while (intake_has_room(ocpp->feed->intake) && (line = feed_line_next(ocpp->feed)))
		take_news(ocpp, line);
}

/* ---- what is durable ---- */

/* Is the record of the station that the event waits for written? It was handed over before the event was. */
static bool take_hold(struct ocpp_station *station, uint64_t handle)
{
	for (size_t i = 0; i < station->hold_count; i++) {
		struct ocpp_hold hold = station->holds[i];

		if (hold.handle != handle)
			continue;
		station->holds[i] = station->holds[--station->hold_count];
		return atomic_load(&station->written) >= hold.version;
	}
	return true;
}

void ocpp_feed_settled(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err)
{
	const struct feed *feed = self;
	const struct ocpp_feed *ocpp = feed->session;

	for (size_t i = 0; ocpp && i < count; i++) {
		size_t place = (size_t)(receipts[i].first & 0xffffffff);
		struct ocpp_station *station = place < ocpp->station_count ? ocpp->stations[place] : NULL;

		if (!station || station->generation != receipts[i].first >> 32)
			continue;
		if (take_hold(station, receipts[i].second) && !err)
			(void)ocpp_session_confirm(station->session, receipts[i].second);
		else
			(void)ocpp_session_refuse(station->session, receipts[i].second);
	}
}

/* ---- the run ---- */

static bool is_offline(void *self, struct str name)
{
	struct ocpp_feed *ocpp = self;
	char uri[sizeof(((struct ocpp_station *)0)->uri)];

	if (ocpp_uri_put(uri, sizeof(uri), name))
		ocpp_event_connected(ocpp, uri, OCPP_1_6, false);
	return true;
}

/* A run before this one may have ended without a word: nobody is connected. */
static enum err_code begin(struct ocpp_feed *ocpp, struct error *err)
{
	char digits[BROKER_PSEUDONYM_DIGITS + 1];
	struct feed *feed = ocpp->feed;
	enum err_code code = ocpp->reader ? ERR_OK : store_reader_new(feed->store, &ocpp->reader, err);

	if (!code)
		code = broker_pseudonym(feed->options->broker, feed->tenant, STR("ocpp token"), STR(""), digits, err);
	if (!code)
		code = ocpp_record_begin(ocpp, err);
	return code ? code : ocpp_record_each(ocpp, is_offline, ocpp, err);
}

static int64_t deadline_ms(const struct ocpp_feed *ocpp)
{
	int64_t intake_ms = intake_deadline_ms(ocpp->feed->intake), tick_ms = INT64_MAX;

	if (ocpp->tick_us != INT64_MAX)
		tick_ms = feed_clock_ms() + (ocpp->tick_us - feed_now_us(ocpp->feed)) / US_PER_MS + 1;
	return intake_ms < tick_ms ? intake_ms : tick_ms;
}

static void work(struct ocpp_feed *ocpp)
{
	struct feed *feed = ocpp->feed;

	while (feed_goes_on(feed)) {
		take_all_news(ocpp);
		tick(ocpp);
		intake_turn(feed->intake);
		feed_show(feed, FEED_UP, NULL);
		feed_wait(feed, NULL, deadline_ms(ocpp));
		intake_turn(feed->intake);
	}
}

/* What was heard becomes durable and is answered; then all are told to come back later. */
static void wind_up(struct ocpp_feed *ocpp)
{
	intake_settle(ocpp->feed->intake);
	for (size_t i = 0; i < ocpp->station_count; i++) {
		struct ocpp_station *station = ocpp->stations[i];

		if (!station->line)
			continue;
		hang_up(station, CLOSE_GOING_AWAY, "the feed ends");
		if (!intake_has_room(ocpp->feed->intake))
			intake_settle(ocpp->feed->intake);
		ocpp_event_connected(ocpp, station->uri, ocpp_session_version(station->session), false);
	}
	intake_settle(ocpp->feed->intake);
	ocpp_records_settle(ocpp);
}

static struct ocpp_feed *ocpp_new(struct feed *feed)
{
	struct ocpp_feed *ocpp = calloc(1, sizeof(*ocpp));

	if (!ocpp)
		return NULL;
	ocpp->feed = feed;
	ocpp->settings = feed->settings;
	ocpp->tick_us = INT64_MAX;
	(void)pthread_mutex_init(&ocpp->lock, NULL);
	(void)pthread_cond_init(&ocpp->landed, NULL);
	map_init(&ocpp->by_name, (uint64_t)(uintptr_t)feed ^ (uint64_t)feed_now_us(feed));
	arena_init(&ocpp->scratch, SCRATCH_BYTES_MAX);
	return ocpp;
}

static void ocpp_free(struct ocpp_feed *ocpp)
{
	for (size_t i = 0; i < ocpp->station_count; i++)
		station_free(ocpp->stations[i]);
	free(ocpp->stations);
	(void)store_reader_free(ocpp->reader);
	map_done(&ocpp->by_name);
	arena_done(&ocpp->scratch);
	(void)pthread_cond_destroy(&ocpp->landed);
	(void)pthread_mutex_destroy(&ocpp->lock);
	free(ocpp);
}

void ocpp_feed_run(struct feed *feed)
{
	struct ocpp_feed *ocpp;
	struct error err;

	while (!(ocpp = ocpp_new(feed)) && feed_goes_on(feed)) {
		feed_show(feed, FEED_WAITING, "no memory for a feed");
		feed_wait(feed, NULL, feed_clock_ms() + RETRY_MS);
	}
	if (!ocpp)
		return;
	feed->session = ocpp;
	while (feed_goes_on(feed) && begin(ocpp, &err) != ERR_OK) {
		feed_show(feed, FEED_WAITING, err.detail);
		feed_wait(feed, NULL, feed_clock_ms() + RETRY_MS);
	}
	work(ocpp); /* not at all, when the feed does not go on */
	wind_up(ocpp);
	for (size_t i = 0; i < ocpp->station_count; i++)
		ocpp->stations[i]->session = ocpp_session_free(ocpp->stations[i]->session); /* which ends commands */
	feed->session = NULL;
	ocpp_free(ocpp);
}
