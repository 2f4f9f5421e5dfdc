/* What registers and bits mean: numbers, texts and switches, to JSON and back.
 *
 * Modbus itself knows words of 16 bits only, the high byte first; in which order two of them make a number is the
 * manufacturer's choice. Pure. Thread: no state. */
#ifndef MACHI_MODBUS_VALUE_H
#define MACHI_MODBUS_VALUE_H

#include "modbus/frame.h"
#include "json/json.h"

enum modbus_type {
	MODBUS_INT16,
	MODBUS_UINT16,
	MODBUS_INT32,
	MODBUS_UINT32,
	MODBUS_INT64,
	MODBUS_UINT64,
	MODBUS_FLOAT32,
	MODBUS_FLOAT64,
	MODBUS_BOOL, /* a bit of a table of bits; of a register: is it other than 0, or one of its bits */
	MODBUS_BITS, /* an array of booleans: bits in the order of addresses, those of a register from the lowest */
	MODBUS_STRING, /* two characters a register, the first in the high byte; a NUL or blanks end it */
	MODBUS_TYPE_COUNT
};

#define MODBUS_WHOLE_REGISTER (-1)

struct modbus_value {
	enum modbus_type type;
	uint16_t count; /* of registers, or bits of a table of bits: as modbus_type_words() where that is not 0 */
	bool of_bits; /* it lies in a table of bits: MODBUS_BOOL or MODBUS_BITS */
	bool words_little; /* the first register is the lowest part of a number */
	bool bytes_little; /* the low byte of a register comes first */
	int bit; /* of MODBUS_BOOL in a register: 0 the lowest, or MODBUS_WHOLE_REGISTER */
	double scale, offset; /* of numbers: value = raw × scale + offset; scale is not 0 */
};

const char *modbus_type_name(enum modbus_type type); /* "int16" */
uint16_t modbus_type_words(enum modbus_type type); /* registers of one value; 0: as many as are said */
bool modbus_type_is_number(enum modbus_type type);

/* The value of value->count words (of bits: each 0 or 1) as JSON. null: not a number, infinite, or a text that is no
 * UTF-8. Whole numbers are exact; those that are scaled have at most 15 digits, so that 3 × 0.1 is 0.3. */
void modbus_value_put(const struct modbus_value *value, const uint16_t *words, struct buf *out);

/* The way back, of numbers, booleans of whole registers or tables of bits, and texts: the words that mean it.
 * ERR_INVALID says what it must be. A number is rounded to the nearest that the type has. */
MUST_CHECK enum err_code modbus_value_take(const struct modbus_value *value, const struct json *json, uint16_t *words,
					   struct error *err);

#endif
