/* The rows of a recording, and when they were. */
#include "base/time_value.h"
#include "feed/replay_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 1024u
#define LOOK_ROWS 1024u /* after so many it is asked whether the feed goes on */

/* ---- a row's time ---- */

struct json *replay_time_node(struct replay_session *session)
{
	const struct json *found = json_path_find(&session->settings->place, session->document);

	return (struct json *)(uintptr_t)found;
}

static struct str time_text(struct replay_session *session)
{
	struct error err;

	if (rows_are_table(session->settings->format)) {
		const struct csv_row row = {.fields = session->row.fields, .field_count = session->row.field_count};

		return csv_value(&row, session->column);
	}
	if (json_parse(session->feed->parser, &session->arena, session->row.text, NULL, &session->document, &err) !=
	    ERR_OK)
		return STR_NONE;
	const struct json *node = replay_time_node(session);

	return json_is(node, JSON_STRING) || json_is(node, JSON_NUMBER) ? (struct str){node->text, node->count}
									: STR_NONE;
}

bool replay_time(struct replay_session *session, int64_t *ret_us)
{
	const struct replay_settings *settings = session->settings;
	struct str text = time_text(session);

	return text.at && mapping_time(text, settings->time_format, settings->zone_us, ret_us);
}

/* ---- the file ---- */

void replay_close(struct replay_session *session)
{
	session->table = table_free(session->table);
	session->rows = rows_free(session->rows);
	arena_clear(&session->sorted_arena);
	session->sorted = NULL;
	session->sorted_count = session->sorted_next = 0;
	session->waits = session->has_first = false;
}

static enum err_code open_rows(struct replay_session *session, struct error *err)
{
	const struct replay_settings *settings = session->settings;
	bool is_table = rows_are_table(settings->format);
	int fd = open(settings->path, O_RDONLY | O_CLOEXEC);
	struct row header = {0};

	if (fd < 0)
		return err_set(err, ERR_IO, "cannot open %.150s: %s", settings->path, strerrordesc_np(errno));
	enum err_code code = rows_of_file(fd, settings->format, table_separator(session->feed), &session->rows, err);

	if (!code && is_table)
		code = table_header(session->rows, &header, err);
	if (!code)
		code = table_new(session->feed, session->name, is_table ? &header : NULL, &session->table, err);
	session->column = CSV_NO_COLUMN;
	if (!code && is_table)
		session->column = table_column(session->table, settings->column);
	if (!code && is_table && session->column == CSV_NO_COLUMN)
		code = err_set(err, ERR_INVALID, "the table has no column \"%.*s\", which would say when a row was",
			       STR_FMT(settings->column));
	return code;
}

/* ---- in order ---- */

static bool keep_fields(struct arena *arena, struct row *row)
{
	struct str *fields = arena_array(arena, struct str, row->field_count);

	for (size_t i = 0; fields && i < row->field_count; i++) {
		fields[i] = arena_dup(arena, row->fields[i]);
		if (!fields[i].at)
			return false;
	}
	row->fields = fields;
	return fields;
}

/* A row that cannot be read, or has no time, keeps the place behind the one before it. */
static enum err_code keep(struct replay_session *session, size_t *room, int64_t last_us, struct error *err)
{
	struct arena *arena = &session->sorted_arena;
	struct replay_sorted *grown =
		arena_grow(arena, session->sorted, session->sorted_count, room, sizeof(*session->sorted), ROWS_FIRST);
	struct replay_sorted kept = {.row = session->row, .us = last_us};

	if (!session->row.bad)
		(void)replay_time(session, &kept.us);
	bool good = grown;

	if (good && session->row.bad) {
		kept.row.bad = arena_dup(arena, str_from(session->row.bad)).at;
		good = kept.row.bad;
	} else if (good && rows_are_table(session->settings->format)) {
		good = keep_fields(arena, &kept.row);
	} else if (good) {
		kept.row.text = arena_dup(arena, session->row.text);
		good = kept.row.text.at;
	}
	if (!good)
		return err_set(err, ERR_LIMIT, "the file is too large to be put in order: sort it before");
	session->sorted = grown;
	session->sorted[session->sorted_count++] = kept;
	return ERR_OK;
}

/* Lines tell which came first. */
static int compare_rows(const void *a, const void *b)
{
	const struct replay_sorted *first = a, *second = b;

	if (first->us != second->us)
		return first->us < second->us ? -1 : 1;
	return (first->row.line > second->row.line) - (first->row.line < second->row.line);
}

static enum err_code sort_rows(struct replay_session *session, struct error *err)
{
	size_t room = 0;
	bool there = true;
	enum err_code code = ERR_OK;

	while (!code && there) {
		arena_clear(&session->arena);
		code = rows_next(session->rows, &session->row, &there, err);
		if (!code && there)
			code = keep(session, &room,
				    session->sorted_count ? session->sorted[session->sorted_count - 1].us : 0, err);
		if (!code && session->sorted_count % LOOK_ROWS == 0 && !feed_goes_on(session->feed))
			code = err_set(err, ERR_CONFLICT, "the feed is being stopped");
	}
	if (!code && session->sorted_count)
		qsort(session->sorted, session->sorted_count, sizeof(*session->sorted), compare_rows);
	return code;
}

enum err_code replay_open(struct replay_session *session, struct error *err)
{
	enum err_code code = open_rows(session, err);

	return code || !session->settings->sorts ? code : sort_rows(session, err);
}

enum err_code replay_next(struct replay_session *session, bool *ret_there, struct error *err)
{
	if (!session->settings->sorts)
		return rows_next(session->rows, &session->row, ret_there, err);
	*ret_there = session->sorted_next < session->sorted_count;
	if (*ret_there)
		session->row = session->sorted[session->sorted_next++].row;
	return ERR_OK;
}
