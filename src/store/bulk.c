/* Batches of measured values on their way into blocks.
 *
 * Values come as a collector sends them, all subjects of one moment before the next moment. Each is put into the chain
 * of its subject; at the end the chains are gone through in the order of subjects, and each attribute's values become a
 * chunk, whose times and order numbers are those of its neighbours and so cost nothing. */
#include "store/bulk_int.h"

#include "base/time_value.h"
#include "store/sqlite_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BULK_TEXT_BYTES_MAX ((size_t)256 << 20)
#define BULK_SEGMENT_BYTES_MAX ((size_t)512 << 20)
#define NO_RECORD UINT32_MAX

/* What is the same of all: a Property with its observedAt. */
#define BULK_SHAPE "C{\"type\":\"Property\",\"value\":null,\"observedAt\":null,\"createdAt\":null}"
static const struct str bulk_shapes[] = {{BULK_SHAPE, sizeof(BULK_SHAPE) - 1}};

struct record { /* of one subject and moment */
	int64_t at_us, created_us;
	uint32_t first, count; /* values */
	uint32_t next; /* of the same subject */
};

struct value {
	int64_t name;
	union {
		int64_t mantissa;
		double real;
		struct str text;
	};
	uint8_t kind, scale;
};

struct chain {
	int64_t subject;
	uint32_t head, tail, count;
	bool ordered;
};

struct store_bulk {
	int64_t now_us, generation;
	uint64_t points;
	struct block_sink sink;
	struct buf segment; /* of chains, as they come in store_bulk_add(); finished */
	int64_t segment_subject, segment_min, segment_max;
	uint64_t segment_points;
	struct arena texts, scratch;

	struct record *records; /* owned, as the others */
	size_t record_count, record_room;
	struct value *values;
	size_t value_count, value_room;
	struct chain *chains;
	size_t chain_count, chain_room;
	uint32_t *slots; /* hash table of chains by subject: index + 1 */
	size_t slot_count;

	bool finished;
};

struct block_sink *store_bulk_sink(struct store_bulk *bulk)
{
	return &bulk->sink;
}

bool store_bulk_segment(const struct store_bulk *bulk, struct made_segment *ret)
{
	*ret = (struct made_segment){buf_str(&bulk->segment), bulk->segment_min, bulk->segment_max,
				     (int64_t)bulk->segment_points};
	return bulk->segment_points > 0;
}

int64_t store_bulk_generation(const struct store_bulk *bulk)
{
	return bulk->generation;
}

uint64_t store_bulk_points(const struct store_bulk *bulk)
{
	return bulk->points;
}

/* Whole seconds: stamps that hardly change take no room. */
static void set_stamp(struct store_bulk *bulk, int64_t now_us, int64_t generation)
{
	bulk->now_us = now_us - now_us % US_PER_S;
	bulk->generation = generation;
}

enum err_code store_bulk_new(struct store *store, int64_t now_us, int64_t generation, struct store_bulk **ret_bulk,
			     struct error *err)
{
	if (store && !store->ops->txn_bulk)
		return err_set(err, ERR_UNSUPPORTED, "a store in memory takes no bulk");
	struct store_bulk *bulk = calloc(1, sizeof(*bulk));

	if (!bulk)
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	set_stamp(bulk, now_us, generation);
	buf_init(&bulk->segment, BULK_SEGMENT_BYTES_MAX);
	arena_init(&bulk->texts, BULK_TEXT_BYTES_MAX);
	arena_init(&bulk->scratch, BULK_TEXT_BYTES_MAX);
	enum err_code code = block_sink_init(&bulk->sink, err);

	if (code) {
		(void)store_bulk_free(bulk);
		return code;
	}
	*ret_bulk = bulk;
	return ERR_OK;
}

struct store_bulk *store_bulk_free(struct store_bulk *bulk)
{
	if (!bulk)
		return NULL;
	block_sink_done(&bulk->sink);
	buf_done(&bulk->segment);
	arena_done(&bulk->texts);
	arena_done(&bulk->scratch);
	free(bulk->records);
	free(bulk->values);
	free(bulk->chains);
	free(bulk->slots);
	free(bulk);
	return NULL;
}

void store_bulk_reset(struct store_bulk *bulk, int64_t now_us, int64_t generation)
{
	set_stamp(bulk, now_us, generation);
	block_sink_clear(&bulk->sink);
	buf_clear(&bulk->segment);
	arena_clear(&bulk->texts);
	if (bulk->slot_count)
		memset(bulk->slots, 0, bulk->slot_count * sizeof(*bulk->slots));
	bulk->record_count = bulk->value_count = bulk->chain_count = 0;
	bulk->points = bulk->segment_points = 0;
	bulk->segment_subject = 0;
	bulk->finished = false;
}

size_t store_bulk_bytes(const struct store_bulk *bulk)
{
	return bulk->record_room * sizeof(*bulk->records) + bulk->value_room * sizeof(*bulk->values) +
	       bulk->chain_room * sizeof(*bulk->chains) + bulk->slot_count * sizeof(*bulk->slots) + bulk->segment.room;
}

/* ---- taking values ---- */

static bool grow(void **array, size_t *room, size_t needed, size_t size)
{
	size_t wanted = *room ? *room : 1024;

	if (needed <= *room)
		return true;
	while (wanted < needed)
		wanted *= 2;
	void *grown = realloc(*array, wanted * size);

	if (!grown)
		return false;
	*array = grown;
	*room = wanted;
	return true;
}

static uint64_t slot_of(const struct store_bulk *bulk, int64_t subject)
{
	return ((uint64_t)subject * UINT64_C(0x9E3779B97F4A7C15)) >> 20 & (bulk->slot_count - 1);
}

static void put_slot(struct store_bulk *bulk, uint32_t chain)
{
	uint64_t at = slot_of(bulk, bulk->chains[chain].subject);

	while (bulk->slots[at])
		at = (at + 1) & (bulk->slot_count - 1);
	bulk->slots[at] = chain + 1;
}

static bool grow_slots(struct store_bulk *bulk)
{
	size_t count = bulk->slot_count ? bulk->slot_count * 2 : 4096;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return false;
	free(bulk->slots);
	bulk->slots = slots;
	bulk->slot_count = count;
	for (size_t i = 0; i < bulk->chain_count; i++)
		put_slot(bulk, (uint32_t)i);
	return true;
}

/* NULL when memory was refused. */
static struct chain *find_chain(struct store_bulk *bulk, int64_t subject)
{
	if (bulk->chain_count * 2 >= bulk->slot_count && !grow_slots(bulk))
		return NULL;
	for (uint64_t at = slot_of(bulk, subject); bulk->slots[at]; at = (at + 1) & (bulk->slot_count - 1))
		if (bulk->chains[bulk->slots[at] - 1].subject == subject)
			return &bulk->chains[bulk->slots[at] - 1];
	if (!grow((void **)&bulk->chains, &bulk->chain_room, bulk->chain_count + 1, sizeof(*bulk->chains)))
		return NULL;
	bulk->chains[bulk->chain_count] =
		(struct chain){.subject = subject, .head = NO_RECORD, .tail = NO_RECORD, .ordered = true};
	put_slot(bulk, (uint32_t)bulk->chain_count);
	return &bulk->chains[bulk->chain_count++];
}

/* A decimal without zeros at its end that sums and chunks can have, or else the double that it is. */
static void settle_decimal(const struct store_bulk_value *from, struct value *to)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
					1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
	int64_t mantissa = from->mantissa;
	uint8_t scale = from->scale;

	while (scale > 0 && mantissa % 10 == 0) {
		mantissa /= 10;
		scale--;
	}
	to->kind = SERIES_DECIMAL;
	to->scale = scale;
	to->mantissa = mantissa;
	if (scale <= SERIES_SCALE_MAX &&
	    (scale == 0 || (mantissa <= SERIES_MANTISSA_MAX && mantissa >= -SERIES_MANTISSA_MAX)))
		return;
	to->kind = SERIES_DOUBLE;
	to->scale = 0;
	to->real = (double)mantissa / powers[scale];
}

static enum err_code take_value(struct store_bulk *bulk, const struct store_bulk_value *from, struct value *to,
				struct error *err)
{
	to->name = from->name;
	to->kind = (uint8_t)from->kind;
	to->scale = 0;
	switch (from->kind) {
	case SERIES_DECIMAL:
		if (from->scale > 18)
			return err_set(err, ERR_INVALID, "a decimal of %d digits behind the point", from->scale);
		settle_decimal(from, to);
		return ERR_OK;
	case SERIES_BOOLEAN:
		to->mantissa = from->mantissa != 0;
		return ERR_OK;
	case SERIES_DOUBLE:
		to->real = from->real;
		return isfinite(from->real) ? ERR_OK : err_set(err, ERR_INVALID, "a number that is not finite");
	case SERIES_TEXT:
		to->text = arena_dup(&bulk->texts, from->text);
		return to->text.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a batch");
	default:
		return err_set(err, ERR_INVALID, "a value of kind %d", (int)from->kind);
	}
}

/* The values behind the last one become a record of the chain. */
static void put_record(struct store_bulk *bulk, struct chain *chain, int64_t at_us, int64_t created_us, size_t count)
{
	uint32_t at = (uint32_t)bulk->record_count++;

	bulk->records[at] = (struct record){at_us, created_us, (uint32_t)bulk->value_count, (uint32_t)count, NO_RECORD};
	bulk->value_count += count;
	bulk->points += count;
	if (chain->count++ == 0) {
		chain->head = at;
	} else {
		bulk->records[chain->tail].next = at;
		chain->ordered = chain->ordered && bulk->records[chain->tail].at_us <= at_us;
	}
	chain->tail = at;
}

enum err_code store_bulk_add(struct store_bulk *bulk, int64_t subject, int64_t at_us,
			     const struct store_bulk_value *values, size_t count, struct error *err)
{
	if (bulk->value_count + count > BULK_FIELDS_MAX)
		return err_set(err, ERR_LIMIT, "a batch of more than %u values", BULK_FIELDS_MAX);
	struct chain *chain = find_chain(bulk, subject);

	if (!chain ||
	    !grow((void **)&bulk->records, &bulk->record_room, bulk->record_count + 1, sizeof(*bulk->records)) ||
	    !grow((void **)&bulk->values, &bulk->value_room, bulk->value_count + count, sizeof(*bulk->values)))
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	for (size_t i = 0; i < count; i++) {
		enum err_code code = take_value(bulk, &values[i], &bulk->values[bulk->value_count + i], err);

		if (code)
			return code;
	}
	put_record(bulk, chain, at_us, bulk->now_us, count);
	return ERR_OK;
}

/* Value `at` of a field of a segment; texts are copied, since the segment goes. */
static bool copy_value(struct store_bulk *bulk, const struct segment_field *field, uint32_t at, struct value *to)
{
	*to = (struct value){.name = field->name, .kind = (uint8_t)field->kind, .scale = field->scale};
	if (field->mantissas) {
		to->mantissa = field->mantissas[at];
	} else if (field->doubles) {
		to->real = field->doubles[at];
	} else {
		to->text = arena_dup(&bulk->texts, field->texts[at]);
		return to->text.at != NULL;
	}
	return true;
}

enum err_code store_bulk_add_chain(struct store_bulk *bulk, const struct segment_chain *chain, int64_t created_us,
				   struct error *err)
{
	struct chain *to = find_chain(bulk, chain->subject);
	size_t values = (size_t)chain->record_count * chain->field_count;

	if (!to ||
	    !grow((void **)&bulk->records, &bulk->record_room, bulk->record_count + chain->record_count,
		  sizeof(*bulk->records)) ||
	    !grow((void **)&bulk->values, &bulk->value_room, bulk->value_count + values, sizeof(*bulk->values)))
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	for (uint32_t r = 0; r < chain->record_count; r++) {
		for (uint32_t f = 0; f < chain->field_count; f++)
			if (!copy_value(bulk, &chain->fields[f], r, &bulk->values[bulk->value_count + f]))
				return err_set(err, ERR_MEMORY, "no memory for a batch");
		put_record(bulk, to, chain->at_us[r], created_us, chain->field_count);
	}
	return ERR_OK;
}

/* ---- chunks ---- */

static struct series_points blank(const struct store_bulk *bulk, size_t count)
{
	return (struct series_points){.count = (uint32_t)count,
				      .created_us = {.all = bulk->now_us},
				      .modified_us = {.all = bulk->now_us},
				      .shapes = bulk_shapes,
				      .shape_count = 1};
}

/* The values of one attribute of one subject, in the order of time. */
struct picked {
	const struct value **values;
	int64_t *at_us, *created_us;
	size_t count;
	bool one_stamp; /* created_us is the same of all */
	bool one_kind;
};

/* Decimals as doubles, where they cannot all have one scale. */
static bool fill_doubles(struct arena *scratch, const struct picked *picked, struct series_points *points)
{
	double *doubles = arena_array(scratch, double, picked->count);

	for (size_t i = 0; doubles && i < picked->count; i++) {
		const struct value *value = picked->values[i];

		doubles[i] =
			value->kind == SERIES_DOUBLE ? value->real : (double)value->mantissa / pow(10.0, value->scale);
	}
	points->kind = SERIES_DOUBLE;
	points->scale = 0;
	points->doubles = doubles;
	return doubles != NULL;
}

static bool fill_decimals(struct arena *scratch, const struct picked *picked, struct series_points *points)
{
	int64_t *mantissas = arena_array(scratch, int64_t, picked->count);
	uint8_t scale = 0;
	bool fit = mantissas != NULL;

	for (size_t i = 0; i < picked->count; i++)
		scale = picked->values[i]->scale > scale ? picked->values[i]->scale : scale;
	for (size_t i = 0; fit && i < picked->count; i++) {
		const struct value *value = picked->values[i];

		if (value->scale == scale)
			mantissas[i] = value->mantissa;
		else
			fit = series_number_rescale(value->mantissa, value->scale, scale, &mantissas[i]);
	}
	if (!mantissas)
		return false;
	if (!fit)
		return fill_doubles(scratch, picked, points);
	points->scale = scale;
	points->mantissas = mantissas;
	return true;
}

static bool fill_others(struct arena *scratch, const struct picked *picked, struct series_points *points)
{
	if (points->kind == SERIES_TEXT) {
		struct str *texts = arena_array(scratch, struct str, picked->count);

		for (size_t i = 0; texts && i < picked->count; i++)
			texts[i] = picked->values[i]->text;
		points->texts = texts;
		return texts != NULL;
	}
	int64_t *truths = arena_array(scratch, int64_t, picked->count);

	for (size_t i = 0; truths && i < picked->count; i++)
		truths[i] = picked->values[i]->mantissa;
	points->mantissas = truths;
	return truths != NULL;
}

/* All that is picked is of one kind. */
static enum err_code fill(struct store_bulk *bulk, const struct picked *picked, struct series_points *points,
			  struct error *err)
{
	bool good;

	*points = blank(bulk, picked->count);
	points->kind = (enum series_kind)picked->values[0]->kind;
	points->at_us = points->number.at = picked->at_us;
	if (picked->one_stamp)
		points->created_us.all = points->modified_us.all = picked->created_us[0];
	else
		points->created_us.at = points->modified_us.at = picked->created_us;
	if (points->kind == SERIES_DECIMAL)
		good = fill_decimals(&bulk->scratch, picked, points);
	else if (points->kind == SERIES_DOUBLE)
		good = fill_doubles(&bulk->scratch, picked, points);
	else
		good = fill_others(&bulk->scratch, picked, points);
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a batch");
}

static enum err_code put_chunk(struct store_bulk *bulk, int64_t subject, int64_t name, const struct picked *picked,
			       struct error *err)
{
	const struct series_key key = {.subject = subject, .name = sqlite_key_name(name, true)};
	struct series_points points;
	enum err_code code = fill(bulk, picked, &points, err);

	return code ? code : block_sink_chunk(&bulk->sink, &key, &points, err);
}

/* ---- chains ---- */

struct sorted {
	int64_t at_us;
	uint32_t order; /* of arrival */
	const struct record *record;
};

struct subject_records {
	struct sorted *at;
	size_t count;
	int64_t *names; /* all that occur, ascending */
	size_t name_count;
	bool same; /* every record has the same names in the same order */
};

static int compare_sorted(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_names(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool list_names(const struct store_bulk *bulk, struct subject_records *records, struct arena *scratch)
{
	const struct record *first = records->at[0].record;
	size_t room = 0;

	records->same = true;
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = records->at[i].record;

		room += record->count;
		records->same = records->same && record->count == first->count;
		for (uint32_t f = 0; records->same && f < first->count; f++)
			records->same = bulk->values[record->first + f].name == bulk->values[first->first + f].name;
	}
	room = records->same ? first->count : room;
	records->names = arena_array(scratch, int64_t, room);
	if (!records->names)
		return false;
	for (size_t i = 0, n = 0; i < (records->same ? 1 : records->count); i++)
		for (uint32_t f = 0; f < records->at[i].record->count; f++)
			records->names[n++] = bulk->values[records->at[i].record->first + f].name;
	qsort(records->names, room, sizeof(*records->names), compare_names);
	records->name_count = 0;
	for (size_t i = 0; i < room; i++)
		if (records->name_count == 0 || records->names[records->name_count - 1] != records->names[i])
			records->names[records->name_count++] = records->names[i];
	return true;
}

static const struct value *find_value(const struct store_bulk *bulk, const struct record *record, int64_t name,
				      uint32_t *hint)
{
	for (uint32_t i = 0; i < record->count; i++) {
		uint32_t at = (*hint + i) % record->count;

		if (bulk->values[record->first + at].name != name)
			continue;
		*hint = at;
		return &bulk->values[record->first + at];
	}
	return NULL;
}

/* All values of an attribute that are of one kind, as chunks. */
static enum err_code put_kind(struct store_bulk *bulk, int64_t subject, int64_t name, uint8_t kind,
			      const struct picked *all, struct picked *part, struct error *err)
{
	enum err_code code = ERR_OK;

	part->count = 0;
	part->one_stamp = all->one_stamp;
	for (size_t i = 0; code == ERR_OK && i <= all->count; i++) {
		if (part->count == SERIES_POINTS_MAX || (i == all->count && part->count > 0)) {
			code = put_chunk(bulk, subject, name, part, err);
			part->count = 0;
		}
		if (i == all->count || all->values[i]->kind != kind)
			continue;
		part->values[part->count] = all->values[i];
		part->created_us[part->count] = all->created_us[i];
		part->at_us[part->count++] = all->at_us[i];
	}
	return code;
}

static bool picked_new(struct arena *scratch, size_t count, struct picked *ret)
{
	ret->values = arena_array(scratch, const struct value *, count);
	ret->at_us = arena_array(scratch, int64_t, count);
	ret->created_us = arena_array(scratch, int64_t, count);
	ret->count = 0;
	return ret->values && ret->at_us && ret->created_us;
}

/* The values of one attribute. */
static void pick(const struct store_bulk *bulk, int64_t name, const struct subject_records *records, struct picked *all)
{
	uint32_t hint = 0;

	all->count = 0;
	all->one_stamp = all->one_kind = true;
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = records->at[i].record;
		const struct value *value = find_value(bulk, record, name, &hint);

		if (!value)
			continue;
		all->values[all->count] = value;
		all->at_us[all->count] = records->at[i].at_us;
		all->created_us[all->count] = record->created_us;
		all->one_stamp = all->one_stamp && record->created_us == all->created_us[0];
		all->one_kind = all->one_kind && value->kind == all->values[0]->kind;
		all->count++;
	}
}

static enum err_code put_name(struct store_bulk *bulk, int64_t subject, int64_t name,
			      const struct subject_records *records, struct picked *all, struct picked *part,
			      struct error *err)
{
	enum err_code code = ERR_OK;

	pick(bulk, name, records, all);
	if (all->one_kind && all->count <= SERIES_POINTS_MAX)
		return put_chunk(bulk, subject, name, all, err);
	for (uint8_t kind = 0; code == ERR_OK && kind < SERIES_KIND_COUNT; kind++)
		code = put_kind(bulk, subject, name, kind, all, part, err);
	return code;
}

/* Records of a chain in the order of time. */
static enum err_code gather(struct store_bulk *bulk, const struct chain *chain, struct subject_records *records,
			    struct error *err)
{
	uint32_t at = chain->head;

	*records = (struct subject_records){.count = chain->count};
	records->at = arena_array(&bulk->scratch, struct sorted, chain->count);
	if (!records->at)
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	for (size_t i = 0; i < chain->count; i++, at = bulk->records[at].next)
		records->at[i] = (struct sorted){bulk->records[at].at_us, (uint32_t)i, &bulk->records[at]};
	if (!chain->ordered)
		qsort(records->at, records->count, sizeof(*records->at), compare_sorted);
	return list_names(bulk, records, &bulk->scratch) ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a batch");
}

static enum err_code put_chunks(struct store_bulk *bulk, int64_t subject, const struct subject_records *records,
				struct error *err)
{
	struct picked all, part;
	enum err_code code = ERR_OK;

	if (!picked_new(&bulk->scratch, records->count, &all) || !picked_new(&bulk->scratch, records->count, &part))
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	for (size_t i = 0; code == ERR_OK && i < records->name_count; i++)
		code = put_name(bulk, subject, records->names[i], records, &all, &part, err);
	return code;
}

enum err_code store_bulk_put_chunks(struct store_bulk *bulk, struct error *err)
{
	const struct chain *chain = &bulk->chains[0];
	struct subject_records records;

	assert(bulk->chain_count == 1);
	arena_clear(&bulk->scratch);
	enum err_code code = gather(bulk, chain, &records, err);

	if (code == ERR_OK)
		code = put_chunks(bulk, chain->subject, &records, err);
	/* The memory stays for the next subject. */
	memset(bulk->slots, 0, bulk->slot_count * sizeof(*bulk->slots));
	bulk->record_count = bulk->value_count = bulk->chain_count = 0;
	arena_clear(&bulk->texts);
	return code;
}

/* ---- segments ---- */

/* One attribute's values as a field of a segment. *ret_fits is false when they are not one for each record, of one
 * kind. */
static enum err_code make_field(struct store_bulk *bulk, int64_t name, const struct subject_records *records,
				struct segment_field *field, bool *ret_fits, struct error *err)
{
	struct series_points points;
	struct picked all;

	if (!picked_new(&bulk->scratch, records->count, &all))
		return err_set(err, ERR_MEMORY, "no memory for a batch");
	pick(bulk, name, records, &all);
	*ret_fits = all.one_kind && all.count == records->count;
	if (!*ret_fits)
		return ERR_OK;
	enum err_code code = fill(bulk, &all, &points, err);

	*field = (struct segment_field){.name = name,
					.kind = points.kind,
					.scale = points.scale,
					.mantissas = points.mantissas,
					.doubles = points.doubles,
					.texts = points.texts};
	return code;
}

static enum err_code put_segment(struct store_bulk *bulk, int64_t subject, const struct subject_records *records,
				 bool *ret_fits, struct error *err)
{
	struct segment_field *fields = arena_array(&bulk->scratch, struct segment_field, records->name_count);
	int64_t *at_us = arena_array(&bulk->scratch, int64_t, records->count);
	enum err_code code = fields && at_us ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a batch");

	*ret_fits = records->same && records->count <= SEGMENT_RECORDS_MAX && records->name_count <= SEGMENT_FIELDS_MAX;
	for (size_t i = 0; code == ERR_OK && *ret_fits && i < records->name_count; i++)
		code = make_field(bulk, records->names[i], records, &fields[i], ret_fits, err);
	if (code || !*ret_fits)
		return code;
	for (size_t i = 0; i < records->count; i++)
		at_us[i] = records->at[i].at_us;
	if (bulk->segment_points == 0) {
		segment_begin(&bulk->segment, bulk->now_us);
		bulk->segment_min = at_us[0];
		bulk->segment_max = at_us[0];
	}
	segment_put(&bulk->segment, bulk->segment_subject,
		    &(struct segment_chain){.subject = subject,
					    .record_count = (uint32_t)records->count,
					    .field_count = (uint32_t)records->name_count,
					    .at_us = at_us,
					    .fields = fields});
	bulk->segment_subject = subject;
	bulk->segment_points += records->count * records->name_count;
	if (at_us[0] < bulk->segment_min)
		bulk->segment_min = at_us[0];
	if (at_us[records->count - 1] > bulk->segment_max)
		bulk->segment_max = at_us[records->count - 1];
	return buf_check(&bulk->segment, "a batch", err);
}

/* As part of the segment, or as chunks where it is no case for that. */
static enum err_code put_chain(struct store_bulk *bulk, const struct chain *chain, struct error *err)
{
	struct subject_records records;
	bool fits = false;

	arena_clear(&bulk->scratch);
	enum err_code code = gather(bulk, chain, &records, err);

	if (code == ERR_OK)
		code = put_segment(bulk, chain->subject, &records, &fits, err);
	return code || fits ? code : put_chunks(bulk, chain->subject, &records, err);
}

static int compare_chains(const void *a, const void *b)
{
	const struct chain *x = a, *y = b;

	return x->subject < y->subject ? -1 : x->subject > y->subject;
}

enum err_code store_bulk_finish(struct store_bulk *bulk, struct error *err)
{
	enum err_code code = ERR_OK;

	assert(!bulk->finished);
	if (bulk->chain_count > 1)
		qsort(bulk->chains, bulk->chain_count, sizeof(*bulk->chains), compare_chains);
	for (size_t i = 0; code == ERR_OK && i < bulk->chain_count; i++)
		code = put_chain(bulk, &bulk->chains[i], err);
	if (code == ERR_OK && bulk->segment_points > 0) {
		segment_end(&bulk->segment);
		code = buf_check(&bulk->segment, "a batch", err);
	}
	if (code == ERR_OK)
		code = block_sink_finish(&bulk->sink, err);
	bulk->finished = code == ERR_OK;
	return code;
}

/* ---- whole series ---- */

enum err_code store_bulk_add_series(struct store_bulk *bulk, int64_t subject, int64_t name,
				    const struct series_points *points, struct error *err)
{
	const struct series_key key = {.subject = subject, .name = sqlite_key_name(name, true)};
	struct series_points whole = blank(bulk, points->count);

	whole.kind = points->kind;
	whole.scale = points->scale;
	whole.at_us = points->at_us;
	whole.mantissas = points->mantissas;
	whole.doubles = points->doubles;
	whole.texts = points->texts;
	whole.number.at = points->at_us;
	enum err_code code = block_sink_chunk(&bulk->sink, &key, &whole, err);

	if (code == ERR_OK)
		bulk->points += points->count;
	return code;
}
