/* What the index finds against what a walk over all finds: random registrations, random questions, and conflicts. */
#include "broker/sources.h"
#include "registration_util.h"

#include <stdio.h>
#include <string.h>

#define REGISTRATIONS 300
#define QUESTIONS 2000

static uint64_t state = 88172645463325252u;

/* Below n. */
static unsigned some(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % n);
}

/* A list of 1 to 2 names of 6, quoted. */
static const char *names(char letter)
{
	unsigned first = some(6);

	return some(3) ? arena_printf(&arena, "[\"" TYPE "%c%u\"]", letter, first).at
		       : arena_printf(&arena, "[\"" TYPE "%c%u\",\"" TYPE "%c%u\"]", letter, first, letter, some(6)).at;
}

static const char *entity_text(bool exclusive)
{
	const char *type = names('T');

	if (exclusive || some(3) == 0)
		return arena_printf(&arena, "{\"id\":\"urn:e:%u\",\"type\":%s}", some(20), type).at;
	if (some(4) == 0)
		return arena_printf(&arena, "{\"idPattern\":\"^urn:e:%u\",\"type\":%s}", some(3), type).at;
	return arena_printf(&arena, "{\"type\":%s}", type).at;
}

static const char *info_text(bool exclusive)
{
	if (!exclusive && some(5) == 0)
		return arena_printf(&arena, "{\"propertyNames\":%s}", names('a')).at;
	if (exclusive || some(2))
		return arena_printf(&arena, "{\"entities\":[%s,%s],\"relationshipNames\":%s}", entity_text(exclusive),
				    entity_text(exclusive), names('a'))
			.at;
	return arena_printf(&arena, "{\"entities\":[%s]}", entity_text(exclusive)).at;
}

static const char *registration_text(const char *id, const char *mode)
{
	bool exclusive = strcmp(mode, "exclusive") == 0;
	const char *first = info_text(exclusive), *second = info_text(exclusive);

	return arena_printf(&arena,
			    "{\"id\":\"%s\",\"type\":\"ContextSourceRegistration\",\"endpoint\":\"http://h/\","
			    "\"mode\":\"%s\",\"information\":[%s%s%s]}",
			    id, mode, first, some(2) ? "," : "],\"description\":\"x\",\"x\":[", second)
		.at;
}

/* ---- questions ---- */

struct asked {
	struct registration_question match;
	struct query *query;
	struct str types[2], attributes[2];
};

static struct str name(char letter)
{
	return arena_printf(&arena, TYPE "%c%u", letter, some(7));
}

static struct str short_name(char letter)
{
	return arena_printf(&arena, "%c%u", letter, some(7));
}

static struct str type_text(void)
{
	struct str a = short_name('T'), b = short_name('T'), c = short_name('T');

	switch (some(4)) {
	case 0:
		return a;
	case 1:
		return arena_printf(&arena, "%.*s,%.*s", STR_FMT(a), STR_FMT(b));
	case 2:
		return arena_printf(&arena, "(%.*s;%.*s)", STR_FMT(a), STR_FMT(b));
	default:
		return arena_printf(&arena, "%.*s,(%.*s;%.*s)", STR_FMT(a), STR_FMT(b), STR_FMT(c));
	}
}

static struct str ids_text(void)
{
	return arena_printf(&arena, "urn:e:%u,urn:e:%u", some(25), some(25));
}

static void ask_query(struct asked *asked)
{
	struct query_selector selectors[2];
	struct query_text text = {.selectors = selectors, .selector_count = some(3) ? 0 : 2};

	for (size_t i = 0; i < 2; i++)
		selectors[i] = (struct query_selector){.ids = some(2) ? ids_text() : STR_NONE, .type = type_text()};
	if (some(2))
		text.type = type_text();
	if (some(3) == 0)
		text.ids = ids_text();
	if (some(5) == 0)
		text.id_pattern = STR("1$");
	if (some(3) == 0)
		text.q = arena_printf(&arena, "%.*s==1|%.*s", STR_FMT(short_name('a')), STR_FMT(short_name('a')));
	if (text.selector_count)
		text.ids = text.id_pattern = text.type = STR_NONE;
	CHECK_OK(query_new(&arena, parser, &text, broker_core_context(broker), &asked->query, &err), &err);
	asked->match.query = asked->query;
}

static void ask(struct asked *asked)
{
	*asked = (struct asked){.query = NULL};
	for (size_t i = 0; i < 2; i++) {
		asked->types[i] = name('T');
		asked->attributes[i] = name('a');
	}
	asked->match.attribute_iris = asked->attributes;
	asked->match.attribute_count = some(3);
	if (some(2))
		ask_query(asked);
	else
		asked->match.entity = (struct registration_entity){.id = arena_printf(&arena, "urn:e:%u", some(25)),
								   .type_iris = asked->types,
								   .type_count = some(3)};
}

/* ---- promises ---- */

static const char *modes[] = {"inclusive", "redirect", "exclusive"};

static struct source_list sources(const struct registration_question *match)
{
	const struct source_question question = {.match = match, .any_operation = true};
	struct source_list list = {.at = NULL};

	CHECK_OK(broker_sources(reader, STR_NONE, &question, &arena, &list, &err), &err);
	return list;
}

static struct registration *compiled(const struct json *document)
{
	struct registration *registration = NULL;

	CHECK_OK(registration_new(document, broker_core_context(broker), &registration, &err), &err);
	return registration;
}

/* Each is accepted exactly when no other conflicts with it. */
static void conflicts_are_those_of_a_walk(void)
{
	size_t refused = 0;

	for (unsigned i = 0; i < REGISTRATIONS; i++) {
		struct source_list list = sources(NULL);
		struct str id = arena_printf(&arena, "urn:r:%u", some(REGISTRATIONS));
		const char *text = registration_text(id.at, modes[some(3)]);
		struct registration *one = compiled(parse(text));
		bool there = false, conflict = false;

		for (size_t k = 0; k < list.count; k++) {
			struct registration *other = compiled(source_document(list.at[k]));

			there = there || str_eq(source_id(list.at[k]), id);
			conflict = conflict || registration_conflicts(one, other);
			(void)registration_free(other);
		}
		enum err_code code = submit(REGISTRATION_CREATE, id.at, text);

		CHECK(code == (there ? ERR_EXISTS : conflict ? ERR_CONFLICT : ERR_OK));
		refused += conflict;
		sources_release(&list);
		(void)registration_free(one);
		if (i % 8 == 0)
			(void)submit(REGISTRATION_DELETE, id.at, NULL);
	}
	CHECK(refused > REGISTRATIONS / 20);
}

static void questions_find_what_a_walk_finds(void)
{
	struct source_list all = sources(NULL);
	struct registration **walked = arena_array(&arena, struct registration *, all.count);
	size_t found = 0;

	CHECK(all.count > REGISTRATIONS / 10);
	for (size_t k = 0; k < all.count; k++)
		walked[k] = compiled(source_document(all.at[k]));
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct asked asked;
		size_t at = 0;

		ask(&asked);
		struct source_list list = sources(&asked.match);

		for (size_t k = 0; k < all.count; k++)
			if (registration_matches(walked[k], &asked.match))
				CHECK(at < list.count && str_eq(source_id(list.at[at++]), source_id(all.at[k])));
		CHECK(at == list.count);
		found += at;
		sources_release(&list);
		query_done(asked.query);
	}
	CHECK(found > QUESTIONS && found < QUESTIONS * all.count / 2);
	for (size_t k = 0; k < all.count; k++)
		(void)registration_free(walked[k]);
	sources_release(&all);
}

int main(void)
{
	cases_begin();
	city_begin(NULL, 0);
	RUN(conflicts_are_those_of_a_walk);
	RUN(questions_find_what_a_walk_finds);
	city_end();
	return cases_end();
}
