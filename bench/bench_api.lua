-- wrk's requests for bench_api.py: wrk … -s bench_api.lua URL -- WHAT ENTITIES
-- WHAT: get (one entity by its id), patch (one attribute), query (type, a comparison and a circle, first 100).
-- Ids, values and places are drawn at random, the same ones in every run that starts with the same seed.
local what, entities, seed
local headers = {["Content-Type"] = "application/json"}
local base = "/ngsi-ld/v1/entities"

function init(args)
	what, entities, seed = args[1], tonumber(args[2]), tonumber(args[3])
	math.randomseed(seed)
end

local function id()
	return string.format("urn:ngsi-ld:WeatherObserved:bench:%07d", math.random(0, entities - 1))
end

local make = {}

function make.get()
	return wrk.format("GET", base .. "/" .. id())
end

function make.patch()
	local body = string.format('{"type":"Property","value":%.1f}', math.random(-100, 400) / 10)
	return wrk.format("PATCH", base .. "/" .. id() .. "/attrs/temperature", headers, body)
end

function make.query()
	local q = string.format("temperature%%3E%d", math.random(5, 25))
	local place = string.format("%%5B%.4f%%2C%.4f%%5D", 103.6 + math.random() * 0.4, 1.2 + math.random() * 0.25)
	return wrk.format("GET", base .. "?type=WeatherObserved&q=" .. q ..
		"&georel=near%3BmaxDistance%3D%3D5000&geometry=Point&coordinates=" .. place .. "&limit=100")
end

function request()
	return make[what]()
end

function done(summary, latency, requests)
	local errors = summary.errors
	io.write(string.format("figures %f %f %d %d\n", summary.requests * 1e6 / summary.duration,
		latency:percentile(50) / 1000, summary.requests,
		errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
