/* Where the files of a GTFS feed come from: a folder, a zip file, or a zip in memory. Shared within this room.
 *
 * Nothing is unpacked to disk, so names in a zip lead nowhere; what is unpacked in memory passes through in chunks and
 * is bounded (GTFS_… in gtfs_import.h). Thread: one owner. */
#ifndef MACHI_FEED_GTFS_SOURCE_H
#define MACHI_FEED_GTFS_SOURCE_H

#include "base/buf.h"
#include "base/error.h"

struct gtfs_source;

/* A folder, or else a zip. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT (no zip). */
MUST_CHECK enum err_code gtfs_source_open(const char *path, struct gtfs_source **ret_source, struct error *err);
/* A zip in memory, which must outlive the source. name stands in errors. */
MUST_CHECK enum err_code gtfs_source_open_bytes(struct str bytes, const char *name, struct gtfs_source **ret_source,
						struct error *err);
struct gtfs_source *gtfs_source_free(struct gtfs_source *source);

/* Is there a file of this name? In a zip, below any folder too, when there is none at the top. */
bool gtfs_source_has(struct gtfs_source *source, const char *file);
/* Hands the file's bytes to take, chunk by chunk. Errors: ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT (damaged or encrypted),
 * ERR_LIMIT (a bound), and take's own. */
MUST_CHECK enum err_code gtfs_source_read(struct gtfs_source *source, const char *file,
					  enum err_code (*take)(void *self, struct str chunk, struct error *err),
					  void *self, struct error *err);
/* Every file that is there, by its name without folders. */
void gtfs_source_each(struct gtfs_source *source, void (*visit)(void *self, const char *file), void *self);

#endif
