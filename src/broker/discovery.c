/* Types and attributes out of a store's census.
 *
 * The rows of a question are copied and sorted, so that what belongs together lies together: by the name that the list
 * is of, then by the other one. Lists are then cut out of the sorted rows in one pass. */
#include "broker/discovery.h"

#include "base/time_value.h"
#include "broker/broker_int.h"

#include <stdlib.h>
#include <time.h>

struct rows {
	struct census_row *at;
	size_t count, room;
	struct arena *arena;
	struct error *err;
	enum err_code code;
};

/* ---- reading ---- */

static bool rows_grow(struct rows *rows)
{
	struct census_row *at = arena_grow(rows->arena, rows->at, rows->count, &rows->room, sizeof(*at), 64);

	if (at)
		rows->at = at;
	return at != NULL;
}

static bool take_row(void *self, const struct census_row *row)
{
	struct rows *rows = self;
	struct census_row copy = *row;

	copy.within_iri = row->within_iri.len ? arena_dup(rows->arena, row->within_iri) : STR_NONE;
	copy.name_iri = arena_dup(rows->arena, row->name_iri);
	if (!copy.name_iri.at || (row->within_iri.len && !copy.within_iri.at) || !rows_grow(rows)) {
		rows->code = err_set(rows->err, ERR_MEMORY, "no memory to list types and attributes");
		return false;
	}
	rows->at[rows->count++] = copy;
	return true;
}

/* Entities of types before attributes, then by type. */
static int by_type(const void *a, const void *b)
{
	const struct census_row *x = a, *y = b;
	bool x_is_type = x->kind == CENSUS_ENTITY, y_is_type = y->kind == CENSUS_ENTITY;

	if (x_is_type != y_is_type)
		return x_is_type ? -1 : 1;
	int order = str_cmp(x->within_iri, y->within_iri);

	return order ? order : str_cmp(x->name_iri, y->name_iri);
}

/* Attributes before entities of types, then by attribute, each whole before within its types. */
static int by_attribute(const void *a, const void *b)
{
	const struct census_row *x = a, *y = b;
	bool x_is_type = x->kind == CENSUS_ENTITY, y_is_type = y->kind == CENSUS_ENTITY;

	if (x_is_type != y_is_type)
		return x_is_type ? 1 : -1;
	int order = str_cmp(x->name_iri, y->name_iri);

	return order ? order : str_cmp(x->within_iri, y->within_iri);
}

/* As long as a query may take. */
static int64_t until_us(const struct broker *broker)
{
	const uint32_t ms_max = broker->options.query_ms_max;
	struct timespec now;

	if (!ms_max)
		return 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000 + ms_max * INT64_C(1000);
}

static enum err_code read_rows(struct broker_reader *reader, struct str tenant, enum census_part part, struct str iri,
			       int (*order)(const void *a, const void *b), struct rows *rows)
{
	const struct census_question question = {.part = part,
						 .iri = iri,
						 .expired_us = broker_now_us(reader_broker(reader)),
						 .until_us = until_us(reader_broker(reader))};
	struct store_reader *store_reader;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, rows->err);

	if (code == ERR_OK)
		code = store_census(store_reader, &question, take_row, rows, rows->err);
	if (code == ERR_OK)
		code = rows->code;
	if (code == ERR_OK && rows->count > 1)
		qsort(rows->at, rows->count, sizeof(*rows->at), order);
	return code;
}

/* ---- attributes out of rows ---- */

/* The end of the rows from `from` on that speak of the same attribute. */
static size_t same_name_end(const struct rows *rows, size_t from)
{
	size_t to = from + 1;

	while (to < rows->count && rows->at[to].kind != CENSUS_ENTITY &&
	       str_eq(rows->at[to].name_iri, rows->at[from].name_iri))
		to++;
	return to;
}

static size_t same_within_end(const struct rows *rows, size_t from)
{
	size_t to = from + 1;

	while (to < rows->count && rows->at[to].kind != CENSUS_ENTITY &&
	       str_eq(rows->at[to].within_iri, rows->at[from].within_iri))
		to++;
	return to;
}

/* Rows from `from` to `to` are of one attribute within one type. */
static struct discovery_attribute attribute_of(const struct rows *rows, size_t from, size_t to)
{
	struct discovery_attribute attribute = {.iri = rows->at[from].name_iri};

	for (size_t i = from; i < to; i++) {
		attribute.kinds |= 1u << rows->at[i].kind;
		attribute.instance_count += rows->at[i].count;
	}
	return attribute;
}

/* The attributes of one type, which rows from `from` to `to` are of. */
static enum err_code take_attributes(const struct rows *rows, size_t from, size_t to, struct discovery_type *type)
{
	type->attributes = arena_array(rows->arena, struct discovery_attribute, to - from + 1);
	if (!type->attributes)
		return err_set(rows->err, ERR_MEMORY, "no memory to list attributes");
	while (from < to) {
		size_t end = same_name_end(rows, from);

		end = end < to ? end : to;
		type->attributes[type->attribute_count++] = attribute_of(rows, from, end);
		from = end;
	}
	return ERR_OK;
}

/* One attribute, which rows from `from` to `to` are of: whole, then within each type. */
static enum err_code take_attribute(const struct rows *rows, size_t from, size_t to,
				    struct discovery_attribute *ret_attribute)
{
	size_t whole = from;

	while (whole < to && rows->at[whole].within_iri.len == 0)
		whole++;
	struct discovery_attribute attribute = attribute_of(rows, from, whole);

	attribute.iri = rows->at[from].name_iri;
	attribute.type_iris = arena_array(rows->arena, struct str, to - whole + 1);
	if (!attribute.type_iris)
		return err_set(rows->err, ERR_MEMORY, "no memory to list types");
	for (size_t i = whole; i < to; i++)
		if (i == whole || !str_eq(rows->at[i].within_iri, rows->at[i - 1].within_iri))
			attribute.type_iris[attribute.type_count++] = rows->at[i].within_iri;
	*ret_attribute = attribute;
	return ERR_OK;
}

/* ---- the four questions ---- */

/* The rows of entities come first and in the order of their types, as those of attributes do behind them. */
static enum err_code take_types(const struct rows *rows, bool details, struct discovery_types *ret_types)
{
	struct discovery_types types = {.items = arena_array(rows->arena, struct discovery_type, rows->count + 1)};
	size_t at = 0;
	enum err_code code = ERR_OK;

	if (!types.items)
		return err_set(rows->err, ERR_MEMORY, "no memory to list types");
	for (; at < rows->count && rows->at[at].kind == CENSUS_ENTITY; at++)
		types.items[types.count++] =
			(struct discovery_type){.iri = rows->at[at].name_iri, .entity_count = rows->at[at].count};
	while (at < rows->count && rows->at[at].within_iri.len == 0)
		at++;
	for (size_t i = 0; details && code == ERR_OK && i < types.count && at < rows->count; i++) {
		if (!str_eq(types.items[i].iri, rows->at[at].within_iri))
			continue; /* no entity of this type has an attribute */
		size_t end = same_within_end(rows, at);

		code = take_attributes(rows, at, end, &types.items[i]);
		at = end;
	}
	*ret_types = types;
	return code;
}

enum err_code discover_types(struct broker_reader *reader, struct str tenant, bool details, struct arena *arena,
			     struct discovery_types *ret_types, struct error *err)
{
	struct rows rows = {.arena = arena, .err = err};
	enum err_code code = read_rows(reader, tenant, details ? CENSUS_ALL : CENSUS_TOTALS, STR_NONE, by_type, &rows);

	return code ? code : take_types(&rows, details, ret_types);
}

enum err_code discover_type(struct broker_reader *reader, struct str tenant, struct str iri, struct arena *arena,
			    struct discovery_type *ret_type, struct error *err)
{
	struct rows rows = {.arena = arena, .err = err};
	struct discovery_types types;
	enum err_code code = read_rows(reader, tenant, CENSUS_OF_TYPE, iri, by_type, &rows);

	if (code == ERR_OK)
		code = take_types(&rows, true, &types);
	if (code)
		return code;
	if (types.count == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no entity of the type %.*s",
			       STR_FMT(str_part(iri, 0, 150)));
	*ret_type = types.items[0];
	return ERR_OK;
}

enum err_code discover_attributes(struct broker_reader *reader, struct str tenant, bool details, struct arena *arena,
				  struct discovery_attributes *ret_attributes, struct error *err)
{
	struct rows rows = {.arena = arena, .err = err};
	struct discovery_attributes attributes = {0};
	enum err_code code =
		read_rows(reader, tenant, details ? CENSUS_ALL : CENSUS_TOTALS, STR_NONE, by_attribute, &rows);

	if (code)
		return code;
	attributes.items = arena_array(arena, struct discovery_attribute, rows.count + 1);
	if (!attributes.items)
		return err_set(err, ERR_MEMORY, "no memory to list attributes");
	for (size_t at = 0; code == ERR_OK && at < rows.count && rows.at[at].kind != CENSUS_ENTITY;) {
		size_t end = same_name_end(&rows, at);

		code = take_attribute(&rows, at, end, &attributes.items[attributes.count++]);
		at = end;
	}
	if (code == ERR_OK)
		*ret_attributes = attributes;
	return code;
}

enum err_code discover_attribute(struct broker_reader *reader, struct str tenant, struct str iri, struct arena *arena,
				 struct discovery_attribute *ret_attribute, struct error *err)
{
	struct rows rows = {.arena = arena, .err = err};
	enum err_code code = read_rows(reader, tenant, CENSUS_OF_ATTRIBUTE, iri, by_attribute, &rows);

	if (code)
		return code;
	if (rows.count == 0)
		return err_set(err, ERR_NOT_FOUND, "no entity has the attribute %.*s", STR_FMT(str_part(iri, 0, 150)));
	return take_attribute(&rows, 0, rows.count, ret_attribute);
}
