/* GTFS Realtime: a message of 10,000 vehicles that all move, each on a trip of its own. What reading it costs, beside
 * protobuf-c alone on the same bytes; what it costs up to the entities that are told; and all the way from bytes to
 * durable in a store on disk, beside what bare SQLite takes to write as many documents of the same size. CPU is that of
 * the whole process, the store's writer included. */
#include "bench.h"

#include "base/cleanup.h"
#include "base/time_value.h"
#include "broker/broker.h"
#include "feed/gtfs_int.h"
#include "feed/intake.h"
#include "feed/realtime.h"
#include "gtfsrt/gtfsrt.h"
#include "json/json.h"

#include <dirent.h>
#include <protobuf-c/protobuf-c.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define VEHICLES 10000u
#define CALLS 25u /* stops of each trip */
#define STOPS 5000u
#define ROUTES 300u
#define MESSAGES (BENCH_ROUNDS + 1)
#define CHUNK INTAKE_ENTITIES_MAX /* entities in one write, as feeds have them */
#define ARENA_BYTES ((size_t)1 << 30)
#define STEP_S 10 /* between messages */

/* Made by protobuf-c's compiler from our .proto; the peer calls protobuf-c itself. */
extern const ProtobufCMessageDescriptor transit_realtime__feed_message__descriptor;

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_gtfs_rt: %s\n", what);
	exit(EXIT_FAILURE);
}

static double cpu_ms(__rusage_who_t who)
{
	struct rusage usage;

	(void)getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* ---- a timetable ---- */

struct town {
	struct arena arena;
	struct transit_feed *feed;
	struct transit_zone *zone;
	int64_t start_s; /* of the first message */
};

static struct str name(struct town *town, const char *head, uint32_t i)
{
	struct str text = arena_printf(&town->arena, "%s%u", head, i);

	if (!text.at)
		die("no memory");
	return text;
}

static void add_rows(struct town *town)
{
	struct transit_agency agency = {.id = STR("a"), .timezone = STR("Etc/UTC")};
	struct transit_service service = {
		.id = STR("W"), .has_week = true, .weekdays = 127, .first_day = 0, .last_day = 100000};
	struct error err = {0};
	uint32_t row;
	enum err_code code = transit_add_agency(town->feed, &agency, &row, &err);

	if (!code)
		code = transit_add_service(town->feed, &service, &row, &err);
	for (uint32_t i = 0; i < STOPS && !code; i++) {
		uint32_t line = i / 100;
		struct transit_stop stop = {.id = name(town, "urn:ngsi-ld:GtfsStop:town:", i),
					    .has_place = true,
					    .parent = TRANSIT_NONE,
					    .place = {103.6 + (i % 100) * 0.004, 1.2 + line * 0.004}};

		code = transit_add_stop(town->feed, &stop, &row, &err);
	}
	for (uint32_t i = 0; i < ROUTES && !code; i++) {
		struct transit_route route = {.id = name(town, "urn:ngsi-ld:GtfsRoute:town:", i),
					      .short_name = name(town, "", i),
					      .agency = TRANSIT_NONE,
					      .type = 3};

		code = transit_add_route(town->feed, &route, &row, &err);
	}
	for (uint32_t i = 0; i < VEHICLES && !code; i++) {
		struct transit_trip trip = {.id = name(town, "urn:ngsi-ld:GtfsTrip:town:T-", 26990000 + i),
					    .route = i % ROUTES,
					    .shape = TRANSIT_NONE};

		code = transit_add_trip(town->feed, &trip, &row, &err);
		for (uint32_t s = 0; s < CALLS && !code; s++) {
			int32_t at = (int32_t)(28800 + s * 120);
			struct transit_stop_time time = {.trip = row,
							 .stop = (i * 7 + s) % STOPS,
							 .sequence = s + 1,
							 .arrival = at,
							 .departure = at,
							 .distance = (double)__builtin_nan(""),
							 .timepoint = -1};

			code = transit_add_stop_time(town->feed, &time, &err);
		}
	}
	if (!code)
		code = transit_feed_check(town->feed, &err);
	if (code)
		die(err.detail);
}

static void build_town(struct town *town)
{
	struct error err = {0};

	arena_init(&town->arena, ARENA_BYTES);
	if (transit_feed_new(NULL, &town->feed, &err) || gtfs_read_zone(STR("Etc/UTC"), &town->zone, &err))
		die(err.detail);
	add_rows(town);
	town->start_s = days_from_civil((struct civil_date){2026, 11, 23}) * 86400 + 29400; /* a Monday, 08:10 */
}

/* ---- messages ---- */

/* Message m: every vehicle some metres farther on, with another bearing and speed now and then. */
static struct str message(struct town *town, uint32_t m)
{
	struct gtfsrt_entity *entities = arena_array(&town->arena, struct gtfsrt_entity, VEHICLES);
	struct gtfsrt_vehicle *vehicles = arena_array(&town->arena, struct gtfsrt_vehicle, VEHICLES);
	struct str bytes, date = STR("20261123");
	struct error err = {0};

	if (!entities || !vehicles)
		die("no memory");
	for (uint32_t i = 0; i < VEHICLES; i++) {
		struct gtfsrt_vehicle vehicle = gtfsrt_vehicle_none();
		uint32_t line = i / 100;

		vehicle.trip.given = true;
		vehicle.trip.trip_id = name(town, "T-", 26990000 + i);
		vehicle.trip.start_date = date;
		vehicle.trip.route_id = name(town, "", i % ROUTES);
		vehicle.vehicle.id = name(town, "", 2000 + i);
		vehicle.vehicle.label = name(town, "", 1000 + i);
		vehicle.has_position = true;
		vehicle.lon = 103.6 + (i % 100) * 0.004 + m * 0.0005;
		vehicle.lat = 1.2 + line * 0.004 + m * 0.0003;
		vehicle.bearing_deg = (i * 37 + m / 2 * 15) % 360;
		vehicle.speed_m_s = 5 + (i + m) % 17 * 0.5;
		vehicle.occupancy = (uint8_t)(i % 4);
		vehicle.timestamp_s = town->start_s + (int64_t)m * STEP_S - i % 8;
		vehicles[i] = vehicle;
		entities[i] = (struct gtfsrt_entity){.id = vehicle.vehicle.label, .vehicle = &vehicles[i]};
	}
	struct gtfsrt_message whole = {
		.timestamp_s = town->start_s + (int64_t)m * STEP_S, .entities = entities, .entity_count = VEHICLES};

	if (gtfsrt_encode(&whole, &town->arena, &bytes, &err))
		die(err.detail);
	return bytes;
}

/* ---- reading ---- */

struct reading {
	struct str bytes;
	struct arena arena;
};

static void read_ours(void *self, uint64_t times)
{
	struct reading *reading = self;
	struct gtfsrt_message read;
	struct error err = {0};

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&reading->arena);
		if (gtfsrt_decode(reading->bytes, &reading->arena, &read, &err) || read.entity_count != VEHICLES)
			die("the message does not read");
	}
}

static void read_peer(void *self, uint64_t times)
{
	struct reading *reading = self;

	for (uint64_t i = 0; i < times; i++) {
		ProtobufCMessage *read =
			protobuf_c_message_unpack(&transit_realtime__feed_message__descriptor, NULL, reading->bytes.len,
						  (const uint8_t *)reading->bytes.at);

		if (!read)
			die("the peer does not read");
		protobuf_c_message_free_unpacked(read, NULL);
	}
}

static void bench_reading(struct str bytes)
{
	struct reading reading = {.bytes = bytes};
	const struct bench_side sides[] = {{"ours, texts checked, as our structs", read_ours, &reading},
					   {"protobuf-c's unpack alone", read_peer, &reading}};
	char what[120];

	arena_init(&reading.arena, ARENA_BYTES);
	(void)snprintf(what, sizeof(what), "reading a message of %u vehicles, %zu bytes", VEHICLES, bytes.len);
	bench_sides(what, sides, 2, BENCH_ROUNDS, VEHICLES, "vehicles/s");
	arena_done(&reading.arena);
}

/* ---- telling ---- */

struct telling {
	struct broker *broker;
	struct store *store; /* NULL: what is told is only counted */
	struct arena write_arena;
	struct broker_item items[CHUNK];
	size_t count; /* in items */
	uint64_t told;
	size_t entity_bytes; /* of one whole document */
};

static void flush(struct telling *telling)
{
	struct broker_write write = {
		.items = telling->items, .item_count = telling->count, .arena = &telling->write_arena};
	struct error err = {0};

	if (telling->count && broker_apply(telling->broker, telling->store, &write, &err))
		die(err.detail);
	for (size_t i = 0; i < telling->count; i++)
		if (telling->items[i].outcome.code || !telling->items[i].outcome.changed)
			die("an entity was not written");
	telling->count = 0;
	arena_clear(&telling->write_arena);
}

static enum err_code tell(void *self, enum broker_operation operation, struct str id, const struct json *entity,
			  struct error *err)
{
	struct telling *telling = self;

	(void)err;
	telling->told++;
	if (!telling->entity_bytes) {
		struct buf text;

		buf_init(&text, 1u << 20);
		json_write(&text, entity);
		telling->entity_bytes = text.len;
		buf_done(&text);
	}
	if (!telling->store)
		return ERR_OK;
	telling->items[telling->count++] =
		(struct broker_item){.operation = operation, .id = id, .entity = entity, .overwrite = true};
	if (telling->count == CHUNK)
		flush(telling);
	return ERR_OK;
}

/* Takes all messages; the first, which tells every vehicle whole, is reported apart. */
static void bench_telling(struct town *town, const struct str *messages, struct telling *telling,
			  const struct context *context, const char *until)
{
	struct realtime_options options = {.feed = STR("live"), .timetable = STR("town")};
	struct realtime_sink sink = {tell, telling};
	struct realtime *realtime = NULL;
	struct error err = {0};
	struct arena arena;
	double cpu[MESSAGES], wall[MESSAGES], own[MESSAGES];
	char what[120];

	arena_init(&arena, ARENA_BYTES);
	if (realtime_new(&options, context, town->feed, town->zone, &realtime, &err))
		die(err.detail);
	for (uint32_t m = 0; m < MESSAGES; m++) {
		static struct realtime_report report;
		double cpu_start = cpu_ms(RUSAGE_SELF), own_start = cpu_ms(RUSAGE_THREAD);
		int64_t start = bench_now_ns();

		telling->told = 0;
		if (realtime_take(realtime, 0, messages[m], (town->start_s + (int64_t)m * STEP_S) * US_PER_S, &arena,
				  &sink, &report, &err))
			die(err.detail);
		flush(telling);
		cpu[m] = cpu_ms(RUSAGE_SELF) - cpu_start;
		own[m] = cpu_ms(RUSAGE_THREAD) - own_start;
		wall[m] = (double)(bench_now_ns() - start) / 1e6;
		arena_clear(&arena);
		if (telling->told != VEHICLES || report.by_reason[REALTIME_MATCHED] != VEHICLES ||
		    (m == 0 ? report.created : report.changed) != VEHICLES)
			die("not all vehicles were told");
	}
	(void)snprintf(what, sizeof(what), "%u vehicles that move, bytes to %s", VEHICLES, until);
	bench_report_rounds(what, "ours: CPU", cpu + 1, BENCH_ROUNDS, "ms");
	if (telling->store)
		bench_report_rounds(what, "ours: of it on the feed's thread, the rest on the store's", own + 1,
				    BENCH_ROUNDS, "ms");
	bench_report_rounds(what, "ours: until done", wall + 1, BENCH_ROUNDS, "ms");
	(void)snprintf(what, sizeof(what), "%u vehicles seen for the first time, bytes to %s", VEHICLES, until);
	bench_report_rounds(what, "ours: CPU, most of it fresh memory", cpu, 1, "ms");
	(void)realtime_free(realtime);
	arena_done(&arena);
}

/* ---- the limit: SQLite alone ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
}

static void write_bare(sqlite3 *db, sqlite3_stmt *put, size_t bytes, uint8_t round)
{
	CLEANUP_MEMORY char *document = malloc(bytes);

	if (!document)
		die("no memory");
	memset(document, 'a' + round, bytes);
	for (uint32_t i = 0; i < VEHICLES; i++) {
		if (i % CHUNK == 0)
			run_sql(db, "BEGIN IMMEDIATE");
		(void)sqlite3_bind_int(put, 1, (int)i);
		(void)sqlite3_bind_blob(put, 2, document, (int)bytes, SQLITE_STATIC);
		if (sqlite3_step(put) != SQLITE_DONE || sqlite3_reset(put) != SQLITE_OK)
			die(sqlite3_errmsg(db));
		if (i % CHUNK == CHUNK - 1 || i == VEHICLES - 1)
			run_sql(db, "COMMIT");
	}
}

static void bench_bare(const char *folder, size_t bytes)
{
	double cpu[MESSAGES];
	sqlite3_stmt *put = NULL;
	sqlite3 *db = NULL;
	CLEANUP_MEMORY char *path = NULL;
	char what[120];

	if (asprintf(&path, "%s/bare.db", folder) < 0 || sqlite3_open(path, &db) != SQLITE_OK)
		die("no database");
	run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(k INTEGER PRIMARY KEY, d BLOB)");
	if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO t VALUES(?, ?)", -1, &put, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (uint8_t round = 0; round < MESSAGES; round++) {
		double start = cpu_ms(RUSAGE_SELF);

		write_bare(db, put, bytes, round);
		cpu[round] = cpu_ms(RUSAGE_SELF) - start;
	}
	(void)snprintf(what, sizeof(what), "%u vehicles that move, bytes to durable", VEHICLES);
	bench_report_rounds(what, "limit: bare SQLite replaces as many documents, no index, no history: CPU", cpu + 1,
			    BENCH_ROUNDS, "ms");
	(void)sqlite3_finalize(put);
	(void)sqlite3_close(db);
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_MEMORY char *file = NULL;

		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			die("no memory");
		(void)unlink(file);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

int main(void)
{
	char folder[] = "/tmp/machi-bench-XXXXXX";
	static struct telling telling;
	struct str messages[MESSAGES];
	struct town town = {0};
	struct error err = {0};

	if (!mkdtemp(folder))
		die("no folder");
	struct broker_options options = {.data_path = folder, .create = true};

	if (broker_new(&options, &telling.broker, &err))
		die(err.detail);
	build_town(&town);
	for (uint32_t m = 0; m < MESSAGES; m++)
		messages[m] = message(&town, m);
	arena_init(&telling.write_arena, ARENA_BYTES);
	bench_reading(messages[0]);
	bench_telling(&town, messages, &telling, broker_core_context(telling.broker), "entities");
	bench_note("asked for: 60 ms of CPU to entities, 150 ms to durable");
	if (broker_tenant(telling.broker, STR_NONE, true, &telling.store, &err))
		die(err.detail);
	bench_telling(&town, messages, &telling, broker_core_context(telling.broker), "durable");
	bench_bare(folder, telling.entity_bytes);
	arena_done(&telling.write_arena);
	(void)broker_free(telling.broker);
	(void)transit_feed_free(town.feed);
	(void)transit_zone_free(town.zone);
	arena_done(&town.arena);
	remove_folder(folder);
	return EXIT_SUCCESS;
}
