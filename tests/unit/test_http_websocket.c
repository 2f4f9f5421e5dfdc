/* WebSockets, seen from raw sockets. Goal: what RFC 6455 promises to a client, and what http_server.h promises to a
 * handler. Method: handshakes and frames are written here byte by byte, those of the RFC's sections 1.3 and 5.7 as they
 * stand there; what is to be sent is told to the server by the test, so nothing depends on sleeping the right time.
 * Also built under ThreadSanitizer. */
#include "check.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20000
#define MESSAGES 20000u
#define BIG_BYTES 300000u
#define PINGS 20000u
#define TALK_BYTES_MAX 100000u
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" /* RFC 6455 section 1.3 */
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define HEAD "GET /chat HTTP/1.1\r\nHost: x\r\n"
#define HANDSHAKE HEAD UPGRADE KEY "Sec-WebSocket-Version: 13\r\n\r\n"
#define TALK_HEAD "GET /talk HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY "Sec-WebSocket-Version: 13\r\n"
#define TALK TALK_HEAD "\r\n"
#define MASK "\x37\xfa\x21\x3d" /* RFC 6455 section 5.7 */
#define MASKED_HELLO MASK "\x7f\x9f\x4d\x51\x58"

/* ---- the server's side ---- */

struct piece { /* of a message */
	struct str text;
	bool ends;
};

static struct feed { /* what the one WebSocket of a case is to send */
	pthread_mutex_t lock; /* guards request */
	struct http_request *request; /* NULL: none, or finished */
	const struct piece *pieces; /* sent in turn, over and over */
	unsigned int piece_count;
	_Atomic unsigned int made; /* pieces, so far */
	_Atomic int finished;
	unsigned int sent; /* the loop's, as the offset in the piece */
	size_t offset;
} feed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ssize_t on_pull(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	(void)request;
	if (feed.sent == atomic_load(&feed.made))
		return 0;
	const struct piece *piece = &feed.pieces[feed.sent % feed.piece_count];
	size_t left = piece->text.len - feed.offset, taken = left < room ? left : room;

	memcpy(at, piece->text.at + feed.offset, taken);
	feed.offset += taken;
	*ret_ends = piece->ends && taken == left;
	if (taken == left) {
		feed.sent++;
		feed.offset = 0;
	}
	return (ssize_t)taken;
}

/* A server that says what it hears: one message at a time, so that a second one has to wait. */
static struct talk {
	char text[TALK_BYTES_MAX + 1];
	size_t len;
	_Atomic bool full; /* of a message that is not on its way; other loops may still end an earlier connection */
	_Atomic bool deaf; /* nothing can be taken now */
	_Atomic unsigned int offers;
} talk;

static bool on_take(struct http_request *request, struct str text)
{
	(void)request;
	atomic_fetch_add(&talk.offers, 1);
	if (atomic_load(&talk.full) || atomic_load(&talk.deaf))
		return false;
	memcpy(talk.text, text.at, text.len);
	talk.len = text.len;
	atomic_store(&talk.full, true);
	http_stream_wake(request);
	return true;
}

static ssize_t on_pull_talk(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	if (!atomic_load(&talk.full))
		return 0;
	if (str_eq((struct str){talk.text, talk.len}, STR("end"))) {
		http_websocket_end(request, 4000, "as you like");
		return 0;
	}
	size_t taken = talk.len < room ? talk.len : room;

	memcpy(at, talk.text, taken);
	memmove(talk.text, talk.text + taken, talk.len - taken);
	talk.len -= taken;
	*ret_ends = talk.len == 0;
	atomic_store(&talk.full, !*ret_ends);
	http_stream_wake(request); /* there may be a message that waits */
	return (ssize_t)taken;
}

static void answer_talk(struct http_request *request)
{
	static const char *const known[] = {"two", "one"};

	atomic_store(&talk.full, false);
	http_respond_websocket_talk(
		request, &(struct http_websocket_talk){.pull = on_pull_talk,
						       .take = on_take,
						       .message_bytes_max = TALK_BYTES_MAX,
						       .subprotocol = http_websocket_subprotocol(request, known, 2)});
}

static void on_request(void *self, void *loop_state, struct http_request *request)
{
	const char *reason = NULL;
	int status = http_websocket_check(request, &reason);

	(void)self;
	(void)loop_state;
	if (status != 101) {
		http_respond(request, status ? status : 200, str_from(reason ? reason : "plain"));
		return;
	}
	(void)pthread_mutex_lock(&feed.lock);
	feed.request = request;
	(void)pthread_mutex_unlock(&feed.lock);
	if (str_eq(http_request_path(request), STR("/talk")))
		answer_talk(request);
	else
		http_respond_websocket(request, on_pull);
}

static void on_finished(void *self, void *loop_state, struct http_request *request)
{
	(void)self;
	(void)loop_state;
	(void)pthread_mutex_lock(&feed.lock);
	if (feed.request == request)
		feed.request = NULL;
	(void)pthread_mutex_unlock(&feed.lock);
	atomic_fetch_add(&feed.finished, 1);
}

static struct http_server *server_start_with(const struct piece *pieces, unsigned int piece_count, size_t bodies_max)
{
	const struct http_server_options options = {.address = "127.0.0.1",
						    .loop_count = 2,
						    .idle_timeout_s = 2,
						    .body_bytes_max = 1000,
						    .bodies_bytes_max = bodies_max,
						    .arena_bytes_max = 1u << 20,
						    .handle = on_request,
						    .finished = on_finished};
	struct http_server *server = NULL;
	struct error err = {0};

	feed.pieces = pieces;
	feed.piece_count = piece_count;
	feed.sent = 0;
	feed.offset = 0;
	atomic_store(&feed.made, 0);
	atomic_store(&feed.finished, 0);
	if (!CHECK_OK(http_server_new(&options, &server, &err), &err))
		exit(EXIT_FAILURE);
	return server;
}

static struct http_server *server_start(const struct piece *pieces, unsigned int piece_count)
{
	return server_start_with(pieces, piece_count, 0);
}

static void make(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		(void)pthread_mutex_lock(&feed.lock);
		atomic_fetch_add(&feed.made, 1);
		if (feed.request)
			http_stream_wake(feed.request);
		(void)pthread_mutex_unlock(&feed.lock);
	}
}

static bool wait_finished(int count)
{
	for (int i = 0; i < WAIT_MS; i++) {
		if (atomic_load(&feed.finished) >= count)
			return true;
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return false;
}

/* ---- the client's side ---- */

struct client { /* bytes received and not yet taken */
	int fd;
	size_t len;
	char bytes[4096];
};

#define LITERAL(literal)                                                                                               \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}
#define BYTES(literal) ((struct str){(literal), sizeof(literal) - 1})

static void say(const struct client *client, struct str bytes)
{
	while (bytes.len) {
		ssize_t sent = send(client->fd, bytes.at, bytes.len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes = str_part(bytes, (size_t)sent, bytes.len);
	}
}

/* False: the connection has ended in good order. What goes wrong is a failed check. */
static bool hear(struct client *client)
{
	struct pollfd ready = {.fd = client->fd, .events = POLLIN};

	if (!CHECK(poll(&ready, 1, WAIT_MS) == 1))
		return false;
	ssize_t got = recv(client->fd, client->bytes + client->len, sizeof(client->bytes) - client->len, 0);

	CHECK(got >= 0);
	client->len += got > 0 ? (size_t)got : 0;
	return got > 0;
}

/* False: the connection ends before. */
static bool take(struct client *client, char *at, size_t len)
{
	while (len > 0) {
		size_t taken = client->len < len ? client->len : len;

		memcpy(at, client->bytes, taken);
		memmove(client->bytes, client->bytes + taken, client->len - taken);
		client->len -= taken;
		at += taken;
		len -= taken;
		if (len > 0 && !hear(client))
			return false;
	}
	return true;
}

static void check_bytes(struct client *client, struct str wanted)
{
	char bytes[128];

	CHECK(take(client, bytes, wanted.len) && memcmp(bytes, wanted.at, wanted.len) == 0);
}

static void check_end(struct client *client)
{
	CHECK(client->len == 0 && !hear(client));
}

static void dial(struct client *client, const struct http_server *server, struct str head)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http_server_port(server))};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->len = 0;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(client->fd >= 0 && connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	say(client, head);
}

/* The head of an answer, taken, in text. */
static void take_head(struct client *client, char text[static 2048])
{
	size_t len = 0;

	while (len < 2047 && take(client, text + len, 1)) {
		text[++len] = '\0';
		if (len >= 4 && memcmp(text + len - 4, "\r\n\r\n", 4) == 0)
			return;
	}
	text[len] = '\0';
	CHECK(false);
}

static void open_socket(struct client *client, const struct http_server *server)
{
	char head[2048];

	dial(client, server, BYTES(HANDSHAKE));
	take_head(client, head);
	CHECK(str_starts(str_from(head), STR("HTTP/1.1 101 ")));
}

static void hang_up(const struct client *client)
{
	(void)close(client->fd);
}

struct frame {
	unsigned int opcode;
	bool fin;
	size_t len;
	char text[70000];
};

/* As section 5.2 has it. False: the connection has ended. */
static bool take_frame(struct client *client, struct frame *frame)
{
	unsigned char head[2], more[8];
	uint64_t len;

	if (!take(client, (char *)head, 2))
		return false;
	frame->opcode = head[0] & 0xf;
	frame->fin = head[0] >> 7;
	CHECK((head[0] & 0x70) == 0 && !(head[1] & 0x80));
	len = head[1];
	if (len >= 126) {
		size_t count = len == 126 ? 2 : 8;

		CHECK(take(client, (char *)more, count));
		len = 0;
		for (size_t i = 0; i < count; i++)
			len = len << 8 | more[i];
	}
	CHECK(frame->opcode < 8 || (frame->fin && len <= 125));
	if (!CHECK(len <= sizeof(frame->text)))
		return false;
	frame->len = (size_t)len;
	return take(client, frame->text, frame->len);
}

/* The next frame is a close with this code, and then the connection ends. */
static void check_closed(struct client *client, unsigned int code)
{
	static struct frame frame;
	unsigned int got = 0;

	if (CHECK(take_frame(client, &frame) && frame.opcode == 8 && frame.len >= 2))
		got = (unsigned int)(unsigned char)frame.text[0] << 8 | (unsigned char)frame.text[1];
	if (!CHECK(got == code))
		printf("# %u against %u\n", got, code);
}

/* ---- cases ---- */

static void the_handshake_is_that_of_the_rfc(void)
{
	struct http_server *server = server_start(NULL, 0);
	struct client client;
	char head[2048];

	dial(&client, server, BYTES(HANDSHAKE));
	take_head(&client, head);
	CHECK(str_starts(str_from(head), STR("HTTP/1.1 101 Switching Protocols\r\n")));
	CHECK(strstr(head, "\r\nConnection: Upgrade\r\n"));
	CHECK(strstr(head, "\r\nUpgrade: websocket\r\n"));
	CHECK(strstr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	CHECK(!strstr(head, "Content-Length") && !strstr(head, "Transfer-Encoding"));
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
}

struct handshake {
	struct str head;
	const char *status; /* and the header that must be there */
	const char *header;
};

#define V13 "Sec-WebSocket-Version: 13\r\n"

static const struct handshake handshakes[] = {
	{LITERAL(HEAD "Upgrade: websocket\r\n" KEY V13 "\r\n"), "400", ""},
	{LITERAL(HEAD "Connection: close\r\nUpgrade: websocket\r\n" KEY V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE KEY KEY V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25jZQ==\r\n" V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n" V13 "\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE KEY V13 "Content-Length: 2\r\n\r\nab"), "400", ""},
	{LITERAL(HEAD UPGRADE KEY V13 "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"), "400", ""},
	{LITERAL(HEAD UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n"), "426", "Sec-WebSocket-Version: 13\r\n"},
	{LITERAL(HEAD UPGRADE KEY "\r\n"), "426", "Upgrade: websocket\r\n"},
	{LITERAL(HEAD UPGRADE KEY V13 V13 "\r\n"), "426", ""},
	{LITERAL("POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" UPGRADE KEY V13 "\r\n"), "200", ""},
	{LITERAL("GET /chat HTTP/1.0\r\nHost: x\r\n" UPGRADE KEY V13 "\r\n"), "200", ""},
	{LITERAL(HEAD "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), "200", ""},
	{LITERAL(HEAD "\r\n"), "200", ""},
	{LITERAL(HEAD "Connection: keep-alive, upgrade\r\nUpgrade: h2c, WebSocket\r\n" KEY V13 "\r\n"), "101",
	 "Upgrade: websocket\r\n"},
	{LITERAL(HEAD UPGRADE KEY V13 "Sec-WebSocket-Protocol: chat\r\n"
				      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
	 "101", ""},
};

static void other_handshakes_are_refused_or_none(void)
{
	struct http_server *server = server_start(NULL, 0);
	size_t count = sizeof(handshakes) / sizeof(handshakes[0]);

	for (size_t i = 0; i < count; i++) {
		struct client client;
		char head[2048] = "";

		dial(&client, server, handshakes[i].head);
		take_head(&client, head);
		if (!CHECK(strlen(head) > 12 && memcmp(head + 9, handshakes[i].status, 3) == 0) ||
		    !CHECK(strstr(head, handshakes[i].header)))
			printf("# handshake %zu: %s\n", i, head);
		CHECK(!strstr(head, "Sec-WebSocket-Protocol") && !strstr(head, "Sec-WebSocket-Extensions"));
		hang_up(&client);
	}
	CHECK(wait_finished((int)count));
	(void)http_server_free(server);
}

static void frames_are_those_of_the_rfc(void)
{
	static const struct piece pieces[] = {{LITERAL("Hello"), true}, {LITERAL("Hel"), false}, {LITERAL("lo"), true}};
	struct http_server *server = server_start(pieces, 3);
	struct client client;

	open_socket(&client, server);
	make(1);
	check_bytes(&client, BYTES("\x81\x05\x48\x65\x6c\x6c\x6f"));
	make(2);
	check_bytes(&client, BYTES("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f"));
	say(&client, BYTES("\x89\x85" MASKED_HELLO));
	check_bytes(&client, BYTES("\x8a\x05\x48\x65\x6c\x6c\x6f"));
	say(&client, BYTES("\x89\x80" MASK));
	check_bytes(&client, BYTES("\x8a\x00"));
	say(&client, BYTES("\x88\x82" MASK "\x34\x12"));
	check_bytes(&client, BYTES("\x88\x02\x03\xe8"));
	check_end(&client);
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
}

static void what_clients_say_is_dropped(void)
{
	static char big[2 + 2 + 4 + 4096] = "\x82\xfe\x10\x00\x00\x00\x00\x00";
	struct http_server *server = server_start(NULL, 0);
	struct client client;

	open_socket(&client, server);
	say(&client, BYTES("\x81\x85" MASKED_HELLO)); /* section 5.7: a single-frame masked text message */
	say(&client, BYTES("\x8a\x85" MASKED_HELLO)); /* … and a masked Pong */
	say(&client, BYTES("\x01\x83" MASK "\x7f\x9f\x4d"
			   "\x89\x80" MASK "\x80\x82" MASK "\x5b\x95")); /* a ping within a message in two frames */
	check_bytes(&client, BYTES("\x8a\x00"));
	say(&client, (struct str){big, sizeof(big)});
	say(&client, BYTES("\x88\x80" MASK));
	check_bytes(&client, BYTES("\x88\x00"));
	check_end(&client);
	hang_up(&client);
	(void)http_server_free(server);
}

static void frames_arrive_in_any_pieces(void)
{
	static const char all[] = HANDSHAKE
		"\x81\x85" MASKED_HELLO "\x89\x85" MASKED_HELLO "\x82\xfe\x00\x7e" MASK
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		"2345678901234567890123456\x88\x82" MASK "\x34\x12";
	struct http_server *server = server_start(NULL, 0);

	for (size_t step = 1; step < sizeof(all) - 1; step += step < 8 ? 1 : 50) {
		struct client client;
		char head[2048];

		dial(&client, server, STR(""));
		for (size_t i = 0; i < sizeof(all) - 1; i += step)
			say(&client, str_part(BYTES(all), i, i + step));
		take_head(&client, head);
		check_bytes(&client, BYTES("\x8a\x05Hello\x88\x02\x03\xe8"));
		check_end(&client);
		hang_up(&client);
	}
	(void)http_server_free(server);
}

struct wrong {
	struct str bytes;
	unsigned int code;
};

static const struct wrong wrongs[] = {
	{LITERAL("\x81\x05\x48\x65\x6c\x6c\x6f"), 1002}, /* section 5.7: unmasked */
	{LITERAL("\xc1\x85" MASKED_HELLO), 1002}, /* a bit of an extension */
	{LITERAL("\x83\x85" MASKED_HELLO), 1002}, /* no such opcode */
	{LITERAL("\x8b\x85" MASKED_HELLO), 1002},
	{LITERAL("\x80\x85" MASKED_HELLO), 1002}, /* the rest of no message */
	{LITERAL("\x01\x85" MASKED_HELLO "\x81\x85" MASKED_HELLO), 1002}, /* a message in a message */
	{LITERAL("\x09\x85" MASKED_HELLO), 1002}, /* a ping in parts */
	{LITERAL("\x89\xfe\x00\x7e" MASK), 1002}, /* a ping of 126 bytes */
	{LITERAL("\x81\xfe\x00\x05" MASKED_HELLO), 1002}, /* a length not written in the fewest bytes */
	{LITERAL("\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05" MASKED_HELLO), 1002},
	{LITERAL("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x05" MASKED_HELLO), 1002},
	{LITERAL("\x88\x81" MASK "\x34"), 1002}, /* half a code */
	{LITERAL("\x88\x82" MASK "\x34\x17"), 1002}, /* 1005, which is not for the wire */
	{LITERAL("\x88\x82" MASK "\x34\x0d"), 1002}, /* 1015 */
	{LITERAL("\x88\x83\x00\x00\x00\x00\x03\xe8\xff"), 1007}, /* a reason that is no UTF-8 */
	{LITERAL("\x81\xfe\x10\x01" MASK "x"), 1009}, /* 4097 bytes */
	{LITERAL("\x02\xfe\x10\x00\x00\x00\x00\x00"), 0}, /* 4096 bytes follow, then one more: see below */
	{LITERAL("\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00" MASK "x"), 1009}, /* section 5.7: 64 KiB */
	{LITERAL("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "x"), 1009},
};

static void what_breaks_the_protocol_is_told(void)
{
	static const char zeros[4096];
	struct http_server *server = server_start(NULL, 0);
	size_t count = sizeof(wrongs) / sizeof(wrongs[0]);

	for (size_t i = 0; i < count; i++) {
		struct client client;

		open_socket(&client, server);
		say(&client, wrongs[i].bytes);
		if (!wrongs[i].code) {
			say(&client, (struct str){zeros, sizeof(zeros)});
			say(&client, BYTES("\x80\x81" MASK "x"));
		}
		check_closed(&client, wrongs[i].code ? wrongs[i].code : 1009);
		say(&client, (struct str){zeros, sizeof(zeros)}); /* goes on all the same, and is not reset */
		check_end(&client);
		hang_up(&client);
	}
	CHECK(wait_finished((int)count));
	(void)http_server_free(server);
}

/* ---- clients that are listened to ---- */

static void open_talk(struct client *client, const struct http_server *server)
{
	char head[2048];

	dial(client, server, BYTES(TALK));
	take_head(client, head);
	CHECK(str_starts(str_from(head), STR("HTTP/1.1 101 ")));
	CHECK(!strstr(head, "Sec-WebSocket-Protocol"));
}

/* A frame of a letter over and over, masked by zeros; more than 64 KiB. */
static void say_many(struct client *client, unsigned char first, size_t count, char letter)
{
	char *frame = malloc(14 + count);

	memset(frame, 0, 14);
	frame[0] = (char)first;
	frame[1] = (char)0xff;
	for (int i = 0; i < 8; i++)
		frame[2 + i] = (char)((uint64_t)count >> (56 - 8 * i));
	memset(frame + 14, letter, count);
	say(client, (struct str){frame, 14 + count});
	free(frame);
}

/* The next message, whatever frames it comes in, is this letter so many times. */
static void check_many(struct client *client, size_t count, char letter)
{
	static struct frame frame;
	size_t got = 0;
	bool fin = false;

	while (!fin && CHECK(take_frame(client, &frame)) && CHECK(frame.opcode < 3)) {
		for (size_t i = 0; i < frame.len; i++)
			got += frame.text[i] == letter;
		fin = frame.fin;
	}
	if (!CHECK(got == count))
		printf("# %zu against %zu\n", got, count);
}

static void what_a_client_says_is_taken_whole(void)
{
	struct http_server *server = server_start(NULL, 0);
	struct client client;

	open_talk(&client, server);
	say(&client, BYTES("\x81\x85" MASKED_HELLO));
	check_bytes(&client, BYTES("\x81\x05Hello"));
	say(&client, BYTES("\x01\x83" MASK "\x7f\x9f\x4d" /* "Hel", "" and "lo", a ping between them */
			   "\x89\x80" MASK "\x00\x80" MASK "\x80\x82" MASK "\x5b\x95"));
	check_bytes(&client, BYTES("\x8a\x00\x81\x05Hello"));
	say(&client, BYTES("\x81\x85" MASKED_HELLO "\x81\x83" MASK "\x7f\x9f\x4d" /* two at once, in their order */
			   "\x81\x85" MASKED_HELLO));
	check_bytes(&client, BYTES("\x81\x05Hello\x81\x03Hel\x81\x05Hello"));
	say_many(&client, 0x81, TALK_BYTES_MAX, 'x');
	check_many(&client, TALK_BYTES_MAX, 'x');
	say_many(&client, 0x01, TALK_BYTES_MAX - 1, 'y');
	say(&client, BYTES("\x80\x81\x00\x00\x00\x00y"));
	check_many(&client, TALK_BYTES_MAX, 'y');
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
}

static void what_cannot_be_taken_is_told(void)
{
	static const struct wrong cases[] = {
		{LITERAL("\x82\x85" MASKED_HELLO), 1003}, /* binary */
		{LITERAL("\x81\xff\x00\x00\x00\x00\x00\x01\x86\xa1" MASK "x"), 1009}, /* 100,001 bytes */
		{LITERAL("\x81\x82\x00\x00\x00\x00\xc3("), 1007}, /* no UTF-8 */
		{LITERAL("\x01\x81\x00\x00\x00\x00\xc3\x80\x81\x00\x00\x00\x00("), 1007},
		{LITERAL("\x81\x83\x00\x00\x00\x00"
			 "end"),
		 4000}, /* as the handler says */
	};
	struct http_server *server = server_start(NULL, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;

		open_talk(&client, server);
		say(&client, cases[i].bytes);
		check_closed(&client, cases[i].code);
		say(&client, BYTES("\x88\x82" MASK "\x34\x12"));
		check_end(&client);
		hang_up(&client);
		CHECK(wait_finished((int)i + 1));
	}
	(void)http_server_free(server);
}

/* The bound is that of all bodies; what was taken, or given up, counts no more. */
static void messages_share_the_memory_of_bodies(void)
{
	struct http_server *server = server_start_with(NULL, 0, 80000);

	for (int i = 0; i < 3; i++) {
		struct client client;

		open_talk(&client, server);
		say_many(&client, 0x81, 70000, 'x');
		check_many(&client, 70000, 'x');
		say_many(&client, 0x81, 90000, 'y');
		check_closed(&client, 1013);
		hang_up(&client);
		CHECK(wait_finished(i + 1));
	}
	(void)http_server_free(server);
}

/* A character in two frames is one (RFC 6455 section 8.1 speaks of messages). */
static void a_character_may_be_cut_by_frames(void)
{
	struct http_server *server = server_start(NULL, 0);
	struct client client;

	open_talk(&client, server);
	say(&client, BYTES("\x01\x81\x00\x00\x00\x00\xc3\x80\x81\x00\x00\x00\x00\xa9"));
	check_bytes(&client, BYTES("\x81\x02\xc3\xa9"));
	hang_up(&client);
	(void)http_server_free(server);
}

static void wake_talk(void)
{
	(void)pthread_mutex_lock(&feed.lock);
	if (feed.request)
		http_stream_wake(feed.request);
	(void)pthread_mutex_unlock(&feed.lock);
}

/* It is not lost, what is behind it keeps its order, and memory is bounded by what the system holds for the socket. */
static void what_is_not_taken_now_waits(void)
{
	struct http_server *server = server_start(NULL, 0);
	struct client client;

	atomic_store(&talk.deaf, true);
	atomic_store(&talk.offers, 0);
	open_talk(&client, server);
	say(&client, BYTES("\x81\x85" MASKED_HELLO "\x81\x83" MASK "\x7f\x9f\x4d"));
	while (atomic_load(&talk.offers) == 0)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	atomic_store(&talk.deaf, false);
	wake_talk();
	check_bytes(&client, BYTES("\x81\x05Hello\x81\x03Hel"));
	hang_up(&client);
	CHECK(wait_finished(1));
	atomic_store(&talk.deaf, true); /* one that goes while it waits is noticed, and one that waits at the end too */
	atomic_store(&talk.offers, 0);
	open_talk(&client, server);
	say(&client, BYTES("\x81\x85" MASKED_HELLO));
	while (atomic_load(&talk.offers) == 0)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	(void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	hang_up(&client);
	CHECK(wait_finished(2));
	open_talk(&client, server);
	say(&client, BYTES("\x81\x85" MASKED_HELLO));
	http_server_drain(server, 10000);
	CHECK(wait_finished(3));
	check_closed(&client, 1001);
	hang_up(&client);
	atomic_store(&talk.deaf, false);
	(void)http_server_free(server);
}

struct offer {
	const char *head, *answer;
};

static void a_subprotocol_is_agreed_on(void)
{
	static const struct offer offers[] = {
		{TALK_HEAD "Sec-WebSocket-Protocol: one\r\n\r\n", "\r\nSec-WebSocket-Protocol: one\r\n"},
		{TALK_HEAD "Sec-WebSocket-Protocol: three, one ,two\r\n\r\n", "\r\nSec-WebSocket-Protocol: one\r\n"},
		{TALK_HEAD "Sec-WebSocket-Protocol: three\r\nSec-WebSocket-Protocol: two\r\n\r\n",
		 "\r\nSec-WebSocket-Protocol: two\r\n"},
		{TALK_HEAD "Sec-WebSocket-Protocol: One, three\r\n\r\n", NULL}, /* they are case-sensitive */
		{TALK_HEAD "Sec-WebSocket-Protocol: \r\n\r\n", NULL},
	};
	struct http_server *server = server_start(NULL, 0);

	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct client client;
		char head[2048];

		dial(&client, server, str_from(offers[i].head));
		take_head(&client, head);
		CHECK(str_starts(str_from(head), STR("HTTP/1.1 101 ")));
		if (!CHECK(offers[i].answer ? strstr(head, offers[i].answer) != NULL
					    : strstr(head, "Sec-WebSocket-Protocol") == NULL))
			printf("# offer %zu: %s\n", i, head);
		hang_up(&client);
	}
	(void)http_server_free(server);
}

static void *make_all(void *arg)
{
	(void)arg;
	make(MESSAGES);
	return NULL;
}

static void messages_that_others_make_arrive(void)
{
	static const struct piece pieces[] = {{LITERAL("a"), true}, {LITERAL("bc"), false}, {LITERAL("d"), true}};
	static struct frame frame;
	struct http_server *server = server_start(pieces, 3);
	struct client client;
	pthread_t maker;
	unsigned int wrong = 0;

	open_socket(&client, server);
	(void)pthread_create(&maker, NULL, make_all, NULL);
	for (unsigned int i = 0; i < MESSAGES && take_frame(&client, &frame); i++)
		wrong += !str_eq((struct str){frame.text, frame.len}, pieces[i % 3].text) ||
			 frame.fin != pieces[i % 3].ends || frame.opcode != (i % 3 == 2 ? 0 : 1);
	CHECK(wrong == 0);
	(void)pthread_join(maker, NULL);
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
}

static void a_large_message_comes_in_frames_between_pongs(void)
{
	static struct frame frame;
	char *big = malloc(BIG_BYTES);

	memset(big, 'y', BIG_BYTES);
	const struct piece piece = {{big, BIG_BYTES}, true};
	struct http_server *server = server_start(&piece, 1);
	struct client client;
	size_t got = 0, pongs = 0;

	open_socket(&client, server);
	make(2);
	say(&client, BYTES("\x89\x80" MASK));
	for (unsigned int messages = 0; (messages < 2 || pongs == 0) && take_frame(&client, &frame);) {
		pongs += frame.opcode == 10;
		got += frame.opcode < 2 ? frame.len : 0;
		messages += frame.opcode < 2 && frame.fin;
	}
	CHECK(got == 2 * BIG_BYTES && pongs == 1);
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
	free(big);
}

/* Of many pings at once the latest is answered at least (section 5.5.3), and what is owed does not pile up. */
static void a_flood_of_pings_is_borne(void)
{
	static struct frame frame;
	struct http_server *server = server_start(NULL, 0);
	struct client client;
	char ping[] = "\x89\x84\0\0\0\0____";
	unsigned int last = 0, pongs = 0;

	open_socket(&client, server);
	for (unsigned int i = 1; i <= PINGS; i++) {
		memcpy(ping + 6, &i, 4);
		say(&client, (struct str){ping, sizeof(ping) - 1});
	}
	while (last != PINGS && take_frame(&client, &frame) && CHECK(frame.opcode == 10 && frame.len == 4)) {
		unsigned int before = last;

		memcpy(&last, frame.text, 4);
		if (!CHECK(last > before))
			break;
		pongs++;
	}
	CHECK(last == PINGS && pongs <= PINGS);
	hang_up(&client);
	(void)http_server_free(server);
}

static void who_loses_his_place_is_told_to_come_back(void)
{
	static const struct piece piece = {LITERAL("x"), true};
	struct http_server *server = server_start(&piece, 1);
	struct client client;

	open_socket(&client, server);
	make(1);
	check_bytes(&client, BYTES("\x81\x01x"));
	(void)pthread_mutex_lock(&feed.lock);
	http_stream_cut(feed.request);
	(void)pthread_mutex_unlock(&feed.lock);
	check_closed(&client, 1013);
	say(&client, BYTES("\x88\x82" MASK "\x34\x0f"));
	check_end(&client);
	hang_up(&client);
	CHECK(wait_finished(1));
	(void)http_server_free(server);
}

/* One is cut by its writer, the other by the idle timeout. */
static void who_reads_nothing_is_cut(void)
{
	char *big = malloc(BIG_BYTES);

	memset(big, 'z', BIG_BYTES);
	const struct piece piece = {{big, BIG_BYTES}, true};

	for (int cut = 0; cut < 2; cut++) {
		struct http_server *server = server_start(&piece, 1);
		struct client client;

		open_socket(&client, server);
		make(1000);
		if (cut) {
			(void)pthread_mutex_lock(&feed.lock);
			http_stream_cut(feed.request);
			(void)pthread_mutex_unlock(&feed.lock);
		}
		CHECK(wait_finished(1));
		CHECK(feed.sent < 1000);
		hang_up(&client);
		(void)http_server_free(server);
	}
	free(big);
}

static void draining_says_going_away(void)
{
	struct http_server *server = server_start(NULL, 0);
	struct client answers, silent;

	open_socket(&answers, server);
	open_socket(&silent, server);
	/* Its answer is there before the question: the server closes as soon as it has asked. */
	http_server_drain(server, 10000);
	CHECK(wait_finished(2));
	check_closed(&answers, 1001);
	check_closed(&silent, 1001);
	hang_up(&answers);
	hang_up(&silent);
	(void)http_server_free(server);
}

static void clients_that_vanish_are_noticed(void)
{
	struct http_server *server = server_start(NULL, 0);
	const struct linger reset = {.l_onoff = 1};
	struct client client;

	for (int i = 0; i < 2; i++) {
		open_socket(&client, server);
		if (i == 1)
			(void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		hang_up(&client);
		CHECK(wait_finished(i + 1));
	}
	dial(&client, server, BYTES(HANDSHAKE)); /* without waiting for the answer */
	hang_up(&client);
	CHECK(wait_finished(3));
	(void)http_server_free(server);
}

int main(void)
{
	RUN(the_handshake_is_that_of_the_rfc);
	RUN(other_handshakes_are_refused_or_none);
	RUN(frames_are_those_of_the_rfc);
	RUN(what_clients_say_is_dropped);
	RUN(frames_arrive_in_any_pieces);
	RUN(what_breaks_the_protocol_is_told);
	RUN(what_a_client_says_is_taken_whole);
	RUN(what_cannot_be_taken_is_told);
	RUN(messages_share_the_memory_of_bodies);
	RUN(a_character_may_be_cut_by_frames);
	RUN(what_is_not_taken_now_waits);
	RUN(a_subprotocol_is_agreed_on);
	RUN(messages_that_others_make_arrive);
	RUN(a_large_message_comes_in_frames_between_pongs);
	RUN(a_flood_of_pings_is_borne);
	RUN(who_loses_his_place_is_told_to_come_back);
	RUN(who_reads_nothing_is_cut);
	RUN(draining_says_going_away);
	RUN(clients_that_vanish_are_noticed);
	return check_done();
}
