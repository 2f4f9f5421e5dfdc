/* One event loop: an epoll set that holds the libmicrohttpd daemon's own set, an inbox and the listening socket.
 *
 * Every loop listens (EPOLLEXCLUSIVE wakes one of them), so that a loop busy with a long query delays no newcomer; who
 * accepts gives the connection to the loop that has fewest, because an idle server's wake-ups favour one loop. Messages
 * reach a loop by a stack that is taken whole: only the push onto an empty one costs an eventfd write, so one group
 * commit that answers hundreds of requests wakes each loop once. */
#include "net/http_int.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t http_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

int64_t http_coarse_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- the inbox ---- */

static void inbox_ring(struct http_loop *loop)
{
	uint64_t one = 1;

	/* A full counter cannot happen and an interrupted write neither (eventfd, non-blocking). */
	(void)!write(loop->inbox_fd, &one, sizeof(one));
}

void http_loop_post(struct http_loop *loop, struct http_message *message)
{
	/* Once the message is in, the loop may finish and be freed: `waking` keeps it until we are out. */
	atomic_fetch_add(&loop->waking, 1);
	struct http_message *head = atomic_load(&loop->inbox);

	do
		message->next = head;
	while (!atomic_compare_exchange_weak(&loop->inbox, &head, message));
	if (!head)
		inbox_ring(loop);
	atomic_fetch_sub(&loop->waking, 1);
}

void http_loop_nudge(struct http_loop *loop)
{
	inbox_ring(loop);
}

static struct http_message *inbox_take(struct http_loop *loop)
{
	struct http_message *newest = atomic_exchange(&loop->inbox, NULL);
	struct http_message *oldest = NULL;

	while (newest) {
		struct http_message *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* ---- slow and idle connections ---- */

static int64_t allowance_us(const struct http_loop *loop, uint64_t bytes)
{
	uint64_t seconds = 2 * (uint64_t)loop->server->options.idle_timeout_s + bytes / HTTP_SLOW_BYTES_PER_S;

	return (int64_t)(seconds * 1000000u);
}

/* The daemon's own timeout sees only silence; this bounds whoever sends or reads a byte at a time. */
static bool is_too_slow(const struct http_loop *loop, const struct http_connection *connection, int64_t now_us)
{
	const struct http_request *request = connection->request;

	if (!request || request->phase == HTTP_HEAD)
		return now_us - connection->since_us > allowance_us(loop, 0);
	if (request->phase == HTTP_BODY)
		return now_us - request->start_us > allowance_us(loop, request->body_len + request->discarded);
	if (request->phase == HTTP_ANSWERING)
		return now_us - request->answered_us > allowance_us(loop, request->response_bytes);
	return false;
}

/* Silent for a while, and nothing of a next request has come: no unread bytes, and the last ones that came are older
 * than the last answer. The kernel counts that age in its ticks, hence the slack. */
static bool is_idle(const struct http_connection *connection, int64_t now_us)
{
	int unread = 0;
	struct tcp_info info;
	socklen_t info_len = sizeof(info);
	const int64_t slack_us = 10000;

	if (connection->request || now_us - connection->since_us < HTTP_DRAIN_QUIET_MS * INT64_C(1000))
		return false;
	if (ioctl(connection->fd, FIONREAD, &unread) == 0 && unread > 0)
		return false;
	memset(&info, 0, sizeof(info));
	if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) != 0)
		return true;
	if (info.tcpi_bytes_received == 0)
		return true;
	return now_us - info.tcpi_last_data_recv * INT64_C(1000) <= connection->since_us + slack_us;
}

/* The client has sent its end (FIN) and the daemon does not know: it takes a short read for the last one, and where the
 * end came with the bytes, no further edge of its epoll set tells. */
static bool is_deaf_to_the_end(const struct http_connection *connection)
{
	const struct http_request *request = connection->request;
	struct pollfd end = {.fd = connection->fd, .events = POLLRDHUP};
	int unread = 0;

	if (request && request->phase != HTTP_HEAD && request->phase != HTTP_BODY)
		return false;
	return poll(&end, 1, 0) == 1 && ioctl(connection->fd, FIONREAD, &unread) == 0 && unread == 0;
}

static void refuse_stuck(struct http_connection *connection)
{
	http_request_refuse_raw(connection->request, MHD_HTTP_BAD_REQUEST, "a chunk's line is too long");
	(void)shutdown(connection->fd, SHUT_RDWR);
}

/* A chunk's line of more than the daemon's buffer: it reads no further, although more has come. */
static bool is_stuck(const struct http_connection *connection)
{
	struct http_request *request = connection->request;
	int unread = 0;

	if (!request || request->phase != HTTP_BODY || !request->chunked || request->status)
		return false;
	if (ioctl(connection->fd, FIONREAD, &unread) != 0 || unread == 0)
		request->stuck_sweeps = 0;
	else
		request->stuck_sweeps++;
	return request->stuck_sweeps > HTTP_STUCK_SWEEPS;
}

static void loop_sweep(struct http_loop *loop, int64_t now_us, bool draining)
{
	for (struct http_connection *connection = loop->connections; connection; connection = connection->next)
		if (connection->request && connection->request->phase == HTTP_STREAMING)
			http_stream_sweep(connection->request, now_us, draining);
		else if (is_too_slow(loop, connection, now_us) || (draining && is_idle(connection, now_us)))
			(void)shutdown(connection->fd, SHUT_RDWR); /* the daemon notices and closes */
		else if (is_stuck(connection))
			refuse_stuck(connection);
		else if (is_deaf_to_the_end(connection))
			(void)shutdown(connection->fd, SHUT_RD); /* rings once more: it reads the end, and closes */
	/* The allocator keeps what large requests needed; here at most once in a sweep. */
	if (loop->trim_wanted && !draining)
		(void)malloc_trim(0);
	loop->trim_wanted = false;
	http_bodies_sweep(loop);
	loop->sweep_us = now_us + (draining ? HTTP_DRAIN_TICK_MS : HTTP_SWEEP_MS) * INT64_C(1000);
}

/* ---- the thread ---- */

static int wait_ms(const struct http_loop *loop, int64_t now_us)
{
	int64_t until_us = loop->sweep_us;
	MHD_UNSIGNED_LONG_LONG daemon_ms;

	if (loop->accept_again_us && loop->accept_again_us < until_us)
		until_us = loop->accept_again_us;
	int64_t ms = until_us > now_us ? (until_us - now_us + 999) / 1000 : 0;

	/* libmicrohttpd 0.9.75 says that it has work as long as a connection's buffer is full and nothing of it can be
	 * used, as with a chunk's line without end. Asked again and again it would turn in circles; whatever could get
	 * on without something new coming in has done so after a few turns. */
	int64_t least_ms = loop->idle_turns < HTTP_IDLE_TURNS_MAX ? 0 : HTTP_IDLE_TICK_MS;

	if (MHD_get_timeout(loop->daemon, &daemon_ms) == MHD_YES && (int64_t)daemon_ms < ms)
		ms = (int64_t)daemon_ms < least_ms ? least_ms : (int64_t)daemon_ms;
	return loop->linger_count > 0 && ms > HTTP_LINGER_TICK_MS ? HTTP_LINGER_TICK_MS : (int)ms;
}

static void loop_read_inbox(struct http_loop *loop)
{
	uint64_t rings;

	/* First silence the bell, then take: a push in between rings again. */
	(void)!read(loop->inbox_fd, &rings, sizeof(rings));
	for (struct http_message *message = inbox_take(loop); message;) {
		struct http_message *next = message->next;

		if (message->is_connection)
			http_connection_adopt(loop, (struct http_connection *)message);
		else
			http_request_resume((struct http_request *)message);
		message = next;
	}
}

/* A WebSocket's request lives until the daemon runs, whatever else this turn brings. */
static void loop_event(struct http_loop *loop, uint64_t event)
{
	if (event == HTTP_EVENT_INBOX)
		loop_read_inbox(loop);
	else if (event == HTTP_EVENT_LISTEN && !loop->quiet)
		(void)http_accept_some(loop);
	else if (event > HTTP_EVENT_LISTEN)
		http_websocket_event((struct http_request *)(uintptr_t)event);
}

static void loop_turn(struct http_loop *loop)
{
	struct epoll_event events[HTTP_EVENTS_PER_TURN];
	int count = epoll_wait(loop->epoll_fd, events, HTTP_EVENTS_PER_TURN, wait_ms(loop, http_now_us()));
	uint64_t calls = loop->calls;

	for (int i = 0; i < count; i++)
		loop_event(loop, events[i].data.u64);
	(void)MHD_run(loop->daemon);
	loop->idle_turns = count > 0 || loop->calls != calls ? 0 : loop->idle_turns + (loop->idle_turns < UINT32_MAX);
	int64_t now_us = http_now_us();

	if (loop->accept_again_us && now_us >= loop->accept_again_us && !loop->quiet) {
		loop->accept_again_us = 0;
		http_listen_watch(loop, true);
	}
	if (loop->linger_count > 0)
		http_linger_sweep(loop, now_us);
	if (now_us >= loop->sweep_us)
		loop_sweep(loop, now_us, loop->quiet);
}

/* Draining: takes what is in the backlog, then listens no more. */
static void loop_quiet(struct http_loop *loop)
{
	while (!http_accept_some(loop))
		;
	if (!loop->accept_again_us)
		http_listen_watch(loop, false);
	loop->accept_again_us = 0;
	loop->quiet = true;
	loop->sweep_us = 0;
	(void)pthread_mutex_lock(&loop->server->lock);
	atomic_fetch_add(&loop->server->loops_quiet, 1);
	(void)pthread_cond_broadcast(&loop->server->changed);
	(void)pthread_mutex_unlock(&loop->server->lock);
}

static bool loop_goes_on(struct http_loop *loop)
{
	struct http_server *server = loop->server;

	if (!atomic_load(&server->draining))
		return true;
	if (!loop->quiet)
		loop_quiet(loop);
	/* Until then connections may be handed over; and whoever owes a wake points into our memory. */
	if (!atomic_load(&server->closed) || loop->suspended > 0 || atomic_load(&loop->inbox))
		return true;
	return loop->connections && http_now_us() < atomic_load(&server->drain_deadline_us);
}

static enum err_code daemon_start(struct http_loop *loop, struct error *err)
{
	const struct http_server_options *options = &loop->server->options;

	loop->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE, 0, NULL, NULL,
		http_on_request, loop, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, loop,
		MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, loop, MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, loop,
		MHD_OPTION_UNESCAPE_CALLBACK, http_on_unescape, loop, MHD_OPTION_CONNECTION_LIMIT,
		options->connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)options->connection_bytes,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		loop->daemon ? MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = HTTP_EVENT_DAEMON};

	if (!info || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0)
		return err_set(err, ERR_IO, "libmicrohttpd does not start on loop %u", loop->index);
	return ERR_OK;
}

static enum err_code loop_start(struct http_loop *loop, struct error *err)
{
	const struct http_server_options *options = &loop->server->options;
	enum err_code code = daemon_start(loop, err);

	if (code == ERR_OK && options->loop_start)
		code = options->loop_start(options->self, loop->index, &loop->state, err);
	return code;
}

static void report_start(struct http_server *server, enum err_code code, const struct error *err)
{
	(void)pthread_mutex_lock(&server->lock);
	server->loops_started++;
	if (code != ERR_OK) {
		atomic_fetch_add(&server->loops_quiet, 1);
		if (server->start_code == ERR_OK)
			server->start_error = *err;
		server->start_code = server->start_error.code;
	}
	(void)pthread_cond_broadcast(&server->changed);
	(void)pthread_mutex_unlock(&server->lock);
}

void *http_loop_main(void *arg)
{
	struct http_loop *loop = arg;
	struct http_server *server = loop->server;
	struct error err = {0};
	enum err_code code = loop_start(loop, &err);

	report_start(server, code, &err);
	while (code == ERR_OK && loop_goes_on(loop))
		loop_turn(loop);
	if (loop->daemon)
		MHD_stop_daemon(loop->daemon);
	http_linger_done(loop);
	if (code == ERR_OK && server->options.loop_stop)
		server->options.loop_stop(server->options.self, loop->state);
	http_requests_free(loop);
	(void)pthread_mutex_lock(&server->lock);
	server->loops_ended++;
	(void)pthread_cond_broadcast(&server->changed);
	(void)pthread_mutex_unlock(&server->lock);
	return NULL;
}

enum err_code http_loop_init(struct http_loop *loop, struct http_server *server, uint32_t index, struct error *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = HTTP_EVENT_INBOX};

	loop->server = server;
	loop->index = index;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->inbox_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->inbox_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->inbox_fd, &event) != 0)
		return err_set(err, ERR_IO, "no descriptors for event loop %u: %s", index, strerrordesc_np(errno));
	return ERR_OK;
}

void http_loop_done(struct http_loop *loop)
{
	while (atomic_load(&loop->waking) > 0)
		(void)sched_yield();
	if (loop->epoll_fd >= 0)
		(void)close(loop->epoll_fd);
	if (loop->inbox_fd >= 0)
		(void)close(loop->inbox_fd);
}
