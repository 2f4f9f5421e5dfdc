/* Regular expressions of matchers and label_replace(), matched against the whole text in time linear in it. For use
 * inside this room. Source: prometheus.io/docs/prometheus/2.42/querying/basics: RE2's syntax, fully anchored.
 * Thread: a pattern is immutable. */
#ifndef MACHI_PROMQL_PATTERN_H
#define MACHI_PROMQL_PATTERN_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"
#include "base/str.h"

#define PATTERN_MEMORY_MAX (2 << 20) /* bytes of one compiled pattern with its states */
#define PATTERN_GROUPS_MAX 64u /* groups that can be referred to */

struct promql_pattern;

/* ERR_INVALID, ERR_TOO_COMPLEX, ERR_MEMORY. */
MUST_CHECK enum err_code promql_pattern_new(struct str text, struct promql_pattern **ret_pattern, struct error *err);
struct promql_pattern *promql_pattern_free(struct promql_pattern *pattern);
bool promql_pattern_matches(const struct promql_pattern *pattern, struct str text);
/* The same with what its groups matched; group 0 is all. Groups that took no part have at NULL. Sets count_max of
 * them. */
bool promql_pattern_groups(const struct promql_pattern *pattern, struct str text, struct str *ret_groups,
			   size_t count_max);
/* The number of a named group; -1 when there is none. */
int promql_pattern_group(const struct promql_pattern *pattern, struct str name);

/* The shortest decimal that reads back as the same finite value, as "-1.5e-07"; the number of bytes. */
size_t promql_shortest(double value, char *buffer, size_t room);

#ifdef __cplusplus
}
#endif

#endif
