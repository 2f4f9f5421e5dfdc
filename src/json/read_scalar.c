/* Strings and numbers of a document, and what is wrong with a text that the first stage refused.
 *
 * Numbers of up to 18 digits whose value and power of ten both fit a double exactly are converted by one multiplication
 * or division, which IEEE 754 rounds correctly; all others go to <charconv>. */
#include "json/json_int.h"
#include "json/read_int.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_EXACT_MAX 18 /* any such integer fits 64 bits */
#define MANTISSA_EXACT_MAX (UINT64_C(1) << 53)
#define POWER_EXACT_MAX 22 /* 10^22 is the last power of ten that a double holds exactly */
#define EXPONENT_MAX 1000000 /* larger exponents count as this one */

static const double powers_of_ten[POWER_EXACT_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
							  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
							  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

struct shown_char read_show(const struct reading *reading, size_t at)
{
	struct shown_char shown;
	unsigned char c = at < reading->len ? (unsigned char)reading->text[at] : 0;

	if (at >= reading->len)
		(void)snprintf(shown.text, sizeof(shown.text), "the end");
	else if (c > ' ' && c < 0x7f)
		(void)snprintf(shown.text, sizeof(shown.text), "'%c'", c);
	else
		(void)snprintf(shown.text, sizeof(shown.text), "byte 0x%02x", c);
	return shown;
}

bool read_ends_scalar(const struct reading *reading, size_t at)
{
	switch (reading->text[at]) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case ',':
	case ':':
	case '[':
	case ']':
	case '{':
	case '}':
		return true;
	default:
		return at == reading->len; /* the padding is readable */
	}
}

/* ---- strings ---- */

static bool hex4(const char *at, uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else
			return false;
		value = value << 4 | digit;
	}
	*ret = value;
	return true;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* \uXXXX or a surrogate pair at *from (behind the "u"); false for anything that is no Unicode character. */
static bool read_unicode(const char **from, const char *end, uint32_t *ret)
{
	uint32_t high, low;

	if (end - *from < 4 || !hex4(*from, &high))
		return false;
	*from += 4;
	*ret = high;
	if (high < 0xd800 || high > 0xdfff)
		return true;
	if (high > 0xdbff || end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u' || !hex4(*from + 2, &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return false;
	*from += 6;
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static char simple_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

/* Decodes [text, end) in place: what escapes stand for is never longer than they are. */
static enum err_code unescape(struct reading *reading, char *text, const char *end, struct str *ret)
{
	const char *from = memchr(text, '\\', (size_t)(end - text));
	char *to = text + (from ? from - text : end - text);

	while (from && from < end) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		const char *start = from;
		char c = from[1];
		uint32_t code = (unsigned char)simple_escape(c);

		from += 2;
		if (c == 'u' ? !read_unicode(&from, end, &code) : code == 0)
			return err_set(reading->err, ERR_INVALID, "no such escape in a string: \\%s at byte %zu",
				       c == 'u' ? "u without a character's four hex digits (or a lone surrogate)"
						: read_show(reading, (size_t)(start + 1 - reading->text)).text,
				       (size_t)(start - reading->text));
		to = put_utf8(to, code);
	}
	*ret = (struct str){text, (size_t)(to - text)};
	return ERR_OK;
}

enum err_code read_string(struct reading *reading, size_t at, size_t next, struct str *ret_text)
{
	char *text = reading->text + at + 1;
	char *end = reading->text + next;

	/* Nothing but white space stands between the closing quote and what follows. */
	while (end > text && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	if (end <= text || end[-1] != '"')
		return err_set(reading->err, ERR_INVALID, "the string at byte %zu does not end", at);
	end--;
	if (reading->has_escapes)
		return unescape(reading, text, end, ret_text);
	*ret_text = (struct str){text, (size_t)(end - text)};
	return ERR_OK;
}

/* ---- numbers ---- */

struct token { /* a number taken apart */
	const char *at; /* moves to the end */
	uint64_t mantissa; /* all digits as one integer; meaningless beyond DIGITS_EXACT_MAX */
	int digits; /* from the first that is not zero */
	int64_t exponent; /* of ten, that mantissa is to be multiplied by */
	int64_t magnitude; /* the value is below 10^magnitude and not below a tenth of it */
	bool negative, integer;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The value of eight digits, when there are as many: pairs, fours and eights are put together within one word. Reading
 * ahead is fine, behind the text there is padding. */
static bool eight_digits(const char *at, uint64_t *ret)
{
	uint64_t x;

	memcpy(&x, at, sizeof(x));
	x = le64toh(x);
	uint64_t high = x & UINT64_C(0xF0F0F0F0F0F0F0F0),
		 carried = (x + UINT64_C(0x0606060606060606)) & UINT64_C(0xF0F0F0F0F0F0F0F0);

	if (high != UINT64_C(0x3030303030303030) || carried != high)
		return false;
	x -= UINT64_C(0x3030303030303030);
	x = x * 10 + (x >> 8);
	x = ((x & UINT64_C(0x000000FF000000FF)) * (100 + (UINT64_C(1000000) << 32)) +
	     ((x >> 16) & UINT64_C(0x000000FF000000FF)) * (1 + (UINT64_C(10000) << 32))) >>
	    32;
	*ret = x;
	return true;
}

static int scan_digits(struct token *token)
{
	const char *start = token->at;
	uint64_t eight;

	/* Stamps are integers of sixteen digits, and documents hold many. */
	while ((token->digits > 0 || *token->at != '0') && token->at - start <= JSON_NUMBER_BYTES_MAX &&
	       eight_digits(token->at, &eight)) {
		token->mantissa = token->mantissa * 100000000 + eight;
		token->digits += 8;
		token->at += 8;
	}
	for (; is_digit(*token->at); token->at++) {
		token->mantissa = token->mantissa * 10 + (uint64_t)(*token->at - '0');
		token->digits += token->digits > 0 || *token->at != '0';
		if (token->at - start > JSON_NUMBER_BYTES_MAX)
			break;
	}
	return (int)(token->at - start);
}

static bool scan_exponent(struct token *token)
{
	int64_t exponent = 0;

	token->integer = false;
	token->at++;
	bool negative = *token->at == '-';

	if (*token->at == '-' || *token->at == '+')
		token->at++;
	if (!is_digit(*token->at))
		return false;
	for (const char *start = token->at; is_digit(*token->at); token->at++) {
		exponent = exponent * 10 + (*token->at - '0');
		if (exponent > EXPONENT_MAX)
			exponent = EXPONENT_MAX;
		if (token->at - start > JSON_NUMBER_BYTES_MAX)
			break;
	}
	token->exponent += negative ? -exponent : exponent;
	return true;
}

/* The grammar of RFC 8259, section 6; false where it is broken (token->at says where). */
static bool scan_number(struct token *token)
{
	token->integer = true;
	token->negative = *token->at == '-';
	token->at += token->negative;
	if (*token->at == '0' && is_digit(token->at[1])) {
		token->at++;
		return false;
	}
	if (scan_digits(token) == 0)
		return false;
	if (*token->at == '.') {
		token->integer = false;
		token->at++;
		int decimals = scan_digits(token);

		if (decimals == 0)
			return false;
		token->exponent = -decimals;
	}
	if ((*token->at == 'e' || *token->at == 'E') && !scan_exponent(token))
		return false;
	token->magnitude = token->digits + token->exponent;
	return true;
}

static bool convert_exactly(const struct token *token, double *ret)
{
	if (token->digits > DIGITS_EXACT_MAX || token->mantissa > MANTISSA_EXACT_MAX)
		return false;
	if (token->exponent < -POWER_EXACT_MAX || token->exponent > POWER_EXACT_MAX)
		return false;
	double value = (double)token->mantissa;

	if (token->exponent < 0)
		value /= powers_of_ten[-token->exponent];
	else
		value *= powers_of_ten[token->exponent];
	*ret = token->negative ? -value : value;
	return true;
}

enum err_code read_number(struct reading *reading, size_t at, struct json *ret_number)
{
	const char *start = reading->text + at;
	struct token token = {.at = start};
	bool good = scan_number(&token);
	size_t len = (size_t)(token.at - start);
	double value = token.negative ? -0.0 : 0.0;

	if (len > JSON_NUMBER_BYTES_MAX)
		return err_set(reading->err, ERR_LIMIT, "the number at byte %zu is longer than %d characters", at,
			       JSON_NUMBER_BYTES_MAX);
	if (!good || !read_ends_scalar(reading, at + len))
		return err_set(reading->err, ERR_INVALID, "no JSON number at byte %zu: %s at byte %zu", at,
			       read_show(reading, at + len).text, at + len);
	if (token.digits > 0 && !convert_exactly(&token, &value) && !json_number_from_text(start, len, &value) &&
	    token.magnitude > 0)
		return err_set(reading->err, ERR_INVALID,
			       "the number %.*s at byte %zu is too large for a double (largest: 1.797e308)",
			       (int)(len < 40 ? len : 40), start, at);
	*ret_number = (struct json){
		.kind = JSON_NUMBER, .integer = token.integer, .count = (uint32_t)len, .text = start, .number = value};
	return ERR_OK;
}

/* ---- what the first stage refused ---- */

/* Bytes of the UTF-8 character at p, 0 when it is none (RFC 3629: no overlong forms, surrogates, or beyond 10FFFF). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		unsigned char length;
	} forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		     {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		     {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first_min || p[0] > forms[i].first_max)
			continue;
		if (left < forms[i].length || p[1] < forms[i].second_min || p[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

enum err_code read_diagnose(const struct reading *reading)
{
	const unsigned char *text = (const unsigned char *)reading->text;
	bool in_string = false;
	size_t opened = 0;

	for (size_t i = 0, step; i < reading->len; i += step) {
		step = utf8_length(text + i, reading->len - i);
		if (step == 0)
			return err_set(reading->err, ERR_INVALID, "the JSON text is not UTF-8 at byte %zu (0x%02x)", i,
				       text[i]);
		if (in_string && text[i] < 0x20)
			return err_set(reading->err, ERR_INVALID,
				       "control character 0x%02x in a string at byte %zu must be escaped", text[i], i);
		if (in_string && text[i] == '\\' && i + 1 < reading->len && text[i + 1] >= 0x20 && text[i + 1] < 0x80) {
			step = 2;
		} else if (text[i] == '"') {
			in_string = !in_string;
			opened = i;
		}
	}
	if (in_string)
		return err_set(reading->err, ERR_INVALID, "the string at byte %zu does not end", opened);
	return err_set(reading->err, ERR_INVALID, "no JSON text");
}
