/* MQTT control packets (3.1.1 and 5.0), the part of a client that subscribes and publishes.
 *
 * Reading borrows from the bytes given and never allocates; writing appends to a buffer whose errors are sticky. What a
 * broker may not send is ERR_INVALID with a sentence that names packet and rule. Source: MQTT 5.0 (OASIS Standard,
 * 2019) and MQTT 3.1.1 (OASIS Standard, 2014), clauses in the code. Pure. Thread: any. */
#ifndef MACHI_NET_MQTT_PACKET_H
#define MACHI_NET_MQTT_PACKET_H

#include "base/buf.h"
#include "base/error.h"

#define MQTT_PACKET_BYTES_MAX 268435455u /* 2.1.4: what four bytes of length can say */
#define MQTT_REASON_BYTES_MAX 120u /* of a reason that the broker words, as kept in errors */

enum mqtt_packet_kind {
	MQTT_PACKET_CONNECT = 1,
	MQTT_PACKET_CONNACK = 2,
	MQTT_PACKET_PUBLISH = 3,
	MQTT_PACKET_PUBACK = 4,
	MQTT_PACKET_SUBSCRIBE = 8,
	MQTT_PACKET_SUBACK = 9,
	MQTT_PACKET_PINGREQ = 12,
	MQTT_PACKET_PINGRESP = 13,
	MQTT_PACKET_DISCONNECT = 14,
};

/* ---- reading ---- */

struct mqtt_packet {
	uint8_t kind; /* enum mqtt_packet_kind, or another number from 0 to 15 */
	uint8_t flags;
	struct str body; /* what is there of it */
	size_t body_bytes; /* what it will have */
	size_t head_bytes; /* that stand before the body */
};

/* The packet that bytes begin with. *ret_whole false: more is needed, and ret_packet->head_bytes is 0 while not even
 * its length is known. ERR_INVALID: a length of more than four bytes. */
MUST_CHECK enum err_code mqtt_packet_read(struct str bytes, struct mqtt_packet *ret_packet, bool *ret_whole,
					  struct error *err);

struct mqtt_connack {
	bool session_present;
	uint8_t reason; /* 5.0: reason code; 3.1.1: return code */
	uint16_t receive_max; /* messages of QoS > 0 that we may have under way; 65,535 where not said */
	uint8_t qos_max; /* 2 where not said */
	uint32_t packet_bytes_max; /* MQTT_PACKET_BYTES_MAX where not said */
	bool has_keepalive; /* the broker's own takes the place of ours */
	uint16_t keepalive_s;
	bool wildcards, shared; /* true where not said */
	struct str client_id; /* that the broker gave; STR_NONE: none */
	struct str reason_text;
};

MUST_CHECK enum err_code mqtt_read_connack(struct str body, int version, struct mqtt_connack *ret, struct error *err);

struct mqtt_message {
	struct str topic; /* valid UTF-8 without NUL and wildcards, never empty */
	struct str payload; /* in part where the packet is */
	uint16_t id; /* of QoS 1 and 2, not 0 */
	uint8_t qos;
	bool retained, again; /* again: DUP, it was sent before */
};

/* Also for a packet of which not all is there: *ret_known is false while topic, number and properties are not. */
MUST_CHECK enum err_code mqtt_read_publish(const struct mqtt_packet *packet, int version, struct mqtt_message *ret,
					   bool *ret_known, struct error *err);

/* PUBACK: the number and 5.0's reason (0 without one). */
MUST_CHECK enum err_code mqtt_read_puback(struct str body, int version, uint16_t *ret_id, uint8_t *ret_reason,
					  struct error *err);
/* Reasons, one for each filter subscribed to; borrowed. */
MUST_CHECK enum err_code mqtt_read_suback(struct str body, int version, uint16_t *ret_id, struct str *ret_reasons,
					  struct error *err);
/* 5.0's DISCONNECT from the broker. */
MUST_CHECK enum err_code mqtt_read_disconnect(struct str body, uint8_t *ret_reason, struct str *ret_text,
					      struct error *err);

/* ---- words ---- */

/* Of a CONNACK that refuses, a SUBACK, a PUBACK, a DISCONNECT: "not authorized". Static. */
const char *mqtt_reason(int version, uint8_t reason);
/* Of a CONNACK's reason in 3.1.1, whose numbers are others. */
const char *mqtt_refusal(int version, uint8_t reason);
bool mqtt_is_version_refused(int version, uint8_t reason);

/* ---- writing ---- */

struct mqtt_connect {
	int version; /* 3: 3.1.1; 5: 5.0 */
	struct str client_id;
	bool clean; /* the broker forgets what it kept for this client */
	uint16_t keepalive_s; /* 0: none */
	uint32_t session_s; /* 5.0: how long the broker keeps the session behind the connection's end */
	uint16_t receive_max; /* 5.0: messages of QoS > 0 that may wait for our acknowledgement; 0: 65,535 */
	uint32_t packet_bytes_max; /* 5.0: 0: any */
	struct str user, password; /* STR_NONE: not given */
};

void mqtt_write_connect(struct buf *out, const struct mqtt_connect *connect);

/* One filter; id not 0. 5.0: retained messages come only when the subscription is new. */
void mqtt_write_subscribe(struct buf *out, int version, uint16_t id, struct str filter, uint8_t qos);
/* id: of QoS 1; 0 with QoS 0. */
void mqtt_write_publish(struct buf *out, int version, struct str topic, struct str payload, uint8_t qos, bool retained,
			bool again, uint16_t id);
void mqtt_write_puback(struct buf *out, uint16_t id);
void mqtt_write_pingreq(struct buf *out);
void mqtt_write_disconnect(struct buf *out, int version);

/* ---- topics ---- */

/* Valid UTF-8 of 1 to 65,535 bytes without NUL (4.7.3) and, where is_filter, with wildcards only where they may stand
 * (4.7.1), also behind "$share/NAME/" (5.0, 4.8.2); else without wildcards. */
bool mqtt_topic_is_good(struct str topic, bool is_filter);
/* Does a topic's name fit the filter (4.7)? filter is good and has no "$share/". */
bool mqtt_topic_fits(struct str filter, struct str topic);

#endif
