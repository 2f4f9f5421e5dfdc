/* Backups. Paths are built in fixed buffers by path_join(), which refuses what does not fit. */
#include "main/backup.h"

#include "access/access.h"
#include "base/cleanup.h"
#include "base/time_value.h"
#include "main/archive.h"
#include "main/databases.h"
#include "main/digest.h"
#include "main/folder.h"
#include "store/store.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_NAME "machi-backup.json"
#define LIST_FORMAT 1
#define LIST_BYTES_MAX (1u << 20)
#define REMOVE_FDS_MAX 8

struct backup {
	const char *data;
	char temporary[DATABASES_PATH_BYTES_MAX]; /* folder of the copies */
	char *names[ARCHIVE_MEMBERS_MAX]; /* of the copies below it; owned */
	size_t count;
	struct arena arena;
	struct json files; /* the list's array */
	struct backup_summary summary;
};

static enum err_code path_join(char path[static DATABASES_PATH_BYTES_MAX], const char *folder, const char *name,
			       struct error *err)
{
	int len = snprintf(path, DATABASES_PATH_BYTES_MAX, "%s/%s", folder, name);

	if (len > 0 && (size_t)len < DATABASES_PATH_BYTES_MAX)
		return ERR_OK;
	return err_set(err, ERR_INVALID, "the path of %s is longer than %u bytes", name, DATABASES_PATH_BYTES_MAX - 1);
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the backup's list");
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

/* A folder of our own with all that is in it. */
static void remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, REMOVE_FDS_MAX, FTW_DEPTH | FTW_PHYS);
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* ---- making ---- */

static enum err_code remember(struct backup *backup, const char *name, int64_t bytes, const char *digest,
			      struct error *err)
{
	struct json file = json_object();

	if (backup->count == ARCHIVE_MEMBERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %u databases", ARCHIVE_MEMBERS_MAX);
	backup->names[backup->count] = strdup(name);
	if (!backup->names[backup->count])
		return no_memory(err);
	struct str kept = str_from(backup->names[backup->count++]);
	struct str sha256 = arena_dup(&backup->arena, str_from(digest));

	if (!json_add(&backup->arena, &file, STR("name"), json_string(kept)) ||
	    !json_add(&backup->arena, &file, STR("bytes"), json_int(&backup->arena, bytes)) || !sha256.at ||
	    !json_add(&backup->arena, &file, STR("sha256"), json_string(sha256)) ||
	    !json_push(&backup->arena, &backup->files, file))
		return no_memory(err);
	backup->summary.databases++;
	backup->summary.bytes += (uint64_t)bytes;
	return ERR_OK;
}

/* The copy lies at `to`, as `name` in the list. */
static enum err_code take_copy(struct backup *backup, const char *to, const char *name, struct error *err)
{
	char digest[DIGEST_HEX_BYTES];
	struct stat status;

	if (stat(to, &status) != 0)
		return err_set(err, ERR_IO, "cannot look at %s: %s", to, strerror(errno));
	enum err_code code = digest_file(to, digest, err);

	return code ? code : remember(backup, name, status.st_size, digest, err);
}

/* Accounts, tokens and the audit log; a city that was never served has none. */
static enum err_code copy_access(struct backup *backup, struct error *err)
{
	char from[DATABASES_PATH_BYTES_MAX], to[DATABASES_PATH_BYTES_MAX];
	enum err_code code = path_join(from, backup->data, ACCESS_FILE, err);

	if (code || !exists(from))
		return code;
	code = path_join(to, backup->temporary, ACCESS_FILE, err);
	if (!code)
		code = access_backup(from, to, err);
	return code ? code : take_copy(backup, to, ACCESS_FILE, err);
}

static enum err_code copy_database(void *self, struct str tenant, const char *path, struct error *err)
{
	struct backup *backup = self;
	char name[DATABASES_PATH_BYTES_MAX], to[DATABASES_PATH_BYTES_MAX];
	enum err_code code = ERR_OK;

	(void)snprintf(name, sizeof(name), tenant.len ? DATABASES_FOLDER "/%.*s.db" : DATABASES_DEFAULT "%.*s",
		       STR_FMT(tenant));
	if (tenant.len) {
		code = path_join(to, backup->temporary, DATABASES_FOLDER, err);
		if (!code)
			code = folder_make(to, err);
	}
	if (!code)
		code = path_join(to, backup->temporary, name, err);
	if (!code)
		code = store_sqlite_backup(path, to, err);
	if (code)
		return err_while(err, "copying %s", path);
	return take_copy(backup, to, name, err);
}

static enum err_code write_list(struct backup *backup, int64_t now_us, struct error *err)
{
	char time_text[TIME_ISO_BYTES], path[DATABASES_PATH_BYTES_MAX];
	struct json list = json_object();
	struct buf text;
	struct str now = time_format_iso(now_us, time_text);

	if (!json_add(&backup->arena, &list, STR("format"), json_int(&backup->arena, LIST_FORMAT)) ||
	    !json_add(&backup->arena, &list, STR("machi"), json_string(STR(MACHI_VERSION))) ||
	    !json_add(&backup->arena, &list, STR("createdAt"), json_string(now)) ||
	    !json_add(&backup->arena, &list, STR("files"), backup->files))
		return no_memory(err);
	buf_init(&text, LIST_BYTES_MAX);
	json_write(&text, &list);
	buf_put_char(&text, '\n');
	enum err_code code = buf_check(&text, "the backup's list", err);

	if (!code)
		code = path_join(path, backup->temporary, LIST_NAME, err);
	if (!code)
		code = folder_write_file(path, buf_str(&text), err);
	buf_done(&text);
	if (!code && backup->count < ARCHIVE_MEMBERS_MAX) {
		backup->names[backup->count] = strdup(LIST_NAME);
		if (!backup->names[backup->count++])
			code = no_memory(err);
	}
	return code;
}

/* Makes durable what lies in folder and below, then gives it its name. */
static enum err_code publish_folder(const char *folder, const char *to, struct error *err)
{
	char tenants[DATABASES_PATH_BYTES_MAX];
	enum err_code code = path_join(tenants, folder, DATABASES_FOLDER, err);

	if (!code && exists(tenants))
		code = folder_sync(tenants, err);
	if (!code)
		code = folder_sync(folder, err);
	if (!code && renameat2(AT_FDCWD, folder, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
		code = err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_IO, "cannot create %s: %s", to, strerror(errno));
	return code;
}

static enum err_code publish_archive(const struct backup *backup, const char *to, struct error *err)
{
	char part[DATABASES_PATH_BYTES_MAX];
	bool packed = str_ends(str_from(to), STR(".zst"));
	/* Beside the folder of the copies and named after it, with the ending that says how it is packed. */
	int len = snprintf(part, sizeof(part), "%s.tar%s", backup->temporary, packed ? ".zst" : "");

	if (len < 0 || (size_t)len >= sizeof(part))
		return err_set(err, ERR_INVALID, "the path of %s is too long", to);
	enum err_code code = archive_pack(part, backup->temporary, backup->names, backup->count, err);

	if (!code && renameat2(AT_FDCWD, part, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
		code = err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_IO, "cannot create %s: %s", to, strerror(errno));
		(void)unlink(part);
	}
	return code;
}

/* The folder that `to` lies in, made durable. */
static enum err_code sync_parent(const char *to, struct error *err)
{
	char parent[DATABASES_PATH_BYTES_MAX];
	const char *slash = strrchr(to, '/');
	int len = snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - to + 1) : 1, slash ? to : ".");

	if (len < 0 || (size_t)len >= sizeof(parent))
		return err_set(err, ERR_INVALID, "the path of %s is too long", to);
	return folder_sync(parent, err);
}

static enum err_code make(struct backup *backup, const char *to, int64_t now_us, struct error *err)
{
	enum err_code code = databases_each(backup->data, copy_database, backup, err);

	if (!code && backup->count == 0)
		code = err_set(err, ERR_NOT_FOUND, "there is no database in %s", backup->data);
	if (!code)
		code = copy_access(backup, err);
	if (!code)
		code = write_list(backup, now_us, err);
	if (!code)
		code = archive_is_name(to) ? publish_archive(backup, to, err)
					   : publish_folder(backup->temporary, to, err);
	return code ? code : sync_parent(to, err);
}

/* "to" without slashes at its end, which rename() would not take for a new folder. */
static enum err_code clean_target(char target[static DATABASES_PATH_BYTES_MAX], const char *to, struct error *err)
{
	size_t len = strlen(to);

	while (len > 1 && to[len - 1] == '/')
		len--;
	if (len == 0 || len > DATABASES_PATH_BYTES_MAX - 64)
		return err_set(err, ERR_INVALID, "the name of the backup is %s", len ? "too long" : "empty");
	memcpy(target, to, len);
	target[len] = '\0';
	return ERR_OK;
}

enum err_code backup_make(const char *data, const char *to, int64_t now_us, struct backup_summary *ret_summary,
			  struct error *err)
{
	struct backup backup = {.data = data, .files = json_array()};
	char target[DATABASES_PATH_BYTES_MAX];
	enum err_code code = clean_target(target, to, err);

	if (code)
		return code;
	if (exists(target))
		return err_set(err, ERR_EXISTS, "%s exists already", target);
	(void)snprintf(backup.temporary, sizeof(backup.temporary), "%.*s.part-XXXXXX",
		       (int)(DATABASES_PATH_BYTES_MAX - 64), target);
	if (!mkdtemp(backup.temporary))
		return err_set(err, errno == EACCES || errno == EROFS ? ERR_DENIED : ERR_IO,
			       "cannot make a folder at %s: %s", target, strerror(errno));
	arena_init(&backup.arena, LIST_BYTES_MAX);
	code = make(&backup, target, now_us, err);
	if (!code)
		*ret_summary = backup.summary;
	remove_tree(backup.temporary);
	for (size_t i = 0; i < backup.count; i++)
		free(backup.names[i]);
	arena_done(&backup.arena);
	return code;
}

/* ---- bringing back ---- */

static bool is_database(struct str name)
{
	return str_eq(name, STR(ACCESS_FILE)) || databases_is_member(name);
}

static bool is_member(struct str name)
{
	return str_eq(name, STR(LIST_NAME)) || is_database(name);
}

static enum err_code copy_file(const char *from, const char *to, struct error *err)
{
	CLEANUP_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat status;

	if (in < 0 || fstat(in, &status) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", from,
			       strerror(errno));
	for (off_t left = status.st_size; out >= 0 && left > 0;) {
		ssize_t copied = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);

		if (copied <= 0 && errno != EINTR)
			return err_set(err, ERR_IO, "cannot copy %s: %s", from, strerror(errno));
		left -= copied > 0 ? copied : 0;
	}
	if (out < 0 || fsync(out) != 0)
		return err_set(err, ERR_IO, "cannot write %s: %s", to, strerror(errno));
	return ERR_OK;
}

/* The file is there, has the list's size and digest, and is a good database. */
static enum err_code check_file(const char *path, const char *name, const struct json *file, struct error *err)
{
	char digest[DIGEST_HEX_BYTES];
	uint64_t findings = 0;
	int64_t bytes = 0;
	struct stat status;

	if (!json_int64(json_get(file, STR("bytes")), &bytes))
		return err_set(err, ERR_INVALID, "the list of files does not say how large %s is", name);
	if (stat(path, &status) != 0)
		return err_set(err, ERR_INVALID, "%s is missing in the backup", name);
	if (status.st_size != bytes)
		return err_set(err, ERR_CORRUPT, "%s has %lld bytes, the list says %lld", name,
			       (long long)status.st_size, (long long)bytes);
	enum err_code code = digest_file(path, digest, err);

	if (!code && !str_eq(json_text(json_get(file, STR("sha256"))), str_from(digest)))
		code = err_set(err, ERR_CORRUPT, "%s is not what was backed up: its SHA-256 differs", name);
	if (!code && strcmp(name, ACCESS_FILE) == 0)
		code = access_check(path, NULL, NULL, &findings, err);
	else if (!code)
		code = store_sqlite_check(path, NULL, NULL, &findings, err);
	if (!code && findings)
		code = err_set(err, ERR_CORRUPT, "%s is damaged (%llu findings)", name, (unsigned long long)findings);
	return code;
}

/* A file of the list; that of a folder is copied first. */
static enum err_code take_file(const char *from, const char *folder, const struct json *file, bool copying,
			       struct backup_summary *summary, struct error *err)
{
	struct str listed = json_text(json_get(file, STR("name")));
	char source[DATABASES_PATH_BYTES_MAX], target[DATABASES_PATH_BYTES_MAX], name[DATABASES_PATH_BYTES_MAX];
	struct stat status;

	if (!is_database(listed))
		return err_set(err, ERR_INVALID, "%s: the list of files is not one of machi", from);
	(void)snprintf(name, sizeof(name), "%.*s", STR_FMT(listed)); /* a tenant's name is short */
	enum err_code code = path_join(source, from, name, err);

	if (!code)
		code = path_join(target, folder, name, err);
	if (!code && copying && exists(source))
		code = copy_file(source, target, err);
	if (!code)
		code = check_file(target, name, file, err);
	if (code)
		return err_while(err, "restoring from %s", from);
	summary->databases++;
	summary->bytes += stat(target, &status) == 0 ? (uint64_t)status.st_size : 0;
	return ERR_OK;
}

static enum err_code read_list(const char *folder, struct arena *arena, struct json **ret_files, struct error *err)
{
	char path[DATABASES_PATH_BYTES_MAX];
	struct json_parser *parser = json_parser_new();
	struct json *list = NULL;
	struct buf text;
	int64_t format = 0;

	buf_init(&text, LIST_BYTES_MAX);
	enum err_code code = parser ? path_join(path, folder, LIST_NAME, err) : no_memory(err);

	if (!code)
		code = folder_read_file(path, &text, err);
	if (!code)
		code = json_parse(parser, arena, buf_str(&text), NULL, &list, err);
	buf_done(&text);
	(void)json_parser_free(parser);
	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_INVALID, "no backup of machi: " LIST_NAME " is missing");
	if (code)
		return code;
	if (!json_int64(json_get(list, STR("format")), &format) || format < 1)
		return err_set(err, ERR_INVALID, LIST_NAME " is not a list of machi");
	if (format > LIST_FORMAT)
		return err_set(err, ERR_VERSION, "the backup was made by a newer machi (format %lld, known %d)",
			       (long long)format, LIST_FORMAT);
	*ret_files = json_get(list, STR("files"));
	return ERR_OK;
}

/* Fills folder (inside the target) with checked databases. */
static enum err_code collect(const char *from, const char *folder, struct backup_summary *summary, struct error *err)
{
	char tenants[DATABASES_PATH_BYTES_MAX];
	struct stat status;
	struct arena arena;
	struct json *files = NULL;
	bool is_folder = stat(from, &status) == 0 && S_ISDIR(status.st_mode);
	enum err_code code = path_join(tenants, folder, DATABASES_FOLDER, err);

	if (!code)
		code = folder_make(tenants, err);
	if (!code && !is_folder)
		code = archive_unpack(from, folder, is_member, err);
	arena_init(&arena, 4 * LIST_BYTES_MAX);
	if (!code)
		code = read_list(is_folder ? from : folder, &arena, &files, err);
	if (!code && (!json_is(files, JSON_ARRAY) || files->count == 0))
		code = err_set(err, ERR_INVALID, "%s: the list names no database", from);
	for (size_t i = 0; !code && i < files->count; i++)
		code = take_file(from, folder, json_at(files, i), is_folder, summary, err);
	arena_done(&arena);
	return code;
}

static enum err_code move(const char *folder, const char *data, const char *name, struct error *err)
{
	char from[DATABASES_PATH_BYTES_MAX], to[DATABASES_PATH_BYTES_MAX];
	enum err_code code = path_join(from, folder, name, err);

	if (!code)
		code = path_join(to, data, name, err);
	if (!code && exists(from) && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
		code = err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "cannot put %s in place: %s", to,
			       strerror(errno));
	return code;
}

/* machi.db last: it is what makes the folder a city. */
static enum err_code put_in_place(const char *folder, const char *data, struct error *err)
{
	char tenants[DATABASES_PATH_BYTES_MAX];
	enum err_code code = path_join(tenants, folder, DATABASES_FOLDER, err);

	if (!code && rmdir(tenants) != 0) /* empty: no other tenants */
		code = folder_sync(tenants, err);
	if (!code)
		code = folder_sync(folder, err);
	if (!code)
		code = move(folder, data, DATABASES_FOLDER, err);
	if (!code)
		code = move(folder, data, ACCESS_FILE, err);
	if (!code)
		code = move(folder, data, DATABASES_DEFAULT, err);
	return code ? code : folder_sync(data, err);
}

static enum err_code restore_locked(const char *from, const char *data, struct backup_summary *summary,
				    struct error *err)
{
	char folder[DATABASES_PATH_BYTES_MAX];
	bool empty = false;
	enum err_code code = folder_is_empty(data, &empty, err);

	if (!code && !empty)
		code = err_set(err, ERR_EXISTS, "%s is not empty; restore goes into an empty folder", data);
	if (!code)
		code = path_join(folder, data, FOLDER_RESTORE, err);
	if (!code)
		code = folder_make(folder, err);
	if (code)
		return code;
	code = collect(from, folder, summary, err);
	if (!code)
		code = put_in_place(folder, data, err);
	remove_tree(folder);
	return code;
}

enum err_code backup_restore(const char *from, const char *data, struct backup_summary *ret_summary, struct error *err)
{
	struct backup_summary summary = {0};
	bool made = !exists(data);
	int lock = -1;

	if (!exists(from))
		return err_set(err, ERR_NOT_FOUND, "cannot open %s: %s", from, strerror(ENOENT));
	enum err_code code = folder_make(data, err);

	if (!code)
		code = folder_lock(data, true, &lock, err);
	if (!code)
		code = restore_locked(from, data, &summary, err);
	if (code && made)
		(void)rmdir(data);
	fd_closep(&lock);
	if (!code)
		*ret_summary = summary;
	return code;
}
