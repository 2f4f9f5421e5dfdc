/* What is in a folder, and what happens there: told by the system where it can (inotify), and looked at again from
 * time to time, since folders of other machines tell nothing. */
#include "feed/feed_clock_int.h"
#include "feed/folder_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_BYTES 16384
#define MS_PER_S 1000
#define NS_PER_S INT64_C(1000000000)

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- marks ---- */

struct folder_mark *folder_mark(struct folder_session *session, struct str name)
{
	struct folder_mark *mark = map_get(&session->marks, name);

	if (mark)
		return mark;
	mark = calloc(1, sizeof(*mark) + name.len + 1);
	if (!mark)
		return NULL;
	memcpy(mark->name, name.at, name.len);
	if (!map_set(&session->marks, (struct str){mark->name, name.len}, mark)) {
		free(mark);
		return NULL;
	}
	return mark;
}

void folder_forget_all(struct folder_session *session)
{
	size_t at = 0;
	struct str name;
	void *mark;

	while (map_each(&session->marks, &at, &name, &mark))
		free(mark);
	map_done(&session->marks);
}

/* Those of files that the last scan did not see. */
static void forget_gone(struct folder_session *session)
{
	struct folder_mark *gone = NULL, *mark;
	size_t at = 0;
	struct str name;
	void *value;

	while (map_each(&session->marks, &at, &name, &value)) {
		mark = value;
		if (mark->scan == session->scan || mark->flying)
			continue;
		mark->next = gone;
		gone = mark;
	}
	folder_forget_records(session, gone);
	while ((mark = gone)) {
		gone = mark->next;
		(void)map_remove(&session->marks, str_from(mark->name));
		free(mark);
	}
}

/* ---- watching ---- */

void folder_close(struct folder_session *session)
{
	if (session->watch_fd >= 0)
		(void)close(session->watch_fd);
	if (session->folder_fd >= 0)
		(void)close(session->folder_fd);
	session->watch_fd = session->folder_fd = -1;
}

enum err_code folder_open(struct folder_session *session, struct error *err)
{
	const char *path = session->settings->path;

	session->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (session->folder_fd < 0)
		return err_set(err, ERR_IO, "cannot open the folder %.150s: %s", path, strerrordesc_np(errno));
	session->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* Without it the folder is looked at from time to time all the same. */
	if (session->watch_fd >= 0 &&
	    inotify_add_watch(session->watch_fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR) < 0) {
		(void)close(session->watch_fd);
		session->watch_fd = -1;
	}
	session->news = true;
	return ERR_OK;
}

static void hear_of(struct folder_session *session, const char *name)
{
	struct folder_mark *mark = folder_mark(session, str_from(name));

	if (mark) {
		mark->renamed = true;
		mark->scan = session->scan;
	}
}

void folder_hear(struct folder_session *session)
{
	char events[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;

	while (session->watch_fd >= 0 && (got = read(session->watch_fd, events, sizeof(events))) > 0)
		for (const char *at = events; at < events + got;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

			session->news = true;
			if (event->mask & IN_MOVED_TO && event->len)
				hear_of(session, event->name);
			at += sizeof(*event) + event->len;
		}
}

/* ---- looking ---- */

static int compare_found(const void *a, const void *b)
{
	const struct folder_found *first = a, *second = b;

	if (first->mtime_ns != second->mtime_ns)
		return first->mtime_ns < second->mtime_ns ? -1 : 1;
	return strcmp(first->mark->name, second->mark->name);
}

/* When the file will not have changed for long enough, in milliseconds from now; 0: it is so far, or its time lies in
 * the future and says nothing. */
static int64_t settles_in_ms(const struct folder_session *session, const struct stat *status)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t settle_ns = (int64_t)session->settings->settle_s * NS_PER_S;
	int64_t age_ns = ns_of(now) - ns_of(status->st_ctim);

	return age_ns >= settle_ns || age_ns < -settle_ns ? 0 : (settle_ns - age_ns) / 1000000 + 1;
}

static enum err_code consider(struct folder_session *session, const char *name, const struct stat *status,
			      struct error *err)
{
	struct folder_mark *mark = folder_mark(session, str_from(name));
	struct folder_found found = {mark, (uint64_t)status->st_size, ns_of(status->st_mtim)};

	if (!mark)
		return err_set(err, ERR_MEMORY, "no memory for the files of a folder");
	mark->scan = session->scan;
	if (mark->flying || (mark->taken && mark->size == found.size && mark->mtime_ns == found.mtime_ns))
		return ERR_OK;
	int64_t in_ms = mark->renamed ? 0 : settles_in_ms(session, status);

	if (in_ms == 0)
		session->found[session->found_count++] = found;
	else if (feed_clock_ms() + in_ms < session->scan_ms)
		session->scan_ms = feed_clock_ms() + in_ms;
	return ERR_OK;
}

static bool is_wanted(const struct folder_session *session, const char *name, struct stat *status)
{
	return fnmatch(session->settings->pattern, name, FNM_PERIOD) == 0 && str_is_utf8(str_from(name)) &&
	       fstatat(session->folder_fd, name, status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status->st_mode);
}

static enum err_code look(struct folder_session *session, DIR *folder, struct error *err)
{
	const struct dirent *entry;
	enum err_code code = ERR_OK;
	bool whole = false;

	while (!code && !whole && session->found_count < FOLDER_FILES_MAX) {
		struct stat status;

		errno = 0;
		entry = readdir(folder);
		if (!entry && errno)
			return err_set(err, ERR_IO, "cannot look at the folder: %s", strerrordesc_np(errno));
		whole = !entry;
		if (entry && is_wanted(session, entry->d_name, &status))
			code = consider(session, entry->d_name, &status, err);
	}
	if (whole && !code)
		forget_gone(session);
	else
		session->news = true; /* there is more: as soon as these are done */
	return code;
}

/* Is what has the path now another folder, or none? */
static bool is_gone(const struct folder_session *session)
{
	struct stat there, open_one;

	return stat(session->settings->path, &there) != 0 || fstat(session->folder_fd, &open_one) != 0 ||
	       there.st_ino != open_one.st_ino || there.st_dev != open_one.st_dev;
}

static enum err_code open_and_look(struct folder_session *session, struct error *err)
{
	int fd = openat(session->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

	if (!session->found)
		session->found = calloc(FOLDER_FILES_MAX, sizeof(*session->found));
	if (!folder || !session->found) {
		if (folder)
			(void)closedir(folder);
		else if (fd >= 0)
			(void)close(fd);
		return err_set(err, ERR_IO, "cannot look at the folder: %s", strerrordesc_np(errno));
	}
	enum err_code code = look(session, folder, err);

	(void)closedir(folder);
	qsort(session->found, session->found_count, sizeof(*session->found), compare_found);
	return code;
}

enum err_code folder_scan(struct folder_session *session, struct error *err)
{
	enum err_code code = ERR_OK;

	session->news = false;
	session->scan++;
	session->found_count = session->found_next = 0;
	session->scan_ms = feed_clock_ms() + (int64_t)session->settings->interval_s * MS_PER_S;
	if (is_gone(session))
		code = err_set(err, ERR_IO, "the folder %.150s is not there any more", session->settings->path);
	else
		code = open_and_look(session, err);
	if (code) {
		session->found_count = 0;
		folder_close(session);
	}
	return code;
}
