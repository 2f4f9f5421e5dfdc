/* What our GTFS Realtime messages say to another program: protoc, by the published .proto where ../shared has it and by
 * ours elsewhere. */
#ifndef MACHI_TESTS_PROTOC_UTIL_H
#define MACHI_TESTS_PROTOC_UTIL_H

#include "base/buf.h"
#include "check.h"

#include <stdio.h>
#include <unistd.h>

/* Decodes to protoc's text format into the buffer. False, said loudly, where protoc is not installed. */
static inline bool protoc_decode(struct str bytes, const char *source_root, struct buf *text)
{
	char path[] = "/tmp/machi-protoc-XXXXXX", command[1400], folder[400], chunk[4096];

	if (access("/usr/bin/protoc", X_OK) != 0) {
		printf("# SKIPPED: protoc is not installed (Debian: protobuf-compiler)\n");
		return false;
	}
	(void)snprintf(folder, sizeof(folder), "%s/../shared/data/gtfs-rt/gtfs-realtime.proto", source_root);
	bool published = access(folder, R_OK) == 0;
	int fd = mkstemp(path);

	if (!published)
		printf("# SKIPPED in part: the published .proto is not there, ours is used\n");
	if (!CHECK(fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len))
		return false;
	(void)close(fd);
	(void)snprintf(command, sizeof(command),
		       "/usr/bin/protoc -I'%s/%s' --decode=transit_realtime.FeedMessage %s < %s", source_root,
		       published ? "../shared/data/gtfs-rt" : "src/gtfsrt",
		       published ? "gtfs-realtime.proto" : "gtfs_realtime.proto", path);
	/* Of names that this test makes. */
	FILE *pipe = popen(command, "r"); // NOLINT(cert-env33-c)

	for (size_t got; pipe && (got = fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
		buf_put(text, (struct str){chunk, got});
	CHECK(pipe && pclose(pipe) == 0);
	(void)unlink(path);
	return true;
}

/* Does protoc's text, its white space put together, hold this? */
static inline bool protoc_says(struct str text, const char *expected)
{
	struct buf flat;
	bool blank = false;

	buf_init(&flat, (size_t)64 << 20);
	for (size_t i = 0; i < text.len; i++) {
		bool space = text.at[i] == ' ' || text.at[i] == '\n';

		if (!space || !blank)
			buf_put_char(&flat, space ? ' ' : text.at[i]);
		blank = space;
	}
	bool says = str_contains(buf_str(&flat), str_from(expected));

	if (!says)
		printf("# protoc does not say: %s\n# but: %.*s\n", expected,
		       STR_FMT(str_part(buf_str(&flat), 0, 3000)));
	buf_done(&flat);
	return says;
}

#endif
