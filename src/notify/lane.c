/* Lanes: what one subscription is owed, read ahead a little, sent in the order of each entity's changes. */
#include "notify/notify_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_IN_PAUSE 4u /* messages of a lane that waits; the others are read again */
#define PAUSED_LOOK_US 50000 /* how often lanes that wait are looked at */
#define HELD_US (10 * US_PER_S) /* how often it is looked whether a subscription is still paused */
#define FLUSH_LOOK_US 10000 /* how often it is looked whether what was delivered has left the outbox */
#define JITTER_PART 4u /* of a while before the next try, more or less */

/* ---- lanes ---- */

static struct str key_of(const struct lane *lane)
{
	return (struct str){(const char *)&lane->subscription, sizeof(lane->subscription)};
}

static void put_last(struct lane_queue *queue, struct lane *lane, enum lane_place place)
{
	lane->place = place;
	lane->next = NULL;
	if (queue->first)
		queue->last->next = lane;
	else
		queue->first = lane;
	queue->last = lane;
}

static void make_ready(struct lane *lane)
{
	struct notifier *notifier = lane->outbox->notifier;

	if (lane->place == LANE_READY || lane->place == LANE_QUEUED)
		return;
	if (lane->place == LANE_PAUSED) {
		/* Found there by the next look, which takes it out. */
		lane->pause_us = 0;
		notifier->paused_us = 0;
		return;
	}
	put_last(&notifier->ready, lane, LANE_READY);
}

/* One may send: the first that waits has its turn. */
static void let_one_in(struct endpoint *endpoint)
{
	struct lane *lane = endpoint->queue.first;

	if (!lane)
		return;
	endpoint->queue.first = lane->next;
	lane->place = LANE_NOWHERE;
	make_ready(lane);
}

static void make_pause(struct lane *lane, int64_t until_us)
{
	struct notifier *notifier = lane->outbox->notifier;

	lane->pause_us = until_us;
	if (lane->place != LANE_NOWHERE)
		return;
	lane->place = LANE_PAUSED;
	lane->next = notifier->paused;
	notifier->paused = lane;
	if (until_us < notifier->paused_us)
		notifier->paused_us = until_us;
	(void)atomic_fetch_add(&notifier->lanes_waiting, 1);
}

static void let_go_of_target(struct lane *lane)
{
	broker_target_release(lane->target);
	lane->target = NULL;
	if (lane->endpoint)
		endpoint_release(lane->outbox->notifier, lane->endpoint);
	lane->endpoint = NULL;
	free(lane->url);
	lane->url = NULL;
}

void lane_free(struct lane *lane)
{
	while (lane->first)
		message_take_out(lane, lane->first);
	let_go_of_target(lane);
	(void)map_remove(&lane->outbox->lanes, key_of(lane));
	(void)atomic_fetch_sub(&lane->outbox->notifier->lane_count, 1);
	free(lane);
}

static struct lane *lane_new(struct outbox *outbox, int64_t subscription)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->outbox = outbox;
	lane->subscription = subscription;
	if (!map_set(&outbox->lanes, key_of(lane), lane)) {
		free(lane);
		return NULL;
	}
	(void)atomic_fetch_add(&outbox->notifier->lane_count, 1);
	return lane;
}

/* Throttling holds whatever happens; what followed a failure need not be waited out, but for the breaker. */
static bool may_hurry(const struct lane *lane)
{
	return lane->fails > 0 || !lane->target || !broker_target_throttling_us(lane->target);
}

static struct lane *lane_of(struct outbox *outbox, int64_t subscription)
{
	return map_get(&outbox->lanes, (struct str){(const char *)&subscription, sizeof(subscription)});
}

void lane_wake(struct outbox *outbox, int64_t subscription, enum lane_wake why, int64_t first)
{
	struct lane *lane = lane_of(outbox, subscription);

	if (!lane) {
		lane = lane_new(outbox, subscription);
		if (!lane)
			return; /* found by the next look at the outbox */
		lane->resumed = true;
	}
	lane->more = true;
	/* Another process has replayed it. Or it was delivered and is about to leave the outbox: no harm is done. */
	if (why == WAKE_AGAIN || (why == WAKE_FOUND && first < (lane->first ? lane->first->number : lane->after + 1)))
		lane->again = true;
	if (why == WAKE_AGAIN && may_hurry(lane)) {
		lane->pause_us = 0;
		make_ready(lane);
	} else if (lane->place == LANE_NOWHERE) {
		make_ready(lane);
	}
}

void lane_read_anew(struct outbox *outbox, int64_t subscription)
{
	struct lane *lane = lane_of(outbox, subscription);

	if (!lane)
		return;
	lane->again = true;
	lane->flush_needed = outbox->flushes + 1;
}

void lanes_free(struct notifier *notifier)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next) {
		struct str key;
		void *value;
		size_t at = 0;

		/* Removing changes the map: from the start again. */
		while (map_each(&outbox->lanes, &at, &key, &value)) {
			lane_free(value);
			at = 0;
		}
	}
}

/* ---- who it goes to ---- */

/* False: there is nothing to send to; the lane waits, or has nothing any more. */
static bool find_target(struct lane *lane, int64_t now_us)
{
	struct outbox *outbox = lane->outbox;
	struct notifier *notifier = outbox->notifier;

	/* What was updated meanwhile counts, as soon as nothing is under way to where it was. */
	if (lane->target && lane->sending == 0 &&
	    (broker_target_is_stale(lane->target) ||
	     broker_target_status(lane->target, notify_now_us()) != SUBSCRIPTION_ACTIVE))
		let_go_of_target(lane);
	if (lane->target)
		return true;
	struct error err;
	enum err_code code = broker_target_get(notifier->options.broker, str_from(outbox->tenant), lane->subscription,
					       notifier->parser, &lane->target, &err);

	if (code != ERR_OK && code != ERR_NOT_FOUND) {
		notify_complain(notifier, str_from(outbox->tenant), &err);
		make_pause(lane, now_us + US_PER_S);
		return false;
	}
	enum subscription_status status =
		lane->target ? broker_target_status(lane->target, notify_now_us()) : SUBSCRIPTION_EXPIRED;

	if (!lane->target &&
	    broker_subscription_is_unusable(notifier->options.broker, str_from(outbox->tenant), lane->subscription))
		status = SUBSCRIPTION_PAUSED;
	if (status == SUBSCRIPTION_EXPIRED) {
		(void)outcome_add(outbox, &(struct outcome){.kind = lane->target ? OUTCOME_EXPIRED : OUTCOME_GONE,
							    .number = lane->subscription});
		while (lane->first)
			message_take_out(lane, lane->first);
		lane->more = false;
		return false;
	}
	if (status == SUBSCRIPTION_PAUSED) {
		make_pause(lane, now_us + HELD_US);
		return false;
	}
	struct str uri = broker_target_endpoint(lane->target)->uri;

	lane->url = str_to_c(uri);
	lane->endpoint = endpoint_of(notifier, uri);
	if (lane->url && lane->endpoint)
		return true;
	let_go_of_target(lane);
	make_pause(lane, now_us + US_PER_S);
	return false;
}

/* ---- reading ahead ---- */

/* Returns false when the lane has to wait: nothing of what is owed is due. */
static bool take_owed(struct lane *lane, const struct store_owed *owed, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;
	int64_t clock_us = notify_now_us();

	if (owed->due_us > clock_us) {
		lane->more = true;
		lane->due_us = now_us + (owed->due_us - clock_us);
		return false;
	}
	if (clock_us - owed->made_us > (int64_t)notifier->options.age_max_s * US_PER_S) {
		(void)outcome_add(lane->outbox, &(struct outcome){.kind = OUTCOME_BURIED,
								  .number = owed->number,
								  .why = "it could not be delivered in its time"});
		lane->flush_needed = lane->outbox->flushes + 1;
	} else {
		struct message *message = message_new(lane, owed);

		if (!message) {
			lane->more = true;
			lane->due_us = now_us + US_PER_S;
			return false;
		}
		message_append(lane, message);
	}
	lane->after = owed->number;
	return true;
}

static void read_ahead(struct lane *lane, int64_t now_us)
{
	struct outbox *outbox = lane->outbox;
	struct notifier *notifier = outbox->notifier;
	struct store_owed_list list = {.count = 0};
	struct error err;

	arena_clear(&notifier->arena);
	lane->due_us = 0;
	enum err_code code = store_owed_read(outbox->reader, lane->subscription, lane->after, LANE_MESSAGES_MAX,
					     LANE_BYTES_MAX, &notifier->arena, &list, &err);

	if (code != ERR_OK) {
		notify_complain(notifier, str_from(outbox->tenant), &err);
		lane->due_us = now_us + US_PER_S;
		return;
	}
	lane->more = list.count > 0; /* an empty look says that there is no more */
	for (size_t i = 0; i < list.count; i++)
		if (!take_owed(lane, &list.at[i], now_us))
			return;
}

/* A lane that has more to read finds this one by itself; one that has not takes it as it is, and spares a read. */
void lane_take(struct outbox *outbox, const struct store_owed *owed, int64_t now_us)
{
	struct notifier *notifier = outbox->notifier;
	struct lane *lane = lane_of(outbox, owed->subscription);

	if (!lane)
		lane = lane_new(outbox, owed->subscription);
	if (!lane) {
		outbox->looked = false; /* so that the next look finds it */
		return;
	}
	if (lane->more || owed->number <= lane->after)
		return;
	if (lane->again || lane->count >= LANE_MESSAGES_MAX || lane->place == LANE_PAUSED ||
	    atomic_load(&notifier->waiting) >= WAITING_MAX)
		lane->more = true;
	else
		(void)take_owed(lane, owed, now_us);
	if (lane->place == LANE_NOWHERE)
		make_ready(lane);
}

/* Of a lane that waits only a few messages stay in memory. What has been delivered must have left the outbox first, or
 * it would be read again. */
static void trim(struct lane *lane)
{
	struct message *keep = lane->first;

	if (lane->count <= KEPT_IN_PAUSE || lane->sending > 0 || lane->outbox->flushed < lane->flush_needed)
		return;
	for (unsigned i = 1; i < KEPT_IN_PAUSE; i++)
		keep = keep->next;
	while (keep->next)
		message_take_out(lane, keep->next);
	lane->after = keep->number;
	lane->more = true;
}

/* What was replayed has lower numbers than what has been read: all is read anew once nothing is under way and what was
 * delivered has left the outbox, or it would be sent again. False: not yet. */
static bool begin_again(struct lane *lane)
{
	for (struct message *message = lane->first, *next; message; message = next) {
		next = message->next;
		if (!message->sending)
			message_take_out(lane, message);
	}
	if (lane->sending > 0 || lane->outbox->flushed < lane->flush_needed)
		return false;
	lane->again = false;
	lane->more = true;
	lane->after = 0;
	return true;
}

/* ---- sending ---- */

static int64_t backoff_us(struct notifier *notifier, const struct lane *lane)
{
	const struct notifier_options *options = &notifier->options;
	uint64_t ms = options->retry_first_ms;
	uint32_t cooldown_ms = broker_target_endpoint(lane->target)->cooldown_ms;

	for (uint32_t i = 1; i < lane->fails && ms < options->retry_max_ms; i++)
		ms *= 2;
	ms = ms < options->retry_max_ms ? ms : options->retry_max_ms;
	notifier->random = notifier->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	uint64_t spread = ms / JITTER_PART;

	ms = ms - spread + (notifier->random >> 33) % (2 * spread + 1);
	return (int64_t)(ms > cooldown_ms ? ms : cooldown_ms) * 1000;
}

static void bury(struct lane *lane, struct message *message, const char *why)
{
	(void)outcome_add(lane->outbox, &(struct outcome){.kind = OUTCOME_BURIED,
							  .number = message->number,
							  .tries = message->tries,
							  .why = why});
	lane->flush_needed = lane->outbox->flushes + 1;
	message_take_out(lane, message);
}

/* False: none of the lane's messages may go now. */
static bool send_one(struct lane *lane, struct message *message)
{
	struct notifier *notifier = lane->outbox->notifier;
	struct error err;

	message->sending = true;
	lane->sending++;
	lane->endpoint->sending++;
	notifier->sending++;
	if (message_send(message, &err)) {
		(void)atomic_fetch_add(&notifier->sent, 1);
		return true;
	}
	lane->sending--;
	lane->endpoint->sending--;
	notifier->sending--;
	endpoint_answered(notifier, lane->endpoint, true, notify_steady_us());
	broker_target_sent(lane->target, false, notify_now_us());
	(void)atomic_fetch_add(&notifier->failed, 1);
	bury(lane, message, "its endpoint cannot be sent to");
	return false;
}

static void send_some(struct lane *lane, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;
	struct endpoint *endpoint = lane->endpoint;
	uint32_t at_once = broker_target_throttling_us(lane->target) ? 1 : LANE_SENDING_MAX;
	assert(endpoint); /* find_target() */
	uint64_t met = 0; /* entities of messages before, by a part of their hashes */
	int64_t again_us;

	for (struct message *message = lane->first, *next; message; message = next) {
		uint64_t bit = UINT64_C(1) << (message->entity >> 1 & 63);
		bool waits = message->entity ? met & bit : message != lane->first;

		next = message->next;
		if (lane->sending >= at_once || notifier->sending >= SENDING_MAX || (!message->entity && waits))
			return;
		met |= message->entity ? bit : UINT64_MAX;
		if (message->sending || waits)
			continue;
		if (endpoint->sending >= ENDPOINT_SENDING_MAX) {
			put_last(&endpoint->queue, lane, LANE_QUEUED); /* until fewer are sending to it */
			return;
		}
		if (!endpoint_may_send(endpoint, now_us, &again_us)) {
			if (lane->sending == 0)
				make_pause(lane, again_us);
			return;
		}
		(void)send_one(lane, message);
	}
}

/* A lane that went before what it delivered has left the outbox would be followed by one that delivers it again. */
static void make_idle(struct lane *lane)
{
	struct notifier *notifier = lane->outbox->notifier;

	if (lane->idle)
		return;
	lane->idle = true;
	lane->next_idle = notifier->idle;
	notifier->idle = lane;
}

static bool has_nothing(const struct lane *lane)
{
	return lane->place == LANE_NOWHERE && !lane->first && !lane->more && lane->sending == 0;
}

static void free_idle(struct notifier *notifier)
{
	struct lane *lane = notifier->idle;

	notifier->idle = NULL;
	while (lane) {
		struct lane *next = lane->next_idle;

		lane->idle = false;
		if (has_nothing(lane) && lane->outbox->flushed >= lane->flush_needed)
			lane_free(lane);
		else if (has_nothing(lane))
			make_idle(lane);
		lane = next;
	}
}

/* Where the lane belongs after it was looked at. */
static void settle(struct lane *lane, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;

	if (lane->place != LANE_NOWHERE || lane->sending > 0)
		return; /* an answer will bring it back */
	if (lane->first && notifier->sending >= SENDING_MAX)
		make_pause(lane, now_us + 1000);
	else if (lane->first || (lane->more && lane->due_us == 0))
		make_ready(lane);
	else if (lane->more)
		make_pause(lane, lane->due_us);
	else
		make_idle(lane);
}

/* Does something wait behind the first, which nobody has got yet? */
static bool may_join(const struct lane *lane)
{
	return broker_target_throttling_us(lane->target) && lane->count > 1 && lane->sending == 0 && !lane->joined &&
	       !lane->resumed && lane->first->tries == 0;
}

static void work(struct lane *lane, int64_t now_us)
{
	if (lane->pause_us > now_us) {
		make_pause(lane, lane->pause_us);
		return;
	}
	if (find_target(lane, now_us)) {
		if (lane->again && !begin_again(lane)) {
			if (lane->sending == 0)
				make_pause(lane, now_us + FLUSH_LOOK_US);
			return; /* or an answer will bring it back */
		}
		if (lane->count < LANE_MESSAGES_MAX / 2 && lane->more)
			read_ahead(lane, now_us);
		if (may_join(lane) && lane_join(lane)) {
			lane->joined = lane->again = true;
			lane->flush_needed = lane->outbox->flushes + 1;
			make_pause(lane, now_us + FLUSH_LOOK_US);
			return;
		}
		send_some(lane, now_us);
	}
	settle(lane, now_us);
}

static void look_at(struct lane *lane, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;
	struct endpoint *endpoint = lane->endpoint;

	if (endpoint)
		endpoint->lanes++; /* work() may let go of it */
	work(lane, now_us);
	/* A lane that was let in and did not send leaves its turn to the next. */
	if (endpoint && endpoint->sending < ENDPOINT_SENDING_MAX)
		let_one_in(endpoint);
	if (endpoint)
		endpoint_release(notifier, endpoint);
}

static void wake_paused(struct notifier *notifier, int64_t now_us)
{
	struct lane *lane = notifier->paused;

	if (now_us < notifier->paused_us)
		return;
	notifier->paused = NULL;
	notifier->paused_us = INT64_MAX;
	while (lane) {
		struct lane *next = lane->next;

		lane->place = LANE_NOWHERE;
		(void)atomic_fetch_sub(&notifier->lanes_waiting, 1);
		trim(lane);
		if (lane->pause_us > now_us)
			make_pause(lane, lane->pause_us);
		else
			make_ready(lane);
		lane = next;
	}
	if (notifier->paused_us < now_us + PAUSED_LOOK_US)
		notifier->paused_us = now_us + PAUSED_LOOK_US;
}

void lanes_run(struct notifier *notifier, int64_t now_us)
{
	wake_paused(notifier, now_us);
	free_idle(notifier);
	struct lane *lane = notifier->ready.first;

	/* Those that get ready meanwhile have their turn the next time. */
	notifier->ready.first = NULL;
	while (lane) {
		struct lane *next = lane->next;

		lane->place = LANE_NOWHERE;
		look_at(lane, now_us);
		lane = next;
	}
	if (notifier->ready.first)
		notifier->wake_us = now_us;
	if (notifier->paused && notifier->paused_us < notifier->wake_us)
		notifier->wake_us = notifier->paused_us;
}

/* ---- answers ---- */

static void delivered(struct lane *lane, struct message *message, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;
	int64_t throttling_us = broker_target_throttling_us(lane->target);

	(void)atomic_fetch_add(&notifier->succeeded, 1);
	lane->fails = 0;
	lane->joined = lane->resumed = false;
	(void)outcome_add(lane->outbox, &(struct outcome){.kind = OUTCOME_DONE, .number = message->number});
	lane->flush_needed = lane->outbox->flushes + 1;
	message_take_out(lane, message);
	if (throttling_us)
		lane->pause_us = now_us + throttling_us;
}

static void failed(struct lane *lane, struct message *message, int64_t now_us)
{
	struct notifier *notifier = lane->outbox->notifier;
	int64_t clock_us = notify_now_us(), wait_us;

	(void)atomic_fetch_add(&notifier->failed, 1);
	/* Those that were sent side by side and fail together have failed once. */
	if (lane->pause_us <= now_us || lane->fails == 0)
		lane->fails++;
	message->tries++;
	wait_us = backoff_us(notifier, lane);
	lane->pause_us = now_us + wait_us;
	if (message->tries >= notifier->options.tries_max) {
		bury(lane, message, "it was tried too often");
	} else if (clock_us - message->made_us > (int64_t)notifier->options.age_max_s * US_PER_S) {
		bury(lane, message, "it could not be delivered in its time");
	} else {
		(void)outcome_add(lane->outbox, &(struct outcome){.kind = OUTCOME_RETRY,
								  .number = message->number,
								  .due_us = clock_us + wait_us,
								  .tries = message->tries});
		lane->flush_needed = lane->outbox->flushes + 1;
	}
}

void lane_answered(struct message *message, bool good, bool answered)
{
	struct lane *lane = message->lane;
	struct notifier *notifier = lane->outbox->notifier;
	int64_t now_us = notify_steady_us();

	message->sending = false;
	lane->sending--;
	lane->endpoint->sending--;
	notifier->sending--;
	free(message->headers);
	free(message->wrapped);
	message->headers = NULL;
	message->wrapped = NULL;
	if (atomic_load(&notifier->ending))
		return; /* it is owed as before */
	broker_target_sent(lane->target, good, notify_now_us());
	endpoint_answered(notifier, lane->endpoint, answered, now_us);
	let_one_in(lane->endpoint);
	if (good)
		delivered(lane, message, now_us);
	else
		failed(lane, message, now_us);
	/* One that waits after a failure does so whatever else is answered meanwhile. */
	if (lane->place != LANE_PAUSED)
		make_ready(lane);
}
