/* Goal: properties mean what the appendix says: scales, units, factors, codes that are no values, times. Method: EDTs
 * by hand with the value calculated beside them; the tables as a whole are held against another program's in
 * tests/interop/echonet_tables.mjs. */
#include "check.h"
#include "echonet/schema.h"
#include "echonet_util.h"

#define METER 0x0288
#define HIGH_METER 0x028a

static struct echonet_value values[ECHONET_VALUES_MAX];
static struct echonet_factors factors;
static struct octets edt;
static bool malformed;

static size_t decode(uint16_t class_code, uint8_t epc, const char *hex)
{
	edt = octets(hex);
	return echonet_decode(class_code, &factors, NULL, &(struct echonet_property){epc, octets_str(&edt)}, values,
			      &malformed);
}

static void note(uint16_t class_code, uint8_t epc, const char *hex)
{
	struct octets bytes = octets(hex);

	echonet_factors_note(&factors, class_code, &(struct echonet_property){epc, octets_str(&bytes)});
}

static void is_number(const char *name, double number, const char *unit)
{
	CHECK_STR(str_from(values[0].name), str_from(name));
	CHECK(values[0].number == number);
	CHECK_STR(str_from(values[0].field->unit), str_from(unit));
}

static void energy_is_value_times_coefficient_times_unit(void)
{
	factors = (struct echonet_factors){.count = 0};
	CHECK(decode(METER, 0xe0, "00003039") == 0); /* the unit is not known yet */
	note(METER, 0xe1, "01");
	CHECK(decode(METER, 0xe0, "00003039") == 1); /* 12345 × 1 × 0.1: without D3 */
	is_number("normalDirectionCumulativeElectricEnergy", 1234.5, "KWH");
	note(METER, 0xd3, "0000003C"); /* 60 */
	CHECK(decode(METER, 0xe3, "00003039") == 1);
	is_number("reverseDirectionCumulativeElectricEnergy", 74070, "KWH");
	note(METER, 0xe1, "0D"); /* 10,000 */
	CHECK(decode(METER, 0xe0, "05F5E0FF") == 1 && values[0].number == 99999999.0 * 60 * 10000);
	note(METER, 0xe1, "04"); /* 0.0001 */
	CHECK(decode(METER, 0xe0, "00000001") == 1 && values[0].number == 0.006);
	note(METER, 0xe1, "05");
	note(METER, 0xd3, "000F4240"); /* 1,000,000: beyond six digits, the one before stays */
	CHECK(decode(METER, 0xe0, "00000001") == 1 && values[0].number == 0.0006); /* 05: 0.00001 */
	note(METER, 0xe1, "07");
	CHECK(decode(METER, 0xe0, "00000001") == 1 && values[0].number == 0.0006); /* 07 is no unit */
	CHECK(decode(METER, 0xd3, "0000003C") == 1);
	CHECK_STR(str_from(values[0].name), STR("coefficient"));
	CHECK(decode(METER, 0xe1, "0B") == 1 && values[0].number == 100);
}

/* A coefficient that the object has, but has not told yet, is waited for. */
static void a_coefficient_that_can_be_had_is_needed(void)
{
	struct echonet_epcs readable = {{0, 0}};
	struct octets bytes = octets("00003039");
	const struct echonet_property property = {0xe0, octets_str(&bytes)};

	factors = (struct echonet_factors){.count = 0};
	note(METER, 0xe1, "00");
	echonet_epcs_add(&readable, 0xe1);
	CHECK(echonet_decode(METER, &factors, &readable, &property, values, NULL) == 1);
	echonet_epcs_add(&readable, 0xd3);
	CHECK(echonet_decode(METER, &factors, &readable, &property, values, NULL) == 0);
	note(METER, 0xd3, "00000002");
	CHECK(echonet_decode(METER, &factors, &readable, &property, values, NULL) == 1 && values[0].number == 24690);
}

static void meters_at_high_voltage_have_factors_of_their_own(void)
{
	factors = (struct echonet_factors){.count = 0};
	note(HIGH_METER, 0xd3, "000004B0"); /* 1200 */
	note(HIGH_METER, 0xd4, "01"); /* × 0.1 */
	note(HIGH_METER, 0xc5, "02"); /* demand in 0.01 kW */
	note(HIGH_METER, 0xe6, "0A"); /* energy in 10 kWh */
	CHECK(decode(HIGH_METER, 0xc1, "000001F4") == 1); /* 500 × 1200 × 0.1 × 0.01 */
	is_number("monthlyMaximumElectricPowerDemand", 600, "KWT");
	CHECK(decode(HIGH_METER, 0xe3, "07EA 0B 16 0C 1E 00 00000064") == 1); /* 100 × 1200 × 0.1 × 10 */
	is_number("cumulativeActiveElectricEnergyAtEvery30Min", 120000, "KWH");
	CHECK(values[0].has_time && values[0].date.year == 2026 && values[0].date.month == 11);
	CHECK(values[0].date.day == 22 && values[0].second == 45000);
	CHECK(decode(HIGH_METER, 0xca, "07EA 0B 16 0C 1E 00 00000064") == 0); /* CD is not known */
}

static void times_are_the_meters_own(void)
{
	factors = (struct echonet_factors){.count = 0};
	note(METER, 0xe1, "00");
	CHECK(decode(METER, 0xea, "07E8 02 1D 17 3B 3B 00000007") == 1); /* 2024-02-29T23:59:59 */
	CHECK(values[0].has_time && values[0].second == 86399 && values[0].date.day == 29);
	is_number("normalDirectionCumulativeElectricEnergyAtEvery30Min", 7, "KWH");
	CHECK(decode(METER, 0xea, "07E9 02 1D 17 1E 00 00000007") == 0); /* 2025 has no such day */
	CHECK(decode(METER, 0xea, "07E9 02 1C 18 00 00 00000007") == 0); /* nor this hour */
	CHECK(decode(METER, 0xea, "FFFF FF FF FF FF FF FFFFFFFE") == 0 && !malformed);
	CHECK(decode(METER, 0xd0, "07EA 0B 16 00 01 00 00000064 FFFFFFFE") == 1); /* one direction of two */
	is_number("cumulativeElectricEnergyAtEveryMinuteNormalDirection", 100, "KWH");
}

static void values_that_are_none_are_absent(void)
{
	static const struct {
		uint16_t class_code;
		uint8_t epc;
		const char *hex;
	} none[] = {
		{METER, 0xe0, "FFFFFFFE"}, {METER, 0xe7, "7FFFFFFE"},  {METER, 0xe7, "7FFFFFFF"},
		{METER, 0xe7, "80000000"}, {METER, 0xe8, "7FFE7FFE"},  {METER, 0xe8, "80007FFF"},
		{0x0279, 0xe0, "FFFE"},    {0x0279, 0xe0, "FFFF"},     {0x0279, 0xe8, "FFFF"},
		{0x0011, 0xe0, "8000"},    {0x0011, 0xe0, "7FFF"},     {0x0012, 0xe0, "FD"},
		{0x0130, 0xb3, "FD"},      {0x0130, 0xbb, "7E"},       {0x0130, 0xbb, "7F"},
		{0x0130, 0xbb, "80"},      {0x027d, 0xaa, "00000000"}, {0x0290, 0xb1, "FD"},
	};

	factors = (struct echonet_factors){.count = 0};
	note(METER, 0xe1, "00");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (!CHECK(decode(none[i].class_code, none[i].epc, none[i].hex) == 0 && !malformed))
			printf("# %04X %02X %s\n", none[i].class_code, none[i].epc, none[i].hex);
	CHECK(decode(METER, 0xe7, "0000") == 0 && malformed); /* of another length */
	CHECK(decode(METER, 0xe7, "") == 0 && malformed);
	CHECK(decode(METER, 0xf5, "00") == 0 && !malformed); /* of a maker's own */
}

static void numbers_of_all_scales(void)
{
	factors = (struct echonet_factors){.count = 0};
	CHECK(decode(METER, 0xe7, "FFFFFF9C") == 1); /* −100: it flows back */
	is_number("instantaneousElectricPower", -100, "WTT");
	CHECK(decode(METER, 0xe8, "0028 FFF6") == 2); /* 4.0 A, −1.0 A */
	is_number("instantaneousCurrentRPhase", 4, "AMP");
	CHECK(values[1].number == -1);
	CHECK_STR(str_from(values[1].name), STR("instantaneousCurrentTPhase"));
	CHECK(decode(METER, 0xe8, "0028 7FFE") == 1); /* two wires: no T phase */
	CHECK(decode(0x0279, 0xe1, "0001E240") == 1);
	is_number("cumulativeElectricEnergyOfGeneration", 123.456, "KWH");
	CHECK(decode(0x0011, 0xe0, "FFCE") == 1);
	is_number("temperature", -5, "CEL");
	CHECK(decode(0x0011, 0xe0, "00EB") == 1 && values[0].number == 23.5);
	CHECK(decode(0x027d, 0xd3, "FFFFFC18") == 1);
	is_number("instantaneousChargingAndDischargingElectricPower", -1000, "WTT");
	CHECK(decode(0x0282, 0xe0, "00003039") == 1);
	is_number("cumulativeGasConsumption", 12.345, "MTQ");
	CHECK(decode(0x0281, 0xe0, "00003039") == 0);
	note(0x0281, 0xe1, "03");
	CHECK(decode(0x0281, 0xe0, "00003039") == 1 && values[0].number == 12.345);
}

static void a_distribution_board_has_channels(void)
{
	factors = (struct echonet_factors){.count = 0};
	note(0x0287, 0xc2, "02");
	CHECK(decode(0x0287, 0xd0, "00000064 0014 7FFE") == 2); /* 1.00 kWh, 2.0 A */
	is_number("measurementChannel1ElectricEnergy", 1, "KWH");
	CHECK_STR(str_from(values[1].name), STR("measurementChannel1CurrentRPhase"));
	CHECK(values[1].number == 2);
	CHECK(decode(0x0287, 0xef, "00000064 0014 0015") == 3);
	CHECK_STR(str_from(values[2].name), STR("measurementChannel32CurrentTPhase"));
	CHECK(decode(0x0287, 0xc8, "03E8 03E9") == 2 && values[0].number == 100 && values[1].number == 100.1);
}

static void states_and_texts(void)
{
	CHECK(decode(0x0130, 0x80, "30") == 1 && values[0].boolean && values[0].field->form == ECHONET_SWITCH);
	CHECK_STR(str_from(values[0].name), STR("operationStatus"));
	CHECK(decode(0x0130, 0x80, "31") == 1 && !values[0].boolean);
	CHECK(decode(0x0130, 0x80, "32") == 0);
	CHECK(decode(0x0130, 0xb0, "43") == 1);
	CHECK_STR(values[0].text, STR("heating"));
	CHECK(decode(0x0130, 0xa0, "31") == 1);
	CHECK_STR(values[0].text, STR("1"));
	CHECK(decode(0x1234, 0x8a, "000077") == 1); /* also of a class without a table */
	CHECK_STR(values[0].text, STR("000077"));
	CHECK(decode(METER, 0x8c, "4D522D31 2020 000000000000") == 1);
	CHECK_STR(values[0].text, STR("MR-1"));
	CHECK(decode(METER, 0x8c, "000000000000000000000000") == 0);
	CHECK(decode(METER, 0x8e, "07EA 0B 16") == 1);
	CHECK_STR(values[0].text, STR("2026-11-22"));
	CHECK(decode(METER, 0x81, "08") == 1);
	CHECK_STR(values[0].text, STR("08"));
	CHECK(decode(METER, 0x81, "01 00000000000000000000000000000011") == 1 && values[0].text.len == 34);
	CHECK(decode(ECHONET_NODE_PROFILE_CLASS, 0x84, "0001") == 0); /* no device */
}

static void every_table_is_sound(void)
{
	const struct echonet_class *class;

	for (size_t i = 0; (class = echonet_class_at(i)); i++) {
		CHECK(echonet_class_find(class->code) == class);
		for (size_t k = 0; k < class->field_count; k++) {
			const struct echonet_field *field = &class->fields[k];
			size_t count;

			CHECK(field->name && strlen(field->name) + 2 < ECHONET_NAME_BYTES && field->epc >= 0x80);
			CHECK(field->bytes == 0 || field->at + field->size <= field->bytes);
			CHECK((field->form == ECHONET_STATE || field->form == ECHONET_SWITCH) ==
			      (field->words != NULL));
			CHECK(field->size <= 4 || field->form == ECHONET_BYTES || field->form == ECHONET_TEXT);
			CHECK(field->form > ECHONET_SIGNED || field->min < field->max);
			CHECK(echonet_fields_of(class->code, field->epc, &count) && count <= ECHONET_VALUES_MAX);
			for (size_t f = 0; f < sizeof(field->factors) && field->factors[f]; f++) {
				const struct echonet_field *of =
					echonet_fields_of(class->code, field->factors[f], &count);

				CHECK(of && of->pace == ECHONET_SELDOM); /* which is asked for first */
			}
		}
	}
	CHECK(echonet_class_find(0x0fff) == NULL);
}

/* ---- writing ---- */

static enum err_code encode(uint16_t class_code, const char *name, struct echonet_setting setting, const char *hex)
{
	const struct echonet_field *field = echonet_field_find(class_code, str_from(name));
	uint8_t out[ECHONET_EDT_BYTES_MAX];
	size_t len = 0;
	struct error err;
	enum err_code code = echonet_encode(field, &setting, out, &len, &err);

	CHECK(field || name[0] == '\0');
	if (code == ERR_OK) {
		struct octets wanted = octets(hex);

		CHECK_STR(((struct str){(const char *)out, len}), octets_str(&wanted));
	}
	return code;
}

#define BOOL(value) ((struct echonet_setting){.kind = ECHONET_SET_BOOL, .boolean = (value)})
#define NUMBER(value) ((struct echonet_setting){.kind = ECHONET_SET_NUMBER, .number = (value)})
#define TEXT(value) ((struct echonet_setting){.kind = ECHONET_SET_TEXT, .text = STR(value)})

static void settings_become_bytes(void)
{
	CHECK(encode(0x0290, "operationStatus", BOOL(true), "30") == ERR_OK);
	CHECK(encode(0x0290, "operationStatus", BOOL(false), "31") == ERR_OK);
	CHECK(encode(0x0290, "operationStatus", TEXT("false"), "31") == ERR_OK);
	CHECK(encode(0x0290, "operationStatus", TEXT("0x30"), "30") == ERR_OK);
	CHECK(encode(0x0290, "operationStatus", TEXT("0x32"), "") == ERR_INVALID);
	CHECK(encode(0x0290, "operationStatus", NUMBER(1), "") == ERR_INVALID);
	CHECK(encode(0x0130, "operationMode", TEXT("cooling"), "42") == ERR_OK);
	CHECK(encode(0x0130, "operationMode", TEXT("freezing"), "") == ERR_INVALID);
	CHECK(encode(0x0130, "targetTemperature", NUMBER(26), "1A") == ERR_OK);
	CHECK(encode(0x0130, "targetTemperature", NUMBER(26.5), "") == ERR_INVALID);
	CHECK(encode(0x0130, "targetTemperature", NUMBER(51), "") == ERR_INVALID);
	CHECK(encode(0x0130, "targetTemperature", NUMBER(NAN), "") == ERR_INVALID);
	CHECK(encode(0x0130, "targetTemperature", TEXT("26"), "") == ERR_INVALID);
	CHECK(encode(0x0130, "relativeTargetTemperature", NUMBER(-0.3), "FD") == ERR_OK);
	CHECK(encode(0x027d, "acTargetChargingElectricEnergy", NUMBER(5000), "00001388") == ERR_OK);
	CHECK(encode(0x027e, "chargingCurrent", NUMBER(16.1), "00A1") == ERR_OK);
	CHECK(encode(0x0290, "rgb", TEXT("FF8000"), "FF8000") == ERR_OK);
	CHECK(encode(0x0290, "rgb", TEXT("FF80"), "") == ERR_INVALID);
	CHECK(encode(0x0290, "", TEXT("0x41"), "41") == ERR_OK); /* a property by its number */
	CHECK(encode(0x0290, "", TEXT("4"), "") == ERR_INVALID);
	CHECK(encode(0x0290, "", TEXT("0x4G"), "") == ERR_INVALID);
	CHECK(encode(0x0290, "", NUMBER(4), "") == ERR_INVALID);
	CHECK(encode(METER, "normalDirectionCumulativeElectricEnergy", NUMBER(4), "") == ERR_UNSUPPORTED);
	CHECK(echonet_field_find(METER, STR("instantaneousCurrentRPhase")) == NULL); /* half a property */
	CHECK(echonet_field_find(METER, STR("nothing")) == NULL);
}

static void hexadecimal_numbers(void)
{
	uint32_t value = 0;

	CHECK(echonet_parse_hex(STR("0x028801"), 0xffffff, &value) && value == 0x028801);
	CHECK(echonet_parse_hex(STR("80"), 0xff, &value) && value == 0x80);
	CHECK(!echonet_parse_hex(STR("100"), 0xff, &value) && !echonet_parse_hex(STR(""), 0xff, &value));
	CHECK(!echonet_parse_hex(STR("0x"), 0xff, &value) && !echonet_parse_hex(STR("8G"), 0xff, &value));
	CHECK(!echonet_parse_hex(STR("0000080"), 0xff, &value));
}

int main(void)
{
	RUN(energy_is_value_times_coefficient_times_unit);
	RUN(a_coefficient_that_can_be_had_is_needed);
	RUN(meters_at_high_voltage_have_factors_of_their_own);
	RUN(times_are_the_meters_own);
	RUN(values_that_are_none_are_absent);
	RUN(numbers_of_all_scales);
	RUN(a_distribution_board_has_channels);
	RUN(states_and_texts);
	RUN(every_table_is_sound);
	RUN(settings_become_bytes);
	RUN(hexadecimal_numbers);
	return check_done();
}
