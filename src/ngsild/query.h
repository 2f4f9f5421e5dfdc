/* Queries: the one evaluator of types, ids, attributes, q, geo and scope, and what a store may narrow by.
 * Source: GS CIM 009 V1.9.1 clauses 4.9 (q), 4.10 (geoQ), 4.17 (type selection), 4.18–4.19 (scope), 5.2.23.
 * Pure. A struct query is immutable once built and belongs to one thread (its geo matcher holds GEOS scratch). */
#ifndef MACHI_NGSILD_QUERY_H
#define MACHI_NGSILD_QUERY_H

#include "geo/geo.h"
#include "ngsild/context.h"
#include "ngsild/document.h"
#include "ngsild/linked.h"

#define QUERY_Q_TERMS_MAX 256 /* terms in one q; more is ERR_TOO_COMPLEX */
#define QUERY_Q_DEPTH_MAX 32 /* nested parentheses */
#define QUERY_IDS_MAX 1000
#define QUERY_SELECTORS_MAX 256
#define QUERY_PATTERN_BYTES_MAX 512

/* One of several selectors (5.2.33). Of ids and id_pattern the ids count. */
struct query_selector {
	struct str ids, id_pattern, type; /* as in struct query_text */
};

/* The texts as a client sends them, percent-decoding done; STR_NONE when absent. */
struct query_text {
	/* An entity fits one of these at least, beside the conditions below; count 0: no such condition. Borrowed. */
	const struct query_selector *selectors;
	size_t selector_count; /* at most QUERY_SELECTORS_MAX, else ERR_TOO_COMPLEX */
	struct str ids; /* comma-separated URIs */
	struct str id_pattern; /* POSIX extended regular expression */
	struct str type; /* type selection: , | ; ( ) */
	struct str attrs; /* comma-separated names: the entity has at least one of them */
	struct str q;
	struct str expand_values; /* names of attributes: in q, texts compared with them stand also for their IRIs */
	struct str json_keys; /* names of attributes that expand_values does not touch */
	/* Levels of linked entities in the answer (joinLevel; 0: no join): braces in q and attrs that go deeper are
	 * ERR_INVALID. */
	uint32_t linked_levels;
	struct str scope_q;
	struct str georel; /* "near;maxDistance==1000", "within", … */
	struct str geometry; /* "Point", … */
	struct str coordinates; /* JSON array text */
	struct str geoproperty; /* name; default "location" */
};

struct query;

/* Builds in the arena; names are expanded with context. The parser is the thread's (for coordinates).
 * Errors: ERR_INVALID naming the parameter and the character position, ERR_TOO_COMPLEX, ERR_UNSUPPORTED, ERR_MEMORY.
 * query_done() releases what the arena does not hold (regular expressions, GEOS); call it when the query is over. */
MUST_CHECK enum err_code query_new(struct arena *arena, struct json_parser *parser, const struct query_text *text,
				   const struct context *context, struct query **ret_query, struct error *err);
void query_done(struct query *query); /* NULL is fine */

/* The same q with its names of attributes and types, which from expands, as to compacts them. In the arena. A name that
 * to has no short form for stands as its IRI, which 4.9 has no place for. Errors as query_new(). */
MUST_CHECK enum err_code query_rename_q(struct arena *arena, struct json_parser *parser, struct str q,
					const struct context *from, const struct context *to, struct str *ret_q,
					struct error *err);

/* Does the entity (expanded document) match all of it? Terms on linked entities hold for none. */
bool query_matches(const struct query *query, const struct json *entity);
/* The same, with the entities that linked knows of. What find() gives is not kept. */
bool query_matches_linked(const struct query *query, const struct json *entity, const struct linked_source *linked);

/* Types, ids and selectors alone: what an entity is asked for whatever its attributes were. */
bool query_selects(const struct query *query, const struct json *entity);
/* Do q or the geo-query look into this attribute (IRI)? */
bool query_reads(const struct query *query, struct str attribute_iri);
/* Is there a scope query, and do these scopes (an array of texts) meet it? True when there is none. */
bool query_asks_scope(const struct query *query);
bool query_scopes_match(const struct query *query, const struct json *scopes);

/* Do attrs or q name at least one attribute that is none of the system's own (createdAt, modifiedAt, deletedAt and, by
 * 4.22, expiresAt)? One that does not is too wide to stand alone (5.7.2.4 b, c). */
bool query_names_attribute(const struct query *query);
/* Calls visit for the first name of each path in q (IRIs, or core members' names) until it returns false. Returns
 * whether it never did. */
bool query_each_name(const struct query *query, bool (*visit)(void *self, struct str name), void *self);

/* What any match must satisfy, all of it together (a conjunction): a store uses as much as it likes to find
 * candidates and query_matches() decides. Filled by query_new, borrowed from the query. */
enum narrow_op { NARROW_EXISTS, NARROW_RANGE };

struct narrow_attribute {
	struct str attribute_iri;
	enum narrow_op op;
	/* NARROW_RANGE over numbers (is_text false) or texts in byte order; both ends inclusive, may be open. */
	bool is_text;
	bool has_low, has_high;
	double low_number, high_number;
	struct str low_text, high_text;
};

struct narrow {
	const struct str *type_iris; /* any of these; NULL with count 0: every type */
	size_t type_count;
	const struct str *ids; /* any of these; count 0: every id */
	size_t id_count;
	struct str id_prefix; /* literal start that idPattern demands; STR_NONE: none */
	const struct narrow_attribute *attributes; /* each must hold */
	size_t attribute_count;
	struct str geo_attribute_iri; /* with geo_box: its GeoProperty overlaps the box; STR_NONE: no geo narrowing */
	struct geo_box geo_box;
	/* Some scope equals it or lies below it; STR_NONE: none. It begins with "/"; a document's scope that does not
	 * (4.18 allows both) counts as if it did. */
	struct str scope_prefix;
	/* The id is one of these or a type is one of those (several selectors); both counts 0: no such condition. */
	const struct str *either_ids;
	size_t either_id_count;
	const struct str *either_type_iris;
	size_t either_type_count;
	uint64_t skip; /* so many candidates are passed over, unread, before the first visit; not when counting */
	bool exact; /* types and ids say it all: every candidate is a match, no document need be read to count */
};

const struct narrow *query_narrow(const struct query *query);

/* Every number and text that NARROW_RANGE means when it speaks of an attribute, given the array of its instances:
 * values, elements of array values, texts of languageMaps, Relationship objects, vocab terms. A store that narrows by
 * ranges must index all of them (of long texts a prefix, as it sees fit); NARROW_EXISTS holds also where there is none.
 * Stops when visit returns false. */
void query_each_narrow_value(const struct json *instances, bool (*visit)(void *self, const struct json *scalar),
			     void *self);

#endif
