/* Evolutions laid over a store: held against a store that was given the same instances, by every window and sum.
 *
 * Goal: whoever reads through an overlay cannot tell it from a store that has it all. Method: series at random go into
 * one store as they are, and as documents into an overlay over another one; every question is put to both. */
#include "random_util.h"
#include "store/overlay.h"
#include "store_util.h"

#define ROUNDS 40
#define POINTS 60
#define NOW_FIRST INT64_C(1760000000000000)
#define ID "urn:x:1"

static struct error err;
static struct arena arena;

static const char *const texts[] = {"1", "-2.5", "1e3", "0.1", "true", "\"x\"", "{\"a\": [1]}"};

struct point {
	const char *iri, *dataset;
	uint32_t text;
	int64_t observed_us; /* 0: none */
};

struct scene {
	struct point points[POINTS];
	size_t count;
	int64_t now_us;
};

static void random_scene(struct random *random, struct scene *scene)
{
	static const char *const iris[] = {NAME_IRI, SPEED_IRI}, *const datasets[] = {"", "urn:d:1"};

	scene->count = 1 + roll(random, POINTS);
	for (size_t i = 0; i < scene->count; i++)
		scene->points[i] =
			(struct point){iris[roll(random, 2)], datasets[roll(random, 2)], roll(random, 7),
				       roll(random, 5) ? NOW_FIRST + (int64_t)roll(random, 50) * US_PER_S : 0};
	scene->now_us = NOW_FIRST + 1;
}

static struct json *parsed_into(struct arena *into, struct str text)
{
	struct json_parser *parser = json_parser_new();
	struct json *json = NULL;

	text = arena_printf(into, "%.*s%64s", STR_FMT(text), ""); /* what the parser reads beyond the end */
	CHECK_OK(json_parse(parser, into, str_part(text, 0, text.len - 64), NULL, &json, &err), &err);
	(void)json_parser_free(parser);
	return json;
}

/* The instance as a document keeps it. */
static struct json *instance_of(struct arena *into, const struct scene *scene, const struct point *point)
{
	char iso[TIME_ISO_BYTES];
	struct str observed = STR(""), dataset = STR("");

	if (point->observed_us)
		observed = arena_printf(into, ", \"observedAt\": \"%.*s\"",
					STR_FMT(time_format_iso(point->observed_us, iso)));
	if (*point->dataset)
		dataset = arena_printf(into, ", \"datasetId\": \"%s\"", point->dataset);
	return parsed_into(
		into, arena_printf(into, "{\"type\": \"Property\", \"value\": %s%.*s%.*s, \"createdAt\": %lld}",
				   texts[point->text], STR_FMT(dataset), STR_FMT(observed), (long long)scene->now_us));
}

static enum err_code put_scene(struct store_txn *txn, void *self, struct error *error)
{
	const struct scene *scene = self;
	struct change changes[POINTS];
	const struct str types[] = {STR(BUS_IRI)};
	bool created;

	for (size_t i = 0; i < scene->count; i++)
		changes[i] = (struct change){
			.kind = CHANGE_CREATED,
			.attribute_iri = str_from(scene->points[i].iri),
			.dataset_id = *scene->points[i].dataset ? str_from(scene->points[i].dataset) : STR_NONE,
			.after = instance_of(store_txn_arena(txn), scene, &scene->points[i]),
			.next = i + 1 < scene->count ? &changes[i + 1] : NULL};
	enum err_code code = store_txn_subject_add(txn, STR(ID), types, 1, &created, error);

	return code ? code : store_txn_history(txn, STR(ID), changes, scene->now_us, error);
}

static struct json *document_of(const struct scene *scene)
{
	struct json *document = json_new(&arena, json_object());
	struct json types = json_array();

	CHECK(json_push(&arena, &types, json_string(STR(BUS_IRI))) &&
	      json_add(&arena, document, STR("id"), json_string(STR(ID))) &&
	      json_add(&arena, document, STR("type"), types));
	for (size_t i = 0; i < scene->count; i++) {
		struct str iri = str_from(scene->points[i].iri);
		struct json *array = json_get(document, iri);

		if (!array)
			array = json_add(&arena, document, iri, json_array());
		CHECK(json_push(&arena, array, *instance_of(&arena, scene, &scene->points[i])) != NULL);
	}
	return document;
}

static struct store *memory_open(void)
{
	struct store *store = NULL;

	CHECK_OK(store_memory_open(&store, &err), &err);
	return store;
}

/* ---- questions ---- */

static void same_instances(const struct store_instances *one, const struct store_instances *other)
{
	if (!CHECK(one->count == other->count && one->more == other->more))
		return;
	for (size_t i = 0; i < one->count; i++) {
		const struct store_instance *a = &one->at[i], *b = &other->at[i];

		CHECK(a->observed_us == b->observed_us && a->created_us == b->created_us &&
		      a->modified_us == b->modified_us && a->deleted_us == b->deleted_us);
		CHECK(json_equal(&a->value, &b->value));
	}
}

static void ask_window(struct random *random, struct store_reader *one, struct store_reader *other, struct str iri,
		       struct str dataset)
{
	const struct store_window window = {
		.by = (enum store_time)roll(random, 4),
		.all = roll(random, 3) == 0,
		.or_modified = roll(random, 3) == 0,
		.from_us = roll(random, 2) ? INT64_MIN : NOW_FIRST + roll(random, 30) * US_PER_S,
		.to_us = roll(random, 2) ? INT64_MAX : NOW_FIRST + roll(random, 60) * US_PER_S};
	bool latest = roll(random, 2);
	uint32_t count_max = roll(random, 2) ? 1000 : 1 + roll(random, 10);
	struct store_instances a = {0}, b = {0};

	CHECK_OK(store_series_read(one, STR(ID), iri, dataset, &window, latest, count_max, &arena, &a, &err), &err);
	CHECK_OK(store_series_read(other, STR(ID), iri, dataset, &window, latest, count_max, &arena, &b, &err), &err);
	same_instances(&a, &b);
}

static void ask_sums(struct store_reader *one, struct store_reader *other, struct str iri, struct str dataset)
{
	const int64_t edges[] = {NOW_FIRST, NOW_FIRST + 10 * US_PER_S, NOW_FIRST + 11 * US_PER_S,
				 NOW_FIRST + 100 * US_PER_S};
	struct series_sums a[3], b[3];

	CHECK_OK(store_series_sums(one, STR(ID), iri, dataset, STORE_OBSERVED_AT, edges, 4, &arena, a, &err), &err);
	CHECK_OK(store_series_sums(other, STR(ID), iri, dataset, STORE_OBSERVED_AT, edges, 4, &arena, b, &err), &err);
	for (size_t i = 0; i < 3; i++) {
		CHECK(a[i].count == b[i].count && a[i].others == b[i].others);
		if (a[i].count)
			CHECK(series_sums_sum(&a[i]) == series_sums_sum(&b[i]) && a[i].min == b[i].min &&
			      series_sums_avg(&a[i]) == series_sums_avg(&b[i]) && a[i].max == b[i].max);
	}
}

static void ask_series(struct store_reader *one, struct store_reader *other)
{
	const struct store_series *a = NULL, *b = NULL;
	size_t a_count = 0, b_count = 0;

	CHECK_OK(store_series_list(one, STR(ID), &arena, &a, &a_count, &err), &err);
	CHECK_OK(store_series_list(other, STR(ID), &arena, &b, &b_count, &err), &err);
	CHECK(a_count == b_count);
	for (size_t i = 0; i < a_count; i++) {
		size_t k = 0;

		while (k < b_count &&
		       !(str_eq(a[i].attribute_iri, b[k].attribute_iri) && str_eq(a[i].dataset_id, b[k].dataset_id)))
			k++;
		CHECK(k < b_count);
	}
}

static void ask(struct random *random, struct store_reader *one, struct store_reader *other)
{
	static const char *const iris[] = {NAME_IRI, SPEED_IRI, NOTE_IRI};

	ask_series(one, other);
	for (size_t i = 0; i < 3; i++) {
		for (int dataset = 0; dataset < 2; dataset++) {
			struct str name = dataset ? STR("urn:d:1") : STR_NONE;

			for (int times = 0; times < 20; times++)
				ask_window(random, one, other, str_from(iris[i]), name);
			ask_sums(one, other, str_from(iris[i]), name);
		}
	}
}

static void an_overlay_reads_like_a_store(void)
{
	struct random random = {77};

	for (int round = 0; round < ROUNDS; round++) {
		struct store *whole = memory_open(), *below = memory_open();
		struct store_reader *reader = NULL, *bottom = NULL;
		struct store_overlay *overlay = store_overlay_new(&arena);
		struct scene scene;

		random_scene(&random, &scene);
		CHECK_OK(apply(whole, put_scene, &scene, &err), &err);
		CHECK_OK(store_reader_new(whole, &reader, &err), &err);
		CHECK_OK(store_reader_new(below, &bottom, &err), &err);
		CHECK_OK(store_overlay_add(overlay, document_of(&scene), &err), &err);
		ask(&random, reader, store_overlay_reader(overlay, bottom));
		store_overlay_done(overlay);
		(void)store_reader_free(reader);
		(void)store_reader_free(bottom);
		(void)store_free(whole);
		(void)store_free(below);
		arena_clear(&arena);
	}
}

/* ---- subjects ---- */

struct met {
	struct str ids[8], types[8];
	size_t count, stop_after;
	bool laid_over[8];
};

static bool meet(void *self, int64_t number, const struct store_subject *subject)
{
	struct met *met = self;

	CHECK(number > 0);
	met->ids[met->count] = arena_dup(&arena, subject->id);
	met->types[met->count] = arena_dup(&arena, subject->types[0]);
	met->laid_over[met->count++] = subject->laid_over;
	return met->count != met->stop_after;
}

static struct json *parsed(const char *text)
{
	return parsed_into(&arena, str_from(text));
}

static void its_subjects_stand_in_the_place_of_the_stores(void)
{
	static const struct narrow any = {.exact = false};
	struct store *store = memory_open();
	struct store_reader *below = NULL;
	struct store_overlay *overlay = store_overlay_new(&arena);
	struct store_subject subject;
	struct met met = {.count = 0};

	for (int i = 1; i <= 3; i++) {
		struct str text = arena_printf(
			&arena, "{\"id\": \"urn:e:%d\", \"type\": [\"" BUS_IRI "\"], \"createdAt\": 5}", i);

		CHECK_OK(upsert(store, text.at, &err), &err);
	}
	CHECK_OK(store_reader_new(store, &below, &err), &err);
	CHECK_OK(store_overlay_add(overlay,
				   parsed("{\"id\": \"urn:e:9\", \"type\": [\"" STOP_IRI "\"], \"createdAt\": 0,"
					  " \"deletedAt\": 7}"),
				   &err),
		 &err);
	CHECK_OK(store_overlay_add(overlay,
				   parsed("{\"id\": \"urn:e:2\", \"type\": [\"" STOP_IRI "\"], \"createdAt\": 3}"),
				   &err),
		 &err);
	struct store_reader *reader = store_overlay_reader(overlay, below);

	CHECK_OK(store_subject_each(reader, &any, 0, meet, &met, &err), &err);
	CHECK(met.count == 4);
	CHECK_STR(met.ids[1], STR("urn:e:2"));
	CHECK_STR(met.types[1], STR(STOP_IRI));
	CHECK_STR(met.ids[3], STR("urn:e:9"));
	CHECK(!met.laid_over[0] && met.laid_over[1] && !met.laid_over[2] && met.laid_over[3]);
	met = (struct met){.stop_after = 2};
	CHECK_OK(store_subject_each(reader, &any, 0, meet, &met, &err), &err);
	CHECK(met.count == 2);
	CHECK_OK(store_subject_get(reader, STR("urn:e:9"), &arena, &subject, &err), &err);
	CHECK(subject.created_us == STORE_NO_TIME && subject.gone_us == 7);
	CHECK_OK(store_subject_get(reader, STR("urn:e:1"), &arena, &subject, &err), &err);
	CHECK(subject.created_us == 5 && !subject.laid_over);
	CHECK(store_subject_get(reader, STR("urn:e:8"), &arena, &subject, NULL) == ERR_NOT_FOUND);
	CHECK(store_subject_get(below, STR("urn:e:9"), &arena, &subject, NULL) == ERR_NOT_FOUND);
	store_overlay_done(overlay);
	store_overlay_done(NULL);
	(void)store_reader_free(below);
	(void)store_free(store);
	arena_clear(&arena);
}

static void deletions_are_told_by_their_time(void)
{
	const struct store_window window = {.by = STORE_DELETED_AT, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store *store = memory_open();
	struct store_reader *below = NULL;
	struct store_overlay *overlay = store_overlay_new(&arena);
	struct store_instances found = {0};

	CHECK_OK(store_reader_new(store, &below, &err), &err);
	CHECK_OK(store_overlay_add(
			 overlay,
			 parsed("{\"id\": \"urn:e:1\", \"type\": [\"" BUS_IRI "\"], \"" SPEED_IRI
				"\": [{\"type\": \"Property\", \"value\": 1, \"createdAt\": 4}, {\"type\": "
				"\"Property\", \"value\": \"urn:ngsi-ld:null\", \"createdAt\": 4, \"deletedAt\": 6}]}"),
			 &err),
		 &err);
	CHECK_OK(store_series_read(store_overlay_reader(overlay, below), STR("urn:e:1"), STR(SPEED_IRI), STR_NONE,
				   &window, false, 10, &arena, &found, &err),
		 &err);
	CHECK(found.count == 1 && found.at[0].deleted_us == 6 && found.at[0].modified_us == 6 &&
	      found.at[0].shape->kind == CHANGE_DELETED);
	CHECK(store_overlay_add(overlay, parsed("{\"id\": \"urn:e:3\", \"" SPEED_IRI "\": [{\"type\": \"T\"}]}"),
				&err) == ERR_CORRUPT);
	store_overlay_done(overlay);
	(void)store_reader_free(below);
	(void)store_free(store);
	arena_clear(&arena);
}

int main(void)
{
	arena_init(&arena, (size_t)64 << 20);
	RUN(an_overlay_reads_like_a_store);
	RUN(its_subjects_stand_in_the_place_of_the_stores);
	RUN(deletions_are_told_by_their_time);
	arena_done(&arena);
	return check_done();
}
