/* Accounts, sessions, tokens, lock-out and the audit log: what access.h promises, src/access/README.md tabulates. */
#include "access/access.h"
#include "base/time_value.h"
#include "check.h"
#include "folder_util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HERE STR("192.0.2.7")
#define S(text) str_from(text)

static struct arena arena;
static struct error err;
static char folder[] = "/tmp/machi-access-XXXXXX";
static _Atomic int64_t now_us = INT64_C(1700000000) * US_PER_S;

static int64_t clock_us(void)
{
	return atomic_load(&now_us);
}

static void pass(int64_t seconds)
{
	atomic_fetch_add(&now_us, seconds * US_PER_S);
}

static struct access *open_at(const char *where)
{
	const struct access_options options = {.folder = where, .clock_us = clock_us};
	struct access *access = NULL;

	CHECK_OK(access_new(&options, &access, &err), &err);
	return access;
}

static const char *add(struct access *access, const char *name, enum access_role role)
{
	const struct access_account account = {.name = S(name), .role = role, .all_tenants = true};
	char *password = arena_zalloc(&arena, ACCESS_ONE_TIME_CHARS + 1);

	CHECK_OK(access_account_add(access, &account, password, &err), &err);
	CHECK(strlen(password) == ACCESS_ONE_TIME_CHARS);
	return password;
}

static enum err_code sign_in(struct access *access, const char *name, const char *password,
			     struct access_signed_in *ret)
{
	int64_t retry_s = -1;
	enum err_code code = access_sign_in(access, S(name), S(password), HERE, ret, &retry_s, &err);

	CHECK((code == ERR_LIMIT) == (retry_s > 0));
	return code;
}

static enum err_code again(struct access *access, const struct access_signed_in *in)
{
	struct access_caller caller;

	return access_caller_by_session(access, S(in->secret), &caller, &err);
}

/* ---- tables ---- */

static void roles_may_what_the_table_says(void)
{
	static const struct {
		const char *role, *may, *may_not;
	} rows[] = {
		{"viewer", "city:read feeds:read", "city:write command feeds:run system:read accounts:read audit:read"},
		{"operator",
		 "city:read subscriptions:read registrations:read feeds:run notifications:write system:read",
		 "city:write command feeds:write accounts:read audit:read"},
		{"engineer",
		 "city:write command subscriptions:write registrations:write feeds:write notifications:write",
		 "accounts:read accounts:write audit:read"},
		{"officer", "city:read command", "city:write feeds:run system:read accounts:read"},
		{"auditor", "city:read system:read accounts:read audit:read",
		 "city:write command feeds:run feeds:write notifications:write accounts:write"},
		{"administrator", "city:write command feeds:write accounts:write audit:read", ""},
	};

	CHECK(sizeof(rows) / sizeof(rows[0]) == ACCESS_ROLE_COUNT);
	for (size_t i = 0; i < ACCESS_ROLE_COUNT; i++) {
		enum access_role role = ACCESS_ROLE_COUNT;
		uint32_t may = 0, may_not = 0;

		CHECK(access_role_read(S(rows[i].role), &role));
		CHECK_STR(access_role_name(role), S(rows[i].role));
		CHECK_OK(access_permissions_read(S(rows[i].may), &may, &err), &err);
		if (rows[i].may_not[0])
			CHECK_OK(access_permissions_read(S(rows[i].may_not), &may_not, &err), &err);
		CHECK((access_role_permissions(role) & may) == may);
		CHECK((access_role_permissions(role) & may_not) == 0);
	}
	for (unsigned int i = 0; i < ACCESS_PERMISSION_COUNT; i++) {
		uint32_t read = 0;

		CHECK_OK(
			access_permissions_read(access_permission_name((enum access_permission)(1u << i)), &read, &err),
			&err);
		CHECK(read == 1u << i);
	}
	uint32_t none = 0;

	CHECK(access_permissions_read(STR("city:read city:eat"), &none, &err) == ERR_INVALID);
	CHECK(strstr(err.detail, "city:eat"));
	CHECK(access_permissions_read(STR(""), &none, &err) == ERR_INVALID);
}

static void services_have_their_types_alone(void)
{
	unsigned int transit = 9, energy = 9;

	CHECK(access_service_read(STR("transit"), &transit) && access_service_read(STR("energy"), &energy));
	CHECK(access_service_has_type(1u << energy, STR("EVChargingStation")));
	CHECK(access_service_has_type(1u << transit, STR("https://uri.etsi.org/ngsi-ld/default-context/Vehicle")));
	CHECK(!access_service_has_type(1u << energy, STR("Vehicle")));
	CHECK(!access_service_has_type(0, STR("Vehicle")));
	CHECK(!access_service_has_type(1u << transit, STR("NoVehicle")));
}

/* ---- signing in ---- */

static void a_one_time_password_is_changed_first(void)
{
	struct access *access = open_at(NULL);
	char first[ACCESS_ONE_TIME_CHARS + 1], second[ACCESS_ONE_TIME_CHARS + 1];
	struct access_signed_in in, other;

	CHECK_OK(access_first_account(access, first, &err), &err);
	CHECK_OK(access_first_account(access, second, &err), &err);
	CHECK(first[0] && !second[0]); /* once */
	CHECK(sign_in(access, "admin", first, &in) == ERR_OK && in.caller.must_change_password);
	CHECK(sign_in(access, "ADMIN", first, &other) == ERR_OK); /* names are known whatever their case */
	CHECK(access_password(access, &in.caller, S("wrong one"), STR("a long enough one"), &err) == ERR_DENIED);
	CHECK(access_password(access, &in.caller, S(first), STR("short"), &err) == ERR_INVALID);
	CHECK(access_password(access, &in.caller, S(first), STR("password123"), &err) == ERR_INVALID);
	CHECK(access_password(access, &in.caller, S(first), STR("aaaaaaaaaaaa"), &err) == ERR_INVALID);
	CHECK(access_password(access, &in.caller, S(first), S(first), &err) == ERR_INVALID);
	CHECK_OK(access_password(access, &in.caller, S(first), STR("a town of its own"), &err), &err);
	CHECK(again(access, &in) == ERR_OK && again(access, &other) == ERR_DENIED); /* others end */
	CHECK(sign_in(access, "admin", first, &other) == ERR_DENIED);
	CHECK(sign_in(access, "admin", "a town of its own", &other) == ERR_OK && !other.caller.must_change_password);
	CHECK(strcmp(in.caller.csrf_token, other.caller.csrf_token) != 0);
	CHECK_OK(access_sign_out(access, &other.caller, &err), &err);
	CHECK(again(access, &other) == ERR_DENIED && again(access, &in) == ERR_OK);
	(void)access_free(access);
}

static void a_wrong_name_is_told_like_a_wrong_password(void)
{
	struct access *access = open_at(NULL);
	struct access_signed_in in;
	char sentence[ERROR_DETAIL_BYTES];

	(void)add(access, "sophea", ACCESS_VIEWER);
	CHECK(sign_in(access, "sophea", "not hers at all", &in) == ERR_DENIED);
	memcpy(sentence, err.detail, sizeof(sentence));
	CHECK(sign_in(access, "nobody", "not hers at all", &in) == ERR_DENIED && strcmp(sentence, err.detail) == 0);
	/* Names that are none are locked out as others are. */
	for (int i = 1; i < 5; i++) {
		CHECK(sign_in(access, "sophea", "not hers at all", &in) == ERR_DENIED);
		CHECK(sign_in(access, "nobody", "not hers at all", &in) == ERR_DENIED);
	}
	CHECK(sign_in(access, "sophea", "not hers at all", &in) == ERR_LIMIT);
	CHECK(sign_in(access, "nobody", "not hers at all", &in) == ERR_LIMIT);
	(void)access_free(access);
}

/* Five wrong ones: a minute; each further one twice as long, an hour at most; a right one ends it. */
static void wrong_passwords_lock_out(void)
{
	static const int64_t waits_s[] = {60, 120, 240, 480, 960, 1920, 3600, 3600};
	struct access *access = open_at(folder);
	const char *password = add(access, "dara", ACCESS_ENGINEER);
	struct access_signed_in in;

	for (int i = 0; i < 4; i++)
		CHECK(sign_in(access, "dara", "0123 wrong", &in) == ERR_DENIED);
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		CHECK(sign_in(access, "dara", "0123 wrong", &in) == ERR_DENIED);
		CHECK(sign_in(access, "dara", password, &in) == ERR_LIMIT); /* the right one does not help */
		if (i == 2) { /* it outlives the process */
			(void)access_free(access);
			access = open_at(folder);
			CHECK(sign_in(access, "dara", password, &in) == ERR_LIMIT);
		}
		pass(waits_s[i] - 1);
		CHECK(sign_in(access, "dara", password, &in) == ERR_LIMIT);
		pass(1);
	}
	CHECK(sign_in(access, "dara", password, &in) == ERR_OK);
	CHECK(sign_in(access, "dara", "0123 wrong", &in) == ERR_DENIED); /* counted from the beginning */
	CHECK(sign_in(access, "dara", password, &in) == ERR_OK);
	(void)access_free(access);
}

static void an_address_is_locked_out_whatever_the_name(void)
{
	struct access *access = open_at(NULL);
	const char *password = add(access, "dara", ACCESS_ENGINEER);
	struct access_signed_in in;
	int64_t retry_s = 0;
	char name[16];

	for (int i = 0; i < (int)ACCESS_PEER_FAILURES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "name%d", i);
		CHECK(sign_in(access, name, "0123 wrong", &in) == ERR_DENIED);
	}
	CHECK(sign_in(access, "dara", password, &in) == ERR_LIMIT);
	CHECK(access_sign_in(access, STR("dara"), S(password), STR("192.0.2.8"), &in, &retry_s, &err) == ERR_OK);
	pass(ACCESS_PEER_WINDOW_S);
	CHECK(sign_in(access, "dara", password, &in) == ERR_OK);
	(void)access_free(access);
}

static void sessions_end(void)
{
	struct access *access = open_at(folder);
	const char *password = add(access, "idle", ACCESS_VIEWER);
	struct access_signed_in in;

	CHECK(sign_in(access, "idle", password, &in) == ERR_OK);
	pass(8 * 3600 - 1);
	CHECK(again(access, &in) == ERR_OK); /* a use */
	pass(8 * 3600 - 1);
	CHECK(again(access, &in) == ERR_OK);
	(void)access_free(access); /* writes down when it was used */
	access = open_at(folder);
	pass(8 * 3600 - 2);
	CHECK(again(access, &in) == ERR_OK);
	pass(8 * 3600); /* 24 hours are over, and 8 without a use */
	CHECK(again(access, &in) == ERR_DENIED);
	CHECK(sign_in(access, "idle", password, &in) == ERR_OK);
	pass(8 * 3600);
	CHECK(again(access, &in) == ERR_DENIED);
	CHECK(sign_in(access, "idle", password, &in) == ERR_OK);
	for (int hours = 0; hours < 23; hours++) {
		pass(3600);
		CHECK(again(access, &in) == ERR_OK);
	}
	pass(3600);
	CHECK(again(access, &in) == ERR_DENIED); /* whatever is done */
	CHECK(access_caller_by_session(access, STR(""), &in.caller, &err) == ERR_DENIED);
	(void)access_free(access);
}

/* ---- accounts ---- */

static void the_last_administrator_stays(void)
{
	struct access *access = open_at(NULL);
	struct access_account account;
	char password[ACCESS_ONE_TIME_CHARS + 1];

	CHECK_OK(access_first_account(access, password, &err), &err);
	CHECK_OK(access_account(access, STR("admin"), &arena, &account, &err), &err);
	CHECK(access_account_remove(access, STR("admin"), &err) == ERR_CONFLICT);
	account.disabled = true;
	CHECK(access_account_change(access, &account, &err) == ERR_CONFLICT);
	account.disabled = false;
	account.role = ACCESS_VIEWER;
	CHECK(access_account_change(access, &account, &err) == ERR_CONFLICT);
	CHECK_OK(access_account(access, STR("admin"), &arena, &account, &err), &err);
	CHECK(account.role == ACCESS_ADMINISTRATOR && !account.disabled); /* nothing half done */
	(void)add(access, "second", ACCESS_ADMINISTRATOR);
	CHECK_OK(access_account_remove(access, STR("admin"), &err), &err);
	CHECK(access_account_remove(access, STR("second"), &err) == ERR_CONFLICT);
	CHECK(access_account_remove(access, STR("third"), &err) == ERR_NOT_FOUND);
	(void)access_free(access);
}

static void names_are_clean_and_one_of_a_kind(void)
{
	static const char *const bad[] = {"", "a b", "a/b", "a\nb", "ក", "a,b", "a'b"};
	struct access *access = open_at(NULL);
	struct access_account account = {.role = ACCESS_VIEWER, .all_tenants = true};
	char password[ACCESS_ONE_TIME_CHARS + 1], lengthy[ACCESS_NAME_BYTES_MAX + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		account.name = S(bad[i]);
		CHECK(access_account_add(access, &account, password, &err) == ERR_INVALID);
	}
	memset(lengthy, 'a', sizeof(lengthy));
	account.name = (struct str){lengthy, ACCESS_NAME_BYTES_MAX + 1};
	CHECK(access_account_add(access, &account, password, &err) == ERR_INVALID);
	account.name = (struct str){lengthy, ACCESS_NAME_BYTES_MAX};
	CHECK_OK(access_account_add(access, &account, password, &err), &err);
	account.name = STR("O'Hara@city.example");
	CHECK(access_account_add(access, &account, password, &err) == ERR_INVALID);
	(void)add(access, "o.hara_1-2@city.example", ACCESS_VIEWER);
	account.name = STR("O.Hara_1-2@city.example");
	CHECK(access_account_add(access, &account, password, &err) == ERR_EXISTS);
	(void)access_free(access);
}

static void what_is_changed_is_in_force_at_once(void)
{
	const struct str tenants[] = {STR(""), STR("north")};
	struct access *access = open_at(NULL);
	struct access_account account;
	struct access_signed_in in;
	char reset[ACCESS_ONE_TIME_CHARS + 1];
	const char *password = add(access, "sophea", ACCESS_OFFICER);

	(void)add(access, "admin", ACCESS_ADMINISTRATOR);
	CHECK(sign_in(access, "sophea", password, &in) == ERR_OK);
	CHECK_OK(access_account(access, STR("sophea"), &arena, &account, &err), &err);
	account.services = 2;
	account.all_tenants = false;
	account.tenants = tenants;
	account.tenant_count = 2;
	CHECK_OK(access_account_change(access, &account, &err), &err);
	CHECK_OK(access_caller_by_session(access, S(in.secret), &in.caller, &err), &err);
	CHECK(in.caller.services == 2 && in.caller.tenant_count == 2 && !in.caller.all_tenants);
	CHECK(access_caller_has_tenant(&in.caller, STR_NONE) && access_caller_has_tenant(&in.caller, STR("north")));
	CHECK(!access_caller_has_tenant(&in.caller, STR("south")) &&
	      !access_caller_has_tenant(&in.caller, STR("nort")));
	account.disabled = true;
	CHECK_OK(access_account_change(access, &account, &err), &err);
	CHECK(again(access, &in) == ERR_DENIED && sign_in(access, "sophea", password, &in) == ERR_DENIED);
	account.disabled = false;
	CHECK_OK(access_account_change(access, &account, &err), &err);
	CHECK(sign_in(access, "sophea", password, &in) == ERR_OK);
	CHECK_OK(access_account_reset(access, STR("sophea"), reset, &err), &err);
	CHECK(again(access, &in) == ERR_DENIED && sign_in(access, "sophea", password, &in) == ERR_DENIED);
	CHECK(sign_in(access, "sophea", reset, &in) == ERR_OK && in.caller.must_change_password);
	CHECK_OK(access_account_remove(access, STR("sophea"), &err), &err);
	CHECK(again(access, &in) == ERR_DENIED);
	(void)access_free(access);
}

/* ---- tokens ---- */

static void tokens_do_no_more_than_they_say(void)
{
	const struct str north = STR("north");
	struct access *access = open_at(NULL);
	struct access_token token = {.account = STR("sophea"), .title = STR("depot"), .all_tenants = true};
	char text[ACCESS_TOKEN_CHARS + 1];
	struct access_account account;
	struct access_caller caller;
	int64_t id = 0;

	(void)add(access, "admin", ACCESS_ADMINISTRATOR);
	(void)add(access, "sophea", ACCESS_ENGINEER);
	token.scopes = ACCESS_CITY_READ | ACCESS_ACCOUNTS_READ;
	CHECK(access_token_add(access, &token, &id, text, &err) == ERR_INVALID); /* beyond the role */
	CHECK(strstr(err.detail, "accounts:read"));
	token.scopes = 0;
	CHECK(access_token_add(access, &token, &id, text, &err) == ERR_INVALID);
	token.scopes = ACCESS_CITY_READ | ACCESS_CITY_WRITE;
	token.expires_us = clock_us();
	CHECK(access_token_add(access, &token, &id, text, &err) == ERR_INVALID);
	token.expires_us = clock_us() + 60 * US_PER_S;
	CHECK_OK(access_token_add(access, &token, &id, text, &err), &err);
	CHECK(strncmp(text, ACCESS_TOKEN_PREFIX, strlen(ACCESS_TOKEN_PREFIX)) == 0);
	CHECK_OK(access_caller_by_token(access, S(text), &caller, &err), &err);
	CHECK(caller.by == ACCESS_BY_TOKEN && caller.permissions == token.scopes && caller.token == id);
	CHECK(access_caller_by_session(access, S(text + strlen(ACCESS_TOKEN_PREFIX)), &caller, &err) == ERR_DENIED);
	/* The account's role is taken back: so is what the token had of it. */
	CHECK_OK(access_account(access, STR("sophea"), &arena, &account, &err), &err);
	account.role = ACCESS_VIEWER;
	CHECK_OK(access_account_change(access, &account, &err), &err);
	CHECK_OK(access_caller_by_token(access, S(text), &caller, &err), &err);
	CHECK(caller.permissions == ACCESS_CITY_READ && caller.all_tenants);
	account.all_tenants = false;
	account.tenants = &north;
	account.tenant_count = 1;
	CHECK_OK(access_account_change(access, &account, &err), &err);
	CHECK_OK(access_caller_by_token(access, S(text), &caller, &err), &err);
	CHECK(!caller.all_tenants && access_caller_has_tenant(&caller, north));
	CHECK(!access_caller_has_tenant(&caller, STR_NONE));
	pass(60);
	CHECK(access_caller_by_token(access, S(text), &caller, &err) == ERR_DENIED);
	token.expires_us = 0;
	token.scopes = ACCESS_CITY_READ;
	CHECK_OK(access_token_add(access, &token, &id, text, &err), &err);
	CHECK_OK(access_caller_by_token(access, S(text), &caller, &err), &err);
	text[20] = text[20] == 'x' ? 'y' : 'x';
	CHECK(access_caller_by_token(access, S(text), &caller, &err) == ERR_DENIED);
	CHECK_OK(access_token_remove(access, id, &err), &err);
	CHECK(access_token_remove(access, id, &err) == ERR_NOT_FOUND);
	(void)access_free(access);
}

/* ---- the file ---- */

static bool file_has(const char *name, struct str needle)
{
	char *path = arena_zalloc(&arena, 200), *bytes = NULL;
	bool found = false;

	(void)snprintf(path, 200, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");

	if (!file)
		return false;
	if (fseek(file, 0, SEEK_END) == 0) {
		size_t len = (size_t)ftell(file);

		rewind(file);
		bytes = arena_alloc(&arena, len + 1);
		CHECK(bytes && fread(bytes, 1, len, file) == len);
		found = str_contains((struct str){bytes, len}, needle);
	}
	(void)fclose(file);
	return found;
}

static void who_reads_the_file_can_sign_in_as_nobody(void)
{
	struct access *access = open_at(folder);
	const struct access_token token = {
		.account = STR("secretive"), .title = STR("t"), .scopes = ACCESS_CITY_READ, .all_tenants = true};
	const char *password = add(access, "secretive", ACCESS_VIEWER);
	char text[ACCESS_TOKEN_CHARS + 1], path[100];
	struct access_signed_in in;
	struct stat status;
	int64_t id = 0;

	CHECK(sign_in(access, "secretive", password, &in) == ERR_OK);
	CHECK_OK(access_token_add(access, &token, &id, text, &err), &err);
	CHECK(file_has("access.db-wal", STR("secretive")));
	for (int i = 0; i < 2; i++) { /* in the log, and once that was copied back */
		static const char *const files[] = {"access.db", "access.db-wal"};

		for (size_t k = 0; k < 2; k++)
			CHECK(!file_has(files[k], S(password)) && !file_has(files[k], S(in.secret)) &&
			      !file_has(files[k], S(text)) && !file_has(files[k], S(in.caller.csrf_token)));
		if (i == 0)
			(void)access_free(access);
	}
	(void)snprintf(path, sizeof(path), "%s/access.db", folder);
	CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
}

/* What `machi account` does beside the daemon is known to it within ACCESS_STALE_MS_MAX. */
static void another_process_is_seen(void)
{
	struct access *daemon = open_at(folder), *command = open_at(folder);
	const char *password = add(daemon, "guest", ACCESS_VIEWER);
	char reset[ACCESS_ONE_TIME_CHARS + 1];
	struct access_signed_in in;

	CHECK(sign_in(daemon, "guest", password, &in) == ERR_OK && again(daemon, &in) == ERR_OK);
	CHECK_OK(access_account_reset(command, STR("guest"), reset, &err), &err);
	atomic_fetch_add(&now_us, ACCESS_STALE_MS_MAX * US_PER_MS);
	CHECK(again(daemon, &in) == ERR_DENIED);
	CHECK(sign_in(daemon, "guest", reset, &in) == ERR_OK);
	(void)access_free(command);
	(void)access_free(daemon);
}

static void copies_are_whole(void)
{
	struct access *access = open_at(folder), *copied = NULL;
	char from[100], to[120], place[100];
	struct access_account account;
	uint64_t findings = 1;

	(void)add(access, "copied", ACCESS_VIEWER);
	(void)snprintf(from, sizeof(from), "%s/" ACCESS_FILE, folder);
	(void)snprintf(place, sizeof(place), "%s/copy", folder);
	CHECK(mkdir(place, 0700) == 0);
	(void)snprintf(to, sizeof(to), "%s/" ACCESS_FILE, place);
	CHECK_OK(access_backup(from, to, &err), &err);
	CHECK(access_backup(from, to, &err) == ERR_EXISTS);
	CHECK_OK(access_check(to, NULL, NULL, &findings, &err), &err);
	CHECK(findings == 0);
	copied = open_at(place);
	CHECK_OK(access_account(copied, STR("copied"), &arena, &account, &err), &err);
	(void)access_free(copied);
	(void)access_free(access);
	FILE *file = fopen(to, "r+");

	CHECK(file && fseek(file, 4096, SEEK_SET) == 0 && fwrite("rubbish rubbish ", 1, 16, file) == 16);
	if (file)
		(void)fclose(file);
	enum err_code code = access_check(to, NULL, NULL, &findings, &err);

	CHECK(code == ERR_CORRUPT || findings > 0);
}

/* ---- the audit log ---- */

static _Atomic int told, told_well;

static void on_audited(void *self, enum err_code code)
{
	(void)self;
	atomic_fetch_add(&told_well, code == ERR_OK);
	atomic_fetch_add(&told, 1);
}

static void wait_until_told(int count)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 20000 && atomic_load(&told) < count; i++)
		(void)nanosleep(&moment, NULL);
	CHECK(atomic_load(&told) == count && atomic_load(&told_well) == count);
}

static size_t read_audit(struct access *access, const struct access_audit_query *query, struct access_event **ret)
{
	size_t count = 0;

	CHECK_OK(access_audit_read(access, query, &arena, ret, &count, &err), &err);
	return count;
}

static void what_is_done_is_on_the_disk_before(void)
{
	struct access *access = open_at(folder), *reader = NULL;
	struct access_audit_query query = {.action = STR("createEntity"), .limit = 1000};
	struct access_event *events = NULL;
	static int64_t ids[500];

	atomic_store(&told, 0);
	atomic_store(&told_well, 0);
	for (int i = 0; i < 500; i++) {
		const struct access_event event = {.account = STR("dara"),
						   .by = STR("session"),
						   .action = STR("createEntity"),
						   .target = STR("/x"),
						   .tenant = i % 2 ? STR("north") : STR(""),
						   .count = 1};

		CHECK_OK(access_audit(access, &event, on_audited, NULL, &ids[i], &err), &err);
	}
	wait_until_told(500);
	reader = open_at(folder); /* another process reads them */
	CHECK(read_audit(reader, &query, &events) == 500);
	CHECK(events[0].id > events[499].id && events[0].status == 0);
	query.tenant = STR("north");
	CHECK(read_audit(reader, &query, &events) == 250);
	query.limit = 10;
	query.before_id = events[9].id;
	CHECK(read_audit(reader, &query, &events) == 10 && events[0].id < query.before_id);
	(void)access_free(reader);
	access_audit_ended(access, ids[7], 201);
	(void)access_free(access);
	access = open_at(folder);
	query = (struct access_audit_query){.action = STR("createEntity"), .limit = 1000};
	size_t count = read_audit(access, &query, &events), ended = 0;

	for (size_t i = 0; i < count; i++)
		ended += events[i].id == ids[7] && events[i].status == 201;
	CHECK(ended == 1);
	pass(INT64_C(401) * 86400); /* kept for 400 days */
	(void)access_free(access);
	access = open_at(folder);
	for (int i = 0; i < 2000 && read_audit(access, &query, &events) > 0; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	CHECK(read_audit(access, &query, &events) == 0);
	(void)access_free(access);
}

static void programs_are_counted_by_the_minute(void)
{
	struct access *access = open_at(folder);
	const struct access_audit_query query = {.action = STR("influxWrite"), .limit = 1000};
	struct access_event event = {
		.account = STR("dara"), .by = STR("token:1"), .action = STR("influxWrite"), .status = 204, .count = 1};
	struct access_event *events = NULL;
	uint64_t sum = 0;

	for (int minute = 0; minute < 3; minute++) {
		for (int i = 0; i < 1000; i++)
			access_audit_count(access, &event);
		pass(60);
	}
	event.status = 400;
	access_audit_count(access, &event);
	(void)access_free(access);
	access = open_at(folder);
	size_t count = read_audit(access, &query, &events);

	for (size_t i = 0; i < count; i++)
		sum += events[i].count;
	CHECK(count == 4 && sum == 3001);
	(void)access_free(access);
}

/* ---- threads ---- */

static struct access *shared;
static char shared_token[ACCESS_TOKEN_CHARS + 1];

static void *ask_often(void *self)
{
	struct access_caller caller;
	struct error mine;

	for (int i = 0; i < 2000; i++)
		if (access_caller_by_token(shared, S(shared_token), &caller, &mine) != ERR_OK)
			atomic_fetch_add((_Atomic int *)self, 1);
	return NULL;
}

static void many_threads_ask_while_accounts_change(void)
{
	const struct access_token token = {
		.account = STR("busy"), .title = STR("t"), .scopes = ACCESS_CITY_READ, .all_tenants = true};
	_Atomic int failures = 0;
	pthread_t threads[4];
	struct access_account account;
	int64_t id = 0;

	shared = open_at(folder);
	(void)add(shared, "busy", ACCESS_VIEWER);
	(void)add(shared, "chief", ACCESS_ADMINISTRATOR);
	CHECK_OK(access_token_add(shared, &token, &id, shared_token, &err), &err);
	for (size_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, ask_often, &failures) == 0);
	CHECK_OK(access_account(shared, STR("busy"), &arena, &account, &err), &err);
	for (int i = 0; i < 20; i++) {
		account.role = i % 2 ? ACCESS_VIEWER : ACCESS_ENGINEER;
		CHECK_OK(access_account_change(shared, &account, &err), &err);
	}
	for (size_t i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(failures == 0);
	shared = access_free(shared);
}

int main(void)
{
	arena_init(&arena, (size_t)256 << 20);
	CHECK(mkdtemp(folder));
	RUN(roles_may_what_the_table_says);
	RUN(services_have_their_types_alone);
	RUN(a_one_time_password_is_changed_first);
	RUN(a_wrong_name_is_told_like_a_wrong_password);
	RUN(wrong_passwords_lock_out);
	RUN(an_address_is_locked_out_whatever_the_name);
	RUN(sessions_end);
	RUN(the_last_administrator_stays);
	RUN(names_are_clean_and_one_of_a_kind);
	RUN(what_is_changed_is_in_force_at_once);
	RUN(tokens_do_no_more_than_they_say);
	RUN(who_reads_the_file_can_sign_in_as_nobody);
	RUN(another_process_is_seen);
	RUN(copies_are_whole);
	RUN(what_is_done_is_on_the_disk_before);
	RUN(programs_are_counted_by_the_minute);
	RUN(many_threads_ask_while_accounts_change);
	remove_folder(folder);
	arena_done(&arena);
	return check_done();
}
