/* ICU behind one file. What ICU quietly replaces by its root collation is refused here: a client that asks for the
 * order of Klingon shall know that it does not get it. */
#include "ngsild/collation.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ucol.h>
#include <unicode/uenum.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

#define LOCALE_BYTES_MAX ULOC_FULLNAME_CAPACITY
#define KEYWORDS_MAX 16

struct collation {
	UCollator *icu;
};

static enum err_code not_known(struct str name, const char *why, struct error *err)
{
	return err_set(err, ERR_INVALID, "collation \"%.*s\" is no ICU collation (RFC 6067): %s",
		       STR_FMT(str_part(name, 0, 80)), why);
}

/* ---- is it one? ---- */

static bool has_language(const char *locale)
{
	UErrorCode status = U_ZERO_ERROR;
	char wanted[ULOC_LANG_CAPACITY] = "", known[ULOC_LANG_CAPACITY];

	(void)uloc_getLanguage(locale, wanted, sizeof(wanted), &status);
	if (U_FAILURE(status))
		return false;
	if (wanted[0] == '\0' || strcmp(wanted, "root") == 0)
		return true;
	for (int32_t i = 0; i < ucol_countAvailable(); i++) {
		status = U_ZERO_ERROR;
		(void)uloc_getLanguage(ucol_getAvailable(i), known, sizeof(known), &status);
		if (U_SUCCESS(status) && strcmp(wanted, known) == 0)
			return true;
	}
	return false;
}

/* The collation type (co) is one of those that ICU has for this locale. */
static bool has_type(const char *locale, const char *type)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *types = ucol_getKeywordValuesForLocale("collation", locale, false, &status);
	bool found = strcmp(type, "standard") == 0;

	for (const char *each = uenum_next(types, NULL, &status); !found && U_SUCCESS(status) && each;
	     each = uenum_next(types, NULL, &status))
		found = strcmp(each, type) == 0;
	uenum_close(types);
	return found;
}

/* Settings that ucol_open() reads and checks itself, and "collation". */
static bool is_setting(const char *keyword)
{
	static const char *const settings[] = {"collation",        "colalternate", "colbackwards",
					       "colcasefirst",     "colcaselevel", "colhiraganaquaternary",
					       "colnormalization", "colnumeric",   "colreorder",
					       "colstrength",      "kv",           "colvariabletop"};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(keyword, settings[i]) == 0)
			return true;
	return false;
}

/* NULL: nothing; else what is wrong with a keyword. Of the private ones only "icu" is known. */
static const char *keyword_fault(const char *locale, const char *keyword)
{
	UErrorCode status = U_ZERO_ERROR;
	char value[LOCALE_BYTES_MAX] = "";

	(void)uloc_getKeywordValue(locale, keyword, value, sizeof(value), &status);
	if (U_FAILURE(status))
		return "a keyword's value is too long";
	if (strcmp(keyword, "x") == 0)
		return strcmp(value, "icu") == 0 ? NULL : "of private subtags only x-icu is known";
	if (!is_setting(keyword))
		return "a keyword is none of a collation";
	if (strcmp(keyword, "collation") == 0 && !has_type(locale, value))
		return "this language has no collation of that type";
	return NULL;
}

static const char *keywords_fault(const char *locale)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *keywords = uloc_openKeywords(locale, &status);
	const char *fault = U_FAILURE(status) ? "its keywords cannot be read" : NULL;

	for (const char *keyword = keywords ? uenum_next(keywords, NULL, &status) : NULL; keyword && !fault;
	     keyword = uenum_next(keywords, NULL, &status))
		fault = keyword_fault(locale, keyword);
	uenum_close(keywords);
	return fault;
}

/* ---- opening ---- */

static enum err_code locale_of(struct str name, char locale[static LOCALE_BYTES_MAX], struct error *err)
{
	UErrorCode status = U_ZERO_ERROR;
	char tag[COLLATION_NAME_BYTES_MAX + 1] = "";
	int32_t parsed = 0;

	if (name.len > COLLATION_NAME_BYTES_MAX)
		return not_known(name, "it is too long", err);
	if (name.at)
		memcpy(tag, name.at, name.len);
	locale[0] = '\0';
	if (!name.at)
		return ERR_OK;
	(void)uloc_forLanguageTag(tag, locale, LOCALE_BYTES_MAX, &parsed, &status);
	if (U_FAILURE(status) || name.len == 0 || (size_t)parsed != name.len ||
	    status == U_STRING_NOT_TERMINATED_WARNING)
		return not_known(name, "it is no language tag", err);
	if (!has_language(locale))
		return not_known(name, "there is none for this language", err);
	const char *fault = keywords_fault(locale);

	return fault ? not_known(name, fault, err) : ERR_OK;
}

enum err_code collation_new(struct str name, struct collation **ret_collation, struct error *err)
{
	UErrorCode status = U_ZERO_ERROR;
	char locale[LOCALE_BYTES_MAX];
	enum err_code code = locale_of(name, locale, err);

	if (code)
		return code;
	struct collation *collation = calloc(1, sizeof(*collation));

	if (!collation)
		return err_set(err, ERR_MEMORY, "no memory for a collation");
	collation->icu = ucol_open(locale, &status);
	if (U_SUCCESS(status)) {
		*ret_collation = collation;
		return ERR_OK;
	}
	(void)collation_free(collation);
	if (status == U_ILLEGAL_ARGUMENT_ERROR || status == U_UNSUPPORTED_ERROR)
		return not_known(name, "it has a setting that ICU does not know", err);
	return err_set(err, status == U_MEMORY_ALLOCATION_ERROR ? ERR_MEMORY : ERR_INTERNAL,
		       "ICU gives no collation: %s", u_errorName(status));
}

struct collation *collation_free(struct collation *collation)
{
	if (!collation)
		return NULL;
	if (collation->icu)
		ucol_close(collation->icu);
	free(collation);
	return NULL;
}

/* ---- keys ---- */

/* Cut at a character. */
static struct str cut(struct str text)
{
	size_t len = COLLATION_TEXT_BYTES_MAX;

	if (text.len <= len)
		return text;
	while (len > 0 && ((unsigned char)text.at[len] & 0xC0) == 0x80)
		len--;
	return (struct str){text.at, len};
}

bool collation_key(const struct collation *collation, struct arena *scratch, struct str text, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t len = 0;

	text = cut(text);
	/* A text in UTF-16 never has more units than in UTF-8 bytes. */
	UChar *units = arena_array(scratch, UChar, text.len + 1);

	if (!units)
		return false;
	(void)u_strFromUTF8WithSub(units, (int32_t)text.len + 1, &len, text.at ? text.at : "", (int32_t)text.len,
				   0xFFFD, NULL, &status);
	if (U_FAILURE(status))
		return false;
	int32_t bytes = ucol_getSortKey(collation->icu, units, len, NULL, 0);
	char *key = bytes > 0 ? buf_extend(out, (size_t)bytes) : NULL;

	if (key)
		(void)ucol_getSortKey(collation->icu, units, len, (uint8_t *)key, bytes);
	return bytes > 0;
}
