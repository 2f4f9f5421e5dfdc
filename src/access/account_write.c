/* Accounts made, changed and removed. */
#include "access/access_int.h"

#include <sodium.h>
#include <string.h>

#define TENANTS_BYTES_MAX ((size_t)8 << 10)

static enum err_code check(const struct access_account *account, struct error *err)
{
	enum err_code code = name_check(account->name, err);

	if (!code && account->role >= ACCESS_ROLE_COUNT)
		code = err_set(err, ERR_INVALID, "there is no such role");
	if (!code && account->display_name.len > 200)
		code = err_set(err, ERR_INVALID, "the displayed name is longer than 200 bytes");
	if (!code && !account->all_tenants)
		code = tenants_check(account->tenants, account->tenant_count, err);
	return code;
}

static enum err_code count_rows(struct access *access, const char *sql, int64_t *ret, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
	bool there = false;
	enum err_code code = db_prepare(&access->write, sql, &statement, err);

	if (!code)
		code = db_step(&access->write, statement, &there, err);
	if (!code)
		*ret = there ? sqlite3_column_int64(statement, 0) : 0;
	return code;
}

static enum err_code insert(struct access *access, const struct access_account *account, const char *hash,
			    struct error *err)
{
	struct arena arena;
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"INSERT INTO accounts(name, display_name, role, services, tenants, password,"
					" disabled, must_change, created_us, signed_in_us, failures, locked_until_us)"
					" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, 0, 0, 0)",
					&statement, err);

	if (code)
		return code;
	arena_init(&arena, TENANTS_BYTES_MAX);
	bind_text(statement, 1, account->name);
	bind_text(statement, 2, account->display_name.at ? account->display_name : STR(""));
	bind_text(statement, 3, access_role_name(account->role));
	bind_number(statement, 4, account->role == ACCESS_OFFICER ? account->services : 0);
	bind_text(statement, 5, tenants_write(&arena, account->all_tenants, account->tenants, account->tenant_count));
	bind_text(statement, 6, str_from(hash));
	bind_number(statement, 7, account->disabled);
	bind_number(statement, 8, access_now_us(access));
	code = db_run(&access->write, statement, err);
	arena_done(&arena);
	if (code == ERR_EXISTS)
		return err_set(err, ERR_EXISTS, "there is an account \"%.*s\" already", STR_FMT(account->name));
	return code;
}

static enum err_code insert_checked(struct access *access, const struct access_account *account, const char *hash,
				    struct error *err)
{
	int64_t count = 0;
	enum err_code code = count_rows(access, "SELECT count(*) FROM accounts", &count, err);

	if (!code && count >= ACCESS_ACCOUNTS_MAX)
		return err_set(err, ERR_LIMIT, "there are %u accounts already", ACCESS_ACCOUNTS_MAX);
	return code ? code : insert(access, account, hash, err);
}

/* work within a transaction; callers are read anew. */
static enum err_code in_transaction(struct access *access,
				    enum err_code (*work)(struct access *access, void *what, struct error *err),
				    void *what, struct error *err)
{
	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = db_begin(&access->write, err);

	if (!code)
		code = db_end(&access->write, work(access, what, err), err);
	(void)pthread_mutex_unlock(&access->write.lock);
	if (!code)
		callers_forget(access);
	return code;
}

/* ---- add ---- */

struct adding {
	const struct access_account *account;
	char hash[ACCESS_HASH_CHARS];
	bool first; /* only where there is none */
	bool added;
};

static enum err_code do_add(struct access *access, void *what, struct error *err)
{
	struct adding *adding = what;
	int64_t count = 0;
	enum err_code code = adding->first ? count_rows(access, "SELECT count(*) FROM accounts", &count, err) : ERR_OK;

	if (code || count)
		return code;
	adding->added = true;
	return insert_checked(access, adding->account, adding->hash, err);
}

static enum err_code add(struct access *access, const struct access_account *account, bool first,
			 char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err)
{
	struct adding adding = {.account = account, .first = first};
	char password[ACCESS_ONE_TIME_CHARS + 1];
	enum err_code code = check(account, err);

	one_time_password(password);
	if (!code)
		code = password_hash(access, str_from(password), adding.hash, err);
	if (!code)
		code = in_transaction(access, do_add, &adding, err);
	if (!code)
		memcpy(ret_password, adding.added ? password : "", adding.added ? sizeof(password) : 1);
	sodium_memzero(password, sizeof(password));
	return code;
}

enum err_code access_account_add(struct access *access, const struct access_account *account,
				 char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err)
{
	return add(access, account, false, ret_password, err);
}

static enum err_code any_account(struct access *access, bool *ret, struct error *err)
{
	int64_t count = 0;

	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = count_rows(access, "SELECT count(*) FROM accounts", &count, err);

	(void)pthread_mutex_unlock(&access->write.lock);
	*ret = count > 0;
	return code;
}

enum err_code access_first_account(struct access *access, char ret_password[static ACCESS_ONE_TIME_CHARS + 1],
				   struct error *err)
{
	const struct access_account admin = {
		.name = STR("admin"), .display_name = STR(""), .role = ACCESS_ADMINISTRATOR, .all_tenants = true};
	bool any = false;
	enum err_code code = any_account(access, &any, err);

	if (!code && any)
		ret_password[0] = '\0'; /* no hash need be made at each start */
	return code || any ? code : add(access, &admin, true, ret_password, err);
}

/* ---- change and remove ---- */

/* Somebody must be left who can let others in. Within the transaction, after the change. */
static enum err_code check_administrators(struct access *access, struct error *err)
{
	int64_t count = 0;
	enum err_code code = count_rows(access,
					"SELECT count(*) FROM accounts WHERE role='administrator' AND disabled=0 AND"
					" tenants IS NULL",
					&count, err);

	if (!code && count == 0)
		return err_set(err, ERR_CONFLICT, "no administrator who can sign in would be left");
	return code;
}

static enum err_code check_found(struct access *access, struct str name, struct error *err)
{
	if (sqlite3_changes(access->write.handle) > 0)
		return ERR_OK;
	return err_set(err, ERR_NOT_FOUND, "there is no account \"%.*s\"", STR_FMT(str_part(name, 0, 80)));
}

static enum err_code do_change(struct access *access, void *what, struct error *err)
{
	const struct access_account *account = what;
	struct arena arena;
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"UPDATE accounts SET display_name=?2, role=?3, services=?4, tenants=?5,"
					" disabled=?6 WHERE name=?1",
					&statement, err);

	if (code)
		return code;
	arena_init(&arena, TENANTS_BYTES_MAX);
	bind_text(statement, 1, account->name);
	bind_text(statement, 2, account->display_name.at ? account->display_name : STR(""));
	bind_text(statement, 3, access_role_name(account->role));
	bind_number(statement, 4, account->role == ACCESS_OFFICER ? account->services : 0);
	bind_text(statement, 5, tenants_write(&arena, account->all_tenants, account->tenants, account->tenant_count));
	bind_number(statement, 6, account->disabled);
	code = db_run(&access->write, statement, err);
	arena_done(&arena);
	if (!code)
		code = check_found(access, account->name, err);
	return code ? code : check_administrators(access, err);
}

enum err_code access_account_change(struct access *access, const struct access_account *account, struct error *err)
{
	enum err_code code = check(account, err);

	return code ? code : in_transaction(access, do_change, (void *)(uintptr_t)account, err);
}

static enum err_code do_remove(struct access *access, void *what, struct error *err)
{
	const struct str *name = what;
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write, "DELETE FROM accounts WHERE name=?1", &statement, err);

	if (code)
		return code;
	bind_text(statement, 1, *name);
	code = db_run(&access->write, statement, err);
	if (!code)
		code = check_found(access, *name, err);
	return code ? code : check_administrators(access, err);
}

enum err_code access_account_remove(struct access *access, struct str name, struct error *err)
{
	return in_transaction(access, do_remove, &name, err);
}

/* ---- reset ---- */

struct resetting {
	struct str name;
	char hash[ACCESS_HASH_CHARS];
};

static enum err_code do_reset(struct access *access, void *what, struct error *err)
{
	const struct resetting *resetting = what;
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"UPDATE accounts SET password=?2, must_change=1, failures=0, locked_until_us=0"
					" WHERE name=?1",
					&statement, err);

	if (code)
		return code;
	bind_text(statement, 1, resetting->name);
	bind_text(statement, 2, str_from(resetting->hash));
	code = db_run(&access->write, statement, err);
	if (!code)
		code = check_found(access, resetting->name, err);
	if (!code)
		code = db_prepare(&access->write,
				  "DELETE FROM sessions WHERE account=(SELECT id FROM accounts WHERE name=?1)",
				  &statement, err);
	if (code)
		return code;
	bind_text(statement, 1, resetting->name);
	return db_run(&access->write, statement, err);
}

enum err_code access_account_reset(struct access *access, struct str name,
				   char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err)
{
	struct resetting resetting = {.name = name};
	char password[ACCESS_ONE_TIME_CHARS + 1];

	one_time_password(password);
	enum err_code code = password_hash(access, str_from(password), resetting.hash, err);

	if (!code)
		code = in_transaction(access, do_reset, &resetting, err);
	if (!code)
		memcpy(ret_password, password, sizeof(password));
	sodium_memzero(password, sizeof(password));
	return code;
}
