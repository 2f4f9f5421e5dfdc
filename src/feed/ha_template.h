/* Templates of Home Assistant's MQTT discovery: "{{ value_json.temperature | float / 10 }}".
 *
 * Of Jinja what devices use of it in practice: one expression in braces, of `value` (the payload as text), `value_json`
 * with members and indices, numbers, texts, parentheses, + - * /, comparisons, `A if C else B`, and the filters float,
 * int, round, abs, default, is_defined, string, lower, upper, trim. Statements ({% … %}) and functions are not
 * understood, and said to be so. Pure. Thread: any. */
#ifndef MACHI_FEED_HA_TEMPLATE_H
#define MACHI_FEED_HA_TEMPLATE_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define HA_TEMPLATE_BYTES_MAX 1024u
#define HA_TEMPLATE_DEPTH_MAX 16u

/* The template's text for this payload, in the arena; STR_NONE: what it wants is not there. json: the payload as JSON;
 * NULL: it is none. A template that is empty or STR_NONE gives the payload. ERR_UNSUPPORTED: it is not understood, and
 * where; ERR_INVALID: its filter finds no number; ERR_MEMORY. */
MUST_CHECK enum err_code ha_template_fill(struct str template, struct str value, const struct json *json,
					  struct arena *arena, struct str *ret_text, struct error *err);
/* Is it understood? ERR_UNSUPPORTED. */
MUST_CHECK enum err_code ha_template_check(struct str template, struct error *err);

#endif
