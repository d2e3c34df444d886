package synthetic

import (
	"time"

	"jangbu/events"
)

// shop is a shop of a [Showcase]: its trade, its customers, and what it offers them.
type shop struct {
	id     events.Shop
	prefix string // of its campaigns' ids
	region string
	near   string // the region where some of its customers live
	// size is how many take part in its campaigns, in percent of the busiest shop.
	size int64
	// hours and days are when they take part: from midnight, and from Sunday.
	hours    [24]int
	days     [7]int
	women    uint32    // percent
	ages     [5]uint32 // from the teens to the fifties
	baseline int64     // sales of a month, in won
	lifetime int64     // value of a new customer, in won
	offers   [stages]offer
}

// offer is a campaign's words.
type offer struct{ title, objective string }

// stage is where a campaign of a [Showcase] is in its life. Each shop has one of each.
type stage int

// The stages, in the order of the shop's campaigns.
const (
	planned stage = iota
	running
	endingToday
	endedWell
	endedBadly
	stages
)

// shops returns the shops of a showcase, the busiest first. Titles are of the season.
func shops(at time.Time) []shop {
	season := []string{"겨울", "봄", "여름", "가을"}[at.Add(7*day).In(seoul()).Month()%12/3]
	const (
		found    = "신규 고객 유치"
		kept     = "단골 고객 재방문"
		tasted   = "신메뉴 홍보"
		reviewed = "온라인 후기 늘리기"
		sold     = "매출 증대"
	)
	return []shop{
		{
			id: "카페온기", prefix: "cafe-ongi", region: "서울", near: "경기", size: 100,
			hours: [24]int{2, 1, 0, 0, 0, 1, 4, 18, 34, 30, 36, 52, 98, 86, 62, 54, 50, 48, 56, 64, 52, 34, 16, 6},
			days:  [7]int{118, 88, 90, 92, 96, 108, 126}, women: 64, ages: [5]uint32{4, 36, 33, 18, 9},
			baseline: 18_000_000, lifetime: 15_000,
			offers: [stages]offer{
				{season + " 신메뉴 시음단 모집", tasted},
				{"스탬프 두 배 적립 이벤트", kept},
				{"친구와 함께 1+1 쿠폰", found},
				{"오픈 3주년 감사 이벤트", found},
				{"텀블러 가져오면 500원 할인", kept},
			},
		},
		{
			id: "골목베이커리", prefix: "golmok-bakery", region: "전북", near: "충남", size: 85,
			hours: [24]int{1, 0, 0, 0, 0, 3, 14, 36, 44, 42, 48, 56, 62, 50, 46, 52, 58, 66, 74, 60, 38, 20, 8, 3},
			days:  [7]int{122, 84, 88, 92, 96, 106, 128}, women: 68, ages: [5]uint32{3, 24, 34, 26, 13},
			baseline: 20_000_000, lifetime: 18_000,
			offers: [stages]offer{
				{season + " 케이크 예약 이벤트", sold},
				{"소금빵 인증샷 이벤트", reviewed},
				{"반값 빵 이틀 특가", found},
				{"우리 동네 빵 투표 이벤트", found},
				{"새벽빵 배달 체험단", tasted},
			},
		},
		{
			id: "엄마손분식", prefix: "eommason-bunsik", region: "부산", near: "경남", size: 80,
			hours: [24]int{2, 1, 0, 0, 0, 0, 2, 6, 10, 16, 30, 64, 92, 58, 46, 66, 82, 84, 90, 70, 46, 26, 12, 5},
			days:  [7]int{84, 98, 102, 104, 104, 110, 96}, women: 58, ages: [5]uint32{21, 34, 22, 16, 7},
			baseline: 14_000_000, lifetime: 12_000,
			offers: [stages]offer{
				{"로제떡볶이 시식단 모집", tasted},
				{"떡볶이 후기 남기기 이벤트", reviewed},
				{"김밥 한 줄 덤 이벤트", found},
				{"개업 1주년 경품 이벤트", found},
				{"단체 주문 할인 이벤트", sold},
			},
		},
		{
			id: "돌담국밥", prefix: "doldam-gukbap", region: "광주", near: "전남", size: 65,
			hours: [24]int{4, 2, 1, 1, 1, 4, 14, 26, 22, 18, 32, 92, 108, 58, 26, 20, 28, 54, 86, 72, 44, 28, 14, 8},
			days:  [7]int{86, 104, 104, 106, 106, 108, 86}, women: 38, ages: [5]uint32{1, 16, 26, 31, 26},
			baseline: 28_000_000, lifetime: 20_000,
			offers: [stages]offer{
				{"수육 무료 시식 이벤트", tasted},
				{"열 그릇 먹으면 한 그릇 이벤트", kept},
				{"든든한 점심 2천 원 할인", found},
				{"개업 5주년 감사 경품 이벤트", found},
				{"포장 주문 할인 이벤트", sold},
			},
		},
		{
			id: "봄날꽃집", prefix: "bomnal-flower", region: "경기", near: "서울", size: 65,
			hours: [24]int{2, 1, 0, 0, 0, 0, 2, 8, 18, 30, 46, 56, 66, 58, 50, 48, 52, 60, 76, 80, 62, 40, 20, 8},
			days:  [7]int{96, 82, 86, 94, 104, 128, 124}, women: 66, ages: [5]uint32{2, 33, 35, 19, 11},
			baseline: 12_000_000, lifetime: 26_000,
			offers: [stages]offer{
				{"기념일 꽃다발 예약 이벤트", sold},
				{"한 송이 꽃 나눔 이벤트", found},
				{season + " 꽃다발 30% 할인", sold},
				{"꽃 사진 공모 경품 이벤트", reviewed},
				{"분갈이 무료 체험", found},
			},
		},
		{
			id: "헤어살롱결", prefix: "salon-gyeol", region: "대구", near: "경북", size: 60,
			hours: [24]int{3, 1, 0, 0, 0, 0, 1, 6, 16, 34, 48, 54, 62, 56, 50, 48, 50, 58, 74, 84, 82, 60, 30, 10},
			days:  [7]int{108, 60, 92, 98, 104, 116, 128}, women: 79, ages: [5]uint32{4, 32, 32, 21, 11},
			baseline: 22_000_000, lifetime: 34_000,
			offers: [stages]offer{
				{"두피 케어 체험단 모집", tasted},
				{"첫 방문 커트 할인", found},
				{"염색·펌 이틀 특가", sold},
				{"후기 쓰고 클리닉 받기", reviewed},
				{"가족 동반 커트 할인", kept},
			},
		},
	}
}

// people returns the dimensions of the participants in a campaign of the shop on outlets.
// newcomers is how many of a hundred are new customers.
func (s *shop) people(outlets []outlet, newcomers uint32) *[dimensions]dimension {
	texts, weights := []string{"현장", "offline", "당근"}, []uint32{90, 10, 18}
	for _, out := range outlets {
		all := spellings(out.channel)
		for i, text := range all {
			texts, weights = append(texts, text), append(weights, out.share)
			if i == 0 {
				weights[len(weights)-1] *= 20 // producers seldom spell otherwise
			}
		}
	}
	return &[dimensions]dimension{
		dimGender:   newDimension(4, []string{"female", "male"}, []uint32{s.women, 100 - s.women}),
		dimAgeGroup: newDimension(3, []string{"10s", "20s", "30s", "40s", "50s"}, s.ages[:]),
		dimRegion:   newDimension(7, []string{s.region, s.near}, []uint32{82, 11}),
		dimChannel:  newDimension(60, texts, weights),
		dimCustomer: newDimension(4, []string{"new", "returning"}, []uint32{newcomers, 96 - newcomers}),
	}
}

// spellings returns how producers write a channel, its name first.
func spellings(c events.Channel) []string {
	switch c {
	case events.WooridongneTV:
		return []string{string(c), "우리동네TV"}
	case events.GenieTV:
		return []string{string(c), "지니TV"}
	case events.Instagram:
		return []string{string(c), "인스타그램", "Instagram"}
	case events.Naver:
		return []string{string(c), "네이버", "naver "}
	case events.Kakao:
		return []string{string(c), "카카오", "KAKAO"}
	default:
		return []string{string(c)}
	}
}
