/* The import of a GTFS feed: read and check it all, then bring the store into line within one transaction.
 *
 * The transaction walks the feed twice over: first every row's entity replaces what the store has of it (the broker
 * keeps what says the same), then every id of this feed in the store that no row gave is deleted. The feed does not
 * change meanwhile, so the transaction may be run again from the start. */
#include "feed/gtfs_import.h"

#include "base/cleanup.h"
#include "feed/gtfs_int.h"
#include "feed/id_set.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ENTITY_BYTES_MAX ((size_t)256 << 20) /* of one entity under way; a shape may be large */
#define DELETED_IDS_BYTES_MAX ((size_t)1 << 30)

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- the transaction ---- */

struct import {
	struct store_write write; /* first: run() gets its address */
	struct broker *broker;
	struct str feed;
	struct gtfs_maker *maker; /* NULL: everything of the feed goes */
	struct arena entity; /* of the entity under way */
	struct arena gone; /* ids to delete */
	struct id_set ids;
	uint64_t created, changed, unchanged, deleted; /* of the last run */
};

static enum err_code apply(struct import *import, struct store_txn *txn, struct broker_item *item, struct error *err)
{
	enum err_code code = broker_apply_item(import->broker, txn, item, &import->entity, err);

	/* Everything that the item left in the transaction's scratch is done with, and a feed has very many items. */
	arena_clear(store_txn_arena(txn));
	if (code || !item->outcome.code)
		return code;
	if (err)
		*err = item->outcome.error;
	return item->outcome.code;
}

static enum err_code store_entity(struct import *import, struct store_txn *txn, enum gtfs_type type, uint32_t i,
				  struct error *err)
{
	struct broker_item item = {.operation = BROKER_REPLACE, .no_history = true};
	struct json *entity = NULL;

	arena_clear(&import->entity);
	enum err_code code = gtfs_make(import->maker, type, i, broker_now_us(import->broker), &import->entity, &item.id,
				       &entity, err);

	if (code || !entity)
		return code;
	item.entity = entity;
	if (!id_set_add(&import->ids, item.id))
		return err_set(err, ERR_MEMORY, "no memory for the ids of a feed");
	code = apply(import, txn, &item, err);
	if (code) {
		(void)err_while(err, "storing %.*s", STR_FMT(item.id));
		return code;
	}
	import->created += item.outcome.created;
	import->changed += item.outcome.changed && !item.outcome.created;
	import->unchanged += !item.outcome.changed;
	return ERR_OK;
}

struct gone_id {
	struct gone_id *next;
	struct str id;
};

struct gone {
	struct import *import;
	struct gone_id *first;
	bool failed;
};

static bool collect_gone(void *self, struct str id)
{
	struct gone *gone = self;

	if (id_set_has(&gone->import->ids, id))
		return true;
	struct gone_id *entry = arena_new(&gone->import->gone, struct gone_id);

	if (entry)
		entry->id = arena_dup(&gone->import->gone, id);
	if (!entry || !entry->id.at) {
		gone->failed = true;
		return false;
	}
	entry->next = gone->first;
	gone->first = entry;
	return true;
}

/* Deletes what the store has below the prefix and the feed has not. */
static enum err_code delete_gone(struct import *import, struct store_txn *txn, struct str prefix, struct error *err)
{
	struct gone gone = {.import = import};
	enum err_code code = store_txn_each_id(txn, prefix, collect_gone, &gone, err);

	if (!code && gone.failed)
		code = err_set(err, ERR_MEMORY, "no memory for the ids to delete");
	for (struct gone_id *entry = gone.first; entry && !code; entry = entry->next) {
		struct broker_item item = {.operation = BROKER_DELETE, .id = entry->id, .no_history = true};

		code = apply(import, txn, &item, err);
		/* One that has expired is as good as gone. */
		if (code == ERR_NOT_FOUND)
			code = ERR_OK;
		else if (!code)
			import->deleted++;
	}
	return code;
}

static enum err_code delete_all_gone(struct import *import, struct store_txn *txn, struct error *err)
{
	enum err_code code = ERR_OK;

	for (unsigned type = 0; type < GTFS_TYPE_COUNT && !code; type++) {
		arena_clear(&import->gone);
		struct str prefix = gtfs_urn_prefix(&import->gone, gtfs_type_name(type), import->feed);

		code = prefix.at ? delete_gone(import, txn, prefix, err)
				 : err_set(err, ERR_MEMORY, "no memory for ids");
	}
	return code;
}

/* A mark that differs from any before, so that a timetable knows that it must load the feed again. */
static enum err_code set_mark(struct import *import, struct store_txn *txn, struct error *err)
{
	char key[GTFS_MARK_BYTES], value[32];
	int len = snprintf(value, sizeof(value), "%lld", (long long)broker_now_us(import->broker));

	if (import->created + import->changed + import->deleted == 0)
		return ERR_OK;
	return store_txn_set_meta(txn, gtfs_mark_key(import->feed, key),
				  import->maker ? (struct str){value, (size_t)len} : STR_NONE, err);
}

static enum err_code run_import(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct import *import = (struct import *)(void *)write;
	enum err_code code = ERR_OK;

	id_set_clear(&import->ids);
	import->created = import->changed = import->unchanged = import->deleted = 0;
	for (unsigned type = 0; import->maker && type < GTFS_TYPE_COUNT && !code; type++) {
		uint32_t rows = gtfs_maker_rows(import->maker, type);

		for (uint32_t i = 0; i < rows && !code; i++)
			code = store_entity(import, txn, type, i, err);
	}
	if (!code)
		code = delete_all_gone(import, txn, err);
	if (!code && !import->maker) {
		struct str prefix = gtfs_urn_prefix(&import->gone, STR("Vehicle"), import->feed);

		code = prefix.at ? delete_gone(import, txn, prefix, err)
				 : err_set(err, ERR_MEMORY, "no memory for ids");
	}
	return code ? code : set_mark(import, txn, err);
}

static_assert(offsetof(struct import, write) == 0, "run_import() gets the import's address");

static enum err_code import_apply(struct import *import, struct store *store, struct error *err)
{
	arena_init(&import->entity, ENTITY_BYTES_MAX);
	arena_init(&import->gone, DELETED_IDS_BYTES_MAX);
	import->write.run = run_import;
	enum err_code code = store_apply(store, &import->write, err);

	arena_done(&import->entity);
	arena_done(&import->gone);
	id_set_done(&import->ids);
	return code;
}

/* ---- the whole ---- */

static bool is_url(struct str path)
{
	return str_starts(path, STR("http://")) || str_starts(path, STR("https://"));
}

/* Opens the source; what a URL gave lies in download, which must outlive it. */
static enum err_code open_source(const struct gtfs_import_options *options, struct buf *download,
				 struct gtfs_source **ret, struct error *err)
{
	if (!is_url(str_from(options->path)))
		return gtfs_source_open(options->path, ret, err);
	if (!options->fetch)
		return err_set(err, ERR_UNSUPPORTED, "%s: URLs cannot be fetched here", options->path);
	enum err_code code = options->fetch(options->fetch_self, options->path, download, err);

	if (!code)
		code = buf_check(download, "the downloaded feed", err);
	return code ? code : gtfs_source_open_bytes(buf_str(download), options->path, ret, err);
}

static enum err_code read_source(const struct gtfs_import_options *options, struct gtfs_report *report,
				 struct transit_feed **ret_feed, struct error *err)
{
	struct gtfs_source *source = NULL;
	struct buf download;

	buf_init(&download, (size_t)GTFS_DOWNLOAD_BYTES_MAX);
	enum err_code code = open_source(options, &download, &source, err);

	if (!code)
		code = gtfs_read_feed(source, report, ret_feed, err);
	(void)gtfs_source_free(source);
	buf_done(&download);
	return code;
}

static enum err_code store_feed(struct broker *broker, struct store *store, const struct gtfs_import_options *options,
				const struct transit_feed *feed, struct gtfs_report *report, struct error *err)
{
	struct import import = {.broker = broker, .feed = options->feed};
	const struct context *context = options->context ? options->context : broker_core_context(broker);
	enum err_code code = gtfs_maker_new(transit_feed_tables(feed), options->feed, context, &import.maker, err);

	if (!code)
		code = import_apply(&import, store, err);
	(void)gtfs_maker_free(import.maker);
	if (code)
		return code;
	report->created = import.created;
	report->changed = import.changed;
	report->unchanged = import.unchanged;
	report->deleted = import.deleted;
	report->entities = import.created + import.changed + import.unchanged;
	return ERR_OK;
}

enum err_code gtfs_import(struct broker *broker, struct store *store, const struct gtfs_import_options *options,
			  struct gtfs_report *report, struct error *err)
{
	struct transit_feed *feed = NULL;
	int64_t start_us = clock_us();
	enum err_code code = gtfs_check_feed_name(options->feed, err);

	if (!code)
		code = read_source(options, report, &feed, err);
	int64_t read_us = clock_us();

	report->read_us = (uint64_t)(read_us - start_us);
	if (!code && !options->dry_run)
		code = store_feed(broker, store, options, feed, report, err);
	report->store_us = (uint64_t)(clock_us() - read_us);
	(void)transit_feed_free(feed);
	return code;
}

enum err_code gtfs_remove(struct broker *broker, struct store *store, struct str feed, uint64_t *ret_deleted,
			  struct error *err)
{
	struct import import = {.broker = broker, .feed = feed};
	enum err_code code = gtfs_check_feed_name(feed, err);

	if (!code)
		code = import_apply(&import, store, err);
	if (!code && ret_deleted)
		*ret_deleted = import.deleted;
	return code;
}
