/* Entities for clients of an earlier version of the standard: what that version did not know is left out, or given in
 * the form that it did know. Source: GS CIM 009 V1.9.1 clause 4.3.6.8, tables 4.3.6.8-1 to 4.3.6.8-3. Pure. */
#ifndef MACHI_NGSILD_FALLBACK_H
#define MACHI_NGSILD_FALLBACK_H

#include "ngsild/context.h"
#include "ngsild/document.h"

/* A version as a number: 100 × major + minor. */
#define FALLBACK_VERSION_OLDEST 100u
#define FALLBACK_VERSION_NEWEST 109u /* everything is as it is */

/* The entity as that version knows it: itself when nothing differs by rule, else a new one in the arena that shares
 * what did not change. Terms that become plain text are compacted by the context. keep_languages: LanguageProperties
 * stay, because the caller makes Properties of them in one language (4.15). NULL when memory is refused. */
const struct json *fallback_entity(struct arena *arena, const struct context *context, const struct json *entity,
				   unsigned int version, bool keep_languages);

#endif
