/* Files and folders as the commands use them: whole files read and written, and the lock of a city's folder.
 *
 * The lock is flock() on the folder itself, so nothing is left behind: whoever opens the city holds it shared, restore
 * holds it alone. Writers of the same database are kept apart by SQLite, not by this. Of daemons there may be one: two
 * would move the same vehicles and not hear of each other's changes; it holds the folder of the tenants alone. */
#ifndef MACHI_MAIN_FOLDER_H
#define MACHI_MAIN_FOLDER_H

#include "base/buf.h"
#include "base/error.h"

#define FOLDER_RESTORE ".restore" /* in a city's folder while a restore is under way */

/* Appends the whole file to out, whose bytes_max bounds it; "-" is standard input.
 * ERR_NOT_FOUND, ERR_DENIED, ERR_LIMIT, ERR_IO, ERR_MEMORY; each names the path. */
MUST_CHECK enum err_code folder_read_file(const char *path, struct buf *out, struct error *err);
/* Creates path (mode 0600, must not exist) with these bytes, synced to disk. ERR_EXISTS, ERR_DENIED, ERR_IO. */
MUST_CHECK enum err_code folder_write_file(const char *path, struct str bytes, struct error *err);
/* Makes the entries of a folder durable. */
MUST_CHECK enum err_code folder_sync(const char *path, struct error *err);

/* Makes the folder (mode 0700, parents must exist) when it is not there. ERR_DENIED, ERR_IO, ERR_EXISTS (no folder). */
MUST_CHECK enum err_code folder_make(const char *path, struct error *err);
/* ERR_NOT_FOUND when there is no such folder; ERR_DENIED when we may not write into it, or not into its database;
 * ERR_CONFLICT when a restore into it is not over. */
MUST_CHECK enum err_code folder_check_city(const char *path, bool writing, struct error *err);
MUST_CHECK enum err_code folder_is_empty(const char *path, bool *ret_empty, struct error *err);

/* Locks the folder until the descriptor is closed; alone: nobody else may hold it. ERR_CONFLICT when somebody does. */
MUST_CHECK enum err_code folder_lock(const char *path, bool alone, int *ret_fd, struct error *err);
/* The daemon's own lock, until the descriptor is closed. ERR_CONFLICT when another daemon has it. */
MUST_CHECK enum err_code folder_hold(const char *path, int *ret_fd, struct error *err);

#endif
