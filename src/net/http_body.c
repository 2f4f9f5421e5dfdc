/* The memory of bodies. Small ones lie in the request's arena. Large ones are malloc's, and a loop keeps a few of those
 * for the next requests: whoever sends a megabyte of measurements every second would otherwise have the system map and
 * clear as many fresh pages for each, which costs more than reading them. What nobody used for a sweep goes back. */
#include "net/http_int.h"

#include <stdlib.h>
#include <string.h>

/* A spare one of at least so many bytes, or NULL. */
static char *take_spare(struct http_loop *loop, size_t bytes, size_t *ret_bytes)
{
	for (uint32_t i = 0; i < loop->spare_body_count; i++) {
		struct http_spare_body spare = loop->spare_bodies[i];

		if (spare.bytes < bytes)
			continue;
		loop->spare_bodies[i] = loop->spare_bodies[--loop->spare_body_count];
		*ret_bytes = spare.bytes;
		return spare.at;
	}
	return NULL;
}

static void give_spare(struct http_loop *loop, char *at, size_t bytes)
{
	if (bytes > HTTP_SPARE_BODY_BYTES_MAX || loop->spare_body_count == HTTP_SPARE_BODIES_MAX) {
		free(at);
		return;
	}
	loop->spare_bodies[loop->spare_body_count++] = (struct http_spare_body){at, bytes};
	loop->spare_bodies_used = true;
}

/* bytes: with the padding. What the body has so far moves along. */
static bool move_to(struct http_request *request, size_t bytes)
{
	size_t got = bytes;
	char *at = take_spare(request->loop, bytes, &got);

	if (!at)
		at = malloc(bytes);
	if (!at)
		return false;
	if (request->body)
		memcpy(at, request->body, request->body_len);
	if (request->body_owned)
		give_spare(request->loop, request->body, request->body_room + HTTP_BODY_PADDING_BYTES);
	request->body = at;
	request->body_room = got - HTTP_BODY_PADDING_BYTES;
	request->body_owned = true;
	return true;
}

bool http_body_announce(struct http_request *request, size_t len)
{
	if (len > HTTP_ARENA_BODY_BYTES_MAX)
		return move_to(request, len + HTTP_BODY_PADDING_BYTES);
	request->body = arena_bytes(&request->arena, len, HTTP_BODY_PADDING_BYTES);
	request->body_room = len;
	return request->body != NULL;
}

bool http_body_grow(struct http_request *request, size_t more)
{
	size_t need = request->body_len + more, max = request->loop->server->options.body_bytes_max;
	size_t room = request->body_room ? request->body_room : HTTP_CHUNKED_BODY_BYTES_MIN;

	if (request->body && need <= request->body_room)
		return true;
	while (room < need)
		room *= 2;
	if (room > max && need <= max)
		room = max;
	return move_to(request, room + HTTP_BODY_PADDING_BYTES);
}

void http_body_drop(struct http_request *request)
{
	if (request->body_owned)
		give_spare(request->loop, request->body, request->body_room + HTTP_BODY_PADDING_BYTES);
	request->body = NULL;
	request->body_owned = false;
	if (request->scratch)
		give_spare(request->loop, request->scratch, request->scratch_bytes);
	request->scratch = NULL;
}

char *http_request_scratch(struct http_request *request, size_t bytes, size_t *ret_bytes)
{
	if (!request->scratch || request->scratch_bytes < bytes) {
		free(request->scratch);
		request->scratch_bytes = bytes;
		request->scratch = take_spare(request->loop, bytes, &request->scratch_bytes);
		if (!request->scratch)
			request->scratch = malloc(bytes);
	}
	*ret_bytes = request->scratch ? request->scratch_bytes : 0;
	return request->scratch;
}

void http_bodies_sweep(struct http_loop *loop)
{
	if (!loop->spare_bodies_used)
		http_bodies_free(loop);
	loop->spare_bodies_used = false;
}

void http_bodies_free(struct http_loop *loop)
{
	while (loop->spare_body_count > 0)
		free(loop->spare_bodies[--loop->spare_body_count].at);
}
