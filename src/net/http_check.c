/* What a head may not say: what RFC 9112 has refused, what could be read in two ways, and our bounds. */
#include "net/http_int.h"

#include <string.h>

/* ---- the fields ---- */

static enum MHD_Result head_visit(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				  const char *value, size_t value_len)
{
	struct http_fields *fields = cls;
	struct str name = {key, key_len};
	struct str *field = NULL;

	(void)kind;
	fields->broken = fields->broken || !http_is_token(name);
	if (str_eq_nocase(name, STR("Host")))
		field = &fields->host;
	else if (str_eq_nocase(name, STR("Content-Length")))
		field = &fields->length;
	else if (str_eq_nocase(name, STR("Transfer-Encoding")))
		field = &fields->coding;
	else if (str_eq_nocase(name, STR("Expect")))
		field = &fields->expect;
	else if (str_eq_nocase(name, STR("X-Request-Id")))
		field = &fields->id;
	/* libmicrohttpd compares with blanks, if there are any behind it, and would take the chunks for a body. */
	fields->chunked = fields->chunked || (field == &fields->coding && value &&
					      str_eq_nocase((struct str){value, value_len}, STR("chunked")));
	fields->hosts += field == &fields->host;
	fields->lengths += field == &fields->length;
	if (field)
		*field = http_field_join(fields->arena, *field, str_trim((struct str){value ? value : "", value_len}));
	return MHD_YES;
}

void http_fields_read(const struct http_request *request, struct http_fields *fields)
{
	(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, head_visit, fields);
}

/* ---- refusing ---- */

void http_refuse_later(struct http_request *request, int status, const char *reason)
{
	if (request->refusal_status)
		return;
	request->refusal_status = status;
	request->refusal_reason = reason;
}

static void refuse_last(struct http_request *request, int status, const char *reason)
{
	http_refuse_later(request, status, reason);
	request->last = true;
}

bool http_is_server_wide(const struct http_request *request)
{
	return str_eq(request->path, STR("*")) && str_eq(request->method, STR("OPTIONS"));
}

/* Where the body ends (RFC 9112 sections 6.1 and 6.3). Two servers on the way of a request that see different ends can
 * be made to see different requests, so what could be read in two ways is refused and ends the connection. A chunked
 * body ends it too, after its answer: libmicrohttpd takes a bare line feed for the end of a chunk's line, a proxy
 * before us perhaps not, and then they see different ends. */
static void framing_check(struct http_request *request, const struct http_fields *fields, const char *version,
			  uint64_t *ret_length)
{
	*ret_length = 0;
	if (fields->coding.at && fields->length.at)
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other");
	else if (fields->coding.at && strcmp(version, MHD_HTTP_VERSION_1_1) != 0)
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "Transfer-Encoding is of HTTP/1.1");
	else if (fields->coding.at && (!fields->chunked || !str_eq_nocase(fields->coding, STR("chunked"))))
		refuse_last(request, MHD_HTTP_NOT_IMPLEMENTED, "of transfer codings, chunked alone is taken");
	else if (fields->coding.at)
		request->chunked = request->last = true;
	else if (fields->lengths > 1 || (fields->length.at && !str_to_uint64(fields->length, ret_length)))
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "Content-Length is not one number");
	if (*ret_length > request->loop->server->options.body_bytes_max)
		http_refuse_later(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
}

void http_head_check(struct http_request *request, const char *method, const char *version,
		     const struct http_fields *fields, uint64_t *ret_length)
{
	const struct http_server *server = request->loop->server;
	const char *reason = NULL;

	if (fields->broken)
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "a header's name has characters that are not allowed there");
	framing_check(request, fields, version, ret_length);
	if (request->path.len + request->query.len > server->head_bytes_max / 2)
		http_refuse_later(request, MHD_HTTP_URI_TOO_LONG, "the request target is too long");
	if (request->head_bytes > server->head_bytes_max)
		http_refuse_later(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
				  "the request's headers are too large");
	if (!http_head_whole(request, method, version))
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "the request's head has a NUL or a folded header");
	if (request->path.at[0] != '/' && !http_is_server_wide(request))
		http_refuse_later(request, MHD_HTTP_BAD_REQUEST,
				  "the request target is neither a path nor an http URL");
	if (!http_target_plain(request->path) || !http_target_plain(request->query))
		refuse_last(request, MHD_HTTP_BAD_REQUEST, "the request target has blanks or control characters");
	if (fields->hosts > 1 || (strcmp(version, MHD_HTTP_VERSION_1_1) == 0 && !fields->host.at))
		http_refuse_later(request, MHD_HTTP_BAD_REQUEST, "an HTTP/1.1 request needs one Host header");
	if (request->query.len && !http_query_parse(&request->arena, request->query, &request->parameters,
						    &request->parameter_count, &reason))
		http_refuse_later(request, MHD_HTTP_BAD_REQUEST, reason);
}
