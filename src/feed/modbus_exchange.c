/* One question after another on a Modbus connection. The feed's thread waits for answers here, but for no longer than
 * the timeout, and somebody who wakes the feed wakes it here too. */
#include "feed/feed_clock_int.h"
#include "feed/modbus_int.h"

enum modbus_outcome modbus_line_open(struct modbus_line *line, int64_t timeout_ms, struct error *err)
{
	struct feed *feed = line->feed;

	/* What was closed there while nobody asked, and answers that came too late. */
	while (tcp_link_receive(line->link, line->received, sizeof(line->received)) > 0)
		;
	line->received_bytes = 0;
	if (tcp_link_state(line->link) == TCP_LINK_CLOSED)
		tcp_link_open(line->link, timeout_ms);
	while (tcp_link_state(line->link) == TCP_LINK_OPENING && feed_goes_on(feed)) {
		struct pollfd wanted = tcp_link_wanted(line->link);

		feed_wait(feed, &wanted, tcp_link_deadline_ms(line->link));
		tcp_link_turn(line->link, wanted.revents);
		intake_turn(feed->intake);
	}
	if (!feed_goes_on(feed))
		return MODBUS_STOPPED;
	if (tcp_link_state(line->link) == TCP_LINK_OPEN)
		return MODBUS_ANSWERED;
	(void)err_set(err, ERR_IO, "%s", tcp_link_trouble(line->link));
	return MODBUS_BROKEN;
}

static enum modbus_outcome no_modbus(struct modbus_line *line)
{
	tcp_link_close(line->link);
	return MODBUS_BROKEN;
}

/* The answer, when it has come. What belongs to an earlier question came too late and is passed over. MODBUS_SILENT: it
 * has not come. */
static enum modbus_outcome take_answer(struct modbus_line *line, const struct modbus_request *request, uint16_t *words,
				       uint8_t *ret_exception, struct error *err)
{
	size_t bytes = 0;

	for (;;) {
		struct str received = {line->received, line->received_bytes};
		bool is_answer;

		if (modbus_frame_bytes(received, &bytes, err) != ERR_OK)
			return no_modbus(line);
		if (bytes == 0)
			return MODBUS_SILENT;
		struct str frame = str_part(received, 0, bytes);

		is_answer = modbus_frame_transaction(frame) == request->transaction;
		if (is_answer && modbus_read_answer(request, frame, words, ret_exception, err) != ERR_OK)
			return no_modbus(line);
		line->received_bytes -= bytes;
		memmove(line->received, line->received + bytes, line->received_bytes);
		if (is_answer)
			return MODBUS_ANSWERED;
	}
}

static enum modbus_outcome await(struct modbus_line *line, const struct modbus_request *request, int64_t timeout_ms,
				 uint16_t *words, uint8_t *ret_exception, struct error *err)
{
	struct feed *feed = line->feed;
	int64_t deadline_ms = feed_clock_ms() + timeout_ms;

	while (feed_goes_on(feed)) {
		ssize_t got = tcp_link_receive(line->link, line->received + line->received_bytes,
					       sizeof(line->received) - line->received_bytes);

		if (got < 0) {
			(void)err_set(err, ERR_IO, "%s", tcp_link_trouble(line->link));
			return MODBUS_BROKEN;
		}
		line->received_bytes += (size_t)got;
		enum modbus_outcome outcome = take_answer(line, request, words, ret_exception, err);

		if (outcome != MODBUS_SILENT)
			return outcome;
		if (feed_clock_ms() >= deadline_ms) {
			(void)err_set(err, ERR_TIMEOUT, "it does not answer within %lld ms", (long long)timeout_ms);
			return MODBUS_SILENT;
		}
		struct pollfd wanted = tcp_link_wanted(line->link);

		feed_wait(feed, &wanted, deadline_ms);
		intake_turn(feed->intake);
	}
	return MODBUS_STOPPED;
}

enum modbus_outcome modbus_line_ask(struct modbus_line *line, struct modbus_request *request, int64_t timeout_ms,
				    uint16_t *words, uint8_t *ret_exception, struct error *err)
{
	char frame[MODBUS_FRAME_BYTES_MAX];

	request->transaction = ++line->transaction;
	struct str rest = {frame, modbus_put_request(request, frame)};

	/* A frame fits into any socket's buffer that is empty; a peer that lets it fill does not read. */
	ssize_t sent = tcp_link_send(line->link, rest);

	if (sent >= 0 && (size_t)sent == rest.len)
		return await(line, request, timeout_ms, words, ret_exception, err);
	(void)err_set(err, ERR_IO, "%s", sent < 0 ? tcp_link_trouble(line->link) : "it does not read what it is asked");
	tcp_link_close(line->link);
	return MODBUS_BROKEN;
}
