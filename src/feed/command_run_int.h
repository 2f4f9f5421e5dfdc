/* What the files of commands at work share. */
#ifndef MACHI_FEED_COMMAND_RUN_INT_H
#define MACHI_FEED_COMMAND_RUN_INT_H

#include "broker/streams.h"
#include "feed/feed_int.h"

enum waiting_state {
	WAITING_SEEN, /* PENDING is to be written */
	WAITING_PENDING, /* it is durable; the device is to be told */
	WAITING_SENT,
	WAITING_ENDED /* the end is to be written */
};

struct waiting { /* one command */
	struct arena arena; /* what follows points into it */
	struct str id, text;
	const struct json *value;
	const struct command_plan *plan;
	uint64_t number;
	int64_t commanded_us, deadline_us; /* the broker's clock */
	enum waiting_state state;
	bool good;
	char why[COMMAND_WHY_BYTES];
};

struct watch { /* of one plan */
	struct feed_commands *commands;
	const struct command_plan *plan;
	struct str attribute_iri, status_iri;
	struct broker_stream *stream; /* NULL: to be opened */
	struct buf message; /* what came of one so far */
	atomic_bool news, lost; /* the writer's thread says so */
	bool scan; /* every entity of the type is to be looked at */
};

struct feed_commands {
	struct feed *feed;
	struct broker_reader *reader;
	struct json_parser *parser;
	struct arena arena; /* lives as long */
	struct arena scratch; /* of one step */
	struct str commanded_iri;
	struct watch *watches; /* as many as feed->command_count */
	struct waiting *waiting[COMMANDS_WAITING_MAX];
	size_t waiting_count;
	uint64_t last_number;
	int64_t retry_ms; /* the store, or a stream, is not asked before; CLOCK_MONOTONIC */
	bool later; /* the kind could not send */
};

/* ---- command_watch.c ---- */

/* Reads what the streams say, opens those that are not open, looks at all entities where that is due: what is to be
 * done is put among those that wait. */
MUST_CHECK enum err_code command_watch(struct feed_commands *commands, struct error *err);
void command_watch_end(struct feed_commands *commands);

/* ---- command_run.c ---- */

bool command_has_room(const struct feed_commands *commands);
/* The entity, as the store has it, may hold a command that nobody has taken care of. False: no room or memory. */
bool command_consider(struct watch *watch, const struct json *entity);

#endif
