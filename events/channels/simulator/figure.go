package simulator

import (
	"hash/fnv"
	"strconv"
	"time"
)

// figure is one number of an API's answer.
type figure struct {
	// object is the object that has the member; "" is the answer itself.
	object, member string
	// seed distinguishes the figure from all others: channel and figure. It must never
	// change, because the figures of a restarted simulator would shrink.
	seed string
	// usual is the growth for a campaign in an hour.
	usual int64
}

// huge is the value of wrong figures. A client that accepts one shows it.
const huge = 900_000_000_000

// tooLarge is the smallest positive integer that a float64 cannot represent.
const tooLarge = 1<<53 + 1

// at returns the cumulative figure after it has grown for a time: between half and one
// and a half of what is usual for each hour, and for one more.
func (f figure) at(campaign string, grown time.Duration) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(campaign + "\x00" + f.seed))
	perHour := f.usual/2 + int64(h.Sum64()%uint64(f.usual))
	return perHour * int64((max(grown, 0)+time.Hour)/time.Second) / 3600
}

// encode returns an answer. A figure with several values occurs several times.
func encode(figures []figure, values func(i int) []int64) []byte {
	b := []byte{'{'}
	object := ""
	for i, f := range figures {
		if i > 0 && f.object != object {
			b = append(b, '}')
		}
		if i > 0 {
			b = append(b, ',')
		}
		if f.object != object {
			b = append(strconv.AppendQuote(b, f.object), ':', '{')
			object = f.object
		}
		for j, v := range values(i) {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(append(strconv.AppendQuote(b, f.member), ':'), v, 10)
		}
	}
	if object != "" {
		b = append(b, '}')
	}
	return append(b, '}', '\n')
}

// wrong returns an answer of huge figures, except for the first one.
func wrong(figures []figure, first int64) []byte {
	return encode(figures, func(i int) []int64 {
		if i == 0 {
			return []int64{first}
		}
		return []int64{huge}
	})
}

// split cuts an answer where white space may be inserted. All figures are in head, so a
// client that reads a stream gets them.
func split(body []byte) (head, tail []byte) {
	const end = len("}\n")
	return body[:len(body)-end], body[len(body)-end:]
}
