package analyse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// setSource checks --source. A log that it names replaces the configured one.
func (c *ReplayCommand) setSource(wrong func(flag, format string, args ...any)) {
	switch {
	case c.Source == "":
	case c.isExport():
		if err := archive.CheckName(c.Source); err != nil {
			wrong("source", "%s is neither postgres://… nor sqlite:///FILE, nor an export: %v", c.Source, err)
		}
	default:
		if _, err := stores.ParsePlace(c.Source); err != nil {
			wrong("source", "%v", err)
			return
		}
		c.LogURL = c.Source
	}
}

// isExport reports whether the source is a file, and not a log.
func (c *ReplayCommand) isExport() bool { return c.Source != "" && !strings.Contains(c.Source, "://") }

// reaches returns an error if a position is beyond the head.
func (c *ReplayCommand) reaches(cfg replay.Config, head events.Position) error {
	if last := max(cfg.After+1, cfg.Through); last > head && (c.From > 0 || cfg.Through > 0) {
		return fmt.Errorf("%w: position %d: %w: the log ends at position %d", cli.ErrNothing, last, readmodel.ErrFuture, head)
	}
	return nil
}

// foldExport replays an export.
func (c *ReplayCommand) foldExport(ctx context.Context, t cli.Terminal, cfg replay.Config, location *time.Location, set *assumed) (err error) {
	export, err := archive.Open(c.Source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, export.Close()) }()
	first, last := export.Ends()
	if cfg.After < first-1 {
		return fmt.Errorf("%w: --from: the export begins at position %d: expected that or more", cli.ErrUsage, first)
	}
	if err := c.reaches(cfg, last); err != nil {
		return err
	}
	cfg.Export = export
	return c.fold(ctx, t, cfg, location, set)
}
