/* One setting: what it is called, what it may hold, how it is read and shown.
 *
 * A table of these is the one source for the parser of the configuration file, the environment variables, the
 * example file, `machi config show`, the manual and docs/reference/configuration.md. Pure. */
#ifndef MACHI_MAIN_SETTING_H
#define MACHI_MAIN_SETTING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum setting_kind {
	SETTING_TEXT, /* const char *; any text without control characters */
	SETTING_NAME, /* const char *; letters, digits, "_", "-", "."; may be empty */
	SETTING_TOKENS, /* const char *; names of HTTP methods or header fields, separated by commas */
	SETTING_ENDPOINT, /* struct setting_endpoint; "ADDRESS:PORT" */
	SETTING_COUNT, /* uint64_t */
	SETTING_SIZE, /* uint64_t, bytes; "16 KiB" */
	SETTING_SECONDS, /* uint64_t; "90 s", "5 min", "1 h", "7 d" */
	SETTING_DECIMAL, /* double */
	SETTING_SWITCH, /* bool */
	SETTING_CHOICE, /* unsigned: index into choices */
	SETTING_INSTANT, /* int64_t, µs since 1970; SETTING_NOW: "now" */
	SETTING_ORIGIN, /* const char *; "https://host[:port]", or empty */
	SETTING_ORIGINS, /* struct setting_texts: web origins, or "*" */
	SETTING_ADDRESSES, /* struct setting_texts: addresses, networks and hosts (net/address_policy.h) */
	SETTING_RULES /* struct setting_texts: rules of retention (main/retention_rule.h) */
};

#define SETTING_NOW INT64_MIN
#define SETTING_TEXTS_MAX 64u

struct setting_endpoint {
	const char *address; /* IPv6 without brackets */
	uint16_t port; /* 0: any free one */
};

struct setting_texts {
	const char **items;
	size_t count;
};

struct setting {
	const char *key; /* "section.key", or "key" */
	enum setting_kind kind;
	size_t offset; /* of the field in its struct */
	const char *fallback; /* the default, as it would be written */
	double min, max; /* numbers: both inclusive, in the field's unit */
	const char *const *choices; /* SETTING_CHOICE; NULL at the end */
	bool reloads; /* SIGHUP puts a new value into effect; others need a restart */
	const char *doc; /* sentences; reference texts are made of them */
};

/* Reads text into the field at target + setting->offset; strings go to the arena.
 * ERR_INVALID: "expected …, not …" (without the key: the caller knows where it stands); ERR_MEMORY. */
MUST_CHECK enum err_code setting_read(const struct setting *setting, struct arena *arena, struct str text, void *target,
				      struct error *err);
bool setting_is_list(const struct setting *setting);
/* One item more for a list. */
MUST_CHECK enum err_code setting_add_item(const struct setting *setting, struct arena *arena, struct str text,
					  void *target, struct error *err);
/* The field's value as YAML. */
void setting_write(const struct setting *setting, const void *target, struct buf *out);
/* "whole number from 1 to 100000", "one of logfmt, json" … */
void setting_write_expected(const struct setting *setting, struct buf *out);
/* The setting's environment variable: "MACHI_HTTP_LOOPS". */
void setting_write_variable(const struct setting *setting, struct buf *out);

#endif
