/* The index of values and the log that comes before it.
 *
 * Goal: whatever of a value lies in the log, in the index or in both, a search finds every entity that has it now, each
 * once and in order. Method: thousands of random changes, entities that go and come back among them, against an array
 * that is searched one by one; the file looked into from outside, to see that both places were in use; damage done to
 * the log. The bytes of the log are checked by writing and reading random changes, and by cutting them short. */
#include "store_util.h"

#include "store/value_log.h"

#include <sqlite3.h>

#define BUSES 3000u
#define ROUNDS 24u
#define CHANGES_A_ROUND 1000u
#define SPEEDS 400u
#define ABSENT (-1)
#define ENTITY "{\"id\":\"urn:bus:%u\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,"
#define VALUES                                                                                                         \
	"\"" SPEED_IRI "\":[{\"type\":\"Property\",\"value\":%d,\"createdAt\":1}],"                                    \
	"\"" NOTE_IRI "\":[{\"type\":\"Property\",\"value\":\"note %03d\",\"createdAt\":1}]}"

static uint64_t random_state = 20261128;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % below);
}

/* ---- bytes ---- */

static struct value_change random_change(char *text)
{
	struct value_change change = {.iid = (int64_t)((uint64_t)draw(1u << 31) << draw(32)), .add = draw(2)};

	change.value.kind = (enum index_kind)draw(4);
	if (change.value.kind == INDEX_NUMBER)
		change.value.number = ((double)draw(1u << 31) - 1e9) / (1 + draw(1000));
	if (change.value.kind == INDEX_TEXT) {
		size_t len = draw(INDEX_TEXT_BYTES_MAX + 1);

		for (size_t i = 0; i < len; i++)
			text[i] = (char)draw(256);
		change.value.text = (struct str){text, len};
	}
	return change;
}

static bool same_change(const struct value_change *a, const struct value_change *b)
{
	return a->iid == b->iid && a->add == b->add && index_value_cmp(&a->value, &b->value) == 0;
}

static void changes_come_back_as_they_were_written(void)
{
	for (int i = 0; i < 5000; i++) {
		char texts[3][INDEX_TEXT_BYTES_MAX];
		struct value_change changes[3], read = {0};
		struct buf log;

		buf_init(&log, 4096);
		for (int k = 0; k < 3; k++) {
			changes[k] = random_change(texts[k]);
			if (k > 0 && draw(2))
				changes[k].value = changes[k - 1].value;
			value_log_put(&log, k > 0 && draw(4) ? &changes[k - 1] : NULL, &changes[k]);
		}
		struct str rest = buf_str(&log);

		for (int k = 0; k < 3; k++)
			CHECK(value_log_next(&rest, &read) && same_change(&read, &changes[k]));
		CHECK(!value_log_next(&rest, &read) && rest.len == 0);
		/* Cut short it ends after fewer changes, or says that something is left. */
		size_t count = 0;

		read = (struct value_change){0};
		rest = str_part(buf_str(&log), 0, draw((uint32_t)log.len));
		while (value_log_next(&rest, &read))
			count++;
		CHECK(count < 3);
		buf_done(&log);
	}
}

static void any_bytes_are_read_to_an_end(void)
{
	for (int i = 0; i < 20000; i++) {
		char bytes[40];
		struct value_change change = {0};
		size_t len = draw(sizeof(bytes));

		for (size_t k = 0; k < len; k++)
			bytes[k] = (char)(draw(4) ? draw(16) : draw(256));
		struct str rest = {bytes, len};

		while (value_log_next(&rest, &change))
			CHECK(change.value.text.len <= INDEX_TEXT_BYTES_MAX);
		CHECK(rest.len <= len);
	}
}

/* ---- searching ---- */

static int speeds[BUSES]; /* ABSENT: the bus is not there */
static uint32_t ranks[BUSES]; /* order of creation */
static uint32_t rank_next;

static enum err_code change_buses(struct store_txn *txn, void *self, struct error *err)
{
	(void)self;
	for (unsigned i = 0; i < CHANGES_A_ROUND; i++) {
		unsigned bus = draw(BUSES);
		int speed = draw(8) ? (int)draw(SPEEDS) : ABSENT;
		char text[600], id[40];
		struct json *before = NULL;
		enum err_code code = ERR_OK;

		arena_clear(store_txn_arena(txn));
		(void)snprintf(id, sizeof(id), "urn:bus:%u", bus);
		(void)snprintf(text, sizeof(text), ENTITY VALUES, bus, speed, speed % 100);
		if (speed != ABSENT)
			code = txn_upsert(txn, text, err);
		else if (store_txn_get(txn, str_from(id), &before, NULL) == ERR_OK)
			code = store_txn_delete(txn, before, err);
		if (code)
			return code;
		if (speeds[bus] == ABSENT)
			ranks[bus] = rank_next++;
		speeds[bus] = speed;
	}
	return ERR_OK;
}

struct seen {
	bool bus[BUSES];
	uint32_t count, ranks_end; /* the last rank, and one more */
};

static bool see(void *self, struct str bytes)
{
	struct seen *seen = self;
	uint64_t bus = 0;
	size_t start = sizeof("{\"id\":\"urn:bus:") - 1, len = 0;

	CHECK(str_find(str_part(bytes, start, bytes.len), '"', &len));
	CHECK(str_to_uint64(str_part(bytes, start, start + len), &bus) && bus < BUSES);
	CHECK(!seen->bus[bus] && speeds[bus] != ABSENT && ranks[bus] >= seen->ranks_end);
	seen->ranks_end = ranks[bus] + 1;
	seen->bus[bus] = true;
	seen->count++;
	return true;
}

/* Speeds from low to high, and with the note unless that is NULL. */
static void search(struct store_reader *reader, int low, int high, const char *note)
{
	static struct seen seen;
	const struct narrow_attribute attributes[] = {{.attribute_iri = STR(SPEED_IRI),
						       .op = NARROW_RANGE,
						       .has_low = true,
						       .has_high = true,
						       .low_number = low,
						       .high_number = high},
						      {.attribute_iri = STR(NOTE_IRI),
						       .op = NARROW_RANGE,
						       .is_text = true,
						       .has_low = true,
						       .has_high = true,
						       .low_text = str_from(note ? note : ""),
						       .high_text = str_from(note ? note : "")}};
	const struct narrow narrow = {.attributes = attributes, .attribute_count = note ? 2 : 1};
	struct error err = {0};
	uint64_t count = 0;

	seen = (struct seen){.count = 0};
	CHECK_OK(store_scan(reader, &narrow, see, &seen, &err), &err);
	for (unsigned bus = 0; bus < BUSES; bus++) {
		char has[16];

		(void)snprintf(has, sizeof(has), "note %03d", speeds[bus] % 100);
		if (speeds[bus] >= low && speeds[bus] <= high && (!note || strcmp(has, note) == 0))
			CHECK(seen.bus[bus]);
	}
	CHECK_OK(store_count(reader, &narrow, &count, &err), &err);
	CHECK(count == seen.count);
}

static int64_t ask_file(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t number = -1;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return number;
}

static struct store *open_store(const struct test_folder *folder)
{
	struct store *store = NULL;
	struct error err = {0};

	CHECK_OK(store_sqlite_open(&(struct store_options){.path = folder->file, .create = true}, &store, &err), &err);
	return store;
}

static void what_lies_in_the_log_is_found_as_in_the_index(void)
{
	struct test_folder folder;
	struct store_reader *reader = NULL;
	struct error err = {0};
	int64_t merged = 0;

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (unsigned bus = 0; bus < BUSES; bus++)
		speeds[bus] = ABSENT;
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	for (unsigned round = 0; round < ROUNDS; round++) {
		char note[16];
		int low = (int)draw(SPEEDS);

		CHECK_OK(apply(store, change_buses, NULL, &err), &err);
		(void)snprintf(note, sizeof(note), "note %03u", (unsigned)draw(100));
		search(reader, low, low, NULL);
		search(reader, low, low + (int)draw(20), NULL);
		search(reader, 0, SPEEDS, note);
		search(reader, low % 100, low, note);
		if (round % 8 == 7)
			check_clean(folder.file);
		CHECK(ask_file(folder.file, "SELECT count(*) FROM value_log") > 0);
		merged += ask_file(folder.file, "SELECT sum(rows) FROM value_chunk") > 0;
	}
	CHECK(merged > 0 && merged < ROUNDS);
	(void)store_reader_free(reader);
	/* Closed, all of it is in the index. */
	(void)store_free(store);
	CHECK(ask_file(folder.file, "SELECT count(*) FROM value_log") == 0);
	CHECK(ask_file(folder.file, "SELECT sum(rows) FROM value_chunk") ==
	      2 * ask_file(folder.file, "SELECT count(*) FROM entity"));
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- damage ---- */

#define ADD_CHUNK "INSERT INTO value_chunk(nid, high, high_iid, rows, body) SELECT nid, 7, 1, 1, "
#define SPEED " FROM name WHERE iri LIKE '%speed' RETURNING 1"

static const struct {
	const char *damage, *finding;
	bool unreadable;
} damages[] = {
	{"UPDATE value_log SET changes = x'04' WHERE lid = 1 RETURNING 1", "log of values: is damaged", true},
	{"UPDATE value_log SET changes = CAST(changes || x'ff' AS BLOB) RETURNING 1", "log of values: is damaged",
	 true},
	{"UPDATE value_log SET rows = rows + 1 RETURNING 1", "log of values: a piece has", false},
	{"DELETE FROM value_log RETURNING 1", "not in the index of values", false},
	{"UPDATE value_log SET nid = nid + 1 RETURNING 1", "not in the index of values", false},
	{"INSERT INTO value_log(nid, rows, changes) SELECT nid, rows, changes FROM value_log LIMIT 1 RETURNING 1",
	 "not in the index of values", false},
	{ADD_CHUNK "x'04'" SPEED, "index of values: a chunk", true},
	{ADD_CHUNK "x'04010000000000001c4008'" SPEED, "index of values: a chunk", true},
	{ADD_CHUNK "x'04010000000000001c40'" SPEED, "log of values: adds a row of entity 1", false},
	{"INSERT INTO value_log(nid, rows, changes) VALUES (1, 1, x'0009000000000000f03f') RETURNING 1",
	 "log of values: removes a row of entity 9", false},
	{"DELETE FROM entity WHERE iid = 1 RETURNING 1", "index of values: there is no entity 1", false},
};

struct findings {
	char text[4096];
	size_t len;
};

static void take_finding(void *self, const char *finding)
{
	struct findings *findings = self;

	findings->len += (size_t)snprintf(findings->text + findings->len, sizeof(findings->text) - findings->len,
					  "%s\n", finding);
	if (findings->len >= sizeof(findings->text))
		findings->len = sizeof(findings->text) - 1;
}

static bool ignore(void *self, struct str bytes)
{
	(void)self;
	(void)bytes;
	return true;
}

static void check_reading(const char *path, bool unreadable)
{
	const struct narrow_attribute attribute = {.attribute_iri = STR(SPEED_IRI), .op = NARROW_RANGE};
	const struct narrow narrow = {.attributes = &attribute, .attribute_count = 1};
	struct store *store = NULL;
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_sqlite_open(&(struct store_options){.path = path, .read_only = true}, &store, &err), &err);
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	CHECK(store_scan(reader, &narrow, ignore, NULL, &err) == (unreadable ? ERR_CORRUPT : ERR_OK));
	(void)store_reader_free(reader);
	(void)store_free(store);
}

static void damage_done_to_the_log_is_found_and_survived(void)
{
	struct test_folder folder;
	struct error err = {0};
	char text[600];

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (unsigned bus = 0; bus < 4; bus++) {
		(void)snprintf(text, sizeof(text), ENTITY VALUES, bus, 7, 7);
		CHECK_OK(upsert(store, text, &err), &err);
	}
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct findings findings = {.len = 0};
		struct test_folder damaged;
		uint64_t count = 0;

		/* A copy made while the store is open has its log. */
		folder_make(&damaged);
		CHECK_OK(store_sqlite_backup(folder.file, damaged.file, &err), &err);
		CHECK(ask_file(damaged.file, damages[i].damage) == 1);
		CHECK_OK(store_sqlite_check(damaged.file, take_finding, &findings, &count, &err), &err);
		if (!CHECK(count > 0 && str_contains(str_from(findings.text), str_from(damages[i].finding))))
			printf("# after %s: %s\n", damages[i].damage, findings.text);
		check_reading(damaged.file, damages[i].unreadable);
		folder_remove(&damaged);
	}
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

int main(void)
{
	RUN(changes_come_back_as_they_were_written);
	RUN(any_bytes_are_read_to_an_end);
	RUN(what_lies_in_the_log_is_found_as_in_the_index);
	RUN(damage_done_to_the_log_is_found_and_survived);
	return check_done();
}
