/* Receivers as scheme, host and port, and whether they answer: one that does not is left alone for a growing while by
 * all lanes, then given one try. */
#include "notify/notify_int.h"

#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

#define SILENT_MAX 5u /* tries without an answer, then the breaker opens */
#define OPEN_FIRST_US US_PER_S
#define OPEN_MAX_US (60 * US_PER_S)
#define PROBE_LOOK_US 100000

/* Up to the path. */
static struct str origin_of(struct str uri)
{
	size_t slashes = 0, i = 0;

	for (; i < uri.len; i++)
		if (uri.at[i] == '/' && ++slashes == 3)
			break;
	return str_part(uri, 0, i);
}

struct endpoint *endpoint_of(struct notifier *notifier, struct str uri)
{
	struct str origin = origin_of(uri);
	struct endpoint *endpoint = map_get(&notifier->endpoints, origin);

	if (!endpoint) {
		endpoint = calloc(1, sizeof(*endpoint) + origin.len);
		if (!endpoint)
			return NULL;
		endpoint->key_bytes = origin.len;
		memcpy(endpoint->key, origin.at, origin.len);
		if (!map_set(&notifier->endpoints, (struct str){endpoint->key, origin.len}, endpoint)) {
			free(endpoint);
			return NULL;
		}
	}
	endpoint->lanes++;
	return endpoint;
}

void endpoint_release(struct notifier *notifier, struct endpoint *endpoint)
{
	/* One that is silent is remembered: lanes come and go. */
	if (--endpoint->lanes > 0 || endpoint->silent > 0)
		return;
	(void)map_remove(&notifier->endpoints, (struct str){endpoint->key, endpoint->key_bytes});
	free(endpoint);
}

void endpoints_free(struct notifier *notifier)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(&notifier->endpoints, &at, &key, &value))
		free(value);
	map_done(&notifier->endpoints);
}

bool endpoint_may_send(struct endpoint *endpoint, int64_t now_us, int64_t *ret_us)
{
	if (endpoint->open_us == 0)
		return true;
	*ret_us = endpoint->open_us > now_us ? endpoint->open_us : now_us + PROBE_LOOK_US;
	if (endpoint->probing || endpoint->open_us > now_us)
		return false;
	endpoint->probing = true;
	return true;
}

void endpoint_answered(struct notifier *notifier, struct endpoint *endpoint, bool answered, int64_t now_us)
{
	bool was_open = endpoint->open_us != 0;

	endpoint->probing = false;
	if (answered) {
		endpoint->silent = 0;
		endpoint->open_us = 0;
	} else if (endpoint->open_us > now_us) {
		/* It was under way when the breaker opened: many that fail together say it once. */
	} else if (++endpoint->silent >= SILENT_MAX) {
		uint32_t more = endpoint->silent - SILENT_MAX;
		int64_t while_us = more < 6 ? OPEN_FIRST_US << more : OPEN_MAX_US;

		endpoint->open_us = now_us + (while_us < OPEN_MAX_US ? while_us : OPEN_MAX_US);
	}
	if (was_open && endpoint->open_us == 0)
		(void)atomic_fetch_sub(&notifier->breakers_open, 1);
	else if (!was_open && endpoint->open_us != 0)
		(void)atomic_fetch_add(&notifier->breakers_open, 1);
}
