/* Projection: which members of an entity, and of the entities linked to it, are shown.
 * Source: GS CIM 009 V1.9.1 clauses 4.21 (pick, omit), 5.7.1.5, 5.7.2.5, tables 6.4.3.2-1 and 6.5.3.1-1. Pure.
 *
 *   list = term *(("," / "|") term)      term = name ["{" list "}"]
 *
 * A name with braces is a Relationship, the list in them is about the entities that it points to. */
#ifndef MACHI_NGSILD_PROJECTION_H
#define MACHI_NGSILD_PROJECTION_H

#include "ngsild/context.h"
#include "ngsild/linked.h"

#define PROJECTION_TERMS_MAX 1024 /* names in one parameter; more is ERR_TOO_COMPLEX */

struct projection;

struct projection_term {
	struct str name; /* attribute IRI, or a member of the entity: "id", "type", "scope", "createdAt" … */
	struct projection *linked; /* what stands in braces; NULL: no braces */
	bool bare; /* it stands in the list without braces too */
};

struct projection {
	struct projection_term *terms; /* each name once */
	size_t count;
	const struct projection *outer; /* the list whose braces hold this one; NULL: the parameter's own */
};

enum projection_kind {
	PROJECT_MEMBERS, /* pick, omit: "id", "type" and "scope" too */
	PROJECT_ATTRIBUTES /* attrs: attributes, the system's times among them */
};

/* Reads the parameter of this name. levels: of linked entities in the answer (joinLevel; 0: no join). Braces deeper
 * than that are an error (5.7.1.4, 5.7.2.4). Lives in the arena, names copied.
 * Errors: ERR_INVALID naming parameter and character, ERR_TOO_COMPLEX, ERR_MEMORY. */
MUST_CHECK enum err_code projection_new(struct arena *arena, const struct context *context, const char *parameter,
					struct str text, enum projection_kind kind, uint32_t levels,
					const struct projection **ret_projection, struct error *err);

/* Is the name in the list, with braces or without? */
bool projection_names(const struct projection *projection, struct str name);
/* Does an omit leave this name out: without braces in the list or in the parameter's own? (The latter speaks of every
 * entity of the answer, tables 6.4.3.2-1 and 6.5.3.1-1; one in braces of those that its Relationship points to.) */
bool projection_omits(const struct projection *projection, struct str name);
/* The list for the entities that the Relationship of this name points to: the one in its braces, else the parameter's
 * own. NULL stays NULL. */
const struct projection *projection_linked(const struct projection *projection, struct str name);

#endif
