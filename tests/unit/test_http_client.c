/* The HTTP client against our own server in the same process: bodies, bounds, redirects, refusals. What it must not do
 * (use a proxy of the environment, follow to other protocols, show a password) is tested by setting the trap. */
#include "check.h"
#include "net/address_policy.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/http_url.h"

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
	} else if (str_eq(path, STR("/away"))) {
		(void)http_response_header(request, "Location", STR("http://127.0.0.2:1/document"));
		http_respond(request, 307, STR(""));
	} else if (str_eq(path, STR("/key"))) {
		struct str key = http_request_header(request, STR("X-Api-Key"));

		http_respond(request, 200, key.at ? key : STR("none"));
	} else if (str_eq(path, STR("/key-here")) || str_eq(path, STR("/key-there"))) {
		/* "localhost" is the same server by another name, so another origin. */
		struct str to = str_eq(path, STR("/key-here"))
					? STR("/key")
					: arena_printf(http_request_arena(request), "http://localhost:%u/key",
						       (unsigned int)http_server_port(server));

		(void)http_response_header(request, "Location", to);
		http_respond(request, 302, STR(""));
	} else if (str_eq(path, STR("/busy"))) {
		(void)http_response_header(request, "Retry-After", STR("7"));
		http_respond(request, 429, STR("slower"));
	} else if (str_eq(path, STR("/file"))) {
		(void)http_response_header(request, "Location", STR("file:///etc/hostname"));
		http_respond(request, 302, STR(""));
	} else if (str_eq(path, STR("/page"))) {
		(void)http_response_header(request, "Content-Type", STR("text/html"));
		(void)http_response_header(request, "Link",
					   STR("<document>; rel=\"alternate\"; type=\"application/ld+json\""));
		http_respond(request, 200, STR("<html>"));
	} else if (str_eq(path, STR("/tagged"))) {
		bool same = str_eq(http_request_header(request, STR("If-None-Match")), STR("\"one\"")) ||
			    http_request_header(request, STR("If-Modified-Since")).at;

		(void)http_response_header(request, "ETag", STR("\"one\""));
		(void)http_response_header(request, "Cache-Control", STR("max-age=60"));
		(void)http_response_header(request, "Cache-Control", STR("public"));
		http_respond(request, same ? 304 : 200, same ? STR("") : STR("tagged"));
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

static struct http_answer answer;

static enum err_code get(const char *path, const struct http_fetch_options *options, struct arena *arena,
			 struct buf *body, struct error *err)
{
	char url[128];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned int)http_server_port(server), path);
	return http_get(url, options, arena, &answer, body, err);
}

static void the_answer_tells_its_fields_and_where_it_came_from(void)
{
	const struct http_fetch_options two = {.redirects_max = 2};
	struct arena arena;
	struct buf body;
	struct error err = {0};

	arena_init(&arena, 1u << 20);
	buf_init(&body, 1000);
	CHECK_OK(get("/tagged", NULL, &arena, &body, &err), &err);
	CHECK(answer.status == 200);
	CHECK_STR(answer.etag, STR("\"one\""));
	CHECK_STR(answer.cache_control, STR("max-age=60, public"));
	CHECK(!answer.expires.at && !answer.age.at && !answer.last_modified.at);
	CHECK(str_ends(answer.url, STR("/tagged")));
	buf_clear(&body);
	CHECK_OK(get("/hop/2", &two, &arena, &body, &err), &err);
	CHECK(str_ends(answer.url, STR("/document")));
	buf_done(&body);
	arena_done(&arena);
}

static void a_condition_may_be_answered_304(void)
{
	struct arena arena;
	struct buf body;
	struct error err = {0};

	arena_init(&arena, 1u << 20);
	buf_init(&body, 1000);
	CHECK_OK(get("/tagged", &(struct http_fetch_options){.if_none_match = "\"one\""}, &arena, &body, &err), &err);
	CHECK(answer.status == 304 && body.len == 0);
	CHECK_OK(get("/tagged", &(struct http_fetch_options){.if_modified_since = "Sun, 06 Nov 1994 08:49:37 GMT"},
		     &arena, &body, &err),
		 &err);
	CHECK(answer.status == 304);
	CHECK_OK(get("/tagged", &(struct http_fetch_options){.if_none_match = "\"two\""}, &arena, &body, &err), &err);
	CHECK(answer.status == 200);
	CHECK_STR(buf_str(&body), STR("tagged"));
	buf_done(&body);
	arena_done(&arena);
}

static void a_page_leads_to_its_alternate(void)
{
	struct http_fetch_options options = {.redirects_max = 1, .alternate_type = "application/ld+json"};
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	/* "/document" has no Content-Type either, but no link: it is what was asked for. */
	CHECK_OK(fetch("/page", &options, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("{\"@context\":{}}"));
	buf_clear(&body);
	options.alternate_type = NULL;
	CHECK_OK(fetch("/page", &options, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("<html>"));
	buf_done(&body);
}

static void the_policy_decides_on_the_address_of_every_step(void)
{
	static const char *const loopback[] = {"127.0.0.1"};
	struct http_fetch_options options = {.redirects_max = 3};
	struct address_policy *policy = NULL;
	struct buf body;
	struct error err = {0};
	int before = atomic_load(&asked);

	buf_init(&body, 1000);
	CHECK_OK(address_policy_new(NULL, 0, &policy, &err), &err);
	options.policy = policy;
	CHECK(fetch("/document", &options, &body, &err) == ERR_DENIED);
	CHECK(str_contains(str_from(err.detail), STR("127.0.0.1 may not be connected to")));
	/* By a name too. */
	char url[128];

	(void)snprintf(url, sizeof(url), "http://localhost:%u/document", (unsigned int)http_server_port(server));
	CHECK(http_fetch(url, &options, &body, &err) == ERR_DENIED);
	CHECK(atomic_load(&asked) == before);
	(void)address_policy_free(policy);
	CHECK_OK(address_policy_new(loopback, 1, &policy, &err), &err);
	options.policy = policy;
	CHECK_OK(fetch("/document", &options, &body, &err), &err);
	/* A redirect leads to 127.0.0.2: the same server would answer there. */
	CHECK(fetch("/away", &options, &body, &err) == ERR_DENIED);
	CHECK(str_contains(str_from(err.detail), STR("127.0.0.2")));
	(void)address_policy_free(policy);
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

static void a_key_goes_to_its_own_origin_only(void)
{
	static const char *const headers[] = {"X-Api-Key: s3cret", NULL};
	const struct http_fetch_options options = {.redirects_max = 2, .headers = headers};
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	CHECK_OK(fetch("/key", &options, &body, &err), &err);
	CHECK_OK(fetch("/key-here", &options, &body, &err), &err);
	CHECK_OK(fetch("/key-there", &options, &body, &err), &err);
	CHECK_STR(buf_str(&body), STR("s3crets3cretnone"));
	buf_done(&body);
}

static void a_query_can_be_left_out_of_errors(void)
{
	const struct http_fetch_options options = {.hides_query = true};
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	CHECK(fetch("/none?key=s3cret", &options, &body, &err) == ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), STR("/none is")));
	CHECK(!str_contains(str_from(err.detail), STR("s3cret")));
	CHECK(fetch("/none?key=s3cret", NULL, &body, &err) == ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), STR("s3cret")));
	buf_done(&body);
}

static void any_status_tells_when_to_come_again(void)
{
	const struct http_fetch_options options = {.any_status = true};
	struct arena arena;
	struct buf body;
	struct error err = {0};
	char url[64];

	arena_init(&arena, 65536);
	buf_init(&body, 1000);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/busy", (unsigned int)http_server_port(server));
	CHECK_OK(http_get(url, &options, &arena, &answer, &body, &err), &err);
	CHECK(answer.status == 429);
	CHECK_STR(answer.retry_after, STR("7"));
	CHECK_STR(buf_str(&body), STR("slower"));
	buf_done(&body);
	arena_done(&arena);
}

/* Until the server has the request, which it does not answer. */
static bool says_no(void *self)
{
	int *questions = self;

	++*questions;
	return !atomic_load(&muted);
}

static void a_request_ends_when_nobody_wants_it(void)
{
	int questions = 0;
	const struct http_fetch_options options = {.timeout_ms = 60000, .goes_on = says_no, .self = &questions};
	struct buf body;
	struct error err = {0};

	buf_init(&body, 1000);
	atomic_store(&muted, NULL);
	CHECK(fetch("/mute", &options, &body, &err) == ERR_CONFLICT);
	CHECK(questions > 0);
	http_request_wake(atomic_load(&muted));
	buf_done(&body);
}

static void urls_are_looked_at_and_resolved(void)
{
	/* RFC 3986, 5.4.1, with a base of http. */
	static const struct {
		const char *reference, *url;
	} references[] = {{"g", "http://a/b/c/g"},
			  {"g?y", "http://a/b/c/g?y"},
			  {"/g", "http://a/g"},
			  {"?y", "http://a/b/c/d;p?y"},
			  {"../g", "http://a/b/g"},
			  {"//g", "http://g/"},
			  {"https://b:1/x?$skip=2", "https://b:1/x?$skip=2"},
			  {"ftp://a/x", NULL},
			  {"file:///etc/hostname", NULL}};
	struct http_url_view view;
	struct str url;
	struct arena arena;
	struct error err = {0};

	arena_init(&arena, 65536);
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		enum err_code code =
			http_url_resolve("http://a/b/c/d;p?q", str_from(references[i].reference), &arena, &url, &err);

		if (!CHECK((code == ERR_OK) == (references[i].url != NULL)) ||
		    (code == ERR_OK && !CHECK_STR(url, str_from(references[i].url))))
			printf("# %s\n", references[i].reference);
	}
	CHECK_OK(http_url_look("https://u:p@h:8443/a/b%20c?key=k#f", &arena, &view, &err), &err);
	CHECK_STR(view.shown, STR("https://h:8443/a/b%20c"));
	CHECK_STR(view.path, STR("/a/b%20c"));
	CHECK(http_url_look("ftp://h/", &arena, &view, &err) == ERR_INVALID);
	CHECK(http_url_same_origin("http://h/a", "http://H:80/b?c"));
	CHECK(http_url_same_origin("https://u:p@h:443/a", "https://h"));
	CHECK(!http_url_same_origin("http://h/", "https://h/"));
	CHECK(!http_url_same_origin("http://h/", "http://h:81/"));
	CHECK(!http_url_same_origin("http://h/", "http://g/"));
	CHECK(!http_url_same_origin("http://h/", "nothing"));
	arena_done(&arena);
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
	RUN(the_answer_tells_its_fields_and_where_it_came_from);
	RUN(a_condition_may_be_answered_304);
	RUN(a_page_leads_to_its_alternate);
	RUN(the_policy_decides_on_the_address_of_every_step);
	RUN(other_protocols_and_no_urls_are_invalid);
	RUN(proxies_of_the_environment_are_not_used);
	RUN(a_peer_that_says_nothing_is_a_timeout);
	RUN(a_key_goes_to_its_own_origin_only);
	RUN(a_query_can_be_left_out_of_errors);
	RUN(any_status_tells_when_to_come_again);
	RUN(a_request_ends_when_nobody_wants_it);
	RUN(urls_are_looked_at_and_resolved);
	(void)http_server_free(server);
	CHECK(atomic_load(&asked) > 0);
	return check_done();
}
