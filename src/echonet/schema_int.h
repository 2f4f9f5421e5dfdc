/* How the tables of classes are written. Of the room only. */
#ifndef MACHI_ECHONET_SCHEMA_INT_H
#define MACHI_ECHONET_SCHEMA_INT_H

#include "echonet/schema.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define CLASS(class_code, title, short_title, table)                                                                   \
	{                                                                                                              \
		.code = (class_code), .name = (title), .short_name = (short_title), .fields = (table), LENGTH(table)   \
	}

/* A number that is the whole property. */
#define NUMBER(the_epc, the_size, scale, low, high, the_unit, the_name)                                                \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = (the_epc),                 \
		.bytes = (the_size), .size = (the_size), .exponent = (scale)                                           \
	}
#define SIGNED(the_epc, the_size, scale, low, high, the_unit, the_name)                                                \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = (the_epc),                 \
		.bytes = (the_size), .size = (the_size), .form = ECHONET_SIGNED, .exponent = (scale)                   \
	}
/* One of several numbers of a property of total bytes. */
#define PART(the_epc, total, offset, the_size, the_form, scale, low, high, the_unit, the_name)                         \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = (the_epc),                 \
		.bytes = (total), .at = (offset), .size = (the_size), .form = (the_form), .exponent = (scale)          \
	}
/* A number that others scale. */
#define SCALED(the_epc, the_size, low, high, the_unit, the_name, ...)                                                  \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = (the_epc),                 \
		.bytes = (the_size), .size = (the_size), .factors = {                                                  \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
/* Date, time (7 bytes) and a number of 4 that others scale. */
#define TIMED(the_epc, high, the_unit, the_name, ...)                                                                  \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .max = (high), .epc = (the_epc), .bytes = 11, .at = 7,         \
		.size = 4, .timed = true, .factors = {                                                                 \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define STATE(the_epc, the_words, the_name)                                                                            \
	{                                                                                                              \
		.name = (the_name), .words = (the_words), .epc = (the_epc), .bytes = 1, .size = 1,                     \
		.form = ECHONET_STATE                                                                                  \
	}
#define SWITCH(the_epc, the_words, the_name)                                                                           \
	{                                                                                                              \
		.name = (the_name), .words = (the_words), .epc = (the_epc), .bytes = 1, .size = 1,                     \
		.form = ECHONET_SWITCH                                                                                 \
	}
/* What a device is, or is set to for good. */
#define FIXED(the_epc, the_bytes, the_form, the_name)                                                                  \
	{                                                                                                              \
		.name = (the_name), .epc = (the_epc), .bytes = (the_bytes), .size = (the_bytes), .form = (the_form),   \
		.pace = ECHONET_SELDOM                                                                                 \
	}
#define FIXED_NUMBER(the_epc, the_size, scale, low, high, the_unit, the_name)                                          \
	{                                                                                                              \
		.name = (the_name), .unit = (the_unit), .min = (low), .max = (high), .epc = (the_epc),                 \
		.bytes = (the_size), .size = (the_size), .pace = ECHONET_SELDOM, .exponent = (scale)                   \
	}

/* Units of UN/CEFACT Recommendation 20. */
#define WATT "WTT"
#define KILOWATT "KWT"
#define WATT_HOUR "WHR"
#define KILOWATT_HOUR "KWH"
#define KILOVAR_HOUR "K3" /* kilovolt ampere reactive hour */
#define AMPERE "AMP"
#define AMPERE_HOUR "AMH"
#define VOLT "VLT"
#define CELSIUS "CEL"
#define PERCENT "P1"
#define CUBIC_METRE "MTQ"
#define CUBIC_METRE_PER_HOUR "MQH"
#define LITRE "LTR"
#define MEGAJOULE "3B"
#define DAY "DAY"

/* Ranges that several properties have. */
#define NINE_DIGITS 999999999
#define EIGHT_DIGITS 99999999
#define SIX_DIGITS 999999
#define U16_MAX 65533 /* FFFE and FFFF: underflow, overflow */
#define S16_MIN (-32767)
#define S16_MAX 32766
#define S16_MAX_NO_DATA 32765 /* where 7FFE is no data */
#define U8_MAX 253

/* Words that several classes have. */
extern const struct echonet_word echonet_on_off[]; /* 30, 31 */
extern const struct echonet_word echonet_yes_no[]; /* 41, 42 */
extern const struct echonet_word echonet_interconnection[];

/* The tables, by their files; a class of code 0 is behind the last. */
extern const struct echonet_class echonet_common_classes[]; /* the super class, the node profile */
extern const struct echonet_class echonet_meter_classes[];
extern const struct echonet_class echonet_energy_classes[];
extern const struct echonet_class echonet_home_classes[];

#endif
