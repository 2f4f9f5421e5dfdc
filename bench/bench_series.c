/* The series room on smart meters: 200 meters, 1,440 minutes, four fields with the decimals that meters have. Points a
 * CPU-second packed, and decoded and summed by hours (so that no summary helps); bytes a point beside the entropy of
 * the differences. Peers: zstd over the same differences as four-byte integers, without times, and the limit: copying,
 * and summing, plain arrays. */
#include "bench.h"

#include "series/block.h"

#include <math.h>
#include <string.h>
#include <zstd.h>

#define METERS 200u
#define MINUTES 1440u
#define FIELDS 4u
#define CHUNKS (METERS * FIELDS)
#define POINTS ((double)CHUNKS * MINUTES)
#define HOURS 24u
#define US_PER_MINUTE INT64_C(60000000)
#define START_US INT64_C(1767225600000000)
#define ROUNDS 9u
#define DIFFERENCES_MAX 65536u
#define BLOCK_BYTES ((size_t)8 << 20)

static int64_t values[CHUNKS][MINUTES], times[MINUTES], numbers[MINUTES];
static int32_t differences[CHUNKS][MINUTES];
static const uint8_t scales[FIELDS] = {1, 2, 0, 3};

static int64_t cpu_now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void demand(bool good, const char *what)
{
	if (!good) {
		(void)fprintf(stderr, "bench_series: %s\n", what);
		exit(EXIT_FAILURE);
	}
}

static uint64_t state = 1;

static double uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2.0 * log(uniform() + 1e-300)) * cos(6.283185307179586 * uniform());
}

/* Voltage to 0.1 V, current to 0.01 A, power in W, energy to 0.001 kWh that the power makes. */
static void make_meter(unsigned meter)
{
	double volts = 230.0, amperes = 2.0 + 3.0 * uniform(), energy = 1000.0 * uniform();

	for (unsigned i = 0; i < MINUTES; i++) {
		double day = 1.0 + 0.5 * sin((double)i / 229.0);

		volts += 0.4 * normal() + 0.01 * (230.0 - volts);
		amperes += 0.03 * normal() + 0.02 * (3.0 * day - amperes);
		amperes = amperes < 0.05 ? 0.05 : amperes;
		double watts = volts * amperes * 0.97 + 2.0 * normal();

		energy += watts / 60000.0;
		values[meter * FIELDS][i] = llround(volts * 10);
		values[meter * FIELDS + 1][i] = llround(amperes * 100);
		values[meter * FIELDS + 2][i] = llround(watts);
		values[meter * FIELDS + 3][i] = llround(energy * 1000);
	}
}

/* Bits a value that the differences of a field cannot do without when each is coded by itself. */
static double entropy_of(unsigned field)
{
	static uint32_t counts[2 * DIFFERENCES_MAX];
	double bits = 0, all = (double)METERS * (MINUTES - 1);

	memset(counts, 0, sizeof(counts));
	for (unsigned chunk = field; chunk < CHUNKS; chunk += FIELDS)
		for (unsigned i = 1; i < MINUTES; i++)
			counts[(unsigned)(differences[chunk][i] + (int32_t)DIFFERENCES_MAX)]++;
	for (unsigned i = 0; i < 2 * DIFFERENCES_MAX; i++)
		if (counts[i] > 0)
			bits += counts[i] * log2(all / counts[i]);
	return bits / all;
}

static double make_input(void)
{
	double entropy = 0;

	for (unsigned i = 0; i < MINUTES; i++) {
		times[i] = START_US + i * US_PER_MINUTE;
		numbers[i] = 1 + i;
	}
	for (unsigned meter = 0; meter < METERS; meter++)
		make_meter(meter);
	for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
		for (unsigned i = 0; i < MINUTES; i++)
			differences[chunk][i] = (int32_t)(values[chunk][i] - (i > 0 ? values[chunk][i - 1] : 0));
	for (unsigned field = 0; field < FIELDS; field++) {
		char note[100];

		(void)snprintf(note, sizeof(note), "entropy of the differences of field %u: %.3f bits", field,
			       entropy_of(field));
		bench_note(note);
		entropy += entropy_of(field) / FIELDS;
	}
	return entropy;
}

static struct str build(struct series_builder *builder)
{
	const struct str shape = STR("{\"type\":\"Property\",\"unitCode\":\"P1\"}");
	struct str bytes = STR_NONE;
	struct error err;

	for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
		struct series_key key = {.subject = 1000 + chunk / FIELDS, .name = 20 + chunk % FIELDS};
		struct series_points points = {.kind = SERIES_DECIMAL,
					       .scale = scales[chunk % FIELDS],
					       .count = MINUTES,
					       .at_us = times,
					       .number = {.at = numbers},
					       .created_us = {.all = START_US},
					       .modified_us = {.all = START_US},
					       .shapes = &shape,
					       .shape_count = 1,
					       .mantissas = values[chunk]};

		demand(series_builder_add(builder, &key, &points, &err) == ERR_OK, "a chunk was refused");
	}
	demand(series_builder_finish(builder, &bytes, &err) == ERR_OK, "the block was refused");
	return bytes;
}

/* Sums of all hours of all chunks; returns one number that they all go into. */
static double sum_block(struct str bytes)
{
	struct series_block block;
	struct series_sums sums[HOURS];
	int64_t edges[HOURS + 1];
	struct arena arena;
	struct error err;
	double all = 0;

	arena_init(&arena, (size_t)64 << 20);
	demand(series_block_open(bytes, &arena, &block, &err) == ERR_OK, "the block cannot be opened");
	for (unsigned i = 0; i <= HOURS; i++)
		edges[i] = START_US + i * 60 * US_PER_MINUTE;
	for (uint32_t chunk = 0; chunk < block.count; chunk++) {
		for (unsigned i = 0; i < HOURS; i++)
			series_sums_clear(&sums[i], &arena);
		demand(series_block_sum_periods(&block, chunk, edges, HOURS + 1, sums, &err) == ERR_OK,
		       "a chunk cannot be summed");
		for (unsigned i = 0; i < HOURS; i++)
			all += series_sums_avg(&sums[i]) * (double)sums[i].count;
	}
	arena_done(&arena);
	return all;
}

/* The same of plain arrays: sum, squares, least and greatest of each hour. */
static double sum_plain(void)
{
	double all = 0;

	for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
		for (unsigned hour = 0; hour < HOURS; hour++) {
			int64_t sum = 0, squares = 0, min = INT64_MAX, max = INT64_MIN;

			for (unsigned i = hour * 60; i < hour * 60 + 60; i++) {
				int64_t value = values[chunk][i];

				sum += value;
				squares += value * value;
				min = value < min ? value : min;
				max = value > max ? value : max;
			}
			demand(min <= max && squares >= 0, "plain sums are wrong");
			all += (double)sum / pow(10, scales[chunk % FIELDS]);
		}
	return all;
}

struct figures {
	double pack[ROUNDS], pack_zstd[ROUNDS], copy[ROUNDS], sum[ROUNDS], sum_zstd[ROUNDS], plain[ROUNDS];
};

static double per_second(int64_t start_ns)
{
	return POINTS * 1e3 / (double)(cpu_now_ns() - start_ns);
}

static size_t pack_zstd(char *packed, size_t room)
{
	size_t at = 0;

	/* A chunk each, as ours are. */
	for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
		at += ZSTD_compress(packed + at, room - at, differences[chunk], sizeof(differences[chunk]), 3);
	return at;
}

static double unpack_zstd(const char *packed, size_t len)
{
	static int32_t plain[MINUTES];
	double all = 0;
	size_t at = 0;

	for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
		size_t bytes = ZSTD_findFrameCompressedSize(packed + at, len - at);
		int64_t value = 0, sum = 0;

		demand(ZSTD_decompress(plain, sizeof(plain), packed + at, bytes) == sizeof(plain), "zstd");
		at += bytes;
		for (unsigned i = 0; i < MINUTES; i++) {
			value += plain[i];
			sum += value;
		}
		all += (double)sum / pow(10, scales[chunk % FIELDS]);
	}
	return all;
}

static void run_round(struct figures *figures, unsigned round, struct series_builder *builder, char *packed,
		      size_t room, size_t *ret_bytes, size_t *ret_zstd)
{
	static int64_t copy[CHUNKS][MINUTES];
	int64_t start = cpu_now_ns();
	struct str bytes = build(builder);

	figures->pack[round] = per_second(start);
	start = cpu_now_ns();
	double ours = sum_block(bytes);

	figures->sum[round] = per_second(start);
	start = cpu_now_ns();
	size_t zstd = pack_zstd(packed, room);

	figures->pack_zstd[round] = per_second(start);
	start = cpu_now_ns();
	double theirs = unpack_zstd(packed, zstd);

	figures->sum_zstd[round] = per_second(start);
	start = cpu_now_ns();
	double plain = sum_plain();

	figures->plain[round] = per_second(start);
	start = cpu_now_ns();
	memcpy(copy, values, sizeof(copy));
	figures->copy[round] = per_second(start);
	demand(fabs(ours - plain) < 1e-6 * fabs(plain) && fabs(theirs - plain) < 1e-6 * fabs(plain) &&
		       memcmp(copy, values, sizeof(copy)) == 0,
	       "sums differ");
	*ret_bytes = bytes.len;
	*ret_zstd = zstd;
}

int main(void)
{
	static struct figures figures;
	struct series_builder *builder = NULL;
	struct error err;
	size_t room = (size_t)CHUNKS * ZSTD_compressBound(sizeof(differences[0])), bytes = 0, zstd = 0;
	char *packed = malloc(room);
	double entropy = make_input();

	demand(packed && series_builder_new(BLOCK_BYTES, &builder, &err) == ERR_OK, "no memory");
	for (unsigned round = 0; round < ROUNDS; round++)
		run_round(&figures, round, builder, packed, room, &bytes, &zstd);
	bench_report_rounds("pack 200 meters, 1.15 M points", "ours", figures.pack, ROUNDS, "M points/s");
	bench_report_rounds("pack 200 meters, 1.15 M points", "zstd -3 of differences", figures.pack_zstd, ROUNDS,
			    "M points/s");
	bench_report_rounds("pack 200 meters, 1.15 M points", "limit: memcpy", figures.copy, ROUNDS, "M points/s");
	bench_report_rounds("decode and sum by hours", "ours", figures.sum, ROUNDS, "M points/s");
	bench_report_rounds("decode and sum by hours", "zstd, sum of all", figures.sum_zstd, ROUNDS, "M points/s");
	bench_report_rounds("decode and sum by hours", "limit: plain arrays", figures.plain, ROUNDS, "M points/s");
	double ours_bytes = (double)bytes / POINTS, zstd_bytes = (double)zstd / POINTS, least = entropy / 8;

	bench_report("bytes a point, all included", "ours", ours_bytes, ours_bytes, ours_bytes, "bytes");
	bench_report("bytes a point, all included", "zstd -3 of differences", zstd_bytes, zstd_bytes, zstd_bytes,
		     "bytes");
	bench_report("bytes a point, all included", "limit: entropy of differences", least, least, least, "bytes");
	(void)series_builder_free(builder);
	free(packed);
	return EXIT_SUCCESS;
}
