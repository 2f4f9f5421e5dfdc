/* Media types and Link headers: what a request says about representations and its @context. Pure.
 * Source: GS CIM 009 V1.9.1 clauses 6.3.4 to 6.3.6; RFC 9110 section 12.5.1; RFC 8288 section 3. */
#ifndef MACHI_API_NEGOTIATE_H
#define MACHI_API_NEGOTIATE_H

#include "base/str.h"

/* In the order in which 6.3.4 prefers them. */
enum media { MEDIA_JSON, MEDIA_LD_JSON, MEDIA_GEO_JSON, MEDIA_COUNT };

struct str media_name(enum media media); /* "application/json" */

/* The offered type (bits 1 << enum media) that the Accept header wants most; absent or empty means JSON.
 * MEDIA_COUNT when none is acceptable. */
enum media accept_choose(struct str accept, unsigned int offered);

enum content { CONTENT_JSON, CONTENT_LD_JSON, CONTENT_MERGE_PATCH, CONTENT_OTHER };
enum content content_type(struct str value); /* parameters such as charset are ignored */

#define PREFER_VERSION_OLDEST 100u
#define PREFER_VERSION_NEWEST 109u /* that of the standard that this broker follows */

/* The version of the standard that "ngsi-ld=MAJOR.MINOR" among the preferences (RFC 7240) asks for, as 100 × major +
 * minor and brought into the range above; 0 when there is none, or none of that form. */
unsigned int prefer_version(struct str prefer);

#define ACCEPT_PATCH "application/json, application/ld+json, application/merge-patch+json" /* clause 6.3.4 */
#define LINK_REL_CONTEXT "http://www.w3.org/ns/json-ld#context"

/* The target of the one link whose relation is LINK_REL_CONTEXT; *ret_url is STR_NONE when there is no such link.
 * False when there are several, or the header is malformed. */
bool link_context(struct str link, struct str *ret_url);

#endif
