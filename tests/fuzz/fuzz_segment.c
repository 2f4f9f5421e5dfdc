/* Fuzz target: batches of values as they came, from any bytes. The checksum is set right, so that damage reaches what
 * lies behind it. What can be read is written again and comes back the same. */
#include "demand.h"
#include "store/segment.h"

#include <string.h>
#include <zlib.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define BYTES_MAX ((size_t)64 << 20)
#define CHECKSUM_BYTES 4u

/* Bit by bit: also what is no number. */
static uint64_t bits_of(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static bool same_values(const struct segment_field *a, const struct segment_field *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (a->kind == SERIES_TEXT && !str_eq(a->texts[i], b->texts[i]))
			return false;
		if (a->kind == SERIES_DOUBLE && bits_of(a->doubles[i]) != bits_of(b->doubles[i]))
			return false;
		if (a->kind != SERIES_TEXT && a->kind != SERIES_DOUBLE && a->mantissas[i] != b->mantissas[i])
			return false;
	}
	return true;
}

static void write_again(const struct segment_chain *chain, int64_t created_us, struct arena *arena)
{
	struct segment_reader reader;
	struct segment_chain back;
	struct buf out;
	bool more = false;

	buf_init(&out, BYTES_MAX);
	segment_begin(&out, created_us);
	segment_put(&out, 0, chain);
	segment_end(&out);
	demand(out.failed == ERR_OK);
	demand(segment_open(&reader, buf_str(&out), NULL) == ERR_OK && reader.created_us == created_us);
	demand(segment_next(&reader, &more, NULL) == ERR_OK && more && reader.subject == chain->subject);
	demand(segment_read(&reader, arena, &back, NULL) == ERR_OK);
	demand(back.record_count == chain->record_count && back.field_count == chain->field_count);
	demand(memcmp(back.at_us, chain->at_us, chain->record_count * sizeof(*chain->at_us)) == 0);
	for (uint32_t i = 0; i < chain->field_count; i++) {
		const struct segment_field *a = &chain->fields[i], *b = &back.fields[i];

		demand(a->name == b->name && a->kind == b->kind && a->scale == b->scale);
		demand(same_values(a, b, chain->record_count));
	}
	demand(segment_next(&reader, &more, NULL) == ERR_OK && !more);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + CHECKSUM_BYTES);
	struct segment_reader reader;
	struct arena arena;
	bool more = true;

	demand(bytes != NULL);
	if (size)
		memcpy(bytes, data, size);
	uint32_t sum = (uint32_t)crc32_z(0, (const unsigned char *)bytes, size);

	for (unsigned i = 0; i < CHECKSUM_BYTES; i++)
		bytes[size + i] = (char)(sum >> (8 * i));
	arena_init(&arena, ARENA_BYTES);
	enum err_code code = segment_open(&reader, (struct str){bytes, size + CHECKSUM_BYTES}, NULL);

	while (code == ERR_OK) {
		struct segment_chain chain;

		code = segment_next(&reader, &more, NULL);
		if (code || !more)
			break;
		arena_clear(&arena);
		if (segment_read(&reader, &arena, &chain, NULL) == ERR_OK)
			write_again(&chain, reader.created_us, &arena);
	}
	arena_done(&arena);
	free(bytes);
	return 0;
}
