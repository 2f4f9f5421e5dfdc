/* Backups of whole cities: every tenant's database and a list of them, in a folder or one tar file.
 *
 * A backup is whole or absent: it is made under a temporary name beside its target, synced and renamed. The list
 * (machi-backup.json) says which files belong to it and how large they are, so a lost tenant or a cut file is found. */
#ifndef MACHI_MAIN_BACKUP_H
#define MACHI_MAIN_BACKUP_H

#include "base/error.h"

#include <stdint.h>

struct backup_summary {
	uint64_t databases, bytes;
};

/* Copies the city in folder data to `to`: a file when its name says archive (archive_is_name), else a folder. now_us
 * is noted in the list. Errors: ERR_EXISTS (`to`), ERR_NOT_FOUND (no database in data), ERR_IO, and the store's. */
MUST_CHECK enum err_code backup_make(const char *data, const char *to, int64_t now_us,
				     struct backup_summary *ret_summary, struct error *err);
/* Brings it back into data, an empty folder or none. Every database is checked before it is put in place.
 * Errors: ERR_EXISTS (data is not empty), ERR_CONFLICT (data is in use), ERR_NOT_FOUND (from), ERR_INVALID (no backup,
 * a file is missing), ERR_CORRUPT (damage, named). On an error data is as it was. */
MUST_CHECK enum err_code backup_restore(const char *from, const char *data, struct backup_summary *ret_summary,
					struct error *err);

#endif
