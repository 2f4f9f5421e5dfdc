/* Rules of retention: which applies, and what it demands of a bucket of some age. */
#include "store/retention.h"

#define ANY STR("*")

/* A short name stands for every IRI that ends in it. */
static bool names(struct str name, struct str iri)
{
	if (str_eq(name, ANY) || str_eq(name, iri))
		return true;
	if (iri.len <= name.len || !str_eq(str_part(iri, iri.len - name.len, iri.len), name))
		return false;
	char before = iri.at[iri.len - name.len - 1];

	return before == '/' || before == '#' || before == ':';
}

static bool names_any(struct str name, const struct str *iris, size_t count)
{
	if (str_eq(name, ANY))
		return true;
	for (size_t i = 0; i < count; i++)
		if (names(name, iris[i]))
			return true;
	return false;
}

static unsigned weight(const struct store_rule *rule)
{
	return (str_eq(rule->attribute, ANY) ? 0u : 2u) + (str_eq(rule->type, ANY) ? 0u : 1u);
}

const struct store_rule *store_rule_find(const struct store_retention *retention, const struct str *types,
					 size_t type_count, struct str attribute_iri)
{
	const struct store_rule *best = NULL;

	for (size_t i = 0; retention && i < retention->count; i++) {
		const struct store_rule *rule = &retention->rules[i];

		if (names(rule->attribute, attribute_iri) && names_any(rule->type, types, type_count) &&
		    (!best || weight(rule) > weight(best)))
			best = rule;
	}
	return best;
}

/* ---- ages ---- */

static int64_t floor_to(int64_t us, int64_t period_us)
{
	int64_t rest = us % period_us;

	return us - (rest < 0 ? rest + period_us : rest);
}

static int64_t add(int64_t us, int64_t more_us)
{
	int64_t sum;

	return more_us == STORE_KEEP_FOR_EVER || __builtin_add_overflow(us, more_us, &sum) ? INT64_MAX : sum;
}

static int64_t less(int64_t us, int64_t keep_us)
{
	int64_t rest;

	return keep_us == STORE_KEEP_FOR_EVER || __builtin_sub_overflow(us, keep_us, &rest) ? INT64_MIN : rest;
}

/* What comes behind tier `tier` (−1: the instances): the first whose keep is longer; tier_count: nothing. */
static size_t next_tier(const struct store_rule *rule, int64_t keep_us, int64_t period_us)
{
	size_t tier = 0;

	while (tier < rule->tier_count &&
	       (rule->tiers[tier].keep_us <= keep_us || rule->tiers[tier].period_us % period_us != 0))
		tier++;
	return tier;
}

/* What lies in a bucket of period_us has to move when it is older than this; *ret_next: the tier to move to. */
static int64_t keep_of(const struct store_rule *rule, int64_t period_us, size_t *ret_next)
{
	int64_t keep_us = rule->keep_us, longest_us = keep_us;
	bool named = period_us == 1;

	for (size_t i = 0; i < rule->tier_count; i++) {
		const struct store_tier *tier = &rule->tiers[i];

		if (tier->period_us == period_us) {
			keep_us = tier->keep_us;
			named = true;
		}
		longest_us = tier->keep_us > longest_us ? tier->keep_us : longest_us;
	}
	if (!named)
		/* A tier that was there once: into the next one at once, if there is one. */
		keep_us = next_tier(rule, -1, period_us) < rule->tier_count ? 0 : longest_us;
	*ret_next = next_tier(rule, keep_us, period_us);
	return keep_us;
}

/* The end of what has to move at now_us: whole buckets of where it moves to. */
static int64_t end_of_old(const struct store_rule *rule, int64_t period_us, int64_t now_us, size_t *ret_next)
{
	int64_t end_us = less(now_us, keep_of(rule, period_us, ret_next));

	if (end_us == INT64_MIN)
		return end_us;
	return floor_to(end_us, *ret_next < rule->tier_count ? rule->tiers[*ret_next].period_us : period_us);
}

int64_t store_rule_cut(const struct store_rule *rule, int64_t now_us)
{
	size_t next;

	return end_of_old(rule, 1, now_us, &next);
}

int64_t store_rule_period(const struct store_rule *rule, int64_t period_us, int64_t bucket_from_us, int64_t now_us)
{
	for (;;) {
		size_t next;

		if (bucket_from_us >= end_of_old(rule, period_us, now_us, &next))
			return period_us;
		if (next == rule->tier_count)
			return 0;
		period_us = rule->tiers[next].period_us;
		bucket_from_us = floor_to(bucket_from_us, period_us);
	}
}

int64_t store_rule_due(const struct store_rule *rule, int64_t period_us, int64_t bucket_from_us)
{
	size_t next;
	int64_t keep_us = keep_of(rule, period_us, &next);
	int64_t to_us = next < rule->tier_count ? rule->tiers[next].period_us : period_us;

	return add(floor_to(bucket_from_us, to_us) + to_us, keep_us);
}
