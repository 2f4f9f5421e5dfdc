/* Shared by the files that read documents: where we are, and the pieces that read scalars. */
#ifndef MACHI_JSON_READ_INT_H
#define MACHI_JSON_READ_INT_H

#include "json/json.h"

/* One document being read. text is our own copy in the arena: strings are decoded in place and borrowed from it. */
struct reading {
	char *text;
	size_t len;
	bool has_escapes; /* a backslash somewhere in the text */
	struct error *err;
};

/* The character at a position as an error shows it ('x', byte 0x1f, end of text). */
struct shown_char {
	char text[16];
};
struct shown_char read_show(const struct reading *reading, size_t at);

/* Does a scalar end at this position: end of text, white space, or a structural character? */
bool read_ends_scalar(const struct reading *reading, size_t at);

/* The string whose opening quote is at `at`; next is the position of what follows it (white space left out). */
MUST_CHECK enum err_code read_string(struct reading *reading, size_t at, size_t next, struct str *ret_text);
MUST_CHECK enum err_code read_number(struct reading *reading, size_t at, struct json *ret_number);

/* Says what simdjson found wrong with the text: the first byte that is no UTF-8, a control character in a string, or
 * the string that never ends. Always an error. */
MUST_CHECK enum err_code read_diagnose(const struct reading *reading);

#endif
