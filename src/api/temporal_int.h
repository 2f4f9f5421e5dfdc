/* Requests for evolutions, shared by temporal_read.c (what this broker has) and gather_temporal*.c (what others have).
 * Source: GS CIM 009 V1.9.1 clauses 5.7.3, 5.7.4, 6.3.10. Thread: the loop of the call. */
#ifndef MACHI_API_TEMPORAL_INT_H
#define MACHI_API_TEMPORAL_INT_H

#include "api/query_int.h"
#include "broker/temporal.h"

/* What a request for evolutions says beside its query. */
struct temporal_call {
	struct call *call;
	struct temporal_query query;
	struct represent_options represent;
	struct temporal_options form;
	struct broker_temporal_ask ask;
	struct arena arena; /* of what is read: more than a request's own may hold */
	struct entity_map *map; /* a reference: what the page is of; NULL: no map */
	bool only_map; /* a new map itself is the answer */
	bool made; /* the map is one that this request has made */
	/* What makes a map of the one entity that was read, or sees to the one that is named (5.7.3.4). */
	enum err_code (*map_of_one)(struct temporal_call *t, struct str id);
	void *self; /* of its */
};

/* Whose instances this broker's are (temporal_mark()); untouched when the tenant is not there. */
MUST_CHECK enum err_code temporal_holder(struct call *call, struct str *ret_holder);

/* Answer with the evolution of the entity, or with a page of evolutions, as the ask says; or with the problem. What
 * sources have to be warned of goes along. */
void temporal_answer_one(struct temporal_call *t, struct str id);
void temporal_answer_page(struct temporal_call *t, const struct asked *asked, struct broker_page *page);
void temporal_answer_failure(struct temporal_call *t, enum err_code code);

/* temporal_map.c: entity maps (5.7.4.4, 5.14.5). */

/* The map that the request names (a reference), or the wish for a new one, living so long. */
MUST_CHECK enum err_code temporal_map_wish(struct temporal_call *t, const struct asked *asked, bool *ret_wanted,
					   int64_t *ret_life_us);
/* The ids of what matches the query here; ids are copied into the arena. */
MUST_CHECK enum err_code temporal_map_own_ids(struct temporal_call *t, const struct query *query,
					      const struct order *order, struct arena *arena,
					      const struct str **ret_ids, size_t *ret_count);
/* The page is one of t->map. Sets the answer's header. */
void temporal_map_use(struct temporal_call *t, const struct asked *asked, struct broker_page *page);
/* Both for this broker alone: t->map where there is to be one. */
MUST_CHECK enum err_code temporal_map_take(struct temporal_call *t, const struct asked *asked,
					   struct broker_page *page);
/* 201 with t->map, for which alone was asked. */
void temporal_map_answer(struct temporal_call *t);

/* gather_temporal.c: the same of this broker and other sources. t and asked live as long as the call; asked is
 * released with it. */
void gather_temporal_one(struct temporal_call *t, struct str id);
void gather_temporal_page(struct temporal_call *t, const struct query_text *text, struct asked *asked,
			  const struct broker_page *page);

#endif
