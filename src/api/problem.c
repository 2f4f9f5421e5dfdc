/* The one map from errors to answers: status, problem type, title.
 *
 * Source: GS CIM 009 V1.9.1 clauses 5.5.2, 5.5.3, 6.3.2, 6.3.3; RFC 7807. The media type is application/json, as
 * 5.5.3 and 6.3.6 demand, not RFC 7807's own. 411 and 415 have no body (6.3.4). Numbers are those of table 6.3.2-1, as
 * ETSI's OpenAPI and the tables of the operations use them. */
#include "api/api_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct problem_kind {
	int status;
	const char *type; /* behind https://uri.etsi.org/ngsi-ld/errors/ */
	const char *title;
};

#define PROBLEM_TYPE_ROOT "https://uri.etsi.org/ngsi-ld/errors/"

static const struct problem_kind error_kinds[ERR_CODE_COUNT] = {
	[ERR_OK] = {500, "InternalError", "Internal error"},
	[ERR_INVALID] = {400, "BadRequestData", "Bad request data"},
	[ERR_NOT_FOUND] = {404, "ResourceNotFound", "Resource not found"},
	[ERR_EXISTS] = {409, "AlreadyExists", "Already exists"},
	[ERR_LIMIT] = {503, "InternalError", "A bound of this server is reached"},
	[ERR_MEMORY] = {503, "InternalError", "No memory for this request"},
	[ERR_IO] = {500, "InternalError", "Internal error"},
	/* RFC 4918: nothing is wrong with the request, and sending it again helps only once there is room. */
	[ERR_NO_ROOM] = {507, "InternalError", "No room left on the disk"},
	[ERR_CORRUPT] = {500, "InternalError", "Internal error"},
	[ERR_CONFLICT] = {409, "Conflict", "Conflict"},
	[ERR_UNSUPPORTED] = {422, "OperationNotSupported", "Operation not supported"},
	[ERR_DENIED] = {403, "InvalidRequest", "Not allowed"},
	[ERR_TIMEOUT] = {503, "InternalError", "Another process holds the database"},
	[ERR_CONTEXT] = {504, "LdContextNotAvailable", "A remote @context cannot be had"},
	[ERR_TENANT] = {404, "NonexistentTenant", "The tenant does not exist"},
	[ERR_TOO_COMPLEX] = {403, "TooComplexQuery", "The query is too complex"},
	[ERR_VERSION] = {500, "InternalError", "Internal error"},
	[ERR_INTERNAL] = {500, "InternalError", "Internal error"},
};

static const struct problem_kind problem_kinds[] = {
	[PROBLEM_INVALID_REQUEST] = {400, "InvalidRequest", "Invalid request"},
	[PROBLEM_BAD_REQUEST_DATA] = {400, "BadRequestData", "Bad request data"},
	/* The standard has no type for who asks; a request that lacks credentials is one that lacks something. */
	[PROBLEM_UNKNOWN_CALLER] = {401, "InvalidRequest", "Sign in first"},
	[PROBLEM_FORBIDDEN] = {403, "InvalidRequest", "Not allowed"},
	[PROBLEM_LOCKED_OUT] = {429, "InvalidRequest", "Too many wrong passwords"},
	[PROBLEM_NOT_FOUND] = {404, "ResourceNotFound", "Resource not found"},
	[PROBLEM_METHOD_NOT_ALLOWED] = {405, "InvalidRequest", "Method not allowed"},
	[PROBLEM_NOT_ACCEPTABLE] = {406, "InvalidRequest", "Not acceptable"},
	[PROBLEM_TOO_MANY_RESULTS] = {403, "TooManyResults", "Too many results"},
	[PROBLEM_OPERATION_NOT_SUPPORTED] = {422, "OperationNotSupported", "Operation not supported"},
	[PROBLEM_EXISTS] = {409, "AlreadyExists", "Already exists"},
	[PROBLEM_CONFLICT] = {409, "Conflict", "Conflict"},
	/* Of 6.3.17, for which table 6.3.2-1 has no types of their own. */
	[PROBLEM_BAD_GATEWAY] = {502, "InternalError", "A context source refused the request"},
	[PROBLEM_GATEWAY_TIMEOUT] = {504, "InternalError", "A context source did not answer"},
	[PROBLEM_LOOP] = {508, "InternalError", "Loop detected"},
	[PROBLEM_INTERNAL] = {500, "InternalError", "Internal error"},
	[PROBLEM_UNAVAILABLE] = {503, "InternalError", "Not available now"},
};

#define PROBLEM_BYTES_MAX 4096u

static void kind_write(struct buf *out, const struct problem_kind *kind, struct str detail)
{
	buf_printf(out, "{\"type\":\"" PROBLEM_TYPE_ROOT "%s\",\"title\":\"%s\",\"status\":%d,\"detail\":", kind->type,
		   kind->title, kind->status);
	json_write_string(out, detail);
	buf_put_char(out, '}');
}

/* What a stranger may know: causes inside the house stay in the log, found by the request's id. */
static struct str detail_shown(const struct problem_kind *kind, const struct error *err)
{
	if (kind->status == 500 || kind->status == 507 || kind == &error_kinds[ERR_TIMEOUT])
		return STR("the server's log holds the cause under this request's X-Request-Id");
	return str_from(err ? err->detail : "");
}

static const struct problem_kind *kind_of(enum err_code code)
{
	return &error_kinds[code < ERR_CODE_COUNT ? code : ERR_INTERNAL];
}

void problem_write(struct buf *out, enum err_code code, const struct error *err)
{
	const struct problem_kind *kind = kind_of(code);

	kind_write(out, kind, detail_shown(kind, err));
}

int problem_kind_write(struct buf *out, enum problem problem, const char *detail)
{
	kind_write(out, &problem_kinds[problem], str_from(detail));
	return problem_kinds[problem].status;
}

static void answer_kind(struct call *call, const struct problem_kind *kind, struct str detail)
{
	struct buf body;

	buf_init(&body, PROBLEM_BYTES_MAX);
	kind_write(&body, kind, detail);
	if (kind->status == 503)
		(void)http_response_header(call->request, "Retry-After", STR("1"));
	answer_buf(call, kind->status, STR("application/json"), &body);
}

void answer_error(struct call *call, enum err_code code, const struct error *err)
{
	const struct problem_kind *kind = kind_of(code);

	if (err && err != &call->error)
		call->error = *err;
	answer_kind(call, kind, detail_shown(kind, err));
}

/* Texts quoted here come raw from request lines and headers, and may be cut inside a character. */
static void ascii_only(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void answer_problem(struct call *call, enum problem problem, const char *format, ...)
{
	char detail[ERROR_DETAIL_BYTES] = ""; /* apart: the arguments may quote the call's error */
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	ascii_only(detail);
	call->error.where = NULL;
	memcpy(call->error.detail, detail, sizeof(detail));
	answer_kind(call, &problem_kinds[problem], str_from(call->error.detail));
}

void problem_refuse(struct api *api, struct http_request *request, int status, const char *reason)
{
	struct problem_kind kind = {status, status == 503 ? "InternalError" : "InvalidRequest", "Refused"};
	struct buf body;
	char *text;
	size_t len;

	common_headers(api, request);
	if (status == 411 || status == 415) {
		http_respond(request, status, STR(""));
		return;
	}
	if (status >= 500 && status != 503)
		kind.type = "InternalError";
	buf_init(&body, PROBLEM_BYTES_MAX);
	kind_write(&body, &kind, str_from(reason));
	text = buf_take(&body, &len);
	buf_done(&body);
	if (!text)
		return;
	(void)http_response_header(request, "Content-Type", STR("application/json"));
	http_respond_owned(request, status, text, len);
}
