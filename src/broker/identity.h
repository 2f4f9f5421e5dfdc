/* Who a tenant of this broker is, as a context source: an id that no other has, kept in its database from its first
 * opening on. A copy of the database is the same source. Source: GS CIM 009 V1.9.1 clauses 5.15.1, 5.2.40. */
#ifndef MACHI_BROKER_IDENTITY_H
#define MACHI_BROKER_IDENTITY_H

#include "broker/broker.h"

/* A version 4 UUID as RFC 9562 writes it, in the arena. ERR_TENANT; ERR_NOT_FOUND for a database that was never open
 * for writing. The reader's thread. */
MUST_CHECK enum err_code broker_identity(struct broker_reader *reader, struct str tenant, struct arena *arena,
					 struct str *ret_uuid, struct error *err);

/* The same of a store alone. */
MUST_CHECK enum err_code identity_of_store(struct store_reader *reader, struct arena *arena, struct str *ret_uuid,
					   struct error *err);

#endif
