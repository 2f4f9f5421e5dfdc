/* The URI of an MQTT endpoint taken apart: mqtt[s]://[[user][:password]@]host[:port]/topic[/subtopic]* (GS CIM 009
 * V1.9.1, 7.2). Pure. Thread: any. */
#ifndef MACHI_NET_MQTT_URI_H
#define MACHI_NET_MQTT_URI_H

#include "base/arena.h"
#include "base/error.h"

#define MQTT_URI_BYTES_MAX 8192u
#define MQTT_HOST_BYTES_MAX 253u
#define MQTT_TOPIC_BYTES_MAX 1024u
#define MQTT_USER_BYTES_MAX 1024u /* of the user and of the password each */

/* Texts lie in the arena with a NUL behind them. */
struct mqtt_uri {
	bool secure; /* mqtts */
	struct str user, password; /* percent-decoded; STR_NONE: not given, which an empty one is not */
	struct str host; /* in lower case, without brackets */
	uint16_t port; /* 1883, for mqtts 8883, where none is given */
	struct str topic; /* percent-decoded; valid UTF-8 without wildcards and control characters */
};

/* ERR_INVALID, ERR_MEMORY. No sentence shows the user or the password. */
MUST_CHECK enum err_code mqtt_uri_parse(struct str text, struct arena *arena, struct mqtt_uri *ret_uri,
					struct error *err);
/* Of a broker alone: no topic, or "/" and nothing behind it. The topic is STR_NONE. */
MUST_CHECK enum err_code mqtt_uri_parse_broker(struct str text, struct arena *arena, struct mqtt_uri *ret_uri,
					       struct error *err);

#endif
