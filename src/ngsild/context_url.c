/* URLs of contexts: which are the core's, and what a relative one means. */
#include "ngsild/context_int.h"

#include <string.h>

/* ---- the core's ---- */

/* Takes the text off the front; false (and *rest untouched) when it does not stand there. */
static bool skip(struct str *rest, struct str text)
{
	if (!str_starts(*rest, text))
		return false;
	*rest = str_part(*rest, text.len, rest->len);
	return true;
}

/* ".jsonld" or "-v1.3.jsonld"; the first drafts ended in ".json". */
static bool is_version(struct str rest)
{
	if (skip(&rest, STR("-v"))) {
		size_t digits = 0;

		while (digits < rest.len && ((rest.at[digits] >= '0' && rest.at[digits] <= '9') ||
					     (rest.at[digits] == '.' && digits &&
					      !str_starts(str_part(rest, digits, rest.len), STR(".json")))))
			digits++;
		if (digits == 0)
			return false;
		rest = str_part(rest, digits, rest.len);
	}
	return str_eq(rest, STR(".jsonld")) || str_eq(rest, STR(".json"));
}

/* The repository's raw files: …/NGSI-LD/NGSI-LD/[-/]raw/BRANCH/coreContext/ngsi-ld-core-context… */
static bool is_raw_file(struct str rest)
{
	size_t slash;

	(void)skip(&rest, STR("-/"));
	if (!skip(&rest, STR("raw/")) || !str_find(rest, '/', &slash))
		return false;
	rest = str_part(rest, slash, rest.len);
	return skip(&rest, STR("/coreContext/ngsi-ld-core-context")) && is_version(rest);
}

bool context_url_is_core(struct str url)
{
	struct str rest = url;

	if (!skip(&rest, STR("https://")) && !skip(&rest, STR("http://")))
		return false;
	if (skip(&rest, STR("uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context")))
		return is_version(rest);
	if (skip(&rest, STR("forge.etsi.org/rep/NGSI-LD/NGSI-LD/")) ||
	    skip(&rest, STR("forge.etsi.org/gitlab/NGSI-LD/NGSI-LD/")))
		return is_raw_file(rest);
	return false;
}

struct str context_lone_url(const struct json *value)
{
	struct str url = STR_NONE;

	if (json_is(value, JSON_STRING))
		return json_text(value);
	for (size_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++) {
		struct str part = json_text(&value->items[i]);

		if (context_url_is_core(part))
			continue;
		if (!part.at || url.at)
			return STR_NONE;
		url = part;
	}
	return url;
}

/* ---- relative references (RFC 3986, 5.2) ---- */

struct parts { /* at is NULL where a part is absent; path is "" then */
	struct str scheme, authority, path, query;
};

static struct parts split(struct str url)
{
	struct parts parts = {.path = STR("")};
	size_t at;

	if (str_find(url, '#', &at))
		url = str_part(url, 0, at);
	if (context_has_scheme(url) && str_find(url, ':', &at)) {
		parts.scheme = str_part(url, 0, at);
		url = str_part(url, at + 1, url.len);
	}
	if (str_find(url, '?', &at)) {
		parts.query = str_part(url, at + 1, url.len);
		url = str_part(url, 0, at);
	}
	if (skip(&url, STR("//"))) {
		at = url.len;
		(void)str_find(url, '/', &at);
		parts.authority = str_part(url, 0, at);
		url = str_part(url, at, url.len);
	}
	if (url.len)
		parts.path = url;
	return parts;
}

/* RFC 3986, 5.2.4; in place. */
static size_t remove_dots(char *path, size_t len)
{
	size_t out = 0, at = 0;

	while (at < len) {
		size_t end = at + 1;

		while (end < len && path[end] != '/')
			end++;
		struct str segment = {path + at, end - at}; /* with the slash before it */

		if (str_eq(segment, STR("/..")) || str_eq(segment, STR(".."))) {
			while (out > 0 && path[--out] != '/')
				;
			if (end == len)
				path[out++] = '/';
		} else if (str_eq(segment, STR("/.")) || str_eq(segment, STR("."))) {
			if (end == len)
				path[out++] = '/';
		} else {
			memmove(path + out, path + at, end - at);
			out += end - at;
		}
		at = end;
	}
	return out;
}

/* The base's path up to its last slash, and the reference's path behind it. */
static bool merge(struct arena *arena, const struct parts *base, struct str path, struct str *ret)
{
	size_t keep = base->path.len;

	while (keep > 0 && base->path.at[keep - 1] != '/')
		keep--;
	struct str front = keep ? str_part(base->path, 0, keep) : STR("/");

	*ret = arena_concat(arena, front, path);
	return ret->at != NULL;
}

static bool resolve_path(struct arena *arena, const struct parts *base, struct parts *target)
{
	struct str path = target->path;

	if (path.len == 0) {
		if (!target->query.at)
			target->query = base->query;
		target->path = base->path;
		return true;
	}
	if (path.at[0] != '/' && !merge(arena, base, path, &path))
		return false;
	char *copy = arena_bytes(arena, path.len + 1, 0);

	if (!copy)
		return false;
	memcpy(copy, path.at, path.len);
	target->path = (struct str){copy, remove_dots(copy, path.len)};
	return true;
}

bool context_url_resolve(struct arena *arena, struct str base, struct str reference, struct str *ret_url)
{
	struct parts target = split(reference);

	if (target.scheme.at) {
		size_t fragment = reference.len;

		(void)str_find(reference, '#', &fragment);
		*ret_url = str_part(reference, 0, fragment);
		return true;
	}
	struct parts from = split(base);

	if (!from.scheme.at || !from.authority.at)
		return false;
	target.scheme = from.scheme;
	if (!target.authority.at) {
		target.authority = from.authority;
		if (!resolve_path(arena, &from, &target))
			return false;
	}
	*ret_url = arena_printf(arena, "%.*s://%.*s%.*s%s%.*s", STR_FMT(target.scheme), STR_FMT(target.authority),
				STR_FMT(target.path), target.query.at ? "?" : "", STR_FMT(target.query));
	return ret_url->at != NULL;
}
