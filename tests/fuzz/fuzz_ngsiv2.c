/* Entities of NGSIv2: the first byte chooses the representation, the rest is JSON. Whatever is converted is what
 * NGSI-LD allows, by the rules that clients are held against; it has an id that is a URI. */
#include "feed/ngsiv2.h"
#include "ngsild/context.h"
#include "ngsild/expand.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct context *context;
	static struct json_parser *parser;
	struct json *given = NULL, *entity = NULL, *expanded = NULL;
	struct arena arena;
	struct error err;

	if (size == 0 || (!parser && !(parser = json_parser_new())) ||
	    (!context && context_core_new(&context, &err) != ERR_OK))
		return 0;
	const struct ngsiv2_options options = {
		.time_name = STR("TimeInstant"), .service_path = STR("/Madrid/1/a-b"), .simplified = data[0] & 1};
	const struct expand_options expansion = {.context = context, .now_us = 1};

	arena_init(&arena, 16 << 20);
	if (json_parse(parser, &arena, (struct str){(const char *)data + 1, size - 1}, NULL, &given, &err) == ERR_OK) {
		(void)ngsiv2_looks_simplified(given);
		if (ngsiv2_to_ngsild(&arena, given, &options, &entity, &err) == ERR_OK) {
			enum err_code code = expand_entity(&arena, entity, &expansion, &expanded, &err);

			assert(code == ERR_OK || code == ERR_MEMORY || code == ERR_LIMIT);
			assert(expand_is_uri(json_text(json_get(entity, STR("id")))));
		}
	}
	arena_done(&arena);
	return 0;
}
