package main

import (
	"fmt"
	"slices"
	"strings"
)

// problems are what is wrong with flags.
type problems []string

// add notes that a flag is wrong, and what was expected.
func (p *problems) add(flag, format string, args ...any) {
	*p = append(*p, "--"+flag+": "+fmt.Sprintf(format, args...))
}

// err returns one error that names all of them; nil where there are none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.Sort(p)
	return fmt.Errorf("%w: %s", errUsage, strings.Join(p, "; "))
}
