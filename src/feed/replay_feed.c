/* Feeds of kind replay: the rows of a recorded file, given to the mappings as if they happened now.
 *
 * The time of a row, t, becomes base + (t - t0) / speed, where t0 is the first row's and base the start; a row is
 * given when that has come. In a loop each round has a base behind the last row of the one before. The mapping sees
 * the shifted time, as an ISO 8601 text, where the file has the time. */
#include "base/time_value.h"
#include "feed/feed_clock_int.h"
#include "feed/replay_int.h"

#include <string.h>

#define PAUSE_MS 5000 /* until a file that cannot be read is tried again */
#define LOOK_MS 1000 /* the clock may have been moved */
#define ROWS_A_TURN 256u
#define LOOP_PAUSE_US US_PER_S /* between the rounds of a file in which all rows have one time */
#define YEAR_10000_US (INT64_C(253402300800) * US_PER_S)
#define ROW_BYTES_MAX ((size_t)64 << 20)
#define SORTED_BYTES_MAX ((size_t)512 << 20)

static void try_message(struct feed *feed, struct str topic, struct str payload)
{
	const struct replay_settings *settings = feed->settings;

	table_try(feed, settings->format, topic, payload);
}

/* ---- when ---- */

/* The row that has been read: when it is due. False: it has no time. */
static bool plan(struct replay_session *session)
{
	int64_t us;

	if (!replay_time(session, &us))
		return false;
	if (!session->has_first) {
		session->has_first = true;
		session->first_us = us;
	}
	double due_us = (double)session->base_us + (double)(us - session->first_us) / session->settings->speed;

	session->due_us = due_us < (double)YEAR_10000_US ? (int64_t)due_us : YEAR_10000_US - 1;
	return true;
}

/* A row that is good for nothing is counted as such rows are. */
static void drop(struct replay_session *session)
{
	struct feed *feed = session->feed;

	if (session->row.bad) {
		table_take(session->table, &session->row);
		return;
	}
	feed->own.messages++;
	feed->row_file = session->name;
	feed->row_line = session->row.line;
	feed_drop(feed, FEED_DROP_INVALID, "it has no time at \"%.*s\" that can be read",
		  STR_FMT(str_part(session->settings->column, 0, 60)));
	feed->row_line = 0;
}

/* Reads on until a row waits. False: the file has ended. */
static enum err_code next_row(struct replay_session *session, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < ROWS_A_TURN && !session->waits && !session->ended && !code; i++) {
		bool there = false;

		arena_clear(&session->arena);
		code = replay_next(session, &there, err);
		session->ended = !code && !there;
		if (code || !there)
			break;
		session->waits = !session->row.bad && plan(session);
		if (!session->waits)
			drop(session);
	}
	return code;
}

/* ---- giving ---- */

static bool give_fields(struct replay_session *session, struct str time)
{
	struct row row = session->row;
	struct str *fields = arena_array(&session->arena, struct str, row.field_count);

	if (!fields)
		return false;
	memcpy(fields, row.fields, row.field_count * sizeof(*fields));
	fields[session->column] = time;
	row.fields = fields;
	table_take(session->table, &row);
	return true;
}

static bool give_document(struct replay_session *session, struct str time)
{
	struct row row = session->row;
	struct buf text;

	*replay_time_node(session) = json_string(time);
	buf_init(&text, ROWS_LINE_BYTES_MAX * 2);
	json_write(&text, session->document);
	row.text = buf_str(&text);
	bool whole = !text.failed;

	if (whole)
		table_take(session->table, &row);
	buf_done(&text);
	return whole;
}

static void give(struct replay_session *session)
{
	char buffer[TIME_ISO_BYTES];
	struct str time = time_format_iso(session->due_us, buffer);
	bool given =
		rows_are_table(session->settings->format) ? give_fields(session, time) : give_document(session, time);

	if (!given)
		feed_drop(session->feed, FEED_DROP_OVERSIZED, "no memory for a row");
	if (session->due_us > session->last_us) {
		session->step_us = session->due_us - session->last_us;
		session->last_us = session->due_us;
	}
	session->waits = false;
}

/* The next round follows the last row as that followed the one before. */
static void begin_again(struct replay_session *session)
{
	int64_t step_us = session->step_us > 0 ? session->step_us : LOOP_PAUSE_US;

	session->base_us = session->last_us + step_us;
	session->ended = false;
	replay_close(session);
}

/* Gives what is due. An error of the file ends the round. */
static enum err_code work(struct replay_session *session, struct error *err)
{
	struct feed *feed = session->feed;
	enum err_code code = session->rows || session->ended ? ERR_OK : replay_open(session, err);

	if (!code && !session->begun) {
		session->begun = true;
		session->base_us = session->settings->starts_at ? session->settings->start_us : feed_now_us(feed);
		session->last_us = session->base_us;
	}

	for (size_t i = 0; i < ROWS_A_TURN && !code && intake_has_room(feed->intake); i++) {
		if (!session->waits && !session->ended)
			code = next_row(session, err);
		if (code || !session->waits || session->due_us > feed_now_us(feed))
			break;
		give(session);
	}
	if (!code && session->ended && session->settings->loops && !session->has_first)
		code = err_set(err, ERR_INVALID, "the file has no row with a time");
	else if (!code && session->ended && session->settings->loops)
		begin_again(session);
	return code;
}

/* ---- the thread ---- */

/* When there is something to do (CLOCK_MONOTONIC). */
static int64_t next_ms(const struct replay_session *session)
{
	const struct feed *feed = session->feed;
	int64_t now_ms = feed_clock_ms(), left_us = session->due_us - feed_now_us(feed);

	if (session->ended || !intake_has_room(feed->intake))
		return INT64_MAX;
	if (!session->waits)
		return now_ms;
	return now_ms + (left_us <= 0 ? 0 : left_us > LOOK_MS * US_PER_MS ? LOOK_MS : left_us / US_PER_MS + 1);
}

static void turn(struct replay_session *session)
{
	struct feed *feed = session->feed;
	struct error err = {0};
	enum err_code code = work(session, &err);

	if (code) {
		replay_close(session);
		session->ended = false;
	}
	intake_turn(feed->intake);
	feed_show(feed, code ? FEED_WAITING : FEED_UP, err.detail);
	int64_t deadline_ms = intake_deadline_ms(feed->intake);
	int64_t work_ms = code ? feed_clock_ms() + PAUSE_MS : next_ms(session);

	feed_wait(feed, NULL, work_ms < deadline_ms ? work_ms : deadline_ms);
	intake_turn(feed->intake);
}

static void run(struct feed *feed)
{
	const struct replay_settings *settings = feed->settings;
	const char *name = strrchr(settings->path, '/');
	struct replay_session session = {
		.feed = feed, .settings = settings, .name = str_from(name ? name + 1 : settings->path)};

	arena_init(&session.arena, ROW_BYTES_MAX);
	arena_init(&session.sorted_arena, SORTED_BYTES_MAX);
	while (feed_goes_on(feed))
		turn(&session);
	replay_close(&session);
	arena_done(&session.arena);
	arena_done(&session.sorted_arena);
	intake_settle(feed->intake);
}

const struct feed_kind feed_kind_replay = {
	.name = "replay", .is_local = true, .read = replay_read_settings, .run = run, .try_message = try_message};
