/* The pages inside the program: start page, API page and what they load. Nothing comes from other hosts, and the
 * content security policy keeps it so. */
#include "api/api_int.h"

#include <stdlib.h>

#define WEB_CSP                                                                                                        \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "          \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define WEB_FILE(symbol)                                                                                               \
	extern const unsigned char web_##symbol[];                                                                     \
	extern const size_t web_##symbol##_bytes

WEB_FILE(index_html);
WEB_FILE(api_html);
WEB_FILE(machi_css);
WEB_FILE(city_js);
WEB_FILE(map_js);
WEB_FILE(api_js);
WEB_FILE(feeds_html);
WEB_FILE(feeds_js);
WEB_FILE(icon_svg);

struct web_source {
	const char *path, *type;
	const unsigned char *at;
	const size_t *bytes;
};

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

static const struct web_source sources[] = {
	{"/", HTML, web_index_html, &web_index_html_bytes},
	{"/api", HTML, web_api_html, &web_api_html_bytes},
	{"/feeds", HTML, web_feeds_html, &web_feeds_html_bytes},
	{"/web/machi.css", "text/css; charset=utf-8", web_machi_css, &web_machi_css_bytes},
	{"/web/city.js", SCRIPT, web_city_js, &web_city_js_bytes},
	{"/web/map.js", SCRIPT, web_map_js, &web_map_js_bytes},
	{"/web/api.js", SCRIPT, web_api_js, &web_api_js_bytes},
	{"/web/feeds.js", SCRIPT, web_feeds_js, &web_feeds_js_bytes},
	{"/web/icon.svg", "image/svg+xml", web_icon_svg, &web_icon_svg_bytes},
	{"/favicon.ico", "image/svg+xml", web_icon_svg, &web_icon_svg_bytes},
};

enum err_code web_init(struct api *api, struct error *err)
{
	api->file_count = sizeof(sources) / sizeof(sources[0]);
	api->files = arena_array(&api->arena, struct web_file, api->file_count);
	if (!api->files)
		return err_set(err, ERR_MEMORY, "no memory for the pages");
	for (size_t i = 0; i < api->file_count; i++) {
		api->files[i] = (struct web_file){.path = sources[i].path, .type = sources[i].type};
		api->files[i].bytes = (struct str){(const char *)sources[i].at, *sources[i].bytes};
		etag_make(api->files[i].bytes, api->files[i].etag);
	}
	return ERR_OK;
}

static const struct web_file *file_find(const struct api *api, struct str path)
{
	if (path.len > 1 && path.at[path.len - 1] == '/')
		path = str_part(path, 0, path.len - 1);
	for (size_t i = 0; i < api->file_count; i++)
		if (str_eq(path, str_from(api->files[i].path)))
			return &api->files[i];
	return NULL;
}

/* The router's last resort: a page, or nothing. */
void show_file(struct call *call)
{
	struct str method = http_request_method(call->request);
	const struct web_file *file = file_find(call->api, http_request_path(call->request));

	if (!file) {
		answer_problem(call, PROBLEM_NOT_FOUND, "there is nothing at %.*s",
			       STR_FMT(http_request_path(call->request)));
		return;
	}
	if (!str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD"))) {
		(void)http_response_header(call->request, "Allow", STR("GET, HEAD"));
		answer_problem(call, PROBLEM_METHOD_NOT_ALLOWED, "a page is only read");
		return;
	}
	(void)http_response_header(call->request, "Content-Security-Policy", STR(WEB_CSP));
	(void)http_response_header(call->request, "Referrer-Policy", STR("no-referrer"));
	answer_static(call, str_from(file->type), file->bytes, file->etag);
}
