/* A zip into a buffer, by libarchive (docs/decisions/0006-zip.md). What a zip could say of the hour, the machine or the
 * user is left out, so that the same files give the same bytes. */
#include "feed/gtfs_export_int.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#define MODE 0644
#define NOON_1980_S (INT64_C(3652) * 86400 + 43200) /* the first day that a zip can tell, in every time zone */

struct gtfs_zip {
	struct archive *archive; /* owned */
	struct buf *to;
};

static enum err_code failed(const struct gtfs_zip *zip, struct error *err)
{
	const char *why = archive_error_string(zip->archive);

	if (zip->to->failed)
		return buf_check(zip->to, "the zip of a feed", err);
	return err_set(err, ERR_INTERNAL, "libarchive does not write a zip: %s", why ? why : "nothing is known");
}

static la_ssize_t take(struct archive *archive, void *self, const void *bytes, size_t len)
{
	struct gtfs_zip *zip = self;

	(void)archive;
	buf_put(zip->to, (struct str){bytes, len});
	return zip->to->failed ? -1 : (la_ssize_t)len;
}

enum err_code gtfs_zip_new(struct buf *to, struct gtfs_zip **ret_zip, struct error *err)
{
	struct gtfs_zip *zip = calloc(1, sizeof(*zip));
	enum err_code code = ERR_OK;

	if (zip)
		zip->archive = archive_write_new();
	if (!zip || !zip->archive) {
		free(zip);
		return err_set(err, ERR_MEMORY, "no memory to write a zip");
	}
	zip->to = to;
	/* Readers that stream want neither ZIP64, which no file here needs, nor padding behind the end. */
	if (archive_write_set_format_zip(zip->archive) != ARCHIVE_OK ||
	    archive_write_set_options(zip->archive, "zip:compression=deflate,zip:!zip64") != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(zip->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(zip->archive, zip, NULL, take, NULL) != ARCHIVE_OK)
		code = failed(zip, err);
	if (code)
		zip = gtfs_zip_free(zip);
	else
		*ret_zip = zip;
	return code;
}

struct gtfs_zip *gtfs_zip_free(struct gtfs_zip *zip)
{
	if (zip)
		(void)archive_write_free(zip->archive);
	free(zip);
	return NULL;
}

enum err_code gtfs_zip_file(struct gtfs_zip *zip, const char *name, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();

	if (!entry)
		return err_set(err, ERR_MEMORY, "no memory to write a zip");
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_mtime(entry, NOON_1980_S, 0);
	int written = archive_write_header(zip->archive, entry);

	archive_entry_free(entry);
	return written == ARCHIVE_OK ? ERR_OK : failed(zip, err);
}

enum err_code gtfs_zip_put(struct gtfs_zip *zip, struct str bytes, struct error *err)
{
	if (bytes.len && archive_write_data(zip->archive, bytes.at, bytes.len) != (la_ssize_t)bytes.len)
		return failed(zip, err);
	return ERR_OK;
}

enum err_code gtfs_zip_close(struct gtfs_zip *zip, struct error *err)
{
	return archive_write_close(zip->archive) == ARCHIVE_OK ? ERR_OK : failed(zip, err);
}
