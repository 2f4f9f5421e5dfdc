/* Paths to one place in a JSON document: "temperature", "uplink_message.decoded_payload.t", "$.a[0]['b c'].d".
 *
 * The singular queries of JSONPath (RFC 9535, 2.3.5.1), whose "$" may be left out before a name. Pure. Thread: any. */
#ifndef MACHI_FEED_JSON_PATH_H
#define MACHI_FEED_JSON_PATH_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define JSON_PATH_STEPS_MAX 16u

struct json_path_step {
	struct str name; /* of a member; STR_NONE: index counts */
	int64_t index; /* negative: from the end */
};

struct json_path {
	struct json_path_step steps[JSON_PATH_STEPS_MAX];
	size_t count;
	bool from_root; /* it began with "$" */
};

/* Names lie in text or in the arena. ERR_INVALID names text and place; ERR_MEMORY. */
MUST_CHECK enum err_code json_path_parse(struct str text, struct arena *arena, struct json_path *ret_path,
					 struct error *err);
/* NULL: there is nothing at this place. */
const struct json *json_path_find(const struct json_path *path, const struct json *document);

#endif
