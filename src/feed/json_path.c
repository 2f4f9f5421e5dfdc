/* Paths to one place in a JSON document. */
#include "feed/json_path.h"

struct path_reader {
	struct str text;
	size_t at;
	struct arena *arena;
	struct json_path *path;
	struct error *err;
};

static enum err_code refuse(const struct path_reader *reader, const char *what)
{
	return err_set(reader->err, ERR_INVALID, "the path \"%.*s\" has %s at character %zu",
		       STR_FMT(str_part(reader->text, 0, 100)), what, reader->at + 1);
}

static char next(const struct path_reader *reader)
{
	return reader->at < reader->text.len ? reader->text.at[reader->at] : '\0';
}

static enum err_code add_step(struct path_reader *reader, struct json_path_step step)
{
	struct json_path *path = reader->path;

	if (path->count == JSON_PATH_STEPS_MAX)
		return refuse(reader, "too many steps");
	path->steps[path->count++] = step;
	return ERR_OK;
}

/* What stands up to the next "." or "[". */
static enum err_code take_name(struct path_reader *reader)
{
	size_t from = reader->at;

	while (reader->at < reader->text.len && next(reader) != '.' && next(reader) != '[' && next(reader) != ']')
		reader->at++;
	if (reader->at == from)
		return refuse(reader, "no name");
	return add_step(reader, (struct json_path_step){.name = str_part(reader->text, from, reader->at)});
}

/* 'a b' or "a b", with "\" before a quote or a "\" that is meant. */
static enum err_code take_quoted(struct path_reader *reader, struct str *ret)
{
	char quote = next(reader);
	char *name = arena_bytes(reader->arena, reader->text.len, 1);
	size_t len = 0;

	if (!name)
		return err_set(reader->err, ERR_MEMORY, "no memory for a path");
	for (reader->at++; reader->at < reader->text.len && next(reader) != quote; reader->at++) {
		if (next(reader) == '\\')
			reader->at++;
		name[len++] = next(reader);
	}
	if (next(reader) != quote || reader->at >= reader->text.len)
		return refuse(reader, "a quote that does not end");
	reader->at++;
	*ret = (struct str){name, len};
	return ERR_OK;
}

static enum err_code take_bracket(struct path_reader *reader)
{
	struct json_path_step step = {0};
	enum err_code code = ERR_OK;

	reader->at++;
	if (next(reader) == '\'' || next(reader) == '"') {
		code = take_quoted(reader, &step.name);
	} else {
		size_t from = reader->at;

		while (next(reader) == '-' || (next(reader) >= '0' && next(reader) <= '9'))
			reader->at++;
		if (!str_to_int64(str_part(reader->text, from, reader->at), &step.index))
			code = refuse(reader, "neither a number nor a name in quotes");
	}
	if (!code && next(reader) != ']')
		code = refuse(reader, "no \"]\"");
	reader->at++;
	return code ? code : add_step(reader, step);
}

enum err_code json_path_parse(struct str text, struct arena *arena, struct json_path *ret_path, struct error *err)
{
	struct json_path path = {.from_root = str_starts(text, STR("$"))};
	struct path_reader reader = {.text = text, .arena = arena, .path = &path, .err = err};
	enum err_code code = ERR_OK;

	if (path.from_root)
		reader.at++;
	else if (next(&reader) != '[')
		code = take_name(&reader);
	while (!code && reader.at < text.len) {
		if (next(&reader) == '[') {
			code = take_bracket(&reader);
		} else if (next(&reader) == '.') {
			reader.at++;
			code = take_name(&reader);
		} else {
			code = refuse(&reader, "neither \".\" nor \"[\"");
		}
	}
	if (!code)
		*ret_path = path;
	return code;
}

const struct json *json_path_find(const struct json_path *path, const struct json *document)
{
	const struct json *node = document;

	for (size_t i = 0; i < path->count && node; i++) {
		const struct json_path_step *step = &path->steps[i];

		if (step->name.at)
			node = json_get(node, step->name);
		else if (!json_is(node, JSON_ARRAY))
			node = NULL;
		else
			node = json_at(node,
				       (size_t)(step->index < 0 ? step->index + (int64_t)node->count : step->index));
	}
	return node;
}
