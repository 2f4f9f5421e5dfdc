/* Commands to charge points: what stands behind "send" of a command, the message that it becomes, and the station's
 * word.
 *
 * The entity says whom: a station, one of its points or connectors, or a session. A station is given one command at a
 * time and only while it is connected, so that none is sent after its time. */
#include "feed/ocpp_send_int.h"

#include "base/time_value.h"

#include <math.h>
#include <stdio.h>

#define TEXT_BYTES_MAX 65536u
#define HOUR_US (INT64_C(3600) * US_PER_S)
#define REMOTE_START_MASK 0x7fffffffu /* integers of OCPP have 32 bits, more or less */
#define PREFIX "urn:ngsi-ld:EVCharging"

/* ---- settings ---- */

struct action {
	const char *name;
	const char *text; /* the key behind which it has a text; NULL: none */
	const char *more[5]; /* other keys */
};

static const struct action actions[OCPP_SEND_COUNT] = {
	[OCPP_SEND_REMOTE_START] = {"remote_start", "token", {"token_type"}},
	[OCPP_SEND_REMOTE_STOP] = {"remote_stop", "transaction", {NULL}},
	[OCPP_SEND_LIMIT] = {"limit", NULL, {"unit", "purpose", "profile", "stack_level", "phases"}},
	[OCPP_SEND_SET_PROFILE] = {"set_profile", NULL, {NULL}},
	[OCPP_SEND_CLEAR_PROFILE] = {"clear_profile", NULL, {"purpose", "profile", "stack_level"}},
	[OCPP_SEND_AVAILABILITY] = {"availability", NULL, {NULL}},
	[OCPP_SEND_RESET] = {"reset", NULL, {"hard"}},
	[OCPP_SEND_UNLOCK] = {"unlock", NULL, {NULL}},
	[OCPP_SEND_TRIGGER] = {"trigger", "message", {NULL}},
	[OCPP_SEND_CALL] = {"call", "payload", {"call"}},
};

static enum err_code read_action(const struct mapping_reader *reader, const struct yaml_tree *node,
				 enum ocpp_send_action *ret)
{
	const struct yaml_tree *action = yaml_tree_get(node, STR("action"));

	for (size_t i = 0; action && i < OCPP_SEND_COUNT; i++)
		if (str_eq(action->text, str_from(actions[i].name))) {
			*ret = (enum ocpp_send_action)i;
			return ERR_OK;
		}
	return yaml_tree_refuse(
		action ? action : node, reader->err,
		"expected \"action:\" with remote_start, remote_stop, limit, set_profile, clear_profile, "
		"availability, reset, unlock, trigger or call");
}

static enum err_code check_send_keys(const struct mapping_reader *reader, const struct yaml_tree *node,
				     const struct action *action)
{
	const char *known[8] = {"action"};
	size_t count = 1;

	if (action->text)
		known[count++] = action->text;
	for (size_t i = 0; i < sizeof(action->more) / sizeof(action->more[0]) && action->more[i]; i++)
		known[count++] = action->more[i];
	return mapping_check_keys(reader, node, known);
}

static enum err_code read_purpose(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct ocpp_send *send)
{
	static const struct {
		const char *word;
		enum ocpp_purpose purpose;
	} words[] = {{"station_max", OCPP_STATION_MAX}, {"tx_default", OCPP_TX_DEFAULT}, {"tx", OCPP_TX}};
	const struct yaml_tree *purpose = yaml_tree_get(node, STR("purpose"));

	if (!purpose)
		return ERR_OK;
	send->purpose_told = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(purpose->text, str_from(words[i].word))) {
			send->purpose = words[i].purpose;
			return ERR_OK;
		}
	return yaml_tree_refuse(purpose, reader->err, "expected station_max, tx_default or tx");
}

static enum err_code read_unit(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct ocpp_send *send)
{
	const struct yaml_tree *unit = yaml_tree_get(node, STR("unit"));

	send->unit = unit && str_eq(unit->text, STR("A")) ? OCPP_AMPERES : OCPP_WATTS;
	if (!unit || send->unit == OCPP_AMPERES || str_eq(unit->text, STR("W")))
		return ERR_OK;
	return yaml_tree_refuse(unit, reader->err, "expected W or A");
}

static enum err_code read_numbers(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct ocpp_send *send)
{
	send->profile = 1;
	enum err_code code = mapping_read_number(reader, node, "profile", 1, OCPP_PROFILE_NUMBER_MAX, &send->profile);

	if (!code)
		code = mapping_read_number(reader, node, "stack_level", 0, OCPP_PROFILE_NUMBER_MAX, &send->stack_level);
	if (!code)
		code = mapping_read_number(reader, node, "phases", 1, 3, &send->phases);
	if (!code && (send->profile != floor(send->profile) || send->stack_level != floor(send->stack_level) ||
		      send->phases != floor(send->phases)))
		code = yaml_tree_refuse(node, reader->err, "expected whole numbers");
	return code;
}

enum err_code ocpp_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				  const struct command_plan *plan, const struct yaml_tree *node, void **ret_send)
{
	struct ocpp_send *send = arena_new(&feed->arena, struct ocpp_send);
	const struct action *action;

	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = read_action(reader, node, &send->action);

	if (code)
		return code;
	action = &actions[send->action];
	code = check_send_keys(reader, node, action);
	if (!code && action->text)
		code = feed_read_send_text(reader, plan, node, action->text, &send->text, &send->has_text);
	if (!code)
		code = mapping_read_text(reader, node, "call", &send->call);
	if (!code && send->action == OCPP_SEND_CALL && !ocpp_action_find(OCPP_1_6, send->call) &&
	    !ocpp_action_find(OCPP_2_0_1, send->call))
		code = yaml_tree_refuse(node, reader->err, "expected \"call:\" with an action of OCPP");
	if (!code)
		code = mapping_read_text(reader, node, "token_type", &send->token_type);
	if (!code)
		code = mapping_read_switch(reader, node, "hard", &send->hard);
	if (!code)
		code = read_purpose(reader, node, send);
	if (!code)
		code = read_unit(reader, node, send);
	if (!code)
		code = read_numbers(reader, node, send);
	*ret_send = send;
	return code;
}

/* ---- whom ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What ocpp_uri_put() has written; false: it has not. */
static bool decode(struct arena *arena, struct str uri, struct str *ret)
{
	char *to = arena_bytes(arena, uri.len, 1);
	size_t len = 0;

	for (size_t i = 0; to && i < uri.len; i++) {
		int high = uri.at[i] == '%' && i + 2 < uri.len ? hex_digit(uri.at[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(uri.at[i + 2]) : -1;

		if (uri.at[i] == '%' && low < 0)
			return false;
		to[len++] = low >= 0 ? (char)(high * 16 + low) : uri.at[i];
		i += low >= 0 ? 2 : 0;
	}
	*ret = (struct str){to, len};
	return to != NULL;
}

static bool read_number(struct str text, int64_t *ret)
{
	return !text.at || (str_to_int64(text, ret) && *ret > 0);
}

/* The entity's id taken apart. False: it is none of this feed's. *ret->station NULL: not seen since the feed began. */
static bool find_target(struct ocpp_feed *ocpp, struct arena *arena, struct str id, struct ocpp_target *ret)
{
	struct str rest = str_part(id, sizeof(PREFIX) - 1, id.len), type, feed, name, first = STR_NONE,
		   second = STR_NONE;

	*ret = (struct ocpp_target){.evse = OCPP_NONE, .connector = OCPP_NONE};
	if (!str_starts(id, STR(PREFIX)) || !str_next(&rest, ':', &type) || !str_next(&rest, ':', &feed) ||
	    !str_eq(feed, ocpp->feed->name) || !str_next(&rest, ':', &name) || !decode(arena, name, &name))
		return false;
	(void)(rest.at && str_next(&rest, ':', &first));
	(void)(rest.at && str_next(&rest, ':', &second));
	ret->station = ocpp_station_find(ocpp, name);
	ret->is_session = str_eq(type, STR("Session"));
	if (ret->is_session)
		return first.at && decode(arena, first, &ret->transaction);
	return read_number(first, &ret->evse) && read_number(second, &ret->connector);
}

/* The transaction that is meant, and where it runs. False: none does. */
static bool find_transaction(struct ocpp_target *target)
{
	const struct ocpp_begun *begun = target->is_session ? ocpp_begun_find(target->station, target->transaction)
							    : ocpp_begun_at(target->station, target->evse);

	if (!begun)
		return target->is_session;
	target->transaction = str_from(begun->id);
	target->evse = begun->place.evse;
	return true;
}

/* ---- what ---- */

struct sending {
	struct ocpp_feed *ocpp;
	const struct feed_command *command;
	const struct ocpp_send *send;
	struct ocpp_target target;
	struct arena *arena;
	struct ocpp_command message;
	struct ocpp_profile profile;
	struct ocpp_period period;
	struct error *err;
};

static enum err_code fill(const struct sending *sending, struct str *ret)
{
	struct buf text;

	if (!sending->send->has_text) {
		*ret = sending->command->text;
		return ERR_OK;
	}
	buf_init(&text, TEXT_BYTES_MAX);
	if (!feed_fill_send_text(&sending->send->text, sending->command, &text)) {
		buf_done(&text);
		return err_set(sending->err, ERR_INVALID, "a text of more than %u bytes", TEXT_BYTES_MAX);
	}
	*ret = buf_to_arena(&text, sending->arena);
	return ret->at ? ERR_OK : err_set(sending->err, ERR_MEMORY, "no memory for a command");
}

static enum err_code make_start(struct sending *sending)
{
	struct str text = STR_NONE;
	enum err_code code = fill(sending, &text);
	const struct ocpp_card *card = ocpp_card_named(sending->ocpp->settings, text);

	sending->message.kind = OCPP_COMMAND_START;
	sending->message.start.token = (struct ocpp_token){card ? card->id : text, sending->send->token_type};
	sending->message.start.remote_start = (int64_t)(sending->command->number & REMOTE_START_MASK);
	return code;
}

static enum err_code make_stop(struct sending *sending)
{
	bool found = find_transaction(&sending->target);

	sending->message.kind = OCPP_COMMAND_STOP;
	sending->message.stop.transaction = sending->target.transaction;
	if (sending->send->has_text)
		return fill(sending, &sending->message.stop.transaction);
	return found ? ERR_OK : err_set(sending->err, ERR_INVALID, "no transaction runs there");
}

static enum ocpp_purpose purpose_of(const struct sending *sending)
{
	if (sending->send->purpose_told)
		return sending->send->purpose;
	if (sending->target.is_session)
		return OCPP_TX;
	return sending->target.evse == OCPP_NONE ? OCPP_STATION_MAX : OCPP_TX_DEFAULT;
}

/* A profile of a transaction names it, and where it runs; 0 is the whole station (1.6, 3.13.1; 2.0.1, K01). */
static enum err_code place_profile(struct sending *sending)
{
	struct ocpp_profile *profile = &sending->profile;

	if (profile->purpose == OCPP_TX && profile->transaction.len == 0) {
		if (!find_transaction(&sending->target))
			return err_set(sending->err, ERR_INVALID, "no transaction runs there");
		profile->transaction = sending->target.transaction;
	}
	sending->message.kind = OCPP_COMMAND_SET_PROFILE;
	sending->message.profile = profile;
	sending->message.place.evse = sending->target.evse == OCPP_NONE ? 0 : sending->target.evse;
	return ERR_OK;
}

/* From an hour ago at most, so that the clock of the station may be somewhat behind. Tenths are the finest step. */
static enum err_code make_limit(struct sending *sending)
{
	int64_t now_us = feed_now_us(sending->ocpp->feed);
	double limit = NAN;

	if (!str_to_double(sending->command->text, &limit) || limit < 0)
		return err_set(sending->err, ERR_INVALID, "a limit is a number from 0 on");
	sending->period = (struct ocpp_period){
		.limit = floor(limit * 10) / 10,
		.phases = sending->send->phases > 0 ? (int64_t)sending->send->phases : OCPP_NONE,
	};
	sending->profile = (struct ocpp_profile){
		.id = (int64_t)sending->send->profile,
		.stack_level = (int64_t)sending->send->stack_level,
		.purpose = purpose_of(sending),
		.kind = OCPP_ABSOLUTE,
		.valid_from_us = OCPP_NO_TIME,
		.valid_to_us = OCPP_NO_TIME,
		.unit = sending->send->unit,
		.start_us = now_us - now_us % HOUR_US,
		.duration_s = OCPP_NONE,
		.rate_min = NAN,
		.periods = &sending->period,
		.period_count = 1,
	};
	return place_profile(sending);
}

static enum err_code make_set_profile(struct sending *sending)
{
	enum err_code code =
		ocpp_profile_read(sending->arena, sending->command->value, &sending->profile, sending->err);

	return code ? code : place_profile(sending);
}

static enum err_code make_clear_profile(struct sending *sending)
{
	sending->message.kind = OCPP_COMMAND_CLEAR_PROFILE;
	sending->message.clear.id = (int64_t)sending->send->profile;
	if (!sending->send->purpose_told)
		return ERR_OK;
	sending->message.clear.id = OCPP_NONE;
	sending->message.clear.purpose_told = true;
	sending->message.clear.purpose = sending->send->purpose;
	sending->message.clear.stack_level = (int64_t)sending->send->stack_level;
	return ERR_OK;
}

static enum err_code make_availability(struct sending *sending)
{
	struct str text = sending->command->text;

	sending->message.kind = OCPP_COMMAND_AVAILABILITY;
	sending->message.place.evse = sending->target.evse == OCPP_NONE ? 0 : sending->target.evse;
	sending->message.operative = str_eq(text, STR("true")) || str_eq(text, STR("Operative"));
	return sending->message.operative || str_eq(text, STR("false")) || str_eq(text, STR("Inoperative"))
		       ? ERR_OK
		       : err_set(sending->err, ERR_INVALID, "expected true, false, Operative or Inoperative");
}

static enum err_code make_reset(struct sending *sending)
{
	struct str text = sending->command->text;

	sending->message.kind = OCPP_COMMAND_RESET;
	sending->message.at_once = sending->send->hard || str_eq(text, STR("Hard")) || str_eq(text, STR("Immediate"));
	return ERR_OK;
}

static enum err_code make_unlock(struct sending *sending)
{
	sending->message.kind = OCPP_COMMAND_UNLOCK;
	if (sending->target.evse == OCPP_NONE)
		return err_set(sending->err, ERR_INVALID, "which connector is to be unlocked is not told");
	if (sending->target.connector == OCPP_NONE)
		sending->message.place.connector = 1;
	return ERR_OK;
}

static enum err_code make_trigger(struct sending *sending)
{
	sending->message.kind = OCPP_COMMAND_TRIGGER;
	return fill(sending, &sending->message.message);
}

static enum err_code call(const struct sending *sending, int64_t now_us, uint64_t *ret_ticket)
{
	struct json empty = json_object(), *payload = &empty;
	struct str text = STR_NONE;
	enum err_code code = sending->send->has_text ? fill(sending, &text) : ERR_OK;

	if (!code && text.at) {
		/* The parser wants room behind the text. */
		char *copy = arena_bytes(sending->arena, text.len, 64);

		if (!copy)
			return err_set(sending->err, ERR_MEMORY, "no memory for a command");
		memcpy(copy, text.at, text.len);
		code = json_parse(sending->ocpp->feed->parser, sending->arena, (struct str){copy, text.len}, NULL,
				  &payload, sending->err);
	} else if (!code && json_is(sending->command->value, JSON_OBJECT)) {
		return ocpp_session_call(sending->target.station->session, sending->send->call, sending->command->value,
					 now_us, ret_ticket, sending->err);
	}
	return code ? code
		    : ocpp_session_call(sending->target.station->session, sending->send->call, payload, now_us,
					ret_ticket, sending->err);
}

static enum err_code give(struct sending *sending, uint64_t *ret_ticket)
{
	static enum err_code (*const makers[OCPP_SEND_COUNT])(struct sending * sending) = {
		[OCPP_SEND_REMOTE_START] = make_start,
		[OCPP_SEND_REMOTE_STOP] = make_stop,
		[OCPP_SEND_LIMIT] = make_limit,
		[OCPP_SEND_SET_PROFILE] = make_set_profile,
		[OCPP_SEND_CLEAR_PROFILE] = make_clear_profile,
		[OCPP_SEND_AVAILABILITY] = make_availability,
		[OCPP_SEND_RESET] = make_reset,
		[OCPP_SEND_UNLOCK] = make_unlock,
		[OCPP_SEND_TRIGGER] = make_trigger,
		[OCPP_SEND_CALL] = NULL,
	};
	int64_t now_us = feed_now_us(sending->ocpp->feed);

	if (!makers[sending->send->action])
		return call(sending, now_us, ret_ticket);
	sending->message.place = (struct ocpp_place){sending->target.evse, sending->target.connector};
	enum err_code code = makers[sending->send->action](sending);

	return code ? code
		    : ocpp_session_command(sending->target.station->session, &sending->message, now_us, ret_ticket,
					   sending->err);
}

enum feed_send ocpp_feed_send(struct feed *feed, const struct feed_command *command)
{
	struct ocpp_feed *ocpp = feed->session;
	struct error err;

	if (!ocpp)
		return FEED_SEND_LATER;
	struct sending sending = {
		.ocpp = ocpp, .command = command, .send = command->plan->send, .arena = &ocpp->scratch, .err = &err};

	if (!find_target(ocpp, &ocpp->scratch, command->id, &sending.target)) {
		arena_clear(&ocpp->scratch);
		feed_command_end(feed, command->number,
				 "the entity is no station, point, connector or session of the feed");
		return FEED_SEND_TAKEN;
	}
	struct ocpp_station *station = sending.target.station;
	uint64_t ticket = 0;

	if (!station || !station->line || station->ticket ||
	    ocpp_session_registration(station->session) == OCPP_REJECTED) {
		arena_clear(&ocpp->scratch);
		return FEED_SEND_LATER;
	}
	enum err_code code = give(&sending, &ticket);

	arena_clear(&ocpp->scratch);
	if (code) {
		feed_command_end(feed, command->number, err.detail);
		return FEED_SEND_TAKEN;
	}
	station->ticket = ticket;
	station->command = command->number;
	ocpp_station_touched(station);
	return FEED_SEND_TAKEN;
}

/* ---- the station's word ---- */

/* Those that say that it is done, or will be. What has none says by answering that it was. */
static bool is_yes(struct str word)
{
	static const char *const words[] = {"Accepted", "Unlocked", "Scheduled", "RebootRequired"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, str_from(words[i])))
			return true;
	return word.len == 0;
}

void ocpp_send_answered(struct ocpp_station *station, const struct ocpp_answered *answered)
{
	static const char *const outcomes[] = {
		[OCPP_DONE] = "the station says",
		[OCPP_FAILED] = "the station answered with an error:",
		[OCPP_BAD_ANSWER] = "the station's answer is none that OCPP has:",
		[OCPP_TIMED_OUT] = "the station did not answer in time; it may have done it",
		[OCPP_EXPIRED] = "it could not be sent in time",
		[OCPP_LOST] = "the connection went while the answer was awaited; it may have been done",
		[OCPP_DROPPED] = "the feed ended before it was sent",
	};
	char why[COMMAND_WHY_BYTES];

	if (answered->ticket != station->ticket)
		return;
	station->ticket = 0;
	(void)snprintf(why, sizeof(why), "%s %.*s %.*s", outcomes[answered->outcome],
		       STR_FMT(answered->outcome == OCPP_DONE ? answered->status : answered->code),
		       STR_FMT(answered->description));
	struct str text = str_trim(str_from(why));

	why[text.len] = '\0';
	feed_command_end(station->ocpp->feed, station->command,
			 answered->outcome == OCPP_DONE && is_yes(answered->status) ? NULL : why);
}
