package dashboard

// template is one form of a [Digest]. In both texts {name} stands for a slot. A slot carries
// its unit (23명), and so the particle behind it is always the same (23명이).
type template struct {
	name string
	when func(f findings) bool
	ko   string
	en   string
}

// templates returns all forms. The first one whose condition holds is taken.
func templates() []template {
	planned := func(f findings) bool { return f.state == Planned }
	ended := func(f findings) bool { return f.state == Ended }
	empty := func(f findings) bool { return f.participants == 0 }
	lastDay := func(f findings) bool { return f.lastDay }
	firstDay := func(f findings) bool { return f.day == 1 }
	costKnown := func(f findings) bool { return f.cost != nil }
	delayed := func(f findings) bool { return !f.delayedSince.IsZero() }
	yesterday := func(f findings) bool { return f.yesterday != nil && f.yesterday.Participants > 0 }
	compared := func(f findings) bool { return yesterday(f) && f.yesterday.Before != nil && *f.yesterday.Before > 0 }
	similar := func(f findings) bool {
		return compared(f) && 10*abs(f.yesterday.Participants-*f.yesterday.Before) <= *f.yesterday.Before
	}
	more := func(f findings) bool { return compared(f) && f.yesterday.Participants > *f.yesterday.Before }
	forecast := func(f findings) bool { return yesterday(f) && f.goal != nil && f.goal.Forecast != nil }
	form := func(name string, when func(findings) bool, ko, en string) template {
		return template{name, when, ko, en}
	}
	return []template{
		form("plannedToday", all(planned, func(f findings) bool { return f.daysToStart == 0 }),
			"오늘 {startTime}에 시작합니다.",
			"It starts today at {startTime}."),
		form("plannedTomorrow", all(planned, func(f findings) bool { return f.daysToStart == 1 }),
			"내일 시작합니다. {startDate}입니다.",
			"It starts tomorrow, on {startDate}."),
		form("planned", planned,
			"시작까지 {daysToStart} 남았습니다. {startDate}에 시작합니다.",
			"It starts in {daysToStart}, on {startDate}."),
		form("endedEmpty", all(ended, empty),
			"이벤트가 끝났습니다. 참여한 분이 없었습니다.",
			"The campaign is over. No one took part."),
		form("ended", all(ended, costKnown, func(f findings) bool { return f.bestDay != nil }),
			"이벤트가 끝났습니다. 모두 {participants}이 참여했고, 1명에 {cost} 들었습니다. 가장 많은 날은 {bestDay}로 {bestCount}이 참여했습니다.",
			"The campaign is over. In all, {participants} took part, at {cost} each. The best day was {bestDay}, with {bestCount}."),
		form("endedWithoutCost", all(ended, func(f findings) bool { return f.bestDay != nil }),
			"이벤트가 끝났습니다. 모두 {participants}이 참여했습니다. 가장 많은 날은 {bestDay}로 {bestCount}이 참여했습니다.",
			"The campaign is over. In all, {participants} took part. The best day was {bestDay}, with {bestCount}."),
		form("endedTotal", ended,
			"이벤트가 끝났습니다. 모두 {participants}이 참여했습니다.",
			"The campaign is over. In all, {participants} took part."),
		form("firstDayEmpty", all(empty, firstDay),
			"오늘 시작했습니다. 아직 참여한 분이 없습니다.",
			"It started today. No one has taken part yet."),
		form("lastDayEmpty", all(empty, lastDay),
			"오늘이 마지막 날인데 아직 참여한 분이 없습니다.",
			"Today is the last day, and no one has taken part yet."),
		form("emptySinceStart", all(empty, func(f findings) bool { return f.day > 1 }),
			"시작한 지 {day}째인데 아직 참여한 분이 없습니다.",
			"It is day {day}, and no one has taken part yet."),
		form("empty", empty,
			"아직 참여한 분이 없습니다.",
			"No one has taken part yet."),
		form("lastDay", all(lastDay, costKnown),
			"오늘이 마지막 날입니다. 지금까지 {participants}이 참여했고, 1명에 {cost} 들었습니다.",
			"Today is the last day. So far, {participants} {have} taken part, at {cost} each."),
		form("lastDayWithoutCost", lastDay,
			"오늘이 마지막 날입니다. 지금까지 {participants}이 참여했습니다.",
			"Today is the last day. So far, {participants} {have} taken part."),
		form("firstDay", firstDay,
			"오늘 시작했습니다. 지금까지 {participants}이 참여했습니다.",
			"It started today. So far, {participants} {have} taken part."),
		form("exposureDelayed", delayed,
			"지금까지 {participants}이 참여했습니다. 노출 집계가 늦어지고 있지만(마지막 {delayedSince}) 광고는 계속 나갑니다.",
			"So far, {participants} {have} taken part. The exposure figures are late (last {delayedSince}), but the ads are still running."),
		form("goalReached", all(yesterday, func(f findings) bool { return f.goal != nil && f.goal.Reached >= f.goal.Target }),
			"어제({weekday}) {yesterday}이 참여했습니다. 지금까지 {reached}으로, 목표 {target}을 채웠습니다.",
			"Yesterday ({weekday}), {yesterday} took part. With {reached} so far, the goal of {target} has been reached."),
		form("goalInReach", all(forecast, func(f findings) bool { return f.goal.Forecast.Low >= f.goal.Target }),
			"어제({weekday}) {yesterday}이 참여했습니다. 이대로면 끝날 때 {forecast}쯤으로, 목표 {target}을 채웁니다.",
			"Yesterday ({weekday}), {yesterday} took part. At this pace it will end with about {forecast}, which reaches the goal of {target}."),
		form("goalBehind", all(forecast, func(f findings) bool { return f.goal.Forecast.High < f.goal.Target }),
			"어제({weekday}) {yesterday}이 참여했습니다. 이대로면 끝날 때 {forecast}쯤으로, 목표 {target}에 {gap} 모자랍니다.",
			"Yesterday ({weekday}), {yesterday} took part. At this pace it will end with about {forecast}, {gap} short of the goal of {target}."),
		form("similar", all(similar, costKnown),
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}과 비슷하고, 지금까지 1명에 {cost} 들었습니다.",
			"Yesterday ({weekday}), {yesterday} took part, about as many as the {weekdayLong} before ({before}). So far, each participant has cost {cost}."),
		form("similarWithoutCost", similar,
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}과 비슷합니다.",
			"Yesterday ({weekday}), {yesterday} took part, about as many as the {weekdayLong} before ({before})."),
		form("more", all(more, costKnown),
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}보다 {difference} 많고, 지금까지 1명에 {cost} 들었습니다.",
			"Yesterday ({weekday}), {yesterday} took part, {difference} more than the {weekdayLong} before ({before}). So far, each participant has cost {cost}."),
		form("moreWithoutCost", more,
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}보다 {difference} 많습니다.",
			"Yesterday ({weekday}), {yesterday} took part, {difference} more than the {weekdayLong} before ({before})."),
		form("fewer", all(compared, costKnown),
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}보다 {difference} 적고, 지금까지 1명에 {cost} 들었습니다.",
			"Yesterday ({weekday}), {yesterday} took part, {difference} fewer than the {weekdayLong} before ({before}). So far, each participant has cost {cost}."),
		form("fewerWithoutCost", compared,
			"어제({weekday}) {yesterday}이 참여했습니다. 지난 {weekdayLong} {before}보다 {difference} 적습니다.",
			"Yesterday ({weekday}), {yesterday} took part, {difference} fewer than the {weekdayLong} before ({before})."),
		form("yesterday", all(yesterday, costKnown),
			"어제({weekday}) {yesterday}이 참여했습니다. 지금까지 모두 {participants}이고, 1명에 {cost} 들었습니다.",
			"Yesterday ({weekday}), {yesterday} took part. That makes {participants} so far, at {cost} each."),
		form("yesterdayWithoutCost", yesterday,
			"어제({weekday}) {yesterday}이 참여했습니다. 지금까지 모두 {participants}입니다.",
			"Yesterday ({weekday}), {yesterday} took part. That makes {participants} so far."),
		form("yesterdayEmpty", func(f findings) bool { return f.yesterday != nil },
			"어제({weekday})는 참여한 분이 없었습니다. 지금까지 모두 {participants}입니다.",
			"No one took part yesterday ({weekday}). So far, {participants} {have} taken part."),
		form("total", all(),
			"지금까지 {participants}이 참여했습니다.",
			"So far, {participants} {have} taken part."),
	}
}

// all returns the condition that holds where all of these do.
func all(conditions ...func(findings) bool) func(findings) bool {
	return func(f findings) bool {
		for _, holds := range conditions {
			if !holds(f) {
				return false
			}
		}
		return true
	}
}

func abs(n int64) int64 {
	return max(n, -n)
}
