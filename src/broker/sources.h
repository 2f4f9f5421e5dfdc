/* Which registered sources an operation concerns (GS CIM 009 V1.9.1, 4.3.6, 5.12), what may be asked of them, and how
 * they have answered.
 *
 * A source is a registration as it was when it was asked for: it holds it, whatever becomes of it meanwhile. Its texts
 * are borrowed from it. How it has answered is kept in memory for each registration, however often that is updated, and
 * is gone after a restart. Thread: any. */
#ifndef MACHI_BROKER_SOURCES_H
#define MACHI_BROKER_SOURCES_H

#include "broker/broker.h"
#include "ngsild/registration.h"

/* How long a source is left alone that could not be reached or did not answer in time, when its registration says
 * nothing (management.cooldown): twice as long after each further time, at most … When it is over one request is let
 * through, and the others follow once that was answered. */
#define SOURCE_COOLDOWN_MS 2000
#define SOURCE_COOLDOWN_MS_MAX 60000
#define SOURCE_MANAGEMENT_MS_MAX 86400000 /* what is registered as timeout or cooldown is cut at a day */

struct source;
struct source_list {
	struct source **at; /* in the caller's arena */
	size_t count;
};

struct source_question {
	const struct registration_question *match; /* 5.10.2, 5.12; its now_us is not looked at. NULL: all */
	enum source_operation operation;
	bool any_operation; /* give those too that do not support it: source_supports() tells */
	const struct str *via; /* pseudonyms of the sources that the request has passed: these are left out (5.12) */
	size_t via_count;
};

/* Are there registrations in this tenant? One atomic load, no lock. True may be said in error, when there are some in
 * another tenant; false never (but of a tenant that is not open). */
bool broker_has_registrations(const struct broker *broker, struct str tenant);

/* Those that match, were registered for the operation (4.20) and have not expired, in the order exclusive, redirect,
 * inclusive, auxiliary, and within each of their ids. None where the tenant is not open. What is given is released by
 * sources_release(), before the arena is cleared. ERR_MEMORY. */
MUST_CHECK enum err_code broker_sources(struct broker_reader *reader, struct str tenant,
					const struct source_question *question, struct arena *arena,
					struct source_list *ret, struct error *err);
void sources_release(struct source_list *list); /* an empty one is fine; it is empty afterwards */

/* ---- what is registered ---- */

struct str source_id(const struct source *source);
enum registration_mode source_mode(const struct source *source);
struct str source_endpoint(const struct source *source); /* a URL */
struct str source_tenant(const struct source *source); /* at the source; STR_NONE: none */
struct str source_alias(const struct source *source); /* contextSourceAlias; STR_NONE: none */
bool source_supports(const struct source *source, enum source_operation operation);
struct str source_dataset(const struct source *source, size_t at); /* STR_NONE: no more of them */
const struct json *source_scopes(const struct source *source); /* an array of texts; NULL: none registered */
const struct json *source_document(const struct source *source); /* all of it; names are IRIs */

/* contextSourceInfo (4.3.6.6). False: there is no more of it. Values are secrets: they go to the source alone. */
bool source_info(const struct source *source, size_t at, struct str *ret_key, struct str *ret_value);
/* The value of a key, such as "accept", "contentType", "jsonldContext", "ngsildConformance"; STR_NONE: none. */
struct str source_info_value(const struct source *source, struct str key);

struct source_management { /* 5.2.34 */
	bool local_only;
	int64_t timeout_ms, cooldown_ms; /* 0: not said */
	int64_t cache_us; /* cacheDuration; 0: nothing is cached */
};
struct source_management source_management(const struct source *source);

/* registration_covers(), registration_parts() (match NULL: all). */
bool source_covers(const struct source *source, const struct registration_entity *entity, struct str attribute_iri);
MUST_CHECK bool source_parts(const struct source *source, const struct registration_question *match,
			     struct arena *arena, struct registration_part **ret_parts, size_t *ret_count);

/* ---- how it answers ---- */

enum source_end {
	SOURCE_ANSWERED, /* as it should; what it has not got (404) is such an answer to a retrieval */
	SOURCE_REFUSED, /* an error, or what is no answer: it has failed, and may be asked again at once */
	SOURCE_SILENT /* not reached, or no answer in time: it is left alone for a while */
};

/* May it be asked now? ERR_TIMEOUT: it is left alone, which counts as no answer in time (5.2.34, 6.3.17); the error's
 * sentence says until when. ERR_DENIED: what it is to be sent in contextSourceInfo is sealed, and cannot be opened.
 * ERR_OK: source_ended() follows, or nothing when it was not asked after all. now_us: the broker's clock. */
MUST_CHECK enum err_code source_begin(const struct source *source, int64_t now_us, struct error *err);
/* Counts it: timesSent, timesFailed, lastSuccess, lastFailure and status of the registration. */
void source_ended(const struct source *source, enum source_end end, int64_t now_us);

#endif
