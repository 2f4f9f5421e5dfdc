/* Streams opened, read and closed. Opening is a write that changes nothing: so the writer's thread puts the stream into
 * its channel between two transactions, and the index needs no lock. */
#include "broker/stream_int.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- opening: the caller's thread ---- */

static enum err_code make_key(const struct stream_open *open, char **ret_key, size_t *ret_bytes, struct error *err)
{
	struct buf text;

	buf_init(&text, STREAM_KEY_BYTES_MAX);
	if (open->context_value)
		json_write(&text, open->context_value);
	buf_put_char(&text, '\n');
	json_write(&text, open->document);
	enum err_code code = buf_check(&text, "what a stream selects", err);

	if (code == ERR_OK)
		*ret_key = buf_take(&text, ret_bytes);
	buf_done(&text);
	return code;
}

static enum err_code make_channel(struct broker *broker, struct stream_open *open, struct error *err)
{
	const struct subscribed_contexts contexts = {
		.own = open->context, .own_value = open->context_value, .core = broker_core_context(broker)};
	struct json_parser *parser = json_parser_new();
	struct subscribed *one = NULL;
	size_t key_bytes = 0;
	char *key = NULL;
	enum err_code code =
		parser ? subscribed_new(open->document, SUBSCRIPTION_TO_ENTITIES, &contexts, parser, &one, err)
		       : err_set(err, ERR_MEMORY, "no memory for a stream");

	(void)json_parser_free(parser);
	if (code == ERR_OK)
		code = make_key(open, &key, &key_bytes, err);
	if (code != ERR_OK) {
		(void)subscribed_unref(one);
		return code;
	}
	open->made = stream_channel_new(broker, one, key, key_bytes);
	return open->made ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a stream");
}

/* Counted from here to broker_stream_close() or a failure. */
static enum err_code make_stream(struct broker *broker, struct stream_open *open, struct error *err)
{
	if (atomic_fetch_add(&broker->streams, 1) >= BROKER_STREAMS_MAX) {
		atomic_fetch_sub(&broker->streams, 1);
		return err_set(err, ERR_LIMIT, "%u streams are open already", BROKER_STREAMS_MAX);
	}
	open->stream = calloc(1, sizeof(*open->stream));
	if (!open->stream) {
		atomic_fetch_sub(&broker->streams, 1);
		return err_set(err, ERR_MEMORY, "no memory for a stream");
	}
	open->stream->form = open->form;
	open->stream->wake = open->wake;
	open->stream->cut = open->cut;
	open->stream->self = open->self;
	return ERR_OK;
}

static void drop(struct stream_open *open)
{
	open->made = stream_channel_free(open->made);
	if (open->stream)
		atomic_fetch_sub(&open->broker->streams, 1);
	free(open->stream);
	open->stream = NULL;
}

/* ---- opening: the writer's thread ---- */

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	(void)store_write;
	(void)txn;
	(void)err;
	return ERR_OK;
}

/* The channel that is there, or the one made. */
static enum err_code take_channel(struct subscriptions *all, struct stream_open *open, int64_t now_us,
				  struct stream_channel **ret, struct error *err)
{
	struct stream_channel *made = open->made;
	atomic_uint_fast32_t *selectors = &all->broker->stream_selectors;

	*ret = map_get(&all->streams.channels, stream_channel_key(made));
	if (*ret)
		return ERR_OK;
	if (atomic_load(selectors) >= BROKER_STREAM_SELECTORS_MAX)
		streams_sweep(all, now_us, true);
	if (atomic_fetch_add(selectors, 1) >= BROKER_STREAM_SELECTORS_MAX) {
		atomic_fetch_sub(selectors, 1);
		return err_set(err, ERR_LIMIT, "streams select %u different things already",
			       BROKER_STREAM_SELECTORS_MAX);
	}
	bool indexed = subscription_index_add(&all->index, made->one);

	if (!indexed || !map_set(&all->streams.channels, stream_channel_key(made), made)) {
		if (indexed)
			subscription_index_remove(made->one);
		atomic_fetch_sub(selectors, 1);
		return err_set(err, ERR_MEMORY, "no memory for a stream");
	}
	made->since = streams_next_number(&all->streams, now_us);
	open->made = NULL;
	*ret = made;
	return ERR_OK;
}

/* The number that the client comes back with if it hears nothing else. */
static void greet(struct broker_stream *stream, bool reset, uint64_t number)
{
	unsigned long long id = number;
	int len;

	if (stream->form == BROKER_STREAM_MESSAGES)
		len = snprintf(stream->greeting, sizeof(stream->greeting),
			       "{\"event\":\"%s\",\"id\":\"%llu\",\"data\":{}}", reset ? "reset" : "open", id);
	else
		len = snprintf(stream->greeting, sizeof(stream->greeting), "retry: %d\n%sid: %llu\n\n",
			       BROKER_STREAM_RETRY_MS, reset ? "event: reset\ndata: {}\n" : "", id);
	stream->greeting_bytes = len > 0 ? (size_t)len : 0;
}

/* With the channel's lock held: from where it reads, and what it is told first. */
static void set_place(struct broker_stream *stream, const struct stream_open *open, uint64_t last_number)
{
	const struct stream_channel *channel = stream->channel;

	if (!open->resumes) {
		greet(stream, false, last_number);
		return;
	}
	if (open->last_number < channel->since || open->last_number > last_number) {
		greet(stream, true, last_number);
		return;
	}
	greet(stream, false, open->last_number);
	stream->event = channel->first;
	while (stream->event && stream->event->number <= open->last_number)
		stream->event = stream->event->next;
	stream->position = stream->event ? stream->event->position : 0;
}

static void join(struct stream_channel *channel, const struct stream_open *open, uint64_t last_number)
{
	struct broker_stream *stream = open->stream;

	stream->channel = channel;
	(void)pthread_mutex_lock(&channel->lock);
	set_place(stream, open, last_number);
	stream->next = channel->streams;
	if (stream->next)
		stream->next->previous = stream;
	channel->streams = stream;
	(void)pthread_mutex_unlock(&channel->lock);
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct stream_open *open =
		(struct stream_open *)(void *)((char *)store_write - offsetof(struct stream_open, store_write));
	struct subscriptions *all = open->tenant->subscriptions;
	struct stream_channel *channel = NULL;
	struct error local;

	if (code == ERR_OK) {
		code = take_channel(all, open, broker_now_us(open->broker), &channel, &local);
		err = &local;
	}
	if (code == ERR_OK) {
		join(channel, open, all->streams.last_number);
		open->made = stream_channel_free(open->made);
	} else {
		drop(open);
	}
	open->done(open, code, err);
}

enum err_code broker_stream_submit(struct broker *broker, struct str tenant, struct stream_open *open,
				   struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, false, &store, err);

	open->broker = broker;
	open->made = NULL;
	open->stream = NULL;
	open->store_write = (struct store_write){.run = run, .done = done};
	if (code == ERR_OK)
		open->tenant = tenant_find(broker, tenant);
	if (code == ERR_OK)
		code = make_channel(broker, open, err);
	if (code == ERR_OK)
		code = make_stream(broker, open, err);
	if (code == ERR_OK)
		code = store_submit(store, &open->store_write, err);
	if (code != ERR_OK)
		drop(open);
	return code;
}

/* ---- reading and closing ---- */

static size_t copy(char *at, size_t room, const char *from, size_t len)
{
	size_t taken = len < room ? len : room;

	memcpy(at, from, taken);
	return taken;
}

/* With the lock held. The event's text is head, data and tail, and the stream's offset a place in it. */
static size_t read_event(struct broker_stream *stream, char *at, size_t room, bool *ret_ends)
{
	static const struct str tails[BROKER_STREAM_FORMS] = {
		[BROKER_STREAM_EVENTS] = {"\n\n", 2},
		[BROKER_STREAM_MESSAGES] = {"}", 1},
	};
	const struct stream_event *event = stream->event;
	const struct str pieces[] = {
		{event->heads[stream->form], event->head_bytes[stream->form]},
		{event->data, event->len},
		tails[stream->form],
	};
	size_t read = 0, begin = 0;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); begin += pieces[i++].len) {
		size_t skipped = stream->offset > begin ? stream->offset - begin : 0;

		if (skipped >= pieces[i].len)
			continue;
		size_t taken = copy(at + read, room - read, pieces[i].at + skipped, pieces[i].len - skipped);

		read += taken;
		stream->offset += taken;
	}
	*ret_ends = stream->offset == begin;
	return read;
}

/* With the lock held. */
static void go_on(struct broker_stream *stream)
{
	stream->event = stream->event->next;
	stream->position = stream->event ? stream->event->position : 0;
	stream->offset = 0;
}

static size_t read_greeting(struct broker_stream *stream, char *at, size_t room)
{
	size_t left = stream->greeting_bytes - stream->greeting_sent;
	size_t read = copy(at, room, stream->greeting + stream->greeting_sent, left);

	stream->greeting_sent += read;
	return read;
}

size_t broker_stream_read(struct broker_stream *stream, char *at, size_t room)
{
	assert(stream->form == BROKER_STREAM_EVENTS);
	size_t read = read_greeting(stream, at, room);
	bool ends = true;

	(void)pthread_mutex_lock(&stream->channel->lock);
	bool lost = stream->lost;

	while (!lost && ends && read < room && stream->event) {
		read += read_event(stream, at + read, room - read, &ends);
		if (ends)
			go_on(stream);
	}
	(void)pthread_mutex_unlock(&stream->channel->lock);
	return lost ? BROKER_STREAM_READ_LOST : read;
}

size_t broker_stream_read_message(struct broker_stream *stream, char *at, size_t room, bool *ret_ends)
{
	assert(stream->form == BROKER_STREAM_MESSAGES);
	size_t read = read_greeting(stream, at, room);

	*ret_ends = read > 0 && stream->greeting_sent == stream->greeting_bytes;
	(void)pthread_mutex_lock(&stream->channel->lock);
	bool lost = stream->lost;

	if (!lost && read == 0 && stream->event) {
		read = read_event(stream, at, room, ret_ends);
		if (*ret_ends)
			go_on(stream);
	}
	(void)pthread_mutex_unlock(&stream->channel->lock);
	return lost ? BROKER_STREAM_READ_LOST : read;
}

void broker_stream_close(struct broker_stream *stream)
{
	if (!stream)
		return;
	struct stream_channel *channel = stream->channel;
	struct broker *broker = channel->broker;
	int64_t now_us = broker_now_us(broker);

	(void)pthread_mutex_lock(&channel->lock);
	if (stream->next)
		stream->next->previous = stream->previous;
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		channel->streams = stream->next;
	channel->idle_us = now_us;
	/* From here on the writer's thread may free the channel. */
	(void)pthread_mutex_unlock(&channel->lock);
	atomic_fetch_sub(&broker->streams, 1);
	free(stream);
}

void broker_stream_stats(const struct broker *broker, struct broker_stream_stats *ret)
{
	*ret = (struct broker_stream_stats){atomic_load(&broker->streams), atomic_load(&broker->stream_selectors),
					    atomic_load(&broker->stream_bytes)};
}
