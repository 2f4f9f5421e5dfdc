/* Feeds: the outside world coming in as entities, each by a protocol, all by one way.
 *
 * A feed is a name, a kind with its settings, a tenant and mappings. It runs on a thread of its own, so that none holds
 * up another; it connects again by itself when its peer goes; what it drops it counts, with the reason. A document:
 *
 *   name: rooms
 *   tenant: …            # the default one when left out
 *   mqtt: {url: …, topic: …}   # the kind, with its settings
 *   map: {…}  or  maps: [{…}, …]   # feed/mapping.h; columns as feed/record.h has them
 *   commands: [{type: …, attribute: …, send: {…}}, …]   # attributes whose changes reach the device
 *
 * Thread: a set is for any thread, but for its making and freeing. */
#ifndef MACHI_FEED_FEED_H
#define MACHI_FEED_FEED_H

#include "broker/broker.h"
#include "yaml/yaml_tree.h"

#define FEED_NAME_BYTES_MAX 64u
#define FEEDS_MAX 256u
#define FEED_MAPS_MAX 64u
#define FEED_DOCUMENT_BYTES_MAX (1u << 20)
#define FEED_PLACE_BYTES_MAX 256u

struct address_policy;
struct feed_set;

enum feed_drop {
	FEED_DROP_MALFORMED, /* it cannot be read: no JSON, cut off */
	FEED_DROP_UNMAPPED, /* no mapping is for it */
	FEED_DROP_SKIPPED, /* a skip rule of the mapping holds */
	FEED_DROP_INVALID, /* the mapping cannot make an entity of it, or one that breaks NGSI-LD */
	FEED_DROP_ABSENT, /* mode update, and there is no such entity */
	FEED_DROP_REFUSED, /* by the broker, for what it says */
	FEED_DROP_OVERSIZED, /* over a bound */
	FEED_DROP_COUNT
};

const char *feed_drop_name(enum feed_drop drop); /* "malformed" */

enum feed_state {
	FEED_STARTING, /* no peer yet */
	FEED_UP,
	FEED_WAITING, /* something went wrong; it tries again */
	FEED_PAUSED,
};

const char *feed_state_name(enum feed_state state); /* "up" */

/* What a kind counts beside what all do. */
struct feed_count {
	const char *name; /* "trips"; counts of one name stand together and differ by their items */
	const char *item; /* "matched"; NULL: there is but one of this name */
	const char *metric; /* "machi_gtfs_realtime_trips" */
	const char *label; /* the item's in the metric: "reason" */
	const char *help;
	bool goes_down; /* a gauge */
};

#define FEED_COUNTS_MAX 32u

struct feed_stats { /* counters since the feed was started */
	enum feed_state state;
	uint64_t messages, bytes; /* received; bytes of payload */
	uint64_t created, changed, unchanged, deleted, late; /* entities; see intake.h */
	uint64_t dropped[FEED_DROP_COUNT]; /* messages, or rows of them */
	uint64_t commits, commit_failures;
	uint64_t connects; /* how often the peer was there */
	uint64_t counts[FEED_COUNTS_MAX]; /* of the kind; struct feed_info says what they are */
	uint64_t commands, commands_failed; /* that ended, well or not; of these, with ERROR */
	int64_t message_us, error_us, drop_us; /* the last one, since 1970; 0: none */
	char error[ERROR_DETAIL_BYTES]; /* of the connection or the store; "": none so far */
	char drop[ERROR_DETAIL_BYTES]; /* why the last one was dropped */
};

struct feed_info {
	char name[FEED_NAME_BYTES_MAX + 1], tenant[BROKER_TENANT_NAME_BYTES_MAX + 1];
	const char *kind; /* static */
	char place[FEED_PLACE_BYTES_MAX]; /* where it gets its messages, without secrets */
	bool stored; /* it was added while the daemon ran, and is in the database; else in the configuration */
	const struct feed_count *counts; /* static; of stats.counts */
	size_t count_count;
	struct feed_stats stats;
};

struct feed_commanded { /* borrowed */
	struct str feed, tenant, entity, attribute;
	const char *why;
	int64_t took_us; /* since the attribute was changed */
};

struct feed_set_options {
	struct broker *broker; /* the default tenant's store keeps what is added and paused */
	const struct address_policy *policy; /* for the places of feeds that requests name; NULL: any address */
	/* Told on feeds' threads; text is borrowed. NULL: nobody. */
	void (*say)(void *self, bool is_trouble, struct str feed, const char *text);
	/* Told of each command that ended; why NULL: the device has done it. NULL: nobody. */
	void (*commanded)(void *self, const struct feed_commanded *commanded);
	void *self;
};

MUST_CHECK enum err_code feed_set_new(const struct feed_set_options *options, struct feed_set **ret_set,
				      struct error *err);
/* Stops all, which stay and can be shown; what is being committed is waited for. */
void feed_set_stop(struct feed_set *set);
struct feed_set *feed_set_free(struct feed_set *set);

/* Checks a feed's document without starting anything. ERR_INVALID "file:line:column: …", ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code feed_check(const struct yaml_tree *document, struct error *err);

/* Starts the feeds that were added while it ran before. Those that cannot be started are told to say(). */
MUST_CHECK enum err_code feed_set_load(struct feed_set *set, struct error *err);
/* The feeds of the configuration become those of this list of checked documents (NULL: none), which may go afterwards:
 * those that are the same run on, the others are stopped or started. An error ends it. */
MUST_CHECK enum err_code feed_set_use(struct feed_set *set, const struct yaml_tree *list, struct error *err);

/* ---- changing while it runs: durable, on a thread of the set's own ---- */

enum feed_change_kind {
	FEED_CHANGE_ADD, /* ERR_EXISTS; and those of feed_check() */
	FEED_CHANGE_REMOVE, /* ERR_CONFLICT: it is one of the configuration */
	FEED_CHANGE_PAUSE, /* also over restarts; ERR_CONFLICT: it is so already, as with the next */
	FEED_CHANGE_RESUME
};

struct feed_change { /* the caller's until done() */
	enum feed_change_kind kind;
	char name[FEED_NAME_BYTES_MAX + 1]; /* of ADD: set once it is known */
	struct str document; /* of ADD: YAML or JSON */
	void (*done)(struct feed_change *change, enum err_code code, const struct error *err);
	void *self;
	struct feed_change *next; /* the set's */
};

#define FEED_CHANGES_MAX 64u /* that wait */

/* ERR_NOT_FOUND comes by done(), as everything but ERR_LIMIT, and ERR_CONFLICT: the set is stopping. */
MUST_CHECK enum err_code feed_set_change(struct feed_set *set, struct feed_change *change, struct error *err);

/* ---- messages that are handed in ---- */

struct feed_post { /* the caller's until done() */
	struct str topic, payload, token; /* token: as the request has it; STR_NONE: none */
	bool vouched; /* whoever posts is known to the house: the feed's token is not asked for */
	bool needs_token; /* a feed that has no token takes nothing from whoever is not known */
	struct str content_type; /* a media type; STR_NONE: none */
	bool is_lines; /* it came as to InfluxDB */
	struct str precision; /* kind influx: of the times, as lineproto/lines.h has it */
	struct str service, service_path, attributes_format; /* kind ngsiv2: what the notification's headers say */
	uint64_t taken; /* results: entities that were stored, once for each row */
	uint64_t dropped[FEED_DROP_COUNT]; /* messages or rows that became nothing */
	char why[ERROR_DETAIL_BYTES]; /* why one of them did */
	bool why_is_mild; /* … which was left out by a rule, or has no mapping; one that has a mistake is told first */
	/* ERR_OK: durable, but for what was dropped. ERR_INVALID, ERR_DENIED, ERR_LIMIT: nothing of it was taken. Else
	 * it is not known to be durable. ERR_CONFLICT: the feed stops. */
	void (*done)(struct feed_post *post, enum err_code code, const struct error *err);
	void *self;
	struct feed_post *next; /* the feed's */
};

#define FEED_POSTS_MAX 1024u /* that wait at a feed */

/* To a feed of a kind that is posted to. ERR_NOT_FOUND; ERR_UNSUPPORTED: of another kind; ERR_DENIED: the token is not
 * its own; ERR_LIMIT; ERR_CONFLICT: it is paused. */
MUST_CHECK enum err_code feed_set_post(struct feed_set *set, struct str name, struct feed_post *post,
				       struct error *err);
/* The sum of what was dropped for reasons that the sender should know: all but skip rules. */
uint64_t feed_post_refused(const struct feed_post *post);

/* ---- peers that call and stay: lines ----
 *
 * A line is a connection that a peer has made to this daemon, texts going both ways. Who holds the socket gives what
 * comes and fetches what is to go; the feed's thread has the other end. */

#define FEED_LINES_MAX 16384u /* of a feed */
#define FEED_LINE_TEXTS_MAX 8u /* of a line that the feed has not looked at; the next one waits at the socket */
#define FEED_LINE_TEXT_BYTES_MAX (256u * 1024u)
#define FEED_LINES_BYTES_MAX ((size_t)64 << 20) /* of all texts that wait at a feed, likewise */
#define FEED_LINE_OWED_BYTES_MAX ((size_t)4 << 20) /* that wait for the peer; it is cut off beyond */

struct feed_line;

struct feed_caller {
	struct str name; /* who it says it is */
	struct str user, password; /* of Basic authentication; STR_NONE: none */
	struct str protocol; /* the sub-protocol that was agreed on; STR_NONE: none */
	/* Any thread, from within feed_set_call() on until feed_line_hang_up() returns: there is something to read, or
	 * what could not be taken can be now. It must not block, nor use the line. */
	void (*wake)(void *self);
	void *self;
};

/* To a feed whose peers call (kind ocpp). ERR_NOT_FOUND: no such feed, or nobody of this name is expected; ERR_DENIED:
 * the password is not his; ERR_UNSUPPORTED: the protocol is none that the feed speaks; ERR_LIMIT; ERR_CONFLICT: the
 * feed is paused; ERR_MEMORY. Everything in caller but self is borrowed. */
MUST_CHECK enum err_code feed_set_call(struct feed_set *set, struct str name, const struct feed_caller *caller,
				       struct feed_line **ret_line, struct error *err);
/* What the peer has said, copied. False: not now; wake() says when it may be tried again. */
bool feed_line_take(struct feed_line *line, struct str text);
/* The next bytes of one text for the peer, and whether it ends with them; 0: nothing now. */
size_t feed_line_read(struct feed_line *line, char *at, size_t room, bool *ret_ends);
/* Is it to be closed, now that nothing is left to be read? With a code of RFC 6455 and a static reason. */
bool feed_line_is_over(struct feed_line *line, uint16_t *ret_code, const char **ret_reason);
/* The connection has gone. The line is gone too. */
void feed_line_hang_up(struct feed_line *line);

/* ---- showing ---- */

/* In the order of their names. visit returning false stops. */
void feed_set_each(struct feed_set *set, bool (*visit)(void *self, const struct feed_info *info), void *self);
MUST_CHECK enum err_code feed_set_get(struct feed_set *set, struct str name, struct feed_info *ret_info,
				      struct error *err);
/* Prometheus lines; self is the struct feed_set. */
void feed_set_write_metrics(void *self, struct buf *out);

/* ---- a dry run ---- */

struct feed_trial {
	struct broker *broker;
	/* Gets every entity that would result, normalized as a client would send it. An error ends the trial. */
	enum err_code (*entity)(void *self, const struct json *entity, struct error *err);
	/* Gets every message or row that would be dropped. */
	void (*dropped)(void *self, enum feed_drop drop, const char *why);
	void *self;
};

/* What a feed's document, or a mapping's alone (from_mapping), makes of one message. Nothing is stored. */
MUST_CHECK enum err_code feed_try(const struct feed_trial *trial, const struct yaml_tree *document, bool from_mapping,
				  struct str topic, struct str payload, struct error *err);

#endif
