/* What clients ask of stored @contexts: add, delete, reload. Source: GS CIM 009 V1.9.1 clauses 5.13.2, 5.13.5. */
#include "broker/context_int.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_ARENA_BYTES_MAX ((size_t)64 << 20)
#define CHECK_URL "https://localhost" CONTEXT_PATH "new" /* what a document being checked goes by */

/* ---- checking ---- */

void context_document_write(struct buf *out, const struct json *value)
{
	buf_put(out, STR("{\"@context\":"));
	json_write(out, value);
	buf_put_char(out, '}');
}

static enum err_code fetch_checked(void *self, struct str url, struct context_document *ret_document, struct error *err)
{
	const struct str *document = self;

	(void)err;
	*ret_document =
		(struct context_document){str_eq(url, STR(CHECK_URL)) ? *document : STR("{\"@context\":{}}"), STR_NONE};
	return ERR_OK;
}

enum err_code context_check(struct context *core, struct str document, struct error *err)
{
	struct context_resolver resolver = {fetch_checked, &document};
	struct json url = json_string(STR(CHECK_URL));
	struct context *context = NULL;
	enum err_code code = context_new(core, &url, &resolver, &context, err);

	(void)context_unref(context);
	return code;
}

/* ---- adding ---- */

static enum err_code run_add(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct stored_context_write *write = (struct stored_context_write *)store_write;

	return store_txn_record_put(txn, STR(CONTEXT_RECORD_KIND), str_from(write->id), buf_str(&write->text), err);
}

static void done_add(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct stored_context_write *write = (struct stored_context_write *)store_write;
	struct context_store *store = context_cache_store(write->broker->contexts);
	struct document *document = write->document;

	(void)pthread_mutex_lock(&store->lock);
	document->pending = false;
	if (code != ERR_OK)
		documents_remove(store, document);
	(void)pthread_mutex_unlock(&store->lock);
	buf_done(&write->text);
	write->done(write, code, err);
}

/* With the lock held. */
static struct document *find_same(const struct context_store *store, struct str tenant, struct str text)
{
	struct str id;
	void *value;
	size_t at = 0;

	while (map_each(&store->by_id, &at, &id, &value)) {
		struct document *document = value;

		if (document->kind == CONTEXT_IMPLICIT && !document->pending && !document->deleting &&
		    str_eq(str_from(document->tenant), tenant) &&
		    str_eq((struct str){document->body->bytes, document->body->len}, text))
			return document;
	}
	return NULL;
}

/* With the lock held. */
static enum err_code reserve(struct context_store *store, enum stored_context_kind kind, struct str tenant,
			     struct body *body, struct document **ret_document, struct error *err)
{
	if (store->stored_count >= CONTEXT_STORED_MAX)
		return err_set(err, ERR_LIMIT, "%u @contexts are stored already", CONTEXT_STORED_MAX);
	if (store->stored_bytes + body->len > CONTEXT_STORED_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the stored @contexts would have more than %zu bytes",
			       CONTEXT_STORED_BYTES_MAX);
	struct document *document = document_new(kind, STR_NONE, tenant);

	if (!document || !documents_name(store, document)) {
		if (document)
			document_free(document);
		return err_set(err, ERR_MEMORY, "no memory for an @context");
	}
	document->created_us = broker_now_us(store->broker);
	document->has_record = document->pending = true;
	store->stored_count++;
	documents_set_body(store, document, body);
	*ret_document = document;
	return ERR_OK;
}

/* Takes the place of the new context and writes its record's text; or finds that there is one like it. */
static enum err_code prepare(struct context_store *store, enum stored_context_kind kind, struct body *body,
			     struct stored_context_write *write, bool *ret_there, struct error *err)
{
	struct str text = {body->bytes, body->len};
	struct document *document = NULL;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	struct document *same = kind == CONTEXT_IMPLICIT ? find_same(store, write->tenant, text) : NULL;

	if (same)
		memcpy(write->id, same->id, sizeof(write->id));
	else
		code = reserve(store, kind, write->tenant, body, &document, err);
	(void)pthread_mutex_unlock(&store->lock);
	if (same || code != ERR_OK)
		body_unref(body);
	*ret_there = same != NULL;
	if (!document)
		return code;
	/* While it is pending it is nobody else's. */
	const struct context_record record = {.id = str_from(document->id),
					      .tenant = write->tenant,
					      .kind = kind,
					      .created_us = document->created_us,
					      .document = text};

	memcpy(write->id, document->id, sizeof(write->id));
	write->document = document;
	context_record_write(&write->text, &record);
	return ERR_OK;
}

static void give_up(struct context_store *store, struct stored_context_write *write)
{
	(void)pthread_mutex_lock(&store->lock);
	documents_remove(store, write->document);
	(void)pthread_mutex_unlock(&store->lock);
	buf_done(&write->text);
}

static enum err_code make_body(const struct context_store *store, const struct json *value, struct body **ret_body,
			       struct error *err)
{
	struct buf text;

	buf_init(&text, CONTEXT_BODY_BYTES_MAX);
	context_document_write(&text, value);
	enum err_code code = buf_check(&text, "the @context", err);

	if (code == ERR_OK)
		code = context_check(store->core, buf_str(&text), err);
	if (code == ERR_LIMIT)
		code = err ? err->code = ERR_INVALID : ERR_INVALID; /* of the context, not of ours */
	if (code == ERR_OK && !(*ret_body = body_new(buf_str(&text), STR_NONE)))
		code = err_set(err, ERR_MEMORY, "no memory for an @context");
	buf_done(&text);
	return code;
}

enum err_code stored_context_add(struct broker *broker, enum stored_context_kind kind, const struct json *value,
				 struct stored_context_write *write, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	struct body *body = NULL;
	bool there = false;
	enum err_code code = make_body(store, value, &body, err);

	if (code != ERR_OK)
		return code;
	write->store_write = (struct store_write){.run = run_add, .done = done_add};
	write->broker = broker;
	buf_init(&write->text, STORE_DOCUMENT_BYTES_MAX);
	code = prepare(store, kind, body, write, &there, err);
	if (code != ERR_OK)
		return code;
	if (there) {
		write->done(write, ERR_OK, NULL);
		return ERR_OK;
	}
	code = buf_check(&write->text, "the @context's record", err);
	if (code == ERR_OK)
		code = store_submit(store->records, &write->store_write, err);
	if (code != ERR_OK)
		give_up(store, write);
	return code;
}

/* ---- deleting ---- */

static enum err_code run_delete(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct stored_context_write *write = (struct stored_context_write *)store_write;
	enum err_code code = store_txn_record_delete(txn, STR(CONTEXT_RECORD_KIND), str_from(write->id), err);

	/* A cached one need not have a record. Whether it was there at all is said by the table. */
	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static void done_delete(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct stored_context_write *write = (struct stored_context_write *)store_write;
	struct context_store *store = context_cache_store(write->broker->contexts);
	struct error gone;

	(void)pthread_mutex_lock(&store->lock);
	struct document *document = map_get(&store->by_id, str_from(write->id));

	if (document) {
		document->deleting--;
		if (code == ERR_OK)
			documents_remove(store, document);
	} else if (code == ERR_OK) { /* somebody else was first */
		code = context_not_there(str_from(write->id), &gone);
		err = &gone;
	}
	(void)atomic_fetch_add(&store->generation, 1);
	(void)pthread_mutex_unlock(&store->lock);
	write->done(write, code, err);
}

enum err_code stored_context_delete(struct broker *broker, struct str name, struct stored_context_write *write,
				    struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);

	(void)pthread_mutex_lock(&store->lock);
	struct document *document = documents_find(store, write->tenant, name);

	if (document) {
		document->deleting++;
		memcpy(write->id, document->id, sizeof(write->id));
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (!document)
		return context_not_there(name, err);
	write->store_write = (struct store_write){.run = run_delete, .done = done_delete};
	write->broker = broker;
	enum err_code code = store_submit(store->records, &write->store_write, err);

	if (code != ERR_OK) {
		(void)pthread_mutex_lock(&store->lock);
		document = map_get(&store->by_id, str_from(write->id));
		if (document)
			document->deleting--;
		(void)pthread_mutex_unlock(&store->lock);
	}
	return code;
}

/* ---- reloading ---- */

enum err_code stored_context_reload(struct broker *broker, struct str tenant, struct str name,
				    void (*wake)(void *wake_self), void *wake_self, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	enum err_code code = ERR_TIMEOUT;

	(void)pthread_mutex_lock(&store->lock);
	struct document *document = documents_find(store, tenant, name);

	if (!document)
		code = context_not_there(name, err);
	else if (document->kind != CONTEXT_CACHED)
		code = err_set(err, ERR_INVALID, "only a cached @context can be reloaded");
	else if (!broker->options.fetch)
		code = err_set(err, ERR_CONTEXT, "remote @contexts are not fetched here");
	else {
		document->forced = true;
		enum err_code started = context_fetch_start(store, document, wake, wake_self, err);

		if (started != ERR_OK) {
			document->forced = false;
			code = started;
		}
	}
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}

enum err_code stored_context_reloaded(struct broker *broker, struct str tenant, struct str name, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	const struct document *document = documents_find(store, tenant, name);

	if (!document) {
		code = context_not_there(name, err);
	} else if (document->failure.code != ERR_OK) {
		code = ERR_CONTEXT;
		if (err)
			*err = document->failure;
	}
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}
