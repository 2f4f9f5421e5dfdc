/* Forms: parameters of a URL and of a body as browsers and Go's url.Values send them, "+" for a blank. For use inside
 * this room. Source: WHATWG URL, application/x-www-form-urlencoded. */
#ifndef MACHI_API_FORM_H
#define MACHI_API_FORM_H

#include "api/api_int.h"

#define FORM_FIELDS_MAX 256u

struct form_field {
	struct str name, value;
};

struct form {
	const struct form_field *fields; /* in the request's arena */
	size_t count;
};

/* The URL's parameters, then those of a POST request's body. ERR_INVALID: no UTF-8, broken escapes; ERR_LIMIT. */
MUST_CHECK enum err_code form_read(struct call *call, struct form *ret_form, struct error *err);
/* The URL's parameters alone. */
MUST_CHECK enum err_code form_read_url(struct call *call, struct form *ret_form, struct error *err);
/* The first of this name; STR_NONE when there is none. */
struct str form_get(const struct form *form, const char *name);

#endif
