/* A query over several sources on its way: gather_query.c, and with an entity map gather_map.c. */
#ifndef MACHI_API_GATHER_QUERY_INT_H
#define MACHI_API_GATHER_QUERY_INT_H

#include "api/gather_int.h"

#define GATHER_IDS 100u /* entities asked for by their ids at a time */
#define GATHER_ALL UINT64_MAX

struct asking { /* of one source */
	struct source *source;
	struct str parameters; /* but for the page and ids */
	struct str ids; /* registered, or asked for; STR_NONE: any */
	struct str entity_map; /* the source's own (4.3.6.7); STR_NONE: none so far */
	uint64_t got, total;
	bool total_known, complete;
	struct forward *forward; /* under way, or to be read; NULL: none */
};

struct gather_query {
	struct call *call;
	struct asked *asked;
	struct query_text text;
	struct query *broad; /* owned; with split: what selects candidates here; else the query itself */
	struct query *matching; /* owned; what is held against registrations */
	struct question question;
	struct broker_page page;
	struct represent_options options;
	bool split; /* entities may be spread over sources */
	bool filtered; /* there is a condition beside ids and types */
	uint64_t page_need; /* entities of each source that the page may show; of the others the ids are enough */
	uint64_t need; /* entities of each source that are wanted; GATHER_ALL */
	struct source_list sources;
	struct asking *asking;
	size_t next;
	struct forward_round *round;
	struct gather *gather;
	uint64_t own_total;
	bool own_complete;
	enum err_code own_code;
	bool completing; /* the second look at the entities of the page */
	struct gathered **matches;
	size_t match_count;
	/* ---- with an entity map ---- */
	bool mapping; /* ids are gathered, to make a map of them */
	bool only_map; /* the map itself is the answer */
	bool made; /* by this request */
	struct entity_map *map; /* a reference; NULL: none, or not yet */
	size_t place; /* behind the places that were looked at */
	size_t *chunk; /* places under way */
	size_t chunk_count;
	const struct json **shown; /* entities of the page */
	size_t *shown_at; /* their places */
	size_t shown_count;
	uint64_t map_matches; /* counted so far */
};

/* ---- gather_query.c ---- */

/* One more request of the round: the source's parameters and these; its ids too unless page says others. */
MUST_CHECK enum err_code gather_request_add(struct gather_query *q, struct asking *asking, const char *path,
					    struct str page);
/* The entities of an answer into the set. ERR_TIMEOUT: suspended. */
MUST_CHECK enum err_code gather_take_answer(struct gather_query *q, struct forward *forward);
void gather_note_page(struct gather_query *q, struct asking *asking, const struct forward *forward, uint32_t count);
bool gather_is_match(const struct gather_query *q, const struct gathered *gathered);

/* ---- gather_map.c ---- */

/* The map that the request names, or the wish for a new one: q->map, q->mapping. */
MUST_CHECK enum err_code gather_map_take(struct gather_query *q);
/* An answer that tells ids: an EntityMap, or entities. ERR_TIMEOUT: suspended. */
MUST_CHECK enum err_code gather_map_take_ids(struct gather_query *q, struct forward *forward);
/* All ids are there: makes the map, and answers with it or goes on to its page. */
void gather_map_make(struct gather_query *q);
/* The page of q->map that was asked for. */
void gather_map_page(struct gather_query *q);

#endif
