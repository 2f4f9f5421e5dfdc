/* Changes that other context sources have a part in: which part is whose, and what became of all parts.
 * Source: GS CIM 009 V1.9.1 clauses 4.3.6.2, 4.3.6.3, 5.6, 6.3.17. Thread: the loop of the call. */
#ifndef MACHI_API_DISTRIBUTE_INT_H
#define MACHI_API_DISTRIBUTE_INT_H

#include "api/forward_int.h"

enum distributed_result {
	RESULT_OF_ENTITY, /* BatchOperationResult (5.2.16) */
	RESULT_OF_ATTRIBUTES /* UpdateResult (5.2.18) */
};

/* How the parts of an operation on one entity are told. */
struct distributed {
	enum source_operation operation;
	enum distributed_result result;
	/* Answers when all that there was to do was done here, or nothing was distributed: by call->write. */
	void (*answer)(struct call *call);
	int status; /* of success: 201, with the entity's Location, or 204; 0: 201 when it was made, else 204 */
};

/* Is it one on evolutions (5.6.11 to 5.6.16)? */
static inline bool is_of_evolutions(enum source_operation operation)
{
	return operation >= SOURCE_UPSERT_TEMPORAL && operation <= SOURCE_DELETE_TEMPORAL;
}

/* As call_write() with one item, but that other sources get their parts of it: the client's request, with what of its
 * body is theirs. What is left is written here. */
void distribute_write(struct call *call, struct broker_item *item, const struct distributed *how);

/* ---- shared by distribute.c (one entity) and distribute_batch.c ---- */

/* Who has an attribute: what is taken is not for those that come behind, what is given is for here too. */
enum { TAKEN_EXCLUSIVE = 1, TAKEN_REDIRECT = 2, TAKEN = TAKEN_EXCLUSIVE | TAKEN_REDIRECT, GIVEN = 4 };

struct share { /* of one source */
	struct source *source;
	const struct str *attribute_iris; /* in the arena */
	size_t attribute_count;
	struct forward *forward; /* NULL: the source does not support the operation (a Conflict) */
	/* Its own registration leads back to who has asked (6.3.17): nobody may do it; forward is NULL. */
	bool loops;
	/* Of an answer 207: the errors of its BatchOperationResult, or notUpdated of its UpdateResult; else NULL. */
	const struct json *partial;
};

/* Which of these attributes of the entity are for this source; taken (one for each) is looked at and, where the source
 * is a proxied one, brought up to date: those of exclusive ones at once, of redirect ones with what other redirect ones
 * may have too. *ret_whole: the source has the entity whatever its attributes. False: no memory. */
MUST_CHECK bool share_of(struct call *call, const struct source *source, const struct registration_entity *entity,
			 const struct str *attribute_iris, size_t count, unsigned char *taken, const struct str **ret,
			 size_t *ret_count, bool *ret_whole);
/* Notes that an inclusive source gets these attributes. */
void share_note(const struct str *attribute_iris, size_t count, unsigned char *taken, const struct str *theirs,
		size_t their_count);
/* Is there an attribute that no source gets? */
bool share_lacks(const unsigned char *taken, size_t count);
/* The members of an entity as the client sent it: its own, and of its attributes those named. whole: the scope and the
 * like too. NULL: no memory. */
struct json *share_body(struct call *call, const struct json *body, const struct context *context,
			const struct str *attribute_iris, size_t count, bool whole);
/* The expanded entity without attributes that are taken; NULL: no memory. *ret_left: attributes left. */
struct json *share_left(struct call *call, const struct json *entity, const struct str *attribute_iris, size_t count,
			const unsigned char *taken, size_t *ret_left);
/* The attributes of an expanded entity or fragment, in the arena. False: no memory. */
MUST_CHECK bool entity_attributes(struct call *call, const struct json *entity, const struct str **ret,
				  size_t *ret_count);
/* Types of an expanded entity, in the arena. False: no memory. */
MUST_CHECK bool entity_types(struct call *call, const struct json *entity, struct registration_entity *about);

/* A change of one entity on its way. */
struct distribution {
	struct distributed how;
	struct broker_item *item; /* what is for here */
	bool here; /* there is something for here */
	bool written; /* it was submitted */
	struct error absent; /* why nothing was, where the entity is not here */
	struct registration_entity about;
	struct query *by_type; /* owned; what the parameter type says; NULL: nothing */
	struct registration_question match;
	const struct str *attribute_iris;
	size_t attribute_count;
	unsigned char *taken;
	struct source_list sources;
	struct share *shares;
	size_t share_count, next;
	struct forward_round *round;
	bool whole_taken; /* a redirect registration has the entity, whatever its attributes */
};

/* distribute_result.c: answers, once all parts have ended. */
void distribution_finish(struct call *call);

/* "that source does not support the operation" as a problem document. */
int share_conflict_write(const struct share *share, enum source_operation operation, struct buf *out);

#endif
