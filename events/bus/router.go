package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/events/privacy"
)

// closeTimeout is how long Run waits at its end for handlers. A frame that is cut off is
// delivered again.
const closeTimeout = 10 * time.Second

// Config configures a [Router].
type Config struct {
	Ingest *Ingest // nil disables ingestion
	Poll   *Poll   // nil disables polling
	// Middleware wraps every handler.
	Middleware []message.HandlerMiddleware
	Logger     *slog.Logger
}

// Ingest configures ingestion.
type Ingest struct {
	Subscriber message.Subscriber
	// Topics names the topic of each type. A type without one is not ingested.
	Topics map[events.Type]string
	Log    events.Log
	// Appender appends to Log by group commit.
	Appender events.Queue
	Privacy  *privacy.Keeper
}

// Router runs the handlers. It is made by [NewRouter].
type Router struct {
	router *message.Router
	broken chan error // holds the first broken invariant; handlers send, Run receives
}

// NewRouter adds a handler for each topic and each channel API. None runs before
// [Router.Run].
func NewRouter(cfg Config) (*Router, error) {
	if cfg.Logger == nil || cfg.Ingest == nil && cfg.Poll == nil {
		return nil, errors.New("new router: a logger and something to do are required")
	}
	// Watermill logs every step at info level.
	quiet := watermill.NewSlogLoggerWithLevelMapping(cfg.Logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, quiet)
	if err != nil {
		return nil, fmt.Errorf("new router: %w", err)
	}
	router.AddMiddleware(refuse) // outermost: the others see the error
	router.AddMiddleware(cfg.Middleware...)
	r := &Router{router: router, broken: make(chan error, 1)}
	if cfg.Ingest != nil {
		if err := r.addIngest(*cfg.Ingest, cfg.Logger); err != nil {
			return nil, fmt.Errorf("new router: %w", err)
		}
	}
	if cfg.Poll != nil {
		if err := r.addPoll(*cfg.Poll, cfg.Logger); err != nil {
			return nil, fmt.Errorf("new router: %w", err)
		}
	}
	return r, nil
}

func (r *Router) addIngest(cfg Ingest, logger *slog.Logger) error {
	if cfg.Subscriber == nil || cfg.Log == nil || cfg.Appender == nil || cfg.Privacy == nil {
		return errors.New("to ingest, subscriber, log, appender and privacy are required")
	}
	decoders := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))
	for _, t := range events.Types() {
		topic, ok := cfg.Topics[t]
		if !ok {
			continue
		}
		h := ingest{
			typ: t, log: cfg.Log, appender: cfg.Appender, privacy: cfg.Privacy, last: make(map[int32]*turn),
			decoders: decoders,
			trouble:  newTrouble(logger.With(slog.String("topic", topic))),
			burials:  newBurials(logger.With(slog.String("topic", topic))),
		}
		r.router.AddConsumerHandler("ingest "+topic, topic, cfg.Subscriber, r.guard(h.handle))
	}
	return nil
}

func (r *Router) addPoll(cfg Poll, logger *slog.Logger) error {
	if len(cfg.Pollers) == 0 || cfg.Ticks == nil || cfg.Term == nil || cfg.Publisher == nil || cfg.Topic == "" || cfg.KeyMetadata == "" {
		return errors.New("to poll, pollers, ticks, term, publisher, topic and key metadata are required")
	}
	for _, poller := range cfg.Pollers {
		h := &poll{Poll: cfg, poller: poller, outage: &outage.Log{
			Logger: logger, Level: slog.LevelError, Attrs: []slog.Attr{slog.String("api", poller.Name())},
			Began: "poll: trying again at every tick", Ended: "poll: goes on",
		}}
		r.router.AddConsumerHandler("poll "+poller.Name(), poller.Name(), cfg.Ticks, r.guard(h.handle))
	}
	return nil
}

// Run runs the handlers until ctx ends, and then returns nil, or until an invariant is
// broken, and then returns [events.ErrCorrupt] or [events.ErrGap].
func (r *Router) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- r.router.Run(ctx) }()
	select {
	case err := <-r.broken:
		cancel()
		return fmt.Errorf("run router: %w", errors.Join(err, <-stopped))
	case err := <-stopped:
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("run router: %w", err)
		}
		return nil
	}
}

// Running is closed once every handler has subscribed.
func (r *Router) Running() <-chan struct{} { return r.router.Running() }

// refuse has the message of a handler that failed delivered again. Watermill would do so
// too, but with a line for each time.
func refuse(handle message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		produced, err := handle(msg)
		if err != nil {
			msg.Nack()
			return nil, nil //nolint:nilerr // Watermill's acknowledgement, which follows, has no effect
		}
		return produced, nil
	}
}

// guard returns handle with a check of its error. A broken invariant ends the router;
// any other error only leads to the frame's redelivery. A panic counts as a broken
// invariant, because Watermill would recover from it and redeliver the frame for ever.
func (r *Router) guard(handle message.NoPublishHandlerFunc) message.NoPublishHandlerFunc {
	return func(msg *message.Message) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: handler panicked: %v", events.ErrCorrupt, p)
			}
			if errors.Is(err, events.ErrCorrupt) || errors.Is(err, events.ErrGap) {
				select {
				case r.broken <- err:
				default: // an earlier one already ends the router
				}
			}
		}()
		return handle(msg)
	}
}
