/* What the files of feeds of kind mqtt share. */
#ifndef MACHI_FEED_MQTT_FEED_INT_H
#define MACHI_FEED_MQTT_FEED_INT_H

#include "feed/feed_int.h"
#include "net/mqtt_subscriber.h"

struct mqtt_session { /* feed->session */
	struct feed *feed;
	struct mqtt_subscriber *subscriber;
};

/* One of two numbers behind key; fallback where it is not there. */
MUST_CHECK enum err_code mqtt_feed_read_choice(const struct mapping_reader *reader, const struct yaml_tree *node,
					       const char *key, int first, int second, int fallback, int *ret);

/* ---- mqtt_send.c: commands ---- */

enum err_code mqtt_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				  const struct command_plan *plan, const struct yaml_tree *node, void **ret_send);
enum feed_send mqtt_feed_send(struct feed *feed, const struct feed_command *command);
/* Of the subscriber; self is the session. */
void mqtt_feed_published(void *self, uint64_t token, enum err_code code, const char *why);

#endif
