/* What is remembered of the things and attributes that lines name, between lines.c and lines_names.c. */
#ifndef MACHI_BROKER_LINES_INT_H
#define MACHI_BROKER_LINES_INT_H

#include "broker/broker_int.h"
#include "broker/lines.h"

/* The memory of a tenant, made at its first lines; lives as long as the broker. */
MUST_CHECK enum err_code lines_names_of(struct broker *broker, struct store *store, struct lines_names **ret,
					struct error *err);
struct lines_names *lines_names_free(struct lines_names *names);

/* Between hold and release, on one thread; many threads at once. */
void lines_names_hold(struct lines_names *names);
void lines_names_release(struct lines_names *names);
int64_t lines_names_generation(const struct lines_names *names);
int64_t lines_names_subject(const struct lines_names *names, struct str key); /* 0: not known */
int64_t lines_names_attribute(const struct lines_names *names, struct str field); /* as written; 0: not known */

/* A batch that was used before, or NULL; and giving one back. */
struct store_bulk *lines_names_take_bulk(struct lines_names *names);
void lines_names_give_bulk(struct lines_names *names, struct store_bulk *bulk);

/* Of a request: what it wants to know. ERR_INVALID and *ret_reason: it cannot be named. */
MUST_CHECK enum err_code lines_want_subject(struct broker_lines *lines, struct str key, struct str *ret_reason,
					    struct error *err);
MUST_CHECK enum err_code lines_want_attribute(struct broker_lines *lines, const struct line_field *field,
					      struct str *ret_reason, struct error *err);
void lines_want_nothing(struct broker_lines *lines);
/* In a write: asks the store for the numbers. */
MUST_CHECK enum err_code lines_name(struct broker_lines *lines, struct store_txn *txn, struct error *err);
/* After it: remembers them. What cannot be remembered will be asked for again. */
void lines_names_learn(struct broker_lines *lines);
/* Numbers do not hold any more. */
void lines_names_forget(struct lines_names *names);

#endif
