package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jangbu/events"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// scriptBury makes a data directory whose log has dead letters: bury DIR (ID TOPIC FILE REASON)...
// What is in the file is sealed as the value of the record.
func scriptBury(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || (len(args)-1)%4 != 0 {
		ts.Fatalf("usage: bury DIR (ID TOPIC FILE REASON)...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ctx := context.Background()
	log, err := sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Options{})
	ts.Check(err)
	keys, err := sqlitelog.OpenKeys(ctx, filepath.Join(dir, "keys.db"))
	ts.Check(err)
	master, err := privacy.CreateMasterKey(filepath.Join(dir, "master.key"))
	if errors.Is(err, os.ErrExist) {
		master, err = privacy.LoadMasterKey(filepath.Join(dir, "master.key"))
	}
	ts.Check(err)
	keeper, err := privacy.Open(ctx, keys, master)
	ts.Check(err)
	for i, rest := 0, args[1:]; len(rest) > 0; i, rest = i+1, rest[4:] {
		id, err := events.ParseID(rest[0])
		ts.Check(err)
		record := events.Record{
			Topic: rest[1], Partition: 3, Offset: int64(i), Value: []byte(ts.ReadFile(rest[2])),
			Headers:   []events.Header{{Key: "ce_id", Value: []byte("1")}}, // of one ID, two contents are a conflict
			Timestamp: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		}
		_, sealed, err := keeper.Seal(record)
		ts.Check(err)
		ts.Check(log.DeadLetters().Bury(ctx, []events.DeadLetter{{
			ID: id, Topic: record.Topic, Partition: record.Partition, Offset: record.Offset, Timestamp: record.Timestamp,
			Reason: events.Reason(rest[3]), Detail: "as it was then", Sealed: sealed,
		}}))
	}
	ts.Check(errors.Join(keys.Close(), log.Close()))
}

// scriptEarlier adds to a log what an earlier release stored beside its events: earlier DIR DETAIL.
// It is a dead letter that says the detail, and a record of one who looked for a person.
func scriptEarlier(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: earlier DIR DETAIL")
	}
	ctx := context.Background()
	log, err := sqlitelog.Open(ctx, filepath.Join(ts.MkAbs(args[0]), "log.db"), sqlitelog.Options{})
	ts.Check(err)
	ts.Check(log.DeadLetters().Bury(ctx, []events.DeadLetter{{
		ID: events.ID{1}, Topic: "t", Timestamp: time.UnixMicro(1).UTC(), Reason: events.ReasonMalformed, Detail: args[1], Sealed: []byte{1},
	}}))
	ts.Check(log.Accesses().Add(ctx, events.Access{Command: "privacy erase", Subject: `a person in campaign "010-1234-5678"`, Who: "kim", Why: "asked"}))
	ts.Check(log.Close())
}
