/* URLs of http and https as those who fetch have to look at them. */
#include "net/http_url.h"

#include "net/http_outgoing_int.h"

#include <string.h>
#include <strings.h>

static struct str part_text(CURLU *parts, CURLUPart part, unsigned int flags, struct arena *arena)
{
	char *text = NULL;
	struct str copy = STR_NONE;

	if (curl_url_get(parts, part, &text, flags) == CURLUE_OK)
		copy = arena_dup(arena, str_from(text));
	curl_free(text);
	return copy;
}

enum err_code http_url_look(const char *url, struct arena *arena, struct http_url_view *ret_view, struct error *err)
{
	struct http_url taken = {0};
	struct http_url_view view = {0};
	enum err_code code = http_url_take(&taken, url, err);

	if (code)
		return code;
	view.path = part_text(taken.parts, CURLUPART_PATH, 0, arena);
	(void)curl_url_set(taken.parts, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(taken.parts, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_set(taken.parts, CURLUPART_QUERY, NULL, 0);
	(void)curl_url_set(taken.parts, CURLUPART_FRAGMENT, NULL, 0);
	view.shown = part_text(taken.parts, CURLUPART_URL, 0, arena);
	http_url_done(&taken);
	if (!view.path.at || !view.shown.at)
		return err_set(err, ERR_MEMORY, "no memory for a URL");
	*ret_view = view;
	return ERR_OK;
}

enum err_code http_url_resolve(const char *base, struct str reference, struct arena *arena, struct str *ret_url,
			       struct error *err)
{
	struct http_url taken = {0};
	struct str text = arena_dup(arena, reference), url = STR_NONE;
	enum err_code code = http_url_take(&taken, base, err);

	if (code)
		return code;
	if (text.at && !memchr(text.at, '\0', text.len) &&
	    curl_url_set(taken.parts, CURLUPART_URL, text.at, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		url = part_text(taken.parts, CURLUPART_URL, 0, arena);
	http_url_done(&taken);
	code = url.at ? http_url_take(&taken, url.at, err)
		      : err_set(err, ERR_INVALID, "a reference that leads to no URL");
	http_url_done(&taken);
	if (!code)
		*ret_url = url;
	return code;
}

static bool same_part(const struct http_url *a, const struct http_url *b, CURLUPart part)
{
	char *left = NULL, *right = NULL;
	bool same = curl_url_get(a->parts, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b->parts, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strcasecmp(left, right) == 0;

	curl_free(left);
	curl_free(right);
	return same;
}

bool http_url_same_origin(const char *a, const char *b)
{
	struct http_url left = {0}, right = {0};
	bool same = http_url_take(&left, a, NULL) == ERR_OK && http_url_take(&right, b, NULL) == ERR_OK &&
		    same_part(&left, &right, CURLUPART_SCHEME) && same_part(&left, &right, CURLUPART_HOST) &&
		    same_part(&left, &right, CURLUPART_PORT);

	http_url_done(&left);
	http_url_done(&right);
	return same;
}
