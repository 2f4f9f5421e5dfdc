/* The peer of bench_json.c: simdjson's DOM parser, as its documentation says to use it. */
#include <simdjson.h>

extern "C" {
void peer_open(void);
void peer_close(void);
size_t peer_dom_parse(const char *text, size_t len);
}

static simdjson::dom::parser *parser;

void peer_open(void)
{
	parser = new simdjson::dom::parser;
}

void peer_close(void)
{
	delete parser;
}

size_t peer_dom_parse(const char *text, size_t len)
{
	simdjson::dom::object object;

	return parser->parse(text, len).get(object) == simdjson::SUCCESS ? object.size() : 0;
}
