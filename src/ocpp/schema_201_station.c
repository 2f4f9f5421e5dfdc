/* The tables of OCPP 2.0.1: what a charging station asks, and what it is answered. */
#include "ocpp/schema_int.h"

#define AUTHORIZE_CERTIFICATE_STATUS_WORDS                                                                             \
	"Accepted SignatureError CertificateExpired CertificateRevoked NoCertificateAvailable "                        \
	"CertChainError ContractCancelled"
#define BOOT_REASON_WORDS                                                                                              \
	"ApplicationReset FirmwareUpdate LocalReset PowerUp RemoteReset ScheduledReset Triggered Unknown "             \
	"Watchdog"
#define DATA_TRANSFER_STATUS_WORDS "Accepted Rejected UnknownMessageId UnknownVendorId"
#define FIRMWARE_STATUS_WORDS                                                                                          \
	"Downloaded DownloadFailed Downloading DownloadScheduled DownloadPaused Idle InstallationFailed "              \
	"Installing Installed InstallRebooting InstallScheduled InstallVerificationFailed "                            \
	"InvalidSignature SignatureVerified"
#define UPLOAD_LOG_STATUS_WORDS                                                                                        \
	"BadMessage Idle NotSupportedOperation PermissionDenied Uploaded UploadFailure Uploading "                     \
	"AcceptedCanceled"
#define PUBLISH_FIRMWARE_STATUS_WORDS                                                                                  \
	"Idle DownloadScheduled Downloading Downloaded Published DownloadFailed DownloadPaused "                       \
	"InvalidChecksum ChecksumVerified PublishFailed"
#define CERTIFICATE_SIGNING_USE_WORDS "ChargingStationCertificate V2GCertificate"
#define CONNECTOR_STATUS_WORDS "Available Occupied Reserved Unavailable Faulted"
#define TRIGGER_REASON_WORDS                                                                                           \
	"Authorized CablePluggedIn ChargingRateChanged ChargingStateChanged Deauthorized "                             \
	"EnergyLimitReached EVCommunicationLost EVConnectTimeout MeterValueClock MeterValuePeriodic "                  \
	"TimeLimitReached Trigger UnlockCommand StopAuthorized EVDeparted EVDetected RemoteStop "                      \
	"RemoteStart AbnormalCondition SignedDataReceived ResetCommand"

static const struct ocpp_field authorize_request_fields[] = {
	{"idToken", MUST, OBJECT(ocpp_id_token)},
	{"certificate", TEXT(5500)},
	{"iso15118CertificateHashData", OBJECT(ocpp_ocsp_request_data), LIST(1, 4)},
};
static const struct ocpp_shape authorize_request = {FIELDS(authorize_request_fields), .custom = true};

static const struct ocpp_field authorize_answer_fields[] = {
	{"idTokenInfo", MUST, OBJECT(ocpp_id_token_info)},
	{"certificateStatus", CHOICE(AUTHORIZE_CERTIFICATE_STATUS_WORDS)},
};
static const struct ocpp_shape authorize_answer = {FIELDS(authorize_answer_fields), .custom = true};

static const struct ocpp_field boot_notification_request_fields[] = {
	{"chargingStation", MUST, OBJECT(ocpp_charging_station)},
	{"reason", MUST, CHOICE(BOOT_REASON_WORDS)},
};
static const struct ocpp_shape boot_notification_request = {FIELDS(boot_notification_request_fields), .custom = true};

static const struct ocpp_field boot_notification_answer_fields[] = {
	{"currentTime", MUST, TIME},
	{"interval", MUST, INTEGER},
	{"status", MUST, CHOICE("Accepted Pending Rejected")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape boot_notification_answer = {FIELDS(boot_notification_answer_fields), .custom = true};

static const struct ocpp_field cleared_charging_limit_request_fields[] = {
	{"chargingLimitSource", MUST, CHOICE("EMS Other SO CSO")},
	{"evseId", INTEGER},
};
static const struct ocpp_shape cleared_charging_limit_request = {FIELDS(cleared_charging_limit_request_fields),
								 .custom = true};

static const struct ocpp_shape nothing = {.fields = NULL, .custom = true};

static const struct ocpp_field data_transfer_request_fields[] = {
	{"messageId", TEXT(50)},
	{"data", ANY},
	{"vendorId", MUST, TEXT(255)},
};
static const struct ocpp_shape data_transfer_request = {FIELDS(data_transfer_request_fields), .custom = true};

static const struct ocpp_field data_transfer_answer_fields[] = {
	{"status", MUST, CHOICE(DATA_TRANSFER_STATUS_WORDS)},
	{"statusInfo", OBJECT(ocpp_status_info)},
	{"data", ANY},
};
static const struct ocpp_shape data_transfer_answer = {FIELDS(data_transfer_answer_fields), .custom = true};

static const struct ocpp_field firmware_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(FIRMWARE_STATUS_WORDS)},
	{"requestId", INTEGER},
};
static const struct ocpp_shape firmware_status_notification_request = {
	FIELDS(firmware_status_notification_request_fields), .custom = true};

static const struct ocpp_field get15118_ev_certificate_request_fields[] = {
	{"iso15118SchemaVersion", MUST, TEXT(50)},
	{"action", MUST, CHOICE("Install Update")},
	{"exiRequest", MUST, TEXT(5600)},
};
static const struct ocpp_shape get15118_ev_certificate_request = {FIELDS(get15118_ev_certificate_request_fields),
								  .custom = true};

static const struct ocpp_field get15118_ev_certificate_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Failed")},
	{"statusInfo", OBJECT(ocpp_status_info)},
	{"exiResponse", MUST, TEXT(5600)},
};
static const struct ocpp_shape get15118_ev_certificate_answer = {FIELDS(get15118_ev_certificate_answer_fields),
								 .custom = true};

static const struct ocpp_field get_certificate_status_request_fields[] = {
	{"ocspRequestData", MUST, OBJECT(ocpp_ocsp_request_data)},
};
static const struct ocpp_shape get_certificate_status_request = {FIELDS(get_certificate_status_request_fields),
								 .custom = true};

static const struct ocpp_field get_certificate_status_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Failed")},
	{"statusInfo", OBJECT(ocpp_status_info)},
	{"ocspResult", TEXT(5500)},
};
static const struct ocpp_shape get_certificate_status_answer = {FIELDS(get_certificate_status_answer_fields),
								.custom = true};

static const struct ocpp_field heartbeat_answer_fields[] = {
	{"currentTime", MUST, TIME},
};
static const struct ocpp_shape heartbeat_answer = {FIELDS(heartbeat_answer_fields), .custom = true};

static const struct ocpp_field log_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(UPLOAD_LOG_STATUS_WORDS)},
	{"requestId", INTEGER},
};
static const struct ocpp_shape log_status_notification_request = {FIELDS(log_status_notification_request_fields),
								  .custom = true};

static const struct ocpp_field meter_values_request_fields[] = {
	{"evseId", MUST, INTEGER},
	{"meterValue", MUST, OBJECT(ocpp_meter_value), LIST(1, 0)},
};
static const struct ocpp_shape meter_values_request = {FIELDS(meter_values_request_fields), .custom = true};

static const struct ocpp_field notify_charging_limit_request_fields[] = {
	{"chargingSchedule", OBJECT(ocpp_charging_schedule), LIST(1, 0)},
	{"evseId", INTEGER},
	{"chargingLimit", MUST, OBJECT(ocpp_charging_limit)},
};
static const struct ocpp_shape notify_charging_limit_request = {FIELDS(notify_charging_limit_request_fields),
								.custom = true};

static const struct ocpp_field notify_customer_information_request_fields[] = {
	{"data", MUST, TEXT(512)},    {"tbc", BOOLEAN}, {"seqNo", MUST, INTEGER}, {"generatedAt", MUST, TIME},
	{"requestId", MUST, INTEGER},
};
static const struct ocpp_shape notify_customer_information_request = {
	FIELDS(notify_customer_information_request_fields), .custom = true};

static const struct ocpp_field notify_display_messages_request_fields[] = {
	{"messageInfo", OBJECT(ocpp_message_info), LIST(1, 0)},
	{"requestId", MUST, INTEGER},
	{"tbc", BOOLEAN},
};
static const struct ocpp_shape notify_display_messages_request = {FIELDS(notify_display_messages_request_fields),
								  .custom = true};

static const struct ocpp_field notify_ev_charging_needs_request_fields[] = {
	{"maxScheduleTuples", INTEGER},
	{"chargingNeeds", MUST, OBJECT(ocpp_charging_needs)},
	{"evseId", MUST, INTEGER},
};
static const struct ocpp_shape notify_ev_charging_needs_request = {FIELDS(notify_ev_charging_needs_request_fields),
								   .custom = true};

static const struct ocpp_field notify_ev_charging_needs_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected Processing")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape notify_ev_charging_needs_answer = {FIELDS(notify_ev_charging_needs_answer_fields),
								  .custom = true};

static const struct ocpp_field notify_ev_charging_schedule_request_fields[] = {
	{"timeBase", MUST, TIME},
	{"chargingSchedule", MUST, OBJECT(ocpp_charging_schedule)},
	{"evseId", MUST, INTEGER},
};
static const struct ocpp_shape notify_ev_charging_schedule_request = {
	FIELDS(notify_ev_charging_schedule_request_fields), .custom = true};

static const struct ocpp_field notify_ev_charging_schedule_answer_fields[] = {
	{"status", MUST, CHOICE("Accepted Rejected")},
	{"statusInfo", OBJECT(ocpp_status_info)},
};
static const struct ocpp_shape notify_ev_charging_schedule_answer = {FIELDS(notify_ev_charging_schedule_answer_fields),
								     .custom = true};

static const struct ocpp_field notify_event_request_fields[] = {
	{"generatedAt", MUST, TIME},
	{"tbc", BOOLEAN},
	{"seqNo", MUST, INTEGER},
	{"eventData", MUST, OBJECT(ocpp_event_data), LIST(1, 0)},
};
static const struct ocpp_shape notify_event_request = {FIELDS(notify_event_request_fields), .custom = true};

static const struct ocpp_field notify_monitoring_report_request_fields[] = {
	{"monitor", OBJECT(ocpp_monitoring_data), LIST(1, 0)},
	{"requestId", MUST, INTEGER},
	{"tbc", BOOLEAN},
	{"seqNo", MUST, INTEGER},
	{"generatedAt", MUST, TIME},
};
static const struct ocpp_shape notify_monitoring_report_request = {FIELDS(notify_monitoring_report_request_fields),
								   .custom = true};

static const struct ocpp_field notify_report_request_fields[] = {
	{"requestId", MUST, INTEGER},
	{"generatedAt", MUST, TIME},
	{"reportData", OBJECT(ocpp_report_data), LIST(1, 0)},
	{"tbc", BOOLEAN},
	{"seqNo", MUST, INTEGER},
};
static const struct ocpp_shape notify_report_request = {FIELDS(notify_report_request_fields), .custom = true};

static const struct ocpp_field publish_firmware_status_notification_request_fields[] = {
	{"status", MUST, CHOICE(PUBLISH_FIRMWARE_STATUS_WORDS)},
	{"location", TEXT(512), LIST(1, 0)},
	{"requestId", INTEGER},
};
static const struct ocpp_shape publish_firmware_status_notification_request = {
	FIELDS(publish_firmware_status_notification_request_fields), .custom = true};

static const struct ocpp_field report_charging_profiles_request_fields[] = {
	{"requestId", MUST, INTEGER},
	{"chargingLimitSource", MUST, CHOICE("EMS Other SO CSO")},
	{"chargingProfile", MUST, OBJECT(ocpp_charging_profile), LIST(1, 0)},
	{"tbc", BOOLEAN},
	{"evseId", MUST, INTEGER},
};
static const struct ocpp_shape report_charging_profiles_request = {FIELDS(report_charging_profiles_request_fields),
								   .custom = true};

static const struct ocpp_field reservation_status_update_request_fields[] = {
	{"reservationId", MUST, INTEGER},
	{"reservationUpdateStatus", MUST, CHOICE("Expired Removed")},
};
static const struct ocpp_shape reservation_status_update_request = {FIELDS(reservation_status_update_request_fields),
								    .custom = true};

static const struct ocpp_field security_event_notification_request_fields[] = {
	{"type", MUST, TEXT(50)},
	{"timestamp", MUST, TIME},
	{"techInfo", TEXT(255)},
};
static const struct ocpp_shape security_event_notification_request = {
	FIELDS(security_event_notification_request_fields), .custom = true};

static const struct ocpp_field sign_certificate_request_fields[] = {
	{"csr", MUST, TEXT(5500)},
	{"certificateType", CHOICE(CERTIFICATE_SIGNING_USE_WORDS)},
};
static const struct ocpp_shape sign_certificate_request = {FIELDS(sign_certificate_request_fields), .custom = true};

static const struct ocpp_field status_notification_request_fields[] = {
	{"timestamp", MUST, TIME},
	{"connectorStatus", MUST, CHOICE(CONNECTOR_STATUS_WORDS)},
	{"evseId", MUST, INTEGER},
	{"connectorId", MUST, INTEGER},
};
static const struct ocpp_shape status_notification_request = {FIELDS(status_notification_request_fields),
							      .custom = true};

static const struct ocpp_field transaction_event_request_fields[] = {
	{"eventType", MUST, CHOICE("Ended Started Updated")},
	{"meterValue", OBJECT(ocpp_meter_value), LIST(1, 0)},
	{"timestamp", MUST, TIME},
	{"triggerReason", MUST, CHOICE(TRIGGER_REASON_WORDS)},
	{"seqNo", MUST, INTEGER},
	{"offline", BOOLEAN},
	{"numberOfPhasesUsed", INTEGER},
	{"cableMaxCurrent", INTEGER},
	{"reservationId", INTEGER},
	{"transactionInfo", MUST, OBJECT(ocpp_transaction)},
	{"evse", OBJECT(ocpp_evse)},
	{"idToken", OBJECT(ocpp_id_token)},
};
static const struct ocpp_shape transaction_event_request = {FIELDS(transaction_event_request_fields), .custom = true};

static const struct ocpp_field transaction_event_answer_fields[] = {
	{"totalCost", NUMBER},
	{"chargingPriority", INTEGER},
	{"idTokenInfo", OBJECT(ocpp_id_token_info)},
	{"updatedPersonalMessage", OBJECT(ocpp_message_content)},
};
static const struct ocpp_shape transaction_event_answer = {FIELDS(transaction_event_answer_fields), .custom = true};

const struct ocpp_action ocpp_actions_201_station[] = {
	{"Authorize", OCPP_2_0_1, OCPP_BY_STATION, &authorize_request, &authorize_answer},
	{"BootNotification", OCPP_2_0_1, OCPP_BY_STATION, &boot_notification_request, &boot_notification_answer},
	{"ClearedChargingLimit", OCPP_2_0_1, OCPP_BY_STATION, &cleared_charging_limit_request, &nothing},
	{"DataTransfer", OCPP_2_0_1, OCPP_BY_STATION | OCPP_BY_CITY, &data_transfer_request, &data_transfer_answer},
	{"FirmwareStatusNotification", OCPP_2_0_1, OCPP_BY_STATION, &firmware_status_notification_request, &nothing},
	{"Get15118EVCertificate", OCPP_2_0_1, OCPP_BY_STATION, &get15118_ev_certificate_request,
	 &get15118_ev_certificate_answer},
	{"GetCertificateStatus", OCPP_2_0_1, OCPP_BY_STATION, &get_certificate_status_request,
	 &get_certificate_status_answer},
	{"Heartbeat", OCPP_2_0_1, OCPP_BY_STATION, &nothing, &heartbeat_answer},
	{"LogStatusNotification", OCPP_2_0_1, OCPP_BY_STATION, &log_status_notification_request, &nothing},
	{"MeterValues", OCPP_2_0_1, OCPP_BY_STATION, &meter_values_request, &nothing},
	{"NotifyChargingLimit", OCPP_2_0_1, OCPP_BY_STATION, &notify_charging_limit_request, &nothing},
	{"NotifyCustomerInformation", OCPP_2_0_1, OCPP_BY_STATION, &notify_customer_information_request, &nothing},
	{"NotifyDisplayMessages", OCPP_2_0_1, OCPP_BY_STATION, &notify_display_messages_request, &nothing},
	{"NotifyEVChargingNeeds", OCPP_2_0_1, OCPP_BY_STATION, &notify_ev_charging_needs_request,
	 &notify_ev_charging_needs_answer},
	{"NotifyEVChargingSchedule", OCPP_2_0_1, OCPP_BY_STATION, &notify_ev_charging_schedule_request,
	 &notify_ev_charging_schedule_answer},
	{"NotifyEvent", OCPP_2_0_1, OCPP_BY_STATION, &notify_event_request, &nothing},
	{"NotifyMonitoringReport", OCPP_2_0_1, OCPP_BY_STATION, &notify_monitoring_report_request, &nothing},
	{"NotifyReport", OCPP_2_0_1, OCPP_BY_STATION, &notify_report_request, &nothing},
	{"PublishFirmwareStatusNotification", OCPP_2_0_1, OCPP_BY_STATION,
	 &publish_firmware_status_notification_request, &nothing},
	{"ReportChargingProfiles", OCPP_2_0_1, OCPP_BY_STATION, &report_charging_profiles_request, &nothing},
	{"ReservationStatusUpdate", OCPP_2_0_1, OCPP_BY_STATION, &reservation_status_update_request, &nothing},
	{"SecurityEventNotification", OCPP_2_0_1, OCPP_BY_STATION, &security_event_notification_request, &nothing},
	{"SignCertificate", OCPP_2_0_1, OCPP_BY_STATION, &sign_certificate_request,
	 &notify_ev_charging_schedule_answer},
	{"StatusNotification", OCPP_2_0_1, OCPP_BY_STATION, &status_notification_request, &nothing},
	{"TransactionEvent", OCPP_2_0_1, OCPP_BY_STATION, &transaction_event_request, &transaction_event_answer},
};
const size_t ocpp_actions_201_station_count = sizeof(ocpp_actions_201_station) / sizeof(ocpp_actions_201_station[0]);
