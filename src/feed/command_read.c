/* What a feed's document says of commands, and texts for devices made of one. */
#include "feed/feed_int.h"

#include <math.h>
#include <string.h>

/* ---- the list ---- */

static enum err_code read_words(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct command_plan *plan)
{
	const struct yaml_tree *words = yaml_tree_get(node, STR("values"));
	enum err_code code;

	if (!words)
		return ERR_OK;
	code = mapping_expect(reader, words, YAML_TREE_MAP, "values and what each is for the device");
	if (code)
		return code;
	plan->words = arena_array(reader->arena, struct command_word, words->count);
	if (!plan->words)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < words->count; i++) {
		code = mapping_expect(reader, &words->items[i], YAML_TREE_SCALAR, "a text for the device");
		if (code)
			return code;
		plan->words[plan->word_count++] = (struct command_word){words->keys[i].text, words->items[i].text};
	}
	return ERR_OK;
}

static enum err_code read_id(const struct mapping_reader *reader, const struct yaml_tree *node,
			     struct command_plan *plan)
{
	struct str text = STR_NONE;
	enum err_code code = mapping_read_text(reader, node, "id", &text);

	if (code || !text.at)
		return code;
	code = name_pattern_parse(text, true, reader->arena, &plan->id, reader->err);
	if (code == ERR_INVALID || code == ERR_LIMIT) {
		struct error cause = *reader->err;

		return yaml_tree_refuse(yaml_tree_get(node, STR("id")), reader->err, "%s", cause.detail);
	}
	plan->has_id = true;
	return code;
}

static enum err_code read_names(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				struct command_plan *plan)
{
	enum err_code code = mapping_read_text(reader, node, "type", &plan->type);

	if (!code)
		code = mapping_read_text(reader, node, "attribute", &plan->attribute);
	if (!code)
		code = mapping_read_text(reader, node, "status", &plan->status);
	if (!code && (plan->type.len == 0 || plan->attribute.len == 0))
		return yaml_tree_refuse(node, reader->err,
					"expected \"type:\" of the entities and \"attribute:\" that commands");
	if (!code && plan->status.len == 0) {
		plan->status = arena_concat(&feed->arena, plan->attribute, STR("Status"));
		if (!plan->status.at)
			return mapping_no_memory(reader);
	}
	if (!code && str_eq(plan->status, plan->attribute))
		return yaml_tree_refuse(node, reader->err, "the status cannot be the attribute that commands");
	return code;
}

static enum err_code read_command(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct command_plan *plan)
{
	static const char *const known[] = {"type",   "id",      "attribute", "status", "timeout",
					    "values", "minimum", "maximum",   "send",   NULL};
	const struct yaml_tree *send;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "a command with type, attribute and send");

	*plan = (struct command_plan){.minimum = -HUGE_VAL, .maximum = HUGE_VAL};
	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = read_names(feed, reader, node, plan);
	if (!code)
		code = read_id(reader, node, plan);
	if (!code)
		code = feed_read_seconds(reader, node, "timeout", COMMAND_TIMEOUT_S_DEFAULT, &plan->timeout_s);
	if (!code)
		code = read_words(reader, node, plan);
	if (!code)
		code = mapping_read_number(reader, node, "minimum", -HUGE_VAL, HUGE_VAL, &plan->minimum);
	if (!code)
		code = mapping_read_number(reader, node, "maximum", -HUGE_VAL, HUGE_VAL, &plan->maximum);
	if (code)
		return code;
	send = yaml_tree_get(node, STR("send"));
	if (!send)
		return yaml_tree_refuse(node, reader->err, "expected \"send:\", how the device is told");
	code = mapping_expect(reader, send, YAML_TREE_MAP, "how the device is told");
	return code ? code : feed->kind->read_send(feed, reader, plan, send, &plan->send);
}

/* Is there one for the same attribute of entities of the same type? Both would tell a device. */
static enum err_code check_alone(const struct feed *feed, const struct mapping_reader *reader,
				 const struct yaml_tree *node, const struct command_plan *plan)
{
	for (size_t i = 0; i < feed->command_count; i++)
		if (!feed->commands[i].has_id && !plan->has_id && str_eq(feed->commands[i].type, plan->type) &&
		    str_eq(feed->commands[i].attribute, plan->attribute))
			return yaml_tree_refuse(node, reader->err,
						"another command is for \"%.*s\" of every %.*s already",
						STR_FMT(plan->attribute), STR_FMT(plan->type));
	return ERR_OK;
}

enum err_code feed_read_commands(struct feed *feed, const struct mapping_reader *reader,
				 const struct yaml_tree *document)
{
	const struct yaml_tree *list = yaml_tree_get(document, STR("commands"));
	enum err_code code = ERR_OK;

	if (!list)
		return ERR_OK;
	if (!feed->kind->read_send)
		return yaml_tree_refuse(list, reader->err, "feeds of kind \"%s\" have no commands", feed->kind->name);
	if (list->kind != YAML_TREE_LIST || list->count == 0 || list->count > COMMANDS_MAX)
		return yaml_tree_refuse(list, reader->err, "expected a list of 1 to %u commands", COMMANDS_MAX);
	feed->commands = arena_array(&feed->arena, struct command_plan, list->count);
	if (!feed->commands)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < list->count && !code; i++) {
		struct command_plan *plan = &feed->commands[i];

		code = read_command(feed, reader, &list->items[i], plan);
		if (!code)
			code = check_alone(feed, reader, &list->items[i], plan);
		feed->command_count += !code;
	}
	return code;
}

/* ---- texts for devices ---- */

enum err_code feed_read_send_text(const struct mapping_reader *reader, const struct command_plan *plan,
				  const struct yaml_tree *map, const char *key, struct name_pattern *ret,
				  bool *ret_there)
{
	struct name_value values[NAME_PATTERN_NAMES_MAX + 2] = {{.name = STR("id")}, {.name = STR("value")}};
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));
	struct str text = STR_NONE, missing;
	size_t count = 2;
	enum err_code code = mapping_read_text(reader, map, key, &text);

	*ret_there = node != NULL;
	if (code || !node)
		return code;
	code = name_pattern_parse(text, false, reader->arena, ret, reader->err);
	if (code == ERR_LIMIT) {
		struct error cause = *reader->err;

		return yaml_tree_refuse(node, reader->err, "%s", cause.detail);
	}
	for (size_t i = 0; plan->has_id && i + 1 < plan->id.count; i++)
		values[count++].name = plan->id.pieces[i].name;
	missing = code ? STR_NONE : name_pattern_missing(ret, values, count);
	if (missing.at)
		return yaml_tree_refuse(
			node, reader->err,
			"\"{%.*s}\" is not a name in \"id\"; there are \"{id}\" and \"{value}\" as well",
			STR_FMT(missing));
	return code;
}

struct filling {
	const struct feed_command *command;
	bool is_json;
};

/* Does what was written end within a text of JSON? */
static bool in_quotes(const struct buf *out)
{
	bool quoted = false;

	for (size_t i = 0; i < out->len; i++) {
		if (out->at[i] == '\\' && quoted)
			i++;
		else if (out->at[i] == '"')
			quoted = !quoted;
	}
	return quoted;
}

static void put_escaped(struct buf *out, struct str text)
{
	size_t from = out->len;

	json_write_string(out, text);
	if (out->failed)
		return;
	memmove(out->at + from, out->at + from + 1, out->len - from - 2); /* without its quotes */
	out->len -= 2;
}

/* Words of "values" are texts in the document, whatever they look like. */
static bool is_quoted(const struct feed_command *command, struct str text)
{
	double number;

	if (command->plan->word_count == 0)
		return json_is(command->value, JSON_STRING);
	return !str_to_double(text, &number) && !str_eq(text, STR("true")) && !str_eq(text, STR("false")) &&
	       !str_eq(text, STR("null"));
}

static void put_value(void *self, struct buf *out, const struct name_value *value)
{
	const struct filling *filling = self;

	bool is_value = str_eq(value->name, STR("value"));

	if (filling->is_json && in_quotes(out))
		put_escaped(out, value->value);
	else if (filling->is_json && (!is_value || is_quoted(filling->command, value->value)))
		json_write_string(out, value->value);
	else
		buf_put(out, value->value);
}

bool feed_fill_send_text(const struct name_pattern *pattern, const struct feed_command *command, struct buf *out)
{
	struct str first = str_trim(pattern->pieces[0].literal);
	struct filling filling = {.command = command,
				  .is_json = first.len && (first.at[0] == '{' || first.at[0] == '[')};

	name_pattern_fill(pattern, command->values, command->value_count, put_value, &filling, out);
	return !out->failed;
}
