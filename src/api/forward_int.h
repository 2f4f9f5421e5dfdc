/* Requests that the broker makes of other context sources on behalf of a client's: built, sent side by side, waited
 * for, and what came back.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6.4 to 4.3.6.6, 5.12, 6.3.17 to 6.3.19. Thread: the loop of the call, but where
 * said. */
#ifndef MACHI_API_FORWARD_INT_H
#define MACHI_API_FORWARD_INT_H

#include "api/api_int.h"
#include "api/source_request.h"
#include "broker/sources.h"
#include "net/http_forwarder.h"

#define FORWARDS_MAX 4096u /* requests of one client's request under way at once; more is ERR_LIMIT */
#define FORWARD_ANSWER_BYTES_MAX ((size_t)64 << 20) /* of one answer */
#define FORWARD_ANSWERS_BYTES_MAX ((size_t)256 << 20) /* of all that come back side by side, but each may have … */
#define FORWARD_ANSWER_BYTES_MIN ((size_t)1 << 20)
#define FORWARD_HEADER_BYTES_MAX ((size_t)64 << 10) /* of the headers of an answer */

enum forward_wanted { WANTED_LINK, WANTED_TYPE, WANTED_COUNT, WANTED_ENTITY_MAP, WANTED_RANGE, FORWARD_WANTED };

struct forward { /* one request to one source; in the call's arena */
	struct source *source;
	const char *method;
	struct str path; /* behind API_ROOT, encoded: "/entities/urn:a" */
	struct str query; /* parameters, encoded, without "?"; may be empty */
	const struct json *body; /* NULL: none */
	/* What names in it stand for, as the member "@context" (NULL: the core context): a member of the body,
	 * or else a Link header. */
	const struct json *context_value;
	struct str entity_map; /* the source's own, to be used; STR_NONE: none */
	void *self; /* the caller's */
	/* What became of it: */
	enum err_code code; /* ERR_OK: 2xx. ERR_TIMEOUT: no answer, or not even asked; else as in http_post_result */
	int status; /* 0: no answer */
	struct error error;
	struct buf answer;
	/* The inside: */
	struct http_post post;
	struct http_post_wanted wanted[FORWARD_WANTED];
	struct arena arena; /* of these headers' values */
	struct forward_round *round;
	bool sent;
};

struct forward_round {
	struct call *call;
	struct forward **at; /* in the order in which they were added */
	size_t count, room;
	_Atomic size_t left; /* that have not ended, and one for the sender */
	void (*then)(struct call *call);
};

/* ---- whom to ask ---- */

/* False: this broker has passed the request on already, and it is answered (6.3.17, 6.3.18). */
bool call_is_first(struct call *call);
/* May other sources have a say in this request? Not when it is limited to this broker (5.5.13), nor when there are no
 * registrations. Answers the request itself (a loop, 6.3.17; bad flags) and returns false with *ret_answered. */
bool call_is_distributed(struct call *call, bool *ret_answered);
/* Those that match, for as long as the call lives, but for those that the request has passed (5.12). for_change: those
 * too, and those that do not support the operation: where they are proxied ones, the change has failed. The question's
 * match->now_us is set. */
MUST_CHECK enum err_code call_sources(struct call *call, enum source_operation operation, bool for_change,
				      struct registration_question *match, struct source_list *ret);
bool call_has_passed(struct call *call, const struct source *source);

/* ---- asking ---- */

MUST_CHECK enum err_code forward_round_new(struct call *call, struct forward_round **ret_round);
/* One more; NULL: no memory, or too many. */
struct forward *forward_add(struct forward_round *round, struct source *source, const char *method, struct str path);
/* Sends all, and calls then(call) when every one has ended: at once when there is nobody to ask, else when woken on the
 * call's loop. Nothing of the call may be touched after this but by then(). */
void forward_send(struct forward_round *round, void (*then)(struct call *call));

/* ---- building ---- */

/* The @context by which names in requests to this source are written: that of its registration ("jsonldContext",
 * 4.3.6.6), else the client's. ERR_TIMEOUT: suspended, call->resume will be called. */
MUST_CHECK enum err_code forward_names(struct call *call, const struct source *source, struct context **ret_names);
/* A q whose names are written by names instead of the client's @context. */
MUST_CHECK enum err_code forward_rename_q(struct call *call, const struct context *names, const struct str *q,
					  struct str *ret_q);

/* "name=value", "&" before it where something stands there; nothing when value.at is NULL. */
void put_parameter(struct buf *out, struct str name, struct str value);
/* "/entities/ID" */
struct str entity_path(struct arena *arena, struct str id);

/* ---- what came back ---- */

struct str forward_header(const struct forward *forward, enum forward_wanted wanted); /* STR_NONE: absent */
/* Counts how the source did. absent_is_fine: 404 says that it has nothing, which is no failure. True when it did what
 * was asked of it (2xx), or had nothing. */
bool forward_settle(struct forward *forward, bool absent_is_fine);
/* Is there another page behind this answer (6.3.10)? */
bool forward_has_next(const struct forward *forward);
/* The answer as JSON, in the call's arena, and the @context of its names. ERR_TIMEOUT: suspended, call->resume will be
 * called; anything else but ERR_OK: it is no JSON, or its @context cannot be had. */
MUST_CHECK enum err_code forward_read(struct forward *forward, struct json **ret_body, struct context **ret_context);
/* Settles (absence is fine), reads, and lets go of the bytes. *ret_body NULL: the source has nothing, or has failed, of
 * which a warning is noted. ERR_TIMEOUT: suspended; ERR_MEMORY: what it said does not fit, which is noted too. */
MUST_CHECK enum err_code forward_take(struct forward *forward, struct json **ret_body, struct context **ret_context);
/* The answer as JSON alone, for what needs no @context; NULL: it is none. */
struct json *forward_body(struct forward *forward);
/* What the answer's header NGSILD-Warning says of it (6.3.17): a code of table 6.3.17-1, for reading operations. */
void forward_warn(struct forward *forward, int code);
void forward_warn_failure(struct forward *forward); /* the code that fits what became of it */
/* The headers that all warnings make. Before the answer. */
void forward_warnings_put(struct call *call);
/* What an unsafe method's failure is to the client (6.3.17): 404, 409, 502, 504 or 508, as a problem document. */
int forward_problem_write(const struct forward *forward, struct buf *out);

#endif
