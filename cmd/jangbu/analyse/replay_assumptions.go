package analyse

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// assumed is what --set assumes.
type assumed struct {
	dashboard.Assumptions
	files map[events.Campaign]string // that name a campaign first
}

// assume reads the values of --set: AMOUNT=VALUE, or @FILE.
func assume(values []string) (a *assumed, err error) {
	a = &assumed{files: make(map[events.Campaign]string)}
	for _, text := range values {
		file, isFile := strings.CutPrefix(text, "@")
		if !isFile {
			field, value, _ := strings.Cut(text, "=")
			err = errors.Join(err, a.Add("", field, value))
			continue
		}
		err = errors.Join(err, a.read(file))
		for _, c := range a.Campaigns() {
			if _, known := a.files[c]; !known {
				a.files[c] = file
			}
		}
	}
	return a, err
}

func (a *assumed) read(file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := a.ReadCSV(f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// unknown returns [cli.ErrNothing] where the files name campaigns that are not among the rows. Of one
// campaign alone the others are not read, and may be there.
func (a *assumed) unknown(alone events.Campaign, rows *readmodel.Rows) error {
	known := rows.Campaigns()
	var missing []string
	for _, c := range a.Campaigns() {
		if known[c] == nil && (alone == "" || c == alone) {
			missing = append(missing, fmt.Sprintf("%s (%s)", cli.Legible(string(c)), a.files[c]))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: what is assumed of these campaigns had no effect, there were none such: %s", cli.ErrNothing, strings.Join(slices.Compact(missing), ", "))
}
