/* One connection to one broker: looked up, opened, fed, acknowledged, opened again when it breaks.
 *
 * libmosquitto's client is made anew for each opening and given an address that the policy allows, never a name. What
 * it had and was not acknowledged comes back to the front of what waits, in its order. Nothing here blocks: sockets are
 * waited for by the sender's run, and libmosquitto is only asked to read and write what is there. Its callbacks put
 * down what happened; decisions that destroy the client are taken when it has returned. */
#include "net/mqtt_int.h"

#include "base/cleanup.h"
#include "net/http_outgoing_int.h"

#include <errno.h>
#include <linux/tcp.h> /* its tcp_info counts bytes, the C library's does not */
#include <mqtt_protocol.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define CONNECTION_ARENA_BYTES_MAX ((size_t)64 << 10)
#define OPEN_MS_MAX 10000
#define IDLE_MS_MAX 60000
#define BACKOFF_MS_MIN 100u
#define BACKOFF_MS_MAX 5000u
#define KEEPALIVE_S 30
#define RECEIVED_BYTES_MAX ((uint64_t)64 << 10) /* from a broker that has nothing to say but acknowledgements, … */
#define RECEIVED_BYTES_EACH ((uint64_t)1 << 10) /* … and for each of these; libmosquitto would take 256 MiB */
#define CLIENT_ID_BYTES 24 /* 23 are what every broker takes (MQTT 5.0, 3.1.3.1) */

/* ---- closing ---- */

static void drop_client(struct mqtt_connection *connection)
{
	if (connection->mosq)
		mosquitto_destroy(connection->mosq);
	connection->mosq = NULL;
	connection->lookup = mqtt_lookup_free(connection->lookup);
	connection->state = MQTT_CLOSED;
	connection->refused = 0;
	connection->lost = connection->connected = false;
	connection->acknowledged = 0;
}

static void connection_break(struct mqtt_connection *connection, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Closes and tries again: the next address at once, all of them after a while. */
static void connection_break(struct mqtt_connection *connection, const char *format, ...)
{
	bool more = connection->address_next < connection->address_count;
	va_list arguments;

	va_start(arguments, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(connection->trouble, sizeof(connection->trouble), format, arguments);
	va_end(arguments);
	drop_client(connection);
	mqtt_messages_land(connection);
	connection->retry_ms = http_outgoing_now_ms() + (more ? 0 : connection->backoff_ms);
	if (!more)
		connection->backoff_ms =
			connection->backoff_ms < BACKOFF_MS_MAX / 2 ? connection->backoff_ms * 2 : BACKOFF_MS_MAX;
}

/* With a DISCONNECT, as far as it goes at once. */
static void connection_close(struct mqtt_connection *connection)
{
	if (connection->state == MQTT_OPEN)
		(void)MQTT_CLEARED(mosquitto_disconnect(connection->mosq));
	drop_client(connection);
}

static void refused(struct mqtt_connection *connection)
{
	int reason = connection->refused;
	bool five = connection->version == 5;
	bool later = five ? reason == MQTT_RC_SERVER_UNAVAILABLE || reason == MQTT_RC_SERVER_BUSY ||
				     reason == MQTT_RC_QUOTA_EXCEEDED || reason == MQTT_RC_CONNECTION_RATE_EXCEEDED
			  : reason == CONNACK_REFUSED_SERVER_UNAVAILABLE;
	bool denied =
		five ? reason == MQTT_RC_BAD_USERNAME_OR_PASSWORD || reason == MQTT_RC_NOT_AUTHORIZED ||
				reason == MQTT_RC_BANNED || reason == MQTT_RC_BAD_AUTHENTICATION_METHOD
		     : reason == CONNACK_REFUSED_BAD_USERNAME_PASSWORD || reason == CONNACK_REFUSED_NOT_AUTHORIZED;
	char text[MQTT_TROUBLE_BYTES];

	(void)snprintf(text, sizeof(text), "the broker refuses the connection: %s",
		       five ? mosquitto_reason_string(reason) : mosquitto_connack_string(reason));
	if (later) {
		connection_break(connection, "%s", text);
		return;
	}
	drop_client(connection);
	mqtt_messages_end(connection, denied ? ERR_DENIED : ERR_IO, text);
}

/* What libmosquitto returned or its callbacks put down. True when the connection goes on. */
static bool goes_on(struct mqtt_connection *connection, int code)
{
	if (connection->refused) {
		refused(connection);
		return false;
	}
	if (code == MOSQ_ERR_SUCCESS && !connection->lost)
		return true;
	if (connection->tls.trouble != X509_V_OK)
		connection_break(connection, "the broker's certificate: %s",
				 X509_verify_cert_error_string(connection->tls.trouble));
	else if (code == MOSQ_ERR_ERRNO)
		connection_break(connection, "the connection broke: %s", strerrordesc_np(errno));
	else
		connection_break(connection, "the connection broke: %s",
				 mosquitto_strerror(code == MOSQ_ERR_SUCCESS ? MOSQ_ERR_CONN_LOST : code));
	return false;
}

/* ---- what libmosquitto tells ---- */

static void on_connect(struct mosquitto *mosq, void *cls, int reason, int flags, const mosquitto_property *properties)
{
	struct mqtt_connection *connection = cls;

	(void)mosq;
	(void)flags;
	(void)properties;
	if (reason != 0) {
		connection->refused = reason;
		return;
	}
	connection->state = MQTT_OPEN;
	/* If it breaks, the name is looked up again. */
	connection->address_next = connection->address_count;
}

static void on_disconnect(struct mosquitto *mosq, void *cls, int reason, const mosquitto_property *properties)
{
	struct mqtt_connection *connection = cls;

	(void)mosq;
	(void)reason;
	(void)properties;
	connection->lost = true;
}

static void on_publish(struct mosquitto *mosq, void *cls, int mid, int reason, const mosquitto_property *properties)
{
	struct mqtt_connection *connection = cls;

	(void)mosq;
	(void)properties;
	if (!mqtt_messages_acknowledged(connection, mid, reason))
		return;
	connection->acknowledged++;
	connection->used_ms = http_outgoing_now_ms();
	connection->backoff_ms = BACKOFF_MS_MIN;
	connection->trouble[0] = '\0';
}

/* ---- opening ---- */

static struct mosquitto *client_new(struct mqtt_connection *connection)
{
	char id[CLIENT_ID_BYTES];
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return NULL;
	(void)snprintf(id, sizeof(id), "machi%016llx", (unsigned long long)number);
	return mosquitto_new(id, true, connection);
}

static bool client_options(struct mqtt_connection *connection)
{
	struct mosquitto *mosq = connection->mosq;
	const struct mqtt_uri *broker = &connection->broker;
	int bad = 0;

	mosquitto_connect_v5_callback_set(mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(mosq, on_publish);
	bad |= mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION,
				    connection->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	bad |= mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
	bad |= mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, (int)MQTT_FLYING_MAX);
	if (broker->user.at)
		bad |= mosquitto_username_pw_set(mosq, broker->user.at, broker->password.at);
	if (connection->tls.context) {
		bad |= mosquitto_void_option(mosq, MOSQ_OPT_SSL_CTX, connection->tls.context);
		bad |= mosquitto_int_option(mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	}
	return bad == 0;
}

static void open_next(struct mqtt_connection *connection, int64_t now_ms)
{
	const char *address = connection->addresses[connection->address_next++];
	struct error err;

	if (connection->broker.secure && !connection->tls.context &&
	    mqtt_tls_init(&connection->tls, &connection->sender->store, connection->broker.host.at, &err) != ERR_OK) {
		connection_break(connection, "%s", err.detail);
		return;
	}
	connection->tls.trouble = X509_V_OK;
	connection->mosq = client_new(connection);
	if (!connection->mosq || !client_options(connection)) {
		connection_break(connection, "libmosquitto has no memory");
		return;
	}
	int code =
		MQTT_CLEARED(mosquitto_connect_async(connection->mosq, address, connection->broker.port, KEEPALIVE_S));

	if (code == MOSQ_ERR_TLS) {
		(void)goes_on(connection, code); /* the handshake has got that far already */
		return;
	}
	if (code != MOSQ_ERR_SUCCESS) {
		connection_break(connection, "cannot connect to %s: %s", address,
				 code == MOSQ_ERR_ERRNO ? strerrordesc_np(errno) : mosquitto_strerror(code));
		return;
	}
	connection->state = MQTT_OPENING;
	connection->open_by_ms = now_ms + OPEN_MS_MAX;
}

static void turn_resolving(struct mqtt_connection *connection, int64_t now_ms)
{
	const struct addrinfo *found = NULL;
	char denied[ADDRESS_TEXT_BYTES], text[MQTT_TROUBLE_BYTES];
	int code = 0;

	if (!mqtt_lookup_finished(connection->lookup, &code, &found))
		return;
	connection->address_next = 0;
	connection->address_count = mqtt_lookup_addresses(found, connection->sender->policy, connection->broker.host,
							  connection->addresses, denied);
	connection->lookup = mqtt_lookup_free(connection->lookup);
	connection->state = MQTT_CLOSED;
	if (connection->address_count == 0 && denied[0]) {
		(void)snprintf(text, sizeof(text), "leads to the address %s, which may not be connected to from here",
			       denied);
		mqtt_messages_end(connection, ERR_DENIED, text);
	} else if (connection->address_count == 0) {
		connection_break(connection, "the host is not found: %s",
				 code ? gai_strerror(code) : "it has no address");
	} else {
		open_next(connection, now_ms);
	}
}

static void turn_closed(struct mqtt_connection *connection, int64_t now_ms)
{
	struct error err;

	if (!connection->waiting.first || now_ms < connection->retry_ms)
		return;
	if (connection->address_next < connection->address_count) {
		open_next(connection, now_ms);
		return;
	}
	if (mqtt_lookup_start(connection->broker.host.at, connection->broker.port, connection->sender->wake_fd,
			      &connection->lookup, &err) != ERR_OK) {
		connection_break(connection, "%s", err.detail);
		return;
	}
	connection->state = MQTT_RESOLVING;
	turn_resolving(connection, now_ms); /* an address needs no waiting */
}

/* ---- turns ---- */

static void turn_open(struct mqtt_connection *connection, int64_t now_ms)
{
	if (!goes_on(connection, MQTT_CLEARED(mosquitto_loop_misc(connection->mosq))))
		return;
	if (!goes_on(connection, mqtt_messages_fly(connection)))
		return;
	if (mqtt_connection_idle(connection) && now_ms - connection->used_ms > IDLE_MS_MAX)
		connection_close(connection);
}

void mqtt_connection_turn(struct mqtt_connection *connection, int64_t now_ms)
{
	switch (connection->state) {
	case MQTT_CLOSED:
		turn_closed(connection, now_ms);
		break;
	case MQTT_RESOLVING:
		turn_resolving(connection, now_ms);
		break;
	case MQTT_OPENING:
		if (now_ms >= connection->open_by_ms)
			connection_break(connection, "the broker does not open the connection");
		break;
	case MQTT_OPEN:
		turn_open(connection, now_ms);
		break;
	}
}

/* ---- sockets ---- */

struct pollfd mqtt_connection_wanted(const struct mqtt_connection *connection)
{
	struct pollfd wanted = {.fd = -1, .events = POLLIN};

	if (!connection->mosq)
		return wanted;
	wanted.fd = mosquitto_socket(connection->mosq);
	if ((connection->state == MQTT_OPENING && !connection->connected) || mosquitto_want_write(connection->mosq))
		wanted.events |= POLLOUT;
	return wanted;
}

/* TCP's answer to our connecting. Where TLS has tried to write already, it took the reason with it. */
static bool take_connected(struct mqtt_connection *connection, int fd, int events)
{
	int trouble = 0;
	socklen_t len = sizeof(trouble);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &len) != 0)
		trouble = errno;
	if (trouble || (events & (POLLERR | POLLHUP))) {
		connection_break(connection, "cannot connect to %s: %s",
				 connection->addresses[connection->address_next - 1],
				 trouble ? strerrordesc_np(trouble) : "there is no connection");
		return false;
	}
	connection->connected = true;
	return true;
}

/* A peer that went in TLS's handshake: libmosquitto would go on asking. */
static bool is_gone(const struct mqtt_connection *connection, int fd)
{
	char byte;

	if (!connection->tls.context || connection->state != MQTT_OPENING)
		return false;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static bool says_too_much(const struct mqtt_connection *connection, int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	return info.tcpi_bytes_received >
	       RECEIVED_BYTES_MAX + RECEIVED_BYTES_EACH * (connection->acknowledged + connection->flying_count);
}

void mqtt_connection_event(struct mqtt_connection *connection, int events)
{
	int code = MOSQ_ERR_SUCCESS;

	if (!connection->mosq || events == 0)
		return;
	int fd = mosquitto_socket(connection->mosq);

	if (connection->state == MQTT_OPENING && !connection->connected && !take_connected(connection, fd, events))
		return;
	if (events & (POLLIN | POLLHUP | POLLERR)) {
		code = MQTT_CLEARED(mosquitto_loop_read(connection->mosq, 1));
		if (code == MOSQ_ERR_SUCCESS && is_gone(connection, fd))
			code = MOSQ_ERR_CONN_LOST;
	}
	if (code == MOSQ_ERR_SUCCESS && !connection->lost && !connection->refused && (events & POLLOUT))
		code = MQTT_CLEARED(mosquitto_loop_write(connection->mosq, 1));
	if (goes_on(connection, code) && says_too_much(connection, fd))
		connection_break(connection, "the broker sends what nobody asked for");
}

/* ---- the whole ---- */

int64_t mqtt_connection_expire(struct mqtt_connection *connection, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	/* libmosquitto would keep what it has and count it for ever. */
	if (mqtt_messages_expire(connection, now_ms, &next_ms))
		connection_break(connection, "the broker does not acknowledge");
	return next_ms;
}

bool mqtt_connection_idle(const struct mqtt_connection *connection)
{
	return !connection->waiting.first && !connection->flying.first;
}

static bool same(struct str a, struct str b)
{
	return !a.at == !b.at && str_eq(a, b);
}

bool mqtt_connection_fits(const struct mqtt_connection *connection, const struct mqtt_uri *broker, int version)
{
	const struct mqtt_uri *own = &connection->broker;

	return connection->version == version && own->secure == broker->secure && own->port == broker->port &&
	       str_eq(own->host, broker->host) && same(own->user, broker->user) &&
	       same(own->password, broker->password);
}

static bool keep(struct arena *arena, struct str text, struct str *ret_copy)
{
	*ret_copy = text.at ? arena_dup(arena, text) : STR_NONE;
	return ret_copy->at || !text.at;
}

struct mqtt_connection *mqtt_connection_free(struct mqtt_connection *connection)
{
	if (!connection)
		return NULL;
	connection_close(connection);
	mqtt_messages_end(connection, ERR_CONFLICT, "may or may not have arrived: the sender was closed");
	mqtt_tls_done(&connection->tls);
	arena_done(&connection->arena);
	free(connection);
	return NULL;
}

enum err_code mqtt_connection_new(struct mqtt_sender *sender, const struct mqtt_uri *broker, int version,
				  struct mqtt_connection **ret_connection, struct error *err)
{
	struct mqtt_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return err_set(err, ERR_MEMORY, "no memory for a connection to a broker");
	arena_init(&connection->arena, CONNECTION_ARENA_BYTES_MAX);
	connection->sender = sender;
	connection->version = version;
	connection->backoff_ms = BACKOFF_MS_MIN;
	connection->broker = (struct mqtt_uri){.secure = broker->secure, .port = broker->port};
	if (!keep(&connection->arena, broker->host, &connection->broker.host) ||
	    !keep(&connection->arena, broker->user, &connection->broker.user) ||
	    !keep(&connection->arena, broker->password, &connection->broker.password)) {
		(void)mqtt_connection_free(connection);
		return err_set(err, ERR_MEMORY, "no memory for a connection to a broker");
	}
	*ret_connection = connection;
	return ERR_OK;
}
