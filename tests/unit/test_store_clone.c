/* Copies of a store with its entities and history (store_clone): whole at one moment, apart from then on, without what
 * belongs to the original's keeper. And what a copy needs: a deletion told of later (struct change, deleted_us).
 *
 * Method: every case on the memory store and on SQLite. */
#include "check.h"
#include "store/outbox.h"
#include "store_util.h"

#include <pthread.h>
#include <stdatomic.h>

#define ENTITY(id, n)                                                                                                  \
	"{\"id\":\"" id "\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI                                   \
	"\":[{\"type\":\"Property\",\"value\":" n ",\"createdAt\":1}]}"
#define VALUE "{\"type\":\"Property\",\"value\":1,\"createdAt\":10}"

static bool sqlite;
static struct test_folder folder;
static struct arena arena;
static struct error err;

static struct store *begin(void)
{
	folder_make(&folder);
	arena_init(&arena, 1 << 24);
	return open_kind(sqlite, &folder);
}

static void end(void)
{
	arena_done(&arena);
	folder_remove(&folder);
}

static enum err_code clone_into(struct store *store, const char *name, struct store **ret)
{
	char path[200];
	const struct store_options options = {.path = path, .create = true};

	(void)snprintf(path, sizeof(path), "%s/%s", folder.path, name);
	return store_clone(store, &options, ret, &err);
}

static struct str text_of(struct store *store, const char *id)
{
	struct store_reader *reader = NULL;
	struct str bytes = STR("nothing");

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	(void)!store_get(reader, str_from(id), &arena, &bytes, NULL);
	(void)store_reader_free(reader);
	return bytes;
}

/* Everything that may lie beside the entities, and a history. */
static enum err_code put_beside(struct store_txn *txn, void *self, struct error *ret_err)
{
	struct change created = {
		.kind = CHANGE_CREATED, .attribute_iri = STR(SPEED_IRI), .after = txn_parse(txn, VALUE)};
	struct change deleted = {
		.kind = CHANGE_DELETED, .attribute_iri = STR(SPEED_IRI), .before = created.after, .deleted_us = 77};
	const struct store_owed owed = {.subscription = 1, .body = STR("{}")};
	enum err_code code = store_txn_record_put(txn, STR("kind"), STR("id"), STR("{}"), ret_err);

	(void)self;
	created.next = &deleted;
	if (code == ERR_OK)
		code = store_txn_set_meta(txn, STR("mark"), STR("set"), ret_err);
	if (code == ERR_OK)
		code = store_txn_owe(txn, &owed, false, NULL, ret_err);
	return code ? code : store_txn_history(txn, STR("urn:bus:1"), &created, 1000, ret_err);
}

static bool put_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct buf *out = self;

	buf_printf(out, "%lld%c", (long long)at_us, "cud"[kind]);
	buf_put(out, bytes);
	return true;
}

static struct str history_of(struct store *store, const char *id)
{
	struct store_reader *reader = NULL;
	struct buf out;

	buf_init(&out, 1 << 20);
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	CHECK_OK(store_history(reader, str_from(id), STR(SPEED_IRI), STR_NONE, INT64_MIN, INT64_MAX, put_point, &out,
			       &err),
		 &err);
	(void)store_reader_free(reader);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static void a_copy_has_the_contents_and_nothing_beside(void)
{
	struct store *store = begin(), *copy = NULL;
	struct store_reader *reader = NULL;
	struct store_debt *debts;
	struct id_list list;
	struct str text;
	size_t count = 1;

	CHECK_OK(upsert(store, ENTITY("urn:bus:1", "1"), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:2", "2"), &err), &err);
	CHECK_OK(apply(store, put_beside, NULL, &err), &err);
	CHECK_OK(clone_into(store, "copy.db", &copy), &err);
	CHECK_OK(store_reader_new(copy, &reader, &err), &err);
	CHECK_STR(scan_ids(reader, &(struct narrow){.skip = 0}, &list), STR("urn:bus:1 urn:bus:2"));
	CHECK(store_record_get(reader, STR("kind"), STR("id"), &arena, &text, NULL) == ERR_NOT_FOUND);
	CHECK_OK(store_debts(reader, &arena, &debts, &count, &err), &err);
	CHECK(count == 0);
	CHECK_OK(store_get_meta(reader, STR("mark"), &arena, &text, &err), &err);
	CHECK_STR(text, STR("set"));
	(void)store_reader_free(reader);
	CHECK_STR(history_of(copy, "urn:bus:1"), STR("10c" VALUE "77d" VALUE));
	CHECK_STR(history_of(store, "urn:bus:1"), STR("10c" VALUE "77d" VALUE));
	(void)store_free(copy);
	(void)store_free(store);
	end();
}

static void the_two_are_apart(void)
{
	struct store *store = begin(), *copy = NULL, *again = NULL;

	CHECK_OK(upsert(store, ENTITY("urn:bus:1", "1"), &err), &err);
	CHECK_OK(clone_into(store, "copy.db", &copy), &err);
	CHECK(!sqlite || clone_into(store, "copy.db", &again) == ERR_EXISTS);
	CHECK_OK(upsert(store, ENTITY("urn:bus:1", "2"), &err), &err);
	CHECK_OK(upsert(copy, ENTITY("urn:bus:1", "3"), &err), &err);
	CHECK_OK(upsert(copy, ENTITY("urn:bus:4", "4"), &err), &err);
	CHECK_OK(apply(copy, put_beside, NULL, &err), &err);
	CHECK_STR(text_of(store, "urn:bus:1"), STR(ENTITY("urn:bus:1", "2")));
	CHECK_STR(text_of(store, "urn:bus:4"), STR("nothing"));
	CHECK_STR(history_of(store, "urn:bus:1"), STR(""));
	CHECK_OK(clone_into(copy, "again.db", &again), &err); /* of a copy */
	CHECK_OK(remove_entity(copy, "urn:bus:1", &err), &err);
	(void)store_free(store);
	CHECK_STR(text_of(again, "urn:bus:1"), STR(ENTITY("urn:bus:1", "3")));
	CHECK_STR(text_of(again, "urn:bus:4"), STR(ENTITY("urn:bus:4", "4")));
	CHECK_STR(history_of(again, "urn:bus:1"), STR("10c" VALUE "77d" VALUE));
	(void)store_free(again);
	(void)store_free(copy);
	end();
}

/* ---- while others write ---- */

struct pairs {
	struct store *store;
	atomic_bool stop;
	int written;
};

static enum err_code put_pair(struct store_txn *txn, void *self, struct error *ret_err)
{
	char text[400];
	enum err_code code = ERR_OK;

	for (int i = 0; code == ERR_OK && i < 2; i++) {
		(void)snprintf(text, sizeof(text), i ? ENTITY("urn:bus:1", "%d") : ENTITY("urn:bus:2", "%d"),
			       ((struct pairs *)self)->written);
		code = txn_upsert(txn, text, ret_err);
	}
	return code;
}

static void *write_pairs(void *self)
{
	struct pairs *pairs = self;
	struct error local;

	while (!atomic_load(&pairs->stop)) {
		CHECK_OK(apply(pairs->store, put_pair, pairs, &local), &local);
		pairs->written++;
	}
	return NULL;
}

static void a_copy_is_of_one_moment(void)
{
	struct pairs pairs = {.store = begin()};
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, write_pairs, &pairs) == 0);
	for (int i = 0; i < 20; i++) {
		struct store *copy = NULL;
		char name[40];

		(void)snprintf(name, sizeof(name), "copy-%d.db", i);
		CHECK_OK(clone_into(pairs.store, name, &copy), &err);
		struct str one = text_of(copy, "urn:bus:1"), two = text_of(copy, "urn:bus:2");

		CHECK_STR(str_part(one, sizeof("{\"id\":\"urn:bus:1") - 1, one.len),
			  str_part(two, sizeof("{\"id\":\"urn:bus:1") - 1, two.len));
		(void)store_free(copy);
	}
	atomic_store(&pairs.stop, true);
	CHECK(pthread_join(thread, NULL) == 0);
	(void)store_free(pairs.store);
	for (int i = 0; sqlite && i < 20; i += 19) {
		char path[200];

		(void)snprintf(path, sizeof(path), "%s/copy-%d.db", folder.path, i);
		check_clean(path);
	}
	end();
}

int main(void)
{
	for (int kind = 0; kind < 2; kind++) {
		sqlite = kind == 1;
		RUN(a_copy_has_the_contents_and_nothing_beside);
		RUN(the_two_are_apart);
		RUN(a_copy_is_of_one_moment);
	}
	return check_done();
}
