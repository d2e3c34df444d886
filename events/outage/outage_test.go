package outage_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events/outage"
)

func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l := &outage.Log{Logger: slog.New(handler), Level: slog.LevelWarn, Began: "begins", Ended: "ends", Attrs: []slog.Attr{slog.String("api", "sns")}}
	ctx := t.Context()
	l.Succeeded(ctx)
	for _, text := range []string{"first", "second"} {
		l.Failed(ctx, errors.New(text))
		l.Failed(ctx, errors.New("again"))
		l.Succeeded(ctx)
		l.Succeeded(ctx)
	}
	want := []string{
		`level=WARN msg=begins api=sns error=first`, `level=INFO msg=ends api=sns`,
		`level=WARN msg=begins api=sns error=second`, `level=INFO msg=ends api=sns`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
