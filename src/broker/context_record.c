/* Stored @contexts as records of the default tenant's store: a JSON object each, with the document as a member. */
#include "broker/context_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_ARENA_BYTES_MAX ((size_t)64 << 20) /* one record, parsed */

static const struct str kind_names[CONTEXT_KIND_COUNT] = {
	[CONTEXT_CACHED] = {"Cached", 6},
	[CONTEXT_HOSTED] = {"Hosted", 6},
	[CONTEXT_IMPLICIT] = {"ImplicitlyCreated", 17},
};

struct str stored_context_kind_name(enum stored_context_kind kind)
{
	return kind_names[kind];
}

/* ---- writing ---- */

static void put_text(struct buf *out, const char *name, struct str text)
{
	if (text.len == 0)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_write_string(out, text);
}

void context_record_write(struct buf *out, const struct context_record *record)
{
	buf_printf(out, "{\"kind\":\"%.*s\",\"createdAt\":%lld", STR_FMT(kind_names[record->kind]),
		   (long long)record->created_us);
	put_text(out, "tenant", record->tenant);
	put_text(out, "url", record->url);
	put_text(out, "base", record->base);
	put_text(out, "etag", record->etag);
	put_text(out, "lastModified", record->last_modified);
	if (record->kind == CONTEXT_CACHED)
		buf_printf(out, ",\"expiresAt\":%lld", (long long)record->again_us);
	buf_put(out, STR(",\"document\":"));
	buf_put(out, record->document);
	buf_put_char(out, '}');
}

struct keep_write {
	struct store_write store_write; /* first */
	struct context_store *store;
	const struct document *document;
	struct str id, text;
	bool kept;
	size_t drop_count;
	char drops[CONTEXT_DROPS_MAX][CONTEXT_ID_BYTES];
};

static enum err_code run_keep(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct keep_write *write = (struct keep_write *)store_write;
	enum err_code code = ERR_OK;

	/* One that is being deleted must not come back: its deletion runs in this thread too, before or after us. */
	(void)pthread_mutex_lock(&write->store->lock);
	write->kept = !write->document->gone && !write->document->deleting;
	(void)pthread_mutex_unlock(&write->store->lock);
	if (write->kept)
		code = store_txn_record_put(txn, STR(CONTEXT_RECORD_KIND), write->id, write->text, err);
	for (size_t i = 0; i < write->drop_count && code == ERR_OK; i++) {
		code = store_txn_record_delete(txn, STR(CONTEXT_RECORD_KIND), str_from(write->drops[i]), err);
		if (code == ERR_NOT_FOUND)
			code = ERR_OK;
	}
	return code;
}

bool context_record_keep(struct context_store *store, const struct document *document,
			 const struct context_record *record)
{
	CLEANUP_MEMORY struct keep_write *write = calloc(1, sizeof(*write));
	struct error err;
	struct buf text;

	if (!write || !store->records || store->broker->options.read_only)
		return false;
	buf_init(&text, STORE_DOCUMENT_BYTES_MAX);
	context_record_write(&text, record);
	write->store_write.run = run_keep;
	write->store = store;
	write->document = document;
	write->id = record->id;
	write->text = buf_str(&text);
	(void)pthread_mutex_lock(&store->lock);
	write->drop_count = store->drop_count;
	memcpy(write->drops, store->drops, sizeof(write->drops));
	store->drop_count = 0;
	(void)pthread_mutex_unlock(&store->lock);
	bool kept = !text.failed && store_apply(store->records, &write->store_write, &err) == ERR_OK && write->kept;

	buf_done(&text);
	return kept;
}

/* ---- loading ---- */

struct load {
	struct context_store *store;
	struct json_parser *parser;
	struct arena arena; /* of one record */
	struct error *err;
	enum err_code code;
};

static void copy_text(const struct json *record, struct str name, char *to, size_t room)
{
	struct str text = json_text(json_get(record, name));

	if (text.len && text.len < room) {
		memcpy(to, text.at, text.len);
		to[text.len] = '\0';
	}
}

static bool read_kind(const struct json *record, enum stored_context_kind *ret)
{
	struct str name = json_text(json_get(record, STR("kind")));

	for (int kind = 0; kind < CONTEXT_KIND_COUNT; kind++) {
		if (!str_eq(name, kind_names[kind]))
			continue;
		*ret = (enum stored_context_kind)kind;
		return true;
	}
	return false;
}

/* The document of a record, NULL when memory is refused. */
static struct document *make_document(const struct load *load, struct str id, enum stored_context_kind kind,
				      const struct json *record)
{
	struct str url = kind == CONTEXT_CACHED ? json_text(json_get(record, STR("url"))) : STR_NONE;
	struct str tenant = json_text(json_get(record, STR("tenant")));
	struct document *document =
		document_new(kind, url, tenant.len <= BROKER_TENANT_NAME_BYTES_MAX ? tenant : STR_NONE);
	struct buf text;

	if (!document)
		return NULL;
	memcpy(document->id, id.at, id.len);
	(void)json_int64(json_get(record, STR("createdAt")), &document->created_us);
	(void)json_int64(json_get(record, STR("expiresAt")), &document->again_us);
	copy_text(record, STR("etag"), document->etag, sizeof(document->etag));
	copy_text(record, STR("lastModified"), document->last_modified, sizeof(document->last_modified));
	document->has_record = true;
	buf_init(&text, STORE_DOCUMENT_BYTES_MAX);
	json_write(&text, json_get(record, STR("document")));
	struct body *body = text.failed ? NULL : body_new(buf_str(&text), json_text(json_get(record, STR("base"))));

	buf_done(&text);
	if (!body) {
		document_free(document);
		return NULL;
	}
	documents_set_body(load->store, document, body);
	return document;
}

/* Nobody else knows the store yet, but the rules of its functions hold. */
static bool add_loaded(struct context_store *store, struct document *document)
{
	struct str url = {document->url, document->url_len};
	struct document *same = url.len ? map_get(&store->by_url, url) : NULL;

	/* Another process may have fetched it too. */
	if (same && same->created_us >= document->created_us) {
		if (store->drop_count < CONTEXT_DROPS_MAX)
			memcpy(store->drops[store->drop_count++], document->id, CONTEXT_ID_BYTES);
		documents_set_body(store, document, NULL);
		document_free(document);
		return true;
	}
	if (url.len && !documents_make_room(store))
		return false;
	same = url.len ? map_get(&store->by_url, url) : NULL;
	if (same) {
		if (store->drop_count < CONTEXT_DROPS_MAX)
			memcpy(store->drops[store->drop_count++], same->id, CONTEXT_ID_BYTES);
		documents_remove(store, same);
	}
	if (!documents_name(store, document))
		return false;
	if (url.len && !map_set(&store->by_url, url, document)) {
		(void)map_remove(&store->by_id, str_from(document->id));
		return false;
	}
	store->stored_count += document->kind != CONTEXT_CACHED;
	documents_trim(store);
	return true;
}

static bool load_one(void *self, struct str id, struct str doc)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct load *load = self;
	enum stored_context_kind kind;
	struct json *record;
	struct document *document;

	arena_clear(&load->arena);
	load->code = json_parse(load->parser, &load->arena, doc, &options, &record, load->err);
	if (load->code == ERR_INVALID ||
	    (load->code == ERR_OK &&
	     (!read_kind(record, &kind) || id.len >= CONTEXT_ID_BYTES || !json_get(record, STR("document")))))
		load->code = err_set(load->err, ERR_CORRUPT, "the stored @context %.*s cannot be read", STR_FMT(id));
	if (load->code != ERR_OK)
		return false;
	document = make_document(load, id, kind, record);
	if (!document) {
		load->code = err_set(load->err, ERR_MEMORY, "no memory for the stored @contexts");
		return false;
	}
	(void)pthread_mutex_lock(&load->store->lock);
	bool added = add_loaded(load->store, document);

	if (!added) {
		documents_set_body(load->store, document, NULL);
		document_free(document);
		load->code = err_set(load->err, ERR_MEMORY, "no memory for the stored @contexts");
	}
	(void)pthread_mutex_unlock(&load->store->lock);
	return added;
}

static enum err_code load_all(struct load *load, struct store_reader *reader)
{
	enum err_code code = store_record_each(reader, STR(CONTEXT_RECORD_KIND), STR_NONE, load_one, load, load->err);

	return code == ERR_OK ? load->code : code;
}

enum err_code context_store_load(struct context_store *store, struct error *err)
{
	struct load load = {.store = store, .err = err};
	struct store_reader *reader;
	enum err_code code = broker_tenant(store->broker, STR_NONE, false, &store->records, err);

	if (code == ERR_OK)
		code = store_reader_new(store->records, &reader, err);
	if (code != ERR_OK)
		return code;
	arena_init(&load.arena, LOAD_ARENA_BYTES_MAX);
	load.parser = json_parser_new();
	code = load.parser ? load_all(&load, reader) : err_set(err, ERR_MEMORY, "no memory for the stored @contexts");
	(void)json_parser_free(load.parser);
	arena_done(&load.arena);
	(void)store_reader_free(reader);
	return code;
}
