package synthetic

import "math/rand/v2"

// dimension is a property of a participant, with the frequency of each value.
type dimension struct {
	values  []string // the first is "", where the producer sends none
	weights []uint32 // same length
	sum     uint32
}

func newDimension(absent uint32, values []string, weights []uint32) dimension {
	d := dimension{values: append([]string{""}, values...), weights: append([]uint32{absent}, weights...)}
	for _, w := range d.weights {
		d.sum += w
	}
	return d
}

func (d *dimension) draw(rng *rand.Rand) int {
	n := rng.Uint32N(d.sum)
	for i, w := range d.weights {
		if n < w {
			return i
		}
		n -= w
	}
	return 0
}

// The dimensions of a participant.
const (
	dimGender = iota
	dimAgeGroup
	dimRegion
	dimChannel
	dimCustomer
	dimensions
)

// people returns the dimensions of participants: regions by population, ages by who takes
// part in such campaigns.
func people() *[dimensions]dimension {
	return &[dimensions]dimension{
		dimGender:   newDimension(4, []string{"female", "male"}, []uint32{56, 40}),
		dimAgeGroup: newDimension(3, []string{"10s", "20s", "30s", "40s", "50s", "60s"}, []uint32{6, 29, 27, 19, 11, 5}),
		dimRegion: newDimension(30,
			[]string{
				"서울", "경기", "부산", "경남", "인천", "경북", "대구", "충남", "전남", "전북", "충북", "강원", "대전", "광주", "울산", "제주", "세종",
			},
			[]uint32{184, 265, 64, 63, 58, 49, 46, 42, 35, 34, 31, 30, 28, 28, 21, 13, 8}),
		dimChannel:  newDimension(10, []string{"instagram", "naver", "kakao", "wooridongnetv", "genietv", "offline"}, []uint32{30, 22, 20, 8, 6, 4}),
		dimCustomer: newDimension(8, []string{"new", "returning"}, []uint32{52, 40}),
	}
}
