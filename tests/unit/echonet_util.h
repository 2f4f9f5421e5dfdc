/* Bytes from hexadecimal text with spaces, for tests of ECHONET Lite. */
#ifndef MACHI_TESTS_ECHONET_UTIL_H
#define MACHI_TESTS_ECHONET_UTIL_H

#include "base/str.h"
#include "check.h"

#include <ctype.h>

struct octets {
	char at[1024];
	size_t len;
};

static inline struct octets octets(const char *hex)
{
	struct octets octets = {.len = 0};
	unsigned int digits = 0, value = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		CHECK(isxdigit((unsigned char)*hex));
		value = value << 4 |
			(unsigned int)(isdigit((unsigned char)*hex) ? *hex - '0' : (*hex | 0x20) - 'a' + 10);
		if (++digits % 2 == 0) {
			CHECK(octets.len < sizeof(octets.at));
			octets.at[octets.len++] = (char)(unsigned char)value;
			value = 0;
		}
	}
	CHECK(digits % 2 == 0);
	return octets;
}

static inline struct str octets_str(const struct octets *octets)
{
	return (struct str){octets->at, octets->len};
}

#endif
