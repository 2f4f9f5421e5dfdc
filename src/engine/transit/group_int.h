/* Grouping the rows of a table by the row that they belong to. Shared within this room. */
#ifndef MACHI_ENGINE_TRANSIT_GROUP_INT_H
#define MACHI_ENGINE_TRANSIT_GROUP_INT_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Sorts the rows by their first member, a uint32_t below key_count, keeping the order among equals. *rows may be
 * replaced by other memory. *ret_starts (free() it) has key_count + 1 entries: where each group begins. */
MUST_CHECK enum err_code group_rows(void **rows, uint32_t count, size_t size, uint32_t key_count, uint32_t **ret_starts,
				    struct error *err);
/* Sorts one group unless it is in order already. */
void group_sort(void *rows, uint32_t count, size_t size, int (*compare)(const void *, const void *));

#endif
