/* What messages of both versions have in common. */
#include "ocpp/session_int.h"

#include "base/time_value.h"
#include "ocpp/read_int.h"

void ocpp_set(struct ocpp_hearing *hearing, struct json *object, const char *name, struct json value)
{
	(void)json_set(hearing->arena, object, str_from(name), value);
}

struct json ocpp_time_json(struct arena *arena, int64_t us)
{
	char text[TIME_ISO_BYTES];

	return json_string(arena_dup(arena, time_format_iso(us - us % US_PER_MS, text)));
}

struct ocpp_authorisation ocpp_ask(const struct ocpp_hearing *hearing, const struct ocpp_token *token, int64_t at_us)
{
	const struct ocpp_session_options *options = &hearing->session->options;

	if (!options->authorise)
		return (struct ocpp_authorisation){.verdict = OCPP_TOKEN_UNKNOWN, .expires_us = OCPP_NO_TIME};
	return options->authorise(options->user, token, at_us);
}

bool ocpp_hear_heartbeat(struct ocpp_hearing *hearing)
{
	hearing->event.kind = OCPP_EVENT_HEARTBEAT;
	ocpp_set(hearing, &hearing->answer, "currentTime", ocpp_time_json(hearing->arena, hearing->session->now_us));
	return true;
}

/* The time between heartbeats; for one that is not accepted, between its boots (1.6, 4.2; 2.0.1 B02 and B03). */
bool ocpp_hear_boot(struct ocpp_hearing *hearing)
{
	static const char *const words[] = {[OCPP_UNREGISTERED] = "Rejected",
					    [OCPP_ACCEPTED] = "Accepted",
					    [OCPP_PENDING] = "Pending",
					    [OCPP_REJECTED] = "Rejected"};
	struct ocpp_session *session = hearing->session;
	const struct ocpp_session_options *options = &session->options;

	hearing->event.kind = OCPP_EVENT_BOOT;
	session->registration =
		options->registration ? options->registration(options->user, &hearing->event.boot) : OCPP_ACCEPTED;
	if (session->registration == OCPP_UNREGISTERED)
		session->registration = OCPP_REJECTED;
	ocpp_set(hearing, &hearing->answer, "status", json_string(str_from(words[session->registration])));
	ocpp_set(hearing, &hearing->answer, "currentTime", ocpp_time_json(hearing->arena, session->now_us));
	ocpp_set(hearing, &hearing->answer, "interval", json_int(hearing->arena, (int64_t)options->heartbeat_s));
	return true;
}

bool ocpp_hear_transfer(struct ocpp_hearing *hearing)
{
	hearing->event.kind = OCPP_EVENT_TRANSFER;
	ocpp_set(hearing, &hearing->answer, "status", json_string(STR("UnknownVendorId")));
	return true;
}

bool ocpp_hear_security(struct ocpp_hearing *hearing)
{
	const struct json *payload = hearing->payload;

	hearing->event.kind = OCPP_EVENT_SECURITY;
	hearing->event.security = (struct ocpp_security){.type = ocpp_text_of(payload, "type"),
							 .info = ocpp_text_of(payload, "techInfo"),
							 .at_us = ocpp_time_of(payload, "timestamp")};
	hearing->durable = true;
	return true;
}

static bool hear_progress(struct ocpp_hearing *hearing, enum ocpp_event_kind kind)
{
	hearing->event.kind = kind;
	hearing->event.progress = (struct ocpp_progress){.status = ocpp_text_of(hearing->payload, "status"),
							 .request = ocpp_integer_of(hearing->payload, "requestId")};
	hearing->durable = true;
	return true;
}

bool ocpp_hear_firmware(struct ocpp_hearing *hearing)
{
	return hear_progress(hearing, OCPP_EVENT_FIRMWARE);
}

bool ocpp_hear_log(struct ocpp_hearing *hearing)
{
	return hear_progress(hearing, OCPP_EVENT_LOG);
}
