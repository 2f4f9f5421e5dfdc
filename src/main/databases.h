/* The databases of a city's folder by name, without opening them: machi.db and tenants/NAME.db. */
#ifndef MACHI_MAIN_DATABASES_H
#define MACHI_MAIN_DATABASES_H

#include "base/error.h"
#include "base/str.h"

#define DATABASES_PATH_BYTES_MAX 4352u
#define DATABASES_DEFAULT "machi.db" /* the default tenant's file */
#define DATABASES_FOLDER "tenants" /* of the others */

/* visit gets "" and machi.db's path first, then the others in byte order. An error of visit ends it and is returned.
 * ERR_IO when the folder cannot be read, ERR_LIMIT beyond BROKER_TENANTS_MAX. */
MUST_CHECK enum err_code databases_each(const char *data,
					enum err_code (*visit)(void *self, struct str tenant, const char *path,
							       struct error *err),
					void *self, struct error *err);

/* "machi.db", or "tenants/NAME.db" with a good tenant name: what may stand in a backup. */
bool databases_is_member(struct str name);

#endif
