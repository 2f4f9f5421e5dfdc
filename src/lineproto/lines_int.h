/* Inside the room: numbers. */
#ifndef MACHI_LINEPROTO_LINES_INT_H
#define MACHI_LINEPROTO_LINES_INT_H

#include "lineproto/lines.h"

/* Reads a number at `at`, which begins with a digit, "+", "-" or "."; sets kind, value and raw of the field. Returns
 * the place behind it, or NULL with *ret_reason. */
const char *line_number(const char *at, const char *end, struct line_field *field, const char **ret_reason);

#endif
