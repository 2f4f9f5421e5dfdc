/* Raw bytes on a connection of the real server: whatever comes, no crash, and what goes back is nothing or answers of
 * HTTP/1.1. The input is cut at each 0x1e into pieces that are sent apart, so that heads arrive in parts. */
#include "http_fuzz.h"

#include <assert.h>
#include <string.h>

#define ANSWER_BYTES 4096u
#define WAIT_US 5000 /* for an answer; the verdict does not depend on whether one came in time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(void *self, void *loop_state, struct http_request *request)
{
	size_t count;
	const struct http_parameter *parameters = http_request_parameters(request, &count);
	struct str accept = http_request_header(request, STR("Accept"));

	(void)self;
	(void)loop_state;
	for (size_t i = 0; i < count; i++)
		(void)http_response_header(request, "X-Parameter", parameters[i].value);
	(void)http_response_header(request, "X-Accept", accept);
	http_respond(request, 200, http_request_body(request));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str piece, rest = {(const char *)data, size};
	char answer[ANSWER_BYTES];
	int fd = dial(server_port(on_request), WAIT_US);

	if (fd < 0)
		return 0;
	while (str_next(&rest, 0x1e, &piece))
		if (piece.len > 0 && send(fd, piece.at, piece.len, MSG_NOSIGNAL) < 0)
			break;
	ssize_t got = recv(fd, answer, sizeof(answer), 0);

	assert(got < 9 || memcmp(answer, "HTTP/1.1 ", 9) == 0);
	(void)got;
	(void)close(fd);
	return 0;
}
