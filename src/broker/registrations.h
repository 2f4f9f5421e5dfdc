/* Context Source Registrations (GS CIM 009 V1.9.1, 5.9, 5.10): kept, and found by what they can say something about.
 *
 * A registration is a record beside the entities, and compiled in memory. It is given with its names as IRIs
 * (registration_rename()), so that it needs no @context. One that has expired is hidden at once and removed by the
 * sweep. Thread: any, but where said. */
#ifndef MACHI_BROKER_REGISTRATIONS_H
#define MACHI_BROKER_REGISTRATIONS_H

#include "broker/broker.h"
#include "ngsild/registration.h"

#define BROKER_REGISTRATIONS_MAX 100000u /* of a tenant */
#define BROKER_REGISTRATION_BYTES_MAX ((size_t)1 << 20) /* of one as JSON */

/* ---- changing (asynchronous, as broker_write) ---- */

enum registration_operation { REGISTRATION_CREATE, REGISTRATION_UPDATE, REGISTRATION_DELETE };

struct registration_write {
	struct store_write store_write; /* the broker's, as all down to operation */
	struct broker *broker;
	struct tenant *tenant;
	struct registered *made;
	enum registration_operation operation;
	struct str id;
	/* REGISTRATION_CREATE: a whole one that registration_check() took, its id among its members; _UPDATE: a
	 * fragment of one. Names are IRIs. */
	const struct json *document;
	struct arena *arena; /* the caller's, used by the writer's thread until done() */
	/* Writer's thread, once, when ERR_OK was returned. ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID; ERR_CONFLICT:
	 * another registration, or an entity that is here, has what this one claims for itself (5.9.2.4) … */
	void (*done)(struct registration_write *write, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* reader: the calling thread's. */
MUST_CHECK enum err_code broker_registration_submit(struct broker_reader *reader, struct str tenant,
						    struct registration_write *write, struct error *err);

/* ---- looking ---- */

struct registration_look { /* in the arena asked for */
	const struct json *document; /* names are IRIs */
	struct registration_state state;
};

MUST_CHECK enum err_code broker_registration_get(struct broker_reader *reader, struct str tenant, struct str id,
						 struct arena *arena, struct registration_look *ret, struct error *err);
/* Those that match, filtered (5.10.2), in the order of their ids, `offset` of them passed over, limit at most;
 * *ret_total: all of them. The question's now_us is set here. */
MUST_CHECK enum err_code broker_registration_query(struct broker_reader *reader, struct str tenant,
						   struct registration_question *question, uint64_t offset,
						   uint64_t limit, struct arena *arena, struct registration_look **ret,
						   size_t *ret_count, uint64_t *ret_total, struct error *err);

#endif
