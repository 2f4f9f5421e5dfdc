/* Any two lines as a subscription and a fragment for it: refused with a reason, or kept, merged, shown and compiled
 * without harm. What is kept, merged or shown is a subscription again, and what it notifies of is JSON; each as one to
 * entities and as one to registrations. */
#include "document_fuzz.h"
#include "ngsild/expand.h"
#include "ngsild/registration_notification.h"

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

static void compile_and(void (*use)(struct query_fuzz *fuzz, struct arena *arena, const struct subscription *s),
			struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	struct subscription *subscription = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = subscription_new(document, fuzz->core, fuzz->parser, &subscription, &err);

	if (code == ERR_OK)
		use(fuzz, arena, subscription);
	else
		check_reason(code, &err);
	(void)subscription_free(subscription);
}

static void compile(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	compile_and(notify, fuzz, arena, document);
}

/* ---- of each kind ---- */

#define SOURCE                                                                                                         \
	"{\"id\": \"urn:r:1\", \"type\": \"ContextSourceRegistration\", \"endpoint\": \"http://h\", \"information\": " \
	"[{\"entities\": [{\"type\": \"T\", \"idPattern\": \"a.*\"}], \"propertyNames\": [\"a\"]}, "                   \
	"{\"relationshipNames\": "                                                                                     \
	"[\"zz\"]}], \"location\": {\"type\": \"Point\", \"coordinates\": [1, 2]}, \"scope\": \"/a/b\"}"

/* A source comes, changes and goes; what asks for it is told of it as JSON. */
static void tell(struct query_fuzz *fuzz, struct arena *arena, const struct subscription *s)
{
	const struct json_parse_options twice = {.duplicates_allowed = true};
	const struct registration_state state = {.last_success_us = INT64_MIN, .last_failure_us = INT64_MIN};
	struct registration_question question;
	struct registration *source = NULL;
	struct json *document, *tree;
	struct error err;
	struct buf out;

	if (json_parse(fuzz->parser, arena, STR(SOURCE), NULL, &document, &err) != ERR_OK ||
	    registration_new(document, fuzz->core, &source, &err) != ERR_OK)
		abort();
	subscription_question(s, &question);
	enum trigger_reason reason = registration_trigger(NULL, source, &question, NOW_US);

	assert(registration_trigger(source, source, &question, NOW_US) == (reason ? TRIGGER_UPDATED : TRIGGER_NONE));
	assert(registration_trigger(source, NULL, &question, NOW_US) ==
	       (reason ? TRIGGER_NO_LONGER_MATCHING : TRIGGER_NONE));
	const struct notification_frame frame = {.subscription = s,
						 .context = fuzz->core,
						 .id = STR("urn:n:1"),
						 .reason = reason ? reason : TRIGGER_UPDATED};

	buf_init(&out, 1 << 22);
	notification_begin(&out, &frame);
	document = registration_filtered(arena, source, document, &question);
	if (!document || notification_registration(&out, arena, &frame, fuzz->core, document, &state, &err) != ERR_OK)
		abort();
	notification_end(&out, &frame);
	if (out.failed || json_parse(fuzz->parser, arena, buf_str(&out), &twice, &tree, &err) != ERR_OK)
		abort();
	buf_done(&out);
	(void)registration_free(source);
}

static void compile_other(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	compile_and(tell, fuzz, arena, document);
}

static enum err_code check_one(const struct json *document, bool fragment, int64_t now_us, struct error *err)
{
	return subscription_check(document, SUBSCRIPTION_TO_ENTITIES, fragment, now_us, err);
}

static enum err_code merge_one(struct arena *arena, const struct json *document, const struct json *fragment,
			       int64_t now_us, struct json **ret_document, struct error *err)
{
	return subscription_merge(arena, SUBSCRIPTION_TO_ENTITIES, document, fragment, now_us, ret_document, err);
}

static enum err_code check_other(const struct json *document, bool fragment, int64_t now_us, struct error *err)
{
	return subscription_check(document, SUBSCRIPTION_TO_REGISTRATIONS, fragment, now_us, err);
}

static enum err_code merge_other(struct arena *arena, const struct json *document, const struct json *fragment,
				 int64_t now_us, struct json **ret_document, struct error *err)
{
	return subscription_merge(arena, SUBSCRIPTION_TO_REGISTRATIONS, document, fragment, now_us, ret_document, err);
}

static const struct document_fuzz to_entities = {
	.check = check_one, .keep = subscription_keep, .merge = merge_one, .represent = represent, .compile = compile};
static const struct document_fuzz to_registrations = {.check = check_other,
						      .keep = subscription_keep,
						      .merge = merge_other,
						      .represent = represent,
						      .compile = compile_other};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)run_lines(&to_entities, data, size);
	return run_lines(&to_registrations, data, size);
}
