/* What becomes of files that have been taken: they stay, and the store notes which they were, or they are moved or
 * deleted, which is a note by itself. A file that cannot be used is never deleted. */
#include "feed/folder_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_KIND STR("folder_file")
#define RECORD_BYTES_MAX 4096u
#define RECORD_NAME_BYTES_MAX 1024u
#define NAME_TRIES 100
#define TARGET_BYTES_MAX 512

/* ---- notes in the store ---- */

struct record_write {
	struct store_write write; /* first */
	struct folder_session *session;
	const struct folder_mark *mark; /* put; or NULL */
	const struct folder_mark *gone; /* a list; those that are recorded are deleted */
	struct str doc;
};

/* FEED/FILE: a feed's name has no slash. */
static void put_id(struct buf *id, const struct folder_session *session, const char *name)
{
	buf_printf(id, "%.*s/%s", STR_FMT(session->feed->name), name);
}

static enum err_code run_record(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct record_write *record = (const struct record_write *)(const void *)write;
	enum err_code code = ERR_OK;
	struct buf id;

	buf_init(&id, RECORD_NAME_BYTES_MAX);
	if (record->mark) {
		put_id(&id, record->session, record->mark->name);
		code = store_txn_record_put(txn, RECORD_KIND, buf_str(&id), record->doc, err);
	}
	for (const struct folder_mark *mark = record->gone; mark && !code; mark = mark->next) {
		if (!mark->recorded)
			continue;
		buf_clear(&id);
		put_id(&id, record->session, mark->name);
		code = store_txn_record_delete(txn, RECORD_KIND, buf_str(&id), err);
		if (code == ERR_NOT_FOUND)
			code = ERR_OK;
	}
	buf_done(&id);
	return code;
}

static void note(struct folder_session *session, struct folder_mark *mark, bool whole, const char *why)
{
	struct record_write record = {.write = {.run = run_record}, .session = session, .mark = mark};
	struct error err;
	struct buf doc;

	buf_init(&doc, RECORD_BYTES_MAX);
	buf_printf(&doc, "{\"size\":%llu,\"modified_ns\":%lld,\"rows\":%llu,\"whole\":%s,\"why\":",
		   (unsigned long long)mark->size, (long long)mark->mtime_ns, (unsigned long long)mark->rows,
		   whole ? "true" : "false");
	json_write_string(&doc, str_from(why));
	buf_put_char(&doc, '}');
	record.doc = buf_str(&doc);
	if (store_apply(session->feed->store, &record.write, &err) == ERR_OK)
		mark->recorded = true;
	else
		feed_note_error(session->feed, err.detail); /* it is taken again after a restart */
	buf_done(&doc);
}

void folder_note_rows(struct folder_session *session, struct folder_mark *mark, uint64_t rows)
{
	mark->rows = rows;
	note(session, mark, false, "");
}

void folder_forget_records(struct folder_session *session, const struct folder_mark *gone)
{
	struct record_write record = {.write = {.run = run_record}, .session = session, .gone = gone};
	const struct folder_mark *mark = gone;
	struct error err;

	while (mark && !mark->recorded)
		mark = mark->next;
	if (mark && store_apply(session->feed->store, &record.write, &err) != ERR_OK)
		feed_note_error(session->feed, err.detail);
}

/* ---- reading them ---- */

struct loading {
	struct folder_session *session;
	struct json_parser *parser;
	struct arena arena;
	struct str prefix;
	bool good;
};

static bool load(void *self, struct str id, struct str doc)
{
	struct loading *loading = self;
	struct json *record = NULL;
	struct error err;
	int64_t size, modified_ns;

	if (!str_starts(id, loading->prefix))
		return false; /* of another feed, as all behind it */
	arena_clear(&loading->arena);
	char *copy = arena_bytes(&loading->arena, doc.len, 64); /* the parser wants room behind the text */
	struct folder_mark *mark = folder_mark(loading->session, str_part(id, loading->prefix.len, id.len));

	loading->good = copy && mark;
	if (!loading->good)
		return false;
	memcpy(copy, doc.at, doc.len);
	mark->recorded = true;
	if (json_parse(loading->parser, &loading->arena, (struct str){copy, doc.len}, NULL, &record, &err) == ERR_OK &&
	    json_int64(json_get(record, STR("size")), &size) &&
	    json_int64(json_get(record, STR("modified_ns")), &modified_ns)) {
		const struct json *whole = json_get(record, STR("whole"));
		int64_t rows = 0;

		(void)json_int64(json_get(record, STR("rows")), &rows);
		mark->taken = json_is(whole, JSON_BOOL) && whole->boolean;
		mark->rows = (uint64_t)rows;
		mark->size = (uint64_t)size;
		mark->mtime_ns = modified_ns;
	}
	return true;
}

enum err_code folder_load(struct folder_session *session, struct error *err)
{
	struct loading loading = {.session = session, .parser = session->feed->parser, .good = true};
	struct store_reader *reader = NULL;
	struct buf prefix;
	enum err_code code = store_reader_new(session->feed->store, &reader, err);

	if (code)
		return code;
	arena_init(&loading.arena, 1 << 20);
	buf_init(&prefix, RECORD_NAME_BYTES_MAX);
	put_id(&prefix, session, "");
	loading.prefix = buf_str(&prefix);
	code = store_record_each(reader, RECORD_KIND, loading.prefix, load, &loading, err);
	if (!code && !loading.good)
		code = err_set(err, ERR_MEMORY, "no memory for the files of a folder");
	(void)store_reader_free(reader);
	buf_done(&prefix);
	arena_done(&loading.arena);
	return code;
}

/* ---- moving and deleting ---- */

/* Into a folder of the folder; where there is a file of that name already, under the next that is free. */
static enum err_code move_to(struct folder_session *session, const char *name, const char *folder, struct error *err)
{
	char target[TARGET_BYTES_MAX];

	if (mkdirat(session->folder_fd, folder, 0777) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "cannot make the folder \"%s\" for \"%.100s\": %s", folder, name,
			       strerrordesc_np(errno));
	for (int i = 0; i < NAME_TRIES; i++) {
		int len = i == 0 ? snprintf(target, sizeof(target), "%s/%s", folder, name)
				 : snprintf(target, sizeof(target), "%s/%s.%d", folder, name, i);

		if (len < 0 || (size_t)len >= sizeof(target))
			break;
		if (renameat2(session->folder_fd, name, session->folder_fd, target, RENAME_NOREPLACE) == 0)
			return ERR_OK;
		if (errno != EEXIST)
			return err_set(err, ERR_IO, "cannot move \"%.100s\" to \"%s\": %s", name, folder,
				       strerrordesc_np(errno));
	}
	return err_set(err, ERR_IO, "cannot move \"%.100s\" to \"%s\": its name is there too often", name, folder);
}

static enum err_code remove_file(struct folder_session *session, const char *name, struct error *err)
{
	if (unlinkat(session->folder_fd, name, 0) == 0 || errno == ENOENT)
		return ERR_OK;
	return err_set(err, ERR_IO, "cannot delete \"%.100s\": %s", name, strerrordesc_np(errno));
}

/* Has the file become another one since it was opened? Then it is left, and taken again. */
static bool has_changed(const struct folder_session *session, const struct folder_mark *mark)
{
	struct stat status;

	return fstatat(session->folder_fd, mark->name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
	       (uint64_t)status.st_size != mark->size ||
	       (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec != mark->mtime_ns;
}

void folder_finish(struct folder_session *session, struct folder_mark *mark, const char *why)
{
	enum folder_after after = session->settings->after;
	char text[ERROR_DETAIL_BYTES + 300];
	enum err_code code = ERR_OK;
	struct error err;

	mark->flying = false;
	mark->rows = 0;
	if (why[0]) {
		(void)snprintf(text, sizeof(text), "%.150s: %s", mark->name, why);
		feed_note_error(session->feed, text);
	}
	if (has_changed(session, mark)) {
		session->news = true;
		return;
	}
	if (after != FOLDER_KEEP && why[0])
		code = move_to(session, mark->name, "failed", &err);
	else if (after == FOLDER_MOVE)
		code = move_to(session, mark->name, "done", &err);
	else if (after == FOLDER_DELETE)
		code = remove_file(session, mark->name, &err);
	if (code)
		feed_note_error(session->feed, err.detail);
	if (after == FOLDER_KEEP || code)
		note(session, mark, true, why);
}
