#!lua name=chatsock_1
-- The functions that nodes call. Each call is atomic. Redis checks no permissions: it rejects nodes without a lease,
-- drops repeated commands, compares versions, numbers messages, and appends to the log.
--
-- Every function has one key, the base of a log such as chatsock:{p03}. All keys that it uses begin with that base, so
-- they are in one hash slot. Numbers stay below 2^53. A call costs a few accesses per effect; large clean-ups run in
-- slices.

local SLICE = 500       -- Members of a dead node that one call removes.
local KEPT = 20000      -- Entries that a log keeps, about 4 MB.
local FEW = 128         -- Messages in one command, at most.
local TERM_GAP = 1048576 -- A new term numbers from so far above all that is known, and by its run farther still.
local SKIPPED = 100000  -- Numbers that a new term leaves out if blocks were given that this Redis does not know of.

local function num(x) return string.format('%.0f', x) end
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function get(base, field) return tonumber(redis.call('HGET', base .. 'meta', field) or '0') end

-- A node's record: epoch, last command, deadline.
local function record(base, node)
  local text = redis.call('HGET', base .. 'nodes', node)
  if not text then return nil end
  local epoch, n, deadline = text:match('^(%d+) (%d+) (%d+)')
  return { epoch = tonumber(epoch), n = tonumber(n), deadline = tonumber(deadline) }
end
local function put(base, node, rec)
  redis.call('HSET', base .. 'nodes', node, num(rec.epoch) .. ' ' .. num(rec.n) .. ' ' .. num(rec.deadline))
end

-- While Redis was away, nodes could not renew their leases, so that time does not count. Each node sends about three
-- heartbeats per lease; if none came from any node for half a lease, Redis was away.
local function excuse(base, at)
  local gap = at - get(base, 'seen')
  if gap <= get(base, 'lease') / 2 then return end
  local all = redis.call('HGETALL', base .. 'nodes')
  for i = 1, #all, 2 do
    local rec = record(base, all[i])
    rec.deadline = rec.deadline + gap
    put(base, all[i], rec)
  end
  redis.call('HSET', base .. 'meta', 'seen', num(at))
end
local function live(base, node, epoch, at)
  local rec = record(base, node)
  if not rec or rec.epoch ~= epoch then return nil end
  if rec.deadline < at then
    excuse(base, at)
    rec = record(base, node)
    if rec.deadline < at then return nil end
  end
  return rec
end

local function append(base, at, ...)
  local pos = redis.call('HINCRBY', base .. 'meta', 'pos', 1)
  local id = num(get(base, 'term')) .. '-' .. num(pos)
  redis.call('XADD', base .. 'log', 'MAXLEN', '~', KEPT, id, 'at', num(at), ...)
  return pos
end

-- Removes a dead node's names and memberships, a slice at a time.
local function sweep(base)
  local held = redis.call('LINDEX', base .. 'swept', 0)
  if not held then return end
  local node, epoch = held:match('^(%S+) (%d+)$')
  local owner = held .. ' '
  local items = redis.call('SPOP', base .. 'm:' .. held, SLICE)
  for _, item in ipairs(items) do
    local key, field = item:match('^(%S+) (.+)$')
    local value = redis.call('HGET', base .. key, field)
    if value and value:sub(1, #owner) == owner then redis.call('HDEL', base .. key, field) end
  end
  if #items < SLICE then redis.call('LPOP', base .. 'swept') end
end
local function bury(base, node, epoch, at)
  redis.call('HDEL', base .. 'nodes', node)
  redis.call('RPUSH', base .. 'swept', node .. ' ' .. num(epoch))
  append(base, at, 'k', 'gone', 'node', node, 'epoch', num(epoch))
end

-- Nodes that have said goodbye but whose users may reconnect elsewhere. Their names and memberships stay until the
-- deadline. "node epoch" -> deadline
local function waits(base, node, epoch, at)
  local deadline = redis.call('HGET', base .. 'parted', node .. ' ' .. num(epoch))
  return deadline and tonumber(deadline) >= at
end
local function bury_parted(base, at)
  local all = redis.call('HKEYS', base .. 'parted')
  table.sort(all)
  for _, held in ipairs(all) do
    local node, epoch = held:match('^(%S+) (%d+)$')
    if not waits(base, node, tonumber(epoch), at) then
      redis.call('HDEL', base .. 'parted', held)
      redis.call('RPUSH', base .. 'swept', held)
      append(base, at, 'k', 'gone', 'node', node, 'epoch', epoch)
    end
  end
end

-- Begins a term of a log on this Redis. args: run, the last number and term that the node knows, how many eras it knows,
-- how many numbers to skip, for a partition the highest message number that the node knows (0: none), these eras (newest
-- first), then, for the directory, pairs of a kind of number and the highest one known.
--
-- An era is a stretch of a log during which one Redis was in charge. If Redis knows an era that the node knows, both have
-- the same log up to its end. Answer: term, number, era, the index of the first of the node's eras that Redis knows (0:
-- none), that era's last entry (-1: it has not ended), and the first message number after it; then all ended eras, each
-- with these two numbers, newest first.
local ERAS = 16
local function known_past(base, args, eras)
  for i = 1, tonumber(args[4]) do
    local era = args[6 + i]
    if era == redis.call('HGET', base .. 'meta', 'era') then return num(i), '-1', num(get(base, 'next')) end
    for ended, last, first in eras:gmatch('(%S+) (%d+) (%d+)') do
      if ended == era then return num(i), last, first end
    end
  end
  return '0', '0', '0'
end
-- Skips numbers that this Redis may not know of. If the node knows of numbers that this Redis never gave out, another
-- Redis did, perhaps more of them to other nodes. Returns whether anything was skipped.
local function leave_out(base, args, unseen)
  local raised = false
  for i = 7 + tonumber(args[4]), #args, 2 do
    local known, floor = tonumber(redis.call('HGET', base .. 'numbers', args[i]) or '0'), tonumber(args[i + 1])
    local to = math.max(known + unseen, floor > known and floor + SKIPPED + tonumber(args[5]) or 0)
    if to > known then
      redis.call('HSET', base .. 'numbers', args[i], num(to))
      raised = true
    end
  end
  return raised
end
-- If the node was connected to another Redis, its users must not see lower message numbers than there: the rest of the
-- block is dropped.
local function go_above(base, args)
  local floor, newest = tonumber(args[6]), args[7]
  if tonumber(args[4]) == 0 or newest == redis.call('HGET', base .. 'meta', 'era') then return end
  if get(base, 'next') <= floor then redis.call('HSET', base .. 'meta', 'next', num(floor + 1), 'end', num(floor)) end
end
local function new_term(keys, args)
  local base, run, number, known = keys[1], args[1], tonumber(args[2]), tonumber(args[3])
  local meta, at = base .. 'meta', now()
  local term, pos = get(base, 'term'), get(base, 'pos')
  local last = num(term) .. '-' .. num(pos)
  if redis.call('HGET', meta, 'run') ~= run then
    local first, unseen = math.max(get(base, 'next'), 1), tonumber(args[5])
    -- A node may have joined another Redis without having heard of any number there.
    local fresh = term == 0 and number == 0 and tonumber(args[4]) == 0
    if term == 0 then unseen = fresh and 0 or unseen + SKIPPED end
    if term > 0 then
      local eras, ended = { redis.call('HGET', meta, 'era') .. ' ' .. num(pos) .. ' ' .. num(first) }, redis.call('HGET', meta, 'eras')
      for known in (ended or ''):gmatch('%S+ %d+ %d+') do
        if #eras < ERAS then eras[#eras + 1] = known end
      end
      redis.call('HSET', meta, 'eras', table.concat(eras, ' '))
    end
    if not fresh then
      -- If two Redis servers begin the same term independently, this keeps their numbers apart.
      local apart = tonumber(run:match('^%x%x%x%x') or '0', 16)
      pos = math.max(pos, number) + TERM_GAP * (1 + apart)
    end
    leave_out(base, args, unseen)
    -- The rest of the last block may have been given out already.
    redis.call('HSET', meta, 'run', run, 'era', run .. '/' .. num(pos + 1), 'term', num(math.max(term, known) + 1),
      'pos', num(pos), 'next', num(first), 'end', num(first - 1))
    append(base, at, 'k', 'term', 'last', last)
  elseif leave_out(base, args, 0) then
    -- All nodes drop the numbers that they have reserved.
    append(base, at, 'k', 'term', 'last', last)
  end
  local eras = redis.call('HGET', meta, 'eras') or ''
  local index, last, first = known_past(base, args, eras)
  go_above(base, args)
  return { num(get(base, 'term')), num(get(base, 'pos')), redis.call('HGET', meta, 'era'), index, last, first, eras }
end

-- args: node, epoch (0: assign one), lease, format, partitions (0: not the directory)
local function enter(keys, args)
  local base, node, epoch, at = keys[1], args[1], tonumber(args[2]), now()
  local lease, format, partitions = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local meta = base .. 'meta'
  if partitions > 0 then
    local spoken, known = get(base, 'format'), get(base, 'partitions')
    if spoken > format then return { 'format', num(spoken) } end
    if known == 0 then redis.call('HSET', meta, 'partitions', partitions) end
    if known > 0 and known ~= partitions then return { 'partitions', num(known) } end
    -- There is none before the first.
    if known > 0 and spoken < format then return { 'format', num(spoken) } end
    if spoken == 0 then redis.call('HSET', meta, 'format', format) end
  end
  local rec = record(base, node)
  if rec and epoch == 0 then
    -- No time is excused here: a single killed node would otherwise look as if Redis had been away.
    if rec.deadline >= at then return { 'live', num(rec.deadline - at) } end
  end
  if rec and rec.epoch ~= epoch then bury(base, node, rec.epoch, at) end
  if epoch == 0 then epoch = redis.call('HINCRBY', base .. 'numbers', 'epoch', 1) end
  put(base, node, { epoch = epoch, n = 0, deadline = at + lease })
  redis.call('HSET', meta, 'seen', num(at))
  if lease > 0 then redis.call('HSET', meta, 'lease', num(lease)) end
  local pos = append(base, at, 'k', 'in', 'node', node, 'epoch', num(epoch))
  return { 'ok', num(epoch), num(pos) }
end

-- args: node, epoch, lease
local function beat(keys, args)
  local base, node, epoch, at = keys[1], args[1], tonumber(args[2]), now()
  excuse(base, at)
  local rec = live(base, node, epoch, at)
  if not rec then return { 'fenced', num(get(base, 'pos')) } end
  rec.deadline = at + tonumber(args[3])
  put(base, node, rec)
  redis.call('HSET', base .. 'meta', 'seen', num(at))
  local all, dead = redis.call('HGETALL', base .. 'nodes'), {}
  for i = 1, #all, 2 do
    local epoch, deadline = all[i + 1]:match('^(%d+) %d+ (%d+)')
    if tonumber(deadline) < at then dead[#dead + 1] = { all[i], tonumber(epoch) } end
  end
  table.sort(dead, function(one, other) return one[1] < other[1] end)
  for _, gone in ipairs(dead) do bury(base, gone[1], gone[2], at) end
  bury_parted(base, at)
  sweep(base)
  return { 'ok', num(rec.n), num(at), num(get(base, 'pos')), num(get(base, 'end') - get(base, 'next') + 1) }
end

-- args: node, epoch, how long its users' names and memberships stay (0: not at all)
local function leave(keys, args)
  local base, node, epoch, stays, at = keys[1], args[1], tonumber(args[2]), tonumber(args[3]), now()
  local rec = record(base, node)
  if not rec or rec.epoch ~= epoch then return { 'ok' } end
  if stays == 0 then
    bury(base, node, epoch, at)
  else
    redis.call('HDEL', base .. 'nodes', node)
    redis.call('HSET', base .. 'parted', node .. ' ' .. num(epoch), num(at + stays))
    append(base, at, 'k', 'parted', 'node', node, 'epoch', num(epoch))
  end
  return { 'ok' }
end

-- Checks the lease and drops repeated commands. Returns the node's record, or nil and an answer.
local function admit(base, args, at)
  local rec = live(base, args[1], tonumber(args[2]), at)
  if not rec then return nil, { 'fenced', num(get(base, 'pos')) } end
  local n = tonumber(args[3])
  if n <= rec.n then return nil, { 'done', num(get(base, 'pos')) } end
  if n > rec.n + 1 then return nil, { 'order' } end
  rec.n = n
  return rec
end

-- args: node, epoch, n, version (- for any), history, key, place, text, then the effects:
-- said TEXT | edited ID TEXT | erased ID | member CLIENT TEXT LIMIT | left CLIENT | core TEXT | closed | by CLIENT
-- | rebuilt FROM SAID NEWEST | kept ID TEXT
local ARGUMENTS = { said = 1, edited = 2, erased = 1, member = 3, left = 1, core = 1, closed = 0, by = 1, rebuilt = 3, kept = 2 }

-- Notes that a message's text was edited or erased, for an archive that has fallen behind the log. 'gone' is a list of
-- "room message".
local GONE = 20000
local function note_gone(base, key, id)
  if key:sub(1, 2) ~= 'r:' then return end
  redis.call('RPUSH', base .. 'gone', key .. ' ' .. id)
  redis.call('LTRIM', base .. 'gone', -GONE, -1)
end

-- Appends messages (pairs of number and text) to a history and trims it to its maximum length.
local function keep(texts, order, said, history)
  if #said == 0 or history == 0 then return end
  redis.call('HSET', texts, unpack(said))
  local ids = {}
  for i = 1, #said, 2 do ids[#ids + 1] = said[i] end
  local surplus = redis.call('RPUSH', order, unpack(ids)) - history
  while surplus > 0 do
    local slice = math.min(surplus, SLICE)
    redis.call('HDEL', texts, unpack(redis.call('LPOP', order, slice)))
    surplus = surplus - slice
  end
end
local function commit(keys, args)
  local base, at = keys[1], now()
  local node, epoch, n, version, history = args[1], args[2], args[3], args[4], tonumber(args[5])
  local key, meta = args[6], base .. 'meta'
  local rec, answer = admit(base, args, at)
  if not rec then return answer end
  local state = redis.call('HMGET', meta, 'term', 'pos', 'next', 'end')
  local term, pos = state[1] or '0', tonumber(state[2] or '0')
  local first, left = tonumber(state[3] or '0'), 0
  left = tonumber(state[4] or '0') - first + 1
  local name = key:sub(3)
  local room, users, texts, order = base .. key, base .. 'u:' .. name, base .. 'h:' .. name, base .. 'l:' .. name
  local known = redis.call('HMGET', room, 'ver', 'said')
  local current, ever = known[1] or '0', tonumber(known[2] or '0')
  if version ~= '-' and version ~= current then
    put(base, node, rec)
    return { 'stale', num(pos) }
  end
  -- Check all obstacles first, then make the changes: an error in the middle would leave half of them done.
  local said, made, kind, owner, i = 0, current ~= '0', 'c', node .. ' ' .. epoch, 9
  while i <= #args do
    local op, standing = args[i], true
    if not ARGUMENTS[op] then return redis.error_reply('unknown effect') end
    if op == 'said' then said = said + 1 end
    if op == 'by' then
      -- The author must be a member through the node's current registration.
      local member = redis.call('HGET', users, args[i + 1])
      standing = member and member:sub(1, #owner + 1) == owner .. ' '
    end
    if op == 'rebuilt' then
      -- Restores a lost room: allowed if there is none, or if this node knows more than the one that restored it earlier
      -- in this era and nothing has changed since.
      kind = 'r'
      local from, era = tonumber(redis.call('HGET', room, 'from') or args[i + 1]), redis.call('HGET', meta, 'era') or ''
      standing = not made or (from < tonumber(args[i + 1]) and redis.call('HGET', room, 'era') == era)
    end
    if not standing then
      put(base, node, rec)
      return { 'stale', num(pos) }
    end
    if op == 'member' then
      local limit = tonumber(args[i + 3])
      if limit > 0 and redis.call('HLEN', users) >= limit and redis.call('HEXISTS', users, args[i + 1]) == 0 then
        put(base, node, rec)
        return { 'full', num(pos) }
      end
    end
    i = i + 1 + ARGUMENTS[op]
  end
  -- A room exists once it has a core. Before that, and after it is closed, nothing is stored. Direct chats store nothing.
  if said > left then return { 'ids' } end
  put(base, node, rec)
  pos = pos + 1
  if said > 0 then
    redis.call('HSET', meta, 'pos', num(pos), 'next', num(first + said))
  else
    redis.call('HSET', meta, 'pos', num(pos))
    first = 0
  end
  local id, held = first, base .. 'm:' .. owner
  local lines = {}
  i = 9
  while i <= #args do
    local op, a, b = args[i], args[i + 1], args[i + 2]
    if op == 'said' then
      if made and a ~= '' then
        lines[#lines + 1], ever = num(id), ever + 1
        lines[#lines + 1] = a
      end
      id = id + 1
    else
      keep(texts, order, lines, history)
      lines = {}
    end
    if op == 'edited' then
      if redis.call('HEXISTS', texts, a) == 1 then redis.call('HSET', texts, a, b) end
      note_gone(base, key, a)
      redis.call('HDEL', room, 'from')
    elseif op == 'erased' then
      redis.call('HDEL', texts, a)
      note_gone(base, key, a)
      redis.call('HDEL', room, 'from')
    elseif op == 'member' then
      if made then
        redis.call('HSET', users, a, owner .. ' ' .. b)
        redis.call('SADD', held, 'u:' .. name .. ' ' .. a)
      end
    elseif op == 'left' then
      redis.call('HDEL', users, a)
      redis.call('SREM', held, 'u:' .. name .. ' ' .. a)
    elseif op == 'core' and key:sub(1, 2) == 'r:' then
      made, current = true, num(pos)
      redis.call('HSET', room, 'core', a, 'ver', current, 'name', args[7])
      redis.call('HDEL', room, 'from')
      redis.call('SADD', base .. 'rooms', key)
    elseif op == 'rebuilt' and made then
      -- Removes what an earlier node had restored. Numbers given out from now on are above all restored ones.
      local upto, oldest = tonumber(redis.call('HGET', room, 'upto') or '0'), redis.call('LINDEX', order, 0)
      while oldest and tonumber(oldest) <= upto do
        redis.call('HDEL', texts, redis.call('LPOP', order))
        oldest = redis.call('LINDEX', order, 0)
      end
      ever = ever + tonumber(b) - tonumber(redis.call('HGET', room, 'counted') or '0')
      local newest = args[i + 3]
      local era = redis.call('HGET', meta, 'era') or ''
      redis.call('HSET', room, 'from', a, 'counted', b, 'upto', newest, 'back', num(pos), 'era', era)
      if tonumber(newest) >= get(base, 'next') then
        redis.call('HSET', meta, 'next', num(tonumber(newest) + 1), 'end', newest)
        left = 0
      end
    elseif op == 'kept' and made then
      -- The newest comes first. More than the history holds would hide a gap from nodes.
      if redis.call('LLEN', order) < history and redis.call('HSETNX', texts, a, b) == 1 then redis.call('LPUSH', order, a) end
    elseif op == 'closed' then
      redis.call('DEL', room, users, texts, order)
      redis.call('SREM', base .. 'rooms', key)
      made, current, ever = false, '0', 0
    end
    i = i + 1 + ARGUMENTS[op]
  end
  keep(texts, order, lines, history)
  if made then redis.call('HSET', room, 'seq', num(pos), 'said', num(ever)) end
  -- All in one field, because every node reads all of it: time, node, epoch and command number, the room's version, the
  -- first message's number, how many messages, and the place.
  -- A restored room has its own entry kind, so that servers with an old copy read it again.
  local head = table.concat({ num(at), node, epoch, n, current, num(first), num(said), args[7] }, ' ')
  redis.call('XADD', base .. 'log', 'MAXLEN', '~', KEPT, term .. '-' .. num(pos), kind, head, 'text', args[8])
  return { 'ok', num(pos), num(first), num(left - said) }
end

-- names: folded name -> node epoch client name details. args: node, epoch, n, folded, name, client, previous folded name,
-- previous name, connection to replace (0: none), details, address ('': not counted), most connections from it (0: any)
--
-- ip:ADDRESS is a hash of all named connections from an address, on all nodes: connection -> node epoch. It is swept
-- together with the node's names, and claimed again with them.
local function holder(base, folded)
  local text = redis.call('HGET', base .. 'names', folded)
  if not text then return nil end
  local node, epoch, client = text:match('^(%S+) (%d+) (%d+) ')
  return { node = node, epoch = tonumber(epoch), client = client }
end
local function forget(base, folded, held)
  redis.call('HDEL', base .. 'names', folded)
  redis.call('SREM', base .. 'm:' .. held.node .. ' ' .. num(held.epoch), 'names ' .. folded)
end
local function claim(keys, args)
  local base, at = keys[1], now()
  local rec, answer = admit(base, args, at)
  if not rec then return answer end
  put(base, args[1], rec)
  local held = holder(base, args[4])
  if held and held.client ~= args[6] and held.client ~= args[9] then
    if live(base, held.node, held.epoch, at) or waits(base, held.node, held.epoch, at) then
      return { 'taken', num(get(base, 'pos')) }
    end
    -- From here on the lease counts as over. It must not be excused later, when another user has the name.
    local gone = record(base, held.node)
    if gone and gone.epoch == held.epoch then bury(base, held.node, held.epoch, at) end
  end
  local here, most = args[11] ~= '' and base .. 'ip:' .. args[11], tonumber(args[12])
  if here and most > 0 and redis.call('HEXISTS', here, args[6]) == 0 then
    if redis.call('HLEN', here) - redis.call('HEXISTS', here, args[9]) >= most then return { 'full', num(get(base, 'pos')) } end
  end
  if args[7] ~= '' then
    local own = holder(base, args[7])
    if own and own.client == args[6] then forget(base, args[7], own) end
  end
  if held then forget(base, args[4], held) end
  local owner = args[1] .. ' ' .. args[2]
  redis.call('HSET', base .. 'names', args[4], owner .. ' ' .. args[6] .. ' ' .. args[5] .. ' ' .. args[10])
  redis.call('SADD', base .. 'm:' .. owner, 'names ' .. args[4])
  if here then
    redis.call('HSET', here, args[6], owner .. ' ')
    redis.call('SADD', base .. 'm:' .. owner, 'ip:' .. args[11] .. ' ' .. args[6])
  end
  local pos = append(base, at, 'k', 'claim', 'node', args[1], 'epoch', args[2], 'n', args[3], 'name', args[5], 'client',
    args[6], 'before', args[8], 'text', args[10])
  return { 'ok', num(pos), '0', '0' }
end

-- args: node, epoch, n, folded, name, client, address ('': not counted)
local function release(keys, args)
  local base, at = keys[1], now()
  local rec, answer = admit(base, args, at)
  if not rec then return answer end
  put(base, args[1], rec)
  local held = holder(base, args[4])
  if held and held.client == args[6] then forget(base, args[4], held) end
  if args[7] ~= '' then
    redis.call('HDEL', base .. 'ip:' .. args[7], args[6])
    redis.call('SREM', base .. 'm:' .. args[1] .. ' ' .. args[2], 'ip:' .. args[7] .. ' ' .. args[6])
  end
  local pos = append(base, at, 'k', 'release', 'node', args[1], 'epoch', args[2], 'n', args[3], 'name', args[5], 'client',
    args[6])
  return { 'ok', num(pos), '0', '0' }
end

-- Values stored beside the log, each under a key; an empty value deletes the key. Bans have their own hash, and the audit
-- log is a list.
local AUDITED = 1000    -- Entries of the audit log.
local function keep(base, key, value)
  if key == '' then return end
  if key == 'audit' then
    redis.call('RPUSH', base .. 'audit', value)
    redis.call('LTRIM', base .. 'audit', -AUDITED, -1)
    return
  end
  local hash, field = base .. 'kept', key
  local network = key:match('^ban (.+)$')
  if network then hash, field = base .. 'ban', network end
  if value == '' then redis.call('HDEL', hash, field) else redis.call('HSET', hash, field, value) end
end
local function all_kept(base)
  local kept = redis.call('HGETALL', base .. 'kept')
  for i, item in ipairs(redis.call('HGETALL', base .. 'ban')) do kept[#kept + 1] = i % 2 == 1 and 'ban ' .. item or item end
  for _, entry in ipairs(redis.call('LRANGE', base .. 'audit', 0, -1)) do
    kept[#kept + 1] = 'audit'
    kept[#kept + 1] = entry
  end
  return kept
end

-- args: node, epoch, n, text, key, value
local function note(keys, args)
  local base, at = keys[1], now()
  local rec, answer = admit(base, args, at)
  if not rec then return answer end
  put(base, args[1], rec)
  keep(base, args[5], args[6])
  local pos = append(base, at, 'k', 'note', 'node', args[1], 'epoch', args[2], 'n', args[3], 'text', args[4])
  return { 'ok', num(pos), '0', '0' }
end

-- args: kind, how many
local function block(keys, args)
  local last = redis.call('HINCRBY', keys[1] .. 'numbers', args[1], args[2])
  return { num(last - tonumber(args[2]) + 1), num(last) }
end

-- Gives a partition the numbers first to last if it may have too few left for one command and these are higher. Numbers
-- that remain from the old block are never used. args: first, last
local function give(keys, args)
  local base, first = keys[1], tonumber(args[1])
  if get(base, 'end') - get(base, 'next') + 1 < FEW and first > get(base, 'end') and first >= get(base, 'next') then
    redis.call('HSET', base .. 'meta', 'next', num(first), 'end', args[2])
  end
  return { num(get(base, 'end') - get(base, 'next') + 1), num(get(base, 'end')) }
end

-- One room, read as a consistent whole. args: key
local function room(keys, args)
  local base, key, name = keys[1], args[1], args[1]:sub(3)
  local fields = redis.call('HMGET', base .. key, 'name', 'ver', 'seq', 'said', 'core', 'upto', 'back')
  if not fields[5] then return {} end
  local ids = redis.call('LRANGE', base .. 'l:' .. name, 0, -1)
  local texts = {}
  for _, id in ipairs(ids) do
    local text = redis.call('HGET', base .. 'h:' .. name, id)
    if text then
      texts[#texts + 1] = id
      texts[#texts + 1] = text
    end
  end
  -- Members on dead nodes may not have been removed yet.
  local users, members, living = redis.call('HGETALL', base .. 'u:' .. name), {}, {}
  for i = 1, #users, 2 do
    local node, epoch = users[i + 1]:match('^(%S+) (%d+) ')
    if node and living[node] == nil then living[node] = record(base, node) or false end
    if node and living[node] and living[node].epoch == tonumber(epoch) then
      members[#members + 1] = users[i]
      members[#members + 1] = users[i + 1]
    end
  end
  return { fields[1], fields[2], fields[3], fields[4] or '0', fields[5], members, texts, fields[6] or '0', fields[7] or '0' }
end

-- Everything else, read at the same moment: position, nodes, rooms, names, stored values, nodes whose users may
-- reconnect.
local function look(keys, args)
  local base = keys[1]
  local nodes = redis.call('HGETALL', base .. 'nodes')
  return { num(get(base, 'term')) .. '-' .. num(get(base, 'pos')), nodes, redis.call('SMEMBERS', base .. 'rooms'),
    redis.call('HGETALL', base .. 'names'), all_kept(base),
    redis.call('HKEYS', base .. 'parted') }
end

-- Accounts: see account_record.rs. acc:FOLDED is a hash, accounts maps numbers to folded names, looks:KEY holds the
-- folded names that look like KEY. Each change is logged so that every node sees it. These are not node commands, so
-- their n is 0.
local ACCOUNT = { 'v', 'id', 'name', 'hash', 'created', 'settings' }
local FIELD_MAX = 65536 -- Bytes of a field that are given out.
local function changed(base, what, id, folded, client)
  append(base, now(), 'k', 'account', 'node', '-', 'epoch', '0', 'n', '0', 'what', what, 'id', id, 'name', folded, 'client',
    client)
end

-- args: folded
local function account(keys, args)
  local key = keys[1] .. 'acc:' .. args[1]
  if redis.call('EXISTS', key) == 0 then return {} end
  for _, field in ipairs(ACCOUNT) do
    if redis.call('HSTRLEN', key, field) > FIELD_MAX then return redis.error_reply('ERR a field of an account is too long') end
  end
  return redis.call('HMGET', key, unpack(ACCOUNT))
end

-- args: folded, the six fields, then the keys of its looks
local function account_make(keys, args)
  local base, key = keys[1], keys[1] .. 'acc:' .. args[1]
  if redis.call('EXISTS', key) == 1 then
    -- The answer to the first attempt was lost.
    return { redis.call('HGET', key, 'id') == args[3] and 'ok' or 'taken' }
  end
  for i, field in ipairs(ACCOUNT) do redis.call('HSET', key, field, args[i + 1]) end
  redis.call('HSET', base .. 'accounts', args[3], args[1])
  for i = 8, #args do redis.call('SADD', base .. 'looks:' .. args[i], args[1]) end
  changed(base, 'made', args[3], args[1], '0')
  return { 'ok' }
end

-- args: folded, number (- for any), old hash (- for any), hash, connection that asked and needs no notice
local function account_password(keys, args)
  local base, key = keys[1], keys[1] .. 'acc:' .. args[1]
  local found = redis.call('HMGET', key, 'id', 'hash')
  if not found[1] or (args[2] ~= '-' and found[1] ~= args[2]) then return { 'no' } end
  if found[2] == args[4] then return { 'ok' } end
  if args[3] ~= '-' and found[2] ~= args[3] then return { 'no' } end
  redis.call('HSET', key, 'hash', args[4])
  changed(base, 'password', found[1], args[1], args[5])
  return { 'ok' }
end

-- args: folded, number (- for any), hash (- for any), connection that asked and needs no notice, then the keys of its
-- looks
local function account_remove(keys, args)
  local base, key = keys[1], keys[1] .. 'acc:' .. args[1]
  local found = redis.call('HMGET', key, 'id', 'hash')
  if not found[1] or (args[2] ~= '-' and found[1] ~= args[2]) then return { 'no' } end
  if args[3] ~= '-' and found[2] ~= args[3] then return { 'no' } end
  redis.call('DEL', key, base .. 'inbox:' .. found[1], base .. 'open:' .. found[1])
  redis.call('HDEL', base .. 'accounts', found[1])
  for i = 5, #args do redis.call('SREM', base .. 'looks:' .. args[i], args[1]) end
  changed(base, 'removed', found[1], args[1], args[4])
  return { 'ok', found[1] }
end

-- args: number, settings
local function account_settings(keys, args)
  local base = keys[1]
  local folded = redis.call('HGET', base .. 'accounts', args[1])
  local key = base .. 'acc:' .. (folded or '')
  if not folded or redis.call('HGET', key, 'id') ~= args[1] then return { 'no' } end
  redis.call('HSET', key, 'settings', args[2])
  changed(base, 'settings', args[1], folded, '0')
  return { 'ok' }
end

-- args: number
local function account_name(keys, args)
  return { redis.call('HGET', keys[1] .. 'accounts', args[1]) }
end

-- One page of all accounts. args: cursor (0: start)
local function account_list(keys, args)
  return redis.call('HSCAN', keys[1] .. 'accounts', args[1], 'COUNT', 200)
end

-- Finds the name of an account that looks like another one. args: folded, the keys of its looks
local function account_alike(keys, args)
  for i = 2, #args do
    for _, other in ipairs(redis.call('SRANDMEMBER', keys[1] .. 'looks:' .. args[i], 2)) do
      local name = other ~= args[1] and redis.call('HGET', keys[1] .. 'acc:' .. other, 'name')
      if name then return { name } end
    end
  end
  return {}
end

-- Messages for offline users: inbox:NUMBER, a list of texts "message sender text". One call reads the whole list, which
-- holds a hundred at most.
local INBOX = 1000

-- args: number, most messages, most from one sender, message, sender, text
local function inbox_put(keys, args)
  local base, key = keys[1], keys[1] .. 'inbox:' .. args[1]
  if redis.call('HEXISTS', base .. 'accounts', args[1]) == 0 then return { 'no' } end
  local count, shared = 0, 0
  for _, text in ipairs(redis.call('LRANGE', key, 0, INBOX)) do
    local message, sender = text:match('^(%S+) (%S+) ')
    count = count + 1
    if sender == args[5] then shared = shared + 1 end
    if message == args[4] then return { 'ok' } end
  end
  if shared >= tonumber(args[3]) then return { 'share' } end
  if count >= tonumber(args[2]) then return { 'full' } end
  redis.call('RPUSH', key, args[4] .. ' ' .. args[5] .. ' ' .. args[6])
  return { 'ok' }
end

-- args: number
local function inbox(keys, args)
  return redis.call('LRANGE', keys[1] .. 'inbox:' .. args[1], 0, INBOX)
end

-- args: number, old text, new text (empty: delete it)
local function inbox_change(keys, args)
  local key = keys[1] .. 'inbox:' .. args[1]
  if args[3] == '' then return { redis.call('LREM', key, 1, args[2]) == 1 and 'ok' or 'no' } end
  local index = redis.call('LPOS', key, args[2])
  if not index then return { 'no' } end
  redis.call('LSET', key, index, args[3])
  return { 'ok' }
end

-- The rooms that a user is in. args: number, text
local function open_put(keys, args)
  if redis.call('HEXISTS', keys[1] .. 'accounts', args[1]) == 0 then return { 'no' } end
  redis.call('SET', keys[1] .. 'open:' .. args[1], args[2])
  return { 'ok' }
end

-- args: number
local function open(keys, args)
  return { redis.call('GET', keys[1] .. 'open:' .. args[1]) }
end

-- How far a user has read in the rooms of one partition: v:NUMBER, a hash from folded name to "instance message". When
-- there are many, entries of closed rooms are removed.
local VISITS = 1000

-- args: number, folded name, instance, message
local function visit(keys, args)
  local base, key = keys[1], keys[1] .. 'v:' .. args[1]
  local instance, last = (redis.call('HGET', key, args[2]) or ''):match('^(%d+) (%d+)$')
  if instance == args[3] and tonumber(last) >= tonumber(args[4]) then return { 'ok' } end
  if not instance and redis.call('HLEN', key) >= 100 then
    for _, room in ipairs(redis.call('HRANDFIELD', key, 10)) do
      if redis.call('EXISTS', base .. 'r:' .. room) == 0 then redis.call('HDEL', key, room) end
    end
    if redis.call('HLEN', key) >= VISITS then return { 'full' } end
  end
  redis.call('HSET', key, args[2], args[3] .. ' ' .. args[4])
  return { 'ok' }
end

-- args: number
local function visits(keys, args)
  return redis.call('HGETALL', keys[1] .. 'v:' .. args[1])
end

-- args: number
local function visits_forget(keys, args)
  redis.call('DEL', keys[1] .. 'v:' .. args[1])
  return { 'ok' }
end

-- Attempts at a secret, counted under several keys: wait:KEY -> wrong attempts, attempts under way and until when they
-- count, end of the wait. args: step (begin, wrong, right, drop), how long an attempt may be under way, how long failures
-- are remembered after the wait, then for each count: kind (user, address, everyone), key, free attempts, first wait,
-- number of wrong attempts after which the last wait applies (0: waits double), last wait
local LONGEST = 900000
local function wait_after(count)
  local further = count.wrong - count.free
  if further < 0 then return nil end
  if count.patience > 0 then return count.wrong < count.patience and count.first or count.late end
  return math.min(count.first * 2 ^ math.min(further, 16), LONGEST)
end
local function attempt(keys, args)
  local base, at, what, hold, memory = keys[1], now(), args[1], tonumber(args[2]), tonumber(args[3])
  local counts, left, busy = {}, 0, false
  for i = 4, #args, 6 do
    local count = { kind = args[i], key = base .. 'wait:' .. args[i + 1], free = tonumber(args[i + 2]),
      first = tonumber(args[i + 3]), patience = tonumber(args[i + 4]), late = tonumber(args[i + 5]) }
    local wrong, under_way, over, deadline = (redis.call('GET', count.key) or ''):match('^(%d+) (%d+) (%d+) (%d+)$')
    count.wrong, count.under_way, count.over, count.deadline = tonumber(wrong or '0'), tonumber(under_way or '0'),
      tonumber(over or '0'), tonumber(deadline or '0')
    if count.over <= at then count.under_way = 0 end
    left = math.max(left, count.deadline - at)
    busy = busy or count.under_way >= math.max(count.free - count.wrong, 1)
    counts[#counts + 1] = count
  end
  if what == 'begin' and left > 0 then return { 'wait', num(left) } end
  if what == 'begin' and busy then return { 'busy' } end
  local slips, blocked = 0, 0
  for _, count in ipairs(counts) do
    if what == 'begin' then
      count.under_way, count.over = count.under_way + 1, at + hold
    else
      count.under_way = math.max(count.under_way - 1, 0)
    end
    if what == 'wrong' then
      count.wrong = count.wrong + 1
      local wait = wait_after(count)
      if wait then count.deadline = math.max(count.deadline, at + wait) end
      if count.deadline > at or count.under_way >= math.max(count.free - count.wrong, 1) then blocked = 1 end
    elseif what == 'right' and count.kind == 'user' then
      slips, count.wrong, count.deadline = count.wrong, 0, 0
    elseif what == 'right' and count.kind == 'address' and slips > 0 then
      count.wrong = math.max(count.wrong - slips, 0)
      if not wait_after(count) then count.deadline = 0 end
    end
    if count.wrong == 0 and count.under_way == 0 then
      redis.call('DEL', count.key)
    else
      local text = num(count.wrong) .. ' ' .. num(count.under_way) .. ' ' .. num(count.over) .. ' ' .. num(count.deadline)
      redis.call('SET', count.key, text)
      if count.kind ~= 'everyone' then redis.call('PEXPIRE', count.key, num(math.max(count.deadline - at, 0) + memory)) end
    end
  end
  return { 'ok', num(blocked) }
end

-- Which texts were edited or erased. args: none
local function gone(keys, args)
  return redis.call('LRANGE', keys[1] .. 'gone', 0, -1)
end

-- For an archive: where the log ends, and where the era of an entry ended (-1: it has not). args: the number of that
-- entry
local function ended(base, number)
  local era, eras = redis.call('HGET', base .. 'meta', 'era'), redis.call('HGET', base .. 'meta', 'eras') or ''
  if era and tonumber(era:match('/(%d+)$')) <= number then return '-1' end
  for known, last in eras:gmatch('(%S+) (%d+) %d+') do
    if tonumber(known:match('/(%d+)$')) <= number then return last end
  end
  return '0'
end
local function tail(keys, args)
  local base = keys[1]
  return { num(get(base, 'term')), num(get(base, 'pos')), ended(base, tonumber(args[1])) }
end

-- The numbers of a room's last messages, including erased ones. args: key
local function numbers(keys, args)
  return redis.call('LRANGE', keys[1] .. 'l:' .. args[1]:sub(3), 0, -1)
end

-- Begins an import. args: partitions, format
local function found(keys, args)
  redis.call('HSET', keys[1] .. 'meta', 'partitions', args[1], 'format', args[2])
  return {}
end

-- Keeps a value in the directory, as a note does. args: key, value
local function keep_value(keys, args)
  keep(keys[1], args[1], args[2])
  return {}
end

-- Imports a room without members, or adds messages to it. args: key, name, core, said, then numbers and texts
local function fill(keys, args)
  local base, key, name = keys[1], args[1], args[1]:sub(3)
  local pos = num(get(base, 'pos'))
  redis.call('HSET', base .. key, 'core', args[3], 'ver', pos, 'name', args[2], 'said', args[4], 'seq', pos)
  redis.call('SADD', base .. 'rooms', key)
  for i = 5, #args, 2 do
    redis.call('HSET', base .. 'h:' .. name, args[i], args[i + 1])
    redis.call('RPUSH', base .. 'l:' .. name, args[i])
  end
  return {}
end

-- Continues the numbering of a kind above this number. A partition's block that is not above it is dropped, and so are
-- the numbers that nodes have reserved. args: kind, number
local function raise(keys, args)
  local base, floor = keys[1], tonumber(args[2])
  if tonumber(redis.call('HGET', base .. 'numbers', args[1]) or '0') < floor then
    redis.call('HSET', base .. 'numbers', args[1], num(floor))
    append(base, now(), 'k', 'term', 'last', num(get(base, 'term')) .. '-' .. num(get(base, 'pos')))
  end
  if args[1] == 'message' and get(base, 'next') <= floor and get(base, 'end') > 0 then
    redis.call('HSET', base .. 'meta', 'next', num(floor + 1), 'end', num(floor))
  end
  return {}
end

-- Adds a text to a list that someone waits on: questions to archives, or answers. They soon become useless, so they
-- expire. args: list, text
local WAITING, USELESS = 1000, 10
local function push(keys, args)
  local list = keys[1] .. args[1]
  if redis.call('LLEN', list) >= WAITING then return { 0 } end
  redis.call('LPUSH', list, args[2])
  redis.call('EXPIRE', list, USELESS)
  return { 1 }
end

redis.register_function('chatsock_1_new_term', new_term)
redis.register_function('chatsock_1_enter', enter)
redis.register_function('chatsock_1_beat', beat)
redis.register_function('chatsock_1_leave', leave)
redis.register_function('chatsock_1_commit', commit)
redis.register_function('chatsock_1_claim', claim)
redis.register_function('chatsock_1_release', release)
redis.register_function('chatsock_1_note', note)
redis.register_function('chatsock_1_block', block)
redis.register_function('chatsock_1_give', give)
redis.register_function('chatsock_1_room', room)
redis.register_function('chatsock_1_look', look)
redis.register_function('chatsock_1_account', account)
redis.register_function('chatsock_1_account_make', account_make)
redis.register_function('chatsock_1_account_password', account_password)
redis.register_function('chatsock_1_account_remove', account_remove)
redis.register_function('chatsock_1_account_settings', account_settings)
redis.register_function('chatsock_1_account_name', account_name)
redis.register_function('chatsock_1_account_list', account_list)
redis.register_function('chatsock_1_account_alike', account_alike)
redis.register_function('chatsock_1_inbox', inbox)
redis.register_function('chatsock_1_inbox_put', inbox_put)
redis.register_function('chatsock_1_inbox_change', inbox_change)
redis.register_function('chatsock_1_open', open)
redis.register_function('chatsock_1_open_put', open_put)
redis.register_function('chatsock_1_visit', visit)
redis.register_function('chatsock_1_visits', visits)
redis.register_function('chatsock_1_visits_forget', visits_forget)
redis.register_function('chatsock_1_attempt', attempt)
redis.register_function('chatsock_1_tail', tail)
redis.register_function('chatsock_1_numbers', numbers)
redis.register_function('chatsock_1_raise', raise)
redis.register_function('chatsock_1_push', push)
redis.register_function('chatsock_1_found', found)
redis.register_function('chatsock_1_keep', keep_value)
redis.register_function('chatsock_1_fill', fill)
redis.register_function('chatsock_1_gone', gone)
