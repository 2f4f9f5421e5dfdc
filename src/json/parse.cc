/* The one C++ file: a thin face over simdjson's first stage and the number conversions of <charconv>.
 *
 * simdjson's own document types are of no use here: its DOM forgets how numbers were written, and its on-demand parser
 * is compiled for the oldest processor of the architecture. Its first stage picks the best kernel while running, and
 * the positions that it finds are all that reading the tree (read.c) needs. No exception leaves this file: simdjson is
 * called through its error codes and memory is asked for with nothrow. */
#include "json/json_int.h"

#include <charconv>
#include <cmath>
#include <new>
#include <simdjson.h>

static_assert(JSON_PADDING_BYTES >= simdjson::SIMDJSON_PADDING, "documents carry the padding that simdjson reads");

namespace
{
constexpr size_t capacity_min = 4096;
constexpr size_t capacity_kept_max = 1024 * 1024; // four bytes of positions for each byte of text
constexpr size_t depth_unused = 1; // nesting is bounded in read.c
} // namespace

struct json_index {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> kernel;
};

extern "C" struct json_index *json_index_new(void)
{
	return new (std::nothrow) json_index;
}

extern "C" struct json_index *json_index_free(struct json_index *index)
{
	delete index;
	return nullptr;
}

static simdjson::error_code reserve(struct json_index *index, size_t len)
{
	size_t capacity = capacity_min;

	while (capacity < len)
		capacity = capacity > SIZE_MAX / 2 ? len : capacity * 2;
	if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES)
		capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
	if (!index->kernel)
		return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, depth_unused,
											       index->kernel);
	return len <= index->kernel->capacity() ? simdjson::SUCCESS : index->kernel->allocate(capacity, depth_unused);
}

extern "C" enum json_index_result json_index_build(struct json_index *index, const char *text, size_t len,
						   const uint32_t **ret_positions, uint32_t *ret_count)
{
	if (reserve(index, len) != simdjson::SUCCESS) {
		index->kernel.reset();
		return JSON_INDEX_MEMORY;
	}
	simdjson::error_code code =
		index->kernel->stage1(reinterpret_cast<const uint8_t *>(text), len, simdjson::stage1_mode::regular);

	if (code == simdjson::EMPTY)
		return JSON_INDEX_EMPTY;
	if (code != simdjson::SUCCESS)
		return JSON_INDEX_BAD;
	uint32_t count = index->kernel->n_structural_indexes;

	index->kernel->structural_indexes[count] = static_cast<uint32_t>(len); // there is room for three more
	*ret_positions = index->kernel->structural_indexes.get();
	*ret_count = count;
	return JSON_INDEX_OK;
}

extern "C" void json_index_shrink(struct json_index *index)
{
	if (index->kernel && index->kernel->capacity() > capacity_kept_max)
		index->kernel.reset();
}

extern "C" bool json_number_from_text(const char *token, size_t len, double *ret)
{
	double value = 0;
	std::from_chars_result result = std::from_chars(token, token + len, value);

	if (result.ec != std::errc() || result.ptr != token + len || !std::isfinite(value))
		return false;
	*ret = value;
	return true;
}

static size_t text_length(const char *text, const std::to_chars_result &result)
{
	return result.ec == std::errc() ? static_cast<size_t>(result.ptr - text) : 0;
}

extern "C" size_t json_number_to_text(double value, char *text)
{
	// <charconv> alone would write 100000 as 1e+05, which is shorter but no longer an integer to a reader.
	double size = std::fabs(value);
	bool plain = value == 0 || (size >= 1e-5 && size < 1e17);

	return text_length(text, std::to_chars(text, text + JSON_NUMBER_TEXT_BYTES, value,
					       plain ? std::chars_format::fixed : std::chars_format::scientific));
}

extern "C" size_t json_number_to_fixed(double value, int decimals, char *text)
{
	return text_length(
		text, std::to_chars(text, text + JSON_NUMBER_TEXT_BYTES, value, std::chars_format::fixed, decimals));
}
