/* What bench_notify.py puts beside the daemon: a receiver of notifications that answers as fast as it can, and a load
 * of changes at a steady rate.
 *
 *   receive PORT   answers every POST with 200; GET /figures gives, and forgets, "COUNT P50_US P99_US MAX_US" of the
 *                  time since the moment that notifications hold as "sentAt"
 *   load WHAT PORT RATE SECONDS CONNECTIONS ENTITIES
 *                  changes one of the entities RATE times a second: "timed" upserts one whose attribute sentAt is now,
 *                  "patch" one attribute of the stations of bench_notify.py; prints how many were answered
 */
#include "../tests/unit/number_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_BYTES 65536u
#define EVENTS 64
#define SAMPLES_MAX 4000000u

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned number(const char *word)
{
	uint64_t value;

	if (!str_to_uint64(str_from(word), &value) || value > 1000000000)
		fail(word);
	return (unsigned)value;
}

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- the receiver ---- */

struct connection {
	int fd;
	size_t len;
	char bytes[CONNECTION_BYTES];
};

static uint32_t samples[SAMPLES_MAX];
static size_t count;

static int by_size(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void note(const char *body, size_t len)
{
	const char *at = memmem(body, len, "\"sentAt\"", 8);
	int64_t late_us = 0;

	if (at)
		at = memmem(at, len - (size_t)(at - body), "value\":", 7);
	if (at)
		late_us = clock_us() - (int64_t)number_at(at + 7);
	if (count < SAMPLES_MAX)
		samples[count++] = late_us > 0 ? (uint32_t)late_us : 0;
}

static void send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void give_figures(int fd)
{
	char answer[256], figures[128];
	int len;

	qsort(samples, count, sizeof(*samples), by_size);
	len = snprintf(figures, sizeof(figures), "%zu %u %u %u", count, count ? samples[count / 2] : 0,
		       count ? samples[count * 99 / 100] : 0, count ? samples[count - 1] : 0);
	count = 0;
	len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len, figures);
	send_all(fd, answer, (size_t)len);
}

/* Whole requests at the front are answered; returns how many bytes they took. */
static size_t answer(struct connection *connection)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	size_t done = 0;

	for (;;) {
		const char *at = connection->bytes + done;
		size_t left = connection->len - done, body = 0;
		const char *end = memmem(at, left, "\r\n\r\n", 4);

		if (!end)
			return done;
		size_t head = (size_t)(end - at) + 4;
		const char *length = memmem(at, head, "Content-Length:", 15);

		body = length ? (size_t)number_at(length + 15) : 0;
		if (left < head + body)
			return done;
		if (memcmp(at, "GET", 3) == 0) {
			give_figures(connection->fd);
		} else {
			note(at + head, body);
			send_all(connection->fd, good, sizeof(good) - 1);
		}
		done += head + body;
	}
}

static void read_some(struct connection *connection)
{
	ssize_t got = read(connection->fd, connection->bytes + connection->len, CONNECTION_BYTES - connection->len);

	if (got <= 0) {
		(void)close(connection->fd);
		free(connection);
		return;
	}
	connection->len += (size_t)got;
	size_t done = answer(connection);

	connection->len -= done;
	memmove(connection->bytes, connection->bytes + done, connection->len);
}

static void take(int poll_fd, int listener)
{
	int one = 1, fd = accept(listener, NULL, NULL);
	struct connection *connection = fd >= 0 ? calloc(1, sizeof(*connection)) : NULL;

	if (!connection)
		return;
	connection->fd = fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = connection});
}

static void receive(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll_fd = epoll_create1(0);

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 1024) != 0)
		fail("listening");
	(void)epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
	for (;;) {
		struct epoll_event events[EVENTS];
		int ready = epoll_wait(poll_fd, events, EVENTS, -1);

		for (int i = 0; i < ready; i++)
			if (events[i].data.ptr)
				read_some(events[i].data.ptr);
			else
				take(poll_fd, listener);
	}
}

/* ---- the load ---- */

struct load {
	uint16_t port;
	double rate; /* of this connection */
	double seconds;
	unsigned number, entities;
	bool patch; /* or timed */
	uint64_t answered;
};

static int write_request(const struct load *load, unsigned turn, char *request, size_t room)
{
	char body[512];
	unsigned entity = (load->number + turn * 7919u) % load->entities;
	int len;

	if (load->patch) {
		len = snprintf(body, sizeof(body), "{\"type\":\"Property\",\"value\":%u.5}", turn % 1000);
		return snprintf(request, room,
				"PATCH /ngsi-ld/v1/entities/urn:ngsi-ld:WeatherObserved:bench:%07u/attrs/temperature "
				"HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
				entity, len, body);
	}
	len = snprintf(
		body, sizeof(body),
		"[{\"id\":\"urn:x:timed:%u\",\"type\":\"Timed\",\"sentAt\":{\"type\":\"Property\",\"value\":%lld}}]",
		entity, (long long)clock_us());
	return snprintf(request, room,
			"POST /ngsi-ld/v1/entityOperations/upsert?options=update HTTP/1.1\r\nHost: x\r\n"
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			len, body);
}

static bool exchange(int fd, const struct load *load, unsigned turn)
{
	char request[1024], reply[4096];
	int len = write_request(load, turn, request, sizeof(request));

	send_all(fd, request, (size_t)len);
	ssize_t got = recv(fd, reply, sizeof(reply), 0);

	return got > 12 && reply[9] == '2';
}

static void *run_load(void *self)
{
	struct load *load = self;
	struct sockaddr_in address = loopback(load->port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	int64_t begin_us = clock_us(), end_us = begin_us + (int64_t)(load->seconds * 1e6);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connecting");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (unsigned turn = 0;; turn++) {
		int64_t due_us = begin_us + (int64_t)(turn / load->rate * 1e6), now_us = clock_us();

		if (due_us >= end_us)
			break;
		if (due_us > now_us)
			(void)usleep((useconds_t)(due_us - now_us));
		if (!exchange(fd, load, turn))
			fail("a change was not answered with success");
		load->answered++;
	}
	(void)close(fd);
	return NULL;
}

static void put_load(char **words)
{
	unsigned connections = number(words[4]);
	struct load *loads = calloc(connections, sizeof(*loads));
	pthread_t *threads = calloc(connections, sizeof(*threads));
	uint64_t answered = 0;

	if (!loads || !threads)
		fail("memory");
	for (unsigned i = 0; i < connections; i++) {
		loads[i] = (struct load){.port = (uint16_t)number(words[1]),
					 .rate = (double)number(words[2]) / connections,
					 .seconds = number(words[3]),
					 .number = i,
					 .entities = number(words[5]),
					 .patch = strcmp(words[0], "patch") == 0};
		if (pthread_create(&threads[i], NULL, run_load, &loads[i]) != 0)
			fail("a thread");
	}
	for (unsigned i = 0; i < connections; i++) {
		(void)pthread_join(threads[i], NULL);
		answered += loads[i].answered;
	}
	(void)printf("%llu\n", (unsigned long long)answered);
	free(loads);
	free(threads);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "receive") == 0)
		receive((uint16_t)number(argv[2]));
	else if (argc == 8 && strcmp(argv[1], "load") == 0)
		put_load(argv + 2);
	else
		return 64;
	return 0;
}
