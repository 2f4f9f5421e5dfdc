/* A TCP connection without blocking. */
#include "net/tcp_link.h"

#include "base/cleanup.h"
#include "net/http_outgoing_int.h"
#include "net/mqtt_int.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

struct tcp_link {
	char host[TCP_LINK_HOST_BYTES_MAX + 1];
	uint16_t port;
	const struct address_policy *policy;
	int wake_fd; /* the owner's */
	enum tcp_link_state state;
	struct mqtt_lookup *lookup; /* OPENING, first; owned */
	int fd; /* OPENING behind it, OPEN */
	char addresses[MQTT_ADDRESSES_MAX][ADDRESS_TEXT_BYTES];
	uint32_t address_count, address_next;
	int64_t open_ms, deadline_ms;
	char trouble[TCP_LINK_TROUBLE_BYTES];
};

DEFINE_CLEANUP(struct tcp_link *, tcp_link);

enum err_code tcp_link_new(struct str host, uint16_t port, const struct address_policy *policy, int wake_fd,
			   struct tcp_link **ret_link, struct error *err)
{
	CLEANUP(tcp_link) struct tcp_link *link = calloc(1, sizeof(*link));

	if (!link)
		return err_set(err, ERR_MEMORY, "no memory for a connection");
	link->fd = -1;
	if (host.len == 0 || host.len > TCP_LINK_HOST_BYTES_MAX || memchr(host.at, '\0', host.len))
		return err_set(err, ERR_INVALID, "expected the name or address of a host, up to %u bytes",
			       TCP_LINK_HOST_BYTES_MAX);
	memcpy(link->host, host.at, host.len);
	link->port = port;
	link->policy = policy;
	link->wake_fd = wake_fd;
	*ret_link = TAKE(link);
	return ERR_OK;
}

struct tcp_link *tcp_link_free(struct tcp_link *link)
{
	if (link)
		tcp_link_close(link);
	free(link);
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void say_trouble(struct tcp_link *link, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(link->trouble, sizeof(link->trouble), format, arguments);
	va_end(arguments);
}

void tcp_link_close(struct tcp_link *link)
{
	link->lookup = mqtt_lookup_free(link->lookup);
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	link->state = TCP_LINK_CLOSED;
}

enum tcp_link_state tcp_link_state(const struct tcp_link *link)
{
	return link->state;
}

const char *tcp_link_trouble(const struct tcp_link *link)
{
	return link->trouble;
}

/* ---- opening ---- */

static int begin_to_connect(struct tcp_link *link, const char *address)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	struct addrinfo *found = NULL;
	char port[8];
	int one = 1;

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)link->port);
	if (getaddrinfo(address, port, &hints, &found) != 0)
		return EADDRNOTAVAIL;
	link->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int failed = link->fd < 0 ? errno : 0;

	if (!failed) {
		(void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (connect(link->fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)
			failed = errno;
	}
	freeaddrinfo(found);
	return failed;
}

/* The next address that can be tried; closed when there is none. */
static void try_next(struct tcp_link *link)
{
	while (link->address_next < link->address_count) {
		const char *address = link->addresses[link->address_next++];

		if (link->fd >= 0)
			(void)close(link->fd);
		link->fd = -1;
		int failed = begin_to_connect(link, address);

		if (!failed) {
			link->deadline_ms = http_outgoing_now_ms() + link->open_ms;
			return;
		}
		say_trouble(link, "cannot connect to %s port %u: %s", address, (unsigned int)link->port,
			    strerrordesc_np(failed));
	}
	tcp_link_close(link);
}

static void take_lookup(struct tcp_link *link)
{
	const struct addrinfo *found = NULL;
	char denied[ADDRESS_TEXT_BYTES];
	int code = 0;

	if (!mqtt_lookup_finished(link->lookup, &code, &found)) {
		if (http_outgoing_now_ms() < link->deadline_ms)
			return;
		say_trouble(link, "the name of the host \"%s\" was not found in time", link->host);
		tcp_link_close(link);
		return;
	}
	link->address_next = 0;
	link->address_count = mqtt_lookup_addresses(found, link->policy, str_from(link->host), link->addresses, denied);
	if (link->address_count == 0 && denied[0])
		say_trouble(link, "%s, the address of \"%s\", may not be connected to", denied, link->host);
	else if (link->address_count == 0)
		say_trouble(link, "cannot find the host \"%s\": %s", link->host,
			    code ? gai_strerror(code) : "it has no address");
	link->lookup = mqtt_lookup_free(link->lookup);
	try_next(link);
}

void tcp_link_open(struct tcp_link *link, int64_t open_ms)
{
	struct error err;

	tcp_link_close(link);
	link->open_ms = open_ms;
	link->deadline_ms = http_outgoing_now_ms() + open_ms;
	if (mqtt_lookup_start(link->host, link->port, link->wake_fd, &link->lookup, &err) != ERR_OK) {
		say_trouble(link, "%s", err.detail);
		return;
	}
	link->state = TCP_LINK_OPENING;
	take_lookup(link); /* of an address it has finished */
}

struct pollfd tcp_link_wanted(const struct tcp_link *link)
{
	return (struct pollfd){.fd = link->lookup ? -1 : link->fd,
			       .events = link->state == TCP_LINK_OPENING ? POLLOUT : POLLIN};
}

int64_t tcp_link_deadline_ms(const struct tcp_link *link)
{
	return link->state == TCP_LINK_OPENING ? link->deadline_ms : INT64_MAX;
}

void tcp_link_turn(struct tcp_link *link, short revents)
{
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (link->state != TCP_LINK_OPENING)
		return;
	if (link->lookup) {
		take_lookup(link);
		return;
	}
	if (!revents) {
		if (http_outgoing_now_ms() < link->deadline_ms)
			return;
		failed = ETIMEDOUT;
	} else if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0) {
		failed = errno;
	}
	if (!failed) {
		link->state = TCP_LINK_OPEN;
		return;
	}
	say_trouble(link, "cannot connect to %s port %u: %s", link->addresses[link->address_next - 1],
		    (unsigned int)link->port, strerrordesc_np(failed));
	try_next(link);
}

/* ---- open ---- */

static ssize_t broke(struct tcp_link *link, const char *why)
{
	say_trouble(link, "the connection to %s port %u broke: %s", link->host, (unsigned int)link->port, why);
	tcp_link_close(link);
	return -1;
}

ssize_t tcp_link_send(struct tcp_link *link, struct str bytes)
{
	if (link->state != TCP_LINK_OPEN)
		return -1;
	ssize_t sent = send(link->fd, bytes.at, bytes.len, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent < 0 ? broke(link, strerrordesc_np(errno)) : sent;
}

ssize_t tcp_link_receive(struct tcp_link *link, char *at, size_t room)
{
	if (link->state != TCP_LINK_OPEN)
		return -1;
	ssize_t got = recv(link->fd, at, room, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return broke(link, got == 0 ? "it was closed there" : strerrordesc_np(errno));
	return got;
}
