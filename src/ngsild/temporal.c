/* The temporal query language: what clients write, read into bounds, methods and a duration; instanceIds. */
#include "ngsild/temporal.h"

#include "base/duration.h"
#include "base/time_value.h"

#include <string.h>

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

static const struct str method_names[TEMPORAL_METHOD_COUNT] = {
	[TEMPORAL_AVG] = TEXT("avg"),       [TEMPORAL_DISTINCT_COUNT] = TEXT("distinctCount"),
	[TEMPORAL_MAX] = TEXT("max"),       [TEMPORAL_MIN] = TEXT("min"),
	[TEMPORAL_STDDEV] = TEXT("stddev"), [TEMPORAL_SUM] = TEXT("sum"),
	[TEMPORAL_SUMSQ] = TEXT("sumsq"),   [TEMPORAL_TOTAL_COUNT] = TEXT("totalCount"),
};

static const struct str property_names[TEMPORAL_PROPERTY_COUNT] = {
	[TEMPORAL_OBSERVED_AT] = TEXT("observedAt"),
	[TEMPORAL_CREATED_AT] = TEXT("createdAt"),
	[TEMPORAL_MODIFIED_AT] = TEXT("modifiedAt"),
	[TEMPORAL_DELETED_AT] = TEXT("deletedAt"),
};

struct str temporal_method_name(enum temporal_method method)
{
	return method_names[method];
}

struct str temporal_property_name(enum temporal_property property)
{
	return property_names[property];
}

/* ---- parts ---- */

static enum err_code relation_read(struct str text, enum temporal_relation *ret, struct error *err)
{
	if (!text.at)
		*ret = TEMPORAL_ANY;
	else if (str_eq(text, STR("before")))
		*ret = TEMPORAL_BEFORE;
	else if (str_eq(text, STR("after")))
		*ret = TEMPORAL_AFTER;
	else if (str_eq(text, STR("between")))
		*ret = TEMPORAL_BETWEEN;
	else
		return err_set(err, ERR_INVALID, "timerel is \"before\", \"after\" or \"between\", not \"%.*s\"",
			       STR_FMT(str_part(text, 0, 40)));
	return ERR_OK;
}

static enum err_code time_read(const char *name, struct str text, int64_t *ret_us, struct error *err)
{
	if (!time_parse_iso(text, false, ret_us))
		return err_set(err, ERR_INVALID, "%s is a DateTime such as 2026-01-31T12:00:00Z, not \"%.*s\"", name,
			       STR_FMT(str_part(text, 0, 40)));
	return ERR_OK;
}

static enum err_code times_read(const struct temporal_text *text, struct temporal_query *query, struct error *err)
{
	enum err_code code = relation_read(text->timerel, &query->relation, err);
	bool between = query->relation == TEMPORAL_BETWEEN;

	if (code != ERR_OK)
		return code;
	if (!text->timerel.at != !text->time_at.at)
		return err_set(err, ERR_INVALID, "timerel and timeAt go together: %s is missing",
			       text->timerel.at ? "timeAt" : "timerel");
	if (!between && text->end_time_at.at)
		return err_set(err, ERR_INVALID, "endTimeAt goes with timerel=between alone");
	if (between && !text->end_time_at.at)
		return err_set(err, ERR_INVALID, "timerel=between needs endTimeAt");
	if (query->relation != TEMPORAL_ANY)
		code = time_read("timeAt", text->time_at, &query->at_us, err);
	if (code == ERR_OK && between)
		code = time_read("endTimeAt", text->end_time_at, &query->end_us, err);
	if (code == ERR_OK && between && query->end_us < query->at_us)
		return err_set(err, ERR_INVALID, "endTimeAt lies before timeAt");
	return code;
}

static enum err_code property_read(struct str text, enum temporal_property *ret, struct error *err)
{
	*ret = TEMPORAL_OBSERVED_AT;
	if (!text.at)
		return ERR_OK;
	for (size_t i = 0; i < TEMPORAL_PROPERTY_COUNT; i++) {
		if (str_eq(text, property_names[i])) {
			*ret = (enum temporal_property)i;
			return ERR_OK;
		}
	}
	return err_set(err, ERR_INVALID, "timeproperty is observedAt, createdAt, modifiedAt or deletedAt, not \"%.*s\"",
		       STR_FMT(str_part(text, 0, 40)));
}

static enum err_code methods_read(struct str text, unsigned int *ret, struct error *err)
{
	struct str piece, rest = text;
	unsigned int methods = 0;

	while (rest.at && str_next(&rest, ',', &piece)) {
		size_t at = 0;

		piece = str_trim(piece);
		while (at < TEMPORAL_METHOD_COUNT && !str_eq(piece, method_names[at]))
			at++;
		if (at == TEMPORAL_METHOD_COUNT)
			return err_set(err, ERR_INVALID, "aggrMethods: there is no method \"%.*s\"",
				       STR_FMT(str_part(piece, 0, 40)));
		methods |= 1u << at;
	}
	if (!methods)
		return err_set(err, ERR_INVALID, "aggregatedValues needs aggrMethods");
	*ret = methods;
	return ERR_OK;
}

static enum err_code period_read(struct str text, struct temporal_query *query, struct error *err)
{
	if (text.at && !duration_parse_calendar(text, &query->period_months, &query->period_us))
		return err_set(err, ERR_INVALID,
			       "aggrPeriodDuration is an ISO 8601 duration such as PT15M, not \"%.*s\"",
			       STR_FMT(str_part(text, 0, 40)));
	return ERR_OK;
}

enum err_code temporal_query_read(const struct temporal_text *text, struct temporal_query *ret_query, struct error *err)
{
	struct temporal_query query = {.last_n = 0};
	enum err_code code = times_read(text, &query, err);

	if (code == ERR_OK)
		code = property_read(text->timeproperty, &query.property, err);
	if (code == ERR_OK && text->last_n.at && (!str_to_uint64(text->last_n, &query.last_n) || query.last_n == 0))
		code = err_set(err, ERR_INVALID, "lastN is a whole number of 1 or more, not \"%.*s\"",
			       STR_FMT(str_part(text->last_n, 0, 40)));
	if (code == ERR_OK && text->aggregated)
		code = methods_read(text->aggr_methods, &query.methods, err);
	if (code == ERR_OK && text->aggregated)
		code = period_read(text->aggr_period, &query, err);
	if (code == ERR_OK)
		*ret_query = query;
	return code;
}

void temporal_bounds(const struct temporal_query *query, int64_t *ret_from_us, int64_t *ret_to_us)
{
	*ret_from_us = INT64_MIN;
	*ret_to_us = INT64_MAX;
	if (query->relation == TEMPORAL_AFTER || query->relation == TEMPORAL_BETWEEN)
		*ret_from_us = query->at_us;
	if (query->relation == TEMPORAL_BEFORE)
		*ret_to_us = query->at_us - 1;
	if (query->relation == TEMPORAL_BETWEEN)
		*ret_to_us = query->end_us - 1;
}

/* ---- ranges ---- */

bool temporal_range_read(struct str text, int64_t *ret_start_us, int64_t *ret_end_us)
{
	const struct str unit = STR("DateTime ");
	struct str rest = str_trim(text), range;

	if (!str_starts(rest, unit))
		return false;
	rest = str_trim(str_part(rest, unit.len, rest.len));
	if (!str_next(&rest, '/', &range))
		return false;
	/* DateTimes hold "-" too; the first ends with the "Z" of UTC (4.6.3). */
	for (size_t i = 0; i + 1 < range.len; i++)
		if (range.at[i] == 'Z' && range.at[i + 1] == '-')
			return time_parse_iso(str_part(range, 0, i + 1), false, ret_start_us) &&
			       time_parse_iso(str_part(range, i + 2, range.len), false, ret_end_us);
	return false;
}

/* ---- instanceId ---- */

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
#define MARK_DIGITS 16u

static uint64_t fnv(uint64_t hash, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * FNV_PRIME;
	return (hash ^ 0xff) * FNV_PRIME; /* a byte that no UTF-8 has: where the text ends */
}

uint64_t temporal_mark(struct str holder, struct str id, struct str attribute_iri)
{
	return fnv(fnv(fnv(FNV_BASIS, holder), id), attribute_iri);
}

static bool hex_digit(char c, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	if (!found)
		return false;
	*ret = (uint64_t)(found - digits);
	return true;
}

bool temporal_instance_number(struct str instance_id, uint64_t mark, int64_t *ret_number)
{
	const struct str prefix = STR(TEMPORAL_INSTANCE_PREFIX);
	uint64_t said = 0, digit;

	if (!str_starts(instance_id, prefix) || instance_id.len < prefix.len + MARK_DIGITS + 2)
		return false;
	const char *at = instance_id.at + prefix.len;

	for (size_t i = 0; i < MARK_DIGITS; i++) {
		if (!hex_digit(at[i], &digit))
			return false;
		said = said << 4 | digit;
	}
	return said == mark && at[MARK_DIGITS] == ':' &&
	       str_to_int64(str_part(instance_id, prefix.len + MARK_DIGITS + 1, instance_id.len), ret_number);
}
