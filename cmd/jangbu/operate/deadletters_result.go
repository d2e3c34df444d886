package operate

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/bus"
)

// retried is the result of a retry, as JSON.
type retried struct {
	DryRun     bool            `json:"dryRun"`
	Letters    int64           `json:"letters"`
	Appended   int64           `json:"appended"`
	Duplicates int64           `json:"duplicates"`
	Stay       int64           `json:"stay"`
	Gone       int64           `json:"gone"` // another command had retried or discarded them
	Reasons    []retriedReason `json:"reasons"`
	Why        []whyStay       `json:"why"`

	reasons map[events.Reason]*retriedReason
	why     map[whyKey]*whyStay
}

// retriedReason is the result for the letters that had one reason.
type retriedReason struct {
	Reason     events.Reason `json:"reason"`
	Letters    int64         `json:"letters"`
	Appended   int64         `json:"appended"`
	Duplicates int64         `json:"duplicates"`
	Stay       int64         `json:"stay"`
}

// whyStay is the count of the letters that stay for one reason with one detail.
type whyStay struct {
	Letters int64         `json:"letters"`
	Reason  events.Reason `json:"reason"`
	Detail  string        `json:"detail"`
	First   string        `json:"first"` // the ID of the first of them
}

type whyKey struct {
	reason events.Reason
	detail string
}

const (
	// mostWhys bounds the details that are counted (I14): records can be wrong in any
	// number of ways.
	mostWhys = 100
	// shownWhys is how many of them are printed for people.
	shownWhys = 10
)

func newRetried(dryRun bool) *retried {
	return &retried{DryRun: dryRun, reasons: make(map[events.Reason]*retriedReason), why: make(map[whyKey]*whyStay)}
}

func (r *retried) add(d events.DeadLetter, fate bus.Fate) {
	of := r.reasons[d.Reason]
	if of == nil {
		of = &retriedReason{Reason: d.Reason}
		r.reasons[d.Reason] = of
	}
	r.Letters++
	of.Letters++
	switch {
	case fate.Outcome == events.Appended:
		r.Appended++
		of.Appended++
	case fate.Outcome == events.Duplicate:
		r.Duplicates++
		of.Duplicates++
	case fate.Stays():
		r.Stay++
		of.Stay++
		r.addWhy(d, fate)
	default:
		r.Gone++
	}
}

func (r *retried) addWhy(d events.DeadLetter, fate bus.Fate) {
	key := whyKey{fate.Reason, fate.Detail}
	if fate.Outcome == events.Conflict {
		key.detail = "the log holds the same ID with other content" // without the ID, which differs
	}
	if r.why[key] == nil && len(r.why) >= mostWhys {
		key.detail = "something else"
	}
	if r.why[key] == nil {
		r.why[key] = &whyStay{Reason: key.reason, Detail: key.detail, First: d.ID.String()}
	}
	r.why[key].Letters++
}

// sorted fills the lists of r: reasons sorted by name, details by how many letters they have.
func (r *retried) sorted() *retried {
	r.Reasons, r.Why = []retriedReason{}, []whyStay{}
	for _, reason := range slices.Sorted(maps.Keys(r.reasons)) {
		r.Reasons = append(r.Reasons, *r.reasons[reason])
	}
	for _, why := range r.why {
		r.Why = append(r.Why, *why)
	}
	slices.SortFunc(r.Why, func(a, b whyStay) int {
		return cmp.Or(-cmp.Compare(a.Letters, b.Letters), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	return r
}

func (r *retried) print(t cli.Terminal) {
	if r.DryRun {
		t.Printf("A dry run: nothing was changed.")
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	out := cli.Table{Head: []string{"reason", "letters", "appended", "duplicates", "stay"}, Texts: 1}
	for _, of := range r.Reasons {
		out.Lines = append(out.Lines, []string{string(of.Reason), number(of.Letters), number(of.Appended), number(of.Duplicates), number(of.Stay)})
	}
	out.Print(t)
	if r.Gone > 0 {
		t.Printf("%d of them had been retried or discarded by another command.", r.Gone)
	}
	if len(r.Why) == 0 {
		return
	}
	t.Printf("")
	why := cli.Table{Head: []string{"stay as", "why", "the first", "letters"}, Texts: 3}
	for _, w := range r.Why[:min(shownWhys, len(r.Why))] {
		why.Lines = append(why.Lines, []string{string(w.Reason), w.Detail, w.First, number(w.Letters)})
	}
	why.Print(t)
	if more := len(r.Why) - shownWhys; more > 0 {
		t.Printf("and for %d other reasons (--json names more)", more)
	}
}
