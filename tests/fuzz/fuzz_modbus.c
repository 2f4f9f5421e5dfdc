/* Modbus: whatever a peer answers, it is refused with a reason or is words as many as were asked for, and what these
 * mean is JSON; a value that is written and read back is the same.
 *
 * The input: a byte for the table, one for the type of value, one of flags, one for how many words; then what the peer
 * sends, frame behind frame. */
#include "demand.h"
#include "modbus/value.h"

#include <string.h>

#define HEAD_BYTES 4u
#define WORDS_LITTLE 1u
#define BYTES_LITTLE 2u
#define SCALED 4u
#define WRITES 8u
#define ONE_BIT 16u
#define ARENA_BYTES (8u << 20)
#define TEXT_BYTES_MAX 65536u

static struct modbus_value value_of(const uint8_t *head, enum modbus_table table, uint16_t count)
{
	struct modbus_value value = {.of_bits = modbus_table_has_bits(table), .scale = 1};

	value.type = value.of_bits ? (head[1] & 1 ? MODBUS_BITS : MODBUS_BOOL)
				   : (enum modbus_type)(head[1] % MODBUS_TYPE_COUNT);
	value.count = value.type == MODBUS_BOOL       ? 1
		      : modbus_type_words(value.type) ? modbus_type_words(value.type)
						      : count;
	value.words_little = head[2] & WORDS_LITTLE;
	value.bytes_little = head[2] & BYTES_LITTLE;
	value.bit = head[2] & ONE_BIT && !value.of_bits ? 15 : MODBUS_WHOLE_REGISTER;
	if (head[2] & SCALED) {
		value.scale = 0.1;
		value.offset = -40;
	}
	return value;
}

static void write_back(const struct modbus_value *value, const struct json *json)
{
	uint16_t words[MODBUS_READ_BITS_MAX] = {0}, again[MODBUS_READ_BITS_MAX] = {0};
	struct json_parser *parser = json_parser_new();
	struct json *back = NULL;
	struct arena arena;
	struct error err;
	struct buf text;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&text, TEXT_BYTES_MAX);
	if (modbus_value_take(value, json, words, &err) == ERR_OK) {
		modbus_value_put(value, words, &text);
		demand(json_parse(parser, &arena, buf_str(&text), NULL, &back, &err) == ERR_OK);
		if (back->kind != JSON_NULL) {
			demand(modbus_value_take(value, back, again, &err) == ERR_OK || value->scale != 1);
			demand(value->scale != 1 || memcmp(words, again, sizeof(words)) == 0);
		}
	}
	buf_done(&text);
	arena_done(&arena);
	(void)json_parser_free(parser);
}

static void look_at(const struct modbus_value *value, const uint16_t *words)
{
	struct json_parser *parser = json_parser_new();
	struct json *json = NULL;
	struct arena arena;
	struct error err;
	struct buf text;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&text, TEXT_BYTES_MAX);
	modbus_value_put(value, words, &text);
	demand(parser && json_parse(parser, &arena, buf_str(&text), NULL, &json, &err) == ERR_OK);
	write_back(value, json);
	buf_done(&text);
	arena_done(&arena);
	(void)json_parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t words[MODBUS_READ_BITS_MAX] = {0};
	char frame[MODBUS_FRAME_BYTES_MAX];
	size_t bytes = 0;
	struct error err;

	if (size < HEAD_BYTES)
		return 0;
	enum modbus_table table = (enum modbus_table)(data[0] % MODBUS_TABLE_COUNT);
	bool writes = data[2] & WRITES && modbus_write_max(table) > 0;
	uint16_t count = (uint16_t)(data[3] % (writes ? modbus_write_max(table) : modbus_read_max(table)) + 1);
	struct modbus_value value = value_of(data, table, count);
	const struct modbus_request request = {
		.transaction = 1, .unit = 1, .table = table, .count = value.count, .writes = writes, .words = words};
	struct str rest = {(const char *)data + HEAD_BYTES, size - HEAD_BYTES};

	demand(modbus_frame_bytes((struct str){frame, modbus_put_request(&request, frame)}, &bytes, &err) == ERR_OK);
	demand(bytes >= MODBUS_HEAD_BYTES + 5);
	while (modbus_frame_bytes(rest, &bytes, &err) == ERR_OK && bytes > 0) {
		uint8_t exception = 0;

		demand(bytes <= rest.len && bytes <= MODBUS_FRAME_BYTES_MAX);
		if (modbus_read_answer(&request, str_part(rest, 0, bytes), words, &exception, &err) != ERR_OK)
			demand(err.detail[0] != '\0');
		else if (!exception && !writes)
			look_at(&value, words);
		rest = str_part(rest, bytes, rest.len);
	}
	return 0;
}
