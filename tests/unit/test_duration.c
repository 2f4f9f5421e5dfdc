/* ISO 8601 durations: what each component is worth, and what is none. */
#include "base/duration.h"
#include "base/time_value.h"
#include "check.h"

static int64_t us(const char *text)
{
	int64_t result = -1;

	return duration_parse_iso(str_from(text), &result) ? result : -1;
}

static void components_are_added(void)
{
	CHECK(us("PT1S") == US_PER_S);
	CHECK(us("PT10M") == 600 * US_PER_S);
	CHECK(us("PT1H30M") == 5400 * US_PER_S);
	CHECK(us("P1D") == US_PER_DAY && us("P1DT1S") == US_PER_DAY + US_PER_S);
	CHECK(us("P2W") == 14 * US_PER_DAY && us("P1M") == 30 * US_PER_DAY && us("P1Y") == 365 * US_PER_DAY);
	CHECK(us("P1Y2M3DT4H5M6S") == (365 + 60 + 3) * US_PER_DAY + (4 * 3600 + 5 * 60 + 6) * US_PER_S);
	CHECK(us("PT0S") == 0);
}

static void the_last_component_may_have_decimals(void)
{
	CHECK(us("PT0.5S") == US_PER_S / 2 && us("PT0,25S") == US_PER_S / 4 && us("PT1.5H") == 5400 * US_PER_S);
	CHECK(us("PT1.5H1S") == -1 && us("PT.5S") == -1 && us("PT1.S") == -1);
}

static void calendar_durations_keep_months_apart(void)
{
	int32_t months = -1;
	int64_t rest_us = -1;

	CHECK(duration_parse_calendar(STR("P1Y2M3DT4H"), &months, &rest_us));
	CHECK(months == 14 && rest_us == 3 * US_PER_DAY + 4 * 3600 * US_PER_S);
	CHECK(duration_parse_calendar(STR("PT0.5S"), &months, &rest_us) && months == 0 && rest_us == US_PER_S / 2);
	CHECK(!duration_parse_calendar(STR("P0.5M"), &months, &rest_us));
	CHECK(duration_parse_calendar(STR("P10000Y"), &months, &rest_us) && months == DURATION_MONTHS_MAX);
	CHECK(!duration_parse_calendar(STR("P10000Y1M"), &months, &rest_us));
	CHECK(!duration_parse_calendar(STR("P1"), &months, &rest_us));
}

static void what_is_none_is_refused(void)
{
	static const char *const texts[] = {"",       "P",
					    "PT",     "1S",
					    "P1S",    "PT1D",
					    "P1",     "PT1",
					    "p1d",    "P1DT",
					    "P-1D",   "+P1D",
					    "P1H",    "PT1S1M",
					    "P1D1Y",  "P1D1D",
					    "PT1S ",  "P 1D",
					    "PTT1S",  "P1Y2M3",
					    "PT1e3S", "P99999999999999999999D"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!CHECK(us(texts[i]) == -1))
			printf("# \"%s\"\n", texts[i]);
}

static void very_long_ones_are_cut(void)
{
	CHECK(us("P999999999999999999Y") == INT64_MAX);
}

static void settings_have_units(void)
{
	uint64_t s = 0;

	CHECK(duration_parse_seconds(STR("90 s"), &s) && s == 90);
	CHECK(duration_parse_seconds(STR("15min"), &s) && s == 900);
	CHECK(duration_parse_seconds(STR("1 H"), &s) && s == 3600);
	CHECK(duration_parse_seconds(STR("7 d"), &s) && s == 604800);
	CHECK(duration_parse_seconds(STR("30"), &s) && s == 30);
	static const char *const none[] = {"", "s", "1 m", "1.5 h", "-1 s", "1 s s", "213503982334602 d", "1 week"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK(!duration_parse_seconds(str_from(none[i]), &s));
}

int main(void)
{
	RUN(components_are_added);
	RUN(the_last_component_may_have_decimals);
	RUN(calendar_durations_keep_months_apart);
	RUN(what_is_none_is_refused);
	RUN(very_long_ones_are_cut);
	RUN(settings_have_units);
	return check_done();
}
