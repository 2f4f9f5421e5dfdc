/* The files of a GTFS feed out of the store: each type's entities in the order in which they were created, one snapshot
 * of all. Rows pass through a buffer of bounded size into the zip; nothing but that is as long as the feed. */
#include "feed/gtfs_export_int.h"

#include "ngsild/document.h"

#include <stdint.h>

#define DOCUMENT_BYTES_MAX ((size_t)256 << 20) /* of one entity, with what is made of it */
#define ROWS_BYTES_MAX ((size_t)256 << 20) /* of one entity, such as a long shape */
#define ROWS_BYTES ((size_t)1 << 20) /* that go into the zip at once */

struct export
{
	struct gtfs_out out;
	struct gtfs_zip *zip;
	const struct gtfs_watch *watch;
	struct json_parser *parser;
	const struct gtfs_out_file *file;
	enum gtfs_type type;
	struct str prefix;
	bool open; /* the file has been begun */
	bool any; /* something of the feed was there */
	enum err_code code;
	struct error *err;
};

static enum err_code open_file(struct export *export, struct error *err)
{
	enum err_code code = gtfs_zip_file(export->zip, export->file->name, err);

	if (!code)
		code = gtfs_zip_put(export->zip, str_from(export->file->header), err);
	export->open = true;
	return code ? code : gtfs_zip_put(export->zip, STR("\r\n"), err);
}

static enum err_code flush(struct export *export, struct error *err)
{
	enum err_code code = buf_check(&export->out.rows, "rows of a feed", err);

	if (!code && !export->open && export->out.rows.len)
		code = open_file(export, err);
	if (!code)
		code = gtfs_zip_put(export->zip, buf_str(&export->out.rows), err);
	buf_clear(&export->out.rows);
	return code;
}

static bool visit(void *self, struct json *entity)
{
	struct export *export = self;

	export->code = gtfs_watch_ask(export->watch, export->err);
	if (export->code || !str_starts(document_id(entity), export->prefix))
		return !export->code;
	export->any = true;
	export->file->put(&export->out, export->type, entity);
	if (export->out.rows.len >= ROWS_BYTES || export->out.rows.failed)
		export->code = flush(export, export->err);
	return !export->code;
}

static enum err_code write_type(struct export *export, struct store_reader *reader, enum gtfs_type type,
				struct arena *names, struct error *err)
{
	export->type = type;
	export->prefix = gtfs_urn_prefix(names, gtfs_type_name(type), export->out.feed);
	export->code = ERR_OK;
	export->err = err;
	struct narrow narrow = {.id_prefix = export->prefix};
	const struct store_tree_sight sight = {
		.visit = visit, .self = export, .parser = export->parser, .arena = &export->out.arena};
	enum err_code code = export->prefix.at ? store_scan_trees(reader, &narrow, &sight, err)
					       : err_set(err, ERR_MEMORY, "no memory to write a feed");

	return code ? code : export->code;
}

static enum err_code write_file(struct export *export, struct store_reader *reader, const struct gtfs_out_file *file,
				struct arena *names, struct error *err)
{
	enum err_code code = ERR_OK;

	export->file = file;
	export->open = false;
	for (size_t i = 0; i < 3 && file->types[i] != GTFS_TYPE_COUNT && !code; i++)
		code = write_type(export, reader, file->types[i], names, err);
	if (!code)
		code = flush(export, err);
	if (!code && file->required && !export->open)
		code = open_file(export, err);
	return code;
}

static enum err_code write_files(struct export *export, struct store_reader *reader, struct arena *names,
				 struct error *err)
{
	enum err_code code = store_hold(reader, err);

	if (code)
		return code;
	for (size_t i = 0; i < GTFS_OUT_FILES && !code; i++)
		code = write_file(export, reader, &gtfs_out_files[i], names, err);
	store_release(reader);
	if (!code && !export->any)
		code = err_set(err, ERR_NOT_FOUND, "no GTFS feed \"%.*s\" was imported", STR_FMT(export->out.feed));
	return code ? code : gtfs_zip_close(export->zip, err);
}

enum err_code gtfs_export(struct store_reader *reader, struct str feed, const struct gtfs_watch *watch, struct buf *zip,
			  struct error *err)
{
	struct export export = {.out = {.feed = feed}, .watch = watch};
	struct arena names;
	enum err_code code = gtfs_check_feed_name(feed, err);

	if (code)
		return code;
	arena_init(&names, 65536);
	arena_init(&export.out.arena, DOCUMENT_BYTES_MAX);
	buf_init(&export.out.rows, ROWS_BYTES_MAX);
	export.parser = json_parser_new();
	code = export.parser ? gtfs_zip_new(zip, &export.zip, err)
			     : err_set(err, ERR_MEMORY, "no memory to write a feed");
	if (!code)
		code = write_files(&export, reader, &names, err);
	(void)gtfs_zip_free(export.zip);
	(void)json_parser_free(export.parser);
	buf_done(&export.out.rows);
	arena_done(&export.out.arena);
	arena_done(&names);
	return code;
}
