package dashboard

import (
	"cmp"
	"slices"

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

func profile(row readmodel.ParticipantProfile) Profile {
	customer := map[string]int64{readmodel.NewCustomer: 0, readmodel.ReturningCustomer: 0, readmodel.UnknownValue: 0}
	for _, n := range row.Customer {
		customer[n.Label] = n.Participants
	}
	return Profile{Gender: mostFrequent(row.Gender), AgeGroup: mostFrequent(row.AgeGroup), Region: mostFrequent(row.Region), Customer: customer}
}

// mostFrequent joins all but the MaxLabels most frequent labels; of equally frequent ones it
// keeps the first by their bytes.
func mostFrequent(all readmodel.Counts) map[string]int64 {
	byFrequency := slices.SortedStableFunc(slices.Values(all), func(a, b readmodel.Count) int { return -cmp.Compare(a.Participants, b.Participants) })
	kept, labels := make(map[string]int64, len(all)), 0
	for _, n := range byFrequency {
		if n.Label != OtherLabel {
			if labels++; labels > MaxLabels {
				n.Label = OtherLabel
			}
		}
		kept[n.Label] += n.Participants
	}
	return kept
}
