/* What a subscription's copies need: those that there are, held against those that there are to be. */
#include "api/source_copies_int.h"

#include "ngsild/subscription_copy.h"

#define REFUSED_PAUSE_US (60 * INT64_C(1000000)) /* before a source is asked again that would not have a copy */

struct plan {
	struct source_copier *copier;
	struct source_copies copies;
	struct source_wishes wishes;
	bool *met; /* wishes that have a copy */
	int64_t now_us;
	struct error *err;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for copies of subscriptions");
}

static bool hold(struct source_copier *copier, const struct source_list *list)
{
	struct held_sources *held = arena_new(&copier->arena, struct held_sources);

	if (!held)
		return false;
	*held = (struct held_sources){*list, copier->held};
	copier->held = held;
	return true;
}

/* NULL: there is no room, and the subscription is looked at once more. */
static struct copy_task *add_task(struct plan *plan, enum copy_action action, const struct source_copy *copy,
				  struct source *source)
{
	struct source_copier *copier = plan->copier;
	struct copy_task *task = NULL;

	if (copier->task_count < COPY_TASKS_MAX)
		task = arena_new(&copier->arena, struct copy_task);
	if (!task) {
		broker_stale_copies_add(copier->options.broker, copier->tenant, copy->subscription);
		return NULL;
	}
	task->action = action;
	task->copy = *copy;
	task->source = source;
	task->copier = copier;
	copier->tasks[copier->task_count++] = task;
	return task;
}

/* ---- what is sent ---- */

static struct str receiving_url(struct source_copier *copier, struct str token)
{
	return arena_printf(&copier->arena, "%s" COPIES_PATH "%.*s%s%.*s", copier->options.url, STR_FMT(token),
			    copier->tenant.len ? "." : "", STR_FMT(copier->tenant));
}

/* The wish as a document of its own, for this token; NULL: no memory. */
static struct json *address(struct source_copier *copier, const struct source_wish *wish, struct str token)
{
	struct str id = arena_concat(&copier->arena, STR(SOURCE_COPY_ID_PREFIX), token);
	struct str url = receiving_url(copier, token);
	struct json *document = json_dup(&copier->arena, wish->copy);

	return document && id.at && url.at && subscription_copy_address(&copier->arena, document, id, url) ? document
													   : NULL;
}

/* What the record keeps of it: with the @context that its names are of. */
static const struct json *with_context(struct source_copier *copier, const struct source_wish *wish,
				       const struct json *document)
{
	struct json *whole = json_new(&copier->arena, *document);

	if (!wish->context_value || !whole)
		return whole;
	*whole = json_object();
	for (uint32_t i = 0; i < document->count; i++)
		if (!json_add(&copier->arena, whole, document->members[i].key, document->members[i].value))
			return NULL;
	return json_add(&copier->arena, whole, STR("@context"), *wish->context_value) ? whole : NULL;
}

/* "1.1 one, 1.1 two" */
static struct str via_of(struct source_copier *copier, const struct source_wish *wish)
{
	struct str via = STR_NONE;

	for (uint32_t i = 0; json_is(wish->via, JSON_ARRAY) && i < wish->via->count; i++)
		via = arena_printf(&copier->arena, "%.*s%s1.1 %.*s", STR_FMT(via), via.len ? ", " : "",
				   STR_FMT(json_text(&wish->via->items[i])));
	return via;
}

/* ---- those that are to be no more ---- */

static bool same_place(const struct source_copy *copy, const struct source *source)
{
	return str_eq(json_text(json_get(copy->source, STR("endpoint"))), source_endpoint(source)) &&
	       str_eq(json_text(json_get(copy->source, STR("tenant"))), source_tenant(source));
}

/* The registration may be gone, or mean another place by now: then as it was. */
static enum err_code source_of(struct plan *plan, const struct source_copy *copy, struct source **ret)
{
	struct source_copier *copier = plan->copier;
	struct source_list list;
	enum err_code code =
		broker_source_get(copier->reader, copier->tenant, copy->registration, &copier->arena, &list, plan->err);

	if (code == ERR_OK && list.count && !same_place(copy, list.at[0]))
		sources_release(&list);
	if (code == ERR_OK && list.count == 0)
		code = broker_source_of_copy(copier->reader, copy, &copier->arena, &list, plan->err);
	if (code != ERR_OK)
		return code;
	*ret = list.at[0];
	if (hold(copier, &list))
		return ERR_OK;
	sources_release(&list);
	return no_memory(plan->err);
}

static bool pauses(const struct plan *plan, const struct source_copy *copy)
{
	bool pauses = copy->refused_us && plan->now_us - copy->refused_us < REFUSED_PAUSE_US;

	if (pauses)
		plan->copier->failed = true; /* later */
	return pauses;
}

static enum err_code leave(struct plan *plan, const struct source_copy *copy)
{
	struct source *source = NULL;
	enum err_code code = source_of(plan, copy, &source);

	if (code != ERR_OK)
		return code;
	if (pauses(plan, copy))
		return ERR_OK;
	(void)add_task(plan, COPY_DELETE, copy, source_supports(source, SOURCE_DELETE_SUBSCRIPTION) ? source : NULL);
	return ERR_OK;
}

/* ---- those that are to be ---- */

static enum err_code ask(struct plan *plan, const struct source_wish *wish, const struct source_copy *copy,
			 struct json *document, const struct json *whole, bool fresh)
{
	struct source_copier *copier = plan->copier;

	if (copy->sent)
		document = subscription_copy_patch(&copier->arena, copy->sent, document);
	if (!document)
		return no_memory(plan->err);
	struct copy_task *task = add_task(plan, copy->sent ? COPY_UPDATE : COPY_CREATE, copy, wish->source);

	if (!task)
		return ERR_OK;
	task->fresh = fresh;
	task->body = document;
	task->context_value = wish->context_value;
	task->via = via_of(copier, wish);
	task->was = copy->sent;
	task->copy.sent = whole;
	task->copy.unsure = false;
	task->copy.split = wish->split;
	task->copy.refused_us = 0;
	return broker_source_seal(copier->reader, wish->source, &copier->arena, &task->copy.source, plan->err);
}

/* A source that takes no updates gets another copy in the place of the one that goes, or keeps what it has. */
static enum err_code keep(struct plan *plan, const struct source_wish *wish, const struct source_copy *copy, bool fresh)
{
	struct json *document = address(plan->copier, wish, copy->token);
	const struct json *whole = document ? with_context(plan->copier, wish, document) : NULL;

	if (!whole)
		return no_memory(plan->err);
	if ((copy->sent && !copy->unsure && copy->split == wish->split && json_equal(copy->sent, whole)) ||
	    pauses(plan, copy))
		return ERR_OK;
	if (!copy->sent || source_supports(wish->source, SOURCE_UPDATE_SUBSCRIPTION))
		return ask(plan, wish, copy, document, whole, fresh);
	return source_supports(wish->source, SOURCE_DELETE_SUBSCRIPTION) ? leave(plan, copy) : ERR_OK;
}

/* ---- all of it ---- */

static const struct source_wish *wish_for(struct plan *plan, const struct source_copy *copy)
{
	for (size_t i = 0; i < plan->wishes.count; i++) {
		const struct source_wish *wish = &plan->wishes.at[i];

		if (plan->met[i] || !str_eq(source_id(wish->source), copy->registration) ||
		    !same_place(copy, wish->source) || copy->leaving_us)
			continue;
		plan->met[i] = true;
		return wish;
	}
	return NULL;
}

static enum err_code begin(struct plan *plan, struct str subscription, const struct source_wish *wish)
{
	struct arena *arena = &plan->copier->arena;
	char token[SOURCE_COPY_TOKEN_BYTES];
	enum err_code code = source_copy_token(subscription, token, plan->err);
	struct source_copy copy = {.subscription = arena_dup(arena, subscription),
				   .registration = arena_dup(arena, source_id(wish->source))};

	if (code != ERR_OK)
		return code;
	copy.token = arena_dup(arena, str_from(token));
	copy.remote = arena_concat(arena, STR(SOURCE_COPY_ID_PREFIX), copy.token);
	if (!copy.subscription.at || !copy.registration.at || !copy.token.at || !copy.remote.at)
		return no_memory(plan->err);
	return keep(plan, wish, &copy, true);
}

static enum err_code plan_all(struct plan *plan, struct str subscription)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < plan->copies.count; i++) {
		const struct source_wish *wish = wish_for(plan, &plan->copies.at[i]);

		code = wish ? keep(plan, wish, &plan->copies.at[i], false) : leave(plan, &plan->copies.at[i]);
	}
	for (size_t i = 0; code == ERR_OK && i < plan->wishes.count; i++)
		if (!plan->met[i])
			code = begin(plan, subscription, &plan->wishes.at[i]);
	return code;
}

enum err_code copies_plan(struct source_copier *copier, struct str subscription, struct error *err)
{
	const struct source_copier_options *options = &copier->options;
	struct plan plan = {.copier = copier, .now_us = broker_now_us(options->broker), .err = err};
	enum err_code code =
		broker_source_copies(copier->reader, copier->tenant, subscription, &copier->arena, &plan.copies, err);

	if (code == ERR_OK)
		code = broker_source_wishes(copier->reader, copier->tenant, subscription, options->split_entities,
					    &copier->arena, &plan.wishes, err);
	if (code != ERR_OK)
		return code;
	if (!hold(copier, &plan.wishes.sources)) {
		source_wishes_release(&plan.wishes);
		return no_memory(err);
	}
	plan.met = arena_zalloc(&copier->arena, plan.wishes.count + 1);
	return plan.met ? plan_all(&plan, subscription) : no_memory(err);
}
