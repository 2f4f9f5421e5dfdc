/* Any two lines as a subscription and a fragment for it: refused with a reason, or kept, merged, shown and compiled
 * without harm. What is kept, merged or shown is a subscription again, and what it notifies of is JSON. */
#include "ngsild/expand.h"
#include "ngsild/subscription.h"
#include "query_fuzz.h"

#define NOW_US INT64_C(1800000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reason(enum err_code code, const struct error *err)
{
	assert(code == err->code && code != ERR_INTERNAL && err->detail[0]);
}

static void check_good(const struct json *document)
{
	struct error err;

	if (subscription_check(document, false, INT64_MIN, &err) != ERR_OK)
		abort();
}

static void show(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	const struct subscription_state state = {.times_sent = 1, .last_success_us = INT64_MIN};
	const struct subscription_show how = {.context = fuzz->core, .sys_attrs = true};
	struct error err;
	struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 22);
	if (subscription_represent(&out, arena, document, fuzz->core, &state, &how, &err) != ERR_OK || out.failed ||
	    json_parse(fuzz->parser, arena, buf_str(&out), NULL, &tree, &err) != ERR_OK)
		abort();
	check_good(tree);
	buf_done(&out);
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

static void run(struct query_fuzz *fuzz, struct arena *arena, const struct json *document, const struct json *fragment)
{
	struct json *kept = NULL, *merged = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = subscription_check(document, false, NOW_US, &err);

	if (code) {
		check_reason(code, &err);
		return;
	}
	if (subscription_keep(arena, document, &kept, &err) != ERR_OK)
		abort();
	check_good(kept);
	show(fuzz, arena, kept);
	compile(fuzz, arena, kept);
	code = fragment ? subscription_check(fragment, true, NOW_US, &err) : ERR_INVALID;
	if (code)
		return;
	code = subscription_merge(arena, kept, fragment, NOW_US, &merged, &err);
	if (code == ERR_OK)
		check_good(merged);
	else
		check_reason(code, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	struct str rest = {(const char *)data, size}, first = STR_NONE, second = STR_NONE;
	struct json *document = NULL, *fragment = NULL;
	struct error err;
	struct arena arena;

	(void)str_next(&rest, '\n', &first);
	(void)str_next(&rest, '\n', &second);
	arena_init(&arena, 1 << 24);
	if (json_parse(fuzz->parser, &arena, first, NULL, &document, &err) == ERR_OK) {
		if (json_parse(fuzz->parser, &arena, second, NULL, &fragment, &err) != ERR_OK)
			fragment = NULL;
		run(fuzz, &arena, document, fragment);
	}
	arena_done(&arena);
	return 0;
}
