/* Closing gently. An answer that went out before its request was read whole is lost when the socket is closed on what
 * is still coming: the system answers that with a reset, and the client's system then drops what it had not handed
 * over. So such a connection is kept for a moment after the daemon has closed it: its end is sent already, and what
 * still comes is read and dropped until the client closes too (RFC 9112 section 9.6). */
#include "net/http_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* True when there is nothing more to wait for. */
static bool read_away(int fd)
{
	char dropped[16384];
	ssize_t got = 0;

	/* Bounded, so that a client that sends without end does not hold the loop. */
	for (size_t read = 0; read < HTTP_LINGER_TICK_BYTES; read += (size_t)got) {
		got = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
		if (got <= 0)
			break;
	}
	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void http_linger_start(struct http_loop *loop, const struct http_connection *connection)
{
	if (loop->linger_count == HTTP_LINGERS_MAX || atomic_load(&loop->server->draining))
		return;
	int fd = fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)shutdown(fd, SHUT_WR);
	loop->lingers[loop->linger_count++] = (struct http_linger){fd, http_now_us() + HTTP_LINGER_MS * INT64_C(1000)};
}

void http_linger_sweep(struct http_loop *loop, int64_t now_us)
{
	for (uint32_t i = 0; i < loop->linger_count;) {
		struct http_linger *linger = &loop->lingers[i];

		if (!read_away(linger->fd) && now_us < linger->until_us) {
			i++;
			continue;
		}
		(void)close(linger->fd);
		*linger = loop->lingers[--loop->linger_count];
	}
}

void http_linger_done(struct http_loop *loop)
{
	for (uint32_t i = 0; i < loop->linger_count; i++)
		(void)close(loop->lingers[i].fd);
	loop->linger_count = 0;
}
