/* Basic authentication (RFC 7617): who a request says it is from. Pure. */
#ifndef MACHI_NET_HTTP_BASIC_H
#define MACHI_NET_HTTP_BASIC_H

#include "base/arena.h"

/* The value of an Authorization header taken apart; user and password lie in the arena. They are bytes: no charset is
 * demanded (section 2.1), since devices have keys for passwords. False: it is no such header, or there is no memory. */
bool http_basic_read(struct str header, struct arena *arena, struct str *ret_user, struct str *ret_password);

#endif
