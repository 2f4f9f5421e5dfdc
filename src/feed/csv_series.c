/* Moments on their way from rows into the history.
 *
 * Values wait in the order of the file. Then the store gives numbers to entities and attributes, the values are put in
 * the order of series and time to find those that it has already, by time and value, and the others go into one batch.
 * So a file that grows can be imported again and again. */
#include "feed/csv_series_int.h"

#include "base/map.h"
#include "base/time_value.h"
#include "feed/mapping.h"
#include "store/temporal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_ROOM ((size_t)CSV_SERIES_VALUES_MAX + MAPPING_ATTRIBUTES_MAX)
#define NAMES_BYTES_MAX ((size_t)1 << 20)
#define BATCH_BYTES_MAX ((size_t)256 << 20)
#define KNOWN_PAGE 4096u /* instances that are read at once to see what is there already */

struct name {
	struct str given, iri;
	int64_t number;
};

struct value {
	int64_t at_us;
	uint32_t subject, name; /* indexes */
	uint32_t row;
	bool dropped;
	uint8_t kind, scale; /* of struct store_bulk_value */
	int64_t mantissa;
	double number;
	struct str text;
};

struct csv_series {
	struct arena names_arena; /* lasts */
	struct name *names; /* in it */
	size_t name_count;
	struct arena arena; /* of what waits */
	struct map by_id; /* index of the subject, plus 1 */
	struct store_bulk_subject *subjects; /* owned, as the next two */
	bool *refused;
	struct value *values;
	uint32_t *order;
	size_t subject_count, value_count;
	uint32_t row;
	int64_t generation;
	struct store_bulk *bulk; /* owned */
};

enum err_code csv_series_new(struct csv_series **ret, struct error *err)
{
	struct csv_series *series = calloc(1, sizeof(*series));

	if (!series)
		return err_set(err, ERR_MEMORY, "no memory for series");
	arena_init(&series->names_arena, NAMES_BYTES_MAX);
	arena_init(&series->arena, BATCH_BYTES_MAX);
	map_init(&series->by_id, (uint64_t)(uintptr_t)series);
	series->names = arena_array(&series->names_arena, struct name, CSV_SERIES_NAMES_MAX);
	series->subjects = calloc(VALUES_ROOM, sizeof(*series->subjects));
	series->refused = calloc(VALUES_ROOM, sizeof(*series->refused));
	series->values = calloc(VALUES_ROOM, sizeof(*series->values));
	series->order = calloc(VALUES_ROOM, sizeof(*series->order));
	if (!series->names || !series->subjects || !series->refused || !series->values || !series->order) {
		(void)csv_series_free(series);
		return err_set(err, ERR_MEMORY, "no memory for series");
	}
	*ret = series;
	return ERR_OK;
}

struct csv_series *csv_series_free(struct csv_series *series)
{
	if (!series)
		return NULL;
	(void)store_bulk_free(series->bulk);
	map_done(&series->by_id);
	arena_done(&series->arena);
	arena_done(&series->names_arena);
	free(series->subjects);
	free(series->refused);
	free(series->values);
	free(series->order);
	free(series);
	return NULL;
}

void csv_series_clear(struct csv_series *series)
{
	series->bulk = store_bulk_free(series->bulk);
	map_done(&series->by_id);
	map_init(&series->by_id, (uint64_t)(uintptr_t)series);
	arena_clear(&series->arena);
	memset(series->refused, 0, series->subject_count * sizeof(*series->refused));
	series->subject_count = series->value_count = 0;
	series->row = 0;
}

bool csv_series_is_full(const struct csv_series *series)
{
	return series->value_count >= CSV_SERIES_VALUES_MAX;
}

uint64_t csv_series_points(const struct csv_series *series)
{
	return series->bulk ? store_bulk_points(series->bulk) : 0;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the moments of the table");
}

/* ---- taking rows ---- */

static enum err_code find_name(struct csv_series *series, const struct context *context, struct str given,
			       uint32_t *ret, struct error *err)
{
	for (size_t i = 0; i < series->name_count; i++)
		if (str_eq(series->names[i].given, given)) {
			*ret = (uint32_t)i;
			return ERR_OK;
		}
	if (series->name_count == CSV_SERIES_NAMES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u attributes", CSV_SERIES_NAMES_MAX);
	struct name *name = &series->names[series->name_count];
	struct str iri;
	enum err_code code = context_expand(context, &series->names_arena, given, &iri, err);

	if (code)
		return code;
	name->given = arena_dup(&series->names_arena, given);
	name->iri = arena_dup(&series->names_arena, iri);
	if (!name->given.at || !name->iri.at)
		return no_memory(err);
	*ret = (uint32_t)series->name_count++;
	return ERR_OK;
}

static enum err_code find_subject(struct csv_series *series, const struct context *context, const struct json *body,
				  uint32_t *ret, struct error *err)
{
	struct str id = json_text(json_get(body, STR("id"))), iri;
	const struct json *type = json_get(body, STR("type"));
	uintptr_t known = (uintptr_t)map_get(&series->by_id, id);

	*ret = (uint32_t)(known - 1);
	if (known)
		return ERR_OK;
	enum err_code code = context_expand(context, &series->arena,
					    json_text(json_is(type, JSON_ARRAY) ? json_at(type, 0) : type), &iri, err);

	if (code)
		return code;
	struct store_bulk_subject subject = {.id = arena_dup(&series->arena, id),
					     .type_iri = arena_dup(&series->arena, iri)};

	known = series->subject_count + 1;
	if (!subject.id.at || !subject.type_iri.at || !map_set(&series->by_id, subject.id, (void *)known))
		return no_memory(err);
	series->subjects[series->subject_count++] = subject;
	*ret = (uint32_t)(known - 1);
	return ERR_OK;
}

/* A plain value; false when it is none. */
static bool read_value(const struct json *value, struct value *ret)
{
	struct series_number number;

	if (json_is(value, JSON_BOOL)) {
		ret->kind = SERIES_BOOLEAN;
		ret->mantissa = value->boolean;
		return true;
	}
	if (json_is(value, JSON_STRING)) {
		ret->kind = SERIES_TEXT;
		ret->text = json_text(value);
		return true;
	}
	if (!json_is(value, JSON_NUMBER))
		return false;
	ret->number = value->number;
	ret->kind = SERIES_DOUBLE;
	if (series_number_read((struct str){value->text, value->count}, &number)) {
		ret->kind = SERIES_DECIMAL;
		ret->mantissa = number.mantissa;
		ret->scale = number.scale;
	}
	return true;
}

/* An instance that has a time, and nothing but its value beside it. */
static enum err_code read_instance(struct csv_series *series, const struct context *context,
				   const struct json_member *attribute, struct value *value, struct error *err)
{
	const struct json *instance = &attribute->value;
	bool plain = json_is(instance, JSON_OBJECT) && instance->count == 3 &&
		     read_value(json_get(instance, STR("value")), value) &&
		     time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &value->at_us);

	if (!plain)
		return err_set(
			err, ERR_INVALID,
			"attribute \"%.*s\" has a time and is not just a number, truth or text: mode series keeps "
			"no units, datasets or sub-attributes",
			STR_FMT(attribute->key));
	return find_name(series, context, attribute->key, &value->name, err);
}

static bool has_time(const struct json *attribute)
{
	if (json_is(attribute, JSON_ARRAY)) {
		for (uint32_t i = 0; i < attribute->count; i++)
			if (json_get(&attribute->items[i], STR("observedAt")))
				return true;
		return false;
	}
	return json_get(attribute, STR("observedAt")) != NULL;
}

enum err_code csv_series_take(struct csv_series *series, const struct context *context, const struct json *body,
			      int64_t *ret_latest_us, struct error *err)
{
	size_t count = series->value_count;
	int64_t latest_us = INT64_MIN;
	uint32_t subject;
	enum err_code code = find_subject(series, context, body, &subject, err);

	for (uint32_t i = 0; i < body->count && !code; i++) {
		const struct json_member *member = &body->members[i];
		struct value value = {.subject = subject, .row = series->row};

		if (!has_time(&member->value))
			continue;
		assert(count < VALUES_ROOM);
		code = read_instance(series, context, member, &value, err);
		latest_us = value.at_us > latest_us ? value.at_us : latest_us;
		series->values[count++] = value;
	}
	if (code)
		return code;
	series->value_count = count;
	series->row++;
	*ret_latest_us = latest_us;
	return ERR_OK;
}

void csv_series_drop(struct csv_series *series, struct str id)
{
	uintptr_t known = (uintptr_t)map_get(&series->by_id, id);

	if (known)
		series->refused[known - 1] = true;
}

/* ---- numbers ---- */

struct numbers_write {
	struct store_write write;
	struct csv_series *series;
};

static enum err_code run_numbers(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct csv_series *series = ((struct numbers_write *)write)->series;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < series->subject_count && !code; i++)
		if (!series->refused[i])
			code = store_txn_bulk_subjects(txn, &series->subjects[i], 1, &series->generation, err);
	for (size_t i = 0; i < series->name_count && !code; i++)
		code = store_txn_bulk_name(txn, series->names[i].iri, &series->names[i].number, err);
	return code;
}

/* ---- what is there already ---- */

static int compare_values(const void *a, const void *b, void *of)
{
	const struct value *values = of, *x = &values[*(const uint32_t *)a], *y = &values[*(const uint32_t *)b];

	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static bool says_the_same(const struct value *value, const struct json *there)
{
	switch (value->kind) {
	case SERIES_BOOLEAN:
		return json_is(there, JSON_BOOL) && there->boolean == (value->mantissa != 0);
	case SERIES_TEXT:
		return json_is(there, JSON_STRING) && str_eq(json_text(there), value->text);
	default:
		return json_is(there, JSON_NUMBER) && there->number == value->number;
	}
}

/* Values of one series, in the order of time. */
struct run {
	struct csv_series *series;
	const uint32_t *at;
	size_t count;
	size_t next; /* of those not behind what was read */
};

static struct value *run_value(const struct run *run, size_t index)
{
	return &run->series->values[run->at[index]];
}

/* Drops what this instance says already; instances come in the order of time. */
static void compare_instance(struct run *run, const struct store_instance *instance)
{
	while (run->next < run->count && run_value(run, run->next)->at_us < instance->observed_us)
		run->next++;
	for (size_t i = run->next; i < run->count && run_value(run, i)->at_us == instance->observed_us; i++)
		if (says_the_same(run_value(run, i), &instance->value))
			run_value(run, i)->dropped = true;
}

static void drop_twins(struct run *run)
{
	for (size_t i = 1; i < run->count; i++) {
		const struct value *before = run_value(run, i - 1);
		struct value *value = run_value(run, i);

		value->dropped = value->at_us == before->at_us && value->kind == before->kind &&
				 (value->kind == SERIES_TEXT      ? str_eq(value->text, before->text)
				  : value->kind == SERIES_BOOLEAN ? value->mantissa == before->mantissa
								  : value->number == before->number);
	}
}

/* A page ends where the next begins: those of its last time are looked at twice, which does no harm. */
static enum err_code drop_known(struct run *run, struct store_reader *reader, struct arena *arena, struct error *err)
{
	const struct value *first = run_value(run, 0);
	struct store_window window = {
		.by = STORE_OBSERVED_AT, .from_us = first->at_us, .to_us = run_value(run, run->count - 1)->at_us};
	struct store_instances page = {.more = true};
	uint32_t room = KNOWN_PAGE;

	while (page.more) {
		arena_clear(arena);
		enum err_code code = store_series_read(reader, run->series->subjects[first->subject].id,
						       run->series->names[first->name].iri, STR_NONE, &window, false,
						       room, arena, &page, err);

		if (code || page.count == 0)
			return code;
		run->next = 0;
		for (size_t i = 0; i < page.count; i++)
			compare_instance(run, &page.at[i]);
		int64_t last_us = page.at[page.count - 1].observed_us;

		if (last_us == window.from_us)
			room *= 2; /* all of one time */
		window.from_us = last_us;
	}
	return ERR_OK;
}

static enum err_code find_known(struct csv_series *series, struct store_reader *reader, struct error *err)
{
	struct arena arena;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < series->value_count; i++) {
		series->order[i] = (uint32_t)i;
		series->values[i].dropped = false;
	}
	qsort_r(series->order, series->value_count, sizeof(*series->order), compare_values, series->values);
	arena_init(&arena, BATCH_BYTES_MAX);
	for (size_t from = 0, to; from < series->value_count && !code; from = to) {
		const struct value *first = &series->values[series->order[from]];

		for (to = from + 1; to < series->value_count; to++) {
			const struct value *value = &series->values[series->order[to]];

			if (value->subject != first->subject || value->name != first->name)
				break;
		}
		struct run run = {series, series->order + from, to - from, 0};

		drop_twins(&run);
		if (!series->refused[first->subject])
			code = drop_known(&run, reader, &arena, err);
	}
	arena_done(&arena);
	return code;
}

/* ---- the batch ---- */

static struct store_bulk_value bulk_value(const struct csv_series *series, const struct value *from)
{
	struct store_bulk_value value = {
		.name = series->names[from->name].number, .kind = (enum series_kind)from->kind, .scale = from->scale};

	if (from->kind == SERIES_TEXT)
		value.text = from->text;
	else if (from->kind == SERIES_DOUBLE)
		value.real = from->number;
	else
		value.mantissa = from->mantissa;
	return value;
}

/* The values of a row that are of one time go together. */
static enum err_code fill_batch(struct csv_series *series, struct error *err)
{
	struct store_bulk_value together[MAPPING_ATTRIBUTES_MAX];
	enum err_code code = ERR_OK;

	for (size_t i = 0, count; i < series->value_count && !code; i += count) {
		const struct value *first = &series->values[i];
		size_t kept = 0;

		for (count = 0; i + count < series->value_count && count < MAPPING_ATTRIBUTES_MAX; count++) {
			const struct value *value = &series->values[i + count];

			if (value->row != first->row || value->at_us != first->at_us)
				break;
			if (!value->dropped && !series->refused[value->subject])
				together[kept++] = bulk_value(series, value);
		}
		if (kept)
			code = store_bulk_add(series->bulk, series->subjects[first->subject].number, first->at_us,
					      together, kept, err);
	}
	return code;
}

enum err_code csv_series_prepare(struct csv_series *series, struct store *store, int64_t now_us, struct error *err)
{
	struct numbers_write write = {{.run = run_numbers}, series};
	struct store_reader *reader = NULL;

	series->bulk = store_bulk_free(series->bulk);
	enum err_code code = store_apply(store, &write.write, err);

	if (!code)
		code = store_reader_new(store, &reader, err);
	if (!code)
		code = find_known(series, reader, err);
	(void)store_reader_free(reader);
	if (!code)
		code = store_bulk_new(store, now_us, series->generation, &series->bulk, err);
	if (!code)
		code = fill_batch(series, err);
	return code ? code : store_bulk_finish(series->bulk, err);
}

enum err_code csv_series_store(struct csv_series *series, struct store_txn *txn, struct error *err)
{
	return csv_series_points(series) ? store_txn_bulk(txn, series->bulk, err) : ERR_OK;
}
