/* The synthetic meters: a household of appliances with a random switch each, minute by minute.
 *
 * All of it is arithmetic on doubles with a generator of our own, so that it is fast (2,000 meters and a day in well
 * under a second) and the same everywhere IEEE arithmetic is. The figures of the appliances are round numbers of what
 * such things draw; only their mixture matters here. */
#include "meters.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct meters_field_info meters_fields[METERS_FIELDS] = {
	[METERS_POWER] = {"power", 3},
	[METERS_VOLTAGE] = {"voltage", 1},
	[METERS_ENERGY] = {"energy", 2},
	[METERS_FACTOR] = {"powerFactor", 2},
};

#define MINUTES_A_DAY 1440u
#define WATT_MINUTES_A_STEP 600.0 /* of the register: 0.01 kWh */
#define DECIMALS_MAX 3u

/* When people do something: weight by hour of day, mean about 1. */
enum habit { ALWAYS, MEALS, EVENING, DAYTIME };
static const double habits[][24] = {
	[ALWAYS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	[MEALS] = {.1, .1, .0, .0, .1, .5, 2., 3., 1.5, .8, .8, 1.5, 2., 1., .6, .6, 1., 2., 3., 2., 1., .6, .4, .2},
	[EVENING] = {.5, .2, .1, .1, .1,  .3, 1., 1.,  .4, .3,  .3,  .3,
		     .4, .4, .4, .6, 1.2, 2., 3., 3.2, 3., 2.5, 1.5, .8},
	[DAYTIME] = {.1,  .1,  .1,  .1,  .1,  .3,  .6,  1., 1.6, 2., 2., 1.8,
		     1.6, 1.6, 1.8, 1.8, 1.6, 1.4, 1.2, 1., .8,  .6, .4, .2},
};

struct appliance {
	double watts;
	double minutes; /* it runs for, in the mean */
	double starts_a_day;
	double reactive; /* var for each watt */
	double flicker; /* part of its watts by which a minute differs from the next */
	enum habit habit;
};

static const struct appliance appliances[] = {
	{2000, 3, 4, 0.0, .004, MEALS}, /* kettle */
	{1800, 25, .8, 0.0, .10, MEALS}, /* oven and hob */
	{1100, 4, 2, 0.3, .02, MEALS}, /* microwave oven */
	{900, 35, 6, 0.4, .03, ALWAYS}, /* heat pump, or water heater */
	{450, 70, .5, 0.6, .20, DAYTIME}, /* washing */
	{140, 150, 1.5, 0.3, .06, EVENING}, /* television */
	{90, 160, 2, 0.1, .01, EVENING}, /* lights */
	{110, 180, 1, 0.4, .12, DAYTIME}, /* computers */
	{85, 22, 24, 0.6, .02, ALWAYS}, /* refrigerator */
};
#define APPLIANCES (sizeof(appliances) / sizeof(appliances[0]))

struct household {
	uint64_t state; /* of its generator */
	double base_watts, base_reactive, base_flicker;
	double scale[APPLIANCES], left[APPLIANCES]; /* minutes that it still runs */
	double volts, volts_drift, ohms;
	double register_steps; /* of 0.01 kWh */
};

/* splitmix64 (Steele, Lea, Flood 2014): [0, 1). */
static double draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Mean 0, deviation 1: the sum of three uniform ones comes near enough to the normal distribution. */
static double draw_around_zero(uint64_t *state)
{
	double a = draw(state), b = draw(state);

	return (a + b + draw(state) - 1.5) * 2.0;
}

static struct household move_in(uint64_t seed, uint32_t meter)
{
	struct household house = {.state = (seed << 32) ^ ((uint64_t)meter * UINT64_C(0xd1342543de82ef95))};
	uint64_t *state = &house.state;

	(void)draw(state);
	house.base_watts = 60 + 180 * draw(state) * draw(state);
	house.base_reactive = 0.2 + 0.5 * draw(state);
	house.base_flicker = 3.0 + 10.0 * draw(state);
	for (size_t i = 0; i < APPLIANCES; i++) {
		house.scale[i] = 0.6 + 0.8 * draw(state);
		house.left[i] = 0;
	}
	house.volts = 228 + 5 * draw(state);
	house.ohms = 0.1 + 0.3 * draw(state);
	house.register_steps = floor(100 * (500 + 30000 * draw(state))) + draw(state);
	return house;
}

/* The part of this minute for which an appliance runs. */
static double run_appliance(struct household *house, size_t index, const double *hours)
{
	const struct appliance *appliance = &appliances[index];
	double left = house->left[index];

	if (left <= 0) {
		if (draw(&house->state) * MINUTES_A_DAY >= appliance->starts_a_day * *hours)
			return 0;
		double part = draw(&house->state); /* begins within the minute */

		house->left[index] = appliance->minutes * (0.4 + 1.2 * draw(&house->state));
		return part;
	}
	house->left[index] = left - 1;
	return left < 1 ? left : 1;
}

static void live_a_minute(struct household *house, uint32_t minute, int32_t ret[METERS_FIELDS])
{
	unsigned hour = minute % MINUTES_A_DAY / 60;
	double watts = house->base_watts + house->base_flicker * draw_around_zero(&house->state);
	double reactive = house->base_reactive * house->base_watts;

	for (size_t i = 0; i < APPLIANCES; i++) {
		double part = run_appliance(house, i, &habits[appliances[i].habit][hour]);

		if (part <= 0)
			continue;
		double drawn = appliances[i].watts * house->scale[i] * part *
			       (1 + appliances[i].flicker * draw_around_zero(&house->state));

		watts += drawn;
		reactive += drawn * appliances[i].reactive;
	}
	watts = fmax(1, round(watts));
	house->register_steps += watts / WATT_MINUTES_A_STEP;
	house->volts_drift = 0.998 * house->volts_drift + 0.1 * draw_around_zero(&house->state);
	double volts =
		house->volts + house->volts_drift - house->ohms * watts / 230 + 0.3 * draw_around_zero(&house->state);
	double factor = watts / sqrt(watts * watts + reactive * reactive) + 0.007 * draw_around_zero(&house->state);

	ret[METERS_POWER] = (int32_t)watts;
	ret[METERS_VOLTAGE] = (int32_t)lround(volts * 10);
	ret[METERS_ENERGY] = (int32_t)floor(house->register_steps);
	ret[METERS_FACTOR] = (int32_t)lround(fmin(1, factor) * 100);
}

struct meters meters_new(uint64_t seed, uint32_t first_meter, uint32_t meters, uint32_t minutes)
{
	struct meters set = {meters, minutes, NULL};

	set.values = calloc((size_t)meters * METERS_FIELDS * minutes, sizeof(*set.values));
	for (uint32_t meter = 0; set.values && meter < meters; meter++) {
		struct household house = move_in(seed, first_meter + meter);
		int32_t *at = set.values + (size_t)meter * METERS_FIELDS * minutes;

		for (uint32_t minute = 0; minute < minutes; minute++) {
			int32_t now[METERS_FIELDS];

			live_a_minute(&house, minute, now);
			for (size_t field = 0; field < METERS_FIELDS; field++)
				at[field * minutes + minute] = now[field];
		}
	}
	return set;
}

void meters_done(struct meters *set)
{
	free(set->values);
	set->values = NULL;
}

static const int32_t powers_of_ten[DECIMALS_MAX + 1] = {1, 10, 100, 1000};

double meters_double(int32_t value, enum meters_field field)
{
	return (double)value / powers_of_ten[meters_fields[field].decimals];
}

size_t meters_text(int32_t value, enum meters_field field, int all_decimals, char out[METERS_TEXT_BYTES])
{
	char digits[METERS_TEXT_BYTES];
	unsigned decimals = meters_fields[field].decimals;
	size_t count = 0, len = 0;

	assert(value >= 0);
	for (; !all_decimals && decimals > 0 && value % 10 == 0; decimals--)
		value /= 10;
	for (; value > 0 || count <= decimals; value /= 10)
		digits[count++] = (char)('0' + value % 10);
	while (count > 0) {
		if (count == decimals)
			out[len++] = '.';
		out[len++] = digits[--count];
	}
	return len;
}

/* ---- how much is in it ---- */

#define RESIDUAL_MAX 65536 /* residuals beyond count as one */

static double entropy_bytes(const uint32_t *counts, size_t count)
{
	double total = 0, bits = 0;

	for (size_t i = 0; i < count; i++)
		total += counts[i];
	for (size_t i = 0; i < count; i++)
		if (counts[i])
			bits -= counts[i] * log2(counts[i] / total);
	return total > 0 ? bits / total / 8 : 0;
}

static void count_residual(uint32_t *counts, int64_t residual)
{
	if (residual < -RESIDUAL_MAX || residual > RESIDUAL_MAX)
		residual = RESIDUAL_MAX;
	counts[residual + RESIDUAL_MAX]++;
}

struct meters_entropy meters_entropy(const struct meters *set, enum meters_field field)
{
	size_t room = 2 * (size_t)RESIDUAL_MAX + 1;
	uint32_t *counts = calloc(2 * room, sizeof(*counts));
	struct meters_entropy entropy = {-1, -1};

	if (!counts)
		return entropy;
	for (uint32_t meter = 0; meter < set->meters; meter++) {
		const int32_t *at = meters_series(set, meter, field);

		for (uint32_t i = 2; i < set->minutes; i++) {
			count_residual(counts, (int64_t)at[i] - at[i - 1]);
			count_residual(counts + room, (int64_t)at[i] - 2 * (int64_t)at[i - 1] + at[i - 2]);
		}
	}
	entropy = (struct meters_entropy){entropy_bytes(counts, room), entropy_bytes(counts + room, room)};
	free(counts);
	return entropy;
}
