/* Subscriptions as documents, whether a change concerns one, and the body of the notification about it.
 *
 * The document is the client's: names as sent, under the @context that it came with, without "@context". What is kept
 * of it are the members that the clauses name; the @context and what happens to the subscription lie elsewhere.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6.8, 4.5.0, 4.5.5, 4.5.16, 4.5.23, 4.8, 4.15, 4.18, 4.21, 5.2.12–5.2.15,
 * 5.2.22, 5.2.33, 5.3.1, 5.4, 5.5.4, 5.5.8, 5.8.1, 5.8.2, 5.8.6, 6.3.8, 7.2; of those to registrations 5.11 (what they
 * ask and are told: registration_notification.h). Pure. */
#ifndef MACHI_NGSILD_SUBSCRIPTION_H
#define MACHI_NGSILD_SUBSCRIPTION_H

#include "ngsild/context.h"
#include "ngsild/linked.h"
#include "ngsild/merge.h"
#include "ngsild/query.h"

#define SUBSCRIPTION_SELECTORS_MAX QUERY_SELECTORS_MAX /* more is ERR_TOO_COMPLEX */
#define SUBSCRIPTION_LIST_MAX 1024u /* items of any array in the document; more is ERR_TOO_COMPLEX */
#define SUBSCRIPTION_BYTES_MAX (16u << 20) /* of memory, compiled: the geometry of geoQ is the most of it */

/* Bits. "entityUpdated" is the three of attributes. */
enum subscription_trigger {
	SUBSCRIPTION_ENTITY_CREATED = 1,
	SUBSCRIPTION_ENTITY_DELETED = 2,
	SUBSCRIPTION_ATTRIBUTE_CREATED = 4,
	SUBSCRIPTION_ATTRIBUTE_UPDATED = 8,
	SUBSCRIPTION_ATTRIBUTE_DELETED = 16
};
enum subscription_status { SUBSCRIPTION_ACTIVE, SUBSCRIPTION_PAUSED, SUBSCRIPTION_EXPIRED };
enum subscription_accept { SUBSCRIPTION_JSON, SUBSCRIPTION_JSON_LD, SUBSCRIPTION_GEO_JSON };
/* To what is subscribed: both are documents of the same type (5.8.1, 5.11.2). */
enum subscription_kind { SUBSCRIPTION_TO_ENTITIES, SUBSCRIPTION_TO_REGISTRATIONS, SUBSCRIPTION_KIND_COUNT };
/* Why a registration is told of (5.3.3). */
enum trigger_reason { TRIGGER_NONE, TRIGGER_NEWLY_MATCHING, TRIGGER_UPDATED, TRIGGER_NO_LONGER_MATCHING };

/* ---- the document ---- */

/* Data types, cardinalities and restrictions. fragment: of an update (5.8.2): what is there is checked, null or NGSI-LD
 * Null stands for removal. What needs a parser of its own (q, csf, scopeQ, geoQ, patterns, types, projections, lang,
 * names) subscription_new() checks. ERR_INVALID names the member by its path ("notification.endpoint.uri");
 * ERR_TOO_COMPLEX. Read-only members (status, timesSent …) and members that nobody knows are passed over. temporalQ is
 * for subscriptions to registrations alone, GeoJSON is not for them: registrations are no Features. */
MUST_CHECK enum err_code subscription_check(const struct json *document, enum subscription_kind kind, bool fragment,
					    int64_t now_us, struct error *err);
/* What is kept of a checked document: the members known, without read-only ones. In the arena, sharing its nodes. */
MUST_CHECK enum err_code subscription_keep(struct arena *arena, const struct json *document, struct json **ret_document,
					   struct error *err);
/* Of a checked document: do its notifications name their @context in a Link header (5.3.1, 6.3.8), so that it needs a
 * URL? Else they hold it. */
bool subscription_links_context(const struct json *document);
/* A checked fragment put over a document (5.5.8: a member of the document is replaced as a whole), and 5.8.2.4's extra
 * rules. In the arena, sharing nodes with both. ERR_INVALID: what comes out is none, or another id is named. */
MUST_CHECK enum err_code subscription_merge(struct arena *arena, enum subscription_kind kind,
					    const struct json *document, const struct json *fragment, int64_t now_us,
					    struct json **ret_document, struct error *err);
/* The document with its names (types of selectors; names in watchedAttributes, attributes, pick, omit; geoproperty)
 * under another @context; to NULL: as IRIs, which mean the same under any. q, csf, scopeQ, expandValues and jsonKeys,
 * which speak one language together, stay as they are. So that a fragment under another @context can be merged. */
MUST_CHECK enum err_code subscription_rename(struct arena *arena, const struct json *document,
					     const struct context *from, const struct context *to,
					     struct json **ret_document, struct error *err);

/* ---- compiled ---- */

/* Immutable; owns all that it needs (a copy of the document, a reference of the context). Used by one thread at a time:
 * its query has scratch. */
struct subscription;

/* document has been checked. context: the one by which its names are expanded (held). parser: the thread's.
 * ERR_INVALID, ERR_TOO_COMPLEX, ERR_UNSUPPORTED, ERR_MEMORY: the member and what is wrong in it. */
MUST_CHECK enum err_code subscription_new(const struct json *document, struct context *context,
					  struct json_parser *parser, struct subscription **ret_subscription,
					  struct error *err);
struct subscription *subscription_free(struct subscription *subscription);

struct subscription_pair {
	struct str key, value;
};
struct subscription_endpoint {
	struct str uri; /* http, https, mqtt or mqtts, with a host */
	enum subscription_accept accept;
	uint32_t timeout_ms, cooldown_ms; /* 0: none said; part of a millisecond counts as one */
	const struct subscription_pair *receiver_info; /* as sent, in order: headers (HTTP) or metadata (MQTT) */
	size_t receiver_count;
	const struct subscription_pair *notifier_info;
	size_t notifier_count;
	/* The reference to the @context goes into a Link header: accept is JSON, or GeoJSON with Prefer: body=json. */
	bool context_linked;
};

struct str subscription_id(const struct subscription *subscription); /* STR_NONE when the document has none */
bool subscription_is_paused(const struct subscription *subscription); /* isActive false */
int64_t subscription_expires_us(const struct subscription *subscription); /* INT64_MAX: never */
int64_t subscription_throttling_us(const struct subscription *subscription); /* 0: none */
int64_t subscription_interval_us(const struct subscription *subscription); /* timeInterval; 0: none */
const struct subscription_endpoint *subscription_endpoint(const struct subscription *subscription);
/* Of one that is paused and expires then. Expired counts more (5.8.2.4). */
enum subscription_status subscription_status_at(bool paused, int64_t expires_us, int64_t now_us);

/* For an index: an entity that a selector fits has one of these ids, or else one of these types; both counts 0: it may
 * be any. The index only narrows; subscription_concerns() decides. */
struct subscription_key {
	const struct str *ids;
	size_t id_count;
	const struct str *type_iris;
	size_t type_count;
};
size_t subscription_keys(const struct subscription *subscription, const struct subscription_key **ret_keys);
/* IRIs; 0: all. Without selectors (0 keys) the index goes by these. */
const struct str *subscription_watched(const struct subscription *subscription, size_t *ret_count);
/* What a timeInterval asks the store for: selectors, q, geo, scope. */
const struct query *subscription_query(const struct subscription *subscription);

/* What happened to one entity in one write. */
struct subscription_event {
	const struct json *before, *after; /* expanded documents; before NULL: it was created; after NULL: deleted */
	/* Attribute instances. Not looked at when the entity was created or deleted: all its attributes were. */
	const struct change *changes;
	bool scope_changed;
	int64_t at_us;
	const struct linked_source *linked; /* for a q that reaches into linked entities; NULL: it holds for none */
};

/* Does the event call for a notification, were the subscription active? Allocates nothing. False with timeInterval. */
bool subscription_concerns(const struct subscription *subscription, const struct subscription_event *event);

/* ---- the notification (5.3.1, 5.8.6) ---- */

/* Which entities a notification holds, for join "flat", so that no linked one stands in it twice. One for each
 * notification, used again never. NULL when memory is refused. */
struct notification_met;
struct notification_met *notification_met_new(void);
struct notification_met *notification_met_free(struct notification_met *met);

/* The body is written in pieces: begin, one entity or more, end. The buffer's errors are sticky: buf_check() at the
 * end. */
struct notification_frame {
	const struct subscription *subscription;
	const struct context *context; /* of jsonldContext, or the subscription's own: names are compacted by it */
	const struct json
		*context_value; /* the "@context" of the body, where accept asks for one; else not looked at */
	struct str id; /* URI */
	int64_t notified_us;
	const struct linked_source *linked; /* for notification.join; NULL: Relationships stay URIs */
	struct notification_met *met; /* NULL: each entity's linked ones are told apart from those of others */
	enum trigger_reason reason; /* of registrations (5.3.2); TRIGGER_NONE: it tells of entities */
};

void notification_begin(struct buf *out, const struct notification_frame *frame);
/* One entity. For a timeInterval an event has after only. With join "flat" the entities linked to follow it, each once
 * in a notification, but for one that comes later as an entity of its own. */
MUST_CHECK enum err_code notification_entity(struct buf *out, struct arena *scratch,
					     const struct notification_frame *frame,
					     const struct subscription_event *event, struct error *err);
void notification_end(struct buf *out, const struct notification_frame *frame);

/* One notification out of several of the same subscription, in their order, that were written with the above: all their
 * entities, of one that stands in several what the last says. The id and the time are new. *count: how many of them it
 * holds: only the first ones that have the same triggerReason, if any. ERR_CORRUPT: one of them is no notification. */
MUST_CHECK enum err_code notification_join(struct buf *out, struct arena *arena, struct json_parser *parser,
					   const struct str *bodies, size_t *count, struct str id, int64_t notified_us,
					   struct error *err);

/* ---- as clients get it ---- */

struct subscription_state {
	enum subscription_status status;
	bool failed_last; /* the last attempt failed */
	uint64_t times_sent, times_failed;
	int64_t last_notification_us, last_success_us, last_failure_us; /* INT64_MIN: none yet */
	int64_t created_us, modified_us;
};
struct subscription_show {
	const struct context *context;
	const struct json *context_value; /* NULL: Link header */
	bool sys_attrs;
};
/* Names compacted by show->context, read-only members added. own_context: the document's. */
MUST_CHECK enum err_code subscription_represent(struct buf *out, struct arena *arena, const struct json *document,
						const struct context *own_context,
						const struct subscription_state *state,
						const struct subscription_show *show, struct error *err);

#endif
