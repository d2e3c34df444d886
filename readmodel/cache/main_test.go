package cache_test

import (
	"context"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goredis.SetLogger(silence{}) // of faults that are ordered here
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(),
		// Toxiproxy leaves a half of a connection blocked for ever, sending to the
		// other half, where that ended first: when a proxy stops with bytes under way.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"))
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
