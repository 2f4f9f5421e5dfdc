/* The timetable feeds of a daemon. */
#include "main/timetables.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void timetables_init(struct timetables *timetables)
{
	*timetables = (struct timetables){.count = 0};
	(void)pthread_mutex_init(&timetables->lock, NULL);
}

void timetables_done(struct timetables *timetables)
{
	timetables_stop(timetables);
	(void)pthread_mutex_destroy(&timetables->lock);
}

static enum err_code start_one(struct timetable_slot *slot, struct broker *broker, const struct config_feed *feed,
			       struct error *err)
{
	struct timetable_options options = timetable_defaults();

	options.tenant = str_from(feed->tenant[0] ? feed->tenant : NULL);
	options.feed = str_from(feed->feed);
	options.interval_ms = (uint32_t)(feed->interval_s * 1000);
	options.speed = feed->speed;
	options.start_us = feed->start_us == SETTING_NOW ? TIMETABLE_START_NOW : feed->start_us;
	options.vehicles_max = (uint32_t)feed->vehicles_max;
	options.history_keep_s = (uint32_t)feed->history_keep_s;
	*slot = (struct timetable_slot){0};
	(void)snprintf(slot->feed, sizeof(slot->feed), "%s", feed->feed);
	(void)snprintf(slot->tenant, sizeof(slot->tenant), "%s", feed->tenant);
	return timetable_start(broker, &options, &slot->timetable, err);
}

enum err_code timetables_start(struct timetables *timetables, struct broker *broker, const struct config *config,
			       struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&timetables->lock);
	for (size_t i = 0; i < config->feed_count && !code; i++) {
		code = start_one(&timetables->slots[i], broker, &config->feeds[i], err);
		if (code)
			(void)err_while(err, "starting the timetable feed \"%s\"", config->feeds[i].feed);
		else
			timetables->count++;
	}
	(void)pthread_mutex_unlock(&timetables->lock);
	if (code)
		timetables_stop(timetables);
	return code;
}

void timetables_stop(struct timetables *timetables)
{
	struct timetable *stopping[CONFIG_FEEDS_MAX];
	size_t count;

	/* Taken out first: nobody waits for the lock while a feed finishes its last write. */
	(void)pthread_mutex_lock(&timetables->lock);
	count = timetables->count;
	for (size_t i = 0; i < count; i++)
		stopping[i] = timetables->slots[i].timetable;
	timetables->count = 0;
	(void)pthread_mutex_unlock(&timetables->lock);
	for (size_t i = 0; i < count; i++)
		(void)timetable_stop(stopping[i]);
}

static void watch(struct timetable_slot *slot, struct log *log)
{
	struct timetable_stats stats;

	timetable_stats(slot->timetable, &stats);
	if (stats.error.code && strcmp(stats.error.detail, slot->told.detail) != 0) {
		log_say(log, LOG_WARNING, "the timetable feed has trouble", LOG_TEXT("feed", str_from(slot->feed)),
			LOG_TEXT("code", str_from(err_name(stats.error.code))),
			LOG_TEXT("error", str_from(stats.error.detail)));
		slot->told = stats.error;
	}
	if (stats.ticks && !slot->running) {
		log_say(log, LOG_INFO, "the timetable feed moves vehicles", LOG_TEXT("feed", str_from(slot->feed)),
			LOG_NUMBER("vehicles", (int64_t)stats.vehicles));
		slot->running = true;
	}
	if (stats.vehicles_refused > slot->refused_told)
		log_say(log, LOG_WARNING, "trips were left out: vehicles_max is reached",
			LOG_TEXT("feed", str_from(slot->feed)),
			LOG_NUMBER("left_out", (int64_t)stats.vehicles_refused));
	slot->refused_told = stats.vehicles_refused;
}

void timetables_watch(struct timetables *timetables, struct log *log)
{
	(void)pthread_mutex_lock(&timetables->lock);
	for (size_t i = 0; i < timetables->count; i++)
		watch(&timetables->slots[i], log);
	(void)pthread_mutex_unlock(&timetables->lock);
}

struct metric {
	const char *name, *kind, *help;
	size_t offset; /* of the uint64_t in struct timetable_stats */
};

static const struct metric metrics[] = {
	{"machi_timetable_vehicles", "gauge", "Vehicles running now.", offsetof(struct timetable_stats, vehicles)},
	{"machi_timetable_vehicles_left_out", "gauge", "Trips left out at the last tick.",
	 offsetof(struct timetable_stats, vehicles_refused)},
	{"machi_timetable_ticks_total", "counter", "Ticks completed.", offsetof(struct timetable_stats, ticks)},
	{"machi_timetable_ticks_late_total", "counter", "Ticks skipped because the one before took too long.",
	 offsetof(struct timetable_stats, ticks_late)},
	{"machi_timetable_writes_total", "counter", "Entities created, updated or deleted.",
	 offsetof(struct timetable_stats, writes)},
	{"machi_timetable_write_errors_total", "counter", "Entities whose write failed.",
	 offsetof(struct timetable_stats, write_errors)},
	{"machi_timetable_tick_microseconds", "gauge", "Duration of the last tick, until durable.",
	 offsetof(struct timetable_stats, tick_us)},
};

static_assert(sizeof(((struct timetable_stats *)0)->tick_us) == sizeof(uint64_t), "metrics are read as 64 bits");

void timetables_write_metrics(void *self, struct buf *out)
{
	struct timetables *timetables = self;
	struct timetable_stats stats[CONFIG_FEEDS_MAX];

	(void)pthread_mutex_lock(&timetables->lock);
	for (size_t i = 0; i < timetables->count; i++)
		timetable_stats(timetables->slots[i].timetable, &stats[i]);
	for (size_t m = 0; timetables->count && m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name,
			   metrics[m].kind);
		for (size_t i = 0; i < timetables->count; i++) {
			const void *value = (const char *)&stats[i] + metrics[m].offset;

			buf_printf(out, "%s{feed=\"%s\",tenant=\"%s\"} %llu\n", metrics[m].name,
				   timetables->slots[i].feed, timetables->slots[i].tenant,
				   (unsigned long long)*(const uint64_t *)value);
		}
	}
	(void)pthread_mutex_unlock(&timetables->lock);
}
