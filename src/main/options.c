/* The command line's parser, driven by the tables. */
#include "base/nearest.h"
#include "main/command.h"

#include <assert.h>
#include <string.h>

struct cursor {
	const struct command *command;
	int argc, at;
	const char *const *argv;
	struct call_value *values;
	size_t value_count;
	const char **arguments;
	size_t argument_count;
	struct error *err;
};

static const struct option *option_by_name(const struct command *command, struct str name)
{
	for (const struct option *option = command->options; option && option->name; option++)
		if (str_eq(name, str_from(option->name)))
			return option;
	for (const struct option *option = common_options; option->name; option++)
		if (str_eq(name, str_from(option->name)))
			return option;
	return NULL;
}

static const struct option *option_by_letter(const struct command *command, char letter)
{
	for (const struct option *option = command->options; option && option->name; option++)
		if (option->letter == letter)
			return option;
	for (const struct option *option = common_options; option->name; option++)
		if (option->letter == letter)
			return option;
	return NULL;
}

static enum err_code unknown_option(const struct cursor *cursor, struct str name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (const struct option *option = cursor->command->options; option && option->name; option++)
		if (!option->hidden)
			nearest_offer(&nearest, str_from(option->name));
	for (const struct option *option = common_options; option->name; option++)
		nearest_offer(&nearest, str_from(option->name));
	if (nearest.best.len)
		return err_set(cursor->err, ERR_INVALID, "unknown option --%.*s; did you mean --%.*s?", STR_FMT(name),
			       STR_FMT(nearest.best));
	return err_set(cursor->err, ERR_INVALID, "unknown option --%.*s", STR_FMT(name));
}

static bool is_choice(const struct option *option, struct str text)
{
	for (size_t i = 0; option->choices[i]; i++)
		if (str_eq(text, str_from(option->choices[i])))
			return true;
	return false;
}

static enum err_code refuse_choice(const struct cursor *cursor, const struct option *option, const char *text)
{
	struct buf list;

	buf_init(&list, ERROR_DETAIL_BYTES);
	for (size_t i = 0; option->choices[i]; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", option->choices[i]);
	enum err_code code = err_set(cursor->err, ERR_INVALID, "option --%s takes one of %.*s, not \"%s\"",
				     option->name, STR_FMT(buf_str(&list)), text);

	buf_done(&list);
	return code;
}

static enum err_code check_value(const struct cursor *cursor, const struct option *option, const char *text)
{
	uint64_t number;

	if (option->kind == OPTION_CHOICE && !is_choice(option, str_from(text)))
		return refuse_choice(cursor, option, text);
	if (option->kind == OPTION_COUNT &&
	    (!str_to_uint64(str_from(text), &number) || number < option->min || number > option->max))
		return err_set(cursor->err, ERR_INVALID,
			       "option --%s takes a whole number from %llu to %llu, not \"%s\"", option->name,
			       (unsigned long long)option->min, (unsigned long long)option->max, text);
	return ERR_OK;
}

static enum err_code add_value(struct cursor *cursor, const struct option *option, const char *text)
{
	if (cursor->value_count == CALL_VALUES_MAX)
		return err_set(cursor->err, ERR_LIMIT, "more than %u options", CALL_VALUES_MAX);
	enum err_code code = text ? check_value(cursor, option, text) : ERR_OK;

	if (!code)
		cursor->values[cursor->value_count++] = (struct call_value){option, text};
	return code;
}

static enum err_code take_next_value(struct cursor *cursor, const struct option *option)
{
	if (cursor->at + 1 >= cursor->argc)
		return err_set(cursor->err, ERR_INVALID, "option --%s needs a value (%s)", option->name,
			       option->value_name);
	return add_value(cursor, option, cursor->argv[++cursor->at]);
}

static enum err_code parse_long(struct cursor *cursor, const char *word)
{
	struct str name = str_from(word + 2);
	size_t equals;
	bool has_value = str_find(name, '=', &equals);

	if (has_value)
		name.len = equals;
	const struct option *option = option_by_name(cursor->command, name);

	if (!option)
		return unknown_option(cursor, name);
	if (option->kind == OPTION_FLAG) {
		if (has_value)
			return err_set(cursor->err, ERR_INVALID, "option --%s takes no value", option->name);
		return add_value(cursor, option, NULL);
	}
	if (has_value)
		return add_value(cursor, option, name.at + equals + 1);
	return take_next_value(cursor, option);
}

static enum err_code parse_short(struct cursor *cursor, const char *word)
{
	enum err_code code = ERR_OK;

	for (const char *letter = word + 1; *letter && !code; letter++) {
		const struct option *option = option_by_letter(cursor->command, *letter);

		if (!option)
			return err_set(cursor->err, ERR_INVALID, "unknown option -%.*s (machi %s --help)",
				       (int)strcspn(letter, "="), letter, cursor->command->name);
		if (option->kind == OPTION_FLAG) {
			code = add_value(cursor, option, NULL);
			continue;
		}
		if (letter[1])
			return add_value(cursor, option, letter + 1);
		return take_next_value(cursor, option);
	}
	return code;
}

static enum err_code add_argument(struct cursor *cursor, const char *word)
{
	const struct argument *argument = cursor->command->arguments;
	size_t most = 0;

	for (; argument && argument->name; argument++)
		most = argument->repeats ? CALL_ARGUMENTS_MAX : most + 1;
	if (cursor->argument_count == CALL_ARGUMENTS_MAX)
		return err_set(cursor->err, ERR_LIMIT, "more than %u arguments", CALL_ARGUMENTS_MAX);
	if (cursor->argument_count >= most)
		return err_set(cursor->err, ERR_INVALID, "unexpected argument \"%s\"", word);
	cursor->arguments[cursor->argument_count++] = word;
	return ERR_OK;
}

static enum err_code check_arguments(const struct cursor *cursor)
{
	size_t index = 0;

	for (const struct argument *argument = cursor->command->arguments; argument && argument->name;
	     argument++, index++)
		if (!argument->optional && index >= cursor->argument_count)
			return err_set(cursor->err, ERR_INVALID, "missing argument %s", argument->name);
	return ERR_OK;
}

enum err_code command_parse(const struct command *command, struct arena *arena, int argc, const char *const *argv,
			    struct call *ret_call, struct error *err)
{
	struct cursor cursor = {.command = command, .argc = argc, .argv = argv, .err = err};
	enum err_code code = ERR_OK;
	bool options_end = false;

	cursor.values = arena_array(arena, struct call_value, CALL_VALUES_MAX);
	cursor.arguments = arena_array(arena, const char *, CALL_ARGUMENTS_MAX);
	if (!cursor.values || !cursor.arguments)
		return err_set(err, ERR_MEMORY, "no memory for the command line");
	for (; cursor.at < argc && !code; cursor.at++) {
		const char *word = argv[cursor.at];

		if (options_end || word[0] != '-' || word[1] == '\0')
			code = add_argument(&cursor, word);
		else if (strcmp(word, "--") == 0)
			options_end = true;
		else if (word[1] == '-')
			code = parse_long(&cursor, word);
		else
			code = parse_short(&cursor, word);
	}
	if (!code)
		code = check_arguments(&cursor);
	if (!code)
		*ret_call = (struct call){command, cursor.values, cursor.value_count, cursor.arguments,
					  cursor.argument_count};
	return code;
}

bool command_wants_help(const struct command *command, int argc, const char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const struct option *option;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
		if (argv[i][0] != '-' || argv[i][1] == '\0' || strchr(argv[i], '='))
			continue;
		option = argv[i][1] == '-' ? option_by_name(command, str_from(argv[i] + 2))
					   : option_by_letter(command, argv[i][1]);
		if (option && option->kind != OPTION_FLAG && (argv[i][1] == '-' || argv[i][2] == '\0'))
			i++; /* its value, whatever that looks like */
	}
	return false;
}

static const struct command_group *group_of(struct str word)
{
	for (const struct command_group *group = command_groups; group->name; group++)
		if (str_eq(word, str_from(group->name)))
			return group;
	return NULL;
}

/* Commands whose names are "first second", or just "first" when second is STR_NONE. */
static const struct command *command_named(struct str first, struct str second)
{
	for (const struct command *command = commands; command->name; command++) {
		struct str rest = str_from(command->name), word;

		if (!str_next(&rest, ' ', &word) || !str_eq(word, first))
			continue;
		if (!rest.at ? second.len == 0 : str_eq(rest, second))
			return command;
	}
	return NULL;
}

static void offer_names(struct nearest *nearest, const struct command_group *group)
{
	for (const struct command *command = commands; command->name; command++) {
		struct str rest = str_from(command->name), word;
		bool in_group = str_next(&rest, ' ', &word) && group && str_eq(word, str_from(group->name));

		if (in_group && rest.at)
			nearest_offer(nearest, rest);
		else if (!group)
			nearest_offer(nearest, word);
	}
}

const struct command *command_find(int argc, const char *const *argv, int *ret_words,
				   const struct command_group **ret_group, struct error *err)
{
	struct str first = argc > 0 ? str_from(argv[0]) : STR_NONE;
	const struct command_group *group = group_of(first);
	struct nearest nearest;

	*ret_group = NULL;
	*ret_words = group ? 2 : 1;
	if (group && (argc < 2 || argv[1][0] == '-')) {
		*ret_group = group;
		return NULL;
	}
	const struct command *command = command_named(first, group ? str_from(argv[1]) : STR_NONE);

	if (command)
		return command;
	nearest_init(&nearest, group ? str_from(argv[1]) : first);
	offer_names(&nearest, group);
	const char *of = group ? group->name : "";
	const char *blank = group ? " " : "";

	if (nearest.best.len)
		(void)err_set(err, ERR_INVALID, "unknown command \"%s%s%.*s\"; did you mean \"%s%s%.*s\"?", of, blank,
			      STR_FMT(nearest.word), of, blank, STR_FMT(nearest.best));
	else
		(void)err_set(err, ERR_INVALID, "unknown command \"%s%s%.*s\"; machi help lists them", of, blank,
			      STR_FMT(nearest.word));
	return NULL;
}

static const struct option *known(const struct call *call, const char *name)
{
	const struct option *option = option_by_name(call->command, str_from(name));

	assert(option);
	return option;
}

bool call_has(const struct call *call, const char *name)
{
	const struct option *option = known(call, name);

	for (size_t i = 0; i < call->value_count; i++)
		if (call->values[i].option == option)
			return true;
	return false;
}

const char *call_text(const struct call *call, const char *name)
{
	const struct option *option = known(call, name);

	for (size_t i = call->value_count; i-- > 0;)
		if (call->values[i].option == option)
			return call->values[i].text;
	return option->fallback;
}

struct str call_str(const struct call *call, const char *name)
{
	return str_from(call_text(call, name));
}

uint64_t call_count(const struct call *call, const char *name)
{
	uint64_t number = 0;
	bool good = str_to_uint64(call_str(call, name), &number);

	assert(good); /* checked while parsing; defaults are ours */
	return number;
}

const char *call_each(const struct call *call, const char *name, size_t *at)
{
	const struct option *option = known(call, name);

	while (*at < call->value_count) {
		const struct call_value *value = &call->values[(*at)++];

		if (value->option == option)
			return value->text;
	}
	return NULL;
}

const char *call_argument(const struct call *call, size_t index)
{
	return index < call->argument_count ? call->arguments[index] : NULL;
}
