/* Shell completion from the tables: commands, options, choices, files and folders. */
#include "main/command.h"

#include <string.h>

static void put_options(struct buf *out, const struct option *options)
{
	for (const struct option *option = options; option && option->name; option++)
		if (!option->hidden)
			buf_printf(out, " --%s", option->name);
}

/* What the value of an option is completed with, as bash code. */
static void put_bash_values(struct buf *out, const struct option *option)
{
	if (option->kind == OPTION_FILE) {
		buf_put(out, STR("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))"));
	} else if (option->kind == OPTION_FOLDER) {
		buf_put(out, STR("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))"));
	} else if (option->kind == OPTION_CHOICE) {
		buf_put(out, STR("COMPREPLY=($(compgen -W \""));
		for (size_t i = 0; option->choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", option->choices[i]);
		buf_put(out, STR("\" -- \"$cur\"))"));
	} else {
		buf_put(out, STR("COMPREPLY=()"));
	}
}

static void put_bash_command(struct buf *out, const struct command *command)
{
	bool files = false;

	buf_printf(out, "\t\"%s\")\n\t\tcase \"$prev\" in\n", command->name);
	for (const struct option *option = command->options; option && option->name; option++) {
		if (option->kind == OPTION_FLAG || option->hidden)
			continue;
		buf_printf(out, "\t\t--%s", option->name);
		if (option->letter)
			buf_printf(out, "|-%c", option->letter);
		buf_put(out, STR(") "));
		put_bash_values(out, option);
		buf_put(out, STR("; return ;;\n"));
	}
	buf_put(out, STR("\t\tesac\n\t\twords=\""));
	put_options(out, command->options);
	put_options(out, common_options);
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++)
		files = files || argument->kind != OPTION_TEXT;
	buf_printf(out, "\"\n\t\tfiles=%d ;;\n", files);
}

/* First words (each once), then for each group its second words. */
static void put_first_words(struct buf *out)
{
	struct str before = STR_NONE;

	for (const struct command *command = commands; command->name; command++) {
		struct str rest = str_from(command->name), word = STR_NONE;

		if (str_next(&rest, ' ', &word) && !str_eq(word, before))
			buf_printf(out, "%s%.*s", before.len ? " " : "", STR_FMT(word));
		before = word;
	}
}

static void put_second_words(struct buf *out, const struct command_group *group)
{
	size_t len = strlen(group->name);
	const char *blank = "";

	for (const struct command *command = commands; command->name; command++) {
		if (strncmp(command->name, group->name, len) != 0 || command->name[len] != ' ')
			continue;
		buf_printf(out, "%s%s", blank, command->name + len + 1);
		blank = " ";
	}
}

void completion_write_bash(struct buf *out)
{
	buf_put(out, STR("# bash completion for machi\n_machi()\n{\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files=0\n"
			 "\tlocal command=${COMP_WORDS[1]} from=2\n\n"
			 "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \""));
	put_first_words(out);
	buf_put(out, STR("\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase \"$command\" in\n"));
	for (const struct command_group *group = command_groups; group->name; group++) {
		buf_printf(out, "\t%s)\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n\t\t\tCOMPREPLY=($(compgen -W \"",
			   group->name);
		put_second_words(out, group);
		buf_put(out,
			STR("\" -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n\t\tcommand=\"$command ${COMP_WORDS[2]}\" ;;\n"));
	}
	buf_put(out, STR("\tesac\n\tcase \"$command\" in\n"));
	for (const struct command *command = commands; command->name; command++)
		put_bash_command(out, command);
	buf_put(out, STR("\tesac\n\tif [ \"$files\" = 1 ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
			 "\t\tcompopt -o filenames\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
			 "\telse\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\tfi\n}\n"
			 "complete -F _machi machi\n"));
}

/* Text inside a zsh specification in single quotes. */
static void put_zsh_text(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			buf_put(out, STR("'\\''"));
		else if (*c == ':' || *c == '[' || *c == ']' || *c == '\\')
			buf_printf(out, "\\%c", *c);
		else
			buf_put_char(out, *c);
	}
}

static void put_zsh_value(struct buf *out, const struct option *option)
{
	buf_printf(out, ":%s:", option->value_name);
	if (option->kind == OPTION_FILE)
		buf_put(out, STR("_files"));
	else if (option->kind == OPTION_FOLDER)
		buf_put(out, STR("_files -/"));
	else if (option->kind == OPTION_CHOICE) {
		buf_put_char(out, '(');
		for (size_t i = 0; option->choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", option->choices[i]);
		buf_put_char(out, ')');
	}
}

static void put_zsh_options(struct buf *out, const struct option *options)
{
	for (const struct option *option = options; option && option->name; option++) {
		if (option->hidden)
			continue;
		buf_printf(out, " \\\n\t\t\t'%s--%s%s[", option->repeats ? "*" : "", option->name,
			   option->kind == OPTION_FLAG ? "" : "=");
		put_zsh_text(out, option->doc);
		buf_put_char(out, ']');
		if (option->kind != OPTION_FLAG)
			put_zsh_value(out, option);
		buf_put_char(out, '\'');
	}
}

static void put_zsh_command(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t'%s')\n\t\t_arguments", command->name);
	put_zsh_options(out, command->options);
	put_zsh_options(out, common_options);
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++)
		buf_printf(out, " \\\n\t\t\t'%s:%s:%s'", argument->repeats ? "*" : "", argument->name,
			   argument->kind == OPTION_FOLDER ? "_files -/"
			   : argument->kind == OPTION_FILE ? "_files"
							   : "");
	buf_put(out, STR(" ;;\n"));
}

void completion_write_zsh(struct buf *out)
{
	buf_put(out, STR("#compdef machi\n_machi()\n{\n\tlocal command=${words[2]}\n\n"
			 "\tif (( CURRENT == 2 )); then\n\t\tlocal -a list=("));
	put_first_words(out);
	buf_put(out, STR(")\n\t\t_describe command list\n\t\treturn\n\tfi\n\tshift words; (( CURRENT-- ))\n"
			 "\tcase \"$command\" in\n"));
	for (const struct command_group *group = command_groups; group->name; group++) {
		buf_printf(out, "\t%s)\n\t\tif (( CURRENT == 2 )); then\n\t\t\tlocal -a list=(", group->name);
		put_second_words(out, group);
		buf_put(out, STR(")\n\t\t\t_describe command list\n\t\t\treturn\n\t\tfi\n"
				 "\t\tcommand=\"$command ${words[2]}\"; shift words; (( CURRENT-- )) ;;\n"));
	}
	buf_put(out, STR("\tesac\n\tcase \"$command\" in\n"));
	for (const struct command *command = commands; command->name; command++)
		put_zsh_command(out, command);
	buf_put(out, STR("\tesac\n}\n_machi \"$@\"\n"));
}
