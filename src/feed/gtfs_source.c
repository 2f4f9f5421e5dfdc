/* Where the files of a feed come from. Zips by libarchive (docs/decisions/0006-zip.md).
 *
 * A zip lists its files at its end, so they could be read in any order, but libarchive goes through them in theirs. A
 * feed must be read in the order in which its rows refer to each other; so each file is one pass over the list, in
 * which the files before it are jumped over. */
#include "feed/gtfs_source.h"

#include "base/cleanup.h"
#include "feed/gtfs_import.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define CHUNK_BYTES 65536u
#define ENTRIES_MAX 4096u /* of a zip that are looked at */

struct gtfs_source {
	char *path; /* owned; of the folder or zip, or the name of the zip in memory */
	bool folder;
	struct str bytes; /* of a zip in memory */
	char **entries; /* owned: the paths in the zip, in its order */
	size_t entry_count;
	int64_t packed_bytes; /* of the whole zip */
	int64_t unpacked_bytes; /* so far, all files */
};

static struct archive *zip_free(struct archive *zip)
{
	(void)archive_read_free(zip);
	return NULL;
}
DEFINE_CLEANUP(struct archive *, zip);

static enum err_code no_zip(const struct gtfs_source *source, struct archive *zip, struct error *err)
{
	const char *why = archive_error_string(zip);

	return err_set(err, ERR_CORRUPT, "%s is neither a folder nor a zip that can be read: %s", source->path,
		       why ? why : "nothing is known");
}

static enum err_code open_zip(const struct gtfs_source *source, struct archive **ret_zip, struct error *err)
{
	CLEANUP(zip) struct archive *zip = archive_read_new();

	if (!zip)
		return err_set(err, ERR_MEMORY, "no memory to open %s", source->path);
	if (archive_read_support_format_zip_seekable(zip) != ARCHIVE_OK)
		return no_zip(source, zip, err);
	int opened = source->bytes.at ? archive_read_open_memory(zip, source->bytes.at, source->bytes.len)
				      : archive_read_open_filename(zip, source->path, CHUNK_BYTES);

	if (opened != ARCHIVE_OK)
		return no_zip(source, zip, err);
	*ret_zip = TAKE(zip);
	return ERR_OK;
}

static enum err_code add_entry(struct gtfs_source *source, const char *path, struct error *err)
{
	char *copy = strdup(path ? path : "");

	if (!copy)
		return err_set(err, ERR_MEMORY, "no memory for the files of %s", source->path);
	source->entries[source->entry_count++] = copy;
	return ERR_OK;
}

static enum err_code list_zip(struct gtfs_source *source, struct error *err)
{
	CLEANUP(zip) struct archive *zip = NULL;
	struct archive_entry *entry;
	enum err_code code = open_zip(source, &zip, err);
	int next = ARCHIVE_OK;

	source->entries = code ? NULL : calloc(ENTRIES_MAX, sizeof(*source->entries));
	if (!code && !source->entries)
		code = err_set(err, ERR_MEMORY, "no memory for the files of %s", source->path);
	while (!code && source->entry_count < ENTRIES_MAX) {
		next = archive_read_next_header(zip, &entry);
		if (next == ARCHIVE_EOF)
			break;
		code = next < ARCHIVE_WARN ? no_zip(source, zip, err)
					   : add_entry(source, archive_entry_pathname(entry), err);
	}
	return code;
}

static enum err_code source_new(const char *path, struct gtfs_source **ret, struct error *err)
{
	struct gtfs_source *source = calloc(1, sizeof(*source));
	char *copy = strdup(path);

	if (!source || !copy) {
		free(source);
		free(copy);
		return err_set(err, ERR_MEMORY, "no memory to open %s", path);
	}
	source->path = copy;
	*ret = source;
	return ERR_OK;
}

enum err_code gtfs_source_open(const char *path, struct gtfs_source **ret_source, struct error *err)
{
	struct gtfs_source *source = NULL;
	struct stat status;

	if (stat(path, &status) != 0)
		return err_set(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
			       strerror(errno));
	enum err_code code = source_new(path, &source, err);

	if (code)
		return code;
	source->folder = S_ISDIR(status.st_mode);
	source->packed_bytes = status.st_size;
	if (!source->folder)
		code = list_zip(source, err);
	if (code)
		source = gtfs_source_free(source);
	else
		*ret_source = source;
	return code;
}

enum err_code gtfs_source_open_bytes(struct str bytes, const char *name, struct gtfs_source **ret_source,
				     struct error *err)
{
	struct gtfs_source *source = NULL;
	enum err_code code = source_new(name, &source, err);

	if (code)
		return code;
	source->bytes = bytes.len ? bytes : STR("");
	source->packed_bytes = (int64_t)bytes.len;
	code = list_zip(source, err);
	if (code)
		source = gtfs_source_free(source);
	else
		*ret_source = source;
	return code;
}

struct gtfs_source *gtfs_source_free(struct gtfs_source *source)
{
	if (source) {
		for (size_t i = 0; i < source->entry_count; i++)
			free(source->entries[i]);
		free((void *)source->entries);
		free(source->path);
		free(source);
	}
	return NULL;
}

/* ---- a zip's entries ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *backslash = strrchr(path, '\\');

	if (backslash && (!slash || backslash > slash))
		slash = backslash;
	return slash ? slash + 1 : path;
}

static size_t depth_of(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += *path == '/' || *path == '\\';
	return depth;
}

/* Feeds packed on some machines carry a shadow of each file. */
static bool is_shadow(const char *path)
{
	return strncmp(path, "__MACOSX", 8) == 0 || strncmp(base_name(path), "._", 2) == 0;
}

/* The entry with this base name that lies highest; ENTRIES_MAX when there is none. */
static size_t find_entry(const struct gtfs_source *source, const char *file)
{
	size_t best = ENTRIES_MAX, best_depth = SIZE_MAX;

	for (size_t i = 0; i < source->entry_count; i++) {
		const char *path = source->entries[i];

		if (is_shadow(path) || strcasecmp(base_name(path), file) != 0 || depth_of(path) >= best_depth)
			continue;
		best = i;
		best_depth = depth_of(path);
	}
	return best;
}

static enum err_code count_bytes(struct gtfs_source *source, const char *file, int64_t file_bytes, int64_t chunk,
				 struct error *err)
{
	source->unpacked_bytes += chunk;
	if (file_bytes > GTFS_FILE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s in %s is larger than %lld bytes", file, source->path,
			       (long long)GTFS_FILE_BYTES_MAX);
	if (source->unpacked_bytes > GTFS_FEED_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the files of %s are larger than %lld bytes", source->path,
			       (long long)GTFS_FEED_BYTES_MAX);
	if (!source->folder && source->unpacked_bytes - GTFS_RATIO_FREE_BYTES > source->packed_bytes * GTFS_RATIO_MAX)
		return err_set(err, ERR_LIMIT, "%s unpacks to more than %d times its size", source->path,
			       GTFS_RATIO_MAX);
	return ERR_OK;
}

static enum err_code damaged(const struct gtfs_source *source, const char *file, struct archive *zip, struct error *err)
{
	const char *why = archive_error_string(zip);

	return err_set(err, ERR_CORRUPT, "%s in %s: %s", file, source->path, why ? why : "nothing is known");
}

/* Opens the zip at one of its entries. */
static enum err_code open_entry(const struct gtfs_source *source, const char *file, size_t number,
				struct archive **ret_zip, struct error *err)
{
	CLEANUP(zip) struct archive *zip = NULL;
	struct archive_entry *entry = NULL;
	enum err_code code = open_zip(source, &zip, err);

	for (size_t i = 0; i <= number && !code; i++)
		if (archive_read_next_header(zip, &entry) < ARCHIVE_WARN)
			code = damaged(source, file, zip, err);
	if (!code && archive_entry_is_encrypted(entry))
		code = err_set(err, ERR_UNSUPPORTED, "%s in %s is encrypted", file, source->path);
	if (!code)
		*ret_zip = TAKE(zip);
	return code;
}

static enum err_code read_zip(struct gtfs_source *source, const char *file,
			      enum err_code (*take)(void *self, struct str chunk, struct error *err), void *self,
			      struct error *err)
{
	size_t number = find_entry(source, file);
	CLEANUP(zip) struct archive *zip = NULL;
	CLEANUP_MEMORY char *chunk = malloc(CHUNK_BYTES);
	int64_t bytes = 0;

	if (number == ENTRIES_MAX)
		return err_set(err, ERR_NOT_FOUND, "%s has no %s", source->path, file);
	enum err_code code = open_entry(source, file, number, &zip, err);

	if (!code && !chunk)
		code = err_set(err, ERR_MEMORY, "no memory to read %s", file);
	while (!code) {
		la_ssize_t got = archive_read_data(zip, chunk, CHUNK_BYTES);

		if (got == 0)
			break;
		if (got < 0)
			return damaged(source, file, zip, err);
		bytes += got;
		code = count_bytes(source, file, bytes, got, err);
		if (!code)
			code = take(self, (struct str){chunk, (size_t)got}, err);
	}
	return code;
}

/* ---- a folder's files ---- */

static enum err_code open_in_folder(const struct gtfs_source *source, const char *file, FILE **ret_file,
				    struct error *err)
{
	CLEANUP_MEMORY char *path = NULL;

	if (asprintf(&path, "%s/%s", source->path, file) < 0)
		return err_set(err, ERR_MEMORY, "no memory for a path");
	FILE *opened = fopen(path, "rbe");

	if (!opened)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
	*ret_file = opened;
	return ERR_OK;
}

static enum err_code read_folder(struct gtfs_source *source, const char *file,
				 enum err_code (*take)(void *self, struct str chunk, struct error *err), void *self,
				 struct error *err)
{
	CLEANUP_FILE FILE *from = NULL;
	CLEANUP_MEMORY char *chunk = malloc(CHUNK_BYTES);
	enum err_code code = open_in_folder(source, file, &from, err);
	int64_t bytes = 0;

	if (!code && !chunk)
		code = err_set(err, ERR_MEMORY, "no memory to read %s", file);
	while (!code) {
		size_t got = fread(chunk, 1, CHUNK_BYTES, from);

		if (got == 0)
			break;
		bytes += (int64_t)got;
		code = count_bytes(source, file, bytes, (int64_t)got, err);
		if (!code)
			code = take(self, (struct str){chunk, got}, err);
	}
	if (!code && ferror(from))
		code = err_set(err, ERR_IO, "%s/%s: cannot be read", source->path, file);
	return code;
}

bool gtfs_source_has(struct gtfs_source *source, const char *file)
{
	CLEANUP_FILE FILE *from = NULL;

	if (!source->folder)
		return find_entry(source, file) != ENTRIES_MAX;
	return !open_in_folder(source, file, &from, NULL);
}

enum err_code gtfs_source_read(struct gtfs_source *source, const char *file,
			       enum err_code (*take)(void *self, struct str chunk, struct error *err), void *self,
			       struct error *err)
{
	return source->folder ? read_folder(source, file, take, self, err) : read_zip(source, file, take, self, err);
}

void gtfs_source_each(struct gtfs_source *source, void (*visit)(void *self, const char *file), void *self)
{
	DIR *folder = source->folder ? opendir(source->path) : NULL;

	for (size_t i = 0; i < source->entry_count; i++)
		if (*base_name(source->entries[i]) && !is_shadow(source->entries[i]))
			visit(self, base_name(source->entries[i]));
	if (!folder)
		return;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			visit(self, entry->d_name);
	(void)closedir(folder);
}
