/* Feeds of kind modbus: registers of devices, read at an interval; what one device says is a message, a JSON object of
 * the values by their names.
 *
 * A device that does not answer is left alone for longer and longer, so that it does not cost the others a timeout each
 * time. Where a device refuses a group of registers each of them is asked for by itself from then on, which tells the
 * one that is not there. */
#include "feed/feed_clock_int.h"
#include "feed/modbus_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_PAUSE_MS_MIN 500
#define CONNECT_PAUSE_MS_MAX 30000
#define DEVICE_PAUSE_MS_MAX 300000
#define MESSAGE_BYTES_MAX ((size_t)4 << 20)

static int64_t timeout_ms(const struct modbus_session *session)
{
	return (int64_t)session->settings->timeout_s * 1000;
}

static struct str point_text(const struct modbus_point *point, char text[static 160])
{
	(void)snprintf(text, 160, "\"%.*s\" (%s %u)", STR_FMT(str_part(point->name, 0, 100)),
		       modbus_table_name(point->table), (unsigned int)point->address);
	return str_from(text);
}

/* ---- a device's message ---- */

static void put_point(struct modbus_session *session, const struct modbus_point *point, const uint16_t *words)
{
	buf_put_char(&session->message, ',');
	json_write_string(&session->message, point->name);
	buf_put_char(&session->message, ':');
	modbus_value_put(&point->value, words, &session->message);
	session->says = true;
}

/* Is it about the device as a whole, rather than about what it was asked for? */
static bool is_of_device(uint8_t exception)
{
	return exception == MODBUS_BUSY || exception == MODBUS_NO_PATH || exception == MODBUS_NO_ANSWER;
}

static enum modbus_outcome read_range(struct modbus_session *session, const struct modbus_device *device,
				      enum modbus_table table, uint16_t address, uint16_t count, uint8_t *ret_exception,
				      struct error *err)
{
	struct modbus_request request = {.unit = device->unit, .table = table, .address = address, .count = count};
	enum modbus_outcome outcome =
		modbus_line_ask(&session->line, &request, timeout_ms(session), session->words, ret_exception, err);

	if (outcome == MODBUS_ANSWERED && is_of_device(*ret_exception)) {
		(void)err_set(err, ERR_IO, "it answers \"%s\"", modbus_exception_name(*ret_exception));
		return MODBUS_SILENT;
	}
	return outcome;
}

static enum modbus_outcome read_alone(struct modbus_session *session, const struct modbus_device *device,
				      const struct modbus_point *point, struct error *err)
{
	uint8_t exception = 0;
	char text[160];
	enum modbus_outcome outcome =
		read_range(session, device, point->table, point->address, point->value.count, &exception, err);

	if (outcome == MODBUS_ANSWERED && !exception)
		put_point(session, point, session->words);
	else if (outcome == MODBUS_ANSWERED)
		feed_drop(session->line.feed, FEED_DROP_MALFORMED, "unit %u: %.*s: it answers \"%s\"",
			  (unsigned int)device->unit, STR_FMT(point_text(point, text)),
			  modbus_exception_name(exception));
	return outcome;
}

static enum modbus_outcome read_group(struct modbus_session *session, const struct modbus_device *device,
				      const struct modbus_group *group, bool *alone, struct error *err)
{
	const struct modbus_point *points = device->map->points + group->first;
	enum modbus_outcome outcome = MODBUS_ANSWERED;
	uint8_t exception = 0;

	if (group->point_count > 1 && !*alone) {
		outcome = read_range(session, device, points->table, group->address, group->count, &exception, err);
		if (outcome != MODBUS_ANSWERED)
			return outcome;
		*alone = exception != 0;
		for (size_t i = 0; i < group->point_count && !exception; i++)
			put_point(session, &points[i], session->words + (points[i].address - group->address));
		if (!exception)
			return outcome;
	}
	for (size_t i = 0; i < group->point_count && outcome == MODBUS_ANSWERED; i++)
		outcome = read_alone(session, device, &points[i], err);
	return outcome;
}

static enum modbus_outcome read_device(struct modbus_session *session, const struct modbus_device *device,
				       struct modbus_device_state *state, struct error *err)
{
	enum modbus_outcome outcome = MODBUS_ANSWERED;

	buf_clear(&session->message);
	session->says = false;
	buf_printf(&session->message, "{\"unit\":%u,\"device\":", (unsigned int)device->unit);
	json_write_string(&session->message, device->name);
	for (size_t i = 0; i < device->map->group_count && outcome == MODBUS_ANSWERED; i++)
		outcome = read_group(session, device, &device->map->groups[i], &state->alone[i], err);
	buf_put_char(&session->message, '}');
	return outcome;
}

/* ---- a round ---- */

static void note_answer(struct modbus_session *session, const struct modbus_device *device,
			struct modbus_device_state *state, enum modbus_outcome outcome, const struct error *err)
{
	const struct modbus_settings *settings = session->settings;
	bool answered = outcome == MODBUS_ANSWERED;
	char why[ERROR_DETAIL_BYTES + 64];

	if (answered && session->message.failed)
		feed_drop(session->line.feed, FEED_DROP_OVERSIZED, "unit %u: a message of more than %zu bytes",
			  (unsigned int)device->unit, MESSAGE_BYTES_MAX);
	else if (answered && session->says)
		feed_take(session->line.feed, device->name, buf_str(&session->message));
	if (!answered && state->answers) {
		(void)snprintf(why, sizeof(why), "unit %u: %s", (unsigned int)device->unit, err->detail);
		feed_note_error(session->line.feed, why);
	}
	state->answers = answered;
	state->pause_ms = answered ? 0 : state->pause_ms ? state->pause_ms * 2 : (int64_t)settings->interval_s * 1000;
	if (state->pause_ms > DEVICE_PAUSE_MS_MAX)
		state->pause_ms = DEVICE_PAUSE_MS_MAX;
	state->retry_ms = answered ? 0 : feed_clock_ms() + state->pause_ms;
}

/* Nothing of what is there is read before the store has taken enough of what was. False: the feed stops. */
static bool await_room(struct feed *feed)
{
	while (feed_goes_on(feed) && !intake_has_room(feed->intake)) {
		feed_show(feed, feed->own.state, NULL);
		feed_wait(feed, NULL, intake_deadline_ms(feed->intake));
		intake_turn(feed->intake);
	}
	return feed_goes_on(feed);
}

/* Reads those devices whose turn it is. False: the connection broke, and *err says why. */
static bool read_devices(struct modbus_session *session, struct error *err)
{
	const struct modbus_settings *settings = session->settings;
	size_t asked = 0, silent = 0;

	for (size_t i = 0; i < settings->device_count && await_room(session->line.feed); i++) {
		const struct modbus_device *device = &settings->devices[i];
		struct modbus_device_state *state = &session->devices[i];

		if (feed_clock_ms() < state->retry_ms)
			continue;
		enum modbus_outcome outcome = read_device(session, device, state, err);

		if (outcome == MODBUS_STOPPED)
			return true;
		note_answer(session, device, state, outcome, err);
		modbus_queue_work(&session->line, &session->queue, timeout_ms(session));
		asked++;
		silent += outcome != MODBUS_ANSWERED;
		/* There are gateways that hang up when they do not know a unit: the others are asked all the same. */
		if (outcome == MODBUS_BROKEN &&
		    modbus_line_open(&session->line, timeout_ms(session), err) == MODBUS_BROKEN)
			return false;
	}
	if (asked > 0 && silent == asked)
		tcp_link_close(session->line.link); /* nobody is there: perhaps behind a new connection */
	return true;
}

static bool somebody_answers(const struct modbus_session *session)
{
	for (size_t i = 0; i < session->settings->device_count; i++)
		if (session->devices[i].answers)
			return true;
	return false;
}

static void show(struct modbus_session *session)
{
	struct feed *feed = session->line.feed;

	feed_show(feed, somebody_answers(session) ? FEED_UP : FEED_WAITING, NULL);
}

static void plan_next(struct modbus_session *session)
{
	int64_t interval_ms = (int64_t)session->settings->interval_s * 1000, now_ms = feed_clock_ms();

	/* Rounds that there was no time for are left out. */
	session->next_ms += interval_ms;
	if (session->next_ms <= now_ms)
		session->next_ms = now_ms + interval_ms - (now_ms - session->next_ms) % interval_ms;
	session->pause_ms = 0;
}

static void go_round(struct modbus_session *session)
{
	struct feed *feed = session->line.feed;
	struct error err;
	enum modbus_outcome outcome = modbus_line_open(&session->line, timeout_ms(session), &err);

	if (outcome == MODBUS_STOPPED)
		return;
	if (outcome == MODBUS_ANSWERED && read_devices(session, &err)) {
		plan_next(session);
		show(session);
		return;
	}
	session->pause_ms = session->pause_ms ? session->pause_ms * 2 : CONNECT_PAUSE_MS_MIN;
	if (session->pause_ms > CONNECT_PAUSE_MS_MAX)
		session->pause_ms = CONNECT_PAUSE_MS_MAX;
	session->next_ms = feed_clock_ms() + session->pause_ms;
	feed_show(feed, FEED_WAITING, err.detail);
}

/* ---- the thread ---- */

static bool make_states(struct modbus_session *session)
{
	const struct modbus_settings *settings = session->settings;
	size_t groups = 0;

	assert(settings->device_count > 0);
	for (size_t i = 0; i < settings->device_count; i++)
		groups += settings->devices[i].map->group_count;
	session->devices = calloc(settings->device_count, sizeof(*session->devices));
	session->alone = calloc(groups, sizeof(*session->alone));
	if (!session->devices || !session->alone)
		return false;
	groups = 0;
	for (size_t i = 0; i < settings->device_count; i++) {
		session->devices[i].alone = session->alone + groups;
		session->devices[i].answers = true; /* so that it is told when it does not */
		groups += settings->devices[i].map->group_count;
	}
	return true;
}

static void run_session(struct modbus_session *session)
{
	struct feed *feed = session->line.feed;

	session->next_ms = feed_clock_ms();
	while (feed_goes_on(feed)) {
		if (feed_clock_ms() >= session->next_ms)
			go_round(session);
		modbus_queue_work(&session->line, &session->queue, timeout_ms(session));
		intake_turn(feed->intake);
		feed_show(feed, feed->own.state, NULL);
		if (!feed_goes_on(feed))
			break; /* who stops it has woken a wait within the round, and does so once */
		int64_t intake_ms = intake_deadline_ms(feed->intake);

		feed_wait(feed, NULL, session->next_ms < intake_ms ? session->next_ms : intake_ms);
		intake_turn(feed->intake);
	}
	intake_settle(feed->intake);
}

static void run(struct feed *feed)
{
	const struct modbus_settings *settings = feed->settings;
	struct modbus_session *session = calloc(1, sizeof(*session));
	struct error err;
	enum err_code code = session ? ERR_OK : err_set(&err, ERR_MEMORY, "no memory for a feed");

	if (session) {
		session->line.feed = feed;
		session->settings = settings;
		buf_init(&session->message, MESSAGE_BYTES_MAX);
		code = tcp_link_new(settings->host, settings->port, feed->stored ? feed->options->policy : NULL,
				    feed->wake_fd, &session->line.link, &err);
		if (!code && !make_states(session))
			code = err_set(&err, ERR_MEMORY, "no memory for a feed");
	}
	if (!code) {
		feed->session = session;
		run_session(session);
		feed->session = NULL;
	} else {
		feed_show(feed, FEED_WAITING, err.detail);
	}
	if (session) {
		(void)tcp_link_free(session->line.link);
		buf_done(&session->message);
		free(session->devices);
		free(session->alone);
	}
	free(session);
}

const struct feed_kind feed_kind_modbus = {
	.name = "modbus", .read = modbus_read_settings, .run = run, .read_send = modbus_read_send, .send = modbus_send};
