package cache

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/readmodel"
)

const (
	keyPrefix = "analytics:dashboard:"

	valueTTL = 300 * time.Second
	// tombstoneTTL is longer than any read takes, so that one which began before
	// the commit finds the tombstone when it wants to store what it read.
	tombstoneTTL = 2 * readTimeout
)

// The scripts compare revisions by their digits. A value that does not begin with
// a revision loses to any.
const (
	// putLua stores ARGV[1]. It returns 0 where a later revision is there, unless
	// that is exactly ARGV[4]. It lives for ARGV[2] milliseconds or, with "1" as
	// ARGV[3], for as long as the rows that it replaces.
	putLua = `
local head = redis.call('GETRANGE', KEYS[1], 0, 47)
if #head == 48 and not string.find(head, '[^0-9a-f]') and head > string.sub(ARGV[1], 1, 48) then
	if ARGV[4] == '' or redis.call('GET', KEYS[1]) ~= ARGV[4] then
		return 0
	end
end
local ttl = tonumber(ARGV[2])
if ARGV[3] == '1' and redis.call('STRLEN', KEYS[1]) > 48 then
	local left = redis.call('PTTL', KEYS[1])
	if left > 0 then
		ttl = left
	end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl)
return 1`

	// markLua sees to it that nothing before revision ARGV[1] can be stored at any
	// of the keys: it leaves a tombstone for ARGV[2] milliseconds where there are no
	// rows. It returns the keys, by number, that have rows from before it.
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

// scripts are what Redis runs for the cache.
type scripts struct {
	putScript, markScript *redis.Script
}

func newScripts() scripts {
	return scripts{putScript: redis.NewScript(putLua), markScript: redis.NewScript(markLua)}
}

// call is one run of a script.
type call struct {
	keys   []string
	args   []any
	result *redis.Cmd // nil where it was not sent
}

func (scripts) put(s store) call {
	keepTTL := "0"
	if s.keepTTL {
		keepTTL = "1"
	}
	// What is stored together should not expire together.
	ttl := valueTTL*9/10 + rand.N(valueTTL/5+1)
	return call{
		keys: []string{keyPrefix + string(s.campaign)},
		args: []any{s.value, ttl.Milliseconds(), keepTTL, s.instead},
	}
}

func (scripts) mark(keys []string, at readmodel.Revision) call {
	return call{keys: keys, args: []any{at.String(), tombstoneTTL.Milliseconds()}}
}

// run makes the calls, all at once.
func (l *link) run(script *redis.Script, calls []call) {
	if len(calls) == 0 {
		return
	}
	_ = l.pipe(func(ctx context.Context, pipe redis.Pipeliner) { // the results say
		for i := range calls {
			calls[i].result = script.EvalSha(ctx, pipe, calls[i].keys, calls[i].args...)
		}
	})
	var unknown []int // to a Redis that was wiped or started anew
	for i, c := range calls {
		if c.result != nil && redis.HasErrorPrefix(c.result.Err(), "NOSCRIPT") {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) == 0 {
		return
	}
	_ = l.pipe(func(ctx context.Context, pipe redis.Pipeliner) {
		for _, i := range unknown {
			calls[i].result = script.Eval(ctx, pipe, calls[i].keys, calls[i].args...)
		}
	})
}
