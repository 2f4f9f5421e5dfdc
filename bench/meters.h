/* A synthetic day (or year) of smart meters: the set that the time-series benches share.
 *
 * Each meter reports four fields a minute, as decimal numbers with a fixed number of decimals:
 *   power    kW, 3 decimals   Mean of the minute: a base load that flickers, a refrigerator that cycles, and appliances
 *                             of known kinds (meters.c has the table) that start at random, more often at the hours
 *                             at which people use them. A load that starts or ends within the minute counts in part.
 *   voltage  V, 1 decimal     230 and the meter's own offset, a slow random walk that is drawn back, the drop over the
 *                             service line by the meter's own current, and what the instrument adds.
 *   energy   kWh, 2 decimals  The register: where it stood plus the integral of power; it never falls.
 *   factor   2 decimals       Power factor: from active and reactive power of what runs, and what the instrument adds.
 * So most minutes change little, some change much, no field is constant, and the fields of a meter belong together as
 * physics has it.
 *
 * How much is in it: for every point the better of two simple predictions for its field (the value before; the line
 * through the two before) leaves a residual; the zero-order entropy of a field's residuals over all meters, mean of the
 * four fields, comes to about 0.49 bytes a point for 2,000 meters and 1,440 minutes. meters_entropy() computes it.
 *
 * The same seed gives the same set. Pure but for heap memory. Thread: any. */
#ifndef MACHI_BENCH_METERS_H
#define MACHI_BENCH_METERS_H

#include <stddef.h>
#include <stdint.h>

enum meters_field { METERS_POWER, METERS_VOLTAGE, METERS_ENERGY, METERS_FACTOR };
#define METERS_FIELDS 4u

struct meters_field_info {
	const char *name;
	unsigned decimals;
};
extern const struct meters_field_info meters_fields[METERS_FIELDS];

#define METERS_SEED 20240115u
#define METERS_START_S INT64_C(1705276800) /* 2024-01-15T00:00:00Z, a Monday */

/* Values as whole numbers: 230.4 V is 2304. Series after series: meter, then field, then minute. */
struct meters {
	uint32_t meters, minutes;
	int32_t *values; /* owned; NULL when there was no memory */
};

/* Meters first_meter to first_meter + meters - 1; what a meter reports does not depend on who else is asked for. */
struct meters meters_new(uint64_t seed, uint32_t first_meter, uint32_t meters, uint32_t minutes);
void meters_done(struct meters *set);

static inline const int32_t *meters_series(const struct meters *set, uint32_t meter, enum meters_field field)
{
	return set->values + ((size_t)meter * METERS_FIELDS + (size_t)field) * set->minutes;
}

/* The number as a double, correctly rounded, as reading its text would give. */
double meters_double(int32_t value, enum meters_field field);

#define METERS_TEXT_BYTES 16u
/* The number as text without a zero at its end, as Telegraf writes it (230, 229.9), or with all decimals, as a
 * database's export does (230.0). Returns its length; no NUL. */
size_t meters_text(int32_t value, enum meters_field field, int all_decimals, char out[METERS_TEXT_BYTES]);

struct meters_entropy {
	double of_previous, of_line; /* bytes a point when predicted by the value before; by the line through two */
};
/* Zero-order entropy of a field's residuals over all meters. Negative when there was no memory. */
struct meters_entropy meters_entropy(const struct meters *set, enum meters_field field);

#endif
