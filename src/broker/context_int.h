/* Remote @context documents and the thread that fetches them (context_fetch.c), used by the cache of built contexts
 * (context_cache.c). */
#ifndef MACHI_BROKER_CONTEXT_INT_H
#define MACHI_BROKER_CONTEXT_INT_H

#include "broker/broker_int.h"

#include <stdatomic.h>

#define CONTEXT_DOCUMENTS_MAX 256 /* remote documents kept */
#define CONTEXT_DOCUMENTS_BYTES_MAX ((size_t)32 << 20) /* of their bodies together */
#define CONTEXT_BODY_BYTES_MAX ((size_t)1 << 20) /* of one body */
#define CONTEXT_URL_BYTES_MAX 2048
#define CONTEXT_FETCHES_MAX 64 /* fetches that wait or run */
#define CONTEXT_WAITERS_MAX 4096 /* callers that wait for a fetch */
#define CONTEXT_RETRY_S 30 /* how long a failure is remembered */

struct body { /* counted; immutable */
	atomic_uint references;
	size_t len;
	char bytes[];
};

void body_unref(struct body *body);

struct fetcher;
MUST_CHECK enum err_code fetcher_new(const struct broker *broker, struct fetcher **ret_fetcher, struct error *err);
/* Stops the thread after the fetch that runs; whoever still waits is woken. */
struct fetcher *fetcher_free(struct fetcher *fetcher);

/* The document behind url if it is at hand: a counted body and when it is to be fetched again. ERR_TIMEOUT when it must
 * be fetched first, ERR_CONTEXT when that failed lately. Any thread. */
MUST_CHECK enum err_code fetcher_get(struct fetcher *fetcher, struct str url, struct body **ret_body,
				     int64_t *ret_keep_until_us, struct error *err);
/* Sees to it that url is fetched. With wake it returns at once and wake is called when that is over, from the fetching
 * thread, unless *ret_ready says that the document is there already. With wake NULL it waits. Then: look again.
 * ERR_LIMIT: too many fetches or waiters. */
MUST_CHECK enum err_code fetcher_want(struct fetcher *fetcher, struct str url, void (*wake)(void *wake_self),
				      void *wake_self, bool *ret_ready, struct error *err);

#endif
