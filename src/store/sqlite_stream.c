/* Ascending streams of entity numbers (leapfrog intersection). */
#include "store/sqlite_stream.h"

#define STREAM_STEPS_BEFORE_JUMP 8 /* a few steps cost less than a look into the index */

static enum err_code stream_step(struct sqlite_conn *conn, struct iid_stream *stream, struct error *err)
{
	bool row = false;

	if (!stream->stmt) {
		stream->at = stream->id_at < stream->id_count ? stream->ids[stream->id_at++] : INT64_MAX;
		return ERR_OK;
	}
	enum err_code code = sqlite_step(conn, stream->stmt, "searching an index", &row, err);

	if (code == ERR_OK)
		stream->at = row ? sqlite3_column_int64(stream->stmt, 0) : INT64_MAX;
	return code;
}

/* Moves on to the first number that is not below target. */
static enum err_code stream_seek(struct sqlite_conn *conn, struct iid_stream *stream, int64_t target, struct error *err)
{
	enum err_code code = ERR_OK;

	for (int steps = 0; code == ERR_OK && stream->at < target; steps++) {
		if (steps == STREAM_STEPS_BEFORE_JUMP && stream->from_index) {
			(void)sqlite3_reset(stream->stmt);
			sqlite_bind_int(stream->stmt, stream->from_index, target);
		}
		code = stream_step(conn, stream, err);
	}
	return code;
}

static enum err_code union_seek(struct sqlite_conn *conn, struct iid_union *streams, int64_t target, int64_t *ret_iid,
				struct error *err)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < streams->count; i++) {
		enum err_code code = stream_seek(conn, &streams->streams[i], target, err);

		if (code)
			return code;
		if (streams->streams[i].at < least)
			least = streams->streams[i].at;
	}
	*ret_iid = least;
	return ERR_OK;
}

enum err_code iid_next(struct sqlite_conn *conn, struct iid_union *const *unions, size_t count, int64_t from,
		       int64_t *ret_iid, struct error *err)
{
	int64_t target = from;

	for (size_t agreed = 0, i = 0; agreed < count; i = (i + 1) % count) {
		int64_t iid;
		enum err_code code = union_seek(conn, unions[i], target, &iid, err);

		if (code)
			return code;
		agreed = iid == target ? agreed + 1 : 1;
		target = iid;
		if (target == INT64_MAX)
			break;
	}
	*ret_iid = target;
	return ERR_OK;
}

void iid_union_done(struct sqlite_conn *conn, struct iid_union *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		sqlite_give(conn, streams->streams[i].sql, streams->streams[i].stmt);
	streams->count = 0;
}
