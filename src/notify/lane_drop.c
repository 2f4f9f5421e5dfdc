/* Lanes of an outbox that goes, with a snapshot that is deleted: taken out of wherever they stand. */
#include "notify/notify_int.h"

static void take_out_of_list(struct lane **first, struct lane_queue *queue, const struct outbox *outbox)
{
	struct lane *last = NULL;

	while (*first) {
		struct lane *lane = *first;

		if (lane->outbox != outbox) {
			last = lane;
			first = &lane->next;
			continue;
		}
		if (lane->place == LANE_PAUSED)
			(void)atomic_fetch_sub(&outbox->notifier->lanes_waiting, 1);
		lane->place = LANE_NOWHERE;
		*first = lane->next;
	}
	if (queue)
		queue->last = last;
}

static void take_out_of_idle(struct notifier *notifier, const struct outbox *outbox)
{
	struct lane **at = &notifier->idle;

	while (*at) {
		if ((*at)->outbox == outbox)
			*at = (*at)->next_idle;
		else
			at = &(*at)->next_idle;
	}
}

static bool is_sending(const struct outbox *outbox)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(&outbox->lanes, &at, &key, &value))
		if (((const struct lane *)value)->sending > 0)
			return true;
	return false;
}

bool lanes_drop(struct outbox *outbox)
{
	struct notifier *notifier = outbox->notifier;
	struct str key;
	void *value;
	size_t at = 0;

	if (is_sending(outbox))
		return false;
	take_out_of_list(&notifier->ready.first, &notifier->ready, outbox);
	take_out_of_list(&notifier->paused, NULL, outbox);
	take_out_of_idle(notifier, outbox);
	while (map_each(&notifier->endpoints, &at, &key, &value)) {
		struct endpoint *endpoint = value;

		take_out_of_list(&endpoint->queue.first, &endpoint->queue, outbox);
	}
	/* Removing changes the map: from the start again. */
	for (at = 0; map_each(&outbox->lanes, &at, &key, &value); at = 0)
		lane_free(value);
	return true;
}
