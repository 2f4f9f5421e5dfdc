/* What libmicrohttpd hides of a request's head: targets in absolute form, and bytes behind a NUL.
 *
 * It keeps names, values, method and target where they were received and puts NULs over what separates them, so a NUL
 * of the client's ends a text early and what follows it is seen by nobody. RFC 9110 section 5.5 calls such a value
 * dangerous and to be refused. Found by walking the head as received: between two texts there may be only what
 * separates them. */
#include "net/http_int.h"

#include <string.h>

/* ---- the target ---- */

static bool is_scheme(struct str text, struct str scheme)
{
	return text.len >= scheme.len && str_eq_nocase(str_part(text, 0, scheme.len), scheme);
}

/* RFC 9112 section 3.2.2: a server must take absolute-form too. */
static struct str without_authority(struct str target)
{
	size_t at = is_scheme(target, STR("http://")) ? 7 : is_scheme(target, STR("https://")) ? 8 : 0;

	if (!at)
		return target;
	while (at < target.len && target.at[at] != '/' && target.at[at] != '?')
		at++;
	return str_part(target, at, target.len);
}

void http_target_split(struct str target, struct str *ret_path, struct str *ret_query)
{
	struct str local = without_authority(target);
	size_t mark = local.len;

	*ret_query = str_find(local, '?', &mark) ? str_part(local, mark + 1, local.len) : STR_NONE;
	*ret_path = mark > 0 ? str_part(local, 0, mark) : STR("/");
}

bool http_target_plain(struct str target)
{
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7f)
			return false;
	return true;
}

/* ---- the head as received ---- */

bool http_is_token(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return name.len > 0;
}

struct head_walk {
	const char *at, *end; /* not yet walked */
	bool whole; /* so far */
};

/* Goes on to `to`; what is skipped must be separators, or what libmicrohttpd put over them. */
static void walk_gap(struct head_walk *walk, const char *to)
{
	if ((uintptr_t)to < (uintptr_t)walk->at || (uintptr_t)to > (uintptr_t)walk->end) {
		walk->whole = false;
		return;
	}
	for (; walk->at < to; walk->at++)
		if (*walk->at != '\0' && !memchr(" \t\r\n:", *walk->at, 5))
			walk->whole = false;
}

static void walk_text(struct head_walk *walk, const char *text, size_t len)
{
	walk_gap(walk, text);
	if (walk->whole && len <= (size_t)(walk->end - text))
		walk->at = text + len;
	else
		walk->whole = false;
}

static enum MHD_Result walk_field(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				  const char *value, size_t value_len)
{
	struct head_walk *walk = cls;

	(void)kind;
	walk_text(walk, key, key_len);
	if (value && walk->whole)
		walk_text(walk, value, value_len);
	return walk->whole ? MHD_YES : MHD_NO;
}

bool http_head_whole(const struct http_request *request, const char *method, const char *version)
{
	struct head_walk walk = {method, method + request->head_bytes, true};

	walk_text(&walk, method, strlen(method));
	if (walk.whole)
		walk_text(&walk, request->raw_target, request->raw_target_len);
	if (walk.whole)
		walk_text(&walk, version, strlen(version));
	if (walk.whole)
		(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, walk_field, &walk);
	if (walk.whole)
		walk_gap(&walk, walk.end);
	return walk.whole;
}
