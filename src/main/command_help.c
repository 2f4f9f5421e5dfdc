/* machi version, help, completion: texts made from the tables. */
#include "base/cleanup.h"
#include "main/command_table.h"
#include "main/config.h"
#include "main/say.h"

#include <curl/curl.h>
#include <geos_c.h>
#include <microhttpd.h>
#include <sqlite3.h>

#include <errno.h>
#include <string.h>

#define TEXT_BYTES_MAX (1u << 20)

static enum exit_status print_and_done(struct buf *out)
{
	struct error err;
	enum exit_status status = buf_check(out, "the text", &err) ? say_error(&err) : say_result(out);

	buf_done(out);
	return status;
}

enum exit_status command_version(const struct call *call)
{
	struct buf out;

	buf_init(&out, TEXT_BYTES_MAX);
	if (call_has(call, "short"))
		buf_put(&out, STR(MACHI_VERSION "\n"));
	else
		buf_printf(&out,
			   "machi %s\nNGSI-LD GS CIM 009 V1.9.1\nSQLite %s, GEOS %s, libmicrohttpd %s, libcurl %s\n",
			   MACHI_VERSION, sqlite3_libversion(), GEOSversion(), MHD_get_version(),
			   curl_version_info(CURLVERSION_NOW)->version);
	return print_and_done(&out);
}

static enum exit_status write_page(const char *folder, const struct command *command)
{
	struct buf page, name;
	struct error err;

	buf_init(&page, TEXT_BYTES_MAX);
	buf_init(&name, TEXT_BYTES_MAX);
	manual_write(command, &page);
	buf_printf(&name, "%s/", folder);
	manual_write_name(command, &name);
	buf_put_char(&name, '\0');
	bool built = !buf_check(&page, "a manual page", &err) && !buf_check(&name, "a file name", &err);
	enum exit_status status = built ? EXIT_GOOD : say_error(&err);

	if (built) {
		FILE *file = fopen(name.at, "w");
		bool written = file && fwrite(page.at, 1, page.len, file) == page.len;
		bool closed = file && fclose(file) == 0;

		if (!written || !closed) {
			say("cannot write %s: %s", name.at, strerror(errno));
			status = EXIT_CANNOT_CREATE;
		}
	}
	buf_done(&page);
	buf_done(&name);
	return status;
}

static enum exit_status write_pages(const char *folder)
{
	enum exit_status status = write_page(folder, NULL);

	for (const struct command *command = commands; command->name && status == EXIT_GOOD; command++)
		status = write_page(folder, command);
	return status;
}

static void write_markdown(const char *part, struct buf *out)
{
	if (strcmp(part, "commands") == 0)
		reference_write_commands(out);
	else if (strcmp(part, "configuration") == 0)
		config_write_reference(out);
	else
		reference_write_exits(out);
}

enum exit_status command_help(const struct call *call)
{
	const struct command_group *group = NULL;
	const struct command *command = NULL;
	struct buf out;
	struct error err;
	int words = 0;

	if (call_has(call, "man-pages"))
		return write_pages(call_text(call, "man-pages"));
	if (call->argument_count) {
		command = command_find((int)call->argument_count, call->arguments, &words, &group, &err);
		if (!command && !group)
			return say_usage(call->command, &err);
	}
	buf_init(&out, TEXT_BYTES_MAX);
	if (call_has(call, "markdown"))
		write_markdown(call_text(call, "markdown"), &out);
	else if (call_has(call, "man"))
		manual_write(command, &out);
	else if (group)
		help_write_group(group, &out);
	else if (command)
		help_write_command(command, &out);
	else
		help_write_overview(&out);
	return print_and_done(&out);
}

enum exit_status command_completion(const struct call *call)
{
	struct str shell = str_from(call_argument(call, 0));
	struct buf out;
	struct error err;

	buf_init(&out, TEXT_BYTES_MAX);
	if (str_eq(shell, STR("bash"))) {
		completion_write_bash(&out);
	} else if (str_eq(shell, STR("zsh"))) {
		completion_write_zsh(&out);
	} else {
		(void)err_set(&err, ERR_INVALID, "completion is made for bash and zsh, not for \"%.*s\"",
			      STR_FMT(shell));
		return say_usage(call->command, &err);
	}
	return print_and_done(&out);
}
