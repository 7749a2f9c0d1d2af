-- A client of the order service: puts orders, reads them back, asks for digests, looks for what is not there.
local think_ms = 0

function init(args)
  math.randomseed(tonumber(args[1]))
  think_ms = tonumber(args[2])
end

function delay()
  return math.random(0, 2 * think_ms)
end

function request()
  local order = "/orders/" .. math.random(200)
  local dice = math.random(10)
  if dice <= 3 then
    return wrk.format("PUT", order, nil, '{"item": ' .. math.random(9999) .. "}")
  elseif dice <= 8 then
    return wrk.format("GET", order)
  elseif dice == 9 then
    return wrk.format("GET", "/digest?" .. math.random(9999))
  end
  return wrk.format("GET", "/")
end
