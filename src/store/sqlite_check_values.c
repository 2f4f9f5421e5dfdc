/* The index of values as the check sees it: chunks, one by one, and the log that comes before them. */
#include "store/sqlite_check_values.h"

#include <stdarg.h>
#include <string.h>

#define FINDING_BYTES 200

static void find(const struct check_values *values, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(const struct check_values *values, const char *format, ...)
{
	char text[FINDING_BYTES];
	va_list args;

	va_start(args, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	values->find(values->self, str_from(text));
}

/* ---- chunks ---- */

static struct index_value value_of(sqlite3_stmt *stmt, int column)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		return (struct index_value){.kind = INDEX_NUMBER, .number = sqlite3_column_double(stmt, column)};
	case SQLITE_TEXT:
		return (struct index_value){.kind = INDEX_TEXT, .text = sqlite_text(stmt, column)};
	default:
		return (struct index_value){.kind = sqlite3_column_bytes(stmt, column) ? INDEX_PRESENT : INDEX_PARTIAL};
	}
}

/* A text that outlives the statement's row. */
struct row_before {
	int64_t nid;
	struct value_change row;
	char text[INDEX_TEXT_BYTES_MAX];
};

static void remember(struct row_before *before, int64_t nid, const struct value_change *row)
{
	before->nid = nid;
	before->row = *row;
	if (row->value.kind != INDEX_TEXT)
		return;
	memcpy(before->text, row->value.text.at, row->value.text.len);
	before->row.value.text.at = before->text;
}

static void check_chunk(struct check_values *values, sqlite3_stmt *stmt, struct row_before *before)
{
	int64_t nid = sqlite3_column_int64(stmt, 0), count = 0;
	const struct value_change end = {.value = value_of(stmt, 1), .iid = sqlite3_column_int64(stmt, 2)};
	struct str body = sqlite_text(stmt, 4);
	struct value_change row = {0}, last = {0};
	bool ordered = true;

	for (; value_log_next(&body, &row); count++) {
		bool first = count == 0 && before->nid != nid;

		ordered = ordered && row.add && (first || value_change_cmp(count ? &last : &before->row, &row) < 0);
		last = row;
	}
	values->rows += count;
	if (body.len > 0)
		values->damaged = true;
	if (body.len > 0 || count != sqlite3_column_int64(stmt, 3) || value_change_cmp(&last, &end) != 0)
		find(values, "index of values: a chunk of attribute %lld is damaged", (long long)nid);
	else if (!ordered)
		find(values, "index of values: a chunk of attribute %lld is out of order", (long long)nid);
	remember(before, nid, &last);
}

static enum err_code check_chunks(struct check_values *values, struct error *err)
{
	struct row_before before = {0};
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(values->conn, SQL_CHUNK_ALL, &stmt, err);

	if (code)
		return code;
	for (;;) {
		code = sqlite_step(values->conn, stmt, "checking the index of values", &row, err);
		if (code || !row)
			break;
		check_chunk(values, stmt, &before);
	}
	sqlite_give(values->conn, SQL_CHUNK_ALL, stmt);
	return code;
}

static enum err_code chunk_has(const struct check_values *values, int64_t nid, const struct value_change *wanted,
			       bool *ret_has, struct error *err)
{
	sqlite3_stmt *stmt;
	bool there = false, has = false;
	enum err_code code = sqlite_take(values->conn, SQL_CHUNK_FIND, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	sqlite_bind_value(stmt, 2, &wanted->value);
	sqlite_bind_int(stmt, 3, wanted->iid);
	code = sqlite_step(values->conn, stmt, "checking the index of values", &there, err);
	if (code == ERR_OK && there) {
		struct str body = sqlite_text(stmt, 1);
		struct value_change row = {0};

		while (!has && value_log_next(&body, &row))
			has = value_change_cmp(&row, wanted) == 0;
	}
	sqlite_give(values->conn, SQL_CHUNK_FIND, stmt);
	*ret_has = has;
	return code;
}

/* ---- the log ---- */

static enum err_code read_pieces(struct check_values *values, sqlite3_stmt *stmt, struct error *err)
{
	bool row = true;

	for (;;) {
		size_t before = values->list.count;
		enum err_code code = sqlite_step(values->conn, stmt, "checking the log of values", &row, err);

		if (code || !row)
			return code;
		int64_t nid = sqlite3_column_int64(stmt, 0), rows = sqlite3_column_int64(stmt, 1);

		code = sqlite_values_unpack(values->conn, &values->list, nid, sqlite_text(stmt, 2), err);
		if (code)
			return code;
		if (values->list.count - before != (size_t)rows)
			find(values, "log of values: a piece has %zu changes, not %lld", values->list.count - before,
			     (long long)rows);
	}
}

static enum err_code read_log(struct check_values *values, struct error *err)
{
	struct error local = {0};
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(values->conn, SQL_VALUE_LOG_ALL, &stmt, err);

	if (code)
		return code;
	code = read_pieces(values, stmt, &local);
	sqlite_give(values->conn, SQL_VALUE_LOG_ALL, stmt);
	if (code == ERR_CORRUPT) {
		values->damaged = true;
		find(values, "log of values: is damaged");
		sqlite_pending_clear(&values->list);
		return ERR_OK;
	}
	if (code && err)
		*err = local;
	return code;
}

static enum err_code compare_change(const struct check_values *values, const struct sqlite_pending_row *change,
				    struct error *err)
{
	bool there = false;
	enum err_code code = chunk_has(values, change->nid, &change->change, &there, err);

	if (code == ERR_OK && there == change->change.add)
		find(values, "log of values: %s a row of entity %lld, attribute %lld, that is %s",
		     there ? "adds" : "removes", (long long)change->change.iid, (long long)change->nid,
		     there ? "there" : "not there");
	return code;
}

/* ---- both ---- */

enum err_code check_values_init(struct check_values *values, struct error *err)
{
	sqlite_pending_init(&values->list);
	enum err_code code = check_chunks(values, err);

	if (code == ERR_OK)
		code = read_log(values, err);
	if (code == ERR_OK)
		code = sqlite_pending_sort(&values->list, &values->changes, &values->change_count, err);
	for (size_t i = 0; code == ERR_OK && i < values->change_count; i++) {
		values->rows += values->changes[i]->change.add ? 1 : -1;
		code = compare_change(values, values->changes[i], err);
	}
	return code;
}

void check_values_done(struct check_values *values)
{
	sqlite_pending_done(&values->list);
	free(values->changes);
}

/* What the log does to a row; NULL: nothing. */
static const struct value_change *change_of(const struct check_values *values, int64_t nid,
					    const struct value_change *row)
{
	const struct sqlite_pending_row wanted = {.nid = nid, .change = *row};
	size_t low = 0, high = values->change_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = sqlite_pending_cmp(values->changes[middle], &wanted);

		if (order == 0)
			return &values->changes[middle]->change;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

enum err_code check_values_has(const struct check_values *values, int64_t nid, const struct value_change *row,
			       bool *ret_has, struct error *err)
{
	const struct value_change *change = change_of(values, nid, row);

	if (!change && !values->damaged)
		return chunk_has(values, nid, row, ret_has, err);
	*ret_has = !change || change->add;
	return ERR_OK;
}

/* ---- rows without entity ---- */

static enum err_code check_entity(const struct check_values *values, int64_t nid, const struct value_change *row,
				  struct error *err)
{
	bool there = true;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(values->conn, SQL_ENTITY_DOC_BY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, row->iid);
	code = sqlite_step(values->conn, stmt, "checking the index of values", &there, err);
	sqlite_give(values->conn, SQL_ENTITY_DOC_BY_IID, stmt);
	if (code == ERR_OK && !there)
		find(values, "index of values: there is no entity %lld (attribute %lld)", (long long)row->iid,
		     (long long)nid);
	return code;
}

static enum err_code check_chunk_entities(const struct check_values *values, sqlite3_stmt *stmt, struct error *err)
{
	int64_t nid = sqlite3_column_int64(stmt, 0);
	struct str body = sqlite_text(stmt, 4);
	struct value_change row = {0};
	enum err_code code = ERR_OK;

	while (code == ERR_OK && value_log_next(&body, &row))
		if (!change_of(values, nid, &row))
			code = check_entity(values, nid, &row, err);
	return code;
}

enum err_code check_values_orphans(const struct check_values *values, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(values->conn, SQL_CHUNK_ALL, &stmt, err);

	if (code)
		return code;
	for (;;) {
		code = sqlite_step(values->conn, stmt, "checking the index of values", &row, err);
		if (code || !row)
			break;
		code = check_chunk_entities(values, stmt, err);
		if (code)
			break;
	}
	sqlite_give(values->conn, SQL_CHUNK_ALL, stmt);
	for (size_t i = 0; code == ERR_OK && i < values->change_count; i++)
		if (values->changes[i]->change.add)
			code = check_entity(values, values->changes[i]->nid, &values->changes[i]->change, err);
	return code;
}
