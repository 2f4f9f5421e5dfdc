/* Entities of NGSIv2 as NGSI-LD: what FIWARE's Orion says, in the words of GS CIM 009.
 *
 * Nothing that an entity says gets lost, but for what NGSI-LD has no place for: types of attributes, values that are
 * null, and what the other broker says of itself (dateCreated and its like).
 *
 * - An id that is neither a URN nor a URL becomes "urn:ngsi-ld:TYPE:ID"; one that begins with "TYPE:" already, just
 *   "urn:ngsi-ld:ID". Characters that no URI has are percent-encoded, "%" too.
 * - In names and types what is neither letter, digit nor "_" becomes "_", and "x" stands before what begins with no
 *   letter. A name that means something else in NGSI-LD gets a "_" behind it.
 * - DateTime: {"@type": "DateTime", "@value": …} in UTC. geo:json, geo:point, geo:line, geo:box, geo:polygon:
 *   GeoProperty; where the value is no such place it stays a Property, of another name if its own is for places alone.
 * - Relationship: attributes of type Relationship or Reference, and those called refSomething, whose value is a text or
 *   a list of texts. A target that is no URN or URL becomes one, of the type that it begins with ("Room:7") or
 *   that the attribute is called after (refRoom).
 * - A value that holds null, or what else no Property may hold, becomes a JsonProperty.
 * - Metadata: TimeInstant, timestamp, dateObserved and observedAt, where they are times, are observedAt, and unitCode
 *   is unitCode; the others are sub-properties. The attribute TimeInstant (or another, see options) is observedAt of
 *   those that have none of their own.
 * - A service path is a scope; levels that begin with no letter get an "x" before them. "/" is none.
 *
 * Source: FIWARE-NGSI v2 Specification ("JSON Entity Representation", "Geospatial properties of entities", "Builtin
 * Attributes", "Builtin Metadata"); FIWARE Data Models, "NGSI-LD HowTo", steps to migrate. Pure. Thread: any. */
#ifndef MACHI_FEED_NGSIV2_H
#define MACHI_FEED_NGSIV2_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define NGSIV2_DEFAULT_TYPE STR("Thing") /* of an entity that does not say ("Partial Representations") */

struct ngsiv2_options {
	struct str time_name; /* the attribute that is the time of the others: "TimeInstant" */
	struct str service_path; /* of an entity that does not say itself; STR_NONE: none */
	/* Attributes are values alone (keyValues): their types are guessed by names and by how values look. */
	bool simplified;
};

/* Are the attributes values alone? By how they look. */
bool ngsiv2_looks_simplified(const struct json *entity);

/* The entity as a client of NGSI-LD would send it, in the arena; borrows from entity. ERR_INVALID names what it lacks;
 * ERR_MEMORY. */
MUST_CHECK enum err_code ngsiv2_to_ngsild(struct arena *arena, const struct json *entity,
					  const struct ngsiv2_options *options, struct json **ret_entity,
					  struct error *err);

#endif
