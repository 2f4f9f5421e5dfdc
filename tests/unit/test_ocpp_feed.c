/* What charge points are called as entities, and what a feed's document may say of them. By hand: names after OCPP 1.6
 * section 7.31 (Measurand) and 7.34 (Phase), units after UN/ECE Recommendation 20. */
#include "base/cleanup.h"
#include "check.h"
#include "feed/ocpp_feed_int.h"

#include <math.h>

static struct arena arena;
static struct error err;

struct name {
	const char *measurand, *phase, *location, *wanted;
};

static void samples_have_names(void)
{
	static const struct name names[] = {
		{"Energy.Active.Import.Register", "", "Outlet", "energyActiveImportRegister"},
		{"Power.Active.Import", "L1-N", "Outlet", "powerActiveImportL1N"},
		{"Current.Import", "L2", "Inlet", "currentImportL2Inlet"},
		{"Voltage", "L1-L2", "Outlet", "voltageL1L2"},
		{"SoC", "", "EV", "soCEV"},
		{"RPM", "", "Outlet", "RPM"},
		{"Temperature", "", "Body", "temperatureBody"},
		{"Power.Factor", "N", "Cable", "powerFactorNCable"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct ocpp_sample sample = {.measurand = str_from(names[i].measurand),
						   .phase = str_from(names[i].phase),
						   .location = str_from(names[i].location)};

		CHECK_STR(ocpp_sample_name(&arena, &sample), str_from(names[i].wanted));
	}
}

struct unit {
	const char *unit, *measurand, *code; /* code NULL: there is none */
	double scale;
};

static void units_have_codes(void)
{
	static const struct unit units[] = {
		{"Wh", "Energy.Active.Import.Register", "WHR", 1},
		{"kWh", "Energy.Active.Import.Register", "KWH", 1},
		{"varh", "Energy.Reactive.Import.Register", "K3", 0.001}, /* kilovolt ampere reactive hour */
		{"kvarh", "Energy.Reactive.Import.Register", "K3", 1},
		{"A", "Current.Import", "AMP", 1},
		{"Celsius", "Temperature", "CEL", 1},
		{"Percent", "SoC", "P1", 1},
		{"", "SoC", "P1", 1},
		{"", "Frequency", "HTZ", 1},
		{"", "RPM", "RPM", 1},
		{"", "Power.Factor", NULL, 1},
		{"furlong", "Voltage", NULL, 1},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double scale = NAN;
		const char *code = ocpp_unit_code(str_from(units[i].unit), str_from(units[i].measurand), &scale);

		CHECK(scale == units[i].scale);
		CHECK_STR(str_from(code), str_from(units[i].code));
	}
}

static void names_are_written_for_ids(void)
{
	char uri[16];

	CHECK(ocpp_uri_put(uri, sizeof(uri), STR("CP_1.a-b")));
	CHECK_STR(str_from(uri), STR("CP_1.a-b"));
	CHECK(ocpp_uri_put(uri, sizeof(uri), STR("a*b|c")));
	CHECK_STR(str_from(uri), STR("a%2Ab%7Cc"));
	CHECK(ocpp_uri_put(uri, sizeof(uri), STR("123456789012345")));
	CHECK(!ocpp_uri_put(uri, sizeof(uri), STR("1234567890123456")));
	CHECK(!ocpp_uri_put(uri, sizeof(uri), STR("12345678901234*")));
}

static enum err_code check(const char *text)
{
	struct yaml_tree *document = NULL;

	if (!CHECK_OK(yaml_tree_parse(&arena, STR("t.yaml"), str_from(text), &document, &err), &err))
		return ERR_INTERNAL;
	return feed_check(document, &err);
}

#define HEAD "name: park\nocpp: {any_station: true}\n"
#define COMMAND(send) HEAD "commands: [{type: EVChargingPoint, attribute: a, send: {" send "}}]"

struct wrong {
	const char *document, *why;
};

static void documents_are_checked(void)
{
	static const char *const good[] = {
		HEAD,
		"name: park\nocpp:\n  stations: [{id: \"DE*A+1=b|c@d.e\", password: x}]\n  tokens: [{id: A, name: a, "
		"parent: P, "
		"expires: 2027-01-01T00:00:00+02:00, blocked: no}]\n  any_token: on\n  heartbeat: 10 min\n"
		"  answer_timeout: 20 s\n",
		COMMAND("action: limit, unit: A, purpose: tx, profile: 3, stack_level: 0, phases: 1"),
		COMMAND("action: remote_start, token: \"{value}\", token_type: eMAID"),
		COMMAND("action: call, call: GetLocalListVersion, payload: \"{}\""),
	};
	static const struct wrong wrongs[] = {
		{"name: park\nocpp: {}", "any_station"},
		{"name: park\nocpp: {stations: []}\nmap: {}", "no mapping"},
		{"name: park\nocpp: {stations: [{id: a}]}", "password"},
		{"name: park\nocpp: {stations: [{id: a, password: \"\"}]}", "password"},
		{"name: park\nocpp: {stations: [{id: \"a:b\", password: x}]}", "letters"},
		{"name: park\nocpp: {stations: [{id: a, password: x}, {id: a, password: y}]}", "twice"},
		{"name: park\nocpp: {stations: [{id: a, password: x, pasword: y}]}", "pasword"},
		{"name: park\nocpp: {any_station: true, tokens: [{}]}", "36 characters"},
		{"name: park\nocpp: {any_station: true, tokens: [{id: a}, {id: A}]}", "already"},
		{"name: park\nocpp: {any_station: true, tokens: [{id: a, name: n}, {id: b, name: n}]}", "already"},
		{"name: park\nocpp: {any_station: true, tokens: [{id: a, expires: 2027-01-01}]}", "expected a time"},
		{"name: park\nocpp: {any_station: true, tokens: [{id: a, parent: 123456789012345678901}]}", "20"},
		{"name: park\nocpp: {any_station: perhaps}", "any_station"},
		{COMMAND("action: fly"), "remote_start"},
		{COMMAND("action: reset, unit: A"), "unit"},
		{COMMAND("action: limit, unit: V"), "W or A"},
		{COMMAND("action: limit, phases: 4"), "phases"},
		{COMMAND("action: limit, stack_level: 0.5"), "whole"},
		{COMMAND("action: limit, purpose: always"), "tx_default"},
		{COMMAND("action: call"), "an action of OCPP"},
		{COMMAND("action: call, call: MakeTea"), "an action of OCPP"},
		{COMMAND("action: trigger, message: \"{lamp}\""), "{lamp}"},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_OK(check(good[i]), &err);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		if (!CHECK(check(wrongs[i].document) == ERR_INVALID) || !CHECK(strstr(err.detail, wrongs[i].why)) ||
		    !CHECK(str_starts(str_from(err.detail), STR("t.yaml:"))))
			printf("# %zu: %s\n", i, err.detail);
}

int main(void)
{
	arena_init(&arena, 16u << 20);
	RUN(samples_have_names);
	RUN(units_have_codes);
	RUN(names_are_written_for_ids);
	RUN(documents_are_checked);
	arena_done(&arena);
	return check_done();
}
