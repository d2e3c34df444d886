package dashboard

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"jangbu/readmodel"
)

// MaxLabels is the most labels that a profile keeps of a dimension, beside [OtherLabel]
// (I14): in rows that version 1 of the projection made, labels are free text.
const MaxLabels = 50

// OtherLabel counts the participants of all labels that a profile does not keep.
const OtherLabel = "other"

// Profile counts the participants by each value of each dimension. Customer always has its
// three values; the others have the values that occur, the most frequent ones.
type Profile struct {
	Gender   map[string]int64 `json:"gender"`
	AgeGroup map[string]int64 `json:"ageGroup"`
	Region   map[string]int64 `json:"region"`
	Customer map[string]int64 `json:"customer"`
}

func profile(rows []readmodel.ProfileCount) Profile {
	p := Profile{
		Gender:   map[string]int64{},
		AgeGroup: map[string]int64{},
		Region:   map[string]int64{},
		Customer: map[string]int64{readmodel.NewCustomer: 0, readmodel.ReturningCustomer: 0, readmodel.UnknownValue: 0},
	}
	for _, row := range rows {
		switch row.Dimension {
		case readmodel.Gender:
			p.Gender[row.Value] += row.Participants
		case readmodel.AgeGroup:
			p.AgeGroup[row.Value] += row.Participants
		case readmodel.Region:
			p.Region[row.Value] += row.Participants
		case readmodel.Customer:
			p.Customer[row.Value] += row.Participants
		}
	}
	for _, counts := range []map[string]int64{p.Gender, p.AgeGroup, p.Region} {
		keepMostFrequent(counts)
	}
	return p
}

// keepMostFrequent joins all but the MaxLabels most frequent labels; of equally frequent
// ones it keeps the first by their bytes.
func keepMostFrequent(counts map[string]int64) {
	labels := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(-cmp.Compare(counts[a], counts[b]), strings.Compare(a, b))
	})
	labels = slices.DeleteFunc(labels, func(s string) bool { return s == OtherLabel })
	if len(labels) <= MaxLabels {
		return
	}
	for _, rare := range labels[MaxLabels:] {
		counts[OtherLabel] += counts[rare]
		delete(counts, rare)
	}
}
