/* Many threads on one store, both kinds: submitters that add to shared sums, readers that must never see a half write.
 * Every write takes from one account and gives to another, so the sum over all is the same in every snapshot. */
#include "store_util.h"

#include <pthread.h>

#define ACCOUNTS 8
#define SUBMITTERS 6
#define READERS 3
#define TRANSFERS 60
#define START_SUM 1000

struct bench {
	struct store *store;
	_Atomic bool stop;
	_Atomic int reads;
};

struct transfer {
	struct test_write test; /* first */
	uint32_t from, to;
	bool fails;
};

#define ACCOUNT                                                                                                        \
	"{\"id\":\"urn:account:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI                           \
	"\":[{\"type\":\"Property\",\"value\":%d,\"createdAt\":1}]}"

static enum err_code open_accounts(struct store_txn *txn, void *self, struct error *err)
{
	char text[300];
	enum err_code code = ERR_OK;

	(void)self;
	for (int i = 0; code == ERR_OK && i < ACCOUNTS; i++) {
		(void)snprintf(text, sizeof(text), ACCOUNT, i, START_SUM);
		code = txn_upsert(txn, text, err);
	}
	return code;
}

static enum err_code add(struct store_txn *txn, uint32_t account, int amount, struct error *err)
{
	struct arena *arena = store_txn_arena(txn);
	struct str id = arena_printf(arena, "urn:account:%u", account);
	struct json *before, *after;
	int64_t sum = 0;
	enum err_code code = store_txn_get(txn, id, &before, err);

	if (code)
		return code;
	after = json_dup(arena, before);
	struct json *value = document_value(document_instance(after, STR(SPEED_IRI), STR_NONE));

	if (!json_int64(value, &sum))
		return err_set(err, ERR_CORRUPT, "no sum in %.*s", STR_FMT(id));
	*value = json_int(arena, sum + amount);
	return store_txn_put(txn, before, after, err);
}

static enum err_code run_transfer(struct store_txn *txn, void *self, struct error *err)
{
	const struct transfer *transfer = self;
	enum err_code code = add(txn, transfer->from, -7, err);

	if (code == ERR_OK && transfer->fails)
		code = err_set(err, ERR_CONFLICT, "as wished");
	return code ? code : add(txn, transfer->to, 7, err);
}

static void *submit_transfers(void *self)
{
	struct bench *bench = self;

	for (uint32_t i = 0; i < TRANSFERS; i++) {
		struct transfer transfer = {.from = i % ACCOUNTS, .to = (i * 3 + 1) % ACCOUNTS, .fails = i % 10 == 9};
		struct error err = {0};

		if (transfer.to == transfer.from)
			transfer.to = (transfer.to + 1) % ACCOUNTS;
		enum err_code code = apply(bench->store, run_transfer, &transfer, &err);

		CHECK(code == (transfer.fails ? ERR_CONFLICT : ERR_OK));
	}
	return NULL;
}

struct sum {
	struct json_parser *parser;
	struct arena arena;
	int64_t total;
	int accounts;
};

static bool add_account(void *self, struct str bytes)
{
	struct sum *sum = self;
	struct json *entity = NULL;
	int64_t value = 0;

	arena_clear(&sum->arena);
	CHECK(json_parse(sum->parser, &sum->arena, bytes, NULL, &entity, NULL) == ERR_OK);
	CHECK(json_int64(document_value(document_instance(entity, STR(SPEED_IRI), STR_NONE)), &value));
	sum->total += value;
	sum->accounts++;
	return true;
}

static void *read_sums(void *self)
{
	struct bench *bench = self;
	struct store_reader *reader = NULL;
	struct str type = STR(BUS_IRI);
	struct error err = {0};

	CHECK_OK(store_reader_new(bench->store, &reader, &err), &err);
	while (!bench->stop) {
		struct sum sum = {.parser = json_parser_new()};
		struct store_stats stats;

		arena_init(&sum.arena, 1 << 20);
		CHECK_OK(store_scan(reader, &(struct narrow){.type_iris = &type, .type_count = 1}, add_account, &sum,
				    &err),
			 &err);
		CHECK(sum.accounts == ACCOUNTS && sum.total == (int64_t)ACCOUNTS * START_SUM);
		CHECK_OK(store_stats(bench->store, &stats, &err), &err);
		CHECK(stats.entities == ACCOUNTS);
		arena_done(&sum.arena);
		(void)json_parser_free(sum.parser);
		bench->reads++;
	}
	(void)store_reader_free(reader);
	return NULL;
}

static void transfers_are_atomic(bool sqlite)
{
	struct test_folder folder;
	struct bench bench = {.stop = false};
	pthread_t submitters[SUBMITTERS], readers[READERS];
	struct store_stats stats;
	struct error err = {0};

	folder_make(&folder);
	bench.store = open_kind(sqlite, &folder);
	CHECK_OK(apply(bench.store, open_accounts, NULL, &err), &err);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&readers[i], NULL, read_sums, &bench) == 0);
	for (int i = 0; i < SUBMITTERS; i++)
		CHECK(pthread_create(&submitters[i], NULL, submit_transfers, &bench) == 0);
	for (int i = 0; i < SUBMITTERS; i++)
		(void)pthread_join(submitters[i], NULL);
	bench.stop = true;
	for (int i = 0; i < READERS; i++)
		(void)pthread_join(readers[i], NULL);
	CHECK_OK(store_stats(bench.store, &stats, &err), &err);
	CHECK(stats.writes == 1 + SUBMITTERS * TRANSFERS);
	CHECK(stats.write_errors == (uint64_t)(SUBMITTERS * (TRANSFERS / 10)));
	CHECK(stats.commits <= stats.writes && bench.reads > 0);
	(void)store_free(bench.store);
	if (sqlite)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void transfers_are_atomic_in_sqlite(void)
{
	transfers_are_atomic(true);
}

static void transfers_are_atomic_in_memory(void)
{
	transfers_are_atomic(false);
}

int main(void)
{
	RUN(transfers_are_atomic_in_sqlite);
	RUN(transfers_are_atomic_in_memory);
	return check_done();
}
