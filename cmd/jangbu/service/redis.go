package service

import (
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// embeddedRedis is a Redis that this process alone can reach: it listens nowhere.
type embeddedRedis struct{ *miniredis.Miniredis }

func newEmbeddedRedis() (embeddedRedis, error) {
	r := embeddedRedis{miniredis.NewMiniRedis()}
	// Without a listener it is started by the first connection. That one does not buffer, and
	// a pipeline would get stuck in it.
	first, err := r.Dial()
	if err != nil {
		return r, err
	}
	return r, first.Close()
}

// connect returns a new connection.
func (r embeddedRedis) connect() (net.Conn, error) {
	ours, theirs, err := connected()
	if err != nil {
		return nil, err
	}
	r.Server().ServeConn(theirs)
	return ours, nil
}

// age moves the clock, which stands still by itself, so that keys expire.
func (r embeddedRedis) age(stopped <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.FastForward(time.Second)
		case <-stopped:
			return
		}
	}
}
