-- The load that wrk makes, said by the environment so that no token stands in a command line.
--   LOAD_MODE   read (LOAD_PATH/0000 … by turns), write (a new key each time) or fixed (LOAD_PATH with LOAD_BODY)
--   LOAD_LIMIT  stop after so many answers, and say ENOUGH on standard error
-- At the end one line of JSON stands on standard output, after the word FIGURES.

local mode, path = os.getenv("LOAD_MODE"), os.getenv("LOAD_PATH")
local body, token = os.getenv("LOAD_BODY"), os.getenv("LOAD_TOKEN")
local method, keys = os.getenv("LOAD_METHOD") or "POST", tonumber(os.getenv("LOAD_KEYS") or "1")
local limit = tonumber(os.getenv("LOAD_LIMIT") or "0")
local ready, turn = {}, 0

function init(args)
  wrk.headers["X-Vault-Token"] = token
  if mode == "read" then
    for key = 0, keys - 1 do
      ready[key] = wrk.format("GET", string.format("%s/%04d", path, key))
    end
  elseif mode == "fixed" then
    wrk.headers["Content-Type"] = "application/json"
    ready[0] = wrk.format(method, path, nil, body)
    keys = 1
  else
    wrk.headers["Content-Type"] = "application/json"
  end
end

function request()
  turn = turn + 1
  if mode == "write" then
    return wrk.format("POST", path .. "/" .. turn, nil, body)
  end
  return ready[turn % keys]
end

if limit > 0 then
  local answers = 0
  function response(status, headers, text)
    answers = answers + 1
    if answers >= limit then
      wrk.thread:stop()
      io.stderr:write("ENOUGH\n") -- wrk itself sleeps until its time is over: who started it wakes it
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'FIGURES {"requests":%d,"secs":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"bad_status":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
