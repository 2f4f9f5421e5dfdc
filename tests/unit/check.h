/* The test harness: prints TAP, which Meson reads. A test file has cases and a main() that RUNs them and returns
 * check_done(). A failed check says where and what, and the case goes on. */
#ifndef MACHI_TESTS_CHECK_H
#define MACHI_TESTS_CHECK_H

#include "base/error.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int check_cases, check_failures, check_case_failures;

#define CHECK(condition) check_true((condition), #condition, __FILE__, __LINE__)
#define CHECK_STR(a, b) check_str((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance) check_near((a), (b), (tolerance), #a " == " #b, __FILE__, __LINE__)
#define CHECK_OK(call, err) check_ok((call), (err), #call, __FILE__, __LINE__)
#define RUN(name) check_run(name, #name)
/* A case about sizes, which says nothing about threads: ThreadSanitizer, under which it takes minutes, leaves it to the
 * other builds. */
#ifdef __SANITIZE_THREAD__
#define RUN_LARGE(name) ((void)name)
#else
#define RUN_LARGE(name) RUN(name)
#endif

static inline bool check_true(bool good, const char *what, const char *file, int line)
{
	if (!good) {
		check_case_failures++;
		printf("# %s:%d: not so: %s\n", file, line, what);
	}
	return good;
}

__attribute__((unused)) static bool check_str(struct str a, struct str b, const char *what, const char *file, int line)
{
	if (str_eq(a, b))
		return true;
	printf("# \"%.*s\" against \"%.*s\"\n", STR_FMT(a), STR_FMT(b));
	return check_true(false, what, file, line);
}

__attribute__((unused)) static bool check_near(double a, double b, double tolerance, const char *what, const char *file,
					       int line)
{
	if (fabs(a - b) <= tolerance)
		return true;
	printf("# %.17g against %.17g (tolerance %g)\n", a, b, tolerance);
	return check_true(false, what, file, line);
}

__attribute__((unused)) static bool check_ok(enum err_code code, const struct error *err, const char *what,
					     const char *file, int line)
{
	if (code == ERR_OK)
		return true;
	printf("# %s: %s (%s)\n", err_name(code), err->detail, err->where ? err->where : "nowhere");
	return check_true(false, what, file, line);
}

static inline void check_run(void (*run)(void), const char *name)
{
	check_case_failures = 0;
	run();
	check_cases++;
	check_failures += check_case_failures > 0;
	printf("%s %d - %s\n", check_case_failures ? "not ok" : "ok", check_cases, name);
	(void)fflush(stdout);
}

static inline int check_done(void)
{
	printf("1..%d\n", check_cases);
	return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
