/* The face over RE2, and over the C++ library's shortest decimals. No exception leaves this file. */
#include "promql/pattern.h"

#include <charconv>
#include <new>
#include <re2/re2.h>

struct promql_pattern {
	promql_pattern(const re2::StringPiece &text, const RE2::Options &options) : re(text, options)
	{
	}
	RE2 re;
};

static RE2::Options syntax()
{
	RE2::Options options(RE2::Quiet);

	options.set_max_mem(PATTERN_MEMORY_MAX);
	return options;
}

extern "C" enum err_code promql_pattern_new(struct str text, struct promql_pattern **ret_pattern, struct error *err)
{
	try {
		struct promql_pattern *made = new promql_pattern(re2::StringPiece(text.at, text.len), syntax());

		if (made->re.ok()) {
			*ret_pattern = made;
			return ERR_OK;
		}
		enum err_code code = made->re.error_code() == RE2::ErrorPatternTooLarge ? ERR_TOO_COMPLEX : ERR_INVALID;

		(void)err_set(err, code, "not a regular expression: %.160s", made->re.error().c_str());
		delete made;
		return code;
	} catch (const std::bad_alloc &) {
		return err_set(err, ERR_MEMORY, "no memory for a regular expression");
	} catch (...) {
		return err_set(err, ERR_INTERNAL, "RE2 gave up on a regular expression");
	}
}

extern "C" struct promql_pattern *promql_pattern_free(struct promql_pattern *pattern)
{
	delete pattern;
	return nullptr;
}

extern "C" bool promql_pattern_groups(const struct promql_pattern *pattern, struct str text, struct str *ret_groups,
				      size_t count_max)
{
	re2::StringPiece groups[PATTERN_GROUPS_MAX];
	int count = pattern->re.NumberOfCapturingGroups() + 1;

	if (count > (int)count_max)
		count = (int)count_max;
	if (count > (int)PATTERN_GROUPS_MAX)
		count = (int)PATTERN_GROUPS_MAX;
	try {
		const re2::StringPiece whole(text.at ? text.at : "", text.len);

		if (!pattern->re.Match(whole, 0, text.len, RE2::ANCHOR_BOTH, groups, count))
			return false;
	} catch (...) {
		return false;
	}
	for (size_t i = 0; i < count_max; i++) {
		ret_groups[i].at = i < (size_t)count ? groups[i].data() : nullptr;
		ret_groups[i].len = i < (size_t)count ? groups[i].size() : 0;
	}
	return true;
}

extern "C" bool promql_pattern_matches(const struct promql_pattern *pattern, struct str text)
{
	return promql_pattern_groups(pattern, text, nullptr, 0);
}

extern "C" int promql_pattern_group(const struct promql_pattern *pattern, struct str name)
{
	try {
		const auto &names = pattern->re.NamedCapturingGroups();
		auto found = names.find(std::string(name.at, name.len));

		return found == names.end() ? -1 : found->second;
	} catch (...) {
		return -1;
	}
}

extern "C" size_t promql_shortest(double value, char *buffer, size_t room)
{
	auto done = std::to_chars(buffer, buffer + room, value, std::chars_format::scientific);

	return done.ec == std::errc() ? (size_t)(done.ptr - buffer) : 0;
}
