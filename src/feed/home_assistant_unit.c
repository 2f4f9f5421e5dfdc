/* Units as Home Assistant writes them, and their codes in UN/CEFACT Recommendation 20. */
#include "feed/home_assistant.h"

struct str home_assistant_unit(struct str unit)
{
	static const struct {
		const char *unit, *code;
	} codes[] = {
		{"°C", "CEL"},  {"°F", "FAH"},   {"K", "KEL"},    {"%", "P1"},     {"W", "WTT"},    {"kW", "KWT"},
		{"MW", "MAW"},  {"Wh", "WHR"},   {"kWh", "KWH"},  {"MWh", "MWH"},  {"V", "VLT"},    {"mV", "2Z"},
		{"kV", "KVT"},  {"A", "AMP"},    {"mA", "4K"},    {"Hz", "HTZ"},   {"Pa", "PAL"},   {"hPa", "A97"},
		{"kPa", "KPA"}, {"bar", "BAR"},  {"mbar", "MBR"}, {"psi", "PS"},   {"lx", "LUX"},   {"dB", "2N"},
		{"dBm", "DBM"}, {"ppm", "59"},   {"ppb", "61"},   {"µg/m³", "GQ"}, {"μg/m³", "GQ"}, {"mg/m³", "GP"},
		{"m", "MTR"},   {"cm", "CMT"},   {"mm", "MMT"},   {"km", "KTM"},   {"m/s", "MTS"},  {"km/h", "KMH"},
		{"L", "LTR"},   {"m³", "MTQ"},   {"m³/h", "MQH"}, {"L/min", "L2"}, {"s", "SEC"},    {"min", "MIN"},
		{"h", "HUR"},   {"d", "DAY"},    {"g", "GRM"},    {"kg", "KGM"},   {"°", "DD"},     {"VA", "D46"},
		{"kVA", "KVA"}, {"var", "D44"},  {"kvar", "KVR"}, {"J", "JOU"},    {"GJ", "GV"},    {"W/m²", "D54"},
		{"m²", "MTK"},  {"mm/h", "H67"}, {"ms", "C26"},   {"B", "AD"},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_eq(unit, str_from(codes[i].unit)))
			return str_from(codes[i].code);
	return unit;
}
