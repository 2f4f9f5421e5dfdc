/* What several charging profiles together allow.
 *
 * Each profile can be asked at a moment: what does it say, and until when is that so? The schedule is walked from one
 * moment at which something may change to the next, and at each the rules of precedence decide. So recurrence,
 * duration, validity and periods need no cases of their own when profiles are put together; the cost is that of all
 * profiles at each change, with a binary search in each. */
#include "ocpp/charging_int.h"

#include "base/time_value.h"

#include <math.h>

#define SECONDS_PER_DAY INT64_C(86400)
#define SECONDS_PER_WEEK (7 * SECONDS_PER_DAY)
#define PERIODS_ROOM_FIRST 16u
#define CHANGES_MAX 20000u /* moments looked at: a week of changes every minute has 10,080 */

/* What a profile says at a moment. */
struct said {
	const struct ocpp_period *period; /* NULL: nothing */
	int64_t until_us; /* it says the same before; INT64_MAX: for ever */
};

/* What one moment allows, in the request's unit. */
struct limit {
	double rate; /* INFINITY: all */
	int64_t phases;
};

static void sooner(int64_t *until_us, int64_t us)
{
	if (us < *until_us)
		*until_us = us;
}

/* The last period that begins no later; the first begins at 0. */
static size_t period_at(const struct ocpp_profile *profile, int64_t since_us)
{
	size_t low = 0, high = profile->period_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (profile->periods[middle].start_s * US_PER_S <= since_us)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Within a schedule that began at start_us and is over, or begins anew, at end_us. */
static struct said look_in_schedule(const struct ocpp_profile *profile, int64_t start_us, int64_t end_us, int64_t us)
{
	size_t index = period_at(profile, us - start_us);
	struct said said = {&profile->periods[index], end_us};

	if (index + 1 < profile->period_count)
		sooner(&said.until_us, start_us + profile->periods[index + 1].start_s * US_PER_S);
	return said;
}

/* A schedule that has begun at start_us, once. */
static struct said look_once(const struct ocpp_profile *profile, int64_t start_us, int64_t us)
{
	int64_t end_us = INT64_MAX;

	if (us < start_us)
		return (struct said){NULL, start_us};
	if (profile->duration_s != OCPP_NONE)
		end_us = start_us + profile->duration_s * US_PER_S;
	if (us >= end_us)
		return (struct said){NULL, INT64_MAX};
	return look_in_schedule(profile, start_us, end_us, us);
}

/* A schedule that begins anew every `every_s` seconds, at the time of its first start (RecurrencyKind). */
static struct said look_again(const struct ocpp_profile *profile, int64_t every_s, int64_t us)
{
	int64_t every_us = every_s * US_PER_S;

	if (us < profile->start_us)
		return (struct said){NULL, profile->start_us};
	int64_t start_us = us - (us - profile->start_us) % every_us, next_us = start_us + every_us, end_us = next_us;

	if (profile->duration_s != OCPP_NONE && profile->duration_s < every_s)
		end_us = start_us + profile->duration_s * US_PER_S;
	if (us >= end_us)
		return (struct said){NULL, next_us};
	return look_in_schedule(profile, start_us, end_us, us);
}

static struct said look(const struct ocpp_profile *profile, int64_t transaction_us, int64_t us)
{
	struct said said = {NULL, INT64_MAX};

	if (profile->valid_from_us != OCPP_NO_TIME && us < profile->valid_from_us)
		return (struct said){NULL, profile->valid_from_us};
	if (profile->valid_to_us != OCPP_NO_TIME && us >= profile->valid_to_us)
		return said;
	switch (profile->kind) {
	case OCPP_DAILY:
		said = look_again(profile, SECONDS_PER_DAY, us);
		break;
	case OCPP_WEEKLY:
		said = look_again(profile, SECONDS_PER_WEEK, us);
		break;
	case OCPP_ABSOLUTE:
	case OCPP_RELATIVE:
		said = look_once(profile, profile->start_us != OCPP_NO_TIME ? profile->start_us : transaction_us, us);
		break;
	}
	if (profile->valid_to_us != OCPP_NO_TIME)
		sooner(&said.until_us, profile->valid_to_us);
	return said;
}

/* A TxProfile counts for its own transaction only, and when there is one. */
static bool concerns(const struct ocpp_composite *request, const struct ocpp_profile *profile)
{
	if (profile->purpose != OCPP_TX)
		return true;
	return request->transaction_start_us != OCPP_NO_TIME &&
	       (profile->transaction.len == 0 || request->transaction.len == 0 ||
		str_eq(profile->transaction, request->transaction));
}

/* W = A × V × phases: amperes are of each phase, watts of all together (ChargingRateUnit). */
static struct limit converted(const struct ocpp_composite *request, const struct ocpp_profile *profile,
			      const struct ocpp_period *period)
{
	double phases = period->phases == OCPP_NONE ? OCPP_PHASES_DEFAULT : (double)period->phases;
	struct limit limit = {period->limit, period->phases};

	if (profile->unit == OCPP_AMPERES && request->unit == OCPP_WATTS)
		limit.rate = period->limit * request->volts * phases;
	else if (profile->unit == OCPP_WATTS && request->unit == OCPP_AMPERES)
		limit.rate = period->limit / (request->volts * phases);
	return limit;
}

/* What holds at a moment, and until when. */
static struct limit look_at_all(const struct ocpp_composite *request, int64_t us, int64_t *until_us)
{
	const struct ocpp_profile *leading[OCPP_TX + 1] = {NULL};
	const struct ocpp_period *periods[OCPP_TX + 1] = {NULL};
	int64_t transaction_us =
		request->transaction_start_us == OCPP_NO_TIME ? request->from_us : request->transaction_start_us;
	struct limit least = {INFINITY, OCPP_NONE};

	for (size_t i = 0; i < request->profile_count; i++) {
		const struct ocpp_profile *profile = &request->profiles[i];

		if (!concerns(request, profile))
			continue;
		struct said said = look(profile, transaction_us, us);

		sooner(until_us, said.until_us);
		if (!said.period ||
		    (leading[profile->purpose] && leading[profile->purpose]->stack_level >= profile->stack_level))
			continue;
		leading[profile->purpose] = profile;
		periods[profile->purpose] = said.period;
	}
	if (leading[OCPP_TX])
		leading[OCPP_TX_DEFAULT] = NULL;
	for (size_t i = 0; i <= OCPP_TX; i++) {
		if (!leading[i])
			continue;
		struct limit limit = converted(request, leading[i], periods[i]);

		if (limit.rate < least.rate)
			least = limit;
	}
	return least;
}

static enum err_code check(const struct ocpp_composite *request, struct error *err)
{
	if (request->profile_count > OCPP_PROFILES_MAX)
		return err_set(err, ERR_INVALID, "%zu profiles, more than %u", request->profile_count,
			       OCPP_PROFILES_MAX);
	if (request->from_us < 0 || request->from_us > OCPP_TIME_MAX_US || request->duration_s <= 0 ||
	    request->duration_s > OCPP_SPAN_MAX_S)
		return err_set(err, ERR_INVALID, "no span of time that can be looked at");
	if (request->transaction_start_us != OCPP_NO_TIME &&
	    (request->transaction_start_us < 0 || request->transaction_start_us > OCPP_TIME_MAX_US))
		return err_set(err, ERR_INVALID, "the transaction's start is not between 1970 and 9999");
	if (!isfinite(request->volts) || request->volts <= 0)
		return err_set(err, ERR_INVALID, "the voltage is no positive number");
	for (size_t i = 0; i < request->profile_count; i++) {
		enum err_code code = ocpp_profile_check(&request->profiles[i], err);

		if (code)
			return err_while(err, "looking at profile %lld", (long long)request->profiles[i].id);
	}
	return ERR_OK;
}

struct list {
	struct ocpp_period *at;
	size_t count, room;
};

static bool same(const struct ocpp_period *period, const struct limit *limit)
{
	return period->limit == limit->rate && period->phases == limit->phases;
}

static enum err_code append(struct arena *arena, struct list *list, int64_t start_s, const struct limit *limit,
			    struct error *err)
{
	if (list->count > 0 && same(&list->at[list->count - 1], limit))
		return ERR_OK;
	if (list->count == OCPP_PERIODS_MAX)
		return err_set(err, ERR_LIMIT, "a composite schedule of more than %u periods", OCPP_PERIODS_MAX);
	struct ocpp_period *at =
		arena_grow(arena, list->at, list->count, &list->room, sizeof(*list->at), PERIODS_ROOM_FIRST);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory for a composite schedule");
	list->at = at;
	list->at[list->count++] = (struct ocpp_period){start_s, limit->rate, limit->phases};
	return ERR_OK;
}

/* A change within a second counts from the next whole second on, since schedules are told in seconds. */
enum err_code ocpp_composite(struct arena *arena, const struct ocpp_composite *request,
			     const struct ocpp_period **ret_periods, size_t *ret_count, struct error *err)
{
	enum err_code code = check(request, err);
	struct list list = {NULL, 0, 0};
	int64_t at_s = 0;

	for (uint32_t changes = 0; !code && at_s < request->duration_s; changes++) {
		int64_t until_us = INT64_MAX, us = request->from_us + at_s * US_PER_S;
		struct limit limit = look_at_all(request, us, &until_us);

		if (changes == CHANGES_MAX)
			return err_set(err, ERR_LIMIT, "the profiles change more than %u times", CHANGES_MAX);
		code = append(arena, &list, at_s, &limit, err);
		if (until_us == INT64_MAX)
			break;
		at_s = (until_us - request->from_us + US_PER_S - 1) / US_PER_S;
	}
	if (code)
		return code;
	*ret_periods = list.at;
	*ret_count = list.count;
	return ERR_OK;
}
