/* Automatic release at scope exit (systemd's _cleanup_): CLEANUP(thing) struct thing *p = NULL; needs a
 * thing_freep(struct thing **), which DEFINE_CLEANUP makes from thing_free(). TAKE(p) hands the pointer over. */
#ifndef MACHI_BASE_CLEANUP_H
#define MACHI_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(name) __attribute__((cleanup(name##_freep)))
#define DEFINE_CLEANUP(type, name)                                                                                     \
	static inline void name##_freep(__typeof__(type) *p)                                                           \
	{                                                                                                              \
		if (*p)                                                                                                \
			(void)name##_free(*p);                                                                         \
	}                                                                                                              \
	struct cleanup_needs_semicolon_

#define TAKE(p)                                                                                                        \
	__extension__({                                                                                                \
		__typeof__(p) taken_ = (p);                                                                            \
		(p) = NULL;                                                                                            \
		taken_;                                                                                                \
	})

static inline void memory_freep(void *p)
{
	free(*(void **)p);
}

static inline void fd_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void file_closep(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#define CLEANUP_MEMORY __attribute__((cleanup(memory_freep)))
#define CLEANUP_FD __attribute__((cleanup(fd_closep)))
#define CLEANUP_FILE __attribute__((cleanup(file_closep)))

#endif
