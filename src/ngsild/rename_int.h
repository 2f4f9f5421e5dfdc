/* Shared by the files that write documents of clients (subscriptions, registrations) under another @context, with what
 * the system tells beside. Errors are sticky: failed is looked at once, at the end. */
#ifndef MACHI_NGSILD_RENAME_INT_H
#define MACHI_NGSILD_RENAME_INT_H

#include "ngsild/context.h"
#include "json/json.h"

struct renaming {
	struct arena *arena;
	const struct context *from, *to; /* to NULL: IRIs */
	bool failed; /* no memory */
};

/* The document in an object of our own, whose members can be set; NULL: no memory. */
struct json *rename_copy(struct renaming *r, const struct json *document);
/* The object that is a member, copied so that its members can be set; NULL when it is none. */
struct json *rename_own(struct renaming *r, struct json *outer, struct str key);
/* The array that is a member, copied with its objects, of which each is then renamed. */
void rename_items(struct renaming *r, struct json *outer, struct str key,
		  void (*rename)(struct renaming *r, struct json *item));
/* The named member of an object of ours: a text of names with these marks between them, or an array of such texts. */
void rename_member(struct renaming *r, struct json *object, struct str key, const char *marks);

void rename_set(struct renaming *r, struct json *object, struct str key, struct json value);
void rename_set_time(struct renaming *r, struct json *object, struct str key, int64_t us); /* INT64_MIN: nothing */
void rename_set_count(struct renaming *r, struct json *object, struct str key, uint64_t count);

#endif
