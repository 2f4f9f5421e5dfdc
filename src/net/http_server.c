/* The server as a whole: options, the listening socket, starting and ending the loops. */
#include "net/http_int.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static void options_default(struct http_server_options *options)
{
	if (!options->loop_count) {
		long processors = sysconf(_SC_NPROCESSORS_ONLN);

		options->loop_count = processors > 0 ? (uint32_t)processors : 1;
	}
	if (options->loop_count > HTTP_LOOPS_MAX)
		options->loop_count = HTTP_LOOPS_MAX;
	if (!options->connections_max)
		options->connections_max = HTTP_CONNECTIONS_MAX_DEFAULT;
	if (!options->connection_bytes)
		options->connection_bytes = HTTP_CONNECTION_BYTES_DEFAULT;
	if (options->connection_bytes < HTTP_CONNECTION_BYTES_MIN)
		options->connection_bytes = HTTP_CONNECTION_BYTES_MIN;
	if (!options->bodies_bytes_max)
		options->bodies_bytes_max = HTTP_BODIES_BYTES_DEFAULT;
	if (!options->idle_timeout_s)
		options->idle_timeout_s = HTTP_IDLE_TIMEOUT_S_DEFAULT;
}

/* No SO_REUSEPORT: a second server on the same port must be an error, not a silent half of the connections. */
static int listen_on(const struct addrinfo *place)
{
	int yes = 1, no = 0;
	int fd = socket(place->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (place->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	if (bind(fd, place->ai_addr, place->ai_addrlen) != 0 || listen(fd, HTTP_BACKLOG) != 0) {
		int reason = errno;

		(void)close(fd);
		errno = reason;
		return -1;
	}
	return fd;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static enum err_code server_listen(struct http_server *server, struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *places = NULL;
	char port[8];

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)server->options.port);
	int trouble = getaddrinfo(server->address, port, &hints, &places);

	if (trouble)
		return err_set(err, ERR_IO, "cannot listen on %s:%s: %s", server->address, port, gai_strerror(trouble));
	for (const struct addrinfo *place = places; place && server->listen_fd < 0; place = place->ai_next)
		server->listen_fd = listen_on(place);
	int reason = errno;

	freeaddrinfo(places);
	errno = reason;
	if (server->listen_fd < 0)
		return err_set(err, ERR_IO, "cannot listen on %s:%s: %s", server->address, port,
			       strerrordesc_np(errno));
	server->port = bound_port(server->listen_fd);
	return ERR_OK;
}

/* Signals belong to the main thread: the loops are born with all of them blocked. */
static enum err_code loops_launch(struct http_server *server, struct error *err)
{
	sigset_t all, before;
	enum err_code code = ERR_OK;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = 0; i < server->options.loop_count && code == ERR_OK; i++) {
		struct http_loop *loop = &server->loops[i];
		int trouble = pthread_create(&loop->thread, NULL, http_loop_main, loop);

		loop->thread_started = trouble == 0;
		if (trouble)
			code = err_set(err, ERR_IO, "cannot start event loop %u: %s", i, strerrordesc_np(trouble));
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static enum err_code loops_start(struct http_server *server, struct error *err)
{
	enum err_code code = ERR_OK;

	server->loops = calloc(server->options.loop_count, sizeof(*server->loops));
	if (!server->loops)
		return err_set(err, ERR_MEMORY, "no memory for %u event loops", server->options.loop_count);
	for (uint32_t i = 0; i < server->options.loop_count; i++)
		server->loops[i].epoll_fd = server->loops[i].inbox_fd = -1;
	for (uint32_t i = 0; i < server->options.loop_count && code == ERR_OK; i++)
		code = http_loop_init(&server->loops[i], server, i, err);
	if (code == ERR_OK)
		code = loops_launch(server, err);
	uint32_t launched = 0;

	for (uint32_t i = 0; i < server->options.loop_count; i++)
		launched += server->loops[i].thread_started;
	/* Loops that never ran accept nothing: the others must not wait for them when they end. */
	atomic_fetch_add(&server->loops_quiet, server->options.loop_count - launched);
	(void)pthread_mutex_lock(&server->lock);
	while (server->loops_started < launched)
		(void)pthread_cond_wait(&server->changed, &server->lock);
	if (code == ERR_OK && server->start_code != ERR_OK) {
		code = server->start_code;
		if (err)
			*err = server->start_error;
	}
	(void)pthread_mutex_unlock(&server->lock);
	for (uint32_t i = 0; i < server->options.loop_count && code == ERR_OK; i++)
		http_listen_watch(&server->loops[i], true);
	return code;
}

static enum err_code server_init(struct http_server *server, const struct http_server_options *options,
				 struct error *err)
{
	uint32_t seed;

	server->options = *options;
	options_default(&server->options);
	server->head_bytes_max = server->options.connection_bytes / 4 * 3;
	server->listen_fd = -1;
	(void)pthread_mutex_init(&server->lock, NULL);
	(void)pthread_cond_init(&server->changed, NULL);
	server->address = strdup(options->address);
	if (!server->address)
		return err_set(err, ERR_MEMORY, "no memory for the server");
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return err_set(err, ERR_IO, "no random bytes for request ids: %s", strerrordesc_np(errno));
	(void)snprintf(server->id_prefix, sizeof(server->id_prefix), "%08x", seed);
	return ERR_OK;
}

enum err_code http_server_new(const struct http_server_options *options, struct http_server **ret_server,
			      struct error *err)
{
	assert(options->handle && options->address);
	struct http_server *server = calloc(1, sizeof(*server));

	if (!server)
		return err_set(err, ERR_MEMORY, "no memory for the server");
	enum err_code code = server_init(server, options, err);

	if (code == ERR_OK)
		code = server_listen(server, err);
	if (code == ERR_OK)
		code = loops_start(server, err);
	if (code != ERR_OK) {
		(void)http_server_free(server);
		return code;
	}
	*ret_server = server;
	return ERR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_drain(struct http_server *server, uint32_t timeout_ms)
{
	uint32_t launched = 0;

	if (!server->loops)
		return;
	if (!atomic_load(&server->draining)) {
		atomic_store(&server->drain_deadline_us, http_now_us() + timeout_ms * INT64_C(1000));
		atomic_store(&server->draining, true);
	}
	for (uint32_t i = 0; i < server->options.loop_count; i++) {
		launched += server->loops[i].thread_started;
		if (server->loops[i].thread_started)
			http_loop_nudge(&server->loops[i]);
	}
	(void)pthread_mutex_lock(&server->lock);
	while (atomic_load(&server->loops_quiet) < server->options.loop_count)
		(void)pthread_cond_wait(&server->changed, &server->lock);
	if (server->listen_fd >= 0) {
		if (launched == server->options.loop_count && server->start_code == ERR_OK)
			http_accept_rest(server);
		(void)close(server->listen_fd); /* from now on the system refuses newcomers */
	}
	server->listen_fd = -1;
	atomic_store(&server->closed, true);
	while (server->loops_ended < launched)
		(void)pthread_cond_wait(&server->changed, &server->lock);
	(void)pthread_mutex_unlock(&server->lock);
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	http_server_drain(server, 0);
	for (uint32_t i = 0; server->loops && i < server->options.loop_count; i++) {
		if (server->loops[i].thread_started)
			(void)pthread_join(server->loops[i].thread, NULL);
		http_loop_done(&server->loops[i]);
	}
	if (server->listen_fd >= 0)
		(void)close(server->listen_fd);
	(void)pthread_cond_destroy(&server->changed);
	(void)pthread_mutex_destroy(&server->lock);
	free(server->loops);
	free(server->address);
	free(server);
	return NULL;
}

void http_server_stats(const struct http_server *server, struct http_server_stats *ret_stats)
{
	struct http_server_stats sum = {0};

	for (uint32_t i = 0; i < server->options.loop_count; i++) {
		const struct http_counters *counters = &server->loops[i].counters;

		sum.connections += atomic_load_explicit(&counters->connections, memory_order_relaxed);
		sum.connections_refused += atomic_load_explicit(&counters->connections_refused, memory_order_relaxed);
		sum.requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
		sum.responses_5xx += atomic_load_explicit(&counters->responses_5xx, memory_order_relaxed);
		sum.responses_4xx += atomic_load_explicit(&counters->responses_4xx, memory_order_relaxed);
		sum.bytes_in += atomic_load_explicit(&counters->bytes_in, memory_order_relaxed);
		sum.bytes_out += atomic_load_explicit(&counters->bytes_out, memory_order_relaxed);
		sum.connections_open += atomic_load_explicit(&counters->connections_open, memory_order_relaxed);
		sum.requests_open += atomic_load_explicit(&counters->requests_open, memory_order_relaxed);
	}
	*ret_stats = sum;
}
