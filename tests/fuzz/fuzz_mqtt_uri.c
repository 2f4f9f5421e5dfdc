/* An MQTT endpoint's URI as a subscriber gives it: whatever is taken has a host, a port and a topic that may be
 * published to, with a NUL behind every text. */
#include "net/mqtt_uri.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str text, size_t bytes_max)
{
	assert(text.len <= bytes_max && text.at[text.len] == '\0');
	assert(!memchr(text.at, '\0', text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct mqtt_uri uri;
	struct error err;

	arena_init(&arena, 1u << 20);
	if (mqtt_uri_parse((struct str){(const char *)data, size}, &arena, &uri, &err) == ERR_OK) {
		check(uri.host, MQTT_HOST_BYTES_MAX);
		check(uri.topic, MQTT_TOPIC_BYTES_MAX);
		assert(uri.host.len > 0 && uri.topic.len > 0 && uri.port > 0);
		assert(!strpbrk(uri.topic.at, "+#") && !strpbrk(uri.host.at, "/@[]% "));
		if (uri.user.at)
			check(uri.user, MQTT_USER_BYTES_MAX);
		if (uri.password.at)
			check(uri.password, MQTT_USER_BYTES_MAX);
		assert(uri.user.at || !uri.password.at);
	} else {
		assert(err.code == ERR_INVALID);
	}
	arena_done(&arena);
	return 0;
}
