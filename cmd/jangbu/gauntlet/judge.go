package gauntlet

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds says what a run must hold and show.
type Bounds struct {
	Stall      time.Duration  // longest time without a new event while records come
	All        bool           // also while a fault stops everything
	Late       time.Duration  // longest time between a record and its event
	Progress   time.Duration  // within which all else goes on while one fault stays
	Faults     map[string]int // how often each fault must have fired
	Operations map[string]int // how often each operation must have succeeded
	Last       []string       // faults that must have stayed, one at a time
}

// Verdict is what the judge found in a run.
type Verdict struct {
	Problems []string // none: the run passed
	Page     string   // what happened, for people
}

// shown is how many problems of one kind are listed.
const shown = 5

// Judge judges the run in a directory. It fails only where the directory can't be read.
func Judge(dir string, b Bounds) (Verdict, error) {
	j := &judge{bounds: b, faults: map[string]int{}, done: map[string]int{}, failed: map[string]int{}, kinds: map[string]int{}}
	err := j.all(dir)
	return j.verdict(), err
}

type judge struct {
	bounds   Bounds
	problems []string
	kinds    map[string]int // problems by kind
	page     []string

	faults, done, failed map[string]int
	stopped              []span // when a fault stopped everything
	turns                []span // when the log or the rows went back
}

// span is a stretch of a run, in seconds since its start.
type span struct{ from, to float64 }

func (s span) within(at float64) bool { return at >= s.from && at <= s.to }

// problem notes a problem of a kind; the first few of a kind are listed.
func (j *judge) problem(kind, format string, args ...any) {
	j.kinds[kind]++
	if j.kinds[kind] <= shown {
		j.problems = append(j.problems, kind+": "+fmt.Sprintf(format, args...))
	}
}

func (j *judge) say(format string, args ...any) {
	j.page = append(j.page, fmt.Sprintf(format, args...))
}

func (j *judge) verdict() Verdict {
	for _, kind := range slices.Sorted(maps.Keys(j.kinds)) {
		if n := j.kinds[kind]; n > shown {
			j.problems = append(j.problems, fmt.Sprintf("%s: %d in all", kind, n))
		}
	}
	return Verdict{Problems: j.problems, Page: strings.Join(j.page, "\n") + "\n"}
}

func (j *judge) all(dir string) error {
	if err := j.happened(dir); err != nil {
		return err
	}
	sent, err := readProduced(dir)
	if err != nil {
		return err
	}
	log, err := j.readLog(dir)
	if err != nil {
		return err
	}
	letters, err := j.readLetters(dir)
	if err != nil {
		return err
	}
	j.sets(sent, log, letters)
	j.order(log)
	if err := j.totals(dir, log, letters); err != nil {
		return err
	}
	return j.answers(dir, expected(sent, log))
}

// source is a record's place.
type source struct {
	topic     string
	partition int32
	offset    int64
}

// readProduced returns the records of the topics by partition, in the order of offsets.
func readProduced(dir string) (sent []Produced, err error) {
	err = readLines(dir, topicsFile, func(p Produced) { sent = append(sent, p) })
	slices.SortStableFunc(sent, func(a, b Produced) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return sent, err
}

// identity returns what makes the record's event one of its own: by the natural key of its type.
func (p Produced) identity() string {
	var key struct {
		Campaign    string `json:"eventId"`
		Participant string `json:"participantId"`
		Channel     string `json:"channel"`
		Completed   string `json:"completedAt"`
		Fetched     string `json:"fetchedAt"`
	}
	_ = json.Unmarshal(p.Value, &key) // a record that breaks its contract is asked for no identity
	switch p.Topic {
	case topicCreated:
		return fmt.Sprintf("%s %d %s", p.Topic, p.Millis, p.Value)
	case topicRegistered:
		return p.Topic + " " + key.Campaign + " " + key.Participant
	case topicDistributed:
		return p.Topic + " " + key.Campaign + " " + key.Completed
	default:
		return p.Topic + " " + key.Campaign + " " + key.Channel + " " + key.Fetched
	}
}

// logged is an event of the log.
type logged struct {
	Position  int64           `json:"position"`
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Type      string          `json:"type"`
	Campaign  string          `json:"campaign"`
	Recorded  time.Time       `json:"recordedAt"`
	Event     json.RawMessage `json:"event"`
}

func (j *judge) readLog(dir string) (log []logged, err error) {
	err = readLines(dir, logFile, func(e logged) {
		if want := int64(len(log) + 1); e.Position != want {
			j.problem("positions", "%d stands where %d is due", e.Position, want)
		}
		log = append(log, e)
	})
	return log, err
}

func (j *judge) readLetters(dir string) (letters map[source]bool, err error) {
	letters = map[source]bool{}
	err = readLines(dir, lettersFile, func(p Produced) {
		at := source{p.Topic, p.Partition, p.Offset}
		if letters[at] {
			j.problem("doubled", "two dead letters of %v", at)
		}
		letters[at] = true
	})
	return letters, err
}

// sets compares what was produced with what became of it (I1, I4, I5).
func (j *judge) sets(sent []Produced, log []logged, letters map[source]bool) {
	became := map[source]int64{} // position
	for _, e := range log {
		at := source{e.Topic, e.Partition, e.Offset}
		if e.Topic == "" {
			if !own(e) {
				j.problem("origins", "position %d comes from no record", e.Position)
			}
			continue
		}
		if before := became[at]; before != 0 {
			j.problem("doubled", "%v is at the positions %d and %d", at, before, e.Position)
		}
		became[at] = e.Position
	}
	count := map[string]int{}
	known := map[string]source{}
	recorded := map[source]time.Time{}
	for _, e := range log {
		recorded[source{e.Topic, e.Partition, e.Offset}] = e.Recorded
	}
	var latest time.Duration
	since := arrivals{}
	for _, p := range sent {
		at := source{p.Topic, p.Partition, p.Offset}
		position := became[at]
		delete(became, at)
		switch id := p.identity(); {
		case p.Expect == expectNone:
			j.problem("aborted", "%v is read as committed", at)
		case p.Expect == expectLetter:
			count["dead letters"]++
			if !letters[at] {
				j.problem("lost", "%v has no dead letter", at)
			}
			if position != 0 {
				j.problem("wrongly taken", "%v, which breaks its contract, is at position %d", at, position)
			}
			delete(letters, at)
		case known[id] != source{}:
			count["duplicates"]++
			if position != 0 {
				j.problem("doubled", "%v is at position %d, and a duplicate of %v", at, position, known[id])
			}
		default:
			count["events"]++
			known[id] = at
			if position == 0 {
				j.problem("lost", "%v is at no position: %.120s", at, p.Value)
				continue
			}
			took := recorded[at].Sub(since.at(p, recorded[at]))
			latest = max(latest, took)
			if j.bounds.Late > 0 && took > j.bounds.Late {
				j.problem("late", "%v became an event after %v", at, took.Round(time.Second))
			}
		}
	}
	for at, position := range became {
		j.problem("invented", "position %d comes from %v, which no consumer of committed records reads", position, at)
	}
	for at := range letters {
		j.problem("refused", "%v, a good record, is a dead letter", at)
	}
	j.say("late      %v from a record to its event at the longest", latest.Round(100*time.Millisecond))
	j.say("records   %d in the topics: %d events, %d duplicates, %d dead letters; %d events of operators", len(sent), count["events"], count["duplicates"],
		count["dead letters"], len(log)-count["events"])
}

// own reports whether the event is one that operators make.
func own(e logged) bool { return e.Type == "EventsWithdrawn" || e.Type == "EventCreated" }

// order checks that the records of a partition are in the order of their offsets (I3).
func (j *judge) order(log []logged) {
	last := map[source]int64{}
	for _, e := range log {
		if e.Topic == "" {
			continue
		}
		of := source{topic: e.Topic, partition: e.Partition}
		if before, ok := last[of]; ok && e.Offset <= before {
			j.problem("order", "position %d: offset %d of %s/%d after %d", e.Position, e.Offset, e.Topic, e.Partition, before)
		}
		last[of] = e.Offset
	}
}

// totals compares the log's own counts (I5).
func (j *judge) totals(dir string, log []logged, letters map[source]bool) error {
	return readLines(dir, totalsFile, func(of map[string]int64) {
		head, received, duplicates, dead := of["jangbu_log_head"], of["jangbu_log_received_total"], of["jangbu_log_duplicates_total"], of["jangbu_log_dead_letters"]
		if head != int64(len(log)) {
			j.problem("totals", "the head is %d, the log has %d events", head, len(log))
		}
		if received != head+duplicates+dead {
			j.problem("totals", "received %d, appended %d, duplicates %d, dead letters %d", received, head, duplicates, dead)
		}
	})
}

// happened reads what happened and compares it with the bounds.
func (j *judge) happened(dir string) error {
	var lines []Line
	if err := readLines(dir, linesFile, func(l Line) { lines = append(lines, l) }); err != nil {
		return err
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	if len(lines) == 0 {
		return errors.New("the run has no line")
	}
	for _, l := range lines {
		switch l.Kind {
		case kindFault:
			j.faults[l.Name]++
			if StopsAll(l.Name) && !j.bounds.All {
				j.stopped = append(j.stopped, span{l.At, l.At + l.Took})
			}
			if loses(l.Name) {
				j.turns = append(j.turns, span{l.At, l.At + l.Took + healing.Seconds()})
			}
		case kindOperation:
			if l.Error == "" {
				j.done[l.Name]++
			} else {
				j.failed[l.Name]++
			}
		case kindEnded:
			j.problem("ended", "%s at %.1f s: %s", l.Target, l.At, l.Error)
		case kindProgress:
			if l.Error != "" || l.Took > j.bounds.Progress.Seconds() {
				j.problem("stuck", "while %s stays: after %.1f s: %s", l.Name, l.Took, cmp.Or(l.Error, "too late"))
			}
		}
	}
	j.expect("fault", j.faults, j.bounds.Faults)
	j.expect("operation", j.done, j.bounds.Operations)
	for _, name := range j.bounds.Last {
		if !slices.ContainsFunc(lines, func(l Line) bool { return l.Kind == kindProgress && l.Name == name }) {
			j.problem("missing", "no progress was asked for while %s stays", name)
		}
	}
	j.say("faults    %s", counted(j.faults))
	j.say("done      %s", counted(j.done))
	if len(j.failed) > 0 {
		j.say("failed    %s: under a fault, and done again", counted(j.failed))
	}
	for _, l := range lines {
		if l.Kind == kindProgress {
			j.say("stays     %s: all else went on within %.1f s", l.Name, l.Took)
		}
	}
	j.reads(lines)
	j.stall(lines)
	return nil
}

// expect notes what occurred less often than it must.
func (j *judge) expect(what string, got, want map[string]int) {
	for _, name := range lacking(got, want) {
		j.problem("missing", "%s %s: %d of %d", what, name, got[name], want[name])
	}
}

func counted(of map[string]int) string {
	texts := make([]string, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(texts, ", ")
}

const (
	// healing is how long after they went back an answer may be of the time before, and of what
	// is folded again.
	healing = 10 * time.Second
	// behind is how old an answer may be, and a process that was frozen takes to notice it (I9).
	behind = 2 * time.Second
)

// reads checks that what one process answers of a campaign never goes back, and that no process
// answers what is older than what another one answered some time before (I9), but where the log
// or the rows went back.
func (j *judge) reads(lines []Line) {
	type answer struct {
		at       float64 // when it had come
		position int64
	}
	newest := map[[2]string]answer{} // by process and campaign
	recent := map[string][]answer{}  // by campaign: those that were not due to be known everywhere
	known := map[string]answer{}     // by campaign: the newest that were
	var answers, refused int
	for _, l := range lines {
		switch l.Kind {
		case kindRefused:
			refused++
			continue
		case kindRead:
			answers++
		default:
			continue
		}
		of := [2]string{l.Target, l.Name}
		if before := newest[of]; l.N < before.position && !j.turned(before.at, l.At) {
			j.problem("read back", "%s answers %d of %s by %.2f s, and %d at %.2f s", l.Target, before.position, l.Name, before.at, l.N, l.At)
		}
		newest[of] = answer{l.At + l.Took, l.N}
		recent[l.Name] = slices.DeleteFunc(recent[l.Name], func(a answer) bool {
			due := a.at < l.At-behind.Seconds()
			if due && (a.position > known[l.Name].position || j.turned(known[l.Name].at, a.at)) {
				known[l.Name] = a
			}
			return due
		})
		if before := known[l.Name]; l.N < before.position && !j.turned(before.at, l.At) {
			j.problem("stale", "%s answers %d of %s at %.2f s; %d had been answered by %.2f s", l.Target, l.N, l.Name, l.At, before.position, before.at)
		}
		recent[l.Name] = append(recent[l.Name], answer{l.At + l.Took, l.N})
	}
	if answers == 0 {
		j.problem("missing", "no read was answered")
	}
	j.say("reads     %d answered, %d not", answers, refused)
}

// turned reports whether they went back between two moments, or shortly before the second.
func (j *judge) turned(from, to float64) bool {
	return slices.ContainsFunc(j.turns, func(s span) bool { return s.from <= to && from <= s.to })
}

// stall finds the longest time in which the log got no new event though the producer went on, and
// no fault stopped everything.
func (j *judge) stall(lines []Line) {
	var longest, at, last, first float64
	var head, produced int64
	for _, l := range lines {
		switch l.Kind {
		case kindProduced:
			produced = l.N
			if first == 0 {
				first = l.At
			}
			continue
		case kindHead:
		default:
			continue
		}
		if slices.ContainsFunc(j.stopped, func(s span) bool { return s.within(l.At) }) || l.N != head || first == 0 {
			head, last = l.N, l.At
		} else if l.At-last > longest {
			longest, at = l.At-last, last
		}
	}
	if j.bounds.Stall > 0 && longest > j.bounds.Stall.Seconds() {
		j.problem("stall", "%.1f s without a new event from %.1f s on", longest, at)
	}
	j.say("stall     %.1f s at the longest, from %.1f s on; %d records acknowledged", longest, at, produced)
}

// arrivals are the latest times of the records of each partition so far, topics and partitions being
// sources without an offset.
type arrivals map[source]time.Time

// at returns since when a record has been in its topic, at the latest: its own time, or that of one
// before it in its partition. The time of a record that the program sends is that of its clock,
// which may have been stepped; one after the record was in the log is no time.
func (a arrivals) at(p Produced, recorded time.Time) time.Time {
	of, own := source{topic: p.Topic, partition: p.Partition}, time.UnixMilli(p.Millis)
	if own.After(a[of]) && !own.After(recorded) {
		a[of] = own
	}
	if a[of].After(own) {
		return a[of]
	}
	return own
}
