/* Damaged history: bytes of blocks and batches are changed behind the store's back. What is read is what was written
 * or an error, never a gap; everything else is read and packed as before; machi check says whose it is; and with the
 * bytes put right again, everything is there. */
#include "store_util.h"

#include "store/bulk.h"
#include "store/pack.h"
#include "store/temporal.h"

#include <inttypes.h>
#include <sqlite3.h>

#define METERS 6
#define FIELDS 2
#define MINUTES 300
#define SERIES (METERS * FIELDS)
#define NOW INT64_C(1760000000000000)
#define FLIPS 48

struct city {
	struct test_folder folder;
	struct store *store;
	struct arena arena;
};

static struct str meter_id(unsigned meter, char text[static 32])
{
	(void)snprintf(text, 32, "urn:ngsi-ld:Meter:%u", meter);
	return str_from(text);
}

static struct str field_iri(unsigned field)
{
	return field ? STR("https://example.org/voltage") : STR("https://example.org/power");
}

/* What minute i of a series says, in thousandths. */
static int64_t value_of(unsigned meter, unsigned field, unsigned minute)
{
	return 230000 + (int64_t)field * 1000 + (meter * 7919 + minute * 104729) % 9973;
}

static int64_t time_of(unsigned meter, unsigned minute)
{
	return NOW + (int64_t)minute * 60 * US_PER_S + meter * 1000;
}

static void city_open(struct city *city)
{
	struct error err = {0};
	const struct store_options options = {.path = city->folder.file, .create = true};

	CHECK_OK(store_sqlite_open(&options, &city->store, &err), &err);
}

static void city_begin(struct city *city)
{
	folder_make(&city->folder);
	arena_init(&city->arena, (size_t)1 << 28);
	city_open(city);
}

static void city_end(struct city *city)
{
	city->store = store_free(city->store);
	arena_done(&city->arena);
	folder_remove(&city->folder);
}

struct batch {
	struct store_bulk_subject subjects[METERS];
	char ids[METERS][32];
	int64_t names[FIELDS], generation;
	struct store_bulk *bulk;
};

static enum err_code name_body(struct store_txn *txn, void *self, struct error *err)
{
	struct batch *batch = self;
	enum err_code code = ERR_OK;

	for (unsigned m = 0; m < METERS; m++)
		batch->subjects[m] = (struct store_bulk_subject){.id = meter_id(m, batch->ids[m])};
	for (unsigned f = 0; code == ERR_OK && f < FIELDS; f++)
		code = store_txn_bulk_name(txn, field_iri(f), &batch->names[f], err);
	return code ? code : store_txn_bulk_subjects(txn, batch->subjects, METERS, &batch->generation, err);
}

static enum err_code bulk_body(struct store_txn *txn, void *self, struct error *err)
{
	return store_txn_bulk(txn, ((struct batch *)self)->bulk, err);
}

/* Minutes [from, to) of all meters. */
static void write_minutes(struct city *city, unsigned from, unsigned to)
{
	struct batch batch;
	struct error err = {0};

	CHECK_OK(apply(city->store, name_body, &batch, &err), &err);
	CHECK_OK(store_bulk_new(city->store, NOW, batch.generation, &batch.bulk, &err), &err);
	for (unsigned i = from; i < to; i++) {
		for (unsigned m = 0; m < METERS; m++) {
			struct store_bulk_value values[FIELDS];

			for (unsigned f = 0; f < FIELDS; f++)
				values[f] = (struct store_bulk_value){.name = batch.names[f],
								      .kind = SERIES_DECIMAL,
								      .scale = 3,
								      .mantissa = value_of(m, f, i)};
			CHECK_OK(store_bulk_add(batch.bulk, batch.subjects[m].number, time_of(m, i), values, FIELDS,
						&err),
				 &err);
		}
	}
	CHECK_OK(store_bulk_finish(batch.bulk, &err), &err);
	CHECK_OK(apply(city->store, bulk_body, &batch, &err), &err);
	(void)store_bulk_free(batch.bulk);
}

static struct store_pack_result pack(struct city *city)
{
	struct store_pack_result result = {0};
	struct error err = {0};

	CHECK_OK(store_pack(city->store, &(struct store_pack_options){.now_us = NOW + US_PER_DAY, .all = true}, &result,
			    &err),
		 &err);
	return result;
}

/* ---- bytes ---- */

static void on_file(struct city *city, const char *sql, int at, unsigned char byte)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	CHECK(sqlite3_open(city->folder.file, &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	(void)sqlite3_bind_int(stmt, 1, at);
	(void)sqlite3_bind_blob(stmt, 2, &byte, 1, SQLITE_STATIC);
	CHECK(sqlite3_step(stmt) == SQLITE_DONE);
	CHECK(sqlite3_changes(db) == 1);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
}

/* The first number that the question answers. */
static int64_t ask_file(struct city *city, const char *sql, int at)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	CHECK(sqlite3_open(city->folder.file, &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	(void)sqlite3_bind_int(stmt, 1, at);
	CHECK(sqlite3_step(stmt) == SQLITE_ROW);
	int64_t answer = sqlite3_column_int64(stmt, 0);

	if (sqlite3_column_type(stmt, 0) == SQLITE_BLOB)
		answer = *(const unsigned char *)sqlite3_column_blob(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return answer;
}

#define SPLICE(table, key)                                                                                             \
	"UPDATE " table " SET doc = CAST(substr(doc, 1, ?1 - 1) || ?2 || substr(doc, ?1 + 1) AS BLOB) WHERE " key
#define BYTE(table, key) "SELECT substr(doc, ?1, 1) FROM " table " WHERE " key
#define FIRST_BLOCK "bid = (SELECT min(bid) FROM block)"
#define FIRST_SEGMENT "abs(gid) = (SELECT min(abs(gid)) FROM segment)"

/* ---- reading ---- */

struct reading {
	unsigned good, damaged; /* series */
	unsigned damaged_meter; /* of one that is damaged */
};

/* A series is all that was written of minutes [0, minutes), or ERR_CORRUPT. */
static enum err_code read_series(struct city *city, struct store_reader *reader, unsigned meter, unsigned field,
				 unsigned minutes)
{
	const struct store_window window = {.by = STORE_OBSERVED_AT, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_instances instances;
	struct error err = {0};
	char id[32];
	enum err_code code = store_series_read(reader, meter_id(meter, id), field_iri(field), STR_NONE, &window, false,
					       MINUTES * 4, &city->arena, &instances, &err);

	if (code) {
		CHECK(code == ERR_CORRUPT);
		CHECK(err.detail[0] != '\0');
		return code;
	}
	CHECK(instances.count == minutes && !instances.more);
	for (unsigned i = 0; i < minutes && i < instances.count; i++) {
		char text[32];
		int64_t value = value_of(meter, field, i);
		int len = snprintf(text, sizeof(text), "%" PRId64 ".%03" PRId64, value / 1000, value % 1000);

		while (len > 0 && (text[len - 1] == '0' || text[len - 1] == '.'))
			if (text[--len] == '.')
				break;
		CHECK(instances.at[i].observed_us == time_of(meter, i));
		CHECK_STR(((struct str){instances.at[i].value.text, instances.at[i].value.count}),
			  ((struct str){text, (size_t)len}));
	}
	return ERR_OK;
}

static void sum_series(struct city *city, struct store_reader *reader, unsigned meter, unsigned field, unsigned minutes)
{
	const int64_t edges[] = {INT64_MIN, INT64_MAX};
	struct series_sums sums;
	struct error err = {0};
	char id[32];
	int64_t sum = 0;
	enum err_code code = store_series_sums(reader, meter_id(meter, id), field_iri(field), STR_NONE,
					       STORE_OBSERVED_AT, edges, 2, &city->arena, &sums, &err);

	for (unsigned i = 0; i < minutes; i++)
		sum += value_of(meter, field, i);
	if (code) {
		CHECK(code == ERR_CORRUPT);
		return;
	}
	CHECK_NEAR(series_sums_sum(&sums), (double)sum / 1000, 1e-6);
}

static struct reading read_all(struct city *city, unsigned minutes)
{
	struct reading reading = {0};
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_reader_new(city->store, &reader, &err), &err);
	for (unsigned m = 0; m < METERS; m++) {
		for (unsigned f = 0; f < FIELDS; f++) {
			bool good = read_series(city, reader, m, f, minutes) == ERR_OK;

			reading.good += good;
			reading.damaged += !good;
			reading.damaged_meter = good ? reading.damaged_meter : m;
			sum_series(city, reader, m, f, minutes);
			arena_clear(&city->arena);
		}
	}
	(void)store_reader_free(reader);
	return reading;
}

struct findings {
	uint64_t count;
	struct str wanted; /* one of them has this */
	bool found;
};

static void look_at_finding(void *self, const char *finding)
{
	struct findings *findings = self;

	findings->found |= strstr(finding, findings->wanted.at) != NULL;
}

static bool check_names(struct city *city, const char *wanted, uint64_t *ret_count)
{
	struct findings findings = {.wanted = str_from(wanted)};
	struct error err = {0};

	CHECK_OK(store_sqlite_check(city->folder.file, look_at_finding, &findings, ret_count, &err), &err);
	return findings.found;
}

/* ---- cases ---- */

static void every_byte_of_a_block_is_guarded(void)
{
	struct city city;
	unsigned partly = 0;

	city_begin(&city);
	write_minutes(&city, 0, MINUTES);
	CHECK(pack(&city).points == (uint64_t)SERIES * MINUTES);
	CHECK(read_all(&city, MINUTES).good == SERIES);
	int64_t len = ask_file(&city, "SELECT length(doc) FROM block WHERE ?1 AND " FIRST_BLOCK, 1);

	for (int i = 0; i < FLIPS && check_case_failures == 0; i++) {
		int at = 1 + (int)(len * i / FLIPS);
		unsigned char byte = (unsigned char)ask_file(&city, BYTE("block", FIRST_BLOCK), at);
		char id[32];
		uint64_t count = 0;

		on_file(&city, SPLICE("block", FIRST_BLOCK), at, byte ^ (unsigned char)(1 << (i % 8)));
		struct reading reading = read_all(&city, MINUTES);

		CHECK(reading.damaged > 0);
		CHECK(check_names(&city, meter_id(reading.damaged_meter, id).at, &count) ||
		      check_names(&city, "none of it can be read", &count));
		CHECK(count > 0);
		partly += reading.good > 0;
		on_file(&city, SPLICE("block", FIRST_BLOCK), at, byte);
	}
	/* Damage in one chunk leaves the others alone. */
	CHECK(partly > FLIPS / 4);
	CHECK(read_all(&city, MINUTES).good == SERIES);
	check_clean(city.folder.file);
	city_end(&city);
}

static void packing_goes_on_beside_a_damaged_block(void)
{
	struct city city;
	struct store_stats stats;
	struct error err = {0};

	city_begin(&city);
	write_minutes(&city, 0, 100);
	(void)pack(&city);
	int at = (int)ask_file(&city, "SELECT length(doc) / 2 FROM block WHERE ?1 AND " FIRST_BLOCK, 1);
	unsigned char byte = (unsigned char)ask_file(&city, BYTE("block", FIRST_BLOCK), at);

	on_file(&city, SPLICE("block", FIRST_BLOCK), at, byte ^ 0x55);
	write_minutes(&city, 100, 200);
	struct store_pack_result result = pack(&city);

	CHECK(result.points == (uint64_t)SERIES * 100);
	CHECK(result.damaged == 1 && result.damage.code == ERR_CORRUPT);
	CHECK(strstr(result.damage.detail, "block") != NULL || strstr(result.damage.detail, "chunk") != NULL);
	write_minutes(&city, 200, 300);
	result = pack(&city);
	CHECK(result.points == (uint64_t)SERIES * 100 && result.merged_points == (uint64_t)SERIES * 200);
	CHECK(result.damaged == 1 && result.damage.code == ERR_OK);
	struct reading reading = read_all(&city, 300);

	CHECK(reading.damaged > 0);
	CHECK_OK(store_stats(city.store, &stats, &err), &err);
	CHECK(stats.damaged == 1 && stats.damaged_reads >= reading.damaged);
	CHECK(stats.points_packed == (uint64_t)SERIES * 300);
	/* Nothing of it is lost. */
	on_file(&city, SPLICE("block", FIRST_BLOCK), at, byte);
	CHECK(read_all(&city, 300).good == SERIES);
	city.store = store_free(city.store);
	city_open(&city);
	CHECK(read_all(&city, 300).good == SERIES);
	check_clean(city.folder.file);
	city_end(&city);
}

static enum err_code delete_body(struct store_txn *txn, void *self, struct error *err)
{
	(void)self;
	return store_txn_series_delete(txn, STR("urn:ngsi-ld:Meter:0"), field_iri(0), STR_NONE, false, err);
}

static void packing_goes_on_beside_a_damaged_batch(void)
{
	struct city city;
	struct error err = {0};
	uint64_t count = 0;

	city_begin(&city);
	write_minutes(&city, 0, 100);
	write_minutes(&city, 100, 200);
	int at = (int)ask_file(&city, "SELECT length(doc) / 2 FROM segment WHERE ?1 AND " FIRST_SEGMENT, 1);
	unsigned char byte = (unsigned char)ask_file(&city, BYTE("segment", FIRST_SEGMENT), at);

	on_file(&city, SPLICE("segment", FIRST_SEGMENT), at, byte ^ 0x01);
	CHECK(read_all(&city, 200).damaged == SERIES);
	CHECK(check_names(&city, "batch 1: none of its 1200 points can be read", &count));
	CHECK(count == 1);
	struct store_pack_result result = pack(&city);

	CHECK(result.points == (uint64_t)SERIES * 100 && result.damaged == 1 && result.damage.code == ERR_CORRUPT);
	CHECK(strstr(result.damage.detail, "batch 1") != NULL);
	CHECK(read_all(&city, 200).damaged == SERIES);
	on_file(&city, SPLICE("segment", FIRST_SEGMENT), at, byte);
	CHECK(read_all(&city, 200).good == SERIES);
	check_clean(city.folder.file);

	/* Whether a series is deleted whole cannot be said while a part of it cannot be read. */
	on_file(&city, SPLICE("segment", FIRST_SEGMENT), at, byte ^ 0x01);
	CHECK(apply(city.store, delete_body, NULL, &err) == ERR_CORRUPT);
	on_file(&city, SPLICE("segment", FIRST_SEGMENT), at, byte);
	CHECK_OK(apply(city.store, delete_body, NULL, &err), &err);
	city_end(&city);
}

/* Nothing that is damaged: a batch alone, too little to be worth it, must not lie for ever either. */
static void a_batch_waits_ten_minutes_at_most(void)
{
	struct city city;
	struct store_pack_result early = {0}, late = {0};
	struct store_pack_options options = {.now_us = NOW + 599 * US_PER_S};
	struct error err = {0};

	city_begin(&city);
	write_minutes(&city, 0, 10);
	CHECK_OK(store_pack(city.store, &options, &early, &err), &err);
	CHECK(early.points == 0);
	options.now_us = NOW + 601 * US_PER_S;
	CHECK_OK(store_pack(city.store, &options, &late, &err), &err);
	CHECK(late.points == 10 * METERS * FIELDS);
	city_end(&city);
}

int main(void)
{
	RUN(every_byte_of_a_block_is_guarded);
	RUN(packing_goes_on_beside_a_damaged_block);
	RUN(packing_goes_on_beside_a_damaged_batch);
	RUN(a_batch_waits_ten_minutes_at_most);
	return check_done();
}
