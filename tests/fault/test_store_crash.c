/* kill -9 at any moment: a child writes without pause, many writes in flight, and tells over a pipe which ones were
 * acknowledged; the parent kills it after a random while. What was acknowledged is there, no write is half there, the
 * check finds nothing wrong, and the next child goes on with the same file. */
#include "../unit/store_util.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 12
#define IN_FLIGHT 32
#define PADDING_BYTES 6000 /* makes documents large: the log fills and is copied back within the rounds */

#define DOCUMENT                                                                                                       \
	"{\"id\":\"urn:%s:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI                                \
	"\":[{\"type\":\"Property\",\"value\":%d,\"createdAt\":1}],\"" NOTE_IRI                                        \
	"\":[{\"type\":\"Property\",\"value\":\"%*d\",\"createdAt\":1}]}"

struct pair { /* one write: two entities, history, and the sum of all in a third */
	struct store_write write; /* first */
	struct store *store;
	int number;
	int pipe;
	int *next; /* the number of the next write */
};

static enum err_code put_one(struct store_txn *txn, const char *kind, int id, int value, struct error *err)
{
	struct arena *arena = store_txn_arena(txn);
	struct str text = arena_printf(arena, DOCUMENT, kind, id, value, PADDING_BYTES, value);
	struct merge_result result = {0};
	enum err_code code = text.at ? txn_upsert(txn, text.at, err) : err_set(err, ERR_MEMORY, "no memory");

	if (code)
		return code;
	const struct json *entity = txn_parse(txn, text.at);

	code = merge_whole(arena, entity, CHANGE_CREATED, &result, err);
	return code ? code : store_txn_history(txn, document_id(entity), result.changes, value, err);
}

static enum err_code run_pair(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct pair *pair = (const struct pair *)write;
	enum err_code code = put_one(txn, "a", pair->number, pair->number, err);

	if (code == ERR_OK)
		code = put_one(txn, "sum", 0, pair->number, err);
	/* Now and then one that fails half-way, so that batches are repeated. */
	if (code == ERR_OK && pair->number % 17 == 13)
		return err_set(err, ERR_CONFLICT, "as wished");
	return code ? code : put_one(txn, "b", pair->number, pair->number, err);
}

/* On the writer's thread: tells the parent, and is the next write. */
static void pair_done(struct store_write *self, enum err_code code, const struct error *err)
{
	struct pair *pair = (struct pair *)self;
	struct error submit_err = {0};

	if (code && code != ERR_CONFLICT) {
		(void)fprintf(stderr, "child: %s\n", err->detail);
		_exit(2);
	}
	int told = code ? -1 : pair->number;

	/* So few bytes go into a pipe whole or not at all. */
	if (told >= 0 && write(pair->pipe, &told, sizeof(told)) != (ssize_t)sizeof(told))
		_exit(3);
	pair->number = (*pair->next)++;
	if (store_submit(pair->store, &pair->write, &submit_err) != ERR_OK)
		_exit(4);
}

static void child(const char *path, int pipe, int first)
{
	static struct pair pairs[IN_FLIGHT];
	static int next;
	struct store *store = NULL;
	struct error err = {0};

	if (store_sqlite_open(&(struct store_options){.path = path, .create = true}, &store, &err) != ERR_OK) {
		(void)fprintf(stderr, "child: %s\n", err.detail);
		_exit(1);
	}
	next = first + IN_FLIGHT;
	for (int i = 0; i < IN_FLIGHT; i++) {
		pairs[i] = (struct pair){.write = {.run = run_pair, .done = pair_done},
					 .store = store,
					 .number = first + i,
					 .pipe = pipe,
					 .next = &next};
		if (store_submit(store, &pairs[i].write, &err) != ERR_OK)
			_exit(5);
	}
	for (;;)
		(void)pause();
}

/* ---- the parent ---- */

#define NUMBERS_MAX 200000

struct seen {
	bool *acknowledged; /* NUMBERS_MAX */
	int count, highest; /* acknowledged so far */
};

static void take_number(struct seen *seen, int number)
{
	if (!CHECK(number >= 0 && number < NUMBERS_MAX))
		return;
	seen->acknowledged[number] = true;
	seen->count++;
	if (number > seen->highest)
		seen->highest = number;
}

/* Runs a child on the file, kills it after a while, and takes in all that it told. */
static void run_and_kill(const char *path, int first, unsigned wait_ms, struct seen *seen)
{
	int ends[2], number, status;

	if (pipe(ends) != 0)
		abort();
	(void)fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(ends[0]);
		child(path, ends[1], first);
	}
	(void)close(ends[1]);
	/* The clock starts with the first acknowledgement: a slow machine has to open the file first. */
	if (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
		take_number(seen, number);
	(void)usleep(wait_ms * 1000);
	CHECK(kill(pid, SIGKILL) == 0);
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
		take_number(seen, number);
	(void)close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool value_of(struct store_reader *reader, struct json_parser *parser, const char *kind, int number,
		     int64_t *ret_value)
{
	struct arena arena;
	struct str bytes;
	struct json *entity = NULL;
	struct error err = {0};
	char id[32];
	bool there = false;

	(void)snprintf(id, sizeof(id), "urn:%s:%d", kind, number);
	arena_init(&arena, 1 << 24);
	enum err_code code = store_get(reader, str_from(id), &arena, &bytes, &err);

	CHECK(code == ERR_OK || code == ERR_NOT_FOUND);
	if (code == ERR_OK && CHECK_OK(json_parse(parser, &arena, bytes, NULL, &entity, &err), &err))
		there = json_int64(document_value(document_instance(entity, STR(SPEED_IRI), STR_NONE)), ret_value);
	arena_done(&arena);
	return there;
}

/* Gives the highest number whose write is there. */
static int look_at(const char *path, const struct seen *seen, int from, int to)
{
	struct store *store = NULL;
	struct store_reader *reader = NULL;
	struct json_parser *parser = json_parser_new();
	struct error err = {0};
	int highest = from - 1;
	int64_t of_a = 0, of_b = 0, sum = 0;

	if (!CHECK_OK(store_sqlite_open(&(struct store_options){.path = path}, &store, &err), &err) ||
	    !CHECK_OK(store_reader_new(store, &reader, &err), &err))
		abort();
	for (int i = from; i < to && check_case_failures < 10; i++) {
		bool a = value_of(reader, parser, "a", i, &of_a), b = value_of(reader, parser, "b", i, &of_b);

		CHECK(a == b && (!a || (of_a == i && of_b == i)));
		CHECK(a || !seen->acknowledged[i]);
		CHECK(!a || i % 17 != 13);
		highest = a ? i : highest;
	}
	if (highest >= from)
		CHECK(value_of(reader, parser, "sum", 0, &sum) && sum == highest);
	(void)store_reader_free(reader);
	(void)store_free(store);
	(void)json_parser_free(parser);
	return highest;
}

static void acknowledged_writes_survive_kill_9(void)
{
	struct test_folder folder;
	struct seen seen = {.acknowledged = calloc(NUMBERS_MAX, sizeof(bool)), .highest = -1};
	int first = 0;

	folder_make(&folder);
	uint64_t state = 20261122;

	for (int round = 0; round < ROUNDS && check_case_failures == 0; round++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		run_and_kill(folder.file, first, (unsigned)(state >> 40) % 250, &seen);
		/* Numbers given out but not told: those in flight, and some more of the batch that was cut off. */
		int to = (seen.highest > first ? seen.highest : first) + 4 * IN_FLIGHT;
		int highest = look_at(folder.file, &seen, first, to);

		check_clean(folder.file);
		first = (highest > seen.highest ? highest : seen.highest) + IN_FLIGHT;
	}
	printf("# %d writes acknowledged in %d rounds\n", seen.count, ROUNDS);
	CHECK(seen.count > ROUNDS);
	free(seen.acknowledged);
	folder_remove(&folder);
}

int main(void)
{
	RUN(acknowledged_writes_survive_kill_9);
	return check_done();
}
