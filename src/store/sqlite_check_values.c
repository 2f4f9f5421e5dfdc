/* The log of values as the check sees it: it must be readable, and what it says must suit the index. */
#include "store/sqlite_check_values.h"

#include <stdarg.h>
#include <string.h>

#define FINDING_BYTES 200

static void find(const struct check_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(const struct check_log *log, const char *format, ...)
{
	char text[FINDING_BYTES];
	va_list args;

	va_start(args, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log->find(log->self, str_from(text));
}

/* ---- reading ---- */

static enum err_code read_pieces(struct sqlite_conn *conn, struct check_log *log, sqlite3_stmt *stmt, struct error *err)
{
	bool row = true;

	for (;;) {
		size_t before = log->list.count;
		enum err_code code = sqlite_step(conn, stmt, "checking the log of values", &row, err);

		if (code || !row)
			return code;
		int64_t nid = sqlite3_column_int64(stmt, 0), rows = sqlite3_column_int64(stmt, 1);

		code = sqlite_values_unpack(conn, &log->list, nid, sqlite_text(stmt, 2), err);
		if (code)
			return code;
		if (log->list.count - before != (size_t)rows)
			find(log, "log of values: a piece has %lld changes, not %lld",
			     (long long)(log->list.count - before), (long long)rows);
	}
}

static enum err_code read_log(struct sqlite_conn *conn, struct check_log *log, struct error *err)
{
	struct error local = {0};
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_VALUE_LOG_ALL, &stmt, err);

	if (code)
		return code;
	code = read_pieces(conn, log, stmt, &local);
	sqlite_give(conn, SQL_VALUE_LOG_ALL, stmt);
	if (code == ERR_CORRUPT) {
		log->damaged = true;
		log->find(log->self, STR("log of values: is damaged"));
		sqlite_pending_clear(&log->list);
		return ERR_OK;
	}
	if (code && err)
		*err = local;
	return code;
}

/* ---- comparing ---- */

static enum err_code compare_row(struct sqlite_conn *conn, const struct check_log *log,
				 const struct sqlite_pending_row *row, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t one;
	bool there;
	enum err_code code = sqlite_take(conn, SQL_VALUE_HAS, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, row->nid);
	sqlite_bind_value(stmt, 2, &row->change.value);
	sqlite_bind_int(stmt, 3, row->change.iid);
	code = sqlite_number(conn, SQL_VALUE_HAS, stmt, "checking the log of values", &one, &there, err);
	if (code == ERR_OK && there == row->change.add)
		find(log, "log of values: %s a row of entity %lld, attribute %lld, that is %s",
		     there ? "adds" : "removes", (long long)row->change.iid, (long long)row->nid,
		     there ? "there" : "not there");
	return code;
}

enum err_code check_log_init(struct sqlite_conn *conn, struct check_log *log, struct error *err)
{
	sqlite_pending_init(&log->list);
	enum err_code code = read_log(conn, log, err);

	if (code == ERR_OK)
		code = sqlite_pending_sort(&log->list, &log->rows, &log->count, err);
	for (size_t i = 0; code == ERR_OK && i < log->count; i++) {
		log->more += log->rows[i]->change.add ? 1 : -1;
		code = compare_row(conn, log, log->rows[i], err);
	}
	return code;
}

void check_log_done(struct check_log *log)
{
	sqlite_pending_done(&log->list);
	free(log->rows);
}

int check_log_says(const struct check_log *log, int64_t nid, int64_t iid, const struct index_value *value)
{
	const struct sqlite_pending_row wanted = {.nid = nid, .change = {.iid = iid, .value = *value}};
	size_t low = 0, high = log->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = sqlite_pending_cmp(log->rows[middle], &wanted);

		if (order == 0)
			return log->rows[middle]->change.add ? 1 : -1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* ---- rows without entity ---- */

static bool goes(const struct check_log *log, int64_t iid)
{
	for (size_t i = 0; i < log->count; i++)
		if (log->rows[i]->change.iid == iid && !log->rows[i]->change.add)
			return true;
	return false;
}

static enum err_code find_added(struct sqlite_conn *conn, const struct check_log *log, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < log->count; i++) {
		int64_t iid = log->rows[i]->change.iid;
		sqlite3_stmt *stmt;
		bool row = true;

		if (!log->rows[i]->change.add)
			continue;
		code = sqlite_take(conn, SQL_ENTITY_DOC_BY_IID, &stmt, err);
		if (code)
			break;
		sqlite_bind_int(stmt, 1, iid);
		code = sqlite_step(conn, stmt, "checking the log of values", &row, err);
		sqlite_give(conn, SQL_ENTITY_DOC_BY_IID, stmt);
		if (code == ERR_OK && !row)
			find(log, "index of values: there is no entity %lld (attribute %lld, in its log)",
			     (long long)iid, (long long)log->rows[i]->nid);
	}
	return code;
}

enum err_code check_log_orphans(struct sqlite_conn *conn, const struct check_log *log, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_VALUE_ORPHANS, &stmt, err);

	if (code)
		return code;
	for (;;) {
		code = sqlite_step(conn, stmt, "checking the index of values", &row, err);
		if (code || !row)
			break;
		int64_t iid = sqlite3_column_int64(stmt, 0);

		if (!goes(log, iid))
			find(log, "index of values: there is no entity %lld (attribute %lld)", (long long)iid,
			     (long long)sqlite3_column_int64(stmt, 1));
	}
	sqlite_give(conn, SQL_VALUE_ORPHANS, stmt);
	return code ? code : find_added(conn, log, err);
}
