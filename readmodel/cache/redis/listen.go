package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events/outage"
	"jangbu/readmodel"
)

const (
	// listenTimeout is how long a subscription may be silent before it is pinged, and
	// then again before it is given up.
	listenTimeout = time.Second
	// listenPause is the time between two subscriptions.
	listenPause = time.Second
)

// listen receives announcements until ctx ends, by one subscription after another. Those
// between two of them are a gap.
func (l *Level) listen(ctx context.Context, changed func(readmodel.Change)) {
	notices := outage.Log{
		Logger: l.logger, Level: slog.LevelWarn,
		Began: "cache: no notices, changes are found by polling",
		Ended: "cache: notices come again",
	}
	for ctx.Err() == nil {
		err := l.subscribe(ctx, changed, func() { notices.Succeeded(ctx) })
		if ctx.Err() != nil {
			return
		}
		l.errors.Add(1)
		notices.Failed(ctx, err)
		pause := time.NewTimer(listenPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// subscribe receives announcements until the subscription fails. It calls begun once
// Redis has confirmed it.
func (l *Level) subscribe(ctx context.Context, changed func(readmodel.Change), begun func()) error {
	sub := l.client.Subscribe(ctx, changesChannel)
	closed := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends ReceiveTimeout
	defer func() {
		if closed() {
			_ = sub.Close() // it has failed already
		}
	}()
	pinged := false
	for {
		message, err := sub.ReceiveTimeout(ctx, listenTimeout)
		var timeout net.Error
		switch {
		case err == nil:
			pinged = false
		case !pinged && errors.As(err, &timeout) && timeout.Timeout():
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		switch m := message.(type) {
		case *goredis.Subscription:
			begun()
		case *goredis.Message:
			ch, err := decodeNotice(m.Payload)
			if err != nil {
				l.errors.Add(1)
				continue
			}
			changed(ch)
		}
	}
}
