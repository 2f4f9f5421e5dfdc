/* Samples, shared by samples.c (which series) and samples_read.c (their values). */
#ifndef MACHI_BROKER_SAMPLES_INT_H
#define MACHI_BROKER_SAMPLES_INT_H

#include "broker/read_int.h"
#include "broker/samples.h"
#include "store/temporal.h"

/* One series of the store. */
struct samples_series {
	struct str id, attribute_iri, dataset_id;
	enum store_time by; /* the time property that its samples hold at */
	bool numeric; /* the latest value is a number, true or false */
	struct str unit; /* STR_NONE: none */
};

/* Looks at the latest instance: by, numeric, unit. Texts lie in the arena. */
MUST_CHECK enum err_code samples_latest(struct store_reader *reader, struct samples_series *series, struct arena *arena,
					struct error *err);
/* The samples that a request can touch; *ret_points lies in the arena, scratch is cleared. */
MUST_CHECK enum err_code samples_read(struct store_reader *reader, const struct samples_series *series,
				      const struct promql_request *request, struct arena *scratch, struct arena *arena,
				      const struct promql_point **ret_points, size_t *ret_count, struct error *err);

#endif
