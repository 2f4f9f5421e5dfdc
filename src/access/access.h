/* Who may do what: accounts with roles, sessions of browsers, tokens of programs, lock-out, and the record of what
 * was changed by whom.
 *
 * All of it is in one SQLite database, access.db, in the city's folder, beside the tenants' and apart from them: it is
 * of the installation, not of a tenant. Passwords are kept as Argon2id hashes (RFC 9106; libsodium's crypto_pwhash),
 * tokens and session keys as SHA-256 digests of 256 random bits: who reads the database can sign in as nobody.
 *
 * One struct access serves all threads: each call may come from any. Reads of a caller (access_caller_by_…) are
 * answered from memory; what another process (`machi account …`) wrote is seen within ACCESS_STALE_MS_MAX.
 * access_sign_in() and what makes or changes a password hash, which takes a tenth of a second and 64 MiB by design, and
 * all that writes waits for the disk: never on an event loop. */
#ifndef MACHI_ACCESS_ACCESS_H
#define MACHI_ACCESS_ACCESS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_NAME_BYTES_MAX 64 /* of an account: letters, digits, ".", "_", "-", "@" */
#define ACCESS_PASSWORD_BYTES_MIN 10 /* characters are not prescribed (NIST SP 800-63B, 5.1.1.2) */
#define ACCESS_PASSWORD_BYTES_MAX 256
#define ACCESS_ACCOUNTS_MAX 10000u
#define ACCESS_TOKENS_MAX 10000u /* of all accounts */
#define ACCESS_SESSIONS_MAX 10000u /* the oldest goes */
#define ACCESS_TENANTS_MAX 8u /* that an account or token is kept to */
#define ACCESS_TENANT_BYTES_MAX 64 /* of its name */
#define ACCESS_STALE_MS_MAX 1000
#define ACCESS_SECRET_CHARS 43 /* 256 bits in base64url without padding */
#define ACCESS_TOKEN_PREFIX "machi_" /* of API tokens, so that scanners for leaked secrets know them */
#define ACCESS_FAILURES_MAX 5u /* wrong passwords in a row until an account is locked */
#define ACCESS_LOCK_S_MIN 60 /* the first time; twice as long with each further failure */
#define ACCESS_LOCK_S_MAX 3600
#define ACCESS_PEER_FAILURES_MAX                                                                                       \
	20u /* wrong passwords from one address within ACCESS_PEER_WINDOW_S, whichever account */
#define ACCESS_PEER_WINDOW_S 900

struct access;

/* What may be done, as bits. Each operation of the API needs one of these; ACCESS_NOTHING_NEEDED is public. */
enum access_permission {
	ACCESS_CITY_READ = 1 << 0, /* entities, history, streams, contexts, timetables */
	ACCESS_CITY_WRITE = 1 << 1,
	ACCESS_COMMAND = 1 << 2, /* attributes of entities of the caller's services alone (access_service_has_type()) */
	ACCESS_SUBSCRIPTIONS_READ = 1 << 3,
	ACCESS_SUBSCRIPTIONS_WRITE = 1 << 4,
	ACCESS_REGISTRATIONS_READ = 1 << 5,
	ACCESS_REGISTRATIONS_WRITE = 1 << 6,
	ACCESS_FEEDS_READ = 1 << 7,
	ACCESS_FEEDS_RUN = 1 << 8, /* pause, resume, try */
	ACCESS_FEEDS_WRITE = 1 << 9,
	ACCESS_NOTIFICATIONS_READ = 1 << 10,
	ACCESS_NOTIFICATIONS_WRITE = 1 << 11, /* dead letters sent again or dropped */
	ACCESS_SYSTEM_READ = 1 << 12, /* metrics, configuration in force, tenants */
	ACCESS_ACCOUNTS_READ = 1 << 13,
	ACCESS_ACCOUNTS_WRITE = 1 << 14,
	ACCESS_AUDIT_READ = 1 << 15
};

#define ACCESS_PERMISSION_COUNT 16u
#define ACCESS_ALL ((1u << ACCESS_PERMISSION_COUNT) - 1)

/* "city:read"; the scopes of tokens have these names too. */
struct str access_permission_name(enum access_permission permission);
/* "city:read feeds:run" (blanks) as bits. ERR_INVALID names the word that is none. */
MUST_CHECK enum err_code access_permissions_read(struct str text, uint32_t *ret_permissions, struct error *err);

enum access_role {
	ACCESS_VIEWER, /* reads the city and the feeds */
	ACCESS_OPERATOR, /* also keeps it running: pauses feeds, sends dead letters again, looks at the system */
	ACCESS_ENGINEER, /* also connects it: writes entities, subscriptions, registrations, feeds */
	ACCESS_OFFICER, /* a viewer who commands what belongs to his services */
	ACCESS_AUDITOR, /* reads everything, what was changed by whom too; changes nothing */
	ACCESS_ADMINISTRATOR, /* everything, accounts too */
	ACCESS_ROLE_COUNT
};

struct str access_role_name(enum access_role role); /* "viewer" */
bool access_role_read(struct str name, enum access_role *ret_role);
uint32_t access_role_permissions(enum access_role role);

/* Services whose officers there are: transit, energy, security, payment, people, environment. Which types of entities a
 * service has is a table in service.c: short names of the types. */
#define ACCESS_SERVICE_COUNT 6u
struct str access_service_name(unsigned int service);
bool access_service_read(struct str name, unsigned int *ret_service);
/* type: a short name ("Vehicle") or an IRI that ends with it behind "/" or "#". */
bool access_service_has_type(uint32_t services, struct str type);

enum access_action_kind { /* how somebody shows who he is */
			  ACCESS_BY_NOTHING, /* nobody: no permission */
			  ACCESS_BY_OPEN, /* --open: everybody is let do everything */
			  ACCESS_BY_SESSION,
			  ACCESS_BY_TOKEN
};

/* Who makes a request. A value: nothing in it is borrowed. */
struct access_caller {
	enum access_action_kind by;
	int64_t account; /* 0: none */
	int64_t token; /* ACCESS_BY_TOKEN */
	int64_t session; /* ACCESS_BY_SESSION */
	char name[ACCESS_NAME_BYTES_MAX + 1]; /* of the account; "" none */
	enum access_role role;
	uint32_t permissions; /* in force: of a token, its scopes and no more than its account has */
	uint32_t services; /* bits, of an officer */
	bool must_change_password; /* a session that may do nothing but that */
	bool all_tenants;
	uint32_t tenant_count;
	char tenants[ACCESS_TENANTS_MAX]
		    [ACCESS_TENANT_BYTES_MAX + 1]; /* kept to these when not all_tenants; "" is the default one */
	char csrf_token[ACCESS_SECRET_CHARS + 1]; /* ACCESS_BY_SESSION */
	int64_t expires_us;
};

bool access_caller_may(const struct access_caller *caller, uint32_t permission);
bool access_caller_has_tenant(const struct access_caller *caller,
			      struct str tenant); /* STR_NONE, "": the default one */

struct access_options {
	const char *folder; /* of the city; NULL: in memory */
	int64_t (*clock_us)(void); /* NULL: CLOCK_REALTIME */
	int64_t session_idle_s; /* without a request; 0: 8 hours */
	int64_t session_life_s; /* whatever happens; 0: 24 hours */
	int64_t audit_keep_s; /* 0: 400 days */
	/* Tells, once for each cause, of what went wrong in the background: the access's thread. NULL: nobody. */
	void (*complain)(void *self, const struct error *err);
	void *complain_self;
};

/* Opens or makes access.db (mode 0600). ERR_IO, ERR_CORRUPT, ERR_MEMORY, ERR_VERSION (made by a newer Machi). */
MUST_CHECK enum err_code access_new(const struct access_options *options, struct access **ret_access,
				    struct error *err);
/* Writes what is owed to the audit log first. NULL is fine. */
struct access *access_free(struct access *access);

#define ACCESS_FILE "access.db"
/* A copy of the file while others read and write it: one file, mode 0600, on the disk. ERR_EXISTS (to), ERR_IO. */
MUST_CHECK enum err_code access_backup(const char *from, const char *to, struct error *err);
/* Everything wrong with the file: SQLite's integrity check, and what belongs to accounts that are not there. visit
 * (NULL: nobody) is told each finding. ERR_CORRUPT: it is no such database. */
MUST_CHECK enum err_code access_check(const char *path, void (*visit)(void *self, const char *finding), void *self,
				      uint64_t *ret_findings, struct error *err);

/* Where there is no account yet: makes "admin", an administrator, with a password for the first sign-in, which has to
 * be changed then. *ret_password "" where there are accounts already. */
#define ACCESS_ONE_TIME_CHARS 24
MUST_CHECK enum err_code access_first_account(struct access *access,
					      char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err);

/* ---- accounts ---- */

struct access_account {
	int64_t id;
	struct str name, display_name;
	enum access_role role;
	uint32_t services;
	bool all_tenants;
	const struct str *tenants;
	uint32_t tenant_count;
	bool disabled, must_change_password;
	int64_t created_us, last_sign_in_us; /* 0: never */
	int64_t locked_until_us; /* 0: is not */
};

/* In the order of their names; texts in the arena. */
MUST_CHECK enum err_code access_accounts(struct access *access, struct arena *arena, struct access_account **ret,
					 size_t *ret_count, struct error *err);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err_code access_account(struct access *access, struct str name, struct arena *arena,
					struct access_account *ret, struct error *err);
/* With a one-time password. ERR_EXISTS, ERR_INVALID (the name), ERR_LIMIT. */
MUST_CHECK enum err_code access_account_add(struct access *access, const struct access_account *account,
					    char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err);
/* display_name, role, services, tenants, disabled become these. Sessions and tokens follow at once.
 * ERR_NOT_FOUND; ERR_CONFLICT where no administrator who can sign in would be left. */
MUST_CHECK enum err_code access_account_change(struct access *access, const struct access_account *account,
					       struct error *err);
/* With its sessions and tokens. ERR_NOT_FOUND, ERR_CONFLICT as above. */
MUST_CHECK enum err_code access_account_remove(struct access *access, struct str name, struct error *err);
/* A one-time password in place of the one there is; unlocks; ends its sessions. ERR_NOT_FOUND. */
MUST_CHECK enum err_code access_account_reset(struct access *access, struct str name,
					      char ret_password[static ACCESS_ONE_TIME_CHARS + 1], struct error *err);

/* ---- sessions ---- */

struct access_signed_in {
	char secret[ACCESS_SECRET_CHARS + 1]; /* the cookie's value */
	struct access_caller caller;
};

/* peer: the client's address, for the lock-out and the audit log. Blocks for the hash. ERR_DENIED: wrong name or
 * password, in the same time and words whichever; ERR_LIMIT: locked out, *ret_retry_s says for how long. */
MUST_CHECK enum err_code access_sign_in(struct access *access, struct str name, struct str password, struct str peer,
					struct access_signed_in *ret, int64_t *ret_retry_s, struct error *err);
/* ERR_DENIED: nobody has it, or it has expired. Counts as a use of the session. */
MUST_CHECK enum err_code access_caller_by_session(struct access *access, struct str secret, struct access_caller *ret,
						  struct error *err);
MUST_CHECK enum err_code access_sign_out(struct access *access, const struct access_caller *caller, struct error *err);
/* The caller's own, by which he stays signed in while his other sessions end. Blocks for two hashes. ERR_DENIED: the
 * current one is wrong; ERR_INVALID: the new one is too short, too long, the name, the old one or a common one. */
MUST_CHECK enum err_code access_password(struct access *access, const struct access_caller *caller, struct str current,
					 struct str wanted, struct error *err);

/* ---- tokens ---- */

struct access_token {
	int64_t id;
	struct str account; /* its name */
	struct str title; /* what it is for */
	uint32_t scopes;
	bool all_tenants;
	const struct str *tenants;
	uint32_t tenant_count;
	int64_t created_us, expires_us; /* 0: never, where the account is allowed that */
	int64_t last_used_us; /* to the minute; 0: never */
};

/* account STR_NONE: of all. */
MUST_CHECK enum err_code access_tokens(struct access *access, struct str account, struct arena *arena,
				       struct access_token **ret, size_t *ret_count, struct error *err);
#define ACCESS_TOKEN_CHARS (sizeof(ACCESS_TOKEN_PREFIX) - 1 + ACCESS_SECRET_CHARS)
/* ret_text is shown once and kept nowhere. ERR_NOT_FOUND (the account), ERR_INVALID (scopes beyond its role, an
 * expiry that is past), ERR_LIMIT. */
MUST_CHECK enum err_code access_token_add(struct access *access, const struct access_token *token, int64_t *ret_id,
					  char ret_text[static ACCESS_TOKEN_CHARS + 1], struct error *err);
MUST_CHECK enum err_code access_token_remove(struct access *access, int64_t id, struct error *err);
/* text: what stands behind "Bearer ". ERR_DENIED. */
MUST_CHECK enum err_code access_caller_by_token(struct access *access, struct str text, struct access_caller *ret,
						struct error *err);

/* ---- the audit log ---- */

struct access_event {
	int64_t id, at_us;
	struct str account; /* "" nobody, "(open)" in open mode, "(console of the machine)" by a command */
	struct str by; /* "session", "token:12", "open", "command" */
	struct str peer; /* address */
	struct str tenant;
	struct str action; /* operationId of the API, or "signIn", "signOut", "lockOut", … */
	struct str target; /* path, or the account's name */
	int status; /* HTTP's; 0: under way, or the process ended before it was known */
	uint64_t count; /* of requests that this row stands for: 1, or of a minute */
	struct str request_id;
};

/* What is about to be done is on the disk before done() is called, which happens once when ERR_OK is returned: from
 * another thread, perhaps before this returns; code says whether it is. Many go in one transaction. The event is
 * copied. *ret_id, set before done(), names it for access_audit_ended(). done and ret_id may be NULL. */
MUST_CHECK enum err_code access_audit(struct access *access, const struct access_event *event,
				      void (*done)(void *self, enum err_code code), void *self, int64_t *ret_id,
				      struct error *err);
/* How it ended: written within a second, and when access is freed. */
void access_audit_ended(struct access *access, int64_t id, int status);
/* For what programs write by tokens, many times a second: counted by account, way, tenant, action, status; a row for
 * each of these and minute, written within ten seconds and when access is freed. Never blocks for the disk. */
void access_audit_count(struct access *access, const struct access_event *event);

struct access_audit_query {
	struct str account, action, tenant; /* STR_NONE: any */
	int64_t from_us, to_us; /* 0: open */
	int64_t before_id; /* 0: from the latest */
	uint32_t limit; /* at most 1,000; 0: 100 */
};
/* The latest first; texts in the arena. */
MUST_CHECK enum err_code access_audit_read(struct access *access, const struct access_audit_query *query,
					   struct arena *arena, struct access_event **ret, size_t *ret_count,
					   struct error *err);

#endif
