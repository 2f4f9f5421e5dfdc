/* Shared by the files of expansion. */
#ifndef MACHI_NGSILD_EXPAND_INT_H
#define MACHI_NGSILD_EXPAND_INT_H

#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"

struct expansion {
	struct arena *arena;
	const struct context *context;
	struct json now; /* the stamp of all that comes: one number for all, made once */
	bool nulls; /* NGSI-LD Null may stand for "delete" */
	bool partial; /* the outermost instance may lack type and value */
	bool merge; /* as expand_options says: every instance may, and Null may stand inside values */
	bool simplified; /* as expand_options says */
	bool temporal; /* as expand_options says; never within an attribute */
	bool stamped; /* as expand_options says */
	struct error *err; /* the caller's; may be NULL */
};

/* Name to IRI, its characters checked (4.6.2). */
MUST_CHECK enum err_code expand_name(const struct expansion *x, struct str name, struct str *ret_iri);
/* The IRI of an attribute's name; core members are refused. */
MUST_CHECK enum err_code expand_attribute_name(const struct expansion *x, struct str name, struct str *ret_iri);
/* A text, or a non-empty array of texts, to IRIs; one text stays one text. */
MUST_CHECK enum err_code expand_terms(const struct expansion *x, const struct json *value, bool names,
				      struct str member, struct json *ret);

/* One member of an instance but "type": checked, and as it is stored. kind is NULL when not known. */
MUST_CHECK enum err_code expand_member(const struct expansion *x, const struct attribute_kind *kind, enum member member,
				       const struct json *value, struct json *ret);
/* A DateTime (4.6.3), the decimal comma turned to a point. */
MUST_CHECK enum err_code expand_time(const struct expansion *x, struct str member, const struct json *value,
				     struct json *ret);
/* Nothing in an attribute's value may be null, NGSI-LD Null or an @context. */
MUST_CHECK enum err_code expand_check_value(const struct expansion *x, struct str member, const struct json *value);

/* All instances of one attribute of an entity or instance, in a JSON array, the default instance first. */
MUST_CHECK enum err_code expand_instances(const struct expansion *x, struct str name, const struct json *body,
					  struct json *ret);

/* The same for an attribute in its simplified representation (4.5.4). */
MUST_CHECK enum err_code expand_simplified(const struct expansion *x, struct str name, const struct json *body,
					   struct json *ret);
/* An attribute, or the scope, over time (4.5.6, 4.5.9): all its instances in a JSON array. */
MUST_CHECK enum err_code expand_temporal(const struct expansion *x, struct str name, const struct json *body,
					 struct json *ret);
MUST_CHECK enum err_code expand_temporal_scope(const struct expansion *x, const struct json *body, struct json *ret);
/* The scopes of an entity: always an array, each once (4.18). */
MUST_CHECK enum err_code expand_scopes(const struct expansion *x, const struct json *value, struct json *ret);
/* The value of a proof, an attribute of that very name, is an object (4.5.2.2). */
MUST_CHECK enum err_code expand_check_proof(const struct expansion *x, struct str attribute, const struct json *value);

/* location, observationSpace and operationSpace of an entity are GeoProperties (4.7.1, 5.2.4). Instances that do not
 * say their kind pass when their value could be a geometry or a part of one, those that say Null pass too. */
MUST_CHECK enum err_code expand_check_place(const struct expansion *x, struct str iri, const struct json *instances);

/* Two names may have meant one attribute: no two attributes of an expanded entity or instance are the same. */
MUST_CHECK enum err_code expand_check_attributes(const struct expansion *x, const struct json *parent);

/* No two of these texts are equal; sorts them. */
bool expand_all_differ(struct str *texts, size_t count, struct str *ret_twice);

#define EXPAND_STAMPS 3u /* members that expand_add_stamps() and expand_add_deletion() add at most */
/* createdAt, and where it says something else modifiedAt: now, or what body says (x->stamped). */
MUST_CHECK enum err_code expand_add_stamps(const struct expansion *x, const struct json *body, struct json *object);
/* deletedAt, where an evolution that another broker holds says it. */
MUST_CHECK enum err_code expand_add_deletion(const struct expansion *x, const struct json *body, struct json *object);
/* Does this instance of another broker's evolution say that the attribute was deleted? */
bool expand_is_deletion(const struct expansion *x, const struct json *body);

/* An empty object with room for count members; false when memory is refused (said in x->err). */
MUST_CHECK enum err_code expand_object(const struct expansion *x, size_t count, struct json *ret);
MUST_CHECK enum err_code expand_array(const struct expansion *x, size_t count, struct json *ret);
MUST_CHECK enum err_code expand_add(const struct expansion *x, struct json *object, struct str key, struct json value);
MUST_CHECK enum err_code expand_push(const struct expansion *x, struct json *array, struct json value);

#endif
