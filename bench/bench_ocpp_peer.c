/* The peers of bench_ocpp.py, over raw sockets.
 *
 * Usage: bench_ocpp_peer stations PORT STATIONS MESSAGES PERIOD_MS
 *        bench_ocpp_peer answers
 *
 * "stations": so many charge points of OCPP 1.6 at ws://127.0.0.1:PORT/ocpp/bench/CP-n, each of which sends
 * MeterValues of four values and, when that is answered, the next one: at once, or PERIOD_MS after the last (spread
 * over the period). Out come the seconds that all messages took, and how long an answer took (p50, p99, ms).
 * "answers": a server that answers each frame at once without looking into it or keeping it, which is what sockets and
 * this client give at most. Out comes its port. */
#include "base/str.h"
#include "base/time_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STATIONS_MAX 8192u
#define BUFFER_BYTES 4096u
#define EVENTS 256
#define ID_CHARS 10 /* of a message's id, so that all frames are alike */

struct peer {
	int fd;
	bool open; /* the handshake is over */
	unsigned int number, sent;
	int64_t sent_us, due_us; /* due_us: of the next message */
	size_t len;
	char bytes[BUFFER_BYTES];
};

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_ocpp_peer: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t number_of(const char *text)
{
	uint64_t number = 0;

	if (!str_to_uint64(str_from(text), &number))
		fail(text);
	return number;
}

static void send_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

		if (sent <= 0)
			fail("send");
		at += sent;
		len -= (size_t)sent;
	}
}

static void watch(int epoll_fd, int fd, void *who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		fail("epoll");
}

/* More bytes of what a peer says. */
static void receive(struct peer *peer)
{
	ssize_t got = recv(peer->fd, peer->bytes + peer->len, sizeof(peer->bytes) - peer->len, 0);

	if (got <= 0)
		fail("recv");
	peer->len += (size_t)got;
}

static void drop(struct peer *peer, size_t len)
{
	peer->len -= len;
	memmove(peer->bytes, peer->bytes + len, peer->len);
}

/* The end of an HTTP head; 0: it has not come whole. */
static size_t head_end(const struct peer *peer)
{
	const char *end = memmem(peer->bytes, peer->len, "\r\n\r\n", 4);

	return end ? (size_t)(end - peer->bytes) + 4 : 0;
}

/* The payload of the frame that has come (RFC 6455 section 5.2), up to 64 KiB of it. False: it is not whole. */
static bool take_frame(const struct peer *peer, size_t *ret_from, size_t *ret_len, unsigned int *ret_opcode)
{
	const unsigned char *at = (const unsigned char *)peer->bytes;
	size_t from = 2;

	if (peer->len < 4)
		return false;
	*ret_opcode = at[0] & 0xf;
	*ret_len = at[1] & 0x7f;
	if (*ret_len == 126) {
		*ret_len = (size_t)at[2] << 8 | at[3];
		from = 4;
	}
	from += at[1] & 0x80 ? 4 : 0;
	*ret_from = from;
	return peer->len >= from + *ret_len;
}

/* ---- stations ---- */

/* A frame that is masked by zeros, which is masked all the same. */
static void send_frame(int fd, unsigned int opcode, const char *payload, size_t len)
{
	char frame[BUFFER_BYTES] = {(char)(0x80 | opcode), (char)(0x80 | (len < 126 ? len : 126))};
	size_t head = 2;

	if (len >= 126) {
		frame[head++] = (char)(len >> 8);
		frame[head++] = (char)(len & 0xff);
	}
	head += 4;
	memcpy(frame + head, payload, len);
	send_all(fd, frame, head + len);
}

static void send_values(struct peer *peer)
{
	char text[1024], at[TIME_ISO_BYTES];
	int64_t us = now_us(CLOCK_REALTIME);
	struct str time = time_format_iso(us - us % US_PER_MS, at);
	unsigned int n = peer->sent++;
	int len = snprintf(text, sizeof(text),
			   "[2,\"%0*u\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"%.*s\","
			   "\"sampledValue\":["
			   "{\"value\":\"%u\",\"measurand\":\"Energy.Active.Import.Register\",\"unit\":\"Wh\"},"
			   "{\"value\":\"%u.%u\",\"measurand\":\"Power.Active.Import\",\"unit\":\"kW\"},"
			   "{\"value\":\"%u.%u\",\"measurand\":\"Current.Import\",\"phase\":\"L1\",\"unit\":\"A\"},"
			   "{\"value\":\"23%u.%u\",\"measurand\":\"Voltage\",\"phase\":\"L1-N\",\"unit\":\"V\"}]}]}]",
			   ID_CHARS, n, STR_FMT(time), 1000 + n * 13, 3 + n % 8, n % 10, 10 + n % 20, n % 10, n % 10,
			   (n + 3) % 10);

	peer->sent_us = now_us(CLOCK_MONOTONIC);
	send_frame(peer->fd, 1, text, (size_t)len);
}

static void call(struct peer *peer, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char head[512];
	int yes = 1;

	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	int len = snprintf(head, sizeof(head),
			   "GET /ocpp/bench/CP-%u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
			   "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n",
			   peer->number);

	send_all(peer->fd, head, (size_t)len);
	size_t end;

	while ((end = head_end(peer)) == 0)
		receive(peer);
	if (memcmp(peer->bytes, "HTTP/1.1 101", 12) != 0)
		fail("the handshake was refused");
	drop(peer, end);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Takes what has come; true: an answer. */
static bool hear(struct peer *peer)
{
	size_t from, len;
	unsigned int opcode;

	receive(peer);
	while (take_frame(peer, &from, &len, &opcode)) {
		bool answer = opcode == 1;

		if (answer && memcmp(peer->bytes + from, "[3,", 3) != 0)
			fail("an error was answered");
		if (opcode == 9)
			send_frame(peer->fd, 10, peer->bytes + from, len);
		drop(peer, from + len);
		if (answer)
			return true;
	}
	return false;
}

struct play {
	struct peer *peers;
	size_t peer_count, messages, begun, answered;
	int64_t period_us;
	int64_t *took_us;
	int epoll_fd;
};

static void go_on(struct play *play, struct peer *peer, int64_t now)
{
	peer->due_us = INT64_MAX;
	if (play->begun == play->messages)
		return;
	if (play->period_us > 0) {
		peer->due_us = peer->sent_us + play->period_us > now ? peer->sent_us + play->period_us : now;
		return;
	}
	play->begun++;
	send_values(peer);
}

/* Sends what is due; milliseconds until the next may be; -1: nothing will. */
static int send_due(struct play *play)
{
	int64_t now = now_us(CLOCK_MONOTONIC);

	for (size_t i = 0; play->period_us > 0 && i < play->peer_count; i++) {
		struct peer *peer = &play->peers[i];

		if (peer->due_us > now || play->begun == play->messages)
			continue;
		peer->due_us = INT64_MAX;
		play->begun++;
		send_values(peer);
	}
	return play->period_us > 0 ? 1 : -1;
}

static void turn(struct play *play)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(play->epoll_fd, events, EVENTS, send_due(play));
	int64_t now = now_us(CLOCK_MONOTONIC);

	for (int i = 0; i < count; i++) {
		struct peer *peer = events[i].data.ptr;

		if (!hear(peer))
			continue;
		play->took_us[play->answered++] = now - peer->sent_us;
		go_on(play, peer, now);
	}
}

static int stations(uint16_t port, size_t peer_count, size_t messages, int64_t period_us)
{
	struct play play = {.peers = calloc(peer_count, sizeof(struct peer)),
			    .peer_count = peer_count,
			    .messages = messages,
			    .period_us = period_us,
			    .took_us = calloc(messages, sizeof(int64_t)),
			    .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};

	if (!play.peers || !play.took_us)
		fail("memory");
	for (size_t i = 0; i < peer_count; i++) {
		play.peers[i].number = (unsigned int)i;
		call(&play.peers[i], port);
		watch(play.epoll_fd, play.peers[i].fd, &play.peers[i]);
	}
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)getchar(); /* until the bench says go */
	int64_t begin = now_us(CLOCK_MONOTONIC);

	for (size_t i = 0; i < peer_count; i++) {
		play.peers[i].sent_us = begin - (int64_t)i * period_us / (int64_t)peer_count;
		go_on(&play, &play.peers[i], begin);
	}
	while (play.answered < messages)
		turn(&play);
	int64_t took = now_us(CLOCK_MONOTONIC) - begin;

	size_t half = messages / 2, late = messages * 99 / 100;

	qsort(play.took_us, messages, sizeof(int64_t), by_value);
	(void)printf("%.6f %.3f %.3f\n", (double)took / 1e6, (double)play.took_us[half] / 1e3,
		     (double)play.took_us[late] / 1e3);
	(void)fflush(stdout);
	(void)getchar(); /* connections stay until it has been looked at */
	free(play.peers);
	free(play.took_us);
	return EXIT_SUCCESS;
}

/* ---- answers ---- */

static void answer(struct peer *peer)
{
	static const char handshake[] =
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n";
	size_t from, len;
	unsigned int opcode;

	if (!peer->open) {
		size_t end = head_end(peer);

		if (end == 0)
			return;
		drop(peer, end);
		peer->open = true;
		send_all(peer->fd, handshake, sizeof(handshake) - 1);
	}
	while (take_frame(peer, &from, &len, &opcode)) {
		char text[64] = {(char)0x81};
		/* The client masks by zeros: its id can be read as it is. */
		int count = snprintf(text + 2, sizeof(text) - 2, "[3,\"%.*s\",{}]", ID_CHARS, peer->bytes + from + 4);

		text[1] = (char)count;
		send_all(peer->fd, text, (size_t)count + 2);
		drop(peer, from + len);
	}
}

__attribute__((noreturn)) static void answers(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct peer *peers = calloc(STATIONS_MAX, sizeof(*peers));
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll_fd = epoll_create1(EPOLL_CLOEXEC), yes = 1;
	socklen_t size = sizeof(address);
	size_t count = 0;

	if (!peers || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, SOMAXCONN) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		fail("listen");
	(void)printf("%u\n", (unsigned int)ntohs(address.sin_port));
	(void)fflush(stdout);
	watch(epoll_fd, listener, NULL);
	for (;;) {
		struct epoll_event events[EVENTS];
		int got = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < got; i++) {
			struct peer *peer = events[i].data.ptr;

			if (peer) {
				receive(peer);
				answer(peer);
				continue;
			}
			if (count == STATIONS_MAX)
				fail("too many stations");
			peer = &peers[count++];
			peer->fd = accept(listener, NULL, NULL);
			(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
			watch(epoll_fd, peer->fd, peer);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "answers") == 0)
		answers();
	if (argc != 6 || strcmp(argv[1], "stations") != 0)
		fail("usage");
	return stations((uint16_t)number_of(argv[2]), number_of(argv[3]), number_of(argv[4]),
			(int64_t)number_of(argv[5]) * US_PER_MS);
}
