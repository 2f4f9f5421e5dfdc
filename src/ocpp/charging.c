/* Charging profiles: what is wrong with one, and how the two versions write it. */
#include "ocpp/charging_int.h"

#include "ocpp/session_int.h"

#include <math.h>

#define TENTHS_TOLERANCE 1e-6
#define RATE_DECIMALS 1

static bool is_rate(double rate)
{
	double steps = rate * 10;

	return isfinite(rate) && rate >= 0 && rate <= OCPP_RATE_MAX &&
	       fabs(steps - nearbyint(steps)) < TENTHS_TOLERANCE;
}

static bool is_time(int64_t us)
{
	return us == OCPP_NO_TIME || (us >= 0 && us <= OCPP_TIME_MAX_US);
}

static enum err_code check_periods(const struct ocpp_profile *profile, struct error *err)
{
	if (profile->period_count == 0 || profile->period_count > OCPP_PERIODS_MAX)
		return err_set(err, ERR_INVALID, "a schedule has 1 to %u periods, not %zu", OCPP_PERIODS_MAX,
			       profile->period_count);
	if (profile->periods[0].start_s != 0)
		return err_set(err, ERR_INVALID, "the first period has to begin at 0 s");
	for (size_t i = 0; i < profile->period_count; i++) {
		const struct ocpp_period *period = &profile->periods[i];

		if (i > 0 && period->start_s <= profile->periods[i - 1].start_s)
			return err_set(err, ERR_INVALID, "period %zu does not begin behind the one before it", i);
		if (period->start_s > OCPP_SPAN_MAX_S)
			return err_set(err, ERR_INVALID, "period %zu begins too late", i);
		if (!is_rate(period->limit))
			return err_set(err, ERR_INVALID, "the limit of period %zu is no multiple of 0.1 from 0 to %g",
				       i, OCPP_RATE_MAX);
		if (period->phases != OCPP_NONE && (period->phases < 1 || period->phases > OCPP_PHASES_DEFAULT))
			return err_set(err, ERR_INVALID, "period %zu has %lld phases", i, (long long)period->phases);
	}
	return ERR_OK;
}

static enum err_code check_times(const struct ocpp_profile *profile, struct error *err)
{
	bool again = profile->kind == OCPP_DAILY || profile->kind == OCPP_WEEKLY;

	if (!is_time(profile->valid_from_us) || !is_time(profile->valid_to_us) || !is_time(profile->start_us))
		return err_set(err, ERR_INVALID, "a time is not between 1970 and 9999");
	if (profile->valid_from_us != OCPP_NO_TIME && profile->valid_to_us != OCPP_NO_TIME &&
	    profile->valid_from_us >= profile->valid_to_us)
		return err_set(err, ERR_INVALID, "the profile ends before it begins");
	if (again && profile->start_us == OCPP_NO_TIME)
		return err_set(err, ERR_INVALID, "a recurring profile has no start");
	if (profile->kind == OCPP_RELATIVE && profile->start_us != OCPP_NO_TIME)
		return err_set(err, ERR_INVALID, "a relative profile has a start");
	if (profile->duration_s != OCPP_NONE && (profile->duration_s <= 0 || profile->duration_s > OCPP_SPAN_MAX_S))
		return err_set(err, ERR_INVALID, "a duration of %lld s", (long long)profile->duration_s);
	return ERR_OK;
}

enum err_code ocpp_profile_check(const struct ocpp_profile *profile, struct error *err)
{
	if (profile->id < 0 || profile->id > INT32_MAX || profile->stack_level < 0 || profile->stack_level > INT32_MAX)
		return err_set(err, ERR_INVALID, "a profile's id and stack level are from 0 to 2147483647");
	if (profile->transaction.len > 0 && profile->purpose != OCPP_TX)
		return err_set(err, ERR_INVALID, "only a TxProfile names a transaction");
	if (profile->purpose == OCPP_STATION_MAX && profile->kind == OCPP_RELATIVE)
		return err_set(err, ERR_INVALID,
			       "the limit of a whole station is relative to no transaction"); /* K01.FR.38 */
	if (!isnan(profile->rate_min) && !is_rate(profile->rate_min))
		return err_set(err, ERR_INVALID, "the least rate is no multiple of 0.1 from 0 to %g", OCPP_RATE_MAX);
	enum err_code code = check_times(profile, err);

	return code ? code : check_periods(profile, err);
}

struct str ocpp_purpose_name(enum ocpp_version version, enum ocpp_purpose purpose)
{
	switch (purpose) {
	case OCPP_EXTERNAL_LIMIT:
		return STR("ChargingStationExternalConstraints");
	case OCPP_STATION_MAX:
		return version == OCPP_1_6 ? STR("ChargePointMaxProfile") : STR("ChargingStationMaxProfile");
	case OCPP_TX_DEFAULT:
		return STR("TxDefaultProfile");
	case OCPP_TX:
		break;
	}
	return STR("TxProfile");
}

struct str ocpp_unit_name(enum ocpp_unit unit)
{
	return unit == OCPP_WATTS ? STR("W") : STR("A");
}

static void set(struct arena *arena, struct json *object, const char *name, struct json value)
{
	(void)json_add(arena, object, str_from(name), value);
}

static void set_time(struct arena *arena, struct json *object, const char *name, int64_t us)
{
	if (us != OCPP_NO_TIME)
		set(arena, object, name, ocpp_time_json(arena, us));
}

static struct json periods_json(struct arena *arena, const struct ocpp_profile *profile)
{
	struct json list = json_array();

	for (size_t i = 0; i < profile->period_count; i++) {
		const struct ocpp_period *period = &profile->periods[i];
		struct json one = json_object();

		set(arena, &one, "startPeriod", json_int(arena, period->start_s));
		set(arena, &one, "limit", json_decimal(arena, period->limit, RATE_DECIMALS));
		if (period->phases != OCPP_NONE)
			set(arena, &one, "numberPhases", json_int(arena, period->phases));
		(void)json_push(arena, &list, one);
	}
	return list;
}

static struct json schedule_json(struct arena *arena, enum ocpp_version version, const struct ocpp_profile *profile)
{
	struct json schedule = json_object();

	if (version == OCPP_2_0_1)
		set(arena, &schedule, "id", json_int(arena, profile->id));
	set_time(arena, &schedule, "startSchedule", profile->start_us);
	if (profile->duration_s != OCPP_NONE)
		set(arena, &schedule, "duration", json_int(arena, profile->duration_s));
	set(arena, &schedule, "chargingRateUnit", json_string(ocpp_unit_name(profile->unit)));
	set(arena, &schedule, "chargingSchedulePeriod", periods_json(arena, profile));
	if (!isnan(profile->rate_min))
		set(arena, &schedule, "minChargingRate", json_decimal(arena, profile->rate_min, RATE_DECIMALS));
	return schedule;
}

static void set_kind(struct arena *arena, struct json *object, enum ocpp_profile_kind kind)
{
	static const char *const kinds[] = {[OCPP_ABSOLUTE] = "Absolute",
					    [OCPP_DAILY] = "Recurring",
					    [OCPP_WEEKLY] = "Recurring",
					    [OCPP_RELATIVE] = "Relative"};

	set(arena, object, "chargingProfileKind", json_string(str_from(kinds[kind])));
	if (kind == OCPP_DAILY || kind == OCPP_WEEKLY)
		set(arena, object, "recurrencyKind", json_string(kind == OCPP_DAILY ? STR("Daily") : STR("Weekly")));
}

/* 1.6 knows transactions by number, 2.0.1 by text. */
static void set_transaction(struct arena *arena, enum ocpp_version version, struct json *object, struct str id)
{
	int64_t number = 0;

	if (id.len == 0)
		return;
	if (version == OCPP_1_6 && str_to_int64(id, &number))
		set(arena, object, "transactionId", json_int(arena, number));
	else
		set(arena, object, "transactionId", json_string(id));
}

struct json *ocpp_profile_json(struct arena *arena, enum ocpp_version version, const struct ocpp_profile *profile)
{
	struct json object = json_object(), schedule = schedule_json(arena, version, profile);

	set(arena, &object, version == OCPP_1_6 ? "chargingProfileId" : "id", json_int(arena, profile->id));
	set_transaction(arena, version, &object, profile->transaction);
	set(arena, &object, "stackLevel", json_int(arena, profile->stack_level));
	set(arena, &object, "chargingProfilePurpose", json_string(ocpp_purpose_name(version, profile->purpose)));
	set_kind(arena, &object, profile->kind);
	set_time(arena, &object, "validFrom", profile->valid_from_us);
	set_time(arena, &object, "validTo", profile->valid_to_us);
	if (version == OCPP_2_0_1) {
		struct json list = json_array();

		(void)json_push(arena, &list, schedule);
		schedule = list;
	}
	struct json *last = json_add(arena, &object, STR("chargingSchedule"), schedule);

	return last ? json_new(arena, object) : NULL;
}
