/* machi feed list, status, pause, resume: asked of the daemon over its API. machi feed test: what a feed or a mapping
 * makes of a message, without any daemon. */
#include "base/cleanup.h"
#include "feed/feed.h"
#include "main/command_table.h"
#include "main/folder.h"
#include "main/pretty.h"
#include "main/say.h"
#include "main/session.h"
#include "net/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX ((size_t)16 << 20)
#define URL_BYTES_MAX 1024
#define MESSAGE_BYTES_MAX ((size_t)16 << 20)
#define DOCUMENT_BYTES_MAX ((size_t)1 << 20)
#define ASK_ARENA_BYTES_MAX ((size_t)64 << 20)

DEFINE_CLEANUP(struct broker *, broker);

/* ---- asking the daemon ---- */

struct asked {
	struct arena arena;
	struct buf body;
	struct json_parser *parser;
	struct json *answer; /* NULL: there is none */
	int status;
};

static void asked_done(struct asked *asked)
{
	buf_done(&asked->body);
	(void)json_parser_free(asked->parser);
	arena_done(&asked->arena);
}

/* What the daemon refuses is said, with the exit status that fits. */
static enum exit_status refused(const struct asked *asked)
{
	struct str detail = json_text(json_get(asked->answer, STR("detail")));

	if (detail.len)
		say("%.*s", STR_FMT(detail));
	else
		say("the daemon answers with status %d", asked->status);
	switch (asked->status) {
	case 400:
		return EXIT_DATA;
	case 503:
		return EXIT_UNAVAILABLE;
	default:
		return EXIT_NOT_FOUND;
	}
}

static enum exit_status ask(const struct call *call, const char *method, const char *name, const char *what,
			    struct asked *asked)
{
	char url[URL_BYTES_MAX];
	const struct http_fetch_options options = {.accept = "application/json",
						   .user_agent = "machi/" MACHI_VERSION,
						   .method = method,
						   .content_type = method ? "application/json" : NULL,
						   .any_status = true};
	struct http_answer answer = {0};
	struct error err;

	arena_init(&asked->arena, ASK_ARENA_BYTES_MAX);
	buf_init(&asked->body, ANSWER_BYTES_MAX);
	asked->answer = NULL;
	asked->parser = json_parser_new();
	int len = snprintf(url, sizeof(url), "%s/api/v1/feeds%s%s%s", call_text(call, "url"), name ? "/" : "",
			   name ? name : "", what);

	if (!asked->parser || len < 0 || len >= (int)sizeof(url)) {
		say("the URL is too long");
		return EXIT_USAGE;
	}
	if (http_get(url, &options, &asked->arena, &answer, &asked->body, &err)) {
		say("%s", err.detail);
		say("is a daemon running there? --url says where");
		return EXIT_UNAVAILABLE;
	}
	asked->status = answer.status;
	if (asked->body.len &&
	    json_parse(asked->parser, &asked->arena, buf_str(&asked->body), NULL, &asked->answer, &err))
		asked->answer = NULL;
	return asked->status >= 300 ? refused(asked) : EXIT_GOOD;
}

/* ---- list and status ---- */

static struct str text_of(const struct json *feed, const char *key)
{
	struct str text = json_text(json_get(feed, str_from(key)));

	return text.len ? text : STR("-");
}

static int64_t number_of(const struct json *object, const char *key)
{
	int64_t number = 0;

	(void)json_int64(json_get(object, str_from(key)), &number);
	return number;
}

static int64_t sum_of(const struct json *object)
{
	int64_t sum = 0;

	for (uint32_t i = 0; json_is(object, JSON_OBJECT) && i < object->count; i++) {
		int64_t number = 0;

		(void)json_int64(&object->members[i].value, &number);
		sum += number;
	}
	return sum;
}

static void put_padded(struct str text, int width)
{
	(void)printf("%-*.*s ", width, STR_FMT(text));
}

static void print_line(const struct json *feed)
{
	const struct json *entities = json_get(feed, STR("entities"));

	put_padded(text_of(feed, "name"), 20);
	put_padded(text_of(feed, "kind"), 13);
	put_padded(text_of(feed, "state"), 8);
	(void)printf("%12lld %12lld %9lld  ", (long long)number_of(feed, "messages"),
		     (long long)number_of(entities, "created") + (long long)number_of(entities, "changed"),
		     (long long)sum_of(json_get(feed, STR("dropped"))));
	put_padded(str_part(text_of(feed, "lastMessage"), 0, 19), 20);
	(void)printf(" %.*s\n", STR_FMT(text_of(feed, "place")));
}

static enum exit_status written(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_GOOD;
	say("cannot write to standard output: %s", strerror(errno));
	return EXIT_IO;
}

static enum exit_status print_json(const struct asked *asked)
{
	(void)fwrite(asked->body.at, 1, asked->body.len, stdout);
	(void)putchar('\n');
	return written();
}

enum exit_status command_feed_list(const struct call *call)
{
	struct asked asked;
	enum exit_status status = ask(call, NULL, NULL, "", &asked);
	const struct json *feeds = json_get(asked.answer, STR("feeds"));

	if (status == EXIT_GOOD && call_has(call, "json")) {
		status = print_json(&asked);
	} else if (status == EXIT_GOOD) {
		(void)printf("%-20s %-13s %-8s %12s %12s %9s  %-20s  %s\n", "NAME", "KIND", "STATE", "MESSAGES",
			     "CHANGES", "DROPPED", "LAST MESSAGE", "PLACE");
		for (uint32_t i = 0; json_is(feeds, JSON_ARRAY) && i < feeds->count; i++)
			print_line(&feeds->items[i]);
		status = written();
	}
	asked_done(&asked);
	return status;
}

/* Recursion is bounded by the parser's depth. */
static void print_members(const struct json *object, struct str before)
{
	struct buf text;

	for (uint32_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];

		if (member->value.kind == JSON_OBJECT) {
			print_members(&member->value, member->key);
			continue;
		}
		buf_init(&text, ANSWER_BYTES_MAX);
		if (member->value.kind == JSON_STRING)
			buf_put(&text, json_text(&member->value));
		else
			json_write(&text, &member->value);
		(void)printf("%.*s%s%.*s: %.*s\n", STR_FMT(before), before.len ? "." : "", STR_FMT(member->key),
			     STR_FMT(buf_str(&text)));
		buf_done(&text);
	}
}

enum exit_status command_feed_status(const struct call *call)
{
	struct asked asked;
	enum exit_status status = ask(call, NULL, call_argument(call, 0), "", &asked);

	if (status == EXIT_GOOD && call_has(call, "json")) {
		status = print_json(&asked);
	} else if (status == EXIT_GOOD) {
		print_members(asked.answer, STR_NONE);
		status = written();
		if (status == EXIT_GOOD && !str_eq(json_text(json_get(asked.answer, STR("state"))), STR("up")))
			status = EXIT_NOT_FOUND;
	}
	asked_done(&asked);
	return status;
}

static enum exit_status change(const struct call *call, const char *what)
{
	struct asked asked;
	enum exit_status status = ask(call, "POST", call_argument(call, 0), what, &asked);

	asked_done(&asked);
	return status;
}

enum exit_status command_feed_pause(const struct call *call)
{
	return change(call, "/pause");
}

enum exit_status command_feed_resume(const struct call *call)
{
	return change(call, "/resume");
}

/* ---- trying ---- */

struct trying {
	struct buf line;
	uint64_t entities, dropped;
};

static enum err_code print_entity(void *self, const struct json *entity, struct error *err)
{
	struct trying *trying = self;

	buf_clear(&trying->line);
	json_write(&trying->line, entity);
	buf_put_char(&trying->line, '\n');
	if (buf_check(&trying->line, "an entity", err))
		return err->code;
	trying->entities++;
	(void)fwrite(trying->line.at, 1, trying->line.len, stdout);
	return ERR_OK;
}

static void say_dropped(void *self, enum feed_drop drop, const char *why)
{
	struct trying *trying = self;

	trying->dropped++;
	say("dropped, %s: %s", feed_drop_name(drop), why);
}

/* The document of the feed that is meant: the whole file, or the one of this name in a configuration's list. */
static const struct yaml_tree *find_document(const struct yaml_tree *root, const char *name, struct error *err)
{
	const struct yaml_tree *list = yaml_tree_get(root, STR("feeds"));

	if (!list)
		return root;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct yaml_tree *found = yaml_tree_get(&list->items[i], STR("name"));

		if (found && (!name || str_eq(found->text, str_from(name))))
			return &list->items[i];
	}
	(void)yaml_tree_refuse(list, err, "there is no feed \"%s\" here", name ? name : "");
	return NULL;
}

static enum err_code read_input(const char *path, struct buf *text, struct error *err)
{
	char chunk[65536];
	ssize_t got;

	if (strcmp(path, "-") != 0)
		return folder_read_file(path, text, err);
	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		buf_put(text, (struct str){chunk, (size_t)got});
	return buf_check(text, "the message", err);
}

static enum err_code try_message(const struct call *call, struct broker *broker, struct arena *arena,
				 struct trying *trying, struct error *err)
{
	const char *path = call_has(call, "map") ? call_text(call, "map") : call_text(call, "config");
	const struct feed_trial trial = {
		.broker = broker, .entity = print_entity, .dropped = say_dropped, .self = trying};
	struct yaml_tree *root = NULL;
	struct buf document, message;

	buf_init(&document, DOCUMENT_BYTES_MAX);
	buf_init(&message, MESSAGE_BYTES_MAX);
	enum err_code code = folder_read_file(path, &document, err);

	if (!code)
		code = read_input(call_argument(call, 0), &message, err);
	if (!code)
		code = yaml_tree_parse(arena, str_from(path), buf_str(&document), &root, err);
	if (!code && !root)
		code = err_set(err, ERR_INVALID, "%s is empty", path);
	const struct yaml_tree *found = NULL;

	if (!code && call_has(call, "map"))
		found = root;
	else if (!code)
		found = find_document(root, call_text(call, "feed"), err);
	if (!code && !found)
		code = err->code;
	if (!code)
		code = feed_try(&trial, found, call_has(call, "map"),
				call_has(call, "topic") ? call_str(call, "topic") : STR(""), buf_str(&message), err);
	buf_done(&document);
	buf_done(&message);
	return code;
}

enum exit_status command_feed_test(const struct call *call)
{
	/* An empty city in memory: what checks entities. */
	const struct broker_options options = {.create = true, .fetch = session_fetch_context};
	CLEANUP(broker) struct broker *broker = NULL;
	enum exit_status status = EXIT_GOOD;
	struct trying trying = {0};
	struct arena arena;
	struct error err;

	if (call_has(call, "map") == call_has(call, "config")) {
		(void)err_set(&err, ERR_INVALID, "either --map or --config is needed");
		return say_usage(call->command, &err);
	}
	arena_init(&arena, ASK_ARENA_BYTES_MAX);
	buf_init(&trying.line, MESSAGE_BYTES_MAX);
	enum err_code code = broker_new(&options, &broker, &err);

	if (!code)
		code = try_message(call, broker, &arena, &trying, &err);
	if (code) {
		status = say_error(&err);
		if (code == ERR_NOT_FOUND)
			status = EXIT_NO_INPUT;
	} else {
		status = written();
		if (status == EXIT_GOOD && trying.dropped)
			status = EXIT_DATA;
	}
	buf_done(&trying.line);
	arena_done(&arena);
	return status;
}
