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

struct tenant_metrics {
	struct notifier *notifier;
	struct buf *out;
};

static void write_tenant(void *self, struct str name, struct store *store)
{
	struct tenant_metrics *metrics_of = self;
	struct broker_subscription_stats stats;

	(void)store;
	broker_subscription_stats(metrics_of->notifier->options.broker, name, &stats);
	buf_printf(metrics_of->out, "machi_subscriptions{tenant=\"%.*s\"} %llu\n", STR_FMT(name),
		   (unsigned long long)stats.subscriptions);
}

static void write_dead(void *self, struct str name, struct store *store)
{
	struct tenant_metrics *metrics_of = self;
	struct broker_subscription_stats stats;

	(void)store;
	broker_subscription_stats(metrics_of->notifier->options.broker, name, &stats);
	buf_printf(metrics_of->out, "machi_notifications_dead{tenant=\"%.*s\"} %llu\n", STR_FMT(name),
		   (unsigned long long)stats.dead);
}

void notifier_write_metrics(void *self, struct buf *out)
{
	struct notifier *notifier = self;
	struct notifier_stats stats;

	notifier_stats(notifier, &stats);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", metrics[i].name, metrics[i].help,
			   metrics[i].name, metrics[i].kind, metrics[i].name,
			   (unsigned long long)*(const uint64_t *)((const char *)&stats + metrics[i].offset));
	buf_put(out, STR("# HELP machi_subscriptions Subscriptions.\n# TYPE machi_subscriptions gauge\n"));
	broker_each_tenant(notifier->options.broker, write_tenant, &(struct tenant_metrics){notifier, out});
	buf_put(out, STR("# HELP machi_notifications_dead Dead letters, counted every few seconds.\n"
			 "# TYPE machi_notifications_dead gauge\n"));
	broker_each_tenant(notifier->options.broker, write_dead, &(struct tenant_metrics){notifier, out});
}
