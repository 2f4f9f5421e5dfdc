/* Subscriptions over other context sources (GS CIM 009 V1.9.1, 5.8.1.4, 5.8.2.4, 5.8.5.4): a thread that keeps copies
 * of this broker's subscriptions at the sources whose registrations match.
 *
 * It compares what is to be with what its records say there is (broker/source_copies.h): at the start, when a
 * subscription or a registration has changed, after a failure, and from time to time. Thread: as said. */
#ifndef MACHI_API_SOURCE_COPIES_H
#define MACHI_API_SOURCE_COPIES_H

#include "broker/source_copies.h"

struct http_forwarder;
struct source_copier;

struct source_copier_options { /* all outlives the copier */
	struct broker *broker;
	struct http_forwarder *forwarder;
	const char *url; /* "https://host:port": where sources reach this server, to notify it */
	uint32_t source_timeout_ms; /* as in struct api_options, likewise the next */
	bool split_entities;
	/* Tells of a source that will not have a copy, or of what could not be read or written; the copier's thread. */
	void (*complain)(void *self, struct str tenant, const struct error *err);
	void *complain_self;
};

/* Starts the thread. ERR_MEMORY, ERR_IO. */
MUST_CHECK enum err_code source_copier_new(const struct source_copier_options *options, struct source_copier **ret,
					   struct error *err);
/* From now on it gives the forwarder nothing more, which may be freed then. Any thread; NULL is fine. */
void source_copier_stop(struct source_copier *copier);
/* Waits for the thread. After source_copier_stop(), and when the forwarder is free or still answers. */
struct source_copier *source_copier_free(struct source_copier *copier);

#endif
