package cli

import (
	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/muesli/roff"
)

// ShellCommands print what a shell or man reads. They are made of the commands and flags that
// there are.
type ShellCommands struct {
	Completion completionCommand `cmd:"" help:"Print what completes commands and flags in a shell."`
	Man        manCommand        `cmd:"" help:"Print the manual page, for man."`
}

type completionCommand struct{ kongcompletion.Completion }

// Help implements kong's detailed help.
func (completionCommand) Help() string {
	return `Without --code it says which line to put where. Without a shell it is the one that
the user logs in with.

Examples:

    jangbu completion bash
    source <(jangbu completion --code bash)
    jangbu completion --code fish | source`
}

type manCommand struct{}

// Help implements kong's detailed help.
func (manCommand) Help() string {
	return `Examples:

    jangbu man | man -l -
    jangbu man > /usr/local/share/man/man1/jangbu.1`
}

// Run prints it, without what only --help says: it has no form on the page.
func (manCommand) Run(app *kong.Kong, t Terminal) error {
	for _, command := range app.Model.Leaves(true) {
		command.Detail = ""
	}
	t.Printf("%s", mangokong.NewManPage(1, app.Model).Build(roff.NewDocument()))
	return nil
}

// inFull returns the arguments in place of those that other programs take for help and version.
func inFull(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}
