/* A number in the middle of a text, for receivers that look into what they get. */
#ifndef MACHI_TESTS_NUMBER_UTIL_H
#define MACHI_TESTS_NUMBER_UTIL_H

#include "base/str.h"

#include <string.h>

/* Behind blanks, up to the first character that is no digit; 0 where there is none. */
static inline uint64_t number_at(const char *text)
{
	uint64_t value = 0;

	text += strspn(text, " ");
	(void)str_to_uint64((struct str){text, strspn(text, "0123456789")}, &value);
	return value;
}

#endif
