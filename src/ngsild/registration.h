/* Context Source Registrations as documents, and which of them can say something about what is asked.
 *
 * As with subscriptions the document is the client's: names as sent, under the @context that it came with, without
 * "@context"; kept are the members that the clauses name. What the registering broker learns by using a source (status,
 * timesSent …) lies elsewhere.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6, 4.20, 5.2.8–5.2.11, 5.2.34, 5.5.4, 5.5.8, 5.9.2, 5.9.3, 5.10.2, 5.12.
 * Pure. */
#ifndef MACHI_NGSILD_REGISTRATION_H
#define MACHI_NGSILD_REGISTRATION_H

#include "ngsild/context.h"
#include "ngsild/query.h"
#include "ngsild/temporal.h"

#define REGISTRATION_LIST_MAX 1024u /* items of any array in the document; more is ERR_TOO_COMPLEX */
#define REGISTRATION_ENTITIES_MAX 4096u /* EntityInfos of all of information; more is ERR_TOO_COMPLEX */
#define REGISTRATION_PATTERNS_MAX 256u /* idPatterns of all of them; more is ERR_TOO_COMPLEX */
#define REGISTRATION_BYTES_MAX (16u << 20) /* of memory, compiled */

enum registration_mode {
	REGISTRATION_INCLUSIVE,
	REGISTRATION_EXCLUSIVE,
	REGISTRATION_REDIRECT,
	REGISTRATION_AUXILIARY
};

/* ---- the document ---- */

/* Data types, cardinalities and restrictions of 5.2.9 and its parts, and those between members: what exclusive and
 * auxiliary ones must say (4.3.6.3, 5.9.2.4), contextSourceInfo (4.3.6.6), names of operations (4.20), expiresAt in the
 * past (BadRequestData). fragment: of an update; what it leaves out, and what several members demand of each other, is
 * not looked at, null or NGSI-LD Null stands for removal. ERR_INVALID names the member by its path
 * ("information[0].entities[1].type"); ERR_TOO_COMPLEX. Read-only members and members that nobody knows are passed
 * over. */
MUST_CHECK enum err_code registration_check(const struct json *document, bool fragment, int64_t now_us,
					    struct error *err);
/* As subscription_keep(), subscription_merge() and subscription_rename(). Names are the types, propertyNames and
 * relationshipNames of information. */
MUST_CHECK enum err_code registration_keep(struct arena *arena, const struct json *document, struct json **ret_document,
					   struct error *err);
MUST_CHECK enum err_code registration_merge(struct arena *arena, const struct json *document,
					    const struct json *fragment, int64_t now_us, struct json **ret_document,
					    struct error *err);
MUST_CHECK enum err_code registration_rename(struct arena *arena, const struct json *document,
					     const struct context *from, const struct context *to,
					     struct json **ret_document, struct error *err);

/* Of a checked document. */
enum registration_mode registration_mode_of(const struct json *document);
int64_t registration_expires_of(const struct json *document); /* INT64_MAX: never */

/* ---- compiled ---- */

/* Immutable; owns all that it needs. Used by one thread at a time: its geometries have scratch. */
struct registration;

/* document has been checked; its names are expanded by context. ERR_INVALID (a pattern, a geometry, a name),
 * ERR_TOO_COMPLEX, ERR_MEMORY: the member and what is wrong in it. */
MUST_CHECK enum err_code registration_new(const struct json *document, const struct context *context,
					  struct registration **ret_registration, struct error *err);
struct registration *registration_free(struct registration *registration);

struct str registration_id(const struct registration *registration); /* STR_NONE when the document has none */
enum registration_mode registration_mode(const struct registration *registration);
int64_t registration_expires_us(const struct registration *registration); /* INT64_MAX: never */

/* Would both hold the same, one of them exclusive, the other exclusive or redirect (4.3.6.3, 5.9.2.4)? Symmetric. An
 * exclusive one speaks of attributes of entities by their ids; a redirect one matches these by the rules of 5.12. */
bool registration_conflicts(const struct registration *one, const struct registration *other);
/* Does this entity (an expanded document) hold what a proxied registration says is held elsewhere (5.9.2.4)? False for
 * inclusive and auxiliary ones. */
bool registration_claims(const struct registration *registration, const struct json *entity);
/* For a store's search of entities that it may claim: the ids, or else the types; both counts 0: any. Of an exclusive
 * one the ids always. */
struct registration_claim {
	const struct str *ids;
	size_t id_count;
	const struct str *type_iris;
	size_t type_count;
};
void registration_claim(const struct registration *registration, struct registration_claim *ret);

/* ---- discovery (5.10.2, 5.12) ---- */

struct registration_question {
	const struct query *query; /* types, ids, idPattern, q, geo, scopeQ of the request; NULL: none of them */
	const struct str *attribute_iris; /* attrs and pick; count 0: all */
	size_t attribute_count;
	const struct str *dataset_ids; /* count 0: not asked for */
	size_t dataset_count;
	const struct temporal_query *temporal; /* NULL: none, and sources of temporal evolutions are left out */
	const struct query *csf; /* over the registration's own members (4.9); NULL: none */
	int64_t now_us; /* what has expired matches nothing */
};

/* Can this source say something about what is asked? */
bool registration_matches(const struct registration *registration, const struct registration_question *question);
/* The document with those elements of "information" alone that match (5.10.2.5: "should return filtered"). In the
 * arena, sharing nodes; document as it was compiled from. NULL: no memory. */
struct json *registration_filtered(struct arena *arena, const struct registration *registration,
				   const struct json *document, const struct registration_question *question);

/* ---- as clients get it ---- */

struct registration_state {
	bool used; /* a distributed operation was sent by it: status and figures are shown */
	bool failed_last;
	uint64_t times_sent, times_failed;
	int64_t last_success_us, last_failure_us; /* INT64_MIN: none yet */
	int64_t created_us, modified_us;
};
struct registration_show {
	const struct context *context;
	const struct json *context_value; /* NULL: Link header */
	bool sys_attrs;
};
/* Names compacted by show->context, read-only members added. own_context: the document's. Values of contextSourceInfo
 * whose keys name credentials (Authorization, Proxy-Authorization, Cookie, and what ends in -Token, -Key or -Secret, in
 * any case) are shown as "***", unless they are "urn:ngsi-ld:request". */
MUST_CHECK enum err_code registration_represent(struct buf *out, struct arena *arena, const struct json *document,
						const struct context *own_context,
						const struct registration_state *state,
						const struct registration_show *show, struct error *err);

#endif
