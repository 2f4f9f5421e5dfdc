/* POSTs of 500 bytes to one receiver that keeps its connections and answers 204: our sender beside the limit, a bare
 * loop of blocking sockets that writes the same bytes and waits for the same answers in turn. The receiver is a thread
 * of this program with an epoll set that counts bytes and parses nothing; all share the machine's processors. Two more
 * sides are ours under other conditions: sixteen receivers in turn, so that no URL is the one before; and 56 of the 64
 * connections taken by receivers that never answer. */
#include "bench.h"
#include "net/http_sender.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_BYTES 500u
#define CONNECTIONS 8u /* to the receiver */
#define UNDER_WAY 64u /* posts given at once */
#define EVENTS 64
#define FDS_MAX 1024
#define PATHS 16u
#define DEAF 56u
#define DEAF_MS 600000u

static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

/* ---- the receiver ---- */

struct receiver {
	int listener, epoll;
	uint16_t port;
	size_t had[FDS_MAX]; /* of the request under way, by descriptor */
	size_t wanted[FDS_MAX];
	uint64_t answered;
};

static void watch(const struct receiver *receiver, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(receiver->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		abort();
}

/* All requests of a connection have the same length, which the first one tells. */
static void take_bytes(struct receiver *receiver, int fd)
{
	char bytes[16384];
	ssize_t got = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

	if (got <= 0) {
		receiver->had[fd] = receiver->wanted[fd] = 0;
		(void)close(fd);
		return;
	}
	receiver->had[fd] += (size_t)got;
	if (receiver->wanted[fd] == 0) {
		bytes[got] = '\0';
		const char *end = strstr(bytes, "\r\n\r\n");

		if (!end)
			abort();
		receiver->wanted[fd] = (size_t)(end - bytes) + 4 + BODY_BYTES;
	}
	while (receiver->had[fd] >= receiver->wanted[fd]) {
		receiver->had[fd] -= receiver->wanted[fd];
		receiver->answered++;
		if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			break;
	}
}

static void *receive(void *cls)
{
	struct receiver *receiver = cls;
	struct epoll_event events[EVENTS];
	int one = 1;

	for (;;) {
		int count = epoll_wait(receiver->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd != receiver->listener) {
				take_bytes(receiver, events[i].data.fd);
				continue;
			}
			int fd = accept(receiver->listener, NULL, NULL);

			if (fd < 0)
				return NULL;
			if (fd >= FDS_MAX)
				abort();
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			watch(receiver, fd);
		}
	}
}

static void receiver_start(struct receiver *receiver)
{
	struct sockaddr_in address = {.sin_family = AF_INET}; /* any: 127.0.0.1, 127.0.0.2 … are many hosts */
	socklen_t len = sizeof(address);
	pthread_t thread;

	receiver->listener = socket(AF_INET, SOCK_STREAM, 0);
	receiver->epoll = epoll_create1(0);
	if (bind(receiver->listener, (struct sockaddr *)&address, len) != 0 || listen(receiver->listener, 128) != 0 ||
	    getsockname(receiver->listener, (struct sockaddr *)&address, &len) != 0)
		abort();
	receiver->port = ntohs(address.sin_port);
	watch(receiver, receiver->listener);
	if (pthread_create(&thread, NULL, receive, receiver) != 0)
		abort();
}

/* ---- ours ---- */

struct ours {
	struct http_sender *sender;
	struct http_post posts[UNDER_WAY];
	char urls[PATHS][64];
	uint64_t left, ended;
	unsigned int paths;
};

static const struct http_post_header headers[] = {{{"Content-Type", 12}, {"application/json", 16}}};

static void on_done(struct http_post *post, const struct http_post_result *result);

static void give(struct ours *ours, struct http_post *post)
{
	struct error err;

	post->url = ours->urls[ours->left-- % ours->paths];
	if (http_sender_post(ours->sender, post, &err) != ERR_OK)
		abort();
}

static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct ours *ours = post->self;

	if (result->status != 204)
		abort();
	ours->ended++;
	if (ours->left > 0)
		give(ours, post);
}

static void on_deaf(struct http_post *post, const struct http_post_result *result)
{
	(void)post;
	if (result->code != ERR_CONFLICT)
		abort();
}

static void run_ours(void *self, uint64_t times)
{
	struct ours *ours = self;
	struct error err;

	ours->left = times;
	ours->ended = 0;
	for (size_t i = 0; i < UNDER_WAY && ours->left > 0; i++)
		give(ours, &ours->posts[i]);
	while (ours->ended < times)
		if (http_sender_run(ours->sender, 1000, &err) != ERR_OK)
			abort();
}

static void ours_start(struct ours *ours, uint16_t port, unsigned int paths)
{
	static char body[BODY_BYTES];
	struct error err;

	memset(body, 'x', sizeof(body));
	ours->paths = paths;
	for (unsigned int i = 0; i < paths; i++)
		(void)snprintf(ours->urls[i], sizeof(ours->urls[i]), "http://127.0.0.%u:%u/notify%02u",
			       paths > 1 ? i + 1 : 1, (unsigned int)port, i);
	for (size_t i = 0; i < UNDER_WAY; i++)
		ours->posts[i] = (struct http_post){.headers = headers,
						    .header_count = 1,
						    .body = {body, sizeof(body)},
						    .done = on_done,
						    .self = ours};
	if (http_sender_new(&(struct http_sender_options){.host_connections_max = CONNECTIONS}, &ours->sender, &err) !=
	    ERR_OK)
		abort();
}

/* ---- the limit ---- */

/* Seven receivers that let connect and are deaf: a socket that listens and never accepts. */
static void add_deaf(struct ours *ours)
{
	static struct http_post posts[DEAF];
	static char urls[DEAF][64];
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct error err;

	if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 2 * DEAF) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		abort();
	for (unsigned int i = 0; i < DEAF; i++) {
		(void)snprintf(urls[i], sizeof(urls[i]), "http://127.0.1.%u:%u/deaf", 1 + i / CONNECTIONS,
			       (unsigned int)ntohs(address.sin_port));
		posts[i] = (struct http_post){.url = urls[i], .timeout_ms = DEAF_MS, .done = on_deaf, .self = ours};
		if (http_sender_post(ours->sender, &posts[i], &err) != ERR_OK)
			abort();
	}
}

struct bare {
	int fds[CONNECTIONS];
	char request[1024];
	size_t len;
};

static void bare_start(struct bare *bare, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int one = 1;
	int head = snprintf(bare->request, sizeof(bare->request),
			    "POST /notify00 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: machi\r\n"
			    "Content-Type: application/json\r\nContent-Length: %u\r\n\r\n",
			    (unsigned int)port, BODY_BYTES);

	memset(bare->request + head, 'x', BODY_BYTES);
	bare->len = (size_t)head + BODY_BYTES;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		bare->fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(bare->fds[i], (struct sockaddr *)&address, sizeof(address)) != 0)
			abort();
		(void)setsockopt(bare->fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

static void run_bare(void *self, uint64_t times)
{
	struct bare *bare = self;
	char bytes[256];

	for (uint64_t done = 0; done < times;) {
		size_t batch = times - done < CONNECTIONS ? (size_t)(times - done) : CONNECTIONS;

		for (size_t i = 0; i < batch; i++)
			if (send(bare->fds[i], bare->request, bare->len, MSG_NOSIGNAL) != (ssize_t)bare->len)
				abort();
		for (size_t i = 0; i < batch; i++)
			if (recv(bare->fds[i], bytes, sizeof(bytes), 0) != (ssize_t)sizeof(answer) - 1)
				abort();
		done += batch;
	}
}

int main(void)
{
	static struct receiver receiver;
	static struct ours one, many, burdened;
	static struct bare bare;

	receiver_start(&receiver);
	ours_start(&one, receiver.port, 1);
	ours_start(&many, receiver.port, PATHS);
	ours_start(&burdened, receiver.port, 1);
	add_deaf(&burdened);
	bare_start(&bare, receiver.port);
	const struct bench_side sides[] = {{"ours", run_ours, &one},
					   {"ours, 16 receivers in turn", run_ours, &many},
					   {"ours, 56 deaf connections beside", run_ours, &burdened},
					   {"limit: bare sockets", run_bare, &bare}};

	bench_sides("POST of 500 bytes, 8 kept connections, answered 204", sides, 4, BENCH_ROUNDS, 1, "POSTs/s");
	(void)http_sender_free(one.sender);
	(void)http_sender_free(many.sender);
	(void)http_sender_free(burdened.sender);
	return EXIT_SUCCESS;
}
