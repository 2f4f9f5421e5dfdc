/* What the daemon opens so that people and programs can be told apart. */
#ifndef MACHI_MAIN_SERVE_ACCESS_H
#define MACHI_MAIN_SERVE_ACCESS_H

#include "access/access.h"
#include "main/config.h"
#include "main/log.h"

/* Opens access.db in the city's folder, or one in memory for a city in memory. Where nobody has an account yet, and
 * accounts are asked for, one is made and its one-time password is printed on standard output, this once. ERR_CONFLICT:
 * access.mode is open, and listen is no loopback address. log outlives the access. */
MUST_CHECK enum err_code serve_access_open(const struct config *config, struct log *log, struct access **ret_access,
					   struct error *err);
/* By which the daemon knows its own requests. ret: hexadecimal. ERR_IO: the system gives no random numbers. */
MUST_CHECK enum err_code serve_access_secret(char *ret, size_t room, struct error *err);

#endif
