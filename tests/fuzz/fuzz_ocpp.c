/* A session of OCPP: whatever a station sends, every message out is one of the protocol, commands pass the tables,
 * there are no more answers than questions, and each command ends once.
 *
 * The input: a byte whose bits choose the version and how events are confirmed; then lines, each a message of the
 * station, or of one byte: an order of the city, from 'a' on. */
#include "base/time_value.h"
#include "demand.h"
#include "ocpp/session.h"

#include <math.h>
#include <string.h>

#define ARENA_BYTES (64u << 20)
#define START_US INT64_C(1767225600000000)
#define VERSION_BIT 1u
#define WAIT_BIT 2u
#define REFUSE_BIT 4u
#define REJECT_BIT 8u

struct trial {
	struct ocpp_session *session;
	struct json_parser *parser;
	enum ocpp_version version;
	uint8_t choices;
	int64_t now_us, number;
	uint64_t waiting; /* a handle */
	size_t asked, answered; /* calls of the station */
	size_t ordered, ended; /* commands */
};

/* The payload of an answer cannot be told its action by its id here, but it has to be an object. */
static void on_send(void *user, struct str text)
{
	struct trial *trial = user;
	struct json_parser *parser = json_parser_new();
	struct ocpp_fault fault;
	struct ocpp_frame frame;
	struct arena arena;

	demand(parser != NULL);
	arena_init(&arena, ARENA_BYTES);
	demand(ocpp_frame_read(parser, &arena, text, &frame, &fault));
	if (frame.message == OCPP_CALL) {
		const struct ocpp_action *action = ocpp_action_find(trial->version, frame.action);

		demand(action && ocpp_action_of_city(action));
		demand(ocpp_check(action, OCPP_REQUEST, frame.payload, &fault));
	} else {
		demand(++trial->answered <= trial->asked);
		demand(frame.message == OCPP_ERROR || frame.payload);
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
}

static void settle(struct trial *trial, uint64_t handle)
{
	if (trial->choices & REFUSE_BIT)
		(void)ocpp_session_refuse(trial->session, handle);
	else
		(void)ocpp_session_confirm(trial->session, handle);
}

static void look_at_samples(struct ocpp_samples samples)
{
	for (size_t i = 0; i < samples.count; i++) {
		demand(!isinf(samples.at[i].value) && samples.at[i].measurand.len > 0);
		demand(samples.at[i].at_us != OCPP_NO_TIME);
	}
}

static void on_event(void *user, const struct ocpp_event *event)
{
	struct trial *trial = user;

	demand(event->action.len > 0);
	if (event->kind == OCPP_EVENT_TRANSACTION) {
		demand(event->transaction.id.at && event->transaction.at_us != OCPP_NO_TIME);
		look_at_samples(event->transaction.samples);
	} else if (event->kind == OCPP_EVENT_METER) {
		look_at_samples(event->meter.samples);
	} else if (event->kind == OCPP_EVENT_ANSWERED) {
		demand(++trial->ended <= trial->ordered);
	}
	if (event->handle && trial->choices & WAIT_BIT)
		trial->waiting = event->handle;
	else if (event->handle)
		settle(trial, event->handle);
}

static enum ocpp_registration on_registration(void *user, const struct ocpp_boot *boot)
{
	struct trial *trial = user;

	if (!(trial->choices & REJECT_BIT))
		return OCPP_ACCEPTED;
	return boot->vendor.len % 2 ? OCPP_PENDING : OCPP_REJECTED;
}

static struct ocpp_authorisation on_authorise(void *user, const struct ocpp_token *token, int64_t at_us)
{
	(void)user;
	return (struct ocpp_authorisation){(enum ocpp_verdict)(token->id.len % (OCPP_TOKEN_UNKNOWN + 1)), at_us,
					   token->id};
}

static bool on_number(void *user, const struct ocpp_start *start, int64_t *ret_number)
{
	*ret_number = ++((struct trial *)user)->number;
	return start->meter_wh >= 0;
}

static void order(struct trial *trial, char letter)
{
	struct ocpp_command command = {.kind = (enum ocpp_command_kind)(letter - 'a')};
	static const struct ocpp_period period = {0, 16, OCPP_NONE};
	const struct ocpp_profile profile = {.purpose = OCPP_STATION_MAX,
					     .start_us = START_US,
					     .valid_from_us = OCPP_NO_TIME,
					     .valid_to_us = OCPP_NO_TIME,
					     .duration_s = OCPP_NONE,
					     .rate_min = NAN,
					     .periods = &period,
					     .period_count = 1};
	uint64_t ticket = 0;
	struct error err;

	if (command.kind > OCPP_COMMAND_CLEAR_CACHE)
		return;
	if (command.kind == OCPP_COMMAND_SET_PROFILE)
		command.profile = &profile;
	trial->ordered += !ocpp_session_command(trial->session, &command, trial->now_us, &ticket, &err);
}

static void act(struct trial *trial, char letter)
{
	if (letter >= 'a' && letter <= 'z') {
		order(trial, letter);
	} else if (letter == 'C') {
		settle(trial, trial->waiting);
	} else if (letter == 'D') {
		ocpp_session_disconnected(trial->session, trial->now_us);
		trial->asked = trial->answered = 0;
		ocpp_session_connected(trial->session, trial->now_us);
	} else if (letter == 'T') {
		trial->now_us += 20 * US_PER_S;
		ocpp_session_tick(trial->session, trial->now_us);
		demand(ocpp_session_deadline_us(trial->session) > trial->now_us);
	}
}

static void go_through(struct trial *trial, struct str text)
{
	struct str line;
	struct error err;

	while (str_next(&text, '\n', &line)) {
		if (line.len == 1) {
			act(trial, line.at[0]);
			continue;
		}
		trial->now_us++;
		trial->asked++;
		if (ocpp_session_receive(trial->session, line, trial->now_us, &err)) {
			demand(err.code == ERR_LIMIT);
			act(trial, 'D');
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trial trial = {.now_us = START_US};
	struct error err;

	if (size == 0)
		return 0;
	trial.choices = data[0];
	trial.version = trial.choices & VERSION_BIT ? OCPP_2_0_1 : OCPP_1_6;
	trial.parser = json_parser_new();
	struct ocpp_session_options options = {.version = trial.version,
					       .parser = trial.parser,
					       .user = &trial,
					       .send = on_send,
					       .event = on_event,
					       .registration = on_registration,
					       .authorise = on_authorise,
					       .number = on_number};

	demand(ocpp_session_new(&options, &trial.session, &err) == ERR_OK);
	ocpp_session_connected(trial.session, trial.now_us);
	go_through(&trial, (struct str){(const char *)data + 1, size - 1});
	trial.session = ocpp_session_free(trial.session);
	demand(trial.ended == trial.ordered);
	trial.parser = json_parser_free(trial.parser);
	return 0;
}
