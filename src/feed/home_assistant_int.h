/* What the files of Home Assistant's discovery share. */
#ifndef MACHI_FEED_HOME_ASSISTANT_INT_H
#define MACHI_FEED_HOME_ASSISTANT_INT_H

#include "base/map.h"
#include "feed/home_assistant.h"

enum ha_kind { HA_NUMBER, HA_BOOLEAN, HA_TEXT };

struct ha_topic {
	struct str topic; /* owned */
	struct ha_source *first; /* values that come there; NULL: none (any more) */
	bool reads_json;
};

struct ha_source { /* a value, in the arena of its discovery message */
	struct ha_source *next; /* of the same topic */
	struct ha_topic *topic;
	struct str key; /* "DEVICE\nATTRIBUTE" */
	struct str device; /* the entity's id */
	struct str attribute;
	enum ha_kind kind;
	struct str template, unit; /* STR_NONE: none */
	struct str on, off; /* HA_BOOLEAN */
};

struct ha_config { /* a discovery message */
	struct arena arena;
	struct str topic;
	struct ha_source **sources;
	size_t count, room;
};

struct home_assistant {
	const struct context *context;
	struct map configs; /* struct ha_config, by topic */
	struct map topics; /* struct ha_topic */
	struct map attributes; /* struct ha_source, by key */
	struct ha_topic **places; /* owned */
	size_t place_count, place_room;
	size_t source_count;
};

/* ---- home_assistant_config.c ---- */

struct ha_device {
	struct str id; /* of the entity */
	struct str name, maker, model, version; /* STR_NONE: not said */
};

struct ha_component { /* one of a discovery message */
	const struct json *config; /* its own */
	const struct json *shared; /* of the device's message; NULL: none */
	struct str base; /* what "~" stands for */
	struct str object; /* its id in the topic, or in the device's message */
	struct str platform;
};

/* Its member by either name, or the shared one; NULL: none. */
const struct json *ha_member(const struct ha_component *component, const char *name, const char *brief);
/* A topic, with "~" replaced; in the arena. STR_NONE: it is not there. */
struct str ha_topic_of(const struct ha_component *component, struct json const *value, struct arena *arena);
/* ERR_MEMORY. */
MUST_CHECK enum err_code ha_device_of(const struct ha_component *component, struct arena *arena,
				      struct ha_device *ret_device, struct error *err);
/* The name of its attribute, in the arena; STR_NONE: no memory. */
struct str ha_attribute_of(const struct ha_component *component, const struct ha_device *device,
			   const struct context *context, struct arena *arena);
/* A name for an attribute: "Outdoor temperature" as "outdoorTemperature". */
struct str ha_camel(struct str text, struct arena *arena);
/* What its state is: kind, template, words and unit into source. ERR_UNSUPPORTED. */
MUST_CHECK enum err_code ha_describe(const struct ha_component *component, struct arena *arena,
				     struct ha_source *source, struct error *err);

#endif
