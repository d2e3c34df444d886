package cache

import (
	"context"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
)

// What the tests see of the inside.
const (
	ValueTTL     = valueTTL
	TombstoneTTL = tombstoneTTL
	UnusedFor    = unusedFor
	SweepEvery   = sweepEvery
	Quiet        = quiet
	RefreshPause = refreshPause
	MaxNamed     = maxNamed
	MaxChanges   = maxChanges
	ReadTimeout  = readTimeout
)

func AppendValue(b []byte, c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	return appendValue(b, c, rows)
}

func DecodeValue(value string, c events.Campaign) (readmodel.CampaignRows, bool) {
	return decodeValue(value, c)
}

func AppendNotice(b []byte, ch readmodel.Change) []byte { return appendNotice(b, ch) }

func DecodeNotice(message string) (readmodel.Change, error) { return decodeNotice(message) }

// Forget makes the next read of the campaign go elsewhere, and one after it may be
// answered from here.
func (c *Cache) Forget(campaign events.Campaign) {
	sh := c.campaigns.shard(string(campaign))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	next := make(map[string]*slot)
	for name, s := range *sh.slots.Load() {
		if name != string(campaign) {
			next[name] = s
		}
	}
	sh.slots.Store(&next)
}

func Seal(b []byte) []byte { return seal(append([]byte(nil), b...)) }

// RunPut runs the script that stores a value.
func RunPut(client *redis.Client, c events.Campaign, value []byte, keepTTL bool, instead string) (bool, error) {
	s := newScripts()
	made := s.put(store{campaign: c, value: value, keepTTL: keepTTL, instead: instead})
	n, err := s.putScript.Run(context.Background(), client, made.keys, made.args...).Int()
	return n == 1, err
}

// RunMark runs the script that leaves tombstones.
func RunMark(client *redis.Client, campaigns []events.Campaign, at readmodel.Revision) ([]int64, error) {
	var keys []string
	for _, c := range campaigns {
		keys = append(keys, keyPrefix+string(c))
	}
	s := newScripts()
	made := s.mark(keys, at)
	return s.markScript.Run(context.Background(), client, made.keys, made.args...).Int64Slice()
}
