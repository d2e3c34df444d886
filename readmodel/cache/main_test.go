package cache_test

import (
	"context"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goredis.SetLogger(silence{}) // of faults that are ordered here
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
