/* Any two lines as a registration and a fragment for it: refused with a reason, or kept, merged, shown, compiled and
 * asked without harm. What is kept, merged or shown is a registration again. */
#include "document_fuzz.h"
#include "ngsild/registration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err_code represent(struct query_fuzz *fuzz, struct buf *out, struct arena *arena,
			       const struct json *document, struct error *err)
{
	const struct registration_state state = {.used = true, .times_sent = 1, .last_failure_us = INT64_MIN};
	const struct registration_show how = {.context = fuzz->core, .sys_attrs = true};

	return registration_represent(out, arena, document, fuzz->core, &state, &how, err);
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
	struct error err;

	if (registration_matches(registration, question) && registration_check(left, false, INT64_MIN, &err) != ERR_OK)
		abort();
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
	enum err_code code = registration_new(document, fuzz->core, &registration, &err);

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

static const struct document_fuzz kind = {.check = registration_check,
					  .keep = registration_keep,
					  .merge = registration_merge,
					  .represent = represent,
					  .compile = compile,
					  .hides = true};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_lines(&kind, data, size);
}
