package redis

import (
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	dialTimeout = 100 * time.Millisecond
	// replyTimeout is how long Redis may take, and a reader wait for it.
	replyTimeout = 25 * time.Millisecond

	// lookers is the number of pipelines of lookups that are under way at once. The next
	// lookups gather meanwhile.
	lookers = 2
	users   = lookers + 2 // goroutines with a connection each: to look up, write, announce
)

// Options returns the client's options for the Redis at a URL (redis://, rediss:// or
// unix://), with the timeouts that a [Level] needs.
func Options(url string) (*goredis.Options, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of Redis: %w", err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
	o.PoolTimeout, o.ContextTimeoutEnabled = replyTimeout, true
	o.PipelinePoolSize = -1               // all commands are pipelined: one pool is enough
	o.MaxIdleConns = users                // a dial whose caller gave up still opens a connection
	o.MaxRetries, o.DialerRetries = -1, 1 // the breaker decides when to try again
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}
