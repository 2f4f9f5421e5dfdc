/* The aggregated temporal representation (4.5.19): which method applies to which values, and what comes of those that
 * are no numbers. Numbers and booleans come summed (struct temporal_sums).
 *
 * How the clause is read where it leaves room: a period in which nothing happened is left out, as in the example of
 * C.5.14 (an average of nothing is no number). Values of different types in one attribute have no order and no sum,
 * but can be counted. stddev is that of the population. A value is of the type that its "@type" or the attribute's
 * valueType says. */
#include "ngsild/represent_temporal_int.h"

#include "base/map.h"
#include "base/time_value.h"

#include <math.h>
#include <stdlib.h>

#define DISTINCT_SEED 0x74656d70
#define CANONICAL_BYTES_MAX ((size_t)16 << 20)
#define EXACT_MAX 9007199254740992.0 /* 2⁵³ */

enum value_class {
	CLASS_STRING,
	CLASS_NUMBER, /* and booleans */
	CLASS_OBJECT,
	CLASS_ARRAY,
	CLASS_DATETIME,
	CLASS_DATE,
	CLASS_TIME,
	CLASS_URI, /* vocabulary terms too */
	CLASS_RELATIONSHIP,
	CLASS_MIXED
};

#define BIT(method) (1u << (method))
#define COUNTS (BIT(TEMPORAL_DISTINCT_COUNT) | BIT(TEMPORAL_TOTAL_COUNT))
#define ENDS (BIT(TEMPORAL_MIN) | BIT(TEMPORAL_MAX))

/* Tables 4.5.19.1-1 to 4.5.19.1-3. */
static const unsigned int applicable[] = {
	[CLASS_STRING] = COUNTS | ENDS,
	[CLASS_NUMBER] =
		COUNTS | ENDS | BIT(TEMPORAL_AVG) | BIT(TEMPORAL_STDDEV) | BIT(TEMPORAL_SUM) | BIT(TEMPORAL_SUMSQ),
	[CLASS_OBJECT] = COUNTS,
	[CLASS_ARRAY] = COUNTS | ENDS | BIT(TEMPORAL_AVG) | BIT(TEMPORAL_SUM),
	[CLASS_DATETIME] = COUNTS | ENDS,
	[CLASS_DATE] = COUNTS | ENDS,
	[CLASS_TIME] = COUNTS | ENDS | BIT(TEMPORAL_AVG),
	[CLASS_URI] = COUNTS,
	[CLASS_RELATIONSHIP] = COUNTS,
	[CLASS_MIXED] = COUNTS,
};

/* ---- types ---- */

/* "DateTime" of "https://uri.etsi.org/ngsi-ld/DateTime" or "ngsi-ld:DateTime". */
static struct str local_name(struct str iri)
{
	size_t at = iri.len;

	while (at > 0 && iri.at[at - 1] != '/' && iri.at[at - 1] != '#' && iri.at[at - 1] != ':')
		at--;
	return str_part(iri, at, iri.len);
}

static bool class_named(struct str type, enum value_class *ret)
{
	struct str name = local_name(type);

	if (str_eq(name, STR("DateTime")))
		*ret = CLASS_DATETIME;
	else if (str_eq(name, STR("Date")))
		*ret = CLASS_DATE;
	else if (str_eq(name, STR("Time")))
		*ret = CLASS_TIME;
	else if (str_eq(name, STR("URI")) || str_eq(name, STR("anyURI")) || str_eq(name, STR("@id")))
		*ret = CLASS_URI;
	else
		return false;
	return true;
}

/* The text of a time, whether it stands alone or in {"@type": …, "@value": …}. */
static struct str time_text(const struct json *value)
{
	return json_text(json_is(value, JSON_OBJECT) ? json_get(value, STR("@value")) : value);
}

/* µs, days, whatever the class counts in; false when the text is none. */
static bool time_number(enum value_class class, const struct json *value, int64_t *ret)
{
	struct str text = time_text(value);
	struct civil_date date;

	if (class == CLASS_DATETIME)
		return time_parse_iso(text, true, ret);
	if (class == CLASS_TIME)
		return time_of_day_parse_iso(text, ret);
	if (!date_parse_iso(text, &date))
		return false;
	*ret = days_from_civil(date);
	return true;
}

static enum value_class class_of_json(const struct json *value)
{
	switch ((enum json_kind)value->kind) {
	case JSON_STRING:
		return CLASS_STRING;
	case JSON_NUMBER:
	case JSON_BOOL:
		return CLASS_NUMBER;
	case JSON_ARRAY:
		return CLASS_ARRAY;
	case JSON_OBJECT:
		return CLASS_OBJECT;
	case JSON_NULL:
		break;
	}
	return CLASS_MIXED;
}

static enum value_class class_of(const struct temporal_point *point)
{
	const struct attribute_kind *kind = attribute_kind_of(point->instance);
	const struct json *value = point->value;
	struct str type = json_text(json_get(point->instance, STR("valueType")));
	enum value_class class;
	int64_t number;

	if (kind->value == MEMBER_OBJECT || kind->value == MEMBER_OBJECT_LIST)
		return CLASS_RELATIONSHIP;
	if (kind->value == MEMBER_VOCAB)
		return CLASS_URI;
	if (json_is(value, JSON_OBJECT) && json_get(value, STR("@value")))
		type = json_text(json_get(value, STR("@type")));
	if (type.len && time_text(value).at && class_named(type, &class) &&
	    (class == CLASS_URI || time_number(class, value, &number)))
		return class;
	return class_of_json(value);
}

static enum value_class class_of_all(const struct temporal_aggregate *aggregate)
{
	enum value_class class = class_of(&aggregate->points[0]);

	for (size_t i = 1; i < aggregate->count; i++)
		if (class_of(&aggregate->points[i]) != class)
			return CLASS_MIXED;
	return class;
}

/* ---- distinct values ---- */

static int compare_members(const void *a, const void *b)
{
	const struct json_member *const *x = a, *const *y = b;

	return str_cmp((*x)->key, (*y)->key);
}

static void put_canonical(struct arena *arena, struct buf *out, const struct json *value);

/* Recursion is bounded by the depth of documents. */
static void put_canonical_object(struct arena *arena, struct buf *out, const struct json *object)
{
	const struct json_member **members = arena_array(arena, const struct json_member *, object->count + 1u);

	if (!members) {
		out->failed = ERR_MEMORY;
		return;
	}
	for (uint32_t i = 0; i < object->count; i++)
		members[i] = &object->members[i];
	qsort(members, object->count, sizeof(*members), compare_members);
	buf_put_char(out, '{');
	for (uint32_t i = 0; i < object->count; i++) {
		json_write_string(out, members[i]->key);
		put_canonical(arena, out, &members[i]->value);
	}
	buf_put_char(out, '}');
}

/* A text that equal values have and no others: numbers by value, members in any order. */
static void put_canonical(struct arena *arena, struct buf *out, const struct json *value)
{
	if (json_is(value, JSON_NUMBER) && !(value->integer && fabs(value->number) >= EXACT_MAX)) {
		buf_printf(out, "%.17g ", value->number == 0 ? 0.0 : value->number);
	} else if (json_is(value, JSON_OBJECT)) {
		put_canonical_object(arena, out, value);
	} else if (json_is(value, JSON_ARRAY)) {
		buf_put_char(out, '[');
		for (uint32_t i = 0; i < value->count; i++)
			put_canonical(arena, out, &value->items[i]);
		buf_put_char(out, ']');
	} else {
		json_write(out, value);
	}
}

struct distinct {
	struct arena *arena;
	struct map seen;
	struct buf text;
	enum err_code failed;
};

static void distinct_add(struct distinct *distinct, const struct json *value)
{
	buf_clear(&distinct->text);
	put_canonical(distinct->arena, &distinct->text, value);
	if (distinct->text.failed) {
		distinct->failed = distinct->text.failed;
		return;
	}
	if (map_get(&distinct->seen, buf_str(&distinct->text)))
		return;
	struct str key = arena_dup(distinct->arena, buf_str(&distinct->text));

	if (!key.at || !map_set(&distinct->seen, key, distinct))
		distinct->failed = ERR_MEMORY;
}

/* The targets of a relationship count one by one (table 4.5.19.1-3). */
static void distinct_add_targets(struct distinct *distinct, const struct json *object)
{
	if (!json_is(object, JSON_ARRAY)) {
		distinct_add(distinct, object);
		return;
	}
	for (uint32_t i = 0; i < object->count; i++) {
		const struct json *uri = json_get(&object->items[i], STR("object"));

		distinct_add(distinct, uri ? uri : &object->items[i]);
	}
}

static enum err_code distinct_count(struct arena *arena, enum value_class class, const struct temporal_point *points,
				    size_t count, size_t *ret)
{
	struct distinct distinct = {.arena = arena};

	map_init(&distinct.seen, DISTINCT_SEED);
	buf_init(&distinct.text, CANONICAL_BYTES_MAX);
	for (size_t i = 0; i < count && !distinct.failed; i++) {
		if (class == CLASS_RELATIONSHIP)
			distinct_add_targets(&distinct, points[i].value);
		else
			distinct_add(&distinct, points[i].value);
	}
	*ret = distinct.seen.count;
	buf_done(&distinct.text);
	map_done(&distinct.seen);
	return distinct.failed;
}

/* ---- the values of one period ---- */

struct period {
	const struct temporal_point *points;
	size_t count;
	const struct temporal_sums *sums; /* NULL: no numbers */
	enum value_class class;
};

static void put_number(const struct temporal_writer *t, double number)
{
	if (isfinite(number))
		json_write_double(t->w.out, number);
	else
		put(t->w.out, STR("null"));
	put(t->w.out, STR(","));
}

static void put_whole(const struct temporal_writer *t, uint64_t number)
{
	buf_put_int64(t->w.out, (int64_t)number);
	put(t->w.out, STR(","));
}

static int compare_values(enum value_class class, const struct json *a, const struct json *b)
{
	int64_t x = 0, y = 0;

	if (class == CLASS_STRING)
		return str_cmp(json_text(a), json_text(b));
	(void)time_number(class, a, &x);
	(void)time_number(class, b, &y);
	return x < y ? -1 : x > y;
}

static void put_end(const struct temporal_writer *t, const struct period *period, bool greatest)
{
	const struct json *best = period->points[0].value;

	for (size_t i = 1; i < period->count; i++) {
		int order = compare_values(period->class, period->points[i].value, best);

		if (greatest ? order > 0 : order < 0)
			best = period->points[i].value;
	}
	put_value(t->w.out, best);
}

static void put_sizes(const struct temporal_writer *t, const struct period *period, enum temporal_method method)
{
	uint64_t sum = 0, least = UINT64_MAX, most = 0;

	for (size_t i = 0; i < period->count; i++) {
		uint64_t size = period->points[i].value->count;

		sum += size;
		least = size < least ? size : least;
		most = size > most ? size : most;
	}
	if (method == TEMPORAL_AVG)
		put_number(t, (double)sum / (double)period->count);
	else
		put_whole(t, method == TEMPORAL_SUM ? sum : method == TEMPORAL_MIN ? least : most);
}

/* "hh:mm:ss.ffffffZ", typed as the first value is. */
static void put_average_time(const struct temporal_writer *t, const struct period *period)
{
	struct buf *out = t->w.out;
	const struct json *first = period->points[0].value;
	const struct json *type = json_get(first, STR("@type"));
	char text[TIME_ISO_BYTES];
	int64_t sum_us = 0; /* of at most 2²⁶ points below 2³⁷ */
	int64_t us = 0;

	for (size_t i = 0; i < period->count; i++)
		if (time_number(CLASS_TIME, period->points[i].value, &us))
			sum_us += us;
	us = (sum_us + (int64_t)period->count / 2) / (int64_t)period->count;
	struct str iso = time_format_iso(us, text);

	if (type) {
		put(out, STR("{\"@type\":"));
		put_value(out, type);
		put(out, STR("\"@value\":"));
	}
	json_write_string(out, str_part(iso, sizeof("1970-01-01T") - 1, iso.len));
	put(out, type ? STR("},") : STR(","));
}

static void put_sum(const struct temporal_writer *t, const struct temporal_sums *sums, enum temporal_method method)
{
	const double values[TEMPORAL_METHOD_COUNT] = {
		[TEMPORAL_AVG] = sums->avg,       [TEMPORAL_MAX] = sums->max, [TEMPORAL_MIN] = sums->min,
		[TEMPORAL_STDDEV] = sums->stddev, [TEMPORAL_SUM] = sums->sum, [TEMPORAL_SUMSQ] = sums->sumsq,
	};

	put_number(t, values[method]);
}

static enum err_code put_result(const struct temporal_writer *t, const struct period *period,
				enum temporal_method method)
{
	size_t distinct = 0;
	enum err_code code;

	if (method == TEMPORAL_TOTAL_COUNT) {
		put_whole(t, period->sums ? period->sums->count : period->count);
	} else if (method == TEMPORAL_DISTINCT_COUNT) {
		code = distinct_count(t->w.arena, period->class, period->points, period->count, &distinct);
		if (code)
			return err_set(t->err, code, "no memory to count distinct values");
		put_whole(t, distinct);
	} else if (period->sums) {
		put_sum(t, period->sums, method);
	} else if (period->class == CLASS_ARRAY) {
		put_sizes(t, period, method);
	} else if (method == TEMPORAL_AVG) {
		put_average_time(t, period);
	} else {
		put_end(t, period, method == TEMPORAL_MAX);
	}
	return ERR_OK;
}

/* ---- methods and attributes ---- */

static enum err_code put_method(const struct temporal_writer *t, const struct temporal_aggregate *aggregate,
				enum value_class class, enum temporal_method method)
{
	const struct temporal_periods *periods = &aggregate->periods;
	enum temporal_property property = t->options->query->property;
	struct buf *out = t->w.out;
	enum err_code code = ERR_OK;
	size_t from = 0;

	put_key(out, temporal_method_name(method));
	put(out, STR("["));
	for (size_t i = 0; i < periods->count && !code; i++) {
		size_t to = from;

		while (to < aggregate->count &&
		       temporal_point_time(&aggregate->points[to], property) < periods->edges[i + 1])
			to++;
		const struct period period = {&aggregate->points[from], to - from,
					      aggregate->sums ? &aggregate->sums[i] : NULL, class};

		from = to;
		if (period.sums ? period.sums->count == 0 : period.count == 0)
			continue;
		put(out, STR("["));
		code = put_result(t, &period, method);
		put_instant(t, property, periods->edges[i]);
		put_instant(t, property, i + 1 == periods->count ? periods->end_us : periods->edges[i + 1]);
		close_with(out, ']');
		put(out, STR(","));
	}
	close_with(out, ']');
	put(out, STR(","));
	return code;
}

static enum err_code put_aggregate(const struct temporal_writer *t, const struct temporal_aggregate *aggregate,
				   enum value_class class)
{
	const struct json *instance = aggregate->points[0].instance;
	unsigned int methods = t->options->query->methods & applicable[class];
	enum err_code code = ERR_OK;

	temporal_open(t, attribute_kind_of(instance), instance_dataset(instance));
	for (unsigned int i = 0; i < TEMPORAL_METHOD_COUNT && !code; i++)
		if (methods & BIT(i))
			code = put_method(t, aggregate, class, (enum temporal_method)i);
	close_with(t->w.out, '}');
	put(t->w.out, STR(","));
	return code;
}

static enum err_code not_eligible(const struct temporal_writer *t, struct str iri, unsigned int missing)
{
	unsigned int method = 0;

	while (!(missing & BIT(method)))
		method++;
	return err_set(t->err, ERR_UNSUPPORTED, "the method %.*s does not apply to the values of %.*s",
		       STR_FMT(temporal_method_name((enum temporal_method)method)), STR_FMT(str_part(iri, 0, 120)));
}

enum err_code put_aggregated(const struct temporal_writer *t, const struct temporal_attribute *attribute)
{
	size_t count = attribute->aggregate_count, shown = 0;
	unsigned int methods = t->options->query->methods;
	enum value_class *classes = arena_array(t->w.arena, enum value_class, count);
	enum err_code code = ERR_OK;

	if (!classes)
		return err_set(t->err, ERR_MEMORY, "no memory for an attribute's aggregates");
	for (size_t i = 0; i < count; i++) {
		classes[i] = attribute->aggregates[i].sums ? CLASS_NUMBER : class_of_all(&attribute->aggregates[i]);
		if (attribute->named && (methods & ~applicable[classes[i]]))
			return not_eligible(t, attribute->iri, methods & ~applicable[classes[i]]);
		shown += (methods & applicable[classes[i]]) != 0;
	}
	if (shown == 0)
		return ERR_OK;
	put_attribute_name(&t->w, attribute->iri);
	if (shown != 1)
		put(t->w.out, STR("["));
	for (size_t i = 0; i < count && !code; i++)
		if (methods & applicable[classes[i]])
			code = put_aggregate(t, &attribute->aggregates[i], classes[i]);
	if (shown != 1) {
		close_with(t->w.out, ']');
		put(t->w.out, STR(","));
	}
	return code;
}
