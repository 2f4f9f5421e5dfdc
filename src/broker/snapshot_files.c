/* The files of snapshots: DATA/snapshots, a database for each, named as its place. */
#include "broker/snapshots_int.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_SHARE 4u /* of a tenant's page cache: there may be many */
#define CACHE_BYTES ((uint32_t)8 << 20) /* where that is left to the store */

static enum err_code folder_path(const struct broker *broker, char path[static PATH_MAX], struct error *err)
{
	int len = snprintf(path, PATH_MAX, "%s/snapshots", broker->data_path);

	return len > 0 && len < PATH_MAX ? ERR_OK
					 : err_set(err, ERR_INVALID, "the path %s is too long", broker->data_path);
}

static enum err_code make_folder(const struct broker *broker, struct error *err)
{
	char path[PATH_MAX];
	enum err_code code = folder_path(broker, path, err);

	if (code)
		return code;
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? ERR_OK
				       : err_set(err, ERR_IO, "cannot create the folder %s: %s", path, strerror(errno));
	CLEANUP_FD int fd = open(broker->data_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd); /* so that it survives a power cut */
	return ERR_OK;
}

enum err_code snapshot_options(const struct broker *broker, struct str place, bool create, char path[static PATH_MAX],
			       struct store_options *ret, struct error *err)
{
	uint32_t cache_bytes = broker->options.cache_bytes_max / CACHE_SHARE;
	int len = broker->data_path
			  ? snprintf(path, PATH_MAX, "%s/snapshots/%.*s.db", broker->data_path, STR_FMT(place))
			  : 0;

	if (len < 0 || len >= PATH_MAX)
		return err_set(err, ERR_INVALID, "the path %s is too long", broker->data_path);
	*ret = (struct store_options){.path = broker->data_path ? path : NULL,
				      .create = create,
				      .cache_bytes_max = cache_bytes ? cache_bytes : CACHE_BYTES};
	return broker->data_path && create ? make_folder(broker, err) : ERR_OK;
}

/* ---- removing ---- */

/* Whose file is this? The name of a place, whatever stands behind it: a log, a lock, a copy that was half made. */
static struct str place_of_file(struct str file)
{
	size_t at;

	return str_find(file, '@', &at) && file.len >= at + RANDOM_ID_BYTES ? str_part(file, 0, at + RANDOM_ID_BYTES)
									    : STR_NONE;
}

static void remove_files(const struct broker *broker, bool (*is_meant)(void *self, struct str place), void *self)
{
	char path[PATH_MAX];

	if (!broker->data_path || folder_path(broker, path, NULL) != ERR_OK)
		return;
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		struct str place = place_of_file(str_from(entry->d_name));

		if (place.at && is_meant(self, place))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		(void)closedir(dir);
}

static bool is_this(void *self, struct str place)
{
	return str_eq(place, *(const struct str *)self);
}

void snapshot_files_remove(const struct broker *broker, struct str place)
{
	remove_files(broker, is_this, &place);
}

struct sweeping {
	struct str tenant;
	bool (*known)(void *self, struct str place);
	void *self;
};

static bool is_unknown(void *self, struct str place)
{
	const struct sweeping *sweeping = self;
	size_t at = 0;

	(void)str_find(place, '@', &at);
	return str_eq(str_part(place, 0, at), sweeping->tenant) && !sweeping->known(sweeping->self, place);
}

void snapshot_files_sweep(const struct broker *broker, struct str tenant, bool (*known)(void *self, struct str place),
			  void *self)
{
	remove_files(broker, is_unknown, &(struct sweeping){tenant, known, self});
}
