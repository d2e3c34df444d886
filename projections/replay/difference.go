package replay

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// What a divergence says of a row that is on one side only, and of a field without
// a value.
const (
	noRow   = "no row"
	aRow    = "a row"
	nothing = "nothing"
)

// only returns the rows of the projections' tables.
func only(ps []projections.Projection, rows readmodel.CampaignRows) readmodel.CampaignRows {
	var some readmodel.CampaignRows
	for _, p := range ps {
		switch p.Name {
		case readmodel.EventStatsTable:
			some.Event = rows.Event
		case readmodel.ChannelStatsTable:
			some.Channels = rows.Channels
		case readmodel.ParticipationHourlyTable:
			some.Hours = rows.Hours
		case readmodel.ParticipantProfileTable:
			some.Profiles = rows.Profiles
		}
	}
	return some
}

// differences calls see with every difference, by table and key, between the rows of one
// campaign that are served and those that were folded, until it returns false. All
// fields of all rows are compared.
func differences(served readmodel.CampaignRows, folded *readmodel.Rows, see func(*Divergence) bool) {
	var event []readmodel.EventStats
	if served.Event.Campaign != "" {
		event = append(event, served.Event)
	}
	_ = differencesOf(readmodel.ChannelStatsTable, served.Channels, folded.Channels,
		func(row *readmodel.ChannelStats) readmodel.ChannelKey { return row.ChannelKey },
		func(k readmodel.ChannelKey) string { return k.Channel }, see) &&
		differencesOf(readmodel.EventStatsTable, event, folded.Events,
			func(row *readmodel.EventStats) events.Campaign { return row.Campaign },
			func(events.Campaign) string { return "" }, see) &&
		differencesOf(readmodel.ParticipantProfileTable, served.Profiles, folded.Profiles,
			func(row *readmodel.ProfileCount) readmodel.ProfileKey { return row.ProfileKey },
			func(k readmodel.ProfileKey) string { return string(k.Dimension) + "=" + k.Value }, see) &&
		differencesOf(readmodel.ParticipationHourlyTable, served.Hours, folded.Hours,
			func(row *readmodel.ParticipationHour) readmodel.HourKey { return row.HourKey },
			func(k readmodel.HourKey) string { return k.Hour.Format(time.RFC3339Nano) }, see)
}

// differencesOf compares the rows of one table. It reports whether more is wanted.
func differencesOf[K, R comparable](table string, served []R, folded map[K]*R, key func(*R) K, name func(K) string, see func(*Divergence) bool) (more bool) {
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
		more = true
		switch s, f := byKey[k], folded[k]; {
		case s == nil:
			more = see(&Divergence{Table: table, Key: name(k), Served: noRow, Folded: aRow})
		case f == nil:
			more = see(&Divergence{Table: table, Key: name(k), Served: aRow, Folded: noRow})
		case *s == *f: // most are, and without a pointer in them nothing more is to be done
		default:
			more = fieldsOf("", reflect.ValueOf(s).Elem(), reflect.ValueOf(f).Elem(), func(field, a, b string) bool {
				return see(&Divergence{Table: table, Key: name(k), Field: field, Served: a, Folded: b})
			})
		}
		if !more {
			return false
		}
	}
	return true
}

// fieldsOf calls see with each field in which two structures differ, until it returns
// false, which it then returns. By way of reflection, no field that a row may be given
// one day is forgotten.
func fieldsOf(within string, served, folded reflect.Value, see func(field, served, folded string) bool) (more bool) {
	for i := range served.NumField() {
		field := served.Type().Field(i)
		if field.Anonymous { // the row's key, which is the same
			continue
		}
		name, s, f := within+field.Name, served.Field(i), folded.Field(i)
		if figure := reflect.TypeFor[readmodel.Figure](); field.Type == figure {
			if !fieldsOf(name+".", s, f, see) {
				return false
			}
			continue
		}
		if a, b := show(s), show(f); a != b && !see(name, a, b) {
			return false
		}
	}
	return true
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
