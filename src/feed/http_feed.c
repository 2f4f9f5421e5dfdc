/* Settings of feeds of kind http: which documents are polled, how often, and what is sent along. */
#include "feed/http_feed_int.h"

#include "net/http_url.h"

#include <stdio.h>

#define INTERVAL_S_DEFAULT 60u
#define TIMEOUT_S_DEFAULT 30u
#define TIMEOUT_S_MAX 600u
#define PAGES_DEFAULT 100u

static enum err_code refuse(const struct mapping_reader *reader, const struct yaml_tree *node, enum err_code code)
{
	struct error cause = *reader->err;

	return code == ERR_INVALID ? yaml_tree_refuse(node, reader->err, "%s", cause.detail) : code;
}

static enum err_code add_place(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct http_feed_settings *settings)
{
	struct http_feed_place *place = &settings->places[settings->place_count];
	struct http_url_view view;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_SCALAR, "a URL of http or https");

	if (!code && memchr(node->text.at, '\0', node->text.len))
		code = yaml_tree_refuse(node, reader->err, "expected a URL without NUL");
	if (code)
		return code;
	code = http_url_look(node->text.at, reader->arena, &view, reader->err);
	if (code)
		return refuse(reader, node, code);
	place->url = node->text.at; /* yaml_tree.h puts a NUL behind it */
	place->shown = view.shown;
	place->topic = str_part(view.path, 1, view.path.len);
	settings->place_count++;
	return ERR_OK;
}

static enum err_code read_places(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct http_feed_settings *settings)
{
	const struct yaml_tree *url = yaml_tree_get(node, STR("url"));
	bool many = url && url->kind == YAML_TREE_LIST;
	uint32_t count = many ? url->count : 1;
	enum err_code code = ERR_OK;

	if (!url || count == 0 || count > HTTP_FEED_PLACES_MAX)
		return yaml_tree_refuse(url ? url : node, reader->err,
					"expected \"url:\" with a URL of http or https, or a list of up to %u",
					HTTP_FEED_PLACES_MAX);
	settings->places = arena_array(&feed->arena, struct http_feed_place, count);
	if (!settings->places)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < count && !code; i++)
		code = add_place(reader, many ? &url->items[i] : url, settings);
	if (!code)
		(void)snprintf(feed->place, sizeof(feed->place), "%.*s", STR_FMT(settings->places[0].shown));
	return code;
}

static enum err_code read_request(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct http_feed_settings *settings)
{
	const struct yaml_tree *method = yaml_tree_get(node, STR("method"));
	enum err_code code = mapping_read_text(reader, node, "body", &settings->body);

	settings->content_type = "application/json";
	if (!code)
		code = feed_read_c_text(reader, node, "content_type", &settings->content_type);
	if (!code && http_header_check(STR("Content-Type"), str_from(settings->content_type), reader->err) != ERR_OK)
		code = refuse(reader, yaml_tree_get(node, STR("content_type")), ERR_INVALID);
	if (!code)
		code = feed_read_c_text(reader, node, "method", &settings->method);
	if (code)
		return code;
	if (!settings->method)
		settings->method = settings->body.at ? "POST" : "GET";
	if (strcmp(settings->method, "GET") != 0 && strcmp(settings->method, "POST") != 0)
		return yaml_tree_refuse(method, reader->err, "expected GET or POST behind \"method\"");
	settings->is_get = strcmp(settings->method, "GET") == 0;
	if (settings->is_get && settings->body.at)
		return yaml_tree_refuse(yaml_tree_get(node, STR("body")), reader->err, "a GET has no body");
	return ERR_OK;
}

static enum err_code read_paging(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct http_feed_settings *settings)
{
	const struct yaml_tree *next = yaml_tree_get(node, STR("next"));
	double pages = PAGES_DEFAULT;
	enum err_code code = mapping_read_number(reader, node, "pages", 1, HTTP_FEED_PAGES_MAX, &pages);

	settings->pages_max = (uint32_t)pages;
	if (code || !next)
		return code;
	code = mapping_expect(reader, next, YAML_TREE_SCALAR, "a path such as $['@iot.nextLink']");
	if (!code) {
		code = json_path_parse(next->text, &feed->arena, &settings->next, reader->err);
		code = code ? refuse(reader, next, code) : ERR_OK;
	}
	if (!code && feed->has_format && feed->format != FEED_FORMAT_JSON)
		return yaml_tree_refuse(next, reader->err, "only JSON has a place for the next page's URL");
	settings->has_next = true;
	return code;
}

static enum err_code read_times(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct http_feed_settings *settings)
{
	enum err_code code = feed_read_seconds(reader, node, "interval", INTERVAL_S_DEFAULT, &settings->interval_s);

	if (!code)
		code = feed_read_timeout(reader, node, TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, &settings->timeout_s);
	return code;
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"url",          "interval", "timeout", "headers", "method", "body",
					    "content_type", "next",     "pages",   "format",  NULL};
	struct http_feed_settings *settings = arena_new(&feed->arena, struct http_feed_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = read_places(feed, reader, node, settings);
	if (!code)
		code = read_times(reader, node, settings);
	if (!code)
		code = feed_read_headers(feed, reader, node, &settings->headers);
	if (!code)
		code = read_request(reader, node, settings);
	if (!code)
		code = feed_read_format(feed, reader, node);
	if (!code)
		code = read_paging(feed, reader, node, settings);
	feed->settings = settings;
	return code;
}

const struct feed_kind feed_kind_http = {
	.name = "http",
	.read = read_settings,
	.run = http_feed_run,
	.forget = http_feed_forget,
	.read_send = feed_http_read_send,
	.send = feed_http_send,
};
