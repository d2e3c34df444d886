//go:build gauntlet && linux

package gauntlet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// operations are what operators do, by name. Each is done by commands, as an operator does it.
var operations = map[string]func(context.Context, *world, *rand.Rand) error{
	OperationRebuild: run("projections", "rebuild", "--all", "--why", "gauntlet"),
	OperationReset: func(ctx context.Context, w *world, random *rand.Rand) error {
		_, _, err := w.command(ctx, "projections", "reset", "--all", "--campaign", campaignOf(random), "--why", "gauntlet")
		return err
	},
	OperationRollback: func(ctx context.Context, w *world, random *rand.Rand) error {
		// A rebuild before it: a standby that was promoted may lack the last one, which stays done.
		if err := run("projections", "rebuild", "--all", "--why", "gauntlet")(ctx, w, random); err != nil {
			return err
		}
		return run("projections", "rollback", "--all", "--why", "gauntlet")(ctx, w, random)
	},
	OperationPause: func(ctx context.Context, w *world, _ *rand.Rand) error {
		_, _, err := w.command(ctx, "projections", "pause", "--all", "--why", "gauntlet")
		pass(ctx, time.Second)
		for again := range 10 { // they must go on
			if _, _, failed := w.command(context.WithoutCancel(ctx), "projections", "resume", "--all", "--why", "gauntlet"); failed == nil {
				return err
			} else if again == 9 {
				return failed
			}
		}
		return err
	},
	OperationWithdraw: func(ctx context.Context, w *world, random *rand.Rand) error {
		position, err := w.registration(ctx, random)
		if err == nil {
			_, _, err = w.command(ctx, "events", "withdraw", position, "--why", "gauntlet")
		}
		return err
	},
	OperationUndo: func(ctx context.Context, w *world, random *rand.Rand) error {
		position, err := w.registration(ctx, random)
		if err != nil {
			return err
		}
		var done struct {
			Withdrawals []struct{ Position int64 }
		}
		if err := w.query(ctx, &done, "events", "withdraw", position, "--why", "gauntlet"); err != nil {
			return err
		}
		_, _, err = w.command(ctx, "events", "withdraw", strconv.FormatInt(done.Withdrawals[0].Position, 10), "--undo", "--why", "gauntlet")
		return err
	},
	OperationErase: func(ctx context.Context, w *world, random *rand.Rand) error {
		position, err := w.registration(ctx, random)
		if err != nil {
			return err
		}
		var of struct{ Event registration }
		if err := w.query(ctx, &of, "events", "show", position); err != nil {
			return err
		}
		_, _, err = w.command(ctx, "privacy", "erase", "--campaign", of.Event.Campaign, "--participant", of.Event.Participant, "--why", "gauntlet", "--yes")
		return err
	},
	OperationMove: func(ctx context.Context, w *world, random *rand.Rand) error {
		campaign := fmt.Sprintf("evt-%02d", 40-1-random.IntN(Moved))
		_, _, err := w.command(ctx, "campaigns", "move", "--campaign", campaign, "--shop", fmt.Sprintf("moved-%d", random.IntN(1000)), "--why", "gauntlet")
		return err
	},
	OperationExport: func(ctx context.Context, w *world, random *rand.Rand) error {
		file := filepath.Join(*recorded, fmt.Sprintf("export-%d.jsonl.zst", random.Int()))
		defer func() {
			for _, ending := range []string{"", ".manifest.json", ".partial"} {
				_ = os.Remove(file + ending)
			}
		}()
		_, _, err := w.command(ctx, "events", "export", file, "--why", "gauntlet")
		return err
	},
	OperationBackup: func(ctx context.Context, w *world, random *rand.Rand) error {
		dir := filepath.Join(*recorded, fmt.Sprintf("backup-%d", random.Int()))
		defer func() { _ = os.RemoveAll(dir) }()
		copied, restored := filepath.Join(dir, "copied"), filepath.Join(dir, "restored")
		if _, _, err := w.command(ctx, "backup", copied, "--why", "gauntlet"); err != nil {
			return err
		}
		_, code, err := w.command(ctx, "restore", copied, "--log-url", "sqlite://"+filepath.Join(restored, "log.db"), "--data-dir", restored)
		return w.accuse(code, err)
	},
	OperationVerify: run("verify"),
	OperationReplay: run("replay", "--campaign", "evt-00", "--json"),
	OperationRetry: func(ctx context.Context, w *world, _ *rand.Rand) error {
		_, code, err := w.command(ctx, "deadletters", "retry", "--all", "--why", "gauntlet")
		if code == 4 { // letters stay, as they must: they break their contracts
			return nil
		}
		return err
	},
	OperationDiscard: run("deadletters", "discard", "--reason", "conflict", "--why", "gauntlet", "--yes"),
}

func run(args ...string) func(context.Context, *world, *rand.Rand) error {
	return func(ctx context.Context, w *world, _ *rand.Rand) error {
		_, code, err := w.command(ctx, args...)
		return w.accuse(code, err)
	}
}

// accuse records that a command found what is stored or served to be wrong.
func (w *world) accuse(code int, err error) error {
	if code == 4 {
		w.recorder.Add(time.Now(), Line{Kind: kindEnded, Target: "a check", Error: err.Error()})
	}
	return err
}

func campaignOf(random *rand.Rand) string { return fmt.Sprintf("evt-%02d", random.IntN(40)) }

// registration returns the position of a registration.
func (w *world) registration(ctx context.Context, random *rand.Rand) (position string, err error) {
	head := w.head(ctx)
	if head == 0 {
		return "", fmt.Errorf("no process tells the head")
	}
	for range 20 {
		position := strconv.FormatInt(1+random.Int64N(head), 10)
		var of struct {
			Type  string
			Event registration
		}
		if err := w.query(ctx, &of, "events", "show", position); err != nil {
			return "", err
		}
		if of.Type == "ParticipantRegistered" && of.Event.Participant != "" {
			return position, nil
		}
	}
	return "", fmt.Errorf("no registration was found")
}

// operate does one operation after the other, those first that have succeeded least.
func (w *world) operate(ctx context.Context, _ *testing.T, random *rand.Rand) {
	type attempts struct{ succeeded, failed int }
	done := map[string]attempts{}
	for pass(ctx, between(random, 500*time.Millisecond, 3*time.Second)) {
		names := slices.Sorted(maps.Keys(operations))
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		name := slices.MinFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(done[a].succeeded, done[b].succeeded), cmp.Compare(done[a].failed, done[b].failed))
		})
		begun := time.Now()
		err := operations[name](ctx, w, random)
		line := Line{Kind: kindOperation, Name: name, Took: time.Since(begun).Seconds()}
		count := done[name]
		if err != nil {
			line.Error = err.Error()
			count.failed++
		} else {
			count.succeeded++
		}
		done[name] = count
		if ctx.Err() == nil || err == nil {
			w.recorder.Add(begun, line)
		}
	}
}
