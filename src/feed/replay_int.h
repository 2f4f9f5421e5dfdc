/* What the files of feeds of kind replay share. */
#ifndef MACHI_FEED_REPLAY_INT_H
#define MACHI_FEED_REPLAY_INT_H

#include "feed/json_path.h"
#include "feed/table_int.h"

struct replay_sorted {
	struct row row;
	int64_t us;
};

struct replay_settings {
	const char *path;
	enum rows_format format;
	struct str column; /* of the time */
	struct json_path place; /* the same in JSON */
	struct str time_format;
	int64_t zone_us;
	bool starts_at; /* else now */
	int64_t start_us;
	double speed;
	bool loops, sorts;
};

struct replay_session {
	struct feed *feed;
	const struct replay_settings *settings;
	struct str name; /* of the file, without its folders */
	struct rows *rows; /* NULL: not open */
	struct table *table;
	size_t column; /* of a table: where the time is */
	struct arena arena; /* of the row that waits */
	struct row row;
	struct json *document; /* of JSON */
	struct arena sorted_arena; /* of all rows, when they are put in order */
	struct replay_sorted *sorted;
	size_t sorted_count, sorted_next;
	bool waits; /* a row is there; it is due at due_us */
	int64_t due_us;
	bool begun; /* base_us is known */
	bool ended;
	bool has_first; /* of this round */
	int64_t first_us, base_us; /* first_us in the file's time */
	int64_t last_us, step_us; /* of rows that were given: shifted, and how far the last two are apart */
};

/* ---- replay_read.c ---- */

MUST_CHECK enum err_code replay_read_settings(struct feed *feed, const struct mapping_reader *reader,
					      const struct yaml_tree *node);

/* ---- replay_row.c ---- */

/* Opens the file; ERR_IO, ERR_INVALID, ERR_LIMIT (too large to be put in order), ERR_MEMORY. Then it is to be closed.
 */
MUST_CHECK enum err_code replay_open(struct replay_session *session, struct error *err);
void replay_close(struct replay_session *session);
/* The next row into session->row, in the order that the settings ask for. */
MUST_CHECK enum err_code replay_next(struct replay_session *session, bool *ret_there, struct error *err);
/* session->row's time in the file; false: it has none. Of JSON, session->document is the row. */
bool replay_time(struct replay_session *session, int64_t *ret_us);
/* Where the document has its time, which is there. */
struct json *replay_time_node(struct replay_session *session);

#endif
