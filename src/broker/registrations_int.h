/* The inside of registrations, shared by their files. */
#ifndef MACHI_BROKER_REGISTRATIONS_INT_H
#define MACHI_BROKER_REGISTRATIONS_INT_H

#include "broker/broker_int.h"
#include "broker/registrations.h"

#define REGISTRATION_RECORD_KIND "registration"

struct registered {
	struct registration *registration; /* owned; used under the lock */
	struct registered *next; /* among those that are being written */
	size_t id_bytes;
	char id[];
};

struct registrations {
	struct broker *broker;
	pthread_mutex_t lock; /* guards all that follows */
	struct map by_id; /* owned: those that are committed */
	/* Owned by their writes: what the transaction under way has made. Others of the same transaction may not
	 * conflict with it; nobody else sees it. */
	struct registered *written;
};

struct registrations *registrations_new(struct broker *broker); /* NULL: no memory */
struct registrations *registrations_free(struct registrations *all);
/* Takes the records of the store, before anything is written to it. */
MUST_CHECK enum err_code registrations_load(struct registrations *all, struct store *store, struct error *err);
struct registrations *registrations_of(struct broker *broker, struct str name); /* NULL: it is not open */
/* The writer's thread: one whose record is committed takes the place of the one with its id. False: no memory, and it
 * is freed. */
MUST_CHECK bool registrations_put(struct registrations *all, struct registered *one);
void registrations_remove(struct registrations *all, struct str id); /* likewise */
/* Removes the records of those that have expired. The sweep's thread. */
MUST_CHECK enum err_code registrations_sweep(struct registrations *all, struct store *store, struct error *err);

MUST_CHECK enum err_code registered_new(const struct json *document, const struct context *core,
					struct registered **ret, struct error *err);
struct registered *registered_free(struct registered *one);
struct str registered_id(const struct registered *one);

/* The record. */
struct registration_record {
	const struct json *document;
	int64_t created_us, modified_us;
	int64_t expires_us; /* read from the document; not written */
};
void registration_record_write(struct buf *out, const struct registration_record *record);
MUST_CHECK enum err_code registration_record_read(const struct json *record, struct registration_record *ret,
						  struct error *err);

/* As it is within the transaction. ERR_NOT_FOUND. */
MUST_CHECK enum err_code registration_record_get(struct store_txn *txn, struct str id, struct registration_record *ret,
						 struct error *err);

#endif
