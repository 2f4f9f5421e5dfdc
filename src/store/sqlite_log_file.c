/* The write-ahead log, written in large pieces.
 *
 * SQLite writes each page of a commit by two calls, a header of 24 bytes and the page, then asks for a sync. Under the
 * writer's connection lies this thin layer: what is written to the log end to end is gathered and goes to the file
 * below by one call, at the latest when it is to be synced, read or measured. Nothing is promised earlier than before:
 * SQLite tells readers of a commit only once the sync has returned (synchronous=FULL), and a write that fails is
 * reported by the sync. Other files go straight to the layer below, which is whatever the process has as its default.
 *
 * Thread: the connection's. */
#include "store/sqlite_int.h"

#include <string.h>

#define LOG_PIECE_BYTES (120 * 1024) /* SQLite's own layer writes less than 128 KiB at a time */

struct sqlite_log_vfs {
	sqlite3_vfs vfs; /* first; a copy of the one below but for name and opening */
	sqlite3_vfs *below; /* not owned */
	char name[48];
};

struct log_file {
	sqlite3_file base; /* first */
	sqlite3_file *below; /* its memory lies behind this struct */
	char *piece; /* owned; NULL until the first write, and when there is no memory for it */
	size_t len; /* gathered … */
	sqlite3_int64 at; /* … for this place */
};

static struct log_file *log_file(sqlite3_file *file)
{
	return (struct log_file *)file;
}

static int write_below(struct log_file *log, const void *bytes, int len, sqlite3_int64 at)
{
	return log->below->pMethods->xWrite(log->below, bytes, len, at);
}

static int flush(struct log_file *log)
{
	if (log->len == 0)
		return SQLITE_OK;
	int rc = write_below(log, log->piece, (int)log->len, log->at);

	log->len = 0;
	return rc;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	struct log_file *log = log_file(file);
	bool follows = log->len > 0 && at == log->at + (sqlite3_int64)log->len;

	if (!log->piece)
		log->piece = malloc(LOG_PIECE_BYTES);
	if ((log->len > 0 && !follows) || log->len + (size_t)len > LOG_PIECE_BYTES) {
		int rc = flush(log);

		if (rc != SQLITE_OK)
			return rc;
	}
	if (!log->piece || len > LOG_PIECE_BYTES)
		return write_below(log, bytes, len, at);
	if (log->len == 0)
		log->at = at;
	memcpy(log->piece + log->len, bytes, (size_t)len);
	log->len += (size_t)len;
	return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	struct log_file *log = log_file(file);
	int rc = flush(log);

	return rc == SQLITE_OK ? log->below->pMethods->xRead(log->below, bytes, len, at) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct log_file *log = log_file(file);
	int rc = flush(log);

	return rc == SQLITE_OK ? log->below->pMethods->xTruncate(log->below, size) : rc;
}

static int log_sync(sqlite3_file *file, int flags)
{
	struct log_file *log = log_file(file);
	int rc = flush(log);

	return rc == SQLITE_OK ? log->below->pMethods->xSync(log->below, flags) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	struct log_file *log = log_file(file);
	int rc = flush(log);

	return rc == SQLITE_OK ? log->below->pMethods->xFileSize(log->below, ret_size) : rc;
}

static int log_lock(sqlite3_file *file, int level)
{
	return log_file(file)->below->pMethods->xLock(log_file(file)->below, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
	return log_file(file)->below->pMethods->xUnlock(log_file(file)->below, level);
}

static int log_check_lock(sqlite3_file *file, int *ret_reserved)
{
	return log_file(file)->below->pMethods->xCheckReservedLock(log_file(file)->below, ret_reserved);
}

static int log_control(sqlite3_file *file, int what, void *value)
{
	return log_file(file)->below->pMethods->xFileControl(log_file(file)->below, what, value);
}

static int log_sector(sqlite3_file *file)
{
	return log_file(file)->below->pMethods->xSectorSize(log_file(file)->below);
}

static int log_traits(sqlite3_file *file)
{
	return log_file(file)->below->pMethods->xDeviceCharacteristics(log_file(file)->below);
}

static int log_close(sqlite3_file *file)
{
	struct log_file *log = log_file(file);
	int rc = flush(log), rc_close = log->below->pMethods->xClose(log->below);

	free(log->piece);
	return rc != SQLITE_OK ? rc : rc_close;
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1, /* shared memory and maps are asked of the database's file only */
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_check_lock,
	.xFileControl = log_control,
	.xSectorSize = log_sector,
	.xDeviceCharacteristics = log_traits,
};

/* SQLite dictates the types. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	sqlite3_vfs *below = ((struct sqlite_log_vfs *)vfs)->below;

	if (!(flags & SQLITE_OPEN_WAL))
		return below->xOpen(below, name, file, flags, ret_flags);
	struct log_file *log = log_file(file);

	*log = (struct log_file){.below = (sqlite3_file *)(log + 1)};
	int rc = below->xOpen(below, name, log->below, flags, ret_flags);

	if (rc == SQLITE_OK)
		log->base.pMethods = &log_methods;
	else if (log->below->pMethods)
		(void)log->below->pMethods->xClose(log->below);
	return rc;
}

enum err_code sqlite_log_vfs_new(struct sqlite_log_vfs **ret_vfs, struct error *err)
{
	sqlite3_vfs *below = sqlite3_vfs_find(NULL);
	struct sqlite_log_vfs *vfs = calloc(1, sizeof(*vfs));

	if (!vfs || !below) {
		free(vfs);
		return err_set(err, ERR_MEMORY, "no memory for a store");
	}
	vfs->below = below;
	vfs->vfs = *below;
	vfs->vfs.pNext = NULL;
	vfs->vfs.szOsFile = (int)sizeof(struct log_file) + below->szOsFile;
	vfs->vfs.xOpen = open_file;
	(void)snprintf(vfs->name, sizeof(vfs->name), "log-%p", (void *)vfs);
	vfs->vfs.zName = vfs->name;
	if (sqlite3_vfs_register(&vfs->vfs, 0) != SQLITE_OK) {
		free(vfs);
		return err_set(err, ERR_MEMORY, "no memory for a store");
	}
	*ret_vfs = vfs;
	return ERR_OK;
}

const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *vfs)
{
	return vfs->name;
}

struct sqlite_log_vfs *sqlite_log_vfs_free(struct sqlite_log_vfs *vfs)
{
	if (vfs)
		(void)sqlite3_vfs_unregister(&vfs->vfs);
	free(vfs);
	return NULL;
}
