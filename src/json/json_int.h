/* What the C files of this room share with the C++ shim. Plain types only: both languages read this header. */
#ifndef MACHI_JSON_JSON_INT_H
#define MACHI_JSON_JSON_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_PADDING_BYTES 64 /* readable bytes that simdjson wants behind a document */
#define JSON_DOCUMENT_BYTES_MAX 0xffffff00u /* positions are 32 bits wide */
#define JSON_NUMBER_BYTES_MAX 1000 /* characters of one number token */
#define JSON_NUMBER_TEXT_BYTES 400 /* room for any finite double written out with 17 decimals */

#ifdef __cplusplus
extern "C" {
#endif

/* simdjson's first stage: the positions of every bracket, colon, comma and of the first byte of every string and
 * scalar. It checks UTF-8, that strings end, and that they hold no control characters. Thread: one owner. */
struct json_index;
struct json_index *json_index_new(void); /* NULL when memory is refused */
struct json_index *json_index_free(struct json_index *index);

enum json_index_result {
	JSON_INDEX_OK,
	JSON_INDEX_EMPTY, /* nothing but white space */
	JSON_INDEX_BAD, /* UTF-8, an open string or a control character: the caller finds out where */
	JSON_INDEX_MEMORY,
};

/* text has JSON_PADDING_BYTES readable bytes behind len. The positions stay valid until the next call; behind the last
 * one stands len. */
enum json_index_result json_index_build(struct json_index *index, const char *text, size_t len,
					const uint32_t **ret_positions, uint32_t *ret_count);
void json_index_shrink(struct json_index *index); /* gives back what an unusually large document needed */

/* The double nearest to a token that follows the grammar of RFC 8259; false when none is finite and different from
 * zero (the caller knows which of the two). */
bool json_number_from_text(const char *token, size_t len, double *ret);
/* Shortest text that reads back as value (finite); returns its length, at most JSON_NUMBER_TEXT_BYTES. */
size_t json_number_to_text(double value, char *text);
/* value with exactly this many decimals, correctly rounded. */
size_t json_number_to_fixed(double value, int decimals, char *text);

#ifdef __cplusplus
}
#endif

#endif
