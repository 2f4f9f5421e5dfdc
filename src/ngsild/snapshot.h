/* Snapshots as documents: what a client may say of one, and how it gets it to see.
 *
 * The document is the client's, names as IRIs (snapshot_rename()), without "@context"; what the system adds to it is
 * the state. The members of its queries (5.2.23) are looked at by who runs them.
 * Source: GS CIM 009 V1.9.1 clauses 4.9, 5.2.22, 5.2.23, 5.2.41, 5.2.42, 5.5.8, 5.16. Pure. */
#ifndef MACHI_NGSILD_SNAPSHOT_H
#define MACHI_NGSILD_SNAPSHOT_H

#include "ngsild/context.h"
#include "ngsild/query.h"
#include "json/json.h"

#define SNAPSHOT_QUERIES_MAX 64u /* of either kind in one document; more is ERR_TOO_COMPLEX */
#define SNAPSHOT_PRIORITY_DEFAULT 5
#define SNAPSHOT_PRIORITY_MAX 10

/* What a document is sent for: all of them say different things of which members there must be. */
enum snapshot_use { SNAPSHOT_TO_CREATE, SNAPSHOT_TO_CLONE, SNAPSHOT_TO_UPDATE };

/* Data types, cardinalities and restrictions (table 5.2.41-1). ERR_INVALID names the member; ERR_TOO_COMPLEX. The
 * members of table 5.2.41-2 and those that nobody knows are passed over. */
MUST_CHECK enum err_code snapshot_check(const struct json *document, enum snapshot_use use, struct error *err);
/* What is kept of a checked document that is no fragment. In the arena, sharing its nodes. */
MUST_CHECK enum err_code snapshot_keep(struct arena *arena, const struct json *document, struct json **ret_document,
				       struct error *err);
/* A checked fragment put over a document (5.5.8). In the arena, sharing nodes with both. ERR_INVALID: it names another
 * id, or what comes out is none. */
MUST_CHECK enum err_code snapshot_merge(struct arena *arena, const struct json *document, const struct json *fragment,
					struct json **ret_document, struct error *err);
/* The document with the names in its queries under another @context; to NULL: as IRIs. What q, the order and the lists
 * that go with q say stays as it is. */
MUST_CHECK enum err_code snapshot_rename(struct arena *arena, const struct json *document, const struct context *from,
					 const struct context *to, struct json **ret_document, struct error *err);

enum snapshot_status {
	SNAPSHOT_PREPARING,
	SNAPSHOT_SUCCESS,
	SNAPSHOT_PARTIAL,
	SNAPSHOT_FAILURE,
	SNAPSHOT_EMPTY,
	SNAPSHOT_STATUS_COUNT
};
struct str snapshot_status_name(enum snapshot_status status);
/* SNAPSHOT_STATUS_COUNT: it is none. */
enum snapshot_status snapshot_status_named(struct str name);

struct snapshot_state { /* table 5.2.41-2 */
	enum snapshot_status status;
	int64_t created_us, modified_us, expires_us, last_used_us;
	/* Arrays of ExecutionResultDetails; NULL: there is none. */
	const struct json *details, *temporal_details;
};

/* The document as clients get it: names compacted from own_context by context, with what state says; context_value:
 * its "@context", NULL: it has none. */
MUST_CHECK enum err_code snapshot_represent(struct buf *out, struct arena *arena, const struct json *document,
					    const struct context *own_context, const struct snapshot_state *state,
					    const struct context *context, const struct json *context_value,
					    struct error *err);

/* Does the query speak of members of the data type Snapshot alone, by their names under this @context (4.9)? */
bool snapshot_query_fits(const struct query *query, const struct context *context, struct arena *arena);
/* An entity that has the members as Properties, for query_matches(). In the arena. */
MUST_CHECK enum err_code snapshot_members(struct arena *arena, const struct json *document,
					  const struct snapshot_state *state, const struct context *context,
					  struct json **ret_entity, struct error *err);

#endif
