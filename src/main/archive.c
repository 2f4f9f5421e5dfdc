/* Packing and unpacking by libarchive. Names are checked by the caller's function before anything is written, and
 * files are made anew (O_EXCL), so an archive cannot write elsewhere or over anything. */
#include "main/archive.h"

#include "base/cleanup.h"
#include "main/databases.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_BYTES 65536u

static struct archive *writer_free(struct archive *archive)
{
	(void)archive_write_free(archive);
	return NULL;
}
DEFINE_CLEANUP(struct archive *, writer);

static struct archive *reader_free(struct archive *archive)
{
	(void)archive_read_free(archive);
	return NULL;
}
DEFINE_CLEANUP(struct archive *, reader);

static struct archive_entry *entry_free(struct archive_entry *entry)
{
	archive_entry_free(entry);
	return NULL;
}
DEFINE_CLEANUP(struct archive_entry *, entry);

bool archive_is_name(const char *path)
{
	return str_ends(str_from(path), STR(".tar")) || str_ends(str_from(path), STR(".tar.zst"));
}

static bool join(char path[static DATABASES_PATH_BYTES_MAX], const char *folder, const char *name)
{
	int len = snprintf(path, DATABASES_PATH_BYTES_MAX, "%s/%s", folder, name);

	return len > 0 && (size_t)len < DATABASES_PATH_BYTES_MAX;
}

static enum err_code copy_in(struct archive *archive, int fd, int64_t size, const char *path, struct error *err)
{
	char block[BLOCK_BYTES];

	while (size > 0) {
		ssize_t got = read(fd, block, size < (int64_t)sizeof(block) ? (size_t)size : sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, ERR_IO, "cannot read %s: %s", path,
				       got ? strerror(errno) : "it became shorter");
		if (archive_write_data(archive, block, (size_t)got) != got)
			return err_set(err, ERR_IO, "cannot write the archive: %s", archive_error_string(archive));
		size -= got;
	}
	return ERR_OK;
}

static enum err_code pack_one(struct archive *archive, const char *folder, const char *name, struct error *err)
{
	CLEANUP(entry) struct archive_entry *entry = archive_entry_new();
	char path[DATABASES_PATH_BYTES_MAX];
	struct stat status;

	if (!entry)
		return err_set(err, ERR_MEMORY, "no memory for the archive");
	if (!join(path, folder, name))
		return err_set(err, ERR_INVALID, "the path of %s is too long", name);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0)
		return err_set(err, ERR_IO, "cannot open %s: %s", path, strerror(errno));
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, status.st_size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_mtime(entry, status.st_mtime, 0);
	if (archive_write_header(archive, entry) != ARCHIVE_OK)
		return err_set(err, ERR_IO, "cannot write the archive: %s", archive_error_string(archive));
	return copy_in(archive, fd, status.st_size, path, err);
}

static enum err_code pack_all(int fd, bool packed, const char *folder, char *const *names, size_t count,
			      struct error *err)
{
	CLEANUP(writer) struct archive *archive = archive_write_new();

	if (!archive)
		return err_set(err, ERR_MEMORY, "no memory for the archive");
	if (archive_write_set_format_pax_restricted(archive) != ARCHIVE_OK ||
	    (packed && archive_write_add_filter_zstd(archive) != ARCHIVE_OK) ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		return err_set(err, ERR_IO, "cannot begin the archive: %s", archive_error_string(archive));
	for (size_t i = 0; i < count; i++) {
		enum err_code code = pack_one(archive, folder, names[i], err);

		if (code)
			return code;
	}
	if (archive_write_close(archive) != ARCHIVE_OK || fsync(fd) != 0)
		return err_set(err, ERR_IO, "cannot finish the archive: %s", archive_error_string(archive));
	return ERR_OK;
}

enum err_code archive_pack(const char *path, const char *folder, char *const *names, size_t count, struct error *err)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_IO, "cannot create %s: %s", path,
			       strerror(errno));
	enum err_code code = pack_all(fd, str_ends(str_from(path), STR(".zst")), folder, names, count, err);

	if (code)
		(void)unlink(path);
	return code;
}

static enum err_code damaged(struct archive *archive, const char *path, struct error *err)
{
	const char *why = archive_error_string(archive);

	return err_set(err, ERR_CORRUPT, "%s is damaged: %s", path, why ? why : "it ends too early");
}

static enum err_code copy_out(struct archive *archive, int fd, const char *path, struct error *err)
{
	char block[BLOCK_BYTES];

	for (;;) {
		la_ssize_t got = archive_read_data(archive, block, sizeof(block));
		size_t done = 0;

		if (got == 0)
			return ERR_OK;
		if (got < 0)
			return damaged(archive, path, err);
		while (done < (size_t)got) {
			ssize_t written = write(fd, block + done, (size_t)got - done);

			if (written < 0 && errno != EINTR)
				return err_set(err, ERR_IO, "cannot write: %s", strerror(errno));
			done += written > 0 ? (size_t)written : 0;
		}
	}
}

static enum err_code unpack_one(struct archive *archive, struct archive_entry *entry, const char *from,
				const char *folder, bool (*wanted)(struct str name), struct error *err)
{
	const char *name = archive_entry_pathname(entry);
	char path[DATABASES_PATH_BYTES_MAX];

	if (!name || archive_entry_filetype(entry) != AE_IFREG || !wanted(str_from(name)) || !join(path, folder, name))
		return err_set(err, ERR_INVALID, "%s is no backup of machi: it holds \"%s\"", from, name ? name : "");
	if (archive_entry_size(entry) > ARCHIVE_MEMBER_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: %s is too large", from, name);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno == EEXIST ? ERR_INVALID : ERR_IO, "cannot create %s: %s", path,
			       strerror(errno));
	enum err_code code = copy_out(archive, fd, from, err);

	if (!code && fsync(fd) != 0)
		code = err_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
	return code;
}

enum err_code archive_unpack(const char *path, const char *folder, bool (*wanted)(struct str name), struct error *err)
{
	CLEANUP(reader) struct archive *archive = archive_read_new();
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct archive_entry *entry;

	if (!archive)
		return err_set(err, ERR_MEMORY, "no memory for the archive");
	if (fd < 0)
		return err_set(err,
			       errno == ENOENT   ? ERR_NOT_FOUND
			       : errno == EACCES ? ERR_DENIED
						 : ERR_IO,
			       "cannot open %s: %s", path, strerror(errno));
	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
	    archive_read_open_fd(archive, fd, BLOCK_BYTES) != ARCHIVE_OK)
		return damaged(archive, path, err);
	for (unsigned i = 0; i <= ARCHIVE_MEMBERS_MAX; i++) {
		int result = archive_read_next_header(archive, &entry);

		if (result == ARCHIVE_EOF)
			return ERR_OK;
		if (result != ARCHIVE_OK)
			return damaged(archive, path, err);
		enum err_code code = unpack_one(archive, entry, path, folder, wanted, err);

		if (code)
			return code;
	}
	return err_set(err, ERR_LIMIT, "%s holds more than %u files", path, ARCHIVE_MEMBERS_MAX);
}
