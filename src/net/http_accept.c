/* Connections: accepted by whichever loop wakes, given to the loop that has fewest, adopted by its daemon. */
#include "net/http_int.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- connections ---- */

static void connection_link(struct http_loop *loop, struct http_connection *connection)
{
	connection->next = loop->connections;
	connection->previous = NULL;
	if (loop->connections)
		loop->connections->previous = connection;
	loop->connections = connection;
}

static void connection_unlink(struct http_loop *loop, struct http_connection *connection)
{
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		loop->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
}

void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct http_loop *loop = cls;

	loop->calls++;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct http_connection *connection = loop->adopting;

		assert(connection);
		connection->mhd = mhd;
		connection_link(loop, connection);
		loop->adopting = NULL;
		*context = connection;
		return;
	}
	struct http_connection *connection = *context;

	http_connection_lost(connection);
	if (connection->linger)
		http_linger_start(loop, connection);
	connection_unlink(loop, connection);
	atomic_fetch_sub(&loop->counters.connections_open, 1);
	free(connection);
}

void http_connection_adopt(struct http_loop *loop, struct http_connection *connection)
{
	struct sockaddr_storage address;
	socklen_t address_len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getpeername(connection->fd, (struct sockaddr *)&address, &address_len) != 0) {
		address.ss_family = AF_INET; /* gone already: the daemon will notice when it reads */
		address_len = sizeof(struct sockaddr_in);
	}
	connection->since_us = http_now_us();
	loop->adopting = connection;
	/* The daemon closes the socket when it fails. */
	if (MHD_add_connection(loop->daemon, connection->fd, (struct sockaddr *)&address, address_len) == MHD_YES)
		return;
	if (loop->adopting) {
		loop->adopting = NULL;
		atomic_fetch_sub(&loop->counters.connections_open, 1);
		free(connection);
	}
}

static struct http_loop *loop_with_fewest(struct http_server *server, struct http_loop *self)
{
	struct http_loop *best = self ? self : &server->loops[0];
	uint64_t fewest = atomic_load(&best->counters.connections_open);

	for (uint32_t i = 0; i < server->options.loop_count; i++) {
		uint64_t open = atomic_load(&server->loops[i].counters.connections_open);

		if (open < fewest) {
			fewest = open;
			best = &server->loops[i];
		}
	}
	return best;
}

static uint64_t connections_open(const struct http_server *server)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < server->options.loop_count; i++)
		open += atomic_load(&server->loops[i].counters.connections_open);
	return open;
}

static void peer_write(struct http_connection *connection, const struct sockaddr_storage *address)
{
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned int port = 0;
	bool six = address->ss_family == AF_INET6;

	if (six) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;

		(void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		port = ntohs(in->sin6_port);
	} else if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		port = ntohs(in->sin_port);
	}
	int len = snprintf(connection->peer, sizeof(connection->peer), six ? "[%s]:%u" : "%s:%u", host, port);

	connection->peer_len = len > 0 ? (size_t)len : 0;
}

/* self: the calling loop, NULL for another thread. */
static void connection_place(struct http_server *server, struct http_loop *self, int fd,
			     const struct sockaddr_storage *address)
{
	struct http_loop *target = loop_with_fewest(server, self);
	struct http_connection *connection = NULL;

	if (connections_open(server) < server->options.connections_max)
		connection = calloc(1, sizeof(*connection));
	if (!connection) {
		atomic_fetch_add(&target->counters.connections_refused, 1);
		(void)close(fd);
		return;
	}
	connection->message.is_connection = true;
	connection->fd = fd;
	peer_write(connection, address);
	atomic_fetch_add(&target->counters.connections, 1);
	atomic_fetch_add(&target->counters.connections_open, 1);
	if (self && target == self)
		http_connection_adopt(self, connection);
	else
		http_loop_post(target, &connection->message);
}

/* ---- accepting ---- */

void http_listen_watch(struct http_loop *loop, bool watched)
{
	/* EPOLLEXCLUSIVE cannot be changed, only taken out and put in again. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = HTTP_EVENT_LISTEN};

	(void)epoll_ctl(loop->epoll_fd, watched ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, loop->server->listen_fd, &event);
}

static void accept_pause(struct http_loop *loop)
{
	http_listen_watch(loop, false);
	loop->accept_again_us = http_now_us() + HTTP_ACCEPT_PAUSE_MS * INT64_C(1000);
}

bool http_accept_some(struct http_loop *loop)
{
	for (int i = 0; i < HTTP_ACCEPTS_PER_WAKE; i++) {
		struct sockaddr_storage address = {0};
		socklen_t address_len = sizeof(address);
		int fd = accept4(loop->server->listen_fd, (struct sockaddr *)&address, &address_len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			connection_place(loop->server, loop, fd, &address);
			continue;
		}
		if (errno == EAGAIN || errno == EINVAL)
			return true;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			if (!atomic_load(&loop->server->draining) && !loop->accept_again_us)
				accept_pause(loop);
			return true;
		}
		/* What remains (ECONNABORTED, EINTR …) belongs to one connection: take the next. */
	}
	return false;
}

void http_accept_rest(struct http_server *server)
{
	for (;;) {
		struct sockaddr_storage address = {0};
		socklen_t address_len = sizeof(address);
		int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &address_len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		connection_place(server, NULL, fd, &address);
	}
}
