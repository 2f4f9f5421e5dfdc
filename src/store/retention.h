/* How long history is kept, and in which roll-ups: rules of one tenant.
 *
 * A rule says for how long instances are kept as they came, and in which tiers, buckets of a period (series/rollup.h),
 * what they come to is kept for how much longer. An instance leaves, and its value moves into its bucket of the first
 * tier, when its time lies so long back; a bucket moves on, as a whole, into that of the next tier; after the last tier
 * it goes. Only instances with an observedAt are rolled up; others, and deletions, just go. Where a tier is worth it,
 * it is written beside the instances too, for queries to read in their place. Pure. */
#ifndef MACHI_STORE_RETENTION_H
#define MACHI_STORE_RETENTION_H

#include "base/error.h"
#include "base/str.h"

#define STORE_TIERS_MAX 4u
#define STORE_RULES_MAX 64u
#define STORE_KEEP_FOR_EVER INT64_MAX

struct store_tier {
	int64_t period_us; /* divides a day */
	int64_t keep_us; /* at least that of the tier before; STORE_KEEP_FOR_EVER */
};

struct store_rule {
	/* "*": all. An IRI, or what stands behind the last '/', '#' or ':' of IRIs. */
	struct str type, attribute;
	int64_t keep_us; /* instances; STORE_KEEP_FOR_EVER */
	struct store_tier tiers[STORE_TIERS_MAX]; /* periods ascend, each is a multiple of the one before */
	size_t tier_count;
};

struct store_retention {
	/* What is looked for is the first that fits and names the attribute, else that names the type, else any. */
	const struct store_rule *rules;
	size_t count;
};

/* The rule for an attribute of an entity of these types; NULL: it is kept as it came, for ever. */
const struct store_rule *store_rule_find(const struct store_retention *retention, const struct str *types,
					 size_t type_count, struct str attribute_iri);

/* Instances before this moment are to go. INT64_MIN: none. Whole buckets of the tier that they go into. */
int64_t store_rule_cut(const struct store_rule *rule, int64_t now_us);
/* The period of the tier that holds what was at at_us (and is of that period or a coarser one), 0: it is to go
 * altogether. period_us of what it is in now: 1 for instances. A bucket whose period no tier has, and no tier is a
 * multiple of, stays while any tier, or instances, of its age would. */
int64_t store_rule_period(const struct store_rule *rule, int64_t period_us, int64_t bucket_from_us, int64_t now_us);
/* When something that is in a bucket of this period (1: an instance) from from_us on has to move; INT64_MAX: never. */
int64_t store_rule_due(const struct store_rule *rule, int64_t period_us, int64_t bucket_from_us);

#endif
