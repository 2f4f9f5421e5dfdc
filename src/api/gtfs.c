/* What is known of an imported timetable, for journey planners: GET /api/v1/gtfs/{timetable}/gtfs.zip, and GTFS
 * Realtime in …/vehicle_positions.pb, …/trip_updates.pb, …/alerts.pb and …/realtime.pb, which has all three. The tenant
 * is the header's. The publisher makes them on threads of its own; the connection sleeps meanwhile. */
#include "api/form.h"

#include "base/time_value.h"
#include "feed/gtfs_publish.h"

#define PROTOBUF STR("application/x-protobuf")
#define ZIP STR("application/zip")

/* ---- answering ---- */

static void release(void *publication)
{
	(void)gtfs_publication_unref(publication);
}

/* IMF-fixdate of RFC 9110, 5.6.7 */
static struct str http_date(struct arena *arena, int64_t us)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* from 1970-01-01 on */
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	int64_t seconds = us < 0 ? 0 : us / US_PER_S, day = seconds / 86400, of_day = seconds % 86400;
	struct civil_date date = civil_from_days(day);

	return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[day % 7], (int)date.day,
			    months[date.month - 1], (int)date.year, (int)(of_day / 3600), (int)(of_day / 60 % 60),
			    (int)(of_day % 60));
}

/* Has the client what there is? An If-None-Match decides alone (RFC 9110, 13.2.2); a date is compared as it was
 * given. */
static bool has_it(const struct call *call, const struct gtfs_publication *publication, struct str modified)
{
	struct str known = http_request_header(call->request, STR("If-None-Match"));
	struct str tag = str_from(publication->etag);

	/* Tags are compared weakly (13.1.2). */
	if (str_starts(tag, STR("W/")))
		tag = str_part(tag, 2, tag.len);
	if (known.at)
		return str_contains(known, tag) || str_eq(known, STR("*"));
	return modified.at && str_eq(http_request_header(call->request, STR("If-Modified-Since")), modified);
}

static void answer(struct call *call)
{
	const struct gtfs_ask *ask = call->work;
	struct gtfs_publication *publication = ask->publication;
	bool zip = ask->document == GTFS_DOCUMENT_ZIP;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	/* Its bytes are there until they are sent. */
	if (!call_on_end(call, release, publication)) {
		(void)gtfs_publication_unref(publication);
		answer_error(call, err_set(&call->error, ERR_MEMORY, "no memory for this request"), &call->error);
		return;
	}
	struct str modified = http_date(call->arena, publication->changed_us);

	(void)http_response_header(call->request, "ETag", str_from(publication->etag));
	if (modified.at)
		(void)http_response_header(call->request, "Last-Modified", modified);
	(void)http_response_header(call->request, "Cache-Control", STR("no-cache"));
	(void)http_response_header(call->request, "Vary", STR("NGSILD-Tenant"));
	if (has_it(call, publication, modified))
		answer_text(call, 304, STR_NONE, STR(""));
	else
		answer_text(call, 200, zip ? ZIP : PROTOBUF, publication->bytes);
}

/* ---- asking ---- */

static void asked(struct gtfs_ask *ask, enum err_code code, const struct error *err)
{
	call_ended(ask->self, code, err);
}

static enum err_code read_planned(struct call *call, bool *ret_planned)
{
	struct form form;
	enum err_code code = form_read_url(call, &form, &call->error);

	for (size_t i = 0; code == ERR_OK && i < form.count; i++) {
		struct str value = form.fields[i].value;

		if (!str_eq(form.fields[i].name, STR("planned")))
			return err_set(&call->error, ERR_INVALID, "there is no parameter \"%.*s\", but planned",
				       STR_FMT(str_part(form.fields[i].name, 0, 60)));
		if (!str_eq(value, STR("true")) && !str_eq(value, STR("false")))
			return err_set(&call->error, ERR_INVALID, "expected true or false behind planned");
		*ret_planned = str_eq(value, STR("true"));
	}
	return code;
}

static void publish(struct call *call, enum gtfs_document document)
{
	struct gtfs_ask *ask = arena_new(call->arena, struct gtfs_ask);
	enum err_code code =
		ask ? call_header_tenant(call) : err_set(&call->error, ERR_MEMORY, "no memory for this request");
	bool planned = false;

	if (!code && document != GTFS_DOCUMENT_ZIP)
		code = read_planned(call, &planned);
	if (!code && !call->api->options.publisher)
		code = err_set(&call->error, ERR_NOT_FOUND, "nothing is published here");
	if (!code) {
		*ask = (struct gtfs_ask){.tenant = call->tenant,
					 .timetable = call->variables[0],
					 .document = document,
					 .planned_too = planned,
					 .done = asked,
					 .self = call};
		call->work = ask;
		code = gtfs_publisher_ask(call->api->options.publisher, ask, &call->error);
	}
	if (code)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer);
}

void publish_gtfs(struct call *call)
{
	publish(call, GTFS_DOCUMENT_ZIP);
}

void publish_vehicle_positions(struct call *call)
{
	publish(call, GTFS_DOCUMENT_VEHICLE_POSITIONS);
}

void publish_trip_updates(struct call *call)
{
	publish(call, GTFS_DOCUMENT_TRIP_UPDATES);
}

void publish_alerts(struct call *call)
{
	publish(call, GTFS_DOCUMENT_ALERTS);
}

void publish_realtime(struct call *call)
{
	publish(call, GTFS_DOCUMENT_REALTIME);
}
