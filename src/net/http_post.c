/* The method and headers of a post, and the headers of its answer. Headers come from subscribers and registrations, so
 * each is looked at before it may reach a receiver. The list that libcurl wants is made of nodes and a text that are
 * used again, without an allocation for each. */
#include "net/http_post_int.h"

#include "base/arena.h"
#include "base/buf.h"
#include "net/http_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OWN_HEADERS 4u
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

static bool is_method(const char *method)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

enum err_code http_header_check(struct str name, struct str value, struct error *err)
{
	struct str shown = str_part(name, 0, HEADER_SHOWN_BYTES);

	if (!is_token(name))
		return err_set(err, ERR_INVALID, "a header has a name that is no token");
	if (is_ours(name))
		return err_set(err, ERR_INVALID, "the header %.*s cannot be set", STR_FMT(shown));
	if (!is_field_value(value))
		return err_set(err, ERR_INVALID, "the value of the header %.*s has control characters", STR_FMT(shown));
	return ERR_OK;
}

static enum err_code check_headers(const struct http_post *post, struct error *err)
{
	size_t bytes = 0;

	if (post->header_count > HTTP_POST_HEADERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %u headers", HTTP_POST_HEADERS_MAX);
	for (size_t i = 0; i < post->header_count; i++) {
		const struct http_post_header *header = &post->headers[i];

		enum err_code code = http_header_check(header->name, header->value, err);

		if (code)
			return code;
		bytes += header->name.len + header->value.len;
		if (bytes > HTTP_POST_HEADER_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "headers of more than %zu bytes", HTTP_POST_HEADER_BYTES_MAX);
	}
	return ERR_OK;
}

static void empty_wanted(struct http_post *post)
{
	for (size_t i = 0; i < post->wanted_count; i++)
		post->wanted[i].value = STR_NONE;
}

enum err_code http_post_check(struct http_post *post, struct error *err)
{
	assert(post->wanted_count == 0 || post->arena);
	empty_wanted(post);
	if (post->method && !is_method(post->method))
		return err_set(err, ERR_INVALID, "a method that is not offered: \"%.20s\"", post->method);
	if (post->method && strcmp(post->method, "GET") == 0 && post->body.len > 0)
		return err_set(err, ERR_INVALID, "a GET has no body");
	if (post->wanted_count > HTTP_POST_WANTED_MAX)
		return err_set(err, ERR_LIMIT, "more than %u headers wanted", HTTP_POST_WANTED_MAX);
	return check_headers(post, err);
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

static bool has_header(const struct http_post *post, struct str name)
{
	for (size_t i = 0; i < post->header_count; i++)
		if (str_eq_nocase(post->headers[i].name, name))
			return true;
	return false;
}

struct curl_slist *http_post_fields_list(struct http_post_fields *fields, const struct http_post *post)
{
	/* An answer that is read is wanted as it is: a packed one could unfold to any size. */
	static const char *const own[OWN_HEADERS] = {
		"Expect:", "Accept:", "Content-Type:", "Accept-Encoding: identity"};
	bool identity = post->answer && !has_header(post, STR("Accept-Encoding"));
	struct buf *text = &fields->text;
	struct curl_slist *nodes = fields->nodes;
	size_t at = 0, count = post->header_count + OWN_HEADERS - (identity ? 0 : 1);

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

/* ---- headers of the answer ---- */

/* Several fields of one name are one list (RFC 9110, 5.3). */
static enum err_code take_one(struct http_post_wanted *wanted, struct arena *arena, CURL *curl, size_t *bytes_left,
			      struct error *err)
{
	struct str values[HTTP_POST_WANTED_FIELDS_MAX];
	struct curl_header *header;
	size_t count = 0, bytes = 0;

	while (curl_easy_header(curl, wanted->name, count, CURLH_HEADER, -1, &header) == CURLHE_OK) {
		if (count == HTTP_POST_WANTED_FIELDS_MAX)
			return err_set(err, ERR_LIMIT, "with more than %u fields of %.40s", HTTP_POST_WANTED_FIELDS_MAX,
				       wanted->name);
		values[count] = str_trim(str_from(header->value)); /* libcurl leaves the end of an empty one's line */
		bytes += values[count].len + (count > 0 ? 2 : 0);
		count++;
	}
	if (count == 0)
		return ERR_OK;
	if (bytes > *bytes_left)
		return err_set(err, ERR_LIMIT, "with headers of more than %zu bytes", HTTP_POST_WANTED_BYTES_MAX);
	char *at = arena_bytes(arena, bytes, 0);

	if (!at)
		return err_set(err, ERR_MEMORY, "there is no memory for its headers");
	wanted->value = (struct str){at, bytes};
	*bytes_left -= bytes;
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			memcpy(at, ", ", 2);
			at += 2;
		}
		memcpy(at, values[i].at, values[i].len);
		at += values[i].len;
	}
	return ERR_OK;
}

enum err_code http_post_take_wanted(struct http_post *post, CURL *curl, struct error *err)
{
	size_t bytes_left = HTTP_POST_WANTED_BYTES_MAX;

	for (size_t i = 0; i < post->wanted_count; i++) {
		enum err_code code = take_one(&post->wanted[i], post->arena, curl, &bytes_left, err);

		if (code != ERR_OK) {
			empty_wanted(post);
			return code;
		}
	}
	return ERR_OK;
}
