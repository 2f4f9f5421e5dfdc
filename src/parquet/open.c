/* A Parquet file opened: its end says where everything is. */
#include "base/cleanup.h"
#include "parquet/parquet_read_int.h"

#include <stdlib.h>

#define MAGIC STR("PAR1")
#define TAIL_BYTES 8u /* the footer's length, and the magic word */
#define LAYOUT_BYTES_MAX ((size_t)256 << 20)

DEFINE_CLEANUP(struct parquet *, parquet);

struct parquet *parquet_free(struct parquet *parquet)
{
	if (!parquet)
		return NULL;
	for (size_t i = 0; parquet->cursors && i < parquet->layout.field_count; i++)
		parquet_cursor_done(&parquet->cursors[i]);
	free(parquet->cursors);
	arena_done(&parquet->arena);
	free(parquet);
	return NULL;
}

static enum err_code read_tail(const struct parquet_source *source, uint32_t *ret_bytes, struct error *err)
{
	char tail[TAIL_BYTES];

	if (source->bytes < TAIL_BYTES + MAGIC.len)
		return err_set(err, ERR_INVALID, "it is no Parquet file");
	if (!source->read(source->self, source->bytes - TAIL_BYTES, tail, TAIL_BYTES))
		return err_set(err, ERR_IO, "it cannot be read");
	struct str magic = {tail + 4, MAGIC.len};

	if (str_eq(magic, STR("PARE")))
		return err_set(err, ERR_UNSUPPORTED, "it is encrypted");
	if (!str_eq(magic, MAGIC))
		return err_set(err, ERR_INVALID, "it is no Parquet file, or not whole");
	uint32_t bytes = (uint32_t)(uint8_t)tail[0] | (uint32_t)(uint8_t)tail[1] << 8 |
			 (uint32_t)(uint8_t)tail[2] << 16 | (uint32_t)(uint8_t)tail[3] << 24;

	if (bytes > source->bytes - TAIL_BYTES - MAGIC.len)
		return err_set(err, ERR_INVALID, "it is no Parquet file, or not whole");
	if (bytes > PARQUET_FOOTER_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "it says more than %u bytes of itself", PARQUET_FOOTER_BYTES_MAX);
	*ret_bytes = bytes;
	return ERR_OK;
}

static enum err_code read_layout(struct parquet *parquet, struct error *err)
{
	const struct parquet_source *source = &parquet->source;
	uint32_t bytes = 0;
	enum err_code code = read_tail(source, &bytes, err);

	if (code)
		return code;
	char *footer = arena_bytes(&parquet->arena, bytes, 0);

	if (!footer)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	if (!source->read(source->self, source->bytes - TAIL_BYTES - bytes, footer, bytes))
		return err_set(err, ERR_IO, "it cannot be read");
	return parquet_read_footer((struct str){footer, bytes}, source->bytes, &parquet->arena, &parquet->layout, err);
}

enum err_code parquet_open(const struct parquet_source *source, struct parquet **ret_parquet, struct error *err)
{
	CLEANUP(parquet) struct parquet *parquet = calloc(1, sizeof(*parquet));

	if (!parquet)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	parquet->source = *source;
	arena_init(&parquet->arena, LAYOUT_BYTES_MAX);
	enum err_code code = read_layout(parquet, err);

	if (code)
		return code;
	parquet->cursors = calloc(parquet->layout.field_count, sizeof(*parquet->cursors));
	if (!parquet->cursors)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	*ret_parquet = TAKE(parquet);
	return ERR_OK;
}

size_t parquet_column_count(const struct parquet *parquet)
{
	return parquet->layout.field_count;
}

struct str parquet_column(const struct parquet *parquet, size_t index)
{
	return parquet->layout.fields[index].name;
}

uint64_t parquet_row_count(const struct parquet *parquet)
{
	return parquet->layout.rows;
}
