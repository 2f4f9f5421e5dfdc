/* What the files of the MQTT subscriber share. */
#ifndef MACHI_NET_MQTT_SUBSCRIBER_INT_H
#define MACHI_NET_MQTT_SUBSCRIBER_INT_H

#include "net/http_outgoing_int.h"
#include "net/mqtt_int.h"
#include "net/mqtt_subscriber.h"

#define MORE_ASKED_MAX 32u

enum subscriber_step {
	STEP_CLOSED, /* until retry_ms */
	STEP_RESOLVING,
	STEP_CONNECTING, /* TCP */
	STEP_SECURING, /* TLS's handshake */
	STEP_OPENING, /* until CONNACK */
	STEP_SUBSCRIBING, /* until the last SUBACK */
	STEP_OPEN,
};

struct subscriber_publish {
	uint16_t id; /* 0: free */
	uint64_t token;
};

struct mqtt_subscriber {
	struct mqtt_subscriber_options options;
	struct arena arena; /* of broker's texts */
	struct mqtt_uri broker;
	int version; /* spoken now */
	enum subscriber_step step;
	struct mqtt_tls tls;
	struct mqtt_lookup *lookup;
	char addresses[MQTT_ADDRESSES_MAX][ADDRESS_TEXT_BYTES];
	uint32_t address_count, address_next;
	int fd;
	SSL *session; /* of mqtts */
	bool tls_wants_write; /* before it can go on reading */
	char *in; /* bytes that are no whole packet yet */
	size_t in_len, in_room;
	bool held; /* the owner did not take the message that in begins with */
	uint64_t skip_bytes; /* of a payload that is too large */
	struct buf out;
	size_t out_sent;
	uint64_t connection;
	uint16_t next_id;
	size_t filters_subscribed;
	size_t more_next; /* place of the further filter that is subscribed to next */
	struct {
		uint16_t id; /* 0: free */
		size_t place;
	} more_asked[MORE_ASKED_MAX]; /* that the broker has not answered yet */
	struct subscriber_publish publishes[MQTT_PUBLISHES_WAITING_MAX];
	size_t publish_count;
	int64_t retry_ms, step_by_ms, sent_ms, heard_ms;
	int64_t keepalive_ms; /* 0: none */
	bool pinged;
	uint32_t backoff_ms;
	char trouble[MQTT_TROUBLE_BYTES];
};

/* ---- mqtt_subscriber_io.c ---- */

/* Begins TCP's connection to an address. False: it cannot, and trouble says why. */
bool subscriber_connect(struct mqtt_subscriber *subscriber, const char *address);
/* TCP has answered. False: with a refusal. */
bool subscriber_connected(struct mqtt_subscriber *subscriber);
/* A step of TLS's handshake: 1 done, 0 goes on, -1 failed. */
int subscriber_secure(struct mqtt_subscriber *subscriber);
/* Bytes read, 0: none are there now, -1: the connection is gone. */
ssize_t subscriber_read(struct mqtt_subscriber *subscriber, char *at, size_t len);
/* Sends what waits, as far as it goes. False: the connection is gone. */
bool subscriber_flush(struct mqtt_subscriber *subscriber);
void subscriber_close(struct mqtt_subscriber *subscriber);
void subscriber_say_trouble(struct mqtt_subscriber *subscriber, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- mqtt_subscriber_packets.c ---- */

/* Takes apart what waits and, where the socket is readable, what is there; false: the connection must go, trouble says
 * why. */
bool subscriber_take(struct mqtt_subscriber *subscriber, bool readable, bool reads);
/* The next number of a packet of ours, which may be taken. */
uint16_t subscriber_new_id(struct mqtt_subscriber *subscriber);
/* Subscribes to further filters, as far as the broker keeps up. */
void subscriber_ask_more(struct mqtt_subscriber *subscriber);
/* Asks for the session; TCP and TLS are through. */
void subscriber_open(struct mqtt_subscriber *subscriber);

#endif
