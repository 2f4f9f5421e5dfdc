/* "Did you mean …?": the known word closest to a mistyped one. Pure. */
#ifndef MACHI_BASE_NEAREST_H
#define MACHI_BASE_NEAREST_H

#include "base/str.h"

#define NEAREST_BYTES_MAX 64 /* longer words are not compared */

/* How many single-character edits (insert, delete, replace, swap of neighbours) turn a into b; SIZE_MAX when either
 * is longer than NEAREST_BYTES_MAX. ASCII case counts for nothing. */
size_t nearest_distance(struct str a, struct str b);

struct nearest {
	struct str word; /* mistyped */
	struct str best; /* STR_NONE while nothing is near enough */
	size_t distance;
};

void nearest_init(struct nearest *nearest, struct str word);
/* Offers a candidate (borrowed). One is near enough when a third of the word's letters at most must change. */
void nearest_offer(struct nearest *nearest, struct str candidate);

#endif
