/* A connection to one MQTT broker (3.1.1 or 5.0) on which messages arrive, each acknowledged when its receiver says so.
 *
 * Messages of QoS 1 are the broker's until mqtt_subscriber_ack(): where this program or the connection dies before, the
 * broker sends them again. It connects by itself, again and again with growing pauses, and subscribes anew each time.
 * Messages can be published on the same connection. Thread: one owner, who waits for fd and deadline and calls
 * mqtt_subscriber_turn(). SIGPIPE must be ignored by the program. */
#ifndef MACHI_NET_MQTT_SUBSCRIBER_H
#define MACHI_NET_MQTT_SUBSCRIBER_H

#include "net/mqtt_packet.h"

#include <poll.h>

#define MQTT_FILTERS_MAX 64u
#define MQTT_CLIENT_ID_BYTES_MAX 128u
#define MQTT_PUBLISHES_WAITING_MAX 256u /* published with QoS 1 and not acknowledged by the broker yet */
#define MQTT_OUT_BYTES_MAX ((size_t)4 << 20) /* that wait to be sent */

struct address_policy;
struct mqtt_subscriber;

enum mqtt_subscriber_state {
	MQTT_SUBSCRIBER_WAITING, /* for the next try */
	MQTT_SUBSCRIBER_CONNECTING,
	MQTT_SUBSCRIBER_OPEN /* all filters subscribed to */
};

struct mqtt_subscriber_options { /* all borrowed for as long as the subscriber lives */
	const char *url; /* mqtt[s]://[user[:password]@]host[:port] */
	int version; /* 3, 5; 0: 5.0, and 3.1.1 at a broker that refuses it */
	struct str client_id;
	struct str user, password; /* before those of the URL; STR_NONE: not given */
	bool clean; /* false: the broker keeps messages of QoS 1 while we are away */
	uint32_t session_s; /* 5.0: for how long */
	uint16_t keepalive_s; /* 0: 30 */
	uint16_t receive_max; /* 5.0: unacknowledged messages; 0: 65,535 */
	size_t payload_bytes_max; /* 0: 1 MiB */
	const struct str *filters; /* good ones (mqtt_topic_is_good) */
	size_t filter_count; /* up to MQTT_FILTERS_MAX; 0: it only publishes */
	/* Further good filters, whose number may grow while it runs: the one at this place; false: so far there is
	 * none. What the broker refuses of these does not end the connection. NULL: there are none. */
	bool (*more)(void *self, size_t place, struct str *ret_filter);
	void (*more_refused)(void *self, size_t place, const char *why);
	uint8_t qos; /* 0 or 1: of the subscriptions */
	const char *trusted_file, *certificate_file, *key_file; /* PEM; NULL: the system's, none */
	const struct address_policy *policy; /* NULL: any address */
	int wake_fd; /* an eventfd that the owner waits for too: a name has been looked up */
	/* Called by turn(); what is borrowed holds until it returns. A message of QoS 0 needs no acknowledgement.
	 * False: not now; it and those behind it wait for the next turn that reads. */
	bool (*message)(void *self, const struct mqtt_message *message);
	/* One whose payload has more than payload_bytes_max; its payload is cut. It is acknowledged by itself. */
	void (*oversized)(void *self, const struct mqtt_message *message, size_t payload_bytes);
	/* Published with this token: acknowledged (ERR_OK), or refused (ERR_DENIED) or lost with the connection
	 * (ERR_IO: the broker may have it or not). NULL: nobody asks. */
	void (*published)(void *self, uint64_t token, enum err_code code, const char *why);
	/* The connection is gone and numbers of messages not acknowledged so far mean nothing any more: they come
	 * again. NULL: nobody asks. */
	void (*lost)(void *self);
	void *self;
};

/* ERR_INVALID: URL, filter, client id; ERR_IO, ERR_INVALID: files; ERR_MEMORY. Nothing is connected yet. */
MUST_CHECK enum err_code mqtt_subscriber_new(const struct mqtt_subscriber_options *options,
					     struct mqtt_subscriber **ret_subscriber, struct error *err);
/* Says good-bye where it is connected; a session that is not clean stays at the broker. */
struct mqtt_subscriber *mqtt_subscriber_free(struct mqtt_subscriber *subscriber);

/* What to wait for; fd is -1 where there is nothing. reads false: the owner takes no more messages now. */
struct pollfd mqtt_subscriber_wanted(const struct mqtt_subscriber *subscriber, bool reads);
int64_t mqtt_subscriber_deadline_ms(const struct mqtt_subscriber *subscriber); /* CLOCK_MONOTONIC */
/* Does what is due; events: what poll() said of the fd. */
void mqtt_subscriber_turn(struct mqtt_subscriber *subscriber, int events, bool reads);

/* A message of QoS 1 is where it belongs; sent with the next turn. One of a connection that is gone is nothing. */
void mqtt_subscriber_ack(struct mqtt_subscriber *subscriber, uint64_t connection, uint16_t id);
/* Grows with each connection: belongs to the numbers of its messages. */
uint64_t mqtt_subscriber_connection(const struct mqtt_subscriber *subscriber);
/* ERR_CONFLICT: not connected; ERR_LIMIT: too much waits; ERR_INVALID: topic. With QoS 0 published() is not called. */
MUST_CHECK enum err_code mqtt_subscriber_publish(struct mqtt_subscriber *subscriber, struct str topic,
						 struct str payload, uint8_t qos, bool retained, uint64_t token,
						 struct error *err);

enum mqtt_subscriber_state mqtt_subscriber_state(const struct mqtt_subscriber *subscriber);
int mqtt_subscriber_version(const struct mqtt_subscriber *subscriber); /* spoken now: 3 or 5 */
/* Why it is not open, or why it was not before; "": nothing has gone wrong. */
const char *mqtt_subscriber_trouble(const struct mqtt_subscriber *subscriber);

#endif
