/* What the files of WebSockets share: one socket, the frame that comes in and the one that goes out. All of it is its
 * loop's thread's. */
#ifndef MACHI_NET_HTTP_WEBSOCKET_INT_H
#define MACHI_NET_HTTP_WEBSOCKET_INT_H

#include "base/buf.h"
#include "net/http_int.h"

#include <wslay/wslay.h>

#define HTTP_CONTROL_BYTES_MAX 125 /* RFC 6455 section 5.5 */
#define HTTP_CODE_BYTES 2 /* of a close */
#define HTTP_CLOSE_TRY_AGAIN_LATER 1013 /* IANA's registry of close codes */
#define HTTP_WEBSOCKET_FELL_BEHIND "fell behind what is held"

struct http_frame_out { /* the frame that goes out */
	bool under_way;
	uint8_t opcode, fin;
	const char *at;
	size_t len, sent;
};

struct http_frame_in { /* the frame that comes in */
	bool under_way;
	uint8_t opcode;
	uint64_t left;
	bool in_message; /* a message whose last frame has not come */
	uint64_t message_bytes;
	char control[HTTP_CONTROL_BYTES_MAX];
	size_t control_len;
	struct buf text; /* the message so far, where messages are taken */
	size_t counted; /* of it, in the server's bodies_bytes */
	bool is_text;
	bool held; /* it is whole, and could not be taken yet */
};

struct http_websocket {
	struct http_request *request;
	wslay_frame_context_ptr frames;
	struct MHD_UpgradeResponseHandle *handle; /* NULL: 101 has not gone out */
	int fd;
	bool in_set; /* of the loop's epoll */
	uint32_t watched;
	struct str early; /* what came behind the handshake; in the arena */
	struct http_frame_in in;
	struct http_frame_out out;
	bool in_message; /* of which a frame has gone out, and the last one has not */
	bool ping_wanted, pong_wanted, closing, close_sent, close_received;
	bool broken; /* what comes cannot be cut into frames any more */
	bool failed; /* the socket, or its client has gone */
	bool blocked; /* the socket took no more */
	bool owes; /* more is to go out as soon as the socket takes some */
	bool done; /* given back */
	char pong[HTTP_CONTROL_BYTES_MAX], close[HTTP_CONTROL_BYTES_MAX],
		control[HTTP_CONTROL_BYTES_MAX]; /* control: going out */
	size_t pong_len, close_len;
	unsigned int reads_left; /* in this turn */
	int64_t moved_us; /* the socket took something */
	int64_t pinged_us; /* 0: something has come since the last ping */
	ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool *ret_ends);
	bool (*take)(struct http_request *request, struct str text); /* NULL: messages are dropped */
	size_t message_bytes_max;
	char block[HTTP_STREAM_BLOCK_BYTES];
};

/* http_websocket.c: a close is to go out next. The first reason counts. code 0: without one. */
void http_websocket_close(struct http_websocket *socket, uint16_t code, const char *reason);

/* http_websocket_in.c */
ssize_t http_websocket_on_receive(uint8_t *at, size_t room, int flags, void *user_data); /* wslay's callback */
bool http_websocket_reads(const struct http_websocket *socket); /* what comes in is still looked at */
void http_websocket_receive(struct http_websocket *socket); /* what is there, as far as this turn goes */
void http_websocket_offer(struct http_websocket *socket); /* again what was held, and then what came behind it */
void http_websocket_forget(struct http_websocket *socket); /* the message so far */

/* http_websocket_out.c */
ssize_t http_websocket_on_send(const uint8_t *at, size_t len, int flags, void *user_data); /* wslay's callback */
/* False: more is to go out later, since the socket takes none now, or others are to have their turn. */
bool http_websocket_send(struct http_websocket *socket);

#endif
