/* Charging profiles as values of attributes: the same for both versions of OCPP, with the specification's words.
 *
 *   {"purpose": "TxDefault", "unit": "W", "periods": [{"start": 0, "limit": 11000, "phases": 3}, {"start": 3600, …}]}
 *
 * and id, stackLevel, kind (Absolute, Daily, Weekly, Relative), transactionId, start, validFrom, validTo, duration (s),
 * minRate. */
#include "feed/ocpp_send_int.h"

#include "base/time_value.h"

#include <math.h>

struct profile_word {
	const char *word;
	int value;
};

static enum err_code read_word(const struct json *value, const char *name, const struct profile_word *words,
			       size_t count, int *ret, struct error *err)
{
	const struct json *node = json_get(value, str_from(name));

	for (size_t i = 0; node && i < count; i++)
		if (str_eq(json_text(node), str_from(words[i].word))) {
			*ret = words[i].value;
			return ERR_OK;
		}
	return node ? err_set(err, ERR_INVALID, "the profile's %s is none that there is", name) : ERR_OK;
}

static enum err_code read_integer(const struct json *value, const char *name, int64_t *ret, struct error *err)
{
	const struct json *node = json_get(value, str_from(name));

	return !node || (ocpp_integer(node, ret) && *ret >= 0)
		       ? ERR_OK
		       : err_set(err, ERR_INVALID, "the profile's %s is no whole number from 0 on", name);
}

static enum err_code read_time(const struct json *value, const char *name, int64_t *ret, struct error *err)
{
	const struct json *node = json_get(value, str_from(name));

	return !node || time_parse_iso(json_text(node), true, ret)
		       ? ERR_OK
		       : err_set(err, ERR_INVALID, "the profile's %s is no time such as 2027-01-01T00:00:00Z", name);
}

static enum err_code read_period(const struct json *node, struct ocpp_period *period, struct error *err)
{
	const struct json *limit = json_get(node, STR("limit"));

	*period = (struct ocpp_period){.phases = OCPP_NONE};
	if (!json_is(limit, JSON_NUMBER))
		return err_set(err, ERR_INVALID, "a period of the profile has no limit");
	period->limit = limit->number;
	enum err_code code = read_integer(node, "start", &period->start_s, err);

	return code ? code : read_integer(node, "phases", &period->phases, err);
}

static enum err_code read_periods(struct arena *arena, const struct json *value, struct ocpp_profile *profile,
				  struct error *err)
{
	const struct json *list = json_get(value, STR("periods"));
	size_t count = json_is(list, JSON_ARRAY) ? list->count : 0;
	struct ocpp_period *periods;

	if (count == 0 || count > OCPP_PERIODS_MAX)
		return err_set(err, ERR_INVALID, "the profile has no list of 1 to %u periods", OCPP_PERIODS_MAX);
	periods = arena_array(arena, struct ocpp_period, count);
	if (!periods)
		return err_set(err, ERR_MEMORY, "no memory for a profile");
	for (size_t i = 0; i < count; i++) {
		enum err_code code = read_period(json_at(list, i), &periods[i], err);

		if (code)
			return code;
	}
	profile->periods = periods;
	profile->period_count = count;
	return ERR_OK;
}

static enum err_code read_words(const struct json *value, struct ocpp_profile *profile, struct error *err)
{
	static const struct profile_word purposes[] = {
		{"StationMax", OCPP_STATION_MAX}, {"TxDefault", OCPP_TX_DEFAULT}, {"Tx", OCPP_TX}};
	static const struct profile_word kinds[] = {{"Absolute", OCPP_ABSOLUTE},
						    {"Daily", OCPP_DAILY},
						    {"Weekly", OCPP_WEEKLY},
						    {"Relative", OCPP_RELATIVE}};
	static const struct profile_word units[] = {{"W", OCPP_WATTS}, {"A", OCPP_AMPERES}};
	int purpose = OCPP_TX_DEFAULT, kind = OCPP_ABSOLUTE, unit = OCPP_WATTS;
	enum err_code code =
		read_word(value, "purpose", purposes, sizeof(purposes) / sizeof(purposes[0]), &purpose, err);

	if (!code)
		code = read_word(value, "kind", kinds, sizeof(kinds) / sizeof(kinds[0]), &kind, err);
	if (!code)
		code = read_word(value, "unit", units, sizeof(units) / sizeof(units[0]), &unit, err);
	profile->purpose = (enum ocpp_purpose)purpose;
	profile->kind = (enum ocpp_profile_kind)kind;
	profile->unit = (enum ocpp_unit)unit;
	return code;
}

enum err_code ocpp_profile_read(struct arena *arena, const struct json *value, struct ocpp_profile *ret,
				struct error *err)
{
	const struct json *rate = json_get(value, STR("minRate"));
	struct ocpp_profile profile = {.id = 1,
				       .valid_from_us = OCPP_NO_TIME,
				       .valid_to_us = OCPP_NO_TIME,
				       .start_us = OCPP_NO_TIME,
				       .duration_s = OCPP_NONE,
				       .rate_min = json_is(rate, JSON_NUMBER) ? rate->number : NAN,
				       .transaction = json_text(json_get(value, STR("transactionId")))};
	enum err_code code = json_is(value, JSON_OBJECT) ? read_words(value, &profile, err)
							 : err_set(err, ERR_INVALID, "a charging profile is an object");

	if (!code)
		code = read_integer(value, "id", &profile.id, err);
	if (!code)
		code = read_integer(value, "stackLevel", &profile.stack_level, err);
	if (!code)
		code = read_integer(value, "duration", &profile.duration_s, err);
	if (!code)
		code = read_time(value, "start", &profile.start_us, err);
	if (!code)
		code = read_time(value, "validFrom", &profile.valid_from_us, err);
	if (!code)
		code = read_time(value, "validTo", &profile.valid_to_us, err);
	if (!code)
		code = read_periods(arena, value, &profile, err);
	if (!code)
		*ret = profile;
	return code;
}
