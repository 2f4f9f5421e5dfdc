/* The manual pages (roff, man(7) macros) and the Markdown reference, from the tables of commands. */
#include "main/command.h"
#include "main/config.h"

#include <string.h>

/* roff reads a backslash as an escape, "-" as a hyphen, and a dot or quote at a line's start as a request. */
static void put_roff(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '\\')
			buf_put(out, STR("\\e"));
		else if (c == '-')
			buf_put(out, STR("\\-"));
		else if ((c == '.' || c == '\'') && (i == 0 || text.at[i - 1] == '\n'))
			buf_printf(out, "\\&%c", c);
		else
			buf_put_char(out, c);
	}
}

static void put_roff_text(struct buf *out, const char *text)
{
	put_roff(out, str_from(text));
}

static void put_paragraphs(struct buf *out, const char *doc)
{
	struct str rest = str_from(doc), paragraph;

	while (str_next(&rest, '\n', &paragraph)) {
		if (paragraph.len == 0) {
			buf_put(out, STR(".PP\n"));
		} else {
			put_roff(out, paragraph);
			buf_put_char(out, '\n');
		}
	}
}

static void put_title(struct buf *out, const struct command *command)
{
	buf_put(out, STR(".TH MACHI"));
	for (const char *c = command ? command->name : ""; *c; c++) {
		if (c == command->name)
			buf_put_char(out, '-');
		buf_put_char(out, *c == ' ' ? '-' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
	}
	buf_put(out, STR(" 1 \"\" \"machi " MACHI_VERSION "\" \"Machi\"\n.SH NAME\n"));
}

/* The command's name with hyphens, "machi-import-gtfs"; escaped for roff text when escaped. */
static void put_page_name(struct buf *out, const struct command *command, bool escaped)
{
	struct str hyphen = escaped ? STR("\\-") : STR("-");

	buf_put(out, STR("machi"));
	if (!command)
		return;
	buf_put(out, hyphen);
	for (const char *c = command->name; *c; c++) {
		if (*c == ' ')
			buf_put(out, hyphen);
		else
			buf_put_char(out, *c);
	}
}

void manual_write_name(const struct command *command, struct buf *out)
{
	put_page_name(out, command, false);
	buf_put(out, STR(".1"));
}

static void put_option(struct buf *out, const struct option *option)
{
	buf_put(out, STR(".TP\n"));
	if (option->letter)
		buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
	buf_put(out, STR("\\fB\\-\\-"));
	put_roff_text(out, option->name);
	buf_put(out, STR("\\fR"));
	if (option->value_name) {
		buf_put(out, STR(" \\fI"));
		put_roff_text(out, option->value_name);
		buf_put(out, STR("\\fR"));
	}
	buf_put_char(out, '\n');
	put_roff_text(out, option->doc);
	for (size_t i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : " One of ", option->choices[i]);
	if (option->kind == OPTION_CHOICE)
		buf_put_char(out, '.');
	if (option->repeats)
		buf_put(out, STR(" May be given several times."));
	if (option->fallback) {
		buf_put(out, STR(" Default: "));
		put_roff_text(out, option->fallback);
		buf_put_char(out, '.');
	}
	buf_put_char(out, '\n');
}

static void put_exits(struct buf *out)
{
	buf_put(out, STR(".SH EXIT STATUS\n"));
	for (const struct exit_doc *exit_doc = exit_docs; exit_doc->doc; exit_doc++) {
		buf_printf(out, ".TP\n.B %d\n", (int)exit_doc->status);
		put_roff_text(out, exit_doc->doc);
		buf_put_char(out, '\n');
	}
}

static void put_command_page(struct buf *out, const struct command *command)
{
	put_page_name(out, command, true);
	buf_put(out, STR(" \\- "));
	put_roff_text(out, command->summary);
	buf_put(out, STR("\n.SH SYNOPSIS\n"));
	struct buf usage;

	buf_init(&usage, 1024);
	help_write_usage(command, &usage);
	put_roff(out, buf_str(&usage));
	buf_done(&usage);
	buf_put(out, STR("\n.SH DESCRIPTION\n"));
	put_paragraphs(out, command->doc);
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++) {
		buf_put(out, argument == command->arguments ? STR(".SH ARGUMENTS\n.TP\n") : STR(".TP\n"));
		buf_printf(out, ".I %s\n", argument->name);
		put_roff_text(out, argument->doc);
		buf_put_char(out, '\n');
	}
	buf_put(out, STR(".SH OPTIONS\n"));
	for (const struct option *option = command->options; option && option->name; option++)
		if (!option->hidden)
			put_option(out, option);
	for (const struct option *option = common_options; option->name; option++)
		put_option(out, option);
	if (strcmp(command->name, "serve") == 0) {
		buf_put(out, STR(".SH SETTINGS\nKeys of the configuration file. Each has an environment variable: "
				 "MACHI_, then the key in capitals with \"_\" for the dot.\n"));
		config_write_manual(out);
	}
	for (const struct example *example = command->examples; example && example->line; example++) {
		buf_put(out, example == command->examples ? STR(".SH EXAMPLES\n.TP\n.B ") : STR(".TP\n.B "));
		put_roff_text(out, example->line);
		buf_put_char(out, '\n');
		put_roff_text(out, example->doc);
		buf_put_char(out, '\n');
	}
}

static void put_program_page(struct buf *out)
{
	buf_put(out,
		STR("machi \\- a city operating system\n.SH SYNOPSIS\nmachi COMMAND [OPTION\\&...] "
		    "[ARGUMENT\\&...]\n.SH DESCRIPTION\n"
		    "Machi keeps the entities of a city (buses, stops, car parks, devices) in an embedded database "
		    "and serves them over the NGSI\\-LD API. One program is the daemon and its tools.\n"
		    ".SH COMMANDS\n"));
	for (const struct command *command = commands; command->name; command++) {
		buf_put(out, STR(".TP\n\\fB"));
		put_page_name(out, command, true);
		buf_put(out, STR("\\fR(1)\n"));
		put_roff_text(out, command->summary);
		buf_put(out, STR(".\n"));
	}
}

void manual_write(const struct command *command, struct buf *out)
{
	put_title(out, command);
	if (command)
		put_command_page(out, command);
	else
		put_program_page(out);
	put_exits(out);
	buf_put(out, STR(".SH SEE ALSO\n"));
	if (command)
		buf_put(out, STR(".BR machi (1)\n"));
	else
		buf_put(out, STR("GS CIM 009, the NGSI\\-LD API, by ETSI.\n"));
}

/* A cell of a Markdown table: "|" would end it. */
static void put_cell(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '|')
			buf_put_char(out, '\\');
		buf_put_char(out, *c);
	}
}

static void put_reference_option(struct buf *out, const struct option *option)
{
	buf_put(out, STR("| "));
	if (option->letter)
		buf_printf(out, "`-%c`, ", option->letter);
	buf_printf(out, "`--%s%s", option->name, option->value_name ? " " : "");
	put_cell(out, option->value_name ? option->value_name : "");
	buf_printf(out, option->fallback ? "` | `%s` | " : "` | %s | ", option->fallback ? option->fallback : "");
	put_cell(out, option->doc);
	for (size_t i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++)
		buf_printf(out, "%s`%s`", i ? ", " : " One of ", option->choices[i]);
	if (option->kind == OPTION_CHOICE)
		buf_put_char(out, '.');
	buf_put(out, option->repeats ? STR(" May be given several times. |\n") : STR(" |\n"));
}

static void put_reference_command(struct buf *out, const struct command *command)
{
	buf_printf(out, "## machi %s\n\n", command->name);
	buf_put(out, STR("```\n"));
	help_write_usage(command, out);
	buf_printf(out, "\n```\n\n%s\n", command->doc);
	for (const struct argument *argument = command->arguments; argument && argument->name; argument++) {
		if (argument == command->arguments)
			buf_put(out, STR("\n| argument | meaning |\n| --- | --- |\n"));
		buf_printf(out, "| `%s` | %s |\n", argument->name, argument->doc);
	}
	buf_put(out, STR("\n| option | default | meaning |\n| --- | --- | --- |\n"));
	for (const struct option *option = command->options; option && option->name; option++)
		if (!option->hidden)
			put_reference_option(out, option);
	for (const struct option *option = common_options; option->name; option++)
		put_reference_option(out, option);
	for (const struct example *example = command->examples; example && example->line; example++)
		buf_printf(out, "\n%s:\n```\n%s\n```\n", example->doc, example->line);
	buf_put_char(out, '\n');
}

void reference_write_commands(struct buf *out)
{
	for (const struct command *command = commands; command->name; command++)
		put_reference_command(out, command);
}

void reference_write_exits(struct buf *out)
{
	buf_put(out, STR("| status | sysexits.h | meaning |\n| --- | --- | --- |\n"));
	for (const struct exit_doc *exit_doc = exit_docs; exit_doc->doc; exit_doc++)
		buf_printf(out, "| %d | %s | %s |\n", (int)exit_doc->status, exit_doc->name, exit_doc->doc);
}
