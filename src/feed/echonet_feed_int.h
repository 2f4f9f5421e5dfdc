/* What the files of feeds of kind echonet share. */
#ifndef MACHI_FEED_ECHONET_FEED_INT_H
#define MACHI_FEED_ECHONET_FEED_INT_H

#include "base/map.h"
#include "echonet/controller.h"
#include "engine/transit/zone.h"
#include "feed/feed_int.h"

#include <netinet/in.h>

#define ECHONET_OWN_ADDRESSES_MAX 64u
#define ECHONET_KEY_BYTES 36u /* of what a node is called in ids: its number as hexadecimal text, or its address */
#define ECHONET_URN_BYTES 256u /* of an entity's id */
#define ECHONET_INTERFACE_BYTES 64u
/* How long a state that stays as it is, and a measurement of a stated time, is not told again. */
#define ECHONET_REPEAT_S 3600u

struct echonet_settings { /* in the feed's arena */
	struct str interface; /* STR_NONE: the one that the system chooses */
	uint32_t *addresses; /* host order */
	size_t address_count;
	bool discover;
	uint32_t interval_s;
	uint16_t port;
	struct str zone_name; /* STR_NONE: an offset */
	int64_t zone_us; /* to be taken from a local time */
};

/* The socket and what it needs to know of the machine. */
struct echonet_link {
	int fd; /* -1: closed */
	uint16_t port;
	uint32_t interface_index; /* 0: the one that the system chooses */
	uint32_t own[ECHONET_OWN_ADDRESSES_MAX]; /* host order: what comes from there is ours */
	size_t own_count;
	uint8_t hardware[6]; /* the interface's address, or zeros */
};

struct echonet_told; /* of an object: what was told last */

struct echonet_session { /* feed->session */
	struct feed *feed;
	const struct echonet_settings *settings;
	struct echonet_controller *controller;
	struct echonet_link link;
	struct transit_zone *zone; /* NULL: an offset */
	struct map told; /* by address and object; struct echonet_told, owned */
	int64_t since_ms; /* the socket was opened; CLOCK_MONOTONIC */
	int send_error; /* errno of the last datagram; 0: it went out */
};

/* ---- echonet_link.c ---- */

/* Opens the socket, joins the group. ERR_IO says what the system said. */
MUST_CHECK enum err_code echonet_link_open(struct echonet_link *link, const struct echonet_settings *settings,
					   struct error *err);
void echonet_link_close(struct echonet_link *link);
/* Looks at the machine's addresses again. False: the interface is another one now, or is gone. */
bool echonet_link_refresh(struct echonet_link *link, const struct echonet_settings *settings);
bool echonet_link_is_own(const struct echonet_link *link, uint32_t address, uint16_t port);
/* 0, or an errno. */
int echonet_link_send(const struct echonet_link *link, uint32_t address, struct str bytes);

/* ---- echonet_entity.c: what nodes and objects say, as entities ---- */

/* What ids call the node: its identification number, or its address where that is missing. */
void echonet_key(const struct echonet_node *node, char key[static ECHONET_KEY_BYTES]);
/* The type of entities of a class. */
const char *echonet_entity_type(uint16_t class_code);
void echonet_tell_node(struct echonet_session *session, const struct echonet_node *node);
/* Returns whether there was anything to be told. */
bool echonet_tell_values(struct echonet_session *session, const struct echonet_event *event);
void echonet_forget_told(struct echonet_session *session);
/* feed_kind.try_message: a frame as hexadecimal text, from the address that the topic is. */
void echonet_feed_try(struct feed *feed, struct str topic, struct str payload);

/* ---- echonet_send.c: commands ---- */

enum err_code echonet_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				     const struct command_plan *plan, const struct yaml_tree *node, void **ret_send);
enum feed_send echonet_feed_send(struct feed *feed, const struct feed_command *command);
void echonet_feed_set_ended(struct feed *feed, const struct echonet_event *event);

#endif
