/* What strangers write into request targets and headers: percent-decoding, query strings, Accept, Prefer and Link
 * headers. Beyond not crashing: decoded text is UTF-8 without NUL, no longer than the raw one, and encoding it byte by
 * byte decodes to the same. */
#include "net/http_int.h"

#include "api/negotiate.h"

#include <assert.h>
#include <string.h>

#define ARENA_BYTES_MAX (8u << 20)
#define INPUT_BYTES_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_check(struct arena *arena, struct str raw)
{
	static const char digits[] = "0123456789abcdef";
	struct str text, again;

	if (!http_decode(arena, raw, &text))
		return;
	assert(text.len <= raw.len && http_utf8_valid(text));
	assert(text.len == 0 || !memchr(text.at, '\0', text.len));
	char *encoded = arena_bytes(arena, text.len * 3, 1);

	if (!encoded)
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		encoded[3 * i] = '%';
		encoded[3 * i + 1] = digits[c >> 4];
		encoded[3 * i + 2] = digits[c & 15];
	}
	bool decoded = http_decode(arena, (struct str){encoded, text.len * 3}, &again);

	assert(decoded && str_eq(text, again));
	(void)decoded;
}

static void target_check(struct str raw)
{
	struct str path, query;

	http_target_split(raw, &path, &query);
	assert(path.len > 0 && path.len + query.len <= raw.len + 1);
	if (http_is_token(raw))
		assert(http_target_plain(raw) && !memchr(raw.at, ':', raw.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = {(const char *)data, size}, url;
	struct http_parameter *parameters;
	struct arena arena;
	const char *reason;
	size_t count;

	if (size > INPUT_BYTES_MAX)
		return 0;
	arena_init(&arena, ARENA_BYTES_MAX);
	decode_check(&arena, raw);
	target_check(raw);
	if (http_query_parse(&arena, raw, &parameters, &count, &reason))
		for (size_t i = 0; i < count; i++)
			assert(http_utf8_valid(parameters[i].key) && http_utf8_valid(parameters[i].value));
	if (http_request_id_valid(raw))
		assert(size > 0 && size <= HTTP_REQUEST_ID_BYTES_MAX);
	enum media media = accept_choose(raw, 1u << MEDIA_JSON | 1u << MEDIA_GEO_JSON);

	assert(media == MEDIA_JSON || media == MEDIA_GEO_JSON || media == MEDIA_COUNT);
	(void)media;
	(void)content_type(raw);
	unsigned int version = prefer_version(raw);

	assert(version == 0 || (version >= PREFER_VERSION_OLDEST && version <= PREFER_VERSION_NEWEST));
	(void)version;
	if (link_context(raw, &url) && url.at)
		assert(url.at > raw.at && url.at + url.len <= raw.at + raw.len);
	arena_done(&arena);
	return 0;
}
