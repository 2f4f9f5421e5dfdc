/* The tables of OCPP 1.6: what a charge point asks, what the city asks of it, and both's answers. With the messages of
 * the security whitepaper that a charge point sends. */
#include "ocpp/schema_int.h"

#define TAG_STATUS_WORDS "Accepted Blocked Expired Invalid ConcurrentTx"
#define CONFIGURATION_STATUS_WORDS "Accepted Rejected RebootRequired NotSupported"
#define CHARGING_PROFILE_PURPOSE_WORDS "ChargePointMaxProfile TxDefaultProfile TxProfile"
#define DATA_TRANSFER_STATUS_WORDS "Accepted Rejected UnknownMessageId UnknownVendorId"
#define MESSAGE_TRIGGER_WORDS                                                                                          \
	"BootNotification LogStatusNotification FirmwareStatusNotification Heartbeat MeterValues "                     \
	"SignChargePointCertificate StatusNotification"
#define FIRMWARE_STATUS_WORDS "Downloaded DownloadFailed Downloading Idle InstallationFailed Installing Installed"
#define UPLOAD_LOG_STATUS_WORDS                                                                                        \
	"BadMessage Idle NotSupportedOperation PermissionDenied Uploaded UploadFailure Uploading"
#define CONTEXT_WORDS                                                                                                  \
	"Interruption.Begin Interruption.End Sample.Clock Sample.Periodic Transaction.Begin "                          \
	"Transaction.End Trigger Other"
#define MEASURAND_WORDS                                                                                                \
	"Energy.Active.Export.Register Energy.Active.Import.Register Energy.Reactive.Export.Register "                 \
	"Energy.Reactive.Import.Register Energy.Active.Export.Interval Energy.Active.Import.Interval "                 \
	"Energy.Reactive.Export.Interval Energy.Reactive.Import.Interval Power.Active.Export "                         \
	"Power.Active.Import Power.Offered Power.Reactive.Export Power.Reactive.Import Power.Factor "                  \
	"Current.Import Current.Export Current.Offered Voltage Frequency Temperature SoC RPM"
#define PHASE_WORDS "L1 L2 L3 N L1-N L2-N L3-N L1-L2 L2-L3 L3-L1"
#define UNIT_WORDS "Wh kWh varh kvarh W kW VA kVA var kvar A V K Celcius Celsius Fahrenheit Percent"
#define RESERVATION_STATUS_WORDS "Accepted Faulted Occupied Rejected Unavailable"
#define LOCAL_LIST_STATUS_WORDS "Accepted Failed NotSupported VersionMismatch"
#define SIGNED_FIRMWARE_STATUS_WORDS                                                                                   \
	"Downloaded DownloadFailed Downloading DownloadScheduled DownloadPaused Idle InstallationFailed "              \
	"Installing Installed InstallRebooting InstallScheduled InstallVerificationFailed "                            \
	"InvalidSignature SignatureVerified"
#define ERROR_CODE_WORDS                                                                                               \
	"ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError "                       \
	"LocalListConflict NoError OtherError OverCurrentFailure PowerMeterFailure PowerSwitchFailure "                \
	"ReaderFailure ResetFailure UnderVoltage OverVoltage WeakSignal"
#define CONNECTOR_STATUS_WORDS                                                                                         \
	"Available Preparing Charging SuspendedEVSE SuspendedEV Finishing Reserved Unavailable Faulted"
#define REASON_WORDS                                                                                                   \
	"EmergencyStop EVDisconnected HardReset Local Other PowerLoss Reboot Remote SoftReset "                        \
	"UnlockCommand DeAuthorized"
#define REQUESTED_MESSAGE_WORDS                                                                                        \
	"BootNotification DiagnosticsStatusNotification FirmwareStatusNotification Heartbeat MeterValues "             \
	"StatusNotification"

static const struct ocpp_field authorize_request_fields[] = {
	{"idTag", MUST, TEXT(20)},
};
static const struct ocpp_shape authorize_request = {FIELDS(authorize_request_fields)};

static const struct ocpp_field id_tag_info_fields[] = {
	{"expiryDate", TIME},
	{"parentIdTag", TEXT(20)},
	{"status", MUST, CHOICE(TAG_STATUS_WORDS)},
};
static const struct ocpp_shape id_tag_info = {FIELDS(id_tag_info_fields)};

static const struct ocpp_field authorize_answer_fields[] = {
	{"idTagInfo", MUST, OBJECT(id_tag_info)},
};
static const struct ocpp_shape authorize_answer = {FIELDS(authorize_answer_fields)};

static const struct ocpp_field boot_notification_request_fields[] = {
	{"chargePointVendor", MUST, TEXT(20)},
	{"chargePointModel", MUST, TEXT(20)},
	{"chargePointSerialNumber", TEXT(25)},
	{"chargeBoxSerialNumber", TEXT(25)},
	{"firmwareVersion", TEXT(50)},
	{"iccid", TEXT(20)},
	{"imsi", TEXT(20)},
	{"meterType", TEXT(25)},
	{"meterSerialNumber", TEXT(25)},
};
static const struct ocpp_shape boot_notification_request = {FIELDS(boot_notification_request_fields)};

static const struct ocpp_field boot_notification_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Pending Rejected")},
	{"currentTime", MUST, TIME},
	{"interval", MUST, INTEGER},
};
static const struct ocpp_shape boot_notification_answer = {FIELDS(boot_notification_answer_fields)};

static const struct ocpp_field cancel_reservation_request_fields[] = {
	{"reservationId", MUST, INTEGER},
};
static const struct ocpp_shape cancel_reservation_request = {FIELDS(cancel_reservation_request_fields)};

static const struct ocpp_field cancel_reservation_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
};
static const struct ocpp_shape cancel_reservation_answer = {FIELDS(cancel_reservation_answer_fields)};

static const struct ocpp_field change_availability_request_fields[] = {
	{"connectorId", MUST, INTEGER},
	{"type", MUST, CHOICE("Inoperative Operative")},
};
static const struct ocpp_shape change_availability_request = {FIELDS(change_availability_request_fields)};

static const struct ocpp_field change_availability_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected Scheduled")},
};
static const struct ocpp_shape change_availability_answer = {FIELDS(change_availability_answer_fields)};

static const struct ocpp_field change_configuration_request_fields[] = {
	{"key", MUST, TEXT(50)},
	{"value", MUST, TEXT(500)},
};
static const struct ocpp_shape change_configuration_request = {FIELDS(change_configuration_request_fields)};

static const struct ocpp_field change_configuration_answer_fields[] = {
	{"status", MUST, CHOICE(CONFIGURATION_STATUS_WORDS)},
};
static const struct ocpp_shape change_configuration_answer = {FIELDS(change_configuration_answer_fields)};

static const struct ocpp_shape nothing = {.fields = NULL};

static const struct ocpp_field clear_charging_profile_request_fields[] = {
	{"id", INTEGER},
	{"connectorId", INTEGER},
	{"chargingProfilePurpose", CHOICE(CHARGING_PROFILE_PURPOSE_WORDS)},
	{"stackLevel", INTEGER},
};
static const struct ocpp_shape clear_charging_profile_request = {FIELDS(clear_charging_profile_request_fields)};

static const struct ocpp_field clear_charging_profile_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Unknown")},
};
static const struct ocpp_shape clear_charging_profile_answer = {FIELDS(clear_charging_profile_answer_fields)};

static const struct ocpp_field data_transfer_request_fields[] = {
	{"vendorId", MUST, TEXT(255)},
	{"messageId", TEXT(50)},
	{"data", TEXT(0)},
};
static const struct ocpp_shape data_transfer_request = {FIELDS(data_transfer_request_fields)};

static const struct ocpp_field data_transfer_answer_fields[] = {
	{"status", MUST, CHOICE(DATA_TRANSFER_STATUS_WORDS)},
	{"data", TEXT(0)},
};
static const struct ocpp_shape data_transfer_answer = {FIELDS(data_transfer_answer_fields)};

static const struct ocpp_field diagnostics_status_notification_request_fields[] = {
	{"status", MUST, CHOICE("Idle Uploaded UploadFailed Uploading")},
};
static const struct ocpp_shape diagnostics_status_notification_request = {
	FIELDS(diagnostics_status_notification_request_fields)};

static const struct ocpp_field extended_trigger_message_request_fields[] = {
	{"requestedMessage", MUST, CHOICE(MESSAGE_TRIGGER_WORDS)},
	{"connectorId", INTEGER},
};
static const struct ocpp_shape extended_trigger_message_request = {FIELDS(extended_trigger_message_request_fields)};

static const struct ocpp_field extended_trigger_message_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected NotImplemented")},
};
static const struct ocpp_shape extended_trigger_message_answer = {FIELDS(extended_trigger_message_answer_fields)};

static const struct ocpp_field firmware_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(FIRMWARE_STATUS_WORDS)},
};
static const struct ocpp_shape firmware_status_notification_request = {
	FIELDS(firmware_status_notification_request_fields)};

static const struct ocpp_field get_composite_schedule_request_fields[] = {
	{"connectorId", MUST, INTEGER},
	{"duration", MUST, INTEGER},
	{"chargingRateUnit", CHOICE("A W")},
};
static const struct ocpp_shape get_composite_schedule_request = {FIELDS(get_composite_schedule_request_fields)};

static const struct ocpp_field charging_schedule_period_fields[] = {
	{"startPeriod", MUST, INTEGER},
	{"limit", MUST, TENTHS},
	{"numberPhases", INTEGER},
};
static const struct ocpp_shape charging_schedule_period = {FIELDS(charging_schedule_period_fields)};

static const struct ocpp_field charging_schedule_fields[] = {
	{"duration", INTEGER},
	{"startSchedule", TIME},
	{"chargingRateUnit", MUST, CHOICE("A W")},
	{"chargingSchedulePeriod", MUST, OBJECT(charging_schedule_period), LIST(0, 0)},
	{"minChargingRate", TENTHS},
};
static const struct ocpp_shape charging_schedule = {FIELDS(charging_schedule_fields)};

static const struct ocpp_field get_composite_schedule_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
	{"connectorId", INTEGER},
	{"scheduleStart", TIME},
	{"chargingSchedule", OBJECT(charging_schedule)},
};
static const struct ocpp_shape get_composite_schedule_answer = {FIELDS(get_composite_schedule_answer_fields)};

static const struct ocpp_field get_configuration_request_fields[] = {
	{"key", TEXT(50), LIST(0, 0)},
};
static const struct ocpp_shape get_configuration_request = {FIELDS(get_configuration_request_fields)};

static const struct ocpp_field configuration_key_fields[] = {
	{"key", MUST, TEXT(50)},
	{"readonly", MUST, BOOLEAN},
	{"value", TEXT(500)},
};
static const struct ocpp_shape configuration_key = {FIELDS(configuration_key_fields)};

static const struct ocpp_field get_configuration_answer_fields[] = {
	{"configurationKey", OBJECT(configuration_key), LIST(0, 0)},
	{"unknownKey", TEXT(50), LIST(0, 0)},
};
static const struct ocpp_shape get_configuration_answer = {FIELDS(get_configuration_answer_fields)};

static const struct ocpp_field get_local_list_version_answer_fields[] = {
	{"listVersion", MUST, INTEGER},
};
static const struct ocpp_shape get_local_list_version_answer = {FIELDS(get_local_list_version_answer_fields)};

static const struct ocpp_field heartbeat_answer_fields[] = {
	{"currentTime", MUST, TIME},
};
static const struct ocpp_shape heartbeat_answer = {FIELDS(heartbeat_answer_fields)};

static const struct ocpp_field log_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(UPLOAD_LOG_STATUS_WORDS)},
	{"requestId", INTEGER},
};
static const struct ocpp_shape log_status_notification_request = {FIELDS(log_status_notification_request_fields)};

static const struct ocpp_field sampled_value_fields[] = {
	{"value", MUST, TEXT(0)},
	{"context", CHOICE(CONTEXT_WORDS)},
	{"format", CHOICE("Raw SignedData")},
	{"measurand", CHOICE(MEASURAND_WORDS)},
	{"phase", CHOICE(PHASE_WORDS)},
	{"location", CHOICE("Cable EV Inlet Outlet Body")},
	{"unit", CHOICE(UNIT_WORDS)},
};
static const struct ocpp_shape sampled_value = {FIELDS(sampled_value_fields)};

static const struct ocpp_field meter_value_fields[] = {
	{"timestamp", MUST, TIME},
	{"sampledValue", MUST, OBJECT(sampled_value), LIST(0, 0)},
};
static const struct ocpp_shape meter_value = {FIELDS(meter_value_fields)};

static const struct ocpp_field meter_values_request_fields[] = {
	{"connectorId", MUST, INTEGER},
	{"transactionId", INTEGER},
	{"meterValue", MUST, OBJECT(meter_value), LIST(0, 0)},
};
static const struct ocpp_shape meter_values_request = {FIELDS(meter_values_request_fields)};

static const struct ocpp_field charging_profile_fields[] = {
	{"chargingProfileId", MUST, INTEGER},
	{"transactionId", INTEGER},
	{"stackLevel", MUST, INTEGER},
	{"chargingProfilePurpose", MUST, CHOICE(CHARGING_PROFILE_PURPOSE_WORDS)},
	{"chargingProfileKind", MUST, CHOICE("Absolute Recurring Relative")},
	{"recurrencyKind", CHOICE("Daily Weekly")},
	{"validFrom", TIME},
	{"validTo", TIME},
	{"chargingSchedule", MUST, OBJECT(charging_schedule)},
};
static const struct ocpp_shape charging_profile = {FIELDS(charging_profile_fields)};

static const struct ocpp_field remote_start_transaction_request_fields[] = {
	{"connectorId", INTEGER},
	{"idTag", MUST, TEXT(20)},
	{"chargingProfile", OBJECT(charging_profile)},
};
static const struct ocpp_shape remote_start_transaction_request = {FIELDS(remote_start_transaction_request_fields)};

static const struct ocpp_field remote_stop_transaction_request_fields[] = {
	{"transactionId", MUST, INTEGER},
};
static const struct ocpp_shape remote_stop_transaction_request = {FIELDS(remote_stop_transaction_request_fields)};

static const struct ocpp_field reserve_now_request_fields[] = {
	{"connectorId", MUST, INTEGER}, {"expiryDate", MUST, TIME},       {"idTag", MUST, TEXT(20)},
	{"parentIdTag", TEXT(20)},      {"reservationId", MUST, INTEGER},
};
static const struct ocpp_shape reserve_now_request = {FIELDS(reserve_now_request_fields)};

static const struct ocpp_field reserve_now_answer_fields[] = {
	{"status", MUST, CHOICE(RESERVATION_STATUS_WORDS)},
};
static const struct ocpp_shape reserve_now_answer = {FIELDS(reserve_now_answer_fields)};

static const struct ocpp_field reset_request_fields[] = {
	{"type", MUST, CHOICE("Hard Soft")},
};
static const struct ocpp_shape reset_request = {FIELDS(reset_request_fields)};

static const struct ocpp_field security_event_notification_request_fields[] = {
	{"type", MUST, TEXT(50)},
	{"timestamp", MUST, TIME},
	{"techInfo", TEXT(255)},
};
static const struct ocpp_shape security_event_notification_request = {
	FIELDS(security_event_notification_request_fields)};

static const struct ocpp_field local_authorization_list_fields[] = {
	{"idTag", MUST, TEXT(20)},
	{"idTagInfo", OBJECT(id_tag_info)},
};
static const struct ocpp_shape local_authorization_list = {FIELDS(local_authorization_list_fields)};

static const struct ocpp_field send_local_list_request_fields[] = {
	{"listVersion", MUST, INTEGER},
	{"localAuthorizationList", OBJECT(local_authorization_list), LIST(0, 0)},
	{"updateType", MUST, CHOICE("Differential Full")},
};
static const struct ocpp_shape send_local_list_request = {FIELDS(send_local_list_request_fields)};

static const struct ocpp_field send_local_list_answer_fields[] = {
	{"status", MUST, CHOICE(LOCAL_LIST_STATUS_WORDS)},
};
static const struct ocpp_shape send_local_list_answer = {FIELDS(send_local_list_answer_fields)};

static const struct ocpp_field set_charging_profile_request_fields[] = {
	{"connectorId", MUST, INTEGER},
	{"csChargingProfiles", MUST, OBJECT(charging_profile)},
};
static const struct ocpp_shape set_charging_profile_request = {FIELDS(set_charging_profile_request_fields)};

static const struct ocpp_field set_charging_profile_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected NotSupported")},
};
static const struct ocpp_shape set_charging_profile_answer = {FIELDS(set_charging_profile_answer_fields)};

static const struct ocpp_field sign_certificate_request_fields[] = {
	{"csr", MUST, TEXT(5500)},
};
static const struct ocpp_shape sign_certificate_request = {FIELDS(sign_certificate_request_fields)};

static const struct ocpp_field signed_firmware_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(SIGNED_FIRMWARE_STATUS_WORDS)},
	{"requestId", INTEGER},
};
static const struct ocpp_shape signed_firmware_status_notification_request = {
	FIELDS(signed_firmware_status_notification_request_fields)};

static const struct ocpp_field start_transaction_request_fields[] = {
	{"connectorId", MUST, INTEGER}, {"idTag", MUST, TEXT(20)}, {"meterStart", MUST, INTEGER},
	{"reservationId", INTEGER},     {"timestamp", MUST, TIME},
};
static const struct ocpp_shape start_transaction_request = {FIELDS(start_transaction_request_fields)};

static const struct ocpp_field start_transaction_answer_fields[] = {
	{"idTagInfo", MUST, OBJECT(id_tag_info)},
	{"transactionId", MUST, INTEGER},
};
static const struct ocpp_shape start_transaction_answer = {FIELDS(start_transaction_answer_fields)};

static const struct ocpp_field status_notification_request_fields[] = {
	{"connectorId", MUST, INTEGER},
	{"errorCode", MUST, CHOICE(ERROR_CODE_WORDS)},
	{"info", TEXT(50)},
	{"status", MUST, CHOICE(CONNECTOR_STATUS_WORDS)},
	{"timestamp", TIME},
	{"vendorId", TEXT(255)},
	{"vendorErrorCode", TEXT(50)},
};
static const struct ocpp_shape status_notification_request = {FIELDS(status_notification_request_fields)};

static const struct ocpp_field stop_transaction_request_fields[] = {
	{"idTag", TEXT(20)},
	{"meterStop", MUST, INTEGER},
	{"timestamp", MUST, TIME},
	{"transactionId", MUST, INTEGER},
	{"reason", CHOICE(REASON_WORDS)},
	{"transactionData", OBJECT(meter_value), LIST(0, 0)},
};
static const struct ocpp_shape stop_transaction_request = {FIELDS(stop_transaction_request_fields)};

static const struct ocpp_field stop_transaction_answer_fields[] = {
	{"idTagInfo", OBJECT(id_tag_info)},
};
static const struct ocpp_shape stop_transaction_answer = {FIELDS(stop_transaction_answer_fields)};

static const struct ocpp_field trigger_message_request_fields[] = {
	{"requestedMessage", MUST, CHOICE(REQUESTED_MESSAGE_WORDS)},
	{"connectorId", INTEGER},
};
static const struct ocpp_shape trigger_message_request = {FIELDS(trigger_message_request_fields)};

static const struct ocpp_field unlock_connector_request_fields[] = {
	{"connectorId", MUST, INTEGER},
};
static const struct ocpp_shape unlock_connector_request = {FIELDS(unlock_connector_request_fields)};

static const struct ocpp_field unlock_connector_answer_fields[] = {
	{"status", MUST, CHOICE("Unlocked UnlockFailed NotSupported")},
};
static const struct ocpp_shape unlock_connector_answer = {FIELDS(unlock_connector_answer_fields)};

const struct ocpp_action ocpp_actions_16[] = {
	{"Authorize", OCPP_1_6, OCPP_BY_STATION, &authorize_request, &authorize_answer},
	{"BootNotification", OCPP_1_6, OCPP_BY_STATION, &boot_notification_request, &boot_notification_answer},
	{"CancelReservation", OCPP_1_6, OCPP_BY_CITY, &cancel_reservation_request, &cancel_reservation_answer},
	{"ChangeAvailability", OCPP_1_6, OCPP_BY_CITY, &change_availability_request, &change_availability_answer},
	{"ChangeConfiguration", OCPP_1_6, OCPP_BY_CITY, &change_configuration_request, &change_configuration_answer},
	{"ClearCache", OCPP_1_6, OCPP_BY_CITY, &nothing, &cancel_reservation_answer},
	{"ClearChargingProfile", OCPP_1_6, OCPP_BY_CITY, &clear_charging_profile_request,
	 &clear_charging_profile_answer},
	{"DataTransfer", OCPP_1_6, OCPP_BY_STATION | OCPP_BY_CITY, &data_transfer_request, &data_transfer_answer},
	{"DiagnosticsStatusNotification", OCPP_1_6, OCPP_BY_STATION, &diagnostics_status_notification_request,
	 &nothing},
	{"ExtendedTriggerMessage", OCPP_1_6, OCPP_BY_CITY, &extended_trigger_message_request,
	 &extended_trigger_message_answer},
	{"FirmwareStatusNotification", OCPP_1_6, OCPP_BY_STATION, &firmware_status_notification_request, &nothing},
	{"GetCompositeSchedule", OCPP_1_6, OCPP_BY_CITY, &get_composite_schedule_request,
	 &get_composite_schedule_answer},
	{"GetConfiguration", OCPP_1_6, OCPP_BY_CITY, &get_configuration_request, &get_configuration_answer},
	{"GetLocalListVersion", OCPP_1_6, OCPP_BY_CITY, &nothing, &get_local_list_version_answer},
	{"Heartbeat", OCPP_1_6, OCPP_BY_STATION, &nothing, &heartbeat_answer},
	{"LogStatusNotification", OCPP_1_6, OCPP_BY_STATION, &log_status_notification_request, &nothing},
	{"MeterValues", OCPP_1_6, OCPP_BY_STATION, &meter_values_request, &nothing},
	{"RemoteStartTransaction", OCPP_1_6, OCPP_BY_CITY, &remote_start_transaction_request,
	 &cancel_reservation_answer},
	{"RemoteStopTransaction", OCPP_1_6, OCPP_BY_CITY, &remote_stop_transaction_request, &cancel_reservation_answer},
	{"ReserveNow", OCPP_1_6, OCPP_BY_CITY, &reserve_now_request, &reserve_now_answer},
	{"Reset", OCPP_1_6, OCPP_BY_CITY, &reset_request, &cancel_reservation_answer},
	{"SecurityEventNotification", OCPP_1_6, OCPP_BY_STATION, &security_event_notification_request, &nothing},
	{"SendLocalList", OCPP_1_6, OCPP_BY_CITY, &send_local_list_request, &send_local_list_answer},
	{"SetChargingProfile", OCPP_1_6, OCPP_BY_CITY, &set_charging_profile_request, &set_charging_profile_answer},
	{"SignCertificate", OCPP_1_6, OCPP_BY_STATION, &sign_certificate_request, &cancel_reservation_answer},
	{"SignedFirmwareStatusNotification", OCPP_1_6, OCPP_BY_STATION, &signed_firmware_status_notification_request,
	 &nothing},
	{"StartTransaction", OCPP_1_6, OCPP_BY_STATION, &start_transaction_request, &start_transaction_answer},
	{"StatusNotification", OCPP_1_6, OCPP_BY_STATION, &status_notification_request, &nothing},
	{"StopTransaction", OCPP_1_6, OCPP_BY_STATION, &stop_transaction_request, &stop_transaction_answer},
	{"TriggerMessage", OCPP_1_6, OCPP_BY_CITY, &trigger_message_request, &extended_trigger_message_answer},
	{"UnlockConnector", OCPP_1_6, OCPP_BY_CITY, &unlock_connector_request, &unlock_connector_answer},
};
const size_t ocpp_actions_16_count = sizeof(ocpp_actions_16) / sizeof(ocpp_actions_16[0]);
