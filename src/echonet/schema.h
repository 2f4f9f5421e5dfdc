/* What the properties of ECHONET Lite objects mean: names, units, scales, words.
 *
 * Source: "APPENDIX Detailed Requirements for ECHONET Device Objects" (releases A to R) and its Machine Readable
 * Appendix (MRA). Names are the MRA's short names, those of the parts of a value joined to them; the identification
 * number, which is "id" there, is identificationNumber. Units are codes of UN/CEFACT Recommendation 20. What a
 * property's range leaves out are its codes for no data, no setting, overflow and underflow: such a value is none.
 * Pure: any thread. */
#ifndef MACHI_ECHONET_SCHEMA_H
#define MACHI_ECHONET_SCHEMA_H

#include "base/time_value.h"
#include "echonet/frame.h"

#define ECHONET_NAME_BYTES 72u /* of a value's name, its NUL included */
#define ECHONET_VALUES_MAX 4u /* of one property */
#define ECHONET_FACTORS_MAX 12u /* properties of an object that others are multiplied by */
#define ECHONET_VALUE_CHARS 68u /* of a text that is made here */

enum echonet_form {
	ECHONET_UNSIGNED,
	ECHONET_SIGNED,
	ECHONET_STATE, /* a word */
	ECHONET_SWITCH, /* a state whose words are true and false */
	ECHONET_TEXT, /* ASCII */
	ECHONET_BYTES, /* as hexadecimal text */
	ECHONET_DATE, /* "YYYY-MM-DD" */
	ECHONET_POWER, /* a code for a power of ten: 0 to 6 for 1 to 0.000001, 0A to 0D for 10 to 10,000 */
};

/* How often a property is worth asking for. */
enum echonet_pace {
	ECHONET_OFTEN, /* what changes by itself */
	ECHONET_SELDOM, /* what a device is, and how it is set up */
};

struct echonet_word {
	uint8_t code;
	const char *word; /* NULL: the end */
};

/* A value of a property. A property with several has several fields in a row. */
struct echonet_field {
	const char *name; /* "#" stands for the number of the property from epc on, from 1 */
	const char *unit; /* NULL: none */
	const struct echonet_word *words; /* of states */
	int64_t min, max; /* of numbers, as they are sent */
	uint8_t epc, epc_last; /* 0: epc alone */
	uint8_t bytes; /* of the whole EDT; 0: of any length from at + size on */
	uint8_t at, size; /* of the value in it; size 0: to the end */
	uint8_t form, pace;
	int16_t exponent; /* of ten */
	bool timed; /* the date and time of the measurement stand at the beginning of the EDT */
	uint8_t factors[3]; /* properties of the object that it is multiplied by; 0: none */
};

struct echonet_class {
	uint16_t code; /* class group and class */
	const char *name; /* English, of the appendix */
	const char *short_name; /* of the MRA */
	const struct echonet_field *fields;
	size_t field_count;
};

/* NULL: a class without a table here. What all device objects have is in echonet_class_common(). */
const struct echonet_class *echonet_class_find(uint16_t code);
const struct echonet_class *echonet_class_common(void); /* the device object super class */
const struct echonet_class *echonet_class_node(void); /* the node profile */
/* Visits all but the two above. */
const struct echonet_class *echonet_class_at(size_t index); /* NULL: behind the last */

/* The first field of a property, of the class or of what all objects of its kind have; *ret_count: how many there are
 * in a row. NULL: the property is not known. */
const struct echonet_field *echonet_fields_of(uint16_t class_code, uint8_t epc, size_t *ret_count);
/* How long the property's EDT is expected to be, for requests that are to fit. */
size_t echonet_expected_bytes(uint16_t class_code, uint8_t epc);
/* The properties that the class has a field for, of this pace. */
struct echonet_epcs echonet_known(uint16_t class_code, enum echonet_pace pace);

/* ---- reading ---- */

/* What an object has said of its factors: value × 10^exponent each. */
struct echonet_factors {
	uint8_t count;
	struct {
		uint8_t epc;
		int16_t exponent;
		int32_t value;
	} at[ECHONET_FACTORS_MAX];
};

/* Keeps the property if others of the class are multiplied by it. */
void echonet_factors_note(struct echonet_factors *factors, uint16_t class_code,
			  const struct echonet_property *property);

struct echonet_value {
	const struct echonet_field *field;
	char name[ECHONET_NAME_BYTES];
	bool boolean; /* ECHONET_SWITCH */
	double number; /* ECHONET_UNSIGNED, _SIGNED, _POWER */
	struct str text; /* all others; borrowed from the tables or from chars */
	char chars[ECHONET_VALUE_CHARS];
	bool has_time; /* the measurement's own, in the meter's zone */
	struct civil_date date;
	int32_t second; /* of the day */
};

/* The values of a property, in the order of its fields; returns how many. None: it is not known, or has no data now, or
 * a factor of it is not known yet. readable: the object's Get property map; a coefficient that is not in it counts as
 * 1. *ret_malformed (may be NULL): it has another length than it should. A value's text may
 * point into itself, so values are used where they are. */
size_t echonet_decode(uint16_t class_code, const struct echonet_factors *factors, const struct echonet_epcs *readable,
		      const struct echonet_property *property, struct echonet_value values[static ECHONET_VALUES_MAX],
		      bool *ret_malformed);

/* ---- writing ---- */

enum echonet_setting_kind { ECHONET_SET_BOOL, ECHONET_SET_NUMBER, ECHONET_SET_TEXT };

struct echonet_setting {
	enum echonet_setting_kind kind;
	bool boolean;
	double number;
	struct str text;
};

/* The field of this name. NULL: there is none, or the name is that of a property with several values. */
const struct echonet_field *echonet_field_find(uint16_t class_code, struct str name);
/* The EDT that says so. Words and switches take their word or code ("0x41"), numbers a number within their range that
 * the scale can express, all others, and properties without a field (NULL), hexadecimal bytes. ERR_INVALID says what
 * was expected. */
MUST_CHECK enum err_code echonet_encode(const struct echonet_field *field, const struct echonet_setting *setting,
					uint8_t edt[static ECHONET_EDT_BYTES_MAX], size_t *ret_len, struct error *err);
/* Hexadecimal text, spaces and line ends between bytes allowed, as bytes. False: it is none. */
bool echonet_read_octets(struct str text, struct buf *out);
/* "0x028801" or "028801". False: it is none, or beyond max. */
bool echonet_parse_hex(struct str text, uint32_t max, uint32_t *ret);

#endif
