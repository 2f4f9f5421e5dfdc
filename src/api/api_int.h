/* What the files of the api room share: the table of operations, a call (one request on its way through the api) and
 * the steps that every call takes. */
#ifndef MACHI_API_API_INT_H
#define MACHI_API_API_INT_H

#include "access/access.h"
#include "api/api.h"
#include "api/negotiate.h"
#include "ngsild/context.h"
#include "ngsild/represent_temporal.h"

#include <pthread.h>
#include <stdatomic.h>

#define API_SEGMENTS_MAX 8u /* of a path */
#define API_OPERATIONS_MAX 128u
#define API_CONTEXT_TRIES_MAX (2u * CONTEXT_PARTS_MAX) /* suspensions for one @context: each brings a part of it */
#define API_SCRATCH_BYTES_MAX (UINT64_C(64) << 20)
#define API_TEMPORAL_BYTES_MAX (UINT64_C(256) << 20) /* of the instances behind one answer */
#define API_METRICS_BYTES_MAX (UINT64_C(4) << 20)
#define API_LATENCY_BUCKETS 14u

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD_COUNT };

struct str method_name(enum method method);

/* Query parameters that the standard knows. */
enum parameter {
	P_ID,
	P_ID_PATTERN,
	P_TYPE,
	P_ATTRS,
	P_Q,
	P_SCOPE_Q,
	P_GEOREL,
	P_GEOMETRY,
	P_COORDINATES,
	P_GEOPROPERTY,
	P_GEOMETRY_PROPERTY,
	P_PICK,
	P_OMIT,
	P_DATASET_ID,
	P_LANG,
	P_JOIN,
	P_JOIN_LEVEL,
	P_CONTAINED_BY,
	P_EXPAND_VALUES,
	P_JSON_KEYS,
	P_DELETE_ALL,
	P_OBSERVED_AT,
	P_KEEP,
	P_DROP,
	P_FORMAT,
	P_OPTIONS,
	P_LIMIT,
	P_OFFSET,
	P_COUNT,
	P_LOCAL,
	P_DETAILS,
	/* Without registrations there is nothing that these could change: checked, then left alone. */
	P_CSF,
	P_SPLIT_ENTITIES,
	P_ENTITY_MAP,
	P_ENTITY_MAP_LIFETIME,
	P_ENTITY_MAP_ID, /* this server's own, in its pointers to pages of an entity map */
	P_ORDER_BY,
	P_ORDER_FROM,
	P_ORDER_GEOMETRY,
	P_COLLATION,
	P_KIND,
	P_RELOAD,
	P_TIMEREL,
	P_TIME_AT,
	P_END_TIME_AT,
	P_TIMEPROPERTY,
	P_LAST_N,
	P_AGGR_METHODS,
	P_AGGR_PERIOD,
	PARAMETER_COUNT
};

#define PARAMETER_BIT(parameter) (UINT64_C(1) << (parameter))

struct parameter_rule {
	struct str name;
	const char *schema; /* JSON Schema type for the API's description */
	const char *text; /* one sentence for the API's description */
	bool offered;
	const char *neutral; /* of one that is not offered: this value changes nothing; NULL: there is none */
};

extern const struct parameter_rule parameter_rules[PARAMETER_COUNT];

/* Keywords of the parameter "options". */
enum option {
	OPTION_NORMALIZED = 1 << 0,
	OPTION_CONCISE = 1 << 1,
	OPTION_SIMPLIFIED = 1 << 2,
	OPTION_SYS_ATTRS = 1 << 3,
	OPTION_COUNT = 1 << 4,
	OPTION_NO_OVERWRITE = 1 << 5,
	OPTION_UPDATE = 1 << 6,
	OPTION_REPLACE = 1 << 7,
	OPTION_TEMPORAL_VALUES = 1 << 8,
	OPTION_AGGREGATED_VALUES = 1 << 9
};

#define OPTIONS_FORMAT (OPTION_NORMALIZED | OPTION_CONCISE | OPTION_SIMPLIFIED)
#define OPTIONS_READ (OPTIONS_FORMAT | OPTION_SYS_ATTRS)
#define OPTIONS_TEMPORAL                                                                                               \
	(OPTION_NORMALIZED | OPTION_TEMPORAL_VALUES | OPTION_AGGREGATED_VALUES) /* forms of evolutions */

enum body_kind {
	BODY_NONE,
	BODY_ENTITY,
	BODY_FRAGMENT,
	BODY_ATTRIBUTE,
	BODY_ENTITIES,
	BODY_IDS,
	BODY_QUERY,
	BODY_CONTEXT,
	BODY_SUBSCRIPTION,
	BODY_SUBSCRIPTION_FRAGMENT,
	BODY_REGISTRATION,
	BODY_REGISTRATION_FRAGMENT,
	BODY_SNAPSHOT,
	BODY_SNAPSHOT_FRAGMENT,
	BODY_TEMPORAL,
	BODY_TEMPORAL_FRAGMENT,
	BODY_TEMPORAL_INSTANCE /* a fragment, or what it holds alone */
};

/* What an answer with status 200 or 201 holds, for the API's description. */
enum answer_kind {
	ANSWER_NONE,
	ANSWER_ENTITY,
	ANSWER_ENTITIES,
	ANSWER_IDS,
	ANSWER_PLAIN,
	ANSWER_TYPES,
	ANSWER_TYPE,
	ANSWER_ATTRIBUTES,
	ANSWER_ATTRIBUTE,
	ANSWER_IDENTITY,
	ANSWER_ENTITY_MAP,
	ANSWER_CONTEXTS,
	ANSWER_CONTEXT,
	ANSWER_SUBSCRIPTION,
	ANSWER_SUBSCRIPTIONS,
	ANSWER_REGISTRATION,
	ANSWER_REGISTRATIONS,
	ANSWER_SNAPSHOT,
	ANSWER_TEMPORAL,
	ANSWER_TEMPORALS,
	ANSWER_PROTOBUF, /* GTFS Realtime */
	ANSWER_ZIP
};

struct call;

struct operation {
	enum method method;
	const char *path; /* "/entities/{entityId}", below API_ROOT unless it is plain */
	const char *id; /* operationId, and the label in metrics */
	const char *summary;
	const char *clauses; /* of the standard */
	uint64_t parameters; /* PARAMETER_BIT()s taken */
	unsigned int options; /* enum option bits taken */
	enum body_kind body;
	enum answer_kind answer;
	const char *statuses; /* of success, "201" or "204 207" */
	bool plain; /* not NGSI-LD: no tenant, negotiation or @context */
	bool creates_tenant; /* clause 5.5.10 */
	void (*run)(struct call *call); /* NULL: OperationNotSupported */
	bool on_snapshots; /* clause 5.5.15: of the Core API or the Temporal API */
	uint32_t needs; /* an enum access_permission, or one of NEEDS_…; 0 would let nobody in */
};

/* What operations need beside the permissions of access/access.h. */
#define NEEDS_PUBLIC (1u << 31) /* nothing: nobody need say who he is */
#define NEEDS_SIGNED_IN (1u << 30) /* to be known, were it by a one-time password alone */
#define NEEDS_KNOWN (1u << 27) /* to be known, whatever one may do */
#define NEEDS_ALL_TENANTS (1u << 29) /* not to be kept to some tenants: it shows or changes what belongs to all */
#define NEEDS_FEEDS_TOKEN (1u << 28) /* the feed's own token, else ACCESS_CITY_WRITE */
#define NEEDS_COMMANDS (ACCESS_CITY_WRITE | ACCESS_COMMAND) /* either; the latter for what one's service has alone */

extern const struct operation operations[];
extern const size_t operation_count;

struct route {
	struct str path; /* with API_ROOT where it belongs */
	struct str segments[API_SEGMENTS_MAX];
	size_t segment_count;
	const struct operation *methods[METHOD_COUNT];
};

struct metrics_writer {
	void (*write)(void *self, struct buf *out);
	void *self;
};

enum source_count {
	SOURCE_COUNT_ANSWERED,
	SOURCE_COUNT_REFUSED,
	SOURCE_COUNT_SILENT,
	SOURCE_COUNT_SKIPPED,
	SOURCE_COUNT_KINDS
};

struct api_loop { /* one loop's own */
	struct api *api;
	struct api_loop *next; /* api's list of all, guarded by api->lock */
	struct broker_reader *reader;
	struct arena scratch; /* of one entity while it is written out */
	/* Written by the loop's thread alone, read by whoever shows /metrics. */
	_Atomic uint64_t answers[API_OPERATIONS_MAX + 1][6]; /* by operation (the last: none) and status / 100 */
	_Atomic uint64_t latency[API_LATENCY_BUCKETS + 1];
	_Atomic uint64_t latency_us;
	_Atomic uint64_t source_requests[SOURCE_COUNT_KINDS]; /* made of other context sources, by how they ended */
};

struct worker;

struct api {
	struct api_options options; /* defaults filled in */
	struct worker *worker;
	struct arena arena; /* routes, texts: nothing changes after api_new() */
	struct route *routes;
	size_t route_count;
	struct str openapi;
	char openapi_etag[40];
	struct str web_csp; /* content security policy of pages */
	struct metrics_writer metrics[API_METRICS_WRITERS_MAX];
	size_t metrics_count;
	int64_t start_us; /* CLOCK_MONOTONIC */
	_Atomic(const struct http_server *) server;
	_Atomic bool ready;
	_Atomic uint32_t page_default, page_max; /* entities */
	pthread_mutex_t lock; /* guards loops */
	struct api_loop *loops;
};

/* Something to be let go of when the request is finished. */
struct call_end {
	void (*release)(void *thing);
	void *thing;
	struct call_end *next;
};

/* One request on its way; lives in the request's arena. */
struct call {
	struct api *api;
	struct api_loop *loop;
	struct http_request *request;
	struct arena *arena;
	const struct operation *operation; /* NULL while none is found */
	const struct access_caller *caller; /* who makes it; NULL until that is asked */
	int64_t audit_id; /* of its row in the audit log, to be told how it ended; 0: none */
	struct str variables[3]; /* of the path, decoded, in their order */
	struct str parameters[PARAMETER_COUNT]; /* STR_NONE: absent */
	unsigned int options; /* enum option bits given */
	enum represent_format format;
	enum temporal_form form; /* of evolutions */
	/* The place that is worked on (broker.h): the tenant's name, or that of a snapshot, which is then held.
	 * STR_NONE: the default tenant. */
	struct str tenant;
	struct str tenant_name; /* the tenant's, whichever place is meant */
	struct tenant *place; /* held: the snapshot; NULL: the tenant itself */
	enum media media; /* of the answer */
	bool ld_body;
	struct json *body;
	const struct json *context_value; /* NULL: the core context */
	struct context *context; /* held */
	struct str context_link; /* value of the answer's Link header; STR_NONE: none */
	struct call_end *ends; /* the latest first */
	struct str warnings; /* of other sources (6.3.17), so far */
	unsigned int context_tries; /* for the @context that is waited for */
	void (*resume)(struct call *call); /* when woken; call_wait()'s */
	void (*next)(struct call *call); /* when the @context is there */
	void *work; /* the operation's own */
	bool not_here; /* the entity that the request means is not here (call->error says so); others may have it */
	struct linked_source linked; /* where linked entities are found; find NULL: this broker's own */
	struct broker_stream *stream; /* owned; NULL: the answer is no stream */
	struct broker_write write;
	enum err_code write_code;
	struct error error; /* the latest; logged with a 5xx */
};

/* ---- api.c ---- */

/* release(thing) when the request is finished, however it ends. False: no memory, and nothing will be called. */
bool call_on_end(struct call *call, void (*release)(void *thing), void *thing) __attribute__((warn_unused_result));

/* ---- request.c ---- */

/* Each of these answers the request itself when it returns false. */
bool call_prepare(struct call *call); /* headers, parameters, body; not yet the @context */
/* Works on the tenant of this name, if it is one. */
bool call_tenant(struct call *call, struct str name);
bool call_default_tenant(struct call *call);
/* Of an operation that is not NGSI-LD's: the header's tenant, else the default one. ERR_INVALID, ERR_DENIED. */
MUST_CHECK enum err_code call_header_tenant(struct call *call);
bool call_snapshot_refuse(struct call *call); /* true: no snapshot is meant */
bool call_flag(struct call *call, enum parameter parameter, bool *ret_value); /* true, false or absent (false) */
bool call_number(struct call *call, enum parameter parameter, uint64_t *ret_value); /* untouched when absent */
bool call_entity_id(struct call *call, struct str *ret_id); /* the path's first variable, a URI */

/* ---- context.c ---- */

/* Resolves call->context by clause 6.3.5 and goes on with next(call), now or after the fetch of remote parts. */
void call_with_context(struct call *call, void (*next)(struct call *call));
/* ERR_OK: *ret is held by the call. ERR_TIMEOUT: suspended, call->resume will be called; anything else is final. */
MUST_CHECK enum err_code call_context(struct call *call, const struct json *value, struct context **ret);
/* Sets call->context_link (JSON), or *ret_member to what other bodies carry as "@context" (else NULL). May replace
 * *context by the core one, when the one of the request has no URL that a Link could name. */
void call_context_out(struct call *call, const struct context **context, const struct json **ret_member);

/* ---- jsonld_contexts.c ---- */

/* Where the hosted or implicitly created @context of this id is served: below public_url, else below the address that
 * the client came by. */
struct str call_stored_context_url(const struct call *call, struct str id);

/* ---- write.c ---- */

/* The handler returns without an answer; resume(call) runs on the loop once somebody has woken the request. */
void call_wait(struct call *call, void (*resume)(struct call *call));
/* For whatever was submitted, once and from any thread: how it ended (call->write_code, call->error); wakes. */
void call_ended(struct call *call, enum err_code code, const struct error *err);
/* Submits, suspends, and calls answer(call) on the loop when the outcome is durable (call->write_code) … or answers
 * with the problem when nothing can be submitted. */
void call_write(struct call *call, struct broker_item *items, size_t count, void (*answer)(struct call *call));
/* After call_write() with one item: answers any failure and returns false. */
bool call_written(struct call *call);

/* ---- gate.c ---- */

/* Who asks, and may he do this at all? False: answered (401, 403). */
bool gate_enter(struct call *call);
/* Runs the operation: after what only the prepared request tells (an officer's entity), once the audit log has it. */
void gate_run(struct call *call);
/* May the caller work on this tenant? ERR_DENIED. name "" or STR_NONE: the default one. */
MUST_CHECK enum err_code gate_tenant(struct call *call, struct str name);
/* The request is answered: the audit log is told how it ended. */
void gate_ended(struct call *call, int status);
/* What comes as "Authorization: Bearer" or "Token", as the password of "Basic", or as X-Auth-Token; STR_NONE. */
struct str call_bearer(struct call *call);
bool caller_may(const struct call *call, uint32_t permission);

/* ---- work.c ---- */

/* What waits for a disk or hashes a password: work(call) on the api's own thread (call->write_code, call->error, and
 * call->work are its to set), then answer(call) on the loop. Too many wait: answered 503. */
void call_work(struct call *call, enum err_code (*work)(struct call *call), void (*answer)(struct call *call));
MUST_CHECK enum err_code worker_new(struct worker **ret_worker, struct error *err);
struct worker *worker_free(struct worker *worker); /* after the server; NULL is fine */

/* ---- problem.c ---- */

enum problem { /* beyond the codes of errors */
	       PROBLEM_INVALID_REQUEST, /* 400 */
	       PROBLEM_BAD_REQUEST_DATA, /* 400 */
	       PROBLEM_UNKNOWN_CALLER, /* 401 */
	       PROBLEM_FORBIDDEN, /* 403 */
	       PROBLEM_LOCKED_OUT, /* 429 */
	       PROBLEM_NOT_FOUND, /* 404 */
	       PROBLEM_METHOD_NOT_ALLOWED, /* 405 */
	       PROBLEM_NOT_ACCEPTABLE, /* 406 */
	       PROBLEM_TOO_MANY_RESULTS, /* 403 */
	       PROBLEM_OPERATION_NOT_SUPPORTED, /* 422 */
	       PROBLEM_EXISTS, /* 409 */
	       PROBLEM_CONFLICT, /* 409 */
	       PROBLEM_INTERNAL, /* 500 */
	       PROBLEM_BAD_GATEWAY, /* 502 */
	       PROBLEM_GATEWAY_TIMEOUT, /* 504 */
	       PROBLEM_LOOP, /* 508 */
	       PROBLEM_UNAVAILABLE /* 503 */
};

void answer_error(struct call *call, enum err_code code, const struct error *err);
void answer_problem(struct call *call, enum problem problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The problem document alone, as batch results hold it. */
void problem_write(struct buf *out, enum err_code code, const struct error *err);
/* Likewise; returns the status. */
int problem_kind_write(struct buf *out, enum problem problem, const char *detail);
struct str call_body_media(struct call *call); /* of its Content-Type, without parameters; empty: it has none */
/* The body, unpacked where it came gzipped; as long as the request. ERR_INVALID: another coding, no gzip; ERR_LIMIT. */
MUST_CHECK enum err_code call_unpacked_body(struct call *call, size_t bytes_max, struct str *ret);
/* As InfluxDB answers: who it is, and {"error": …} of call->error. */
#define LINE_BODY_BYTES_MAX ((size_t)64 << 20) /* of a body of line protocol, unpacked */
void line_version_header(struct call *call);
void line_answer_failure(struct call *call, enum err_code code);
/* For the server's own refusals. */
void problem_refuse(struct api *api, struct http_request *request, int status, const char *reason);

/* ---- api.c ---- */

void answer_text(struct call *call, int status, struct str type, struct str body); /* body static or in the arena */
void answer_buf(struct call *call, int status, struct str type, struct buf *body); /* takes the buffer's memory */
void answer_represented(struct call *call, struct buf *body); /* 200 with call->media and call->context_link */
void answer_represented_as(struct call *call, int status, struct buf *body);
void answer_empty(struct call *call, int status);
void answer_static(struct call *call, struct str type, struct str body, const char *etag); /* 200 or 304 */
size_t api_operation_index(const struct operation *operation);
int64_t api_now_us(void); /* CLOCK_MONOTONIC */
void etag_make(struct str bytes, char etag[static 40]);

/* ---- headers.c ---- */

/* For every answer, before it goes out. */
void common_headers(const struct api *api, struct http_request *request);
/* May the page that asks have what browsers keep from no page? It may when it is this server's own (Host, public_url),
 * or of http.cors_origins; who sends no Origin is no page. */
bool origin_trusted(const struct api *api, struct http_request *request);
/* For the answer to OPTIONS: what a browser asks before it sends another site's request. */
void preflight_headers(const struct api *api, struct http_request *request);

/* ---- router.c ---- */

MUST_CHECK enum err_code router_init(struct api *api, struct error *err);
void router_dispatch(struct call *call);

/* ---- query.c ---- */

/* Answers the query that text and the call's parameters describe; call->context is there. */
void query_run(struct call *call, struct query_text *text);

/* Around the entities of an answer that holds several: an array, or a FeatureCollection with its @context. */
void collection_open(struct buf *out, enum media media);
void collection_close(struct buf *out, enum media media, const struct json *context_member);

/* ---- representation.c ---- */

/* What the parameters join, joinLevel and containedBy say (4.5.23), whether they came in the URL or in a body. */
enum join { JOIN_NONE, JOIN_INLINE, JOIN_FLAT };

struct call_join {
	enum join kind;
	uint32_t levels; /* 0 without join, else LINKED_LEVELS_MAX at most */
	const struct str *met; /* containedBy, in the request's arena */
	size_t met_count;
};

MUST_CHECK enum err_code call_join(struct call *call, struct call_join *ret_join, struct error *err);
/* All that the call's parameters say on what entities show: attrs, pick, omit, datasetId, lang, join and its kin,
 * format, options, geometryProperty. For join=inline the options have links; flat answers need a linked_page. */
MUST_CHECK enum err_code call_representation(struct call *call, struct represent_options *ret_options,
					     struct error *err);
/* Does the entity fit the parameters type and attrs? */
MUST_CHECK enum err_code call_selects(struct call *call, struct str type, struct str attrs, const struct json *entity,
				      bool *ret_fits, struct error *err);

/* ---- linked.c: join=flat, and retrieving with join ---- */

struct linked_page; /* the linked entities behind the matches of one answer */

MUST_CHECK enum err_code linked_page_new(struct call *call, const struct call_join *join,
					 const struct represent_options *options, struct linked_page **ret_page,
					 struct error *err);
struct linked_page *linked_page_free(struct linked_page *page);
/* match is visited and has been written: takes what it links to, room bytes in all for linked entities. False: they do
 * not fit, and nothing of this match was taken, or linked_page_code() says what failed. */
bool linked_page_add(struct linked_page *page, const struct json *match, size_t room);
MUST_CHECK enum err_code linked_page_code(const struct linked_page *page);
size_t linked_page_bytes(const struct linked_page *page);
/* Appends the linked entities that are no matches, commas between; first: nothing stands before them. */
void linked_page_write(const struct linked_page *page, struct buf *out, bool first);

/* Retrieve Entity with join: the whole body into out. options are those of call_representation(). */
MUST_CHECK enum err_code linked_retrieve(struct call *call, const struct call_join *join, struct str id,
					 struct represent_options *options, struct buf *out);

/* ---- entities.c ---- */

/* The entity is not here, but other sources may have it: goes on, call->not_here says it. */
bool call_may_be_elsewhere(struct call *call, enum err_code code);

/* 201 with the Location of the entity that the call's one item made, below root. */
void answer_created(struct call *call, struct str root);
void answer_created_at(struct call *call, struct str root, struct str id); /* of something else */

/* ---- entity_attributes.c ---- */

/* The entity that the path names, of the type that the parameter may demand; false: answered. */
bool call_target(struct call *call, struct str *ret_id);

/* ---- operations ---- */

void connect_charge_point(struct call *call);
void stream_changes(struct call *call);
void create_entity(struct call *call);
void query_entities(struct call *call);
void retrieve_entity(struct call *call);
void delete_entity(struct call *call);
void replace_entity(struct call *call);
void merge_entity(struct call *call);
void purge_entities(struct call *call);
void replace_attribute(struct call *call);
void append_attributes(struct call *call);
void update_attributes(struct call *call);
void partial_update(struct call *call);
void delete_attribute(struct call *call);
void batch_create(struct call *call);
void batch_upsert(struct call *call);
void batch_update(struct call *call);
void batch_delete(struct call *call);
void batch_merge(struct call *call);
void query_by_post(struct call *call);
void create_subscription(struct call *call);
void query_subscriptions(struct call *call);
void retrieve_subscription(struct call *call);
void update_subscription(struct call *call);
void delete_subscription(struct call *call);
void create_registration(struct call *call);
void query_registrations(struct call *call);
void retrieve_registration(struct call *call);
void update_registration(struct call *call);
void delete_registration(struct call *call);
void create_entity_map(struct call *call);
void create_entity_map_by_post(struct call *call);
void create_temporal_entity_map(struct call *call);
void create_temporal_entity_map_by_post(struct call *call);
void retrieve_entity_map(struct call *call);
void update_entity_map(struct call *call);
void delete_entity_map(struct call *call);
void create_snapshot(struct call *call);
void clone_snapshot(struct call *call);
void retrieve_snapshot(struct call *call);
void update_snapshot(struct call *call);
void delete_snapshot(struct call *call);
void purge_snapshots(struct call *call);
void retrieve_types(struct call *call);
void retrieve_type(struct call *call);
void retrieve_attributes(struct call *call);
void retrieve_attribute(struct call *call);
void retrieve_identity(struct call *call);
void upsert_temporal(struct call *call);
void query_temporal(struct call *call);
void query_temporal_by_post(struct call *call);
void retrieve_temporal(struct call *call);
void delete_temporal(struct call *call);
void append_temporal(struct call *call);
void delete_temporal_attribute(struct call *call);
void update_temporal_instance(struct call *call);
void delete_temporal_instance(struct call *call);
void add_context(struct call *call);
void list_contexts(struct call *call);
void serve_context(struct call *call);
void delete_context(struct call *call);
void write_lines(struct call *call);
void take_source_notification(struct call *call);
void ping_lines(struct call *call);
void query_lines(struct call *call);
void prometheus_query(struct call *call);
void prometheus_query_range(struct call *call);
void prometheus_series(struct call *call);
void prometheus_labels(struct call *call);
void prometheus_label_values(struct call *call);
void prometheus_metadata(struct call *call);
void prometheus_build_info(struct call *call);
void list_dead_letters(struct call *call);
void replay_dead_letters(struct call *call);
void drop_dead_letters(struct call *call);
void publish_gtfs(struct call *call);
void publish_vehicle_positions(struct call *call);
void publish_trip_updates(struct call *call);
void publish_alerts(struct call *call);
void publish_realtime(struct call *call);
void list_feeds(struct call *call);
void show_feed(struct call *call);
void add_feed(struct call *call);
void remove_feed(struct call *call);
void pause_feed(struct call *call);
void resume_feed(struct call *call);
void post_to_feed(struct call *call);
void write_lines_to_feed(struct call *call);
enum err_code call_no_feeds(struct call *call); /* ERR_NOT_FOUND: there is no feed of the path's name */
void show_health(struct call *call);
void show_ready(struct call *call);
void show_metrics(struct call *call);
void show_openapi(struct call *call);
void show_file(struct call *call);
void show_console(struct call *call);
void show_session(struct call *call);
void sign_in(struct call *call);
void sign_out(struct call *call);
void change_password(struct call *call);
void list_accounts(struct call *call);
void add_account(struct call *call);
void show_account(struct call *call);
void change_account(struct call *call);
void remove_account(struct call *call);
void reset_account(struct call *call);
void list_tokens(struct call *call);
void add_token(struct call *call);
void remove_token(struct call *call);
void list_audit(struct call *call);

/* metrics.c */
void metrics_count_source(struct api_loop *loop, enum source_count how);
void metrics_count(struct api_loop *loop, const struct operation *operation, int status, uint64_t duration_us);

/* openapi.c, web.c */
MUST_CHECK enum err_code openapi_init(struct api *api, struct error *err);
MUST_CHECK enum err_code web_init(struct api *api, struct error *err);

#endif
