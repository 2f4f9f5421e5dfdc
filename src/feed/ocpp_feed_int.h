/* What the files of feeds of kind ocpp share. */
#ifndef MACHI_FEED_OCPP_FEED_INT_H
#define MACHI_FEED_OCPP_FEED_INT_H

#include "base/map.h"
#include "feed/feed_int.h"
#include "ocpp/session.h"

#define OCPP_STATION_CHARS_MAX 48u /* OCPP 2.0.1 part 4, 3.1.1: an identity is an identifierString of so many */
#define OCPP_STATIONS_MAX FEED_LINES_MAX /* that are remembered while the feed runs */
#define OCPP_TRANSACTIONS_MAX 32u /* of a station, the latest, that are remembered, also over restarts */
#define OCPP_TRANSACTION_ID_BYTES (4u * 36u)
#define OCPP_EVSES_NAMED_MAX 64u /* of a station whose links are written once; others' come with each message */
#define OCPP_FAULT_SHOWN_BYTES 200u
#define OCPP_CLOCK_AHEAD_MAX_US (INT64_C(300) * 1000000) /* a station's time that is further ahead is the city's */

/* ---- ocpp_feed.c: settings ---- */

struct ocpp_card { /* a token that may charge, or may not */
	struct str id, name, parent; /* name: what commands call it */
	int64_t expires_us; /* OCPP_NO_TIME: never */
	bool blocked;
};

struct ocpp_access { /* a station that may connect */
	struct str id, password;
};

struct ocpp_settings {
	struct ocpp_access *stations; /* in the feed's arena */
	size_t station_count;
	struct ocpp_card *cards;
	size_t card_count;
	bool any_station, any_token;
	uint32_t heartbeat_s, answer_s;
};

const struct ocpp_card *ocpp_card_find(const struct ocpp_settings *settings, struct str id);
const struct ocpp_card *ocpp_card_named(const struct ocpp_settings *settings, struct str name);

/* ---- stations at work: the feed's thread ---- */

/* One that began, so that what comes later and says less can be understood. */
struct ocpp_begun {
	char key[BROKER_PSEUDONYM_DIGITS + 1]; /* of 1.6: what makes it the same start; "": none */
	char id[OCPP_TRANSACTION_ID_BYTES + 1];
	int64_t number; /* 1.6 */
	struct ocpp_place place;
	double meter_wh; /* NAN: not told */
	bool ended;
};

struct ocpp_hold { /* an event whose answer waits for the record of its station too */
	uint64_t handle;
	uint64_t version;
};

struct ocpp_record_write;

struct ocpp_station {
	struct ocpp_feed *ocpp;
	uint32_t place; /* in the list of stations */
	uint32_t generation; /* of its session */
	char name[OCPP_STATION_CHARS_MAX + 1];
	char uri[OCPP_STATION_CHARS_MAX * 3 + 1]; /* the name as ids have it */
	struct feed_line *line; /* NULL: it is not connected */
	struct ocpp_session *session; /* NULL: it never was */
	struct ocpp_begun begun[OCPP_TRANSACTIONS_MAX]; /* oldest first */
	size_t begun_count;
	uint64_t version; /* of the record as it is here */
	_Atomic uint64_t written; /* the latest that is durable; the writer's thread sets it */
	bool is_new; /* there is no record yet */
	struct ocpp_hold holds[OCPP_ANSWERS_MAX];
	size_t hold_count;
	uint64_t linked; /* bits of the EVSEs whose links were written */
	uint64_t command, ticket; /* under way; ticket 0: none */
};

struct ocpp_feed { /* feed->session */
	struct feed *feed;
	const struct ocpp_settings *settings;
	struct ocpp_station **stations; /* owned, as they are */
	size_t station_count, station_room;
	struct map by_name;
	struct store_reader *reader;
	uint64_t run; /* how often feeds of this name have begun */
	uint64_t sessions; /* made in this run */
	int64_t number_next, number_end; /* of transactions: reserved up to number_end */
	int64_t tick_us; /* the earliest deadline of a session; INT64_MAX: none */
	struct arena scratch;
	char fault[OCPP_FAULT_SHOWN_BYTES]; /* the last error that a station was told; "": none */
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t landed;
	size_t flying; /* records that are being written */
};

/* ---- ocpp_station.c ---- */

void ocpp_feed_run(struct feed *feed);
void ocpp_feed_settled(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err);
struct ocpp_station *ocpp_station_find(const struct ocpp_feed *ocpp, struct str name); /* NULL: not seen yet */
/* What a session wants to be called for again may have changed. */
void ocpp_station_touched(struct ocpp_station *station);

/* ---- ocpp_record.c: what outlives the process ---- */

/* The feed's record: which run this is. Blocks. */
MUST_CHECK enum err_code ocpp_record_begin(struct ocpp_feed *ocpp, struct error *err);
/* What is known of the station from before. */
MUST_CHECK enum err_code ocpp_record_load(struct ocpp_station *station, struct error *err);
/* Hands a new version to the store; written follows. False: it cannot be written now. */
bool ocpp_record_save(struct ocpp_station *station);
void ocpp_records_settle(struct ocpp_feed *ocpp); /* waits for those under way */
/* Each station that has a record, in this feed. */
MUST_CHECK enum err_code ocpp_record_each(struct ocpp_feed *ocpp, bool (*visit)(void *self, struct str station),
					  void *self, struct error *err);
bool ocpp_record_number(void *user, const struct ocpp_start *start, int64_t *ret_number); /* session.h's */
struct ocpp_begun *ocpp_begun_find(struct ocpp_station *station, struct str id); /* NULL: not known */
struct ocpp_begun *ocpp_begun_at(struct ocpp_station *station, int64_t evse); /* that runs there; NULL: none */
/* The transaction of an event, put down if it is not there. */
struct ocpp_begun *ocpp_begun_note(struct ocpp_station *station, const struct ocpp_transaction *transaction);
/* A name for a token, by which nobody is known: *ret_digits; false: none is to be had. */
bool ocpp_pseudonym(const struct ocpp_feed *ocpp, struct str token,
		    char ret_digits[static BROKER_PSEUDONYM_DIGITS + 1]);

/* ---- ocpp_event.c: events as entities ---- */

void ocpp_event_take(void *user, const struct ocpp_event *event); /* session.h's; user is the station */
void ocpp_event_connected(struct ocpp_feed *ocpp, const char *uri, enum ocpp_version version, bool connected);

/* ---- ocpp_entity.c ---- */

struct ocpp_entity { /* one being made, as a client would send it */
	struct arena *arena;
	struct json body;
	int64_t at_us;
	bool failed;
};

/* evse OCPP_NONE: of the station; connector OCPP_NONE: of the EVSE. */
struct str ocpp_station_id(struct arena *arena, const struct feed *feed, const char *uri);
struct str ocpp_point_id(struct arena *arena, const struct ocpp_station *station, int64_t evse);
struct str ocpp_connector_id(struct arena *arena, const struct ocpp_station *station, struct ocpp_place place);
struct str ocpp_session_id(struct arena *arena, const struct ocpp_station *station, struct str transaction);
bool ocpp_uri_put(char *to, size_t room, struct str text); /* as ids have it; false: too long */

void ocpp_entity_begin(struct ocpp_entity *entity, struct arena *arena, struct str id, const char *type, int64_t at_us);
/* Nothing is added where the value is nothing: an empty text, NAN, OCPP_NONE, OCPP_NO_TIME. Texts are copied, names are
 * not. The property that was added, for more; NULL: none. */
struct json *ocpp_entity_text(struct ocpp_entity *entity, const char *name, struct str text);
struct json *ocpp_entity_number(struct ocpp_entity *entity, const char *name, double number, const char *unit);
struct json *ocpp_entity_integer(struct ocpp_entity *entity, const char *name, int64_t number);
struct json *ocpp_entity_truth(struct ocpp_entity *entity, const char *name, bool truth);
struct json *ocpp_entity_time(struct ocpp_entity *entity, const char *name, int64_t us);
void ocpp_entity_relation(struct ocpp_entity *entity, const char *name, struct str id);
void ocpp_entity_detail(struct ocpp_entity *entity, struct json *property, const char *name, struct str text);
/* False: there is no memory for it. One without attributes is nothing. */
bool ocpp_entity_add(struct ocpp_entity *entity, struct feed *feed);

/* The attribute that a sample is a value of, in the arena: "currentImportL1". */
struct str ocpp_sample_name(struct arena *arena, const struct ocpp_sample *sample);
/* UN/CEFACT's code of a unit of OCPP; NULL: there is none. *scale: what the value is to be multiplied by. */
const char *ocpp_unit_code(struct str unit, struct str measurand, double *scale);

/* ---- ocpp_send.c: commands ---- */

enum err_code ocpp_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				  const struct command_plan *plan, const struct yaml_tree *node, void **ret_send);
enum feed_send ocpp_feed_send(struct feed *feed, const struct feed_command *command);
void ocpp_send_answered(struct ocpp_station *station, const struct ocpp_answered *answered);

#endif
