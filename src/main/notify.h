/* Messages to systemd: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Without that variable nothing happens.
 * Thread: the main one. */
#ifndef MACHI_MAIN_NOTIFY_H
#define MACHI_MAIN_NOTIFY_H

#include <stdint.h>

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
/* How often notify_watchdog() must be called: half of what systemd waits for; 0: never. */
uint32_t notify_watchdog_interval_ms(void);

#endif
