/* Members of payloads, and the values of meters. */
#include "ocpp/read_int.h"

#include "ocpp/schema.h"
#include "ocpp/session.h"

#include <math.h>

#define POWER_MAX 308 /* of ten, in a double */
#define WH_PER_KWH 1000.0

const struct json *ocpp_member(const struct json *object, const char *name)
{
	return json_get(object, str_from(name));
}

struct str ocpp_text_of(const struct json *object, const char *name)
{
	return json_text(ocpp_member(object, name));
}

int64_t ocpp_integer_of(const struct json *object, const char *name)
{
	int64_t number = OCPP_NONE;

	return ocpp_integer(ocpp_member(object, name), &number) ? number : OCPP_NONE;
}

int64_t ocpp_time_of(const struct json *object, const char *name)
{
	int64_t us = OCPP_NO_TIME;

	return ocpp_time(ocpp_member(object, name), &us) ? us : OCPP_NO_TIME;
}

bool ocpp_truth_of(const struct json *object, const char *name)
{
	const struct json *node = ocpp_member(object, name);

	return json_is(node, JSON_BOOL) && node->boolean;
}

static struct str text_or(const struct json *object, const char *name, struct str otherwise)
{
	struct str text = ocpp_text_of(object, name);

	return text.at ? text : otherwise;
}

/* value × 10^power. A division by a power of ten is rounded once, where a product with 0.001 would be twice. */
static double scaled(double value, int64_t power)
{
	if (power > POWER_MAX || power < -POWER_MAX)
		return value == 0 ? 0 : NAN;
	double result = power < 0 ? value / pow(10, (double)-power) : value * pow(10, (double)power);

	return isfinite(result) ? result : NAN;
}

static void read_16(const struct json *node, struct ocpp_sample *sample)
{
	sample->text = ocpp_text_of(node, "value");
	sample->is_signed = str_eq(ocpp_text_of(node, "format"), STR("SignedData"));
	sample->value = NAN;
	if (!sample->is_signed)
		(void)str_to_double(str_trim(sample->text), &sample->value);
	sample->unit = ocpp_text_of(node, "unit");
	/* The specification's own slip, mended in its errata: stations send either. */
	if (str_eq(sample->unit, STR("Celcius")))
		sample->unit = STR("Celsius");
}

static void read_201(const struct json *node, struct ocpp_sample *sample)
{
	const struct json *value = ocpp_member(node, "value"), *unit = ocpp_member(node, "unitOfMeasure"),
			  *signed_value = ocpp_member(node, "signedMeterValue"),
			  *power = ocpp_member(unit, "multiplier");
	int64_t exponent = 0;

	(void)ocpp_integer(power, &exponent);
	sample->value = value ? scaled(value->number, exponent) : NAN;
	sample->is_signed = signed_value != NULL;
	sample->text = ocpp_text_of(signed_value, "signedMeterData");
	sample->unit = ocpp_text_of(unit, "unit");
}

static void read_sample(enum ocpp_version version, int64_t at_us, const struct json *node, struct ocpp_sample *sample)
{
	*sample = (struct ocpp_sample){
		.at_us = at_us,
		.measurand = text_or(node, "measurand", STR("Energy.Active.Import.Register")),
		.phase = ocpp_text_of(node, "phase"),
		.location = text_or(node, "location", STR("Outlet")),
		.context = text_or(node, "context", STR("Sample.Periodic")),
	};
	if (version == OCPP_1_6)
		read_16(node, sample);
	else
		read_201(node, sample);
	if (!sample->unit.at && str_starts(sample->measurand, STR("Energy.")))
		sample->unit = STR("Wh");
}

bool ocpp_samples_read(struct arena *arena, enum ocpp_version version, const struct json *list,
		       struct ocpp_samples *ret_samples, struct ocpp_fault *fault)
{
	size_t count = 0, filled = 0;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct json *values = ocpp_member(json_at(list, i), "sampledValue");

		count += values ? values->count : 0;
	}
	if (count > OCPP_SAMPLES_MAX)
		return ocpp_fault_set(fault, OCPP_OCCURRENCE_VIOLATION, "%zu sampled values, more than %u", count,
				      OCPP_SAMPLES_MAX);
	struct ocpp_sample *samples = arena_array(arena, struct ocpp_sample, count);

	if (!samples)
		return ocpp_fault_set(fault, OCPP_INTERNAL_ERROR, "no memory");
	for (size_t i = 0; list && i < list->count; i++) {
		const struct json *meter = json_at(list, i), *values = ocpp_member(meter, "sampledValue");
		int64_t at_us = ocpp_time_of(meter, "timestamp");

		for (size_t k = 0; values && k < values->count; k++)
			read_sample(version, at_us, json_at(values, k), &samples[filled++]);
	}
	*ret_samples = (struct ocpp_samples){samples, count};
	return true;
}

double ocpp_samples_register(struct ocpp_samples samples, struct str context)
{
	for (size_t i = 0; i < samples.count; i++) {
		const struct ocpp_sample *sample = &samples.at[i];

		if (!str_eq(sample->measurand, STR("Energy.Active.Import.Register")) || sample->phase.len > 0 ||
		    !str_eq(sample->context, context) || !str_eq(sample->location, STR("Outlet")))
			continue;
		if (str_eq(sample->unit, STR("kWh")))
			return sample->value * WH_PER_KWH;
		if (str_eq(sample->unit, STR("Wh")))
			return sample->value;
	}
	return NAN;
}
