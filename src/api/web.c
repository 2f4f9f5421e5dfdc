/* The console: its page at the paths that it knows, and the files that the page loads. All of it is in the program,
 * compressed; with the setting console.folder it is read from there at each request, for those who work on it. Nothing
 * comes from other hosts, and the content security policy keeps it so.
 *
 * The page holds nothing of the city and is served to everybody: what it shows it asks of the API, as whoever is signed
 * in. */
#include "api/api_int.h"
#include "api/web_files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* MapLibre GL makes its worker of a script of ours and pictures of blobs; it writes styles through the CSSOM alone. */
#define WEB_CSP                                                                                                        \
	"default-src 'none'; script-src 'self' 'sha256-%s'; style-src 'self'; img-src 'self' data: blob:%s%.*s; "      \
	"connect-src 'self'%s%.*s; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "      \
	"frame-ancestors 'none'"

#define WEB_SHELL "/web/index.html"
#define WEB_FILE_BYTES_MAX (8u << 20) /* of one in console.folder */
#define WEB_ANSWER_BYTES_MAX (64u << 10)
#define GZIP_WINDOW_BITS (16 + MAX_WBITS)

/* First segments of the paths at which the page is served; what follows them is the page's own. */
static const char *const pages[] = {
	"",        "entities", "history", "feeds",   "subscriptions", "notifications", "registrations",
	"tenants", "system",   "api",     "account", "accounts",      "audit",         "consumption",
};

enum coding { CODING_BROTLI, CODING_GZIP, CODING_IDENTITY };

static const char *const coding_tails[] = {[CODING_BROTLI] = "-br", [CODING_GZIP] = "-gz", [CODING_IDENTITY] = ""};

/* "https://tiles.example:8443/a/{z}" as " https://tiles.example:8443": the one other host that a page may ask. */
static struct str origin_of(struct str url)
{
	size_t end;

	if (!str_find(url, ':', &end) || !str_starts(str_part(url, end, url.len), STR("://")))
		return STR("");
	end += 3;
	while (end < url.len && url.at[end] != '/' && url.at[end] != '?')
		end++;
	return str_part(url, 0, end);
}

enum err_code web_init(struct api *api, struct error *err)
{
	struct str tiles = origin_of(str_from(api->options.console.tiles ? api->options.console.tiles : ""));
	const char *blank = tiles.len ? " " : "";

	for (size_t i = 0; i < tiles.len; i++) /* what would end a word of the policy */
		if (tiles.at[i] <= ' ' || strchr(";,\"'", tiles.at[i]))
			return err_set(err, ERR_INVALID, "console.tiles is no URL: \"%.*s\"", STR_FMT(tiles));

	api->web_csp =
		arena_printf(&api->arena, WEB_CSP, web_import_map_hash, blank, STR_FMT(tiles), blank, STR_FMT(tiles));
	return api->web_csp.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the pages");
}

/* ---- GET /api/v1/console ---- */

void show_console(struct call *call)
{
	const struct api_console *console = &call->api->options.console;
	struct buf out;

	buf_init(&out, WEB_ANSWER_BYTES_MAX);
	buf_put(&out, STR("{\"city\":"));
	json_write_string(&out, str_from(console->city ? console->city : ""));
	buf_put(&out, STR(",\"tiles\":"));
	json_write_string(&out, str_from(console->tiles ? console->tiles : ""));
	buf_put(&out, STR(",\"tilesAttribution\":"));
	json_write_string(&out, str_from(console->tiles_attribution ? console->tiles_attribution : ""));
	buf_put(&out, STR("}"));
	answer_buf(call, 200, STR("application/json"), &out);
}

/* ---- which file ---- */

static bool is_page(struct str path)
{
	struct str first, rest = str_part(path, 1, path.len);

	if (path.len == 0 || path.at[0] != '/' || !str_next(&rest, '/', &first))
		return false;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (str_eq(first, str_from(pages[i])))
			return true;
	return false;
}

static const struct web_source *source_find(struct str path)
{
	if (str_eq(path, STR("/favicon.ico")))
		path = STR("/web/icon.svg");
	for (size_t i = 0; i < web_source_count; i++)
		if (str_eq(path, str_from(web_sources[i].path)))
			return &web_sources[i];
	return is_page(path) ? source_find(STR(WEB_SHELL)) : NULL;
}

/* ---- from the program ---- */

/* A coding that Accept-Encoding takes (RFC 9110 section 12.5.3); a quality of 0 takes it not. */
static bool accepts(struct str accept, struct str coding)
{
	struct str part;

	while (str_next(&accept, ',', &part)) {
		struct str name, quality = str_trim(part);

		if (!str_next(&quality, ';', &name) || !str_eq_nocase(str_trim(name), coding))
			continue;
		quality = str_trim(quality);
		return !quality.at || !(str_eq(quality, STR("q=0")) || str_starts(quality, STR("q=0.0")));
	}
	return false;
}

static enum coding coding_choose(struct str accept)
{
	if (accepts(accept, STR("br")))
		return CODING_BROTLI;
	return accepts(accept, STR("gzip")) ? CODING_GZIP : CODING_IDENTITY;
}

static void answer_inflated(struct call *call, const struct web_source *source, const char *etag)
{
	struct str text = {NULL, 0};
	z_stream stream = {.next_in = (unsigned char *)(uintptr_t)source->gzip,
			   .avail_in = (unsigned int)source->gzip_bytes};
	char *room = arena_alloc(call->arena, source->bytes + 1);

	if (room && inflateInit2(&stream, GZIP_WINDOW_BITS) == Z_OK) {
		stream.next_out = (unsigned char *)room;
		stream.avail_out = (unsigned int)source->bytes + 1;
		if (inflate(&stream, Z_FINISH) == Z_STREAM_END)
			text = (struct str){room, stream.total_out};
		(void)inflateEnd(&stream);
	}
	if (text.at)
		answer_static(call, str_from(source->type), text, etag);
	else
		problem_refuse(call->api, call->request, 503, "no memory for a page");
}

static void answer_source(struct call *call, const struct web_source *source)
{
	enum coding coding = coding_choose(http_request_header(call->request, STR("Accept-Encoding")));
	struct str etag = arena_printf(call->arena, "\"%s%s\"", source->digest, coding_tails[coding]);

	if (!etag.at) {
		problem_refuse(call->api, call->request, 503, "no memory for a page");
		return;
	}
	if (coding == CODING_IDENTITY) {
		(void)http_response_header(call->request, "Vary", STR("Accept-Encoding"));
		answer_inflated(call, source, etag.at);
		return;
	}
	bool brotli = coding == CODING_BROTLI;
	struct str body = {(const char *)(brotli ? source->brotli : source->gzip),
			   brotli ? source->brotli_bytes : source->gzip_bytes};

	(void)http_response_header(call->request, "Vary", STR("Accept-Encoding"));
	(void)http_response_header(call->request, "Content-Encoding", brotli ? STR("br") : STR("gzip"));
	answer_static(call, str_from(source->type), body, etag.at);
}

/* ---- from console.folder ---- */

static bool read_file(struct call *call, const char *path, struct str *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;
	char *room = NULL;
	size_t got = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= WEB_FILE_BYTES_MAX)
		room = arena_alloc(call->arena, (size_t)about.st_size + 1);
	while (room && got < (size_t)about.st_size) {
		ssize_t n = read(fd, room + got, (size_t)about.st_size - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	(void)close(fd);
	*ret = (struct str){room, got};
	return room != NULL;
}

static void answer_file(struct call *call, const struct web_source *source)
{
	struct str body, path = arena_printf(call->arena, "%s/%s", call->api->options.console.folder, source->source);
	char etag[40];

	if (!path.at || !read_file(call, path.at, &body)) {
		answer_problem(call, PROBLEM_NOT_FOUND, "console.folder has no %s that can be read", source->source);
		return;
	}
	etag_make(body, etag);
	answer_static(call, str_from(source->type), body, etag);
}

/* The router's last resort: a page, or nothing. */
void show_file(struct call *call)
{
	struct str method = http_request_method(call->request);
	const struct web_source *source = source_find(http_request_path(call->request));

	if (!source) {
		answer_problem(call, PROBLEM_NOT_FOUND, "there is nothing at %.*s",
			       STR_FMT(http_request_path(call->request)));
		return;
	}
	if (!str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD"))) {
		(void)http_response_header(call->request, "Allow", STR("GET, HEAD"));
		answer_problem(call, PROBLEM_METHOD_NOT_ALLOWED, "a page is only read");
		return;
	}
	(void)http_response_header(call->request, "Content-Security-Policy", call->api->web_csp);
	(void)http_response_header(call->request, "Referrer-Policy", STR("no-referrer"));
	(void)http_response_header(call->request, "Cross-Origin-Opener-Policy", STR("same-origin"));
	(void)http_response_header(call->request, "Permissions-Policy",
				   STR("geolocation=(self), camera=(), microphone=()"));
	if (call->api->options.console.folder && call->api->options.console.folder[0])
		answer_file(call, source);
	else
		answer_source(call, source);
}
