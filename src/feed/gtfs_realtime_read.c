/* The settings of a feed of kind gtfs_realtime. URLs, their queries above all, and headers may hold keys, so that no
 * refusal shows them. */
#include "feed/gtfs_realtime_int.h"
#include "gtfsrt/gtfsrt.h"
#include "net/http_url.h"

#include <stdio.h>
#include <string.h>

#define INTERVAL_S_DEFAULT 15u
#define TIMEOUT_S_DEFAULT 10u
#define TIMEOUT_S_MAX 120u
#define FORGET_S_DEFAULT 3600u
#define MESSAGE_MB_DEFAULT 32.0
#define MESSAGE_MB_MAX ((double)(GTFSRT_BYTES_MAX >> 20))
#define ON_TIME_S_MAX 3600.0

static enum err_code read_url(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			      struct gtfs_realtime_settings *settings)
{
	enum err_code code = mapping_expect(reader, node, YAML_TREE_SCALAR, "a URL");
	struct http_url_view view;
	struct error cause;

	if (code)
		return code;
	if (memchr(node->text.at, '\0', node->text.len))
		return yaml_tree_refuse(node, reader->err, "expected a text without NUL");
	settings->urls[settings->url_count] = node->text.at; /* yaml_tree.h puts a NUL behind it */
	code = http_url_look(node->text.at, &feed->arena, &view, &cause);
	if (code == ERR_INVALID)
		return yaml_tree_refuse(node, reader->err, "expected a URL of http or https");
	if (code)
		return mapping_no_memory(reader);
	settings->shown[settings->url_count++] = view.shown;
	return ERR_OK;
}

static enum err_code read_urls(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct gtfs_realtime_settings *settings)
{
	const struct yaml_tree *urls = yaml_tree_get(node, STR("urls"));
	enum err_code code = ERR_OK;

	if (!urls || urls->kind != YAML_TREE_LIST || urls->count == 0 || urls->count > REALTIME_SOURCES_MAX)
		return yaml_tree_refuse(urls ? urls : node, reader->err,
					"expected \"urls:\" with a list of 1 to %u URLs", REALTIME_SOURCES_MAX);
	for (uint32_t i = 0; i < urls->count && !code; i++)
		code = read_url(feed, reader, &urls->items[i], settings);
	if (code)
		return code;
	int len = snprintf(feed->place, sizeof(feed->place), "%.*s",
			   STR_FMT(str_part(settings->shown[0], 0, FEED_PLACE_BYTES_MAX - 32)));

	if (settings->url_count > 1)
		(void)snprintf(feed->place + len, sizeof(feed->place) - (size_t)len, " and %u more",
			       settings->url_count - 1);
	return ERR_OK;
}

static enum err_code read_on_time(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct gtfs_realtime_settings *settings)
{
	static const char *const known[] = {"early", "late", NULL};
	const struct yaml_tree *map = yaml_tree_get(node, STR("on_time"));
	double early_s = TRANSIT_EARLY_S, late_s = TRANSIT_LATE_S;
	enum err_code code = ERR_OK;

	if (map)
		code = mapping_expect(reader, map, YAML_TREE_MAP, "\"early:\" and \"late:\", in seconds");
	if (map && !code)
		code = mapping_check_keys(reader, map, known);
	if (map && !code)
		code = mapping_read_number(reader, map, "early", 0, ON_TIME_S_MAX, &early_s);
	if (map && !code)
		code = mapping_read_number(reader, map, "late", 1, ON_TIME_S_MAX, &late_s);
	settings->on_time = (struct transit_on_time){(int32_t)early_s, (int32_t)late_s};
	return code;
}

static enum err_code read_times(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct gtfs_realtime_settings *settings)
{
	double megabytes = MESSAGE_MB_DEFAULT;
	enum err_code code = feed_read_seconds(reader, node, "interval", INTERVAL_S_DEFAULT, &settings->interval_s);

	if (!code)
		code = feed_read_timeout(reader, node, TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, &settings->timeout_s);
	if (!code)
		code = feed_read_seconds(reader, node, "forget_after", FORGET_S_DEFAULT, &settings->forget_s);
	if (!code)
		code = mapping_read_number(reader, node, "message_megabytes", 1, MESSAGE_MB_MAX, &megabytes);
	settings->message_bytes_max = (size_t)(megabytes * (1 << 20));
	return code;
}

static enum err_code read_timetable(const struct feed *feed, const struct mapping_reader *reader,
				    const struct yaml_tree *node, struct gtfs_realtime_settings *settings)
{
	const struct yaml_tree *timetable = yaml_tree_get(node, STR("timetable"));
	struct error cause;
	enum err_code code = mapping_read_text(reader, node, "timetable", &settings->timetable);

	if (code)
		return code;
	if (!timetable || gtfs_check_feed_name(settings->timetable, &cause) != ERR_OK)
		return yaml_tree_refuse(timetable ? timetable : node, reader->err,
					"expected \"timetable:\" with the name of an imported GTFS feed");
	if (str_eq(settings->timetable, feed->name))
		return yaml_tree_refuse(timetable, reader->err,
					"a realtime feed and its timetable need names of their own: the vehicles with "
					"the name \"%.*s\" are the timetable's",
					STR_FMT(feed->name));
	return ERR_OK;
}

enum err_code gtfs_realtime_read(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"timetable", "urls",    "interval",          "timeout", "forget_after",
					    "headers",   "on_time", "message_megabytes", NULL};
	struct gtfs_realtime_settings *settings = arena_new(&feed->arena, struct gtfs_realtime_settings);

	if (!settings)
		return mapping_no_memory(reader);
	feed->settings = settings;
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = read_timetable(feed, reader, node, settings);
	if (!code)
		code = read_urls(feed, reader, node, settings);
	if (!code)
		code = read_times(reader, node, settings);
	if (!code)
		code = feed_read_headers(feed, reader, node, &settings->headers);
	return code ? code : read_on_time(reader, node, settings);
}
