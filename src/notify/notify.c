/* The notifier's thread: who is owed, what has been delivered, and when to look again. */
#include "notify/notify_int.h"

#include "base/time_value.h"
#include "broker/subscriptions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES_MAX 20u
#define AGE_MAX_S 86400u
#define OWED_MAX 100000u
#define RETRY_FIRST_MS 1000u
#define RETRY_MAX_MS 300000u
/* How often all outboxes are looked at, whatever was told: the longer it takes, the seldomer, within these bounds. */
#define LOOK_SHARE 100
#define LOOK_INTERVAL_US_MIN (5 * US_PER_S)
#define LOOK_INTERVAL_US_MAX (60 * US_PER_S)
#define FIGURES_INTERVAL_US (5 * US_PER_S) /* how often the figures of subscriptions are written */
#define SLEEP_MS_MAX 1000u
#define BURIED_AT_ONCE 256u
#define AGAIN_NUMBERS 64u /* taken from the broker at once */
#define READ_COUNT 256u /* notifications at once, of all lanes */
#define READ_BYTES ((size_t)1 << 20)

int64_t notify_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t notify_steady_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* What fails now fails again at the next look: it is said once. */
void notify_complain(struct notifier *notifier, struct str tenant, const struct error *err)
{
	if (!notifier->options.complain || strcmp(notifier->complaint, err->detail) == 0)
		return;
	memcpy(notifier->complaint, err->detail, sizeof(notifier->complaint));
	notifier->options.complain(notifier->options.complain_self, tenant, err);
}

/* ---- outboxes ---- */

struct outbox *notify_outbox(struct notifier *notifier, struct str tenant, struct store *store)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next)
		if (outbox->store == store)
			return outbox;
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	struct error err;

	if (!outbox)
		return NULL;
	outbox->place = broker_place_hold(notifier->options.broker, tenant);
	if (!outbox->place || store_reader_new(store, &outbox->reader, &err) != ERR_OK) {
		if (outbox->place)
			notify_complain(notifier, tenant, &err);
		broker_place_release(outbox->place);
		free(outbox);
		return NULL;
	}
	outbox->notifier = notifier;
	outbox->store = store;
	memcpy(outbox->tenant, tenant.at ? tenant.at : "", tenant.len);
	(void)pthread_mutex_init(&outbox->lock, NULL);
	(void)pthread_cond_init(&outbox->idle, NULL);
	map_init(&outbox->lanes, (uint64_t)(uintptr_t)outbox);
	outbox->next = notifier->outboxes;
	notifier->outboxes = outbox;
	return outbox;
}

static void outbox_free(struct outbox *outbox)
{
	(void)store_reader_free(outbox->reader);
	map_done(&outbox->lanes);
	free(outbox->outcomes.at);
	(void)pthread_cond_destroy(&outbox->idle);
	(void)pthread_mutex_destroy(&outbox->lock);
	broker_place_release(outbox->place);
	free(outbox);
}

/* What a deleted snapshot owed goes with it, once nothing of it is under way. */
static void drop_gone(struct notifier *notifier)
{
	struct outbox **at = &notifier->outboxes;

	while (*at) {
		struct outbox *outbox = *at;

		if (!broker_place_is_gone(outbox->place) || !lanes_drop(outbox) || !outcomes_drop(outbox)) {
			at = &outbox->next;
			continue;
		}
		*at = outbox->next;
		outbox_free(outbox);
	}
}

/* Beyond so many the oldest become dead letters. */
static void cap(struct outbox *outbox, const struct store_debt *debt)
{
	const struct notifier_options *options = &outbox->notifier->options;
	uint64_t beyond = debt->owed > options->owed_max ? debt->owed - options->owed_max : 0;
	int64_t after = 0;
	struct store_owed_list list;
	struct arena arena;
	struct error err;

	arena_init(&arena, NOTIFY_ARENA_BYTES_MAX);
	while (beyond > 0) {
		uint32_t count = beyond > BURIED_AT_ONCE ? BURIED_AT_ONCE : (uint32_t)beyond;

		arena_clear(&arena);
		if (store_owed_read(outbox->reader, debt->subscription, after, count, (size_t)16 << 20, &arena, &list,
				    &err) != ERR_OK ||
		    list.count == 0)
			break;
		for (size_t i = 0; i < list.count; i++)
			(void)outcome_add(outbox, &(struct outcome){.kind = OUTCOME_BURIED,
								    .number = list.at[i].number,
								    .why = "more are owed than are kept"});
		after = list.at[list.count - 1].number;
		beyond -= list.count;
	}
	arena_done(&arena);
	if (after)
		lane_read_anew(outbox, debt->subscription);
}

/* All that is owed by now gets its lane. */
static void look_at(struct outbox *outbox)
{
	struct notifier *notifier = outbox->notifier;
	struct str tenant = str_from(outbox->tenant);
	struct store_debt *debts;
	size_t count;
	uint64_t dead = 0;
	struct error err;

	arena_clear(&notifier->arena);
	enum err_code code = store_debts(outbox->reader, &notifier->arena, &debts, &count, &err);

	if (code != ERR_OK) {
		notify_complain(notifier, tenant, &err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (debts[i].owed > 0)
			lane_wake(outbox, debts[i].subscription, WAKE_FOUND, debts[i].first);
		if (!outbox->looked && debts[i].last > outbox->after)
			outbox->after = debts[i].last;
		dead += debts[i].dead;
		cap(outbox, &debts[i]);
	}
	outbox->looked = true;
	broker_dead_counted(notifier->options.broker, tenant, dead);
}

static void look(void *self, struct str tenant, struct store *store)
{
	struct outbox *outbox = notify_outbox(self, tenant, store);

	if (outbox)
		look_at(outbox);
}

/* What has come since, of all lanes in one walk. */
static void read_on(struct outbox *outbox)
{
	struct notifier *notifier = outbox->notifier;
	struct store_owed_list list = {.count = 0};
	int64_t now_us = notify_steady_us();
	struct error err;

	arena_clear(&notifier->arena);
	outbox->unread = false;
	enum err_code code = store_owed_read(outbox->reader, 0, outbox->after, READ_COUNT, READ_BYTES, &notifier->arena,
					     &list, &err);

	if (code != ERR_OK) {
		notify_complain(notifier, str_from(outbox->tenant), &err);
		outbox->looked = false; /* found by the next look */
		return;
	}
	for (size_t i = 0; i < list.count; i++)
		lane_take(outbox, &list.at[i], now_us);
	if (list.count > 0)
		outbox->after = list.at[list.count - 1].number;
	outbox->unread = list.count > 0; /* an empty walk says that there is no more */
}

static void wake_replayed(struct outbox *outbox)
{
	struct broker *broker = outbox->notifier->options.broker;
	int64_t again[AGAIN_NUMBERS];
	size_t count = AGAIN_NUMBERS;

	while (count == AGAIN_NUMBERS) {
		count = broker_take_owed_again(broker, str_from(outbox->tenant), again, AGAIN_NUMBERS);
		for (size_t i = 0; i < count; i++)
			lane_wake(outbox, again[i], WAKE_AGAIN, 0);
	}
}

static void take_owed(void *self, struct str tenant, struct store *store)
{
	struct notifier *notifier = self;

	if (!broker_take_owed(notifier->options.broker, tenant))
		return;
	struct outbox *outbox = notify_outbox(notifier, tenant, store);

	if (!outbox)
		return; /* found by the next look */
	if (!outbox->looked)
		look_at(outbox);
	wake_replayed(outbox);
	outbox->unread = true;
}

static void read_all_on(struct notifier *notifier)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next) {
		if (outbox->unread && outbox->looked)
			read_on(outbox);
		if (outbox->unread && outbox->looked)
			notifier->wake_us = 0; /* the rest, once lanes have had their turn */
	}
}

/* ---- the thread ---- */

static void flush_figures(struct notifier *notifier)
{
	struct error err;

	if (broker_subscriptions_flush(notifier->options.broker, &err) != ERR_OK)
		notify_complain(notifier, STR_NONE, &err);
}

/* Every second at least: new ones may have come. */
static void look_at_intervals(struct notifier *notifier, int64_t now_us)
{
	struct error err;

	if (broker_take_untold(notifier->options.broker) || now_us >= notifier->due_us) {
		if (broker_subscriptions_due(notifier->reader, now_us, &notifier->due_us, &err) != ERR_OK)
			notify_complain(notifier, STR_NONE, &err);
		if (notifier->due_us > now_us + US_PER_S)
			notifier->due_us = now_us + US_PER_S;
	}
	if (notifier->due_us < notifier->wake_us)
		notifier->wake_us = notifier->due_us;
}

static uint32_t sleep_ms(const struct notifier *notifier, int64_t now_us)
{
	int64_t left_us = notifier->wake_us - now_us;

	if (left_us <= 0)
		return 0;
	return left_us / 1000 >= SLEEP_MS_MAX ? SLEEP_MS_MAX : (uint32_t)(left_us / 1000 + 1);
}

/* A look began at begin_us and has ended. */
static int64_t next_look_us(int64_t begin_us)
{
	int64_t now_us = notify_steady_us(), wait_us = (now_us - begin_us) * LOOK_SHARE;

	wait_us = wait_us > LOOK_INTERVAL_US_MIN ? wait_us : LOOK_INTERVAL_US_MIN;
	return now_us + (wait_us < LOOK_INTERVAL_US_MAX ? wait_us : LOOK_INTERVAL_US_MAX);
}

static void *notifier_main(void *self)
{
	struct notifier *notifier = self;
	struct broker *broker = notifier->options.broker;
	int64_t look_us = 0, figures_us = notify_steady_us() + FIGURES_INTERVAL_US;

	while (!atomic_load(&notifier->ending)) {
		int64_t now_us = notify_steady_us();

		if (now_us >= look_us) {
			broker_each_place(broker, look, notifier);
			look_us = next_look_us(now_us);
		}
		if (atomic_exchange(&notifier->owed, false))
			broker_each_place(broker, take_owed, notifier);
		if (now_us >= figures_us) {
			flush_figures(notifier);
			figures_us = now_us + FIGURES_INTERVAL_US;
		}
		drop_gone(notifier);
		broker_reader_let_go(notifier->reader);
		notifier->wake_us = look_us < figures_us ? look_us : figures_us;
		look_at_intervals(notifier, now_us);
		read_all_on(notifier);
		lanes_run(notifier, now_us);
		outcomes_flush(notifier, now_us);
		senders_run(notifier, atomic_load(&notifier->owed) ? 0 : sleep_ms(notifier, notify_steady_us()));
	}
	return NULL;
}

static void on_owed(void *self)
{
	struct notifier *notifier = self;

	if (!atomic_exchange(&notifier->owed, true))
		senders_wake(notifier);
}

static void set_defaults(struct notifier_options *options)
{
	options->tries_max = options->tries_max ? options->tries_max : TRIES_MAX;
	options->age_max_s = options->age_max_s ? options->age_max_s : AGE_MAX_S;
	options->owed_max = options->owed_max ? options->owed_max : OWED_MAX;
	options->retry_first_ms = options->retry_first_ms ? options->retry_first_ms : RETRY_FIRST_MS;
	options->retry_max_ms = options->retry_max_ms ? options->retry_max_ms : RETRY_MAX_MS;
}

enum err_code notifier_new(const struct notifier_options *options, struct notifier **ret, struct error *err)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (!notifier)
		return err_set(err, ERR_MEMORY, "no memory for the notifier");
	notifier->options = *options;
	set_defaults(&notifier->options);
	arena_init(&notifier->arena, NOTIFY_ARENA_BYTES_MAX);
	map_init(&notifier->endpoints, (uint64_t)(uintptr_t)notifier);
	notifier->paused_us = INT64_MAX;
	notifier->random = (uint64_t)notify_now_us();
	notifier->parser = json_parser_new();
	enum err_code code = notifier->parser ? broker_reader_new(options->broker, &notifier->reader, err)
					      : err_set(err, ERR_MEMORY, "no memory for the notifier");

	if (code == ERR_OK)
		code = senders_new(notifier, err);

	if (code == ERR_OK) {
		int refused;

		broker_on_owed(options->broker, on_owed, notifier);
		refused = pthread_create(&notifier->thread, NULL, notifier_main, notifier);
		if (refused)
			code = err_set(err, ERR_IO, "cannot start the notifier's thread: %s", strerrordesc_np(refused));
	}
	if (code != ERR_OK) {
		broker_on_owed(options->broker, NULL, NULL);
		senders_free(notifier);
		endpoints_free(notifier);
		(void)broker_reader_free(notifier->reader);
		(void)json_parser_free(notifier->parser);
		arena_done(&notifier->arena);
		free(notifier);
		return code;
	}
	(void)pthread_setname_np(notifier->thread, "notifier");
	*ret = notifier;
	return ERR_OK;
}

struct notifier *notifier_free(struct notifier *notifier)
{
	if (!notifier)
		return NULL;
	atomic_store(&notifier->ending, true);
	senders_wake(notifier);
	(void)pthread_join(notifier->thread, NULL);
	broker_on_owed(notifier->options.broker, NULL, NULL);
	outcomes_wait(notifier); /* a write that ends wakes the senders */
	/* Under way: their done() is called, and finds that it ends. */
	senders_free(notifier);
	outcomes_end(notifier);
	lanes_free(notifier);
	endpoints_free(notifier);
	while (notifier->outboxes) {
		struct outbox *outbox = notifier->outboxes;

		notifier->outboxes = outbox->next;
		outbox_free(outbox);
	}
	(void)broker_reader_free(notifier->reader);
	(void)json_parser_free(notifier->parser);
	arena_done(&notifier->arena);
	free(notifier);
	return NULL;
}

void notifier_stats(struct notifier *notifier, struct notifier_stats *ret)
{
	*ret = (struct notifier_stats){
		.sent = atomic_load(&notifier->sent),
		.succeeded = atomic_load(&notifier->succeeded),
		.failed = atomic_load(&notifier->failed),
		.dead = atomic_load(&notifier->dead),
		.waiting = atomic_load(&notifier->waiting),
		.lanes = atomic_load(&notifier->lane_count),
		.lanes_waiting = atomic_load(&notifier->lanes_waiting),
		.breakers_open = atomic_load(&notifier->breakers_open),
	};
}
