/* API tokens: made, listed, removed. Who one is of is asked in caller.c. */
#include "access/access_int.h"

#include <string.h>

#define TITLE_BYTES_MAX 200u
#define TENANTS_BYTES_MAX ((size_t)8 << 10)

/* ---- list ---- */

static enum err_code read_row(sqlite3_stmt *row, struct arena *arena, struct access_token *ret, struct error *err)
{
	struct access_token token = {
		.id = sqlite3_column_int64(row, 0),
		.account = arena_dup(arena, column_text(row, 1)),
		.title = arena_dup(arena, column_text(row, 2)),
		.scopes = (uint32_t)sqlite3_column_int64(row, 3) & ACCESS_ALL,
		.created_us = sqlite3_column_int64(row, 5),
		.expires_us = sqlite3_column_int64(row, 6),
		.last_used_us = sqlite3_column_int64(row, 7),
	};

	if (!token.account.at || !token.title.at)
		return err_set(err, ERR_MEMORY, "no memory for tokens");
	enum err_code code =
		tenants_read(arena, column_text(row, 4), &token.all_tenants, &token.tenants, &token.tenant_count, err);

	if (!code)
		*ret = token;
	return code;
}

static enum err_code read_all(struct access *access, sqlite3_stmt *rows, struct arena *arena, struct access_token **ret,
			      size_t *ret_count, struct error *err)
{
	struct access_token *all = NULL;
	size_t count = 0, room = 0;
	bool there = true;
	enum err_code code = ERR_OK;

	while (!code) {
		code = db_step(access->read, rows, &there, err);
		if (code || !there)
			break;
		all = arena_grow(arena, all, count, &room, sizeof(*all), 16);
		if (!all)
			return err_set(err, ERR_MEMORY, "no memory for tokens");
		code = read_row(rows, arena, &all[count++], err);
	}
	if (!code) {
		*ret = all;
		*ret_count = count;
	}
	return code;
}

enum err_code access_tokens(struct access *access, struct str account, struct arena *arena, struct access_token **ret,
			    size_t *ret_count, struct error *err)
{
	sqlite3_stmt *rows = NULL;

	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = db_prepare(access->read,
					"SELECT t.id, a.name, t.title, t.scopes, t.tenants, t.created_us, t.expires_us,"
					" t.used_us FROM tokens t JOIN accounts a ON a.id=t.account"
					" WHERE ?1 IS NULL OR a.name=?1 ORDER BY t.id",
					&rows, err);

	if (!code) {
		bind_text(rows, 1, account);
		code = read_all(access, rows, arena, ret, ret_count, err);
	}
	(void)sqlite3_finalize(rows);
	(void)pthread_mutex_unlock(&access->read->lock);
	return code;
}

/* ---- add ---- */

struct owner {
	int64_t account, tokens; /* of all accounts */
	enum access_role role;
};

static enum err_code find_owner(struct access *access, struct str name, struct owner *ret, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
	bool there = false;
	enum err_code code =
		db_prepare(&access->write, "SELECT id, role, (SELECT count(*) FROM tokens) FROM accounts WHERE name=?1",
			   &row, err);

	if (!code) {
		bind_text(row, 1, name);
		code = db_step(&access->write, row, &there, err);
	}
	if (code)
		return code;
	if (!there)
		return err_set(err, ERR_NOT_FOUND, "there is no account \"%.*s\"", STR_FMT(str_part(name, 0, 80)));
	ret->account = sqlite3_column_int64(row, 0);
	ret->tokens = sqlite3_column_int64(row, 2);
	if (!access_role_read(column_text(row, 1), &ret->role))
		return err_set(err, ERR_CORRUPT, "access.db: an account has no known role");
	return ERR_OK;
}

static enum err_code check(const struct access *access, const struct access_token *token, struct error *err)
{
	if (token->title.len == 0 || token->title.len > TITLE_BYTES_MAX)
		return err_set(err, ERR_INVALID, "a token's title has 1 to %u bytes", TITLE_BYTES_MAX);
	if (!token->scopes || token->scopes & ~ACCESS_ALL)
		return err_set(err, ERR_INVALID, "a token needs one scope or more");
	if (token->expires_us && token->expires_us <= access_now_us(access))
		return err_set(err, ERR_INVALID, "the token would have expired already");
	return token->all_tenants ? ERR_OK : tenants_check(token->tenants, token->tenant_count, err);
}

static enum err_code check_owner(const struct access_token *token, const struct owner *owner, struct error *err)
{
	uint32_t beyond = token->scopes & ~access_role_permissions(owner->role);

	if (beyond)
		return err_set(err, ERR_INVALID, "the role %.*s has not %.*s to give to a token",
			       STR_FMT(access_role_name(owner->role)),
			       STR_FMT(access_permission_name((enum access_permission)beyond)));
	if (owner->tokens >= ACCESS_TOKENS_MAX)
		return err_set(err, ERR_LIMIT, "there are %u tokens already", ACCESS_TOKENS_MAX);
	return ERR_OK;
}

static enum err_code insert(struct access *access, const struct access_token *token, int64_t account, struct str text,
			    struct error *err)
{
	unsigned char digest[ACCESS_DIGEST_BYTES];
	struct arena arena;
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"INSERT INTO tokens(digest, account, title, scopes, tenants, created_us,"
					" expires_us, used_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
					&statement, err);

	if (code)
		return code;
	arena_init(&arena, TENANTS_BYTES_MAX);
	secret_digest(text, digest);
	bind_digest(statement, 1, digest);
	bind_number(statement, 2, account);
	bind_text(statement, 3, token->title);
	bind_number(statement, 4, token->scopes);
	bind_text(statement, 5, tenants_write(&arena, token->all_tenants, token->tenants, token->tenant_count));
	bind_number(statement, 6, access_now_us(access));
	bind_number(statement, 7, token->expires_us);
	code = db_run(&access->write, statement, err);
	arena_done(&arena);
	return code;
}

static enum err_code add_locked(struct access *access, const struct access_token *token, struct str text,
				int64_t *ret_id, struct error *err)
{
	struct owner owner = {0};
	enum err_code code = find_owner(access, token->account, &owner, err);

	if (!code)
		code = check_owner(token, &owner, err);
	if (!code)
		code = insert(access, token, owner.account, text, err);
	if (!code)
		*ret_id = sqlite3_last_insert_rowid(access->write.handle);
	return code;
}

enum err_code access_token_add(struct access *access, const struct access_token *token, int64_t *ret_id,
			       char ret_text[static ACCESS_TOKEN_CHARS + 1], struct error *err)
{
	char text[ACCESS_TOKEN_CHARS + 1] = ACCESS_TOKEN_PREFIX;
	int64_t id = 0;
	enum err_code code = check(access, token, err);

	if (code)
		return code;
	secret_make(text + sizeof(ACCESS_TOKEN_PREFIX) - 1);
	(void)pthread_mutex_lock(&access->write.lock);
	code = db_begin(&access->write, err);
	if (!code)
		code = db_end(&access->write, add_locked(access, token, str_from(text), &id, err), err);
	(void)pthread_mutex_unlock(&access->write.lock);
	if (code)
		return code;
	*ret_id = id;
	memcpy(ret_text, text, sizeof(text));
	return ERR_OK;
}

/* ---- remove ---- */

enum err_code access_token_remove(struct access *access, int64_t id, struct error *err)
{
	sqlite3_stmt *statement = NULL;

	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = db_prepare(&access->write, "DELETE FROM tokens WHERE id=?1", &statement, err);

	if (!code) {
		bind_number(statement, 1, id);
		code = db_run(&access->write, statement, err);
	}
	if (!code && sqlite3_changes(access->write.handle) == 0)
		code = err_set(err, ERR_NOT_FOUND, "there is no token %lld", (long long)id);
	(void)pthread_mutex_unlock(&access->write.lock);
	callers_forget(access);
	return code;
}
