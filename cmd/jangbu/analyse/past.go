package analyse

import (
	"context"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// zone returns the time zone of --tz; nil where it is none whose days have whole hours.
func zone(wrong func(flag, format string, args ...any), c cli.ZoneConfig) *time.Location {
	location, err := c.Location()
	if err == nil {
		err = dashboard.View{Location: location}.Validate()
	}
	if err != nil {
		wrong("tz", "%v", err)
		return nil
	}
	return location
}

// moment returns the moment that a flag names; zero where it is empty or wrong.
func moment(wrong func(flag, format string, args ...any), flag, text string, days *time.Location) readmodel.Moment {
	if text == "" || days == nil {
		return readmodel.Moment{}
	}
	m, err := readmodel.ParseMoment(text, days, time.Now())
	if err != nil {
		wrong(flag, "%v", err)
	}
	return m
}

// foldOne folds one campaign as of a moment; zero is the head. [cli.ErrNothing] where there was no
// such campaign, or the log ends before the moment.
func foldOne(ctx context.Context, log events.Log, c events.Campaign, asOf readmodel.Moment) (replay.Result, error) {
	if err := reached(ctx, log, asOf); err != nil {
		return replay.Result{}, err
	}
	got, err := replay.Run(ctx, replay.Config{Log: log, Projections: projections.All(), Campaign: c, Through: asOf.Position, AsOf: asOf.At})
	if err == nil && got.Rows.Of(c).Campaign().Campaign == "" {
		err = fmt.Errorf("%w: the log holds no event of campaign %s up to position %d", cli.ErrNothing, cli.Legible(string(c)), got.Through)
	}
	return got, err
}

// reached returns [cli.ErrNothing] where the log ends before the moment.
func reached(ctx context.Context, log events.Log, m readmodel.Moment) error {
	totals, err := log.Totals(ctx)
	if err == nil && m.Position > totals.Head {
		err = fmt.Errorf("%w: position %d: %w: the log ends at position %d", cli.ErrNothing, m.Position, readmodel.ErrFuture, totals.Head)
	}
	return err
}
