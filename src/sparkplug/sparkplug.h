/* Sparkplug B: messages of edge nodes and their devices as JSON documents, and commands to them. Pure: no I/O.
 *
 * A session remembers which nodes were born and which metrics they have, since later messages name metrics by numbers
 * that births gave them. A document is
 *
 *   {"group", "node", "device"?, "message": "DDATA", "time"?, "online", "metrics": [{"name", "type"?, "value", "time"?,
 *    "historical"?, "properties"?: {key: value}}, …], "values": {name: value}}
 *
 * Numbers are numbers, DateTime texts of ISO 8601, bytes base64, arrays arrays; what is null, a data set or a template
 * has the value null. Source: Eclipse Sparkplug 3.0.0 (chapters 4 to 6). Thread: one owner. */
#ifndef MACHI_SPARKPLUG_SPARKPLUG_H
#define MACHI_SPARKPLUG_SPARKPLUG_H

#include "base/arena.h"
#include "json/json.h"

#define SPARKPLUG_BYTES_MAX ((size_t)1 << 20) /* of a payload */
#define SPARKPLUG_METRICS_MAX 5000u /* of a message */
#define SPARKPLUG_NODES_MAX 10000u
#define SPARKPLUG_NODE_METRICS_MAX 20000u /* of a node with its devices */
#define SPARKPLUG_DEVICES_MAX 1000u /* of a node */
#define SPARKPLUG_ID_BYTES_MAX 256u /* of a group, node or device */
#define SPARKPLUG_REBIRTH_PAUSE_US (INT64_C(60) * 1000000) /* between two requests to a node */

enum sparkplug_message {
	SPARKPLUG_NBIRTH,
	SPARKPLUG_NDEATH,
	SPARKPLUG_NDATA,
	SPARKPLUG_NCMD,
	SPARKPLUG_DBIRTH,
	SPARKPLUG_DDEATH,
	SPARKPLUG_DDATA,
	SPARKPLUG_DCMD,
	SPARKPLUG_MESSAGE_COUNT
};

struct sparkplug_topic {
	struct str group, node, device; /* borrowed; device STR_NONE: the node itself */
	enum sparkplug_message message;
};

/* "spBv1.0/GROUP/DDATA/NODE/DEVICE". False: another topic, as that of a host's STATE. */
bool sparkplug_topic_read(struct str topic, struct sparkplug_topic *ret);
const char *sparkplug_message_name(enum sparkplug_message message); /* "DDATA" */
/* Valid for a topic that a command goes to. In the arena; STR_NONE: no memory, or what can be no level. */
struct str sparkplug_command_topic(struct arena *arena, struct str group, struct str node, struct str device);

struct sparkplug;

struct sparkplug *sparkplug_new(void); /* NULL: no memory */
struct sparkplug *sparkplug_free(struct sparkplug *sparkplug);

struct sparkplug_taken {
	/* What the message says; NULL: nothing, as a command, or the death of an earlier life. */
	const struct json *document;
	/* Of a node's death: its devices, which died with it. Each is for a document by sparkplug_device_death(). */
	const struct str *devices;
	size_t device_count;
	/* Something was missed, or nothing is known of the node: it is to be asked to be born again, at most once in
	 * SPARKPLUG_REBIRTH_PAUSE_US. */
	bool wants_rebirth;
	uint32_t unknown; /* metrics whose numbers no birth gave, left out */
};

/* What is given back lies in the arena. now_us: since 1970. ERR_INVALID: no Sparkplug B; ERR_LIMIT; ERR_MEMORY. */
MUST_CHECK enum err_code sparkplug_take(struct sparkplug *sparkplug, const struct sparkplug_topic *topic,
					struct str payload, int64_t now_us, struct arena *arena,
					struct sparkplug_taken *ret_taken, struct error *err);
/* NULL: no memory. */
const struct json *sparkplug_device_death(struct arena *arena, const struct sparkplug_topic *topic, struct str device);

/* ---- commands ---- */

/* The payload that sets a metric, by the type that its birth gave it; "Node Control/Rebirth" is known without one. In
 * the arena. ERR_NOT_FOUND: nothing was born with this metric; ERR_INVALID: the text is no value of its type;
 * ERR_UNSUPPORTED: of its type nothing can be set; ERR_MEMORY. */
MUST_CHECK enum err_code sparkplug_command(const struct sparkplug *sparkplug, const struct sparkplug_topic *topic,
					   struct str metric, struct str text, int64_t now_us, struct arena *arena,
					   struct str *ret_payload, struct error *err);

#define SPARKPLUG_REBIRTH STR("Node Control/Rebirth")

#endif
