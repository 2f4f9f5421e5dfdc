/* Messages of commands. */
#include "main/say.h"

#include "base/log_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_BYTES_MAX 2048
#define LINE_BYTES_MAX (8 * SENTENCE_BYTES_MAX)

void say(const char *format, ...)
{
	char text[SENTENCE_BYTES_MAX];
	struct buf line;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_init(&line, LINE_BYTES_MAX);
	buf_put(&line, STR("machi: "));
	log_put_safe(&line, str_from(text));
	buf_put_char(&line, '\n');
	(void)fwrite(line.at, 1, line.len, stderr);
	buf_done(&line);
}

enum exit_status say_error(const struct error *err)
{
	if (err->code == ERR_INTERNAL && err->where)
		say("%s (%s)", err->detail, err->where);
	else
		say("%s", err->detail);
	return exit_of(err->code);
}

enum exit_status say_usage(const struct command *command, const struct error *err)
{
	struct buf usage;

	buf_init(&usage, 4096);
	help_write_usage(command, &usage);
	say("%s", err->detail);
	say("usage: %.*s", STR_FMT(buf_str(&usage)));
	buf_done(&usage);
	return EXIT_USAGE;
}

enum exit_status say_result(const struct buf *out)
{
	if (fwrite(out->at, 1, out->len, stdout) != out->len || fflush(stdout) != 0) {
		if (errno == EPIPE)
			return EXIT_IO;
		say("cannot write to standard output: %s", strerror(errno));
		return EXIT_IO;
	}
	return EXIT_GOOD;
}
