/* What charge points say to a feed, up to the store: whatever comes, no crash, all that goes back is a message of
 * OCPP-J, and the station is still heard afterwards. The input is texts with a 0x1e between them; one that begins with
 * "2" is of OCPP 2.0.1. Behind them the input ends with a Heartbeat of ours, whose answer, or the line's end, is
 * waited for. */
#include "feed/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define TEXT_BYTES_MAX 65536u
#define WAIT_S 20
#define LAST "[2,\"the last\",\"Heartbeat\",{}]"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document_text[] =
	"feeds:\n"
	"  - name: park\n"
	"    ocpp: {any_station: true, tokens: [{id: A, parent: P}, {id: B, blocked: true}], any_token: false}\n";

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	bool ringing; /* under the lock */
};

static void ring(void *self)
{
	struct bell *bell = self;

	(void)pthread_mutex_lock(&bell->lock);
	bell->ringing = true;
	(void)pthread_cond_signal(&bell->rung);
	(void)pthread_mutex_unlock(&bell->lock);
}

static void await(struct bell *bell)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	(void)pthread_mutex_lock(&bell->lock);
	while (!bell->ringing) {
		int late = pthread_cond_timedwait(&bell->rung, &bell->lock, &until);

		assert(late == 0);
		(void)late;
	}
	bell->ringing = false;
	(void)pthread_mutex_unlock(&bell->lock);
}

static struct feed_set *start(void)
{
	const struct broker_options options = {.create = true};
	struct feed_set_options set_options = {.policy = NULL};
	struct feed_set *set = NULL;
	struct yaml_tree *document = NULL;
	struct arena arena;
	struct error err;

	arena_init(&arena, 1u << 20);
	if (broker_new(&options, &set_options.broker, &err) != ERR_OK ||
	    feed_set_new(&set_options, &set, &err) != ERR_OK ||
	    yaml_tree_parse(&arena, STR("fuzz.yaml"), str_from(document_text), &document, &err) != ERR_OK ||
	    feed_set_use(set, yaml_tree_get(document, STR("feeds")), &err) != ERR_OK)
		abort();
	arena_done(&arena);
	return set;
}

/* True: it is the answer to the last one. */
static bool check_text(struct str text)
{
	static struct json_parser *parser;
	struct json *frame = NULL;
	struct arena arena;
	struct error err;
	bool last;

	if (!parser)
		parser = json_parser_new();
	arena_init(&arena, 8u << 20);
	enum err_code code = json_parse(parser, &arena, text, NULL, &frame, &err);

	assert(code == ERR_OK && json_is(frame, JSON_ARRAY) && frame->count >= 3);
	(void)code;
	assert(json_at(frame, 0)->number == 3 ? frame->count == 3
					      : json_at(frame, 0)->number == 4 && frame->count == 5);
	last = str_eq(json_text(json_at(frame, 1)), STR("the last"));
	arena_done(&arena);
	return last;
}

/* Everything that is there. True: the last answer, or the end. */
static bool read_all(struct feed_line *line, struct buf *text)
{
	const char *reason;
	uint16_t code;
	char block[1000]; /* texts come in parts */
	bool ends = false;
	size_t got;

	while ((got = feed_line_read(line, block, sizeof(block), &ends)) > 0) {
		buf_put(text, (struct str){block, got});
		assert(!text->failed);
		if (!ends)
			continue;
		bool last = check_text(buf_str(text));

		buf_clear(text);
		if (last)
			return true;
	}
	return feed_line_is_over(line, &code, &reason);
}

static bool say(struct feed_line *line, struct bell *bell, struct str text, struct buf *heard)
{
	while (!feed_line_take(line, text)) {
		await(bell);
		if (read_all(line, heard))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed_set *set;
	struct bell bell = {.lock = PTHREAD_MUTEX_INITIALIZER, .rung = PTHREAD_COND_INITIALIZER};
	bool is_201 = size > 0 && data[0] == '2';
	struct str rest = str_part((struct str){(const char *)data, size}, is_201, size), text;
	const struct feed_caller caller = {.name = STR("CP-1"),
					   .protocol = is_201 ? STR("ocpp2.0.1") : STR("ocpp1.6"),
					   .wake = ring,
					   .self = &bell};
	struct feed_line *line = NULL;
	struct error err;
	struct buf heard;

	if (!set)
		set = start();
	if (feed_set_call(set, STR("park"), &caller, &line, &err) != ERR_OK)
		abort();
	buf_init(&heard, 1u << 20);
	bool goes_on = true;

	while (goes_on && str_next(&rest, 0x1e, &text))
		goes_on = text.len > TEXT_BYTES_MAX || say(line, &bell, text, &heard);
	goes_on = goes_on && say(line, &bell, STR(LAST), &heard);
	while (goes_on && !read_all(line, &heard))
		await(&bell);
	feed_line_hang_up(line);
	buf_done(&heard);
	return 0;
}
