/* A request to another context source: URL, headers and body, as registrations and GS CIM 009 V1.9.1 clauses 4.3.6.4 to
 * 4.3.6.6, 6.3.18 and 6.3.19 have them. Thread: any, with a reader of its own. */
#ifndef MACHI_API_SOURCE_REQUEST_H
#define MACHI_API_SOURCE_REQUEST_H

#include "broker/sources.h"
#include "net/http_sender.h"

#define VIA_MAX 64u /* sources that a request may have passed */

struct http_request;

struct source_request {
	struct source *source;
	const char *method;
	struct str path; /* behind API_ROOT, encoded: "/entities/urn:a" */
	struct str query; /* parameters, encoded, without "?"; may be empty */
	bool local_told; /* that it is for the source alone (management.localOnly) the body says: no parameter does */
	const struct json *body; /* NULL: none */
	/* What names in it stand for, as the member "@context" (NULL: the core context): a member of the body,
	 * or else a Link header. */
	const struct json *context_value;
	struct str via; /* the header */
	struct str entity_map; /* the source's own, to be used; STR_NONE: none */
	struct http_request *client; /* whose headers contextSourceInfo may ask for; NULL: nobody's */
	struct arena *arena; /* of what is made */
};

/* Fills in method, URL, headers and body of the post. */
MUST_CHECK enum err_code source_request_make(const struct source_request *request, struct http_post *post,
					     struct error *err);
/* How long it may take to answer; usual_ms: when its registration does not say; 0: 5,000. */
uint32_t source_timeout_ms(const struct source *source, uint32_t usual_ms);

/* Who this broker is to others, for this tenant; in the arena. */
MUST_CHECK enum err_code source_alias_make(struct broker_reader *reader, struct str tenant, struct arena *arena,
					   struct str *ret_alias, struct error *err);
/* The pseudonyms of a Via header (RFC 9110, 7.6.3), `room` at most: "1.1 one, HTTP/1.1 two (a comment)". */
size_t via_read(struct str via, struct str *ret, size_t room);
/* The header with this broker at its end. came: the one that a request came with; may be empty. */
MUST_CHECK enum err_code source_via_make(struct broker_reader *reader, struct str tenant, struct str came,
					 struct arena *arena, struct str *ret_via, struct error *err);

void put_escaped(struct buf *out, struct str text); /* all but unreserved characters percent-encoded (RFC 3986) */

#endif
