/* The notifier's figures as metrics. */
#include "notify/notify_int.h"

#include <stddef.h>

static const struct {
	const char *name, *kind, *help;
	size_t offset;
} metrics[] = {
	{"machi_notifications_sent_total", "counter", "Notifications sent, tries of the same one included.",
	 offsetof(struct notifier_stats, sent)},
	{"machi_notifications_delivered_total", "counter", "Notifications that were answered with success.",
	 offsetof(struct notifier_stats, succeeded)},
	{"machi_notifications_failed_total", "counter", "Tries that failed: no answer, or one without success.",
	 offsetof(struct notifier_stats, failed)},
	{"machi_notifications_dead_total", "counter", "Notifications that became dead letters.",
	 offsetof(struct notifier_stats, dead)},
	{"machi_notifications_waiting", "gauge", "Notifications in memory that are not answered yet.",
	 offsetof(struct notifier_stats, waiting)},
	{"machi_notifications_subscriptions_owed", "gauge", "Subscriptions that are owed something.",
	 offsetof(struct notifier_stats, lanes)},
	{"machi_notifications_subscriptions_waiting", "gauge",
	 "Subscriptions that wait: for a retry, for what is not due yet, or because they are paused.",
	 offsetof(struct notifier_stats, lanes_waiting)},
	{"machi_notifications_receivers_silent", "gauge",
	 "Receivers that do not answer and are left alone for a while.",
	 offsetof(struct notifier_stats, breakers_open)},
};

static const struct {
	const char *name, *kind, *help;
	size_t offset;
} tenant_metrics[] = {
	{"machi_subscriptions", "gauge", "Subscriptions to entities.",
	 offsetof(struct broker_subscription_stats, subscriptions)},
	{"machi_subscriptions_to_registrations", "gauge", "Subscriptions to registrations of context sources.",
	 offsetof(struct broker_subscription_stats, to_registrations)},
	{"machi_subscriptions_unusable", "gauge",
	 "Subscriptions that could not be loaded at the start, and are not matched.",
	 offsetof(struct broker_subscription_stats, unusable)},
	{"machi_subscriptions_in_use", "gauge", "Subscriptions that a change made candidates in the last minute or so.",
	 offsetof(struct broker_subscription_stats, in_use)},
	{"machi_notifications_dead", "gauge", "Dead letters, counted every few seconds.",
	 offsetof(struct broker_subscription_stats, dead)},
};

struct tenant_line {
	struct notifier *notifier;
	struct buf *out;
	size_t metric;
};

static uint64_t figure_at(const void *stats, size_t offset)
{
	return *(const uint64_t *)((const char *)stats + offset);
}

static void write_tenant(void *self, struct str name, struct store *store)
{
	const struct tenant_line *line = self;
	struct broker_subscription_stats stats;

	(void)store;
	broker_subscription_stats(line->notifier->options.broker, name, &stats);
	buf_printf(line->out, "%s{tenant=\"%.*s\"} %llu\n", tenant_metrics[line->metric].name, STR_FMT(name),
		   (unsigned long long)figure_at(&stats, tenant_metrics[line->metric].offset));
}

static void write_head(struct buf *out, const char *name, const char *kind, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void notifier_write_metrics(void *self, struct buf *out)
{
	struct notifier *notifier = self;
	struct notifier_stats stats;

	notifier_stats(notifier, &stats);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		write_head(out, metrics[i].name, metrics[i].kind, metrics[i].help);
		buf_printf(out, "%s %llu\n", metrics[i].name, (unsigned long long)figure_at(&stats, metrics[i].offset));
	}
	for (size_t i = 0; i < sizeof(tenant_metrics) / sizeof(tenant_metrics[0]); i++) {
		write_head(out, tenant_metrics[i].name, tenant_metrics[i].kind, tenant_metrics[i].help);
		broker_each_tenant(notifier->options.broker, write_tenant, &(struct tenant_line){notifier, out, i});
	}
}
