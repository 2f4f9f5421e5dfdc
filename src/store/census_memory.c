/* The census of the memory store: counted anew from all committed documents at every question. */
#include "store/census_int.h"
#include "store/memory_int.h"

#include "ngsild/expiry.h"

#define CENSUS_DOCUMENT_BYTES_MAX ((size_t)256 << 20)

struct counting {
	struct json_parser *parser;
	struct arena arena; /* of one document */
	struct census census;
	int64_t expired_us;
	enum err_code code;
	struct error *err;
};

static bool count_document(void *self, struct str bytes)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct counting *counting = self;
	struct json *entity;

	arena_clear(&counting->arena);
	counting->code = json_parse(counting->parser, &counting->arena, bytes, &options, &entity, counting->err);
	if (counting->code == ERR_OK && expiry_is_over(entity, counting->expired_us))
		return true;
	if (counting->code == ERR_OK)
		(void)expiry_hide(entity, counting->expired_us);
	if (counting->code == ERR_OK)
		counting->code = census_change(&counting->census, NULL, entity, counting->err);
	return counting->code == ERR_OK;
}

static bool is_asked_for(const struct census_question *question, const struct census_key *key)
{
	switch (question->part) {
	case CENSUS_TOTALS:
		return !key->within;
	case CENSUS_ALL:
		return true;
	case CENSUS_OF_TYPE:
		if (key->within)
			return str_eq(key->within->iri, question->iri);
		return key->kind == CENSUS_ENTITY && str_eq(key->name->iri, question->iri);
	case CENSUS_OF_ATTRIBUTE:
		return key->kind != CENSUS_ENTITY && str_eq(key->name->iri, question->iri);
	}
	return false;
}

enum err_code memory_census(struct store_snapshot *snapshot, const struct census_question *question,
			    bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err)
{
	const struct narrow everything = {.type_count = 0};
	struct counting counting = {.parser = json_parser_new(), .expired_us = question->expired_us, .err = err};
	uint64_t count;

	if (!counting.parser)
		return err_set(err, ERR_MEMORY, "no memory for a parser");
	census_init(&counting.census);
	arena_init(&counting.arena, CENSUS_DOCUMENT_BYTES_MAX);
	enum err_code code = memory_scan(snapshot, &everything, count_document, &counting, &count, err);

	if (code == ERR_OK)
		code = counting.code;
	for (const struct census_cell *cell = counting.census.first; code == ERR_OK && cell; cell = cell->next) {
		const struct census_row row = {.within_iri = cell->key.within ? cell->key.within->iri : STR_NONE,
					       .name_iri = cell->key.name->iri,
					       .kind = (enum census_kind)cell->key.kind,
					       .count = (uint64_t)(cell->sum + cell->now)};

		if (is_asked_for(question, &cell->key) && !visit(self, &row))
			break;
	}
	census_done(&counting.census);
	arena_done(&counting.arena);
	(void)json_parser_free(counting.parser);
	return code;
}
