/* The program: finds the command and runs it. */
#include "main/command_table.h"
#include "main/say.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define PARSE_BYTES_MAX (1u << 20)
#define ARENAS_MAX 2 /* glibc's malloc arenas: more cost megabytes and buy nothing at our allocation rate */
#define MMAP_BYTES_MIN (4 << 20)
#define TRIM_BYTES_MIN (4 << 20)

static enum exit_status print_help(const struct command *command, const struct command_group *group)
{
	struct buf out;

	buf_init(&out, PARSE_BYTES_MAX);
	if (command)
		help_write_command(command, &out);
	else if (group)
		help_write_group(group, &out);
	else
		help_write_overview(&out);
	enum exit_status status = say_result(&out);

	buf_done(&out);
	return status;
}

static bool is_help(const char *word)
{
	return word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

static enum exit_status run(const struct command *command, int argc, const char *const *argv)
{
	struct arena arena;
	struct call call;
	struct error err;

	if (command_wants_help(command, argc, argv))
		return print_help(command, NULL);
	arena_init(&arena, PARSE_BYTES_MAX);
	enum exit_status status;

	if (command_parse(command, &arena, argc, argv, &call, &err))
		status = say_usage(command, &err);
	else
		status = command->run(&call);
	arena_done(&arena);
	return status;
}

int main(int argc, char **argv)
{
	static const char *const version_words[] = {"version", NULL};
	const char *const *words = (const char *const *)argv + 1;
	const struct command_group *group = NULL;
	struct error err;
	int taken = 0;

	(void)mallopt(M_ARENA_MAX, ARENAS_MAX);
	/* Set, they no longer grow with what is freed: the largest bodies and answers go back to the system at once.
	 * What a batch needed stays for the next one, as each page given back costs a fault, until a sweep of the
	 * server trims it. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES_MIN);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES_MIN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	argc--;
	if (argc < 1) {
		(void)print_help(NULL, NULL);
		return EXIT_USAGE;
	}
	if (is_help(words[0]))
		return (int)print_help(NULL, NULL);
	if (strcmp(words[0], "--version") == 0)
		words = version_words;
	const struct command *command = command_find(argc, words, &taken, &group, &err);

	if (command)
		return (int)run(command, argc - taken, words + taken);
	if (!group) {
		say("%s", err.detail);
		return EXIT_USAGE;
	}
	enum exit_status status = print_help(NULL, group);

	return argc > 1 && is_help(words[1]) ? (int)status : EXIT_USAGE;
}
