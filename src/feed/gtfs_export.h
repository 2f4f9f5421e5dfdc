/* A GTFS feed out of the entities of the store: a zip that journey planners read. Blocks its caller.
 *
 * What an import took is given back: importing the zip gives the same entities. What it left out (other files, other
 * columns, bad rows) is not there, and times that it interpolated are. The same entities in the same order give the
 * same bytes. Source: the GTFS Schedule reference (gtfs.org). */
#ifndef MACHI_FEED_GTFS_EXPORT_H
#define MACHI_FEED_GTFS_EXPORT_H

#include "base/buf.h"
#include "feed/gtfs_watch.h"
#include "store/store.h"

#define GTFS_ZIP_BYTES_MAX ((size_t)512 << 20)

/* Appends the zip of the feed, named as it was imported. Errors: ERR_INVALID (name), ERR_NOT_FOUND (no such feed),
 * ERR_LIMIT (the buffer's bound), ERR_MEMORY, ERR_INTERNAL (libarchive), ERR_CONFLICT (the watch gave up), and the
 * store's. */
MUST_CHECK enum err_code gtfs_export(struct store_reader *reader, struct str feed, const struct gtfs_watch *watch,
				     struct buf *zip, struct error *err);

#endif
