/* What is known of an imported timetable, for journey planners: its GTFS feed as a zip, and GTFS Realtime messages of
 * the entities about it.
 *
 * Both are made on threads of the publisher's own, one for messages and one for zips, since a loop must not wait for
 * them; who asks is told. A zip is kept until an import changes the feed, a message for a moment, so that many who ask
 * cost one reading. Thread: any. */
#ifndef MACHI_FEED_GTFS_PUBLISH_H
#define MACHI_FEED_GTFS_PUBLISH_H

#include "broker/broker.h"

#define GTFS_PUBLICATIONS_MAX 64u /* kept; the one that nobody asked for the longest goes */
#define GTFS_PUBLICATION_BYTES_MAX ((size_t)1 << 30) /* of those kept, together */
#define GTFS_MESSAGE_FRESH_MS 1000 /* a message made so lately is given again */
/* Vehicles that nobody has seen for longer are not published: gtfs.org's best practices want them fresh, and a source
 * that died must not keep its buses in the street. */
#define GTFS_UNSEEN_S_MAX 300
#define GTFS_ASKS_MAX 1024u /* that wait */

enum gtfs_document {
	GTFS_DOCUMENT_ZIP,
	GTFS_DOCUMENT_VEHICLE_POSITIONS,
	GTFS_DOCUMENT_TRIP_UPDATES,
	GTFS_DOCUMENT_ALERTS,
	GTFS_DOCUMENT_REALTIME /* all three */
};

/* Never changes. */
struct gtfs_publication {
	struct str bytes;
	/* When it last became other than before: of a zip the import, of a message the first one with these entities,
	 * whose header has a time of its own. */
	int64_t changed_us;
	char etag[40]; /* of RFC 9110; a message's is weak, and the same while its entities are */
};

struct gtfs_publication *gtfs_publication_unref(struct gtfs_publication *publication); /* NULL is fine; NULL */

struct gtfs_ask { /* the caller's until done() */
	struct str tenant; /* STR_NONE: the default one */
	struct str timetable; /* as imported */
	enum gtfs_document document;
	bool planned_too; /* of messages: vehicles that nobody saw as well */
	struct gtfs_publication *publication; /* the result: a reference */
	/* A thread of the publisher's, or who stops it. ERR_NOT_FOUND: no such feed was imported; ERR_TENANT;
	 * ERR_CONFLICT: the publisher stops; ERR_LIMIT: more than a message or zip may have; the store's. */
	void (*done)(struct gtfs_ask *ask, enum err_code code, const struct error *err);
	void *self;
	struct gtfs_ask *next; /* the publisher's */
};

struct gtfs_publisher;

/* Starts no thread before something is asked. The broker must outlive it. */
MUST_CHECK enum err_code gtfs_publisher_new(struct broker *broker, struct gtfs_publisher **ret_publisher,
					    struct error *err);
/* What waits, and what is being made, is done with ERR_CONFLICT; later asks are refused. */
void gtfs_publisher_stop(struct gtfs_publisher *publisher);
struct gtfs_publisher *gtfs_publisher_free(struct gtfs_publisher *publisher);

/* done() is called once when ERR_OK is returned, never otherwise. ERR_INVALID (name), ERR_LIMIT, ERR_CONFLICT, ERR_IO
 * (no thread). */
MUST_CHECK enum err_code gtfs_publisher_ask(struct gtfs_publisher *publisher, struct gtfs_ask *ask, struct error *err);

#endif
