/* What the files of the MQTT sender share. */
#ifndef MACHI_NET_MQTT_INT_H
#define MACHI_NET_MQTT_INT_H

#include "net/address_policy.h"
#include "net/mqtt_sender.h"
#include "net/mqtt_uri.h"

#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#define MQTT_ADDRESSES_MAX 8u /* of one broker that are tried */
#define MQTT_TROUBLE_BYTES 160

/* ---- mqtt_lookup.c: names to addresses, in a thread of its own ---- */

struct mqtt_lookup;
struct addrinfo;

/* wake_fd, an eventfd, is written to when the answer is there; the lookup keeps a duplicate of it. */
MUST_CHECK enum err_code mqtt_lookup_start(const char *host, uint16_t port, int wake_fd,
					   struct mqtt_lookup **ret_lookup, struct error *err);
/* True when it has finished: *ret_code is getaddrinfo()'s, *ret_found stays the lookup's. */
bool mqtt_lookup_finished(struct mqtt_lookup *lookup, int *ret_code, const struct addrinfo **ret_found);
/* Up to MQTT_ADDRESSES_MAX of those found that the policy (NULL: any) allows for the host, as texts; how many.
 * ret_denied has the last that it refuses, "" without. */
uint32_t mqtt_lookup_addresses(const struct addrinfo *found, const struct address_policy *policy, struct str host,
			       char (*addresses)[ADDRESS_TEXT_BYTES], char ret_denied[static ADDRESS_TEXT_BYTES]);
/* Does not wait: an answer that comes later is dropped. */
struct mqtt_lookup *mqtt_lookup_free(struct mqtt_lookup *lookup);

/* ---- mqtt_tls.c ---- */

/* Verifies the broker's certificate for host. Must not move while it is used. */
struct mqtt_tls {
	SSL_CTX *context; /* NULL: not initialised */
	const char *host; /* borrowed */
	int trouble; /* what was wrong with a certificate last: X509_V_… */
};

/* Against the system's certificates, which *store keeps from the first call on. */
MUST_CHECK enum err_code mqtt_tls_init(struct mqtt_tls *tls, X509_STORE **store, const char *host, struct error *err);
/* The same with files of the operator's, PEM, each NULL where there is none: the certificates to trust in place of the
 * system's, our own certificate with those above it, and its key. The broker's name is verified in any case.
 * ERR_IO: a file cannot be read or is none such; ERR_INVALID: the key is another certificate's. */
MUST_CHECK enum err_code mqtt_tls_init_files(struct mqtt_tls *tls, const char *trusted, const char *certificate,
					     const char *key, const char *host, struct error *err);
void mqtt_tls_done(struct mqtt_tls *tls);

/* ---- mqtt_connection.c ---- */

struct mqtt_list {
	struct mqtt_publish *first, *last;
};

enum mqtt_state {
	MQTT_CLOSED, /* nothing to do, or waits for retry_ms */
	MQTT_RESOLVING,
	MQTT_OPENING, /* until CONNACK */
	MQTT_OPEN,
};

struct mqtt_connection {
	struct mqtt_sender *sender;
	struct arena arena; /* of the texts of broker */
	struct mqtt_uri broker; /* without its topic */
	int version;
	enum mqtt_state state;
	struct mosquitto *mosq; /* OPENING, OPEN */
	struct mqtt_tls tls; /* of mqtts, from the first opening on */
	struct mqtt_lookup *lookup; /* RESOLVING */
	char addresses[MQTT_ADDRESSES_MAX][ADDRESS_TEXT_BYTES]; /* that the policy allows */
	uint32_t address_count, address_next; /* the next to be tried */
	struct mqtt_list waiting, flying; /* not given to libmosquitto yet; given and not acknowledged */
	uint32_t flying_count;
	size_t flying_bytes;
	uint64_t acknowledged; /* since it was opened */
	int64_t used_ms; /* something was given or acknowledged */
	int64_t retry_ms; /* CLOSED: not opened before */
	int64_t open_by_ms; /* OPENING: given up after */
	uint32_t backoff_ms;
	int refused; /* CONNACK's reason, 0: none */
	bool lost; /* libmosquitto says so */
	bool connected; /* TCP's part of OPENING is done */
	char trouble[MQTT_TROUBLE_BYTES]; /* what kept it from publishing last; "": nothing did */
};

struct mqtt_sender {
	const struct address_policy *policy;
	uint32_t connections_max, connection_count;
	struct mqtt_connection **connections; /* connections_max, the first connection_count are used */
	struct pollfd *fds; /* connections_max + 1 */
	int wake_fd;
	X509_STORE *store;
	struct mqtt_list ended;
	uint32_t publish_count;
	int64_t deadline_ms; /* no message's time is out before */
	bool closing;
};

/* Takes what broker says, not its texts. */
MUST_CHECK enum err_code mqtt_connection_new(struct mqtt_sender *sender, const struct mqtt_uri *broker, int version,
					     struct mqtt_connection **ret_connection, struct error *err);
struct mqtt_connection *mqtt_connection_free(struct mqtt_connection *connection);
bool mqtt_connection_fits(const struct mqtt_connection *connection, const struct mqtt_uri *broker, int version);
bool mqtt_connection_idle(const struct mqtt_connection *connection);
/* Does what is due: looks up, opens, hands messages over, closes what was idle for long. */
void mqtt_connection_turn(struct mqtt_connection *connection, int64_t now_ms);
/* What to wait for; fd is -1 when there is no socket. */
struct pollfd mqtt_connection_wanted(const struct mqtt_connection *connection);
void mqtt_connection_event(struct mqtt_connection *connection, int events);
/* Ends the messages whose time is out; returns the next deadline of the others, INT64_MAX without. */
int64_t mqtt_connection_expire(struct mqtt_connection *connection, int64_t now_ms);

/* ---- mqtt_publish.c: the messages of a connection ---- */

#define MQTT_FLYING_MAX 100u /* messages that libmosquitto has at once */

/* An error that one session left in OpenSSL's queue of the thread would be taken for the next one's, since libmosquitto
 * does not clear it: so we do, before every call that may use TLS. */
#define MQTT_CLEARED(call) (ERR_clear_error(), (call))

void mqtt_list_add(struct mqtt_list *list, struct mqtt_publish *publish);
/* code ERR_OK or what went wrong: the sentence follows the place without its user. done() is called by the run. */
void mqtt_publish_end(struct mqtt_publish *publish, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for all of a connection. */
void mqtt_messages_end(struct mqtt_connection *connection, enum err_code code, const char *text);
/* Gives libmosquitto what it may have; returns its code when the connection is broken. */
int mqtt_messages_fly(struct mqtt_connection *connection);
/* Ends the one of this number; false when there is none (any more). */
bool mqtt_messages_acknowledged(struct mqtt_connection *connection, int mid, int reason);
/* The connection broke: what flew waits again, before the rest. */
void mqtt_messages_land(struct mqtt_connection *connection);
/* Ends those whose time is out and lowers *next_ms to the next deadline of the others. True when one flew: libmosquitto
 * still has it. */
bool mqtt_messages_expire(struct mqtt_connection *connection, int64_t now_ms, int64_t *next_ms);

#endif
