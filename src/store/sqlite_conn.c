/* One SQLite connection: its statements (all the SQL there is, beside the schema and the check), errors.
 *
 * Statements are prepared at their first use and kept; the texts never vary, values are bound. */
#include "store/sqlite_int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define SQL_BOXES "SELECT gid / 64 FROM geo WHERE east >= ?1 AND west <= ?2 AND north >= ?3 AND south <= ?4"

/* Time, kind, instance, slice and order number in it, of what is not packed yet. */
#define POINTS_OF_SERIES                                                                                               \
	"SELECT p.at_us, p.kind, p.doc, p.slice, p.seq FROM slice s CROSS JOIN point p ON p.slice = s.slice "          \
	"AND p.subject = ?1 AND p.nid = ?2 AND p.dataset = ?3 AND p.at_us >= ?4 AND p.at_us <= ?5 "                    \
	"WHERE s.packed = 0 AND s.at_us_max >= ?4 AND s.at_us_min <= ?5 UNION ALL "                                    \
	"SELECT j.value ->> 2, j.value ->> 3, j.value -> 4, b.slice, b.seq + j.key FROM slice s CROSS JOIN bundle b "  \
	"ON b.slice = s.slice AND b.subject = ?1 CROSS JOIN json_each(b.doc) j WHERE s.packed = 0 AND "                \
	"s.at_us_max >= ?4 AND s.at_us_min <= ?5 AND b.at_us_max >= ?4 AND b.at_us_min <= ?5 AND j.value ->> 0 = ?2 "  \
	"AND j.value ->> 1 = ?3 AND j.value ->> 2 >= ?4 AND j.value ->> 2 <= ?5 "

/* Single points of a subject: NULL for ?2 means every attribute, for ?3 every dataset, for ?4 every order number. */
#define POINTS_MEANT                                                                                                   \
	"FROM slice s CROSS JOIN point p ON p.slice = s.slice AND p.subject = ?1 WHERE s.packed = 0 AND "              \
	"(?2 IS NULL OR p.nid = ?2) AND (?3 IS NULL OR p.dataset = ?3) AND "                                           \
	"(?4 IS NULL OR (s.slice = ?4 AND p.seq = ?5)) "

/* The types that the table of types has, each found with one look: there are few, of many subjects. */
#define TYPES_GIVEN                                                                                                    \
	"WITH RECURSIVE given(nid) AS (SELECT min(nid) FROM subject_type UNION ALL SELECT (SELECT min(nid) FROM "      \
	"subject_type WHERE nid > given.nid) FROM given WHERE given.nid IS NOT NULL) "

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVEPOINT] = "SAVEPOINT one",
	[SQL_UNDO] = "ROLLBACK TO one",
	[SQL_RELEASE] = "RELEASE one",

	[SQL_ENTITY_GET] = "SELECT iid, id, subject, expires, doc FROM entity WHERE id = ?1",
	[SQL_ENTITY_AT] = "SELECT iid, id, subject, expires, doc FROM entity WHERE iid = ?1",
	[SQL_ENTITY_IID] = "SELECT iid, id, subject, expires FROM entity WHERE id = ?1",
	[SQL_ENTITY_DOC] = "SELECT iid, id, doc FROM entity WHERE id = ?1",
	[SQL_ENTITY_DOC_AT] = "SELECT iid, id, doc FROM entity WHERE iid = ?1",
	[SQL_ENTITY_DOC_BY_IID] = "SELECT doc FROM entity WHERE iid = ?1",
	[SQL_ENTITY_ALL] = "SELECT doc FROM entity ORDER BY iid",
	[SQL_ENTITY_EXPIRED] = "SELECT doc FROM entity WHERE expires <= ?1",
	[SQL_EXPIRED_IDS] = "SELECT id FROM entity WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
	[SQL_EXPIRY_FIRST] = "SELECT expires FROM entity WHERE expires IS NOT NULL ORDER BY expires LIMIT 1",
	[SQL_ENTITY_IDS] = "SELECT id FROM entity WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
	[SQL_ENTITY_INSERT] =
		"INSERT INTO entity(id, created, modified, doc, expires, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	/* What is not named costs nothing: most updates leave the index of expiry alone. */
	[SQL_ENTITY_UPDATE] = "UPDATE entity SET created = ?2, modified = ?3, doc = ?4 WHERE iid = ?1",
	[SQL_ENTITY_UPDATE_EXPIRES] =
		"UPDATE entity SET created = ?2, modified = ?3, doc = ?4, expires = ?5 WHERE iid = ?1",
	[SQL_ENTITY_DELETE] = "DELETE FROM entity WHERE iid = ?1",
	[SQL_ENTITY_IDS_RANGE] = "SELECT iid FROM entity WHERE id >= ?1 AND id < ?2",

	[SQL_NAME_GET] = "SELECT nid FROM name WHERE iri = ?1",
	[SQL_NAME_ADD] = "INSERT INTO name(iri) VALUES (?1)",

	[SQL_TYPE_ADD] = "INSERT INTO entity_type(nid, iid) VALUES (?1, ?2)",
	[SQL_TYPE_DELETE] = "DELETE FROM entity_type WHERE nid = ?1 AND iid = ?2",
	[SQL_TYPE_STREAM] = "SELECT iid FROM entity_type WHERE nid = ?1 AND iid >= ?2 ORDER BY iid",
	/* The census counts them exactly. */
	[SQL_TYPE_COUNT] = "SELECT min(coalesce((SELECT count FROM census WHERE within = 0 AND name = ?1 AND "
			   "kind = 0), 0), ?2)",

	[SQL_SCOPE_ADD] = "INSERT INTO scope(scope, iid) VALUES (?1, ?2)",
	[SQL_SCOPE_DELETE] = "DELETE FROM scope WHERE scope = ?1 AND iid = ?2",
	/* "/" + 1 is "0": everything below a scope lies between the two. */
	[SQL_SCOPE_ALL] = "SELECT iid FROM scope WHERE scope = ?1 UNION ALL "
			  "SELECT iid FROM scope WHERE scope >= ?1 || '/' AND scope < ?1 || '0'",

	/* The chunk that a row belongs to: the first that ends with it or behind it. */
	[SQL_CHUNK_FIND] = "SELECT cid, body FROM value_chunk WHERE nid = ?1 AND (high, high_iid) >= (?2, ?3) "
			   "ORDER BY high, high_iid LIMIT 1",
	[SQL_CHUNK_LAST] = "SELECT cid, body FROM value_chunk WHERE nid = ?1 ORDER BY high DESC, high_iid DESC LIMIT 1",
	[SQL_CHUNK_READ] = "SELECT body FROM value_chunk WHERE nid = ?1 AND high >= ?2 ORDER BY high, high_iid",
	[SQL_CHUNK_ALL] = "SELECT nid, high, high_iid, rows, body FROM value_chunk ORDER BY nid, high, high_iid",
	[SQL_CHUNK_ADD] = "INSERT INTO value_chunk(nid, high, high_iid, rows, body) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_CHUNK_SET] = "UPDATE value_chunk SET high = ?2, high_iid = ?3, rows = ?4, body = ?5 WHERE cid = ?1",
	[SQL_CHUNK_DROP] = "DELETE FROM value_chunk WHERE cid = ?1",
	[SQL_VALUE_LOG_LAST] = "SELECT lid, changes FROM value_log WHERE nid = ?1 ORDER BY lid DESC LIMIT 1",
	[SQL_VALUE_LOG_ADD] = "INSERT INTO value_log(nid, rows, changes) VALUES (?1, ?2, ?3)",
	[SQL_VALUE_LOG_EXTEND] = "UPDATE value_log SET rows = rows + ?2, changes = ?3 WHERE lid = ?1",
	[SQL_VALUE_LOG_READ] = "SELECT changes FROM value_log WHERE nid = ?1 ORDER BY lid",
	[SQL_VALUE_LOG_CLEAR] = "DELETE FROM value_log WHERE nid = ?1",
	[SQL_VALUE_LOG_ALL] = "SELECT nid, rows, changes FROM value_log ORDER BY lid",
	[SQL_VALUE_LOG_SIZES] = "SELECT nid, sum(rows) FROM value_log GROUP BY nid",

	[SQL_GEO_PUT] = "INSERT OR REPLACE INTO geo(gid, west, east, south, north) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_GEO_DELETE] = "DELETE FROM geo WHERE gid = ?1",
	[SQL_CELL_ADD] = "INSERT INTO cell(cell, gid) VALUES (?1, ?2)",
	[SQL_CELL_DELETE] = "DELETE FROM cell WHERE cell = ?1 AND gid = ?2",
	/* Row by row of cells (2^17 is 131072); where that would be too many rows, all of them, picking the columns. */
	[SQL_GEO_ALL] = "WITH RECURSIVE band(row) AS (SELECT ?5 UNION ALL SELECT row + 1 FROM band WHERE row < ?6) "
			"SELECT gid / 64 FROM band CROSS JOIN cell c ON c.cell BETWEEN band.row * 131072 + ?7 AND "
			"band.row * 131072 + ?8 UNION ALL " SQL_BOXES,
	[SQL_GEO_WIDE] = "SELECT gid / 64 FROM cell WHERE cell BETWEEN ?5 * 131072 AND ?6 * 131072 + 131071 AND "
			 "cell % 131072 BETWEEN ?7 AND ?8 UNION ALL " SQL_BOXES,

	[SQL_SUBJECT_GET] = "SELECT subject FROM subject WHERE id = ?1",
	[SQL_SUBJECT_GONE] = "UPDATE subject SET gone_us = ?2 WHERE subject = ?1 AND gone_us IS NOT ?2",
	/* In the order of ids, from ?1 on. */
	[SQL_SUBJECT_NEXT_GONE] = "SELECT subject, id FROM subject WHERE gone_us IS NOT NULL AND id >= ?1 AND "
				  "gone_us < ?2 ORDER BY id LIMIT 1",
	[SQL_SUBJECT_LAST_POINT] =
		"SELECT max(at) FROM (SELECT max(p.at_us) AS at FROM slice l CROSS JOIN point p "
		"ON p.slice = l.slice AND p.subject = ?1 WHERE l.packed = 0 UNION ALL SELECT max(b.at_us_max) "
		"FROM slice l CROSS JOIN bundle b ON b.slice = l.slice AND b.subject = ?1 "
		"WHERE l.packed = 0)",
	[SQL_SUBJECT_DROP] = "DELETE FROM subject WHERE subject = ?1",
	[SQL_SUBJECT_ADD] = "INSERT INTO subject(id) VALUES (?1) ON CONFLICT(id) DO NOTHING",
	[SQL_SUBJECT_ID] = "SELECT id FROM subject WHERE subject = ?1",
	[SQL_POINT_ADD] = "INSERT INTO point(slice, subject, nid, dataset, at_us, seq, kind, doc) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
	[SQL_POINT_NEXT_SEQ] = "SELECT max(seq) + 1 FROM point WHERE slice = ?1 AND subject = ?2 AND nid = ?3 AND "
			       "dataset = ?4 AND at_us = ?5",
	[SQL_POINT_NEXT_SUBJECT] =
		"SELECT min(subject) FROM (SELECT * FROM (SELECT subject FROM point WHERE slice = ?1 AND subject >= ?2 "
		"ORDER BY subject LIMIT 1) UNION ALL SELECT * FROM (SELECT subject FROM bundle WHERE slice = ?1 AND "
		"subject >= ?2 ORDER BY subject LIMIT 1)) HAVING min(subject) IS NOT NULL",
	[SQL_POINT_DELETE] = "DELETE FROM point WHERE (slice, subject, nid, dataset, at_us, seq) IN "
			     "(SELECT slice, subject, nid, dataset, at_us, seq FROM point WHERE slice = ?1 AND "
			     "subject = ?2 AND at_us < ?3 LIMIT ?4)",
	[SQL_POINT_DELETE_SLICE] = "DELETE FROM point WHERE slice = ?1",
	[SQL_BUNDLE_DELETE_SLICE] = "DELETE FROM bundle WHERE slice = ?1",
	[SQL_BUNDLE_ADD] = "INSERT INTO bundle(slice, subject, seq, at_us_min, at_us_max, points, doc) "
			   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
	[SQL_BUNDLE_NEXT_SEQ] = "SELECT max(seq) + 1 FROM bundle WHERE slice = ?1 AND subject = ?2",
	[SQL_BUNDLE_OLD] = "SELECT seq, points, at_us_max FROM bundle WHERE slice = ?1 AND subject = ?2 AND "
			   "at_us_min < ?3 ORDER BY seq LIMIT 1",
	[SQL_BUNDLE_UNPACK] = "INSERT INTO point SELECT b.slice, b.subject, j.value ->> 0, j.value ->> 1, "
			      "j.value ->> 2, b.seq + j.key, j.value ->> 3, j.value -> 4 FROM bundle b "
			      "CROSS JOIN json_each(b.doc) j WHERE b.slice = ?1 AND b.subject = ?2 AND b.seq = ?3",
	[SQL_BUNDLE_DELETE] = "DELETE FROM bundle WHERE slice = ?1 AND subject = ?2 AND seq = ?3",
	[SQL_POINT_READ] = POINTS_OF_SERIES "ORDER BY 1, 4, 5",
	[SQL_POINT_READ_LATEST] = POINTS_OF_SERIES "ORDER BY 1 DESC, 4 DESC, 5 DESC",
	/* Of one moment: ?5 is ?4. */
	[SQL_POINT_AT] = POINTS_OF_SERIES,
	[SQL_POINT_AT_IN_SLICE] =
		"SELECT at_us, kind, doc FROM point WHERE slice = ?5 AND subject = ?1 AND nid = ?2 AND dataset = ?3 "
		"AND at_us = ?4 UNION ALL SELECT j.value ->> 2, j.value ->> 3, j.value -> 4 FROM bundle b "
		"CROSS JOIN json_each(b.doc) j WHERE b.slice = ?5 AND b.subject = ?1 AND b.at_us_max >= ?4 AND "
		"b.at_us_min <= ?4 AND j.value ->> 0 = ?2 AND j.value ->> 1 = ?3 AND j.value ->> 2 = ?4",
	[SQL_POINT_SERIES] =
		"SELECT p.nid, p.dataset FROM slice s CROSS JOIN point p ON p.slice = s.slice AND "
		"p.subject = ?1 WHERE s.packed = 0 UNION SELECT j.value ->> 0, j.value ->> 1 FROM slice s "
		"CROSS JOIN bundle b ON b.slice = s.slice AND b.subject = ?1 CROSS JOIN json_each(b.doc) j "
		"WHERE s.packed = 0",
	/* What lies in bundles becomes single points, so that they can be changed. */
	[SQL_SUBJECT_UNPACK] = "INSERT INTO point SELECT b.slice, b.subject, j.value ->> 0, j.value ->> 1, "
			       "j.value ->> 2, b.seq + j.key, j.value ->> 3, j.value -> 4 FROM slice s "
			       "CROSS JOIN bundle b ON b.slice = s.slice AND b.subject = ?1 "
			       "CROSS JOIN json_each(b.doc) j WHERE s.packed = 0",
	[SQL_SUBJECT_UNBUNDLE] = "DELETE FROM bundle WHERE bid IN (SELECT b.bid FROM slice s CROSS JOIN bundle b "
				 "ON b.slice = s.slice AND b.subject = ?1 WHERE s.packed = 0)",
	[SQL_POINT_COUNT] = "SELECT p.slice, count(*) " POINTS_MEANT "GROUP BY p.slice",
	[SQL_POINT_REMOVE] =
		"DELETE FROM point WHERE (slice, subject, nid, dataset, at_us, seq) IN "
		"(SELECT p.slice, p.subject, p.nid, p.dataset, p.at_us, p.seq " POINTS_MEANT "AND s.slice = ?6)",
	[SQL_POINT_DOC] = "SELECT p.doc, p.dataset, p.kind " POINTS_MEANT "LIMIT 1",

	[SQL_SUBJECT_FIND] = "SELECT subject, gone_us FROM subject WHERE id = ?1",
	[SQL_SUBJECT_AFTER] = "SELECT subject, id, gone_us FROM subject WHERE subject > ?1 ORDER BY subject LIMIT ?2",
	[SQL_SUBJECT_OF_TYPE] =
		"SELECT u.subject, u.id, u.gone_us FROM (SELECT e.subject AS subject FROM entity_type t "
		"CROSS JOIN entity e ON e.iid = t.iid WHERE t.nid = ?3 AND e.subject > ?1 UNION "
		"SELECT subject FROM subject_type WHERE nid = ?3 AND subject > ?1 ORDER BY 1 LIMIT ?2) m "
		"CROSS JOIN subject u ON u.subject = m.subject ORDER BY 1",
	[SQL_SUBJECT_TYPES] = TYPES_GIVEN "SELECT n.iri FROM given g CROSS JOIN subject_type t ON t.nid = g.nid AND "
					  "t.subject = ?1 CROSS JOIN name n ON n.nid = g.nid ORDER BY g.nid",
	[SQL_SUBJECT_TYPE_ADD] = "INSERT INTO subject_type(subject, nid) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
	[SQL_SUBJECT_TYPE_DROP] = "DELETE FROM subject_type WHERE (nid, subject) IN (" TYPES_GIVEN
				  "SELECT nid, ?1 FROM given WHERE nid IS NOT NULL)",
	[SQL_ENTITY_TYPES] = "SELECT created, modified, doc FROM entity WHERE id = ?1",
	[SQL_NAME_OF] = "SELECT iri FROM name WHERE nid = ?1",
	[SQL_SLICE_ADD] = "INSERT INTO slice(slice, at_us_min, at_us_max, points) VALUES (?1, ?2, ?3, ?4) "
			  "ON CONFLICT DO UPDATE SET at_us_min = min(at_us_min, excluded.at_us_min), "
			  "at_us_max = max(at_us_max, excluded.at_us_max), points = points + excluded.points",
	[SQL_SLICE_NEXT_PACKED] = "SELECT min(slice) FROM slice WHERE packed = 1 HAVING min(slice) IS NOT NULL",
	[SQL_POINT_DELETE_SOME] =
		"DELETE FROM point WHERE (slice, subject, nid, dataset, at_us, seq) IN (SELECT slice, "
		"subject, nid, dataset, at_us, seq FROM point WHERE slice = ?1 LIMIT ?2)",
	[SQL_BUNDLE_DELETE_SOME] = "DELETE FROM bundle WHERE bid IN (SELECT bid FROM bundle WHERE slice = ?1 LIMIT ?2)",
	[SQL_SLICE_DELETE] = "DELETE FROM slice WHERE slice = ?1 AND packed = 1 AND ?2 > 0",
	[SQL_RUN_LIST] = "SELECT r.rid, r.level, (SELECT ifnull(sum(b.points), 0) FROM block b WHERE b.rid = r.rid), "
			 "(SELECT count(*) FROM block b WHERE b.rid = r.rid), "
			 "(SELECT ifnull(sum(k.buckets), 0) FROM block b CROSS JOIN retention k ON k.bid = b.bid "
			 "WHERE b.rid = r.rid) FROM run r WHERE r.level >= 0 ORDER BY r.level, r.rid",
	[SQL_RUN_SUM] = "SELECT count(*), ifnull(sum(points), 0), (SELECT ifnull(sum(k.buckets), 0) FROM block b "
			"CROSS JOIN retention k ON k.bid = b.bid WHERE b.rid = ?1) FROM block WHERE rid = ?1",
	[SQL_RUN_DELETE] = "DELETE FROM run WHERE rid = ?1",
	[SQL_BLOCK_DELETE_RUN] = "DELETE FROM block WHERE rid = ?1",
	[SQL_BLOCK_NEXT] = "SELECT bid, doc FROM block INDEXED BY block_order WHERE rid = ?1 AND bid > ?2 "
			   "ORDER BY bid LIMIT 1",
	[SQL_SEGMENT_ADD] = "INSERT INTO segment(at_us_min, at_us_max, points, doc) VALUES (?1, ?2, ?3, ?4)",
	[SQL_SEGMENT_IN_TIME] = "SELECT gid, doc FROM segment WHERE at_us_max >= ?1 AND at_us_min <= ?2 ORDER BY gid",
	[SQL_SEGMENT_LIST] = "SELECT gid, points, doc FROM segment WHERE gid > 0 ORDER BY gid",
	[SQL_SEGMENT_ASIDE] = "UPDATE segment SET gid = -gid WHERE gid = ?1 AND gid > 0",
	[SQL_SEGMENT_DELETE] = "DELETE FROM segment WHERE gid = ?1",
	[SQL_SEGMENT_COUNT] = "SELECT count(*), ifnull(sum(points), 0) FROM segment",
	[SQL_BLOCK_OLD] =
		"SELECT bid, at_us_max, points FROM block INDEXED BY block_old WHERE at_us_min < ?2 AND bid > ?1 "
		"ORDER BY bid LIMIT 1",
	[SQL_BLOCK_REPLACE] = "UPDATE block SET subject_min = ?2, subject_max = ?3, at_us_min = ?4, at_us_max = ?5, "
			      "points = ?6, doc = ?7 WHERE bid = ?1",
	[SQL_BLOCK_DELETE] = "DELETE FROM block WHERE bid = ?1",
	[SQL_BLOCK_ASIDE] = "UPDATE block SET rid = ?2 WHERE bid = ?1",
	[SQL_ASIDE_RUN] =
		"INSERT INTO run(level, at_us_min, at_us_max, points) SELECT -1, at_us_min, at_us_max, points "
		"FROM block WHERE bid = ?1",
	[SQL_ASIDE_COUNT] = "SELECT (SELECT count(*) FROM segment WHERE gid < 0) + (SELECT count(*) FROM run r CROSS "
			    "JOIN block b INDEXED BY block_run ON b.rid = r.rid WHERE r.level < 0)",
	[SQL_RETENTION_SET] = "INSERT INTO retention(bid, buckets, due_us) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
			      "SET buckets = excluded.buckets, due_us = excluded.due_us",
	[SQL_RETENTION_RUN] = "UPDATE run SET at_us_min = min(at_us_min, ?2), at_us_max = max(at_us_max, ?3) "
			      "WHERE rid = (SELECT rid FROM block WHERE bid = ?1)",
	[SQL_RETENTION_FORGET] = "UPDATE retention SET due_us = 0 WHERE due_us != 0",
	/* From behind ?1. */
	[SQL_RETENTION_NEXT] =
		"SELECT b.bid, b.points, ifnull(k.buckets, 0) FROM block b INDEXED BY block_old LEFT "
		"JOIN retention k ON k.bid = b.bid WHERE b.bid > ?1 AND ifnull(k.due_us, 0) <= ?2 "
		"AND NOT EXISTS (SELECT 1 FROM run r WHERE r.rid = b.rid AND r.level < 0) ORDER BY b.bid LIMIT 1",
	[SQL_RETENTION_SAME] = "SELECT 1 FROM block b LEFT JOIN retention k ON k.bid = b.bid WHERE b.bid = ?1 AND "
			       "b.points = ?2 AND ifnull(k.buckets, 0) = ?3",
	[SQL_HISTORY_PAGES] =
		"SELECT ifnull(sum(CASE WHEN m.tbl_name IN ('point', 'bundle', 'slice') THEN d.pgsize END), 0), "
		"ifnull(sum(CASE WHEN m.tbl_name IN ('block', 'run', 'segment') THEN d.pgsize END), 0), "
		"ifnull(sum(CASE WHEN m.tbl_name IN ('subject', 'subject_type') THEN d.pgsize END), 0) "
		"FROM sqlite_schema m CROSS JOIN dbstat d ON d.name = m.name AND d.aggregate = TRUE WHERE m.tbl_name "
		"IN "
		"('point', 'bundle', 'slice', 'block', 'run', 'segment', 'subject', 'subject_type')",
	[SQL_HISTORY_COUNTS] = "SELECT (SELECT ifnull(sum(points), 0) FROM slice WHERE packed = 0) + "
			       "(SELECT ifnull(sum(points), 0) FROM segment), "
			       "(SELECT ifnull(sum(points), 0) FROM block), (SELECT count(*) FROM block), "
			       "(SELECT count(*) FROM run), (SELECT ifnull(sum(buckets), 0) FROM retention)",
	[SQL_RUN_IN_TIME] = "SELECT rid FROM run WHERE at_us_max >= ?1 AND at_us_min <= ?2 ORDER BY at_us_min",
	/* From the last block that may have the subject on. */
	[SQL_BLOCK_OF] = "SELECT bid, subject_max, at_us_min, at_us_max FROM block WHERE rid = ?1 AND "
			 "subject_min <= ?2 ORDER BY subject_min DESC, subject_max DESC",
	[SQL_BLOCK_DOC] = "SELECT doc FROM block WHERE bid = ?1",
	[SQL_RUN_ADD] = "INSERT INTO run(level, at_us_min, at_us_max, points) VALUES (?1, ?2, ?3, ?4)",
	[SQL_BLOCK_ADD] = "INSERT INTO block(rid, subject_min, subject_max, at_us_min, at_us_max, points, doc) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_SLICE_SET_PACKED] = "UPDATE slice SET packed = 1 WHERE slice = ?1 AND packed = 0 AND points = ?2",
	[SQL_SLICE_TO_PACK] =
		"SELECT slice, points FROM slice WHERE packed = 0 AND slice <= ?1 ORDER BY slice LIMIT ?2",
	[SQL_SLICE_UNPACKED] = "SELECT count(*), ifnull(sum(points), 0), min(slice) FROM slice WHERE packed = 0 AND "
			       "slice <= ?1",
	[SQL_SLICE_POINTS] = "SELECT p.subject, p.nid, p.dataset, p.at_us, p.kind, p.doc, p.seq FROM point p "
			     "WHERE p.slice = ?1 UNION ALL SELECT b.subject, j.value ->> 0, j.value ->> 1, "
			     "j.value ->> 2, j.value ->> 3, j.value -> 4, b.seq + j.key FROM bundle b "
			     "CROSS JOIN json_each(b.doc) j WHERE b.slice = ?1",
	[SQL_SLICE_IS_PACKED] = "SELECT packed FROM slice WHERE slice = ?1 AND packed = 1",
	/* And the first of those that are passed over. */
	[SQL_SLICE_OLDER] = "SELECT slice, at_us_max, points, (SELECT min(p.slice) FROM slice p WHERE p.slice >= ?1 "
			    "AND p.slice < s.slice AND p.packed = 0) FROM slice s WHERE slice >= ?1 AND at_us_min < ?2 "
			    "AND packed = 0 "
			    "ORDER BY slice LIMIT 1",
	[SQL_SLICE_TAKE] = "UPDATE slice SET points = points - ?2 WHERE slice = ?1",
	[SQL_SLICE_DROP_EMPTY] = "DELETE FROM slice WHERE slice = ?1 AND points = 0",

	[SQL_COUNTER_ADD] = "UPDATE counter SET value = value + ?2 WHERE name = ?1",
	[SQL_COUNTER_GET] = "SELECT value FROM counter WHERE name = ?1",

	[SQL_CENSUS_ADD] = "INSERT INTO census(within, name, kind, count) VALUES (?1, ?2, ?3, ?4) "
			   "ON CONFLICT DO UPDATE SET count = count + excluded.count",
	[SQL_CENSUS_DROP] = "DELETE FROM census WHERE within = ?1 AND name = ?2 AND kind = ?3 AND count = 0",
	[SQL_CENSUS_TOTALS] = "SELECT NULL, n.iri, c.kind, c.count FROM census c LEFT JOIN name n ON n.nid = c.name "
			      "WHERE c.within = 0",
	[SQL_CENSUS_ALL] = "SELECT w.iri, n.iri, c.kind, c.count, c.within FROM census c "
			   "LEFT JOIN name n ON n.nid = c.name LEFT JOIN name w ON w.nid = c.within",
	[SQL_CENSUS_OF_TYPE] = "SELECT NULL, n.iri, 0, c.count FROM census c LEFT JOIN name n ON n.nid = c.name "
			       "WHERE c.within = 0 AND c.name = ?1 AND c.kind = 0 UNION ALL "
			       "SELECT w.iri, n.iri, c.kind, c.count FROM census c LEFT JOIN name n ON n.nid = c.name "
			       "LEFT JOIN name w ON w.nid = ?1 WHERE c.within = ?1",
	/* Within every type: the types are the rows of kind 0. */
	[SQL_CENSUS_OF_ATTRIBUTE] = "SELECT NULL, n.iri, c.kind, c.count FROM census c LEFT JOIN name n "
				    "ON n.nid = c.name WHERE c.within = 0 AND c.name = ?1 AND c.kind > 0 UNION ALL "
				    "SELECT w.iri, n.iri, c.kind, c.count FROM census t CROSS JOIN census c "
				    "ON c.within = t.name AND c.name = ?1 LEFT JOIN name n ON n.nid = c.name "
				    "LEFT JOIN name w ON w.nid = c.within WHERE t.within = 0 AND t.kind = 0",

	[SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[SQL_META_SET] = "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = "
			 "excluded.value",
	[SQL_META_DELETE] = "DELETE FROM meta WHERE key = ?1",

	[SQL_RECORD_GET] = "SELECT doc FROM record WHERE kind = ?1 AND id = ?2",
	[SQL_RECORD_PUT] = "INSERT INTO record(kind, id, doc) VALUES (?1, ?2, ?3) ON CONFLICT(kind, id) DO UPDATE SET "
			   "doc = excluded.doc",
	[SQL_RECORD_DELETE] = "DELETE FROM record WHERE kind = ?1 AND id = ?2",
	[SQL_RECORD_EACH] = "SELECT id, doc FROM record WHERE kind = ?1 AND id > ?2 ORDER BY id",

	/* The counter is what counts; the tables keep a wrong one from doing harm. */
	[SQL_OWED_LAST] = "SELECT max(ifnull((SELECT value FROM counter WHERE name = 'owed'), 0), "
			  "ifnull((SELECT max(number) FROM owed), 0), ifnull((SELECT max(number) FROM dead), 0))",
	[SQL_OWED_NOTE] = "UPDATE counter SET value = ?1 WHERE name = 'owed'",
	[SQL_OWED_ADD] = "INSERT INTO owed(number, subscription, entity, made_us, due_us, tries, body) "
			 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_OWED_REPLACE] = "DELETE FROM owed INDEXED BY owed_waiting WHERE subscription = ?1 AND entity = ?2 AND "
			     "tries = 0 AND due_us > made_us AND due_us > ?3 RETURNING due_us",
	[SQL_OWED_DONE] = "DELETE FROM owed WHERE number BETWEEN ?1 AND ?2",
	[SQL_OWED_JOINED] = "UPDATE owed SET entity = '', body = ?2 WHERE number = ?1",
	[SQL_OWED_RETRY] = "UPDATE owed SET due_us = ?2, tries = ?3 WHERE number = ?1",
	[SQL_OWED_BURY] = "INSERT INTO dead(number, subscription, entity, made_us, due_us, tries, dead_us, why, body) "
			  "SELECT number, subscription, entity, made_us, due_us, tries, ?2, ?3, body FROM owed "
			  "WHERE number = ?1",
	[SQL_OWED_DROP] = "DELETE FROM owed WHERE number IN (SELECT number FROM owed WHERE subscription = ?1 "
			  "ORDER BY number LIMIT ?2)",
	[SQL_OWED_LEFT] = "SELECT EXISTS(SELECT 1 FROM owed WHERE subscription = ?1) OR "
			  "(?2 AND EXISTS(SELECT 1 FROM dead WHERE subscription = ?1))",
	[SQL_OWED_READ] = "SELECT number, subscription, entity, made_us, due_us, tries, body FROM owed WHERE "
			  "subscription = ?2 AND number > ?1 ORDER BY number",
	[SQL_OWED_READ_ALL] = "SELECT number, subscription, entity, made_us, due_us, tries, body FROM owed WHERE "
			      "number > ?1 ORDER BY number",
	[SQL_OWED_DEBTS] =
		"SELECT s.subscription, s.owed, s.dead, (SELECT o.made_us FROM owed o WHERE o.number = s.first), "
		"s.due_us, s.first, s.last "
		"FROM (SELECT subscription, sum(owed) AS owed, sum(dead) AS dead, min(first) AS first, max(last) AS "
		"last, "
		"min(due_us) AS due_us "
		"FROM (SELECT subscription, count(*) AS owed, 0 AS dead, min(number) AS first, max(number) AS last, "
		"min(due_us) AS due_us FROM owed GROUP BY subscription "
		"UNION ALL SELECT subscription, 0, count(*), NULL, NULL, NULL FROM dead "
		"GROUP BY subscription) GROUP BY subscription) s ORDER BY s.subscription",
	[SQL_DEAD_REPLAY] = "INSERT INTO owed(number, subscription, entity, made_us, due_us, tries, body) "
			    "SELECT number, subscription, entity, ?2, ?2, 0, body FROM dead WHERE number = ?1",
	[SQL_DEAD_DROP] = "DELETE FROM dead WHERE number = ?1",
	[SQL_DEAD_DROP_SOME] = "DELETE FROM dead WHERE number IN (SELECT number FROM dead WHERE subscription = ?1 "
			       "ORDER BY number LIMIT ?2)",
	[SQL_DEAD_READ] = "SELECT number, subscription, entity, made_us, due_us, tries, body, dead_us, why FROM dead "
			  "WHERE subscription = ?2 AND number > ?1 ORDER BY number",
	[SQL_DEAD_READ_ALL] = "SELECT number, subscription, entity, made_us, due_us, tries, body, dead_us, why "
			      "FROM dead WHERE number > ?1 ORDER BY number",
};

static_assert(INDEX_GEO_SLOTS == 64, "SQL_BOXES and others divide by it");

/* ---- errors ---- */

enum err_code sqlite_fail(const struct sqlite_conn *conn, int rc, const char *doing, struct error *err)
{
	const char *path = conn->path ? conn->path : "?";
	const char *text = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);
	int system = conn->db ? sqlite3_system_errno(conn->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_NO_ROOM, "%s: no room left on the disk; while %s", path, doing);
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return err_set(err, ERR_MEMORY, "%s: no memory; while %s", path, doing);
		if (system == ENOSPC || system == EDQUOT)
			return err_set(err, ERR_NO_ROOM, "%s: %s; while %s", path, strerror(system), doing);
		return err_set(err, ERR_IO, "%s: input/output error %d (%s); while %s", path, rc,
			       system ? strerror(system) : text, doing);
	case SQLITE_CORRUPT:
		return err_set(err, ERR_CORRUPT, "%s: the database file is damaged (%s); while %s", path, text, doing);
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT, "%s: is not a database file; while %s", path, doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return err_set(err, ERR_IO, "%s: cannot be written (%s); while %s", path, text, doing);
	case SQLITE_CANTOPEN:
		return err_set(err, ERR_IO, "%s: cannot be opened (%s); while %s", path,
			       system ? strerror(system) : text, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return err_set(err, ERR_TIMEOUT, "%s: another process holds the database; while %s", path, doing);
	case SQLITE_NOMEM:
		return err_set(err, ERR_MEMORY, "%s: no memory; while %s", path, doing);
	case SQLITE_TOOBIG:
		return err_set(err, ERR_LIMIT, "%s: text too long; while %s", path, doing);
	default:
		return err_set(err, ERR_INTERNAL, "%s: SQLite error %d (%s); while %s", path, rc, text, doing);
	}
}

/* ---- statements ---- */

enum err_code sqlite_take(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt **ret_stmt, struct error *err)
{
	for (size_t i = 0; i < SQLITE_STATEMENTS_IDLE_MAX; i++) {
		if (!conn->idle[sql][i])
			continue;
		*ret_stmt = TAKE(conn->idle[sql][i]);
		return ERR_OK;
	}
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(conn->db, sql_texts[sql], -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc != SQLITE_OK)
		return sqlite_fail(conn, rc, "preparing a statement", err);
	*ret_stmt = stmt;
	return ERR_OK;
}

void sqlite_give(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	/* It repeats the error of the last step, which was reported then. */
	(void)sqlite3_reset(stmt);
	for (size_t i = 0; i < SQLITE_STATEMENTS_IDLE_MAX; i++) {
		if (conn->idle[sql][i])
			continue;
		conn->idle[sql][i] = stmt;
		return;
	}
	(void)sqlite3_finalize(stmt);
}

enum err_code sqlite_ready(struct sqlite_conn *conn, enum sqlite_sql sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code == ERR_OK)
		sqlite_give(conn, sql, stmt);
	return code;
}

/* Binding borrowed values to a statement that is not running can only fail by a mistake of ours. */
void sqlite_bind_int(sqlite3_stmt *stmt, int index, int64_t value)
{
	int rc = sqlite3_bind_int64(stmt, index, value);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_double(sqlite3_stmt *stmt, int index, double value)
{
	int rc = sqlite3_bind_double(stmt, index, value);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_text(sqlite3_stmt *stmt, int index, struct str text)
{
	int rc = sqlite3_bind_text64(stmt, index, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct str bytes)
{
	int rc = sqlite3_bind_blob64(stmt, index, bytes.at ? bytes.at : "", bytes.len, SQLITE_STATIC);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_partial(sqlite3_stmt *stmt, int index)
{
	int rc = sqlite3_bind_zeroblob(stmt, index, 0);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_present(sqlite3_stmt *stmt, int index)
{
	int rc = sqlite3_bind_blob(stmt, index, "", 1, SQLITE_STATIC);

	assert(rc == SQLITE_OK);
	(void)rc;
}

struct str sqlite_text(sqlite3_stmt *stmt, int column)
{
	/* A column of another type (a damaged or foreign file) gives its bytes as they are: no conversion, no copy. */
	const char *at = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);

	return at && len > 0 ? (struct str){at, (size_t)len} : STR("");
}

enum err_code sqlite_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, const char *doing, bool *ret_row,
			  struct error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sqlite_fail(conn, rc, doing, err);
	*ret_row = rc == SQLITE_ROW;
	return ERR_OK;
}

enum err_code sqlite_finish(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt, const char *doing,
			    struct error *err)
{
	bool row;
	enum err_code code = sqlite_step(conn, stmt, doing, &row, err);

	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_run(struct sqlite_conn *conn, enum sqlite_sql sql, const char *doing, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	return code ? code : sqlite_finish(conn, sql, stmt, doing, err);
}

enum err_code sqlite_number(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt, const char *doing,
			    int64_t *ret_number, bool *ret_row, struct error *err)
{
	bool row = false;
	enum err_code code = sqlite_step(conn, stmt, doing, &row, err);

	if (code == ERR_OK) {
		*ret_number = row ? sqlite3_column_int64(stmt, 0) : 0;
		*ret_row = row;
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_exec(struct sqlite_conn *conn, const char *sql, const char *doing, struct error *err)
{
	int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : sqlite_fail(conn, rc, doing, err);
}

enum err_code sqlite_pragma(struct sqlite_conn *conn, const char *sql, int64_t *ret_number, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return sqlite_fail(conn, rc, sql, err);
	bool row = false;
	enum err_code code = sqlite_step(conn, stmt, sql, &row, err);

	if (code == ERR_OK && ret_number)
		*ret_number = row ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return code;
}
