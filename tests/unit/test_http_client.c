/* The HTTP client against our own server in the same process: bodies, bounds, redirects, refusals. What it must not do
 * (use a proxy of the environment, follow to other protocols, show a password) is tested by setting the trap. */
#include "check.h"
#include "net/http_client.h"
#include "net/http_server.h"

#include <stdatomic.h>
#include <string.h>

static struct http_server *server;
static _Atomic int asked;
static _Atomic(struct http_request *) muted; /* suspended until the test wakes it */

static void on_woken(struct http_request *request)
{
	http_respond(request, 200, STR("too late"));
}

static void on_request(void *self, void *state, struct http_request *request)
{
	struct str path = http_request_path(request);
	struct str accept = http_request_header(request, STR("Accept"));
	int64_t hops;

	(void)self;
	(void)state;
	atomic_fetch_add(&asked, 1);
	if (str_eq(path, STR("/document"))) {
		http_respond(request, 200, STR("{\"@context\":{}}"));
	} else if (str_eq(path, STR("/accept"))) {
		http_respond(request, 200, accept.at ? accept : STR("none"));
	} else if (str_starts(path, STR("/hop/")) && str_to_int64(str_part(path, 5, path.len), &hops)) {
		(void)http_response_header(request, "Location",
					   hops > 1
						   ? arena_printf(http_request_arena(request), "/hop/%d", (int)hops - 1)
						   : STR("/document"));
		http_respond(request, 302, STR("elsewhere"));
	} else if (str_eq(path, STR("/file"))) {
		(void)http_response_header(request, "Location", STR("file:///etc/hostname"));
		http_respond(request, 302, STR(""));
	} else if (str_eq(path, STR("/mute"))) {
		http_request_suspend(request, on_woken);
		atomic_store(&muted, request);
	} else if (str_eq(path, STR("/error"))) {
		http_respond(request, 500, STR("inside"));
	} else {
		http_respond(request, 404, STR("not here"));
	}
}

static enum err_code fetch(const char *path, const struct http_fetch_options *options, struct buf *body,
			   struct error *err)
{
	char url[128];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned int)http_server_port(server), path);
	return http_fetch(url, options, body, err);
}

static void a_document_is_appended_to_the_buffer(void)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	buf_put(&body, STR("before "));
	CHECK_OK(fetch("/document", NULL, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("before {\"@context\":{}}"));
	buf_clear(&body);
	CHECK_OK(fetch("/accept", NULL, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("none"));
	buf_clear(&body);
	CHECK_OK(fetch("/accept", &(struct http_fetch_options){.accept = "application/ld+json"}, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("application/ld+json"));
	buf_done(&body);
}

static void a_body_over_the_bound_is_a_limit_error_and_leaves_nothing(void)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body, 10);
	CHECK(fetch("/document", NULL, &body, &err) == ERR_LIMIT);
	CHECK(str_contains(str_from(err.detail), STR("larger than 10 bytes")));
	CHECK(body.len == 0 && !body.failed);
	buf_done(&body);
}

static void statuses_become_errors_that_name_the_url(void)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	CHECK(fetch("/none", NULL, &body, &err) == ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), STR("/none")));
	CHECK(fetch("/error", NULL, &body, &err) == ERR_IO);
	CHECK(str_contains(str_from(err.detail), STR("500")));
	CHECK(http_fetch("http://127.0.0.1:1/x", NULL, &body, &err) == ERR_IO);
	CHECK(http_fetch("http://user:secret@127.0.0.1:1/x", NULL, &body, &err) == ERR_IO);
	CHECK(!str_contains(str_from(err.detail), STR("secret")));
	CHECK(body.len == 0);
	buf_done(&body);
}

static void redirects_are_bounded_and_stay_with_http(void)
{
	struct buf body;
	struct error err = {0};
	const struct http_fetch_options three = {.redirects_max = 3};

	buf_init(&body, 1000);
	CHECK(fetch("/hop/1", NULL, &body, &err) == ERR_IO); /* none followed */
	CHECK_OK(fetch("/hop/3", &three, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("{\"@context\":{}}"));
	buf_clear(&body);
	CHECK(fetch("/hop/4", &three, &body, &err) == ERR_LIMIT);
	CHECK(fetch("/file", &three, &body, &err) == ERR_IO);
	buf_done(&body);
}

static void other_protocols_and_no_urls_are_invalid(void)
{
	static const char *const urls[] = {
		"file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://", "127.0.0.1/x", "",
		"http://[::1"};
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		if (!CHECK(http_fetch(urls[i], NULL, &body, &err) == ERR_INVALID))
			printf("# %s\n", urls[i]);
	buf_done(&body);
}

static void proxies_of_the_environment_are_not_used(void)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("all_proxy", "http://127.0.0.1:1", 1);
	CHECK_OK(fetch("/document", NULL, &body, &err), &err);
	buf_done(&body);
}

static void a_peer_that_says_nothing_is_a_timeout(void)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	CHECK(fetch("/mute", &(struct http_fetch_options){.timeout_ms = 200}, &body, &err) == ERR_TIMEOUT);
	CHECK(str_contains(str_from(err.detail), STR("/mute")));
	http_request_wake(atomic_load(&muted));
	CHECK(body.len == 0);
	buf_done(&body);
}

int main(void)
{
	const struct http_server_options options = {.address = "127.0.0.1",
						    .loop_count = 1,
						    .body_bytes_max = 65536,
						    .arena_bytes_max = 65536,
						    .handle = on_request};
	struct error err = {0};

	if (!CHECK_OK(http_server_new(&options, &server, &err), &err))
		return EXIT_FAILURE;
	RUN(a_document_is_appended_to_the_buffer);
	RUN(a_body_over_the_bound_is_a_limit_error_and_leaves_nothing);
	RUN(statuses_become_errors_that_name_the_url);
	RUN(redirects_are_bounded_and_stay_with_http);
	RUN(other_protocols_and_no_urls_are_invalid);
	RUN(proxies_of_the_environment_are_not_used);
	RUN(a_peer_that_says_nothing_is_a_timeout);
	(void)http_server_free(server);
	CHECK(atomic_load(&asked) > 0);
	return check_done();
}
