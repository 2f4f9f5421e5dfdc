/* What is used at home: air conditioners, water heaters, lights. */
#include "echonet/schema_int.h"

#define S8_MIN (-127)
#define S8_MAX 125 /* 7E: not measurable, 7F and 80: overflow, underflow */

static const struct echonet_word air_modes[] = {
	{0x41, "auto"},        {0x42, "cooling"}, {0x43, "heating"}, {0x44, "dehumidification"},
	{0x45, "circulation"}, {0x40, "other"},   {0, NULL}};
static const struct echonet_word air_flows[] = {{0x41, "auto"}, {0x31, "1"}, {0x32, "2"}, {0x33, "3"}, {0x34, "4"},
						{0x35, "5"},    {0x36, "6"}, {0x37, "7"}, {0x38, "8"}, {0, NULL}};
static const struct echonet_word air_speeds[] = {{0x41, "normal"}, {0x42, "highspeed"}, {0x43, "silent"}, {0, NULL}};
static const struct echonet_word air_states[] = {
	{0x40, "normal"}, {0x41, "defrosting"}, {0x42, "preheating"}, {0x43, "heatRemoval"}, {0, NULL}};

static const struct echonet_field air_conditioner[] = {
	STATE(0xa0, air_flows, "airFlowLevel"),
	STATE(0xaa, air_states, "specialState"),
	STATE(0xb0, air_modes, "operationMode"),
	SWITCH(0xb1, echonet_yes_no, "automaticTemperatureControl"),
	STATE(0xb2, air_speeds, "highspeedOperation"),
	NUMBER(0xb3, 1, 0, 0, 50, CELSIUS, "targetTemperature"),
	NUMBER(0xb4, 1, 0, 0, 100, PERCENT, "relativeHumidityInDehumidifyingMode"),
	NUMBER(0xb5, 1, 0, 0, 50, CELSIUS, "targetTemperatureInCoolingMode"),
	NUMBER(0xb6, 1, 0, 0, 50, CELSIUS, "targetTemperatureInHeatingMode"),
	NUMBER(0xb7, 1, 0, 0, 50, CELSIUS, "targetTemperatureInDehumidifyingMode"),
	NUMBER(0xb9, 2, -1, 0, U16_MAX, AMPERE, "currentConsumption"),
	NUMBER(0xba, 1, 0, 0, 100, PERCENT, "relativeHumidity"),
	SIGNED(0xbb, 1, 0, S8_MIN, S8_MAX, CELSIUS, "roomTemperature"),
	NUMBER(0xbc, 1, 0, 0, 50, CELSIUS, "targetTemperatureByRemoteControl"),
	SIGNED(0xbd, 1, 0, S8_MIN, S8_MAX, CELSIUS, "blowingOutAirTemperature"),
	SIGNED(0xbe, 1, 0, S8_MIN, S8_MAX, CELSIUS, "outdoorTemperature"),
	SIGNED(0xbf, 1, -1, S8_MIN, S8_MAX, CELSIUS, "relativeTargetTemperature"),
};

static const struct echonet_word heating_modes[] = {
	{0x41, "auto"}, {0x42, "manual"}, {0x43, "manualNoHeating"}, {0, NULL}};
static const struct echonet_word bath_states[] = {
	{0x41, "supplyingHotWater"}, {0x42, "stopped"}, {0x43, "keepingTemperature"}, {0, NULL}};
static const struct echonet_word tank_modes[] = {{0x41, "standard"}, {0x42, "saving"}, {0x43, "extra"}, {0, NULL}};

static const struct echonet_field electric_water_heater[] = {
	STATE(0xb0, heating_modes, "automaticWaterHeating"),
	SWITCH(0xb1, echonet_yes_no, "automaticTemperatureControl"),
	SWITCH(0xb2, echonet_yes_no, "waterHeatingStatus"),
	NUMBER(0xb3, 1, 0, 0, 100, CELSIUS, "targetWaterHeatingTemperature"),
	NUMBER(0xb4, 1, 0, 0, 252, DAY, "daysTurningOff"),
	STATE(0xb6, tank_modes, "tankOperationMode"),
	SWITCH(0xc0, echonet_yes_no, "daytimeReheatingPermission"),
	NUMBER(0xc1, 1, 0, 0, 100, CELSIUS, "waterTemperature"),
	{.name = "alarmStatus", .epc = 0xc2, .bytes = 4, .size = 4, .form = ECHONET_BYTES},
	SWITCH(0xc3, echonet_yes_no, "hotWaterSupplyStatus"),
	NUMBER(0xd1, 1, 0, 0, 100, CELSIUS, "targetSuppliedWaterTemperature"),
	NUMBER(0xd3, 1, 0, 0, 100, CELSIUS, "targetBathWaterTemperature"),
	FIXED_NUMBER(0xdb, 2, 0, 0, U16_MAX, WATT, "ratedPowerConsumptionOfHPUnitInWinter"),
	FIXED_NUMBER(0xdc, 2, 0, 0, U16_MAX, WATT, "ratedPowerConsumptionOfHPUnitInBetweenSeasons"),
	FIXED_NUMBER(0xdd, 2, 0, 0, U16_MAX, WATT, "ratedPowerConsumptionOfHPUnitInSummer"),
	NUMBER(0xe1, 2, 0, 0, U16_MAX, LITRE, "remainingWater"),
	FIXED_NUMBER(0xe2, 2, 0, 0, U16_MAX, LITRE, "tankCapacity"),
	SWITCH(0xe3, echonet_yes_no, "automaticBathWaterHeating"),
	STATE(0xea, bath_states, "bathOperationStatus"),
};

static const struct echonet_field instantaneous_water_heater[] = {
	SWITCH(0xd0, echonet_yes_no, "hotWaterHeatingStatus"),
	NUMBER(0xd1, 1, 0, 0, 100, CELSIUS, "targetSuppliedWaterTemperature"),
	SWITCH(0xd2, echonet_yes_no, "hotWaterWarmerSetting"),
	NUMBER(0xe1, 1, 0, 0, 100, CELSIUS, "targetBathWaterTemperature"),
	SWITCH(0xe2, echonet_yes_no, "bathWaterHeaterStatus"),
	SWITCH(0xe3, echonet_yes_no, "bathAutoMode"),
	SWITCH(0xea, echonet_yes_no, "showerHotWaterSupplyStatus"),
	SWITCH(0xeb, echonet_yes_no, "kitchenHotWaterSupplyStatus"),
	STATE(0xef, bath_states, "bathOperationStatus"),
};

static const struct echonet_word light_colours[] = {{0x41, "incandescent"},  {0x42, "white"}, {0x43, "daylightWhite"},
						    {0x44, "daylightColor"}, {0x40, "other"}, {0, NULL}};
static const struct echonet_word light_modes[] = {
	{0x41, "auto"}, {0x42, "normal"}, {0x43, "night"}, {0x45, "color"}, {0, NULL}};

static const struct echonet_field general_lighting[] = {
	NUMBER(0xb0, 1, 0, 0, 100, PERCENT, "brightness"),
	STATE(0xb1, light_colours, "lightColor"),
	STATE(0xb6, light_modes, "operationMode"),
	NUMBER(0xb7, 1, 0, 0, 100, PERCENT, "brightnessInNormalMode"),
	NUMBER(0xb9, 1, 0, 0, 100, PERCENT, "brightnessInNightMode"),
	{.name = "rgb", .epc = 0xc0, .bytes = 3, .size = 3, .form = ECHONET_BYTES},
};

const struct echonet_class echonet_home_classes[] = {
	CLASS(0x0130, "Home air conditioner", "homeAirConditioner", air_conditioner),
	CLASS(0x026b, "Electric water heater", "electricWaterHeater", electric_water_heater),
	CLASS(0x0272, "Instantaneous water heater", "instantaneousWaterHeater", instantaneous_water_heater),
	CLASS(0x0290, "General lighting", "generalLighting", general_lighting),
	{.code = 0},
};
