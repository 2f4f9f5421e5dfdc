/* What snapshots hold of other context sources (GS CIM 009 V1.9.1, 5.16.1.4): their queries, run as any client's over
 * this server's own interface, where all that 5.7.2.4 says of sources happens. A query is asked page by page through an
 * entity map, so that what changes meanwhile moves nothing from one page to another.
 *
 * Thread: as said. */
#ifndef MACHI_API_SOURCE_ASKER_H
#define MACHI_API_SOURCE_ASKER_H

#include "broker/snapshots.h"

#include <stdatomic.h>

#define SOURCE_ASKER_URL_BYTES 160
#define SOURCE_ASKER_SECRET_BYTES 65 /* hexadecimal, of 32 random bytes */

struct source_asker { /* zeroed at first; outlives the broker */
	char url[SOURCE_ASKER_URL_BYTES]; /* "http://127.0.0.1:8080" */
	char secret[SOURCE_ASKER_SECRET_BYTES]; /* shows the server that this process asks; "": it need not be shown */
	atomic_bool serves; /* the URL is there */
	atomic_uint page; /* entities asked for at a time; 0: as many as the server gives unasked */
};

/* The server listens. address: as in struct http_server_options. Any thread, once. */
void source_asker_serve(struct source_asker *asker, const char *address, uint16_t port);
/* The largest limit that requests may have, from now on. Any thread. */
void source_asker_set_page(struct source_asker *asker, uint32_t entities_max);
/* broker_options.ask, with the asker as ask_self. Waits for the server while it does not answer: before it listens, and
 * when it drains. Errors: ERR_CONFLICT (it is over), what the server says a query lacks (ERR_INVALID, ERR_LIMIT,
 * ERR_TOO_COMPLEX, ERR_CONTEXT, ERR_TENANT), ERR_IO, ERR_TIMEOUT, ERR_MEMORY. */
MUST_CHECK enum err_code source_asker_ask(void *self, const struct snapshot_asking *asking, struct error *err);

#endif
