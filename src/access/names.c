/* Permissions, roles, services, account names and lists of tenants: tables, and how they are written. */
#include "access/access_int.h"

/* In the order of their bits, which is also how the database has scopes: new ones go to the end. */
static const char *const permission_names[ACCESS_PERMISSION_COUNT] = {
	"city:read",          "city:write",          "command",     "subscriptions:read", "subscriptions:write",
	"registrations:read", "registrations:write", "feeds:read",  "feeds:run",          "feeds:write",
	"notifications:read", "notifications:write", "system:read", "accounts:read",      "accounts:write",
	"audit:read",
};

#define READS                                                                                                          \
	(ACCESS_CITY_READ | ACCESS_SUBSCRIPTIONS_READ | ACCESS_REGISTRATIONS_READ | ACCESS_FEEDS_READ |                \
	 ACCESS_NOTIFICATIONS_READ | ACCESS_SYSTEM_READ)
#define OPERATES (ACCESS_FEEDS_RUN | ACCESS_NOTIFICATIONS_WRITE)

static const struct {
	const char *name;
	uint32_t permissions;
} roles[ACCESS_ROLE_COUNT] = {
	[ACCESS_VIEWER] = {"viewer", ACCESS_CITY_READ | ACCESS_FEEDS_READ},
	[ACCESS_OPERATOR] = {"operator", READS | OPERATES},
	[ACCESS_ENGINEER] = {"engineer", READS | OPERATES | ACCESS_CITY_WRITE | ACCESS_COMMAND |
						 ACCESS_SUBSCRIPTIONS_WRITE | ACCESS_REGISTRATIONS_WRITE |
						 ACCESS_FEEDS_WRITE},
	[ACCESS_OFFICER] = {"officer", ACCESS_CITY_READ | ACCESS_FEEDS_READ | ACCESS_COMMAND},
	[ACCESS_AUDITOR] = {"auditor", READS | ACCESS_ACCOUNTS_READ | ACCESS_AUDIT_READ},
	[ACCESS_ADMINISTRATOR] = {"administrator", ACCESS_ALL},
};

/* Which types a service's officer commands: those of the smart data models and of our feeds that are its own. Services
 * are bits of the database too: new ones go to the end. */
static const char *const transit_types[] = {"Vehicle",
					    "PublicTransportVehicle",
					    "GtfsRoute",
					    "GtfsStop",
					    "GtfsTrip",
					    "TrafficLight",
					    "TrafficSignal",
					    "SignalController",
					    "Road",
					    "RoadSegment",
					    "TrafficFlowObserved",
					    "ParkingSpot",
					    "OnStreetParking",
					    "OffStreetParking",
					    NULL};
static const char *const energy_types[] = {"EVChargingStation",
					   "EVChargingSession",
					   "EVSE",
					   "ACMeasurement",
					   "ThreePhaseAcMeasurement",
					   "EnergyMeter",
					   "Meter",
					   "SmartMeter",
					   "EnergyStorageSystem",
					   "StorageBattery",
					   "PhotovoltaicDevice",
					   "PhotovoltaicMeasurement",
					   "Appliance",
					   "AirConditioner",
					   "Streetlight",
					   "StreetlightGroup",
					   "StreetlightControlCabinet",
					   NULL};
static const char *const security_types[] = {"Camera", "SecurityCamera", "Alert", "Door", "AccessPoint", NULL};
static const char *const payment_types[] = {"PaymentTerminal", "FareGate", "ParkingMeter", "Ticket", NULL};
static const char *const people_types[] = {"CrowdFlowObserved", "PeopleCounter", "Building", "School", NULL};
static const char *const environment_types[] = {"AirQualityObserved",
						"WeatherObserved",
						"NoiseLevelObserved",
						"WaterQualityObserved",
						"WasteContainer",
						"FloodMonitoring",
						NULL};

static const struct {
	const char *name;
	const char *const *types;
} services[ACCESS_SERVICE_COUNT] = {
	{"transit", transit_types}, {"energy", energy_types}, {"security", security_types},
	{"payment", payment_types}, {"people", people_types}, {"environment", environment_types},
};

/* ---- permissions ---- */

struct str access_permission_name(enum access_permission permission)
{
	for (size_t i = 0; i < ACCESS_PERMISSION_COUNT; i++)
		if ((uint32_t)permission & 1u << i)
			return str_from(permission_names[i]);
	return STR("");
}

static uint32_t permission_named(struct str name)
{
	for (size_t i = 0; i < ACCESS_PERMISSION_COUNT; i++)
		if (str_eq(name, str_from(permission_names[i])))
			return 1u << i;
	return 0;
}

enum err_code access_permissions_read(struct str text, uint32_t *ret_permissions, struct error *err)
{
	uint32_t permissions = 0;
	struct str word;

	while (str_next(&text, ' ', &word)) {
		uint32_t permission = permission_named(word);

		if (!permission && word.len)
			return err_set(err, ERR_INVALID, "there is no permission \"%.*s\"",
				       STR_FMT(str_part(word, 0, 60)));
		permissions |= permission;
	}
	if (!permissions)
		return err_set(err, ERR_INVALID, "no permission is named");
	*ret_permissions = permissions;
	return ERR_OK;
}

/* ---- roles ---- */

struct str access_role_name(enum access_role role)
{
	return role < ACCESS_ROLE_COUNT ? str_from(roles[role].name) : STR("");
}

bool access_role_read(struct str name, enum access_role *ret_role)
{
	for (enum access_role role = 0; role < ACCESS_ROLE_COUNT; role++) {
		if (str_eq(name, str_from(roles[role].name))) {
			*ret_role = role;
			return true;
		}
	}
	return false;
}

uint32_t access_role_permissions(enum access_role role)
{
	return role < ACCESS_ROLE_COUNT ? roles[role].permissions : 0;
}

/* ---- services ---- */

struct str access_service_name(unsigned int service)
{
	return service < ACCESS_SERVICE_COUNT ? str_from(services[service].name) : STR("");
}

bool access_service_read(struct str name, unsigned int *ret_service)
{
	for (unsigned int i = 0; i < ACCESS_SERVICE_COUNT; i++) {
		if (str_eq(name, str_from(services[i].name))) {
			*ret_service = i;
			return true;
		}
	}
	return false;
}

static struct str short_type(struct str type)
{
	size_t from = type.len;

	while (from > 0 && type.at[from - 1] != '/' && type.at[from - 1] != '#')
		from--;
	return str_part(type, from, type.len);
}

bool access_service_has_type(uint32_t wanted, struct str type)
{
	struct str name = short_type(type);

	for (unsigned int i = 0; i < ACCESS_SERVICE_COUNT; i++)
		for (const char *const *known = services[i].types; wanted & 1u << i && *known; known++)
			if (str_eq(name, str_from(*known)))
				return true;
	return false;
}

/* ---- accounts and tenants ---- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-' || c == '@';
}

enum err_code name_check(struct str name, struct error *err)
{
	if (name.len == 0 || name.len > ACCESS_NAME_BYTES_MAX)
		return err_set(err, ERR_INVALID, "an account's name has 1 to %d characters", ACCESS_NAME_BYTES_MAX);
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_char(name.at[i]))
			return err_set(err, ERR_INVALID,
				       "an account's name has letters, digits, \".\", \"_\", \"-\" and \"@\" alone");
	return ERR_OK;
}

enum err_code tenants_check(const struct str *tenants, uint32_t count, struct error *err)
{
	size_t ignored;

	if (count > ACCESS_TENANTS_MAX)
		return err_set(err, ERR_INVALID, "more than %u tenants; name none for all of them", ACCESS_TENANTS_MAX);
	for (uint32_t i = 0; i < count; i++)
		if (tenants[i].len > ACCESS_TENANT_BYTES_MAX || str_find(tenants[i], ',', &ignored))
			return err_set(err, ERR_INVALID, "\"%.*s\" is no tenant's name",
				       STR_FMT(str_part(tenants[i], 0, 60)));
	return ERR_OK;
}

struct str tenants_write(struct arena *arena, bool all, const struct str *tenants, uint32_t count)
{
	struct str text = STR("");

	if (all)
		return STR_NONE;
	for (uint32_t i = 0; text.at && i < count; i++)
		text = arena_printf(arena, "%.*s%.*s,", STR_FMT(text), STR_FMT(tenants[i]));
	return text;
}

enum err_code tenants_read(struct arena *arena, struct str text, bool *ret_all, const struct str **ret,
			   uint32_t *ret_count, struct error *err)
{
	struct str *tenants = arena_array(arena, struct str, ACCESS_TENANTS_MAX);
	struct str copy = text.at ? arena_dup(arena, text) : STR_NONE, piece;
	uint32_t count = 0;

	if (!tenants || (text.at && !copy.at))
		return err_set(err, ERR_MEMORY, "no memory for tenants");
	while (copy.len && count < ACCESS_TENANTS_MAX && str_next(&copy, ',', &piece))
		tenants[count++] = piece;
	*ret_all = !text.at;
	*ret = tenants;
	*ret_count = count;
	return ERR_OK;
}

bool access_caller_may(const struct access_caller *caller, uint32_t permission)
{
	return (caller->permissions & permission) == permission;
}

bool access_caller_has_tenant(const struct access_caller *caller, struct str tenant)
{
	if (caller->all_tenants)
		return true;
	for (uint32_t i = 0; i < caller->tenant_count; i++)
		if (str_eq(tenant, str_from(caller->tenants[i])) || (!tenant.len && !caller->tenants[i][0]))
			return true;
	return false;
}
