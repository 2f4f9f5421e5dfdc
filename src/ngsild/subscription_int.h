/* Shared by the files of subscriptions. */
#ifndef MACHI_NGSILD_SUBSCRIPTION_INT_H
#define MACHI_NGSILD_SUBSCRIPTION_INT_H

#include "ngsild/represent.h"
#include "ngsild/subscription.h"

/* ---- the shape of the document: which members there are, and of what type ---- */

enum rule_type {
	RULE_TEXT, /* not empty */
	RULE_ANY_TEXT,
	RULE_BOOL,
	RULE_POSITIVE, /* a number greater than 0 */
	RULE_WHOLE, /* a whole number of 1 or more */
	RULE_OBJECT, /* of the rule's shape */
	RULE_TEXTS, /* an array of texts, neither empty */
	RULE_OBJECTS, /* an array of objects of the rule's shape, not empty */
	RULE_TEXT_OR_TEXTS,
	RULE_TEXT_OR_ARRAY
};

/* The way from the document to a member, for errors. */
struct place {
	const struct place *outer; /* NULL: the document itself */
	struct str name; /* STR_NONE: an item of an array */
	uint32_t index;
};

struct checking {
	bool fragment;
	int64_t now_us;
	struct error *err;
};

struct shape;

struct rule {
	struct str name;
	enum rule_type type;
	bool required;
	const struct shape *shape; /* of RULE_OBJECT and RULE_OBJECTS */
	/* More than its type: of each text of an array, of each object too. NULL: nothing more. */
	enum err_code (*check)(const struct checking *c, const struct place *place, const struct json *value);
};

struct shape {
	const struct rule *rules;
	size_t count;
};

extern const struct shape subscription_shape;

/* An error that names the place. */
#define place_fail(c, place, code, ...)                                                                                \
	err_sure(place_tell((c), (place), (code), __FILE__ ":" ERR_LINE_(__LINE__), __VA_ARGS__))
enum err_code place_tell(const struct checking *c, const struct place *place, enum err_code code, const char *where,
			 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The members of an object by their rules. */
MUST_CHECK enum err_code shape_check(const struct checking *c, const struct shape *shape, const struct place *place,
				     const struct json *object);
/* The rule of this name; NULL when nobody knows it. */
const struct rule *shape_rule(const struct shape *shape, struct str name);
/* Does the value stand for removal: null, NGSI-LD Null or, where an array belongs, an array of one NGSI-LD Null? */
bool rule_is_null(const struct rule *rule, const struct json *value);

/* subscription_check.c: what the members of a whole document, and of each object in it, demand of each other. */
MUST_CHECK enum err_code subscription_check_whole(const struct checking *c, const struct json *document);

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
};

/* "endpoint" and so on; NULL all the way when one is not there. */
const struct json *subscription_member(const struct json *document, struct str outer, struct str inner);

#endif
