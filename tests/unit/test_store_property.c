/* The SQLite store against the memory store, by random transactions and questions from a fixed seed.
 *
 * Both run the same writes, some of which fail half-way; documents, ids, counts and history must be the same in both.
 * The memory store searches without indices and finds exactly the matches of a narrow; SQLite's candidates must hold
 * all of them in the same order (and be the same ones where the narrow is exact). Questions in the query language are
 * answered by SQLite's candidates and the evaluator, and by the evaluator over all documents: same answers. At the end
 * the check finds nothing wrong. */
#include "random_util.h"
#include "store_util.h"

#include "ngsild/query.h"

#define ROUNDS 40
#define WRITES_A_ROUND 25
#define QUESTIONS_A_ROUND 30
#define POOL 40 /* ids */
#define DOC_BYTES 6000

/* Texts that share long beginnings, with characters of one to four bytes about where prefixes are cut. */
static struct str random_text(struct random *random, char buffer[static 400])
{
	static const char *const pieces[] = {"a", "b", "z", "é", "ญ", "🚌", "~", "0"};
	size_t len = 0, head = roll(random, 3) ? roll(random, 4) : 55 + roll(random, 10);
	uint32_t tail = roll(random, 6);

	for (size_t i = 0; i < head; i++)
		buffer[len++] = 'm';
	for (uint32_t i = 0; i < tail; i++)
		len += (size_t)snprintf(buffer + len, 8, "%s", pieces[roll(random, 8)]);
	return (struct str){buffer, len};
}

static void put_number(struct random *random, struct buf *buf)
{
	static const char *const numbers[] = {"0",
					      "-0",
					      "1",
					      "-7",
					      "2.5",
					      "1e3",
					      "1000",
					      "3.25e-3",
					      "1e300",
					      "-1e300",
					      "9007199254740993",
					      "18446744073709551616"};

	buf_put(buf, str_from(numbers[roll(random, 12)]));
}

static void put_value(struct random *random, struct buf *buf, int depth)
{
	char text[400];

	switch (roll(random, depth ? 5 : 9)) {
	case 0:
	case 1:
		put_number(random, buf);
		break;
	case 2:
	case 3:
		json_write_string(buf, random_text(random, text));
		break;
	case 4:
		buf_put(buf, roll(random, 2) ? STR("true") : STR("false"));
		break;
	case 5:
		buf_put(buf, STR("{\"k\":[1,\"x\"]}"));
		break;
	default:
		buf_put_char(buf, '[');
		for (uint32_t i = 0, n = roll(random, 5) ? roll(random, 4) : 40; i < n; i++) {
			if (i)
				buf_put_char(buf, ',');
			put_value(random, buf, depth + 1);
		}
		buf_put_char(buf, ']');
	}
}

static void put_stamps(struct random *random, struct buf *buf)
{
	buf_put(buf, STR(",\"createdAt\":5"));
	if (roll(random, 2))
		buf_printf(buf, ",\"modifiedAt\":%u", 6 + roll(random, 100));
	buf_put_char(buf, '}');
}

static void put_instance(struct random *random, struct buf *buf, uint32_t number)
{
	char text[400];

	switch (roll(random, 6)) {
	case 0:
		buf_put(buf, STR("{\"type\":\"Relationship\",\"object\":"));
		buf_printf(buf, "\"urn:x:%u\"", roll(random, POOL));
		break;
	case 1:
		buf_put(buf, STR("{\"type\":\"LanguageProperty\",\"languageMap\":{\"en\":"));
		json_write_string(buf, random_text(random, text));
		buf_put_char(buf, '}');
		break;
	default:
		buf_put(buf, STR("{\"type\":\"Property\",\"value\":"));
		put_value(random, buf, 0);
	}
	if (number)
		buf_printf(buf, ",\"datasetId\":\"urn:d:%u\"", number);
	put_stamps(random, buf);
}

static void put_location(struct random *random, struct buf *buf)
{
	double lon = 103.5 + roll(random, 4000) / 10000.0;
	double lat = 1.2 + roll(random, 3000) / 10000.0;

	buf_put(buf, STR(",\"" LOCATION_IRI "\":[{\"type\":\"GeoProperty\",\"value\":"));
	if (roll(random, 4))
		buf_printf(buf, "{\"type\":\"Point\",\"coordinates\":[%.6f,%.6f]}", lon, lat);
	else
		buf_printf(buf, "{\"type\":\"LineString\",\"coordinates\":[[%.6f,%.6f],[%.6f,%.6f]]}", lon, lat,
			   lon + 0.01, lat - 0.02);
	put_stamps(random, buf);
	buf_put_char(buf, ']');
}

static void put_document(struct random *random, struct buf *buf)
{
	static const char *const types[] = {BUS_IRI, STOP_IRI, "https://example.org/Shelter"};
	static const char *const attributes[] = {SPEED_IRI, NAME_IRI, NOTE_IRI};
	static const char *const scopes[] = {"/a", "/a/b", "/a/b/c", "/ab", "/b"};

	const char *kind = roll(random, 3) ? "x" : "y";
	uint32_t number = roll(random, POOL);

	buf_printf(buf, "{\"id\":\"urn:%s:%u\",\"type\":[\"%s\"", kind, number, types[roll(random, 2)]);
	if (roll(random, 4) == 0)
		buf_printf(buf, ",\"%s\"", types[2]);
	buf_put(buf, STR("]"));
	if (roll(random, 2)) {
		const char *first = scopes[roll(random, 5)];

		buf_printf(buf, ",\"scope\":[\"%s\",\"%s\"]", first, scopes[roll(random, 5)]);
	}
	buf_put(buf, STR(",\"createdAt\":5"));
	if (roll(random, 4) == 0)
		buf_put(buf, STR(",\"expiresAt\":\"2031-01-01T00:00:00Z\""));
	if (roll(random, 3))
		put_location(random, buf);
	for (size_t i = 0; i < 3; i++) {
		if (roll(random, 3) == 0)
			continue;
		buf_printf(buf, ",\"%s\":[", attributes[i]);
		for (uint32_t k = 0, n = roll(random, 4) ? 1 : 3; k < n; k++) {
			if (k)
				buf_put_char(buf, ',');
			put_instance(random, buf, k);
		}
		buf_put_char(buf, ']');
	}
	buf_put_char(buf, '}');
}

/* ---- the same write on both ---- */

struct plan { /* one transaction: reproducible from its seed */
	uint64_t seed;
};

static enum err_code history_of(struct store_txn *txn, const struct json *before, const struct json *entity,
				int64_t now_us, struct error *err)
{
	struct merge_result result = {0};
	const struct json *whole = entity ? entity : before;

	if (!whole)
		return err_set(err, ERR_INTERNAL, "neither before nor after");
	enum err_code code =
		merge_whole(store_txn_arena(txn), whole, entity ? CHANGE_CREATED : CHANGE_DELETED, &result, err);

	return code ? code : store_txn_history(txn, document_id(whole), result.changes, now_us, err);
}

static enum err_code one_step(struct store_txn *txn, struct random *random, struct error *err)
{
	struct buf buf;
	struct json *before = NULL;
	int64_t now_us = (int64_t)roll(random, 1000) * US_PER_S;

	buf_init(&buf, 1 << 20);
	put_document(random, &buf);
	struct str text = arena_dup(store_txn_arena(txn), buf_str(&buf));

	buf_done(&buf);
	struct json *entity = txn_parse(txn, text.at);
	enum err_code code = store_txn_get(txn, document_id(entity), &before, NULL);

	if (code && code != ERR_NOT_FOUND)
		return code;
	if (before && roll(random, 4) == 0) {
		code = store_txn_delete(txn, before, err);
		return code ? code : history_of(txn, before, NULL, now_us, err);
	}
	if (roll(random, 20) == 0)
		before = NULL; /* may be ERR_EXISTS */
	code = store_txn_put(txn, before, entity, err);
	return code ? code : history_of(txn, NULL, entity, now_us, err);
}

static enum err_code run_plan(struct store_txn *txn, void *self, struct error *err)
{
	struct random random = {((struct plan *)self)->seed};
	uint32_t steps = 1 + roll(&random, 5), rows;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && i < steps; i++)
		code = one_step(txn, &random, err);
	if (code == ERR_OK && roll(&random, 10) == 0)
		code = store_txn_prune_history(txn, STR("urn:y:"), (int64_t)roll(&random, 1000) * US_PER_S, UINT32_MAX,
					       &rows, err);
	if (code == ERR_OK && roll(&random, 6) == 0)
		code = err_set(err, ERR_CONFLICT, "as wished");
	return code;
}

/* ---- comparing ---- */

struct both {
	struct store *sqlite, *memory;
	struct store_reader *sqlite_reader, *memory_reader;
};

static void compare_documents(const struct both *both)
{
	char id[32];
	struct arena arena;

	arena_init(&arena, 1 << 24);
	for (int i = 0; i < 2 * POOL; i++) {
		struct str a = STR_NONE, b = STR_NONE;

		(void)snprintf(id, sizeof(id), "urn:%c:%d", "xy"[i & 1], i / 2);
		enum err_code of_a = store_get(both->sqlite_reader, str_from(id), &arena, &a, NULL);
		enum err_code of_b = store_get(both->memory_reader, str_from(id), &arena, &b, NULL);

		CHECK(of_a == of_b && str_eq(a, b));
	}
	arena_done(&arena);
}

/* Points of one moment may have arrived in any order of the made-up clock: they are compared as a set. */
struct points {
	uint64_t sum, count;
	int64_t last_us;
};

static bool take_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct points *points = self;

	CHECK(at_us >= points->last_us);
	points->last_us = at_us;
	points->sum += str_hash(bytes, (uint64_t)at_us * 4 + kind);
	points->count++;
	return true;
}

static void compare_history(const struct both *both, struct random *random)
{
	struct points a = {.last_us = INT64_MIN}, b = a;
	char id[32];
	struct error err = {0};
	int64_t from = (int64_t)roll(random, 500) * US_PER_S;
	int64_t to = from + (int64_t)roll(random, 1000) * US_PER_S;

	char kind = "xy"[roll(random, 2)];

	(void)snprintf(id, sizeof(id), "urn:%c:%u", kind, roll(random, POOL));
	struct str dataset = roll(random, 3) ? STR_NONE : STR("urn:d:1");

	if (roll(random, 2)) {
		from = INT64_MIN;
		to = INT64_MAX;
	}
	CHECK_OK(store_history(both->sqlite_reader, str_from(id), STR(SPEED_IRI), dataset, from, to, take_point, &a,
			       &err),
		 &err);
	CHECK_OK(store_history(both->memory_reader, str_from(id), STR(SPEED_IRI), dataset, from, to, take_point, &b,
			       &err),
		 &err);
	CHECK(a.count == b.count && a.sum == b.sum);
}

static void random_narrow(struct random *random, struct narrow *narrow, struct narrow_attribute attributes[static 2],
			  char texts[static 2][400])
{
	static const struct str types[] = {{BUS_IRI, sizeof(BUS_IRI) - 1}, {STOP_IRI, sizeof(STOP_IRI) - 1}};
	static const struct str ids[] = {{"urn:x:1", 7}, {"urn:x:2", 7}, {"urn:y:3", 7}, {"urn:x:1", 7}};
	static const char *const iris[] = {SPEED_IRI, NAME_IRI, NOTE_IRI};
	static const char *const scopes[] = {"/a", "/a/b", "/b", "/c"};
	static const double numbers[] = {-1e300, -7, 0, 1, 2.5, 1000, 9007199254740992.0, 1e300};

	*narrow = (struct narrow){.type_iris = types};
	narrow->type_count = roll(random, 3);
	if (roll(random, 6) == 0) {
		narrow->ids = ids;
		narrow->id_count = 4;
	}
	narrow->exact = true;
	if (roll(random, 5) == 0)
		narrow->id_prefix = roll(random, 2) ? STR("urn:x:1") : STR("urn:y");
	if (roll(random, 5) == 0)
		narrow->scope_prefix = str_from(scopes[roll(random, 4)]);
	if (roll(random, 4) == 0) {
		double west = 103.5 + roll(random, 400) / 1000.0, south = 1.2 + roll(random, 300) / 1000.0;

		narrow->geo_attribute_iri = STR(LOCATION_IRI);
		narrow->geo_box = (struct geo_box){west, south, west, south};
		narrow->geo_box.east += roll(random, 100) / 1000.0;
		narrow->geo_box.north += roll(random, 100) / 1000.0;
	}
	for (uint32_t i = 0, n = roll(random, 3); i < n; i++) {
		struct narrow_attribute *a = &attributes[i];

		*a = (struct narrow_attribute){.attribute_iri = str_from(iris[roll(random, 3)])};
		a->op = roll(random, 5) ? NARROW_RANGE : NARROW_EXISTS;
		a->is_text = roll(random, 2);
		a->has_low = roll(random, 3) > 0;
		a->has_high = roll(random, 3) > 0;
		a->low_number = numbers[roll(random, 8)];
		a->high_number = roll(random, 3) ? numbers[roll(random, 8)] : a->low_number;
		a->low_text = random_text(random, texts[0]);
		a->high_text = roll(random, 3) ? random_text(random, texts[1]) : a->low_text;
		narrow->attributes = attributes;
		narrow->attribute_count = i + 1;
	}
	narrow->exact = !narrow->id_prefix.len && !narrow->scope_prefix.len && !narrow->geo_attribute_iri.len &&
			!narrow->attribute_count;
}

static void compare_candidates(const struct both *both, struct random *random)
{
	struct narrow narrow;
	struct narrow_attribute attributes[2];
	char texts[2][400];
	struct id_list got, must;
	struct error err = {0};
	uint64_t count = 0;

	random_narrow(random, &narrow, attributes, texts);
	struct str rest = scan_ids(both->sqlite_reader, &narrow, &got);
	struct str wanted = scan_ids(both->memory_reader, &narrow, &must), id, candidate;

	CHECK_OK(store_count(both->sqlite_reader, &narrow, &count, &err), &err);
	CHECK(count == got.count);
	if (narrow.exact)
		CHECK_STR(rest, wanted);
	while (wanted.len && str_next(&wanted, ' ', &id)) {
		bool found = false;

		while (!found && str_next(&rest, ' ', &candidate))
			found = str_eq(candidate, id);
		if (!CHECK(found))
			break;
	}
}

/* ---- questions in the query language ---- */

struct answer {
	struct query *query;
	struct json_parser *parser;
	struct arena arena;
	char ids[8192];
	size_t len;
};

static bool take_match(void *self, struct str bytes)
{
	struct answer *answer = self;
	struct json *entity = NULL;

	arena_clear(&answer->arena);
	CHECK(json_parse(answer->parser, &answer->arena, bytes, NULL, &entity, NULL) == ERR_OK);
	if (query_matches(answer->query, entity))
		answer->len += (size_t)snprintf(answer->ids + answer->len, sizeof(answer->ids) - answer->len, "%.*s ",
						STR_FMT(document_id(entity)));
	return true;
}

static const char *random_q(struct random *random)
{
	static const char *const questions[] = {
		"speed",
		"speed==1",
		"speed>1",
		"speed<=2.5",
		"speed==1..1000",
		"speed!=1",
		"name==\"mma\"",
		"name>=\"m\"",
		"name<\"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmb\"",
		"name>\"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmé\"",
		"speed==1,2.5,\"a\"",
		"speed>0;name",
		"(speed>1000|name==\"z\")",
		"(speed==1|speed==-7);note",
		"note==true",
		"speed==true",
		"name~=\"^m\"",
		"note==9007199254740993",
		"speed==\"urn:x:3\"",
		"name[en]==\"a\"",
		"name[*]>=\"m\"",
		"speed>=18446744073709551616",
		"note<0",
		"note!=\"a\"",
		"speed[k]==1",
	};

	return questions[roll(random, sizeof(questions) / sizeof(questions[0]))];
}

static void compare_answers(const struct both *both, struct random *random, const struct context *context)
{
	struct json_parser *parser = json_parser_new();
	struct query_text text = {.q = str_from(random_q(random))};
	struct narrow everything = {.type_count = 0};
	struct answer a = {.parser = parser}, b = {.parser = parser};
	struct arena arena;
	struct error err = {0};

	if (roll(random, 3) == 0)
		text.type = roll(random, 2) ? STR("Bus") : STR("Bus,Stop");
	if (roll(random, 4) == 0) {
		text.georel = roll(random, 2) ? STR("near;maxDistance==3000") : STR("within");
		text.geometry = str_starts(text.georel, STR("near")) ? STR("Point") : STR("Polygon");
		text.coordinates = str_starts(text.georel, STR("near"))
					   ? STR("[103.7,1.35]")
					   : STR("[[[103.6,1.25],[103.8,1.25],[103.8,1.4],[103.6,1.4],[103.6,1.25]]]");
	}
	if (roll(random, 5) == 0)
		text.scope_q = roll(random, 2) ? STR("/a/#") : STR("/a/b");
	if (roll(random, 5) == 0)
		text.id_pattern = STR("^urn:x:1");
	arena_init(&arena, 1 << 24);
	arena_init(&a.arena, 1 << 24);
	arena_init(&b.arena, 1 << 24);
	if (CHECK_OK(query_new(&arena, parser, &text, context, &a.query, &err), &err)) {
		b.query = a.query;
		CHECK_OK(store_scan(both->sqlite_reader, query_narrow(a.query), take_match, &a, &err), &err);
		CHECK_OK(store_scan(both->memory_reader, &everything, take_match, &b, &err), &err);
		if (!CHECK_STR(str_from(a.ids), str_from(b.ids)))
			printf("# q %.*s\n", STR_FMT(text.q));
		query_done(a.query);
	}
	arena_done(&a.arena);
	arena_done(&b.arena);
	arena_done(&arena);
	(void)json_parser_free(parser);
}

static struct context *test_context(struct context *core)
{
	struct json_parser *parser = json_parser_new();
	struct context *context = NULL;
	struct arena arena;
	struct json *json = NULL;
	struct error err = {0};

	arena_init(&arena, 1 << 16);
	CHECK_OK(json_parse(parser, &arena,
			    STR("{\"@vocab\":\"https://example.org/\",\"speed\":\"" SPEED_IRI "\",\"name\":\"" NAME_IRI
				"\",\"note\":\"" NOTE_IRI "\",\"Bus\":\"" BUS_IRI "\",\"Stop\":\"" STOP_IRI "\"}"),
			    NULL, &json, &err),
		 &err);
	CHECK_OK(context_new(core, json, NULL, &context, &err), &err);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return context;
}

static void two_kinds_of_store_give_the_same_answers(void)
{
	struct test_folder folder;
	struct random random = {88172645463325252u};
	struct error err = {0};
	struct context *core = NULL, *context;
	struct store_stats a, b;

	folder_make(&folder);
	struct both both = {.sqlite = open_kind(true, &folder), .memory = open_kind(false, &folder)};

	CHECK_OK(store_reader_new(both.sqlite, &both.sqlite_reader, &err), &err);
	CHECK_OK(store_reader_new(both.memory, &both.memory_reader, &err), &err);
	CHECK_OK(context_core_new(&core, &err), &err);
	context = test_context(core);
	for (int round = 0; round < ROUNDS && check_case_failures == 0; round++) {
		for (int i = 0; i < WRITES_A_ROUND; i++) {
			struct plan plan = {(uint64_t)roll(&random, UINT32_MAX) << 20 | 1};
			enum err_code of_a = apply(both.sqlite, run_plan, &plan, &err);

			if (!CHECK(of_a == apply(both.memory, run_plan, &plan, NULL)))
				printf("# %s\n", err.detail);
		}
		compare_documents(&both);
		for (int i = 0; i < QUESTIONS_A_ROUND; i++) {
			compare_history(&both, &random);
			compare_candidates(&both, &random);
			compare_answers(&both, &random, context);
		}
	}
	CHECK_OK(store_stats(both.sqlite, &a, &err), &err);
	CHECK_OK(store_stats(both.memory, &b, &err), &err);
	CHECK(a.entities == b.entities && a.history_rows == b.history_rows && a.write_errors == b.write_errors);
	printf("# %llu entities, %llu points, %llu writes of which %llu failed\n", (unsigned long long)a.entities,
	       (unsigned long long)a.history_rows, (unsigned long long)a.writes, (unsigned long long)a.write_errors);
	(void)context_unref(context);
	(void)context_unref(core);
	(void)store_reader_free(both.sqlite_reader);
	(void)store_reader_free(both.memory_reader);
	(void)store_free(both.sqlite);
	(void)store_free(both.memory);
	check_clean(folder.file);
	folder_remove(&folder);
}

int main(void)
{
	RUN(two_kinds_of_store_give_the_same_answers);
	return check_done();
}
