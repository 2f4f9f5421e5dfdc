/* machi check: every tenant's database, looked at from outside of the broker. */
#include "access/access.h"
#include "main/command_table.h"
#include "main/databases.h"
#include "main/folder.h"
#include "main/say.h"
#include "main/session.h"

#include <stdio.h>
#include <unistd.h>

struct check {
	bool quiet;
	const char *only; /* tenant; NULL: all */
	uint64_t findings, databases;
	const char *path;
};

static void print_finding(void *self, const char *finding)
{
	const struct check *check = self;

	(void)printf("%s: %s\n", check->path, finding);
}

/* What a check said of the file at check->path. */
static enum err_code take(struct check *check, enum err_code code, uint64_t findings, struct error *err)
{
	if (code == ERR_CORRUPT) {
		print_finding(check, err->detail);
		findings++;
	} else if (code) {
		return err_while(err, "checking %s", check->path);
	}
	check->findings += findings;
	if (!check->quiet && findings == 0)
		(void)printf("%s: good\n", check->path);
	return ERR_OK;
}

static enum err_code check_access(struct check *check, const char *data, struct error *err)
{
	char path[DATABASES_PATH_BYTES_MAX];
	uint64_t findings = 0;
	int len = snprintf(path, sizeof(path), "%s/" ACCESS_FILE, data);

	if (check->only || len < 0 || (size_t)len >= sizeof(path) || access(path, F_OK) != 0)
		return ERR_OK;
	check->path = path;
	enum err_code code = access_check(path, print_finding, check, &findings, err);

	return take(check, code, findings, err);
}

static enum err_code check_database(void *self, struct str tenant, const char *path, struct error *err)
{
	struct check *check = self;
	uint64_t findings = 0;

	if (check->only && !str_eq(tenant, str_from(check->only)))
		return ERR_OK;
	check->path = path;
	check->databases++;
	enum err_code code = store_sqlite_check(path, print_finding, check, &findings, err);

	return take(check, code, findings, err);
}

enum exit_status command_check(const struct call *call)
{
	const char *data = session_data(call);
	struct check check = {.quiet = call_has(call, "quiet"), .only = call_text(call, "tenant")};
	struct error err;
	enum err_code code = folder_check_city(data, false, &err);

	if (code) {
		enum exit_status status = say_error(&err);

		return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
	}
	code = databases_each(data, check_database, &check, &err);
	if (!code)
		code = check_access(&check, data, &err);
	if (code)
		return say_error(&err);
	if (check.databases == 0 && check.only) {
		say("no tenant \"%s\" in %s", check.only, data);
		return EXIT_NOT_FOUND;
	}
	if (check.databases == 0) {
		say("no database in %s", data);
		return EXIT_NO_INPUT;
	}
	return check.findings ? EXIT_NOT_FOUND : EXIT_GOOD;
}
