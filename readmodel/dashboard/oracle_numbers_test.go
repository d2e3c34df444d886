package dashboard_test

import (
	"fmt"
	"time"

	"jangbu/readmodel/dashboard"
)

// numbersOf returns the numbers of a dashboard that are known, by the names of the oracle.
func numbersOf(d dashboard.Dashboard) map[string]any {
	n := numbers{"state": string(d.State), "totalParticipants": d.Summary.TotalParticipants}
	known(n, "totalExposure", d.Summary.TotalExposure)
	known(n, "roiPercent", d.Summary.ROIPercent)
	known(n, "salesGrowthPercent", d.Summary.SalesGrowthPercent)
	known(n, "costPerParticipant", (*int64)(d.Summary.CostPerParticipant))
	for _, input := range d.Summary.Missing {
		n["missing."+string(input)] = "yes"
	}
	known(n, "distributionCost", (*int64)(d.Economics.DistributionCost))
	known(n, "totalCost", (*int64)(d.Economics.TotalCost))
	known(n, "expectedRevenue", (*int64)(d.Economics.ExpectedRevenue))
	known(n, "breakEvenNewCustomers", d.Economics.BreakEvenNewCustomers)
	if d.Goal != nil {
		n["goal.reached"] = d.Goal.Reached
		known(n, "goal.percent", d.Goal.Percent)
	}
	sum := int64(0)
	for _, ch := range d.Channels {
		name := string(ch.Channel)
		sum += ch.Participants
		n[name+".participants"] = ch.Participants
		known(n, name+".exposure", ch.Exposure)
		known(n, name+".cost", (*int64)(ch.Cost))
		known(n, name+".costPerParticipant", (*int64)(ch.CostPerParticipant))
		known(n, name+".conversionOf", (*string)(ch.ConversionOf))
		known(n, name+".conversionPercent", ch.ConversionPercent)
	}
	n["channels"] = sum
	if d.Heat != nil {
		for weekday, hours := range d.Heat {
			for hour, participants := range hours {
				if participants > 0 {
					n[fmt.Sprintf("heat.%d.%d", weekday, hour)] = participants
				}
			}
		}
	}
	if best := d.Best.Day; best != nil {
		n["best.day"], n["best.day.participants"] = best.From.Unix(), best.Participants
	}
	if best := d.Best.HourOfDay; best != nil {
		n["best.hourOfDay"], n["best.hourOfDay.participants"] = int64(best.Hour), best.Participants
	}
	if best := d.Best.Channel; best != nil {
		n["best.channel"], n["best.channel.participants"] = string(best.Channel), best.Participants
	}
	if c := d.Comparison; c != nil {
		if c.Today != nil {
			n.stretch("today", &c.Today.Stretch)
			n["today.soFar"] = c.Today.SoFar
		}
		n.stretch("yesterday", c.Yesterday)
		n.stretch("lastSevenDays", c.LastSevenDays)
	}
	return n
}

// numbers holds int64, float64 and string.
type numbers map[string]any

func (n numbers) stretch(name string, s *dashboard.Stretch) {
	if s == nil {
		return
	}
	for member, at := range map[string]time.Time{".from": s.From, ".to": s.To} {
		n[name+member] = at.Unix()
	}
	n[name+".participants"] = s.Participants
	known(n, name+".before", s.Before)
}

func known[T any](n numbers, name string, value *T) {
	if value != nil {
		n[name] = *value
	}
}
