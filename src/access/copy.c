/* Copies of access.db for backups, and whether one is whole. */
#include "access/access_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STEP_PAGES 256
#define BUSY_MS 10000

static enum err_code open_at(const char *path, int flags, sqlite3 **ret, struct error *err)
{
	int rc = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	(void)sqlite3_busy_timeout(*ret, BUSY_MS);
	return rc == SQLITE_OK ? ERR_OK : err_set(err, ERR_IO, "%s cannot be opened: %s", path, sqlite3_errmsg(*ret));
}

static enum err_code copy_pages(sqlite3 *from, sqlite3 *to, const char *path, struct error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int rc = SQLITE_OK;

	if (!backup)
		return err_set(err, ERR_IO, "%s cannot be copied: %s", path, sqlite3_errmsg(to));
	while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
		rc = sqlite3_backup_step(backup, STEP_PAGES);
		if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			(void)sqlite3_sleep(10);
	}
	(void)sqlite3_backup_finish(backup);
	return rc == SQLITE_DONE ? ERR_OK : err_set(err, ERR_IO, "%s cannot be copied: %s", path, sqlite3_errstr(rc));
}

/* A copy has no log beside it: it is one file, whole on the disk. */
static enum err_code settle(sqlite3 *copy, const char *path, struct error *err)
{
	int rc = sqlite3_exec(copy, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (rc != SQLITE_OK)
		return err_set(err, ERR_IO, "%s cannot be written: %s", path, sqlite3_errmsg(copy));
	return fd >= 0 && fsync(fd) == 0 ? ERR_OK : err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

enum err_code access_backup(const char *from, const char *to, struct error *err)
{
	sqlite3 *source = NULL, *copy = NULL;
	int fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s cannot be made: %s", to,
			       strerror(errno));
	(void)close(fd);
	enum err_code code = open_at(from, SQLITE_OPEN_READWRITE, &source, err);

	if (!code)
		code = open_at(to, SQLITE_OPEN_READWRITE, &copy, err);
	if (!code)
		code = copy_pages(source, copy, from, err);
	if (!code)
		code = settle(copy, to, err);
	(void)sqlite3_close(copy);
	(void)sqlite3_close(source);
	return code;
}

struct checking {
	void (*visit)(void *self, const char *finding);
	void *self;
	uint64_t findings;
};

static int on_finding(void *self, int count, char **columns, char **names)
{
	struct checking *checking = self;

	(void)names;
	if (count < 1 || !columns[0] || strcmp(columns[0], "ok") == 0)
		return 0;
	checking->findings++;
	if (checking->visit)
		checking->visit(checking->self, columns[0]);
	return 0;
}

static int on_broken_reference(void *self, int count, char **columns, char **names)
{
	struct checking *checking = self;

	(void)count;
	(void)columns;
	(void)names;
	checking->findings++;
	if (checking->visit)
		checking->visit(checking->self, "a session or token of an account that is not there");
	return 0;
}

enum err_code access_check(const char *path, void (*visit)(void *self, const char *finding), void *self,
			   uint64_t *ret_findings, struct error *err)
{
	struct checking checking = {visit, self, 0};
	sqlite3 *db = NULL;
	enum err_code code = open_at(path, SQLITE_OPEN_READWRITE, &db, err);
	int rc = SQLITE_OK;

	if (!code)
		rc = sqlite3_exec(db, "PRAGMA integrity_check", on_finding, &checking, NULL);
	if (!code && rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA foreign_key_check", on_broken_reference, &checking, NULL);
	if (!code && rc == SQLITE_OK)
		rc = sqlite3_exec(db, "SELECT count(*) FROM accounts, sessions, tokens, audit WHERE 0", NULL, NULL,
				  NULL);
	if (!code && rc != SQLITE_OK)
		code = err_set(err, ERR_CORRUPT, "%s is damaged: %s", path, sqlite3_errmsg(db));
	(void)sqlite3_close(db);
	if (!code)
		*ret_findings = checking.findings;
	return code;
}
