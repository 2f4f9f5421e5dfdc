/* What the files of feeds of kind ngsiv2 share. */
#ifndef MACHI_FEED_NGSIV2_FEED_INT_H
#define MACHI_FEED_NGSIV2_FEED_INT_H

#include "feed/feed_fetch_int.h"
#include "feed/ngsiv2.h"

struct ngsiv2_settings {
	struct str token; /* STR_NONE: anybody may notify */
	struct str service; /* STR_NONE: whatever the broker calls it */
	struct str time_name; /* see ngsiv2.h */
	/* Of the copy; url NULL: there is none. */
	const char *url; /* of the page without limit and offset, ending in "?" or "&" */
	struct str shown;
	struct feed_headers headers;
	uint32_t interval_s; /* 0: once */
	uint32_t timeout_s, page_entities;
};

/* Entities of a list: those of a notification, or of a page. Documents lie in feed_arena(). format: the notification's
 * header; STR_NONE: by how they look. */
void ngsiv2_take(struct feed *feed, const struct json *list, struct str service_path, struct str format);

/* ---- ngsiv2_pull.c ---- */

MUST_CHECK enum err_code ngsiv2_read_pull(struct feed *feed, const struct mapping_reader *reader,
					  const struct yaml_tree *settings_node, struct ngsiv2_settings *settings);

struct ngsiv2_pull; /* a copy under way, or waiting for its time */

struct ngsiv2_pull *ngsiv2_pull_new(struct feed *feed); /* NULL: no memory */
struct ngsiv2_pull *ngsiv2_pull_free(struct ngsiv2_pull *pull);
/* Fetches a page, if it is time. */
void ngsiv2_pull_turn(struct ngsiv2_pull *pull);
int64_t ngsiv2_pull_deadline_ms(const struct ngsiv2_pull *pull); /* CLOCK_MONOTONIC */
/* A kind's forget(). */
void ngsiv2_pull_forget(struct ngsiv2_pull *pull, uint64_t tag);
/* "": all is well */
const char *ngsiv2_pull_trouble(const struct ngsiv2_pull *pull);

#endif
