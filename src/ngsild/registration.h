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

/* What a source may be asked to do (table 4.20-1). */
enum source_operation {
	SOURCE_CREATE_ENTITY, /* 5.6.1 */
	SOURCE_UPDATE_ENTITY, /* 5.6.2 */
	SOURCE_APPEND_ATTRS, /* 5.6.3 */
	SOURCE_UPDATE_ATTRS, /* 5.6.4 */
	SOURCE_DELETE_ATTRS, /* 5.6.5 */
	SOURCE_DELETE_ENTITY, /* 5.6.6 */
	SOURCE_CREATE_BATCH, /* 5.6.7 */
	SOURCE_UPSERT_BATCH, /* 5.6.8 */
	SOURCE_UPDATE_BATCH, /* 5.6.9 */
	SOURCE_DELETE_BATCH, /* 5.6.10 */
	SOURCE_UPSERT_TEMPORAL, /* 5.6.11 */
	SOURCE_APPEND_ATTRS_TEMPORAL, /* 5.6.12 */
	SOURCE_DELETE_ATTRS_TEMPORAL, /* 5.6.13 */
	SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL, /* 5.6.14 */
	SOURCE_DELETE_ATTR_INSTANCE_TEMPORAL, /* 5.6.15 */
	SOURCE_DELETE_TEMPORAL, /* 5.6.16 */
	SOURCE_MERGE_ENTITY, /* 5.6.17 */
	SOURCE_REPLACE_ENTITY, /* 5.6.18 */
	SOURCE_REPLACE_ATTRS, /* 5.6.19 */
	SOURCE_MERGE_BATCH, /* 5.6.20 */
	SOURCE_PURGE_ENTITY, /* 5.6.21 */
	SOURCE_RETRIEVE_ENTITY, /* 5.7.1 */
	SOURCE_QUERY_ENTITY, /* 5.7.2 but for batches */
	SOURCE_QUERY_BATCH, /* 5.7.2 of batches */
	SOURCE_RETRIEVE_TEMPORAL, /* 5.7.3 */
	SOURCE_QUERY_TEMPORAL, /* 5.7.4 */
	SOURCE_RETRIEVE_ENTITY_TYPES, /* 5.7.5 */
	SOURCE_RETRIEVE_ENTITY_TYPE_DETAILS, /* 5.7.6 */
	SOURCE_RETRIEVE_ENTITY_TYPE_INFO, /* 5.7.7 */
	SOURCE_RETRIEVE_ATTR_TYPES, /* 5.7.8 */
	SOURCE_RETRIEVE_ATTR_TYPE_DETAILS, /* 5.7.9 */
	SOURCE_RETRIEVE_ATTR_TYPE_INFO, /* 5.7.10 */
	SOURCE_CREATE_SUBSCRIPTION, /* 5.8.1 */
	SOURCE_UPDATE_SUBSCRIPTION, /* 5.8.2 */
	SOURCE_RETRIEVE_SUBSCRIPTION, /* 5.8.3 */
	SOURCE_QUERY_SUBSCRIPTION, /* 5.8.4 */
	SOURCE_DELETE_SUBSCRIPTION, /* 5.8.5 */
	SOURCE_RETRIEVE_ENTITY_MAP, /* 5.14.1 */
	SOURCE_UPDATE_ENTITY_MAP, /* 5.14.2 */
	SOURCE_DELETE_ENTITY_MAP, /* 5.14.3 */
	SOURCE_CREATE_ENTITY_MAP_QUERY_ENTITY, /* 5.14.4 */
	SOURCE_CREATE_ENTITY_MAP_QUERY_TEMPORAL, /* 5.14.5 */
	SOURCE_RETRIEVE_CONTEXT_SOURCE_IDENTITY, /* 5.15.1 */
	SOURCE_OPERATION_COUNT
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
 * relationshipNames of information. A value of contextSourceInfo given as "***", as secrets are shown, is the one that
 * the document has for that key (the n-th of several for the n-th); ERR_INVALID when it has none. */
MUST_CHECK enum err_code registration_keep(struct arena *arena, const struct json *document, struct json **ret_document,
					   struct error *err);
MUST_CHECK enum err_code registration_merge(struct arena *arena, const struct json *document,
					    const struct json *fragment, int64_t now_us, struct json **ret_document,
					    struct error *err);
MUST_CHECK enum err_code registration_rename(struct arena *arena, const struct json *document,
					     const struct context *from, const struct context *to,
					     struct json **ret_document, struct error *err);

/* Does a value of contextSourceInfo belong to the source alone, so that it is not to lie open in a store? Those of the
 * keys with a meaning of their own (4.3.6.6), and "urn:ngsi-ld:request", do not. */
bool registration_pair_is_private(const struct json *pair);
/* A pair whose value cannot be had has "***" for it and, in this member, whatever its keeper has instead. */
#define REGISTRATION_SEALED "sealed"
#define REGISTRATION_HIDDEN "***"

/* Of a checked document. */
enum registration_mode registration_mode_of(const struct json *document);
int64_t registration_expires_of(const struct json *document); /* INT64_MAX: never */

/* ---- compiled ---- */

/* Immutable; owns all that it needs. Any thread may look at it, one at a time ask registration_matches() of one that
 * has places: its geometries have scratch. */
struct registration;

/* document has been checked; its names are expanded by context. ERR_INVALID (a pattern, a geometry, a name),
 * ERR_TOO_COMPLEX, ERR_MEMORY: the member and what is wrong in it. */
MUST_CHECK enum err_code registration_new(const struct json *document, const struct context *context,
					  struct registration **ret_registration, struct error *err);
struct registration *registration_free(struct registration *registration);

struct str registration_id(const struct registration *registration); /* STR_NONE when the document has none */
enum registration_mode registration_mode(const struct registration *registration);
int64_t registration_expires_us(const struct registration *registration); /* INT64_MAX: never */
bool registration_has_places(const struct registration *registration);
const struct json *registration_scopes(const struct registration *registration); /* an array of texts; NULL: none */
const struct json *registration_document(const struct registration *registration); /* its names as they were given */

struct str source_operation_name(enum source_operation operation); /* "createEntity" */
/* By "operations", which are those of federationOps where none are named (4.20). */
bool registration_supports(const struct registration *registration, enum source_operation operation);

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

struct registration_entity {
	struct str id;
	const struct str *type_iris;
	size_t type_count;
};

struct registration_question {
	const struct query *query; /* types, ids, idPattern, q, geo, scopeQ of the request; NULL: none of them */
	/* One entity that is at hand, in place of a query that selects entities; id STR_NONE: none. Its types are those
	 * that it has, count 0: they are not known. */
	struct registration_entity entity;
	const struct str *attribute_iris; /* attrs and pick; count 0: all */
	size_t attribute_count;
	bool listed_only; /* the attributes that q and geo name are not asked for too (5.11.2.4) */
	const struct str *dataset_ids; /* count 0: not asked for */
	size_t dataset_count;
	const struct temporal_query *temporal; /* NULL: none, and sources of temporal evolutions are left out … */
	bool any_time; /* … unless this says that times are not asked about: intervals restrict nothing */
	const struct query *csf; /* over the registration's own members (4.9); NULL: none */
	int64_t now_us; /* what has expired matches nothing */
};

/* Can this source say something about what is asked? */
bool registration_matches(const struct registration *registration, const struct registration_question *question);
/* The document with those elements of "information" alone that match (5.10.2.5: "should return filtered"). In the
 * arena, sharing nodes; document as it was compiled from. NULL: no memory. */
struct json *registration_filtered(struct arena *arena, const struct registration *registration,
				   const struct json *document, const struct registration_question *question);

/* What an index finds registrations by, each kind on its own; those named NO_… have the key "". */
enum registration_key {
	REGISTRATION_KEY_ID, /* of an EntityInfo */
	REGISTRATION_KEY_TYPE_OF_ID, /* of one that has an id */
	REGISTRATION_KEY_TYPE, /* of one that has none */
	REGISTRATION_KEY_NO_ID, /* an EntityInfo without one */
	REGISTRATION_KEY_NO_ENTITY, /* a RegistrationInfo without entities */
	REGISTRATION_KEY_ATTRIBUTE_OF_ID, /* of a RegistrationInfo that has an EntityInfo with an id */
	REGISTRATION_KEY_NO_ATTRIBUTE_OF_ID, /* it names none */
	REGISTRATION_KEY_ATTRIBUTE, /* of one that has an EntityInfo without an id, or no EntityInfo */
	REGISTRATION_KEY_NO_ATTRIBUTE,
	REGISTRATION_KEY_COUNT
};

/* key lives as long as the registration, or the question. False stops. */
typedef bool registration_key_visit(void *self, enum registration_key kind, struct str key);
/* False: it was stopped. */
bool registration_each_key(const struct registration *registration, registration_key_visit *visit, void *self);
/* Whatever matches the question stands under one of these: by its entities; by its attributes; by ids, and attributes
 * of what is not registered by ids. False: this is no way to narrow it, and nothing was visited. */
bool registration_each_entity_key(const struct registration_question *question, registration_key_visit *visit,
				  void *self);
bool registration_each_attribute_key(const struct registration_question *question, registration_key_visit *visit,
				     void *self);
bool registration_each_mixed_key(const struct registration_question *question, registration_key_visit *visit,
				 void *self);
/* The same of what a proxied one may conflict with. */
bool registration_each_rival_key(const struct registration *registration, registration_key_visit *visit, void *self);

/* ---- what is registered of what is asked (4.3.6.1: no more than that may be asked of the source) ---- */

/* Does a RegistrationInfo speak of this entity and of this attribute of it (STR_NONE: whichever)? An EntityInfo of
 * several types means entities that have them all; the types of an exclusive one are not held against the entity's. */
bool registration_covers(const struct registration *registration, const struct registration_entity *entity,
			 struct str attribute_iri);

struct registration_part_entity { /* an EntityInfo */
	struct str id, id_pattern; /* STR_NONE: none; one of them at most */
	const struct str *type_iris; /* all of them */
	size_t type_count;
};

struct registration_part {
	const struct registration_part_entity *entities; /* any of them; count 0: any entity */
	size_t entity_count;
	/* The same in short, each once: ids (count 0: not every EntityInfo has one) and types (count 0: any). */
	const struct str *ids;
	size_t id_count;
	const struct str *type_iris;
	size_t type_count;
	const struct str *attribute_iris; /* Properties and Relationships, sorted, each once; count 0: any */
	size_t attribute_count;
};

/* One for each RegistrationInfo that matches, with those of its EntityInfos that do; in their order, in the arena,
 * borrowing from the registration. Places, times, datasets and scopes are not looked at. False: no memory. */
MUST_CHECK bool registration_parts(struct arena *arena, const struct registration *registration,
				   const struct registration_question *question, struct registration_part **ret_parts,
				   size_t *ret_count);
/* All of them as one, which may be wider than each: attributes of one RegistrationInfo with entities of another. */
MUST_CHECK bool registration_parts_join(struct arena *arena, const struct registration_part *parts, size_t count,
					struct registration_part *ret);

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
 * any case) are shown as "***", unless they are "urn:ngsi-ld:request"; so are those that cannot be had. */
MUST_CHECK enum err_code registration_represent(struct buf *out, struct arena *arena, const struct json *document,
						const struct context *own_context,
						const struct registration_state *state,
						const struct registration_show *show, struct error *err);

#endif
