package gauntlet

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// The files of a recorded run, below its directory.
const (
	linesFile    = "run.jsonl"     // a [Line] for each thing that happened
	topicsFile   = "topics.jsonl"  // a [Produced] for each record of the topics, as a consumer of committed records reads them
	logFile      = "log.jsonl"     // the log, as jangbu events export writes it
	lettersFile  = "letters.jsonl" // the dead letters, as jangbu deadletters list writes them
	servedFile   = "served.json"   // the answers of the API by campaign, at the end
	rebuiltFile  = "rebuilt.json"  // the same after a rebuild
	importedFile = "imported.json" // the same of another service, on SQLite, into which the log was imported
	totalsFile   = "totals.json"   // what the log counts, by the names of metrics
)

// The kinds of lines.
const (
	kindStart     = "start"     // Name is the form; N the number of records to produce
	kindFault     = "fault"     // Name, Target; from At for Took
	kindOperation = "operation" // Name; from At for Took; Error if it failed
	kindRead      = "read"      // from At for Took; Target is the process, Name the campaign, N the position
	kindRefused   = "refused"   // a read that had no answer: Target, Name, N the status, 0 without one
	kindHead      = "head"      // N is the position of the last event of the log
	kindProduced  = "produced"  // N is how many records the brokers have acknowledged
	kindEnded     = "ended"     // a process ended by itself: Target, Error
	kindProgress  = "progress"  // Name is the fault that stays; Took until all else had gone on; Error if it did not
)

// Line is a line of the record of a run.
type Line struct {
	At     float64 `json:"at"` // seconds since the start
	Kind   string  `json:"kind"`
	Name   string  `json:"name,omitempty"`
	Target string  `json:"target,omitempty"`
	N      int64   `json:"n,omitempty"`
	Took   float64 `json:"took,omitempty"` // seconds
	Error  string  `json:"error,omitempty"`
}

// Produced is a record of a topic.
type Produced struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Millis    int64  `json:"millis"` // its timestamp
	Value     []byte `json:"value"`
	Expect    string `json:"expect"`
}

// Recorder writes the lines of a run.
type Recorder struct {
	start time.Time
	mu    sync.Mutex
	file  *os.File
	out   *bufio.Writer
	err   error
	seen  map[string]map[string]int // lines without an error, by kind and name
}

// NewRecorder begins a run in a directory.
func NewRecorder(dir string, start time.Time) (*Recorder, error) {
	file, err := os.Create(filepath.Join(dir, linesFile))
	if err != nil {
		return nil, fmt.Errorf("begin the record of a run: %w", err)
	}
	seen := map[string]map[string]int{kindFault: {}, kindOperation: {}}
	return &Recorder{start: start, file: file, out: bufio.NewWriter(file), seen: seen}, nil
}

// Add writes a line of what began at a time, or happened then.
func (r *Recorder) Add(began time.Time, l Line) {
	l.At = began.Sub(r.start).Seconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, json.NewEncoder(r.out).Encode(l))
	if of := r.seen[l.Kind]; of != nil && l.Error == "" {
		of[l.Name]++
	}
}

// Lacks reports whether a fault or an operation has not occurred as often as it must.
func (r *Recorder) Lacks(b Bounds) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(lacking(r.seen[kindFault], b.Faults))+len(lacking(r.seen[kindOperation], b.Operations)) > 0
}

// lacking returns the names, in their order, that occurred less often than they must.
func lacking(got, want map[string]int) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] < want[name] {
			names = append(names, name)
		}
	}
	return names
}

// Close ends the record. It returns the first error of any line.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.out.Flush(), r.file.Close())
}

// readLines calls use with each JSON value of a file of a run.
func readLines[T any](dir, name string, use func(T)) error {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("read a run: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	decoder := json.NewDecoder(bufio.NewReader(file))
	for n := 1; ; n++ {
		var value T
		switch err := decoder.Decode(&value); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read %s, value %d: %w", name, n, err)
		}
		use(value)
	}
}
