/* Shared by the files of representation: the writer and its short ways of appending.
 *
 * Every member is written with a comma behind it; the last one's becomes the closing bracket. So nobody needs to know
 * whether he is the first, whatever was left out before him. */
#ifndef MACHI_NGSILD_REPRESENT_INT_H
#define MACHI_NGSILD_REPRESENT_INT_H

#include "ngsild/attribute_int.h"
#include "ngsild/represent.h"

#include <string.h>

/* An entity that is being written, and the one that it is shown in. */
struct ancestor {
	struct str id;
	const struct ancestor *outer; /* NULL: none */
};

struct writer {
	struct buf *out;
	struct arena *arena;
	const struct represent_options *options;
	enum represent_format format; /* of attributes: never REPRESENT_GEOJSON */
	struct represent_selection show; /* of the entity at hand */
	struct ancestor here; /* the entity at hand */
	uint32_t level; /* entities that it is shown in */
};

/* The short way of buf_put for what fits. */
static inline void put(struct buf *out, struct str text)
{
	if (text.len && !out->failed && out->room - out->len >= text.len) {
		memcpy(out->at + out->len, text.at, text.len);
		out->len += text.len;
	} else {
		buf_put(out, text);
	}
}

/* The comma behind the last member becomes the bracket; an empty container has none. */
static inline void close_with(struct buf *out, char bracket)
{
	if (!out->failed && out->len && out->at[out->len - 1] == ',')
		out->at[out->len - 1] = bracket;
	else
		buf_put_char(out, bracket);
}

/* A key of the core: nothing in it needs escaping. */
static inline void put_key(struct buf *out, struct str key)
{
	put(out, STR("\""));
	put(out, key);
	put(out, STR("\":"));
}

static inline void put_value(struct buf *out, const struct json *value)
{
	if (value->kind == JSON_NUMBER)
		put(out, (struct str){value->text, value->count});
	else
		json_write(out, value);
	put(out, STR(","));
}

/* IRIs as terms: one text, or an array of them. names: of types; else any term of the vocabulary. single: an array of
 * one is written as the text. */
void put_terms(const struct writer *w, const struct json *terms, bool names, bool single);
/* createdAt, and modifiedAt, which documents leave out while it is the same. */
void put_stamps(const struct writer *w, const struct json *node, bool created, bool modified);
/* An attribute's name and value in the writer's format; nothing when no instance is shown. own: the entity's own
 * attribute; the request's datasetId, join and projections speak of these, not of attributes of attributes. */
void put_attribute(const struct writer *w, struct str iri, const struct json *instances, bool own);
/* A member of a normalized instance as it stands in the document. */
void put_instance_member(const struct writer *w, const struct json *instance, const struct json_member *member);
/* An attribute's name with its colon; "scope" stays that. */
void put_attribute_name(const struct writer *w, struct str iri);
/* Is createdAt, modifiedAt or expiresAt of the entity at hand shown? */
bool stamp_shown(const struct writer *w, struct str key);
/* Does the request's datasetId let this instance of an own attribute pass? */
bool dataset_shown(const struct represent_options *o, const struct json *instance);

/* Is this member of the entity shown? attribute: attrs speaks of it too. */
bool is_shown(const struct represent_selection *show, struct str key, bool attribute);
/* The members of a linked entity, id first, between braces. */
void put_linked_entity(const struct writer *w, const struct json *entity);

/* ---- represent_linked.c ---- */

/* Are linked entities to be shown in this instance of an own attribute? */
bool links_wanted(const struct writer *w, const struct json *instance);
/* Appends the member "entity" or "entityList" to an instance; nothing when no linked entity is there (4.5.23.2). */
void put_linked_member(const struct writer *w, struct str iri, const struct json *instance);
/* The simplified value: the linked entities in place of their URIs (4.5.4). */
void put_linked_value(const struct writer *w, struct str iri, const struct json *instance);

#endif
