package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/exaring/otelpgx"
	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gorilla/mux/otelmux"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/readmodel"
)

// closeGrace bounds the sending of what is left.
const closeGrace = 5 * time.Second

// Endpoint is the flag that says where traces are sent.
type Endpoint struct {
	OTLPEndpoint string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"Where traces are sent (OTLP over HTTP), such as http://127.0.0.1:4318. Without one, none are made."`
}

// Tracer follows a record from Kafka to its rows, and a request to the databases. Its methods
// return what a part of the service needs to be traced; those of a nil Tracer return nothing, or
// what they were given.
type Tracer struct {
	provider   *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	trail      trail
}

// StartTracing returns nil without an endpoint. [cli.ErrUsage] if it is no URL.
func (c Endpoint) StartTracing(ctx context.Context) (*Tracer, error) {
	if c.OTLPEndpoint == "" {
		return nil, nil
	}
	base, err := url.Parse(c.OTLPEndpoint)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%w: --otlp-endpoint: expected http://HOST:PORT or https://HOST", cli.ErrUsage)
	}
	// The variable holds a base URL, below which each signal has its path.
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, fmt.Errorf("start tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("jangbu"))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("jangbu"), propagator: propagation.TraceContext{}}, nil
}

// Close sends the spans that have not been sent yet, for at most 5 s.
func (t *Tracer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop tracing: %w", err)
	}
	return nil
}

// Queries traces the statements of a PostgreSQL.
func (t *Tracer) Queries() pgx.QueryTracer {
	if t == nil {
		return nil
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider))
}

// Messages traces the messages of a router.
func (t *Tracer) Messages() []message.HandlerMiddleware {
	if t == nil {
		return nil
	}
	return []message.HandlerMiddleware{t.handle}
}

// Appends traces the appends to a log.
func (t *Tracer) Appends(q events.Queue) events.Queue {
	if t == nil {
		return q
	}
	return tracedQueue{q, t}
}

// Commits traces the commits of rows.
func (t *Tracer) Commits(w readmodel.Store) readmodel.Store {
	if t == nil {
		return w
	}
	return tracedRows{w, t}
}

// Requests traces the requests to the API.
func (t *Tracer) Requests() []mux.MiddlewareFunc {
	if t == nil {
		return nil
	}
	return []mux.MiddlewareFunc{otelmux.Middleware("jangbu", otelmux.WithTracerProvider(t.provider), otelmux.WithPropagators(t.propagator))}
}

// Redis traces the commands of a Redis.
func (t *Tracer) Redis(client redis.UniversalClient) error {
	if t == nil {
		return nil
	}
	return redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(t.provider))
}

// maxLinks bounds the links of one span to other traces.
const maxLinks = 64

// handle traces a message of the router: a frame of records, or a tick. The span of a frame
// is linked to the traces that its records carry.
func (t *Tracer) handle(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		name, options := "poll "+message.HandlerNameFromCtx(msg.Context()), []trace.SpanStartOption{}
		if frame, err := events.DecodeFrame(msg.Payload); err == nil {
			name = "ingest " + frame.Topic
			options = append(options, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(t.links(frame)...), trace.WithAttributes(
				semconv.MessagingSystemKafka, semconv.MessagingDestinationName(frame.Topic),
				semconv.MessagingDestinationPartitionID(fmt.Sprint(frame.Partition)), semconv.MessagingBatchMessageCount(len(frame.Records)),
			))
			if len(frame.Records) > 0 {
				options = append(options, trace.WithAttributes(semconv.MessagingKafkaOffset(int(frame.Records[0].Offset))))
			}
		}
		ctx, span := t.tracer.Start(msg.Context(), name, options...)
		defer span.End()
		msg.SetContext(ctx)
		produced, err := next(msg)
		failed(span, err)
		return produced, err
	}
}

// links returns links to the traces that the records of a frame carry.
func (t *Tracer) links(frame events.Frame) []trace.Link {
	var links []trace.Link
	for _, record := range frame.Records {
		carrier := propagation.MapCarrier{}
		for _, h := range record.Headers {
			carrier[h.Key] = string(h.Value)
		}
		if len(carrier) == 0 {
			continue
		}
		if of := trace.SpanContextFromContext(t.propagator.Extract(context.Background(), carrier)); of.IsValid() {
			if links = append(links, trace.Link{SpanContext: of}); len(links) == maxLinks {
				break
			}
		}
	}
	return links
}

func failed(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
}

// tracedQueue traces appends, and notes for each campaign the span of its last append,
// to which the next commit of the campaign's rows is linked.
type tracedQueue struct {
	events.Queue
	*Tracer
}

// Begin implements [events.Queue].
func (q tracedQueue) Begin(ctx context.Context, drafts []events.Draft, read ...events.Reading) func() (events.Receipt, error) {
	ctx, span := q.tracer.Start(ctx, "append", trace.WithAttributes(attribute.Int("jangbu.events", len(drafts))))
	// Rows may be committed before the append is known to have ended, so the span is noted first.
	for _, draft := range drafts {
		q.trail.note(draft.Event.Subject(), span.SpanContext())
	}
	wait := q.Queue.Begin(ctx, drafts, read...)
	return func() (events.Receipt, error) {
		defer span.End()
		receipt, err := wait()
		failed(span, err)
		appended := make(map[events.Campaign]bool)
		for i, outcome := range receipt.Outcomes {
			if outcome == events.Appended {
				appended[drafts[i].Event.Subject()] = true
			}
		}
		for _, draft := range drafts {
			if c := draft.Event.Subject(); !appended[c] {
				q.trail.forget(c, span.SpanContext())
			}
		}
		return receipt, err
	}
}

// tracedRows traces commits of rows. A span is linked to the appends of what it folds.
type tracedRows struct {
	readmodel.Store
	*Tracer
}

// Commit implements [readmodel.Store].
func (w tracedRows) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	var links []trace.Link
	subjects := rows.Subjects()
	for c := range subjects {
		if at, ok := w.trail.take(c); ok && len(links) < maxLinks {
			links = append(links, trace.Link{SpanContext: at})
		}
	}
	attributes := []attribute.KeyValue{attribute.Int("jangbu.campaigns", len(subjects))}
	if len(advances) > 0 {
		attributes = append(attributes,
			attribute.Int64("jangbu.position.from", int64(advances[0].Position)), attribute.Int64("jangbu.position.to", int64(advances[0].To)))
	}
	ctx, span := w.tracer.Start(ctx, "commit rows", trace.WithLinks(links...), trace.WithAttributes(attributes...))
	defer span.End()
	revision, err := w.Store.Commit(ctx, lease, advances, rows)
	failed(span, err)
	return revision, err
}

// trail holds the span of the last append of each campaign until its rows are committed.
type trail struct {
	mu    sync.Mutex // guards the fields below
	spans map[events.Campaign]trace.SpanContext
	swept time.Time
}

// maxTrail bounds the campaigns that wait to be folded; beyond it traces end at the log.
const maxTrail = 10_000

func (t *trail) note(c events.Campaign, at trace.SpanContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spans == nil || len(t.spans) >= maxTrail && time.Since(t.swept) > time.Minute {
		t.spans, t.swept = make(map[events.Campaign]trace.SpanContext), time.Now()
	}
	if len(t.spans) < maxTrail {
		t.spans[c] = at
	}
}

// forget removes a span, unless a later one has replaced it.
func (t *trail) forget(c events.Campaign, at trace.SpanContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spans[c].Equal(at) {
		delete(t.spans, c)
	}
}

func (t *trail) take(c events.Campaign) (trace.SpanContext, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.spans[c]
	delete(t.spans, c)
	return at, ok
}
