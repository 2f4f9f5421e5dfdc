/* From what clients send (normalized or concise JSON) to the expanded document, with every rule checked.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.1–4.5.5, 4.6, 5.2.4–5.2.7, 5.5.4, 5.5.7, annex D. Pure. */
#ifndef MACHI_NGSILD_EXPAND_H
#define MACHI_NGSILD_EXPAND_H

#include "ngsild/context.h"
#include "ngsild/document.h"

#define EXPAND_TYPES_MAX 64 /* types of one entity */
#define EXPAND_SCOPES_MAX 64 /* scopes of one entity */
#define EXPAND_ATTRIBUTES_MAX 4096 /* members of one entity, sub-attributes of one instance */
#define EXPAND_INSTANCES_MAX 1024 /* instances of one attribute */
#define EXPAND_TEMPORAL_INSTANCES_MAX 100000 /* the same over time */

struct expand_options {
	const struct context *context;
	int64_t now_us; /* stamped as createdAt of the entity and of every instance */
	bool fragment; /* id and type may be missing (updates); NGSI-LD Null values are allowed */
	/* With fragment: for merge_patch() (5.5.12), which knows the attribute that is merged into. Instances have a
	 * "type" only when it was said, and may lack a value; a geometry may be a part of one, a languageMap one text
	 * or an array of texts; NGSI-LD Null may stand for any member of an object within a value. */
	bool merge;
	bool simplified; /* with merge: attributes come in the simplified representation (4.5.4) */
	/* The entity is an EntityTemporal (5.2.20): instances of an attribute follow one another in time, so several
	 * may have one datasetId; they keep their order. Attributes may come as 4.5.9 simplifies them. The scope is an
	 * array of instances too. With fragment, NGSI-LD Null is allowed nowhere. */
	bool temporal;
	/* What another broker says that it holds: createdAt and modifiedAt of the entity and of its attributes are kept
	 * where they are DateTimes, instead of being stamped; now_us stands where there is none. With temporal, so are
	 * deletedAt (µs) of the entity and its instances and instanceId (a text): an instance with deletedAt says that
	 * the attribute was deleted then, and its value may be NGSI-LD Null. */
	bool stamped;
};

/* The entity (or Entity Fragment) that body describes, in the arena; its strings may borrow from body.
 * A member "@context" of body is left out: the caller has built options->context from it.
 * Errors: ERR_INVALID naming the attribute and member, ERR_UNSUPPORTED, ERR_MEMORY. */
MUST_CHECK enum err_code expand_entity(struct arena *arena, const struct json *body,
				       const struct expand_options *options, struct json **ret_entity,
				       struct error *err);

/* One attribute's instances (an object, or an array of them) as PATCH/POST of a single attribute send them;
 * ret_instances is a JSON array of instances. With options->fragment an instance may lack "type" and value, as a
 * partial update sends them (5.6.4); merge_partial() holds such a one against the instance stored. A member
 * "@context" of body is left out. */
MUST_CHECK enum err_code expand_attribute(struct arena *arena, struct str attribute_name, const struct json *body,
					  const struct expand_options *options, struct str *ret_iri,
					  struct json **ret_instances, struct error *err);

/* The IRI of an attribute's name, as expand_attribute reads it: ERR_INVALID for what cannot name one (4.5.1, 4.6.2). */
MUST_CHECK enum err_code expand_attribute_iri(struct arena *arena, const struct context *context, struct str name,
					      struct str *ret_iri, struct error *err);

/* Is this a language tag, well-formed in the plain sense of RFC 5646, section 2.1, or "@none"? */
bool expand_is_language_tag(struct str tag);

/* Is this text a URI (RFC 3986 absolute, scheme and something behind it; IRIs accepted)? */
bool expand_is_uri(struct str text);

#endif
