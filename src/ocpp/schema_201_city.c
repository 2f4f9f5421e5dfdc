/* The tables of OCPP 2.0.1: what the city asks of a charging station, and what it answers. */
#include "ocpp/schema_int.h"

#define REPORT_BASE_WORDS "ConfigurationInventory FullInventory SummaryInventory"
#define GENERIC_DEVICE_MODEL_STATUS_WORDS "Accepted Rejected NotSupported EmptyResultSet"
#define CONNECTOR_WORDS                                                                                                \
	"cCCS1 cCCS2 cG105 cTesla cType1 cType2 s309-1P-16A s309-1P-32A s309-3P-16A s309-3P-32A sBS1361 "              \
	"sCEE-7-7 sType2 sType3 Other1PhMax16A Other1PhOver16A Other3Ph Pan wInductive wResonant "                     \
	"Undetermined Unknown"
#define RESERVE_NOW_STATUS_WORDS "Accepted Faulted Occupied Rejected Unavailable"
#define MESSAGE_TRIGGER_WORDS                                                                                          \
	"BootNotification LogStatusNotification FirmwareStatusNotification Heartbeat MeterValues "                     \
	"SignChargingStationCertificate SignV2GCertificate StatusNotification TransactionEvent "                       \
	"SignCombinedCertificate PublishFirmwareStatusNotification"
#define UNLOCK_STATUS_WORDS "Unlocked UnlockFailed OngoingAuthorizedTransaction UnknownConnector"

static const struct ocpp_field cancel_reservation_request_fields[] = {
	{"reservationId", MUST, INTEGER},
};
static const struct ocpp_shape cancel_reservation_request = {FIELDS(cancel_reservation_request_fields), .custom = true};

static const struct ocpp_field cancel_reservation_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape cancel_reservation_answer = {FIELDS(cancel_reservation_answer_fields), .custom = true};

static const struct ocpp_field change_availability_request_fields[] = {
	{"evse", OBJECT(ocpp_evse)},
	{"operationalStatus", MUST, CHOICE("Inoperative Operative")},
};
static const struct ocpp_shape change_availability_request = {FIELDS(change_availability_request_fields),
							      .custom = true};

static const struct ocpp_field change_availability_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected Scheduled")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape change_availability_answer = {FIELDS(change_availability_answer_fields), .custom = true};

static const struct ocpp_shape nothing = {.fields = NULL, .custom = true};

static const struct ocpp_field clear_charging_profile_request_fields[] = {
	{"chargingProfileId", INTEGER},
	{"chargingProfileCriteria", OBJECT(ocpp_clear_charging_profile)},
};
static const struct ocpp_shape clear_charging_profile_request = {FIELDS(clear_charging_profile_request_fields),
								 .custom = true};

static const struct ocpp_field clear_charging_profile_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Unknown")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape clear_charging_profile_answer = {FIELDS(clear_charging_profile_answer_fields),
								.custom = true};

static const struct ocpp_field cost_updated_request_fields[] = {
	{"totalCost", MUST, NUMBER},
	{"transactionId", MUST, TEXT(36)},
};
static const struct ocpp_shape cost_updated_request = {FIELDS(cost_updated_request_fields), .custom = true};

static const struct ocpp_field get_base_report_request_fields[] = {
	{"requestId", MUST, INTEGER},
	{"reportBase", MUST, CHOICE(REPORT_BASE_WORDS)},
};
static const struct ocpp_shape get_base_report_request = {FIELDS(get_base_report_request_fields), .custom = true};

static const struct ocpp_field get_base_report_answer_fields[] = {
	{"status", MUST, CHOICE(GENERIC_DEVICE_MODEL_STATUS_WORDS)},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape get_base_report_answer = {FIELDS(get_base_report_answer_fields), .custom = true};

static const struct ocpp_field get_charging_profiles_request_fields[] = {
	{"requestId", MUST, INTEGER},
	{"evseId", INTEGER},
	{"chargingProfile", MUST, OBJECT(ocpp_charging_profile_criterion)},
};
static const struct ocpp_shape get_charging_profiles_request = {FIELDS(get_charging_profiles_request_fields),
								.custom = true};

static const struct ocpp_field get_charging_profiles_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted NoProfiles")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape get_charging_profiles_answer = {FIELDS(get_charging_profiles_answer_fields),
							       .custom = true};

static const struct ocpp_field get_composite_schedule_request_fields[] = {
	{"duration", MUST, INTEGER},
	{"chargingRateUnit", CHOICE("W A")},
	{"evseId", MUST, INTEGER},
};
static const struct ocpp_shape get_composite_schedule_request = {FIELDS(get_composite_schedule_request_fields),
								 .custom = true};

static const struct ocpp_field get_composite_schedule_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
	{"statusInfo", OBJECT(ocpp_status_info)},
	{"schedule", OBJECT(ocpp_composite_schedule)},
};
static const struct ocpp_shape get_composite_schedule_answer = {FIELDS(get_composite_schedule_answer_fields),
								.custom = true};

static const struct ocpp_field get_local_list_version_answer_fields[] = {
	{"versionNumber", MUST, INTEGER},
};
static const struct ocpp_shape get_local_list_version_answer = {FIELDS(get_local_list_version_answer_fields),
								.custom = true};

static const struct ocpp_field get_report_request_fields[] = {
	{"componentVariable", OBJECT(ocpp_component_variable), LIST(1, 0)},
	{"requestId", MUST, INTEGER},
	{"componentCriteria", CHOICE("Active Available Enabled Problem"), LIST(1, 4)},
};
static const struct ocpp_shape get_report_request = {FIELDS(get_report_request_fields), .custom = true};

static const struct ocpp_field get_transaction_status_request_fields[] = {
	{"transactionId", TEXT(36)},
};
static const struct ocpp_shape get_transaction_status_request = {FIELDS(get_transaction_status_request_fields),
								 .custom = true};

static const struct ocpp_field get_transaction_status_answer_fields[] = {
	{"ongoingIndicator", BOOLEAN},
	{"messagesInQueue", MUST, BOOLEAN},
};
static const struct ocpp_shape get_transaction_status_answer = {FIELDS(get_transaction_status_answer_fields),
								.custom = true};

static const struct ocpp_field get_variables_request_fields[] = {
	{"getVariableData", MUST, OBJECT(ocpp_get_variable_data), LIST(1, 0)},
};
static const struct ocpp_shape get_variables_request = {FIELDS(get_variables_request_fields), .custom = true};

static const struct ocpp_field get_variables_answer_fields[] = {
	{"getVariableResult", MUST, OBJECT(ocpp_get_variable_result), LIST(1, 0)},
};
static const struct ocpp_shape get_variables_answer = {FIELDS(get_variables_answer_fields), .custom = true};

static const struct ocpp_field request_start_transaction_request_fields[] = {
	{"evseId", INTEGER},
	{"groupIdToken", OBJECT(ocpp_id_token)},
	{"idToken", MUST, OBJECT(ocpp_id_token)},
	{"remoteStartId", MUST, INTEGER},
	{"chargingProfile", OBJECT(ocpp_charging_profile)},
};
static const struct ocpp_shape request_start_transaction_request = {FIELDS(request_start_transaction_request_fields),
								    .custom = true};

static const struct ocpp_field request_start_transaction_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
	{"statusInfo", OBJECT(ocpp_status_info)},
	{"transactionId", TEXT(36)},
};
static const struct ocpp_shape request_start_transaction_answer = {FIELDS(request_start_transaction_answer_fields),
								   .custom = true};

static const struct ocpp_field request_stop_transaction_request_fields[] = {
	{"transactionId", MUST, TEXT(36)},
};
static const struct ocpp_shape request_stop_transaction_request = {FIELDS(request_stop_transaction_request_fields),
								   .custom = true};

static const struct ocpp_field reserve_now_request_fields[] = {
	{"id", MUST, INTEGER},
	{"expiryDateTime", MUST, TIME},
	{"connectorType", CHOICE(CONNECTOR_WORDS)},
	{"idToken", MUST, OBJECT(ocpp_id_token)},
	{"evseId", INTEGER},
	{"groupIdToken", OBJECT(ocpp_id_token)},
};
static const struct ocpp_shape reserve_now_request = {FIELDS(reserve_now_request_fields), .custom = true};

static const struct ocpp_field reserve_now_answer_fields[] = {
	{"status", MUST, CHOICE(RESERVE_NOW_STATUS_WORDS)},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape reserve_now_answer = {FIELDS(reserve_now_answer_fields), .custom = true};

static const struct ocpp_field reset_request_fields[] = {
	{"type", MUST, CHOICE("Immediate OnIdle")},
	{"evseId", INTEGER},
};
static const struct ocpp_shape reset_request = {FIELDS(reset_request_fields), .custom = true};

static const struct ocpp_field send_local_list_request_fields[] = {
	{"localAuthorizationList", OBJECT(ocpp_authorization_data), LIST(1, 0)},
	{"versionNumber", MUST, INTEGER},
	{"updateType", MUST, CHOICE("Differential Full")},
};
static const struct ocpp_shape send_local_list_request = {FIELDS(send_local_list_request_fields), .custom = true};

static const struct ocpp_field send_local_list_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Failed VersionMismatch")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape send_local_list_answer = {FIELDS(send_local_list_answer_fields), .custom = true};

static const struct ocpp_field set_charging_profile_request_fields[] = {
	{"evseId", MUST, INTEGER},
	{"chargingProfile", MUST, OBJECT(ocpp_charging_profile)},
};
static const struct ocpp_shape set_charging_profile_request = {FIELDS(set_charging_profile_request_fields),
							       .custom = true};

static const struct ocpp_field set_variables_request_fields[] = {
	{"setVariableData", MUST, OBJECT(ocpp_set_variable_data), LIST(1, 0)},
};
static const struct ocpp_shape set_variables_request = {FIELDS(set_variables_request_fields), .custom = true};

static const struct ocpp_field set_variables_answer_fields[] = {
	{"setVariableResult", MUST, OBJECT(ocpp_set_variable_result), LIST(1, 0)},
};
static const struct ocpp_shape set_variables_answer = {FIELDS(set_variables_answer_fields), .custom = true};

static const struct ocpp_field trigger_message_request_fields[] = {
	{"evse", OBJECT(ocpp_evse)},
	{"requestedMessage", MUST, CHOICE(MESSAGE_TRIGGER_WORDS)},
};
static const struct ocpp_shape trigger_message_request = {FIELDS(trigger_message_request_fields), .custom = true};

static const struct ocpp_field trigger_message_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected NotImplemented")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape trigger_message_answer = {FIELDS(trigger_message_answer_fields), .custom = true};

static const struct ocpp_field unlock_connector_request_fields[] = {
	{"evseId", MUST, INTEGER},
	{"connectorId", MUST, INTEGER},
};
static const struct ocpp_shape unlock_connector_request = {FIELDS(unlock_connector_request_fields), .custom = true};

static const struct ocpp_field unlock_connector_answer_fields[] = {
	{"status", MUST, CHOICE(UNLOCK_STATUS_WORDS)},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape unlock_connector_answer = {FIELDS(unlock_connector_answer_fields), .custom = true};

const struct ocpp_action ocpp_actions_201_city[] = {
	{"CancelReservation", OCPP_2_0_1, OCPP_BY_CITY, &cancel_reservation_request, &cancel_reservation_answer},
	{"ChangeAvailability", OCPP_2_0_1, OCPP_BY_CITY, &change_availability_request, &change_availability_answer},
	{"ClearCache", OCPP_2_0_1, OCPP_BY_CITY, &nothing, &cancel_reservation_answer},
	{"ClearChargingProfile", OCPP_2_0_1, OCPP_BY_CITY, &clear_charging_profile_request,
	 &clear_charging_profile_answer},
	{"CostUpdated", OCPP_2_0_1, OCPP_BY_CITY, &cost_updated_request, &nothing},
	{"GetBaseReport", OCPP_2_0_1, OCPP_BY_CITY, &get_base_report_request, &get_base_report_answer},
	{"GetChargingProfiles", OCPP_2_0_1, OCPP_BY_CITY, &get_charging_profiles_request,
	 &get_charging_profiles_answer},
	{"GetCompositeSchedule", OCPP_2_0_1, OCPP_BY_CITY, &get_composite_schedule_request,
	 &get_composite_schedule_answer},
	{"GetLocalListVersion", OCPP_2_0_1, OCPP_BY_CITY, &nothing, &get_local_list_version_answer},
	{"GetReport", OCPP_2_0_1, OCPP_BY_CITY, &get_report_request, &get_base_report_answer},
	{"GetTransactionStatus", OCPP_2_0_1, OCPP_BY_CITY, &get_transaction_status_request,
	 &get_transaction_status_answer},
	{"GetVariables", OCPP_2_0_1, OCPP_BY_CITY, &get_variables_request, &get_variables_answer},
	{"RequestStartTransaction", OCPP_2_0_1, OCPP_BY_CITY, &request_start_transaction_request,
	 &request_start_transaction_answer},
	{"RequestStopTransaction", OCPP_2_0_1, OCPP_BY_CITY, &request_stop_transaction_request,
	 &cancel_reservation_answer},
	{"ReserveNow", OCPP_2_0_1, OCPP_BY_CITY, &reserve_now_request, &reserve_now_answer},
	{"Reset", OCPP_2_0_1, OCPP_BY_CITY, &reset_request, &change_availability_answer},
	{"SendLocalList", OCPP_2_0_1, OCPP_BY_CITY, &send_local_list_request, &send_local_list_answer},
	{"SetChargingProfile", OCPP_2_0_1, OCPP_BY_CITY, &set_charging_profile_request, &cancel_reservation_answer},
	{"SetVariables", OCPP_2_0_1, OCPP_BY_CITY, &set_variables_request, &set_variables_answer},
	{"TriggerMessage", OCPP_2_0_1, OCPP_BY_CITY, &trigger_message_request, &trigger_message_answer},
	{"UnlockConnector", OCPP_2_0_1, OCPP_BY_CITY, &unlock_connector_request, &unlock_connector_answer},
};
const size_t ocpp_actions_201_city_count = sizeof(ocpp_actions_201_city) / sizeof(ocpp_actions_201_city[0]);
