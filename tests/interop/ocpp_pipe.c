/* A central system's session behind standard input and output, for programs that play the charge point.
 *
 * Usage: ocpp_pipe ocpp1.6|ocpp2.0.1
 *
 * Each line in is a message of the station, or begins with "!":
 *   !time SECONDS            the clock, since 1970
 *   !confirm                 confirms the last event that waits; events are confirmed at once until !wait
 *   !wait                    from now on events wait
 *   !connect, !disconnect
 *   !command NAME            one of commands[] below
 *   !check request|answer ACTION PAYLOAD      "= ok" or "= CODE TEXT" by the tables; "= unknown" for an action
 * Lines out: "> " and a message to the station, "# " and an event's action, "= " and a result; then "." for each line
 * in, when all that came of it is out. */
#include "base/time_value.h"
#include "ocpp/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX (1u << 20)
#define START_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define CHECK_ARENA_BYTES (32u << 20)

struct pipe {
	struct ocpp_session *session;
	struct json_parser *parser;
	enum ocpp_version version;
	int64_t now_us, number;
	uint64_t handle; /* of the last event that waits */
	bool wait;
};

static void on_send(void *user, struct str text)
{
	(void)user;
	(void)printf("> %.*s\n", STR_FMT(text));
}

static void on_event(void *user, const struct ocpp_event *event)
{
	struct pipe *pipe = user;

	(void)printf("# %.*s %d\n", STR_FMT(event->action),
		     event->kind == OCPP_EVENT_ANSWERED ? (int)event->answered.outcome : -1);
	if (event->handle && !pipe->wait)
		(void)ocpp_session_confirm(pipe->session, event->handle);
	else if (event->handle)
		pipe->handle = event->handle;
}

/* Blocked for a token that says so; else accepted, with all that can be said of it. */
static struct ocpp_authorisation on_authorise(void *user, const struct ocpp_token *token, int64_t at_us)
{
	(void)user;
	(void)at_us;
	if (str_eq(token->id, STR("BLOCKED")))
		return (struct ocpp_authorisation){.verdict = OCPP_TOKEN_BLOCKED, .expires_us = OCPP_NO_TIME};
	return (struct ocpp_authorisation){OCPP_TOKEN_ACCEPTED, START_US + US_PER_DAY + 123456, STR("FAMILY")};
}

static bool on_number(void *user, const struct ocpp_start *start, int64_t *ret_number)
{
	(void)start;
	*ret_number = ++((struct pipe *)user)->number;
	return true;
}

static const struct ocpp_period periods[] = {{0, 16.5, 3}, {1800, 8, OCPP_NONE}};

#define BOUNDS .valid_from_us = START_US, .valid_to_us = START_US + US_PER_DAY, .rate_min = 6.1
#define SCHEDULE .unit = OCPP_AMPERES, .periods = periods, .period_count = 2

static const struct ocpp_profile at_start = {.id = 1,
					     .purpose = OCPP_TX,
					     .kind = OCPP_RELATIVE,
					     .start_us = OCPP_NO_TIME,
					     .duration_s = 3600,
					     BOUNDS,
					     SCHEDULE},
				 most = {.id = 2,
					 .purpose = OCPP_STATION_MAX,
					 .kind = OCPP_ABSOLUTE,
					 .start_us = START_US,
					 .duration_s = OCPP_NONE,
					 BOUNDS,
					 SCHEDULE},
				 daily = {.id = 3,
					  .stack_level = 4,
					  .purpose = OCPP_TX_DEFAULT,
					  .kind = OCPP_WEEKLY,
					  .start_us = START_US,
					  .duration_s = 86400,
					  BOUNDS,
					  SCHEDULE},
				 running = {.id = 4,
					    .purpose = OCPP_TX,
					    .kind = OCPP_DAILY,
					    .transaction = {"1", 1},
					    .start_us = START_US,
					    .duration_s = 600,
					    BOUNDS,
					    SCHEDULE};

static const struct ocpp_variable_name setting = {
	{"OCPPCommCtrlr", 13}, {NULL, 0}, {"HeartbeatInterval", 17}, {NULL, 0}};

static const struct {
	const char *name;
	struct ocpp_command command;
} commands[] = {
	{"start",
	 {.kind = OCPP_COMMAND_START, .place = {1, OCPP_NONE}, .start = {{{"A1", 2}, {NULL, 0}}, 5, &at_start}}},
	{"start-anywhere",
	 {.kind = OCPP_COMMAND_START, .place = {OCPP_NONE, OCPP_NONE}, .start = {{{"A1", 2}, {NULL, 0}}, 6, NULL}}},
	{"stop", {.kind = OCPP_COMMAND_STOP, .stop = {{"1", 1}}}},
	{"set-most", {.kind = OCPP_COMMAND_SET_PROFILE, .place = {0, OCPP_NONE}, .profile = &most}},
	{"set-default", {.kind = OCPP_COMMAND_SET_PROFILE, .place = {1, OCPP_NONE}, .profile = &daily}},
	{"set-running", {.kind = OCPP_COMMAND_SET_PROFILE, .place = {1, OCPP_NONE}, .profile = &running}},
	{"clear-id", {.kind = OCPP_COMMAND_CLEAR_PROFILE, .place = {OCPP_NONE, OCPP_NONE}, .clear = {.id = 3}}},
	{"clear-level",
	 {.kind = OCPP_COMMAND_CLEAR_PROFILE,
	  .place = {1, OCPP_NONE},
	  .clear = {.id = OCPP_NONE, .purpose_told = true, .purpose = OCPP_TX_DEFAULT, .stack_level = 4}}},
	{"composite", {.kind = OCPP_COMMAND_COMPOSITE, .place = {1, OCPP_NONE}, .composite = {600, true, OCPP_WATTS}}},
	{"inoperative", {.kind = OCPP_COMMAND_AVAILABILITY, .place = {1, OCPP_NONE}}},
	{"operative", {.kind = OCPP_COMMAND_AVAILABILITY, .place = {0, OCPP_NONE}, .operative = true}},
	{"reset", {.kind = OCPP_COMMAND_RESET, .place = {OCPP_NONE, OCPP_NONE}, .at_once = true}},
	{"reset-soft", {.kind = OCPP_COMMAND_RESET, .place = {OCPP_NONE, OCPP_NONE}}},
	{"unlock", {.kind = OCPP_COMMAND_UNLOCK, .place = {1, 1}}},
	{"trigger", {.kind = OCPP_COMMAND_TRIGGER, .place = {1, OCPP_NONE}, .message = {"StatusNotification", 18}}},
	{"set-value",
	 {.kind = OCPP_COMMAND_SET_VALUE,
	  .set = {{{"OCPPCommCtrlr", 13}, {NULL, 0}, {"HeartbeatInterval", 17}, {NULL, 0}}, {"60", 2}}}},
	{"get-values", {.kind = OCPP_COMMAND_GET_VALUES, .get = {&setting, 1}}},
	{"clear-cache", {.kind = OCPP_COMMAND_CLEAR_CACHE}},
};

static void on_command(struct pipe *pipe, struct str name)
{
	struct error err;
	uint64_t ticket = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (str_eq(name, str_from(commands[i].name))) {
			enum err_code code =
				ocpp_session_command(pipe->session, &commands[i].command, pipe->now_us, &ticket, &err);

			(void)printf("= %s%s%s\n", err_name(code), code ? " " : "", code ? err.detail : "");
			return;
		}
	(void)printf("= no such command\n");
}

static void on_check(struct pipe *pipe, struct str rest)
{
	struct ocpp_fault fault = {.code = OCPP_NO_FAULT};
	struct str part = STR_NONE, name = STR_NONE;
	struct json *payload = NULL;
	struct arena arena;
	struct error err;

	(void)str_next(&rest, ' ', &part);
	(void)str_next(&rest, ' ', &name);
	const struct ocpp_action *action = ocpp_action_find(pipe->version, name);

	if (!action) {
		(void)printf("= unknown\n");
		return;
	}
	arena_init(&arena, CHECK_ARENA_BYTES);
	if (json_parse(pipe->parser, &arena, rest, NULL, &payload, &err))
		(void)printf("= json %s\n", err.detail);
	else if (ocpp_check(action, str_eq(part, STR("request")) ? OCPP_REQUEST : OCPP_ANSWER, payload, &fault))
		(void)printf("= ok\n");
	else
		(void)printf("= %.*s %s\n", STR_FMT(ocpp_fault_name(pipe->version, fault.code)), fault.text);
	arena_done(&arena);
}

static void on_order(struct pipe *pipe, struct str line)
{
	struct str word = STR_NONE;
	int64_t seconds = 0;

	(void)str_next(&line, ' ', &word);
	if (str_eq(word, STR("!time")) && str_to_int64(line, &seconds)) {
		pipe->now_us = seconds * US_PER_S;
		ocpp_session_tick(pipe->session, pipe->now_us);
	} else if (str_eq(word, STR("!wait"))) {
		pipe->wait = true;
	} else if (str_eq(word, STR("!confirm"))) {
		(void)printf("= %d\n", ocpp_session_confirm(pipe->session, pipe->handle));
	} else if (str_eq(word, STR("!connect"))) {
		ocpp_session_connected(pipe->session, pipe->now_us);
	} else if (str_eq(word, STR("!disconnect"))) {
		ocpp_session_disconnected(pipe->session, pipe->now_us);
	} else if (str_eq(word, STR("!command"))) {
		on_command(pipe, line);
	} else if (str_eq(word, STR("!check"))) {
		on_check(pipe, line);
	} else {
		(void)printf("= no such order\n");
	}
}

static int run(struct pipe *pipe)
{
	char *line = malloc(LINE_BYTES_MAX);
	struct error err;

	while (line && fgets(line, (int)LINE_BYTES_MAX, stdin)) {
		struct str text = str_trim(str_from(line));

		if (str_starts(text, STR("!")))
			on_order(pipe, text);
		else if (ocpp_session_receive(pipe->session, text, pipe->now_us, &err))
			(void)printf("= %s %s\n", err_name(err.code), err.detail);
		(void)printf(".\n");
		(void)fflush(stdout);
	}
	free(line);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct pipe pipe = {.parser = json_parser_new(), .now_us = START_US};
	struct error err;

	if (argc != 2 || !pipe.parser || !ocpp_version_from(str_from(argv[1]), &pipe.version)) {
		(void)fprintf(stderr, "usage: ocpp_pipe ocpp1.6|ocpp2.0.1\n");
		return EXIT_FAILURE;
	}
	struct ocpp_session_options options = {.version = pipe.version,
					       .parser = pipe.parser,
					       .user = &pipe,
					       .send = on_send,
					       .event = on_event,
					       .authorise = on_authorise,
					       .number = on_number};

	if (ocpp_session_new(&options, &pipe.session, &err)) {
		(void)fprintf(stderr, "ocpp_pipe: %s\n", err.detail);
		return EXIT_FAILURE;
	}
	ocpp_session_connected(pipe.session, pipe.now_us);
	int result = run(&pipe);

	pipe.session = ocpp_session_free(pipe.session);
	pipe.parser = json_parser_free(pipe.parser);
	return result;
}
