/* The feeds of a daemon: started, paused, taken away, shown. */
#include "feed/feed_int.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DEFINE_CLEANUP(struct feed *, feed);

enum err_code feed_set_new(const struct feed_set_options *options, struct feed_set **ret_set, struct error *err)
{
	struct feed_set *set = calloc(1, sizeof(*set));

	if (!set)
		return err_set(err, ERR_MEMORY, "no memory for feeds");
	set->options = *options;
	(void)pthread_mutex_init(&set->work, NULL);
	(void)pthread_mutex_init(&set->lock, NULL);
	(void)pthread_mutex_init(&set->change_lock, NULL);
	(void)pthread_cond_init(&set->changed, NULL);
	enum err_code code = broker_tenant(options->broker, STR_NONE, true, &set->store, err);

	if (!code)
		code = feed_set_manage(set, err);
	if (code)
		(void)feed_set_free(set);
	else
		*ret_set = set;
	return code;
}

void feed_set_stop(struct feed_set *set)
{
	bool stops[FEEDS_MAX] = {false};

	feed_set_manage_end(set);
	(void)pthread_mutex_lock(&set->work);
	(void)pthread_mutex_lock(&set->lock);
	for (size_t i = 0; i < set->count; i++)
		stops[i] = feed_stop_begin(set->feeds[i]); /* all at once */
	(void)pthread_mutex_unlock(&set->lock);
	for (size_t i = 0; i < set->count; i++)
		if (stops[i])
			feed_stop_end(set->feeds[i]);
	(void)pthread_mutex_unlock(&set->work);
}

struct feed_set *feed_set_free(struct feed_set *set)
{
	if (!set)
		return NULL;
	feed_set_stop(set);
	for (size_t i = 0; i < set->count; i++)
		(void)feed_free(set->feeds[i]);
	(void)pthread_mutex_destroy(&set->work);
	(void)pthread_mutex_destroy(&set->lock);
	(void)pthread_mutex_destroy(&set->change_lock);
	(void)pthread_cond_destroy(&set->changed);
	free(set);
	return NULL;
}

/* Where the name is, or where it would be. */
static size_t place_of(const struct feed_set *set, struct str name)
{
	size_t i = 0;

	while (i < set->count && str_cmp(set->feeds[i]->name, name) < 0)
		i++;
	return i;
}

struct feed *feed_set_find(const struct feed_set *set, struct str name)
{
	size_t at = place_of(set, name);

	return at < set->count && str_eq(set->feeds[at]->name, name) ? set->feeds[at] : NULL;
}

enum err_code feed_not_there(struct str name, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no feed \"%.*s\"", STR_FMT(str_part(name, 0, 100)));
}

void feed_set_take_out(struct feed_set *set, struct str name)
{
	(void)pthread_mutex_lock(&set->lock);
	size_t at = place_of(set, name);
	struct feed *feed = set->feeds[at];
	bool stops = feed_stop_begin(feed);

	set->count--;
	memmove(&set->feeds[at], &set->feeds[at + 1], (set->count - at) * sizeof(set->feeds[0]));
	(void)pthread_mutex_unlock(&set->lock);
	if (stops)
		feed_stop_end(feed);
	(void)feed_free(feed);
}

enum err_code feed_set_insert(struct feed_set *set, struct feed *feed, struct error *err)
{
	size_t at = place_of(set, feed->name);

	if (feed_set_find(set, feed->name))
		return err_set(err, ERR_EXISTS, "there is a feed \"%.*s\" already", STR_FMT(feed->name));
	if (set->count == FEEDS_MAX)
		return err_set(err, ERR_LIMIT, "%u feeds, and no more", FEEDS_MAX);
	feed->paused = feed_is_noted_paused(set, feed->name);
	enum err_code code = feed->paused ? ERR_OK : feed_start(feed, &set->options, err);

	if (code)
		return code;
	if (feed->paused)
		feed->shown.state = feed->own.state = FEED_PAUSED;
	memmove(&set->feeds[at + 1], &set->feeds[at], (set->count - at) * sizeof(set->feeds[0]));
	set->feeds[at] = feed;
	set->count++;
	return ERR_OK;
}

static enum err_code add_document(struct feed_set *set, struct feed **feed, const struct yaml_tree *document,
				  struct error *err)
{
	enum err_code code = feed_read(*feed, document, err);

	if (code)
		return code;
	(void)pthread_mutex_lock(&set->lock);
	code = feed_set_insert(set, *feed, err);
	(void)pthread_mutex_unlock(&set->lock);
	if (!code)
		*feed = NULL; /* the set's */
	return code;
}

/* A copy of a tree, so that the feed needs nothing of the configuration's. Its depth is bounded. */
static bool copy_tree(struct arena *arena, const struct yaml_tree *from, struct str file, struct yaml_tree *to)
{
	*to = *from;
	to->file = file;
	to->text = from->text.at ? arena_dup(arena, from->text) : STR_NONE;
	if (from->text.at && !to->text.at)
		return false;
	to->items = from->count ? arena_array(arena, struct yaml_tree, from->count) : NULL;
	to->keys = from->keys ? arena_array(arena, struct yaml_tree, from->count) : NULL;
	if ((from->count && !to->items) || (from->keys && !to->keys))
		return false;
	for (uint32_t i = 0; i < from->count; i++)
		if (!copy_tree(arena, &from->items[i], file, &to->items[i]) ||
		    (from->keys && !copy_tree(arena, &from->keys[i], file, &to->keys[i])))
			return false;
	return true;
}

static enum err_code add_copy(struct feed_set *set, const struct yaml_tree *item, struct str file, struct error *err)
{
	CLEANUP(feed) struct feed *feed = feed_new();
	struct yaml_tree *document = feed ? arena_new(&feed->arena, struct yaml_tree) : NULL;

	if (document)
		file = arena_dup(&feed->arena, file);
	if (!document || !file.at || !copy_tree(&feed->arena, item, file, document))
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	return add_document(set, &feed, document, err);
}

static bool same_tree(const struct yaml_tree *a, const struct yaml_tree *b)
{
	bool same = a->kind == b->kind && a->count == b->count && a->plain == b->plain && str_eq(a->text, b->text);

	for (uint32_t i = 0; same && i < a->count; i++)
		same = same_tree(&a->items[i], &b->items[i]) && (!a->keys || same_tree(&a->keys[i], &b->keys[i]));
	return same;
}

static const struct yaml_tree *item_named(const struct yaml_tree *list, struct str name)
{
	for (uint32_t i = 0; list && i < list->count; i++) {
		const struct yaml_tree *found = yaml_tree_get(&list->items[i], STR("name"));

		if (found && str_eq(found->text, name))
			return &list->items[i];
	}
	return NULL;
}

/* Takes away those of the configuration that are not in the list as they are. Nobody else changes the set meanwhile. */
static void remove_others(struct feed_set *set, const struct yaml_tree *list)
{
	for (size_t i = set->count; i-- > 0;) {
		const struct feed *feed = set->feeds[i];
		const struct yaml_tree *item = item_named(list, feed->name);

		if (!feed->stored && !(item && same_tree(item, feed->document)))
			feed_set_take_out(set, feed->name);
	}
}

enum err_code feed_set_use(struct feed_set *set, const struct yaml_tree *list, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&set->work);
	remove_others(set, list);
	for (uint32_t i = 0; list && i < list->count && !code; i++) {
		struct str name = yaml_tree_get(&list->items[i], STR("name"))->text;
		const struct feed *feed = feed_set_find(set, name);
		bool there = feed && !feed->stored && same_tree(&list->items[i], feed->document);

		if (!there || item_named(list, name) != &list->items[i])
			code = add_copy(set, &list->items[i], list->file, err);
	}
	(void)pthread_mutex_unlock(&set->work);
	return code;
}

/* ---- showing ---- */

static void put_text(char *to, size_t room, struct str text)
{
	(void)snprintf(to, room, "%.*s", STR_FMT(text));
}

static void make_info(struct feed *feed, struct feed_info *info)
{
	*info = (struct feed_info){.kind = feed->kind->name,
				   .stored = feed->stored,
				   .counts = feed->kind->counts,
				   .count_count = feed->kind->count_count};
	put_text(info->name, sizeof(info->name), feed->name);
	put_text(info->tenant, sizeof(info->tenant), feed->tenant);
	put_text(info->place, sizeof(info->place), str_from(feed->place));
	(void)pthread_mutex_lock(&feed->lock);
	info->stats = feed->shown;
	(void)pthread_mutex_unlock(&feed->lock);
}

void feed_set_each(struct feed_set *set, bool (*visit)(void *self, const struct feed_info *info), void *self)
{
	bool goes_on = true;

	(void)pthread_mutex_lock(&set->lock);
	for (size_t i = 0; i < set->count && goes_on; i++) {
		struct feed_info info;

		make_info(set->feeds[i], &info);
		goes_on = visit(self, &info);
	}
	(void)pthread_mutex_unlock(&set->lock);
}

enum err_code feed_set_get(struct feed_set *set, struct str name, struct feed_info *ret_info, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&set->lock);
	struct feed *feed = feed_set_find(set, name);

	if (feed)
		make_info(feed, ret_info);
	else
		code = feed_not_there(name, err);
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}

/* ---- metrics ---- */

struct metric {
	const char *name, *kind, *help;
	size_t offset; /* of the uint64_t in struct feed_stats */
};

static const struct metric metrics[] = {
	{"machi_feed_messages_total", "counter", "Messages received.", offsetof(struct feed_stats, messages)},
	{"machi_feed_message_bytes_total", "counter", "Bytes of their payloads.", offsetof(struct feed_stats, bytes)},
	{"machi_feed_entities_created_total", "counter", "Entities created.", offsetof(struct feed_stats, created)},
	{"machi_feed_entities_changed_total", "counter", "Entities changed.", offsetof(struct feed_stats, changed)},
	{"machi_feed_entities_unchanged_total", "counter", "Entities that said the same already.",
	 offsetof(struct feed_stats, unchanged)},
	{"machi_feed_entities_deleted_total", "counter", "Entities deleted.", offsetof(struct feed_stats, deleted)},
	{"machi_feed_late_total", "counter", "Changes of which something went into the history alone.",
	 offsetof(struct feed_stats, late)},
	{"machi_feed_commits_total", "counter", "Batches committed.", offsetof(struct feed_stats, commits)},
	{"machi_feed_commit_failures_total", "counter",
	 "Batches that the store did not take, and that were tried again.",
	 offsetof(struct feed_stats, commit_failures)},
	{"machi_feed_connects_total", "counter", "How often the peer was there.",
	 offsetof(struct feed_stats, connects)},
	{"machi_feed_commands_total", "counter", "Commands for devices that ended.",
	 offsetof(struct feed_stats, commands)},
	{"machi_feed_commands_failed_total", "counter", "Of these, those that ended with an error.",
	 offsetof(struct feed_stats, commands_failed)},
};

static void put_labels(struct buf *out, const char *name, const struct feed *feed)
{
	buf_printf(out, "%s{feed=\"%.*s\",tenant=\"%.*s\",kind=\"%s\"", name, STR_FMT(feed->name),
		   STR_FMT(feed->tenant), feed->kind->name);
}

static void put_head(struct buf *out, const char *name, const char *kind, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_dropped(const struct feed_set *set, const struct feed_info *infos, struct buf *out)
{
	put_head(out, "machi_feed_dropped_total", "counter", "Messages, or rows of them, that became nothing.");
	for (size_t i = 0; i < set->count; i++)
		for (size_t drop = 0; drop < FEED_DROP_COUNT; drop++) {
			put_labels(out, "machi_feed_dropped_total", set->feeds[i]);
			buf_printf(out, ",reason=\"%s\"} %llu\n", feed_drop_name((enum feed_drop)drop),
				   (unsigned long long)infos[i].stats.dropped[drop]);
		}
}

/* One metric of a kind, of all feeds of that kind; from: the first of its counts. Returns how many these are. */
static size_t put_kind_metric(const struct feed_set *set, const struct feed_info *infos, const struct feed_kind *kind,
			      size_t from, struct buf *out)
{
	const struct feed_count *first = &kind->counts[from];
	size_t end = from;

	put_head(out, first->metric, first->goes_down ? "gauge" : "counter", first->help);
	while (end < kind->count_count && strcmp(kind->counts[end].metric, first->metric) == 0)
		end++;
	for (size_t i = 0; i < set->count; i++)
		for (size_t c = from; c < end && set->feeds[i]->kind == kind; c++) {
			put_labels(out, first->metric, set->feeds[i]);
			if (kind->counts[c].item)
				buf_printf(out, ",%s=\"%s\"", kind->counts[c].label, kind->counts[c].item);
			buf_printf(out, "} %llu\n", (unsigned long long)infos[i].stats.counts[c]);
		}
	return end - from;
}

static void put_kinds(const struct feed_set *set, const struct feed_info *infos, struct buf *out)
{
	for (size_t k = 0; feed_kinds[k]; k++) {
		const struct feed_kind *kind = feed_kinds[k];
		bool any = false;

		for (size_t i = 0; i < set->count; i++)
			any = any || set->feeds[i]->kind == kind;
		for (size_t from = 0; any && from < kind->count_count;)
			from += put_kind_metric(set, infos, kind, from, out);
	}
}

static void put_gauges(const struct feed_set *set, const struct feed_info *infos, struct buf *out)
{
	put_head(out, "machi_feed_up", "gauge", "1: the peer is there and the store takes what it says.");
	for (size_t i = 0; i < set->count; i++) {
		put_labels(out, "machi_feed_up", set->feeds[i]);
		buf_printf(out, "} %d\n", infos[i].stats.state == FEED_UP);
	}
	put_head(out, "machi_feed_last_message_timestamp_seconds", "gauge", "When the last message came; 0: none has.");
	for (size_t i = 0; i < set->count; i++) {
		put_labels(out, "machi_feed_last_message_timestamp_seconds", set->feeds[i]);
		buf_printf(out, "} %.3f\n", (double)infos[i].stats.message_us / 1e6);
	}
	put_head(out, "machi_feed_last_error_timestamp_seconds", "gauge",
		 "When the connection or the store last had trouble; 0: never. machi feed status says which.");
	for (size_t i = 0; i < set->count; i++) {
		put_labels(out, "machi_feed_last_error_timestamp_seconds", set->feeds[i]);
		buf_printf(out, "} %.3f\n", (double)infos[i].stats.error_us / 1e6);
	}
}

static void put_all(const struct feed_set *set, const struct feed_info *infos, struct buf *out)
{
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		put_head(out, metrics[m].name, metrics[m].kind, metrics[m].help);
		for (size_t i = 0; i < set->count; i++) {
			const void *value = (const char *)&infos[i].stats + metrics[m].offset;

			put_labels(out, metrics[m].name, set->feeds[i]);
			buf_printf(out, "} %llu\n", (unsigned long long)*(const uint64_t *)value);
		}
	}
	put_dropped(set, infos, out);
	put_gauges(set, infos, out);
	put_kinds(set, infos, out);
}

void feed_set_write_metrics(void *self, struct buf *out)
{
	struct feed_set *set = self;

	(void)pthread_mutex_lock(&set->lock);
	CLEANUP_MEMORY struct feed_info *infos = set->count ? calloc(set->count, sizeof(*infos)) : NULL;

	for (size_t i = 0; infos && i < set->count; i++)
		make_info(set->feeds[i], &infos[i]);
	if (infos)
		put_all(set, infos, out);
	(void)pthread_mutex_unlock(&set->lock);
}
