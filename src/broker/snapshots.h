/* Snapshots (GS CIM 009 V1.9.1, 4.3.7, 5.16): what queries find, put into a store of its own beside the tenant's, on
 * which every operation on entities works as on a tenant (5.5.15).
 *
 * A snapshot is a record among those of its tenant, which says what is to be in it, how far that has come and when it
 * ends; and a place (broker.h) once it is there: DATA/snapshots/TENANT@DIGITS.db, or a store in memory. A thread makes
 * what was asked for, one snapshot after the other. What it has half made when the program ends is made anew from the
 * start at the next one; until it is whole nobody sees anything of it. It also deletes what has expired. Thread: any,
 * but where said. */
#ifndef MACHI_BROKER_SNAPSHOTS_H
#define MACHI_BROKER_SNAPSHOTS_H

#include "broker/broker.h"
#include "ngsild/snapshot.h"
#include "ngsild/temporal.h"

#define BROKER_SNAPSHOTS_MAX 64u /* of all tenants: each has a store with a writer's thread. More are ERR_LIMIT */
#define BROKER_SNAPSHOT_LIFE_S_MAX 2592000u /* 30 days, where no other bound is configured */
#define BROKER_SNAPSHOT_LIFE_S_DEFAULT 86400u /* where the client asks for none */
#define BROKER_SNAPSHOT_ID_BYTES_MAX 1024u /* it stands in headers */
#define BROKER_SNAPSHOT_BYTES_MAX ((size_t)1 << 20) /* of one as JSON */

/* ---- what a snapshot is made of ---- */

/* A query as texts, so that it can be kept, run later, and sent to others. Names in them are those of the snapshot's
 * @context. */
struct snapshot_query {
	struct query_text text; /* without linked_levels */
	struct str pick, omit; /* as the parameters of these names; text.attrs says what is shown, too */
	struct str dataset_id; /* likewise */
	bool temporal; /* evolutions, not entities */
	struct temporal_text when; /* then: which instances */
	/* The same as a client says it (5.2.23), and its "@context" (NULL: the core), for other context sources. NULL:
	 * this broker alone is asked. */
	const struct json *document, *context_value;
};

/* A query that other context sources have a part in, for who runs it as a client's (5.7.2.4, 5.7.4.4):
 * broker_options.ask. */
struct snapshot_asking {
	struct str tenant;
	const struct json *query; /* of type Query, with what selects entities and instances alone */
	bool temporal; /* it has a temporalQ: evolutions are asked for */
	const struct json *context_value; /* of the names in it; NULL: the core */
	struct json_parser *parser; /* the calling thread's */
	/* Takes an entity as an answer has it: normalized, with the times of the system, names by that @context. It may
	 * come twice, and an evolution in several parts. False: it takes no more, and ask() may return anything. */
	bool (*take)(void *self, const struct json *entity);
	bool (*is_over)(const void *self); /* nobody wants it any more: ask() returns ERR_CONFLICT soon */
	void *self;
	struct buf *warnings; /* for sentences about those that have not given what they should */
};

/* Where what was found goes. */
struct snapshot_sink;

/* Runs one query on a tenant and hands all that it finds to the sink: what this broker has, and where registrations
 * match, what their sources give. This is the one place that decides where a snapshot's contents come from.
 * *ret_found: entities, or evolutions; warnings: as in struct snapshot_asking.
 * Errors: those of a query; those of the sink, which a caller gives up at (snapshot_sink_failed()). */
MUST_CHECK enum err_code snapshot_gather(struct broker_reader *reader, struct str tenant,
					 const struct snapshot_query *query, struct context *context,
					 struct snapshot_sink *sink, struct buf *warnings, uint64_t *ret_found,
					 struct error *err);

/* An entity (an expanded document, copied). One that is there already gets the attributes that this one has. */
MUST_CHECK enum err_code snapshot_sink_entity(struct snapshot_sink *sink, const struct json *entity, struct error *err);
/* Instances of one series of a subject, each with its document, in the order of time; those that are there already are
 * passed over. Nothing of it is kept. */
struct store_instance;
MUST_CHECK enum err_code snapshot_sink_series(struct snapshot_sink *sink, struct str id, const struct str *types,
					      size_t type_count, struct str attribute_iri, struct str dataset_id,
					      const struct store_instance *instances, size_t count, struct error *err);
bool snapshot_sink_failed(const struct snapshot_sink *sink); /* it takes nothing more */

/* ---- changing (asynchronous, as broker_write) ---- */

enum snapshot_operation { SNAPSHOT_CREATE, SNAPSHOT_CLONE, SNAPSHOT_UPDATE, SNAPSHOT_DELETE };

struct snapshot_write {
	struct store_write store_write; /* the broker's, as all down to operation */
	struct broker *broker;
	struct tenant *tenant;
	struct snapshot *made;
	struct subscribed *receiver;
	struct str text; /* the record, as it will be */
	enum snapshot_operation operation;
	struct str id; /* of what is made, or meant */
	struct str source; /* SNAPSHOT_CLONE: of what */
	/* SNAPSHOT_CREATE, _CLONE: a whole document that snapshot_check() took, its id among its members, names as
	 * IRIs; _UPDATE: a fragment. Without "@context". */
	const struct json *document;
	const struct json *context_value; /* SNAPSHOT_CREATE: its "@context"; NULL: the core */
	const struct snapshot_query *queries; /* SNAPSHOT_CREATE: in the document's order, temporal ones last */
	size_t query_count;
	struct arena *arena; /* the caller's, used by the writer's thread until done() */
	/* Writer's thread, once, when ERR_OK was returned. ERR_EXISTS; ERR_NOT_FOUND; ERR_CONFLICT: what is to be
	 * cloned is not ready; ERR_LIMIT: there are as many as there may be; ERR_INVALID: a wrong endpoint. */
	void (*done)(struct snapshot_write *write, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* ERR_TENANT, ERR_UNSUPPORTED: snapshots are not offered. */
MUST_CHECK enum err_code broker_snapshot_submit(struct broker *broker, struct str tenant, struct snapshot_write *write,
						struct error *err);

/* ---- using ---- */

/* Its place, for an operation on it, held until broker_place_release(); it counts as used now. ERR_NOT_FOUND: there is
 * no such snapshot, or it came to nothing; ERR_CONFLICT: it is not ready; ERR_TENANT. */
MUST_CHECK enum err_code broker_snapshot_hold(struct broker *broker, struct str tenant, struct str id,
					      struct tenant **ret_place, struct error *err);

struct snapshot_look { /* in the arena asked for */
	const struct json *document; /* names as IRIs */
	struct snapshot_state state;
};
/* parser: the calling thread's. ERR_NOT_FOUND, ERR_TENANT. */
MUST_CHECK enum err_code broker_snapshot_get(struct broker *broker, struct str tenant, struct str id,
					     struct json_parser *parser, struct arena *arena, struct snapshot_look *ret,
					     struct error *err);
/* The ids of all of a tenant, in the arena, in byte order. ERR_TENANT. */
MUST_CHECK enum err_code broker_snapshot_list(struct broker *broker, struct str tenant, struct arena *arena,
					      struct str **ret_ids, size_t *ret_count, struct error *err);

/* How many there are now, and how many were made since the start, well or not. */
struct broker_snapshot_stats {
	uint64_t snapshots, made, failed;
};
void broker_snapshot_stats(struct broker *broker, struct broker_snapshot_stats *ret);

#endif
