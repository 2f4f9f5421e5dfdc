/* A TCP connection that is made, read and written without blocking: the name is looked up in a thread, its addresses
 * are tried one after another and held against a policy.
 *
 * Thread: one owner, which waits for what tcp_link_wanted() says. */
#ifndef MACHI_NET_TCP_LINK_H
#define MACHI_NET_TCP_LINK_H

#include "net/address_policy.h"

#include <poll.h>
#include <sys/types.h>

#define TCP_LINK_HOST_BYTES_MAX 253u
#define TCP_LINK_TROUBLE_BYTES 200

struct tcp_link;

enum tcp_link_state {
	TCP_LINK_CLOSED, /* not opened, or something went wrong: tcp_link_trouble() */
	TCP_LINK_OPENING,
	TCP_LINK_OPEN,
};

/* host is copied. policy (NULL: any address) is borrowed. wake_fd, an eventfd, is written to when the name has been
 * looked up. ERR_INVALID, ERR_MEMORY. */
MUST_CHECK enum err_code tcp_link_new(struct str host, uint16_t port, const struct address_policy *policy, int wake_fd,
				      struct tcp_link **ret_link, struct error *err);
struct tcp_link *tcp_link_free(struct tcp_link *link);

/* Begins anew; each address is given open_ms. */
void tcp_link_open(struct tcp_link *link, int64_t open_ms);
void tcp_link_close(struct tcp_link *link);
enum tcp_link_state tcp_link_state(const struct tcp_link *link);
/* Why it is closed; "" before the first trouble. */
const char *tcp_link_trouble(const struct tcp_link *link);

/* While it opens: what to wait for (fd −1: nothing), until when (CLOCK_MONOTONIC), and what to do then. */
struct pollfd tcp_link_wanted(const struct tcp_link *link);
int64_t tcp_link_deadline_ms(const struct tcp_link *link);
void tcp_link_turn(struct tcp_link *link, short revents);

/* While it is open: bytes sent or received; 0: none can be now; −1: it is closed, and the trouble says why. */
ssize_t tcp_link_send(struct tcp_link *link, struct str bytes);
ssize_t tcp_link_receive(struct tcp_link *link, char *at, size_t room);

#endif
