/* Rules of retention as texts. */
#include "main/retention_rule.h"

#include "base/duration.h"
#include "base/time_value.h"
#include "series/rollup.h"

static bool read_duration(struct str text, int64_t *ret_us)
{
	if (str_eq(text, STR("forever"))) {
		*ret_us = STORE_KEEP_FOR_EVER;
		return true;
	}
	return duration_parse_iso(text, ret_us) && *ret_us > 0;
}

static enum err_code read_tier(struct str value, struct store_rule *rule, struct error *err)
{
	struct store_tier tier;
	size_t colon;

	if (rule->tier_count == STORE_TIERS_MAX)
		return err_set(err, ERR_INVALID, "more than %u roll-ups in a rule", STORE_TIERS_MAX);
	if (!str_find(value, ':', &colon) || !duration_parse_iso(str_part(value, 0, colon), &tier.period_us) ||
	    !read_duration(str_part(value, colon + 1, value.len), &tier.keep_us))
		return err_set(err, ERR_INVALID,
			       "expected rollup=PERIOD:DURATION as in PT1H:P2Y or P1D:forever, not \"%.*s\"",
			       STR_FMT(str_part(value, 0, 80)));
	if (tier.period_us < US_PER_S || tier.period_us > SERIES_ROLLUP_PERIOD_US_MAX ||
	    US_PER_DAY % tier.period_us != 0)
		return err_set(err, ERR_INVALID, "the period %.*s does not divide a day into whole seconds or more",
			       STR_FMT(str_part(value, 0, colon)));
	rule->tiers[rule->tier_count++] = tier;
	return ERR_OK;
}

static enum err_code read_word(struct str word, struct broker_rule *rule, struct error *err)
{
	size_t equals;
	bool is_pair = str_find(word, '=', &equals);
	struct str key = str_part(word, 0, is_pair ? equals : word.len);
	struct str value = str_part(word, is_pair ? equals + 1 : word.len, word.len);

	if (str_eq(key, STR("rollup")))
		return read_tier(value, &rule->rule, err);
	if (str_eq(key, STR("tenant")) && is_pair) {
		rule->tenant = value;
	} else if (str_eq(key, STR("type")) && value.len) {
		rule->rule.type = value;
	} else if (str_eq(key, STR("attribute")) && value.len) {
		rule->rule.attribute = value;
	} else if (str_eq(key, STR("keep"))) {
		if (!read_duration(value, &rule->rule.keep_us))
			return err_set(err, ERR_INVALID,
				       "expected keep=DURATION as in P90D, or keep=forever, not \"%.*s\"",
				       STR_FMT(str_part(value, 0, 80)));
	} else {
		return err_set(err, ERR_INVALID,
			       "expected tenant=, type=, attribute=, keep= or rollup= with a value, not \"%.*s\"",
			       STR_FMT(str_part(word, 0, 80)));
	}
	return ERR_OK;
}

/* Each tier is of a longer period than the one before, a multiple of it, and kept at least as long. */
static enum err_code check_tiers(const struct store_rule *rule, struct error *err)
{
	int64_t period_us = 1, keep_us = rule->keep_us;

	for (size_t i = 0; i < rule->tier_count; i++) {
		const struct store_tier *tier = &rule->tiers[i];

		if (tier->period_us <= period_us || tier->period_us % period_us != 0)
			return err_set(err, ERR_INVALID,
				       "roll-ups stand from the shortest period to the longest, each a "
				       "multiple of the one before");
		if (tier->keep_us < keep_us)
			return err_set(err, ERR_INVALID, "a roll-up is kept for less time than what it is made of");
		period_us = tier->period_us;
		keep_us = tier->keep_us;
	}
	return ERR_OK;
}

enum err_code retention_rule_read(struct str text, struct broker_rule *ret, struct error *err)
{
	struct broker_rule rule = {.tenant = STR("*"),
				   .rule = {.type = STR("*"), .attribute = STR("*"), .keep_us = STORE_KEEP_FOR_EVER}};
	struct str word;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && str_next(&text, ' ', &word))
		if (word.len)
			code = read_word(word, &rule, err);
	if (code == ERR_OK && rule.rule.keep_us == STORE_KEEP_FOR_EVER && rule.rule.tier_count == 0)
		code = err_set(err, ERR_INVALID, "the rule says neither keep= nor rollup=");
	if (code == ERR_OK)
		code = check_tiers(&rule.rule, err);
	if (code == ERR_OK)
		*ret = rule;
	return code;
}

enum err_code retention_rules_read(const struct setting_texts *texts, struct broker_rule ret[static SETTING_TEXTS_MAX],
				   struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < texts->count; i++)
		code = retention_rule_read(str_from(texts->items[i]), &ret[i], err);
	return code;
}
