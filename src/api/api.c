/* The api as a whole: its making, its place in the server, and how every answer leaves. */
#include "api/api_int.h"

#include "base/time_value.h"
#include "broker/streams.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define API_ARENA_BYTES_MAX (UINT64_C(16) << 20)

int64_t api_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

size_t api_operation_index(const struct operation *operation)
{
	return operation ? (size_t)(operation - operations) : operation_count;
}

bool call_on_end(struct call *call, void (*release)(void *thing), void *thing)
{
	struct call_end *end = arena_new(call->arena, struct call_end);

	if (!end)
		return false;
	*end = (struct call_end){release, thing, call->ends};
	call->ends = end;
	return true;
}

/* ---- making ---- */

static void options_default(struct api_options *options)
{
	if (!options->page_entities_default)
		options->page_entities_default = API_PAGE_DEFAULT;
	if (!options->page_entities_max)
		options->page_entities_max = API_PAGE_MAX;
	if (options->page_entities_default > options->page_entities_max)
		options->page_entities_default = options->page_entities_max;
	if (!options->batch_entities_max || options->batch_entities_max > BROKER_BATCH_ENTITIES_MAX)
		options->batch_entities_max = BROKER_BATCH_ENTITIES_MAX;
	if (!options->answer_bytes_max)
		options->answer_bytes_max = API_ANSWER_BYTES_MAX;
	if (!options->instances_max)
		options->instances_max = API_INSTANCES_MAX;
	if (!options->instances_total_max)
		options->instances_total_max = API_INSTANCES_TOTAL_MAX;
	if (!options->version)
		options->version = "0";
	if (!options->cors_methods)
		options->cors_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
	if (!options->cors_headers)
		options->cors_headers = "*";
}

enum err_code api_new(const struct api_options *options, struct api **ret_api, struct error *err)
{
	assert(options->broker);
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		return err_set(err, ERR_MEMORY, "no memory for the api");
	api->options = *options;
	options_default(&api->options);
	api_set_page_limits(api, api->options.page_entities_default, api->options.page_entities_max);
	arena_init(&api->arena, API_ARENA_BYTES_MAX);
	(void)pthread_mutex_init(&api->lock, NULL);
	api->start_us = api_now_us();
	enum err_code code = router_init(api, err);

	if (code == ERR_OK)
		code = openapi_init(api, err);
	if (code == ERR_OK)
		code = web_init(api, err);
	if (code == ERR_OK && api->options.access)
		code = worker_new(&api->worker, err);
	if (code != ERR_OK) {
		(void)api_free(api);
		return code;
	}
	*ret_api = api;
	return ERR_OK;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	while (api->loops) {
		struct api_loop *next = api->loops->next;

		free(api->loops);
		api->loops = next;
	}
	(void)worker_free(api->worker);
	(void)pthread_mutex_destroy(&api->lock);
	arena_done(&api->arena);
	free(api);
	return NULL;
}

void api_set_server(struct api *api, const struct http_server *server)
{
	atomic_store(&api->server, server);
}

void api_set_ready(struct api *api, bool ready)
{
	atomic_store(&api->ready, ready);
}

void api_set_page_limits(struct api *api, uint32_t entities_default, uint32_t entities_max)
{
	struct api_options options = {.page_entities_default = entities_default, .page_entities_max = entities_max};

	options_default(&options);
	atomic_store(&api->page_default, options.page_entities_default);
	atomic_store(&api->page_max, options.page_entities_max);
}

enum err_code api_add_metrics(struct api *api, void (*write)(void *self, struct buf *out), void *self,
			      struct error *err)
{
	if (api->metrics_count == API_METRICS_WRITERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %u rooms write metrics", API_METRICS_WRITERS_MAX);
	api->metrics[api->metrics_count++] = (struct metrics_writer){write, self};
	return ERR_OK;
}

/* ---- in the server ---- */

static enum err_code on_loop_start(void *self, uint32_t loop_index, void **ret_loop_state, struct error *err)
{
	struct api *api = self;
	struct api_loop *loop = calloc(1, sizeof(*loop));

	(void)loop_index;
	if (!loop)
		return err_set(err, ERR_MEMORY, "no memory for a loop's state");
	enum err_code code = broker_reader_new(api->options.broker, &loop->reader, err);

	if (code != ERR_OK) {
		free(loop);
		return code;
	}
	loop->api = api;
	arena_init(&loop->scratch, API_SCRATCH_BYTES_MAX);
	(void)pthread_mutex_lock(&api->lock);
	loop->next = api->loops;
	api->loops = loop;
	(void)pthread_mutex_unlock(&api->lock);
	*ret_loop_state = loop;
	return ERR_OK;
}

/* The counters stay for /metrics until the api goes. */
static void on_loop_stop(void *self, void *loop_state)
{
	struct api_loop *loop = loop_state;

	(void)self;
	loop->reader = broker_reader_free(loop->reader);
	arena_done(&loop->scratch);
}

static void on_request(void *self, void *loop_state, struct http_request *request)
{
	struct api *api = self;
	struct arena *arena = http_request_arena(request);
	struct call *call = arena_new(arena, struct call);

	if (!call) {
		problem_refuse(api, request, 503, "no memory for this request");
		return;
	}
	call->api = api;
	call->loop = loop_state;
	call->request = request;
	call->arena = arena;
	http_request_set_state(request, call);
	router_dispatch(call);
}

static void on_refuse(void *self, struct http_request *request, int status, const char *reason)
{
	problem_refuse(self, request, status, reason);
}

static void on_finished(void *self, void *loop_state, struct http_request *request)
{
	struct api *api = self;
	struct call *call = http_request_state(request);
	int status = http_request_status(request);
	int64_t duration_us = api_now_us() - http_request_start_us(request);

	/* How long somebody listened is nothing to wait for. */
	metrics_count(loop_state, call ? call->operation : NULL, status,
		      call && call->stream ? 0 : (uint64_t)duration_us);
	if (api->options.log) {
		const struct api_log_entry entry = {
			.method = http_request_method(request),
			.path = http_request_path(request),
			.request_id = http_request_id(request),
			.peer = http_request_peer(request),
			.tenant = call ? call->tenant_name : STR_NONE,
			.status = status,
			.response_bytes = http_request_response_bytes(request),
			.duration_us = (uint64_t)duration_us,
			.is_probe = call && call->operation && call->operation->run == show_ready,
			.error = call && status >= 500 ? &call->error : NULL,
		};

		api->options.log(api->options.log_self, &entry);
	}
	if (call) {
		gate_ended(call, status);
		broker_stream_close(call->stream);
		broker_place_release(call->place);
	}
	broker_reader_let_go(((struct api_loop *)loop_state)->reader);
	for (struct call_end *end = call ? call->ends : NULL; end; end = end->next)
		end->release(end->thing);
}

void api_plug(struct api *api, struct http_server_options *options)
{
	options->loop_start = on_loop_start;
	options->loop_stop = on_loop_stop;
	options->handle = on_request;
	options->refuse = on_refuse;
	options->finished = on_finished;
	options->self = api;
}

/* ---- answers ---- */

static void answer_headers(struct call *call, struct str type)
{
	if (type.len)
		(void)http_response_header(call->request, "Content-Type", type);
	(void)http_response_header(call->request, "X-Content-Type-Options", STR("nosniff"));
	common_headers(call->api, call->request);
}

void answer_text(struct call *call, int status, struct str type, struct str body)
{
	answer_headers(call, type);
	http_respond(call->request, status, body);
}

void answer_buf(struct call *call, int status, struct str type, struct buf *body)
{
	size_t len;
	char *text = buf_take(body, &len);

	buf_done(body);
	if (!text) {
		problem_refuse(call->api, call->request, 503, "no memory for the answer");
		return;
	}
	answer_headers(call, type);
	http_respond_owned(call->request, status, text, len);
}

/* Clause 6.3.6: which version the answer conforms to. True when entities are made to conform to an earlier one
 * (4.3.6.8). */
static bool version_header(struct call *call)
{
	unsigned int version = prefer_version(http_request_header(call->request, STR("Prefer")));
	enum answer_kind answer = call->operation->answer;

	if (!version)
		return false;
	if (answer != ANSWER_ENTITY && answer != ANSWER_ENTITIES)
		version = PREFER_VERSION_NEWEST;
	(void)http_response_header(call->request, "Preference-Applied",
				   arena_printf(call->arena, "ngsi-ld=%u.%u", version / 100, version % 100));
	return version < PREFER_VERSION_NEWEST;
}

void answer_represented(struct call *call, struct buf *body)
{
	answer_represented_as(call, 200, body);
}

void answer_represented_as(struct call *call, int status, struct buf *body)
{
	if (call->context_link.at)
		(void)http_response_header(call->request, "Link", call->context_link);
	if (version_header(call) && status == 200)
		status = 203; /* tables 6.4.3.2-3 and 6.5.3.1-3 */
	/* A Link beside GeoJSON means that the body is plain JSON, as was asked for (6.3.6; RFC 7240 section 3). */
	if (call->media == MEDIA_GEO_JSON && call->context_link.at)
		(void)http_response_header(call->request, "Preference-Applied", STR("body=json"));
	answer_buf(call, status, media_name(call->media), body);
}

void answer_empty(struct call *call, int status)
{
	answer_text(call, status, STR_NONE, STR(""));
}

void etag_make(struct str bytes, char etag[static 40])
{
	(void)snprintf(etag, 40, "\"%016llx%016llx\"", (unsigned long long)str_hash(bytes, 1),
		       (unsigned long long)str_hash(bytes, 2));
}

void answer_static(struct call *call, struct str type, struct str body, const char *etag)
{
	struct str known = http_request_header(call->request, STR("If-None-Match"));

	(void)http_response_header(call->request, "ETag", str_from(etag));
	(void)http_response_header(call->request, "Cache-Control", STR("no-cache"));
	if (known.at && (str_contains(known, str_from(etag)) || str_eq(known, STR("*"))))
		answer_text(call, 304, STR_NONE, STR(""));
	else
		answer_text(call, 200, type, body);
}
