/* Any two lines as a registration and a fragment for it: refused with a reason, or kept, merged, shown, compiled and
 * asked without harm. What is kept, merged or shown is a registration again. */
#include "ngsild/registration.h"
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

	if (registration_check(document, false, INT64_MIN, &err) != ERR_OK)
		abort();
}

static void show(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	const struct registration_state state = {.used = true, .times_sent = 1, .last_failure_us = INT64_MIN};
	const struct registration_show how = {.context = fuzz->core, .sys_attrs = true};
	struct error err;
	struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 22);
	if (registration_represent(&out, arena, document, fuzz->core, &state, &how, &err) != ERR_OK || out.failed ||
	    json_parse(fuzz->parser, arena, buf_str(&out), NULL, &tree, &err) != ERR_OK)
		abort();
	check_good(tree);
	buf_done(&out);
}

static struct query *query_of(struct query_fuzz *fuzz, struct arena *arena, const struct query_text *text)
{
	struct query *query = NULL;
	struct error err;

	if (query_new(arena, fuzz->parser, text, fuzz->core, &query, &err) != ERR_OK)
		abort();
	return query;
}

/* What matches has something to say, and what is left of it is a registration. */
static void ask_one(struct arena *arena, const struct registration *registration, const struct json *document,
		    const struct registration_question *question)
{
	struct json *left = registration_filtered(arena, registration, document, question);

	if (!left)
		abort();
	if (registration_matches(registration, question))
		check_good(left);
}

static void ask(struct query_fuzz *fuzz, struct arena *arena, const struct registration *registration,
		const struct json *document)
{
	static const char *const relations[] = {"near;maxDistance==1000;minDistance==5",
						"within",
						"contains",
						"intersects",
						"equals",
						"disjoint",
						"overlaps"};
	const struct str attributes[] = {STR(VOCAB "a")}, datasets[] = {STR("@none")};
	const struct temporal_query times[] = {{.relation = TEMPORAL_BEFORE, .at_us = NOW_US},
					       {.property = TEMPORAL_CREATED_AT, .relation = TEMPORAL_BETWEEN}};

	for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++) {
		struct query *query = query_of(fuzz, arena,
					       &(struct query_text){.type = STR("A,B"),
								    .ids = STR("urn:x:1"),
								    .id_pattern = i % 2 ? STR("x") : STR_NONE,
								    .q = STR("a==1"),
								    .scope_q = STR("/M/#"),
								    .georel = str_from(relations[i]),
								    .geometry = STR("LineString"),
								    .coordinates = STR("[[8,40],[9,41]]")});
		struct query *csf =
			query_of(fuzz, arena, &(struct query_text){.q = STR("mode~=\"e\"|management[timeout]>1")});

		ask_one(arena, registration, document,
			&(struct registration_question){.query = query,
							.attribute_iris = attributes,
							.attribute_count = i % 2,
							.dataset_ids = datasets,
							.dataset_count = i % 3 == 0,
							.temporal = i < 2 ? &times[i] : NULL,
							.csf = i == 3 ? csf : NULL});
		query_done(query);
		query_done(csf);
	}
	ask_one(arena, registration, document, &(struct registration_question){.now_us = NOW_US});
}

static void compile(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	struct registration *registration = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = registration_new(document, fuzz->core, fuzz->parser, &registration, &err);

	if (code) {
		check_reason(code, &err);
		return;
	}
	ask(fuzz, arena, registration, document);
	for (int i = 0; i < FUZZ_ENTITIES; i++)
		(void)registration_claims(registration, fuzz->entities[i]);
	assert(registration_conflicts(registration, registration) ==
	       (registration_mode(registration) == REGISTRATION_EXCLUSIVE));
	(void)registration_free(registration);
}

static void run(struct query_fuzz *fuzz, struct arena *arena, const struct json *document, const struct json *fragment)
{
	struct json *kept = NULL, *merged = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = registration_check(document, false, NOW_US, &err);

	if (code) {
		check_reason(code, &err);
		return;
	}
	if (registration_keep(arena, document, &kept, &err) != ERR_OK)
		abort();
	check_good(kept);
	show(fuzz, arena, kept);
	compile(fuzz, arena, kept);
	code = fragment ? registration_check(fragment, true, NOW_US, &err) : ERR_INVALID;
	if (code)
		return;
	code = registration_merge(arena, kept, fragment, NOW_US, &merged, &err);
	if (code) {
		check_reason(code, &err);
		return;
	}
	check_good(merged);
	compile(fuzz, arena, merged);
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
