/* What every device object has, the node profile, and words that several classes share. */
#include "echonet/schema_int.h"

const struct echonet_word echonet_on_off[] = {{0x30, "true"}, {0x31, "false"}, {0, NULL}};
const struct echonet_word echonet_yes_no[] = {{0x41, "true"}, {0x42, "false"}, {0, NULL}};
const struct echonet_word echonet_interconnection[] = {{0x00, "reversePowerFlowAcceptable"},
						       {0x01, "independent"},
						       {0x02, "reversePowerFlowNotAcceptable"},
						       {0x03, "unknown"},
						       {0, NULL}};

static const struct echonet_field super_class[] = {
	SWITCH(0x80, echonet_on_off, "operationStatus"),
	FIXED(0x81, 0, ECHONET_BYTES, "installationLocation"),
	FIXED(0x82, 4, ECHONET_BYTES, "protocol"),
	FIXED(0x83, 0, ECHONET_BYTES, "identificationNumber"),
	NUMBER(0x84, 2, 0, 0, U16_MAX, WATT, "instantaneousElectricPowerConsumption"),
	NUMBER(0x85, 4, -3, 0, NINE_DIGITS, KILOWATT_HOUR, "consumedCumulativeElectricEnergy"),
	NUMBER(0x87, 1, 0, 0, 100, PERCENT, "currentLimit"),
	SWITCH(0x88, echonet_yes_no, "faultStatus"),
	{.name = "faultDescription", .epc = 0x89, .bytes = 2, .size = 2, .form = ECHONET_BYTES},
	FIXED(0x8a, 3, ECHONET_BYTES, "manufacturer"),
	FIXED(0x8b, 3, ECHONET_BYTES, "businessFacilityCode"),
	FIXED(0x8c, 12, ECHONET_TEXT, "productCode"),
	FIXED(0x8d, 12, ECHONET_TEXT, "serialNumber"),
	FIXED(0x8e, 4, ECHONET_DATE, "productionDate"),
	SWITCH(0x8f, echonet_yes_no, "powerSaving"),
	NUMBER(0x99, 2, 0, 0, 65535, WATT, "powerLimit"),
};

static const struct echonet_field node_profile[] = {
	SWITCH(0x80, echonet_on_off, "operationStatus"),
	FIXED(0x82, 4, ECHONET_BYTES, "protocol"),
	FIXED(0x83, 17, ECHONET_BYTES, "identificationNumber"),
	SWITCH(0x88, echonet_yes_no, "faultStatus"),
	{.name = "faultDescription", .epc = 0x89, .bytes = 2, .size = 2, .form = ECHONET_BYTES},
	FIXED(0x8a, 3, ECHONET_BYTES, "manufacturer"),
	FIXED(0x8b, 3, ECHONET_BYTES, "businessFacilityCode"),
	FIXED(0x8c, 12, ECHONET_TEXT, "productCode"),
	FIXED(0x8d, 12, ECHONET_TEXT, "serialNumber"),
	FIXED(0x8e, 4, ECHONET_DATE, "productionDate"),
};

const struct echonet_class echonet_common_classes[] = {
	CLASS(0x0000, "Super class", "common", super_class),
	CLASS(ECHONET_NODE_PROFILE_CLASS, "Node profile", "nodeProfile", node_profile),
};
