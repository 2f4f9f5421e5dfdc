/* From the expanded document to what clients get: names compacted, system attributes shown or not.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.1–4.5.5, 4.5.16–4.5.17, 4.5.23, 4.8, 4.15, 4.21, 6.3.7. Pure. */
#ifndef MACHI_NGSILD_REPRESENT_H
#define MACHI_NGSILD_REPRESENT_H

#include "ngsild/context.h"
#include "ngsild/document.h"
#include "ngsild/language.h"
#include "ngsild/projection.h"

enum represent_format { REPRESENT_NORMALIZED, REPRESENT_CONCISE, REPRESENT_SIMPLIFIED, REPRESENT_GEOJSON };

/* What an entity shows; NULL: everything. */
struct represent_selection {
	const struct projection *attrs; /* of its attributes */
	const struct projection *pick; /* of all its members */
	const struct projection *omit;
};

#define REPRESENT_LINKED_MAX 100000 /* linked entities in one answer, each as often as it is shown */

/* Linked entities shown within the entities that link to them (4.5.23.2). One for each answer. */
struct represent_links {
	struct linked_source source;
	uint32_t levels; /* of linked entities; at most LINKED_LEVELS_MAX */
	const struct str *met; /* ids that count as encountered already (containedBy) */
	size_t met_count;
	uint32_t shown; /* linked entities so far: over REPRESENT_LINKED_MAX the buffer fails with ERR_LIMIT */
};

struct represent_options {
	const struct context *context;
	enum represent_format format;
	bool sys_attrs; /* createdAt and modifiedAt shown */
	struct represent_selection show;
	const struct str *dataset_ids; /* only these instances of attributes, "@none" the default one; NULL: all */
	size_t dataset_count;
	const struct language_filter
		*language; /* LanguageProperties become Properties in one language; NULL: they stay */
	struct represent_links *links; /* NULL: Relationships name their objects and no more */
	/* REPRESENT_GEOJSON: a Feature. Its geometry comes from this GeoProperty (IRI), of the first instance that
	 * dataset_ids name, without them the default one; null when there is none (4.5.16.1). Its properties are
	 * written in properties_format (normalized, concise or simplified). */
	struct str geometry_property;
	enum represent_format properties_format;
	/* Entities as this version of the standard knows them (4.3.6.8), 100 × major + minor; 0: as they are. */
	unsigned int version;
	const struct json *context_value; /* written as the member "@context"; NULL: not written (Link header) */
};

/* Appends the JSON text of one entity to out; arena holds scratch. Beside what documents hold it may have what
 * notifications tell (5.8.6): NGSI-LD Null as the scope, as an instance's value or in place of an instance,
 * previousValue and its like, and deletedAt as a text. A buffer that cannot take it stays failed, for
 * buf_check() to tell once at the end. Errors: ERR_INTERNAL for a properties_format that is none. */
MUST_CHECK enum err_code represent_entity(struct buf *out, struct arena *arena, const struct json *entity,
					  const struct represent_options *options, struct error *err);

/* Is this member of the entity shown? attribute: attrs speaks of it too, as of the scope. */
bool represent_shows(const struct represent_selection *show, struct str key, bool attribute);

/* Calls visit for every entity that a Relationship or ListRelationship of this entity points to, as far as options show
 * it, in the answer's order; an id comes as often as it is pointed to. show is what options show of that entity. Stops
 * when visit returns false. Looks at the entity's own attributes, not at attributes of attributes. */
void represent_each_link(const struct json *entity, const struct represent_options *options,
			 bool (*visit)(void *self, struct str id, const struct represent_selection *show), void *self);

/* The name of a type or attribute in answers: compacted, or the IRI where clients could not send that back as a name
 * (4.6.2). Borrowed from the context or the iri, or in the arena. */
struct str represent_name(const struct context *context, struct arena *arena, struct str iri);

#endif
