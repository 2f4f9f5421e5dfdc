/* Commands over HTTP: a request for each, whose status says how it ended. It is sent once: no redirect is followed, and
 * what got no answer has an unknown end. One after another, on the feed's thread. */
#include "feed/feed_fetch_int.h"

#include "net/http_url.h"

#include <string.h>

#define TIMEOUT_S_DEFAULT 5u
#define TIMEOUT_S_MAX 60u
#define URL_BYTES_MAX 8192u
#define BODY_BYTES_MAX ((size_t)1 << 20)
#define ARENA_BYTES_MAX ((size_t)1 << 20)

struct http_send {
	struct name_pattern url, body;
	struct str shown; /* its scheme, host and port */
	bool has_body;
	const char *method, *content_type;
	uint32_t timeout_s;
	struct feed_headers headers;
};

/* ---- settings ---- */

/* Names of entities may stand behind the host alone: whoever may name one could else have the feed ask anybody. */
static bool names_follow_host(const struct name_pattern *url)
{
	struct str literal = url->pieces[0].literal;
	size_t colon, slash;

	return str_find(literal, ':', &colon) && str_starts(str_part(literal, colon, literal.len), STR("://")) &&
	       str_find(str_part(literal, colon + 3, literal.len), '/', &slash);
}

static enum err_code read_url(struct feed *feed, const struct mapping_reader *reader, const struct command_plan *plan,
			      const struct yaml_tree *node, struct http_send *send)
{
	const struct yaml_tree *url = yaml_tree_get(node, STR("url"));
	bool there = false;
	struct http_url_view view;
	struct error cause;
	enum err_code code = feed_read_send_text(reader, plan, node, "url", &send->url, &there);

	if (code)
		return code;
	if (!there)
		return yaml_tree_refuse(node, reader->err, "expected \"url:\" that the device is told by");
	if (!names_follow_host(&send->url))
		return yaml_tree_refuse(url, reader->err,
					"expected a URL of http or https with names behind its host only, as in "
					"https://lamps.lan/{id}");
	struct str start = arena_dup(&feed->arena, send->url.pieces[0].literal);

	if (!start.at)
		return mapping_no_memory(reader);
	if (memchr(url->text.at, '\0', url->text.len))
		return yaml_tree_refuse(url, reader->err, "expected a URL without NUL");
	code = http_url_look(start.at, &feed->arena, &view, &cause);
	if (code)
		return yaml_tree_refuse(url, reader->err, "%s", cause.detail);
	send->shown = view.shown;
	return ERR_OK;
}

static enum err_code read_request(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct http_send *send)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE"};
	const char *method = "POST";
	struct error cause;
	enum err_code code = feed_read_c_text(reader, node, "method", &method);

	send->content_type = "application/json";
	if (!code)
		code = feed_read_c_text(reader, node, "content_type", &send->content_type);
	if (!code && http_header_check(STR("Content-Type"), str_from(send->content_type), &cause) != ERR_OK)
		return yaml_tree_refuse(yaml_tree_get(node, STR("content_type")), reader->err, "%s", cause.detail);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			send->method = methods[i];
	if (!code && !send->method)
		return yaml_tree_refuse(yaml_tree_get(node, STR("method")), reader->err,
					"expected POST, PUT, PATCH, GET or DELETE behind \"method\"");
	if (!code && send->has_body && strcmp(method, "GET") == 0)
		return yaml_tree_refuse(yaml_tree_get(node, STR("body")), reader->err, "a GET has no body");
	return code;
}

enum err_code feed_http_read_send(struct feed *feed, const struct mapping_reader *reader,
				  const struct command_plan *plan, const struct yaml_tree *node, void **ret_send)
{
	static const char *const known[] = {"url", "method", "body", "content_type", "headers", "timeout", NULL};
	struct http_send *send = arena_new(&feed->arena, struct http_send);

	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = read_url(feed, reader, plan, node, send);
	if (!code)
		code = feed_read_send_text(reader, plan, node, "body", &send->body, &send->has_body);
	if (!code)
		code = read_request(reader, node, send);
	if (!code)
		code = feed_read_headers(feed, reader, node, &send->headers);
	if (!code)
		code = feed_read_timeout(reader, node, TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, &send->timeout_s);
	*ret_send = send;
	return code;
}

/* ---- sending ---- */

static void put_encoded(void *self, struct buf *out, const struct name_value *value)
{
	(void)self;
	buf_put_percent(out, value->value, STR_NONE);
}

/* Values are one part each: "." and ".." would lead to another place. */
static bool fill_url(const struct http_send *send, const struct feed_command *command, struct buf *url)
{
	for (size_t i = 0; i + 1 < send->url.count; i++)
		for (size_t j = 0; j < command->value_count; j++) {
			struct str value = command->values[j].value;

			if (str_eq(command->values[j].name, send->url.pieces[i].name) &&
			    (value.len == 0 || str_eq(value, STR(".")) || str_eq(value, STR(".."))))
				return false;
		}
	name_pattern_fill(&send->url, command->values, command->value_count, put_encoded, NULL, url);
	buf_put_char(url, '\0');
	return !url->failed;
}

static bool goes_on(void *self)
{
	struct feed *feed = self;

	if (feed->kind->meanwhile)
		feed->kind->meanwhile(feed);
	intake_turn(feed->intake);
	return feed_goes_on(feed);
}

static enum err_code ask(struct feed *feed, const struct http_send *send, const char *url, struct str body,
			 struct error *err)
{
	const struct http_fetch_options options = {
		.timeout_ms = send->timeout_s * 1000,
		.policy = feed->stored ? feed->options->policy : NULL,
		.headers = send->headers.lines,
		.method = strcmp(send->method, "GET") == 0 ? NULL : send->method,
		.content_type = send->has_body ? send->content_type : NULL,
		.body = body,
		.any_status = true,
		.status_only = true,
		.hides_query = true,
		.goes_on = goes_on,
		.self = feed,
	};
	struct http_answer answer;
	struct arena arena;
	struct buf nothing;

	arena_init(&arena, ARENA_BYTES_MAX);
	buf_init(&nothing, 0);
	enum err_code code = http_get(url, &options, &arena, &answer, &nothing, err);

	if (!code && (answer.status < 200 || answer.status > 299))
		code = err_set(err, ERR_IO, "%.*s answered with status %d", STR_FMT(str_part(send->shown, 0, 100)),
			       answer.status);
	buf_done(&nothing);
	arena_done(&arena);
	return code;
}

enum feed_send feed_http_send(struct feed *feed, const struct feed_command *command)
{
	const struct http_send *send = command->plan->send;
	struct buf url, body;
	struct error err;
	enum err_code code;

	if (!feed_goes_on(feed))
		return FEED_SEND_LATER;
	buf_init(&url, URL_BYTES_MAX);
	buf_init(&body, BODY_BYTES_MAX);
	if (!fill_url(send, command, &url))
		code = err_set(&err, ERR_INVALID, "what the entity is called, or its value, is no part of a URL");
	else if (send->has_body && !feed_fill_send_text(&send->body, command, &body))
		code = err_set(&err, ERR_INVALID, "a body of more than %zu bytes", BODY_BYTES_MAX);
	else
		code = ask(feed, send, url.at, buf_str(&body), &err);
	buf_done(&url);
	buf_done(&body);
	/* Of a request that a stop has cut off nobody knows how it ended; feed_commands_end() says so. */
	if (code != ERR_CONFLICT)
		feed_command_end(feed, command->number, code ? err.detail : NULL);
	return FEED_SEND_TAKEN;
}
