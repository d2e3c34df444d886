package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/readmodeltest"
)

func AppendValue(b []byte, c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	return newCodec(readmodeltest.Tables()).append(b, c, rows)
}

func DecodeValue(value string, c events.Campaign) (readmodel.CampaignRows, bool) {
	return DecodeValueOf(readmodeltest.Tables(), value, c)
}

// DecodeValueOf decodes a value as a process does that keeps these tables.
func DecodeValueOf(tables []*readmodel.Table, value string, c events.Campaign) (readmodel.CampaignRows, bool) {
	return newCodec(tables).decode(value, c)
}

func AppendNotice(b []byte, ch readmodel.Change) []byte { return appendNotice(b, ch) }

func DecodeNotice(message string) (readmodel.Change, error) { return decodeNotice(message) }

func Seal(b []byte) []byte { return seal(append([]byte(nil), b...)) }

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
