/* What packing and unpacking share. */
#ifndef MACHI_STORE_DOCUMENT_PACK_INT_H
#define MACHI_STORE_DOCUMENT_PACK_INT_H

#include "json/json.h"

#define PACK_FORMAT 1u
#define PACK_DEPTH_MAX 64u /* deeper documents stay text */
#define PACK_NOTED_MAX 16u
#define PACK_NOTED_BYTES_MIN 8u /* of a text */
#define PACK_NOTED_BYTES_MAX 64u
#define PACK_NOTED_DIGITS_MIN 6u /* of an integer */
#define PACK_DECIMALS_MAX 15u
#define PACK_EXACT_MAX (INT64_C(1) << 53) /* digits of a decimal, which its double then follows from */
#define PACK_VARINT_BYTES_MAX 10u
#define PACK_YEAR_1_S INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define PACK_YEAR_10000_S INT64_C(253402300800)

enum pack_value {
	PACK_NULL,
	PACK_FALSE,
	PACK_TRUE,
	PACK_TEXT,
	PACK_NAME,
	PACK_INTEGER,
	PACK_DECIMAL,
	PACK_NUMBER,
	PACK_ARRAY,
	PACK_OBJECT,
	PACK_SECONDS,
	PACK_MICROSECONDS,
	PACK_NOTED = 0x10,
	PACK_INTEGER_SHORT = 0x20,
	PACK_ARRAY_SHORT = 0x30,
	PACK_OBJECT_SHORT = 0x40,
	PACK_TEXT_SHORT = 0x60,
	PACK_WORD = 0x80,
};

#define PACK_INTEGER_SHORT_MAX 15u
#define PACK_ARRAY_SHORT_MAX 15u
#define PACK_OBJECT_SHORT_MAX 31u
#define PACK_TEXT_SHORT_MAX 31u

enum pack_key { PACK_KEY_TEXT, PACK_KEY_NAME, PACK_KEY_NAME_SHORT, PACK_KEY_WORD = 0x80 };

#define PACK_KEY_NAME_SHORT_MAX (PACK_KEY_WORD - PACK_KEY_NAME_SHORT) /* the greatest number that a byte says */

#define PACK_WORDS_MAX 128u

/* document_words.c: the word of this number, at is NULL when there is none; the number of this word, -1 when it is
 * none. A word that document_word() gave is found by its address. */
struct str document_word(unsigned number);
int document_word_number(struct str text);
#define DOCUMENT_WORD_EXPIRES_AT 10

#endif
