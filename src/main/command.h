/* Commands of the program: one table each, of which the parser, --help, the manual pages, shell completion and
 * docs/reference/commands.md are made. Parsing is pure. */
#ifndef MACHI_MAIN_COMMAND_H
#define MACHI_MAIN_COMMAND_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* What a process ends with: sysexits.h where it has a fitting one. */
enum exit_status {
	EXIT_GOOD = 0,
	EXIT_NOT_FOUND = 1, /* nothing of that name, or a check found something */
	EXIT_USAGE = 64,
	EXIT_DATA = 65,
	EXIT_NO_INPUT = 66,
	EXIT_UNAVAILABLE = 69,
	EXIT_SOFTWARE = 70,
	EXIT_MEMORY = 71,
	EXIT_CANNOT_CREATE = 73,
	EXIT_IO = 74,
	EXIT_TRY_AGAIN = 75,
	EXIT_NO_PERMISSION = 77,
	EXIT_CONFIG = 78
};

struct exit_doc {
	enum exit_status status;
	const char *name; /* as sysexits.h calls it, or "" */
	const char *doc;
};
extern const struct exit_doc exit_docs[]; /* NULL doc at the end */
enum exit_status exit_of(enum err_code code);

enum option_kind {
	OPTION_FLAG, /* no value */
	OPTION_TEXT,
	OPTION_COUNT, /* whole number from min to max */
	OPTION_CHOICE,
	OPTION_FILE,
	OPTION_FOLDER
};

struct option {
	const char *name; /* without dashes */
	char letter; /* short form, or 0 */
	enum option_kind kind;
	const char *value_name; /* "DIR"; NULL for flags */
	const char *fallback; /* used and shown when the option is not given; NULL: none */
	uint64_t min, max; /* OPTION_COUNT */
	const char *const *choices; /* OPTION_CHOICE, NULL at the end */
	bool repeats; /* every value counts, not only the last */
	bool hidden; /* not in help */
	const char *doc;
};

struct argument {
	const char *name; /* "FILE" */
	enum option_kind kind; /* OPTION_TEXT, OPTION_FILE or OPTION_FOLDER: for completion */
	bool optional, repeats; /* only the last may repeat */
	const char *doc;
};

struct example {
	const char *line, *doc;
};

struct call;

struct command {
	const char *name; /* one word, or two: "import gtfs" */
	const char *summary; /* half a sentence, no full stop */
	const char *doc; /* paragraphs with an empty line between */
	const struct argument *arguments; /* NULL name at the end; may be NULL */
	const struct option *options; /* NULL name at the end; may be NULL */
	const struct example *examples; /* NULL line at the end; may be NULL */
	enum exit_status (*run)(const struct call *call);
};

extern const struct command commands[]; /* NULL name at the end */
extern const struct option common_options[]; /* of every command: --help */
/* Words that only stand before another: "import", "config". */
struct command_group {
	const char *name, *summary;
};
extern const struct command_group command_groups[];

#define CALL_VALUES_MAX 256u
#define CALL_ARGUMENTS_MAX 4096u

struct call_value {
	const struct option *option;
	const char *text; /* NULL for flags */
};

/* A command line taken apart. */
struct call {
	const struct command *command;
	const struct call_value *values;
	size_t value_count;
	const char *const *arguments;
	size_t argument_count;
};

/* Takes argv (behind the command's own words) apart: options and arguments in any order, "--name=value", "--name
 * value", "-n value", "-nvalue", "--" ends the options, "-" is an argument. --help is found even where arguments are
 * missing (command_wants_help). ERR_INVALID names what is wrong and the nearest known option; ERR_LIMIT; ERR_MEMORY. */
MUST_CHECK enum err_code command_parse(const struct command *command, struct arena *arena, int argc,
				       const char *const *argv, struct call *ret_call, struct error *err);
bool command_wants_help(const struct command *command, int argc, const char *const *argv);

/* The command that argv begins with; *ret_words says how many words named it. NULL: none (err says so, with the
 * nearest name), or *ret_group names a group that wants a second word. */
const struct command *command_find(int argc, const char *const *argv, int *ret_words,
				   const struct command_group **ret_group, struct error *err);

/* Values by the option's name, which must be in the command's table. */
bool call_has(const struct call *call, const char *name);
const char *call_text(const struct call *call, const char *name); /* the last one, else the default, else NULL */
struct str call_str(const struct call *call, const char *name);
uint64_t call_count(const struct call *call, const char *name); /* the option must have a default */
/* Every value of a repeated option: start with *at = 0; NULL at the end. */
const char *call_each(const struct call *call, const char *name, size_t *at);
const char *call_argument(const struct call *call, size_t index); /* NULL when there are fewer */

/* ---- texts made from the tables ---- */

void help_write_overview(struct buf *out);
void help_write_group(const struct command_group *group, struct buf *out);
void help_write_command(const struct command *command, struct buf *out);
void help_write_usage(const struct command *command, struct buf *out); /* one line */

/* roff: the page of a command, or of the program (command NULL). */
void manual_write(const struct command *command, struct buf *out);
/* "machi-import-gtfs.1" */
void manual_write_name(const struct command *command, struct buf *out);
void reference_write_commands(struct buf *out);
void reference_write_exits(struct buf *out);
void completion_write_bash(struct buf *out);
void completion_write_zsh(struct buf *out);

#endif
