/* Ours in this process: the meters into a store's history by its bulk way, durably, moment by moment as a collector has
 * them, or series by series as an archive has them. */
#include "bench_timeseries_peer.h"

#include "base/time_value.h"
#include "store/bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MINUTES_A_BATCH 15u /* when they come moment by moment: a quarter of an hour, 120,000 points */
#define METERS_A_BATCH 480u /* when they come series by series */
#define MINUTE_S 60
#define TYPE_IRI "https://uri.etsi.org/ngsi-ld/default-context/SmartMeter"
#define NAME_IRI "https://uri.etsi.org/ngsi-ld/default-context/"
#define ID_BYTES_MAX 64u

struct bulk {
	struct store *store;
	const struct peer_slice *slice;
	struct meters set;
	struct store_bulk_subject *subjects;
	int64_t names[METERS_FIELDS];
	int64_t generation;
	uint64_t points;
};

static void check(enum err_code code, const struct error *err)
{
	if (code)
		peer_fail("bulk", err->detail);
}

static int64_t clock_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		peer_fail("the clock", "does not tell");
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* ---- names ---- */

struct names_write {
	struct store_write write;
	struct bulk *bulk;
};

static enum err_code run_names(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct bulk *bulk = ((struct names_write *)write)->bulk;
	enum err_code code = store_txn_bulk_subjects(txn, bulk->subjects, bulk->slice->meters, &bulk->generation, err);

	for (size_t i = 0; i < METERS_FIELDS && !code; i++) {
		char iri[ID_BYTES_MAX + sizeof(NAME_IRI)];
		int len = snprintf(iri, sizeof(iri), NAME_IRI "%s", meters_fields[i].name);

		code = store_txn_bulk_name(txn, (struct str){iri, (size_t)len}, &bulk->names[i], err);
	}
	return code;
}

static void find_names(struct bulk *bulk, const char *prefix)
{
	uint32_t count = bulk->slice->meters;
	char *ids = malloc((size_t)count * ID_BYTES_MAX);
	struct names_write names = {{.run = run_names}, bulk};
	struct error err;

	bulk->subjects = calloc(count, sizeof(*bulk->subjects));
	if (!ids || !bulk->subjects)
		peer_fail("bulk", "no memory");
	for (uint32_t i = 0; i < count; i++) {
		char *id = ids + (size_t)i * ID_BYTES_MAX;
		int len = snprintf(id, ID_BYTES_MAX, "%s%04u", prefix, bulk->slice->first_meter + i);

		bulk->subjects[i] = (struct store_bulk_subject){.id = {id, (size_t)len}, .type_iri = STR(TYPE_IRI)};
	}
	check(store_apply(bulk->store, &names.write, &err), &err);
	free(ids);
}

/* ---- batches ---- */

struct batch_write {
	struct store_write write;
	struct store_bulk *batch;
};

static enum err_code run_batch(struct store_write *write, struct store_txn *txn, struct error *err)
{
	return store_txn_bulk(txn, ((struct batch_write *)write)->batch, err);
}

static struct store_bulk *begin_batch(const struct bulk *bulk)
{
	struct store_bulk *batch = NULL;
	struct error err;

	check(store_bulk_new(bulk->store, clock_us(), bulk->generation, &batch, &err), &err);
	return batch;
}

static void end_batch(struct bulk *bulk, struct store_bulk *batch)
{
	struct batch_write write = {{.run = run_batch}, batch};
	struct error err;

	bulk->points += store_bulk_points(batch);
	check(store_bulk_finish(batch, &err), &err);
	check(store_apply(bulk->store, &write.write, &err), &err);
	(void)store_bulk_free(batch);
}

static void add_moment(struct bulk *bulk, struct store_bulk *batch, uint32_t meter, uint32_t minute)
{
	int64_t at_us = (bulk->slice->start_s + (int64_t)minute * MINUTE_S) * US_PER_S;
	struct store_bulk_value values[METERS_FIELDS];
	struct error err;

	for (unsigned i = 0; i < METERS_FIELDS; i++)
		values[i] = (struct store_bulk_value){
			.name = bulk->names[i],
			.kind = SERIES_DECIMAL,
			.scale = (uint8_t)meters_fields[i].decimals,
			.mantissa = meters_series(&bulk->set, meter, (enum meters_field)i)[minute],
		};
	check(store_bulk_add(batch, bulk->subjects[meter].number, at_us, values, METERS_FIELDS, &err), &err);
}

static void add_moments(struct bulk *bulk)
{
	for (uint32_t first = 0; first < bulk->slice->minutes; first += MINUTES_A_BATCH) {
		struct store_bulk *batch = begin_batch(bulk);

		for (uint32_t i = first; i < first + MINUTES_A_BATCH && i < bulk->slice->minutes; i++)
			for (uint32_t meter = 0; meter < bulk->slice->meters; meter++)
				add_moment(bulk, batch, meter, i);
		end_batch(bulk, batch);
	}
}

static void add_series(struct bulk *bulk, struct store_bulk *batch, uint32_t meter, enum meters_field field)
{
	static int64_t at_us[SERIES_POINTS_MAX], mantissas[SERIES_POINTS_MAX];
	const int32_t *values = meters_series(&bulk->set, meter, field);
	struct error err;

	for (uint32_t from = 0, count; from < bulk->slice->minutes; from += count) {
		count = bulk->slice->minutes - from < SERIES_POINTS_MAX ? bulk->slice->minutes - from
									: SERIES_POINTS_MAX;
		for (uint32_t i = 0; i < count; i++) {
			at_us[i] = (bulk->slice->start_s + (int64_t)(from + i) * MINUTE_S) * US_PER_S;
			mantissas[i] = values[from + i];
		}
		const struct series_points points = {.kind = SERIES_DECIMAL,
						     .scale = (uint8_t)meters_fields[field].decimals,
						     .count = count,
						     .at_us = at_us,
						     .mantissas = mantissas};

		check(store_bulk_add_series(batch, bulk->subjects[meter].number, bulk->names[field], &points, &err),
		      &err);
	}
}

/* Numbers are given in the order of asking, so that subjects and names ascend, as they must. */
static void add_all_series(struct bulk *bulk)
{
	for (uint32_t first = 0; first < bulk->slice->meters; first += METERS_A_BATCH) {
		struct store_bulk *batch = begin_batch(bulk);

		for (uint32_t i = first; i < first + METERS_A_BATCH && i < bulk->slice->meters; i++)
			for (unsigned field = 0; field < METERS_FIELDS; field++)
				add_series(bulk, batch, i, (enum meters_field)field);
		end_batch(bulk, batch);
	}
}

void peer_bulk(const char *path, const char *prefix, int by_series, const struct peer_slice *slice)
{
	struct bulk bulk = {.slice = slice, .set = peer_meters(slice)};
	struct store_options options = {.path = path, .create = true};
	double from = peer_cpu_s();
	struct error err;

	check(store_sqlite_open(&options, &bulk.store, &err), &err);
	find_names(&bulk, prefix);
	if (by_series)
		add_all_series(&bulk);
	else
		add_moments(&bulk);
	printf("%llu %.6f\n", (unsigned long long)bulk.points, peer_cpu_s() - from);
	(void)store_free(bulk.store);
	free(bulk.subjects);
	meters_done(&bulk.set);
}
