-- wrk script: posts the leads of a file, each once, and reports a line of JSON.
--
--	wrk -t 1 ... -s wrk.lua URL -- FILE
--
-- FILE: a line "token<TAB>payload" per lead.  The requests are made beforehand, so
-- that sending them is all wrk does.  One thread: with more, wrk lets the first
-- one run while the others read their file, and counts what it sent meanwhile.

function setup(thread)
	posting = thread
end

function init(args)
	requests, count, at = {}, 0, 0
	for text in io.lines(args[1]) do
		local token, payload = text:match("^([^\t]*)\t(.*)$")
		count = count + 1
		requests[count] = wrk.format("POST", nil, {
			["Host"] = "localhost",
			["Authorization"] = "Bearer " .. token,
			["Content-Type"] = "application/json",
		}, payload)
	end
end

function request()
	at = at + 1
	return requests[(at - 1) % count + 1]
end

function done(summary, latency)
	local errors = summary.errors

	io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,' ..
	    '"p99_ms":%.4f,"broken":%d,"refused":%d,"sent_again":%d}\n',
	    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
	    latency:percentile(99) / 1000,
	    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
	    math.max(0, posting:get("at") - posting:get("count"))))
end
