/* The time zone of a timetable, from the system's files. */
#include "base/cleanup.h"
#include "feed/gtfs_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ZONES_FOLDER "/usr/share/zoneinfo"

enum err_code gtfs_read_zone(struct str name, struct transit_zone **ret_zone, struct error *err)
{
	char path[sizeof(ZONES_FOLDER) + 66];
	CLEANUP_MEMORY char *bytes = malloc(TRANSIT_ZONE_FILE_BYTES_MAX);

	if (!transit_zone_name_good(name))
		return err_set(err, ERR_INVALID, "\"%.*s\" is no time zone", STR_FMT(str_part(name, 0, 64)));
	if (!bytes)
		return err_set(err, ERR_MEMORY, "no memory for a time zone");
	(void)snprintf(path, sizeof(path), "%s/%.*s", ZONES_FOLDER, STR_FMT(name));
	CLEANUP_FILE FILE *file = fopen(path, "rbe");

	if (!file)
		return err_set(err, ERR_IO, "time zone %s: %s (is the package tzdata installed?)", path,
			       strerror(errno));
	size_t len = fread(bytes, 1, TRANSIT_ZONE_FILE_BYTES_MAX, file);

	if (ferror(file))
		return err_set(err, ERR_IO, "time zone %s cannot be read", path);
	return transit_zone_parse((struct str){bytes, len}, ret_zone, err);
}
