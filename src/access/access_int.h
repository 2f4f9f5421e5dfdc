/* What the files of the access room share.
 *
 *   access.c    opening, closing, the thread
 *   db.c        access.db: schema, statements;  copy.c  copies of it, and whether one is whole
 *   names.c     permissions, roles, services and what they are called
 *   secret.c    random keys, digests, passwords
 *   account.c   accounts read;  account_write.c  made, changed, removed
 *   sign_in.c   signing in and out, the password;  lockout.c  who has to wait
 *   token.c     API tokens
 *   caller.c    who a request is from, out of memory
 *   audit.c     the audit log is written;  audit_count.c  what is counted;  audit_read.c  read
 *
 * Locks, in the order in which they are taken: hash_lock, write.lock, read->lock, audit.lock. */
#ifndef MACHI_ACCESS_ACCESS_INT_H
#define MACHI_ACCESS_ACCESS_INT_H

#include "access/access.h"
#include "base/cleanup.h"
#include "base/time_value.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define ACCESS_DIGEST_BYTES 32u
#define ACCESS_HASH_CHARS 128u /* of a password's hash, the zero included: crypto_pwhash_STRBYTES */
#define ACCESS_PLACES 2048u /* of the callers in memory */
#define ACCESS_WAITS 1024u /* names that are none, and addresses, whose wrong passwords are counted */
#define ACCESS_COUNTS_MAX 512u /* rows of the audit log that are being counted */
#define ACCESS_AUDITS_MAX 4096u /* events that wait to be written */

/* A connection and its lock. */
struct access_db {
	sqlite3 *handle;
	pthread_mutex_t lock;
};

/* A caller that was asked for. Guarded by read->lock. */
struct access_place {
	unsigned char digest[ACCESS_DIGEST_BYTES];
	bool taken, stale; /* stale: to be read again, but for used_us */
	bool used; /* since that was written down */
	int64_t used_us;
	struct access_caller caller;
};

/* Wrong passwords of a name that is none, or from an address. */
struct access_wait {
	uint64_t hash; /* 0: nobody's */
	uint32_t failures;
	int64_t since_us, until_us;
};

struct access_waiting; /* an event that waits; audit.c */
struct access_count; /* audit_count.c */

struct access_audit_log {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t news;
	struct access_waiting *first, **last;
	uint32_t count;
	struct access_count *counts; /* ACCESS_COUNTS_MAX places */
	uint32_t count_count;
	uint64_t lost; /* that found no place to be counted at */
	bool stops;
};

struct access {
	struct access_options options; /* defaults filled in */
	char *path; /* NULL: in memory */
	struct access_db write, own_read;
	struct access_db *read; /* &own_read; &write in memory, where there is one connection only */
	pthread_mutex_t hash_lock; /* one password at a time is hashed */
	struct access_place *places; /* ACCESS_PLACES */
	int64_t looked_us; /* when data_version was looked at; guarded by read->lock */
	int64_t data_version;
	pthread_mutex_t wait_lock; /* guards names and addresses */
	struct access_wait names[ACCESS_WAITS], addresses[ACCESS_WAITS];
	uint64_t seed;
	struct access_audit_log audit;
	pthread_t thread;
	bool has_thread;
	_Atomic bool complained;
};

/* ---- access.c ---- */

int64_t access_now_us(const struct access *access);

/* ---- db.c ---- */

static inline void statement_freep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

#define CLEANUP_STATEMENT __attribute__((cleanup(statement_freep)))

MUST_CHECK enum err_code db_open(struct access *access, struct error *err);
void db_close(struct access *access);
MUST_CHECK enum err_code db_fail(struct access_db *db, int rc, struct error *err);
MUST_CHECK enum err_code db_prepare(struct access_db *db, const char *sql, sqlite3_stmt **ret, struct error *err);
/* For a statement without rows: runs it and frees it. */
MUST_CHECK enum err_code db_run(struct access_db *db, sqlite3_stmt *statement, struct error *err);
MUST_CHECK enum err_code db_execute(struct access_db *db, const char *sql, struct error *err);
/* A row is there? ERR_OK with *ret_there. */
MUST_CHECK enum err_code db_step(struct access_db *db, sqlite3_stmt *statement, bool *ret_there, struct error *err);
/* BEGIN IMMEDIATE … COMMIT, or ROLLBACK where code says that something failed; returns code or what COMMIT says. */
MUST_CHECK enum err_code db_begin(struct access_db *db, struct error *err);
MUST_CHECK enum err_code db_end(struct access_db *db, enum err_code code, struct error *err);
void bind_text(sqlite3_stmt *statement, int place, struct str text); /* STR_NONE: NULL */
void bind_number(sqlite3_stmt *statement, int place, int64_t number);
void bind_digest(sqlite3_stmt *statement, int place, const unsigned char digest[ACCESS_DIGEST_BYTES]);
struct str column_text(sqlite3_stmt *statement, int column); /* borrowed until the next step */

/* ---- secret.c ---- */

void secret_make(char ret[ACCESS_SECRET_CHARS + 1]);
void secret_digest(struct str secret, unsigned char ret[ACCESS_DIGEST_BYTES]);
/* Of a session, by its secret: whoever reads the database does not have it. */
void secret_csrf(struct str secret, char ret[ACCESS_SECRET_CHARS + 1]);
void one_time_password(char ret[ACCESS_ONE_TIME_CHARS + 1]);
/* ERR_INVALID with what is wrong with the password. */
MUST_CHECK enum err_code password_check(struct str name, struct str password, struct error *err);
MUST_CHECK enum err_code password_hash(struct access *access, struct str password, char ret[ACCESS_HASH_CHARS],
				       struct error *err);
/* hash STR_NONE: takes as long as with one, and is false. */
bool password_fits(struct access *access, struct str hash, struct str password);
bool password_hash_is_old(struct str hash);

/* ---- names.c ---- */

MUST_CHECK enum err_code name_check(struct str name, struct error *err);
/* Tenants as the database has them: each with a comma behind; NULL: all. */
struct str tenants_write(struct arena *arena, bool all, const struct str *tenants, uint32_t count);
MUST_CHECK enum err_code tenants_read(struct arena *arena, struct str text, bool *ret_all, const struct str **ret,
				      uint32_t *ret_count, struct error *err);
MUST_CHECK enum err_code tenants_check(const struct str *tenants, uint32_t count, struct error *err);

/* ---- lockout.c ---- */

/* How long after so many failures in a row, s; 0: not at all. */
int64_t lockout_s(uint32_t failures);
/* May somebody at this address try? ERR_LIMIT, *ret_retry_s. */
MUST_CHECK enum err_code lockout_address(struct access *access, struct str peer, int64_t *ret_retry_s,
					 struct error *err);
void lockout_address_failed(struct access *access, struct str peer);
/* The same of a name that no account has: it locks as an account does, so that nobody learns which there are. */
int64_t lockout_name_until_us(struct access *access, struct str name);
void lockout_name_failed(struct access *access, struct str name);

/* ---- caller.c ---- */

void callers_forget(struct access *access); /* something about accounts, sessions or tokens has changed */
/* Writes down when sessions and tokens were used, in the transaction that is open on `write`. */
MUST_CHECK enum err_code callers_write_uses(struct access *access, struct error *err);
bool callers_have_uses(struct access *access);

/* ---- audit.c, audit_count.c ---- */

void *audit_thread(void *self); /* a struct access */
MUST_CHECK enum err_code audit_insert(struct access *access, const struct access_event *event, int64_t *ret_id,
				      struct error *err);
/* Those that are due, in the transaction that is open; all: whether or not their minute is over. */
MUST_CHECK enum err_code counts_write(struct access *access, bool all, struct error *err);
struct access_count *counts_new(void); /* ACCESS_COUNTS_MAX places, for free(); NULL: no memory */
bool counts_are_due(struct access *access); /* audit.lock is held */
/* An event of this room's own: of somebody who signs in or has. */
void audit_note(struct access *access, struct str account, struct str peer, const char *action, int status);

#endif
