/* Evolutions gathered: asking sources (gather_temporal.c), what becomes of their answers (gather_temporal_merge.c), and
 * entity maps of them (gather_temporal_map.c).
 * Source: GS CIM 009 V1.9.1 clauses 5.7.3.4, 5.7.4.4, 5.14.5.4. Thread: the loop of the call. */
#ifndef MACHI_API_GATHER_TEMPORAL_INT_H
#define MACHI_API_GATHER_TEMPORAL_INT_H

#include "api/forward_int.h"
#include "api/gather_int.h"
#include "api/temporal_int.h"

#define TEMPORAL_PAGE 100u /* evolutions asked of a source at a time */

struct part { /* asked of a source: some entities, a range of time */
	struct source *source;
	struct str parameters; /* but for ids, times and the page */
	struct str ids; /* STR_NONE: none said */
	struct str entity_map; /* the source's own, to be used; STR_NONE: none */
	enum temporal_relation relation;
	int64_t at_us, end_us;
	uint64_t got;
	uint64_t need; /* entities that are wanted at most */
	bool ended; /* nothing more of it is wanted */
	bool more; /* there were others that are not */
};

struct gather_temporal {
	struct temporal_call *t;
	struct call *call;
	struct str id; /* to be retrieved; STR_NONE: it is a query */
	struct query_text text;
	struct asked *asked; /* NULL: a retrieval */
	struct broker_page page;
	struct query *matching; /* owned; what is held against registrations; NULL: nothing */
	struct question question;
	bool split; /* entities may be spread over sources: filters are put here */
	bool whole; /* all instances of the range have to be looked at here */
	uint64_t need; /* entities of each source that are wanted; UINT64_MAX: all */
	bool completing; /* the second look */
	bool map_wanted; /* a new one */
	bool mapping; /* ids are gathered, to make it */
	int64_t map_life_us;
	struct str *linked_maps; /* of each source the map that it has made of its own; STR_NONE: none */
	struct source_list sources;
	struct part *first; /* what each source is asked for, but for what a page of a map changes */
	struct part **parts;
	size_t part_count, part_room;
	size_t next;
	struct forward_round *round;
	struct gather *gather;
	struct broker_temporal_merged merged;
};

/* Copies it. NULL: no memory, or too many. */
struct part *gather_temporal_part(struct gather_temporal *g, const struct part *part);
MUST_CHECK enum err_code gather_temporal_no_memory(struct gather_temporal *g);

/* The sources have been asked for first; goes on with what is in g->parts. */
void gather_temporal_run(struct gather_temporal *g);

/* ---- gather_temporal_map.c ---- */

/* Which map, if any: t->map, g->map_wanted, g->mapping. */
MUST_CHECK enum err_code gather_temporal_map_take(struct gather_temporal *g);
/* Is this source to be asked before anything else is known? By a map that a query names it is asked for a page of it;
 * by one that a retrieval names perhaps not at all (5.7.3.4). */
bool gather_temporal_asks_first(const struct gather_temporal *g, const struct source *source);
/* Does the source make a map of its own (5.14.5.4)? Else it is asked for evolutions, of which the ids are taken. */
bool gather_temporal_makes_map(const struct gather_temporal *g, const struct part *part);
/* An EntityMap, or a list of evolutions. */
MUST_CHECK enum err_code gather_temporal_map_take_ids(struct gather_temporal *g, struct forward *forward,
						      const struct json *body);
/* All ids are there: makes the map, and answers with it or goes on to its page. */
void gather_temporal_map_make(struct gather_temporal *g);
/* The page of t->map that was asked for: asks for its entities alone. */
void gather_temporal_map_page(struct gather_temporal *g);

/* gather_temporal_merge.c: all that is wanted of sources is there. Answers. */
void gather_temporal_finish(struct gather_temporal *g);
/* Adds what is to be asked of sources that had more entities than were wanted: entities that may be on the page, of
 * which they were not among the first. Sets g->completing. */
MUST_CHECK enum err_code gather_temporal_complete(struct gather_temporal *g);

#endif
