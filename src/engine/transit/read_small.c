/* The files that describe the network: agencies, stops, routes, transfers, fares, and the feed itself. */
#include "engine/transit/read_int.h"

#define COLUMNS(array) array, sizeof(array) / sizeof((array)[0])

/* Copies texts column by column; the first error ends it. */
struct text_field {
	size_t column;
	struct str *to;
};

static enum err_code copy_texts(struct transit_reader *reader, const struct text_field *fields, size_t count,
				struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		enum err_code code = row_text(reader, fields[i].column, fields[i].to, err);

		if (code)
			return code;
	}
	return ERR_OK;
}

#define COPY_TEXTS(reader, fields, err) copy_texts((reader), (fields), sizeof(fields) / sizeof((fields)[0]), (err))

/* A row whose id is there already is left out; other errors end the reading. */
static enum err_code added(struct transit_reader *reader, enum err_code code, struct str id)
{
	if (code == ERR_EXISTS)
		return row_skip(reader, "%s \"%.*s\" is there already", reader->columns[0].name, STR_FMT(id));
	return code;
}

enum { AGENCY_ID, AGENCY_NAME, AGENCY_URL, AGENCY_TIMEZONE, AGENCY_LANG, AGENCY_PHONE, AGENCY_FARE_URL, AGENCY_EMAIL };

static const struct column agency_columns[] = {
	{"agency_id", false},   {"agency_name", true},   {"agency_url", false},      {"agency_timezone", true},
	{"agency_lang", false}, {"agency_phone", false}, {"agency_fare_url", false}, {"agency_email", false},
};

static enum err_code read_agency(struct transit_reader *reader, struct error *err)
{
	struct transit_agency row = {.line = (uint32_t)reader->row->line};
	const struct text_field texts[] = {
		{AGENCY_ID, &row.id},
		{AGENCY_NAME, &row.name},
		{AGENCY_URL, &row.url},
		{AGENCY_TIMEZONE, &row.timezone},
		{AGENCY_LANG, &row.lang},
		{AGENCY_PHONE, &row.phone},
		{AGENCY_FARE_URL, &row.fare_url},
		{AGENCY_EMAIL, &row.email},
	};
	enum err_code code = COPY_TEXTS(reader, texts, err);
	uint32_t index;

	if (code)
		return code;
	if (row.id.len > TRANSIT_ID_BYTES_MAX)
		return row_skip(reader, "agency_id is longer than %u bytes", TRANSIT_ID_BYTES_MAX);
	if (row.timezone.len == 0)
		return row_skip(reader, "agency_timezone is empty");
	return added(reader, transit_add_agency(reader->feed, &row, &index, err), row.id);
}

enum {
	STOP_ID,
	STOP_NAME,
	STOP_LAT,
	STOP_LON,
	STOP_CODE,
	STOP_DESC,
	STOP_ZONE,
	STOP_URL,
	STOP_TYPE,
	STOP_PARENT,
	STOP_TIMEZONE,
	STOP_WHEELCHAIR,
	STOP_PLATFORM
};

static const struct column stop_columns[] = {
	{"stop_id", true},        {"stop_name", false},      {"stop_lat", true},       {"stop_lon", true},
	{"stop_code", false},     {"stop_desc", false},      {"zone_id", false},       {"stop_url", false},
	{"location_type", false}, {"parent_station", false}, {"stop_timezone", false}, {"wheelchair_boarding", false},
	{"platform_code", false},
};

static enum err_code read_stop(struct transit_reader *reader, struct error *err)
{
	struct transit_stop row = {.line = (uint32_t)reader->row->line, .parent = TRANSIT_NONE};
	struct str id, lat = row_value(reader, STOP_LAT), lon = row_value(reader, STOP_LON);
	uint32_t index;

	if (!row_id(reader, STOP_ID, &id))
		return ERR_OK;
	row.location_type = (uint8_t)row_option(reader, STOP_TYPE, 0, 4, 0);
	row.wheelchair = (uint8_t)row_option(reader, STOP_WHEELCHAIR, 0, 2, 0);
	row.has_place = transit_parse_place(lon, lat, &row.place.lon, &row.place.lat);
	/* Only a generic node or a boarding area may have none of its own. */
	if (!row.has_place && (row.location_type < 3 || lat.len > 0 || lon.len > 0))
		return row_skip(reader, "stop \"%.*s\": \"%.*s\", \"%.*s\" is no latitude and longitude", STR_FMT(id),
				STR_FMT(str_part(lat, 0, 24)), STR_FMT(str_part(lon, 0, 24)));
	const struct text_field texts[] = {
		{STOP_ID, &row.id},
		{STOP_NAME, &row.name},
		{STOP_CODE, &row.code},
		{STOP_DESC, &row.desc},
		{STOP_ZONE, &row.zone},
		{STOP_URL, &row.url},
		{STOP_TIMEZONE, &row.timezone},
		{STOP_PLATFORM, &row.platform},
		{STOP_PARENT, &row.parent_id},
	};
	enum err_code code = COPY_TEXTS(reader, texts, err);

	return code ? code : added(reader, transit_add_stop(reader->feed, &row, &index, err), row.id);
}

enum {
	ROUTE_ID,
	ROUTE_AGENCY,
	ROUTE_SHORT,
	ROUTE_LONG,
	ROUTE_DESC,
	ROUTE_TYPE,
	ROUTE_URL,
	ROUTE_COLOR,
	ROUTE_TEXT_COLOR,
	ROUTE_ORDER
};

static const struct column route_columns[] = {
	{"route_id", true},          {"agency_id", false},   {"route_short_name", false},
	{"route_long_name", false},  {"route_desc", false},  {"route_type", true},
	{"route_url", false},        {"route_color", false}, {"route_text_color", false},
	{"route_sort_order", false},
};

/* Six hexadecimal digits, else nothing. */
static void check_color(struct transit_reader *reader, size_t column, struct str *color)
{
	bool good = color->len == 0 || color->len == 6;

	for (size_t i = 0; good && i < color->len; i++) {
		char c = color->at[i];

		good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
	}
	if (good)
		return;
	row_repaired(reader, "%s \"%.*s\" is no colour and was left out", reader->columns[column].name,
		     STR_FMT(str_part(*color, 0, 40)));
	*color = STR("");
}

static enum err_code read_route(struct transit_reader *reader, struct error *err)
{
	struct transit_route row = {.line = (uint32_t)reader->row->line, .agency = TRANSIT_NONE};
	struct str id, agency = row_value(reader, ROUTE_AGENCY), type = row_value(reader, ROUTE_TYPE);
	const struct transit_tables *tables = transit_feed_tables(reader->feed);
	uint32_t index;

	if (!row_id(reader, ROUTE_ID, &id))
		return ERR_OK;
	if (!transit_parse_int(type, 0, 1799, &row.type))
		return row_skip(reader, "route_type \"%.*s\" is none", STR_FMT(str_part(type, 0, 40)));
	row.sort_order = row_option(reader, ROUTE_ORDER, 0, INT32_MAX, -1);
	if (agency.len > 0)
		row.agency = transit_find_agency(reader->feed, agency);
	else if (tables->agency_count == 1)
		row.agency = 0;
	if (agency.len > 0 && row.agency == TRANSIT_NONE)
		row_repaired(reader, "agency_id \"%.*s\" is not in agency.txt and was left out",
			     STR_FMT(str_part(agency, 0, 80)));
	const struct text_field texts[] = {
		{ROUTE_ID, &row.id},
		{ROUTE_SHORT, &row.short_name},
		{ROUTE_LONG, &row.long_name},
		{ROUTE_DESC, &row.desc},
		{ROUTE_URL, &row.url},
		{ROUTE_COLOR, &row.color},
		{ROUTE_TEXT_COLOR, &row.text_color},
	};
	enum err_code code = COPY_TEXTS(reader, texts, err);

	if (code)
		return code;
	check_color(reader, ROUTE_COLOR, &row.color);
	check_color(reader, ROUTE_TEXT_COLOR, &row.text_color);
	return added(reader, transit_add_route(reader->feed, &row, &index, err), row.id);
}

enum { TRANSFER_FROM, TRANSFER_TO, TRANSFER_TYPE, TRANSFER_TIME };

static const struct column transfer_columns[] = {
	{"from_stop_id", true},
	{"to_stop_id", true},
	{"transfer_type", false},
	{"min_transfer_time", false},
};

static enum err_code read_transfer(struct transit_reader *reader, struct error *err)
{
	struct str from = row_value(reader, TRANSFER_FROM), to = row_value(reader, TRANSFER_TO);
	struct transit_transfer row = {
		.from_stop = transit_find_stop(reader->feed, from),
		.to_stop = transit_find_stop(reader->feed, to),
		.line = (uint32_t)reader->row->line,
	};

	if (row.from_stop == TRANSIT_NONE || row.to_stop == TRANSIT_NONE)
		return row_skip(reader, "stop \"%.*s\" is not in stops.txt",
				STR_FMT(str_part(row.from_stop == TRANSIT_NONE ? from : to, 0, 80)));
	struct str pair = arena_printf(&reader->feed->texts, "%u>%u", row.from_stop, row.to_stop);

	if (!pair.at)
		return err_set(err, ERR_MEMORY, "no memory for transfers");
	if (map_get(&reader->feed->ids[TABLE_TRANSFERS], pair))
		return row_skip(reader, "there is a transfer between these stops already");
	if (!map_set(&reader->feed->ids[TABLE_TRANSFERS], pair, reader->feed))
		return err_set(err, ERR_MEMORY, "no memory for transfers");
	row.type = (uint8_t)row_option(reader, TRANSFER_TYPE, 0, 5, 0);
	row.min_time_s = row_option(reader, TRANSFER_TIME, 0, INT32_MAX, -1);
	return transit_add_transfer(reader->feed, &row, err);
}

enum { FARE_ID, FARE_PRICE, FARE_CURRENCY, FARE_PAYMENT, FARE_TRANSFERS, FARE_AGENCY, FARE_DURATION };

static const struct column fare_columns[] = {
	{"fare_id", true},    {"price", true},      {"currency_type", true},      {"payment_method", false},
	{"transfers", false}, {"agency_id", false}, {"transfer_duration", false},
};

static enum err_code read_fare(struct transit_reader *reader, struct error *err)
{
	struct transit_fare row = {.line = (uint32_t)reader->row->line, .agency = TRANSIT_NONE};
	struct str id, price = row_value(reader, FARE_PRICE), agency = row_value(reader, FARE_AGENCY);
	uint32_t index;

	if (!row_id(reader, FARE_ID, &id))
		return ERR_OK;
	if (!transit_parse_distance(price, &row.price))
		return row_skip(reader, "price \"%.*s\" is no amount", STR_FMT(str_part(price, 0, 40)));
	row.payment = (uint8_t)row_option(reader, FARE_PAYMENT, 0, 1, 0);
	row.transfers = (int8_t)row_option(reader, FARE_TRANSFERS, 0, 100, -1);
	row.transfer_duration_s = row_option(reader, FARE_DURATION, 0, INT32_MAX, -1);
	if (agency.len > 0)
		row.agency = transit_find_agency(reader->feed, agency);
	const struct text_field texts[] = {
		{FARE_ID, &row.id}, {FARE_PRICE, &row.price_text}, {FARE_CURRENCY, &row.currency}};
	enum err_code code = COPY_TEXTS(reader, texts, err);

	return code ? code : added(reader, transit_add_fare(reader->feed, &row, &index, err), row.id);
}

enum { RULE_FARE, RULE_ROUTE, RULE_ORIGIN, RULE_DESTINATION, RULE_CONTAINS };

static const struct column fare_rule_columns[] = {
	{"fare_id", true}, {"route_id", false}, {"origin_id", false}, {"destination_id", false}, {"contains_id", false},
};

static enum err_code read_fare_rule(struct transit_reader *reader, struct error *err)
{
	struct str fare = row_value(reader, RULE_FARE), route = row_value(reader, RULE_ROUTE);
	struct transit_fare_rule row = {
		.fare = transit_find_fare(reader->feed, fare),
		.route = route.len ? transit_find_route(reader->feed, route) : TRANSIT_NONE,
		.line = (uint32_t)reader->row->line,
	};

	if (row.fare == TRANSIT_NONE)
		return row_skip(reader, "fare \"%.*s\" is not in fare_attributes.txt", STR_FMT(str_part(fare, 0, 80)));
	if (route.len > 0 && row.route == TRANSIT_NONE)
		return row_skip(reader, "route \"%.*s\" is not in routes.txt", STR_FMT(str_part(route, 0, 80)));
	const struct text_field texts[] = {
		{RULE_ORIGIN, &row.origin}, {RULE_DESTINATION, &row.destination}, {RULE_CONTAINS, &row.contains}};
	enum err_code code = COPY_TEXTS(reader, texts, err);

	return code ? code : transit_add_fare_rule(reader->feed, &row, err);
}

enum { INFO_PUBLISHER, INFO_URL, INFO_LANG, INFO_VERSION, INFO_START, INFO_END };

static const struct column info_columns[] = {
	{"feed_publisher_name", true}, {"feed_publisher_url", false}, {"feed_lang", false},
	{"feed_version", false},       {"feed_start_date", false},    {"feed_end_date", false},
};

static enum err_code read_info(struct transit_reader *reader, struct error *err)
{
	struct transit_feed_info row = {.first_day = INT32_MIN, .last_day = INT32_MIN};
	struct str first = row_value(reader, INFO_START), last = row_value(reader, INFO_END);

	if (reader->rows > 1)
		return row_skip(reader, "feed_info.txt has one row");
	if (first.len > 0 && !transit_parse_date(first, &row.first_day))
		row_repaired(reader, "feed_start_date is no date and was left out");
	if (last.len > 0 && !transit_parse_date(last, &row.last_day))
		row_repaired(reader, "feed_end_date is no date and was left out");
	const struct text_field texts[] = {{INFO_PUBLISHER, &row.publisher},
					   {INFO_URL, &row.publisher_url},
					   {INFO_LANG, &row.lang},
					   {INFO_VERSION, &row.version}};
	enum err_code code = COPY_TEXTS(reader, texts, err);

	if (!code)
		transit_set_info(reader->feed, &row);
	return code;
}

const struct file_form *transit_small_form(enum transit_file file)
{
	static const struct file_form forms[TRANSIT_FILE_COUNT] = {
		[TRANSIT_AGENCY] = {COLUMNS(agency_columns), read_agency},
		[TRANSIT_STOPS] = {COLUMNS(stop_columns), read_stop},
		[TRANSIT_ROUTES] = {COLUMNS(route_columns), read_route},
		[TRANSIT_TRANSFERS] = {COLUMNS(transfer_columns), read_transfer},
		[TRANSIT_FARE_ATTRIBUTES] = {COLUMNS(fare_columns), read_fare},
		[TRANSIT_FARE_RULES] = {COLUMNS(fare_rule_columns), read_fare_rule},
		[TRANSIT_FEED_INFO] = {COLUMNS(info_columns), read_info},
	};

	return forms[file].row ? &forms[file] : NULL;
}
