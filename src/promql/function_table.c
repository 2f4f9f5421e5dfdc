/* The functions: names, types of arguments and results. */
#include "promql/tree.h"

#include <math.h>

static double sign_of(double value)
{
	return value < 0 ? -1 : value > 0 ? 1 : value;
}

static double to_degrees(double value)
{
	return value * 180 / M_PI;
}

static double to_radians(double value)
{
	return value * M_PI / 180;
}

#define OF_VALUE(name, function)                                                                                       \
	{                                                                                                              \
		name, PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 0, function, F_VALUE                                          \
	}
#define OF_RANGE(name, id)                                                                                             \
	{                                                                                                              \
		name, PROMQL_VECTOR, {PROMQL_MATRIX}, 1, 0, NULL, id                                                   \
	}
#define OF_TIME(name, id)                                                                                              \
	{                                                                                                              \
		name, PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 1, NULL, id                                                   \
	}

static const struct promql_function functions[] = {
	OF_VALUE("abs", fabs),
	OF_VALUE("acos", acos),
	OF_VALUE("acosh", acosh),
	OF_VALUE("asin", asin),
	OF_VALUE("asinh", asinh),
	OF_VALUE("atan", atan),
	OF_VALUE("atanh", atanh),
	OF_VALUE("ceil", ceil),
	OF_VALUE("cos", cos),
	OF_VALUE("cosh", cosh),
	OF_VALUE("deg", to_degrees),
	OF_VALUE("exp", exp),
	OF_VALUE("floor", floor),
	OF_VALUE("ln", log),
	OF_VALUE("log10", log10),
	OF_VALUE("log2", log2),
	OF_VALUE("rad", to_radians),
	OF_VALUE("sgn", sign_of),
	OF_VALUE("sin", sin),
	OF_VALUE("sinh", sinh),
	OF_VALUE("sqrt", sqrt),
	OF_VALUE("tan", tan),
	OF_VALUE("tanh", tanh),
	OF_RANGE("absent_over_time", F_ABSENT_OVER_TIME),
	OF_RANGE("avg_over_time", F_AVG_OVER_TIME),
	OF_RANGE("changes", F_CHANGES),
	OF_RANGE("count_over_time", F_COUNT_OVER_TIME),
	OF_RANGE("delta", F_DELTA),
	OF_RANGE("deriv", F_DERIV),
	OF_RANGE("idelta", F_IDELTA),
	OF_RANGE("increase", F_INCREASE),
	OF_RANGE("irate", F_IRATE),
	OF_RANGE("last_over_time", F_LAST_OVER_TIME),
	OF_RANGE("max_over_time", F_MAX_OVER_TIME),
	OF_RANGE("min_over_time", F_MIN_OVER_TIME),
	OF_RANGE("present_over_time", F_PRESENT_OVER_TIME),
	OF_RANGE("rate", F_RATE),
	OF_RANGE("resets", F_RESETS),
	OF_RANGE("stddev_over_time", F_STDDEV_OVER_TIME),
	OF_RANGE("stdvar_over_time", F_STDVAR_OVER_TIME),
	OF_RANGE("sum_over_time", F_SUM_OVER_TIME),
	OF_TIME("day_of_month", F_DAY_OF_MONTH),
	OF_TIME("day_of_week", F_DAY_OF_WEEK),
	OF_TIME("day_of_year", F_DAY_OF_YEAR),
	OF_TIME("days_in_month", F_DAYS_IN_MONTH),
	OF_TIME("hour", F_HOUR),
	OF_TIME("minute", F_MINUTE),
	OF_TIME("month", F_MONTH),
	OF_TIME("year", F_YEAR),
	{"absent", PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 0, NULL, F_ABSENT},
	{"clamp", PROMQL_VECTOR, {PROMQL_VECTOR, PROMQL_SCALAR, PROMQL_SCALAR}, 3, 0, NULL, F_CLAMP},
	{"clamp_max", PROMQL_VECTOR, {PROMQL_VECTOR, PROMQL_SCALAR}, 2, 0, NULL, F_CLAMP_MAX},
	{"clamp_min", PROMQL_VECTOR, {PROMQL_VECTOR, PROMQL_SCALAR}, 2, 0, NULL, F_CLAMP_MIN},
	{"histogram_quantile", PROMQL_VECTOR, {PROMQL_SCALAR, PROMQL_VECTOR}, 2, 0, NULL, F_HISTOGRAM_QUANTILE},
	{"holt_winters", PROMQL_VECTOR, {PROMQL_MATRIX, PROMQL_SCALAR, PROMQL_SCALAR}, 3, 0, NULL, F_HOLT_WINTERS},
	{"label_join",
	 PROMQL_VECTOR,
	 {PROMQL_VECTOR, PROMQL_STRING, PROMQL_STRING, PROMQL_STRING},
	 4,
	 VARIADIC,
	 NULL,
	 F_LABEL_JOIN},
	{"label_replace",
	 PROMQL_VECTOR,
	 {PROMQL_VECTOR, PROMQL_STRING, PROMQL_STRING, PROMQL_STRING, PROMQL_STRING},
	 5,
	 0,
	 NULL,
	 F_LABEL_REPLACE},
	{"pi", PROMQL_SCALAR, {0}, 0, 0, NULL, F_PI},
	{"predict_linear", PROMQL_VECTOR, {PROMQL_MATRIX, PROMQL_SCALAR}, 2, 0, NULL, F_PREDICT_LINEAR},
	{"quantile_over_time", PROMQL_VECTOR, {PROMQL_SCALAR, PROMQL_MATRIX}, 2, 0, NULL, F_QUANTILE_OVER_TIME},
	{"round", PROMQL_VECTOR, {PROMQL_VECTOR, PROMQL_SCALAR}, 2, 1, NULL, F_ROUND},
	{"scalar", PROMQL_SCALAR, {PROMQL_VECTOR}, 1, 0, NULL, F_SCALAR},
	{"sort", PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 0, NULL, F_SORT},
	{"sort_desc", PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 0, NULL, F_SORT_DESC},
	{"time", PROMQL_SCALAR, {0}, 0, 0, NULL, F_TIME},
	{"timestamp", PROMQL_VECTOR, {PROMQL_VECTOR}, 1, 0, NULL, F_TIMESTAMP},
	{"vector", PROMQL_VECTOR, {PROMQL_SCALAR}, 1, 0, NULL, F_VECTOR},
};

const struct promql_function *function_find(struct str name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (str_eq(name, str_from(functions[i].name)))
			return &functions[i];
	return NULL;
}
