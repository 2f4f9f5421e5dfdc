/* Online backup: one consistent snapshot, copied page by page while others read and write.
 *
 * The copy is made under a temporary name in the target's folder, checked, synced and only then given its name, so the
 * target is whole or absent. The snapshot is held for the whole copy: a writer is not disturbed (its log grows
 * meanwhile), and the copy need not start over when somebody writes. */
#include "store/sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BACKUP_CACHE_BYTES ((uint32_t)2 << 20)

static const char *const companions[] = {"-journal", "-wal", "-shm"};

/* A log left behind by another database would be taken for the copy's own. */
static enum err_code target_is_free(const char *to_path, struct error *err)
{
	struct stat status;

	if (lstat(to_path, &status) == 0)
		return err_set(err, ERR_EXISTS, "%s exists already", to_path);
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		CLEANUP_MEMORY char *name = NULL;

		if (asprintf(&name, "%s%s", to_path, companions[i]) < 0)
			return err_set(err, ERR_MEMORY, "no memory for a backup");
		if (lstat(name, &status) == 0)
			return err_set(err, ERR_EXISTS, "%s is left over from another database: remove it first", name);
	}
	return ERR_OK;
}

static enum err_code temporary_file(const char *to_path, char **ret_path, struct error *err)
{
	CLEANUP_MEMORY char *path = NULL;

	if (asprintf(&path, "%s.XXXXXX", to_path) < 0)
		return err_set(err, ERR_MEMORY, "no memory for a backup");
	CLEANUP_FD int fd = mkostemp(path, O_CLOEXEC); /* of mode 0600 */

	if (fd < 0)
		return err_set(err, ERR_IO, "cannot write beside %s: %s", to_path, strerror(errno));
	*ret_path = TAKE(path);
	return ERR_OK;
}

static enum err_code copy_pages(struct sqlite_conn *from, const char *path, struct error *err)
{
	struct sqlite_conn to = {.path = strdup(path)};
	sqlite3_backup *backup = NULL;
	int rc = to.path ? sqlite3_open_v2(path, &to.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
			 : SQLITE_NOMEM;

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to.db, "PRAGMA synchronous=OFF", NULL, NULL, NULL); /* it is synced at the end */
	if (rc == SQLITE_OK) {
		backup = sqlite3_backup_init(to.db, "main", from->db, "main");
		rc = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(to.db);
	}
	int rc_finish = backup ? sqlite3_backup_finish(backup) : SQLITE_OK;

	if (rc == SQLITE_DONE)
		rc = rc_finish;
	enum err_code code = rc == SQLITE_OK ? ERR_OK : sqlite_fail(&to, rc, "copying the database", err);

	sqlite_conn_close(&to);
	return code;
}

static enum err_code check_copy(const char *path, struct error *err)
{
	struct sqlite_conn conn;
	sqlite3_stmt *stmt = NULL;
	bool row = false;
	enum err_code code = sqlite_conn_open(&conn, path, SQLITE_USE_READ, BACKUP_CACHE_BYTES, 0, err);

	if (code)
		return code;
	code = sqlite_schema_verify(&conn, err);
	if (code == ERR_OK) {
		int rc = sqlite3_prepare_v2(conn.db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);

		code = rc == SQLITE_OK ? sqlite_step(&conn, stmt, "checking the copy", &row, err)
				       : sqlite_fail(&conn, rc, "checking the copy", err);
	}
	if (code == ERR_OK && (!row || !str_eq(sqlite_text(stmt, 0), STR("ok"))))
		code = err_set(err, ERR_CORRUPT, "the copy is damaged: %.*s",
			       STR_FMT(row ? sqlite_text(stmt, 0) : STR("nothing was checked")));
	(void)sqlite3_finalize(stmt);
	sqlite_conn_close(&conn);
	return code;
}

static enum err_code sync_path(const char *path, int flags, struct error *err)
{
	CLEANUP_FD int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_set(err, ERR_IO, "cannot sync %s: %s", path, strerror(errno));
	return ERR_OK;
}

static enum err_code publish(const char *path, const char *to_path, struct error *err)
{
	CLEANUP_MEMORY char *copy = strdup(to_path);
	enum err_code code = copy ? sync_path(path, O_RDONLY, err) : err_set(err, ERR_MEMORY, "no memory for a backup");

	if (code)
		return code;
	/* Somebody may have made to_path meanwhile: it is not replaced. Some file systems know only links for that. */
	int refused = renameat2(AT_FDCWD, path, AT_FDCWD, to_path, RENAME_NOREPLACE);

	if (refused && (errno == EINVAL || errno == ENOSYS))
		refused = link(path, to_path);
	if (refused)
		return errno == EEXIST ? err_set(err, ERR_EXISTS, "%s exists already", to_path)
				       : err_set(err, ERR_IO, "cannot name the copy %s: %s", to_path, strerror(errno));
	return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY, err);
}

static void remove_temporary(const char *path)
{
	(void)unlink(path);
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		CLEANUP_MEMORY char *name = NULL;

		if (asprintf(&name, "%s%s", path, companions[i]) >= 0)
			(void)unlink(name);
	}
}

/* What belongs to who keeps the original, and not to its contents. */
static enum err_code strip_copy(const char *path, struct error *err)
{
	struct sqlite_conn copy = {.path = strdup(path)};
	int rc = copy.path ? sqlite3_open_v2(path, &copy.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
			   : SQLITE_NOMEM;

	if (rc == SQLITE_OK) /* closing writes the log back; it is synced at the end */
		rc = sqlite3_exec(copy.db,
				  "PRAGMA synchronous=OFF; BEGIN; DELETE FROM record; DELETE FROM owed;"
				  " DELETE FROM dead; COMMIT",
				  NULL, NULL, NULL);
	enum err_code code = rc == SQLITE_OK ? ERR_OK : sqlite_fail(&copy, rc, "emptying the copy", err);

	sqlite_conn_close(&copy);
	return code;
}

/* finish(): whatever is to be done to the copy before it gets its name. */
static enum err_code copy_file(const char *from_path, const char *to_path,
			       enum err_code (*finish)(const char *path, struct error *err), struct error *err)
{
	struct sqlite_conn from;
	struct stat status;
	CLEANUP_MEMORY char *path = NULL;

	if (stat(from_path, &status) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot reach %s: %s", from_path,
			       strerror(errno));
	enum err_code code = target_is_free(to_path, err);

	if (code == ERR_OK)
		code = sqlite_conn_open(&from, from_path, SQLITE_USE_READ, BACKUP_CACHE_BYTES, SQLITE_BUSY_MS_DEFAULT,
					err);
	if (code)
		return code;
	code = sqlite_schema_verify(&from, err);
	if (code == ERR_OK)
		code = temporary_file(to_path, &path, err);
	if (code == ERR_OK)
		code = sqlite_run(&from, SQL_BEGIN_READ, "starting to read", err);
	if (code == ERR_OK)
		code = copy_pages(&from, path, err);
	sqlite_conn_close(&from);
	if (code == ERR_OK)
		code = finish(path, err);
	if (code == ERR_OK)
		code = publish(path, to_path, err);
	if (path)
		remove_temporary(path);
	return code;
}

enum err_code store_sqlite_backup(const char *from_path, const char *to_path, struct error *err)
{
	return copy_file(from_path, to_path, check_copy, err);
}

/* Blocks could be shared where the file system can (FICLONE), but for that the file would have to be opened beside
 * SQLite, and closing a second descriptor drops the locks of the first. */
enum err_code sqlite_clone(struct store_backend *backend, const struct store_options *options, struct store **ret_store,
			   struct error *err)
{
	const struct sqlite_store *store = (const struct sqlite_store *)backend;
	enum err_code code = copy_file(store->path, options->path, strip_copy, err);

	return code ? code : store_sqlite_open(options, ret_store, err);
}
