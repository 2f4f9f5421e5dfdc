/* Modbus over TCP: requests of a client as bytes, and what a server's answer says.
 *
 * Source: MODBUS Application Protocol Specification V1.1b3 (clauses 4, 6 and 7), MODBUS Messaging on TCP/IP
 * Implementation Guide V1.0b (3.1.3). Pure. Thread: no state. */
#ifndef MACHI_MODBUS_FRAME_H
#define MACHI_MODBUS_FRAME_H

#include "base/error.h"
#include "base/str.h"

#define MODBUS_HEAD_BYTES 7u /* MBAP: transaction, protocol, length, unit */
#define MODBUS_FRAME_BYTES_MAX 260u
#define MODBUS_READ_REGISTERS_MAX 125u
#define MODBUS_READ_BITS_MAX 2000u
#define MODBUS_WRITE_REGISTERS_MAX 123u
#define MODBUS_WRITE_BITS_MAX 1968u
#define MODBUS_ADDRESSES 65536u /* of a table, from 0 */

enum modbus_table {
	MODBUS_COIL, /* bits that can be written */
	MODBUS_DISCRETE, /* bits, "discrete inputs" */
	MODBUS_HOLDING, /* registers of 16 bits that can be written */
	MODBUS_INPUT,
	MODBUS_TABLE_COUNT
};

const char *modbus_table_name(enum modbus_table table); /* "holding" */
bool modbus_table_has_bits(enum modbus_table table);
uint32_t modbus_read_max(enum modbus_table table); /* in one request */
uint32_t modbus_write_max(enum modbus_table table); /* 0: it cannot be written */

struct modbus_request {
	uint16_t transaction;
	uint8_t unit;
	enum modbus_table table;
	uint16_t address; /* as on the wire */
	uint16_t count; /* from 1 to modbus_read_max() or modbus_write_max(), all below MODBUS_ADDRESSES */
	bool writes;
	bool writes_list; /* function 15 or 16 also for a single one, which some servers insist on */
	const uint16_t *words; /* what is written, count of them; of bits 0 or 1 */
};

/* Into frame; how many bytes. */
size_t modbus_put_request(const struct modbus_request *request, char frame[static MODBUS_FRAME_BYTES_MAX]);

/* How long the first frame of what was received is; 0: not enough is there yet. ERR_INVALID: it is no Modbus, and
 * nothing behind it can be understood. */
MUST_CHECK enum err_code modbus_frame_bytes(struct str received, size_t *ret_bytes, struct error *err);
uint16_t modbus_frame_transaction(struct str frame);

/* What a whole frame answers. words gets request->count of what was read. *ret_exception: the server's code, and
 * nothing was read or written; 0: none. ERR_INVALID: it does not answer this request. */
MUST_CHECK enum err_code modbus_read_answer(const struct modbus_request *request, struct str frame, uint16_t *words,
					    uint8_t *ret_exception, struct error *err);

#define MODBUS_ILLEGAL_FUNCTION 1u
#define MODBUS_ILLEGAL_ADDRESS 2u
#define MODBUS_ILLEGAL_VALUE 3u
#define MODBUS_BUSY 6u
#define MODBUS_NO_PATH 10u
#define MODBUS_NO_ANSWER 11u
const char *modbus_exception_name(uint8_t exception); /* "illegal data address" */

#endif
