/* Every tenant's store of a city's folder, opened one after the other: for commands that need no broker. */
#ifndef MACHI_MAIN_STORES_H
#define MACHI_MAIN_STORES_H

#include "main/command.h"
#include "store/store.h"

/* Visits each, or only the tenant that is named ("" is the default one; NULL: all). A daemon may serve the folder. Says
 * what went wrong: there is no such tenant (EXIT_NOT_FOUND), no city (EXIT_NO_INPUT), or what visit returned. */
enum exit_status stores_each(const char *data, const char *only, bool writes,
			     enum err_code (*visit)(void *self, struct str tenant, const char *path,
						    struct store *store, struct error *err),
			     void *self);

#endif
