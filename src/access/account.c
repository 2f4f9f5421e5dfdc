/* Accounts, read. */
#include "access/access_int.h"

#define COLUMNS                                                                                                        \
	"SELECT id, name, display_name, role, services, tenants, disabled, must_change, created_us, signed_in_us,"     \
	" locked_until_us FROM accounts"

static enum err_code read_row(sqlite3_stmt *row, struct arena *arena, struct access_account *ret, struct error *err)
{
	struct access_account account = {
		.id = sqlite3_column_int64(row, 0),
		.name = arena_dup(arena, column_text(row, 1)),
		.display_name = arena_dup(arena, column_text(row, 2)),
		.services = (uint32_t)sqlite3_column_int64(row, 4),
		.disabled = sqlite3_column_int(row, 6) != 0,
		.must_change_password = sqlite3_column_int(row, 7) != 0,
		.created_us = sqlite3_column_int64(row, 8),
		.last_sign_in_us = sqlite3_column_int64(row, 9),
		.locked_until_us = sqlite3_column_int64(row, 10),
	};

	if (!account.name.at || !account.display_name.at)
		return err_set(err, ERR_MEMORY, "no memory for accounts");
	if (!access_role_read(column_text(row, 3), &account.role))
		return err_set(err, ERR_CORRUPT, "access.db: \"%.*s\" has no known role", STR_FMT(account.name));
	enum err_code code = tenants_read(arena, column_text(row, 5), &account.all_tenants, &account.tenants,
					  &account.tenant_count, err);

	if (!code)
		*ret = account;
	return code;
}

/* A lock that is over is none. */
static void forget_lock(const struct access *access, struct access_account *account)
{
	if (account->locked_until_us <= access_now_us(access))
		account->locked_until_us = 0;
}

static enum err_code read_all(struct access *access, sqlite3_stmt *rows, struct arena *arena,
			      struct access_account **ret, size_t *ret_count, struct error *err)
{
	struct access_account *all = NULL;
	size_t count = 0, room = 0;
	bool there = true;
	enum err_code code = ERR_OK;

	while (!code) {
		code = db_step(access->read, rows, &there, err);
		if (code || !there)
			break;
		all = arena_grow(arena, all, count, &room, sizeof(*all), 16);
		if (!all)
			return err_set(err, ERR_MEMORY, "no memory for accounts");
		code = read_row(rows, arena, &all[count], err);
		if (!code)
			forget_lock(access, &all[count++]);
	}
	if (!code) {
		*ret = all;
		*ret_count = count;
	}
	return code;
}

enum err_code access_accounts(struct access *access, struct arena *arena, struct access_account **ret,
			      size_t *ret_count, struct error *err)
{
	sqlite3_stmt *rows = NULL;

	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = db_prepare(access->read, COLUMNS " ORDER BY name", &rows, err);

	if (!code)
		code = read_all(access, rows, arena, ret, ret_count, err);
	(void)sqlite3_finalize(rows);
	(void)pthread_mutex_unlock(&access->read->lock);
	return code;
}

enum err_code access_account(struct access *access, struct str name, struct arena *arena, struct access_account *ret,
			     struct error *err)
{
	struct access_account *found = NULL;
	sqlite3_stmt *rows = NULL;
	size_t count = 0;

	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = db_prepare(access->read, COLUMNS " WHERE name=?1", &rows, err);

	if (!code) {
		bind_text(rows, 1, name);
		code = read_all(access, rows, arena, &found, &count, err);
	}
	(void)sqlite3_finalize(rows);
	(void)pthread_mutex_unlock(&access->read->lock);
	if (!code && !count)
		return err_set(err, ERR_NOT_FOUND, "there is no account \"%.*s\"", STR_FMT(str_part(name, 0, 80)));
	if (!code)
		*ret = found[0];
	return code;
}
