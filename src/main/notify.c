/* Messages to systemd. Written against the documented protocol (sd_notify(3)) instead of libsystemd, which would bring
 * five more libraries into the process for one sendto(); docs/decisions tells more. */
#include "main/notify.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define MESSAGE_BYTES_MAX 512

static void send_message(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract name */
	/* Nobody listening is systemd's business: it will notice that readiness never came. */
	(void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

void notify_ready(const char *status)
{
	char message[MESSAGE_BYTES_MAX];

	(void)snprintf(message, sizeof(message), "READY=1\nSTATUS=%s", status);
	send_message(message);
}

void notify_reloading(void)
{
	char message[MESSAGE_BYTES_MAX];
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
		       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	send_message(message);
}

void notify_stopping(void)
{
	send_message("STOPPING=1\nSTATUS=Answering the requests under way");
}

void notify_watchdog(void)
{
	send_message("WATCHDOG=1");
}

uint32_t notify_watchdog_interval_ms(void)
{
	struct str interval = str_from(getenv("WATCHDOG_USEC")), pid = str_from(getenv("WATCHDOG_PID"));
	uint64_t us, whom;

	if (!str_to_uint64(interval, &us) || us < 2000 || us > UINT64_C(86400000000))
		return 0;
	if (pid.len && (!str_to_uint64(pid, &whom) || whom != (uint64_t)getpid()))
		return 0;
	return (uint32_t)(us / 2000);
}
