package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// Consent is the flag of every command that asks before it erases something, or resets everything.
type Consent struct {
	Yes bool `short:"y" help:"Go on without the question that is asked first. Required where there is no terminal to ask on."`
}

// errNotConfirmed says that the answer was not yes.
var errNotConfirmed = errors.New("not confirmed, nothing was changed")

// Askable returns [ErrUsage] if a question is to be asked and there is no terminal to ask on.
func (c Consent) Askable(t Terminal) error { return c.askable(t, "this asks before it goes on") }

func (c Consent) askable(t Terminal, what string) error {
	if f, ok := t.In.(*os.File); c.Yes || ok && isatty.IsTerminal(f.Fd()) {
		return nil
	}
	return fmt.Errorf("%w: --yes: required where there is no terminal to ask on: %s", ErrUsage, what)
}

// Ask says what will go, and asks whether to go on. It returns nil if the answer is yes, or
// --yes gave it before.
func (c Consent) Ask(ctx context.Context, t Terminal, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if err := c.askable(t, what); err != nil || c.Yes {
		return err
	}
	_, _ = fmt.Fprintf(t.Err, "%s. Go on? Type yes: ", what)
	// If ctx ends first, the goroutine that reads is left behind.
	answers := make(chan string, 1)
	go func() {
		answer, err := bufio.NewReader(t.In).ReadString('\n')
		if err != nil {
			_, _ = fmt.Fprintln(t.Err) // ends the line of the question
		}
		answers <- answer
	}()
	select {
	case answer := <-answers:
		if strings.TrimSpace(answer) == "yes" {
			return nil
		}
		return errNotConfirmed
	case <-ctx.Done():
		_, _ = fmt.Fprintln(t.Err)
		return Interruptible(ctx, ctx.Err(), "nothing was changed")
	}
}
