-- wrk's requests for bench_timeseries.py: wrk … -s bench_timeseries.lua URL -- PATH FIRST METERS BYTES SEED
-- Asks for PATH, where "METER" stands for the four digits of a meter drawn from METERS of them behind FIRST. An answer
-- that is no 200, or shorter than BYTES, is an error: a side that answers nothing must not look fast.
local path, first, meters, least, seed
local threads = {}
wrong = 0

function setup(thread)
	table.insert(threads, thread)
end

function init(args)
	path, first, meters, least, seed = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
	math.randomseed(seed)
end

function request()
	local meter = string.format("%04d", first + math.random(0, meters - 1))
	return wrk.format("GET", (path:gsub("METER", meter)))
end

function response(status, headers, body)
	if status ~= 200 or #body < least then
		wrong = wrong + 1
	end
end

function done(summary, latency, requests)
	local errors = summary.errors
	local all = errors.connect + errors.read + errors.write + errors.timeout
	for _, thread in ipairs(threads) do
		all = all + thread:get("wrong")
	end
	io.write(string.format("figures %.6f %.6f %d %d\n", latency:percentile(50) / 1000, latency:percentile(99) / 1000,
		summary.requests, all))
end
