/* Prometheus's HTTP API, shared by prometheus.c (queries), prometheus_labels.c (series and labels) and
 * prometheus_answer.c (JSON). For use inside this room.
 * Source: prometheus.io/docs/prometheus/2.42/querying/api. */
#ifndef MACHI_API_PROMETHEUS_H
#define MACHI_API_PROMETHEUS_H

#include "api/form.h"
#include "broker/samples.h"

#define PROMETHEUS_BYTES_MAX ((size_t)512 << 20) /* memory of one evaluation */
#define PROMETHEUS_WORK_MAX 20000000u /* samples looked at in one evaluation */
#define PROMETHEUS_SELECTORS_MAX 64u /* match[] */
#define PROMETHEUS_SERIES_SHOWN 20000u /* series, and values of a label, in a list */
#define PROMETHEUS_VERSION "2.42.0" /* whose language and answers these are */

/* Reads tenant and form, or answers why not. */
bool prometheus_begin(struct call *call, struct form *ret_form);
struct samples_source prometheus_source(struct call *call);
/* A time as the API takes it: seconds since 1970 with decimals, or RFC 3339. */
bool prometheus_time(struct str text, int64_t *ret_ms);

/* {"status":"error","errorType":…,"error":…} with the status that belongs to it. */
void prometheus_error(struct call *call, enum err_code code, const struct error *err);
/* The same for a parameter: 400, bad_data. */
void prometheus_invalid(struct call *call, const char *parameter, const char *reason);
/* {"status":"success","data": … }: what is written between the two is the data. */
void prometheus_open(struct call *call, struct buf *out);
void prometheus_close(struct call *call, struct buf *out, const char *warning); /* answers; warning may be NULL */
void prometheus_put_labels(struct buf *out, const struct promql_labels *labels); /* {"a":"b"} */
void prometheus_put_result(struct buf *out, const struct promql_result *result, int64_t time_ms);

#endif
