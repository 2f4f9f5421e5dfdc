/* Names and ids of GTFS entities. */
#include "feed/gtfs_int.h"

#include <stdio.h>
#include <string.h>

struct str gtfs_type_name(enum gtfs_type type)
{
	static const char *const names[GTFS_TYPE_COUNT] = {
		[GTFS_AGENCY] = "GtfsAgency",
		[GTFS_STOP] = "GtfsStop",
		[GTFS_STATION] = "GtfsStation",
		[GTFS_ACCESS_POINT] = "GtfsAccessPoint",
		[GTFS_ROUTE] = "GtfsRoute",
		[GTFS_SERVICE] = "GtfsService",
		[GTFS_CALENDAR_RULE] = "GtfsCalendarRule",
		[GTFS_CALENDAR_DATE_RULE] = "GtfsCalendarDateRule",
		[GTFS_SHAPE] = "GtfsShape",
		[GTFS_TRIP] = "GtfsTrip",
		[GTFS_STOP_TIME] = "GtfsStopTime",
		[GTFS_FREQUENCY] = "GtfsFrequency",
		[GTFS_TRANSFER_RULE] = "GtfsTransferRule",
		[GTFS_FARE] = "GtfsFareAttribute",
		[GTFS_FEED_INFO] = "GtfsFeedInfo",
	};

	return str_from(names[type]);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_';
}

enum err_code gtfs_check_feed_name(struct str feed, struct error *err)
{
	bool good = feed.len > 0 && feed.len <= GTFS_FEED_NAME_BYTES_MAX;

	for (size_t i = 0; good && i < feed.len; i++)
		good = is_plain(feed.at[i]);
	if (good)
		return ERR_OK;
	return err_set(err, ERR_INVALID,
		       "\"%.*s\" cannot name a feed: 1 to %u letters, digits, \"-\", \"_\" and \".\" can",
		       STR_FMT(str_part(feed, 0, 80)), GTFS_FEED_NAME_BYTES_MAX);
}

static char *put(char *at, struct str text)
{
	if (text.len)
		memcpy(at, text.at, text.len);
	return at + text.len;
}

static char *put_escaped(char *at, struct str id)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];

		if (is_plain(c) || c == ':') {
			*at++ = c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[(uint8_t)c >> 4];
		*at++ = digits[(uint8_t)c & 15];
	}
	return at;
}

struct str gtfs_urn_two(struct arena *arena, struct str type, struct str feed, struct str id, char separator,
			struct str second)
{
	static const struct str head = {"urn:ngsi-ld:", 12};
	size_t bytes_max = head.len + type.len + feed.len + 4 + 3 * (id.len + second.len);
	char *urn = arena_bytes(arena, bytes_max, 0), *at = urn;

	if (!urn)
		return STR_NONE;
	at = put(at, head);
	at = put(at, type);
	*at++ = ':';
	at = put(at, feed);
	*at++ = ':';
	at = put_escaped(at, id);
	if (second.len) {
		*at++ = separator;
		at = put_escaped(at, second);
	}
	return (struct str){urn, (size_t)(at - urn)};
}

struct str gtfs_urn(struct arena *arena, struct str type, struct str feed, struct str id)
{
	return gtfs_urn_two(arena, type, feed, id, ':', STR_NONE);
}

struct str gtfs_urn_prefix(struct arena *arena, struct str type, struct str feed)
{
	return gtfs_urn_two(arena, type, feed, STR_NONE, ':', STR_NONE);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct str gtfs_unescaped(struct arena *arena, struct str text)
{
	char *to = arena_bytes(arena, text.len, 0);
	size_t len = 0;

	for (size_t i = 0; to && i < text.len; i++) {
		bool escape = text.at[i] == '%' && i + 2 < text.len && hex_digit(text.at[i + 1]) >= 0 &&
			      hex_digit(text.at[i + 2]) >= 0;

		if (escape) {
			to[len++] = (char)(hex_digit(text.at[i + 1]) * 16 + hex_digit(text.at[i + 2]));
			i += 2;
		} else {
			to[len++] = text.at[i];
		}
	}
	return to ? (struct str){to, len} : STR_NONE;
}

/* What stands behind "head:"; STR_NONE: it does not begin so. */
static struct str behind(struct str text, struct str head)
{
	if (!str_starts(text, head) || text.len <= head.len || text.at[head.len] != ':')
		return STR_NONE;
	return str_part(text, head.len + 1, text.len);
}

struct str gtfs_id(struct arena *arena, enum gtfs_type type, struct str feed, struct str urn)
{
	struct str id = behind(behind(behind(urn, STR("urn:ngsi-ld")), gtfs_type_name(type)), feed);

	return id.at ? gtfs_unescaped(arena, id) : STR_NONE;
}

struct str gtfs_mark_key(struct str feed, char buffer[static GTFS_MARK_BYTES])
{
	int len = snprintf(buffer, GTFS_MARK_BYTES, "gtfs.%.*s", STR_FMT(feed));

	return (struct str){buffer, (size_t)len};
}
