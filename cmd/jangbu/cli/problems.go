package cli

import (
	"fmt"
	"slices"
	"strings"
)

// Problems are what is wrong with flags.
type Problems []string

// Add notes that a flag is wrong, and what was expected.
func (p *Problems) Add(flag, format string, args ...any) {
	*p = append(*p, "--"+flag+": "+fmt.Sprintf(format, args...))
}

// Err returns one error that names all of them; nil where there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.Sort(p)
	return fmt.Errorf("%w: %s", ErrUsage, strings.Join(p, "; "))
}
