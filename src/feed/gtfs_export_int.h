/* What the files that write a GTFS feed share. */
#ifndef MACHI_FEED_GTFS_EXPORT_INT_H
#define MACHI_FEED_GTFS_EXPORT_INT_H

#include "feed/gtfs_export.h"
#include "feed/gtfs_maker_int.h"

struct gtfs_out { /* a row under way */
	struct str feed;
	struct arena arena; /* of one entity, with the ids that are made of its URNs */
	struct buf rows; /* of the file under way */
	bool begun; /* a field of the row has been written */
};

/* ---- gtfs_rows.c ---- */

struct gtfs_out_file {
	const char *name, *header;
	bool required; /* there also without rows */
	enum gtfs_type types[3]; /* whose entities it is made of, one after another; GTFS_TYPE_COUNT: no more */
	/* The rows of an entity into out->rows. */
	void (*put)(struct gtfs_out *out, enum gtfs_type type, const struct json *entity);
};

#define GTFS_OUT_FILES 13u
extern const struct gtfs_out_file gtfs_out_files[GTFS_OUT_FILES];

/* ---- gtfs_zip.c ---- */

struct gtfs_zip;

MUST_CHECK enum err_code gtfs_zip_new(struct buf *to, struct gtfs_zip **ret_zip, struct error *err);
struct gtfs_zip *gtfs_zip_free(struct gtfs_zip *zip);
MUST_CHECK enum err_code gtfs_zip_file(struct gtfs_zip *zip, const char *name, struct error *err);
MUST_CHECK enum err_code gtfs_zip_put(struct gtfs_zip *zip, struct str bytes, struct error *err);
MUST_CHECK enum err_code gtfs_zip_close(struct gtfs_zip *zip, struct error *err);

#endif
