/* Entities put together from what this broker and other context sources hold of them, for reading operations.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6.7, 4.5.5, 5.7.1.4, 5.7.2.4. Thread: the loop of the call. */
#ifndef MACHI_API_GATHER_INT_H
#define MACHI_API_GATHER_INT_H

#include "api/forward_int.h"
#include "api/query_int.h"
#include "base/map.h"
#include "ngsild/union.h"

#define GATHER_ENTITIES_MAX 100000u /* of one request; more is ERR_LIMIT */
#define GATHER_IDS_MAX 1000000u /* of which only the ids are kept, to count them; likewise */
#define GATHER_PAGE 1000u /* entities asked of a source at a time */

struct gathered { /* one entity; all of it in the call's arena */
	struct str id;
	struct union_version *versions; /* those that are not auxiliary first */
	struct source **holders; /* of each version; NULL: this broker */
	size_t count, room;
	struct json *entity; /* put together; NULL: not yet, or nothing is left of it */
	bool united;
	bool ids_only; /* that it is there is all that is known */
};

struct gather {
	struct call *call;
	struct map by_id; /* struct gathered */
	struct gathered **at; /* in the order in which they were found */
	size_t count, room;
	size_t versions; /* of all */
	bool parts; /* a source may give an entity in several parts: of its evolution */
};

MUST_CHECK enum err_code gather_new(struct call *call, struct gather **ret_gather);
/* holder NULL: this broker's own. */
MUST_CHECK enum err_code gather_add(struct gather *gather, struct json *entity, struct source *holder);
/* That a holder has an entity, without what it is. */
MUST_CHECK enum err_code gather_add_id(struct gather *gather, struct str id, struct source *holder);
/* Puts its versions together (4.5.5): gathered->entity. */
MUST_CHECK enum err_code gather_unite(struct gather *gather, struct gathered *gathered);
/* Linked entities (4.5.23): of those gathered, else of this broker's own. */
struct linked_source gather_linked(struct gather *gather);

/* gather_holders.c: an entity map of all that was gathered, with linked_maps (NULL: none) in the order of sources. */
MUST_CHECK enum err_code gather_map_new(const struct gather *gather, const struct source_list *sources,
					const struct str *linked_maps, const struct entity_map_marks *marks,
					int64_t life_us, struct entity_map **ret_map);
/* May this source hold the entity? A map (NULL: none) that knows the entity says which do. */
bool gather_map_allows(const struct entity_map *map, struct str id, const struct source *source);

/* All constraints of a registration are to be respected (4.3.6.1): takes out of what a source gives what lies beyond
 * them. False: it is none of what it was registered for. */
bool gather_keep_registered(const struct source *source, struct json *entity);
/* What a source has said an entity is: expanded, and with those attributes alone for which it was registered; NULL when
 * it is none of what it was registered for. Errors: ERR_INVALID, it is no entity; ERR_MEMORY. */
MUST_CHECK enum err_code gather_expand(struct forward *forward, const struct json *body, struct context *context,
				       struct json **ret_entity);
/* The same of an EntityTemporal. */
MUST_CHECK enum err_code gather_expand_temporal(struct forward *forward, const struct json *body,
						struct context *context, struct json **ret_evolution);

/* ---- what is asked of a source: no more than it was registered for (4.3.6.1) ---- */

struct narrowed { /* parameter values, names by the @context that the request goes with; STR_NONE: none */
	struct str type, ids, id_pattern, attrs;
};

/* asked: what the client asks for (NULL: nothing but match); text: its texts, for the idPattern. */
MUST_CHECK enum err_code gather_narrow(struct call *call, struct source *source,
				       const struct registration_question *match, const struct query_text *text,
				       const struct context *names, struct narrowed *ret);

/* gather_query.c: answers with the problem, and what sources have to be warned of. */
void gather_fail(struct call *call, enum err_code code);
/* gather_query.c: may entities be spread over sources (splitEntities, sources.split_entities)? */
bool gather_is_split(const struct call *call);
/* The conditions of a query beside ids and types, as parameters. */
void gather_put_filters(const struct call *call, const struct query_text *text, struct buf *out);

/* gather_query.c: the query, and the page that was asked for of it, of all sources; or the entity map made of it
 * (5.14.4). asked is taken. */
void gather_query(struct call *call, const struct query_text *text, struct asked *asked, const struct broker_page *page,
		  const struct represent_options *options, bool only_map);
/* gather_retrieve.c */
void gather_retrieve(struct call *call, struct str id);

#endif
