/* The snapshots of a tenant that is opened: those that are whole are opened too, the others wait to be made (anew). */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include <stdlib.h>
#include <string.h>

struct load {
	struct snapshots *all;
	struct tenant *tenant;
	struct json_parser *parser;
	struct arena arena;
	enum err_code code;
	struct error *err;
};

static void complain(const struct load *load, struct str id, const struct error *cause)
{
	const struct broker_options *options = &load->all->broker->options;
	struct error err = *cause;

	(void)err_while(&err, "loading the snapshot %.*s", STR_FMT(str_part(id, 0, 100)));
	if (options->complain)
		options->complain(options->complain_self, str_from(load->tenant->name), &err);
}

static enum err_code open_place(const struct load *load, struct snapshot *snapshot, struct error *err)
{
	struct broker *broker = load->all->broker;
	struct str name = str_from(snapshot->place_name);
	char path[PATH_MAX];
	struct store_options options;
	struct store *store;

	if (!broker->data_path) /* memory does not last: there cannot be a record */
		return err_set(err, ERR_NOT_FOUND, "it was in memory");
	enum err_code code = snapshot_options(broker, name, false, path, &options, err);

	if (code == ERR_OK)
		code = store_sqlite_open(&options, &store, err);
	if (code == ERR_OK)
		code = tenants_add(broker, name, snapshot->id, store, err);
	if (code != ERR_OK)
		return code;
	snapshot->place = broker_place_hold(broker, name);
	broker_place_release(snapshot->place); /* the list holds it */
	return ERR_OK;
}

/* Is there something for the thread to do? One whose contents are lost gets a record that says so. */
static bool take_contents(const struct load *load, struct snapshot *snapshot)
{
	struct error err;

	if (snapshot->status == SNAPSHOT_PREPARING || snapshot->status == SNAPSHOT_FAILURE)
		return snapshot->status == SNAPSHOT_PREPARING;
	if (open_place(load, snapshot, &err) == ERR_OK)
		return false;
	complain(load, snapshot->id, &err);
	return true;
}

static bool take(const struct load *load, struct snapshot *snapshot, const struct snapshot_record *record,
		 struct str text)
{
	struct snapshots *all = load->all;
	struct error err;

	if (!snapshot_take_text(snapshot, text, record))
		return false;
	if (snapshot_receiver(all->broker, record, load->parser, &snapshot->receiver, &err) != ERR_OK)
		complain(load, snapshot->id, &err);
	return subscriptions_set_receiver(load->tenant->subscriptions, NULL, snapshot->receiver);
}

static bool load_one(void *self, struct str id, struct str doc)
{
	struct load *load = self;
	struct snapshots *all = load->all;
	struct snapshot_record record;
	struct snapshot *snapshot = NULL;
	struct error err;

	arena_clear(&load->arena);
	enum err_code code = snapshot_record_parse(load->parser, &load->arena, doc, &record, &err);

	if (code == ERR_OK)
		code = snapshot_new(str_from(load->tenant->name), id, record.digits, &snapshot, &err);
	if (code != ERR_OK) {
		complain(load, id, &err);
		return true;
	}
	bool good = take(load, snapshot, &record, doc), waits = good && take_contents(load, snapshot);

	(void)pthread_mutex_lock(&all->lock);
	good = good && map_set(&all->by_key, snapshot->key, snapshot);
	all->count += good;
	if (good && waits)
		snapshots_queue(all, snapshot);
	(void)pthread_mutex_unlock(&all->lock);
	if (!good) {
		(void)snapshot_unref(snapshot);
		load->code = err_set(load->err, ERR_MEMORY, "no memory for snapshots");
	}
	return good;
}

/* Its endpoint is still to be told that it was deleted. */
static bool load_farewell(void *self, struct str digits, struct str doc)
{
	struct load *load = self;
	struct snapshots *all = load->all;
	struct snapshot_record record;
	struct snapshot *snapshot = NULL;
	struct error err;

	arena_clear(&load->arena);
	enum err_code code = snapshot_record_parse(load->parser, &load->arena, doc, &record, &err);

	if (code == ERR_OK)
		code = snapshot_new(str_from(load->tenant->name), json_text(json_get(record.document, STR("id"))),
				    digits, &snapshot, &err);
	if (code != ERR_OK)
		return true;
	(void)pthread_mutex_lock(&all->lock);
	if (take(load, snapshot, &record, doc)) {
		snapshot->gone = true;
		snapshot->next = all->farewells;
		all->farewells = snapshot;
	} else {
		(void)snapshot_unref(snapshot);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return true;
}

static bool is_known(void *self, struct str place)
{
	const struct snapshots *all = self;
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(&all->by_key, &at, &key, &value))
		if (str_eq(str_from(((const struct snapshot *)value)->place_name), place))
			return true;
	return false;
}

enum err_code snapshots_load(struct snapshots *all, struct str tenant, struct error *err)
{
	struct load load = {
		.all = all, .tenant = tenant_find(all->broker, tenant), .parser = json_parser_new(), .err = err};
	struct store_reader *reader = NULL;
	enum err_code code = load.parser ? store_reader_new(load.tenant->store, &reader, err)
					 : err_set(err, ERR_MEMORY, "no memory for snapshots");

	arena_init(&load.arena, SNAPSHOT_ARENA_BYTES_MAX);
	if (code == ERR_OK)
		code = store_record_each(reader, STR(SNAPSHOT_RECORD_KIND), STR_NONE, load_one, &load, err);
	code = code ? code : load.code;
	if (code == ERR_OK)
		code = store_record_each(reader, STR(SNAPSHOT_FAREWELL_KIND), STR_NONE, load_farewell, &load, err);
	(void)store_reader_free(reader);
	arena_done(&load.arena);
	(void)json_parser_free(load.parser);
	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_lock(&all->lock);
	snapshot_files_sweep(all->broker, str_from(load.tenant->name), is_known, all);
	(void)pthread_mutex_unlock(&all->lock);
	return ERR_OK;
}
