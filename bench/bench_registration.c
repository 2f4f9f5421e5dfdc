/* Finding the registered sources that a request concerns, among 10,000: what distributed operations cost every request
 * before anything is sent.
 *
 * Sides: one entity by its id and type, one whose type is not known, a query for a type, one for an attribute; as the
 * peer the same questions held against each registration in turn; what cities without registrations pay. Of the
 * registrations half are of entities by their ids, the others of types with attributes, a few of id patterns; a
 * question meets one of them. */
#include "bench.h"
#include "broker/registrations.h"
#include "broker/sources.h"

#include <semaphore.h>

#define REGISTRATIONS 10000u
#define PATTERNS 40u /* of them: each may match any id */
#define VOCAB NGSILD_DEFAULT_VOCAB
#define QUESTIONS 256u

struct city {
	struct broker *broker;
	struct broker_reader *reader;
	struct json_parser *parser;
	struct arena arena, scratch;
	struct registration **walked; /* all of them, for the peer */
};

struct asking {
	struct city *city;
	struct registration_question questions[QUESTIONS];
	struct query *queries[QUESTIONS]; /* owned */
	uint64_t expected; /* sources for all of them */
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_registration: %s\n", what);
	exit(1);
}

/* ---- the registrations ---- */

struct waiting {
	struct registration_write write;
	sem_t done;
	enum err_code code;
};

static void on_written(struct registration_write *write, enum err_code code, const struct error *err)
{
	struct waiting *waiting = write->self;

	(void)err;
	waiting->code = code;
	(void)sem_post(&waiting->done);
}

static const char *information(struct arena *arena, unsigned i)
{
	if (i < PATTERNS)
		return arena_printf(arena, "'entities':[{'idPattern':'^urn:p%u:','type':'" VOCAB "T%u'}]", i, i).at;
	if (i < REGISTRATIONS / 2)
		return arena_printf(arena,
				    "'entities':[{'id':'urn:e:%u','type':'" VOCAB "Vehicle'}],"
				    "'propertyNames':['" VOCAB "speed']",
				    i)
			.at;
	return arena_printf(arena,
			    "'entities':[{'type':'" VOCAB "T%u'}],'propertyNames':['" VOCAB "a%u','" VOCAB "b%u']", i,
			    i, i)
		.at;
}

static void add(struct city *city, unsigned i)
{
	struct waiting waiting = {.write = {.operation = REGISTRATION_CREATE, .done = on_written, .self = &waiting}};
	struct error err = {.code = ERR_OK};
	struct json *document = NULL;

	arena_clear(&city->scratch);
	struct str text = arena_printf(&city->scratch,
				       "{'id':'urn:r:%u','type':'ContextSourceRegistration','endpoint':'http://h/',"
				       "'information':[{%s}]}",
				       i, information(&city->scratch, i));
	char *at = arena_bytes(&city->scratch, text.len, 1);

	for (size_t k = 0; at && k < text.len; k++)
		at[k] = text.at[k] == '\'' ? '"' : text.at[k];
	if (!at || json_parse(city->parser, &city->scratch, (struct str){at, text.len}, NULL, &document, &err))
		fail("no document");
	waiting.write.document = document;
	waiting.write.id = json_text(json_get(document, STR("id")));
	waiting.write.arena = &city->scratch;
	(void)sem_init(&waiting.done, 0, 0);
	if (broker_registration_submit(city->reader, STR_NONE, &waiting.write, &err))
		fail(err.detail);
	(void)sem_wait(&waiting.done);
	(void)sem_destroy(&waiting.done);
	if (waiting.code || registration_new(document, broker_core_context(city->broker), &city->walked[i], &err))
		fail("no registration");
}

/* ---- the sides ---- */

static uint64_t find(struct asking *asking, unsigned i)
{
	const struct source_question question = {.match = &asking->questions[i], .any_operation = true};
	struct source_list list = {.at = NULL};
	struct error err;

	arena_clear(&asking->city->scratch);
	if (broker_sources(asking->city->reader, STR_NONE, &question, &asking->city->scratch, &list, &err))
		fail(err.detail);
	uint64_t count = list.count;

	sources_release(&list);
	return count;
}

static void run_index(void *self, uint64_t times)
{
	struct asking *asking = self;
	uint64_t count = 0;

	for (uint64_t i = 0; i < times * QUESTIONS; i++)
		count += find(asking, i % QUESTIONS);
	if (count != times * asking->expected)
		fail("another number of sources");
}

static void run_walk(void *self, uint64_t times)
{
	const struct asking *asking = self;
	uint64_t count = 0;

	for (uint64_t i = 0; i < times * QUESTIONS; i++)
		for (unsigned k = 0; k < REGISTRATIONS; k++)
			count += registration_matches(asking->city->walked[k], &asking->questions[i % QUESTIONS]);
	if (count != times * asking->expected)
		fail("another number of sources than by the index");
}

static void run_none(void *self, uint64_t times)
{
	const struct asking *asking = self;

	for (uint64_t i = 0; i < times * QUESTIONS; i++)
		if (broker_has_registrations(asking->city->broker, STR("elsewhere")))
			fail("there are some");
}

/* ---- the questions ---- */

/* Which entity, type or attribute the i-th question is about: all of them differ, none is a pattern's. */
static unsigned about(unsigned i)
{
	return PATTERNS + i * 17;
}

static struct str *text_of(struct city *city, struct str text)
{
	struct str *kept = arena_new(&city->arena, struct str);

	if (!kept || !text.at)
		fail("no memory");
	*kept = text;
	return kept;
}

static void weigh(struct asking *asking)
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		asking->expected += find(asking, i);
}

static void ask_for_entities(struct asking *asking, bool with_type)
{
	static const struct str type = {VOCAB "Vehicle", sizeof(VOCAB "Vehicle") - 1};

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct registration_question *question = &asking->questions[i];
		const struct str speed = STR(VOCAB "speed");

		question->entity.id = arena_printf(&asking->city->arena, "urn:e:%u", about(i));
		question->entity.type_iris = &type;
		question->entity.type_count = with_type ? 1 : 0;
		question->attribute_iris = text_of(asking->city, speed);
		question->attribute_count = 1;
	}
	weigh(asking);
}

static void ask_for_types(struct asking *asking)
{
	struct error err;

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct query_text text = {
			.type = arena_printf(&asking->city->arena, "T%u", REGISTRATIONS / 2 + about(i))};

		if (query_new(&asking->city->arena, asking->city->parser, &text,
			      broker_core_context(asking->city->broker), &asking->queries[i], &err))
			fail(err.detail);
		asking->questions[i].query = asking->queries[i];
	}
	weigh(asking);
}

static void ask_for_attributes(struct asking *asking)
{
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct registration_question *question = &asking->questions[i];

		question->entity.id = STR("urn:x");
		question->attribute_iris = text_of(
			asking->city, arena_printf(&asking->city->arena, VOCAB "a%u", REGISTRATIONS / 2 + about(i)));
		question->attribute_count = 1;
	}
	weigh(asking);
}

static void city_begin(struct city *city)
{
	const struct broker_options options = {.data_path = NULL, .create = true};
	struct error err;

	arena_init(&city->arena, 64u << 20);
	arena_init(&city->scratch, 16u << 20);
	city->parser = json_parser_new();
	city->walked = arena_array(&city->arena, struct registration *, REGISTRATIONS);
	if (!city->parser || !city->walked)
		fail("no memory");
	if (broker_new(&options, &city->broker, &err) || broker_reader_new(city->broker, &city->reader, &err))
		fail(err.detail);
	for (unsigned i = 0; i < REGISTRATIONS; i++)
		add(city, i);
}

static void city_end(struct city *city)
{
	for (unsigned i = 0; i < REGISTRATIONS; i++)
		(void)registration_free(city->walked[i]);
	city->reader = broker_reader_free(city->reader);
	city->broker = broker_free(city->broker);
	city->parser = json_parser_free(city->parser);
	arena_done(&city->arena);
	arena_done(&city->scratch);
}

int main(void)
{
	static struct city city;
	static struct asking known = {.city = &city}, unknown = {.city = &city}, types = {.city = &city},
			     attributes = {.city = &city};

	city_begin(&city);
	ask_for_entities(&known, true);
	ask_for_entities(&unknown, false);
	ask_for_types(&types);
	ask_for_attributes(&attributes);
	const struct bench_side sides[] = {
		{"ours: an entity of a type", run_index, &known},
		{"ours: an entity whose type is not known", run_index, &unknown},
		{"ours: a type", run_index, &types},
		{"ours: an entity and an attribute", run_index, &attributes},
		{"a walk: an entity of a type", run_walk, &known},
		{"a walk: a type", run_walk, &types},
		{"ours: a tenant without registrations", run_none, &known},
	};

	bench_sides("sources found among 10,000, requests a second", sides, sizeof(sides) / sizeof(sides[0]),
		    BENCH_ROUNDS, (double)QUESTIONS, "/s");
	for (unsigned i = 0; i < QUESTIONS; i++)
		query_done(types.queries[i]);
	city_end(&city);
}
