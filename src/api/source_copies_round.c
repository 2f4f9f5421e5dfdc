/* A round of requests about copies. What is to be made is recorded before it is asked for, under the id that it will
 * have there: a source that has it already (409), because nobody could record its first answer, has no second one. */
#include "api/source_copies_int.h"

#include "api/api.h"
#include "api/source_request.h"
#include "net/http_forwarder.h"
#include "net/http_server.h"

#define LEAVING_MAX_US (24 * 3600 * INT64_C(1000000)) /* that a source is asked to delete a copy */

/* ---- asking ---- */

static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct copy_task *task = post->self;
	struct source_copier *copier = task->copier;

	task->code = result->code;
	task->status = result->status;
	task->error = result->error;
	(void)pthread_mutex_lock(&copier->lock);
	copier->under_way--;
	(void)pthread_cond_broadcast(&copier->changed);
	(void)pthread_mutex_unlock(&copier->lock);
}

static struct str path_of(struct copy_task *task)
{
	struct buf out;

	buf_init(&out, COPY_HEADER_BYTES_MAX);
	buf_put(&out, STR("/subscriptions"));
	if (task->action != COPY_CREATE) {
		buf_put_char(&out, '/');
		put_escaped(&out, task->copy.remote);
	}
	return buf_to_arena(&out, &task->copier->arena);
}

static enum err_code make(struct copy_task *task)
{
	static const char *const methods[] = {"POST", "PATCH", "DELETE"};
	struct source_copier *copier = task->copier;
	struct source_request request = {.source = task->source,
					 .method = methods[task->action],
					 .path = path_of(task),
					 .local_told = true,
					 .body = task->body,
					 .context_value = task->context_value,
					 .arena = &copier->arena};
	enum err_code code = request.path.at ? ERR_OK : err_set(&task->error, ERR_MEMORY, "no memory for a request");

	task->location.name = "Location";
	task->post =
		(struct http_post){.timeout_ms = source_timeout_ms(task->source, copier->options.source_timeout_ms),
				   .waiting_counts = true,
				   .wanted = &task->location,
				   .wanted_count = 1,
				   .arena = &task->arena,
				   .done = on_done,
				   .self = task};
	if (code == ERR_OK)
		code = source_via_make(copier->reader, copier->tenant, task->via, &copier->arena, &request.via,
				       &task->error);
	return code ? code : source_request_make(&request, &task->post, &task->error);
}

static bool prepare(struct copy_task *task)
{
	if (!task->source)
		return false;
	task->code = source_begin(task->source, broker_now_us(task->copier->options.broker), &task->error);
	if (task->code == ERR_OK) {
		task->code = make(task);
		task->sent = task->code == ERR_OK;
	}
	return task->sent;
}

static void ask(struct source_copier *copier)
{
	struct http_post *posts[COPY_TASKS_MAX];
	struct error error = {0};
	size_t count = 0;

	for (size_t i = 0; i < copier->task_count; i++)
		if (prepare(copier->tasks[i]))
			posts[count++] = &copier->tasks[i]->post;
	(void)pthread_mutex_lock(&copier->lock);
	enum err_code code = copier->stopping ? err_set(&error, ERR_CONFLICT, "the server is going down") : ERR_OK;

	copier->under_way = count;
	if (code == ERR_OK && count)
		code = http_forwarder_send(copier->options.forwarder, posts, count, &error);
	if (code != ERR_OK)
		copier->under_way = 0;
	while (copier->under_way > 0)
		(void)pthread_cond_wait(&copier->changed, &copier->lock);
	(void)pthread_mutex_unlock(&copier->lock);
	for (size_t i = 0; code != ERR_OK && i < copier->task_count; i++) {
		copier->tasks[i]->code = code;
		copier->tasks[i]->error = error;
		copier->tasks[i]->sent = false;
	}
}

/* ---- what came of it ---- */

static bool is_gone(const struct copy_task *task)
{
	return task->status == 404 || task->status == 410;
}

static bool did_it(const struct copy_task *task)
{
	return task->code == ERR_OK || (task->action == COPY_DELETE && is_gone(task));
}

static void settle(const struct copy_task *task)
{
	bool fine = did_it(task) || (task->action == COPY_CREATE && task->status == 409);

	if (task->sent)
		source_ended(task->source,
			     fine                ? SOURCE_ANSWERED
			     : task->status == 0 ? SOURCE_SILENT
						 : SOURCE_REFUSED,
			     broker_now_us(task->copier->options.broker));
}

/* The last segment is the id that it has there. */
static void take_location(struct copy_task *task)
{
	struct str url = task->location.value, id;
	size_t at;

	while (str_find(url, '/', &at))
		url = str_part(url, at + 1, url.len);
	if (url.len && http_decode(&task->copier->arena, url, &id) && id.len)
		task->copy.remote = id;
}

static void complain(const struct copy_task *task)
{
	const struct source_copier_options *options = &task->copier->options;
	struct error err = task->error;

	(void)err_while(&err, "telling the source of %.*s of the subscription %.*s",
			STR_FMT(str_part(task->copy.registration, 0, 80)),
			STR_FMT(str_part(task->copy.subscription, 0, 80)));
	if (options->complain)
		options->complain(options->complain_self, task->copier->tenant, &err);
}

/* Members of what it was and of what it was to be: the next update takes out what is neither's. */
static const struct json *either(struct copy_task *task)
{
	struct arena *arena = &task->copier->arena;
	const struct json *was = task->was, *is = task->copy.sent;
	struct json *both = json_new(arena, json_object());

	for (uint32_t i = 0; both && i < is->count; i++)
		if (!json_add(arena, both, is->members[i].key, is->members[i].value))
			return was;
	for (uint32_t i = 0; both && i < was->count; i++)
		if (!json_get(is, was->members[i].key) &&
		    !json_add(arena, both, was->members[i].key, was->members[i].value))
			return was;
	return both ? both : was;
}

/* What was recorded stays, but for when and why it did not go well. */
static void fail(struct copy_task *task, struct source_copy_change *change, int64_t now_us)
{
	static const struct json nothing = {.kind = JSON_OBJECT};
	bool refused = (task->status >= 400 && task->status < 500) || task->status == 508 || task->code == ERR_DENIED ||
		       task->code == ERR_INVALID;

	task->copier->failed = true;
	if (task->action == COPY_CREATE && task->status == 409) {
		task->copy.sent = &nothing; /* it is there, as it was then: it is updated at the next look */
		task->copy.unsure = true;
		broker_stale_copies_add(task->copier->options.broker, task->copier->tenant, task->copy.subscription);
	} else if (task->action == COPY_UPDATE && !is_gone(task)) {
		task->copy.sent = either(task); /* perhaps it took place */
		task->copy.unsure = true;
	} else {
		task->copy.sent = NULL;
	}
	if (refused && task->status != 409 && !is_gone(task)) {
		complain(task);
		task->copy.refused_us = now_us;
	}
	if (task->action == COPY_DELETE) {
		if (!task->copy.leaving_us)
			task->copy.leaving_us = now_us;
		change->gone = now_us - task->copy.leaving_us > LEAVING_MAX_US;
	}
}

static void take(struct copy_task *task, struct source_copy_change *change, int64_t now_us)
{
	settle(task);
	if (!task->source) {
		change->gone = true;
	} else if (!did_it(task)) {
		fail(task, change, now_us);
	} else if (task->action == COPY_DELETE) {
		change->gone = true;
		/* Another may be wanted in its place. */
		broker_stale_copies_add(task->copier->options.broker, task->copier->tenant, task->copy.subscription);
	} else if (task->action == COPY_CREATE) {
		take_location(task);
	}
	change->copy = task->copy;
}

/* ---- a round ---- */

static enum err_code record_new(struct source_copier *copier, struct error *err)
{
	struct source_copy_change changes[COPY_TASKS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < copier->task_count; i++) {
		if (!copier->tasks[i]->fresh)
			continue;
		changes[count] = (struct source_copy_change){.copy = copier->tasks[i]->copy};
		changes[count++].copy.sent = NULL;
	}
	return broker_source_copies_put(copier->options.broker, copier->tenant, changes, count, err);
}

static enum err_code record_outcomes(struct source_copier *copier, struct error *err)
{
	struct source_copy_change changes[COPY_TASKS_MAX];
	int64_t now_us = broker_now_us(copier->options.broker);

	for (size_t i = 0; i < copier->task_count; i++) {
		changes[i] = (struct source_copy_change){.gone = false};
		take(copier->tasks[i], &changes[i], now_us);
	}
	return broker_source_copies_put(copier->options.broker, copier->tenant, changes, copier->task_count, err);
}

enum err_code copies_round(struct source_copier *copier, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < copier->task_count; i++)
		arena_init(&copier->tasks[i]->arena, COPY_HEADER_BYTES_MAX);
	if (copier->task_count)
		code = record_new(copier, err);
	if (copier->task_count && code == ERR_OK) {
		ask(copier);
		code = record_outcomes(copier, err);
	}
	for (size_t i = 0; i < copier->task_count; i++)
		arena_done(&copier->tasks[i]->arena);
	for (struct held_sources *held = copier->held; held; held = held->next)
		sources_release(&held->list);
	copier->held = NULL;
	copier->task_count = 0;
	arena_clear(&copier->arena);
	return code;
}
