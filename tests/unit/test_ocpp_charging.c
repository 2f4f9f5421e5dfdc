/* Goal: charging profiles are written as either version has them, what no station could do is refused, and several
 * together allow what the rules of OCPP 1.6 edition 2, 3.13 say. Method: schedules put together by hand; messages by
 * hand after section 7 and 2.0.1's ChargingProfileType; and random profiles against a slow model that asks each second
 * anew. */
#include "ocpp_desk.h"

#define T0 DESK_START_US /* a Thursday */
#define AT(seconds) (T0 + (seconds)*US_PER_S)
#define ARENA_BYTES (16u << 20)
#define PERIODS(list) .periods = (list), .period_count = sizeof(list) / sizeof((list)[0])
/* A profile without bounds; a start of OCPP_NO_TIME and a duration of OCPP_NONE are none. */
#define PROFILE(start, duration)                                                                                       \
	.start_us = (start), .duration_s = (duration), .valid_from_us = OCPP_NO_TIME, .valid_to_us = OCPP_NO_TIME,     \
	.rate_min = NAN

static struct arena arena;

static const struct ocpp_period flat_10[] = {{0, 10, OCPP_NONE}}, flat_20[] = {{0, 20, OCPP_NONE}};

/* "0:8000 600:5000" */
static void check_composite(const struct ocpp_composite *request, const char *expected)
{
	const struct ocpp_period *periods = NULL;
	size_t count = 0;
	struct error err;
	struct buf buf;

	if (!CHECK_OK(ocpp_composite(&arena, request, &periods, &count, &err), &err))
		return;
	buf_init(&buf, 10000);
	for (size_t i = 0; i < count; i++)
		buf_printf(&buf, "%s%lld:%.12g", i ? " " : "", (long long)periods[i].start_s, periods[i].limit);
	CHECK_STR(buf_str(&buf), str_from(expected));
	buf_done(&buf);
}

static struct ocpp_composite request_of(const struct ocpp_profile *profiles, size_t count, int64_t duration_s)
{
	return (struct ocpp_composite){.profiles = profiles,
				       .profile_count = count,
				       .from_us = T0,
				       .duration_s = duration_s,
				       .unit = OCPP_WATTS,
				       .volts = 230,
				       .transaction_start_us = OCPP_NO_TIME};
}

/* Station: 11 kW, from an hour on 7 kW. Default: 8 kW, from half an hour on 9 kW; above it 5 kW for a quarter of an
 * hour from ten minutes on. Of the transaction, which began 5 minutes before: 10 kW, after 20 minutes 6 kW, 50 minutes
 * in all. */
static void levels_and_purposes_are_combined(void)
{
	static const struct ocpp_period station[] = {{0, 11000, OCPP_NONE}, {3600, 7000, OCPP_NONE}},
					base[] = {{0, 8000, OCPP_NONE}, {1800, 9000, OCPP_NONE}},
					above[] = {{0, 5000, OCPP_NONE}},
					own[] = {{0, 10000, OCPP_NONE}, {1200, 6000, OCPP_NONE}};
	struct ocpp_profile profiles[] = {
		{PROFILE(T0, OCPP_NONE), .id = 1, .purpose = OCPP_STATION_MAX, PERIODS(station)},
		{PROFILE(T0, OCPP_NONE), .id = 2, .purpose = OCPP_TX_DEFAULT, PERIODS(base)},
		{PROFILE(AT(600), 900), .id = 3, .purpose = OCPP_TX_DEFAULT, .stack_level = 1, PERIODS(above)},
		{PROFILE(OCPP_NO_TIME, 3000), .id = 4, .purpose = OCPP_TX, .kind = OCPP_RELATIVE,
		 .transaction = STR("7"), PERIODS(own)},
	};
	struct ocpp_composite request = request_of(profiles, 4, 7200);

	check_composite(&request, "0:8000 600:5000 1500:8000 1800:9000 3600:7000");
	request.transaction_start_us = AT(-300);
	request.transaction = STR("7");
	check_composite(&request, "0:10000 900:6000 2700:9000 3600:7000");
	request.transaction = STR("8");
	check_composite(&request, "0:8000 600:5000 1500:8000 1800:9000 3600:7000");
	request.from_us = AT(1000);
	request.duration_s = 500;
	check_composite(&request, "0:5000");
}

/* 1.6, 3.13.2's kind of calendar: more at night. Every day from 23:00, seven hours of 32 A; else 6 A. */
static void days_repeat(void)
{
	static const struct ocpp_period night[] = {{0, 32, OCPP_NONE}}, day[] = {{0, 6, OCPP_NONE}};
	struct ocpp_profile profiles[] = {
		{PROFILE(AT(-31 * 86400 - 3600), 7 * 3600), .id = 1, .purpose = OCPP_TX_DEFAULT, .stack_level = 1,
		 .kind = OCPP_DAILY, .unit = OCPP_AMPERES, PERIODS(night)},
		{PROFILE(T0, OCPP_NONE), .id = 2, .purpose = OCPP_TX_DEFAULT, .unit = OCPP_AMPERES, PERIODS(day)},
	};
	struct ocpp_composite request = request_of(profiles, 2, 86400);

	request.unit = OCPP_AMPERES;
	check_composite(&request, "0:32 21600:6 82800:32");
	/* It has not begun yet. */
	profiles[0].start_us = AT(82800 + 86400);
	check_composite(&request, "0:6");
}

/* From Monday on 10 W, on Thursday 20 W, from Friday on 30 W: T0 is a Thursday, four days before the next Monday. */
static void weeks_repeat(void)
{
	static const struct ocpp_period week[] = {{0, 10, OCPP_NONE}, {259200, 20, OCPP_NONE}, {345600, 30, OCPP_NONE}};
	struct ocpp_profile profile = {PROFILE(AT(-3 * 86400 - 7 * 86400), OCPP_NONE), .id = 1,
				       .purpose = OCPP_TX_DEFAULT, .kind = OCPP_WEEKLY, PERIODS(week)};
	struct ocpp_composite request = request_of(&profile, 1, 5 * 86400);

	check_composite(&request, "0:20 86400:30 345600:10");
}

static void validity_bounds_profiles(void)
{
	struct ocpp_profile profiles[] = {
		{PROFILE(T0, OCPP_NONE), .id = 1, .purpose = OCPP_TX_DEFAULT, PERIODS(flat_20)},
		{PROFILE(T0, OCPP_NONE), .id = 2, .purpose = OCPP_TX_DEFAULT, .stack_level = 3, PERIODS(flat_10)},
	};
	struct ocpp_composite request = request_of(profiles, 2, 1000);

	profiles[1].valid_from_us = AT(100);
	profiles[1].valid_to_us = AT(200);
	check_composite(&request, "0:20 100:10 200:20");
	/* Seconds are what schedules are told in. */
	profiles[1].valid_from_us = AT(100) + 1;
	check_composite(&request, "0:20 101:10 200:20");
}

static void nothing_said_is_no_limit(void)
{
	struct ocpp_profile profiles[] = {
		{PROFILE(AT(50), 10), .id = 1, .purpose = OCPP_STATION_MAX, PERIODS(flat_20)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .id = 2, .purpose = OCPP_TX, .kind = OCPP_RELATIVE,
		 PERIODS(flat_10)},
	};
	struct ocpp_composite request = request_of(profiles, 2, 1000);

	check_composite(&request, "0:inf 50:20 60:inf");
	request.profile_count = 0;
	check_composite(&request, "0:inf");
	/* A default that counts from the start: of the transaction that is thought to begin now. */
	profiles[1].purpose = OCPP_TX_DEFAULT;
	profiles[1].duration_s = 30;
	request.profile_count = 2;
	check_composite(&request, "0:10 30:inf 50:20 60:inf");
}

/* 16 A on three phases of 230 V are 11,040 W; 32 A on one are 7,360 W. */
static void units_are_turned_into_each_other(void)
{
	static const struct ocpp_period amperes[] = {{0, 16, OCPP_NONE}, {60, 32, 1}}, watts[] = {{0, 11040, 3}};
	struct ocpp_profile profiles[] = {
		{PROFILE(T0, OCPP_NONE), .id = 1, .purpose = OCPP_TX_DEFAULT, .unit = OCPP_AMPERES, PERIODS(amperes)},
		{PROFILE(AT(120), OCPP_NONE), .id = 2, .purpose = OCPP_EXTERNAL_LIMIT, PERIODS(watts)},
	};
	struct ocpp_composite request = request_of(profiles, 2, 1000);

	check_composite(&request, "0:11040 60:7360");
	request.unit = OCPP_AMPERES;
	check_composite(&request, "0:16 60:32 120:16");
}

static void what_cannot_be_put_together_is_refused(void)
{
	static struct ocpp_period many[OCPP_PERIODS_MAX];
	struct ocpp_profile profile = {PROFILE(T0, OCPP_NONE), .id = 1, .purpose = OCPP_TX_DEFAULT, .kind = OCPP_DAILY,
				       PERIODS(many)};
	struct ocpp_composite request = request_of(&profile, 1, 86400);
	const struct ocpp_period *periods = NULL;
	struct error err;
	size_t count = 0;

	for (size_t i = 0; i < OCPP_PERIODS_MAX; i++)
		many[i] = (struct ocpp_period){(int64_t)i, (double)i, OCPP_NONE};
	CHECK_OK(ocpp_composite(&arena, &request, &periods, &count, &err), &err);
	CHECK(count == OCPP_PERIODS_MAX);
	request.duration_s = 2 * 86400;
	CHECK(ocpp_composite(&arena, &request, &periods, &count, &err) == ERR_LIMIT);
	request.duration_s = 0;
	CHECK(ocpp_composite(&arena, &request, &periods, &count, &err) == ERR_INVALID);
	request.duration_s = 1;
	request.volts = 0;
	CHECK(ocpp_composite(&arena, &request, &periods, &count, &err) == ERR_INVALID);
	request.volts = 230;
	many[0].start_s = 1;
	CHECK(ocpp_composite(&arena, &request, &periods, &count, &err) == ERR_INVALID);
}

static void profiles_are_checked(void)
{
	static const struct ocpp_period late[] = {{1, 1, OCPP_NONE}},
					back[] = {{0, 1, OCPP_NONE}, {5, 1, OCPP_NONE}, {5, 1, OCPP_NONE}},
					fine[] = {{0, 0.15, OCPP_NONE}}, below[] = {{0, -1, OCPP_NONE}},
					endless[] = {{0, INFINITY, OCPP_NONE}}, phases[] = {{0, 1, 4}};
	const struct ocpp_profile cases[] = {
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .id = -1, PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .stack_level = -1, PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .purpose = OCPP_TX_DEFAULT, .transaction = STR("7"),
		 PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .purpose = OCPP_STATION_MAX, .kind = OCPP_RELATIVE,
		 PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .kind = OCPP_DAILY, PERIODS(flat_10)},
		{PROFILE(T0, OCPP_NONE), .kind = OCPP_RELATIVE, .purpose = OCPP_TX, PERIODS(flat_10)},
		{PROFILE(-5, OCPP_NONE), PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, 0), PERIODS(flat_10)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), .periods = NULL},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(late)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(back)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(fine)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(below)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(endless)},
		{PROFILE(OCPP_NO_TIME, OCPP_NONE), PERIODS(phases)},
	};
	struct ocpp_profile good = {PROFILE(T0, OCPP_NONE), PERIODS(flat_10)};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(ocpp_profile_check(&cases[i], &err) == ERR_INVALID))
			printf("# case %zu\n", i);
	good.rate_min = 0.3;
	good.valid_from_us = T0;
	good.valid_to_us = T0 + 1;
	CHECK_OK(ocpp_profile_check(&good, &err), &err);
	good.valid_to_us = T0;
	CHECK(ocpp_profile_check(&good, &err) == ERR_INVALID);
	good.valid_to_us = OCPP_NO_TIME;
	good.rate_min = 0.25;
	CHECK(ocpp_profile_check(&good, &err) == ERR_INVALID);
}

static void profiles_are_written_for_either_version(void)
{
	static const struct ocpp_period periods[] = {{0, 16.1, 3}, {3600, 0, OCPP_NONE}};
	struct ocpp_profile profile = {.id = 5,
				       .stack_level = 2,
				       .purpose = OCPP_TX,
				       .kind = OCPP_DAILY,
				       .valid_from_us = T0,
				       .valid_to_us = AT(86400),
				       .transaction = STR("7"),
				       .unit = OCPP_AMPERES,
				       .start_us = T0,
				       .duration_s = 7200,
				       .rate_min = 6,
				       PERIODS(periods)};
	struct ocpp_command command = {.kind = OCPP_COMMAND_SET_PROFILE, .place = {1, OCPP_NONE}, .profile = &profile};
	struct desk desk;

	desk_open(&desk, OCPP_1_6);
	desk_order(&desk, &command);
	CHECK_STR(desk_last(&desk.sent),
		  STR("[2,\"100\",\"SetChargingProfile\",{\"connectorId\":1,\"csChargingProfiles\":{"
		      "\"chargingProfileId\":5,\"transactionId\":7,\"stackLevel\":2,\"chargingProfilePurpose\":"
		      "\"TxProfile\",\"chargingProfileKind\":\"Recurring\",\"recurrencyKind\":\"Daily\",\"validFrom\":"
		      "\"2026-01-01T00:00:00Z\",\"validTo\":\"2026-01-02T00:00:00Z\",\"chargingSchedule\":{"
		      "\"startSchedule\":\"2026-01-01T00:00:00Z\",\"duration\":7200,\"chargingRateUnit\":\"A\","
		      "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16.1,\"numberPhases\":3},"
		      "{\"startPeriod\":3600,\"limit\":0}],\"minChargingRate\":6}}}]"));
	desk_close(&desk);
	desk_open(&desk, OCPP_2_0_1);
	desk_order(&desk, &command);
	CHECK_STR(desk_last(&desk.sent),
		  STR("[2,\"100\",\"SetChargingProfile\",{\"evseId\":1,\"chargingProfile\":{\"id\":5,\"transactionId\":"
		      "\"7\",\"stackLevel\":2,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":"
		      "\"Recurring\",\"recurrencyKind\":\"Daily\",\"validFrom\":\"2026-01-01T00:00:00Z\",\"validTo\":"
		      "\"2026-01-02T00:00:00Z\",\"chargingSchedule\":[{\"id\":5,\"startSchedule\":"
		      "\"2026-01-01T00:00:00Z\",\"duration\":7200,\"chargingRateUnit\":\"A\","
		      "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16.1,\"numberPhases\":3},"
		      "{\"startPeriod\":3600,\"limit\":0}],\"minChargingRate\":6}]}}]"));
	desk_close(&desk);
}

static enum err_code set(enum ocpp_version version, int64_t evse, const struct ocpp_profile *profile)
{
	struct ocpp_command command = {
		.kind = OCPP_COMMAND_SET_PROFILE, .place = {evse, OCPP_NONE}, .profile = profile};
	struct desk desk;

	desk_open(&desk, version);
	enum err_code code = desk_order_fails(&desk, &command);

	desk_close(&desk);
	return code;
}

static void purposes_have_their_places(void)
{
	struct ocpp_profile most = {PROFILE(T0, OCPP_NONE), .purpose = OCPP_STATION_MAX, PERIODS(flat_10)},
			    own = {PROFILE(T0, OCPP_NONE), .purpose = OCPP_TX, PERIODS(flat_10)},
			    outside = {PROFILE(T0, OCPP_NONE), .purpose = OCPP_EXTERNAL_LIMIT, PERIODS(flat_10)};

	CHECK(set(OCPP_1_6, 0, &most) == ERR_OK && set(OCPP_1_6, 1, &most) == ERR_INVALID);
	CHECK(set(OCPP_1_6, 1, &own) == ERR_OK && set(OCPP_1_6, 0, &own) == ERR_INVALID);
	CHECK(set(OCPP_2_0_1, 1, &own) == ERR_INVALID); /* names no transaction */
	own.transaction = STR("T-1");
	CHECK(set(OCPP_2_0_1, 1, &own) == ERR_OK && set(OCPP_1_6, 1, &own) == ERR_INVALID);
	CHECK(set(OCPP_2_0_1, 0, &outside) == ERR_INVALID && set(OCPP_1_6, 0, &outside) == ERR_INVALID);
	most.start_us = OCPP_NO_TIME;
	CHECK(set(OCPP_2_0_1, 0, &most) == ERR_INVALID && set(OCPP_1_6, 0, &most) == ERR_OK);
}

static void a_start_may_bring_a_profile(void)
{
	struct ocpp_profile profile = {PROFILE(OCPP_NO_TIME, OCPP_NONE), .id = 1, .purpose = OCPP_TX,
				       .kind = OCPP_RELATIVE, PERIODS(flat_10)};
	struct ocpp_command command = {.kind = OCPP_COMMAND_START,
				       .place = {1, OCPP_NONE},
				       .start = {.token = {.id = STR("A")}, .remote_start = 1, .profile = &profile}};
	struct desk desk;

	desk_open(&desk, OCPP_2_0_1);
	desk_order(&desk, &command);
	CHECK(str_contains(desk_last(&desk.sent), STR("\"chargingProfile\":{\"id\":1,")));
	profile.transaction = STR("7");
	CHECK(desk_order_fails(&desk, &command) == ERR_INVALID);
	profile.transaction = STR_NONE;
	profile.purpose = OCPP_TX_DEFAULT;
	CHECK(desk_order_fails(&desk, &command) == ERR_INVALID);
	desk_close(&desk);
}

/* The model: a profile's word at one second, found by counting up. */
static const struct ocpp_period *model_of(const struct ocpp_profile *profile, int64_t tx_us, int64_t us)
{
	int64_t every_s = profile->kind == OCPP_DAILY ? 86400 : profile->kind == OCPP_WEEKLY ? 7 * 86400 : 0;
	int64_t start_us = profile->kind == OCPP_RELATIVE ? tx_us : profile->start_us;
	const struct ocpp_period *found = NULL;

	if ((profile->valid_from_us != OCPP_NO_TIME && us < profile->valid_from_us) ||
	    (profile->valid_to_us != OCPP_NO_TIME && us >= profile->valid_to_us))
		return NULL;
	while (every_s && start_us + every_s * US_PER_S <= us)
		start_us += every_s * US_PER_S;
	int64_t since_s = (us - start_us) / US_PER_S;

	if (us < start_us || (profile->duration_s != OCPP_NONE && since_s >= profile->duration_s))
		return NULL;
	for (size_t i = 0; i < profile->period_count; i++)
		if (profile->periods[i].start_s <= since_s)
			found = &profile->periods[i];
	return found;
}

static double model_limit(const struct ocpp_composite *request, int64_t us)
{
	double limits[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
	int64_t levels[4] = {-1, -1, -1, -1};

	for (size_t i = 0; i < request->profile_count; i++) {
		const struct ocpp_profile *profile = &request->profiles[i];
		const struct ocpp_period *period = model_of(profile, request->transaction_start_us, us);

		if (period && profile->stack_level > levels[profile->purpose]) {
			levels[profile->purpose] = profile->stack_level;
			limits[profile->purpose] = period->limit;
		}
	}
	double tx = levels[OCPP_TX] >= 0 ? limits[OCPP_TX] : limits[OCPP_TX_DEFAULT];

	return fmin(tx, fmin(limits[OCPP_STATION_MAX], limits[OCPP_EXTERNAL_LIMIT]));
}

/* splitmix64, from its public description. */
static int64_t draw(uint64_t *state, int64_t below)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (int64_t)((z ^ (z >> 31)) % (uint64_t)below);
}

static void draw_profile(uint64_t *state, int64_t level, struct ocpp_profile *profile, struct ocpp_period *periods)
{
	size_t count = (size_t)draw(state, 4) + 1;

	for (size_t i = 0; i < count; i++)
		periods[i] = (struct ocpp_period){i ? periods[i - 1].start_s + 1 + draw(state, 400) : 0,
						  (double)draw(state, 50), OCPP_NONE};
	*profile = (struct ocpp_profile){PROFILE(OCPP_NO_TIME, OCPP_NONE),
					 .id = level,
					 .stack_level = level,
					 .purpose = (enum ocpp_purpose)draw(state, 4),
					 .kind = (enum ocpp_profile_kind)draw(state, 4),
					 .periods = periods,
					 .period_count = count};
	if (profile->purpose == OCPP_STATION_MAX && profile->kind == OCPP_RELATIVE)
		profile->kind = OCPP_ABSOLUTE;
	if (profile->kind != OCPP_RELATIVE)
		profile->start_us = AT(draw(state, 3000) - 1000 - 86400 * draw(state, 20));
	if (draw(state, 2))
		profile->duration_s = 1 + draw(state, 2000);
	if (draw(state, 3) == 0)
		profile->valid_from_us = AT(draw(state, 1000));
	if (draw(state, 3) == 0)
		profile->valid_to_us = AT(1000 + draw(state, 1000));
}

static void random_profiles_agree_with_a_slow_model(void)
{
	struct ocpp_period periods[6][4];
	struct ocpp_profile profiles[6];
	uint64_t state = 4711;

	for (int round = 0; round < 200; round++) {
		struct ocpp_composite request = request_of(profiles, 6, 2000);
		const struct ocpp_period *result = NULL;
		size_t count = 0, at = 0;
		struct error err;
		bool good = true;

		for (size_t i = 0; i < 6; i++)
			draw_profile(&state, (int64_t)i, &profiles[i], periods[i]);
		request.transaction_start_us = AT(draw(&state, 1000) - 500);
		if (!CHECK_OK(ocpp_composite(&arena, &request, &result, &count, &err), &err))
			return;
		for (int64_t second = 0; second < 2000; second++) {
			while (at + 1 < count && result[at + 1].start_s <= second)
				at++;
			good = good && result[at].limit == model_limit(&request, AT(second));
		}
		CHECK(good);
		arena_clear(&arena);
	}
}

int main(void)
{
	arena_init(&arena, ARENA_BYTES);
	RUN(levels_and_purposes_are_combined);
	RUN(days_repeat);
	RUN(weeks_repeat);
	RUN(validity_bounds_profiles);
	RUN(nothing_said_is_no_limit);
	RUN(units_are_turned_into_each_other);
	RUN(what_cannot_be_put_together_is_refused);
	RUN(profiles_are_checked);
	RUN(profiles_are_written_for_either_version);
	RUN(purposes_have_their_places);
	RUN(a_start_may_bring_a_profile);
	RUN(random_profiles_agree_with_a_slow_model);
	arena_done(&arena);
	return check_done();
}
