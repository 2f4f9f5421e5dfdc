/* The failing disk. Files of the write-ahead log's index (shared memory) are passed through: they do not outlive a
 * power cut anyway. */
#include "faulty_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 32
#define SECTOR_BYTES 512

struct change { /* a write, or a truncation when bytes is NULL */
	struct change *next;
	sqlite3_int64 at, len;
	char *bytes;
};

struct kept {
	char name[400];
	char *durable; /* what a sync has covered */
	sqlite3_int64 len;
	struct change *first, *last; /* what came after */
	bool used;
};

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real; /* lies behind this struct */
	struct kept *kept; /* NULL: not looked after */
};

static struct {
	pthread_mutex_t lock;
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	uint64_t operations, fail_at, cut_at;
	int result_code;
	bool for_good, fired, keeping, cut;
	struct kept kept[FILES_MAX];
} faulty = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* ---- keeping ---- */

static void apply(struct kept *kept, const struct change *change, sqlite3_int64 len)
{
	sqlite3_int64 end = change->bytes ? change->at + len : change->at;

	if (!change->bytes || end > kept->len) {
		sqlite3_int64 old = kept->len;

		kept->durable = must(realloc(kept->durable, (size_t)end + 1));
		if (end > old)
			memset(kept->durable + old, 0, (size_t)(end - old));
		kept->len = end;
	}
	if (change->bytes)
		memcpy(kept->durable + change->at, change->bytes, (size_t)len);
}

static void drop_first(struct kept *kept)
{
	struct change *change = kept->first;

	kept->first = change->next;
	if (!kept->first)
		kept->last = NULL;
	free(change->bytes);
	free(change);
}

static void keep_change(struct kept *kept, sqlite3_int64 at, const void *bytes, sqlite3_int64 len)
{
	struct change *change;

	if (!kept || !faulty.keeping || faulty.cut)
		return;
	change = must(calloc(1, sizeof(*change)));
	change->at = at;
	change->len = len;
	if (bytes) {
		change->bytes = must(malloc((size_t)len + 1));
		memcpy(change->bytes, bytes, (size_t)len);
	}
	if (kept->last)
		kept->last->next = change;
	else
		kept->first = change;
	kept->last = change;
}

static void keep_sync(struct kept *kept)
{
	while (kept && kept->first && faulty.keeping && !faulty.cut) {
		apply(kept, kept->first, kept->first->len);
		drop_first(kept);
	}
}

static void forget(struct kept *kept)
{
	while (kept->first)
		drop_first(kept);
	free(kept->durable);
	*kept = (struct kept){.used = false};
}

static struct kept *kept_of(const char *name)
{
	struct kept *empty = NULL;

	for (int i = 0; i < FILES_MAX; i++) {
		if (faulty.kept[i].used && strcmp(faulty.kept[i].name, name) == 0)
			return &faulty.kept[i];
		if (!faulty.kept[i].used && !empty)
			empty = &faulty.kept[i];
	}
	must(empty);
	*empty = (struct kept){.used = true};
	(void)snprintf(empty->name, sizeof(empty->name), "%s", name);
	return empty;
}

/* Counts an operation: the code it has to fail with, or SQLITE_OK. */
static int operation(int kind_code)
{
	faulty.operations++;
	if (faulty.cut_at && faulty.operations > faulty.cut_at)
		faulty.cut = true;
	if (faulty.fail_at == 0 || faulty.operations < faulty.fail_at ||
	    (faulty.operations > faulty.fail_at && !faulty.for_good))
		return SQLITE_OK;
	faulty.fired = true;
	return faulty.result_code == SQLITE_IOERR ? kind_code : faulty.result_code;
}

/* ---- a file ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), bytes, len, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	(void)pthread_mutex_lock(&faulty.lock);
	int rc = operation(SQLITE_IOERR_WRITE);

	if (rc == SQLITE_OK)
		keep_change(((struct faulty_file *)file)->kept, at, bytes, len);
	(void)pthread_mutex_unlock(&faulty.lock);
	return rc ? rc : real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
	(void)pthread_mutex_lock(&faulty.lock);
	int rc = operation(SQLITE_IOERR_TRUNCATE);

	if (rc == SQLITE_OK)
		keep_change(((struct faulty_file *)file)->kept, len, NULL, 0);
	(void)pthread_mutex_unlock(&faulty.lock);
	return rc ? rc : real_of(file)->pMethods->xTruncate(real_of(file), len);
}

static int file_sync(sqlite3_file *file, int flags)
{
	(void)pthread_mutex_lock(&faulty.lock);
	int rc = operation(SQLITE_IOERR_FSYNC);

	if (rc == SQLITE_OK)
		keep_sync(((struct faulty_file *)file)->kept);
	(void)pthread_mutex_unlock(&faulty.lock);
	/* Not to the disk: what counts here is the order, and a test should not wear it out. */
	(void)flags;
	return rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_reserved(sqlite3_file *file, int *out)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int what, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, arg);
}

static int file_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **out)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, bytes, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_device,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the file system ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
	struct faulty_file *file = (struct faulty_file *)base;

	(void)vfs;
	file->real = (sqlite3_file *)(file + 1);
	file->kept = NULL;
	int rc = faulty.real->xOpen(faulty.real, name, file->real, flags, out_flags);

	base->pMethods = rc == SQLITE_OK ? &methods : NULL;
	if (rc == SQLITE_OK && name && faulty.keeping) {
		(void)pthread_mutex_lock(&faulty.lock);
		file->kept = kept_of(name);
		(void)pthread_mutex_unlock(&faulty.lock);
	}
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	(void)vfs;
	(void)pthread_mutex_lock(&faulty.lock);
	if (faulty.keeping && !faulty.cut) {
		/* A file that is opened again under this name is another one; the name stays for open handles. */
		struct kept *kept = kept_of(name);

		while (kept->first)
			drop_first(kept);
		kept->len = 0;
	}
	(void)pthread_mutex_unlock(&faulty.lock);
	return faulty.real->xDelete(faulty.real, name, sync_folder);
}

void faulty_vfs_install(void)
{
	faulty.real = must(sqlite3_vfs_find(NULL));
	faulty.vfs = *faulty.real;
	faulty.vfs.zName = "faulty";
	faulty.vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
	faulty.vfs.xOpen = vfs_open;
	faulty.vfs.xDelete = vfs_delete;
	if (sqlite3_vfs_register(&faulty.vfs, 1) != SQLITE_OK)
		abort();
}

void faulty_vfs_fail(uint64_t n, int result_code, bool for_good)
{
	(void)pthread_mutex_lock(&faulty.lock);
	faulty.operations = 0;
	faulty.fail_at = n;
	faulty.result_code = result_code;
	faulty.for_good = for_good;
	faulty.fired = false;
	faulty.cut_at = 0;
	(void)pthread_mutex_unlock(&faulty.lock);
}

uint64_t faulty_vfs_operations(void)
{
	(void)pthread_mutex_lock(&faulty.lock);
	uint64_t operations = faulty.operations;

	(void)pthread_mutex_unlock(&faulty.lock);
	return operations;
}

bool faulty_vfs_fired(void)
{
	(void)pthread_mutex_lock(&faulty.lock);
	bool fired = faulty.fired;

	(void)pthread_mutex_unlock(&faulty.lock);
	return fired;
}

void faulty_vfs_cut(uint64_t n)
{
	faulty_vfs_fail(0, SQLITE_OK, false);
	(void)pthread_mutex_lock(&faulty.lock);
	for (int i = 0; i < FILES_MAX; i++)
		forget(&faulty.kept[i]);
	faulty.keeping = true;
	faulty.cut = false;
	faulty.cut_at = n;
	(void)pthread_mutex_unlock(&faulty.lock);
}

bool faulty_vfs_is_cut(void)
{
	(void)pthread_mutex_lock(&faulty.lock);
	bool cut = faulty.cut;

	(void)pthread_mutex_unlock(&faulty.lock);
	return cut;
}

/* What no sync covered: there, missing, or there up to a sector. */
static void settle(struct kept *kept, uint64_t *seed)
{
	for (; kept->first; drop_first(kept)) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t fate = *seed >> 60;

		if (fate < 6)
			continue;
		sqlite3_int64 len = kept->first->len;

		if (fate == 15 && kept->first->bytes)
			len = len / 2 / SECTOR_BYTES * SECTOR_BYTES;
		apply(kept, kept->first, len);
	}
}

void faulty_vfs_after_cut(const char *folder, const char *to_folder, uint64_t seed)
{
	char path[500];

	(void)pthread_mutex_lock(&faulty.lock);
	faulty.keeping = false;
	for (int i = 0; i < FILES_MAX; i++) {
		struct kept *kept = &faulty.kept[i];
		size_t len = strlen(folder);

		if (!kept->used || strncmp(kept->name, folder, len) != 0)
			continue;
		settle(kept, &seed);
		(void)snprintf(path, sizeof(path), "%s%s", to_folder, kept->name + len);
		FILE *file = kept->len ? fopen(path, "w") : NULL;

		if (file) {
			if (fwrite(kept->durable, 1, (size_t)kept->len, file) != (size_t)kept->len)
				abort();
			(void)fclose(file);
		}
		forget(kept);
	}
	(void)pthread_mutex_unlock(&faulty.lock);
}
