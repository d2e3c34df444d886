package cli

import (
	"fmt"
	"slices"
	"strings"
)

// Problems collects the flags and arguments that are wrong.
type Problems []string

// Add notes that a flag is wrong; the text says what was expected.
func (p *Problems) Add(flag, format string, args ...any) {
	*p = append(*p, "--"+flag+": "+fmt.Sprintf(format, args...))
}

// AddArgument notes that an argument, which has no flag, is wrong.
func (p *Problems) AddArgument(name, format string, args ...any) {
	*p = append(*p, "<"+name+">: "+fmt.Sprintf(format, args...))
}

// Err returns one [ErrUsage] that names all of them; nil without any.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.Sort(p)
	return fmt.Errorf("%w: %s", ErrUsage, strings.Join(p, "; "))
}
