/* What the files of feeds of kind mqtt share. */
#ifndef MACHI_FEED_MQTT_FEED_INT_H
#define MACHI_FEED_MQTT_FEED_INT_H

#include "feed/feed_int.h"
#include "net/mqtt_subscriber.h"

struct mqtt_session;

/* What is spoken over MQTT. */
struct mqtt_format {
	const char *topic; /* where the settings need not name one; NULL: they must */
	const char *const *keys; /* of settings of its own, NULL at the end; NULL: none */
	/* Takes those apart; what it needs lies in the feed's arena. NULL: nothing is to be read. */
	enum err_code (*read)(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			      void **ret_settings);
	/* What it has to remember while the feed runs, or while a message is tried; NULL: no memory. */
	void *(*begin)(struct feed *feed);
	void (*end)(void *state);
	void (*take)(struct mqtt_session *session, const struct mqtt_message *message); /* NULL: feed_take() */
	/* Further topics that messages have told of (net/mqtt_subscriber.h). NULL: there are none. */
	bool (*more)(struct mqtt_session *session, size_t place, struct str *ret_filter);
};

struct mqtt_session { /* feed->session */
	struct feed *feed;
	struct mqtt_subscriber *subscriber; /* NULL: a message is tried */
	const struct mqtt_format *format;
	void *settings, *state; /* the format's */
};

/* For kinds that speak a format. */
enum err_code mqtt_feed_read(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			     const struct mqtt_format *format);
void mqtt_feed_run(struct feed *feed);
void mqtt_feed_settled(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err);
void mqtt_feed_try(struct feed *feed, struct str topic, struct str payload);

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
