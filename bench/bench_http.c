/* A constant answer of 1 KiB over HTTP: our server beside plain libmicrohttpd with the same number of threads, asked by
 * wrk in turn. The plain program is the usual one (internal epoll threads, nothing but the answer); once it makes its
 * response per request as ours must, once it queues one response made at the start. */
#include "bench.h"
#include "net/http_server.h"

#include <microhttpd.h>
#include <string.h>

#define THREADS 2u
#define ROUNDS 5u
#define CONNECTIONS 64
#define SECONDS 2

static char answer[1024];

/* ---- ours ---- */

static void on_request(void *self, void *state, struct http_request *request)
{
	(void)self;
	(void)state;
	(void)http_response_header(request, "Content-Type", STR("text/plain"));
	http_respond(request, 200, (struct str){answer, sizeof(answer)});
}

/* ---- the peer ---- */

/* libmicrohttpd dictates the types. */
// NOLINTBEGIN(readability-non-const-parameter)
static enum MHD_Result peer_answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
				   const char *version, const char *upload, size_t *upload_bytes, void **seen)
{
	static int mark;
	struct MHD_Response *made_once = cls;

	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	(void)upload_bytes;
	if (!*seen) {
		*seen = &mark;
		return MHD_YES;
	}
	if (made_once)
		return MHD_queue_response(connection, 200, made_once);
	struct MHD_Response *response = MHD_create_response_from_buffer(sizeof(answer), answer, MHD_RESPMEM_PERSISTENT);

	(void)MHD_add_response_header(response, "Content-Type", "text/plain");
	enum MHD_Result result = MHD_queue_response(connection, 200, response);

	MHD_destroy_response(response);
	return result;
}
// NOLINTEND(readability-non-const-parameter)

static uint16_t peer_start(struct MHD_Response *made_once, struct MHD_Daemon **ret_daemon)
{
	*ret_daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, peer_answer, made_once,
				       MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_END);
	if (!*ret_daemon)
		return 0;
	return MHD_get_daemon_info(*ret_daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* ---- wrk ---- */

static double cpu_us(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

/* Answers a second, and the server side's processor time for one (wrk is a process of its own); negative when wrk is
 * missing or anything but 200 came. */
static double wrk(uint16_t port, double *ret_cpu_us)
{
	char command[256], line[256];
	double rate = -1, answers = 0, before_us = cpu_us();

	(void)snprintf(command, sizeof(command), "wrk -t1 -c%d -d%ds http://127.0.0.1:%u/x 2>&1", CONNECTIONS, SECONDS,
		       (unsigned int)port);
	FILE *out = popen(command, "r"); // NOLINT(cert-env33-c): the command is ours

	while (out && fgets(line, sizeof(line), out)) {
		struct str text = str_trim(str_from(line)), number = text;

		if (str_starts(text, STR("Requests/sec:")))
			(void)str_to_double(str_trim(str_part(text, 13, text.len)), &rate);
		else if (str_contains(text, STR(" requests in ")) && str_next(&text, ' ', &number))
			(void)str_to_double(number, &answers);
		if (strstr(line, "Non-2xx") || strstr(line, "Socket errors"))
			return -1;
	}
	if (out && pclose(out) != 0)
		return -1;
	*ret_cpu_us = answers > 0 ? (cpu_us() - before_us) / answers : 0;
	return rate;
}

static int run(const uint16_t *ports, const char *const *names, size_t count)
{
	double figures[BENCH_SIDES_MAX][ROUNDS], costs[BENCH_SIDES_MAX][ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < count; i++) {
			size_t side = round % 2 ? count - 1 - i : i;
			double rate = wrk(ports[side], &costs[side][round]);

			if (rate <= 0) {
				bench_note("wrk (Debian package wrk) did not measure; is it installed?");
				return EXIT_FAILURE;
			}
			figures[side][round] = rate;
		}
	}
	for (size_t i = 0; i < count; i++)
		bench_report_rounds("GET of 1 KiB, 64 connections, 2 threads", names[i], figures[i], ROUNDS,
				    "answers/s");
	for (size_t i = 0; i < count; i++)
		bench_report_rounds("processor time of the server for one of them", names[i], costs[i], ROUNDS, "us");
	return EXIT_SUCCESS;
}

int main(void)
{
	const struct http_server_options options = {.address = "127.0.0.1",
						    .loop_count = THREADS,
						    .body_bytes_max = 4096,
						    .arena_bytes_max = 65536,
						    .handle = on_request};
	static const char *const names[] = {"ours", "libmicrohttpd", "libmicrohttpd, one response"};
	struct MHD_Daemon *peers[2] = {NULL, NULL};
	struct http_server *server = NULL;
	struct error err;
	uint16_t ports[3];

	memset(answer, 'a', sizeof(answer));
	struct MHD_Response *made_once =
		MHD_create_response_from_buffer(sizeof(answer), answer, MHD_RESPMEM_PERSISTENT);

	(void)MHD_add_response_header(made_once, "Content-Type", "text/plain");
	if (http_server_new(&options, &server, &err) != ERR_OK)
		return EXIT_FAILURE;
	ports[0] = http_server_port(server);
	ports[1] = peer_start(NULL, &peers[0]);
	ports[2] = peer_start(made_once, &peers[1]);
	int code = run(ports, names, 3);

	for (size_t i = 0; i < 2; i++)
		if (peers[i])
			MHD_stop_daemon(peers[i]);
	MHD_destroy_response(made_once);
	(void)http_server_free(server);
	return code;
}
