/* An overlay as store_temporal.c reads it: as what a kind of store offers, of one of its own ids. */
#ifndef MACHI_STORE_OVERLAY_INT_H
#define MACHI_STORE_OVERLAY_INT_H

#include "store/overlay.h"
#include "store/temporal_int.h"

struct overlay_subject;

/* NULL: it is not the overlay's. overlay may be NULL. */
struct overlay_subject *overlay_find(const struct store_overlay *overlay, struct str id);

MUST_CHECK enum err_code overlay_series_read(const struct overlay_subject *subject, struct str attribute_iri,
					     struct str dataset_id, const struct store_window *window, bool latest,
					     uint32_t count_max, struct arena *arena, struct store_instances *ret,
					     struct error *err);
/* Adds to sums. */
MUST_CHECK enum err_code overlay_series_sums(const struct overlay_subject *subject, struct str attribute_iri,
					     struct str dataset_id, enum store_time by, const int64_t *edges,
					     size_t count, struct series_sums *sums, struct error *err);
MUST_CHECK enum err_code overlay_series_list(const struct overlay_subject *subject, struct arena *arena,
					     const struct store_series **ret_series, size_t *ret_count,
					     struct error *err);
void overlay_subject_get(const struct overlay_subject *subject, struct store_subject *ret);

/* Every subject of the store below, then those of the overlay that were not met there. */
MUST_CHECK enum err_code overlay_subject_each(struct store_reader *reader, const struct narrow *narrow, int64_t after,
					      bool (*visit)(void *self, int64_t number,
							    const struct store_subject *subject),
					      void *self, struct error *err);

#endif
