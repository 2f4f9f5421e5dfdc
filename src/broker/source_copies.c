/* What is known of copies of subscriptions: the records, which are named by their tokens. A token begins with a hash of
 * the subscription's id, so that the copies of one stand together. */
#include "broker/source_copies_int.h"

#include "broker/read_int.h"
#include "broker/registrations_int.h"
#include "broker/subscriptions_int.h"

#include <stdio.h>

#define COPY_KIND "source-copy"
#define PREFIX_BYTES 16u
#define PREFIX_SEED UINT64_C(0x6d61636869) /* names in the store depend on it */
#define DOCUMENT_PADDING_BYTES 64u /* that the parser may read behind a text */

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for copies of subscriptions");
}

static void prefix_of(struct str subscription, char prefix[static PREFIX_BYTES + 1])
{
	(void)snprintf(prefix, PREFIX_BYTES + 1, "%016llx", (unsigned long long)str_hash(subscription, PREFIX_SEED));
}

enum err_code source_copy_token(struct str subscription, char token[static SOURCE_COPY_TOKEN_BYTES], struct error *err)
{
	prefix_of(subscription, token);
	return random_id(token + PREFIX_BYTES, err);
}

/* ---- a record ---- */

static void put_text(struct buf *out, const char *key, struct str text)
{
	buf_printf(out, "\"%s\":", key);
	json_write_string(out, text);
	buf_put_char(out, ',');
}

static void write_copy(struct buf *out, const struct source_copy *copy)
{
	buf_put_char(out, '{');
	put_text(out, "subscription", copy->subscription);
	put_text(out, "registration", copy->registration);
	put_text(out, "remote", copy->remote);
	if (copy->sent) {
		buf_put(out, STR("\"sent\":"));
		json_write(out, copy->sent);
		buf_put_char(out, ',');
	}
	buf_printf(out, "\"split\":%s,\"unsure\":%s,", copy->split ? "true" : "false", copy->unsure ? "true" : "false");
	buf_printf(out, "\"refused\":%lld,\"leaving\":%lld,\"source\":", (long long)copy->refused_us,
		   (long long)copy->leaving_us);
	json_write(out, copy->source);
	buf_put_char(out, '}');
}

static bool is_true(const struct json *record, struct str name)
{
	const struct json *value = json_get(record, name);

	return json_is(value, JSON_BOOL) && value->boolean;
}

static enum err_code read_copy(struct broker_reader *reader, struct arena *arena, struct str token, struct str text,
			       struct source_copy *ret, struct error *err)
{
	struct json *json = NULL;
	enum err_code code = reader_parse(reader, arena, text, &json, err);

	if (code != ERR_OK)
		return code;
	*ret = (struct source_copy){.token = arena_dup(arena, token),
				    .subscription = json_text(json_get(json, STR("subscription"))),
				    .registration = json_text(json_get(json, STR("registration"))),
				    .remote = json_text(json_get(json, STR("remote"))),
				    .sent = json_get(json, STR("sent")),
				    .source = json_get(json, STR("source"))};
	ret->split = is_true(json, STR("split"));
	ret->unsure = is_true(json, STR("unsure"));
	if (!ret->subscription.at || !ret->registration.at || !ret->remote.at || !json_is(ret->source, JSON_OBJECT) ||
	    !json_int64(json_get(json, STR("refused")), &ret->refused_us) ||
	    !json_int64(json_get(json, STR("leaving")), &ret->leaving_us))
		return err_set(err, ERR_CORRUPT, "the record of a subscription's copy is damaged");
	return ret->token.at ? ERR_OK : no_memory(err);
}

enum err_code broker_source_copy(struct broker_reader *reader, struct str tenant, struct str token, struct arena *arena,
				 struct source_copy *ret, struct error *err)
{
	struct store_reader *store;
	struct str text;
	enum err_code code = token.len ? store_reader_of(reader, tenant, &store, err) : ERR_NOT_FOUND;

	if (code == ERR_OK)
		code = store_record_get(store, STR(COPY_KIND), token, arena, &text, err);
	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "there is no copy of a subscription by this name");
	return code ? code : read_copy(reader, arena, token, text, ret, err);
}

/* ---- those of one subscription ---- */

struct listing {
	struct broker_reader *reader;
	struct arena *arena;
	struct str prefix, subscription;
	struct source_copies copies;
	size_t room;
	enum err_code code;
	struct error *err;
};

static bool make_room(struct listing *listing)
{
	if (listing->copies.count < listing->room)
		return true;
	size_t room = listing->room ? listing->room * 2 : 8;
	struct source_copy *grown = arena_array(listing->arena, struct source_copy, room);

	if (!grown)
		return false;
	for (size_t i = 0; i < listing->copies.count; i++)
		grown[i] = listing->copies.at[i];
	listing->copies.at = grown;
	listing->room = room;
	return true;
}

static bool list_copy(void *self, struct str token, struct str doc)
{
	struct listing *listing = self;
	struct source_copy *copy;

	if (!str_starts(token, listing->prefix))
		return false;
	char *text = make_room(listing) ? arena_bytes(listing->arena, doc.len, DOCUMENT_PADDING_BYTES) : NULL;

	if (!text) {
		listing->code = no_memory(listing->err);
		return false;
	}
	memcpy(text, doc.at, doc.len);
	copy = &listing->copies.at[listing->copies.count];
	listing->code =
		read_copy(listing->reader, listing->arena, token, (struct str){text, doc.len}, copy, listing->err);
	if (listing->code == ERR_OK && str_eq(copy->subscription, listing->subscription))
		listing->copies.count++;
	return listing->code == ERR_OK;
}

enum err_code broker_source_copies(struct broker_reader *reader, struct str tenant, struct str subscription,
				   struct arena *arena, struct source_copies *ret, struct error *err)
{
	char prefix[PREFIX_BYTES + 1];
	struct listing listing = {.reader = reader, .arena = arena, .subscription = subscription, .err = err};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	prefix_of(subscription, prefix);
	listing.prefix = (struct str){prefix, PREFIX_BYTES};
	if (code == ERR_OK)
		code = store_record_each(store, STR(COPY_KIND), listing.prefix, list_copy, &listing, err);
	*ret = listing.copies;
	return code ? code : listing.code;
}

/* ---- who has, or may want, copies ---- */

struct paging {
	struct broker_reader *reader;
	struct arena *arena;
	struct str *ids;
	size_t count, room;
	bool with_copies;
	struct str last;
	enum err_code code;
	struct error *err;
};

static struct str subscription_in(struct paging *paging, struct str doc)
{
	char *text = arena_bytes(paging->arena, doc.len, DOCUMENT_PADDING_BYTES);
	struct json *json = NULL;

	if (!text)
		return STR_NONE;
	memcpy(text, doc.at, doc.len);
	if (reader_parse(paging->reader, paging->arena, (struct str){text, doc.len}, &json, paging->err) != ERR_OK)
		return STR_NONE;
	return json_text(json_get(json, STR("subscription")));
}

static bool note_id(void *self, struct str id, struct str doc)
{
	struct paging *paging = self;

	paging->last = arena_dup(paging->arena, id);
	paging->ids[paging->count] = paging->with_copies ? subscription_in(paging, doc) : paging->last;
	if (!paging->last.at || !paging->ids[paging->count].at)
		paging->code = no_memory(paging->err);
	return paging->code == ERR_OK && ++paging->count < paging->room;
}

enum err_code broker_source_subscriptions(struct broker_reader *reader, struct str tenant, bool with_copies,
					  struct str *after, struct arena *arena, struct str *ret, size_t room,
					  size_t *ret_count, struct error *err)
{
	struct paging paging = {.reader = reader,
				.arena = arena,
				.ids = ret,
				.room = room,
				.with_copies = with_copies,
				.last = *after,
				.err = err};
	struct str kind = with_copies ? STR(COPY_KIND) : subscription_record_kinds[SUBSCRIPTION_TO_ENTITIES];
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code == ERR_OK)
		code = store_record_each(store, kind, *after, note_id, &paging, err);
	*after = paging.last;
	*ret_count = paging.count;
	return code ? code : paging.code;
}

/* ---- writing ---- */

struct copies_write {
	struct store_write store_write; /* first */
	const struct source_copy_change *changes;
	size_t count;
};

static enum err_code put_copy(struct store_txn *txn, const struct source_copy *copy, struct error *err)
{
	struct buf text;

	buf_init(&text, SOURCE_COPY_BYTES_MAX);
	write_copy(&text, copy);
	enum err_code code = buf_check(&text, "what is known of a subscription's copy", err);

	if (code == ERR_OK)
		code = store_txn_record_put(txn, STR(COPY_KIND), copy->token, buf_str(&text), err);
	buf_done(&text);
	return code;
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	const struct copies_write *write = (const struct copies_write *)store_write;
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < write->count; i++) {
		const struct source_copy_change *change = &write->changes[i];

		code = change->gone ? store_txn_record_delete(txn, STR(COPY_KIND), change->copy.token, err)
				    : put_copy(txn, &change->copy, err);
		if (code == ERR_NOT_FOUND)
			code = ERR_OK;
	}
	return code;
}

enum err_code broker_source_copies_put(struct broker *broker, struct str tenant,
				       const struct source_copy_change *changes, size_t count, struct error *err)
{
	struct copies_write write = {.store_write = {.run = run}, .changes = changes, .count = count};
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, false, &store, err);

	return code || !count ? code : store_apply(store, &write.store_write, err);
}
