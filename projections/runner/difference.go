package runner

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// What a divergence says of a row that is on one side only, and of a field without
// a value.
const (
	noRow   = "no row"
	aRow    = "a row"
	nothing = "nothing"
)

// difference returns the first difference, by table and key, between the rows of one
// campaign that are served and those that were folded; nil where all of them are equal
// in every field.
func difference(served readmodel.CampaignRows, folded *readmodel.Rows) *Divergence {
	var event []readmodel.EventStats
	if served.Event.Campaign != "" {
		event = append(event, served.Event)
	}
	return cmp.Or(
		differenceOf(readmodel.ChannelStatsTable, served.Channels, folded.Channels,
			func(row *readmodel.ChannelStats) readmodel.ChannelKey { return row.ChannelKey },
			func(k readmodel.ChannelKey) string { return k.Channel }),
		differenceOf(readmodel.EventStatsTable, event, folded.Events,
			func(row *readmodel.EventStats) events.Campaign { return row.Campaign },
			func(events.Campaign) string { return "" }),
		differenceOf(readmodel.ParticipantProfileTable, served.Profiles, folded.Profiles,
			func(row *readmodel.ProfileCount) readmodel.ProfileKey { return row.ProfileKey },
			func(k readmodel.ProfileKey) string { return string(k.Dimension) + "=" + k.Value }),
		differenceOf(readmodel.ParticipationHourlyTable, served.Hours, folded.Hours,
			func(row *readmodel.ParticipationHour) readmodel.HourKey { return row.HourKey },
			func(k readmodel.HourKey) string { return k.Hour.Format(time.RFC3339Nano) }),
	)
}

// differenceOf compares the rows of one table.
func differenceOf[K, R comparable](table string, served []R, folded map[K]*R, key func(*R) K, name func(K) string) *Divergence {
	byKey := make(map[K]*R, len(served))
	for i := range served {
		byKey[key(&served[i])] = &served[i]
	}
	keys := slices.Collect(maps.Keys(byKey))
	for k := range folded {
		if byKey[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(name(a), name(b)) })
	for _, k := range keys {
		d := &Divergence{Table: table, Key: name(k)}
		switch s, f := byKey[k], folded[k]; {
		case s == nil:
			d.Served, d.Folded = noRow, aRow
			return d
		case f == nil:
			d.Served, d.Folded = aRow, noRow
			return d
		case *s == *f: // most are, and without a pointer in them nothing more is to be done
		case d.fields("", reflect.ValueOf(s).Elem(), reflect.ValueOf(f).Elem()):
			return d
		}
	}
	return nil
}

// fields looks for a field in which two structures differ, and fills it in. By way of
// reflection, no field that a row may be given one day is forgotten.
func (d *Divergence) fields(within string, served, folded reflect.Value) (differ bool) {
	for i := range served.NumField() {
		field := served.Type().Field(i)
		if field.Anonymous { // the row's key, which is the same
			continue
		}
		name, s, f := within+field.Name, served.Field(i), folded.Field(i)
		if figure := reflect.TypeFor[readmodel.Figure](); field.Type == figure {
			if d.fields(name+".", s, f) {
				return true
			}
			continue
		}
		if a, b := show(s), show(f); a != b {
			d.Field, d.Served, d.Folded = name, a, b
			return true
		}
	}
	return false
}

// show writes a field's value, different ones differently.
func show(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nothing
		}
		v = v.Elem()
	}
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		if t.IsZero() {
			return nothing
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	if v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}
