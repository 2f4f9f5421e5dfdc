/* Commands at work: those that wait, what is written of them, when the device is told. */
#include "feed/command_run_int.h"

#include "base/time_value.h"
#include "feed/feed_clock_int.h"
#include "ngsild/expand.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000
#define LATER_MS 200
#define SCRATCH_BYTES_MAX ((size_t)64 << 20)
#define WAITING_BYTES_MAX ((size_t)1 << 20)
#define WAITING_BYTES_FIRST 1024u
#define UNKNOWN_OUTCOME "the outcome is unknown: the feed ended while the device was told"

/* ---- making ---- */

static enum err_code name_watches(struct feed_commands *commands, struct error *err)
{
	struct feed *feed = commands->feed;
	enum err_code code = expand_attribute_iri(&commands->arena, feed->context, STR("commandedAt"),
						  &commands->commanded_iri, err);

	for (size_t i = 0; i < feed->command_count && !code; i++) {
		struct watch *watch = &commands->watches[i];

		watch->commands = commands;
		watch->plan = &feed->commands[i];
		buf_init(&watch->message, 8 * BROKER_STREAM_BYTES_MAX);
		code = expand_attribute_iri(&commands->arena, feed->context, watch->plan->attribute,
					    &watch->attribute_iri, err);
		if (!code)
			code = expand_attribute_iri(&commands->arena, feed->context, watch->plan->status,
						    &watch->status_iri, err);
	}
	return code;
}

static struct waiting *waiting_free(struct waiting *waiting)
{
	if (waiting)
		arena_done(&waiting->arena);
	free(waiting);
	return NULL;
}

static void commands_free(struct feed_commands *commands)
{
	command_watch_end(commands);
	for (size_t i = 0; i < commands->waiting_count; i++)
		(void)waiting_free(commands->waiting[i]);
	(void)broker_reader_free(commands->reader);
	(void)json_parser_free(commands->parser);
	arena_done(&commands->arena);
	arena_done(&commands->scratch);
	free(commands);
}

enum err_code feed_commands_new(struct feed *feed, struct error *err)
{
	struct feed_commands *commands;
	enum err_code code = ERR_OK;

	if (feed->command_count == 0)
		return ERR_OK;
	commands = calloc(1, sizeof(*commands));
	if (!commands)
		return err_set(err, ERR_MEMORY, "no memory for commands");
	commands->feed = feed;
	arena_init(&commands->arena, SCRATCH_BYTES_MAX);
	arena_init(&commands->scratch, SCRATCH_BYTES_MAX);
	commands->parser = json_parser_new();
	commands->watches = arena_zalloc(&commands->arena, feed->command_count * sizeof(*commands->watches));
	if (!commands->parser || !commands->watches)
		code = err_set(err, ERR_MEMORY, "no memory for commands");
	if (!code)
		code = name_watches(commands, err);
	if (!code)
		code = broker_reader_new(feed->options->broker, &commands->reader, err);
	if (code)
		commands_free(commands);
	else
		feed->commanding = commands;
	return code;
}

/* ---- those that wait ---- */

bool command_has_room(const struct feed_commands *commands)
{
	return commands->waiting_count <= COMMANDS_WAITING_MAX / 2;
}

static void remove_at(struct feed_commands *commands, size_t at)
{
	(void)waiting_free(commands->waiting[at]);
	commands->waiting[at] = commands->waiting[--commands->waiting_count];
}

static void end(struct waiting *waiting, const char *why)
{
	waiting->state = WAITING_ENDED;
	waiting->good = !why;
	(void)snprintf(waiting->why, sizeof(waiting->why), "%s", why ? why : "");
}

static struct str text_of(struct waiting *waiting, const struct json *value)
{
	struct buf text;

	if (json_is(value, JSON_STRING))
		return arena_dup(&waiting->arena, json_text(value));
	buf_init(&text, COMMAND_TEXT_BYTES_MAX);
	json_write(&text, value);
	return buf_to_arena(&text, &waiting->arena);
}

/* The device's word for the value; what the plan does not allow ends the command. */
static void check_value(struct waiting *waiting)
{
	const struct command_plan *plan = waiting->plan;
	char why[COMMAND_WHY_BYTES];
	double number = 0;

	for (size_t i = 0; i < plan->word_count; i++)
		if (str_eq(plan->words[i].from, waiting->text)) {
			waiting->text = plan->words[i].to;
			return;
		}
	if (plan->word_count) {
		(void)snprintf(why, sizeof(why), "%.*s is none of the values that the device has",
			       STR_FMT(str_part(waiting->text, 0, 80)));
		end(waiting, why);
		return;
	}
	if (plan->minimum == -HUGE_VAL && plan->maximum == HUGE_VAL)
		return;
	if (str_to_double(waiting->text, &number) && number >= plan->minimum && number <= plan->maximum)
		return;
	(void)snprintf(why, sizeof(why), "%.*s is not from %g to %g", STR_FMT(str_part(waiting->text, 0, 80)),
		       plan->minimum, plan->maximum);
	end(waiting, why);
}

static struct waiting *waiting_new(struct feed_commands *commands, const struct watch *watch, struct str id,
				   const struct json *value, int64_t commanded_us)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return NULL;
	arena_init_small(&waiting->arena, WAITING_BYTES_MAX, WAITING_BYTES_FIRST);
	waiting->plan = watch->plan;
	waiting->number = ++commands->last_number;
	waiting->commanded_us = commanded_us;
	waiting->deadline_us = commanded_us + (int64_t)watch->plan->timeout_s * US_PER_S;
	waiting->id = arena_dup(&waiting->arena, id);
	waiting->value = json_dup(&waiting->arena, value);
	waiting->text = text_of(waiting, value);
	if (!waiting->id.at || !waiting->value)
		return waiting_free(waiting);
	if (!waiting->text.at) {
		waiting->text = STR("");
		end(waiting, "the value is too long for a command");
	} else {
		check_value(waiting);
	}
	return waiting;
}

/* Takes out an older command of the same attribute. False: this one is among them already. */
static bool supersede(struct feed_commands *commands, const struct watch *watch, struct str id, int64_t commanded_us)
{
	for (size_t i = 0; i < commands->waiting_count; i++) {
		const struct waiting *other = commands->waiting[i];

		if (other->plan != watch->plan || !str_eq(other->id, id))
			continue;
		if (other->commanded_us >= commanded_us)
			return false;
		remove_at(commands, i);
		return true;
	}
	return true;
}

/* When the command was made that the status is about; INT64_MIN: none. *ret_pending: nothing ended it. */
static int64_t told_us(const struct watch *watch, const struct json *entity, bool *ret_pending)
{
	const struct json *status = document_instance(entity, watch->status_iri, STR_NONE);
	const struct json *at = json_at(json_get(status, watch->commands->commanded_iri), 0);
	const struct json *value = document_value(at);
	int64_t us = INT64_MIN;

	*ret_pending = str_eq(json_text(document_value(status)), STR("PENDING"));
	if (json_is(value, JSON_OBJECT))
		value = json_get(value, STR("@value"));
	return time_parse_iso(json_text(value), true, &us) ? us : INT64_MIN;
}

bool command_consider(struct watch *watch, const struct json *entity)
{
	struct feed_commands *commands = watch->commands;
	const struct json *instance = document_instance(entity, watch->attribute_iri, STR_NONE);
	const struct json *value = document_value(instance);
	struct name_value names[NAME_PATTERN_NAMES_MAX];
	struct str id = document_id(entity);
	size_t count;
	bool pending;

	if (!value || (watch->plan->has_id && !name_pattern_match(&watch->plan->id, id, names, &count)))
		return true;
	int64_t commanded_us = document_modified_us(instance), told = told_us(watch, entity, &pending);

	if (told > commanded_us || (told == commanded_us && !pending) || !supersede(commands, watch, id, commanded_us))
		return true;
	if (commands->waiting_count == COMMANDS_WAITING_MAX)
		return false;
	struct waiting *waiting = waiting_new(commands, watch, id, value, commanded_us);

	if (!waiting)
		return false;
	if (told == commanded_us)
		end(waiting, UNKNOWN_OUTCOME);
	commands->waiting[commands->waiting_count++] = waiting;
	return true;
}

/* ---- what is written ---- */

static bool add_property(struct arena *arena, struct json *object, const char *name, struct json value,
			 struct json **ret_property)
{
	struct json property = json_object();

	if (!json_add(arena, &property, STR("type"), json_string(STR("Property"))) ||
	    !json_add(arena, &property, STR("value"), value))
		return false;
	*ret_property = json_add(arena, object, str_from(name), property);
	return *ret_property;
}

/* The status attribute as a client would send it; NULL: no memory. */
static struct json *body_of(struct arena *arena, const struct waiting *waiting)
{
	struct json *body = json_new(arena, json_object()), *status, *sub;
	const char *word = waiting->state != WAITING_ENDED ? "PENDING" : waiting->good ? "OK" : "ERROR";
	char buffer[TIME_ISO_BYTES];
	struct str time = arena_dup(arena, time_format_iso(waiting->commanded_us, buffer));
	struct str name = arena_dup(arena, waiting->plan->status);
	struct json at = json_object();
	bool made = body && time.at && name.at && json_add(arena, &at, STR("@type"), json_string(STR("DateTime"))) &&
		    json_add(arena, &at, STR("@value"), json_string(time)) &&
		    add_property(arena, body, name.at, json_string(str_from(word)), &status) &&
		    add_property(arena, status, "commandedAt", at, &sub);

	if (made && waiting->why[0])
		made = add_property(arena, status, "reason", json_string(arena_dup(arena, str_from(waiting->why))),
				    &sub);
	return made ? body : NULL;
}

static enum err_code make_item(struct feed_commands *commands, const struct waiting *waiting, struct broker_item *item,
			       struct error *err)
{
	const struct expand_options options = {
		.context = commands->feed->context, .now_us = feed_now_us(commands->feed), .fragment = true};
	const struct json *body = body_of(&commands->scratch, waiting);
	struct json *fragment = NULL;
	enum err_code code = body ? expand_entity(&commands->scratch, body, &options, &fragment, err)
				  : err_set(err, ERR_MEMORY, "no memory for commands");

	*item = (struct broker_item){
		.operation = BROKER_APPEND_ATTRIBUTES, .id = waiting->id, .entity = fragment, .overwrite = true};
	return code;
}

static void tell(const struct feed_commands *commands, const struct waiting *waiting)
{
	struct feed *feed = commands->feed;
	const struct feed_commanded commanded = {.feed = feed->name,
						 .tenant = feed->tenant,
						 .entity = waiting->id,
						 .attribute = waiting->plan->attribute,
						 .why = waiting->good ? NULL : waiting->why,
						 .took_us = feed_now_us(feed) - waiting->commanded_us};

	feed->own.commands++;
	feed->own.commands_failed += !waiting->good;
	if (feed->options->commanded)
		feed->options->commanded(feed->options->self, &commanded);
}

/* What was written is durable: on it goes, or out. From the last to the first, since removing moves the last one. */
static void advance(struct feed_commands *commands, const struct broker_item *items, const size_t *places, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		struct waiting *waiting = commands->waiting[places[i]];
		bool gone = items[i].outcome.code != ERR_OK; /* the entity was deleted, most likely */

		if (!gone && waiting->state == WAITING_SEEN) {
			waiting->state = WAITING_PENDING;
			continue;
		}
		if (gone && waiting->state == WAITING_SEEN)
			end(waiting, items[i].outcome.error.detail);
		tell(commands, waiting);
		remove_at(commands, places[i]);
	}
}

static enum err_code write_states(struct feed_commands *commands, struct error *err)
{
	struct arena *scratch = &commands->scratch;
	struct broker_item *items = arena_array(scratch, struct broker_item, commands->waiting_count);
	size_t *places = arena_array(scratch, size_t, commands->waiting_count), count = 0;
	enum err_code code = items && places ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for commands");

	for (size_t i = 0; i < commands->waiting_count && !code; i++) {
		const struct waiting *waiting = commands->waiting[i];

		if (waiting->state != WAITING_SEEN && waiting->state != WAITING_ENDED)
			continue;
		places[count] = i;
		code = make_item(commands, waiting, &items[count++], err);
	}
	struct broker_write write = {.items = items, .item_count = count, .arena = scratch};

	if (!code && count)
		code = broker_apply(commands->feed->options->broker, commands->feed->store, &write, err);
	if (!code)
		advance(commands, items, places, count);
	arena_clear(scratch);
	return code;
}

/* ---- the device ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Mappings write what an id may not have as %XX (RFC 3986); the device knows the text. */
static struct str decode(struct arena *arena, struct str text)
{
	char *to = arena_bytes(arena, text.len, 1);
	size_t len = 0;

	for (size_t i = 0; to && i < text.len; i++) {
		int high = text.at[i] == '%' && i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;

		to[len++] = low >= 0 ? (char)(high * 16 + low) : text.at[i];
		i += low >= 0 ? 2 : 0;
	}
	return to ? (struct str){to, len} : text;
}

static enum feed_send send(struct feed_commands *commands, const struct waiting *waiting)
{
	struct feed_command command = {.number = waiting->number,
				       .id = waiting->id,
				       .plan = waiting->plan,
				       .value = waiting->value,
				       .text = waiting->text};
	size_t count = 0;

	if (waiting->plan->has_id)
		(void)name_pattern_match(&waiting->plan->id, waiting->id, command.values, &count);
	for (size_t i = 0; i < count; i++)
		command.values[i].value = decode(&commands->scratch, command.values[i].value);
	command.values[count++] = (struct name_value){STR("id"), waiting->id};
	command.values[count++] = (struct name_value){STR("value"), waiting->text};
	command.value_count = count;
	enum feed_send sent = commands->feed->kind->send(commands->feed, &command);

	arena_clear(&commands->scratch);
	return sent;
}

static void tell_devices(struct feed_commands *commands)
{
	commands->later = false;
	for (size_t i = 0; i < commands->waiting_count; i++) {
		struct waiting *waiting = commands->waiting[i];

		if (waiting->state != WAITING_PENDING)
			continue;
		if (feed_now_us(commands->feed) > waiting->deadline_us)
			continue;
		waiting->state = WAITING_SENT; /* the kind may end it at once */
		if (send(commands, waiting) == FEED_SEND_LATER && waiting->state == WAITING_SENT) {
			waiting->state = WAITING_PENDING;
			commands->later = true;
		}
	}
}

static void end_late_ones(struct feed_commands *commands)
{
	int64_t now_us = feed_now_us(commands->feed);

	for (size_t i = 0; i < commands->waiting_count; i++) {
		struct waiting *waiting = commands->waiting[i];
		char why[COMMAND_WHY_BYTES];

		if (waiting->state == WAITING_ENDED || now_us <= waiting->deadline_us)
			continue;
		(void)snprintf(why, sizeof(why),
			       waiting->state == WAITING_SENT ? "no answer from the device within %u s"
							      : "it could not be sent within %u s",
			       waiting->plan->timeout_s);
		end(waiting, why);
	}
}

void feed_command_end(struct feed *feed, uint64_t number, const char *why)
{
	struct feed_commands *commands = feed->commanding;

	for (size_t i = 0; commands && i < commands->waiting_count; i++)
		if (commands->waiting[i]->number == number && commands->waiting[i]->state == WAITING_SENT) {
			end(commands->waiting[i], why);
			return;
		}
}

/* ---- turns ---- */

static bool is_to_be_written(const struct feed_commands *commands)
{
	for (size_t i = 0; i < commands->waiting_count; i++)
		if (commands->waiting[i]->state == WAITING_SEEN || commands->waiting[i]->state == WAITING_ENDED)
			return true;
	return false;
}

static void pause_after(struct feed_commands *commands, const struct error *err)
{
	commands->retry_ms = feed_clock_ms() + RETRY_MS;
	(void)snprintf(commands->feed->own.error, sizeof(commands->feed->own.error), "%s", err->detail);
	commands->feed->own.error_us = feed_now_us(commands->feed);
}

void feed_commands_turn(struct feed *feed)
{
	struct feed_commands *commands = feed->commanding;
	struct error err;

	if (!commands || feed_clock_ms() < commands->retry_ms)
		return;
	enum err_code code = command_watch(commands, &err);

	end_late_ones(commands);
	if (!code && is_to_be_written(commands))
		code = write_states(commands, &err);
	if (!code) {
		tell_devices(commands);
		if (is_to_be_written(commands)) /* the device has answered at once */
			code = write_states(commands, &err);
	}
	if (code)
		pause_after(commands, &err);
}

int64_t feed_commands_deadline_ms(const struct feed *feed)
{
	const struct feed_commands *commands = feed->commanding;
	int64_t now_ms = feed_clock_ms(), deadline_ms = INT64_MAX;

	if (!commands)
		return INT64_MAX;
	for (size_t i = 0; i < commands->feed->command_count; i++) {
		const struct watch *watch = &commands->watches[i];

		if (!watch->stream || (watch->scan && command_has_room(commands)))
			deadline_ms = now_ms;
	}
	if (commands->later)
		deadline_ms = deadline_ms < now_ms + LATER_MS ? deadline_ms : now_ms + LATER_MS;
	for (size_t i = 0; i < commands->waiting_count; i++) {
		const struct waiting *waiting = commands->waiting[i];
		int64_t left_us = waiting->deadline_us - feed_now_us(feed);
		bool now = waiting->state == WAITING_SEEN || waiting->state == WAITING_ENDED || left_us < 0;
		int64_t due_ms = now ? now_ms : now_ms + left_us / US_PER_MS + 1;

		deadline_ms = due_ms < deadline_ms ? due_ms : deadline_ms;
	}
	return deadline_ms < commands->retry_ms ? commands->retry_ms : deadline_ms;
}

void feed_commands_end(struct feed *feed)
{
	struct feed_commands *commands = feed->commanding;
	struct error err;

	if (!commands)
		return;
	for (size_t i = commands->waiting_count; i-- > 0;)
		if (commands->waiting[i]->state == WAITING_SEEN)
			remove_at(commands, i); /* nothing was written of it: it is found again */
		else if (commands->waiting[i]->state != WAITING_ENDED)
			end(commands->waiting[i], commands->waiting[i]->state == WAITING_SENT
							  ? UNKNOWN_OUTCOME
							  : "the feed was stopped before it could be sent");
	if (is_to_be_written(commands) && write_states(commands, &err) != ERR_OK)
		pause_after(commands, &err);
	feed->commanding = NULL;
	commands_free(commands);
}
