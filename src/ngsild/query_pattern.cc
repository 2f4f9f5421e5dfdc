/* The face over RE2. No exception leaves this file. */
#include "ngsild/query_pattern.h"

#include <new>
#include <re2/re2.h>

struct pattern {
	pattern(const re2::StringPiece &text, const RE2::Options &options) : re(text, options), next(nullptr)
	{
	}
	RE2 re;
	struct pattern *next;
};

/* POSIX egrep syntax with UTF-8 characters. The classes \d \s \w and \b, which POSIX leaves undefined, mean what
 * everybody takes them for. */
static RE2::Options syntax()
{
	RE2::Options options(RE2::Quiet);

	options.set_posix_syntax(true);
	options.set_one_line(true);
	options.set_dot_nl(true);
	options.set_perl_classes(true);
	options.set_word_boundary(true);
	options.set_never_capture(true);
	options.set_max_mem(PATTERN_MEMORY_BYTES_MAX);
	return options;
}

static enum err_code refuse(const RE2 &re, struct error *err)
{
	if (re.error_code() == RE2::ErrorPatternTooLarge)
		return err_set(err, ERR_TOO_COMPLEX, "the regular expression needs more than %d bytes when compiled",
			       PATTERN_MEMORY_BYTES_MAX);
	return err_set(err, ERR_INVALID, "not a POSIX extended regular expression: %.160s", re.error().c_str());
}

extern "C" enum err_code pattern_new(struct str text, struct pattern **ret_pattern, struct error *err)
{
	try {
		struct pattern *made = new pattern(re2::StringPiece(text.at, text.len), syntax());

		if (made->re.ok()) {
			*ret_pattern = made;
			return ERR_OK;
		}
		enum err_code code = refuse(made->re, err);

		delete made;
		return code;
	} catch (const std::bad_alloc &) {
		return err_set(err, ERR_MEMORY, "no memory for a regular expression");
	} catch (...) {
		return err_set(err, ERR_INTERNAL, "RE2 gave up on a regular expression");
	}
}

extern "C" struct pattern *pattern_free(struct pattern *pattern)
{
	delete pattern;
	return nullptr;
}

extern "C" bool pattern_matches(const struct pattern *pattern, struct str text)
{
	try {
		return pattern->re.Match(re2::StringPiece(text.at, text.len), 0, text.len, RE2::UNANCHORED, nullptr, 0);
	} catch (...) {
		return false;
	}
}

extern "C" void pattern_chain(struct pattern **chain, struct pattern *pattern)
{
	pattern->next = *chain;
	*chain = pattern;
}

extern "C" void pattern_free_chain(struct pattern *chain)
{
	while (chain) {
		struct pattern *next = chain->next;

		delete chain;
		chain = next;
	}
}
