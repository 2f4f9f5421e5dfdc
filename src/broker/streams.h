/* Streams of changes: whoever listens now hears what commits now. Unlike a subscription nothing is stored or owed.
 *
 * What a stream selects is a subscription's document. Streams of a tenant that ask for the same share a channel: a
 * change is matched and written once for all of them, and each reads the channel's recent events at its own pace. Who
 * falls behind what is held is cut; nobody waits for anybody. Events are held for a while after the last stream has
 * gone, so that one that comes back with the number of its last event gets what it has missed; where that is not held
 * any more an event "reset" comes first, after which the state is to be read anew. Numbers ascend within a tenant, also
 * over restarts as long as the clock does. An event is a "change" with a notification (GS CIM 009 V1.9.1, 5.3.1), or a
 * "reset", in the form that the stream was opened with; one channel serves both. Thread: any, but where said. */
#ifndef MACHI_BROKER_STREAMS_H
#define MACHI_BROKER_STREAMS_H

#include "broker/broker.h"

#define BROKER_STREAMS_MAX 4096u /* open at once, of all tenants */
#define BROKER_STREAM_SELECTORS_MAX 1024u /* different ones at once, of all tenants, with those kept */
#define BROKER_STREAM_BYTES_MAX ((size_t)1 << 20) /* of events held for one selector … */
#define BROKER_STREAMS_BYTES_MAX ((size_t)256 << 20) /* … and for all */
#define BROKER_STREAM_KEPT_S 60 /* after the last stream of a selector has gone */
#define BROKER_STREAM_RETRY_MS 3000 /* clients are told to come back after */
#define BROKER_STREAM_READ_LOST ((size_t)-1)

struct broker_stream;

enum broker_stream_form {
	BROKER_STREAM_EVENTS, /* text/event-stream (WHATWG HTML 9.2), for broker_stream_read() */
	BROKER_STREAM_MESSAGES, /* a JSON object each, {"event", "id", "data"}, for broker_stream_read_message() */
	BROKER_STREAM_FORMS
};

struct stream_open {
	struct store_write store_write; /* the broker's, as all down to made */
	struct broker *broker;
	struct tenant *tenant;
	struct stream_channel *made;
	struct broker_stream *stream; /* when done() says ERR_OK: to be closed */
	const struct json *document; /* that subscription_check() took, with an id */
	struct context *context; /* of its names, and of notifications; held by the caller until done() */
	const struct json *context_value; /* NULL: the core */
	enum broker_stream_form form;
	bool resumes;
	uint64_t last_number; /* of the event that was seen last, where it resumes */
	/* From done() to broker_stream_close(), on the writer's thread; must not block. There is something to read; the
	 * stream has lost its place and will read nothing more. */
	void (*wake)(void *self);
	void (*cut)(void *self);
	/* Writer's thread, once, when ERR_OK was returned. Changes that commit after it are heard. */
	void (*done)(struct stream_open *open, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* ERR_TENANT; ERR_INVALID: what is wrong in the document; ERR_LIMIT: too many streams, or too many selectors. */
MUST_CHECK enum err_code broker_stream_submit(struct broker *broker, struct str tenant, struct stream_open *open,
					      struct error *err);
/* Copies what comes next; 0: nothing now, wake() will be called. BROKER_STREAM_READ_LOST: cut. One thread at a time. */
size_t broker_stream_read(struct broker_stream *stream, char *at, size_t room);
/* The same, of one message at most; *ret_ends: its last byte is among those copied. The first one is "open", or
 * "reset". 0 comes only between messages. */
size_t broker_stream_read_message(struct broker_stream *stream, char *at, size_t room, bool *ret_ends);
/* No calls after it returns. NULL is fine. */
void broker_stream_close(struct broker_stream *stream);

struct broker_stream_stats {
	uint64_t streams, selectors, bytes;
};
void broker_stream_stats(const struct broker *broker, struct broker_stream_stats *ret);

#endif
