/* What a charging station of OCPP 2.0.1 says. Source: OCPP 2.0.1 edition 2, part 2: sections B to P (what happens) and
 * "Messages, Datatypes & Enumerations". */
#include "ocpp/read_int.h"
#include "ocpp/session_int.h"

#include <math.h>

static struct json id_token_info(struct ocpp_hearing *hearing, const struct ocpp_authorisation *authorisation)
{
	static const char *const words[] = {[OCPP_TOKEN_ACCEPTED] = "Accepted",       [OCPP_TOKEN_BLOCKED] = "Blocked",
					    [OCPP_TOKEN_EXPIRED] = "Expired",         [OCPP_TOKEN_INVALID] = "Invalid",
					    [OCPP_TOKEN_CONCURRENT] = "ConcurrentTx", [OCPP_TOKEN_UNKNOWN] = "Unknown"};
	struct json info = json_object(), group = json_object();

	ocpp_set(hearing, &info, "status", json_string(str_from(words[authorisation->verdict])));
	if (authorisation->expires_us != OCPP_NO_TIME)
		ocpp_set(hearing, &info, "cacheExpiryDateTime",
			 ocpp_time_json(hearing->arena, authorisation->expires_us));
	if (authorisation->parent.len > 0) {
		ocpp_set(hearing, &group, "idToken", json_string(authorisation->parent));
		ocpp_set(hearing, &group, "type", json_string(STR("Central")));
		ocpp_set(hearing, &info, "groupIdToken", group);
	}
	return info;
}

static bool hear_boot(struct ocpp_hearing *hearing)
{
	const struct json *station = ocpp_member(hearing->payload, "chargingStation"),
			  *modem = ocpp_member(station, "modem");

	hearing->event.boot = (struct ocpp_boot){
		.vendor = ocpp_text_of(station, "vendorName"),
		.model = ocpp_text_of(station, "model"),
		.serial = ocpp_text_of(station, "serialNumber"),
		.firmware = ocpp_text_of(station, "firmwareVersion"),
		.iccid = ocpp_text_of(modem, "iccid"),
		.imsi = ocpp_text_of(modem, "imsi"),
		.reason = ocpp_text_of(hearing->payload, "reason"),
	};
	return ocpp_hear_boot(hearing);
}

static struct ocpp_token token_of(const struct json *payload)
{
	const struct json *token = ocpp_member(payload, "idToken");

	return (struct ocpp_token){.id = ocpp_text_of(token, "idToken"), .type = ocpp_text_of(token, "type")};
}

static bool hear_authorize(struct ocpp_hearing *hearing)
{
	struct ocpp_token token = token_of(hearing->payload);
	struct ocpp_authorisation authorisation = ocpp_ask(hearing, &token, hearing->session->now_us);

	hearing->event.kind = OCPP_EVENT_AUTHORISE;
	hearing->event.authorise.token = token;
	hearing->event.authorise.verdict = authorisation.verdict;
	ocpp_set(hearing, &hearing->answer, "idTokenInfo", id_token_info(hearing, &authorisation));
	return true;
}

/* An EVSEType, or none. */
static struct ocpp_place place_of(const struct json *evse)
{
	return (struct ocpp_place){.evse = ocpp_integer_of(evse, "id"),
				   .connector = ocpp_integer_of(evse, "connectorId")};
}

static bool hear_status(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;

	hearing->event.kind = OCPP_EVENT_STATUS;
	hearing->event.status = (struct ocpp_status){
		.place = {ocpp_integer_of(payload, "evseId"), ocpp_integer_of(payload, "connectorId")},
		.status = ocpp_text_of(payload, "connectorStatus"),
		.at_us = ocpp_time_of(payload, "timestamp"),
	};
	hearing->durable = true;
	return true;
}

static enum ocpp_stage stage_of(struct str word)
{
	if (str_eq(word, STR("Started")))
		return OCPP_STARTED;
	return str_eq(word, STR("Ended")) ? OCPP_ENDED : OCPP_UPDATED;
}

/* The register at the begin or the end, which 2.0.1 sends among the values of the meter. */
static double register_of(const struct ocpp_transaction *transaction)
{
	if (transaction->stage == OCPP_UPDATED)
		return NAN;
	return ocpp_samples_register(transaction->samples, transaction->stage == OCPP_STARTED ? STR("Transaction.Begin")
											      : STR("Transaction.End"));
}

static struct ocpp_transaction transaction_of(const struct json *payload)
{
	const struct json *info = ocpp_member(payload, "transactionInfo");

	return (struct ocpp_transaction){
		.stage = stage_of(ocpp_text_of(payload, "eventType")),
		.id = ocpp_text_of(info, "transactionId"),
		.number = OCPP_NONE,
		.at_us = ocpp_time_of(payload, "timestamp"),
		.place = place_of(ocpp_member(payload, "evse")),
		.token = token_of(payload),
		.reservation = ocpp_integer_of(payload, "reservationId"),
		.reason = ocpp_text_of(info, "stoppedReason"),
		.trigger = ocpp_text_of(payload, "triggerReason"),
		.charging_state = ocpp_text_of(info, "chargingState"),
		.sequence = ocpp_integer_of(payload, "seqNo"),
		.remote_start = ocpp_integer_of(info, "remoteStartId"),
		.offline = ocpp_truth_of(payload, "offline"),
	};
}

/* A token is always answered: idTokenInfo is there when idToken was (TransactionEventResponse). */
static void answer_token(struct ocpp_hearing *hearing, struct ocpp_transaction *transaction)
{
	if (!ocpp_member(hearing->payload, "idToken"))
		return;
	struct ocpp_authorisation authorisation = ocpp_ask(hearing, &transaction->token, transaction->at_us);

	transaction->verdict = authorisation.verdict;
	transaction->authorised = true;
	ocpp_set(hearing, &hearing->answer, "idTokenInfo", id_token_info(hearing, &authorisation));
}

static bool hear_transaction(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;
	struct ocpp_transaction *transaction = &hearing->event.transaction;

	hearing->event.kind = OCPP_EVENT_TRANSACTION;
	*transaction = transaction_of(payload);
	if (transaction->stage == OCPP_ENDED && !transaction->reason.at)
		transaction->reason = STR("Local"); /* TransactionType: what is meant by none */
	struct str core = arena_printf(hearing->arena, "event %d %lld %.*s %.*s", (int)transaction->stage,
				       (long long)transaction->sequence, STR_FMT(transaction->id),
				       STR_FMT(transaction->trigger)),
		   rest = arena_printf(hearing->arena, "@%lld", (long long)transaction->at_us);

	if (ocpp_known(hearing, core, rest))
		return true;
	hearing->durable = true;
	if (!ocpp_samples_read(hearing->arena, OCPP_2_0_1, ocpp_member(payload, "meterValue"), &transaction->samples,
			       &hearing->fault))
		return false;
	transaction->meter_wh = register_of(transaction);
	answer_token(hearing, transaction);
	return true;
}

static bool hear_meter(struct ocpp_hearing *hearing)
{
	hearing->event.kind = OCPP_EVENT_METER;
	hearing->event.meter.place = (struct ocpp_place){ocpp_integer_of(hearing->payload, "evseId"), OCPP_NONE};
	hearing->event.meter.transaction = OCPP_NONE;
	hearing->durable = true;
	return ocpp_samples_read(hearing->arena, OCPP_2_0_1, ocpp_member(hearing->payload, "meterValue"),
				 &hearing->event.meter.samples, &hearing->fault);
}

/* What a component, and a variable of it, are called. */
static struct ocpp_datum datum_of(const struct json *node)
{
	const struct json *component = ocpp_member(node, "component"), *variable = ocpp_member(node, "variable");

	return (struct ocpp_datum){.component = ocpp_text_of(component, "name"),
				   .component_instance = ocpp_text_of(component, "instance"),
				   .variable = ocpp_text_of(variable, "name"),
				   .variable_instance = ocpp_text_of(variable, "instance"),
				   .place = place_of(ocpp_member(component, "evse")),
				   .at_us = OCPP_NO_TIME};
}

/* Room for the data of the event; NULL with the fault when there is none. */
static struct ocpp_datum *begin_data(struct ocpp_hearing *hearing, size_t count)
{
	const struct json *payload = hearing->payload;
	struct ocpp_datum *data = arena_array(hearing->arena, struct ocpp_datum, count);

	if (!data) {
		(void)ocpp_fault_set(&hearing->fault, OCPP_INTERNAL_ERROR, "no memory");
		return NULL;
	}
	hearing->event.kind = OCPP_EVENT_DATA;
	hearing->event.data = (struct ocpp_data){.request = ocpp_integer_of(payload, "requestId"),
						 .sequence = ocpp_integer_of(payload, "seqNo"),
						 .more = ocpp_truth_of(payload, "tbc"),
						 .at = data,
						 .count = count};
	hearing->durable = true;
	return data;
}

static bool hear_notify_event(struct ocpp_hearing *hearing)
{
	const struct json *list = ocpp_member(hearing->payload, "eventData");
	struct ocpp_datum *data = begin_data(hearing, list->count);

	if (!data)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct json *node = json_at(list, i);

		data[i] = datum_of(node);
		data[i].value = ocpp_text_of(node, "actualValue");
		data[i].trigger = ocpp_text_of(node, "trigger");
		data[i].at_us = ocpp_time_of(node, "timestamp");
		data[i].cleared = ocpp_truth_of(node, "cleared");
	}
	return true;
}

static bool hear_notify_report(struct ocpp_hearing *hearing)
{
	const struct json *list = ocpp_member(hearing->payload, "reportData");
	size_t count = 0, filled = 0, variables = list ? list->count : 0;

	for (size_t i = 0; i < variables; i++)
		count += ocpp_member(json_at(list, i), "variableAttribute")->count;
	struct ocpp_datum *data = begin_data(hearing, count);

	if (!data)
		return false;
	for (size_t i = 0; i < variables; i++) {
		const struct json *node = json_at(list, i), *attributes = ocpp_member(node, "variableAttribute");

		for (size_t k = 0; k < attributes->count; k++, filled++) {
			struct str type = ocpp_text_of(json_at(attributes, k), "type");

			data[filled] = datum_of(node);
			data[filled].value = ocpp_text_of(json_at(attributes, k), "value");
			data[filled].attribute = type.at ? type : STR("Actual");
			data[filled].at_us = ocpp_time_of(hearing->payload, "generatedAt");
		}
	}
	return true;
}

static bool hear_other(struct ocpp_hearing *hearing)
{
	hearing->event.kind = OCPP_EVENT_OTHER;
	hearing->durable = true;
	return true;
}

/* What an EV needs is told, but no schedule is made of it: so says Rejected (K15.FR.04; the station goes on by the
 * profiles that it has). */
static bool hear_needs(struct ocpp_hearing *hearing)
{
	ocpp_set(hearing, &hearing->answer, "status", json_string(STR("Rejected")));
	return hear_other(hearing);
}

/* That the message came is all that Accepted says here (K17). */
static bool hear_ev_schedule(struct ocpp_hearing *hearing)
{
	ocpp_set(hearing, &hearing->answer, "status", json_string(STR("Accepted")));
	return hear_other(hearing);
}

ocpp_hear ocpp_hearer_201(struct str action)
{
	static const struct {
		const char *action;
		ocpp_hear hear;
	} hearers[] = {
		{"Authorize", hear_authorize},
		{"BootNotification", hear_boot},
		{"ClearedChargingLimit", hear_other},
		{"DataTransfer", ocpp_hear_transfer},
		{"FirmwareStatusNotification", ocpp_hear_firmware},
		{"Heartbeat", ocpp_hear_heartbeat},
		{"LogStatusNotification", ocpp_hear_log},
		{"MeterValues", hear_meter},
		{"NotifyChargingLimit", hear_other},
		{"NotifyCustomerInformation", hear_other},
		{"NotifyDisplayMessages", hear_other},
		{"NotifyEVChargingNeeds", hear_needs},
		{"NotifyEVChargingSchedule", hear_ev_schedule},
		{"NotifyEvent", hear_notify_event},
		{"NotifyMonitoringReport", hear_other},
		{"NotifyReport", hear_notify_report},
		{"PublishFirmwareStatusNotification", ocpp_hear_firmware},
		{"ReportChargingProfiles", hear_other},
		{"ReservationStatusUpdate", hear_other},
		{"SecurityEventNotification", ocpp_hear_security},
		{"StatusNotification", hear_status},
		{"TransactionEvent", hear_transaction},
	};

	for (size_t i = 0; i < sizeof(hearers) / sizeof(hearers[0]); i++)
		if (str_eq(action, str_from(hearers[i].action)))
			return hearers[i].hear;
	return NULL;
}
