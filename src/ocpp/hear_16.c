/* What a charge point of OCPP 1.6 says. Source: OCPP 1.6 edition 2, section 4 (what happens) and 6 (the messages). */
#include "ocpp/read_int.h"
#include "ocpp/session_int.h"

/* Points keep the number of a transaction in 32 bits. */
#define NUMBER_MAX INT32_MAX

static struct json id_tag_info(struct ocpp_hearing *hearing, const struct ocpp_authorisation *authorisation)
{
	static const char *const words[] = {[OCPP_TOKEN_ACCEPTED] = "Accepted",       [OCPP_TOKEN_BLOCKED] = "Blocked",
					    [OCPP_TOKEN_EXPIRED] = "Expired",         [OCPP_TOKEN_INVALID] = "Invalid",
					    [OCPP_TOKEN_CONCURRENT] = "ConcurrentTx", [OCPP_TOKEN_UNKNOWN] = "Invalid"};
	struct json info = json_object();

	ocpp_set(hearing, &info, "status", json_string(str_from(words[authorisation->verdict])));
	if (authorisation->expires_us != OCPP_NO_TIME)
		ocpp_set(hearing, &info, "expiryDate", ocpp_time_json(hearing->arena, authorisation->expires_us));
	if (authorisation->parent.len > 0)
		ocpp_set(hearing, &info, "parentIdTag", json_string(authorisation->parent));
	return info;
}

static bool hear_boot(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;

	hearing->event.boot = (struct ocpp_boot){
		.vendor = ocpp_text_of(payload, "chargePointVendor"),
		.model = ocpp_text_of(payload, "chargePointModel"),
		.serial = ocpp_text_of(payload, "chargePointSerialNumber"),
		.firmware = ocpp_text_of(payload, "firmwareVersion"),
		.box_serial = ocpp_text_of(payload, "chargeBoxSerialNumber"),
		.iccid = ocpp_text_of(payload, "iccid"),
		.imsi = ocpp_text_of(payload, "imsi"),
		.meter_type = ocpp_text_of(payload, "meterType"),
		.meter_serial = ocpp_text_of(payload, "meterSerialNumber"),
	};
	return ocpp_hear_boot(hearing);
}

static bool hear_authorize(struct ocpp_hearing *hearing)
{
	struct ocpp_token token = {.id = ocpp_text_of(hearing->payload, "idTag")};
	struct ocpp_authorisation authorisation = ocpp_ask(hearing, &token, hearing->session->now_us);

	hearing->event.kind = OCPP_EVENT_AUTHORISE;
	hearing->event.authorise.token = token;
	hearing->event.authorise.verdict = authorisation.verdict;
	ocpp_set(hearing, &hearing->answer, "idTagInfo", id_tag_info(hearing, &authorisation));
	return true;
}

static struct ocpp_place place_of(const struct json *payload)
{
	return (struct ocpp_place){.evse = ocpp_integer_of(payload, "connectorId"), .connector = OCPP_NONE};
}

static bool hear_status(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;
	struct ocpp_status *status = &hearing->event.status;

	hearing->event.kind = OCPP_EVENT_STATUS;
	*status = (struct ocpp_status){
		.place = place_of(payload),
		.status = ocpp_text_of(payload, "status"),
		.error = ocpp_text_of(payload, "errorCode"),
		.info = ocpp_text_of(payload, "info"),
		.vendor = ocpp_text_of(payload, "vendorId"),
		.vendor_error = ocpp_text_of(payload, "vendorErrorCode"),
		.at_us = ocpp_time_of(payload, "timestamp"),
	};
	if (status->at_us == OCPP_NO_TIME)
		status->at_us = hearing->session->now_us;
	hearing->durable = true;
	return true;
}

/* A number for the transaction, and the answer. A token that is not accepted gets one too: the point decides by the
 * answer whether it goes on (1.6, 4.8), and tells of the end by the number. */
static bool answer_start(struct ocpp_hearing *hearing, const struct ocpp_start *start)
{
	const struct ocpp_session_options *options = &hearing->session->options;
	struct ocpp_transaction *transaction = &hearing->event.transaction;
	struct ocpp_authorisation authorisation = ocpp_ask(hearing, &start->token, start->at_us);
	int64_t number = OCPP_NONE;

	if (!options->number(options->user, start, &number) || number < 0 || number > NUMBER_MAX)
		return ocpp_fault_set(&hearing->fault, OCPP_INTERNAL_ERROR, "no number for the transaction");
	transaction->number = number;
	transaction->id = arena_printf(hearing->arena, "%lld", (long long)number);
	transaction->verdict = authorisation.verdict;
	transaction->authorised = true;
	ocpp_set(hearing, &hearing->answer, "idTagInfo", id_tag_info(hearing, &authorisation));
	ocpp_set(hearing, &hearing->answer, "transactionId", json_int(hearing->arena, number));
	return true;
}

static bool hear_start(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;
	struct ocpp_start start = {.place = place_of(payload),
				   .token = {.id = ocpp_text_of(payload, "idTag")},
				   .meter_wh = ocpp_integer_of(payload, "meterStart"),
				   .at_us = ocpp_time_of(payload, "timestamp"),
				   .reservation = ocpp_integer_of(payload, "reservationId")};
	struct str core = arena_printf(hearing->arena, "start %lld %lld %.*s", (long long)start.place.evse,
				       (long long)start.meter_wh, STR_FMT(start.token.id)),
		   rest = arena_printf(hearing->arena, "@%lld", (long long)start.at_us);

	if (ocpp_known(hearing, core, rest))
		return true;
	hearing->event.kind = OCPP_EVENT_TRANSACTION;
	hearing->event.transaction = (struct ocpp_transaction){.stage = OCPP_STARTED,
							       .at_us = start.at_us,
							       .place = start.place,
							       .token = start.token,
							       .meter_wh = (double)start.meter_wh,
							       .reservation = start.reservation,
							       .sequence = OCPP_NONE,
							       .remote_start = OCPP_NONE};
	hearing->durable = true;
	return answer_start(hearing, &start);
}

/* The end cannot be refused; who ended it is looked up only so that the point may remember (1.6, 4.10). */
static void answer_stop(struct ocpp_hearing *hearing)
{
	struct ocpp_transaction *transaction = &hearing->event.transaction;

	if (!transaction->token.id.at)
		return;
	struct ocpp_authorisation authorisation = ocpp_ask(hearing, &transaction->token, transaction->at_us);

	transaction->verdict = authorisation.verdict;
	transaction->authorised = true;
	ocpp_set(hearing, &hearing->answer, "idTagInfo", id_tag_info(hearing, &authorisation));
}

static bool hear_stop(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;
	struct ocpp_transaction *transaction = &hearing->event.transaction;
	struct str reason = ocpp_text_of(payload, "reason");
	int64_t number = ocpp_integer_of(payload, "transactionId"), meter = ocpp_integer_of(payload, "meterStop"),
		at_us = ocpp_time_of(payload, "timestamp");
	struct str core = arena_printf(hearing->arena, "stop %lld %lld", (long long)number, (long long)meter),
		   rest = arena_printf(hearing->arena, "@%lld", (long long)at_us);

	if (ocpp_known(hearing, core, rest))
		return true;
	hearing->event.kind = OCPP_EVENT_TRANSACTION;
	*transaction = (struct ocpp_transaction){
		.stage = OCPP_ENDED,
		.number = number,
		.id = arena_printf(hearing->arena, "%lld", (long long)number),
		.at_us = at_us,
		.place = {OCPP_NONE, OCPP_NONE},
		.token = {.id = ocpp_text_of(payload, "idTag")},
		.meter_wh = (double)meter,
		.reservation = OCPP_NONE,
		.reason = reason.at ? reason : STR("Local"), /* 1.6, 6.45: what is meant by none */
		.sequence = OCPP_NONE,
		.remote_start = OCPP_NONE,
	};
	hearing->durable = true;
	answer_stop(hearing);
	return ocpp_samples_read(hearing->arena, OCPP_1_6, ocpp_member(payload, "transactionData"),
				 &transaction->samples, &hearing->fault);
}

static bool hear_meter(struct ocpp_hearing *hearing)
{
	hearing->event.kind = OCPP_EVENT_METER;
	hearing->event.meter.place = place_of(hearing->payload);
	hearing->event.meter.transaction = ocpp_integer_of(hearing->payload, "transactionId");
	hearing->durable = true;
	return ocpp_samples_read(hearing->arena, OCPP_1_6, ocpp_member(hearing->payload, "meterValue"),
				 &hearing->event.meter.samples, &hearing->fault);
}

ocpp_hear ocpp_hearer_16(struct str action)
{
	static const struct {
		const char *action;
		ocpp_hear hear;
	} hearers[] = {
		{"Authorize", hear_authorize},
		{"BootNotification", hear_boot},
		{"DataTransfer", ocpp_hear_transfer},
		{"DiagnosticsStatusNotification", ocpp_hear_log},
		{"FirmwareStatusNotification", ocpp_hear_firmware},
		{"Heartbeat", ocpp_hear_heartbeat},
		{"LogStatusNotification", ocpp_hear_log},
		{"MeterValues", hear_meter},
		{"SecurityEventNotification", ocpp_hear_security},
		{"SignedFirmwareStatusNotification", ocpp_hear_firmware},
		{"StartTransaction", hear_start},
		{"StatusNotification", hear_status},
		{"StopTransaction", hear_stop},
	};

	for (size_t i = 0; i < sizeof(hearers) / sizeof(hearers[0]); i++)
		if (str_eq(action, str_from(hearers[i].action)))
			return hearers[i].hear;
	return NULL;
}
