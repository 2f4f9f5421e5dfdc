/* Any two lines as a subscription and a fragment for it: refused with a reason, or kept, merged, shown and compiled
 * without harm. What is kept, merged or shown is a subscription again, and what it notifies of is JSON. */
#include "document_fuzz.h"
#include "ngsild/expand.h"
#include "ngsild/subscription.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err_code represent(struct query_fuzz *fuzz, struct buf *out, struct arena *arena,
			       const struct json *document, struct error *err)
{
	const struct subscription_state state = {.times_sent = 1, .last_success_us = INT64_MIN};
	const struct subscription_show how = {.context = fuzz->core, .sys_attrs = true};

	return subscription_represent(out, arena, document, fuzz->core, &state, &how, err);
}

/* Each entity comes, changes into the next one, and goes. */
static void notify(struct query_fuzz *fuzz, struct arena *arena, const struct subscription *s)
{
	const struct json_parse_options twice = {.duplicates_allowed = true};
	const struct linked_source linked = {query_fuzz_find, fuzz};
	const struct notification_frame frame = {
		.subscription = s, .context = fuzz->core, .id = STR("urn:n:1"), .linked = &linked};
	struct error err;
	struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 22);
	notification_begin(&out, &frame);
	for (int i = 0; i < FUZZ_ENTITIES; i++) {
		const struct json *entity = fuzz->entities[i];
		const struct json *instances = json_get(entity, STR(VOCAB "a"));
		struct change change = {
			.kind = CHANGE_DELETED, .attribute_iri = STR(VOCAB "zz"), .before = json_at(instances, 0)};
		const struct subscription_event events[] = {
			{.after = entity}, {.before = entity, .after = entity, .changes = &change}, {.before = entity}};

		for (size_t k = 0; k < sizeof(events) / sizeof(events[0]); k++) {
			(void)subscription_concerns(s, &events[k]);
			if (notification_entity(&out, arena, &frame, &events[k], &err) != ERR_OK)
				abort();
		}
	}
	notification_end(&out, &frame);
	if (out.failed || json_parse(fuzz->parser, arena, buf_str(&out), &twice, &tree, &err) != ERR_OK)
		abort();
	buf_done(&out);
}

static void compile(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	struct subscription *subscription = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = subscription_new(document, fuzz->core, fuzz->parser, &subscription, &err);

	if (code == ERR_OK)
		notify(fuzz, arena, subscription);
	else
		check_reason(code, &err);
	(void)subscription_free(subscription);
}

static const struct document_fuzz kind = {.check = subscription_check,
					  .keep = subscription_keep,
					  .merge = subscription_merge,
					  .represent = represent,
					  .compile = compile};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_lines(&kind, data, size);
}
