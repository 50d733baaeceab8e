-- wrk script: posts the leads of a file, each once, and reports a line of JSON.
--
--	wrk ... -s wrk.lua URL -- FILE THREADS
--
-- FILE: a line "token<TAB>payload" per lead; each wrk thread takes every n-th.
-- The requests are made beforehand, so that sending them is all wrk does.

local threads = {}

function setup(thread)
	thread:set("number", #threads)
	table.insert(threads, thread)
end

function init(args)
	local step, line = tonumber(args[2]), 0
	requests, at = {}, 0
	for text in io.lines(args[1]) do
		if line % step == number then
			local token, payload = text:match("^([^\t]*)\t(.*)$")
			requests[#requests + 1] = wrk.format("POST", nil, {
				["Host"] = "localhost",
				["Authorization"] = "Bearer " .. token,
				["Content-Type"] = "application/json",
			}, payload)
		end
		line = line + 1
	end
	count = #requests
end

function request()
	at = at + 1
	return requests[(at - 1) % count + 1]
end

function done(summary, latency)
	local again = 0
	for _, thread in ipairs(threads) do
		again = again + math.max(0, thread:get("at") - thread:get("count"))
	end
	io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,' ..
	    '"p99_ms":%.4f,"broken":%d,"refused":%d,"sent_again":%d}\n',
	    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
	    latency:percentile(99) / 1000, summary.errors.connect + summary.errors.read +
	    summary.errors.write + summary.errors.timeout, summary.errors.status, again))
end
