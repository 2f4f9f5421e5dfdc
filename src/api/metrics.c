/* /metrics: counters in Prometheus' text format 0.0.4. Each loop counts for itself without locks; who asks adds up. */
#include "api/api_int.h"

#include "broker/snapshots.h"
#include "broker/streams.h"

#include <stdio.h>
#include <unistd.h>

static const uint64_t bucket_us[API_LATENCY_BUCKETS] = {100,   250,   500,    1000,   2500,   5000,    10000,
							25000, 50000, 100000, 250000, 500000, 1000000, 5000000};

/* Only the loop's thread writes: a load and a store are enough, and cheaper than a locked addition. */
static void add(_Atomic uint64_t *counter, uint64_t amount)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

void metrics_count(struct api_loop *loop, const struct operation *operation, int status, uint64_t duration_us)
{
	size_t bucket = 0;

	while (bucket < API_LATENCY_BUCKETS && duration_us > bucket_us[bucket])
		bucket++;
	add(&loop->answers[api_operation_index(operation)][status >= 100 && status < 600 ? status / 100 : 0], 1);
	add(&loop->latency[bucket], 1);
	add(&loop->latency_us, duration_us);
}

void metrics_count_source(struct api_loop *loop, enum source_count how)
{
	add(&loop->source_requests[how], 1);
}

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	buf_printf(out, "%s %.17g\n", name, value);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "counter", help);
	buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void answers_write(struct buf *out, const struct api_loop *loops)
{
	static const char *const classes[6] = {"lost", "1xx", "2xx", "3xx", "4xx", "5xx"};

	head(out, "machi_api_requests_total", "counter", "Requests answered, by operation and class of status.");
	for (size_t i = 0; i <= operation_count; i++) {
		for (size_t class = 0; class < 6; class ++) {
			uint64_t sum = 0;

			for (const struct api_loop *loop = loops; loop; loop = loop->next)
				sum += load(&loop->answers[i][class]);
			if (sum)
				buf_printf(out, "machi_api_requests_total{operation=\"%s\",code=\"%s\"} %llu\n",
					   i < operation_count ? operations[i].id : "none", classes[class],
					   (unsigned long long)sum);
		}
	}
}

static void sources_write(struct buf *out, const struct api_loop *loops)
{
	static const char *const ends[SOURCE_COUNT_KINDS] = {"answered", "refused", "silent", "skipped"};

	head(out, "machi_source_requests_total", "counter",
	     "Requests to other context sources, by how they ended; skipped: the source is left alone for a while.");
	for (size_t how = 0; how < SOURCE_COUNT_KINDS; how++) {
		uint64_t sum = 0;

		for (const struct api_loop *loop = loops; loop; loop = loop->next)
			sum += load(&loop->source_requests[how]);
		buf_printf(out, "machi_source_requests_total{outcome=\"%s\"} %llu\n", ends[how],
			   (unsigned long long)sum);
	}
}

static void latency_write(struct buf *out, const struct api_loop *loops)
{
	uint64_t below = 0, total_us = 0;

	head(out, "machi_api_request_duration_seconds", "histogram",
	     "From the request line to the last byte of the answer.");
	for (size_t bucket = 0; bucket <= API_LATENCY_BUCKETS; bucket++) {
		for (const struct api_loop *loop = loops; loop; loop = loop->next)
			below += load(&loop->latency[bucket]);
		if (bucket < API_LATENCY_BUCKETS)
			buf_printf(out, "machi_api_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
				   (double)bucket_us[bucket] / 1e6, (unsigned long long)below);
	}
	for (const struct api_loop *loop = loops; loop; loop = loop->next)
		total_us += load(&loop->latency_us);
	buf_printf(out,
		   "machi_api_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n"
		   "machi_api_request_duration_seconds_sum %.6f\n"
		   "machi_api_request_duration_seconds_count %llu\n",
		   (unsigned long long)below, (double)total_us / 1e6, (unsigned long long)below);
}

static void server_write(struct buf *out, const struct http_server *server)
{
	struct http_server_stats stats;

	if (!server)
		return;
	http_server_stats(server, &stats);
	counter(out, "machi_http_connections_total", "Connections accepted.", stats.connections);
	counter(out, "machi_http_connections_refused_total", "Connections closed at once: too many.",
		stats.connections_refused);
	counter(out, "machi_http_requests_total", "Requests begun.", stats.requests);
	counter(out, "machi_http_responses_4xx_total", "Answers that blame the client.", stats.responses_4xx);
	counter(out, "machi_http_responses_5xx_total", "Answers that blame the server.", stats.responses_5xx);
	counter(out, "machi_http_received_bytes_total", "Bytes of heads and bodies received.", stats.bytes_in);
	counter(out, "machi_http_sent_bytes_total", "Bytes of bodies sent.", stats.bytes_out);
	gauge(out, "machi_http_connections_open", "Connections open now.", (double)stats.connections_open);
	gauge(out, "machi_http_requests_open", "Requests under way now.", (double)stats.requests_open);
}

/* ---- stores ---- */

#define TENANTS_SHOWN_MAX BROKER_TENANTS_MAX

struct tenant_stats {
	struct str name;
	struct store_stats stats;
};

struct tenants_visit {
	struct arena *arena;
	struct tenant_stats *tenants;
	size_t count;
};

static void tenant_visit(void *self, struct str name, struct store *store)
{
	struct tenants_visit *visit = self;
	struct tenant_stats *tenant = &visit->tenants[visit->count];
	struct error err;

	if (visit->count == TENANTS_SHOWN_MAX || store_stats(store, &tenant->stats, &err) != ERR_OK)
		return;
	tenant->name = arena_dup(visit->arena, name);
	visit->count++;
}

struct store_metric {
	const char *name, *type, *help;
	size_t offset;
};

#define STORE_METRIC(field) offsetof(struct store_stats, field)

static const struct store_metric store_metrics[] = {
	{"machi_store_writes_total", "counter", "Writes done.", STORE_METRIC(writes)},
	{"machi_store_commits_total", "counter", "Transactions committed.", STORE_METRIC(commits)},
	{"machi_store_write_errors_total", "counter", "Writes that failed.", STORE_METRIC(write_errors)},
	{"machi_store_replays_total", "counter", "Transactions repeated without a failed write.",
	 STORE_METRIC(replays)},
	{"machi_store_queue_depth", "gauge", "Writes waiting.", STORE_METRIC(queue_depth)},
	{"machi_store_entities", "gauge", "Entities stored.", STORE_METRIC(entities)},
	{"machi_store_history_rows", "gauge", "Points of history stored (estimated).", STORE_METRIC(history_rows)},
	{"machi_history_packed_points_total", "counter", "Points of history packed.", STORE_METRIC(points_packed)},
	{"machi_history_expired_points_total", "counter",
	 "Points of history that were older than their rule keeps them, and went into roll-ups or for good.",
	 STORE_METRIC(points_expired)},
	{"machi_history_expired_buckets_total", "counter", "Buckets of roll-ups that went by the same rules.",
	 STORE_METRIC(buckets_expired)},
	{"machi_history_damaged_pieces", "gauge",
	 "Batches and blocks of history set aside because they cannot be read; machi check names them.",
	 STORE_METRIC(damaged)},
	{"machi_store_damaged_reads_total", "counter", "Reads that came upon something damaged.",
	 STORE_METRIC(damaged_reads)},
	{"machi_store_database_bytes", "gauge", "Size of the database file.", STORE_METRIC(database_bytes)},
	{"machi_store_wal_bytes", "gauge", "Size of the write-ahead log.", STORE_METRIC(wal_bytes)},
};

static void stores_write(struct buf *out, struct call *call)
{
	struct tenants_visit visit = {.arena = call->arena,
				      .tenants = arena_array(call->arena, struct tenant_stats, TENANTS_SHOWN_MAX + 1)};

	if (!visit.tenants)
		return;
	broker_each_tenant(call->api->options.broker, tenant_visit, &visit);
	for (size_t i = 0; i < sizeof(store_metrics) / sizeof(store_metrics[0]); i++) {
		const struct store_metric *metric = &store_metrics[i];

		head(out, metric->name, metric->type, metric->help);
		for (size_t t = 0; t < visit.count; t++) {
			const char *at = (const char *)&visit.tenants[t].stats + metric->offset;

			/* Tenants' names are letters, digits, "_" and "-": nothing to escape. */
			buf_printf(out, "%s{tenant=\"%.*s\"} %llu\n", metric->name, STR_FMT(visit.tenants[t].name),
				   (unsigned long long)*(const uint64_t *)(const void *)at);
		}
	}
}

/* ---- the process ---- */

/* Second number of /proc/self/statm: resident pages. */
static double resident_bytes(void)
{
	char line[128];
	uint64_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	struct str total, resident, rest = file && fgets(line, sizeof(line), file) ? str_from(line) : STR_NONE;

	if (str_next(&rest, ' ', &total) && str_next(&rest, ' ', &resident))
		(void)str_to_uint64(resident, &pages);
	if (file)
		(void)fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void process_write(struct buf *out, const struct api *api)
{
	head(out, "machi_build_info", "gauge", "What is running.");
	buf_printf(out, "machi_build_info{version=\"%s\",compiler=\"%s\"} 1\n", api->options.version, __VERSION__);
	gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
	gauge(out, "machi_uptime_seconds", "Time since the start.", (double)(api_now_us() - api->start_us) / 1e6);
	gauge(out, "machi_ready", "1 when requests are taken.", atomic_load(&api->ready) ? 1 : 0);
}

static void sweep_write(struct buf *out, const struct broker *broker)
{
	uint64_t entities, failures;

	broker_sweep_stats(broker, &entities, &failures);
	counter(out, "machi_swept_entities_total", "Entities deleted or changed because something of them had expired.",
		entities);
	counter(out, "machi_sweep_failures_total", "Sweeps of a tenant that failed and are tried again.", failures);
}

static void streams_write(struct buf *out, const struct broker *broker)
{
	struct broker_stream_stats stats;

	broker_stream_stats(broker, &stats);
	gauge(out, "machi_streams_open", "Streams of changes open now.", (double)stats.streams);
	gauge(out, "machi_stream_selectors", "Different things that streams select, those kept included.",
	      (double)stats.selectors);
	gauge(out, "machi_stream_held_bytes", "Recent events held for streams.", (double)stats.bytes);
}

static void snapshots_write(struct buf *out, struct broker *broker)
{
	struct broker_snapshot_stats stats;

	broker_snapshot_stats(broker, &stats);
	gauge(out, "machi_snapshots", "Snapshots of all tenants, those that are being made included.",
	      (double)stats.snapshots);
	counter(out, "machi_snapshots_made_total", "Snapshots that were made, well or not.", stats.made);
	counter(out, "machi_snapshots_failed_total", "Of these, those that are a failure.", stats.failed);
}

void show_metrics(struct call *call)
{
	struct api *api = call->api;
	struct buf out;

	buf_init(&out, API_METRICS_BYTES_MAX);
	process_write(&out, api);
	server_write(&out, atomic_load(&api->server));
	(void)pthread_mutex_lock(&api->lock);
	answers_write(&out, api->loops);
	latency_write(&out, api->loops);
	sources_write(&out, api->loops);
	(void)pthread_mutex_unlock(&api->lock);
	stores_write(&out, call);
	sweep_write(&out, api->options.broker);
	streams_write(&out, api->options.broker);
	snapshots_write(&out, api->options.broker);
	for (size_t i = 0; i < api->metrics_count; i++)
		api->metrics[i].write(api->metrics[i].self, &out);
	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	answer_buf(call, 200, STR("text/plain; version=0.0.4; charset=utf-8"), &out);
}
