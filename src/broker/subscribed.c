/* One subscription in memory, and as the record that it is kept as. */
#include "broker/subscriptions_int.h"

#include "ngsild/context.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MAX ((size_t)2 << 20)
#define NEVER INT64_MIN

static const struct json core_value = {
	.kind = JSON_STRING, .count = sizeof(NGSILD_CORE_CONTEXT_URL) - 1, .text = NGSILD_CORE_CONTEXT_URL};

/* By which context notifications are written, and how they name it. With plain JSON a Link header has to name it, so
 * where it has no URL the core context takes its place. */
static enum err_code set_shown(struct subscribed *one, const struct json *document,
			       const struct subscribed_contexts *contexts, struct error *err)
{
	const struct json *value = json_get(document, STR("jsonldContext"));
	bool in_body = !subscription_endpoint(one->compiled)->context_linked;

	one->shown = contexts->shown ? contexts->shown : contexts->own;
	if (!value)
		value = contexts->own_value ? contexts->own_value : &core_value;
	if (!in_body && !context_lone_url(value).at) {
		one->shown = contexts->core;
		value = &core_value;
	}
	(void)context_ref(one->shown);
	one->shown_value = value == &core_value ? value : json_dup(&one->shown_arena, value);
	if (!one->shown_value)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	one->shown_url = context_lone_url(one->shown_value);
	return ERR_OK;
}

enum err_code subscribed_new(const struct json *document, const struct subscribed_contexts *contexts,
			     struct json_parser *parser, struct subscribed **ret, struct error *err)
{
	struct subscribed *one = calloc(1, sizeof(*one));

	if (!one)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	atomic_init(&one->references, 1);
	arena_init_small(&one->shown_arena, SHOWN_BYTES_MAX, 256);
	one->last_notification_us = one->last_success_us = one->last_failure_us = NEVER;
	one->context = context_ref(contexts->own);
	enum err_code code = subscription_new(document, contexts->own, parser, &one->compiled, err);

	if (code == ERR_OK)
		code = set_shown(one, document, contexts, err);
	if (code == ERR_OK) {
		struct str id = subscription_id(one->compiled);

		one->id = malloc(id.len + 1);
		if (one->id) {
			memcpy(one->id, id.at, id.len);
			one->id[id.len] = '\0';
		} else {
			code = err_set(err, ERR_MEMORY, "no memory for a subscription");
		}
	}
	if (code != ERR_OK) {
		(void)subscribed_unref(one);
		return code;
	}
	*ret = one;
	return ERR_OK;
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
	(void)subscription_free(one->compiled);
	(void)subscription_free(one->timed);
	(void)context_unref(one->context);
	(void)context_unref(one->shown);
	arena_done(&one->shown_arena);
	free(one->id);
	free(one);
	return NULL;
}

struct str subscribed_key(const struct subscribed *one)
{
	return (struct str){(const char *)&one->number, sizeof(one->number)};
}

/* ---- the record ---- */

void subscribed_write(struct buf *out, const struct subscribed *one, const struct json *document,
		      const struct json *context_value)
{
	buf_printf(out, "{\"number\":%lld,\"createdAt\":%lld,\"modifiedAt\":%lld", (long long)one->number,
		   (long long)one->created_us, (long long)one->modified_us);
	if (context_value) {
		buf_put(out, STR(",\"context\":"));
		json_write(out, context_value);
	}
	buf_put(out, STR(",\"document\":"));
	json_write(out, document);
	buf_put_char(out, '}');
}

enum err_code subscription_record_read(const struct json *record, struct subscription_record *ret, struct error *err)
{
	*ret = (struct subscription_record){.document = json_get(record, STR("document")),
					    .context_value = json_get(record, STR("context"))};
	if (!json_is(ret->document, JSON_OBJECT) || !json_int64(json_get(record, STR("number")), &ret->number) ||
	    !json_int64(json_get(record, STR("createdAt")), &ret->created_us) ||
	    !json_int64(json_get(record, STR("modifiedAt")), &ret->modified_us) || ret->number <= 0)
		return err_set(err, ERR_CORRUPT, "the record of a subscription is damaged");
	return ERR_OK;
}
