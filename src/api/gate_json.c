/* Bodies and answers of the operations about accounts, which are plain JSON. */
#include "api/gate_int.h"

#include "base/time_value.h"

#define BODY_BYTES_MAX ((size_t)64 << 10)

static const char *const kind_names[] = {
	[JSON_NULL] = "null",     [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
	[JSON_STRING] = "a text", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
};

static const struct member *member_named(const struct member *members, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, str_from(members[i].name)))
			return &members[i];
	return NULL;
}

static enum err_code check_members(const struct json *body, const struct member *members, size_t count,
				   struct error *err)
{
	for (uint32_t i = 0; i < body->count; i++) {
		struct str name = body->members[i].key;
		const struct member *member = member_named(members, count, name);

		if (!member)
			return err_set(err, ERR_INVALID, "there is no member \"%.*s\" here",
				       STR_FMT(str_part(name, 0, 60)));
		if (body->members[i].value.kind != member->kind && !json_is(&body->members[i].value, JSON_NULL))
			return err_set(err, ERR_INVALID, "\"%s\" is to be %s", member->name, kind_names[member->kind]);
	}
	for (size_t i = 0; i < count; i++)
		if (members[i].needed && !json_is(json_get(body, str_from(members[i].name)), members[i].kind))
			return err_set(err, ERR_INVALID, "\"%s\" is missing: %s", members[i].name,
				       kind_names[members[i].kind]);
	return ERR_OK;
}

enum err_code gate_body(struct call *call, const struct member *members, size_t count, const struct json **ret_body)
{
	struct str text = http_request_body(call->request);
	struct json *body = NULL;
	enum err_code code;

	if (!str_eq_nocase(call_body_media(call), STR("application/json")))
		return err_set(&call->error, ERR_INVALID, "the body is to be JSON (Content-Type: application/json)");
	if (text.len > BODY_BYTES_MAX)
		return err_set(&call->error, ERR_INVALID, "the body is longer than %zu bytes", BODY_BYTES_MAX);
	code = json_parse(broker_reader_parser(call->loop->reader), call->arena, text, NULL, &body, &call->error);
	if (code)
		return code == ERR_LIMIT ? ERR_INVALID : code;
	if (!json_is(body, JSON_OBJECT))
		return err_set(&call->error, ERR_INVALID, "the body is to be a JSON object");
	code = check_members(body, members, count, &call->error);
	if (!code)
		*ret_body = body;
	return code;
}

void gate_answer_json(struct call *call, int status, struct buf *out)
{
	enum err_code code = buf_check(out, "the answer", &call->error);

	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	if (code == ERR_OK) {
		answer_buf(call, status, STR("application/json"), out);
		return;
	}
	buf_done(out);
	answer_error(call, code, &call->error);
}

void put_texts(struct buf *out, const struct str *texts, size_t count)
{
	buf_put_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_put_char(out, ',');
		json_write_string(out, texts[i]);
	}
	buf_put_char(out, ']');
}

void put_permissions(struct buf *out, uint32_t permissions)
{
	struct str names[ACCESS_PERMISSION_COUNT];
	size_t count = 0;

	for (unsigned int i = 0; i < ACCESS_PERMISSION_COUNT; i++)
		if (permissions & 1u << i)
			names[count++] = access_permission_name((enum access_permission)(1u << i));
	put_texts(out, names, count);
}

void put_services(struct buf *out, uint32_t services)
{
	struct str names[ACCESS_SERVICE_COUNT];
	size_t count = 0;

	for (unsigned int i = 0; i < ACCESS_SERVICE_COUNT; i++)
		if (services & 1u << i)
			names[count++] = access_service_name(i);
	put_texts(out, names, count);
}

void put_time_or_null(struct buf *out, int64_t us)
{
	char text[TIME_ISO_BYTES];

	if (us)
		buf_printf(out, "\"%.*s\"", STR_FMT(time_format_iso(us, text)));
	else
		buf_put(out, STR("null"));
}
