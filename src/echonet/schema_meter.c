/* Meters and sensors: electricity at low and high voltage and at the distribution board, gas, water, air. */
#include "echonet/schema_int.h"

#define AS_SIGNED ECHONET_SIGNED
#define AS_UNSIGNED ECHONET_UNSIGNED
#define S32_MIN (-2147483647)
#define S32_MAX 2147483645 /* 7FFFFFFE: no data */

/* 0288: what is read × coefficient (D3) × unit (E1). */
static const struct echonet_field low_voltage_meter[] = {
	FIXED(0xc0, 16, ECHONET_BYTES, "routeBId"),
	{.name = "cumulativeElectricEnergyAtEveryMinuteNormalDirection",
	 .unit = KILOWATT_HOUR,
	 .max = EIGHT_DIGITS,
	 .epc = 0xd0,
	 .bytes = 15,
	 .at = 7,
	 .size = 4,
	 .timed = true,
	 .factors = {0xd3, 0xe1}},
	{.name = "cumulativeElectricEnergyAtEveryMinuteReverseDirection",
	 .unit = KILOWATT_HOUR,
	 .max = EIGHT_DIGITS,
	 .epc = 0xd0,
	 .bytes = 15,
	 .at = 11,
	 .size = 4,
	 .timed = true,
	 .factors = {0xd3, 0xe1}},
	FIXED_NUMBER(0xd3, 4, 0, 0, SIX_DIGITS, NULL, "coefficient"),
	FIXED_NUMBER(0xd7, 1, 0, 1, 8, NULL, "numberOfEffectiveDigitsCumulativeElectricEnergy"),
	SCALED(0xe0, 4, 0, EIGHT_DIGITS, KILOWATT_HOUR, "normalDirectionCumulativeElectricEnergy", 0xd3, 0xe1),
	FIXED(0xe1, 1, ECHONET_POWER, "unitForCumulativeElectricEnergy"),
	SCALED(0xe3, 4, 0, EIGHT_DIGITS, KILOWATT_HOUR, "reverseDirectionCumulativeElectricEnergy", 0xd3, 0xe1),
	SIGNED(0xe7, 4, 0, S32_MIN, S32_MAX, WATT, "instantaneousElectricPower"),
	PART(0xe8, 4, 0, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "instantaneousCurrentRPhase"),
	PART(0xe8, 4, 2, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "instantaneousCurrentTPhase"),
	TIMED(0xea, EIGHT_DIGITS, KILOWATT_HOUR, "normalDirectionCumulativeElectricEnergyAtEvery30Min", 0xd3, 0xe1),
	TIMED(0xeb, EIGHT_DIGITS, KILOWATT_HOUR, "reverseDirectionCumulativeElectricEnergyAtEvery30Min", 0xd3, 0xe1),
};

/* 028A: energy × D3 × D4 × E6, demand × D3 × D4 × C5 (C7 for the cumulative maximum), reactive energy × D3 × D4 ×
 * CD. */
static const struct echonet_field high_voltage_meter[] = {
	SCALED(0xc1, 4, 0, EIGHT_DIGITS, KILOWATT, "monthlyMaximumElectricPowerDemand", 0xd3, 0xd4, 0xc5),
	SCALED(0xc2, 4, 0, EIGHT_DIGITS, KILOWATT, "cumulativeMaximumElectricPowerDemand", 0xd3, 0xd4, 0xc7),
	TIMED(0xc3, EIGHT_DIGITS, KILOWATT, "averageElectricPowerDemand", 0xd3, 0xd4, 0xc5),
	FIXED_NUMBER(0xc4, 1, 0, 1, 8, NULL, "numberOfEffectiveDigitsOfElectricPowerDemand"),
	FIXED(0xc5, 1, ECHONET_POWER, "unitOfElectricPowerDemand"),
	FIXED(0xc7, 1, ECHONET_POWER, "unitOfCumulativeMaxElectricPowerDemand"),
	TIMED(0xca, EIGHT_DIGITS, KILOVAR_HOUR, "cumulativeReactiveElectricEnergy", 0xd3, 0xd4, 0xcd),
	TIMED(0xcb, EIGHT_DIGITS, KILOVAR_HOUR, "cumulativeReactiveElectricEnergyAtEvery30Min", 0xd3, 0xd4, 0xcd),
	FIXED(0xcd, 1, ECHONET_POWER, "unitForCumulativeReactiveElectricEnergy"),
	FIXED_NUMBER(0xd3, 4, 0, 0, SIX_DIGITS, NULL, "coefficient"),
	FIXED(0xd4, 1, ECHONET_POWER, "multiplyingFactorForCoefficient"),
	FIXED_NUMBER(0xe0, 1, 0, 1, 31, NULL, "fixedDate"),
	TIMED(0xe2, EIGHT_DIGITS, KILOWATT_HOUR, "cumulativeActiveElectricEnergy", 0xd3, 0xd4, 0xe6),
	TIMED(0xe3, EIGHT_DIGITS, KILOWATT_HOUR, "cumulativeActiveElectricEnergyAtEvery30Min", 0xd3, 0xd4, 0xe6),
	TIMED(0xe4, EIGHT_DIGITS, KILOWATT_HOUR, "cumulativeActiveElectricEnergyForPowerFactor", 0xd3, 0xd4, 0xe6),
	FIXED_NUMBER(0xe5, 1, 0, 1, 8, NULL, "numberOfEffectiveDigitsForCumulativeActiveElectricEnergy"),
	FIXED(0xe6, 1, ECHONET_POWER, "unitOfCumulativeEffectiveElectricEnergy"),
};

#define CHANNEL(offset, length, the_form, scale, low, high, the_unit, the_name, ...)                                   \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = 0xd0, .epc_last = 0xef,    \
		.bytes = 8, .at = (offset), .size = (length), .form = (the_form), .exponent = (scale), .factors = {    \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

/* 0287: energies × unit (C2). D0 to EF are the channels 1 to 32. */
static const struct echonet_field distribution_board[] = {
	FIXED_NUMBER(0xb0, 1, 0, 0, U8_MAX, AMPERE, "masterRatedCapacity"),
	SCALED(0xc0, 4, 0, EIGHT_DIGITS, KILOWATT_HOUR, "normalDirectionCumulativeElectricEnergy", 0xc2),
	SCALED(0xc1, 4, 0, EIGHT_DIGITS, KILOWATT_HOUR, "reverseDirectionCumulativeElectricEnergy", 0xc2),
	FIXED(0xc2, 1, ECHONET_POWER, "unitForCumulativeElectricEnergy"),
	SIGNED(0xc6, 4, 0, S32_MIN, S32_MAX, WATT, "instantaneousElectricPower"),
	PART(0xc7, 4, 0, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "instantaneousCurrentRPhase"),
	PART(0xc7, 4, 2, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "instantaneousCurrentTPhase"),
	PART(0xc8, 4, 0, 2, AS_UNSIGNED, -1, 0, U16_MAX, VOLT, "instantaneousVoltageRSPhase"),
	PART(0xc8, 4, 2, 2, AS_UNSIGNED, -1, 0, U16_MAX, VOLT, "instantaneousVoltageSTPhase"),
	CHANNEL(0, 4, AS_UNSIGNED, 0, 0, EIGHT_DIGITS, KILOWATT_HOUR, "measurementChannel#ElectricEnergy", 0xc2),
	CHANNEL(4, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "measurementChannel#CurrentRPhase", 0),
	CHANNEL(6, 2, AS_SIGNED, -1, S16_MIN, S16_MAX_NO_DATA, AMPERE, "measurementChannel#CurrentTPhase", 0),
};

static const struct echonet_field gas_meter[] = {
	NUMBER(0xe0, 4, -3, 0, NINE_DIGITS, CUBIC_METRE, "cumulativeGasConsumption"),
};

static const struct echonet_word waters[] = {
	{0x30, "runningWater"}, {0x31, "recycledWater"}, {0x32, "sewageWater"}, {0x33, "otherWater"}, {0, NULL}};

/* 0281: the amount × unit (E1). */
static const struct echonet_field water_meter[] = {
	{.name = "waterFlowMeterClassification",
	 .words = waters,
	 .epc = 0xd0,
	 .bytes = 1,
	 .size = 1,
	 .form = ECHONET_STATE,
	 .pace = ECHONET_SELDOM},
	SCALED(0xe0, 4, 0, NINE_DIGITS, CUBIC_METRE, "cumulativeFlowingWater", 0xe1),
	FIXED(0xe1, 1, ECHONET_POWER, "unitForCumulativeFlowingWater"),
	SWITCH(0xe3, echonet_yes_no, "abnormalDetection"),
};

static const struct echonet_field temperature_sensor[] = {
	SIGNED(0xe0, 2, -1, -2732, S16_MAX, CELSIUS, "temperature"),
};

static const struct echonet_field humidity_sensor[] = {
	NUMBER(0xe0, 1, 0, 0, 100, PERCENT, "relativeHumidity"),
};

const struct echonet_class echonet_meter_classes[] = {
	CLASS(0x0011, "Temperature sensor", "temperatureSensor", temperature_sensor),
	CLASS(0x0012, "Humidity sensor", "humiditySensor", humidity_sensor),
	CLASS(0x0281, "Water flowmeter", "waterFlowMeter", water_meter),
	CLASS(0x0282, "Gas meter", "gasMeter", gas_meter),
	CLASS(0x0287, "Power distribution board metering", "powerDistributionBoardMetering", distribution_board),
	CLASS(0x0288, "Low-voltage smart electric energy meter", "lvSmartElectricEnergyMeter", low_voltage_meter),
	CLASS(0x028a, "High-voltage smart electric energy meter", "hvSmartElectricEnergyMeter", high_voltage_meter),
	{.code = 0},
};
