/* Runs a peer that is a program of its own, and reads what it prints. */
#ifndef MACHI_BENCH_PEER_H
#define MACHI_BENCH_PEER_H

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs argv (NULL at the end; argv[0] is looked for in PATH) and returns what it wrote to standard output, in the
 * buffer. Ends the bench when that is not to be had: a peer that failed must not leave a figure. */
static inline struct str peer_run(const char *const *argv, char *buffer, size_t room)
{
	size_t len = 0;
	int ends[2], status = 0;

	if (pipe(ends) != 0)
		abort();
	pid_t child = fork();

	if (child < 0)
		abort();
	if (child == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(ends[1]);
	for (ssize_t got; len < room && (got = read(ends[0], buffer + len, room - len)) > 0;)
		len += (size_t)got;
	(void)close(ends[0]);
	if (waitpid(child, &status, 0) != child || status != 0) {
		(void)fprintf(stderr, "the peer %s failed\n", argv[0]);
		exit(EXIT_FAILURE);
	}
	return str_trim((struct str){buffer, len});
}

/* "COUNT SECONDS" as a peer prints it. */
static inline void peer_figures(struct str text, uint64_t *ret_count, double *ret_seconds)
{
	struct str count;

	if (!str_next(&text, ' ', &count) || !str_to_uint64(count, ret_count) || !str_to_double(text, ret_seconds)) {
		(void)fprintf(stderr, "the peer printed something else\n");
		exit(EXIT_FAILURE);
	}
}

#endif
