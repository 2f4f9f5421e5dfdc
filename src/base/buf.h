/* Growing byte buffers, born with a maximum (curl's dynbuf).
 *
 * Errors are sticky: an append that would pass the maximum, or that the system refuses memory for, leaves the buffer
 * as it was and marks it failed; check once at the end with buf_check(). Thread: one owner. */
#ifndef MACHI_BASE_BUF_H
#define MACHI_BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

struct arena;

struct buf {
	char *at; /* owned; not NUL-terminated */
	size_t len;
	size_t room; /* allocated bytes */
	size_t bytes_max;
	enum err_code failed; /* ERR_OK, ERR_LIMIT or ERR_MEMORY */
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_done(struct buf *buf); /* frees; leaves it initialised and empty */
void buf_clear(struct buf *buf); /* empties and forgives, keeps the memory */

void buf_put(struct buf *buf, struct str s);
void buf_put_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_int64(struct buf *buf, int64_t value);
/* As part of a URI: what is neither unreserved (RFC 3986, 2.3) nor one of these bytes is written as %XX. */
void buf_put_percent(struct buf *buf, struct str text, struct str also);

/* Room for len more bytes at the returned address, taken into the length; NULL when failed. */
char *buf_extend(struct buf *buf, size_t len);

struct str buf_str(const struct buf *buf); /* borrowed until the next append */
/* The text in the arena, the buffer released; at is NULL when the buffer has failed or memory was refused. */
struct str buf_to_arena(struct buf *buf, struct arena *arena);
char *buf_take(struct buf *buf, size_t *ret_len); /* hands the memory over (free() it); NULL when empty or failed */

/* ERR_OK, or the sticky error said once: "what" names the buffer and its bound is printed. */
MUST_CHECK enum err_code buf_check(const struct buf *buf, const char *what, struct error *err);

#endif
