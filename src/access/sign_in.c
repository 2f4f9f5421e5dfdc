/* Signing in and out, and changing the password. A wrong name and a wrong password are told in the same words after the
 * same time. */
#include "access/access_int.h"

#include <sodium.h>
#include <string.h>

struct candidate { /* of an account that a name means */
	bool there, disabled, must_change;
	int64_t id, locked_until_us;
	uint32_t failures;
	char name[ACCESS_NAME_BYTES_MAX + 1];
	char hash[ACCESS_HASH_CHARS];
};

static void copy(struct str text, char *to, size_t room)
{
	size_t len = text.len < room ? text.len : room - 1;

	memcpy(to, text.at ? text.at : "", len);
	to[len] = '\0';
}

static enum err_code read_candidate(struct access *access, sqlite3_stmt *row, struct candidate *ret, struct error *err)
{
	enum err_code code = db_step(access->read, row, &ret->there, err);

	if (code || !ret->there)
		return code;
	ret->id = sqlite3_column_int64(row, 0);
	copy(column_text(row, 1), ret->name, sizeof(ret->name));
	copy(column_text(row, 2), ret->hash, sizeof(ret->hash));
	ret->disabled = sqlite3_column_int(row, 3) != 0;
	ret->must_change = sqlite3_column_int(row, 4) != 0;
	ret->failures = (uint32_t)sqlite3_column_int64(row, 5);
	ret->locked_until_us = sqlite3_column_int64(row, 6);
	return ERR_OK;
}

static enum err_code find(struct access *access, struct str name, struct candidate *ret, struct error *err)
{
	sqlite3_stmt *row = NULL;

	*ret = (struct candidate){0};
	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = db_prepare(access->read,
					"SELECT id, name, password, disabled, must_change, failures, locked_until_us"
					" FROM accounts WHERE name=?1",
					&row, err);

	if (!code) {
		bind_text(row, 1, name);
		code = read_candidate(access, row, ret, err);
	}
	(void)sqlite3_finalize(row);
	(void)pthread_mutex_unlock(&access->read->lock);
	return code;
}

static enum err_code locked(int64_t left_us, int64_t *ret_retry_s, struct error *err)
{
	*ret_retry_s = left_us / US_PER_S + 1;
	return err_set(err, ERR_LIMIT, "too many wrong passwords; wait %lld s", (long long)*ret_retry_s);
}

/* ---- wrong ---- */

static enum err_code write_failure(struct access *access, const struct candidate *who, struct error *err)
{
	int64_t seconds = lockout_s(who->failures + 1);
	sqlite3_stmt *statement = NULL;

	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code =
		db_prepare(&access->write, "UPDATE accounts SET failures=failures+1, locked_until_us=?2 WHERE id=?1",
			   &statement, err);

	if (!code) {
		bind_number(statement, 1, who->id);
		bind_number(statement, 2, seconds ? access_now_us(access) + seconds * US_PER_S : 0);
		code = db_run(&access->write, statement, err);
	}
	(void)pthread_mutex_unlock(&access->write.lock);
	return code;
}

static enum err_code refuse(struct access *access, const struct candidate *who, struct str name, struct str peer,
			    struct error *err)
{
	enum err_code code = ERR_OK;

	lockout_address_failed(access, peer);
	if (who->there)
		code = write_failure(access, who, err);
	else
		lockout_name_failed(access, name);
	audit_note(access, str_part(name, 0, ACCESS_NAME_BYTES_MAX), peer, "signIn", 401);
	if (who->there && lockout_s(who->failures + 1))
		audit_note(access, str_from(who->name), peer, "lockOut", 429);
	return code ? code : err_set(err, ERR_DENIED, "the name or the password is wrong");
}

/* ---- right ---- */

static enum err_code insert_session(struct access *access, const struct candidate *who, struct str secret,
				    struct error *err)
{
	int64_t now_us = access_now_us(access);
	unsigned char digest[ACCESS_DIGEST_BYTES];
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"INSERT INTO sessions(digest, account, created_us, used_us, ends_us)"
					" VALUES(?1, ?2, ?3, ?3, ?4)",
					&statement, err);

	if (code)
		return code;
	secret_digest(secret, digest);
	bind_digest(statement, 1, digest);
	bind_number(statement, 2, who->id);
	bind_number(statement, 3, now_us);
	bind_number(statement, 4, now_us + access->options.session_life_s * US_PER_S);
	return db_run(&access->write, statement, err);
}

static enum err_code trim_sessions(struct access *access, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"DELETE FROM sessions WHERE id<=(SELECT id FROM sessions ORDER BY id DESC"
					" LIMIT 1 OFFSET ?1)",
					&statement, err);

	if (code)
		return code;
	bind_number(statement, 1, ACCESS_SESSIONS_MAX);
	return db_run(&access->write, statement, err);
}

/* new_hash: "": the old one stays. */
static enum err_code update_account(struct access *access, const struct candidate *who, const char *new_hash,
				    struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"UPDATE accounts SET failures=0, locked_until_us=0, signed_in_us=?2,"
					" password=CASE ?3 WHEN '' THEN password ELSE ?3 END WHERE id=?1",
					&statement, err);

	if (code)
		return code;
	bind_number(statement, 1, who->id);
	bind_number(statement, 2, access_now_us(access));
	bind_text(statement, 3, str_from(new_hash));
	return db_run(&access->write, statement, err);
}

static enum err_code write_session(struct access *access, const struct candidate *who, struct str secret,
				   const char *new_hash, struct error *err)
{
	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = db_begin(&access->write, err);

	if (!code) {
		code = update_account(access, who, new_hash, err);
		if (!code)
			code = insert_session(access, who, secret, err);
		if (!code)
			code = trim_sessions(access, err);
		code = db_end(&access->write, code, err);
	}
	(void)pthread_mutex_unlock(&access->write.lock);
	return code;
}

static enum err_code let_in(struct access *access, const struct candidate *who, struct str password, struct str peer,
			    struct access_signed_in *ret, struct error *err)
{
	char new_hash[ACCESS_HASH_CHARS] = "";
	struct access_signed_in result = {0};
	enum err_code code = ERR_OK;

	secret_make(result.secret);
	if (password_hash_is_old(str_from(who->hash)))
		code = password_hash(access, password, new_hash, err);
	if (!code)
		code = write_session(access, who, str_from(result.secret), new_hash, err);
	if (!code)
		code = access_caller_by_session(access, str_from(result.secret), &result.caller, err);
	if (!code) {
		audit_note(access, str_from(who->name), peer, "signIn", 200);
		*ret = result;
	}
	sodium_memzero(&result, sizeof(result));
	return code;
}

enum err_code access_sign_in(struct access *access, struct str name, struct str password, struct str peer,
			     struct access_signed_in *ret, int64_t *ret_retry_s, struct error *err)
{
	struct candidate who;
	enum err_code code = lockout_address(access, peer, ret_retry_s, err);

	if (!code)
		code = find(access, name, &who, err);
	if (code)
		return code;
	int64_t left_us =
		(who.there ? who.locked_until_us : lockout_name_until_us(access, name)) - access_now_us(access);

	if (left_us > 0)
		return locked(left_us, ret_retry_s, err);
	bool fits = password.len <= ACCESS_PASSWORD_BYTES_MAX &&
		    password_fits(access, who.there ? str_from(who.hash) : STR_NONE, password);

	if (fits && who.there && !who.disabled)
		code = let_in(access, &who, password, peer, ret, err);
	else
		code = refuse(access, &who, name, peer, err);
	sodium_memzero(&who, sizeof(who));
	return code;
}

enum err_code access_sign_out(struct access *access, const struct access_caller *caller, struct error *err)
{
	sqlite3_stmt *statement = NULL;

	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = db_prepare(&access->write, "DELETE FROM sessions WHERE id=?1", &statement, err);

	if (!code) {
		bind_number(statement, 1, caller->session);
		code = db_run(&access->write, statement, err);
	}
	(void)pthread_mutex_unlock(&access->write.lock);
	callers_forget(access);
	if (!code)
		audit_note(access, str_from(caller->name), STR_NONE, "signOut", 204);
	return code;
}

/* ---- the password ---- */

static enum err_code write_password(struct access *access, const struct access_caller *caller, const char *hash,
				    struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"UPDATE accounts SET password=?2, must_change=0, failures=0, locked_until_us=0"
					" WHERE id=?1",
					&statement, err);

	if (code)
		return code;
	bind_number(statement, 1, caller->account);
	bind_text(statement, 2, str_from(hash));
	code = db_run(&access->write, statement, err);
	if (!code)
		code = db_prepare(&access->write, "DELETE FROM sessions WHERE account=?1 AND id<>?2", &statement, err);
	if (code)
		return code;
	bind_number(statement, 1, caller->account);
	bind_number(statement, 2, caller->session);
	return db_run(&access->write, statement, err);
}

static enum err_code replace(struct access *access, const struct access_caller *caller, struct str wanted,
			     struct error *err)
{
	char hash[ACCESS_HASH_CHARS];
	enum err_code code = password_hash(access, wanted, hash, err);

	if (code)
		return code;
	(void)pthread_mutex_lock(&access->write.lock);
	code = db_begin(&access->write, err);
	if (!code)
		code = db_end(&access->write, write_password(access, caller, hash, err), err);
	(void)pthread_mutex_unlock(&access->write.lock);
	callers_forget(access);
	return code;
}

enum err_code access_password(struct access *access, const struct access_caller *caller, struct str current,
			      struct str wanted, struct error *err)
{
	struct candidate who;
	enum err_code code = find(access, str_from(caller->name), &who, err);

	if (!code && !who.there)
		code = err_set(err, ERR_DENIED, "the account is gone");
	if (!code && who.locked_until_us > access_now_us(access))
		code = err_set(err, ERR_DENIED, "too many wrong passwords; wait a while");
	if (!code && (current.len > ACCESS_PASSWORD_BYTES_MAX || !password_fits(access, str_from(who.hash), current))) {
		code = write_failure(access, &who, err);
		if (!code)
			code = err_set(err, ERR_DENIED, "the present password is wrong");
	}
	if (!code)
		code = password_check(str_from(who.name), wanted, err);
	if (!code && str_eq(current, wanted))
		code = err_set(err, ERR_INVALID, "the new password is the old one");
	if (!code)
		code = replace(access, caller, wanted, err);
	if (!code)
		audit_note(access, str_from(who.name), STR_NONE, "changePassword", 204);
	sodium_memzero(&who, sizeof(who));
	return code;
}
