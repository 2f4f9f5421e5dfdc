/* A receiver of HTTP requests on real sockets, for tests of what sends them: a thread for each connection, which
 * counts, keeps the beginning of the last request, and answers as the test that includes this says. */
#ifndef MACHI_TESTS_RECEIVER_UTIL_H
#define MACHI_TESTS_RECEIVER_UTIL_H

#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX ((size_t)3 << 20)
#define LAST_BYTES 8192

static int listener;
static unsigned int port;
static _Atomic int accepted, requests, live;
static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static char last[LAST_BYTES + 1]; /* the beginning of the last request; guarded by last_lock */
static size_t last_bytes; /* of all of it; guarded by last_lock */

/* Of the test: answers a request. False: the connection is over. count: requests on it so far. */
static bool answer(int fd, const char *request, int count);

static inline void sleep_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static inline bool say_bytes(int fd, const char *at, size_t len)
{
	for (ssize_t sent; len > 0; at += sent, len -= (size_t)sent) {
		sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
	}
	return true;
}

static inline bool say(int fd, const char *text)
{
	return say_bytes(fd, text, strlen(text));
}

/* The length of the request at the front, 0 when it is not whole yet. */
static inline size_t request_len(const char *bytes, size_t len)
{
	const char *end = strstr(bytes, "\r\n\r\n"), *field = strstr(bytes, "Content-Length: ");
	uint64_t body = 0;

	if (!end)
		return 0;
	if (field && field < end)
		(void)str_to_uint64((struct str){field + 16, strcspn(field + 16, "\r")}, &body);
	size_t whole = (size_t)(end - bytes) + 4 + (size_t)body;

	return len >= whole ? whole : 0;
}

static inline void keep_last(const char *bytes, size_t len)
{
	size_t kept = len < LAST_BYTES ? len : LAST_BYTES;

	(void)pthread_mutex_lock(&last_lock);
	memcpy(last, bytes, kept);
	last[kept] = '\0';
	last_bytes = len;
	(void)pthread_mutex_unlock(&last_lock);
}

static inline void *serve(void *cls)
{
	int fd = (int)(intptr_t)cls, count = 0;
	char *bytes = malloc(REQUEST_BYTES_MAX + 1);
	size_t len = 0, whole;
	ssize_t got;

	if (!bytes)
		abort();
	while (len < REQUEST_BYTES_MAX && (got = recv(fd, bytes + len, REQUEST_BYTES_MAX - len, 0)) > 0) {
		len += (size_t)got;
		bytes[len] = '\0';
		whole = request_len(bytes, len);
		if (!whole)
			continue;
		atomic_fetch_add(&requests, 1);
		keep_last(bytes, whole);
		if (!answer(fd, bytes, ++count))
			break;
		memmove(bytes, bytes + whole, len - whole);
		len -= whole;
	}
	free(bytes);
	(void)close(fd);
	atomic_fetch_sub(&live, 1);
	return NULL;
}

static inline void *accept_all(void *cls)
{
	int fd;

	(void)cls;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t thread;

		atomic_fetch_add(&accepted, 1);
		atomic_fetch_add(&live, 1);
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
			abort();
		(void)pthread_detach(thread);
	}
	return NULL;
}

static inline pthread_t receiver_start(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
	    pthread_create(&thread, NULL, accept_all, NULL) != 0)
		abort();
	port = ntohs(address.sin_port);
	return thread;
}

/* After this nothing of it runs any more. */
static inline void receiver_end(pthread_t thread)
{
	(void)shutdown(listener, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	(void)close(listener);
	while (atomic_load(&live) > 0)
		sleep_ms(1);
}

static inline bool last_has(const char *part)
{
	(void)pthread_mutex_lock(&last_lock);
	bool has = strstr(last, part) != NULL;

	(void)pthread_mutex_unlock(&last_lock);
	return has;
}

#endif
