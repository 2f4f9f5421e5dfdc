/* Requests to bytes, bytes to answers. */
#include "modbus/frame.h"

#include <assert.h>

#define PROTOCOL 0u
#define LENGTH_AT 4u /* of the head: counts what stands behind it, the unit included */
#define FUNCTION_AT 7u
#define DATA_AT 8u
#define EXCEPTION_BIT 0x80u
#define COIL_ON 0xFF00u /* clause 6.5 */

static const struct {
	const char *name;
	uint8_t reads, writes_one, writes_list; /* functions; 0: there is none */
} tables[MODBUS_TABLE_COUNT] = {
	[MODBUS_COIL] = {"coil", 1, 5, 15},
	[MODBUS_DISCRETE] = {"discrete", 2, 0, 0},
	[MODBUS_HOLDING] = {"holding", 3, 6, 16},
	[MODBUS_INPUT] = {"input", 4, 0, 0},
};

const char *modbus_table_name(enum modbus_table table)
{
	return tables[table].name;
}

bool modbus_table_has_bits(enum modbus_table table)
{
	return table == MODBUS_COIL || table == MODBUS_DISCRETE;
}

uint32_t modbus_read_max(enum modbus_table table)
{
	return modbus_table_has_bits(table) ? MODBUS_READ_BITS_MAX : MODBUS_READ_REGISTERS_MAX;
}

uint32_t modbus_write_max(enum modbus_table table)
{
	return table == MODBUS_COIL ? MODBUS_WRITE_BITS_MAX : table == MODBUS_HOLDING ? MODBUS_WRITE_REGISTERS_MAX : 0;
}

const char *modbus_exception_name(uint8_t exception)
{
	static const char *const names[] = {
		[1] = "illegal function",
		[2] = "illegal data address",
		[3] = "illegal data value",
		[4] = "server device failure",
		[5] = "acknowledge",
		[6] = "server device busy",
		[8] = "memory parity error",
		[10] = "gateway path unavailable",
		[11] = "gateway target device failed to respond",
	};
	const char *name = exception < sizeof(names) / sizeof(names[0]) ? names[exception] : NULL;

	return name ? name : "an exception that Modbus does not know";
}

/* ---- requests ---- */

static char *put_16(char *at, uint32_t value)
{
	*at++ = (char)(unsigned char)(value >> 8);
	*at++ = (char)(unsigned char)value;
	return at;
}

static bool writes_one(const struct modbus_request *request)
{
	return request->writes && request->count == 1 && !request->writes_list;
}

static uint8_t function_of(const struct modbus_request *request)
{
	return !request->writes      ? tables[request->table].reads
	       : writes_one(request) ? tables[request->table].writes_one
				     : tables[request->table].writes_list;
}

static char *put_bits(char *at, const struct modbus_request *request)
{
	uint32_t bytes = (request->count + 7u) / 8;

	*at++ = (char)(unsigned char)bytes;
	memset(at, 0, bytes);
	for (uint32_t i = 0; i < request->count; i++)
		if (request->words[i])
			at[i / 8] = (char)(unsigned char)((unsigned char)at[i / 8] | 1u << i % 8);
	return at + bytes;
}

static char *put_list(char *at, const struct modbus_request *request)
{
	at = put_16(at, request->count);
	if (modbus_table_has_bits(request->table))
		return put_bits(at, request);
	*at++ = (char)(unsigned char)(request->count * 2u);
	for (uint32_t i = 0; i < request->count; i++)
		at = put_16(at, request->words[i]);
	return at;
}

size_t modbus_put_request(const struct modbus_request *request, char frame[static MODBUS_FRAME_BYTES_MAX])
{
	char *at = frame;

	assert(request->count >= 1 && request->address + (uint32_t)request->count <= MODBUS_ADDRESSES);
	assert(request->count <=
	       (request->writes ? modbus_write_max(request->table) : modbus_read_max(request->table)));
	at = put_16(at, request->transaction);
	at = put_16(at, PROTOCOL);
	at = put_16(at, 0); /* the length, once it is known */
	*at++ = (char)request->unit;
	*at++ = (char)function_of(request);
	at = put_16(at, request->address);
	if (writes_one(request))
		at = put_16(at, request->table == MODBUS_HOLDING ? request->words[0] : request->words[0] ? COIL_ON : 0);
	else if (request->writes)
		at = put_list(at, request);
	else
		at = put_16(at, request->count);
	size_t bytes = (size_t)(at - frame);

	(void)put_16(frame + LENGTH_AT, (uint32_t)bytes - LENGTH_AT - 2);
	return bytes;
}

/* ---- answers ---- */

static uint8_t get_8(struct str bytes, size_t at)
{
	return (uint8_t)bytes.at[at];
}

static uint16_t get_16(struct str bytes, size_t at)
{
	return (uint16_t)(get_8(bytes, at) << 8 | get_8(bytes, at + 1));
}

static uint16_t get_bit(struct str bytes, size_t at, size_t bit)
{
	return get_8(bytes, at + bit / 8) >> bit % 8 & 1;
}

enum err_code modbus_frame_bytes(struct str received, size_t *ret_bytes, struct error *err)
{
	*ret_bytes = 0;
	if (received.len >= LENGTH_AT && get_16(received, 2) != PROTOCOL)
		return err_set(err, ERR_INVALID, "what answers does not speak Modbus: protocol %u",
			       (unsigned int)get_16(received, 2));
	if (received.len < MODBUS_HEAD_BYTES)
		return ERR_OK;
	size_t bytes = get_16(received, LENGTH_AT) + LENGTH_AT + 2u;

	if (bytes < DATA_AT || bytes > MODBUS_FRAME_BYTES_MAX)
		return err_set(err, ERR_INVALID, "what answers does not speak Modbus: a frame of %zu bytes", bytes);
	if (received.len >= bytes)
		*ret_bytes = bytes;
	return ERR_OK;
}

uint16_t modbus_frame_transaction(struct str frame)
{
	return get_16(frame, 0);
}

static enum err_code read_values(const struct modbus_request *request, struct str data, uint16_t *words,
				 struct error *err)
{
	bool has_bits = modbus_table_has_bits(request->table);
	size_t bytes = has_bits ? (request->count + 7u) / 8 : request->count * 2u;

	if (data.len != bytes + 1 || get_8(data, 0) != bytes)
		return err_set(err, ERR_INVALID, "an answer of %zu bytes of values in place of %zu",
			       data.len ? data.len - 1 : 0, bytes);
	for (uint32_t i = 0; i < request->count; i++)
		words[i] = has_bits ? get_bit(data, 1, i) : get_16(data, 1 + (size_t)i * 2);
	return ERR_OK;
}

/* A write is answered with what the request began with: address, and value or count. */
static enum err_code read_echo(const struct modbus_request *request, struct str data, struct error *err)
{
	char frame[MODBUS_FRAME_BYTES_MAX];

	(void)modbus_put_request(request, frame);
	if (!str_eq(data, (struct str){frame + DATA_AT, 4}))
		return err_set(err, ERR_INVALID, "a write is answered as another one");
	return ERR_OK;
}

enum err_code modbus_read_answer(const struct modbus_request *request, struct str frame, uint16_t *words,
				 uint8_t *ret_exception, struct error *err)
{
	uint8_t asked = function_of(request);

	assert(frame.len >= DATA_AT);
	if (get_16(frame, 0) != request->transaction || get_8(frame, LENGTH_AT + 2) != request->unit)
		return err_set(err, ERR_INVALID, "an answer of unit %u, transaction %u, in place of unit %u, %u",
			       (unsigned int)get_8(frame, LENGTH_AT + 2), (unsigned int)get_16(frame, 0),
			       (unsigned int)request->unit, (unsigned int)request->transaction);
	uint8_t function = get_8(frame, FUNCTION_AT);
	struct str data = str_part(frame, DATA_AT, frame.len);

	if (function == (asked | EXCEPTION_BIT) && data.len == 1 && get_8(data, 0) != 0) {
		*ret_exception = get_8(data, 0);
		return ERR_OK;
	}
	if (function != asked)
		return err_set(err, ERR_INVALID, "an answer to function %u in place of %u", (unsigned int)function,
			       (unsigned int)asked);
	enum err_code code = request->writes ? read_echo(request, data, err) : read_values(request, data, words, err);

	if (!code)
		*ret_exception = 0;
	return code;
}
