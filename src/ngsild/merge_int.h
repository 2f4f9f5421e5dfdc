/* Shared by the files of merging. */
#ifndef MACHI_NGSILD_MERGE_INT_H
#define MACHI_NGSILD_MERGE_INT_H

#include "base/arena.h"
#include "base/error.h"
#include "ngsild/attribute_int.h"
#include "ngsild/merge.h"

enum merge_rule {
	RULE_APPEND, /* 5.6.3 */
	RULE_APPEND_ONLY, /* the same with noOverwrite */
	RULE_UPDATE /* 5.6.2 */
};

/* One call's work: where memory comes from, when it is, what came of it. */
struct merge {
	struct arena *arena;
	struct json *entity; /* changed in place */
	int64_t now_us;
	struct json now; /* the same as a number; JSON_NULL without memory */
	struct merge_result result;
	struct change **change_end; /* where the next change is linked */
	struct merge_refusal **refusal_end;
	struct error *err; /* the caller's; may be NULL */
};

/* The instance as it is stored: fragment's content without Nulls, stamped; sub-attributes that old has too keep their
 * createdAt. old: the instance replaced; NULL when it is new. *ret_same: it says what old says (and has its stamps). */
MUST_CHECK enum err_code instance_take(const struct merge *m, const struct json *fragment, const struct json *old,
				       struct json *ret, bool *ret_same);

/* The same of a fragment without Nulls that is known to say something else than old. */
MUST_CHECK enum err_code instance_take_other(const struct merge *m, const struct json *fragment, const struct json *old,
					     struct json *ret);

/* old with the members of fragment put over it, Nulls removed (5.5.8 on an attribute). */
MUST_CHECK enum err_code instance_patch(const struct merge *m, const struct json *old, const struct json *fragment,
					struct json *ret, bool *ret_same);
/* May fragment be put over old: same type, members that the type allows, a geometry where one must be? */
MUST_CHECK enum err_code instance_check_patch(const struct merge *m, const struct json *old,
					      const struct json *fragment);

/* The parts of fragment that must fit whatever is done with its value: same type, members that the type allows. */
MUST_CHECK enum err_code instance_check_members(const struct merge *m, const struct attribute_kind *kind,
						const struct json *fragment);
/* The stamps of an instance that came from old (NULL: from nothing). *ret_same: it says what old says. */
MUST_CHECK enum err_code instance_stamp(const struct merge *m, struct json *instance, const struct json *old,
					bool *ret_same);
/* The instance with this datasetId; NULL when there is none, or no array. */
struct json *instance_with(const struct json *instances, struct str dataset);
/* createdAt, modifiedAt */
bool instance_is_stamp(struct str key);

/* merge_json.c: patch merged into target (NULL: nothing there) by RFC 7396 with NGSI-LD Null for null; shares nodes
 * with both. literal_whole: an object with "@type": "@json" is one value (4.5.0). False when memory is refused. */
MUST_CHECK bool merge_json(struct arena *arena, const struct json *target, const struct json *patch, bool literal_whole,
			   struct json *ret);

/* merge_patch_value.c: the value of an attribute of this kind after the fragment's has been merged into old's (NULL:
 * a new one), checked. The fragment has a value. */
MUST_CHECK enum err_code patch_value(const struct merge *m, const struct merge_patch_options *options,
				     const struct attribute_kind *kind, const struct json *old,
				     const struct json *fragment, struct json *ret);
/* Is the fragment's value a text, or texts, in the language that the options name? */
bool patch_is_language_text(const struct merge_patch_options *options, const struct json *fragment);
/* The member of an instance that holds its value; MEMBER_NONE. */
enum member instance_value_member(const struct json *instance);

struct merge merge_begin(struct arena *arena, struct json *entity, int64_t now_us, struct error *err);
/* Stamps the entity when anything changed and hands the result over. */
MUST_CHECK enum err_code merge_end(struct merge *m, struct merge_result *ret_result);
/* Records one change; before and after are copied (the node, not what it holds). */
MUST_CHECK enum err_code merge_record(struct merge *m, enum change_kind kind, struct str iri, const struct json *before,
				      const struct json *after);
MUST_CHECK enum err_code merge_refuse(struct merge *m, struct str iri, const char *reason);
MUST_CHECK enum err_code merge_no_memory(const struct merge *m);

/* The index of the instance with this datasetId, instances->count when there is none. */
uint32_t instance_index(const struct json *instances, struct str dataset);
/* The attribute goes with its last instance: instances is not to be used then. */
MUST_CHECK enum err_code merge_remove_instance(struct merge *m, struct str iri, struct json *instances, uint32_t index);
/* instances: the attribute's array in the entity, NULL when it has none yet. */
MUST_CHECK enum err_code merge_add_instance(struct merge *m, struct str iri, struct json *instances,
					    const struct json *fragment);
/* Nothing happens when the fragment says what is in the slot already. */
MUST_CHECK enum err_code merge_replace_instance(struct merge *m, struct str iri, struct json *slot,
						const struct json *fragment);

/* Arrays of texts: the same ones in any order; both absent (NULL) is the same too. */
bool merge_same_texts(const struct json *a, const struct json *b);
/* The fragment's members (NULL: absent) put onto the entity's. */
MUST_CHECK enum err_code merge_types(struct merge *m, const struct json *types);
MUST_CHECK enum err_code merge_scope(struct merge *m, enum merge_rule rule, const struct json *scope);
MUST_CHECK enum err_code merge_expiry(struct merge *m, enum merge_rule rule, const struct json *expires);
/* A fragment that names another entity is a mistake (5.4). */
MUST_CHECK enum err_code merge_check_id(const struct merge *m, const struct json *fragment);
/* Append and replace know no Null (5.5.4, 5.6.3, 5.6.18). */
MUST_CHECK enum err_code merge_check_no_null(const struct merge *m, const struct json *fragment);

#endif
