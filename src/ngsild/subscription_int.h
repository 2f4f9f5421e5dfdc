/* Shared by the files of subscriptions. */
#ifndef MACHI_NGSILD_SUBSCRIPTION_INT_H
#define MACHI_NGSILD_SUBSCRIPTION_INT_H

#include "ngsild/represent.h"
#include "ngsild/shape.h"
#include "ngsild/subscription.h"
#include "ngsild/temporal.h"

/* ---- the document ---- */

extern const struct shape subscription_shape;

/* subscription_check.c: what the members of a whole document, and of each object in it, demand of each other. */
MUST_CHECK enum err_code subscription_check_whole(const struct checking *c, enum subscription_kind kind,
						  const struct json *document);

/* ---- compiled ---- */

enum join { JOIN_NONE, JOIN_INLINE, JOIN_FLAT };

struct subscription {
	struct arena arena;
	struct context *context; /* counted */
	const struct json *document; /* in the arena */
	struct query *query; /* in the arena, what it owns beside by query_done() */
	unsigned int triggers; /* enum subscription_trigger */
	const struct str *watched; /* IRIs; count 0: all */
	size_t watched_count;
	const struct subscription_key *keys;
	size_t key_count;
	bool paused;
	int64_t expires_us, throttling_us, interval_us;
	struct subscription_endpoint endpoint;
	/* how entities are shown, but for what a notification's frame says */
	struct represent_options represent;
	bool show_changes;
	enum join join;
	uint32_t levels; /* of linked entities */
	/* of registrations, beside the query */
	struct query *csf; /* in the arena, what it owns beside by query_done(); NULL: none */
	const struct temporal_query *temporal; /* in the arena; NULL: none */
	const struct str *asked; /* IRIs of attributes; count 0: all */
	size_t asked_count;
};

/* subscription_question.c: csf, temporalQ and the attributes asked for, once the rest is built. */
MUST_CHECK enum err_code subscription_build_question(struct subscription *subscription, struct json_parser *parser,
						     struct error *err);

/* "endpoint" and so on; NULL all the way when one is not there. */
const struct json *subscription_member(const struct json *document, struct str outer, struct str inner);

#endif
