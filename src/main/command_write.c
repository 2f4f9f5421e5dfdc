/* machi put and delete: entities into a city and out of it, in batches of one transaction each. */
#include "base/cleanup.h"
#include "main/command_table.h"
#include "main/json_stream.h"
#include "main/say.h"
#include "main/session.h"
#include "ngsild/expand.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CHUNK_BYTES 65536u
#define OBJECT_BYTES_MAX (64u << 20)
#define BATCH_ENTITIES 1000u
#define BATCH_BYTES (32u << 20) /* a batch is stored when it has taken so much */
#define ARENA_BYTES_MAX (2048ull << 20)
#define COMPLAINTS_MAX 20u /* told in full; the others are counted */

struct batch {
	struct session *session;
	struct broker_item *items;
	uint64_t *lines; /* where each item came from; 0: the command line */
	size_t count, room;
	bool append, atomic;
	struct arena arena;
	struct broker_write write;
	uint64_t created, changed, unchanged, failed;
	enum err_code worst; /* of the entities that failed */
};

static void complain(struct batch *batch, const struct broker_item *item, uint64_t line, enum err_code code,
		     const struct error *err)
{
	batch->failed++;
	if (code != ERR_NOT_FOUND && !batch->worst)
		batch->worst = code;
	if (batch->failed > COMPLAINTS_MAX)
		return;
	struct str id = item ? item->id : STR_NONE;

	if (line)
		say("line %llu: %.*s%s%s", (unsigned long long)line, STR_FMT(id), id.len ? ": " : "", err->detail);
	else
		say("%s", err->detail);
}

/* Counts what became of the items; missing ones are left to create_missing() when they shall be created. */
static void count(struct batch *batch, bool missing_too)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct broker_outcome *outcome = &batch->items[i].outcome;

		if (outcome->code == ERR_NOT_FOUND && !missing_too)
			continue;
		if (outcome->code)
			complain(batch, &batch->items[i], batch->lines[i], outcome->code, &outcome->error);
		batch->created += !outcome->code && outcome->created;
		batch->changed += !outcome->code && !outcome->created && outcome->changed;
		batch->unchanged += !outcome->code && !outcome->created && !outcome->changed;
	}
}

static enum err_code apply(struct batch *batch, struct error *err)
{
	struct session *session = batch->session;

	batch->write = (struct broker_write){
		.items = batch->items,
		.item_count = batch->count,
		.atomic = batch->atomic,
		.arena = &batch->arena,
	};
	return broker_apply(session->broker, session->store, &batch->write, err);
}

/* Appending to an entity that is not there creates it: those items once more, as creations. */
static enum err_code create_missing(struct batch *batch, struct error *err)
{
	size_t missing = 0;

	for (size_t i = 0; i < batch->count; i++) {
		if (batch->items[i].outcome.code != ERR_NOT_FOUND)
			continue;
		batch->items[missing] = batch->items[i];
		batch->items[missing].operation = BROKER_CREATE;
		batch->items[missing].outcome = (struct broker_outcome){0};
		batch->lines[missing++] = batch->lines[i];
	}
	batch->count = missing;
	return missing ? apply(batch, err) : ERR_OK;
}

static enum err_code store_batch(struct batch *batch, struct error *err)
{
	enum err_code code = batch->count ? apply(batch, err) : ERR_OK;

	if (!code && batch->append) {
		count(batch, false);
		code = create_missing(batch, err);
	}
	if (!code)
		count(batch, true);
	batch->count = 0;
	arena_clear(&batch->arena);
	return code;
}

/* The context that the entity itself names, else the command's. *ret is a new reference. */
static enum err_code context_of(struct batch *batch, const struct json *body, struct context **ret, struct error *err)
{
	const struct json *own = json_get(body, STR("@context"));

	if (own)
		return broker_context(batch->session->broker, own, NULL, NULL, ret, err);
	*ret = context_ref(batch->session->context);
	return ERR_OK;
}

static enum err_code expand(struct batch *batch, struct str bytes, struct json **ret_entity, struct error *err)
{
	struct context *context = NULL;
	struct json *body;
	struct str copy = arena_dup(&batch->arena, bytes);
	enum err_code code;

	if (!copy.at)
		return err_set(err, ERR_MEMORY, "no memory for an entity");
	code = json_parse(batch->session->parser, &batch->arena, copy, NULL, &body, err);
	if (!code)
		code = context_of(batch, body, &context, err);
	if (code)
		return code;
	struct expand_options options = {.context = context, .now_us = broker_now_us(batch->session->broker)};

	code = expand_entity(&batch->arena, body, &options, ret_entity, err);
	(void)context_unref(context);
	return code;
}

static enum err_code take_object(void *self, struct str bytes, uint64_t line, struct error *err)
{
	struct batch *batch = self;
	struct json *entity = NULL;
	struct error cause;
	enum err_code code = expand(batch, bytes, &entity, &cause);

	if (code == ERR_MEMORY || (code && batch->atomic)) {
		*err = cause;
		return err_while(err, "reading the entity of line %llu; nothing was stored from there on",
				 (unsigned long long)line);
	}
	if (code) {
		complain(batch, NULL, line, code, &cause);
		return ERR_OK;
	}
	if (batch->atomic && batch->count == batch->room)
		return err_set(err, ERR_LIMIT, "line %llu: more than %zu entities cannot be stored as one",
			       (unsigned long long)line, batch->room);
	batch->items[batch->count] = (struct broker_item){
		.operation = batch->append ? BROKER_APPEND_ATTRIBUTES : BROKER_REPLACE,
		.id = document_id(entity),
		.entity = entity,
		.overwrite = true,
	};
	batch->lines[batch->count++] = line;
	if (!batch->atomic && (batch->count == batch->room || batch->arena.bytes > BATCH_BYTES))
		return store_batch(batch, err);
	return ERR_OK;
}

static enum err_code read_all(struct batch *batch, int fd, const char *path, struct error *err)
{
	struct json_stream stream;
	char chunk[CHUNK_BYTES];
	enum err_code code = ERR_OK;

	json_stream_init(&stream, OBJECT_BYTES_MAX, take_object, batch);
	while (!code) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			code = err_set(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
		else if (got > 0)
			code = json_stream_feed(&stream, (struct str){chunk, (size_t)got}, err);
	}
	if (!code)
		code = json_stream_finish(&stream, err);
	json_stream_done(&stream);
	/* What was good before a broken place is stored all the same, unless all or nothing was wanted. */
	if (!code)
		return store_batch(batch, err);
	struct error other;

	if (!batch->atomic && code == ERR_INVALID && store_batch(batch, &other))
		*err = other;
	return err->code;
}

static enum exit_status read_file(struct batch *batch, const char *path)
{
	bool is_stdin = !path || strcmp(path, "-") == 0;
	CLEANUP_FD int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	struct error err;

	if (!is_stdin && opened < 0) {
		say("cannot open %s: %s", path, strerror(errno));
		return EXIT_NO_INPUT;
	}
	if (!read_all(batch, is_stdin ? STDIN_FILENO : opened, is_stdin ? "standard input" : path, &err))
		return EXIT_GOOD;
	return say_error(&err);
}

static bool batch_init(struct batch *batch, struct session *session, size_t room)
{
	*batch = (struct batch){.session = session, .room = room};
	arena_init(&batch->arena, ARENA_BYTES_MAX);
	batch->items = calloc(room, sizeof(*batch->items));
	batch->lines = calloc(room, sizeof(*batch->lines));
	if (batch->items && batch->lines)
		return true;
	say("no memory for a batch of entities");
	return false;
}

static void batch_done(struct batch *batch)
{
	free(batch->items);
	free(batch->lines);
	arena_done(&batch->arena);
}

static enum exit_status put(struct session *session, const struct call *call)
{
	bool atomic = call_has(call, "atomic");
	struct batch batch;
	enum exit_status status = EXIT_MEMORY;

	if (batch_init(&batch, session, atomic ? BROKER_BATCH_ENTITIES_MAX : BATCH_ENTITIES)) {
		batch.atomic = atomic;
		batch.append = strcmp(call_text(call, "mode"), "append") == 0;
		status = read_file(&batch, call_argument(call, 0));
		if (batch.failed > COMPLAINTS_MAX)
			say("… and %llu more", (unsigned long long)(batch.failed - COMPLAINTS_MAX));
		say("%llu created, %llu changed, %llu unchanged, %llu refused", (unsigned long long)batch.created,
		    (unsigned long long)batch.changed, (unsigned long long)batch.unchanged,
		    (unsigned long long)batch.failed);
		if (status == EXIT_GOOD && batch.failed)
			status = batch.worst ? exit_of(batch.worst) : EXIT_DATA;
	}
	batch_done(&batch);
	return status;
}

enum exit_status command_put(const struct call *call)
{
	struct session session;
	struct error err;

	if (call_has(call, "atomic") && strcmp(call_text(call, "mode"), "append") == 0) {
		(void)err_set(&err, ERR_INVALID, "--atomic goes with --mode replace only");
		return say_usage(call->command, &err);
	}
	enum exit_status status = session_open(&session, call, SESSION_CREATES);

	if (status == EXIT_GOOD)
		status = put(&session, call);
	session_close(&session);
	return status;
}

static enum exit_status delete_all(struct session *session, const struct call *call)
{
	struct batch batch;
	struct error err;
	enum exit_status status = EXIT_MEMORY;

	if (batch_init(&batch, session, CALL_ARGUMENTS_MAX)) {
		for (size_t i = 0; i < call->argument_count; i++)
			batch.items[batch.count++] = (struct broker_item){
				.operation = BROKER_DELETE,
				.id = str_from(call_argument(call, i)),
			};
		status = store_batch(&batch, &err) ? say_error(&err) : EXIT_GOOD;
		if (status == EXIT_GOOD && batch.failed)
			status = batch.worst ? exit_of(batch.worst) : EXIT_NOT_FOUND;
	}
	batch_done(&batch);
	return status;
}

enum exit_status command_delete(const struct call *call)
{
	struct session session;
	enum exit_status status = session_open(&session, call, SESSION_WRITES);

	if (status == EXIT_GOOD)
		status = delete_all(&session, call);
	session_close(&session);
	return status;
}
