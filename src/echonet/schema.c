/* Properties read by the tables of classes. */
#include "echonet/schema_int.h"

#include <stdio.h>

#define SECONDS_PER_MINUTE 60
#define SECONDS_PER_HOUR 3600
#define DATE_BYTES 4u
#define EXPECTED_BYTES_UNKNOWN 17u /* of a property of any length, such as a map or an identification number */

/* ---- finding ---- */

static const struct echonet_class *const tables[] = {echonet_meter_classes, echonet_energy_classes,
						     echonet_home_classes};

const struct echonet_class *echonet_class_at(size_t index)
{
	for (size_t i = 0; i < LENGTH(tables); i++)
		for (const struct echonet_class *class = tables[i]; class->code; class ++)
			if (index-- == 0)
				return class;
	return NULL;
}

const struct echonet_class *echonet_class_common(void)
{
	return &echonet_common_classes[0];
}

const struct echonet_class *echonet_class_node(void)
{
	return &echonet_common_classes[1];
}

const struct echonet_class *echonet_class_find(uint16_t code)
{
	if (code == ECHONET_NODE_PROFILE_CLASS)
		return echonet_class_node();
	for (size_t i = 0; i < LENGTH(tables); i++)
		for (const struct echonet_class *class = tables[i]; class->code; class ++)
			if (class->code == code)
				return class;
	return NULL;
}

static bool is_of(const struct echonet_field *field, uint8_t epc)
{
	return field->epc_last ? epc >= field->epc && epc <= field->epc_last : epc == field->epc;
}

static const struct echonet_field *find_in(const struct echonet_class *class, uint8_t epc, size_t *ret_count)
{
	size_t i = 0, count = 0;

	while (i < class->field_count && !is_of(&class->fields[i], epc))
		i++;
	while (i + count < class->field_count && is_of(&class->fields[i + count], epc))
		count++;
	*ret_count = count;
	return count ? &class->fields[i] : NULL;
}

/* A class's own field goes before that of all. */
const struct echonet_field *echonet_fields_of(uint16_t class_code, uint8_t epc, size_t *ret_count)
{
	const struct echonet_class *class = echonet_class_find(class_code);
	const struct echonet_field *fields = class ? find_in(class, epc, ret_count) : NULL;

	if (fields || class_code == ECHONET_NODE_PROFILE_CLASS)
		return fields;
	return find_in(echonet_class_common(), epc, ret_count);
}

size_t echonet_expected_bytes(uint16_t class_code, uint8_t epc)
{
	size_t count;
	const struct echonet_field *field = echonet_fields_of(class_code, epc, &count);

	return field && field->bytes ? field->bytes : EXPECTED_BYTES_UNKNOWN;
}

static void add_known(const struct echonet_class *class, enum echonet_pace pace, struct echonet_epcs *epcs)
{
	for (size_t i = 0; i < class->field_count; i++) {
		const struct echonet_field *field = &class->fields[i];

		if (field->pace != pace)
			continue;
		echonet_epcs_add(epcs, field->epc);
		for (uint32_t epc = field->epc + 1u; epc <= field->epc_last; epc++)
			echonet_epcs_add(epcs, (uint8_t)epc);
	}
}

struct echonet_epcs echonet_known(uint16_t class_code, enum echonet_pace pace)
{
	const struct echonet_class *class = echonet_class_find(class_code);
	struct echonet_epcs epcs = {{0, 0}};

	if (class)
		add_known(class, pace, &epcs);
	if (class_code != ECHONET_NODE_PROFILE_CLASS)
		add_known(echonet_class_common(), pace, &epcs);
	return epcs;
}

/* ---- factors ---- */

static int64_t read_number(struct str edt, size_t at, size_t size, bool is_signed)
{
	uint64_t bits = is_signed && ((uint8_t)edt.at[at] & 0x80u) ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		bits = bits << 8 | (uint8_t)edt.at[at + i];
	return (int64_t)bits;
}

/* False: no code of a power of ten. */
static bool read_power(uint8_t code, int16_t *ret_exponent)
{
	if (code <= 0x06)
		*ret_exponent = (int16_t)-code;
	else if (code >= 0x0a && code <= 0x0d)
		*ret_exponent = (int16_t)(code - 0x09);
	else
		return false;
	return true;
}

static bool is_factor(uint16_t class_code, uint8_t epc)
{
	const struct echonet_class *class = echonet_class_find(class_code);

	for (size_t i = 0; class && i < class->field_count; i++)
		for (size_t k = 0; k < LENGTH(class->fields[i].factors); k++)
			if (class->fields[i].factors[k] == epc)
				return true;
	return false;
}

static bool fits(const struct echonet_field *field, struct str edt)
{
	return field->bytes ? edt.len == field->bytes : edt.len >= (size_t)field->at + field->size;
}

void echonet_factors_note(struct echonet_factors *factors, uint16_t class_code, const struct echonet_property *property)
{
	size_t count, i = 0;
	const struct echonet_field *field = echonet_fields_of(class_code, property->epc, &count);
	int32_t value = 1;
	int16_t exponent = 0;

	if (!field || !fits(field, property->edt) || !is_factor(class_code, property->epc))
		return;
	int64_t number = read_number(property->edt, field->at, field->size, false);

	if (field->form == ECHONET_POWER) {
		if (!read_power((uint8_t)number, &exponent))
			return;
	} else if (number < field->min || number > field->max) {
		return;
	} else {
		value = (int32_t)number;
	}
	while (i < factors->count && factors->at[i].epc != property->epc)
		i++;
	if (i == ECHONET_FACTORS_MAX)
		return;
	factors->at[i].epc = property->epc;
	factors->at[i].value = value;
	factors->at[i].exponent = exponent;
	factors->count = (uint8_t)(i < factors->count ? factors->count : i + 1);
}

/* Multiplies by what the field says. False: a factor is not known. A unit has to be told; a coefficient that the object
 * does not have is 1 (Appendix, low-voltage smart meters: D3 may be left out, and then counts as 1). */
static bool scale(uint16_t class_code, const struct echonet_field *field, const struct echonet_factors *factors,
		  const struct echonet_epcs *readable, double *mantissa, int *exponent)
{
	for (size_t k = 0; k < LENGTH(field->factors) && field->factors[k]; k++) {
		size_t i = 0, count;
		uint8_t epc = field->factors[k];
		const struct echonet_field *of = echonet_fields_of(class_code, epc, &count);

		while (factors && i < factors->count && factors->at[i].epc != epc)
			i++;
		if (factors && i < factors->count) {
			*mantissa *= factors->at[i].value;
			*exponent += factors->at[i].exponent;
		} else if (!of || of->form == ECHONET_POWER || (readable && echonet_epcs_has(readable, epc))) {
			return false;
		}
	}
	return true;
}

/* mantissa × 10^exponent, rounded once: a power of ten up to 10^22 is exact. */
static double by_power(double mantissa, int exponent)
{
	double power = 1;

	for (int i = exponent < 0 ? -exponent : exponent; i > 0; i--)
		power *= 10;
	return exponent < 0 ? mantissa / power : mantissa * power;
}

/* ---- values ---- */

static bool read_date(struct str edt, struct civil_date *ret_date)
{
	struct civil_date date = {(int32_t)read_number(edt, 0, 2, false), (int32_t)read_number(edt, 2, 1, false),
				  (int32_t)read_number(edt, 3, 1, false)};

	if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	struct civil_date again = civil_from_days(days_from_civil(date)); /* is there such a day? */

	*ret_date = date;
	return again.month == date.month && again.day == date.day;
}

static bool read_time(struct str edt, struct echonet_value *value)
{
	uint8_t hour = (uint8_t)edt.at[DATE_BYTES], minute = (uint8_t)edt.at[DATE_BYTES + 1],
		second = (uint8_t)edt.at[DATE_BYTES + 2];

	if (!read_date(edt, &value->date) || hour > 23 || minute > 59 || second > 59)
		return false;
	value->has_time = true;
	value->second = hour * SECONDS_PER_HOUR + minute * SECONDS_PER_MINUTE + second;
	return true;
}

static bool take_number(uint16_t class_code, const struct echonet_factors *factors, const struct echonet_epcs *readable,
			struct str edt, struct echonet_value *value)
{
	const struct echonet_field *field = value->field;
	int64_t number = read_number(edt, field->at, field->size, field->form == ECHONET_SIGNED);
	double mantissa = (double)number;
	int exponent = field->exponent;

	if (number < field->min || number > field->max || (field->timed && !read_time(edt, value)))
		return false;
	if (!scale(class_code, field, factors, readable, &mantissa, &exponent))
		return false;
	value->number = by_power(mantissa, exponent);
	return true;
}

static bool take_state(uint8_t code, struct echonet_value *value)
{
	for (const struct echonet_word *word = value->field->words; word->word; word++)
		if (word->code == code) {
			value->text = str_from(word->word);
			value->boolean = str_eq(value->text, STR("true"));
			return true;
		}
	return false;
}

/* Printable ASCII, without what it is filled up with. */
static bool take_text(struct str bytes, struct echonet_value *value)
{
	while (bytes.len && (bytes.at[bytes.len - 1] == '\0' || bytes.at[bytes.len - 1] == ' '))
		bytes.len--;
	if (bytes.len == 0 || bytes.len > sizeof(value->chars))
		return false;
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.at[i] < 0x20 || bytes.at[i] > 0x7e)
			return false;
		value->chars[i] = bytes.at[i];
	}
	value->text = (struct str){value->chars, bytes.len};
	return true;
}

static bool take_bytes(struct str bytes, struct echonet_value *value)
{
	static const char digits[] = "0123456789ABCDEF";

	if (bytes.len == 0 || bytes.len * 2 > sizeof(value->chars))
		return false;
	for (size_t i = 0; i < bytes.len; i++) {
		value->chars[i * 2] = digits[(uint8_t)bytes.at[i] >> 4];
		value->chars[i * 2 + 1] = digits[(uint8_t)bytes.at[i] & 15u];
	}
	value->text = (struct str){value->chars, bytes.len * 2};
	return true;
}

static bool take_date(struct str edt, struct echonet_value *value)
{
	if (!read_date(edt, &value->date))
		return false;
	int len = snprintf(value->chars, sizeof(value->chars), "%04d-%02d-%02d", (int)value->date.year,
			   (int)value->date.month, (int)value->date.day);

	value->text = (struct str){value->chars, (size_t)len};
	return true;
}

static bool take(uint16_t class_code, const struct echonet_factors *factors, const struct echonet_epcs *readable,
		 struct str edt, struct echonet_value *value)
{
	const struct echonet_field *field = value->field;
	struct str part = str_part(edt, field->at, field->size ? (size_t)field->at + field->size : edt.len);
	int16_t exponent;

	switch (field->form) {
	case ECHONET_STATE:
	case ECHONET_SWITCH:
		return take_state((uint8_t)part.at[0], value);
	case ECHONET_TEXT:
		return take_text(part, value);
	case ECHONET_BYTES:
		return take_bytes(part, value);
	case ECHONET_DATE:
		return take_date(edt, value);
	case ECHONET_POWER:
		if (!read_power((uint8_t)part.at[0], &exponent))
			return false;
		value->number = by_power(1, exponent);
		return true;
	default:
		return take_number(class_code, factors, readable, edt, value);
	}
}

static void set_name(const struct echonet_field *field, uint8_t epc, char name[static ECHONET_NAME_BYTES])
{
	const char *sign = strchr(field->name, '#');

	if (sign)
		(void)snprintf(name, ECHONET_NAME_BYTES, "%.*s%u%s", (int)(sign - field->name), field->name,
			       epc - field->epc + 1u, sign + 1);
	else
		(void)snprintf(name, ECHONET_NAME_BYTES, "%s", field->name);
}

size_t echonet_decode(uint16_t class_code, const struct echonet_factors *factors, const struct echonet_epcs *readable,
		      const struct echonet_property *property, struct echonet_value values[static ECHONET_VALUES_MAX],
		      bool *ret_malformed)
{
	size_t count = 0, taken = 0;
	const struct echonet_field *fields = echonet_fields_of(class_code, property->epc, &count);
	bool malformed = false;

	for (size_t i = 0; i < count && taken < ECHONET_VALUES_MAX; i++) {
		struct echonet_value *value = &values[taken];

		*value = (struct echonet_value){.field = &fields[i]};
		if (!fits(&fields[i], property->edt)) {
			malformed = true;
			continue;
		}
		set_name(&fields[i], property->epc, value->name);
		taken += take(class_code, factors, readable, property->edt, value);
	}
	if (ret_malformed)
		*ret_malformed = malformed;
	return taken;
}
