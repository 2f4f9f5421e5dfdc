/* How a change alters an entity: the rules of provision, on two documents, without a store.
 * Each function changes entity in place (memory from the arena) and records what it did, so that history,
 * notifications and "updated / notUpdated" answers come from one place. Unchanged instances keep their stamps.
 * The fragment is only read, but the entity then shares its texts. After an error the entity may be half changed:
 * drop it. A fragment that names another id is ERR_INVALID, and so is growth beyond the bounds of expand.h.
 * Source: GS CIM 009 V1.9.1 clauses 4.22, 5.5.8, 5.5.12, 5.6.1–5.6.5, 5.6.8, 5.6.17–5.6.19, 5.6.21. Pure. */
#ifndef MACHI_NGSILD_MERGE_H
#define MACHI_NGSILD_MERGE_H

#include "ngsild/context.h"
#include "ngsild/document.h"

enum change_kind { CHANGE_CREATED, CHANGE_UPDATED, CHANGE_DELETED };

/* One attribute instance that came, changed or went. */
struct change {
	enum change_kind kind;
	struct str attribute_iri;
	struct str dataset_id; /* STR_NONE: default instance */
	const struct json *before; /* the instance replaced or deleted; NULL when created */
	const struct json *after; /* NULL when deleted */
	int64_t deleted_us; /* of a deletion that is told of later; 0: it happens now */
	struct change *next;
};

struct merge_refusal { /* an attribute that was not updated, and why */
	struct str attribute_iri;
	const char *reason; /* static text */
	struct merge_refusal *next;
};

struct merge_result {
	struct change *changes; /* in the order of the fragment */
	struct merge_refusal *refusals;
	bool type_changed, scope_changed; /* types added, scope set */
	bool changed; /* anything at all: entity must be stored again */
};

/* Do two instances of an attribute say the same, whenever they and their sub-attributes were stamped (createdAt and
 * modifiedAt)? Times that were sent, as observedAt, count to the letter. */
bool merge_same_instance(const struct json *a, const struct json *b);

/* What expand_entity gave, put onto entity. now_us stamps what is new or changed. NGSI-LD Null is ERR_INVALID here.
 * overwrite false: instances that exist are refused, not replaced (Append with noOverwrite, 5.6.3). */
MUST_CHECK enum err_code merge_append(struct arena *arena, struct json *entity, const struct json *fragment,
				      bool overwrite, int64_t now_us, struct merge_result *ret_result,
				      struct error *err);
/* Update Attributes (5.6.2): instances that exist are replaced, others added; NGSI-LD Null deletes, and does nothing
 * where there is nothing; a scope is replaced only when the entity has one. */
MUST_CHECK enum err_code merge_update(struct arena *arena, struct json *entity, const struct json *fragment,
				      int64_t now_us, struct merge_result *ret_result, struct error *err);
/* Partial Attribute Update (5.6.4): members of the fragment instance replace those of the stored one; Null removes.
 * ERR_NOT_FOUND when the instance is not there, ERR_INVALID when the attribute's type would change. */
MUST_CHECK enum err_code merge_partial(struct arena *arena, struct json *entity, struct str attribute_iri,
				       const struct json *instances, int64_t now_us, struct merge_result *ret_result,
				       struct error *err);
/* Delete Attribute (5.6.5). dataset_id STR_NONE: the default instance; all: every instance. ERR_NOT_FOUND. */
MUST_CHECK enum err_code merge_delete(struct arena *arena, struct json *entity, struct str attribute_iri,
				      struct str dataset_id, bool all, int64_t now_us, struct merge_result *ret_result,
				      struct error *err);
/* Replace Entity (5.6.18; batch upsert "replace"): entity becomes replacement. Instances that say the same keep their
 * stamps, the entity its createdAt; nothing changed gives changed == false. */
MUST_CHECK enum err_code merge_replace(struct arena *arena, struct json *entity, const struct json *replacement,
				       int64_t now_us, struct merge_result *ret_result, struct error *err);
/* Replace Attribute (5.6.19): the instances with the same datasetIds become these (whole ones, no Null); what says the
 * same keeps its stamps. Instances that are not there are a refusal; ERR_NOT_FOUND when that is so of all of them. */
MUST_CHECK enum err_code merge_replace_attribute(struct arena *arena, struct json *entity, struct str attribute_iri,
						 const struct json *instances, int64_t now_us,
						 struct merge_result *ret_result, struct error *err);

/* What a merge's parameters say (6.5.3.4). */
struct merge_patch_options {
	bool simplified; /* the fragment's attributes came simplified: each takes the type of the one merged into */
	struct str lang; /* of texts given for a LanguageProperty; STR_NONE: none */
	/* DateTime for attributes merged into that have an observedAt and get no other; STR_NONE: none. Borrowed by the
	 * entity. */
	struct str observed_at;
	const struct context *context; /* with simplified: for terms given for a VocabProperty */
};

/* Merge Entity (5.6.17): the fragment, as expand_entity made it with options.merge, is merged into the entity by merge
 * patch (5.5.12), to any depth: instances, values that are objects, language maps and sub-attributes keep what the
 * fragment does not name, and NGSI-LD Null removes. Arrays, and JSON literals, are replaced. options NULL: none.
 * ERR_INVALID when what comes out would be no valid attribute: another type, no value, part of a geometry … */
MUST_CHECK enum err_code merge_patch(struct arena *arena, struct json *entity, const struct json *fragment,
				     const struct merge_patch_options *options, int64_t now_us,
				     struct merge_result *ret_result, struct error *err);

/* What goes of entities that are purged in part (5.6.21). Names are IRIs; the scope has its own. */
struct merge_reduction {
	const struct str *keep; /* all others go; NULL: no such list */
	size_t keep_count;
	const struct str *drop; /* these go */
	size_t drop_count;
};

MUST_CHECK enum err_code merge_reduce(struct arena *arena, struct json *entity, const struct merge_reduction *reduction,
				      int64_t now_us, struct merge_result *ret_result, struct error *err);

/* Removes attribute instances, and sub-attributes, whose expiresAt lies at or before now_us (4.22). The entity's own
 * expiresAt is the caller's business (expiry_is_over). */
MUST_CHECK enum err_code merge_expire(struct arena *arena, struct json *entity, int64_t now_us,
				      struct merge_result *ret_result, struct error *err);

/* A copy of the entity, stamped as created at now_us however long ago it was expanded, and its changes: so all that one
 * batch touches has one stamp (5.5.11.0), and a creation lies behind the deletion that it had to wait for. */
MUST_CHECK enum err_code merge_create(struct arena *arena, const struct json *entity, int64_t now_us,
				      struct json **ret_entity, struct merge_result *ret_result, struct error *err);
/* The changes of an entity that is created or deleted whole (now_us stamps the deletion's history). */
MUST_CHECK enum err_code merge_whole(struct arena *arena, const struct json *entity, enum change_kind kind,
				     struct merge_result *ret_result, struct error *err);

#endif
