/* machi config show, check and example; and the loading of a configuration that serve shares with them. */
#include "main/command_config.h"

#include "main/command_table.h"
#include "main/folder.h"
#include "main/say.h"

#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1u << 20)
#define TEXT_BYTES_MAX (1u << 20)

static void say_mistake(void *self, struct str sentence)
{
	(void)self;
	say("%.*s", STR_FMT(sentence));
}

static void say_notice(void *self, struct str sentence)
{
	(void)self;
	say("note: %.*s", STR_FMT(sentence));
}

enum exit_status config_from_call(const struct call *call, const char *path, const struct config_override *shorthands,
				  size_t shorthand_count, const struct config_listener *listener,
				  struct config **ret_config)
{
	struct config_override overrides[CALL_VALUES_MAX + CONFIG_SHORTHANDS_MAX];
	struct config_sources sources = {
		.environment = (const char *const *)environ,
		.overrides = overrides,
		.mistake = listener ? listener->mistake : say_mistake,
		.notice = listener ? listener->notice : say_notice,
		.self = listener ? listener->self : NULL,
	};
	struct buf text;
	struct error err;
	size_t at = 0;

	for (const char *set = call_each(call, "set", &at); set; set = call_each(call, "set", &at)) {
		struct str key = str_from(set);
		size_t equals;

		if (!str_find(key, '=', &equals)) {
			(void)err_set(&err, ERR_INVALID, "option --set takes KEY=VALUE, not \"%s\"", set);
			return say_usage(call->command, &err);
		}
		overrides[sources.override_count++] =
			(struct config_override){str_part(key, 0, equals), str_part(key, equals + 1, key.len), "--set"};
	}
	for (size_t i = 0; i < shorthand_count; i++)
		overrides[sources.override_count++] = shorthands[i];
	buf_init(&text, FILE_BYTES_MAX);
	enum exit_status status = EXIT_GOOD;
	enum err_code code = path ? folder_read_file(path, &text, &err) : ERR_OK;

	if (code) {
		status = say_error(&err);
		status = code == ERR_NOT_FOUND || code == ERR_DENIED ? EXIT_NO_INPUT : status;
	} else {
		sources.file_name = str_from(path);
		sources.file_text = buf_str(&text);
		code = config_load(&sources, ret_config, &err);
		if (code)
			status = code == ERR_INVALID ? EXIT_CONFIG : say_error(&err);
	}
	buf_done(&text);
	return status;
}

enum exit_status command_config_show(const struct call *call)
{
	struct config *config = NULL;
	struct buf out;
	enum exit_status status = config_from_call(call, call_argument(call, 0), NULL, 0, NULL, &config);

	if (status != EXIT_GOOD)
		return status;
	buf_init(&out, TEXT_BYTES_MAX);
	config_write_values(config, true, &out);
	status = say_result(&out);
	buf_done(&out);
	(void)config_free(config);
	return status;
}

enum exit_status command_config_check(const struct call *call)
{
	struct config *config = NULL;
	enum exit_status status = config_from_call(call, call_argument(call, 0), NULL, 0, NULL, &config);

	if (status == EXIT_GOOD)
		say("the configuration is good");
	(void)config_free(config);
	return status;
}

enum exit_status command_config_example(const struct call *call)
{
	struct buf out;

	(void)call;
	buf_init(&out, TEXT_BYTES_MAX);
	config_write_example(&out);
	enum exit_status status = say_result(&out);

	buf_done(&out);
	return status;
}
