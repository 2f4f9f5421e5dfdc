/* Names that nobody guesses and nothing else has. Thread: any. */
#ifndef MACHI_BROKER_RANDOM_ID_H
#define MACHI_BROKER_RANDOM_ID_H

#include "base/error.h"

#define RANDOM_ID_BYTES 33 /* 128 random bits as hexadecimal digits, and a NUL */
#define RANDOM_UUID_BYTES 37

/* ERR_IO: the system has no random numbers. err may be NULL. */
MUST_CHECK enum err_code random_id(char id[static RANDOM_ID_BYTES], struct error *err);
/* A UUID of version 4 (RFC 9562 section 5.4). */
MUST_CHECK enum err_code random_uuid(char uuid[static RANDOM_UUID_BYTES], struct error *err);

#endif
