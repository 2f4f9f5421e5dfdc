/* Raw bytes on a connection of the real server: whatever comes, no crash, and what goes back is nothing or answers of
 * HTTP/1.1. The input is cut at each 0x1e into pieces that are sent apart, so that heads arrive in parts. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES 4096u
#define WAIT_US 5000 /* for an answer; the verdict does not depend on whether one came in time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(void *self, void *loop_state, struct http_request *request)
{
	size_t count;
	const struct http_parameter *parameters = http_request_parameters(request, &count);
	struct str accept = http_request_header(request, STR("Accept"));

	(void)self;
	(void)loop_state;
	for (size_t i = 0; i < count; i++)
		(void)http_response_header(request, "X-Parameter", parameters[i].value);
	(void)http_response_header(request, "X-Accept", accept);
	http_respond(request, 200, http_request_body(request));
}

static uint16_t server_port(void)
{
	static struct http_server *server;
	const struct http_server_options options = {.address = "127.0.0.1",
						    .loop_count = 1,
						    .idle_timeout_s = 1,
						    .body_bytes_max = 1000,
						    .arena_bytes_max = 1 << 20,
						    .handle = on_request};
	struct error err;

	if (!server && http_server_new(&options, &server, &err) != ERR_OK)
		abort();
	return http_server_port(server);
}

/* -1 when the system has no port left for a while: whoever closes first leaves one behind for a minute. */
static int dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port())};
	const struct timeval wait = {.tv_usec = WAIT_US};
	const struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* closing resets, and leaves nothing behind */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		abort();
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno != EADDRNOTAVAIL && errno != EAGAIN && errno != ETIMEDOUT)
		abort();
	(void)close(fd);
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str piece, rest = {(const char *)data, size};
	char answer[ANSWER_BYTES];
	int fd = dial();

	if (fd < 0)
		return 0;
	while (str_next(&rest, 0x1e, &piece))
		if (piece.len > 0 && send(fd, piece.at, piece.len, MSG_NOSIGNAL) < 0)
			break;
	ssize_t got = recv(fd, answer, sizeof(answer), 0);

	assert(got < 9 || memcmp(answer, "HTTP/1.1 ", 9) == 0);
	(void)got;
	(void)close(fd);
	return 0;
}
