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

/* Two names may have meant one attribute: no two attributes of an expanded entity or instance are the same. */
MUST_CHECK enum err_code expand_check_attributes(const struct expansion *x, const struct json *parent);

/* No two of these texts are equal; sorts them. */
bool expand_all_differ(struct str *texts, size_t count, struct str *ret_twice);

/* An empty object with room for count members; false when memory is refused (said in x->err). */
MUST_CHECK enum err_code expand_object(const struct expansion *x, size_t count, struct json *ret);
MUST_CHECK enum err_code expand_array(const struct expansion *x, size_t count, struct json *ret);
MUST_CHECK enum err_code expand_add(const struct expansion *x, struct json *object, struct str key, struct json value);
MUST_CHECK enum err_code expand_push(const struct expansion *x, struct json *array, struct json value);

#endif
