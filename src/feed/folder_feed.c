/* Feeds of kind folder: files that come into a folder become entities, row by row, by the mappings that imports use. */
#include "feed/feed_clock_int.h"
#include "feed/folder_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_S_DEFAULT 2u
#define INTERVAL_S_DEFAULT 60u
#define PAUSE_MS 5000 /* until a folder that is not there is looked for again */
#define ROWS_A_TURN 256u
#define SKIP_A_TURN 65536u /* of rows that are passed over */
#define NOTE_ROWS 5000u /* how far a file has come is noted so often */

/* ---- settings ---- */

static enum err_code read_format(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct folder_settings *settings)
{
	const struct yaml_tree *format = yaml_tree_get(node, STR("format"));

	if (!format && rows_format_of(str_from(settings->pattern), &settings->format))
		return ERR_OK;
	for (size_t i = 0; format && format->kind == YAML_TREE_SCALAR && i < ROWS_FORMAT_COUNT; i++)
		if (str_eq(format->text, str_from(rows_format_name((enum rows_format)i)))) {
			settings->format = (enum rows_format)i;
			return ERR_OK;
		}
	return yaml_tree_refuse(
		format ? format : node, reader->err,
		"expected \"format: csv\", jsonl, json or parquet, since the pattern does not end in one");
}

static enum err_code read_after(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct folder_settings *settings)
{
	static const char *const names[] = {[FOLDER_KEEP] = "keep", [FOLDER_MOVE] = "move", [FOLDER_DELETE] = "delete"};
	const struct yaml_tree *after = yaml_tree_get(node, STR("after"));

	settings->after = FOLDER_KEEP;
	if (!after)
		return ERR_OK;
	for (size_t i = 0; after->kind == YAML_TREE_SCALAR && i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(after->text, str_from(names[i]))) {
			settings->after = (enum folder_after)i;
			return ERR_OK;
		}
	return yaml_tree_refuse(after, reader->err, "expected keep, move or delete behind \"after\", not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, after)));
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"path", "pattern", "format", "after", "settle", "interval", NULL};
	struct folder_settings *settings = arena_new(&feed->arena, struct folder_settings);

	if (!settings)
		return mapping_no_memory(reader);
	settings->pattern = "*.csv";
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_c_text(reader, node, "path", &settings->path);
	if (!code && (!settings->path || !settings->path[0]))
		code = yaml_tree_refuse(node, reader->err, "expected \"path:\" of a folder");
	if (!code)
		code = feed_read_c_text(reader, node, "pattern", &settings->pattern);
	if (!code && strchr(settings->pattern, '/'))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("pattern")), reader->err,
					"expected a pattern of file names, without \"/\"");
	if (!code)
		code = read_format(reader, node, settings);
	if (!code)
		code = read_after(reader, node, settings);
	if (!code)
		code = feed_read_seconds(reader, node, "settle", SETTLE_S_DEFAULT, &settings->settle_s);
	if (!code)
		code = feed_read_seconds(reader, node, "interval", INTERVAL_S_DEFAULT, &settings->interval_s);
	if (!code)
		(void)snprintf(feed->place, sizeof(feed->place), "%s/%s", settings->path, settings->pattern);
	feed->has_tables = rows_are_table(settings->format);
	feed->settings = settings;
	return code;
}

static void try_message(struct feed *feed, struct str topic, struct str payload)
{
	const struct folder_settings *settings = feed->settings;

	table_try(feed, settings->format, topic, payload);
}

/* ---- a file ---- */

static void leave_file(struct folder_session *session)
{
	session->table = table_free(session->table);
	session->rows = rows_free(session->rows);
	session->mark = NULL;
}

/* The file has been read, or cannot be: what follows when its rows are durable. */
static void end_file(struct folder_session *session, const char *why)
{
	struct folder_flight *flight =
		&session->flights[(session->flight_first + session->flight_count) % FOLDER_FLYING_MAX];

	*flight = (struct folder_flight){.mark = session->mark, .number = session->number};
	(void)snprintf(flight->why, sizeof(flight->why), "%s", why);
	session->flight_count++;
	leave_file(session);
}

/* For what is not the file's fault: it is looked for again. */
static void put_back(struct folder_session *session, enum err_code code, const char *why)
{
	char text[ERROR_DETAIL_BYTES + 200];

	(void)snprintf(text, sizeof(text), "%.150s: %s", session->mark->name, why);
	if (code != ERR_NOT_FOUND && feed_goes_on(session->feed))
		feed_note_error(session->feed, text);
	session->mark->flying = session->mark->taken = false;
	session->scan_ms = feed_clock_ms() + PAUSE_MS;
	leave_file(session);
}

/* ERR_NOT_FOUND: it has gone meanwhile. ERR_MEMORY: the system has no room for it now. */
static enum err_code cannot_open(int cause, struct error *err)
{
	bool for_now = cause == EMFILE || cause == ENFILE || cause == ENOMEM;

	return err_set(err,
		       cause == ENOENT ? ERR_NOT_FOUND
		       : for_now       ? ERR_MEMORY
				       : ERR_IO,
		       "it cannot be opened: %s", strerrordesc_np(cause));
}

/* The mark gets what the file is by now. */
static enum err_code open_file(struct folder_session *session, int *ret_fd, struct error *err)
{
	struct folder_mark *mark = session->mark;
	struct stat status;
	int fd = openat(session->folder_fd, mark->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return cannot_open(errno, err);
	if (fstat(fd, &status) != 0) {
		int cause = errno;

		(void)close(fd);
		return cannot_open(cause, err);
	}
	mark->size = (uint64_t)status.st_size;
	mark->mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
	*ret_fd = fd;
	return ERR_OK;
}

static enum err_code open_rows(struct folder_session *session, struct error *err)
{
	const struct folder_settings *settings = session->settings;
	struct str name = str_from(session->mark->name);
	struct row header = {0};
	int fd = -1;
	enum err_code code = open_file(session, &fd, err);

	if (!code)
		code = rows_of_file(fd, settings->format, table_separator(session->feed), &session->rows, err);
	if (!code && rows_are_table(settings->format))
		code = table_header(session->rows, &header, err);
	return code ? code
		    : table_new(session->feed, name, rows_are_table(settings->format) ? &header : NULL, &session->table,
				err);
}

/* A file whose rows are moments, in one go: what is told afterwards is durable. */
static void take_moments(struct folder_session *session)
{
	struct error err;
	int fd = -1;
	enum err_code code = open_file(session, &fd, &err);

	if (!code)
		code = folder_import(session, fd, &err);
	if (fd >= 0)
		(void)close(fd);
	if (code && code != ERR_INVALID) {
		put_back(session, code, err.detail); /* it is the store, or the feed stops */
		return;
	}
	end_file(session, code ? err.detail : "");
	struct folder_flight *flight =
		&session->flights[(session->flight_first + session->flight_count - 1) % FOLDER_FLYING_MAX];

	flight->landed = flight->receipted = true;
}

static void begin_file(struct folder_session *session)
{
	struct folder_found *found = &session->found[session->found_next++];
	struct error err;

	session->mark = found->mark;
	session->number = ++session->last_number;
	session->row = session->asked_row = session->durable_row = 0;
	session->skip =
		found->mark->size == found->size && found->mark->mtime_ns == found->mtime_ns ? found->mark->rows : 0;
	session->mark->rows = session->skip;
	session->mark->flying = session->mark->taken = true;
	session->mark->renamed = false;
	session->mark->size = found->size;
	session->mark->mtime_ns = found->mtime_ns;
	if (folder_takes_moments(session)) {
		take_moments(session);
		return;
	}
	enum err_code code = open_rows(session, &err);

	if (session->mark->size != found->size || session->mark->mtime_ns != found->mtime_ns)
		session->skip = session->mark->rows = 0; /* it is another one by now */
	if (code == ERR_MEMORY || code == ERR_NOT_FOUND)
		put_back(session, code, err.detail);
	else if (code)
		end_file(session, err.detail);
}

static void take_rows(struct folder_session *session)
{
	struct feed *feed = session->feed;
	bool is_document = session->settings->format == ROWS_JSON, there = true;
	struct error err;
	struct row row;

	for (size_t i = 0;
	     i < (session->skip > session->row ? SKIP_A_TURN : ROWS_A_TURN) && intake_has_room(feed->intake); i++) {
		enum err_code code = rows_next(session->rows, &row, &there, &err);

		if (code == ERR_MEMORY)
			put_back(session, code, err.detail);
		else if (code)
			end_file(session, err.detail);
		if (code)
			return;
		if (!there) {
			end_file(session, "");
			return;
		}
		if (session->row++ < session->skip)
			continue;
		uint64_t malformed = feed->own.dropped[FEED_DROP_MALFORMED];

		table_take(session->table, &row);
		if (is_document && feed->own.dropped[FEED_DROP_MALFORMED] > malformed) {
			end_file(session, feed->own.drop); /* the file as a whole */
			return;
		}
	}
}

/* ---- what is durable ---- */

static void settled(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err)
{
	const struct feed *feed = self;
	struct folder_session *session = feed->session;

	for (size_t i = 0; i < count && !err && session; i++) {
		if (receipts[i].second && receipts[i].first == session->number)
			session->durable_row = receipts[i].second;
		for (size_t j = 0; j < session->flight_count; j++) {
			struct folder_flight *flight =
				&session->flights[(session->flight_first + j) % FOLDER_FLYING_MAX];

			flight->landed = flight->landed || (flight->number == receipts[i].first && !receipts[i].second);
		}
	}
}

/* A receipt in a batch behind that of the last row, or in the same, comes when they are durable. */
static void give_receipts(struct folder_session *session)
{
	for (size_t i = 0; i < session->flight_count && intake_has_room(session->feed->intake); i++) {
		struct folder_flight *flight = &session->flights[(session->flight_first + i) % FOLDER_FLYING_MAX];

		if (!flight->receipted)
			flight->receipted = intake_add_receipt(session->feed->intake, flight->number, 0);
	}
}

/* How far a long file has come: asked for behind its rows, noted when these are durable. */
static void note_progress(struct folder_session *session)
{
	uint64_t noted = session->mark ? session->mark->rows : 0;

	if (!session->mark || session->settings->format == ROWS_JSON)
		return;
	if (session->row >= session->asked_row + NOTE_ROWS && intake_has_room(session->feed->intake) &&
	    intake_add_receipt(session->feed->intake, session->number, session->row))
		session->asked_row = session->row;
	if (session->durable_row > noted)
		folder_note_rows(session, session->mark, session->durable_row);
}

static void finish_landed(struct folder_session *session)
{
	while (session->flight_count > 0 && session->flights[session->flight_first].landed) {
		const struct folder_flight *flight = &session->flights[session->flight_first];

		folder_finish(session, flight->mark, flight->why);
		session->flight_first = (session->flight_first + 1) % FOLDER_FLYING_MAX;
		session->flight_count--;
	}
}

/* ---- the thread ---- */

static bool has_work(const struct folder_session *session)
{
	return session->mark ||
	       (session->found_next < session->found_count && session->flight_count < FOLDER_FLYING_MAX);
}

static void work(struct folder_session *session)
{
	if (!intake_has_room(session->feed->intake))
		return;
	if (!session->mark && session->found_next < session->found_count && session->flight_count < FOLDER_FLYING_MAX)
		begin_file(session);
	if (session->mark)
		take_rows(session);
	give_receipts(session);
	note_progress(session);
}

/* Looks at the folder when there is a reason to. An error: it cannot be. */
static enum err_code look(struct folder_session *session, struct error *err)
{
	enum err_code code = ERR_OK;
	bool idle = !session->mark && session->found_next == session->found_count;

	if (session->folder_fd < 0)
		code = folder_open(session, err);
	if (!code)
		folder_hear(session);
	if (!code && idle && (session->news || feed_clock_ms() >= session->scan_ms))
		code = folder_scan(session, err);
	return code;
}

static void turn(struct folder_session *session)
{
	struct feed *feed = session->feed;
	struct error err = {0};
	enum err_code code = look(session, &err);

	if (!code)
		work(session);
	intake_turn(feed->intake);
	finish_landed(session);
	feed_show(feed, code ? FEED_WAITING : FEED_UP, err.detail);
	int64_t next_ms = code ? feed_clock_ms() + PAUSE_MS : session->scan_ms;
	int64_t deadline_ms = intake_deadline_ms(feed->intake);
	struct pollfd watched = {.fd = session->watch_fd, .events = POLLIN};

	if (next_ms < deadline_ms)
		deadline_ms = next_ms;
	if (!code && intake_has_room(feed->intake) && has_work(session))
		deadline_ms = 0;
	else if (!code && has_work(session))
		watched.fd = -1; /* it is the store that is waited for */
	feed_wait(feed, &watched, deadline_ms);
	intake_turn(feed->intake);
	finish_landed(session);
}

static void run(struct feed *feed)
{
	struct folder_session *session = calloc(1, sizeof(*session));
	struct error err;

	while (!session && feed_goes_on(feed)) {
		feed_show(feed, FEED_WAITING, "no memory for a feed");
		feed_wait(feed, NULL, feed_clock_ms() + PAUSE_MS);
		session = calloc(1, sizeof(*session));
	}
	if (!session)
		return;
	session->feed = feed;
	session->settings = feed->settings;
	session->folder_fd = session->watch_fd = -1;
	map_init(&session->marks, (uint64_t)(uintptr_t)session);
	feed->session = session;
	while (feed_goes_on(feed) && folder_load(session, &err) != ERR_OK) {
		feed_show(feed, FEED_WAITING, err.detail);
		feed_wait(feed, NULL, feed_clock_ms() + PAUSE_MS);
	}
	while (feed_goes_on(feed))
		turn(session);
	struct folder_mark *mark = session->settings->format == ROWS_JSON ? NULL : session->mark;

	leave_file(session);
	give_receipts(session);
	intake_settle(feed->intake);
	if (mark && session->row > session->skip && !intake_trouble(feed->intake))
		folder_note_rows(session, mark, session->row);
	finish_landed(session);
	feed->session = NULL;
	folder_close(session);
	folder_forget_all(session);
	free(session->found);
	free(session);
}

const struct feed_kind feed_kind_folder = {.name = "folder",
					   .is_local = true,
					   .read = read_settings,
					   .run = run,
					   .settled = settled,
					   .try_message = try_message};
