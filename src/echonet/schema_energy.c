/* What makes, stores and charges: photovoltaics, batteries, vehicles, fuel cells. */
#include "echonet/schema_int.h"

static const struct echonet_word restraints[] = {{0x41, "outputControl"}, {0x42, "exceptControl"},
						 {0x43, "reasonUnknown"}, {0x44, "notPowerRestraint"},
						 {0x45, "unknown"},       {0, NULL}};

static const struct echonet_field photovoltaics[] = {
	NUMBER(0xa0, 1, 0, 0, 100, PERCENT, "outputPowerControl1"),
	NUMBER(0xa1, 2, 0, 0, U16_MAX, WATT, "outputPowerControl2"),
	FIXED_NUMBER(0xc3, 2, 0, 0, U16_MAX, WATT, "approvedCapacity"),
	STATE(0xd0, echonet_interconnection, "powerSystemInterconnectionStatus"),
	STATE(0xd1, restraints, "outputPowerRestraintStatus"),
	NUMBER(0xe0, 2, 0, 0, U16_MAX, WATT, "instantaneousElectricPowerGeneration"),
	NUMBER(0xe1, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeElectricEnergyOfGeneration"),
	NUMBER(0xe3, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeElectricEnergySold"),
	NUMBER(0xe5, 1, 0, 0, 100, PERCENT, "powerGenerationOutputLimit1"),
	NUMBER(0xe6, 2, 0, 0, U16_MAX, WATT, "powerGenerationOutputLimit2"),
	NUMBER(0xe7, 2, 0, 0, U16_MAX, WATT, "limitElectricEnergySold"),
	FIXED_NUMBER(0xe8, 2, 0, 0, U16_MAX, WATT, "ratedElectricPowerOfgeneration"), /* so spelt */
	FIXED_NUMBER(0xe9, 2, 0, 0, U16_MAX, WATT, "ratedElectricPowerOfgenerationIndependent"),
};

static const struct echonet_word battery_modes[] = {
	{0x41, "rapidCharging"}, {0x42, "charging"}, {0x43, "discharging"},           {0x44, "standby"}, {0x45, "test"},
	{0x46, "auto"},          {0x48, "restart"},  {0x49, "capacityRecalculation"}, {0x40, "other"},   {0, NULL}};
static const struct echonet_word charging_methods[] = {{0x01, "maximum"},         {0x02, "surplus"},
						       {0x03, "designatedPower"}, {0x04, "designatedCurrent"},
						       {0x00, "other"},           {0, NULL}};
static const struct echonet_word discharging_methods[] = {{0x01, "maximum"},         {0x02, "loadFollowing"},
							  {0x03, "designatedPower"}, {0x04, "designatedCurrent"},
							  {0x00, "other"},           {0, NULL}};
static const struct echonet_word battery_types[] = {{0x00, "unknown"},  {0x01, "lead"},    {0x02, "ni_mh"},
						    {0x03, "ni_cd"},    {0x04, "lithium"}, {0x05, "zinc"},
						    {0x06, "alkaline"}, {0, NULL}};

static const struct echonet_field storage_battery[] = {
	FIXED_NUMBER(0xa0, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acEffectiveChargingCapacity"),
	FIXED_NUMBER(0xa1, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acEffectiveDischargingCapacity"),
	NUMBER(0xa2, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acChargeableCapacity"),
	NUMBER(0xa3, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acDischargeableCapacity"),
	NUMBER(0xa4, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acChargeableElectricEnergy"),
	NUMBER(0xa5, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acDischargeableElectricEnergy"),
	NUMBER(0xa6, 1, 0, 0, 100, PERCENT, "acChargeUpperLimit"),
	NUMBER(0xa7, 1, 0, 0, 100, PERCENT, "acDischargeLowerLimit"),
	NUMBER(0xa8, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "acCumulativeChargingElectricEnergy"),
	NUMBER(0xa9, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "acCumulativeDischargingElectricEnergy"),
	NUMBER(0xaa, 4, 0, 1, NINE_DIGITS, WATT_HOUR, "acTargetChargingElectricEnergy"),
	NUMBER(0xab, 4, 0, 1, NINE_DIGITS, WATT_HOUR, "acTargetDischargingElectricEnergy"),
	STATE(0xc1, charging_methods, "chargingMethod"),
	STATE(0xc2, discharging_methods, "dischargingMethod"),
	FIXED_NUMBER(0xc7, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "acRatedElectricEnergy"),
	STATE(0xcf, battery_modes, "actualOperationMode"),
	FIXED_NUMBER(0xd0, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "ratedElectricEnergy"),
	FIXED_NUMBER(0xd1, 2, -1, 0, S16_MAX, AMPERE_HOUR, "ratedCapacity"),
	FIXED_NUMBER(0xd2, 2, 0, 0, S16_MAX, VOLT, "ratedVoltage"),
	SIGNED(0xd3, 4, 0, -NINE_DIGITS, NINE_DIGITS, WATT, "instantaneousChargingAndDischargingElectricPower"),
	SIGNED(0xd4, 2, -1, S16_MIN, S16_MAX, AMPERE, "instantaneousChargingAndDischargingCurrent"),
	SIGNED(0xd5, 2, 0, S16_MIN, S16_MAX, VOLT, "instantaneousChargingAndDischargingVoltage"),
	NUMBER(0xd6, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeDischargingElectricEnergy"),
	NUMBER(0xd8, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeChargingElectricEnergy"),
	STATE(0xda, battery_modes, "operationMode"),
	STATE(0xdb, echonet_interconnection, "powerSystemInterconnectionStatus"),
	NUMBER(0xe2, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "remainingCapacity1"),
	NUMBER(0xe3, 2, -1, 0, S16_MAX, AMPERE_HOUR, "remainingCapacity2"),
	NUMBER(0xe4, 1, 0, 0, 100, PERCENT, "remainingCapacity3"),
	NUMBER(0xe5, 1, 0, 0, 100, PERCENT, "batteryStateOfHealth"),
	{.name = "batteryType",
	 .words = battery_types,
	 .epc = 0xe6,
	 .bytes = 1,
	 .size = 1,
	 .form = ECHONET_STATE,
	 .pace = ECHONET_SELDOM},
	NUMBER(0xe7, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "targetChargingElectricEnergy1"),
	NUMBER(0xe8, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "targetDischargingElectricEnergy1"),
	NUMBER(0xeb, 4, 0, 0, NINE_DIGITS, WATT, "chargingElectricPower"),
	NUMBER(0xec, 4, 0, 0, NINE_DIGITS, WATT, "dischargingElectricPower"),
};

static const struct echonet_word vehicle_states[] = {{0xff, "undefined"},
						     {0x30, "notConnected"},
						     {0x40, "notChargeableNotDischargeable"},
						     {0x41, "chargeableNotDischargeable"},
						     {0x42, "notChargeableDischargeable"},
						     {0x43, "chargeableDischargeable"},
						     {0x44, "unknown"},
						     {0, NULL}};
static const struct echonet_word charge_states[] = {{0xff, "undefined"},     {0x30, "notConnected"},
						    {0x40, "notChargeable"}, {0x41, "chargeable"},
						    {0x44, "unknown"},       {0, NULL}};
static const struct echonet_word vehicle_modes[] = {{0x42, "charging"}, {0x43, "discharging"}, {0x44, "standby"},
						    {0x46, "auto"},     {0x47, "idle"},        {0x40, "other"},
						    {0, NULL}};

/* 027E: what goes into the vehicle and what comes out of it. */
static const struct echonet_field vehicle_charger_discharger[] = {
	NUMBER(0xc0, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "dischargeableCapacity1"),
	NUMBER(0xc2, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "remainingDischargeableCapacity1"),
	NUMBER(0xc4, 1, 0, 0, 100, PERCENT, "remainingDischargeableCapacity3"),
	FIXED_NUMBER(0xc5, 4, 0, 0, NINE_DIGITS, WATT, "ratedChargeElectricPower"),
	FIXED_NUMBER(0xc6, 4, 0, 0, NINE_DIGITS, WATT, "ratedDischargeElectricPower"),
	STATE(0xc7, vehicle_states, "chargeDischargeStatus"),
	NUMBER(0xd0, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "usedCapacity1"),
	FIXED_NUMBER(0xd2, 2, 0, 0, S16_MAX, VOLT, "ratedVoltage"),
	SIGNED(0xd3, 4, 0, -NINE_DIGITS, NINE_DIGITS, WATT, "instantaneousElectricPower"),
	SIGNED(0xd4, 2, -1, S16_MIN, S16_MAX, AMPERE, "instantaneousCurrent"),
	SIGNED(0xd5, 2, 0, S16_MIN, S16_MAX, VOLT, "instantaneousVoltage"),
	NUMBER(0xd6, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeDischargingElectricEnergy"),
	NUMBER(0xd8, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeChargingElectricEnergy"),
	STATE(0xda, vehicle_modes, "operationMode"),
	STATE(0xdb, echonet_interconnection, "powerSystemInterconnectionStatus"),
	NUMBER(0xe2, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "remainingCapacity1"),
	NUMBER(0xe3, 2, -1, 0, S16_MAX, AMPERE_HOUR, "remainingCapacity2"),
	NUMBER(0xe4, 1, 0, 0, 100, PERCENT, "remainingCapacity3"),
	{.name = "vehicleId", .epc = 0xe6, .form = ECHONET_BYTES},
	NUMBER(0xe7, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "targetChargingElectricEnergy1"),
	NUMBER(0xeb, 4, 0, 0, NINE_DIGITS, WATT, "chargingElectricPower"),
	NUMBER(0xec, 4, 0, 0, NINE_DIGITS, WATT, "dischargingElectricPower"),
	NUMBER(0xed, 2, -1, 0, U16_MAX, AMPERE, "chargingCurrent"),
	NUMBER(0xee, 2, -1, 0, U16_MAX, AMPERE, "dischargingCurrent"),
};

static const struct echonet_field vehicle_charger[] = {
	FIXED_NUMBER(0xc5, 4, 0, 0, NINE_DIGITS, WATT, "ratedChargeElectricPower"),
	STATE(0xc7, charge_states, "chargeStatus"),
	NUMBER(0xce, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "chargeableCapacity"),
	NUMBER(0xcf, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "remainingChargeableCapacity"),
	NUMBER(0xd0, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "usedCapacity1"),
	FIXED_NUMBER(0xd2, 2, 0, 0, S16_MAX, VOLT, "ratedVoltage"),
	NUMBER(0xd3, 4, 0, 0, NINE_DIGITS, WATT, "instantaneousElectricPower"),
	NUMBER(0xd8, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeChargingElectricEnergy"),
	STATE(0xda, vehicle_modes, "operationMode"),
	NUMBER(0xe2, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "remainingCapacity1"),
	NUMBER(0xe4, 1, 0, 0, 100, PERCENT, "remainingCapacity3"),
	{.name = "vehicleId", .epc = 0xe6, .form = ECHONET_BYTES},
	NUMBER(0xe7, 4, 0, 0, NINE_DIGITS, WATT_HOUR, "targetChargingElectricEnergy1"),
	NUMBER(0xeb, 4, 0, 0, NINE_DIGITS, WATT, "chargingElectricPower"),
	NUMBER(0xed, 2, -1, 0, U16_MAX, AMPERE, "chargingCurrent"),
};

static const struct echonet_word generation_settings[] = {{0x41, "generationOn"}, {0x42, "generationOff"}, {0, NULL}};
static const struct echonet_word generation_states[] = {{0x41, "generating"}, {0x42, "stopped"}, {0x43, "starting"},
							{0x44, "stopping"},   {0x45, "idling"},  {0, NULL}};

static const struct echonet_field fuel_cell[] = {
	NUMBER(0xc1, 1, 0, 0, 100, CELSIUS, "waterTemperatureInWaterHeater"),
	FIXED_NUMBER(0xc2, 2, 0, 0, U16_MAX, WATT, "ratedElectricPowerOfGeneration"),
	NUMBER(0xc3, 2, 0, 0, U16_MAX, MEGAJOULE, "heatCapacityOfStorageTank"),
	NUMBER(0xc4, 2, 0, 0, U16_MAX, WATT, "instantaneousElectricPowerOfGeneration"),
	NUMBER(0xc5, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "cumulativeElectricEnergyOfGeneration"),
	NUMBER(0xc7, 2, -3, 0, U16_MAX, CUBIC_METRE_PER_HOUR, "instantaneousGasConsumption"),
	NUMBER(0xc8, 4, -3, 0, NINE_DIGITS, CUBIC_METRE, "cumulativeGasConsumption"),
	STATE(0xca, generation_settings, "powerGenerationSetting"),
	STATE(0xcb, generation_states, "powerGenerationStatus"),
	NUMBER(0xcc, 2, 0, 0, U16_MAX, WATT, "inHouseInstantaneousPowerConsumption"),
	NUMBER(0xcd, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "inHouseCumulativeEnergyConsumption"),
	STATE(0xd0, echonet_interconnection, "powerSystemInterconnectionStatus"),
	NUMBER(0xe1, 2, 0, 0, U16_MAX, LITRE, "remainingHotWater"),
	FIXED_NUMBER(0xe2, 2, 0, 0, U16_MAX, LITRE, "tankCapacity"),
};

const struct echonet_class echonet_energy_classes[] = {
	CLASS(0x0279, "Household solar power generation", "pvPowerGeneration", photovoltaics),
	CLASS(0x027c, "Fuel cell", "fuelCell", fuel_cell),
	CLASS(0x027d, "Storage battery", "storageBattery", storage_battery),
	CLASS(0x027e, "EV charger and discharger", "evChargerDischarger", vehicle_charger_discharger),
	CLASS(0x02a1, "EV charger", "evCharger", vehicle_charger),
	{.code = 0},
};
