/* Temporal evolution: SQLite against the memory store, which keeps all points in a list and reads all of them for each
 * question. Random changes (values of every kind, late and double ones, corrections, deletions), packing and putting
 * together at random moments, questions by every temporal property; sums by periods against adding up what was read.
 * Beside that, cases that say what is meant. */
#include "random_util.h"
#include "store_util.h"

#include "store/bulk.h"
#include "store/pack.h"
#include "store/retention.h"
#include "store/temporal.h"

#include <inttypes.h>

#define ROUNDS 30
#define WRITES_A_ROUND 40
#define QUESTIONS_A_ROUND 25
#define IDS 6
#define ATTRIBUTES 4
#define DATASETS 3
#define NOW_FIRST INT64_C(1760000000000000)
#define OBSERVED_FIRST INT64_C(1759990000000000)
#define FAR_FUTURE (NOW_FIRST + INT64_C(400) * US_PER_DAY)

/* Retention: at the first packing of all, what was observed at OBSERVED_FIRST is just too old; later ones are so much
 * later, by AGE_STEP for each round. */
#define AGE_STEP (300 * US_PER_S)
#define AGE (FAR_FUTURE - OBSERVED_FIRST)

static const struct store_rule rules[] = {
	{.type = {"*", 1},
	 .attribute = {"https://e.org/a0", 16},
	 .keep_us = AGE,
	 .tiers = {{60 * US_PER_S, AGE + 3000 * US_PER_S}, {300 * US_PER_S, STORE_KEEP_FOR_EVER}},
	 .tier_count = 2},
	{.type = {"*", 1}, .attribute = {"a1", 2}, .keep_us = AGE + 500 * US_PER_S},
	{.type = {"*", 1},
	 .attribute = {"*", 1},
	 .keep_us = AGE,
	 .tiers = {{300 * US_PER_S, AGE + 4000 * US_PER_S}},
	 .tier_count = 1},
	{.type = {"*", 1},
	 .attribute = {"a3", 2},
	 .keep_us = STORE_KEEP_FOR_EVER,
	 .tiers = {{3600 * US_PER_S, STORE_KEEP_FOR_EVER}},
	 .tier_count = 1},
};
static const struct store_retention retention = {rules, sizeof(rules) / sizeof(rules[0])};

/* ---- random instances ---- */

static void put_value(struct random *random, struct buf *buf, uint32_t kind)
{
	static const char *const numbers[] = {"0",
					      "-0",
					      "1e3",
					      "1.50",
					      "0.1",
					      "0.2",
					      "123456789012345678",
					      "2.5e-7",
					      "9007199254740993",
					      "-17.25",
					      "1e300",
					      "0.30000000000000004"};

	switch (kind) {
	case 0: /* as a meter reports */
		buf_printf(buf, "%u.%u", roll(random, 300), roll(random, 10));
		break;
	case 1: /* with all its digits */
		buf_printf(buf, "%u.%02u", roll(random, 300), roll(random, 100));
		break;
	case 2:
		buf_put(buf, str_from(numbers[roll(random, 12)]));
		break;
	case 3:
		buf_put(buf, roll(random, 2) ? STR("true") : STR("false"));
		break;
	case 4:
		buf_printf(buf, "\"state %u é\"", roll(random, 3));
		break;
	default:
		buf_printf(buf, "{\"a\":[%u,null],\"b\":\"x\"}", roll(random, 9));
	}
}

static void put_time(struct buf *buf, int64_t us)
{
	char buffer[TIME_ISO_BYTES];

	buf_put(buf, time_format_iso(us, buffer));
}

static int64_t random_time(struct random *random)
{
	/* Few moments, so that several points are of one. */
	return OBSERVED_FIRST + (int64_t)roll(random, 500) * 20 * US_PER_S;
}

static void put_instance(struct random *random, struct buf *buf, uint32_t attribute, uint32_t dataset, int64_t now_us)
{
	uint32_t kind = roll(random, 8) ? attribute : roll(random, 6);

	buf_clear(buf);
	buf_put(buf, STR("{\"type\":\"Property\",\"value\":"));
	put_value(random, buf, kind);
	if (dataset)
		buf_printf(buf, ",\"datasetId\":\"urn:d:%u\"", dataset);
	if (roll(random, 5)) {
		buf_put(buf, STR(",\"observedAt\":\""));
		put_time(buf, random_time(random));
		buf_put_char(buf, '"');
	} else if (roll(random, 4) == 0) {
		buf_put(buf, STR(",\"observedAt\":\"2025-10-09T07:00:00.500000Z\""));
	}
	if (attribute == 0)
		buf_put(buf, STR(",\"unitCode\":\"KWT\""));
	buf_printf(buf, ",\"createdAt\":%" PRId64, now_us - (int64_t)roll(random, 3) * US_PER_S);
	if (roll(random, 2))
		buf_printf(buf, ",\"modifiedAt\":%" PRId64, now_us);
	if (roll(random, 12) == 0)
		buf_printf(buf, ",\"https://e.org/q\":[{\"type\":\"Property\",\"value\":%u,\"createdAt\":5}]",
			   roll(random, 100000));
	buf_put_char(buf, '}');
}

static struct str attribute_name(uint32_t attribute, char buffer[static 40])
{
	(void)snprintf(buffer, 40, "https://e.org/a%u", attribute);
	return str_from(buffer);
}

static struct str id_name(uint32_t id, char buffer[static 40])
{
	(void)snprintf(buffer, 40, "urn:meter:%u", id);
	return str_from(buffer);
}

static struct str dataset_name(uint32_t dataset, char buffer[static 40])
{
	(void)snprintf(buffer, 40, "urn:d:%u", dataset);
	return dataset ? str_from(buffer) : STR_NONE;
}

/* ---- changes to both ---- */

struct both {
	struct store *stores[2]; /* memory, SQLite */
	struct store_reader *readers[2];
	struct random random;
	int64_t now_us;
	int64_t age_us; /* how far time has gone on for packing all */
	uint64_t expired, buckets;
	struct arena arena;
	uint64_t packed, merged; /* by SQLite */
	uint32_t bulk_points; /* so far */
	uint32_t had, had_not; /* instances that were asked for */
};

#define CHANGES_MAX 8

struct append {
	struct str id;
	struct {
		char attribute[40], dataset[40];
		uint32_t dataset_number;
		char text[600];
		enum change_kind kind;
	} changes[CHANGES_MAX];
	size_t count;
	int64_t now_us;
};

static enum err_code append_body(struct store_txn *txn, void *self, struct error *err)
{
	const struct append *append = self;
	struct change changes[CHANGES_MAX];

	for (size_t i = 0; i < append->count; i++) {
		const struct json *instance = txn_parse(txn, append->changes[i].text);
		bool deleted = append->changes[i].kind == CHANGE_DELETED;

		changes[i] = (struct change){.kind = append->changes[i].kind,
					     .attribute_iri = str_from(append->changes[i].attribute),
					     .dataset_id = append->changes[i].dataset_number
								   ? str_from(append->changes[i].dataset)
								   : STR_NONE,
					     .before = deleted ? instance : NULL,
					     .after = deleted ? NULL : instance,
					     .next = i + 1 < append->count ? &changes[i + 1] : NULL};
	}
	return store_txn_history(txn, append->id, changes, append->now_us, err);
}

static void append_random(struct both *both)
{
	struct append append = {.now_us = both->now_us};
	char id[40];
	struct buf buf;
	struct error err = {0};

	buf_init(&buf, 1000);
	append.id = id_name(roll(&both->random, IDS), id);
	append.count = roll(&both->random, 3) ? 1 : 1 + roll(&both->random, CHANGES_MAX);
	for (size_t i = 0; i < append.count; i++) {
		uint32_t attribute = roll(&both->random, ATTRIBUTES);
		uint32_t dataset = roll(&both->random, 3) ? 0 : roll(&both->random, DATASETS);

		(void)attribute_name(attribute, append.changes[i].attribute);
		(void)dataset_name(dataset, append.changes[i].dataset);
		append.changes[i].dataset_number = dataset;
		put_instance(&both->random, &buf, attribute, dataset, both->now_us);
		(void)snprintf(append.changes[i].text, sizeof(append.changes[i].text), "%.*s", STR_FMT(buf_str(&buf)));
		append.changes[i].kind = (enum change_kind)(roll(&both->random, 10) ? roll(&both->random, 2) : 2);
	}
	for (size_t s = 0; s < 2; s++)
		CHECK_OK(apply(both->stores[s], append_body, &append, &err), &err);
	buf_done(&buf);
}

static void pack(struct both *both, bool all)
{
	struct store_pack_result result, naive;
	struct error err = {0};
	const struct store_pack_options options = {.now_us = all ? FAR_FUTURE + both->age_us : both->now_us,
						   .all = all};

	CHECK_OK(store_pack(both->stores[0], &options, &naive, &err), &err);
	CHECK_OK(store_pack(both->stores[1], &options, &result, &err), &err);
	CHECK(result.expired_points == naive.expired_points);
	both->expired += result.expired_points;
	both->buckets += result.expired_buckets;
	both->packed += result.points;
	both->merged += result.merged_points;
}

/* ---- batches: to SQLite in bulk, to memory as changes ---- */

#define BULK_RECORDS_MAX 40
#define BULK_VALUES_MAX 3

struct bulk_record {
	uint32_t id, count;
	int64_t at_us;
	uint32_t attributes[BULK_VALUES_MAX];
	char values[BULK_VALUES_MAX][32];
};

struct bulk_batch {
	struct bulk_record records[BULK_RECORDS_MAX];
	size_t count;
	int64_t now_us;
	struct store_bulk_subject subjects[IDS];
	char ids[IDS][40];
	int64_t names[ATTRIBUTES], generation;
	struct store_bulk *bulk;
};

static enum err_code name_body(struct store_txn *txn, void *self, struct error *err)
{
	struct bulk_batch *batch = self;
	char attribute[40];
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; i < IDS; i++)
		batch->subjects[i] = (struct store_bulk_subject){.id = id_name(i, batch->ids[i])};
	for (uint32_t a = 0; code == ERR_OK && a < ATTRIBUTES; a++)
		code = store_txn_bulk_name(txn, attribute_name(a, attribute), &batch->names[a], err);
	return code ? code : store_txn_bulk_subjects(txn, batch->subjects, IDS, &batch->generation, err);
}

static enum err_code bulk_body(struct store_txn *txn, void *self, struct error *err)
{
	return store_txn_bulk(txn, ((struct bulk_batch *)self)->bulk, err);
}

/* The subjects are made in both, so that there are as many. */
static enum err_code subjects_body(struct store_txn *txn, void *self, struct error *err)
{
	enum err_code code = ERR_OK;
	char id[40];
	bool created;

	(void)self;
	for (uint32_t i = 0; code == ERR_OK && i < IDS; i++)
		code = store_txn_subject_add(txn, id_name(i, id), NULL, 0, &created, err);
	return code;
}

static int compare_records(const void *a, const void *b)
{
	const struct bulk_record *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

static void random_batch(struct both *both, struct bulk_batch *batch)
{
	struct random *random = &both->random;

	batch->count = 1 + roll(random, BULK_RECORDS_MAX);
	batch->now_us = both->now_us - both->now_us % US_PER_S;
	for (size_t r = 0; r < batch->count; r++) {
		struct bulk_record *record = &batch->records[r];

		/* No two points of one moment: those of a batch have no order of arrival. */
		*record = (struct bulk_record){.id = roll(random, IDS),
					       .count = 1 + roll(random, BULK_VALUES_MAX),
					       .at_us = random_time(random) + 1 + 2 * (int64_t)both->bulk_points++};
		for (uint32_t v = 0; v < record->count; v++) {
			record->attributes[v] = (v + (uint32_t)r % 2) % ATTRIBUTES;
			(void)snprintf(record->values[v], sizeof(record->values[v]), "%u.%u", roll(random, 50),
				       1 + roll(random, 9));
			if (roll(random, 10) == 0)
				(void)snprintf(record->values[v], sizeof(record->values[v]), "%s",
					       roll(random, 2) ? "true" : "\"text\"");
		}
	}
}

static struct store_bulk_value bulk_value(const struct bulk_batch *batch, const struct bulk_record *record, uint32_t v)
{
	struct store_bulk_value value = {.name = batch->names[record->attributes[v]], .kind = SERIES_TEXT};
	struct series_number number;

	if (series_number_read(str_from(record->values[v]), &number)) {
		value.kind = SERIES_DECIMAL;
		value.mantissa = number.mantissa;
		value.scale = number.scale;
	} else if (record->values[v][0] == 't') {
		value.kind = SERIES_BOOLEAN;
		value.mantissa = 1;
	} else {
		value.text = STR("text");
	}
	return value;
}

static void store_batch(struct both *both, struct bulk_batch *batch)
{
	struct error err = {0};

	CHECK_OK(apply(both->stores[1], name_body, batch, &err), &err);
	CHECK_OK(store_bulk_new(both->stores[1], both->now_us, batch->generation, &batch->bulk, &err), &err);
	for (size_t r = 0; r < batch->count; r++) {
		const struct bulk_record *record = &batch->records[r];
		struct store_bulk_value values[BULK_VALUES_MAX];

		for (uint32_t v = 0; v < record->count; v++)
			values[v] = bulk_value(batch, record, v);
		CHECK_OK(store_bulk_add(batch->bulk, batch->subjects[record->id].number, record->at_us, values,
					record->count, &err),
			 &err);
	}
	CHECK_OK(store_bulk_finish(batch->bulk, &err), &err);
	CHECK_OK(apply(both->stores[1], bulk_body, batch, &err), &err);
	batch->bulk = store_bulk_free(batch->bulk);
}

static void bulk_random(struct both *both)
{
	struct bulk_batch *batch = calloc(1, sizeof(*batch));
	struct error err = {0};

	both->now_us += US_PER_S;
	random_batch(both, batch);
	store_batch(both, batch);
	/* Order numbers of batches are their times. */
	qsort(batch->records, batch->count, sizeof(batch->records[0]), compare_records);
	CHECK_OK(apply(both->stores[0], subjects_body, NULL, &err), &err);
	for (size_t r = 0; r < batch->count; r++) {
		const struct bulk_record *record = &batch->records[r];
		struct append append = {.id = id_name(record->id, batch->ids[0]), .now_us = both->now_us};
		char buffer[TIME_ISO_BYTES];
		struct str at = time_format_iso(record->at_us, buffer);

		append.count = record->count;
		for (uint32_t v = 0; v < record->count; v++) {
			(void)attribute_name(record->attributes[v], append.changes[v].attribute);
			(void)snprintf(
				append.changes[v].text, sizeof(append.changes[v].text),
				"{\"type\":\"Property\",\"value\":%s,\"observedAt\":\"%.*s\",\"createdAt\":%" PRId64
				"}",
				record->values[v], STR_FMT(at), batch->now_us);
		}
		CHECK_OK(apply(both->stores[0], append_body, &append, &err), &err);
	}
	free(batch);
}

/* ---- the same in both ---- */

static struct store_instances read_series(struct both *both, size_t s, struct str id, struct str attribute,
					  struct str dataset, const struct store_window *window, bool latest,
					  uint32_t count_max)
{
	struct store_instances instances = {0};
	struct error err = {0};

	CHECK_OK(store_series_read(both->readers[s], id, attribute, dataset, window, latest, count_max, &both->arena,
				   &instances, &err),
		 &err);
	return instances;
}

static struct str instance_text(struct both *both, const struct store_instance *instance)
{
	struct json *document = store_instance_document(&both->arena, instance);
	struct buf buf;

	buf_init(&buf, 10000);
	buf_printf(&buf, "%d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " ", (int)instance->shape->kind,
		   instance->observed_us, instance->created_us, instance->modified_us, instance->deleted_us);
	json_write(&buf, document);
	struct str text = arena_dup(&both->arena, buf_str(&buf));

	buf_done(&buf);
	return text;
}

static void check_same(struct both *both, const struct store_instances lists[2])
{
	CHECK(lists[0].count == lists[1].count);
	CHECK(lists[0].more == lists[1].more);
	for (size_t i = 0; i < lists[0].count && i < lists[1].count; i++)
		CHECK_STR(instance_text(both, &lists[0].at[i]), instance_text(both, &lists[1].at[i]));
}

static void ask_instances(struct both *both)
{
	char id[40], attribute[40], dataset[40];
	struct random *random = &both->random;
	struct store_window window = {.by = (enum store_time)roll(random, 4),
				      .all = roll(random, 4) == 0,
				      .or_modified = roll(random, 3) == 0};
	uint32_t count_max = roll(random, 2) ? 1000000 : 1 + roll(random, 20);
	bool latest = roll(random, 2);
	struct store_instances lists[2];

	window.from_us = roll(random, 3) ? random_time(random) : INT64_MIN;
	window.to_us = roll(random, 3) ? random_time(random) : INT64_MAX;
	if (window.by != STORE_OBSERVED_AT && window.from_us != INT64_MIN)
		window.from_us = NOW_FIRST + roll(random, 1000) * US_PER_S;
	if (window.by != STORE_OBSERVED_AT && window.to_us != INT64_MAX)
		window.to_us = NOW_FIRST + roll(random, 1000) * US_PER_S;
	struct str names[3] = {id_name(roll(random, IDS), id), attribute_name(roll(random, ATTRIBUTES), attribute),
			       dataset_name(roll(random, 2) ? 0 : roll(random, DATASETS), dataset)};

	for (size_t s = 0; s < 2; s++)
		lists[s] = read_series(both, s, names[0], names[1], names[2], &window, latest, count_max);
	check_same(both, lists);
}

#define EDGES 9

static void check_sums(const struct series_sums *a, const struct series_sums *b)
{
	CHECK(a->count == b->count);
	CHECK(a->others == b->others);
	if (a->count == 0 || b->count == 0)
		return;
	CHECK(a->min == b->min && a->max == b->max);
	CHECK(a->first_us == b->first_us && a->last_us == b->last_us);
	CHECK(a->first == b->first && a->last == b->last);
	CHECK(series_sums_sum(a) == series_sums_sum(b));
	CHECK(series_sums_sumsq(a) == series_sums_sumsq(b));
	CHECK(series_sums_stddev(a) == series_sums_stddev(b));
}

static void ask_sums(struct both *both)
{
	char id[40], attribute[40];
	struct random *random = &both->random;
	struct series_sums sums[2][EDGES - 1];
	int64_t edges[EDGES];
	struct error err = {0};
	enum store_time by = roll(random, 3) ? STORE_OBSERVED_AT : (enum store_time)roll(random, 3);
	struct str names[2] = {id_name(roll(random, IDS), id), attribute_name(roll(random, ATTRIBUTES), attribute)};

	for (size_t i = 0; i < EDGES; i++)
		edges[i] = (by == STORE_OBSERVED_AT ? OBSERVED_FIRST : NOW_FIRST) +
			   (int64_t)i * (1 + roll(random, 2000)) * US_PER_S;
	/* Where buckets end, too. */
	for (size_t i = 0, unit = roll(random, 2) ? 60 : 300; i < EDGES && by == STORE_OBSERVED_AT && roll(random, 8);
	     i++)
		edges[i] -= edges[i] % ((int64_t)unit * US_PER_S);
	for (size_t i = 1; i < EDGES; i++)
		if (edges[i] < edges[i - 1])
			edges[i] = edges[i - 1];
	for (size_t s = 0; s < 2; s++)
		CHECK_OK(store_series_sums(both->readers[s], names[0], names[1], STR_NONE, by, edges, EDGES,
					   &both->arena, sums[s], &err),
			 &err);
	for (size_t i = 0; i + 1 < EDGES; i++)
		check_sums(&sums[0][i], &sums[1][i]);
	struct store_span spans[2];

	for (size_t s = 0; s < 2; s++)
		CHECK_OK(store_series_kept(both->readers[s], names[0], names[1], STR_NONE, edges[0], edges[EDGES - 1],
					   &spans[s], &err),
			 &err);
	CHECK(spans[0].any == spans[1].any);
	CHECK(!spans[0].any || (spans[0].from_us == spans[1].from_us && spans[0].to_us == spans[1].to_us));
}

/* ---- what is there already ---- */

struct has {
	struct str id, attribute, dataset;
	const struct json *instance;
	const struct append *append; /* NULL: nothing is appended before it is asked for */
	bool has;
};

static enum err_code has_body(struct store_txn *txn, void *self, struct error *err)
{
	struct has *has = self;
	enum err_code code = has->append ? append_body(txn, (void *)(uintptr_t)has->append, err) : ERR_OK;

	if (code)
		return code;
	return store_txn_has_instance(txn, has->id, has->attribute, has->dataset, has->instance, &has->has, err);
}

static void remove_stamps(struct json *instance)
{
	(void)json_remove(instance, STR("createdAt"));
	(void)json_remove(instance, STR("modifiedAt"));
	(void)json_remove(instance, STR("observedAt"));
	for (uint32_t i = 0; i < instance->count; i++)
		for (uint32_t k = 0;
		     json_is(&instance->members[i].value, JSON_ARRAY) &&
		     document_is_attribute(instance->members[i].key) && k < instance->members[i].value.count;
		     k++)
			remove_stamps(&instance->members[i].value.items[k]);
}

/* The instance as another one that says the same, or nearly so. */
static struct json *told_again(struct both *both, const struct store_instance *instance)
{
	struct random *random = &both->random;
	struct json *again = store_instance_document(&both->arena, instance);
	int64_t us = instance->observed_us;
	struct buf time;

	(void)json_set(&both->arena, again, STR("createdAt"), json_int(&both->arena, both->now_us));
	if (roll(random, 4) == 0)
		(void)json_set(&both->arena, again, STR("unitCode"), json_string(STR("KWT")));
	if (roll(random, 6) == 0)
		(void)json_set(&both->arena, again, STR("value"), json_int(&both->arena, roll(random, 300)));
	if (us == STORE_NO_TIME)
		return again;
	if (roll(random, 6) == 0)
		us += roll(random, 2) ? 1 : US_PER_S;
	buf_init(&time, 100);
	put_time(&time, us);
	/* The same moment written otherwise is the same. */
	if (roll(random, 3) == 0 && !memchr(time.at, '.', time.len)) {
		time.len--;
		buf_put(&time, STR(".000Z"));
	}
	(void)json_set(&both->arena, again, STR("observedAt"), json_string(arena_dup(&both->arena, buf_str(&time))));
	buf_done(&time);
	return again;
}

static bool is_there(struct both *both, const struct store_instances *list, const struct json *instance)
{
	struct json *sought = json_dup(&both->arena, instance);
	int64_t us;

	if (!time_parse_iso(json_text(json_get(sought, STR("observedAt"))), true, &us))
		return false;
	remove_stamps(sought);
	for (size_t i = 0; i < list->count; i++) {
		if (list->at[i].shape->kind == CHANGE_DELETED || list->at[i].observed_us != us)
			continue;
		struct json *there = json_dup(&both->arena, store_instance_document(&both->arena, &list->at[i]));

		remove_stamps(there);
		if (json_equal(there, sought))
			return true;
	}
	return false;
}

static void ask_has(struct both *both)
{
	const struct store_window window = {.by = STORE_OBSERVED_AT, .all = true};
	char id[40], attribute[40], dataset[40];
	uint32_t d = roll(&both->random, 2) ? 0 : roll(&both->random, DATASETS);
	struct has has = {.id = id_name(roll(&both->random, IDS), id),
			  .attribute = attribute_name(roll(&both->random, ATTRIBUTES), attribute),
			  .dataset = d ? dataset_name(d, dataset) : STR_NONE};
	struct store_instances list = read_series(both, 0, has.id, has.attribute, has.dataset, &window, false, 1000000);
	struct error err = {0};

	if (list.count == 0)
		return;
	const struct store_instance *instance = &list.at[roll(&both->random, (uint32_t)list.count)];

	if (instance->shape->kind == CHANGE_DELETED && roll(&both->random, 4))
		return;
	has.instance = told_again(both, instance);
	bool expected = is_there(both, &list, has.instance);

	for (size_t s = 0; s < 2; s++) {
		CHECK_OK(apply(both->stores[s], has_body, &has, &err), &err);
		CHECK(has.has == expected);
	}
	both->had += expected;
	both->had_not += !expected;
}

/* What a transaction has just appended is there for it, alone or with others in one row. */
static void append_and_ask(struct both *both)
{
	struct append append = {.now_us = both->now_us};
	struct has has = {.append = &append};
	char id[40];
	struct buf buf;
	struct error err = {0};

	buf_init(&buf, 1000);
	append.id = has.id = id_name(roll(&both->random, IDS), id);
	append.count = roll(&both->random, 2) ? 1 : CHANGES_MAX;
	for (size_t i = 0; i < append.count; i++) {
		(void)attribute_name((uint32_t)i % ATTRIBUTES, append.changes[i].attribute);
		put_instance(&both->random, &buf, (uint32_t)i % ATTRIBUTES, 0, both->now_us);
		(void)snprintf(append.changes[i].text, sizeof(append.changes[i].text), "%.*s", STR_FMT(buf_str(&buf)));
		append.changes[i].kind = CHANGE_UPDATED;
	}
	buf_done(&buf);
	uint32_t asked = roll(&both->random, (uint32_t)append.count);
	struct json_parser *parser = json_parser_new();
	struct json *instance = NULL;

	CHECK_OK(json_parse(parser, &both->arena, str_from(append.changes[asked].text), NULL, &instance, &err), &err);
	has.attribute = str_from(append.changes[asked].attribute);
	has.instance = instance;
	for (size_t s = 0; s < 2; s++) {
		CHECK_OK(apply(both->stores[s], has_body, &has, &err), &err);
		CHECK(has.has == (json_get(instance, STR("observedAt")) != NULL));
	}
	(void)json_parser_free(parser);
}

/* ---- corrections ---- */

struct correction {
	struct str id, attribute;
	int64_t number;
	const char *text; /* NULL: deletes it */
	int64_t now_us;
};

static enum err_code correct_body(struct store_txn *txn, void *self, struct error *err)
{
	const struct correction *correction = self;

	return store_txn_instance_replace(txn, correction->id, correction->attribute, correction->number,
					  correction->text ? txn_parse(txn, correction->text) : NULL,
					  correction->now_us, err);
}

static void correct_random(struct both *both)
{
	const struct store_window window = {.by = STORE_OBSERVED_AT, .all = true};
	char id[40], attribute[40], dataset[40], text[600];
	uint32_t a = roll(&both->random, ATTRIBUTES), d = roll(&both->random, DATASETS);
	struct correction correction = {.id = id_name(roll(&both->random, IDS), id),
					.attribute = attribute_name(a, attribute),
					.now_us = both->now_us};
	struct str dataset_id = dataset_name(d, dataset);
	struct store_instances lists[2];
	struct error err = {0};
	struct buf buf;

	for (size_t s = 0; s < 2; s++)
		lists[s] =
			read_series(both, s, correction.id, correction.attribute, dataset_id, &window, false, 1000000);
	CHECK(lists[0].count == lists[1].count);
	if (lists[0].count == 0 || lists[0].count != lists[1].count)
		return;
	size_t which = roll(&both->random, (uint32_t)lists[0].count);

	buf_init(&buf, 1000);
	put_instance(&both->random, &buf, a, 0, both->now_us);
	/* One of a batch has its time for a number, which at another moment would put it before others: it stays. */
	if (lists[1].at[which].number == lists[1].at[which].observed_us) {
		buf_clear(&buf);
		buf_put(&buf, STR("{\"type\":\"Property\",\"observedAt\":\""));
		put_time(&buf, lists[1].at[which].observed_us);
		buf_printf(&buf, "\",\"value\":%u,\"createdAt\":%" PRId64 "}", roll(&both->random, 300), both->now_us);
	}
	(void)snprintf(text, sizeof(text), "%.*s", STR_FMT(buf_str(&buf)));
	buf_done(&buf);
	correction.text = roll(&both->random, 2) ? text : NULL;
	for (size_t s = 0; s < 2; s++) {
		correction.number = lists[s].at[which].number;
		CHECK_OK(apply(both->stores[s], correct_body, &correction, &err), &err);
	}
}

struct deletion {
	struct str id, attribute, dataset;
	bool all, whole;
};

static enum err_code delete_body(struct store_txn *txn, void *self, struct error *err)
{
	const struct deletion *deletion = self;

	if (deletion->whole)
		return store_txn_subject_delete(txn, deletion->id, err);
	return store_txn_series_delete(txn, deletion->id, deletion->attribute, deletion->dataset, deletion->all, err);
}

static void delete_random(struct both *both)
{
	char id[40], attribute[40], dataset[40];
	struct error err;
	struct deletion deletion = {.id = id_name(roll(&both->random, IDS), id),
				    .attribute = attribute_name(roll(&both->random, ATTRIBUTES), attribute),
				    .dataset = dataset_name(roll(&both->random, DATASETS), dataset),
				    .all = roll(&both->random, 2),
				    .whole = roll(&both->random, 4) == 0};
	enum err_code codes[2];

	for (size_t s = 0; s < 2; s++)
		codes[s] = apply(both->stores[s], delete_body, &deletion, &err);
	CHECK(codes[0] == codes[1]);
	CHECK(codes[0] == ERR_OK || codes[0] == ERR_NOT_FOUND);
}

/* ---- series and subjects ---- */

static int compare_texts(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void check_series_lists(struct both *both)
{
	char id[40];
	struct error err = {0};

	for (uint32_t i = 0; i < IDS; i++) {
		struct str texts[2][64];
		size_t counts[2] = {0};

		for (size_t s = 0; s < 2; s++) {
			const struct store_series *series = NULL;

			CHECK_OK(store_series_list(both->readers[s], id_name(i, id), &both->arena, &series, &counts[s],
						   &err),
				 &err);
			for (size_t k = 0; k < counts[s] && k < 64; k++)
				texts[s][k] = arena_printf(&both->arena, "%.*s|%.*s", STR_FMT(series[k].attribute_iri),
							   STR_FMT(series[k].dataset_id));
			qsort(texts[s], counts[s], sizeof(texts[s][0]), compare_texts);
		}
		CHECK(counts[0] == counts[1]);
		for (size_t k = 0; k < counts[0] && k < counts[1]; k++)
			CHECK_STR(texts[0][k], texts[1][k]);
	}
}

static void check_counts(struct both *both)
{
	struct store_stats stats[2];
	struct error err = {0};

	for (size_t s = 0; s < 2; s++)
		CHECK_OK(store_stats(both->stores[s], &stats[s], &err), &err);
	CHECK(stats[0].history_rows == stats[1].history_rows);
}

/* ---- all of it ---- */

static void round_of_changes(struct both *both)
{
	for (int i = 0; i < WRITES_A_ROUND; i++) {
		uint32_t what = roll(&both->random, 30);

		both->now_us += roll(&both->random, 3) ? roll(&both->random, 1000) : roll(&both->random, 30) * US_PER_S;
		if (what < 24)
			append_random(both);
		else if (what < 26)
			correct_random(both);
		else if (what == 26 && roll(&both->random, 8) == 0)
			delete_random(both);
		else if (what == 27)
			pack(both, roll(&both->random, 2));
		else if (what == 28)
			bulk_random(both);
		else
			append_and_ask(both);
		arena_clear(&both->arena);
	}
}

static void compare_both(bool retains)
{
	struct test_folder folder;
	struct both both = {.random = {88172645463325252u}, .now_us = NOW_FIRST};
	struct error err = {0};

	folder_make(&folder);
	arena_init(&both.arena, (size_t)1 << 28);
	for (size_t s = 0; s < 2; s++) {
		both.stores[s] = open_kind(s == 1, &folder);
		store_set_retention(both.stores[s], retains ? &retention : NULL);
		CHECK_OK(store_reader_new(both.stores[s], &both.readers[s], &err), &err);
	}
	for (int round = 0; round < ROUNDS && check_case_failures == 0; round++) {
		round_of_changes(&both);
		both.age_us = round * AGE_STEP;
		for (int i = 0; i < QUESTIONS_A_ROUND; i++) {
			ask_instances(&both);
			ask_sums(&both);
			ask_has(&both);
			arena_clear(&both.arena);
		}
		check_series_lists(&both);
		check_counts(&both);
	}
	for (size_t s = 0; s < 2; s++) {
		(void)store_reader_free(both.readers[s]);
		(void)store_free(both.stores[s]);
	}
	arena_done(&both.arena);
	CHECK(both.packed > 500 && both.merged > 500);
	CHECK(both.had > 100 && both.had_not > 50);
	CHECK(!retains || (both.expired > 100 && both.buckets > 10));
	check_clean(folder.file);
	folder_remove(&folder);
}

static void whatever_is_packed_the_answers_are_the_same(void)
{
	compare_both(false);
}

static void what_is_too_old_counts_in_its_bucket(void)
{
	compare_both(true);
}

/* ---- many points a bucket ---- */

#define MINUTES 4000

static void append_minutes(struct both *both, uint32_t from, uint32_t to)
{
	char id[40];
	struct error err = {0};

	for (uint32_t i = from; i < to; i += CHANGES_MAX) {
		struct append append = {.id = id_name(0, id), .count = CHANGES_MAX, .now_us = both->now_us};

		for (uint32_t k = 0; k < CHANGES_MAX; k++) {
			char at[TIME_ISO_BYTES];
			struct str time = time_format_iso(OBSERVED_FIRST + (int64_t)(i + k) * 60 * US_PER_S, at);

			(void)attribute_name(3, append.changes[k].attribute);
			append.changes[k].kind = CHANGE_UPDATED;
			(void)snprintf(
				append.changes[k].text, sizeof(append.changes[k].text),
				"{\"type\":\"Property\",\"value\":%s%u%u,\"observedAt\":\"%.*s\",\"createdAt\":%" PRId64
				"}",
				roll(&both->random, 50) ? "23." : "-0.00", roll(&both->random, 10),
				roll(&both->random, 100), STR_FMT(time), both->now_us);
			both->now_us += 1000;
		}
		for (size_t s = 0; s < 2; s++)
			CHECK_OK(apply(both->stores[s], append_body, &append, &err), &err);
	}
}

/* Periods that buckets fit, fit but for a few, and do not fit. */
static void ask_minutes(struct both *both)
{
	static const int64_t steps_s[] = {3600, 7200, 86400, 1800, 5400, 700};
	char id[40], attribute[40];
	struct error err = {0};

	for (size_t i = 0; i < sizeof(steps_s) / sizeof(steps_s[0]); i++) {
		for (int shift = 0; shift < 2; shift++) {
			int64_t edges[120];
			struct series_sums sums[2][119];
			int64_t start = OBSERVED_FIRST - OBSERVED_FIRST % (3600 * US_PER_S) + shift * 77 * US_PER_S;
			size_t count = 0;

			while (count < 119 && start + (int64_t)count * steps_s[i] * US_PER_S <
						      OBSERVED_FIRST + INT64_C(5000) * 60 * US_PER_S) {
				edges[count] = start + (int64_t)count * steps_s[i] * US_PER_S;
				count++;
			}
			/* Two edges anywhere. */
			edges[count / 2] += shift ? 0 : 123457;
			edges[count] = edges[count - 1] + 3601 * US_PER_S;
			count++;
			for (size_t s = 0; s < 2; s++)
				CHECK_OK(store_series_sums(both->readers[s], id_name(0, id),
							   attribute_name(3, attribute), STR_NONE, STORE_OBSERVED_AT,
							   edges, count, &both->arena, sums[s], &err),
					 &err);
			for (size_t k = 0; k + 1 < count; k++)
				check_sums(&sums[0][k], &sums[1][k]);
			arena_clear(&both->arena);
		}
	}
}

static void roll_ups_say_what_their_points_say(void)
{
	struct test_folder folder;
	struct both both = {.random = {1234567u}, .now_us = NOW_FIRST};
	struct store_history_stats before, after;
	struct error err = {0};

	folder_make(&folder);
	arena_init(&both.arena, (size_t)1 << 28);
	for (size_t s = 0; s < 2; s++) {
		both.stores[s] = open_kind(s == 1, &folder);
		CHECK_OK(store_reader_new(both.stores[s], &both.readers[s], &err), &err);
	}
	append_minutes(&both, 0, MINUTES);
	pack(&both, true);
	CHECK_OK(store_history_stats(both.stores[1], &before, &err), &err);
	ask_minutes(&both);
	/* Rules that come later. */
	for (size_t s = 0; s < 2; s++)
		store_set_retention(both.stores[s], &retention);
	pack(&both, true);
	CHECK_OK(store_history_stats(both.stores[1], &after, &err), &err);
	CHECK(after.points == before.points && after.points == MINUTES);
	ask_minutes(&both);
	for (int i = 0; i < 10; i++) {
		correct_random(&both);
		ask_minutes(&both);
		append_minutes(&both, (uint32_t)i * 300, (uint32_t)i * 300 + 8);
		if (i % 3 == 2)
			pack(&both, true);
		ask_minutes(&both);
	}
	check_series_lists(&both);
	check_counts(&both);
	for (size_t s = 0; s < 2; s++) {
		(void)store_reader_free(both.readers[s]);
		(void)store_free(both.stores[s]);
	}
	arena_done(&both.arena);
	check_clean(folder.file);
	folder_remove(&folder);
}

int main(void)
{
	RUN(roll_ups_say_what_their_points_say);
	RUN(what_is_too_old_counts_in_its_bucket);
	RUN(whatever_is_packed_the_answers_are_the_same);
	return check_done();
}
