package readmodel_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/readmodel"
)

// TestCounts adds and compares with a map, writes, and reads back what was written.
func TestCounts(t *testing.T) {
	t.Parallel()
	labels := rapid.OneOf(rapid.SampledFrom([]string{"", "female", "서울", "a\"b", `\`, "a:b", "a,b", "{}", "\x01", "\u2028", "<b>"}), rapid.String())
	rapid.Check(t, func(rt *rapid.T) {
		var c readmodel.Counts
		want := map[string]int64{}
		for range rapid.IntRange(0, 10).Draw(rt, "counts") {
			label, n := labels.Draw(rt, "label"), rapid.Int64Range(-5, 1<<40).Draw(rt, "n")
			c.Add(label, n)
			want[label] += n
		}
		for i := range c {
			if i > 0 && c[i-1].Label >= c[i].Label {
				rt.Fatalf("%q is before %q", c[i-1].Label, c[i].Label)
			}
		}
		got := map[string]int64{}
		if err := json.Unmarshal([]byte(c.String()), &got); err != nil || !maps.Equal(got, want) {
			rt.Fatalf("%s means %v, %v; want %v", c, got, err, want)
		}
		spaced, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			rt.Fatal(err)
		}
		for _, text := range []string{c.String(), string(spaced)} {
			read, err := readmodel.ParseCounts(text)
			if diff := cmp.Diff(c, read); err != nil || diff != "" {
				rt.Fatalf("%s is read as %v, %v", text, read, err)
			}
		}
	})
}

func TestParseCountsRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "null", "[]", "7", `{"a":}`, `{"a":1`, `{"a":1}}`, `{"a":"1"}`, `{"a":1.5}`, `{a:1}`, `{"a":99999999999999999999}`} {
		if c, err := readmodel.ParseCounts(text); err == nil {
			t.Errorf("%s is read as %v", text, c)
		}
	}
}

// FuzzParseCounts compares what is read with what package json reads.
func FuzzParseCounts(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":-2}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `{ "a" : 1 }`, `{"\u0041":1}`, `{"a":01}`, `{"a":+1}`, `{"a":1_0}`, "{\"\xff\":1}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readmodel.ParseCounts(text)
		var want map[string]int64
		wrong := json.Unmarshal([]byte(text), &want)
		if (err == nil) != (wrong == nil && want != nil) {
			t.Fatalf("%q: %v, package json: %v", text, err, wrong)
		}
		if err != nil {
			return
		}
		got := map[string]int64{}
		for _, n := range c {
			got[n.Label] += n.Participants
		}
		if !maps.Equal(got, want) || len(c) != len(want) {
			t.Fatalf("%q is read as %v, want %v", text, c, want)
		}
	})
}
