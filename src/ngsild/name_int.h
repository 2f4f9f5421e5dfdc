/* Which texts may name types, attributes and scopes. Source: GS CIM 009 V1.9.1 clauses 4.6.2 and 4.18.
 * For use inside this room. Pure. */
#ifndef MACHI_NGSILD_NAME_INT_H
#define MACHI_NGSILD_NAME_INT_H

#include "base/str.h"

struct code_range {
	uint32_t first, last;
};

extern const struct code_range name_letters[], name_numbers[]; /* ascending, from U+0080 */
extern const size_t name_letters_count, name_numbers_count;

/* A letter, then letters, numbers and "_"; or two such names with ":" between; or a URI. */
bool name_is_legal(struct str name);
/* Levels of letters, numbers and "_" (a letter first), "/" between them and, if wished, before the first. */
bool scope_is_legal(struct str scope);

#endif
