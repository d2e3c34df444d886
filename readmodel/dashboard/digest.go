package dashboard

import (
	"strings"

	"jangbu/readmodel"
)

// Digest says in one or two sentences how a campaign goes. The same dashboard always gives
// the same sentences.
type Digest struct {
	// Template is the name of the sentences' form, and Slots is what fills it, in Korean.
	Template string            `json:"template"`
	Slots    map[string]string `json:"slots"`
	// Ko and En are the whole sentences.
	Ko string `json:"ko"`
	En string `json:"en"`
	// Reasons says where the numbers of the sentences come from.
	Reasons []Reason `json:"reasons"`
}

// Reason says where a number of a [Digest] comes from.
type Reason struct {
	Ko string `json:"ko"`
	En string `json:"en"`
}

// digest returns the digest of a dashboard that is complete but for it.
func (v View) digest(d Dashboard, c readmodel.CampaignStats) Digest {
	f := v.findings(d, c)
	for _, t := range templates() {
		if t.when(f) {
			return t.fill(f.slots())
		}
	}
	return Digest{} // the last template is for all
}

// fill returns the digest that the template makes of the slots.
func (t template) fill(all map[string]slot) Digest {
	d := Digest{Template: t.name, Slots: map[string]string{}, Reasons: []Reason{}}
	pairsKo, pairsEn := []string{}, []string{}
	for _, name := range slotNames() {
		s, mark := all[name], "{"+name+"}"
		if strings.Contains(t.en, mark) {
			pairsEn = append(pairsEn, mark, s.en)
		}
		if strings.Contains(t.ko, mark) {
			pairsKo = append(pairsKo, mark, s.ko)
			d.Slots[name] = s.ko
			if s.why != (Reason{}) {
				d.Reasons = append(d.Reasons, s.why)
			}
		}
	}
	d.Ko, d.En = strings.NewReplacer(pairsKo...).Replace(t.ko), strings.NewReplacer(pairsEn...).Replace(t.en)
	return d
}
