/* What it costs to ask whether an instance that arrives late is in the history already: processor time of one question
 * inside a write, beside appending it. Of one point; of 100,000 points, all of one series or of 1,000 series by turns,
 * as rows or packed; moments are at random. Figures of src/store/README.md. */
#include "base/time_value.h"
#include "bench.h"
#include "store/bulk.h"
#include "store/pack.h"
#include "store/store.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define POINTS 100000u
#define POINTS_A_COMMIT 2000u
#define SERIES 1000u
#define BATCHES 64u
#define QUESTIONS 2000u
#define START_US INT64_C(1763785260000000)
#define ARRIVED_US (START_US + US_PER_DAY * 2)
#define STRIDE 61803u
#define ATTRIBUTE "https://smartdatamodels.org/dataModel.Environment/temperature"

static struct store *store;
static char path[96];

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_late: %s: %s\n", what, why);
	exit(1);
}

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

enum task { FILL, ASK, APPEND };

struct work {
	struct store_write write; /* first */
	enum task task;
	uint32_t series, points; /* that there are */
	bool mixed; /* they came in no order */
	uint32_t from, count;
	bool plain; /* without a unit, as what comes in batches */
	bool there; /* asked for moments that there are */
	uint32_t found;
	double took_us; /* without making the instances */
};

static struct json *instance_of(struct store_txn *txn, const struct work *work, uint32_t point, bool there)
{
	char time[TIME_ISO_BYTES], text[400];
	struct json *instance = NULL;
	int64_t us = START_US + (int64_t)(point / work->series) * US_PER_S + (there ? 0 : US_PER_S / 2);

	(void)snprintf(text, sizeof(text),
		       "{\"type\":\"Property\",\"value\":%u.%u,%s\"observedAt\":\"%.*s\","
		       "\"createdAt\":%" PRId64 "}",
		       15 + point % 11, 1 + point % 9, work->plain ? "" : "\"unitCode\":\"CEL\",",
		       STR_FMT(time_format_iso(us, time)), START_US);
	if (json_parse(store_txn_parser(txn), store_txn_arena(txn), str_from(text), NULL, &instance, NULL) != ERR_OK)
		fail("an instance", text);
	return instance;
}

static enum err_code run(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct work *work = (struct work *)write;
	uint64_t state = 88172645463325252u;
	enum err_code code = ERR_OK;

	work->took_us = 0;
	work->found = 0;
	for (uint32_t i = work->from; i < work->from + work->count && !code; i++) {
		bool has = false;

		state = state * 6364136223846793005u + 1442695040888963407u;
		uint32_t point = (uint32_t)(state >> 33) % work->points;
		char id[40];

		if (work->task == FILL) /* STRIDE and the number of points have no divisor in common */
			point = work->mixed ? (uint32_t)((uint64_t)i * STRIDE % work->points) : i;
		(void)snprintf(id, sizeof(id), "urn:ngsi-ld:Room:%u", point % work->series);
		arena_clear(store_txn_arena(txn));
		const struct json *instance = instance_of(txn, work, point, work->task == FILL || work->there);
		const struct change change = {
			.kind = CHANGE_UPDATED, .attribute_iri = STR(ATTRIBUTE), .after = instance};
		double start = cpu_us();

		if (work->task == ASK)
			code = store_txn_has_instance(txn, str_from(id), STR(ATTRIBUTE), STR_NONE, instance, &has, err);
		else
			code = store_txn_history(txn, str_from(id), &change, ARRIVED_US, err);
		work->took_us += cpu_us() - start;
		work->found += has;
	}
	return code;
}

static void apply(struct work *work)
{
	struct error err;

	work->write.run = run;
	if (store_apply(store, &work->write, &err) != ERR_OK)
		fail("a write", err.detail);
}

static void open_store(void)
{
	struct error err;

	(void)snprintf(path, sizeof(path), "/dev/shm/machi-bench-late-%d.db", (int)getpid());
	if (store_sqlite_open(&(struct store_options){.path = path, .create = true}, &store, &err) != ERR_OK)
		fail("opening", err.detail);
}

static void begin(uint32_t series, uint32_t points, bool mixed, bool packed)
{
	struct error err;
	struct store_pack_result result;
	const struct store_pack_options options = {.now_us = START_US + US_PER_DAY * 400, .all = true};

	open_store();
	for (uint32_t i = 0; i < points; i += POINTS_A_COMMIT)
		apply(&(struct work){.task = FILL,
				     .series = series,
				     .points = points,
				     .mixed = mixed,
				     .from = i,
				     .count = points - i < POINTS_A_COMMIT ? points - i : POINTS_A_COMMIT});
	if (packed && store_pack(store, &options, &result, &err) != ERR_OK)
		fail("packing", err.detail);
}

/* The same as batches, each of one second, that wait to be packed. */
static enum err_code run_batch(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct work *work = (struct work *)write;
	struct store_bulk *bulk = NULL;
	struct store_bulk_subject subject = {.id = STR_NONE};
	struct store_bulk_value value = {.kind = SERIES_DECIMAL, .scale = 1};
	int64_t generation;
	char id[40];
	enum err_code code = store_txn_bulk_name(txn, STR(ATTRIBUTE), &value.name, err);

	if (code == ERR_OK)
		code = store_txn_bulk_subjects(txn, &subject, 0, &generation, err);
	if (code == ERR_OK)
		code = store_bulk_new(store, ARRIVED_US, generation, &bulk, err);
	for (uint32_t i = work->from; i < work->from + work->count && !code; i++) {
		(void)snprintf(id, sizeof(id), "urn:ngsi-ld:Room:%u", i % work->series);
		subject.id = str_from(id);
		value.mantissa = 10 * (15 + (int64_t)i % 11) + 1 + (int64_t)i % 9;
		code = store_txn_bulk_subjects(txn, &subject, 1, &generation, err);
		if (code == ERR_OK)
			code = store_bulk_add(bulk, subject.number, START_US + (int64_t)(i / work->series) * US_PER_S,
					      &value, 1, err);
	}
	if (code == ERR_OK)
		code = store_bulk_finish(bulk, err);
	if (code == ERR_OK)
		code = store_txn_bulk(txn, bulk, err);
	(void)store_bulk_free(bulk);
	return code;
}

static void end(void)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock", "-pack"};
	char name[120];

	store = store_free(store);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
}

static void measure(const char *what, uint32_t series, uint32_t points, bool mixed, bool packed)
{
	double there[BENCH_ROUNDS], not_there[BENCH_ROUNDS], append[BENCH_ROUNDS];

	begin(series, points, mixed, packed);
	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		struct work work = {.task = ASK, .series = series, .points = points, .count = QUESTIONS, .there = true};

		apply(&work);
		if (work.found != QUESTIONS)
			fail(what, "an instance that is there was not found");
		there[round] = work.took_us / QUESTIONS;
		work.there = false;
		apply(&work);
		if (work.found)
			fail(what, "an instance that is not there was found");
		not_there[round] = work.took_us / QUESTIONS;
	}
	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		struct work work = {.task = APPEND, .series = series, .points = points, .count = QUESTIONS};

		apply(&work);
		append[round] = work.took_us / QUESTIONS;
	}
	bench_report_rounds(what, "asked for, there", there, BENCH_ROUNDS, "us");
	bench_report_rounds(what, "asked for, not there", not_there, BENCH_ROUNDS, "us");
	bench_report_rounds(what, "appended", append, BENCH_ROUNDS, "us");
	end();
}

static void measure_batches(const char *what, bool plain)
{
	double took[BENCH_ROUNDS];
	struct error err;

	open_store();
	for (uint32_t i = 0; i < BATCHES; i++) {
		struct work work = {.write = {.run = run_batch}, .series = SERIES, .from = i * SERIES, .count = SERIES};

		if (store_apply(store, &work.write, &err) != ERR_OK)
			fail("a batch", err.detail);
	}
	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		struct work work = {.task = ASK,
				    .series = SERIES,
				    .points = BATCHES * SERIES,
				    .count = QUESTIONS / 10,
				    .plain = plain,
				    .there = true};

		apply(&work);
		if (work.found != (plain ? work.count : 0))
			fail(what, "not what is there was found");
		took[round] = work.took_us / work.count;
	}
	bench_report_rounds(what, plain ? "asked for, there" : "asked for, not there", took, BENCH_ROUNDS, "us");
	end();
}

int main(void)
{
	measure("1 point, a row", 1, 1, false, false);
	measure("1 point, packed", 1, 1, false, true);
	measure("100,000 points of one series, rows", 1, POINTS, false, false);
	measure("100,000 points of one series, rows of points that came in no order", 1, POINTS, true, false);
	measure("100,000 points of one series, packed", 1, POINTS, false, true);
	measure("100,000 points of 1,000 series, rows", SERIES, POINTS, false, false);
	measure("100,000 points of 1,000 series, packed", SERIES, POINTS, false, true);
	measure_batches("64 batches of 1,000 points, not packed; a plain value", true);
	measure_batches("64 batches of 1,000 points, not packed; one with a unit", false);
	return 0;
}
