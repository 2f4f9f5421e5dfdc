/* The forwarder, and with it what the sender does for requests whose answer is wanted, against a receiver of our own on
 * real sockets: a thread for each connection, which answers as the path of the request says, counts, and keeps the last
 * request. Where many threads send, every answer says which request it is for. */
#include "base/arena.h"
#include "base/buf.h"
#include "check.h"
#include "net/http_forwarder.h"
#include "receiver_util.h"

#include <signal.h>

#define LARGE_BYTES ((size_t)1 << 20)
#define ANSWER_BYTES_MAX ((size_t)2 << 20)
#define THREADS 8
#define THREAD_POSTS 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char large[LARGE_BYTES];

/* ---- the receiver ---- */

static bool say_large(int fd)
{
	char head[64];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", LARGE_BYTES);
	return say(fd, head) && say_bytes(fd, large, LARGE_BYTES);
}

static bool reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	(void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	sleep_ms(20);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return false;
}

static bool say_many_fields(int fd)
{
	bool good = say(fd, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nOne: 1\r\n");

	for (int i = 0; i < 65; i++)
		good = good && say(fd, "Many: m\r\n");
	return good && say(fd, "\r\n");
}

/* Two values that are within the bound each, but not together. */
static bool say_long_fields(int fd)
{
	return say(fd, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nOne: ") && say_bytes(fd, large, 10000) &&
	       say(fd, "\r\nMany: ") && say_bytes(fd, large, 7000) && say(fd, "\r\n\r\n");
}

static bool say_path(int fd, struct str path)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nX-Path: %.*s\r\nContent-Length: %zu\r\n\r\n%.*s",
		       STR_FMT(path), path.len, STR_FMT(path));
	return say(fd, text);
}

static const struct {
	const char *path, *answer;
} answers[] = {
	{"/body", "HTTP/1.1 200 OK\r\nContent-Type: application/ld+json\r\nContent-Length: 10\r\n\r\n{\"id\":\"a\"}"},
	{"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"},
	{"/created", "HTTP/1.1 201 Created\r\nLOCATION: /ngsi-ld/v1/entities/a\r\nContent-Length: 0\r\n\r\n"},
	{"/problem", "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: 13\r\n\r\n"
		     "{\"title\":\"x\"}"},
	{"/multi", "HTTP/1.1 207 Multi-Status\r\nContent-Length: 14\r\n\r\n{\"success\":[]}"},
	{"/none", "HTTP/1.1 204 No Content\r\nETag: \"e\"\r\n\r\n"},
	{"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n"
		     "ETag: \"trailer\"\r\n\r\n"},
	{"/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x01"},
	{"/fields", "HTTP/1.1 103 Early Hints\r\nLink: <early>\r\n\r\nHTTP/1.1 200 OK\r\nLink: <a>\r\nLink:\r\n"
		    "etag:  \"e\" \r\nLink: <b>, <c>\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"},
	{"/307", "HTTP/1.1 307 Elsewhere\r\nLocation: body\r\nETag: \"gone\"\r\nContent-Length: 4\r\n\r\ngone"},
	{"/302", "HTTP/1.1 302 Elsewhere\r\nLocation: body\r\nContent-Length: 4\r\n\r\ngone"},
};

static bool is(struct str path, const char *text)
{
	return str_eq(path, str_from(text));
}

static bool answer(int fd, const char *request, int count)
{
	const char *target = strchr(request, ' ') + 1;
	struct str path = {target, strcspn(target, " ")};
	char byte;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (is(path, answers[i].path))
			return say(fd, answers[i].answer);
	if (is(path, "/large"))
		return say_large(fd);
	if (is(path, "/many"))
		return say_many_fields(fd);
	if (is(path, "/long"))
		return say_long_fields(fd);
	if (is(path, "/reset"))
		return reset(fd);
	if (is(path, "/half") && !say(fd, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\nhalf"))
		return false;
	if (is(path, "/half") || is(path, "/mute")) {
		(void)recv(fd, &byte, 1, 0);
		return false;
	}
	/* Answers the first request of a connection only, and closes at the next one. */
	if (is(path, "/first"))
		return count == 1 && say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	return say_path(fd, path);
}

/* ---- what the tests do with a forwarder ---- */

enum { LINK, ETAG, LOCATION, MANY, ONE, EMPTY, WANTED };
static const char *const wanted_names[WANTED] = {"link", "ETag", "Location", "Many", "One", "Empty"};

struct sent {
	struct http_post post;
	struct http_post_wanted wanted[WANTED];
	struct http_post_result result;
	struct buf answer;
	struct arena arena;
	char url[256];
	int done; /* times; guarded by lock */
	int noted; /* by the done() of a case */
	pthread_t thread; /* that called done() */
};

static struct http_forwarder *forwarder;
static struct error err;
static struct sent sent[16];

static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct sent *one = post->self;

	(void)pthread_mutex_lock(&lock);
	one->result = *result;
	one->thread = pthread_self();
	one->done++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static void open_forwarder(const struct http_sender_options *options)
{
	memset(sent, 0, sizeof(sent));
	CHECK_OK(http_forwarder_new(options, &forwarder, &err), &err);
}

static void sent_done(struct sent *one)
{
	buf_done(&one->answer);
	arena_done(&one->arena);
}

static void close_forwarder(void)
{
	forwarder = http_forwarder_free(forwarder);
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		sent_done(&sent[i]);
}

static struct sent *prepare(size_t index, const char *method, const char *path)
{
	struct sent *one = &sent[index];

	sent_done(one);
	*one = (struct sent){.post = {.method = method, .done = on_done, .self = one, .url = one->url}};
	buf_init(&one->answer, ANSWER_BYTES_MAX);
	arena_init(&one->arena, 1 << 20);
	for (int i = 0; i < WANTED; i++)
		one->wanted[i] = (struct http_post_wanted){wanted_names[i], STR("stale")};
	one->post.answer = &one->answer;
	one->post.wanted = one->wanted;
	one->post.wanted_count = WANTED;
	one->post.arena = &one->arena;
	one->post.timeout_ms = 20000;
	(void)snprintf(one->url, sizeof(one->url), "http://127.0.0.1:%u%s", port, path);
	return one;
}

static void give(struct sent *one)
{
	struct http_post *posts[] = {&one->post};

	CHECK_OK(http_forwarder_send(forwarder, posts, 1, &err), &err);
}

static void await(const struct sent *one)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 30;
	(void)pthread_mutex_lock(&lock);
	while (one->done == 0 && pthread_cond_timedwait(&changed, &lock, &end) == 0)
		;
	CHECK(one->done == 1);
	(void)pthread_mutex_unlock(&lock);
}

static const struct sent *ask(struct sent *one)
{
	give(one);
	await(one);
	return one;
}

/* An answer with this status and body came. */
static void expect(const struct sent *one, int status, const char *body)
{
	enum err_code code = status >= 200 && status < 300 ? ERR_OK : ERR_IO;

	if (!CHECK(one->result.code == code && one->result.status == status))
		printf("# %s: %s, status %d: %s\n", one->url, err_name(one->result.code), one->result.status,
		       one->result.error.detail);
	CHECK_STR(buf_str(&one->answer), str_from(body));
}

/* None came: nothing of it is left. */
static void expect_error(const struct sent *one, enum err_code code, int status, const char *text)
{
	if (!CHECK(one->result.code == code && one->result.status == status) ||
	    !CHECK(str_contains(str_from(one->result.error.detail), str_from(text))))
		printf("# %s: %s, status %d: %s\n", one->url, err_name(one->result.code), one->result.status,
		       one->result.error.detail);
	CHECK(one->answer.len == 0 && one->answer.failed == ERR_OK);
	for (int i = 0; i < WANTED; i++)
		CHECK(!one->wanted[i].value.at);
}

/* ---- requests ---- */

static void methods_and_bodies_arrive(void)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

	open_forwarder(&(struct http_sender_options){.host_connections_max = 1});
	/* One handle sends them all, so what one leaves behind would show in the next. */
	for (size_t i = 0; i < 36; i++) {
		const char *method = methods[i % 6], *name = method ? method : "POST";
		bool with_body = i / 6 % 2 == 1 && strcmp(name, "GET") != 0;
		bool bodiless = !with_body && (strcmp(name, "GET") == 0 || strcmp(name, "DELETE") == 0);
		char line[64];

		struct sent *one = prepare(0, method, "/body");

		if (with_body)
			one->post.body = STR("{\"a\":1}");
		expect(ask(one), 200, "{\"id\":\"a\"}");
		(void)snprintf(line, sizeof(line), "%s /body HTTP/1.1\r\n", name);
		CHECK(last_has(line) && !last_has("Transfer-Encoding") && !last_has("Expect") && !last_has("Accept:"));
		CHECK(last_has("\r\nAccept-Encoding: identity\r\n"));
		CHECK(last_has("Content-Length: 7\r\n") == with_body && last_has("\r\n\r\n{\"a\":1}") == with_body);
		CHECK(last_has("Content-Length:") != bodiless);
		CHECK(last_has("Content-Length: 0\r\n") == (!with_body && !bodiless));
	}
	CHECK(atomic_load(&live) == 1);
	close_forwarder();
}

static void large_bodies_go_and_come(void)
{
	open_forwarder(NULL);
	struct sent *one = prepare(0, "PUT", "/large");

	one->post.body = (struct str){large, LARGE_BYTES};
	(void)ask(one);
	CHECK(one->result.status == 200 && str_eq(buf_str(&one->answer), (struct str){large, LARGE_BYTES}));
	(void)pthread_mutex_lock(&last_lock);
	CHECK(last_bytes > LARGE_BYTES && last_bytes < LARGE_BYTES + 1000);
	(void)pthread_mutex_unlock(&last_lock);
	close_forwarder();
}

static void what_cannot_be_sent_is_told_to_done(void)
{
	const struct http_post_header header = {STR("Host"), STR("other")};

	open_forwarder(NULL);
	for (size_t i = 0; i < 5; i++)
		(void)prepare(i, i < 3 ? "GET" : i == 3 ? "HEAD" : "get", "/body");
	(void)snprintf(sent[0].url, sizeof(sent[0].url), "ftp://127.0.0.1/");
	sent[1].post.headers = &header;
	sent[1].post.header_count = 1;
	sent[2].post.body = STR("x");
	struct http_post *posts[] = {&sent[0].post, &sent[1].post, &sent[2].post, &sent[3].post, &sent[4].post};

	CHECK_OK(http_forwarder_send(forwarder, posts, 5, &err), &err);
	for (size_t i = 0; i < 5; i++)
		await(&sent[i]);
	expect_error(&sent[0], ERR_INVALID, 0, "not a URL");
	expect_error(&sent[1], ERR_INVALID, 0, "Host cannot be set");
	expect_error(&sent[2], ERR_INVALID, 0, "a GET has no body");
	expect_error(&sent[3], ERR_INVALID, 0, "HEAD");
	expect_error(&sent[4], ERR_INVALID, 0, "get");
	CHECK_OK(http_forwarder_send(forwarder, NULL, 0, &err), &err);
	close_forwarder();
}

/* ---- answers ---- */

static void answers_of_each_kind(void)
{
	open_forwarder(&(struct http_sender_options){.answer_bytes_max = 4});
	expect(ask(prepare(0, "GET", "/body")), 200, "{\"id\":\"a\"}");
	expect(ask(prepare(0, "POST", "/created")), 201, "");
	expect(ask(prepare(0, "GET", "/problem")), 404, "{\"title\":\"x\"}");
	expect(ask(prepare(0, "POST", "/multi")), 207, "{\"success\":[]}");
	expect(ask(prepare(0, "DELETE", "/none")), 204, "");
	expect(ask(prepare(0, "GET", "/chunked")), 200, "abcdefg");
	expect(ask(prepare(0, "GET", "/gzip")), 200, "\x1f\x8b\x08\x01");
	expect(ask(prepare(0, "GET", "/302")), 302, "gone");
	expect(ask(prepare(0, "PATCH", "/307")), 200, "{\"id\":\"a\"}");
	CHECK(last_has("PATCH /body "));
	/* Appended to what was there. */
	struct sent *one = prepare(0, "GET", "/307");

	buf_put(&one->answer, STR("before "));
	expect(ask(one), 200, "before {\"id\":\"a\"}");
	/* Not wanted: dropped, and bounded as ever. */
	one = prepare(0, "GET", "/ok");
	one->post.answer = NULL;
	expect(ask(one), 200, "");
	CHECK(!last_has("Accept-Encoding"));
	one = prepare(0, "GET", "/body");
	one->post.answer = NULL;
	expect_error(ask(one), ERR_LIMIT, 0, "answered more than 4 bytes");
	close_forwarder();
}

static void broken_answers_leave_nothing(void)
{
	open_forwarder(NULL);
	expect_error(ask(prepare(0, "PUT", "/reset")), ERR_IO, 0, "/reset cannot be sent to");
	struct sent *one = prepare(0, "GET", "/half");

	one->post.timeout_ms = 150;
	expect_error(ask(one), ERR_TIMEOUT, 0, "did not answer in time");
	one = prepare(0, "GET", "/chunked");
	one->answer.bytes_max = 6;
	expect_error(ask(one), ERR_LIMIT, 0, "answered more than 6 bytes");
	one = prepare(0, "GET", "/chunked");
	one->answer.bytes_max = 7;
	expect(ask(one), 200, "abcdefg");
	one = prepare(0, "GET", "/large");
	buf_put(&one->answer, STR("xy"));
	one->answer.bytes_max = 1000;
	(void)ask(one);
	CHECK(one->result.code == ERR_LIMIT && buf_check(&one->answer, "an answer", &err) == ERR_OK);
	CHECK_STR(buf_str(&one->answer), STR("xy"));
	close_forwarder();
}

static void wanted_headers_are_filled_in(void)
{
	open_forwarder(&(struct http_sender_options){.host_connections_max = 1});
	const struct sent *one = ask(prepare(0, "GET", "/fields"));

	CHECK(one->result.code == ERR_OK);
	CHECK_STR(one->wanted[LINK].value, STR("<a>, , <b>, <c>"));
	CHECK_STR(one->wanted[ETAG].value, STR("\"e\""));
	CHECK(one->wanted[EMPTY].value.at && one->wanted[EMPTY].value.len == 0);
	CHECK(!one->wanted[LOCATION].value.at && !one->wanted[ONE].value.at);
	/* The same handle: nothing of the answer before, of a redirect, or of trailers. */
	one = ask(prepare(0, "GET", "/307"));
	CHECK(one->result.status == 200 && !one->wanted[ETAG].value.at && !one->wanted[LINK].value.at);
	one = ask(prepare(0, "GET", "/chunked"));
	CHECK(one->result.status == 200 && !one->wanted[ETAG].value.at);
	one = ask(prepare(0, "POST", "/created"));
	CHECK_STR(one->wanted[LOCATION].value, STR("/ngsi-ld/v1/entities/a"));
	one = ask(prepare(0, "GET", "/302"));
	CHECK_STR(one->wanted[LOCATION].value, STR("body"));
	one = ask(prepare(0, "PUT", "/none"));
	CHECK_STR(one->wanted[ETAG].value, STR("\"e\""));
	close_forwarder();
}

static void wanted_headers_are_bounded(void)
{
	open_forwarder(NULL);
	expect_error(ask(prepare(0, "POST", "/many")), ERR_LIMIT, 201, "more than 64 fields of Many");
	expect_error(ask(prepare(0, "POST", "/long")), ERR_LIMIT, 201, "headers of more than 16384 bytes");
	struct sent *one = prepare(0, "POST", "/created");

	arena_done(&one->arena);
	arena_init(&one->arena, 4);
	expect_error(ask(one), ERR_MEMORY, 201, "no memory for its headers");
	one = prepare(0, "POST", "/long");
	one->post.wanted_count = MANY + 1;
	CHECK(ask(one)->result.code == ERR_OK && one->wanted[MANY].value.len == 7000);
	close_forwarder();
}

/* ---- once, and in time ---- */

/* The receiver reads the second request of a connection and closes without a word. */
static void what_is_once_is_not_sent_again(void)
{
	open_forwarder(NULL);
	int before = atomic_load(&requests);

	CHECK(ask(prepare(0, "POST", "/first"))->result.status == 200);
	CHECK(ask(prepare(0, "PUT", "/first"))->result.status == 200);
	CHECK(atomic_load(&requests) - before == 3);
	struct sent *one = prepare(0, "POST", "/first");

	one->post.once = true;
	before = atomic_load(&requests);
	expect_error(ask(one), ERR_IO, 0, "/first closed the connection before an answer, and is not asked once more");
	CHECK(atomic_load(&requests) - before == 1);
	/* The next one has a new connection, and the one after a wait too. */
	for (int i = 0; i < 2; i++) {
		one = prepare(0, "PATCH", "/first");
		one->post.once = true;
		CHECK(ask(one)->result.status == 200);
		sleep_ms(i == 0 ? 2200 : 0);
	}
	CHECK(atomic_load(&requests) - before == 3);
	/* What was used just now is used again. */
	before = atomic_load(&accepted);
	for (int i = 0; i < 10; i++) {
		one = prepare(0, "POST", "/created");
		one->post.once = true;
		CHECK(ask(one)->result.status == 201);
	}
	CHECK(atomic_load(&accepted) == before);
	close_forwarder();
}

static void waiting_may_count(void)
{
	open_forwarder(&(struct http_sender_options){.host_connections_max = 1});
	int before = atomic_load(&requests);

	prepare(0, "GET", "/mute")->post.timeout_ms = 400;
	prepare(1, "GET", "/body")->post.timeout_ms = 100;
	prepare(2, "GET", "/body")->post.timeout_ms = 5000;
	sent[1].post.waiting_counts = sent[2].post.waiting_counts = true;
	struct http_post *posts[] = {&sent[0].post, &sent[1].post, &sent[2].post};

	CHECK_OK(http_forwarder_send(forwarder, posts, 3, &err), &err);
	for (size_t i = 0; i < 3; i++)
		await(&sent[i]);
	expect_error(&sent[0], ERR_TIMEOUT, 0, "did not answer in time");
	expect_error(&sent[1], ERR_TIMEOUT, 0, "its turn did not come in time");
	expect(&sent[2], 200, "{\"id\":\"a\"}");
	CHECK(atomic_load(&requests) - before == 2);
	close_forwarder();
}

/* ---- threads ---- */

struct crowd_post {
	struct sent sent;
	char path[32];
	_Atomic int done;
	bool right; /* the answer is this request's */
};

struct crowd {
	struct crowd_post posts[THREAD_POSTS];
	int number;
	pthread_t thread;
};

static void on_crowd_done(struct http_post *post, const struct http_post_result *result)
{
	struct crowd_post *one = post->self;

	one->right = result->status == 200 && str_eq(buf_str(&one->sent.answer), str_from(one->path)) &&
		     str_eq(one->sent.wanted[0].value, str_from(one->path));
	atomic_fetch_add(&one->done, 1);
}

static void crowd_prepare(struct crowd *crowd, int index)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	struct crowd_post *one = &crowd->posts[index];
	struct sent *as = &one->sent;

	(void)snprintf(one->path, sizeof(one->path), "/id/%d/%d", crowd->number, index);
	(void)snprintf(as->url, sizeof(as->url), "http://127.0.0.%d:%u%s", 1 + index % 3, port, one->path);
	buf_init(&as->answer, 100);
	arena_init_small(&as->arena, 4096, 256);
	as->wanted[0] = (struct http_post_wanted){"x-path", STR_NONE};
	as->post = (struct http_post){.url = as->url,
				      .method = methods[index % 5],
				      .once = index % 2 == 0,
				      .timeout_ms = 60000,
				      .answer = &as->answer,
				      .wanted = as->wanted,
				      .wanted_count = 1,
				      .arena = &as->arena,
				      .done = on_crowd_done,
				      .self = one};
}

/* Gives them in handfuls of one to seven, and now and then waits until the forwarder sleeps. */
static void *crowd_main(void *cls)
{
	struct crowd *crowd = cls;

	for (int at = 0, round = 0; at < THREAD_POSTS; round++) {
		struct http_post *posts[7];
		size_t count = 0;
		struct error error;

		for (; at < THREAD_POSTS && count < (size_t)(round % 7) + 1; count++, at++) {
			crowd_prepare(crowd, at);
			posts[count] = &crowd->posts[at].sent.post;
		}
		if (http_forwarder_send(forwarder, posts, count, &error) != ERR_OK)
			abort();
		if (round % 40 == crowd->number)
			while (atomic_load(&crowd->posts[at - 1].done) == 0)
				sleep_ms(1);
	}
	return NULL;
}

static void many_threads_send(void)
{
	struct crowd *crowds = calloc(THREADS, sizeof(*crowds));
	int wrong = 0, missing = 0;

	open_forwarder(&(struct http_sender_options){.host_connections_max = 4});
	for (int i = 0; i < THREADS; i++) {
		crowds[i].number = i;
		if (pthread_create(&crowds[i].thread, NULL, crowd_main, &crowds[i]) != 0)
			abort();
	}
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(crowds[i].thread, NULL);
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < THREAD_POSTS; j++) {
			struct crowd_post *one = &crowds[i].posts[j];

			for (int waited = 0; atomic_load(&one->done) == 0 && waited < 30000; waited++)
				sleep_ms(1);
			missing += atomic_load(&one->done) == 0;
		}
	close_forwarder();
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < THREAD_POSTS; j++) {
			struct crowd_post *one = &crowds[i].posts[j];

			wrong += atomic_load(&one->done) != 1 || !one->right;
			sent_done(&one->sent);
		}
	CHECK(missing == 0 && wrong == 0);
	free(crowds);
}

static void on_done_again(struct http_post *post, const struct http_post_result *result)
{
	struct sent *one = post->self;
	struct error error;

	one->result = *result;
	buf_clear(&one->answer);
	if (++one->noted < 200 && http_forwarder_send(forwarder, &post, 1, &error) != ERR_OK)
		abort();
	if (one->noted == 200)
		on_done(post, result);
}

static void done_may_send_the_next(void)
{
	open_forwarder(NULL);
	struct sent *one = prepare(0, "GET", "/body");

	one->post.done = on_done_again;
	expect(ask(one), 200, "");
	CHECK(one->noted == 200);
	close_forwarder();
}

static void too_many_are_refused_together(void)
{
	struct http_post **posts = calloc(HTTP_SENDER_POSTS_MAX + 1, sizeof(struct http_post *));

	open_forwarder(NULL);
	struct sent *one = prepare(0, "GET", "/body");

	for (size_t i = 0; i <= HTTP_SENDER_POSTS_MAX; i++)
		posts[i] = &one->post;
	CHECK(http_forwarder_send(forwarder, posts, HTTP_SENDER_POSTS_MAX + 1, &err) == ERR_LIMIT);
	CHECK(one->done == 0);
	expect(ask(one), 200, "{\"id\":\"a\"}");
	close_forwarder();
	free(posts);
}

/* Tries to send when it ends. */
static void on_done_late(struct http_post *post, const struct http_post_result *result)
{
	struct sent *one = post->self;
	struct error error;

	one->noted = (int)http_forwarder_send(forwarder, &post, 1, &error);
	on_done(post, result);
}

static void a_forwarder_is_freed_with_requests_under_way(void)
{
	struct http_post *posts[15];

	open_forwarder(&(struct http_sender_options){.host_connections_max = 2});
	expect(ask(prepare(15, "GET", "/ok")), 200, "fine");
	for (size_t i = 0; i < 15; i++) {
		prepare(i, "GET", i % 2 ? "/mute" : "/half")->post.done = i == 3 ? on_done_late : on_done;
		posts[i] = &sent[i].post;
	}
	CHECK_OK(http_forwarder_send(forwarder, posts, 10, &err), &err);
	sleep_ms(50);
	CHECK_OK(http_forwarder_send(forwarder, posts + 10, 5, &err), &err);
	(void)http_forwarder_free(forwarder);
	for (size_t i = 0; i < 15; i++) {
		CHECK(sent[i].done == 1 && pthread_equal(sent[i].thread, sent[15].thread));
		expect_error(&sent[i], ERR_CONFLICT, 0, "closed before an answer came");
	}
	CHECK(!pthread_equal(sent[15].thread, pthread_self()) && sent[3].noted == (int)ERR_CONFLICT);
	forwarder = NULL;
	close_forwarder();
	/* Nothing given at all, and at once. */
	open_forwarder(NULL);
	close_forwarder();
	CHECK(!http_forwarder_free(NULL));
}

/* A thread that waits for requests uses no processor. */
static void an_idle_forwarder_sleeps(void)
{
	struct timespec before, after;

	open_forwarder(NULL);
	expect(ask(prepare(0, "GET", "/body")), 200, "{\"id\":\"a\"}");
	sleep_ms(50);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	sleep_ms(300);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec < 100000000L);
	close_forwarder();
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	memset(large, 'l', sizeof(large));
	pthread_t thread = receiver_start();

	RUN(methods_and_bodies_arrive);
	RUN(large_bodies_go_and_come);
	RUN(what_cannot_be_sent_is_told_to_done);
	RUN(answers_of_each_kind);
	RUN(broken_answers_leave_nothing);
	RUN(wanted_headers_are_filled_in);
	RUN(wanted_headers_are_bounded);
	RUN(what_is_once_is_not_sent_again);
	RUN(waiting_may_count);
	RUN(many_threads_send);
	RUN(done_may_send_the_next);
	RUN(too_many_are_refused_together);
	RUN(a_forwarder_is_freed_with_requests_under_way);
	RUN(an_idle_forwarder_sleeps);
	receiver_end(thread);
	return check_done();
}
