/* Reads a city's history by the store's promises, for a scenario to compare with what it did: history DATABASE FROM_US.
 * Standard input: lines of an entity's id and an attribute's IRI, with a blank between. Standard output, for each of
 * them a line of JSON: what the entity's document says of the attribute now (null: nothing), and its points from
 * FROM_US on, each as what happened (0 created, 1 updated, 2 deleted) and the value. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX ((size_t)16 << 20)

struct printer {
	struct json_parser *parser;
	struct arena arena;
	struct buf line;
	bool first;
	struct error err;
};

static void print_value(struct printer *printer, const struct json *instance)
{
	const struct json *value = json_get(instance, STR("value"));

	if (value)
		json_write(&printer->line, value);
	else
		buf_put(&printer->line, STR("null"));
}

static bool print_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct printer *printer = self;
	struct json *instance;

	(void)at_us;
	if (json_parse(printer->parser, &printer->arena, bytes, NULL, &instance, &printer->err) != ERR_OK)
		return false;
	buf_printf(&printer->line, printer->first ? "[%d," : ",[%d,", (int)kind);
	print_value(printer, instance);
	buf_put_char(&printer->line, ']');
	printer->first = false;
	return true;
}

static enum err_code print_now(struct printer *printer, struct store_reader *reader, struct str id, struct str iri)
{
	struct json *entity = NULL;
	struct str bytes;
	enum err_code code = store_get(reader, id, &printer->arena, &bytes, NULL);

	if (code == ERR_OK)
		code = json_parse(printer->parser, &printer->arena, bytes, NULL, &entity, &printer->err);
	if (code && code != ERR_NOT_FOUND)
		return err_set(&printer->err, code, "%.*s cannot be read", STR_FMT(id));
	print_value(printer, entity ? json_at(json_get(entity, iri), 0) : NULL);
	return ERR_OK;
}

static enum err_code print_series(struct printer *printer, struct store_reader *reader, struct str id, struct str iri,
				  int64_t from_us)
{
	buf_clear(&printer->line);
	arena_clear(&printer->arena);
	printer->first = true;
	printer->err = (struct error){.code = ERR_OK};
	buf_put(&printer->line, STR("{\"now\":"));
	enum err_code code = print_now(printer, reader, id, iri);

	buf_put(&printer->line, STR(",\"points\":["));
	if (code == ERR_OK)
		code = store_history(reader, id, iri, STR_NONE, from_us, INT64_MAX, print_point, printer,
				     &printer->err);
	buf_put(&printer->line, STR("]}\n"));
	return code ? code : printer->err.code;
}

static enum err_code run(struct printer *printer, struct store_reader *reader, int64_t from_us)
{
	CLEANUP_MEMORY char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0) {
		struct str text = str_trim((struct str){line, (size_t)len});
		size_t blank = 0;

		if (!str_find(text, ' ', &blank))
			return err_set(&printer->err, ERR_INVALID, "no blank in \"%.*s\"", STR_FMT(text));
		enum err_code code = print_series(printer, reader, str_part(text, 0, blank),
						  str_part(text, blank + 1, text.len), from_us);

		if (code)
			return code;
		struct str out = buf_str(&printer->line);

		(void)fwrite(out.at, 1, out.len, stdout);
	}
	return ERR_OK;
}

int main(int argc, char **argv)
{
	struct printer printer = {.parser = json_parser_new()};
	struct store_reader *reader = NULL;
	struct store *store = NULL;
	struct store_options options = {.path = argc == 3 ? argv[1] : NULL, .read_only = true};
	int64_t from_us;

	if (argc != 3 || !printer.parser || !str_to_int64(str_from(argv[2]), &from_us)) {
		(void)fprintf(stderr, "usage: history DATABASE FROM_US\n");
		return 64;
	}
	arena_init(&printer.arena, ARENA_BYTES_MAX);
	buf_init(&printer.line, LINE_BYTES_MAX);
	enum err_code code = store_sqlite_open(&options, &store, &printer.err);

	if (code == ERR_OK)
		code = store_reader_new(store, &reader, &printer.err);
	if (code == ERR_OK)
		code = run(&printer, reader, from_us);
	if (code)
		(void)fprintf(stderr, "history: %s\n", printer.err.detail);
	(void)store_reader_free(reader);
	(void)store_free(store);
	buf_done(&printer.line);
	arena_done(&printer.arena);
	(void)json_parser_free(printer.parser);
	return code ? EXIT_FAILURE : EXIT_SUCCESS;
}
