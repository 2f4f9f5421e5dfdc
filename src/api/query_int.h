/* Queries, shared by the files that read what is asked for (query.c, query_post.c, query_ask.c), write pages (query.c,
 * paging.c) and keep entity maps (entity_maps.c). */
#ifndef MACHI_API_QUERY_INT_H
#define MACHI_API_QUERY_INT_H

#include "api/api_int.h"
#include "broker/entity_map.h"
#include "ngsild/registration.h"
#include "ngsild/temporal.h"

/* What a request asks for: the query, its order, and the marks by which an entity map knows it again. */
struct asked {
	struct query *query; /* owned */
	struct order *order; /* owned; NULL: the order of creation */
	struct entity_map_marks marks;
	bool local; /* this broker alone is meant (5.5.13) */
};

/* ---- question.c ---- */

/* What is asked, and what has to be let go of. */
struct question {
	struct registration_question asked;
	struct query *query, *csf; /* owned */
	struct temporal_query temporal;
	struct str *attributes, *datasets; /* in the call's arena */
};

void question_done(struct question *question);
/* From the parameters attrs and pick; datasetId; timerel and its kin. call->context is there. */
MUST_CHECK enum err_code question_take_attributes(struct call *call, struct question *question);
MUST_CHECK enum err_code question_take_datasets(struct call *call, struct question *question);
MUST_CHECK enum err_code question_take_temporal(struct call *call, struct question *question);
MUST_CHECK enum err_code question_take_csf(struct call *call, struct question *question);

/* query_ask.c: reads it from text and the call's parameters. Answers the request itself when it returns false. */
bool query_ask(struct call *call, struct query_text *text, struct asked *ret_asked);
void asked_done(struct asked *asked);
/* Marks the query as one of evolutions, at these times and of these members: another is another query. */
void asked_mark_temporal(const struct call *call, struct asked *asked);
/* The texts of a query that the call's parameters hold. */
struct query_text query_text_of(const struct call *call);

/* query_post.c: the members of the body's Query into the call's parameters, and what they cannot hold into text. */
MUST_CHECK enum err_code query_body_read(struct call *call, struct query_text *text);

/* query.c: where the entities of a page come from: visit is called for each, until it returns false. */
struct page_feed {
	enum err_code (*run)(void *self, bool (*visit)(void *visitor, const struct json *entity), void *visitor,
			     struct broker_page_result *ret_result);
	void *self;
};
/* answer_error() of call->error; a bound on what a query may give or keep in mind is one on its results (4.12). */
void answer_query_error(struct call *call, enum err_code code);
/* Answers with the page, represented as options say. */
void query_page_answer(struct call *call, const struct represent_options *options, const struct broker_page *page,
		       const struct page_feed *feed, int status);

/* paging.c: limit, offset and count. Answers the request itself when it returns false. */
bool page_take(struct call *call, struct broker_page *ret_page);
/* The pointers to other pages and the count; cut: not all of the page was written. */
MUST_CHECK enum err_code page_headers(struct call *call, const struct broker_page *page,
				      const struct broker_page_result *result, bool cut);

/* ---- managed.c: subscriptions and registrations ---- */

/* The document's id, or a new one, which is put in front of it. Answers the request itself when it returns false. */
bool managed_id_make(struct call *call, struct json *document, struct str prefix, struct str *ret_id);
/* The path's variable as the id of a "subscription" or the like. Answers the request itself when it returns false. */
bool managed_id_take(struct call *call, const char *what, struct str *ret_id);
/* What was found, and how each of it is written: its names by context and, where it is not NULL, with member as its
 * "@context". */
struct managed_looks {
	enum err_code (*represent)(struct call *call, struct buf *out, const void *at, size_t i,
				   const struct context *context, const struct json *member);
	const void *at;
	size_t count;
};
/* 200 with the one, or with a page of so many in all; or the error. */
void managed_answer_one(struct call *call, const struct managed_looks *looks);
void managed_answer_page(struct call *call, const struct broker_page *page, const struct managed_looks *looks,
			 uint64_t total);

/* ---- entity_maps.c ---- */

/* The map that the request names or wants into page->map (a reference, which the page then has), made anew where it has
 * to be: *ret_created. Sets the answer's header NGSILD-EntityMap. Without a wish for one, page->map stays NULL. */
MUST_CHECK enum err_code page_map_take(struct call *call, const struct asked *asked, struct broker_page *page,
				       bool *ret_created);
/* The map that the header NGSILD-EntityMap names (a reference; NULL without header), which must be there:
 * ERR_NOT_FOUND. The answer gets the header too. */
MUST_CHECK enum err_code entity_map_named(struct call *call, struct entity_map **ret_map);
/* For the retrieval of one entity (5.7.1.4). */
MUST_CHECK enum err_code entity_map_of_one(struct call *call, struct str id);
/* What a request says of maps: the one that it names (a reference), or that it wants a new one, living so long (0: as
 * long as usual). */
MUST_CHECK enum err_code entity_map_wish(struct call *call, struct entity_map **ret_map, bool *ret_wanted,
					 int64_t *ret_life_us);
/* Pages keep the @context of the map (5.5.9.1): ERR_INVALID. */
MUST_CHECK enum err_code entity_map_check(struct call *call, const struct entity_map *map, const struct asked *asked);
void entity_map_header(struct call *call, const struct entity_map *map);
/* Answers with the map; takes the reference. */
void entity_map_answer(struct call *call, int status, struct entity_map *map);

#endif
