/* GET /ocpp/{feed}/{station}: a charge point opens a WebSocket to a feed of kind ocpp, which has the other end of it
 * (feed/feed.h, "lines"). Sources: OCPP-J 1.6 sections 3 and 6.2, OCPP 2.0.1 part 4 sections 3 and 4.1: a station that
 * is not known is told 404, one without its password 401, and one that speaks no version of ours gets a handshake
 * without sub-protocol, and a close. */
#include "api/api_int.h"

#include "feed/feed.h"
#include "net/http_basic.h"

#define CLOSE_PROTOCOL_ERROR 1002 /* RFC 6455 section 7.4.1 */

static const char *const protocols[] = {"ocpp1.6", "ocpp2.0.1"};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

static void wake(void *self)
{
	http_stream_wake(self);
}

static ssize_t on_pull(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	struct call *call = http_request_state(request);
	struct feed_line *line = call->work;
	size_t got = feed_line_read(line, at, room, ret_ends);
	const char *reason;
	uint16_t code;

	if (got == 0 && feed_line_is_over(line, &code, &reason))
		http_websocket_end(request, code, reason);
	return (ssize_t)got;
}

static bool on_take(struct http_request *request, struct str text)
{
	struct call *call = http_request_state(request);

	return feed_line_take(call->work, text);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the type is that of struct http_websocket_talk
static ssize_t on_pull_refused(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	(void)at;
	(void)room;
	(void)ret_ends;
	http_websocket_end(request, CLOSE_PROTOCOL_ERROR, "ocpp1.6 and ocpp2.0.1 are spoken here");
	return 0;
}

static bool drop_text(struct http_request *request, struct str text)
{
	(void)request;
	(void)text;
	return true;
}

static void hang_up(void *line)
{
	feed_line_hang_up(line);
}

static void answer_refused(struct call *call, enum err_code code)
{
	if (code == ERR_UNSUPPORTED) {
		http_respond_websocket_talk(
			call->request, &(struct http_websocket_talk){.pull = on_pull_refused,
								     .take = drop_text,
								     .message_bytes_max = FEED_LINE_TEXT_BYTES_MAX});
	} else if (code == ERR_DENIED) {
		(void)http_response_header(call->request, "WWW-Authenticate", STR("Basic realm=\"ocpp\""));
		problem_refuse(call->api, call->request, 401, call->error.detail);
	} else {
		answer_error(call, code, &call->error);
	}
}

static bool is_handshake(struct call *call)
{
	const char *reason = "charge points open a WebSocket here";
	int status = http_websocket_check(call->request, &reason);

	if (status == 101 && origin_trusted(call->api, call->request))
		return true;
	if (status == 101) {
		status = 403;
		reason = "pages of this Origin may not connect: http.cors_origins does not name it";
	}
	if (status == 0) {
		status = 426;
		(void)http_response_header(call->request, "Upgrade", STR("websocket"));
	}
	problem_refuse(call->api, call->request, status, reason);
	return false;
}

void connect_charge_point(struct call *call)
{
	struct feed_set *feeds = call->api->options.feeds;
	struct feed_caller caller = {.name = call->variables[1],
				     .protocol = http_websocket_subprotocol(call->request, protocols, PROTOCOL_COUNT),
				     .wake = wake,
				     .self = call->request};
	struct feed_line *line = NULL;

	if (!is_handshake(call))
		return;
	(void)http_basic_read(http_request_header(call->request, STR("Authorization")), call->arena, &caller.user,
			      &caller.password);
	enum err_code code = feeds ? feed_set_call(feeds, call->variables[0], &caller, &line, &call->error)
				   : err_set(&call->error, ERR_NOT_FOUND, "there are no feeds");

	if (code) {
		answer_refused(call, code);
		return;
	}
	call->work = line;
	if (!call_on_end(call, hang_up, line)) {
		feed_line_hang_up(line);
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	http_respond_websocket_talk(call->request,
				    &(struct http_websocket_talk){.pull = on_pull,
								  .take = on_take,
								  .message_bytes_max = FEED_LINE_TEXT_BYTES_MAX,
								  .subprotocol = caller.protocol});
}
