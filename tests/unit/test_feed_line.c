/* Lines: what peers say reaches the feed whole, once and in order, and the other way round, whoever goes first; what
 * waits is bounded. Method: a feed without its own thread and store; threads play sockets that call, talk and hang up
 * at any time, the test plays the feed. Also built under ThreadSanitizer. */
#include "check.h"
#include "feed/feed_int.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SOCKETS 4u
#define CALLS 200u /* of each socket */
#define TEXTS 20u /* of each call, at most */
#define ROOM 7u /* a text is read in parts of so many bytes */

static struct error err;

static enum err_code admit(const struct feed *feed, const struct feed_caller *caller, struct error *why)
{
	(void)feed;
	return str_eq(caller->name, STR("stranger")) ? err_set(why, ERR_DENIED, "no") : ERR_OK;
}

static const struct feed_kind kind = {.name = "test", .admit = admit};
static struct feed_set set = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct feed *feed_make(void)
{
	struct feed *feed = feed_new();

	if (!feed)
		abort();
	feed->name = STR("lines");
	feed->kind = &kind;
	feed->running = true;
	feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set.feeds[0] = feed;
	set.count = 1;
	return feed;
}

static void feed_unmake(struct feed *feed)
{
	set.count = 0;
	(void)feed_free(feed);
}

static void count_wake(void *self)
{
	atomic_fetch_add((atomic_uint *)self, 1);
}

static struct feed_line *call_as(const char *name, atomic_uint *wakes)
{
	const struct feed_caller caller = {
		.name = str_from(name), .protocol = STR("p"), .wake = count_wake, .self = wakes};
	struct feed_line *line = NULL;

	if (!CHECK_OK(feed_set_call(&set, STR("lines"), &caller, &line, &err), &err))
		abort();
	return line;
}

static void check_text(struct feed_line *line, const char *wanted)
{
	size_t len = 0;
	char *text = feed_line_text(line, &len);

	if (CHECK(text))
		CHECK_STR(((struct str){text, len}), str_from(wanted));
	free(text);
}

/* ---- one at a time ---- */

static void who_may_not_call_is_told(void)
{
	struct feed *feed = feed_make();
	atomic_uint wakes = 0;
	struct feed_caller caller = {.name = STR("stranger"), .wake = count_wake, .self = &wakes};
	struct feed_line *line = NULL;

	CHECK(feed_set_call(&set, STR("lines"), &caller, &line, &err) == ERR_DENIED);
	CHECK(feed_set_call(&set, STR("others"), &caller, &line, &err) == ERR_NOT_FOUND);
	caller.name = STR("friend");
	feed->running = false;
	CHECK(feed_set_call(&set, STR("lines"), &caller, &line, &err) == ERR_CONFLICT);
	CHECK(!line && !feed->lines);
	feed_unmake(feed);
}

static void texts_go_both_ways_in_their_order(void)
{
	struct feed *feed = feed_make();
	atomic_uint wakes = 0;
	struct feed_line *line = call_as("a", &wakes);
	char at[64];
	bool ends = false;

	CHECK(feed_line_take(line, STR("one")) && feed_line_take(line, STR("")) && feed_line_take(line, STR("three")));
	CHECK(feed_line_next(feed) == line && feed_line_is_new(line) && !feed_line_is_new(line));
	CHECK_STR(feed_line_name(line), STR("a"));
	CHECK_STR(feed_line_protocol(line), STR("p"));
	check_text(line, "one");
	CHECK(feed_line_next(feed) == line);
	check_text(line, "");
	CHECK(feed_line_next(feed) == line && !feed_line_is_gone(line));
	check_text(line, "three");
	CHECK(feed_line_next(feed) == NULL);
	feed_line_send(line, STR("first"));
	feed_line_send(line, STR("second"));
	CHECK(atomic_load(&wakes) == 2);
	CHECK(feed_line_read(line, at, 3, &ends) == 3 && !ends && memcmp(at, "fir", 3) == 0);
	CHECK(feed_line_read(line, at, sizeof(at), &ends) == 2 && ends && memcmp(at, "st", 2) == 0);
	CHECK(feed_line_read(line, at, sizeof(at), &ends) == 6 && ends);
	CHECK(feed_line_read(line, at, sizeof(at), &ends) == 0);
	feed_line_hang_up(line);
	CHECK(feed_line_next(feed) == line && feed_line_is_gone(line));
	feed_line_let_go(feed, line);
	CHECK(!feed->lines && feed->line_count == 0 && feed->line_bytes == 0);
	feed_unmake(feed);
}

static void what_waits_is_bounded_and_its_sender_woken(void)
{
	struct feed *feed = feed_make();
	atomic_uint wakes = 0;
	struct feed_line *line = call_as("a", &wakes);
	unsigned int taken = 0;

	while (feed_line_take(line, STR("text")))
		taken++;
	CHECK(taken == FEED_LINE_TEXTS_MAX && atomic_load(&wakes) == 0);
	CHECK(feed_line_next(feed) == line && atomic_load(&wakes) == 1);
	check_text(line, "text");
	CHECK(feed_line_take(line, STR("text")) && !feed_line_take(line, STR("text")));
	/* All lines together: large texts of many. */
	char *large = calloc(1, FEED_LINE_TEXT_BYTES_MAX);
	struct feed_line *others[64];
	size_t count = 0;

	for (; count < 64; count++) {
		others[count] = call_as("b", &wakes);
		while (feed_line_take(others[count], (struct str){large, FEED_LINE_TEXT_BYTES_MAX}))
			;
		CHECK(feed->line_bytes <= FEED_LINES_BYTES_MAX);
	}
	CHECK(feed->line_bytes > FEED_LINES_BYTES_MAX - FEED_LINE_TEXT_BYTES_MAX);
	free(large);
	/* A peer that does not read is cut off. */
	for (int i = 0; i < 3; i++) {
		char *text = calloc(1, FEED_LINE_OWED_BYTES_MAX / 2);

		feed_line_send(line, (struct str){text, FEED_LINE_OWED_BYTES_MAX / 2});
		free(text);
	}
	uint16_t code = 0;
	const char *reason = NULL;

	CHECK(!feed_line_is_over(line, &code, &reason) && code == 1013); /* once what it is owed is read */
	feed_lines_end(feed);
	CHECK(!feed->lines && !feed->news && feed->line_bytes == 0);
	feed_line_hang_up(line);
	while (count > 0)
		feed_line_hang_up(others[--count]);
	feed_unmake(feed);
}

static void a_line_that_is_closed_is_heard_no_more(void)
{
	struct feed *feed = feed_make();
	atomic_uint wakes = 0;
	struct feed_line *line = call_as("a", &wakes);
	uint16_t code = 0;
	const char *reason = NULL;
	char at[64];
	bool ends = false;

	CHECK(feed_line_take(line, STR("before")) && feed_line_next(feed) == line);
	CHECK(!feed_line_is_over(line, &code, &reason));
	feed_line_send(line, STR("bye"));
	feed_line_close(line, 1008, "enough");
	feed_line_send(line, STR("not this"));
	CHECK(feed_line_take(line, STR("after")) && feed->line_bytes == 0);
	CHECK(!feed_line_is_over(line, &code, &reason));
	CHECK(feed_line_read(line, at, sizeof(at), &ends) == 3 && ends);
	CHECK(feed_line_is_over(line, &code, &reason) && code == 1008 && strcmp(reason, "enough") == 0);
	feed_line_hang_up(line);
	CHECK(feed_line_next(feed) == line && feed_line_is_gone(line));
	feed_line_let_go(feed, line);
	CHECK(feed_line_next(feed) == NULL);
	/* And one of a feed that ends first. */
	line = call_as("a", &wakes);
	CHECK(feed_line_take(line, STR("x")));
	feed_lines_end(feed);
	CHECK(feed_line_is_over(line, &code, &reason) && code == 1001);
	CHECK(feed_line_take(line, STR("y")) && feed_line_read(line, at, sizeof(at), &ends) == 0);
	feed_line_hang_up(line);
	feed_unmake(feed);
}

/* ---- side by side ---- */

struct socket { /* a peer that says numbers and hears them doubled */
	pthread_t thread;
	unsigned int seed;
	atomic_uint wakes;
	unsigned int wrong, heard;
	atomic_uint *ended;
};

static unsigned int draw(struct socket *socket, unsigned int below)
{
	socket->seed = socket->seed * 1664525u + 1013904223u;
	return (socket->seed >> 8) % below;
}

static void hear(struct socket *socket, struct feed_line *line, unsigned int *next, char *text, size_t *len)
{
	bool ends = false;
	size_t got = feed_line_read(line, text + *len, ROOM, &ends);
	uint64_t number = 0;

	*len += got;
	if (got == 0 || !ends)
		return;
	socket->wrong += !str_to_uint64((struct str){text, *len}, &number) || number != 2 * (uint64_t)(*next)++;
	socket->heard++;
	*len = 0;
}

static void talk(struct socket *socket)
{
	struct feed_line *line = call_as("s", &socket->wakes);
	unsigned int said = 0, next = 0, count = draw(socket, TEXTS), stays = draw(socket, 2);
	char text[64], number[24];
	size_t len = 0;
	uint16_t code;
	const char *reason;

	while (said < count || (stays && next < count)) {
		int digits = snprintf(number, sizeof(number), "%u", said);

		if (said < count)
			said += feed_line_take(line, (struct str){number, (size_t)digits});
		hear(socket, line, &next, text, &len);
		if (feed_line_is_over(line, &code, &reason))
			break;
		(void)sched_yield();
	}
	feed_line_hang_up(line);
}

static void *play(void *arg)
{
	for (unsigned int i = 0; i < CALLS; i++)
		talk(arg);
	return NULL;
}

static void *play_once(void *arg)
{
	struct socket *socket = arg;

	talk(socket);
	atomic_fetch_add(socket->ended, 1);
	return NULL;
}

static void answer(struct feed_line *line, unsigned int *ret_wrong)
{
	char reply[24];
	size_t len = 0;
	char *text = feed_line_text(line, &len);
	uint64_t number = 0, wanted = (uint64_t)(uintptr_t)feed_line_peer(line);

	if (!text)
		return;
	*ret_wrong += !str_to_uint64((struct str){text, len}, &number) || number != wanted;
	feed_line_set_peer(line, (void *)(uintptr_t)(wanted + 1));
	int digits = snprintf(reply, sizeof(reply), "%llu", (unsigned long long)number * 2);

	feed_line_send(line, (struct str){reply, (size_t)digits});
	free(text);
}

static void many_call_and_go_at_any_time(void)
{
	struct feed *feed = feed_make();
	struct socket sockets[SOCKETS] = {0};
	unsigned int wrong = 0, gone = 0, heard = 0;

	for (unsigned int i = 0; i < SOCKETS; i++) {
		sockets[i].seed = i + 1;
		(void)pthread_create(&sockets[i].thread, NULL, play, &sockets[i]);
	}
	while (gone < SOCKETS * CALLS) {
		struct feed_line *line = feed_line_next(feed);
		uint64_t count;

		if (!line) {
			struct pollfd woken = {.fd = feed->wake_fd, .events = POLLIN};

			CHECK(poll(&woken, 1, 20000) == 1); /* a wake that is missed would hang here */
			(void)!read(feed->wake_fd, &count, sizeof(count));
			continue;
		}
		if (feed_line_is_gone(line)) {
			feed_line_let_go(feed, line);
			gone++;
			continue;
		}
		answer(line, &wrong);
	}
	for (unsigned int i = 0; i < SOCKETS; i++) {
		(void)pthread_join(sockets[i].thread, NULL);
		wrong += sockets[i].wrong;
		heard += sockets[i].heard;
	}
	CHECK(wrong == 0 && heard > 0);
	CHECK(!feed->lines && feed->line_count == 0 && feed->line_bytes == 0);
	feed_unmake(feed);
}

static void the_feed_ends_while_they_talk(void)
{
	for (unsigned int round = 0; round < 20; round++) {
		struct feed *feed = feed_make();
		struct socket sockets[SOCKETS] = {0};
		unsigned int wrong = 0, turns = 0;
		atomic_uint ended = 0;

		for (unsigned int i = 0; i < SOCKETS; i++) {
			sockets[i].seed = round * SOCKETS + i;
			sockets[i].ended = &ended;
			(void)pthread_create(&sockets[i].thread, NULL, play_once, &sockets[i]);
		}
		while (turns < 10 * round) {
			struct feed_line *line = feed_line_next(feed);

			turns++;
			if (line && feed_line_is_gone(line))
				feed_line_let_go(feed, line);
			else if (line)
				answer(line, &wrong);
		}
		bool all;

		do { /* some may call only now, and be gone before they are seen */
			all = atomic_load(&ended) == SOCKETS;
			(void)pthread_mutex_lock(&set.lock); /* so that nobody calls meanwhile */
			feed_lines_end(feed);
			(void)pthread_mutex_unlock(&set.lock);
			(void)sched_yield();
		} while (!all);
		for (unsigned int i = 0; i < SOCKETS; i++)
			(void)pthread_join(sockets[i].thread, NULL);
		CHECK(wrong == 0 && !feed->lines);
		feed_unmake(feed);
	}
}

int main(void)
{
	RUN(who_may_not_call_is_told);
	RUN(texts_go_both_ways_in_their_order);
	RUN(what_waits_is_bounded_and_its_sender_woken);
	RUN(a_line_that_is_closed_is_heard_no_more);
	RUN(many_call_and_go_at_any_time);
	RUN(the_feed_ends_while_they_talk);
	return check_done();
}
