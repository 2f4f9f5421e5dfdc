/* Debian's mosquitto as a process of a test, on free ports of 127.0.0.1: one for plain MQTT, one for TLS where openssl
 * made a certificate. User "ann" with BROKER_PASSWORD may write below city/, nobody else may anything. */
#ifndef MACHI_TESTS_MQTT_BROKER_H
#define MACHI_TESTS_MQTT_BROKER_H

#include "folder_util.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define BROKER_PASSWORD "se:cr@t"
#define BROKER_PATIENCE_MS 10000

struct broker {
	char folder[64], config[96], certificate[96];
	uint16_t port, tls_port; /* tls_port 0: no TLS */
	pid_t process;
};

static inline void broker_sleep_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static inline int broker_socket(uint16_t port, bool listening, uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listening ? bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
				getsockname(fd, (struct sockaddr *)&address, &len) != 0
		      : connect(fd, (struct sockaddr *)&address, len) != 0) {
		(void)close(fd);
		return -1;
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Nobody listens there, and hardly anybody will. */
static inline uint16_t broker_free_port(void)
{
	uint16_t port = 0;
	int fd = broker_socket(0, true, &port);

	if (fd < 0)
		abort();
	(void)close(fd);
	return port;
}

/* Quietly; true when it ended well. */
static inline bool broker_command(const char *const *arguments)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static inline void broker_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static inline bool broker_certificate(const struct broker *broker, const char *key)
{
	const char *const arguments[] = {"openssl",
					 "req",
					 "-x509",
					 "-newkey",
					 "ec",
					 "-pkeyopt",
					 "ec_paramgen_curve:prime256v1",
					 "-nodes",
					 "-days",
					 "2",
					 "-subj",
					 "/CN=localhost",
					 "-addext",
					 "subjectAltName=DNS:localhost",
					 "-keyout",
					 key,
					 "-out",
					 broker->certificate,
					 NULL};

	return broker_command(arguments);
}

/* Starts it on the ports that it has; false when it does not come. */
static inline bool broker_start(struct broker *broker)
{
	const char *const arguments[] = {"mosquitto", "-c", broker->config, NULL};
	uint16_t port;

	broker->process = fork();
	if (broker->process == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execvp("mosquitto", (char *const *)(uintptr_t)arguments);
		(void)execv("/usr/sbin/mosquitto", (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	for (int waited_ms = 0; waited_ms < BROKER_PATIENCE_MS; waited_ms += 10) {
		int fd = broker_socket(broker->port, false, &port);

		if (fd >= 0) {
			(void)close(fd);
			return true;
		}
		broker_sleep_ms(10);
	}
	return false;
}

static inline void broker_stop(struct broker *broker)
{
	if (broker->process > 0) {
		(void)kill(broker->process, SIGTERM);
		(void)waitpid(broker->process, NULL, 0);
	}
	broker->process = 0;
}

static inline bool broker_installed(void)
{
	return access("/usr/sbin/mosquitto", X_OK) == 0 && access("/usr/bin/mosquitto_passwd", X_OK) == 0;
}

static inline bool broker_new(struct broker *broker)
{
	char users[96], access_list[96], key[96], config[1024];
	const char *const arguments[] = {"mosquitto_passwd", "-c", "-b", users, "ann", BROKER_PASSWORD, NULL};

	*broker = (struct broker){.folder = "/tmp/machi-mqtt-XXXXXX"};
	if (!mkdtemp(broker->folder))
		abort();
	(void)snprintf(broker->config, sizeof(broker->config), "%s/conf", broker->folder);
	(void)snprintf(broker->certificate, sizeof(broker->certificate), "%s/certificate", broker->folder);
	(void)snprintf(users, sizeof(users), "%s/users", broker->folder);
	(void)snprintf(access_list, sizeof(access_list), "%s/access", broker->folder);
	(void)snprintf(key, sizeof(key), "%s/key", broker->folder);
	broker_write(access_list, "user ann\ntopic readwrite city/#\n");
	if (!broker_command(arguments))
		return false;
	broker->port = broker_free_port();
	if (broker_certificate(broker, key))
		broker->tls_port = broker_free_port();
	int len = snprintf(
		config, sizeof(config),
		"per_listener_settings false\nallow_anonymous false\nuser root\npassword_file %s\nacl_file %s\n"
		"persistence false\nmax_inflight_messages 20\nmax_queued_messages 0\nlistener %u 127.0.0.1\n",
		users, access_list, (unsigned int)broker->port);

	if (broker->tls_port)
		(void)snprintf(config + len, sizeof(config) - (size_t)len,
			       "listener %u 127.0.0.1\ncertfile %s\nkeyfile %s\n", (unsigned int)broker->tls_port,
			       broker->certificate, key);
	broker_write(broker->config, config);
	return broker_start(broker);
}

static inline void broker_free(struct broker *broker)
{
	broker_stop(broker);
	remove_folder(broker->folder);
}

#endif
