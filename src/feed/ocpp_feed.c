/* Feeds of kind ocpp: charge points call, and what they say becomes entities. Here the settings, and who may call.
 *
 * Nobody may, and no token may charge, unless the settings say so (OCPP-J 1.6, 6; OCPP 2.0.1 part 4, 3: a station that
 * is not known is answered 404, one without its password 401). */
#include "feed/ocpp_feed_int.h"

#include "base/time_value.h"

#include <stdio.h>

#define PASSWORD_BYTES_MAX 128u
#define TOKEN_CHARS_MAX 36u /* 2.0.1's idToken; 1.6's idTag has 20 */
#define PARENT_CHARS_MAX 20u /* of 1.6 */
#define ANSWER_S_DEFAULT OCPP_CALL_TIMEOUT_S

/* ---- names ---- */

/* An identifierString (OCPP 2.0.1 part 2), without the colon, which a user of Basic authentication cannot have (RFC
 * 7617 section 2). */
static bool is_identity(struct str text)
{
	static const struct str marks = {"*-_=+|@.", 8};
	size_t at;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      str_find(marks, c, &at)))
			return false;
	}
	return text.len > 0 && text.len <= OCPP_STATION_CHARS_MAX;
}

const struct ocpp_card *ocpp_card_find(const struct ocpp_settings *settings, struct str id)
{
	for (size_t i = 0; i < settings->card_count; i++)
		if (str_eq_nocase(settings->cards[i].id, id))
			return &settings->cards[i];
	return NULL;
}

const struct ocpp_card *ocpp_card_named(const struct ocpp_settings *settings, struct str name)
{
	for (size_t i = 0; name.len > 0 && i < settings->card_count; i++)
		if (str_eq(settings->cards[i].name, name))
			return &settings->cards[i];
	return NULL;
}

static const struct ocpp_access *access_of(const struct ocpp_settings *settings, struct str id)
{
	for (size_t i = 0; i < settings->station_count; i++)
		if (str_eq(settings->stations[i].id, id))
			return &settings->stations[i];
	return NULL;
}

/* ---- stations ---- */

static enum err_code read_station(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct ocpp_settings *settings)
{
	static const char *const known[] = {"id", "password", NULL};
	struct ocpp_access *station = &settings->stations[settings->station_count];
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "a station with id and password");

	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = mapping_read_text(reader, node, "id", &station->id);
	if (!code)
		code = mapping_read_text(reader, node, "password", &station->password);
	if (code)
		return code;
	if (!is_identity(station->id))
		return yaml_tree_refuse(node, reader->err,
					"expected \"id:\" with letters, digits and *-_=+|@., up to %u",
					OCPP_STATION_CHARS_MAX);
	if (station->password.len == 0 || station->password.len > PASSWORD_BYTES_MAX)
		return yaml_tree_refuse(node, reader->err, "expected \"password:\" of 1 to %u bytes",
					PASSWORD_BYTES_MAX);
	if (access_of(settings, station->id))
		return yaml_tree_refuse(node, reader->err, "the station \"%.*s\" is there twice", STR_FMT(station->id));
	settings->station_count++;
	return ERR_OK;
}

static enum err_code read_stations(const struct mapping_reader *reader, const struct yaml_tree *node,
				   struct ocpp_settings *settings)
{
	const struct yaml_tree *list = yaml_tree_get(node, STR("stations"));
	enum err_code code = mapping_read_switch(reader, node, "any_station", &settings->any_station);

	if (!code && !list && !settings->any_station)
		return yaml_tree_refuse(node, reader->err,
					"expected \"stations:\", those that may connect, or \"any_station: true\"");
	if (!code && list)
		code = mapping_expect(reader, list, YAML_TREE_LIST, "a list of stations with id and password");
	if (code || !list)
		return code;
	settings->stations = arena_zalloc(reader->arena, list->count * sizeof(*settings->stations));
	if (!settings->stations)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < list->count && !code; i++)
		code = read_station(reader, &list->items[i], settings);
	return code;
}

/* ---- tokens ---- */

static enum err_code read_expiry(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct ocpp_card *card)
{
	const struct yaml_tree *expires = yaml_tree_get(node, STR("expires"));

	card->expires_us = OCPP_NO_TIME;
	if (!expires || (expires->kind == YAML_TREE_SCALAR && time_parse_iso(expires->text, true, &card->expires_us)))
		return ERR_OK;
	return yaml_tree_refuse(expires, reader->err, "expected a time such as 2027-01-01T00:00:00Z, not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, expires)));
}

static enum err_code read_card(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct ocpp_settings *settings)
{
	static const char *const known[] = {"id", "name", "parent", "expires", "blocked", NULL};
	struct ocpp_card *card = &settings->cards[settings->card_count];
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "a token with id");

	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = mapping_read_text(reader, node, "id", &card->id);
	if (!code)
		code = mapping_read_text(reader, node, "name", &card->name);
	if (!code)
		code = mapping_read_text(reader, node, "parent", &card->parent);
	if (!code)
		code = mapping_read_switch(reader, node, "blocked", &card->blocked);
	if (!code)
		code = read_expiry(reader, node, card);
	if (code)
		return code;
	if (card->id.len == 0 || card->id.len > TOKEN_CHARS_MAX)
		return yaml_tree_refuse(node, reader->err, "expected \"id:\" of 1 to %u characters", TOKEN_CHARS_MAX);
	if (card->parent.len > PARENT_CHARS_MAX)
		return yaml_tree_refuse(node, reader->err, "expected a \"parent:\" of up to %u characters",
					PARENT_CHARS_MAX);
	if (ocpp_card_find(settings, card->id) || ocpp_card_named(settings, card->name))
		return yaml_tree_refuse(node, reader->err, "the same token, or one of the same name, is there already");
	settings->card_count++;
	return ERR_OK;
}

static enum err_code read_cards(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct ocpp_settings *settings)
{
	const struct yaml_tree *list = yaml_tree_get(node, STR("tokens"));
	enum err_code code = mapping_read_switch(reader, node, "any_token", &settings->any_token);

	if (!code && list)
		code = mapping_expect(reader, list, YAML_TREE_LIST, "a list of tokens");
	if (code || !list)
		return code;
	settings->cards = arena_zalloc(reader->arena, list->count * sizeof(*settings->cards));
	if (!settings->cards)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < list->count && !code; i++)
		code = read_card(reader, &list->items[i], settings);
	return code;
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"stations",  "any_station",    "tokens", "any_token",
					    "heartbeat", "answer_timeout", NULL};
	struct ocpp_settings *settings = arena_new(&feed->arena, struct ocpp_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = read_stations(reader, node, settings);
	if (!code)
		code = read_cards(reader, node, settings);
	if (!code)
		code = feed_read_seconds(reader, node, "heartbeat", OCPP_HEARTBEAT_S, &settings->heartbeat_s);
	if (!code)
		code = feed_read_seconds(reader, node, "answer_timeout", ANSWER_S_DEFAULT, &settings->answer_s);
	(void)snprintf(feed->place, sizeof(feed->place), "/ocpp/%.*s/{station}", STR_FMT(feed->name));
	feed->settings = settings;
	return code;
}

/* ---- who calls ---- */

/* OCPP 2.0.1 part 2, A00.FR.204: the user is the station's identity. Its password is asked for before its protocol. */
static enum err_code admit(const struct feed *feed, const struct feed_caller *caller, struct error *err)
{
	const struct ocpp_settings *settings = feed->settings;
	const struct ocpp_access *access = access_of(settings, caller->name);
	enum ocpp_version version;

	if (!is_identity(caller->name) || (!access && !settings->any_station))
		return err_set(err, ERR_NOT_FOUND, "the feed \"%.*s\" has no such station", STR_FMT(feed->name));
	if (access && (!caller->password.at || !str_eq(caller->user, access->id) ||
		       !str_eq_constant_time(access->password, caller->password)))
		return err_set(err, ERR_DENIED, "the station comes without its password");
	if (!ocpp_version_from(caller->protocol, &version))
		return err_set(err, ERR_UNSUPPORTED, "ocpp1.6 and ocpp2.0.1 are spoken here");
	return ERR_OK;
}

const struct feed_kind feed_kind_ocpp = {
	.name = "ocpp",
	.maps_itself = true,
	.read = read_settings,
	.run = ocpp_feed_run,
	.settled = ocpp_feed_settled,
	.admit = admit,
	.read_send = ocpp_feed_read_send,
	.send = ocpp_feed_send,
};
