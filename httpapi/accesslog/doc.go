// Package accesslog writes a line for each request to the read API, and for the begin and
// the end of each stream: JSON, as log/slog writes it. It owns the form of the line, the
// queue before the disk, and the file.
//
//	{"time":"2026-11-23T10:00:00.123+09:00","level":"INFO","msg":"request","client":"203.0.113.7",
//	 "method":"GET","route":"getAnalytics","status":200,"bytes":5120,"durationMs":0.412,
//	 "subject":"kim","role":"owner","campaign":"evt-1","shop":"store-1"}
//
// # Invariants
//
//   - I10: a line holds no token, no query and no id of what was not found: nothing that
//     a client could put personal data in. In a subject and in the id of what was shown,
//     three asterisks stand for a mail address or a number of a person.
//   - I14: at most [MaxQueued] lines wait in memory.
//
// # Failures
//
// A request never waits for the log. Where the disk is too slow, or full, lines are dropped:
// they are counted, the log of the service says when that begins and ends, and once lines can
// be written again, one of level WARN says how many are missing before it. A file that has
// been moved away is opened anew within a second of writing, and one that was truncated is
// gone on with. What is queued when the log is closed is written, for at most 2 s.
package accesslog
