/* The command line's parser, on a table of the test's own and on the program's tables: the rules are those of the GNU
 * conventions that README and manual promise (any order, --name=value, --, -nvalue). */
#include "base/nearest.h"
#include "check.h"
#include "main/command.h"
#include "main/json_stream.h"

#include <string.h>

static const char *const colours[] = {"red", "green", NULL};
static const struct option options[] = {
	{.name = "data", .letter = 'd', .kind = OPTION_FOLDER, .value_name = "DIR", .doc = "x"},
	{.name = "limit", .kind = OPTION_COUNT, .value_name = "N", .fallback = "20", .min = 1, .max = 100, .doc = "x"},
	{.name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .doc = "x"},
	{.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .doc = "x"},
	{.name = "set", .letter = 's', .kind = OPTION_TEXT, .value_name = "K=V", .repeats = true, .doc = "x"},
	{.name = "colour", .kind = OPTION_CHOICE, .value_name = "C", .choices = colours, .doc = "x"},
	{0},
};
static const struct argument arguments[] = {
	{"FILE", OPTION_FILE, false, false, "x"}, {"MORE", OPTION_FILE, true, false, "x"}, {0}};
static const struct command tested = {"tested", "s", "d", arguments, options, NULL, NULL};

static struct arena arena;
static struct error err;

static enum err_code parse(struct call *call, size_t count, const char *const *words)
{
	return command_parse(&tested, &arena, (int)count, words, call, &err);
}

#define PARSE(call, ...)                                                                                               \
	parse((call), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void options_and_arguments_mix(void)
{
	struct call call;

	CHECK_OK(PARSE(&call, "a", "--data", "x", "-q", "b", "--limit=7"), &err);
	CHECK(call.argument_count == 2 && strcmp(call_argument(&call, 0), "a") == 0 &&
	      strcmp(call_argument(&call, 1), "b") == 0 && call_argument(&call, 2) == NULL);
	CHECK(strcmp(call_text(&call, "data"), "x") == 0 && call_count(&call, "limit") == 7);
	CHECK(call_has(&call, "quiet") && !call_has(&call, "verbose"));
}

static void short_forms_carry_values_and_bundle(void)
{
	struct call call;

	CHECK_OK(PARSE(&call, "-qvdfolder", "a"), &err);
	CHECK(call_has(&call, "quiet") && call_has(&call, "verbose") &&
	      strcmp(call_text(&call, "data"), "folder") == 0);
	CHECK_OK(PARSE(&call, "-d", "--odd", "a"), &err);
	CHECK(strcmp(call_text(&call, "data"), "--odd") == 0);
}

static void two_dashes_end_options_and_one_is_an_argument(void)
{
	struct call call;

	CHECK_OK(PARSE(&call, "--", "--data", "-"), &err);
	CHECK(call.argument_count == 2 && strcmp(call_argument(&call, 0), "--data") == 0);
	CHECK_OK(PARSE(&call, "-", "-q"), &err);
	CHECK(call.argument_count == 1 && strcmp(call_argument(&call, 0), "-") == 0);
}

static void the_last_value_counts_unless_the_option_repeats(void)
{
	struct call call;
	size_t at = 0;

	CHECK_OK(PARSE(&call, "a", "--data=1", "--data=2", "-sx=1", "--set", "y=2"), &err);
	CHECK(strcmp(call_text(&call, "data"), "2") == 0 && call_count(&call, "limit") == 20);
	CHECK(strcmp(call_each(&call, "set", &at), "x=1") == 0 && strcmp(call_each(&call, "set", &at), "y=2") == 0 &&
	      !call_each(&call, "set", &at));
	CHECK_OK(PARSE(&call, "a", "--data="), &err);
	CHECK(strcmp(call_text(&call, "data"), "") == 0);
}

static void mistakes_are_named(void)
{
	struct call call;

	CHECK(PARSE(&call, "a", "--dta", "x") == ERR_INVALID && strstr(err.detail, "--dta") &&
	      strstr(err.detail, "--data?"));
	CHECK(PARSE(&call, "a", "--dat=x") == ERR_INVALID && strstr(err.detail, "--data?")); /* no abbreviations */
	CHECK(PARSE(&call, "a", "--zzzzzz") == ERR_INVALID && !strstr(err.detail, "mean"));
	CHECK(PARSE(&call, "a", "-x") == ERR_INVALID && strstr(err.detail, "-x"));
	CHECK(PARSE(&call, "a", "--quiet=1") == ERR_INVALID && strstr(err.detail, "takes no value"));
	CHECK(PARSE(&call, "a", "--data") == ERR_INVALID && strstr(err.detail, "needs a value (DIR)"));
	CHECK(PARSE(&call, "a", "--limit", "0") == ERR_INVALID && strstr(err.detail, "from 1 to 100, not \"0\""));
	CHECK(PARSE(&call, "a", "--limit", "7x") == ERR_INVALID);
	CHECK(PARSE(&call, "a", "--colour", "blue") == ERR_INVALID && strstr(err.detail, "red, green"));
	CHECK(PARSE(&call, "-q") == ERR_INVALID && strstr(err.detail, "missing argument FILE"));
	CHECK(PARSE(&call, "a", "b", "c") == ERR_INVALID && strstr(err.detail, "\"c\""));
}

static void help_is_found_wherever_it_stands(void)
{
	CHECK(command_wants_help(&tested, 1, (const char *[]){"--help"}));
	CHECK(command_wants_help(&tested, 3, (const char *[]){"--bad", "x", "-h"}));
	CHECK(!command_wants_help(&tested, 2, (const char *[]){"--data", "--help"})); /* it is the value */
	CHECK(!command_wants_help(&tested, 2, (const char *[]){"--", "--help"}));
}

static const struct command *find(int argc, const char *const *argv)
{
	const struct command_group *group;
	int words;

	return command_find(argc, argv, &words, &group, &err);
}

static void commands_are_found_and_suggested(void)
{
	const struct command_group *group = NULL;
	const struct command *found = find(1, (const char *[]){"serve"});
	int words = 0;

	CHECK(found && strcmp(found->name, "serve") == 0);
	found = find(2, (const char *[]){"import", "gtfs"});
	CHECK(found && strcmp(found->name, "import gtfs") == 0);
	CHECK(!find(1, (const char *[]){"server"}) && strstr(err.detail, "did you mean \"serve\"?"));
	CHECK(!find(2, (const char *[]){"import", "gtsf"}) && strstr(err.detail, "\"import gtfs\"?"));
	CHECK(!command_find(1, (const char *[]){"config"}, &words, &group, &err) && group);
	CHECK(group && strcmp(group->name, "config") == 0);
}

static void tables_are_in_order(void)
{
	for (const struct command *command = commands; command->name; command++) {
		CHECK(command->summary && command->doc && command->run);
		for (const struct option *a = command->options; a && a->name; a++) {
			CHECK(a->doc && (a->kind == OPTION_FLAG) == (a->value_name == NULL));
			CHECK((a->kind == OPTION_CHOICE) == (a->choices != NULL));
			CHECK(a->kind != OPTION_COUNT || a->max > 0);
			for (const struct option *b = a + 1; b->name; b++)
				CHECK(strcmp(a->name, b->name) != 0 && (a->letter == 0 || a->letter != b->letter));
		}
	}
	for (int code = 0; code < ERR_CODE_COUNT; code++) {
		bool documented = false;

		for (const struct exit_doc *doc = exit_docs; doc->doc; doc++)
			documented = documented || doc->status == exit_of((enum err_code)code);
		CHECK(documented && (code == 0) == (exit_of((enum err_code)code) == EXIT_GOOD));
	}
}

static void nearest_words_are_counted_in_edits(void)
{
	CHECK(nearest_distance(STR("kitten"), STR("sitting")) == 3);
	CHECK(nearest_distance(STR("gtsf"), STR("gtfs")) == 1); /* neighbours swapped */
	CHECK(nearest_distance(STR(""), STR("abc")) == 3);
	CHECK(nearest_distance(STR("Abc"), STR("aBC")) == 0);
}

/* ---- the stream of objects that `machi put` reads ---- */

static char seen[8][64];
static uint64_t seen_lines[8];
static size_t seen_count;

static enum err_code see(void *self, struct str bytes, uint64_t line, struct error *cause)
{
	(void)self;
	(void)cause;
	if (seen_count < 8) {
		(void)snprintf(seen[seen_count], sizeof(seen[0]), "%.*s", STR_FMT(bytes));
		seen_lines[seen_count++] = line;
	}
	return ERR_OK;
}

/* The whole text in pieces of the given size. */
static enum err_code stream(const char *text, size_t piece)
{
	struct json_stream objects;
	enum err_code code = ERR_OK;
	struct str rest = str_from(text);

	seen_count = 0;
	json_stream_init(&objects, 40, see, NULL);
	for (size_t at = 0; at < rest.len && !code; at += piece)
		code = json_stream_feed(&objects, str_part(rest, at, at + piece), &err);
	if (!code)
		code = json_stream_finish(&objects, &err);
	json_stream_done(&objects);
	return code;
}

static void objects_are_found_in_every_form(void)
{
	for (size_t piece = 1; piece < 9; piece++) {
		CHECK_OK(stream("[ {\"a\":\"}]\\\"\"},\n{\"b\":[{}]} ]\n", piece), &err);
		CHECK(seen_count == 2 && strcmp(seen[0], "{\"a\":\"}]\\\"\"}") == 0 && seen_lines[1] == 2);
		CHECK_OK(stream("{\"a\":1}\n\n{\n\"b\":2}{}", piece), &err);
		CHECK(seen_count == 3 && seen_lines[1] == 3 && seen_lines[2] == 4);
		CHECK_OK(stream("", piece), &err);
		CHECK_OK(stream(" [ ] ", piece), &err);
		CHECK(seen_count == 0);
	}
}

static void broken_streams_are_refused_by_line(void)
{
	CHECK(stream("[{}\n{}]", 3) == ERR_INVALID && strstr(err.detail, "line 2") && strstr(err.detail, "comma"));
	CHECK(stream("[{},]", 3) == ERR_INVALID);
	CHECK(stream("[,{}]", 3) == ERR_INVALID);
	CHECK(stream("[{}", 3) == ERR_INVALID && strstr(err.detail, "not closed"));
	CHECK(stream("{\"a\":1\n", 3) == ERR_INVALID && strstr(err.detail, "line 1"));
	CHECK(stream("[{}]{}", 3) == ERR_INVALID);
	CHECK(stream("{}\n[{}]", 3) == ERR_INVALID && strstr(err.detail, "line 2"));
	CHECK(stream("7", 3) == ERR_INVALID);
	CHECK(stream("{\"a\":\"0123456789012345678901234567890123456789\"}", 7) == ERR_LIMIT);
}

int main(void)
{
	arena_init(&arena, 64 << 20);
	RUN(options_and_arguments_mix);
	RUN(short_forms_carry_values_and_bundle);
	RUN(two_dashes_end_options_and_one_is_an_argument);
	RUN(the_last_value_counts_unless_the_option_repeats);
	RUN(mistakes_are_named);
	RUN(help_is_found_wherever_it_stands);
	RUN(commands_are_found_and_suggested);
	RUN(tables_are_in_order);
	RUN(nearest_words_are_counted_in_edits);
	RUN(objects_are_found_in_every_form);
	RUN(broken_streams_are_refused_by_line);
	arena_done(&arena);
	return check_done();
}
