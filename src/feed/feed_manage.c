/* Feeds that come, go and pause while the daemon runs: first durable, then done, one after another on a thread, since
 * stopping a feed waits for what it is committing. A record of kind "feed" holds {"document": text, "paused": bool};
 * one of a feed of the configuration has no document. */
#include "feed/feed_int.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_KIND STR("feed")
#define RECORD_ARENA_BYTES_MAX ((size_t)16 << 20)

DEFINE_CLEANUP(struct feed *, feed);

/* ---- records ---- */

struct record_write {
	struct store_write write; /* first */
	struct str name, doc; /* doc STR_NONE: it goes */
};

static enum err_code run_record(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct record_write *record = (const struct record_write *)(const void *)write;

	if (record->doc.at)
		return store_txn_record_put(txn, RECORD_KIND, record->name, record->doc, err);
	enum err_code code = store_txn_record_delete(txn, RECORD_KIND, record->name, err);

	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* document STR_NONE: the configuration has it. */
static enum err_code note(struct feed_set *set, struct str name, struct str document, bool paused, struct error *err)
{
	struct record_write record = {.write = {.run = run_record}, .name = name};
	struct buf text;

	buf_init(&text, FEED_DOCUMENT_BYTES_MAX * 6 + 64);
	buf_printf(&text, "{\"paused\":%s", paused ? "true" : "false");
	if (document.at) {
		buf_put(&text, STR(",\"document\":"));
		json_write_string(&text, document);
	}
	buf_put_char(&text, '}');
	enum err_code code = buf_check(&text, "a feed", err);

	if (document.at || paused)
		record.doc = buf_str(&text);
	if (!code)
		code = store_apply(set->store, &record.write, err);
	buf_done(&text);
	return code;
}

/* The record's parts; false: there is none. */
static bool read_record(struct str doc, struct arena *arena, struct str *ret_document, bool *ret_paused)
{
	struct json_parser *parser = json_parser_new();
	struct json *record = NULL;
	struct error err;
	bool good = parser && json_parse(parser, arena, doc, NULL, &record, &err) == ERR_OK;

	if (good) {
		const struct json *paused = json_get(record, STR("paused"));

		*ret_document = json_text(json_get(record, STR("document")));
		*ret_paused = json_is(paused, JSON_BOOL) && paused->boolean;
	}
	(void)json_parser_free(parser);
	return good;
}

/* Of one feed; false: there is none, or it cannot be read. */
static bool find_record(struct feed_set *set, struct str name, struct arena *arena, struct str *ret_document,
			bool *ret_paused)
{
	struct store_reader *reader = NULL;
	struct str doc = STR_NONE;
	struct error err;

	if (store_reader_new(set->store, &reader, &err) != ERR_OK)
		return false;
	bool found = store_record_get(reader, RECORD_KIND, name, arena, &doc, NULL) == ERR_OK;

	(void)store_reader_free(reader);
	return found && read_record(doc, arena, ret_document, ret_paused);
}

bool feed_is_noted_paused(struct feed_set *set, struct str name)
{
	struct str document = STR_NONE;
	struct arena arena;
	bool paused = false;

	arena_init(&arena, RECORD_ARENA_BYTES_MAX);
	(void)find_record(set, name, &arena, &document, &paused);
	arena_done(&arena);
	return paused;
}

/* ---- adding ---- */

/* The feed that the text describes; it is not started yet. */
static enum err_code make(struct str text, struct feed **ret_feed, struct error *err)
{
	CLEANUP(feed) struct feed *feed = feed_new();
	struct yaml_tree *document = NULL;

	if (!feed)
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	if (text.len > FEED_DOCUMENT_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a feed's document of more than %u bytes", FEED_DOCUMENT_BYTES_MAX);
	enum err_code code = yaml_tree_parse(&feed->arena, STR("feed"), text, &document, err);

	if (!code && !document)
		code = err_set(err, ERR_INVALID, "feed:1:1: expected a feed with name, kind and map");
	if (!code)
		code = feed_read(feed, document, err);
	if (code)
		return code;
	if (feed->kind->is_local)
		return err_set(
			err, ERR_DENIED,
			"a feed of kind \"%s\" reads files of this machine: it stands in the configuration alone",
			feed->kind->name);
	feed->stored = true;
	*ret_feed = TAKE(feed);
	return ERR_OK;
}

static enum err_code insert(struct feed_set *set, struct feed *feed, struct error *err)
{
	(void)pthread_mutex_lock(&set->lock);
	enum err_code code = feed_set_insert(set, feed, err);

	(void)pthread_mutex_unlock(&set->lock);
	return code;
}

static enum err_code add(struct feed_set *set, struct feed_change *change, struct error *err)
{
	CLEANUP(feed) struct feed *feed = NULL;
	enum err_code code = make(change->document, &feed, err);

	if (code)
		return code;
	(void)snprintf(change->name, sizeof(change->name), "%.*s", STR_FMT(feed->name));
	(void)pthread_mutex_lock(&set->lock);
	bool there = feed_set_find(set, feed->name) != NULL;

	(void)pthread_mutex_unlock(&set->lock);
	if (there)
		return err_set(err, ERR_EXISTS, "there is a feed \"%.*s\" already", STR_FMT(feed->name));
	code = note(set, feed->name, change->document, false, err);
	if (!code)
		code = insert(set, feed, err);
	if (!code)
		feed = NULL; /* the set's */
	return code;
}

/* ---- loading ---- */

struct loading {
	struct feed_set *set;
	struct arena arena; /* of the records */
};

static bool load(void *self, struct str name, struct str doc)
{
	struct loading *loading = self;
	struct feed_set *set = loading->set;
	CLEANUP(feed) struct feed *feed = NULL;
	struct str document = STR_NONE;
	bool paused;
	struct error err;

	arena_clear(&loading->arena);
	/* The parser wants room behind the text. */
	char *copy = arena_bytes(&loading->arena, doc.len, 64);

	if (!copy)
		return false;
	memcpy(copy, doc.at, doc.len);
	if (!read_record((struct str){copy, doc.len}, &loading->arena, &document, &paused) || !document.at)
		return true;
	enum err_code code = make(document, &feed, &err);

	if (!code)
		code = insert(set, feed, &err);
	if (code && set->options.say)
		set->options.say(set->options.self, true, name, err.detail);
	if (!code)
		feed = NULL; /* the set's */
	return true;
}

enum err_code feed_set_load(struct feed_set *set, struct error *err)
{
	struct loading loading = {.set = set};
	struct store_reader *reader = NULL;
	enum err_code code = store_reader_new(set->store, &reader, err);

	if (code)
		return code;
	arena_init(&loading.arena, RECORD_ARENA_BYTES_MAX);
	(void)pthread_mutex_lock(&set->work);
	code = store_record_each(reader, RECORD_KIND, STR_NONE, load, &loading, err);
	(void)pthread_mutex_unlock(&set->work);
	arena_done(&loading.arena);
	(void)store_reader_free(reader);
	return code;
}

/* ---- the other changes ---- */

static enum err_code remove_feed(struct feed_set *set, struct str name, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&set->lock);
	const struct feed *feed = feed_set_find(set, name);

	if (!feed)
		code = feed_not_there(name, err);
	else if (!feed->stored)
		code = err_set(err, ERR_CONFLICT, "the feed \"%.*s\" is in the configuration, and can be paused",
			       STR_FMT(name));
	(void)pthread_mutex_unlock(&set->lock);
	if (!code)
		code = note(set, name, STR_NONE, false, err);
	if (code)
		return code;
	feed_set_take_out(set, name);
	return ERR_OK;
}

static enum err_code note_pause(struct feed_set *set, struct str name, bool pause, struct error *err)
{
	struct str document = STR_NONE;
	struct arena arena;
	bool paused;

	arena_init(&arena, RECORD_ARENA_BYTES_MAX);
	(void)find_record(set, name, &arena, &document, &paused);
	enum err_code code = note(set, name, document, pause, err);

	arena_done(&arena);
	return code;
}

static enum err_code pause_feed(struct feed_set *set, struct str name, bool pause, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&set->lock);
	const struct feed *there = feed_set_find(set, name);

	if (!there)
		code = feed_not_there(name, err);
	else if (there->paused == pause)
		code = err_set(err, ERR_CONFLICT, "the feed \"%.*s\" is %s already", STR_FMT(name),
			       pause ? "paused" : "running");
	(void)pthread_mutex_unlock(&set->lock);
	if (!code)
		code = note_pause(set, name, pause, err);
	if (code)
		return code;
	(void)pthread_mutex_lock(&set->lock);
	struct feed *feed = feed_set_find(set, name);
	bool stops = feed && pause && feed_stop_begin(feed);

	if (feed && !pause)
		code = feed_start(feed, &set->options, err);
	if (feed && !code)
		feed->paused = pause;
	(void)pthread_mutex_unlock(&set->lock);
	if (stops)
		feed_stop_end(feed);
	return code;
}

static enum err_code apply(struct feed_set *set, struct feed_change *change, struct error *err)
{
	struct str name = str_from(change->name);

	switch (change->kind) {
	case FEED_CHANGE_ADD:
		return add(set, change, err);
	case FEED_CHANGE_REMOVE:
		return remove_feed(set, name, err);
	case FEED_CHANGE_PAUSE:
	case FEED_CHANGE_RESUME:
		return pause_feed(set, name, change->kind == FEED_CHANGE_PAUSE, err);
	}
	return err_set(err, ERR_INTERNAL, "a change of kind %d", (int)change->kind);
}

/* ---- the thread ---- */

/* NULL: the set stops and nothing waits. */
static struct feed_change *take(struct feed_set *set, bool *ret_stopping)
{
	(void)pthread_mutex_lock(&set->change_lock);
	while (!set->changes && !set->stopping)
		(void)pthread_cond_wait(&set->changed, &set->change_lock);
	struct feed_change *change = set->changes;

	if (change) {
		set->changes = change->next;
		set->change_count--;
	}
	*ret_stopping = set->stopping;
	(void)pthread_mutex_unlock(&set->change_lock);
	return change;
}

static void *thread_main(void *self)
{
	struct feed_set *set = self;
	struct feed_change *change;
	bool stopping;

	while ((change = take(set, &stopping))) {
		struct error err = {.code = ERR_OK};

		(void)pthread_mutex_lock(&set->work);
		enum err_code code =
			stopping ? err_set(&err, ERR_CONFLICT, "the server is stopping") : apply(set, change, &err);

		(void)pthread_mutex_unlock(&set->work);
		change->done(change, code, &err);
	}
	return NULL;
}

enum err_code feed_set_manage(struct feed_set *set, struct error *err)
{
	int failed = feed_thread_start(&set->thread, thread_main, set);

	if (failed)
		return err_set(err, ERR_IO, "cannot start the thread of feeds: %s", strerror(failed));
	set->has_thread = true;
	return ERR_OK;
}

void feed_set_manage_end(struct feed_set *set)
{
	(void)pthread_mutex_lock(&set->change_lock);
	set->stopping = true;
	(void)pthread_cond_broadcast(&set->changed);
	(void)pthread_mutex_unlock(&set->change_lock);
	if (set->has_thread)
		(void)pthread_join(set->thread, NULL);
	set->has_thread = false;
}

enum err_code feed_set_change(struct feed_set *set, struct feed_change *change, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&set->change_lock);
	if (set->stopping) {
		code = err_set(err, ERR_CONFLICT, "the server is stopping");
	} else if (set->change_count == FEED_CHANGES_MAX) {
		code = err_set(err, ERR_LIMIT, "%u changes of feeds wait already", FEED_CHANGES_MAX);
	} else {
		change->next = NULL;
		if (set->changes)
			set->changes_last->next = change;
		else
			set->changes = change;
		set->changes_last = change;
		set->change_count++;
		(void)pthread_cond_signal(&set->changed);
	}
	(void)pthread_mutex_unlock(&set->change_lock);
	return code;
}

/* ---- posts ---- */

enum err_code feed_set_post(struct feed_set *set, struct str name, struct feed_post *post, struct error *err)
{
	enum err_code code;

	(void)pthread_mutex_lock(&set->lock);
	struct feed *feed = feed_set_find(set, name);

	if (!feed)
		code = feed_not_there(name, err);
	else if (!feed->kind->post)
		code = err_set(err, ERR_UNSUPPORTED, "the feed \"%.*s\" is of kind %s, which takes no messages",
			       STR_FMT(name), feed->kind->name);
	else if (post->is_lines && feed->kind != &feed_kind_influx)
		code = err_set(err, ERR_UNSUPPORTED, "the feed \"%.*s\" is of kind %s, which takes no line protocol",
			       STR_FMT(name), feed->kind->name);
	else
		code = feed->kind->post(feed, post, err);
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}
