/* Which copies of subscriptions may not be as they should: said by those who change subscriptions and registrations. */
#ifndef MACHI_BROKER_SOURCE_COPIES_INT_H
#define MACHI_BROKER_SOURCE_COPIES_INT_H

#include "broker/source_copies.h"

struct stale_copies;

struct stale_copies *stale_copies_new(void); /* NULL: no memory */
struct stale_copies *stale_copies_free(struct stale_copies *all);
/* Once it is durable. subscription STR_NONE: any of the tenant. Any thread. */
void source_copies_stale(struct broker *broker, struct str tenant, struct str subscription);

#endif
