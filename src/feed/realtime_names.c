/* Names and words of the entities of realtime feeds. Attribute names are those of the Smart Data Models (Vehicle of
 * dataModel.Transportation, Alert of dataModel.Alert, GtfsTrip and its kin of dataModel.UrbanMobility) where these have
 * one; words are GTFS Realtime's, spelled as the models spell theirs. */
#include "feed/realtime_int.h"

struct str realtime_type_text(enum realtime_type type)
{
	static const char *const texts[REALTIME_TYPES] = {
		[REALTIME_VEHICLE] = "Vehicle",
		[REALTIME_TRIP] = "GtfsTripUpdate",
		[REALTIME_ALERT] = "Alert",
	};

	return str_from(texts[type]);
}

/* One flat table. */
struct str realtime_name_text(enum realtime_name name)
{
	static const char *const texts[RT_NAME_COUNT] = {
		[RT_NAME] = "name",
		[RT_VEHICLE_TYPE] = "vehicleType",
		[RT_CATEGORY] = "category",
		[RT_SERVICE_PROVIDED] = "serviceProvided",
		[RT_SERVICE_STATUS] = "serviceStatus",
		[RT_FLEET_ID] = "fleetVehicleId",
		[RT_PLATE] = "vehiclePlateIdentifier",
		[RT_LOCATION] = "location",
		[RT_BEARING] = "bearing",
		[RT_SPEED] = "speed",
		[RT_HAS_ROUTE] = "hasRoute",
		[RT_HAS_TRIP] = "hasTrip",
		[RT_HAS_STOP] = "hasStop",
		[RT_NEXT_STOP] = "nextStop",
		[RT_BASIS] = "positionBasis",
		[RT_SERVICE_DATE] = "serviceDate",
		[RT_START_TIME] = "startTime",
		[RT_DELAY] = "delay",
		[RT_DELAY_BASIS] = "delayBasis",
		[RT_OCCUPANCY] = "occupancy",
		[RT_OCCUPANCY_PERCENT] = "occupancyPercentage",
		[RT_CONGESTION] = "congestionLevel",
		[RT_STOP_STATUS] = "stopStatus",
		[RT_VEHICLE_LABEL] = "vehicleLabel",
		[RT_RELATION] = "scheduleRelationship",
		[RT_HAS_TRIP_UPDATE] = "hasTripUpdate",
		[RT_HAS_VEHICLE] = "hasVehicle",
		[RT_TRIP_CODE] = "tripCode",
		[RT_COPY_OF] = "copyOf",
		[RT_CALLS] = "calls",
		[RT_ALERT_SOURCE] = "alertSource",
		[RT_DATE_ISSUED] = "dateIssued",
		[RT_VALID_FROM] = "validFrom",
		[RT_VALID_TO] = "validTo",
		[RT_SEVERITY] = "severity",
		[RT_DESCRIPTION] = "description",
		[RT_PAGE] = "page",
		[RT_CAUSE] = "cause",
		[RT_EFFECT] = "effect",
		[RT_PERIODS] = "activePeriods",
		[RT_HAS_AGENCY] = "hasAgency",
		[RT_INFORMED] = "informedEntities",
	};

	return str_from(texts[name]);
}

#define WORD(table, number) ((number) < sizeof(table) / sizeof((table)[0]) ? str_from((table)[(number)]) : STR_NONE)

struct str realtime_trip_word(uint8_t relation)
{
	static const char *const words[] = {"scheduled",   "added",      "unscheduled", "canceled", NULL,
					    "replacement", "duplicated", "deleted",     "new"};

	return WORD(words, relation);
}

struct str realtime_stop_word(uint8_t relation)
{
	static const char *const words[] = {"scheduled", "skipped", "noData", "unscheduled"};

	return WORD(words, relation);
}

struct str realtime_status_word(uint8_t status)
{
	static const char *const words[] = {"incomingAt", "stoppedAt", "inTransitTo"};

	return WORD(words, status);
}

struct str realtime_congestion_word(uint8_t congestion)
{
	static const char *const words[] = {NULL, "runningSmoothly", "stopAndGo", "congestion", "severeCongestion"};

	return WORD(words, congestion);
}

struct str realtime_occupancy_word(uint8_t occupancy)
{
	static const char *const words[] = {"empty",
					    "manySeatsAvailable",
					    "fewSeatsAvailable",
					    "standingRoomOnly",
					    "crushedStandingRoomOnly",
					    "full",
					    "notAcceptingPassengers",
					    NULL,
					    "notBoardable"};

	return WORD(words, occupancy);
}

struct str realtime_cause_word(uint8_t cause)
{
	static const char *const words[] = {NULL,
					    "unknownCause",
					    "otherCause",
					    "technicalProblem",
					    "strike",
					    "demonstration",
					    "accident",
					    "holiday",
					    "weather",
					    "maintenance",
					    "construction",
					    "policeActivity",
					    "medicalEmergency",
					    "specialEvent"};

	return WORD(words, cause);
}

struct str realtime_effect_word(uint8_t effect)
{
	static const char *const words[] = {NULL,
					    "noService",
					    "reducedService",
					    "significantDelays",
					    "detour",
					    "additionalService",
					    "modifiedService",
					    "otherEffect",
					    "unknownEffect",
					    "stopMoved",
					    "noEffect",
					    "accessibilityIssue"};

	return WORD(words, effect);
}

/* The model's words: informational, low, medium, high, critical. */
struct str realtime_severity_word(uint8_t severity)
{
	static const char *const words[] = {NULL, NULL, "informational", "medium", "high"};

	return WORD(words, severity);
}

uint8_t realtime_word_number(struct str (*word)(uint8_t number), struct str text, uint8_t none)
{
	for (uint8_t i = 0; text.len && i < 16; i++)
		if (str_eq(word(i), text))
			return i;
	return none;
}
