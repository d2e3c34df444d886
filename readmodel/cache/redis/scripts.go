package redis

import (
	"context"
	"math/rand/v2"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

const (
	keyPrefix = "analytics:dashboard:"

	valueTTL = 300 * time.Second
	// tombstoneTTL is longer than any load takes: one that began before the commit
	// finds the tombstone when it stores what it read.
	tombstoneTTL = 2 * cache.LoadTimeout
)

// The scripts compare revisions by their digits. A value that does not begin with one
// loses to any.
const (
	// putLua stores ARGV[1], with a TTL of ARGV[2] milliseconds or, where ARGV[3] is
	// "1", that of the rows that it replaces if it is shorter. It stores nothing and returns
	// 0 where the key has a later revision, unless its value begins with ARGV[4], and nothing
	// either where another process has stored rows of the same one a short while ago.
	putLua = `
local head = redis.pcall('GETRANGE', KEYS[1], 0, 47)
local ttl = tonumber(ARGV[2])
if type(head) == 'string' then
	if #head == 48 and not string.find(head, '[^0-9a-f]') and head > string.sub(ARGV[1], 1, 48) then
		if ARGV[4] == '' or redis.call('GETRANGE', KEYS[1], 0, #ARGV[4] - 1) ~= ARGV[4] then
			return 0
		end
	end
	if redis.call('STRLEN', KEYS[1]) > 48 then
		local left = redis.call('PTTL', KEYS[1])
		if ARGV[4] == '' and head == string.sub(ARGV[1], 1, 48) and left > ttl / 2 then
			return 1
		end
		if ARGV[3] == '1' and left > 0 and left < ttl then
			ttl = left
		end
	end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl)
return 1`

	// markLua prevents that rows from before revision ARGV[1] are stored at the keys: it
	// sets a tombstone with a TTL of ARGV[2] milliseconds where there are no rows. It
	// returns the numbers of the keys that have rows from before it. A key of another type
	// stays, until a value is stored there.
	markLua = `
local stale = {}
for i, key in ipairs(KEYS) do
	local head = redis.pcall('GETRANGE', key, 0, 47)
	if type(head) == 'string' then
		if #head < 48 or string.find(head, '[^0-9a-f]') then
			redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
		elseif head < ARGV[1] then
			if redis.call('STRLEN', key) > 48 then
				stale[#stale + 1] = i
			else
				redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
			end
		end
	end
end
return stale`
)

// call is one run of a script.
type call struct {
	keys   []string
	args   []any
	result *goredis.Cmd // nil if it was not sent
}

func putCall(v cache.Value, value []byte) call {
	keepTTL := "0"
	if v.Refreshed {
		keepTTL = "1"
	}
	// Values that are stored together should not expire together.
	ttl := valueTTL*9/10 + rand.N(valueTTL/5+1)
	return call{
		keys: []string{keyPrefix + string(v.Campaign)},
		args: []any{value, ttl.Milliseconds(), keepTTL, v.Replaces},
	}
}

func markCall(keys []string, at readmodel.Revision) call {
	return call{keys: keys, args: []any{at.String(), tombstoneTTL.Milliseconds()}}
}

// run makes the calls in one pipeline and sets their results.
func (l *Level) run(ctx context.Context, script *goredis.Script, calls []call) {
	if len(calls) == 0 {
		return
	}
	_ = l.pipe(ctx, func(ctx context.Context, pipe goredis.Pipeliner) { // the results have its error
		for i := range calls {
			calls[i].result = script.EvalSha(ctx, pipe, calls[i].keys, calls[i].args...)
		}
	})
	var unknown []int // to a Redis that has lost or never had the script
	for i, c := range calls {
		if c.result != nil && goredis.HasErrorPrefix(c.result.Err(), "NOSCRIPT") {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) == 0 {
		return
	}
	_ = l.pipe(ctx, func(ctx context.Context, pipe goredis.Pipeliner) {
		for _, i := range unknown {
			calls[i].result = script.Eval(ctx, pipe, calls[i].keys, calls[i].args...)
		}
	})
}
