/* What the gate shares with the operations about who is signed in. */
#ifndef MACHI_API_GATE_INT_H
#define MACHI_API_GATE_INT_H

#include "api/api_int.h"

bool gate_is_open(const struct api *api); /* nobody is asked who he is */
struct str gate_cookie_name(const struct api *api);
struct str gate_cookie_read(struct str header, struct str name);
/* The client's address without its port: behind one of http.proxies, the one that this has put into X-Forwarded-For. */
struct str gate_peer(struct call *call);
/* A member of the request's JSON object. */
struct member {
	const char *name;
	enum json_kind kind;
	bool needed;
};
/* The body as an object that has no members but these. ERR_INVALID. */
MUST_CHECK enum err_code gate_body(struct call *call, const struct member *members, size_t count,
				   const struct json **ret_body);
/* The list of tenants that an account or token is kept to; no list: all. ERR_INVALID. */
MUST_CHECK enum err_code gate_read_tenants(struct call *call, const struct json *list, bool *ret_all,
					   const struct str **ret, uint32_t *ret_count);
void gate_answer_json(struct call *call, int status, struct buf *out); /* takes the buffer's memory */
void put_texts(struct buf *out, const struct str *texts, size_t count); /* ["a","b"] */
void put_permissions(struct buf *out, uint32_t permissions); /* their names, an array */
void put_services(struct buf *out, uint32_t services);
void put_time_or_null(struct buf *out, int64_t us); /* "2026-01-31T12:00:00Z", 0 as null */

#endif
