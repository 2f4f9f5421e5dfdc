/* What the tests of databases in folders share: a folder that goes away with all that is in it. */
#ifndef MACHI_TESTS_FOLDER_UTIL_H
#define MACHI_TESTS_FOLDER_UTIL_H

#include "base/cleanup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_MEMORY char *name = NULL;

		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			abort();
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			remove_folder(name);
		(void)unlink(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

#endif
