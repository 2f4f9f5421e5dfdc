/* What the files of streams share. */
#ifndef MACHI_BROKER_STREAM_INT_H
#define MACHI_BROKER_STREAM_INT_H

#include "broker/streams.h"
#include "broker/subscriptions_int.h"

#define STREAM_GATHERED_BYTES_MAX ((size_t)64 << 20) /* of one transaction's events, of a tenant */
#define STREAM_KEY_BYTES_MAX ((size_t)1 << 20)
#define STREAM_GREETING_BYTES 128
#define STREAM_HEAD_BYTES 64 /* of an event's text before its data, with the longest number */

struct stream_event {
	struct stream_event *next;
	struct stream_channel *channel; /* while it is gathered */
	uint64_t number; /* told to clients */
	uint64_t position; /* in its channel */
	bool reset; /* else a change */
	size_t head_bytes[BROKER_STREAM_FORMS];
	char heads[BROKER_STREAM_FORMS][STREAM_HEAD_BYTES]; /* what stands before the data in each form */
	size_t len;
	char data[];
};

struct stream_channel {
	struct subscribed *one; /* held; the writer's thread's */
	char *key; /* owned */
	size_t key_bytes;
	struct broker *broker;
	pthread_mutex_t lock; /* guards the rest */
	struct stream_event *first, *last; /* held; owned */
	size_t bytes;
	uint64_t since; /* every event with a higher number is held */
	uint64_t positions; /* given so far */
	struct broker_stream *streams; /* list */
	int64_t idle_us; /* since when nobody listens */
};

struct broker_stream {
	struct stream_channel *channel;
	struct broker_stream *next, *previous;
	const struct stream_event *event; /* NULL: has read all */
	uint64_t position; /* the event's */
	size_t offset; /* in the event's text of this form */
	enum broker_stream_form form;
	bool lost;
	char greeting[STREAM_GREETING_BYTES];
	size_t greeting_bytes, greeting_sent;
	void (*wake)(void *self);
	void (*cut)(void *self);
	void *self;
};

/* NULL: no memory. Takes one and key over, also then. */
struct stream_channel *stream_channel_new(struct broker *broker, struct subscribed *one, char *key, size_t key_bytes);
struct stream_channel *stream_channel_free(struct stream_channel *channel);
struct str stream_channel_key(const struct stream_channel *channel);
/* The writer's thread: the tenant's next event's. */
uint64_t streams_next_number(struct streams *streams, int64_t now_us);
/* The writer's thread: channels that nobody has listened to for long go; at_once: all that nobody listens to. */
void streams_sweep(struct subscriptions *all, int64_t now_us, bool at_once);

#endif
