/* One tar file of several files, packed with zstd when its name ends in .zst. libarchive underneath. */
#ifndef MACHI_MAIN_ARCHIVE_H
#define MACHI_MAIN_ARCHIVE_H

#include "base/error.h"
#include "base/str.h"

#define ARCHIVE_MEMBERS_MAX 300u
#define ARCHIVE_MEMBER_BYTES_MAX (INT64_C(1) << 42)

/* Does this name mean an archive (.tar, .tar.zst) rather than a folder? */
bool archive_is_name(const char *path);

/* Packs folder/names[i] under these names into path, which must not exist; synced to disk. On an error path is gone. */
MUST_CHECK enum err_code archive_pack(const char *path, const char *folder, char *const *names, size_t count,
				      struct error *err);
/* Unpacks regular files into folder, whose subfolders must be there. wanted decides by name; any other member, or one
 * twice, is ERR_INVALID. ERR_CORRUPT for damage. */
MUST_CHECK enum err_code archive_unpack(const char *path, const char *folder, bool (*wanted)(struct str name),
					struct error *err);

#endif
