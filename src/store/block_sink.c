/* Filling blocks one after the other. */
#include "store/block_sink.h"

#include <stdlib.h>
#include <string.h>

#define SINK_SCRATCH_BYTES_MAX ((size_t)64 << 20)

enum err_code block_sink_init(struct block_sink *sink, struct error *err)
{
	*sink = (struct block_sink){0};
	arena_init(&sink->scratch, SINK_SCRATCH_BYTES_MAX);
	return series_builder_new(SINK_BLOCK_BYTES_MAX, &sink->builder, err);
}

void block_sink_clear(struct block_sink *sink)
{
	for (size_t i = 0; i < sink->count; i++)
		free(sink->blocks[i].bytes);
	sink->count = 0;
}

void block_sink_done(struct block_sink *sink)
{
	block_sink_clear(sink);
	free(sink->blocks);
	sink->blocks = NULL;
	sink->count = sink->room = 0;
	sink->builder = series_builder_free(sink->builder);
	sink->rollups = rollup_set_free(sink->rollups);
	arena_done(&sink->scratch);
}

static bool make_room(struct block_sink *sink)
{
	if (sink->count < sink->room)
		return true;
	size_t room = sink->room ? sink->room * 2 : 16;
	struct made_block *grown = realloc(sink->blocks, room * sizeof(*grown));

	if (!grown)
		return false;
	sink->blocks = grown;
	sink->room = room;
	return true;
}

static void widen(struct made_block *open, int64_t subject, int64_t at_us_min, int64_t at_us_max)
{
	if (!open->any)
		*open = (struct made_block){
			.any = true, .subject_min = subject, .at_us_min = at_us_min, .at_us_max = at_us_max};
	open->subject_max = subject;
	if (at_us_min < open->at_us_min)
		open->at_us_min = at_us_min;
	if (at_us_max > open->at_us_max)
		open->at_us_max = at_us_max;
}

static enum err_code flush_rollups(struct block_sink *sink, struct error *err)
{
	struct rollup_written written;

	if (!sink->rollups || rollup_set_is_empty(sink->rollups))
		return ERR_OK;
	enum err_code code = rollup_set_flush(sink->rollups, sink->builder, &written, err);

	if (code == ERR_OK && written.buckets > 0) {
		widen(&sink->open, sink->rollup_subject, written.from_us, written.to_us - 1);
		sink->open.buckets += written.buckets;
	}
	return code;
}

static enum err_code close_block(struct block_sink *sink, struct error *err)
{
	struct str bytes;
	enum err_code code = flush_rollups(sink, err);

	if (code)
		return code;
	if (!make_room(sink))
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	code = series_builder_finish(sink->builder, &bytes, err);
	if (code)
		return code;
	struct made_block *made = &sink->blocks[sink->count];

	*made = sink->open;
	made->bytes = malloc(bytes.len);
	if (!made->bytes)
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	memcpy(made->bytes, bytes.at, bytes.len);
	made->len = bytes.len;
	sink->count++;
	sink->open = (struct made_block){0};
	return ERR_OK;
}

/* A chunk was added. */
static enum err_code note(struct block_sink *sink, int64_t subject, int64_t at_us_min, int64_t at_us_max, size_t points,
			  struct error *err)
{
	widen(&sink->open, subject, at_us_min, at_us_max);
	sink->open.points += (int64_t)points;
	return series_builder_bytes(sink->builder) >= SINK_BLOCK_BYTES ? close_block(sink, err) : ERR_OK;
}

enum err_code block_sink_points(struct block_sink *sink, const struct packed_point *points, size_t count,
				const struct str *shapes, struct error *err)
{
	size_t try = count, added;

	while (count > 0) {
		if (try > count)
			try = count;
		enum err_code code = instance_pack(sink->builder, points, try, shapes, &sink->scratch, &added, err);

		if (code != ERR_OK && code != ERR_LIMIT)
			return code;
		if (added > 0) {
			enum err_code noted =
				note(sink, points->key.subject, points[0].at_us, points[added - 1].at_us, added, err);

			if (noted)
				return noted;
		} else if (sink->open.any) {
			enum err_code closed = close_block(sink, err);

			if (closed)
				return closed;
		} else if (try > 1) {
			try /= 2; /* texts that are too long together */
		} else {
			return code;
		}
		points += added;
		count -= added;
	}
	return ERR_OK;
}

enum err_code block_sink_roll_up(struct block_sink *sink, const struct block_rules *rules, struct error *err)
{
	sink->rules = rules;
	return rollup_set_new(&sink->rollups, err);
}

/* Roll-ups lie behind the chunks of their subject. */
static enum err_code turn_to(struct block_sink *sink, int64_t subject, struct error *err)
{
	enum err_code code = ERR_OK;

	if (sink->rollups && sink->rollup_subject != subject)
		code = flush_rollups(sink, err);
	sink->rollup_subject = subject;
	return code;
}

static enum err_code derive(struct block_sink *sink, const struct series_key *key, const struct series_points *points,
			    struct error *err)
{
	struct series_key of = *key;
	const struct store_rule *rule = NULL;

	if (!sink->rollups)
		return ERR_OK;
	enum err_code code = sink->rules->find(sink->rules->self, key, &of.name, &rule, err);

	return code || !rule ? code : rollup_set_derive(sink->rollups, &of, rule, points, err);
}

enum err_code block_sink_chunk(struct block_sink *sink, const struct series_key *key,
			       const struct series_points *points, struct error *err)
{
	enum err_code code = turn_to(sink, key->subject, err);

	if (code)
		return code;
	code = series_builder_add(sink->builder, key, points, err);
	if (code == ERR_LIMIT && series_builder_count(sink->builder) > 0) {
		code = close_block(sink, err);
		if (code == ERR_OK)
			code = series_builder_add(sink->builder, key, points, err);
	}
	if (code == ERR_OK)
		code = derive(sink, key, points, err);
	if (code)
		return code;
	return note(sink, key->subject, points->at_us[0], points->at_us[points->count - 1], points->count, err);
}

enum err_code block_sink_keep(struct block_sink *sink, const struct series_key *key, int64_t period_us, int64_t at_us,
			      struct series_sums **ret_sums, struct error *err)
{
	enum err_code code = turn_to(sink, key->subject, err);

	return code ? code : rollup_set_keep(sink->rollups, key, period_us, at_us, ret_sums, err);
}

enum err_code block_sink_finish(struct block_sink *sink, struct error *err)
{
	bool any = sink->open.any || (sink->rollups && !rollup_set_is_empty(sink->rollups));

	return any ? close_block(sink, err) : ERR_OK;
}
