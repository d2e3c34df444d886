package dashboard

import (
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// findings is what a digest can speak of.
type findings struct {
	state        State
	now          time.Time // these times are in the view's location
	starts       time.Time // zero: unknown
	daysToStart  int       // of a planned campaign: days of the calendar
	day          int       // of a running one, from 1; 0 where its start is unknown
	lastDay      bool      // it ends today
	participants int64
	cost         *events.Won // of one participant
	economics    Economics
	missing      []Input
	yesterday    *Stretch
	bestDay      *Bucket
	goal         *Goal
	delayedSince time.Time // when figures of exposure last came, where all of them are late
}

// findings returns what there is to say of a dashboard.
func (v View) findings(d Dashboard, c readmodel.CampaignStats) findings {
	f := findings{
		state: d.State, now: v.Now.In(v.Location), participants: d.Summary.TotalParticipants,
		cost: d.Summary.CostPerParticipant, economics: d.Economics, missing: d.Summary.Missing, bestDay: d.Best.Day, goal: d.Goal,
	}
	if d.Comparison != nil {
		f.yesterday = d.Comparison.Yesterday
	}
	if !c.StartsAt.IsZero() {
		f.starts = c.StartsAt.In(v.Location)
		f.daysToStart = daysBetween(f.now, f.starts)
		f.day = 1 - f.daysToStart
	}
	if d.State == Running && !c.EndsAt.IsZero() {
		f.lastDay = daysBetween(f.now, c.EndsAt.Add(-1).In(v.Location)) == 0
	}
	if d.State == Running {
		f.delayedSince = delayedSince(d.Channels)
	}
	return f
}

// daysBetween returns how many days of the calendar b is after a.
func daysBetween(a, b time.Time) int {
	date := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(date(b).Sub(date(a)) / day)
}

// delayedSince returns when the last figures of exposure came, where there are some and all
// are stale; else zero.
func delayedSince(channels []ChannelView) (last time.Time) {
	for _, ch := range channels {
		if ch.Exposure == nil || ch.Status == nil {
			continue
		}
		if *ch.Status != Stale {
			return time.Time{}
		}
		if ch.FetchedAt.After(last) {
			last = *ch.FetchedAt
		}
	}
	return last
}

// slot is what stands for a name in a template, and where it comes from.
type slot struct {
	ko, en string
	why    Reason
}

// slotNames returns the names of all slots, in the order in which reasons are given.
func slotNames() []string {
	return []string{
		"startTime", "startDate", "daysToStart", "day", "weekday", "weekdayLong", "yesterday", "before", "difference",
		"participants", "have", "cost", "bestDay", "bestCount", "delayedSince", "reached", "forecast", "target", "gap",
	}
}

// slots returns the slots that the findings fill.
func (f findings) slots() map[string]slot {
	slots := map[string]slot{
		"participants": f.total(),
		"have":         {en: "have"},
	}
	if f.participants == 1 {
		slots["have"] = slot{en: "has"}
	}
	if !f.starts.IsZero() {
		clock := f.starts.Format("15:04")
		why := Reason{"시작: 이벤트를 만들 때 정한 " + f.dateKo(f.starts) + " " + clock + "입니다.", "Start: as set for the campaign, " + f.dateEn(f.starts) + ", " + clock + "."}
		slots["startTime"] = slot{clock, clock, why}
		slots["startDate"] = slot{f.dateKo(f.starts), f.dateEn(f.starts), why}
		slots["daysToStart"] = slot{ko: fmt.Sprintf("%d일", f.daysToStart), en: plural(int64(f.daysToStart), "day", "days")}
		slots["day"] = slot{fmt.Sprintf("%d일", f.day), fmt.Sprint(f.day), why}
	}
	if f.cost != nil {
		slots["cost"] = slot{koreanWon(*f.cost), englishWon(*f.cost), f.whyCost()}
	}
	if f.bestDay != nil {
		slots["bestDay"] = slot{ko: f.dateKo(f.bestDay.From), en: f.dateEn(f.bestDay.From)}
		slots["bestCount"] = people(f.bestDay.Participants, Reason{
			"가장 많은 날: 하루 참여자가 가장 많았던 날입니다. 같으면 먼저인 날입니다.",
			"Best day: the day with most registrations; of equal days the first.",
		})
	}
	if !f.delayedSince.IsZero() {
		clock := slot{ko: f.delayedSince.Format("15:04"), en: f.delayedSince.Format("15:04")}
		if daysBetween(f.delayedSince, f.now) != 0 {
			clock = slot{ko: f.dateKo(f.delayedSince) + " " + clock.ko, en: f.dateEn(f.delayedSince) + ", " + clock.en}
		}
		clock.why = Reason{
			"마지막 " + clock.ko + ": 노출을 알려 주는 채널이 마지막으로 답한 때입니다.",
			"Last " + clock.en + ": when a channel that reports exposure last answered.",
		}
		slots["delayedSince"] = clock
	}
	f.addYesterday(slots)
	f.addGoal(slots)
	return slots
}

func (f findings) total() slot {
	s := people(f.participants, Reason{})
	s.why = Reason{"모두 " + s.ko + ": 이 이벤트의 참여 등록을 모두 센 수입니다.", "In all, " + s.en + ": every registration of the campaign."}
	return s
}

// whyCost says how the cost of a participant is computed.
func (f findings) whyCost() Reason {
	e := f.economics
	if e.PrizeCost == nil || e.PlatformCost == nil || e.TotalCost == nil {
		return Reason{}
	}
	distribution := slot{ko: "알 수 없음", en: "unknown"}
	if e.DistributionCost != nil {
		distribution = slot{ko: koreanWon(*e.DistributionCost), en: englishWon(*e.DistributionCost)}
	}
	why := Reason{
		fmt.Sprintf("1명에 %s: 든 비용 %s(경품 %s, 플랫폼 %s, 배포 %s)을 참여한 %s으로 나눴습니다.", koreanWon(*f.cost), koreanWon(*e.TotalCost),
			koreanWon(*e.PrizeCost), koreanWon(*e.PlatformCost), distribution.ko, people(f.participants, Reason{}).ko),
		fmt.Sprintf("%s each: total cost %s (prize %s, platform %s, distribution %s) divided by %s.", englishWon(*f.cost), englishWon(*e.TotalCost),
			englishWon(*e.PrizeCost), englishWon(*e.PlatformCost), distribution.en, plural(f.participants, "participant", "participants")),
	}
	for _, input := range f.missing {
		if input == MissingDistributionCost {
			why.Ko += " 비용을 알 수 없는 배포는 0원으로 셌습니다."
			why.En += " A distribution without a stated cost counts as ₩0."
		}
	}
	return why
}

// addYesterday adds the slots of yesterday and of the same weekday before.
func (f findings) addYesterday(slots map[string]slot) {
	y := f.yesterday
	if y == nil {
		return
	}
	slots["weekday"] = slot{ko: weekdayKo(y.From), en: y.From.Format("Mon")}
	slots["weekdayLong"] = slot{ko: weekdayKo(y.From) + "요일", en: y.From.Format("Monday")}
	on := func(s slot, from time.Time) slot {
		s.why = Reason{
			fmt.Sprintf("%s: %s 하루 동안의 참여 등록입니다.", s.ko, f.dateKo(from)),
			fmt.Sprintf("%s: the registrations of %s, the whole day.", s.en, f.dateEn(from)),
		}
		return s
	}
	slots["yesterday"] = on(people(y.Participants, Reason{}), y.From)
	if y.Before != nil {
		before := on(people(*y.Before, Reason{}), y.From.AddDate(0, 0, -7))
		before.en = grouped(*y.Before)
		slots["before"] = before
		difference := abs(y.Participants - *y.Before)
		slots["difference"] = slot{ko: koreanNumber(difference) + "명", en: grouped(difference)}
	}
}

// addGoal adds the slots of the goal and of its forecast.
func (f findings) addGoal(slots map[string]slot) {
	g := f.goal
	if g == nil {
		return
	}
	counted := func(n int64, why Reason) slot {
		if g.Metric == events.GoalNewCustomers {
			return slot{"신규 고객 " + koreanNumber(n) + "명", plural(n, "new customer", "new customers"), why}
		}
		return slot{koreanNumber(n) + "명", plural(n, "participant", "participants"), why}
	}
	target := counted(g.Target, Reason{})
	slots["reached"] = counted(g.Reached, Reason{})
	target.why = Reason{"목표 " + target.ko + ": 이벤트를 만들 때 정한 수입니다.", "The goal of " + target.en + ": as set for the campaign."}
	slots["target"] = target
	if g.Forecast == nil {
		return
	}
	value, low, high := counted(g.Forecast.Value, Reason{}), koreanNumber(g.Forecast.Low), koreanNumber(g.Forecast.High)
	value.why = Reason{
		fmt.Sprintf("끝날 때 %s쯤: 최근 며칠(최대 7일)의 하루 평균이 끝까지 이어진다고 보았습니다. %s명에서 %s명 사이일 수 있습니다.", value.ko, low, high),
		fmt.Sprintf("About %s at the end: the daily average of the last days (7 at most) goes on to the end. It may be from %s to %s.",
			value.en, grouped(g.Forecast.Low), grouped(g.Forecast.High)),
	}
	slots["forecast"] = value
	gap := max(g.Target-g.Forecast.Value, 0)
	slots["gap"] = slot{ko: koreanNumber(gap) + "명", en: grouped(gap)}
}
