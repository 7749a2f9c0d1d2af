-- A visitor: pages of four sizes, a redirect, sometimes one that is not there; thinks between requests.
local pages = { "/index.html", "/1k.html", "/8k.html", "/64k.html", "/512k.html", "/moved", "/gone.html" }
local think_ms = 0

function init(args)
  math.randomseed(tonumber(args[1]))
  think_ms = tonumber(args[2])
end

function delay()
  return math.random(0, 2 * think_ms)
end

function request()
  return wrk.format("GET", pages[math.random(#pages)])
end
