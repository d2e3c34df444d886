package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/readmodeltest"
)

// GivenKey is a key that only tests use.
func GivenKey() (key [KeyBytes]byte) {
	copy(key[:], "a key that only tests of it use.")
	return key
}

// Codec encodes and decodes under a key, as a process does that keeps these tables.
func Codec(tables []*readmodel.Table, key [KeyBytes]byte) codec {
	return newCodec(tables, newAuthenticator(key))
}

// Decode decodes a value.
func (k codec) Decode(value string, c events.Campaign) (readmodel.CampaignRows, error) {
	return k.decode(value, c)
}

func testCodec() codec { return Codec(readmodeltest.Tables(), GivenKey()) }

func EncodeValue(c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	return testCodec().encode(c, rows)
}

func DecodeValue(value string, c events.Campaign) (readmodel.CampaignRows, error) {
	return testCodec().decode(value, c)
}

// DecodeValueOf decodes a value as a process does that keeps these tables.
func DecodeValueOf(tables []*readmodel.Table, value string, c events.Campaign) (readmodel.CampaignRows, error) {
	return Codec(tables, GivenKey()).Decode(value, c)
}

func EncodeNotice(ch readmodel.Change) []byte { return testCodec().notice(ch) }

func DecodeNotice(message string) (readmodel.Change, error) { return testCodec().change(message) }

// SealValue and SealNotice append a good MAC to anything.
func SealValue(b []byte) []byte  { return testCodec().seal(forValue, append([]byte(nil), b...)) }
func SealNotice(b []byte) []byte { return testCodec().seal(forNotice, append([]byte(nil), b...)) }

var (
	ErrForged   = errForged
	ErrUnusable = errUnusable
)

// RunPut runs the script that stores a value.
func RunPut(client *goredis.Client, c events.Campaign, value []byte, keepTTL bool, damaged string) (bool, error) {
	made := putCall(cache.Value{Campaign: c, Refreshed: keepTTL, Replaces: damaged}, value)
	n, err := goredis.NewScript(putLua).Run(context.Background(), client, made.keys, made.args...).Int()
	return n == 1, err
}

// RunMark runs the script that leaves tombstones.
func RunMark(client *goredis.Client, campaigns []events.Campaign, at readmodel.Revision) ([]int64, error) {
	var keys []string
	for _, c := range campaigns {
		keys = append(keys, keyPrefix+string(c))
	}
	made := markCall(keys, at)
	return goredis.NewScript(markLua).Run(context.Background(), client, made.keys, made.args...).Int64Slice()
}
