/* Lines: connections of peers that call, between whoever has the socket and the feed's thread.
 *
 * Two hold a line, the socket's side and the feed's; the second to let go frees it. What the socket's side says waits
 * at the line, within bounds, and the line waits among those with news, once. A line whose text could not be taken
 * waits there as well, so that it is woken in its turn. Locks: the line's before the feed's. The set's lock is held by
 * who calls, and under it a feed that is to stop is no longer running: so none comes then. A line knows its feed until
 * that lets go of it. */
#include "feed/feed_int.h"

#include <stdlib.h>
#include <unistd.h>

#define CLOSE_GOING_AWAY 1001 /* RFC 6455 section 7.4.1 */
#define CLOSE_TRY_AGAIN_LATER 1013 /* IANA's registry of close codes */

struct text {
	struct text *next;
	char *at; /* owned */
	size_t len;
};

struct texts {
	struct text *first, *last;
	size_t count, bytes;
};

struct feed_line {
	char *name; /* owned, as the next */
	char *protocol;
	void *peer; /* the feed's thread's, as the next */
	bool is_known;
	struct feed_line *next, *previous; /* of the feed's, under its lock */
	struct feed_line *next_news;
	bool has_news; /* likewise */
	pthread_mutex_t lock; /* guards what follows */
	struct feed *feed; /* NULL: it has let go */
	void (*wake)(void *self); /* NULL: the socket has gone */
	void *self;
	struct texts in, out;
	size_t sent; /* of the first text that goes out */
	bool refused; /* the socket's side waits to be woken */
	bool closing;
	uint16_t code;
	const char *reason; /* static */
};

/* ---- texts ---- */

static bool push(struct texts *texts, struct str text)
{
	struct text *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = (struct text){.at = str_to_c(text), .len = text.len};
	if (!copy || !copy->at) {
		free(copy);
		return false;
	}
	if (texts->first)
		texts->last->next = copy;
	else
		texts->first = copy;
	texts->last = copy;
	texts->count++;
	texts->bytes += text.len;
	return true;
}

static char *pop(struct texts *texts, size_t *ret_len)
{
	struct text *first = texts->first;
	char *at = first->at;

	*ret_len = first->len;
	texts->first = first->next;
	texts->count--;
	texts->bytes -= first->len;
	free(first);
	return at;
}

static void clear(struct texts *texts)
{
	size_t len;

	while (texts->first)
		free(pop(texts, &len));
}

static void line_free(struct feed_line *line)
{
	clear(&line->in);
	clear(&line->out);
	(void)pthread_mutex_destroy(&line->lock);
	free(line->name);
	free(line->protocol);
	free(line);
}

/* ---- under the line's lock ---- */

static void wake_socket(const struct feed_line *line)
{
	if (line->wake)
		line->wake(line->self);
}

static void close_it(struct feed_line *line, uint16_t code, const char *reason)
{
	if (line->closing)
		return;
	line->closing = true;
	line->code = code;
	line->reason = reason;
	wake_socket(line);
}

/* Changes how many bytes wait at the feed, and lets the line wait there. */
static void tell_feed(struct feed_line *line, size_t more)
{
	struct feed *feed = line->feed;
	const uint64_t one = 1;
	bool first;

	(void)pthread_mutex_lock(&feed->lock);
	feed->line_bytes += more;
	first = !feed->news;
	if (!line->has_news) {
		line->next_news = NULL;
		if (feed->news)
			feed->news_last->next_news = line;
		else
			feed->news = line;
		feed->news_last = line;
		line->has_news = true;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	if (first)
		(void)!write(feed->wake_fd, &one, sizeof(one));
}

static bool feed_is_full(struct feed *feed, size_t more)
{
	(void)pthread_mutex_lock(&feed->lock);
	bool full = feed->line_bytes && feed->line_bytes + more > FEED_LINES_BYTES_MAX;

	(void)pthread_mutex_unlock(&feed->lock);
	return full;
}

/* ---- the socket's side ---- */

static struct feed_line *line_new(const struct feed_caller *caller)
{
	struct feed_line *line = calloc(1, sizeof(*line));

	if (!line)
		return NULL;
	(void)pthread_mutex_init(&line->lock, NULL);
	line->wake = caller->wake;
	line->self = caller->self;
	line->name = str_to_c(caller->name);
	line->protocol = str_to_c(caller->protocol);
	if (line->name && line->protocol)
		return line;
	line_free(line);
	return NULL;
}

static enum err_code attach(struct feed *feed, const struct feed_caller *caller, struct feed_line **ret_line,
			    struct error *err)
{
	struct feed_line *line = line_new(caller);

	if (!line)
		return err_set(err, ERR_MEMORY, "no memory for a connection");
	(void)pthread_mutex_lock(&feed->lock);
	bool full = feed->line_count == FEED_LINES_MAX;

	line->feed = feed;
	if (!full) {
		line->next = feed->lines;
		if (line->next)
			line->next->previous = line;
		feed->lines = line;
		feed->line_count++;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	if (full) {
		line_free(line);
		return err_set(err, ERR_LIMIT, "%u connections of the feed \"%.*s\", and no more", FEED_LINES_MAX,
			       STR_FMT(feed->name));
	}
	(void)pthread_mutex_lock(&line->lock);
	tell_feed(line, 0);
	(void)pthread_mutex_unlock(&line->lock);
	*ret_line = line;
	return ERR_OK;
}

static enum err_code take_call(struct feed *feed, const struct feed_caller *caller, struct feed_line **ret_line,
			       struct error *err)
{
	enum err_code code = feed->kind->admit(feed, caller, err);

	if (!code && !feed->running)
		code = err_set(err, ERR_CONFLICT, "the feed \"%.*s\" is paused", STR_FMT(feed->name));
	return code ? code : attach(feed, caller, ret_line, err);
}

enum err_code feed_set_call(struct feed_set *set, struct str name, const struct feed_caller *caller,
			    struct feed_line **ret_line, struct error *err)
{
	(void)pthread_mutex_lock(&set->lock);
	struct feed *feed = feed_set_find(set, name);
	enum err_code code =
		feed && feed->kind->admit ? take_call(feed, caller, ret_line, err) : feed_not_there(name, err);

	(void)pthread_mutex_unlock(&set->lock);
	return code;
}

bool feed_line_take(struct feed_line *line, struct str text)
{
	bool taken = true;

	(void)pthread_mutex_lock(&line->lock);
	if (line->feed && !line->closing) {
		taken = line->in.count < FEED_LINE_TEXTS_MAX && !feed_is_full(line->feed, text.len);
		line->refused = !taken;
		if (taken && !push(&line->in, text))
			close_it(line, CLOSE_TRY_AGAIN_LATER, "no memory for a message");
		else
			tell_feed(line, taken ? text.len : 0);
	}
	(void)pthread_mutex_unlock(&line->lock);
	return taken;
}

size_t feed_line_read(struct feed_line *line, char *at, size_t room, bool *ret_ends)
{
	size_t taken = 0, len;

	(void)pthread_mutex_lock(&line->lock);
	const struct text *first = line->out.first;

	if (first) {
		taken = first->len - line->sent < room ? first->len - line->sent : room;
		memcpy(at, first->at + line->sent, taken);
		line->sent += taken;
		*ret_ends = line->sent == first->len;
		if (*ret_ends) {
			free(pop(&line->out, &len));
			line->sent = 0;
		}
	}
	(void)pthread_mutex_unlock(&line->lock);
	return taken;
}

bool feed_line_is_over(struct feed_line *line, uint16_t *ret_code, const char **ret_reason)
{
	(void)pthread_mutex_lock(&line->lock);
	bool over = line->closing && !line->out.first;

	*ret_code = line->code;
	*ret_reason = line->reason;
	(void)pthread_mutex_unlock(&line->lock);
	return over;
}

void feed_line_hang_up(struct feed_line *line)
{
	(void)pthread_mutex_lock(&line->lock);
	bool last = !line->feed;

	line->wake = NULL;
	if (!last)
		tell_feed(line, 0);
	(void)pthread_mutex_unlock(&line->lock);
	if (last)
		line_free(line);
}

/* ---- the feed's side ---- */

struct feed_line *feed_line_next(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	struct feed_line *line = feed->news;

	if (line) {
		feed->news = line->next_news;
		line->has_news = false;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	if (!line)
		return NULL;
	(void)pthread_mutex_lock(&line->lock);
	if (line->refused)
		wake_socket(line);
	line->refused = false;
	(void)pthread_mutex_unlock(&line->lock);
	return line;
}

bool feed_line_is_new(struct feed_line *line)
{
	bool was_known = line->is_known;

	line->is_known = true;
	return !was_known;
}

struct str feed_line_name(const struct feed_line *line)
{
	return str_from(line->name);
}

struct str feed_line_protocol(const struct feed_line *line)
{
	return str_from(line->protocol);
}

static void count_off(struct feed *feed, size_t bytes)
{
	(void)pthread_mutex_lock(&feed->lock);
	feed->line_bytes -= bytes;
	(void)pthread_mutex_unlock(&feed->lock);
}

char *feed_line_text(struct feed_line *line, size_t *ret_len)
{
	char *text = NULL;

	(void)pthread_mutex_lock(&line->lock);
	if (line->in.first) {
		text = pop(&line->in, ret_len);
		count_off(line->feed, *ret_len);
	}
	if (text && (line->in.first || !line->wake))
		tell_feed(line, 0); /* behind the others */
	(void)pthread_mutex_unlock(&line->lock);
	return text;
}

/* Not as long as it waits among those with news: then it comes again. */
bool feed_line_is_gone(struct feed_line *line)
{
	(void)pthread_mutex_lock(&line->lock);
	struct feed *feed = line->feed;
	bool gone = !line->wake && !line->in.first;

	(void)pthread_mutex_lock(&feed->lock);
	gone = gone && !line->has_news;
	(void)pthread_mutex_unlock(&feed->lock);
	(void)pthread_mutex_unlock(&line->lock);
	return gone;
}

void feed_line_send(struct feed_line *line, struct str text)
{
	(void)pthread_mutex_lock(&line->lock);
	if (line->wake && !line->closing) {
		if (line->out.bytes + text.len > FEED_LINE_OWED_BYTES_MAX || !push(&line->out, text))
			close_it(line, CLOSE_TRY_AGAIN_LATER, "too much waits to be read");
		else
			wake_socket(line);
	}
	(void)pthread_mutex_unlock(&line->lock);
}

static void forget_texts(struct feed_line *line)
{
	count_off(line->feed, line->in.bytes);
	clear(&line->in);
}

void feed_line_close(struct feed_line *line, uint16_t code, const char *reason)
{
	(void)pthread_mutex_lock(&line->lock);
	forget_texts(line);
	close_it(line, code, reason);
	(void)pthread_mutex_unlock(&line->lock);
}

static void unlist_news(struct feed *feed, const struct feed_line *line)
{
	struct feed_line **at = &feed->news, *before = NULL;

	while (*at != line) {
		before = *at;
		at = &before->next_news;
	}
	*at = line->next_news;
	if (feed->news_last == line)
		feed->news_last = before;
}

/* Under the feed's lock. */
static void take_out(struct feed *feed, struct feed_line *line)
{
	if (line->has_news)
		unlist_news(feed, line);
	line->has_news = false;
	if (line->next)
		line->next->previous = line->previous;
	if (line->previous)
		line->previous->next = line->next;
	else
		feed->lines = line->next;
	feed->line_count--;
}

void feed_line_let_go(struct feed *feed, struct feed_line *line)
{
	(void)pthread_mutex_lock(&line->lock);
	forget_texts(line);
	(void)pthread_mutex_lock(&feed->lock);
	take_out(feed, line);
	(void)pthread_mutex_unlock(&feed->lock);
	line->feed = NULL;
	bool last = !line->wake;

	close_it(line, CLOSE_GOING_AWAY, "the feed ends");
	(void)pthread_mutex_unlock(&line->lock);
	if (last)
		line_free(line);
}

void feed_line_set_peer(struct feed_line *line, void *peer)
{
	line->peer = peer;
}

void *feed_line_peer(const struct feed_line *line)
{
	return line->peer;
}

static struct feed_line *first_line(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	struct feed_line *line = feed->lines;

	(void)pthread_mutex_unlock(&feed->lock);
	return line;
}

void feed_lines_end(struct feed *feed)
{
	struct feed_line *line;

	while ((line = first_line(feed)))
		feed_line_let_go(feed, line);
}
