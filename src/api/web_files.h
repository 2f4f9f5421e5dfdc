/* The console's files as tools/embed-web.py embeds them. */
#ifndef MACHI_API_WEB_FILES_H
#define MACHI_API_WEB_FILES_H

#include <stddef.h>

struct web_source {
	const char *path; /* of the URL, "/web/app.js" */
	const char *type; /* media type */
	const char *source; /* the file, below web/ */
	const char *digest; /* of its bytes, for the ETag */
	size_t bytes; /* uncompressed */
	const unsigned char *gzip;
	size_t gzip_bytes;
	const unsigned char *brotli;
	size_t brotli_bytes;
};

extern const struct web_source web_sources[];
extern const size_t web_source_count;
extern const char web_import_map_hash[]; /* SHA-256 in base64 */

#endif
