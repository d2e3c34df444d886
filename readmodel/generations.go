package readmodel

import (
	"fmt"

	"jangbu/events"
)

// GenerationOf says to which generation each projection's rows belong. Every
// store of rows checks by it what it is asked to load and to commit.
type GenerationOf map[string]Generation

// GenerationsOfLoad returns the generations of a [Writer.Load], or an error
// where keys name rows of a table whose projection is not given.
func GenerationsOfLoad(at []Checkpoint, keys *Keys) (GenerationOf, error) {
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	return of, of.cover(keys.Tables())
}

// GenerationsOfCommit returns the generations of a [Writer.Commit], or an error
// where there are rows of a table whose projection does not advance, or an
// advance goes back.
func GenerationsOfCommit(advances []Advance, rows *Rows) (GenerationOf, error) {
	at := make([]Checkpoint, len(advances))
	for i, a := range advances {
		if a.To < a.Position {
			return nil, fmt.Errorf("%s goes back from position %d to %d", a.Projection, a.Position, a.To)
		}
		at[i] = a.Checkpoint
	}
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	return of, of.cover(rows.Tables())
}

// GenerationsOfFill returns the generations of a [Builds.Fill], their checkpoints, and
// whether all of them are empty, or an error as of a commit.
func GenerationsOfFill(advances []Advance, rows *Rows) (of GenerationOf, at []Checkpoint, empty bool, err error) {
	if of, err = GenerationsOfCommit(advances, rows); err != nil {
		return nil, nil, false, err
	}
	at, empty = make([]Checkpoint, len(advances)), true
	for i, a := range advances {
		at[i] = a.Checkpoint
		empty = empty && a.Position == 0
	}
	return of, at, empty, nil
}

// GenerationsOfReplace returns the generations of a [Mending.Replace], or an error
// where there are rows of another campaign, or of a table whose projection is not
// given.
func GenerationsOfReplace(at []Checkpoint, c events.Campaign, rows *Rows) (GenerationOf, error) {
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	for other := range rows.Subjects() {
		if other != c {
			return nil, fmt.Errorf("rows of campaign %q among those of %q", other, c)
		}
	}
	return of, of.cover(rows.Tables())
}

func generationsOf(at []Checkpoint) (GenerationOf, error) {
	of := make(GenerationOf, len(at))
	for _, c := range at {
		if _, twice := of[c.Projection]; twice {
			return nil, fmt.Errorf("%s is named twice", c.Projection)
		}
		of[c.Projection] = c.Generation
	}
	return of, nil
}

// cover returns an error where a table has rows, or keys, and no generation.
func (g GenerationOf) cover(tables []*Table) error {
	for _, t := range tables {
		if _, ok := g[t.Name]; !ok {
			return fmt.Errorf("rows of %s without its checkpoint", t.Name)
		}
	}
	return nil
}
