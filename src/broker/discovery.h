/* Which types and attributes there are: discovery over the entities of one tenant, as answers hold it, with full names.
 *
 * Source: GS CIM 009 V1.9.1 clauses 5.7.5 to 5.7.10 and 5.2.24 to 5.2.28, for a broker standing alone. Counts are exact
 * at the last commit and leave out what has expired. Everything is made in the caller's arena; lists are in the byte
 * order of the full names. Thread: the reader's. Errors, besides a store's: ERR_TENANT, ERR_MEMORY. */
#ifndef MACHI_BROKER_DISCOVERY_H
#define MACHI_BROKER_DISCOVERY_H

#include "broker/broker.h"
#include "store/census.h"

struct discovery_attribute {
	struct str iri;
	unsigned int kinds; /* 1 << enum census_kind, of its instances */
	uint64_t instance_count;
	struct str *type_iris; /* types of the entities that have it; not among a type's attributes */
	size_t type_count;
};

struct discovery_type {
	struct str iri;
	uint64_t entity_count;
	struct discovery_attribute *attributes;
	size_t attribute_count;
};

struct discovery_types {
	struct discovery_type *items;
	size_t count;
};

struct discovery_attributes {
	struct discovery_attribute *items;
	size_t count;
};

/* details: with the attributes of each type. */
MUST_CHECK enum err_code discover_types(struct broker_reader *reader, struct str tenant, bool details,
					struct arena *arena, struct discovery_types *ret_types, struct error *err);
/* ERR_NOT_FOUND when there is no entity of this type. */
MUST_CHECK enum err_code discover_type(struct broker_reader *reader, struct str tenant, struct str iri,
				       struct arena *arena, struct discovery_type *ret_type, struct error *err);
/* details: with the types of the entities that have each. */
MUST_CHECK enum err_code discover_attributes(struct broker_reader *reader, struct str tenant, bool details,
					     struct arena *arena, struct discovery_attributes *ret_attributes,
					     struct error *err);
/* ERR_NOT_FOUND when no entity has it. */
MUST_CHECK enum err_code discover_attribute(struct broker_reader *reader, struct str tenant, struct str iri,
					    struct arena *arena, struct discovery_attribute *ret_attribute,
					    struct error *err);

#endif
