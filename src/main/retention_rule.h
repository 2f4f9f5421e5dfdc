/* A rule of retention as a text of the configuration: words KEY=VALUE, in any order, separated by blanks:
 * tenant=NAME type=NAME attribute=NAME keep=DURATION rollup=PERIOD:DURATION, the last up to STORE_TIERS_MAX times.
 * Durations are ISO 8601, or "forever"; what is left out is "*", or "forever". Pure. */
#ifndef MACHI_MAIN_RETENTION_RULE_H
#define MACHI_MAIN_RETENTION_RULE_H

#include "broker/broker.h"
#include "main/setting.h"

/* Texts are borrowed. ERR_INVALID says what is wrong with which word. */
MUST_CHECK enum err_code retention_rule_read(struct str text, struct broker_rule *ret, struct error *err);
/* Those of a list of the configuration, which must outlive them. */
MUST_CHECK enum err_code retention_rules_read(const struct setting_texts *texts,
					      struct broker_rule ret[static SETTING_TEXTS_MAX], struct error *err);

#endif
