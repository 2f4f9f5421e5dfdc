/* Texts with named parts: what fits, what each name is then, and that what was put together is taken apart again. */
#include "check.h"
#include "feed/name_pattern.h"

static struct arena arena;
static struct error err;

static struct name_pattern pattern_of(const char *text, bool to_match)
{
	struct name_pattern pattern = {0};

	CHECK_OK(name_pattern_parse(str_from(text), to_match, &arena, &pattern, &err), &err);
	return pattern;
}

/* "a=1 b=2 ", or "no". */
static struct str names_of(const char *text, const char *in)
{
	struct name_pattern pattern = pattern_of(text, true);
	struct name_value values[NAME_PATTERN_NAMES_MAX];
	struct str all = STR("");
	size_t count;

	if (!name_pattern_match(&pattern, str_from(in), values, &count))
		return STR("no");
	for (size_t i = 0; i < count; i++)
		all = arena_printf(&arena, "%.*s%.*s=%.*s ", STR_FMT(all), STR_FMT(values[i].name),
				   STR_FMT(values[i].value));
	return all;
}

static void what_fits_has_names(void)
{
	CHECK_STR(names_of("urn:Lamp:{lamp}", "urn:Lamp:a"), STR("lamp=a "));
	CHECK_STR(names_of("urn:Lamp:{lamp}", "urn:Lamp:a:b"), STR("lamp=a:b "));
	CHECK_STR(names_of("urn:{street}:{lamp}", "urn:s:l:m"), STR("street=s lamp=l:m "));
	CHECK_STR(names_of("{a}-{b}.end", "1-2-3.end.end"), STR("a=1 b=2-3.end "));
	CHECK_STR(names_of("{a}", "x"), STR("a=x "));
	CHECK_STR(names_of("urn:x", "urn:x"), STR(""));
	CHECK_STR(names_of("", ""), STR(""));
}

static void what_does_not_fit_is_told(void)
{
	static const char *const none[][2] = {
		{"urn:Lamp:{lamp}", "urn:Lamp:"},
		{"urn:Lamp:{lamp}", "urn:Lamp"},
		{"urn:Lamp:{lamp}", "urn:lamp:a"},
		{"{a}.end", ".end"},
		{"{a}.end", "x.end2"},
		{"{a}-{b}", "1-"},
		{"{a}-{b}", "-1"},
		{"urn:x", "urn:xy"},
		{"urn:x", "urn:"},
		{"{a}", ""},
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK_STR(names_of(none[i][0], none[i][1]), STR("no"));
}

static void braces_that_name_nothing_stand_for_themselves(void)
{
	struct name_pattern pattern = pattern_of("{\"level\": {value}, \"of\": {}}", false);
	const struct name_value values[] = {{STR("value"), STR("40")}};
	struct buf out;

	CHECK(!name_pattern_missing(&pattern, values, 1).at);
	CHECK_STR(name_pattern_missing(&pattern, values, 0), STR("value"));
	buf_init(&out, 1000);
	name_pattern_fill(&pattern, values, 1, NULL, NULL, &out);
	CHECK_STR(buf_str(&out), STR("{\"level\": 40, \"of\": {}}"));
	buf_done(&out);
}

static void what_cannot_be_told_apart_is_refused(void)
{
	struct name_pattern pattern;

	CHECK(name_pattern_parse(STR("{a}{b}"), true, &arena, &pattern, &err) == ERR_INVALID);
	CHECK(name_pattern_parse(STR("{a}-{a}"), true, &arena, &pattern, &err) == ERR_INVALID);
	CHECK_OK(name_pattern_parse(STR("{a}{b}{a}"), false, &arena, &pattern, &err), &err);
	CHECK(name_pattern_parse(STR("{a}.{b}.{c}.{d}.{e}.{f}.{g}.{h}.{i}.{j}.{k}.{l}.{m}.{n}.{o}.{p}.{q}"), true,
				 &arena, &pattern, &err) == ERR_LIMIT);
}

int main(void)
{
	arena_init(&arena, (size_t)1 << 20);
	RUN(what_fits_has_names);
	RUN(what_does_not_fit_is_told);
	RUN(braces_that_name_nothing_stand_for_themselves);
	RUN(what_cannot_be_told_apart_is_refused);
	arena_done(&arena);
	return check_done();
}
