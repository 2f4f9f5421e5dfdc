/* The copier's thread: when it looks at which subscriptions. */
#include "api/source_copies_int.h"

#include <stdlib.h>
#include <time.h>

#define ROUND_BYTES_MAX ((size_t)256 << 20)
#define ROUND_BYTES ((size_t)8 << 20) /* of what is planned: beyond it the round is carried out */
#define NAMES_BYTES_MAX ((size_t)16 << 20)
#define IDS_AT_ONCE 64u
#define LOOK_S 300 /* between two looks at everything */
#define RETRY_S_MIN 1 /* after a failure, doubled each time */
#define RETRY_S_MAX 60

static time_t steady_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool is_stopping(struct source_copier *copier)
{
	(void)pthread_mutex_lock(&copier->lock);
	bool stopping = copier->stopping;

	(void)pthread_mutex_unlock(&copier->lock);
	return stopping;
}

/* ---- looking ---- */

static void complain(struct source_copier *copier, const struct error *err)
{
	copier->failed = true;
	if (copier->options.complain && !is_stopping(copier))
		copier->options.complain(copier->options.complain_self, copier->tenant, err);
}

static void finish_round(struct source_copier *copier)
{
	struct error err;

	if (copies_round(copier, &err) != ERR_OK)
		complain(copier, &err);
}

static bool is_planned(const struct source_copier *copier, struct str subscription)
{
	for (size_t i = 0; i < copier->task_count; i++)
		if (str_eq(copier->tasks[i]->copy.subscription, subscription))
			return true;
	return false;
}

/* What is planned of it is carried out before it is looked at again: nothing is asked for twice. */
static void look_at(struct source_copier *copier, struct str subscription)
{
	struct error err;

	if (is_planned(copier, subscription))
		finish_round(copier);
	if (copies_plan(copier, subscription, &err) != ERR_OK)
		complain(copier, &err);
	if (copier->task_count > COPY_TASKS_MAX / 2 || copier->arena.bytes > ROUND_BYTES)
		finish_round(copier);
}

/* Of all subscriptions, or of those that have copies. */
static void look_at_some(struct source_copier *copier, bool with_copies)
{
	struct str after = STR_NONE, ids[IDS_AT_ONCE];
	struct arena arena;
	size_t count = 1;
	struct error err;

	arena_init(&arena, NAMES_BYTES_MAX);
	while (count > 0 && !is_stopping(copier)) {
		char *last = NULL;

		if (broker_source_subscriptions(copier->reader, copier->tenant, with_copies, &after, &arena, ids,
						IDS_AT_ONCE, &count, &err) != ERR_OK) {
			complain(copier, &err);
			break;
		}
		for (size_t i = 0; i < count; i++)
			look_at(copier, ids[i]);
		last = count ? str_to_c(after) : NULL;
		arena_clear(&arena);
		after = last ? arena_dup(&arena, str_from(last)) : STR_NONE;
		free(last);
		if (!after.at)
			break;
	}
	arena_done(&arena);
}

static void look_at_tenant(struct source_copier *copier)
{
	look_at_some(copier, true);
	if (broker_has_registrations(copier->options.broker, copier->tenant))
		look_at_some(copier, false);
	finish_round(copier);
}

/* What changed since: each may bring others, which are taken then. */
static void look_at_stale(struct source_copier *copier)
{
	struct str tenant, subscription;

	copier->tenant = STR_NONE;
	while (broker_take_stale_copies(copier->options.broker, &copier->names, &tenant, &subscription) &&
	       !is_stopping(copier)) {
		if (!tenant.at)
			continue; /* no memory for its name: the next look at everything finds it */
		if (!str_eq(tenant, copier->tenant))
			finish_round(copier);
		copier->tenant = tenant;
		if (subscription.at)
			look_at(copier, subscription);
		else
			look_at_tenant(copier);
	}
	finish_round(copier);
	copier->tenant = STR_NONE;
	arena_clear(&copier->names);
}

struct tenant_names {
	struct arena *arena;
	struct str at[BROKER_TENANTS_MAX + 1];
	size_t count;
};

static void note_tenant(void *self, struct str name, struct store *store)
{
	struct tenant_names *names = self;

	(void)store;
	if (names->count <= BROKER_TENANTS_MAX)
		names->at[names->count++] = arena_dup(names->arena, name);
}

static void look_at_everything(struct source_copier *copier)
{
	struct tenant_names names = {.arena = &copier->names};

	broker_each_tenant(copier->options.broker, note_tenant, &names);
	for (size_t i = 0; i < names.count && !is_stopping(copier); i++) {
		copier->tenant = names.at[i];
		if (names.at[i].at)
			look_at_tenant(copier);
	}
	copier->tenant = STR_NONE;
	arena_clear(&copier->names);
}

/* ---- the thread ---- */

/* False: the end has come. *ret_due: it is time to look at everything. */
static bool wait_for_work(struct source_copier *copier, time_t until_s, bool *ret_due)
{
	const struct timespec until = {.tv_sec = until_s};

	(void)pthread_mutex_lock(&copier->lock);
	while (!copier->stopping && !copier->woken && steady_s() < until_s)
		(void)pthread_cond_timedwait(&copier->changed, &copier->lock, &until);
	copier->woken = false;
	bool stopping = copier->stopping;

	(void)pthread_mutex_unlock(&copier->lock);
	*ret_due = steady_s() >= until_s;
	return !stopping;
}

static void *copier_main(void *self)
{
	struct source_copier *copier = self;
	time_t look_s = 0, retry_s = RETRY_S_MIN;
	bool due;

	while (wait_for_work(copier, look_s, &due)) {
		copier->failed = false;
		if (due)
			look_at_everything(copier);
		look_at_stale(copier);
		if (copier->failed) {
			time_t next_s = steady_s() + retry_s;

			if (due || next_s < look_s)
				look_s = next_s;
			retry_s = retry_s * 2 < RETRY_S_MAX ? retry_s * 2 : RETRY_S_MAX;
		} else if (due) {
			look_s = steady_s() + LOOK_S;
			retry_s = RETRY_S_MIN;
		}
	}
	return NULL;
}

static void wake(void *self)
{
	struct source_copier *copier = self;

	(void)pthread_mutex_lock(&copier->lock);
	copier->woken = true;
	(void)pthread_cond_broadcast(&copier->changed);
	(void)pthread_mutex_unlock(&copier->lock);
}

/* ---- beginning and end ---- */

static void release(struct source_copier *copier)
{
	arena_done(&copier->arena);
	arena_done(&copier->names);
	(void)broker_reader_free(copier->reader);
	(void)pthread_cond_destroy(&copier->changed);
	(void)pthread_mutex_destroy(&copier->lock);
	free(copier);
}

enum err_code source_copier_new(const struct source_copier_options *options, struct source_copier **ret,
				struct error *err)
{
	struct source_copier *copier = calloc(1, sizeof(*copier));
	pthread_condattr_t steady;

	if (!copier)
		return err_set(err, ERR_MEMORY, "no memory for subscriptions at other sources");
	copier->options = *options;
	arena_init(&copier->arena, ROUND_BYTES_MAX);
	arena_init(&copier->names, NAMES_BYTES_MAX);
	(void)pthread_mutex_init(&copier->lock, NULL);
	(void)pthread_condattr_init(&steady);
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&copier->changed, &steady);
	(void)pthread_condattr_destroy(&steady);
	enum err_code code = broker_reader_new(options->broker, &copier->reader, err);
	broker_on_stale_copies(options->broker, wake, copier);
	int refused = code ? 0 : pthread_create(&copier->thread, NULL, copier_main, copier);

	if (refused)
		code = err_set(err, ERR_IO, "cannot start the thread of subscriptions at other sources: %s",
			       strerrordesc_np(refused));
	if (code != ERR_OK) {
		broker_on_stale_copies(options->broker, NULL, NULL);
		release(copier);
		return code;
	}
	(void)pthread_setname_np(copier->thread, "copier");
	*ret = copier;
	return ERR_OK;
}

void source_copier_stop(struct source_copier *copier)
{
	if (!copier)
		return;
	broker_on_stale_copies(copier->options.broker, NULL, NULL);
	(void)pthread_mutex_lock(&copier->lock);
	copier->stopping = true;
	(void)pthread_cond_broadcast(&copier->changed);
	(void)pthread_mutex_unlock(&copier->lock);
}

struct source_copier *source_copier_free(struct source_copier *copier)
{
	if (!copier)
		return NULL;
	source_copier_stop(copier);
	(void)pthread_join(copier->thread, NULL);
	release(copier);
	return NULL;
}
