/* Who a request is from: asked thousands of times a second, so answered from memory. A table of fixed size holds those
 * who were asked for; another with the same place takes it. What this process changes makes all of them stale at once;
 * what another one does is seen by SQLite's data_version, looked at ACCESS_STALE_MS_MAX after the last time at most. */
#include "access/access_int.h"

#include <sodium.h>
#include <string.h>

#define SESSION_SQL                                                                                                    \
	"SELECT s.id, a.id, a.name, a.role, a.services, a.tenants, a.disabled, a.must_change, s.used_us, s.ends_us"    \
	" FROM sessions s JOIN accounts a ON a.id=s.account WHERE s.digest=?1"
#define TOKEN_SQL                                                                                                      \
	"SELECT t.id, a.id, a.name, a.role, a.services, a.tenants, a.disabled, a.must_change, t.used_us, "             \
	"t.expires_us,"                                                                                                \
	" t.scopes, t.tenants FROM tokens t JOIN accounts a ON a.id=t.account WHERE t.digest=?1"

static enum err_code unknown(struct error *err)
{
	return err_set(err, ERR_DENIED, "the session or token is not known, or has ended");
}

/* ---- freshness; read->lock is held ---- */

static void forget_locked(struct access *access)
{
	for (size_t i = 0; i < ACCESS_PLACES; i++)
		access->places[i].stale = true;
}

static enum err_code look(struct access *access, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
	bool there = false;
	int64_t now_us = access_now_us(access), version = 0;

	if (now_us - access->looked_us < ACCESS_STALE_MS_MAX * US_PER_MS && now_us >= access->looked_us)
		return ERR_OK;
	enum err_code code = db_prepare(access->read, "PRAGMA data_version", &row, err);

	if (!code)
		code = db_step(access->read, row, &there, err);
	if (code)
		return code;
	version = sqlite3_column_int64(row, 0);
	if (version != access->data_version)
		forget_locked(access);
	access->data_version = version;
	access->looked_us = now_us;
	return ERR_OK;
}

void callers_forget(struct access *access)
{
	(void)pthread_mutex_lock(&access->read->lock);
	forget_locked(access);
	(void)pthread_mutex_unlock(&access->read->lock);
}

/* ---- reading ---- */

static void take_tenants(struct access_caller *caller, struct str text, bool all)
{
	struct str piece;

	caller->all_tenants = all;
	caller->tenant_count = 0;
	while (!all && text.len && caller->tenant_count < ACCESS_TENANTS_MAX && str_next(&text, ',', &piece)) {
		if (!text.at) /* behind the last comma */
			break;
		char *to = caller->tenants[caller->tenant_count++];
		size_t len = piece.len < ACCESS_TENANT_BYTES_MAX ? piece.len : ACCESS_TENANT_BYTES_MAX;

		memcpy(to, piece.at, len);
		to[len] = '\0';
	}
}

static bool list_has(struct str list, const char *name)
{
	struct str piece;

	while (list.len && str_next(&list, ',', &piece) && list.at)
		if (str_eq(piece, str_from(name)))
			return true;
	return false;
}

/* A token's tenants, of those that its account is kept to now. */
static void narrow(struct access_caller *caller, struct str account, bool account_all)
{
	uint32_t kept = 0;

	if (account_all)
		return;
	if (caller->all_tenants) {
		take_tenants(caller, account, false);
		return;
	}
	for (uint32_t i = 0; i < caller->tenant_count; i++)
		if (list_has(account, caller->tenants[i]) && kept++ != i)
			memcpy(caller->tenants[kept - 1], caller->tenants[i], sizeof(caller->tenants[i]));
	caller->tenant_count = kept;
}

static bool take_row(sqlite3_stmt *row, bool is_token, struct access_caller *caller)
{
	struct str name = column_text(row, 2), tenants = column_text(row, 5);
	int64_t id = sqlite3_column_int64(row, 0);

	if (!access_role_read(column_text(row, 3), &caller->role) || sqlite3_column_int(row, 6))
		return false;
	caller->by = is_token ? ACCESS_BY_TOKEN : ACCESS_BY_SESSION;
	caller->token = is_token ? id : 0;
	caller->session = is_token ? 0 : id;
	caller->account = sqlite3_column_int64(row, 1);
	memcpy(caller->name, name.at, name.len < sizeof(caller->name) ? name.len : sizeof(caller->name) - 1);
	caller->services = (uint32_t)sqlite3_column_int64(row, 4);
	caller->permissions = access_role_permissions(caller->role);
	caller->must_change_password = !is_token && sqlite3_column_int(row, 7) != 0;
	caller->expires_us = sqlite3_column_int64(row, 9);
	if (is_token) {
		struct str own = column_text(row, 11);

		caller->permissions &= (uint32_t)sqlite3_column_int64(row, 10);
		take_tenants(caller, own, !own.at);
		narrow(caller, tenants, !tenants.at);
	} else {
		take_tenants(caller, tenants, !tenants.at);
	}
	return true;
}

/* The place is not touched unless the caller is there. */
static enum err_code read_place(struct access *access, const unsigned char digest[ACCESS_DIGEST_BYTES], bool is_token,
				struct access_place *place, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
	struct access_caller caller = {0};
	bool there = false, same = place->taken && memcmp(place->digest, digest, ACCESS_DIGEST_BYTES) == 0;
	enum err_code code = db_prepare(access->read, is_token ? TOKEN_SQL : SESSION_SQL, &row, err);

	if (!code) {
		bind_digest(row, 1, digest);
		code = db_step(access->read, row, &there, err);
	}
	if (code)
		return code;
	if (!there || !take_row(row, is_token, &caller)) {
		place->taken = place->taken && !same;
		return unknown(err);
	}
	int64_t used_us = sqlite3_column_int64(row, 8);

	if (same && place->used_us > used_us)
		used_us = place->used_us;
	*place =
		(struct access_place){.taken = true, .used = same && place->used, .used_us = used_us, .caller = caller};
	memcpy(place->digest, digest, ACCESS_DIGEST_BYTES);
	return ERR_OK;
}

static struct access_place *place_of(struct access *access, const unsigned char digest[ACCESS_DIGEST_BYTES])
{
	uint64_t at;

	memcpy(&at, digest, sizeof(at));
	return &access->places[at % ACCESS_PLACES];
}

static bool has_ended(const struct access *access, const struct access_place *place, int64_t now_us)
{
	if (place->caller.expires_us && now_us >= place->caller.expires_us)
		return true;
	return place->caller.by == ACCESS_BY_SESSION &&
	       now_us - place->used_us >= access->options.session_idle_s * US_PER_S;
}

static enum err_code find_locked(struct access *access, const unsigned char digest[ACCESS_DIGEST_BYTES], bool is_token,
				 struct access_caller *ret, struct error *err)
{
	struct access_place *place = place_of(access, digest);
	int64_t now_us = access_now_us(access);
	enum err_code code = look(access, err);

	/* Digests are compared, not secrets: how long that takes tells nothing of use. */
	if (!code && (!place->taken || place->stale || memcmp(place->digest, digest, ACCESS_DIGEST_BYTES) != 0))
		code = read_place(access, digest, is_token, place, err);
	if (code)
		return code;
	if (has_ended(access, place, now_us) || (place->caller.by == ACCESS_BY_TOKEN) != is_token)
		return unknown(err);
	place->used = true;
	place->used_us = now_us;
	*ret = place->caller;
	return ERR_OK;
}

static enum err_code find(struct access *access, struct str secret, bool is_token, struct access_caller *ret,
			  struct error *err)
{
	unsigned char digest[ACCESS_DIGEST_BYTES];

	secret_digest(secret, digest);
	(void)pthread_mutex_lock(&access->read->lock);
	enum err_code code = find_locked(access, digest, is_token, ret, err);

	(void)pthread_mutex_unlock(&access->read->lock);
	return code;
}

enum err_code access_caller_by_session(struct access *access, struct str secret, struct access_caller *ret,
				       struct error *err)
{
	if (secret.len != ACCESS_SECRET_CHARS)
		return unknown(err);
	enum err_code code = find(access, secret, false, ret, err);

	if (!code)
		secret_csrf(secret, ret->csrf_token);
	return code;
}

enum err_code access_caller_by_token(struct access *access, struct str text, struct access_caller *ret,
				     struct error *err)
{
	if (text.len != ACCESS_TOKEN_CHARS || !str_starts(text, STR(ACCESS_TOKEN_PREFIX)))
		return unknown(err);
	return find(access, text, true, ret, err);
}

/* ---- when they were used ---- */

bool callers_have_uses(struct access *access)
{
	bool found = false;

	(void)pthread_mutex_lock(&access->read->lock);
	for (size_t i = 0; i < ACCESS_PLACES && !found; i++)
		found = access->places[i].taken && access->places[i].used;
	(void)pthread_mutex_unlock(&access->read->lock);
	return found;
}

struct use {
	bool is_token;
	int64_t id, used_us;
};

/* The next place from *at on that was used; its use counts as written. */
static bool take_use(struct access *access, size_t *at, struct use *ret)
{
	bool found = false;

	if (access->read != &access->write)
		(void)pthread_mutex_lock(&access->read->lock);
	for (; *at < ACCESS_PLACES && !found; ++*at) {
		struct access_place *place = &access->places[*at];

		found = place->taken && place->used;
		if (!found)
			continue;
		place->used = false;
		*ret = (struct use){place->caller.by == ACCESS_BY_TOKEN,
				    place->caller.by == ACCESS_BY_TOKEN ? place->caller.token : place->caller.session,
				    place->used_us};
	}
	if (access->read != &access->write)
		(void)pthread_mutex_unlock(&access->read->lock);
	return found;
}

static enum err_code write_use(struct access *access, const struct use *use, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					use->is_token ? "UPDATE tokens SET used_us=?2 WHERE id=?1"
						      : "UPDATE sessions SET used_us=?2 WHERE id=?1",
					&statement, err);

	if (code)
		return code;
	bind_number(statement, 1, use->id);
	bind_number(statement, 2, use->used_us);
	return db_run(&access->write, statement, err);
}

enum err_code callers_write_uses(struct access *access, struct error *err)
{
	enum err_code code = ERR_OK;
	struct use use;
	size_t at = 0;

	while (!code && take_use(access, &at, &use))
		code = write_use(access, &use, err);
	return code;
}
