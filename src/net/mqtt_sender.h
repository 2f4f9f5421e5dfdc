/* Messages published to MQTT brokers (3.1.1 and 5.0) over libmosquitto: notifications to brokers that may be slow, dead
 * or hostile.
 *
 * There is one connection for each scheme, user, password, host, port and version; it opens when there is something to
 * publish, is opened again when it breaks, and closes when it was idle for a minute or when another broker needs its
 * place. Messages of one connection go out in the order in which they were given. What a broker had not acknowledged
 * when the connection broke is sent again, so it may arrive twice, also with QoS 2. Thread: one owner, but for
 * mqtt_sender_wake(); libmosquitto's global state is not guarded, so one sender at a time in a process. SIGPIPE must be
 * ignored by the program. */
#ifndef MACHI_NET_MQTT_SENDER_H
#define MACHI_NET_MQTT_SENDER_H

#include "base/error.h"
#include "base/str.h"

#define MQTT_CONNECTIONS_MAX 1024u /* connections_max is no more */
#define MQTT_PUBLISHES_MAX 65536u /* that have not ended */
#define MQTT_BODY_BYTES_MAX ((size_t)64 << 20)

struct address_policy;
struct mqtt_connection;
struct mqtt_sender;

struct mqtt_sender_options {
	const struct address_policy *policy; /* NULL: any address; borrowed */
	uint32_t connections_max; /* 0: 64 */
};

/* The caller's, unchanged until done(), which may free it and give further ones. */
struct mqtt_publish {
	const char *uri; /* see mqtt_uri.h; not needed after mqtt_sender_publish() */
	struct str body; /* borrowed */
	uint8_t qos; /* 0 to 2 */
	int version; /* 3: 3.1.1; 5: 5.0 */
	uint32_t timeout_ms; /* from when it was given; 0: 10,000 */
	/* ERR_OK: the broker has it as far as QoS says (0: the socket has it, 1: PUBACK, 2: PUBCOMP). Else err says
	 * why: ERR_TIMEOUT (with what kept it last), ERR_DENIED (the policy; the broker refuses the user or the topic),
	 * ERR_IO (the broker refuses something else), ERR_LIMIT (too large for the broker), ERR_UNSUPPORTED (its QoS),
	 * ERR_CONFLICT (the sender was freed; nothing is known), ERR_MEMORY. No sentence has user or password. */
	void (*done)(struct mqtt_publish *publish, enum err_code code, const struct error *err);
	void *self;
	/* The sender's: */
	struct mqtt_publish *next;
	struct mqtt_connection *connection;
	char *topic; /* owned */
	int64_t deadline_ms;
	int mid; /* libmosquitto's number for it */
	struct error error; /* how it ended */
};

MUST_CHECK enum err_code mqtt_sender_new(const struct mqtt_sender_options *options, struct mqtt_sender **ret_sender,
					 struct error *err);
/* Calls done() with ERR_CONFLICT for what has not ended; messages given by these are refused. */
struct mqtt_sender *mqtt_sender_free(struct mqtt_sender *sender);

/* Errors leave the message alone, done() is not called: ERR_INVALID (URI, QoS, version), ERR_LIMIT (too many messages;
 * too many brokers, all of them busy; the body), ERR_CONFLICT (the sender is being freed), ERR_MEMORY. */
MUST_CHECK enum err_code mqtt_sender_publish(struct mqtt_sender *sender, struct mqtt_publish *publish,
					     struct error *err);

/* Does what is due, waits up to timeout_ms (less where connections want their second's care) for something to happen
 * unless something has ended, and calls done() for what has ended. ERR_IO: the system refuses to wait. An owner
 * who stays away for half a minute finds connections closed by their brokers; they are opened when needed. */
MUST_CHECK enum err_code mqtt_sender_run(struct mqtt_sender *sender, uint32_t timeout_ms, struct error *err);

/* Any thread, while the sender lives: a run that waits returns, or the next one does not wait. */
void mqtt_sender_wake(struct mqtt_sender *sender);

#endif
