/* Settings to the bytes of a property. */
#include "echonet/schema_int.h"

#include <math.h>
#include <stdio.h>

#define SCALE_TOLERANCE 1e-6 /* of the last digit: what binary fractions cost */
#define HEX_DIGITS_MAX 6u

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct str without_prefix(struct str text)
{
	return str_starts(text, STR("0x")) || str_starts(text, STR("0X")) ? str_part(text, 2, text.len) : text;
}

bool echonet_parse_hex(struct str text, uint32_t max, uint32_t *ret)
{
	struct str digits = without_prefix(text);
	uint32_t value = 0;

	if (digits.len == 0 || digits.len > HEX_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digit_of(digits.at[i]) < 0)
			return false;
		value = value << 4 | (uint32_t)digit_of(digits.at[i]);
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}

bool echonet_read_octets(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == ' ' || text.at[i] == '\n' || text.at[i] == '\r')
			continue;
		int high = digit_of(text.at[i]), low = i + 1 < text.len ? digit_of(text.at[i + 1]) : -1;

		if (high < 0 || low < 0)
			return false;
		buf_put_char(out, (char)(high << 4 | low));
		i++;
	}
	return out->len > 0 && !out->failed;
}

static const struct echonet_field *find_named(const struct echonet_class *class, struct str name)
{
	for (size_t i = 0; i < class->field_count; i++)
		if (str_eq(str_from(class->fields[i].name), name))
			return &class->fields[i];
	return NULL;
}

const struct echonet_field *echonet_field_find(uint16_t class_code, struct str name)
{
	const struct echonet_class *class = echonet_class_find(class_code);
	const struct echonet_field *field = class ? find_named(class, name) : NULL;
	size_t count = 0;

	if (!field && class_code != ECHONET_NODE_PROFILE_CLASS)
		field = find_named(echonet_class_common(), name);
	if (!field || field->epc_last || !echonet_fields_of(class_code, field->epc, &count) || count != 1)
		return NULL;
	return field;
}

static enum err_code encode_bytes(struct str text, size_t wanted, uint8_t edt[static ECHONET_EDT_BYTES_MAX],
				  size_t *ret_len, struct error *err)
{
	struct str digits = without_prefix(text);

	if (digits.len == 0 || digits.len % 2 || digits.len / 2 > ECHONET_EDT_BYTES_MAX)
		return err_set(err, ERR_INVALID, "expected hexadecimal bytes such as \"0x41\", not \"%.*s\"",
			       STR_FMT(str_part(text, 0, 40)));
	for (size_t i = 0; i < digits.len / 2; i++) {
		int high = digit_of(digits.at[2 * i]), low = digit_of(digits.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(err, ERR_INVALID, "expected hexadecimal bytes such as \"0x41\", not \"%.*s\"",
				       STR_FMT(str_part(text, 0, 40)));
		edt[i] = (uint8_t)(high << 4 | low);
	}
	if (wanted && digits.len / 2 != wanted)
		return err_set(err, ERR_INVALID, "expected %zu bytes, not %zu", wanted, digits.len / 2);
	*ret_len = digits.len / 2;
	return ERR_OK;
}

static enum err_code encode_word(const struct echonet_field *field, struct str text,
				 uint8_t edt[static ECHONET_EDT_BYTES_MAX], size_t *ret_len, struct error *err)
{
	char known[160] = "";
	size_t len = 0;
	uint32_t code = 0;

	for (const struct echonet_word *word = field->words; word->word; word++) {
		bool is_code =
			str_starts(text, STR("0x")) && echonet_parse_hex(text, 0xff, &code) && code == word->code;

		if (str_eq(text, str_from(word->word)) || is_code) {
			edt[0] = word->code;
			*ret_len = 1;
			return ERR_OK;
		}
		int more = snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", word->word);

		len = more > 0 && len + (size_t)more < sizeof(known) ? len + (size_t)more : len;
	}
	known[len] = '\0';
	return err_set(err, ERR_INVALID, "expected one of %s for %s, not \"%.*s\"", known, field->name,
		       STR_FMT(str_part(text, 0, 40)));
}

static enum err_code encode_number(const struct echonet_field *field, double number,
				   uint8_t edt[static ECHONET_EDT_BYTES_MAX], size_t *ret_len, struct error *err)
{
	double power = pow(10, field->exponent), scaled = number / power;

	if (field->factors[0] || field->at || field->timed || field->bytes != field->size)
		return err_set(err, ERR_UNSUPPORTED, "%s is no number that can be set", field->name);
	if (!(scaled >= (double)field->min - 0.5 && scaled <= (double)field->max + 0.5))
		return err_set(err, ERR_INVALID, "expected %g to %g for %s, not %g", (double)field->min * power,
			       (double)field->max * power, field->name, number);
	if (fabs(scaled - nearbyint(scaled)) > SCALE_TOLERANCE * fmax(1, fabs(scaled)))
		return err_set(err, ERR_INVALID, "expected steps of %g for %s, not %g", power, field->name, number);
	int64_t raw = (int64_t)nearbyint(scaled);

	if (raw < field->min || raw > field->max)
		return err_set(err, ERR_INVALID, "expected %g to %g for %s, not %g", (double)field->min * power,
			       (double)field->max * power, field->name, number);
	for (size_t i = 0; i < field->size; i++)
		edt[i] = (uint8_t)((uint64_t)raw >> (8 * (field->size - 1 - i)));
	*ret_len = field->size;
	return ERR_OK;
}

enum err_code echonet_encode(const struct echonet_field *field, const struct echonet_setting *setting,
			     uint8_t edt[static ECHONET_EDT_BYTES_MAX], size_t *ret_len, struct error *err)
{
	struct str text = setting->text;
	bool is_number = field && (field->form == ECHONET_UNSIGNED || field->form == ECHONET_SIGNED);

	if (setting->kind == ECHONET_SET_BOOL)
		text = setting->boolean ? STR("true") : STR("false");
	if (is_number && setting->kind == ECHONET_SET_NUMBER)
		return encode_number(field, setting->number, edt, ret_len, err);
	if (is_number || setting->kind == ECHONET_SET_NUMBER)
		return err_set(err, ERR_INVALID, "expected %s for %s", is_number ? "a number" : "a text",
			       field ? field->name : "a property without a name");
	if (field && field->words)
		return encode_word(field, text, edt, ret_len, err);
	return encode_bytes(text, field ? field->bytes : 0, edt, ret_len, err);
}
