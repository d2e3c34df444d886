package dashboard

import "strconv"

// Digest says in one sentence how a campaign goes.
type Digest struct {
	// Template is the name of the sentence's form, and Slots is what fills it, in Korean.
	Template string            `json:"template"`
	Slots    map[string]string `json:"slots"`
	// Ko and En are the whole sentence.
	Ko string `json:"ko"`
	En string `json:"en"`
	// Reasons says where each number of the sentence comes from.
	Reasons []Reason `json:"reasons"`
}

// Reason is a sentence about a number of a [Digest].
type Reason struct {
	Ko string `json:"ko"`
	En string `json:"en"`
}

func (v View) digest(d Dashboard) Digest {
	n := strconv.FormatInt(d.Summary.TotalParticipants, 10)
	return Digest{
		Template: "total", Slots: map[string]string{"participants": n},
		Ko: "지금까지 " + n + "명이 참여했습니다.", En: "So far, " + n + " people have taken part.",
		Reasons: []Reason{},
	}
}
