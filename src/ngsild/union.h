/* One entity out of what several brokers hold of it: versions, each an expanded document.
 *
 * Attributes are taken together; of instances with the same datasetId one stays: what has expired goes, then the
 * latest observedAt decides, then the latest modifiedAt, then the order in which the versions come. Types and scopes
 * are those of all versions.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6.2, 4.5.5.2, 4.5.5.3, 5.7.1.4, 5.7.2.4. Pure. */
#ifndef MACHI_NGSILD_UNION_H
#define MACHI_NGSILD_UNION_H

#include "ngsild/document.h"

struct union_version {
	struct json *entity; /* may be changed, and shared with the result */
	bool auxiliary; /* adds only attributes that no other version has (4.3.6.2) */
};

/* The versions are of one id, those that are not auxiliary first; a version whose own expiresAt has passed counts for
 * nothing. *ret_entity is NULL when none is left. */
MUST_CHECK enum err_code union_entity(struct arena *arena, const struct union_version *versions, size_t count,
				      int64_t now_us, struct json **ret_entity, struct error *err);

/* The same over time, of expanded EntityTemporals: instances of all versions side by side, in no order. Of those of two
 * versions that have the same datasetId and the same time (the timeproperty's name: "observedAt" …) one stays, as
 * above; of those without that time, when they say the same instanceId and stamps. An auxiliary version adds instances
 * whose datasetId and time are not there (5.7.4.4). What one version says of one time several times stays. The entity
 * was deleted (deletedAt) when all versions but auxiliary ones say so. */
MUST_CHECK enum err_code union_evolution(struct arena *arena, const struct union_version *versions, size_t count,
					 struct str timeproperty, struct json **ret_entity, struct error *err);

#endif
