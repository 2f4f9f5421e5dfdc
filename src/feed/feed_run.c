/* A feed at work: messages to entities, counters, its thread. */
#include "feed/feed_int.h"

#include "base/cleanup.h"
#include "broker/broker.h"
#include "feed/feed_clock_int.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define CONTEXT_PAUSE_MS 5000
#define WAIT_MS_MAX 60000
#define ROW_NAME_BYTES_MAX 100u /* of a file and a line, before why the row was dropped */

const char *feed_drop_name(enum feed_drop drop)
{
	static const char *const names[FEED_DROP_COUNT] = {
		[FEED_DROP_MALFORMED] = "malformed", [FEED_DROP_UNMAPPED] = "unmapped", [FEED_DROP_SKIPPED] = "skipped",
		[FEED_DROP_INVALID] = "invalid",     [FEED_DROP_ABSENT] = "absent",     [FEED_DROP_REFUSED] = "refused",
		[FEED_DROP_OVERSIZED] = "oversized",
	};

	return names[drop];
}

const char *feed_state_name(enum feed_state state)
{
	static const char *const names[] = {
		[FEED_STARTING] = "starting", [FEED_UP] = "up", [FEED_WAITING] = "waiting", [FEED_PAUSED] = "paused"};

	return names[state];
}

/* ---- counters ---- */

int64_t feed_now_us(const struct feed *feed)
{
	return broker_now_us(feed->trial ? feed->trial->broker : feed->options->broker);
}

void feed_drop(struct feed *feed, enum feed_drop drop, const char *format, ...)
{
	va_list arguments;
	int len = 0;

	feed->own.dropped[drop]++;
	if (feed->row_line)
		len = snprintf(feed->own.drop, ROW_NAME_BYTES_MAX, "%.*s%s%llu: ", STR_FMT(feed->row_file),
			       feed->row_file.len ? ":" : "line ", (unsigned long long)feed->row_line);
	if (len >= (int)ROW_NAME_BYTES_MAX)
		len = (int)ROW_NAME_BYTES_MAX - 1;
	va_start(arguments, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(feed->own.drop + len, sizeof(feed->own.drop) - (size_t)len, format, arguments);
	va_end(arguments);
	feed->own.drop_us = feed_now_us(feed);
	if (feed->taking)
		feed_note_post(feed->taking, drop, feed->own.drop);
	if (feed->trial && feed->trial->dropped)
		feed->trial->dropped(feed->trial->self, drop, feed->own.drop);
}

static void take_counts(struct feed *feed)
{
	struct feed_stats *own = &feed->own;
	struct intake_counts counts;

	intake_counts(feed->intake, &counts);
	own->created = counts.created + feed->beside.created;
	own->changed = counts.changed + feed->beside.changed;
	own->unchanged = counts.unchanged + feed->repeated + feed->beside.unchanged;
	own->deleted = counts.deleted;
	own->late = counts.late + feed->beside.late;
	own->dropped[FEED_DROP_ABSENT] = counts.absent;
	own->dropped[FEED_DROP_REFUSED] = counts.refused;
	own->commits = counts.commits + feed->beside.commits;
	own->commit_failures = counts.commit_failures;
}

static void say(const struct feed *feed, bool is_trouble, const char *text)
{
	if (feed->options->say)
		feed->options->say(feed->options->self, is_trouble, feed->name, text);
}

void feed_note_error(struct feed *feed, const char *why)
{
	say(feed, true, why);
	(void)snprintf(feed->own.error, sizeof(feed->own.error), "%s", why);
	feed->own.error_us = feed_now_us(feed);
}

void feed_show(struct feed *feed, enum feed_state state, const char *why)
{
	const struct error *trouble = feed->intake ? intake_trouble(feed->intake) : NULL;

	if (feed->intake)
		take_counts(feed);
	if (trouble) {
		state = FEED_WAITING;
		why = trouble->detail;
	}
	if (state == FEED_WAITING && why && why[0] &&
	    (feed->own.state != FEED_WAITING || strcmp(feed->own.error, why) != 0))
		feed_note_error(feed, why);
	if (state == FEED_UP && feed->own.state != FEED_UP) {
		feed->own.connects += !trouble;
		say(feed, false, "up");
	}
	feed->own.state = state;
	(void)pthread_mutex_lock(&feed->lock);
	feed->shown = feed->own;
	(void)pthread_mutex_unlock(&feed->lock);
}

/* ---- the thread ---- */

bool feed_goes_on(const struct feed *feed)
{
	return !atomic_load_explicit(&feed->stopping, memory_order_acquire);
}

void feed_wait(struct feed *feed, struct pollfd *more, int64_t deadline_ms)
{
	int64_t command_ms = feed_commands_deadline_ms(feed);

	struct pollfd fds[2] = {{.fd = feed->wake_fd, .events = POLLIN}, more ? *more : (struct pollfd){.fd = -1}};
	int64_t left_ms = (command_ms < deadline_ms ? command_ms : deadline_ms) - feed_clock_ms();
	uint64_t count;

	(void)poll(fds, 2, left_ms < 0 ? 0 : left_ms > WAIT_MS_MAX ? WAIT_MS_MAX : (int)left_ms);
	if (fds[0].revents)
		(void)!read(feed->wake_fd, &count, sizeof(count));
	if (more)
		more->revents = fds[1].revents;
	feed_commands_turn(feed);
}

static void wake(const struct feed *feed)
{
	const uint64_t one = 1;

	(void)!write(feed->wake_fd, &one, sizeof(one));
}

/* The names' @context, which may have to be fetched. False: the feed stops. */
static bool get_context(struct feed *feed)
{
	const struct json url = json_string(feed->context_url);
	struct error err;

	if (feed->context)
		return true;
	if (feed->context_url.len == 0) {
		feed->context = context_ref(broker_core_context(feed->options->broker));
		return true;
	}
	while (feed_goes_on(feed)) {
		if (broker_context(feed->options->broker, &url, NULL, NULL, &feed->context, &err) == ERR_OK)
			return true;
		feed_show(feed, FEED_WAITING, err.detail);
		feed_wait(feed, NULL, feed_clock_ms() + CONTEXT_PAUSE_MS);
	}
	return false;
}

/* False: the feed stops. */
static bool start_commands(struct feed *feed)
{
	struct error err;

	while (feed_goes_on(feed) && feed_commands_new(feed, &err) != ERR_OK) {
		feed_show(feed, FEED_WAITING, err.detail);
		feed_wait(feed, NULL, feed_clock_ms() + CONTEXT_PAUSE_MS);
	}
	return feed_goes_on(feed);
}

static void *thread_main(void *self)
{
	struct feed *feed = self;

	if (get_context(feed) && start_commands(feed))
		feed->kind->run(feed);
	feed_commands_end(feed);
	feed_lines_end(feed);
	return NULL;
}

static void refused(void *self, const struct error *err)
{
	struct feed *feed = self;

	(void)snprintf(feed->own.drop, sizeof(feed->own.drop), "%s", err->detail);
	feed->own.drop_us = feed_now_us(feed);
}

static void not_stored(void *self, uint64_t tag)
{
	struct feed *feed = self;

	if (feed->kind->forget)
		feed->kind->forget(feed, tag);
}

static enum err_code prepare(struct feed *feed, struct error *err)
{
	enum err_code code = broker_tenant(feed->options->broker, feed->tenant, true, &feed->store, err);

	if (code)
		return code;
	if (feed->wake_fd < 0)
		feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!feed->parser)
		feed->parser = json_parser_new();
	if (feed->wake_fd < 0 || !feed->parser)
		return err_set(err, ERR_MEMORY, "no memory or descriptor for the feed \"%.*s\"", STR_FMT(feed->name));
	const struct intake_options options = {.broker = feed->options->broker,
					       .store = feed->store,
					       .wake_fd = feed->wake_fd,
					       .settled = feed->kind->settled,
					       .refused = refused,
					       .not_stored = not_stored,
					       .lost = feed->kind->lost,
					       .self = feed};

	return feed->intake ? ERR_OK : intake_new(&options, &feed->intake, err);
}

int feed_thread_start(pthread_t *thread, void *(*run)(void *self), void *self)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(thread, NULL, run, self);

	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return failed;
}

enum err_code feed_start(struct feed *feed, const struct feed_set_options *options, struct error *err)
{
	feed->options = options;
	enum err_code code = prepare(feed, err);

	if (code)
		return code;
	atomic_store(&feed->stopping, false);
	feed->own.state = FEED_STARTING;
	feed->shown = feed->own;
	int failed = feed_thread_start(&feed->thread, thread_main, feed);

	if (failed)
		return err_set(err, ERR_IO, "cannot start a thread for the feed \"%.*s\": %s", STR_FMT(feed->name),
			       strerror(failed));
	feed->running = true;
	return ERR_OK;
}

bool feed_stop_begin(struct feed *feed)
{
	if (!feed->running)
		return false;
	feed->running = false;
	atomic_store_explicit(&feed->stopping, true, memory_order_release);
	wake(feed);
	return true;
}

void feed_stop_end(struct feed *feed)
{
	(void)pthread_join(feed->thread, NULL);
	feed_show(feed, FEED_PAUSED, NULL);
}
