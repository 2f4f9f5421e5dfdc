/* JSON for people: two spaces an indent, short arrays of numbers on one line. Pure. */
#ifndef MACHI_MAIN_PRETTY_H
#define MACHI_MAIN_PRETTY_H

#include "json/json.h"

void pretty_write(struct buf *out, const struct json *node, uint32_t indent);

#endif
