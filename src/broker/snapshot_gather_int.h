/* A query of a snapshot while it is run, shared by who finds what is here and who asks others.
 * Thread: the snapshots'. */
#ifndef MACHI_BROKER_SNAPSHOT_GATHER_INT_H
#define MACHI_BROKER_SNAPSHOT_GATHER_INT_H

#include "broker/snapshots_int.h"
#include "broker/temporal_int.h"

struct gathering {
	struct broker_reader *reader;
	const struct snapshot_query *asked;
	struct context *context;
	struct snapshot_sink *sink;
	struct arena arena; /* of what is asked */
	struct arena piece;
	struct arena laid; /* of an entity from elsewhere */
	struct store_reader *below; /* what is laid over, of evolutions from elsewhere */
	struct query *query; /* owned */
	struct represent_options represent; /* show and dataset_ids */
	struct temporal_query when;
	struct matching matching;
	struct temporal_reading reading;
	uint64_t found;
	struct buf *warnings;
	enum err_code code;
	struct error *err;
};

/* snapshot_gather.c: an entity, with what the query shows of it, into the sink. False: g->code says why not. */
bool gathering_keep(struct gathering *g, const struct json *entity);
/* A subject of g->reading.store, if it matches; likewise. */
MUST_CHECK enum err_code gathering_take_subject(struct gathering *g, const struct store_subject *subject);

/* snapshot_spread.c: have other context sources a part in it? */
MUST_CHECK enum err_code gathering_is_spread(struct gathering *g, struct str tenant, bool *ret_spread);
/* What they and this broker have. */
MUST_CHECK enum err_code gathering_ask_all(struct gathering *g, struct str tenant);

#endif
