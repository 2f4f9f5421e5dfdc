/* The audit log, read. */
#include "access/access_int.h"

#define ROWS_DEFAULT 100u
#define ROWS_MAX 1000u

static enum err_code read_row(sqlite3_stmt *row, struct arena *arena, struct access_event *ret, struct error *err)
{
	struct access_event event = {
		.id = sqlite3_column_int64(row, 0),
		.at_us = sqlite3_column_int64(row, 1),
		.status = sqlite3_column_int(row, 8),
		.count = (uint64_t)sqlite3_column_int64(row, 9),
	};
	struct str *const texts[] = {&event.account, &event.by,     &event.peer,      &event.tenant,
				     &event.action,  &event.target, &event.request_id};
	static const int columns[] = {2, 3, 4, 5, 6, 7, 10};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_dup(arena, column_text(row, columns[i]));
		if (!texts[i]->at)
			return err_set(err, ERR_MEMORY, "no memory for the audit log");
	}
	*ret = event;
	return ERR_OK;
}

static void bind_query(sqlite3_stmt *rows, const struct access_audit_query *query)
{
	uint32_t limit = query->limit ? query->limit : ROWS_DEFAULT;

	bind_text(rows, 1, query->account.len ? query->account : STR_NONE);
	bind_text(rows, 2, query->action.len ? query->action : STR_NONE);
	bind_text(rows, 3, query->tenant.len ? query->tenant : STR_NONE);
	bind_number(rows, 4, query->from_us ? query->from_us : INT64_MIN);
	bind_number(rows, 5, query->to_us ? query->to_us : INT64_MAX);
	bind_number(rows, 6, query->before_id ? query->before_id : INT64_MAX);
	bind_number(rows, 7, limit < ROWS_MAX ? limit : ROWS_MAX);
}

static enum err_code read_all(struct access *access, sqlite3_stmt *rows, struct arena *arena, struct access_event **ret,
			      size_t *ret_count, struct error *err)
{
	struct access_event *all = arena_array(arena, struct access_event, ROWS_MAX);
	size_t count = 0;
	bool there = true;
	enum err_code code = all ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the audit log");

	while (!code) {
		code = db_step(access->read, rows, &there, err);
		if (code || !there)
			break;
		code = read_row(rows, arena, &all[count++], err);
	}
	if (!code) {
		*ret = all;
		*ret_count = count;
	}
	return code;
}

enum err_code access_audit_read(struct access *access, const struct access_audit_query *query, struct arena *arena,
				struct access_event **ret, size_t *ret_count, struct error *err)
{
	sqlite3_stmt *rows = NULL;

	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = db_prepare(access->read,
					"SELECT id, at_us, account, by, peer, tenant, action, target, status, count,"
					" request_id FROM audit WHERE (?1 IS NULL OR account=?1)"
					" AND (?2 IS NULL OR action=?2) AND (?3 IS NULL OR tenant=?3)"
					" AND at_us>=?4 AND at_us<?5 AND id<?6 ORDER BY id DESC LIMIT ?7",
					&rows, err);

	if (!code) {
		bind_query(rows, query);
		code = read_all(access, rows, arena, ret, ret_count, err);
	}
	(void)sqlite3_finalize(rows);
	(void)pthread_mutex_unlock(&access->read->lock);
	return code;
}
