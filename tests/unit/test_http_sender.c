/* The sender of POSTs against a receiver of our own on real sockets that does what receivers should not: is slow or
 * mute, resets, talks no HTTP, never stops talking, redirects elsewhere. The receiver has a thread for each connection
 * and behaves as the path of the request says; it counts connections and keeps the last request. */
#include "check.h"
#include "net/address_policy.h"
#include "net/http_sender.h"
#include "receiver_util.h"

#include <signal.h>

#define POSTS_MAX 64

/* ---- the receiver ---- */

static bool answer_without_end(int fd)
{
	while (say(fd, "400\r\n")) {
		char chunk[1026];

		memset(chunk, 'e', 1024);
		memcpy(chunk + 1024, "\r\n", 2);
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) != (ssize_t)sizeof(chunk))
			break;
	}
	return false;
}

static bool reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	(void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return false;
}

static bool redirect(int fd, const char *status, const char *location, bool absolute)
{
	char text[256], origin[64] = "";

	if (absolute)
		(void)snprintf(origin, sizeof(origin), "http://127.0.0.2:%u", port);
	(void)snprintf(text, sizeof(text), "HTTP/1.1 %s Elsewhere\r\nLocation: %s%s\r\nContent-Length: 4\r\n\r\ngone",
		       status, origin, location);
	return say(fd, text);
}

static bool is(const char *request, const char *path)
{
	size_t len = strlen(path);

	return strncmp(request, "POST ", 5) == 0 && strncmp(request + 5, path, len) == 0 && request[5 + len] == ' ';
}

/* One flat table. */
static bool answer(int fd, const char *request, int count)
{
	char byte;

	(void)count;
	if (!strstr(request, "Content-Length: "))
		return false; /* every POST says how long it is */
	if (is(request, "/ok"))
		return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
	if (is(request, "/none"))
		return say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
	if (is(request, "/error"))
		return say(fd, "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
	if (is(request, "/lost"))
		return say(fd, "HTTP/1.1 404 Lost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	if (is(request, "/307"))
		return redirect(fd, "307", "/ok", false);
	if (is(request, "/308"))
		return redirect(fd, "308", "307", false);
	if (is(request, "/round"))
		return redirect(fd, "307", "/round", false);
	if (is(request, "/302"))
		return redirect(fd, "302", "/ok", false);
	if (is(request, "/away"))
		return redirect(fd, "307", "/ok", true);
	if (is(request, "/slow")) {
		sleep_ms(200);
		return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
	if (is(request, "/mute")) {
		(void)recv(fd, &byte, 1, 0);
		return false;
	}
	if (is(request, "/reset"))
		return reset(fd);
	if (is(request, "/garbage")) {
		(void)say(fd, "\x16\x03\x01 what?\n\n\n");
		return false;
	}
	if (is(request, "/short"))
		return false;
	if (is(request, "/endless"))
		return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") && answer_without_end(fd);
	if (is(request, "/once")) {
		(void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		return false;
	}
	return say(fd, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
}

/* ---- what the tests do with a sender ---- */

static struct http_sender *sender;
static struct error err;

struct sent {
	struct http_post post;
	struct http_post_result result;
	char url[256];
	int order; /* the how manieth to end; 0: has not */
};

static struct sent sent[POSTS_MAX];
static int ended;

static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct sent *one = post->self;

	CHECK(one->order == 0);
	one->result = *result;
	one->order = ++ended;
}

static void open_sender(const struct http_sender_options *options)
{
	memset(sent, 0, sizeof(sent));
	ended = 0;
	CHECK_OK(http_sender_new(options, &sender, &err), &err);
}

static struct sent *prepare(size_t index, const char *host, const char *path)
{
	struct sent *one = &sent[index];

	*one = (struct sent){.post = {.body = STR("{\"a\":1}"), .done = on_done, .self = one, .url = one->url}};
	(void)snprintf(one->url, sizeof(one->url), "http://%s:%u%s", host, port, path);
	return one;
}

static struct sent *give(size_t index, const char *host, const char *path)
{
	struct sent *one = prepare(index, host, path);

	CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	return one;
}

/* Until so many have ended, for ten seconds at most. */
static void run_until(int count)
{
	time_t start = time(NULL);

	while (ended < count && time(NULL) < start + 10)
		CHECK_OK(http_sender_run(sender, 1000, &err), &err);
	CHECK(ended == count);
}

static const struct http_post_result *ask(const char *path)
{
	struct sent *one = give(0, "127.0.0.1", path);

	ended = 0;
	run_until(1);
	return &one->result;
}

/* ---- the cases ---- */

static void connections_are_kept_and_bounded(void)
{
	open_sender(&(struct http_sender_options){.host_connections_max = 3});
	int before = atomic_load(&accepted), asked = atomic_load(&requests);

	for (size_t round = 0; round < 3; round++) {
		ended = 0;
		for (size_t i = 0; i < POSTS_MAX; i++)
			(void)give(i, "127.0.0.1", i % 2 ? "/ok" : "/none");
		run_until(POSTS_MAX);
		for (size_t i = 0; i < POSTS_MAX; i++)
			CHECK(sent[i].result.code == ERR_OK && sent[i].result.status == (i % 2 ? 200 : 204));
	}
	CHECK(atomic_load(&requests) - asked == 3 * POSTS_MAX);
	CHECK(atomic_load(&accepted) - before <= 3);
	sender = http_sender_free(sender);
}

static void one_connection_keeps_the_order(void)
{
	open_sender(&(struct http_sender_options){.host_connections_max = 1});
	for (size_t i = 0; i < 20; i++)
		(void)give(i, "127.0.0.1", "/ok");
	run_until(20);
	for (int i = 0; i < 20; i++)
		CHECK(sent[i].order == i + 1);
	sender = http_sender_free(sender);
}

static void what_is_sent_is_what_was_given(void)
{
	const struct http_post_header headers[] = {{STR("Content-Type"), STR("application/ld+json")},
						   {STR("X-Empty"), STR("")},
						   {STR("Link"), STR(" <http://c.org/>; rel=\"x\" ")}};

	open_sender(NULL);
	struct sent *one = prepare(0, "user:secret@127.0.0.1", "/ok");

	one->post.headers = headers;
	one->post.header_count = 3;
	CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	run_until(1);
	CHECK(one->result.status == 200 && one->result.error.detail[0] == '\0');
	CHECK(last_has("POST /ok HTTP/1.1\r\n"));
	CHECK(last_has("\r\nContent-Type: application/ld+json\r\n") && last_has("\r\nX-Empty:\r\n"));
	CHECK(last_has("\r\nLink: <http://c.org/>; rel=\"x\"\r\n"));
	CHECK(last_has("\r\nContent-Length: 7\r\n") && last_has("\r\n\r\n{\"a\":1}"));
	CHECK(last_has("\r\nUser-Agent: machi\r\n") && last_has("\r\nAuthorization: Basic "));
	CHECK(!last_has("Accept:") && !last_has("Expect:") && !last_has("Upgrade"));
	/* A large body too goes without asking first; nothing of the post before sticks to the handle. */
	static char large[6000];

	memset(large, 'l', sizeof(large));
	one = prepare(0, "127.0.0.1", "/ok");
	one->post.body = (struct str){large, sizeof(large)};
	CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	run_until(2);
	CHECK(one->result.status == 200 && last_has("\r\nContent-Length: 6000\r\n"));
	CHECK(!last_has("Content-Type:") && !last_has("Expect:") && !last_has("Authorization"));
	sender = http_sender_free(sender);
}

static void statuses_are_told(void)
{
	open_sender(NULL);
	const struct http_post_result *result = ask("/error");

	CHECK(result->code == ERR_IO && result->status == 500);
	CHECK(str_contains(str_from(result->error.detail), STR("/error answered with status 500")));
	result = ask("/lost");
	CHECK(result->code == ERR_IO && result->status == 404);
	result = ask("/302");
	CHECK(result->code == ERR_IO && result->status == 302);
	sender = http_sender_free(sender);
}

static void redirects_stay_with_the_host(void)
{
	open_sender(NULL);
	int before = atomic_load(&requests);
	const struct http_post_result *result = ask("/307");

	CHECK(result->code == ERR_OK && result->status == 200 && last_has("POST /ok ") && last_has("{\"a\":1}"));
	result = ask("/308"); /* to a relative "307", to "/ok" */
	CHECK(result->code == ERR_OK && result->status == 200 && atomic_load(&requests) - before == 5);
	before = atomic_load(&requests);
	result = ask("/round");
	CHECK(result->code == ERR_IO && result->status == 307 && atomic_load(&requests) - before == 4);
	result = ask("/away");
	CHECK(result->code == ERR_IO && result->status == 307 && last_has("POST /away "));
	sender = http_sender_free(sender);
}

static void a_slow_one_holds_nobody_up(void)
{
	open_sender(&(struct http_sender_options){.connections_max = 4, .host_connections_max = 2});
	for (size_t i = 0; i < 4; i++)
		(void)give(i, "127.0.0.2", "/slow");
	for (size_t i = 4; i < 12; i++)
		(void)give(i, "127.0.0.1", "/ok");
	run_until(12);
	for (size_t i = 0; i < 12; i++)
		CHECK(sent[i].result.status == 200);
	for (size_t i = 4; i < 12; i++)
		CHECK(sent[i].order < sent[0].order && sent[i].order < sent[3].order);
	sender = http_sender_free(sender);
}

static void who_never_answers_is_a_timeout(void)
{
	open_sender(&(struct http_sender_options){.host_connections_max = 1});
	for (size_t i = 0; i < 2; i++) {
		struct sent *one = prepare(i, "127.0.0.1", "/mute");

		one->post.timeout_ms = 150;
		CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	}
	(void)give(2, "127.0.0.1", "/ok");
	run_until(3);
	CHECK(sent[0].result.code == ERR_TIMEOUT && sent[0].result.status == 0);
	CHECK(str_contains(str_from(sent[0].result.error.detail), STR("/mute did not answer in time")));
	/* The time runs from when a post's turn comes. */
	CHECK(sent[1].result.code == ERR_TIMEOUT && sent[2].result.status == 200);
	sender = http_sender_free(sender);
}

static void what_is_no_answer_is_an_error(void)
{
	static const char *const paths[] = {"/reset", "/garbage", "/short"};

	open_sender(NULL);
	for (size_t i = 0; i < 3; i++) {
		const struct http_post_result *result = ask(paths[i]);

		if (!CHECK(result->code == ERR_IO && result->status == 0))
			printf("# %s: %s\n", paths[i], result->error.detail);
	}
	const struct http_post_result *result = ask("/endless");

	CHECK(result->code == ERR_LIMIT && result->status == 0);
	CHECK(str_contains(str_from(result->error.detail), STR("answered more than 65536 bytes")));
	CHECK(ask("/ok")->status == 200);
	sender = http_sender_free(sender);
}

/* Says nothing of it, closes, and the next post meets a connection that is gone. */
static void a_closed_connection_is_made_again(void)
{
	open_sender(NULL);
	for (size_t i = 0; i < 5; i++) {
		CHECK(ask("/once")->status == 200);
		sleep_ms(i % 2 ? 20 : 0);
	}
	sender = http_sender_free(sender);
}

static void places_that_cannot_be_reached_are_errors(void)
{
	open_sender(NULL);
	struct sent *one = prepare(0, "127.0.0.1", "");

	(void)snprintf(one->url, sizeof(one->url), "http://user:secret@127.0.0.1:1/x");
	CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	(void)give(1, "nowhere.invalid", "/ok");
	run_until(2);
	CHECK(sent[0].result.code == ERR_IO && sent[0].result.status == 0);
	CHECK(str_contains(str_from(sent[0].result.error.detail), STR("http://127.0.0.1:1/x")));
	CHECK(!str_contains(str_from(sent[0].result.error.detail), STR("secret")));
	if (!CHECK(sent[1].result.code == ERR_IO))
		printf("# %s\n", sent[1].result.error.detail);
	sender = http_sender_free(sender);
}

static void the_policy_decides_on_every_socket(void)
{
	static const char *const first[] = {"127.0.0.1"};
	struct address_policy *policy = NULL;
	int before = atomic_load(&accepted);

	CHECK_OK(address_policy_new(first, 1, &policy, &err), &err);
	open_sender(&(struct http_sender_options){.policy = policy});
	(void)give(0, "127.0.0.1", "/ok");
	(void)give(1, "127.0.0.2", "/ok");
	(void)give(2, "localhost.", "/ok"); /* 127.0.0.1 as well, perhaps after ::1 was refused */
	run_until(3);
	CHECK(sent[0].result.status == 200);
	CHECK(sent[1].result.code == ERR_DENIED);
	CHECK(str_contains(str_from(sent[1].result.error.detail), STR("the address 127.0.0.2, which may not")));
	CHECK(sent[2].result.status == 200 || sent[2].result.code == ERR_IO);
	CHECK(atomic_load(&accepted) - before <= 2);
	sender = http_sender_free(sender);
	(void)address_policy_free(policy);
}

static void refuse(const char *url, const struct http_post_header *header, enum err_code wanted)
{
	struct sent *one = prepare(0, "127.0.0.1", "/ok");

	if (url)
		one->post.url = url;
	one->post.headers = header;
	one->post.header_count = header ? 1 : 0;
	enum err_code code = http_sender_post(sender, &one->post, &err);

	if (!CHECK(code == wanted))
		printf("# %s: %s\n", url ? url : header->name.at, err.detail);
}

static void bad_urls_and_headers_are_refused(void)
{
	static const char *const urls[] = {
		"file:///etc/hostname",      "ftp://127.0.0.1/",  "", "http://", "127.0.0.1/x",
		"http://127.0.0.1/\r\nX: y", "mqtt://127.0.0.1/t"};
	const struct http_post_header headers[] = {{STR("X"), STR("a\r\nHost: b")},
						   {STR("X"), STR("a\nb")},
						   {STR("X"), STR("a\0b")},
						   {STR("X: y\r\nZ"), STR("a")},
						   {STR(""), STR("a")},
						   {STR("X Y"), STR("a")},
						   {STR("content-length"), STR("3")},
						   {STR("Host"), STR("other")},
						   {STR("Transfer-Encoding"), STR("chunked")},
						   {STR("Proxy-Connection"), STR("x")}};

	open_sender(NULL);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		refuse(urls[i], NULL, ERR_INVALID);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		refuse(NULL, &headers[i], ERR_INVALID);
	refuse("http://user:secret@[::1/", NULL, ERR_INVALID);
	CHECK(!str_contains(str_from(err.detail), STR("secret")));
	CHECK_OK(http_sender_run(sender, 0, &err), &err);
	CHECK(ended == 0);
	sender = http_sender_free(sender);
}

static void on_done_again(struct http_post *post, const struct http_post_result *result)
{
	CHECK(result->status == 200);
	if (++ended < 10)
		CHECK_OK(http_sender_post(post->self, post, &err), &err);
}

static void done_may_give_the_next(void)
{
	open_sender(NULL);
	struct sent *one = prepare(0, "127.0.0.1", "/ok");

	one->post.done = on_done_again;
	one->post.self = sender;
	CHECK_OK(http_sender_post(sender, &one->post, &err), &err);
	run_until(10);
	sender = http_sender_free(sender);
}

static void more_hosts_than_are_kept(void)
{
	open_sender(NULL);
	for (int i = 0; i < 600; i++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "127.0.%d.%d", 1 + i / 200, 1 + i % 200);
		ended = 0;
		struct sent *one = give(0, host, "/none");

		run_until(1);
		CHECK(one->result.status == 204);
	}
	sender = http_sender_free(sender);
}

static void a_sender_is_freed_with_posts_under_way(void)
{
	open_sender(&(struct http_sender_options){.host_connections_max = 2});
	for (size_t i = 0; i < 6; i++)
		(void)give(i, i < 3 ? "127.0.0.1" : "127.0.0.2", "/mute");
	(void)give(6, "127.0.0.3", "/ok");
	while (!sent[6].order)
		CHECK_OK(http_sender_run(sender, 1000, &err), &err);
	(void)give(7, "127.0.0.3", "/ok");
	sender = http_sender_free(sender);
	CHECK(ended == 8);
	for (size_t i = 0; i < 8; i++)
		CHECK(sent[i].result.code == (i == 6 ? ERR_OK : ERR_CONFLICT));
	CHECK(!http_sender_free(NULL));
}

static void *wake_soon(void *cls)
{
	(void)cls;
	sleep_ms(50);
	http_sender_wake(sender);
	return NULL;
}

static void another_thread_wakes_a_run(void)
{
	pthread_t thread;
	time_t start = time(NULL);

	open_sender(NULL);
	if (pthread_create(&thread, NULL, wake_soon, NULL) != 0)
		abort();
	CHECK_OK(http_sender_run(sender, 20000, &err), &err);
	(void)pthread_join(thread, NULL);
	/* Before the run, too. */
	http_sender_wake(sender);
	CHECK_OK(http_sender_run(sender, 20000, &err), &err);
	CHECK(time(NULL) < start + 10);
	sender = http_sender_free(sender);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	pthread_t thread = receiver_start();

	RUN(connections_are_kept_and_bounded);
	RUN(one_connection_keeps_the_order);
	RUN(what_is_sent_is_what_was_given);
	RUN(statuses_are_told);
	RUN(redirects_stay_with_the_host);
	RUN(a_slow_one_holds_nobody_up);
	RUN(who_never_answers_is_a_timeout);
	RUN(what_is_no_answer_is_an_error);
	RUN(a_closed_connection_is_made_again);
	RUN(places_that_cannot_be_reached_are_errors);
	RUN(the_policy_decides_on_every_socket);
	RUN(bad_urls_and_headers_are_refused);
	RUN(done_may_give_the_next);
	RUN(more_hosts_than_are_kept);
	RUN(a_sender_is_freed_with_posts_under_way);
	RUN(another_thread_wakes_a_run);
	receiver_end(thread);
	return check_done();
}
