/* Errors: a code to decide on, a place to look at and a sentence to show.
 *
 * Every fallible function of Machi returns an err_code and fills the caller's struct error; a failed call leaves
 * its ret_ parameters alone. Libraries return errors and never log them: the adapter at the edge logs or answers
 * once. Thread: a struct error belongs to its caller; nothing here is shared. */
#ifndef MACHI_BASE_ERROR_H
#define MACHI_BASE_ERROR_H

#include <stdarg.h>

enum err_code {
	ERR_OK = 0,
	ERR_INVALID, /* the input breaks a rule; detail names what and where */
	ERR_NOT_FOUND, /* what was named does not exist */
	ERR_EXISTS, /* what was to be created exists already */
	ERR_LIMIT, /* a named bound was reached: queue full, too deep, too large */
	ERR_MEMORY, /* the system gave no memory */
	ERR_IO, /* disk, network or operating system refused */
	ERR_NO_ROOM, /* the disk is full: what was asked for may be asked again when there is room */
	ERR_CORRUPT, /* stored data fails its own checks */
	ERR_CONFLICT, /* the state does not allow it now */
	ERR_UNSUPPORTED, /* known to the standard, not offered here */
	ERR_DENIED, /* not allowed for this caller */
	ERR_TIMEOUT, /* a peer did not answer within its bound */
	ERR_CONTEXT, /* a remote @context could not be had (LdContextNotAvailable) */
	ERR_TENANT, /* the tenant named does not exist */
	ERR_TOO_COMPLEX, /* a query over its complexity bound (TooComplexQuery) */
	ERR_VERSION, /* stored data is of another program, or of a newer version of this one */
	ERR_INTERNAL, /* our own mistake */
	ERR_CODE_COUNT
};

#define ERROR_DETAIL_BYTES 240

struct error {
	enum err_code code;
	const char *where; /* file:line of the cause, static storage; NULL when no error was set */
	char detail[ERROR_DETAIL_BYTES]; /* NUL-terminated UTF-8, cut at a character when too long */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define ERR_STRING_(line) #line
#define ERR_LINE_(line) ERR_STRING_(line)

/* Tells compilers and analysers what err_set_at() and err_while_at() assert, that they return an error: so they see
 * that a caller who got ERR_OK got its ret_ parameters too. */
static inline enum err_code err_sure(enum err_code code)
{
	if (code == ERR_OK)
		__builtin_unreachable();
	return code;
}

/* Sets *err (which may be NULL) and returns code, so that a cause reads `return err_set(err, ERR_INVALID, "…");`. */
#define err_set(err, code, ...) err_sure(err_set_at((err), (code), __FILE__ ":" ERR_LINE_(__LINE__), __VA_ARGS__))
enum err_code err_set_at(struct error *err, enum err_code code, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Appends "; while <doing>" on the way up and returns the code that *err holds (ERR_INTERNAL when err is NULL). */
#define err_while(err, ...) err_sure(err_while_at((err), __VA_ARGS__))
enum err_code err_while_at(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The code's name as logs show it ("not_found"); never NULL. */
const char *err_name(enum err_code code);

#endif
