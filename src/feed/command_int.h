/* Commands: changes of attributes that are marked so reach a device, and how that ended is an attribute too.
 *
 * A command is the value of an attribute since its modifiedAt. Its status attribute ("PENDING", "OK", "ERROR" with a
 * reason) says by commandedAt which value it is about, so the store alone tells what is still to be done: after a
 * restart, or when changes were missed, all entities of the type are looked at. PENDING is durable before the device is
 * told, and one that a restart finds ends as ERROR, its outcome unknown: a device is never told the same twice. Of
 * several changes of an attribute that wait, the last is sent. Thread: the feed's, but for what says otherwise. */
#ifndef MACHI_FEED_COMMAND_INT_H
#define MACHI_FEED_COMMAND_INT_H

#include "feed/mapping_read_int.h"
#include "feed/name_pattern.h"

#define COMMANDS_MAX 64u /* in a feed's document */
#define COMMANDS_WAITING_MAX 1024u /* of a feed: seen, and not ended */
#define COMMAND_TIMEOUT_S_DEFAULT 30u
#define COMMAND_TEXT_BYTES_MAX 65536u
#define COMMAND_WHY_BYTES 200u

struct feed;
struct feed_commands; /* at work */

struct command_word { /* of "values" */
	struct str from, to;
};

struct command_plan { /* one item of "commands", in the feed's arena */
	struct str type, attribute, status; /* names, by the feed's @context */
	struct name_pattern id;
	bool has_id;
	uint32_t timeout_s;
	struct command_word *words;
	size_t word_count;
	double minimum, maximum; /* -HUGE_VAL, HUGE_VAL: not said */
	void *send; /* the kind's, made of "send" */
};

enum feed_send {
	FEED_SEND_TAKEN, /* feed_command_end() follows, or has come already */
	FEED_SEND_LATER /* not now: there is no connection. It is asked again, until the time is over */
};

struct feed_command {
	uint64_t number;
	struct str id; /* the entity's */
	const struct command_plan *plan;
	const struct json *value; /* as the entity has it */
	struct str text; /* the value as text, by "values"; of what is no text, its JSON */
	struct name_value values[NAME_PATTERN_NAMES_MAX + 2]; /* of the id's names, "id" and "value" */
	size_t value_count;
};

/* ---- command_read.c ---- */

/* The list behind "commands" in a feed's document, whose kind is known. */
MUST_CHECK enum err_code feed_read_commands(struct feed *feed, const struct mapping_reader *reader,
					    const struct yaml_tree *document);
/* For kinds: a text behind key in which names stand for what a command has; its names are checked. *ret_there: it is
 * there. */
MUST_CHECK enum err_code feed_read_send_text(const struct mapping_reader *reader, const struct command_plan *plan,
					     const struct yaml_tree *map, const char *key, struct name_pattern *ret,
					     bool *ret_there);
/* The text with what the command has; within the quotes of JSON, escaped for them. False: too long. */
bool feed_fill_send_text(const struct name_pattern *pattern, const struct feed_command *command, struct buf *out);

/* ---- command_watch.c, command_run.c ---- */

/* Begins and ends with the feed's thread; nothing where the document has no commands. */
MUST_CHECK enum err_code feed_commands_new(struct feed *feed, struct error *err);
void feed_commands_end(struct feed *feed);
/* Does what is due; called by feed_wait(). */
void feed_commands_turn(struct feed *feed);
int64_t feed_commands_deadline_ms(const struct feed *feed); /* CLOCK_MONOTONIC */

/* For kinds, once for each command taken: the device has done it (why NULL), or why not. Late or unknown numbers are
 * nothing. */
void feed_command_end(struct feed *feed, uint64_t number, const char *why);

#endif
