package simulator

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"net/http"
)

// bomb is a gzipped answer that unpacks to a thousand times its size, which is the limit
// of deflate. Its white space is packed once and sent repeatedly, so a bomb takes little
// memory.
type bomb struct {
	head, blank, tail []byte
	blanks            int
}

// blankSize is what the blank of a bomb unpacks to.
const blankSize = 1 << 20

// newBomb returns a bomb around an answer.
func newBomb(body []byte) bomb {
	head, end := split(body)
	white := bytes.Repeat([]byte{' '}, blankSize)
	b := bomb{blanks: (unpacked - len(body)) / blankSize}
	rest := white[:(unpacked-len(body))%blankSize]

	// Each part is packed by itself, so that none refers back into another.
	b.head = append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}, deflate(false, head)...)
	b.blank = deflate(false, white)
	b.tail = deflate(true, rest, end)

	sum := crc32.ChecksumIEEE(head)
	for range b.blanks {
		sum = crc32.Update(sum, crc32.IEEETable, white)
	}
	sum = crc32.Update(sum, crc32.IEEETable, rest)
	sum = crc32.Update(sum, crc32.IEEETable, end)
	b.tail = binary.LittleEndian.AppendUint32(b.tail, sum)
	b.tail = binary.LittleEndian.AppendUint32(b.tail, unpacked)
	return b
}

// deflate packs parts into blocks that end on a whole byte.
func deflate(final bool, parts ...[]byte) []byte {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		panic("simulator: " + err.Error()) // the level is one of flate's own
	}
	for _, part := range parts {
		_, _ = w.Write(part) // a buffer takes everything
	}
	if final {
		_ = w.Close()
	} else {
		_ = w.Flush()
	}
	return packed.Bytes()
}

// respond sends the bomb, whether or not the caller asked for gzip.
func (b bomb) respond(w http.ResponseWriter) {
	w.Header().Set("Content-Encoding", "gzip")
	respond(w, http.StatusOK, b.head)
	for range b.blanks {
		if _, err := w.Write(b.blank); err != nil {
			abort()
		}
	}
	_, _ = w.Write(b.tail)
}
