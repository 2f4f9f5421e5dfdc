/* The census against counting by hand and against a naive count over all documents that is made here, by another way:
 * a line for each thing counted, sorted. Random writes go in as batches in which some fail, before or after a change,
 * so that the store repeats and undoes them. What the census costs is seen by triggers on its table. */
#include "gate_util.h"
#include "random_util.h"

#include "store/census.h"

#include <sqlite3.h>

#define OLD_IRI "https://example.org/old"
#define LINES_MAX 20000
#define ROUNDS 60
#define BATCH 12
#define POOL 24 /* ids */

static bool sqlite_kind;

/* ---- lines: "within|name|kind count", sorted ---- */

struct lines {
	char *at[LINES_MAX];
	size_t count;
};

static void line_add(struct lines *lines, char *line)
{
	if (lines->count == LINES_MAX || !line)
		abort();
	lines->at[lines->count++] = line;
}

static void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->at[i]);
	free(lines);
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *line_of(struct str within, struct str name, struct str kind)
{
	char *line = NULL;

	return asprintf(&line, "%.*s|%.*s|%.*s", STR_FMT(within), STR_FMT(name), STR_FMT(kind)) < 0 ? NULL : line;
}

/* Equal lines become one with their number behind it. */
static void lines_fold(struct lines *lines)
{
	size_t kept = 0;

	if (lines->count > 1)
		qsort(lines->at, lines->count, sizeof(char *), line_cmp);
	for (size_t from = 0, to; from < lines->count; from = to) {
		char *line = NULL;

		for (to = from + 1; to < lines->count && strcmp(lines->at[from], lines->at[to]) == 0; to++)
			free(lines->at[to]);
		if (asprintf(&line, "%s %zu", lines->at[from], to - from) < 0)
			abort();
		free(lines->at[from]);
		lines->at[kept++] = line;
	}
	lines->count = kept;
}

/* ---- the naive count ---- */

struct naive {
	struct lines *lines;
	struct json_parser *parser;
	struct arena arena;
	int64_t expired_us;
};

static bool is_new(const struct json *list, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (str_eq(json_text(&list->items[i]), json_text(&list->items[index])))
			return false;
	return true;
}

static bool has_expired(const struct naive *naive, const struct json *node)
{
	int64_t at_us;

	return time_parse_iso(json_text(json_get(node, STR("expiresAt"))), true, &at_us) && at_us <= naive->expired_us;
}

static void naive_attribute(const struct naive *naive, const struct json *types, const struct json_member *attribute)
{
	for (uint32_t i = 0; i < attribute->value.count; i++) {
		struct str kind = json_text(json_get(&attribute->value.items[i], STR("type")));

		if (has_expired(naive, &attribute->value.items[i]))
			continue;
		line_add(naive->lines, line_of(STR_NONE, attribute->key, kind));
		for (uint32_t t = 0; t < types->count; t++)
			if (is_new(types, t))
				line_add(naive->lines, line_of(json_text(&types->items[t]), attribute->key, kind));
	}
}

static bool naive_document(void *self, struct str bytes)
{
	struct naive *naive = self;
	struct json *entity = NULL;

	arena_clear(&naive->arena);
	CHECK(json_parse(naive->parser, &naive->arena, bytes, NULL, &entity, NULL) == ERR_OK);
	const struct json *types = json_get(entity, STR("type"));

	if (has_expired(naive, entity))
		return true;
	for (uint32_t t = 0; t < types->count; t++)
		if (is_new(types, t))
			line_add(naive->lines, line_of(STR_NONE, json_text(&types->items[t]), STR("")));
	for (uint32_t i = 0; i < entity->count; i++)
		if (str_contains(entity->members[i].key, STR(":")))
			naive_attribute(naive, types, &entity->members[i]);
	return true;
}

static struct lines *naive_count(struct store_reader *reader, int64_t expired_us)
{
	const struct narrow everything = {.type_count = 0};
	struct naive naive = {
		.lines = calloc(1, sizeof(struct lines)), .parser = json_parser_new(), .expired_us = expired_us};
	struct error err = {0};

	if (!naive.lines || !naive.parser)
		abort();
	arena_init(&naive.arena, 1 << 26);
	CHECK_OK(store_scan(reader, &everything, naive_document, &naive, &err), &err);
	arena_done(&naive.arena);
	(void)json_parser_free(naive.parser);
	lines_fold(naive.lines);
	return naive.lines;
}

/* ---- the census as lines ---- */

static bool take_row(void *self, const struct census_row *row)
{
	char *line = NULL;

	CHECK(row->count > 0);
	if (asprintf(&line, "%.*s|%.*s|%.*s %llu", STR_FMT(row->within_iri), STR_FMT(row->name_iri),
		     STR_FMT(census_kind_name(row->kind)), (unsigned long long)row->count) < 0)
		abort();
	line_add(self, line);
	return true;
}

static struct lines *ask(struct store_reader *reader, const struct census_question *question)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	struct error err = {0};

	if (!lines)
		abort();
	CHECK_OK(store_census(reader, question, take_row, lines, &err), &err);
	if (lines->count > 1)
		qsort(lines->at, lines->count, sizeof(char *), line_cmp);
	return lines;
}

static bool line_is_asked_for(const struct census_question *question, const char *line)
{
	struct str rest = str_from(line), within, name, kind;

	if (!str_next(&rest, '|', &within) || !str_next(&rest, '|', &name) || !str_next(&rest, ' ', &kind))
		abort();
	switch (question->part) {
	case CENSUS_TOTALS:
		return within.len == 0;
	case CENSUS_OF_TYPE:
		return str_eq(within, question->iri) || (kind.len == 0 && str_eq(name, question->iri));
	case CENSUS_OF_ATTRIBUTE:
		return kind.len > 0 && str_eq(name, question->iri);
	default:
		return true;
	}
}

static void check_question(struct store_reader *reader, const struct census_question *question)
{
	struct lines *wanted = naive_count(reader, question->expired_us), *got = ask(reader, question);
	size_t at = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		if (!line_is_asked_for(question, wanted->at[i]))
			continue;
		CHECK_STR(at < got->count ? str_from(got->at[at]) : STR_NONE, str_from(wanted->at[i]));
		at++;
	}
	CHECK(at == got->count);
	lines_free(wanted);
	lines_free(got);
}

static void check_census(struct store_reader *reader, int64_t expired_us)
{
	static const char *const iris[] = {BUS_IRI, STOP_IRI, SPEED_IRI, NAME_IRI, "https://example.org/none"};
	struct census_question question = {.part = CENSUS_ALL, .expired_us = expired_us};

	check_question(reader, &question);
	question.part = CENSUS_TOTALS;
	check_question(reader, &question);
	for (size_t i = 0; i < sizeof(iris) / sizeof(iris[0]); i++) {
		question.iri = str_from(iris[i]);
		question.part = CENSUS_OF_TYPE;
		check_question(reader, &question);
		question.part = CENSUS_OF_ATTRIBUTE;
		check_question(reader, &question);
	}
}

static struct store_reader *open_reader(struct store *store)
{
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	return reader;
}

/* ---- by hand ---- */

#define INSTANCE(kind) "{\"type\":\"" kind "\",\"createdAt\":1}"
#define SPEED(...) ",\"" SPEED_IRI "\":[" __VA_ARGS__ "]"
#define NAME(...) ",\"" NAME_IRI "\":[" __VA_ARGS__ "]"
#define ENTITY(id, types, rest) "{\"id\":\"" id "\",\"type\":[" types "],\"createdAt\":1" rest "}"
#define BUS "\"" BUS_IRI "\""
#define STOP "\"" STOP_IRI "\""

struct step {
	const char *document; /* NULL: urn:bus:1 is deleted */
	const char *wanted; /* the whole census then, in lines */
};

static const struct step steps[] = {
	{ENTITY("urn:bus:1", BUS, NAME(INSTANCE("Property"))), BUS_IRI "|" NAME_IRI "|Property 1\n"
								       "|" BUS_IRI "| 1\n"
								       "|" NAME_IRI "|Property 1\n"},
	/* Another entity of two types, one named twice; an attribute of two instances, of two kinds. */
	{ENTITY("urn:bus:2", BUS "," STOP "," BUS, NAME(INSTANCE("LanguageProperty") "," INSTANCE("Property"))),
	 BUS_IRI "|" NAME_IRI "|LanguageProperty 1\n" BUS_IRI "|" NAME_IRI "|Property 2\n" STOP_IRI "|" NAME_IRI
		 "|LanguageProperty 1\n" STOP_IRI "|" NAME_IRI "|Property 1\n"
		 "|" BUS_IRI "| 2\n"
		 "|" STOP_IRI "| 1\n"
		 "|" NAME_IRI "|LanguageProperty 1\n"
		 "|" NAME_IRI "|Property 2\n"},
	/* It loses a type and the instance of one kind, and gains an attribute. */
	{ENTITY("urn:bus:2", STOP, NAME(INSTANCE("Property")) SPEED(INSTANCE("Relationship"))), BUS_IRI
	 "|" NAME_IRI "|Property 1\n" STOP_IRI "|" NAME_IRI "|Property 1\n" STOP_IRI "|" SPEED_IRI "|Relationship 1\n"
	 "|" BUS_IRI "| 1\n"
	 "|" STOP_IRI "| 1\n"
	 "|" NAME_IRI "|Property 2\n"
	 "|" SPEED_IRI "|Relationship 1\n"},
	{NULL, STOP_IRI "|" NAME_IRI "|Property 1\n" STOP_IRI "|" SPEED_IRI "|Relationship 1\n"
			"|" STOP_IRI "| 1\n"
			"|" NAME_IRI "|Property 1\n"
			"|" SPEED_IRI "|Relationship 1\n"},
	{ENTITY("urn:bus:2", STOP, ""), "|" STOP_IRI "| 1\n"},
};

static void check_text(struct store_reader *reader, int64_t expired_us, const char *wanted)
{
	struct lines *lines = ask(reader, &(struct census_question){.part = CENSUS_ALL, .expired_us = expired_us});
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < lines->count; i++)
		buf_printf(&text, "%s\n", lines->at[i]);
	CHECK_STR(buf_str(&text), str_from(wanted));
	buf_done(&text);
	lines_free(lines);
}

static void types_kinds_and_instances_are_counted(void)
{
	struct test_folder folder;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);
	struct store_reader *reader = open_reader(store);

	check_text(reader, INT64_MIN, "");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].document)
			CHECK_OK(upsert(store, steps[i].document, &err), &err);
		else
			CHECK_OK(remove_entity(store, "urn:bus:1", &err), &err);
		check_text(reader, INT64_MIN, steps[i].wanted);
	}
	(void)store_reader_free(reader);
	(void)store_free(store);
	folder_remove(&folder);
}

static void what_has_expired_is_not_counted(void)
{
	static const char one[] = BUS_IRI "|" SPEED_IRI "|Property 1\n"
					  "|" BUS_IRI "| 1\n"
					  "|" SPEED_IRI "|Property 1\n";
	struct test_folder folder;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);
	struct store_reader *reader = open_reader(store);

	CHECK_OK(upsert(store, ENTITY("urn:bus:1", BUS, SPEED(INSTANCE("Property"))), &err), &err);
	CHECK_OK(upsert(store,
			ENTITY("urn:bus:2", BUS "," STOP,
			       ",\"expiresAt\":\"1970-01-01T00:00:07Z\"" SPEED(INSTANCE("Property"))),
			&err),
		 &err);
	check_text(reader, 7 * US_PER_S, one);
	check_text(reader, INT64_MAX - 1, one);
	check_census(reader, 7 * US_PER_S - 1);
	check_census(reader, INT64_MIN);
	struct lines *all = ask(reader, &(struct census_question){.part = CENSUS_ALL, .expired_us = 7 * US_PER_S - 1});

	CHECK(all->count == 5);
	lines_free(all);
	(void)store_reader_free(reader);
	(void)store_free(store);
	folder_remove(&folder);
}

/* ---- random batches ---- */

static void put_attribute(struct random *random, struct buf *buf, const char *iri)
{
	uint32_t instances = 1 + (roll(random, 4) ? 0 : roll(random, 3));

	buf_printf(buf, ",\"%s\":[", iri);
	for (uint32_t i = 0; i < instances; i++) {
		uint32_t kind = roll(random, 3) ? CENSUS_PROPERTY : 1 + roll(random, CENSUS_KIND_COUNT - 1);

		buf_printf(buf, "%s{\"type\":\"%.*s\",\"datasetId\":\"urn:d:%u\",\"createdAt\":1", i ? "," : "",
			   STR_FMT(census_kind_name(kind)), i);
		if (roll(random, 6) == 0)
			buf_printf(buf, ",\"expiresAt\":\"1970-01-01T00:00:%02uZ\"", roll(random, 10));
		buf_put_char(buf, '}');
	}
	buf_put_char(buf, ']');
}

static const char *random_document(struct random *random, struct arena *arena)
{
	static const char *const types[] = {BUS_IRI, STOP_IRI, "https://example.org/Shelter"};
	static const char *const attributes[] = {SPEED_IRI, NAME_IRI, NOTE_IRI, OLD_IRI};
	struct buf buf;

	buf_init(&buf, 1 << 20);
	buf_printf(&buf, "{\"id\":\"urn:x:%u\",\"type\":[\"%s\"", roll(random, POOL), types[roll(random, 2)]);
	for (uint32_t i = roll(random, 3); i > 0; i--)
		buf_printf(&buf, ",\"%s\"", types[roll(random, 3)]);
	buf_put(&buf, STR("],\"createdAt\":1"));
	if (roll(random, 4) == 0)
		buf_printf(&buf, ",\"expiresAt\":\"1970-01-01T00:00:%02uZ\"", roll(random, 10));
	for (size_t i = 0; i < 4; i++)
		if (roll(random, 2))
			put_attribute(random, &buf, attributes[i]);
	if (roll(random, 12) == 0)
		buf_printf(&buf, ",\"https://example.org/rare%u\":[" INSTANCE("Property") "]", roll(random, 200));
	buf_put_char(&buf, '}');
	struct str text = arena_dup(arena, buf_str(&buf));

	buf_done(&buf);
	return text.at;
}

struct plan { /* one write: reproducible from its seed, as a repeated one has to be */
	uint64_t seed;
};

static enum err_code run_plan(struct store_txn *txn, void *self, struct error *err)
{
	struct random random = {((struct plan *)self)->seed};
	uint32_t steps_left = 1 + roll(&random, 5), wish = roll(&random, 8);
	enum err_code code = ERR_OK;

	if (wish == 0)
		return err_set(err, ERR_CONFLICT, "as wished, before any change");
	for (; code == ERR_OK && steps_left > 0; steps_left--) {
		const char *text = random_document(&random, store_txn_arena(txn));
		struct json *entity = txn_parse(txn, text), *before = NULL;

		code = store_txn_get(txn, document_id(entity), &before, NULL);
		if (code == ERR_NOT_FOUND)
			code = ERR_OK;
		if (code == ERR_OK && before && roll(&random, 3) == 0)
			code = store_txn_delete(txn, before, err);
		else if (code == ERR_OK)
			code = store_txn_put(txn, before, entity, err);
	}
	if (code == ERR_OK && wish == 1)
		code = err_set(err, ERR_CONFLICT, "as wished, after changes");
	return code;
}

static void run_batch(struct store *store, struct random *random)
{
	struct gate gate;
	struct queued first, queued[BATCH];
	struct plan plans[BATCH];

	gate_shut(store, &gate, &first);
	for (int i = 0; i < BATCH; i++) {
		plans[i] = (struct plan){.seed = (uint64_t)roll(random, UINT32_MAX) << 20 | 1};
		gate_submit(store, &gate, &queued[i], run_plan, &plans[i]);
	}
	gate_open(&gate, BATCH + 1);
	for (int i = 0; i < BATCH; i++)
		CHECK(queued[i].code == ERR_OK || queued[i].code == ERR_CONFLICT);
	CHECK(first.code == ERR_OK);
}

static void the_census_is_the_naive_count_after_random_batches(void)
{
	struct test_folder folder;
	struct random random = {88172645463325252u};
	struct store_stats stats;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);
	struct store_reader *reader = open_reader(store);

	for (int round = 0; round < ROUNDS && check_case_failures == 0; round++) {
		run_batch(store, &random);
		check_census(reader, roll(&random, 3) ? (int64_t)roll(&random, 11) * US_PER_S : INT64_MIN);
	}
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.replays > 0 && stats.write_errors > 0);
	printf("# %llu entities, %llu writes of which %llu failed, %llu batches repeated\n",
	       (unsigned long long)stats.entities, (unsigned long long)stats.writes,
	       (unsigned long long)stats.write_errors, (unsigned long long)stats.replays);
	(void)store_reader_free(reader);
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- what only SQLite has ---- */

static int64_t sql_on(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	const char *rest = sql;
	int64_t number = -1;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 60000);
	while (*rest && CHECK(sqlite3_prepare_v2(db, rest, -1, &stmt, &rest) == SQLITE_OK)) {
		int rc = sqlite3_step(stmt);

		if (rc == SQLITE_ROW)
			number = sqlite3_column_int64(stmt, 0);
		else if (rc != SQLITE_DONE)
			printf("# %s: %s\n", sql, sqlite3_errmsg(db));
		(void)sqlite3_finalize(stmt);
	}
	(void)sqlite3_close(db);
	return number;
}

static enum err_code put_thousand(struct store_txn *txn, void *self, struct error *err)
{
	const int *value = self;
	enum err_code code = ERR_OK;
	char text[400];

	for (int i = 0; code == ERR_OK && i < 1000; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:bus:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI
			       "\":[{\"type\":\"Property\",\"value\":%d}],\"" NAME_IRI
			       "\":[{\"type\":\"Property\",\"value\":\"x\"}]}",
			       i, *value);
		code = txn_upsert(txn, text, err);
	}
	return code;
}

static enum err_code add_then_fail(struct store_txn *txn, void *self, struct error *err)
{
	enum err_code code = txn_upsert(txn, self, err);

	return code ? code : err_set(err, ERR_CONFLICT, "as wished");
}

static void a_thousand_alike_cost_a_row_for_each_count_and_changes_of_value_nothing(void)
{
	struct test_folder folder;
	struct error err = {0};
	int value = 1;

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	(void)sql_on(folder.file, "CREATE TABLE seen(x);"
				  "CREATE TRIGGER a AFTER INSERT ON census BEGIN INSERT INTO seen VALUES (1); END;"
				  "CREATE TRIGGER b AFTER UPDATE ON census BEGIN INSERT INTO seen VALUES (1); END;"
				  "CREATE TRIGGER c AFTER DELETE ON census BEGIN INSERT INTO seen VALUES (1); END;");
	CHECK_OK(apply(store, put_thousand, &value, &err), &err);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM seen") == 5); /* a type; two attributes, whole and within */
	CHECK(sql_on(folder.file, "SELECT max(count) FROM census") == 1000);
	value = 2;
	CHECK_OK(apply(store, put_thousand, &value, &err), &err);
	CHECK(apply(store, add_then_fail, (void *)(uintptr_t)ENTITY("urn:bus:x", STOP, ""), &err) == ERR_CONFLICT);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM seen") == 5);
	(void)sql_on(folder.file, "DROP TRIGGER a; DROP TRIGGER b; DROP TRIGGER c; DROP TABLE seen;");
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

#define MANY_ENTITIES 12
#define MANY_ATTRIBUTES 3000

/* More cells than a transaction keeps in memory. */
static enum err_code put_many(struct store_txn *txn, void *self, struct error *err)
{
	enum err_code code = ERR_OK;

	for (int i = 0; code == ERR_OK && i < MANY_ENTITIES; i++) {
		struct buf buf;

		arena_clear(store_txn_arena(txn));
		buf_init(&buf, 1 << 24);
		buf_printf(&buf, "{\"id\":\"urn:many:%d\",\"type\":[" BUS "],\"createdAt\":1", i);
		for (int k = 0; k < MANY_ATTRIBUTES; k++)
			buf_printf(&buf, ",\"https://example.org/n%d\":[" INSTANCE("GeoProperty") "]",
				   i * MANY_ATTRIBUTES + k);
		buf_put_char(&buf, '}');
		buf_put_char(&buf, '\0');
		code = txn_upsert(txn, buf_str(&buf).at, err);
		buf_done(&buf);
	}
	if (code == ERR_OK && *(const bool *)self)
		code = err_set(err, ERR_CONFLICT, "as wished");
	return code;
}

static void a_write_with_very_many_names_is_counted_too(void)
{
	struct test_folder folder;
	struct error err = {0};
	bool fails = true;

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	CHECK(apply(store, put_many, &fails, &err) == ERR_CONFLICT);
	fails = false;
	CHECK_OK(apply(store, put_many, &fails, &err), &err);
	(void)store_free(store);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM census") == 1 + 2 * MANY_ENTITIES * MANY_ATTRIBUTES);
	check_clean(folder.file);
	folder_remove(&folder);
}

struct damage {
	const char *sql;
	uint64_t findings;
};

static void count_finding(void *self, const char *finding)
{
	*(uint64_t *)self += str_starts(str_from(finding), STR("census: "));
}

static void the_check_finds_what_disagrees(void)
{
	static const struct damage damages[] = {
		{"UPDATE census SET count = count + 1 WHERE kind = 0", 1},
		{"DELETE FROM census WHERE within > 0", 2},
		{"INSERT INTO census VALUES (0, 1, 3, 1), (0, 1, 4, 0), (0, 99, 1, 1), (99, 1, 1, 1), (0, 1, 77, 1)",
		 5},
		{"UPDATE census SET kind = 2 WHERE kind = 1 AND within = 0", 4},
	};
	struct error err = {0};

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct test_folder folder;
		uint64_t findings = 0, named = 0;
		int value = 1;

		folder_make(&folder);
		struct store *store = open_kind(true, &folder);

		CHECK_OK(apply(store, put_thousand, &value, &err), &err);
		(void)store_free(store);
		(void)sql_on(folder.file, damages[i].sql);
		CHECK_OK(store_sqlite_check(folder.file, count_finding, &named, &findings, &err), &err);
		CHECK(findings == damages[i].findings && named == findings);
		folder_remove(&folder);
	}
}

int main(void)
{
	for (int kind = 0; kind < 2; kind++) {
		sqlite_kind = kind == 0;
		printf("# %s\n", sqlite_kind ? "SQLite" : "memory");
		RUN(types_kinds_and_instances_are_counted);
		RUN(what_has_expired_is_not_counted);
		RUN(the_census_is_the_naive_count_after_random_batches);
	}
	RUN(a_thousand_alike_cost_a_row_for_each_count_and_changes_of_value_nothing);
	RUN_LARGE(a_write_with_very_many_names_is_counted_too);
	RUN(the_check_finds_what_disagrees);
	return check_done();
}
