/* Home Assistant's MQTT discovery: devices that say themselves where their values come and what they mean.
 *
 * A discovery message (retained, at PREFIX/COMPONENT/[NODE/]OBJECT/config, or …/device/OBJECT/config for a whole
 * device) names topics; what comes there becomes attributes of one entity of type Device for each device. Pure: who
 * subscribes is not known here. Source: home-assistant.io, integrations "MQTT", "MQTT discovery" and those of each
 * component. Thread: one owner. */
#ifndef MACHI_FEED_HOME_ASSISTANT_H
#define MACHI_FEED_HOME_ASSISTANT_H

#include "base/arena.h"
#include "ngsild/context.h"

#define HOME_ASSISTANT_SOURCES_MAX 50000u /* values of all devices */
#define HOME_ASSISTANT_CONFIG_BYTES_MAX ((size_t)64 << 10) /* of a discovery message */
#define HOME_ASSISTANT_COMPONENTS_MAX 256u /* of a discovery message */
#define HOME_ASSISTANT_BODIES_MAX 256u /* devices that one topic speaks of */

struct home_assistant;

/* By the context the names of attributes are read, which tells those that are none; it must live as long. NULL: no
 * memory. */
struct home_assistant *home_assistant_new(const struct context *context);
struct home_assistant *home_assistant_free(struct home_assistant *ha);

/* An entity as a client would send it, in the arena. */
struct home_assistant_found {
	struct json *bodies[HOME_ASSISTANT_BODIES_MAX];
	size_t count;
	uint32_t passed_over; /* components, or values, of which nothing could be made */
	struct error why; /* of the last of these */
};

/* A discovery message; config NULL: it was empty, and what it told of is gone. ERR_INVALID, ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code home_assistant_discover(struct home_assistant *ha, struct str topic, const struct json *config,
						 struct arena *arena, struct home_assistant_found *ret_found,
						 struct error *err);
/* A state message. json: the payload as JSON, NULL: it is none; observed_at: STR_NONE: not known. ERR_NOT_FOUND: no
 * device has told of this topic; ERR_MEMORY. */
MUST_CHECK enum err_code home_assistant_take(const struct home_assistant *ha, struct str topic, struct str payload,
					     const struct json *json, struct str observed_at, struct arena *arena,
					     struct home_assistant_found *ret_found, struct error *err);
/* Does a template look into the payload of this topic as JSON? */
bool home_assistant_reads_json(const struct home_assistant *ha, struct str topic);

/* The topics that devices told of, in the order in which they did; STR_NONE: no more. */
struct str home_assistant_topic(const struct home_assistant *ha, size_t place);

/* The code of UN/CEFACT Recommendation 20 for a unit as Home Assistant writes it ("°C", "kWh"); the text itself where
 * there is none. */
struct str home_assistant_unit(struct str unit);

#endif
