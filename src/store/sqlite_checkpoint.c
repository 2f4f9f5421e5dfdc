/* Copying the write-ahead log back into the database (checkpoint), beside the writer.
 *
 * A log of 10,000 pages takes tens of milliseconds, slow disks tenths of a second: were it done by the writer, writes
 * would wait so long. A thread of its own, started when the first log is full, copies what there is while the writer
 * appends. As it never catches up with a busy writer it goes again for what came meanwhile, which is less each time;
 * the writer copies the little that is left, and the next commit starts the log anew. That is the only way in which
 * the log starts anew, so it must be reached: after some passes the writer finishes whatever is left.
 *
 * A reader that stays may keep the log from being copied whole. Then it grows, and is tried again when it has grown by
 * as much; past a bound the writer waits a moment for readers to let go. Failing is no loss: the log is as durable as
 * the database. */
#include "store/sqlite_int.h"

#include <signal.h>
#include <string.h>

#define COPIER_CACHE_BYTES ((uint32_t)64 << 10)
#define FINISH_PAGES 1000 /* the writer copies so many itself */
#define PASSES_MAX 4

/* ---- the thread ---- */

/* How many pages of the log are copied; 0 when that failed. */
static int copy_back(struct sqlite_conn *conn, const char *path)
{
	int pages = 0, copied = 0;

	if (!conn->db && sqlite_conn_open(conn, path, SQLITE_USE_READ, COPIER_CACHE_BYTES, 0, NULL) != ERR_OK)
		return 0;
	(void)sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
	return copied > 0 ? copied : 0;
}

static void *copier_main(void *self)
{
	struct sqlite_copier *copier = self;
	struct sqlite_conn conn = {0};

	(void)pthread_mutex_lock(&copier->lock);
	for (;;) {
		while (!copier->busy && !copier->stopping)
			(void)pthread_cond_wait(&copier->wake, &copier->lock);
		if (copier->stopping)
			break;
		(void)pthread_mutex_unlock(&copier->lock);
		int copied = copy_back(&conn, copier->path);

		(void)pthread_mutex_lock(&copier->lock);
		copier->copied = copied;
		copier->busy = false;
		(void)pthread_cond_signal(&copier->idle);
	}
	(void)pthread_mutex_unlock(&copier->lock);
	sqlite_conn_close(&conn);
	return NULL;
}

void sqlite_copier_init(struct sqlite_copier *copier, const char *path)
{
	copier->path = path;
	(void)pthread_mutex_init(&copier->lock, NULL);
	(void)pthread_cond_init(&copier->wake, NULL);
	(void)pthread_cond_init(&copier->idle, NULL);
}

void sqlite_copier_done(struct sqlite_copier *copier)
{
	if (copier->started) {
		(void)pthread_mutex_lock(&copier->lock);
		copier->stopping = true;
		(void)pthread_cond_signal(&copier->wake);
		(void)pthread_mutex_unlock(&copier->lock);
		(void)pthread_join(copier->thread, NULL);
	}
	(void)pthread_cond_destroy(&copier->wake);
	(void)pthread_cond_destroy(&copier->idle);
	(void)pthread_mutex_destroy(&copier->lock);
}

/* Signals belong to the program's main thread. */
static bool start(struct sqlite_copier *copier)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	copier->started = pthread_create(&copier->thread, NULL, copier_main, copier) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (copier->started)
		(void)pthread_setname_np(copier->thread, "store-log");
	return copier->started;
}

/* ---- the writer's side ---- */

static void checkpoint_here(struct sqlite_store *store)
{
	int pages = 0, copied = 0;
	bool wait = store->wal_pages >= SQLITE_WAL_PAGES_WAIT;

	if (wait)
		(void)sqlite3_busy_timeout(store->writer.db, SQLITE_WAL_WAIT_MS);
	int rc = sqlite3_wal_checkpoint_v2(store->writer.db, "main",
					   wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, &pages,
					   &copied);

	if (wait)
		(void)sqlite3_busy_timeout(store->writer.db, (int)store->busy_timeout_ms);
	if (rc == SQLITE_OK && copied == pages)
		store->wal_pages = 0; /* the next commit starts at the log's beginning */
	store->wal_pages_tried = store->wal_pages;
	store->wal_passes = 0;
}

static void ask(struct sqlite_store *store)
{
	struct sqlite_copier *copier = &store->copier;

	if (!copier->started && !start(copier)) {
		checkpoint_here(store);
		return;
	}
	store->wal_passes++;
	(void)pthread_mutex_lock(&copier->lock);
	copier->busy = true;
	copier->copied = 0;
	(void)pthread_cond_signal(&copier->wake);
	(void)pthread_mutex_unlock(&copier->lock);
}

void sqlite_checkpoint_if_due(struct sqlite_store *store)
{
	struct sqlite_copier *copier = &store->copier;

	if (store->wal_pages < store->wal_pages_tried)
		store->wal_pages_tried = 0;
	if (store->wal_passes == 0) {
		if (store->wal_pages - store->wal_pages_tried >= SQLITE_WAL_PAGES_CHECKPOINT)
			ask(store);
		return;
	}
	(void)pthread_mutex_lock(&copier->lock);
	/* Writes that are faster than the copier would let the log grow without end. */
	while (copier->busy && store->wal_pages >= SQLITE_WAL_PAGES_COPIER)
		(void)pthread_cond_wait(&copier->idle, &copier->lock);
	bool busy = copier->busy;
	int copied = copier->copied;

	(void)pthread_mutex_unlock(&copier->lock);
	if (busy)
		return;
	/* Without progress a reader is in the way, or the disk: the writer would not get further either. */
	if (copied == 0 || store->wal_pages - copied <= FINISH_PAGES || store->wal_passes >= PASSES_MAX)
		checkpoint_here(store);
	else
		ask(store);
}
