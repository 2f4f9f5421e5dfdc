/* Charging profiles: limits over time, as they are sent to a station, and what several of them together allow.
 *
 * Source: OCPP 1.6 edition 2, section 3.13 (Smart Charging) and the types named ChargingProfile and ChargingSchedule in
 * section 7; OCPP 2.0.1 edition 2 part 2, section K. Pure; thread-safe. */
#ifndef MACHI_OCPP_CHARGING_H
#define MACHI_OCPP_CHARGING_H

#include "ocpp/event.h"

#define OCPP_PERIODS_MAX 1024u /* of a schedule, as 2.0.1's schema has it */
#define OCPP_PROFILES_MAX 256u /* that are put together */
#define OCPP_PHASES_DEFAULT 3 /* numberPhases when nothing is said (ChargingSchedulePeriod in both) */

enum ocpp_purpose {
	OCPP_EXTERNAL_LIMIT, /* 2.0.1: ChargingStationExternalConstraints, which the station sets, not the city */
	OCPP_STATION_MAX, /* ChargePointMaxProfile, ChargingStationMaxProfile: of the whole station */
	OCPP_TX_DEFAULT, /* TxDefaultProfile: of transactions that have no profile of their own */
	OCPP_TX, /* TxProfile: of one transaction */
};

enum ocpp_profile_kind {
	OCPP_ABSOLUTE, /* from start_us on; without one, from the transaction's start on */
	OCPP_DAILY, /* again every 24 hours from start_us on */
	OCPP_WEEKLY,
	OCPP_RELATIVE, /* from the transaction's start on */
};

enum ocpp_unit { OCPP_WATTS, OCPP_AMPERES }; /* W of all phases together, A of each phase */

struct ocpp_period {
	int64_t start_s; /* from the schedule's start */
	double limit; /* a tenth is the finest step; INFINITY, in results only: no limit */
	int64_t phases; /* 1 to 3; OCPP_NONE: not said */
};

struct ocpp_profile {
	int64_t id, stack_level; /* stack_level: the higher one prevails, from 0 */
	enum ocpp_purpose purpose;
	enum ocpp_profile_kind kind;
	int64_t valid_from_us, valid_to_us; /* OCPP_NO_TIME: without bound; valid_to_us is outside */
	struct str transaction; /* of OCPP_TX: its id; {NULL, 0}: whichever runs */
	enum ocpp_unit unit;
	int64_t start_us; /* OCPP_NO_TIME: none */
	int64_t duration_s; /* OCPP_NONE: without end (daily and weekly: until it begins anew) */
	double rate_min; /* below it charging is not worth while; NAN: not said */
	const struct ocpp_period *periods; /* borrowed; the first from 0 s, rising */
	size_t period_count;
};

/* What no station could do: ERR_INVALID with the rule. */
MUST_CHECK enum err_code ocpp_profile_check(const struct ocpp_profile *profile, struct error *err);

/* The profile as the version's messages have it, in the arena (borrowing the transaction's text); NULL when that
 * refuses. The profile must have passed ocpp_profile_check(). */
struct json *ocpp_profile_json(struct arena *arena, enum ocpp_version version, const struct ocpp_profile *profile);

struct ocpp_composite {
	const struct ocpp_profile *profiles; /* that are set for the EVSE, those of the whole station among them */
	size_t profile_count;
	int64_t from_us, duration_s;
	enum ocpp_unit unit; /* of the result */
	double volts; /* between a phase and neutral, to turn amperes into watts */
	struct str transaction; /* that runs at the EVSE; {NULL, 0}: any */
	/* OCPP_NO_TIME: none runs; then one is thought to start at from_us, without a profile of its own (OCPP_TX). */
	int64_t transaction_start_us;
};

/* The limit over time: at each moment, of each purpose the profile of the highest stack level that says something then;
 * a TxProfile instead of a TxDefaultProfile; and of what is left the least (1.6, 3.13.2 and 3.13.3; the same in
 * 2.0.1, K). Limits are compared as numbers of the unit asked for,
 * whatever their phases, and come with the phases of the profile that they are from. A change within a second counts
 * from the next whole second on. Neighbouring periods differ. The list lies in the arena.
 * ERR_INVALID: a profile, or the request itself; ERR_LIMIT: more than OCPP_PERIODS_MAX periods; ERR_MEMORY. */
MUST_CHECK enum err_code ocpp_composite(struct arena *arena, const struct ocpp_composite *request,
					const struct ocpp_period **ret_periods, size_t *ret_count, struct error *err);

#endif
