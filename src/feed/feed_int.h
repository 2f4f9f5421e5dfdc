/* What the files of feeds share: a feed at work, and what a kind of feeds is. */
#ifndef MACHI_FEED_FEED_INT_H
#define MACHI_FEED_FEED_INT_H

#include "feed/command_int.h"
#include "feed/feed.h"
#include "feed/feed_seen.h"
#include "feed/intake.h"
#include "feed/mapping_read_int.h"
#include "feed/record.h"
#include "lineproto/lines.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

struct feed;

/* ---- kinds ---- */

struct feed_kind {
	const char *name; /* the key behind which its settings stand */
	bool is_local; /* it reads files of this machine, so only the configuration may have it */
	bool maps_itself; /* it knows what its messages mean: "map" is refused */
	/* Takes the settings apart; they lie in the feed's arena. Topics that have names go to feed->patterns. */
	enum err_code (*read)(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node);
	/* On the feed's thread, until feed_goes_on() says no. */
	void (*run)(struct feed *feed);
	/* The same thread, while it waits for the answer to a request of its own: what cannot wait. NULL: nothing. */
	void (*meanwhile)(struct feed *feed);
	/* The feed's thread: an entity that feed->seen knows was not stored after all. NULL: there is no such thing. */
	void (*forget)(struct feed *feed, uint64_t tag);
	/* What became of intake_add_receipt()'s (intake.h); the feed's thread, or who frees it. NULL: nobody asks. */
	void (*settled)(void *feed, const struct intake_receipt *receipts, size_t count, const struct error *err);
	/* An operation handed over by feed_add_operation() came to nothing; the feed's thread. NULL: nobody asks. */
	void (*lost)(void *feed, struct str id);
	/* Any thread: takes a post in, or says why not. NULL: there are none. */
	enum err_code (*post)(struct feed *feed, struct feed_post *post, struct error *err);
	/* Any thread: may this one call? Errors as of feed_set_call(). NULL: nobody calls feeds of this kind. */
	enum err_code (*admit)(const struct feed *feed, const struct feed_caller *caller, struct error *err);
	/* A dry run: what a message becomes, by feed_take_document(), feed_add_entity() and feed_drop(). NULL: by the
	 * mappings; of kinds that map themselves there is none. */
	void (*try_message)(struct feed *feed, struct str topic, struct str payload);
	const struct feed_count *counts; /* what it counts beside what all do, in feed->own.counts; NULL: nothing */
	size_t count_count;
	/* Takes apart what stands behind "send" of a command; *ret_send lies in the feed's arena. NULL: the kind has no
	 * commands. */
	enum err_code (*read_send)(struct feed *feed, const struct mapping_reader *reader,
				   const struct command_plan *plan, const struct yaml_tree *node, void **ret_send);
	/* On the feed's thread, within feed_wait(): tells the device. What the command has is gone after the return. */
	enum feed_send (*send)(struct feed *feed, const struct feed_command *command);
};

extern const struct feed_kind feed_kind_echonet, feed_kind_folder, feed_kind_gtfs_realtime, feed_kind_home_assistant,
	feed_kind_http, feed_kind_influx, feed_kind_modbus, feed_kind_mqtt, feed_kind_ngsiv2, feed_kind_ocpp,
	feed_kind_replay, feed_kind_sparkplug, feed_kind_webhook;

/* NULL at the end. */
extern const struct feed_kind *const feed_kinds[];

/* ---- formats ---- */

enum feed_format { /* of what mappings read */
		   FEED_FORMAT_JSON, /* and whatever is taken whole, as "payload" */
		   FEED_FORMAT_NDJSON, /* a document on each line */
		   FEED_FORMAT_CSV, /* a table with a header, whose names are the mapping's columns */
};

/* ---- a feed ---- */

struct feed_map {
	struct mapping *mapping;
	struct record_plan *plan;
	struct topic_pattern topic; /* that it is for */
	bool has_topic;
};

struct feed {
	struct arena arena; /* document, settings, plans */
	const struct yaml_tree *document; /* in the arena, or borrowed while it is only checked */
	struct str name, tenant;
	const struct feed_kind *kind;
	void *settings; /* the kind's */
	char place[FEED_PLACE_BYTES_MAX];
	struct topic_pattern *patterns; /* in the arena */
	size_t pattern_count;
	struct feed_map *maps; /* in the arena; their mappings are owned */
	size_t map_count;
	bool has_tables; /* columns are those of tables, which need not be places in a message */
	struct command_plan *commands; /* in the arena */
	size_t command_count;
	struct str context_url; /* STR_NONE: the core's */
	bool has_format; /* it says how messages are to be read, whatever they say themselves */
	enum feed_format format;
	bool stored; /* added by feed_set_change() */
	bool paused;
	/* At work: */
	const struct feed_set_options *options;
	struct store *store;
	struct context *context; /* a reference */
	struct intake *intake;
	struct json_parser *parser;
	const struct feed_trial *trial; /* instead of an intake: a dry run */
	struct arena *scratch; /* of a trial's entities */
	struct str row_file; /* whose row is being taken, and its line: told when it is dropped */
	uint64_t row_line; /* 0: messages have none */
	int wake_fd;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	void *session; /* of the kind, while it runs */
	struct feed_seen *seen; /* where what is taken now is noted, so that it is taken once; NULL: it always is */
	uint64_t repeated; /* entities that were passed over for that */
	struct feed_post *taking; /* whose messages these are; NULL: nobody's who waits */
	struct feed_commands *commanding; /* while it runs; NULL: there are no commands */
	struct intake_counts beside; /* of what a kind stored past the intake */
	struct feed_stats own; /* the feed's thread's */
	pthread_mutex_t lock; /* guards what follows */
	struct feed_stats shown;
	struct feed_post *posts, *posts_last; /* that wait */
	size_t post_count;
	struct feed_line *lines; /* all that have not been let go of */
	struct feed_line *news, *news_last; /* those that have something to tell */
	size_t line_count, line_bytes; /* bytes of texts that wait */
};

/* ---- feed_read.c ---- */

/* The document taken apart, without anything started. document is borrowed by the feed. */
MUST_CHECK enum err_code feed_read(struct feed *feed, const struct yaml_tree *document, struct error *err);
/* Of a mapping alone, for every topic. */
MUST_CHECK enum err_code feed_read_mapping(struct feed *feed, const struct yaml_tree *document, struct error *err);
struct feed *feed_new(void); /* NULL: no memory */
struct feed *feed_free(struct feed *feed);
/* A duration such as "90 s" behind key, from 1 s to a year; fallback_s when it is not there. */
MUST_CHECK enum err_code feed_read_seconds(const struct mapping_reader *reader, const struct yaml_tree *map,
					   const char *key, uint32_t fallback_s, uint32_t *ret_s);
/* That behind "timeout", up to max_s. */
MUST_CHECK enum err_code feed_read_timeout(const struct mapping_reader *reader, const struct yaml_tree *map,
					   uint32_t fallback_s, uint32_t max_s, uint32_t *ret_s);
/* A text with a NUL behind it, or NULL. */
MUST_CHECK enum err_code feed_read_c_text(const struct mapping_reader *reader, const struct yaml_tree *map,
					  const char *key, const char **ret);

/* ---- feed_take.c: for kinds, on the feed's thread ---- */

/* Adds what becomes of a message to the batch that is being filled, by the feed's mappings; what does not become
 * anything is counted. */
void feed_take(struct feed *feed, struct str topic, struct str payload);
/* The same of a payload that has been read as this document, in feed_arena() (NULL: as JSON). */
void feed_take_document(struct feed *feed, struct str topic, struct str payload, const struct json *document);
void feed_take_as(struct feed *feed, enum feed_format format, struct str topic, struct str payload);
/* "format" of a kind's settings, when it is there. */
MUST_CHECK enum err_code feed_read_format(struct feed *feed, const struct mapping_reader *reader,
					  const struct yaml_tree *map);
/* The feed's own, else by the media type, else JSON. */
enum feed_format feed_format_of(const struct feed *feed, struct str content_type);
/* The same of texts for the mapping's columns, in the order of mapping_columns(); they lie in feed_arena(). */
void feed_take_values(struct feed *feed, const struct feed_map *map, const struct str *values);
/* For kinds that map themselves: where what they make of a message is to lie, until it is durable; and an entity of
 * it, as a client would send it. It is held against NGSI-LD; what breaks it is counted. The kind asks
 * intake_has_room(), and counts its messages in feed->own. */
struct arena *feed_arena(struct feed *feed);
void feed_add_entity(struct feed *feed, const struct json *body, enum mapping_mode mode, bool history);

/* For what takes messages apart in ways of its own. A message begins with being counted and copied into the arena
 * (false: no memory, which is counted too); each mapping that its topic fits gets its rows. */
bool feed_begin_message(struct feed *feed, struct str topic, struct str payload, struct record *ret_record);
const struct feed_map *feed_next_map(const struct feed *feed, struct record *record, const struct feed_map *last);
void feed_take_row(struct feed *feed, const struct feed_map *map, const struct record *record, size_t row);
void feed_drop_malformed(struct feed *feed, struct str topic, const char *why);
void feed_drop_unmapped(struct feed *feed, const struct record *record);

/* ---- feed_table.c, feed_lines.c: likewise ---- */

void feed_take_table(struct feed *feed, struct str topic, struct str payload);
/* Of line protocol: each line is a message whose topic is its measurement. */
void feed_take_lines(struct feed *feed, enum line_precision precision, struct str payload);

/* ---- feed_run.c: for kinds, on the feed's thread ---- */

void feed_drop(struct feed *feed, enum feed_drop drop, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The state, with why when it is FEED_WAITING (NULL: no reason). Shows counters too; costs little. */
void feed_show(struct feed *feed, enum feed_state state, const char *why);
/* Says and shows what went wrong, of kinds that have several peers and go on with the others. */
void feed_note_error(struct feed *feed, const char *why);
bool feed_goes_on(const struct feed *feed);
/* Waits until the deadline (CLOCK_MONOTONIC), until somebody wakes the feed, or until something is to be had of more
 * (NULL: nothing else is waited for), whose revents are set. Then commands have their turn. */
void feed_wait(struct feed *feed, struct pollfd *more, int64_t deadline_ms);
int64_t feed_now_us(const struct feed *feed); /* since 1970 */

/* ---- feed_operation.c: for kinds, on the feed's thread ---- */

/* For kinds that know what the store has of their entities: an operation as in intake.h, on an expanded document, which
 * with its id stays as it is until feed_settle(). Waits for room. ERR_CONFLICT: the feed stops; ERR_MEMORY. */
MUST_CHECK enum err_code feed_add_operation(struct feed *feed, enum broker_operation operation, struct str id,
					    const struct json *entity, struct error *err);
/* Waits until all that was added is durable. False: the feed stops. */
bool feed_settle(struct feed *feed);

/* ---- feed_post.c: for kinds that are posted to ---- */

/* "token" of a kind's settings; STR_NONE: anybody may post. */
MUST_CHECK enum err_code feed_read_token(const struct mapping_reader *reader, const struct yaml_tree *map,
					 struct str *ret_token);
/* Any thread: puts the post behind those that wait. ERR_DENIED, ERR_CONFLICT, ERR_LIMIT. */
MUST_CHECK enum err_code feed_put_post(struct feed *feed, struct str token, struct feed_post *post, struct error *err);

/* Notes why something of a post became nothing. */
void feed_note_post(struct feed_post *post, enum feed_drop drop, const char *why);

struct feed_post_taker {
	/* Is there anything against all of it? Nothing has been taken yet. NULL: there never is. */
	enum err_code (*check)(struct feed *feed, struct feed_post *post, struct error *err);
	void (*take)(struct feed *feed, struct feed_post *post);
};

/* On the feed's thread: takes what waits, as far as there is room. */
void feed_take_posts(struct feed *feed, const struct feed_post_taker *taker);
/* A kind's settled(): answers posts. */
void feed_answer_posts(void *feed, const struct intake_receipt *receipts, size_t count, const struct error *err);
/* The last thing that a kind's run() does. */
void feed_end_posts(struct feed *feed, const struct feed_post_taker *taker);
/* A kind's run(), of those that do nothing but take posts. */
void feed_run_posts(struct feed *feed, const struct feed_post_taker *taker);

/* ---- feed_line.c: for kinds whose peers call, on the feed's thread ---- */

/* One that has something to tell, each in its turn; NULL: none has. */
struct feed_line *feed_line_next(struct feed *feed);
bool feed_line_is_new(struct feed_line *line); /* true once */
struct str feed_line_name(const struct feed_line *line); /* as feed_set_call() got it; as long as the line */
struct str feed_line_protocol(const struct feed_line *line);
/* The next text of it, to be freed; NULL: there is none. */
char *feed_line_text(struct feed_line *line, size_t *ret_len);
/* The peer has gone, and all that it said has been fetched: the line is to be let go of. */
bool feed_line_is_gone(struct feed_line *line);
void feed_line_send(struct feed_line *line, struct str text);
/* Nothing more is heard of it; what was sent goes out, and then the close. reason: static, at most 100 bytes. */
void feed_line_close(struct feed_line *line, uint16_t code, const char *reason);
void feed_line_let_go(struct feed *feed, struct feed_line *line);
/* What the kind keeps with a line; NULL at first. */
void feed_line_set_peer(struct feed_line *line, void *peer);
void *feed_line_peer(const struct feed_line *line);
/* All lines are told that the feed ends, and let go of. */
void feed_lines_end(struct feed *feed);

/* ---- feed_set.c, feed_manage.c ---- */

struct feed_set {
	struct feed_set_options options;
	struct store *store; /* of the default tenant */
	pthread_mutex_t work; /* held by who changes the set, also while a feed is started or stopped; before lock */
	pthread_mutex_t lock; /* guards feeds, count and which of them run; never held for long */
	struct feed *feeds[FEEDS_MAX]; /* by name */
	size_t count;
	pthread_t thread; /* of changes */
	bool has_thread;
	pthread_mutex_t change_lock; /* guards what follows */
	pthread_cond_t changed;
	struct feed_change *changes, *changes_last;
	size_t change_count;
	bool stopping;
};

/* Under the lock. */
struct feed *feed_set_find(const struct feed_set *set, struct str name); /* NULL: there is none */
MUST_CHECK enum err_code feed_set_insert(struct feed_set *set, struct feed *feed, struct error *err);
/* Under the change's lock alone: stops and frees it. */
void feed_set_take_out(struct feed_set *set, struct str name);
enum err_code feed_not_there(struct str name, struct error *err);
/* Was it paused before? */
bool feed_is_noted_paused(struct feed_set *set, struct str name);
/* The thread of changes; what waits when it ends is done with ERR_CONFLICT. */
MUST_CHECK enum err_code feed_set_manage(struct feed_set *set, struct error *err);
void feed_set_manage_end(struct feed_set *set);

/* ---- the thread ---- */

/* A thread in which no signal is handled: these belong to the program's main thread. Returns pthread_create()'s. */
int feed_thread_start(pthread_t *thread, void *(*run)(void *self), void *self);
/* Starts the thread; what the feed is made of is there. */
MUST_CHECK enum err_code feed_start(struct feed *feed, const struct feed_set_options *options, struct error *err);
/* Stops the thread, in two steps: the first is taken under the set's lock and lets nothing more in; false: it does not
 * run. The second waits, without that lock, so that nobody else waits for this feed. The counters stay. */
bool feed_stop_begin(struct feed *feed);
void feed_stop_end(struct feed *feed);

#endif
