/* Structs in which nothing is given. */
#include "gtfsrt/gtfsrt.h"

#include <math.h>

struct gtfsrt_trip gtfsrt_trip_none(void)
{
	return (struct gtfsrt_trip){.direction = GTFSRT_COUNT_NONE, .relation = GTFSRT_WORD_NONE};
}

struct gtfsrt_vehicle gtfsrt_vehicle_none(void)
{
	return (struct gtfsrt_vehicle){
		.trip = gtfsrt_trip_none(),
		.bearing_deg = (double)NAN,
		.odometer_m = (double)NAN,
		.speed_m_s = (double)NAN,
		.stop_sequence = GTFSRT_COUNT_NONE,
		.status = GTFSRT_IN_TRANSIT_TO,
		.congestion = GTFSRT_WORD_NONE,
		.occupancy = GTFSRT_WORD_NONE,
		.occupancy_percent = GTFSRT_COUNT_NONE,
		.timestamp_s = GTFSRT_TIME_NONE,
	};
}

struct gtfsrt_event gtfsrt_event_none(void)
{
	return (struct gtfsrt_event){.time_s = GTFSRT_TIME_NONE,
				     .scheduled_time_s = GTFSRT_TIME_NONE,
				     .delay_s = GTFSRT_NUMBER_NONE,
				     .uncertainty_s = GTFSRT_NUMBER_NONE};
}

struct gtfsrt_stop_update gtfsrt_stop_update_none(void)
{
	return (struct gtfsrt_stop_update){.stop_sequence = GTFSRT_COUNT_NONE,
					   .arrival = gtfsrt_event_none(),
					   .departure = gtfsrt_event_none(),
					   .relation = GTFSRT_STOP_SCHEDULED};
}

struct gtfsrt_trip_update gtfsrt_trip_update_none(void)
{
	return (struct gtfsrt_trip_update){
		.trip = gtfsrt_trip_none(), .delay_s = GTFSRT_NUMBER_NONE, .timestamp_s = GTFSRT_TIME_NONE};
}

struct gtfsrt_selector gtfsrt_selector_none(void)
{
	return (struct gtfsrt_selector){
		.trip = gtfsrt_trip_none(), .route_type = GTFSRT_NUMBER_NONE, .direction = GTFSRT_COUNT_NONE};
}

struct gtfsrt_alert gtfsrt_alert_none(void)
{
	return (struct gtfsrt_alert){
		.cause = GTFSRT_CAUSE_UNKNOWN, .effect = GTFSRT_EFFECT_UNKNOWN, .severity = GTFSRT_SEVERITY_UNKNOWN};
}
