/* The tables of OCPP 2.0.1: objects that messages have within them. */
#include "ocpp/schema_int.h"

#define ID_TOKEN_WORDS "Central eMAID ISO14443 ISO15693 KeyCode Local MacAddress NoAuthorization"
#define AUTHORIZATION_STATUS_WORDS                                                                                     \
	"Accepted Blocked ConcurrentTx Expired Invalid NoCredit NotAllowedTypeEVSE NotAtThisLocation "                 \
	"NotAtThisTime Unknown"
#define CHARGING_PROFILE_PURPOSE_WORDS                                                                                 \
	"ChargingStationExternalConstraints ChargingStationMaxProfile TxDefaultProfile TxProfile"
#define GET_VARIABLE_STATUS_WORDS "Accepted Rejected UnknownComponent UnknownVariable NotSupportedAttributeType"
#define READING_CONTEXT_WORDS                                                                                          \
	"Interruption.Begin Interruption.End Other Sample.Clock Sample.Periodic Transaction.Begin "                    \
	"Transaction.End Trigger"
#define MEASURAND_WORDS                                                                                                \
	"Current.Export Current.Import Current.Offered Energy.Active.Export.Register "                                 \
	"Energy.Active.Import.Register Energy.Reactive.Export.Register Energy.Reactive.Import.Register "               \
	"Energy.Active.Export.Interval Energy.Active.Import.Interval Energy.Active.Net "                               \
	"Energy.Reactive.Export.Interval Energy.Reactive.Import.Interval Energy.Reactive.Net "                         \
	"Energy.Apparent.Net Energy.Apparent.Import Energy.Apparent.Export Frequency Power.Active.Export "             \
	"Power.Active.Import Power.Factor Power.Offered Power.Reactive.Export Power.Reactive.Import SoC "              \
	"Voltage"
#define PHASE_WORDS "L1 L2 L3 N L1-N L2-N L3-N L1-L2 L2-L3 L3-L1"
#define COST_KIND_WORDS "CarbonDioxideEmission RelativePricePercentage RenewableGenerationPercentage"
#define ENERGY_TRANSFER_MODE_WORDS "DC AC_single_phase AC_two_phase AC_three_phase"
#define EVENT_NOTIFICATION_WORDS "HardWiredNotification HardWiredMonitor PreconfiguredMonitor CustomMonitor"
#define MONITOR_WORDS "UpperThreshold LowerThreshold Delta Periodic PeriodicClockAligned"
#define DATA_WORDS "string decimal integer dateTime boolean OptionList SequenceList MemberList"
#define SET_VARIABLE_STATUS_WORDS                                                                                      \
	"Accepted Rejected UnknownComponent UnknownVariable NotSupportedAttributeType RebootRequired"
#define CHARGING_STATE_WORDS "Charging EVConnected SuspendedEV SuspendedEVSE Idle"
#define REASON_WORDS                                                                                                   \
	"DeAuthorized EmergencyStop EnergyLimitReached EVDisconnected GroundFault ImmediateReset Local "               \
	"LocalOutOfCredit MasterPass Other OvercurrentFault PowerLoss PowerQuality Reboot Remote "                     \
	"SOCLimitReached StoppedByEV TimeLimitReached Timeout"

static const struct ocpp_field additional_info_fields[] = {
	{"additionalIdToken", MUST, TEXT(36)},
	{"type", MUST, TEXT(50)},
};
static const struct ocpp_shape additional_info = {FIELDS(additional_info_fields), .custom = true};

static const struct ocpp_field id_token_fields[] = {
	{"additionalInfo", OBJECT(additional_info), LIST(1, 0)},
	{"idToken", MUST, TEXT(36)},
	{"type", MUST, CHOICE(ID_TOKEN_WORDS)},
};
const struct ocpp_shape ocpp_id_token = {FIELDS(id_token_fields), .custom = true};

static const struct ocpp_field ocsp_request_data_fields[] = {
	{"hashAlgorithm", MUST, CHOICE("SHA256 SHA384 SHA512")},
	{"issuerNameHash", MUST, TEXT(128)},
	{"issuerKeyHash", MUST, TEXT(128)},
	{"serialNumber", MUST, TEXT(40)},
	{"responderURL", MUST, TEXT(512)},
};
const struct ocpp_shape ocpp_ocsp_request_data = {FIELDS(ocsp_request_data_fields), .custom = true};

static const struct ocpp_field message_content_fields[] = {
	{"format", MUST, CHOICE("ASCII HTML URI UTF8")},
	{"language", TEXT(8)},
	{"content", MUST, TEXT(512)},
};
const struct ocpp_shape ocpp_message_content = {FIELDS(message_content_fields), .custom = true};

static const struct ocpp_field id_token_info_fields[] = {
	{"status", MUST, CHOICE(AUTHORIZATION_STATUS_WORDS)},
	{"cacheExpiryDateTime", TIME},
	{"chargingPriority", INTEGER},
	{"language1", TEXT(8)},
	{"evseId", INTEGER, LIST(1, 0)},
	{"groupIdToken", OBJECT(ocpp_id_token)},
	{"language2", TEXT(8)},
	{"personalMessage", OBJECT(ocpp_message_content)},
};
const struct ocpp_shape ocpp_id_token_info = {FIELDS(id_token_info_fields), .custom = true};

static const struct ocpp_field modem_fields[] = {
	{"iccid", TEXT(20)},
	{"imsi", TEXT(20)},
};
static const struct ocpp_shape modem = {FIELDS(modem_fields), .custom = true};

static const struct ocpp_field charging_station_fields[] = {
	{"serialNumber", TEXT(25)},     {"model", MUST, TEXT(20)},     {"modem", OBJECT(modem)},
	{"vendorName", MUST, TEXT(50)}, {"firmwareVersion", TEXT(50)},
};
const struct ocpp_shape ocpp_charging_station = {FIELDS(charging_station_fields), .custom = true};

static const struct ocpp_field status_info_fields[] = {
	{"reasonCode", MUST, TEXT(20)},
	{"additionalInfo", TEXT(512)},
};
const struct ocpp_shape ocpp_status_info = {FIELDS(status_info_fields), .custom = true};

static const struct ocpp_field evse_fields[] = {
	{"id", MUST, INTEGER},
	{"connectorId", INTEGER},
};
const struct ocpp_shape ocpp_evse = {FIELDS(evse_fields), .custom = true};

static const struct ocpp_field clear_charging_profile_fields[] = {
	{"evseId", INTEGER},
	{"chargingProfilePurpose", CHOICE(CHARGING_PROFILE_PURPOSE_WORDS)},
	{"stackLevel", INTEGER},
};
const struct ocpp_shape ocpp_clear_charging_profile = {FIELDS(clear_charging_profile_fields), .custom = true};

static const struct ocpp_field charging_profile_criterion_fields[] = {
	{"chargingProfilePurpose", CHOICE(CHARGING_PROFILE_PURPOSE_WORDS)},
	{"stackLevel", INTEGER},
	{"chargingProfileId", INTEGER, LIST(1, 0)},
	{"chargingLimitSource", CHOICE("EMS Other SO CSO"), LIST(1, 4)},
};
const struct ocpp_shape ocpp_charging_profile_criterion = {FIELDS(charging_profile_criterion_fields), .custom = true};

static const struct ocpp_field charging_schedule_period_fields[] = {
	{"startPeriod", MUST, INTEGER},
	{"limit", MUST, NUMBER},
	{"numberPhases", INTEGER},
	{"phaseToUse", INTEGER},
};
static const struct ocpp_shape charging_schedule_period = {FIELDS(charging_schedule_period_fields), .custom = true};

static const struct ocpp_field composite_schedule_fields[] = {
	{"chargingSchedulePeriod", MUST, OBJECT(charging_schedule_period), LIST(1, 0)},
	{"evseId", MUST, INTEGER},
	{"duration", MUST, INTEGER},
	{"scheduleStart", MUST, TIME},
	{"chargingRateUnit", MUST, CHOICE("W A")},
};
const struct ocpp_shape ocpp_composite_schedule = {FIELDS(composite_schedule_fields), .custom = true};

static const struct ocpp_field component_fields[] = {
	{"evse", OBJECT(ocpp_evse)},
	{"name", MUST, TEXT(50)},
	{"instance", TEXT(50)},
};
static const struct ocpp_shape component = {FIELDS(component_fields), .custom = true};

static const struct ocpp_field variable_fields[] = {
	{"name", MUST, TEXT(50)},
	{"instance", TEXT(50)},
};
static const struct ocpp_shape variable = {FIELDS(variable_fields), .custom = true};

static const struct ocpp_field component_variable_fields[] = {
	{"component", MUST, OBJECT(component)},
	{"variable", OBJECT(variable)},
};
const struct ocpp_shape ocpp_component_variable = {FIELDS(component_variable_fields), .custom = true};

static const struct ocpp_field get_variable_data_fields[] = {
	{"attributeType", CHOICE("Actual Target MinSet MaxSet")},
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
};
const struct ocpp_shape ocpp_get_variable_data = {FIELDS(get_variable_data_fields), .custom = true};

static const struct ocpp_field get_variable_result_fields[] = {
	{"attributeStatusInfo", OBJECT(ocpp_status_info)},
	{"attributeStatus", MUST, CHOICE(GET_VARIABLE_STATUS_WORDS)},
	{"attributeType", CHOICE("Actual Target MinSet MaxSet")},
	{"attributeValue", TEXT(2500)},
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
};
const struct ocpp_shape ocpp_get_variable_result = {FIELDS(get_variable_result_fields), .custom = true};

static const struct ocpp_field signed_meter_value_fields[] = {
	{"signedMeterData", MUST, TEXT(2500)},
	{"signingMethod", MUST, TEXT(50)},
	{"encodingMethod", MUST, TEXT(50)},
	{"publicKey", MUST, TEXT(2500)},
};
static const struct ocpp_shape signed_meter_value = {FIELDS(signed_meter_value_fields), .custom = true};

static const struct ocpp_field unit_of_measure_fields[] = {
	{"unit", TEXT(20)},
	{"multiplier", INTEGER},
};
static const struct ocpp_shape unit_of_measure = {FIELDS(unit_of_measure_fields), .custom = true};

static const struct ocpp_field sampled_value_fields[] = {
	{"value", MUST, NUMBER},
	{"context", CHOICE(READING_CONTEXT_WORDS)},
	{"measurand", CHOICE(MEASURAND_WORDS)},
	{"phase", CHOICE(PHASE_WORDS)},
	{"location", CHOICE("Body Cable EV Inlet Outlet")},
	{"signedMeterValue", OBJECT(signed_meter_value)},
	{"unitOfMeasure", OBJECT(unit_of_measure)},
};
static const struct ocpp_shape sampled_value = {FIELDS(sampled_value_fields), .custom = true};

static const struct ocpp_field meter_value_fields[] = {
	{"sampledValue", MUST, OBJECT(sampled_value), LIST(1, 0)},
	{"timestamp", MUST, TIME},
};
const struct ocpp_shape ocpp_meter_value = {FIELDS(meter_value_fields), .custom = true};

static const struct ocpp_field relative_time_interval_fields[] = {
	{"start", MUST, INTEGER},
	{"duration", INTEGER},
};
static const struct ocpp_shape relative_time_interval = {FIELDS(relative_time_interval_fields), .custom = true};

static const struct ocpp_field cost_fields[] = {
	{"costKind", MUST, CHOICE(COST_KIND_WORDS)},
	{"amount", MUST, INTEGER},
	{"amountMultiplier", INTEGER},
};
static const struct ocpp_shape cost = {FIELDS(cost_fields), .custom = true};

static const struct ocpp_field consumption_cost_fields[] = {
	{"startValue", MUST, NUMBER},
	{"cost", MUST, OBJECT(cost), LIST(1, 3)},
};
static const struct ocpp_shape consumption_cost = {FIELDS(consumption_cost_fields), .custom = true};

static const struct ocpp_field sales_tariff_entry_fields[] = {
	{"relativeTimeInterval", MUST, OBJECT(relative_time_interval)},
	{"ePriceLevel", NATURAL},
	{"consumptionCost", OBJECT(consumption_cost), LIST(1, 3)},
};
static const struct ocpp_shape sales_tariff_entry = {FIELDS(sales_tariff_entry_fields), .custom = true};

static const struct ocpp_field sales_tariff_fields[] = {
	{"id", MUST, INTEGER},
	{"salesTariffDescription", TEXT(32)},
	{"numEPriceLevels", INTEGER},
	{"salesTariffEntry", MUST, OBJECT(sales_tariff_entry), LIST(1, 1024)},
};
static const struct ocpp_shape sales_tariff = {FIELDS(sales_tariff_fields), .custom = true};

static const struct ocpp_field charging_schedule_fields[] = {
	{"id", MUST, INTEGER},
	{"startSchedule", TIME},
	{"duration", INTEGER},
	{"chargingRateUnit", MUST, CHOICE("W A")},
	{"chargingSchedulePeriod", MUST, OBJECT(charging_schedule_period), LIST(1, 1024)},
	{"minChargingRate", NUMBER},
	{"salesTariff", OBJECT(sales_tariff)},
};
const struct ocpp_shape ocpp_charging_schedule = {FIELDS(charging_schedule_fields), .custom = true};

static const struct ocpp_field charging_limit_fields[] = {
	{"chargingLimitSource", MUST, CHOICE("EMS Other SO CSO")},
	{"isGridCritical", BOOLEAN},
};
const struct ocpp_shape ocpp_charging_limit = {FIELDS(charging_limit_fields), .custom = true};

static const struct ocpp_field message_info_fields[] = {
	{"display", OBJECT(component)},
	{"id", MUST, INTEGER},
	{"priority", MUST, CHOICE("AlwaysFront InFront NormalCycle")},
	{"state", CHOICE("Charging Faulted Idle Unavailable")},
	{"startDateTime", TIME},
	{"endDateTime", TIME},
	{"transactionId", TEXT(36)},
	{"message", MUST, OBJECT(ocpp_message_content)},
};
const struct ocpp_shape ocpp_message_info = {FIELDS(message_info_fields), .custom = true};

static const struct ocpp_field ac_charging_parameters_fields[] = {
	{"energyAmount", MUST, INTEGER},
	{"evMinCurrent", MUST, INTEGER},
	{"evMaxCurrent", MUST, INTEGER},
	{"evMaxVoltage", MUST, INTEGER},
};
static const struct ocpp_shape ac_charging_parameters = {FIELDS(ac_charging_parameters_fields), .custom = true};

static const struct ocpp_field dc_charging_parameters_fields[] = {
	{"evMaxCurrent", MUST, INTEGER},
	{"evMaxVoltage", MUST, INTEGER},
	{"energyAmount", INTEGER},
	{"evMaxPower", INTEGER},
	{"stateOfCharge", PERCENT},
	{"evEnergyCapacity", INTEGER},
	{"fullSoC", PERCENT},
	{"bulkSoC", PERCENT},
};
static const struct ocpp_shape dc_charging_parameters = {FIELDS(dc_charging_parameters_fields), .custom = true};

static const struct ocpp_field charging_needs_fields[] = {
	{"acChargingParameters", OBJECT(ac_charging_parameters)},
	{"dcChargingParameters", OBJECT(dc_charging_parameters)},
	{"requestedEnergyTransfer", MUST, CHOICE(ENERGY_TRANSFER_MODE_WORDS)},
	{"departureTime", TIME},
};
const struct ocpp_shape ocpp_charging_needs = {FIELDS(charging_needs_fields), .custom = true};

static const struct ocpp_field event_data_fields[] = {
	{"eventId", MUST, INTEGER},
	{"timestamp", MUST, TIME},
	{"trigger", MUST, CHOICE("Alerting Delta Periodic")},
	{"cause", INTEGER},
	{"actualValue", MUST, TEXT(2500)},
	{"techCode", TEXT(50)},
	{"techInfo", TEXT(500)},
	{"cleared", BOOLEAN},
	{"transactionId", TEXT(36)},
	{"component", MUST, OBJECT(component)},
	{"variableMonitoringId", INTEGER},
	{"eventNotificationType", MUST, CHOICE(EVENT_NOTIFICATION_WORDS)},
	{"variable", MUST, OBJECT(variable)},
};
const struct ocpp_shape ocpp_event_data = {FIELDS(event_data_fields), .custom = true};

static const struct ocpp_field variable_monitoring_fields[] = {
	{"id", MUST, INTEGER},       {"transaction", MUST, BOOLEAN},
	{"value", MUST, NUMBER},     {"type", MUST, CHOICE(MONITOR_WORDS)},
	{"severity", MUST, INTEGER},
};
static const struct ocpp_shape variable_monitoring = {FIELDS(variable_monitoring_fields), .custom = true};

static const struct ocpp_field monitoring_data_fields[] = {
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
	{"variableMonitoring", MUST, OBJECT(variable_monitoring), LIST(1, 0)},
};
const struct ocpp_shape ocpp_monitoring_data = {FIELDS(monitoring_data_fields), .custom = true};

static const struct ocpp_field variable_attribute_fields[] = {
	{"type", CHOICE("Actual Target MinSet MaxSet")},
	{"value", TEXT(2500)},
	{"mutability", CHOICE("ReadOnly WriteOnly ReadWrite")},
	{"persistent", BOOLEAN},
	{"constant", BOOLEAN},
};
static const struct ocpp_shape variable_attribute = {FIELDS(variable_attribute_fields), .custom = true};

static const struct ocpp_field variable_characteristics_fields[] = {
	{"unit", TEXT(16)},         {"dataType", MUST, CHOICE(DATA_WORDS)}, {"minLimit", NUMBER}, {"maxLimit", NUMBER},
	{"valuesList", TEXT(1000)}, {"supportsMonitoring", MUST, BOOLEAN},
};
static const struct ocpp_shape variable_characteristics = {FIELDS(variable_characteristics_fields), .custom = true};

static const struct ocpp_field report_data_fields[] = {
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
	{"variableAttribute", MUST, OBJECT(variable_attribute), LIST(1, 4)},
	{"variableCharacteristics", OBJECT(variable_characteristics)},
};
const struct ocpp_shape ocpp_report_data = {FIELDS(report_data_fields), .custom = true};

static const struct ocpp_field charging_profile_fields[] = {
	{"id", MUST, INTEGER},
	{"stackLevel", MUST, INTEGER},
	{"chargingProfilePurpose", MUST, CHOICE(CHARGING_PROFILE_PURPOSE_WORDS)},
	{"chargingProfileKind", MUST, CHOICE("Absolute Recurring Relative")},
	{"recurrencyKind", CHOICE("Daily Weekly")},
	{"validFrom", TIME},
	{"validTo", TIME},
	{"chargingSchedule", MUST, OBJECT(ocpp_charging_schedule), LIST(1, 3)},
	{"transactionId", TEXT(36)},
};
const struct ocpp_shape ocpp_charging_profile = {FIELDS(charging_profile_fields), .custom = true};

static const struct ocpp_field authorization_data_fields[] = {
	{"idToken", MUST, OBJECT(ocpp_id_token)},
	{"idTokenInfo", OBJECT(ocpp_id_token_info)},
};
const struct ocpp_shape ocpp_authorization_data = {FIELDS(authorization_data_fields), .custom = true};

static const struct ocpp_field set_variable_data_fields[] = {
	{"attributeType", CHOICE("Actual Target MinSet MaxSet")},
	{"attributeValue", MUST, TEXT(1000)},
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
};
const struct ocpp_shape ocpp_set_variable_data = {FIELDS(set_variable_data_fields), .custom = true};

static const struct ocpp_field set_variable_result_fields[] = {
	{"attributeType", CHOICE("Actual Target MinSet MaxSet")},
	{"attributeStatus", MUST, CHOICE(SET_VARIABLE_STATUS_WORDS)},
	{"attributeStatusInfo", OBJECT(ocpp_status_info)},
	{"component", MUST, OBJECT(component)},
	{"variable", MUST, OBJECT(variable)},
};
const struct ocpp_shape ocpp_set_variable_result = {FIELDS(set_variable_result_fields), .custom = true};

static const struct ocpp_field transaction_fields[] = {
	{"transactionId", MUST, TEXT(36)}, {"chargingState", CHOICE(CHARGING_STATE_WORDS)},
	{"timeSpentCharging", INTEGER},    {"stoppedReason", CHOICE(REASON_WORDS)},
	{"remoteStartId", INTEGER},
};
const struct ocpp_shape ocpp_transaction = {FIELDS(transaction_fields), .custom = true};
