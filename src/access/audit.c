/* The audit log, written by a thread of its own: events wait in a list, all that wait go in one transaction, and
 * whoever waits for one is called when that is on the disk. How events ended, what is counted, when callers were last
 * seen, and what is too old goes with it. */
#include "access/access_int.h"

#include <string.h>
#include <time.h>

#define ROUND_MS 1000 /* how long an end or a count waits at most, when nothing else comes */
#define USES_S 60 /* how often it is written when sessions and tokens were used */
#define OLD_S 3600 /* how often the log is rid of what is too old */
#define OLD_ROWS_MAX "5000" /* at a time */

struct access_waiting {
	struct access_waiting *next;
	int64_t ended_id; /* not 0: this says how that row ended */
	int status;
	struct access_event event; /* its texts are behind this struct */
	void (*done)(void *self, enum err_code code);
	void *self;
	int64_t *ret_id;
	int64_t id;
};

/* ---- events wait ---- */

static char *put(char **room, struct str text)
{
	char *at = *room;

	memcpy(at, text.at ? text.at : "", text.len);
	*room += text.len;
	return at;
}

static struct access_waiting *waiting_new(const struct access_event *event)
{
	const struct str texts[] = {event->account, event->by,     event->peer,      event->tenant,
				    event->action,  event->target, event->request_id};
	struct str *copies[7];
	size_t bytes = 0;

	for (size_t i = 0; i < 7; i++)
		bytes += texts[i].len;
	struct access_waiting *waiting = calloc(1, sizeof(*waiting) + bytes + 1);

	if (!waiting)
		return NULL;
	char *room = (char *)(waiting + 1);

	waiting->event = *event;
	copies[0] = &waiting->event.account;
	copies[1] = &waiting->event.by;
	copies[2] = &waiting->event.peer;
	copies[3] = &waiting->event.tenant;
	copies[4] = &waiting->event.action;
	copies[5] = &waiting->event.target;
	copies[6] = &waiting->event.request_id;
	for (size_t i = 0; i < 7; i++)
		*copies[i] = (struct str){put(&room, texts[i]), texts[i].len};
	return waiting;
}

/* False: too many wait, or the thread stops. */
static bool hand_over(struct access_audit_log *log, struct access_waiting *waiting)
{
	(void)pthread_mutex_lock(&log->lock);
	bool taken = log->count < ACCESS_AUDITS_MAX && !log->stops;

	if (taken) {
		*log->last = waiting;
		log->last = &waiting->next;
		log->count++;
		(void)pthread_cond_signal(&log->news);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return taken;
}

enum err_code access_audit(struct access *access, const struct access_event *event,
			   void (*done)(void *self, enum err_code code), void *self, int64_t *ret_id, struct error *err)
{
	struct access_waiting *waiting = waiting_new(event);

	if (!waiting)
		return err_set(err, ERR_MEMORY, "no memory for the audit log");
	waiting->event.at_us = event->at_us ? event->at_us : access_now_us(access);
	waiting->done = done;
	waiting->self = self;
	waiting->ret_id = ret_id;
	if (hand_over(&access->audit, waiting))
		return ERR_OK;
	free(waiting);
	return err_set(err, ERR_LIMIT, "more than %u changes wait for the audit log", ACCESS_AUDITS_MAX);
}

void access_audit_ended(struct access *access, int64_t id, int status)
{
	struct access_waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return; /* the row stays as of one that is under way */
	waiting->ended_id = id;
	waiting->status = status;
	if (!hand_over(&access->audit, waiting))
		free(waiting);
}

void audit_note(struct access *access, struct str account, struct str peer, const char *action, int status)
{
	const struct access_event event = {.account = account,
					   .by = STR("session"),
					   .peer = peer,
					   .action = str_from(action),
					   .target = account,
					   .status = status,
					   .count = 1};

	if (access_audit(access, &event, NULL, NULL, NULL, NULL))
		access_audit_count(access, &event);
}

/* ---- writing; write.lock is held ---- */

static void bind_known(sqlite3_stmt *statement, int place, struct str text)
{
	bind_text(statement, place, text.at ? text : STR(""));
}

enum err_code audit_insert(struct access *access, const struct access_event *event, int64_t *ret_id, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"INSERT INTO audit(at_us, account, by, peer, tenant, action, target, status,"
					" count, request_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
					&statement, err);

	if (code)
		return code;
	bind_number(statement, 1, event->at_us);
	bind_known(statement, 2, event->account);
	bind_known(statement, 3, event->by);
	bind_known(statement, 4, event->peer);
	bind_known(statement, 5, event->tenant);
	bind_known(statement, 6, event->action);
	bind_known(statement, 7, event->target);
	bind_number(statement, 8, event->status);
	bind_number(statement, 9, (int64_t)event->count);
	bind_known(statement, 10, event->request_id);
	code = db_run(&access->write, statement, err);
	if (!code && ret_id)
		*ret_id = sqlite3_last_insert_rowid(access->write.handle);
	return code;
}

static enum err_code write_end(struct access *access, const struct access_waiting *waiting, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write, "UPDATE audit SET status=?2 WHERE id=?1", &statement, err);

	if (code)
		return code;
	bind_number(statement, 1, waiting->ended_id);
	bind_number(statement, 2, waiting->status);
	return db_run(&access->write, statement, err);
}

static enum err_code delete_old(struct access *access, struct error *err)
{
	int64_t now_us = access_now_us(access);
	sqlite3_stmt *statement = NULL;
	enum err_code code = db_prepare(&access->write,
					"DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_us<?1"
					" ORDER BY id LIMIT " OLD_ROWS_MAX ")",
					&statement, err);

	if (!code) {
		bind_number(statement, 1, now_us - access->options.audit_keep_s * US_PER_S);
		code = db_run(&access->write, statement, err);
	}
	if (!code)
		code = db_prepare(&access->write, "DELETE FROM sessions WHERE ends_us<?1 OR used_us<?2", &statement,
				  err);
	if (code)
		return code;
	bind_number(statement, 1, now_us);
	bind_number(statement, 2, now_us - access->options.session_idle_s * US_PER_S);
	return db_run(&access->write, statement, err);
}

struct round {
	struct access_waiting *list;
	bool counts, all_counts, uses, old;
};

static enum err_code write_list(struct access *access, struct access_waiting *list, struct error *err)
{
	enum err_code code = ERR_OK;

	for (struct access_waiting *waiting = list; waiting && !code; waiting = waiting->next)
		code = waiting->ended_id ? write_end(access, waiting, err)
					 : audit_insert(access, &waiting->event, &waiting->id, err);
	return code;
}

static enum err_code write_round(struct access *access, const struct round *round, struct error *err)
{
	(void)pthread_mutex_lock(&access->write.lock);
	enum err_code code = db_begin(&access->write, err);

	if (!code) {
		code = write_list(access, round->list, err);
		if (!code && round->counts)
			code = counts_write(access, round->all_counts, err);
		if (!code && round->uses)
			code = callers_write_uses(access, err);
		if (!code && round->old)
			code = delete_old(access, err);
		code = db_end(&access->write, code, err);
	}
	(void)pthread_mutex_unlock(&access->write.lock);
	return code;
}

static void tell(struct access_waiting *list, enum err_code code)
{
	while (list) {
		struct access_waiting *next = list->next;

		if (!code && list->ret_id)
			*list->ret_id = list->id;
		if (list->done)
			list->done(list->self, code);
		free(list);
		list = next;
	}
}

static void complain(struct access *access, enum err_code code, const struct error *err)
{
	bool told = atomic_exchange(&access->complained, code != ERR_OK);

	if (code && !told && access->options.complain)
		access->options.complain(access->options.complain_self, err);
}

/* ---- the thread ---- */

static void wait_for_news(struct access_audit_log *log)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ROUND_MS / 1000;
	while (!log->first && !log->stops)
		if (pthread_cond_timedwait(&log->news, &log->lock, &until) != 0)
			break;
}

static struct access_waiting *take_all(struct access_audit_log *log)
{
	struct access_waiting *list = log->first;

	log->first = NULL;
	log->last = &log->first;
	log->count = 0;
	return list;
}

static bool is_due(int64_t now_us, int64_t *last_us, int64_t every_s)
{
	if (now_us - *last_us < every_s * US_PER_S && now_us >= *last_us)
		return false;
	*last_us = now_us;
	return true;
}

void *audit_thread(void *self)
{
	struct access *access = self;
	struct access_audit_log *log = &access->audit;
	int64_t uses_us = access_now_us(access), old_us = 0;
	bool stops = false;

	while (!stops) {
		struct error err = {0};

		(void)pthread_mutex_lock(&log->lock);
		wait_for_news(log);
		stops = log->stops;
		struct round round = {
			.list = take_all(log), .all_counts = stops, .counts = counts_are_due(access) || stops};

		(void)pthread_mutex_unlock(&log->lock);
		int64_t now_us = access_now_us(access);

		round.uses = (is_due(now_us, &uses_us, USES_S) || stops) && callers_have_uses(access);
		round.old = is_due(now_us, &old_us, OLD_S);
		if (!round.list && !round.counts && !round.uses && !round.old)
			continue;
		enum err_code code = write_round(access, &round, &err);

		complain(access, code, &err);
		tell(round.list, code);
	}
	return NULL;
}
