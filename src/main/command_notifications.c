/* machi notifications list, show, replay, drop: dead letters, in the tenants' stores themselves. A daemon that serves
 * the folder finds within a minute what is owed again. */
#include "base/log_line.h"
#include "base/time_value.h"
#include "broker/dead_letters.h"
#include "main/command_table.h"
#include "main/pretty.h"
#include "main/say.h"
#include "main/session.h"
#include "main/stores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LETTERS_BYTES_MAX ((size_t)512 << 20) /* read at once, and shown */
#define TEXT_BYTES_MAX ((size_t)256 << 20)

/* What a command is about, and a store while it is looked at. */
struct letters_call {
	const struct call *call;
	struct str subscription; /* id; STR_NONE: any */
	bool json, found; /* found: the subscription, in one of the stores */
	struct json_parser *parser;
	struct buf out;
	struct dead_letters_work work;
	struct dead_letters_names names;
	struct arena arena; /* of one batch */
	int64_t numbers[CALL_ARGUMENTS_MAX], missing[CALL_ARGUMENTS_MAX];
	size_t number_count;
	bool pipe_closed; /* nobody reads on */
	enum exit_status status;
};

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static enum exit_status read_numbers(struct letters_call *letters)
{
	const struct call *call = letters->call;
	struct error err;

	for (size_t i = 0; i < call->argument_count; i++) {
		const char *text = call_argument(call, i);

		if (!str_to_int64(str_from(text), &letters->numbers[i]) || letters->numbers[i] <= 0) {
			(void)err_set(&err, ERR_INVALID, "\"%s\" is not the number of a dead letter, as list shows it",
				      text);
			return say_usage(call->command, &err);
		}
	}
	letters->number_count = dead_letters_sort(letters->numbers, call->argument_count);
	return EXIT_GOOD;
}

/* Is the subscription that is asked for in this store? Without one asked for *ret_number is 0. */
static enum err_code find_subscription(struct letters_call *letters, struct store_reader *reader, bool *ret_there,
				       int64_t *ret_number, struct error *err)
{
	*ret_there = true;
	*ret_number = 0;
	if (!letters->subscription.at)
		return ERR_OK;
	enum err_code code = dead_letters_subscription(reader, letters->parser, letters->subscription, ret_number, err);

	*ret_there = code == ERR_OK;
	letters->found = letters->found || *ret_there;
	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* Runs visit on a reader of the store and with the names of its subscriptions. */
static enum err_code with_reader(struct letters_call *letters, struct store *store,
				 enum err_code (*visit)(struct letters_call *letters, struct store *store,
							struct store_reader *reader, struct error *err),
				 struct error *err)
{
	struct store_reader *reader = NULL;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code != ERR_OK)
		return code;
	code = dead_letters_names_load(&letters->names, reader, letters->parser, err);
	if (code == ERR_OK)
		code = visit(letters, store, reader, err);
	dead_letters_names_done(&letters->names);
	(void)store_reader_free(reader);
	return code;
}

/* Opens the stores that the command is about, one after the other. */
static enum exit_status run(struct letters_call *letters, const char *tenant, bool writes,
			    enum err_code (*visit)(void *self, struct str tenant, const char *path, struct store *store,
						   struct error *err))
{
	const struct call *call = letters->call;

	letters->parser = json_parser_new();
	if (!letters->parser) {
		say("no memory for the JSON parser");
		return EXIT_MEMORY;
	}
	arena_init(&letters->arena, LETTERS_BYTES_MAX);
	buf_init(&letters->out, TEXT_BYTES_MAX);
	enum exit_status status = stores_each(session_data(call), tenant, writes, visit, letters);

	if (status == EXIT_GOOD && letters->subscription.at && !letters->found) {
		say("there is no subscription %.*s", STR_FMT(letters->subscription));
		status = EXIT_NOT_FOUND;
	}
	buf_done(&letters->out);
	arena_done(&letters->arena);
	(void)json_parser_free(letters->parser);
	return status == EXIT_GOOD ? letters->status : status;
}

static enum exit_status letters_new(const struct call *call, struct letters_call **ret)
{
	struct letters_call *letters = calloc(1, sizeof(*letters));

	if (!letters) {
		say("no memory for dead letters");
		return EXIT_MEMORY;
	}
	letters->call = call;
	letters->json = call_has(call, "json");
	*ret = letters;
	return EXIT_GOOD;
}

/* What has been written so far goes out. A reader that has gone is nobody's mistake. */
static enum err_code put_out(struct letters_call *letters, struct error *err)
{
	struct str text = buf_str(&letters->out);
	enum err_code code = buf_check(&letters->out, "dead letters", err);

	if (code == ERR_OK && (fwrite(text.at, 1, text.len, stdout) != text.len || fflush(stdout) != 0)) {
		letters->pipe_closed = errno == EPIPE;
		if (!letters->pipe_closed)
			code = err_set(err, ERR_IO, "cannot write to standard output: %s", strerrordesc_np(errno));
	}
	buf_clear(&letters->out);
	return code;
}

/* ---- list ---- */

static void put_line(struct letters_call *letters, struct str tenant, const struct dead_letter *letter)
{
	const struct store_owed *owed = &letter->dead.owed;
	char made[TIME_ISO_BYTES], dead[TIME_ISO_BYTES];
	struct buf *out = &letters->out;

	if (letters->json) {
		buf_put(out, STR("{\"tenant\":"));
		json_write_string(out, tenant);
		buf_put_char(out, ',');
		dead_letter_write(out, letter, false);
		buf_put(out, STR("}\n"));
		return;
	}
	buf_printf(out, "  %8lld  %.*s  %.*s  %5u  ", (long long)owed->number,
		   STR_FMT(time_format_iso(owed->made_us / US_PER_S * US_PER_S, made)),
		   STR_FMT(time_format_iso(letter->dead.dead_us / US_PER_S * US_PER_S, dead)), owed->tries);
	log_put_safe(out, letter->subscription.at ? letter->subscription : STR("-"));
	buf_put(out, STR("  "));
	log_put_safe(out, owed->entity_id.at ? owed->entity_id : STR("-"));
	buf_put(out, STR("  "));
	log_put_safe(out, letter->dead.why);
	buf_put_char(out, '\n');
}

static enum err_code list_all(struct letters_call *letters, struct str tenant, struct store_reader *reader,
			      int64_t subscription, struct error *err)
{
	int64_t after = 0;
	size_t count = 1;

	while (count > 0 && !letters->pipe_closed) {
		struct store_dead *dead = NULL;

		arena_clear(&letters->arena);
		enum err_code code = store_dead_read(reader, subscription, after, DEAD_LETTERS_AT_ONCE,
						     DEAD_LETTERS_BYTES_AT_ONCE, &letters->arena, &dead, &count, err);

		if (code == ERR_OK && count > 0 && after == 0 && !letters->json) {
			buf_printf(&letters->out, "%.*s\n", STR_FMT(tenant.len ? tenant : STR("default tenant")));
			buf_put(&letters->out, STR("    NUMBER  MADE                  DEAD                  TRIES  "
						   "SUBSCRIPTION  ENTITY  WHY\n"));
		}
		for (size_t i = 0; code == ERR_OK && i < count; i++) {
			struct str name = dead_letters_name(&letters->names, dead[i].owed.subscription);

			put_line(letters, tenant, &(struct dead_letter){dead[i], name});
			after = dead[i].owed.number;
		}
		if (code == ERR_OK)
			code = put_out(letters, err);
		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

static enum err_code list_store(void *self, struct str tenant, const char *path, struct store *store, struct error *err)
{
	struct letters_call *letters = self;
	struct store_reader *reader = NULL;
	int64_t subscription;
	bool there;

	(void)path;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code != ERR_OK)
		return code;
	code = find_subscription(letters, reader, &there, &subscription, err);
	if (code == ERR_OK && there) {
		code = dead_letters_names_load(&letters->names, reader, letters->parser, err);
		if (code == ERR_OK)
			code = list_all(letters, tenant, reader, subscription, err);
		dead_letters_names_done(&letters->names);
	}
	(void)store_reader_free(reader);
	return code;
}

enum exit_status command_notifications_list(const struct call *call)
{
	struct letters_call *letters;
	enum exit_status status = letters_new(call, &letters);

	if (status != EXIT_GOOD)
		return status;
	letters->subscription = call_str(call, "subscription");
	status = run(letters, call_text(call, "tenant"), false, list_store);
	free(letters);
	return status;
}

/* ---- show ---- */

static enum err_code put_body(struct letters_call *letters, struct str body, struct error *err)
{
	struct json *tree = NULL;
	enum err_code code = ERR_OK;

	if (!isatty(STDOUT_FILENO)) {
		buf_put(&letters->out, body);
		return ERR_OK;
	}
	code = json_parse(letters->parser, &letters->arena, body,
			  &(struct json_parse_options){.duplicates_allowed = true}, &tree, err);
	if (code == ERR_OK)
		pretty_write(&letters->out, tree, 0);
	return code;
}

static enum err_code show(struct letters_call *letters, struct store *store, struct store_reader *reader,
			  struct error *err)
{
	int64_t number = letters->numbers[0];
	struct store_dead *dead = NULL;
	size_t count = 0;

	(void)store;
	enum err_code code = store_dead_read(reader, 0, number - 1, 1, 1, &letters->arena, &dead, &count, err);

	if (code == ERR_OK && (count == 0 || dead->owed.number != number))
		return err_set(err, ERR_NOT_FOUND, "there is no dead letter %lld", (long long)number);
	if (code == ERR_OK && letters->json) {
		struct str name = dead_letters_name(&letters->names, dead->owed.subscription);

		buf_put_char(&letters->out, '{');
		dead_letter_write(&letters->out, &(struct dead_letter){*dead, name}, true);
		buf_put_char(&letters->out, '}');
	} else if (code == ERR_OK) {
		code = put_body(letters, dead->owed.body, err);
	}
	buf_put_char(&letters->out, '\n');
	return code == ERR_OK ? put_out(letters, err) : code;
}

static enum err_code show_store(void *self, struct str tenant, const char *path, struct store *store, struct error *err)
{
	(void)tenant;
	(void)path;
	return with_reader(self, store, show, err);
}

/* These work on one tenant, because numbers are a tenant's own. */
static const char *one_tenant(const struct call *call)
{
	const char *tenant = call_text(call, "tenant");

	return tenant ? tenant : "";
}

enum exit_status command_notifications_show(const struct call *call)
{
	struct letters_call *letters;
	enum exit_status status = letters_new(call, &letters);

	if (status != EXIT_GOOD)
		return status;
	status = read_numbers(letters);
	if (status == EXIT_GOOD)
		status = run(letters, one_tenant(call), false, show_store);
	free(letters);
	return status;
}

/* ---- replay and drop ---- */

static enum err_code tell(struct letters_call *letters, struct error *err)
{
	const struct dead_letters_work *work = &letters->work;
	const char *done = work->operation == DEAD_LETTERS_REPLAY ? "replayed" : "dropped";
	unsigned long long changed = work->changed, left = work->left;

	for (size_t i = 0; i < work->missing_count; i++)
		say("there is no dead letter %lld", (long long)work->missing[i]);
	if (left > 0)
		say("%llu dead letters are left as they are: their subscriptions have expired or are not there", left);
	if (left > 0 || work->missing_count > 0)
		letters->status = EXIT_NOT_FOUND;
	if (letters->json)
		buf_printf(&letters->out, "{\"%s\":%llu,\"left\":%llu,\"missing\":%zu}\n", done, changed, left,
			   work->missing_count);
	else
		buf_printf(&letters->out, "%llu %s\n", changed, done);
	return put_out(letters, err);
}

static enum err_code change(struct letters_call *letters, struct store *store, struct store_reader *reader,
			    struct error *err)
{
	struct dead_letters_work *work = &letters->work;
	bool there;
	enum err_code code = find_subscription(letters, reader, &there, &work->subscription, err);

	if (code != ERR_OK || !there)
		return code;
	work->names = &letters->names;
	work->now_us = clock_us();
	work->numbers = letters->number_count ? letters->numbers : NULL;
	work->number_count = letters->number_count;
	work->missing = letters->missing;
	do {
		code = dead_letters_next(work, reader, err);
		if (code == ERR_OK && work->batch_count > 0)
			code = dead_letters_apply(work, store, err);
	} while (code == ERR_OK && work->batch_count > 0);
	return code == ERR_OK ? tell(letters, err) : code;
}

static enum err_code change_store(void *self, struct str tenant, const char *path, struct store *store,
				  struct error *err)
{
	(void)tenant;
	(void)path;
	return with_reader(self, store, change, err);
}

static enum exit_status check_choice(const struct call *call)
{
	bool all = call_has(call, "all") || call_has(call, "subscription");
	struct error err;

	if (all != (call->argument_count > 0))
		return EXIT_GOOD;
	(void)err_set(&err, ERR_INVALID, "which dead letters? Numbers, or --all, or --subscription");
	return say_usage(call->command, &err);
}

static enum exit_status change_letters(const struct call *call, enum dead_letters_operation operation)
{
	struct letters_call *letters;
	enum exit_status status = check_choice(call);

	if (status == EXIT_GOOD)
		status = letters_new(call, &letters);
	if (status != EXIT_GOOD)
		return status;
	letters->work.operation = operation;
	letters->subscription = call_str(call, "subscription");
	status = read_numbers(letters);
	if (status == EXIT_GOOD)
		status = run(letters, one_tenant(call), true, change_store);
	free(letters);
	return status;
}

enum exit_status command_notifications_replay(const struct call *call)
{
	return change_letters(call, DEAD_LETTERS_REPLAY);
}

enum exit_status command_notifications_drop(const struct call *call)
{
	return change_letters(call, DEAD_LETTERS_DROP);
}
