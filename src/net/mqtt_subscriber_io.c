/* Bytes of a subscriber's connection: TCP, and TLS over it. Nothing blocks. */
#include "net/mqtt_subscriber_int.h"

#include "base/cleanup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

void subscriber_say_trouble(struct mqtt_subscriber *subscriber, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(subscriber->trouble, sizeof(subscriber->trouble), format, arguments);
	va_end(arguments);
}

/* ---- connecting ---- */

bool subscriber_connect(struct mqtt_subscriber *subscriber, const char *address)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	struct addrinfo *found = NULL;
	char port[8];
	int one = 1;

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)subscriber->broker.port);
	if (getaddrinfo(address, port, &hints, &found) != 0) {
		subscriber_say_trouble(subscriber, "the address %s is none", address);
		return false;
	}
	subscriber->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int failed = subscriber->fd < 0 ? errno : 0;

	if (!failed) {
		(void)setsockopt(subscriber->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (connect(subscriber->fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)
			failed = errno;
	}
	freeaddrinfo(found);
	if (failed)
		subscriber_say_trouble(subscriber, "cannot connect to %s: %s", address, strerrordesc_np(failed));
	return !failed;
}

bool subscriber_connected(struct mqtt_subscriber *subscriber)
{
	int trouble = 0;
	socklen_t len = sizeof(trouble);

	if (getsockopt(subscriber->fd, SOL_SOCKET, SO_ERROR, &trouble, &len) != 0)
		trouble = errno;
	if (!trouble)
		return true;
	subscriber_say_trouble(subscriber, "cannot connect to %s port %u: %s",
			       subscriber->addresses[subscriber->address_next - 1],
			       (unsigned int)subscriber->broker.port, strerrordesc_np(trouble));
	return false;
}

static void say_tls_trouble(struct mqtt_subscriber *subscriber, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (subscriber->tls.trouble != X509_V_OK)
		subscriber_say_trouble(subscriber, "the broker's certificate: %s",
				       X509_verify_cert_error_string(subscriber->tls.trouble));
	else
		subscriber_say_trouble(subscriber, "%s: %s", what, reason ? reason : "the broker hung up");
}

int subscriber_secure(struct mqtt_subscriber *subscriber)
{
	if (!subscriber->session) {
		subscriber->tls.trouble = X509_V_OK;
		subscriber->session = SSL_new(subscriber->tls.context);
		if (!subscriber->session || SSL_set_fd(subscriber->session, subscriber->fd) != 1) {
			subscriber_say_trouble(subscriber, "no memory for TLS");
			return -1;
		}
	}
	int done = MQTT_CLEARED(SSL_connect(subscriber->session));

	if (done == 1)
		return 1;
	int why = SSL_get_error(subscriber->session, done);

	subscriber->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	say_tls_trouble(subscriber, "TLS fails");
	return -1;
}

/* ---- reading and writing ---- */

static ssize_t read_secure(struct mqtt_subscriber *subscriber, char *at, size_t len)
{
	size_t got = 0;
	int done = MQTT_CLEARED(SSL_read_ex(subscriber->session, at, len, &got));

	if (done == 1)
		return (ssize_t)got;
	int why = SSL_get_error(subscriber->session, done);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		subscriber->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
		return 0;
	}
	say_tls_trouble(subscriber, "the connection broke");
	return -1;
}

ssize_t subscriber_read(struct mqtt_subscriber *subscriber, char *at, size_t len)
{
	if (subscriber->session)
		return read_secure(subscriber, at, len);
	ssize_t got = recv(subscriber->fd, at, len, 0);

	if (got > 0)
		return got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	subscriber_say_trouble(subscriber, "the connection broke: %s",
			       got == 0 ? "the broker hung up" : strerrordesc_np(errno));
	return -1;
}

/* Bytes sent, 0: none can be now, -1: the connection is gone. */
static ssize_t write_some(struct mqtt_subscriber *subscriber, const char *at, size_t len)
{
	size_t sent = 0;

	if (!subscriber->session) {
		ssize_t done = send(subscriber->fd, at, len, MSG_NOSIGNAL);

		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (done < 0)
			subscriber_say_trouble(subscriber, "the connection broke: %s", strerrordesc_np(errno));
		return done;
	}
	int done = MQTT_CLEARED(SSL_write_ex(subscriber->session, at, len, &sent));

	if (done == 1)
		return (ssize_t)sent;
	int why = SSL_get_error(subscriber->session, done);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	say_tls_trouble(subscriber, "the connection broke");
	return -1;
}

bool subscriber_flush(struct mqtt_subscriber *subscriber)
{
	struct buf *out = &subscriber->out;

	while (subscriber->out_sent < out->len) {
		ssize_t sent = write_some(subscriber, out->at + subscriber->out_sent, out->len - subscriber->out_sent);

		if (sent < 0)
			return false;
		if (sent == 0)
			return true;
		subscriber->out_sent += (size_t)sent;
		subscriber->sent_ms = http_outgoing_now_ms();
	}
	buf_clear(out);
	subscriber->out_sent = 0;
	return true;
}

void subscriber_close(struct mqtt_subscriber *subscriber)
{
	SSL_free(subscriber->session);
	subscriber->session = NULL;
	if (subscriber->fd >= 0)
		(void)close(subscriber->fd);
	subscriber->fd = -1;
	subscriber->lookup = mqtt_lookup_free(subscriber->lookup);
	subscriber->in_len = 0;
	subscriber->skip_bytes = 0;
	buf_clear(&subscriber->out);
	subscriber->out_sent = 0;
	subscriber->tls_wants_write = subscriber->pinged = subscriber->held = false;
}
