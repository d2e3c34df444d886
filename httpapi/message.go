package httpapi

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"
)

// streamWrite is how long a client may take to read a message.
const streamWrite = 10 * time.Second

// message is a server-sent event, encoded once for all streams that send it. It does not
// change once made.
type message struct {
	plain []byte
	// zipped returns the message as deflate blocks that refer to nothing before them and
	// end on a byte, so that any stream may hold them.
	zipped func() []byte
}

// deflaters makes the deflate blocks of messages. A deflater of its own for each stream would
// take a megabyte. It is safe for concurrent use.
type deflaters struct{ free sync.Pool } // of *flate.Writer

// message encodes a message.
func (d *deflaters) message(m *sse.Message) *message {
	var plain bytes.Buffer
	_, _ = m.WriteTo(&plain) // a buffer never fails
	text := plain.Bytes()
	return &message{plain: text, zipped: sync.OnceValue(func() []byte {
		var blocks bytes.Buffer
		w, ok := d.free.Get().(*flate.Writer)
		if !ok {
			w, _ = flate.NewWriter(nil, flate.DefaultCompression) // the level is valid
		}
		w.Reset(&blocks)
		_, _ = w.Write(text)
		_ = w.Flush()
		d.free.Put(w)
		return blocks.Bytes()
	})}
}

// sender sends messages to one client. It belongs to the request's goroutine.
type sender struct {
	w       io.Writer
	control *http.ResponseController
	zip     bool
	begun   bool
	sum     uint32 // of the text of a compressed stream
	length  uint32 // of that text
}

// gzipHeader begins a gzip stream (RFC 1952) without a name and a time.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// send sends messages at once.
func (s *sender) send(messages ...*message) error {
	if len(messages) == 0 {
		return nil
	}
	// The server's own deadline is for a whole response.
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if s.zip && !s.begun {
		s.begun = true
		if _, err := io.WriteString(s.w, gzipHeader); err != nil {
			return err
		}
	}
	for _, m := range messages {
		text := m.plain
		if s.zip {
			s.sum = crc32.Update(s.sum, crc32.IEEETable, text)
			s.length += uint32(len(text)) // modulo 2^32, as the trailer wants it
			text = m.zipped()
		}
		if _, err := s.w.Write(text); err != nil {
			return err
		}
	}
	return s.control.Flush()
}

// end ends a stream whose client is still there.
func (s *sender) end() {
	if !s.begun {
		return
	}
	// An empty last block, the sum and the length.
	trailer := binary.LittleEndian.AppendUint32([]byte{0x03, 0x00}, s.sum)
	_, _ = s.w.Write(binary.LittleEndian.AppendUint32(trailer, s.length)) // the client may have left
}
