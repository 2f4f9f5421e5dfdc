/* What a command that works on a city's data opens: the folder's lock, the broker, a tenant, a @context, a reader. */
#ifndef MACHI_MAIN_SESSION_H
#define MACHI_MAIN_SESSION_H

#include "broker/broker.h"
#include "main/command.h"

struct session {
	struct broker *broker;
	struct store *store; /* the tenant's, the broker's */
	struct broker_reader *reader;
	struct context *context; /* owned reference */
	struct json_parser *parser;
	struct str tenant; /* borrowed from the command line */
	const char *data;
	int lock_fd;
};

enum session_use {
	SESSION_READS,
	SESSION_WRITES,
	SESSION_CREATES, /* writes; makes folder and tenant when absent */
	SESSION_EMPTY /* an empty city in memory: for dry runs */
};

/* Opens what --data, --tenant and --context (where the command has it) say. Says what went wrong and returns the exit
 * status; the session must be closed in any case. */
enum exit_status session_open(struct session *session, const struct call *call, enum session_use use);
void session_close(struct session *session);

/* --data, else $MACHI_DATA, else ./city. */
const char *session_data(const struct call *call);
/* Fetches a document over HTTP for @contexts and feeds: the broker's and the importers' `fetch`. policy: a struct
 * address_policy, or NULL for what the operator names himself. */
enum err_code session_fetch_context(void *policy, const struct context_request *request, struct context_answer *answer,
				    struct buf *body, struct error *err);
enum err_code session_fetch_feed(void *self, const char *url, struct buf *body, struct error *err);

#endif
