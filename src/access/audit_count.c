/* What programs do by their tokens, many times a second, is counted: a row of the audit log for each account, way,
 * address, tenant, action and status of a minute. */
#include "access/access_int.h"

#include <string.h>

#define TEXT_BYTES_MAX 65u /* of a name, "token:" and a number, an address */

struct access_count {
	int64_t minute;
	int status;
	uint64_t count;
	char account[TEXT_BYTES_MAX], by[TEXT_BYTES_MAX], peer[TEXT_BYTES_MAX], tenant[TEXT_BYTES_MAX];
	char action[TEXT_BYTES_MAX];
};

struct access_count *counts_new(void)
{
	return calloc(ACCESS_COUNTS_MAX, sizeof(struct access_count));
}

static void copy(struct str text, char to[TEXT_BYTES_MAX])
{
	size_t len = text.len < TEXT_BYTES_MAX ? text.len : TEXT_BYTES_MAX - 1;

	memcpy(to, text.at ? text.at : "", len);
	to[len] = '\0';
}

static bool is_same(const struct access_count *count, const struct access_event *event, int64_t minute)
{
	return count->minute == minute && count->status == event->status &&
	       str_eq(str_from(count->account), event->account) && str_eq(str_from(count->by), event->by) &&
	       str_eq(str_from(count->peer), event->peer) && str_eq(str_from(count->tenant), event->tenant) &&
	       str_eq(str_from(count->action), event->action);
}

/* NULL: there is no place left. The latest first: most requests are like the one before. */
static struct access_count *count_of(struct access_audit_log *log, const struct access_event *event, int64_t minute)
{
	for (uint32_t i = log->count_count; i-- > 0;)
		if (is_same(&log->counts[i], event, minute))
			return &log->counts[i];
	if (log->count_count == ACCESS_COUNTS_MAX)
		return NULL;
	struct access_count *count = &log->counts[log->count_count++];

	*count = (struct access_count){.minute = minute, .status = event->status};
	copy(event->account, count->account);
	copy(event->by, count->by);
	copy(event->peer, count->peer);
	copy(event->tenant, count->tenant);
	copy(event->action, count->action);
	return count;
}

void access_audit_count(struct access *access, const struct access_event *event)
{
	int64_t minute = access_now_us(access) / (60 * US_PER_S);
	struct access_audit_log *log = &access->audit;

	(void)pthread_mutex_lock(&log->lock);
	struct access_count *count = count_of(log, event, minute);

	if (count)
		count->count += event->count;
	else
		log->lost += event->count;
	(void)pthread_mutex_unlock(&log->lock);
}

bool counts_are_due(struct access *access)
{
	const struct access_audit_log *log = &access->audit;
	int64_t minute = access_now_us(access) / (60 * US_PER_S);

	if (log->lost || log->count_count >= ACCESS_COUNTS_MAX / 2)
		return true;
	for (uint32_t i = 0; i < log->count_count; i++)
		if (log->counts[i].minute != minute)
			return true;
	return false;
}

static enum err_code write_one(struct access *access, const struct access_count *count, struct error *err)
{
	const struct access_event event = {.at_us = count->minute * 60 * US_PER_S,
					   .account = str_from(count->account),
					   .by = str_from(count->by),
					   .peer = str_from(count->peer),
					   .tenant = str_from(count->tenant),
					   .action = str_from(count->action),
					   .status = count->status,
					   .count = count->count};

	return audit_insert(access, &event, NULL, err);
}

static enum err_code write_lost(struct access *access, uint64_t lost, struct error *err)
{
	const struct access_event event = {.at_us = access_now_us(access),
					   .account = STR("(several)"),
					   .by = STR("(several)"),
					   .action = STR("(several)"),
					   .count = lost};

	return lost ? audit_insert(access, &event, NULL, err) : ERR_OK;
}

/* Puts back what could not be written. */
static void put_back(struct access_audit_log *log, const struct access_count *counts, uint32_t count, uint64_t lost)
{
	(void)pthread_mutex_lock(&log->lock);
	log->lost += lost;
	for (uint32_t i = 0; i < count; i++) {
		if (log->count_count < ACCESS_COUNTS_MAX)
			log->counts[log->count_count++] = counts[i];
		else
			log->lost += counts[i].count;
	}
	(void)pthread_mutex_unlock(&log->lock);
}

enum err_code counts_write(struct access *access, bool all, struct error *err)
{
	int64_t minute = access_now_us(access) / (60 * US_PER_S);
	struct access_audit_log *log = &access->audit;
	CLEANUP_MEMORY struct access_count *due = calloc(ACCESS_COUNTS_MAX, sizeof(*due));
	uint32_t count = 0, kept = 0;
	enum err_code code = ERR_OK;

	if (!due)
		return err_set(err, ERR_MEMORY, "no memory for the audit log");
	(void)pthread_mutex_lock(&log->lock);
	bool full = log->count_count >= ACCESS_COUNTS_MAX / 2;
	uint64_t lost = log->lost;

	log->lost = 0;
	for (uint32_t i = 0; i < log->count_count; i++) {
		if (all || full || log->counts[i].minute != minute)
			due[count++] = log->counts[i];
		else
			log->counts[kept++] = log->counts[i];
	}
	log->count_count = kept;
	(void)pthread_mutex_unlock(&log->lock);
	for (uint32_t i = 0; i < count && !code; i++)
		code = write_one(access, &due[i], err);
	if (!code)
		code = write_lost(access, lost, err);
	if (code)
		put_back(log, due, count, lost);
	return code;
}
