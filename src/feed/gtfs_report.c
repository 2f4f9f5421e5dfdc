/* The report of an import: counts to the last row, and the first findings in words. */
#include "feed/gtfs_int.h"

#include <string.h>

#define REPORT_TEXT_BYTES_MAX (GTFS_FINDINGS_MAX * 1024u)

void gtfs_report_init(struct gtfs_report *report)
{
	memset(report, 0, sizeof(*report));
	arena_init(&report->arena, REPORT_TEXT_BYTES_MAX);
}

void gtfs_report_done(struct gtfs_report *report)
{
	arena_done(&report->arena);
	memset(report, 0, sizeof(*report));
}

struct gtfs_file_count *gtfs_report_file(struct gtfs_report *report, const char *file)
{
	for (size_t i = 0; i < report->file_count; i++)
		if (strcmp(report->files[i].file, file) == 0)
			return &report->files[i];
	if (report->file_count == GTFS_FILES_MAX)
		return &report->files[GTFS_FILES_MAX - 1];
	report->files[report->file_count] = (struct gtfs_file_count){.file = file};
	return &report->files[report->file_count++];
}

void gtfs_report_tell(struct gtfs_report *report, const char *file, uint64_t line, enum gtfs_finding_kind kind,
		      const char *what)
{
	struct gtfs_finding finding = {.file = file, .line = line, .kind = kind};

	report->findings_total++;
	if (kind != GTFS_NOTE) {
		struct gtfs_file_count *count = gtfs_report_file(report, file);

		count->skipped += kind == GTFS_SKIPPED;
		count->repaired += kind == GTFS_REPAIRED;
	}
	if (report->finding_count == GTFS_FINDINGS_MAX)
		return;
	finding.what = arena_dup(&report->arena, str_from(what));
	if (finding.what.at)
		report->findings[report->finding_count++] = finding;
}

static const char *kind_name(enum gtfs_finding_kind kind)
{
	return kind == GTFS_SKIPPED ? "skipped" : kind == GTFS_REPAIRED ? "repaired" : "note";
}

void gtfs_report_write(const struct gtfs_report *report, struct buf *out)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct gtfs_finding *finding = &report->findings[i];

		buf_put(out, str_from(finding->file));
		if (finding->line)
			buf_printf(out, ":%llu", (unsigned long long)finding->line);
		buf_printf(out, ": %s: %.*s\n", kind_name(finding->kind), STR_FMT(finding->what));
	}
	if (report->findings_total > report->finding_count)
		buf_printf(out, "… and %llu findings more\n",
			   (unsigned long long)(report->findings_total - report->finding_count));
	buf_printf(out, "%-20s %10s %10s %10s %10s\n", "file", "rows", "taken", "skipped", "repaired");
	for (size_t i = 0; i < report->file_count; i++) {
		const struct gtfs_file_count *file = &report->files[i];

		buf_printf(out, "%-20s %10llu %10llu %10llu %10llu\n", file->file, (unsigned long long)file->rows,
			   (unsigned long long)file->taken, (unsigned long long)file->skipped,
			   (unsigned long long)file->repaired);
	}
	buf_printf(out,
		   "%llu rows in %.2f s, %llu entities: %llu created, %llu changed, %llu unchanged; %llu deleted\n",
		   (unsigned long long)report->rows, (double)(report->read_us + report->store_us) / 1e6,
		   (unsigned long long)report->entities, (unsigned long long)report->created,
		   (unsigned long long)report->changed, (unsigned long long)report->unchanged,
		   (unsigned long long)report->deleted);
}
