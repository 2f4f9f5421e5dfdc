/* Reading, shared by read.c (readers, one entity), page.c (pages) and order.c (ordered pages, entity maps' makers). */
#ifndef MACHI_BROKER_READ_INT_H
#define MACHI_BROKER_READ_INT_H

#include "broker/broker_int.h"
#include "broker/linked_int.h"

#define READER_STORES_MAX 16 /* store readers kept open; the longest unused one makes room */

struct open_store {
	struct tenant *place; /* held */
	struct store_reader *reader;
	uint64_t used; /* the reader's count of uses at the last one */
};

struct broker_reader {
	struct broker *broker;
	struct json_parser *parser;
	struct arena scratch; /* one candidate at a time */
	struct linked linked; /* to the entities of the read at hand */
	struct open_store open[READER_STORES_MAX];
	uint64_t uses;
	unsigned int gone_seen; /* tenants.gone_count when those that are gone were let go of */
};

/* Our own text: its members are known to be unique. */
MUST_CHECK enum err_code reader_parse(struct broker_reader *reader, struct arena *arena, struct str bytes,
				      struct json **ret_entity, struct error *err);

/* ---- the matches of a query ---- */

/* What every walk over matches needs. */
struct matching {
	struct broker_reader *reader;
	struct store_reader *store_reader;
	const struct query *query;
	int64_t now_us;
	int64_t until_us; /* CLOCK_MONOTONIC; 0: no bound */
	const atomic_bool *stop; /* nobody waits for it any more; NULL: somebody does */
	uint32_t looked; /* candidates since the clock was looked at */
	bool exact; /* every candidate matches and none can have expired: no need to look inside */
	/* Called for each match; entity lies in the reader's scratch. False stops the walk. */
	bool (*visit)(void *self, const struct json *entity);
	void *self;
	enum err_code code; /* what went wrong inside the walk */
	struct error *err;
};

MUST_CHECK enum err_code matching_init(struct matching *matching, struct broker_reader *reader, struct str tenant,
				       const struct query *query, struct error *err);
/* Looked at for each candidate: false when the query has taken all its time, which is then matching's code. */
bool matching_in_time(struct matching *matching);
/* Where the page before this one begins. */
uint64_t page_offset_before(const struct broker_page *page, const struct broker_page_result *result);
/* Every match in the order of creation, but for the first `skip` (which must be 0 unless exact). */
MUST_CHECK enum err_code matching_scan(struct matching *matching, uint64_t skip);
/* One entity by its id: *ret_matches says whether it is there and matches; then visit is called, and *ret_more is what
 * it returned. */
MUST_CHECK enum err_code matching_get(struct matching *matching, struct str id, bool *ret_matches, bool *ret_more);
/* Calls run() while one snapshot of the store is held, in which every call of this reader reads. *ret_run is false when
 * the store has no entity at all: then run() was not called. */
MUST_CHECK enum err_code matching_hold(struct matching *matching, enum err_code (*run)(void *self), void *self,
				       bool *ret_run);

/* ---- order.c ---- */

/* The first `keep` matches in the order (NULL: of creation), as ids. */
struct sorted_entry {
	uint64_t sequence; /* of the match: creation decides between equals */
	uint32_t key_len, id_len;
	char *bytes; /* owned: key, then id */
};

struct sorted {
	struct sorted_entry *entries; /* owned; in order once the walk is over */
	size_t count, room;
	size_t keep;
	uint64_t bytes; /* of all entries */
	uint64_t bytes_max, count_max; /* more than these to keep: ERR_LIMIT */
	uint64_t matches; /* all */
	const struct order *order;
	struct arena *scratch;
	struct buf key;
	bool heap; /* keep entries are there: the greatest is the first */
	struct matching *matching;
};

void sorted_init(struct sorted *sorted, struct matching *matching, const struct order *order, uint64_t keep);
void sorted_done(struct sorted *sorted);
/* For struct matching: visit, with a struct sorted as self. */
bool sorted_take(void *self, const struct json *entity);
void sorted_finish(struct sorted *sorted); /* puts the entries in order */
struct str sorted_id(const struct sorted *sorted, size_t at);

/* A page in page->order. */
MUST_CHECK enum err_code order_page(struct matching *matching, const struct broker_page *page,
				    struct broker_page_result *ret_result);

/* ---- entity_map.c ---- */

/* How a candidate of a map is looked at: does it match? Shown, it goes onto the page then; *ret_more false: nothing
 * behind it does. */
struct map_look {
	enum err_code (*run)(void *self, struct str id, bool shown, bool *ret_matches, bool *ret_more);
	void *self;
	struct map ids; /* that the query names: others are not looked at, a map has many more; empty: any */
};
MUST_CHECK enum err_code map_look_init(struct map_look *look, const struct query *query,
				       enum err_code (*run)(void *self, struct str id, bool shown, bool *ret_matches,
							    bool *ret_more),
				       void *self, struct error *err);
void map_look_done(struct map_look *look); /* also when it could not be made */
/* A page of an entity map in the map's own order, within a snapshot that the caller holds. */
MUST_CHECK enum err_code map_look_page(const struct map_look *look, const struct broker_page *page,
				       struct broker_page_result *ret_result);
/* The same of entities, for matching's visit. */
MUST_CHECK enum err_code map_page(struct matching *matching, const struct broker_page *page,
				  struct broker_page_result *ret_result);
/* Every entity of a map that still matches, to matching's visit. */
MUST_CHECK enum err_code map_walk(struct matching *matching, struct entity_map *map, bool trims);

#endif
