/* The CSV parser on GTFS stop times: megabytes a second with every field looked at; beside it python3's csv module
 * (written in C) on the same text, and, as the limit, looking for the line ends alone with memchr. */
#include "bench.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/csv.h"
#include "peer.h"

#include <string.h>
#include <unistd.h>

#define ROWS 200000u
#define CHUNK_BYTES 65536u
#define ROUNDS 5u

static const char peer_text[] = "import csv, sys, time\n"
				"text = open(sys.argv[1], newline='').read()\n"
				"lines = text.splitlines(True)\n"
				"start = time.monotonic()\n"
				"fields = 0\n"
				"for row in csv.reader(lines):\n"
				"    fields += len(row)\n"
				"print(fields, time.monotonic() - start)\n";

struct input {
	struct buf text;
	uint64_t fields;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_csv: %s\n", what);
	exit(EXIT_FAILURE);
}

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	(void)err;
	*(uint64_t *)self += row->field_count;
	return ERR_OK;
}

static double run_ours(const struct input *input)
{
	struct csv *csv = NULL;
	struct error err;
	uint64_t fields = 0;
	struct csv_options options = {.row = take_row, .self = &fields};
	int64_t start = bench_now_ns();

	if (csv_new(&options, &csv, &err))
		die(err.detail);
	for (size_t at = 0; at < input->text.len; at += CHUNK_BYTES)
		if (csv_feed(csv, str_part(buf_str(&input->text), at, at + CHUNK_BYTES), &err))
			die(err.detail);
	if (csv_finish(csv, &err) || fields != input->fields)
		die("not all fields came");
	(void)csv_free(csv);
	return (double)input->text.len * 1e3 / (double)(bench_now_ns() - start);
}

static double run_limit(const struct input *input)
{
	const char *at = input->text.at, *end = at + input->text.len;
	int64_t start = bench_now_ns();
	uint64_t lines = 0;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		lines++;
		at++;
	}
	if (lines != ROWS + 1)
		die("not all lines came");
	return (double)input->text.len * 1e3 / (double)(bench_now_ns() - start);
}

static double run_peer(const struct input *input, const char *script, const char *text)
{
	const char *argv[] = {"python3", script, text, NULL};
	char out[200];
	uint64_t fields = 0;
	double seconds = 0;

	peer_figures(peer_run(argv, out, sizeof(out)), &fields, &seconds);
	if (fields != input->fields)
		die("the peer did not read all fields");
	return (double)input->text.len / 1e6 / seconds;
}

/* A file for the peer; its path is the caller's to free. */
static char *write_text(const char *folder, const char *name, struct str text)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		die("no memory");
	CLEANUP_FILE FILE *file = fopen(path, "wb");

	if (!file || fwrite(text.at, 1, text.len, file) != text.len)
		die(path);
	return path;
}

/* Rows as feeds have them: short fields, some empty, a few quoted. */
static void make_input(struct input *input)
{
	buf_init(&input->text, (size_t)64 << 20);
	buf_put(&input->text, STR("trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,"
				  "pickup_type,drop_off_type,shape_dist_traveled,timepoint\n"));
	for (unsigned i = 0; i < ROWS; i++)
		buf_printf(&input->text, "AK-%02u-%u,%02u:%02u:00,%02u:%02u:00,%s,%u,%s,,,%u.%u,0\n", i / 1000 % 24,
			   i / 50, i / 3600 % 24, i / 60 % 60, i / 3600 % 24, i / 60 % 60,
			   i % 100 ? "kb-gedong-sawah" : "\"Polisi \"\"M\"\"\"", i % 50, i % 7 ? "" : "Town", i % 50,
			   i % 10);
	input->fields = (uint64_t)(ROWS + 1) * 10;
	if (input->text.failed)
		die("no memory");
}

int main(void)
{
	char folder[] = "/tmp/machi-bench-XXXXXX", what[120];
	double ours[ROUNDS], peer[ROUNDS], limit[ROUNDS];
	struct input input;

	make_input(&input);
	if (!mkdtemp(folder))
		die("no folder");
	CLEANUP_MEMORY char *text = write_text(folder, "stop_times.txt", buf_str(&input.text));
	CLEANUP_MEMORY char *script = write_text(folder, "peer.py", str_from(peer_text));

	for (size_t round = 0; round < ROUNDS; round++) {
		ours[round] = run_ours(&input);
		peer[round] = run_peer(&input, script, text);
		limit[round] = run_limit(&input);
	}
	(void)snprintf(what, sizeof(what), "CSV, stop times, %u rows, %.1f MB", ROWS, (double)input.text.len / 1e6);
	bench_report_rounds(what, "ours", ours, ROUNDS, "MB/s");
	bench_report_rounds(what, "python3 csv", peer, ROUNDS, "MB/s");
	bench_report_rounds(what, "limit: memchr for line ends", limit, ROUNDS, "MB/s");
	buf_done(&input.text);
	(void)unlink(text);
	(void)unlink(script);
	(void)rmdir(folder);
	return EXIT_SUCCESS;
}
