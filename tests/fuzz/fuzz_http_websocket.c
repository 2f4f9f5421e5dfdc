/* What a client sends on a WebSocket of the real server: whatever comes, no crash, and what goes back is frames as RFC
 * 6455 section 5.2 has them, with nothing behind a close, whose code may be sent. The input is cut at each 0x1e into
 * pieces that are sent apart. Where it begins with "h" the first piece is the lines of the handshake, else they are as
 * they should be. Where it begins with "t" the server takes what is said, at the second time it is offered, and says it
 * back. */
#include "http_fuzz.h"

#include <assert.h>
#include <string.h>

#define ANSWER_BYTES 65536u
#define WAIT_US 2000 /* for more of an answer; the verdict does not depend on whether it came in time */
#define FRAMES 2u
#define BEGIN "GET /chat HTTP/1.1\r\nHost: x\r\n"
#define TALK "GET /talk HTTP/1.1\r\nHost: x\r\n"
#define TALK_BYTES_MAX 300u
#define LINES                                                                                                          \
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                 \
	"Sec-WebSocket-Version: 13\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One message in two frames. */
static ssize_t on_pull(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	uintptr_t sent = (uintptr_t)http_request_state(request);

	if (sent == FRAMES)
		return 0;
	assert(room > 200);
	memset(at, '-', 200);
	http_request_set_state(request, (void *)(sent + 1));
	*ret_ends = sent + 1 == FRAMES;
	return 200;
}

/* What was said and is not said back yet; one talk at a time. */
static struct talk {
	char text[TALK_BYTES_MAX];
	size_t len;
	bool full, offered;
} talk;

static bool on_take(struct http_request *request, struct str text)
{
	assert(text.len <= TALK_BYTES_MAX);
	http_stream_wake(request);
	talk.offered = !talk.offered;
	if (talk.full || talk.offered)
		return false;
	memcpy(talk.text, text.at, text.len);
	talk.len = text.len;
	talk.full = true;
	return true;
}

static ssize_t on_pull_talk(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	if (!talk.full)
		return 0;
	talk.full = false;
	http_stream_wake(request);
	assert(room >= TALK_BYTES_MAX);
	if (talk.len == 0) {
		http_websocket_end(request, 4000, "nothing was said");
		return 0;
	}
	memcpy(at, talk.text, talk.len);
	*ret_ends = true;
	return (ssize_t)talk.len;
}

static void on_request(void *self, void *loop_state, struct http_request *request)
{
	const char *reason = "no WebSocket";
	int status = http_websocket_check(request, &reason);

	(void)self;
	(void)loop_state;
	if (status == 101 && str_eq(http_request_path(request), STR("/talk"))) {
		talk = (struct talk){.len = 0};
		http_respond_websocket_talk(
			request, &(struct http_websocket_talk){
					 .pull = on_pull_talk, .take = on_take, .message_bytes_max = TALK_BYTES_MAX});
	} else if (status == 101)
		http_respond_websocket(request, on_pull);
	else
		http_respond(request, status ? status : 200, str_from(reason));
}

static void say(int fd, struct str text)
{
	if (text.len > 0)
		(void)!send(fd, text.at, text.len, MSG_NOSIGNAL);
}

static struct str hear(int fd, char answer[static ANSWER_BYTES])
{
	size_t len = 0;
	ssize_t got;

	while (len < ANSWER_BYTES && (got = recv(fd, answer + len, ANSWER_BYTES - len, 0)) > 0)
		len += (size_t)got;
	return (struct str){answer, len};
}

/* Takes one frame off; false: it has not come whole. */
static bool check_frame(struct str *rest, bool *in_message, bool *closed)
{
	const unsigned char *at = (const unsigned char *)rest->at;
	size_t head = 2, len;

	if (rest->len < 2)
		return false;
	unsigned int opcode = at[0] & 0xf;

	assert(!*closed && (at[0] & 0x70) == 0 && !(at[1] & 0x80) && at[1] != 127);
	len = at[1];
	if (len == 126) {
		head = 4;
		if (rest->len < head)
			return false;
		len = (size_t)at[2] << 8 | at[3];
		assert(len >= 126);
	}
	assert(opcode < 8 ? opcode == (*in_message ? 0 : 1) : opcode <= 10 && at[0] & 0x80 && len <= 125);
	if (rest->len < head + len)
		return false;
	if (opcode < 8)
		*in_message = !(at[0] & 0x80);
	*closed = opcode == 8;
	if (opcode == 8 && len > 0) {
		unsigned int code = (unsigned int)at[2] << 8 | at[3];

		assert(len >= 2 && code >= 1000 && code < 5000 && code != 1004 && code != 1005 && code != 1006 &&
		       code != 1015);
	}
	*rest = str_part(*rest, head + len, rest->len);
	return true;
}

static void check_answer(struct str answer)
{
	size_t end = 0;
	bool in_message = false, closed = false;

	assert(answer.len < 9 || str_starts(answer, STR("HTTP/1.1 ")));
	if (!str_starts(answer, STR("HTTP/1.1 101 ")))
		return;
	while (end + 4 <= answer.len && memcmp(answer.at + end, "\r\n\r\n", 4) != 0)
		end++;
	struct str rest = str_part(answer, end + 4, answer.len);

	while (check_frame(&rest, &in_message, &closed))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[ANSWER_BYTES];
	struct str piece = STR(LINES), rest = {(const char *)data, size};
	bool talks = size > 0 && data[0] == 't';
	int fd = dial(server_port(on_request), WAIT_US);

	if (fd < 0)
		return 0;
	if (size > 0 && data[0] == 'h') {
		(void)str_next(&rest, 0x1e, &piece);
		piece = str_part(piece, 1, piece.len);
	}
	rest = str_part(rest, talks, rest.len);
	say(fd, talks ? STR(TALK) : STR(BEGIN));
	say(fd, piece);
	say(fd, STR("\r\n"));
	while (str_next(&rest, 0x1e, &piece))
		say(fd, piece);
	check_answer(hear(fd, answer));
	(void)close(fd);
	return 0;
}
