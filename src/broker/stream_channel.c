/* Channels: what one selector hears. The writer's thread gathers a transaction's events, numbers them after the commit
 * and appends them to their channels; streams read there under the channel's lock, which is held for a copy only. */
#include "broker/stream_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static size_t event_bytes(const struct stream_event *event)
{
	return sizeof(*event) + event->len;
}

/* ---- one channel ---- */

struct stream_channel *stream_channel_new(struct broker *broker, struct subscribed *one, char *key, size_t key_bytes)
{
	struct stream_channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		(void)subscribed_unref(one);
		free(key);
		return NULL;
	}
	*channel = (struct stream_channel){.one = one, .key = key, .key_bytes = key_bytes, .broker = broker};
	(void)pthread_mutex_init(&channel->lock, NULL);
	one->channel = channel;
	return channel;
}

static void drop_first(struct stream_channel *channel)
{
	struct stream_event *event = channel->first;

	channel->first = event->next;
	if (!channel->first)
		channel->last = NULL;
	channel->since = event->number;
	channel->bytes -= event_bytes(event);
	atomic_fetch_sub(&channel->broker->stream_bytes, event_bytes(event));
	free(event);
}

struct stream_channel *stream_channel_free(struct stream_channel *channel)
{
	if (!channel)
		return NULL;
	assert(!channel->streams);
	while (channel->first)
		drop_first(channel);
	(void)subscribed_unref(channel->one);
	(void)pthread_mutex_destroy(&channel->lock);
	free(channel->key);
	free(channel);
	return NULL;
}

struct str stream_channel_key(const struct stream_channel *channel)
{
	return (struct str){channel->key, channel->key_bytes};
}

/* ---- gathering ---- */

/* NULL: no memory. */
static struct stream_event *event_new(struct stream_channel *channel, bool reset, struct str data)
{
	struct stream_event *event = malloc(sizeof(*event) + data.len);

	if (!event)
		return NULL;
	*event = (struct stream_event){.channel = channel, .reset = reset, .len = data.len};
	memcpy(event->data, data.at, data.len);
	return event;
}

static struct stream_event *reset_new(struct stream_channel *channel)
{
	return event_new(channel, true, STR("{}"));
}

void streams_init(struct streams *streams, uint64_t seed)
{
	*streams = (struct streams){0};
	map_init(&streams->channels, seed);
}

static void drop_behind(struct streams *streams, struct stream_event *mark)
{
	struct stream_event *event = mark ? mark->next : streams->first;

	while (event) {
		struct stream_event *next = event->next;

		streams->bytes -= event->len;
		free(event);
		event = next;
	}
	streams->last = mark;
	if (mark)
		mark->next = NULL;
	else
		streams->first = NULL;
}

void streams_begin(struct streams *streams)
{
	drop_behind(streams, NULL);
	streams->lost = false;
}

void streams_mark(struct streams *streams)
{
	streams->mark = streams->last;
}

void streams_undo(struct streams *streams)
{
	drop_behind(streams, streams->mark);
}

void streams_keep(struct streams *streams, struct stream_channel *channel, struct str body)
{
	bool fits = body.at && streams->bytes + body.len < STREAM_GATHERED_BYTES_MAX;
	struct stream_event *event = NULL;

	if (fits && body.len > BROKER_STREAM_BYTES_MAX / 2)
		event = reset_new(channel);
	else if (fits)
		event = event_new(channel, false, body);
	if (!event) {
		streams->lost = true;
		return;
	}
	if (streams->last)
		streams->last->next = event;
	else
		streams->first = event;
	streams->last = event;
	streams->bytes += event->len;
}

/* ---- publishing ---- */

uint64_t streams_next_number(struct streams *streams, int64_t now_us)
{
	streams->last_number = (uint64_t)now_us > streams->last_number ? (uint64_t)now_us : streams->last_number + 1;
	return streams->last_number;
}

/* With the lock held: is there room for so much, once what is older has gone? */
static bool make_room(struct stream_channel *channel, size_t len)
{
	while (channel->first && channel->bytes + len > BROKER_STREAM_BYTES_MAX)
		drop_first(channel);
	while (channel->first && atomic_load(&channel->broker->stream_bytes) + len > BROKER_STREAMS_BYTES_MAX)
		drop_first(channel);
	return atomic_load(&channel->broker->stream_bytes) + len <= BROKER_STREAMS_BYTES_MAX;
}

/* With the lock held. The event that a stream is at may just have been dropped: its position tells. */
static void tell_streams(struct stream_channel *channel)
{
	for (struct broker_stream *stream = channel->streams; stream; stream = stream->next) {
		if (stream->lost)
			continue;
		if (!stream->event) {
			stream->event = channel->last;
			stream->position = channel->last->position;
			stream->offset = 0;
		}
		if (stream->position < channel->first->position) {
			stream->lost = true;
			stream->cut(stream->self);
		} else {
			stream->wake(stream->self);
		}
	}
}

static void set_number(struct stream_event *event, uint64_t number)
{
	const char *kind = event->reset ? "reset" : "change";
	unsigned long long id = number;
	int events = snprintf(event->heads[BROKER_STREAM_EVENTS], STREAM_HEAD_BYTES,
			      "event: %s\nid: %llu\ndata: ", kind, id);
	int messages = snprintf(event->heads[BROKER_STREAM_MESSAGES], STREAM_HEAD_BYTES,
				"{\"event\":\"%s\",\"id\":\"%llu\",\"data\":", kind, id);

	event->number = number;
	event->head_bytes[BROKER_STREAM_EVENTS] = (size_t)events;
	event->head_bytes[BROKER_STREAM_MESSAGES] = (size_t)messages;
}

/* Takes the event over. Where all channels together hold too much, a short one takes its place. */
static void publish(struct stream_channel *channel, struct stream_event *event, uint64_t number)
{
	(void)pthread_mutex_lock(&channel->lock);
	if (!make_room(channel, event_bytes(event))) {
		struct stream_event *reset = reset_new(channel);

		if (reset) {
			free(event);
			event = reset;
		}
	}
	set_number(event, number);
	event->position = ++channel->positions;
	event->next = NULL;
	if (channel->last)
		channel->last->next = event;
	else
		channel->first = event;
	channel->last = event;
	channel->bytes += event_bytes(event);
	atomic_fetch_add(&channel->broker->stream_bytes, event_bytes(event));
	tell_streams(channel);
	(void)pthread_mutex_unlock(&channel->lock);
}

/* Without memory even for that, those who listen are cut, and find nothing held when they come back. */
static void lose_all(struct stream_channel *channel, uint64_t number)
{
	(void)pthread_mutex_lock(&channel->lock);
	while (channel->first)
		drop_first(channel);
	channel->since = number;
	for (struct broker_stream *stream = channel->streams; stream; stream = stream->next) {
		if (!stream->lost)
			stream->cut(stream->self);
		stream->lost = true;
	}
	(void)pthread_mutex_unlock(&channel->lock);
}

static void reset_all(struct subscriptions *all, int64_t now_us)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(&all->streams.channels, &at, &key, &value)) {
		struct stream_event *event = reset_new(value);
		uint64_t number = streams_next_number(&all->streams, now_us);

		if (event)
			publish(value, event, number);
		else
			lose_all(value, number);
	}
	all->streams.lost = false;
}

void streams_publish(struct subscriptions *all)
{
	struct streams *streams = &all->streams;

	if (streams->channels.count == 0)
		return;
	int64_t now_us = broker_now_us(all->broker);

	for (struct stream_event *event = streams->first; event;) {
		struct stream_event *next = event->next;

		publish(event->channel, event, streams_next_number(streams, now_us));
		event = next;
	}
	streams->first = streams->last = streams->mark = NULL;
	streams->bytes = 0;
	if (streams->lost)
		reset_all(all, now_us);
	if (now_us >= streams->sweep_us)
		streams_sweep(all, now_us, false);
}

/* ---- going ---- */

static bool is_forgotten(struct stream_channel *channel, int64_t now_us, bool at_once)
{
	(void)pthread_mutex_lock(&channel->lock);
	bool forgotten =
		!channel->streams && (at_once || now_us - channel->idle_us > BROKER_STREAM_KEPT_S * (int64_t)US_PER_S);

	(void)pthread_mutex_unlock(&channel->lock);
	return forgotten;
}

static struct stream_channel *find_forgotten(const struct streams *streams, size_t *at, int64_t now_us, bool at_once)
{
	struct str key;
	void *value;

	while (map_each(&streams->channels, at, &key, &value))
		if (is_forgotten(value, now_us, at_once))
			return value;
	return NULL;
}

void streams_sweep(struct subscriptions *all, int64_t now_us, bool at_once)
{
	struct stream_channel *channel;
	size_t at = 0;

	/* Removing leaves a tombstone: the walk goes on behind it. */
	while ((channel = find_forgotten(&all->streams, &at, now_us, at_once))) {
		subscription_index_remove(channel->one);
		(void)map_remove(&all->streams.channels, stream_channel_key(channel));
		atomic_fetch_sub(&all->broker->stream_selectors, 1);
		(void)stream_channel_free(channel);
	}
	all->streams.sweep_us = now_us + US_PER_S;
}

void streams_done(struct subscriptions *all)
{
	streams_begin(&all->streams);
	streams_sweep(all, 0, true);
	assert(all->streams.channels.count == 0);
	map_done(&all->streams.channels);
}
