/* Files and folders. */
#include "main/folder.h"

#include "base/cleanup.h"
#include "main/databases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define READ_CHUNK_BYTES 65536u
#define PATH_BYTES_MAX 4352u

/* The error that errno stands for, naming the path. */
static enum err_code refuse(const char *what, const char *path, struct error *err)
{
	enum err_code code = ERR_IO;

	if (errno == ENOENT || errno == ENOTDIR)
		code = ERR_NOT_FOUND;
	else if (errno == EACCES || errno == EPERM || errno == EROFS)
		code = ERR_DENIED;
	else if (errno == EEXIST)
		code = ERR_EXISTS;
	return err_set(err, code, "cannot %s %s: %s", what, path, strerror(errno));
}

enum err_code folder_read_file(const char *path, struct buf *out, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	CLEANUP_FD int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int fd = is_stdin ? STDIN_FILENO : opened;

	if (fd < 0)
		return refuse("open", path, err);
	for (;;) {
		char *chunk = buf_extend(out, READ_CHUNK_BYTES);
		/* At the bound there may still be a little room: the last piece is read byte by byte. */
		size_t room = chunk ? READ_CHUNK_BYTES : 1;

		if (!chunk && out->failed == ERR_LIMIT) {
			out->failed = ERR_OK;
			chunk = buf_extend(out, 1);
		}
		if (!chunk)
			return buf_check(out, is_stdin ? "standard input" : path, err);
		ssize_t got = read(fd, chunk, room);

		out->len -= room - (got > 0 ? (size_t)got : 0);
		if (got == 0)
			return ERR_OK;
		if (got < 0 && errno != EINTR)
			return refuse("read", path, err);
	}
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t written = write(fd, bytes.at, bytes.len);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0)
			bytes = str_part(bytes, (size_t)written, bytes.len);
	}
	return true;
}

enum err_code folder_write_file(const char *path, struct str bytes, struct error *err)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return refuse("create", path, err);
	if (!write_all(fd, bytes) || fsync(fd) != 0)
		return refuse("write", path, err);
	return ERR_OK;
}

enum err_code folder_sync(const char *path, struct error *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return refuse("sync", path, err);
	return ERR_OK;
}

enum err_code folder_make(const char *path, struct error *err)
{
	struct stat status;

	if (mkdir(path, 0700) == 0)
		return ERR_OK;
	if (errno != EEXIST)
		return refuse("make folder", path, err);
	if (stat(path, &status) != 0)
		return refuse("look at", path, err);
	if (!S_ISDIR(status.st_mode))
		return err_set(err, ERR_EXISTS, "%s is not a folder", path);
	return ERR_OK;
}

enum err_code folder_check_city(const char *path, bool writing, struct error *err)
{
	char database[PATH_BYTES_MAX];
	struct stat status;

	if (stat(path, &status) != 0)
		return refuse("open folder", path, err);
	if (!S_ISDIR(status.st_mode))
		return err_set(err, ERR_NOT_FOUND, "%s is not a folder", path);
	if (access(path, R_OK | X_OK) != 0)
		return refuse("read folder", path, err);
	int len = snprintf(database, sizeof(database), "%s/" FOLDER_RESTORE, path);

	if (len < 0 || (size_t)len >= sizeof(database))
		return err_set(err, ERR_INVALID, "folder name longer than %u bytes", PATH_BYTES_MAX - 16);
	if (stat(database, &status) == 0)
		return err_set(err, ERR_CONFLICT,
			       "a restore into %s is under way, or broke off: then empty it and restore again", path);
	if (!writing)
		return ERR_OK;
	if (access(path, W_OK) != 0)
		return refuse("write into folder", path, err);
	(void)snprintf(database, sizeof(database), "%s/machi.db", path); /* shorter than the name before */
	if (stat(database, &status) == 0 && access(database, R_OK | W_OK) != 0)
		return refuse("write database", database, err);
	return ERR_OK;
}

static DIR *dir_free(DIR *dir)
{
	(void)closedir(dir);
	return NULL;
}
DEFINE_CLEANUP(DIR *, dir);

enum err_code folder_is_empty(const char *path, bool *ret_empty, struct error *err)
{
	CLEANUP(dir) DIR *dir = opendir(path);
	bool empty = true;

	if (!dir)
		return refuse("open folder", path, err);
	for (struct dirent *entry = readdir(dir); entry && empty; entry = readdir(dir))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	*ret_empty = empty;
	return ERR_OK;
}

static enum err_code lock(const char *path, bool alone, const char *taken, int *ret_fd, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return refuse("open folder", path, err);
	if (flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
		*ret_fd = fd;
		return ERR_OK;
	}
	int cause = errno;

	(void)close(fd);
	if (cause == EWOULDBLOCK)
		return err_set(err, ERR_CONFLICT, "%s %s", path, taken);
	errno = cause;
	return refuse("lock", path, err);
}

enum err_code folder_lock(const char *path, bool alone, int *ret_fd, struct error *err)
{
	return lock(path, alone, alone ? "is in use by another machi" : "is being restored into", ret_fd, err);
}

enum err_code folder_hold(const char *path, int *ret_fd, struct error *err)
{
	char folder[PATH_BYTES_MAX];
	int len = snprintf(folder, sizeof(folder), "%s/" DATABASES_FOLDER, path);

	if (len < 0 || (size_t)len >= sizeof(folder))
		return err_set(err, ERR_INVALID, "folder name longer than %u bytes", PATH_BYTES_MAX - 16);
	enum err_code code = folder_make(folder, err);

	return code ? code : lock(folder, true, "is in use: another machi serve has this city", ret_fd, err);
}
