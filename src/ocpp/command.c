/* Commands as the messages of either version. Rules that the tables cannot say stand here, each with its source. */
#include "ocpp/command.h"

#include "ocpp/charging_int.h"

/* A command on its way to be a payload. */
struct maker {
	struct arena *arena;
	enum ocpp_version version;
	const struct ocpp_command *command;
	struct json *payload;
	struct error *err;
};

static bool is_16(const struct maker *maker)
{
	return maker->version == OCPP_1_6;
}

static void set(const struct maker *maker, struct json *object, const char *name, struct json value)
{
	(void)json_add(maker->arena, object, str_from(name), value);
}

static void set_integer(const struct maker *maker, const char *name, int64_t number)
{
	if (number != OCPP_NONE)
		set(maker, maker->payload, name, json_int(maker->arena, number));
}

static void set_text(const struct maker *maker, const char *name, struct str text)
{
	set(maker, maker->payload, name, json_string(text));
}

/* 2.0.1: an EVSE and, where it is told, its connector. */
static void set_evse(const struct maker *maker, const char *name)
{
	const struct ocpp_place *place = &maker->command->place;
	struct json evse = json_object();

	if (place->evse == OCPP_NONE)
		return;
	set(maker, &evse, "id", json_int(maker->arena, place->evse));
	if (place->connector != OCPP_NONE)
		set(maker, &evse, "connectorId", json_int(maker->arena, place->connector));
	set(maker, maker->payload, name, evse);
}

static enum err_code set_profile(const struct maker *maker, const char *name, const struct ocpp_profile *profile)
{
	enum err_code code = ocpp_profile_check(profile, maker->err);
	int64_t number = 0;

	if (code)
		return code;
	if (profile->purpose == OCPP_EXTERNAL_LIMIT)
		return err_set(maker->err, ERR_INVALID,
			       "limits from outside are set by the station, not the city"); /* K01.FR.22 */
	if (!is_16(maker) && profile->kind == OCPP_ABSOLUTE && profile->start_us == OCPP_NO_TIME)
		return err_set(maker->err, ERR_INVALID, "an absolute profile has no start"); /* K01.FR.40 */
	if (is_16(maker) && profile->transaction.len > 0 && !str_to_int64(profile->transaction, &number))
		return err_set(maker->err, ERR_INVALID, "a transaction of OCPP 1.6 is a number");
	struct json *node = ocpp_profile_json(maker->arena, maker->version, profile);

	if (!node)
		return err_set(maker->err, ERR_MEMORY, "no memory for a charging profile");
	set(maker, maker->payload, name, *node);
	return ERR_OK;
}

/* A profile that comes with a start is for the transaction to be, which has no id yet (1.6, 5.16.2; 2.0.1 F01.FR.08
 * and F01.FR.11). */
static enum err_code make_start(const struct maker *maker)
{
	const struct ocpp_command *command = maker->command;
	const struct ocpp_profile *profile = command->start.profile;
	const struct ocpp_token *token = &command->start.token;

	if (profile && (profile->purpose != OCPP_TX || profile->transaction.len > 0))
		return err_set(maker->err, ERR_INVALID, "a start comes with a TxProfile that names no transaction");
	if (command->place.evse == 0)
		return err_set(maker->err, ERR_INVALID, "a transaction is not started at the whole station");
	if (is_16(maker)) {
		set_integer(maker, "connectorId", command->place.evse);
		set_text(maker, "idTag", token->id);
	} else {
		struct json id_token = json_object();

		set_integer(maker, "evseId", command->place.evse);
		set_integer(maker, "remoteStartId", command->start.remote_start);
		set(maker, &id_token, "idToken", json_string(token->id));
		set(maker, &id_token, "type", json_string(token->type.len ? token->type : STR("Central")));
		set(maker, maker->payload, "idToken", id_token);
	}
	return profile ? set_profile(maker, "chargingProfile", profile) : ERR_OK;
}

static enum err_code make_stop(const struct maker *maker)
{
	int64_t number = 0;

	if (!is_16(maker)) {
		set_text(maker, "transactionId", maker->command->stop.transaction);
		return ERR_OK;
	}
	if (!str_to_int64(maker->command->stop.transaction, &number))
		return err_set(maker->err, ERR_INVALID, "a transaction of OCPP 1.6 is a number");
	set(maker, maker->payload, "transactionId", json_int(maker->arena, number));
	return ERR_OK;
}

/* Where which purpose may be set: 1.6, 3.13.1; 2.0.1 K01.FR.03 and K01.FR.16. */
static enum err_code make_set_profile(const struct maker *maker)
{
	const struct ocpp_profile *profile = maker->command->profile;
	int64_t evse = maker->command->place.evse;

	if (profile->purpose == OCPP_STATION_MAX && evse != 0)
		return err_set(maker->err, ERR_INVALID, "the limit of the whole station is set at 0");
	if (profile->purpose == OCPP_TX && evse <= 0)
		return err_set(maker->err, ERR_INVALID, "the limit of a transaction is set where it runs");
	if (profile->purpose == OCPP_TX && profile->transaction.len == 0 && !is_16(maker))
		return err_set(maker->err, ERR_INVALID, "the limit of a transaction names it");
	set_integer(maker, is_16(maker) ? "connectorId" : "evseId", evse);
	return set_profile(maker, is_16(maker) ? "csChargingProfiles" : "chargingProfile", profile);
}

static enum err_code make_clear_profile(const struct maker *maker)
{
	const struct ocpp_command *command = maker->command;
	struct json *into = maker->payload, criteria = json_object();
	bool by_id = command->clear.id != OCPP_NONE;

	if (by_id) {
		set_integer(maker, is_16(maker) ? "id" : "chargingProfileId", command->clear.id);
		return ERR_OK;
	}
	if (!is_16(maker))
		into = &criteria;
	if (command->place.evse != OCPP_NONE)
		set(maker, into, is_16(maker) ? "connectorId" : "evseId", json_int(maker->arena, command->place.evse));
	if (command->clear.purpose_told)
		set(maker, into, "chargingProfilePurpose",
		    json_string(ocpp_purpose_name(maker->version, command->clear.purpose)));
	if (command->clear.stack_level != OCPP_NONE)
		set(maker, into, "stackLevel", json_int(maker->arena, command->clear.stack_level));
	/* K10.FR.02: an id or criteria have to be there. */
	if (!is_16(maker) && criteria.count == 0)
		return err_set(maker->err, ERR_INVALID, "which profiles are to be cleared is not told");
	if (!is_16(maker))
		set(maker, maker->payload, "chargingProfileCriteria", criteria);
	return ERR_OK;
}

static enum err_code make_composite(const struct maker *maker)
{
	const struct ocpp_command *command = maker->command;

	set_integer(maker, is_16(maker) ? "connectorId" : "evseId", command->place.evse);
	set_integer(maker, "duration", command->composite.duration_s);
	if (command->composite.unit_told)
		set_text(maker, "chargingRateUnit", ocpp_unit_name(command->composite.unit));
	return ERR_OK;
}

static enum err_code make_availability(const struct maker *maker)
{
	struct str word = maker->command->operative ? STR("Operative") : STR("Inoperative");

	if (is_16(maker)) {
		set_integer(maker, "connectorId", maker->command->place.evse);
		set_text(maker, "type", word);
		return ERR_OK;
	}
	/* 2.0.1, G03: the whole station is meant by no EVSE at all. */
	if (maker->command->place.evse != 0)
		set_evse(maker, "evse");
	set_text(maker, "operationalStatus", word);
	return ERR_OK;
}

static enum err_code make_reset(const struct maker *maker)
{
	bool at_once = maker->command->at_once;

	if (is_16(maker)) {
		if (maker->command->place.evse > 0)
			return err_set(maker->err, ERR_UNSUPPORTED, "OCPP 1.6 resets whole charge points only");
		set_text(maker, "type", at_once ? STR("Hard") : STR("Soft"));
		return ERR_OK;
	}
	set_text(maker, "type", at_once ? STR("Immediate") : STR("OnIdle"));
	if (maker->command->place.evse > 0)
		set_integer(maker, "evseId", maker->command->place.evse);
	return ERR_OK;
}

static enum err_code make_unlock(const struct maker *maker)
{
	set_integer(maker, is_16(maker) ? "connectorId" : "evseId", maker->command->place.evse);
	if (!is_16(maker))
		set_integer(maker, "connectorId", maker->command->place.connector);
	return ERR_OK;
}

static enum err_code make_trigger(const struct maker *maker)
{
	set_text(maker, "requestedMessage", maker->command->message);
	if (is_16(maker))
		set_integer(maker, "connectorId", maker->command->place.evse);
	else
		set_evse(maker, "evse");
	return ERR_OK;
}

/* 2.0.1: a variable and the component that it is of. */
static void set_variable(const struct maker *maker, struct json *object, const struct ocpp_variable_name *name)
{
	struct json component = json_object(), variable = json_object();

	set(maker, &component, "name", json_string(name->component));
	if (name->component_instance.len > 0)
		set(maker, &component, "instance", json_string(name->component_instance));
	set(maker, &variable, "name", json_string(name->name));
	if (name->instance.len > 0)
		set(maker, &variable, "instance", json_string(name->instance));
	set(maker, object, "component", component);
	set(maker, object, "variable", variable);
}

static enum err_code make_set_value(const struct maker *maker)
{
	const struct ocpp_command *command = maker->command;
	struct json list = json_array(), one = json_object();

	if (is_16(maker)) {
		set_text(maker, "key", command->set.variable.name);
		set_text(maker, "value", command->set.value);
		return ERR_OK;
	}
	set(maker, &one, "attributeValue", json_string(command->set.value));
	set_variable(maker, &one, &command->set.variable);
	(void)json_push(maker->arena, &list, one);
	set(maker, maker->payload, "setVariableData", list);
	return ERR_OK;
}

static enum err_code make_get_values(const struct maker *maker)
{
	const struct ocpp_command *command = maker->command;
	struct json list = json_array();

	if (command->get.count > OCPP_VALUES_MAX)
		return err_set(maker->err, ERR_INVALID, "%zu settings are asked for, at most %u can be",
			       command->get.count, OCPP_VALUES_MAX);
	for (size_t i = 0; i < command->get.count; i++) {
		struct json one = json_object();

		if (is_16(maker))
			one = json_string(command->get.at[i].name);
		else
			set_variable(maker, &one, &command->get.at[i]);
		(void)json_push(maker->arena, &list, one);
	}
	if (command->get.count > 0 || !is_16(maker))
		set(maker, maker->payload, is_16(maker) ? "key" : "getVariableData", list);
	return ERR_OK;
}

static enum err_code make_nothing(const struct maker *maker)
{
	(void)maker;
	return ERR_OK;
}

static const struct {
	const char *action[2]; /* by version */
	enum err_code (*make)(const struct maker *maker);
} kinds[] = {
	[OCPP_COMMAND_START] = {{"RemoteStartTransaction", "RequestStartTransaction"}, make_start},
	[OCPP_COMMAND_STOP] = {{"RemoteStopTransaction", "RequestStopTransaction"}, make_stop},
	[OCPP_COMMAND_SET_PROFILE] = {{"SetChargingProfile", "SetChargingProfile"}, make_set_profile},
	[OCPP_COMMAND_CLEAR_PROFILE] = {{"ClearChargingProfile", "ClearChargingProfile"}, make_clear_profile},
	[OCPP_COMMAND_COMPOSITE] = {{"GetCompositeSchedule", "GetCompositeSchedule"}, make_composite},
	[OCPP_COMMAND_AVAILABILITY] = {{"ChangeAvailability", "ChangeAvailability"}, make_availability},
	[OCPP_COMMAND_RESET] = {{"Reset", "Reset"}, make_reset},
	[OCPP_COMMAND_UNLOCK] = {{"UnlockConnector", "UnlockConnector"}, make_unlock},
	[OCPP_COMMAND_TRIGGER] = {{"TriggerMessage", "TriggerMessage"}, make_trigger},
	[OCPP_COMMAND_SET_VALUE] = {{"ChangeConfiguration", "SetVariables"}, make_set_value},
	[OCPP_COMMAND_GET_VALUES] = {{"GetConfiguration", "GetVariables"}, make_get_values},
	[OCPP_COMMAND_CLEAR_CACHE] = {{"ClearCache", "ClearCache"}, make_nothing},
};

enum err_code ocpp_command_json(struct arena *arena, enum ocpp_version version, const struct ocpp_command *command,
				struct str *ret_action, struct json **ret_payload, struct error *err)
{
	struct maker maker = {arena, version, command, json_new(arena, json_object()), err};

	if (!maker.payload)
		return err_set(err, ERR_MEMORY, "no memory for a command");
	enum err_code code = kinds[command->kind].make(&maker);

	if (code)
		return code;
	*ret_action = str_from(kinds[command->kind].action[version]);
	*ret_payload = maker.payload;
	return ERR_OK;
}
