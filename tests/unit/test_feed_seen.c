/* What was told before: rounds, what was not stored after all, many numbers, the bound. Held against a plain table. */
#include "check.h"
#include "feed/feed_seen.h"

#define MANY 200000u

static struct arena arena;
static struct json_parser *parser;

static uint64_t tag_of(struct feed_seen *seen, const char *text)
{
	struct json *entity = NULL;
	struct error err;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &entity, &err), &err);
	return feed_seen_tag(seen, entity);
}

static void a_row_is_known_while_rounds_give_it(void)
{
	struct feed_seen *seen = feed_seen_new();
	uint64_t first = tag_of(seen, "{\"id\":\"a\",\"t\":{\"value\":1,\"observedAt\":\"2026-01-01T00:00:00Z\"}}");
	uint64_t second = tag_of(seen, "{\"id\":\"a\",\"t\":{\"value\":2,\"observedAt\":\"2026-01-01T00:00:00Z\"}}");

	CHECK(first && second && first != second);
	CHECK(!feed_seen_knows(seen, first));
	feed_seen_add(seen, first);
	feed_seen_add(seen, second);
	CHECK(feed_seen_knows(seen, first));
	feed_seen_end_round(seen);
	/* This round gives the first again, and ends; the second is forgotten then, not before. */
	CHECK(feed_seen_knows(seen, first));
	feed_seen_end_round(seen);
	CHECK(feed_seen_knows(seen, first));
	CHECK(!feed_seen_knows(seen, second));
	feed_seen_forget(seen, first);
	CHECK(!feed_seen_knows(seen, first));
	feed_seen_add(seen, first);
	CHECK(feed_seen_knows(seen, first));
	(void)feed_seen_free(seen);
}

static void only_rows_with_times_have_numbers(void)
{
	struct feed_seen *seen = feed_seen_new();

	CHECK(tag_of(seen, "{\"id\":\"a\",\"t\":{\"value\":1}}") == 0);
	CHECK(tag_of(seen, "[]") == 0);
	CHECK(tag_of(seen, "{\"id\":\"a\",\"t\":[{\"value\":1,\"observedAt\":\"2026-01-01T00:00:00Z\"}]}") != 0);
	(void)feed_seen_free(seen);
}

static uint64_t number(uint64_t i)
{
	return (i + 2) * UINT64_C(0x9e3779b97f4a7c15) | 2;
}

static void many_come_and_go(void)
{
	struct feed_seen *seen = feed_seen_new();
	size_t wrong = 0;

	for (uint64_t i = 0; i < MANY; i++)
		feed_seen_add(seen, number(i));
	for (uint64_t i = 0; i < MANY; i += 3)
		feed_seen_forget(seen, number(i));
	for (uint64_t i = 0; i < 2 * (uint64_t)MANY; i++)
		wrong += feed_seen_knows(seen, number(i)) != (i < MANY && i % 3 != 0);
	CHECK(wrong == 0);
	(void)feed_seen_free(seen);
}

static void beyond_the_bound_nothing_is_noted(void)
{
	struct feed_seen *seen = feed_seen_new();
	size_t known = 0;

	for (uint64_t i = 0; i < FEED_SEEN_MAX + 1000; i++)
		feed_seen_add(seen, (i + 1) * 4);
	for (uint64_t i = 0; i < FEED_SEEN_MAX + 1000; i++)
		known += feed_seen_knows(seen, (i + 1) * 4);
	CHECK(known == FEED_SEEN_MAX);
	(void)feed_seen_free(seen);
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	parser = json_parser_new();
	RUN(a_row_is_known_while_rounds_give_it);
	RUN(only_rows_with_times_have_numbers);
	RUN(many_come_and_go);
	RUN(beyond_the_bound_nothing_is_noted);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
