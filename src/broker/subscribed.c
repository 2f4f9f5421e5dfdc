/* One subscription in memory, as the record that it is kept as, and compiled for as long as it is used. */
#include "broker/subscriptions_int.h"

#include "ngsild/context.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MAX ((size_t)2 << 20)
#define TEXT_BYTES_MAX ((size_t)4 << 20) /* BROKER_SUBSCRIPTION_BYTES_MAX and its @context */
#define PARSED_BYTES_MAX ((size_t)64 << 20)
#define PADDING_BYTES 64u /* that the parser may read behind a text */
#define NEVER INT64_MIN

const struct str subscription_record_kinds[SUBSCRIPTION_KIND_COUNT] = {
	[SUBSCRIPTION_TO_ENTITIES] = {"subscription", sizeof("subscription") - 1},
	[SUBSCRIPTION_TO_REGISTRATIONS] = {"registration-subscription", sizeof("registration-subscription") - 1},
};
const struct str subscription_figures_kinds[SUBSCRIPTION_KIND_COUNT] = {
	[SUBSCRIPTION_TO_ENTITIES] = {"subscription-figures", sizeof("subscription-figures") - 1},
	[SUBSCRIPTION_TO_REGISTRATIONS] = {"registration-subscription-figures",
					   sizeof("registration-subscription-figures") - 1},
};

static const struct json core_value = {
	.kind = JSON_STRING, .count = sizeof(NGSILD_CORE_CONTEXT_URL) - 1, .text = NGSILD_CORE_CONTEXT_URL};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a subscription");
}

/* ---- compiled ---- */

/* By which context notifications are written, and how they name it. With plain JSON a Link header has to name it, so
 * where it has no URL the core context takes its place. */
static enum err_code set_shown(struct compiled *compiled, const struct json *document,
			       const struct subscribed_contexts *contexts, struct error *err)
{
	const struct json *value = json_get(document, STR("jsonldContext"));
	bool in_body = !subscription_endpoint(compiled->subscription)->context_linked;

	compiled->shown = contexts->shown ? contexts->shown : contexts->own;
	if (!value)
		value = contexts->own_value ? contexts->own_value : &core_value;
	if (!in_body && !context_lone_url(value).at) {
		compiled->shown = contexts->core;
		value = &core_value;
	}
	(void)context_ref(compiled->shown);
	compiled->shown_value = value == &core_value ? value : json_dup(&compiled->arena, value);
	if (!compiled->shown_value)
		return no_memory(err);
	compiled->shown_url = context_lone_url(compiled->shown_value);
	return ERR_OK;
}

static enum err_code compile(const struct json *document, const struct subscribed_contexts *contexts,
			     struct json_parser *parser, struct compiled **ret, struct error *err)
{
	struct compiled *compiled = calloc(1, sizeof(*compiled));

	if (!compiled)
		return no_memory(err);
	atomic_init(&compiled->references, 1);
	arena_init_small(&compiled->arena, SHOWN_BYTES_MAX, 256);
	enum err_code code = subscription_new(document, contexts->own, parser, &compiled->subscription, err);

	if (code == ERR_OK)
		code = set_shown(compiled, document, contexts, err);
	if (code == ERR_OK)
		*ret = compiled;
	else
		(void)compiled_unref(compiled);
	return code;
}

struct compiled *compiled_ref(struct compiled *compiled)
{
	(void)atomic_fetch_add(&compiled->references, 1);
	return compiled;
}

struct compiled *compiled_unref(struct compiled *compiled)
{
	if (!compiled || atomic_fetch_sub(&compiled->references, 1) > 1)
		return NULL;
	(void)subscription_free(compiled->subscription);
	(void)context_unref(compiled->shown);
	arena_done(&compiled->arena);
	free(compiled);
	return NULL;
}

/* ---- a subscription ---- */

/* What compiling takes; the record has it too. */
static void put_source(struct buf *out, const struct json *document, const struct json *context_value)
{
	if (context_value) {
		buf_put(out, STR("\"context\":"));
		json_write(out, context_value);
		buf_put_char(out, ',');
	}
	buf_put(out, STR("\"document\":"));
	json_write(out, document);
	buf_put_char(out, '}');
}

static enum err_code make(struct str id, struct str text, struct subscribed **ret, struct error *err)
{
	struct subscribed *one = calloc(1, sizeof(*one) + id.len + text.len);

	if (!one)
		return no_memory(err);
	atomic_init(&one->references, 1);
	one->last_notification_us = one->last_success_us = one->last_failure_us = NEVER;
	one->id_bytes = (uint32_t)id.len;
	one->text_bytes = (uint32_t)text.len;
	memcpy(one->bytes, id.at, id.len);
	memcpy(one->bytes + id.len, text.at, text.len);
	*ret = one;
	return ERR_OK;
}

enum err_code subscribed_new(const struct json *document, enum subscription_kind kind,
			     const struct subscribed_contexts *contexts, struct json_parser *parser,
			     struct subscribed **ret, struct error *err)
{
	struct compiled *compiled = NULL;
	struct subscribed *one = NULL;
	struct buf text;
	enum err_code code = compile(document, contexts, parser, &compiled, err);

	if (code != ERR_OK)
		return code;
	buf_init(&text, TEXT_BYTES_MAX);
	buf_put_char(&text, '{');
	put_source(&text, document, contexts->own_value);
	code = buf_check(&text, "a subscription", err);
	if (code == ERR_OK)
		code = make(subscription_id(compiled->subscription), buf_str(&text), &one, err);
	buf_done(&text);
	if (code != ERR_OK) {
		(void)compiled_unref(compiled);
		return code;
	}
	one->kind = kind;
	one->compiled = compiled;
	one->context = context_ref(contexts->own);
	one->shown = contexts->shown ? context_ref(contexts->shown) : NULL;
	one->expires_us = subscription_expires_us(compiled->subscription);
	one->throttling_us = subscription_throttling_us(compiled->subscription);
	one->interval_us = subscription_interval_us(compiled->subscription);
	one->paused = subscription_is_paused(compiled->subscription);
	*ret = one;
	return ERR_OK;
}

enum err_code subscribed_compile(const struct subscribed *one, struct context *core, struct json_parser *parser,
				 struct compiled **ret, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	struct arena arena;

	arena_init(&arena, PARSED_BYTES_MAX);
	char *text = arena_bytes(&arena, one->text_bytes, PADDING_BYTES);
	enum err_code code = text ? ERR_OK : no_memory(err);

	if (code == ERR_OK) {
		memcpy(text, one->bytes + one->id_bytes, one->text_bytes);
		code = json_parse(parser, &arena, (struct str){text, one->text_bytes}, &options, &json, err);
	}
	if (code == ERR_OK) {
		const struct subscribed_contexts contexts = {.own = one->context,
							     .own_value = json_get(json, STR("context")),
							     .shown = one->shown,
							     .core = core};

		code = compile(json_get(json, STR("document")), &contexts, parser, ret, err);
	}
	arena_done(&arena);
	return code;
}

struct subscribed *subscribed_ref(struct subscribed *one)
{
	(void)atomic_fetch_add(&one->references, 1);
	return one;
}

struct subscribed *subscribed_unref(struct subscribed *one)
{
	if (!one || atomic_fetch_sub(&one->references, 1) > 1)
		return NULL;
	(void)compiled_unref(one->compiled);
	(void)compiled_unref(one->timed);
	(void)context_unref(one->context);
	(void)context_unref(one->shown);
	free(one->places.at);
	free(one);
	return NULL;
}

struct str subscribed_id(const struct subscribed *one)
{
	return (struct str){one->bytes, one->id_bytes};
}

struct str subscribed_key(const struct subscribed *one)
{
	return (struct str){(const char *)&one->number, sizeof(one->number)};
}

enum subscription_status subscribed_status(const struct subscribed *one, int64_t now_us)
{
	return subscription_status_at(one->paused, one->expires_us, now_us);
}

/* ---- the record ---- */

void subscription_record_write(struct buf *out, const struct subscription_record *record)
{
	buf_printf(out, "{\"number\":%lld,\"createdAt\":%lld,\"modifiedAt\":%lld,", (long long)record->number,
		   (long long)record->created_us, (long long)record->modified_us);
	if (record->untold_us)
		buf_printf(out, "\"untold\":%lld,", (long long)record->untold_us);
	if (record->via) {
		buf_put(out, STR("\"via\":"));
		json_write(out, record->via);
		buf_put_char(out, ',');
	}
	put_source(out, record->document, record->context_value);
}

enum err_code subscription_record_read(const struct json *record, struct subscription_record *ret, struct error *err)
{
	*ret = (struct subscription_record){.document = json_get(record, STR("document")),
					    .context_value = json_get(record, STR("context")),
					    .via = json_get(record, STR("via"))};
	if (!json_is(ret->document, JSON_OBJECT) || !json_int64(json_get(record, STR("number")), &ret->number) ||
	    !json_int64(json_get(record, STR("createdAt")), &ret->created_us) ||
	    !json_int64(json_get(record, STR("modifiedAt")), &ret->modified_us) || ret->number <= 0)
		return err_set(err, ERR_CORRUPT, "the record of a subscription is damaged");
	if (!json_int64(json_get(record, STR("untold")), &ret->untold_us))
		ret->untold_us = 0;
	return ERR_OK;
}
