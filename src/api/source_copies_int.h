/* The inside of the copier: one round of requests, planned and carried out. The copier's thread, but where said. */
#ifndef MACHI_API_SOURCE_COPIES_INT_H
#define MACHI_API_SOURCE_COPIES_INT_H

#include "api/source_copies.h"
#include "net/http_sender.h"

#include <pthread.h>

#define COPIES_PATH "/api/v1/sources/notifications/" /* a token follows, and "." with a tenant that has a name */
#define COPY_TASKS_MAX 64u /* requests side by side */
#define COPY_HEADER_BYTES_MAX ((size_t)32 << 10) /* of the headers wanted of an answer */

enum copy_action { COPY_CREATE, COPY_UPDATE, COPY_DELETE };

struct copy_task {
	enum copy_action action;
	struct source_copy copy; /* its record, as it is to be when all goes well */
	bool fresh; /* there is no record yet */
	struct source *source; /* NULL: nothing is asked of it; the record goes */
	const struct json *was; /* the copy until now, of an update */
	const struct json *body;
	const struct json *context_value;
	struct str via; /* that the subscription came with */
	/* What became of it: */
	struct source_copier *copier;
	struct http_post post;
	struct http_post_wanted location;
	struct arena arena; /* of its value */
	enum err_code code;
	int status; /* 0: no answer */
	struct error error;
	bool sent;
};

struct held_sources {
	struct source_list list;
	struct held_sources *next;
};

struct source_copier {
	struct source_copier_options options;
	struct broker_reader *reader;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the following four */
	pthread_cond_t changed;
	bool stopping, woken;
	size_t under_way; /* requests */
	/* The round. */
	struct arena arena;
	struct str tenant; /* in the names' arena */
	struct copy_task *tasks[COPY_TASKS_MAX];
	size_t task_count;
	struct held_sources *held;
	/* The thread's. */
	struct arena names;
	bool failed; /* something is to be tried again before long */
};

/* source_copies_plan.c: adds to the round what this subscription's copies need; there is room for one task at least
 * before it, and what finds none is found by the next look, which is asked for. */
MUST_CHECK enum err_code copies_plan(struct source_copier *copier, struct str subscription, struct error *err);

/* source_copies_round.c: carries it out, and begins the next one. */
MUST_CHECK enum err_code copies_round(struct source_copier *copier, struct error *err);

#endif
