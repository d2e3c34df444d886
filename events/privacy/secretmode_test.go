package privacy_test

import (
	"fmt"
	"io/fs"
	"testing"

	"jangbu/events/privacy"
)

// TestSecretsAreTheOwnersOnly: a group may read a file with a secret only where it is root's, and
// the group is that of the process.
func TestSecretsAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode            fs.FileMode
		ofRoot, ofGroup bool
		want            bool
	}{
		{0o600, false, false, true},
		{0o400, true, false, true},
		{0o440, true, true, true},
		{0o640, true, true, true},
		{0o440, true, false, false},
		{0o440, false, true, false},
		{0o660, true, true, false},
		{0o450, true, true, false},
		{0o444, true, true, false},
		{0o604, true, true, false},
	} {
		t.Run(fmt.Sprintf("%04o of root %v, of the group %v", c.mode, c.ofRoot, c.ofGroup), func(t *testing.T) {
			t.Parallel()
			if got := privacy.Own(c.mode, c.ofRoot, c.ofGroup); got != c.want {
				t.Errorf("only the owner reads it: %v, want %v", got, c.want)
			}
		})
	}
}
