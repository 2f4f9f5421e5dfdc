/* How a source has answered: what clients see of it, and how long it is left alone.
 *
 * A registration that is updated keeps these figures, so they are counted beside it. After a silence nobody asks for
 * the span of the cool-down. Then the first who asks begins the span anew and so goes alone; its answer ends all of it,
 * its silence makes the next span longer. Silences of those who had asked before are the same one. */
#include "broker/registrations_int.h"

#include <stdlib.h>

struct source_figures *source_figures_new(void)
{
	struct source_figures *figures = calloc(1, sizeof(*figures));

	if (!figures)
		return NULL;
	atomic_init(&figures->references, 1);
	(void)pthread_mutex_init(&figures->lock, NULL);
	figures->state.last_success_us = figures->state.last_failure_us = INT64_MIN;
	return figures;
}

struct source_figures *source_figures_ref(struct source_figures *figures)
{
	(void)atomic_fetch_add(&figures->references, 1);
	return figures;
}

struct source_figures *source_figures_unref(struct source_figures *figures)
{
	if (!figures || atomic_fetch_sub(&figures->references, 1) != 1)
		return NULL;
	(void)pthread_mutex_destroy(&figures->lock);
	free(figures);
	return NULL;
}

void source_figures_show(struct source_figures *figures, struct registration_state *state)
{
	(void)pthread_mutex_lock(&figures->lock);
	state->used = figures->state.used;
	state->failed_last = figures->state.failed_last;
	state->times_sent = figures->state.times_sent;
	state->times_failed = figures->state.times_failed;
	state->last_success_us = figures->state.last_success_us;
	state->last_failure_us = figures->state.last_failure_us;
	(void)pthread_mutex_unlock(&figures->lock);
}

/* A clock that was set back leaves nobody alone for longer. */
static bool is_cooling(const struct source_figures *figures, int64_t now_us)
{
	return figures->silences > 0 && now_us >= figures->cooling_from_us &&
	       now_us - figures->cooling_from_us < figures->cooling_us;
}

bool source_figures_begin(struct source_figures *figures, int64_t now_us, int64_t *ret_wait_us)
{
	(void)pthread_mutex_lock(&figures->lock);
	bool cooling = is_cooling(figures, now_us);

	if (cooling) {
		*ret_wait_us = figures->cooling_from_us + figures->cooling_us - now_us;
	} else if (figures->silences > 0) {
		figures->cooling_from_us = now_us;
		figures->alone = true;
	}
	(void)pthread_mutex_unlock(&figures->lock);
	return !cooling;
}

/* With the lock held. */
static void fall_silent(struct source_figures *figures, int64_t cooldown_us, int64_t now_us)
{
	const int64_t most_us = (int64_t)SOURCE_COOLDOWN_MS_MAX * 1000;

	if (figures->silences > 0 && !figures->alone)
		return;
	if (cooldown_us > 0)
		figures->cooling_us = cooldown_us;
	else if (figures->silences == 0)
		figures->cooling_us = (int64_t)SOURCE_COOLDOWN_MS * 1000;
	else
		figures->cooling_us = figures->cooling_us > most_us / 2 ? most_us : figures->cooling_us * 2;
	figures->silences++;
	figures->alone = false;
	figures->cooling_from_us = now_us;
}

void source_figures_end(struct source_figures *figures, enum source_end end, int64_t cooldown_us, int64_t now_us)
{
	(void)pthread_mutex_lock(&figures->lock);
	figures->state.used = true;
	figures->state.times_sent++;
	figures->state.failed_last = end != SOURCE_ANSWERED;
	figures->state.times_failed += end != SOURCE_ANSWERED;
	if (end == SOURCE_ANSWERED)
		figures->state.last_success_us = now_us;
	else
		figures->state.last_failure_us = now_us;
	if (end == SOURCE_SILENT) {
		fall_silent(figures, cooldown_us, now_us);
	} else {
		figures->silences = 0;
		figures->alone = false;
	}
	(void)pthread_mutex_unlock(&figures->lock);
}
