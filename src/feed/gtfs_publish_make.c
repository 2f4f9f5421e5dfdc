/* GTFS feeds and GTFS Realtime messages made for the publisher.
 *
 * Entities are found by their ids, as NGSI-LD names them: urn:ngsi-ld:Vehicle:…, urn:ngsi-ld:GtfsTripUpdate:… and
 * urn:ngsi-ld:Alert:…, whoever wrote them; which of them are about the timetable, realtime_writer_add() decides. */
#include "base/time_value.h"
#include "feed/feed_clock_int.h"
#include "feed/gtfs_export.h"
#include "feed/gtfs_publish_int.h"
#include "feed/realtime.h"
#include "ngsild/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES_MAX ((size_t)1 << 30) /* of a message under way, as structs and bytes */
#define DOCUMENT_BYTES_MAX ((size_t)256 << 20) /* of one entity */
#define HASH_SEED 0x6774667372740aULL

static enum err_code read_mark(struct store_reader *reader, struct str timetable, char ret_mark[static 64],
			       struct error *err)
{
	char key[GTFS_MARK_BYTES];
	struct arena arena;
	struct str mark = STR_NONE;

	arena_init(&arena, 4096);
	enum err_code code = store_get_meta(reader, gtfs_mark_key(timetable, key), &arena, &mark, err);

	(void)snprintf(ret_mark, 64, "%.*s", STR_FMT(code ? STR("") : mark));
	arena_done(&arena);
	if (!code && !ret_mark[0])
		return err_set(err, ERR_NOT_FOUND, "no GTFS feed \"%.*s\" was imported", STR_FMT(timetable));
	return code;
}

/* ---- messages ---- */

struct gathering {
	struct realtime_writer *writer;
	struct json_parser *parser;
	const struct gtfs_watch *watch;
	struct arena document;
	int64_t now_us;
	enum err_code code;
	struct error *err;
};

static bool gather(void *self, struct json *entity)
{
	struct gathering *gathering = self;
	bool taken;

	gathering->code = gtfs_watch_ask(gathering->watch, gathering->err);
	if (!gathering->code && !expiry_is_over(entity, gathering->now_us))
		gathering->code = realtime_writer_add(gathering->writer, entity, &taken, gathering->err);
	return !gathering->code;
}

static enum err_code gather_all(struct gathering *gathering, struct store_reader *reader, enum gtfs_document document,
				struct error *err)
{
	static const struct {
		enum gtfs_document document;
		struct str prefix;
	} parts[] = {{GTFS_DOCUMENT_TRIP_UPDATES, {"urn:ngsi-ld:GtfsTripUpdate:", 27}},
		     {GTFS_DOCUMENT_VEHICLE_POSITIONS, {"urn:ngsi-ld:Vehicle:", 20}},
		     {GTFS_DOCUMENT_ALERTS, {"urn:ngsi-ld:Alert:", 18}}};
	const struct store_tree_sight sight = {
		.visit = gather, .self = gathering, .parser = gathering->parser, .arena = &gathering->document};
	enum err_code code = store_hold(reader, err);

	if (code)
		return code;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !code; i++) {
		struct narrow narrow = {.id_prefix = parts[i].prefix};

		if (document != parts[i].document && document != GTFS_DOCUMENT_REALTIME)
			continue;
		code = store_scan_trees(reader, &narrow, &sight, err);
		if (!code)
			code = gathering->code;
	}
	store_release(reader);
	return code;
}

static enum err_code make_message(struct store_reader *reader, const struct gtfs_ask *ask,
				  const struct gtfs_watch *watch, int64_t now_us, struct buf *out, struct error *err)
{
	const struct realtime_writer_options options = {.timetable = ask->timetable,
							.planned_too = ask->planned_too,
							.seen_from_s = now_us / US_PER_S - GTFS_UNSEEN_S_MAX};
	struct gathering gathering = {.parser = json_parser_new(), .watch = watch, .now_us = now_us, .err = err};
	struct arena arena;
	struct str bytes;
	enum err_code code = gathering.parser ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a message");

	arena_init(&arena, MESSAGE_BYTES_MAX);
	arena_init(&gathering.document, DOCUMENT_BYTES_MAX);
	if (!code)
		code = realtime_writer_new(&options, &arena, &gathering.writer, err);
	if (!code)
		code = gather_all(&gathering, reader, ask->document, err);
	if (!code)
		code = realtime_writer_done(gathering.writer, now_us, &bytes, err);
	if (!code)
		buf_put(out, bytes);
	arena_done(&gathering.document);
	arena_done(&arena);
	(void)json_parser_free(gathering.parser);
	return code ? code : buf_check(out, "a GTFS Realtime message", err);
}

/* What of a message says something: all behind its header, which is its first field and short. */
static struct str entities_of(struct str message)
{
	if (message.len < 2 || message.at[0] != 0x0A || (unsigned char)message.at[1] > 127)
		return message;
	return str_part(message, 2 + (size_t)message.at[1], message.len);
}

/* ---- publications ---- */

/* Takes the bytes. */
static enum err_code keep(const struct gtfs_ask *ask, struct store *store, struct buf *bytes, struct kept **ret_kept,
			  struct error *err)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return err_set(err, ERR_MEMORY, "no memory to publish a feed");
	atomic_init(&kept->holders, 1);
	kept->store = store;
	kept->document = ask->document;
	kept->planned_too = ask->planned_too;
	(void)snprintf(kept->timetable, sizeof(kept->timetable), "%.*s", STR_FMT(ask->timetable));
	kept->made_ms = feed_clock_ms();
	kept->publication.bytes.at = buf_take(bytes, &kept->publication.bytes.len);
	*ret_kept = kept;
	return ERR_OK;
}

static void tag(struct kept *kept, const struct kept *before, int64_t now_us)
{
	struct gtfs_publication *publication = &kept->publication;
	bool zip = kept->document == GTFS_DOCUMENT_ZIP;
	int64_t mark_us = now_us;

	kept->hash = str_hash(zip ? publication->bytes : entities_of(publication->bytes), HASH_SEED);
	(void)snprintf(publication->etag, sizeof(publication->etag), "%s\"%016llx\"", zip ? "" : "W/",
		       (unsigned long long)kept->hash);
	/* The mark is the instant of the import. */
	if (zip && !str_to_int64(str_from(kept->mark), &mark_us))
		mark_us = now_us;
	publication->changed_us = zip                                    ? mark_us
				  : before && before->hash == kept->hash ? before->publication.changed_us
									 : now_us;
}

enum err_code gtfs_publication_make(struct broker *broker, struct store *store, const struct gtfs_ask *ask,
				    const struct gtfs_watch *watch, const struct kept *before, struct kept **ret_kept,
				    struct error *err)
{
	struct store_reader *reader = NULL;
	struct kept *kept = NULL;
	int64_t now_us = broker_now_us(broker);
	char mark[sizeof(kept->mark)];
	struct buf bytes;
	enum err_code code = store_reader_new(store, &reader, err);

	buf_init(&bytes, GTFS_ZIP_BYTES_MAX);
	/* Before the feed itself: if an import comes between the two, the zip is made once more. */
	if (!code)
		code = read_mark(reader, ask->timetable, mark, err);
	if (!code && ask->document == GTFS_DOCUMENT_ZIP)
		code = gtfs_export(reader, ask->timetable, watch, &bytes, err);
	else if (!code)
		code = make_message(reader, ask, watch, now_us, &bytes, err);
	if (!code)
		code = keep(ask, store, &bytes, &kept, err);
	if (!code) {
		memcpy(kept->mark, mark, sizeof(mark));
		tag(kept, before, now_us);
		*ret_kept = kept;
	}
	buf_done(&bytes);
	(void)store_reader_free(reader);
	return code;
}

enum err_code gtfs_publication_is_fresh(struct store *store, const struct kept *kept, bool *ret_fresh,
					struct error *err)
{
	struct store_reader *reader = NULL;
	char mark[sizeof(kept->mark)] = "";

	if (kept->document != GTFS_DOCUMENT_ZIP) {
		*ret_fresh = feed_clock_ms() - kept->made_ms < GTFS_MESSAGE_FRESH_MS;
		return ERR_OK;
	}
	enum err_code code = store_reader_new(store, &reader, err);

	if (!code)
		code = read_mark(reader, str_from(kept->timetable), mark, err);
	*ret_fresh = !code && strcmp(mark, kept->mark) == 0;
	(void)store_reader_free(reader);
	return code;
}
