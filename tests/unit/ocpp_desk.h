/* A session with a desk around it, for tests: what it sends and tells is written down as texts, its questions are
 * answered from fields that the test sets. */
#ifndef MACHI_TESTS_OCPP_DESK_H
#define MACHI_TESTS_OCPP_DESK_H

#include "base/time_value.h"
#include "check.h"
#include "ocpp/session.h"

#define DESK_LINES_MAX 256
#define DESK_START_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z (date -d) */

struct desk_lines {
	char *at[DESK_LINES_MAX]; /* owned */
	size_t count;
};

struct desk {
	struct ocpp_session *session;
	struct json_parser *parser;
	int64_t now_us;
	struct desk_lines sent, told;
	uint64_t handle; /* of the last event */
	bool confirm_at_once;
	enum ocpp_registration registration;
	struct ocpp_authorisation authorisation;
	bool no_number;
	int64_t number_last; /* of transactions */
	size_t asked_numbers, asked_tokens;
	const struct ocpp_command *next; /* put in at the next event, once */
	uint64_t ticket;
};

static inline void desk_write(struct desk_lines *lines, struct str text)
{
	if (CHECK(lines->count < DESK_LINES_MAX))
		lines->at[lines->count++] = str_to_c(text);
}

static inline struct str desk_last(const struct desk_lines *lines)
{
	return lines->count ? str_from(lines->at[lines->count - 1]) : STR_NONE;
}

static inline void desk_forget(struct desk_lines *lines)
{
	while (lines->count > 0)
		free(lines->at[--lines->count]);
}

static inline void desk_put(struct buf *buf, const char *name, struct str text)
{
	if (text.at)
		buf_printf(buf, " %s=%.*s", name, STR_FMT(text));
}

static inline void desk_put_number(struct buf *buf, const char *name, int64_t number)
{
	if (number != OCPP_NONE && number != OCPP_NO_TIME)
		buf_printf(buf, " %s=%lld", name, (long long)number);
}

/* Seconds since DESK_START_US. */
static inline void desk_put_time(struct buf *buf, int64_t us)
{
	if (us != OCPP_NO_TIME)
		buf_printf(buf, " @%g", (double)(us - DESK_START_US) / (double)US_PER_S);
}

static inline void desk_put_place(struct buf *buf, const struct ocpp_place *place)
{
	desk_put_number(buf, "evse", place->evse);
	desk_put_number(buf, "connector", place->connector);
}

static inline void desk_put_samples(struct buf *buf, struct ocpp_samples samples)
{
	for (size_t i = 0; i < samples.count; i++) {
		const struct ocpp_sample *sample = &samples.at[i];

		buf_printf(buf, " [%.12g", sample->value);
		desk_put(buf, "measurand", sample->measurand);
		desk_put(buf, "phase", sample->phase);
		desk_put(buf, "location", sample->location);
		desk_put(buf, "context", sample->context);
		desk_put(buf, "unit", sample->unit);
		desk_put(buf, "text", sample->is_signed ? sample->text : STR_NONE);
		desk_put_time(buf, sample->at_us);
		buf_put_char(buf, ']');
	}
}

static inline void desk_put_transaction(struct buf *buf, const struct ocpp_transaction *transaction)
{
	static const char *const stages[] = {"started", "updated", "ended"};

	buf_printf(buf, " %s %.*s", stages[transaction->stage], STR_FMT(transaction->id));
	desk_put_place(buf, &transaction->place);
	desk_put(buf, "token", transaction->token.id);
	desk_put(buf, "type", transaction->token.type);
	if (transaction->authorised)
		buf_printf(buf, " verdict=%d", (int)transaction->verdict);
	if (!isnan(transaction->meter_wh))
		buf_printf(buf, " wh=%g", transaction->meter_wh);
	desk_put_number(buf, "reservation", transaction->reservation);
	desk_put(buf, "reason", transaction->reason);
	desk_put(buf, "trigger", transaction->trigger);
	desk_put(buf, "state", transaction->charging_state);
	desk_put_number(buf, "sequence", transaction->sequence);
	desk_put_number(buf, "remote", transaction->remote_start);
	if (transaction->offline)
		buf_put(buf, STR(" offline"));
	desk_put_time(buf, transaction->at_us);
	desk_put_samples(buf, transaction->samples);
}

static inline void desk_put_boot(struct buf *buf, const struct ocpp_boot *boot)
{
	desk_put(buf, "vendor", boot->vendor);
	desk_put(buf, "model", boot->model);
	desk_put(buf, "serial", boot->serial);
	desk_put(buf, "firmware", boot->firmware);
	desk_put(buf, "box", boot->box_serial);
	desk_put(buf, "iccid", boot->iccid);
	desk_put(buf, "imsi", boot->imsi);
	desk_put(buf, "meter", boot->meter_type);
	desk_put(buf, "meter_serial", boot->meter_serial);
	desk_put(buf, "reason", boot->reason);
}

static inline void desk_put_status(struct buf *buf, const struct ocpp_status *status)
{
	desk_put_place(buf, &status->place);
	desk_put(buf, "status", status->status);
	desk_put(buf, "error", status->error);
	desk_put(buf, "info", status->info);
	desk_put(buf, "vendor", status->vendor);
	desk_put(buf, "vendor_error", status->vendor_error);
	desk_put_time(buf, status->at_us);
}

static inline void desk_put_data(struct buf *buf, const struct ocpp_data *data)
{
	desk_put_number(buf, "request", data->request);
	desk_put_number(buf, "sequence", data->sequence);
	if (data->more)
		buf_put(buf, STR(" more"));
	for (size_t i = 0; i < data->count; i++) {
		const struct ocpp_datum *datum = &data->at[i];

		buf_printf(buf, " [%.*s", STR_FMT(datum->component));
		desk_put(buf, "instance", datum->component_instance);
		desk_put(buf, "variable", datum->variable);
		desk_put_place(buf, &datum->place);
		desk_put(buf, "value", datum->value);
		desk_put(buf, "attribute", datum->attribute);
		desk_put(buf, "trigger", datum->trigger);
		desk_put_time(buf, datum->at_us);
		buf_put(buf, datum->cleared ? STR(" cleared]") : STR("]"));
	}
}

static inline void desk_put_answered(struct buf *buf, const struct ocpp_answered *answered)
{
	static const char *const outcomes[] = {"done",    "failed", "bad answer", "timed out",
					       "expired", "lost",   "dropped"};

	buf_printf(buf, " %s", outcomes[answered->outcome]);
	desk_put(buf, "status", answered->status);
	desk_put(buf, "code", answered->code);
	desk_put(buf, "description", answered->description);
}

static inline void desk_put_security(struct buf *buf, const struct ocpp_security *security)
{
	desk_put(buf, "type", security->type);
	desk_put(buf, "info", security->info);
	desk_put_time(buf, security->at_us);
}

static inline void desk_put_event(struct buf *buf, const struct ocpp_event *event)
{
	buf_put(buf, event->action);
	switch (event->kind) {
	case OCPP_EVENT_BOOT:
		desk_put_boot(buf, &event->boot);
		break;
	case OCPP_EVENT_STATUS:
		desk_put_status(buf, &event->status);
		break;
	case OCPP_EVENT_AUTHORISE:
		desk_put(buf, "token", event->authorise.token.id);
		desk_put(buf, "type", event->authorise.token.type);
		buf_printf(buf, " verdict=%d", (int)event->authorise.verdict);
		break;
	case OCPP_EVENT_TRANSACTION:
		desk_put_transaction(buf, &event->transaction);
		break;
	case OCPP_EVENT_METER:
		desk_put_place(buf, &event->meter.place);
		desk_put_number(buf, "transaction", event->meter.transaction);
		desk_put_samples(buf, event->meter.samples);
		break;
	case OCPP_EVENT_FIRMWARE:
	case OCPP_EVENT_LOG:
		desk_put(buf, "status", event->progress.status);
		desk_put_number(buf, "request", event->progress.request);
		break;
	case OCPP_EVENT_SECURITY:
		desk_put_security(buf, &event->security);
		break;
	case OCPP_EVENT_DATA:
		desk_put_data(buf, &event->data);
		break;
	case OCPP_EVENT_ANSWERED:
		desk_put_answered(buf, &event->answered);
		break;
	case OCPP_EVENT_HEARTBEAT:
	case OCPP_EVENT_TRANSFER:
	case OCPP_EVENT_OTHER:
		break;
	}
}

static inline void desk_send(void *user, struct str text)
{
	desk_write(&((struct desk *)user)->sent, text);
}

static inline void desk_event(void *user, const struct ocpp_event *event)
{
	struct desk *desk = user;
	struct error err;
	struct buf buf;

	buf_init(&buf, 1u << 20);
	desk_put_event(&buf, event);
	desk_write(&desk->told, buf_str(&buf));
	buf_done(&buf);
	desk->handle = event->handle;
	if (desk->confirm_at_once && event->handle)
		CHECK(ocpp_session_confirm(desk->session, event->handle));
	if (desk->next) {
		const struct ocpp_command *command = desk->next;

		desk->next = NULL;
		CHECK_OK(ocpp_session_command(desk->session, command, desk->now_us, &desk->ticket, &err), &err);
	}
}

static inline enum ocpp_registration desk_registration(void *user, const struct ocpp_boot *boot)
{
	CHECK(boot->vendor.len > 0);
	return ((struct desk *)user)->registration;
}

static inline struct ocpp_authorisation desk_authorise(void *user, const struct ocpp_token *token, int64_t at_us)
{
	struct desk *desk = user;

	CHECK(token->id.at && at_us != OCPP_NO_TIME);
	desk->asked_tokens++;
	return desk->authorisation;
}

static inline bool desk_number(void *user, const struct ocpp_start *start, int64_t *ret_number)
{
	struct desk *desk = user;

	CHECK(start->token.id.len > 0);
	desk->asked_numbers++;
	if (desk->no_number)
		return false;
	*ret_number = ++desk->number_last;
	return true;
}

static inline void desk_open(struct desk *desk, enum ocpp_version version)
{
	struct error err;

	*desk = (struct desk){.parser = json_parser_new(),
			      .now_us = DESK_START_US,
			      .confirm_at_once = true,
			      .registration = OCPP_ACCEPTED,
			      .authorisation = {.verdict = OCPP_TOKEN_ACCEPTED, .expires_us = OCPP_NO_TIME},
			      .number_last = 6};
	struct ocpp_session_options options = {.version = version,
					       .parser = desk->parser,
					       .user = desk,
					       .send = desk_send,
					       .event = desk_event,
					       .registration = desk_registration,
					       .authorise = desk_authorise,
					       .number = desk_number,
					       .heartbeat_s = 300,
					       .call_timeout_s = 30,
					       .command_wait_s = 120,
					       .first_id = 100};

	CHECK_OK(ocpp_session_new(&options, &desk->session, &err), &err);
	ocpp_session_connected(desk->session, desk->now_us);
}

static inline void desk_close(struct desk *desk)
{
	desk->session = ocpp_session_free(desk->session);
	desk_forget(&desk->sent);
	desk_forget(&desk->told);
	desk->parser = json_parser_free(desk->parser);
}

/* A message in; the last message out. */
static inline struct str desk_hear(struct desk *desk, const char *text)
{
	struct error err;

	desk_forget(&desk->sent);
	desk_forget(&desk->told);
	CHECK_OK(ocpp_session_receive(desk->session, str_from(text), desk->now_us, &err), &err);
	return desk_last(&desk->sent);
}

static inline void desk_order(struct desk *desk, const struct ocpp_command *command)
{
	struct error err;

	desk_forget(&desk->sent);
	desk_forget(&desk->told);
	CHECK_OK(ocpp_session_command(desk->session, command, desk->now_us, &desk->ticket, &err), &err);
}

static inline enum err_code desk_order_fails(struct desk *desk, const struct ocpp_command *command)
{
	struct error err;

	return ocpp_session_command(desk->session, command, desk->now_us, &desk->ticket, &err);
}

#endif
