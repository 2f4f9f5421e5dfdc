/* The headers of a post. They come from subscribers, so each is looked at before it may reach a receiver. The list that
 * libcurl wants is made of nodes and a text that are used again, without an allocation for each. */
#include "net/http_post_int.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define OWN_HEADERS 3u
#define HEADER_SHOWN_BYTES 60u /* of a name, in errors */

struct http_post_fields {
	struct buf text;
	struct curl_slist nodes[HTTP_POST_HEADERS_MAX + OWN_HEADERS];
};

/* Of RFC 9110, 5.6.2. */
static bool is_token(struct str name)
{
	static const char signs[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alphanumeric && (c == '\0' || !strchr(signs, c)))
			return false;
	}
	return name.len > 0;
}

static bool is_field_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Where a message ends and whom the connection is with is not for a header to say. */
static bool is_ours(struct str name)
{
	static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Host", "Connection",
					   "Expect",         "Keep-Alive",        "TE",   "Trailer",
					   "Upgrade"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (str_eq_nocase(name, str_from(ours[i])))
			return true;
	return str_eq_nocase(str_part(name, 0, 6), STR("Proxy-"));
}

enum err_code http_post_check(const struct http_post *post, struct error *err)
{
	size_t bytes = 0;

	if (post->header_count > HTTP_POST_HEADERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %u headers", HTTP_POST_HEADERS_MAX);
	for (size_t i = 0; i < post->header_count; i++) {
		const struct http_post_header *header = &post->headers[i];

		if (!is_token(header->name))
			return err_set(err, ERR_INVALID, "header %zu has a name that is no token", i + 1);
		if (is_ours(header->name))
			return err_set(err, ERR_INVALID, "the header %.*s cannot be set",
				       STR_FMT(str_part(header->name, 0, HEADER_SHOWN_BYTES)));
		if (!is_field_value(header->value))
			return err_set(err, ERR_INVALID, "the value of the header %.*s has control characters",
				       STR_FMT(str_part(header->name, 0, HEADER_SHOWN_BYTES)));
		bytes += header->name.len + header->value.len;
		if (bytes > HTTP_POST_HEADER_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "headers of more than %zu bytes", HTTP_POST_HEADER_BYTES_MAX);
	}
	return ERR_OK;
}

struct http_post_fields *http_post_fields_new(void)
{
	struct http_post_fields *fields = calloc(1, sizeof(*fields));

	/* Each field has ": " and a NUL beside its name and value. */
	if (fields)
		buf_init(&fields->text, HTTP_POST_HEADER_BYTES_MAX + HTTP_POST_HEADERS_MAX * (size_t)3);
	return fields;
}

struct http_post_fields *http_post_fields_free(struct http_post_fields *fields)
{
	if (fields)
		buf_done(&fields->text);
	free(fields);
	return NULL;
}

struct curl_slist *http_post_fields_list(struct http_post_fields *fields, const struct http_post *post)
{
	static const char *const own[OWN_HEADERS] = {"Expect:", "Accept:", "Content-Type:"};
	struct buf *text = &fields->text;
	struct curl_slist *nodes = fields->nodes;
	size_t at = 0, count = post->header_count + OWN_HEADERS;

	buf_clear(text);
	for (size_t i = 0; i < post->header_count; i++) {
		struct str value = str_trim(post->headers[i].value);

		buf_put(text, post->headers[i].name);
		/* How libcurl is told a field with an empty value. */
		buf_put(text, value.len > 0 ? STR(": ") : STR(";"));
		buf_put(text, value);
		buf_put_char(text, '\0');
	}
	if (text->failed)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		bool given = i < post->header_count;

		/* libcurl does not write to it. */
		nodes[i].data = given ? text->at + at : (char *)(uintptr_t)own[i - post->header_count];
		nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
		at += given ? strlen(nodes[i].data) + 1 : 0;
	}
	return nodes;
}
