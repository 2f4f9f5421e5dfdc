/* Forms. */
#include "api/form.h"

#include <string.h>

static bool decode(struct arena *arena, struct str raw, struct str *ret)
{
	char *text = arena_bytes(arena, raw.len, 1);

	for (size_t i = 0; text && i < raw.len; i++)
		text[i] = raw.at[i] == '+' ? ' ' : raw.at[i];
	return text && http_decode(arena, (struct str){text, raw.len}, ret);
}

static enum err_code add_fields(struct arena *arena, struct str text, struct form_field *fields, size_t *count,
				struct error *err)
{
	struct str pair, name;

	while (str_next(&text, '&', &pair)) {
		if (pair.len == 0)
			continue;
		if (*count == FORM_FIELDS_MAX)
			return err_set(err, ERR_LIMIT, "more than %u parameters", FORM_FIELDS_MAX);
		struct form_field *field = &fields[(*count)++];

		(void)str_next(&pair, '=', &name);
		if (!decode(arena, name, &field->name) || !decode(arena, pair, &field->value))
			return err_set(err, ERR_INVALID, "a parameter is not percent-encoded UTF-8");
	}
	return ERR_OK;
}

static enum err_code read(struct call *call, bool body, struct form *ret_form, struct error *err)
{
	struct form_field *fields = arena_array(call->arena, struct form_field, FORM_FIELDS_MAX);
	size_t count = 0;

	if (!fields)
		return err_set(err, ERR_MEMORY, "no memory for parameters");
	enum err_code code = add_fields(call->arena, http_request_query(call->request), fields, &count, err);

	if (code == ERR_OK && body)
		code = add_fields(call->arena, http_request_body(call->request), fields, &count, err);
	*ret_form = (struct form){fields, count};
	return code;
}

enum err_code form_read(struct call *call, struct form *ret_form, struct error *err)
{
	return read(call, str_eq(http_request_method(call->request), STR("POST")), ret_form, err);
}

enum err_code form_read_url(struct call *call, struct form *ret_form, struct error *err)
{
	return read(call, false, ret_form, err);
}

struct str form_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (str_eq(form->fields[i].name, str_from(name)))
			return form->fields[i].value;
	return STR_NONE;
}
