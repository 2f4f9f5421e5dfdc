/* The HTTP face of the broker: NGSI-LD under /ngsi-ld/v1, health, metrics, the API's description and a start page.
 *
 * It plugs into an HTTP server: api_plug() fills the callbacks of struct http_server_options. Source: GS CIM 009 V1.9.1
 * clause 6. Thread: one api serves every loop; what belongs to a loop (its reader, its counters) is made by
 * api_loop_start(). Setters may be called from any thread. */
#ifndef MACHI_API_API_H
#define MACHI_API_API_H

#include "base/buf.h"
#include "broker/broker.h"
#include "net/http_server.h"

#define API_PAGE_DEFAULT 20u
#define API_PAGE_MAX 1000u
#define API_ANSWER_BYTES_MAX (UINT64_C(64) << 20)
#define API_INSTANCES_MAX 10000u
#define API_INSTANCES_TOTAL_MAX 200000u
#define API_METRICS_WRITERS_MAX 16u
#define API_ROOT "/ngsi-ld/v1"

struct access;
struct api;
struct feed_set;
struct gtfs_publisher;
struct http_forwarder;

/* One request, for the access log. Texts are borrowed until the callback returns. */
struct api_log_entry {
	struct str method, path, request_id, peer;
	struct str tenant; /* STR_NONE: the default one */
	int status; /* 0: the connection was lost before an answer */
	uint64_t response_bytes; /* of the body */
	uint64_t duration_us;
	bool is_probe; /* of /ready, which says 503 while the server starts and drains: no failure */
	const struct error *error; /* the cause of a 5xx; NULL otherwise */
};

/* What the console is told. Texts outlive the api; NULL and "" are the same. */
struct api_console {
	const char *folder; /* the console's files are read from there at each request; "": those in the program */
	const char *city; /* its name */
	const char *tiles; /* URL of map tiles with {z}, {x} and {y}, or of a PMTiles archive; "": none */
	const char *tiles_attribution;
};

struct api_options {
	struct broker *broker; /* outlives the api */
	uint32_t page_entities_default; /* entities in an answer without limit=; 0: API_PAGE_DEFAULT */
	uint32_t page_entities_max; /* the largest limit=; 0: API_PAGE_MAX */
	uint32_t batch_entities_max; /* 0: BROKER_BATCH_ENTITIES_MAX */
	uint64_t answer_bytes_max; /* of a query's answer, a longer page is cut short; 0: API_ANSWER_BYTES_MAX */
	uint32_t instances_max; /* of each attribute of an evolution in an answer (6.3.10); 0: API_INSTANCES_MAX */
	uint32_t instances_total_max; /* of all of them in an answer; 0: API_INSTANCES_TOTAL_MAX */
	const char *const *cors_origins; /* web origins that browsers may call from; "*": any. Outlive the api */
	size_t cors_origin_count;
	const char *cors_methods; /* that pages may use, separated by commas; NULL: all. Outlives the api */
	const char *cors_headers; /* that pages may send, separated by commas; NULL or "*": any. Outlives the api */
	uint32_t cors_max_age_s; /* how long a browser may remember these */
	const char *public_url; /* "https://host", where clients reach this server; "" or NULL: by the Host header */
	/* Through which other context sources are asked; NULL: none is ever asked. Outlives the server. */
	struct feed_set *feeds; /* NULL: there are none */
	struct gtfs_publisher *publisher; /* NULL: timetables are not published */
	struct http_forwarder *forwarder;
	uint32_t source_timeout_ms; /* for their answers when the registration does not say; 0: 5,000 */
	bool split_entities; /* entities may be spread over sources, when a query does not say (5.7.2.4) */
	struct api_console console;
	struct access *access; /* who may do what; outlives the api. NULL: as with open, and nothing is audited */
	bool open; /* whoever reaches the server may do everything; requests must name a host of the machine itself */
	const char *const *proxies; /* addresses whose X-Forwarded-For is believed. Outlive the api */
	size_t proxy_count;
	const char *own_secret; /* of 32 bytes or more: a Bearer who has it is this process itself; NULL: none has */
	const char *version; /* of the program, for metrics and the API's description */
	void (*log)(void *self, const struct api_log_entry *entry); /* loop's thread, once per request; may be NULL */
	void *log_self;
};

MUST_CHECK enum err_code api_new(const struct api_options *options, struct api **ret_api, struct error *err);
/* The server must be freed before. */
struct api *api_free(struct api *api);

/* Sets loop_start, loop_stop, handle, refuse, finished and self; the rest stays as it is. */
void api_plug(struct api *api, struct http_server_options *options);
/* Whose statistics /metrics shows; NULL before the server is freed. */
void api_set_server(struct api *api, const struct http_server *server);
/* page_entities_default and page_entities_max anew (0: as in struct api_options), for requests from now on. */
void api_set_page_limits(struct api *api, uint32_t entities_default, uint32_t entities_max);
/* /ready answers 503 until it is set, and again once it is taken back (draining). Initially false. */
void api_set_ready(struct api *api, bool ready);
/* Adds lines to /metrics (Prometheus text format 0.0.4): write is called on a loop's thread with the whole text so
 * far. ERR_LIMIT beyond API_METRICS_WRITERS_MAX. Before the server starts. */
MUST_CHECK enum err_code api_add_metrics(struct api *api, void (*write)(void *self, struct buf *out), void *self,
					 struct error *err);

#endif
