/* Which addresses this program may connect to when a stranger named the address: in the URL of an @context, as the
 * endpoint of a subscription. Without it a request could make the server talk to itself, to its neighbours or to the
 * metadata service of a cloud (server-side request forgery, CWE-918).
 *
 * Allowed are globally reachable unicast addresses, and what the operator lists. Everything in the IANA registries of
 * special-purpose addresses (RFC 6890: loopback, private, link-local, shared, documentation, multicast …) is refused
 * unless listed. What counts is the address that a socket is about to connect to, so neither a redirect nor a name
 * that resolves differently the second time gets around it. Addresses that carry an IPv4 address (mapped, NAT64) are
 * judged by that one. Thread: immutable once made; any. */
#ifndef MACHI_NET_ADDRESS_POLICY_H
#define MACHI_NET_ADDRESS_POLICY_H

#include "base/error.h"
#include "base/str.h"

#include <sys/socket.h>

#define ADDRESS_POLICY_ENTRIES_MAX 256u
#define ADDRESS_TEXT_BYTES 64 /* of an address as text, its NUL included */

struct address_policy;

/* Each entry of allow is an address ("192.168.1.7", "::1"), a network ("10.0.0.0/8", "fd00::/8"), a host name
 * ("broker.lan": every address that it resolves to) or a domain ("*.lan": the names below it). ERR_INVALID names the
 * entry; ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code address_policy_new(const char *const *allow, size_t allow_count,
					    struct address_policy **ret_policy, struct error *err);
struct address_policy *address_policy_free(struct address_policy *policy);

/* May a socket connect to this address (AF_INET, AF_INET6; no others), to which host resolved? host is the name in the
 * URL, without brackets. policy NULL: the one without entries. */
bool address_policy_allows(const struct address_policy *policy, struct str host, const struct sockaddr *address);

/* The address as text, without its port. */
struct str address_text(const struct sockaddr *address, char buffer[static ADDRESS_TEXT_BYTES]);

#endif
