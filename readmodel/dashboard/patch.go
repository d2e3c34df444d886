package dashboard

import (
	"bytes"
	"encoding/json"
)

// The members of a patch that stand for a member of the dashboard of which only a part has
// changed. A merge patch alone would replace the whole array.
const (
	trendTail   = "trendTail"
	heatCells   = "heatCells"
	channelRows = "channelRows"
)

// trendEnd replaces the end of a trend: the bucket that begins at From, and all that follow.
type trendEnd struct {
	From    json.RawMessage   `json:"from"`
	Buckets []json.RawMessage `json:"buckets"`
}

// Patch returns the JSON merge patch (RFC 7396) that turns one encoded dashboard into another,
// or false where the other one itself is needed or shorter. Three arrays have members of their
// own, which are in a patch only:
//
//   - trendTail {from, buckets} replaces the bucket of trend that begins at from, and all
//     that follow, by buckets.
//   - heatCells [[weekday, hour, participants], …] replaces single cells of heat.
//   - channelRows [row, …] replaces rows of channels, by their channel.
//
// A merge patch cannot make a member null, so it cannot express that a known value has become
// unknown.
func Patch(from, to []byte) (patch []byte, ok bool) {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(from, &before) != nil || json.Unmarshal(to, &after) != nil || before == nil || after == nil {
		return nil, false
	}
	merge := make(map[string]any)
	for _, array := range []struct {
		member, part string
		partOf       func(before, after json.RawMessage) (any, bool)
	}{
		{"trend", trendTail, partOfTrend},
		{"heat", heatCells, partOfHeat},
		{"channels", channelRows, partOfChannels},
	} {
		was, is := before[array.member], after[array.member]
		if was == nil || is == nil || bytes.Equal(was, is) {
			continue
		}
		if part, ok := array.partOf(was, is); ok {
			merge[array.part] = part
			delete(before, array.member)
			delete(after, array.member)
		}
	}
	if !mergeInto(merge, before, after) {
		return nil, false
	}
	patch, err := json.Marshal(merge)
	if err != nil || len(patch) >= len(to) {
		return nil, false
	}
	return patch, true
}

// mergeInto adds to a merge patch what turns one object into another. It reports whether that
// can be expressed.
func mergeInto(merge map[string]any, from, to map[string]json.RawMessage) bool {
	for name := range from {
		if _, ok := to[name]; !ok {
			merge[name] = nil
		}
	}
	for name, is := range to {
		was := from[name]
		if bytes.Equal(was, is) {
			continue
		}
		before, after := object(was), object(is)
		switch {
		case before != nil && after != nil:
			members := make(map[string]any)
			if !mergeInto(members, before, after) {
				return false
			}
			merge[name] = members
		case hasNull(is):
			return false
		default:
			merge[name] = is
		}
	}
	return true
}

// object returns the members of a JSON object; nil for any other value.
func object(value json.RawMessage) (members map[string]json.RawMessage) {
	if len(value) == 0 || value[0] != '{' || json.Unmarshal(value, &members) != nil {
		return nil
	}
	return members
}

// hasNull reports whether a merge patch would lose a null of the value: itself, or a member of
// an object in it. An array is replaced as it is.
func hasNull(value json.RawMessage) bool {
	if string(value) == "null" {
		return true
	}
	for _, member := range object(value) {
		if hasNull(member) {
			return true
		}
	}
	return false
}

// partOfTrend returns the tail of a trend that has changed.
func partOfTrend(before, after json.RawMessage) (any, bool) {
	was, is := array(before), array(after)
	same := 0
	for same < len(was) && same < len(is) && bytes.Equal(was[same], is[same]) {
		same++
	}
	if same == 0 {
		return nil, false
	}
	// The bucket of the earlier trend, where there is one, because that is what is replaced:
	// the buckets after it may begin at other times.
	first := was[same:]
	if len(first) == 0 {
		first = is[same:]
	}
	if len(first) == 0 {
		return nil, false
	}
	at := object(first[0])["from"]
	if at == nil {
		return nil, false
	}
	return trendEnd{at, append([]json.RawMessage{}, is[same:]...)}, true
}

// partOfHeat returns the cells that have changed.
func partOfHeat(before, after json.RawMessage) (any, bool) {
	was, is := array(before), array(after)
	if len(was) != len(is) || len(is) == 0 {
		return nil, false
	}
	var cells [][3]any
	for day := range is {
		hoursBefore, hours := array(was[day]), array(is[day])
		if len(hoursBefore) != len(hours) {
			return nil, false
		}
		for hour := range hours {
			if !bytes.Equal(hoursBefore[hour], hours[hour]) {
				cells = append(cells, [3]any{day, hour, hours[hour]})
			}
		}
	}
	return cells, len(cells) > 0
}

// partOfChannels returns the rows that have changed.
func partOfChannels(before, after json.RawMessage) (any, bool) {
	was, is := array(before), array(after)
	if len(was) != len(is) {
		return nil, false
	}
	var rows []json.RawMessage
	for i := range is {
		name := object(is[i])["channel"]
		if name == nil || !bytes.Equal(object(was[i])["channel"], name) {
			return nil, false
		}
		if !bytes.Equal(was[i], is[i]) {
			rows = append(rows, is[i])
		}
	}
	return rows, len(rows) > 0
}

// array returns the elements of a JSON array; nil for any other value.
func array(value json.RawMessage) (elements []json.RawMessage) {
	if len(value) == 0 || value[0] != '[' || json.Unmarshal(value, &elements) != nil {
		return nil
	}
	return elements
}
