/* JSON-LD @contexts as NGSI-LD needs them: terms to IRIs and back.
 *
 * A context is an immutable, counted snapshot: built once, shared by threads. The core context has absolute
 * precedence; a term found nowhere gets the default vocabulary. Source: GS CIM 009 V1.9.1 clauses 4.4, 5.5.5, 5.5.7;
 * JSON-LD 1.1 sections 4.1 and 5.1; JSON-LD 1.1 API sections 4.1, 4.2, 5.2 and 7.2. User contexts with scoped contexts
 * are refused, as 5.5.7 has it. */
#ifndef MACHI_NGSILD_CONTEXT_H
#define MACHI_NGSILD_CONTEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define NGSILD_CORE_CONTEXT_URL "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
#define NGSILD_DEFAULT_VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"

#define CONTEXT_TERMS_MAX 16384 /* terms in one user context, all parts together */
#define CONTEXT_PARTS_MAX 32 /* array elements and nested references */

struct context;

/* Thread-safe counting. unref frees with the last reference and returns NULL. */
struct context *context_ref(struct context *context);
struct context *context_unref(struct context *context);

/* The core context alone, from the embedded text. */
MUST_CHECK enum err_code context_core_new(struct context **ret_context, struct error *err);

/* A remote document, borrowed while the build lasts. */
struct context_document {
	struct str body; /* the JSON document with "@context" */
	struct str base; /* of relative references in it: its URL after redirects; STR_NONE: its URL */
};

/* How a build gets the document behind a URL, or an error that the build passes on: ERR_CONTEXT when it cannot be had.
 * Core context URLs are never asked for. */
struct context_resolver {
	enum err_code (*fetch)(void *self, struct str url, struct context_document *ret_document, struct error *err);
	void *self;
};

/* Builds from the value of an "@context" member: URL, object, or array of both. Holds a reference to core.
 * Errors: ERR_INVALID (scoped context, term that is no string, loop), ERR_LIMIT, ERR_MEMORY, and the resolver's. */
MUST_CHECK enum err_code context_new(struct context *core, const struct json *value,
				     const struct context_resolver *resolver, struct context **ret_context,
				     struct error *err);

/* Is this the URL of any version of the core context, at any place where ETSI publishes it? */
bool context_url_is_core(struct str url);
/* The URL that a Link header may give for this "@context": a lone URL, or one beside core contexts. STR_NONE: none. */
struct str context_lone_url(const struct json *value);
/* The absolute URL, without fragment, that reference means in a document at base (RFC 3986, 5.2; base may be STR_NONE
 * when reference is absolute). False when it has none, or memory is refused. */
bool context_url_resolve(struct arena *arena, struct str base, struct str reference, struct str *ret_url);

/* Term, prefixed name or IRI to IRI. The result is borrowed from the context, from name, or lies in the arena.
 * ERR_INVALID for an empty name, a keyword, a term that the context maps to null or defines by @reverse; ERR_MEMORY. */
MUST_CHECK enum err_code context_expand(const struct context *context, struct arena *arena, struct str name,
					struct str *ret_iri, struct error *err);
/* IRI to the shortest name: exact term, else default-vocabulary suffix (unless a term shadows it), else prefix:suffix,
 * else the IRI itself. The result is borrowed from the context or the iri, or lies in the arena. */
struct str context_compact(const struct context *context, struct arena *arena, struct str iri);
/* The @type of a term's definition ("@id", "@vocab", a datatype IRI), STR_NONE when it has none. */
struct str context_term_type(const struct context *context, struct str term);

#endif
