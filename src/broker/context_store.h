/* Stored @contexts: those that clients have the broker host, those that it made itself, and its cache of remote ones.
 *
 * Hosted and implicitly created ones are durable; whoever names one by its URL, in a Link header or a body, gets it
 * from here without a request over the network, whatever host the URL has: its id exists once in the world. They belong
 * to a tenant: listed, shown and deleted within it only; their content is handed to whoever knows the id, since readers
 * of JSON-LD follow URLs without our headers. Cached ones are the broker's own, listed and managed in the default
 * tenant.
 * Source: GS CIM 009 V1.9.1 clause 5.13. Thread: any. */
#ifndef MACHI_BROKER_CONTEXT_STORE_H
#define MACHI_BROKER_CONTEXT_STORE_H

#include "broker/broker.h"

#define CONTEXT_PATH "/ngsi-ld/v1/jsonldContexts/" /* behind it: the id */
#define CONTEXT_STORED_MAX 4096u /* hosted and implicitly created */
#define CONTEXT_STORED_BYTES_MAX ((size_t)64 << 20) /* of these together */
#define CONTEXT_BODY_BYTES_MAX ((size_t)1 << 20) /* of one document */
#define CONTEXT_URL_BYTES_MAX 2048
#define CONTEXT_ID_BYTES 46 /* "urn:uuid:" and a UUID of RFC 9562, with its NUL */
#define CONTEXT_TAG_BYTES_MAX 256 /* of an ETag; a longer one is not used */

/* ---- what fetches remote ones (broker_options.fetch) ---- */

struct context_request {
	const char *url;
	/* Of the copy at hand: the source may answer that it still holds. NULL: none. */
	const char *etag, *last_modified;
};

struct context_answer {
	bool not_modified; /* the copy still holds, body is empty */
	bool no_store; /* not to be kept beyond its immediate use */
	bool heuristic; /* fresh_s is a guess */
	int64_t fresh_s; /* how long it may be used from now; -1: the source does not say */
	/* "": none, or for url: the one that was asked for. url is where it was found, after redirects. */
	char etag[CONTEXT_TAG_BYTES_MAX + 1], last_modified[CONTEXT_TAG_BYTES_MAX + 1];
	char url[CONTEXT_URL_BYTES_MAX + 1];
};

/* ---- looking ---- */

enum stored_context_kind { CONTEXT_CACHED, CONTEXT_HOSTED, CONTEXT_IMPLICIT, CONTEXT_KIND_COUNT };

struct str stored_context_kind_name(enum stored_context_kind kind); /* "Cached", "Hosted", "ImplicitlyCreated" */

struct stored_context { /* texts lie in the arena asked for */
	struct str id; /* unique in this broker, a URI */
	struct str url; /* of a cached one: where it comes from; STR_NONE otherwise */
	enum stored_context_kind kind;
	int64_t created_us;
	int64_t expires_us; /* of a cached one: when it will be fetched again; 0 otherwise */
	int64_t last_usage_us; /* 0: not since the broker was opened */
	uint64_t hits; /* how often it was found here, since the broker was opened */
	size_t bytes;
	struct str etag; /* of a cached one; STR_NONE: none */
	struct str failure; /* why the last fetch of a cached one failed; STR_NONE: it did not */
};

/* Those of a tenant, by their age; kinds are bits 1 << enum stored_context_kind. ERR_MEMORY. */
MUST_CHECK enum err_code stored_context_list(struct broker *broker, struct str tenant, unsigned int kinds,
					     struct arena *arena, struct stored_context **ret_list, size_t *ret_count,
					     struct error *err);
/* name: an id, or the URL of a cached one. ERR_NOT_FOUND, ERR_MEMORY. */
MUST_CHECK enum err_code stored_context_find(struct broker *broker, struct str tenant, struct str name,
					     struct arena *arena, struct stored_context *ret_context,
					     struct error *err);
/* The JSON document {"@context": …} of a hosted or implicitly created one. tenant STR_NONE: whosesoever.
 * ERR_UNSUPPORTED for a cached one, ERR_NOT_FOUND, ERR_MEMORY. */
MUST_CHECK enum err_code stored_context_serve(struct broker *broker, struct str tenant, struct str name,
					      struct arena *arena, struct str *ret_document, struct error *err);

/* ---- changing ---- */

/* The caller's, alive until done(), which is called exactly once when ERR_OK was returned, perhaps before that, from
 * whatever thread; its code says whether the change is durable. */
struct stored_context_write {
	struct store_write store_write; /* the broker's, as all down to tenant */
	struct broker *broker;
	struct buf text;
	void *document;
	struct str tenant; /* the caller's; STR_NONE: the default one */
	char id[CONTEXT_ID_BYTES]; /* of the context made; or deleted */
	void (*done)(struct stored_context_write *write, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* Stores the value of an "@context" as CONTEXT_HOSTED or CONTEXT_IMPLICIT, and says its id. The same value is created
 * implicitly only once. ERR_INVALID: not what JSON-LD and 5.5.7 allow; ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code stored_context_add(struct broker *broker, enum stored_context_kind kind,
					    const struct json *value, struct stored_context_write *write,
					    struct error *err);
/* Deletes by id, or a cached one by its URL. ERR_NOT_FOUND, now or through done(). */
MUST_CHECK enum err_code stored_context_delete(struct broker *broker, struct str name,
					       struct stored_context_write *write, struct error *err);

/* Fetches a cached one anew, whatever its age: ERR_TIMEOUT, and wake(wake_self) is called once when that is over; ask
 * stored_context_reloaded() then. ERR_NOT_FOUND; ERR_INVALID: it is no cached one; ERR_LIMIT, ERR_CONTEXT. */
MUST_CHECK enum err_code stored_context_reload(struct broker *broker, struct str tenant, struct str name,
					       void (*wake)(void *wake_self), void *wake_self, struct error *err);
/* How the last fetch ended. ERR_CONTEXT when it failed or brought no valid @context: the copy at hand is still the old
 * one then. ERR_NOT_FOUND. */
MUST_CHECK enum err_code stored_context_reloaded(struct broker *broker, struct str tenant, struct str name,
						 struct error *err);

#endif
