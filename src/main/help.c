/* --help: the tables of commands for people at a terminal of 80 columns. */
#include "main/command.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 80u
#define LABEL_COLUMNS 26u
#define LABEL_BYTES_MAX 128u

/* The words of text from the given column on, continued at indent. */
static void write_wrapped(struct buf *out, struct str text, size_t column, size_t indent)
{
	bool first = true;
	struct str word;

	while (str_next(&text, ' ', &word)) {
		if (!first && column + 1 + word.len > COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		buf_put(out, first ? STR("") : STR(" "));
		buf_put(out, word);
		column += word.len + (first ? 0 : 1);
		first = false;
	}
	buf_put_char(out, '\n');
}

static void write_entry(struct buf *out, const char *label, struct str text)
{
	size_t len = strlen(label);

	buf_printf(out, "  %s", label);
	if (len + 2 >= LABEL_COLUMNS)
		buf_printf(out, "\n%*s", (int)LABEL_COLUMNS, "");
	else
		buf_printf(out, "%*s", (int)(LABEL_COLUMNS - 2 - len), "");
	write_wrapped(out, text, LABEL_COLUMNS, LABEL_COLUMNS);
}

static void write_paragraphs(struct buf *out, const char *doc)
{
	struct str rest = str_from(doc), paragraph;

	while (str_next(&rest, '\n', &paragraph)) {
		if (paragraph.len == 0)
			buf_put_char(out, '\n');
		else
			write_wrapped(out, paragraph, 0, 0);
	}
}

static void write_option(const struct option *option, struct buf *out)
{
	char label[LABEL_BYTES_MAX];
	struct buf doc;
	char letter[4] = {'-', option->letter, ',', '\0'};

	(void)snprintf(label, sizeof(label), "%s --%s%s%s", option->letter ? letter : "   ", option->name,
		       option->value_name ? " " : "", option->value_name ? option->value_name : "");
	buf_init(&doc, 4096);
	buf_put(&doc, str_from(option->doc));
	for (size_t i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++)
		buf_printf(&doc, "%s%s", i ? ", " : " One of ", option->choices[i]);
	if (option->kind == OPTION_CHOICE)
		buf_put_char(&doc, '.');
	if (option->repeats)
		buf_put(&doc, STR(" May be given several times."));
	if (option->fallback)
		buf_printf(&doc, " Default: %s.", option->fallback);
	write_entry(out, label, buf_str(&doc));
	buf_done(&doc);
}

void help_write_usage(const struct command *command, struct buf *out)
{
	buf_printf(out, "machi %s", command->name);
	if (command->options && command->options->name)
		buf_put(out, STR(" [OPTION…]"));
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++)
		buf_printf(out, argument->optional ? " [%s%s]" : " %s%s", argument->name, argument->repeats ? "…" : "");
}

void help_write_command(const struct command *command, struct buf *out)
{
	buf_put(out, STR("Usage: "));
	help_write_usage(command, out);
	buf_put(out, STR("\n\n"));
	write_paragraphs(out, command->doc);
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++) {
		if (argument == command->arguments)
			buf_put(out, STR("\nArguments:\n"));
		write_entry(out, argument->name, str_from(argument->doc));
	}
	buf_put(out, STR("\nOptions:\n"));
	for (const struct option *option = command->options; option && option->name; option++)
		if (!option->hidden)
			write_option(option, out);
	for (const struct option *option = common_options; option->name; option++)
		write_option(option, out);
	for (const struct example *example = command->examples; example && example->line; example++) {
		if (example == command->examples)
			buf_put(out, STR("\nExamples:\n"));
		buf_printf(out, "  %s\n      %s\n", example->line, example->doc);
	}
}

void help_write_group(const struct command_group *group, struct buf *out)
{
	size_t len = strlen(group->name);

	buf_printf(out, "Usage: machi %s COMMAND …\n\n%s.\n\nCommands:\n", group->name, group->summary);
	for (const struct command *command = commands; command->name; command++)
		if (strncmp(command->name, group->name, len) == 0 && command->name[len] == ' ')
			write_entry(out, command->name, str_from(command->summary));
}

void help_write_overview(struct buf *out)
{
	buf_put(out, STR("Usage: machi COMMAND [OPTION…] [ARGUMENT…]\n\n"
			 "A city operating system: entities of a city behind an NGSI-LD API, with the\n"
			 "database inside.\n\nCommands:\n"));
	for (const struct command *command = commands; command->name; command++)
		write_entry(out, command->name, str_from(command->summary));
	buf_put(out, STR("\nmachi COMMAND --help tells more about each.\n"));
}
