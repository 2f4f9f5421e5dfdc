/* Growing byte buffers. */
#include "base/buf.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_ROOM_MIN 256u

void buf_init(struct buf *buf, size_t bytes_max)
{
	*buf = (struct buf){.bytes_max = bytes_max};
}

void buf_done(struct buf *buf)
{
	free(buf->at);
	buf_init(buf, buf->bytes_max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = ERR_OK;
}

static bool buf_grow(struct buf *buf, size_t need)
{
	size_t room = buf->room ? buf->room : BUF_ROOM_MIN;

	if (room > buf->bytes_max)
		room = buf->bytes_max;

	while (room < need)
		room = room > buf->bytes_max / 2 ? buf->bytes_max : room * 2;
	char *at = realloc(buf->at, room);

	if (!at) {
		buf->failed = ERR_MEMORY;
		return false;
	}
	buf->at = at;
	buf->room = room;
	return true;
}

char *buf_extend(struct buf *buf, size_t len)
{
	if (buf->failed)
		return NULL;
	if (len > buf->bytes_max - buf->len) {
		buf->failed = ERR_LIMIT;
		return NULL;
	}
	if (buf->len + len > buf->room && !buf_grow(buf, buf->len + len))
		return NULL;
	char *at = buf->at + buf->len;

	buf->len += len;
	return at;
}

void buf_put(struct buf *buf, struct str s)
{
	if (s.len == 0)
		return;
	char *at = buf_extend(buf, s.len);

	if (at)
		memcpy(at, s.at, s.len);
}

void buf_put_char(struct buf *buf, char c)
{
	if (buf->len < buf->room && !buf->failed) {
		buf->at[buf->len++] = c;
		return;
	}
	char *at = buf_extend(buf, 1);

	if (at)
		*at = c;
}

void buf_put_int64(struct buf *buf, int64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	buf_put(buf, (struct str){digits + at, sizeof(digits) - at});
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

void buf_put_percent(struct buf *buf, struct str text, struct str also)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t at;

		if (is_unreserved(text.at[i]) || str_find(also, text.at[i], &at))
			buf_put_char(buf, text.at[i]);
		else
			buf_printf(buf, "%%%02X", (unsigned int)(unsigned char)text.at[i]);
	}
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);

	va_end(args);
	/* One byte more for the terminator that vsnprintf writes; it is given back at once. */
	char *at = len < 0 ? NULL : buf_extend(buf, (size_t)len + 1);

	if (at) {
		(void)vsnprintf(at, (size_t)len + 1, format, again);
		buf->len--;
	}
	va_end(again);
}

struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->at ? buf->at : "", buf->len};
}

struct str buf_to_arena(struct buf *buf, struct arena *arena)
{
	struct str text = buf->failed ? STR_NONE : arena_dup(arena, buf->len ? buf_str(buf) : STR(""));

	buf_done(buf);
	return text;
}

char *buf_take(struct buf *buf, size_t *ret_len)
{
	char *at = buf->failed ? NULL : buf->at;

	if (!at)
		return NULL;
	*ret_len = buf->len;
	buf_init(buf, buf->bytes_max);
	return at;
}

enum err_code buf_check(const struct buf *buf, const char *what, struct error *err)
{
	if (buf->failed == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", what, buf->bytes_max);
	if (buf->failed)
		return err_set(err, ERR_MEMORY, "no memory for %s", what);
	return ERR_OK;
}
