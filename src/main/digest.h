/* SHA-256 of a file (FIPS 180-4), by GnuTLS. */
#ifndef MACHI_MAIN_DIGEST_H
#define MACHI_MAIN_DIGEST_H

#include "base/error.h"

#define DIGEST_HEX_BYTES 65

/* Lower-case hexadecimal, NUL at the end. ERR_IO, ERR_MEMORY. */
MUST_CHECK enum err_code digest_file(const char *path, char ret_hex[static DIGEST_HEX_BYTES], struct error *err);

#endif
