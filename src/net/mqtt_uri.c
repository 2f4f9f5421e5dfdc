/* The URI of an MQTT endpoint taken apart, from the left: scheme, authority up to the first "/", user up to its last
 * "@" (so that a password with a raw one is understood), host, port, topic. */
#include "net/mqtt_uri.h"

#include "net/http_int.h"

#define PORT_PLAIN 1883u
#define PORT_SECURE 8883u

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static enum err_code take_scheme(struct str *rest, struct mqtt_uri *uri, struct error *err)
{
	if (str_eq_nocase(str_part(*rest, 0, 7), STR("mqtt://"))) {
		*rest = str_part(*rest, 7, rest->len);
	} else if (str_eq_nocase(str_part(*rest, 0, 8), STR("mqtts://"))) {
		uri->secure = true;
		*rest = str_part(*rest, 8, rest->len);
	} else {
		return err_set(err, ERR_INVALID, "the URI does not begin with mqtt:// or mqtts://");
	}
	uri->port = uri->secure ? PORT_SECURE : PORT_PLAIN;
	return ERR_OK;
}

static enum err_code take_secret(struct str raw, const char *what, struct arena *arena, struct str *ret,
				 struct error *err)
{
	struct str text;

	if (!http_decode(arena, raw, &text) || text.len > MQTT_USER_BYTES_MAX)
		return err_set(err, ERR_INVALID, "the %s in an MQTT URI is no percent-encoded UTF-8 of up to %u bytes",
			       what, MQTT_USER_BYTES_MAX);
	*ret = text;
	return ERR_OK;
}

/* A user and nothing in it ("mqtt://@host/"), as the syntax of the standard has it, is none. */
static enum err_code take_user(struct str raw, struct arena *arena, struct mqtt_uri *uri, struct error *err)
{
	size_t colon;
	bool has_password = str_find(raw, ':', &colon);
	struct str user = has_password ? str_part(raw, 0, colon) : raw;
	enum err_code code = ERR_OK;

	if (has_password || user.len > 0)
		code = take_secret(user, "user", arena, &uri->user, err);
	if (code == ERR_OK && has_password)
		code = take_secret(str_part(raw, colon + 1, raw.len), "password", arena, &uri->password, err);
	return code;
}

static bool host_fits(struct str host, bool bracketed)
{
	for (size_t i = 0; i < host.len; i++) {
		char c = host.at[i];
		bool good = bracketed ? c == ':' || c == '.' || is_letter_or_digit(c)
				      : c == '-' || c == '_' || c == '.' || is_letter_or_digit(c);

		if (!good)
			return false;
	}
	return host.len > 0 && host.len <= MQTT_HOST_BYTES_MAX;
}

static enum err_code take_host(struct str raw, struct arena *arena, struct mqtt_uri *uri, struct error *err)
{
	bool bracketed = str_starts(raw, STR("["));
	size_t end = raw.len;
	uint64_t port = uri->port;

	if (!str_find(raw, bracketed ? ']' : ':', &end) && bracketed)
		return err_set(err, ERR_INVALID, "an MQTT URI has \"[\" without \"]\"");
	struct str host = str_part(raw, bracketed ? 1 : 0, end);
	struct str rest = str_part(raw, bracketed ? end + 1 : end, raw.len);

	if (!host_fits(host, bracketed))
		return err_set(err, ERR_INVALID, "the host of an MQTT URI is no name or address");
	if (rest.len > 1 &&
	    (rest.at[0] != ':' || !str_to_uint64(str_part(rest, 1, rest.len), &port) || port == 0 || port > UINT16_MAX))
		return err_set(err, ERR_INVALID, "the port of an MQTT URI is no number from 1 to 65535");
	if (rest.len == 1 && rest.at[0] != ':')
		return err_set(err, ERR_INVALID, "the host of an MQTT URI is no name or address");
	uri->port = (uint16_t)port;
	char *lower = arena_bytes(arena, host.len, 1);

	if (!lower)
		return err_set(err, ERR_MEMORY, "no memory for an MQTT URI");
	for (size_t i = 0; i < host.len; i++)
		lower[i] = host.at[i] >= 'A' && host.at[i] <= 'Z' ? (char)(host.at[i] - 'A' + 'a') : host.at[i];
	uri->host = (struct str){lower, host.len};
	return ERR_OK;
}

/* MQTT 5.0, 4.7 and 1.5.4: wildcards are for filters, control characters may be refused by a broker. */
static bool topic_fits(struct str topic)
{
	for (size_t i = 0; i < topic.len; i++) {
		unsigned char c = (unsigned char)topic.at[i];

		if (c < 0x20 || c == 0x7f || c == '+' || c == '#')
			return false;
		/* U+0080 to U+009F */
		if (c == 0xc2 && (unsigned char)topic.at[i + 1] < 0xa0)
			return false;
	}
	return topic.len > 0 && topic.len <= MQTT_TOPIC_BYTES_MAX;
}

static enum err_code take_topic(struct str raw, struct arena *arena, struct mqtt_uri *uri, struct error *err)
{
	size_t at;

	if (str_find(raw, '?', &at) || str_find(raw, '#', &at))
		return err_set(err, ERR_INVALID, "the topic of an MQTT URI has a \"?\" or \"#\" that is not encoded");
	if (!http_decode(arena, raw, &uri->topic))
		return err_set(err, ERR_INVALID, "the topic of an MQTT URI is no percent-encoded UTF-8");
	if (!topic_fits(uri->topic))
		return err_set(
			err, ERR_INVALID,
			"the topic of an MQTT URI is empty, over %u bytes or has wildcards or control characters",
			MQTT_TOPIC_BYTES_MAX);
	return ERR_OK;
}

/* *ret_rest: what follows the authority, its "/" included. */
static enum err_code take_broker(struct str text, struct arena *arena, struct mqtt_uri *uri, struct str *ret_rest,
				 struct error *err)
{
	struct str rest = text, authority;
	size_t at;

	if (text.len > MQTT_URI_BYTES_MAX)
		return err_set(err, ERR_INVALID, "an MQTT URI has more than %u bytes", MQTT_URI_BYTES_MAX);
	enum err_code code = take_scheme(&rest, uri, err);

	if (code != ERR_OK)
		return code;
	if (!str_find(rest, '/', &at))
		at = rest.len;
	authority = str_part(rest, 0, at);
	*ret_rest = str_part(rest, at, rest.len);
	for (at = authority.len; at > 0 && authority.at[at - 1] != '@'; at--)
		;
	if (at > 0)
		code = take_user(str_part(authority, 0, at - 1), arena, uri, err);
	return code == ERR_OK ? take_host(str_part(authority, at, authority.len), arena, uri, err) : code;
}

enum err_code mqtt_uri_parse(struct str text, struct arena *arena, struct mqtt_uri *ret_uri, struct error *err)
{
	struct mqtt_uri uri = {0};
	struct str rest = STR_NONE;
	enum err_code code = take_broker(text, arena, &uri, &rest, err);

	if (code == ERR_OK && rest.len == 0)
		code = err_set(err, ERR_INVALID, "an MQTT URI has no topic: mqtt://host/topic");
	if (code == ERR_OK)
		code = take_topic(str_part(rest, 1, rest.len), arena, &uri, err);
	if (code == ERR_OK)
		*ret_uri = uri;
	return code;
}

enum err_code mqtt_uri_parse_broker(struct str text, struct arena *arena, struct mqtt_uri *ret_uri, struct error *err)
{
	struct mqtt_uri uri = {0};
	struct str rest = STR_NONE;
	enum err_code code = take_broker(text, arena, &uri, &rest, err);

	if (code == ERR_OK && rest.len > 1)
		code = err_set(err, ERR_INVALID, "the URI of an MQTT broker has a topic behind its host");
	if (code == ERR_OK)
		*ret_uri = uri;
	return code;
}
