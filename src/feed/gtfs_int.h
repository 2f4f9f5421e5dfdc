/* GTFS within this room: names, ids, reports, entities, and the feed read back from them. */
#ifndef MACHI_FEED_GTFS_INT_H
#define MACHI_FEED_GTFS_INT_H

#include "engine/transit/feed.h"
#include "engine/transit/zone.h"
#include "feed/gtfs_import.h"
#include "feed/gtfs_source.h"
#include "feed/gtfs_watch.h"

/* ---- report ---- */

/* The file's counts, made when they are not there yet. file must outlive the report. */
struct gtfs_file_count *gtfs_report_file(struct gtfs_report *report, const char *file);
void gtfs_report_tell(struct gtfs_report *report, const char *file, uint64_t line, enum gtfs_finding_kind kind,
		      const char *what);

/* ---- reading ---- */

/* All files of the source into a new, checked feed. ERR_INVALID when it is no feed. */
MUST_CHECK enum err_code gtfs_read_feed(struct gtfs_source *source, struct gtfs_report *report,
					struct transit_feed **ret_feed, struct error *err);

/* ---- names ---- */

enum gtfs_type { /* the order in which entities are written: referred ones first */
		 GTFS_AGENCY,
		 GTFS_STOP,
		 GTFS_STATION,
		 GTFS_ACCESS_POINT,
		 GTFS_ROUTE,
		 GTFS_SERVICE,
		 GTFS_CALENDAR_RULE,
		 GTFS_CALENDAR_DATE_RULE,
		 GTFS_SHAPE,
		 GTFS_TRIP,
		 GTFS_STOP_TIME,
		 GTFS_FREQUENCY,
		 GTFS_TRANSFER_RULE,
		 GTFS_FARE,
		 GTFS_FEED_INFO,
		 GTFS_TYPE_COUNT
};

/* "GtfsStop" and so on. */
struct str gtfs_type_name(enum gtfs_type type);
/* Letters, digits, "-", "_" and ".", and not too many. */
MUST_CHECK enum err_code gtfs_check_feed_name(struct str feed, struct error *err);

/* urn:ngsi-ld:TYPE:FEED:ID; with two parts a separator and the second behind it (":" where the second has a fixed form,
 * "~" between two ids). Of an id, letters, digits and "-._:" stay as they are, every other byte becomes %XX. STR_NONE
 * when the arena refuses. */
struct str gtfs_urn(struct arena *arena, struct str type, struct str feed, struct str id);
struct str gtfs_urn_two(struct arena *arena, struct str type, struct str feed, struct str id, char separator,
			struct str second);
/* The id that gtfs_urn() made this URN of, in the arena; STR_NONE when it is none of this type and feed, or the arena
 * refuses. */
struct str gtfs_id(struct arena *arena, enum gtfs_type type, struct str feed, struct str urn);
/* What gtfs_urn() escaped, as it was, in the arena; STR_NONE when the arena refuses. */
struct str gtfs_unescaped(struct arena *arena, struct str text);
/* "urn:ngsi-ld:TYPE:FEED:" */
struct str gtfs_urn_prefix(struct arena *arena, struct str type, struct str feed);
/* The store's meta key under which an import leaves a mark that changes with the feed. */
#define GTFS_MARK_BYTES (GTFS_FEED_NAME_BYTES_MAX + 8)
struct str gtfs_mark_key(struct str feed, char buffer[static GTFS_MARK_BYTES]);

/* ---- entities ---- */

/* Makes entities; holds the names' IRIs. */
struct gtfs_maker;

MUST_CHECK enum err_code gtfs_maker_new(const struct transit_tables *tables, struct str feed,
					const struct context *context, struct gtfs_maker **ret_maker,
					struct error *err);
struct gtfs_maker *gtfs_maker_free(struct gtfs_maker *maker);
/* How many rows of the tables give an entity of this type, or none: i goes from 0 to below it. */
uint32_t gtfs_maker_rows(const struct gtfs_maker *maker, enum gtfs_type type);
/* The entity of row i as an expanded document in the arena (borrowing texts from the tables), its id with it. *ret is
 * NULL when the row has no entity of this type. */
MUST_CHECK enum err_code gtfs_make(struct gtfs_maker *maker, enum gtfs_type type, uint32_t i, int64_t now_us,
				   struct arena *arena, struct str *ret_id, struct json **ret, struct error *err);

/* ---- back ---- */

/* The feed as its entities in the store say, checked; what they do not hold (names of agencies and the like) is empty,
 * and every id is the entity's whole URN. Entities that somebody made unusable are left out. ERR_NOT_FOUND when there
 * is no feed of this name; ERR_CONFLICT: the watch gave up. */
MUST_CHECK enum err_code gtfs_load(struct store_reader *reader, struct str feed, const struct gtfs_watch *watch,
				   struct transit_feed **ret_feed, struct error *err);
/* The zone of this name ("Asia/Singapore"). ERR_INVALID, ERR_IO, ERR_CORRUPT, ERR_MEMORY. */
MUST_CHECK enum err_code gtfs_read_zone(struct str name, struct transit_zone **ret_zone, struct error *err);

#endif
