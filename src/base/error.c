/* Errors: formatting into the caller's fixed buffer, cut at a UTF-8 character boundary. */
#include "base/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const err_names[ERR_CODE_COUNT] = {
	[ERR_OK] = "ok",
	[ERR_INVALID] = "invalid",
	[ERR_NOT_FOUND] = "not_found",
	[ERR_EXISTS] = "exists",
	[ERR_LIMIT] = "limit",
	[ERR_MEMORY] = "memory",
	[ERR_IO] = "io",
	[ERR_NO_ROOM] = "no_room",
	[ERR_CORRUPT] = "corrupt",
	[ERR_CONFLICT] = "conflict",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_VERSION] = "version",
	[ERR_DENIED] = "denied",
	[ERR_TIMEOUT] = "timeout",
	[ERR_CONTEXT] = "context",
	[ERR_TENANT] = "tenant",
	[ERR_TOO_COMPLEX] = "too_complex",
	[ERR_INTERNAL] = "internal",
};

/* Drops a multi-byte character that the buffer's end cut in two. */
static void cut_at_character(char *text)
{
	size_t len = strlen(text);
	size_t at = len;

	while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
		at--;
	if (at == 0)
		return;
	unsigned char lead = (unsigned char)text[at - 1];
	size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;

	if (len - (at - 1) < need)
		text[at - 1] = '\0';
}

enum err_code err_set_at(struct error *err, enum err_code code, const char *where, const char *format, ...)
{
	assert(code > ERR_OK && code < ERR_CODE_COUNT);
	if (!err)
		return code;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(err->detail, sizeof(err->detail), format, args);
	va_end(args);
	cut_at_character(err->detail);
	err->code = code;
	err->where = where;
	return code;
}

enum err_code err_while_at(struct error *err, const char *format, ...)
{
	if (!err)
		return ERR_INTERNAL;
	assert(err->code > ERR_OK && err->code < ERR_CODE_COUNT);
	size_t len = strlen(err->detail);
	va_list args;

	(void)snprintf(err->detail + len, sizeof(err->detail) - len, "; while ");
	len = strlen(err->detail);
	va_start(args, format);
	(void)vsnprintf(err->detail + len, sizeof(err->detail) - len, format, args);
	va_end(args);
	cut_at_character(err->detail);
	return err->code;
}

const char *err_name(enum err_code code)
{
	return code < ERR_CODE_COUNT ? err_names[code] : "unknown";
}
