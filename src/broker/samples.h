/* Samples: the measured attributes of a tenant's entities as PromQL sees them, out of their history.
 *
 * Every attribute instance whose latest value is a number, true or false (as 1 and 0) is a series, with the labels
 *   __name__   the attribute's name, what stands behind the last "/" or "#" of it, other characters made "_"
 *   attribute  the attribute's name by the core @context, as it is
 *   id, type   of the entity; several types joined by ","
 *   datasetId, unitCode   where the instance has them; the unit is that of the latest instance
 *   tags       of entities that came as line protocol without an id of their own: those that their URN names; one
 *              called like a label above is tag_NAME
 * Samples hold at observedAt, in series without it at modifiedAt. Times are milliseconds, rounded down; of several in
 * one millisecond the last counts. Source: lineproto/series_key.h; promql/promql.h. Thread: the reader's. */
#ifndef MACHI_BROKER_SAMPLES_H
#define MACHI_BROKER_SAMPLES_H

#include "broker/broker.h"
#include "promql/promql.h"

#define SAMPLES_SERIES_MAX 20000u /* of one selector */
#define SAMPLES_POINTS_MAX 20000000u /* of one selector */

struct samples_source {
	struct broker_reader *reader;
	struct str tenant; /* STR_NONE: the default one */
};

/* For struct promql_source, with a struct samples_source as self. Errors: ERR_TENANT, ERR_TOO_COMPLEX (the bounds
 * above, or broker_options.query_ms_max), ERR_MEMORY, the store's. */
MUST_CHECK enum err_code samples_select(void *self, const struct promql_request *request, struct arena *arena,
					const struct promql_series **ret_series, size_t *ret_count, struct error *err);

/* The labels of every series that fits one of the selectors (count 0: of all), whatever the time; once each. visit's
 * labels live until it returns; returning false stops. */
MUST_CHECK enum err_code samples_each(const struct samples_source *source, const struct promql_selector *selectors,
				      size_t count, bool (*visit)(void *self, const struct promql_labels *labels),
				      void *visit_self, struct error *err);

#endif
