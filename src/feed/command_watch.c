/* Which entities have a command: told by streams of changes, and read from the store where one may have been missed. */
#include "feed/command_run_int.h"

#include "base/cleanup.h"
#include "ngsild/query.h"
#include "ngsild/subscription.h"

#include <pthread.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX (4 * BROKER_STREAM_BYTES_MAX)
#define READ_BYTES 16384u

/* ---- streams ---- */

static void wake_feed(const struct watch *watch)
{
	const uint64_t one = 1;

	(void)!write(watch->commands->feed->wake_fd, &one, sizeof(one));
}

static void on_news(void *self)
{
	struct watch *watch = self;

	atomic_store(&watch->news, true);
	wake_feed(watch);
}

static void on_lost(void *self)
{
	struct watch *watch = self;

	atomic_store(&watch->lost, true);
	wake_feed(watch);
}

struct opening {
	struct stream_open open; /* first; self of the wake */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done; /* under the lock, as what follows */
	enum err_code code;
	struct error error;
};

static void on_open(struct stream_open *open, enum err_code code, const struct error *err)
{
	struct opening *opening = (struct opening *)open;

	(void)pthread_mutex_lock(&opening->lock);
	opening->done = true;
	opening->code = code;
	if (code)
		opening->error = *err;
	(void)pthread_cond_signal(&opening->ended);
	(void)pthread_mutex_unlock(&opening->lock);
}

static enum err_code await(struct opening *opening, struct error *err)
{
	(void)pthread_mutex_lock(&opening->lock);
	while (!opening->done)
		(void)pthread_cond_wait(&opening->ended, &opening->lock);
	(void)pthread_mutex_unlock(&opening->lock);
	if (opening->code)
		*err = opening->error;
	return opening->code;
}

static struct json *list_of(struct arena *arena, struct json item)
{
	struct json *list = json_new(arena, json_array());

	return list && json_push(arena, list, item) ? list : NULL;
}

/* A subscription to the attribute, as a client of /api/v1/stream would have it; NULL: no memory. */
static const struct json *document_of(const struct command_plan *plan, struct arena *arena)
{
	struct json *document = json_new(arena, json_object());
	struct json selector = json_object(), notification = json_object(), endpoint = json_object();
	bool made = document && json_add(arena, &selector, STR("type"), json_string(plan->type)) &&
		    json_add(arena, &endpoint, STR("uri"), json_string(STR("http://localhost/")));
	struct json *entities = made ? list_of(arena, selector) : NULL;
	struct json *watched = list_of(arena, json_string(plan->attribute));
	struct json *pick = list_of(arena, json_string(STR("id")));

	made = entities && watched && pick && json_add(arena, &notification, STR("endpoint"), endpoint) &&
	       json_add(arena, &notification, STR("pick"), *pick) &&
	       json_add(arena, document, STR("id"), json_string(STR("urn:ngsi-ld:Subscription:commands"))) &&
	       json_add(arena, document, STR("type"), json_string(STR("Subscription"))) &&
	       json_add(arena, document, STR("entities"), *entities) &&
	       json_add(arena, document, STR("watchedAttributes"), *watched) &&
	       json_add(arena, document, STR("notification"), notification);
	return made ? document : NULL;
}

static enum err_code open_stream(struct watch *watch, struct error *err)
{
	struct feed_commands *commands = watch->commands;
	struct feed *feed = commands->feed;
	struct broker *broker = feed->options->broker;
	struct json url = json_string(feed->context_url);
	const struct json *document = document_of(watch->plan, &commands->scratch);
	struct opening opening = {.open = {.document = document,
					   .context = feed->context,
					   .context_value = feed->context_url.len ? &url : NULL,
					   .form = BROKER_STREAM_MESSAGES,
					   .wake = on_news,
					   .cut = on_lost,
					   .done = on_open,
					   .self = watch}};

	if (!document)
		return err_set(err, ERR_MEMORY, "no memory for commands");
	enum err_code code = subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, broker_now_us(broker), err);

	if (code)
		return code;
	(void)pthread_mutex_init(&opening.lock, NULL);
	(void)pthread_cond_init(&opening.ended, NULL);
	atomic_store(&watch->lost, false);
	code = broker_stream_submit(broker, feed->tenant, &opening.open, err);
	if (!code)
		code = await(&opening, err);
	if (!code) {
		watch->stream = opening.open.stream;
		watch->scan = true; /* what changed before is not heard */
		atomic_store(&watch->news, true);
	}
	(void)pthread_cond_destroy(&opening.ended);
	(void)pthread_mutex_destroy(&opening.lock);
	return code;
}

static void close_stream(struct watch *watch)
{
	broker_stream_close(watch->stream);
	watch->stream = NULL;
	buf_clear(&watch->message);
}

/* ---- what changed ---- */

struct looking {
	struct watch *watch;
	bool had_room;
};

static bool look_at(void *self, const struct json *entity)
{
	struct looking *looking = self;

	looking->had_room = command_consider(looking->watch, entity);
	return looking->had_room;
}

static enum err_code look_up(struct watch *watch, struct str id, struct error *err)
{
	struct feed_commands *commands = watch->commands;
	struct json *entity = NULL;
	enum err_code code =
		broker_retrieve(commands->reader, commands->feed->tenant, id, &commands->scratch, &entity, err);

	if (code == ERR_NOT_FOUND)
		return ERR_OK; /* gone again */
	if (!code && !command_consider(watch, entity))
		watch->scan = true;
	return code;
}

/* {"event": "change", "id": …, "data": {…, "data": [{"id": …}, …]}} */
static enum err_code take_message(struct watch *watch, struct error *err)
{
	struct feed_commands *commands = watch->commands;
	struct json *message = NULL;
	enum err_code code =
		json_parse(commands->parser, &commands->scratch, buf_str(&watch->message), NULL, &message, err);
	const struct json *list = code ? NULL : json_get(json_get(message, STR("data")), STR("data"));

	if (code)
		return code;
	if (str_eq(json_text(json_get(message, STR("event"))), STR("reset")))
		watch->scan = true;
	for (size_t i = 0; json_at(list, i) && !code; i++)
		code = look_up(watch, json_text(json_get(json_at(list, i), STR("id"))), err);
	return code;
}

/* False: the stream has lost its place. */
static bool read_stream(struct watch *watch)
{
	for (;;) {
		char *at = buf_extend(&watch->message, READ_BYTES);
		bool ends = false;
		size_t read =
			at ? broker_stream_read_message(watch->stream, at, READ_BYTES, &ends) : BROKER_STREAM_READ_LOST;
		struct error err;

		if (read == BROKER_STREAM_READ_LOST)
			return false;
		watch->message.len -= READ_BYTES - read;
		if (read == 0)
			return true;
		if (!ends)
			continue;
		if (take_message(watch, &err) != ERR_OK)
			watch->scan = true;
		buf_clear(&watch->message);
		arena_clear(&watch->commands->scratch);
	}
}

/* Looks at every entity that has the attribute. */
static enum err_code scan(struct watch *watch, struct error *err)
{
	struct feed_commands *commands = watch->commands;
	const struct query_text text = {.type = watch->plan->type, .attrs = watch->plan->attribute};
	const struct broker_page page = {.limit = INT64_MAX};
	struct looking looking = {watch, true};
	struct broker_page_result result;
	struct query *query = NULL;
	enum err_code code = query_new(&commands->scratch, broker_reader_parser(commands->reader), &text,
				       commands->feed->context, &query, err);

	if (!code)
		code = broker_query(commands->reader, commands->feed->tenant, query, &page, look_at, &looking, &result,
				    err);
	query_done(query);
	if (!code)
		watch->scan = !looking.had_room;
	return code;
}

static enum err_code turn(struct watch *watch, struct error *err)
{
	enum err_code code = ERR_OK;

	if (atomic_load(&watch->lost) && watch->stream)
		close_stream(watch);
	if (!watch->stream)
		code = open_stream(watch, err);
	if (!code && atomic_exchange(&watch->news, false) && !read_stream(watch)) {
		close_stream(watch);
		code = open_stream(watch, err);
	}
	if (!code && watch->scan && command_has_room(watch->commands))
		code = scan(watch, err);
	return code;
}

enum err_code command_watch(struct feed_commands *commands, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < commands->feed->command_count && !code; i++) {
		code = turn(&commands->watches[i], err);
		arena_clear(&commands->scratch);
	}
	return code;
}

void command_watch_end(struct feed_commands *commands)
{
	for (size_t i = 0; commands->watches && i < commands->feed->command_count; i++) {
		if (commands->watches[i].stream)
			close_stream(&commands->watches[i]);
		buf_done(&commands->watches[i].message);
	}
}
