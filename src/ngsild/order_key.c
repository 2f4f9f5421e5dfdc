/* An entity's key.
 *
 * A key is one piece a term: a rank, which says of what type the value is (4.23.2), and the value in bytes that compare
 * as the values do:
 *
 *   Number     the double with its sign turned so that bytes order it, then the exact integer, beyond 2⁵³ too
 *   String     the collation's sort key with its closing zero
 *   Boolean    0 or 1
 *   Time, Date, DateTime     µs or days, sign turned
 *   Array      the pieces of its elements, a zero behind them: by the first element that differs
 *   Object     names and pieces of its members likewise (the clause gives objects and arrays no order among themselves)
 *   distance   the double, under a rank before all others
 *
 * No piece is the beginning of another one of its rank, so pieces can stand one behind the other. Descending turns the
 * bits of the value but not the rank: the order of types is the clause's own ("implicitly applied", "null values
 * last"), so what has no value comes last in either direction.
 *
 * Where an attribute has several instances the first one counts, which is the default instance when there is one. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/order_int.h"

#include <string.h>

enum rank { /* 0 ends an array or an object */
	    RANK_DISTANCE = 1,
	    RANK_NUMBER,
	    RANK_STRING,
	    RANK_OBJECT,
	    RANK_ARRAY,
	    RANK_BOOLEAN,
	    RANK_TIME,
	    RANK_DATE,
	    RANK_DATE_TIME,
	    RANK_NULL,
	    RANK_NONE /* the attribute does not exist */
};

struct key_writer {
	const struct order *order;
	struct arena *scratch;
	struct buf *out;
	size_t end; /* no further element of an array or object is begun behind this length */
	bool memory; /* false: it was refused */
};

/* ---- values in bytes ---- */

static void put_rank(struct key_writer *writer, enum rank rank)
{
	buf_put_char(writer->out, (char)rank);
}

static void put_uint64(struct key_writer *writer, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_put_char(writer->out, (char)(unsigned char)(value >> shift));
}

static void put_int64(struct key_writer *writer, int64_t value)
{
	put_uint64(writer, (uint64_t)value ^ (UINT64_C(1) << 63));
}

/* IEEE 754: positive doubles order as their bits do, negative ones the other way round. -0 is 0. */
static void put_double(struct key_writer *writer, double value)
{
	uint64_t bits;

	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	put_uint64(writer, bits & (UINT64_C(1) << 63) ? ~bits : bits | (UINT64_C(1) << 63));
}

static void put_number(struct key_writer *writer, const struct json *number)
{
	int64_t exact;

	put_rank(writer, RANK_NUMBER);
	put_double(writer, number->number);
	if (!json_int64(number, &exact)) { /* no integer: it lies where its double does */
		bool inside = number->number > -9.2e18 && number->number < 9.2e18;

		exact = inside ? (int64_t)number->number : number->number > 0 ? INT64_MAX : INT64_MIN;
	}
	put_int64(writer, exact);
}

static void put_text(struct key_writer *writer, struct str text)
{
	if (!collation_key(writer->order->collation, writer->scratch, text, writer->out))
		writer->memory = false;
}

/* A text that is a DateTime, Date or Time as 4.6.3 writes them is one. */
static bool put_time(struct key_writer *writer, struct str text)
{
	struct civil_date date;
	int64_t value;

	if (text.len < 9 || text.at[0] < '0' || text.at[0] > '9')
		return false;
	if (time_parse_iso(text, false, &value)) {
		put_rank(writer, RANK_DATE_TIME);
	} else if (date_parse_iso(text, &date)) {
		put_rank(writer, RANK_DATE);
		value = days_from_civil(date);
	} else if (time_of_day_parse_iso(text, &value)) {
		put_rank(writer, RANK_TIME);
	} else {
		return false;
	}
	put_int64(writer, value);
	return true;
}

static void put_string(struct key_writer *writer, struct str text)
{
	if (put_time(writer, text))
		return;
	put_rank(writer, RANK_STRING);
	put_text(writer, text);
}

static void put_value(struct key_writer *writer, const struct json *value);

/* A typed value (4.6.3) that holds a time, or a JSON literal, is what it holds. */
static bool put_typed(struct key_writer *writer, const struct json *object)
{
	struct str type = json_text(json_get(object, STR("@type")));
	const struct json *value = json_get(object, STR("@value"));

	if (!type.at || !value)
		return false;
	if (str_eq(type, STR("@json"))) {
		put_value(writer, value);
		return true;
	}
	return json_is(value, JSON_STRING) && put_time(writer, json_text(value));
}

/* Recursion is bounded by the depth of JSON that is read. */
static void put_value(struct key_writer *writer, const struct json *value)
{
	switch ((enum json_kind)value->kind) {
	case JSON_NULL:
		put_rank(writer, RANK_NULL);
		return;
	case JSON_BOOL:
		put_rank(writer, RANK_BOOLEAN);
		buf_put_char(writer->out, value->boolean ? 1 : 0);
		return;
	case JSON_NUMBER:
		put_number(writer, value);
		return;
	case JSON_STRING:
		put_string(writer, json_text(value));
		return;
	case JSON_ARRAY:
		put_rank(writer, RANK_ARRAY);
		for (uint32_t i = 0; i < value->count && writer->out->len < writer->end; i++)
			put_value(writer, &value->items[i]);
		break;
	case JSON_OBJECT:
		if (put_typed(writer, value))
			return;
		put_rank(writer, RANK_OBJECT);
		for (uint32_t i = 0; i < value->count && writer->out->len < writer->end; i++) {
			put_string(writer, value->members[i].key);
			put_value(writer, &value->members[i].value);
		}
		break;
	}
	buf_put_char(writer->out, 0);
}

/* ---- what a term looks at ---- */

/* IRIs as the answer shows them; one alone is no array (4.5.1, 4.5.20). */
static void put_iris(struct key_writer *writer, const struct json *iris)
{
	struct json copy = *iris;

	if (iris->kind == JSON_ARRAY) {
		copy.items = arena_array(writer->scratch, struct json, iris->count);
		writer->memory = writer->memory && copy.items;
	}
	for (uint32_t i = 0; iris->kind == JSON_ARRAY && copy.items && i < iris->count; i++) {
		copy.items[i] = iris->items[i];
		if (iris->items[i].kind == JSON_STRING)
			copy.items[i] = json_string(
				context_compact(writer->order->context, writer->scratch, json_text(&iris->items[i])));
	}
	if (iris->kind == JSON_STRING)
		copy = json_string(context_compact(writer->order->context, writer->scratch, json_text(iris)));
	if (iris->kind != JSON_ARRAY)
		put_value(writer, &copy);
	else if (copy.items)
		put_value(writer, iris->count == 1 ? &copy.items[0] : &copy);
}

/* 4.5.22: the list is one of {"object": URI}. */
static void put_object_list(struct key_writer *writer, const struct json *list)
{
	put_rank(writer, RANK_ARRAY);
	for (uint32_t i = 0; i < list->count && writer->out->len < writer->end; i++) {
		const struct json *object = json_get(&list->items[i], STR("object"));

		put_value(writer, object ? object : &list->items[i]);
	}
	buf_put_char(writer->out, 0);
}

static const struct json *first_instance(const struct json *node, struct str iri)
{
	const struct json *instances = json_get(node, iri);
	const struct json *first = json_is(instances, JSON_ARRAY) ? json_at(instances, 0) : NULL;

	return json_is(first, JSON_OBJECT) ? first : NULL;
}

/* Language tags are compared without case (RFC 5646, 2.1.1). */
static const struct json *trail_step(const struct json *node, struct str name, bool language)
{
	if (!language)
		return json_get(node, name);
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++)
		if (str_eq_nocase(node->members[i].key, name))
			return &node->members[i].value;
	return NULL;
}

static void put_instance(struct key_writer *writer, const struct q_path *path, const struct json *instance)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);
	const struct json *value = instance_value(instance);

	for (size_t i = 0; value && i < path->trail_count; i++)
		value = trail_step(value, path->trail[i], kind && kind->value == MEMBER_LANGUAGE_MAP && i == 0);
	if (!value)
		put_rank(writer, RANK_NONE);
	else if (kind && kind->value == MEMBER_VOCAB)
		put_iris(writer, value);
	else if (kind && kind->value == MEMBER_OBJECT_LIST && value->kind == JSON_ARRAY)
		put_object_list(writer, value);
	else
		put_value(writer, value);
}

static void put_member(struct key_writer *writer, const struct q_path *path, const struct json *node)
{
	struct str name = path->steps[path->step_count - 1];
	const struct json *value = json_get(node, name);

	if (!value && path->member_else.len)
		value = json_get(node, path->member_else);
	if (!value) {
		put_rank(writer, RANK_NONE);
	} else if (value->kind == JSON_NUMBER) { /* stamps are kept as µs */
		int64_t stamp_us = 0;

		(void)json_int64(value, &stamp_us);
		put_rank(writer, RANK_DATE_TIME);
		put_int64(writer, stamp_us);
	} else if (value->kind == JSON_ARRAY && value->count == 1) { /* of scopes one alone is no array */
		put_value(writer, &value->items[0]);
	} else {
		put_value(writer, value);
	}
}

/* The instance of the last attribute of the path (is_member: of the one before), NULL when there is none. */
static const struct json *walk(const struct q_path *path, const struct json *entity)
{
	size_t steps = path->is_member ? path->step_count - 1 : path->step_count;
	const struct json *node = entity;

	for (size_t i = 0; node && i < steps; i++)
		node = first_instance(node, path->steps[i]);
	return node;
}

static void put_path(struct key_writer *writer, const struct order_term *term, const struct json *entity)
{
	const struct json *node = walk(&term->path, entity);
	double distance_m;

	if (!node) {
		put_rank(writer, RANK_NONE);
	} else if (term->path.is_member) {
		put_member(writer, &term->path, node);
	} else if (term->by_distance && str_eq(json_text(json_get(node, STR("type"))), STR("GeoProperty")) &&
		   geo_matcher_distance_m(writer->order->matcher, json_get(node, STR("value")), &distance_m)) {
		put_rank(writer, RANK_DISTANCE);
		put_double(writer, distance_m);
	} else {
		put_instance(writer, &term->path, node);
	}
}

static void put_term(struct key_writer *writer, const struct order_term *term, const struct json *entity)
{
	size_t from = writer->out->len;

	writer->end = from + ORDER_TERM_BYTES_MAX;
	switch (term->target) {
	case ORDER_BY_ID:
		put_rank(writer, RANK_STRING);
		put_text(writer, document_id(entity));
		break;
	case ORDER_BY_TYPE:
		put_iris(writer, json_get(entity, STR("type")));
		break;
	case ORDER_BY_PATH:
		put_path(writer, term, entity);
		break;
	}
	for (size_t i = from + 1; term->descending && i < writer->out->len; i++)
		writer->out->at[i] = (char)~writer->out->at[i];
}

enum err_code order_key(const struct order *order, struct arena *scratch, const struct json *entity, struct buf *out,
			struct error *err)
{
	struct key_writer writer = {.order = order, .scratch = scratch, .out = out, .memory = true};

	buf_clear(out);
	for (size_t i = 0; i < order->term_count; i++)
		put_term(&writer, &order->terms[i], entity);
	if (!writer.memory)
		return err_set(err, ERR_MEMORY, "no memory for the order of an entity");
	return buf_check(out, "the order of an entity", err);
}
