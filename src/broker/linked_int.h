/* The entities that those of one read link to (GS CIM 009 V1.9.1 clause 4.5.23), found once each: what a query that
 * reaches into linked entities asks for, and what answers with join show. Belongs to a reader. */
#ifndef MACHI_BROKER_LINKED_INT_H
#define MACHI_BROKER_LINKED_INT_H

#include "base/map.h"
#include "broker/broker_int.h"

/* Asked for while one entity is matched and shown, each as often as asked: beyond, the read fails with
 * ERR_TOO_COMPLEX. Links that lead round and round are followed no further than joinLevel, but that is far where each
 * entity links to many. */
#define LINKED_FINDS_MAX 200000u
#define LINKED_BYTES_MAX ((size_t)256 << 20) /* of the trees that one entity needs */
#define LINKED_KEEP_BYTES ((size_t)32 << 20) /* trees that may stay for the entities to come */

struct linked {
	struct arena trees; /* documents */
	struct map by_id; /* struct linked_entity; an id that is not there has one too */
	bool begun;
	struct store_reader *store;
	struct json_parser *parser;
	int64_t now_us;
	uint32_t finds; /* since linked_next() */
	enum err_code code; /* why the latest find said NULL: ERR_OK when there is no such entity */
	struct error error;
};

void linked_init(struct linked *linked);
void linked_done(struct linked *linked);

/* Around one read. Between them the store's reader and parser are used. */
void linked_begin(struct linked *linked, struct store_reader *store, struct json_parser *parser, int64_t now_us);
void linked_end(struct linked *linked);
/* The read turns to its next entity: what was found before may go. */
void linked_next(struct linked *linked);
/* For struct linked_source; self is a struct linked. Alive until linked_next(). */
const struct json *linked_find(void *self, struct str id);

#endif
