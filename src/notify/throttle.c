/* Subscriptions with throttling: what came too soon waits in the outbox, and is told as one when its time has come
 * (5.2.12, 5.8.6), so that a receiver hears of all that changed, however many entities, once in each period.
 *
 * The one notification takes the place of the first in the outbox, under a new id, before it is sent; so what a
 * receiver gets under one id is always the same. What may have been sent already goes as it is. */
#include "notify/notify_int.h"

#include <stdlib.h>

#define JOINED_MAX 1000u /* notifications in one; the rest waits for the next period */
#define JOINED_BYTES_MAX ((size_t)4 << 20)

/* How many of these, from the first one on, are due and were not tried. */
static size_t count_due(const struct store_owed_list *list, int64_t clock_us)
{
	size_t count = 0;

	while (count < list->count && list->at[count].tries == 0 && list->at[count].due_us <= clock_us)
		count++;
	return count;
}

/* *count: how many it is to join, and then how many it does. */
static enum err_code write_joined(struct notifier *notifier, const struct store_owed_list *list, size_t *count,
				  struct buf *out, struct error *err)
{
	struct str *bodies = arena_array(&notifier->arena, struct str, *count);
	char id[BROKER_NOTIFICATION_ID_BYTES];
	enum err_code code = bodies ? broker_notification_id(id, err)
				    : err_set(err, ERR_MEMORY, "no memory to join %zu notifications", *count);

	for (size_t i = 0; code == ERR_OK && i < *count; i++)
		bodies[i] = list->at[i].body;
	if (code == ERR_OK)
		code = notification_join(out, &notifier->arena, notifier->parser, bodies, count, str_from(id),
					 notify_now_us(), err);
	return code;
}

/* False, with ERR_OK: the first goes alone, because the next is told for another reason. */
static bool join(struct lane *lane, const struct store_owed_list *list, size_t count, struct error *err)
{
	struct outbox *outbox = lane->outbox;
	struct outcome outcome = {.kind = OUTCOME_JOINED, .number = list->at[0].number};
	struct buf out;

	buf_init(&out, STORE_OWED_BODY_BYTES_MAX);
	if (write_joined(outbox->notifier, list, &count, &out, err) == ERR_OK && count > 1)
		outcome.body = buf_take(&out, &outcome.body_bytes);
	buf_done(&out);
	if (!outcome.body)
		return false;
	if (!outcome_add(outbox, &outcome)) {
		free(outcome.body);
		return false;
	}
	/* In the same write, or the next: what is told twice says the same as the last. */
	for (size_t i = 1; i < count; i++)
		(void)outcome_add(outbox, &(struct outcome){.kind = OUTCOME_DONE, .number = list->at[i].number});
	return true;
}

bool lane_join(struct lane *lane)
{
	struct outbox *outbox = lane->outbox;
	struct notifier *notifier = outbox->notifier;
	struct store_owed_list list = {.count = 0};
	struct error err = {.code = ERR_OK};

	arena_clear(&notifier->arena);
	enum err_code code = store_owed_read(outbox->reader, lane->subscription, lane->first->number - 1, JOINED_MAX,
					     JOINED_BYTES_MAX, &notifier->arena, &list, &err);
	size_t count = code == ERR_OK ? count_due(&list, notify_now_us()) : 0;

	if (code == ERR_OK && (count < 2 || list.at[0].number != lane->first->number))
		return false;
	if (code == ERR_OK && join(lane, &list, count, &err))
		return true;
	if (err.code != ERR_OK)
		notify_complain(notifier, str_from(outbox->tenant), &err);
	return false; /* they go one by one */
}
