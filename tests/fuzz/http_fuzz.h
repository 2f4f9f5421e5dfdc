/* A real server, and a connection to it, for the targets that speak to one. */
#ifndef MACHI_TESTS_HTTP_FUZZ_H
#define MACHI_TESTS_HTTP_FUZZ_H

#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Of a server that answers by handle, made at the first call. */
static inline uint16_t server_port(void (*handle)(void *self, void *loop_state, struct http_request *request))
{
	static struct http_server *server;
	const struct http_server_options options = {.address = "127.0.0.1",
						    .loop_count = 1,
						    .idle_timeout_s = 1,
						    .body_bytes_max = 1000,
						    .arena_bytes_max = 1 << 20,
						    .handle = handle};
	struct error err;

	if (!server && http_server_new(&options, &server, &err) != ERR_OK)
		abort();
	return http_server_port(server);
}

/* wait_us: for what comes from there. -1 when the system has no port left for a while: whoever closes first leaves one
 * behind for a minute. */
static inline int dial(uint16_t port, suseconds_t wait_us)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct timeval wait = {.tv_usec = wait_us};
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

#endif
