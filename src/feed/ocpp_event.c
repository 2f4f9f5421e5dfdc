/* Events of charge points as entities. What is personal is not kept: tokens are pseudonyms, signed meter data (which
 * may hold the token in clear) and free payloads are left out. */
#include "feed/ocpp_feed_int.h"

#include <math.h>
#include <stdio.h>

#define STATION "EVChargingStation"
#define POINT "EVChargingPoint"
#define CONNECTOR "EVChargingConnector"
#define SESSION "EVChargingSession"
#define UNIT_WH "WHR"

/* An event on its way. */
struct hearing {
	struct ocpp_station *station;
	struct feed *feed;
	struct arena *arena;
	const struct ocpp_event *event;
	bool failed; /* something could not be put into the batch */
	bool needs_record;
};

/* A clock that runs ahead would make all that comes later old. */
static int64_t time_of(const struct hearing *hearing, int64_t at_us)
{
	int64_t now_us = hearing->event->received_us;

	return at_us == OCPP_NO_TIME || at_us > now_us + OCPP_CLOCK_AHEAD_MAX_US ? now_us : at_us;
}

static void finish(struct hearing *hearing, struct ocpp_entity *entity)
{
	if (!ocpp_entity_add(entity, hearing->feed))
		hearing->failed = true;
}

static struct str station_id(const struct hearing *hearing)
{
	return ocpp_station_id(hearing->arena, hearing->feed, hearing->station->uri);
}

/* The entity of a place: the station's, or that of an EVSE with its links, where they are due. */
static void begin_at(struct hearing *hearing, struct ocpp_entity *entity, int64_t evse, int64_t at_us)
{
	struct ocpp_station *station = hearing->station;
	char unit[24];

	if (evse <= 0) {
		ocpp_entity_begin(entity, hearing->arena, station_id(hearing), STATION, at_us);
		return;
	}
	ocpp_entity_begin(entity, hearing->arena, ocpp_point_id(hearing->arena, station, evse), POINT, at_us);
	if (evse <= OCPP_EVSES_NAMED_MAX && station->linked & UINT64_C(1) << (evse - 1))
		return;
	if (evse <= OCPP_EVSES_NAMED_MAX)
		station->linked |= UINT64_C(1) << (evse - 1);
	(void)snprintf(unit, sizeof(unit), "%lld", (long long)evse);
	entity->at_us = OCPP_NO_TIME;
	(void)ocpp_entity_text(entity, "chargingUnitId", str_from(unit));
	ocpp_entity_relation(entity, "refEVChargingStation", station_id(hearing));
	entity->at_us = at_us;
}

/* ---- the station ---- */

void ocpp_event_connected(struct ocpp_feed *ocpp, const char *uri, enum ocpp_version version, bool connected)
{
	struct arena *arena = feed_arena(ocpp->feed);
	struct ocpp_entity entity;

	ocpp_entity_begin(&entity, arena, ocpp_station_id(arena, ocpp->feed, uri), STATION, feed_now_us(ocpp->feed));
	(void)ocpp_entity_truth(&entity, "connected", connected);
	if (connected)
		(void)ocpp_entity_text(&entity, "protocol", ocpp_version_subprotocol(version));
	if (!ocpp_entity_add(&entity, ocpp->feed))
		feed_drop(ocpp->feed, FEED_DROP_OVERSIZED, "no memory for an entity");
}

static void take_boot(struct hearing *hearing)
{
	const struct ocpp_boot *boot = &hearing->event->boot;
	struct ocpp_entity entity;

	ocpp_entity_begin(&entity, hearing->arena, station_id(hearing), STATION, hearing->event->received_us);
	(void)ocpp_entity_text(&entity, "brandName", boot->vendor);
	(void)ocpp_entity_text(&entity, "modelName", boot->model);
	(void)ocpp_entity_text(&entity, "serialNumber", boot->serial.len ? boot->serial : boot->box_serial);
	(void)ocpp_entity_text(&entity, "firmwareVersion", boot->firmware);
	(void)ocpp_entity_text(&entity, "meterType", boot->meter_type);
	(void)ocpp_entity_text(&entity, "meterSerialNumber", boot->meter_serial);
	(void)ocpp_entity_text(&entity, "bootReason", boot->reason);
	(void)ocpp_entity_time(&entity, "dateLastBoot", hearing->event->received_us);
	(void)ocpp_entity_text(&entity, "status", STR("working"));
	finish(hearing, &entity);
}

/* Of the whole station, in the words of the data model; others as they are. */
static struct str station_word(struct str status)
{
	if (str_eq(status, STR("Available")))
		return STR("working");
	if (str_eq(status, STR("Unavailable")))
		return STR("outOfService");
	return str_eq(status, STR("Faulted")) ? STR("withIncidence") : status;
}

static void take_status(struct hearing *hearing)
{
	const struct ocpp_status *status = &hearing->event->status;
	struct ocpp_entity entity;
	int64_t at_us = time_of(hearing, status->at_us);

	if (status->place.connector != OCPP_NONE) {
		begin_at(hearing, &entity, status->place.evse, at_us);
		finish(hearing, &entity);
		ocpp_entity_begin(&entity, hearing->arena,
				  ocpp_connector_id(hearing->arena, hearing->station, status->place), CONNECTOR, at_us);
		ocpp_entity_relation(&entity, "refEVChargingPoint",
				     ocpp_point_id(hearing->arena, hearing->station, status->place.evse));
	} else {
		begin_at(hearing, &entity, status->place.evse, at_us);
	}
	(void)ocpp_entity_text(&entity, "status",
			       status->place.evse == 0 ? station_word(status->status) : status->status);
	struct json *error = ocpp_entity_text(&entity, "errorCode", status->error);

	ocpp_entity_detail(&entity, error, "info", status->info);
	ocpp_entity_detail(&entity, error, "vendorId", status->vendor);
	ocpp_entity_detail(&entity, error, "vendorErrorCode", status->vendor_error);
	finish(hearing, &entity);
}

static void take_word(struct hearing *hearing, const char *name)
{
	struct ocpp_entity entity;

	ocpp_entity_begin(&entity, hearing->arena, station_id(hearing), STATION, hearing->event->received_us);
	(void)ocpp_entity_text(&entity, name, hearing->event->progress.status);
	finish(hearing, &entity);
}

static void take_security(struct hearing *hearing)
{
	const struct ocpp_security *security = &hearing->event->security;
	struct ocpp_entity entity;

	ocpp_entity_begin(&entity, hearing->arena, station_id(hearing), STATION, time_of(hearing, security->at_us));
	ocpp_entity_detail(&entity, ocpp_entity_text(&entity, "securityEvent", security->type), "techInfo",
			   security->info);
	finish(hearing, &entity);
}

/* NotifyEvent: one entity for each, since they may be about the same moment's many variables. */
static void take_data(struct hearing *hearing)
{
	const struct ocpp_data *data = &hearing->event->data;

	for (size_t i = 0; i < data->count; i++) {
		const struct ocpp_datum *datum = &data->at[i];
		struct ocpp_entity entity;

		begin_at(hearing, &entity, datum->place.evse, time_of(hearing, datum->at_us));
		struct json *property = ocpp_entity_text(&entity, "deviceEvent", datum->value);

		ocpp_entity_detail(&entity, property, "component", datum->component);
		ocpp_entity_detail(&entity, property, "variable", datum->variable);
		ocpp_entity_detail(&entity, property, "trigger", datum->trigger);
		ocpp_entity_detail(&entity, property, "cleared", datum->cleared ? STR("true") : STR("false"));
		finish(hearing, &entity);
	}
}

/* ---- meters ---- */

static void add_sample(struct hearing *hearing, struct ocpp_entity *entity, const struct ocpp_sample *sample)
{
	struct str name = ocpp_sample_name(hearing->arena, sample);
	double scale = 1;
	const char *unit = ocpp_unit_code(sample->unit, sample->measurand, &scale);
	/* A division where it is one, so that 1 varh is 0.001 kvarh and no more. */
	double value = scale < 1 ? sample->value / (1 / scale) : sample->value;

	if (!name.at) {
		hearing->failed = true;
		return;
	}
	struct json *property = name.len > 0 ? ocpp_entity_number(entity, name.at, value, unit) : NULL;

	if (!unit)
		ocpp_entity_detail(entity, property, "unit", sample->unit);
}

/* An entity for each moment, since an attribute has one value at a time. session: where no EVSE is known. */
static void take_samples(struct hearing *hearing, struct ocpp_samples samples, int64_t evse, struct str session)
{
	for (size_t i = 0; i < samples.count;) {
		int64_t at_us = samples.at[i].at_us;
		struct ocpp_entity entity;

		if (evse == OCPP_NONE && session.at)
			ocpp_entity_begin(&entity, hearing->arena, session, SESSION, time_of(hearing, at_us));
		else
			begin_at(hearing, &entity, evse, time_of(hearing, at_us));
		for (; i < samples.count && samples.at[i].at_us == at_us; i++)
			add_sample(hearing, &entity, &samples.at[i]);
		finish(hearing, &entity);
	}
}

/* A 1.6 point may say 0 although it names a transaction, which runs somewhere. */
static void take_meter(struct hearing *hearing)
{
	const struct ocpp_meter *meter = &hearing->event->meter;
	const struct ocpp_begun *begun = NULL;

	if (meter->place.evse <= 0 && meter->transaction != OCPP_NONE)
		begun = ocpp_begun_find(hearing->station,
					arena_printf(hearing->arena, "%lld", (long long)meter->transaction));
	take_samples(hearing, meter->samples, begun ? begun->place.evse : meter->place.evse, STR_NONE);
}

/* ---- transactions ---- */

static const char *verdict_word(enum ocpp_verdict verdict)
{
	static const char *const words[] = {[OCPP_TOKEN_ACCEPTED] = "Accepted",       [OCPP_TOKEN_BLOCKED] = "Blocked",
					    [OCPP_TOKEN_EXPIRED] = "Expired",         [OCPP_TOKEN_INVALID] = "Invalid",
					    [OCPP_TOKEN_CONCURRENT] = "ConcurrentTx", [OCPP_TOKEN_UNKNOWN] = "Unknown"};

	return words[verdict];
}

static void add_token(struct hearing *hearing, struct ocpp_entity *entity, const char *name)
{
	const struct ocpp_transaction *transaction = &hearing->event->transaction;
	char digits[BROKER_PSEUDONYM_DIGITS + 1];

	if (transaction->token.id.len == 0)
		return;
	if (ocpp_pseudonym(hearing->station->ocpp, transaction->token.id, digits))
		(void)ocpp_entity_text(entity, name, str_from(digits));
	else
		hearing->failed = true;
}

static void add_start(struct hearing *hearing, struct ocpp_entity *entity)
{
	const struct ocpp_transaction *transaction = &hearing->event->transaction;

	entity->at_us = OCPP_NO_TIME;
	(void)ocpp_entity_text(entity, "transactionId", transaction->id);
	(void)ocpp_entity_time(entity, "startDateTime", time_of(hearing, transaction->at_us));
	(void)ocpp_entity_number(entity, "meterStart", transaction->meter_wh, UNIT_WH);
	(void)ocpp_entity_integer(entity, "reservationId", transaction->reservation);
	(void)ocpp_entity_integer(entity, "remoteStartId", transaction->remote_start);
	ocpp_entity_relation(entity, "refEVChargingStation", station_id(hearing));
	entity->at_us = time_of(hearing, transaction->at_us);
}

static void add_end(struct hearing *hearing, struct ocpp_entity *entity, const struct ocpp_begun *begun)
{
	const struct ocpp_transaction *transaction = &hearing->event->transaction;

	entity->at_us = OCPP_NO_TIME;
	(void)ocpp_entity_time(entity, "endDateTime", time_of(hearing, transaction->at_us));
	(void)ocpp_entity_number(entity, "meterStop", transaction->meter_wh, UNIT_WH);
	(void)ocpp_entity_number(entity, "energyDelivered", transaction->meter_wh - begun->meter_wh, UNIT_WH);
	(void)ocpp_entity_text(entity, "stopReason", transaction->reason);
	entity->at_us = time_of(hearing, transaction->at_us);
}

static void add_point(struct hearing *hearing, struct str session, const struct ocpp_begun *begun)
{
	const struct ocpp_transaction *transaction = &hearing->event->transaction;
	struct ocpp_entity entity;

	begin_at(hearing, &entity, begun->place.evse, time_of(hearing, transaction->at_us));
	(void)ocpp_entity_text(&entity, "chargingState", transaction->charging_state);
	if (transaction->stage != OCPP_ENDED)
		ocpp_entity_relation(&entity, "refEVChargingSession", session);
	finish(hearing, &entity);
}

static void take_transaction(struct hearing *hearing)
{
	const struct ocpp_transaction *transaction = &hearing->event->transaction;
	static const char *const words[] = {
		[OCPP_STARTED] = "active", [OCPP_UPDATED] = "active", [OCPP_ENDED] = "ended"};
	const struct ocpp_begun *begun = ocpp_begun_note(hearing->station, transaction);
	struct str session = ocpp_session_id(hearing->arena, hearing->station, transaction->id);
	struct ocpp_entity entity;

	ocpp_entity_begin(&entity, hearing->arena, session, SESSION, time_of(hearing, transaction->at_us));
	(void)ocpp_entity_text(&entity, "status", str_from(words[transaction->stage]));
	if (transaction->stage == OCPP_STARTED)
		add_start(hearing, &entity);
	if (transaction->stage == OCPP_ENDED)
		add_end(hearing, &entity, begun);
	add_token(hearing, &entity, transaction->stage == OCPP_ENDED ? "stopTokenPseudonym" : "tokenPseudonym");
	if (transaction->authorised)
		(void)ocpp_entity_text(&entity, "authorizationStatus", str_from(verdict_word(transaction->verdict)));
	(void)ocpp_entity_text(&entity, "chargingState", transaction->charging_state);
	(void)ocpp_entity_text(&entity, "triggerReason", transaction->trigger);
	if (begun->place.evse > 0)
		ocpp_entity_relation(&entity, "refEVChargingPoint",
				     ocpp_point_id(hearing->arena, hearing->station, begun->place.evse));
	finish(hearing, &entity);
	if (begun->place.evse > 0)
		add_point(hearing, session, begun);
	take_samples(hearing, transaction->samples, begun->place.evse, session);
	hearing->needs_record = transaction->stage != OCPP_UPDATED;
}

/* ---- all ---- */

/* False: nothing of it is kept. One flat switch. */
static bool take(struct hearing *hearing)
{
	switch (hearing->event->kind) {
	case OCPP_EVENT_BOOT:
		take_boot(hearing);
		return true;
	case OCPP_EVENT_STATUS:
		take_status(hearing);
		return true;
	case OCPP_EVENT_TRANSACTION:
		take_transaction(hearing);
		return true;
	case OCPP_EVENT_METER:
		take_meter(hearing);
		return true;
	case OCPP_EVENT_FIRMWARE:
		take_word(hearing, "firmwareStatus");
		return true;
	case OCPP_EVENT_LOG:
		take_word(hearing, "logStatus");
		return true;
	case OCPP_EVENT_SECURITY:
		take_security(hearing);
		return true;
	case OCPP_EVENT_DATA:
		if (!str_eq(hearing->event->action, STR("NotifyEvent")))
			return false;
		take_data(hearing);
		return true;
	case OCPP_EVENT_HEARTBEAT:
	case OCPP_EVENT_AUTHORISE:
	case OCPP_EVENT_TRANSFER:
	case OCPP_EVENT_OTHER:
	case OCPP_EVENT_ANSWERED:
		break;
	}
	return hearing->event->kind == OCPP_EVENT_HEARTBEAT || hearing->event->kind == OCPP_EVENT_AUTHORISE;
}

/* The record goes to the store's writer now, and the batch later: it is durable first. */
static void hold_for_record(struct hearing *hearing)
{
	struct ocpp_station *station = hearing->station;

	if (station->hold_count == OCPP_ANSWERS_MAX || !ocpp_record_save(station))
		hearing->failed = true;
	else
		station->holds[station->hold_count++] = (struct ocpp_hold){hearing->event->handle, station->version};
}

void ocpp_event_take(void *user, const struct ocpp_event *event)
{
	struct ocpp_station *station = user;
	struct feed *feed = station->ocpp->feed;
	struct hearing hearing = {.station = station, .feed = feed, .event = event};

	if (event->kind == OCPP_EVENT_ANSWERED) {
		ocpp_send_answered(station, &event->answered);
		return;
	}
	hearing.arena = feed_arena(feed);
	if (!take(&hearing))
		feed_drop(feed, FEED_DROP_UNMAPPED, "%.*s is not kept", STR_FMT(event->action));
	if (!event->handle)
		return;
	if (!hearing.failed)
		hearing.failed = !intake_add_receipt(feed->intake, (uint64_t)station->generation << 32 | station->place,
						     event->handle);
	if (!hearing.failed && hearing.needs_record)
		hold_for_record(&hearing);
	if (hearing.failed)
		(void)ocpp_session_refuse(station->session, event->handle); /* the receipt finds nothing then */
}
